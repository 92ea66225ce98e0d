//! A ternary tensor of any storage type, decoded as its bytes arrive.

use super::TensorType;
use super::absmean::{Survey, Ternarizer};
use super::float::half_to_f32;
use super::float_groups::{FloatGroups, GroupSurvey};
use super::grouped::{check_scales, has_two};
use super::i2_s::{self, I2sLayout};
use super::packed::{self, QUARTERS};
use super::rows::RowCutter;
use crate::kernels::GroupColumns;
use crate::{Error, ErrorKind, Result};

/// Rows decoded per call of the sink: enough to amortise the call, small enough to stay in cache.
const ROWS_PER_BLOCK: usize = 4;

/// What a tensor turned out to be.
#[derive(Debug, PartialEq)]
pub enum Decoded {
    /// Codes -1, 0 and +1, which were handed out, times this scale.
    Ternary(f32),
    /// Floats that are ternary codes times a scale for each group of columns, in these bytes. No rows were handed out.
    Groups(FloatGroups, Vec<u8>),
    /// Something else, in these bytes: weights of more than one magnitude. Rows that were handed out mean nothing.
    Other(Vec<u8>),
}

/// Decodes one linear weight matrix. The sink gets the index of the first row and the codes of whole rows.
///
/// All types but I2_S and transformers' packed codes are held until the last byte: whether there is one scale depends on all
/// weights.
#[derive(Debug)]
pub struct TernaryDecoder {
    name: String,
    tensor_type: TensorType,
    layout: I2sLayout,
    /// Whether floats of more than one magnitude are rounded to ternary ones.
    ternarizes: bool,
    /// Whether floats are master weights, whatever they look like.
    is_master: bool,
    rows: usize,
    cols: usize,
    next_row: usize,
    cutter: RowCutter,
    codes: Vec<i8>,
    trailer: Vec<u8>,
    held: Vec<u8>,
}

