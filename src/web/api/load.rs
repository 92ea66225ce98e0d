//! Loads a model from its source.

use js_sys::Function;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

use super::background::BackgroundLoader;
use super::options::LoadOptions;
use crate::generate::verify;
use crate::load::{LoadedModel, Loader};
use crate::pool::Pool;
use crate::source::manifest::checksum;
use crate::source::split::Span;
use crate::source::{Phase, Progress, Report};
use crate::web::runtime::object::read;
use crate::web::storage::folder::{Folder, MODEL_FILES};
use crate::web::storage::header::{self, SplitHeader};
use crate::web::storage::reader::ModelReader;
use crate::web::storage::source::SourceSpec;
use crate::web::storage::source_options::SourceOptions;
use crate::{Error, ErrorKind, Result};

/// A [`Progress`] as JavaScript sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebProgress {
    phase: &'static str,
    loaded: u64,
    total: Option<u64>,
    from_cache: bool,
    bytes_per_second: f64,
    seconds_left: Option<f64>,
    message: Option<String>,
}

impl From<Progress> for WebProgress {
    fn from(progress: Progress) -> Self {
        let phase = match progress.phase {
            Phase::Connect => "connect",
            Phase::Cache => "cache",
            Phase::Download => "download",
            Phase::Retry => "retry",
            Phase::Wait => "wait",
            Phase::Read => "read",
            Phase::Done => "prepare",
        };
        Self {
            phase,
            loaded: progress.loaded,
            total: progress.total,
            from_cache: progress.loaded > 0 && progress.from_cache == progress.loaded,
            bytes_per_second: progress.speed.unwrap_or(0.0),
            seconds_left: progress.seconds_left,
            message: progress.message,
        }
    }
}

/// Loads the model at `source` (see [`SourceSpec::from_js`]). A file that changes on the server meanwhile is begun again
/// once. A file that is no usable model leaves nothing in the cache.
pub async fn load_model(source: &JsValue, options: JsValue, pool: &Pool, progress: &Function) -> Result<LoadedModel> {
    let load: LoadOptions = read("load", options.clone())?;
    let fetch = SourceOptions::from_js("load", options)?;
    match attempt(source, &load, &fetch, pool, progress).await {
        Err(error) if error.kind() == ErrorKind::Changed => attempt(source, &load, &fetch, pool, progress).await,
        outcome => outcome,
    }
}

async fn attempt(
    source: &JsValue,
    load: &LoadOptions,
    fetch: &SourceOptions,
    pool: &Pool,
    progress: &Function,
) -> Result<LoadedModel> {
    let mut report = |progress_now: Progress| {
        if let Ok(value) = WebProgress::from(progress_now).serialize(&Serializer::new()) {
            // An exception of the page's callback is the page's own business.
            let _ = progress.call1(&JsValue::NULL, &value);
        }
    };
    let spec = SourceSpec::from_js(source)?;
    if let Some(place) = spec.folder(fetch.hf_base.as_deref(), &MODEL_FILES)? {
        return load_folder(Folder::new(place, fetch.clone())?, load, pool, &mut report).await;
    }
    let parts = spec.split(fetch.hf_base.as_deref())?;
    let split = if parts.is_empty() { None } else { Some(header::read_split(&parts, fetch).await?) };
    let mut reader = ModelReader::open(spec, fetch.clone(), &mut report).await?;
    let built = match split {
        Some(split) => build_split(&mut reader, split, load, pool, &mut report).await,
        None => build(&mut reader, load, pool, &mut report).await,
    };
    let verified = built.and_then(|model| {
        verify(&model)?;
        Ok(model)
    });
    match verified {
        Ok(model) => {
            reader.finish().await;
            Ok(model)
        }
        Err(error) => {
            if is_verdict(&error) {
                reader.reject().await;
            }
            Err(error)
        }
    }
}

/// Loads a folder of safetensors.
async fn load_folder(mut folder: Folder, load: &LoadOptions, pool: &Pool, report: Report<'_>) -> Result<LoadedModel> {
    let mut reader = None;
    let loaded = async {
        let header = folder.header(report).await?;
        let reader = reader.insert(folder.open(report).await?);
        let model = build_split(reader, header, load, pool, report).await?;
        verify(&model)?;
        Ok(model)
    };
    let loaded: Result<LoadedModel> = loaded.await;
    match &loaded {
        Ok(_) => {
            if let Some(reader) = reader {
                reader.finish().await;
            }
            folder.finish().await;
        }
        Err(error) if is_verdict(error) => {
            if let Some(reader) = reader {
                reader.reject().await;
            }
            folder.reject().await;
        }
        Err(_) => {}
    }
    loaded
}

/// With a tokenizer that is made while the next bytes are on their way.
fn late(options: crate::load::LoadOptions) -> crate::load::LoadOptions {
    crate::load::LoadOptions { late_tokenizer: true, ..options }
}

async fn build(reader: &mut ModelReader, load: &LoadOptions, pool: &Pool, report: Report<'_>) -> Result<LoadedModel> {
    // The length is known with the first bytes, and a file that is too short is then refused by its header.
    let mut bytes = reader.next(report).await?;
    let total = reader.total();
    let mut loader = BackgroundLoader::new(Loader::new(late(load.to_core(pool, total)?.0)), pool, total);
    while let Some(piece) = bytes {
        loader.push(piece).await?;
        bytes = match reader.next(report).await {
            Ok(next) => next,
            Err(error) => return loader.finish(Err(error)).await,
        };
    }
    loader.finish(Ok(())).await
}

/// As [`build`], from the parts of a split model.
async fn build_split(
    reader: &mut ModelReader,
    split: SplitHeader,
    load: &LoadOptions,
    pool: &Pool,
    report: Report<'_>,
) -> Result<LoadedModel> {
    reader.set_whole(split.bytes);
    let loader = Loader::with_header(split.header, late(load.to_core(pool, None)?.0))?;
    let mut loader = BackgroundLoader::new(loader, pool, Some(split.bytes));
    let outcome = push_parts(reader, &mut loader, split.spans, &split.starts, report).await;
    loader.finish(outcome).await
}

async fn push_parts(
    reader: &mut ModelReader,
    loader: &mut BackgroundLoader<'_>,
    spans: Vec<Span>,
    starts: &[u64],
    report: Report<'_>,
) -> Result<()> {
    for (part, span) in spans.into_iter().enumerate() {
        let mut start = starts.get(part).map(|&sum| (sum, Vec::new()));
        let mut skip = span.skip;
        while let Some(mut piece) = reader.next(report).await? {
            let head = piece.drain(..skip.min(piece.len() as u64) as usize);
            skip -= head.len() as u64;
            match &mut start {
                Some((_, bytes)) => bytes.extend(head),
                None => drop(head),
            }
            if let Some((sum, bytes)) = start.take_if(|_| skip == 0)
                && checksum(&bytes) != sum
            {
                let message = format!("part {} of the model has changed since its header was read", part + 1);
                return Err(Error::new(ErrorKind::Changed, message));
            }
            loader.push(piece).await?;
        }
        loader.push(vec![0; span.pad as usize]).await?;
        reader.next_part(report).await?;
    }
    Ok(())
}

/// Whether an error says that these bytes can never be a model here, in contrast to trouble on the way.
pub(super) fn is_verdict(error: &Error) -> bool {
    use ErrorKind::{InvalidGguf, InvalidModel, Truncated, Unsupported};
    matches!(error.kind(), InvalidGguf | InvalidModel | Truncated | Unsupported)
}
