//! `cargo xtask kernels`: the crate of the hot loops alone, which compiles in seconds.

use std::fs;

use anyhow::Result;

use crate::wasm::{self, Variant};
use crate::{chrome, host, node, test, toolchain};

/// The package.
const PACKAGE: &str = "bitnet-kernels";

/// The options of `cargo xtask kernels`.
pub struct Options {
    /// Measure the benchmarks whose name contains this, instead of testing.
    pub bench: Option<String>,
    /// Only this variant's wasm; in a benchmark the relaxed one if none is named, else both.
    pub variant: Option<Variant>,
    /// Only the native tests.
    pub native: bool,
    /// Only tests whose name contains this.
    pub filter: Option<String>,
}

/// Tests or measures the kernels.
pub fn kernels(options: &Options) -> Result<()> {
    match &options.bench {
        Some(filter) => bench(filter, options.variant.unwrap_or(Variant::Relaxed)),
        None => tests(options),
    }
}

fn tests(options: &Options) -> Result<()> {
    if options.variant.is_none() {
        host::step("kernels: native tests", || {
            let mut command = host::cargo();
            command.args(["test", "--package", PACKAGE, "--lib"]).args(&options.filter);
            host::run(&mut command, toolchain::MISSING)
        })?;
    }
    if options.native {
        return Ok(());
    }
    let chrome = test::prepare_browser()?;
    test::in_browser(PACKAGE, options.variant, &chrome, false, options.filter.as_deref())
}

/// Builds `src/kernels/examples/bench.rs` as the library ships and runs it in Chromium.
fn bench(filter: &str, variant: Variant) -> Result<()> {
    toolchain::ensure()?;
    node::ensure()?;
    let chrome = chrome::ensure()?;
    // An example is compiled with what the tests depend on, and their harness needs std's crate `test`.
    let mut command = variant.cargo_without_std("build");
    command.arg("-Zbuild-std=std,panic_abort,test");
    command.args(["--package", PACKAGE, "--example", "bench", "--profile", wasm::profile(false)]);
    host::run(&mut command, toolchain::MISSING)?;
    let built = variant.target_dir().join("wasm32-unknown-unknown/release/examples/bench.wasm");
    let out = variant.target_dir().join("kernel-bench");
    fs::create_dir_all(&out)?;
    wasm::bindgen(&built, &out, true)?;
    let mut command = node::node();
    command.arg("benches/kernels.mjs").arg(&out).arg(filter).env("CHROME", chrome);
    host::run(&mut command, "Node 20 is not installed")
}
