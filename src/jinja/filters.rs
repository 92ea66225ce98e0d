//! jinja2's filters: which there are, and those of single values. Signatures are those of jinja2's `filters.py`.

use std::rc::Rc;

use super::access::{is_text, only_attribute};
use super::arguments::Args;
use super::printf::{self, Layout};
use super::run::Run;
use super::show::{escape, parse_float, parse_int, to_text};
use super::text::{Char, Text, Writer, is_word, plain};
use super::value::Value;
use super::{Failure, Result};

/// Every filter.
pub const FILTERS: [&str; 54] = [
    "abs",
    "attr",
    "batch",
    "capitalize",
    "center",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "filesizeformat",
    "first",
    "float",
    "forceescape",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "random",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "string",
    "striptags",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "urlize",
    "wordcount",
    "wordwrap",
    "xmlattr",
];

impl Run<'_> {
    /// `value | name(args)`
    pub fn filter(&self, name: &str, value: Value, args: Args) -> Result<Value> {
        self.meter.spend(1)?;
        match name {
            "capitalize" | "lower" | "title" | "upper" | "trim" | "center" | "replace" | "indent" | "truncate"
            | "wordwrap" | "wordcount" | "striptags" | "urlencode" => self.text_filter(name, &value, args),
            "batch" | "dictsort" | "first" | "groupby" | "items" | "join" | "last" | "list" | "map" | "max" | "min"
            | "random" | "reject" | "rejectattr" | "reverse" | "select" | "selectattr" | "slice" | "sort" | "sum"
            | "unique" => self.sequence_filter(name, value, args),
            _ => self.value_filter(name, value, args),
        }
    }

    fn value_filter(&self, name: &str, value: Value, args: Args) -> Result<Value> {
        let meter = &self.meter;
        match name {
            "default" | "d" => {
                let mut args = args.bind(name, &["default_value", "boolean"])?;
                let default = args.optional();
                if matches!(value, Value::Undefined(_)) || args.flag() && !value.truth() {
                    return default.map_or_else(|| Value::str(meter, ""), Ok);
                }
                Ok(value)
            }
            "length" | "count" => {
                args.bind(name, &[])?;
                Ok(Value::Int(value.len()? as i128))
            }
            "string" => {
                args.bind(name, &[])?;
                Ok(Value::Str(to_text(meter, &value)?))
            }
            "tojson" => self.to_json(&value, args),
            "attr" => {
                let name = args.bind(name, &["name"])?.text("name")?;
                only_attribute(meter, &value, &name.text())
            }
            "abs" => {
                args.bind(name, &[])?;
                value.check_defined()?;
                match &value {
                    Value::Float(number) => Ok(Value::Float(number.abs())),
                    _ => match value.index() {
                        Some(number) => Ok(Value::Int(number.saturating_abs())),
                        None => Err(Failure::runtime(format!("bad operand type for abs(): '{}'", value.type_name()))),
                    },
                }
            }
            "int" => self.to_int(&value, args),
            "float" => {
                let default = args.bind(name, &["default"])?.optional();
                value.check_defined()?;
                let number = match &value {
                    Value::Float(number) => Some(*number),
                    Value::Str(text) => parse_float(&text.text()),
                    _ => value.index().map(|number| number as f64),
                };
                Ok(number.map(Value::Float).or(default).unwrap_or(Value::Float(0.0)))
            }
            "round" => round(&value, args),
            "format" => {
                let pattern = to_text(meter, &value)?;
                if !args.named.is_empty() && !args.positional.is_empty() {
                    return Err(Failure::runtime("can't handle positional and keyword arguments at the same time"));
                }
                let right = if args.named.is_empty() {
                    Value::tuple(meter, args.positional)?
                } else {
                    Value::Dict(super::value::Dict::new(meter, self.dict_pairs(args)?)?)
                };
                printf::format(meter, &pattern, &right)
            }
            "safe" => {
                args.bind(name, &[])?;
                self.markup(&to_text(meter, &value)?.chars)
            }
            "escape" | "e" | "forceescape" => {
                args.bind(name, &[])?;
                let text = to_text(meter, &value)?;
                if text.markup && name != "forceescape" {
                    return Ok(Value::Str(text));
                }
                let mut out = Writer::new(meter);
                out.markup = true;
                escape(&text.chars, &mut out)?;
                Ok(Value::Str(out.finish()?))
            }
            "filesizeformat" => file_size(meter, &value, args),
            "pprint" => {
                args.bind(name, &[])?;
                super::pprint::pretty(meter, &value)
            }
            "xmlattr" => self.xml_attributes(&value, args),
            "urlize" => Err(Failure::runtime("the filter 'urlize' has no place in a prompt")),
            _ => Err(Failure::runtime(format!("No filter named '{name}' found."))),
        }
    }

    pub fn markup(&self, chars: &[Char]) -> Result<Value> {
        let mut out = Writer::new(&self.meter);
        out.markup = true;
        out.extend(chars)?;
        Ok(Value::Str(out.finish()?))
    }

    fn to_int(&self, value: &Value, args: Args) -> Result<Value> {
        let mut args = args.bind("int", &["default", "base"])?;
        let default = args.optional().unwrap_or(Value::Int(0));
        let base = args.int(10)?;
        value.check_defined()?;
        let from_float = |number: f64| (number.is_finite() && number.abs() < 1e38).then(|| libm::trunc(number) as i128);
        let number = match value {
            Value::Str(text) => {
                self.meter.spend_chars(text.chars.len())?;
                let text = text.text();
                parse_int(&text, u32::try_from(base).unwrap_or(99)).or_else(|| parse_float(&text).and_then(from_float))
            }
            Value::Float(number) => from_float(*number),
            _ => value.index(),
        };
        Ok(number.map_or(default, Value::Int))
    }

    fn xml_attributes(&self, value: &Value, args: Args) -> Result<Value> {
        let mut args = args.bind("xmlattr", &["autospace"])?;
        let space = args.optional().is_none_or(|value| value.truth());
        value.check_defined()?;
        let Value::Dict(dict) = value else { return Err(Failure::runtime("xmlattr needs a mapping")) };
        let mut out = Writer::new(&self.meter);
        for (key, value) in &dict.entries {
            if matches!(value, Value::None | Value::Undefined(_)) {
                continue;
            }
            let key = super::show::expect_text(key, "xmlattr")?;
            if key.chars.iter().any(|c| matches!(c.char(), ' ' | '\t'..='\r' | '/' | '>' | '=')) {
                return Err(Failure::runtime("Invalid character in attribute name"));
            }
            if space || out.len() > 0 {
                out.str(" ")?;
            }
            escape(&key.chars, &mut out)?;
            out.str("=\"")?;
            let text = to_text(&self.meter, value)?;
            if text.markup {
                out.extend(&text.chars)?;
            } else {
                escape(&text.chars, &mut out)?;
            }
            out.str("\"")?;
        }
        out.markup = self.autoescape.get();
        Ok(Value::Str(out.finish()?))
    }
}

