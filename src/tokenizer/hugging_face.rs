//! The vocabulary of a `tokenizer.json`, the file of Hugging Face's `tokenizers`: byte-pair encoding of bytes, or of characters
//! as SentencePiece has it.
//!
//! The file describes a pipeline (normalizer, pre-tokenizer, model, decoder). Those that byte-pair encoding is used with become a
//! [`Vocabulary`], which this crate encodes with in steps of any size; any other is refused by name. The `tokenizers` crate
//! itself would make the WebAssembly module larger by 1.8 MB (0.6 MB compressed), and it cannot stop within a word; so it is what
//! the tests compare with.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::pre_tokenizer::{GPT2, NUMBERS, PUNCTUATION};
use super::scheme::{SPACE, SpacePrefix};
use super::specials::Edges;
use super::vocabulary::{END_KEYS, NORMAL, UNUSED, Vocabulary};
use crate::gguf::{Metadata, Value, mismatch};
use crate::{Error, ErrorKind, Result};

/// The key of GGUF files that holds the whole of a `tokenizer.json`.
pub(super) const KEY: &str = "tokenizer.huggingface.json";

/// llama.cpp's token types.
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

/// No vocabulary has more tokens.
const MAX_TOKENS: usize = 1 << 24;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    normalizer: Option<Json>,
    pre_tokenizer: Option<Json>,
    post_processor: Option<Json>,
    model: Model,
}

#[derive(Deserialize)]
#[serde(default)]
struct AddedToken {
    id: u32,
    content: String,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
    /// Found in the normalized text, and not before.
    normalized: bool,
    special: bool,
}

impl Default for AddedToken {
    fn default() -> Self {
        Self {
            id: u32::MAX,
            content: String::new(),
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
            special: false,
        }
    }
}

impl AddedToken {
    /// What it asks of the text around it, if it does.
    fn edges(&self) -> Option<(u32, Edges)> {
        let Self { id, single_word, lstrip, rstrip, .. } = *self;
        let edges = Edges { takes_space_before: lstrip, takes_space_behind: rstrip, is_word: single_word };
        (edges != Edges::default()).then_some((id, edges))
    }
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: Option<String>,
    dropout: Option<f64>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    fuse_unk: bool,
    #[serde(default)]
    ignore_merges: bool,
    /// Of another kind of model it may be something else.
    vocab: Option<Json>,
    merges: Option<Merges>,
}

/// Of two tokens each, with a space between them or apart.
#[derive(Deserialize)]
#[serde(untagged)]
enum Merges {
    Pairs(Vec<(String, String)>),
    Texts(Vec<String>),
}

/// Takes the vocabulary out of `metadata`, with the special tokens that other keys name.
pub(super) fn from_metadata(metadata: &mut Metadata) -> Result<Vocabulary> {
    let text = match metadata.take(KEY) {
        Some(Value::String(text)) => text,
        Some(other) => return Err(mismatch(KEY, "a string", &other)),
        None => String::new(),
    };
    let file: File = serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(&text))
        .map_err(|source| invalid(format!("it cannot be read: {source}")).with_source(source))?;
    drop(text);
    let [opening, closing] = file.post_processor.as_ref().map(ends).unwrap_or_default();
    let bos_text = metadata.string("tokenizer.huggingface.bos_token")?.map(str::to_owned);
    let adds_bos = opening.is_some() && (bos_text.is_none() || bos_text == opening);
    let bos_text = bos_text.or(opening);
    let mut vocabulary = read(file)?;
    vocabulary.architecture = metadata.string("general.architecture")?.unwrap_or_default().to_owned();
    vocabulary.add_bos = Some(metadata.bool("tokenizer.ggml.add_bos_token")?.unwrap_or(adds_bos));
    let size = vocabulary.tokens.len();
    let named = |text: Option<&str>| {
        let at = vocabulary.tokens.iter().position(|token| Some(token.as_str()) == text);
        at.map(|id| id as u32)
    };
    let id = |key| Ok::<_, Error>(metadata.token_ids(key, size)?.first().copied());
    let (bos, eos) = (named(bos_text.as_deref()), named(metadata.string("tokenizer.huggingface.eos_token")?));
    let bos = bos.or(id("tokenizer.ggml.bos_token_id")?);
    let eos = eos.or(id("tokenizer.ggml.eos_token_id")?);
    let closing = named(closing.as_deref());
    vocabulary.add_eos = metadata.bool("tokenizer.ggml.add_eos_token")?;
    for key in END_KEYS {
        vocabulary.ends.extend(metadata.token_ids(key, size)?);
    }
    vocabulary.ends.extend(eos);
    (vocabulary.bos, vocabulary.eos, vocabulary.closing) = (bos, eos, closing);
    // Without one a wish for it could not be followed.
    vocabulary.add_bos = vocabulary.add_bos.filter(|&adds| !adds || bos.is_some());
    Ok(vocabulary)
}

