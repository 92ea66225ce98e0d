//! Which tensor of the file goes where: every name, shape and type is checked here, before the first weight is read.

use std::collections::HashMap;

use crate::gguf::{Header, TensorInfo, type_name};
use crate::quant::TensorType;
use crate::{Error, ErrorKind, Result};

use super::config::Config;

/// The seven ternary matrices of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Linear {
    /// Query projection, `[q_dim, dim]`.
    Q,
    /// Key projection, `[kv_dim, dim]`.
    K,
    /// Value projection, `[kv_dim, dim]`.
    V,
    /// Attention output, `[dim, q_dim]`.
    O,
    /// The gate of the feed-forward block, `[ffn_dim, dim]`.
    Gate,
    /// The other half of it, `[ffn_dim, dim]`.
    Up,
    /// Back to the residual stream, `[dim, ffn_dim]`.
    Down,
}

impl Linear {
    /// All of them, in the order of [`Linear::index`].
    pub const ALL: [Self; 7] = [Self::Q, Self::K, Self::V, Self::O, Self::Gate, Self::Up, Self::Down];

    /// The position in [`Linear::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Q => "attn_q",
            Self::K => "attn_k",
            Self::V => "attn_v",
            Self::O => "attn_output",
            Self::Gate => "ffn_gate",
            Self::Up => "ffn_up",
            Self::Down => "ffn_down",
        }
    }

    /// Rows (out_features) and columns (in_features).
    pub fn shape(self, config: &Config) -> (usize, usize) {
        match self {
            Self::Q => (config.q_dim(), config.dim),
            Self::K | Self::V => (config.kv_dim(), config.dim),
            Self::O => (config.dim, config.q_dim()),
            Self::Gate | Self::Up => (config.ffn_dim, config.dim),
            Self::Down => (config.dim, config.ffn_dim),
        }
    }
}

/// The four norms of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Norm {
    /// Before q, k and v: `[dim]`.
    Attn,
    /// Before the attention output: `[q_dim]`.
    AttnSub,
    /// Before gate and up: `[dim]`.
    Ffn,
    /// Before down: `[ffn_dim]`.
    FfnSub,
}

impl Norm {
    /// All of them, in the order of [`Norm::index`].
    pub const ALL: [Self; 4] = [Self::Attn, Self::AttnSub, Self::Ffn, Self::FfnSub];

    /// The position in [`Norm::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Attn => "attn_norm",
            Self::AttnSub => "attn_sub_norm",
            Self::Ffn => "ffn_norm",
            Self::FfnSub => "ffn_sub_norm",
        }
    }

    fn len(self, config: &Config) -> usize {
        match self {
            Self::Attn | Self::Ffn => config.dim,
            Self::AttnSub => config.q_dim(),
            Self::FfnSub => config.ffn_dim,
        }
    }
}

/// What a tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// `token_embd.weight`, `[vocab_size, dim]`; also the output head where there is no other.
    Embedding,
    /// `output.weight`, `[vocab_size, dim]`.
    Output,
    /// `output_norm.weight`, `[dim]`.
    OutputNorm,
    /// `rope_freqs.weight`, `[rope_dim / 2]`: each rotary frequency is divided by its factor.
    RopeFactors,
    /// A norm of a block.
    Norm(usize, Norm),
    /// A ternary matrix of a block.
    Linear(usize, Linear),
    /// `blk.N.X.scale`, `[1]`: a factor beside the matrix's own scale.
    Scale(usize, Linear),
}

/// One tensor that will be read.
#[derive(Clone, Debug)]
pub struct Slot {
    /// What it is for.
    pub role: Role,
    /// Its name in the file.
    pub name: String,
    /// How it is stored.
    pub tensor_type: TensorType,
    /// Rows; 1 for a vector.
    pub rows: usize,
    /// Columns (contiguous).
    pub cols: usize,
    /// Its first byte, from the start of the file.
    pub begin: u64,
    /// Its bytes.
    pub bytes: u64,
}

/// All tensors that the model needs, in the order of their bytes in the file.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The tensors.
    pub slots: Vec<Slot>,
    /// The end of the last one: the least length that the file must have.
    pub end: u64,
}

/// The rows of the embedding, which is the size of the vocabulary.
///
/// # Errors
/// `InvalidModel` if the file has no `token_embd.weight` of two dimensions.
pub fn vocab_size(header: &Header) -> Result<usize> {
    let tensor =
        header.tensors.iter().find(|t| t.name == "token_embd.weight").ok_or_else(|| missing("token_embd.weight"))?;
    match tensor.dims.get(1) {
        Some(&rows) if rows <= 1 << 24 => Ok(rows as usize),
        _ => Err(invalid(format!("tensor token_embd.weight: expected two dimensions, found {:?}", tensor.dims))),
    }
}

