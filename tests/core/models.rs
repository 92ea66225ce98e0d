//! The forward pass against transformers: every fixture model, in the exact mode, token by token.
//!
//! How closely results agree is derived in `tests/oracle/README.md`: a token whose activations stay clear of a
//! rounding boundary agrees to `tight`, any other stays below the flip bound.

use crate::support::models::{Fixture, FixtureFile, Sequence, fixtures, named};
use crate::support::{engine, relative_rms, top};
use bitnet_web::generate::{Event, GenerateOptions, Generation};
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Precision};
use bitnet_web::quant::I2sLayout;

fn load(fixture: &Fixture, file: &FixtureFile, threads: usize) -> bitnet_web::generate::Engine {
    let mut options = LoadOptions::new(Kernel::SCALAR);
    options.precision = Precision::Exact;
    if file.i2_s_group == 64 {
        options.i2s_layout = I2sLayout::Stride16;
    }
    engine(&fixture.bytes(&file.name), options, threads, 4096)
}

/// Tokens of one sequence that were tight, and top tokens that differ.
fn compare(fixture: &Fixture, file: &str, sequence: &Sequence, want: &[f32], got: &[f32]) -> (usize, usize) {
    let vocab_size = fixture.config.vocab_size;
    let (mut tight, mut other_top) = (0, 0);
    for (position, (want, got)) in want.chunks_exact(vocab_size).zip(got.chunks_exact(vocab_size)).enumerate() {
        let error = relative_rms(want, got);
        let at = format!("{file}, {} sequence, position {position}: relative RMS {error:e}", sequence.kind);
        assert!(error < fixture.flip_bound, "{at}, the flip bound is {:e}", fixture.flip_bound);
        if sequence.margins[position] >= fixture.clear_margin {
            assert!(error < fixture.tight, "{at}, and no activation code of this token can flip");
        }
        tight += usize::from(error < fixture.tight);
        let (want_top, got_top) = (top(want), top(got));
        if want_top != got_top {
            other_top += 1;
            let rms = (want.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / vocab_size as f64).sqrt();
            let gap = f64::from(want[want_top] - want[got_top]) / rms;
            assert!(gap < fixture.near_tie, "{at}: top token {got_top} instead of {want_top}, {gap} apart");
        }
    }
    (tight, other_top)
}

#[test]
fn logits_agree_with_transformers() {
    for fixture in fixtures() {
        let all = fixture.logits();
        for file in &fixture.files {
            let mut engine = load(&fixture, file, 2);
            let (mut offset, mut tokens, mut tight, mut other_top) = (0, 0, 0, 0);
            for sequence in &fixture.sequences {
                let count = sequence.tokens.len();
                let positions: Vec<usize> = (0..count).collect();
                let got = engine.logits(&sequence.tokens, &positions).unwrap();
                let want = &all[offset * fixture.config.vocab_size..][..count * fixture.config.vocab_size];
                let found = compare(&fixture, &file.name, sequence, want, &got);
                (tokens, tight, other_top) = (tokens + count, tight + found.0, other_top + found.1);
                offset += count;
            }
            println!("{}: {tight} of {tokens} tokens tight, {other_top} other top tokens", file.name);
            assert!(tight * 10 >= tokens * 8, "{}: only {tight} of {tokens} tokens are tight", file.name);
            assert!(other_top * 50 <= tokens, "{}: {other_top} of {tokens} top tokens differ", file.name);
        }
    }
}

#[test]
fn batch_size_and_threads_do_not_change_a_bit() {
    for fixture in fixtures() {
        let file = &fixture.files[0];
        let tokens = &fixture.sequences[0].tokens;
        let last = tokens.len() - 1;
        let mut reference = load(&fixture, file, 1);
        let want = reference.logits(tokens, &[last]).unwrap();
        for threads in [1, 2, 3] {
            let mut engine = load(&fixture, file, threads);
            // One token at a time, then sevens: every call goes on behind the last one's tokens.
            for step in [1, 7] {
                for end in (step..=last).step_by(step) {
                    engine.logits(&tokens[..end], &[end - 1]).unwrap();
                }
                let got = engine.logits(tokens, &[last]).unwrap();
                assert_eq!(bits(&got), bits(&want), "{}: {threads} threads, steps of {step}", file.name);
                engine.clear_cache();
            }
        }
    }
}

#[test]
fn a_batch_that_is_given_up_half_way_leaves_no_trace() {
    let fixture = &named("gqa1");
    let file = &fixture.files[0];
    let tokens = &fixture.sequences[0].tokens[..12];
    let mut engine = load(fixture, file, 2);
    let want = load(fixture, file, 1).logits(tokens, &[11]).unwrap();
    for (begun, kept) in [(&tokens[3..9], 0), (&tokens[..6], 0), (tokens, 12)] {
        let mut generation = engine.generate(begun.to_vec(), GenerateOptions::default()).unwrap();
        let layers = engine.model().config().n_layers;
        assert!(layers > 1);
        for _ in 1..if kept == 0 { 2 } else { layers } {
            assert_eq!(engine.step_layer(&mut generation, 64).unwrap(), None);
            assert_eq!(computed(&generation), &begun[..0]);
        }
        if kept > 0 {
            let event = engine.step_layer(&mut generation, 64).unwrap();
            assert_eq!(event, Some(Event::Prefill { done: kept, total: kept }));
        }
        assert_eq!(computed(&generation), &begun[..kept]);
        engine.end(&mut generation);
        if kept == 0 {
            assert_eq!(bits(&engine.logits(tokens, &[11]).unwrap()), bits(&want));
            engine.clear_cache();
        }
    }
}

fn computed(generation: &Generation) -> &[u32] {
    generation.sequence().unwrap().tokens()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}
