//! One pass over the weights, for the tokens of one or several sequences.

use std::sync::Arc;

use crate::stopwatch::Part as TimedPart;
use crate::{Error, ErrorKind, Result};

use super::Model;
use super::graph::{Batch, LogitsOf, Operations, Part};
use super::sequence::Sequence;
use super::workspace::Executor;

/// Tokens on their way through the layers of a model. Begin it, take it through one layer after the other, and end it:
///
/// ```text
/// let mut pass = ForwardPass::begin(&model, &mut [(&mut a, &[1, 2, 3]), (&mut b, &[4])])?;
/// while pass.layer(&model, &mut [&mut a, &mut b], &mut executor)? {}
/// let hidden = pass.end(&mut [&mut a, &mut b])?;
/// ```
///
/// All tokens share every read of the weights; attention and KV cache are those of their sequence. What a token gets does
/// not depend on the others of its pass, bit for bit. The pass holds the residual stream and borrows nothing, so that
/// other work may be done between two layers. Only its end makes the tokens a part of their sequences: a pass that is
/// dropped leaves no trace.
#[derive(Debug)]
pub struct ForwardPass {
    /// Of all sequences, one behind the other.
    tokens: Vec<u32>,
    /// For each sequence.
    parts: Vec<Part>,
    /// For each sequence its revision when the pass began.
    revisions: Vec<u64>,
    /// The residual stream, `[tokens, dim]`.
    x: Vec<f32>,
    /// For each of the model's ropes the cosines and sines of the tokens' positions, `[tokens, 2, rope_dim / 2]`.
    rotations: Vec<Vec<f32>>,
    next_layer: usize,
    n_layers: usize,
}

/// The residual streams of a pass behind the last layer, from which logits are computed.
#[derive(Debug)]
pub struct HiddenStates {
    /// `[tokens, dim]`
    x: Vec<f32>,
    dim: usize,
}

impl ForwardPass {
    /// The most tokens that a pass should have: more would push a layer's activations out of the second-level cache.
    pub const MAX_TOKENS: usize = 64;

    /// Begins a pass of some tokens, at least one, behind those of each sequence.
    ///
    /// # Errors
    /// `InvalidArgument` for a sequence without tokens or an id that the vocabulary lacks, `ContextOverflow` if the tokens
    /// do not fit, `OutOfMemory` if a KV cache cannot grow. The sequences have not changed then.
    pub fn begin(model: &Model, inputs: &mut [(&mut Sequence, &[u32])], executor: &mut Executor) -> Result<Self> {
        for (sequence, tokens) in &*inputs {
            if tokens.is_empty() {
                return Err(Error::new(ErrorKind::InvalidArgument, "a pass needs at least one token of each sequence"));
            }
            model.check_tokens(tokens)?;
            model.check_room(sequence.len() + tokens.len())?;
        }
        let config = model.config();
        let mut pass = Self {
            tokens: Vec::new(),
            parts: Vec::new(),
            revisions: Vec::new(),
            x: Vec::new(),
            rotations: model.ropes().iter().map(|_| Vec::new()).collect(),
            next_layer: 0,
            n_layers: config.n_layers,
        };
        for (sequence, tokens) in inputs {
            let first_position = sequence.len();
            sequence.kv_mut().reserve(first_position + tokens.len())?;
            pass.revisions.push(sequence.revision());
            let first = pass.tokens.len();
            pass.tokens.extend_from_slice(tokens);
            pass.parts.push(Part { tokens: first..pass.tokens.len(), first_position });
            for (rope, rotations) in model.ropes().iter().zip(&mut pass.rotations) {
                rope.rotations(first_position, tokens.len(), rotations);
            }
        }
        pass.x.resize(pass.tokens.len() * config.dim, 0.0);
        model.graph().embed(&mut operations(model, executor), &pass.tokens, &mut pass.x);
        Ok(pass)
    }

