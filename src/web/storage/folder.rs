//! A folder in the manner of Hugging Face: its texts, the headers of its weights, and where the weights are.

use web_sys::Blob;

use super::header;
use super::reader::ModelReader;
use super::source::{SourceSpec, bad_address};
use super::source_options::{CacheMode, SourceOptions};
use super::store::Store;
use crate::checkpoint::{self, Texts};
use crate::source::address::{self, Folder as Address};
use crate::source::magic::Format;
use crate::source::{Manifest, Phase, Progress, Report};
use crate::web::runtime::{clock, globals};
use crate::web::storage::header::SplitHeader;
use crate::{Error, ErrorKind, Result};

/// Where the files of a folder are.
pub enum Place {
    /// At addresses, which are absolute.
    Remote(Address),
    /// In the page's hands, by name.
    Local(Vec<(String, Blob)>),
}

/// The files that a model's folder must have, with weights in one file or several.
pub const MODEL_FILES: [&str; 2] = [checkpoint::CONFIG, checkpoint::TOKENIZER];

impl Place {
    /// The folder at `text`.
    ///
    /// # Errors
    /// `invalid_argument` for a malformed address.
    pub fn remote(folder: Address, text: &str) -> Result<Self> {
        let absolute = globals::absolute(&folder.prefix).map_err(|_| bad_address(text))?;
        Ok(Self::Remote(Address { prefix: absolute.href(), ..folder }))
    }

    /// The folder of these files, with those that are `needed`.
    ///
    /// # Errors
    /// `invalid_argument` if they are no folder's.
    pub fn local(files: Vec<(String, Blob)>, needed: &[&str]) -> Result<Self> {
        let is_there = |needed: &&str| files.iter().any(|(name, _)| name == needed);
        if needed.iter().all(is_there) {
            return Ok(Self::Local(files));
        }
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).take(10).collect();
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "source: expected the files of a folder with {}, found {}; pass a GGUF file alone, not in an array",
                needed.join(" and "),
                if names.is_empty() { "none".to_owned() } else { names.join(", ") }
            ),
        ))
    }

    fn name(&self) -> String {
        match self {
            Self::Remote(folder) => folder.name.clone(),
            Self::Local(_) => String::new(),
        }
    }

    /// A file, as far as can be known without asking for it.
    fn file(&self, name: &str) -> Result<Option<SourceSpec>> {
        match self {
            Self::Remote(folder) => {
                let address = folder.file(name);
                let url = globals::absolute(&address).map_err(|_| bad_address(&address))?;
                Ok(Some(SourceSpec::File(url)))
            }
            Self::Local(files) => {
                let found = files.iter().find(|(known, _)| known == name);
                Ok(found.map(|(name, blob)| SourceSpec::Blob(blob.clone(), name.clone())))
            }
        }
    }
}

/// A folder whose texts were read.
pub struct Folder {
    place: Place,
    options: SourceOptions,
    /// They know what is in the cache of the texts.
    readers: Vec<ModelReader>,
    /// The names of the files of the weights, in order.
    weights: Vec<String>,
}

