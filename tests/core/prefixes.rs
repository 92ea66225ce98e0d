//! What was computed once is not computed again, for several conversations at once, within a bound of memory; and whatever
//! is shared, the answers stay the same bits.

use std::collections::BTreeMap;

use bitnet_web::ErrorKind;
use bitnet_web::adapter::AdapterFile;
use bitnet_web::generate::{Engine, Event, GenerateOptions, Usage};
use bitnet_web::kernels::{KV_BLOCK, Kernel};
use bitnet_web::load::{LoadOptions, Precision};

use crate::support::models::named;

const ANSWER: usize = 6;

fn engine(precision: Precision) -> Engine {
    let fixture = &named("gqa1");
    let options = LoadOptions { precision, ..LoadOptions::new(Kernel::SCALAR) };
    crate::support::engine(&fixture.bytes(&fixture.files[0].name), options, 2, 1 << 16)
}

/// Some tokens of the vocabulary, others for every `seed`.
fn text(engine: &Engine, seed: usize, tokens: usize) -> Vec<u32> {
    let vocab_size = engine.model().config().vocab_size;
    (0..tokens).map(|i| ((seed * 7919 + i * 104_729 + i * i) % vocab_size) as u32).collect()
}

fn answer(engine: &mut Engine, prompt: &[u32]) -> (Vec<u32>, Usage) {
    let options = GenerateOptions { max_tokens: Some(ANSWER), ..GenerateOptions::default() };
    let mut generation = engine.generate(prompt.to_vec(), options).unwrap();
    let mut ids = Vec::new();
    loop {
        match engine.step(&mut generation, usize::MAX).unwrap() {
            Event::Prefill { .. } => {}
            Event::Token { id, .. } => ids.push(id),
            Event::Done { usage, .. } => return (ids, usage),
        }
    }
}

/// What an engine says that has computed nothing else.
fn alone(precision: Precision, prompt: &[u32]) -> Vec<u32> {
    answer(&mut engine(precision), prompt).0
}

#[test]
fn alternating_conversations_keep_their_prefixes() {
    for precision in [Precision::Fast, Precision::Exact] {
        let mut engine = engine(precision);
        let system = text(&engine, 1, KV_BLOCK + 20);
        let mut chats: Vec<Vec<u32>> = (0..3).map(|chat| [&system[..], &text(&engine, 2 + chat, 9)].concat()).collect();
        let mut known: Vec<usize> = vec![0, system.len(), system.len()];
        for turn in 0..3 {
            for (chat, known) in chats.iter_mut().zip(&mut known) {
                let (ids, usage) = answer(&mut engine, chat);
                assert_eq!(usage.cached_tokens, *known, "turn {turn}");
                assert_eq!(ids, alone(precision, chat), "turn {turn}");
                chat.extend(&ids);
                // The last token of an answer was never an input.
                *known = chat.len() - 1;
                chat.extend(text(&engine, 10 + turn, 5));
            }
        }
        // The first block is there once, and every conversation has one of its own for the rest.
        assert_eq!(engine.cache().pool().blocks(), 1 + chats.len());
        engine.clear_cache();
        assert_eq!(engine.cache().pool().blocks(), 0);
    }
}

#[test]
fn memory_that_is_released_is_that_of_texts_that_have_ended() {
    let mut engine = engine(Precision::Fast);
    let block = engine.cache().pool().block_bytes();
    let (ended, running) = (text(&engine, 1, KV_BLOCK + 20), text(&engine, 2, 9));
    answer(&mut engine, &ended);
    let options = GenerateOptions { max_tokens: Some(ANSWER), ..GenerateOptions::default() };
    let mut generation = engine.generate(running.clone(), options).unwrap();
    let mut ids = Vec::new();
    while ids.len() < 2 {
        if let Event::Token { id, .. } = engine.step(&mut generation, usize::MAX).unwrap() {
            ids.push(id);
        }
    }
    assert_eq!(engine.kv_bytes(), 3 * block);
    assert_eq!(engine.release_memory(), 2 * block);
    assert_eq!((engine.kv_bytes(), engine.release_memory()), (block, 0));
    // What is under way goes on with the same bits, and what has ended is computed anew.
    while let Event::Token { id, .. } = engine.step(&mut generation, usize::MAX).unwrap() {
        ids.push(id);
    }
    assert_eq!(ids, alone(Precision::Fast, &running));
    let (again, usage) = answer(&mut engine, &ended);
    assert_eq!((again, usage.cached_tokens), (alone(Precision::Fast, &ended), 0));
}

