//! What an answer must follow, over the demo model's vocabulary: every answer that ends satisfies what was asked for.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "clippy takes helpers outside of #[test] for shipped code")]

mod formats;
mod gbnf;
mod generate;
mod javascript;
mod suite;
mod support;
