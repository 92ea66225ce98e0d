//! `cargo xtask bench`: a generated model of true size, measured in a browser.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::verify::example;
use crate::{build, chrome, host, node};

/// What to measure.
pub struct Options {
    /// A model file; else one of `shape` is generated.
    pub model: Option<PathBuf>,
    /// The shape of a generated model.
    pub shape: String,
    /// For `benches/browser.mjs`.
    pub rest: Vec<OsString>,
}

/// Builds what ships, generates the model where there is none, and runs the browser benchmark.
pub fn bench(options: &Options) -> Result<()> {
    node::ensure()?;
    let chrome = chrome::ensure()?;
    build::runtime(&build::Options::default())?;
    let model = match &options.model {
        Some(model) => model.clone(),
        None => generated(&options.shape)?,
    };
    let mut command = node::node();
    command.arg("benches/browser.mjs").arg(model).args(&options.rest).env("CHROME", chrome);
    host::run(&mut command, "Node is not installed")
}

fn generated(shape: &str) -> Result<PathBuf> {
    let folder = host::root().join(".cache/models");
    let file = folder.join(format!("{shape}.gguf"));
    if !file.exists() {
        fs::create_dir_all(&folder)?;
        host::step("generate the model", || {
            host::run(example().arg("generate").arg(shape).arg(&file), "cargo is not installed")
        })?;
    }
    Ok(file)
}
