//! The record of what is stored of one model file: which chunks, their checksums, and which file they belong to.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh64::xxh64;

use super::identity::Validators;

/// Version of the records and the meaning of their fields. A new field with a default is no new version. Where the meaning of
/// old fields changes, [`Manifest::from_json`] must bring older records up to it: a visitor's models are gigabytes, which are
/// not dropped for a version.
pub const SCHEMA: u32 = 2;
/// The oldest version that is read. (Version 1 was never released.)
const OLDEST_SCHEMA: u32 = 2;

/// No chunk is larger, whatever is asked for: several are in memory at once, and phones give some hundred MB in all.
pub const MAX_CHUNK_BYTES: u64 = 32 << 20;

/// The checksum of a chunk: xxh64 with seed 0. It finds damage; it is no protection against forgery.
pub fn checksum(bytes: &[u8]) -> u64 {
    xxh64(bytes, 0)
}

/// Some bytes of a chunk that is not present as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Number of the chunk.
    pub index: u64,
    /// First byte, counted from the chunk's start.
    pub start: u64,
    /// One past the last byte, counted from the chunk's start.
    pub end: u64,
    /// Checksum of these bytes.
    pub sum: u64,
}

/// The record of the stored chunks of one file. It only ever names chunks that are stored and were verified.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`] of the program that wrote it.
    pub schema: u32,
    /// The revision: chunks are stored under it, so the chunks of a changed file never meet the old ones.
    pub id: String,
    /// The file's resolved address.
    pub address: String,
    /// Other addresses at which the same file was found, by its digest.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Size of every chunk but the last, in bytes.
    pub chunk_bytes: u64,
    /// The file's length in bytes, once it is certain.
    pub total: Option<u64>,
    /// The validators from the server's answers.
    pub validators: Validators,
    /// The server's answers for this one file have different tags at times.
    #[serde(default)]
    pub unsteady: bool,
    /// Checksum of each chunk that is present.
    pub chunks: Vec<Option<u64>>,
    /// Parts of chunks that are not present as a whole, without a gap from each chunk's start on.
    #[serde(default)]
    pub parts: Vec<Part>,
    /// Every chunk is present: the file loads without a network.
    pub complete: bool,
    /// SHA-256 of the whole file in hex, when it was computed over the very chunks that are stored.
    pub sha256: Option<String>,
    /// When it was last loaded, in milliseconds since 1970.
    pub last_used: f64,
}

impl Manifest {
    /// An empty record for the file at `address`.
    pub fn new(id: String, address: String, chunk_bytes: u64, now: f64) -> Self {
        Self {
            schema: SCHEMA,
            id,
            address,
            aliases: Vec::new(),
            chunk_bytes: chunk_bytes.clamp(1, MAX_CHUNK_BYTES),
            total: None,
            validators: Validators::default(),
            unsteady: false,
            chunks: Vec::new(),
            parts: Vec::new(),
            complete: false,
            sha256: None,
            last_used: now,
        }
    }

    /// Reads a stored record; `None` when it is of another schema or contradicts itself.
    pub fn from_json(json: &str) -> Option<Self> {
        let manifest: Self = serde_json::from_str(json).ok()?;
        manifest.is_consistent().then_some(manifest)
    }

    /// The record as it is stored.
    pub fn to_json(&self) -> String {
        // A struct of strings and numbers always serialises; an empty text would be dropped on reading.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn is_consistent(&self) -> bool {
        (OLDEST_SCHEMA..=SCHEMA).contains(&self.schema)
            && (1..=MAX_CHUNK_BYTES).contains(&self.chunk_bytes)
            && self.chunk_count().is_none_or(|count| self.chunks.len() as u64 <= count)
            && (!self.complete || self.is_whole())
            && self.parts.iter().all(|part| part.start < part.end && part.end <= self.chunk_bytes)
    }

    /// The parts that are present of chunk `index`, in order.
    pub fn parts_of(&self, index: u64) -> Vec<Part> {
        let mut parts: Vec<Part> = self.parts.iter().filter(|part| part.index == index).copied().collect();
        parts.sort_by_key(|part| part.start);
        parts
    }

