//! The tokenizer's description as a GGUF file holds it.

use super::hugging_face;
use super::scheme::SpacePrefix;
use super::specials::Edges;
use crate::gguf::{Array, Metadata, Value, mismatch};
use crate::{Error, Result};

/// The `tokenizer.*` metadata of a GGUF file, not yet checked. Set `pre` to override the file's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vocabulary {
    /// `general.architecture`.
    pub architecture: String,
    /// `tokenizer.ggml.model`: the kind of tokenizer, `gpt2` for byte-level BPE, `llama` for SentencePiece's BPE.
    pub model: String,
    /// `tokenizer.ggml.pre`: the pre-tokenizer's name.
    pub pre: Option<String>,
    /// `tokenizer.ggml.tokens`: the text of each id. Ordinary tokens are spelled in GPT-2's byte alphabet, or
    /// with U+2581 for a space (SentencePiece).
    pub tokens: Vec<String>,
    /// `tokenizer.ggml.token_type`: one [`TokenKind`] code for each id, or empty where the file has none.
    pub token_types: Vec<i64>,
    /// `tokenizer.ggml.merges`: "left right", the one with the highest priority first.
    pub merges: Vec<String>,
    /// Beginning of sequence.
    pub bos: Option<u32>,
    /// End of sequence.
    pub eos: Option<u32>,
    /// All tokens that the file's keys name as an end: of a sequence (with `eos`), a turn, a message, and those that
    /// end a model's filling-in of code.
    pub ends: Vec<u32>,
    /// Keys of ends that name no token of the vocabulary.
    pub missing_ends: Vec<String>,
    /// `tokenizer.ggml.add_bos_token`: whether prompts start with `bos`.
    pub add_bos: Option<bool>,
    /// `tokenizer.ggml.add_eos_token`: whether texts that stand for themselves end with `eos`.
    pub add_eos: Option<bool>,
    /// The token that such texts end with, where that is another one.
    pub closing: Option<u32>,
    /// What tokens ask of the text around them: of `tokenizer.json`.
    pub edges: Vec<(u32, Edges)>,
    /// `tokenizer.ggml.scores`: of SentencePiece, one for each id; the tokens of higher scores are merged first.
    pub scores: Vec<f32>,
    /// `tokenizer.ggml.unknown_token_id`: of SentencePiece, for characters that are no tokens.
    pub unknown: Option<u32>,
    /// `tokenizer.ggml.add_space_prefix`: of SentencePiece, whether a space is put before a text.
    pub space_prefix: Option<SpacePrefix>,
    /// `tokenizer.ggml.remove_extra_whitespaces`: of SentencePiece.
    pub remove_extra_whitespaces: Option<bool>,
    /// The expressions that cut texts, where the file does not name them but has them: of `tokenizer.json`.
    pub patterns: Option<Vec<String>>,
    /// Whether a piece that is a token becomes that token whatever the merges say: where there are `patterns`.
    pub ignore_merges: bool,
    /// Whether texts are brought into Unicode's normal form C first.
    pub nfc: bool,
    /// Whether the embedding may have more rows than there are tokens, or fewer by some that were added.
    pub may_be_fitted: bool,
}

/// llama.cpp's token types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Part of the BPE vocabulary (types 0 and 1).
    Normal,
    /// Structure, not text: found in template text only, not shown (type 3).
    Control,
    /// Text that is always one token (type 4).
    UserDefined,
    /// Never produced from text (types 2 and 5: unknown and unused).
    Unused,
    /// One byte, spelled `<0x41>`: SentencePiece's for characters that are no tokens (type 6).
    Byte,
}

impl TokenKind {
    pub(super) fn from_code(code: i64) -> Option<Self> {
        match code {
            0 | 1 => Some(Self::Normal),
            3 => Some(Self::Control),
            4 => Some(Self::UserDefined),
            2 | 5 => Some(Self::Unused),
            6 => Some(Self::Byte),
            _ => None,
        }
    }
}

/// Keys that name tokens which end an answer: those of llama.cpp (`llama-vocab.cpp`), and Ollama's list.
pub(super) const END_KEYS: [&str; 7] = [
    "tokenizer.ggml.eos_token_id",
    "tokenizer.ggml.eos_token_ids",
    "tokenizer.ggml.eot_token_id",
    "tokenizer.ggml.eom_token_id",
    "tokenizer.ggml.fim_pad_token_id",
    "tokenizer.ggml.fim_rep_token_id",
    "tokenizer.ggml.fim_sep_token_id",
];

