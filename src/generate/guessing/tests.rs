use super::*;

/// Milliseconds of a pass of one token, where nothing disturbs.
const SINGLE: f64 = 40.0;

/// A device with a made-up clock, and one generation after the other on it. Costs: of passes of 1 to 8 tokens, in passes of one.
struct Device {
    guessing: Guessing,
    cost: fn(usize) -> f64,
    random: oorandom::Rand32,
    /// The greatest share by which a time is off.
    noise: f64,
    threads: usize,
    /// Time so far, and what the same tokens take without guesses, in passes of one.
    spent: f64,
    plain: f64,
    passes: Vec<usize>,
}

impl Device {
    fn new(cost: fn(usize) -> f64, seed: u64) -> Self {
        let (guessing, random) = (Guessing::measured(), oorandom::Rand32::new(seed));
        Self { guessing, cost, random, noise: 0.0, threads: 1, spent: 0.0, plain: 0.0, passes: Vec::new() }
    }

    /// Writes at least so many tokens, of whose guesses the share `hits` comes true.
    fn write(&mut self, tokens: usize, hits: f64) {
        let end = self.plain + tokens as f64;
        while self.plain < end {
            let guessed = self.guessing.count(1, hits, MOST_GUESSES);
            let right = (0..guessed).take_while(|_| f64::from(self.random.rand_float()) < hits).count();
            self.pass(1 + guessed, 0, guessed, 1 + right);
            self.plain += (1 + right) as f64;
        }
    }

    fn pass(&mut self, tokens: usize, prompt_tokens: usize, guessed_tokens: usize, chosen_tokens: usize) {
        let cost = (self.cost)(tokens);
        let off = 1.0 + self.noise * (2.0 * f64::from(self.random.rand_float()) - 1.0);
        let milliseconds = SINGLE * cost * off;
        let threads = self.threads;
        self.guessing.took(TimedPass { tokens, prompt_tokens, guessed_tokens, chosen_tokens, threads, milliseconds });
        self.spent += cost;
        self.passes.push(guessed_tokens);
    }

    fn guessed_passes(&self) -> usize {
        self.passes.iter().filter(|&&guessed| guessed > 0).count()
    }
}

/// The aims for passes of 2, 4 and 8 tokens: 1.3, 1.7 and 2.5.
fn pays(tokens: usize) -> f64 {
    [1.0, 1.3, 1.5, 1.7, 1.9, 2.1, 2.3, 2.5][tokens - 1]
}

fn does_not_pay(tokens: usize) -> f64 {
    0.98 * tokens as f64 + 0.02
}

/// As dear as can be: each token costs more beside others than alone.
fn is_dear(tokens: usize) -> f64 {
    1.2 * tokens as f64 - 0.2
}

#[test]
fn guesses_are_made_where_they_pay_and_as_many_as_gain_most() {
    let mut device = Device::new(pays, 1);
    device.write(300, 1.0);
    assert!(device.spent < device.plain / 2.4, "{} of {}", device.spent, device.plain);
    // The first passes show what one token costs, the next what guesses do; then only every 17th is without any.
    assert_eq!(device.passes[..4], [0, 0, 0, 1]);
    assert!(device.passes[20..].iter().filter(|&&guessed| guessed < 7).count() <= device.passes.len() / 16);
    // Fewer, where fewer come true; none, where hardly one does.
    let count = |hits| device.guessing.count(1, hits, MOST_GUESSES);
    assert_eq!((count(0.05), count(0.2)), (0, 0));
    assert!((1..7).contains(&count(0.5)) && count(0.5) < count(0.9), "{} {}", count(0.5), count(0.9));
    assert_eq!(device.guessing.count(1, 1.0, 2), 2, "no more than there are");

    // Two tokens are cheap, and more are not.
    let mut device = Device::new(|tokens| if tokens <= 2 { 1.0 + 0.2 * (tokens - 1) as f64 } else { tokens as f64 }, 2);
    device.write(300, 1.0);
    assert!(device.passes.iter().filter(|&&guessed| guessed == 1).count() > device.passes.len() * 8 / 10);
    assert!(device.spent < device.plain / 1.5, "{} of {}", device.spent, device.plain);
}

