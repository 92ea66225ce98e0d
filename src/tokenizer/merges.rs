//! Byte-pair encoding: neighbouring symbols merge, the pair of the best rank first, of equal ones the leftmost.
//!
//! A run of letters without a boundary can be as long as the whole text, and in a SentencePiece vocabulary every text is
//! one word. So merging keeps its state and goes on in steps of any size. (The `tokenizers` crate, which the tests
//! compare with, cannot stop within a word, and needs 56 bytes for each of its bytes.)

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::{Error, ErrorKind, Result};

/// Marks a character that is no token, above the ids; the rest is the character.
const CHAR: u32 = 1 << 31;
/// The symbol was merged into one on its left.
const GONE: u32 = u32::MAX;
/// No neighbour.
const NONE: u32 = u32::MAX;

/// What stands at one place of a word: a token, or a character that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    Token(u32),
    Char(char),
}

impl Symbol {
    fn code(self) -> u32 {
        match self {
            Self::Token(id) => id,
            Self::Char(c) => CHAR | c as u32,
        }
    }

    fn of(code: u32) -> Self {
        match char::from_u32(code & !CHAR) {
            Some(c) if code & CHAR != 0 => Self::Char(c),
            _ => Self::Token(code),
        }
    }
}

/// A merge's rank, the lower the earlier, and the token that it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Merge {
    pub(super) rank: u32,
    pub(super) id: u32,
}

/// All merges of a vocabulary, by left and right token. Sorted, because a hash table of a quarter of a million pairs takes more
/// than twice the memory.
#[derive(Debug, Default)]
pub(super) struct Merges {
    /// Of each left token the first of its pairs, and at the end how many pairs there are.
    starts: Vec<u32>,
    /// The right tokens of each left one, ascending.
    rights: Vec<u32>,
    /// Of each pair.
    merges: Vec<Merge>,
}

impl Merges {
    fn get(&self, left: u32, right: u32) -> Option<Merge> {
        let (start, end) = (*self.starts.get(left as usize)? as usize, *self.starts.get(left as usize + 1)? as usize);
        let found = self.rights[start..end].binary_search(&right).ok()?;
        Some(self.merges[start + found])
    }
}

/// Collects merges in any order.
#[derive(Debug, Default)]
pub(super) struct MergesBuilder(Vec<(u32, u32, Merge)>);

impl MergesBuilder {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Adds a merge; of two of the same pair the later one counts.
    pub(super) fn insert(&mut self, left: u32, right: u32, merge: Merge) {
        self.0.push((left, right, merge));
    }

    pub(super) fn finish(self) -> Merges {
        let Self(pairs) = self;
        let lefts = pairs.iter().map(|&(left, ..)| left as usize + 1).max().unwrap_or(0);
        // The pairs of each left token get their places by counting; sorting all pairs takes several times as long.
        let mut starts = vec![0; lefts + 1];
        for &(left, ..) in &pairs {
            starts[left as usize + 1] += 1;
        }
        for left in 0..lefts {
            starts[left + 1] += starts[left];
        }
        let (mut places, mut placed) = (starts.clone(), vec![(0, Merge { rank: 0, id: 0 }); pairs.len()]);
        for (left, right, merge) in pairs {
            let place = &mut places[left as usize];
            placed[*place as usize] = (right, merge);
            *place += 1;
        }
        let (mut rights, mut merges) = (Vec::with_capacity(placed.len()), Vec::with_capacity(placed.len()));
        for left in 0..lefts {
            let group = &mut placed[starts[left] as usize..starts[left + 1] as usize];
            // Stable, so that the last of equal pairs is the latest.
            group.sort_by_key(|&(right, _)| right);
            starts[left] = rights.len() as u32;
            for (index, &(right, merge)) in group.iter().enumerate() {
                if group.get(index + 1).is_none_or(|&(next, _)| next != right) {
                    rights.push(right);
                    merges.push(merge);
                }
            }
        }
        starts[lefts] = rights.len() as u32;
        Merges { starts, rights, merges }
    }
}

#[derive(Clone, Copy, Debug)]
struct Node {
    code: u32,
    previous: u32,
    next: u32,
}

/// A merge that was possible when it was found: by rank, and then by its place in the word.
type Candidate = Reverse<(u32, u32, u32)>;

/// A word on its way into tokens.
#[derive(Clone, Debug, Default)]
pub(super) struct Word {
    nodes: Vec<Node>,
    queue: BinaryHeap<Candidate>,
}