impl Vocabulary {
    /// Takes the tokenizer's keys out of `metadata`: the big arrays are moved, not copied.
    ///
    /// # Errors
    /// `InvalidModel` if a key is missing or has a value of another type.
    pub fn from_metadata(metadata: &mut Metadata) -> Result<Self> {
        if metadata.get("tokenizer.ggml.model").is_none() && metadata.get(hugging_face::KEY).is_some() {
            return hugging_face::from_metadata(metadata);
        }
        let tokens = take_strings(metadata, "tokenizer.ggml.tokens")?;
        let id = |key| Ok::<_, Error>(metadata.token_ids(key, tokens.len())?.first().copied());
        let (mut ends, mut missing_ends) = (Vec::new(), Vec::new());
        for key in END_KEYS {
            let ids = metadata.token_ids(key, tokens.len())?;
            if ids.is_empty() && metadata.get(key).is_some() {
                missing_ends.push(key.to_owned());
            }
            ends.extend(ids);
        }
        Ok(Self {
            architecture: metadata.require_string("general.architecture")?.to_owned(),
            model: metadata.require_string("tokenizer.ggml.model")?.to_owned(),
            pre: metadata.string("tokenizer.ggml.pre")?.map(str::to_owned),
            bos: id("tokenizer.ggml.bos_token_id")?,
            eos: id("tokenizer.ggml.eos_token_id")?,
            ends,
            missing_ends,
            add_bos: metadata.bool("tokenizer.ggml.add_bos_token")?,
            add_eos: metadata.bool("tokenizer.ggml.add_eos_token")?,
            closing: None,
            edges: Vec::new(),
            unknown: id("tokenizer.ggml.unknown_token_id")?,
            space_prefix: metadata.bool("tokenizer.ggml.add_space_prefix")?.map(SpacePrefix::from),
            remove_extra_whitespaces: metadata.bool("tokenizer.ggml.remove_extra_whitespaces")?,
            scores: take_scores(metadata)?,
            patterns: None,
            ignore_merges: false,
            nfc: false,
            may_be_fitted: false,
            tokens,
            merges: take_strings(metadata, "tokenizer.ggml.merges")?,
            token_types: take_types(metadata)?,
        })
    }
}

/// The text of a token that stands for no token of the file: rows of an embedding that is larger than the vocabulary.
const PADDING: &str = "[PAD";

impl Vocabulary {
    /// Fits the vocabulary to an embedding of `size` rows, as llama.cpp's converter does. Rows beyond the tokens are unused ones.
    /// Added tokens beyond the rows, such as Gemma 3's for an image in a model for text, are left out: no text may become one.
    pub fn fit(&mut self, size: usize) {
        while self.tokens.len() > size && self.token_types.last().is_some_and(|&kind| kind != NORMAL) {
            self.tokens.pop();
            self.token_types.pop();
        }
        let size_of_tokens = self.tokens.len();
        self.ends.retain(|&id| (id as usize) < size_of_tokens);
        self.edges.retain(|&(id, _)| (id as usize) < size_of_tokens);
        for id in self.tokens.len()..size {
            self.tokens.push(format!("{PADDING}{id}]"));
            self.token_types.push(UNUSED);
        }
    }
}

/// The code of ordinary tokens.
pub(super) const NORMAL: i64 = 1;
/// The code of unused tokens.
pub(super) const UNUSED: i64 = 5;

fn take_strings(metadata: &mut Metadata, key: &str) -> Result<Vec<String>> {
    match metadata.take(key) {
        Some(Value::Array(Array::String(strings))) => Ok(strings),
        None => Ok(Vec::new()),
        Some(other) => Err(mismatch(key, "an array of strings", &other)),
    }
}

/// Empty where there are none: byte-level BPE has merges, and no use for scores.
fn take_scores(metadata: &mut Metadata) -> Result<Vec<f32>> {
    const KEY: &str = "tokenizer.ggml.scores";
    if metadata.string("tokenizer.ggml.model")? != Some("llama") {
        return Ok(Vec::new());
    }
    match metadata.take(KEY) {
        Some(Value::Array(Array::Float(scores))) => Ok(scores.into_iter().map(|score| score as f32).collect()),
        Some(Value::Array(Array::Signed(scores))) => Ok(scores.into_iter().map(|score| score as f32).collect()),
        Some(Value::Array(Array::Unsigned(scores))) => Ok(scores.into_iter().map(|score| score as f32).collect()),
        None => Ok(Vec::new()),
        Some(other) => Err(mismatch(KEY, "an array of numbers", &other)),
    }
}

fn take_types(metadata: &mut Metadata) -> Result<Vec<i64>> {
    const KEY: &str = "tokenizer.ggml.token_type";
    match metadata.take(KEY) {
        Some(Value::Array(Array::Signed(types))) => Ok(types),
        // A value beyond i64 is no type either: -1 is refused where the types are checked.
        Some(Value::Array(Array::Unsigned(types))) => {
            Ok(types.into_iter().map(|code| i64::try_from(code).unwrap_or(-1)).collect())
        }
        None => Ok(Vec::new()),
        Some(other) => Err(mismatch(KEY, "an array of integers", &other)),
    }
}