/// The tokens that a post-processor puts before a text and behind it.
fn ends(processor: &Json) -> [Option<String>; 2] {
    let text = |value: Option<&Json>| value.and_then(Json::as_str).map(str::to_owned);
    match processor.get("type").and_then(Json::as_str) {
        Some("Sequence") => {
            let processors = processor.get("processors").and_then(Json::as_array).into_iter().flatten();
            processors.map(ends).find(|ends| ends.iter().any(Option::is_some)).unwrap_or_default()
        }
        Some("TemplateProcessing") => {
            let parts = processor.get("single").and_then(Json::as_array);
            let special = |part: Option<&Json>| text(part?.get("SpecialToken").and_then(|token| token.get("id")));
            [parts.and_then(|parts| special(parts.first())), parts.and_then(|parts| special(parts.last()))]
        }
        Some("BertProcessing" | "RobertaProcessing") => ["cls", "sep"].map(|key| text(processor.get(key)?.get(0))),
        _ => [None, None],
    }
}

fn read(file: File) -> Result<Vocabulary> {
    let File { added_tokens, normalizer, pre_tokenizer, model, .. } = file;
    let pipeline = Pipeline::new(normalizer.as_ref(), pre_tokenizer.as_ref())?;
    let is_byte_level = pipeline.is_byte_level;
    check_model(&model, is_byte_level)?;
    let (tokens, token_types) = tokens(model.vocab.unwrap_or_default(), &added_tokens, &pipeline)?;
    let edges = added_tokens.iter().filter_map(AddedToken::edges).collect();
    let unknown = model.unk_token.and_then(|unknown| tokens.iter().position(|token| *token == unknown));
    // A space stands for nothing in a vocabulary that has another sign for it, and separates the two tokens here.
    let has_space = |(left, right): &(String, String)| left.contains(' ') || right.contains(' ');
    let merges = match model.merges {
        None => Vec::new(),
        Some(Merges::Texts(merges)) => merges,
        Some(Merges::Pairs(pairs)) if is_byte_level && pairs.iter().any(has_space) => {
            return Err(invalid("a merge of tokens with a space in them, which no byte is spelled by"));
        }
        Some(Merges::Pairs(pairs)) => {
            pairs.iter().filter(|pair| !has_space(pair)).map(|(left, right)| format!("{left} {right}")).collect()
        }
    };
    Ok(Vocabulary {
        model: if is_byte_level { "gpt2" } else { "llama" }.to_owned(),
        tokens,
        token_types,
        merges,
        unknown: unknown.map(|id| id as u32),
        space_prefix: Some(pipeline.prefix),
        patterns: is_byte_level.then_some(pipeline.patterns),
        ignore_merges: model.ignore_merges,
        nfc: pipeline.nfc,
        edges,
        may_be_fitted: true,
        ..Vocabulary::default()
    })
}

fn check_model(model: &Model, is_byte_level: bool) -> Result<()> {
    let kind = model.kind.as_deref().unwrap_or("BPE");
    if kind != "BPE" {
        return Err(unsupported(&format!("its model is {kind:?}, expected \"BPE\"")));
    }
    let is_there = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    for (name, text) in [
        ("continuing_subword_prefix", &model.continuing_subword_prefix),
        ("end_of_word_suffix", &model.end_of_word_suffix),
    ] {
        if is_there(text) {
            return Err(unsupported(&format!("its model has a {name}, which this build does not compute")));
        }
    }
    if model.dropout.is_some_and(|dropout| dropout > 0.0) {
        return Err(unsupported("its model has a dropout, by which a text becomes other tokens every time"));
    }
    if !is_byte_level && !model.fuse_unk && model.unk_token.is_some() && !has_bytes(model) {
        return Err(unsupported("its model has one unknown token for each character (fuse_unk is false)"));
    }
    Ok(())
}

