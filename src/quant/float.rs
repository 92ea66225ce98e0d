//! F32, F16 and BF16 tensors as rows of f32.

use super::rows::RowCutter;
use super::{FloatType, TensorType};
use crate::{Error, ErrorKind, Result};

/// Decodes a float tensor row by row as its bytes arrive.
#[derive(Debug)]
pub struct FloatDecoder {
    name: String,
    float: FloatType,
    next_row: usize,
    cutter: RowCutter,
    row: Vec<f32>,
}

impl FloatDecoder {
    /// A decoder for the tensor `name` with rows of `cols` values of a float type.
    ///
    /// # Errors
    /// `InvalidModel` if the type is no float type.
    pub fn new(name: &str, tensor_type: TensorType, cols: usize) -> Result<Self> {
        let float = tensor_type.float().ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!("tensor {name}: expected F32, F16 or BF16, found {}", tensor_type.name()),
            )
        })?;
        Ok(Self {
            name: name.to_owned(),
            float,
            next_row: 0,
            cutter: RowCutter::new(cols * tensor_type.block_bytes()),
            row: Vec::new(),
        })
    }

    /// Takes the next bytes; `sink` gets the index of the first row and the values of whole rows.
    ///
    /// # Errors
    /// `InvalidModel` if a value is NaN or infinite; whatever `sink` fails with.
    pub fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(usize, &[f32]) -> Result<()>) -> Result<()> {
        let Self { name, float, next_row, cutter, row } = self;
        let row_bytes = cutter.row_bytes();
        cutter.push(bytes, |rows| {
            for bytes in rows.chunks_exact(row_bytes) {
                to_f32(*float, bytes, row);
                // All of them first: a loop without an early exit is vectorized.
                if !row.iter().fold(true, |finite, v| finite & v.is_finite()) {
                    let column = row.iter().position(|v| !v.is_finite()).unwrap_or_default();
                    return Err(Error::new(
                        ErrorKind::InvalidModel,
                        format!("tensor {name}: the value at row {next_row}, column {column} is NaN or infinite"),
                    ));
                }
                sink(*next_row, row)?;
                *next_row += 1;
            }
            Ok(())
        })
    }
}

/// Replaces the content of `out` by the values in `bytes`.
pub(super) fn to_f32(float: FloatType, bytes: &[u8], out: &mut Vec<f32>) {
    out.clear();
    match float {
        FloatType::F32 => {
            out.extend(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
        }
        FloatType::Bf16 => {
            out.extend(
                bytes.chunks_exact(2).map(|b| f32::from_bits(u32::from(u16::from_le_bytes([b[0], b[1]])) << 16)),
            );
        }
        FloatType::F16 => out.extend(bytes.chunks_exact(2).map(|b| half_to_f32(u16::from_le_bytes([b[0], b[1]])))),
    }
}

/// A half-precision float from its bits, without branches: the exponent is moved by a multiplication, which also gets
/// the subnormals right. Infinities and NaNs all become infinities.
#[inline(always)]
fn half_to_f32(bits: u16) -> f32 {
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