/// Python's `round`, to even digits, or up or down.
fn round(value: &Value, args: Args) -> Result<Value> {
    let mut args = args.bind("round", &["precision", "method"])?;
    let precision = args.int(0)?;
    let method = args.optional();
    value.check_defined()?;
    let number = match value {
        Value::Float(number) => *number,
        _ => match value.index() {
            Some(number) => number as f64,
            None => {
                return Err(Failure::runtime(format!("type {} doesn't define __round__ method", value.type_name())));
            }
        },
    };
    let digits = i32::try_from(precision.clamp(-400, 400)).unwrap_or(0);
    let power = libm::pow(10.0, f64::from(digits));
    match method {
        Some(method) if is_text(&method, "ceil") => Ok(Value::Float(libm::ceil(number * power) / power)),
        Some(method) if is_text(&method, "floor") => Ok(Value::Float(libm::floor(number * power) / power)),
        Some(method) if !is_text(&method, "common") => Err(Failure::runtime("method must be common, ceil or floor")),
        _ => match value.index() {
            Some(whole) if digits >= 0 => Ok(Value::Int(whole)),
            Some(whole) => Ok(Value::Int(round_whole(whole, digits.unsigned_abs()))),
            None if !number.is_finite() || digits > 300 => Ok(Value::Float(number)),
            None if digits >= 0 => {
                let text = format!("{number:.*}", digits as usize);
                Ok(Value::Float(text.parse().unwrap_or(number)))
            }
            None => {
                let unit = libm::pow(10.0, f64::from(-digits));
                Ok(Value::Float(libm::rint(number / unit) * unit))
            }
        },
    }
}

fn round_whole(value: i128, digits: u32) -> i128 {
    let Some(unit) = 10_i128.checked_pow(digits) else { return 0 };
    let (quotient, rest) = (value.div_euclid(unit), value.rem_euclid(unit));
    let up = rest * 2 > unit || rest * 2 == unit && quotient % 2 != 0;
    (quotient + i128::from(up)) * unit
}

fn file_size(meter: &Rc<super::meter::Meter>, value: &Value, args: Args) -> Result<Value> {
    let binary = args.bind("filesizeformat", &["binary"])?.flag();
    value.check_defined()?;
    let bytes = match value {
        Value::Float(bytes) => Some(*bytes),
        Value::Str(text) => parse_float(&text.text()),
        _ => value.index().map(|bytes| bytes as f64),
    };
    let Some(bytes) = bytes else { return Err(Failure::runtime("filesizeformat needs a number")) };
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    if bytes == 1.0 {
        return Value::str(meter, "1 Byte");
    }
    if bytes < base {
        return Value::str(meter, &format!("{} Bytes", libm::trunc(bytes)));
    }
    let prefixes = if binary {
        ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
    } else {
        ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
    };
    let mut unit = base;
    for (i, prefix) in prefixes.iter().enumerate() {
        unit *= base;
        if bytes < unit || i + 1 == prefixes.len() {
            let mut out = Writer::new(meter);
            Layout { precision: Some(1), ..Layout::new() }.float(base * bytes / unit, 'f', &mut out)?;
            out.str(" ")?;
            out.str(prefix)?;
            return Ok(Value::Str(out.finish()?));
        }
    }
    Ok(Value::None)
}

/// Words as a regular expression's `\w+` finds them.
pub fn count_words(text: &Text) -> usize {
    text.chars.split(|c| !is_word(c.char())).filter(|word| !word.is_empty()).count()
}

/// The name of a filter or test that is given as a value.
pub fn name_of(value: &Value) -> Result<String> {
    match value {
        Value::Str(text) => Ok(plain(&text.chars[..text.chars.len().min(64)])),
        _ => Err(Failure::runtime(format!("a filter or test is named by a string, not by {}", value.type_name()))),
    }
}
