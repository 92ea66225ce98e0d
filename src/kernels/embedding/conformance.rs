//! The embedding's products as they are defined, one number at a time, and the cases on which the suite compares them.

use crate::Result;

use super::super::conformance::check::Check;
use super::super::row_groups::QUARTERS;
use super::int8::{Int8Rows, quantize_wide};
use super::nibbles::{self, BLOCK, CHUNK};

/// For the conformance suite: products of nibbles, estimates of all rows, exact values of the greatest.
pub(crate) fn check(check: &mut Check<'_>) -> Result<()> {
    nibble_products(check);
    for (rows, cols) in [(9, 300), (6, 128), (3, 5), (2500, 65)] {
        let mut values = check.random.normal(rows * cols);
        let mut x = check.random.normal(cols);
        // Two rows, and later all activations, as large as they can be, so that every sum is.
        values[..cols].fill(1.0);
        values[cols..2 * cols].fill(-1.0);
        let mut matrix = Int8Rows::new(rows, cols)?;
        for (row, values) in values.chunks_exact(cols).enumerate() {
            matrix.set_row(row, values);
        }
        for limit in ["random", "greatest"] {
            let mut out = vec![0.0; rows];
            matrix.estimate(check.pool, &x, &mut out);
            let want: Vec<f32> = (0..rows).map(|row| estimate(&matrix, row, &x)).collect();
            check.same_bits(format_args!("estimates of [{rows}, {cols}], {limit}"), &out, &want);
            let chosen: Vec<u32> = (0..rows as u32).rev().step_by(3).collect();
            let mut out = vec![0.0; chosen.len()];
            matrix.matvec_of(check.pool, &x, &chosen, &mut out);
            let want: Vec<f32> = chosen.iter().map(|row| exact(&matrix, *row as usize, &x)).collect();
            check.same_bits(format_args!("rows of [{rows}, {cols}], {limit}"), &out, &want);
            x.fill(-3.0);
        }
    }
    Ok(())
}

/// Both products of four rows of nibbles.
fn nibble_products(check: &mut Check<'_>) {
    for blocks in [1, 2, 7] {
        let cols = blocks * BLOCK;
        let planes: [[Vec<u8>; QUARTERS]; 2] =
            std::array::from_fn(|_| std::array::from_fn(|_| check.random.bytes(cols / 2)));
        let [upper, lower] = planes.each_ref().map(|plane| plane.each_ref().map(Vec::as_slice));
        let q: Vec<i8> = (0..cols).map(|_| if check.random.float() < 0.0 { -127 } else { 127 }).collect();
        let wide: Vec<i16> = q.iter().map(|&q| i16::from(q) * 30).collect();
        let of_upper = upper.map(|upper| (0..cols).map(|col| nibble(upper, col) * i32::from(q[col])).sum::<i32>());
        let got = nibbles::dot_upper(upper, &nibbles::operand(&q));
        check.equal(format_args!("upper nibbles of {cols}"), &got, &of_upper);
        let of_both: [i32; QUARTERS] = std::array::from_fn(|row| {
            let code = |col| 16 * nibble(upper[row], col) + nibble(lower[row], col) - 128;
            (0..cols).map(|col| code(col) * i32::from(wide[col])).sum()
        });
        let got = nibbles::dot(std::array::from_fn(|row| (upper[row], lower[row])), &wide);
        check.equal(format_args!("both nibbles of {cols}"), &got, &of_both);
    }
}

/// The nibble of a column of a plane.
pub(super) fn nibble(plane: &[u8], col: usize) -> i32 {
    let byte = plane[col / CHUNK * 16 + col % 16];
    i32::from(if col % CHUNK < 16 { byte & 15 } else { byte >> 4 })
}

/// A row times `x`, with all eight bits of the row.
pub(super) fn exact(matrix: &Int8Rows, row: usize, x: &[f32]) -> f32 {
    let (q, step) = quantize_wide(x);
    dot(matrix, row, |code| code, |col| i64::from(q[col])) as f32 * (step * matrix.scale(row))
}

/// A row times `x`, from the upper four bits of the row.
pub(super) fn estimate(matrix: &Int8Rows, row: usize, x: &[f32]) -> f32 {
    let max = x.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
    let q = |col: usize| (x[col] * (127.0 / max)).round_ties_even() as i64;
    // The middle of the 16 codes that share an upper nibble, as whole numbers: without the half.
    let sum = dot(matrix, row, |code| (code + 128) / 16 * 16 - 120, q);
    let half = (0..x.len()).map(q).sum::<i64>() as f32 * 0.5;
    (sum as f32 - half) * (max / 127.0 * matrix.scale(row))
}

/// The sum over columns of what `of_code` makes of a row's code times `q`.
fn dot(matrix: &Int8Rows, row: usize, of_code: impl Fn(i64) -> i64, q: impl Fn(usize) -> i64) -> i64 {
    let mut values = vec![0.0; matrix.cols()];
    matrix.row(row, &mut values);
    let codes = values.iter().map(|value| (value / matrix.scale(row)).round() as i64);
    codes.enumerate().map(|(col, code)| of_code(code) * q(col)).sum()
}
