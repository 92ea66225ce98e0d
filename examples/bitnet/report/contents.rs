//! The directory of the file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use bitnet_web::gguf::{Array, Header, Parser, Progress, Value, type_name};
use bitnet_web::quant::TensorType;

use crate::Outcome;
use crate::model_file::ModelFile;

use super::markdown::Table;

/// Elements of an array, or characters of a text, that are shown.
const SHOWN: usize = 8;
const SHOWN_CHARS: usize = 300;

/// Reads the directory, and no more of the file than that.
pub fn header(path: &Path) -> Outcome<Header> {
    let mut file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (mut parser, mut bytes) = (Parser::new(), Vec::new());
    loop {
        match parser.parse(&bytes)? {
            Progress::Done(header) => return Ok(header),
            Progress::NeedMore(_) => {
                let more = (bytes.len() as u64).max(1 << 20);
                if file.by_ref().take(more).read_to_end(&mut bytes)? == 0 {
                    return Err("the file ends inside its directory".into());
                }
            }
        }
    }
}

pub fn metadata(header: &Header) -> Table {
    let mut table = Table::new(&format!("Metadata (GGUF version {})", header.version), &["key", "value"]);
    for (key, value) in header.metadata.iter() {
        table.row(&[&key, &shown(value)]);
    }
    table
}

fn shown(value: &Value) -> String {
    match value {
        Value::Unsigned(v) => v.to_string(),
        Value::Signed(v) => v.to_string(),
        Value::Float(v) => v.to_string(),
        Value::Bool(v) => v.to_string(),
        Value::String(v) => shown_text(v),
        Value::Array(array) => shown_array(array),
        Value::Unreadable(why) => format!("unreadable: {why}"),
    }
}

fn shown_text(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?} ... ({} characters)", &text[..end], text.chars().count()),
    }
}

fn shown_array(array: &Array) -> String {
    fn first<T: std::fmt::Debug>(values: &[T]) -> String {
        values.iter().take(SHOWN).map(|v| format!("{v:?}")).collect::<Vec<_>>().join(", ")
    }
    let text = match array {
        Array::Unsigned(v) => first(v),
        Array::Signed(v) => first(v),
        Array::Float(v) => first(v),
        Array::Bool(v) => first(v),
        Array::String(v) => first(v),
    };
    let more = if array.len() > SHOWN { ", ..." } else { "" };
    format!("[{text}{more}] ({} elements)", array.len())
}

/// Tensors by what they are called within a block, type and shape.
pub fn tensors(header: &Header) -> Table {
    let mut groups: BTreeMap<(String, u32, Vec<u64>), u64> = BTreeMap::new();
    for tensor in &header.tensors {
        *groups.entry((family(&tensor.name), tensor.type_id, tensor.dims.clone())).or_default() += 1;
    }
    let title = format!("Tensors ({})", header.tensors.len());
    let mut table = Table::new(&title, &["name", "type", "shape", "count", "bytes in all"]);
    for ((name, type_id, dims), count) in groups {
        let bytes = tensor_bytes(type_id, &dims).map_or("?".to_owned(), |bytes| (bytes * count).to_string());
        table.row(&[&name, &type_name(type_id), &format!("{dims:?}"), &count, &bytes]);
    }
    table
}

fn tensor_bytes(type_id: u32, dims: &[u64]) -> Option<u64> {
    let rows = dims[1..].iter().product::<u64>();
    TensorType::from_id(type_id)?.tensor_bytes(usize::try_from(rows).ok()?, usize::try_from(dims[0]).ok()?)
}

/// `blk.17.attn_q.weight` as `blk.*.attn_q.weight`.
fn family(name: &str) -> String {
    let parts = name.split('.').map(|part| if part.parse::<u32>().is_ok() { "*" } else { part });
    parts.collect::<Vec<_>>().join(".")
}

/// The loaded model, and where it came from.
pub fn model(path: &Path, loaded: &ModelFile) -> Table {
    let model = loaded.engine.model();
    let (config, summary) = (model.config(), loaded.engine.summary());
    let mut table = Table::new("Model", &["what", "value"]);
    table.row(&[&"file", &path.file_name().unwrap_or_default().display()]);
    table.row(&[&"bytes", &loaded.length]);
    table.row(&[&"sha256", &loaded.sha256]);
    table.row(&[&"architecture", &config.architecture]);
    table.row(&[&"weights", &summary.quantization]);
    table.row(&[&"parameters", &summary.parameters]);
    table.row(&[&"layers, dim, ffn", &format!("{}, {}, {}", config.n_layers, config.dim, config.ffn_dim)]);
    let heads = format!("{}, {}, {}", config.n_heads, config.n_kv_heads, config.head_dim);
    table.row(&[&"heads, KV heads, head_dim", &heads]);
    table.row(&[&"vocabulary", &config.vocab_size]);
    table.row(&[&"context", &format!("{} of {}", summary.context, config.context_length)]);
    table.row(&[&"gate", &format!("{:?}", model.activation())]);
    table.row(&[&"rope theta, dimensions", &format!("{}, {}", config.rope_theta, config.rope_dim)]);
    table.row(&[&"output head", &if model.weights().has_own_head() { "output.weight" } else { "tied" }]);
    table.row(&[&"weights in memory", &format!("{} bytes", model.weights().bytes())]);
    table.row(&[&"loaded natively in", &format!("{:.1} s", loaded.load_seconds)]);
    table.row(&[&"native machine", &format!("{} {}", std::env::consts::ARCH, std::env::consts::OS)]);
    table
}
