//! `tokenizer.json` against the `tokenizers` crate: the same file read by both, the same texts encoded.

use bitnet_web::gguf::{Array, Metadata, Parser, Progress, Value, Writer};
use bitnet_web::tokenizer::{TokenKind, Tokenizer, Vocabulary};
use serde_json::{Value as Json, json};
use test_harness::files;

use crate::tokenizer::texts;

/// Byte-level BPE of 320 tokens, with the pipeline of Llama 3.
fn bytes() -> Json {
    serde_json::from_str(&files::read_text("tests/fixtures/checkpoints/tiny-multiply/tokenizer.json")).unwrap()
}

/// A header's metadata that holds a `tokenizer.json`, and what other files of a folder say.
fn metadata(tokenizer: &Json, more: &[(&str, Value)]) -> Metadata {
    let mut writer = Writer::new();
    writer.key("general.architecture", Value::String("bitnet-b1.58".into()));
    writer.key("tokenizer.huggingface.json", Value::String(tokenizer.to_string()));
    for (key, value) in more {
        writer.key(key, value.clone());
    }
    let mut bytes = Vec::new();
    writer.write_header(&mut bytes).unwrap();
    let Progress::Done(header) = Parser::new().parse(&bytes).unwrap() else { panic!("not the whole header") };
    header.metadata
}

fn ours(tokenizer: &Json) -> bitnet_web::Result<Tokenizer> {
    Tokenizer::new(Vocabulary::from_metadata(&mut metadata(tokenizer, &[]))?)
}

fn theirs(tokenizer: &Json) -> tokenizers::Tokenizer {
    tokenizers::Tokenizer::from_bytes(tokenizer.to_string()).unwrap()
}

/// Every text of the corpus, and some that only this pipeline treats in a way of its own.
fn assert_same(name: &str, json: &Json, more: &[&str]) {
    let (ours, mut theirs) = (ours(json).unwrap_or_else(|error| panic!("{name}: {error}")), theirs(json));
    let corpus = texts();
    let all = corpus.iter().map(|text| text.text.as_str()).chain(more.iter().copied());
    for text in all {
        // An expression of theirs that gives up on a long text ends the splitting in silence.
        if text.len() > 20_000 {
            continue;
        }
        for special in [true, false] {
            theirs.set_encode_special_tokens(!special);
            let want = theirs.encode(text, false).unwrap();
            let got = ours.encode(text, special, false).unwrap();
            assert_eq!(got, want.get_ids(), "{name}: {text:?}, special tokens {special}");
        }
    }
}

