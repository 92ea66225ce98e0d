//! Python's string methods. One file, although long: a short function for each of some forty methods.

use std::rc::Rc;

use super::arguments::{Args, Bound};
use super::meter::Meter;
use super::run::Run;
use super::show::expect_text;
use super::text::{
    self, Char, Text, Writer, find, is_alpha, is_decimal, is_digit, is_line_end, is_numeric, is_printable, is_space,
    is_word, rfind,
};
use super::value::Value;
use super::{Failure, Result, format};

/// Bytes of a reference to a part of a text: there may be one for each of its characters.
pub const PART: usize = size_of::<&[Char]>();

impl Run<'_> {
    pub fn text_method(&self, text: &Rc<Text>, name: &str, args: Args) -> Result<Value> {
        match name {
            "format" => return format::format(&self.meter, text, args),
            "format_map" => {
                let value = args.bind(name, &["mapping"])?.required("mapping")?;
                let Value::Dict(named) = &value else { return Err(Failure::runtime("format_map() needs a mapping")) };
                return format::format_with(&self.meter, text, &[], named);
            }
            "translate" | "encode" => {
                return Err(Failure::runtime(format!("the string method '{name}' has no place in a prompt")));
            }
            _ => {}
        }
        if name.starts_with("is") {
            args.bind(name, &[])?;
            self.meter.spend_chars(text.chars.len().saturating_mul(2))?;
            return Ok(Value::Bool(is_kind(name, &text.chars)));
        }
        match name {
            "count" | "find" | "index" | "rfind" | "rindex" | "startswith" | "endswith" => {
                self.search(text, name, args)
            }
            "split" | "rsplit" | "splitlines" | "partition" | "rpartition" => self.split(text, name, args),
            "join" => self.join_items(text, args),
            _ => self.changed(text, name, args),
        }
    }

    fn same_kind(&self, text: &Text, chars: &[Char]) -> Result<Value> {
        let mut out = Writer::new(&self.meter);
        out.markup = text.markup;
        out.extend(chars)?;
        Ok(Value::Str(out.finish()?))
    }

    fn join_items(&self, text: &Text, args: Args) -> Result<Value> {
        let items = args.bind("join", &["iterable"])?.required("iterable")?.items(&self.meter)?;
        let mut out = Writer::new(&self.meter);
        out.markup = text.markup;
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                out.extend(&text.chars)?;
            }
            let Value::Str(item) = item else {
                let found = item.type_name();
                return Err(Failure::runtime(format!("sequence item {i}: expected str instance, {found} found")));
            };
            if text.markup && !item.markup {
                super::show::escape(&item.chars, &mut out)?
            } else {
                out.extend(&item.chars)?
            }
        }
        Ok(Value::Str(out.finish()?))
    }

    /// Methods that give another text.
    fn changed(&self, text: &Rc<Text>, name: &str, args: Args) -> Result<Value> {
        let meter = &self.meter;
        let chars = &text.chars;
        let mut out = Writer::new(meter);
        out.markup = text.markup;
        match name {
            "strip" | "lstrip" | "rstrip" => {
                let set = args.bind(name, &["chars"])?.text_or_none()?;
                out.extend(stripped(meter, chars, set.as_ref(), name != "rstrip", name != "lstrip")?)?;
            }
            "removeprefix" | "removesuffix" => {
                let part = args.bind(name, &["affix"])?.text("affix")?;
                let (len, whole) = (part.chars.len(), chars.len());
                let kept = match name {
                    "removeprefix" if chars.starts_with(&part.chars) => len..whole,
                    "removesuffix" if chars.ends_with(&part.chars) => 0..whole - len,
                    _ => 0..whole,
                };
                out.extend(&chars[kept])?;
            }
            "replace" => {
                let mut args = args.bind(name, &["old", "new", "count"])?;
                let (old, new) = (args.text("old")?, args.text("new")?);
                let count = args.int(-1)?;
                replaced(meter, chars, &old.chars, &new.chars, count, &mut out)?;
            }
            "center" | "ljust" | "rjust" | "zfill" => {
                let mut args = args.bind(name, &["width", "fillchar"])?;
                let width = args.required("width")?;
                let width =
                    width.index().ok_or_else(|| Failure::runtime(format!("{name}(): the width must be an integer")))?;
                let fill = match args.text_or_none()? {
                    None => Char::from(' '),
                    Some(fill) if fill.chars.len() == 1 && name != "zfill" => fill.chars[0],
                    Some(_) => return Err(Failure::runtime("The fill character must be exactly one character long")),
                };
                padded(chars, name, width, fill, &mut out)?;
            }
            "expandtabs" => {
                let size = args.bind(name, &["tabsize"])?.int(8)?;
                expand_tabs(chars, size, &mut out)?;
            }
            _ => {
                args.bind(name, &[])?;
                changed_case(name, chars, &mut out)?;
            }
        }
        Ok(Value::Str(out.finish()?))
    }

    /// Methods that look for something.
    fn search(&self, text: &Text, name: &str, args: Args) -> Result<Value> {
        let meter = &self.meter;
        let mut args = args.bind(name, &["sub", "start", "end"])?;
        let wanted = args.required("sub")?;
        let (start, end) = bounds(text.chars.len(), &mut args)?;
        let inside = start <= end;
        let part = if inside { &text.chars[start..end] } else { &[] };
        if matches!(name, "startswith" | "endswith") {
            let candidates = match &wanted {
                Value::Tuple(seq) => seq.items.clone(),
                _ => vec![wanted],
            };
            let mut found = false;
            for candidate in &candidates {
                let candidate = expect_text(candidate, name)?;
                meter.spend_chars(candidate.chars.len())?;
                let does = if name == "startswith" {
                    part.starts_with(&candidate.chars)
                } else {
                    part.ends_with(&candidate.chars)
                };
                found |= inside && does;
            }
            return Ok(Value::Bool(found));
        }
        let wanted = expect_text(&wanted, name)?;
        if name == "count" {
            return Ok(Value::Int(if inside { count(meter, part, &wanted.chars)? } else { 0 }));
        }
        let found = match name {
            _ if !inside => None,
            "find" | "index" => find(meter, part, &wanted.chars, 0)?,
            _ => rfind(meter, part, &wanted.chars)?,
        };
        match found {
            Some(at) => Ok(Value::Int((start + at) as i128)),
            None if name.ends_with("find") => Ok(Value::Int(-1)),
            None => Err(Failure::runtime("substring not found")),
        }
    }

    fn split(&self, text: &Text, name: &str, args: Args) -> Result<Value> {
        let meter = &self.meter;
        let chars = &text.chars;
        meter.spend_chars(chars.len())?;
        meter.check_room(chars.len().saturating_mul(PART))?;
        match name {
            "splitlines" => {
                let keep = args.bind(name, &["keepends"])?.flag();
                self.texts(text, split_lines(chars, keep))
            }
            "partition" | "rpartition" => {
                let separator = args.bind(name, &["sep"])?.text("sep")?;
                if separator.chars.is_empty() {
                    return Err(Failure::runtime("empty separator"));
                }
                let found = if name == "partition" {
                    find(meter, chars, &separator.chars, 0)?
                } else {
                    rfind(meter, chars, &separator.chars)?
                };
                let parts: [&[Char]; 3] = match found {
                    Some(at) => {
                        [&chars[..at], &chars[at..at + separator.chars.len()], &chars[at + separator.chars.len()..]]
                    }
                    None if name == "partition" => [chars, &[], &[]],
                    None => [&[], &[], chars],
                };
                let parts = parts.iter().map(|part| self.same_kind(text, part)).collect::<Result<_>>()?;
                Value::tuple(meter, parts)
            }
            _ => {
                let mut args = args.bind(name, &["sep", "maxsplit"])?;
                let separator = args.text_or_none()?;
                let most = usize::try_from(args.int(-1)?).unwrap_or(usize::MAX);
                let from_right = name == "rsplit";
                let parts = match separator {
                    Some(separator) if separator.chars.is_empty() => return Err(Failure::runtime("empty separator")),
                    Some(separator) => split_at(meter, chars, &separator.chars, most, from_right)?,
                    None => split_space(chars, most, from_right),
                };
                self.texts(text, parts)
            }
        }
    }

    fn texts(&self, text: &Text, parts: Vec<&[Char]>) -> Result<Value> {
        self.meter.check_room(parts.len().saturating_mul(160))?;
        let parts = parts.into_iter().map(|part| self.same_kind(text, part)).collect::<Result<_>>()?;
        Value::list(&self.meter, parts)
    }
}

