//! The runtime's sampler under a constraint: greedy and random, with penalties, stop texts and too few tokens.

use bitnet_grammar::Format;
use bitnet_web::generate::{Engine, Event, FinishReason, GenerateOptions, StoppedBy};
use bitnet_web::sample::{self, SamplerOptions};
use bitnet_web::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::support::{DEMO, engine, vocabulary};

struct Grammar(bitnet_grammar::Constraint);

impl std::fmt::Debug for Grammar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Grammar")
    }
}

impl sample::Constraint for Grammar {
    fn mask(&mut self, words: &mut Vec<u32>) -> bitnet_web::Result<()> {
        let mask = self.0.mask().map_err(|error| Error::new(ErrorKind::InvalidGrammar, error.to_string()))?;
        words.clear();
        words.extend_from_slice(mask);
        Ok(())
    }

    fn accept(&mut self, token: u32) -> bitnet_web::Result<bool> {
        self.0.accept(token).map_err(|error| Error::new(ErrorKind::InvalidGrammar, error.to_string()))
    }
}

/// The text of an answer that follows `format`, why it ended and what ended it.
fn answer(engine: &mut Engine, format: &Format, options: GenerateOptions) -> (String, FinishReason, Option<StoppedBy>) {
    let constraint = vocabulary(engine.tokenizer()).constrain(format).unwrap();
    let prompt = engine.tokenizer().encode("Tell me a story as JSON.", false, true).unwrap();
    let mut generation = engine.generate(prompt, options).unwrap();
    generation.constrain(Box::new(Grammar(constraint)));
    let mut whole = String::new();
    loop {
        match engine.step(&mut generation, 64).unwrap() {
            Event::Prefill { .. } => {}
            Event::Token { text, .. } => whole.push_str(&text),
            Event::Done { reason, stopped_by, text, .. } => return (whole + &text, reason, stopped_by),
        }
    }
}

fn person() -> Format {
    Format::JsonSchema(json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "maxLength": 12 },
            "age": { "type": "integer", "minimum": 0, "maximum": 150 },
            "tags": { "type": "array", "items": { "enum": ["a b", "c", "🦀"] }, "maxItems": 3 },
        },
        "required": ["name", "age", "tags"],
        "additionalProperties": false,
    }))
}

fn check(text: &str) {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert!(value["name"].as_str().unwrap().chars().count() <= 12, "{text}");
    assert!(value["age"].as_u64().unwrap() <= 150, "{text}");
    assert!(
        value["tags"].as_array().unwrap().iter().all(|tag| ["a b", "c", "🦀"].contains(&tag.as_str().unwrap())),
        "{text}"
    );
}

/// Byte-level BPE and SentencePiece, whose decoder takes spaces away elsewhere.
const MODELS: [&str; 2] = [DEMO, "tests/fixtures/models/tiny-i2_s.gguf"];

#[test]
fn every_way_of_sampling_satisfies_the_schema() {
    for model in MODELS {
        let mut engine = engine(model);
        for seed in 0..12 {
            let sampler = SamplerOptions {
                temperature: [0.0, 1.0, 5.0][seed % 3],
                top_k: [0, 3][seed % 2],
                repetition_penalty: [1.0, 1.5][seed / 2 % 2],
                seed: seed as u64,
                ..SamplerOptions::default()
            };
            let options = GenerateOptions { sampler, max_tokens: Some(400), ..GenerateOptions::default() };
            let (text, reason, stopped_by) = answer(&mut engine, &person(), options);
            assert_eq!(
                (reason, stopped_by),
                (FinishReason::Stop, Some(StoppedBy::Grammar)),
                "{model}, seed {seed}: {text}"
            );
            check(&text);
        }
    }
}

#[test]
fn too_few_tokens_are_told() {
    let mut engine = engine(DEMO);
    let options = GenerateOptions { max_tokens: Some(4), ..GenerateOptions::default() };
    let (text, reason, stopped_by) = answer(&mut engine, &person(), options);
    assert_eq!((reason, stopped_by), (FinishReason::Length, None));
    assert!(serde_json::from_str::<Value>(&text).is_err(), "{text}");
}

#[test]
fn an_answer_that_may_go_on_ends_where_the_model_ends_it() {
    let mut engine = engine(DEMO);
    let options = GenerateOptions { max_tokens: Some(30), ..GenerateOptions::default() };
    let (text, reason, _) = answer(&mut engine, &Format::Regex("[0-9]+".into()), options);
    assert!(text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty(), "{text}");
    println!("{text} {reason:?}");
}

#[test]
fn a_stop_text_still_ends_the_answer() {
    let mut engine = engine(DEMO);
    let options = GenerateOptions { stop: vec!["-".into()], max_tokens: Some(30), ..GenerateOptions::default() };
    let (text, reason, stopped_by) = answer(&mut engine, &Format::Regex("aaa-bbb".into()), options);
    assert_eq!((text.as_str(), reason, stopped_by), ("aaa", FinishReason::Stop, Some(StoppedBy::Text("-".into()))));
}

#[test]
fn spaces_at_the_start_are_the_grammars() {
    for model in MODELS {
        let mut engine = engine(model);
        let (text, ..) = answer(&mut engine, &Format::Regex(" b c".into()), GenerateOptions::default());
        assert_eq!(text, " b c", "{model}");
    }
}
