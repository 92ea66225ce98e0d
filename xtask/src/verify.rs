//! `cargo xtask verify`: what a model file is and how it runs here, natively and in a browser, as one report.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{build, chrome, host, node, toolchain};

/// The options of `cargo xtask verify`.
pub struct Options {
    pub file: PathBuf,
    /// Only the native part: no browser, no Node, no wasm.
    pub native: bool,
    /// Tokens of an answer.
    pub max_tokens: usize,
}

/// A model up to this size answers all questions natively too, on the scalar kernel; a larger one only the first.
const QUICK_BYTES: u64 = 100 << 20;

/// Writes the report beside the build and prints it.
pub fn verify(options: &Options) -> Result<()> {
    let bytes = fs::metadata(&options.file).with_context(|| options.file.display().to_string())?.len();
    let file = fs::canonicalize(&options.file)?;
    let chrome = if options.native { None } else { Some(prepare_browser()?) };
    let out = host::target_dir().join("verify");
    fs::create_dir_all(&out)?;
    let numbers = out.join("native.json");
    let answers = if options.native || bytes <= QUICK_BYTES { None } else { Some(1) };
    let tokens = options.max_tokens.to_string();

    let mut report = format!("# bitnet-web verify: {}\n\n{}\n", name(&file), machine());
    report += &host::step("native", || {
        let mut command = example();
        command.arg("report").arg(&file).arg("--json").arg(&numbers).args(["--max-tokens", &tokens]);
        if let Some(answers) = answers {
            command.args(["--answers", &answers.to_string()]);
        }
        Ok(capture(&mut command)?.0)
    })?;
    let mut passed = true;
    if let Some(chrome) = chrome {
        let (text, success) = host::step("in the browser", || {
            let mut command = node::node();
            command.arg("tests/e2e/verify.mjs").arg(&file).arg(&numbers).arg(&tokens).env("CHROME", chrome);
            capture(&mut command)
        })?;
        report += &text;
        passed = success;
    }
    let path = out.join(format!("{}.md", name(&file)));
    fs::write(&path, &report)?;
    println!("{report}");
    eprintln!("verify: the report is in {}", path.display());
    if !passed {
        bail!("the browser's results are not the native ones, or could not be had: see the report");
    }
    Ok(())
}

fn prepare_browser() -> Result<PathBuf> {
    node::ensure()?;
    let chrome = chrome::ensure()?;
    build::build(&build::Options::default())?;
    Ok(chrome)
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The native command line, built for speed.
pub fn example() -> Command {
    let mut command = host::cargo();
    command.args(["run", "--quiet", "--release", "--example", "bitnet", "--"]);
    command
}

/// The output of a program, with its messages passed through, and whether it succeeded; an error where it printed
/// nothing.
fn capture(command: &mut Command) -> Result<(String, bool)> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context(toolchain::MISSING)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.is_empty() {
        bail!("`{}` failed ({})", command.get_program().to_string_lossy(), output.status);
    }
    Ok((text, output.status.success()))
}

/// The state of the sources and the machine, in two lines.
fn machine() -> String {
    let mut git = Command::new("git");
    git.current_dir(host::root()).args(["describe", "--always", "--dirty"]);
    let commit = host::output_of(&mut git).unwrap_or_else(|| "unknown".into());
    let system = host::output_of(Command::new("uname").arg("-srm")).unwrap_or_else(|| std::env::consts::OS.into());
    let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let cpu = cpu.unwrap_or_else(|| std::env::consts::ARCH.into());
    format!("Commit {}\n\nMachine: {cpu}, {}\n", commit.trim(), system.trim())
}
