//! Embedding and output head: matrices of one row per token of the vocabulary.
//!
//! The head is read whole for every token, so its bytes decide. As int8 rows with an f32 scale each it is half of what
//! published files hold. The activation is not cut to int8 as well: as an integer of 13 bits or more it costs nothing
//! extra (the products are 16-bit either way), and the whole sum is still exact integer arithmetic.

use crate::pool::Pool;
use crate::{Error, ErrorKind, Result};

use super::buffer::{Buffer, Plain};
use super::packed::STREAMS;
use super::rounding::{largest_magnitude, round_to_i8};
use super::vector::{Bf16, Stored, dot, f32_to_f16, widen};

/// How the rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFormat {
    /// int8 with one f32 scale per row.
    Int8,
    /// IEEE half precision.
    F16,
    /// The upper half of an f32.
    Bf16,
    /// IEEE single precision.
    F32,
}

impl RowFormat {
    const fn element_bytes(self) -> usize {
        match self {
            Self::Int8 => 1,
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
        }
    }
}

/// A matrix `[rows, cols]` of floats.
#[derive(Debug)]
pub struct RowMatrix {
    format: RowFormat,
    rows: usize,
    cols: usize,
    data: Buffer,
    /// Of int8 rows, `[rows]`.
    scales: Vec<f32>,
}

/// Stores rows as they arrive.
#[derive(Debug)]
pub struct RowBuilder(RowMatrix);

impl RowMatrix {
    /// A builder for a matrix in `format`.
    ///
    /// # Errors
    /// `OutOfMemory` if the memory cannot be had.
    pub fn builder(format: RowFormat, rows: usize, cols: usize) -> Result<RowBuilder> {
        let data = Buffer::zeroed(rows * cols * format.element_bytes(), "the embedding")?;
        let mut scales = Vec::new();
        if format == RowFormat::Int8 {
            scales.try_reserve_exact(rows).map_err(|e| {
                Error::new(ErrorKind::OutOfMemory, "no memory for the embedding's scales").with_source(e)
            })?;
            scales.resize(rows, 0.0);
        }
        Ok(RowBuilder(Self { format, rows, cols, data, scales }))
    }

    /// The bytes that such a matrix takes in memory.
    pub const fn bytes_for(format: RowFormat, rows: usize, cols: usize) -> usize {
        let scales = if matches!(format, RowFormat::Int8) { rows * 4 } else { 0 };
        rows * cols * format.element_bytes() + scales
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        Self::bytes_for(self.format, self.rows, self.cols)
    }

    fn stored<T: Plain>(&self, row: usize) -> &[T] {
        &self.data.numbers()[row * self.cols..][..self.cols]
    }

    fn int8(&self, row: usize) -> &[u8] {
        &self.data.bytes()[row * self.cols..][..self.cols]
    }

    /// Row `row` as floats: `out` is `[cols]`.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        match self.format {
            RowFormat::Int8 => {
                let scale = self.scales[row];
                out.iter_mut().zip(self.int8(row)).for_each(|(out, &q)| *out = f32::from(q as i8) * scale);
            }
            RowFormat::F16 => widen::<u16>(self.stored(row), out),
            RowFormat::Bf16 => widen::<Bf16>(self.stored(row), out),
            RowFormat::F32 => widen::<f32>(self.stored(row), out),
        }
    }

    /// `out[r] = sum_c matrix[r, c] x[c]`; `x` is `[cols]`, `out` `[rows]`.
    pub fn matvec(&self, pool: &Pool, x: &[f32], out: &mut [f32]) {
        assert_eq!((x.len(), out.len()), (self.cols, self.rows));
        match self.format {
            RowFormat::Int8 => self.matvec_int8(pool, x, out),
            RowFormat::F16 => self.matvec_float::<u16>(pool, x, out),
            RowFormat::Bf16 => self.matvec_float::<Bf16>(pool, x, out),
            RowFormat::F32 => self.matvec_float::<f32>(pool, x, out),
        }
    }

    fn matvec_float<T: Stored>(&self, pool: &Pool, x: &[f32], out: &mut [f32]) {
        pool.par_rows(out, 1, 64, |row, out| out[0] = dot::<T>(self.stored(row), x));
    }

    /// Integer sums, scaled once: `x` becomes integers of as many bits as the 32-bit sum allows.
    fn matvec_int8(&self, pool: &Pool, x: &[f32], out: &mut [f32]) {
        let (q, step) = quantize_wide(x);
        // Far-apart rows are read together, as in the ternary matrices: unit u is row u of each quarter.
        let quarter = self.rows.div_ceil(STREAMS);
        let out = Scattered(out.as_mut_ptr());
        pool.for_each_range(quarter, 32, |units| {
            let out = &out;
            for unit in units {
                let rows: [usize; STREAMS] = std::array::from_fn(|stream| unit + stream * quarter);
                let sums = dot_int8(rows.map(|row| self.int8(row.min(self.rows - 1))), &q);
                for (row, sum) in rows.into_iter().zip(sums) {
                    if row < self.rows {
                        // SAFETY: row < rows, the length of `out` (asserted in `matvec`); each row is in one unit, so
                        // no other thread writes it.
                        unsafe { *out.0.add(row) = sum as f32 * (step * self.scales[row]) };
                    }
                }
            }
        });
    }
}

