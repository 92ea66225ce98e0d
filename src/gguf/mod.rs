//! GGUF v2/v3: header, metadata and tensor directory, read from a prefix of the file's bytes.
