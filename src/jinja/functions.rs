//! Global functions.

use std::cell::Cell;
use std::rc::Rc;

use super::access::is_text;
use super::arguments::Args;
use super::run::{Run, check_name};
use super::show::to_text;
use super::value::{Cycler, Dict, Joiner, Range, Seq, Value};
use super::{Failure, Result};

/// The sandbox's bound on `range`.
const MAX_RANGE: i128 = 100_000;

impl Run<'_> {
    pub fn call_function(&self, name: &str, args: Args) -> Result<Value> {
        let meter = &self.meter;
        match name {
            "range" => range(args),
            "dict" => Ok(Value::Dict(Dict::new(meter, self.dict_pairs(args)?)?)),
            "namespace" => {
                let mut entries: Vec<(String, Value)> = Vec::new();
                for (key, value) in self.dict_pairs(args)? {
                    let key = to_text(meter, &key)?.text();
                    check_name(&key)?;
                    meter.spend(1 + entries.len() as u64 / 8)?;
                    match entries.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, old)) => *old = value,
                        None => entries.push((key, value)),
                    }
                }
                Ok(self.new_namespace(entries))
            }
            "cycler" => {
                let items = args.only_positional("cycler")?;
                if items.is_empty() {
                    return Err(Failure::runtime("at least one item has to be provided"));
                }
                Ok(Value::Cycler(Rc::new(Cycler { seq: Seq::new(meter, items)?, at: Cell::new(0) })))
            }
            "joiner" => {
                let mut args = args.bind("joiner", &["sep"])?;
                let separator = args.optional().map_or_else(|| Value::str(meter, ", "), Ok)?;
                // It counts as one level of nesting.
                Seq::new(meter, vec![separator.clone()])?;
                Ok(Value::Joiner(Rc::new(Joiner { separator, used: Cell::new(false) })))
            }
            "raise_exception" => {
                let message = args.bind("raise_exception", &["message"])?.required("message")?;
                let text = to_text(meter, &message)?;
                Err(Failure::raised(super::text::plain(&text.chars[..text.chars.len().min(1000)])))
            }
            "strftime_now" => {
                let format = args.bind("strftime_now", &["format"])?.text("format")?;
                let Some(clock) = self.clock else { return Err(Failure::runtime("'strftime_now' is undefined")) };
                let text = format.text();
                meter.check_room(text.len().saturating_mul(32))?;
                meter.spend(text.len() as u64)?;
                Value::str(meter, &clock(&text))
            }
            _ => Err(Failure::runtime(format!("'{name}' is undefined"))),
        }
    }

    /// The pairs of `dict(...)`.
    pub fn dict_pairs(&self, args: Args) -> Result<Vec<(Value, Value)>> {
        let meter = &self.meter;
        let mut pairs = Vec::new();
        if args.positional.len() > 1 {
            return Err(Failure::runtime("dict expected at most 1 argument"));
        }
        for value in args.positional {
            value.check_defined()?;
            match value {
                Value::Dict(dict) => {
                    meter.spend(1 + dict.entries.len() as u64)?;
                    pairs.extend(dict.entries.iter().cloned());
                }
                other => {
                    for item in other.items(meter)? {
                        let pair: std::result::Result<[Value; 2], _> = item.items(meter)?.try_into();
                        let Ok([key, value]) = pair else {
                            return Err(Failure::runtime("a dictionary is made of pairs of a key and a value"));
                        };
                        pairs.push((key, value));
                    }
                }
            }
        }
        for (name, value) in args.named {
            pairs.push((Value::str(meter, &name)?, value));
        }
        Ok(pairs)
    }

    /// `dict.fromkeys(keys, value)`
    pub fn dict_from_keys(&self, args: Args) -> Result<Value> {
        let mut args = args.bind("fromkeys", &["iterable", "value"])?;
        let keys = args.required("iterable")?.items(&self.meter)?;
        let value = args.optional().unwrap_or(Value::None);
        let pairs = keys.into_iter().map(|key| (key, value.clone())).collect();
        Ok(Value::Dict(Dict::new(&self.meter, pairs)?))
    }
}

fn range(args: Args) -> Result<Value> {
    let values = args.only_positional("range")?;
    let mut numbers = Vec::new();
    for value in &values {
        value.check_defined()?;
        let Some(number) = value.index() else {
            return Err(Failure::runtime(format!(
                "'{}' object cannot be interpreted as an integer",
                value.type_name()
            )));
        };
        numbers.push(number);
    }
    let (start, stop, step) = match numbers[..] {
        [stop] => (0, stop, 1),
        [start, stop] => (start, stop, 1),
        [start, stop, step] => (start, stop, step),
        _ => return Err(Failure::runtime(format!("range expected 1 to 3 arguments, got {}", numbers.len()))),
    };
    if step == 0 {
        return Err(Failure::runtime("range() arg 3 must not be zero"));
    }
    let distance = if step > 0 { stop.saturating_sub(start) } else { start.saturating_sub(stop) };
    let len = if distance <= 0 { 0 } else { (distance - 1) / step.saturating_abs() + 1 };
    if len > MAX_RANGE {
        return Err(Failure::limit(format!("Range too big. The sandbox blocks ranges larger than {MAX_RANGE}.")));
    }
    Ok(Value::Range(Rc::new(Range { start, stop, step, len: len as usize })))
}

/// `true` for a keyword argument that is the text `"value"` in `dictsort(by=...)`.
pub fn sorts_by_value(by: Option<&Value>) -> Result<bool> {
    match by {
        None => Ok(false),
        Some(by) if is_text(by, "key") => Ok(false),
        Some(by) if is_text(by, "value") => Ok(true),
        Some(_) => Err(Failure::runtime("You can only sort by either \"key\" or \"value\"")),
    }
}
