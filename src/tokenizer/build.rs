//! From the unchecked vocabulary of a file to a [`Tokenizer`]: everything is checked here, once.

use std::collections::{BTreeMap, HashMap};

use tokenizers::models::bpe::{BPE, Merges, Vocab};

use super::byte_level::{ByteAlphabet, occurs_in_utf8};
use super::specials::Specials;
use super::{PreTokenizer, TokenKind, Tokenizer, Vocabulary};
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

fn invalid(context: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidModel, format!("tokenizer: {}", context.into()))
}

impl Tokenizer {
    /// Checks `vocabulary` and builds its tokenizer.
    ///
    /// # Errors
    /// `Unsupported` for another kind of tokenizer or an unknown pre-tokenizer; `InvalidModel` if the parts of the
    /// vocabulary do not fit together.
    pub fn new(mut vocabulary: Vocabulary) -> Result<Self> {
        let pre_tokenizer = choose_pre_tokenizer(&vocabulary)?;
        check_sizes(&vocabulary)?;
        let ends = end_tokens(&vocabulary);
        let kinds = token_kinds(&vocabulary, &ends)?;
        let alphabet = ByteAlphabet::new();
        check_merges(&vocabulary, &kinds)?;
        let stop_tokens = stop_tokens(&vocabulary, &ends, &kinds)?;
        let (bytes, ends) = spell_out(&vocabulary.tokens, &kinds, &alphabet)?;
        let starts = std::iter::once(&0).chain(&ends);
        let longest = ends.iter().zip(starts).map(|(end, start)| end - start).max().unwrap_or(0).max(1) as usize;
        let control = specials(&vocabulary.tokens, &kinds, TokenKind::Control)?;
        let user_defined = specials(&vocabulary.tokens, &kinds, TokenKind::UserDefined)?;
        let vocab = ordinary_tokens(std::mem::take(&mut vocabulary.tokens), &kinds, &control, &alphabet)?;
        let merges = split_merges(std::mem::take(&mut vocabulary.merges), &vocab, &control)?;
        let bpe = BPE::builder()
            .vocab_and_merges(vocab, merges)
            .ignore_merges(pre_tokenizer.ignores_merges())
            // The cache would live in a thread-local map that outlasts this tokenizer.
            .cache_capacity(0)
            .build()
            .map_err(|source| invalid("the merges do not fit the vocabulary").with_source(source))?;
        let bos = vocabulary.bos;
        // llama.cpp does the same where the file is silent: Llama 3 expects a beginning of sequence, GPT-2 none.
        let add_bos = vocabulary.add_bos.unwrap_or(bos.is_some() && pre_tokenizer == PreTokenizer::LlamaBpe);
        if add_bos && bos.is_none() {
            return Err(invalid("tokenizer.ggml.add_bos_token is true, but tokenizer.ggml.bos_token_id is missing"));
        }
        let eos = vocabulary.eos;
        Ok(Self {
            bpe,
            pre_tokenizer,
            alphabet,
            control,
            user_defined,
            bytes,
            ends,
            longest,
            kinds,
            bos,
            eos,
            add_bos,
            stop_tokens,
        })
    }
}

