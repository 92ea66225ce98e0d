//! Filters of texts.

use std::rc::Rc;

use super::arguments::Args;
use super::filters::count_words;
use super::methods_text::{PART, centered, replaced, split_lines, stripped};
use super::run::Run;
use super::show::to_text;
use super::text::{self, Char, Text, Writer, is_space};
use super::value::Value;
use super::{Failure, Result, wrap};

impl Run<'_> {
    pub fn text_filter(&self, name: &str, value: &Value, args: Args) -> Result<Value> {
        let meter = &self.meter;
        if matches!(name, "truncate" | "wordwrap" | "indent") {
            value.check_defined()?;
            if !matches!(value, Value::Str(_)) {
                return Err(Failure::runtime(format!("{name}: expected a string, found {}", value.type_name())));
            }
        }
        let source = to_text(meter, value)?;
        let chars = &source.chars;
        if matches!(name, "wordwrap" | "indent") {
            meter.check_room(chars.len().saturating_mul(PART + size_of::<Char>()))?;
        }
        let mut out = Writer::new(meter);
        out.markup = source.markup;
        match name {
            "upper" | "lower" | "capitalize" | "title" | "wordcount" => {
                args.bind(name, &[])?;
                match name {
                    "upper" => text::upper(chars, &mut out)?,
                    "lower" => text::lower(chars, 0..chars.len(), &mut out)?,
                    "capitalize" => {
                        if let Some(&first) = chars.first() {
                            text::title(first, &mut out)?;
                            text::lower(chars, 1..chars.len(), &mut out)?;
                        }
                    }
                    "title" => titled(chars, &mut out)?,
                    _ => {
                        meter.spend_chars(chars.len())?;
                        return Ok(Value::Int(count_words(&source) as i128));
                    }
                }
            }
            "trim" => {
                let set = args.bind(name, &["chars"])?.text_or_none()?;
                out.extend(stripped(meter, chars, set.as_ref(), true, true)?)?;
            }
            "center" => {
                let width = args.bind(name, &["width"])?.int(80)?;
                centered(chars, width, Char::from(' '), &mut out)?;
            }
            "replace" => {
                let mut args = args.bind(name, &["old", "new", "count"])?;
                let old = to_text(meter, &args.required("old")?)?;
                let new = to_text(meter, &args.required("new")?)?;
                let count = args.int_or_none()?.unwrap_or(-1);
                out.markup = false;
                replaced(meter, chars, &old.chars, &new.chars, count, &mut out)?;
            }
            "indent" => self.indent(&source, args, &mut out)?,
            "truncate" => truncated(&source, args, &mut out)?,
            "wordwrap" => wordwrap(&source, args, &mut out)?,
            "striptags" => striptags(meter, chars, &mut out)?,
            _ => return self.urlencode(value, args),
        }
        Ok(Value::Str(out.finish()?))
    }

    fn indent(&self, source: &Text, args: Args, out: &mut Writer) -> Result<()> {
        let mut args = args.bind("indent", &["width", "first", "blank"])?;
        let indention = match args.optional() {
            None => Text::constant("    "),
            Some(Value::Str(text)) => text,
            Some(value) => {
                let width =
                    value.index().ok_or_else(|| Failure::runtime("indent: width must be a number or a string"))?;
                let mut spaces = Writer::new(&self.meter);
                spaces.fill(Char::from(' '), usize::try_from(width.max(0)).unwrap_or(usize::MAX))?;
                spaces.finish()?
            }
        };
        let (first, blank) = (args.flag(), args.flag());
        let newline = [Char::from('\n')];
        let mut chars = source.chars.clone();
        self.meter.spend_chars(chars.len())?;
        chars.push(newline[0]);
        for (i, line) in split_lines(&chars, false).into_iter().enumerate() {
            if i > 0 {
                out.extend(&newline)?;
            }
            let wanted = if i == 0 { first } else { blank || !line.is_empty() };
            if wanted {
                out.extend(&indention.chars)?;
            }
            out.extend(line)?;
        }
        Ok(())
    }

    fn urlencode(&self, value: &Value, args: Args) -> Result<Value> {
        args.bind("urlencode", &[])?;
        let mut out = Writer::new(&self.meter);
        let pairs = match value {
            Value::Str(text) => {
                quote(&text.chars, false, &mut out)?;
                return Ok(Value::Str(out.finish()?));
            }
            Value::Dict(dict) => Value::View(super::value::View::Items, Rc::clone(dict)).items(&self.meter)?,
            value if value.is_iterable() => value.items(&self.meter)?,
            value => {
                quote(&to_text(&self.meter, value)?.chars, false, &mut out)?;
                return Ok(Value::Str(out.finish()?));
            }
        };
        for (i, pair) in pairs.iter().enumerate() {
            let pair: std::result::Result<[Value; 2], _> = pair.items(&self.meter)?.try_into();
            let Ok([key, value]) = pair else { return Err(Failure::runtime("urlencode needs pairs")) };
            if i > 0 {
                out.str("&")?;
            }
            quote(&to_text(&self.meter, &key)?.chars, true, &mut out)?;
            out.str("=")?;
            quote(&to_text(&self.meter, &value)?.chars, true, &mut out)?;
        }
        Ok(Value::Str(out.finish()?))
    }
}