/// Start and end arguments as Python reads them.
fn bounds(len: usize, args: &mut Bound) -> Result<(usize, usize)> {
    let place = |at: i128| if at < 0 { at.saturating_add(len as i128).max(0) } else { at };
    let start = place(args.int_or_none()?.unwrap_or(0));
    let end = place(args.int_or_none()?.unwrap_or(len as i128));
    let within = |at: i128| usize::try_from(at).unwrap_or(usize::MAX);
    Ok((within(start), within(end).min(len)))
}

fn count(meter: &Meter, chars: &[Char], wanted: &[Char]) -> Result<i128> {
    if wanted.is_empty() {
        return Ok(chars.len() as i128 + 1);
    }
    let (mut at, mut count) = (0, 0);
    while let Some(found) = find(meter, chars, wanted, at)? {
        count += 1;
        at = found + wanted.len();
    }
    Ok(count)
}

/// `chars` without the characters of `set` (white space if there is none) on either side.
pub fn stripped<'c>(
    meter: &Meter,
    chars: &'c [Char],
    set: Option<&Rc<Text>>,
    left: bool,
    right: bool,
) -> Result<&'c [Char]> {
    meter.spend_chars(chars.len())?;
    if let Some(set) = set {
        meter.spend_chars(set.chars.len().saturating_mul(chars.len().min(1 << 20)))?;
    }
    let goes = |c: &&Char| match set {
        Some(set) => set.chars.contains(c),
        None => is_space(c.char()),
    };
    let start = if left { chars.iter().take_while(goes).count() } else { 0 };
    let rest = &chars[start..];
    let end = if right { rest.iter().rev().take_while(goes).count() } else { 0 };
    Ok(&rest[..rest.len() - end])
}

