//! One pass over the weights for the next tokens of several generations.

use crate::model::{ForwardPass, HiddenStates, Sequence};
use crate::stopwatch::Part;
use crate::{Error, ErrorKind, Result};

use super::logits::HEAD_TOKENS;
use super::{Engine, Event, Generation, TokenLogprobs};

/// Tokens of some generations on their way through the layers of the model.
#[derive(Debug)]
pub(super) struct Round {
    pass: ForwardPass,
    /// How many tokens of each generation.
    counts: Vec<usize>,
}

impl Engine {
    /// Begins a pass of the next `counts[i]` tokens of each generation.
    ///
    /// # Errors
    /// As [`ForwardPass::begin`]; the generations have not changed then.
    pub(super) fn begin_round(&mut self, members: &mut [&mut Generation], counts: Vec<usize>) -> Result<Round> {
        let next = |member: &Generation, count: usize| {
            let begin = member.tokens.len() - member.missing_tokens();
            [&member.tokens[begin..begin + count], &member.guesses].concat()
        };
        let tokens: Vec<Vec<u32>> = members.iter().zip(&counts).map(|(member, &count)| next(member, count)).collect();
        let mut inputs = Vec::with_capacity(members.len());
        for (sequence, tokens) in sequences(members)?.into_iter().zip(&tokens) {
            inputs.push((sequence, tokens.as_slice()));
        }
        let pass = ForwardPass::begin(&self.loaded.model, &mut inputs, &mut self.executor)?;
        Ok(Round { pass, counts })
    }

    /// Takes a pass of `members` through the next layer. Returns whether there is another one.
    ///
    /// # Errors
    /// As [`ForwardPass::layer`].
    pub(super) fn step_round(&mut self, round: &mut Round, members: &mut [&mut Generation]) -> Result<bool> {
        round.pass.layer(&self.loaded.model, &mut sequences(members)?, &mut self.executor)
    }

    /// Ends a pass behind its last layer: generations that have no further token choose their next one. The events are in
    /// the generations' queues.
    ///
    /// # Errors
    /// As [`ForwardPass::end`]. What fails for one generation alone is in its place of the answer.
    pub(super) fn end_round(&mut self, round: Round, members: &mut [&mut Generation]) -> Result<Vec<Result<()>>> {
        let hidden = round.pass.end(&mut sequences(members)?)?;
        let mut choices = Vec::new();
        let mut end = 0;
        for (index, (member, count)) in members.iter_mut().zip(round.counts).enumerate() {
            end += count;
            let done = member.sequence.as_ref().map_or(0, Sequence::len) - member.guesses.len();
            if member.usage.completion_tokens == 0 {
                member.queue.push_back(Event::Prefill { done, total: member.usage.prompt_tokens });
            }
            if done == member.tokens.len() {
                choices.extend((end - 1..end + member.guesses.len()).map(|token| (index, token)));
                member.usage.guessed_tokens += member.guesses.len();
            }
            end += member.guesses.len();
        }
        let mut outcomes: Vec<Result<()>> = members.iter().map(|_| Ok(())).collect();
        for group in choices.chunks(HEAD_TOKENS) {
            let tokens: Vec<usize> = group.iter().map(|&(_, token)| token).collect();
            let vocab_size = self.model().config().vocab_size;
            let mut logits = std::mem::take(&mut self.logits);
            logits.resize(tokens.len() * vocab_size, 0.0);
            hidden.logits(&self.loaded.model, &tokens, &mut logits, &mut self.executor);
            for (&(index, token), logits) in group.iter().zip(logits.chunks_exact_mut(vocab_size)) {
                if outcomes[index].is_ok() && members[index].goes_on_in_pass() {
                    outcomes[index] = self.choose(members[index], &hidden, token, logits);
                }
            }
            self.logits = logits;
        }
        members.iter_mut().for_each(|member| member.drop_guesses());
        Ok(outcomes)
    }

    /// Chooses the next token of a generation, from the logits after a token of a pass.
    fn choose(
        &mut self,
        generation: &mut Generation,
        hidden: &HiddenStates,
        token: usize,
        logits: &mut [f32],
    ) -> Result<()> {
        // The fast head estimates the logits of unlikely tokens, and what a step lifts must not be chosen by estimates.
        let lifted = generation.sampler.lifted(logits)?;
        if !lifted.is_empty() {
            let mut exact = vec![0.0; lifted.len()];
            hidden.exact_logits(&self.loaded.model, token, &lifted, &mut exact, &mut self.executor);
            lifted.iter().zip(exact).for_each(|(&id, logit)| logits[id as usize] = logit);
        }
        let exact = generation.logprobs.map(|_| self.exact_logits(hidden, token));
        let id = generation.sampler.sample(logits)?;
        let logprobs = generation.logprobs.zip(exact).map(|(top, exact)| TokenLogprobs::new(&exact, id, top));
        generation.take_token(&self.loaded.tokenizer, id, logprobs)?;
        self.executor.lap(Part::Sampling);
        Ok(())
    }
}

fn sequences<'a>(members: &'a mut [&mut Generation]) -> Result<Vec<&'a mut Sequence>> {
    members.iter_mut().map(|member| member.sequence.as_mut().ok_or_else(no_sequence)).collect()
}

fn no_sequence() -> Error {
    Error::new(ErrorKind::Internal, "a step of a generation that has not begun, or has ended")
}
