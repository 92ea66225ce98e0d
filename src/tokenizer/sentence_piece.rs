//! SentencePiece's BPE (`tokenizer.ggml.model` `llama`), the vocabulary of Llama 2, Mistral, Gemma and the first BitNet models.
//!
//! A text becomes characters, a space the character U+2581, and the two neighbours merge whose token has the highest score;
//! of equal ones the leftmost. Characters that are no tokens become their bytes. Source: `bpe_model.cc` of google/sentencepiece,
//! and for the space before a text and behind special tokens llama.cpp's `llama-vocab.cpp`.

use std::collections::{HashMap, HashSet};

use super::build::invalid;
use super::byte_level::occurs_in_utf8;
use super::merges::{Merge, Merges, MergesBuilder};
use super::scheme::{SPACE, Scheme, SentencePiece, SpacePrefix};
use super::{TokenKind, Vocabulary, hugging_face};
use crate::{Error, ErrorKind, Result};

/// What `<s>` and `</s>` are where the file does not say.
const DEFAULT_BOS: u32 = 1;
const DEFAULT_EOS: u32 = 2;
/// The code of control tokens in `tokenizer.ggml.token_type`.
const CONTROL: i64 = 3;

/// Checks what only such a vocabulary has, and adds what the format implies.
pub(super) fn prepare(vocabulary: &mut Vocabulary) -> Result<()> {
    let (scores, size) = (vocabulary.scores.len(), vocabulary.tokens.len());
    if scores == 0 && vocabulary.patterns.is_none() && !vocabulary.merges.is_empty() {
        // The merges are listed in the order of their ranks.
    } else if scores != size {
        return Err(invalid(format!(
            "tokenizer.ggml.scores has {scores} entries, expected {size}, one for each token: a vocabulary of \
             tokenizer.ggml.model \"llama\" is merged by its scores"
        )));
    }
    if let Some(id) = vocabulary.scores.iter().position(|score| score.is_nan()) {
        return Err(invalid(format!("the score of token {id} (tokenizer.ggml.scores) is no number")));
    }
    if vocabulary.remove_extra_whitespaces == Some(true) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "tokenizer: tokenizer.ggml.remove_extra_whitespaces is true, which this build does not compute for \
             tokenizer.ggml.model \"llama\"",
        ));
    }
    let is_control = |id: u32| vocabulary.token_types.get(id as usize) == Some(&CONTROL);
    vocabulary.bos = vocabulary.bos.or(Some(DEFAULT_BOS).filter(|&id| is_control(id)));
    vocabulary.eos = vocabulary.eos.or(Some(DEFAULT_EOS).filter(|&id| is_control(id)));
    Ok(())
}

/// The byte that a token spells: `<0x41>`.
pub(super) fn byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    let is_hex = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}

/// The text of a token.
pub(super) fn text(token: &str) -> String {
    token.replace(SPACE, " ")
}

/// The scheme and the merges of a vocabulary.
pub(super) fn build(vocabulary: &Vocabulary, kinds: &[TokenKind]) -> Result<(Scheme, Merges)> {
    let tokens = || vocabulary.tokens.iter().map(String::as_str).zip(kinds).zip(0u32..);
    let normal: HashMap<&str, u32> =
        tokens().filter(|((_, kind), _)| **kind == TokenKind::Normal).map(|((text, _), id)| (text, id)).collect();
    let bytes =
        byte_tokens(tokens().filter(|((_, kind), _)| **kind == TokenKind::Byte).map(|((text, _), id)| (text, id)));
    let unknown =
        vocabulary.unknown.or_else(|| vocabulary.token_types.iter().position(|&code| code == 2).map(|id| id as u32));
    if bytes.is_none() && unknown.is_none() {
        return Err(invalid(
            "tokenizer.ggml.tokens has no tokens for all bytes (<0x00> to <0xF4>), and tokenizer.ggml.unknown_token_id is \
             missing: some texts could not be encoded",
        ));
    }
    let ranks = ranks(&vocabulary.scores);
    let mut merges = listed(vocabulary, &normal)?;
    let mut chars = HashMap::new();
    let mut before_space = HashSet::new();
    for (&token, &id) in &normal {
        let mut previous = SPACE;
        for (at, c) in token.char_indices() {
            if c == SPACE && previous != SPACE {
                before_space.insert(previous);
            }
            previous = c;
            let (left, right) = token.split_at(at);
            if left.is_empty() {
                if right.len() == c.len_utf8() {
                    chars.insert(c, id);
                }
            } else if ranks.is_empty() {
                continue;
            } else if let (Some(&left), Some(&right)) = (normal.get(left), normal.get(right)) {
                merges.insert(left, right, Merge { rank: ranks[id as usize], id });
            }
        }
    }
    let space_prefix = vocabulary.space_prefix.unwrap_or(SpacePrefix::Always);
    let vocabulary = SentencePiece { chars, bytes, unknown, space_prefix, before_space };
    Ok((Scheme::SentencePiece(vocabulary), merges.finish()))
}

/// The merges of a vocabulary without scores that lists them, the first one with the highest priority. Those that build on
/// other tokens than ordinary ones have no use: such a token is found before, and stays one.
fn listed(vocabulary: &Vocabulary, normal: &HashMap<&str, u32>) -> Result<MergesBuilder> {
    let mut merges =
        MergesBuilder::with_capacity(if vocabulary.scores.is_empty() { vocabulary.merges.len() } else { 0 });
    if !vocabulary.scores.is_empty() {
        return Ok(merges);
    }
    let known: HashSet<&str> = vocabulary.tokens.iter().map(String::as_str).collect();
    for (rank, (left, right)) in (0u32..).zip(hugging_face::pairs(&vocabulary.merges)) {
        let merged = format!("{left}{right}");
        if let Some(missing) = [left, right, &merged].into_iter().find(|part| !known.contains(part)) {
            return Err(invalid(format!("merge {rank} needs the token {missing:?}, which is not in the vocabulary")));
        }
        if let (Some(&left), Some(&right), Some(&id)) = (normal.get(left), normal.get(right), normal.get(&*merged)) {
            merges.insert(left, right, Merge { rank, id });
        }
    }
    Ok(merges)
}

/// The token of each byte, if all that occur in texts have one.
fn byte_tokens<'a>(tokens: impl Iterator<Item = (&'a str, u32)>) -> Option<Box<[u32; 256]>> {
    let mut bytes = Box::new([None; 256]);
    for (text, id) in tokens {
        if let Some(byte) = byte(text) {
            bytes[usize::from(byte)].get_or_insert(id);
        }
    }
    let is_there = |byte: u8| bytes[usize::from(byte)].is_some() || !occurs_in_utf8(byte);
    (0..=255).all(is_there).then(|| Box::new(bytes.map(Option::unwrap_or_default)))
}

/// The rank of each score: the highest is 0, equal scores have equal ranks.
fn ranks(scores: &[f32]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut ranks = vec![0; scores.len()];
    let mut rank = 0;
    for pair in 1..order.len() {
        rank += u32::from(scores[order[pair]] != scores[order[pair - 1]]);
        ranks[order[pair]] = rank;
    }
    ranks
}
