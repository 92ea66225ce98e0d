//! The generations of a loaded model: submitted by the engine worker, which then steps through all of them at once.

use js_sys::{Array, Object, Reflect};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Result;
use crate::generate::{Event, Outcome, Prompt, ReasoningSplit, Report, RoundSize};
use crate::pool::Clock;
use crate::web::runtime::clock::monotonic_ms;
use crate::web::runtime::object::{read, to_object};

use super::constraint::JsConstraint;
use super::error::to_js;
use super::event::{WebEvent, WebUsage};
use super::model::WasmModel;
use super::options::{WebGenerateOptions, WebPrompt};

/// A pass of fewer tokens is read from memory rather than computed, as a single one is: it gets as many threads.
const SMALL_PASS: usize = 8;

/// Milliseconds that a turn of the event loop may take for several tokens: half of a frame at 60 Hz, so that each frame shows more,
/// and nobody waits for long who wants something else.
const TURN: f64 = 8.0;

/// What the requests need beside their scheduler.
#[derive(Debug, Default)]
pub struct Times {
    /// Milliseconds that the pass under way has taken.
    round: f64,
    /// Requests that want the time of each part.
    timed: Vec<u32>,
}

/// What became of keys and values, in bytes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Released {
    /// Of texts that have ended: free for what is computed next.
    released_bytes: usize,
    /// Of what is under way.
    used_bytes: usize,
}

impl WasmModel {
    fn submit_request(
        &mut self,
        id: u32,
        prompt: JsValue,
        options: JsValue,
        constraint: Option<JsConstraint>,
    ) -> Result<()> {
        self.scheduler.check_room()?;
        let prompt: WebPrompt = read("prompt", prompt)?;
        let mut options: WebGenerateOptions = read("options", options)?;
        let prompt = prompt.into_core(std::mem::take(&mut options.chat));
        let tokens = self.engine.prompt(&prompt)?;
        let reasoning = match &prompt {
            // The last tokens tell whether the template has opened the thinking.
            Prompt::Chat { .. } => {
                let last = &tokens[tokens.len().saturating_sub(16)..];
                Some(ReasoningSplit::after(&self.engine.tokenizer().decode(last, false)?))
            }
            Prompt::Text(_) | Prompt::Tokens(_) => None,
        };
        let (priority, is_timed) = (options.priority.unwrap_or(0.0), options.time_parts.unwrap_or(false));
        let is_alone = is_timed || options.synthetic_context.is_some();
        let mut generation = match options.synthetic_context {
            None => self.engine.prepare(tokens, options.into())?,
            Some(context) => self.engine.prepare_at_depth(context as usize, &tokens, options.into())?,
        };
        if let Some(constraint) = constraint {
            generation.constrain(Box::new(constraint));
        }
        self.scheduler.submit(id, generation, priority, is_alone)?;
        self.reasoning.extend(reasoning.map(|reasoning| (id, reasoning)));
        if is_timed {
            self.times.timed.push(id);
        }
        self.engine.pool().set_active(true);
        Ok(())
    }

    fn step_requests(&mut self, limit: f64) -> Result<Array> {
        let (began, out) = (monotonic_ms(), Array::new());
        let mut may_wait = true;
        while !self.scheduler.is_idle() {
            let size = self.scheduler.round_size();
            if let Some(size) = size {
                self.engine.pool().set_width(self.width(size));
            }
            let before = monotonic_ms();
            let reports = self.scheduler.step(&mut self.engine);
            let now = monotonic_ms();
            self.times.round += now - before;
            may_wait &= reports.iter().all(|report| matches!(report.outcome, Outcome::Event(Event::Token { .. })));
            let mut next = 0.0;
            if let Some(size) = size
                && self.scheduler.round_size().is_none()
            {
                let milliseconds = std::mem::take(&mut self.times.round);
                next = milliseconds;
                // A pass that tries another number of threads tells nothing about those with this one.
                if !is_single(size) || self.threads.next() == self.threads.chosen() {
                    self.scheduler.took(milliseconds, self.threads.chosen());
                }
                if is_single(size) {
                    self.threads.took(milliseconds);
                }
            }
            for report in reports {
                out.push(&self.report(report)?);
            }
            // Where the clock is too coarse to tell the time of a token, each has a turn of its own.
            let has_time = may_wait && now > began && now - began + next <= TURN;
            if out.length() > 0 && !has_time || now - began >= limit {
                break;
            }
        }
        self.rest_if_idle();
        Ok(out)
    }

