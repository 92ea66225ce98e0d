//! Asynchronous work that notices when it was killed: a trap, or a browser that ends a script, leaves a future that never
//! goes on, while the worker around it still answers.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};

use wasm_bindgen::prelude::wasm_bindgen;

/// Polls that have begun and not ended. Only the engine worker polls.
static POLLS: AtomicU32 = AtomicU32::new(0);

/// Runs `future`; each of its polls counts until it returns.
pub async fn watched<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        POLLS.fetch_add(1, Ordering::Relaxed);
        let state = future.as_mut().poll(context);
        POLLS.fetch_sub(1, Ordering::Relaxed);
        state
    })
    .await
}

/// Runs `future` beside what is running.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    wasm_bindgen_futures::spawn_local(watched(future));
}

/// Whether a poll has begun that never ended. To be asked while none is running.
#[wasm_bindgen]
pub fn interrupted() -> bool {
    POLLS.load(Ordering::Relaxed) > 0
}
