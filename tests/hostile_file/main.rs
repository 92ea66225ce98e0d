//! Files that are wrong, by accident or on purpose: each ends in its coded error with a sentence that names the
//! culprit; nothing panics, and nothing is allocated that the file's size does not justify.

#![allow(clippy::unwrap_used, reason = "clippy takes helpers outside of #[test] for shipped code")]

mod cases;
// In the browser this is a module of `core`.
#[cfg(not(target_arch = "wasm32"))]
#[path = "../core/support/mod.rs"]
mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use bitnet_web::generate::{Engine, GenerateOptions, Prompt};
use bitnet_web::gguf::{Array, Value};
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Loader};
use bitnet_web::pool::Pool;
use bitnet_web::{Error, ErrorKind, Result};
use cases::Case;
use peak_alloc::PeakAlloc;
use proptest::prelude::*;

use crate::support::draft::Draft;
use crate::support::models;

// In the browser the runtime has an allocator of its own, and the peaks read 0.
#[cfg_attr(not(target_arch = "wasm32"), global_allocator)]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Bytes that a load may hold at its peak beside a few times the file: kernels' tables, the rotary tables and KV cache of
/// the fixture's 512 tokens, working memory of a batch.
const FIXED_BYTES: usize = 2 << 20;
/// The most bytes in memory for a byte of the file: an array of u8 becomes u64s while it is read.
const BYTES_PER_FILE_BYTE: usize = 24;

/// The tests measure memory, so they run one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fixture(name: &str) -> Vec<u8> {
    models::read(name)
}

fn load(file: &[u8], piece: usize, file_bytes: Option<u64>) -> Result<Engine> {
    let mut options = LoadOptions::new(Kernel::SCALAR);
    options.file_bytes = file_bytes;
    let mut loader = Loader::new(options);
    for bytes in file.chunks(piece) {
        loader.push(bytes)?;
    }
    Ok(Engine::new(loader.finish()?, Pool::new(1)))
}

/// The error of `file`, which must be the same from pieces of any size, with its length known or not, and cheap.
fn refused(label: &str, file: &[u8]) -> Error {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let length = Some(file.len() as u64);
    let error = load(file, file.len().max(1), length).err().unwrap_or_else(|| panic!("{label}: it loads"));
    let peak = ALLOCATOR.peak_usage() - before;
    let allowed = FIXED_BYTES + BYTES_PER_FILE_BYTE * file.len();
    assert!(peak <= allowed, "{label}: {peak} bytes were allocated, {allowed} are allowed: {error}");
    for (piece, length) in [(1, length), (7, length), (4096, length), (4096, None)] {
        let other = load(file, piece, length).err().unwrap_or_else(|| panic!("{label}: it loads in pieces of {piece}"));
        assert_eq!(other.kind(), error.kind(), "{label}: pieces of {piece}: {other} instead of {error}");
        // The first bytes of a file are quoted, as many as there are.
        if !error.to_string().contains("begin with \"GGUF\"") {
            assert_eq!(other.to_string(), error.to_string(), "{label}: pieces of {piece}");
        }
    }
    error
}

fn check(cases: impl FnOnce() -> Vec<Case>) {
    let _alone = alone();
    for Case { label, file, kind, culprit } in cases() {
        let error = refused(&label, &file);
        assert_eq!(error.kind(), kind, "{label}: {error}");
        assert!(error.to_string().contains(&culprit), "{label}: {culprit:?} is not named: {error}");
    }
}

#[test]
fn the_fixtures_load_when_taken_apart_and_put_together() {
    let _alone = alone();
    for name in ["tiny-i2_s.gguf", "tiny-f16.gguf", "tiny-i2_s-scale.gguf"] {
        let before = ALLOCATOR.current_usage();
        let file = fixture(name);
        ALLOCATOR.reset_peak_usage();
        let rebuilt = Draft::read(&file).bytes();
        let mut engine = load(&rebuilt, 4096, Some(rebuilt.len() as u64)).unwrap();
        let mut original = load(&file, 4096, None).unwrap();
        assert_eq!(engine.logits_hash().unwrap(), original.logits_hash().unwrap(), "{name}");
        println!("{name}: {} bytes, peak of two loads {}", file.len(), ALLOCATOR.peak_usage() - before);
    }
}

