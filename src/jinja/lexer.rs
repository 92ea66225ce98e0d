//! Source to tokens, with jinja2's rules of white space under `trim_blocks` and `lstrip_blocks`. One file, although long:
//! white space is cut by what stands before and behind it, so that the rules cannot be told apart.

use super::text::{is_space, is_word};
use super::{Failure, Result};

/// A token of the template.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// Text between tags.
    Data(String),
    /// `{{`
    VariableBegin,
    /// `}}`
    VariableEnd,
    /// `{%`
    BlockBegin,
    /// `%}`
    BlockEnd,
    Name(String),
    String(String),
    Int(i128),
    Float(f64),
    /// One of [`OPERATORS`].
    Op(&'static str),
    End,
}

/// Longest first.
const OPERATORS: [&str; 26] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".",
    ":", "|", ",", ";",
];

/// A token and its line.
pub type Spanned = (Token, u32);

/// The largest source: published templates have up to 20 KB.
const MAX_SOURCE: usize = 1 << 20;

struct Lexer<'s> {
    chars: &'s [char],
    at: usize,
    line: u32,
    tokens: Vec<Spanned>,
    /// Whether what came last ended with a line end, so that white space before a tag may go.
    line_starting: bool,
}

/// The tokens of `source`.
pub fn tokenize(source: &str) -> Result<Vec<Spanned>> {
    if source.len() > MAX_SOURCE {
        return Err(Failure::limit(format!("its source has more than {MAX_SOURCE} bytes")));
    }
    let mut source = source.replace("\r\n", "\n").replace('\r', "\n");
    if source.ends_with('\n') {
        source.pop();
    }
    let chars: Vec<char> = source.chars().collect();
    let mut lexer = Lexer { chars: &chars, at: 0, line: 1, tokens: Vec::new(), line_starting: true };
    lexer.root()?;
    let line = lexer.line;
    lexer.tokens.push((Token::End, line));
    Ok(lexer.tokens)
}

#[derive(Clone, Copy, PartialEq)]
enum Tag {
    Comment,
    Block,
    Variable,
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s [char] {
        &self.chars[self.at..]
    }

    fn looks_at(&self, text: &str) -> bool {
        let rest = self.rest();
        rest.len() >= text.len() && text.chars().zip(rest).all(|(a, &b)| a == b)
    }

    fn advance(&mut self, count: usize) {
        let passed = &self.chars[self.at..self.at + count];
        self.line += passed.iter().filter(|&&c| c == '\n').count() as u32;
        if let Some(&last) = passed.last() {
            self.line_starting = last == '\n';
        }
        self.at += count;
    }

    fn skip_space(&mut self) {
        let count = self.rest().iter().take_while(|&&c| is_space(c)).count();
        self.advance(count);
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(Failure::syntax(self.line, message))
    }

    /// Text and tags, until the end.
    fn root(&mut self) -> Result<()> {
        loop {
            let begin = self.at;
            let next = (begin..self.chars.len().saturating_sub(1)).find_map(|i| {
                let tag = match (self.chars[i], self.chars[i + 1]) {
                    ('{', '#') => Tag::Comment,
                    ('{', '%') => Tag::Block,
                    ('{', '{') => Tag::Variable,
                    _ => return None,
                };
                Some((i, tag))
            });
            let Some((at, tag)) = next else {
                self.data(begin, self.chars.len());
                self.advance(self.chars.len() - begin);
                return Ok(());
            };
            let sign = self.chars.get(at + 2).copied().filter(|c| matches!(c, '-' | '+'));
            let end = self.strip_before(begin, at, tag, sign);
            self.data(begin, end);
            self.advance(at + 2 + usize::from(sign.is_some()) - begin);
            match tag {
                Tag::Comment => self.comment()?,
                Tag::Variable => {
                    self.tokens.push((Token::VariableBegin, self.line));
                    self.expression(Tag::Variable)?;
                }
                Tag::Block if self.raw_begins() => self.raw()?,
                Tag::Block => {
                    self.tokens.push((Token::BlockBegin, self.line));
                    self.expression(Tag::Block)?;
                }
            }
        }
    }

    /// Where the text from `begin` to a tag at `at` ends.
    fn strip_before(&self, begin: usize, at: usize, tag: Tag, sign: Option<char>) -> usize {
        let text = &self.chars[begin..at];
        if sign == Some('-') {
            return begin + text.len() - text.iter().rev().take_while(|&&c| is_space(c)).count();
        }
        if sign == Some('+') || tag == Tag::Variable {
            return at;
        }
        let line = text.iter().rposition(|&c| c == '\n').map_or(0, |i| i + 1);
        let blank = text[line..].iter().all(|&c| is_space(c));
        if blank && line < text.len() && (line > 0 || self.line_starting) { begin + line } else { at }
    }

