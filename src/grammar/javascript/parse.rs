//! The notation: ECMA-262's patterns, with its annex B where neither `u` nor `v` is given.

use regex_syntax::hir::ClassUnicode;

use super::{Flags, Look, Node, Parsed, set};

/// The most groups and classes within each other.
const DEEPEST: usize = 100;

/// What has to be escaped, and may be with every flag.
const SYNTAX: &str = "^$\\.*+?()[]{}|/";

pub(super) fn parse(pattern: &str, flags: Flags) -> Parsed<Node> {
    let mut parser = Parser { chars: pattern.chars().collect(), at: 0, depth: 0, flags };
    let node = parser.choice()?;
    match parser.peek() {
        None => Ok(node),
        Some(_) => parser.error("there is a ) without a ("),
    }
}

pub(super) struct Parser {
    pub(super) chars: Vec<char>,
    pub(super) at: usize,
    pub(super) depth: usize,
    pub(super) flags: Flags,
}

/// What an escape or a part of a class stands for.
pub(super) enum Atom {
    Char(char),
    Set(ClassUnicode),
}

impl Atom {
    pub(super) fn set(self) -> ClassUnicode {
        match self {
            Self::Char(c) => set::of(&[(c, c)]),
            Self::Set(set) => set,
        }
    }
}

