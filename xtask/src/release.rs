//! `cargo xtask release`: what is published, in one folder. Publishing itself is the workflow's part.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::{host, node, site};

const CHANGELOG: &str = "CHANGELOG.md";
/// How a section of the changelog begins that no release has yet.
const UNRELEASED: &str = "unreleased";

/// Writes the version into Cargo.toml, the examples and the changelog, where its section gets today's date.
pub fn prepare(version: String) -> Result<()> {
    if !is_version(&version) {
        bail!("--prepare is a version like 1.2.3 or 1.2.3-beta.1, not '{version}'");
    }
    let (manifest, changelog) = (host::root().join("Cargo.toml"), host::root().join(CHANGELOG));
    let date = date(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 86_400);
    let dated = dated(&fs::read_to_string(&changelog)?, &version, &date)?;
    let versioned = versioned(&fs::read_to_string(&manifest)?, &version)?;
    fs::write(changelog, dated)?;
    fs::write(manifest, versioned)?;
    name_version(&version)?;
    host::run(host::cargo().args(["update", "--workspace", "--offline"]), "cargo is not installed")?;
    println!("{version} of {date}: look at the changes, commit them, and tag that commit v{version}");
    Ok(())
}

/// Has the examples, and the guides that show parts of them, name this version.
fn name_version(version: &str) -> Result<()> {
    let old = env!("CARGO_PKG_VERSION");
    let mut files = site::files_below(&host::root().join("examples"))?;
    files.append(&mut site::files_below(&host::root().join("docs"))?);
    for file in files {
        let is_source = matches!(file.extension().and_then(OsStr::to_str), Some("json" | "html" | "md"));
        if !is_source || file.components().any(|part| part.as_os_str() == "node_modules") {
            continue;
        }
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let named = renamed(&text, old, version);
        if named != text {
            fs::write(&file, named)?;
        }
    }
    Ok(())
}

/// A text that names the new version of this package wherever it named the old one.
fn renamed(text: &str, old: &str, new: &str) -> String {
    ["\"bitnet-web\": \"", "bitnet-web@"]
        .iter()
        .fold(text.to_owned(), |text, lead| text.replace(&format!("{lead}{old}"), &format!("{lead}{new}")))
}

/// Builds and checks everything that is published, into `release/`.
pub fn release(tag: Option<String>) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    if let Some(tag) = tag.filter(|tag| tag.strip_prefix('v') != Some(version)) {
        bail!("the tag is {tag} and the version in Cargo.toml {version}");
    }
    let notes = section(&fs::read_to_string(host::root().join(CHANGELOG))?, version)?;
    let out = host::root().join("release");
    if out.exists() {
        fs::remove_dir_all(&out).context("release/ cannot be replaced")?;
    }
    fs::create_dir_all(&out)?;
    site::site(false)?;
    host::step("npm pack", || {
        let mut npm = Command::new("npm");
        npm.current_dir(host::root()).args(["pack", "./dist", "--ignore-scripts", "--pack-destination", "release"]);
        host::run(&mut npm, node::MISSING)
    })?;
    let tarball = format!("bitnet-web-{version}.tgz");
    host::step("checks of the tarball", || {
        let mut command = node::node();
        command.args(["tools/package/check.mjs", &format!("release/{tarball}")]);
        host::run(&mut command, node::MISSING)
    })?;
    let archive = format!("bitnet-web-site-{version}.tar.gz");
    host::run(
        Command::new("tar").current_dir(host::root()).args(["-czf", &format!("release/{archive}"), "site"]),
        "tar is not installed",
    )?;
    fs::write(out.join("NOTES.md"), notes)?;
    fs::write(out.join("SHA256SUMS"), digests(&out, &[&tarball, &archive])?)?;
    println!("release/ holds {tarball}, {archive}, NOTES.md and SHA256SUMS");
    Ok(())
}

