//! The logits of a text in steps: batches, positions in any order, and what happens between two steps.

use bitnet_web::generate::{Engine, GenerateOptions, LogitsRun, LogitsStep};
use bitnet_web::kernels::Kernel;
use bitnet_web::load::LoadOptions;

use crate::support::engine as load_engine;
use crate::support::models::named;

fn load() -> (Engine, Vec<u32>) {
    let fixture = &named("gqa1");
    let engine = load_engine(&fixture.bytes(&fixture.files[0].name), LoadOptions::new(Kernel::SCALAR), 2, usize::MAX);
    // Longer than two batches.
    let length = 150.min(engine.model().context());
    assert!(length > 128, "the fixture's context is too short");
    let tokens = fixture.sequences[0].tokens.iter().copied().cycle().take(length).collect();
    (engine, tokens)
}

/// The rest of a run, row by row.
fn finish(engine: &mut Engine, run: &mut LogitsRun, rows: usize) -> Vec<Vec<u32>> {
    let vocab_size = engine.model().config().vocab_size;
    let mut out = vec![Vec::new(); rows];
    loop {
        match engine.step_logits(run).unwrap() {
            LogitsStep::Layer => {}
            LogitsStep::Rows { rows, logits } => {
                assert_eq!(logits.len(), rows.len() * vocab_size);
                for (row, logits) in rows.into_iter().zip(logits.chunks_exact(vocab_size)) {
                    assert!(out[row].is_empty(), "row {row} came twice");
                    out[row] = logits.iter().map(|logit| logit.to_bits()).collect();
                }
            }
            LogitsStep::Scores { .. } | LogitsStep::Done => return out,
        }
    }
}

#[test]
fn positions_come_in_any_order_and_more_than_once() {
    let (mut engine, tokens) = load();
    let last = tokens.len() - 1;
    let positions = [last, 0, 64, 63, 64, 127, 128, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100];
    let mut run = engine.begin_logits(tokens.clone(), &positions).unwrap();
    let got = finish(&mut engine, &mut run, positions.len());
    assert_eq!(engine.cache().sequences().last().unwrap().tokens(), tokens);
    let (mut other, _) = load();
    for (row, &position) in positions.iter().enumerate() {
        let want = other.logits(&tokens[..=position], &[position]).unwrap();
        let want: Vec<u32> = want.iter().map(|logit| logit.to_bits()).collect();
        assert!(got[row] == want, "row {row}, position {position}");
    }
    assert_eq!(engine.step_logits(&mut run).unwrap(), LogitsStep::Done);
    let mut none = engine.begin_logits(tokens, &[]).unwrap();
    assert_eq!(engine.step_logits(&mut none).unwrap(), LogitsStep::Done);
}

#[test]
fn a_run_that_is_interrupted_goes_on_and_one_that_is_dropped_leaves_no_trace() {
    let (mut engine, tokens) = load();
    let positions = [10, 70, tokens.len() - 1];
    let (mut other, _) = load();
    let mut run = other.begin_logits(tokens.clone(), &positions).unwrap();
    let want = finish(&mut other, &mut run, 3);

    let mut dropped = engine.begin_logits(tokens[3..].to_vec(), &[20]).unwrap();
    assert_eq!(engine.step_logits(&mut dropped).unwrap(), LogitsStep::Layer);
    drop(dropped);
    // Another text is computed between its first batch and its second.
    let mut run = engine.begin_logits(tokens.clone(), &positions).unwrap();
    let first = loop {
        if let LogitsStep::Rows { rows, logits } = engine.step_logits(&mut run).unwrap() {
            assert_eq!(rows, [0]);
            break logits.iter().map(|logit| logit.to_bits()).collect::<Vec<u32>>();
        }
    };
    assert!(first == want[0]);
    let mut generation = engine.generate(tokens[5..9].to_vec(), GenerateOptions::default()).unwrap();
    engine.step(&mut generation, 64).unwrap();
    let rest = finish(&mut engine, &mut run, 3);
    assert!(rest[0].is_empty() && rest[1..] == want[1..]);
}
