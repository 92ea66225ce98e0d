//! The shape of a model, from GGUF metadata. Every check of a number from the file stands here; what comes after may
//! trust them.

use crate::gguf::{Array, Metadata, Value};
use crate::kernels::{HeadShape, Rope, RopeScaling, Yarn};
use crate::{Error, ErrorKind, Result};

/// How the states of a text's tokens become its embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The mean of all.
    Mean,
    /// The last one.
    Last,
}

impl Pooling {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Last => "last",
        }
    }
}

/// The shape and the constants of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `general.architecture`
    pub architecture: &'static str,
    /// `general.name`, or an empty string where it is missing or no text.
    pub name: String,
    /// Transformer blocks.
    pub n_layers: usize,
    /// The width of the residual stream.
    pub dim: usize,
    /// The inner width of the feed-forward block.
    pub ffn_dim: usize,
    /// Query heads.
    pub n_heads: usize,
    /// Key/value heads; divides `n_heads`.
    pub n_kv_heads: usize,
    /// The width of one head.
    pub head_dim: usize,
    /// Tokens in the vocabulary, and rows of the embedding.
    pub vocab_size: usize,
    /// The context the model was trained for, in tokens.
    pub context_length: usize,
    /// The base of the rotary frequencies.
    pub rope_theta: f32,
    /// The first dimensions of each head that are rotated; even.
    pub rope_dim: usize,
    /// How the rotary frequencies are scaled.
    pub rope_scaling: RopeScaling,
    /// What each rotary frequency is divided by, `[rope_dim / 2]`, where that is no tensor of the file.
    pub rope_factors: Option<Vec<f32>>,
    /// The epsilon of every RMSNorm.
    pub rms_norm_eps: f32,
    /// What embeddings are made of, where the model was made for them.
    pub pooling: Option<Pooling>,
}

impl Config {
    /// Reads and checks the shape of a model of `architecture`. `vocab_size` is what the file's vocabulary and embedding
    /// say.
    ///
    /// # Errors
    /// `Unsupported` for a kind of RoPE scaling that is not computed, `InvalidModel` for missing or impossible numbers.
    pub fn from_metadata(metadata: &Metadata, architecture: &'static str, vocab_size: usize) -> Result<Self> {
        let keys = Keys { metadata, prefix: architecture };
        keys.refuse_encoders()?;
        let dim = keys.size("embedding_length", 1 << 16)?;
        let n_heads = keys.size("attention.head_count", 1 << 12)?;
        let n_kv_heads = keys.size_or("attention.head_count_kv", n_heads, 1 << 12)?;
        let n_layers = keys.size("block_count", 1 << 12)?;
        let ffn_dim = keys.size("feed_forward_length", 1 << 18)?;
        if !n_heads.is_multiple_of(n_kv_heads) {
            return Err(invalid(format!("{n_heads} heads cannot share {n_kv_heads} key/value heads evenly")));
        }
        let head_dim = match keys.optional_size("attention.key_length", 1 << 12)? {
            Some(head_dim) => head_dim,
            None if dim.is_multiple_of(n_heads) => keys.in_range("attention.key_length", dim / n_heads, 1 << 12)?,
            None => {
                return Err(invalid(format!(
                    "embedding_length {dim} is no multiple of attention.head_count {n_heads}"
                )));
            }
        };
        if keys.size_or("attention.value_length", head_dim, 1 << 12)? != head_dim {
            return Err(invalid("attention.key_length and attention.value_length differ".into()));
        }
        let rope_dim = keys.size_or("rope.dimension_count", head_dim, 1 << 12)?;
        if rope_dim > head_dim || !rope_dim.is_multiple_of(2) || !head_dim.is_multiple_of(2) {
            return Err(invalid(format!("rope.dimension_count {rope_dim} does not fit heads of {head_dim}")));
        }
        let context_length = keys.size("context_length", 1 << 24)?;
        Ok(Self {
            architecture,
            name: name(metadata).to_owned(),
            n_layers,
            dim,
            ffn_dim,
            n_heads,
            n_kv_heads,
            head_dim,
            vocab_size,
            context_length,
            rope_theta: keys.positive("rope.freq_base", 10000.0)?,
            rope_dim,
            rope_scaling: keys.rope_scaling(context_length)?,
            rope_factors: keys.factors("rope.factors", rope_dim / 2)?,
            rms_norm_eps: keys.positive("attention.layer_norm_rms_epsilon", 1e-5)?,
            pooling: keys.pooling()?,
        })
    }

