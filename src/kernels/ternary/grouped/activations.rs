//! Some tokens' inputs quantized to int8 for group-scaled weights.

use crate::pool::Pool;

use super::super::super::rounding::{largest_magnitude, scale_to_i8};
use super::super::super::scales::{CodeSet, GroupColumns, GroupScheme};
use super::super::activations::{BATCH_MULTIPLE, FEWEST_OF_BATCH, arrange, batched_of};
use super::super::layout::CHUNK;
use super::super::list::Kernel;
use super::blocks::Blocks;
use super::list::{kernel_of, side_of};
use super::product::GroupedToken;

/// The same as [`FEWEST_OF_BATCH`] with binary weights, which take half the time one by one.
const FEWEST_OF_BINARY_BATCH: usize = 14;
/// Of fewer tokens even 16 take longer as a batch: what is done once for all of its tokens weighs too much.
const FEWEST_BINARY: usize = 24;

/// Which activations share a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationScales {
    /// All of a token, as BitLinear was trained: the step is `max(|x|max, 1e-5) / 127`.
    Token,
    /// Those of a group of columns: for weights that were trained with floats beside them, because the step is then as small
    /// as the group allows.
    Group,
}

/// The inputs `[tokens, cols]` of group-scaled layers, quantized for one kernel: `q = round_half_even(x / step)`.
#[derive(Debug)]
pub struct GroupedActivations {
    kernel: Kernel,
    scheme: GroupScheme,
    tokens: usize,
    cols: usize,
    /// Of each token, and perhaps more that are not used now.
    rows: Vec<Row>,
    /// How many tokens, from the first on, are multiplied together.
    batched: usize,
    /// Their codes column by column, see [`arrange`].
    batch_codes: Vec<i8>,
    /// Their steps, `[groups, batched rounded up]`.
    batch_steps: Vec<f32>,
    /// What the kernel prepared of the other tokens: `[tokens - batched, chunks, prepared_per_chunk]`.
    prepared: Vec<u32>,
}

/// One token.
#[derive(Debug, Default)]
struct Row {
    /// `[cols]`
    x: Vec<f32>,
    /// `[groups, columns]`, zeros behind `cols`.
    q: Vec<i8>,
    /// The value of one step of the codes, `[groups]`.
    steps: Vec<f32>,
    /// Of each 64 columns the sum of the codes, negative: what sums of code times activation are begun with, because stored
    /// codes are weights plus 1.
    starts: Vec<i32>,
}

impl Row {
    /// Replaces it by what `fill` makes of zeros or old numbers.
    fn quantize(&mut self, columns: usize, cols: usize, scales: ActivationScales, fill: impl FnOnce(&mut [f32])) {
        let groups = cols.div_ceil(columns);
        self.x.resize(cols, 0.0);
        fill(&mut self.x);
        self.q.resize(groups * columns, 0);
        self.q[cols..].fill(0);
        self.steps.resize(groups, 0.0);
        self.starts.resize(self.q.len() / CHUNK, 0);
        let of_token = match scales {
            ActivationScales::Token => Some(largest_magnitude(&self.x).max(1e-5)),
            ActivationScales::Group => None,
        };
        let groups = self.x.chunks(columns).zip(self.q.chunks_exact_mut(columns));
        for ((x, q), step) in groups.zip(&mut self.steps) {
            // So small a bound that it only keeps zeros from being divided by zero.
            let max = of_token.unwrap_or_else(|| largest_magnitude(x).max(1e-30));
            scale_to_i8(x, 127.0 / max, &mut q[..x.len()]);
            *step = max / 127.0;
        }
        for (start, q) in self.starts.iter_mut().zip(self.q.as_chunks::<CHUNK>().0) {
            *start = -q.iter().map(|&q| i32::from(q)).sum::<i32>();
        }
    }
}

impl Default for GroupedActivations {
    fn default() -> Self {
        Self {
            kernel: Kernel::SCALAR,
            scheme: GroupScheme::ternary(GroupColumns::C64),
            tokens: 0,
            cols: 0,
            rows: Vec::new(),
            batched: 0,
            batch_codes: Vec::new(),
            batch_steps: Vec::new(),
            prepared: Vec::new(),
        }
    }
}

