//! Python's `str.format`.

use std::rc::Rc;

use super::access;
use super::arguments::Args;
use super::meter::Meter;
use super::printf::Layout;
use super::show::{float, parse_int, repr, to_text, write};
use super::text::{Char, Text, Writer, plain};
use super::value::{Dict, Value};
use super::{Failure, Result};

/// Where fields take their values from.
struct Fields<'a> {
    meter: &'a Rc<Meter>,
    positional: &'a [Value],
    named: &'a Dict,
    /// Number of the next field without one.
    next: usize,
    numbered: Option<bool>,
}

/// `pattern.format(args)`
pub fn format(meter: &Rc<Meter>, pattern: &Text, args: Args) -> Result<Value> {
    let pair = |(name, value): (Rc<str>, Value)| Ok((Value::str(meter, &name)?, value));
    let named = Dict::new(meter, args.named.into_iter().map(pair).collect::<Result<_>>()?)?;
    format_with(meter, pattern, &args.positional, &named)
}

/// `pattern.format_map(named)` with no positional values.
pub fn format_with(meter: &Rc<Meter>, pattern: &Text, positional: &[Value], named: &Dict) -> Result<Value> {
    let mut out = Writer::new(meter);
    out.markup = pattern.markup;
    let mut fields = Fields { meter, positional, named, next: 0, numbered: None };
    fields.expand(&pattern.chars, 0, &mut out)?;
    Ok(Value::Str(out.finish()?))
}

impl Fields<'_> {
    fn expand(&mut self, chars: &[Char], depth: u32, out: &mut Writer) -> Result<()> {
        if depth > 1 {
            return Err(Failure::runtime("Max string recursion exceeded"));
        }
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            let doubled = chars.get(at + 1).is_some_and(|next| *next == c);
            match c.char() {
                '{' | '}' if doubled => {
                    out.push(c)?;
                    at += 2;
                }
                '}' => return Err(Failure::runtime("Single '}' encountered in format string")),
                '{' => {
                    let mut open = 0;
                    let len = chars[at..].iter().position(|c| {
                        open += i32::from(c.char() == '{') - i32::from(c.char() == '}');
                        open == 0
                    });
                    let Some(len) = len else { return Err(Failure::runtime("expected '}' before end of string")) };
                    self.field(&chars[at + 1..at + len], depth, out)?;
                    at += len + 1;
                }
                _ => {
                    out.push(c)?;
                    at += 1;
                }
            }
        }
        Ok(())
    }

    /// `name!conversion:specification`
    fn field(&mut self, field: &[Char], depth: u32, out: &mut Writer) -> Result<()> {
        let bracket = |upto: usize| {
            field[..upto].iter().rev().find(|c| matches!(c.char(), '[' | ']')).is_some_and(|c| c.char() == '[')
        };
        let end =
            (0..field.len()).find(|&i| matches!(field[i].char(), '!' | ':') && !bracket(i)).unwrap_or(field.len());
        let mut value = self.value(&field[..end])?;
        let mut rest = &field[end..];
        if rest.first().is_some_and(|c| c.char() == '!') {
            let conversion = rest.get(1).map(|c| c.char());
            let mut text = Writer::new(self.meter);
            match conversion {
                Some('s') => write(&value, &mut text)?,
                Some('r' | 'a') => repr(&value, &mut text)?,
                _ => return Err(Failure::runtime("unknown conversion specifier")),
            }
            value = Value::Str(text.finish()?);
            rest = &rest[2..];
        }
        match rest.first().map(|c| c.char()) {
            None => self.laid_out(&value, &[], out),
            Some(':') => {
                let mut specification = Writer::new(self.meter);
                self.expand(&rest[1..], depth + 1, &mut specification)?;
                self.laid_out(&value, specification.chars(), out)
            }
            Some(_) => Err(Failure::runtime("expected ':' after conversion specifier")),
        }
    }

    /// `0`, `name`, `name.attribute` or `name[key]`
    fn value(&mut self, path: &[Char]) -> Result<Value> {
        let end = path.iter().position(|c| matches!(c.char(), '.' | '[')).unwrap_or(path.len());
        let first = plain(&path[..end]);
        let by_number = if first.is_empty() { None } else { first.parse::<usize>().ok() };
        let mut value = if first.is_empty() || by_number.is_some() {
            if self.numbered.replace(by_number.is_some()).is_some_and(|before| before != by_number.is_some()) {
                return Err(Failure::runtime(
                    "cannot switch between automatic field numbering and manual field specification",
                ));
            }
            let at = by_number.unwrap_or_else(|| {
                self.next += 1;
                self.next - 1
            });
            let missing = || Failure::runtime("Replacement index out of range for positional args tuple");
            self.positional.get(at).cloned().ok_or_else(missing)?
        } else {
            let found = self.named.get(self.meter, &Value::chars(self.meter, &path[..end])?)?;
            found.cloned().ok_or_else(|| Failure::runtime(format!("KeyError: '{first}'")))?
        };
        let mut rest = &path[end..];
        while let Some(c) = rest.first() {
            let is_item = c.char() == '[';
            let len = if is_item {
                rest.iter()
                    .position(|c| c.char() == ']')
                    .ok_or_else(|| Failure::runtime("Missing ']' in format string"))?
            } else {
                rest[1..].iter().position(|c| matches!(c.char(), '.' | '[')).map_or(rest.len(), |at| at + 1)
            };
            let name = &rest[1..len];
            value = if is_item {
                let key = match plain(name).parse() {
                    Ok(index) => Value::Int(index),
                    Err(_) => Value::chars(self.meter, name)?,
                };
                access::item(self.meter, &value, &key)?
            } else {
                access::attribute(self.meter, &value, &plain(name))?
            };
            rest = &rest[len + usize::from(is_item)..];
        }
        Ok(value)
    }

    /// Python's `format(value, specification)`.
    fn laid_out(&self, value: &Value, specification: &[Char], out: &mut Writer) -> Result<()> {
        if specification.is_empty() {
            return match value {
                Value::Str(text) if out.markup && !text.markup => super::show::escape(&text.chars, out),
                _ => write(value, out),
            };
        }
        let (mut layout, kind, aligned) = read_specification(specification)?;
        let is_number = matches!(value, Value::Float(_))
            || value.index().is_some() && !matches!(value, Value::Bool(_) if kind.is_none());
        if !is_number || kind == Some('s') {
            if !matches!(value, Value::Str(_) | Value::Bool(_))
                || kind.is_some_and(|kind| kind != 's')
                || layout.align == '=' && aligned
            {
                return Err(Failure::runtime(format!("unsupported format string passed to {}", value.type_name())));
            }
            if !aligned {
                layout.align = '<';
            }
            let text = to_text(self.meter, value)?;
            let cut = layout.precision.unwrap_or(usize::MAX).min(text.chars.len());
            return layout.pad(&text.chars[..cut], 0, out);
        }
        match (value, kind) {
            (Value::Float(_), Some('d' | 'x' | 'X' | 'o' | 'b' | 'c')) => {
                Err(Failure::runtime("Unknown format code for object of type 'float'"))
            }
            (Value::Float(value), None) if layout.precision.is_none() => {
                layout.number(value.is_sign_negative(), "", &float(value.abs()), out)
            }
            (Value::Float(value), kind) => layout.float(*value, kind.unwrap_or('g'), out),
            (value, Some(kind @ ('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%'))) => {
                layout.float(value.index().unwrap_or(0) as f64, kind, out)
            }
            (value, kind) => match kind.unwrap_or('d') {
                kind @ ('d' | 'x' | 'X' | 'o' | 'b') => layout.integer(value.index().unwrap_or(0), kind, out),
                'n' => layout.integer(value.index().unwrap_or(0), 'd', out),
                'c' => {
                    let code = value.index().and_then(|code| u32::try_from(code).ok()).and_then(char::from_u32);
                    let c = code.ok_or_else(|| Failure::runtime("%c arg not in range"))?;
                    layout.pad(&[Char::from(c)], 0, out)
                }
                other => Err(Failure::runtime(format!("Unknown format code '{other}'"))),
            },
        }
    }
}

