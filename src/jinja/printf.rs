//! Python's `'%s' % value`, and the layout of numbers that it shares with `str.format`.

use std::rc::Rc;

use super::meter::Meter;
use super::show::{float, repr};
use super::text::{Char, Text, Writer, plain};
use super::value::Value;
use super::{Failure, Result};

/// Digits behind the point, at most: more are of no use and would cost without bound.
const MAX_PRECISION: usize = 400;

/// How a value is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub fill: Char,
    /// `<`, `>`, `^` or `=` (fill behind the sign).
    pub align: char,
    /// `-`, `+` or a space.
    pub sign: char,
    pub alternate: bool,
    pub width: usize,
    pub precision: Option<usize>,
    /// `,` or `_` between thousands.
    pub thousands: Option<char>,
}

impl Layout {
    pub fn new() -> Self {
        Self {
            fill: Char::from(' '),
            align: '>',
            sign: '-',
            alternate: false,
            width: 0,
            precision: None,
            thousands: None,
        }
    }

    /// Writes `body`, whose first `head` characters are a sign or a prefix.
    pub fn pad(&self, body: &[Char], head: usize, out: &mut Writer) -> Result<()> {
        let missing = self.width.saturating_sub(body.len());
        let (before, after) = match self.align {
            '<' => (0, missing),
            '^' => (missing / 2, missing - missing / 2),
            _ => (missing, 0),
        };
        if self.align == '=' {
            out.extend(&body[..head])?;
            out.fill(self.fill, before)?;
            return out.extend(&body[head..]);
        }
        out.fill(self.fill, before)?;
        out.extend(body)?;
        out.fill(self.fill, after)
    }

    /// Writes a number of the template's own.
    pub fn number(&self, negative: bool, prefix: &str, digits: &str, out: &mut Writer) -> Result<()> {
        let sign = match (negative, self.sign) {
            (true, _) => "-",
            (false, '+') => "+",
            (false, ' ') => " ",
            _ => "",
        };
        let body: Vec<Char> = [sign, prefix, digits].concat().chars().map(Char::from).collect();
        self.pad(&body, sign.len() + prefix.len(), out)
    }

    /// Writes an integer in a base: `d`, `x`, `X`, `o` or `b`.
    pub fn integer(&self, value: i128, kind: char, out: &mut Writer) -> Result<()> {
        let magnitude = value.unsigned_abs();
        let (mut digits, prefix) = match kind {
            'x' => (format!("{magnitude:x}"), "0x"),
            'X' => (format!("{magnitude:X}"), "0X"),
            'o' => (format!("{magnitude:o}"), "0o"),
            'b' => (format!("{magnitude:b}"), "0b"),
            _ => (magnitude.to_string(), ""),
        };
        if let Some(precision) = self.precision {
            digits = format!("{digits:0>width$}", width = precision.min(MAX_PRECISION));
        }
        let digits = self.grouped(&digits, if kind == 'd' { 3 } else { 4 });
        self.number(value < 0, if self.alternate { prefix } else { "" }, &digits, out)
    }

    /// Digits with the separator of thousands.
    fn grouped(&self, digits: &str, size: usize) -> String {
        let Some(separator) = self.thousands else { return digits.to_owned() };
        let mut out = String::new();
        for (i, c) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(size) {
                out.push(separator);
            }
            out.push(c);
        }
        out
    }

    /// Writes a float as `e`, `f`, `g` or `%` says; capital letters give capitals.
    pub fn float(&self, value: f64, kind: char, out: &mut Writer) -> Result<()> {
        let precision = self.precision.unwrap_or(6);
        if precision > MAX_PRECISION {
            return Err(Failure::limit(format!("it asks for more than {MAX_PRECISION} digits")));
        }
        let magnitude = value.abs();
        let mut digits = match kind.to_ascii_lowercase() {
            _ if !magnitude.is_finite() => float(magnitude),
            'e' => scientific(magnitude, precision),
            'f' => format!("{magnitude:.precision$}"),
            '%' => format!("{:.precision$}%", magnitude * 100.0),
            _ => general(magnitude, precision.max(1), self.alternate),
        };
        if self.thousands.is_some() {
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            digits = self.grouped(&digits[..end], 3) + &digits[end..];
        }
        if kind.is_ascii_uppercase() {
            digits = digits.to_ascii_uppercase();
        }
        self.number(value.is_sign_negative() && !value.is_nan(), "", &digits, out)
    }
}

