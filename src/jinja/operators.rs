//! Python's operators.

use std::cmp::Ordering;
use std::rc::Rc;

use super::ast::{Comparison, Operator};
use super::meter::Meter;
use super::text::{Text, Writer, find};
use super::value::{Value, View};
use super::{Failure, Result};

/// The largest exponent of an integer power: the result would not fit anyway.
const MAX_EXPONENT: i128 = 127;

fn unsupported<T>(operator: &str, left: &Value, right: &Value) -> Result<T> {
    left.check_defined()?;
    right.check_defined()?;
    let (left, right) = (left.type_name(), right.type_name());
    Err(Failure::runtime(format!("unsupported operand type(s) for {operator}: '{left}' and '{right}'")))
}

fn too_large<T>() -> Result<T> {
    Err(Failure::runtime("a number is too large"))
}

/// Either both are integers or at least one is a float.
enum Numbers {
    Ints(i128, i128),
    Floats(f64, f64),
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(value) => Some(*value),
        _ => value.index().map(|value| value as f64),
    }
}

fn numbers(left: &Value, right: &Value) -> Option<Numbers> {
    if let (Some(a), Some(b)) = (left.index(), right.index()) {
        return Some(Numbers::Ints(a, b));
    }
    Some(Numbers::Floats(number(left)?, number(right)?))
}

/// `left operator right`
pub fn arithmetic(meter: &Rc<Meter>, operator: Operator, left: &Value, right: &Value) -> Result<Value> {
    meter.spend(1)?;
    match (operator, left, right) {
        (Operator::Add, Value::Str(a), Value::Str(b)) => return join(meter, &[a, b]),
        (Operator::Add, Value::List(a), Value::List(b)) => return Value::list(meter, both(meter, &a.items, &b.items)?),
        (Operator::Add, Value::Tuple(a), Value::Tuple(b)) => {
            return Value::tuple(meter, both(meter, &a.items, &b.items)?);
        }
        (Operator::Mul, Value::Str(_) | Value::List(_) | Value::Tuple(_), _) if right.index().is_some() => {
            return repeat(meter, left, right.index().unwrap_or(0));
        }
        (Operator::Mul, _, Value::Str(_) | Value::List(_) | Value::Tuple(_)) if left.index().is_some() => {
            return repeat(meter, right, left.index().unwrap_or(0));
        }
        (Operator::Mod, Value::Str(pattern), _) => return super::printf::format(meter, pattern, right),
        _ => {}
    }
    let Some(numbers) = numbers(left, right) else {
        let name = match operator {
            Operator::Add => "+",
            Operator::Sub => "-",
            Operator::Mul => "*",
            Operator::Div => "/",
            Operator::FloorDiv => "//",
            Operator::Mod => "%",
            Operator::Pow => "** or pow()",
        };
        return unsupported(name, left, right);
    };
    match numbers {
        Numbers::Ints(a, b) => integers(operator, a, b),
        Numbers::Floats(a, b) => floats(operator, a, b),
    }
}

fn both(meter: &Meter, a: &[Value], b: &[Value]) -> Result<Vec<Value>> {
    meter.check_room((a.len() + b.len()).saturating_mul(size_of::<Value>()))?;
    meter.spend(((a.len() + b.len()) / 2) as u64)?;
    Ok([a, b].concat())
}

/// Texts one after the other; beside markup, what is none is escaped.
pub fn join(meter: &Rc<Meter>, parts: &[&Rc<Text>]) -> Result<Value> {
    let mut out = Writer::new(meter);
    out.markup = parts.iter().any(|part| part.markup);
    for part in parts {
        if out.markup && !part.markup {
            super::show::escape(&part.chars, &mut out)?;
        } else {
            out.extend(&part.chars)?;
        }
    }
    Ok(Value::Str(out.finish()?))
}

/// Texts one after the other, whatever they are.
pub fn join_plain(meter: &Rc<Meter>, parts: &[&Rc<Text>]) -> Result<Value> {
    let mut out = Writer::new(meter);
    parts.iter().try_for_each(|part| out.extend(&part.chars))?;
    Ok(Value::Str(out.finish()?))
}

