//! LoRA adapters as they are published: GGUF files of llama.cpp's converter, and PEFT's folders.

#![forbid(unsafe_code)]

mod gguf;
mod peft;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::gguf::Conversion;
use crate::{Error, ErrorKind, Result};
pub use peft::{CONFIG, WEIGHTS};

/// An adapter as a file has it, whatever model it is for.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterFile {
    /// `general.architecture`, where the file says it.
    pub architecture: Option<String>,
    /// By the GGUF name of the layer, such as `blk.3.attn_q`.
    pub layers: BTreeMap<String, LowRank>,
    /// Whether the rows of queries and keys have the two halves of a head apart, as transformers has them.
    pub has_halves_apart: bool,
}

/// The two matrices beside a layer `[rows, cols]`.
#[derive(Clone, Debug, PartialEq)]
pub struct LowRank {
    /// The rows of `a`, and the columns of `b`.
    pub rank: usize,
    /// `[rank, cols]`
    pub a: Vec<f32>,
    /// `[rows, rank]`
    pub b: Vec<f32>,
    /// What their product is multiplied with.
    pub scale: f32,
}

impl LowRank {
    /// Puts the rows of `b` where a GGUF file of the Llama family has them; `None`: they stay.
    pub fn reorder(&mut self, heads: Option<usize>) {
        let (conversion, rank) = (Conversion { heads, ..Conversion::default() }, self.rank);
        if heads.is_none() {
            return;
        }
        let (old, rows) = (self.b.clone(), self.b.len() / rank);
        for (row, values) in old.chunks_exact(rank).enumerate() {
            self.b[conversion.row(row, rows) * rank..][..rank].copy_from_slice(values);
        }
    }
}

impl AdapterFile {
    /// Reads a GGUF file, as `convert_lora_to_gguf.py` of llama.cpp writes it.
    ///
    /// # Errors
    /// `InvalidGguf` or `InvalidModel` for a damaged file or one that is no adapter, `Unsupported` for another kind of adapter.
    pub fn from_gguf(bytes: &[u8]) -> Result<Self> {
        gguf::read(bytes)
    }

    /// Reads `adapter_config.json` and `adapter_model.safetensors` of PEFT.
    ///
    /// # Errors
    /// As [`from_gguf`](Self::from_gguf).
    pub fn from_peft(config: &str, weights: &[u8]) -> Result<Self> {
        peft::read(config, weights)
    }
}

/// Whatever is wrong with the numbers of a matrix.
fn check_finite(name: &str, values: &[f32]) -> Result<()> {
    match values.iter().all(|value| value.is_finite()) {
        true => Ok(()),
        false => Err(invalid(format!("{name}: one of its numbers is NaN or infinite"))),
    }
}

fn invalid(what: String) -> Error {
    Error::new(ErrorKind::InvalidModel, format!("adapter: {what}"))
}

fn unsupported(what: String) -> Error {
    Error::new(ErrorKind::Unsupported, format!("adapter: {what}"))
}
