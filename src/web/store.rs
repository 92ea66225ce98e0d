//! Chunks and manifests in IndexedDB.
//!
//! One transaction writes a chunk together with the manifest that names it, so a manifest never names what is not
//! there. IndexedDB tells a full disk by an `abort` event on the transaction, so every transaction is awaited by its
//! `complete` or `abort`. All requests of a transaction are issued in one turn or from an event's callback: a Rust
//! await in between could outlive it.

use std::rc::Rc;

use js_sys::{Array, Function, Promise, Uint8Array};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, IdbDatabase, IdbFactory, IdbKeyRange, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransaction,
    IdbTransactionMode, IdbVersionChangeEvent,
};

use super::scope;
use super::timeline::Span;
use crate::source::Manifest;
use crate::source::manifest::SCHEMA;

const DATABASE: &str = "bitnet-web";
const MANIFESTS: &str = "manifests";
const CHUNKS: &str = "chunks";

/// How long a database is waited for that an older version of the page keeps open, in milliseconds.
const BLOCKED_MS: f64 = 2000.0;

/// Why the store cannot be used.
#[derive(Debug)]
pub enum Problem {
    /// The browser gives no storage here: a private window, blocked site data, no IndexedDB.
    Unavailable(String),
    /// Another tab has a newer or an older version of this database open.
    OtherVersion,
    /// No room is left.
    Full,
    /// Another tab, or the user, has deleted this model.
    Gone,
    /// Anything else.
    Failed(String),
}

impl Problem {
    /// The sentence for a person.
    pub fn sentence(&self) -> String {
        let reason = match self {
            Self::Unavailable(reason) => format!("this browser gives no storage here ({reason})"),
            Self::OtherVersion => "another tab runs another version of this page; close it to use the cache".into(),
            Self::Full => "the browser's storage is full".into(),
            Self::Gone => "the cached model was deleted, in another tab or by the browser".into(),
            Self::Failed(reason) => format!("the browser's storage failed ({reason})"),
        };
        format!("{reason}: the model runs from memory and is not kept")
    }

    fn of(thrown: &JsValue) -> Self {
        let text = |name| scope::get(thrown, name).and_then(|value| value.as_string());
        let name = text("name").unwrap_or_default();
        match name.as_str() {
            "QuotaExceededError" => Self::Full,
            "VersionError" => Self::OtherVersion,
            _ => Self::Failed(format!("{name}: {}", text("message").unwrap_or_default())),
        }
    }
}

type Result<T> = std::result::Result<T, Problem>;

/// An open database. It closes by itself when another tab wants to upgrade or delete it.
pub struct Store {
    database: IdbDatabase,
    _on_version_change: Closure<dyn FnMut(JsValue)>,
}

impl Drop for Store {
    fn drop(&mut self) {
        self.database.set_onversionchange(None);
        self.database.close();
    }
}

impl Store {
    /// Opens the database, creating it or dropping one of an older schema.
    pub async fn open() -> Result<Rc<Self>> {
        let factory = scope::global("indexedDB").ok_or_else(|| Problem::Unavailable("no IndexedDB".into()))?;
        let factory: IdbFactory = factory.unchecked_into();
        let refused = |thrown: JsValue| match Problem::of(&thrown) {
            Problem::OtherVersion => Problem::OtherVersion,
            Problem::Failed(reason) => Problem::Unavailable(reason),
            other => other,
        };
        let request = factory.open_with_u32(DATABASE, SCHEMA).map_err(refused)?;
        let upgrade = Closure::once(upgrade);
        request.set_onupgradeneeded(Some(AsRef::<JsValue>::as_ref(&upgrade).unchecked_ref()));
        if !opened(&request).await.map_err(refused)? {
            // Should it open after all, it must not block anybody.
            let late = request.clone();
            let close = Closure::once_into_js(move || close(&late));
            request.set_onsuccess(Some(close.unchecked_ref()));
            upgrade.forget();
            return Err(Problem::OtherVersion);
        }
        let database: IdbDatabase = request.result().map_err(refused)?.unchecked_into();
        let closing = database.clone();
        let on_version_change: Closure<dyn FnMut(JsValue)> = Closure::new(move |_| closing.close());
        database.set_onversionchange(Some(AsRef::<JsValue>::as_ref(&on_version_change).unchecked_ref()));
        let store = Self { database, _on_version_change: on_version_change };
        Ok(Rc::new(store))
    }

