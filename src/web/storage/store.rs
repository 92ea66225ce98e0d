//! Chunks and manifests in IndexedDB.
//!
//! One transaction writes a chunk together with the manifest that names it, so a manifest never names what is not
//! there. IndexedDB tells a full disk by an `abort` event on the transaction, so every transaction is awaited by its
//! `complete` or `abort`. All requests of a transaction are issued in one task or from an event's callback: a Rust
//! await in between could outlive it.
//!
//! The database may hold anything: another program of this origin, or a person with the browser's tools, can have written
//! it. A chunk counts only as the bytes that its manifest names, and a manifest only under its own id.

use std::rc::Rc;

use js_sys::{Array, Function, Promise, Uint8Array};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, IdbDatabase, IdbFactory, IdbKeyRange, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransaction,
    IdbTransactionMode, IdbVersionChangeEvent,
};

use super::blob;
use super::problem::Problem;
use crate::source::Manifest;
use crate::source::manifest::Part;
use crate::web::runtime::globals;

const DATABASE: &str = "bitnet-web";
/// Version of the database: its object stores. Another one more needs another version, what is in the others stays.
const VERSION: u32 = 2;
const MANIFESTS: &str = "manifests";
const CHUNKS: &str = "chunks";

/// How long a database is waited for that an older version of the page keeps open, in milliseconds.
const BLOCKED_MS: f64 = 2000.0;

/// Bytes of one chunk that are to be written.
pub struct Bytes {
    /// Number of the chunk.
    pub index: u64,
    /// First byte, counted from the chunk's start, if they are a part of it; a whole chunk replaces its parts.
    pub part: Option<u64>,
    /// The bytes, outside the shared memory.
    pub bytes: Uint8Array,
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
    /// Opens the database, creating it, adding what one of an older version lacks, and making one anew whose object stores are
    /// not as they should be.
    pub async fn open() -> Result<Rc<Self>> {
        let factory = globals::global("indexedDB").ok_or_else(|| Problem::Unavailable("no IndexedDB".into()))?;
        let factory: IdbFactory = factory.unchecked_into();
        let store = Self::open_in(&factory).await?;
        if store.is_sound() {
            return Ok(store);
        }
        drop(store);
        // Only an upgrade can make object stores, and the version is the right one already.
        let request = factory.delete_database(DATABASE).map_err(failed)?;
        if !opened(&request).await.map_err(failed)? {
            return Err(Problem::OtherVersion);
        }
        let store = Self::open_in(&factory).await?;
        if store.is_sound() { Ok(store) } else { Err(Problem::Failed("its object stores cannot be made".into())) }
    }

    /// Whether both object stores are there and take keys from outside, as this module writes them.
    fn is_sound(&self) -> bool {
        let names = self.database.object_store_names();
        if [MANIFESTS, CHUNKS].iter().any(|name| !names.contains(name)) {
            return false;
        }
        let Ok(transaction) = self.begin(IdbTransactionMode::Readonly) else { return true };
        [MANIFESTS, CHUNKS].iter().all(|name| {
            let store = object_store(&transaction, name);
            store.is_ok_and(|store| !store.auto_increment() && store.key_path().is_ok_and(|path| path.is_null()))
        })
    }

    async fn open_in(factory: &IdbFactory) -> Result<Rc<Self>> {
        let refused = |thrown: JsValue| match Problem::of(&thrown) {
            Problem::OtherVersion => Problem::OtherVersion,
            Problem::Failed(reason) => Problem::Unavailable(reason),
            other => other,
        };
        let request = factory.open_with_u32(DATABASE, VERSION).map_err(refused)?;
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
        let records: Array = records.result().map_err(failed)?.unchecked_into();
        let chunks: Array = chunks.result().map_err(failed)?.unchecked_into();
        let read = |(value, key): (JsValue, JsValue)| {
            let manifest = Manifest::from_json(&value.as_string()?)?;
            (key.as_string().as_ref() == Some(&manifest.id)).then_some(manifest)
        };
        let manifests: Vec<Manifest> = values.iter().zip(records.iter()).filter_map(read).collect();
        let known = |id: Option<String>| id.is_some_and(|id| manifests.iter().any(|manifest| manifest.id == id));
        let owner = |key: &JsValue| key.dyn_ref::<Array>()?.get(0).as_string();
        let strays: Vec<JsValue> = records.iter().filter(|key| !known(key.as_string())).collect();
        let orphans: Vec<JsValue> = chunks.iter().filter(|key| !known(owner(key))).collect();
        if !strays.is_empty() || !orphans.is_empty() {
            self.remove(&strays, &orphans).await?;
        }
        Ok(manifests)
    }

    /// Removes single records and chunks by their keys, whatever these are.
    async fn remove(&self, records: &[JsValue], chunks: &[JsValue]) -> Result<()> {
        let transaction = self.begin(IdbTransactionMode::Readwrite)?;
        for (name, keys) in [(MANIFESTS, records), (CHUNKS, chunks)] {
            let store = object_store(&transaction, name)?;
            for key in keys {
                store.delete(key).map_err(failed)?;
            }
        }
        committed(&transaction).await
    }

