//! Buffers that the layers of a pass compute in, and what a pass runs on.

use crate::kernels::AttentionScratch;
use crate::pool::{Clock, Pool};
use crate::stopwatch::{Part, Parts, Stopwatch};

use super::config::Config;
use super::linear::LinearInput;

/// Working memory of one layer. Nothing in it outlives the layer, so any pass may use it at any time. It grows to the
/// most tokens that a pass had.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    /// The input of a linear layer, normalized and quantized.
    pub(super) input: LinearInput,
    /// `[tokens, q_dim]`
    pub(super) q: Vec<f32>,
    /// `[tokens, kv_dim]`
    pub(super) k: Vec<f32>,
    /// `[tokens, kv_dim]`
    pub(super) v: Vec<f32>,
    /// The outputs of all attention heads, `[tokens, q_dim]`.
    pub(super) heads: Vec<f32>,
    pub(super) scratch: AttentionScratch,
    /// `[tokens, ffn_dim]`
    pub(super) gate: Vec<f32>,
    /// `[tokens, ffn_dim]`
    pub(super) up: Vec<f32>,
    /// What is added to the residual stream, `[tokens, dim]`.
    pub(super) delta: Vec<f32>,
}

impl Workspace {
    /// Gives every buffer the length that it has for `tokens`.
    pub(super) fn resize(&mut self, tokens: usize, config: &Config) {
        self.q.resize(tokens * config.q_dim(), 0.0);
        self.k.resize(tokens * config.kv_dim(), 0.0);
        self.v.resize(tokens * config.kv_dim(), 0.0);
        self.heads.resize(tokens * config.q_dim(), 0.0);
        self.gate.resize(tokens * config.ffn_dim, 0.0);
        self.up.resize(tokens * config.ffn_dim, 0.0);
        self.delta.resize(tokens * config.dim, 0.0);
    }
}

/// What passes run on: threads, working memory, and a stopwatch for who wants to know where the time goes.
#[derive(Debug)]
pub struct Executor {
    pub(super) pool: Pool,
    pub(super) workspace: Workspace,
    pub(super) watch: Stopwatch,
    /// Bytes of weights that products have read.
    pub(super) weight_bytes_read: u64,
}

impl Executor {
    /// An executor on the threads of `pool`.
    pub fn new(pool: Pool) -> Self {
        Self { pool, workspace: Workspace::default(), watch: Stopwatch::default(), weight_bytes_read: 0 }
    }

    /// The threads.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Bytes of the weights that products have read so far. A pass reads each matrix once, however many tokens share it.
    pub fn weight_bytes_read(&self) -> u64 {
        self.weight_bytes_read
    }

    /// From now on the time of each part is measured with `clock`; `None` stops.
    pub fn time_parts(&mut self, clock: Option<Clock>) {
        self.pool.set_clock(clock);
        self.watch.set_clock(clock);
    }

    /// The time of each part since it was last asked for; `None` without a clock.
    pub fn take_parts(&mut self) -> Option<Parts> {
        self.watch.take()
    }

    /// What went before belongs to no part.
    pub(crate) fn start(&mut self) {
        self.watch.start(&self.pool);
    }

    /// The time since the last part, or the start, belongs to `part`.
    pub(crate) fn lap(&mut self, part: Part) {
        self.watch.lap(part, &self.pool);
    }
}
