//! What a filter, test or function is called with.

use std::rc::Rc;

use super::meter::Meter;
use super::show::{expect_text, to_text};
use super::text::Text;
use super::value::Value;
use super::{Failure, Result};

/// Evaluated arguments.
#[derive(Debug, Default)]
pub struct Args {
    pub positional: Vec<Value>,
    pub named: Vec<(Rc<str>, Value)>,
}

/// Arguments by parameter.
pub struct Bound {
    values: std::vec::IntoIter<Option<Value>>,
    call: String,
}

impl Args {
    /// The arguments of `call` in the order of its parameters.
    pub fn bind(self, call: &str, params: &[&str]) -> Result<Bound> {
        if self.positional.len() > params.len() {
            let (most, found) = (params.len(), self.positional.len());
            return Err(Failure::runtime(format!("{call}() takes at most {most} arguments ({found} given)")));
        }
        let mut values: Vec<Option<Value>> = self.positional.into_iter().map(Some).collect();
        values.resize_with(params.len(), || None);
        for (name, value) in self.named {
            let Some(at) = params.iter().position(|param| **param == *name) else {
                return Err(Failure::runtime(format!("{call}() got an unexpected keyword argument '{name}'")));
            };
            if values[at].replace(value).is_some() {
                return Err(Failure::runtime(format!("{call}() got multiple values for argument '{name}'")));
            }
        }
        Ok(Bound { values: values.into_iter(), call: call.to_owned() })
    }

    /// The arguments of a call that knows no names.
    pub fn only_positional(self, call: &str) -> Result<Vec<Value>> {
        match self.named.first() {
            None => Ok(self.positional),
            Some((name, _)) => Err(Failure::runtime(format!("{call}() got an unexpected keyword argument '{name}'"))),
        }
    }
}

impl Bound {
    /// The next argument, if it was given.
    pub fn optional(&mut self) -> Option<Value> {
        self.values.next().flatten()
    }

    /// The next argument, which must be there.
    pub fn required(&mut self, name: &str) -> Result<Value> {
        self.optional().ok_or_else(|| Failure::runtime(format!("{}() missing the argument '{name}'", self.call)))
    }

    /// The next argument as a boolean.
    pub fn flag(&mut self) -> bool {
        self.optional().is_some_and(|value| value.truth())
    }

    /// The next argument as an integer.
    pub fn int(&mut self, default: i128) -> Result<i128> {
        match self.optional() {
            None => Ok(default),
            Some(value) => self.to_int(&value),
        }
    }

    fn to_int(&self, value: &Value) -> Result<i128> {
        value.check_defined()?;
        value.index().ok_or_else(|| {
            Failure::runtime(format!(
                "{}(): '{}' object cannot be interpreted as an integer",
                self.call,
                value.type_name()
            ))
        })
    }

    /// The next argument as an integer; none for none.
    pub fn int_or_none(&mut self) -> Result<Option<i128>> {
        match self.optional() {
            None | Some(Value::None) => Ok(None),
            Some(value) => self.to_int(&value).map(Some),
        }
    }

    /// The next argument, which must be a string.
    pub fn text(&mut self, name: &str) -> Result<Rc<Text>> {
        let value = self.required(name)?;
        expect_text(&value, &self.call)
    }

    /// The next argument, a string or none.
    pub fn text_or_none(&mut self) -> Result<Option<Rc<Text>>> {
        match self.optional() {
            None | Some(Value::None) => Ok(None),
            Some(value) => expect_text(&value, &self.call).map(Some),
        }
    }

    /// The next argument as Python's `str` writes it.
    pub fn any_text(&mut self, meter: &Rc<Meter>, default: &str) -> Result<Rc<Text>> {
        match self.optional() {
            None => Ok(Text::constant(default)),
            Some(value) => to_text(meter, &value),
        }
    }
}
