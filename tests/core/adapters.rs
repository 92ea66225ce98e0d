//! Adapters against PEFT: the same logits, from PEFT's folders and from GGUF files, on a model from either kind of file; the same
//! bits on all threads and in all batches; and nothing of them where they are off.

use std::collections::BTreeMap;

use bitnet_web::adapter::{self, AdapterFile};
use bitnet_web::generate::Engine;
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Precision};
use bitnet_web::pool::Pool;
use serde::Deserialize;
use test_harness::files;

use crate::support::checkpoints::Checkpoint;
use crate::support::{engine, models, relative_rms};

const FOLDER: &str = "tests/fixtures/adapters";
/// As for the models: no activation code of these tokens can flip.
const TIGHT: f64 = 1e-4;

#[derive(Deserialize)]
struct Record {
    logits: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    folder: String,
    file: String,
    adapters: BTreeMap<String, f32>,
    tokens: Vec<u32>,
    /// In numbers, not bytes.
    offset: usize,
}

fn record() -> (Vec<Case>, Vec<f32>) {
    let record: Record = serde_json::from_str(&files::read_text(&format!("{FOLDER}/adapters.json"))).unwrap();
    let bytes = files::read(&format!("{FOLDER}/{}", record.logits));
    (record.cases, bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

fn from_peft(name: &str) -> AdapterFile {
    let config = files::read_text(&format!("{FOLDER}/{name}/{}", adapter::CONFIG));
    AdapterFile::from_peft(&config, &files::read(&format!("{FOLDER}/{name}/{}", adapter::WEIGHTS))).unwrap()
}

/// `None` where there is no such file: of other scales than the format can say.
fn from_gguf(name: &str) -> Option<AdapterFile> {
    let file = format!("{name}.gguf");
    files::list(FOLDER)
        .contains(&file)
        .then(|| AdapterFile::from_gguf(&files::read(&format!("{FOLDER}/{file}"))).unwrap())
}

fn options(precision: Precision) -> LoadOptions {
    LoadOptions { precision, ..LoadOptions::new(Kernel::SCALAR) }
}

fn base(case: &Case, from_folder: bool, threads: usize) -> Engine {
    if from_folder {
        let loaded = Checkpoint::read(&case.folder).load(options(Precision::Exact), 1 << 16);
        return Engine::new(loaded, Pool::new(threads));
    }
    engine(&models::read(&case.file), options(Precision::Exact), threads, 1 << 16)
}

fn all_logits(engine: &mut Engine, tokens: &[u32]) -> Vec<f32> {
    let positions: Vec<usize> = (0..tokens.len()).collect();
    engine.logits(tokens, &positions).unwrap()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn logits_agree_with_peft() {
    let (cases, want) = record();
    for case in cases {
        let mut seen: Option<Vec<u32>> = None;
        for (from_folder, as_gguf) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut engine = base(&case, from_folder, 2);
            let without = all_logits(&mut engine, &case.tokens);
            for (name, &weight) in &case.adapters {
                let file = if as_gguf { from_gguf(name) } else { None }.unwrap_or_else(|| from_peft(name));
                engine.add_adapter(name.clone(), file, weight).unwrap();
            }
            let got = all_logits(&mut engine, &case.tokens);
            let vocab_size = engine.model().config().vocab_size;
            let want = &want[case.offset..][..got.len()];
            for (position, (want, got)) in want.chunks(vocab_size).zip(got.chunks(vocab_size)).enumerate() {
                let error = relative_rms(want, got);
                assert!(error < TIGHT, "{} {:?}, position {position}: {error:e}", case.file, case.adapters);
            }
            assert!(relative_rms(&without, &got) > 0.1, "the adapters change nothing");
            // Whatever kinds of files model and adapters come from: the same bits.
            assert_eq!(seen.get_or_insert_with(|| bits(&got)), &bits(&got), "{} {:?}", case.file, case.adapters);
        }
    }
}

/// The hash of each case, which the browser must find as well: `tests/e2e/lora.test.mjs`. New ones are recorded by
/// `RECORD_HASHES=1 cargo test --test core adapters`.
#[test]
fn hashes_are_the_recorded_ones() {
    let file = format!("{FOLDER}/hashes.json");
    let hash = |case: Case| {
        let mut engine = base(&case, false, 2);
        for (name, &weight) in &case.adapters {
            engine.add_adapter(name.clone(), from_peft(name), weight).unwrap();
        }
        format!("{:016x}", engine.logits_hash().unwrap())
    };
    let found: Vec<String> = record().0.into_iter().map(hash).collect();
    if std::env::var_os("RECORD_HASHES").is_some() {
        std::fs::write(&file, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
    }
    let recorded: Vec<String> = serde_json::from_str(&files::read_text(&file)).unwrap();
    assert_eq!(found, recorded);
}

#[test]
fn batches_and_threads_do_not_change_a_bit() {
    for case in record().0 {
        let last = case.tokens.len() - 1;
        let mut want = None;
        for (threads, step) in [(1, 1), (1, 5), (2, 12), (3, 1)] {
            let mut engine = base(&case, false, threads);
            for (name, &weight) in &case.adapters {
                engine.add_adapter(name.clone(), from_peft(name), weight).unwrap();
            }
            for end in (step..=last).step_by(step) {
                engine.logits(&case.tokens[..end], &[end - 1]).unwrap();
            }
            let got = bits(&engine.logits(&case.tokens, &[last]).unwrap());
            assert_eq!(want.get_or_insert_with(|| got.clone()), &got, "{threads} threads, steps of {step}");
        }
    }
}

#[test]
fn an_adapter_is_switched_on_and_off() {
    let case = &record().0[2];
    let mut engine = base(case, false, 1);
    let hash = engine.logits_hash().unwrap();
    let names: Vec<&String> = case.adapters.keys().collect();
    let mut hashes = vec![hash];
    for name in &names {
        engine.add_adapter(name.to_string(), from_peft(name), 1.0).unwrap();
        hashes.push(engine.logits_hash().unwrap());
    }
    engine.enable_adapter(names[1], Some(0.5)).unwrap();
    hashes.push(engine.logits_hash().unwrap());
    engine.enable_adapter(names[1], Some(0.0)).unwrap();
    assert_eq!(engine.logits_hash().unwrap(), hashes[1], "a weight of 0 is none");
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 4);
    engine.disable_adapter(names[0]).unwrap();
    engine.disable_adapter(names[1]).unwrap();
    assert_eq!(engine.logits_hash().unwrap(), hash);
    let listed: Vec<_> =
        engine.adapters().iter().map(|adapter| (&*adapter.name, adapter.weight, adapter.is_enabled)).collect();
    assert_eq!(listed, [(&**names[0], 1.0, false), (&**names[1], 0.0, false)]);
    engine.remove_adapter(names[0]).unwrap();
    assert_eq!(engine.adapters().len(), 1);
    let code = |result: bitnet_web::Result<()>| result.unwrap_err().code();
    assert_eq!(code(engine.enable_adapter(names[0], None)), "invalid_argument");
    assert_eq!(code(engine.enable_adapter(names[1], Some(f32::NAN))), "invalid_argument");
    assert_eq!(code(engine.add_adapter(names[1].to_string(), from_peft(names[1]), 1.0)), "invalid_argument");
}

#[test]
fn the_order_of_loading_does_not_count_and_neither_does_that_of_switching() {
    let case = &record().0[2];
    let mut engine = base(case, false, 1);
    for (name, &weight) in &case.adapters {
        engine.add_adapter(name.clone(), from_peft(name), weight).unwrap();
    }
    let want = engine.logits_hash().unwrap();
    let names: Vec<&String> = case.adapters.keys().collect();
    engine.disable_adapter(names[0]).unwrap();
    engine.enable_adapter(names[0], None).unwrap();
    assert_eq!(engine.logits_hash().unwrap(), want);
}

#[test]
fn an_adapter_of_another_model_is_refused() {
    let cases = record().0;
    let mut tiny = base(&cases[0], false, 1);
    let refused = |engine: &mut Engine, file| engine.add_adapter("a".into(), file, 1.0).unwrap_err();
    let llama = from_gguf("llama-all").unwrap();
    assert!(refused(&mut tiny, llama.clone()).to_string().contains("\"llama\""));
    let other = AdapterFile { architecture: None, ..llama };
    assert!(refused(&mut tiny, other).to_string().contains("another model"));
    let mut file = from_peft("tiny-all");
    let layer = file.layers.remove("blk.0.attn_q").unwrap();
    file.layers.insert("blk.7.attn_q".into(), layer);
    assert_eq!(refused(&mut tiny, file).code(), "unsupported");
    let mut file = from_peft("tiny-all");
    let layer = file.layers.get_mut("blk.0.attn_q").unwrap();
    layer.a.truncate(layer.a.len() / 2);
    assert!(refused(&mut tiny, file).to_string().contains("blk.0.attn_q"));
    assert!(tiny.adapters().is_empty());
}
