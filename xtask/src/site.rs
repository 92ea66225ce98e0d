//! The pages: served on this machine (`cargo xtask demo`), or as a folder for any static host (`cargo xtask site`).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::pages::{self, Content, Policies};
use crate::serve::{self, Site};
use crate::{build, check, host, node};

/// The package that the benchmark page measures beside ours when a visitor asks for it.
const WLLAMA: &str = "node_modules/@wllama/wllama";

/// What the page takes of it.
const WLLAMA_FILES: [&str; 3] = ["esm/index.js", "esm/wasm/wllama.wasm", "LICENCE"];

/// Builds the wasm, serves the pages until the user ends it, and says where. The pages and the library's modules are served as
/// they are written: a reload shows a change.
pub fn demo(dev: bool, port: Option<u16>, open: bool) -> Result<()> {
    build::wasm(&build::Options { dev, variant: None })?;
    let root = host::root();
    // The port is taken only now: the build can take minutes, and an address that does not answer helps nobody.
    let (www, worker, wasm) = (root.join("www"), root.join("worker"), root.join("dist/wasm"));
    let policies = Policies::of(&www)?;
    let mounts = vec![("/dist/wasm/", wasm), ("/dist/", worker), ("/wllama/", root.join(WLLAMA)), ("/", www)];
    let site = Site::bind(port, mounts)?.with_policies(policies).with_made(Box::new(made));
    let address = site.address();
    println!("\nbitnet-web is at {address}  (Ctrl+C ends it)");
    if open {
        serve::open(&address);
    }
    site.serve()
}

/// The documents that `gather` would write, made when they are asked for.
fn made(address: &str) -> Option<Result<String>> {
    let root = host::root();
    let www = root.join("www");
    let file = |address: &str| match address.strip_prefix("dist/") {
        Some(name) if name.starts_with("wasm/") => root.join("dist").join(name),
        Some(name) => root.join("worker").join(name),
        None => www.join(address),
    };
    let page =
        |name: &str| pages::with_hints(&fs::read_to_string(www.join(name)).with_context(|| name.to_owned())?, &file);
    Some(match address {
        "/" | "/index.html" => page("index.html"),
        "/bench.html" => page("bench.html"),
        "/lanes.html" => page("lanes.html"),
        "/sealed.html" => {
            Policies::of(&www).and_then(|policies| Ok(pages::sealed_page(&page("index.html")?, &policies)))
        }
        "/bench/history.jsonl" => history(&root),
        "/site.js" => site_script(&root),
        _ => return None,
    })
}

/// `site.js` of the demo, whose files lie in several folders.
fn site_script(root: &Path) -> Result<String> {
    let mut files = addressed("", &root.join("www"))?;
    files.extend(addressed("dist/", &root.join("worker"))?);
    files.extend(addressed("dist/wasm/", &root.join("dist/wasm"))?);
    files.retain(|(address, _)| !address.ends_with(".html"));
    for name in ["index.html", "bench.html", "lanes.html", "sealed.html"] {
        let text = made(&format!("/{name}")).with_context(|| name.to_owned())??;
        files.push((name.to_owned(), Content::Made(text)));
    }
    files.push(("bench/history.jsonl".to_owned(), Content::Made(history(root)?)));
    pages::describe(&Policies::of(&root.join("www"))?, &files)
}

/// The record of benchmarks, whose machines the benchmark page shows beside the visitor's.
fn history(root: &Path) -> Result<String> {
    fs::read_to_string(root.join("benches/history.jsonl")).context("benches/history.jsonl")
}

/// Builds, and gathers the result.
pub fn site(dev: bool) -> Result<()> {
    build::build(&build::Options { dev, variant: None })?;
    host::step("site/", || gather(true))?;
    println!("site/ is ready: copy it to any static host, under any path");
    Ok(())
}

