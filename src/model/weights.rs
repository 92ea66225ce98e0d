//! The weights of a model, built tensor by tensor while the file streams in, and never changed after that.

use crate::kernels::{Kernel, RowBuilder, RowFormat, RowMatrix, TernaryBuilder, TernaryMatrix};
use crate::quant::{FloatDecoder, I2sLayout, TensorType, TernaryDecoder};
use crate::{Error, ErrorKind, Result};

use super::config::Config;
use super::plan::{Linear, Norm, Role, Slot};

/// One transformer block.
#[derive(Debug)]
pub struct LayerWeights {
    /// `[dim]`
    pub attn_norm: Vec<f32>,
    /// `[q_dim, dim]`
    pub q: TernaryMatrix,
    /// `[kv_dim, dim]`
    pub k: TernaryMatrix,
    /// `[kv_dim, dim]`
    pub v: TernaryMatrix,
    /// `[q_dim]`
    pub attn_sub_norm: Vec<f32>,
    /// `[dim, q_dim]`
    pub o: TernaryMatrix,
    /// `[dim]`
    pub ffn_norm: Vec<f32>,
    /// `[ffn_dim, dim]`
    pub gate: TernaryMatrix,
    /// `[ffn_dim, dim]`
    pub up: TernaryMatrix,
    /// `[ffn_dim]`
    pub ffn_sub_norm: Vec<f32>,
    /// `[dim, ffn_dim]`
    pub down: TernaryMatrix,
}

/// All weights of a model.
#[derive(Debug)]
pub struct Weights {
    /// `[vocab_size, dim]`
    pub embedding: RowMatrix,
    /// `[vocab_size, dim]`; `None` where the embedding is the head.
    pub output: Option<RowMatrix>,
    /// `[dim]`
    pub output_norm: Vec<f32>,
    /// `[rope_dim / 2]`, where the file has them.
    pub rope_factors: Option<Vec<f32>>,
    /// The blocks, first to last.
    pub layers: Vec<LayerWeights>,
}

impl Weights {
    /// The matrix of the output head, `[vocab_size, dim]`.
    pub fn head(&self) -> &RowMatrix {
        self.output.as_ref().unwrap_or(&self.embedding)
    }

    /// The bytes of all weights in memory.
    pub fn bytes(&self) -> usize {
        let floats = |v: &[f32]| size_of_val(v);
        let layers: usize = self
            .layers
            .iter()
            .map(|l| {
                let linears = [&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down];
                let norms = [&l.attn_norm, &l.attn_sub_norm, &l.ffn_norm, &l.ffn_sub_norm];
                linears.iter().map(|m| m.bytes()).sum::<usize>() + norms.iter().map(|v| floats(v)).sum::<usize>()
            })
            .sum();
        self.embedding.bytes()
            + self.output.as_ref().map_or(0, RowMatrix::bytes)
            + floats(&self.output_norm)
            + self.rope_factors.as_deref().map_or(0, floats)
            + layers
    }
}

/// How weights are kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightOptions {
    /// The kernel whose layout the ternary matrices get.
    pub kernel: Kernel,
    /// Keep embedding and head exactly as the file has them, instead of as int8 rows.
    pub exact_rows: bool,
    /// The interleaving of I2_S tensors.
    pub i2s_layout: I2sLayout,
}

impl WeightOptions {
    /// The format that a float matrix is kept in.
    pub fn row_format(&self, stored: TensorType) -> RowFormat {
        match stored {
            _ if !self.exact_rows => RowFormat::Int8,
            TensorType::F16 => RowFormat::F16,
            TensorType::Bf16 => RowFormat::Bf16,
            _ => RowFormat::F32,
        }
    }
}

#[derive(Debug)]
struct PartialLayer {
    linears: [Option<TernaryMatrix>; 7],
    scales: [Option<f32>; 7],
    norms: [Option<Vec<f32>>; 4],
}

/// Takes the tensors of a [`Plan`](super::plan::Plan) one after the other.
#[derive(Debug)]
pub struct WeightsBuilder {
    options: WeightOptions,
    embedding: Option<RowMatrix>,
    output: Option<RowMatrix>,
    output_norm: Option<Vec<f32>>,
    rope_factors: Option<Vec<f32>>,
    layers: Vec<PartialLayer>,
    current: Option<Current>,
}

/// The tensor that is being read.
#[derive(Debug)]
struct Current {
    role: Role,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Ternary(TernaryDecoder, TernaryBuilder),
    Rows(FloatDecoder, RowBuilder),
    Vector(FloatDecoder, Vec<f32>),
}

impl WeightsBuilder {
    /// An empty model of `config`.
    pub fn new(config: &Config, options: WeightOptions) -> Self {
        let layer = || PartialLayer { linears: Default::default(), scales: [None; 7], norms: Default::default() };
        Self {
            options,
            embedding: None,
            output: None,
            output_norm: None,
            rope_factors: None,
            layers: (0..config.n_layers).map(|_| layer()).collect(),
            current: None,
        }
    }

