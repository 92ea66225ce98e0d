//! Log-probabilities: exact ones, although the fast head estimates the logits of unlikely tokens, and the same answer with
//! them as without.

use crate::support::models::fixtures;
use crate::support::{engine, top};
use bitnet_web::ErrorKind;
use bitnet_web::chat::{ChatOptions, Content, Message};
use bitnet_web::generate::{Engine, Event, GenerateOptions, Prompt, TokenLogprobs};
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Precision};
use bitnet_web::model::{Executor, ForwardPass, Sequence};
use bitnet_web::pool::Pool;
use bitnet_web::sample::SamplerOptions;

use crate::masks::large;

/// The answer's tokens and what they tell.
fn answer(engine: &mut Engine, prompt: &[u32], logprobs: Option<usize>) -> Vec<(u32, Option<TokenLogprobs>)> {
    let sampler = SamplerOptions { temperature: 1.5, seed: 3, ..SamplerOptions::default() };
    let options = GenerateOptions { max_tokens: Some(12), sampler, logprobs, ..GenerateOptions::default() };
    let mut generation = engine.generate(prompt.to_vec(), options).unwrap();
    let mut said = Vec::new();
    loop {
        match engine.step(&mut generation, 64).unwrap() {
            Event::Token { id, logprobs, .. } => said.push((id, logprobs)),
            Event::Done { .. } => return said,
            Event::Prefill { .. } => {}
        }
    }
}

/// ln of every token's probability behind `ids`, by the exact logits.
fn exact(engine: &Engine, ids: &[u32]) -> Vec<f32> {
    let model = engine.model();
    let (mut sequence, mut executor) = (Sequence::new(model), Executor::new(Pool::new(1)));
    let hidden = ForwardPass::run(model, &mut sequence, ids, &mut executor).unwrap();
    let all: Vec<u32> = (0..model.config().vocab_size as u32).collect();
    let mut logits = vec![0.0; all.len()];
    hidden.exact_logits(model, ids.len() - 1, &all, &mut logits, &mut executor);
    let max = f64::from(logits[top(&logits)]);
    let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - max).exp()).sum();
    logits.iter().map(|&logit| (f64::from(logit) - max - sum.ln()) as f32).collect()
}

#[test]
fn they_are_exact_and_change_no_answer() {
    let mut engine = large();
    let prompt = [1, 2, 3, 4];
    let without = answer(&mut engine, &prompt, None);
    let with = answer(&mut engine, &prompt, Some(5));
    let ids =
        |said: &[(u32, _)]| -> Vec<u32> { said.iter().map(|(id, _): &(u32, Option<TokenLogprobs>)| *id).collect() };
    assert_eq!(ids(&without), ids(&with));
    assert!(without.iter().all(|(_, logprobs)| logprobs.is_none()));
    let mut text = prompt.to_vec();
    for (id, logprobs) in with {
        let (want, got) = (exact(&engine, &text), logprobs.unwrap());
        assert!((got.logprob - want[id as usize]).abs() < 1e-4, "{got:?}, expected {}", want[id as usize]);
        let mut order: Vec<u32> = (0..want.len() as u32).collect();
        order.sort_by(|&a, &b| want[b as usize].total_cmp(&want[a as usize]));
        assert_eq!(got.top.iter().map(|other| other.id).collect::<Vec<_>>(), order[..5]);
        assert!(got.top.iter().all(|other| (other.logprob - want[other.id as usize]).abs() < 1e-4));
        text.push(id);
    }
}

#[test]
fn the_scores_of_a_text_are_those_of_its_tokens() {
    let mut engine = large();
    let ids: Vec<u32> = (0..40).map(|i| i * 37 % 300).collect();
    let scores = engine.scores(&ids).unwrap();
    assert_eq!(scores.len(), 39);
    for end in [1, 2, 17, 39] {
        let want = exact(&engine, &ids[..end])[ids[end] as usize];
        assert!((scores[end - 1] - want).abs() < 1e-4, "{end}: {}, expected {want}", scores[end - 1]);
    }
    // What is in the cache already changes nothing.
    assert_eq!(engine.scores(&ids).unwrap(), scores);
    assert_eq!(engine.scores(&ids[..1]).unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[test]
fn tokens_are_counted_as_a_generation_reads_them() {
    let fixture = fixtures().into_iter().find(|fixture| fixture.name.starts_with("gqa1")).unwrap();
    let options = LoadOptions { precision: Precision::Exact, ..LoadOptions::new(Kernel::SCALAR) };
    let mut engine = engine(&fixture.bytes(&fixture.files[0].name), options, 1, 1 << 16);
    let message = Message { role: "user".into(), content: Content::Text("Hi there".into()), fields: Vec::new() };
    let chat = Prompt::Chat { messages: vec![message], options: ChatOptions::default() };
    for prompt in [Prompt::Text("Hello, world".into()), chat] {
        let counted = engine.count_tokens(&prompt).unwrap();
        let ids = engine.prompt(&prompt).unwrap();
        assert_eq!(counted, ids.len());
        let generation = engine.generate(ids, GenerateOptions::default()).unwrap();
        assert_eq!(generation.usage().prompt_tokens, counted);
    }
    // What no context holds is counted all the same.
    let long = Prompt::Text("1234567890".repeat(400));
    assert!(engine.count_tokens(&long).unwrap() > engine.model().context());
    assert_eq!(engine.prompt(&long).unwrap_err().kind(), ErrorKind::ContextOverflow);
}