/// Puts the pages, the built runtime, the licences and the documentation into `site/`, with compressed copies. Every address in
/// them is relative.
/// With `internals` the documentation leads to that of the Rust code, which takes a minute and 25 MB.
pub fn gather(internals: bool) -> Result<()> {
    let root = host::root();
    let site = root.join("site");
    if site.exists() {
        fs::remove_dir_all(&site).context("site/ cannot be replaced")?;
    }
    copy_tree(&root.join("www"), &site, &|file| !file.to_string_lossy().ends_with(".d.ts"))?;
    copy_tree(&root.join("dist"), &site.join("dist"), &|file| is_for_browsers(file) && !is_glue(file))?;
    fs::write(site.join("bench/history.jsonl"), history(&root)?)?;
    let policies = Policies::of(&site)?;
    for name in ["index.html", "bench.html", "lanes.html"] {
        let page = fs::read_to_string(site.join(name)).with_context(|| name.to_owned())?;
        fs::write(site.join(name), pages::with_hints(&page, &|address| site.join(address))?)?;
    }
    let start = with_link_to_docs(&fs::read_to_string(site.join("index.html"))?)?;
    fs::write(site.join("index.html"), &start)?;
    fs::write(site.join("sealed.html"), pages::sealed_page(&start, &policies))?;
    fs::write(site.join("_headers"), headers(&policies))?;
    fs::write(site.join("site.js"), pages::describe(&policies, &addressed("", &site)?)?)?;
    // After the list of files that the service worker keeps: nobody needs these without a network, or before asking for them.
    node::ensure_docs()?;
    for name in WLLAMA_FILES {
        let target = site.join("wllama").join(name);
        fs::create_dir_all(target.parent().unwrap_or(&site))?;
        fs::copy(root.join(WLLAMA).join(name), &target).with_context(|| format!("{WLLAMA}/{name}"))?;
    }
    let flags: &[&str] = if internals { &["--internals"] } else { &[] };
    host::run(node::node().args(["docs/build.mjs", "site/docs"]).args(flags), node::MISSING)?;
    let mut command = node::node();
    command.args(["tools/package/compress.mjs", "site"]);
    host::run(&mut command, node::MISSING)?;
    if internals { document(&site.join("docs/internals")) } else { Ok(()) }
}

/// The start page with a link to the documentation, which lies beside the pages in the site and not in the demo.
fn with_link_to_docs(page: &str) -> Result<String> {
    const BEFORE: &str = r#"data-t="nav.benchmark">Benchmark</a>"#;
    let (before, after) = page.split_once(BEFORE).context("www/index.html has no link to the benchmark in its bar")?;
    Ok(format!("{before}{BEFORE}\n      <a class=\"quiet wide-only\" href=\"./docs/index.html\">Docs</a>{after}"))
}

/// The documentation of the Rust code, private items too.
fn document(out: &Path) -> Result<()> {
    for package in host::PACKAGES.into_iter().filter(|package| *package != "xtask") {
        check::document(host::cargo().arg("doc"), package)?;
    }
    copy_tree(&host::target_dir().join("doc"), out, &|_| true)?;
    // rustdoc's pages of help and settings lead to an index that it does not write for several crates.
    let first = "bitnet_web/index.html";
    let index = format!(
        "<!doctype html><title>bitnet_web</title><meta http-equiv=\"refresh\" content=\"0; url={first}\"><a href=\"{first}\">bitnet_web</a>\n"
    );
    fs::write(out.join("index.html"), index).context("docs/internals/index.html")
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

/// `_headers`, which Netlify, Cloudflare Pages and others read: isolation, a question after every kept file that costs no bytes
/// where it has not changed, and for workers the pages' policies, which a page's `<meta>` does not give them.
fn headers(policies: &Policies) -> String {
    let Policies { open, sealed } = policies;
    format!(
        "/*\n  Cross-Origin-Opener-Policy: same-origin\n  Cross-Origin-Embedder-Policy: require-corp\n  \
         Cross-Origin-Resource-Policy: same-origin\n  Cache-Control: no-cache\n\
         /dist/*.js\n  Content-Security-Policy: {open}\n\
         /sealed/*.js\n  Content-Security-Policy: {sealed}\n"
    )
}

/// The files below `folder` that a browser may want, with the addresses under which they are served.
fn addressed(prefix: &str, folder: &Path) -> Result<Vec<(String, Content)>> {
    files_below(folder)?
        .into_iter()
        .filter(|path| is_for_browsers(path) && path.extension().is_none_or(|extension| extension != "map"))
        .map(|path| {
            let parts: Vec<_> = path.strip_prefix(folder)?.iter().map(|part| part.to_string_lossy()).collect();
            Ok((format!("{prefix}{}", parts.join("/")), Content::File(path.clone())))
        })
        .collect()
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            files.append(&mut files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
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
