//! One greedy answer, timed.

use std::time::Instant;

use bitnet_web::chat::{ChatOptions, Message};
use bitnet_web::generate::{Engine, Event, FinishReason, GenerateOptions, Prompt, Usage};
use bitnet_web::sample::SamplerOptions;

use crate::Outcome;

/// An answer of a model.
pub struct Answer {
    pub text: String,
    pub reason: FinishReason,
    pub usage: Usage,
    pub prefill_seconds: f64,
    pub decode_seconds: f64,
}

impl Answer {
    /// Tokens of the prompt that were computed, a second.
    pub fn prefill_speed(&self) -> f64 {
        (self.usage.prompt_tokens - self.usage.cached_tokens) as f64 / self.prefill_seconds
    }

    /// Tokens of the answer a second; the first comes with the prefill.
    pub fn decode_speed(&self) -> f64 {
        self.usage.completion_tokens.saturating_sub(1) as f64 / self.decode_seconds
    }

    /// Counts and speeds in one line.
    pub fn speed(&self) -> String {
        format!(
            "{} prompt tokens ({} cached) at {:.1} tok/s, {} tokens at {:.1} tok/s, {}",
            self.usage.prompt_tokens,
            self.usage.cached_tokens,
            self.prefill_speed(),
            self.usage.completion_tokens,
            self.decode_speed(),
            self.reason.name()
        )
    }
}

/// A question as the user's first message, or as plain text where the model has no chat template.
pub fn question(engine: &Engine, text: &str) -> Prompt {
    match engine.chat_template() {
        Ok(_) => {
            let options = ChatOptions { thinking: Some(false), ..ChatOptions::default() };
            Prompt::Chat { messages: vec![Message::new("user", text)], options }
        }
        Err(_) => Prompt::Text(text.into()),
    }
}

/// Answers `prompt`, always with the likeliest token.
pub fn greedy(engine: &mut Engine, prompt: &Prompt, max_tokens: Option<usize>) -> Outcome<Answer> {
    let ids = engine.prompt(prompt)?;
    let greedy = SamplerOptions::default();
    let options = GenerateOptions { max_tokens, sampler: greedy, ..GenerateOptions::default() };
    let start = Instant::now();
    let mut generation = engine.generate(ids, options)?;
    let (mut text, mut prefill_seconds) = (String::new(), 0.0);
    loop {
        match engine.step(&mut generation, usize::MAX)? {
            Event::Prefill { .. } => prefill_seconds = start.elapsed().as_secs_f64(),
            Event::Token { text: piece, .. } => text.push_str(&piece),
            Event::Done { reason, text: piece, usage, .. } => {
                text.push_str(&piece);
                let decode_seconds = start.elapsed().as_secs_f64() - prefill_seconds;
                return Ok(Answer { text, reason, usage, prefill_seconds, decode_seconds });
            }
        }
    }
}
