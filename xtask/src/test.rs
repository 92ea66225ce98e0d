//! `cargo xtask test`: native tests, the same code as wasm in a real browser, then the whole thing end to end.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::wasm::{self, Variant};
use crate::{build, chrome, host, miscompilation, node, site, toolchain};

/// After this long in one test file, in milliseconds, something waits for what never comes.
const HANG: &str = "--test-timeout=900000";

/// How a crate's unit tests are called here.
const LIB: &str = "lib";
/// The integration tests in one program.
const CORE: &str = "core";

/// The suites to run; all of them unless some are named.
pub struct Options {
    pub native: bool,
    pub wasm: bool,
    pub e2e: bool,
    /// The browser runs a quick build, not the one that ships.
    pub dev: bool,
    /// Only this variant's wasm tests; both by default.
    pub variant: Option<Variant>,
    /// Only tests, or end-to-end test files, whose name contains this.
    pub filter: Option<String>,
}

/// Runs the tests; the first runner with a failure ends it.
pub fn test(mut options: Options) -> Result<()> {
    if !(options.native || options.wasm || options.e2e) {
        options = Options { native: true, wasm: true, e2e: true, ..options };
    }
    // Missing tools are reported before anything takes long.
    let browser = options.wasm || options.e2e;
    let chrome = if browser { Some(prepare_browser()?) } else { None };
    if options.native {
        host::step("native tests", || native(options.filter.as_deref()))?;
        eprintln!("native tests: passed");
    }
    if let (true, Some(chrome)) = (options.wasm, &chrome) {
        for package in host::WASM_PACKAGES {
            in_browser(package, options.variant, chrome, options.dev, options.filter.as_deref())?;
        }
        eprintln!("wasm tests: passed");
    }
    if let (true, Some(chrome)) = (options.e2e, &chrome) {
        build::build(&build::Options { dev: options.dev, variant: None })?;
        host::step("site/", || site::gather(false))?;
        host::step("end-to-end tests", || end_to_end(chrome, options.filter.as_deref()))?;
        eprintln!("end-to-end tests: passed");
    }
    Ok(())
}

/// Prepares the tools that tests in a browser need beside cargo; returns the path of Chromium.
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

/// Builds the tests of `package`, in both variants or the one that is named, and runs them in a worker of a cross-origin
/// isolated page. Without a filter, all of the native ones must be there.
pub fn in_browser(package: &str, only: Option<Variant>, chrome: &Path, dev: bool, filter: Option<&str>) -> Result<()> {
    let native = Program::compile(host::cargo().args(["test", "--package", package, "--lib", "--tests"]))?;
    for variant in Variant::ALL.into_iter().filter(|variant| only.is_none_or(|only| only == *variant)) {
        let mut command = variant.cargo("test");
        command.args(["--package", package, "--lib", "--profile", wasm::profile(dev)]);
        if native.iter().any(|program| program.target == CORE) {
            command.args(["--test", CORE]);
        }
        for program in Program::compile(&mut command)? {
            let name = format!("wasm tests: {}, {package}, {}", variant.name(), program.target);
            let out = variant.target_dir().join("browser-tests").join(package).join(&program.target);
            host::step(&name, || program.run_in_browser(&out, &expected(&program.target, &native)?, chrome, filter))?;
        }
    }
    Ok(())
}

/// The names that the tests of `target` have in the browser, if it holds all of the native ones that it should: `core`
/// also those of the integration tests that are programs of their own natively, as modules.
fn expected(target: &str, native: &[Program]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for program in native {
        if program.target == target {
            names.extend(program.names()?);
        } else if target == CORE && program.target != LIB {
            names.extend(program.names()?.iter().map(|name| format!("{}::{name}", program.target)));
        }
    }
    Ok(names)
}

/// A compiled test program.
struct Program {
    /// [`LIB`], or the name of an integration test.
    target: String,
    file: PathBuf,
}

impl Program {
    /// The tests that a `cargo test` command would run.
    fn compile(command: &mut Command) -> Result<Vec<Self>> {
        command.args(["--no-run", "--message-format=json-render-diagnostics"]).stdout(Stdio::piped());
        let mut child = command.spawn().context(toolchain::MISSING)?;
        let mut programs = Vec::new();
        for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines) {
            let message: Value = serde_json::from_str(&line?).unwrap_or_default();
            if let (Some(file), Some(name)) = (message["executable"].as_str(), message["target"]["name"].as_str()) {
                let integration = message["target"]["kind"][0] == "test";
                programs.push(Self { target: if integration { name } else { LIB }.to_owned(), file: file.into() });
            }
        }
        if !child.wait()?.success() || programs.is_empty() {
            bail!("the tests do not compile");
        }
        Ok(programs)
    }

    /// Runs a wasm program, in which the tests of these names must be.
    fn run_in_browser(&self, out: &Path, names: &[String], chrome: &Path, filter: Option<&str>) -> Result<()> {
        miscompilation::check(&self.file)?;
        wasm::bindgen_tests(&self.file, out)?;
        let list = out.join("native.json");
        fs::write(&list, serde_json::to_vec(names)?)?;
        let mut command = node::node();
        command.arg("tests/e2e/harness-wasm.mjs").arg(out).arg(&list).args(filter).env("CHROME", chrome);
        host::run(&mut command, "Node 20 is not installed")
    }

    /// The names of its tests, from the native build.
    fn names(&self) -> Result<Vec<String>> {
        let list = host::output_of(Command::new(&self.file).args(["--list", "--format", "terse"]));
        let list = list.with_context(|| format!("{} does not list its tests", self.file.display()))?;
        Ok(list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
    }
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
