//! Requests whose answers arrive piece by piece in an [`Inbox`].

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, ReadableStreamDefaultReader, RequestCache, RequestInit, Response};

use super::inbox::{Event, Inbox};
use super::{error, scope, task};
use crate::source::{RequestId, ResponseHead};
use crate::{Error, ErrorKind, Result};

/// What is the same for every request of a load.
pub struct Target {
    /// The absolute address.
    pub url: String,
    /// What messages call the file.
    pub name: String,
    /// The caller's own headers.
    pub headers: Vec<(String, String)>,
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

/// Sends a `GET`. Its answer goes to `inbox` under the number `id`.
pub fn get(
    target: &Target,
    id: RequestId,
    range: Option<(u64, u64)>,
    if_range: Option<&str>,
    inbox: &Rc<Inbox>,
) -> Request {
    let controller = AbortController::new().ok();
    let gate = Rc::new(Gate::default());
    let mut headers = target.headers.clone();
    headers.extend(range.map(|(start, end)| ("Range".to_owned(), format!("bytes={start}-{}", end - 1))));
    headers.extend(if_range.map(|tag| ("If-Range".to_owned(), tag.to_owned())));
    let answer = send(target, "GET", &headers, controller.as_ref());
    let (inbox, passage, name) = (Rc::clone(inbox), Rc::clone(&gate), target.name.clone());
    task::spawn(async move {
        let end = match read(id, answer, &name, &inbox, &passage).await {
            Ok(()) => Event::End(id),
            Err(error) => Event::Failed(id, error),
        };
        inbox.push(end);
    });
    Request { controller, gate }
}

/// Asks with `HEAD` how long the file is: where `Content-Range` is hidden, `Content-Length` often is not.
pub fn ask_length(target: &Target, inbox: &Rc<Inbox>) {
    let answer = send(target, "HEAD", &target.headers, None);
    let inbox = Rc::clone(inbox);
    task::spawn(async move {
        let Ok(promise) = answer else { return };
        let Ok(response) = JsFuture::from(promise).await else { return };
        let head = head_of(response.unchecked_ref());
        if let (200, Some(length), None) = (head.status, head.content_length, head.content_encoding) {
            inbox.push(Event::Length(length));
        }
    });
}

fn send(
    target: &Target,
    method: &str,
    headers: &[(String, String)],
    controller: Option<&AbortController>,
) -> std::result::Result<js_sys::Promise, JsValue> {
    let list = Headers::new()?;
    for (name, value) in headers {
        list.append(name, value)?;
    }
    let init = RequestInit::new();
    init.set_method(method);
    init.set_headers_headers(&list);
    // The store keeps the file; the HTTP cache would hold a second copy.
    init.set_cache(RequestCache::NoStore);
    init.set_signal(controller.map(AbortController::signal).as_ref());
    scope::fetch(&target.url, &init)
}

async fn read(
    id: RequestId,
    answer: std::result::Result<js_sys::Promise, JsValue>,
    name: &str,
    inbox: &Inbox,
    gate: &Gate,
) -> Result<()> {
    let answer = answer.map_err(|thrown| {
        error::from_js(ErrorKind::InvalidArgument, &format!("{name}: the request cannot be sent"), &thrown)
    })?;
    let response = JsFuture::from(answer).await.map_err(|thrown| unreachable(name, &thrown))?;
    let response: Response = response.unchecked_into();
    inbox.push(Event::Head(id, head_of(&response)));
    gate.pass().await;
    let Some(body) = response.body() else { return Ok(()) };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    loop {
        let piece = JsFuture::from(reader.read())
            .await
            .map_err(|thrown| error::from_js(ErrorKind::Network, &format!("{name}: the connection broke"), &thrown))?;
        let Some(bytes) = scope::get(&piece, "value") else { return Ok(()) };
        inbox.push(Event::Body(id, bytes.unchecked_into::<Uint8Array>()));
        gate.pass().await;
    }
}

fn unreachable(name: &str, thrown: &JsValue) -> Error {
    let online = scope::navigator("onLine").and_then(|online| online.as_bool()).unwrap_or(true);
    let reason = if online {
        "the server cannot be reached, or it does not allow this page to read from it (CORS)"
    } else {
        "there is no network connection"
    };
    error::from_js(ErrorKind::Network, &format!("{name}: {reason}"), thrown)
}

fn head_of(response: &Response) -> ResponseHead {
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
    }
}
