//! Prefill, decode, stop: one generation as a sequence of small steps.