/// The output of a matvec whose threads write rows that lie apart.
struct Scattered(*mut f32);

// SAFETY: used for disjoint rows only, see `matvec_int8`.
unsafe impl Sync for Scattered {}

impl RowBuilder {
    /// Takes whole rows, in any order: `values` is `[n, cols]`, `first_row` the first of them. F16 and BF16 keep
    /// exactly what came from such a file.
    pub fn push_rows(&mut self, first_row: usize, values: &[f32]) {
        let RowMatrix { format, cols, data, scales, .. } = &mut self.0;
        let row_bytes = *cols * format.element_bytes();
        for (index, values) in values.chunks_exact(*cols).enumerate() {
            let row = first_row + index;
            let out = &mut data.bytes_mut()[row * row_bytes..][..row_bytes];
            match format {
                RowFormat::Int8 => scales[row] = quantize_row(values, out),
                RowFormat::F16 => encode(values, out, |v| f32_to_f16(v).to_le_bytes()),
                RowFormat::Bf16 => encode(values, out, |v| half::bf16::from_f32(v).to_le_bytes()),
                RowFormat::F32 => encode(values, out, f32::to_le_bytes),
            }
        }
    }

    /// The matrix.
    pub fn finish(self) -> RowMatrix {
        self.0
    }
}

fn encode<const N: usize>(values: &[f32], out: &mut [u8], bytes: impl Fn(f32) -> [u8; N]) {
    for (out, value) in out.as_chunks_mut::<N>().0.iter_mut().zip(values) {
        *out = bytes(*value);
    }
}

/// int8 codes of one row, and their scale: |value|max / 127.
fn quantize_row(values: &[f32], out: &mut [u8]) -> f32 {
    let max = largest_magnitude(values);
    if max == 0.0 {
        out.fill(0);
        return 0.0;
    }
    let factor = 127.0 / max;
    out.iter_mut().zip(values).for_each(|(out, value)| *out = round_to_i8(value * factor) as u8);
    max / 127.0
}

/// `x` as integers in i16, and the value of one step. The largest is chosen so that a sum of `x.len()` products with
/// int8 fits an i32.
fn quantize_wide(x: &[f32]) -> (Vec<i16>, f32) {
    let limit = (i32::MAX as usize / (127 * x.len())).min(i16::MAX as usize) as f32;
    let max = x.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
    if max == 0.0 {
        return (vec![0; x.len()], 0.0);
    }
    let factor = limit / max;
    (x.iter().map(|v| (v * factor).round_ties_even() as i16).collect(), max / limit)
}

/// Four int8 rows times one vector.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
fn dot_int8(rows: [&[u8]; STREAMS], q: &[i16]) -> [i32; STREAMS] {
    rows.map(|row| row.iter().zip(q).map(|(&w, &q)| i32::from(w as i8) * i32::from(q)).sum())
}

