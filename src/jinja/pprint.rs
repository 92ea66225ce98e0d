//! Python's `pprint.pformat`: sorted keys, one item a line where 80 columns do not hold all of them.

use std::rc::Rc;

use super::Result;
use super::meter::Meter;
use super::methods_text::{PART, split_lines};
use super::operators::sort;
use super::show::{repr, repr_text};
use super::text::{Char, Writer, is_space};
use super::value::Value;

const WIDTH: usize = 80;

/// `value | pprint`
pub fn pretty(meter: &Rc<Meter>, value: &Value) -> Result<Value> {
    let mut out = Writer::new(meter);
    format(value, 0, 0, 1, &mut out)?;
    Ok(Value::Str(out.finish()?))
}

/// The entries by key; keys that have no order stay as they are.
fn sorted(meter: &Rc<Meter>, dict: &super::value::Dict) -> Result<Vec<(Value, Value)>> {
    let mut keyed: Vec<(Value, Value)> = dict.entries.clone();
    meter.spend(keyed.len() as u64)?;
    let all_text = keyed.iter().all(|(key, _)| matches!(key, Value::Str(_)));
    let all_numbers = keyed.iter().all(|(key, _)| key.index().is_some() || matches!(key, Value::Float(_)));
    if all_text || all_numbers {
        sort(meter, &mut keyed, false)?;
    }
    Ok(keyed)
}

/// On one line.
fn flat(value: &Value, out: &mut Writer) -> Result<()> {
    let meter = Rc::clone(out.meter());
    meter.enter()?;
    match value {
        Value::Dict(dict) => {
            out.str("{")?;
            for (i, (key, value)) in sorted(&meter, dict)?.iter().enumerate() {
                out.str(if i > 0 { ", " } else { "" })?;
                flat(key, out)?;
                out.str(": ")?;
                flat(value, out)?;
            }
            out.str("}")?;
        }
        Value::List(seq) | Value::Tuple(seq) => {
            let list = matches!(value, Value::List(_));
            out.str(if list { "[" } else { "(" })?;
            for (i, item) in seq.items.iter().enumerate() {
                out.str(if i > 0 { ", " } else { "" })?;
                flat(item, out)?;
            }
            out.str(match (list, seq.items.len()) {
                (true, _) => "]",
                (false, 1) => ",)",
                _ => ")",
            })?;
        }
        _ => repr(value, out)?,
    }
    meter.leave();
    Ok(())
}

fn format(value: &Value, indent: usize, allowance: usize, level: u32, out: &mut Writer) -> Result<()> {
    let meter = Rc::clone(out.meter());
    let mut line = Writer::new(&meter);
    flat(value, &mut line)?;
    if line.len() <= WIDTH.saturating_sub(indent + allowance) {
        return out.extend(line.chars());
    }
    meter.enter()?;
    match value {
        Value::Dict(dict) => {
            out.str("{")?;
            let entries = sorted(&meter, dict)?;
            for (i, (key, value)) in entries.iter().enumerate() {
                let last = i + 1 == entries.len();
                let before = out.len();
                flat(key, out)?;
                out.str(": ")?;
                let column = indent + 1 + out.len() - before;
                format(value, column, if last { allowance + 1 } else { 1 }, level + 1, out)?;
                if !last {
                    next_line(indent + 1, out)?;
                }
            }
            out.str("}")?;
        }
        Value::List(seq) | Value::Tuple(seq) => {
            let (open, close) = match (value, seq.items.len()) {
                (Value::List(_), _) => ("[", "]"),
                (_, 1) => ("(", ",)"),
                _ => ("(", ")"),
            };
            out.str(open)?;
            for (i, item) in seq.items.iter().enumerate() {
                let last = i + 1 == seq.items.len();
                format(item, indent + 1, if last { allowance + close.len() } else { 1 }, level + 1, out)?;
                if !last {
                    next_line(indent + 1, out)?;
                }
            }
            out.str(close)?;
        }
        Value::Str(text) => long_text(&text.chars, indent, allowance, level, out)?,
        _ => out.extend(line.chars())?,
    }
    meter.leave();
    Ok(())
}

fn next_line(indent: usize, out: &mut Writer) -> Result<()> {
    out.str(",\n")?;
    out.fill(Char::from(' '), indent)
}

/// A text in several quoted pieces.
fn long_text(chars: &[Char], indent: usize, allowance: usize, level: u32, out: &mut Writer) -> Result<()> {
    let meter = Rc::clone(out.meter());
    let top = usize::from(level == 1);
    let (indent, allowance) = (indent + top, allowance + top);
    let quoted = |chars: &[Char]| -> Result<Vec<Char>> {
        let mut text = Writer::new(&meter);
        repr_text(chars, &mut text)?;
        Ok(text.into_chars())
    };
    let width = WIDTH.saturating_sub(indent);
    meter.check_room(chars.len().saturating_mul(PART))?;
    let lines = split_lines(chars, true);
    let mut pieces = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let last_line = i + 1 == lines.len();
        let whole = quoted(line)?;
        if whole.len() <= width.saturating_sub(if last_line { allowance } else { 0 }) {
            pieces.push(whole);
            continue;
        }
        let mut begin = 0;
        let mut at = 0;
        while at < line.len() {
            let word = line[at..].iter().take_while(|c| !is_space(c.char())).count();
            let end = at + word + line[at + word..].iter().take_while(|c| is_space(c.char())).count();
            let room = width.saturating_sub(if last_line && end == line.len() { allowance } else { 0 });
            if begin < at && quoted(&line[begin..end])?.len() > room {
                pieces.push(quoted(&line[begin..at])?);
                begin = at;
            }
            at = end;
        }
        if begin < line.len() {
            pieces.push(quoted(&line[begin..])?);
        }
    }
    let wrapped = level == 1 && pieces.len() > 1;
    if wrapped {
        out.str("(")?;
    }
    for (i, piece) in pieces.iter().enumerate() {
        if i > 0 {
            out.str("\n")?;
            out.fill(Char::from(' '), indent)?;
        }
        out.extend(piece)?;
    }
    if wrapped { out.str(")") } else { Ok(()) }
}