/// `chars` with `new` for the first `count` places of `old`; a negative count means all.
pub fn replaced(
    meter: &Rc<Meter>,
    chars: &[Char],
    old: &[Char],
    new: &[Char],
    count: i128,
    out: &mut Writer,
) -> Result<()> {
    let mut left = usize::try_from(count).unwrap_or(usize::MAX);
    let mut at = 0;
    if old.is_empty() {
        for &c in chars {
            if left > 0 {
                out.extend(new)?;
                left -= 1;
            }
            out.push(c)?;
        }
        return if left > 0 { out.extend(new) } else { Ok(()) };
    }
    while left > 0
        && let Some(found) = find(meter, chars, old, at)?
    {
        out.extend(&chars[at..found])?;
        out.extend(new)?;
        at = found + old.len();
        left -= 1;
    }
    out.extend(&chars[at..])
}

pub fn centered(chars: &[Char], width: i128, fill: Char, out: &mut Writer) -> Result<()> {
    let missing = usize::try_from(width).unwrap_or(if width < 0 { 0 } else { usize::MAX }).saturating_sub(chars.len());
    // Python puts the odd one where the width says.
    let left = missing / 2 + (missing & (width & 1) as usize & 1);
    out.fill(fill, left)?;
    out.extend(chars)?;
    out.fill(fill, missing - left)
}

fn padded(chars: &[Char], name: &str, width: i128, fill: Char, out: &mut Writer) -> Result<()> {
    let missing = usize::try_from(width).unwrap_or(if width < 0 { 0 } else { usize::MAX }).saturating_sub(chars.len());
    match name {
        "center" => centered(chars, width, fill, out),
        "ljust" => {
            out.extend(chars)?;
            out.fill(fill, missing)
        }
        "rjust" => {
            out.fill(fill, missing)?;
            out.extend(chars)
        }
        _ => {
            let sign = usize::from(chars.first().is_some_and(|c| matches!(c.char(), '+' | '-')));
            out.extend(&chars[..sign])?;
            out.fill(Char::from('0'), missing)?;
            out.extend(&chars[sign..])
        }
    }
}

fn expand_tabs(chars: &[Char], size: i128, out: &mut Writer) -> Result<()> {
    let size = usize::try_from(size).unwrap_or(0);
    let mut column = 0;
    for &c in chars {
        match c.char() {
            '\t' if size > 0 => {
                out.fill(c.with(' '), size - column % size)?;
                column = 0;
            }
            '\t' => {}
            plain => {
                column = if matches!(plain, '\n' | '\r') { 0 } else { column + 1 };
                out.push(c)?;
            }
        }
    }
    Ok(())
}

fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase() || is_title(c)
}

fn is_title(c: char) -> bool {
    use unicode_general_category::{GeneralCategory, get_general_category};
    get_general_category(c) == GeneralCategory::TitlecaseLetter
}

fn changed_case(name: &str, chars: &[Char], out: &mut Writer) -> Result<()> {
    let all = 0..chars.len();
    match name {
        "upper" => text::upper(chars, out),
        "lower" => text::lower(chars, all, out),
        // Full case folding differs from lower case in few letters; that of `ß` is the one that occurs.
        "casefold" => chars.iter().try_for_each(|c| match c.char() {
            'ß' | 'ẞ' => out.push(c.with('s')).and_then(|()| out.push(c.with('s'))),
            'ς' => out.push(c.with('σ')),
            plain => plain.to_lowercase().try_for_each(|l| out.push(c.with(l))),
        }),
        "capitalize" => match chars.first() {
            Some(&first) => {
                text::title(first, out)?;
                text::lower(chars, 1..chars.len(), out)
            }
            None => Ok(()),
        },
        "title" => {
            let mut inside = false;
            for at in all {
                if inside {
                    text::lower(chars, at..at + 1, out)?
                } else {
                    text::title(chars[at], out)?
                }
                inside = is_cased(chars[at].char());
            }
            Ok(())
        }
        _ => (0..chars.len()).try_for_each(|at| {
            if chars[at].char().is_uppercase() {
                text::lower(chars, at..at + 1, out)
            } else {
                text::upper(&chars[at..=at], out)
            }
        }),
    }
}

