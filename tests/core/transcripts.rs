//! The bundled model's answers to fixed prompts, greedy and sampled, are the same with every kernel and thread count.
//! `tests/e2e/transcripts.test.mjs` reads the same file in the browser.
//!
//! A new model says other things: `RECORD_TRANSCRIPTS=1 cargo test --test core transcripts` writes the file again.

use bitnet_web::chat::{ChatOptions, Message};
use bitnet_web::generate::{Engine, Event, GenerateOptions, Prompt};
use bitnet_web::kernels::Kernel;
use bitnet_web::load::LoadOptions;
use bitnet_web::sample::SamplerOptions;
use serde::{Deserialize, Serialize};
use test_harness::files;

use crate::support::engine;

const FILE: &str = "tests/fixtures/transcripts.json";

/// One conversation and its answer.
#[derive(Deserialize, Serialize)]
struct Transcript {
    /// The user's and the model's turns by turns, the user's first and last.
    prompt: Vec<String>,
    options: Options,
    text: String,
}

/// As JavaScript spells them; what is left out has its default.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    max_tokens: usize,
    temperature: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repetition_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

impl Options {
    fn generate(&self) -> GenerateOptions {
        let default = SamplerOptions::default();
        let sampler = SamplerOptions {
            temperature: self.temperature,
            top_k: self.top_k.unwrap_or(default.top_k),
            top_p: self.top_p.unwrap_or(default.top_p),
            min_p: self.min_p.unwrap_or(default.min_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(default.repetition_penalty),
            seed: self.seed.unwrap_or(default.seed),
            ..default
        };
        GenerateOptions { max_tokens: Some(self.max_tokens), sampler, ..GenerateOptions::default() }
    }
}

impl Transcript {
    fn answer(&self, engine: &mut Engine) -> String {
        let turns = self.prompt.iter().enumerate();
        let messages = turns.map(|(i, text)| Message::new(["user", "assistant"][i % 2], text));
        let ids =
            engine.prompt(&Prompt::Chat { messages: messages.collect(), options: ChatOptions::default() }).unwrap();
        let mut generation = engine.generate(ids, self.options.generate()).unwrap();
        let mut said = String::new();
        loop {
            match engine.step(&mut generation, usize::MAX).unwrap() {
                Event::Prefill { .. } => {}
                Event::Token { text, .. } => said.push_str(&text),
                Event::Done { text, .. } => return said + &text,
            }
        }
    }
}

fn read() -> Vec<Transcript> {
    serde_json::from_str(&files::read_text(FILE)).unwrap()
}

fn demo(kernel: Kernel, threads: usize) -> Engine {
    engine(&files::read("www/models/demo.gguf"), LoadOptions::new(kernel), threads, 1 << 20)
}

#[test]
fn the_demo_model_says_what_is_recorded() {
    if std::env::var_os("RECORD_TRANSCRIPTS").is_some() {
        return record();
    }
    let transcripts = read();
    assert!(!transcripts.is_empty());
    for kernel in Kernel::all() {
        // Natively the vector instructions of the others are emulated, which takes its time.
        for threads in if kernel == Kernel::SCALAR { 1..=3 } else { 2..=2 } {
            let mut engine = demo(kernel, threads);
            for transcript in &transcripts {
                let (prompt, name) = (&transcript.prompt, kernel.name());
                assert_eq!(transcript.answer(&mut engine), transcript.text, "{prompt:?}, {name}, {threads} threads");
            }
        }
    }
}

fn record() {
    let mut engine = demo(Kernel::SCALAR, 1);
    let mut transcripts = read();
    for transcript in &mut transcripts {
        transcript.text = transcript.answer(&mut engine);
    }
    std::fs::write(FILE, serde_json::to_string_pretty(&transcripts).unwrap() + "\n").unwrap();
}
