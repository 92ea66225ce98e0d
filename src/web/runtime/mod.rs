//! Threads, memory and the surroundings of an instance: what the two other folders stand on.

pub mod clock;
pub mod globals;
pub mod memory;
pub mod object;
pub mod panic;
pub mod task;
pub mod thread;
pub mod thrown;
pub mod timeline;
