//! The choice of the number of threads, on simulated times.

use super::*;

/// A machine on which a token takes `time(threads, elapsed)` milliseconds, but for other programs: of all tokens one in
/// eight takes up to three times as long, and bursts of 100 ms take half of the speed.
struct Machine<F> {
    time: F,
    random: oorandom::Rand32,
    elapsed: f64,
}

impl<F: Fn(usize, f64) -> f64> Machine<F> {
    fn new(seed: u64, time: F) -> Self {
        Self { time, random: oorandom::Rand32::new(seed), elapsed: 0.0 }
    }

    fn token(&mut self, threads: usize) -> f64 {
        let mut time = (self.time)(threads, self.elapsed) * f64::from(0.97 + 0.06 * self.random.rand_float());
        if self.random.rand_range(0..8) == 0 {
            time *= f64::from(1.0 + 2.0 * self.random.rand_float());
        }
        if (self.elapsed / 100.0) as u64 % 7 == 3 {
            time *= 2.0;
        }
        self.elapsed += time;
        time
    }

    fn run(&mut self, choice: &mut ThreadChoice, milliseconds: f64) {
        let end = self.elapsed + milliseconds;
        while self.elapsed < end {
            let time = self.token(choice.next());
            choice.took(time);
        }
    }
}

/// How many of 200 seeds end with `expected` threads.
fn right(
    bytes: u64,
    most: usize,
    expected: usize,
    milliseconds: f64,
    time: impl Fn(usize, f64) -> f64 + Copy,
) -> usize {
    let ends_right = |seed: &u64| {
        let mut choice = ThreadChoice::measured(most, bytes, 0.005);
        Machine::new(*seed, time).run(&mut choice, milliseconds);
        choice.chosen() == expected
    };
    (0..200).filter(ends_right).count()
}

#[test]
fn a_choice_starts_with_what_the_size_suggests() {
    assert_eq!(ThreadChoice::measured(8, 1 << 20, 0.005).next(), 1);
    assert_eq!(ThreadChoice::measured(8, 1 << 30, 0.005).next(), 8);
    assert_eq!(ThreadChoice::measured(1, 1 << 30, 0.005).next(), 1);
    assert_eq!(ThreadChoice::fixed(3).next(), 3);
    assert_eq!(candidates(8), [1, 2, 3, 4, 6, 8]);
    assert_eq!(candidates(2), [1, 2]);
}

#[test]
fn the_faster_count_is_found_in_the_first_answer() {
    let small = |threads: usize, _: f64| if threads == 1 { 0.45 } else { 0.7 };
    let large = |threads: usize, _: f64| if threads == 1 { 52.0 } else { 32.0 };
    assert!(right(1 << 20, 2, 1, 60.0, small) >= 194);
    assert!(right(1 << 29, 2, 2, 2000.0, large) >= 194);
}

#[test]
fn a_wrong_guess_is_corrected() {
    // A small model whose one thread is the slower one, a large one whose second core is taken.
    let small = |threads: usize, _: f64| if threads == 1 { 1.0 } else { 0.65 };
    let large = |threads: usize, _: f64| if threads == 1 { 52.0 } else { 68.0 };
    assert!(right(1 << 20, 2, 2, 500.0, small) >= 195);
    assert!(right(1 << 29, 2, 1, 8000.0, large) >= 195);
}

#[test]
fn the_best_of_many_counts_is_reached() {
    // Eight cores, four of them slow: six and eight threads wait for the slow ones.
    let uneven = |threads: usize, _: f64| if threads <= 4 { 60.0 / threads as f64 } else { 24.0 };
    assert!(right(1 << 29, 8, 4, 20_000.0, uneven) >= 195);
}

#[test]
fn a_neighbour_that_comes_and_goes_is_noticed() {
    let visited = |threads: usize, elapsed: f64| match threads {
        1 => 52.0,
        _ if (10_000.0..70_000.0).contains(&elapsed) => 75.0,
        _ => 32.0,
    };
    assert!(right(1 << 29, 2, 1, 25_000.0, visited) >= 190);
    assert!(right(1 << 29, 2, 2, 140_000.0, visited) >= 190);
}

#[test]
fn trials_cost_little() {
    let large = |threads: usize, _: f64| if threads == 1 { 52.0 } else { 32.0 };
    let mut choice = ThreadChoice::measured(2, 1 << 29, 0.005);
    let (mut trials, mut tokens) = (0, 0);
    let mut machine = Machine::new(5, large);
    while machine.elapsed < 120_000.0 {
        let threads = choice.next();
        trials += usize::from(threads != 2);
        tokens += 1;
        let time = machine.token(threads);
        choice.took(time);
    }
    assert!(trials * 50 < tokens, "{trials} of {tokens} tokens with one thread");
}

#[test]
fn a_coarse_clock_makes_longer_pieces() {
    // Ticks of 100 ms, as where Firefox resists fingerprinting: tokens seem to take nothing or a whole tick.
    let mut choice = ThreadChoice::measured(2, 1 << 29, 100.0);
    let mut elapsed = 0.0_f64;
    for _ in 0..3000 {
        let before = (elapsed / 100.0).floor();
        elapsed += if choice.next() == 1 { 52.0 } else { 32.0 };
        choice.took(((elapsed / 100.0).floor() - before) * 100.0);
    }
    assert_eq!(choice.chosen(), 2);
}
