//! From the unchecked vocabulary of a file to a [`Tokenizer`]: everything is checked here, once.

use std::collections::{BTreeMap, HashMap};

use super::byte_level::{ByteAlphabet, occurs_in_utf8};
use super::merges::{Merge, Merges, MergesBuilder};
use super::scheme::Scheme;
use super::specials::Specials;
use super::text_hash::TextHashes;
use super::{PreTokenizer, TokenKind, Tokenizer, Vocabulary, sentence_piece};
use crate::{Error, ErrorKind, Result};

/// Names of tokens that end an answer: those that llama.cpp knows (`special_eog_ids` of `llama-vocab.cpp`, with the
/// tokens that it finds by name for the end of a turn, and for padding, repositories and files in code), and OpenChat's.
const END_NAMES: [&str; 33] = [
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|end_of_turn|>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",
    "<|fim_pad|>",
    "<fim-pad>",
    "<fim_pad>",
    "<PAD>",
    "[PAD]",
    "<|fim_repo|>",
    "<|repo_name|>",
    "<fim-repo>",
    "<REPO>",
    "<reponame>",
    "<|file_sep|>",
];

/// In a vocabulary with all of the first names, the last one is no end: `<|end|>` closes a part of an answer where
/// others close the whole (OpenAI's harmony, Solar), and `</s>` is text beside Gemma's own ends. As in llama.cpp.
const NO_ENDS: [(&[&str], &str); 3] = [
    (&["<|return|>", "<|call|>"], "<|end|>"),
    (&["<|calls|>", "<|flush|>"], "<|end|>"),
    (&["<|tool_response>"], "</s>"),
];

/// The ordinary tokens by their text in the file.
type Vocab<'a> = HashMap<&'a str, u32, TextHashes>;

pub(super) fn invalid(context: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidModel, format!("tokenizer: {}", context.into()))
}

impl Tokenizer {
    /// Checks `vocabulary` and builds its tokenizer.
    ///
    /// # Errors
    /// `Unsupported` for another kind of tokenizer or an unknown pre-tokenizer; `InvalidModel` if the parts of the
    /// vocabulary do not fit together.
    pub fn new(mut vocabulary: Vocabulary) -> Result<Self> {
        let model = Model::new(&vocabulary)?;
        check_sizes(&vocabulary)?;
        if matches!(model, Model::SentencePiece) {
            sentence_piece::prepare(&mut vocabulary)?;
        }
        let ends = end_tokens(&vocabulary);
        let kinds = token_kinds(&vocabulary, &model, &ends)?;
        let alphabet = ByteAlphabet::new();
        check_merges(&vocabulary, &model, &kinds)?;
        let stop_tokens = stop_tokens(&vocabulary, &ends, &kinds)?;
        let (bytes, ends) = spell_out(&vocabulary.tokens, &kinds, &model, &alphabet)?;
        let starts = std::iter::once(&0).chain(&ends);
        let longest = ends.iter().zip(starts).map(|(end, start)| end - start).max().unwrap_or(0).max(1) as usize;
        let control = specials(&vocabulary.tokens, &kinds, TokenKind::Control)?.with_edges(&vocabulary.edges)?;
        let user_defined = user_defined(&vocabulary.tokens, &kinds, &model)?.with_edges(&vocabulary.edges)?;
        let vocab = ordinary_tokens(&vocabulary.tokens, &kinds, &control)?;
        let default_add_bos = model.adds_bos(vocabulary.bos);
        let (scheme, merges) = match model {
            Model::Bytes(pre_tokenizer) => {
                let bytes = byte_tokens(&vocab, &alphabet)?;
                let merges = read_merges(&vocabulary, &kinds, &vocab, &control)?;
                (Scheme::Bytes { pre_tokenizer, bytes }, merges)
            }
            Model::SentencePiece => sentence_piece::build(&vocabulary, &kinds)?,
        };
        let bos = vocabulary.bos;
        let add_bos = vocabulary.add_bos.unwrap_or(default_add_bos);
        if add_bos && bos.is_none() {
            return Err(invalid("tokenizer.ggml.add_bos_token is true, but tokenizer.ggml.bos_token_id is missing"));
        }
        let mut tokenizer = Self {
            scheme,
            merges,
            ordinary: Vec::new(),
            control,
            user_defined,
            bytes,
            ends,
            longest,
            kinds,
            bos,
            eos: vocabulary.eos,
            add_bos,
            closing: vocabulary.closing.or(vocabulary.eos.filter(|_| vocabulary.add_eos == Some(true))),
            stop_tokens,
            nfc: vocabulary.nfc,
        };
        let is_spelled = |text: &str| matches!(tokenizer.scheme, Scheme::SentencePiece(_)) || alphabet.spells(text);
        let ids = vocabulary.tokens.iter().zip(&tokenizer.kinds).zip(0u32..);
        let ordinary = ids.filter(|((text, kind), _)| **kind == TokenKind::Normal && is_spelled(text));
        // The first bytes beside each id decide most comparisons without a look at the text.
        let mut ordinary: Vec<(u64, u32)> =
            ordinary.map(|(_, id)| (first_bytes(tokenizer.bytes_at(id as usize)), id)).collect();
        ordinary.sort_unstable_by(|&(first, a), &(other, b)| {
            first.cmp(&other).then_with(|| tokenizer.bytes_at(a as usize).cmp(tokenizer.bytes_at(b as usize)))
        });
        tokenizer.ordinary = ordinary.into_iter().map(|(_, id)| id).collect();
        Ok(tokenizer)
    }
}

