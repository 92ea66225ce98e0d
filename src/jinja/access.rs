//! `value.name`, `value[key]` and `value[start:stop:step]`.

use std::rc::Rc;

use super::meter::Meter;
use super::text::{Writer, is, plain};
use super::value::{Seq, Value};
use super::{Failure, Result};

const STR_METHODS: [&str; 46] = [
    "capitalize",
    "casefold",
    "center",
    "count",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
    "encode",
];
const LIST_METHODS: [&str; 2] = ["count", "index"];
const DICT_METHODS: [&str; 6] = ["copy", "fromkeys", "get", "items", "keys", "values"];
/// What changes a list or a dictionary, which the sandbox forbids.
const CHANGING: [&str; 13] = [
    "append",
    "clear",
    "extend",
    "insert",
    "pop",
    "popitem",
    "remove",
    "reverse",
    "setdefault",
    "sort",
    "update",
    "add",
    "discard",
];
const NUMBER_METHODS: [&str; 5] = ["bit_length", "bit_count", "conjugate", "is_integer", "as_integer_ratio"];
const LOOP_METHODS: [&str; 2] = ["changed", "cycle"];
const CYCLER_METHODS: [&str; 2] = ["next", "reset"];

/// The names of a value's methods.
fn methods(value: &Value) -> &'static [&'static str] {
    match value {
        Value::Str(_) => &STR_METHODS,
        Value::List(_) | Value::Tuple(_) | Value::Range(_) => &LIST_METHODS,
        Value::Dict(_) => &DICT_METHODS,
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => &NUMBER_METHODS,
        Value::Loop(_) => &LOOP_METHODS,
        Value::Cycler(_) => &CYCLER_METHODS,
        Value::Function("dict") => &["fromkeys"],
        _ => &[],
    }
}

/// What Python's `getattr` finds.
fn own_attribute(meter: &Rc<Meter>, value: &Value, name: &str) -> Result<Option<Value>> {
    if let Some(name) = methods(value).iter().find(|known| **known == name) {
        return Ok(Some(Value::Method(Rc::new((value.clone(), name)))));
    }
    if matches!(value, Value::List(_) | Value::Dict(_)) && CHANGING.contains(&name) {
        let of = value.type_name();
        let list_only = ["append", "extend", "insert", "remove", "reverse", "sort"].contains(&name);
        let dict_only = ["popitem", "setdefault", "update"].contains(&name);
        let exists = if matches!(value, Value::List(_)) { !dict_only } else { !list_only };
        if exists && !matches!(name, "add" | "discard") {
            return Ok(Some(Value::undefined(format!("access to attribute '{name}' of '{of}' object is unsafe."))));
        }
    }
    Ok(match value {
        Value::Namespace(namespace) => {
            let entries = namespace.entries.borrow();
            entries.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        }
        Value::Loop(state) => super::loops::attribute(meter, state, name)?,
        Value::Cycler(cycler) if name == "current" => Some(cycler.seq.items[cycler.at.get()].clone()),
        Value::Tuple(seq) if seq.group => match name {
            "grouper" => seq.items.first().cloned(),
            "list" => seq.items.get(1).cloned(),
            _ => None,
        },
        Value::Range(range) => match name {
            "start" => Some(Value::Int(range.start)),
            "stop" => Some(Value::Int(range.stop)),
            "step" => Some(Value::Int(range.step)),
            _ => None,
        },
        Value::Bool(_) | Value::Int(_) => match (name, value.index()) {
            ("real" | "numerator", Some(value)) => Some(Value::Int(value)),
            ("imag", _) => Some(Value::Int(0)),
            ("denominator", _) => Some(Value::Int(1)),
            _ => None,
        },
        Value::Float(_) if name == "real" => Some(value.clone()),
        Value::Float(_) if name == "imag" => Some(Value::Float(0.0)),
        Value::Macro(found) => match name {
            "name" => Some(Value::str(meter, &found.node.name)?),
            "arguments" => {
                let names = found.node.params.iter().map(|(_, name, _)| Value::str(meter, name));
                Some(Value::tuple(meter, names.collect::<Result<_>>()?)?)
            }
            "catch_kwargs" => Some(Value::Bool(found.node.uses_kwargs)),
            "catch_varargs" => Some(Value::Bool(found.node.uses_varargs)),
            "caller" => Some(Value::Bool(found.node.uses_caller)),
            _ => None,
        },
        _ => None,
    })
}

/// How jinja2 calls the type of a value that lacks something.
fn missing(value: &Value, name: &str) -> Value {
    let of = match value {
        Value::None => "None".to_owned(),
        _ => format!("{} object", value.type_name()),
    };
    Value::undefined(format!("'{of}' has no attribute '{name}'"))
}

/// `value.name`
pub fn attribute(meter: &Rc<Meter>, value: &Value, name: &str) -> Result<Value> {
    meter.spend(1)?;
    value.check_defined()?;
    if let Some(found) = own_attribute(meter, value, name)? {
        return Ok(found);
    }
    if let Value::Dict(dict) = value
        && let Some(found) = dict.get_str(meter, name)?
    {
        return Ok(found.clone());
    }
    Ok(missing(value, name))
}

/// What the filter `attr` finds: no items.
pub fn only_attribute(meter: &Rc<Meter>, value: &Value, name: &str) -> Result<Value> {
    value.check_defined()?;
    Ok(own_attribute(meter, value, name)?.unwrap_or_else(|| missing(value, name)))
}

fn at(len: usize, index: i128) -> Option<usize> {
    let index = if index < 0 { index + len as i128 } else { index };
    usize::try_from(index).ok().filter(|&index| index < len)
}