fn repeat(meter: &Rc<Meter>, value: &Value, times: i128) -> Result<Value> {
    let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
    let copies = |items: &[Value]| -> Result<Vec<Value>> {
        let total = items.len().saturating_mul(times);
        meter.check_room(total.saturating_mul(size_of::<Value>()))?;
        meter.spend(total as u64 / 2)?;
        Ok(items.iter().cloned().cycle().take(total).collect::<Vec<_>>())
    };
    match value {
        Value::Str(text) => {
            let mut out = Writer::new(meter);
            out.markup = text.markup;
            let total = text.chars.len().saturating_mul(times);
            meter.check_room(total.saturating_mul(4))?;
            if !text.chars.is_empty() {
                (0..times).try_for_each(|_| out.extend(&text.chars))?;
            }
            Ok(Value::Str(out.finish()?))
        }
        Value::Tuple(seq) => Value::tuple(meter, copies(&seq.items)?),
        Value::List(seq) => Value::list(meter, copies(&seq.items)?),
        _ => unsupported("*", value, &Value::Int(0)),
    }
}

fn integers(operator: Operator, a: i128, b: i128) -> Result<Value> {
    let zero = || Err(Failure::runtime("division by zero"));
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Sub => a.checked_sub(b),
        Operator::Mul => a.checked_mul(b),
        Operator::Div if b == 0 => return zero(),
        Operator::Div => return Ok(Value::Float(a as f64 / b as f64)),
        Operator::FloorDiv | Operator::Mod if b == 0 => return zero(),
        Operator::FloorDiv => a.checked_div_euclid(b).map(|q| if b < 0 && a.rem_euclid(b) != 0 { q - 1 } else { q }),
        Operator::Mod => a.checked_rem_euclid(b).map(|r| if b < 0 && r != 0 { r + b } else { r }),
        Operator::Pow if b < 0 && a == 0 => return Err(Failure::runtime("zero to a negative power")),
        Operator::Pow if b < 0 => return Ok(Value::Float((a as f64).powf(b as f64))),
        Operator::Pow if matches!(a, -1..=1) => a.checked_pow((b % 2) as u32 + if b > 0 { 2 } else { 0 }),
        Operator::Pow if b > MAX_EXPONENT => None,
        Operator::Pow => a.checked_pow(b as u32),
    };
    result.map_or_else(too_large, |value| Ok(Value::Int(value)))
}

fn floats(operator: Operator, a: f64, b: f64) -> Result<Value> {
    if b == 0.0 && matches!(operator, Operator::Div | Operator::FloorDiv | Operator::Mod) {
        return Err(Failure::runtime("float division by zero"));
    }
    let modulo = || {
        let rest = libm::fmod(a, b);
        if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
    };
    Ok(Value::Float(match operator {
        Operator::Add => a + b,
        Operator::Sub => a - b,
        Operator::Mul => a * b,
        Operator::Div => a / b,
        Operator::FloorDiv => {
            let quotient = (a - modulo()) / b;
            let floor = libm::floor(quotient);
            if quotient - floor > 0.5 { floor + 1.0 } else { floor }
        }
        Operator::Mod => modulo(),
        Operator::Pow => {
            let result = libm::pow(a, b);
            if result.is_infinite() && a.is_finite() && b.is_finite() {
                return too_large();
            }
            result
        }
    }))
}

/// `-value` or `+value`
pub fn sign(value: &Value, negative: bool) -> Result<Value> {
    value.check_defined()?;
    match value {
        Value::Float(value) => Ok(Value::Float(if negative { -value } else { *value })),
        _ => match value.index() {
            Some(value) if negative => value.checked_neg().map_or_else(too_large, |value| Ok(Value::Int(value))),
            Some(value) => Ok(Value::Int(value)),
            None => Err(Failure::runtime(format!("bad operand type for unary -: '{}'", value.type_name()))),
        },
    }
}

