//! One suite for every routine that is written in vector instructions: each must give what its definition in plain Rust
//! gives. It is part of the shipped module: `BitNet.selfTest()` runs it in the visitor's own browser, with that
//! browser's compiler and processor.
//!
//! The definition of a routine and the cases that it is compared on stand beside the routine; `ROUTINES` lists them.

pub(crate) mod check;
mod grouped;
mod ternary;

use check::Check;

use crate::pool::Pool;
use crate::{Result, attention, embedding, exp, rounding, vector};

pub use ternary::check_kernel;

/// What is checked, by name.
type Routine = fn(&mut Check<'_>) -> Result<()>;

const ROUTINES: &[(&str, Routine)] = &[
    ("ternary", ternary::check),
    ("grouped", grouped::check),
    ("rounding", rounding::check),
    ("exp", exp::check),
    ("vector", vector::check),
    ("embedding", embedding::check),
    ("attention", attention::check),
];

/// What the suite found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The seed of the random cases.
    pub seed: u64,
    /// Results that were compared with their definition.
    pub cases: usize,
    /// A line for each result that differs, up to a hundred for each routine.
    pub failures: Vec<String>,
}

/// Checks every routine, and every ternary kernel of this build, on `pool`. `seed` chooses the random cases.
///
/// # Errors
/// `OutOfMemory` if the test matrices do not fit.
pub fn run(pool: &Pool, seed: u64) -> Result<Report> {
    let mut report = Report { seed, cases: 0, failures: Vec::new() };
    for (name, routine) in ROUTINES {
        let mut check = Check::new(pool, seed);
        routine(&mut check)?;
        report.cases += check.cases;
        report.failures.extend(check.failures.into_iter().map(|failure| format!("{name}: {failure}")));
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_routine_of_this_build_agrees() {
        for threads in 1..=3 {
            let report = run(&Pool::new(threads), 20_261_122).unwrap();
            assert_eq!(report.failures, [""; 0], "seed {}", report.seed);
        }
    }
}