    /// All manifests that can be read. What cannot be, and chunks that no manifest names, are removed.
    pub async fn manifests(&self) -> Result<Vec<Manifest>> {
        let transaction = self.begin(IdbTransactionMode::Readonly)?;
        let values = object_store(&transaction, MANIFESTS)?.get_all().map_err(failed)?;
        let records = object_store(&transaction, MANIFESTS)?.get_all_keys().map_err(failed)?;
        let chunks = object_store(&transaction, CHUNKS)?.get_all_keys().map_err(failed)?;
        committed(&transaction).await?;
        let values: Array = values.result().map_err(failed)?.unchecked_into();
        let manifests: Vec<Manifest> =
            values.iter().filter_map(|value| Manifest::from_json(&value.as_string()?)).collect();
        let chunks: Array = chunks.result().map_err(failed)?.unchecked_into();
        let records: Array = records.result().map_err(failed)?.unchecked_into();
        let owners = chunks.iter().filter_map(|key| key.dyn_into::<Array>().ok()?.get(0).as_string());
        let mut orphans: Vec<String> = owners.chain(records.iter().filter_map(|key| key.as_string())).collect();
        orphans.sort();
        orphans.dedup();
        orphans.retain(|id| manifests.iter().all(|manifest| manifest.id != *id));
        for id in orphans {
            self.forget(&id).await?;
        }
        Ok(manifests)
    }

    /// The manifest of the file at `address`: the most complete one.
    pub async fn manifest(&self, address: &str) -> Result<Option<Manifest>> {
        let mut manifests = self.manifests().await?;
        manifests.retain(|manifest| manifest.address == address);
        Ok(manifests.into_iter().max_by_key(|manifest| (manifest.complete, manifest.stored_bytes())))
    }

    /// Reads a chunk.
    pub async fn chunk(&self, id: &str, index: u64) -> Result<Option<Vec<u8>>> {
        let transaction = self.begin(IdbTransactionMode::Readonly)?;
        let request = object_store(&transaction, CHUNKS)?.get(&chunk_key(id, index)).map_err(failed)?;
        committed(&transaction).await?;
        let value = request.result().map_err(failed)?;
        let buffer = match value.dyn_into::<Blob>() {
            Ok(blob) => JsFuture::from(blob.array_buffer()).await.map_err(failed)?,
            Err(value) if value.is_undefined() => return Ok(None),
            Err(value) => value,
        };
        let _span = Span::begin("bitnet: copy");
        Ok(Some(Uint8Array::new(&buffer).to_vec()))
    }

    /// Writes a manifest, and with it a chunk. `known` says that chunks of this generation were written before: if
    /// its manifest has gone, nothing is written.
    pub async fn write(&self, manifest: &Manifest, chunk: Option<(u64, Uint8Array)>, known: bool) -> Result<()> {
        let transaction = self.begin(IdbTransactionMode::Readwrite)?;
        let manifests = object_store(&transaction, MANIFESTS)?;
        let chunks = object_store(&transaction, CHUNKS)?;
        let id = JsValue::from(&manifest.id);
        let record = JsValue::from(manifest.to_json());
        let chunk = match chunk {
            // Blobs were read twice as fast as buffers in Chromium 156, from 4 MB to 64 MB alike.
            Some((index, bytes)) => {
                let blob = Blob::new_with_u8_array_sequence(&Array::of1(&bytes)).map_err(failed)?;
                Some((chunk_key(&manifest.id, index), blob))
            }
            None => None,
        };
        let put = {
            let (manifests, id) = (manifests.clone(), id.clone());
            move || -> std::result::Result<(), JsValue> {
                if let Some((key, blob)) = &chunk {
                    chunks.put_with_key(blob, key)?;
                }
                manifests.put_with_key(&record, &id).map(|_| ())
            }
        };
        if known {
            let found = manifests.get_key(&id).map_err(failed)?;
            let (request, owner) = (found.clone(), transaction.clone());
            let then = Closure::once_into_js(move || {
                let there = request.result().is_ok_and(|key| !key.is_undefined());
                if !there || put().is_err() {
                    // It may have ended by itself.
                    let _ = owner.abort();
                }
            });
            found.set_onsuccess(Some(then.unchecked_ref()));
        } else {
            put().map_err(failed)?;
        }
        committed(&transaction).await
    }