#[test]
fn guesses_end_after_a_few_tries_where_they_do_not_pay_and_are_not_tried_in_each_answer() {
    for cost in [does_not_pay, is_dear] {
        for (seed, hits) in [(1, 1.0), (2, 0.9), (3, 0.82), (4, 0.5), (5, 0.0)] {
            let mut device = Device::new(cost, seed);
            device.write(120, hits);
            assert!(device.guessed_passes() <= 2 * PROBE_PASSES, "{hits}: {:?}", device.passes);
            assert!(device.spent < 1.025 * device.plain, "{hits}: {} of {}", device.spent, device.plain);
            let first = device.guessed_passes();
            assert_eq!(first > 0, hits >= WORTH_A_PROBE);
            // Twenty more answers: the rests grow.
            for _ in 0..20 {
                device.write(120, hits);
            }
            assert!(device.guessed_passes() <= 6 * 2 * PROBE_PASSES, "{hits}: {}", device.guessed_passes());
            assert!(device.spent < 1.012 * device.plain, "{hits}: {} of {}", device.spent, device.plain);
        }
    }
}

#[test]
fn guesses_begin_and_end_when_costs_change() {
    let mut device = Device::new(does_not_pay, 7);
    device.write(200, 0.95);
    let before = device.guessed_passes();
    device.cost = pays;
    device.write(2 * FIRST_REST as usize, 0.95);
    assert!(device.guessed_passes() > before + 20, "after a rest");
    device.cost = does_not_pay;
    let (passes, spent, plain) = (device.guessed_passes(), device.spent, device.plain);
    device.write(200, 0.95);
    assert!(device.guessed_passes() <= passes + 20, "{} after {passes}", device.guessed_passes());
    // What the account held, and the first pass that cost more than was known.
    let lost = device.spent - spent - (device.plain - plain);
    assert!(lost < MOST_CREDIT + 200.0 * PAID_IN + does_not_pay(MOST_TOKENS), "{lost}");

    // Another number of threads is another device.
    device.write(4000, 0.95);
    (device.cost, device.threads) = (pays, 2);
    let passes = device.guessed_passes();
    device.write(100, 0.95);
    assert!(device.guessed_passes() > passes + 10);
}

#[test]
fn passes_that_happen_anyway_tell_what_guesses_would_cost() {
    // Four at once: nothing needs to be tried.
    for (cost, is_guessed) in [(pays as fn(usize) -> f64, true), (does_not_pay, false)] {
        let mut device = Device::new(cost, 3);
        device.write(5, 0.0);
        for _ in 0..5 {
            device.pass(2, 0, 0, 2);
            device.pass(4, 0, 0, 4);
        }
        device.write(1, 0.0);
        assert_eq!(device.guessing.count(1, 1.0, MOST_GUESSES) > 0, is_guessed);
        // The ends of prompts, which cost less than guesses do.
        let mut device = Device::new(cost, 4);
        device.write(5, 0.0);
        for _ in 0..5 {
            device.pass(2, 2, 0, 1);
            device.pass(4, 4, 0, 1);
        }
        assert_eq!(device.guessing.count(1, 1.0, MOST_GUESSES) > 0, is_guessed);
    }
    // A long prompt and the tokens beside it tell nothing.
    let mut device = Device::new(does_not_pay, 5);
    device.write(5, 0.0);
    let before = device.guessing.clone();
    device.pass(64, 64, 0, 0);
    device.pass(7, 6, 0, 1);
    assert_eq!(format!("{:?}", device.guessing), format!("{before:?}"));
}