#[test]
fn a_file_that_was_cut_off_says_so() {
    let _alone = alone();
    let file = fixture("tiny-i2_s.gguf");
    let header = Draft::read(&file).header().len();
    let cuts = (0..header).step_by(97).chain((header..file.len()).step_by(3001)).chain([file.len() - 1]);
    for cut in cuts {
        let error = refused(&format!("cut at {cut}"), &file[..cut]);
        assert_eq!(error.kind(), ErrorKind::Truncated, "cut at {cut}: {error}");
        assert!(error.to_string().contains(&format!("{cut} bytes")), "cut at {cut}: {error}");
    }
}

#[test]
fn what_is_no_gguf_file() {
    check(|| cases::not_gguf(&fixture("tiny-i2_s.gguf")));
}

#[test]
fn absurd_counts_and_lengths() {
    check(|| cases::counts(&fixture("tiny-i2_s.gguf")));
}

#[test]
fn impossible_shapes() {
    check(|| cases::shapes(&fixture("tiny-i2_s.gguf")));
}

#[test]
fn wrong_tensors() {
    check(|| cases::tensors(&fixture("tiny-i2_s.gguf"), &fixture("tiny-i2_s-scale.gguf")));
}

#[test]
fn values_that_are_no_numbers() {
    check(|| cases::values(&fixture("tiny-i2_s.gguf"), &fixture("tiny-f16.gguf")));
}

#[test]
fn broken_vocabularies() {
    check(|| cases::vocabularies(&fixture("tiny-i2_s.gguf")));
}

/// Files as they are found: what a key for another program holds, or one that says nothing, changes no bit.
#[test]
fn what_is_not_used_never_stops_a_load() {
    let _alone = alone();
    let good = Draft::read(&fixture("tiny-i2_s.gguf"));
    let hash = |file: &[u8]| load(file, 4096, Some(file.len() as u64)).unwrap().logits_hash().unwrap();
    let expected = hash(&good.bytes());
    let check = |label: &str, change: &dyn Fn(&mut Draft)| {
        let mut draft = good.clone();
        change(&mut draft);
        let file = draft.bytes();
        match load(&file, 4096, Some(file.len() as u64)) {
            Ok(mut engine) => assert_eq!(engine.logits_hash().unwrap(), expected, "{label}"),
            Err(error) => panic!("{label}: {error}"),
        }
    };
    let text = [&[8, 0, 0, 0][..], &2_u64.to_le_bytes(), &[0xff, 0xfe]].concat();
    let texts = [&[9, 0, 0, 0, 8, 0, 0, 0][..], &1_u64.to_le_bytes(), &2_u64.to_le_bytes(), &[0xff, 0xfe]].concat();
    for key in ["general.description", "general.name", "general.tags", "foreign", ""] {
        for value in [text.clone(), texts.clone(), cases::NESTED.to_vec(), vec![7, 0, 0, 0, 9]] {
            check(key, &|d| {
                d.remove(key);
                d.raw_keys.push((key.into(), value.clone()));
            });
        }
    }
    check("a foreign key twice", &|d| {
        (0..2).for_each(|value| d.keys.push(("foreign".into(), Value::Unsigned(value))));
    });
    let wrong = [Value::Signed(-1), Value::Unsigned(320), Value::Unsigned(u64::from(u32::MAX))];
    for name in ["eos", "eot", "eom", "padding", "unknown", "fim_sep", "mask"] {
        for value in &wrong {
            check(name, &|d| d.set(&format!("tokenizer.ggml.{name}_token_id"), value.clone()));
        }
    }
    check("ends that do not exist", &|d| {
        d.set("tokenizer.ggml.eos_token_ids", Value::Array(Array::Signed(vec![-1, 320])));
    });
    for template in ["", " \n\t"] {
        check("blank template", &|d| d.set_text("tokenizer.chat_template", template));
    }
    let arch = "bitnet-b1.58.rope";
    for (kind, name, factor) in [
        (Some("none"), "scaling.factor", 4.0),
        (Some("none"), "scale_linear", 4.0),
        (Some("linear"), "scaling.factor", 1.0),
        (Some("linear"), "scaling.factor", 0.0),
        (Some("yarn"), "scaling.factor", 1.0),
        (None, "scaling.factor", 1.0),
        (None, "scale_linear", 1.0),
        (None, "scaling.attn_factor", 1.0),
        (None, "scaling.alpha", 0.0),
        (None, "scaling.yarn_log_multiplier", 0.1),
        (None, "scaling.original_context_length", 128.0),
    ] {
        check(name, &|d| {
            kind.iter().for_each(|kind| d.set_text(&format!("{arch}.scaling.type"), kind));
            d.set(&format!("{arch}.{name}"), Value::Float(factor));
            d.set(&format!("{arch}.scaling.finetuned"), Value::Bool(true));
        });
    }
    check("both factors", &|d| {
        d.set(&format!("{arch}.scaling.factor"), Value::Float(1.0));
        d.set(&format!("{arch}.scale_linear"), Value::Float(8.0));
    });
}