    /// Whether anything of the file is present.
    pub fn has_bytes(&self) -> bool {
        !self.parts.is_empty() || self.chunks.iter().any(Option::is_some)
    }

    /// Whether it is of the file at `address`.
    pub fn is_at(&self, address: &str) -> bool {
        self.address == address || self.aliases.iter().any(|alias| alias == address)
    }

    /// Number of chunks, once the length is known.
    pub fn chunk_count(&self) -> Option<u64> {
        self.total.map(|total| total.div_ceil(self.chunk_bytes))
    }

    /// Bytes `start..end` of chunk `index`; the end is cut at the file's length where that is known.
    pub fn span(&self, index: u64) -> (u64, u64) {
        let start = index.saturating_mul(self.chunk_bytes);
        let end = start.saturating_add(self.chunk_bytes);
        (start, self.total.map_or(end, |total| end.min(total)))
    }

    /// Checksum of chunk `index` if it is present.
    pub fn sum(&self, index: u64) -> Option<u64> {
        self.chunks.get(index as usize).copied().flatten()
    }

    /// Marks chunk `index` as present or, with `None`, as missing.
    pub fn set_sum(&mut self, index: u64, sum: Option<u64>) {
        let index = index as usize;
        if self.chunks.len() <= index {
            self.chunks.resize(index + 1, None);
        }
        self.chunks[index] = sum;
        if sum.is_some() {
            self.parts.retain(|part| part.index != index as u64);
        }
    }

    /// The first chunk that is not present (possibly one past the end while the length is unknown).
    pub fn first_missing(&self) -> u64 {
        self.chunks.iter().position(Option::is_none).unwrap_or(self.chunks.len()) as u64
    }

    /// Whether every chunk is present.
    pub fn is_whole(&self) -> bool {
        self.chunk_count() == Some(self.chunks.len() as u64) && self.chunks.iter().all(Option::is_some)
    }

    /// Bytes that are present.
    pub fn stored_bytes(&self) -> u64 {
        let present = |index: &u64| self.sum(*index).is_some();
        let size = |index| {
            let (start, end) = self.span(index);
            end - start
        };
        let parts: u64 = self.parts.iter().map(|part| part.end - part.start).sum();
        (0..self.chunks.len() as u64).filter(present).map(size).sum::<u64>() + parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest::new("g1".into(), "https://a.example/m.gguf".into(), 10, 5.0)
    }

    #[test]
    fn chunks_cover_the_file_once() {
        let mut m = manifest();
        assert_eq!((m.span(0), m.span(2)), ((0, 10), (20, 30)));
        m.total = Some(25);
        assert_eq!((m.chunk_count(), m.span(2)), (Some(3), (20, 25)));
        m.set_sum(2, Some(7));
        m.set_sum(0, Some(8));
        assert_eq!((m.first_missing(), m.stored_bytes(), m.is_whole()), (1, 15, false));
        m.set_sum(1, Some(9));
        assert_eq!((m.first_missing(), m.stored_bytes(), m.is_whole()), (3, 25, true));
    }

    #[test]
    fn a_record_survives_and_a_foreign_one_is_dropped() {
        let mut m = manifest();
        m.total = Some(10);
        m.set_sum(0, Some(u64::MAX));
        m.complete = true;
        assert_eq!(Manifest::from_json(&m.to_json()), Some(m.clone()));
        let broken = [
            Manifest { schema: SCHEMA + 1, ..m.clone() },
            Manifest { schema: OLDEST_SCHEMA - 1, ..m.clone() },
            Manifest { chunk_bytes: 0, ..m.clone() },
            Manifest { chunks: vec![Some(1), Some(2)], ..m.clone() },
            Manifest { chunks: vec![None], ..m.clone() },
            Manifest { total: None, ..m },
        ];
        for manifest in broken {
            assert_eq!(Manifest::from_json(&manifest.to_json()), None, "{manifest:?}");
        }
        assert_eq!(Manifest::from_json("{\"schema\":2}"), None);
    }
}
