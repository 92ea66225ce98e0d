//! The pages: served on this machine (`cargo xtask demo`), or as a folder for any static host (`cargo xtask site`).

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::serve::{self, Site};
use crate::{build, host};

/// Builds, serves the pages until the user ends it, and says where.
pub fn demo(dev: bool, port: Option<u16>, open: bool) -> Result<()> {
    build::runtime(&build::Options { dev, variant: None })?;
    let root = host::root();
    // The port is taken only now: the build can take minutes, and an address that does not answer helps nobody.
    let site = Site::bind(port, vec![("/dist/", root.join("dist")), ("/", root.join("www"))])?;
    let address = site.address();
    println!("\nbitnet-web is at {address}  (Ctrl+C ends it)");
    if open {
        serve::open(&address);
    }
    site.serve();
    Ok(())
}

/// Builds, and gathers the result.
pub fn site(dev: bool) -> Result<()> {
    build::runtime(&build::Options { dev, variant: None })?;
    host::step("site/", gather)?;
    println!("site/ is ready: copy it to any static host, under any path");
    Ok(())
}

/// Puts the pages, the built runtime and the licences into `site/`. Every address in them is relative.
pub fn gather() -> Result<()> {
    let root = host::root();
    let site = root.join("site");
    if site.exists() {
        fs::remove_dir_all(&site).context("site/ cannot be replaced")?;
    }
    copy_tree(&root.join("www"), &site, &|_| true)?;
    // Types and npm's papers are for people who build on the package, not for a browser.
    copy_tree(&root.join("dist"), &site.join("dist"), &|file| {
        let name = file.to_string_lossy();
        !name.ends_with(".d.ts") && !name.ends_with(".json") && !name.ends_with(".md")
    })
}

/// Copies the files below `from` that `wanted` takes.
fn copy_tree(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_tree(&path, &target, wanted)?;
        } else if wanted(&path) {
            fs::copy(&path, &target).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
