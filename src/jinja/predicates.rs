//! jinja2's tests: `value is name(args)`.

use super::arguments::Args;
use super::ast::Comparison;
use super::filters::FILTERS;
use super::methods_text::{is_cased_lower, is_cased_upper};
use super::operators::{compare, contains};
use super::run::Run;
use super::show::to_text;
use super::value::Value;
use super::{Failure, Result};

/// Every test.
const TESTS: [&str; 39] = [
    "!=",
    "<",
    "<=",
    "==",
    ">",
    ">=",
    "boolean",
    "callable",
    "defined",
    "divisibleby",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

impl Run<'_> {
    /// `value is name(args)`
    pub fn test(&self, name: &str, value: &Value, args: Args) -> Result<bool> {
        self.meter.spend(1)?;
        let meter = &self.meter;
        let comparison = match name {
            "eq" | "==" | "equalto" => Some(Comparison::Eq),
            "ne" | "!=" => Some(Comparison::Ne),
            "lt" | "<" | "lessthan" => Some(Comparison::Lt),
            "le" | "<=" => Some(Comparison::Le),
            "gt" | ">" | "greaterthan" => Some(Comparison::Gt),
            "ge" | ">=" => Some(Comparison::Ge),
            _ => None,
        };
        if let Some(comparison) = comparison {
            let other = args.bind(name, &["other"])?.required("other")?;
            return compare(meter, comparison, value, &other);
        }
        match name {
            "in" => contains(meter, &args.bind(name, &["seq"])?.required("seq")?, value),
            "sameas" => Ok(value.is_same(&args.bind(name, &["other"])?.required("other")?)),
            "divisibleby" => {
                let number = args.bind(name, &["num"])?.required("num")?;
                remainder(self, value, &number).map(|rest| rest == 0.0)
            }
            _ => {
                args.bind(name, &[])?;
                self.plain_test(name, value)
            }
        }
    }

    fn plain_test(&self, name: &str, value: &Value) -> Result<bool> {
        if let ("lower" | "upper", Value::Str(text)) = (name, value) {
            self.meter.spend_chars(text.chars.len().saturating_mul(2))?;
        }
        Ok(match name {
            "defined" => !matches!(value, Value::Undefined(_)),
            "undefined" => matches!(value, Value::Undefined(_)),
            "none" => matches!(value, Value::None),
            "boolean" => matches!(value, Value::Bool(_)),
            "true" => matches!(value, Value::Bool(true)),
            "false" => matches!(value, Value::Bool(false)),
            "integer" => matches!(value, Value::Int(_)),
            "float" => matches!(value, Value::Float(_)),
            "number" => matches!(value, Value::Int(_) | Value::Float(_) | Value::Bool(_)),
            "string" => matches!(value, Value::Str(_)),
            "mapping" => matches!(value, Value::Dict(_)),
            "iterable" => value.is_iterable(),
            // What has a length and an order of items; something undefined has both.
            "sequence" => matches!(
                value,
                Value::Undefined(_)
                    | Value::Str(_)
                    | Value::List(_)
                    | Value::Tuple(_)
                    | Value::Dict(_)
                    | Value::Range(_)
            ),
            "callable" => matches!(
                value,
                Value::Macro(_)
                    | Value::Function(_)
                    | Value::Method(_)
                    | Value::Joiner(_)
                    | Value::Loop(_)
                    | Value::Undefined(_)
            ),
            "escaped" => matches!(value, Value::Str(text) if text.markup),
            "odd" => remainder(self, value, &Value::Int(2))? == 1.0,
            "even" => remainder(self, value, &Value::Int(2))? == 0.0,
            "lower" => is_cased_lower(&to_text(&self.meter, value)?.chars),
            "upper" => is_cased_upper(&to_text(&self.meter, value)?.chars),
            "filter" => matches!(value, Value::Str(name) if FILTERS.contains(&name.text().as_str())),
            "test" => matches!(value, Value::Str(name) if TESTS.contains(&name.text().as_str())),
            _ => return Err(Failure::runtime(format!("No test named '{name}' found."))),
        })
    }
}

fn remainder(run: &Run<'_>, value: &Value, by: &Value) -> Result<f64> {
    let rest = super::operators::arithmetic(&run.meter, super::ast::Operator::Mod, value, by)?;
    Ok(match rest {
        Value::Float(rest) => rest,
        rest => rest.index().map_or(f64::NAN, |rest| rest as f64),
    })
}
