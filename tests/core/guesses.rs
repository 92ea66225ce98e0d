//! Guessed tokens under a constraint, with log probabilities, and while others come and go: they come true, and what is said has
//! the same bits as without guesses.

use bitnet_web::Result;
use bitnet_web::generate::{Engine, Event, GenerateOptions, Guessing, Limits, Outcome, RoundSize, Scheduler, Usage};
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

/// Milliseconds of a pass, of so many tokens.
type Clock = fn(usize) -> f64;

fn pays(tokens: usize) -> f64 {
    10.0 + 2.0 * (tokens - 1) as f64
}

fn does_not_pay(tokens: usize) -> f64 {
    10.0 * tokens as f64
}

/// A generation that says the same again and again, as two tokens are by far the likeliest, and may be guessed if it is
/// `speculative`.
fn repeating(seed: u64, max_tokens: usize, speculative: bool) -> GenerateOptions {
    let logit_bias = vec![(5, 900.0), (9, 898.0)];
    let sampler = SamplerOptions { temperature: 0.0, seed, logit_bias, ..SamplerOptions::default() };
    GenerateOptions { max_tokens: Some(max_tokens), sampler, speculative, ..GenerateOptions::default() }
}

/// Steps to the end with a made-up clock. Tells of each pass how many generations there were, and its size.
fn run(
    engine: &mut Engine,
    scheduler: &mut Scheduler,
    clock: Clock,
    told: &mut Vec<(u32, Event)>,
) -> Vec<(usize, RoundSize)> {
    let mut passes = Vec::new();
    while !scheduler.is_idle() {
        let before = scheduler.round_size();
        let running = scheduler.counts().0;
        for report in scheduler.step(engine) {
            match report.outcome {
                Outcome::Failed(error) => panic!("{error}"),
                Outcome::Event(event) if !matches!(event, Event::Prefill { .. }) => {
                    told.push((report.id, without_cached(event)));
                }
                Outcome::Begun { .. } | Outcome::Event(_) => {}
            }
        }
        if let Some(size) = before.filter(|_| scheduler.round_size().is_none()) {
            scheduler.took(clock(size.tokens), 1);
            passes.push((running, size));
        }
    }
    passes
}

#[test]
fn times_decide_what_is_guessed_and_never_what_is_said() {
    let mut engine = engine(Precision::Fast, 1);
    let mut want = None;
    for (clock, is_speculative) in
        [(does_not_pay as Clock, false), (does_not_pay, true), (pays, true), (|tokens| 1.0 / tokens as f64, true)]
    {
        let mut scheduler = Scheduler::new(Limits { concurrent: 2, queued: 0 });
        *scheduler.guessing() = Guessing::measured();
        let (mut told, mut guessed) = (Vec::new(), Vec::new());
        // Three answers, the last two side by side.
        for ids in [&[0][..], &[1, 2]] {
            for &id in ids {
                let generation = engine.prepare(vec![3, 10 + id, 17], repeating(5, 80, is_speculative)).unwrap();
                scheduler.submit(id, generation, 0.0, false).unwrap();
            }
            let passes = run(&mut engine, &mut scheduler, clock, &mut told);
            guessed.push(passes.iter().map(|(_, size)| size.guessed_tokens).sum::<usize>());
        }
        told.sort_by_key(|(id, _)| *id);
        assert_eq!(told.len(), 3 * 81);
        assert_eq!(&told, want.get_or_insert_with(|| told.clone()));
        if !is_speculative {
            assert_eq!(guessed, [0, 0]);
        } else if clock(2) == does_not_pay(2) {
            assert!((1..=12).contains(&guessed[0]) && guessed[1] == 0, "tried once, and not again: {guessed:?}");
        } else {
            assert!(guessed[0] > 20 && guessed[1] > 20, "{guessed:?}");
        }
    }
}

#[test]
fn in_company_nothing_is_guessed_at_the_expense_of_others() {
    for (is_measured, others_are_speculative) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut engine = engine(Precision::Fast, 1);
        let mut scheduler = Scheduler::new(Limits { concurrent: 2, queued: 2 });
        *scheduler.guessing() = if is_measured { Guessing::measured() } else { Guessing::always(3) };
        let mut told = Vec::new();
        // What passes cost is known from the first answer.
        let generation = engine.prepare(vec![3, 10, 17], repeating(5, 80, true)).unwrap();
        scheduler.submit(0, generation, 0.0, false).unwrap();
        run(&mut engine, &mut scheduler, pays, &mut told);
        let wishes = [(1, 3, repeating(5, 60, true)), (2, 200, repeating(5, 60, others_are_speculative))];
        for (id, prompt, options) in wishes {
            let prompt = (0..prompt).map(|i| (id + i * 7) % 300).collect();
            scheduler.submit(id, engine.prepare(prompt, options).unwrap(), 0.0, false).unwrap();
        }
        let case = format!("{is_measured} {others_are_speculative}");
        let passes = run(&mut engine, &mut scheduler, pays, &mut told);
        let (alone, company): (Vec<_>, Vec<_>) = passes.into_iter().partition(|(running, _)| *running < 2);
        let beside_prompts = company.iter().filter(|(_, size)| (1..size.tokens).contains(&size.prompt_tokens)).count();
        assert!(company.len() > 15 && beside_prompts > 5, "{case}: one writes while the other one's prompt is read");
        for (_, size) in &company {
            assert!(
                size.prompt_tokens == 0 || size.guessed_tokens == 0,
                "a prompt waits for nothing: {size:?}, {case}"
            );
        }
        let guessed = company.iter().map(|(_, size)| size.guessed_tokens).sum::<usize>();
        if is_measured && !others_are_speculative {
            assert_eq!(guessed, 0, "the other one would wait");
        } else {
            assert!(guessed > 10, "both gain: {guessed}, {case}");
        }
        println!("{case}: {guessed} in {} passes, {} alone", company.len(), alone.len());
    }
}

#[test]
fn while_others_wait_for_a_place_those_that_run_are_guessed_for() {
    let mut engine = engine(Precision::Fast, 1);
    let mut scheduler = Scheduler::new(Limits { concurrent: 1, queued: 1 });
    *scheduler.guessing() = Guessing::always(3);
    for id in 0..2 {
        let generation = engine.prepare(vec![3, 10 + id, 17], repeating(5, 60, true)).unwrap();
        scheduler.submit(id, generation, 0.0, false).unwrap();
    }
    let (mut told, mut guessed) = (Vec::new(), 0);
    while scheduler.counts().1 > 0 {
        scheduler.step(&mut engine);
        guessed += scheduler.round_size().map_or(0, |size| size.guessed_tokens);
    }
    assert!(guessed > 0);
    run(&mut engine, &mut scheduler, pays, &mut told);
}
