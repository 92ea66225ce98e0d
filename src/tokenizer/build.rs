//! From the unchecked vocabulary of a file to a [`Tokenizer`]: everything is checked here, once.

use tokenizers::models::bpe::{BPE, Merges, Vocab};

use super::byte_level::{ByteAlphabet, occurs_in_utf8};
use super::specials::Specials;
use super::{PreTokenizer, TokenKind, Tokenizer, Vocabulary};
use crate::{Error, ErrorKind, Result};

/// Control tokens that end an answer, in the families of models that exist; others with these names do not.
const END_NAMES: [&str; 6] =
    ["<|eot_id|>", "<|end_of_text|>", "<|im_end|>", "<|endoftext|>", "<|end|>", "<end_of_turn>"];

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
        check_ids(&vocabulary)?;
        let kinds = token_kinds(&vocabulary)?;
        let alphabet = ByteAlphabet::new();
        let (bytes, ends) = spell_out(&vocabulary.tokens, &kinds, &alphabet)?;
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
        let stop_tokens = stop_tokens(&vocabulary, &control);
        let bos = vocabulary.bos;
        // llama.cpp does the same where the file is silent: Llama 3 expects a beginning of sequence, GPT-2 none.
        let add_bos = vocabulary.add_bos.unwrap_or(bos.is_some() && pre_tokenizer == PreTokenizer::LlamaBpe);
        if add_bos && bos.is_none() {
            return Err(invalid("tokenizer.ggml.add_bos_token is true, but tokenizer.ggml.bos_token_id is missing"));
        }
        let (eos, pad) = (vocabulary.eos, vocabulary.pad);
        Ok(Self {
            bpe,
            pre_tokenizer,
            alphabet,
            control,
            user_defined,
            bytes,
            ends,
            kinds,
            bos,
            eos,
            pad,
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

fn check_ids(vocabulary: &Vocabulary) -> Result<()> {
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
    let ids = [("bos", vocabulary.bos), ("eos", vocabulary.eos), ("eot", vocabulary.eot), ("padding", vocabulary.pad)];
    for (name, id) in ids {
        if let Some(id) = id.filter(|&id| id as usize >= size) {
            return Err(invalid(format!(
                "tokenizer.ggml.{name}_token_id is {id}, expected an id below the vocabulary's size, {size}"
            )));
        }
    }
    Ok(())
}

fn token_kinds(vocabulary: &Vocabulary) -> Result<Vec<TokenKind>> {
    if vocabulary.token_types.is_empty() {
        let mut kinds = vec![TokenKind::Normal; vocabulary.tokens.len()];
        for id in [vocabulary.bos, vocabulary.eos, vocabulary.eot].into_iter().flatten() {
            kinds[id as usize] = TokenKind::Control;
        }
        return Ok(kinds);
    }
    let kinds = vocabulary.token_types.iter().enumerate().map(|(id, &code)| {
        TokenKind::from_code(code)
            .ok_or_else(|| invalid(format!("token {id} has type {code} (tokenizer.ggml.token_type), expected 0 to 6")))
    });
    kinds.collect()
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

fn stop_tokens(vocabulary: &Vocabulary, control: &Specials) -> Vec<u32> {
    let named = END_NAMES.iter().filter_map(|name| control.id(name));
    let mut ids: Vec<u32> = [vocabulary.eos, vocabulary.eot].into_iter().flatten().chain(named).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