/// The first eight bytes of a text as a number of the same order; zeros behind a shorter one.
fn first_bytes(text: &[u8]) -> u64 {
    let mut first = [0; 8];
    let length = text.len().min(8);
    first[..length].copy_from_slice(&text[..length]);
    u64::from_be_bytes(first)
}

/// The kind of tokenizer: `tokenizer.ggml.model`.
enum Model {
    /// Byte-level BPE.
    Bytes(PreTokenizer),
    /// SentencePiece's BPE.
    SentencePiece,
}

impl Model {
    fn new(vocabulary: &Vocabulary) -> Result<Self> {
        match vocabulary.model.as_str() {
            "gpt2" => choose_pre_tokenizer(vocabulary).map(Self::Bytes),
            "llama" => Ok(Self::SentencePiece),
            other => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "tokenizer: tokenizer.ggml.model is {other:?}, expected \"gpt2\" (byte-level BPE) or \"llama\" \
                     (SentencePiece): this build knows no other kind"
                ),
            )),
        }
    }

    /// Whether prompts begin with a beginning of sequence where the file does not say. As in llama.cpp: Llama's do, those
    /// of GPT-2 and Qwen do not.
    fn adds_bos(&self, bos: Option<u32>) -> bool {
        let expects = match self {
            Self::Bytes(pre_tokenizer) => pre_tokenizer.adds_bos(),
            Self::SentencePiece => true,
        };
        expects && bos.is_some()
    }
}

fn choose_pre_tokenizer(vocabulary: &Vocabulary) -> Result<PreTokenizer> {
    match (&vocabulary.pre, &vocabulary.patterns) {
        (Some(name), _) => PreTokenizer::from_name(name),
        (None, Some(patterns)) => PreTokenizer::from_patterns(patterns, vocabulary.ignore_merges),
        // Microsoft's published file lacks the key; the model was trained with Llama 3's tokenizer.
        (None, None) if matches!(vocabulary.architecture.as_str(), "bitnet-b1.58" | "bitnet-25") => {
            PreTokenizer::from_name("llama-bpe")
        }
        (None, None) => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "tokenizer: tokenizer.ggml.pre is missing and architecture {:?} does not imply it, expected one of {}; if \
                 you know which one fits, name it in the option preTokenizer",
                vocabulary.architecture,
                PreTokenizer::known()
            ),
        )),
    }
}

