//! The engine's functions for benchmarks: made-up contexts, and the time of each part.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::models::named;
use bitnet_web::ErrorKind;
use bitnet_web::generate::{Engine, Event, GenerateOptions, Generation, StopToken, Usage};
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Precision};
use bitnet_web::stopwatch::Parts;

fn any_engine(precision: Precision) -> Engine {
    let fixture = &named("gqa1");
    let options = LoadOptions { precision, ..LoadOptions::new(Kernel::SCALAR) };
    crate::support::engine(&fixture.bytes(&fixture.files[0].name), options, 2, 1 << 16)
}

fn run(engine: &mut Engine, mut generation: Generation) -> (Vec<u32>, Usage) {
    let mut ids = Vec::new();
    loop {
        match engine.step(&mut generation, 8).unwrap() {
            Event::Prefill { .. } => {}
            Event::Token { id, .. } => ids.push(id),
            Event::Done { usage, .. } => return (ids, usage),
        }
    }
}

fn options(tokens: usize) -> GenerateOptions {
    GenerateOptions { max_tokens: Some(tokens), ..GenerateOptions::default() }
}

#[test]
fn a_made_up_context_is_not_computed_and_never_taken_for_a_real_one() {
    for precision in [Precision::Fast, Precision::Exact] {
        let mut engine = any_engine(precision);
        let hash = engine.logits_hash().unwrap();
        let room = engine.model().context();
        let context = room - 4;
        let answers: Vec<Vec<u32>> = [context, context, context - 1]
            .into_iter()
            .map(|context| {
                let generation = engine.generate_at_depth(context, &[1], options(3)).unwrap();
                assert_eq!(generation.sequence().unwrap().len(), context);
                let (ids, usage) = run(&mut engine, generation);
                assert_eq!((usage.prompt_tokens, usage.cached_tokens), (context + 1, context));
                assert!(engine.cache().sequences().is_empty(), "made-up tokens go with their generation");
                ids
            })
            .collect();
        assert_eq!(answers[0], answers[1], "always the same keys and values");

        // The made-up tokens have the id 0; a prompt that begins with it shares nothing with them.
        let generation = engine.generate(vec![0, 0, 1], options(2)).unwrap();
        assert_eq!(generation.usage().cached_tokens, 0);
        let (after, _) = run(&mut engine, generation);
        let mut fresh = any_engine(precision);
        let generation = fresh.generate(vec![0, 0, 1], options(2)).unwrap();
        assert_eq!(after, run(&mut fresh, generation).0);

        let generation = engine.generate_at_depth(5, &[1], options(1)).unwrap();
        run(&mut engine, generation);
        assert_eq!(engine.logits_hash().unwrap(), hash);
        assert_eq!(engine.generate_at_depth(room, &[1], options(1)).unwrap_err().kind(), ErrorKind::ContextOverflow);
    }
}

#[test]
fn a_timed_answer_is_as_long_as_asked_whatever_it_says() {
    let mut engine = any_engine(Precision::Fast);
    let generation = engine.generate_at_depth(4, &[1], options(6)).unwrap();
    let (ids, _) = run(&mut engine, generation);
    assert_eq!(ids.len(), 6);
    let ends = GenerateOptions { stop_tokens: ids.iter().map(|&id| StopToken::Id(id)).collect(), ..options(6) };
    let generation = engine.generate_at_depth(4, &[1], ends).unwrap();
    assert_eq!(run(&mut engine, generation).0, ids);
}

/// A millisecond later each time that it is read. Only one test reads it.
fn ticks() -> f64 {
    static NOW: AtomicU32 = AtomicU32::new(0);
    NOW.fetch_add(1, Ordering::Relaxed).into()
}

#[test]
fn every_part_takes_time_when_somebody_looks() {
    let mut engine = any_engine(Precision::Fast);
    assert_eq!(engine.take_parts(), None);
    engine.time_parts(Some(ticks));
    let generation = engine.generate(vec![1, 2, 3], options(2)).unwrap();
    let (ids, _) = run(&mut engine, generation);
    let parts = engine.take_parts().unwrap();
    let Parts { ternary, attention, head, norms, sampling, barriers } = parts;
    for (name, ms) in [("ternary", ternary), ("attention", attention), ("head", head), ("norms", norms)] {
        assert!(ms > 0.0, "{name}: {parts:?}");
    }
    assert!(sampling > 0.0 && barriers >= 0.0, "{parts:?}");
    engine.time_parts(None);
    assert_eq!(engine.take_parts(), None);
    let generation = engine.generate(vec![3, 2, 1], options(2)).unwrap();
    assert_eq!(run(&mut engine, generation).0.len(), ids.len());
}
