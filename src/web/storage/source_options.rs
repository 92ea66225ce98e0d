//! Options of a load, as they come from the page.

use std::collections::BTreeMap;

use js_sys::Function;
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue};

use super::fetch::OwnHeaders;
use crate::Result;
use crate::source::magic::Format;
use crate::source::manifest::MAX_CHUNK_BYTES;
use crate::source::{Options, RetryPolicy};
use crate::web::runtime::globals;
use crate::web::runtime::object::read;

/// Smaller chunks would cost more in requests and records than they save.
const MIN_CHUNK_BYTES: u64 = 4096;

/// More requests at once bring nothing: each may hold a chunk in memory.
const MAX_REQUESTS: usize = 8;

/// How the cache is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "CacheOption")]
pub enum CacheMode {
    /// A complete file is taken without asking any server (the default).
    #[default]
    Use,
    /// The server is asked first whether the file has changed; without an answer the cached one is taken.
    Revalidate,
    /// The cached file is dropped and loaded anew.
    Reload,
    /// Nothing is read or kept.
    Off,
    /// A complete file is read; nothing is written, and another tab's download is not waited for.
    Peek,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CacheOption {
    Switch(bool),
    Name(String),
}

impl TryFrom<CacheOption> for CacheMode {
    type Error = String;

    fn try_from(option: CacheOption) -> std::result::Result<Self, String> {
        match option {
            CacheOption::Switch(true) => Ok(Self::Use),
            CacheOption::Switch(false) => Ok(Self::Off),
            CacheOption::Name(name) => match name.as_str() {
                "revalidate" => Ok(Self::Revalidate),
                "reload" => Ok(Self::Reload),
                _ => Err(format!("cache: expected true, false, \"revalidate\" or \"reload\", found \"{name}\"")),
            },
        }
    }
}

/// Options of a load. Every field may be missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceOptions {
    /// Sent with every request.
    pub headers: Option<BTreeMap<String, String>>,
    /// `sha256-...` of the whole file.
    pub integrity: Option<String>,
    /// Gives the headers of a request by its address: see [`OwnHeaders::Asked`].
    #[serde(skip)]
    pub ask_headers: Option<Function>,
    /// What the file should be.
    #[serde(skip)]
    pub format: Format,
    /// How the cache is used.
    pub cache: Option<CacheMode>,
    /// Where `hf:` addresses point.
    pub hf_base: Option<String>,
    /// Whether models that were not used for the longest time may be removed to make room.
    pub evict: Option<bool>,
    /// How requests are made.
    pub network: Option<NetworkOptions>,
}

impl SourceOptions {
    /// Reads the options of `call`.
    ///
    /// # Errors
    /// `invalid_argument` where they are malformed.
    pub fn from_js(call: &str, options: JsValue) -> Result<Self> {
        let ask_headers = globals::get(&options, "askHeaders").and_then(|function| function.dyn_into().ok());
        Ok(Self { ask_headers, ..read(call, options)? })
    }

    /// The headers that each request gets.
    pub fn own_headers(&self) -> OwnHeaders {
        match &self.ask_headers {
            Some(function) => OwnHeaders::Asked(function.clone()),
            None => OwnHeaders::Fixed(self.headers.iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect()),
        }
    }

    /// How the cache is used.
    pub fn cache_mode(&self) -> CacheMode {
        self.cache.unwrap_or_default()
    }

    /// These options for reading a file's beginning alone, in pieces of `chunk_bytes`.
    pub fn for_probe(mut self, chunk_bytes: u64) -> Self {
        let network = self.network.get_or_insert_default();
        network.chunk_bytes = Some(chunk_bytes);
        network.requests = Some(1);
        // The digest is that of the whole file.
        self.integrity = None;
        self.cache = Some(if self.cache_mode() == CacheMode::Off { CacheMode::Off } else { CacheMode::Peek });
        self
    }

    /// The plan of a download with these options.
    pub fn plan(&self) -> Options {
        let standard = Options::default();
        let standard = Options { format: self.format, ..standard };
        let Some(wish) = &self.network else { return standard };
        Options {
            chunk_bytes: wish.chunk_bytes.unwrap_or(standard.chunk_bytes).clamp(MIN_CHUNK_BYTES, MAX_CHUNK_BYTES),
            in_flight: wish.requests.unwrap_or(standard.in_flight).min(MAX_REQUESTS),
            stall_ms: wish.stall_ms.unwrap_or(standard.stall_ms),
            retry: RetryPolicy {
                attempts: wish.attempts.unwrap_or(standard.retry.attempts),
                base_ms: wish.retry_delay_ms.unwrap_or(standard.retry.base_ms),
                ..standard.retry
            },
            ..standard
        }
    }
}

/// How requests are made. Every field may be missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkOptions {
    /// Size of one request and of one stored piece, in bytes.
    chunk_bytes: Option<u64>,
    /// Requests at once.
    requests: Option<usize>,
    /// Failures in a row without progress before a load gives up.
    attempts: Option<u32>,
    /// Delay after the first failure, in milliseconds; it doubles with each further one.
    retry_delay_ms: Option<f64>,
    /// How long a silent server is waited for, in milliseconds.
    stall_ms: Option<f64>,
}
