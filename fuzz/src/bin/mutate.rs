//! The fuzz targets without cargo-fuzz: random mutations of the corpus on stable Rust, with memory counted.
//!
//! `cargo run --release --no-default-features --bin mutate -- SECONDS [SEED]`, in `fuzz/`. It prints what it ran; an input
//! that panics or takes more memory than its size allows is written to `artifacts/`.

use std::fs;
use std::io;
use std::panic;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

type Target = (&'static str, fn(&[u8]), usize);

/// Name, target, and the bytes that a run may take beside [`BYTES_PER_BYTE`] for each byte of input. A template may
/// write its 1 MiB several times over.
const TARGETS: [Target; 4] = [
    ("directory", bitnet_web_fuzz::directory, 1 << 20),
    ("load", bitnet_web_fuzz::load, 4 << 20),
    ("vocabulary", bitnet_web_fuzz::vocabulary, 4 << 20),
    ("template", bitnet_web_fuzz::template, 64 << 20),
];
const BYTES_PER_BYTE: usize = 64;

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let seconds: u64 = args.next().and_then(|s| s.parse().ok()).unwrap_or(60);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |d| d.as_nanos() as u64);
    let seed = args.next().and_then(|s| s.parse().ok()).unwrap_or(now);
    println!("seed {seed}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut random = Random(seed | 1);
    let mut failures = 0;
    for target in TARGETS {
        let mut seeds = Vec::new();
        for entry in fs::read_dir(root.join("corpus").join(target.0))? {
            seeds.push(fs::read(entry?.path())?);
        }
        failures += run(target, &seeds, Duration::from_secs(seconds) / TARGETS.len() as u32, &mut random, root)?;
    }
    if failures > 0 {
        return Err(io::Error::other(format!("{failures} inputs failed")));
    }
    Ok(())
}

fn run(target: Target, seeds: &[Vec<u8>], time: Duration, random: &mut Random, root: &Path) -> io::Result<usize> {
    let (name, function, fixed) = target;
    let (start, mut runs, mut failures, mut worst) = (Instant::now(), 0_u64, 0, (0, Duration::ZERO));
    while start.elapsed() < time && failures < 10 {
        let input = random.mutated(seeds);
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        let begin = Instant::now();
        let outcome = panic::catch_unwind(|| function(&input));
        let (took, peak) = (begin.elapsed(), ALLOCATOR.peak_usage().saturating_sub(before));
        runs += 1;
        worst = (worst.0.max(peak), worst.1.max(took));
        if outcome.is_err() || peak > fixed + BYTES_PER_BYTE * input.len() || took > Duration::from_secs(20) {
            failures += 1;
            fs::create_dir_all(root.join("artifacts").join(name))?;
            let path = root.join("artifacts").join(name).join(format!("{runs}"));
            fs::write(&path, &input)?;
            println!("{name}: {} (peak {peak} bytes, {took:?})", path.display());
        }
    }
    println!("{name}: {runs} runs, {failures} failures, peak at most {} bytes, slowest {:?}", worst.0, worst.1);
    Ok(failures)
}

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// One of the seeds with one to eight changes: bytes, bits, small numbers, cuts, copies, pieces of another seed.
    fn mutated(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = seeds[self.below(seeds.len())].clone();
        for _ in 0..1 + self.below(8) {
            let at = self.below(input.len());
            let len = self.below(16.min(input.len() - at) + 1);
            match self.below(8) {
                0 if !input.is_empty() => input[at] = self.next() as u8,
                1 if !input.is_empty() => input[at] ^= 1 << self.below(8),
                2 if at + 8 <= input.len() => {
                    let numbers = [0, 1, 2, 255, 65535, 1 << 24, u64::from(u32::MAX), 1 << 40, u64::MAX];
                    let width = [1, 2, 4, 8][self.below(4)];
                    let number = numbers[self.below(numbers.len())].to_le_bytes();
                    input[at..at + width].copy_from_slice(&number[..width]);
                }
                3 => drop(input.drain(at..at + len)),
                4 => {
                    let copy = input[at..at + len].to_vec();
                    let to = self.below(input.len() + 1);
                    input.splice(to..to, copy);
                }
                5 if self.below(8) == 0 => input.truncate(at),
                6 => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len());
                    let piece = other[from..(from + self.below(64)).min(other.len())].to_vec();
                    input.splice(at..at + len, piece);
                }
                _ => {
                    let byte = self.next() as u8;
                    input.insert(at, byte);
                }
            }
        }
        input
    }
}
