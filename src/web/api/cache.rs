//! `BitNet.cache`: lists and deletes the models that are kept.

use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::to_js;
use crate::source::{Manifest, address, quota};
use crate::web::runtime::object::to_object;
use crate::web::runtime::task;
use crate::web::storage::folder;
use crate::web::storage::problem::Problem;
use crate::web::storage::quota::{StorageEstimate, cached_models, estimate};
use crate::web::storage::source::part_addresses;
use crate::web::storage::store::Store;
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
        "estimate" => to_object(&WebEstimate::from(estimate().await)),
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

/// A [`StorageEstimate`] as JavaScript sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebEstimate {
    /// Bytes used by everything of this origin.
    usage: Option<u64>,
    /// The most that it may use.
    quota: Option<u64>,
    /// Whether the browser promised not to clear it by itself.
    persisted: bool,
}

impl From<StorageEstimate> for WebEstimate {
    fn from(StorageEstimate { usage, quota, persisted }: StorageEstimate) -> Self {
        Self { usage, quota, persisted }
    }
}

/// All kept files, the last used first.
///
/// # Errors
/// `storage` when there is no storage here.
async fn list() -> Result<Vec<Entry>> {
    let store = Store::open().await.map_err(refused)?;
    let mut manifests = store.manifests().await.map_err(refused)?;
    manifests.sort_by(|a, b| b.last_used.total_cmp(&a.last_used));
    // A note that there is no file is no file.
    Ok(manifests.iter().filter(|manifest| manifest.total != Some(0)).map(entry).collect())
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
    let is_folder = address::folder(address, hf_base).is_some();
    let addresses: Vec<String> =
        if is_folder { Vec::new() } else { part_addresses(address, hf_base)?.iter().map(plain).collect() };
    let store = Store::open().await.map_err(refused)?;
    let mut freed = 0;
    for manifest in store.manifests().await.map_err(refused)? {
        if addresses.iter().any(|address| manifest.is_at(address))
            || is_folder && folder::is_within(address, hf_base, &manifest)?
        {
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
    let models = cached_models(&store, "").await.map_err(refused)?;
    let Some(ids) = quota::evict(bytes, &models) else {
        let all: u64 = models.iter().filter(|model| !model.in_use).map(|model| model.bytes).sum();
        let message = format!("cache: {bytes} bytes cannot be freed, only {all} bytes are kept and not in use");
        return Err(Error::new(ErrorKind::Storage, message));
    };
    let mut freed = 0;
    for id in ids {
        store.forget(&id).await.map_err(refused)?;
        freed += models.iter().find(|model| model.id == id).map_or(0, |model| model.bytes);
    }
    Ok(freed)
}

fn refused(problem: Problem) -> Error {
    Error::new(ErrorKind::Storage, format!("cache: {}", problem.reason()))
}
