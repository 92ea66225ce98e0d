//! Many generations at once: each says what it says alone, whoever joins, leaves or is given up beside it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bitnet_web::generate::{
    Engine, Event, GenerateOptions, Guessing, Limits, Outcome, Report, Scheduler, StopToken, Usage,
};
use bitnet_web::kernels::{KV_BLOCK, Kernel};
use bitnet_web::load::{LoadOptions, Precision};
use bitnet_web::sample::{Constraint, SamplerOptions};
use bitnet_web::{ErrorKind, Result};

use crate::support::models::named;

pub fn engine(precision: Precision, threads: usize) -> Engine {
    let fixture = &named("gqa1");
    let options = LoadOptions { precision, ..LoadOptions::new(Kernel::SCALAR) };
    crate::support::engine(&fixture.bytes(&fixture.files[0].name), options, threads, 1 << 16)
}

/// xorshift64*
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

/// A seed from `SEED`, or the time; always told.
fn seed() -> u64 {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        if cfg!(target_arch = "wasm32") {
            20_261_126
        } else {
            std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64
        }
    });
    println!("SEED={seed}");
    seed | 1
}

/// A request that can be made again.
#[derive(Clone, Debug)]
struct Wish {
    prompt: Vec<u32>,
    options: GenerateOptions,
    priority: f64,
}

impl Wish {
    fn new(random: &mut Random, systems: &[Vec<u32>], vocab_size: usize) -> Self {
        let system = &systems[random.below(systems.len())];
        let own = 1 + random.below(40);
        let own = (0..own).map(|_| random.below(vocab_size) as u32);
        let prompt = system.iter().copied().chain(own).collect();
        let temperature = [0.0, 0.8][random.below(2)];
        let repetition_penalty = [1.0, 1.3][random.below(2)];
        let seed = random.below(1000) as u64;
        let sampler = SamplerOptions { temperature, repetition_penalty, seed, ..SamplerOptions::default() };
        let max_tokens = Some(1 + random.below(24));
        let speculative = random.below(2) == 0;
        let options = GenerateOptions { max_tokens, sampler, speculative, ..GenerateOptions::default() };
        Self { prompt, options, priority: random.below(3) as f64 }
    }

    fn alone(&self, engine: &mut Engine) -> Vec<Event> {
        engine.clear_cache();
        let mut generation = engine.generate(self.prompt.clone(), self.options.clone()).unwrap();
        let mut events = Vec::new();
        loop {
            match engine.step(&mut generation, usize::MAX).unwrap() {
                Event::Prefill { .. } => {}
                event => {
                    let is_over = matches!(event, Event::Done { .. });
                    events.push(without_cached(event));
                    if is_over {
                        return events;
                    }
                }
            }
        }
    }
}

/// What was cached or guessed depends on the company; what is said does not.
pub fn without_cached(event: Event) -> Event {
    match event {
        Event::Done { reason, stopped_by, text, usage } => {
            let usage = Usage { cached_tokens: 0, guessed_tokens: 0, accepted_tokens: 0, ..usage };
            Event::Done { reason, stopped_by, text, usage }
        }
        event => event,
    }
}

