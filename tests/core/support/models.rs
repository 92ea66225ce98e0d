//! The fixture models; `tests/fixtures/README.md` describes the fields.

use serde::Deserialize;
use test_harness::files;

#[derive(Deserialize)]
pub struct Fixture {
    pub name: String,
    pub config: Shape,
    pub files: Vec<FixtureFile>,
    pub logits: String,
    pub embeddings: Option<String>,
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
pub const FOLDER: &str = "tests/fixtures/models";

/// The bytes of a file in it.
pub fn read(file: &str) -> Vec<u8> {
    files::read(&format!("{FOLDER}/{file}"))
}

/// All fixture models, by name.
pub fn fixtures() -> Vec<Fixture> {
    let names = files::list(FOLDER).into_iter().filter(|name| name.ends_with(".json"));
    let fixtures: Vec<Fixture> = names.map(|name| serde_json::from_slice(&read(&name)).unwrap()).collect();
    assert!(!fixtures.is_empty(), "no fixture models in {FOLDER}");
    fixtures
}

/// The fixture model of this name.
pub fn named(name: &str) -> Fixture {
    serde_json::from_slice(&read(&format!("{name}.json"))).unwrap()
}

impl Fixture {
    /// The bytes of one of its files.
    pub fn bytes(&self, file: &str) -> Vec<u8> {
        read(file)
    }

    /// The reference logits of all sequences.
    pub fn logits(&self) -> Vec<f32> {
        let bytes = read(&self.logits);
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    }
}
