//! `cargo xtask eval`: the demo model's evaluation, answered by the runtime as it ships.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::{build, chrome, host, node, toolchain, verify};

/// Which model, and where it runs.
pub struct Options {
    /// The bundled model by default.
    pub file: Option<PathBuf>,
    /// The native build instead of the browser; the answers are the same.
    pub native: bool,
}

const PROMPTS: &str = "tools/demo-model/eval-prompts.jsonl";

/// Writes the transcripts, and says how to score them.
pub fn eval(options: &Options) -> Result<()> {
    let file = options.file.clone().unwrap_or_else(|| host::root().join("www/models/demo.gguf"));
    let file = fs::canonicalize(&file).with_context(|| file.display().to_string())?;
    let out = host::target_dir().join("eval");
    fs::create_dir_all(&out)?;
    let transcripts = out.join(if options.native { "native.jsonl" } else { "browser.jsonl" });
    if options.native {
        host::step("answers, native", || {
            let mut command = verify::example();
            command.arg("eval").arg(&file).arg(PROMPTS).arg(&transcripts);
            host::run(&mut command, toolchain::MISSING)
        })?;
    } else {
        node::ensure()?;
        let chrome = chrome::ensure()?;
        build::build(&build::Options::default())?;
        host::step("answers, in the browser", || {
            let mut command = node::node();
            command.arg("tests/e2e/evaluate.mjs").arg(&file).arg(PROMPTS).arg(&transcripts).env("CHROME", chrome);
            host::run(&mut command, "Node 20 is not installed")
        })?;
    }
    if fs::metadata(&transcripts)?.len() == 0 {
        bail!("no transcript was written to {}", transcripts.display());
    }
    println!("{}", transcripts.display());
    eprintln!("score them: cd tools/demo-model && python eval.py score {} --failures 20", transcripts.display());
    Ok(())
}
