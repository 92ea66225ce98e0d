//! Embeddings against transformers, and in batches.

use bitnet_web::ErrorKind;
use bitnet_web::generate::{EmbedStep, Engine, GenerateOptions};
use bitnet_web::gguf::Value;
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Loader, Precision};

use crate::support::draft::Draft;
use crate::support::models::{self, Fixture, fixtures};
use crate::support::{engine, relative_rms};

const FILES: [&str; 2] = ["qwen3-embedding-i2_s.gguf", "gemma3-embedding-i2_s.gguf"];

fn of_models() -> Vec<Fixture> {
    let found: Vec<Fixture> = fixtures().into_iter().filter(|fixture| fixture.embeddings.is_some()).collect();
    assert_eq!(found.len(), FILES.len());
    found
}

fn load(file: &[u8], precision: Precision, threads: usize) -> Engine {
    engine(file, LoadOptions { precision, ..LoadOptions::new(Kernel::SCALAR) }, threads, 1 << 16)
}

fn bits(vectors: &[f32]) -> Vec<u32> {
    vectors.iter().map(|value| value.to_bits()).collect()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn vectors_agree_with_transformers() {
    for fixture in of_models() {
        let bytes = models::read(fixture.embeddings.as_ref().unwrap());
        let want: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        let tokens: Vec<Vec<u32>> = fixture.sequences.iter().map(|sequence| sequence.tokens.clone()).collect();
        let got = load(&fixture.bytes(&fixture.files[0].name), Precision::Exact, 2).embed_tokens(&tokens).unwrap();
        assert_eq!(got.len(), want.len());
        let dim = want.len() / tokens.len();
        for ((sequence, want), got) in fixture.sequences.iter().zip(want.chunks_exact(dim)).zip(got.chunks_exact(dim)) {
            let error = relative_rms(want, got);
            let is_clear = sequence.margins.last().unwrap() >= &fixture.clear_margin;
            let allowed = if is_clear { fixture.tight } else { fixture.flip_bound };
            assert!(error < allowed, "{}, {} sequence: {error:e}", fixture.name, sequence.kind);
        }
    }
}

/// Texts of all lengths, long ones included, get the bits that they get alone.
#[test]
fn texts_that_share_a_pass_do_not_change_each_other() {
    for fixture in of_models() {
        let file = fixture.bytes(&fixture.files[0].name);
        let lengths = [3, 64, 1, 150, 7, 7, 65, 2, 1, 1, 9, 4, 12, 30, 1, 1, 1, 1, 1, 1, 63, 1];
        let text = |(index, &len): (usize, &u32)| (0..len).map(|i| (i * 37 + index as u32 * 11) % 320).collect();
        let tokens: Vec<Vec<u32>> = lengths.iter().enumerate().map(text).collect();
        for precision in [Precision::Exact, Precision::Fast] {
            let mut one = load(&file, precision, 1);
            let alone: Vec<u32> =
                tokens.iter().flat_map(|text| bits(&one.embed_tokens(std::slice::from_ref(text)).unwrap())).collect();
            for threads in [1, 3] {
                let together = load(&file, precision, threads).embed_tokens(&tokens).unwrap();
                assert!(bits(&together) == alone, "{}, {precision:?}, {threads} threads", fixture.name);
            }
        }
    }
}

#[test]
fn a_text_begins_and_ends_as_the_file_says() {
    for name in FILES {
        let mut engine = load(&models::read(name), Precision::Exact, 1);
        let said = texts(&["hello there", "a"]);
        let tokens: Vec<Vec<u32>> = said
            .iter()
            .map(|text| {
                let mut ids = engine.tokenizer().encode(text, true, true).unwrap();
                ids.push(engine.tokenizer().eos().unwrap());
                ids
            })
            .collect();
        let got = engine.embed(&said).unwrap();
        assert!(bits(&got) == bits(&engine.embed_tokens(&tokens).unwrap()), "{name}");
        let squares: f32 = got[..got.len() / 2].iter().map(|value| value * value).sum();
        assert!((squares - 1.0).abs() < 1e-5);
        // Without the key there is no such token.
        let mut draft = Draft::read(&models::read(name));
        draft.remove("tokenizer.ggml.add_eos_token");
        let without = load(&draft.bytes(), Precision::Exact, 1).embed(&said).unwrap();
        assert!(bits(&without) != bits(&got));
    }
}

#[test]
fn what_has_no_embedding_is_refused() {
    let mut engine = load(&models::read(FILES[0]), Precision::Fast, 1);
    let mut refused = |said: &[&str], kind: ErrorKind, sentence: &str| {
        let error = engine.embed(&texts(said)).unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(sentence), "{error}");
    };
    refused(&[], ErrorKind::InvalidArgument, "at least one text");
    refused(&["a", ""], ErrorKind::InvalidArgument, "texts[1] is empty");
    let long = "na ".repeat(600);
    refused(&["a", "b", &long], ErrorKind::ContextOverflow, "texts[2] has at least");
    refused(&[&"na ".repeat(1_000_000)], ErrorKind::ContextOverflow, "texts[0] has at least");
    assert_eq!(engine.embed_tokens(&[vec![320]]).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(engine.embed_tokens(&[vec![1], vec![]]).unwrap_err().kind(), ErrorKind::InvalidArgument);
    // A text of just the context's length is not too long, and a run that is dropped leaves nothing behind.
    let whole: Vec<u32> = (0..512).map(|i| i % 320).collect();
    let vectors = engine.embed_tokens(&[whole]).unwrap();
    let mut run = engine.begin_embed(&texts(&["abc"])).unwrap();
    assert!(matches!(engine.step_embed(&mut run).unwrap(), EmbedStep::Layer | EmbedStep::Vectors { .. }));
    drop(run);
    assert_eq!(vectors.len(), 128);
}

#[test]
fn the_pooling_of_the_file_decides() {
    let good = Draft::read(&models::read(FILES[0]));
    let key = "qwen3.pooling_type";
    let engine_of = |draft: &Draft| load(&draft.bytes(), Precision::Exact, 1);
    let error = engine_of(&good).generate(vec![1, 2], GenerateOptions::default()).unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains("makes embeddings"), "{error}");

    // The same graph as a model that writes.
    for none in [None, Some(0)] {
        let mut writer = good.clone();
        writer.remove(key);
        none.into_iter().for_each(|pooling| writer.set_number(key, pooling));
        let mut engine = engine_of(&writer);
        engine.generate(vec![1, 2], GenerateOptions::default()).unwrap();
        let error = engine.embed(&texts(&["a"])).unwrap_err();
        assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains(key), "{error}");
    }

    let mut mean = good.clone();
    mean.set_number(key, 1);
    let (mut mean, mut last) = (engine_of(&mean), engine_of(&good));
    let tokens: Vec<u32> = (0..70).map(|i| i * 3).collect();
    let one = [tokens[..1].to_vec()];
    assert_eq!(bits(&mean.embed_tokens(&one).unwrap()), bits(&last.embed_tokens(&one).unwrap()));
    let both = [&mut mean, &mut last].map(|engine| engine.embed_tokens(std::slice::from_ref(&tokens)).unwrap());
    assert!(relative_rms(&both[0], &both[1]) > 0.01);

    for other in [2, 4, 77] {
        let mut refused = good.clone();
        refused.set(key, Value::Unsigned(other));
        let error = Loader::new(LoadOptions::new(Kernel::SCALAR)).push(&refused.bytes()).unwrap_err();
        assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains(key), "{error}");
    }
}
