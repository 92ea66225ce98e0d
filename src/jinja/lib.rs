//! Jinja templates as transformers renders them, within hard bounds.
//!
//! The language is jinja2's, in the environment that transformers sets up for chat templates (`utils/chat_template_utils.py`:
//! an immutable sandbox, `trim_blocks`, `lstrip_blocks`, loop controls, `{% generation %}`, its own `tojson`). Values behave
//! as Python's do. It is an implementation of its own for two reasons that a library does not give: every operation is counted
//! before it runs (`meter.rs`), so that a hostile template ends in an error, and every character knows whether the template
//! or a user wrote it (`text.rs`), so that no content can spell a control token.
//!
//! It is a crate of its own because it is compiled for its size: a template is rendered once for each prompt.

#![cfg_attr(all(test, target_arch = "wasm32"), feature(custom_test_frameworks, test), test_runner(test_harness::run))]
#![deny(unsafe_code)]

mod access;
mod arguments;
mod ast;
mod failure;
mod filters;
mod filters_sequence;
mod filters_text;
mod format;
mod functions;
mod input;
mod json;
mod lexer;
mod loops;
mod meter;
mod methods;
mod methods_text;
mod operators;
mod parser;
mod parser_expr;
mod pprint;
mod predicates;
mod printf;
mod run;
mod show;
#[cfg(test)]
mod tests;
mod text;
mod value;
mod wrap;

pub use failure::{Failure, FailureKind, Result};
pub use input::Input;
pub use meter::Limits;
pub use text::Char;

use ast::Body;
use meter::Meter;
use run::Run;
use text::Writer;

/// What `strftime_now(format)` calls.
pub type Clock<'c> = &'c dyn Fn(&str) -> String;

/// A parsed template.
#[derive(Debug)]
pub struct Template {
    body: Body,
    /// Of its variables.
    names: Vec<String>,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// `Syntax` or `Limit`.
    pub fn parse(source: &str) -> Result<Self> {
        let (body, names) = parser::parse(source)?;
        Ok(Self { body, names })
    }

    /// The text that the template makes of `variables`, and whether it wrote a dictionary of a `text` that is none of its own
    /// as Python shows dictionaries.
    ///
    /// # Errors
    /// `Runtime`, `Raised` or `Limit`.
    pub fn render(
        &self,
        variables: &[(&str, Input)],
        clock: Option<Clock>,
        limits: Limits,
    ) -> Result<(Vec<Char>, bool)> {
        let meter = Meter::new(limits);
        let run = Run::new(meter, &self.names, clock)?;
        for (name, input) in variables {
            run.set_variable(name, input.to_value(&run.meter)?)?;
        }
        let mut out = Writer::with_limit(&run.meter, run.meter.max_output());
        run.exec(&self.body, &run.root, &mut out)?;
        Ok((out.into_chars(), run.meter.shows_parts()))
    }
}
