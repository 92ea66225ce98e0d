//! The weights of a model, built tensor by tensor while the file streams in, and never changed after that.

use std::ops::Index;

use crate::gguf::Conversion;
use crate::kernels::{ActivationScales, GroupFormat, Kernel, RowFormat, RowMatrix};
use crate::quant::{FloatDecoder, I2sLayout, TensorType, check_scale};
use crate::{Error, ErrorKind, Result};

use super::linear::{Linear, LinearRules};
use super::linear_builder::{LinearBuilder, stored_format};
use super::plan::{LinearId, Plan, Role, RowsId, Slot, VectorId};
use super::table_builder::TableBuilder;

/// All weights of a model. A graph holds the ids of its tensors and finds them here.
#[derive(Debug)]
pub struct Weights {
    rows: Vec<RowMatrix>,
    linears: Vec<Linear>,
    vectors: Vec<Vec<f32>>,
}

impl Weights {
    /// Whether the output head is a matrix of its own, and not the embedding.
    pub fn has_own_head(&self) -> bool {
        self.rows.len() > 1
    }

    /// The bytes of all weights in memory.
    pub fn bytes(&self) -> usize {
        self.rows.iter().map(RowMatrix::bytes).sum::<usize>()
            + self.linears.iter().map(Linear::bytes).sum::<usize>()
            + self.vectors.iter().map(|vector| size_of_val(vector.as_slice())).sum::<usize>()
    }
}

impl Index<RowsId> for Weights {
    type Output = RowMatrix;

    fn index(&self, id: RowsId) -> &RowMatrix {
        &self.rows[id.0]
    }
}

impl Index<LinearId> for Weights {
    type Output = Linear;

    fn index(&self, id: LinearId) -> &Linear {
        &self.linears[id.0]
    }
}

impl Index<VectorId> for Weights {
    type Output = [f32];

    fn index(&self, id: VectorId) -> &[f32] {
        &self.vectors[id.0]
    }
}

/// How weights are kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightOptions {
    /// The kernel whose layout the ternary matrices get.
    pub kernel: Kernel,
    /// Keep embedding and head exactly as the file has them, instead of as int8 rows, and the inputs of layers that were trained
    /// with floats as floats.
    pub exact: bool,
    /// The interleaving of I2_S tensors.
    pub i2s_layout: I2sLayout,
    /// How the linear layers were trained.
    pub rules: LinearRules,
}

impl WeightOptions {
    /// The format that the matrix of an embedding or a head is kept in.
    ///
    /// Exactly: in the file's own bytes. Otherwise a head of ternary codes stays what it is, and all else becomes int8 rows, of
    /// which the head reads half the bytes. A quantized embedding that is not the head keeps its bytes as well: they are no more
    /// than any kernel's layout, and one row of it is decoded for a token.
    pub fn row_format(&self, stored: TensorType, is_head: bool) -> RowFormat {
        if self.exact || !is_head && !stored.is_float() {
            return stored_format(stored);
        }
        match stored.groups() {
            Some((scheme, decode)) => {
                let is_packed = stored.has_packed_groups();
                RowFormat::Grouped(GroupFormat { kernel: self.kernel, scheme, decode, is_packed })
            }
            None => RowFormat::Int8,
        }
    }

    /// Whether matrices with scales of groups are always multiplied group by group.
    pub fn has_groups(&self) -> bool {
        self.rules.activations == ActivationScales::Group && !self.exact
    }

    /// The bytes that the matrix of a linear layer takes in memory; where that depends on its weights, those that it is
    /// expected to take. `may_be_other`: whether the file's matrices may be other than ternary.
    pub fn linear_bytes(&self, slot: &Slot, may_be_other: bool) -> usize {
        LinearBuilder::bytes_for(slot, self, may_be_other)
    }
}

