//! Which parts of a grammar become terminals.
//!
//! A terminal takes as much of the text as it or any other terminal that may stand in its place can. That is right if no text of a
//! terminal, followed by a character that may follow it there, is the beginning of a longer text of such a terminal. At first whatever
//! can be said as a regular expression is one terminal; where the condition does not hold, the one that could go on is taken apart,
//! down to single characters if need be, for which it always holds.

use std::collections::{BTreeMap, HashMap};

use super::automaton::Automaton;
use super::chars::CharSet;
use super::expression::{Expression, Grammar};
use super::{DEEPEST, MOST_OF_TERMINAL};

/// A part of a rule.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// The terminal with this index.
    Terminal(usize),
    Sequence(Vec<Self>),
    Choice(Vec<Self>),
    Repeat(Box<Self>, u32, Option<u32>),
    /// The rule with this index.
    Rule(usize),
}

/// A grammar with terminals.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// The first is the root; rules that became a part of terminals are not among them.
    pub(super) rules: BTreeMap<usize, Piece>,
    /// None of them derives the empty text.
    pub(super) terminals: Vec<Expression>,
    automata: Vec<Automaton>,
    indices: HashMap<String, usize>,
}

/// Cuts a grammar into terminals.
pub(super) fn split(grammar: &Grammar) -> Pieces {
    let regular = regular(grammar);
    let mut pieces = Pieces::default();
    let mut wanted = vec![0];
    while let Some(rule) = wanted.pop() {
        if !pieces.rules.contains_key(&rule) {
            let piece = match &regular[rule] {
                Some(expression) => pieces.terminal(expression),
                None => pieces.piece(&grammar.rules[rule], &regular, &mut wanted),
            };
            pieces.rules.insert(rule, piece);
        }
    }
    pieces.refine();
    pieces
}

/// Each rule as an expression without rules, where it is one: not where it recurs, but for a recursion at its own end, or is too large.
fn regular(grammar: &Grammar) -> Vec<Option<Expression>> {
    let bodies: Vec<_> = grammar.rules.iter().enumerate().map(|(rule, body)| unrolled(body, rule)).collect();
    let mut regular: Vec<Option<Expression>> = vec![None; bodies.len()];
    loop {
        let mut is_done = true;
        // Rules usually name those that come after them.
        for (rule, body) in bodies.iter().enumerate().rev() {
            if regular[rule].is_none() {
                regular[rule] = inlined(body, &regular).filter(|body| body.depth() <= DEEPEST);
                is_done &= regular[rule].is_none();
            }
        }
        if is_done {
            return regular;
        }
    }
}

/// `a rule | b` as `a* b`, where a rule names itself only at its ends.
fn unrolled(body: &Expression, rule: usize) -> Expression {
    let mut parts = (Vec::new(), Vec::new());
    if !body.names(rule) || !ends(body, rule, &Vec::new(), &mut parts) {
        return body.clone();
    }
    let (again, last) = parts;
    let again = Expression::Repeat(Box::new(Expression::Choice(again)), 0, None);
    Expression::Sequence(vec![again, Expression::Choice(last)])
}

/// What `body` derives behind `before`: what the rule itself follows, and what ends it. False where the rule is named elsewhere.
fn ends(
    body: &Expression,
    rule: usize,
    before: &Vec<Expression>,
    parts: &mut (Vec<Expression>, Vec<Expression>),
) -> bool {
    let with = |last: &[Expression]| Expression::Sequence(before.iter().chain(last).cloned().collect());
    match body {
        Expression::Rule(index) if *index == rule => parts.0.push(with(&[])),
        _ if !body.names(rule) => parts.1.push(with(std::slice::from_ref(body))),
        Expression::Choice(all) => return all.iter().all(|child| ends(child, rule, before, parts)),
        Expression::Repeat(inner, 0, Some(1)) => {
            parts.1.push(with(&[]));
            return ends(inner, rule, before, parts);
        }
        Expression::Sequence(all) => {
            let Some((last, rest)) = all.split_last() else { return false };
            let before = before.iter().chain(rest).cloned().collect();
            return !rest.iter().any(|child| child.names(rule)) && ends(last, rule, &before, parts);
        }
        _ => return false,
    }
    true
}

