//! What a rendering may take: work, memory and depth, counted before they are taken.
//!
//! A template comes out of a file that nobody vetted. Whatever it does goes through one of these three counters, so it ends
//! in an error at the same place on every machine, whether or not a clock or another thread could stop it.

use std::cell::Cell;
use std::rc::Rc;

use super::{Failure, Result};

/// The bounds of one rendering.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Steps: one for each node of the template that is evaluated, and for every 8 characters or so that are touched.
    pub steps: u64,
    /// Bytes of values that live at the same time.
    pub bytes: usize,
    /// Characters of the result.
    pub output: usize,
}

/// How deep expressions, blocks and macros may nest while they run: each level takes a frame of the stack.
const MAX_DEPTH: u32 = 220;

/// Characters that cost as much as one step.
const CHARS_PER_STEP: u64 = 8;

/// Counts what a rendering takes.
#[derive(Debug)]
pub struct Meter {
    limits: Limits,
    steps: Cell<u64>,
    live: Cell<usize>,
    depth: Cell<u32>,
    /// A part of a message was written as Python shows dictionaries.
    shows_parts: Cell<bool>,
}

impl Meter {
    pub fn new(limits: Limits) -> Rc<Self> {
        Rc::new(Self {
            limits,
            steps: Cell::new(0),
            live: Cell::new(0),
            depth: Cell::new(0),
            shows_parts: Cell::new(false),
        })
    }

    /// Takes some steps.
    pub fn spend(&self, steps: u64) -> Result<()> {
        let taken = self.steps.get().saturating_add(steps);
        self.steps.set(taken);
        if taken > self.limits.steps {
            return Err(Failure::limit(format!("it does not end within {} steps", self.limits.steps)));
        }
        Ok(())
    }

    /// Takes the steps that touching so many characters costs.
    pub fn spend_chars(&self, chars: usize) -> Result<()> {
        self.spend(1 + chars as u64 / CHARS_PER_STEP)
    }

    /// Whether so many bytes more could live.
    pub fn check_room(&self, bytes: usize) -> Result<()> {
        if self.live.get().saturating_add(bytes) > self.limits.bytes {
            return Err(Failure::limit(format!("it needs more than {} bytes of memory", self.limits.bytes)));
        }
        Ok(())
    }

    /// Takes bytes until the answer is dropped.
    pub fn hold(self: &Rc<Self>, bytes: usize) -> Result<Held> {
        self.check_room(bytes)?;
        self.live.set(self.live.get() + bytes);
        Ok(Held { bytes, meter: Some(Rc::clone(self)) })
    }

    /// Goes one level deeper; [`leave`](Self::leave) must follow.
    pub fn enter(&self) -> Result<()> {
        self.spend(1)?;
        if self.depth.get() >= MAX_DEPTH {
            return Err(Failure::limit(format!("it nests deeper than {MAX_DEPTH} levels")));
        }
        self.depth.set(self.depth.get() + 1);
        Ok(())
    }

    /// Comes back from one level.
    pub fn leave(&self) {
        self.depth.set(self.depth.get().saturating_sub(1));
    }

    /// Notes that a part of a message was written as Python shows dictionaries.
    pub fn note_part(&self) {
        self.shows_parts.set(true);
    }

    pub fn shows_parts(&self) -> bool {
        self.shows_parts.get()
    }

    /// Bytes that live.
    #[cfg(test)]
    pub fn live(&self) -> usize {
        self.live.get()
    }

    pub fn max_output(&self) -> usize {
        self.limits.output
    }
}

/// Bytes that a value takes for as long as it lives.
#[derive(Debug)]
pub struct Held {
    bytes: usize,
    meter: Option<Rc<Meter>>,
}

impl Held {
    /// Takes more.
    pub fn grow(&mut self, bytes: usize) -> Result<()> {
        if let Some(meter) = &self.meter {
            meter.check_room(bytes)?;
            meter.live.set(meter.live.get() + bytes);
            self.bytes += bytes;
        }
        Ok(())
    }

    /// Nothing that counts.
    pub fn nothing() -> Self {
        Self { bytes: 0, meter: None }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(meter) = &self.meter {
            meter.live.set(meter.live.get().saturating_sub(self.bytes));
        }
    }
}
