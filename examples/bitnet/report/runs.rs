//! The results of runs: logits hashes, and answers.

use std::path::Path;
use std::time::Instant;

use bitnet_web::generate::Engine;
use bitnet_web::load::Precision;
use serde::Serialize;

use crate::model_file::{ModelFile, Options};
use crate::{Outcome, answer, model_file};

use super::markdown::{Table, quote};
use super::prompts::QUESTIONS;

/// Tokens of an answer unless the caller says otherwise.
const MAX_TOKENS: usize = 64;

/// The results that a browser's run is compared with.
#[derive(Serialize)]
pub struct Numbers {
    /// All fixed questions, whether they were answered here or not.
    pub questions: &'static [&'static str],
    pub hashes: Vec<HashRun>,
    pub answers: Vec<AnswerRun>,
}

#[derive(Serialize)]
pub struct HashRun {
    /// `fast` or `exact`, as in the JavaScript API.
    precision: &'static str,
    kernel: &'static str,
    threads: usize,
    hash: String,
    seconds: f64,
}

#[derive(Serialize)]
pub struct AnswerRun {
    prompt: &'static str,
    text: String,
    speed: String,
}

/// The logits hash in both precisions with 1, 2 and all threads.
pub fn hashes(file: &Path, options: &Options) -> Outcome<Vec<HashRun>> {
    let mut counts = vec![1, 2, options.threads];
    counts.sort_unstable();
    counts.dedup();
    let mut runs = Vec::new();
    for precision in [Precision::Fast, Precision::Exact] {
        for &threads in &counts {
            let ModelFile { mut engine, .. } =
                model_file::load(file, &Options { precision, threads, ..options.clone() })?;
            let start = Instant::now();
            let hash = format!("{:016x}", engine.logits_hash()?);
            runs.push(HashRun {
                precision: precision_name(precision),
                kernel: engine.model().kernel().name(),
                threads: engine.pool().threads(),
                hash,
                seconds: start.elapsed().as_secs_f64(),
            });
        }
    }
    Ok(runs)
}

fn precision_name(precision: Precision) -> &'static str {
    match precision {
        Precision::Fast => "fast",
        Precision::Exact => "exact",
    }
}

pub fn hash_table(runs: &[HashRun]) -> Table {
    let mut table = Table::new("Logits hash, native", &["precision", "kernel", "threads", "hash", "seconds"]);
    for run in runs {
        table.row(&[&run.precision, &run.kernel, &run.threads, &run.hash, &format!("{:.2}", run.seconds)]);
    }
    table
}

/// Greedy answers to the fixed questions, each in a fresh chat; of a model for embeddings those of the questions.
pub fn answers(engine: &mut Engine, count: Option<usize>, max_tokens: Option<usize>) -> Outcome<Vec<AnswerRun>> {
    let mut runs = Vec::new();
    if engine.model().config().pooling.is_some() {
        for prompt in QUESTIONS {
            let start = Instant::now();
            let vector = engine.embed(&[prompt.to_owned()])?;
            let speed = format!("embedding of {} numbers in {:.2} s", vector.len(), start.elapsed().as_secs_f64());
            runs.push(AnswerRun { prompt, text: fingerprint(&vector), speed });
        }
        return Ok(runs);
    }
    for prompt in QUESTIONS.into_iter().take(count.unwrap_or(QUESTIONS.len())) {
        let question = answer::question(engine, prompt);
        let answer = answer::greedy(engine, &question, max_tokens.or(Some(MAX_TOKENS)))?;
        runs.push(AnswerRun { prompt, speed: answer.speed(), text: answer.text });
    }
    Ok(runs)
}

/// The bits of the first numbers of a vector, and the exclusive or of all: what the browser's vector must give as well.
fn fingerprint(vector: &[f32]) -> String {
    let all = vector.iter().fold(0, |all, value| all ^ value.to_bits());
    let shown = vector.iter().take(7).map(|value| value.to_bits()).chain([all]);
    shown.map(|bits| format!("{bits:08x}")).collect::<Vec<_>>().join(" ")
}

pub fn answer_list(runs: &[AnswerRun], precision: Precision) -> String {
    let mut text = format!("## Greedy answers, native, precision {}\n\n", precision_name(precision));
    for run in runs {
        text += &format!("**{}** ({})\n\n{}\n", run.prompt, run.speed, quote(&run.text));
    }
    text
}
