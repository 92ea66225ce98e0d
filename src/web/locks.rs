//! Two tabs, one download: a lock per file and a channel that tells the waiting tab how far the other is.
//! Where a browser has neither, each tab loads for itself.

use std::rc::Rc;

use js_sys::{Function, Object, Promise, Reflect};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{BroadcastChannel, MessageEvent};

use super::inbox::{Event, Inbox};
use super::remote::Report;
use super::{scope, task};
use crate::source::{Manifest, Phase, Progress};

const CHANNEL: &str = "bitnet-web";

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

/// What an attempt to take a lock came to.
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

/// Waits for the lock of a file and reports it as [`Event::Turn`].
fn queue_for(address: String, inbox: &Rc<Inbox>) {
    let inbox = Rc::clone(inbox);
    task::spawn(async move {
        if let Attempt::Taken(lock) = request(&address, false).await {
            inbox.push(Event::Turn(lock));
        }
    });
}

/// `navigator.locks.request` holds a lock as long as the promise of its callback is pending, so the callback gives
/// one that `Lock` resolves.
async fn request(address: &str, only_if_free: bool) -> Attempt {
    let Some(locks) = scope::navigator("locks") else { return Attempt::Unsupported };
    let Some(method) = scope::get(&locks, "request").and_then(|method| method.dyn_into::<Function>().ok()) else {
        return Attempt::Unsupported;
    };
    let options = Object::new();
    // What follows is not done within the promise's own callback: a promise takes a trap there for its rejection.
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
            Ok(promise) => scope::get(&promise, "catch")
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

/// Takes the file's lock; while another tab has it, shows that tab's progress.
pub async fn wait_for_turn(
    address: &str,
    stored: Option<&Manifest>,
    inbox: &Rc<Inbox>,
    report: Report<'_>,
) -> Option<Lock> {
    match try_lock(address).await {
        Attempt::Taken(lock) => return Some(lock),
        Attempt::Unsupported => return None,
        Attempt::Busy => {}
    }
    let _listener = Channel::listener(address, inbox);
    queue_for(address.to_owned(), inbox);
    let message = Some("another tab is downloading this model".to_owned());
    let mut latest = Progress {
        phase: Phase::Wait,
        loaded: stored.map_or(0, Manifest::stored_bytes),
        total: stored.and_then(|manifest| manifest.total),
        from_cache: 0,
        from_network: 0,
        speed: None,
        seconds_left: None,
        message,
    };
    loop {
        report(latest.clone());
        match inbox.next().await {
            Event::Turn(lock) => return Some(lock),
            Event::Peer(progress) => {
                latest = Progress { phase: Phase::Wait, message: latest.message, ..progress };
            }
            _ => {}
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Message {
    address: String,
    progress: Progress,
}

/// This tab's end of the channel; closed when dropped.
pub struct Channel {
    channel: BroadcastChannel,
    address: String,
    _listener: Option<Closure<dyn FnMut(MessageEvent)>>,
}

impl Channel {
    /// For telling others of the download of `address`.
    pub fn speaker(address: &str) -> Option<Self> {
        let channel = BroadcastChannel::new(CHANNEL).ok()?;
        Some(Self { channel, address: address.to_owned(), _listener: None })
    }

    /// For hearing of the download of `address` as [`Event::Peer`].
    pub fn listener(address: &str, inbox: &Rc<Inbox>) -> Option<Self> {
        let mut channel = Self::speaker(address)?;
        let (inbox, address) = (Rc::clone(inbox), address.to_owned());
        let listener = Closure::new(move |event: MessageEvent| {
            let message = event.data().as_string().and_then(|text| serde_json::from_str::<Message>(&text).ok());
            if let Some(message) = message.filter(|message| message.address == address) {
                inbox.push(Event::Peer(message.progress));
            }
        });
        channel.channel.set_onmessage(Some(AsRef::<JsValue>::as_ref(&listener).unchecked_ref()));
        channel._listener = Some(listener);
        Some(channel)
    }

    /// Tells the other tabs.
    pub fn tell(&self, progress: &Progress) {
        let message = Message { address: self.address.clone(), progress: progress.clone() };
        if let Ok(text) = serde_json::to_string(&message) {
            // Nobody may be listening, and nothing depends on it.
            let _ = self.channel.post_message(&text.into());
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.channel.set_onmessage(None);
        self.channel.close();
    }
}
