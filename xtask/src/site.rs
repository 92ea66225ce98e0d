//! The pages: served on this machine (`cargo xtask demo`), or as a folder for any static host (`cargo xtask site`).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use crate::serve::{self, Site};
use crate::{build, host, node};

/// Builds the wasm, serves the pages until the user ends it, and says where. The library's modules are served as they are
/// written: a reload shows a change.
pub fn demo(dev: bool, port: Option<u16>, open: bool) -> Result<()> {
    build::wasm(&build::Options { dev, variant: None })?;
    let root = host::root();
    // The port is taken only now: the build can take minutes, and an address that does not answer helps nobody.
    let (www, worker, wasm) = (root.join("www"), root.join("worker"), root.join("dist/wasm"));
    let policy = policy(&www)?;
    let list = describe(&policy, &[("", &www), ("dist/", &worker), ("dist/wasm/", &wasm)])?;
    let mounts = vec![("/dist/wasm/", wasm), ("/dist/", worker), ("/", www)];
    let site = Site::bind(port, mounts)?.with_policy(policy).with_text("/site.json", list);
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
    build::build(&build::Options { dev, variant: None })?;
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
    copy_tree(&root.join("dist"), &site.join("dist"), &|file| is_for_browsers(file) && !is_glue(file))?;
    let policy = policy(&site)?;
    fs::write(site.join("_headers"), headers(&policy))?;
    fs::write(site.join("site.json"), describe(&policy, &[("", &site)])?)?;
    let mut command = node::node();
    command.args(["tools/package/compress.mjs", "site"]);
    host::run(&mut command, node::MISSING)
}

/// Types and npm's papers are for people who build on the package.
fn is_for_browsers(file: &Path) -> bool {
    let name = file.to_string_lossy();
    !name.ends_with(".d.ts") && !name.ends_with(".json") && !name.ends_with(".md")
}

/// The glue of a build is a part of `engine.js` and `compute.js`.
fn is_glue(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "js")
        && file.components().any(|part| part.as_os_str() == "wasm")
}

/// The Content-Security-Policy of the pages: what the start page's own `<meta>` says.
fn policy(www: &Path) -> Result<String> {
    let page = fs::read_to_string(www.join("index.html")).context("www/index.html")?;
    let meta = page.split_once(r#"http-equiv="Content-Security-Policy" content=""#).map(|(_, rest)| rest);
    let policy = meta.and_then(|rest| rest.split_once('"')).context("www/index.html has no Content-Security-Policy")?.0;
    Ok(policy.to_owned())
}

/// `_headers`, which Netlify, Cloudflare Pages and others read: isolation, and for workers the pages' policy, which a page's
/// `<meta>` does not give them.
fn headers(policy: &str) -> String {
    format!(
        "/*\n  Cross-Origin-Opener-Policy: same-origin\n  Cross-Origin-Embedder-Policy: require-corp\n  \
         Cross-Origin-Resource-Policy: same-origin\n/dist/*.js\n  Content-Security-Policy: {policy}\n"
    )
}

/// `site.json` for the service worker: the policy, and the files that it may keep, models left out. Each folder with the
/// address under which it is served.
fn describe(policy: &str, folders: &[(&str, &Path)]) -> Result<String> {
    let mut files = vec!["./".to_owned()]; // the start page under the folder's own address
    for (prefix, folder) in folders {
        for file in files_below(folder)?.iter().filter(|file| is_for_browsers(file)) {
            let parts: Vec<_> = file.strip_prefix(folder)?.iter().map(|part| part.to_string_lossy()).collect();
            files.push(format!("{prefix}{}", parts.join("/")));
        }
    }
    files.retain(|file| {
        !file.ends_with(".gguf") && !file.ends_with(".map") && file != "_headers" && file != "coi-sw.js"
    });
    files.sort();
    Ok(json!({ "policy": policy, "files": files }).to_string())
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            files.append(&mut files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// Copies the files below `from` that `wanted` takes.
fn copy_tree(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_tree(&path, &target, wanted)?;
        } else if wanted(&path) {
            fs::create_dir_all(to)?;
            fs::copy(&path, &target).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_have_one_policy_and_the_list_names_their_files() -> Result<()> {
        let www = host::root().join("www");
        let policy = policy(&www)?;
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(fs::read_to_string(www.join("bench.html"))?.contains(&policy), "bench.html has another policy");
        let list: serde_json::Value = serde_json::from_str(&describe(&policy, &[("", &www)])?)?;
        assert_eq!(list["policy"], policy);
        let files: Vec<_> = list["files"].as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
        for name in ["./", "index.html", "app/chat.js"] {
            assert!(files.contains(&name), "{name}");
        }
        assert!(!files.iter().any(|name| name.ends_with(".gguf") || *name == "coi-sw.js"), "{files:?}");
        Ok(())
    }
}