/// Whether there are tokens for single bytes.
fn has_bytes(model: &Model) -> bool {
    model.vocab.as_ref().is_some_and(|vocab| vocab.get("<0x00>").is_some())
}

/// The text of each id, and its type. Ids that nobody uses are unused tokens.
fn tokens(vocab: Json, added: &[AddedToken], pipeline: &Pipeline) -> Result<(Vec<String>, Vec<i64>)> {
    let Json::Object(vocab) = vocab else { return Err(invalid("model.vocab is missing, or no object")) };
    let mut by_id: HashMap<u32, (String, i64)> = HashMap::with_capacity(vocab.len() + added.len());
    for (text, id) in vocab {
        let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
        let id = id.ok_or_else(|| invalid(format!("model.vocab: the id of {text:?} is none")))?;
        if let Some((other, _)) = by_id.insert(id, (text.clone(), NORMAL)) {
            return Err(invalid(format!("model.vocab: {other:?} and {text:?} have one id, {id}")));
        }
    }
    for token in added {
        let AddedToken { id, content, normalized, special, .. } = token;
        if *normalized && !special && pipeline.prefix == SpacePrefix::Always {
            return Err(unsupported(&format!(
                "the added token {content:?} is found in the normalized text (normalized), which has a space in front: this build \
                 does not compute that; take a GGUF file of the model"
            )));
        }
        let kind = match by_id.get(id) {
            _ if *special => CONTROL,
            // Looked for before spaces become this sign: only merges find it.
            known if pipeline.replaces_spaces && !normalized && content.contains(SPACE) => {
                if known.is_some() {
                    NORMAL
                } else {
                    UNUSED
                }
            }
            _ => USER_DEFINED,
        };
        match by_id.insert(*id, (content.clone(), kind)) {
            Some((other, _)) if other != *content => {
                return Err(invalid(format!("added_tokens: {content:?} has the id {id} of {other:?}")));
            }
            _ => {}
        }
    }
    let size = by_id.keys().max().map_or(0, |&id| id as usize + 1);
    if size > MAX_TOKENS {
        return Err(invalid(format!("the greatest id is {}, expected less than {MAX_TOKENS}", size - 1)));
    }
    let mut tokens = Vec::with_capacity(size);
    let mut types = Vec::with_capacity(size);
    for id in 0..size as u32 {
        let (text, kind) = by_id.remove(&id).unwrap_or_else(|| (format!("[PAD{id}]"), UNUSED));
        tokens.push(text);
        types.push(kind);
    }
    Ok((tokens, types))
}

/// What happens to a text before its pieces merge.
#[derive(Debug)]
struct Pipeline {
    is_byte_level: bool,
    nfc: bool,
    /// Whether spaces become U+2581.
    replaces_spaces: bool,
    prefix: SpacePrefix,
    patterns: Vec<String>,
}

impl Pipeline {
    fn new(normalizer: Option<&Json>, pre_tokenizer: Option<&Json>) -> Result<Self> {
        let mut pipeline = Self {
            is_byte_level: false,
            nfc: false,
            replaces_spaces: false,
            prefix: SpacePrefix::Never,
            patterns: Vec::new(),
        };
        if let Some(normalizer) = normalizer {
            pipeline.normalize(normalizer)?;
        }
        if let Some(pre_tokenizer) = pre_tokenizer {
            pipeline.pre_tokenize(pre_tokenizer)?;
        }
        match (pipeline.is_byte_level, pipeline.replaces_spaces) {
            (true, false) if pipeline.prefix == SpacePrefix::Never => Ok(pipeline),
            (false, true) if !pipeline.nfc && pipeline.patterns.is_empty() => Ok(pipeline),
            _ => {
                let found = |part: Option<&Json>| part.map_or_else(|| "none".to_owned(), name_of);
                Err(unsupported(&format!(
                    "its normalizer is {}, its pre_tokenizer {}: expected those of byte-level BPE (ByteLevel behind Split) or \
                     of SentencePiece (Replace \" \" by \"▁\", or Metaspace)",
                    found(normalizer),
                    found(pre_tokenizer)
                )))
            }
        }
    }

