//! Special tokens and the chat template: `tokenizer_config.json`, `generation_config.json`, `chat_template.jinja`.

use serde_json::{Map, Value as Json};

use super::config::Config;
use super::json::{Object, invalid, parse};
use super::{GENERATION_CONFIG, TOKENIZER_CONFIG, Texts};
use crate::Result;
use crate::gguf::{Array, Metadata, Value};

/// Where templates stand that have names.
const TEMPLATES: &str = "tokenizer_config.json: chat_template";

/// Writes the GGUF keys of tokens by id. Those that are known by their text alone are written as keys of this crate, which
/// the vocabulary reads beside `tokenizer.json`.
pub(super) fn write(texts: &Texts, config: &Config, metadata: &mut Metadata) -> Result<()> {
    let tokenizer = optional(TOKENIZER_CONFIG, texts.tokenizer_config.as_deref())?;
    let tokenizer = Object::new(TOKENIZER_CONFIG, &tokenizer);
    let generation = optional(GENERATION_CONFIG, texts.generation_config.as_deref())?;
    let generation = Object::new(GENERATION_CONFIG, &generation);

    let mut text = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            metadata.insert(format!("tokenizer.huggingface.{key}"), Value::String(value.to_owned()));
        }
    };
    text("bos_token", token(tokenizer, "bos_token")?);
    text("eos_token", token(tokenizer, "eos_token")?);
    let template = match &texts.chat_template {
        Some(template) => Some(template.as_str()),
        None => template(tokenizer)?,
    };
    if let Some(template) = template {
        metadata.insert("tokenizer.chat_template".to_owned(), Value::String(template.to_owned()));
    }
    for key in ["add_bos_token", "add_eos_token"] {
        if let Some(adds) = tokenizer.flag(key)? {
            metadata.insert(format!("tokenizer.ggml.{key}"), Value::Bool(adds));
        }
    }
    let generation_eos = generation.ids("eos_token_id")?;
    let bos = generation.ids("bos_token_id")?.first().copied().or(config.bos);
    if let Some(bos) = bos {
        metadata.insert("tokenizer.ggml.bos_token_id".to_owned(), bos.into());
    }
    let eos = if generation_eos.is_empty() { config.eos.clone() } else { generation_eos };
    if let Some(&first) = eos.first() {
        metadata.insert("tokenizer.ggml.eos_token_id".to_owned(), first.into());
        metadata.insert("tokenizer.ggml.eos_token_ids".to_owned(), Value::Array(Array::Unsigned(eos)));
    }
    Ok(())
}

fn optional(file: &str, text: Option<&str>) -> Result<Map<String, Json>> {
    text.map_or_else(|| Ok(Map::new()), |text| parse(file, text))
}

/// A token's text: a string, or an object with its content.
fn token<'a>(file: Object<'a>, key: &str) -> Result<Option<&'a str>> {
    match file.get(key) {
        Some(Json::Object(token)) => Ok(token.get("content").and_then(Json::as_str)),
        _ => file.string(key),
    }
}

/// The chat template: a string, or one of several that have names, in an array or an object.
fn template(file: Object<'_>) -> Result<Option<&str>> {
    if let Some(Json::Object(templates)) = file.get("chat_template") {
        return Object::new(TEMPLATES, templates).string("default");
    }
    let Some(Json::Array(templates)) = file.get("chat_template") else { return file.string("chat_template") };
    let of = |entry: &'_ Json, key: &str| entry.get(key).and_then(Json::as_str).map(str::to_owned);
    let found = templates.iter().find(|entry| of(entry, "name").as_deref() == Some("default"));
    match found.map(|entry| entry.get("template").and_then(Json::as_str)) {
        None => Ok(None),
        Some(Some(template)) => Ok(Some(template)),
        Some(None) => Err(invalid(format!("{TOKENIZER_CONFIG}: chat_template: the default one has no text"))),
    }
}
