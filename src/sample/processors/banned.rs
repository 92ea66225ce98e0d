use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Result;

use super::super::Candidates;
use super::super::texts::{TokenTexts, ends_behind};
use super::Processor;

/// Some texts may not come: at each token those are ruled out that would complete one of them. Which ones depends only on
/// the end of the answer that begins such a text, so the vocabulary is searched once for each such end.
#[derive(Clone, Debug)]
pub struct BannedStrings {
    strings: Vec<Vec<u8>>,
    texts: Arc<dyn TokenTexts>,
    /// The longest end of the answer that begins one of the texts.
    tail: Vec<u8>,
    /// By tail, the tokens that would complete a text.
    completing: BTreeMap<Vec<u8>, Vec<u32>>,
}

impl BannedStrings {
    /// Rules out `strings`, none of which is empty, in an answer that begins now.
    pub fn new(strings: &[String], texts: Arc<dyn TokenTexts>) -> Self {
        let strings = strings.iter().map(|string| string.clone().into_bytes()).collect();
        Self { strings, texts, tail: Vec::new(), completing: BTreeMap::new() }
    }

    fn find_completing(&self) -> Vec<u32> {
        let (known, mut text) = (self.tail.len(), self.tail.clone());
        let mut completes = |id: &u32| {
            text.truncate(known);
            text.extend_from_slice(self.texts.bytes(*id));
            self.strings.iter().any(|string| ends_behind(&text, string, known))
        };
        (0..self.texts.vocab_size() as u32).filter(|id| completes(id)).collect()
    }
}

impl Processor for BannedStrings {
    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()> {
        if !self.completing.contains_key(&self.tail) {
            self.completing.insert(self.tail.clone(), self.find_completing());
        }
        let logits = candidates.logits_mut();
        for &id in self.completing.get(&self.tail).into_iter().flatten() {
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
        Ok(())
    }

    fn accept(&mut self, token: u32) {
        self.tail.extend_from_slice(self.texts.bytes(token));
        let begins =
            |tail: &[u8]| self.strings.iter().any(|string| string.len() > tail.len() && string.starts_with(tail));
        let start = (0..self.tail.len()).find(|&start| begins(&self.tail[start..])).unwrap_or(self.tail.len());
        self.tail.drain(..start);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::Letters;
    use super::*;

    /// The tokens that are ruled out after `text`, as letters; `+` is the token "ab".
    fn banned(strings: &[&str], text: &str) -> String {
        let letters = Letters::arc();
        let strings: Vec<String> = strings.iter().map(|&string| string.into()).collect();
        let mut step = BannedStrings::new(&strings, letters.clone());
        text.bytes().for_each(|byte| step.accept(letters.id(byte)));
        let (mut logits, mut list) = (vec![0.0; letters.vocab_size()], Vec::new());
        step.process(&mut Candidates::new(&mut logits, &mut list)).unwrap();
        let out = (0..logits.len()).filter(|&id| logits[id] == f32::NEG_INFINITY);
        out.map(|id| letters.letter(id)).collect()
    }

    #[test]
    fn what_would_complete_a_text_is_ruled_out() {
        assert_eq!(banned(&["cat"], ""), "");
        assert_eq!(banned(&["cat"], "ca"), "t");
        assert_eq!(banned(&["cat"], "cab"), "");
        assert_eq!(banned(&["cat", "dog"], "scado"), "g");
        assert_eq!(banned(&["b"], ""), "b+");
        assert_eq!(banned(&["ab"], ""), "+");
        assert_eq!(banned(&["ab"], "a"), "b+");
        assert_eq!(banned(&["aab"], "a"), "+");
        assert_eq!(banned(&["bc"], "+"), "c");
        assert_eq!(banned(&["aaab"], "aaaa"), "b+");
    }

    proptest! {
        #[test]
        fn an_answer_never_has_one(
            strings in prop::collection::vec("[abc]{1,3}", 1..4),
            choices in prop::collection::vec(0usize..1000, 0..60),
        ) {
            let letters = Letters::arc();
            let mut step = BannedStrings::new(&strings, letters.clone());
            let mut text = String::new();
            for choice in choices {
                let (mut logits, mut list) = (vec![0.0; letters.vocab_size()], Vec::new());
                step.process(&mut Candidates::new(&mut logits, &mut list)).unwrap();
                let id = [0, 1, 2, 3, 26][choice % 5];
                let extended = text.clone() + str::from_utf8(letters.bytes(id)).unwrap();
                let is_out = logits[id as usize] == f32::NEG_INFINITY;
                prop_assert_eq!(is_out, strings.iter().any(|s| extended.contains(s.as_str())), "{} + {}", text, id);
                if !is_out {
                    step.accept(id);
                    text = extended;
                }
            }
        }
    }
}
