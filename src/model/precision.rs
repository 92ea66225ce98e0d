//! How exactly a model computes.

/// How exactly the parts that are not ternary are computed. Ternary matrices are exact integer arithmetic in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// int8 rows for embedding and head, with estimates for the logits of unlikely tokens, and an int8 KV cache.
    #[default]
    Fast,
    /// Embedding and head as the file has them, an f32 KV cache.
    Exact,
}