/// `[[fill]align][sign][#][0][width][,][.precision][type]`; whether it names an alignment comes last.
fn read_specification(chars: &[Char]) -> Result<(Layout, Option<char>, bool)> {
    let invalid = || Failure::runtime("Invalid format specifier");
    let mut layout = Layout::new();
    let mut at = 0;
    let char_at = |at: usize| chars.get(at).map(|c| c.char());
    let is_align = |c: Option<char>| matches!(c, Some('<' | '>' | '^' | '='));
    let mut aligned = false;
    if is_align(char_at(1)) {
        layout.fill = chars[0];
        layout.align = char_at(1).unwrap_or('>');
        (at, aligned) = (2, true);
    } else if is_align(char_at(0)) {
        layout.align = char_at(0).unwrap_or('>');
        (at, aligned) = (1, true);
    }
    if let Some(sign @ ('+' | '-' | ' ')) = char_at(at) {
        layout.sign = sign;
        at += 1;
    }
    if char_at(at) == Some('#') {
        layout.alternate = true;
        at += 1;
    }
    if char_at(at) == Some('0') {
        if !aligned {
            layout.fill = Char::from('0');
            layout.align = '=';
        }
        at += 1;
    }
    let number = |at: &mut usize| -> Result<Option<usize>> {
        let count = chars[*at..].iter().take_while(|c| c.char().is_ascii_digit()).count();
        let digits = plain(&chars[*at..*at + count]);
        *at += count;
        if count == 0 {
            return Ok(None);
        }
        let value = parse_int(&digits, 10).and_then(|value| usize::try_from(value).ok());
        value.map(Some).ok_or_else(|| Failure::limit("it asks for a width that is too large"))
    };
    layout.width = number(&mut at)?.unwrap_or(0);
    if let Some(separator @ (',' | '_')) = char_at(at) {
        layout.thousands = Some(separator);
        at += 1;
    }
    if char_at(at) == Some('.') {
        at += 1;
        layout.precision = Some(number(&mut at)?.ok_or_else(invalid)?);
    }
    let kind = char_at(at);
    if at + usize::from(kind.is_some()) < chars.len() {
        return Err(invalid());
    }
    Ok((layout, kind, aligned))
}
