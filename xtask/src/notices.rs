//! The licences of everything that is compiled into the wasm, for `THIRD-PARTY-NOTICES.txt`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::host;

/// The licences that MIT OR Apache-2.0 code may ship with. Another one is a decision for a person.
const PERMITTED: [&str; 10] = [
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "CC0-1.0",
];

/// The crates that become WebAssembly modules.
const SHIPPED: [&str; 2] = ["bitnet-web", "bitnet-grammar"];

/// The names of files that hold a licence or a notice of a crate.
const TEXT_FILES: [&str; 5] = ["license", "licence", "copying", "unlicense", "notice"];

/// A crate in the wasm.
struct Crate {
    name: String,
    version: String,
    licence: String,
    /// Licence texts, line ends and outer blanks made alike.
    texts: Vec<String>,
}

/// The whole file: a table of the crates, then every distinct text with the crates it belongs to.
pub fn notices() -> Result<String> {
    let mut crates = shipped_crates()?;
    crates.push(standard_library()?);
    let mut out = String::from(
        "bitnet-web is licensed under MIT OR Apache-2.0 (LICENSE-MIT, LICENSE-APACHE).\n\
         Its WebAssembly contains the following software of others.\n\n",
    );
    for item in &crates {
        let _ = writeln!(out, "{} {}: {}", item.name, item.version, item.licence);
    }
    let mut holders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for item in &crates {
        for text in &item.texts {
            holders.entry(text).or_default().insert(&item.name);
        }
    }
    let mut texts: Vec<_> =
        holders.into_iter().map(|(text, names)| (names.into_iter().collect::<Vec<_>>(), text)).collect();
    texts.sort();
    for (names, text) in texts {
        let _ = write!(out, "\n{}\n{}\n\n{text}\n", "-".repeat(80), names.join(", "));
    }
    Ok(out)
}

/// The crates that the library links for wasm32: no build scripts, no procedural macros, no tests.
fn shipped_crates() -> Result<Vec<Crate>> {
    let mut command = host::cargo();
    command.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", "wasm32-unknown-unknown"]);
    let text = host::output_of(&mut command).context("cargo metadata fails: is Cargo.lock up to date?")?;
    let metadata: Value = serde_json::from_str(&text)?;
    let packages: HashMap<&str, &Value> = by_id(&metadata["packages"]);
    let nodes: HashMap<&str, &Value> = by_id(&metadata["resolve"]["nodes"]);
    let mut open = Vec::new();
    for root in SHIPPED {
        let id = packages.iter().find(|(_, package)| package["name"] == root).map(|(id, _)| *id);
        open.push(id.with_context(|| format!("cargo metadata names no {root}"))?);
    }
    let mut seen: BTreeSet<&str> = open.iter().copied().collect();
    while let Some(id) = open.pop() {
        for dependency in list(&nodes[id]["deps"]) {
            let linked = list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            let Some(id) = dependency["pkg"].as_str().filter(|id| linked && !is_proc_macro(packages[id])) else {
                continue;
            };
            if seen.insert(id) {
                open.push(id);
            }
        }
    }
    // The workspace's own crates come from no registry; their licence is said above the table.
    let foreign = seen.into_iter().map(|id| packages[id]).filter(|package| !package["source"].is_null());
    let mut crates = foreign.map(describe).collect::<Result<Vec<_>>>()?;
    crates.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(crates)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn by_id(packages: &Value) -> HashMap<&str, &Value> {
    list(packages).iter().filter_map(|package| Some((package["id"].as_str()?, package))).collect()
}

fn is_proc_macro(package: &Value) -> bool {
    list(&package["targets"]).iter().any(|target| list(&target["kind"]).iter().any(|kind| kind == "proc-macro"))
}

fn describe(package: &Value) -> Result<Crate> {
    let field = |name: &str| package[name].as_str().unwrap_or_default().to_owned();
    let (name, licence) = (field("name"), field("license"));
    if let Some(unknown) = licences_in(&licence).find(|licence| !PERMITTED.contains(licence)) {
        bail!(
            "{name} is licensed under '{licence}': '{unknown}' is not in the list of permitted licences in xtask/src/notices.rs"
        );
    }
    let manifest = field("manifest_path");
    let texts = texts_of(Path::new(&manifest).parent().unwrap_or(Path::new("")), &licence)?;
    if texts.is_empty() {
        bail!("{name} comes without a licence text, which {licence} asks to be passed on");
    }
    Ok(Crate { name, version: field("version"), licence, texts })
}

/// The licence names in an SPDX expression, or in the older `MIT/Apache-2.0`; an empty one counts as a name.
fn licences_in(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split([' ', '(', ')', '/']);
    words.filter(move |word| !matches!(*word, "OR" | "AND" | "WITH") && (!word.is_empty() || expression.is_empty()))
}

fn texts_of(folder: &Path, licence: &str) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        if path.is_file() && TEXT_FILES.iter().any(|prefix| name.starts_with(prefix)) {
            files.push((name, path));
        }
    }
    files.sort();
    // Where MIT is one of the alternatives, MIT it is: the shortest of them.
    if !licence.contains(" AND ") && files.iter().any(|(name, _)| name.contains("mit")) {
        files.retain(|(name, _)| name.contains("mit") || name.starts_with("notice"));
    }
    files.into_iter().map(|(_, path)| Ok(tidy(&fs::read_to_string(path)?))).collect()
}

/// Rust's standard library is compiled in as well; its sources carry no texts, but they are ours with another holder.
fn standard_library() -> Result<Crate> {
    let text = fs::read_to_string(host::root().join("LICENSE-MIT"))?;
    let text = text.lines().map(|line| match line.starts_with("Copyright") {
        true => "Copyright (c) The Rust Project Contributors",
        false => line,
    });
    Ok(Crate {
        name: "The Rust standard library".to_owned(),
        version: host::output_of(std::process::Command::new("rustc").current_dir(host::root()).arg("--version"))
            .and_then(|version| Some(version.split_whitespace().nth(1)?.to_owned()))
            .unwrap_or_default(),
        licence: "MIT OR Apache-2.0".to_owned(),
        texts: vec![tidy(&text.collect::<Vec<_>>().join("\n"))],
    })
}

fn tidy(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_names() {
        let names = |text| licences_in(text).collect::<Vec<_>>();
        assert_eq!(names("(MIT OR Apache-2.0) AND Unicode-3.0"), ["MIT", "Apache-2.0", "Unicode-3.0"]);
        assert_eq!(names("MIT/Apache-2.0"), ["MIT", "Apache-2.0"]);
        assert_eq!(names(""), [""]);
    }

    #[test]
    fn every_shipped_crate_is_named_with_its_text() -> Result<()> {
        let text = notices()?;
        for name in [
            "llguidance",
            "derivre",
            "regex-automata",
            "unicode-general-category",
            "wasm-bindgen",
            "The Rust standard library",
        ] {
            assert!(text.contains(&format!("\n{name} ")), "{name}");
        }
        for name in ["boon", "proptest", "tokenizers"] {
            assert!(!text.contains(&format!("\n{name} ")), "a test's crate does not ship: {name}");
        }
        assert!(!text.contains("\nserde_derive "), "a procedural macro does not ship");
        assert!(text.contains("Apache License"));
        Ok(())
    }
}
