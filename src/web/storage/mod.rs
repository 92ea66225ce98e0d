//! Download and storage: requests, IndexedDB, the lock that tabs share. The decisions are in [`crate::source`].

mod blob;
mod bytes;
mod event_queue;
mod fetch;
pub mod folder;
pub mod header;
mod local;
mod lock;
mod peers;
pub mod problem;
pub mod quota;
pub mod reader;
mod remote;
pub mod source;
pub mod source_options;
pub mod store;
mod writer;
