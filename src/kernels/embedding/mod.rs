//! Embedding and output head: matrices of one row per token of the vocabulary.
//!
//! The head is read whole for every token, so its bytes decide. As int8 rows with an f32 scale each it is half of what
//! published files hold, and half of those bytes are read only where they can matter (`int8.rs`). Quantized rows can stay as the
//! file has them (`blocks.rs`); ternary ones with a scale for each group of columns are multiplied as such linear layers are.
//!
//! The same matrices serve as linear layers whose weights are not ternary.

mod blocks;
mod conformance;
mod int8;
mod nibbles;
mod stored;

use crate::Result;
use crate::pool::Pool;

use super::buffer::Buffer;
use super::rounding::largest_finite;
use super::simd::Number;
use super::ternary::{
    ActivationScales, GroupFormat, GroupedActivations, GroupedBuilder, GroupedJob, GroupedMatrix, grouped_matmul,
    grouped_rows,
};
use super::vector::{Bf16, Bf16Bytes, F16Bytes, F32Bytes, dot, f32_to_f16, widen};
pub use blocks::BlockFormat;
pub(crate) use conformance::check;
use int8::Int8Rows;

/// How the rows are kept.
#[derive(Clone, Copy, Debug)]
pub enum RowFormat {
    /// int8 with one f32 scale per row.
    Int8,
    /// IEEE half precision.
    F16,
    /// The upper half of an f32.
    Bf16,
    /// IEEE single precision.
    F32,
    /// Quantized blocks, as the file has them.
    Blocks(BlockFormat),
    /// Ternary codes with a scale for each group of columns, and an input that is quantized to int8 group by group.
    Grouped(GroupFormat),
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
    Blocks(BlockFormat, Buffer),
    /// Times int8.
    Grouped(GroupedMatrix),
    /// Times floats.
    Widened(GroupedMatrix),
}

/// Stores rows as they arrive.
#[derive(Debug)]
pub struct RowBuilder {
    rows: usize,
    cols: usize,
    data: Building,
}

#[derive(Debug)]
enum Building {
    Ready(Data),
    /// With room for the codes and the scales of a row.
    Grouped(GroupFormat, GroupedBuilder, Vec<i8>, Vec<u16>),
}

impl RowMatrix {
    /// The rows of a group-scaled matrix, which are multiplied as floats.
    pub fn widened(matrix: GroupedMatrix) -> Self {
        Self { rows: matrix.rows(), cols: matrix.cols(), data: Data::Widened(matrix) }
    }

    /// A group-scaled matrix, whose inputs are quantized to int8 group by group.
    pub fn grouped(matrix: GroupedMatrix) -> Self {
        Self { rows: matrix.rows(), cols: matrix.cols(), data: Data::Grouped(matrix) }
    }

    /// A builder for a matrix in `format`.
    ///
    /// # Errors
    /// `OutOfMemory` if the memory cannot be had.
    pub fn builder(format: RowFormat, rows: usize, cols: usize) -> Result<RowBuilder> {
        let plain = || Buffer::zeroed(Self::bytes_for(format, rows, cols), "a matrix of rows");
        let data = match format {
            RowFormat::Int8 => Data::Int8(Int8Rows::new(rows, cols)?),
            RowFormat::F16 => Data::F16(plain()?),
            RowFormat::Bf16 => Data::Bf16(plain()?),
            RowFormat::F32 => Data::F32(plain()?),
            RowFormat::Blocks(blocks) => Data::Blocks(blocks, plain()?),
            RowFormat::Grouped(format) => {
                let builder = GroupedMatrix::builder(format.kernel, format.scheme, rows, cols)?;
                let (codes, scales) = (vec![0; cols], vec![0; cols.div_ceil(format.scheme.columns.count())]);
                return Ok(RowBuilder { rows, cols, data: Building::Grouped(format, builder, codes, scales) });
            }
        };
        Ok(RowBuilder { rows, cols, data: Building::Ready(data) })
    }

    /// The bytes that such a matrix takes in memory.
    pub fn bytes_for(format: RowFormat, rows: usize, cols: usize) -> usize {
        match format {
            RowFormat::Int8 => Int8Rows::bytes_for(rows, cols),
            RowFormat::F16 | RowFormat::Bf16 => rows * cols * 2,
            RowFormat::F32 => rows * cols * 4,
            RowFormat::Blocks(blocks) => rows * blocks.row_bytes(cols),
            RowFormat::Grouped(format) => GroupedMatrix::bytes_for(format.kernel, format.scheme, rows, cols),
        }
    }

