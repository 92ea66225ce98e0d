//! Several tabs, one download: the tabs that wait for a file's lock are told how far the download is.
//! Where a browser has no channel between tabs, they wait without being told.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use wasm_bindgen::JsCast;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::Closure;
use web_sys::{BroadcastChannel, MessageEvent};

use super::event_queue::{Event, EventQueue};
use super::lock::{self, Attempt, Lock};
use crate::source::{Manifest, Phase, Progress, Report};
use crate::web::runtime::task;

const CHANNEL: &str = "bitnet-web";

/// Waits for the lock of a file and reports it as [`Event::Locked`].
fn queue_for(address: String, events: &Rc<EventQueue>) {
    let events = Rc::clone(events);
    task::spawn(async move {
        if let Attempt::Taken(lock) = lock::lock(&address).await {
            events.push(Event::Locked(lock));
        }
    });
}

/// Takes the file's lock; while another tab has it, shows that tab's progress.
pub async fn wait_for_lock(
    address: &str,
    stored: Option<&Manifest>,
    events: &Rc<EventQueue>,
    report: Report<'_>,
) -> Option<Lock> {
    match lock::try_lock(address).await {
        Attempt::Taken(lock) => return Some(lock),
        Attempt::Unsupported => return None,
        Attempt::Busy => {}
    }
    let _listener = Channel::listener(address, events);
    queue_for(address.to_owned(), events);
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
        match events.next().await {
            Event::Locked(lock) => return Some(lock),
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
    pub fn listener(address: &str, events: &Rc<EventQueue>) -> Option<Self> {
        let mut channel = Self::speaker(address)?;
        let (events, address) = (Rc::clone(events), address.to_owned());
        let listener = Closure::new(move |event: MessageEvent| {
            let message = event.data().as_string().and_then(|text| serde_json::from_str::<Message>(&text).ok());
            if let Some(message) = message.filter(|message| message.address == address) {
                events.push(Event::Peer(message.progress));
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
