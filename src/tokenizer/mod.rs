//! Hugging Face `tokenizers` built from a GGUF vocabulary, and incremental detokenization.
//!
//! A text goes through three stages: special tokens are found, the text between them is cut
//! into pieces ([`PreTokenizer`]), and each piece goes through the byte-pair encoding of the `tokenizers` crate.
//! Control tokens are no part of the BPE vocabulary, so no text that is encoded without special tokens can become
//! one, whatever it spells.

mod build;
mod byte_level;
mod decoder;
mod encoding;
mod pre_tokenizer;
mod specials;
mod spelling;
mod vocabulary;

#[cfg(test)]
pub(crate) mod tests;

use tokenizers::Model;
use tokenizers::models::bpe::BPE;

use crate::{Error, ErrorKind, Result};
use byte_level::ByteAlphabet;
pub use decoder::IncrementalDecoder;
pub use encoding::Encoding;
pub use pre_tokenizer::PreTokenizer;
use specials::Specials;
pub use vocabulary::{TokenKind, Vocabulary};

/// Bytes of text between two looks at how many ids there are.
const STEP_BYTES: usize = 1 << 14;

/// A byte-level BPE tokenizer. It never changes after it was built.
pub struct Tokenizer {
    /// The merges and the ordinary tokens; from the `tokenizers` crate.
    bpe: BPE,
    pre_tokenizer: PreTokenizer,
    alphabet: ByteAlphabet,
    /// Found in template text only.
    control: Specials,
    /// Found in every text.
    user_defined: Specials,
    /// The bytes of all tokens, one after the other.
    bytes: Vec<u8>,
    /// Where in `bytes` each token ends: `[vocabulary]`.
    ends: Vec<u32>,
    /// Bytes of the longest token, at least 1.
    longest: usize,
    /// `[vocabulary]`.
    kinds: Vec<TokenKind>,
    bos: Option<u32>,
    eos: Option<u32>,
    add_bos: bool,
    stop_tokens: Vec<u32>,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer")
            .field("pre_tokenizer", &self.pre_tokenizer)
            .field("vocab_size", &self.vocab_size())
            .field("bos", &self.bos)
            .field("eos", &self.eos)
            .field("add_bos", &self.add_bos)
            .field("stop_tokens", &self.stop_tokens)
            .finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// The number of token ids.
    pub fn vocab_size(&self) -> usize {
        self.ends.len()
    }

    /// The pre-tokenizer in use.
    pub fn pre_tokenizer(&self) -> PreTokenizer {
        self.pre_tokenizer
    }

    /// Beginning of sequence.
    pub fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// End of sequence.
    pub fn eos(&self) -> Option<u32> {
        self.eos
    }

    /// Whether the model expects prompts to start with [`bos`](Self::bos).
    pub fn add_bos(&self) -> bool {
        self.add_bos
    }

    /// The tokens that end an answer, ascending: those that the file's keys name (end of sequence, of turn, of message),
    /// and those that are known to end a turn by their names.
    pub fn stop_tokens(&self) -> &[u32] {
        &self.stop_tokens
    }

    /// Whether this token ends an answer.
    pub fn is_stop(&self, id: u32) -> bool {
        self.stop_tokens.binary_search(&id).is_ok()
    }

    /// A decoder for a stream of this vocabulary's ids that leaves control tokens out.
    pub fn incremental_decoder(&self) -> IncrementalDecoder {
        IncrementalDecoder::new()
    }

    /// The control token with this text.
    pub fn control_token(&self, text: &str) -> Option<u32> {
        self.control.id(text)
    }

    /// The texts of all control tokens.
    pub fn control_tokens(&self) -> impl Iterator<Item = &str> {
        self.control.texts()
    }

    /// Text to token ids.
    ///
    /// With `allow_special`, control tokens spelled in the text become their ids; without, they are text like any
    /// other. With `add_bos` the ids start with exactly one beginning-of-sequence token.
    ///
    /// # Errors
    /// `InvalidModel` if `add_bos` is asked of a vocabulary without such a token.
    pub fn encode(&self, text: &str, allow_special: bool, add_bos: bool) -> Result<Vec<u32>> {
        self.encode_up_to(usize::MAX, text, allow_special, add_bos)
    }

