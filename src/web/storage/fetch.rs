//! Requests whose answers arrive piece by piece in an [`EventQueue`].

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use js_sys::{Function, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, ReadableStreamDefaultReader, RequestCache, RequestInit, Response};

use super::event_queue::{Event, EventQueue};
use crate::source::{RequestId, ResponseHead};
use crate::web::runtime::{globals, task, thrown};
use crate::{Error, ErrorKind, Result};

/// A text that is read by [`small_text`] is no longer, in bytes.
const TEXT_BYTES: usize = 1024;

/// How long such a text is waited for, in milliseconds. The load goes on without it.
const TEXT_MS: f64 = 5000.0;

/// The properties that all requests of a load share.
pub struct Target {
    /// The absolute address.
    pub url: String,
    /// The file's name in messages.
    pub name: String,
    /// The caller's own headers.
    pub headers: OwnHeaders,
}

/// The headers that a caller adds to the requests for a file.
#[derive(Clone, Debug)]
pub enum OwnHeaders {
    /// These headers, with every request.
    Fixed(Vec<(String, String)>),
    /// A function that takes a request's address and gives a promise of `[name, value]` pairs.
    Asked(Function),
}

impl OwnHeaders {
    /// Whether there are none.
    pub fn are_none(&self) -> bool {
        matches!(self, Self::Fixed(headers) if headers.is_empty())
    }

    async fn of(&self, url: &str) -> Result<Vec<(String, String)>> {
        let function = match self {
            Self::Fixed(headers) => return Ok(headers.clone()),
            Self::Asked(function) => function,
        };
        let refused =
            |thrown: &JsValue| thrown::to_error(ErrorKind::InvalidArgument, "headers: the function failed", thrown);
        let promise = function.call1(&JsValue::NULL, &url.into()).map_err(|thrown| refused(&thrown))?;
        let pairs = JsFuture::from(Promise::resolve(&promise)).await.map_err(|thrown| refused(&thrown))?;
        serde_wasm_bindgen::from_value(pairs)
            .map_err(|e| Error::new(ErrorKind::InvalidArgument, format!("headers: expected an object of strings: {e}")))
    }
}

/// A request that runs; dropping it breaks it off.
pub struct Request {
    controller: Option<AbortController>,
    gate: Rc<Gate>,
}