impl TernaryDecoder {
    /// A decoder for the tensor `name` of `rows` rows of `cols` weights. With `ternarizes`, floats are master weights, which
    /// are made ternary as BitNet b1.58 does in training, unless they are already.
    ///
    /// # Errors
    /// `InvalidModel` if the type cannot hold rows of `cols` weights.
    pub fn new(
        name: &str,
        tensor_type: TensorType,
        layout: I2sLayout,
        ternarizes: bool,
        rows: usize,
        cols: usize,
    ) -> Result<Self> {
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
            ternarizes,
            is_master: false,
            rows,
            cols,
            next_row: 0,
            cutter: RowCutter::new(if is_packed { QUARTERS * row_bytes } else { row_bytes }),
            codes: Vec::new(),
            trailer: Vec::new(),
            held: Vec::new(),
        })
    }

    /// Floats are rounded, and have no groups, whatever they look like: the file says itself that they are master weights.
    pub fn of_master_weights(self) -> Self {
        Self { is_master: true, ..self }
    }

    /// Takes the next bytes of the tensor.
    ///
    /// # Errors
    /// `InvalidModel` for a packed code that stands for no weight; whatever `sink` fails with.
    pub fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(usize, &[i8]) -> Result<()>) -> Result<()> {
        match self.tensor_type {
            TensorType::I2S => {}
            TensorType::Packed => return self.unpack(bytes, sink),
            _ => return self.hold(bytes),
        }
        let row_bytes = self.cutter.row_bytes();
        let rows_left = (self.rows - self.next_row) * row_bytes;
        let (rows, trailer) = bytes.split_at(bytes.len().min(rows_left - self.cutter.partial_len()));
        let Self { layout, cols, next_row, cutter, codes, .. } = self;
        cutter.push(rows, |rows| {
            for block in rows.chunks(ROWS_PER_BLOCK * row_bytes) {
                let n_rows = block.len() / row_bytes;
                codes.resize(n_rows * *cols, 0);
                i2_s::decode(*layout, block, codes);
                sink(*next_row, codes)?;
                *next_row += n_rows;
            }
            Ok(())
        })?;
        self.trailer.extend_from_slice(trailer);
        Ok(())
    }

    /// Ends the tensor. Types that are held hand out all their rows here.
    ///
    /// # Errors
    /// `InvalidModel` for a weight or a scale that is no number, or a code that its type does not have; whatever `sink` fails
    /// with.
    pub fn finish(mut self, mut sink: impl FnMut(usize, &[i8]) -> Result<()>) -> Result<Decoded> {
        let mut groups = None;
        let decoded = if self.tensor_type == TensorType::I2S {
            match self.trailer.as_slice().try_into() {
                Ok(trailer) => Some(i2_s::scale(trailer)),
                Err(_) => return Err(self.invalid("its bytes end before its scale")),
            }
        } else if self.tensor_type == TensorType::Packed {
            Some(1.0)
        } else if let Some((scheme, decode)) = self.tensor_type.groups() {
            self.decode_groups(scheme.columns, decode, &mut sink)?
        } else {
            self.ternarize(&mut sink, &mut groups)?
        };
        match decoded {
            Some(scale) => {
                check_scale(&self.name, scale)?;
                Ok(Decoded::Ternary(scale))
            }
            None => Ok(match groups {
                Some(groups) => Decoded::Groups(groups, self.held),
                None => Decoded::Other(self.held),
            }),
        }
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
        if self.held.capacity() < total {
            self.held.try_reserve_exact(total).map_err(|e| {
                Error::new(ErrorKind::OutOfMemory, format!("tensor {}: no memory for {total} bytes", self.name))
                    .with_source(e)
            })?;
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    /// Groups of columns: ternary if all scales that are not 0 are one, and no code is 2. A group whose scale is 0 is all
    /// zeros, whatever its codes say.
    fn decode_groups(
        &mut self,
        columns: GroupColumns,
        decode: crate::kernels::GroupDecoder,
        sink: &mut impl FnMut(usize, &[i8]) -> Result<()>,
    ) -> Result<Option<f32>> {
        let mut codes = vec![0; self.cols];
        let mut scales = vec![0; self.cols / columns.count()];
        let mut common = None;
        for (index, bytes) in self.held.chunks_exact(self.cutter.row_bytes()).enumerate() {
            decode(bytes, &mut codes, &mut scales);
            check_scales(&self.name, &scales)?;
            for (codes, &scale) in codes.chunks_exact_mut(columns.count()).zip(&scales) {
                if scale & 0x7fff == 0 {
                    codes.fill(0);
                } else if *common.get_or_insert(scale) != scale {
                    return Ok(None);
                }
            }
            if has_two(&codes) {
                return Ok(None);
            }
            sink(index, &codes)?;
        }
        Ok(Some(common.map_or(0.0, half_to_f32)))
    }

    /// Weights that are stored one by one, or rounded to more than two bits. Those that have a scale for each group tell so in
    /// `groups`: master weights never do.
    fn ternarize(
        &mut self,
        sink: &mut impl FnMut(usize, &[i8]) -> Result<()>,
        groups: &mut Option<FloatGroups>,
    ) -> Result<Option<f32>> {
        let Some(decode) = self.tensor_type.row_decoder() else {
            return Err(Error::new(ErrorKind::Internal, "only weights with a value each are ternarized"));
        };
        let row_bytes = self.cutter.row_bytes();
        let mut row = vec![0.0; self.cols];
        let (mut survey, mut group_survey) = (Survey::new(), GroupSurvey::new(self.cols));
        for bytes in self.held.chunks_exact(row_bytes) {
            decode(bytes, &mut row);
            survey.add(&row);
            group_survey.add(&row);
        }
        let Some(ternarizer) = survey.ternarizer(self.is_master) else {
            return Err(self.invalid("one of its weights is NaN or infinite"));
        };
        // Quantized weights are not the master weights that absmean is defined on: what it made of them would be another model.
        let is_master = self.ternarizes && self.tensor_type.is_float();
        if matches!(ternarizer, Ternarizer::AbsMean { .. }) {
            *groups = group_survey.groups().filter(|_| !self.is_master);
            if groups.is_some() || !is_master {
                return Ok(None);
            }
        }
        for (index, bytes) in self.held.chunks_exact(row_bytes).enumerate() {
            decode(bytes, &mut row);
            self.codes.clear();
            self.codes.extend(row.iter().map(|&w| ternarizer.code(w)));
            sink(index, &self.codes)?;
        }
        Ok(Some(ternarizer.scale()))
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
