//! The bytes of a stored Blob, through one small buffer.
//!
//! `Blob.arrayBuffer()` makes a buffer of the whole size each time, whose pages the system has to find and clear: in Chromium 156
//! that was two thirds of the time that reading takes of the processor.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use js_sys::{Array, ArrayBuffer, Function, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ReadableStreamByobReader};

use super::bytes;
use crate::web::runtime::{clock, globals, timeline};

/// Bytes of the buffer: Chromium gives some 200 KB at once, and less than a megabyte stays in a core's own cache.
const BUFFER_BYTES: u32 = 512 << 10;
/// Milliseconds without a byte after which a stream is given up. In Chromium 156 a read now and then is never answered.
const STALL_MS: f64 = 500.0;

thread_local! {
    /// A stream was given up: no other is begun.
    static STALLED: Cell<bool> = const { Cell::new(false) };
}

/// All of `blob`, which has `length` bytes; `None` if it cannot be read, or there is no memory.
pub async fn read(blob: &Blob, length: usize) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    if !STALLED.get() {
        content.try_reserve_exact(length).ok()?;
        let copying = Cell::new(0.0);
        stream(blob, length, &mut content, &copying).await;
        timeline::tell("bitnet: copy", copying.get());
    }
    if content.len() == length {
        return Some(content);
    }
    let rest = blob.slice_with_f64(content.len() as f64).ok()?;
    let buffer = JsFuture::from(rest.array_buffer()).await.ok()?;
    let _span = timeline::Span::begin("bitnet: copy");
    let rest = bytes::copy(&Uint8Array::new(&buffer)).ok()?;
    if content.is_empty() {
        content = rest;
    } else {
        content.extend_from_slice(&rest);
    }
    (content.len() == length).then_some(content)
}

/// Appends what a stream of bytes gives, up to `length` bytes: nothing where the browser has no such streams, and less than all
/// where one is given up. Adds the milliseconds of copying to `copying`.
async fn stream(blob: &Blob, length: usize, content: &mut Vec<u8>, copying: &Cell<f64>) {
    let Ok(reader) = ReadableStreamByobReader::new(&blob.stream()) else { return };
    let (mut buffer, mut piece) = (ArrayBuffer::new(BUFFER_BYTES), vec![0; BUFFER_BYTES as usize]);
    let progress = Rc::new(Cell::new(0));
    let stalled = Promise::new(&mut |give_up, _| watch(Rc::downgrade(&progress), 0, give_up));
    while content.len() < length {
        let read = reader.read_with_array_buffer_view(&Uint8Array::new(&buffer));
        let Ok(answer) = JsFuture::from(Promise::race(&Array::of2(&read, &stalled))).await else { return };
        if answer.is_undefined() {
            STALLED.set(true);
            // Its answer is of no interest, but a refusal that nobody hears is a crash.
            return drop(JsFuture::from(reader.cancel()));
        }
        let view = globals::get(&answer, "value").and_then(|value| value.dyn_into::<Uint8Array>().ok());
        let Some(view) = view.filter(|view| view.length() > 0) else { return };
        let began = clock::monotonic_ms();
        let bytes = &mut piece[..view.length() as usize];
        view.copy_to(bytes);
        content.extend_from_slice(bytes);
        copying.set(copying.get() + clock::monotonic_ms() - began);
        buffer = view.buffer();
        progress.set(content.len());
    }
}

/// Calls `give_up` once `progress` stays the same for a while, unless it is dropped before.
fn watch(progress: Weak<Cell<usize>>, seen: usize, give_up: Function) {
    globals::after(STALL_MS, move || {
        let Some(now) = progress.upgrade().map(|progress| progress.get()) else { return };
        if now == seen {
            drop(give_up.call0(&JsValue::NULL));
        } else {
            watch(progress, now, give_up);
        }
    });
}