fn check_sizes(vocabulary: &Vocabulary) -> Result<()> {
    let size = vocabulary.tokens.len();
    if size == 0 {
        return Err(invalid("tokenizer.ggml.tokens is missing or empty"));
    }
    let types = vocabulary.token_types.len();
    if types != 0 && types != size {
        return Err(invalid(format!(
            "tokenizer.ggml.token_type has {types} entries, expected {size}, one for each token"
        )));
    }
    let named = vocabulary.bos.iter().chain(&vocabulary.eos).chain(&vocabulary.closing).chain(&vocabulary.ends);
    match named.into_iter().find(|&&id| id as usize >= size) {
        Some(id) => Err(invalid(format!("special token {id} does not exist, the vocabulary has {size} tokens"))),
        None => Ok(()),
    }
}

/// Without merges every text would fall apart into bytes, whatever longer tokens there are.
fn check_merges(vocabulary: &Vocabulary, model: &Model, kinds: &[TokenKind]) -> Result<()> {
    if matches!(model, Model::SentencePiece) {
        return Ok(());
    }
    let is_built = |(text, kind): (&String, &TokenKind)| *kind == TokenKind::Normal && text.chars().nth(1).is_some();
    if vocabulary.merges.is_empty() && vocabulary.tokens.iter().zip(kinds).any(is_built) {
        return Err(invalid(
            "tokenizer.ggml.merges is missing or empty, but tokenizer.ggml.model \"gpt2\" (byte-level BPE) builds its \
             tokens by merges: convert the model again",
        ));
    }
    Ok(())
}

/// The tokens that end an answer, and whether a key of the file says so, or the name alone.
fn end_tokens(vocabulary: &Vocabulary) -> BTreeMap<u32, EndedBy> {
    let mut found = HashMap::new();
    for (text, id) in vocabulary.tokens.iter().zip(0u32..) {
        // The first byte alone decides for most.
        if text.starts_with(['<', '[', '_']) && END_NAMES.contains(&text.as_str()) {
            found.entry(text.as_str()).or_insert(id);
        }
    }
    for (with, name) in NO_ENDS {
        if with.iter().all(|name| found.contains_key(name)) {
            found.remove(name);
        }
    }
    let named = found.into_values().map(|id| (id, EndedBy::Name));
    let by_key = vocabulary.eos.iter().chain(&vocabulary.ends).map(|&id| (id, EndedBy::Key));
    named.chain(by_key).collect()
}

/// What says that a token is an end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EndedBy {
    Name,
    Key,
}

/// The kinds that the file gives, but for the beginning and the ends: they are control tokens whatever it says. Converters
/// forget it, and then a template's markers fall apart into letters. A name alone does not make one of what merges
/// build, which is text that happens to look like it; and nothing makes one of a single byte, without which texts could
/// not be encoded.
fn token_kinds(vocabulary: &Vocabulary, model: &Model, ends: &BTreeMap<u32, EndedBy>) -> Result<Vec<TokenKind>> {
    let mut kinds = if vocabulary.token_types.is_empty() {
        vec![TokenKind::Normal; vocabulary.tokens.len()]
    } else {
        let kinds = vocabulary.token_types.iter().enumerate().map(|(id, &code)| {
            TokenKind::from_code(code).ok_or_else(|| {
                invalid(format!("token {id} has type {code} (tokenizer.ggml.token_type), expected 0 to 6"))
            })
        });
        kinds.collect::<Result<_>>()?
    };
    for (text, kind) in vocabulary.tokens.iter().zip(&mut kinds) {
        let is_byte = matches!(model, Model::SentencePiece) && sentence_piece::byte(text).is_some();
        match kind {
            TokenKind::Normal if is_byte => *kind = TokenKind::Byte,
            TokenKind::Byte if !is_byte => *kind = TokenKind::Unused,
            _ => {}
        }
    }
    let bos = vocabulary.bos.map(|id| (id, EndedBy::Name));
    for (id, by) in ends.iter().map(|(&id, &by)| (id, by)).chain(bos) {
        let text = &vocabulary.tokens[id as usize];
        let is_byte = text.chars().nth(1).is_none();
        let is_text = is_byte || by == EndedBy::Name && is_merged(text, &vocabulary.merges);
        let kind = &mut kinds[id as usize];
        if !(is_text && *kind == TokenKind::Normal || *kind == TokenKind::Byte) {
            *kind = TokenKind::Control;
        }
    }
    Ok(kinds)
}

