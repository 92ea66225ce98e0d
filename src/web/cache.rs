//! The models that are kept: listing, deleting, making room.

use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::engine::to_object;
use super::error::to_js;
use super::locks::{self, Attempt};
use super::scope;
use super::source::part_addresses;
use super::store::{Problem, Store};
use super::task;
use crate::source::room::{self, Estimate, Room, Tenant};
use crate::source::{Download, Manifest, address};
use crate::{Error, ErrorKind, Result};

/// Manages what is kept: `list`, `estimate`, `clear`, `delete` (an address, and the base of `hf:` addresses) or `evict`
/// (bytes).
///
/// # Errors
/// `{ code, message }`.
#[wasm_bindgen]
pub async fn cache(
    action: String,
    address: String,
    hf_base: Option<String>,
    bytes: f64,
) -> std::result::Result<JsValue, JsValue> {
    task::watched(answer(&action, &address, hf_base.as_deref(), bytes)).await.map_err(|error| to_js(&error))
}

async fn answer(action: &str, address: &str, hf_base: Option<&str>, bytes: f64) -> Result<JsValue> {
    match action {
        "list" => list().await.and_then(|entries| to_object(&entries)),
        "estimate" => to_object(&estimate().await),
        "clear" => clear().await.map(|()| JsValue::UNDEFINED),
        "delete" => delete(address, hf_base).await.map(|freed| (freed as f64).into()),
        "evict" => evict(bytes as u64).await.map(|freed| (freed as f64).into()),
        _ => Err(Error::new(ErrorKind::InvalidArgument, format!("cache: there is no '{action}'"))),
    }
}

/// One kept file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The file's name.
    pub name: String,
    /// The address it came from.
    pub source: String,
    /// Its length in bytes, where known.
    pub bytes: Option<u64>,
    /// Bytes that are kept of it.
    pub stored_bytes: u64,
    /// Whether all of it is kept.
    pub complete: bool,
    /// When it was last loaded, in milliseconds since 1970.
    pub last_used: f64,
}

/// What the browser says of this origin's storage.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageEstimate {
    /// Bytes used by everything of this origin.
    pub usage: Option<u64>,
    /// The most that it may use.
    pub quota: Option<u64>,
    /// Whether the browser promised not to clear it by itself.
    pub persisted: bool,
}

/// All kept files, the last used first.
///
/// # Errors
/// `storage` when there is no storage here.
async fn list() -> Result<Vec<Entry>> {
    let store = Store::open().await.map_err(refused)?;
    let mut manifests = store.manifests().await.map_err(refused)?;
    manifests.sort_by(|a, b| b.last_used.total_cmp(&a.last_used));
    Ok(manifests.iter().map(entry).collect())
}

fn entry(manifest: &Manifest) -> Entry {
    Entry {
        name: address::file_name(&manifest.address),
        source: manifest.address.clone(),
        bytes: manifest.total,
        stored_bytes: manifest.stored_bytes(),
        complete: manifest.complete,
        last_used: manifest.last_used,
    }
}

/// Deletes what is kept of the model at an address (all parts of a split one). Returns the bytes that were freed.
///
/// # Errors
/// `storage` when there is no storage here, `invalid_argument` for a malformed address.
async fn delete(address: &str, hf_base: Option<&str>) -> Result<u64> {
    let addresses: Vec<String> = part_addresses(address, hf_base)?.iter().map(plain).collect();
    let store = Store::open().await.map_err(refused)?;
    let mut freed = 0;
    for manifest in store.manifests().await.map_err(refused)? {
        if addresses.iter().any(|address| manifest.is_at(address)) {
            store.forget(&manifest.id).await.map_err(refused)?;
            freed += manifest.stored_bytes();
        }
    }
    Ok(freed)
}

fn plain(url: &web_sys::Url) -> String {
    url.set_hash("");
    url.href()
}

/// Deletes everything that is kept.
///
/// # Errors
/// `storage` when there is no storage here.
async fn clear() -> Result<()> {
    Store::open().await.map_err(refused)?.clear().await.map_err(refused)
}

/// Deletes models that were not used for the longest time until at least `bytes` are freed; those that are being
/// loaded stay. Returns the bytes that were freed.
///
/// # Errors
/// `storage` when all of them would not be enough (then nothing is deleted), or without storage.
async fn evict(bytes: u64) -> Result<u64> {
    let store = Store::open().await.map_err(refused)?;
    let tenants = tenants(&store, "").await.map_err(refused)?;
    let Some(ids) = room::evict(bytes, &tenants) else {
        let all: u64 = tenants.iter().filter(|tenant| !tenant.in_use).map(|tenant| tenant.bytes).sum();
        let message = format!("cache: {bytes} bytes cannot be freed, only {all} bytes are kept and not in use");
        return Err(Error::new(ErrorKind::Storage, message));
    };
    let mut freed = 0;
    for id in ids {
        store.forget(&id).await.map_err(refused)?;
        freed += tenants.iter().find(|tenant| tenant.id == id).map_or(0, |tenant| tenant.bytes);
    }
    Ok(freed)
}

/// How much storage there is.
pub async fn estimate() -> StorageEstimate {
    let storage = scope::navigator("storage");
    let (mut estimate, mut persisted) = (None, None);
    if let Some(storage) = &storage {
        estimate = scope::call(storage, "estimate").await;
        persisted = scope::call(storage, "persisted").await;
    }
    let number = |name| Some(scope::get(estimate.as_ref()?, name)?.as_f64()? as u64);
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
    let tenants = if may_evict { tenants(store, &manifest.id).await.unwrap_or_default() } else { Vec::new() };
    match room::decide(needed, estimate, &tenants, may_evict) {
        Room::Fits => None,
        Room::Evict(ids) => {
            for id in ids {
                if let Err(problem) = store.forget(&id).await {
                    return Some(problem.sentence());
                }
            }
            None
        }
        Room::Short { needed, free } => Some(format!(
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

/// Everything that is kept but the generation `id`.
async fn tenants(store: &Store, id: &str) -> std::result::Result<Vec<Tenant>, Problem> {
    let mut tenants = Vec::new();
    for manifest in store.manifests().await? {
        if manifest.id == id {
            continue;
        }
        let in_use = matches!(locks::try_lock(&manifest.address).await, Attempt::Busy);
        let bytes = manifest.stored_bytes();
        tenants.push(Tenant { id: manifest.id, bytes, last_used: manifest.last_used, in_use });
    }
    Ok(tenants)
}

fn refused(problem: Problem) -> Error {
    let sentence = problem.sentence();
    let reason = sentence.split(": the model runs").next().unwrap_or(&sentence);
    Error::new(ErrorKind::Storage, format!("cache: {reason}"))
}