    /// The manifest of the file at `address`: the most complete one.
    pub async fn manifest(&self, address: &str) -> Result<Option<Manifest>> {
        let mut manifests = self.manifests().await?;
        manifests.retain(|manifest| manifest.is_at(address));
        Ok(manifests.into_iter().max_by_key(|manifest| (manifest.complete, manifest.stored_bytes())))
    }

    /// The manifest of a complete file with this SHA-256 in hex, wherever it came from.
    pub async fn with_digest(&self, hex: &str) -> Result<Option<Manifest>> {
        let manifests = self.manifests().await?;
        Ok(manifests.into_iter().find(|manifest| manifest.complete && manifest.sha256.as_deref() == Some(hex)))
    }

    /// Reads a chunk of `bytes` bytes; `None` where there is nothing, or anything else than that many bytes.
    pub async fn chunk(&self, id: &str, index: u64, bytes: u64) -> Result<Option<Vec<u8>>> {
        let transaction = self.begin(IdbTransactionMode::Readonly)?;
        let request = object_store(&transaction, CHUNKS)?.get(&chunk_key(id, index)).map_err(failed)?;
        committed(&transaction).await?;
        Ok(content(request.result().map_err(failed)?, bytes).await)
    }

    /// Reads parts of chunks; `None` for each where [`Store::chunk`] gives it.
    pub async fn parts(&self, id: &str, parts: &[Part]) -> Result<Vec<Option<Vec<u8>>>> {
        let transaction = self.begin(IdbTransactionMode::Readonly)?;
        let chunks = object_store(&transaction, CHUNKS)?;
        let mut requests = Vec::with_capacity(parts.len());
        for part in parts {
            requests.push(chunks.get(&part_key(id, part.index, part.start)).map_err(failed)?);
        }
        committed(&transaction).await?;
        let mut found = Vec::with_capacity(parts.len());
        for (request, part) in requests.iter().zip(parts) {
            found.push(content(request.result().map_err(failed)?, part.end - part.start).await);
        }
        Ok(found)
    }

    /// Writes a manifest, and with it bytes of a chunk. `known` says that chunks of this revision were written before: if
    /// its manifest has gone, nothing is written.
    pub async fn write(&self, manifest: &Manifest, chunk: Option<Bytes>, known: bool) -> Result<()> {
        let transaction = self.begin(IdbTransactionMode::Readwrite)?;
        let manifests = object_store(&transaction, MANIFESTS)?;
        let chunks = object_store(&transaction, CHUNKS)?;
        let id = JsValue::from(&manifest.id);
        let record = JsValue::from(manifest.to_json());
        let chunk = match chunk {
            // Blobs were read twice as fast as buffers in Chromium 156, from 4 MB to 64 MB alike.
            Some(Bytes { index, part, bytes }) => {
                let blob = Blob::new_with_u8_array_sequence(&Array::of1(&bytes)).map_err(failed)?;
                Some(match part {
                    Some(start) => (part_key(&manifest.id, index, start), blob, None),
                    None => (chunk_key(&manifest.id, index), blob, Some(parts_range(&manifest.id, index)?)),
                })
            }
            None => None,
        };
        let put = {
            let (manifests, id) = (manifests.clone(), id.clone());
            move || -> std::result::Result<(), JsValue> {
                if let Some((key, blob, replaced)) = &chunk {
                    chunks.put_with_key(blob, key)?;
                    if let Some(replaced) = replaced {
                        chunks.delete(replaced)?;
                    }
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

    /// Removes a revision: its manifest and all of its chunks.
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
            let closed = globals::get(&thrown, "name").and_then(|name| name.as_string());
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

fn part_key(id: &str, index: u64, start: u64) -> JsValue {
    Array::of3(&id.into(), &(index as f64).into(), &(start as f64).into()).into()
}

/// The keys of all parts of a chunk: longer arrays than its own, which sort behind it.
fn parts_range(id: &str, index: u64) -> Result<IdbKeyRange> {
    let last = Array::of3(&id.into(), &(index as f64).into(), &Array::new());
    IdbKeyRange::bound_with_lower_open(&chunk_key(id, index), &last, true).map_err(failed)
}

/// A stored value as the `bytes` bytes that it should be. Anything else than a Blob was not written here, and a Blob's size
/// is looked at before it is read.
async fn content(value: JsValue, length: u64) -> Option<Vec<u8>> {
    let blob = value.dyn_into::<Blob>().ok()?;
    if blob.size() != length as f64 {
        return None;
    }
    blob::read(&blob, length as usize).await
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
            globals::after(BLOCKED_MS, move || drop(resolve_late.call1(&JsValue::NULL, &JsValue::NULL)));
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

/// Makes the object stores that are missing. Those of an older version keep what they hold.
fn upgrade(event: IdbVersionChangeEvent) {
    let Some(request) = event.target() else { return };
    let Ok(result) = request.unchecked_into::<IdbOpenDbRequest>().result() else { return };
    let database: IdbDatabase = result.unchecked_into();
    let names = database.object_store_names();
    for name in [MANIFESTS, CHUNKS].into_iter().filter(|name| !names.contains(name)) {
        // A failure aborts the upgrade, which fails the opening.
        let _ = database.create_object_store(name);
    }
}