    fn normalize(&mut self, part: &Json) -> Result<()> {
        let text = |key: &str| part.get(key).and_then(Json::as_str);
        match text("type").unwrap_or_default() {
            "Sequence" => parts(part, "normalizers").try_for_each(|part| self.normalize(part)),
            "NFC" => {
                self.nfc = true;
                Ok(())
            }
            "Prepend" if text("prepend") == Some("▁") => {
                self.prefix = SpacePrefix::Always;
                Ok(())
            }
            "Replace" if is_space(part) && text("content") == Some("▁") => {
                self.replaces_spaces = true;
                Ok(())
            }
            _ => Err(unsupported(&format!("this build does not compute its normalizer {}", name_of(part)))),
        }
    }

    fn pre_tokenize(&mut self, part: &Json) -> Result<()> {
        let text = |key: &str| part.get(key).and_then(Json::as_str);
        let flag = |key: &str, default: bool| part.get(key).and_then(Json::as_bool).unwrap_or(default);
        let refused = || unsupported(&format!("this build does not compute its pre_tokenizer {}", name_of(part)));
        if self.is_byte_level {
            // It would cut the letters that bytes are spelled by.
            return Err(refused());
        }
        match text("type").unwrap_or_default() {
            "Sequence" => parts(part, "pretokenizers").try_for_each(|part| self.pre_tokenize(part)),
            "ByteLevel" if !flag("add_prefix_space", true) => {
                self.is_byte_level = true;
                self.patterns.extend(flag("use_regex", true).then(|| GPT2.to_owned()));
                Ok(())
            }
            // All spaces are something else by now.
            "Split" if self.replaces_spaces && is_space(part) => Ok(()),
            "Split" if text("behavior") == Some("Isolated") && !flag("invert", false) => {
                let pattern = part.get("pattern").ok_or_else(refused)?;
                let of = |kind: &str| pattern.get(kind).and_then(Json::as_str);
                let regex = of("Regex").map(str::to_owned).or_else(|| of("String").map(escape)).ok_or_else(refused)?;
                self.patterns.push(regex);
                Ok(())
            }
            "Digits" => {
                let run = if flag("individual_digits", false) { "" } else { "+" };
                self.patterns.push(format!("{NUMBERS}{run}"));
                Ok(())
            }
            "Punctuation" if matches!(text("behavior"), None | Some("Isolated")) => {
                self.patterns.push(PUNCTUATION.to_owned());
                Ok(())
            }
            "Metaspace" if text("replacement") == Some("▁") && !flag("split", false) => {
                self.replaces_spaces = true;
                self.prefix = match text("prepend_scheme") {
                    Some("never") => SpacePrefix::Never,
                    Some("first") => SpacePrefix::First,
                    Some("always") | None if flag("add_prefix_space", true) => SpacePrefix::UnlessSpace,
                    _ => SpacePrefix::Never,
                };
                Ok(())
            }
            _ => Err(refused()),
        }
    }
}

fn parts<'a>(sequence: &'a Json, key: &str) -> impl Iterator<Item = &'a Json> {
    sequence.get(key).and_then(Json::as_array).into_iter().flatten()
}

/// Whether a part's pattern is the space.
fn is_space(part: &Json) -> bool {
    let pattern = part.get("pattern").and_then(|pattern| pattern.get("String").or_else(|| pattern.get("Regex")));
    pattern.and_then(Json::as_str) == Some(" ")
}

/// An expression that finds `text` alone.
fn escape(text: &str) -> String {
    text.chars().map(|c| format!(r"\x{{{:X}}}", u32::from(c))).collect()
}

/// A part of the pipeline for a message.
fn name_of(part: &Json) -> String {
    let text = part.to_string();
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidModel, format!("tokenizer.json: {what}"))
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("tokenizer.json: {what}"))
}

/// The merges of a vocabulary of characters whose file lists them.
pub(super) fn pairs(merges: &[String]) -> impl Iterator<Item = (&str, &str)> {
    merges.iter().filter_map(|merge| merge.split_once(' '))
}
