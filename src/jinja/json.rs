//! The filter `tojson` as transformers defines it: Python's `json.dumps`.

use std::rc::Rc;

use super::arguments::Args;
use super::operators::sort;
use super::show::float;
use super::text::{Char, Text, Writer};
use super::value::Value;
use super::{Failure, Result, run::Run};

struct Style {
    ascii: bool,
    /// What one level is indented by; line ends come with it.
    indent: Option<Rc<Text>>,
    comma: Rc<Text>,
    colon: Rc<Text>,
    sort_keys: bool,
}

impl Run<'_> {
    /// `value | tojson(ensure_ascii, indent, separators, sort_keys)`
    pub fn to_json(&self, value: &Value, args: Args) -> Result<Value> {
        let mut args = args.bind("tojson", &["ensure_ascii", "indent", "separators", "sort_keys"])?;
        let ascii = args.flag();
        let indent = match args.optional() {
            None | Some(Value::None) => None,
            Some(Value::Str(text)) => Some(text),
            Some(value) => {
                let width =
                    value.index().ok_or_else(|| Failure::runtime("tojson: indent must be a number or a string"))?;
                let mut out = Writer::new(&self.meter);
                out.fill(Char::from(' '), usize::try_from(width.max(0)).unwrap_or(usize::MAX))?;
                Some(out.finish()?)
            }
        };
        let (comma, colon) = match args.optional() {
            None | Some(Value::None) => {
                (Text::constant(if indent.is_some() { "," } else { ", " }), Text::constant(": "))
            }
            Some(value) => match &value.items(&self.meter)?[..] {
                [Value::Str(comma), Value::Str(colon)] => (Rc::clone(comma), Rc::clone(colon)),
                _ => return Err(Failure::runtime("tojson: separators must be two strings")),
            },
        };
        let style = Style { ascii, indent, comma, colon, sort_keys: args.flag() };
        let mut out = Writer::new(&self.meter);
        style.value(value, 0, &mut out)?;
        Ok(Value::Str(out.finish()?))
    }
}

impl Style {
    fn value(&self, value: &Value, level: usize, out: &mut Writer) -> Result<()> {
        out.meter().enter()?;
        match value {
            Value::None => out.str("null")?,
            Value::Bool(true) => out.str("true")?,
            Value::Bool(false) => out.str("false")?,
            Value::Int(value) => out.str(&value.to_string())?,
            Value::Float(value) => out.str(&number(*value))?,
            Value::Str(text) => self.string(&text.chars, out)?,
            Value::List(seq) | Value::Tuple(seq) => {
                out.str("[")?;
                for (i, item) in seq.items.iter().enumerate() {
                    self.separate(i == 0, level + 1, out)?;
                    self.value(item, level + 1, out)?;
                }
                self.close(seq.items.is_empty(), level, out)?;
                out.str("]")?;
            }
            Value::Dict(dict) => {
                out.str("{")?;
                let mut entries = dict.entries.clone();
                if self.sort_keys {
                    let mut keyed = dict
                        .entries
                        .iter()
                        .map(|(k, v)| Ok((k.clone(), Value::tuple(out.meter(), vec![k.clone(), v.clone()])?)))
                        .collect::<Result<_>>()?;
                    sort(out.meter(), &mut keyed, false)?;
                    entries = keyed
                        .into_iter()
                        .filter_map(|(key, pair)| match &pair {
                            Value::Tuple(pair) => Some((key, pair.items[1].clone())),
                            _ => None,
                        })
                        .collect();
                }
                for (i, (key, value)) in entries.iter().enumerate() {
                    self.separate(i == 0, level + 1, out)?;
                    self.key(key, out)?;
                    out.extend(&self.colon.chars)?;
                    self.value(value, level + 1, out)?;
                }
                self.close(entries.is_empty(), level, out)?;
                out.str("}")?;
            }
            other => {
                return Err(Failure::runtime(format!("Object of type {} is not JSON serializable", other.type_name())));
            }
        }
        out.meter().leave();
        Ok(())
    }

    fn key(&self, key: &Value, out: &mut Writer) -> Result<()> {
        match key {
            Value::Str(text) => self.string(&text.chars, out),
            Value::None => out.str("\"null\""),
            Value::Bool(value) => out.str(if *value { "\"true\"" } else { "\"false\"" }),
            Value::Int(value) => out.str(&format!("\"{value}\"")),
            Value::Float(value) => out.str(&format!("\"{}\"", number(*value))),
            other => {
                Err(Failure::runtime(format!("keys must be str, int, float, bool or None, not {}", other.type_name())))
            }
        }
    }

    fn separate(&self, first: bool, level: usize, out: &mut Writer) -> Result<()> {
        if !first {
            out.extend(&self.comma.chars)?;
        }
        self.line(level, out)
    }

    fn close(&self, empty: bool, level: usize, out: &mut Writer) -> Result<()> {
        if empty { Ok(()) } else { self.line(level, out) }
    }

    fn line(&self, level: usize, out: &mut Writer) -> Result<()> {
        let Some(indent) = &self.indent else { return Ok(()) };
        out.str("\n")?;
        (0..level).try_for_each(|_| out.extend(&indent.chars))
    }

    fn string(&self, chars: &[Char], out: &mut Writer) -> Result<()> {
        out.str("\"")?;
        for &c in chars {
            let escaped = match c.char() {
                '"' => "\\\"".to_owned(),
                '\\' => "\\\\".to_owned(),
                '\n' => "\\n".to_owned(),
                '\r' => "\\r".to_owned(),
                '\t' => "\\t".to_owned(),
                '\x08' => "\\b".to_owned(),
                '\x0c' => "\\f".to_owned(),
                plain @ '\0'..='\x1f' => format!("\\u{:04x}", u32::from(plain)),
                plain if self.ascii && plain > '~' => {
                    let mut units = [0; 2];
                    plain.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
                }
                _ => {
                    out.push(c)?;
                    continue;
                }
            };
            out.str_from(&escaped, c.origin())?;
        }
        out.str("\"")
    }
}

/// `json.dumps` has names for what is no number.
fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity".into() } else { "-Infinity".into() }
    } else {
        float(value)
    }
}
