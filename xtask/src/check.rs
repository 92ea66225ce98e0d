//! `cargo xtask check`: what can be found wrong without running anything.

use anyhow::Result;

use crate::wasm::Variant;
use crate::{host, node, toolchain};

/// Which parts to look at; all of them unless some are named.
#[derive(Clone, Copy)]
pub struct Parts {
    /// rustfmt, and clippy for this machine.
    pub native: bool,
    /// clippy for wasm32, in both variants.
    pub wasm: bool,
    /// tsc.
    pub js: bool,
}

/// Checks the sources; the first finding ends it.
pub fn check(mut parts: Parts) -> Result<()> {
    if !(parts.native || parts.wasm || parts.js) {
        parts = Parts { native: true, wasm: true, js: true };
    }
    if parts.native {
        host::step("cargo fmt --check", || {
            host::run(host::cargo().args(["fmt", "--all", "--check"]), toolchain::MISSING)
        })?;
        host::step("clippy: native", || {
            let mut command = host::cargo();
            command.args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]);
            host::run(&mut command, toolchain::MISSING)
        })?;
    }
    if parts.wasm {
        toolchain::ensure()?;
        for variant in Variant::ALL {
            host::step(&format!("clippy: wasm32, {}", variant.name()), || {
                let mut command = variant.clippy();
                command.args(["--package", "bitnet-web", "--lib", "--", "--deny", "warnings"]);
                host::run(&mut command, toolchain::MISSING)
            })?;
        }
    }
    if parts.js {
        node::ensure()?;
        for project in ["tsconfig.json", "tsconfig.sw.json", "tests/e2e/tsconfig.json"] {
            host::step(&format!("tsc: {project}"), || node::tsc(project, &[]))?;
        }
    }
    eprintln!("check: passed");
    Ok(())
}