#[test]
fn a_second_answer_to_a_prompt_leaves_the_first_in_the_cache() {
    let mut engine = engine(Precision::Fast);
    let prompt = text(&engine, 1, 40);
    let (first, _) = answer(&mut engine, &prompt);
    let (again, usage) = answer(&mut engine, &prompt);
    assert_eq!((&again, usage.cached_tokens), (&first, prompt.len() - 1));
    let other = [&prompt[..], &[first[0] ^ 1, 5, 7]].concat();
    assert_eq!(answer(&mut engine, &other).1.cached_tokens, prompt.len());
    let (said, usage) = answer(&mut engine, &[&prompt[..], &first[..], &[3]].concat());
    assert_eq!(usage.cached_tokens, prompt.len() + ANSWER - 1);
    assert_eq!(said, alone(Precision::Fast, &[&prompt[..], &first[..], &[3]].concat()));
}

#[test]
fn the_cache_keeps_to_its_bound_and_gives_up_what_is_oldest() {
    let mut engine = engine(Precision::Fast);
    let context = engine.model().context();
    assert!(context >= 2 * KV_BLOCK, "the fixture's context is too short");
    engine.set_kv_tokens(1);
    let most = context.div_ceil(KV_BLOCK);
    assert_eq!(engine.cache().most_blocks(), most);
    let texts: Vec<Vec<u32>> = (0..4).map(|seed| text(&engine, seed, 100)).collect();
    let long = text(&engine, 9, context - ANSWER);
    for prompt in [&texts[0], &texts[1], &texts[2], &texts[1], &long, &texts[3], &texts[0]] {
        assert_eq!(answer(&mut engine, prompt).0, alone(Precision::Fast, prompt));
        assert!(engine.cache().pool().blocks() <= most);
    }
    // Of the long text the end was given up for another, and for a further one what was left.
    assert_eq!(answer(&mut engine, &texts[3]).1.cached_tokens, 99);
    assert_eq!(answer(&mut engine, &long).1.cached_tokens, 0);
    engine.set_kv_tokens(context + 2 * KV_BLOCK);
    answer(&mut engine, &texts[1]);
    answer(&mut engine, &texts[2]);
    assert_eq!(answer(&mut engine, &long).1.cached_tokens, long.len() - 1);
}

#[test]
fn a_prefix_of_other_adapters_is_another_one() {
    let mut engine = engine(Precision::Fast);
    let prompt = text(&engine, 1, 30);
    answer(&mut engine, &prompt);
    // Beside no layer: what they compute is the same, but nobody can know.
    let adapter = || AdapterFile { architecture: None, layers: BTreeMap::new(), has_halves_apart: false };
    engine.add_adapter("a".into(), adapter(), 1.0).unwrap();
    let mut cached = |change: &dyn Fn(&mut Engine)| {
        change(&mut engine);
        answer(&mut engine, &prompt).1.cached_tokens
    };
    assert_eq!(cached(&|_| {}), 0);
    assert_eq!(cached(&|engine| engine.enable_adapter("a", Some(0.5)).unwrap()), 0);
    assert_eq!(cached(&|engine| engine.enable_adapter("a", Some(1.0)).unwrap()), 29);
    assert_eq!(cached(&|engine| engine.disable_adapter("a").unwrap()), 29);
    assert_eq!(cached(&|engine| engine.enable_adapter("a", Some(0.5)).unwrap()), 29);
    // The same one twice is another one.
    assert_eq!(cached(&|engine| engine.add_adapter("b".into(), adapter(), 1.0).unwrap()), 0);
    assert_eq!(cached(&|engine| engine.remove_adapter("b").unwrap()), 0);
}

/// By it answers are kept: the same for every kernel and number of threads, another one for whatever changes an answer.
#[test]
fn a_fingerprint_tells_models_precisions_and_adapters_apart() {
    let of = |name: &str, precision, kernel, threads| {
        let fixture = named(name);
        let options = LoadOptions { precision, ..LoadOptions::new(kernel) };
        let mut engine = crate::support::engine(&fixture.bytes(&fixture.files[0].name), options, threads, 1 << 16);
        engine.fingerprint().unwrap()
    };
    let fast = of("gqa1", Precision::Fast, Kernel::SCALAR, 1);
    assert_eq!(of("gqa1", Precision::Fast, Kernel::from_name("mad").unwrap(), 2), fast);
    assert_ne!(of("gqa1", Precision::Exact, Kernel::SCALAR, 1), fast);
    assert_ne!(of("gqa4-hd128", Precision::Fast, Kernel::SCALAR, 1), fast);
    let mut engine = engine(Precision::Fast);
    assert_eq!(engine.fingerprint().unwrap(), fast);
    let adapter = AdapterFile { architecture: None, layers: BTreeMap::new(), has_halves_apart: false };
    engine.add_adapter("a".into(), adapter, 1.0).unwrap();
    assert_ne!(engine.fingerprint().unwrap(), fast);
    engine.disable_adapter("a").unwrap();
    assert_eq!(engine.fingerprint().unwrap(), fast);
}

