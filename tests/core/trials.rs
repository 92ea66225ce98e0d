//! Trials: every model passes one, the same way each time, and leaves nothing behind. And the bytes of weights that passes read.

use bitnet_web::ErrorKind;
use bitnet_web::generate::{Engine, Event, GenerateOptions, Trial};
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Precision};

use crate::support::models::{fixtures, named};

fn load(name: &str, precision: Precision, context: Option<usize>) -> Engine {
    let fixture = named(name);
    let options = LoadOptions { precision, context, ..LoadOptions::new(Kernel::SCALAR) };
    crate::support::engine(&fixture.bytes(&fixture.files[0].name), options, 2, 1 << 16)
}

fn run(engine: &mut Engine, tokens: usize) -> Vec<u32> {
    let mut trial = engine.begin_trial(tokens);
    while !engine.step_trial(&mut trial).unwrap() {}
    trial.written().to_vec()
}

#[test]
fn every_model_passes_the_same_trial_each_time() {
    for fixture in fixtures() {
        for precision in [Precision::Fast, Precision::Exact] {
            let options = LoadOptions { precision, ..LoadOptions::new(Kernel::SCALAR) };
            let mut engine = crate::support::engine(&fixture.bytes(&fixture.files[0].name), options, 2, 1 << 16);
            let written = run(&mut engine, 3);
            let expected = if fixture.embeddings.is_some() { 0 } else { 3 };
            assert_eq!(written.len(), expected, "{}", fixture.name);
            assert_eq!(run(&mut engine, 3), written, "{}", fixture.name);
        }
    }
}

/// What is written is what a generation from the same tokens writes.
#[test]
fn a_trial_writes_what_a_generation_does() {
    let mut engine = load("gqa1", Precision::Fast, None);
    let prompt = bitnet_web::generate::hash_tokens(engine.model().config().vocab_size)[..4].to_vec();
    let options = GenerateOptions { max_tokens: Some(5), ..GenerateOptions::default() };
    let mut generation = engine.generate(prompt, options).unwrap();
    let mut said = Vec::new();
    loop {
        match engine.step(&mut generation, usize::MAX).unwrap() {
            Event::Token { id, .. } => said.push(id),
            Event::Prefill { .. } => {}
            Event::Done { .. } => break,
        }
    }
    assert!(said.len() >= 2, "{said:?}");
    assert!(run(&mut engine, 5).starts_with(&said));
}

#[test]
fn a_trial_between_the_steps_of_a_generation_changes_nothing() {
    let answer = |engine: &mut Engine, mut trial: Option<Trial>| {
        let options = GenerateOptions { max_tokens: Some(12), ..GenerateOptions::default() };
        let mut generation = engine.generate((1..40).collect(), options).unwrap();
        let mut events = Vec::new();
        loop {
            if let Some(running) = &mut trial
                && engine.step_trial(running).unwrap()
            {
                trial = None;
            }
            let Some(event) = engine.step_layer(&mut generation, usize::MAX).unwrap() else { continue };
            let is_over = matches!(event, Event::Done { .. });
            events.push(event);
            if is_over {
                return events;
            }
        }
    };
    let mut engine = load("gqa1", Precision::Fast, None);
    // So little memory that a block more would cost a kept text.
    engine.set_kv_tokens(1);
    let alone = answer(&mut engine, None);
    let kept = |engine: &Engine| {
        let texts: Vec<_> = engine.cache().sequences().iter().map(|text| text.tokens().to_vec()).collect();
        (texts, engine.cache().pool().blocks())
    };
    let before = kept(&engine);
    engine.clear_cache();
    let trial = engine.begin_trial(20);
    let beside = answer(&mut engine, Some(trial));
    assert_eq!(beside, alone);
    assert_eq!(kept(&engine), before);
    let mut trial = engine.begin_trial(8);
    while !engine.step_trial(&mut trial).unwrap() {
        assert_eq!(kept(&engine), before);
    }
}

#[test]
fn a_trial_fits_any_context_and_ends_once() {
    for context in [1, 2, 4, 5, 7] {
        let mut engine = load("gqa1", Precision::Exact, Some(context));
        assert_eq!(run(&mut engine, 8).len(), context.saturating_sub(4), "{context}");
    }
    let mut engine = load("gqa1", Precision::Fast, None);
    let mut trial = engine.begin_trial(1);
    while !engine.step_trial(&mut trial).unwrap() {}
    engine.step_trial(&mut trial).unwrap();
    let mut nothing = engine.begin_trial(0);
    while !engine.step_trial(&mut nothing).unwrap() {}
    assert_eq!(engine.step_trial(&mut nothing).unwrap_err().kind(), ErrorKind::Internal);
}

/// A pass reads every matrix once, however many tokens share it, and the embedding not at all.
#[test]
fn the_bytes_of_weights_that_are_read_are_counted() {
    for precision in [Precision::Fast, Precision::Exact] {
        let mut engine = load("gqa1", precision, None);
        let weights = engine.summary().weight_bytes;
        let mut read = |prompt: usize| {
            let before = engine.weight_bytes_read();
            engine.clear_cache();
            let options = GenerateOptions { max_tokens: Some(1), ..GenerateOptions::default() };
            let mut generation = engine.generate((1..=prompt as u32).collect(), options).unwrap();
            while !matches!(engine.step(&mut generation, usize::MAX).unwrap(), Event::Done { .. }) {}
            engine.weight_bytes_read() - before
        };
        let single = read(1);
        assert!(single > weights / 4 && single <= weights, "{precision:?}: {single} of {weights}");
        assert_eq!(read(2), single);
        assert_eq!(read(64), single);
        assert!(read(65) > single * 3 / 2);
    }
}