    /// The rotary frequencies, divided by `factors` (`[rope_dim / 2]`) where the file has them.
    pub fn rope(&self, factors: Option<&[f32]>) -> Rope {
        let factors = factors.or(self.rope_factors.as_deref());
        Rope::new(self.rope_theta, self.rope_dim, factors, self.rope_scaling)
    }

    /// The attention heads.
    pub fn head_shape(&self) -> HeadShape {
        HeadShape { n_heads: self.n_heads, n_kv_heads: self.n_kv_heads, head_dim: self.head_dim }
    }

    /// The width of all query heads together.
    pub fn q_dim(&self) -> usize {
        self.n_heads * self.head_dim
    }

    /// The width of all key (or value) heads together.
    pub fn kv_dim(&self) -> usize {
        self.n_kv_heads * self.head_dim
    }
}

/// Metadata keys behind the architecture's prefix.
struct Keys<'a> {
    metadata: &'a Metadata,
    prefix: &'static str,
}

impl Keys<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    fn size(&self, name: &str, max: usize) -> Result<usize> {
        match self.optional_size(name, max)? {
            Some(value) => Ok(value),
            None => self.metadata.require_u32(&self.key(name)).map(|value| value as usize),
        }
    }

    fn size_or(&self, name: &str, default: usize, max: usize) -> Result<usize> {
        self.in_range(name, self.optional_size(name, max)?.unwrap_or(default), max)
    }

    fn optional_size(&self, name: &str, max: usize) -> Result<Option<usize>> {
        let key = self.key(name);
        let value = match self.metadata.get(&key) {
            Some(Value::Array(layers)) => Some(self.of_all_layers(&key, layers)?),
            _ => self.metadata.u32(&key)?.map(|value| value as usize),
        };
        value.map(|value| self.in_range(name, value, max)).transpose()
    }

    /// The one number of an array that has one for each layer, as some converters write it.
    fn of_all_layers(&self, key: &str, layers: &Array) -> Result<usize> {
        let numbers: Vec<usize> = match layers {
            Array::Unsigned(numbers) => numbers.iter().filter_map(|&number| usize::try_from(number).ok()).collect(),
            Array::Signed(numbers) => numbers.iter().filter_map(|&number| usize::try_from(number).ok()).collect(),
            Array::Float(_) | Array::Bool(_) | Array::String(_) => Vec::new(),
        };
        match numbers.first() {
            Some(&first) if numbers.len() == layers.len() && numbers.iter().all(|&number| number == first) => Ok(first),
            Some(_) if numbers.len() == layers.len() => Err(Error::new(
                ErrorKind::Unsupported,
                format!("{key} is {numbers:?}: this build runs no models whose layers differ in it"),
            )),
            _ => Err(invalid(format!("{key}: expected an integer, or one for each layer"))),
        }
    }

    /// Models whose tokens attend to those behind them as well.
    fn refuse_encoders(&self) -> Result<()> {
        let key = self.key("attention.causal");
        match self.metadata.bool(&key)? {
            Some(false) => Err(Error::new(
                ErrorKind::Unsupported,
                format!("{key} is false: this build runs no models that attend to later tokens, such as encoders"),
            )),
            _ => Ok(()),
        }
    }

    fn in_range(&self, name: &str, value: usize, max: usize) -> Result<usize> {
        if value == 0 || value > max {
            return Err(invalid(format!("{} is {value}, expected 1 to {max}", self.key(name))));
        }
        Ok(value)
    }

    /// llama.cpp's `enum llama_pooling_type`. A causal model's first token knows nothing of the text, and what ranks texts
    /// has another head.
    fn pooling(&self) -> Result<Option<Pooling>> {
        const NAME: &str = "pooling_type";
        match self.metadata.u32(&self.key(NAME))? {
            None | Some(0) => Ok(None),
            Some(1) => Ok(Some(Pooling::Mean)),
            Some(3) => Ok(Some(Pooling::Last)),
            Some(other) => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{} is {other}: this build makes embeddings of the mean (1) or the last token (3) only",
                    self.key(NAME)
                ),
            )),
        }
    }

    fn positive(&self, name: &str, default: f32) -> Result<f32> {
        let value = self.metadata.f32(&self.key(name))?.unwrap_or(default);
        if !(value.is_finite() && value > 0.0) {
            return Err(invalid(format!("{} is {value}, expected a positive number", self.key(name))));
        }
        Ok(value)
    }

    /// Factors that a checkpoint's header has as a key, in place of a tensor.
    fn factors(&self, name: &str, len: usize) -> Result<Option<Vec<f32>>> {
        let key = self.key(name);
        match self.metadata.array(&key)? {
            None => Ok(None),
            Some(Array::Float(factors)) if factors.len() == len && factors.iter().all(|factor| *factor > 0.0) => {
                Ok(Some(factors.iter().map(|&factor| factor as f32).collect()))
            }
            Some(_) => Err(invalid(format!("{key}: expected {len} positive numbers"))),
        }
    }

    /// Which scaling llama.cpp would compute (`load_hparams` of `llama-model.cpp`, and `llama-context.cpp`): a factor
    /// counts with every type but `none`, a missing type is `linear`, a factor of 0 is 1, and the other numbers of YaRN do
    /// nothing while the factor is 1. Of both factors the first that is there counts. What is not computed here is
    /// refused: answering with other frequencies would be wrong without a word.
    fn rope_scaling(&self, context_length: usize) -> Result<RopeScaling> {
        const TYPE: &str = "rope.scaling.type";
        let kind = self.metadata.string(&self.key(TYPE))?.unwrap_or("linear");
        if !matches!(kind, "none" | "linear" | "yarn") {
            return Err(self.scaled(TYPE, &format!("{kind:?}")));
        }
        // They scale the rotated vectors, or the base, whatever the type.
        self.refuse_other("rope.scaling.attn_factor", &[1.0])?;
        self.refuse_other("rope.scaling.yarn_attn_factor", &[1.0])?;
        self.refuse_other("rope.scaling.alpha", &[0.0, 1.0])?;
        let Some((name, factor)) = self.first_f32(["rope.scaling.factor", "rope.scale_linear"])? else {
            return Ok(RopeScaling::None);
        };
        if kind == "none" || factor == 0.0 || factor == 1.0 {
            return Ok(RopeScaling::None);
        }
        // Below 1 transformers and llama.cpp disagree on YaRN.
        let least = if kind == "yarn" { 1.0 } else { 0.0 };
        if !(factor.is_finite() && factor > least) {
            return Err(self.scaled(name, &format!("{factor} (with {TYPE} {kind:?})")));
        }
        if kind == "linear" {
            self.refuse_other("rope.scaling.yarn_ext_factor", &[-1.0, 0.0])?;
            return Ok(RopeScaling::Linear { factor });
        }
        self.refuse_other("rope.scaling.yarn_ext_factor", &[-1.0, 1.0])?;
        self.refuse_other("rope.scaling.yarn_log_multiplier", &[0.0])?;
        Ok(RopeScaling::Yarn(Yarn {
            factor,
            original_context: self.size_or("rope.scaling.original_context_length", context_length, 1 << 24)?,
            beta_fast: self.positive("rope.scaling.yarn_beta_fast", 32.0)?,
            beta_slow: self.positive("rope.scaling.yarn_beta_slow", 1.0)?,
        }))
    }

    /// The first of the keys that the file has.
    fn first_f32<'n>(&self, names: [&'n str; 2]) -> Result<Option<(&'n str, f32)>> {
        for name in names {
            if let Some(value) = self.metadata.f32(&self.key(name))? {
                return Ok(Some((name, value)));
            }
        }
        Ok(None)
    }

    /// Refuses a number that scales something, unless it is one of those that change nothing.
    fn refuse_other(&self, name: &str, neutral: &[f32]) -> Result<()> {
        match self.metadata.f32(&self.key(name))?.filter(|factor| !neutral.contains(factor)) {
            None => Ok(()),
            Some(factor) => Err(self.scaled(name, &factor.to_string())),
        }
    }

    fn scaled(&self, name: &str, found: &str) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "{} is {found}: this build computes RoPE without scaling, with linear scaling and YaRN only",
                self.key(name)
            ),
        )
    }
}

/// It is shown and not computed with: one that is no text keeps no model from loading.
fn name(metadata: &Metadata) -> &str {
    match metadata.get("general.name") {
        Some(Value::String(name)) => name,
        _ => "",
    }
}

fn invalid(context: String) -> Error {
    Error::new(ErrorKind::InvalidModel, format!("model: {context}"))
}