impl Value {
    /// Python's `==`.
    pub fn equals(&self, other: &Self, meter: &Meter) -> Result<bool> {
        meter.spend(1)?;
        Ok(match (self, other) {
            (Self::Undefined(_), Self::Undefined(_)) | (Self::None, Self::None) => true,
            (Self::Str(a), Self::Str(b)) => {
                a.chars.len() == b.chars.len() && {
                    meter.spend_chars(a.chars.len())?;
                    a.chars == b.chars
                }
            }
            (Self::List(a), Self::List(b)) | (Self::Tuple(a), Self::Tuple(b)) => {
                Rc::ptr_eq(a, b) || a.items.len() == b.items.len() && all_equal(&a.items, &b.items, meter)?
            }
            (Self::Dict(a), Self::Dict(b)) => Rc::ptr_eq(a, b) || dicts_equal(a, b, meter)?,
            (Self::View(View::Keys | View::Items, _), Self::View(View::Keys | View::Items, _)) => {
                let (Self::View(a, x), Self::View(b, y)) = (self, other) else { return Ok(false) };
                a == b && x.entries.len() == y.entries.len() && {
                    let mut same = true;
                    for (key, value) in &x.entries {
                        same &= match y.get(meter, key)? {
                            Some(found) => *a == View::Keys || value.equals(found, meter)?,
                            None => false,
                        };
                    }
                    same
                }
            }
            (Self::Range(a), Self::Range(b)) => {
                a.len == b.len && (a.len == 0 || a.start == b.start && (a.len == 1 || a.step == b.step))
            }
            (Self::Function(a), Self::Function(b)) => a == b,
            _ => match numbers(self, other) {
                Some(Numbers::Ints(a, b)) => a == b,
                Some(Numbers::Floats(a, b)) => a == b,
                None => self.is_same(other),
            },
        })
    }

    /// Python's `is`, as far as values have an identity.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => Rc::ptr_eq(a, b) || a.chars.len() <= 1 && a.chars == b.chars,
            (Self::List(a), Self::List(b)) | (Self::Tuple(a), Self::Tuple(b)) => Rc::ptr_eq(a, b),
            (Self::Dict(a), Self::Dict(b)) => Rc::ptr_eq(a, b),
            (Self::Range(a), Self::Range(b)) => Rc::ptr_eq(a, b),
            (Self::Stream(a), Self::Stream(b)) => Rc::ptr_eq(a, b),
            (Self::Namespace(a), Self::Namespace(b)) => Rc::ptr_eq(a, b),
            (Self::Cycler(a), Self::Cycler(b)) => Rc::ptr_eq(a, b),
            (Self::Joiner(a), Self::Joiner(b)) => Rc::ptr_eq(a, b),
            (Self::Loop(a), Self::Loop(b)) => Rc::ptr_eq(a, b),
            (Self::Macro(a), Self::Macro(b)) => Rc::ptr_eq(a, b),
            (Self::Function(a), Self::Function(b)) => a == b,
            _ => false,
        }
    }

    /// The order of two values; `None` where one is no number.
    ///
    /// # Errors
    /// For types that Python does not order.
    pub fn order(&self, other: &Self, operator: &str, meter: &Meter) -> Result<Option<Ordering>> {
        meter.spend(1)?;
        match (self, other) {
            (Self::Str(a), Self::Str(b)) => {
                meter.spend_chars(a.chars.len().min(b.chars.len()))?;
                Ok(Some(a.chars.cmp(&b.chars)))
            }
            (Self::List(a), Self::List(b)) | (Self::Tuple(a), Self::Tuple(b)) => {
                for (x, y) in a.items.iter().zip(&b.items) {
                    if !x.equals(y, meter)? {
                        return x.order(y, operator, meter);
                    }
                }
                Ok(Some(a.items.len().cmp(&b.items.len())))
            }
            _ => match numbers(self, other) {
                Some(Numbers::Ints(a, b)) => Ok(Some(a.cmp(&b))),
                Some(Numbers::Floats(a, b)) => Ok(a.partial_cmp(&b)),
                None => {
                    self.check_defined()?;
                    other.check_defined()?;
                    let (a, b) = (self.type_name(), other.type_name());
                    Err(Failure::runtime(format!("'{operator}' not supported between instances of '{a}' and '{b}'")))
                }
            },
        }
    }
}

