//! Methods of values that are no strings.

use std::rc::Rc;

use super::arguments::Args;
use super::loops;
use super::run::Run;
use super::value::{Value, View};
use super::{Failure, Result};

impl Run<'_> {
    /// `value.name(args)`
    pub fn call_method(&self, value: &Value, name: &str, args: Args) -> Result<Value> {
        let meter = &self.meter;
        match value {
            Value::Str(text) => self.text_method(text, name, args),
            Value::Dict(dict) => match name {
                "get" => {
                    let mut values = args.only_positional("get")?.into_iter();
                    let key =
                        values.next().ok_or_else(|| Failure::runtime("get expected at least 1 argument, got 0"))?;
                    if matches!(key, Value::List(_) | Value::Dict(_)) {
                        return Err(Failure::runtime(format!("unhashable type: '{}'", key.type_name())));
                    }
                    let default = values.next().unwrap_or(Value::None);
                    if values.next().is_some() {
                        return Err(Failure::runtime("get expected at most 2 arguments"));
                    }
                    Ok(dict.get(meter, &key)?.cloned().unwrap_or(default))
                }
                "fromkeys" => self.dict_from_keys(args),
                _ => {
                    args.bind(name, &[])?;
                    Ok(match name {
                        "keys" => Value::View(View::Keys, Rc::clone(dict)),
                        "values" => Value::View(View::Values, Rc::clone(dict)),
                        "items" => Value::View(View::Items, Rc::clone(dict)),
                        _ => value.clone(),
                    })
                }
            },
            Value::List(_) | Value::Tuple(_) | Value::Range(_) => self.list_method(value, name, args),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => self.number_method(value, name, args),
            Value::Loop(state) => loops::method(meter, state, name, args),
            Value::Cycler(cycler) => {
                args.bind(name, &[])?;
                if name == "reset" {
                    cycler.at.set(0);
                    return Ok(Value::None);
                }
                let at = cycler.at.get();
                cycler.at.set((at + 1) % cycler.seq.items.len());
                Ok(cycler.seq.items[at].clone())
            }
            _ => self.dict_from_keys(args),
        }
    }

    fn list_method(&self, value: &Value, name: &str, args: Args) -> Result<Value> {
        let values = args.only_positional(name)?;
        let Some(wanted) = values.first() else {
            return Err(Failure::runtime(format!("{name}() takes exactly one argument (0 given)")));
        };
        let items = value.items(&self.meter)?;
        let mut bounds = [0, items.len()];
        for (bound, value) in bounds.iter_mut().zip(&values[1..]) {
            let at = value.index().ok_or_else(|| Failure::runtime("slice indices must be integers"))?;
            let at = if at < 0 { at.saturating_add(items.len() as i128).max(0) } else { at };
            *bound = usize::try_from(at).unwrap_or(usize::MAX).min(items.len());
        }
        if values.len() > if name == "index" { 3 } else { 1 } {
            return Err(Failure::runtime(format!("{name}() got too many arguments")));
        }
        let mut count = 0;
        for (at, item) in items.iter().enumerate().take(bounds[1]).skip(bounds[0]) {
            if item.equals(wanted, &self.meter)? {
                if name == "index" {
                    return Ok(Value::Int(at as i128));
                }
                count += 1;
            }
        }
        if name == "index" {
            return Err(Failure::runtime("the value is not in the list"));
        }
        Ok(Value::Int(count))
    }

    fn number_method(&self, value: &Value, name: &str, args: Args) -> Result<Value> {
        args.bind(name, &[])?;
        let whole = value.index();
        match (name, value, whole) {
            ("bit_length", _, Some(number)) => Ok(Value::Int(i128::from(128 - number.unsigned_abs().leading_zeros()))),
            ("bit_count", _, Some(number)) => Ok(Value::Int(i128::from(number.unsigned_abs().count_ones()))),
            ("conjugate", _, Some(number)) => Ok(Value::Int(number)),
            ("conjugate", ..) => Ok(value.clone()),
            ("is_integer", Value::Float(number), _) => {
                Ok(Value::Bool(number.is_finite() && libm::trunc(*number) == *number))
            }
            ("is_integer", ..) => Ok(Value::Bool(true)),
            ("as_integer_ratio", _, Some(number)) => Value::tuple(&self.meter, vec![Value::Int(number), Value::Int(1)]),
            _ => Err(Failure::runtime(format!("'{}' object has no attribute '{name}'", value.type_name()))),
        }
    }
}
