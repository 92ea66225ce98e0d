//! Text whose characters know where they come from.
//!
//! A rendered prompt mixes the template's text with what users wrote, and only the former may spell control tokens. So each
//! character carries its origin through every operation: slices, replacements, changes of case, JSON.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use unicode_general_category::{GeneralCategory, get_general_category};

use super::meter::{Held, Meter};
use super::{Failure, Result};

/// Bits of a character; the bits above hold its origin.
const CHAR_BITS: u32 = 21;

/// The largest origin.
pub const MAX_ORIGIN: u16 = (1 << (32 - CHAR_BITS)) - 1;

/// A character and its origin: 0 for the template, else a number that the caller gave to an input. Comparisons look at the
/// character alone.
#[derive(Clone, Copy)]
pub struct Char(u32);

impl Char {
    /// A character from `origin`, at most `MAX_ORIGIN`.
    pub fn new(c: char, origin: u16) -> Self {
        Self(u32::from(c) | u32::from(origin.min(MAX_ORIGIN)) << CHAR_BITS)
    }

    /// The character.
    pub fn char(self) -> char {
        char::from_u32(self.0 & ((1 << CHAR_BITS) - 1)).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    /// Where it comes from.
    pub fn origin(self) -> u16 {
        (self.0 >> CHAR_BITS) as u16
    }

    /// Another character of the same origin.
    pub(super) fn with(self, c: char) -> Self {
        Self::new(c, self.origin())
    }
}

impl From<char> for Char {
    fn from(c: char) -> Self {
        Self::new(c, 0)
    }
}

impl PartialEq for Char {
    fn eq(&self, other: &Self) -> bool {
        self.char() == other.char()
    }
}

impl Eq for Char {}

impl PartialOrd for Char {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Char {
    fn cmp(&self, other: &Self) -> Ordering {
        self.char().cmp(&other.char())
    }
}

impl Hash for Char {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.char().hash(state);
    }
}

impl std::fmt::Debug for Char {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.char())
    }
}

/// A string value.
#[derive(Debug)]
pub struct Text {
    pub chars: Vec<Char>,
    /// Whether it counts as markup: the filters `safe` and `escape` say so, and what is added to it is escaped.
    pub markup: bool,
    _held: Held,
}

impl Text {
    /// A text of the template's source, which is bounded by itself.
    pub fn constant(text: &str) -> Rc<Self> {
        Rc::new(Self { chars: text.chars().map(Char::from).collect(), markup: false, _held: Held::nothing() })
    }

    pub fn text(&self) -> String {
        plain(&self.chars)
    }
}

/// The characters alone.
pub fn plain(chars: &[Char]) -> String {
    chars.iter().map(|c| c.char()).collect()
}

/// Whether `chars` are these of `text`.
pub fn is(chars: &[Char], text: &str) -> bool {
    chars.len() <= text.len() && chars.iter().map(|c| c.char()).eq(text.chars())
}

/// The first place of `needle` in `chars` from `start` on.
pub fn find(meter: &Meter, chars: &[Char], needle: &[Char], start: usize) -> Result<Option<usize>> {
    let Some(&first) = needle.first() else { return Ok((start <= chars.len()).then_some(start)) };
    let mut tried = 0;
    let mut at = start;
    while at + needle.len() <= chars.len() {
        let equal = if chars[at] == first { common(&chars[at..], needle) } else { 0 };
        if equal == needle.len() {
            meter.spend_chars(tried + equal)?;
            return Ok(Some(at));
        }
        tried += 1 + equal;
        at += 1;
        if tried > 1 << 16 {
            meter.spend_chars(tried)?;
            tried = 0;
        }
    }
    meter.spend_chars(tried)?;
    Ok(None)
}

