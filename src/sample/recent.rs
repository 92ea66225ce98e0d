//! The last tokens of a sequence.

use std::collections::VecDeque;

/// The last tokens, at most as many as its window.
#[derive(Clone, Debug)]
pub struct RecentTokens {
    window: usize,
    tokens: VecDeque<u32>,
}

impl RecentTokens {
    /// The last `window` tokens, which are those at the end of `prompt` at first.
    pub fn new(window: usize, prompt: &[u32]) -> Self {
        let start = prompt.len().saturating_sub(window);
        Self { window, tokens: prompt[start..].iter().copied().collect() }
    }

    /// One more token, in place of the oldest where the window is full.
    pub fn push(&mut self, token: u32) {
        if self.window == 0 {
            return;
        }
        if self.tokens.len() == self.window {
            self.tokens.pop_front();
        }
        self.tokens.push_back(token);
    }

    /// The tokens, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = u32> {
        self.tokens.iter().rev().copied()
    }

    /// Each token once, ascending, and how often it came.
    pub fn counts(&self) -> Vec<(u32, usize)> {
        let mut tokens: Vec<u32> = self.tokens.iter().copied().collect();
        tokens.sort_unstable();
        tokens.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).collect()
    }
}
