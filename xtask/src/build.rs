//! `cargo xtask build`: the npm package in `dist/`.

use anyhow::Result;

use crate::wasm::{self, Variant};
use crate::{host, package, toolchain};

/// What to build.
#[derive(Default)]
pub struct Options {
    /// Quick to build instead of small and fast.
    pub dev: bool,
    /// Only this variant's wasm; both by default.
    pub variant: Option<Variant>,
}

/// Builds the package into `dist/`.
pub fn build(options: &Options) -> Result<()> {
    runtime(options)
}

/// Builds what runs, into `dist/`: no types, so no Node.
pub fn runtime(options: &Options) -> Result<()> {
    toolchain::ensure()?;
    let dist = host::root().join("dist");
    for variant in Variant::ALL {
        if options.variant.is_some_and(|only| only != variant) {
            continue;
        }
        let quick = if options.dev { ", dev" } else { "" };
        host::step(&format!("wasm: {}{quick}", variant.name()), || {
            wasm::build(variant, options.dev, &dist.join("wasm").join(variant.name()))
        })?;
    }
    package::copy_scripts(&dist)
}