/// Takes the tensors of a [`Plan`] one after the other.
#[derive(Debug)]
pub struct WeightsBuilder {
    options: WeightOptions,
    has_ternary_types: bool,
    rows: Vec<Option<RowMatrix>>,
    linears: Vec<Option<Linear>>,
    /// Of each linear layer the factor that lies beside it, with the name of its tensor.
    scales: Vec<Option<(String, f32)>>,
    vectors: Vec<Option<Vec<f32>>>,
    current: Option<Current>,
}

/// The tensor that is being read.
#[derive(Debug)]
struct Current {
    role: Role,
    name: String,
    conversion: Conversion,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Linear(LinearBuilder),
    Rows(FloatDecoder, TableBuilder),
    Vector(FloatDecoder, Vec<f32>),
}

impl WeightsBuilder {
    /// No tensor of `plan` yet.
    pub fn new(plan: &Plan, options: WeightOptions) -> Self {
        let (mut rows, mut linears, mut vectors) = (0, 0, 0);
        for slot in &plan.slots {
            match slot.role {
                Role::Rows(_) => rows += 1,
                Role::Linear(_) => linears += 1,
                Role::Vector(_) | Role::Constants(_) => vectors += 1,
                Role::Scale(_) => {}
            }
        }
        fn none<T>(count: usize) -> Vec<Option<T>> {
            (0..count).map(|_| None).collect()
        }
        Self {
            options,
            has_ternary_types: plan.has_ternary_types,
            rows: none(rows),
            linears: none(linears),
            scales: none(linears),
            vectors: none(vectors),
            current: None,
        }
    }

    /// Begins the tensor `slot`, whose bytes come next.
    ///
    /// # Errors
    /// `OutOfMemory` if its memory cannot be had.
    pub fn begin(&mut self, slot: &Slot) -> Result<()> {
        let Slot { role, ref name, tensor_type, rows, cols, conversion, .. } = *slot;
        let sink = match role {
            Role::Linear(_) => Sink::Linear(LinearBuilder::new(slot, &self.options, self.has_ternary_types)?),
            Role::Rows(id) => {
                // The head is the last of them: its own matrix, or the embedding.
                let format = self.options.row_format(tensor_type, id.0 + 1 == self.rows.len());
                let may_have_groups = tensor_type.is_float() && !self.options.exact;
                let builder = TableBuilder::new(self.options.kernel, tensor_type, format, may_have_groups, rows, cols)?;
                Sink::Rows(FloatDecoder::new(name, tensor_type, cols)?, builder)
            }
            Role::Scale(_) | Role::Vector(_) | Role::Constants(_) => {
                Sink::Vector(FloatDecoder::new(name, tensor_type, cols)?, Vec::with_capacity(cols))
            }
        };
        self.current = Some(Current { role, name: name.clone(), conversion, sink });
        Ok(())
    }

    /// The next bytes of the tensor that was begun.
    ///
    /// # Errors
    /// What the decoders find wrong with them.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(Current { sink, .. }) = &mut self.current else {
            return Err(Error::new(ErrorKind::Internal, "bytes for a tensor that was not begun"));
        };
        match sink {
            Sink::Linear(builder) => builder.push(bytes),
            Sink::Rows(decoder, builder) => decoder.push_undecoded(bytes, |row| builder.push(row)),
            Sink::Vector(decoder, vector) => decoder.push(bytes, |row| {
                vector.extend_from_slice(row.values);
                Ok(())
            }),
        }
    }

    /// Ends the tensor that was begun.
    ///
    /// # Errors
    /// What the decoders find wrong with it as a whole.
    pub fn end(&mut self) -> Result<()> {
        let Some(Current { role, name, conversion, sink }) = self.current.take() else {
            return Err(Error::new(ErrorKind::Internal, "the end of a tensor that was not begun"));
        };
        match (role, sink) {
            (Role::Linear(id), Sink::Linear(builder)) => self.linears[id.0] = Some(builder.finish()?),
            (Role::Rows(id), Sink::Rows(_, builder)) => self.rows[id.0] = Some(builder.finish()?),
            (Role::Scale(id), Sink::Vector(_, vector)) => {
                let factor = |stored: f32| if conversion.is_reciprocal { 1.0 / stored } else { stored };
                self.scales[id.0] = vector.first().map(|&stored| (name, factor(stored)));
            }
            (Role::Vector(id) | Role::Constants(id), Sink::Vector(_, mut vector)) => {
                if conversion.is_offset {
                    vector.iter_mut().for_each(|weight| *weight += 1.0);
                }
                self.vectors[id.0] = Some(vector);
            }
            _ => return Err(Error::new(ErrorKind::Internal, "a tensor was read as something that it is not")),
        }
        Ok(())
    }

    /// All tensors are there.
    ///
    /// # Errors
    /// `Internal` if one is missing, which the plan rules out.
    pub fn finish(self) -> Result<Weights> {
        fn all<T>(tensors: Vec<Option<T>>) -> Result<Vec<T>> {
            tensors.into_iter().map(|tensor| tensor.ok_or_else(incomplete)).collect()
        }
        let linears = all(self.linears)?.into_iter().zip(self.scales).map(|(mut layer, scale)| {
            if let Some((name, factor)) = scale {
                check_scale(&name, layer.scale_by(factor))?;
            }
            Ok(layer)
        });
        Ok(Weights { rows: all(self.rows)?, linears: linears.collect::<Result<_>>()?, vectors: all(self.vectors)? })
    }
}

