//! A fork-join pool over N threads (native threads or Web Workers over one shared memory).