    /// Removes a generation: its manifest and all of its chunks.
    pub async fn forget(&self, id: &str) -> Result<()> {
        let transaction = self.begin(IdbTransactionMode::Readwrite)?;
        object_store(&transaction, MANIFESTS)?.delete(&id.into()).map_err(failed)?;
        // Keys are arrays; an array sorts after every number, so this covers all chunks of the id.
        let (first, last) = (Array::of1(&id.into()), Array::of2(&id.into(), &Array::new()));
        let range = IdbKeyRange::bound(&first, &last).map_err(failed)?;
        object_store(&transaction, CHUNKS)?.delete(&range).map_err(failed)?;
        committed(&transaction).await
    }

    /// Removes everything.
    pub async fn clear(&self) -> Result<()> {
        let transaction = self.begin(IdbTransactionMode::Readwrite)?;
        object_store(&transaction, MANIFESTS)?.clear().map_err(failed)?;
        object_store(&transaction, CHUNKS)?.clear().map_err(failed)?;
        committed(&transaction).await
    }

    fn begin(&self, mode: IdbTransactionMode) -> Result<IdbTransaction> {
        let stores = Array::of2(&MANIFESTS.into(), &CHUNKS.into());
        self.database.transaction_with_str_sequence_and_mode(&stores, mode).map_err(|thrown| {
            let closed = scope::get(&thrown, "name").and_then(|name| name.as_string());
            if closed.as_deref() == Some("InvalidStateError") { Problem::OtherVersion } else { Problem::of(&thrown) }
        })
    }
}

fn failed(thrown: JsValue) -> Problem {
    Problem::of(&thrown)
}

fn chunk_key(id: &str, index: u64) -> JsValue {
    Array::of2(&id.into(), &(index as f64).into()).into()
}

fn object_store(transaction: &IdbTransaction, name: &str) -> Result<IdbObjectStore> {
    transaction.object_store(name).map_err(failed)
}

/// A promise whose functions are handed to `listen` as the handlers of two outcomes. Not within the promise's own callback: a
/// promise takes a trap there for its rejection.
fn outcome(listen: impl FnOnce(&Function, &Function)) -> Promise {
    let mut handlers = None;
    let promise = Promise::new(&mut |resolve, reject| handlers = Some((resolve, reject)));
    if let Some((resolve, reject)) = handlers {
        listen(&resolve, &reject);
    }
    promise
}

/// Waits until a transaction has committed or was aborted.
async fn committed(transaction: &IdbTransaction) -> Result<()> {
    let promise = outcome(|resolve, reject| {
        transaction.set_oncomplete(Some(resolve));
        transaction.set_onabort(Some(reject));
    });
    match JsFuture::from(promise).await {
        Ok(_) => Ok(()),
        // Only `write` aborts by itself, which leaves no error.
        Err(_) => Err(transaction.error().map_or(Problem::Gone, |error| Problem::of(&error))),
    }
}

/// Waits until a database is open: `false` if another tab does not let go of it.
async fn opened(request: &IdbOpenDbRequest) -> std::result::Result<bool, JsValue> {
    let plain: &IdbRequest = request;
    let promise = outcome(|resolve, reject| {
        let resolve_late = resolve.clone();
        let blocked = Closure::once_into_js(move || {
            scope::after(BLOCKED_MS, move || drop(resolve_late.call1(&JsValue::NULL, &JsValue::NULL)));
        });
        request.set_onblocked(Some(blocked.unchecked_ref()));
        plain.set_onsuccess(Some(resolve));
        plain.set_onerror(Some(reject));
    });
    match JsFuture::from(promise).await {
        Ok(event) => Ok(!event.is_null()),
        Err(_) => Err(plain.error().ok().flatten().map_or(JsValue::NULL, JsValue::from)),
    }
}

fn close(request: &IdbOpenDbRequest) {
    if let Ok(database) = request.result() {
        database.unchecked_into::<IdbDatabase>().close();
    }
}

/// Makes the object stores. What an older schema has left is dropped.
fn upgrade(event: IdbVersionChangeEvent) {
    let Some(request) = event.target() else { return };
    let Ok(result) = request.unchecked_into::<IdbOpenDbRequest>().result() else { return };
    let database: IdbDatabase = result.unchecked_into();
    let names = database.object_store_names();
    let old: Vec<String> = (0..names.length()).filter_map(|i| names.get(i)).collect();
    for name in old {
        // A failure aborts the upgrade, which fails the opening.
        let _ = database.delete_object_store(&name);
    }
    for name in [MANIFESTS, CHUNKS] {
        let _ = database.create_object_store(name);
    }
}
