//! Classes: `[a-z]`, `[^\d]`, and with the flag `v` sets of sets.

use regex_syntax::hir::ClassUnicode;

use super::parse::{Atom, Parser};
use super::{Parsed, set};

impl Parser {
    /// Behind `[`: all of a class.
    pub(super) fn class(&mut self) -> Parsed<ClassUnicode> {
        self.deeper()?;
        let is_negated = self.takes("^");
        let all = if self.flags.sets { self.set_of_sets()? } else { self.union()? };
        self.depth -= 1;
        let mut all = set::fold(all, self.flags);
        if is_negated {
            all.negate();
        }
        Ok(all)
    }

    /// Characters, ranges and sets, up to `]`.
    fn union(&mut self) -> Parsed<ClassUnicode> {
        let mut all = set::of(&[]);
        while !self.takes("]") {
            let first = self.atom()?;
            let is_range = self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|&c| c != ']');
            if !is_range {
                all.union(&first.set());
                continue;
            }
            self.at += 1;
            match (first, self.atom()?) {
                (Atom::Char(first), Atom::Char(last)) => all.union(&self.range(first, last)?),
                _ if self.flags.unicode => return self.error("a set cannot be the end of a range"),
                (first, last) => {
                    all.union(&first.set());
                    all.union(&set::of(&[('-', '-')]));
                    all.union(&last.set());
                }
            }
        }
        Ok(all)
    }

    fn range(&self, first: char, last: char) -> Parsed<ClassUnicode> {
        if first > last {
            return self.error("the ends of a range are out of order");
        }
        Ok(set::of(&[(first, last)]))
    }

    fn atom(&mut self) -> Parsed<Atom> {
        match self.next() {
            None => self.error("a [ has no ]"),
            Some('\\') => self.escape(true),
            Some(c) if c > '\u{ffff}' && !self.flags.unicode => {
                self.error("such a character in a class needs the flag u")
            }
            Some(c) => Ok(Atom::Char(c)),
        }
    }

    /// What a class of the flag `v` has, up to its `]`: classes in it, `--` and `&&`.
    fn set_of_sets(&mut self) -> Parsed<ClassUnicode> {
        let mut all = set::of(&[]);
        while !self.takes("]") {
            if self.takes("--") {
                let other = self.operand()?.set();
                all = set::fold(all, self.flags);
                all.difference(&set::fold(other, self.flags));
                continue;
            }
            if self.takes("&&") {
                let other = self.operand()?.set();
                all = set::fold(all, self.flags);
                all.intersect(&set::fold(other, self.flags));
                continue;
            }
            let first = self.operand()?;
            if self.peek() == Some('-') && self.chars.get(self.at + 1) != Some(&'-') {
                self.at += 1;
                match (first, self.operand()?) {
                    (Atom::Char(first), Atom::Char(last)) => all.union(&self.range(first, last)?),
                    _ => return self.error("a set cannot be the end of a range"),
                }
            } else {
                all.union(&first.set());
            }
        }
        Ok(all)
    }

    fn operand(&mut self) -> Parsed<Atom> {
        if self.takes("[") {
            return self.class().map(Atom::Set);
        }
        if !self.takes("\\q{") {
            return self.atom();
        }
        let texts: String = self.chars[self.at..].iter().take_while(|c| **c != '}').collect();
        self.at += texts.chars().count();
        let mut all = set::of(&[]);
        for text in texts.split('|') {
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) if c != '\\' => all.union(&set::of(&[(c, c)])),
                _ => {
                    return self
                        .error("only single characters can be enforced in \\q{}; write them outside of the class");
                }
            }
        }
        if self.takes("}") { Ok(Atom::Set(all)) } else { self.error("\\q{ has no }") }
    }
}
