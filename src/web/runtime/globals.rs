//! The global scope: functions and properties that a page and a worker both have.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, Url};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_name = fetch)]
    pub fn fetch(url: &str, init: &RequestInit) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &JsValue, ms: f64) -> JsValue;
}

/// A property of the global object, `None` where it is missing.
pub fn global(name: &str) -> Option<JsValue> {
    get(&js_sys::global(), name)
}

/// `navigator.name`, `None` where it is missing.
pub fn navigator(name: &str) -> Option<JsValue> {
    get(&global("navigator")?, name)
}

/// A property, `None` where it is missing or refused.
pub fn get(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
}

/// Calls a method without arguments that gives a promise, and waits for it.
pub async fn call(object: &JsValue, method: &str) -> Option<JsValue> {
    let promise = get(object, method)?.dyn_into::<Function>().ok()?.call0(object).ok()?;
    JsFuture::from(promise.dyn_into::<Promise>().ok()?).await.ok()
}

/// Calls `callback` after `ms` milliseconds.
pub fn after(ms: f64, callback: impl FnOnce() + 'static) {
    // setTimeout counts in 32 bits; an early call does no harm here.
    set_timeout(&Closure::once_into_js(callback), ms.clamp(0.0, 1e9));
}

/// `address` made absolute against this script's own address.
pub fn absolute(address: &str) -> Result<Url, JsValue> {
    let base = global("location").and_then(|location| get(&location, "href")).and_then(|href| href.as_string());
    match base.filter(|base| !base.starts_with("blob:") && !base.starts_with("data:")) {
        Some(base) => Url::new_with_base(address, &base),
        None => Url::new(address),
    }
}

/// Whether `url` is on the page's own origin.
pub fn is_own_origin(url: &Url) -> bool {
    let own = global("origin").and_then(|origin| origin.as_string());
    own.is_some_and(|own| own == url.origin())
}
