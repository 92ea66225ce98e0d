//! A ternary tensor of any storage type, decoded as its bytes arrive.

use half::f16;

use super::absmean::{Survey, Ternarizer};
use super::block_scale::BlockScale;
use super::i2_s::{self, I2sLayout};
use super::packed::{self, QUARTERS};
use super::rows::RowCutter;
use super::{TensorType, tq1_0, tq2_0};
use crate::kernels::Scales;
use crate::{Error, ErrorKind, Result};

/// Rows decoded per call of the sink: enough to amortise the call, small enough to stay in cache.
const ROWS_PER_BLOCK: usize = 4;

/// Decodes one linear weight matrix. The sink gets the index of the first row and the codes of whole rows.
///
/// Types that are not ternary are held until the last byte: their scale depends on all weights.
#[derive(Debug)]
pub struct TernaryDecoder {
    name: String,
    tensor_type: TensorType,
    layout: I2sLayout,
    rows: usize,
    cols: usize,
    next_row: usize,
    cutter: RowCutter,
    codes: Vec<i8>,
    /// The one nonzero block scale of a TQ tensor seen so far.
    block_scale: Option<u16>,
    trailer: Vec<u8>,
    floats: Vec<u8>,
    already_ternary: bool,
}

impl TernaryDecoder {
    /// A decoder for the tensor `name` of `rows` rows of `cols` weights.
    ///
    /// # Errors
    /// `InvalidModel` if the type cannot hold rows of `cols` weights.
    pub fn new(name: &str, tensor_type: TensorType, layout: I2sLayout, rows: usize, cols: usize) -> Result<Self> {
        let Some(row_bytes) = tensor_type.row_bytes(cols) else {
            return Err(tensor_type.no_such_row(name, cols));
        };
        let is_packed = tensor_type == TensorType::Packed;
        if is_packed && !rows.is_multiple_of(QUARTERS) {
            let message = format!("tensor {name}: packed rows need a multiple of {QUARTERS} rows, found {rows}");
            return Err(Error::new(ErrorKind::InvalidModel, message));
        }
        Ok(Self {
            name: name.to_owned(),
            tensor_type,
            layout,
            rows,
            cols,
            next_row: 0,
            cutter: RowCutter::new(if is_packed { QUARTERS * row_bytes } else { row_bytes }),
            codes: Vec::new(),
            block_scale: None,
            trailer: Vec::new(),
            floats: Vec::new(),
            already_ternary: false,
        })
    }

    /// Floats must be ternary as they are: all that are not zero have one magnitude. Others are refused instead of rounded.
    #[must_use]
    pub fn already_ternary(self) -> Self {
        Self { already_ternary: true, ..self }
    }

