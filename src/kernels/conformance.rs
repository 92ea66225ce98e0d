//! One suite for all kernels: each must give the scalar kernel's bits, over odd shapes, extreme values, batches and
//! threads. It is part of the shipped module: `BitNet.selfTest()` runs it in the visitor's own browser.

use crate::pool::Pool;
use crate::{Error, ErrorKind, Result};

use super::ternary::{Activations, Job, Kernel, TernaryMatrix, matmul};

/// Rows and columns: smaller than a unit, odd, whole, and the widest of BitNet b1.58 2B4T.
const SHAPES: [(usize, usize); 8] =
    [(1, 128), (3, 384), (17, 1000), (64, 64), (65, 130), (130, 2560), (7, 6912), (33, 3)];
/// Tokens: one, some that are multiplied one by one, some that are padded to a group, some of both, two whole groups.
const BATCHES: [usize; 5] = [1, 7, 11, 35, 64];

/// What the inputs are made of.
#[derive(Clone, Copy, Debug)]
enum Content {
    Random,
    /// Random, with few large activations among many small ones, as models have them.
    Skewed,
    /// All weights +1 or -1, all activations of the largest magnitude: every accumulator at its limit.
    Extreme,
    /// Weights that are 0.
    Zero,
}

/// What the suite found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The seed of the random cases.
    pub seed: u64,
    /// The kernels that were compared with the scalar one.
    pub kernels: Vec<&'static str>,
    /// Products that were compared.
    pub cases: usize,
    /// A line for each product that differs.
    pub failures: Vec<String>,
}

/// Runs every available kernel on `pool`. `seed` chooses the random weights and activations.
///
/// # Errors
/// `OutOfMemory` if the test matrices do not fit.
pub fn run(pool: &Pool, seed: u64) -> Result<Report> {
    let kernels: Vec<Kernel> = Kernel::all().collect();
    let mut report =
        Report { seed, kernels: kernels.iter().map(|k| k.name()).collect(), cases: 0, failures: Vec::new() };
    let mut random = Random::new(seed);
    for (rows, cols) in SHAPES {
        for content in [Content::Random, Content::Skewed, Content::Extreme, Content::Zero] {
            let codes: Vec<i8> = (0..rows * cols).map(|i| content.weight(i / cols, &mut random)).collect();
            for tokens in BATCHES {
                let x: Vec<f32> = (0..tokens * cols).map(|i| content.activation(i / cols, &mut random)).collect();
                let want = product(pool, Kernel::SCALAR, rows, &codes, tokens, &x)?;
                for &kernel in kernels.iter().filter(|&&k| k != Kernel::SCALAR) {
                    report.cases += 1;
                    let got = product(pool, kernel, rows, &codes, tokens, &x)?;
                    if let Some(at) = want.iter().zip(&got).position(|(w, g)| w.to_bits() != g.to_bits()) {
                        report.failures.push(format!(
                            "{} [{rows}, {cols}] x {tokens} tokens, {content:?}: {} at token {}, row {}, scalar gives {}",
                            kernel.name(),
                            got[at],
                            at / rows,
                            at % rows,
                            want[at],
                        ));
                    }
                }
            }
        }
    }
    Ok(report)
}

/// Checks one kernel on one shape: what `select` asks of a kernel before it may be chosen.
///
/// # Errors
/// `Internal` if it differs from the scalar kernel, `OutOfMemory` if the test matrix does not fit.
pub fn check(pool: &Pool, kernel: Kernel) -> Result<()> {
    // A group, and some tokens behind it.
    let (rows, cols, tokens) = (70, 320, 19);
    let mut random = Random::new(1);
    for content in [Content::Random, Content::Extreme] {
        let codes: Vec<i8> = (0..rows * cols).map(|i| content.weight(i / cols, &mut random)).collect();
        let x: Vec<f32> = (0..tokens * cols).map(|i| content.activation(i / cols, &mut random)).collect();
        let product = |kernel| product(pool, kernel, rows, &codes, tokens, &x);
        if product(kernel)? != product(Kernel::SCALAR)? {
            let context = format!("the kernel {} computes wrong results in this browser", kernel.name());
            return Err(Error::new(ErrorKind::Internal, context));
        }
    }
    Ok(())
}

/// `[tokens, rows]`
fn product(pool: &Pool, kernel: Kernel, rows: usize, codes: &[i8], tokens: usize, x: &[f32]) -> Result<Vec<f32>> {
    let cols = codes.len() / rows;
    let mut builder = TernaryMatrix::builder(kernel, rows, cols)?;
    builder.push_rows(0, codes);
    let matrix = builder.finish(0.75);
    let mut activations = Activations::new();
    activations.quantize(pool, kernel, x, tokens, cols);
    let mut out = vec![f32::NAN; tokens * rows];
    matmul(pool, &activations, &mut [Job { matrix: &matrix, out: &mut out }]);
    Ok(out)
}

impl Content {
    fn weight(self, row: usize, random: &mut Random) -> i8 {
        match self {
            Self::Random | Self::Skewed => (random.next() % 3) as i8 - 1,
            Self::Extreme => 1 - 2 * (row % 2) as i8,
            Self::Zero => 0,
        }
    }

    fn activation(self, token: usize, random: &mut Random) -> f32 {
        let unit = (random.next() >> 40) as f32 / (1 << 23) as f32 - 1.0;
        match self {
            Self::Random | Self::Zero => unit,
            Self::Skewed => unit * unit * unit * unit * unit,
            Self::Extreme => 1.0 - 2.0 * (token % 2) as f32,
        }
    }
}

/// xorshift64*
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scalar kernel itself, against the definition.
    #[test]
    fn the_reference_multiplies_as_defined() {
        let seed = 20_261_122;
        let mut random = Random::new(seed);
        for (rows, cols) in SHAPES {
            let codes: Vec<i8> = (0..rows * cols).map(|_| Content::Random.weight(0, &mut random)).collect();
            let x: Vec<f32> = (0..2 * cols).map(|_| Content::Random.activation(0, &mut random)).collect();
            for threads in 1..4 {
                let pool = Pool::new(threads);
                let got = product(&pool, Kernel::SCALAR, rows, &codes, 2, &x).unwrap();
                let mut activations = Activations::new();
                activations.quantize(&pool, Kernel::SCALAR, &x, 2, cols);
                for (index, got) in got.iter().enumerate() {
                    let (token, row) = (index / rows, index % rows);
                    let sum: i32 = codes[row * cols..][..cols]
                        .iter()
                        .zip(activations.codes(token))
                        .map(|(w, q)| i32::from(*w) * i32::from(*q))
                        .sum();
                    let want = sum as f32 / activations.scale(token) * 0.75;
                    assert_eq!(got.to_bits(), want.to_bits(), "seed {seed}: [{rows}, {cols}] token {token} row {row}");
                }
            }
        }
    }

    #[test]
    fn every_kernel_of_this_build_agrees() {
        for threads in 1..4 {
            let report = run(&Pool::new(threads), 20_261_122).unwrap();
            assert_eq!(report.failures, [""; 0], "seed {}", report.seed);
        }
    }
}