impl Request {
    /// Lets the next piece of the answer be read, if the reading waits for that: never two pieces ahead.
    pub fn go_on(&self) {
        if let Some(waker) = self.gate.waker.borrow_mut().take() {
            self.gate.open.set(true);
            waker.wake();
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(controller) = &self.controller {
            controller.abort();
        }
    }
}

/// Holds the reading of an answer back until its last piece was used: that is what bounds memory.
#[derive(Default)]
struct Gate {
    open: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Gate {
    async fn pass(&self) {
        poll_fn(|context| {
            if self.open.replace(false) {
                return Poll::Ready(());
            }
            *self.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// Sends a `GET`. Its answer goes to `events` under the number `id`.
pub fn get(
    target: &Rc<Target>,
    id: RequestId,
    range: Option<(u64, u64)>,
    if_range: Option<&str>,
    events: &Rc<EventQueue>,
) -> Request {
    let controller = AbortController::new().ok();
    let gate = Rc::new(Gate::default());
    let mut headers = Vec::new();
    headers.extend(range.map(|(start, end)| ("Range".to_owned(), format!("bytes={start}-{}", end - 1))));
    headers.extend(if_range.map(|tag| ("If-Range".to_owned(), tag.to_owned())));
    let (events, passage, target) = (Rc::clone(events), Rc::clone(&gate), Rc::clone(target));
    let aborts = controller.clone();
    task::spawn(async move {
        let answer = send(&target, "GET", headers, aborts.as_ref()).await;
        let end = match read(id, answer, &target, &events, &passage).await {
            Ok(()) => Event::End(id),
            Err(error) => Event::Failed(id, error),
        };
        events.push(end);
    });
    Request { controller, gate }
}

/// Asks with `HEAD` how long the file is: where `Content-Range` is hidden, `Content-Length` often is not.
pub fn ask_length(target: &Rc<Target>, events: &Rc<EventQueue>) {
    let (events, target) = (Rc::clone(events), Rc::clone(target));
    task::spawn(async move {
        let Ok(response) = send(&target, "HEAD", Vec::new(), None).await else { return };
        let head = head_of(&response, &target.url);
        if let (200, Some(length), None) = (head.status, head.content_length, head.content_encoding) {
            events.push(Event::Length(length));
        }
    });
}

/// The beginning of a small text, at most [`TEXT_BYTES`]; `None` unless it comes within [`TEXT_MS`] and with status 200.
pub async fn small_text(target: &Target) -> Option<String> {
    let controller = AbortController::new().ok()?;
    let late = controller.clone();
    globals::after(TEXT_MS, move || late.abort());
    let response = send(target, "GET", Vec::new(), Some(&controller)).await.ok()?;
    let mut text = Vec::new();
    if response.status() == 200 {
        let reader: ReadableStreamDefaultReader = response.body()?.get_reader().unchecked_into();
        while text.len() < TEXT_BYTES {
            let piece = JsFuture::from(reader.read()).await.ok()?;
            let Some(bytes) = globals::get(&piece, "value") else { break };
            let bytes = bytes.unchecked_into::<Uint8Array>();
            text.extend(bytes.subarray(0, bytes.length().min(TEXT_BYTES as u32)).to_vec());
        }
    }
    controller.abort();
    text.truncate(TEXT_BYTES);
    String::from_utf8(text).ok()
}

/// Sends a request with the caller's headers and these.
async fn send(
    target: &Target,
    method: &str,
    headers: Vec<(String, String)>,
    controller: Option<&AbortController>,
) -> Result<Response> {
    let name = &target.name;
    let unsent = |thrown: JsValue| {
        thrown::to_error(ErrorKind::InvalidArgument, &format!("{name}: the request cannot be sent"), &thrown)
    };
    let list = Headers::new().map_err(unsent)?;
    for (name, value) in target.headers.of(&target.url).await?.into_iter().chain(headers) {
        list.append(&name, &value).map_err(unsent)?;
    }
    let init = RequestInit::new();
    init.set_method(method);
    init.set_headers_headers(&list);
    // The store keeps the file; the HTTP cache would hold a second copy.
    init.set_cache(RequestCache::NoStore);
    init.set_signal(controller.map(AbortController::signal).as_ref());
    let answer = globals::fetch(&target.url, &init).map_err(unsent)?;
    let response = JsFuture::from(answer).await.map_err(|thrown| unreachable(name, &thrown))?;
    Ok(response.unchecked_into())
}

async fn read(
    id: RequestId,
    answer: Result<Response>,
    target: &Target,
    events: &EventQueue,
    gate: &Gate,
) -> Result<()> {
    let (response, name) = (answer?, &target.name);
    events.push(Event::Head(id, head_of(&response, &target.url)));
    gate.pass().await;
    let Some(body) = response.body() else { return Ok(()) };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    loop {
        let piece = JsFuture::from(reader.read()).await.map_err(|thrown| {
            thrown::to_error(ErrorKind::Network, &format!("{name}: the connection broke"), &thrown)
        })?;
        let Some(bytes) = globals::get(&piece, "value") else { return Ok(()) };
        events.push(Event::Body(id, bytes.unchecked_into::<Uint8Array>()));
        gate.pass().await;
    }
}

fn unreachable(name: &str, thrown: &JsValue) -> Error {
    let online = globals::navigator("onLine").and_then(|online| online.as_bool()).unwrap_or(true);
    let reason = if online {
        "the server cannot be reached, or it does not allow this page to read from it (CORS)"
    } else {
        "there is no network connection"
    };
    thrown::to_error(ErrorKind::Network, &format!("{name}: {reason}"), thrown)
}

fn head_of(response: &Response, asked: &str) -> ResponseHead {
    let origin = |url: &str| web_sys::Url::new(url).ok().map(|url| url.origin());
    let redirected_to =
        origin(&response.url()).filter(|reached| response.redirected() && origin(asked) != Some(reached.clone()));
    let headers = response.headers();
    let header = |name: &str| headers.get(name).ok().flatten();
    ResponseHead {
        status: response.status(),
        content_range: header("content-range"),
        content_length: header("content-length").and_then(|length| length.trim().parse().ok()),
        content_encoding: header("content-encoding"),
        etag: header("etag"),
        last_modified: header("last-modified"),
        retry_after: header("retry-after"),
        date: header("date"),
        content_type: header("content-type"),
        redirected_to,
    }
}