/// What a change of the file is called, and the change.
type Change = (&'static str, fn(&mut Json));

const BYTE_LEVEL: [Change; 10] = [
    ("Llama 3", |_| {}),
    ("GPT-2", |json| {
        json["pre_tokenizer"] =
            json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
        json["model"]["ignore_merges"] = json!(false);
    }),
    ("Qwen 2", |json| {
        json["normalizer"] = json!({"type": "NFC"});
        json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = json!(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        );
        json["model"]["ignore_merges"] = json!(false);
    }),
    ("SmolLM", |json| {
        json["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        ]});
    }),
    ("runs of digits", |json| {
        json["pre_tokenizer"]["pretokenizers"][0] = json!({"type": "Digits", "individual_digits": false});
    }),
    ("punctuation", |json| {
        json["pre_tokenizer"]["pretokenizers"][0] = json!({"type": "Punctuation", "behavior": "Isolated"});
    }),
    ("a string", |json| {
        json["pre_tokenizer"]["pretokenizers"][0]["pattern"] = json!({"String": ".("});
    }),
    ("an expression that nobody has published", |json| {
        json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] =
            json!(r"(?i:model|ünd)s?|[\p{Lu}\d]+|\s+(?!\S)|\s+");
        // The crate gives a piece that spells a control token that token, which no text may become here.
        json["model"]["ignore_merges"] = json!(false);
    }),
    ("no expression", |json| {
        json["pre_tokenizer"] =
            json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    }),
    ("merges with a space between", |json| {
        let merges = json["model"]["merges"].as_array().unwrap();
        let texts = merges.iter().map(|pair| format!("{} {}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap()));
        json["model"]["merges"] = texts.collect();
    }),
];

#[test]
fn byte_level_pipelines_are_those_of_the_crate() {
    // What normal form C changes: letters and marks apart, Hangul, singletons; and a mark behind a special token.
    let decomposed = [
        "e\u{301}te\u{301}, A\u{30a}ngstro\u{308}m",
        "\u{1100}\u{1161}\u{11a8} \u{212b}\u{2126}",
        "<|eot_id|>e\u{301}<think>o\u{308}",
    ];
    for (name, change) in BYTE_LEVEL {
        let mut json = bytes();
        change(&mut json);
        assert_same(name, &json, &decomposed);
    }
}

/// A SentencePiece vocabulary as Hugging Face's converter writes it: the merges are all ways to put a token together, the
/// tokens of the highest scores first.
fn characters(name: &str) -> Json {
    let file = files::read(&format!("tests/fixtures/tokenizer/{name}.gguf"));
    let Progress::Done(header) = Parser::new().parse(&file).unwrap() else { panic!("not the whole header") };
    let vocabulary = Vocabulary::from_metadata(&mut header.metadata.clone()).unwrap();
    let Some(Value::Array(Array::Float(_))) = header.metadata.get("tokenizer.ggml.scores") else { panic!("no scores") };
    let ids = || vocabulary.tokens.iter().zip(&vocabulary.token_types).zip(&vocabulary.scores);
    let has = |part: &str| vocabulary.tokens.iter().any(|token| token == part);
    let mut merges: Vec<(f32, usize, String, String)> = Vec::new();
    for (id, ((token, &kind), &score)) in ids().enumerate() {
        if kind != 1 {
            continue;
        }
        for (at, _) in token.char_indices().skip(1) {
            let (left, right) = token.split_at(at);
            if has(left) && has(right) {
                merges.push((score, id, left.into(), right.into()));
            }
        }
    }
    merges.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let added: Vec<Json> = ids()
        .enumerate()
        .filter(|(_, ((_, kind), _))| matches!(kind, 2..=4))
        .map(|(id, ((token, &kind), _))| {
            json!({"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
                "special": kind != 4})
        })
        .collect();
    let vocab: serde_json::Map<String, Json> =
        vocabulary.tokens.iter().enumerate().map(|(id, token)| (token.clone(), json!(id))).collect();
    let merges: Vec<_> = merges.into_iter().map(|(_, _, left, right)| json!([left, right])).collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "post_processor": null,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ]},
        "pre_tokenizer": null,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ]},
        "model": {"type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false, "vocab": vocab,
            "merges": merges},
    })
}

