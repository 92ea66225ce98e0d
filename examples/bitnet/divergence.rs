//! The effect of the fast precision (int8 head, int8 keys and values): the next token's distribution at every position
//! of given sequences, beside that of the exact precision.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use bitnet_web::generate::Engine;
use bitnet_web::load::Precision;
use serde::Deserialize;

use crate::model_file::Options;
use crate::{Outcome, model_file};

#[derive(Deserialize)]
struct Sequence {
    ids: Vec<u32>,
}

/// Where the sequences come from.
pub enum Sequences<'a> {
    /// A JSON file of `[{"ids": [...]}, ...]`.
    File(&'a Path),
    /// One of so many random tokens, the same every time.
    Random(usize),
}

/// Runs every sequence teacher-forced in both precisions and prints how far they are apart.
pub fn print(file: &Path, options: &Options, sequences: &Sequences) -> Outcome<()> {
    let load = |precision| -> Outcome<Engine> {
        Ok(model_file::load(file, &Options { precision, ..options.clone() })?.engine)
    };
    let (mut exact, mut fast) = (load(Precision::Exact)?, load(Precision::Fast)?);
    let vocab_size = exact.model().config().vocab_size;
    let sequences: Vec<Sequence> = match sequences {
        Sequences::File(path) => serde_json::from_reader(BufReader::new(File::open(path)?))?,
        Sequences::Random(tokens) => vec![Sequence { ids: random_tokens(*tokens, vocab_size) }],
    };
    let mut divergences = Vec::new();
    let mut agree = 0;
    for Sequence { ids } in &sequences {
        // In slices, so that the logits of a long sequence of a large vocabulary fit.
        let positions: Vec<usize> = (0..ids.len()).collect();
        for positions in positions.chunks(64) {
            let (exact, fast) = (exact.logits(ids, positions)?, fast.logits(ids, positions)?);
            for (exact, fast) in exact.chunks_exact(vocab_size).zip(fast.chunks_exact(vocab_size)) {
                divergences.push(divergence(exact, fast));
                agree += usize::from(largest(exact) == largest(fast));
            }
        }
    }
    divergences.sort_by(f64::total_cmp);
    let count = divergences.len();
    if count == 0 {
        return Err("there are no tokens to compare".into());
    }
    let mean = divergences.iter().sum::<f64>() / count as f64;
    println!(
        "{count} positions: KL(exact | fast) mean {mean:.3e}, median {:.3e}, 99% {:.3e}, worst {:.3e} nats; the same top token at {:.2}%",
        divergences[count / 2],
        divergences[count * 99 / 100],
        divergences[count - 1],
        100.0 * agree as f64 / count as f64
    );
    Ok(())
}

/// `sum_i p_i (ln p_i - ln q_i)` of the softmaxes of two rows of logits, in nats.
fn divergence(p: &[f32], q: &[f32]) -> f64 {
    let normalizer = |logits: &[f32]| {
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        f64::from(max) + logits.iter().map(|&v| f64::from(v - max).exp()).sum::<f64>().ln()
    };
    let (zp, zq) = (normalizer(p), normalizer(q));
    let terms = p.iter().zip(q).map(|(&p, &q)| {
        let (p, q) = (f64::from(p) - zp, f64::from(q) - zq);
        p.exp() * (p - q)
    });
    terms.sum::<f64>().max(0.0)
}

fn largest(logits: &[f32]) -> Option<usize> {
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
}

fn random_tokens(count: usize, vocab_size: usize) -> Vec<u32> {
    let mut random = oorandom::Rand32::new(7);
    (0..count).map(|_| random.rand_range(0..vocab_size as u32)).collect()
}
