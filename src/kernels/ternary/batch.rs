//! A batch of tokens: what four weights can make of four activations is computed once for a block of rows.
//!
//! Four ternary weights are one of 81. For four columns and all tokens of a group, a table holds the 81 sums; every row
//! of the block then adds the one that its weights choose, eight tokens an instruction. That is a load and an addition for
//! 32 products, where a dot product in 128 bits makes 16, and needs no relaxed instruction. It is the method of the
//! four Russians (Arlazarov, Dinic, Kronrod and Faradzhev, 1970) with ternary digits.
//!
//! ```text
//! for 256 columns:
//!     indices[step, row]                  packed weights to indices 0 to 80, four of them a step
//!     for a group of up to 32 tokens:
//!         for a step of 16 columns:
//!             tables[4, 81, group]        the sums, built by additions
//!             narrow[row, group] += the four sums that indices[step, row] choose
//!         wide[row, group] += narrow      if 256 columns more could be more than 16 bits hold
//! ```
//!
//! A sum of activations times weights is never larger than the sum of the activations' magnitudes, which is known for
//! every 256 columns. They are mostly far from 127, so that the narrow sums last for a thousand columns and more.

use std::ops::Range;

use super::super::simd::{
    i16x8_add, i16x8_neg, i16x8_splat, i32x4_add, i32x4_extend_high_i16x8, i32x4_extend_low_i16x8, i32x4_splat,
    load_widened, store, transpose_4x4, v128,
};
use super::activations::{Activations, BATCH_COLS, BATCH_MULTIPLE};
use super::layout::{CHUNK, CHUNK_STEPS, Indices, QUAD, QUAD_VALUES, STEP_QUADS, TILE_ROWS};
use super::matrix::TernaryMatrix;

/// Chunks whose indices are found at a time.
const BLOCK_CHUNKS: usize = BATCH_COLS / CHUNK;
/// Vectors of 8 tokens in a group: the tables are then 20 KB, which a first-level cache holds.
pub(super) const GROUP_VECTORS: usize = 4;
/// The same for a last group that would be half empty. With 8 tokens, finding a row's sums takes longer than adding them,
/// and one by one they are done no later.
pub(super) const FEWEST_VECTORS: usize = BATCH_MULTIPLE / 8;

/// Tokens that share a table.
pub(super) const GROUP_TOKENS: usize = 8 * GROUP_VECTORS;

/// Adjacent rows of one matrix, the first a multiple of [`TILE_ROWS`].
pub(super) struct RowBlock<'a> {
    /// The caller's name for it.
    pub(super) job: usize,
    pub(super) matrix: &'a TernaryMatrix,
    pub(super) rows: Range<usize>,
}

impl RowBlock<'_> {
    /// Rows in whole tiles.
    fn padded_rows(&self) -> usize {
        self.rows.len().next_multiple_of(TILE_ROWS)
    }
}

/// Multiplies the rows of all `row_blocks` with the tokens of the batch, the first a multiple of [`GROUP_TOKENS`];
/// `store(job, token, first_row, sums)` takes the sums of weight times activation of adjacent rows.
pub(super) fn multiply(
    row_blocks: &[RowBlock<'_>],
    x: &Activations,
    tokens: Range<usize>,
    mut store: impl FnMut(usize, usize, usize, &[i32]),
) {
    let rows = row_blocks.iter().map(RowBlock::padded_rows).sum();
    let mut workspace = Workspace::new(rows, tokens.len().next_multiple_of(BATCH_MULTIPLE));
    let chunks = x.cols().div_ceil(CHUNK);
    let (codes, width) = x.columns();
    // The magnitude of what is in the narrow sums of each group; `None` where there is nothing.
    let mut magnitudes: Vec<Option<u32>> = vec![None; workspace.tokens.div_ceil(GROUP_TOKENS)];
    for (index, begin) in (0..chunks).step_by(BLOCK_CHUNKS).enumerate() {
        let end = chunks.min(begin + BLOCK_CHUNKS);
        workspace.index(row_blocks, begin..end);
        for (group, magnitude) in magnitudes.iter_mut().enumerate() {
            let first = GROUP_TOKENS * group;
            let len = GROUP_TOKENS.min(workspace.tokens - first);
            let group = tokens.start + first..tokens.start + first + len;
            let columns = Columns { codes, width, first_column: CHUNK * begin, first_token: group.start };
            let sum = magnitude.unwrap_or(0) + x.magnitude(group.clone(), index);
            let is_first = magnitude.is_none();
            let is_last = end == chunks || sum + x.magnitude(group, index + 1) > i16::MAX as u32;
            *magnitude = (!is_last).then_some(sum);
            let steps = CHUNK_STEPS * (end - begin);
            if len == GROUP_TOKENS {
                workspace.add::<GROUP_VECTORS>(&columns, steps, first, is_first, is_last);
            } else {
                workspace.add::<FEWEST_VECTORS>(&columns, steps, first, is_first, is_last);
            }
        }
    }
    workspace.hand_out(row_blocks, tokens, &mut store);
}

/// The activations of a group of tokens, from some column on.
pub(super) struct Columns<'a> {
    /// Column by column, `width` tokens each.
    pub(super) codes: &'a [i8],
    pub(super) width: usize,
    pub(super) first_column: usize,
    pub(super) first_token: usize,
}

