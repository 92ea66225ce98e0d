//! The runtime's sampler under a constraint: greedy and random, with penalties, stop texts and too few tokens.

use std::collections::HashMap;

use bitnet_grammar::{Format, Vocabulary};
use bitnet_web::generate::{
    Engine, Event, FinishReason, GenerateOptions, Guessing, Limits, Outcome, Report, Scheduler, StoppedBy, Usage,
};
use bitnet_web::sample::{self, SamplerOptions};
use bitnet_web::{Error, ErrorKind};
use oorandom::Rand64;
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

    fn forced(&mut self) -> Vec<u32> {
        self.0.forced()
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
    let (text, reason, _) = answer(&mut engine, &Format::regex("[0-9]+"), options);
    assert!(text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty(), "{text}");
    println!("{text} {reason:?}");
}

#[test]
fn a_stop_text_still_ends_the_answer() {
    let mut engine = engine(DEMO);
    let options = GenerateOptions { stop: vec!["-".into()], max_tokens: Some(30), ..GenerateOptions::default() };
    let (text, reason, stopped_by) = answer(&mut engine, &Format::regex("aaa-bbb"), options);
    assert_eq!((text.as_str(), reason, stopped_by), ("aaa", FinishReason::Stop, Some(StoppedBy::Text("-".into()))));
}

#[test]
fn spaces_at_the_start_are_the_grammars() {
    for model in MODELS {
        let mut engine = engine(model);
        let (text, ..) = answer(&mut engine, &Format::regex(" b c"), GenerateOptions::default());
        assert_eq!(text, " b c", "{model}");
    }
}

/// An answer that is wanted.
struct Wish {
    format: Option<Format>,
    prompt: Vec<u32>,
    options: GenerateOptions,
}

impl Wish {
    fn new(engine: &Engine, number: usize, random: &mut Rand64) -> Self {
        let sampler = SamplerOptions {
            temperature: [0.0, 1.0, 3.0][number % 3],
            seed: random.rand_u64() >> 12,
            ..SamplerOptions::default()
        };
        let prompt = ["Tell me a story as JSON.", "Tell me", "A person:"][random.rand_range(0..3) as usize];
        let prompt = engine.tokenizer().encode(prompt, false, true).unwrap();
        let expressions = Format::regex("(the colour is (red|blue)|the number is [0-9]{1,3}), that is all");
        let format = [Some(person()), None, Some(expressions)][random.rand_range(0..3) as usize].clone();
        let max_tokens = Some(if format.is_some() { 400 } else { 20 });
        let options = GenerateOptions {
            sampler,
            max_tokens,
            speculative: number.is_multiple_of(2),
            ..GenerateOptions::default()
        };
        Self { format, prompt, options }
    }

    /// Submits it.
    fn begin(&self, engine: &mut Engine, words: &Vocabulary, scheduler: &mut Scheduler, id: u32) {
        let mut generation = engine.prepare(self.prompt.clone(), self.options.clone()).unwrap();
        if let Some(format) = &self.format {
            generation.constrain(Box::new(Grammar(words.constrain(format).unwrap())));
        }
        scheduler.submit(id, generation, 0.0, false).unwrap();
    }

    fn alone(&self, engine: &mut Engine, words: &Vocabulary, guessing: Guessing) -> (Vec<u32>, String, Usage) {
        let mut scheduler = Scheduler::new(Limits { concurrent: 1, queued: 0 });
        *scheduler.guessing() = guessing;
        engine.clear_cache();
        self.begin(engine, words, &mut scheduler, 0);
        let mut answers = HashMap::new();
        while !scheduler.is_idle() {
            hear(scheduler.step(engine), &mut answers);
        }
        answers.remove(&0).unwrap()
    }
}

/// Tokens, text and usage of each answer.
fn hear(reports: Vec<Report>, answers: &mut HashMap<u32, (Vec<u32>, String, Usage)>) {
    for Report { id, outcome } in reports {
        let (ids, whole, last) = answers.entry(id).or_default();
        match outcome {
            Outcome::Event(Event::Token { id, text, .. }) => {
                ids.push(id);
                whole.push_str(&text);
            }
            Outcome::Event(Event::Done { text, usage, .. }) => {
                whole.push_str(&text);
                *last = usage;
            }
            Outcome::Failed(error) => panic!("{id}: {error}"),
            _ => {}
        }
    }
}

#[test]
fn in_a_crowd_with_random_joins_and_guesses_every_answer_is_the_one_it_is_alone() {
    let seed = 20_261_131;
    for model in MODELS {
        let mut random = Rand64::new(seed);
        let (mut crowd, mut single) = (engine(model), engine(model));
        let words = vocabulary(crowd.tokenizer());
        let mut scheduler = Scheduler::new(Limits { concurrent: 4, queued: 40 });
        *scheduler.guessing() = Guessing::always(3);
        let mut wishes: Vec<Wish> = Vec::new();
        let mut answers = HashMap::new();
        let mut most_running = 0;
        while wishes.len() < 12 || !scheduler.is_idle() {
            if wishes.len() < 12 && (scheduler.is_idle() || random.rand_range(0..40) == 0) {
                let wish = Wish::new(&crowd, wishes.len(), &mut random);
                wish.begin(&mut crowd, &words, &mut scheduler, wishes.len() as u32);
                wishes.push(wish);
            }
            hear(scheduler.step(&mut crowd), &mut answers);
            most_running = most_running.max(scheduler.counts().0);
        }
        assert!(most_running > 1, "{model}");
        for (number, wish) in (0..).zip(&wishes) {
            let (ids, text, _) = &answers[&number];
            let (alone, ..) = wish.alone(&mut single, &words, Guessing::default());
            assert_eq!(*ids, alone, "{model}, seed {seed}, answer {number}: {text}");
            if wish.format == Some(person()) {
                check(text);
            }
        }
    }
}

#[test]
fn what_is_forced_goes_through_in_one_pass_and_changes_nothing() {
    let keys = ["first_name_of_the_person", "country_of_birth", "is_still_a_member"];
    let properties: Value = keys
        .iter()
        .map(|key| ((*key).to_owned(), json!({ "type": "boolean" })))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let schema = json!({ "type": "object", "properties": properties, "required": keys, "additionalProperties": false });
    for model in MODELS {
        let mut engine = engine(model);
        let words = vocabulary(engine.tokenizer());
        for temperature in [0.0, 1.0] {
            let sampler = SamplerOptions { temperature, seed: 7, ..SamplerOptions::default() };
            let options =
                GenerateOptions { sampler, max_tokens: Some(200), speculative: true, ..GenerateOptions::default() };
            let prompt = engine.tokenizer().encode("A person:", false, true).unwrap();
            let mut wish = Wish { format: Some(Format::JsonSchema(schema.clone())), prompt, options };
            let (ids, text, usage) = wish.alone(&mut engine, &words, Guessing::default());
            let (forced_ids, forced_text, forced) = wish.alone(&mut engine, &words, Guessing::always(7));
            assert_eq!((&ids, &text), (&forced_ids, &forced_text), "{model}");
            assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
            println!(
                "{model}: {} tokens, {} of {} guesses came true",
                ids.len(),
                forced.accepted_tokens,
                forced.guessed_tokens
            );
            assert_eq!((usage.guessed_tokens, usage.accepted_tokens), (0, 0));
            assert!(forced.accepted_tokens > 0, "{model}: {text}");
            wish.options.speculative = false;
            assert_eq!(wish.alone(&mut engine, &words, Guessing::always(7)).2.guessed_tokens, 0);
        }
    }
}