    /// The number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        match &self.data {
            Data::Int8(_) => Int8Rows::bytes_for(self.rows, self.cols),
            Data::F16(data) | Data::Bf16(data) | Data::F32(data) | Data::Blocks(_, data) => data.bytes().len(),
            Data::Grouped(matrix) | Data::Widened(matrix) => matrix.bytes(),
        }
    }

    /// Bytes that a product of all rows with a token reads. Of int8 rows it reads the upper halves, from which most sums are
    /// estimated.
    pub fn product_bytes(&self) -> usize {
        match &self.data {
            Data::Int8(_) => self.rows * self.cols / 2,
            _ => self.bytes(),
        }
    }

    /// Row `row` as floats: `out` is `[cols]`.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        match &self.data {
            Data::Int8(rows) => rows.row(row, out),
            Data::F16(data) => widen::<u16>(self.stored(data, row), out),
            Data::Bf16(data) => widen::<Bf16>(self.stored(data, row), out),
            Data::F32(data) => widen::<f32>(self.stored(data, row), out),
            Data::Blocks(blocks, data) => (blocks.decode)(self.blocks(blocks, data, row), out),
            Data::Grouped(matrix) | Data::Widened(matrix) => matrix.row(row, out),
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
            Data::F16(data) => self.multiply(pool, x, out, |row, x| dot::<u16>(self.stored(data, row), x)),
            Data::Bf16(data) => self.multiply(pool, x, out, |row, x| dot::<Bf16>(self.stored(data, row), x)),
            Data::F32(data) => self.multiply(pool, x, out, |row, x| dot::<f32>(self.stored(data, row), x)),
            Data::Blocks(blocks, data) if out.len() == self.rows => {
                self.multiply(pool, x, out, |row, x| blocks.dot(self.blocks(blocks, data, row), x));
            }
            // Of several tokens, each row is decoded once. The products are added in the same order.
            Data::Blocks(..) | Data::Widened(_) => self.multiply_rows(pool, x, out, |row, x, out| {
                let mut values = vec![0.0; self.cols];
                self.row(row, &mut values);
                out.iter_mut().zip(x.chunks_exact(self.cols)).for_each(|(out, x)| *out = dot::<f32>(&values, x));
            }),
            Data::Grouped(matrix) => {
                let x = self.quantize(pool, matrix, x, matrix.batches());
                grouped_matmul(pool, &x, &mut [GroupedJob { matrix, out }]);
            }
        }
    }

    /// Tokens `x` as the input of a group-scaled matrix.
    fn quantize(&self, pool: &Pool, matrix: &GroupedMatrix, x: &[f32], batches: bool) -> GroupedActivations {
        let (tokens, cols) = (x.len() / self.cols, self.cols);
        let mut activations = GroupedActivations::default();
        let (kernel, scheme, scales) = (matrix.kernel(), matrix.scheme(), ActivationScales::Group);
        activations.quantize_with(pool, kernel, scheme, scales, batches, tokens, cols, |token, out| {
            out.copy_from_slice(&x[token * cols..][..cols]);
        });
        activations
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
            Data::F16(data) => multiply_of(pool, rows, out, |row| dot::<u16>(self.stored(data, row), x)),
            Data::Bf16(data) => multiply_of(pool, rows, out, |row| dot::<Bf16>(self.stored(data, row), x)),
            Data::F32(data) => multiply_of(pool, rows, out, |row| dot::<f32>(self.stored(data, row), x)),
            Data::Blocks(blocks, data) => {
                multiply_of(pool, rows, out, |row| blocks.dot(self.blocks(blocks, data, row), x));
            }
            Data::Grouped(matrix) => {
                grouped_rows(pool, matrix, &self.quantize(pool, matrix, x, false), rows, out);
            }
            Data::Widened(_) => multiply_of(pool, rows, out, |row| {
                let mut values = vec![0.0; self.cols];
                self.row(row, &mut values);
                dot::<f32>(&values, x)
            }),
        }
    }

    /// `dot(row, x)` is a row times one token.
    fn multiply(&self, pool: &Pool, x: &[f32], out: &mut [f32], dot: impl Fn(usize, &[f32]) -> f32 + Sync) {
        self.multiply_rows(pool, x, out, |row, x, out| {
            out.iter_mut().zip(x.chunks_exact(self.cols)).for_each(|(out, x)| *out = dot(row, x));
        });
    }

    /// `dots(row, x, out)` multiplies a row with all tokens.
    fn multiply_rows(&self, pool: &Pool, x: &[f32], out: &mut [f32], dots: impl Fn(usize, &[f32], &mut [f32]) + Sync) {
        let tokens = out.len() / self.rows;
        let product = |row: usize, out: &mut [f32]| dots(row, x, out);
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

    fn stored<'a, T: Number>(&self, data: &'a Buffer, row: usize) -> &'a [T] {
        &data.numbers()[row * self.cols..][..self.cols]
    }

    fn blocks<'a>(&self, blocks: &BlockFormat, data: &'a Buffer, row: usize) -> &'a [u8] {
        let bytes = blocks.row_bytes(self.cols);
        &data.bytes()[row * bytes..][..bytes]
    }
}

