//! What may follow a text within an expression: the position automaton of Glushkov, whose states are the expression's characters.

use super::chars::CharSet;
use super::expression::Expression;

/// One expression's. A repetition that has an end is read as one without, which is enough to be on the safe side.
#[derive(Clone, Debug)]
pub(super) struct Automaton {
    sets: Vec<CharSet>,
    /// Positions of a text's first character.
    first: Vec<usize>,
    /// Whether a text may end with the position.
    is_last: Vec<bool>,
    /// Positions that may follow each.
    next: Vec<Vec<usize>>,
    /// The characters of the first positions.
    pub(super) begins: CharSet,
}

/// Of a part: where it begins and ends, and whether it may be empty.
struct Part {
    first: Vec<usize>,
    last: Vec<usize>,
    is_nullable: bool,
}

impl Automaton {
    pub(super) fn of(expression: &Expression) -> Self {
        let mut automaton = Self {
            sets: Vec::new(),
            first: Vec::new(),
            is_last: Vec::new(),
            next: Vec::new(),
            begins: CharSet::default(),
        };
        let Part { first, last, .. } = automaton.add(expression);
        automaton.is_last = vec![false; automaton.sets.len()];
        for position in last {
            automaton.is_last[position] = true;
        }
        for &position in &first {
            automaton.begins.add(&automaton.sets[position]);
        }
        for next in &mut automaton.next {
            next.sort_unstable();
            next.dedup();
        }
        automaton.first = first;
        automaton
    }

    fn link(&mut self, last: &[usize], first: &[usize]) {
        let most = 4 * self.sets.len();
        for &position in last {
            let next = &mut self.next[position];
            next.extend_from_slice(first);
            // Repetitions within each other link the same positions again and again.
            if next.len() > most {
                next.sort_unstable();
                next.dedup();
            }
        }
    }

    fn add(&mut self, expression: &Expression) -> Part {
        match expression {
            Expression::Chars(set) => {
                self.sets.push(set.clone());
                self.next.push(Vec::new());
                let position = self.sets.len() - 1;
                Part { first: vec![position], last: vec![position], is_nullable: false }
            }
            Expression::Sequence(all) => {
                let mut whole = Part { first: Vec::new(), last: Vec::new(), is_nullable: true };
                for child in all {
                    let part = self.add(child);
                    self.link(&whole.last, &part.first);
                    if whole.is_nullable {
                        whole.first.extend_from_slice(&part.first);
                    }
                    if !part.is_nullable {
                        whole.last.clear();
                    }
                    whole.last.extend(part.last);
                    whole.is_nullable &= part.is_nullable;
                }
                whole
            }
            Expression::Choice(all) => {
                let mut whole = Part { first: Vec::new(), last: Vec::new(), is_nullable: false };
                for child in all {
                    let part = self.add(child);
                    whole.first.extend(part.first);
                    whole.last.extend(part.last);
                    whole.is_nullable |= part.is_nullable;
                }
                whole
            }
            Expression::Repeat(inner, least, most) => {
                let part = self.add(inner);
                if *most != Some(1) {
                    self.link(&part.last, &part.first);
                }
                Part { is_nullable: part.is_nullable || *least == 0, ..part }
            }
            Expression::Rule(_) => Part { first: Vec::new(), last: Vec::new(), is_nullable: true },
        }
    }

    /// The characters with which a text that this derives goes on as the beginning of a longer one that `other` derives.
    pub(super) fn extensions(&self, other: &Self) -> CharSet {
        let width = other.sets.len();
        let mut seen = vec![false; self.sets.len() * width];
        let mut pairs = Vec::new();
        let meet = |a: &[usize], b: &[usize], seen: &mut Vec<bool>, pairs: &mut Vec<(usize, usize)>| {
            for &p in a {
                for &q in b {
                    if !seen[p * width + q] && self.sets[p].meets(&other.sets[q]) {
                        seen[p * width + q] = true;
                        pairs.push((p, q));
                    }
                }
            }
        };
        meet(&self.first, &other.first, &mut seen, &mut pairs);
        let mut found = CharSet::default();
        while let Some((p, q)) = pairs.pop() {
            if self.is_last[p] {
                for &next in &other.next[q] {
                    found.add(&other.sets[next]);
                }
            }
            meet(&self.next[p], &other.next[q], &mut seen, &mut pairs);
        }
        found
    }
}