/// `value[key]`
pub fn item(meter: &Rc<Meter>, value: &Value, key: &Value) -> Result<Value> {
    meter.spend(1)?;
    value.check_defined()?;
    let found = match value {
        Value::Dict(dict) => match key {
            Value::List(_) | Value::Dict(_) => None,
            _ => dict.get(meter, key)?.cloned(),
        },
        Value::List(seq) | Value::Tuple(seq) => {
            key.index().and_then(|index| at(seq.items.len(), index)).map(|at| seq.items[at].clone())
        }
        Value::Range(range) => key.index().and_then(|index| at(range.len, index)).map(|at| range.get(at)),
        Value::Str(text) => match key.index().and_then(|index| at(text.chars.len(), index)) {
            Some(at) => {
                let mut out = Writer::new(meter);
                out.markup = text.markup;
                out.push(text.chars[at])?;
                Some(Value::Str(out.finish()?))
            }
            None => None,
        },
        _ => None,
    };
    if let Some(found) = found {
        return Ok(found);
    }
    if let Value::Str(name) = key {
        let name = plain(&name.chars[..name.chars.len().min(256)]);
        return Ok(own_attribute(meter, value, &name)?.unwrap_or_else(|| missing(value, &name)));
    }
    let shown = super::show::to_text(meter, key)?;
    Ok(missing(value, &plain(&shown.chars[..shown.chars.len().min(64)])))
}

/// The places that `[start:stop:step]` names.
struct Places {
    start: i128,
    stop: i128,
    step: i128,
    count: usize,
}

impl Places {
    /// As Python's `slice.indices`.
    fn new(len: usize, parts: [Option<i128>; 3]) -> Result<Self> {
        let len = len as i128;
        let step = parts[2].unwrap_or(1);
        if step == 0 {
            return Err(Failure::runtime("slice step cannot be zero"));
        }
        let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
        let clamp = |part: Option<i128>, default| {
            part.map_or(default, |at| (if at < 0 { at.saturating_add(len) } else { at }).clamp(low, high))
        };
        let (start, stop) = if step > 0 {
            (clamp(parts[0], low), clamp(parts[1], high))
        } else {
            (clamp(parts[0], high), clamp(parts[1], low))
        };
        let distance = if step > 0 { stop - start } else { start - stop };
        let count = if distance <= 0 { 0 } else { (distance - 1) / step.saturating_abs() + 1 };
        Ok(Self { start, stop, step, count: usize::try_from(count).unwrap_or(0) })
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        (0..self.count as i128).map(|i| (self.start + i * self.step) as usize)
    }
}

/// `value[start:stop:step]`
pub fn slice(meter: &Rc<Meter>, value: &Value, parts: [Option<Value>; 3]) -> Result<Value> {
    value.check_defined()?;
    let mut bounds = [None; 3];
    for (bound, part) in bounds.iter_mut().zip(&parts) {
        match part {
            None | Some(Value::None) => {}
            Some(part) => match part.index() {
                Some(index) => *bound = Some(index),
                None => {
                    return Err(Failure::runtime("slice indices must be integers or None or have an __index__ method"));
                }
            },
        }
    }
    match value {
        Value::Str(text) => {
            let places = Places::new(text.chars.len(), bounds)?;
            let mut out = Writer::new(meter);
            out.markup = text.markup;
            if places.step == 1 {
                let start = places.start as usize;
                out.extend(&text.chars[start..start + places.count])?;
            } else {
                places.iter().try_for_each(|at| out.push(text.chars[at]))?;
            }
            Ok(Value::Str(out.finish()?))
        }
        Value::List(seq) => Value::list(meter, sliced(meter, seq, bounds)?),
        Value::Tuple(seq) => Value::tuple(meter, sliced(meter, seq, bounds)?),
        Value::Range(range) => {
            let places = Places::new(range.len, bounds)?;
            let at = |place: i128| range.start.saturating_add(range.step.saturating_mul(place));
            let step = range.step.saturating_mul(places.step);
            let (start, stop) = (at(places.start), at(places.stop));
            Ok(Value::Range(Rc::new(super::value::Range { start, stop, step, len: places.count })))
        }
        _ => Err(Failure::runtime(format!("'{}' object is not subscriptable by a slice", value.type_name()))),
    }
}

fn sliced(meter: &Meter, seq: &Seq, bounds: [Option<i128>; 3]) -> Result<Vec<Value>> {
    let places = Places::new(seq.items.len(), bounds)?;
    meter.spend(1 + places.count as u64 / 4)?;
    meter.check_room(places.count.saturating_mul(size_of::<Value>()))?;
    Ok(places.iter().map(|at| seq.items[at].clone()).collect())
}

/// A part of an attribute path such as `function.name` or `items.0`.
pub fn path(meter: &Rc<Meter>, value: &Value, attribute: &Value, default: Option<&Value>) -> Result<Value> {
    let mut found = value.clone();
    let step = |found: Value, key: &Value| -> Result<Value> {
        let next = item(meter, &found, key)?;
        Ok(match (&next, default) {
            (Value::Undefined(_), Some(default)) => default.clone(),
            _ => next,
        })
    };
    match attribute {
        Value::None => {}
        Value::Str(text) => {
            for part in text.chars.split(|c| c.char() == '.') {
                let digits = !part.is_empty() && part.iter().all(|c| super::text::is_digit(c.char()));
                let key = match super::show::parse_int(&plain(part), 10) {
                    Some(index) if digits => Value::Int(index),
                    _ => Value::chars(meter, part)?,
                };
                found = step(found, &key)?;
            }
        }
        other => found = step(found, other)?,
    }
    Ok(found)
}

/// Whether `value` is the text `name`.
pub fn is_text(value: &Value, name: &str) -> bool {
    matches!(value, Value::Str(text) if is(&text.chars, name))
}