    /// Takes the next bytes of the tensor.
    ///
    /// # Errors
    /// `InvalidModel` for weights that are not ternary or a scale that is no number, `Unsupported` for a scale per
    /// block; whatever `sink` fails with.
    pub fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(usize, &[i8]) -> Result<()>) -> Result<()> {
        if self.tensor_type.row_decoder().is_some() {
            return self.hold(bytes);
        }
        if self.tensor_type == TensorType::Packed {
            return self.unpack(bytes, sink);
        }
        let row_bytes = self.tensor_type.row_bytes(self.cols).unwrap_or(1);
        let rows_left = (self.rows - self.next_row) * row_bytes;
        let (rows, trailer) = bytes.split_at(bytes.len().min(rows_left - self.cutter.partial_len()));
        let Self { name, tensor_type, layout, cols, next_row, cutter, codes, block_scale, .. } = self;
        cutter.push(rows, |rows| {
            for block in rows.chunks(ROWS_PER_BLOCK * row_bytes) {
                let n_rows = block.len() / row_bytes;
                codes.resize(n_rows * *cols, 0);
                match tensor_type {
                    TensorType::I2S => i2_s::decode(*layout, block, codes),
                    TensorType::Tq1_0 => {
                        for (bytes, out) in block.chunks_exact(tq1_0::BLOCK_BYTES).zip(codes.chunks_exact_mut(256)) {
                            let found = tq1_0::decode_block(bytes, out);
                            *block_scale = merge_scale(name, *block_scale, &found, out)?;
                        }
                    }
                    TensorType::Tq2_0 => {
                        for (bytes, out) in block.chunks_exact(tq2_0::BLOCK_BYTES).zip(codes.chunks_exact_mut(256)) {
                            let found = tq2_0::decode_block(bytes, out);
                            *block_scale = merge_scale(name, *block_scale, &found, out)?;
                        }
                    }
                    TensorType::F32
                    | TensorType::F16
                    | TensorType::Bf16
                    | TensorType::Q4_0
                    | TensorType::Q4_1
                    | TensorType::Q5_0
                    | TensorType::Q5_1
                    | TensorType::Q8_0
                    | TensorType::Q4K
                    | TensorType::Q5K
                    | TensorType::Q6K
                    | TensorType::Iq4Nl
                    | TensorType::Packed => {
                        return Err(Error::new(ErrorKind::Internal, "a tensor that is decoded elsewhere"));
                    }
                }
                sink(*next_row, codes)?;
                *next_row += n_rows;
            }
            Ok(())
        })?;
        self.trailer.extend_from_slice(trailer);
        Ok(())
    }

    /// Ends the tensor and returns its scales. Types that are not ternary hand out all their rows here.
    ///
    /// # Errors
    /// As [`push`](Self::push); `InvalidModel` if the scale is no finite number; `Unsupported` for floats that had to be
    /// [ternary already](Self::already_ternary).
    pub fn finish(mut self, mut sink: impl FnMut(usize, &[i8]) -> Result<()>) -> Result<Scales> {
        let scale = match self.tensor_type {
            TensorType::I2S => match self.trailer.as_slice().try_into() {
                Ok(trailer) => i2_s::scale(trailer),
                Err(_) => return Err(self.invalid("its bytes end before its scale")),
            },
            TensorType::Tq1_0 | TensorType::Tq2_0 => self.block_scale.map_or(0.0, |bits| f16::from_bits(bits).to_f32()),
            TensorType::Packed => 1.0,
            TensorType::F32
            | TensorType::F16
            | TensorType::Bf16
            | TensorType::Q4_0
            | TensorType::Q4_1
            | TensorType::Q5_0
            | TensorType::Q5_1
            | TensorType::Q8_0
            | TensorType::Q4K
            | TensorType::Q5K
            | TensorType::Q6K
            | TensorType::Iq4Nl => self.ternarize(&mut sink)?,
        };
        check_scale(&self.name, scale)?;
        Ok(Scales::Tensor(scale))
    }

    /// Each packed row becomes four rows, a quarter of the matrix apart.
    fn unpack(&mut self, bytes: &[u8], mut sink: impl FnMut(usize, &[i8]) -> Result<()>) -> Result<()> {
        let Self { name, rows, cols, next_row, cutter, codes, .. } = self;
        codes.resize(*cols, 0);
        cutter.push(bytes, |packed_rows| {
            for packed in packed_rows.chunks_exact(*cols) {
                for quarter in 0..QUARTERS {
                    let row = quarter * (*rows / QUARTERS) + *next_row;
                    if !packed::decode_row(packed, quarter, codes) {
                        return Err(Error::new(
                            ErrorKind::InvalidModel,
                            format!("tensor {name}: row {row} has a code beyond -1, 0, +1: the file is damaged"),
                        ));
                    }
                    sink(row, codes)?;
                }
                *next_row += 1;
            }
            Ok(())
        })
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<()> {
        let total = self.tensor_type.tensor_bytes(self.rows, self.cols).unwrap_or(0) as usize;
        if self.floats.capacity() < total {
            self.floats.try_reserve_exact(total).map_err(|e| {
                Error::new(ErrorKind::OutOfMemory, format!("tensor {}: no memory for {total} bytes", self.name))
                    .with_source(e)
            })?;
        }
        self.floats.extend_from_slice(bytes);
        Ok(())
    }

    fn ternarize(&mut self, sink: &mut impl FnMut(usize, &[i8]) -> Result<()>) -> Result<f32> {
        let Some(decode) = self.tensor_type.row_decoder() else {
            return Err(Error::new(ErrorKind::Internal, "only float tensors are ternarized"));
        };
        let row_bytes = self.tensor_type.row_bytes(self.cols).unwrap_or(1);
        let mut row = vec![0.0; self.cols];
        let mut survey = Survey::new();
        for bytes in self.floats.chunks_exact(row_bytes) {
            decode(bytes, &mut row);
            survey.add(&row);
        }
        let Some(ternarizer) = survey.ternarizer() else {
            return Err(self.invalid("one of its weights is NaN or infinite"));
        };
        if matches!(ternarizer, Ternarizer::AbsMean { .. }) && (self.already_ternary || !self.tensor_type.is_float()) {
            return Err(self.not_ternary());
        }
        for (index, bytes) in self.floats.chunks_exact(row_bytes).enumerate() {
            decode(bytes, &mut row);
            self.codes.clear();
            self.codes.extend(row.iter().map(|&w| ternarizer.code(w)));
            sink(index, &self.codes)?;
        }
        Ok(ternarizer.scale())
    }

    /// Quantized weights are not the master weights that absmean is defined on: what it made of them would be another model.
    fn not_ternary(&self) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "tensor {}: expected ternary weights, found {} weights of more than one magnitude: this is no ternary model, \
                 or one that was quantized again; take its file in I2_S, TQ1_0, TQ2_0 or F16",
                self.name,
                self.tensor_type.name()
            ),
        )
    }

    fn invalid(&self, what: &str) -> Error {
        Error::new(ErrorKind::InvalidModel, format!("tensor {}: {what}", self.name))
    }
}

/// The square root of the greatest f32.
const MAX_SCALE: f32 = 1.844_674_3e19;

/// Checks the scale of a ternary matrix, which is about 1 in trained models.
///
/// # Errors
/// `InvalidModel` for what is no finite number, or so large that the squares of the products, which the next norm or the
/// attention sums up, are none.
pub fn check_scale(name: &str, scale: f32) -> Result<()> {
    if scale.abs() <= MAX_SCALE {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidModel,
        format!(
            "tensor {name}: its scale is {scale:e}, expected at most {MAX_SCALE:e}: what it scales would overflow; the \
             file is damaged"
        ),
    ))
}

/// Keeps the one scale that a TQ tensor may have. A block with d = 0 is all zeros, whatever its codes say.
fn merge_scale(name: &str, known: Option<u16>, found: &BlockScale, codes: &mut [i8]) -> Result<Option<u16>> {
    if found.bits & 0x7fff == 0 {
        codes.fill(0);
        return Ok(known);
    }
    if found.out_of_range {
        return Err(Error::new(
            ErrorKind::InvalidModel,
            format!("tensor {name}: a weight code beyond -1, 0, +1: the file is damaged"),
        ));
    }
    match known {
        Some(bits) if bits != found.bits => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "tensor {name}: one scale per tensor expected, found blocks with {} and {}: models with a scale per \
                 group of weights are not supported yet",
                f16::from_bits(bits),
                f16::from_bits(found.bits)
            ),
        )),
        _ => Ok(Some(found.bits)),
    }
}