/// An expression with the rules' own in their places; `None` if one of them is not regular, or it becomes too large.
fn inlined(expression: &Expression, regular: &[Option<Expression>]) -> Option<Expression> {
    let all = |all: &[Expression]| {
        let mut size = 0_usize;
        let inline = |child| {
            let child = inlined(child, regular)?;
            size += child.size();
            (size <= MOST_OF_TERMINAL).then_some(child)
        };
        all.iter().map(inline).collect::<Option<Vec<_>>>()
    };
    Some(match expression {
        Expression::Chars(set) => Expression::Chars(set.clone()),
        Expression::Sequence(children) => Expression::Sequence(all(children)?),
        Expression::Choice(children) => Expression::Choice(all(children)?),
        Expression::Repeat(inner, least, most) => Expression::Repeat(Box::new(inlined(inner, regular)?), *least, *most),
        Expression::Rule(rule) => regular[*rule].clone()?,
    })
    .filter(|whole| whole.size() <= MOST_OF_TERMINAL)
}

impl Pieces {
    /// A regular expression as a terminal, which may be left out where the expression derives the empty text.
    fn terminal(&mut self, expression: &Expression) -> Piece {
        let Some(filled) = expression.without_empty() else { return Piece::Sequence(Vec::new()) };
        if filled.size() > MOST_OF_TERMINAL {
            return self.apart(expression);
        }
        let mut name = String::new();
        filled.write(&mut name);
        let next = self.terminals.len();
        let index = *self.indices.entry(name).or_insert(next);
        if index == next {
            self.automata.push(Automaton::of(&filled));
            self.terminals.push(filled);
        }
        let piece = Piece::Terminal(index);
        if expression.is_nullable() { Piece::Repeat(Box::new(piece), 0, Some(1)) } else { piece }
    }

    /// An expression whose regular parts are terminals, as large as they can be.
    fn piece(&mut self, expression: &Expression, regular: &[Option<Expression>], wanted: &mut Vec<usize>) -> Piece {
        if let Some(expression) = inlined(expression, regular) {
            return self.terminal(&expression);
        }
        match expression {
            Expression::Repeat(_, _, Some(0)) => Piece::Sequence(Vec::new()),
            Expression::Choice(all) => {
                Piece::Choice(all.iter().map(|child| self.piece(child, regular, wanted)).collect())
            }
            Expression::Repeat(inner, least, most) => {
                Piece::Repeat(Box::new(self.piece(inner, regular, wanted)), *least, *most)
            }
            Expression::Rule(rule) => {
                wanted.push(*rule);
                Piece::Rule(*rule)
            }
            Expression::Sequence(all) => {
                let mut pieces = Vec::new();
                let mut run = Vec::new();
                for child in all {
                    match inlined(child, regular) {
                        Some(child) => run.push(child),
                        None => {
                            pieces.push(self.terminal(&Expression::Sequence(std::mem::take(&mut run))));
                            pieces.push(self.piece(child, regular, wanted));
                        }
                    }
                }
                pieces.push(self.terminal(&Expression::Sequence(run)));
                Piece::Sequence(pieces)
            }
            Expression::Chars(_) => self.terminal(expression),
        }
    }

    /// A terminal in smaller ones.
    fn parts(&mut self, index: usize) -> Piece {
        let mut expression = &self.terminals[index].clone();
        // What holds a single part is that part.
        while let (Expression::Sequence(_) | Expression::Choice(_) | Expression::Repeat(_, 1, Some(1)), [only]) =
            (expression, expression.children())
        {
            expression = only;
        }
        self.apart(expression)
    }

    /// Each part of an expression as a terminal of its own.
    fn apart(&mut self, expression: &Expression) -> Piece {
        match expression {
            Expression::Sequence(all) => Piece::Sequence(all.iter().map(|child| self.terminal(child)).collect()),
            Expression::Choice(all) => Piece::Choice(all.iter().map(|child| self.terminal(child)).collect()),
            Expression::Repeat(inner, least, most) => Piece::Repeat(Box::new(self.terminal(inner)), *least, *most),
            Expression::Chars(_) | Expression::Rule(_) => self.terminal(expression),
        }
    }

    /// Takes terminals apart until none takes too much.
    fn refine(&mut self) {
        // None means that a text of the first cannot begin a longer one of the second.
        let mut extensions: HashMap<(usize, usize), Option<CharSet>> = HashMap::new();
        loop {
            let follows = Follows::of(self);
            let used: Vec<usize> = (0..self.terminals.len()).filter(|&index| follows.is_used[index]).collect();
            let mut greedy = Vec::new();
            for &longer in &used {
                let takes_too_much = used.iter().any(|&shorter| {
                    let (a, b) = (&self.automata[shorter], &self.automata[longer]);
                    let extension = extensions.entry((shorter, longer)).or_insert_with(|| {
                        let found = if a.begins.meets(&b.begins) { a.extensions(b) } else { CharSet::default() };
                        (!found.is_empty()).then_some(found)
                    });
                    extension.as_ref().is_some_and(|extension| extension.meets(&follows.terminals[shorter]))
                });
                if takes_too_much {
                    greedy.push(longer);
                }
            }
            if greedy.is_empty() {
                return;
            }
            let parts: HashMap<usize, Piece> = greedy.iter().map(|&index| (index, self.parts(index))).collect();
            self.rules.values_mut().for_each(|piece| piece.replace(&parts));
        }
    }
}

