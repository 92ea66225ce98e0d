//! What an answer must follow: a JSON schema, a regular expression or a grammar, enforced token by token by [`llguidance`].
//!
//! It is a WebAssembly module of its own, because it is as large as the runtime: a page loads it with the first answer that
//! asks for it. The engine tells it the vocabulary once; then, before each token, it tells the engine which ones may come
//! next, as one bit each.
//!
//! * [`Vocabulary`]: the bytes of every token, and the work that all constraints share.
//! * [`Format`]: what a caller asks for; [`Constraint`]: one answer on its way through it.

#![deny(unsafe_code)]

mod constraint;
mod derivation;
mod equivalent;
mod error;
mod format;
mod gbnf;
mod javascript;
mod schema;
mod vocabulary;
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "wasm-bindgen's glue")]
mod web;

pub use constraint::Constraint;
pub use error::{Error, Result};
pub use format::Format;
pub use vocabulary::{CONTROL, Vocabulary};
