//! Adapters in GGUF files. Source: `convert_lora_to_gguf.py` and `llama-adapter.cpp` of llama.cpp.

use std::collections::BTreeMap;

use super::{AdapterFile, LowRank, check_finite, invalid, unsupported};
use crate::gguf::{Header, Parser, Progress, TensorInfo, type_name};
use crate::quant::TensorType;
use crate::{Error, ErrorKind, Result};

pub(super) fn read(bytes: &[u8]) -> Result<AdapterFile> {
    let header = match Parser::new().parse(bytes)? {
        Progress::Done(header) => header,
        Progress::NeedMore(_) => return Err(truncated()),
    };
    let text = |key: &str| header.metadata.string(key);
    let kind = text("general.type")?.unwrap_or("model");
    if kind != "adapter" {
        return Err(invalid(format!("expected a file whose general.type is \"adapter\", found {kind:?}")));
    }
    let kind = text("adapter.type")?.unwrap_or_default();
    if kind != "lora" {
        return Err(unsupported(format!("adapter.type is {kind:?}, expected \"lora\"")));
    }
    if header.metadata.get("adapter.alora.invocation_tokens").is_some() {
        return Err(unsupported(
            "it is switched on by tokens of the text (adapter.alora.invocation_tokens)".to_owned(),
        ));
    }
    let alpha = header.metadata.f32("adapter.lora.alpha")?.unwrap_or(0.0);
    let mut layers: BTreeMap<String, [Option<Matrix>; 2]> = BTreeMap::new();
    for tensor in &header.tensors {
        let found = [".weight.lora_a", ".weight.lora_b"].map(|end| tensor.name.strip_suffix(end));
        let Some((which, layer)) = found.iter().enumerate().find_map(|(which, layer)| Some((which, (*layer)?))) else {
            return Err(unsupported(format!("tensor {}: expected names that end in .lora_a or .lora_b", tensor.name)));
        };
        layers.entry(layer.to_owned()).or_default()[which] = Some(matrix(&header, tensor, bytes)?);
    }
    let mut file = AdapterFile {
        architecture: text("general.architecture")?.map(str::to_owned),
        layers: BTreeMap::new(),
        has_halves_apart: false,
    };
    for (name, matrices) in layers {
        let [Some(a), Some(b)] = matrices else {
            return Err(invalid(format!("{name} has one of lora_a and lora_b, expected both")));
        };
        if a.rows != b.cols || a.rows == 0 {
            return Err(invalid(format!("{name}: lora_a has {} rows, and lora_b {} columns", a.rows, b.cols)));
        }
        // As llama.cpp: without an alpha the product stands for itself.
        let scale = if alpha == 0.0 { 1.0 } else { alpha / a.rows as f32 };
        file.layers.insert(name, LowRank { rank: a.rows, a: a.values, b: b.values, scale });
    }
    if file.layers.is_empty() {
        return Err(invalid("the file has no tensors".to_owned()));
    }
    Ok(file)
}

struct Matrix {
    rows: usize,
    cols: usize,
    values: Vec<f32>,
}

fn matrix(header: &Header, tensor: &TensorInfo, bytes: &[u8]) -> Result<Matrix> {
    tensor.check()?;
    let name = &tensor.name;
    let (cols, rows) = match tensor.dims.as_slice() {
        [cols, rest @ ..] => (*cols as usize, rest.iter().product::<u64>() as usize),
        [] => (0, 0),
    };
    let decoder = TensorType::from_id(tensor.type_id).and_then(|kind| Some((kind, kind.row_decoder()?)));
    let Some((kind, decode)) = decoder else {
        let found = type_name(tensor.type_id);
        return Err(unsupported(format!("tensor {name}: expected F32, F16 or another type of rows, found {found}")));
    };
    let row_bytes = kind.row_bytes(cols).filter(|&bytes| bytes > 0 && rows > 0);
    let row_bytes = row_bytes.ok_or_else(|| invalid(format!("tensor {name}: {} {:?}", kind.name(), tensor.dims)))?;
    let begin = header.data_offset.checked_add(tensor.offset).and_then(|begin| usize::try_from(begin).ok());
    let begin = begin.ok_or_else(truncated)?;
    let length = row_bytes.checked_mul(rows).and_then(|length| begin.checked_add(length));
    let stored = length.and_then(|end| bytes.get(begin..end)).ok_or_else(truncated)?;
    let mut values = vec![0.0; rows * cols];
    for (stored, values) in stored.chunks_exact(row_bytes).zip(values.chunks_exact_mut(cols)) {
        decode(stored, values);
    }
    check_finite(name, &values)?;
    Ok(Matrix { rows, cols, values })
}

fn truncated() -> Error {
    Error::new(ErrorKind::Truncated, "adapter: the file ends before its last tensor: it was cut off")
}
