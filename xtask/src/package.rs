//! The files in `dist/` beside the wasm: the scripts as they are written, and the package.json for npm.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::{host, notices};

/// Files of the repository's root that go into the package as they are.
const DOCUMENTS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Puts the scripts of `worker/`, the licences and package.json into `dist`.
pub fn assemble(dist: &Path) -> Result<()> {
    let root = host::root();
    fs::create_dir_all(dist)?;
    remove_files(dist)?;
    let mut scripts = copy_scripts(&root.join("worker"), dist)?;
    scripts.sort();
    for name in DOCUMENTS {
        let source = root.join(name);
        if source.is_file() {
            fs::copy(&source, dist.join(name)).with_context(|| name.to_owned())?;
        }
    }
    fs::write(dist.join("THIRD-PARTY-NOTICES.txt"), notices::notices()?)?;
    fs::write(dist.join("package.json"), manifest(&scripts)).context("dist/package.json")
}

/// A script that was renamed or removed must not ship for ever.
fn remove_files(dist: &Path) -> Result<()> {
    for entry in fs::read_dir(dist)? {
        let path = entry?.path();
        if path.is_file() {
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

fn copy_scripts(worker: &Path, dist: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(worker).context("worker/")? {
        let path = entry?.path();
        if path.extension() != Some(OsStr::new("js")) {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        fs::copy(&path, dist.join(&name)).with_context(|| path.display().to_string())?;
        names.push(name);
    }
    Ok(names)
}

/// package.json of what is published; the one in the repository's root is for its development alone. Written as text,
/// because the order of conditions decides which one counts: `types` must stand first.
fn manifest(scripts: &[String]) -> String {
    let entry = |address: &str, script: &str| {
        let types = script.replace(".js", ".d.ts");
        format!(r#"    "{address}": {{ "types": "./{types}", "default": "./{script}" }},"#)
    };
    // Every script by name: a bundler or a host may want to place the workers itself.
    let mut exports = vec![entry(".", "index.js")];
    exports.extend(scripts.iter().map(|script| entry(&format!("./{script}"), script)));
    let exports = exports.join("\n");
    let version = env!("CARGO_PKG_VERSION");
    // Workers do something when they are loaded, and the glue listens for panics; the rest can be dropped where unused.
    format!(
        r#"{{
  "name": "bitnet-web",
  "version": "{version}",
  "description": "Ternary large language models (BitNet b1.58) in a browser tab, on the CPU",
  "keywords": ["bitnet", "llm", "ternary", "wasm", "webassembly", "simd", "gguf", "browser", "inference"],
  "license": "MIT OR Apache-2.0",
  "type": "module",
  "main": "./index.js",
  "types": "./index.d.ts",
  "exports": {{
{exports}
    "./wasm/*": "./wasm/*",
    "./package.json": "./package.json"
  }},
  "sideEffects": ["./engine.js", "./compute.js", "./glue.js"],
  "files": ["*.js", "*.d.ts", "wasm", "README.md", "CHANGELOG.md", "LICENSE-*", "THIRD-PARTY-NOTICES.txt"]
}}
"#
    )
}
