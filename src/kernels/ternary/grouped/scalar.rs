//! The reference: group-scaled weights multiplied one at a time.

use std::ops::Range;

use super::super::super::row_groups::QUARTERS;
use super::super::super::vector::f16_to_f32;
use super::kernel::{GroupedKernel, units_of};
use super::product::{GroupedProduct, GroupedToken, Packed};

/// One weight at a time.
#[derive(Debug)]
pub(crate) struct GroupedScalar;

impl GroupedKernel for GroupedScalar {
    fn multiply(&self, product: &GroupedProduct<'_>, units: Range<usize>) {
        let blocks = product.weights.blocks;
        let strips = (0..QUARTERS).flat_map(|index| units.clone().map(move |unit| unit + index * units_of(blocks)));
        let side = blocks.side.count();
        let rows = strips.flat_map(|strip| side * strip..side * (strip + 1));
        for row in rows.filter(|&row| row < blocks.rows) {
            for (index, token) in product.tokens.iter().enumerate() {
                product.out.store(product.first_token + index, row, &[dot(product.weights, row, token)]);
            }
        }
    }
}

/// One row times one token, before the matrix's factor.
pub(super) fn dot(weights: Packed<'_>, row: usize, token: &GroupedToken<'_>) -> f32 {
    let columns = weights.blocks.columns.count();
    let mut codes = vec![0; columns];
    let mut total = 0.0;
    for ((group, q), step) in token.codes.chunks_exact(columns).enumerate().zip(token.steps) {
        let scale = f16_to_f32(weights.blocks.unpack(weights.data, row, group, &mut codes));
        let sum: i32 = codes.iter().zip(q).map(|(code, q)| i32::from(*code) * i32::from(*q)).sum();
        total += sum as f32 * (scale * step);
    }
    total
}
