//! Adapters beside the linear layers of a loaded model (LoRA, arXiv:2106.09685): `y += weight * scale * B (A x)`, in f32, with `x`
//! the input of the layer before it is quantized.

use std::collections::HashMap;
use std::sync::Arc;

use xxhash_rust::xxh64::Xxh64;

use super::Model;
use super::plan::LinearId;
use super::sequence::AdaptersKey;
use crate::adapter::{AdapterFile, LowRank};
use crate::{Error, ErrorKind, Result};

/// An adapter whose matrices fit the layers of a model.
#[derive(Debug)]
pub struct Adapter {
    /// The checksum of all of it: what was computed with an adapter may be kept longer than the adapter.
    id: u64,
    layers: HashMap<LinearId, LowRank>,
}

impl Adapter {
    /// The adapter of a file, for `model`.
    ///
    /// # Errors
    /// `InvalidModel` for matrices of other shapes than the layer's, `Unsupported` for a layer that `model` does not have as a linear
    /// one, or an adapter of another architecture.
    pub fn new(model: &Model, file: AdapterFile) -> Result<Self> {
        let found = file.architecture.as_deref();
        if let Some(found) = found.filter(|&found| !same_family(found, model.config().architecture)) {
            return Err(Error::new(
                ErrorKind::InvalidModel,
                format!("adapter: it is for {found:?} models, and this one is a {:?}", model.config().architecture),
            ));
        }
        let (mut layers, mut checksum) = (HashMap::new(), Xxh64::new(0));
        for (name, mut layer) in file.layers {
            let Some((id, [rows, cols])) = model.linear_named(&name) else {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("adapter: this model has no linear layer {name}, beside which it could be computed"),
                ));
            };
            let expected = [cols * layer.rank, rows * layer.rank];
            if [layer.a.len(), layer.b.len()] != expected {
                return Err(Error::new(
                    ErrorKind::InvalidModel,
                    format!(
                        "adapter: {name}: expected A [{}, {cols}] and B [{rows}, {}], found {} and {} numbers: it is for another \
                         model",
                        layer.rank,
                        layer.rank,
                        layer.a.len(),
                        layer.b.len()
                    ),
                ));
            }
            if file.has_halves_apart {
                layer.reorder(model.heads_of(&name));
            }
            checksum.update(name.as_bytes());
            checksum.update(&layer.scale.to_bits().to_le_bytes());
            for number in layer.a.iter().chain(&layer.b) {
                checksum.update(&number.to_bits().to_le_bytes());
            }
            layers.insert(id, layer);
        }
        Ok(Self { id: checksum.digest(), layers })
    }

    /// How many layers it is beside.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.layers.values().map(|layer| (layer.a.len() + layer.b.len()) * size_of::<f32>()).sum()
    }
}

/// The names of one family in GGUF files and in adapters' metadata.
fn same_family(a: &str, b: &str) -> bool {
    a == b || a.starts_with("bitnet") && b.starts_with("bitnet")
}

/// The adapters that a text goes through, each with its weight. It never changes.
#[derive(Debug)]
pub struct ActiveAdapters {
    /// In the order of their checksums.
    parts: Vec<(Arc<Adapter>, f32)>,
    key: u64,
}

impl ActiveAdapters {
    /// These adapters with these weights; `None` if there are none. The order does not count.
    pub fn new(mut parts: Vec<(Arc<Adapter>, f32)>) -> Option<Arc<Self>> {
        parts.retain(|(_, weight)| *weight != 0.0);
        parts.sort_by_key(|(adapter, _)| adapter.id);
        let mut key = Xxh64::new(0);
        for (adapter, weight) in &parts {
            key.update(&adapter.id.to_le_bytes());
            key.update(&weight.to_bits().to_le_bytes());
        }
        let key = key.digest();
        (!parts.is_empty()).then(|| Arc::new(Self { parts, key }))
    }

    /// A number that is equal only for the same adapters with the same weights.
    pub fn key(active: &Option<Arc<Self>>) -> AdaptersKey {
        active.as_ref().map(|active| active.key)
    }

    /// What lies beside a layer, each with the factor of its product.
    pub(super) fn beside(&self, layer: LinearId) -> impl Iterator<Item = (&LowRank, f32)> {
        self.parts.iter().filter_map(move |(adapter, weight)| {
            let low_rank = adapter.layers.get(&layer)?;
            Some((low_rank, weight * low_rank.scale))
        })
    }
}
