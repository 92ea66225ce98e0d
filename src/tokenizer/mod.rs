//! Text to tokens and back, by the vocabulary of a GGUF file: byte-level BPE and SentencePiece's BPE.
//!
//! A text goes through three stages: special tokens are found, the text between them is cut into pieces
//! ([`PreTokenizer`], or words between which a SentencePiece vocabulary merges nothing), and the symbols of each piece
//! merge. Control tokens are no part of the merges, so no text that is encoded without special tokens can become one,
//! whatever it spells.

mod build;
mod byte_level;
mod decoder;
mod encoding;
mod hugging_face;
mod merges;
mod pre_tokenizer;
mod scheme;
mod sentence_piece;
mod specials;
mod spelling;
mod text_hash;
mod vocabulary;

#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::{Error, ErrorKind, Result};
pub use decoder::IncrementalDecoder;
pub use encoding::Encoding;
use merges::Merges;
pub use pre_tokenizer::PreTokenizer;
use scheme::Scheme;
pub use scheme::SpacePrefix;
pub use specials::Edges;
use specials::Specials;
pub use vocabulary::{TokenKind, Vocabulary};

/// Bytes of text, or merges, between two looks at how many ids there are.
const STEP_WORK: usize = 1 << 14;

/// A tokenizer. It never changes after it was built.
pub struct Tokenizer {
    scheme: Scheme,
    merges: Merges,
    /// The ordinary tokens that a text can become, sorted by their bytes.
    ordinary: Vec<u32>,
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
    closing: Option<u32>,
    stop_tokens: Vec<u32>,
    /// Whether texts are brought into Unicode's normal form C first.
    nfc: bool,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer")
            .field("pre_tokenizer", &self.pre_tokenizer().map(PreTokenizer::name))
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

    /// The pre-tokenizer of byte-level BPE; SentencePiece has none.
    pub fn pre_tokenizer(&self) -> Option<&PreTokenizer> {
        match &self.scheme {
            Scheme::Bytes { pre_tokenizer, .. } => Some(pre_tokenizer),
            Scheme::SentencePiece(_) => None,
        }
    }

    /// `text` as it is encoded; control tokens in it, where they are recognised, stay as they are.
    fn normalized<'a>(&self, text: &'a str, allow_special: bool) -> Cow<'a, str> {
        if !self.nfc || is_nfc_quick(text.chars()) == IsNormalized::Yes {
            return Cow::Borrowed(text);
        }
        let (mut out, mut at) = (String::with_capacity(text.len()), 0);
        while let Some((start, end, _)) = if allow_special { self.control.find(text, at) } else { None } {
            out.extend(text[at..start].nfc());
            out.push_str(&text[start..end]);
            at = end;
        }
        out.extend(text[at..].nfc());
        Cow::Owned(out)
    }

    /// What a special token asks of the text around it.
    fn edges(&self, id: u32) -> Edges {
        let control = self.control.edges(id);
        if control == Edges::default() { self.user_defined.edges(id) } else { control }
    }

    /// Whether a space is put before a text when it is encoded, and taken away when it is decoded.
    pub(super) fn has_space_prefix(&self) -> bool {
        self.scheme.has_prefix()
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

    /// The token behind a text that stands for itself, such as one that is embedded, if the model wants one there.
    pub fn closing(&self) -> Option<u32> {
        self.closing
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

    /// A decoder for a stream of this vocabulary's ids, from the start of a text, that leaves control tokens out.
    pub fn incremental_decoder(&self) -> IncrementalDecoder {
        IncrementalDecoder::new()
    }

    /// A decoder as [`incremental_decoder`](Self::incremental_decoder) for what follows `prompt`.
    ///
    /// # Errors
    /// `InvalidArgument` if the vocabulary has no id of `prompt`'s end.
    pub fn incremental_decoder_after(&self, prompt: &[u32]) -> Result<IncrementalDecoder> {
        let mut decoder = IncrementalDecoder::new();
        if let Some(&id) = prompt.last() {
            decoder.is_start = self.is_special(id)?;
        }
        Ok(decoder)
    }

    /// Whether encoding finds this token before it cuts a text, so that a new text begins behind it.
    fn is_special(&self, id: u32) -> Result<bool> {
        Ok(matches!(self.kind(id)?, TokenKind::Control | TokenKind::UserDefined))
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
        while encoding.ids().len() <= most && !encoding.step(self, text, STEP_WORK)? {}
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
        special.or_else(|| self.ordinary(text))
    }

    /// The ordinary token with exactly this text.
    fn ordinary(&self, text: &str) -> Option<u32> {
        let found = self.ordinary.binary_search_by(|&id| self.bytes_at(id as usize).cmp(text.as_bytes()));
        found.ok().map(|index| self.ordinary[index])
    }

    /// The token that a piece becomes without its merges being asked.
    fn whole_piece(&self, piece: &str) -> Option<u32> {
        match &self.scheme {
            Scheme::Bytes { pre_tokenizer, .. } if pre_tokenizer.ignores_merges() && piece.len() <= self.longest => {
                self.ordinary(piece)
            }
            _ => None,
        }
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

    /// Token ids to text. Bytes that are no valid UTF-8 become U+FFFD; with `skip_control`, control tokens are left
    /// out.
    ///
    /// # Errors
    /// `InvalidArgument` if the vocabulary has no such id.
    pub fn decode(&self, ids: &[u32], skip_control: bool) -> Result<String> {
        let mut decoder =
            if skip_control { IncrementalDecoder::new() } else { IncrementalDecoder::with_control_tokens() };
        let mut text = String::with_capacity(4 * ids.len());
        for &id in ids {
            decoder.push_to(self, id, &mut text)?;
        }
        text.push_str(&decoder.finish());
        Ok(text)
    }

    /// The bytes of all tokens, one after the other, and where each ends (`[vocabulary]`), for those who tell which tokens may
    /// come next. `mark` stands before the name of a control token, which is no text. A token that an answer never has is empty.
    pub fn spellings(&self, mark: u8) -> (Vec<u8>, Vec<u32>) {
        let (mut bytes, mut ends) = (Vec::with_capacity(self.bytes.len()), Vec::with_capacity(self.ends.len()));
        for (index, kind) in self.kinds.iter().enumerate() {
            match kind {
                TokenKind::Control => {
                    bytes.push(mark);
                    bytes.extend_from_slice(self.bytes_at(index));
                }
                TokenKind::Unused => {}
                TokenKind::Normal | TokenKind::UserDefined | TokenKind::Byte => {
                    bytes.extend_from_slice(self.bytes_at(index));
                }
            }
            ends.push(bytes.len() as u32);
        }
        (bytes, ends)
    }

    /// The bytes that a token stands for; they may be a part of a character.
    ///
    /// # Errors
    /// `InvalidArgument` if the vocabulary has no such id.
    pub fn token_bytes(&self, id: u32) -> Result<&[u8]> {
        Ok(self.bytes_at(self.index(id)?))
    }

    fn bytes_at(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start as usize..self.ends[index] as usize]
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
