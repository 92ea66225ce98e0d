//! Embedding and output head: matrices of one row per token of the vocabulary.
//!
//! The head is read whole for every token, so its bytes decide. As int8 rows with an f32 scale each it is half of what
//! published files hold, and half of those bytes are read only where they can matter (`int8.rs`).

mod conformance;
mod int8;
mod nibbles;

use crate::Result;
use crate::pool::Pool;

use super::buffer::Buffer;
use super::simd::Number;
use super::vector::{Bf16, Stored, dot, f32_to_f16, widen};
pub(crate) use conformance::check;
use int8::Int8Rows;

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

/// A matrix `[rows, cols]` of floats.
#[derive(Debug)]
pub struct RowMatrix {
    rows: usize,
    cols: usize,
    data: Data,
}

#[derive(Debug)]
enum Data {
    Int8(Int8Rows),
    F16(Buffer),
    Bf16(Buffer),
    F32(Buffer),
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
        let floats = || Buffer::zeroed(Self::bytes_for(format, rows, cols), "the embedding");
        let data = match format {
            RowFormat::Int8 => Data::Int8(Int8Rows::new(rows, cols)?),
            RowFormat::F16 => Data::F16(floats()?),
            RowFormat::Bf16 => Data::Bf16(floats()?),
            RowFormat::F32 => Data::F32(floats()?),
        };
        Ok(RowBuilder(Self { rows, cols, data }))
    }

    /// The bytes that such a matrix takes in memory.
    pub const fn bytes_for(format: RowFormat, rows: usize, cols: usize) -> usize {
        match format {
            RowFormat::Int8 => Int8Rows::bytes_for(rows, cols),
            RowFormat::F16 | RowFormat::Bf16 => rows * cols * 2,
            RowFormat::F32 => rows * cols * 4,
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        match &self.data {
            Data::Int8(_) => Int8Rows::bytes_for(self.rows, self.cols),
            Data::F16(data) | Data::Bf16(data) | Data::F32(data) => data.bytes().len(),
        }
    }

    /// Row `row` as floats: `out` is `[cols]`.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        match &self.data {
            Data::Int8(rows) => rows.row(row, out),
            Data::F16(data) => widen::<u16>(self.stored(data, row), out),
            Data::Bf16(data) => widen::<Bf16>(self.stored(data, row), out),
            Data::F32(data) => widen::<f32>(self.stored(data, row), out),
        }
    }

    /// `out[t, r] = sum_c matrix[r, c] x[t, c]`; `x` is `[tokens, cols]`, `out` `[tokens, rows]`. A row is read once for all
    /// tokens, and every token gets the bits that it would get alone. Of int8 rows only the greatest sums are exact: see
    /// `int8.rs`.
    ///
    /// # Panics
    /// If `x` and `out` are not of one number of tokens.
    pub fn matmul(&self, pool: &Pool, x: &[f32], out: &mut [f32]) {
        assert_eq!(x.len() * self.rows, out.len() * self.cols);
        match &self.data {
            Data::Int8(rows) => rows.matmul(pool, x, out),
            Data::F16(data) => self.multiply::<u16>(data, pool, x, out),
            Data::Bf16(data) => self.multiply::<Bf16>(data, pool, x, out),
            Data::F32(data) => self.multiply::<f32>(data, pool, x, out),
        }
    }

    /// `out[i] = sum_c matrix[rows[i], c] x[c]`; `x` is `[cols]`. Exact for any rows: what must not be chosen among
    /// estimates asks here.
    ///
    /// # Panics
    /// If a row does not exist, or a length does not fit.
    pub fn matvec_of(&self, pool: &Pool, x: &[f32], rows: &[u32], out: &mut [f32]) {
        assert_eq!((x.len(), out.len()), (self.cols, rows.len()));
        match &self.data {
            Data::Int8(data) => data.matvec_of(pool, x, rows, out),
            Data::F16(data) => self.multiply_of::<u16>(data, pool, x, rows, out),
            Data::Bf16(data) => self.multiply_of::<Bf16>(data, pool, x, rows, out),
            Data::F32(data) => self.multiply_of::<f32>(data, pool, x, rows, out),
        }
    }

    fn multiply<T: Stored>(&self, data: &Buffer, pool: &Pool, x: &[f32], out: &mut [f32]) {
        let tokens = out.len() / self.rows;
        let product = |row: usize, out: &mut [f32]| {
            let values = self.stored(data, row);
            out.iter_mut().zip(x.chunks_exact(self.cols)).for_each(|(out, x)| *out = dot::<T>(values, x));
        };
        if tokens == 1 {
            return pool.par_rows(out, 1, 64, product);
        }
        // `[rows, tokens]`, because a thread reads a row once and keeps what it makes of it together.
        let mut by_row = vec![0.0; out.len()];
        pool.par_rows(&mut by_row, tokens, 64, product);
        pool.par_rows(out, self.rows, 1, |token, out| {
            out.iter_mut().zip(by_row[token..].iter().step_by(tokens)).for_each(|(out, &sum)| *out = sum);
        });
    }

    fn multiply_of<T: Stored>(&self, data: &Buffer, pool: &Pool, x: &[f32], rows: &[u32], out: &mut [f32]) {
        pool.par_rows(out, 1, 64, |index, out| out[0] = dot::<T>(self.stored(data, rows[index] as usize), x));
    }

    fn stored<'a, T: Number>(&self, data: &'a Buffer, row: usize) -> &'a [T] {
        &data.numbers()[row * self.cols..][..self.cols]
    }
}