impl Plan {
    /// Finds every tensor of `config` in the directory. Others are left unread.
    ///
    /// # Errors
    /// `InvalidModel` for a missing tensor, a wrong shape or overlapping bytes; `Unsupported` for a type that cannot
    /// be decoded.
    pub fn new(header: &Header, config: &Config) -> Result<Self> {
        let by_name: HashMap<&str, &TensorInfo> = header.tensors.iter().map(|t| (t.name.as_str(), t)).collect();
        // LongRoPE's, which llama.cpp chooses between by the length of the context.
        if let Some(name) =
            ["rope_factors_long.weight", "rope_factors_short.weight"].iter().find(|&&n| by_name.contains_key(n))
        {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("tensor {name}: this build computes RoPE without scaling only"),
            ));
        }
        let mut slots = Vec::new();
        for expected in expectations(config) {
            match by_name.get(expected.name.as_str()) {
                Some(tensor) => slots.push(expected.check(tensor, header.data_offset)?),
                None if expected.optional => {}
                None => return Err(missing(&expected.name)),
            }
        }
        slots.sort_by_key(|slot| slot.begin);
        for pair in slots.windows(2) {
            if pair[0].begin + pair[0].bytes > pair[1].begin {
                return Err(invalid(format!("the bytes of tensors {} and {} overlap", pair[0].name, pair[1].name)));
            }
        }
        let end = slots.last().map_or(header.data_offset, |slot| slot.begin + slot.bytes);
        Ok(Self { slots, end })
    }

    /// The types of the ternary matrices, by name, most frequent first: what `model.info.quantization` shows.
    pub fn quantization(&self) -> String {
        let mut counts: Vec<(TensorType, usize)> = Vec::new();
        for slot in self.slots.iter().filter(|slot| matches!(slot.role, Role::Linear(..))) {
            match counts.iter_mut().find(|(tensor_type, _)| *tensor_type == slot.tensor_type) {
                Some((_, count)) => *count += 1,
                None => counts.push((slot.tensor_type, 1)),
            }
        }
        counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        counts.iter().map(|(tensor_type, _)| tensor_type.name()).collect::<Vec<_>>().join("+")
    }

    /// The number of weights in all tensors.
    pub fn parameters(&self) -> u64 {
        self.slots
            .iter()
            .filter(|slot| !matches!(slot.role, Role::Scale(..) | Role::RopeFactors))
            .map(|slot| slot.rows as u64 * slot.cols as u64)
            .sum()
    }
}

/// A tensor that the config asks for.
struct Expectation {
    role: Role,
    name: String,
    rows: usize,
    cols: usize,
    optional: bool,
}

/// In order of their use. An iterator, so that a file that claims thousands of blocks fails at the first that it
/// lacks.
fn expectations(config: &Config) -> impl Iterator<Item = Expectation> {
    let required = |role, name: String, rows, cols| Expectation { role, name, rows, cols, optional: false };
    let optional = |role, name: String, rows, cols| Expectation { role, name, rows, cols, optional: true };
    let outer = [
        required(Role::Embedding, "token_embd.weight".into(), config.vocab_size, config.dim),
        optional(Role::Output, "output.weight".into(), config.vocab_size, config.dim),
        required(Role::OutputNorm, "output_norm.weight".into(), 1, config.dim),
        optional(Role::RopeFactors, "rope_freqs.weight".into(), 1, config.rope_dim / 2),
    ];
    let blocks = (0..config.n_layers).flat_map(move |layer| {
        let norms = Norm::ALL.map(|norm| {
            let name = format!("blk.{layer}.{}.weight", norm.name());
            required(Role::Norm(layer, norm), name, 1, norm.len(config))
        });
        let linears = Linear::ALL.map(|linear| {
            let (rows, cols) = linear.shape(config);
            let base = format!("blk.{layer}.{}", linear.name());
            [
                required(Role::Linear(layer, linear), format!("{base}.weight"), rows, cols),
                optional(Role::Scale(layer, linear), format!("{base}.scale"), 1, 1),
            ]
        });
        norms.into_iter().chain(linears.into_iter().flatten())
    });
    outer.into_iter().chain(blocks)
}

impl Expectation {
    fn check(self, tensor: &TensorInfo, data_offset: u64) -> Result<Slot> {
        let Self { role, name, rows, cols, .. } = self;
        let found = || format!("{} {:?}", type_name(tensor.type_id), tensor.dims);
        let vector = rows == 1 && !matches!(role, Role::Linear(..) | Role::Embedding | Role::Output);
        let dims: &[u64] = if vector { &[cols as u64] } else { &[cols as u64, rows as u64] };
        // Writers may leave trailing dimensions of 1.
        let fits = tensor.dims.starts_with(dims) && tensor.dims[dims.len()..].iter().all(|&d| d == 1);
        if !fits {
            return Err(invalid(format!("tensor {name}: expected {dims:?}, found {}", found())));
        }
        let is_ternary = matches!(role, Role::Linear(..));
        let expected = if is_ternary { "I2_S, TQ1_0, TQ2_0, F16, BF16 or F32" } else { "F32, F16 or BF16" };
        let tensor_type = TensorType::from_id(tensor.type_id).filter(|t| is_ternary || t.is_float());
        let Some(tensor_type) = tensor_type else {
            let advice = match tensor.type_id {
                38 | 39 => ": TL1 and TL2 files do not carry their tile sizes; take the I2_S file of the same model",
                _ => ": this is no ternary model that bitnet-web can run",
            };
            let advice = if is_ternary { advice } else { "" };
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("tensor {name}: expected {expected} {dims:?}, found {}{advice}", found()),
            ));
        };
        let bytes = tensor_type.tensor_bytes(rows, cols).ok_or_else(|| {
            invalid(format!(
                "tensor {name}: {} needs rows of a multiple of {} weights, found {cols}",
                tensor_type.name(),
                tensor_type.block_len()
            ))
        })?;
        // The least compact layouts: a byte for each ternary weight, floats as they are.
        let bytes_per_weight = if tensor_type.is_float() { tensor_type.block_bytes() as u64 } else { 1 };
        if rows as u64 * cols as u64 * bytes_per_weight > isize::MAX as u64 {
            return Err(Error::new(
                ErrorKind::OutOfMemory,
                format!("tensor {name}: {rows} x {cols} weights are more than this build can address"),
            ));
        }
        Ok(Slot { role, name, tensor_type, rows, cols, begin: data_offset + tensor.offset, bytes })
    }
}

fn missing(name: &str) -> Error {
    invalid(format!("tensor {name} is missing"))
}

fn invalid(context: String) -> Error {
    Error::new(ErrorKind::InvalidModel, format!("model: {context}"))
}