    fn data(&mut self, begin: usize, end: usize) {
        if end > begin {
            self.tokens.push((Token::Data(self.chars[begin..end].iter().collect()), self.line));
        }
    }

    /// Goes behind the end of a block or comment, and the line end or white space that it takes along.
    fn close(&mut self, end: &str) -> bool {
        if self.looks_at(&format!("-{end}")) {
            self.advance(3);
            self.skip_space();
        } else if self.looks_at(&format!("+{end}")) {
            self.advance(3);
        } else if self.looks_at(end) {
            self.advance(2);
            // One step with the line end: what counts is how the whole ended.
            if self.looks_at("\n") {
                self.advance(1);
            }
        } else {
            return false;
        }
        true
    }

    fn comment(&mut self) -> Result<()> {
        while self.at < self.chars.len() {
            if self.close("#}") {
                return Ok(());
            }
            self.advance(1);
        }
        self.fail("a comment is not closed: '#}' is missing")
    }

    /// Whether a block that begins here is `raw`; then it is behind it.
    fn raw_begins(&mut self) -> bool {
        let rest = self.rest();
        let space = |from: usize| from + rest[from..].iter().take_while(|&&c| is_space(c)).count();
        let name = space(0);
        if !rest[name..].starts_with(&['r', 'a', 'w']) {
            return false;
        }
        let end = space(name + 3);
        if rest[end..].starts_with(&['-', '%', '}']) {
            self.advance(end + 3);
            self.skip_space();
            true
        } else if rest[end..].starts_with(&['%', '}']) {
            self.advance(end + 2);
            true
        } else {
            false
        }
    }

    fn raw(&mut self) -> Result<()> {
        let begin = self.at;
        for at in begin..self.chars.len() {
            if self.chars[at] != '{' || self.chars.get(at + 1) != Some(&'%') {
                continue;
            }
            let sign = self.chars.get(at + 2).copied().filter(|c| matches!(c, '-' | '+'));
            let mut end = at + 2 + usize::from(sign.is_some());
            let space = |from: usize| from + self.chars[from..].iter().take_while(|&&c| is_space(c)).count();
            end = space(end);
            if !self.chars[end..].starts_with(&['e', 'n', 'd', 'r', 'a', 'w']) {
                continue;
            }
            end = space(end + 6);
            let stop = self.strip_before(begin, at, Tag::Block, sign);
            let line = self.line;
            self.at = begin;
            self.advance(end - begin);
            if self.close("%}") {
                if stop > begin {
                    self.tokens.push((Token::Data(self.chars[begin..stop].iter().collect()), line));
                }
                return Ok(());
            }
            self.line = line;
        }
        // jinja2 asks for the end only where something follows.
        if begin == self.chars.len() {
            return Ok(());
        }
        self.fail("a raw block is not closed: 'endraw' is missing")
    }

    /// The tokens of one tag and its end.
    fn expression(&mut self, tag: Tag) -> Result<()> {
        let mut open = Vec::new();
        loop {
            if open.is_empty() && self.tag_ends(tag) {
                return Ok(());
            }
            let Some(&c) = self.rest().first() else { return self.fail("a tag is not closed") };
            let line = self.line;
            let token = if is_space(c) {
                self.skip_space();
                continue;
            } else if c.is_ascii_digit() {
                self.number()?
            } else if is_word(c) {
                Token::Name(self.name()?)
            } else if matches!(c, '\'' | '"') {
                Token::String(self.string(c)?)
            } else {
                let Some(op) = OPERATORS.into_iter().find(|op| self.looks_at(op)) else {
                    return self.fail(format!("unexpected character {c:?}"));
                };
                match op {
                    "(" | "[" | "{" => open.push(op),
                    ")" | "]" | "}" => {
                        let expected = match op {
                            ")" => "(",
                            "]" => "[",
                            _ => "{",
                        };
                        if open.pop() != Some(expected) {
                            return self.fail(format!("unexpected '{op}'"));
                        }
                    }
                    _ => {}
                }
                self.advance(op.len());
                Token::Op(op)
            };
            self.tokens.push((token, line));
        }
    }