impl Parser {
    pub(super) fn error<T>(&self, reason: &str) -> Parsed<T> {
        Err(format!("{reason}, at character {}", self.at + 1))
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    pub(super) fn takes(&mut self, wanted: &str) -> bool {
        let is_there = wanted.chars().enumerate().all(|(i, c)| self.chars.get(self.at + i) == Some(&c));
        if is_there {
            self.at += wanted.chars().count();
        }
        is_there
    }

    pub(super) fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.error(&format!("there are more than {DEEPEST} groups within each other"));
        }
        Ok(())
    }

    fn choice(&mut self) -> Parsed<Node> {
        let mut all = vec![self.sequence()?];
        while self.takes("|") {
            all.push(self.sequence()?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Node::Choice(all) })
    }

    fn sequence(&mut self) -> Parsed<Node> {
        let mut all = Vec::new();
        while self.peek().is_some_and(|c| c != '|' && c != ')') {
            let node = self.term()?;
            let node = match self.times()? {
                None => node,
                Some(_) if matches!(node, Node::Start | Node::End | Node::Look(..)) => {
                    return self.error("there is nothing to repeat");
                }
                Some(_) if !self.flags.unicode && matches!(node, Node::Char(c) if c > '\u{ffff}') => {
                    return self.error("a repetition of such a character needs the flag u");
                }
                Some((least, most)) => Node::Repeat(Box::new(node), least, most),
            };
            all.push(node);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Node::Sequence(all) })
    }

    fn term(&mut self) -> Parsed<Node> {
        let Some(c) = self.next() else { return Ok(Node::Sequence(Vec::new())) };
        match c {
            '^' => Ok(Node::Start),
            '$' => Ok(Node::End),
            '.' => Ok(Node::Set(set::dot(self.flags))),
            '(' => self.group(),
            '[' => self.class().map(Node::Set),
            '\\' => match self.peek() {
                Some('b' | 'B') => self.error("the boundaries of words, \\b and \\B, cannot be enforced"),
                _ => {
                    let atom = self.escape(false)?;
                    Ok(self.folded(atom))
                }
            },
            '*' | '+' | '?' => self.error("there is nothing to repeat"),
            ']' | '{' | '}' if self.flags.unicode => self.error(&format!("'{c}' needs a backslash")),
            '{' => {
                self.at -= 1;
                if self.times()?.is_some() {
                    return self.error("there is nothing to repeat");
                }
                self.at += 1;
                Ok(Node::Char('{'))
            }
            c => Ok(self.folded(Atom::Char(c))),
        }
    }

    /// A character, or those that differ from it in case.
    fn folded(&self, atom: Atom) -> Node {
        match atom {
            Atom::Char(c) if !self.flags.ignore_case || (c > '\u{ffff}' && !self.flags.unicode) => Node::Char(c),
            atom => Node::Set(set::fold(atom.set(), self.flags)),
        }
    }

    /// How often what stands before comes, if that is said. Whether as often or as rarely as possible makes no difference to whole texts.
    fn times(&mut self) -> Parsed<Option<(u32, Option<u32>)>> {
        let start = self.at;
        let times = match self.next() {
            Some('*') => Some((0, None)),
            Some('+') => Some((1, None)),
            Some('?') => Some((0, Some(1))),
            Some('{') => self.counts(),
            _ => None,
        };
        let Some((least, most)) = times else {
            self.at = start;
            return Ok(None);
        };
        self.takes("?");
        if most.is_some_and(|most| most < least) {
            return self.error("the numbers of a repetition are out of order");
        }
        Ok(Some((least, most)))
    }

    /// Behind `{`: `n}`, `n,}` or `n,m}`.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let least = self.number()?;
        if self.takes("}") {
            return Some((least, Some(least)));
        }
        if !self.takes(",") {
            return None;
        }
        if self.takes("}") {
            return Some((least, None));
        }
        let most = self.number()?;
        self.takes("}").then_some((least, Some(most)))
    }

    fn number(&mut self) -> Option<u32> {
        let mut number = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            self.at += 1;
            number = Some(number.unwrap_or(0_u32).saturating_mul(10).saturating_add(digit));
        }
        number
    }

    /// Behind `(`.
    fn group(&mut self) -> Parsed<Node> {
        self.deeper()?;
        let outside = self.flags;
        let look = if self.takes("?") { self.kind_of_group()? } else { None };
        let inner = self.choice()?;
        if !self.takes(")") {
            return self.error("a ( has no )");
        }
        self.flags = outside;
        self.depth -= 1;
        if let Some(look) = look {
            return Ok(Node::Look(look, Box::new(inner)));
        }
        // What is repeated is the group, even where it has one part.
        Ok(if matches!(inner, Node::Char(_) | Node::Start | Node::End | Node::Look(..)) {
            Node::Sequence(vec![inner])
        } else {
            inner
        })
    }

    /// Behind `(?`: `:`, a name, flags, or what looks around.
    fn kind_of_group(&mut self) -> Parsed<Option<Look>> {
        if self.takes(":") {
            return Ok(None);
        }
        for (sign, is_ahead, is_negated) in
            [("=", true, false), ("!", true, true), ("<=", false, false), ("<!", false, true)]
        {
            if self.takes(sign) {
                return Ok(Some(Look { is_ahead, is_negated }));
            }
        }
        if self.takes("<") {
            let start = self.at;
            let is_name = |c: char| c.is_alphanumeric() || "_$\\{}".contains(c) || c == '\u{200c}' || c == '\u{200d}';
            while self.peek().is_some_and(is_name) {
                self.at += 1;
            }
            if self.at > start && self.takes(">") {
                return Ok(None);
            }
            return self.error("the name of a group is not one");
        }
        let mut is_set = true;
        let mut seen = 0;
        loop {
            match self.next() {
                Some('i') => self.flags.ignore_case = is_set,
                Some('s') => self.flags.dot_all = is_set,
                // It matters to anchors inside of a text only, which cannot be enforced.
                Some('m') => {}
                Some('-') if is_set => is_set = false,
                Some(':') if seen > usize::from(!is_set) => return Ok(None),
                _ => return self.error("a group has an unknown kind"),
            }
            seen += 1;
        }
    }

    /// Behind a backslash.
    pub(super) fn escape(&mut self, in_class: bool) -> Parsed<Atom> {
        let is_unicode = self.flags.unicode;
        let Some(c) = self.next() else { return self.error("there is nothing behind a \\") };
        if let Some(set) = set::escape(c, self.flags) {
            return Ok(Atom::Set(set));
        }
        Ok(Atom::Char(match c {
            'p' | 'P' if is_unicode => return self.property(c == 'P').map(Atom::Set),
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'v' => '\u{b}',
            'f' => '\u{c}',
            'b' if in_class => '\u{8}',
            '0' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => '\0',
            '1'..='9' if !in_class => return self.error("back-references cannot be enforced"),
            'k' if self.peek() == Some('<') => return self.error("back-references cannot be enforced"),
            '0'..='7' => return self.error("a character is given by an octal number; write \\x and two digits"),
            'c' => match self.peek().filter(char::is_ascii_alphabetic) {
                Some(letter) => {
                    self.at += 1;
                    char::from(letter as u8 % 32)
                }
                None => return self.error("there is no letter behind \\c"),
            },
            'x' => match self.hex(2) {
                Some(code) => char::from_u32(code).unwrap_or_default(),
                None if is_unicode => return self.error("expected two hexadecimal digits behind \\x"),
                None => 'x',
            },
            'u' => return self.code_point(in_class).map(Atom::Char),
            '-' if in_class && is_unicode => '-',
            c if self.flags.sets && in_class && "&-!#%,:;<=>@`~".contains(c) => c,
            c if is_unicode && !SYNTAX.contains(c) => return self.error(&format!("there is no escape \\{c}")),
            c if c > '\u{ffff}' && in_class => return self.error("such a character in a class needs the flag u"),
            c => c,
        }))
    }

    /// So many hexadecimal digits.
    fn hex(&mut self, count: usize) -> Option<u32> {
        let digits: String = self.chars.get(self.at..self.at + count)?.iter().collect();
        let code = digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(&digits, 16).ok())??;
        self.at += count;
        Some(code)
    }

    /// Behind `\u`: four digits, of a pair of surrogates twice, or any number in braces.
    fn code_point(&mut self, in_class: bool) -> Parsed<char> {
        if self.flags.unicode && self.takes("{") {
            let digits: String = self.chars[self.at..].iter().take_while(|c| c.is_ascii_hexdigit()).collect();
            self.at += digits.len();
            let code = u32::from_str_radix(&digits, 16).ok().filter(|_| self.takes("}"));
            return match code.and_then(char::from_u32) {
                Some(c) => Ok(c),
                None => self.error("expected the number of a character in the braces behind \\u"),
            };
        }
        let Some(high) = self.hex(4) else {
            return if self.flags.unicode {
                self.error("expected four hexadecimal digits behind \\u, or a number in braces")
            } else {
                Ok('u')
            };
        };
        if let Some(c) = char::from_u32(high) {
            return Ok(c);
        }
        let start = self.at;
        let low = if self.takes("\\u") { self.hex(4) } else { None };
        if let Some(low) = low.filter(|low| (0xdc00..0xe000).contains(low) && high < 0xdc00)
            && let Some(c) = char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
        {
            return if in_class && !self.flags.unicode {
                self.error("such a character in a class needs the flag u")
            } else {
                Ok(c)
            };
        }
        self.at = start;
        self.error("half of a pair of surrogates is no text")
    }

    /// Behind `\p`.
    fn property(&mut self, is_negated: bool) -> Parsed<ClassUnicode> {
        if !self.takes("{") {
            return self.error("expected the name of a property in braces");
        }
        let name: String = self.chars[self.at..].iter().take_while(|c| **c != '}').collect();
        self.at += name.chars().count();
        if !self.takes("}") {
            return self.error("expected } behind the name of a property");
        }
        set::property(&name, is_negated, self.flags)
    }
}
