//! llama.cpp as a third voice beside transformers and this crate: its greedy tokens of the fixture models that it loads
//! (`tests/oracle/third_voice.py`).
//!
//! It rounds the inputs of matrices in blocks of 32 or 256 columns, or not at all, so that its logits are others by a few percent:
//! where it chose another token than this crate, the two must lie close.

use std::collections::BTreeSet;

use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Precision};
use serde::Deserialize;
use test_harness::files;

use crate::support::draft::Draft;
use crate::support::{engine, models, top};

#[derive(Deserialize)]
struct Voice {
    cases: Vec<Case>,
    embeddings: Vec<Embeddings>,
}

/// What llama.cpp makes of an embedding model without what it does not compute.
#[derive(Deserialize)]
struct Embeddings {
    file: String,
    /// The end of the names of tensors that are left out.
    without: String,
    texts: Vec<EmbeddedText>,
}

#[derive(Deserialize)]
struct EmbeddedText {
    tokens: Vec<u32>,
    /// Of length 1.
    vector: Vec<f32>,
}

#[derive(Deserialize)]
struct Case {
    file: String,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    prompt: Vec<u32>,
    tokens: Vec<u32>,
}

/// How far apart two tokens may lie that the voices disagree on, in units of the row's root mean square. A random model's logits have
/// a standard deviation of about 1 such unit, and llama.cpp's rounding moves them by a few hundredths.
const NEAR: f64 = 0.25;

#[test]
fn greedy_tokens_are_those_of_llama_cpp() {
    let voice: Voice = serde_json::from_str(&files::read_text("tests/fixtures/third-voice.json")).unwrap();
    for case in &voice.cases {
        let options = LoadOptions { precision: Precision::Exact, ..LoadOptions::new(Kernel::SCALAR) };
        let mut engine = engine(&models::read(&case.file), options, 2, 1 << 16);
        let (mut tokens, mut others) = (0, 0);
        for answer in &case.answers {
            // Each token behind what llama.cpp wrote before it.
            let text: Vec<u32> = answer.prompt.iter().chain(&answer.tokens).copied().collect();
            let positions: Vec<usize> = (answer.prompt.len() - 1..text.len() - 1).collect();
            let logits = engine.logits(&text, &positions).unwrap();
            let rows = logits.chunks_exact(logits.len() / positions.len());
            for ((row, position), theirs) in rows.zip(&positions).zip(&answer.tokens) {
                let ours = top(row);
                tokens += 1;
                others += usize::from(ours != *theirs as usize);
                let rms = (row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / row.len() as f64).sqrt();
                let gap = f64::from(row[ours] - row[*theirs as usize]) / rms;
                assert!(gap < NEAR, "{}, position {position}: {ours}, llama.cpp has {theirs}, {gap} apart", case.file);
            }
        }
        println!("{}: {others} of {tokens} tokens are others than llama.cpp's", case.file);
        assert!(others * 10 <= tokens, "{}: {others} of {tokens} tokens are others than llama.cpp's", case.file);
    }
}

/// The cosine of the angle between our vector and llama.cpp's: it multiplies floats, these models were trained with int8 inputs.
const LEAST_COSINE: f64 = 0.999;

#[test]
fn vectors_of_texts_are_those_of_llama_cpp() {
    let voice: Voice = serde_json::from_str(&files::read_text("tests/fixtures/third-voice.json")).unwrap();
    assert_eq!(voice.embeddings.len(), 2);
    for case in &voice.embeddings {
        let mut draft = Draft::read(&models::read(&case.file));
        draft.tensors.retain(|tensor| !tensor.name.ends_with(&case.without));
        let options = LoadOptions { precision: Precision::Exact, ..LoadOptions::new(Kernel::SCALAR) };
        let mut engine = engine(&draft.bytes(), options, 2, 1 << 16);
        let texts: Vec<Vec<u32>> = case.texts.iter().map(|text| text.tokens.clone()).collect();
        let vectors = engine.embed_tokens(&texts).unwrap();
        for (text, ours) in case.texts.iter().zip(vectors.chunks_exact(vectors.len() / texts.len())) {
            let cosine: f64 = ours.iter().zip(&text.vector).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            println!("{}, {} tokens: {cosine:.6}", case.file, text.tokens.len());
            assert!(cosine > LEAST_COSINE, "{}, {} tokens: {cosine}", case.file, text.tokens.len());
        }
    }
}

/// Each graph that llama.cpp has, and each type of weights that it has.
#[test]
fn every_graph_and_type_of_llama_cpp_is_compared() {
    let voice: Voice = serde_json::from_str(&files::read_text("tests/fixtures/third-voice.json")).unwrap();
    let files: BTreeSet<&str> = voice.cases.iter().map(|case| case.file.trim_end_matches(".gguf")).collect();
    for file in [
        "silu-hd100-f16",
        "llama-llama3-tq2_0",
        "llama-linear-i2_s",
        "llama-yarn-i2_s",
        "qwen3-i2_s",
        "qwen3-yarn-i2_s",
        "qwen3-groups64-q2_0",
        "qwen3-groups128-ptq1_0",
        "qwen3-binary-q1_0",
        "trilm-tq1_0",
        "trilm-tq2_0",
    ] {
        assert!(files.contains(file), "{file}");
    }
}