    /// Whether the tag ends here; then it is behind the end.
    fn tag_ends(&mut self, tag: Tag) -> bool {
        let line = self.line;
        if tag == Tag::Block {
            let ends = self.close("%}");
            if ends {
                self.tokens.push((Token::BlockEnd, line));
            }
            return ends;
        }
        if self.looks_at("-}}") {
            self.advance(3);
            self.skip_space();
        } else if self.looks_at("}}") {
            self.advance(2);
        } else {
            return false;
        }
        self.tokens.push((Token::VariableEnd, line));
        true
    }

    fn name(&mut self) -> Result<String> {
        let mark = |c: char| {
            use unicode_general_category::{GeneralCategory as G, get_general_category};
            matches!(get_general_category(c), G::NonspacingMark | G::SpacingMark)
        };
        let count = self.rest().iter().take_while(|&&c| is_word(c) || mark(c)).count();
        let name: String = self.rest()[..count].iter().collect();
        self.advance(count);
        Ok(name)
    }

    /// An integer or a float as jinja2 writes them: underscores between digits, `0x`, `0o` and `0b`.
    fn number(&mut self) -> Result<Token> {
        let text: String = self
            .rest()
            .iter()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '-'))
            .collect();
        let lower = text.to_ascii_lowercase();
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
            if let Some(digits) = lower.strip_prefix(prefix) {
                let digits: String = digits.chars().take_while(|&c| c.is_digit(radix) || c == '_').collect();
                self.advance(2 + digits.len());
                return self.integer(&digits, radix);
            }
        }
        let digits = |from: usize| {
            let run = lower[from..].bytes().take_while(|&b| b.is_ascii_digit() || b == b'_').count();
            from + lower[from..from + run].trim_end_matches('_').len()
        };
        let whole = digits(0);
        let mut end = whole;
        let starts_digit = |at: usize| lower.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
        let after_dot = self.at > 0 && self.chars[self.at - 1] == '.';
        if !after_dot {
            if lower[end..].starts_with('.') && starts_digit(end + 1) {
                end = digits(end + 1);
            }
            if lower[end..].starts_with('e') {
                let sign = usize::from(lower[end + 1..].starts_with(['+', '-']));
                if starts_digit(end + 1 + sign) {
                    end = digits(end + 1 + sign);
                }
            }
        }
        self.advance(end);
        if end == whole {
            return self.integer(&lower[..end], 10);
        }
        match lower[..end].replace('_', "").parse() {
            Ok(value) => Ok(Token::Float(value)),
            Err(_) => self.fail("a number that cannot be read"),
        }
    }

    fn integer(&self, digits: &str, radix: u32) -> Result<Token> {
        match i128::from_str_radix(&digits.replace('_', ""), radix) {
            Ok(value) => Ok(Token::Int(value)),
            Err(_) => self.fail("a number that is too large or cannot be read"),
        }
    }

    /// A string with Python's escapes.
    fn string(&mut self, quote: char) -> Result<String> {
        self.advance(1);
        let mut out = String::new();
        loop {
            let Some(&c) = self.rest().first() else { return self.fail("a string is not closed") };
            self.advance(1);
            if c == quote {
                return Ok(out);
            }
            if c != '\\' {
                out.push(c);
                continue;
            }
            let Some(&c) = self.rest().first() else { return self.fail("a string is not closed") };
            self.advance(1);
            match c {
                '\n' => {}
                '\\' | '\'' | '"' => out.push(c),
                'a' => out.push('\x07'),
                'b' => out.push('\x08'),
                'f' => out.push('\x0c'),
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                'v' => out.push('\x0b'),
                'x' => out.push(self.code(2, 16)?),
                'u' => out.push(self.code(4, 16)?),
                'U' => out.push(self.code(8, 16)?),
                '0'..='7' => {
                    let more = self.rest().iter().take(2).take_while(|c| c.is_digit(8)).count();
                    self.at -= 1;
                    out.push(self.code(more + 1, 8)?);
                }
                'N' => return self.fail("characters by name (\\N) are not supported"),
                other => out.extend(['\\', other]),
            }
        }
    }

    fn code(&mut self, digits: usize, radix: u32) -> Result<char> {
        let text: String = self.rest().iter().take(digits).collect();
        let code = u32::from_str_radix(&text, radix).ok().filter(|_| text.len() == digits && !text.starts_with('+'));
        let Some(code) = code else { return self.fail("an escape sequence that cannot be read") };
        self.advance(digits);
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}