/// The last place of `needle` in `chars`.
pub fn rfind(meter: &Meter, chars: &[Char], needle: &[Char]) -> Result<Option<usize>> {
    let Some(last) = chars.len().checked_sub(needle.len()) else { return Ok(None) };
    for at in (0..=last).rev() {
        let equal = common(&chars[at..], needle);
        meter.spend_chars(1 + equal)?;
        if equal == needle.len() {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Length of the common beginning.
fn common(a: &[Char], b: &[Char]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Collects characters, within the bounds of a rendering.
pub struct Writer {
    meter: Rc<Meter>,
    chars: Vec<Char>,
    /// Whether the result is markup.
    pub markup: bool,
    /// The most characters; what comes beyond is an error.
    limit: usize,
}

impl Writer {
    pub fn new(meter: &Rc<Meter>) -> Self {
        Self { meter: Rc::clone(meter), chars: Vec::new(), markup: false, limit: usize::MAX }
    }

    /// A writer for the rendering itself.
    pub fn with_limit(meter: &Rc<Meter>, limit: usize) -> Self {
        Self { limit, ..Self::new(meter) }
    }

    pub fn meter(&self) -> &Rc<Meter> {
        &self.meter
    }

    pub fn len(&self) -> usize {
        self.chars.len()
    }

    fn make_room(&self, more: usize) -> Result<()> {
        self.meter.spend_chars(more)?;
        let total = self.chars.len().saturating_add(more);
        if total > self.limit {
            return Err(Failure::limit(format!("it writes more than {} characters", self.limit)));
        }
        self.meter.check_room(total.saturating_mul(size_of::<Char>()))
    }

    pub fn push(&mut self, c: Char) -> Result<()> {
        // Asking for each single character would cost more than the character.
        if self.chars.len().is_multiple_of(64) {
            self.make_room(64)?;
        }
        self.chars.push(c);
        Ok(())
    }

    pub fn extend(&mut self, chars: &[Char]) -> Result<()> {
        self.make_room(chars.len())?;
        self.chars.extend_from_slice(chars);
        Ok(())
    }

    /// The template's own text.
    pub fn str(&mut self, text: &str) -> Result<()> {
        self.str_from(text, 0)
    }

    pub fn str_from(&mut self, text: &str, origin: u16) -> Result<()> {
        self.make_room(text.len())?;
        self.chars.extend(text.chars().map(|c| Char::new(c, origin)));
        Ok(())
    }

    pub fn fill(&mut self, c: Char, count: usize) -> Result<()> {
        self.make_room(count)?;
        self.chars.resize(self.chars.len() + count, c);
        Ok(())
    }

    /// The characters so far.
    pub fn chars(&self) -> &[Char] {
        &self.chars
    }

    pub fn into_chars(self) -> Vec<Char> {
        self.chars
    }

    pub fn finish(self) -> Result<Rc<Text>> {
        let held = self.meter.hold(self.chars.capacity() * size_of::<Char>() + 64)?;
        Ok(Rc::new(Text { chars: self.chars, markup: self.markup, _held: held }))
    }
}

/// Python's `str.isspace` of one character, which also counts four separators that Unicode's property leaves out.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// Where Python's `str.splitlines` ends a line; `\r\n` is one end.
pub fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Python's `str.isprintable` of one character: what `repr` writes as it is.
pub fn is_printable(c: char) -> bool {
    use GeneralCategory as G;
    c == ' '
        || !matches!(
            get_general_category(c),
            G::Control
                | G::Format
                | G::Surrogate
                | G::PrivateUse
                | G::Unassigned
                | G::LineSeparator
                | G::ParagraphSeparator
                | G::SpaceSeparator
        )
}

/// Python's `str.isalpha` of one character.
pub fn is_alpha(c: char) -> bool {
    use GeneralCategory as G;
    matches!(
        get_general_category(c),
        G::UppercaseLetter | G::LowercaseLetter | G::TitlecaseLetter | G::ModifierLetter | G::OtherLetter
    )
}

/// Python's `str.isdecimal` of one character.
pub fn is_decimal(c: char) -> bool {
    get_general_category(c) == GeneralCategory::DecimalNumber
}

/// Python's `str.isdigit` of one character: decimals, and digits raised, lowered or in circles.
pub fn is_digit(c: char) -> bool {
    is_decimal(c)
        || matches!(c, '²' | '³' | '¹' | '⁰' | '⁴'..='⁹' | '₀'..='₉' | '①'..='⑨' | '⑴'..='⑼' | '⒈'..='⒐' | '⓪' | '❶'..='❾')
}

/// Python's `str.isnumeric` of one character.
pub fn is_numeric(c: char) -> bool {
    use GeneralCategory as G;
    matches!(get_general_category(c), G::DecimalNumber | G::LetterNumber | G::OtherNumber)
        || matches!(
            c,
            '一' | '二'
                | '三'
                | '四'
                | '五'
                | '六'
                | '七'
                | '八'
                | '九'
                | '十'
                | '百'
                | '千'
                | '万'
                | '億'
                | '零'
                | '〇'
        )
}

/// What a regular expression's `\w` matches.
pub fn is_word(c: char) -> bool {
    c == '_' || is_alpha(c) || is_numeric(c)
}

/// Characters of `chars` in upper case.
pub fn upper(chars: &[Char], out: &mut Writer) -> Result<()> {
    chars.iter().try_for_each(|c| c.char().to_uppercase().try_for_each(|u| out.push(c.with(u))))
}

/// Characters `range` of `chars` in lower case; the sigma at the end of a word is another one.
pub fn lower(chars: &[Char], range: std::ops::Range<usize>, out: &mut Writer) -> Result<()> {
    for at in range {
        let c = chars[at];
        if c.char() == 'Σ' {
            let cased = |c: &&Char| c.char().is_lowercase() || c.char().is_uppercase();
            let ignored = |c: &&Char| {
                use GeneralCategory as G;
                matches!(
                    get_general_category(c.char()),
                    G::NonspacingMark | G::EnclosingMark | G::Format | G::ModifierLetter | G::ModifierSymbol
                ) || matches!(c.char(), '\'' | '.' | ':' | '·' | '\u{2019}')
            };
            let before = chars[..at].iter().rev().take(32).find(|c| !ignored(c));
            let after = chars[at + 1..].iter().take(32).find(|c| !ignored(c));
            let last = before.as_ref().is_some_and(cased) && !after.as_ref().is_some_and(cased);
            out.push(c.with(if last { 'ς' } else { 'σ' }))?;
        } else {
            c.char().to_lowercase().try_for_each(|l| out.push(c.with(l)))?;
        }
    }
    Ok(())
}

/// A character as the first of a title: of `ß` only the first `S` is a capital, and digraphs have a form of their own.
pub fn title(c: Char, out: &mut Writer) -> Result<()> {
    let digraph = match c.char() {
        'Ǆ' | 'ǅ' | 'ǆ' => Some('ǅ'),
        'Ǉ' | 'ǈ' | 'ǉ' => Some('ǈ'),
        'Ǌ' | 'ǋ' | 'ǌ' => Some('ǋ'),
        'Ǳ' | 'ǲ' | 'ǳ' => Some('ǲ'),
        _ => None,
    };
    if let Some(digraph) = digraph {
        return out.push(c.with(digraph));
    }
    for (i, u) in c.char().to_uppercase().enumerate() {
        if i == 0 {
            out.push(c.with(u))?;
        } else {
            u.to_lowercase().try_for_each(|l| out.push(c.with(l)))?;
        }
    }
    Ok(())
}