fn scientific(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// C's `%g`.
fn general(value: f64, precision: usize, keep_zeros: bool) -> String {
    let text = format!("{value:.*e}", precision - 1);
    let exponent: i32 = text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let trim = |digits: &str| {
        if keep_zeros || !digits.contains('.') {
            digits.to_owned()
        } else {
            digits.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    };
    if exponent < -4 || exponent >= precision as i32 {
        let text = scientific(value, precision - 1);
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{exponent}", trim(digits));
    }
    trim(&format!("{value:.*}", (precision as i32 - 1 - exponent).max(0) as usize))
}

/// Where the values of a pattern come from.
struct Source<'v> {
    meter: &'v Rc<Meter>,
    right: &'v Value,
    next: usize,
    /// A value was taken by its name.
    named: bool,
}

impl Source<'_> {
    fn next(&mut self) -> Result<Value> {
        let value = match self.right {
            Value::Tuple(seq) => seq.items.get(self.next).cloned(),
            single => (self.next == 0).then(|| single.clone()),
        };
        self.next += 1;
        value.ok_or_else(|| Failure::runtime("not enough arguments for format string"))
    }

    fn by_name(&mut self, name: &[Char]) -> Result<Value> {
        let Value::Dict(dict) = self.right else { return Err(Failure::runtime("format requires a mapping")) };
        self.named = true;
        match dict.get(self.meter, &Value::chars(self.meter, name)?)? {
            Some(value) => Ok(value.clone()),
            None => Err(Failure::runtime(format!("KeyError: '{}'", plain(name)))),
        }
    }

    /// A width or precision: digits, or `*` for the next value.
    fn number(&mut self, chars: &[Char], at: &mut usize) -> Result<Option<i128>> {
        if chars.get(*at).is_some_and(|c| c.char() == '*') {
            *at += 1;
            return match self.next()?.index() {
                Some(value) => Ok(Some(value)),
                None => Err(Failure::runtime("* wants int")),
            };
        }
        let count = chars[*at..].iter().take_while(|c| c.char().is_ascii_digit()).count();
        let digits = plain(&chars[*at..*at + count]);
        *at += count;
        if count == 0 {
            return Ok(None);
        }
        digits.parse().map(Some).map_err(|_| Failure::limit("it asks for a width that is too large"))
    }

    fn is_spent(&self) -> bool {
        match self.right {
            Value::Tuple(seq) => self.named || self.next >= seq.items.len(),
            Value::Dict(_) | Value::List(_) | Value::Range(_) => true,
            _ => self.named || self.next > 0,
        }
    }
}

/// `pattern % right`
pub fn format(meter: &Rc<Meter>, pattern: &Rc<Text>, right: &Value) -> Result<Value> {
    let mut out = Writer::new(meter);
    out.markup = pattern.markup;
    let mut source = Source { meter, right, next: 0, named: false };
    let chars = &pattern.chars;
    let mut at = 0;
    while at < chars.len() {
        if chars[at].char() != '%' {
            out.push(chars[at])?;
            at += 1;
            continue;
        }
        at += 1;
        directive(&mut source, chars, &mut at, &mut out)?;
    }
    if !source.is_spent() {
        return Err(Failure::runtime("not all arguments converted during string formatting"));
    }
    Ok(Value::Str(out.finish()?))
}