/// A line for each file, as `sha256sum` writes and checks it.
fn digests(folder: &Path, names: &[&str]) -> Result<String> {
    let mut lines = String::new();
    for name in names {
        let script = "process.stdout.write(require('crypto').createHash('sha256').update(require('fs').readFileSync(process.argv[1])).digest('hex'))";
        let mut command = node::node();
        command.args(["--eval", script]).arg(folder.join(name));
        let digest = host::output_of(&mut command).with_context(|| format!("{name} cannot be read"))?;
        writeln!(lines, "{digest}  {name}")?;
    }
    Ok(lines)
}

/// Whether a text is a version of three numbers, with what may stand behind them.
fn is_version(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<_> = core.split('.').collect();
    numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u32>().is_ok())
}

/// The changelog with the version and the date above what it has as unreleased.
fn dated(changelog: &str, version: &str, date: &str) -> Result<String> {
    let heading = changelog.lines().find(|line| line.starts_with("## ")).unwrap_or_default();
    if !heading.to_lowercase().ends_with(UNRELEASED) {
        bail!("{CHANGELOG} begins with '{heading}': expected a section '## Unreleased' with what this release brings");
    }
    Ok(changelog.replacen(heading, &format!("## {version}, {date}"), 1))
}

/// Cargo.toml with another version of the workspace.
fn versioned(manifest: &str, version: &str) -> Result<String> {
    let line = manifest.lines().find(|line| line.starts_with("version = ")).context("Cargo.toml has no version")?;
    Ok(manifest.replacen(line, &format!("version = \"{version}\""), 1))
}

/// What the changelog says of a version, without its heading.
fn section(changelog: &str, version: &str) -> Result<String> {
    let mut lines = changelog.lines().skip_while(|line| !line.starts_with(&format!("## {version},")));
    let heading = lines.next().with_context(|| {
        format!("{CHANGELOG} has no section '## {version}, DATE': run `cargo xtask release --prepare {version}`")
    })?;
    if heading.to_lowercase().ends_with(UNRELEASED) {
        bail!("{CHANGELOG} calls {version} unreleased: run `cargo xtask release --prepare {version}`, and commit it");
    }
    let text: Vec<_> = lines.take_while(|line| !line.starts_with("## ")).collect();
    Ok(format!("{}\n", text.join("\n").trim()))
}

/// A day, counted from 1970-01-01, as YYYY-MM-DD. Howard Hinnant's `civil_from_days`, for days since 1970 alone.
fn date(day: u64) -> String {
    let shifted = day + 719_468; // days since 0000-03-01
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{:02}", of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_as_dates() {
        for (day, expected) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_783, "2026-11-26"),
        ] {
            assert_eq!(date(day), expected);
        }
    }

    #[test]
    fn versions() {
        for good in ["1.2.3", "0.1.0-beta.1"] {
            assert!(is_version(good), "{good}");
        }
        for bad in ["", "1.2", "v1.2.3", "1.2.3.4", "1.x.3"] {
            assert!(!is_version(bad), "{bad}");
        }
    }

    #[test]
    fn a_release_dates_its_section_and_takes_it_as_notes() -> Result<()> {
        let before = "# Changelog\n\n## Unreleased\n\n* New.\n\n## 0.1.0, 2026-01-02\n\n* Old.\n";
        assert!(section(before, "0.2.0").is_err(), "there is no such section yet");
        let after = dated(before, "0.2.0", "2026-11-26")?;
        assert!(after.contains("\n## 0.2.0, 2026-11-26\n"));
        assert_eq!(section(&after, "0.2.0")?, "* New.\n");
        assert_eq!(section(&after, "0.1.0")?, "* Old.\n");
        assert!(dated(&after, "0.3.0", "2026-11-27").is_err(), "nothing is unreleased");
        assert!(section("## 0.1.0, unreleased\n\n* New.\n", "0.1.0").is_err(), "a release has a date");
        assert_eq!(
            renamed("\"bitnet-web\": \"0.1.0\", bitnet-web@0.1.0/index.js, vite@0.1.0", "0.1.0", "0.2.0"),
            "\"bitnet-web\": \"0.2.0\", bitnet-web@0.2.0/index.js, vite@0.1.0"
        );
        assert_eq!(
            versioned("[workspace.package]\nversion = \"0.1.0\"\n", "0.2.0")?,
            "[workspace.package]\nversion = \"0.2.0\"\n"
        );
        Ok(())
    }
}
