//! What lies in `dist/` beside the wasm.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::host;

/// Copies the JavaScript of `worker/`, which ships as it is written.
pub fn copy_scripts(dist: &Path) -> Result<()> {
    let source = host::root().join("worker");
    fs::create_dir_all(dist)?;
    if !source.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(&source).with_context(|| source.display().to_string())? {
        let path = entry?.path();
        if let (Some("js"), Some(name)) = (path.extension().and_then(|e| e.to_str()), path.file_name()) {
            fs::copy(&path, dist.join(name)).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