fn directive(source: &mut Source, chars: &[Char], at: &mut usize, out: &mut Writer) -> Result<()> {
    let incomplete = || Failure::runtime("incomplete format");
    let mut given = None;
    if chars.get(*at).is_some_and(|c| c.char() == '(') {
        let mut open = 0;
        let len = chars[*at..].iter().position(|c| {
            open += i32::from(c.char() == '(') - i32::from(c.char() == ')');
            open == 0
        });
        let len = len.ok_or_else(|| Failure::runtime("incomplete format key"))?;
        given = Some(source.by_name(&chars[*at + 1..*at + len])?);
        *at += len + 1;
    }
    let mut layout = Layout::new();
    let mut zero = false;
    while let Some(flag) = chars.get(*at).map(|c| c.char()).filter(|c| "-+ #0".contains(*c)) {
        match flag {
            '-' => layout.align = '<',
            '+' => layout.sign = '+',
            ' ' if layout.sign != '+' => layout.sign = ' ',
            '#' => layout.alternate = true,
            '0' => zero = true,
            _ => {}
        }
        *at += 1;
    }
    if let Some(width) = source.number(chars, at)? {
        if width < 0 {
            layout.align = '<';
        }
        layout.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
    }
    if chars.get(*at).is_some_and(|c| c.char() == '.') {
        *at += 1;
        let precision = source.number(chars, at)?.unwrap_or(0).max(0);
        layout.precision = Some(usize::try_from(precision).unwrap_or(usize::MAX));
    }
    while chars.get(*at).is_some_and(|c| "hlL".contains(c.char())) {
        *at += 1;
    }
    let kind = chars.get(*at).ok_or_else(incomplete)?.char();
    *at += 1;
    if kind == '%' {
        return out.str("%");
    }
    let value = match given {
        Some(value) => value,
        None => source.next()?,
    };
    convert(&value, kind, layout, zero, out)
}

fn convert(value: &Value, kind: char, mut layout: Layout, zero: bool, out: &mut Writer) -> Result<()> {
    let meter = Rc::clone(out.meter());
    if matches!(kind, 's' | 'r' | 'a' | 'c') {
        let mut text = Writer::new(&meter);
        match kind {
            's' => super::show::write(value, &mut text)?,
            'c' => character(value, &mut text)?,
            _ => repr(value, &mut text)?,
        }
        let chars = text.chars();
        let cut = layout.precision.unwrap_or(usize::MAX).min(chars.len());
        if out.markup && kind == 's' && !matches!(value, Value::Str(text) if text.markup) {
            let mut escaped = Writer::new(&meter);
            super::show::escape(&chars[..cut], &mut escaped)?;
            return layout.pad(escaped.chars(), 0, out);
        }
        return layout.pad(&chars[..cut], 0, out);
    }
    if zero && layout.align == '>' {
        layout.align = '=';
        layout.fill = Char::from('0');
    }
    value.check_defined()?;
    let number = match value {
        Value::Float(value) => Some(*value),
        _ => value.index().map(|value| value as f64),
    };
    let Some(number) = number else {
        return Err(Failure::runtime(format!("%{kind} format: a real number is required, not {}", value.type_name())));
    };
    match kind {
        'd' | 'i' | 'u' => {
            let whole = value.index().unwrap_or(libm::trunc(number) as i128);
            layout.integer(whole, 'd', out)
        }
        'x' | 'X' | 'o' => match value.index() {
            Some(whole) => layout.integer(whole, kind, out),
            None => Err(Failure::runtime(format!("%{kind} format: an integer is required, not float"))),
        },
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => layout.float(number, kind, out),
        _ => Err(Failure::runtime(format!("unsupported format character '{kind}'"))),
    }
}

fn character(value: &Value, out: &mut Writer) -> Result<()> {
    if let Value::Str(text) = value
        && text.chars.len() == 1
    {
        return out.extend(&text.chars);
    }
    let c = value.index().and_then(|code| u32::try_from(code).ok()).and_then(char::from_u32);
    c.map_or_else(|| Err(Failure::runtime("%c requires int or char")), |c| out.push(Char::from(c)))
}