    /// As [`encode`](Self::encode), but ends once there are more than `most` ids: what comes then is too long.
    ///
    /// # Errors
    /// As `encode`.
    pub fn encode_up_to(&self, most: usize, text: &str, allow_special: bool, add_bos: bool) -> Result<Vec<u32>> {
        let mut encoding = Encoding::new(allow_special);
        while encoding.ids().len() <= most && !encoding.step(self, text, STEP_BYTES)? {}
        let mut ids = encoding.into_ids();
        if add_bos {
            self.prepend_bos(&mut ids)?;
        }
        Ok(ids)
    }

    /// The least number of tokens that `bytes` bytes of text can become: no token stands for more bytes than the longest.
    pub fn min_tokens(&self, bytes: usize) -> usize {
        bytes.div_ceil(self.longest)
    }

    /// The token with exactly this text: a control token, a user-defined one, or an ordinary one.
    pub fn token(&self, text: &str) -> Option<u32> {
        let special = self.control.id(text).or_else(|| self.user_defined.id(text));
        special.or_else(|| {
            let mut spelled = String::new();
            self.alphabet.spell(text, &mut spelled);
            self.bpe.token_to_id(&spelled)
        })
    }

    /// Makes `ids` start with one beginning-of-sequence token, if they do not yet.
    pub(crate) fn prepend_bos(&self, ids: &mut Vec<u32>) -> Result<()> {
        let Some(bos) = self.bos else {
            return Err(Error::new(
                ErrorKind::InvalidModel,
                "tokenizer: a beginning-of-sequence token is asked for, but the file names none \
                 (tokenizer.ggml.bos_token_id)",
            ));
        };
        if ids.first() != Some(&bos) {
            ids.insert(0, bos);
        }
        Ok(())
    }

    /// The first control token at or after byte `from`: its start, its end and its id.
    pub(crate) fn find_control(&self, text: &str, from: usize) -> Option<(usize, usize, u32)> {
        self.control.find(text, from)
    }

    /// Appends the ids of a piece that the pre-tokenizer has cut off. `spelled` is working memory.
    fn encode_piece(&self, piece: &str, spelled: &mut String, ids: &mut Vec<u32>) -> Result<()> {
        self.alphabet.spell(piece, spelled);
        let tokens = self.bpe.tokenize(spelled).map_err(|source| {
            Error::new(ErrorKind::Internal, "tokenizer: byte-pair encoding failed").with_source(source)
        })?;
        ids.extend(tokens.iter().map(|token| token.id));
        Ok(())
    }

    /// Token ids to text. Bytes that are no valid UTF-8 become U+FFFD; with `skip_control`, control tokens are left
    /// out.
    ///
    /// # Errors
    /// `InvalidArgument` if the vocabulary has no such id.
    pub fn decode(&self, ids: &[u32], skip_control: bool) -> Result<String> {
        let mut bytes = Vec::with_capacity(4 * ids.len());
        for &id in ids {
            if !skip_control || self.kind(id)? != TokenKind::Control {
                bytes.extend_from_slice(self.token_bytes(id)?);
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The bytes that a token stands for; they may be a part of a character.
    ///
    /// # Errors
    /// `InvalidArgument` if the vocabulary has no such id.
    pub fn token_bytes(&self, id: u32) -> Result<&[u8]> {
        let index = self.index(id)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Ok(&self.bytes[start as usize..self.ends[index] as usize])
    }

    /// What kind of token this is.
    ///
    /// # Errors
    /// `InvalidArgument` if the vocabulary has no such id.
    pub fn kind(&self, id: u32) -> Result<TokenKind> {
        Ok(self.kinds[self.index(id)?])
    }

    fn index(&self, id: u32) -> Result<usize> {
        let index = id as usize;
        if index < self.ends.len() {
            return Ok(index);
        }
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("token id {id}: expected an id below the vocabulary's size, {}", self.ends.len()),
        ))
    }
}
