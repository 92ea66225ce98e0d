//! A tensor of ternary codes with a scale for each group of columns, decoded row by row as its bytes arrive.

use super::rows::RowCutter;
use super::{TensorType, float::half_to_f32};
use crate::kernels::GroupDecoder;
use crate::{Error, ErrorKind, Result};

/// Decodes a tensor of a type that has [groups](TensorType::groups).
#[derive(Debug)]
pub struct GroupedDecoder {
    name: String,
    decode: GroupDecoder,
    next_row: usize,
    cutter: RowCutter,
    codes: Vec<i8>,
    scales: Vec<u16>,
}

/// A row that a [`GroupedDecoder`] hands out.
#[derive(Clone, Copy, Debug)]
pub struct GroupedRow<'a> {
    /// Its place in the tensor.
    pub index: usize,
    /// Codes -1 to 2, `[cols]`.
    pub codes: &'a [i8],
    /// The scales of its groups, f16 bits of finite numbers.
    pub scales: &'a [u16],
}

impl GroupedDecoder {
    /// A decoder for the tensor `name` with rows of `cols` weights.
    ///
    /// # Errors
    /// `Internal` for a type without groups, `InvalidModel` if it cannot hold rows of `cols` weights.
    pub fn new(name: &str, tensor_type: TensorType, cols: usize) -> Result<Self> {
        let Some((scheme, decode)) = tensor_type.groups() else {
            let context = format!("tensor {name}: {} has no scales of groups", tensor_type.name());
            return Err(Error::new(ErrorKind::Internal, context));
        };
        let row_bytes = tensor_type.row_bytes(cols).ok_or_else(|| tensor_type.no_such_row(name, cols))?;
        Ok(Self {
            name: name.to_owned(),
            decode,
            next_row: 0,
            cutter: RowCutter::new(row_bytes),
            codes: vec![0; cols],
            scales: vec![0; cols / scheme.columns.count()],
        })
    }

    /// Takes the next bytes; `sink` gets whole rows.
    ///
    /// # Errors
    /// `InvalidModel` for a scale that is NaN or infinite; whatever `sink` fails with.
    pub fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(GroupedRow<'_>) -> Result<()>) -> Result<()> {
        let Self { name, decode, next_row, cutter, codes, scales } = self;
        let row_bytes = cutter.row_bytes();
        cutter.push(bytes, |rows| {
            for stored in rows.chunks_exact(row_bytes) {
                decode(stored, codes, scales);
                check_scales(name, scales)?;
                sink(GroupedRow { index: *next_row, codes, scales })?;
                *next_row += 1;
            }
            Ok(())
        })
    }
}

/// Checks the scales of a row.
pub(super) fn check_scales(name: &str, scales: &[u16]) -> Result<()> {
    match scales.iter().find(|&&scale| !half_to_f32(scale).is_finite()) {
        None => Ok(()),
        Some(scale) => Err(Error::new(
            ErrorKind::InvalidModel,
            format!("tensor {name}: the scale of a group is NaN or infinite (f16 {scale:04x}): the file is damaged"),
        )),
    }
}

/// Whether a code is 2.
pub(super) fn has_two(codes: &[i8]) -> bool {
    codes.iter().fold(0, |most, code| most.max(*code)) > 1
}
