//! A GGUF byte stream in, a model out: tensors are repacked as their bytes arrive.