fn choose_pre_tokenizer(vocabulary: &Vocabulary) -> Result<PreTokenizer> {
    let unsupported = |context: String| Err(Error::new(ErrorKind::Unsupported, format!("tokenizer: {context}")));
    if vocabulary.model != "gpt2" {
        return unsupported(format!(
            "tokenizer.ggml.model is {:?}, expected \"gpt2\" (byte-level BPE): this build knows no other kind",
            vocabulary.model
        ));
    }
    match &vocabulary.pre {
        Some(name) => match PreTokenizer::from_name(name) {
            Some(known) => Ok(known),
            None => unsupported(format!(
                "pre-tokenizer {name:?} (tokenizer.ggml.pre) is unknown, expected one of {}; override it if you know \
                 which one fits",
                PreTokenizer::KNOWN
            )),
        },
        // Microsoft's published file lacks the key; the model was trained with Llama 3's tokenizer.
        None if matches!(vocabulary.architecture.as_str(), "bitnet-b1.58" | "bitnet-25") => Ok(PreTokenizer::LlamaBpe),
        None => unsupported(format!(
            "tokenizer.ggml.pre is missing and architecture {:?} does not imply it, expected one of {}; override it if \
             you know which one fits",
            vocabulary.architecture,
            PreTokenizer::KNOWN
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
    let named = vocabulary.bos.iter().chain(&vocabulary.eos).chain(&vocabulary.ends);
    match named.into_iter().find(|&&id| id as usize >= size) {
        Some(id) => Err(invalid(format!("special token {id} does not exist, the vocabulary has {size} tokens"))),
        None => Ok(()),
    }
}

/// Without merges every text would fall apart into bytes, whatever longer tokens there are.
fn check_merges(vocabulary: &Vocabulary, kinds: &[TokenKind]) -> Result<()> {
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
        if END_NAMES.contains(&text.as_str()) {
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
fn token_kinds(vocabulary: &Vocabulary, ends: &BTreeMap<u32, EndedBy>) -> Result<Vec<TokenKind>> {
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
    let bos = vocabulary.bos.map(|id| (id, EndedBy::Name));
    for (id, by) in ends.iter().map(|(&id, &by)| (id, by)).chain(bos) {
        let text = &vocabulary.tokens[id as usize];
        let is_byte = text.chars().nth(1).is_none();
        let is_text = is_byte || by == EndedBy::Name && is_merged(text, &vocabulary.merges);
        let kind = &mut kinds[id as usize];
        if !(is_text && *kind == TokenKind::Normal) {
            *kind = TokenKind::Control;
        }
    }
    Ok(kinds)
}

/// Whether some merge builds this text.
fn is_merged(text: &str, merges: &[String]) -> bool {
    merges.iter().any(|merge| {
        let parts = merge.split_once(' ');
        merge.len() == text.len() + 1 && parts.is_some_and(|(left, right)| text.strip_prefix(left) == Some(right))
    })
}

/// The bytes of all tokens, one after the other, and where each ends.
fn spell_out(tokens: &[String], kinds: &[TokenKind], alphabet: &ByteAlphabet) -> Result<(Vec<u8>, Vec<u32>)> {
    let mut bytes = Vec::with_capacity(tokens.iter().map(String::len).sum());
    let mut ends = Vec::with_capacity(tokens.len());
    for (token, kind) in tokens.iter().zip(kinds) {
        match kind {
            TokenKind::Normal => alphabet.append_bytes(token, &mut bytes),
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

/// The BPE vocabulary. Control and unused tokens stay out: no text may become one of them. User-defined tokens stay
/// in, since merges may build on them.
fn ordinary_tokens(
    tokens: Vec<String>,
    kinds: &[TokenKind],
    control: &Specials,
    alphabet: &ByteAlphabet,
) -> Result<Vocab> {
    let mut vocab = Vocab::with_capacity(tokens.len());
    for ((token, kind), id) in tokens.into_iter().zip(kinds).zip(0u32..) {
        let same_control = control.id(&token).is_some_and(|other| other != id);
        let ordinary = matches!(kind, TokenKind::Normal | TokenKind::UserDefined);
        if *kind != TokenKind::Unused && (same_control || ordinary && vocab.contains_key(&token)) {
            return Err(invalid(format!("token {id} {token:?} stands twice in tokenizer.ggml.tokens")));
        }
        if ordinary {
            vocab.insert(token, id);
        }
    }
    let spelled = |byte: u8| alphabet.char(byte).to_string();
    match (0..=255u8).find(|&byte| occurs_in_utf8(byte) && !vocab.contains_key(&spelled(byte))) {
        Some(byte) => Err(invalid(format!(
            "tokenizer.ggml.tokens has no token {:?} for the byte 0x{byte:02X}: some texts could not be encoded",
            spelled(byte)
        ))),
        None => Ok(vocab),
    }
}

/// "left right" to (left, right). A merge that builds or uses a control token is left out, for the reason that
/// control tokens are not in `vocab`.
fn split_merges(merges: Vec<String>, vocab: &Vocab, control: &Specials) -> Result<Merges> {
    let mut pairs = Merges::with_capacity(merges.len());
    let mut merged = String::new();
    for (index, merge) in merges.into_iter().enumerate() {
        let parts = merge.split_once(' ').filter(|(l, r)| !l.is_empty() && !r.is_empty() && !r.contains(' '));
        let Some((left, right)) = parts else {
            return Err(invalid(format!(
                "merge {index} {merge:?} (tokenizer.ggml.merges): expected two tokens with one space between them"
            )));
        };
        merged.clear();
        merged.push_str(left);
        merged.push_str(right);
        let parts = [left, right, &merged];
        match parts.into_iter().find(|&part| !vocab.contains_key(part)) {
            None => pairs.push((left.to_owned(), right.to_owned())),
            Some(missing) if control.id(missing).is_some() => {}
            Some(missing) => {
                return Err(invalid(format!(
                    "merge {index} {merge:?} (tokenizer.ggml.merges) needs the token {missing:?}, which is not in the \
                     vocabulary"
                )));
            }
        }
    }
    Ok(pairs)
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
