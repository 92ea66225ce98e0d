//! The transformer: config, weights, forward pass, KV cache, session.
//!
//! A [`Model`] never changes once it is loaded; everything that changes is in a [`Session`].

#![forbid(unsafe_code)]

mod config;
mod forward;
mod kv_cache;
mod plan;
mod session;
mod weights;

pub use config::{Activation, Architecture, Config};
pub use kv_cache::{KvCache, KvFormat};
pub use plan::{Linear, Norm, Plan, Role, Slot, vocab_size};
pub use session::Session;
pub(crate) use session::check_tokens;
pub use weights::{LayerWeights, WeightOptions, Weights, WeightsBuilder};

use crate::chat::ChatTemplate;
use crate::kernels::{Kernel, Rope};
use crate::load::{Precision, Summary};
use crate::tokenizer::Tokenizer;

/// A loaded model: weights, vocabulary and chat template. It never changes.
#[derive(Debug)]
pub struct Model {
    summary: Summary,
    kernel: Kernel,
    precision: Precision,
    weights: Weights,
    rope: Rope,
    tokenizer: Tokenizer,
    template: Option<ChatTemplate>,
}

impl Model {
    /// Puts the parts together. [`Loader`](crate::load::Loader) has checked that they fit.
    pub(crate) fn new(
        summary: Summary,
        kernel: Kernel,
        precision: Precision,
        weights: Weights,
        tokenizer: Tokenizer,
        template: Option<ChatTemplate>,
    ) -> Self {
        let config = &summary.config;
        let rope = Rope::new(config.rope_theta, config.rope_dim, weights.rope_factors.as_deref());
        Self { summary, kernel, precision, weights, rope, tokenizer, template }
    }

    /// The shape.
    pub fn config(&self) -> &Config {
        &self.summary.config
    }

    /// What the directory told.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The context in tokens that this model was loaded with.
    pub fn context(&self) -> usize {
        self.summary.context
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

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The rotary frequencies.
    pub fn rope(&self) -> &Rope {
        &self.rope
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The chat template; `None` if the file has none.
    pub fn chat_template(&self) -> Option<&ChatTemplate> {
        self.template.as_ref()
    }
}
