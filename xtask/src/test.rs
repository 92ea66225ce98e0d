//! `cargo xtask test`: native tests, the same code as wasm in a real browser, then the whole thing end to end.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::wasm::{self, Variant};
use crate::{build, chrome, host, node, site, toolchain};

/// After this long in one test file, in milliseconds, something waits for what never comes.
const HANG: &str = "--test-timeout=900000";

/// What to run; everything unless some are named.
pub struct Options {
    pub native: bool,
    pub wasm: bool,
    pub e2e: bool,
    /// What runs in the browser is a quick build, not what ships.
    pub dev: bool,
    /// Only tests, or end-to-end test files, whose name contains this.
    pub filter: Option<String>,
}

/// Runs the tests; the first runner with a failure ends it.
pub fn test(mut options: Options) -> Result<()> {
    if !(options.native || options.wasm || options.e2e) {
        options = Options { native: true, wasm: true, e2e: true, ..options };
    }
    // What is missing is said before anything takes long.
    let browser = options.wasm || options.e2e;
    let chrome = if browser { Some(prepare_browser()?) } else { None };
    if options.native {
        host::step("native tests", || native(options.filter.as_deref()))?;
        eprintln!("native tests: passed");
    }
    if let (true, Some(chrome)) = (options.wasm, &chrome) {
        for variant in Variant::ALL {
            for package in host::WASM_PACKAGES {
                let filter = options.filter.as_deref();
                host::step(&format!("wasm tests: {package}, {}", variant.name()), || {
                    in_browser(package, variant, chrome, options.dev, filter)
                })?;
            }
        }
        eprintln!("wasm tests: passed");
    }
    if let (true, Some(chrome)) = (options.e2e, &chrome) {
        build::runtime(&build::Options { dev: options.dev, variant: None })?;
        build::types()?;
        host::step("site/", site::gather)?;
        host::step("end-to-end tests", || end_to_end(chrome, options.filter.as_deref()))?;
        eprintln!("end-to-end tests: passed");
    }
    Ok(())
}

/// What tests in a browser need beside cargo; tells where Chromium is.
pub fn prepare_browser() -> Result<PathBuf> {
    toolchain::ensure()?;
    node::ensure()?;
    chrome::ensure()
}

/// Ignored tests are those that need Node's packages: here they are sure to run.
fn native(filter: Option<&str>) -> Result<()> {
    node::ensure()?;
    for package in host::PACKAGES {
        let mut command = host::cargo();
        command.args(["test", "--package", package]).args(filter).args(["--", "--include-ignored"]);
        host::run(&mut command, toolchain::MISSING)?;
    }
    Ok(())
}

/// Builds the tests marked `#[wasm_bindgen_test]` and runs them in a worker of a cross-origin isolated page.
pub fn in_browser(package: &str, variant: Variant, chrome: &Path, dev: bool, filter: Option<&str>) -> Result<()> {
    let wasm = compile_tests(package, variant, dev)?;
    let out = variant.target_dir().join("browser-tests").join(package);
    wasm::bindgen_tests(&wasm, &out)?;
    let mut command = node::node();
    command.arg("tests/e2e/harness-wasm.mjs").arg(&out).args(filter).env("CHROME", chrome);
    host::run(&mut command, "Node 20 is not installed")
}

fn compile_tests(package: &str, variant: Variant, dev: bool) -> Result<PathBuf> {
    let mut command = variant.cargo("test");
    command.args(["--package", package, "--lib", "--profile", wasm::profile(dev), "--no-run"]);
    command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut child = command.spawn().context(toolchain::MISSING)?;
    let mut wasm = None;
    for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines) {
        let message: Value = serde_json::from_str(&line?).unwrap_or_default();
        if let Some(path) = message["executable"].as_str() {
            wasm = Some(PathBuf::from(path));
        }
    }
    if !child.wait()?.success() {
        bail!("the wasm tests do not compile");
    }
    wasm.context("cargo names no wasm file for the tests")
}

/// Runs `tests/e2e/*.test.mjs`, each of which starts its own browser and server.
fn end_to_end(chrome: &Path, filter: Option<&str>) -> Result<()> {
    let folder = host::root().join("tests/e2e");
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).context("tests/e2e")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".test.mjs") && filter.is_none_or(|filter| name.contains(filter)) {
            files.push(format!("tests/e2e/{name}"));
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("no end-to-end test file is named like that");
    }
    let mut command = node::node();
    command.args(["--test", "--test-reporter=spec", "--test-concurrency=1", HANG]).args(files).env("CHROME", chrome);
    host::run(&mut command, "Node 20 is not installed")
}