/// Python's `urllib.parse.quote`.
fn quote(chars: &[Char], query: bool, out: &mut Writer) -> Result<()> {
    for &c in chars {
        let plain = c.char();
        if plain.is_ascii_alphanumeric() || matches!(plain, '_' | '.' | '-' | '~') || plain == '/' && !query {
            out.push(c)?;
        } else if plain == ' ' && query {
            out.push(c.with('+'))?;
        } else {
            let mut bytes = [0; 4];
            for byte in plain.encode_utf8(&mut bytes).bytes() {
                out.str_from(&format!("%{byte:02X}"), c.origin())?;
            }
        }
    }
    Ok(())
}

/// jinja2's own title: a capital after white space, `-`, `(`, `{`, `[` or `<`.
fn titled(chars: &[Char], out: &mut Writer) -> Result<()> {
    let separates = |c: Char| is_space(c.char()) || matches!(c.char(), '-' | '(' | '{' | '[' | '<');
    let mut at = 0;
    while at < chars.len() {
        let begins = separates(chars[at]);
        let len = chars[at..].iter().take_while(|c| separates(**c) == begins).count();
        text::upper(&chars[at..=at], out)?;
        text::lower(&chars[at..at + len], 1..len, out)?;
        at += len;
    }
    Ok(())
}

fn truncated(source: &Text, args: Args, out: &mut Writer) -> Result<()> {
    let mut args = args.bind("truncate", &["length", "killwords", "end", "leeway"])?;
    let length = args.int(255)?;
    let killwords = args.flag();
    let end = args.text_or_none()?.unwrap_or_else(|| Text::constant("..."));
    let leeway = args.int_or_none()?.unwrap_or(5);
    let keep = length - end.chars.len() as i128;
    if keep < 0 || leeway < 0 {
        return Err(Failure::runtime("truncate: the length must hold the end, and the leeway must not be negative"));
    }
    if source.chars.len() as i128 <= length.saturating_add(leeway) {
        return out.extend(&source.chars);
    }
    let kept = &source.chars[..usize::try_from(keep).unwrap_or(0)];
    let cut = if killwords { None } else { kept.iter().rposition(|c| c.char() == ' ') };
    out.extend(&kept[..cut.unwrap_or(kept.len())])?;
    out.extend(&end.chars)
}

fn wordwrap(source: &Text, args: Args, out: &mut Writer) -> Result<()> {
    let mut args = args.bind("wordwrap", &["width", "break_long_words", "wrapstring", "break_on_hyphens"])?;
    let width = args.int(79)?;
    let long_words = args.optional().is_none_or(|value| value.truth());
    let separator = args.text_or_none()?.unwrap_or_else(|| Text::constant("\n"));
    let hyphens = args.optional().is_none_or(|value| value.truth());
    let width = usize::try_from(width).ok().filter(|width| *width > 0);
    let width = width.ok_or_else(|| Failure::runtime("wordwrap: invalid width (must be > 0)"))?;
    for (i, line) in split_lines(&source.chars, false).into_iter().enumerate() {
        if i > 0 {
            out.extend(&separator.chars)?;
        }
        wrap::wrap(line, &wrap::Options { width, long_words, hyphens }, &separator.chars, out)?;
    }
    Ok(())
}

/// markupsafe's `striptags`: no comments, no tags, single spaces, no entities.
fn striptags(meter: &Rc<super::meter::Meter>, chars: &[Char], out: &mut Writer) -> Result<()> {
    let cut = |chars: &[Char], open: &str, close: &str| -> Result<Vec<Char>> {
        let [open, close] = [open, close].map(|text| Text::constant(text).chars.clone());
        let mut kept = Vec::new();
        let mut at = 0;
        while let Some(begin) = text::find(meter, chars, &open, at)? {
            let Some(end) = text::find(meter, chars, &close, begin)? else { break };
            kept.extend_from_slice(&chars[at..begin]);
            at = end + close.len();
        }
        kept.extend_from_slice(&chars[at..]);
        Ok(kept)
    };
    meter.check_room(chars.len().saturating_mul(16))?;
    let kept = cut(&cut(chars, "<!--", "-->")?, "<", ">")?;
    for (i, word) in kept.split(|c| is_space(c.char())).filter(|word| !word.is_empty()).enumerate() {
        if i > 0 {
            out.str(" ")?;
        }
        unescape(word, out)?;
    }
    out.markup = false;
    Ok(())
}

/// The entities that matter: those that the filter `escape` writes, and numbers.
fn unescape(chars: &[Char], out: &mut Writer) -> Result<()> {
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let end = chars[at..].iter().take(12).position(|c| c.char() == ';');
        let found = end.filter(|_| c.char() == '&').and_then(|len| {
            let name = text::plain(&chars[at + 1..at + len]);
            let found = match name.as_str() {
                "amp" => Some('&'),
                "lt" => Some('<'),
                "gt" => Some('>'),
                "quot" => Some('"'),
                "apos" => Some('\''),
                "nbsp" => Some('\u{a0}'),
                other => {
                    let digits = other.strip_prefix('#')?;
                    let code = match digits.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16),
                        None => digits.parse(),
                    };
                    char::from_u32(code.ok()?)
                }
            };
            Some((found?, len + 1))
        });
        let (plain, len) = found.unwrap_or((c.char(), 1));
        out.push(c.with(plain))?;
        at += len;
    }
    Ok(())
}
