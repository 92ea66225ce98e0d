//! The download of a model's bytes as pure logic: no request is sent and nothing is stored here.
//!
//! [`Download`] is a state machine: its caller reports events (an answer, bytes, a failure, a chunk
//! from the store), and it gives the next action (ask for a range, load or save a chunk, hand bytes on). The browser's
//! edges in `src/web/storage/` carry that out. Because it holds no clock, socket or database, the tests here run it
//! against a server that misbehaves in every way and at any byte.

pub mod address;
pub mod digest;
mod download;
pub mod identity;
pub mod magic;
pub mod manifest;
mod progress;
pub mod quota;
mod response;
mod retry;
pub mod split;
mod throughput;

pub use download::{Action, Download, Options, RequestId};
pub use manifest::Manifest;
pub use progress::{Phase, Progress, Report};
pub use response::ResponseHead;
pub use retry::RetryPolicy;
pub use throughput::Throughput;