/// `dot(row)` is a row times the one token.
fn multiply_of(pool: &Pool, rows: &[u32], out: &mut [f32], dot: impl Fn(usize) -> f32 + Sync) {
    pool.par_rows(out, 1, 64, |index, out| out[0] = dot(rows[index] as usize));
}

impl RowBuilder {
    /// Takes a row, in any order: its values `[cols]`, and the bytes that they were decoded from, which is what
    /// [`RowFormat::Blocks`] keeps. F16 and BF16 keep exactly what came from such a file.
    pub fn push_row(&mut self, row: usize, values: &[f32], stored: &[u8]) {
        let data = match &mut self.data {
            Building::Ready(data) => data,
            Building::Grouped(format, builder, codes, scales) => {
                (format.decode)(stored, codes, scales);
                return builder.push_row(row, codes, scales);
            }
        };
        match data {
            Data::Int8(rows) => {
                rows.set_row(row, values);
            }
            Data::F16(data) => encode(values, data, row, |v| f32_to_f16(v).to_le_bytes()),
            Data::Bf16(data) => encode(values, data, row, |v| half::bf16::from_f32(v).to_le_bytes()),
            Data::F32(data) => encode(values, data, row, f32::to_le_bytes),
            Data::Blocks(_, data) => data.bytes_mut()[row * stored.len()..][..stored.len()].copy_from_slice(stored),
            // These are built otherwise.
            Data::Grouped(_) | Data::Widened(_) => {}
        }
    }

    /// Takes a row as `push_row` does, from its bytes in a file that has floats of the type of `format`, or blocks that a
    /// matrix of groups takes as they are, in a fraction of the time. Returns `false`, and takes nothing, if a value is no
    /// finite number, or for formats of which this cannot be done.
    pub fn push_stored_row(&mut self, row: usize, format: RowFormat, stored: &[u8]) -> bool {
        let is_finite = || match format {
            RowFormat::F16 => largest_finite(F16Bytes::all(stored)).is_some(),
            RowFormat::Bf16 => largest_finite(Bf16Bytes::all(stored)).is_some(),
            _ => largest_finite(F32Bytes::all(stored)).is_some(),
        };
        if let Building::Grouped(GroupFormat { is_packed: true, .. }, builder, ..) = &mut self.data {
            return builder.push_stored_row(row, stored);
        }
        match (&mut self.data, format) {
            (Building::Ready(Data::Int8(rows)), RowFormat::F16) => rows.set_row(row, F16Bytes::all(stored)),
            (Building::Ready(Data::Int8(rows)), RowFormat::Bf16) => rows.set_row(row, Bf16Bytes::all(stored)),
            (Building::Ready(Data::Int8(rows)), RowFormat::F32) => rows.set_row(row, F32Bytes::all(stored)),
            (Building::Ready(Data::F16(data)), RowFormat::F16)
            | (Building::Ready(Data::Bf16(data)), RowFormat::Bf16)
            | (Building::Ready(Data::F32(data)), RowFormat::F32)
                if is_finite() =>
            {
                data.bytes_mut()[row * stored.len()..][..stored.len()].copy_from_slice(stored);
                true
            }
            _ => false,
        }
    }

    /// The matrix.
    pub fn finish(self) -> RowMatrix {
        let data = match self.data {
            Building::Ready(data) => data,
            Building::Grouped(_, builder, ..) => Data::Grouped(builder.finish()),
        };
        RowMatrix { rows: self.rows, cols: self.cols, data }
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
        let cols = values.len() / rows;
        let mut builder = RowMatrix::builder(format, rows, cols).unwrap();
        for (row, values) in values.chunks_exact(cols).enumerate() {
            let stored: Vec<u8> = values.iter().map(|value| (value * 16.0) as i8 as u8).collect();
            builder.push_row(row, values, &stored);
        }
        builder.finish()
    }