impl Piece {
    fn replace(&mut self, parts: &HashMap<usize, Self>) {
        match self {
            Self::Terminal(index) => {
                if let Some(part) = parts.get(index) {
                    *self = part.clone();
                }
            }
            Self::Sequence(all) | Self::Choice(all) => all.iter_mut().for_each(|piece| piece.replace(parts)),
            Self::Repeat(inner, _, _) => inner.replace(parts),
            Self::Rule(_) => {}
        }
    }
}

/// The characters that may follow each terminal: the FIRST and FOLLOW sets of the theory of parsers.
struct Follows {
    terminals: Vec<CharSet>,
    is_used: Vec<bool>,
}

/// Of a piece: the characters with which it begins, and whether it may be empty.
#[derive(Clone, Default, PartialEq)]
struct Begin {
    chars: CharSet,
    is_nullable: bool,
}

impl Follows {
    fn of(pieces: &Pieces) -> Self {
        let mut begins: BTreeMap<usize, Begin> = pieces.rules.keys().map(|&rule| (rule, Begin::default())).collect();
        loop {
            let mut is_done = true;
            for (&rule, piece) in pieces.rules.iter().rev() {
                let next = begin(piece, pieces, &begins);
                is_done &= begins.insert(rule, next.clone()) == Some(next);
            }
            if is_done {
                break;
            }
        }
        let count = pieces.terminals.len();
        let mut all = Self { terminals: vec![CharSet::default(); count], is_used: vec![false; count] };
        let mut rules: BTreeMap<usize, CharSet> = BTreeMap::new();
        loop {
            let mut is_done = true;
            for (rule, piece) in &pieces.rules {
                let after = rules.get(rule).cloned().unwrap_or_default();
                is_done &= !all.walk(piece, &after, pieces, &begins, &mut rules);
            }
            if is_done {
                return all;
            }
        }
    }

    /// Notes that `after` may follow a piece, and returns whether that was news to a rule.
    fn walk(
        &mut self,
        piece: &Piece,
        after: &CharSet,
        pieces: &Pieces,
        begins: &BTreeMap<usize, Begin>,
        rules: &mut BTreeMap<usize, CharSet>,
    ) -> bool {
        match piece {
            Piece::Terminal(index) => {
                self.is_used[*index] = true;
                self.terminals[*index].add(after);
                false
            }
            Piece::Rule(rule) => rules.entry(*rule).or_default().add(after),
            Piece::Choice(all) => {
                all.iter().fold(false, |is_news, piece| self.walk(piece, after, pieces, begins, rules) | is_news)
            }
            Piece::Repeat(inner, _, most) => {
                let mut after = after.clone();
                if *most != Some(1) {
                    after.add(&begin(inner, pieces, begins).chars);
                }
                self.walk(inner, &after, pieces, begins, rules)
            }
            Piece::Sequence(all) => {
                let (mut after, mut is_news) = (after.clone(), false);
                for piece in all.iter().rev() {
                    is_news |= self.walk(piece, &after, pieces, begins, rules);
                    let Begin { chars, is_nullable } = begin(piece, pieces, begins);
                    if is_nullable {
                        after.add(&chars);
                    } else {
                        after = chars;
                    }
                }
                is_news
            }
        }
    }
}

fn begin(piece: &Piece, pieces: &Pieces, rules: &BTreeMap<usize, Begin>) -> Begin {
    match piece {
        Piece::Terminal(index) => Begin { chars: pieces.automata[*index].begins.clone(), is_nullable: false },
        Piece::Rule(rule) => rules.get(rule).cloned().unwrap_or_default(),
        Piece::Choice(all) => {
            let mut whole = Begin::default();
            for piece in all {
                let Begin { chars, is_nullable } = begin(piece, pieces, rules);
                whole.chars.add(&chars);
                whole.is_nullable |= is_nullable;
            }
            whole
        }
        Piece::Sequence(all) => {
            let mut whole = Begin { chars: CharSet::default(), is_nullable: true };
            for piece in all {
                if whole.is_nullable {
                    let Begin { chars, is_nullable } = begin(piece, pieces, rules);
                    whole.chars.add(&chars);
                    whole.is_nullable = is_nullable;
                }
            }
            whole
        }
        Piece::Repeat(inner, least, _) => {
            let inner = begin(inner, pieces, rules);
            Begin { is_nullable: inner.is_nullable || *least == 0, ..inner }
        }
    }
}
