//! The thread pool across workers: the engine worker makes it, each compute worker enters it.

use std::sync::Arc;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::to_js;
use super::options::now;
use crate::kernels::select::Trial;
use crate::pool::{Pool, PoolShared};

/// A pool that is not yet part of an engine.
#[wasm_bindgen]
pub struct WasmPool(Pool);

#[wasm_bindgen]
impl WasmPool {
    /// A pool for `threads` threads, the engine worker's own included.
    #[wasm_bindgen(constructor)]
    pub fn new(threads: usize) -> Self {
        Self(Pool::new(threads))
    }

    /// How many threads it has.
    #[wasm_bindgen(getter)]
    pub fn threads(&self) -> usize {
        self.0.threads()
    }

    /// What one compute worker needs to enter; ask anew for each of them, and use each answer once.
    pub fn ticket(&self) -> usize {
        Arc::into_raw(Arc::clone(self.0.shared())) as usize
    }
}

impl WasmPool {
    /// The pool.
    pub fn inner(&self) -> &Pool {
        &self.0
    }

    /// The pool itself.
    pub fn into_inner(self) -> Pool {
        self.0
    }
}

/// What the engine worker finds out with how many threads to run: passes over a matrix, on one pool after another.
#[wasm_bindgen]
pub struct ThreadTrial(Trial<fn() -> f64>);

#[wasm_bindgen]
impl ThreadTrial {
    /// With one kernel: the order of thread counts hardly depends on which.
    ///
    /// # Errors
    /// `{ code, message }` if the matrix does not fit.
    #[wasm_bindgen(constructor)]
    pub fn new() -> std::result::Result<Self, JsValue> {
        Trial::new(now as fn() -> f64).map(Self).map_err(|e| to_js(&e))
    }

    /// Weights per second on that pool.
    pub fn speed(&mut self, pool: &WasmPool) -> f64 {
        pool.0.set_active(true);
        let speed = self.0.speed(&pool.0);
        pool.0.set_active(false);
        speed
    }
}

/// The life of compute worker `index` (1 to threads - 1): returns when the pool is dropped.
#[wasm_bindgen]
pub fn enter_pool(ticket: usize, index: usize) {
    // SAFETY: the engine worker made `ticket` by `WasmPool::ticket` in this same memory, and hands it out once.
    let shared = unsafe { Arc::from_raw(ticket as *const PoolShared) };
    shared.work(index);
}
