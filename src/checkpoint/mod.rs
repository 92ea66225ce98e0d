//! A model as it is published on a Hugging Face hub: a folder of `config.json`, weights in one or several safetensors files,
//! and `tokenizer.json` with its settings.
//!
//! What the folder says is turned into the header of a GGUF file: metadata keys, and a directory of tensors with GGUF names,
//! whose data section is that of the safetensors files one after the other. From there on a checkpoint loads as any other
//! model does. What a tensor has to go through on the way is in its [`Conversion`](crate::gguf::Conversion).

#![forbid(unsafe_code)]

mod class;
mod config;
pub(crate) mod json;
mod names;
mod pooling;
mod rope;
mod safetensors;
mod settings;
mod shards;
#[cfg(test)]
mod tests;
mod windows;

pub(crate) use names::gguf_name;
pub use pooling::pooling_file;
pub(crate) use safetensors::Entry;
pub use safetensors::{Safetensors, header_bytes};
pub use shards::shards;

use crate::Result;
use crate::gguf::{Header, Metadata, Value};
use crate::source::split::Span;
use config::Config;

/// The file that a folder must have.
pub const CONFIG: &str = "config.json";
/// The vocabulary.
pub const TOKENIZER: &str = "tokenizer.json";
/// Names of special tokens, the chat template.
pub const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
/// The tokens that end an answer.
pub const GENERATION_CONFIG: &str = "generation_config.json";
/// The chat template, where it is a file of its own.
pub const CHAT_TEMPLATE: &str = "chat_template.jinja";
/// The parts of an embedding model, as sentence-transformers lists them.
pub const MODULES: &str = "modules.json";
/// The weights, where they are in one file.
pub const WEIGHTS: &str = "model.safetensors";
/// Which file has which weights, where there are several.
pub const INDEX: &str = "model.safetensors.index.json";

/// No text of a folder is longer, in bytes. The largest published vocabularies have 35 MB.
pub const MAX_TEXT_BYTES: u64 = 128 << 20;

/// The texts of a folder; the weights are read apart from them.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// The folder's name, for people.
    pub name: String,
    /// `config.json`
    pub config: String,
    /// `tokenizer.json`
    pub tokenizer: String,
    /// `tokenizer_config.json`
    pub tokenizer_config: Option<String>,
    /// `generation_config.json`
    pub generation_config: Option<String>,
    /// `chat_template.jinja`
    pub chat_template: Option<String>,
    /// `modules.json`
    pub modules: Option<String>,
    /// The settings of the pooling that [`pooling_file`] names, such as `1_Pooling/config.json`.
    pub pooling: Option<String>,
}

/// The header of a folder's model, and which bytes of each file belong to its data section, which begins at byte 0.
/// `files` are the headers of the weights' files in order.
///
/// # Errors
/// `Unsupported` for an architecture, a quantization or a scaling of RoPE that this build does not compute, by name;
/// `InvalidModel` for a text that is no JSON or contradicts itself.
pub fn header(texts: Texts, files: Vec<Safetensors>) -> Result<(Header, Vec<Span>)> {
    let config = Config::parse(&texts.config, names::have_own_norms(&files))?;
    let mut metadata = Metadata::default();
    config.write(&mut metadata);
    if let Some(kind) = pooling::kind(texts.modules.as_deref(), texts.pooling.as_deref(), config.is_bare)? {
        metadata.insert(format!("{}.pooling_type", config.architecture), kind.into());
    }
    settings::write(&texts, &config, &mut metadata)?;
    metadata.insert("general.name".to_owned(), Value::String(texts.name));
    metadata.insert("tokenizer.huggingface.json".to_owned(), Value::String(texts.tokenizer));
    let (tensors, spans) = names::tensors(files, &config)?;
    Ok((Header { version: 3, metadata, tensors, data_offset: 0 }, spans))
}
