//! Linear layers: all that a graph knows of a weight matrix.
//!
//! How the weights are stored, what the input is rounded to and whether something is added beside the matrix is decided
//! here, so that another codec or an adapter does not touch a graph.

use crate::kernels::{
    ActivationScales, Activations, GroupScheme, GroupedActivations, GroupedJob, GroupedMatrix, Job, RowMatrix,
    TernaryMatrix, grouped_matmul, matmul,
};
use crate::pool::Pool;

/// How the linear layers of a family were trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearRules {
    /// What the input of a layer is rounded to. With [`ActivationScales::Token`] the model was trained with int8 inputs
    /// (BitLinear), so that they are exact; with [`ActivationScales::Group`] it was trained with floats, int8 inputs are an
    /// approximation, and the exact precision multiplies floats.
    pub activations: ActivationScales,
    /// Whether matrices that are stored as F16, BF16 or F32 are master weights, which the forward pass makes ternary.
    /// Otherwise they are multiplied as they are.
    pub ternarizes_floats: bool,
}

impl LinearRules {
    /// BitLinear of BitNet b1.58 (arXiv:2402.17764).
    pub const BITNET: Self = Self { activations: ActivationScales::Token, ternarizes_floats: true };

    /// BitLinear in an architecture that has other models as well: rounding their floats to ternary weights would leave nothing
    /// of them.
    pub const BITLINEAR: Self = Self { activations: ActivationScales::Token, ternarizes_floats: false };

    /// Ternary weights that were trained with floats beside them.
    pub const TERNARY: Self = Self { activations: ActivationScales::Group, ternarizes_floats: false };
}

/// A linear layer `[rows, cols]`.
#[derive(Debug)]
pub struct Linear {
    matrix: LinearMatrix,
    activations: ActivationScales,
}

/// How the weights of a layer are kept.
#[derive(Debug)]
pub(super) enum LinearMatrix {
    /// Ternary weights with one scale, times int8 inputs with one scale for each token.
    Ternary(TernaryMatrix),
    /// Ternary weights with a scale for each group of columns, times int8 inputs.
    Grouped(GroupedMatrix),
    /// Other weights, or float inputs: rows as the file has them, times a factor.
    Rows(RowMatrix, f32),
}

/// The input of one or several linear layers for some tokens, `[tokens, cols]`, in the forms that they multiply. Its memory
/// is kept from one input to the next.
#[derive(Debug, Default)]
pub(super) struct LinearInput {
    ternary: Activations,
    /// One for each of [`GroupScheme::ALL`].
    grouped: [GroupedActivations; GroupScheme::ALL.len()],
    floats: Vec<f32>,
}

impl Linear {
    /// A layer of ternary weights with one scale.
    pub(super) fn ternary(matrix: TernaryMatrix) -> Self {
        Self { matrix: LinearMatrix::Ternary(matrix), activations: ActivationScales::Token }
    }

    /// A layer of ternary weights with a scale for each group of columns.
    pub(super) fn grouped(matrix: GroupedMatrix, activations: ActivationScales) -> Self {
        Self { matrix: LinearMatrix::Grouped(matrix), activations }
    }

    /// A layer of other weights, or one whose input stays in floats: its outputs are those of the rows times `factor`. With
    /// [`ActivationScales::Token`] the input is rounded as BitLinear does.
    pub(super) fn rows(matrix: RowMatrix, factor: f32, activations: ActivationScales) -> Self {
        Self { matrix: LinearMatrix::Rows(matrix, factor), activations }
    }

    /// Multiplies the scale of all weights; returns what the scale of the whole matrix is then.
    pub(super) fn scale_by(&mut self, by: f32) -> f32 {
        match &mut self.matrix {
            LinearMatrix::Ternary(matrix) => {
                matrix.scale_by(by);
                matrix.scale()
            }
            LinearMatrix::Grouped(matrix) => matrix.scale_by(by),
            LinearMatrix::Rows(_, factor) => {
                *factor *= by;
                *factor
            }
        }
    }

    /// Its weights.
    pub(super) fn matrix(&self) -> &LinearMatrix {
        &self.matrix
    }

