//! Running a Jinja template as transformers does, within limits.
//!
//! transformers renders with `trim_blocks`, `lstrip_blocks`, loop controls, Python's string and dict methods,
//! `raise_exception`, `strftime_now` and a `tojson` that is plain `json.dumps` (source: transformers'
//! `utils/chat_template_utils.py`).
//!
//! Steps, recursion, output and the source's shape are bounded. What one step may cost is not, since minijinja has no
//! such bound: a template that doubles a string in a loop, or prints a list of a hundred million items, ends with the
//! worker that runs it.

use std::io::{self, Write};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error as JinjaError, ErrorKind as JinjaKind, Value, context};
use minijinja_contrib::pycompat::unknown_method_callback;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::{ChatOptions, Message, shape};
use crate::tokenizer::Tokenizer;
use crate::{Error, ErrorKind, Result};

/// Template instructions for one rendering, and for each message more: published templates take some tens a message.
const FUEL: u64 = 8_000;
const FUEL_PER_MESSAGE: u64 = 1_000;

/// Macros within macros, and includes.
const MAX_RECURSION: usize = 64;

/// Bytes that a template may write: far more than any context holds.
const MAX_OUTPUT: usize = 16 << 20;

const NAME: &str = "chat_template";

/// Whether `source` is valid Jinja.
pub(super) fn check(source: &str) -> Result<()> {
    compile(source, &ChatOptions::default(), FUEL).map(drop)
}

/// The template's text for `messages`.
pub(super) fn render(
    source: &str,
    tokenizer: &Tokenizer,
    messages: &[Message],
    options: &ChatOptions,
) -> Result<String> {
    let fuel = FUEL + FUEL_PER_MESSAGE * messages.len() as u64;
    let environment = compile(source, options, fuel)?;
    let template = environment.get_template(NAME).map_err(failed)?;
    let token = |id: Option<u32>| -> Result<Value> {
        let Some(id) = id else { return Ok(Value::UNDEFINED) };
        Ok(Value::from(String::from_utf8_lossy(tokenizer.token_bytes(id)?)))
    };
    let context = context! {
        messages => messages.iter().map(|m| context! { role => m.role.as_str(), content => m.content.as_str() }).collect::<Vec<_>>(),
        add_generation_prompt => options.add_generation_prompt,
        bos_token => token(tokenizer.bos())?,
        eos_token => token(tokenizer.eos())?,
        // transformers passes these even where there are none.
        tools => Value::from(()),
        documents => Value::from(()),
    };
    let mut output = Bounded(Vec::new());
    let result = template.render_captured_to(context, &mut output).map(drop);
    if output.0.len() > MAX_OUTPUT {
        return Err(Error::new(
            ErrorKind::ChatTemplate,
            format!("the chat template writes more than {MAX_OUTPUT} bytes: it is broken or hostile"),
        ));
    }
    result.map_err(failed)?;
    String::from_utf8(output.0)
        .map_err(|e| Error::new(ErrorKind::Internal, "the chat template's output is no text").with_source(e))
}

fn failed(error: JinjaError) -> Error {
    let context = match error.kind() {
        JinjaKind::OutOfFuel => "the chat template does not come to an end: it is broken or hostile".to_owned(),
        _ => "the chat template failed".to_owned(),
    };
    Error::new(ErrorKind::ChatTemplate, context).with_source(error)
}

fn compile<'s>(source: &'s str, options: &ChatOptions, fuel: u64) -> Result<Environment<'s>> {
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(failed)?;
    shape::check(source, &syntax)?;
    let mut environment = Environment::new();
    environment.set_syntax(syntax);
    environment.set_fuel(Some(fuel));
    environment.set_recursion_limit(MAX_RECURSION);
    environment.set_unknown_method_callback(unknown_method_callback);
    environment.add_filter("tojson", to_json);
    environment.add_function("raise_exception", |message: String| -> std::result::Result<Value, JinjaError> {
        Err(JinjaError::new(JinjaKind::InvalidOperation, message))
    });
    if let Some(now) = options.now {
        environment.add_function("strftime_now", move |format: &str| {
            now.format(format).map_err(|error| JinjaError::new(JinjaKind::InvalidOperation, error.to_string()))
        });
    }
    environment.add_template(NAME, source).map_err(failed)?;
    Ok(environment)
}

/// Refuses to grow beyond [`MAX_OUTPUT`].
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (MAX_OUTPUT + 1).saturating_sub(self.0.len());
        // A byte too many is kept as the sign of the overflow.
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if self.0.len() > MAX_OUTPUT {
            return Err(io::Error::other("too much output"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Python's `json.dumps(value, ensure_ascii=False, indent=indent)`.
fn to_json(value: &Value, kwargs: Kwargs) -> std::result::Result<Value, JinjaError> {
    let indent: Option<usize> = kwargs.get("indent")?;
    // The options of json.dumps that change nothing here.
    let _: Option<bool> = kwargs.get("ensure_ascii")?;
    kwargs.assert_all_used()?;
    let mut out = Vec::new();
    let result = match indent {
        None => value.serialize(&mut Serializer::with_formatter(&mut out, PythonFormatter)),
        Some(width) => {
            let indent = vec![b' '; width.min(64)];
            value.serialize(&mut Serializer::with_formatter(&mut out, PrettyFormatter::with_indent(&indent)))
        }
    };
    result.map_err(|e| JinjaError::new(JinjaKind::InvalidOperation, "cannot write as JSON").with_source(e))?;
    let text = String::from_utf8(out)
        .map_err(|e| JinjaError::new(JinjaKind::InvalidOperation, "cannot write as JSON").with_source(e))?;
    // Marked as safe only so that nothing escapes it; there is no HTML here.
    Ok(Value::from_safe_string(text))
}

/// `json.dumps` puts a space after each comma and colon.
struct PythonFormatter;

impl Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