/// Whether some merge builds this text.
fn is_merged(text: &str, merges: &[String]) -> bool {
    let mut candidates = merges.iter().filter(|merge| merge.len() == text.len() + 1);
    candidates.any(|merge| merge.split_once(' ').is_some_and(|(left, right)| text.strip_prefix(left) == Some(right)))
}

/// The bytes of all tokens, one after the other, and where each ends.
fn spell_out(
    tokens: &[String],
    kinds: &[TokenKind],
    model: &Model,
    alphabet: &ByteAlphabet,
) -> Result<(Vec<u8>, Vec<u32>)> {
    let mut bytes = Vec::with_capacity(tokens.iter().map(String::len).sum());
    let mut ends = Vec::with_capacity(tokens.len());
    for (token, kind) in tokens.iter().zip(kinds) {
        match (model, kind) {
            (Model::Bytes(_), TokenKind::Normal) => alphabet.append_bytes(token, &mut bytes),
            (Model::SentencePiece, TokenKind::Normal | TokenKind::UserDefined) => {
                bytes.extend_from_slice(sentence_piece::text(token).as_bytes());
            }
            (Model::SentencePiece, TokenKind::Byte) => bytes.extend(sentence_piece::byte(token)),
            _ => bytes.extend_from_slice(token.as_bytes()),
        }
        let end = u32::try_from(bytes.len()).map_err(|_| invalid("the tokens' texts exceed 4 GiB"))?;
        ends.push(end);
    }
    Ok((bytes, ends))
}

fn specials(tokens: &[String], kinds: &[TokenKind], kind: TokenKind) -> Result<Specials> {
    let chosen = tokens.iter().zip(kinds).zip(0u32..).filter(|((_, k), _)| **k == kind);
    Specials::new(chosen.map(|((text, _), id)| (text.as_str().into(), id)).collect())
}

/// The tokens that are found in every text, by what is found.
fn user_defined(tokens: &[String], kinds: &[TokenKind], model: &Model) -> Result<Specials> {
    let chosen = tokens.iter().zip(kinds).zip(0u32..).filter(|((_, kind), _)| **kind == TokenKind::UserDefined);
    Specials::new(
        chosen
            .map(|((text, _), id)| match model {
                Model::Bytes(_) => (text.as_str().into(), id),
                Model::SentencePiece => (sentence_piece::text(text).into(), id),
            })
            .collect(),
    )
}

/// Whether merges build tokens of this kind, or build on them.
fn is_ordinary(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Normal | TokenKind::UserDefined)
}

/// The tokens that merges build and build on. Control, unused and byte tokens stay out: no text may become one of them
/// by merges. User-defined tokens stay in, since merges may build on them.
fn ordinary_tokens<'a>(tokens: &'a [String], kinds: &[TokenKind], control: &Specials) -> Result<Vocab<'a>> {
    let mut vocab = Vocab::with_capacity_and_hasher(tokens.len(), TextHashes::new());
    for ((token, kind), id) in tokens.iter().zip(kinds).zip(0u32..) {
        let same_control = control.id(token).is_some_and(|other| other != id);
        let is_second =
            *kind != TokenKind::Unused && same_control || is_ordinary(*kind) && vocab.insert(token, id).is_some();
        if is_second {
            return Err(invalid(format!("token {id} {token:?} stands twice in tokenizer.ggml.tokens")));
        }
    }
    Ok(vocab)
}

