//! Values as text: Python's `str` and `repr`.

use std::rc::Rc;

use super::meter::Meter;
use super::text::{Char, Text, Writer, is_printable};
use super::value::{Value, View};
use super::{Failure, Result};

/// Python's `str(value)`.
pub fn to_text(meter: &Rc<Meter>, value: &Value) -> Result<Rc<Text>> {
    if let Value::Str(text) = value {
        return Ok(Rc::clone(text));
    }
    let mut out = Writer::new(meter);
    write(value, &mut out)?;
    out.finish()
}

/// The same into `out`.
pub fn write(value: &Value, out: &mut Writer) -> Result<()> {
    match value {
        Value::Str(text) => out.extend(&text.chars),
        Value::Undefined(_) => Ok(()),
        _ => repr(value, out),
    }
}

/// Python's `repr(value)`.
pub fn repr(value: &Value, out: &mut Writer) -> Result<()> {
    out.meter().enter()?;
    let result = repr_inner(value, out);
    out.meter().leave();
    result
}

fn repr_inner(value: &Value, out: &mut Writer) -> Result<()> {
    match value {
        Value::Undefined(_) => out.str("Undefined"),
        Value::None => out.str("None"),
        Value::Bool(true) => out.str("True"),
        Value::Bool(false) => out.str("False"),
        Value::Int(value) => out.str(&value.to_string()),
        Value::Float(value) => out.str(&float(*value)),
        Value::Str(text) if text.markup => {
            out.str("Markup(")?;
            repr_text(&text.chars, out)?;
            out.str(")")
        }
        Value::Str(text) => repr_text(&text.chars, out),
        Value::List(seq) => items(&seq.items, "[", "]", out),
        Value::Tuple(seq) if seq.items.len() == 1 => items(&seq.items, "(", ",)", out),
        Value::Tuple(seq) => items(&seq.items, "(", ")", out),
        Value::Dict(dict) => {
            let text = dict.get_str(out.meter(), "text")?;
            if matches!(text, Some(Value::Str(text)) if text.chars.iter().any(|c| c.origin() != 0)) {
                out.meter().note_part();
            }
            out.str("{")?;
            pairs(dict.entries.iter().map(|(k, v)| (k, v)), out)?;
            out.str("}")
        }
        Value::View(view, dict) => {
            out.str(value.type_name())?;
            match view {
                View::Keys => list(dict.entries.iter().map(|(key, _)| key), "([", "])", out),
                View::Values => list(dict.entries.iter().map(|(_, value)| value), "([", "])", out),
                View::Items => {
                    let meter = Rc::clone(out.meter());
                    items(&value.items(&meter)?, "([", "])", out)
                }
            }
        }
        Value::Range(range) if range.step == 1 => out.str(&format!("range({}, {})", range.start, range.stop)),
        Value::Range(range) => out.str(&format!("range({}, {}, {})", range.start, range.stop, range.step)),
        Value::Namespace(namespace) => {
            out.str("<Namespace {")?;
            let entries = namespace.entries.borrow();
            for (i, (key, value)) in entries.iter().enumerate() {
                out.str(if i > 0 { ", '" } else { "'" })?;
                out.str(key)?;
                out.str("': ")?;
                repr(value, out)?;
            }
            out.str("}>")
        }
        Value::Loop(state) => out.str(&format!("<LoopContext {}/{}>", state.index() + 1, state.seq.items.len())),
        Value::Macro(found) => out.str(&format!("<Macro '{}'>", found.node.name)),
        _ => out.str(&format!("<{} object>", value.type_name())),
    }
}

fn items(items: &[Value], open: &str, close: &str, out: &mut Writer) -> Result<()> {
    list(items.iter(), open, close, out)
}

fn list<'a>(items: impl Iterator<Item = &'a Value>, open: &str, close: &str, out: &mut Writer) -> Result<()> {
    out.str(open)?;
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.str(", ")?;
        }
        repr(item, out)?;
    }
    out.str(close)
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>, out: &mut Writer) -> Result<()> {
    for (i, (key, value)) in pairs.enumerate() {
        if i > 0 {
            out.str(", ")?;
        }
        repr(key, out)?;
        out.str(": ")?;
        repr(value, out)?;
    }
    Ok(())
}