impl Folder {
    /// A folder at `place`.
    ///
    /// # Errors
    /// `invalid_argument` for an `integrity`, which can be that of one file only.
    pub fn new(place: Place, options: SourceOptions) -> Result<Self> {
        if options.integrity.is_some() {
            let message = "integrity: one digest cannot be that of a folder of files";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        Ok(Self { place, options, readers: Vec::new(), weights: Vec::new() })
    }

    /// Reads the texts, and the headers of the weights. What is reported are no bytes yet, but whether it waits.
    ///
    /// # Errors
    /// As [`ModelReader::next`]; `not_found` and `invalid_argument` if a file is missing.
    pub async fn header(&mut self, report: Report<'_>) -> Result<SplitHeader> {
        let mut quiet = |progress: Progress| {
            if matches!(progress.phase, Phase::Connect | Phase::Retry | Phase::Wait) {
                report(Progress { loaded: 0, total: None, from_cache: 0, ..progress });
            }
        };
        let report: Report<'_> = &mut quiet;
        let mut texts = Texts {
            config: self.require(checkpoint::CONFIG, report).await.map_err(|error| self.no_folder(error))?,
            name: self.place.name(),
            tokenizer_config: self.text(checkpoint::TOKENIZER_CONFIG, report).await?,
            generation_config: self.text(checkpoint::GENERATION_CONFIG, report).await?,
            chat_template: self.text(checkpoint::CHAT_TEMPLATE, report).await?,
            tokenizer: self.require(checkpoint::TOKENIZER, report).await?,
            modules: self.text(checkpoint::MODULES, report).await?,
            pooling: None,
        };
        if let Some(file) = texts.modules.as_deref().map(checkpoint::pooling_file).transpose()?.flatten() {
            texts.pooling = self.text(&file, report).await?;
        }
        self.weights = match self.text(checkpoint::INDEX, report).await? {
            Some(index) => checkpoint::shards(&index)?,
            None => vec![checkpoint::WEIGHTS.to_owned()],
        };
        let (mut headers, mut starts, mut bytes) = (Vec::new(), Vec::new(), 0);
        for part in self.parts()? {
            let (header, start) = header::read_safetensors(part, &self.options).await?;
            bytes += header.data_offset + header.data_bytes;
            headers.push(header);
            starts.push(start);
        }
        let (header, spans) = checkpoint::header(texts, headers)?;
        Ok(SplitHeader { header, spans, bytes, starts })
    }

    /// A folder without its first file is none: whoever means a GGUF file has to name it.
    fn no_folder(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::NotFound {
            return error;
        }
        let message = format!(
            "{error}; a folder of safetensors has this file, and a GGUF file is loaded by its own address, such as \
             hf:owner/repo/file.gguf"
        );
        error.reworded(message)
    }

    /// Opens the weights, which are read one file after the other.
    ///
    /// # Errors
    /// As [`ModelReader::open`].
    pub async fn open(&mut self, report: Report<'_>) -> Result<ModelReader> {
        let parts = self.parts()?;
        let options = SourceOptions { format: Format::Safetensors, ..self.options.clone() };
        ModelReader::open_parts(checkpoint::WEIGHTS.to_owned(), parts, options, report).await
    }

    /// The model was built: the cache notes that the texts were used.
    pub async fn finish(self) {
        for reader in self.readers {
            reader.finish().await;
        }
    }

    /// The folder is no usable model: nothing of the texts is kept.
    pub async fn reject(self) {
        for reader in self.readers {
            reader.reject().await;
        }
    }

    fn parts(&self) -> Result<Vec<SourceSpec>> {
        self.weights.iter().map(|name| self.place.file(name)?.ok_or_else(|| missing(name))).collect()
    }

    /// A text that the folder must have.
    ///
    /// # Errors
    /// As [`ModelReader::next`]; `not_found` or `invalid_argument` if it is missing.
    pub async fn require(&mut self, name: &str, report: Report<'_>) -> Result<String> {
        let spec = self.place.file(name)?.ok_or_else(|| missing(name))?;
        self.read(spec, report).await
    }

    /// All bytes of a safetensors file that the folder must have, and that is small.
    ///
    /// # Errors
    /// As [`require`](Self::require).
    pub async fn bytes(&mut self, name: &str, report: Report<'_>) -> Result<Vec<u8>> {
        let spec = self.place.file(name)?.ok_or_else(|| missing(name))?;
        self.read_bytes(spec, Format::Safetensors, MAX_BYTES, report).await
    }

    /// A text that a folder may lack.
    async fn text(&mut self, name: &str, report: Report<'_>) -> Result<Option<String>> {
        let Some(spec) = self.place.file(name)? else { return Ok(None) };
        let address = match &spec {
            SourceSpec::File(url) => Some(url.href()),
            _ => None,
        };
        let mode = self.options.cache_mode();
        let absent = match (&address, mode) {
            (Some(address), CacheMode::Use | CacheMode::Peek | CacheMode::Revalidate) => is_noted_absent(address).await,
            _ => false,
        };
        if absent && mode != CacheMode::Revalidate {
            return Ok(None);
        }
        match self.read(spec, report).await {
            Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if let (Some(address), CacheMode::Use | CacheMode::Revalidate | CacheMode::Reload) = (address, mode) {
                    note_absent(&address).await;
                }
                Ok(None)
            }
            // Without an answer what is known counts.
            Err(error) if absent && error.kind() == ErrorKind::Network => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// At most `most` bytes of a file that is held as a whole.
    async fn read_bytes(&mut self, spec: SourceSpec, format: Format, most: u64, report: Report<'_>) -> Result<Vec<u8>> {
        let name = spec.name();
        let options = SourceOptions { format, ..self.options.clone() };
        let mut reader = ModelReader::open(spec, options, report).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = reader.next(report).await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() as u64 > most {
                return Err(Error::new(ErrorKind::InvalidModel, format!("{name}: expected at most {most} bytes")));
            }
        }
        self.readers.push(reader);
        Ok(bytes)
    }

    async fn read(&mut self, spec: SourceSpec, report: Report<'_>) -> Result<String> {
        let name = spec.name();
        let text = self.read_bytes(spec, Format::Text, checkpoint::MAX_TEXT_BYTES, report).await?;
        String::from_utf8(text).map_err(|source| {
            Error::new(ErrorKind::InvalidModel, format!("{name}: expected UTF-8")).with_source(source)
        })
    }
}

/// No file that is held as a whole is larger, in bytes.
const MAX_BYTES: u64 = 1 << 30;

fn missing(name: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("source: {name} is not among the files"))
}

/// Whether the store has noted that there is no file at an address: a record of a complete file of no bytes. So a folder loads
/// without a network, although it lacks files that others have.
async fn is_noted_absent(address: &str) -> bool {
    let Ok(store) = Store::open().await else { return false };
    let manifest = store.manifest(address).await.ok().flatten();
    manifest.is_some_and(|manifest| manifest.complete && manifest.total == Some(0))
}

async fn note_absent(address: &str) {
    let Ok(store) = Store::open().await else { return };
    if let Ok(Some(old)) = store.manifest(address).await {
        // A failure leaves an older file, which its server does not have any more.
        let _ = store.forget(&old.id).await;
    }
    let id = format!("{:016x}", js_sys::Math::random().to_bits() ^ clock::unix_ms().to_bits());
    let mut manifest = Manifest::new(id, address.to_owned(), 1, clock::unix_ms());
    (manifest.total, manifest.complete) = (Some(0), true);
    // Without the note the next load asks again.
    let _ = store.write(&manifest, None, false).await;
}

/// Whether a record is of a file in the folder at `text`.
pub fn is_within(text: &str, hf_base: Option<&str>, manifest: &Manifest) -> Result<bool> {
    let Some(folder) = address::folder(text, hf_base) else { return Ok(false) };
    let Place::Remote(folder) = Place::remote(folder, text)? else { return Ok(false) };
    let is_file = |address: &str| {
        let name = address.strip_prefix(&folder.prefix).and_then(|rest| rest.strip_suffix(&folder.suffix));
        // The settings of a pooling lie in a folder of their own.
        let name = name.map(|name| name.strip_suffix("_Pooling/config.json").unwrap_or(name));
        name.is_some_and(|name| !name.contains(['/', '?']))
    };
    Ok(is_file(&manifest.address) || manifest.aliases.iter().any(|alias| is_file(alias)))
}
