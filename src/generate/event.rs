//! The events of a generation.

use super::TokenLogprobs;

/// Why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// The model ended its turn, a stop text or token came, or a grammar was at its end.
    Stop,
    /// `max_tokens`, or the context, is used up.
    Length,
}

impl FinishReason {
    /// The name that JavaScript sees (and OpenAI's API uses).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

/// The token or text that ended a generation with [`FinishReason::Stop`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoppedBy {
    /// A token: one that ends every answer of this model, or one of
    /// [`GenerateOptions::stop_tokens`](super::GenerateOptions::stop_tokens).
    Token(u32),
    /// One of [`GenerateOptions::stop`](super::GenerateOptions::stop).
    Text(String),
    /// The end of a [constraint](super::Generation::constrain): nothing could follow.
    Grammar,
}

/// Tokens of one generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Those of them that were in the KV cache from before.
    pub cached_tokens: usize,
    /// Tokens generated, an end token included.
    pub completion_tokens: usize,
    /// Tokens that were guessed, and verified beside others.
    pub guessed_tokens: usize,
    /// Those of them that came, and let one more token come out of the same pass.
    pub accepted_tokens: usize,
}

/// The outcome of one step.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A batch of the prompt was run.
    Prefill {
        /// Tokens of the prompt that are done, cached ones included.
        done: usize,
        /// Tokens of the prompt.
        total: usize,
    },
    /// A token was generated. Its text may be empty: half a character, or the beginning of a stop text, waits.
    Token {
        /// The token.
        id: u32,
        /// The text that is certain now.
        text: String,
        /// Its log-probability, if it was asked for.
        logprobs: Option<TokenLogprobs>,
    },
    /// The generation has ended.
    Done {
        /// Why.
        reason: FinishReason,
        /// The token or text that stopped it; `None` if none did.
        stopped_by: Option<StoppedBy>,
        /// Text that had waited.
        text: String,
        /// How many tokens it took.
        usage: Usage,
    },
}
