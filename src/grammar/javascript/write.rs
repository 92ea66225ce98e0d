//! An expression in the library's notation.

use std::fmt::Write as _;

use regex_syntax::hir::ClassUnicode;

use super::{Look, Match, Node, Parsed, Written, set};

/// Any text.
const ANY: &str = "(?s:.*)";

/// Any text without pairs of surrogates.
const ONE_UNIT: &str = r"[\x{0}-\x{D7FF}\x{E000}-\x{FFFF}]*";

/// What is before a part of an expression, or behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// Other parts.
    Inner,
    /// The text's end.
    Exact,
    /// Whatever the text has besides.
    Open,
}

/// For whole texts that `node` matches, or in which it is found.
pub(super) fn write(node: &Node, is_unicode: bool, wanted: Match) -> Parsed<Written> {
    let edge = if wanted == Match::Whole { Edge::Exact } else { Edge::Open };
    let (mut left, mut right) = (edge, edge);
    let written = |nodes: &[Node], left, right| -> Parsed<String> {
        let mut writer = Writer { is_unicode, out: String::new() };
        writer.sequence(nodes, left, right)?;
        // The library searches on its own where it is not told.
        Ok(if wanted == Match::Whole { writer.out } else { format!("^(?:{})$", writer.out) })
    };
    let parts = flat(node);
    let mut parts = parts.as_slice();
    let (mut also, mut not) = (Vec::new(), Vec::new());
    // What looks ahead from the start, or behind from the end, is about the whole text.
    loop {
        let (look, inner) = match parts {
            [Node::Start, rest @ ..] => {
                (left, parts) = (Edge::Exact, rest);
                continue;
            }
            [rest @ .., Node::End] => {
                (right, parts) = (Edge::Exact, rest);
                continue;
            }
            [Node::Look(look @ Look { is_ahead: true, .. }, inner), rest @ ..] if left == Edge::Exact => {
                parts = rest;
                (look, written(std::slice::from_ref(inner), Edge::Exact, Edge::Open)?)
            }
            [rest @ .., Node::Look(look @ Look { is_ahead: false, .. }, inner)] if right == Edge::Exact => {
                parts = rest;
                (look, written(std::slice::from_ref(inner), Edge::Open, Edge::Exact)?)
            }
            _ => break,
        };
        if look.is_negated { &mut not } else { &mut also }.push(inner);
    }
    if !is_unicode && !not.is_empty() {
        // What must not be there is told exactly where every character is one unit.
        also.push(ONE_UNIT.to_owned());
    }
    Ok(Written { main: written(parts, left, right)?, also, not })
}

/// The parts of an expression, those of sequences in it among them.
fn flat(node: &Node) -> Vec<Node> {
    match node {
        Node::Sequence(all) => all.iter().flat_map(flat).collect(),
        node => vec![node.clone()],
    }
}

struct Writer {
    is_unicode: bool,
    out: String,
}

impl Writer {
    fn node(&mut self, node: &Node, left: Edge, right: Edge) -> Parsed<()> {
        match node {
            Node::Look(..) => {
                Err("look-ahead and look-behind can be enforced at the ends of a text only, ahead behind ^ and behind before $".to_owned())
            }
            Node::Start | Node::End => self.sequence(std::slice::from_ref(node), left, right),
            Node::Sequence(all) => self.sequence(all, left, right),
            Node::Choice(all) => self.choice(all, left, right),
            Node::Repeat(inner, least, most) if has_anchors(inner) => match (least, most) {
                (_, Some(0)) => self.sequence(&[], left, right),
                (0, Some(1)) => self.choice(&[inner.as_ref().clone(), Node::Sequence(Vec::new())], left, right),
                (1, Some(1)) => self.node(inner, left, right),
                _ => Err("^, $ and what looks around cannot be enforced in what is repeated".to_owned()),
            },
            Node::Char(_) | Node::Set(_) | Node::Repeat(..) => {
                self.open(left);
                self.part(node)?;
                self.open(right);
                Ok(())
            }
        }
    }

