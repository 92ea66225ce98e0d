//! Functions that the integration tests share.

// `hostile_file` uses its own part of this.
#![allow(dead_code)]
#![allow(clippy::unwrap_used, reason = "clippy takes helpers outside of #[test] for shipped code")]

pub mod checkpoints;
pub mod draft;
pub mod models;
pub mod quant;

use bitnet_web::generate::Engine;
use bitnet_web::load::{LoadOptions, Loader};
use bitnet_web::pool::Pool;

/// Loads a GGUF file from memory, pushed in pieces of `piece` bytes.
pub fn engine(file: &[u8], options: LoadOptions, threads: usize, piece: usize) -> Engine {
    let mut loader = Loader::new(options);
    for bytes in file.chunks(piece) {
        loader.push(bytes).unwrap();
    }
    Engine::new(loader.finish().unwrap(), Pool::new(threads))
}

/// `rms(got - want) / rms(want)`
pub fn relative_rms(want: &[f32], got: &[f32]) -> f64 {
    let square = |v: f64| v * v;
    let error: f64 = want.iter().zip(got).map(|(w, g)| square(f64::from(*g) - f64::from(*w))).sum();
    let norm: f64 = want.iter().map(|w| square(f64::from(*w))).sum();
    (error / norm).sqrt()
}

/// The index of the largest value; the first of equals.
pub fn top(values: &[f32]) -> usize {
    values.iter().enumerate().fold(0, |best, (i, v)| if *v > values[best] { i } else { best })
}
