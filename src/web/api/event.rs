//! The events of a generation as JavaScript sees them.

use serde::Serialize;

use crate::Result;
use crate::generate::{Event, Logprob, Piece, ReasoningSplit, StoppedBy, TokenLogprobs, Usage};
use crate::tokenizer::Tokenizer;

/// An [`Event`] as JavaScript sees it.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum WebEvent {
    Begun {
        cached: usize,
    },
    Prefill {
        done: usize,
        total: usize,
    },
    Token {
        id: u32,
        text: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        reasoning: String,
        #[serde(flatten)]
        logprobs: Option<WebTokenLogprobs>,
    },
    Done {
        finish_reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        stopped_by: Option<WebStoppedBy>,
        text: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        reasoning: String,
        usage: WebUsage,
        threads: usize,
    },
}

/// [`TokenLogprobs`] as JavaScript sees them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebTokenLogprobs {
    logprob: f32,
    /// The bytes that the token stands for.
    bytes: Vec<u8>,
    top_logprobs: Vec<WebLogprob>,
}

#[derive(Serialize)]
struct WebLogprob {
    id: u32,
    text: String,
    bytes: Vec<u8>,
    logprob: f32,
}

impl WebTokenLogprobs {
    fn new(id: u32, logprobs: TokenLogprobs, tokenizer: &Tokenizer) -> Result<Self> {
        let other = |Logprob { id, logprob }: Logprob| {
            let bytes = tokenizer.token_bytes(id)?.to_vec();
            Ok(WebLogprob { id, text: String::from_utf8_lossy(&bytes).into_owned(), bytes, logprob })
        };
        Ok(Self {
            logprob: logprobs.logprob,
            bytes: tokenizer.token_bytes(id)?.to_vec(),
            top_logprobs: logprobs.top.into_iter().map(other).collect::<Result<_>>()?,
        })
    }
}

/// A [`StoppedBy`] as JavaScript sees it.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum WebStoppedBy {
    Token { id: u32, text: String },
    Text { text: String },
    Grammar { text: &'static str },
}

impl WebStoppedBy {
    fn new(stopped_by: StoppedBy, tokenizer: &Tokenizer) -> Result<Self> {
        Ok(match stopped_by {
            StoppedBy::Token(id) => Self::Token { id, text: tokenizer.decode(&[id], false)? },
            StoppedBy::Text(text) => Self::Text { text },
            StoppedBy::Grammar => Self::Grammar { text: "" },
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebUsage {
    prompt_tokens: usize,
    cached_tokens: usize,
    completion_tokens: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    guessed_tokens: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_tokens: Option<usize>,
}

impl From<Usage> for WebUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens,
            cached_tokens: usage.cached_tokens,
            completion_tokens: usage.completion_tokens,
            guessed_tokens: Some(usage.guessed_tokens).filter(|&count| count > 0),
            accepted_tokens: Some(usage.accepted_tokens).filter(|_| usage.guessed_tokens > 0),
        }
    }
}

impl WebEvent {
    /// `threads`: the number that the model has chosen by now. `reasoning` tells what the model thinks from what it says,
    /// where these are told apart.
    pub fn new(
        event: Event,
        threads: usize,
        tokenizer: &Tokenizer,
        reasoning: Option<&mut ReasoningSplit>,
    ) -> Result<Self> {
        Ok(match event {
            Event::Prefill { done, total } => Self::Prefill { done, total },
            Event::Token { id, text, logprobs } => {
                let logprobs = logprobs.map(|logprobs| WebTokenLogprobs::new(id, logprobs, tokenizer)).transpose()?;
                let Piece { text, reasoning } = match reasoning {
                    Some(split) => split.push(&text),
                    None => Piece { text, reasoning: String::new() },
                };
                Self::Token { id, text, reasoning, logprobs }
            }
            Event::Done { reason, stopped_by, text, usage } => {
                let Piece { text, reasoning } = match reasoning {
                    Some(split) => {
                        let (now, rest) = (split.push(&text), split.finish());
                        Piece { text: now.text + &rest.text, reasoning: now.reasoning + &rest.reasoning }
                    }
                    None => Piece { text, reasoning: String::new() },
                };
                Self::Done {
                    finish_reason: reason.name(),
                    stopped_by: stopped_by.map(|by| WebStoppedBy::new(by, tokenizer)).transpose()?,
                    text,
                    reasoning,
                    usage: usage.into(),
                    threads,
                }
            }
        })
    }
}
