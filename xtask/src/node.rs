//! Node and the development packages of package.json: for the package's scripts and types, and for tests. The demo needs none.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::host;

/// The oldest Node that the development packages run on.
const OLDEST: (u32, u32) = (20, 19);
/// The sentence for a machine without Node.
pub const MISSING: &str = "Node 20 is not installed: the package and the tests need it, https://nodejs.org";

/// Makes sure that Node and `node_modules/`, as the lock file has it, are there.
pub fn ensure() -> Result<()> {
    let Some(version) = host::output_of(Command::new("node").arg("--version")) else {
        bail!("{MISSING}");
    };
    if parse(version.trim()).is_none_or(|found| found < OLDEST) {
        bail!("Node {}.{} or newer is needed, found {}", OLDEST.0, OLDEST.1, version.trim());
    }
    install(&host::root())
}

/// Makes sure of the packages that make the documentation, too: they are apart, because they need another TypeScript.
pub fn ensure_docs() -> Result<()> {
    ensure()?;
    install(&host::root().join("docs"))
}

/// Installs what the lock file of a folder has, where it is not there already.
fn install(folder: &Path) -> Result<()> {
    let lock = fs::read(folder.join("package-lock.json")).context("package-lock.json")?;
    let stamp = folder.join("node_modules/.installed-lock");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    host::step("npm ci", || {
        let mut npm = Command::new("npm");
        npm.current_dir(folder).args(["ci", "--ignore-scripts", "--no-fund", "--no-audit"]);
        host::run(&mut npm, "npm is not installed: it comes with Node 20, https://nodejs.org")
    })?;
    fs::write(stamp, lock).context("node_modules cannot be written")
}

/// `v20.19.2` as (20, 19).
fn parse(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.strip_prefix('v')?.split('.').map(|part| part.parse::<u32>().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Node, in the repository's root. `ensure` comes first.
pub fn node() -> Command {
    let mut command = Command::new("node");
    command.current_dir(host::root());
    command
}

/// Runs tsc on a project file; it prints what it finds. By its path: several versions of it are installed.
pub fn tsc(project: &str) -> Result<()> {
    let mut command = node();
    command.args(["node_modules/typescript/bin/tsc", "--project", project]);
    host::run(&mut command, MISSING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(parse("v20.19.2"), Some((20, 19)));
        assert_eq!(parse("v9.0"), Some((9, 0)));
        assert_eq!(parse("20.19.2"), None);
        assert_eq!(parse("v20"), None);
    }
}
