//! The events of a generation as JavaScript sees them.

use serde::Serialize;

use crate::Result;
use crate::generate::{Event, StoppedBy, Usage};
use crate::tokenizer::Tokenizer;

/// An [`Event`] as JavaScript sees it.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum WebEvent {
    Prefill {
        done: usize,
        total: usize,
    },
    Token {
        id: u32,
        text: String,
    },
    Done {
        finish_reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        stopped_by: Option<WebStoppedBy>,
        text: String,
        usage: WebUsage,
        threads: usize,
    },
}

/// A [`StoppedBy`] as JavaScript sees it.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum WebStoppedBy {
    Token { id: u32, text: String },
    Text { text: String },
    Grammar,
}

impl WebStoppedBy {
    fn new(stopped_by: StoppedBy, tokenizer: &Tokenizer) -> Result<Self> {
        Ok(match stopped_by {
            StoppedBy::Token(id) => Self::Token { id, text: tokenizer.decode(&[id], false)? },
            StoppedBy::Text(text) => Self::Text { text },
            StoppedBy::Grammar => Self::Grammar,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebUsage {
    prompt_tokens: usize,
    cached_tokens: usize,
    completion_tokens: usize,
}

impl From<Usage> for WebUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens,
            cached_tokens: usage.cached_tokens,
            completion_tokens: usage.completion_tokens,
        }
    }
}

impl WebEvent {
    /// `threads`: the number that the model has chosen by now.
    pub fn new(event: Event, threads: usize, tokenizer: &Tokenizer) -> Result<Self> {
        Ok(match event {
            Event::Prefill { done, total } => Self::Prefill { done, total },
            Event::Token { id, text } => Self::Token { id, text },
            Event::Done { reason, stopped_by, text, usage } => Self::Done {
                finish_reason: reason.name(),
                stopped_by: stopped_by.map(|by| WebStoppedBy::new(by, tokenizer)).transpose()?,
                text,
                usage: usage.into(),
                threads,
            },
        })
    }
}
