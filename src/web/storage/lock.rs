//! A lock per file, which the tab holds that downloads it. Where a browser has no locks, each tab loads for itself.

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::web::runtime::globals;

/// The right to download one file, held until dropped. It also ends with its worker.
pub struct Lock {
    release: Function,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Resolving a promise cannot fail.
        let _ = self.release.call0(&JsValue::UNDEFINED);
    }
}

/// The outcome of an attempt to take a lock.
pub enum Attempt {
    /// It is this tab's now.
    Taken(Lock),
    /// Another tab has it.
    Busy,
    /// This browser has no locks, or refuses them here.
    Unsupported,
}

fn lock_name(address: &str) -> String {
    format!("bitnet-web {address}")
}

/// Takes the lock of a file if it is free.
pub async fn try_lock(address: &str) -> Attempt {
    request(address, true).await
}

/// Waits until the lock of a file is free, and takes it.
pub async fn lock(address: &str) -> Attempt {
    request(address, false).await
}

/// `navigator.locks.request` holds a lock as long as the promise of its callback is pending, so the callback gives
/// one that `Lock` resolves.
async fn request(address: &str, only_if_free: bool) -> Attempt {
    let Some(locks) = globals::navigator("locks") else { return Attempt::Unsupported };
    let Some(method) = globals::get(&locks, "request").and_then(|method| method.dyn_into::<Function>().ok()) else {
        return Attempt::Unsupported;
    };
    let options = Object::new();
    // Nothing below runs in the promise's own callback, where a trap would only reject the promise.
    let mut handlers = None;
    let granted = Promise::new(&mut |resolve, reject| handlers = Some((resolve, reject)));
    if let Some((resolve, reject)) = handlers {
        let given = resolve.clone();
        let callback = Closure::once_into_js(move |lock: JsValue| -> JsValue {
            if lock.is_null() {
                // The callback's own result is of no interest where there is no lock to hold.
                let _ = given.call1(&JsValue::UNDEFINED, &JsValue::NULL);
                return JsValue::UNDEFINED;
            }
            let held = Promise::new(&mut |release, _| {
                let _ = given.call1(&JsValue::UNDEFINED, &release);
            });
            held.into()
        });
        // Setting a property of a fresh plain object cannot fail.
        let _ = Reflect::set(&options, &"ifAvailable".into(), &only_if_free.into());
        let refused = match method.call3(&locks, &lock_name(address).into(), &options, &callback) {
            // A refusal by the browser rejects that promise; a grant has resolved ours before.
            Ok(promise) => globals::get(&promise, "catch")
                .and_then(|catch| catch.dyn_into::<Function>().ok())
                .map(|catch| catch.call1(&promise, &reject)),
            Err(_) => Some(reject.call0(&JsValue::UNDEFINED)),
        };
        drop(refused);
    }
    match JsFuture::from(granted).await {
        Ok(release) => match release.dyn_into::<Function>() {
            Ok(release) => Attempt::Taken(Lock { release }),
            Err(_) => Attempt::Busy,
        },
        Err(_) => Attempt::Unsupported,
    }
}