/// Python's `str.islower`: some letter has a case, and none is a capital.
pub fn is_cased_lower(chars: &[Char]) -> bool {
    chars.iter().any(|c| c.char().is_lowercase())
        && !chars.iter().any(|c| c.char().is_uppercase() || is_title(c.char()))
}

/// Python's `str.isupper`.
pub fn is_cased_upper(chars: &[Char]) -> bool {
    chars.iter().any(|c| c.char().is_uppercase())
        && !chars.iter().any(|c| c.char().is_lowercase() || is_title(c.char()))
}

fn is_kind(name: &str, chars: &[Char]) -> bool {
    let every = |test: fn(char) -> bool| !chars.is_empty() && chars.iter().all(|c| test(c.char()));
    match name {
        "isalpha" => every(is_alpha),
        "isalnum" => every(|c| is_alpha(c) || is_digit(c) || is_numeric(c)),
        "isdecimal" => every(is_decimal),
        "isdigit" => every(is_digit),
        "isnumeric" => every(is_numeric),
        "isspace" => every(is_space),
        "isascii" => chars.iter().all(|c| c.char().is_ascii()),
        "isprintable" => chars.iter().all(|c| is_printable(c.char())),
        "islower" => is_cased_lower(chars),
        "isupper" => is_cased_upper(chars),
        "isidentifier" => every(is_word) && !is_numeric(chars[0].char()),
        _ => {
            // Capitals begin words, and only they.
            let (mut before, mut some) = (false, false);
            for c in chars.iter().map(|c| c.char()) {
                let capital = c.is_uppercase() || is_title(c);
                if capital && before || c.is_lowercase() && !before {
                    return false;
                }
                some |= capital || c.is_lowercase();
                before = is_cased(c);
            }
            some
        }
    }
}

/// Lines as Python's `str.splitlines` finds them.
pub fn split_lines(chars: &[Char], keep_ends: bool) -> Vec<&[Char]> {
    let mut lines = Vec::new();
    let mut begin = 0;
    let mut at = 0;
    while at < chars.len() {
        if !is_line_end(chars[at].char()) {
            at += 1;
            continue;
        }
        let pair = chars[at].char() == '\r' && chars.get(at + 1).is_some_and(|c| c.char() == '\n');
        let end = at + 1 + usize::from(pair);
        lines.push(&chars[begin..if keep_ends { end } else { at }]);
        (begin, at) = (end, end);
    }
    if begin < chars.len() {
        lines.push(&chars[begin..]);
    }
    lines
}

fn split_at<'c>(
    meter: &Meter,
    chars: &'c [Char],
    separator: &[Char],
    most: usize,
    from_right: bool,
) -> Result<Vec<&'c [Char]>> {
    let mut parts = Vec::new();
    if from_right {
        let mut rest = chars;
        while parts.len() < most
            && let Some(at) = rfind(meter, rest, separator)?
        {
            parts.push(&rest[at + separator.len()..]);
            rest = &rest[..at];
        }
        parts.push(rest);
        parts.reverse();
        return Ok(parts);
    }
    let mut at = 0;
    while parts.len() < most
        && let Some(found) = find(meter, chars, separator, at)?
    {
        parts.push(&chars[at..found]);
        at = found + separator.len();
    }
    parts.push(&chars[at..]);
    Ok(parts)
}

fn split_space(chars: &[Char], most: usize, from_right: bool) -> Vec<&[Char]> {
    let space = |c: &Char| is_space(c.char());
    let mut parts = Vec::new();
    let mut rest = chars;
    loop {
        rest = if from_right {
            &rest[..rest.len() - rest.iter().rev().take_while(|c| space(c)).count()]
        } else {
            &rest[rest.iter().take_while(|c| space(c)).count()..]
        };
        if rest.is_empty() {
            break;
        }
        if parts.len() >= most {
            parts.push(rest);
            break;
        }
        if from_right {
            let begin = rest.iter().rposition(space).map_or(0, |at| at + 1);
            parts.push(&rest[begin..]);
            rest = &rest[..begin];
        } else {
            let end = rest.iter().position(space).unwrap_or(rest.len());
            parts.push(&rest[..end]);
            rest = &rest[end..];
        }
    }
    if from_right {
        parts.reverse();
    }
    parts
}
