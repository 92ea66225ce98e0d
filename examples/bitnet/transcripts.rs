//! Answers to a file of prompts, for the scorer in `tools/demo-model/eval.py`.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use bitnet_web::chat::{ChatOptions, Message};
use bitnet_web::generate::Prompt;
use serde::{Deserialize, Serialize};

use crate::model_file::{ModelFile, Options};
use crate::{Outcome, answer, model_file};

/// The most tokens of an answer, as the recipe's README says.
const MAX_TOKENS: usize = 220;

/// A line of the prompts; what else stands in it is the scorer's.
#[derive(Deserialize)]
struct Question {
    id: String,
    messages: Vec<Turn>,
}

#[derive(Deserialize)]
struct Turn {
    role: String,
    content: String,
}

/// A line of the transcripts.
#[derive(Serialize)]
struct Transcript<'a> {
    id: &'a str,
    text: &'a str,
}

/// Answers every prompt of `prompts`, each in a fresh chat, and writes the transcripts to `out`.
pub fn write(file: &Path, options: &Options, prompts: &Path, out: &Path, max_tokens: Option<usize>) -> Outcome<()> {
    let ModelFile { mut engine, .. } = model_file::load(file, options)?;
    let lines = BufReader::new(File::open(prompts).map_err(|error| format!("{}: {error}", prompts.display()))?).lines();
    let mut out = File::create(out)?;
    let (mut count, mut tokens, mut seconds) = (0, 0, 0.0);
    for line in lines {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let Question { id, messages } = serde_json::from_str(&line)?;
        let messages = messages.into_iter().map(|Turn { role, content }| Message::new(role, content)).collect();
        let answer = answer::greedy(
            &mut engine,
            &Prompt::Chat { messages, options: ChatOptions::default() },
            max_tokens.or(Some(MAX_TOKENS)),
        )
        .map_err(|error| format!("{id}: {error}"))?;
        writeln!(out, "{}", serde_json::to_string(&Transcript { id: &id, text: &answer.text })?)?;
        count += 1;
        tokens += answer.usage.completion_tokens;
        seconds += answer.prefill_seconds + answer.decode_seconds;
        if count % 50 == 0 {
            eprintln!("{count} answers, {tokens} tokens, {seconds:.0} s");
        }
    }
    eprintln!("{count} answers, {tokens} tokens, {seconds:.0} s");
    Ok(())
}