impl RowBuilder {
    /// Takes whole rows, in any order: `values` is `[n, cols]`, `first_row` the first of them. F16 and BF16 keep
    /// exactly what came from such a file.
    pub fn push_rows(&mut self, first_row: usize, values: &[f32]) {
        let cols = self.0.cols;
        for (index, values) in values.chunks_exact(cols).enumerate() {
            let row = first_row + index;
            match &mut self.0.data {
                Data::Int8(rows) => rows.set_row(row, values),
                Data::F16(data) => encode(values, data, row, |v| f32_to_f16(v).to_le_bytes()),
                Data::Bf16(data) => encode(values, data, row, |v| half::bf16::from_f32(v).to_le_bytes()),
                Data::F32(data) => encode(values, data, row, f32::to_le_bytes),
            }
        }
    }

    /// The matrix.
    pub fn finish(self) -> RowMatrix {
        self.0
    }
}

fn encode<const N: usize>(values: &[f32], data: &mut Buffer, row: usize, bytes: impl Fn(f32) -> [u8; N]) {
    let out = &mut data.bytes_mut()[row * values.len() * N..];
    for (out, value) in out.as_chunks_mut::<N>().0.iter_mut().zip(values) {
        *out = bytes(*value);
    }
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
            matrix.matmul(&Pool::new(2), &x, &mut out);
            let mut together = [0.0; 21];
            let others = [[9.0; 19].as_slice(), &x, &[0.0; 19]].concat();
            matrix.matmul(&Pool::new(2), &others, &mut together);
            assert_eq!((&together[7..14], &together[14..]), (&out[..], &[0.0; 7][..]), "{format:?}");
            let (chosen, mut some) = ([6, 0, 6, 2, 3], [0.0; 5]);
            matrix.matvec_of(&Pool::new(2), &x, &chosen, &mut some);
            assert_eq!(some, chosen.map(|row| out[row as usize]), "{format:?}");
            for (row, (out, values)) in out.iter().zip(values.chunks_exact(19)).enumerate() {
                let want: f32 = values.iter().zip(&x).map(|(a, b)| a * b).sum();
                assert!((out - want).abs() < tolerance, "{format:?} row {row}: {out}, expected {want}");
                let mut back = [0.0; 19];
                matrix.row(row, &mut back);
                assert!(back.iter().zip(values).all(|(a, b)| (a - b).abs() < tolerance));
            }
        }
    }
}
