//! How much storage the browser gives, and making room in it for a model.

use wasm_bindgen::JsValue;

use super::lock::{self, Attempt};
use super::problem::Problem;
use super::store::Store;
use crate::source::Download;
use crate::source::quota::{self, CachedModel, Estimate, Verdict};
use crate::web::runtime::globals;

/// The browser's estimate of this origin's storage.
pub struct StorageEstimate {
    /// Bytes used by everything of this origin.
    pub usage: Option<u64>,
    /// The most that it may use.
    pub quota: Option<u64>,
    /// Whether the browser promised not to clear it by itself.
    pub persisted: bool,
}

/// How much storage there is.
pub async fn estimate() -> StorageEstimate {
    let storage = globals::navigator("storage");
    let (mut estimate, mut persisted) = (None, None);
    if let Some(storage) = &storage {
        estimate = globals::call(storage, "estimate").await;
        persisted = globals::call(storage, "persisted").await;
    }
    let number = |name| Some(globals::get(estimate.as_ref()?, name)?.as_f64()? as u64);
    StorageEstimate {
        usage: number("usage"),
        quota: number("quota"),
        persisted: persisted.and_then(|yes: JsValue| yes.as_bool()).unwrap_or(false),
    }
}

/// Before the first write of a download: makes room for the whole file, where that is allowed and needed. The sentence
/// says why it is not kept.
pub async fn make_room(store: &Store, download: &Download, may_evict: bool) -> Option<String> {
    let manifest = download.manifest();
    let needed = download.total()?.saturating_sub(manifest.stored_bytes());
    let StorageEstimate { usage, quota, .. } = estimate().await;
    let estimate = usage.zip(quota).map(|(usage, quota)| Estimate { usage, quota });
    let models = if may_evict { cached_models(store, &manifest.id).await.unwrap_or_default() } else { Vec::new() };
    match quota::decide(needed, estimate, &models, may_evict) {
        Verdict::Fits => None,
        Verdict::Evict(ids) => {
            for id in ids {
                if let Err(problem) = store.forget(&id).await {
                    return Some(problem.sentence());
                }
            }
            None
        }
        Verdict::Short { needed, free } => Some(format!(
            "the browser's storage has room for {} MB, the model needs {} MB: it runs from memory and is not kept",
            free / 1_000_000,
            needed.div_ceil(1_000_000)
        )),
    }
}

/// The sentence for a write that found no room.
pub async fn full_sentence() -> String {
    let sentence = Problem::Full.sentence();
    match estimate().await {
        StorageEstimate { usage: Some(usage), quota: Some(quota), .. } => {
            format!("{sentence} ({} of {} MB are used)", usage / 1_000_000, quota / 1_000_000)
        }
        _ => sentence,
    }
}

/// Everything that is kept but the revision `id`.
pub async fn cached_models(store: &Store, id: &str) -> std::result::Result<Vec<CachedModel>, Problem> {
    let mut models = Vec::new();
    for manifest in store.manifests().await? {
        if manifest.id == id {
            continue;
        }
        let in_use = matches!(lock::try_lock(&manifest.address).await, Attempt::Busy);
        let bytes = manifest.stored_bytes();
        models.push(CachedModel { id: manifest.id, bytes, last_used: manifest.last_used, in_use });
    }
    Ok(models)
}
