//! What a template is given: plain data, each string with its origin.

use std::rc::Rc;

use super::Result;
use super::meter::Meter;
use super::text::Writer;
use super::value::{Dict, Value};

/// Data for a template.
#[derive(Clone, Debug)]
pub enum Input {
    /// Not there.
    Undefined,
    /// Python's `None`.
    None,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A text and its origin: 0 is the template's own.
    Text(String, u16),
    /// Texts of several origins, as one text.
    Texts(Vec<Input>),
    /// A list.
    List(Vec<Input>),
    /// A dictionary.
    Dict(Vec<(Input, Input)>),
}

impl Input {
    /// A text that counts as the template's own.
    pub fn trusted(text: impl Into<String>) -> Self {
        Self::Text(text.into(), 0)
    }

    pub(super) fn to_value(&self, meter: &Rc<Meter>) -> Result<Value> {
        Ok(match self {
            Self::Undefined => Value::undefined("a variable is undefined"),
            Self::None => Value::None,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(i128::from(*value)),
            Self::Float(value) => Value::Float(*value),
            Self::Text(text, origin) => {
                let mut out = Writer::new(meter);
                out.str_from(text, *origin)?;
                Value::Str(out.finish()?)
            }
            Self::Texts(texts) => {
                let mut out = Writer::new(meter);
                for text in texts {
                    if let Self::Text(text, origin) = text {
                        out.str_from(text, *origin)?;
                    }
                }
                Value::Str(out.finish()?)
            }
            Self::List(items) => {
                Value::list(meter, items.iter().map(|item| item.to_value(meter)).collect::<Result<_>>()?)?
            }
            Self::Dict(pairs) => {
                let pair = |(key, value): &(Input, Input)| Ok((key.to_value(meter)?, value.to_value(meter)?));
                Value::Dict(Dict::new(meter, pairs.iter().map(pair).collect::<Result<_>>()?)?)
            }
        })
    }
}
