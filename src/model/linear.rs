//! Linear layers: all that a graph knows of a weight matrix.
//!
//! How the weights are stored, what the input is rounded to and whether something is added beside the matrix is decided
//! here, so that another codec or an adapter does not touch a graph.

use crate::kernels::{Activations, Job, TernaryMatrix, matmul};
use crate::pool::Pool;

/// A linear layer `[rows, cols]`: ternary weights, whose input is quantized to int8 token by token (BitLinear).
#[derive(Debug)]
pub struct Linear {
    matrix: TernaryMatrix,
}

/// The input of one or several linear layers for some tokens, `[tokens, cols]`, in the form that they multiply. Its memory
/// is kept from one input to the next.
#[derive(Debug, Default)]
pub(super) struct LinearInput {
    activations: Activations,
}

impl Linear {
    /// A layer of ternary weights.
    pub(super) fn ternary(matrix: TernaryMatrix) -> Self {
        Self { matrix }
    }

    /// The width of its input.
    pub fn cols(&self) -> usize {
        self.matrix.cols()
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.matrix.bytes()
    }
}

impl LinearInput {
    /// Replaces the input by what `fill(token, x)` computes for each of `tokens`, prepared for `layer` and for others like
    /// it. `x` is `[cols]` and holds zeros or older numbers.
    pub(super) fn prepare(
        &mut self,
        pool: &Pool,
        layer: &Linear,
        tokens: usize,
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        self.activations.quantize_with(pool, layer.matrix.kernel(), tokens, layer.matrix.cols(), fill);
    }

    /// Multiplies the input with several layers in one fork-join: each output is `[tokens, rows]`.
    ///
    /// # Panics
    /// If the input was prepared for layers of another kind, or an output has the wrong length.
    pub(super) fn multiply<const N: usize>(&self, pool: &Pool, products: [(&Linear, &mut [f32]); N]) {
        let mut jobs = products.map(|(layer, out)| Job { matrix: &layer.matrix, out });
        matmul(pool, &self.activations, &mut jobs);
    }
}