    /// Takes the tokens through the next layer. `sequences` are those of [`begin`](Self::begin), in the same order.
    /// Returns whether there is another layer.
    ///
    /// # Errors
    /// `Internal` if these are other sequences, or they have changed since.
    pub fn layer(&mut self, model: &Model, sequences: &mut [&mut Sequence], executor: &mut Executor) -> Result<bool> {
        self.check(sequences)?;
        if self.next_layer < self.n_layers {
            let Executor { pool, workspace, watch, weight_bytes_read } = executor;
            workspace.resize(self.tokens.len(), model.config());
            let adapters = self.parts.iter().zip(&*sequences).filter_map(|(part, sequence)| {
                let active = sequence.active_adapters()?;
                Some((part.tokens.clone(), Arc::clone(active)))
            });
            let adapters = adapters.collect();
            let (config, weights) = (model.config(), model.weights());
            let mut operations = Operations { config, weights, adapters, pool, watch, weight_bytes_read };
            let mut batch = Batch {
                parts: &self.parts,
                caches: sequences.iter_mut().map(|sequence| sequence.kv_mut()).collect(),
                rotations: &self.rotations,
            };
            model.graph().layer(self.next_layer, &mut operations, &mut batch, &mut self.x, workspace);
            watch.lap(TimedPart::Norms, pool);
            self.next_layer += 1;
        }
        Ok(self.next_layer < self.n_layers)
    }

    /// Ends the pass behind the last layer: the tokens belong to their sequences now.
    ///
    /// # Errors
    /// `Internal` if a layer is missing, or these are other sequences, or they have changed since the pass began.
    pub fn end(self, sequences: &mut [&mut Sequence]) -> Result<HiddenStates> {
        self.check(sequences)?;
        if self.next_layer < self.n_layers {
            return Err(Error::new(
                ErrorKind::Internal,
                format!("a pass was ended after {} of {} layers", self.next_layer, self.n_layers),
            ));
        }
        for (sequence, part) in sequences.iter_mut().zip(self.parts) {
            sequence.extend(&self.tokens[part.tokens]);
        }
        Ok(HiddenStates { dim: self.x.len() / self.tokens.len(), x: self.x })
    }

    /// A whole pass of one sequence.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn run(
        model: &Model,
        sequence: &mut Sequence,
        tokens: &[u32],
        executor: &mut Executor,
    ) -> Result<HiddenStates> {
        let mut pass = Self::begin(model, &mut [(&mut *sequence, tokens)], executor)?;
        while pass.layer(model, &mut [&mut *sequence], executor)? {}
        pass.end(&mut [sequence])
    }

    fn check(&self, sequences: &[&mut Sequence]) -> Result<()> {
        let revisions = sequences.iter().map(|sequence| sequence.revision());
        if revisions.eq(self.revisions.iter().copied()) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Internal, "a pass was continued with sequences that have changed since it began"))
    }
}

impl HiddenStates {
    /// How many tokens there are.
    pub fn tokens(&self) -> usize {
        self.x.len() / self.dim
    }

    /// The logits after each of `tokens`, which are counted over all sequences of the pass, in one product: `out` is
    /// `[tokens, vocab_size]`. In the fast precision those of unlikely tokens are estimates.
    ///
    /// # Panics
    /// If a token does not exist, or `out` has another length.
    pub fn logits(&self, model: &Model, tokens: &[usize], out: &mut [f32], executor: &mut Executor) {
        let x = self.normalized(model, tokens, executor);
        model.graph().logits(&mut operations(model, executor), &x, LogitsOf::All(out));
    }

    /// The exact logits of `ids` after one of the tokens, in either precision: `out` is `[ids]`.
    ///
    /// # Panics
    /// If the token or an id does not exist, or `out` has another length.
    pub fn exact_logits(&self, model: &Model, token: usize, ids: &[u32], out: &mut [f32], executor: &mut Executor) {
        let x = self.normalized(model, &[token], executor);
        model.graph().logits(&mut operations(model, executor), &x, LogitsOf::Ids(ids, out));
    }

    /// The residual streams of `tokens` behind the model's last norm, `[tokens, dim]`: what logits are computed from, and
    /// what an embedding model is asked for.
    ///
    /// # Panics
    /// If a token does not exist.
    pub fn normalized(&self, model: &Model, tokens: &[usize], executor: &mut Executor) -> Vec<f32> {
        let mut x: Vec<f32> = tokens.iter().flat_map(|&token| self.token(token)).copied().collect();
        model.graph().norm(&mut operations(model, executor), &mut x);
        x
    }

    fn token(&self, token: usize) -> &[f32] {
        &self.x[token * self.dim..][..self.dim]
    }
}

fn operations<'a>(model: &'a Model, executor: &'a mut Executor) -> Operations<'a> {
    let Executor { pool, watch, weight_bytes_read, .. } = executor;
    let (config, weights) = (model.config(), model.weights());
    Operations { config, weights, adapters: Vec::new(), pool, watch, weight_bytes_read }
}
