//! F32, F16 and BF16 tensors as rows of f32.

use half::slice::HalfFloatSliceExt;

use super::TensorType;
use super::rows::RowCutter;
use crate::{Error, ErrorKind, Result};

/// Decodes a float tensor row by row as its bytes arrive.
#[derive(Debug)]
pub struct FloatDecoder {
    name: String,
    tensor_type: TensorType,
    cols: usize,
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
        let row_bytes = tensor_type.row_bytes(cols).filter(|_| tensor_type.is_float()).ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!("tensor {name}: expected F32, F16 or BF16, found {}", tensor_type.name()),
            )
        })?;
        Ok(Self {
            name: name.to_owned(),
            tensor_type,
            cols,
            next_row: 0,
            cutter: RowCutter::new(row_bytes),
            row: Vec::new(),
        })
    }

    /// Takes the next bytes; `sink` gets the index of the first row and the values of whole rows.
    ///
    /// # Errors
    /// `InvalidModel` if a value is NaN or infinite; whatever `sink` fails with.
    pub fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(usize, &[f32]) -> Result<()>) -> Result<()> {
        let Self { name, tensor_type, cols, next_row, cutter, row } = self;
        let row_bytes = tensor_type.row_bytes(*cols).unwrap_or(1);
        cutter.push(bytes, |rows| {
            for bytes in rows.chunks_exact(row_bytes) {
                to_f32(*tensor_type, bytes, row);
                if let Some(column) = row.iter().position(|v| !v.is_finite()) {
                    return Err(Error::new(
                        ErrorKind::InvalidModel,
                        format!("tensor {name}: the value at row {next_row}, column {column} is {}", row[column]),
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
pub(super) fn to_f32(tensor_type: TensorType, bytes: &[u8], out: &mut Vec<f32>) {
    out.clear();
    match tensor_type {
        TensorType::F32 => {
            out.extend(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
        }
        TensorType::Bf16 => {
            out.extend(
                bytes.chunks_exact(2).map(|b| f32::from_bits(u32::from(u16::from_le_bytes([b[0], b[1]])) << 16)),
            );
        }
        _ => {
            let halves: Vec<half::f16> =
                bytes.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]])).collect();
            out.resize(halves.len(), 0.0);
            halves.convert_to_f32_slice(out);
        }
    }
}