    /// As the values of the bytes would be taken, for lengths with and without a rest; and not at all if one is no number.
    #[test]
    fn stored_rows_are_taken_as_their_values_are() {
        type Decode = fn(&[u8]) -> f32;
        let sources: [(RowFormat, usize, Decode); 3] = [
            (RowFormat::F16, 2, |bytes| half::f16::from_le_bytes([bytes[0], bytes[1]]).to_f32()),
            (RowFormat::Bf16, 2, |bytes| half::bf16::from_le_bytes([bytes[0], bytes[1]]).to_f32()),
            (RowFormat::F32, 4, |bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])),
        ];
        let mut random = crate::conformance::check::Random::new(20_261_126);
        for (source, size, decode) in sources {
            for cols in [1, 15, 16, 31, 32, 33, 70, 128, 200] {
                let values = random.normal(cols);
                let mut file: Vec<u8> = match source {
                    RowFormat::F16 => values.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect(),
                    RowFormat::Bf16 => values.iter().flat_map(|v| half::bf16::from_f32(*v).to_le_bytes()).collect(),
                    _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
                };
                // At an odd address.
                file.insert(0, 0);
                let values: Vec<f32> = file[1..].chunks_exact(size).map(decode).collect();
                for kept in [RowFormat::Int8, source] {
                    let [mut fast, mut slow] = [(); 2].map(|()| RowMatrix::builder(kept, 2, cols).unwrap());
                    assert!(fast.push_stored_row(1, source, &file[1..]), "{source:?} as {kept:?}, {cols} columns");
                    slow.push_row(1, &values, &file[1..]);
                    for strange in [0x7f, 0xff] {
                        let mut bad = file[1..].to_vec();
                        bad[size - 1..size].fill(strange);
                        bad[size - 2] |= 0xf0;
                        assert!(!fast.push_stored_row(0, source, &bad), "{source:?} {:?}", &bad[..size]);
                    }
                    let rows = [fast, slow].map(|builder| {
                        let (matrix, mut out) = (builder.finish(), vec![0.0; 2 * cols]);
                        (0..2).for_each(|row| matrix.row(row, &mut out[row * cols..][..cols]));
                        out.into_iter().map(f32::to_bits).collect::<Vec<_>>()
                    });
                    assert_eq!(rows[0], rows[1], "{source:?} as {kept:?}, {cols} columns");
                }
            }
        }
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

    /// Blocks of 32 sixteenths in a byte each: the bits of the same values as f32.
    #[test]
    fn blocks_multiply_as_floats_do() {
        let decode = |bytes: &[u8], out: &mut [f32]| {
            assert_eq!(bytes.len(), out.len());
            out.iter_mut().zip(bytes).for_each(|(out, byte)| *out = f32::from(*byte as i8) / 16.0);
        };
        let blocks = RowFormat::Blocks(BlockFormat { bytes: 32, len: 32, decode });
        for cols in [32, 256, 544] {
            let values: Vec<f32> = (0..5 * cols).map(|i| ((i * 37 % 241) as f32 - 120.0) / 16.0).collect();
            let x: Vec<f32> = (0..3 * cols).map(|i| ((i * 91 % 317) as f32 - 158.0) / 7.0).collect();
            let [blocks, floats] = [blocks, RowFormat::F32].map(|format| matrix(format, 5, &values));
            assert_eq!((blocks.bytes(), floats.bytes()), (5 * cols, 20 * cols));
            for tokens in [1, 3] {
                let products = [&blocks, &floats].map(|matrix| {
                    let mut out = vec![0.0; 5 * tokens];
                    matrix.matmul(&Pool::new(2), &x[..tokens * cols], &mut out);
                    out
                });
                assert_eq!(products[0], products[1], "{cols} columns, {tokens} tokens");
            }
            let (mut some, mut all, mut row) = ([0.0; 3], [0.0; 5], vec![0.0; cols]);
            blocks.matvec_of(&Pool::new(1), &x[..cols], &[4, 0, 4], &mut some);
            floats.matmul(&Pool::new(1), &x[..cols], &mut all);
            assert_eq!(some, [all[4], all[0], all[4]]);
            blocks.row(2, &mut row);
            assert_eq!(row, values[2 * cols..3 * cols]);
        }
    }
}