    /// The width of its input.
    pub fn cols(&self) -> usize {
        match &self.matrix {
            LinearMatrix::Ternary(matrix) => matrix.cols(),
            LinearMatrix::Grouped(matrix) => matrix.cols(),
            LinearMatrix::Rows(matrix, _) => matrix.cols(),
        }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        match &self.matrix {
            LinearMatrix::Ternary(matrix) => matrix.bytes(),
            LinearMatrix::Grouped(matrix) => matrix.bytes(),
            LinearMatrix::Rows(matrix, _) => matrix.bytes(),
        }
    }
}

impl LinearInput {
    /// Replaces the input by what `fill(token, x)` computes for each of `tokens`, in the forms that `layers` multiply. `x` is
    /// `[cols]` and holds zeros or older numbers; `fill` is asked once for each form.
    ///
    /// # Panics
    /// If the layers have inputs of several widths.
    pub(super) fn prepare<const N: usize>(
        &mut self,
        pool: &Pool,
        layers: [&Linear; N],
        tokens: usize,
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let cols = layers[0].cols();
        assert!(layers.iter().all(|layer| layer.cols() == cols));
        if let Some(matrix) = layers.iter().find_map(|layer| layer.as_ternary()) {
            self.ternary.quantize_with(pool, matrix.kernel(), tokens, cols, &fill);
        }
        for (grouped, scheme) in self.grouped.iter_mut().zip(GroupScheme::ALL) {
            let alike = || layers.iter().filter_map(|layer| layer.as_grouped()).filter(|m| m.scheme() == scheme);
            let Some(matrix) = alike().next() else { continue };
            let batches = alike().all(GroupedMatrix::batches);
            let layer = layers.iter().find(|layer| layer.as_grouped().is_some_and(|m| m.scheme() == scheme));
            let scales = layer.map_or(ActivationScales::Group, |layer| layer.activations);
            grouped.quantize_with(pool, matrix.kernel(), scheme, scales, batches, tokens, cols, &fill);
        }
        if let Some(layer) = layers.iter().find(|layer| layer.as_rows().is_some()) {
            self.floats.resize(tokens * cols, 0.0);
            pool.par_rows(&mut self.floats, cols, 1, |token, x| {
                fill(token, x);
                if layer.activations == ActivationScales::Token {
                    round_as_int8(x);
                }
            });
        }
    }

    /// Multiplies the input with several layers: each output is `[tokens, rows]`. Layers of one kind share a fork-join.
    ///
    /// # Panics
    /// If the input was not prepared for these layers, or an output has the wrong length.
    pub(super) fn multiply<const N: usize>(&self, pool: &Pool, products: [(&Linear, &mut [f32]); N]) {
        let mut ternary: Vec<Job<'_>> = Vec::with_capacity(N);
        let mut grouped: [Vec<GroupedJob<'_>>; GroupScheme::ALL.len()] = Default::default();
        for (layer, out) in products {
            match &layer.matrix {
                LinearMatrix::Ternary(matrix) => ternary.push(Job { matrix, out }),
                LinearMatrix::Grouped(matrix) => grouped[matrix.scheme().index()].push(GroupedJob { matrix, out }),
                LinearMatrix::Rows(matrix, factor) => {
                    matrix.matmul(pool, &self.floats, out);
                    if *factor != 1.0 {
                        out.iter_mut().for_each(|value| *value *= factor);
                    }
                }
            }
        }
        if !ternary.is_empty() {
            matmul(pool, &self.ternary, &mut ternary);
        }
        for (x, jobs) in self.grouped.iter().zip(&mut grouped) {
            if !jobs.is_empty() {
                grouped_matmul(pool, x, jobs);
            }
        }
    }
}

impl Linear {
    fn as_ternary(&self) -> Option<&TernaryMatrix> {
        if let LinearMatrix::Ternary(matrix) = &self.matrix { Some(matrix) } else { None }
    }

    fn as_grouped(&self) -> Option<&GroupedMatrix> {
        if let LinearMatrix::Grouped(matrix) = &self.matrix { Some(matrix) } else { None }
    }

    fn as_rows(&self) -> Option<&RowMatrix> {
        if let LinearMatrix::Rows(matrix, _) = &self.matrix { Some(matrix) } else { None }
    }
}

/// What an int8 input of BitLinear stands for: as [`Activations`] rounds it.
fn round_as_int8(x: &mut [f32]) {
    let max = x.iter().fold(0.0_f32, |max, value| max.max(value.abs())).max(1e-5);
    let scale = 127.0 / max;
    x.iter_mut().for_each(|value| *value = (*value * scale).round_ties_even().clamp(-128.0, 127.0) / scale);
}
