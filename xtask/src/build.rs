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

/// Builds the package into `dist/`. A quick build leaves out the types, so that it needs no Node.
pub fn build(options: &Options) -> Result<()> {
    if options.dev {
        return runtime(options);
    }
    // Asked before the long part, not after it.
    node::ensure()?;
    runtime(options)?;
    types()
}

/// Derives the `.d.ts` files in `dist/` from the JSDoc types of `worker/`. `node::ensure` comes first.
pub fn types() -> Result<()> {
    host::step("types", || node::tsc("tsconfig.types.json", &["--outDir", "dist"]))
}

/// Builds what runs, into `dist/`: no types, so no Node.
pub fn runtime(options: &Options) -> Result<()> {
    toolchain::ensure()?;
    schema::write()?;
    let dist = host::root().join("dist");
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
    package::assemble(&dist)?;
    if !options.dev {
        sizes(options, &dist)?;
    }
    Ok(())
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

fn sizes(options: &Options, dist: &Path) -> Result<()> {
    for variant in Variant::ALL {
        if options.variant.is_none_or(|only| only == variant) {
            let shipped = dist.join("wasm").join(variant.name()).join("bitnet_web_bg.wasm");
            size::report(variant.name(), &shipped, &wasm::artifact(variant, options.dev))?;
        }
    }
    Ok(())
}