const CHARACTERS: [Change; 5] = [
    ("Llama 2", |_| {}),
    ("Gemma", |json| {
        json["normalizer"] = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
        json["pre_tokenizer"] =
            json!({"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false});
    }),
    ("Metaspace always", |json| {
        json["normalizer"] = json!(null);
        json["pre_tokenizer"] =
            json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": false});
    }),
    ("Metaspace first", |json| {
        json["normalizer"] = json!(null);
        json["pre_tokenizer"] =
            json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": false});
    }),
    ("Metaspace never", |json| {
        json["normalizer"] = json!(null);
        json["pre_tokenizer"] =
            json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": false});
    }),
];

#[test]
fn pipelines_of_characters_are_those_of_the_crate() {
    let spaces = [" a", "  a b", "a<s>b", "a<s> b", "<s>a", " <s>  a", "\u{2581}a", "a ", ""];
    for vocabulary in ["spm-llama", "spm-gemma", "spm-unknown"] {
        for (name, change) in CHARACTERS {
            let mut json = characters(vocabulary);
            change(&mut json);
            assert_same(&format!("{vocabulary}, {name}"), &json, &spaces);
        }
    }
}

/// Tokens that were added to a vocabulary of characters: what they are looked for in decides whether spaces are theirs, and
/// where the text behind them begins.
#[test]
fn added_tokens_of_characters_are_found_as_the_crate_finds_them() {
    let texts = ["a   b", "   ", "x<user>y <user>  <user>", "<user>", "  <user> the"];
    let added = |content: &str, normalized: bool, pipeline: &str| {
        let mut json = characters("spm-llama");
        let change = CHARACTERS.iter().find(|(name, _)| *name == pipeline).unwrap().1;
        change(&mut json);
        let id = json["model"]["vocab"].as_object().unwrap().len();
        json["added_tokens"].as_array_mut().unwrap().push(json!({"id": id, "content": content, "single_word": false,
            "lstrip": false, "rstrip": false, "normalized": normalized, "special": false}));
        json
    };
    for pipeline in ["Llama 2", "Gemma", "Metaspace always", "Metaspace first"] {
        for content in ["<user>", "▁▁▁", "▁<user>"] {
            assert_same(&format!("{pipeline}, {content}"), &added(content, false, pipeline), &texts);
        }
    }
    for pipeline in ["Gemma", "Metaspace always"] {
        assert_same(pipeline, &added("<user>", true, pipeline), &texts);
    }
    let error = ours(&added("<user>", true, "Llama 2")).unwrap_err();
    assert_eq!(error.code(), "unsupported");
    assert!(error.to_string().contains("<user>") && error.to_string().contains("normalized"), "{error}");
}

#[test]
fn special_tokens_are_taken_from_beside_the_file() {
    let mut json = bytes();
    let vocabulary =
        |json: &Json, more: &[(&str, Value)]| Vocabulary::from_metadata(&mut metadata(json, more)).unwrap();
    let text = |text: &str| Value::String(text.into());
    let named = [
        ("tokenizer.huggingface.bos_token", text("<|begin_of_text|>")),
        ("tokenizer.huggingface.eos_token", text("<|eot_id|>")),
    ];
    let found = vocabulary(&json, &named);
    assert_eq!((found.bos, found.eos, found.add_bos), (Some(312), Some(316), Some(false)));
    let by_id = [
        ("tokenizer.ggml.bos_token_id", 312.into()),
        ("tokenizer.ggml.eos_token_ids", Value::Array(Array::Unsigned(vec![313, 316]))),
    ];
    let found = vocabulary(&json, &by_id);
    assert_eq!((found.bos, found.ends), (Some(312), vec![313, 316]));
    // The post-processor of Llama 3 puts its first token there.
    json["post_processor"] = json!({"type": "Sequence", "processors": [{"type": "ByteLevel"}, {
        "type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|begin_of_text|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    }]});
    assert_eq!(vocabulary(&json, &named).add_bos, Some(true));
    let overruled = [named.as_slice(), &[("tokenizer.ggml.add_bos_token", Value::Bool(false))]].concat();
    assert_eq!(vocabulary(&json, &overruled).add_bos, Some(false));
    let found = vocabulary(&json, &[]);
    assert_eq!((found.bos, found.add_bos, found.closing), (Some(312), Some(true), None));
    // That of Qwen3's embedding models puts another token behind a text than the one that ends an answer.
    let special = |id: &str| json!({"SpecialToken": {"id": id, "type_id": 0}});
    let template = |single: Json| json!({"type": "TemplateProcessing", "single": single});
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    json["post_processor"] = template(json!([text, special("<|end_of_text|>")]));
    let found = vocabulary(&json, &named);
    assert_eq!((found.eos, found.add_bos, found.closing), (Some(316), Some(false), Some(313)));
    json["post_processor"] = template(json!([special("<|begin_of_text|>"), text, special("<|end_of_text|>")]));
    let found = vocabulary(&json, &named);
    assert_eq!((found.add_bos, found.closing), (Some(true), Some(313)));
    json["post_processor"] =
        json!({"type": "RobertaProcessing", "sep": ["<|eot_id|>", 316], "cls": ["<|begin_of_text|>", 312]});
    let found = vocabulary(&json, &named);
    assert_eq!((found.add_bos, found.closing), (Some(true), Some(316)));
    json["post_processor"] = json!({"type": "ByteLevel"});
    let closing = |more: &[(&str, Value)]| {
        let more = [named.as_slice(), more].concat();
        Tokenizer::new(vocabulary(&json, &more)).unwrap().closing()
    };
    assert_eq!(closing(&[]), None);
    assert_eq!(closing(&[("tokenizer.ggml.add_eos_token", Value::Bool(true))]), Some(316));
}

/// Each flag alone and all together, of a control token and of one that is found in every text.
#[test]
fn added_tokens_take_the_space_around_them_and_keep_out_of_words_as_in_the_crate() {
    let texts = [
        "a <think> b",
        "a<think>b",
        " \n<think>\t\u{3000} b",
        "<think><think>",
        "<think> <think>  <think>",
        "  <think>  ",
        "a  <|eot_id|>  b",
        "a<|eot_id|>b",
        "<|eot_id|> <think> <|eot_id|>",
        "é<think>é",
        "_<think>_",
        "1<think>",
        "wörd wörds sword wörd.wörd wörd",
        "wörd",
        "<think>  wörd  <|eot_id|>",
    ];
    for flags in 1..8 {
        for token in ["<think>", "<|eot_id|>", "wörd"] {
            for mut json in [bytes(), characters("spm-gemma")] {
                let next = ours(&json).unwrap().vocab_size();
                let added = json["added_tokens"].as_array_mut().unwrap();
                let id = added.iter().position(|added| added["content"] == token);
                let id = id.unwrap_or_else(|| {
                    added.push(json!({"id": next, "content": token, "normalized": false, "special": token != "wörd"}));
                    added.len() - 1
                });
                for (bit, flag) in ["lstrip", "rstrip", "single_word"].into_iter().enumerate() {
                    added[id][flag] = json!(flags >> bit & 1 == 1);
                }
                assert_same(&format!("{token}, flags {flags:03b}"), &json, &texts);
            }
        }
    }
}

#[test]
fn an_embedding_may_have_more_rows_than_there_are_tokens() {
    let mut vocabulary = Vocabulary::from_metadata(&mut metadata(&bytes(), &[])).unwrap();
    vocabulary.fit(330);
    let tokenizer = Tokenizer::new(vocabulary).unwrap();
    assert_eq!(tokenizer.vocab_size(), 330);
    assert_eq!(tokenizer.kind(329).unwrap(), TokenKind::Unused);
}

/// Gemma 3's vocabulary has a token for images, which the models for text have no row for.
#[test]
fn added_tokens_beyond_the_embedding_are_text() {
    let mut json = bytes();
    let plain = ours(&json).unwrap().encode("a<image>b", true, false).unwrap();
    json["added_tokens"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": 320, "content": "<image>", "special": true, "lstrip": true}));
    assert_eq!(ours(&json).unwrap().encode("a<image>b", true, false).unwrap()[1], 320);
    let ends = [("tokenizer.ggml.eos_token_ids", Value::Array(Array::Unsigned(vec![313, 320])))];
    let mut vocabulary = Vocabulary::from_metadata(&mut metadata(&json, &ends)).unwrap();
    vocabulary.fit(320);
    let tokenizer = Tokenizer::new(vocabulary.clone()).unwrap();
    assert_eq!((tokenizer.vocab_size(), tokenizer.encode("a<image>b", true, false).unwrap()), (320, plain));
    assert!(tokenizer.is_stop(313));
    // Ordinary tokens are not left out: then the file is of another model.
    vocabulary.fit(100);
    assert!(vocabulary.tokens.len() > 100);
}

#[test]
fn what_is_not_computed_is_refused_by_name() {
    let cases: [Change; 17] = [
        ("Prepend", |json| json["normalizer"] = json!({"type": "Prepend", "prepend": "▁"})),
        ("WordPiece", |json| json["model"]["type"] = json!("WordPiece")),
        ("Unigram", |json| json["model"] = json!({"type": "Unigram", "unk_id": 0, "vocab": [["a", -1.0]]})),
        ("dropout", |json| json["model"]["dropout"] = json!(0.1)),
        ("end_of_word_suffix", |json| json["model"]["end_of_word_suffix"] = json!("</w>")),
        ("continuing_subword_prefix", |json| json["model"]["continuing_subword_prefix"] = json!("##")),
        ("Lowercase", |json| json["normalizer"] = json!({"type": "Lowercase"})),
        ("NFKC", |json| {
            json["normalizer"] = json!({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "NFKC"}]})
        }),
        ("BertPreTokenizer", |json| json["pre_tokenizer"] = json!({"type": "BertPreTokenizer"})),
        ("none", |json| json["pre_tokenizer"] = json!(null)),
        ("ByteLevel", |json| json["pre_tokenizer"] = json!({"type": "ByteLevel", "add_prefix_space": true})),
        ("Removed", |json| json["pre_tokenizer"]["pretokenizers"][0]["behavior"] = json!("Removed")),
        ("invert", |json| json["pre_tokenizer"]["pretokenizers"][0]["invert"] = json!(true)),
        ("possessive", |json| {
            json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = json!(r"[^\r\n\p{L}]?+\p{L}+|\s+")
        }),
        ("(?=", |json| json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = json!(r"a(?=b)")),
        ("model.vocab", |json| json["model"]["vocab"] = json!(null)),
        ("one id", |json| json["model"]["vocab"]["another"] = json!(5)),
    ];
    for (word, change) in cases {
        let mut json = bytes();
        change(&mut json);
        let error = ours(&json).unwrap_err();
        assert!(matches!(error.code(), "unsupported" | "invalid_model"), "{word}: {error}");
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
    for json in [json!(null), json!([]), json!("text")] {
        assert_eq!(ours(&json).unwrap_err().code(), "invalid_model", "{json}");
    }
}

#[test]
fn a_megabyte_of_one_letter_is_encoded_in_steps() {
    let tokenizer = ours(&bytes()).unwrap();
    let text = "a".repeat(1 << 20);
    let mut encoding = bitnet_web::tokenizer::Encoding::new(false);
    let mut steps = 0;
    while !encoding.step(&tokenizer, &text, 1 << 14).unwrap() {
        steps += 1;
    }
    assert!(steps > 50, "{steps} steps");
    assert_eq!(tokenizer.decode(encoding.ids(), false).unwrap(), text);
}

/// Of two that overlap, whatever their kinds: the first, or the longer one of two that begin in one place.
#[test]
fn of_added_tokens_that_overlap_the_first_and_longest_is_found() {
    let texts = ["<think>a>b", "x>ab", "<think>>a", "<|eot_id|>a", "<|eot_id|>ab <|eot_id|>", "<think><|eot_id|>a"];
    for (control, user_defined) in [(">a", "<|eot_id|>a"), ("<think>>", "d|>a"), ("a>b", ">ab")] {
        let mut json = bytes();
        let added = json["added_tokens"].as_array_mut().unwrap();
        for (id, content, special) in [(320, control, true), (321, user_defined, false)] {
            added.push(json!({"id": id, "content": content, "special": special, "normalized": false,
                "single_word": false, "lstrip": false, "rstrip": false}));
        }
        let (ours, theirs) = (ours(&json).unwrap(), theirs(&json));
        for text in texts {
            let want = theirs.encode(text, false).unwrap();
            assert_eq!(ours.encode(text, true, false).unwrap(), want.get_ids(), "{control}, {user_defined}: {text:?}");
        }
    }
}
