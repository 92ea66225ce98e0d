//! The browser of the tests: found, or installed where that takes no question.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::host;

/// Names under which the package managers put it on the PATH.
const NAMES: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
/// Where it lies on systems that do not put it on the PATH.
const PLACES: [&str; 3] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/// A Chrome or Chromium: what `CHROME` names, else what is installed, else Debian's package where this user may add it.
pub fn ensure() -> Result<PathBuf> {
    if let Some(named) = env::var_os("CHROME") {
        let path = PathBuf::from(named);
        return match path.is_file() {
            true => Ok(path),
            false => bail!("CHROME is set to {}, which is not a file", path.display()),
        };
    }
    if let Some(path) = find() {
        return Ok(path);
    }
    if is_root() && on_path("apt-get").is_some() {
        host::step("apt-get install chromium", install)?;
        if let Some(path) = find() {
            return Ok(path);
        }
    }
    bail!("the tests need a browser: install Chrome or Chromium (Debian: apt install chromium), or name one in CHROME")
}

fn find() -> Option<PathBuf> {
    NAMES.iter().find_map(|name| on_path(name)).or_else(|| PLACES.iter().map(PathBuf::from).find(|path| path.is_file()))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn is_root() -> bool {
    host::output_of(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0")
}

fn install() -> Result<()> {
    let missing = "apt-get is not installed";
    host::run(apt().arg("update"), missing)?;
    host::run(apt().args(["install", "--yes", "--no-install-recommends", "chromium", "fonts-dejavu-core"]), missing)
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    // Another program may be installing something, as on a machine that has just started.
    command
        .args(["-qq", "-o", "DPkg::Lock::Timeout=300"])
        .current_dir(Path::new("/"))
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}