impl Word {
    /// Empties the word and makes room for `symbols`.
    ///
    /// # Errors
    /// `OutOfMemory` if the room cannot be had.
    pub(super) fn begin(&mut self, symbols: usize) -> Result<()> {
        self.nodes.clear();
        self.queue.clear();
        let is_room = self.nodes.try_reserve(symbols).is_ok() && self.queue.try_reserve(symbols).is_ok();
        if is_room && symbols < NONE as usize {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::OutOfMemory,
            format!("tokenizer: no memory for a word of {symbols} characters: shorten the text"),
        ))
    }

    /// Appends a symbol.
    pub(super) fn push(&mut self, merges: &Merges, symbol: Symbol) {
        let at = self.nodes.len() as u32;
        let previous = if at == 0 { NONE } else { at - 1 };
        if let Some(last) = self.nodes.last_mut() {
            last.next = at;
        }
        self.nodes.push(Node { code: symbol.code(), previous, next: NONE });
        self.find(merges, previous, at);
    }

    /// Merges, looking at up to `work` candidates, which are counted down. Returns whether the word is done.
    ///
    /// # Errors
    /// `OutOfMemory` if the queue cannot grow.
    pub(super) fn merge(&mut self, merges: &Merges, work: &mut usize) -> Result<bool> {
        while let Some(&Reverse((_, at, id))) = self.queue.peek() {
            if *work == 0 {
                return Ok(false);
            }
            *work -= 1;
            self.queue.pop();
            let left = self.nodes[at as usize];
            if left.code == GONE || left.next == NONE {
                continue;
            }
            let right = self.nodes[left.next as usize];
            // The neighbours may be others by now.
            if merges.get(left.code, right.code).is_none_or(|merge| merge.id != id) {
                continue;
            }
            self.nodes[left.next as usize].code = GONE;
            self.nodes[at as usize] = Node { code: id, next: right.next, ..left };
            if let Some(next) = self.nodes.get_mut(right.next as usize) {
                next.previous = at;
            }
            if self.queue.try_reserve(2).is_err() {
                return Err(Error::new(ErrorKind::OutOfMemory, "tokenizer: no memory for so long a word"));
            }
            self.find(merges, left.previous, at);
            self.find(merges, at, right.next);
        }
        Ok(true)
    }

    /// Notes the merge of two neighbours, if there is one.
    fn find(&mut self, merges: &Merges, left: u32, right: u32) {
        let (Some(l), Some(r)) = (self.nodes.get(left as usize), self.nodes.get(right as usize)) else { return };
        if let Some(Merge { rank, id }) = merges.get(l.code, r.code) {
            self.queue.push(Reverse((rank, left, id)));
        }
    }

    /// What the word consists of.
    pub(super) fn symbols(&self) -> impl Iterator<Item = Symbol> {
        self.nodes.iter().filter(|node| node.code != GONE).map(|node| Symbol::of(node.code))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rule as it is written down: the best pair of the whole word, again and again.
    fn naive(merges: &Merges, mut symbols: Vec<u32>) -> Vec<u32> {
        loop {
            let pairs = symbols.windows(2).enumerate();
            let found = pairs.filter_map(|(at, pair)| merges.get(pair[0], pair[1]).map(|m| (m.rank, at, m.id)));
            let Some((_, at, id)) = found.min() else { return symbols };
            symbols.splice(at..at + 2, [id]);
        }
    }

    #[test]
    fn a_character_that_is_no_token_stays() {
        let mut word = Word::default();
        word.begin(2).unwrap();
        word.push(&Merges::default(), Symbol::Char('字'));
        word.push(&Merges::default(), Symbol::Token(7));
        assert!(word.merge(&Merges::default(), &mut 0).unwrap());
        assert!(word.symbols().eq([Symbol::Char('字'), Symbol::Token(7)]));
    }

    proptest! {
        #[test]
        fn merging_in_steps_is_merging_the_best_pair_again_and_again(
            symbols in prop::collection::vec(0u32..4, 0..40),
            pairs in prop::collection::vec((0u32..12, 0u32..12, 0u32..6), 0..30),
            step in 1usize..5,
        ) {
            let (mut builder, mut by_pair) = (MergesBuilder::default(), std::collections::HashMap::new());
            for (&(left, right, rank), id) in pairs.iter().zip(4..) {
                // A token is made of earlier ones.
                builder.insert(left % id, right % id, Merge { rank, id });
                by_pair.insert((left % id, right % id), Merge { rank, id });
            }
            let merges = builder.finish();
            for (left, right) in (0..40).flat_map(|left| (0..40).map(move |right| (left, right))) {
                prop_assert_eq!(merges.get(left, right), by_pair.get(&(left, right)).copied());
            }
            let mut word = Word::default();
            word.begin(symbols.len()).unwrap();
            symbols.iter().for_each(|&id| word.push(&merges, Symbol::Token(id)));
            while !word.merge(&merges, &mut { step }).unwrap() {}
            let got: Vec<Symbol> = word.symbols().collect();
            let expected: Vec<Symbol> = naive(&merges, symbols).into_iter().map(Symbol::Token).collect();
            prop_assert_eq!(got, expected);
        }
    }
}
