//! Ternary kernels: each must give the scalar kernel's bits, over odd shapes, extreme values, batches and threads.

use crate::pool::Pool;
use crate::{Error, ErrorKind, Result};

use super::check::{Check, Random};
use crate::ternary::{Activations, Job, Kernel, TernaryMatrix, matmul};

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

/// Compares every kernel of this build with the scalar one.
pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    for (rows, cols) in SHAPES {
        for content in [Content::Random, Content::Skewed, Content::Extreme, Content::Zero] {
            let random = &mut check.random;
            let codes: Vec<i8> = (0..rows * cols).map(|i| content.weight(i / cols, random)).collect();
            for tokens in BATCHES {
                let random = &mut check.random;
                let x: Vec<f32> = (0..tokens * cols).map(|i| content.activation(i / cols, random)).collect();
                let want = product(check.pool, Kernel::SCALAR, rows, &codes, tokens, &x)?;
                for kernel in Kernel::all().filter(|&kernel| kernel != Kernel::SCALAR) {
                    let got = product(check.pool, kernel, rows, &codes, tokens, &x)?;
                    let name = kernel.name();
                    check.same_bits(
                        format_args!("{name} [{rows}, {cols}] x {tokens} tokens, {content:?}"),
                        &got,
                        &want,
                    );
                }
            }
        }
    }
    Ok(())
}

/// Checks one kernel on one shape: what `select` asks of a kernel before it may be chosen.
///
/// # Errors
/// `Internal` if it differs from the scalar kernel, `OutOfMemory` if the test matrix does not fit.
pub fn check_kernel(pool: &Pool, kernel: Kernel) -> Result<()> {
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
            Self::Random | Self::Skewed => (random.bits() % 3) as i8 - 1,
            Self::Extreme => 1 - 2 * (row % 2) as i8,
            Self::Zero => 0,
        }
    }

    fn activation(self, token: usize, random: &mut Random) -> f32 {
        let unit = random.float();
        match self {
            Self::Random | Self::Zero => unit,
            Self::Skewed => unit * unit * unit * unit * unit,
            Self::Extreme => 1.0 - 2.0 * (token % 2) as f32,
        }
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
}
