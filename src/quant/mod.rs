//! On-disk weight codecs: bytes to canonical ternary rows and scales.