/// Four int8 rows times one vector: bytes widened to i16, products added in pairs to i32.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
fn dot_int8(rows: [&[u8]; STREAMS], q: &[i16]) -> [i32; STREAMS] {
    use core::arch::wasm32::*;
    let steps = q.len() / 16;
    assert!(rows.iter().all(|row| row.len() == q.len()));
    let mut totals = [[i32x4_splat(0); 2]; STREAMS];
    for step in 0..steps {
        // SAFETY: 16 lanes from 16 * step are inside `q`, as step < q.len() / 16.
        let (low, high) = unsafe {
            let q = q.as_ptr().add(16 * step);
            (v128_load(q.cast()), v128_load(q.add(8).cast()))
        };
        for (total, row) in totals.iter_mut().zip(rows) {
            // SAFETY: the row is as long as `q`, as asserted above.
            let weights = unsafe { v128_load(row.as_ptr().add(16 * step).cast()) };
            total[0] = i32x4_add(total[0], i32x4_dot_i16x8(i16x8_extend_low_i8x16(weights), low));
            total[1] = i32x4_add(total[1], i32x4_dot_i16x8(i16x8_extend_high_i8x16(weights), high));
        }
    }
    std::array::from_fn(|stream| {
        let sum = i32x4_add(totals[stream][0], totals[stream][1]);
        let rest = 16 * steps..q.len();
        let tail: i32 =
            rows[stream][rest.clone()].iter().zip(&q[rest]).map(|(&w, &q)| i32::from(w as i8) * i32::from(q)).sum();
        super::streams::horizontal_sum(sum) + tail
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(format: RowFormat, rows: usize, values: &[f32]) -> RowMatrix {
        let mut builder = RowMatrix::builder(format, rows, values.len() / rows).unwrap();
        builder.push_rows(0, values);
        builder.finish()
    }

    #[test]
    fn every_format_multiplies() {
        // 7 rows of 19: neither whole lanes nor whole quarters.
        let values: Vec<f32> = (0..7 * 19).map(|i| ((i * 37 % 41) as f32 - 20.0) / 16.0).collect();
        let x: Vec<f32> = (0..19).map(|i| (i as f32 - 9.0) / 8.0).collect();
        for (format, tolerance) in
            [(RowFormat::F32, 1e-6), (RowFormat::F16, 1e-6), (RowFormat::Bf16, 1e-6), (RowFormat::Int8, 0.02)]
        {
            let matrix = matrix(format, 7, &values);
            let mut out = [0.0; 7];
            matrix.matvec(&Pool::new(2), &x, &mut out);
            for (row, (out, values)) in out.iter().zip(values.chunks_exact(19)).enumerate() {
                let want: f32 = values.iter().zip(&x).map(|(a, b)| a * b).sum();
                assert!((out - want).abs() < tolerance, "{format:?} row {row}: {out}, expected {want}");
                let mut back = [0.0; 19];
                matrix.row(row, &mut back);
                assert!(back.iter().zip(values).all(|(a, b)| (a - b).abs() < tolerance));
            }
        }
    }

    /// Against the definition, on values all around the ties.
    #[test]
    fn int8_rows_are_those_of_the_definition() {
        let mut values: Vec<f32> = (-2032..=2032).map(|i| i as f32 / 16.0).collect();
        values.extend(values.clone().iter().flat_map(|v| [v.next_up(), v.next_down()]));
        for factor in [1.0, 0.3, 1e-9, 7e5] {
            let values: Vec<f32> = values.iter().map(|v| v * factor).collect();
            let matrix = matrix(RowFormat::Int8, 1, &values);
            let max = values.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
            assert_eq!(matrix.scales[0], max / 127.0);
            for (value, &code) in values.iter().zip(matrix.int8(0)) {
                assert_eq!(code as i8, (value * (127.0 / max)).round_ties_even() as i8, "{value}");
            }
        }
    }

    #[test]
    fn zeros_stay_zeros() {
        let matrix = matrix(RowFormat::Int8, 2, &[0.0, 0.0, 1.0, -1.0]);
        let mut out = [9.0; 2];
        matrix.matvec(&Pool::new(1), &[0.0, 0.0], &mut out);
        assert_eq!(out, [0.0, 0.0]);
        matrix.matvec(&Pool::new(1), &[2.0, 1.0], &mut out);
        assert_eq!(out[0], 0.0);
        assert!((out[1] - 1.0).abs() < 1e-4);
    }
}
