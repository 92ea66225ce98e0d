//! The fixture models; `tests/fixtures/README.md` describes the fields.

use std::path::PathBuf;

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Fixture {
    pub name: String,
    pub config: Shape,
    pub files: Vec<FixtureFile>,
    pub logits: String,
    pub sequences: Vec<Sequence>,
    pub clear_margin: f64,
    pub tight: f64,
    pub flip_bound: f64,
    pub near_tie: f64,
}

#[derive(Deserialize)]
pub struct Shape {
    pub vocab_size: usize,
}

#[derive(Deserialize)]
pub struct FixtureFile {
    pub name: String,
    pub i2_s_group: usize,
}

#[derive(Deserialize)]
pub struct Sequence {
    pub kind: String,
    pub tokens: Vec<u32>,
    pub margins: Vec<f64>,
}

/// The folder of the fixture models.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models")
}

/// All fixture models, by name.
pub fn fixtures() -> Vec<Fixture> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no fixture models in {}", folder().display());
    paths.iter().map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
}

impl Fixture {
    /// The bytes of one of its files.
    pub fn bytes(&self, file: &str) -> Vec<u8> {
        std::fs::read(folder().join(file)).unwrap()
    }

    /// The reference logits of all sequences.
    pub fn logits(&self) -> Vec<f32> {
        let bytes = std::fs::read(folder().join(&self.logits)).unwrap();
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    }
}