#[test]
fn a_crowd_with_random_joins_leaves_and_aborts_changes_no_answer() {
    let mut random = Random(seed());
    for (precision, threads, kv_tokens) in
        [(Precision::Fast, 2, 1), (Precision::Exact, 1, 1), (Precision::Fast, 1, 4096)]
    {
        let (mut crowd, mut single) = (engine(precision, threads), engine(precision, 1));
        // The least memory that there may be: two blocks, for which five generations contend.
        crowd.set_kv_tokens(kv_tokens);
        let vocab_size = crowd.model().config().vocab_size;
        let systems: Vec<Vec<u32>> = [0, 3, 90, KV_BLOCK + 30]
            .map(|len| (0..len).map(|i| ((i * 31 + len) % vocab_size) as u32).collect())
            .into();
        let mut scheduler = Scheduler::new(Limits { concurrent: 5, queued: 40 });
        *scheduler.guessing() = Guessing::always(3);
        let mut wishes: Vec<Wish> = Vec::new();
        let mut told: HashMap<u32, Vec<Event>> = HashMap::new();
        let mut cancelled = Vec::new();
        let mut most_running = 0;
        while wishes.len() < 18 || !scheduler.is_idle() {
            if wishes.len() < 18 && random.below(6) == 0 {
                for _ in 0..1 + random.below(4) {
                    let wish = Wish::new(&mut random, &systems, vocab_size);
                    let generation = crowd.prepare(wish.prompt.clone(), wish.options.clone()).unwrap();
                    scheduler.submit(wishes.len() as u32, generation, wish.priority, false).unwrap();
                    wishes.push(wish);
                }
            }
            if !wishes.is_empty() && random.below(60) == 0 {
                let id = random.below(wishes.len()) as u32;
                let usage = scheduler.cancel(&mut crowd, id);
                let is_over = told.get(&id).is_some_and(|events| matches!(events.last(), Some(Event::Done { .. })));
                assert_eq!(usage.is_none(), is_over || cancelled.contains(&id), "{id}");
                if usage.is_some() {
                    cancelled.push(id);
                }
            }
            for Report { id, outcome } in scheduler.step(&mut crowd) {
                assert!(!cancelled.contains(&id), "{id} was given up");
                match outcome {
                    Outcome::Begun { .. } => assert!(told.insert(id, Vec::new()).is_none(), "{id} begins once"),
                    Outcome::Event(Event::Prefill { .. }) => {}
                    Outcome::Event(event) => told.get_mut(&id).unwrap().push(without_cached(event)),
                    Outcome::Failed(error) => panic!("{id}: {error}"),
                }
            }
            most_running = most_running.max(scheduler.counts().0);
            assert!(crowd.cache().pool().blocks() <= crowd.cache().most_blocks());
        }
        assert!(most_running > 1);
        println!("{precision:?}: {} of {} were given up, {most_running} ran at once", cancelled.len(), wishes.len());
        for (id, wish) in (0..).zip(&wishes) {
            let want = wish.alone(&mut single);
            let got = told.remove(&id).unwrap_or_default();
            if cancelled.contains(&id) {
                assert_eq!(got, want[..got.len()], "{id}, which was given up");
            } else {
                assert_eq!(got, want, "{id}: {wish:?}");
            }
        }
    }
}

fn wish(tokens: usize, first: u32, max_tokens: usize, priority: f64) -> Wish {
    let options = GenerateOptions { max_tokens: Some(max_tokens), ..GenerateOptions::default() };
    Wish { prompt: (0..tokens as u32).map(|i| (first + i * 7) % 300).collect(), options, priority }
}

/// Submits all, and tells the reports until nothing is left, as `(id, what)`.
fn run(engine: &mut Engine, scheduler: &mut Scheduler, wishes: &[Wish]) -> Vec<(u32, String)> {
    for (id, wish) in (0..).zip(wishes) {
        let generation = engine.prepare(wish.prompt.clone(), wish.options.clone()).unwrap();
        scheduler.submit(id, generation, wish.priority, false).unwrap();
    }
    let mut told = Vec::new();
    while !scheduler.is_idle() {
        told.extend(scheduler.step(engine).into_iter().map(|Report { id, outcome }| (id, name(outcome))));
    }
    told
}

fn name(outcome: Outcome) -> String {
    match outcome {
        Outcome::Begun { .. } => "begun".into(),
        Outcome::Event(Event::Prefill { done, total }) => format!("{done} of {total}"),
        Outcome::Event(Event::Token { .. }) => "token".into(),
        Outcome::Event(Event::Done { usage, .. }) => format!("done, {} cached", usage.cached_tokens),
        Outcome::Failed(error) => error.code().into(),
    }
}

fn places<'a>(told: &'a [(u32, String)], id: u32, what: &'a str) -> impl Iterator<Item = usize> + 'a {
    told.iter().enumerate().filter(move |(_, (other, name))| *other == id && name == what).map(|(place, _)| place)
}

#[test]
fn a_long_prompt_is_read_between_the_tokens_of_others() {
    let mut engine = engine(Precision::Fast, 1);
    let mut scheduler = Scheduler::new(Limits { concurrent: 4, queued: 0 });
    let told = run(&mut engine, &mut scheduler, &[wish(3, 1, 40, 0.0), wish(200, 2, 2, 0.0)]);
    // The first reads its three tokens beside 61 of the second, which goes on by 16 with each token of the first.
    let between = told.iter().filter(|(id, name)| *id == 1 && name.ends_with("of 200"));
    assert_eq!(
        between.map(|(_, name)| name.as_str()).collect::<Vec<_>>()[..3],
        ["61 of 200", "77 of 200", "93 of 200"]
    );
    let read = places(&told, 1, "200 of 200").next().unwrap();
    assert_eq!(places(&told, 0, "token").filter(|&place| place < read).count(), 10, "{told:?}");
}