    /// Begins the tensor `slot`, whose bytes come next.
    ///
    /// # Errors
    /// `OutOfMemory` if its memory cannot be had.
    pub fn begin(&mut self, slot: &Slot) -> Result<()> {
        let Slot { role, ref name, tensor_type, rows, cols, .. } = *slot;
        let sink = match role {
            Role::Linear(..) => Sink::Ternary(
                TernaryDecoder::new(name, tensor_type, self.options.i2s_layout, rows, cols)?,
                TernaryMatrix::builder(self.options.kernel, rows, cols)?,
            ),
            Role::Embedding | Role::Output => Sink::Rows(
                FloatDecoder::new(name, tensor_type, cols)?,
                RowMatrix::builder(self.options.row_format(tensor_type), rows, cols)?,
            ),
            _ => Sink::Vector(FloatDecoder::new(name, tensor_type, cols)?, Vec::with_capacity(cols)),
        };
        self.current = Some(Current { role, sink });
        Ok(())
    }

    /// The next bytes of the tensor that was begun.
    ///
    /// # Errors
    /// What the decoders find wrong with them.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        match self.current.as_mut().map(|current| &mut current.sink) {
            None => Err(Error::new(ErrorKind::Internal, "bytes for a tensor that was not begun")),
            Some(Sink::Ternary(decoder, builder)) => decoder.push(bytes, |row, codes| {
                builder.push_rows(row, codes);
                Ok(())
            }),
            Some(Sink::Rows(decoder, builder)) => decoder.push(bytes, |row, values| {
                builder.push_rows(row, values);
                Ok(())
            }),
            Some(Sink::Vector(decoder, vector)) => decoder.push(bytes, |_, values| {
                vector.extend_from_slice(values);
                Ok(())
            }),
        }
    }

    /// Ends the tensor that was begun.
    ///
    /// # Errors
    /// What the decoders find wrong with it as a whole.
    pub fn end(&mut self) -> Result<()> {
        let Some(Current { role, sink }) = self.current.take() else {
            return Err(Error::new(ErrorKind::Internal, "the end of a tensor that was not begun"));
        };
        match (role, sink) {
            (Role::Linear(layer, linear), Sink::Ternary(decoder, mut builder)) => {
                let scale = decoder.finish(|row, codes| {
                    builder.push_rows(row, codes);
                    Ok(())
                })?;
                self.layers[layer].linears[linear.index()] = Some(builder.finish(scale));
            }
            (Role::Embedding, Sink::Rows(_, builder)) => self.embedding = Some(builder.finish()),
            (Role::Output, Sink::Rows(_, builder)) => self.output = Some(builder.finish()),
            (Role::Norm(layer, norm), Sink::Vector(_, vector)) => {
                self.layers[layer].norms[norm.index()] = Some(vector);
            }
            (Role::Scale(layer, linear), Sink::Vector(_, vector)) => {
                self.layers[layer].scales[linear.index()] = vector.first().copied();
            }
            (Role::OutputNorm, Sink::Vector(_, vector)) => self.output_norm = Some(vector),
            (Role::RopeFactors, Sink::Vector(_, vector)) => self.rope_factors = Some(vector),
            _ => return Err(Error::new(ErrorKind::Internal, "a tensor was read as something that it is not")),
        }
        Ok(())
    }

    /// All tensors are there.
    ///
    /// # Errors
    /// `Internal` if one is missing, which the plan rules out.
    pub fn finish(self) -> Result<Weights> {
        Ok(Weights {
            embedding: self.embedding.ok_or_else(incomplete)?,
            output: self.output,
            output_norm: self.output_norm.ok_or_else(incomplete)?,
            rope_factors: self.rope_factors,
            layers: self.layers.into_iter().map(PartialLayer::finish).collect::<Result<_>>()?,
        })
    }
}

impl PartialLayer {
    fn linear(&mut self, linear: Linear) -> Result<TernaryMatrix> {
        let mut matrix = self.linears[linear.index()].take().ok_or_else(incomplete)?;
        if let Some(factor) = self.scales[linear.index()] {
            matrix.scale_by(factor);
        }
        Ok(matrix)
    }

    fn norm(&mut self, norm: Norm) -> Result<Vec<f32>> {
        self.norms[norm.index()].take().ok_or_else(incomplete)
    }

    fn finish(mut self) -> Result<LayerWeights> {
        Ok(LayerWeights {
            attn_norm: self.norm(Norm::Attn)?,
            q: self.linear(Linear::Q)?,
            k: self.linear(Linear::K)?,
            v: self.linear(Linear::V)?,
            attn_sub_norm: self.norm(Norm::AttnSub)?,
            o: self.linear(Linear::O)?,
            ffn_norm: self.norm(Norm::Ffn)?,
            gate: self.linear(Linear::Gate)?,
            up: self.linear(Linear::Up)?,
            ffn_sub_norm: self.norm(Norm::FfnSub)?,
            down: self.linear(Linear::Down)?,
        })
    }
}

fn incomplete() -> Error {
    Error::new(ErrorKind::Internal, "a tensor of the plan was not read")
}