/// The token of each byte. Bytes that occur in no text may have none.
fn byte_tokens(vocab: &Vocab<'_>, alphabet: &ByteAlphabet) -> Result<Box<[u32; 256]>> {
    let mut bytes = Box::new([0; 256]);
    for (byte, slot) in (0..=255u8).zip(bytes.iter_mut()) {
        let spelled = alphabet.char(byte).to_string();
        match vocab.get(spelled.as_str()) {
            Some(&id) => *slot = id,
            None if !occurs_in_utf8(byte) => {}
            None => {
                return Err(invalid(format!(
                    "tokenizer.ggml.tokens has no token {spelled:?} for the byte 0x{byte:02X}: some texts could not be \
                     encoded"
                )));
            }
        }
    }
    Ok(bytes)
}

/// "left right" to merges. One that builds or uses a control token is left out, for the reason that control tokens are
/// not in `vocab`.
fn read_merges(vocabulary: &Vocabulary, kinds: &[TokenKind], vocab: &Vocab<'_>, control: &Specials) -> Result<Merges> {
    let merges = &vocabulary.merges;
    let mut pairs = MergesBuilder::with_capacity(merges.len());
    let (mut merged, mut last) = (String::new(), 0);
    for (index, merge) in merges.iter().enumerate() {
        let parts = merge.split_once(' ').filter(|(l, r)| !l.is_empty() && !r.is_empty() && !r.contains(' '));
        let Some((left, right)) = parts else {
            return Err(invalid(format!(
                "merge {index} {merge:?} (tokenizer.ggml.merges): expected two tokens with one space between them"
            )));
        };
        let find = |part: &str| vocab.get(part).copied().ok_or_else(|| part.to_owned());
        let mut find_merged = || {
            // Merges stand in the order of what they build, so that it is mostly what the one before built, or the next token.
            let is_it = |id: &u32| {
                let text = vocabulary.tokens.get(*id as usize).and_then(|text| text.strip_prefix(left));
                text == Some(right) && is_ordinary(kinds[*id as usize])
            };
            if let Some(id) = [last, last + 1].into_iter().find(is_it) {
                return Ok(id);
            }
            merged.clear();
            merged.push_str(left);
            merged.push_str(right);
            find(&merged)
        };
        match (|| Ok::<_, String>((find(left)?, find(right)?, find_merged()?)))() {
            Ok((left, right, id)) => {
                last = id;
                pairs.insert(left, right, Merge { rank: index as u32, id });
            }
            Err(missing) if control.id(&missing).is_some() => {}
            Err(missing) => {
                return Err(invalid(format!(
                    "merge {index} {merge:?} (tokenizer.ggml.merges) needs the token {missing:?}, which is not in the \
                     vocabulary"
                )));
            }
        }
    }
    Ok(pairs.finish())
}

/// Ascending.
fn stop_tokens(vocabulary: &Vocabulary, ends: &BTreeMap<u32, EndedBy>, kinds: &[TokenKind]) -> Result<Vec<u32>> {
    // Text that only looks like an end, by its name, ends nothing.
    let is_end = |id: u32, by| by == EndedBy::Key || kinds[id as usize] == TokenKind::Control;
    let ids: Vec<u32> = ends.iter().filter(|&(&id, &by)| is_end(id, by)).map(|(&id, _)| id).collect();
    match vocabulary.missing_ends.first() {
        Some(key) if ids.is_empty() => Err(invalid(format!(
            "{key} names no token of the vocabulary (of {} tokens), and nothing else ends an answer: correct the key",
            vocabulary.tokens.len()
        ))),
        _ => Ok(ids),
    }
}
