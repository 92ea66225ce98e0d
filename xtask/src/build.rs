//! `cargo xtask build`: the npm package in `dist/`.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::wasm::{self, Variant};
use crate::{host, node, package, schema, size, toolchain};

/// The options of a build.
#[derive(Default)]
pub struct Options {
    /// Quick to build instead of small and fast.
    pub dev: bool,
    /// Only this variant's wasm; both by default.
    pub variant: Option<Variant>,
}

/// Builds the package into `dist/`: every build makes all of it, a quick one with a quicker wasm.
pub fn build(options: &Options) -> Result<()> {
    // Asked before the long part, not after it.
    node::ensure()?;
    wasm(options)?;
    let dist = host::root().join("dist");
    host::step("package", || package::assemble(&dist))?;
    if !options.dev {
        sizes(options, &dist)?;
    }
    Ok(())
}

/// Builds the wasm and its glue into `dist/wasm/`, and needs no Node. What else was in `dist/` is removed: it belongs to another
/// wasm.
pub fn wasm(options: &Options) -> Result<()> {
    toolchain::ensure()?;
    schema::write()?;
    let dist = host::root().join("dist");
    package::open(&dist)?;
    for variant in Variant::ALL {
        let out = dist.join("wasm").join(variant.name());
        if options.variant.is_some_and(|only| only != variant) {
            continue;
        }
        let quick = if options.dev { ", dev" } else { "" };
        host::step(&format!("wasm: {}{quick}", variant.name()), || wasm::build(variant, options.dev, &out))?;
    }
    if let Some(only) = options.variant {
        lend_glue(only, &dist)?;
    }
    host::step("wasm: grammars", || wasm::build_grammar(options.dev, &dist.join("wasm").join(wasm::GRAMMAR)))
}

/// The workers import the glue of both variants; where the other was never built, this one's stands in for it, unused.
fn lend_glue(built: Variant, dist: &Path) -> Result<()> {
    for other in Variant::ALL {
        let folder = dist.join("wasm").join(other.name());
        if !folder.join("bitnet_web.js").exists() {
            fs::create_dir_all(&folder)?;
            fs::copy(dist.join("wasm").join(built.name()).join("bitnet_web.js"), folder.join("bitnet_web.js"))?;
        }
    }
    Ok(())
}

/// What a page downloads of the package, and what weighs most in it.
fn sizes(options: &Options, dist: &Path) -> Result<()> {
    let mut command = node::node();
    command.args(["tools/package/compress.mjs", "--weigh"]);
    for variant in Variant::ALL {
        if options.variant.is_none_or(|only| only == variant) {
            size::report(variant.name(), &wasm::artifact(variant, options.dev))?;
            command.arg(dist.join("wasm").join(variant.name()).join("bitnet_web_bg.wasm"));
        }
    }
    size::report("grammars", &wasm::grammar_artifact(options.dev))?;
    command.arg(dist.join("wasm").join(wasm::GRAMMAR).join("bitnet_grammar_bg.wasm"));
    command.args(["index.js", "engine.js", "compute.js"].map(|script| dist.join(script)));
    host::run(&mut command, node::MISSING)
}