impl Columns<'_> {
    /// The activations of the columns of table `table`, of 8 tokens from the group's vector `vector` on.
    #[inline(always)]
    pub(super) fn of_table<const N: usize>(&self, table: usize, vector: usize) -> [v128; N] {
        std::array::from_fn(|digit| {
            let at = (self.first_column + N * table + digit) * self.width + self.first_token + 8 * vector;
            load_widened(&self.codes[at..at + 8])
        })
    }
}

/// Working memory of some rows of weights times a batch.
struct Workspace {
    /// A multiple of [`TILE_ROWS`].
    rows: usize,
    /// A multiple of [`BATCH_MULTIPLE`].
    tokens: usize,
    /// `[step, rows]`, four indices each, up to 80.
    indices: Vec<u32>,
    /// `[STEP_QUADS, QUAD_VALUES, vectors of a group]`, 8 tokens of 16 bits each.
    tables: Vec<v128>,
    /// `[groups, rows, vectors of a group]`, 8 tokens of 16 bits each.
    narrow: Vec<v128>,
    /// `[rows, tokens / 4]`, 4 tokens of 32 bits each.
    wide: Vec<v128>,
}

impl Workspace {
    fn new(rows: usize, tokens: usize) -> Self {
        let zero = i32x4_splat(0);
        let group = GROUP_VECTORS.min(tokens / 8);
        Self {
            rows,
            tokens,
            indices: vec![0; BLOCK_CHUNKS * CHUNK_STEPS * rows],
            tables: vec![zero; STEP_QUADS * QUAD_VALUES * group],
            narrow: vec![zero; rows * tokens / 8],
            wide: vec![zero; rows * tokens / 4],
        }
    }

