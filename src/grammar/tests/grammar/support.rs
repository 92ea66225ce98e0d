//! The demo model's vocabulary, and answers of a sampler that draws at random.

use std::sync::OnceLock;

use bitnet_grammar::{CONTROL, Constraint, Result, Vocabulary};
use bitnet_web::generate::Engine;
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, LoadedModel, Loader, Precision};
use bitnet_web::pool::Pool;
use bitnet_web::tokenizer::Tokenizer;
use oorandom::Rand64;

/// Bytes of a file of the repository.
pub fn file(path: &str) -> Vec<u8> {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The model of the repository at `path`.
pub fn engine(path: &str) -> Engine {
    Engine::new(load(path), Pool::new(1))
}

fn load(path: &str) -> LoadedModel {
    let mut loader = Loader::new(LoadOptions { precision: Precision::Fast, ..LoadOptions::new(Kernel::SCALAR) });
    loader.push(&file(path)).unwrap();
    loader.finish().unwrap()
}

/// The demo model.
pub const DEMO: &str = "www/models/demo.gguf";

/// A tokenizer and its vocabulary.
pub struct Words {
    pub tokenizer: std::sync::Arc<Tokenizer>,
    pub vocabulary: Vocabulary,
}

/// The vocabulary of a tokenizer.
pub fn vocabulary(tokenizer: &Tokenizer) -> Vocabulary {
    let (bytes, ends) = tokenizer.spellings(CONTROL);
    Vocabulary::new(&bytes, &ends, tokenizer.stop_tokens()).unwrap()
}

thread_local! {
    static WORDS: OnceLock<&'static Words> = const { OnceLock::new() };
}

/// The demo model's vocabulary, once for each thread.
pub fn demo() -> &'static Words {
    WORDS.with(|words| {
        *words.get_or_init(|| {
            let tokenizer = load(DEMO).tokenizer;
            let vocabulary = vocabulary(&tokenizer);
            Box::leak(Box::new(Words { tokenizer, vocabulary }))
        })
    })
}

/// The ids of a mask.
pub fn ids(mask: &[u32]) -> Vec<u32> {
    (0..mask.len() as u32 * 32).filter(|&id| mask[id as usize / 32] >> (id % 32) & 1 == 1).collect()
}

/// A text that a sampler draws, of at most `most` tokens; `None` if it is not at its end then. It draws any allowed token, but now and
/// then prefers short ones and those that end something: texts of chance alone hardly ever end.
pub fn draw(words: &Words, constraint: &mut Constraint, random: &mut Rand64, most: usize) -> Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    for step in 0..most {
        let allowed = ids(constraint.mask()?);
        let stops: Vec<u32> = allowed.iter().copied().filter(|&id| words.tokenizer.is_stop(id)).collect();
        if !stops.is_empty() && (stops.len() == allowed.len() || random.rand_float() < 0.3) {
            return Ok(Some(text));
        }
        let allowed: Vec<u32> = allowed.into_iter().filter(|&id| !words.tokenizer.is_stop(id)).collect();
        let bytes = |id: u32| words.tokenizer.token_bytes(id).unwrap();
        let pick = |from: &[u32], random: &mut Rand64| from[random.rand_range(0..from.len() as u64) as usize];
        let short: Vec<u32> = allowed.iter().copied().filter(|&id| bytes(id).len() == 1).collect();
        let ends = |id: &u32| matches!(bytes(*id), b"\"" | b"}" | b"]" | b"\"}" | b"\"]");
        let ending: Vec<u32> = allowed.iter().copied().filter(ends).collect();
        let hurry = 0.3 + step as f64 / 200.0;
        let id = if !ending.is_empty() && random.rand_float() < hurry {
            pick(&ending, random)
        } else if !short.is_empty() && random.rand_float() < 0.7 {
            pick(&short, random)
        } else {
            pick(&allowed, random)
        };
        text.extend_from_slice(bytes(id));
        if constraint.accept(id)? {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// Whether a constraint takes a whole text, in the tokenizer's own tokens.
pub fn takes(words: &Words, constraint: &mut Constraint, text: &str) -> Result<bool> {
    for id in words.tokenizer.encode(text, false, false).unwrap() {
        let is_allowed = constraint.mask()?.get(id as usize / 32).is_some_and(|word| word >> (id % 32) & 1 == 1);
        if !is_allowed {
            return Ok(false);
        }
        constraint.accept(id)?;
    }
    constraint.may_end()
}
