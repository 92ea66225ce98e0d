//! A tensor of ternary codes with a scale for each group of columns, decoded row by row as its bytes arrive.

use super::blocks::bits_at;
use super::rows::RowCutter;
use super::{TensorType, float::half_to_f32};
use crate::kernels::GroupDecoder;
use crate::{Error, ErrorKind, Result};

/// Decodes a tensor of a type that has [groups](TensorType::groups).
#[derive(Debug)]
pub struct GroupedDecoder {
    name: String,
    decode: GroupDecoder,
    /// The bytes of a block of [packed codes](TensorType::has_packed_groups).
    packed_block: Option<usize>,
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
    /// Its weights.
    pub weights: GroupedWeights<'a>,
}

/// The weights of a row.
#[derive(Clone, Copy, Debug)]
pub enum GroupedWeights<'a> {
    /// Decoded.
    Codes {
        /// Codes -1 to 2, `[cols]`.
        codes: &'a [i8],
        /// The scales of its groups, f16 bits of finite numbers.
        scales: &'a [u16],
    },
    /// Blocks of a finite f16 scale and the codes of its group, as [`TensorType::has_packed_groups`] describes them.
    Packed(&'a [u8]),
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
            packed_block: tensor_type.has_packed_groups().then(|| tensor_type.block_bytes()),
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
        let Self { name, decode, packed_block, next_row, cutter, codes, scales } = self;
        let row_bytes = cutter.row_bytes();
        cutter.push(bytes, |rows| {
            for stored in rows.chunks_exact(row_bytes) {
                let weights = if let Some(block) = *packed_block {
                    let blocks = stored.chunks_exact(block);
                    scales.iter_mut().zip(blocks).for_each(|(scale, block)| *scale = bits_at(block, 0));
                    check_scales(name, scales)?;
                    GroupedWeights::Packed(stored)
                } else {
                    decode(stored, codes, scales);
                    check_scales(name, scales)?;
                    GroupedWeights::Codes { codes, scales }
                };
                sink(GroupedRow { index: *next_row, weights })?;
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