/// A text in quotes.
pub fn repr_text(chars: &[Char], out: &mut Writer) -> Result<()> {
    let has = |wanted| chars.iter().any(|c| c.char() == wanted);
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    out.push(Char::from(quote))?;
    for &c in chars {
        let escaped = match c.char() {
            '\\' => "\\\\".to_owned(),
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => "\\t".to_owned(),
            plain if plain == quote => format!("\\{plain}"),
            plain if is_printable(plain) => {
                out.push(c)?;
                continue;
            }
            other => escape_code(other),
        };
        out.str_from(&escaped, c.origin())?;
    }
    out.push(Char::from(quote))
}

/// `\x..`, `\u....` or `\U........`
pub fn escape_code(c: char) -> String {
    match u32::from(c) {
        code if code < 0x100 => format!("\\x{code:02x}"),
        code if code < 0x1_0000 => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}

/// Python's `repr` of a float: the shortest digits that read back as the same, in scientific notation below 1e-4 and from
/// 1e16 on.
pub fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// HTML's special characters as entities.
pub fn escape(chars: &[Char], out: &mut Writer) -> Result<()> {
    for &c in chars {
        let entity = match c.char() {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '\'' => "&#39;",
            '"' => "&#34;",
            _ => {
                out.push(c)?;
                continue;
            }
        };
        out.str_from(entity, c.origin())?;
    }
    Ok(())
}

/// Reads a Python integer: white space around it, a sign, underscores between digits.
pub fn parse_int(text: &str, base: u32) -> Option<i128> {
    let text = text.trim_matches(super::text::is_space);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_lowercase();
    let prefixed = |prefix: &str, radix| {
        (base == radix || base == 0).then(|| lower.strip_prefix(prefix)).flatten().map(|rest| (rest.to_owned(), radix))
    };
    let (digits, radix) = prefixed("0x", 16)
        .or_else(|| prefixed("0o", 8))
        .or_else(|| prefixed("0b", 2))
        .unwrap_or((lower.clone(), if base == 0 { 10 } else { base }));
    let digits = digits.strip_prefix('_').filter(|_| digits.len() < lower.len()).unwrap_or(&digits).to_owned();
    if digits.is_empty()
        || digits.starts_with(['_', '+', '-'])
        || digits.ends_with('_')
        || digits.contains("__")
        || !(2..=36).contains(&radix)
    {
        return None;
    }
    let digits: String = digits.chars().filter(|&c| c != '_').map(|c| decimal_digit(c).unwrap_or(c)).collect();
    let value = i128::from_str_radix(&digits, radix).ok()?;
    Some(if negative { -value } else { value })
}

/// The ASCII digit of a decimal of another script.
fn decimal_digit(c: char) -> Option<char> {
    if c.is_ascii() || !super::text::is_decimal(c) {
        return None;
    }
    // Decimals of a script follow each other, from zero; that of a block's start is found by walking back.
    let mut zero = u32::from(c);
    while let Some(before) = char::from_u32(zero - 1)
        && super::text::is_decimal(before)
        && u32::from(c) - zero < 9
    {
        zero -= 1;
    }
    char::from_digit((u32::from(c) - zero) % 10, 10)
}

/// Reads a Python float.
pub fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim_matches(super::text::is_space);
    let lower = text.to_ascii_lowercase();
    let unsigned = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    if matches!(unsigned, "inf" | "infinity" | "nan") {
        let value = if unsigned == "nan" { f64::NAN } else { f64::INFINITY };
        return Some(if lower.starts_with('-') { -value } else { value });
    }
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let chars: Vec<char> = text.chars().collect();
    for (i, &c) in chars.iter().enumerate() {
        let around = i > 0 && digit(Some(chars[i - 1])) && digit(chars.get(i + 1).copied());
        if c == '_' && !around || !matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-' | '_') {
            return None;
        }
    }
    text.replace('_', "").parse().ok()
}

/// The value as a text, or an error that names what was expected.
pub fn expect_text(value: &Value, what: &str) -> Result<Rc<Text>> {
    value.check_defined()?;
    match value {
        Value::Str(text) => Ok(Rc::clone(text)),
        _ => Err(Failure::runtime(format!("{what}: expected a string, found {}", value.type_name()))),
    }
}
