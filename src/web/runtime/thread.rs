//! The thread pool across workers: the engine worker makes it, each compute worker enters it.

use std::sync::Arc;

use wasm_bindgen::prelude::wasm_bindgen;

use super::clock::monotonic_ms;
use crate::pool::{Pool, PoolShared};
use crate::threads::ThreadChoice;

/// Readings of a clock after which it is taken to stand still.
const READINGS: usize = 1 << 22;

/// A pool that is not yet part of an engine.
#[wasm_bindgen]
pub struct WasmPool {
    pool: Pool,
    measured: bool,
}

#[wasm_bindgen]
impl WasmPool {
    /// A pool for `threads` threads, the engine worker's own included. `measured`: a model may use fewer of them where
    /// these are faster.
    #[wasm_bindgen(constructor)]
    pub fn new(threads: usize, measured: bool) -> Self {
        Self { pool: Pool::new(threads), measured }
    }

    /// How many threads it has.
    #[wasm_bindgen(getter)]
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// The ticket with which one compute worker enters. Each worker needs its own, and each is used once.
    pub fn ticket(&self) -> usize {
        Arc::into_raw(Arc::clone(self.pool.shared())) as usize
    }
}

impl WasmPool {
    /// The pool.
    pub fn inner(&self) -> &Pool {
        &self.pool
    }

    /// The pool itself, and whether a model may use fewer threads.
    pub fn into_parts(self) -> (Pool, bool) {
        (self.pool, self.measured)
    }
}

/// How a model of `weight_bytes` on `pool` comes by its number of threads.
pub fn thread_choice(pool: &Pool, measured: bool, weight_bytes: u64) -> ThreadChoice {
    if measured {
        ThreadChoice::measured(pool.threads(), weight_bytes, clock_resolution())
    } else {
        ThreadChoice::fixed(pool.threads())
    }
}

/// Milliseconds from one tick of the clock to the next, the least of three: another program may have had the processor.
fn clock_resolution() -> f64 {
    let next_tick = |from: f64| (0..READINGS).map(|_| monotonic_ms()).find(|&time| time > from).unwrap_or(from);
    let mut last = next_tick(monotonic_ms());
    let ticks = [(); 3].map(|()| {
        let before = last;
        last = next_tick(before);
        last - before
    });
    ticks.into_iter().fold(f64::INFINITY, f64::min)
}

/// The life of compute worker `index` (1 to threads - 1): returns when the pool is dropped.
#[wasm_bindgen]
pub fn enter_pool(ticket: usize, index: usize) {
    // SAFETY: the engine worker made `ticket` by `WasmPool::ticket` in this same memory, and hands it out once.
    let shared = unsafe { Arc::from_raw(ticket as *const PoolShared) };
    shared.work(index);
}
