use crate::{Error, ErrorKind, Result};

use super::super::Candidates;
use super::Processor;

/// Only some tokens may be chosen.
#[derive(Clone, Debug)]
pub struct AllowedTokens {
    /// In ascending order.
    ids: Vec<u32>,
}

impl AllowedTokens {
    /// Only tokens of `ids`, which may come in any order.
    ///
    /// # Errors
    /// `InvalidArgument` if there are none.
    pub fn new(mut ids: Vec<u32>) -> Result<Self> {
        if ids.is_empty() {
            return Err(Error::new(ErrorKind::InvalidArgument, "no token is allowed: at least one is needed"));
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(Self { ids })
    }
}

impl Processor for AllowedTokens {
    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()> {
        let logits = candidates.logits_mut();
        let mut next = 0;
        for &id in &self.ids {
            let id = (id as usize).min(logits.len());
            logits[next.min(id)..id].fill(f32::NEG_INFINITY);
            next = id + 1;
        }
        let next = next.min(logits.len());
        logits[next..].fill(f32::NEG_INFINITY);
        Ok(())
    }

    fn lifted(&self) -> &[u32] {
        &self.ids
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::kept;
    use super::*;

    #[test]
    fn all_others_are_ruled_out() {
        let allow = |ids: &[u32]| AllowedTokens::new(ids.to_vec()).unwrap();
        assert_eq!(kept(&[1.0; 6], &mut [&mut allow(&[4, 1, 1])]), [1, 4]);
        assert_eq!(kept(&[1.0; 6], &mut [&mut allow(&[0, 1, 2, 3, 4, 5])]), [0, 1, 2, 3, 4, 5]);
        // An id that the vocabulary lacks allows nothing.
        assert_eq!(kept(&[1.0; 6], &mut [&mut allow(&[5, 6, 9])]), [5]);
        assert_eq!(kept(&[1.0; 6], &mut [&mut allow(&[4, 1]), &mut allow(&[2, 4])]), [4]);
        assert_eq!(allow(&[3, 1]).lifted(), [1, 3]);
        assert_eq!(AllowedTokens::new(Vec::new()).unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
}