impl GroupedActivations {
    /// Replaces them by what `fill(token, x)` computes for each of `tokens`, `[cols]`, for weights of that scheme.
    /// `batches` says whether all matrices that they will meet can be multiplied with a batch
    /// ([`GroupedMatrix::batches`](super::GroupedMatrix::batches)).
    #[allow(clippy::too_many_arguments, reason = "what to quantize, for what, and how")]
    pub fn quantize_with(
        &mut self,
        pool: &Pool,
        kernel: Kernel,
        scheme: GroupScheme,
        scales: ActivationScales,
        batches: bool,
        tokens: usize,
        cols: usize,
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let batched = if batches && kernel.inner().batches() { together_of(scheme.codes, tokens) } else { 0 };
        let columns = scheme.columns;
        (self.kernel, self.scheme, self.tokens, self.cols, self.batched) = (kernel, scheme, tokens, cols, batched);
        if self.rows.len() < tokens {
            self.rows.resize_with(tokens, Row::default);
        }
        pool.par_rows(&mut self.rows[..tokens], 1, 1, |token, row| {
            row[0].quantize(columns.count(), cols, scales, |out| fill(token, out));
        });
        if batched > 0 {
            self.arrange(pool);
        }
        let len = self.prepared_len();
        if len > 0 {
            let singles = &self.rows[batched..tokens];
            self.prepared.resize(singles.len() * len, 0);
            pool.par_rows(&mut self.prepared, len, 1, |index, out| {
                kernel_of(kernel, scheme.codes).prepare(&singles[index].q, out);
            });
        }
    }

    fn arrange(&mut self, pool: &Pool) {
        let (together, width) = (&self.rows[..self.batched], self.batched.next_multiple_of(BATCH_MULTIPLE));
        let groups = self.cols.div_ceil(self.columns().count());
        self.batch_codes.resize(groups * self.columns().count() * width, 0);
        let order = Blocks::batch_order(side_of(self.kernel, self.scheme.codes));
        let codes = |token: usize| together.get(token).map(|row| row.q.as_slice());
        pool.par_rows(&mut self.batch_codes, CHUNK * width, 1, |chunk, out| arrange(codes, chunk, &order, out));
        self.batch_steps.resize(groups * width, 0.0);
        for (group, steps) in self.batch_steps.chunks_exact_mut(width).enumerate() {
            steps.iter_mut().zip(together).for_each(|(step, row)| *step = row.steps[group]);
            steps[together.len()..].fill(0.0);
        }
    }

    /// The kernel that they were quantized for.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// The columns that share a scale.
    pub fn columns(&self) -> GroupColumns {
        self.scheme.columns
    }

    /// The weights that they were quantized for.
    pub fn scheme(&self) -> GroupScheme {
        self.scheme
    }

    /// How many tokens there are.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Columns of each token.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The codes of one token, zeros behind `cols` up to whole groups.
    pub fn codes(&self, token: usize) -> &[i8] {
        &self.rows[token].q
    }

    /// The values of one step of a token's codes, for each group.
    pub fn steps(&self, token: usize) -> &[f32] {
        &self.rows[token].steps
    }

    /// How many tokens, from the first on, are multiplied together. The others are multiplied by the kernel.
    pub(super) fn batched(&self) -> usize {
        self.batched
    }

    /// The tokens behind the batch.
    pub(super) fn singles(&self) -> impl Iterator<Item = GroupedToken<'_>> {
        let len = self.prepared_len();
        self.rows[self.batched..self.tokens].iter().enumerate().map(move |(index, row)| GroupedToken {
            codes: &row.q,
            steps: &row.steps,
            starts: &row.starts,
            prepared: &self.prepared[index * len..][..len],
        })
    }

    /// Of the batch the codes column by column, and the steps `[groups, width]`: both with `width` tokens.
    pub(super) fn batch(&self) -> (&[i8], &[f32], usize) {
        (&self.batch_codes, &self.batch_steps, self.batched.next_multiple_of(BATCH_MULTIPLE))
    }

    /// Numbers that the kernel prepares of one token.
    fn prepared_len(&self) -> usize {
        let chunks = self.cols.div_ceil(self.columns().count()) * self.columns().count() / CHUNK;
        kernel_of(self.kernel, self.scheme.codes).prepared_per_chunk() * chunks
    }
}

/// How many of `tokens` are multiplied together with weights of these codes.
fn together_of(codes: CodeSet, tokens: usize) -> usize {
    match codes {
        CodeSet::Ternary => batched_of(tokens, FEWEST_OF_BATCH),
        CodeSet::Binary if tokens < FEWEST_BINARY => 0,
        CodeSet::Binary => batched_of(tokens, FEWEST_OF_BINARY_BATCH),
    }
}
