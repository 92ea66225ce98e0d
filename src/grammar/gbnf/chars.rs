//! Sets of characters.

use std::fmt::Write as _;

const LAST: u32 = char::MAX as u32;
/// The numbers that are no characters: halves of pairs in UTF-16.
const SURROGATES: (u32, u32) = (0xd800, 0xdfff);

/// A set of characters: ranges with both ends, ascending, with gaps between them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CharSet(Vec<(u32, u32)>);

impl CharSet {
    /// Of ranges in any order.
    pub(super) fn new(ranges: impl IntoIterator<Item = (char, char)>) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().map(|(first, last)| (first as u32, last as u32)).collect();
        ranges.sort_unstable();
        let mut set = Self::default();
        for (first, last) in ranges {
            match set.0.last_mut() {
                Some(before) if first <= before.1 + 1 => before.1 = before.1.max(last),
                _ => set.0.push((first, last)),
            }
        }
        set
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All characters that are not in it.
    pub(super) fn complement(&self) -> Self {
        let mut next = 0;
        let mut gaps = Vec::new();
        for &(first, last) in self.0.iter().chain([&(LAST + 1, LAST + 1)]) {
            if next < first {
                gaps.push((next, first - 1));
            }
            next = last + 1;
        }
        let (low, high) = SURROGATES;
        let around =
            gaps.into_iter().flat_map(|(first, last)| [(first, last.min(low - 1)), (first.max(high + 1), last)]);
        Self(around.filter(|(first, last)| first <= last).collect())
    }

    /// Adds the other's, and returns whether that brought anything.
    pub(super) fn add(&mut self, other: &Self) -> bool {
        let mut all: Vec<_> = self.0.iter().chain(&other.0).copied().collect();
        all.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(all.len());
        for (first, last) in all {
            match merged.last_mut() {
                Some(before) if first <= before.1 + 1 => before.1 = before.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        let is_new = merged != self.0;
        self.0 = merged;
        is_new
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
            if x.1 < y.0 {
                a.next();
            } else if y.1 < x.0 {
                b.next();
            } else {
                return true;
            }
        }
        false
    }

    /// As a regular expression.
    pub(super) fn write(&self, out: &mut String) {
        out.push('[');
        for &(first, last) in &self.0 {
            // Writing into a String cannot fail.
            let _ = write!(out, "\\x{{{first:X}}}");
            if last > first {
                let _ = write!(out, "-\\x{{{last:X}}}");
            }
        }
        out.push(']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets() {
        let set = CharSet::new([('c', 'e'), ('a', 'b'), ('x', 'x')]);
        assert_eq!(set.0, [(97, 101), (120, 120)]);
        assert_eq!(set.complement().complement(), set);
        assert_eq!(CharSet::default().complement().0, [(0, 0xd7ff), (0xe000, 0x10_ffff)]);
        assert!(set.meets(&CharSet::new([('d', 'd')])) && !set.meets(&CharSet::new([('f', 'w'), ('y', 'z')])));
        let mut all = set.clone();
        assert!(all.add(&set.complement()) && !all.add(&set));
        assert_eq!(all, CharSet::default().complement());
        let mut text = String::new();
        set.write(&mut text);
        assert_eq!(text, r"[\x{61}-\x{65}\x{78}]");
    }
}
