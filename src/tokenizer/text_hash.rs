//! How texts of a vocabulary are hashed.

use std::hash::{BuildHasher, Hasher, RandomState};

use xxhash_rust::xxh64::xxh64;

/// Hashes of short texts: a vocabulary is asked for a million of them, and std's own hash takes several times as long.
pub(super) struct TextHashes(u64);

impl TextHashes {
    pub(super) fn new() -> Self {
        Self(RandomState::new().hash_one(()))
    }
}

impl BuildHasher for TextHashes {
    type Hasher = TextHasher;

    fn build_hasher(&self) -> TextHasher {
        TextHasher(self.0)
    }
}

/// XXH64 of what was written last, with the hash of what was written before as its seed.
pub(super) struct TextHasher(u64);

impl Hasher for TextHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh64(bytes, self.0);
    }

    /// The mark behind a text: a key is one text, so it tells nothing.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
