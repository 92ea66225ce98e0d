//! The start of a load: looks for the file in the store, by its address or its digest, and takes its lock.

use std::collections::HashMap;
use std::rc::Rc;

use super::Remote;
use crate::Result;
use crate::source::digest::{Expected, Verifier};
use crate::source::magic::Format;
use crate::source::{Download, Manifest, Options, Report, address};
use crate::web::runtime::{clock, globals};
use crate::web::storage::event_queue::EventQueue;
use crate::web::storage::fetch::{self, Target};
use crate::web::storage::peers::{self, Channel};
use crate::web::storage::problem::Problem;
use crate::web::storage::source_options::{CacheMode, SourceOptions};
use crate::web::storage::store::Store;
use crate::web::storage::writer::Writer;

impl Remote {
    /// Opens the file at `url` (absolute). Waits while another tab downloads it.
    pub async fn open(url: &web_sys::Url, options: SourceOptions, report: Report<'_>) -> Result<Self> {
        let mut expected = options.integrity.as_deref().map(Expected::parse).transpose()?;
        url.set_hash("");
        let address = url.href();
        let events = Rc::new(EventQueue::default());
        let mode = options.cache_mode();
        let (mut store, mut problem) = match mode {
            CacheMode::Off => (None, None),
            _ => match Store::open().await {
                Ok(store) => (Some(store), None),
                Err(problem) => (None, Some(problem)),
            },
        };
        let mut stored = find(&store, &address, &mut problem).await;
        let name = address::file_name(&address);
        let target = Rc::new(Target { url: address.clone(), name, headers: options.own_headers() });
        let mut lock = None;
        if mode != CacheMode::Peek && !(mode == CacheMode::Use && is_complete(&stored)) {
            // A text is a text on the hub as well, and has no pointer.
            if expected.is_none() && options.format != Format::Text {
                expected = digest_of(&target, &options).await;
            }
            stored = by_digest(&store, stored, expected, mode, &address, &mut problem).await;
        }
        let is_complete = is_complete(&stored);
        if mode == CacheMode::Peek && !is_complete {
            (store, stored, problem) = (None, None, None);
        }
        if store.is_some() && !(is_complete && matches!(mode, CacheMode::Use | CacheMode::Peek)) {
            lock = peers::wait_for_lock(&address, stored.as_ref(), &events, report).await;
            stored = find(&store, &address, &mut problem).await;
        }
        if let (Some(store), Some(manifest), CacheMode::Reload) = (&store, &stored, mode) {
            if let Err(trouble) = store.forget(&manifest.id).await {
                problem = Some(trouble);
            }
            stored = None;
        }
        let plan = Options {
            store: store.is_some(),
            own_origin: globals::is_own_origin(url),
            seed: js_sys::Math::random().to_bits() ^ clock::unix_ms().to_bits(),
            ..options.plan()
        };
        let verified = stored.as_ref().is_some_and(|manifest| {
            expected.is_some() && manifest.complete && manifest.sha256 == expected.map(|expected| expected.hex())
        });
        let writer = Writer::new(store.clone(), &events, stored.is_some());
        let mut download = Download::new(&address, plan, stored, clock::unix_ms());
        if mode == CacheMode::Revalidate {
            download.revalidate();
        }
        if let Some(problem) = problem {
            download.stop_storing(problem.sentence());
        }
        let channel = lock.is_some().then(|| Channel::speaker(&address)).flatten();
        Ok(Self {
            download,
            target,
            options,
            store,
            lock,
            channel,
            events,
            requests: HashMap::new(),
            pieces: HashMap::new(),
            writer,
            room_checked: false,
            length_asked: false,
            verifier: expected.filter(|_| !verified).map(Verifier::new),
            timer: f64::INFINITY,
            reported: (0.0, None, None),
            report_due: None,
        })
    }
}

fn is_complete(stored: &Option<Manifest>) -> bool {
    stored.as_ref().is_some_and(|manifest| manifest.complete)
}

/// The digest that the file's host tells, where it is one that does.
async fn digest_of(target: &Target, options: &SourceOptions) -> Option<Expected> {
    let url = address::pointer(&target.url, options.hf_base.as_deref())?;
    let pointer = Target { url, name: target.name.clone(), headers: target.headers.clone() };
    Expected::from_pointer(&fetch::small_text(&pointer).await?)
}

/// The record of the file with the expected digest, whatever address it was loaded from, in place of the one that was
/// found, if that is not complete or turns out to be of another file.
async fn by_digest(
    store: &Option<Rc<Store>>,
    found: Option<Manifest>,
    expected: Option<Expected>,
    mode: CacheMode,
    address: &str,
    problem: &mut Option<Problem>,
) -> Option<Manifest> {
    let (Some(store), Some(expected)) = (store, expected) else { return found };
    let same =
        found.as_ref().is_some_and(|manifest| manifest.complete && manifest.sha256.as_ref() == Some(&expected.hex()));
    if same || mode == CacheMode::Reload {
        return found;
    }
    match store.with_digest(&expected.hex()).await {
        Ok(Some(mut manifest)) => {
            if !manifest.is_at(address) {
                manifest.aliases.push(address.to_owned());
            }
            Some(manifest)
        }
        Ok(None) => found,
        Err(trouble) => {
            *problem = Some(trouble);
            found
        }
    }
}

async fn find(store: &Option<Rc<Store>>, address: &str, problem: &mut Option<Problem>) -> Option<Manifest> {
    match store.as_ref()?.manifest(address).await {
        Ok(manifest) => manifest,
        Err(trouble) => {
            *problem = Some(trouble);
            None
        }
    }
}
