//! The notation: names and `::=`, strings, classes, `.`, groups, `|`, `* + ?` and `{m,n}`, comments.

use std::collections::HashMap;
use std::iter::Peekable;
use std::str::Chars;

use super::DEEPEST;
use super::chars::CharSet;
use super::expression::{Expression, Grammar};

/// A sentence on what is wrong, with the line.
type Parsed<T> = Result<T, String>;

/// The most repetitions that can be counted.
const MOST_TIMES: u32 = 2000;

/// The rules of a grammar, `root` as the first.
pub(super) fn parse(text: &str) -> Parsed<Grammar> {
    let mut parser =
        Parser { chars: text.chars().peekable(), line: 1, depth: 0, names: HashMap::new(), rules: Vec::new() };
    let root = parser.index("root");
    parser.space(true);
    while parser.chars.peek().is_some() {
        parser.rule()?;
    }
    debug_assert_eq!(root, 0);
    let mut names: Vec<_> = parser.names.iter().collect();
    names.sort_unstable_by_key(|(_, index)| **index);
    let missing: Vec<_> = names.into_iter().filter(|(_, index)| parser.rules[**index].is_none()).collect();
    match missing.first() {
        Some((name, 0)) => Err(format!("there is no rule '{name}', with which every text begins")),
        Some((name, _)) => Err(format!("there is no rule '{name}'")),
        None => Ok(Grammar { rules: parser.rules.into_iter().flatten().collect() }),
    }
}

struct Parser<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
    /// Groups that are open.
    depth: usize,
    names: HashMap<String, usize>,
    rules: Vec<Option<Expression>>,
}