    /// How many threads a pass gets.
    fn width(&self, size: RoundSize) -> usize {
        match size {
            size if is_single(size) => self.threads.next(),
            size if size.tokens < SMALL_PASS => self.threads.chosen(),
            _ => self.threads.most(),
        }
    }

    fn report(&mut self, Report { id, outcome }: Report) -> Result<JsValue> {
        let is_last = matches!(outcome, Outcome::Failed(_) | Outcome::Event(Event::Done { .. }));
        let (name, value) = match outcome {
            Outcome::Begun { cached } => {
                let is_timed = self.times.timed.contains(&id);
                self.engine.time_parts(is_timed.then_some(monotonic_ms as Clock));
                ("event", to_object(&WebEvent::Begun { cached })?)
            }
            Outcome::Event(event) => {
                let event =
                    WebEvent::new(event, self.threads.chosen(), self.engine.tokenizer(), self.reasoning.get_mut(&id))?;
                ("event", to_object(&event)?)
            }
            Outcome::Failed(error) => ("error", to_js(&error)),
        };
        if is_last {
            self.times.timed.retain(|&timed| timed != id);
            self.reasoning.remove(&id);
        }
        let report = Object::new();
        // Setting a property of a fresh plain object cannot fail.
        let _ = Reflect::set(&report, &"id".into(), &id.into());
        let _ = Reflect::set(&report, &name.into(), &value);
        Ok(report.into())
    }

    fn cancel_request(&mut self, id: u32) -> Result<JsValue> {
        self.times.timed.retain(|&timed| timed != id);
        self.reasoning.remove(&id);
        let usage = self.scheduler.cancel(&mut self.engine, id);
        if self.scheduler.round_size().is_none() {
            self.times.round = 0.0;
        }
        self.rest_if_idle();
        usage.map_or(Ok(JsValue::UNDEFINED), |usage| to_object(&WebUsage::from(usage)))
    }

    /// Lets the threads sleep if nothing is under way.
    pub(super) fn rest_if_idle(&mut self) {
        if self.scheduler.is_idle() && self.logits.is_none() && self.embed.is_none() && self.trial.is_none() {
            let pool = self.engine.pool();
            pool.set_active(false);
            pool.set_width(pool.threads());
        }
    }
}

fn is_single(size: RoundSize) -> bool {
    size.tokens == 1 && size.prompt_tokens == 0
}

/// Every error is thrown as `{ code, message, details }`.
#[wasm_bindgen]
impl WasmModel {
    /// Takes a request, with a number of the caller's for it, whose answer follows `constraint` if there is one.
    pub fn submit(
        &mut self,
        id: u32,
        prompt: JsValue,
        options: JsValue,
        constraint: Option<JsConstraint>,
    ) -> std::result::Result<(), JsValue> {
        self.submit_request(id, prompt, options, constraint).map_err(|e| to_js(&e))
    }

    /// The next bit of all requests: up to a report or more of what became of them, or for about `limit` milliseconds, so that
    /// a caller can cancel in between. Tokens that take less than half a frame are reported several at a time; the first of an
    /// answer is at once.
    pub fn step(&mut self, limit: f64) -> std::result::Result<Array, JsValue> {
        self.step_requests(limit).map_err(|e| to_js(&e))
    }

    /// Drops a request. What it has computed is kept for a text that begins alike. Returns its usage, or `undefined` if it has
    /// ended.
    pub fn cancel(&mut self, id: u32) -> std::result::Result<JsValue, JsValue> {
        self.cancel_request(id).map_err(|e| to_js(&e))
    }

    /// Lets the threads sleep while nobody steps, or wakes them for the requests that go on.
    #[wasm_bindgen(js_name = setPaused)]
    pub fn set_paused(&mut self, paused: bool) {
        if paused {
            self.engine.pool().set_active(false);
        } else if !self.scheduler.is_idle() {
            self.engine.pool().set_active(true);
        }
    }

    /// Gives up the keys and values of texts that have ended. The instance's memory stays as large as it is.
    #[wasm_bindgen(js_name = releaseMemory)]
    pub fn release_memory(&mut self) -> std::result::Result<JsValue, JsValue> {
        let released_bytes = self.engine.release_memory();
        to_object(&Released { released_bytes, used_bytes: self.engine.kv_bytes() }).map_err(|e| to_js(&e))
    }

    /// Drops all requests.
    #[wasm_bindgen(js_name = cancelAll)]
    pub fn cancel_all(&mut self) {
        self.scheduler.cancel_all(&mut self.engine);
        self.times = Times::default();
        self.reasoning.clear();
        self.rest_if_idle();
    }
}