fn all_equal(a: &[Value], b: &[Value], meter: &Meter) -> Result<bool> {
    for (a, b) in a.iter().zip(b) {
        if !a.equals(b, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn dicts_equal(a: &super::value::Dict, b: &super::value::Dict, meter: &Meter) -> Result<bool> {
    if a.entries.len() != b.entries.len() {
        return Ok(false);
    }
    for (key, value) in &a.entries {
        let Some(found) = b.get(meter, key)? else { return Ok(false) };
        if !value.equals(found, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `left comparison right`
pub fn compare(meter: &Rc<Meter>, comparison: Comparison, left: &Value, right: &Value) -> Result<bool> {
    let ordered = |operator| left.order(right, operator, meter);
    Ok(match comparison {
        Comparison::Eq => left.equals(right, meter)?,
        Comparison::Ne => !left.equals(right, meter)?,
        Comparison::Lt => ordered("<")?.is_some_and(Ordering::is_lt),
        Comparison::Le => ordered("<=")?.is_some_and(Ordering::is_le),
        Comparison::Gt => ordered(">")?.is_some_and(Ordering::is_gt),
        Comparison::Ge => ordered(">=")?.is_some_and(Ordering::is_ge),
        Comparison::In => contains(meter, right, left)?,
        Comparison::NotIn => !contains(meter, right, left)?,
    })
}

/// `item in container`
pub fn contains(meter: &Rc<Meter>, container: &Value, item: &Value) -> Result<bool> {
    match container {
        Value::Str(text) => match item {
            Value::Str(item) => Ok(find(meter, &text.chars, &item.chars, 0)?.is_some()),
            _ => {
                let found = item.type_name();
                Err(Failure::runtime(format!("'in <string>' requires string as left operand, not {found}")))
            }
        },
        Value::Dict(dict) | Value::View(View::Keys, dict) => Ok(dict.get(meter, item)?.is_some()),
        Value::Range(range) => Ok(match item.index() {
            Some(value) => {
                let distance = value.saturating_sub(range.start);
                distance % range.step == 0 && (0..range.len as i128).contains(&(distance / range.step))
            }
            None => match item {
                Value::Float(value) => (0..range.len).any(|i| range.get(i).index().is_some_and(|x| x as f64 == *value)),
                _ => false,
            },
        }),
        Value::List(seq) | Value::Tuple(seq) => any_equal(meter, &seq.items, item),
        _ if container.is_iterable() => any_equal(meter, &container.items(meter)?, item),
        _ => Err(Failure::runtime(format!("argument of type '{}' is not iterable", container.type_name()))),
    }
}

fn any_equal(meter: &Meter, items: &[Value], item: &Value) -> Result<bool> {
    for found in items {
        if found.is_same(item) || found.equals(item, meter)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Items with their keys in the keys' order; equal ones keep theirs.
pub fn sort(meter: &Meter, keyed: &mut Vec<(Value, Value)>, reverse: bool) -> Result<()> {
    if reverse {
        keyed.reverse();
    }
    let mut width = 1;
    while width < keyed.len() {
        let mut merged = Vec::with_capacity(keyed.len());
        for chunk in keyed.chunks(2 * width) {
            let (mut left, mut right) = chunk.split_at(width.min(chunk.len()));
            while let (Some(a), Some(b)) = (left.first(), right.first()) {
                if b.0.order(&a.0, "<", meter)?.is_some_and(Ordering::is_lt) {
                    merged.push(b.clone());
                    right = &right[1..];
                } else {
                    merged.push(a.clone());
                    left = &left[1..];
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        *keyed = merged;
        width *= 2;
    }
    if reverse {
        keyed.reverse();
    }
    Ok(())
}
