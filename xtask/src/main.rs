//! The project's own commands: `cargo xtask help` lists them.

mod arm;
mod bench;
mod build;
mod check;
mod chrome;
mod eval;
mod host;
mod http;
mod kernels;
mod miscompilation;
mod node;
mod notices;
mod package;
mod pages;
mod release;
mod schema;
mod serve;
mod site;
mod size;
mod symbols;
mod test;
mod toolchain;
mod verify;
mod wasm;

use std::process::ExitCode;

use anyhow::{Result, bail};
use pico_args::Arguments;

const HELP: &str = "\
cargo xtask COMMAND [OPTIONS]

  build [--dev] [--variant relaxed|simd128]
              The npm package in dist/. --dev: with a quickly built, larger and slower wasm; --variant: only that wasm.
  schema      Writes worker/schema.js from the options in src/options/, as every build does.
  demo [--dev] [--port N] [--no-open]
              Builds, serves the demo page on localhost and prints its address. Needs no Node.
  site [--dev]
              The pages as a static folder, site/, for any host.
  release [--tag vX.Y.Z]
              What a release consists of, in release/: the tarball for npm, checked, its digests, the changelog's section
              and the site. --tag: fails unless the version is this one's.
  release --prepare X.Y.Z
              Before it: the version in Cargo.toml and the examples, and today's date above what CHANGELOG.md lists as unreleased.
  check [--native] [--wasm] [--js]
              rustfmt, clippy for this machine, clippy for wasm32 in both variants, tsc, texts, actionlint; all of it, or the parts named.
  test [--native] [--wasm] [--e2e | --browser] [--dev] [--variant relaxed|simd128] [FILTER]
  test --arm [--dev]
              Native tests, the same as wasm in a browser, end to end; all, or those named. --browser: the last two;
              --dev: in the browser a quick build, not what ships; --variant: wasm tests of that
              one only; FILTER: only tests (end to end: files) whose name contains it. --arm: the self test and logits hashes
              in an emulated ARM processor.
  kernels [--native] [--variant relaxed|simd128] [FILTER]
  kernels --bench FILTER [--variant relaxed|simd128]
              The crate of the hot loops alone, which compiles in seconds: its tests, natively and as wasm in a browser, or
              the speed of each benchmark whose name contains FILTER ('' for all), in Chromium on one thread.
  bench [--shape 125m|0.7b|2b4t | --model FILE] [--no-peers] [--built] [OPTIONS of benches/browser.mjs]
              Speed, memory and where the time goes in headless Chromium, of a generated model of true size or a file;
              beside it wllama on the same shape, and the kernels in Firefox and WebKitGTK where they are installed.
              --no-peers: without wllama; --built: dist/ as it is. benches/README.md tells all.
  verify FILE.gguf [--native] [--max-tokens N]
              What a model file is and how it runs on this machine, natively and in a browser with every kernel: a
              report to paste into an issue. --native: without the browser; --max-tokens: of each answer, 64 by default.
  eval [FILE.gguf] [--native]
              The demo model's evaluation prompts, answered by the runtime as it ships (--native: by the native build).
";

fn main() -> ExitCode {
    match run(Arguments::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: Arguments) -> Result<()> {
    let help = args.contains(["-h", "--help"]);
    match args.subcommand()?.as_deref() {
        _ if help => print!("{HELP}"),
        None | Some("help") => print!("{HELP}"),
        Some("build") => {
            let options =
                build::Options { dev: args.contains("--dev"), variant: args.opt_value_from_str("--variant")? };
            finish(args)?;
            build::build(&options)?;
        }
        Some("schema") => {
            finish(args)?;
            schema::write()?;
        }
        Some("demo") => {
            let (dev, open) = (args.contains("--dev"), !args.contains("--no-open"));
            let port = args.opt_value_from_str("--port")?;
            finish(args)?;
            site::demo(dev, port, open)?;
        }
        Some("site") => {
            let dev = args.contains("--dev");
            finish(args)?;
            site::site(dev)?;
        }
        Some("release") => {
            let (prepare, tag) = (args.opt_value_from_str("--prepare")?, args.opt_value_from_str("--tag")?);
            finish(args)?;
            match prepare {
                Some(version) => release::prepare(version)?,
                None => release::release(tag)?,
            }
        }
        Some("check") => {
            let parts = check::Parts {
                native: args.contains("--native"),
                wasm: args.contains("--wasm"),
                js: args.contains("--js"),
            };
            finish(args)?;
            check::check(parts)?;
        }
        Some("test") if args.contains("--arm") => {
            let dev = args.contains("--dev");
            finish(args)?;
            arm::test(dev)?;
        }
        Some("test") => {
            let browser = args.contains("--browser");
            let options = test::Options {
                native: args.contains("--native"),
                wasm: args.contains("--wasm") || browser,
                e2e: args.contains("--e2e") || browser,
                dev: args.contains("--dev"),
                variant: args.opt_value_from_str("--variant")?,
                filter: args.opt_free_from_str()?,
            };
            finish(args)?;
            test::test(options)?;
        }
        Some("kernels") => {
            let options = kernels::Options {
                bench: args.opt_value_from_str("--bench")?,
                variant: args.opt_value_from_str("--variant")?,
                native: args.contains("--native"),
                filter: args.opt_free_from_str()?,
            };
            finish(args)?;
            kernels::kernels(&options)?;
        }
        Some("bench") => {
            let options = bench::Options {
                model: args.opt_value_from_str("--model")?,
                shape: args.opt_value_from_str("--shape")?.unwrap_or_else(|| "125m".to_owned()),
                peers: !args.contains("--no-peers"),
                built: args.contains("--built"),
                rest: args.finish(),
            };
            bench::bench(&options)?;
        }
        Some("verify") => {
            let options = verify::Options {
                native: args.contains("--native"),
                max_tokens: args.opt_value_from_str("--max-tokens")?.unwrap_or(64),
                file: args.free_from_str()?,
            };
            finish(args)?;
            verify::verify(&options)?;
        }
        Some("eval") => {
            let options = eval::Options { native: args.contains("--native"), file: args.opt_free_from_str()? };
            finish(args)?;
            eval::eval(&options)?;
        }
        Some(other) => bail!("there is no command '{other}'; `cargo xtask help` lists them"),
    }
    Ok(())
}

/// Refuses what no option took, so that a typing error is not silently a default.
fn finish(args: Arguments) -> Result<()> {
    match args.finish().as_slice() {
        [] => Ok(()),
        [first, ..] => bail!("'{}' is not an option of this command; see `cargo xtask help`", first.to_string_lossy()),
    }
}
