//! Tokens that a mask allows are chosen by exact logits, although the fast head estimates those of unlikely tokens.

use crate::support::draft::Draft;
use crate::support::models::named;
use crate::support::{engine, top};
use bitnet_web::generate::{Engine, Event, GenerateOptions};
use bitnet_web::gguf::{Array, Value};
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Precision};
use bitnet_web::model::{Executor, ForwardPass, Sequence};
use bitnet_web::pool::Pool;
use bitnet_web::sample::{AllowedTokens, LogitBias};

/// So many tokens that the fast head estimates most of their logits.
const VOCABULARY: usize = 6000;

/// A fixture with more tokens, whose embeddings are sums of uniform numbers, always the same.
pub fn large() -> Engine {
    let fixture = &named("gqa1");
    let mut draft = Draft::read(&fixture.bytes(&fixture.files[0].name));
    for (_, value) in &mut draft.keys {
        match value {
            Value::Array(Array::String(texts)) if texts.len() == fixture.config.vocab_size => {
                texts.extend((texts.len()..VOCABULARY).map(|id| format!("<|{id}|>")));
            }
            Value::Array(Array::Signed(types)) => types.resize(VOCABULARY, 1),
            Value::Array(Array::Unsigned(types)) => types.resize(VOCABULARY, 1),
            Value::Array(Array::Float(scores)) => scores.resize(VOCABULARY, 0.0),
            _ => {}
        }
    }
    let embedding = draft.tensor("token_embd.weight");
    let dim = embedding.dims[0] as usize;
    embedding.dims[1] = VOCABULARY as u64;
    let mut random = 20_261_126_u32;
    let mut uniform = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    let old = embedding.data.len() / 2 / dim;
    for _ in old * dim..VOCABULARY * dim {
        let value = (0..4).map(|_| uniform()).sum::<f32>() * 0.2;
        embedding.data.extend_from_slice(&half::f16::from_f32(value).to_le_bytes());
    }
    let options = LoadOptions { precision: Precision::Fast, ..LoadOptions::new(Kernel::SCALAR) };
    engine(&draft.bytes(), options, 2, 1 << 16)
}

/// The exact logits of `ids` after `prompt`.
fn exact(engine: &Engine, prompt: &[u32], ids: &[u32]) -> Vec<f32> {
    let (mut sequence, mut executor) = (Sequence::new(engine.model()), Executor::new(Pool::new(1)));
    let hidden = ForwardPass::run(engine.model(), &mut sequence, prompt, &mut executor).unwrap();
    let mut out = vec![0.0; ids.len()];
    hidden.exact_logits(engine.model(), prompt.len() - 1, ids, &mut out, &mut executor);
    out
}

#[test]
fn a_mask_chooses_by_exact_logits_and_so_does_a_bias() {
    let mut engine = large();
    let prompt = [1, 2, 3, 4];
    let estimates = engine.logits(&prompt, &[3]).unwrap();
    let (mut otherwise, mut unlikely) = (0, 0);
    for first in 320..480 {
        let allowed: Vec<u32> = (first..VOCABULARY as u32).step_by(1700).collect();
        let logits = exact(&engine, &prompt, &allowed);
        let estimated: Vec<f32> = allowed.iter().map(|&id| estimates[id as usize]).collect();
        let best = top(&logits);
        unlikely += usize::from(estimated[best].to_bits() != logits[best].to_bits());
        otherwise += usize::from(top(&estimated) != best);
        let biases = allowed.iter().map(|&id| (id, 1e4));
        for is_mask in [true, false] {
            let options = GenerateOptions { max_tokens: Some(1), ..GenerateOptions::default() };
            let mut generation = engine.generate(prompt.to_vec(), options).unwrap();
            generation.put_first(if is_mask {
                Box::new(AllowedTokens::new(allowed.clone()).unwrap())
            } else {
                Box::new(LogitBias::new(biases.clone()))
            });
            let event = std::iter::repeat_with(|| engine.step(&mut generation, 64).unwrap())
                .find(|event| !matches!(event, Event::Prefill { .. }));
            let Some(Event::Token { id, .. }) = event else { panic!("{event:?}") };
            // Beside a bias of ten thousand a logit keeps three digits.
            let chosen = logits[allowed.iter().position(|&allowed| allowed == id).unwrap()];
            assert!(id == allowed[best] || !is_mask && logits[best] - chosen < 0.002, "{first}, mask: {is_mask}");
        }
    }
    println!("of 160 masks, the best of {unlikely} is an estimate without them, and {otherwise} would choose another");
    assert!(unlikely > 0 && otherwise > 0, "the test shows nothing");
}
