//! What the pages need beside their sources: the list of their files for the service worker, the sealed page, and hints that
//! let a browser ask for every script at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;
use sha2::{Digest, Sha256};

/// The policy of the pages, and the one that allows no connection but to their own origin.
pub struct Policies {
    /// What the start page's own `<meta>` says.
    pub open: String,
    /// The same with the page's own origin as the only one that may be asked.
    pub sealed: String,
}

impl Policies {
    /// Reads them from the start page in `www`.
    pub fn of(www: &Path) -> Result<Self> {
        let page = fs::read_to_string(www.join("index.html")).context("www/index.html")?;
        let open = Self::of_page(&page)?;
        let sealed: Vec<_> = open
            .split(';')
            .map(str::trim)
            .map(|part| if part.starts_with("connect-src ") { "connect-src 'self' blob:" } else { part })
            .collect();
        Ok(Self { open: open.to_owned(), sealed: sealed.join("; ") })
    }

    /// What a page's own `<meta>` says.
    fn of_page(page: &str) -> Result<&str> {
        let meta = page.split_once(r#"http-equiv="Content-Security-Policy" content=""#).map(|(_, rest)| rest);
        Ok(meta.and_then(|rest| rest.split_once('"')).context("a page has no Content-Security-Policy")?.0)
    }
}

/// The start page with the policy that allows no connection elsewhere.
pub fn sealed_page(page: &str, policies: &Policies) -> String {
    page.replace(&policies.open, &policies.sealed)
}

/// The page with hints for every module that its script imports, however deep, and the size of the engine for its progress bar.
/// `file` finds the file behind an address.
pub fn with_hints(page: &str, file: &dyn Fn(&str) -> PathBuf) -> Result<String> {
    const SCRIPT: &str = r#"<script type="module" src="./"#;
    let mut hints = String::new();
    for (variant, address) in [("relaxed", "dist/wasm/relaxed"), ("simd128", "dist/wasm/simd128")] {
        let size = fs::metadata(file(&format!("{address}/bitnet_web_bg.wasm"))).map_or(0, |meta| meta.len());
        writeln!(hints, r#"  <meta name="engine-bytes-{variant}" content="{size}">"#)?;
    }
    let mut known: Vec<String> = Vec::new();
    for (_, rest) in page.match_indices(SCRIPT).map(|(at, _)| page.split_at(at + SCRIPT.len())) {
        let entry = rest.split('"').next().unwrap_or_default().to_owned();
        let first = known.len();
        follow(entry, file, &mut known)?;
        for address in known.iter().skip(first + 1) {
            writeln!(hints, r#"  <link rel="modulepreload" href="./{address}">"#)?;
        }
    }
    let at = page.find(SCRIPT).context("the page has no script")?;
    let at = page[..at].rfind('\n').map_or(0, |line| line + 1);
    Ok(format!("{}{hints}{}", &page[..at], &page[at..]))
}

/// Adds a module and what it imports to `known`.
fn follow(address: String, file: &dyn Fn(&str) -> PathBuf, known: &mut Vec<String>) -> Result<()> {
    if known.contains(&address) {
        return Ok(());
    }
    let text = fs::read_to_string(file(&address)).with_context(|| format!("{address}, which a page imports"))?;
    known.push(address.clone());
    for line in text.lines().map(str::trim_start) {
        // A statement may be broken into several lines: its last one has the address.
        let begins = line.starts_with("import ") || line.starts_with("export ") || line.starts_with('}');
        let target = if begins { line.split_once("from '").map(|(_, rest)| rest) } else { None };
        let target = target.or_else(|| line.strip_prefix("import '")).and_then(|rest| rest.split_once('\''));
        if let Some((target, _)) = target.filter(|(target, _)| target.starts_with('.')) {
            follow(joined(&address, target), file, known)?;
        }
    }
    Ok(())
}

/// The address that `target` means in the file at `address`.
fn joined(address: &str, target: &str) -> String {
    let mut parts: Vec<_> = address.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// What is behind an address.
pub enum Content {
    /// A file.
    File(PathBuf),
    /// A document that is made when it is asked for.
    Made(String),
}

/// `site.js` for the service worker: the policies, and the files that it may keep with the SHA-256 of each, models left out.
/// It is a script and not JSON, because a browser looks for a new version of a service worker in the scripts that it imports.
pub fn describe(policies: &Policies, files: &[(String, Content)]) -> Result<String> {
    let mut hashes = BTreeMap::new();
    for (address, content) in files {
        if address.ends_with(".gguf") || ["_headers", "coi-sw.js", "site.js"].contains(&address.as_str()) {
            continue;
        }
        let hash = match content {
            Content::File(path) => hex(&Sha256::digest(fs::read(path).with_context(|| path.display().to_string())?)),
            Content::Made(text) => hex(&Sha256::digest(text)),
        };
        if address == "index.html" {
            hashes.insert("./".to_owned(), hash.clone()); // the start page under the folder's own address
        }
        hashes.insert(address.clone(), hash);
    }
    let version = &hex(&Sha256::digest(serde_json::to_vec(&hashes)?))[..16];
    let site = json!({ "version": version, "policy": policies.open, "sealedPolicy": policies.sealed, "files": hashes });
    Ok(format!("self.SITE = {site};\n"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // a String takes everything
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host;

    fn www() -> PathBuf {
        host::root().join("www")
    }

    #[test]
    fn the_pages_have_one_policy_and_the_sealed_one_allows_their_own_origin_alone() -> Result<()> {
        let policies = Policies::of(&www())?;
        assert!(policies.open.contains("default-src 'none'"), "{}", policies.open);
        assert!(policies.open.contains("connect-src 'self' https:"), "{}", policies.open);
        assert!(policies.sealed.contains("connect-src 'self' blob:;"), "{}", policies.sealed);
        assert!(!policies.sealed.contains("http"), "{}", policies.sealed);
        assert_eq!(policies.open.split(';').count(), policies.sealed.split(';').count());
        let policy_of = |name: &str| anyhow::Ok(Policies::of_page(&fs::read_to_string(www().join(name))?)?.to_owned());
        assert_eq!(policy_of("lanes.html")?, policies.open);
        // It has a frame of this site, for an engine whose workers no other document allows.
        assert_eq!(policy_of("bench.html")?, format!("{}; frame-src 'self'", policies.open));
        let framed = policy_of("bench/wllama.html")?;
        assert!(
            framed.contains("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:"),
            "{framed}"
        );
        assert!(framed.contains("connect-src 'self' blob:;") && !framed.contains("http"), "{framed}");
        let sealed = sealed_page(&fs::read_to_string(www().join("index.html"))?, &policies);
        assert!(sealed.contains(&policies.sealed) && !sealed.contains(&policies.open));
        Ok(())
    }

    #[test]
    fn a_page_names_every_module_that_it_imports() -> Result<()> {
        let file = |address: &str| match address.strip_prefix("dist/") {
            Some(name) => host::root().join("worker").join(name),
            None => www().join(address),
        };
        for (page, entry) in [("index.html", "app.js"), ("bench.html", "bench.js"), ("lanes.html", "lanes.js")] {
            let text = with_hints(&fs::read_to_string(www().join(page))?, &file)?;
            for address in ["dist/index.js", "dist/error.js", "app/dom.js"] {
                assert_eq!(
                    text.matches(&format!(r#"modulepreload" href="./{address}""#)).count(),
                    1,
                    "{page}: {address}"
                );
            }
            assert!(!text.contains(&format!(r#"modulepreload" href="./{entry}""#)), "{page}");
        }
        Ok(())
    }

    #[test]
    fn addresses_are_joined() {
        assert_eq!(joined("app/chat.js", "./dom.js"), "app/dom.js");
        assert_eq!(joined("app/chat.js", "../dist/index.js"), "dist/index.js");
        assert_eq!(joined("app.js", "./app/texts/en.js"), "app/texts/en.js");
    }

    #[test]
    fn the_list_names_files_with_their_hash_and_leaves_models_out() -> Result<()> {
        let files: Vec<_> = ["index.html", "app/chat.js", "coi-sw.js"]
            .map(|name| (name.to_owned(), Content::File(www().join(name))))
            .into_iter()
            .chain([("models/demo.gguf".to_owned(), Content::File(www().join("none")))])
            .collect();
        let text = describe(&Policies::of(&www())?, &files)?;
        let json =
            text.strip_prefix("self.SITE = ").and_then(|rest| rest.strip_suffix(";\n")).context("a statement")?;
        let site: serde_json::Value = serde_json::from_str(json)?;
        let names: Vec<_> = site["files"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["./", "app/chat.js", "index.html"]);
        assert_eq!(site["files"]["./"], site["files"]["index.html"]);
        assert_eq!(site["version"].as_str().map(str::len), Some(16));
        Ok(())
    }
}
