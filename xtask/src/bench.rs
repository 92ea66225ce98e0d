//! `cargo xtask bench`: a generated model of true size, measured in browsers beside llama.cpp's own runtime for them.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::verify::example;
use crate::{build, chrome, host, node};

/// llama.cpp's types in which the same shape is generated for the comparison.
const PEER_TYPES: [&str; 3] = ["q4_0", "tq2_0", "q2_0"];

/// The options of a measurement.
pub struct Options {
    /// A model file; else one of `shape` is generated.
    pub model: Option<PathBuf>,
    /// The shape of a generated model.
    pub shape: String,
    /// Whether a generated model is compared with llama.cpp.
    pub peers: bool,
    /// Take `dist/` as it is.
    pub built: bool,
    /// For `benches/browser.mjs`.
    pub rest: Vec<OsString>,
}

/// Builds what ships, generates the models where there are none, and runs the browser benchmark, which adds what it found to
/// benches/history.jsonl.
pub fn bench(options: &Options) -> Result<()> {
    node::ensure()?;
    let chrome = chrome::ensure()?;
    if !options.built {
        build::build(&build::Options::default())?;
    }
    let mut command = node::node();
    command.arg("benches/browser.mjs").env("CHROME", chrome);
    match &options.model {
        Some(model) => {
            command.arg(model);
        }
        None => {
            command.arg(generated(&options.shape, None)?);
            if options.peers {
                command.arg("--peers").arg(peers(&options.shape)?);
            }
        }
    }
    command.arg("--history").arg(host::root().join("benches/history.jsonl"));
    host::run(command.args(&options.rest), "Node is not installed")
}

/// `TYPE=FILE,...`
fn peers(shape: &str) -> Result<OsString> {
    let mut list = OsString::new();
    for name in PEER_TYPES {
        if !list.is_empty() {
            list.push(",");
        }
        list.push(format!("{name}="));
        list.push(generated(shape, Some(name))?);
    }
    Ok(list)
}

fn generated(shape: &str, blocks: Option<&str>) -> Result<PathBuf> {
    let folder = host::root().join(".cache/models");
    let name = blocks.map_or(shape.to_owned(), |blocks| format!("{shape}-{blocks}"));
    let file = folder.join(format!("{name}.gguf"));
    if !file.exists() {
        fs::create_dir_all(&folder)?;
        host::step(&format!("generate {name}"), || {
            let mut command = example();
            command.arg("generate").arg(shape).arg(&file);
            if let Some(blocks) = blocks {
                command.args(["--blocks", blocks]);
            }
            host::run(&mut command, "cargo is not installed")
        })?;
    }
    Ok(file)
}