fn incomplete() -> Error {
    Error::new(ErrorKind::Internal, "a tensor of the plan was not read")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(seed: &mut u64) -> u8 {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        (*seed >> 32) as u8
    }

    /// Blocks of any bytes whose values are finite.
    fn random_row(stored: TensorType, cols: usize, seed: &mut u64) -> (Vec<u8>, Vec<f32>) {
        let decode = stored.row_decoder().unwrap();
        let (mut bytes, mut values) = (Vec::new(), Vec::new());
        while values.len() < cols {
            let block: Vec<u8> = (0..stored.block_bytes()).map(|_| next(seed)).collect();
            let mut decoded = vec![0.0; stored.block_len()];
            decode(&block, &mut decoded);
            if decoded.iter().all(|value| value.is_finite()) {
                bytes.extend(block);
                values.extend(decoded);
            }
        }
        (bytes, values)
    }

    /// An embedding that is not the head: of each type that is not rounded to int8, in both precisions.
    #[test]
    fn looked_up_rows_are_those_of_the_file_in_its_size() {
        const SEED: u64 = 0x2026_1126;
        let (rows, cols) = (5, 512);
        for stored in TensorType::ALL.into_iter().filter(|stored| stored.row_decoder().is_some()) {
            for exact in [false, true] {
                if stored.is_float() && !exact {
                    continue;
                }
                let (name, mut seed) = (format!("{}, exact: {exact}, seed {SEED:#x}", stored.name()), SEED);
                let rules = LinearRules { activations: ActivationScales::Group, ternarizes_floats: false };
                let options = WeightOptions { kernel: Kernel::SCALAR, exact, i2s_layout: I2sLayout::default(), rules };
                let format = options.row_format(stored, false);
                let file: Vec<_> = (0..rows).map(|_| random_row(stored, cols, &mut seed)).collect();
                let mut builder = RowMatrix::builder(format, rows, cols).unwrap();
                let mut decoder = FloatDecoder::new("t", stored, cols).unwrap();
                for (bytes, _) in &file {
                    let sink = |row: crate::quant::FloatRow<'_>| {
                        builder.push_row(row.index, row.values, row.stored);
                        Ok(())
                    };
                    decoder.push(bytes, sink).unwrap();
                }
                let matrix = builder.finish();
                let bytes = file.iter().map(|(bytes, _)| bytes.len()).sum();
                assert_eq!((matrix.bytes(), RowMatrix::bytes_for(format, rows, cols)), (bytes, bytes), "{name}");
                for (row, (_, want)) in file.iter().enumerate().rev() {
                    let mut got = vec![0.0; cols];
                    matrix.row(row, &mut got);
                    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                    assert!(bits(&got) == bits(want), "{name}, row {row}");
                }
            }
        }
    }
}
