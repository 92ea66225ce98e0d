//! The reference kernel: every other one must agree with it to the bit.

use std::ops::Range;

use super::super::row_groups::QUARTERS;
use super::grouped::{GroupedKernel, GroupedScalar};
use super::kernel::{Feature, TernaryKernel};
use super::layout::{CHUNK, Layout};
use super::product::Product;
use super::rows::Rows;

/// One weight at a time.
#[derive(Debug)]
pub(crate) struct Scalar;

impl TernaryKernel for Scalar {
    fn name(&self) -> &'static str {
        "scalar"
    }

    fn needs(&self) -> Feature {
        Feature::Baseline
    }

    fn layout(&self) -> &'static dyn Layout {
        &Rows
    }

    fn batches(&self) -> bool {
        false
    }

    fn grouped(&self) -> &'static dyn GroupedKernel {
        &GroupedScalar
    }

    fn multiply(&self, product: &Product<'_>, groups: Range<usize>) {
        let shape = product.weights.shape;
        let (stride, quarter) = (Rows::stride(shape), Rows.row_groups(shape));
        let rows = (0..QUARTERS).flat_map(|index| groups.clone().map(move |group| group + index * quarter));
        for row in rows.filter(|&row| row < shape.rows) {
            let bytes = &product.weights.data[row * stride..][..stride];
            for (index, token) in product.tokens.iter().enumerate() {
                product.store(index, row, &[dot(bytes, token.codes)]);
            }
        }
    }
}

/// The packed weights of one row times the activations of one token.
fn dot(weights: &[u8], q: &[i8]) -> i32 {
    let mut sum = 0;
    for (bytes, q) in weights.chunks_exact(CHUNK / 4).zip(q.chunks_exact(CHUNK)) {
        for (p, byte) in bytes.iter().enumerate() {
            for field in 0..4 {
                let weight = i32::from(byte >> (2 * field) & 3) - 1;
                sum += weight * i32::from(q[16 * field + p]);
            }
        }
    }
    sum
}
