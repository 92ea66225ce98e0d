//! The transformer: config, weights, graph, forward pass, KV cache.
//!
//! A [`Model`] never changes once it is loaded. A [`Sequence`] holds what one conversation has said and its KV cache; a
//! [`ForwardPass`] takes tokens of one or several sequences through the layers, in the memory and on the threads of an
//! [`Executor`].
//!
//! ```text
//! config   the numbers of a file's metadata
//! graph    per family: which tensors there are, and how they compute      plan     where they lie in the file
//! weights  the tensors, by their ids                                      linear   what a graph multiplies with
//! matrices the weights as a person looks at them
//! ```

#![forbid(unsafe_code)]

mod adapters;
mod config;
mod graph;
mod kv_cache;
mod linear;
mod linear_builder;
mod matrices;
mod pass;
mod plan;
mod precision;
mod sequence;
mod table_builder;
mod weights;
mod workspace;

pub use adapters::{ActiveAdapters, Adapter};
pub use config::{Config, Pooling};
pub use graph::Activation;
use graph::Graph;
pub use kv_cache::{KvCache, KvFormat, KvPool};
pub use linear::{Linear, LinearRules};
pub use matrices::{CodeCounts, CodeReader, Matrix};
pub use pass::{ForwardPass, HiddenStates};
pub use plan::{LinearId, Plan, Role, RowsId, Slot, VectorId, vocab_size};
pub use precision::Precision;
pub use sequence::{AdaptersKey, Sequence};
pub use weights::{WeightOptions, Weights, WeightsBuilder};
pub use workspace::Executor;

use std::collections::HashMap;

use crate::gguf::Header;
use crate::kernels::{Kernel, Rope};
use crate::{Error, ErrorKind, Result};

/// What is known of a model before its weights are there.
#[derive(Debug)]
pub struct Blueprint {
    /// The numbers of its metadata.
    pub config: Config,
    /// The tensors that will be read.
    pub plan: Plan,
    graph: Box<dyn Graph>,
}

impl Blueprint {
    /// Reads the metadata, chooses the graph and finds its tensors.
    ///
    /// # Errors
    /// `InvalidModel` for missing or impossible numbers, a missing tensor, a wrong shape or overlapping bytes;
    /// `Unsupported` for another architecture, or a tensor type that cannot be decoded.
    pub fn new(header: &Header) -> Result<Self> {
        refuse_single_part(header)?;
        let vocab_size = vocab_size(header)?;
        let architecture = graph::architecture(header.metadata.require_string("general.architecture")?)?;
        let config = Config::from_metadata(&header.metadata, architecture, vocab_size)?;
        let (graph, plan) = graph::plan(header, &config)?;
        Ok(Self { config, plan, graph })
    }

    /// How the linear layers were trained.
    pub fn linear_rules(&self) -> LinearRules {
        self.graph.linear_rules()
    }
}

/// One file of a model in several is refused as such: most of the model is elsewhere, and the first tensor or key that is missed
/// would say nothing of that.
fn refuse_single_part(header: &Header) -> Result<()> {
    let number = |key: &str| header.metadata.u32(key).ok().flatten().unwrap_or(0) as usize;
    let (count, index, all) = (number("split.count"), number("split.no"), number("split.tensors.count"));
    if count > 1 && header.tensors.len() < all {
        let (part, found) = (index.saturating_add(1), header.tensors.len());
        return Err(Error::new(
            ErrorKind::InvalidModel,
            format!(
                "model: this is part {part} of {count}, with {found} of {all} tensors (split.tensors.count): name or drop all \
                 parts together"
            ),
        ));
    }
    Ok(())
}

/// A loaded model. It never changes.
#[derive(Debug)]
pub struct Model {
    config: Config,
    context: usize,
    kernel: Kernel,
    precision: Precision,
    graph: Box<dyn Graph>,
    weights: Weights,
    ropes: Vec<Rope>,
    /// The linear layers by their names in the file, each with its rows and columns.
    linears: HashMap<String, (LinearId, [usize; 2])>,
    matrices: Vec<Matrix>,
}

impl Model {
    /// The model of `blueprint` with its `weights`, for contexts of `context` tokens.
    pub fn new(blueprint: Blueprint, weights: Weights, context: usize, kernel: Kernel, precision: Precision) -> Self {
        let Blueprint { config, graph, plan } = blueprint;
        let ropes = graph.ropes(&config, &weights);
        let linear = |slot: Slot| match slot.role {
            Role::Linear(id) => Some((slot.name.strip_suffix(".weight")?.to_owned(), (id, [slot.rows, slot.cols]))),
            _ => None,
        };
        let matrices = plan.slots.iter().filter_map(Matrix::of).collect();
        let linears = plan.slots.into_iter().filter_map(linear).collect();
        Self { config, context, kernel, precision, graph, weights, ropes, linears, matrices }
    }

    /// The shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The context in tokens that this model was loaded with.
    pub fn context(&self) -> usize {
        self.context
    }

    /// The kernel of the ternary matrices.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// How exact the parts that are not ternary are.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The format of the KV cache.
    pub fn kv_format(&self) -> KvFormat {
        KvFormat::of(self.precision)
    }

    /// The activation function of the feed-forward layers.
    pub fn activation(&self) -> Activation {
        self.graph.activation()
    }

    /// Whether it was made for embeddings alone: the file names a pooling and has no head.
    pub fn is_for_embeddings(&self) -> bool {
        self.config.pooling.is_some() && !self.weights.has_own_head()
    }

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The linear layer with this name in the file, such as `blk.0.attn_q`, with its rows and columns.
    fn linear_named(&self, name: &str) -> Option<(LinearId, [usize; 2])> {
        self.linears.get(name).copied()
    }

    /// The heads of a layer whose rows have another order here than in transformers.
    fn heads_of(&self, name: &str) -> Option<usize> {
        let is_permuted = self.config.architecture == "llama";
        match name.rsplit('.').next() {
            Some("attn_q") if is_permuted => Some(self.config.n_heads),
            Some("attn_k") if is_permuted => Some(self.config.n_kv_heads),
            _ => None,
        }
    }

    fn graph(&self) -> &dyn Graph {
        &*self.graph
    }

    fn ropes(&self) -> &[Rope] {
        &self.ropes
    }

    /// Every id must be a row of the embedding.
    ///
    /// # Errors
    /// `InvalidArgument` if one is not.
    pub fn check_tokens(&self, tokens: &[u32]) -> Result<()> {
        let vocab_size = self.config.vocab_size;
        match tokens.iter().find(|&&token| token as usize >= vocab_size) {
            None => Ok(()),
            Some(token) => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("token id {token} does not exist: the vocabulary has {vocab_size} tokens"),
            )),
        }
    }

    /// A sequence of `wanted` tokens must fit into the context.
    fn check_room(&self, wanted: usize) -> Result<()> {
        if wanted <= self.context {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::ContextOverflow,
            format!(
                "{wanted} tokens do not fit into the context of {}: shorten the prompt or load the model with a larger context",
                self.context
            ),
        ))
    }
}