fn export(engine: &mut Engine, tokens: &[u32], piece: usize) -> Vec<u8> {
    let mut export = engine.export_prefix(tokens).unwrap();
    let (bytes, mut out) = (export.bytes(), Vec::new());
    loop {
        let piece = export.next_piece(piece);
        if piece.is_empty() {
            assert_eq!(out.len(), bytes);
            return out;
        }
        out.extend(piece);
    }
}

fn import(engine: &mut Engine, bytes: &[u8], piece: usize) -> bitnet_web::Result<usize> {
    let mut import = engine.import_prefix()?;
    bytes.chunks(piece).try_for_each(|piece| import.push(piece))?;
    engine.end_import(import)
}

#[test]
fn a_saved_prefix_comes_back_and_goes_on_with_the_same_bits() {
    for precision in [Precision::Fast, Precision::Exact] {
        let mut first = engine(precision);
        let prompt = text(&first, 1, KV_BLOCK + 30);
        let (said, _) = answer(&mut first, &prompt);
        let next = [&prompt[..], &said[..], &[5, 6, 7]].concat();
        // All but the last token of the answer was computed.
        let known = prompt.len() + ANSWER - 1;
        for (tokens, kept) in [(&next[..], known), (&prompt[..100], 100), (&[][..], 0)] {
            let saved = export(&mut first, tokens, 5000);
            assert_eq!(saved, export(&mut first, tokens, 1), "pieces change nothing");
            for piece in [1 << 20, 999] {
                let mut second = engine(precision);
                assert_eq!(import(&mut second, &saved, piece).unwrap(), kept);
                let (ids, usage) = answer(&mut second, &next);
                assert_eq!((ids, usage.cached_tokens), (alone(precision, &next), kept));
            }
        }
    }
}

#[test]
fn a_prefix_that_is_damaged_or_of_another_model_is_refused() {
    let mut engine = engine(Precision::Fast);
    let prompt = text(&engine, 1, 20);
    answer(&mut engine, &prompt);
    let saved = export(&mut engine, &prompt, 1 << 20);
    engine.clear_cache();
    let mut refused = |bytes: &[u8], kind: ErrorKind| {
        assert_eq!(import(&mut engine, bytes, 1000).unwrap_err().kind(), kind);
        assert_eq!(engine.cache().common_prefix(&prompt, None), 0);
    };
    for len in [0, 1, 51, 52, 60, 1000, saved.len() - 1] {
        refused(&saved[..len], ErrorKind::Integrity);
    }
    refused(&[&saved[..], &[0]].concat(), ErrorKind::Integrity);
    let flipped = |at: usize| {
        let mut bytes = saved.clone();
        bytes[at] ^= 4;
        bytes
    };
    for at in [0, 52, 55, 52 + 4 * 20, saved.len() / 2, saved.len() - 9, saved.len() - 1] {
        refused(&flipped(at), ErrorKind::Integrity);
    }
    refused(&flipped(4), ErrorKind::Unsupported);
    for at in [8, 15, 16, 24, 32, 36, 40, 44] {
        refused(&flipped(at), ErrorKind::OtherModel);
    }
    refused(&flipped(50), ErrorKind::ContextOverflow);

    let mut exact = self::engine(Precision::Exact);
    assert_eq!(import(&mut exact, &saved, 1000).unwrap_err().kind(), ErrorKind::OtherModel);
    let adapter = AdapterFile { architecture: None, layers: BTreeMap::new(), has_halves_apart: false };
    engine.add_adapter("a".into(), adapter, 1.0).unwrap();
    assert_eq!(import(&mut engine, &saved, 1000).unwrap_err().kind(), ErrorKind::OtherModel);
    engine.disable_adapter("a").unwrap();
    assert_eq!(import(&mut engine, &saved, 1000).unwrap(), prompt.len());
}
