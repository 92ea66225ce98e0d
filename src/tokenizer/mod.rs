//! Hugging Face `tokenizers` built from a GGUF vocabulary, and incremental detokenization.
