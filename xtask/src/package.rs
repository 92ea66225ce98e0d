//! The npm package in `dist/` beside its wasm: bundled scripts, types, papers and package.json.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::{host, node, notices};

/// Files of the repository's root that go into the package as they are.
const DOCUMENTS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Takes away all but the wasm, package.json with it: until [`assemble`] has come to its end, the folder is no package and
/// cannot be packed.
pub fn open(dist: &Path) -> Result<()> {
    fs::create_dir_all(dist)?;
    for entry in fs::read_dir(dist)? {
        let path = entry?.path();
        // A script that was renamed or removed must not ship for ever.
        if path.is_file() {
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

/// Puts everything but the wasm into `dist`, the package.json last. `node::ensure` comes first.
pub fn assemble(dist: &Path) -> Result<()> {
    let root = host::root();
    for name in DOCUMENTS {
        fs::copy(root.join(name), dist.join(name)).with_context(|| name.to_owned())?;
    }
    fs::write(dist.join("THIRD-PARTY-NOTICES.txt"), notices::notices()?)?;
    let mut command = node::node();
    command.args(["tools/package/build.mjs", env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_REPOSITORY")]);
    host::run(&mut command, node::MISSING)
}