    fn open(&mut self, edge: Edge) {
        if edge == Edge::Open {
            self.out.push_str(ANY);
        }
    }

    fn choice(&mut self, all: &[Node], left: Edge, right: Edge) -> Parsed<()> {
        self.out.push_str("(?:");
        for (i, node) in all.iter().enumerate() {
            if i > 0 {
                self.out.push('|');
            }
            self.node(node, left, right)?;
        }
        self.out.push(')');
        Ok(())
    }

    fn sequence(&mut self, mut all: &[Node], mut left: Edge, mut right: Edge) -> Parsed<()> {
        let misplaced = || Err("^ and $ can be enforced at the ends of a text only".to_owned());
        while let [Node::Start, rest @ ..] = all {
            if left == Edge::Inner {
                return misplaced();
            }
            (left, all) = (Edge::Exact, rest);
        }
        while let [rest @ .., Node::End] = all {
            if right == Edge::Inner {
                return misplaced();
            }
            (right, all) = (Edge::Exact, rest);
        }
        match all {
            [] => self.open(if left == Edge::Open { left } else { right }),
            [Node::Start | Node::End] => return misplaced(),
            [only] => self.node(only, left, right)?,
            [first, inner @ .., last] => {
                self.node(first, left, Edge::Inner)?;
                for node in inner {
                    self.node(node, Edge::Inner, Edge::Inner)?;
                }
                self.node(last, Edge::Inner, right)?;
            }
        }
        Ok(())
    }

    /// A part without anchors.
    fn part(&mut self, node: &Node) -> Parsed<()> {
        match node {
            Node::Char(c) => self.out.push_str(&regex_syntax::escape(c.encode_utf8(&mut [0; 4]))),
            Node::Set(all) if self.is_unicode => self.set(all),
            Node::Set(all) => self.set(&set::one_unit(all)),
            Node::Repeat(inner, least, most) => {
                self.out.push_str("(?:");
                match inner.as_ref() {
                    // Without an end one unit may be followed by another, so that both of a pair are taken.
                    Node::Set(all) if most.is_none() => self.set(all),
                    Node::Choice(all) if most.is_none() => self.repeated(all)?,
                    inner => self.node(inner, Edge::Inner, Edge::Inner)?,
                }
                self.out.push(')');
                let most = most.map_or(String::new(), |most| most.to_string());
                // Writing into a String cannot fail.
                let _ = write!(self.out, "{{{least},{most}}}");
            }
            inner => self.node(inner, Edge::Inner, Edge::Inner)?,
        }
        Ok(())
    }

    /// The choices of what is repeated without an end.
    fn repeated(&mut self, all: &[Node]) -> Parsed<()> {
        for (i, node) in all.iter().enumerate() {
            if i > 0 {
                self.out.push('|');
            }
            match node {
                Node::Set(all) => self.set(all),
                node => self.node(node, Edge::Inner, Edge::Inner)?,
            }
        }
        Ok(())
    }

    fn set(&mut self, all: &ClassUnicode) {
        if all.ranges().is_empty() {
            // Nothing, in a notation that knows no empty class.
            self.out.push_str("[^\\x{0}-\\x{10FFFF}]");
            return;
        }
        self.out.push('[');
        for range in all.iter() {
            let (first, last) = (range.start() as u32, range.end() as u32);
            let _ = write!(self.out, "\\x{{{first:X}}}");
            if last > first {
                let _ = write!(self.out, "-\\x{{{last:X}}}");
            }
        }
        self.out.push(']');
    }
}

fn has_anchors(node: &Node) -> bool {
    match node {
        Node::Start | Node::End | Node::Look(..) => true,
        Node::Char(_) | Node::Set(_) => false,
        Node::Sequence(all) | Node::Choice(all) => all.iter().any(has_anchors),
        Node::Repeat(inner, ..) => has_anchors(inner),
    }
}
