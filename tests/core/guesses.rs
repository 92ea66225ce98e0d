//! Guessed tokens under a constraint, with log probabilities, and while others come and go: they come true, and what is said has
//! the same bits as without guesses.

use bitnet_web::Result;
use bitnet_web::generate::{Event, GenerateOptions, Guessing, Limits, Outcome, Scheduler, Usage};
use bitnet_web::load::Precision;
use bitnet_web::sample::{Constraint, SamplerOptions};

use crate::crowds::{engine, without_cached};

/// A text of phrases: three tokens that are always the same, and one of two. It is complete after so many tokens, which may be
/// within a pass.
#[derive(Debug)]
struct Phrases {
    said: usize,
    most: usize,
}

impl Constraint for Phrases {
    fn mask(&mut self, words: &mut Vec<u32>) -> Result<()> {
        words.clear();
        words.resize(10, 0);
        let allowed: &[usize] = [&[40][..], &[41], &[42], &[5, 9]][self.said % 4];
        allowed.iter().for_each(|id| words[id / 32] |= 1 << (id % 32));
        Ok(())
    }

    fn accept(&mut self, token: u32) -> Result<bool> {
        let expected: &[u32] = [&[40][..], &[41], &[42], &[5, 9]][self.said % 4];
        assert!(expected.contains(&token), "a token that was not allowed, or was accepted out of turn");
        self.said += 1;
        Ok(self.said == self.most)
    }
}

/// What one generation says in passes of so many guesses, alone or while others come and go.
fn said(guesses: usize, options: &GenerateOptions, is_constrained: bool, has_company: bool) -> (Vec<Event>, Usage) {
    let mut engine = engine(Precision::Fast, 2);
    let mut scheduler = Scheduler::new(Limits { concurrent: 3, queued: 3 });
    *scheduler.guessing() = Guessing::always(guesses);
    let prompt: Vec<u32> = (0..24).map(|i| 3 + i % 12 * 7).collect();
    let mut generation = engine.prepare(prompt.clone(), options.clone()).unwrap();
    if is_constrained {
        generation.constrain(Box::new(Phrases { said: 0, most: 50 }));
    }
    scheduler.submit(0, generation, 0.0, false).unwrap();
    let (mut told, mut done) = (Vec::new(), Usage::default());
    while !scheduler.is_idle() {
        // Two come at once, in the middle of an answer that guesses, and leave before it ends.
        if has_company && told.len() == 12 && scheduler.counts().0 == 1 {
            for id in 1..3 {
                let others = GenerateOptions { max_tokens: Some(2 + id as usize), ..GenerateOptions::default() };
                let generation = engine.prepare(vec![id, 7, 8], others).unwrap();
                scheduler.submit(id, generation, 0.0, false).unwrap();
            }
        }
        for report in scheduler.step(&mut engine) {
            match report.outcome {
                Outcome::Failed(error) => panic!("{error}"),
                Outcome::Event(event) if report.id == 0 && !matches!(event, Event::Prefill { .. }) => {
                    if let Event::Done { usage, .. } = &event {
                        done = *usage;
                    }
                    told.push(without_cached(event));
                }
                Outcome::Begun { .. } | Outcome::Event(_) => {}
            }
        }
    }
    (told, done)
}

#[test]
fn guesses_come_true_under_a_constraint_and_in_company_and_change_no_bit() {
    for (temperature, is_constrained) in [(0.0, true), (0.9, true), (0.0, false), (0.9, false)] {
        let mut sampler = SamplerOptions { temperature, seed: 11, ..SamplerOptions::default() };
        if !is_constrained {
            // Without a constraint the text repeats itself because few tokens are likely.
            sampler.logit_bias = vec![(5, 900.0), (9, 898.0)];
        }
        let speculative = true;
        let options = GenerateOptions {
            max_tokens: Some(60),
            sampler,
            speculative,
            logprobs: Some(2),
            ..GenerateOptions::default()
        };
        let (want, plain) = said(0, &options, is_constrained, false);
        assert_eq!((plain.guessed_tokens, plain.accepted_tokens), (0, 0));
        assert!(want.len() > 50 && want.iter().all(|event| !matches!(event, Event::Token { logprobs: None, .. })));
        for guesses in [1, 3, 7] {
            for has_company in [false, true] {
                let case = format!("{guesses} guesses, temperature {temperature}, {is_constrained}, {has_company}");
                let (got, usage) = said(guesses, &options, is_constrained, has_company);
                assert_eq!(got, want, "{case}");
                // Most of a phrase repeats; whether the last token does is chance.
                assert!(
                    usage.accepted_tokens >= 8 && usage.accepted_tokens <= usage.guessed_tokens,
                    "{case}: {usage:?}"
                );
                assert_eq!(usage.completion_tokens, plain.completion_tokens, "{case}");
            }
        }
        let switched_off = GenerateOptions { speculative: false, ..options };
        assert_eq!(said(7, &switched_off, is_constrained, false), (want, plain));
    }
}