#[test]
fn a_common_beginning_is_computed_once_for_those_that_come_together() {
    let mut engine = engine(Precision::Fast, 1);
    let mut scheduler = Scheduler::new(Limits { concurrent: 8, queued: 0 });
    let system = wish(KV_BLOCK + 44, 5, 1, 0.0).prompt;
    let wishes: Vec<Wish> = (0..4)
        .map(|i| {
            let prompt = [&system[..], &[i, 9, 9, i]].concat();
            Wish { prompt, ..wish(1, 0, 3, 0.0) }
        })
        .collect();
    let told = run(&mut engine, &mut scheduler, &wishes);
    for id in 0..4 {
        let cached = if id == 0 { 0 } else { system.len() };
        assert_eq!(places(&told, id, &format!("done, {cached} cached")).count(), 1, "{told:?}");
    }
    assert_eq!(engine.cache().pool().blocks(), 1 + 4);
}

#[test]
fn priority_decides_who_begins_and_who_waits() {
    let mut engine = engine(Precision::Fast, 1);
    let mut scheduler = Scheduler::new(Limits { concurrent: 1, queued: 3 });
    let wishes = [wish(4, 1, 3, 0.0), wish(4, 2, 3, 1.0), wish(4, 3, 3, 0.0), wish(4, 4, 3, 1.0)];
    let told = run(&mut engine, &mut scheduler, &wishes);
    let begun: Vec<u32> = told.iter().filter(|(_, name)| name == "begun").map(|(id, _)| *id).collect();
    assert_eq!(begun, [1, 3, 0, 2]);

    // One that comes later takes the place of one that runs, which then goes on where it was.
    let generation = |engine: &Engine, wish: &Wish| engine.prepare(wish.prompt.clone(), wish.options.clone()).unwrap();
    let (patient, urgent) = (wish(5, 7, 6, 0.0), wish(5, 8, 2, 1.0));
    scheduler.submit(10, generation(&engine, &patient), 0.0, false).unwrap();
    let mut told = Vec::new();
    while told.iter().filter(|(id, name)| *id == 10 && name == "token").count() < 2 {
        told.extend(scheduler.step(&mut engine).into_iter().map(|Report { id, outcome }| (id, name(outcome))));
    }
    scheduler.submit(11, generation(&engine, &urgent), 1.0, false).unwrap();
    while !scheduler.is_idle() {
        told.extend(scheduler.step(&mut engine).into_iter().map(|Report { id, outcome }| (id, name(outcome))));
    }
    let order: Vec<u32> = told.iter().filter(|(_, name)| name == "token").map(|(id, _)| *id).collect();
    assert_eq!(order, [10, 10, 11, 11, 10, 10, 10, 10], "{told:?}");
}

#[test]
fn a_full_queue_is_told_and_holds_what_it_has() {
    let mut engine = engine(Precision::Fast, 1);
    let mut scheduler = Scheduler::new(Limits { concurrent: 1, queued: 2 });
    let some = wish(4, 1, 2, 0.0);
    for id in 0..3 {
        let generation = engine.prepare(some.prompt.clone(), some.options.clone()).unwrap();
        scheduler.submit(id, generation, 0.0, false).unwrap();
    }
    let generation = engine.prepare(some.prompt.clone(), some.options.clone()).unwrap();
    let error = scheduler.submit(3, generation, 5.0, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueFull);
    assert_eq!(error.details().len(), 4);
    let mut done = Vec::new();
    while !scheduler.is_idle() {
        let reports = scheduler.step(&mut engine);
        done.extend(
            reports.into_iter().filter(|r| matches!(r.outcome, Outcome::Event(Event::Done { .. }))).map(|r| r.id),
        );
    }
    assert_eq!(done, [0, 1, 2]);
}

/// A constraint that allows everything, and counts how often it is asked.
#[derive(Debug)]
struct Counting(Arc<AtomicUsize>);

impl Constraint for Counting {
    fn mask(&mut self, words: &mut Vec<u32>) -> Result<()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        words.fill(u32::MAX);
        words.resize(10, u32::MAX);
        Ok(())
    }

    fn accept(&mut self, _: u32) -> Result<bool> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(false)
    }
}

