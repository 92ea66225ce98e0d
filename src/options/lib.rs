//! The options of `load` and `generate`: each once, with its name, range, default and sentence.
//!
//! The core checks ranges and takes defaults from here. `cargo xtask build` writes `worker/schema.js` from the same lists:
//! the rules by which the page refuses a wrong value before a worker exists, and the types with their documentation. The
//! crate is small and depends on nothing, so that xtask can read it without compiling the runtime.
//!
//! To add an option: a [`Rule`] here and a place in its list; the field that takes it in `src/web/api/options.rs` (what the
//! engine decides) or in `worker/options.js` (what the page decides); then `cargo xtask build`.

#![forbid(unsafe_code)]

mod generate;
mod load;
mod rule;

pub use generate::*;
pub use load::*;
pub use rule::{Kind, Rule};
