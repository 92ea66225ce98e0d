//! The transformer: config, weights, forward pass, KV cache, session.
