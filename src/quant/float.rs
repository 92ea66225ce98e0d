//! Tensors that are not ternary, floats and quantized ones, as rows of f32.

use super::rows::RowCutter;
use super::{RowDecoder, TensorType};
use crate::{Error, ErrorKind, Result};

/// Decodes a tensor to f32 row by row as its bytes arrive.
#[derive(Debug)]
pub struct FloatDecoder {
    name: String,
    decode: RowDecoder,
    next_row: usize,
    cutter: RowCutter,
    row: Vec<f32>,
}

impl FloatDecoder {
    /// A decoder for the tensor `name` with rows of `cols` values, of a type that is not ternary.
    ///
    /// # Errors
    /// `Unsupported` if the type is ternary, `InvalidModel` if it cannot hold rows of `cols` values.
    pub fn new(name: &str, tensor_type: TensorType, cols: usize) -> Result<Self> {
        let decode = tensor_type.row_decoder().ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!(
                    "tensor {name}: expected {}, found {}",
                    TensorType::names(|t| t.row_decoder().is_some()),
                    tensor_type.name()
                ),
            )
        })?;
        let row_bytes = tensor_type.row_bytes(cols).ok_or_else(|| tensor_type.no_such_row(name, cols))?;
        Ok(Self { name: name.to_owned(), decode, next_row: 0, cutter: RowCutter::new(row_bytes), row: vec![0.0; cols] })
    }

    /// Takes the next bytes; `sink` gets whole rows.
    ///
    /// # Errors
    /// `InvalidModel` if a value is NaN or infinite; whatever `sink` fails with.
    pub fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(FloatRow<'_>) -> Result<()>) -> Result<()> {
        self.push_undecoded(bytes, |row| sink(row.decode()?))
    }

    /// As [`push`](Self::push), but `sink` says which rows have to be decoded.
    ///
    /// # Errors
    /// Whatever `sink` fails with.
    pub fn push_undecoded(&mut self, bytes: &[u8], mut sink: impl FnMut(StoredRow<'_>) -> Result<()>) -> Result<()> {
        let Self { name, decode, next_row, cutter, row } = self;
        let row_bytes = cutter.row_bytes();
        cutter.push(bytes, |rows| {
            for stored in rows.chunks_exact(row_bytes) {
                sink(StoredRow { index: *next_row, stored, name, decode: *decode, values: row })?;
                *next_row += 1;
            }
            Ok(())
        })
    }
}

/// A row that a [`FloatDecoder`] has not decoded yet.
#[derive(Debug)]
pub struct StoredRow<'a> {
    /// Its place in the tensor.
    pub index: usize,
    /// Its bytes in the file.
    pub stored: &'a [u8],
    name: &'a str,
    decode: RowDecoder,
    values: &'a mut [f32],
}

impl<'a> StoredRow<'a> {
    /// Its values.
    ///
    /// # Errors
    /// `InvalidModel` if one is NaN or infinite.
    pub fn decode(self) -> Result<FloatRow<'a>> {
        let Self { index, stored, name, decode, values } = self;
        decode(stored, values);
        // All of them first: a loop without an early exit is vectorized.
        if !values.iter().fold(true, |finite, v| finite & v.is_finite()) {
            let column = values.iter().position(|v| !v.is_finite()).unwrap_or_default();
            return Err(Error::new(
                ErrorKind::InvalidModel,
                format!("tensor {name}: the value at row {index}, column {column} is NaN or infinite"),
            ));
        }
        Ok(FloatRow { index, stored, values })
    }
}

/// A row that a [`FloatDecoder`] hands out.
#[derive(Clone, Copy, Debug)]
pub struct FloatRow<'a> {
    /// Its place in the tensor.
    pub index: usize,
    /// Its bytes in the file.
    pub stored: &'a [u8],
    /// What they stand for, `[cols]`.
    pub values: &'a [f32],
}

pub(super) fn f32_row(bytes: &[u8], values: &mut [f32]) {
    for (value, bytes) in values.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *value = f32::from_le_bytes(*bytes);
    }
}

pub(super) fn f16_row(bytes: &[u8], values: &mut [f32]) {
    for (value, bytes) in values.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *value = half_to_f32(u16::from_le_bytes(*bytes));
    }
}

pub(super) fn bf16_row(bytes: &[u8], values: &mut [f32]) {
    for (value, bytes) in values.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *value = f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16);
    }
}

/// A half-precision float from its bits, without branches: the exponent is moved by a multiplication, which also gets
/// the subnormals right. Infinities and NaNs all become infinities.
#[inline(always)]
pub(crate) fn half_to_f32(bits: u16) -> f32 {
    const TWO_POW_112: f32 = f32::from_bits((127 + 112) << 23);
    let magnitude = u32::from(bits & 0x7fff);
    let scaled = f32::from_bits(magnitude << 13) * TWO_POW_112;
    let value = if magnitude < 0x7c00 { scaled } else { f32::INFINITY };
    f32::from_bits(value.to_bits() | u32::from(bits & 0x8000) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_converted() {
        for bits in 0..=u16::MAX {
            let (got, want) = (half_to_f32(bits), half::f16::from_bits(bits).to_f32());
            assert!(got.to_bits() == want.to_bits() || !got.is_finite() && !want.is_finite(), "{bits:04x}");
        }
    }
}