#[test]
fn in_company_all_gain_or_nothing_is_guessed() {
    let mut device = Device::new(pays, 3);
    device.write(60, 1.0);
    let mut count = |writers, hits| {
        device.guessing.in_a_row = 0;
        device.guessing.count(writers, hits, MOST_GUESSES)
    };
    // Two tokens of each of two cost 1.7, and one of each 1.3.
    assert_eq!(count(2, 1.0), 3);
    assert_eq!(count(4, 1.0), 1);
    assert_eq!(count(5, 1.0), 0, "more than is measured");
    assert_eq!(count(2, 0.0), 0, "one of them has nothing to guess");
    assert_eq!(count(2, 0.3), 0);
    // What has not been measured is not tried at the expense of others.
    let mut device = Device::new(pays, 3);
    device.write(60, 0.0);
    assert_eq!(device.guessing.count(2, 1.0, MOST_GUESSES), 0);
    assert_eq!(device.guessing.count(1, 1.0, MOST_GUESSES), 1);
}

#[test]
fn the_account_bounds_the_loss_of_every_answer_whatever_happens() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_126);
    println!("SEED={seed}");
    let mut random = oorandom::Rand32::new(seed);
    let costs: [fn(usize) -> f64; 5] =
        [pays, does_not_pay, is_dear, |tokens| (tokens as f64).sqrt(), |tokens| 1.0 + 0.8 * (tokens - 1) as f64];
    for run in 0..30 {
        let changes = run % 2 == 1;
        let mut device = Device::new(costs[run as usize / 2 % 5], seed + run);
        device.noise = 0.1;
        for _ in 0..40 {
            if changes {
                device.cost = costs[random.rand_range(0..5) as usize];
                device.threads = 1 + random.rand_range(0..5) as usize / 4;
            }
            let (spent, plain) = (device.spent, device.plain);
            device.write(256, [1.0, 0.95, 0.85, 0.6, 0.1][random.rand_range(0..5) as usize]);
            let (spent, plain) = (device.spent - spent, device.plain - plain);
            // The first pass that costs more than it did may cost what eight tokens cost at most.
            let first = if changes { is_dear(MOST_TOKENS) } else { 0.0 };
            assert!(spent < 1.03 * plain + first, "run {run}: {spent} of {plain}");
        }
        assert!(device.spent < 1.01 * device.plain, "run {run}: {} of {}", device.spent, device.plain);
    }
}

#[test]
fn guesses_that_stop_coming_true_at_once_cost_no_more_than_the_account_holds() {
    for cost in [pays as fn(usize) -> f64, |tokens| 1.0 + 0.5 * (tokens - 1) as f64] {
        let mut device = Device::new(cost, 9);
        device.write(400, 1.0);
        // Wrong from now on, and yet believed in.
        let (spent, plain) = (device.spent, device.plain);
        for _ in 0..200 {
            let guessed = device.guessing.count(1, 1.0, MOST_GUESSES);
            device.pass(1 + guessed, 0, guessed, 1);
            device.plain += 1.0;
        }
        let lost = device.spent - spent - (device.plain - plain);
        assert!(lost <= MOST_CREDIT + 200.0 * PAID_IN, "{lost}");
    }
}

#[test]
fn without_a_clock_or_a_mode_nothing_is_guessed() {
    let mut guessing = Guessing::measured();
    assert_eq!(guessing.count(1, 1.0, MOST_GUESSES), 0);
    for milliseconds in [0.0; 40] {
        let (prompt_tokens, guessed_tokens) = (0, 0);
        let pass = TimedPass { tokens: 1, prompt_tokens, guessed_tokens, chosen_tokens: 1, threads: 1, milliseconds };
        guessing.took(pass);
        // A clock that stands still: a cost is no number.
        guessing.took(TimedPass { tokens: 2, chosen_tokens: 2, ..pass });
    }
    assert!(guessing.costs.larger.iter().all(|costs| costs.len == 0));
    assert_eq!(Guessing::default().count(1, 1.0, 7), 0);
    assert_eq!(Guessing::always(3).count(1, 0.0, 7), 3);
}