    /// Finds the indices of all rows in some chunks of columns.
    fn index(&mut self, row_blocks: &[RowBlock<'_>], chunks: Range<usize>) {
        let mut first = 0;
        for block in row_blocks {
            let mut indices = Indices { data: &mut self.indices, rows: self.rows, first };
            let layout = block.matrix.kernel().inner().layout();
            layout.index(block.matrix.packed(), block.rows.clone(), chunks.clone(), &mut indices);
            first += block.padded_rows();
        }
    }

    /// Adds what some steps give for a group of `8 * V` tokens from the block's token `first` on, to narrow sums that are
    /// begun now if these are the first steps, and that are done with if they are the last.
    fn add<const V: usize>(
        &mut self,
        columns: &Columns<'_>,
        steps: usize,
        first: usize,
        is_first: bool,
        is_last: bool,
    ) {
        for step in 0..steps {
            for quad in 0..STEP_QUADS {
                for vector in 0..V {
                    let table = &mut self.tables[quad * QUAD_VALUES * V + vector..];
                    tabulate(columns.of_table(STEP_QUADS * step + quad, vector), table, V);
                }
            }
            if is_first && step == 0 {
                self.choose::<V, true, false>(step, first);
            } else if is_last && step + 1 == steps {
                self.choose::<V, false, true>(step, first);
            } else {
                self.choose::<V, false, false>(step, first);
            }
        }
    }

    /// Adds to every row the sums that its indices choose: to `narrow`, which a `FIRST` step starts anew, and a `LAST` one
    /// empties into `wide`.
    #[inline(never)]
    fn choose<const V: usize, const FIRST: bool, const LAST: bool>(&mut self, step: usize, first: usize) {
        let Self { rows, tokens, .. } = *self;
        let indices = &self.indices[step * rows..][..rows];
        let narrow = &mut self.narrow[rows * first / 8..][..rows * V];
        assert!(self.tables.len() >= STEP_QUADS * QUAD_VALUES * V);
        assert!(self.wide.len() == rows * tokens / 4 && first.is_multiple_of(4) && first + 8 * V <= tokens);
        let tables = self.tables.as_ptr();
        let (mut narrow, mut wide) = (narrow.as_mut_ptr(), self.wide.as_mut_ptr());
        for &indices in indices {
            // SAFETY: an index is below QUAD_VALUES (`Digits`), so the four entries of V vectors are inside the four tables.
            // Row by row, V vectors of `narrow` and 2 V of `wide` from `first / 4` on are inside what is asserted above.
            unsafe {
                let sums: [*const v128; STEP_QUADS] =
                    std::array::from_fn(|quad| tables.add((indices >> (8 * quad) & 0xff) as usize * V));
                for vector in 0..V {
                    // A sum is stored before the next is loaded: LLVM would load all of them first and run out of
                    // registers.
                    let mut sum = if FIRST { i16x8_splat(0) } else { *narrow.add(vector) };
                    for (quad, sums) in sums.iter().enumerate() {
                        sum = i16x8_add(sum, *sums.add(quad * QUAD_VALUES * V + vector));
                    }
                    if LAST {
                        let out = wide.add(first / 4 + 2 * vector);
                        *out = i32x4_add(*out, i32x4_extend_low_i16x8(sum));
                        *out.add(1) = i32x4_add(*out.add(1), i32x4_extend_high_i16x8(sum));
                    } else {
                        *narrow.add(vector) = sum;
                    }
                }
                narrow = narrow.add(V);
                wide = wide.add(tokens / 4);
            }
        }
    }

    /// Gives the sums away, 16 rows of a token at a time.
    fn hand_out(
        &self,
        row_blocks: &[RowBlock<'_>],
        tokens: Range<usize>,
        out: &mut impl FnMut(usize, usize, usize, &[i32]),
    ) {
        let mut wide = self.wide.chunks_exact(TILE_ROWS * self.tokens / 4);
        for block in row_blocks {
            for (row, wide) in block.rows.clone().step_by(TILE_ROWS).zip(&mut wide) {
                let rows = TILE_ROWS.min(block.rows.end - row);
                for (vector, token) in tokens.clone().step_by(4).enumerate() {
                    let mut sums = [[0; TILE_ROWS]; 4];
                    for quarter in (0..TILE_ROWS).step_by(4) {
                        let of_row = |row: usize| wide[(quarter + row) * self.tokens / 4 + vector];
                        for (sums, of_token) in sums.iter_mut().zip(transpose_4x4(std::array::from_fn(of_row))) {
                            store(of_token, &mut sums[quarter..]);
                        }
                    }
                    for (token, sums) in (token..tokens.end).zip(&sums) {
                        out(block.job, token, row, &sums[..rows]);
                    }
                }
            }
        }
    }
}

/// The 81 sums of a quad, `stride` vectors apart: the least index digit belongs to the first activation, and a digit is
/// its weight plus 1.
#[inline(never)]
pub(super) fn tabulate(q: [v128; QUAD], out: &mut [v128], stride: usize) {
    assert!(out.len() > (QUAD_VALUES - 1) * stride);
    let mut out = out.as_mut_ptr();
    let mut of_3 = i16x8_neg(i16x8_add(i16x8_add(q[0], q[1]), i16x8_add(q[2], q[3])));
    for _ in 0..3 {
        let mut of_2 = of_3;
        for _ in 0..3 {
            let mut of_1 = of_2;
            for _ in 0..3 {
                let second = i16x8_add(of_1, q[0]);
                // SAFETY: 27 turns of three entries are the 81 of the table, which the assertion above covers.
                unsafe {
                    *out = of_1;
                    *out.add(stride) = second;
                    *out.add(2 * stride) = i16x8_add(second, q[0]);
                    out = out.wrapping_add(3 * stride);
                }
                of_1 = i16x8_add(of_1, q[1]);
            }
            of_2 = i16x8_add(of_2, q[2]);
        }
        of_3 = i16x8_add(of_3, q[3]);
    }
}