impl Parser<'_> {
    fn error<T>(&mut self, expected: &str) -> Parsed<T> {
        let found = match self.chars.peek() {
            Some('\n' | '\r') => "the end of the line".to_owned(),
            Some(c) => format!("'{c}'"),
            None => "the end".to_owned(),
        };
        Err(format!("line {}: expected {expected}, found {found}", self.line))
    }

    fn next(&mut self) -> Option<char> {
        let next = self.chars.next();
        if next == Some('\n') {
            self.line += 1;
        }
        next
    }

    fn takes(&mut self, wanted: char) -> bool {
        let is_there = self.chars.peek() == Some(&wanted);
        if is_there {
            self.next();
        }
        is_there
    }

    /// White space and comments. A rule ends with its line outside of groups, unless a line goes on with `|`.
    fn space(&mut self, over_lines: bool) {
        loop {
            match self.chars.peek() {
                Some(' ' | '\t') => drop(self.next()),
                Some('#') => {
                    while self.chars.peek().is_some_and(|&c| c != '\n') {
                        self.next();
                    }
                }
                Some('\r' | '\n') if over_lines => drop(self.next()),
                _ => return,
            }
        }
    }

    fn index(&mut self, name: &str) -> usize {
        let next = self.rules.len();
        let index = *self.names.entry(name.to_owned()).or_insert(next);
        if index == next {
            self.rules.push(None);
        }
        index
    }

    fn name(&mut self) -> Parsed<String> {
        let mut name = String::new();
        while let Some(c) = self.chars.next_if(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)) {
            name.push(c);
        }
        if name.is_empty() { self.error("the name of a rule") } else { Ok(name) }
    }

    fn rule(&mut self) -> Parsed<()> {
        let name = self.name()?;
        self.space(false);
        if !self.chars.clone().take(3).eq("::=".chars()) {
            return self.error("'::=' behind the name of a rule");
        }
        self.chars.nth(2);
        let index = self.index(&name);
        if self.rules[index].is_some() {
            return Err(format!("line {}: there are two rules '{name}'", self.line));
        }
        self.space(true);
        let body = self.choice()?;
        if !matches!(self.chars.peek(), None | Some('\n' | '\r')) {
            return self.error("something to derive, or the end of the line");
        }
        self.rules[index] = Some(body);
        self.space(true);
        Ok(())
    }

    fn choice(&mut self) -> Parsed<Expression> {
        let mut all = vec![self.sequence()?];
        loop {
            // Where the next line goes on with `|`, the rule does.
            let before = (self.chars.clone(), self.line);
            self.space(true);
            if !self.takes('|') {
                if self.depth == 0 {
                    (self.chars, self.line) = before;
                }
                break;
            }
            self.space(true);
            all.push(self.sequence()?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Expression::Choice(all) })
    }

    fn sequence(&mut self) -> Parsed<Expression> {
        let mut all: Vec<Expression> = Vec::new();
        loop {
            self.space(self.depth > 0);
            let next = match self.chars.peek() {
                Some('"') => self.string()?,
                Some('[') => self.class()?,
                Some('.') => {
                    self.next();
                    Expression::Chars(CharSet::default().complement())
                }
                Some('(') => self.group()?,
                Some(c) if c.is_ascii_alphanumeric() || "-_".contains(*c) => {
                    let name = self.name()?;
                    Expression::Rule(self.index(&name))
                }
                Some('*' | '+' | '?' | '{') => {
                    let Some(inner) = all.pop() else { return self.error("something to repeat before it") };
                    let (least, most) = self.times()?;
                    if inner.depth() > 2 * DEEPEST {
                        return Err(format!("line {}: more than {DEEPEST} repetitions of repetitions", self.line));
                    }
                    Expression::Repeat(Box::new(inner), least, most)
                }
                Some('<' | '!') => {
                    return Err(format!(
                        "line {}: tokens (<name>, <[id]>) cannot be enforced here, write their text",
                        self.line
                    ));
                }
                _ => break,
            };
            all.push(next);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Expression::Sequence(all) })
    }

    fn group(&mut self) -> Parsed<Expression> {
        self.next();
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("line {}: more than {DEEPEST} groups within each other", self.line));
        }
        self.space(true);
        let inner = self.choice()?;
        if !self.takes(')') {
            return self.error("')'");
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn number(&mut self) -> Parsed<Option<u32>> {
        let mut digits = String::new();
        while let Some(digit) = self.chars.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        if digits.is_empty() {
            return Ok(None);
        }
        let number = digits.parse().ok().filter(|&number: &u32| number <= MOST_TIMES);
        let refusal =
            || format!("line {}: expected a number of repetitions up to {MOST_TIMES}, found {digits}", self.line);
        number.map(Some).ok_or_else(refusal)
    }

    fn times(&mut self) -> Parsed<(u32, Option<u32>)> {
        match self.next() {
            Some('*') => return Ok((0, None)),
            Some('+') => return Ok((1, None)),
            Some('?') => return Ok((0, Some(1))),
            _ => self.space(self.depth > 0),
        }
        let Some(least) = self.number()? else { return self.error("a number of repetitions") };
        self.space(self.depth > 0);
        let mut most = Some(least);
        if self.takes(',') {
            self.space(self.depth > 0);
            most = self.number()?;
            self.space(self.depth > 0);
        }
        if !self.takes('}') {
            return self.error("'}'");
        }
        if most.is_some_and(|most| most < least) {
            return Err(format!(
                "line {}: expected repetitions from less to more, found {least} to {}",
                self.line,
                most.unwrap_or(0)
            ));
        }
        Ok((least, most))
    }

    fn string(&mut self) -> Parsed<Expression> {
        self.next();
        let mut chars = Vec::new();
        while !self.takes('"') {
            let c = self.character("'\"' at the end of a string")?;
            chars.push(Expression::Chars(CharSet::new([(c, c)])));
        }
        Ok(Expression::Sequence(chars))
    }

    fn class(&mut self) -> Parsed<Expression> {
        self.next();
        let is_negated = self.takes('^');
        let mut ranges = Vec::new();
        while !self.takes(']') {
            let first = self.character("']' at the end of a class")?;
            let mut last = first;
            let mut ahead = self.chars.clone();
            if ahead.next() == Some('-') && ahead.next() != Some(']') {
                self.next();
                last = self.character("the end of a range")?;
            }
            if last < first {
                return Err(format!(
                    "line {}: expected a range from the lower character to the higher, found {first}-{last}",
                    self.line
                ));
            }
            ranges.push((first, last));
        }
        let set = CharSet::new(ranges);
        let set = if is_negated { set.complement() } else { set };
        if set.is_empty() {
            return Err(format!("line {}: expected a character in a class, found none", self.line));
        }
        Ok(Expression::Chars(set))
    }

    /// A character of a string or a class, which may be escaped.
    fn character(&mut self, expected: &str) -> Parsed<char> {
        let digits = match self.chars.peek() {
            None => return self.error(expected),
            Some('\\') => {
                self.next();
                match self.chars.peek() {
                    Some('x') => 2,
                    Some('u') => 4,
                    Some('U') => 8,
                    Some('t') => return self.escaped('\t'),
                    Some('r') => return self.escaped('\r'),
                    Some('n') => return self.escaped('\n'),
                    Some(&c @ ('\\' | '"' | '[' | ']' | '-' | '^' | '/')) => return self.escaped(c),
                    _ => {
                        return self
                            .error("an escape: \\\\ \\\" \\[ \\] \\- \\^ \\t \\r \\n \\xHH \\uHHHH \\UHHHHHHHH");
                    }
                }
            }
            Some(&c) => return self.escaped(c),
        };
        self.next();
        let mut value = 0;
        for _ in 0..digits {
            let Some(digit) = self.chars.peek().and_then(|c| c.to_digit(16)) else {
                return self.error(&format!("{digits} hexadecimal digits"));
            };
            value = value * 16 + digit;
            self.next();
        }
        char::from_u32(value).ok_or_else(|| format!("line {}: expected a character, found U+{value:04X}", self.line))
    }

    fn escaped(&mut self, c: char) -> Parsed<char> {
        self.next();
        Ok(c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, message) in [
            ("", "there is no rule 'root', with which every text begins"),
            ("other ::= \"a\"", "there is no rule 'root', with which every text begins"),
            ("root ::= a\n\n# nothing", "there is no rule 'a'"),
            ("root ::= \"a\"\nroot ::= \"b\"", "line 2: there are two rules 'root'"),
            ("root = \"a\"", "line 1: expected '::=' behind the name of a rule, found '='"),
            ("root ::= \"a", "line 1: expected '\"' at the end of a string, found the end"),
            ("root ::= [a", "line 1: expected ']' at the end of a class, found the end"),
            ("root ::= []", "line 1: expected a character in a class, found none"),
            ("root ::= [z-a]", "line 1: expected a range from the lower character to the higher, found z-a"),
            ("root ::= (\"a\"\n\"b\"", "line 2: expected ')', found the end"),
            ("root ::= \"a\")", "line 1: expected something to derive, or the end of the line, found ')'"),
            ("root ::= *", "line 1: expected something to repeat before it, found '*'"),
            ("root ::= \"a\"{2,1}", "line 1: expected repetitions from less to more, found 2 to 1"),
            ("root ::= \"a\"{,2}", "line 1: expected a number of repetitions, found ','"),
            ("root ::= \"a\"{3000}", "line 1: expected a number of repetitions up to 2000, found 3000"),
            (
                "root ::= \"\\q\"",
                "line 1: expected an escape: \\\\ \\\" \\[ \\] \\- \\^ \\t \\r \\n \\xHH \\uHHHH \\UHHHHHHHH, found 'q'",
            ),
            ("root ::= \"\\x4\"", "line 1: expected 2 hexadecimal digits, found '\"'"),
            ("root ::= \"\\ud800\"", "line 1: expected a character, found U+D800"),
            ("root ::= \"a\" <think>", "line 1: tokens (<name>, <[id]>) cannot be enforced here, write their text"),
        ] {
            assert_eq!(parse(text).err().as_deref(), Some(message), "{text}");
        }
        let deep = format!("root ::= {}\"a\"{}", "(".repeat(101), ")".repeat(101));
        assert!(parse(&deep).is_err_and(|message| message.contains("more than 100 groups")));
    }

    #[test]
    fn a_rule_ends_with_its_line_but_for_groups_and_alternatives() {
        let grammar =
            parse("root ::=\n  \"a\" ( # here\n  \"b\"\n | c ) |\r\n \"d\"\n | \"e\"\nc ::= [c-] \"\\x41\"? # end")
                .unwrap();
        assert_eq!(grammar.rules.len(), 2);
        assert_eq!(grammar.rules[0].children().len(), 3);
    }
}
