//! When do two token sequences say the same? A text has many spellings in tokens, and a model does not always write
//! the one that encoding its answer again would give.

use super::{TokenKind, Tokenizer};
use crate::Result;

/// A cursor over the bytes of a token sequence.
struct Reader<'a> {
    tokenizer: &'a Tokenizer,
    ids: &'a [u32],
    /// Tokens begun.
    taken: usize,
    /// What is left of the token begun last.
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(tokenizer: &'a Tokenizer, ids: &'a [u32]) -> Self {
        Self { tokenizer, ids, taken: 0, rest: &[] }
    }

    fn next(&self) -> Option<u32> {
        self.ids.get(self.taken).copied()
    }

    /// The next token, if it is a control token.
    fn control(&self) -> Result<Option<u32>> {
        let Some(id) = self.next() else { return Ok(None) };
        Ok((self.tokenizer.kind(id)? == TokenKind::Control).then_some(id))
    }

    /// Begins tokens until there are bytes; false at the end and before a control token.
    fn fill(&mut self) -> Result<bool> {
        while self.rest.is_empty() {
            let Some(id) = self.next() else { return Ok(false) };
            if self.tokenizer.kind(id)? == TokenKind::Control {
                return Ok(false);
            }
            self.rest = self.tokenizer.token_bytes(id)?;
            self.taken += 1;
        }
        Ok(true)
    }
}

impl Tokenizer {
    /// The longest beginnings of `a` and `b`, in tokens, that spell the same: equal bytes between equal control
    /// tokens. They end where `a` ends, or where `b` has a control token or its end: nothing that comes after can
    /// change how a text is cut into tokens before such a place. Control tokens are compared as such, never by text.
    ///
    /// # Errors
    /// `InvalidArgument` if the vocabulary has no such id.
    pub fn same_spelling(&self, a: &[u32], b: &[u32]) -> Result<(usize, usize)> {
        let (mut a, mut b) = (Reader::new(self, a), Reader::new(self, b));
        let mut same = (0, 0);
        loop {
            if a.rest.is_empty() && b.rest.is_empty() {
                let (left, right) = (a.control()?, b.control()?);
                if right.is_some() || a.next().is_none() || b.next().is_none() {
                    same = (a.taken, b.taken);
                }
                if left != right {
                    return Ok(same);
                }
                if left.is_some() {
                    a.taken += 1;
                    b.taken += 1;
                    same = (a.taken, b.taken);
                    continue;
                }
            }
            if !(a.fill()? && b.fill()?) {
                return Ok(same);
            }
            let bytes = a.rest.len().min(b.rest.len());
            if a.rest[..bytes] != b.rest[..bytes] {
                return Ok(same);
            }
            a.rest = &a.rest[bytes..];
            b.rest = &b.rest[bytes..];
        }
    }
}
