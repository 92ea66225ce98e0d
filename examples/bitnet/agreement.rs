//! Top tokens over given sequences, beside those of another implementation (`tools/demo-model/agree.py`).

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::model_file::{ModelFile, Options};
use crate::{Outcome, model_file};

/// Token ids, and what the other implementation makes of them.
#[derive(Deserialize)]
struct Sequence {
    id: String,
    ids: Vec<u32>,
    /// Its top token at each position.
    #[serde(default)]
    top: Vec<u32>,
    /// The lead of that token's logit over the second.
    #[serde(default)]
    gap: Vec<f64>,
}

#[derive(Serialize)]
struct Top<'a> {
    id: &'a str,
    top: &'a [u32],
}

/// Runs every sequence teacher-forced, writes our top tokens to `out` and prints where they differ.
pub fn write(file: &Path, options: &Options, sequences: &Path, out: &Path) -> Outcome<()> {
    let ModelFile { mut engine, .. } = model_file::load(file, options)?;
    let sequences: Vec<Sequence> = serde_json::from_reader(BufReader::new(File::open(sequences)?))?;
    let vocab_size = engine.model().config().vocab_size;
    let mut out = BufWriter::new(File::create(out)?);
    let (mut same, mut compared) = (0, 0);
    for (index, sequence) in sequences.iter().enumerate() {
        let mut top = Vec::with_capacity(sequence.ids.len());
        // In slices, so that the logits of a long sequence of a large vocabulary fit.
        let positions: Vec<usize> = (0..sequence.ids.len()).collect();
        for positions in positions.chunks(64) {
            let logits = engine.logits(&sequence.ids, positions)?;
            top.extend(logits.chunks_exact(vocab_size).map(largest));
        }
        for (position, (&ours, &theirs)) in top.iter().zip(&sequence.top).enumerate() {
            compared += 1;
            same += usize::from(ours == theirs);
            if ours != theirs {
                let gap = sequence.gap.get(position).map_or(String::new(), |gap| format!(", which led by {gap}"));
                println!("{} position {position}: {ours} instead of {theirs}{gap}", sequence.id);
            }
        }
        let separator = if index == 0 { "[\n" } else { ",\n" };
        write!(out, "{separator}{}", serde_json::to_string(&Top { id: &sequence.id, top: &top })?)?;
    }
    out.write_all(if sequences.is_empty() { b"[]\n" } else { b"\n]\n" })?;
    out.flush()?;
    if compared > 0 {
        println!("{same} of {compared} top tokens agree ({:.2}%)", 100.0 * f64::from(same as u32) / compared as f64);
    }
    Ok(())
}

/// The index of the largest value; the first of equals.
fn largest(values: &[f32]) -> u32 {
    values.iter().enumerate().fold(0, |best, (i, v)| if *v > values[best] { i } else { best }) as u32
}
