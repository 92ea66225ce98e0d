//! Runs models natively: what tests, benchmarks and `cargo xtask verify` need and the browser cannot give.

mod agreement;
mod answer;
mod blocks;
mod divergence;
mod model_file;
mod report;
mod synthetic;
mod transcripts;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use bitnet_web::load::Precision;
use model_file::{ModelFile, Options};
use pico_args::Arguments;

/// The outcome of a command.
type Outcome<T> = Result<T, Box<dyn Error>>;

const HELP: &str = "\
cargo run --release --example bitnet -- COMMAND

  generate SHAPE FILE [--blocks q4_0|tq2_0|q2_0|q1_0]
                                   A model of true size with random weights: 2b4t (1.18 GB), 0.7b, 125m, bonsai-1.7b
                                   (0.49 GB), bonsai-4b, bonsai-8b (2.3 GB), llama3-8b (2.6 GB). --blocks: for
                                   llama.cpp, in one of its types.
  hash FILE                        The logits hash.
  ask FILE PROMPT                  One greedy answer.
  eval FILE PROMPTS.jsonl OUT.jsonl
                                   Answers prompts, each in a fresh chat, one transcript a line.
  top FILE SEQUENCES.json OUT.json The top token at every position of given sequences, and how many agree with the
                                   sequences' own.
  divergence FILE (SEQUENCES.json | --random N)
                                   How far the fast precision's next-token distributions are from the exact one's, over
                                   given sequences or N random tokens.
  report FILE [--json OUT.json] [--answers N]
                                   What the file holds and how it runs, as Markdown.

Options: --exact, --threads N, --context N, --max-tokens N, --template FILE (a chat template instead of the file's own)
";

fn main() -> ExitCode {
    match run(Arguments::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bitnet: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: Arguments) -> Outcome<()> {
    let Some(command) = args.subcommand()? else {
        print!("{HELP}");
        return Ok(());
    };
    let template: Option<PathBuf> = args.opt_value_from_str("--template")?;
    let options = Options {
        precision: if args.contains("--exact") { Precision::Exact } else { Precision::Fast },
        threads: args.opt_value_from_str("--threads")?.unwrap_or_else(available_threads),
        context: args.opt_value_from_str("--context")?,
        chat_template: template.map(std::fs::read_to_string).transpose()?,
    };
    let max_tokens: Option<usize> = args.opt_value_from_str("--max-tokens")?;
    match command.as_str() {
        "generate" => {
            let blocks: Option<String> = args.opt_value_from_str("--blocks")?;
            generate(&args.free_from_str::<String>()?, blocks.as_deref(), &path(&mut args)?)
        }
        "hash" => hash(&path(&mut args)?, &options),
        "ask" => ask(&path(&mut args)?, &options, &args.free_from_str::<String>()?, max_tokens),
        "eval" => {
            let (file, prompts, out) = (path(&mut args)?, path(&mut args)?, path(&mut args)?);
            transcripts::write(&file, &options, &prompts, &out, max_tokens)
        }
        "top" => {
            let (file, sequences, out) = (path(&mut args)?, path(&mut args)?, path(&mut args)?);
            agreement::write(&file, &options, &sequences, &out)
        }
        "divergence" => {
            let random: Option<usize> = args.opt_value_from_str("--random")?;
            let file = path(&mut args)?;
            match random {
                Some(count) => divergence::print(&file, &options, &divergence::Sequences::Random(count)),
                None => divergence::print(&file, &options, &divergence::Sequences::File(&path(&mut args)?)),
            }
        }
        "report" => {
            let json: Option<PathBuf> = args.opt_value_from_str("--json")?;
            let answers = args.opt_value_from_str("--answers")?;
            report::print(&path(&mut args)?, &options, json.as_deref(), answers, max_tokens)
        }
        "help" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("there is no command '{other}'; run without one for the list").into()),
    }
}

fn path(args: &mut Arguments) -> Outcome<PathBuf> {
    Ok(args.free_from_str()?)
}

fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn generate(shape: &str, blocks: Option<&str>, file: &Path) -> Outcome<()> {
    let shape = synthetic::SHAPES.iter().find(|s| s.name == shape).ok_or_else(|| {
        let names: Vec<&str> = synthetic::SHAPES.iter().map(|s| s.name).collect();
        format!("there is no shape '{shape}', only {}", names.join(", "))
    })?;
    let find = |name| blocks::BLOCKS.iter().find(|b| b.name == name).ok_or(format!("there is no block type '{name}'"));
    synthetic::write(shape, blocks.map(find).transpose()?, file)?;
    println!("{}: {} bytes", file.display(), std::fs::metadata(file)?.len());
    Ok(())
}

fn hash(file: &Path, options: &Options) -> Outcome<()> {
    let ModelFile { mut engine, .. } = model_file::load(file, options)?;
    let start = Instant::now();
    let hash = engine.logits_hash()?;
    let (threads, seconds) = (engine.pool().threads(), start.elapsed().as_secs_f64());
    println!("{hash:016x}  {:?}, {threads} threads, {seconds:.2} s", options.precision);
    Ok(())
}

fn ask(file: &Path, options: &Options, prompt: &str, max_tokens: Option<usize>) -> Outcome<()> {
    let ModelFile { mut engine, .. } = model_file::load(file, options)?;
    let prompt = answer::question(&engine, prompt);
    let answer = answer::greedy(&mut engine, &prompt, max_tokens)?;
    println!("{}", answer.text);
    eprintln!("{}", answer.speed());
    Ok(())
}