#[test]
fn a_blank_template_is_none() {
    let _alone = alone();
    let mut draft = Draft::read(&fixture("tiny-i2_s.gguf"));
    draft.remove("tokenizer.chat_template");
    let template = |draft: &Draft| {
        let engine = load(&draft.bytes(), 4096, None).unwrap();
        engine.chat_template().ok().map(|template| template.source().to_owned())
    };
    let implied = template(&draft);
    assert!(implied.is_some());
    for blank in ["", "  \n"] {
        draft.set_text("tokenizer.chat_template", blank);
        assert_eq!(template(&draft), implied);
    }
}

#[test]
fn a_long_context_costs_nothing_before_it_is_used() {
    let _alone = alone();
    let mut draft = Draft::read(&fixture("tiny-i2_s.gguf"));
    draft.set_number("bitnet-b1.58.context_length", 1 << 24);
    let file = draft.bytes();
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    // It may run or be refused, but the claim alone reserves nothing.
    match load(&file, 4096, Some(file.len() as u64)) {
        Ok(mut engine) => {
            engine.logits_hash().unwrap();
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error}"),
    }
    let peak = ALLOCATOR.peak_usage() - before;
    assert!(peak <= FIXED_BYTES + BYTES_PER_FILE_BYTE * file.len(), "{peak} bytes were allocated");
}

/// Loads, and uses what has loaded: nothing of it may panic, and what it answers is its own affair.
fn use_it(file: &[u8]) {
    let Ok(mut engine) = load(file, 4096, Some(file.len() as u64)) else { return };
    let vocab_size = engine.model().config().vocab_size;
    let ids: Vec<u32> = (0..5).map(|i| (i * 67 % vocab_size) as u32).collect();
    let _ = engine.logits(&ids, &[0, ids.len() - 1]);
    let prompt = engine.prompt(&Prompt::Text("Ünï code 12".into())).unwrap_or(ids);
    let options = GenerateOptions { max_tokens: Some(3), ..GenerateOptions::default() };
    let Ok(mut generation) = engine.generate(prompt, options) else { return };
    for _ in 0..64 {
        match engine.step(&mut generation, 16) {
            Ok(bitnet_web::generate::Event::Done { .. }) | Err(_) => return,
            Ok(_) => {}
        }
    }
    panic!("three tokens take more than 64 steps");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Bytes of the directory, where every field decides something.
    #[test]
    fn damage_in_the_directory_never_panics(flips in prop::collection::vec((0_usize..9000, any::<u8>()), 1..6)) {
        let _alone = alone();
        let mut file = fixture("tiny-i2_s.gguf");
        for (at, value) in flips {
            file[at] = value;
        }
        use_it(&file);
    }

    /// Single bits, which leave lengths and names mostly as they are and get further.
    #[test]
    fn flipped_bits_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u32..8), 1..4), f16: bool) {
        let _alone = alone();
        let mut file = fixture(if f16 { "tiny-f16.gguf" } else { "tiny-i2_s-scale.gguf" });
        for (at, bit) in flips {
            let at = at.index(file.len());
            file[at] ^= 1 << bit;
        }
        use_it(&file);
    }

    /// Whole numbers of the metadata, each set to something that may be just inside or outside of what is allowed.
    #[test]
    fn any_numbers_never_panic(numbers in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![
        0_u64..4, 60_u64..70, 120_u64..140, 250_u64..330, Just(1 << 16), Just(1 << 24), Just(u64::from(u32::MAX))
    ]), 1..4)) {
        let _alone = alone();
        let mut draft = Draft::read(&fixture("tiny-i2_s.gguf"));
        let keys: Vec<String> = draft.keys.iter()
            .filter(|(_, value)| matches!(value, Value::Unsigned(_)))
            .map(|(key, _)| key.clone())
            .collect();
        for (key, number) in numbers {
            draft.set_number(&keys[key.index(keys.len())], number);
        }
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        let file = draft.bytes();
        use_it(&file);
        let peak = ALLOCATOR.peak_usage() - before;
        prop_assert!(peak <= FIXED_BYTES + BYTES_PER_FILE_BYTE * file.len(), "{} bytes were allocated", peak);
    }
}
