//! The codec fixtures; `tests/fixtures/README.md` describes the fields.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use test_harness::files;

#[derive(Deserialize)]
pub struct QuantCase {
    pub name: String,
    #[serde(rename = "type")]
    pub type_id: u32,
    pub rows: usize,
    pub columns: usize,
    pub i2_s_group: usize,
    raw: Span,
    trits: Span,
    /// One for I2_S, one for each block of 256 for the TQ types.
    pub scales: Vec<f32>,
    values: Span,
}

#[derive(Deserialize)]
struct Span {
    offset: usize,
    bytes: usize,
}

#[derive(Deserialize)]
struct File<Case> {
    file: String,
    cases: Vec<Case>,
}

/// A case of the types that have values, but no one scale.
#[derive(Deserialize)]
pub struct FloatCase {
    pub name: String,
    #[serde(rename = "type")]
    pub type_id: u32,
    pub rows: usize,
    pub columns: usize,
    raw: Span,
    values: Span,
}

/// All cases with the file that their spans point into.
pub struct QuantCases<Case = QuantCase> {
    pub cases: Vec<Case>,
    bytes: Vec<u8>,
}

impl QuantCases<FloatCase> {
    /// `floats` or `grouped`.
    pub fn read(name: &str) -> Self {
        read(name)
    }

    /// The tensor's bytes, as a GGUF file holds them.
    pub fn raw(&self, case: &FloatCase) -> &[u8] {
        self.span(&case.raw)
    }

    /// The dequantized weights, `[rows, columns]`.
    pub fn values(&self, case: &FloatCase) -> Vec<f32> {
        self.floats(&case.values)
    }
}

impl QuantCases<QuantCase> {
    pub fn read() -> Self {
        read("quant")
    }

    /// The tensor's bytes, as a GGUF file holds them.
    pub fn raw(&self, case: &QuantCase) -> &[u8] {
        self.span(&case.raw)
    }

    /// The codes in {-1, 0, +1}, `[rows, columns]`.
    pub fn trits(&self, case: &QuantCase) -> Vec<i8> {
        self.span(&case.trits).iter().map(|&b| b as i8).collect()
    }

    /// The dequantized weights, `[rows, columns]`.
    pub fn values(&self, case: &QuantCase) -> Vec<f32> {
        self.floats(&case.values)
    }
}

fn read<Case: DeserializeOwned>(name: &str) -> QuantCases<Case> {
    let folder = "tests/fixtures/quant";
    let file: File<Case> = serde_json::from_slice(&files::read(&format!("{folder}/{name}.json"))).unwrap();
    QuantCases { cases: file.cases, bytes: files::read(&format!("{folder}/{}", file.file)) }
}

impl<Case> QuantCases<Case> {
    fn floats(&self, span: &Span) -> Vec<f32> {
        self.span(span).chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    }

    fn span(&self, span: &Span) -> &[u8] {
        &self.bytes[span.offset..][..span.bytes]
    }
}
