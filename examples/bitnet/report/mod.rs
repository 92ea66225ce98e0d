//! A report on a model file, its contents and its runs: the native part of `cargo xtask verify`.

mod contents;
mod markdown;
mod prompts;
mod runs;
mod vocabulary;

use std::path::Path;

use crate::model_file::Options;
use crate::{Outcome, model_file};

/// Prints the report on `file` as Markdown and writes its numbers to `json`. `answers` limits the fixed prompts.
pub fn print(
    file: &Path,
    options: &Options,
    json: Option<&Path>,
    answers: Option<usize>,
    max_tokens: Option<usize>,
) -> Outcome<()> {
    let header = contents::header(file)?;
    print!("{}", contents::metadata(&header));
    print!("{}", contents::tensors(&header));
    let loaded = model_file::load(file, options)?;
    print!("{}", contents::model(file, &loaded));
    let mut engine = loaded.engine;
    print!("{}", vocabulary::round_trips(&engine)?);
    let answers = runs::answers(&mut engine, answers, max_tokens)?;
    let precision = options.precision;
    drop(engine);
    let hashes = runs::hashes(file, options)?;
    print!("{}", runs::hash_table(&hashes));
    print!("{}", runs::answer_list(&answers, precision));
    if let Some(path) = json {
        std::fs::write(
            path,
            serde_json::to_string_pretty(&runs::Numbers { questions: &prompts::QUESTIONS, hashes, answers })?,
        )?;
    }
    Ok(())
}