#[test]
fn what_is_given_up_in_a_pass_with_others_chooses_no_token_more() {
    let mut engine = engine(Precision::Fast, 1);
    let mut scheduler = Scheduler::new(Limits { concurrent: 2, queued: 0 });
    let asked = Arc::new(AtomicUsize::new(0));
    for id in 0..2 {
        let some = wish(4, id, 20, 0.0);
        let mut generation = engine.prepare(some.prompt, some.options).unwrap();
        if id == 0 {
            // Its caller's, and gone when it is given up.
            generation.constrain(Box::new(Counting(asked.clone())));
        }
        scheduler.submit(id, generation, 0.0, false).unwrap();
    }
    while asked.load(Ordering::Relaxed) < 6 || scheduler.round_size().is_none_or(|size| size.tokens < 2) {
        scheduler.step(&mut engine);
    }
    let (before, usage) = (asked.load(Ordering::Relaxed), scheduler.cancel(&mut engine, 0).unwrap());
    assert!(usage.completion_tokens > 0 && scheduler.round_size().is_some(), "the other one's pass goes on");
    assert!(scheduler.cancel(&mut engine, 0).is_none(), "it is given up once");
    let mut reports = Vec::new();
    while !scheduler.is_idle() {
        reports.extend(scheduler.step(&mut engine));
    }
    assert_eq!(asked.load(Ordering::Relaxed), before);
    assert!(reports.iter().all(|report| report.id == 1) && !reports.is_empty());
}

#[test]
fn a_text_is_kept_once_with_all_that_begins_it() {
    let mut engine = engine(Precision::Fast, 1);
    // The shorter one ends first, and last.
    for (first, second) in [(3, 9), (9, 3)] {
        engine.clear_cache();
        let mut scheduler = Scheduler::new(Limits { concurrent: 2, queued: 0 });
        let (mut early, mut late) = (wish(20, 5, first, 0.0), wish(20, 5, second, 0.0));
        let mut together = Vec::new();
        for (id, some) in [(0, &mut early), (1, &mut late)] {
            let generation = engine.prepare(some.prompt.clone(), some.options.clone()).unwrap();
            scheduler.submit(id, generation, 0.0, false).unwrap();
        }
        let mut most = 0;
        while !scheduler.is_idle() {
            together.extend(scheduler.step(&mut engine));
            most = most.max(scheduler.counts().0);
        }
        assert_eq!(most, 2, "both run at once");
        let kept: Vec<usize> = engine.cache().sequences().iter().map(|kept| kept.tokens().len()).collect();
        assert_eq!(kept, [20 + 9 - 1]);
        assert_eq!(engine.cache().pool().blocks(), 1);
    }
    // Another text with the same beginning is another one.
    let mut scheduler = Scheduler::new(Limits { concurrent: 2, queued: 0 });
    let mut other = wish(20, 5, 3, 0.0);
    other.prompt.push(200);
    run(&mut engine, &mut scheduler, &[other]);
    assert_eq!(engine.cache().sequences().len(), 2);
}

#[test]
fn one_begins_beside_others_when_there_is_memory_for_its_prompt() {
    let mut engine = engine(Precision::Fast, 1);
    // Blocks that there may be, tokens of the one that runs and of the next, whether they begin alike.
    for (blocks, first, second, shares, fits) in [
        (2, 8, KV_BLOCK - 1, false, true),
        // With the token behind it.
        (2, 8, KV_BLOCK, false, false),
        (2, KV_BLOCK + 5, 8, false, false),
        (3, KV_BLOCK + 5, 8, false, true),
        (3, KV_BLOCK + 5, KV_BLOCK + 10, false, false),
        (3, KV_BLOCK + 5, KV_BLOCK + 10, true, true),
    ] {
        engine.clear_cache();
        engine.set_kv_tokens(blocks * KV_BLOCK);
        assert_eq!(engine.cache().most_blocks(), blocks);
        let mut scheduler = Scheduler::new(Limits { concurrent: 2, queued: 1 });
        let running = wish(first, 1, 12, 0.0);
        let mut next = wish(second, if shares { 1 } else { 2 }, 2, 0.0);
        if shares {
            next.prompt[KV_BLOCK + 2..].fill(250);
        }
        let mut told = Vec::new();
        let submit = |scheduler: &mut Scheduler, id, wish: &Wish| {
            let generation = engine.prepare(wish.prompt.clone(), wish.options.clone()).unwrap();
            scheduler.submit(id, generation, 0.0, false).unwrap();
        };
        submit(&mut scheduler, 0, &running);
        submit(&mut scheduler, 1, &next);
        while !scheduler.is_idle() {
            told.extend(scheduler.step(&mut engine).into_iter().map(|Report { id, outcome }| (id, name(outcome))));
        }
        let begun = places(&told, 1, "begun").next().unwrap();
        let done = told.iter().rposition(|(id, _)| *id == 0).unwrap();
        assert_eq!(begun < done, fits, "{blocks} blocks, {first} and {second} tokens, {shares}: {told:?}");
    }
}

