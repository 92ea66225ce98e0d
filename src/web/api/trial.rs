//! What `model.health` asks of the engine: whether every thread answers, and whether a short generation works.

use std::sync::atomic::{AtomicUsize, Ordering};

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::web::runtime::clock::monotonic_ms;
use crate::{Error, ErrorKind, Result};

use super::error::to_js;
use super::model::WasmModel;

impl WasmModel {
    fn next_trial(&mut self, limit: f64) -> Result<bool> {
        let Some(trial) = &mut self.trial else {
            return Err(Error::new(ErrorKind::Internal, "a step of a trial was asked for, but none is under way"));
        };
        let pool = self.engine.pool();
        pool.set_width(pool.threads());
        let began = monotonic_ms();
        loop {
            match self.engine.step_trial(trial) {
                Ok(false) if monotonic_ms() - began < limit => {}
                Ok(is_over) => return Ok(is_over),
                Err(error) => {
                    self.end_trial();
                    return Err(error);
                }
            }
        }
    }
}

/// Every error is thrown as `{ code, message, details }`.
#[wasm_bindgen]
impl WasmModel {
    /// Gives every thread a task, and returns how many did theirs. One that is lost is waited for in vain.
    #[wasm_bindgen(js_name = wakeThreads)]
    pub fn wake_threads(&self) -> usize {
        let (pool, awake) = (self.engine.pool(), AtomicUsize::new(0));
        pool.set_width(pool.threads());
        pool.run(|_| {
            awake.fetch_add(1, Ordering::Relaxed);
        });
        awake.into_inner()
    }

    /// Begins a short generation of `tokens` tokens that leaves no trace.
    #[wasm_bindgen(js_name = beginTrial)]
    pub fn begin_trial(&mut self, tokens: usize) {
        self.trial = Some(self.engine.begin_trial(tokens));
        self.engine.pool().set_active(true);
    }

    /// Goes on with it for about `limit` milliseconds; returns whether it has come to its end.
    #[wasm_bindgen(js_name = stepTrial)]
    pub fn step_trial(&mut self, limit: f64) -> std::result::Result<bool, JsValue> {
        self.next_trial(limit).map_err(|e| to_js(&e))
    }

    /// Drops it; returns the tokens that it has written.
    #[wasm_bindgen(js_name = endTrial)]
    pub fn end_trial(&mut self) -> Vec<u32> {
        let written = self.trial.take().map_or_else(Vec::new, |trial| trial.written().to_vec());
        self.rest_if_idle();
        written
    }
}