#[test]
fn what_must_run_alone_does() {
    let mut engine = engine(Precision::Fast, 1);
    let mut scheduler = Scheduler::new(Limits { concurrent: 4, queued: 4 });
    let some = wish(4, 1, 4, 0.0);
    for id in 0..4 {
        let options = some.options.clone();
        let generation = match id {
            2 => engine.prepare_at_depth(100, &some.prompt, options).unwrap(),
            _ => engine.prepare(some.prompt.clone(), options).unwrap(),
        };
        scheduler.submit(id, generation, 0.0, id == 2).unwrap();
    }
    let mut told = Vec::new();
    while !scheduler.is_idle() {
        told.extend(scheduler.step(&mut engine).into_iter().map(|Report { id, outcome }| (id, name(outcome))));
    }
    let begun = |id| places(&told, id, "begun").next().unwrap();
    let last = |id| told.iter().rposition(|(other, _)| *other == id).unwrap();
    assert!(begun(1) < last(0), "two run at once: {told:?}");
    assert!(begun(2) > last(0).max(last(1)) && begun(3) > last(2), "{told:?}");
}

#[test]
fn guesses_change_nothing_and_come_true_where_a_text_repeats_itself() {
    for precision in [Precision::Fast, Precision::Exact] {
        let (mut engine, mut single) = (engine(precision, 2), engine(precision, 1));
        let stop_token = wish(12, 3, 60, 0.0).alone(&mut single).into_iter().rev().find_map(|event| match event {
            Event::Token { id, .. } => Some(StopToken::Id(id)),
            _ => None,
        });
        let (mut guessed, mut accepted) = (0, 0);
        for guesses in [1, 2, 3, 7, 63] {
            for (temperature, repetition_penalty, stops) in
                [(0.0, 1.0, false), (5.0, 1.0, false), (0.3, 1.0, false), (0.9, 1.2, true), (0.0, 1.0, true)]
            {
                let mut wish = wish(12, 3, 60, 0.0);
                let sampler = &mut wish.options.sampler;
                (sampler.temperature, sampler.repetition_penalty, sampler.seed) = (temperature, repetition_penalty, 5);
                if temperature > 1.0 {
                    // Two tokens in any order: guesses are made, and half of them are wrong.
                    sampler.logit_bias = vec![(5, 900.0), (9, 900.0)];
                }
                wish.options.stop_tokens = stop_token.iter().filter(|_| stops).cloned().collect();
                wish.options.speculative = true;
                wish.prompt.extend_from_within(..);
                engine.clear_cache();
                let mut scheduler = Scheduler::new(Limits { concurrent: 1, queued: 0 });
                *scheduler.guessing() = Guessing::always(guesses);
                let generation = engine.prepare(wish.prompt.clone(), wish.options.clone()).unwrap();
                scheduler.submit(0, generation, 0.0, false).unwrap();
                let mut told = Vec::new();
                while !scheduler.is_idle() {
                    for report in scheduler.step(&mut engine) {
                        match report.outcome {
                            Outcome::Begun { .. } | Outcome::Event(Event::Prefill { .. }) => {}
                            Outcome::Event(event) => told.push(event),
                            Outcome::Failed(error) => panic!("{error}"),
                        }
                    }
                }
                if let Some(Event::Done { usage, .. }) = told.last() {
                    guessed += usage.guessed_tokens;
                    accepted += usage.accepted_tokens;
                    assert!(usage.accepted_tokens <= usage.guessed_tokens);
                }
                let told: Vec<Event> = told.into_iter().map(without_cached).collect();
                assert_eq!(told, wish.alone(&mut single), "{guesses} guesses, {wish:?}");
                // What is kept is what was said, and goes on as it should.
                let said: Vec<u32> = told
                    .iter()
                    .filter_map(|event| match event {
                        Event::Token { id, .. } => Some(*id),
                        _ => None,
                    })
                    .collect();
                let whole = [&wish.prompt[..], &said].concat();
                let kept = engine.cache().sequences().last().unwrap().tokens().to_vec();
                assert!(whole.starts_with(&kept) && kept.len() + 1 >= whole.len(), "{kept:?}");
                wish.prompt = [&whole[..], &[9]].concat();
                let mut generation = engine.generate(wish.prompt.clone(), wish.options.clone()).unwrap();
                assert!(generation.usage().cached_tokens >= whole.len() - 1);
                let event = std::iter::repeat_with(|| engine.step(&mut generation, 64).unwrap())
                    .find(|event| !matches!(event, Event::Prefill { .. }));
                assert_eq!(event.map(without_cached).as_ref(), wish.alone(&mut single).first());
            }
        }
        println!("{precision:?}: of {guessed} guesses {accepted} came true");
        assert!(accepted > 0 && accepted < guessed);
    }
}
