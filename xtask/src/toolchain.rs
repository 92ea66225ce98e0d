//! Installs the parts of the pinned toolchain that a fresh machine lacks: the wasm target, and std's sources to rebuild it
//! with threads.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::host;

/// The sentence for a machine without Rust, which can only be seen where cargo was removed under a built xtask.
pub const MISSING: &str = "cargo is not installed: https://rustup.rs";

/// Adds the wasm target and rust-src where they are missing.
pub fn ensure() -> Result<()> {
    let Some(sysroot) = host::output_of(Command::new("rustc").current_dir(host::root()).args(["--print", "sysroot"]))
    else {
        bail!("rustc does not run: install Rust with rustup, https://rustup.rs");
    };
    let rustlib = Path::new(sysroot.trim()).join("lib/rustlib");
    if !rustlib.join("wasm32-unknown-unknown/lib").is_dir() {
        rustup(&["target", "add", "wasm32-unknown-unknown"])?;
    }
    if !rustlib.join("src/rust/library/std/Cargo.toml").is_file() {
        rustup(&["component", "add", "rust-src"])?;
    }
    Ok(())
}

/// Adds rustfmt and clippy where they are missing: a toolchain that was there before has what its owner chose.
pub fn ensure_checkers() -> Result<()> {
    for (component, command) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if host::output_of(host::cargo().args([command, "--version"])).is_none() {
            rustup(&["component", "add", component])?;
        }
    }
    Ok(())
}

/// rustup reads rust-toolchain.toml of the folder it runs in.
fn rustup(args: &[&str]) -> Result<()> {
    let missing = "rustup is not installed: it brings what this build adds to Rust, https://rustup.rs";
    host::run(Command::new("rustup").current_dir(host::root()).args(args), missing)
}

/// The version of LLVM in the pinned compiler, such as (22, 1, 2).
pub fn llvm_version() -> Option<(u32, u32, u32)> {
    let told = host::output_of(Command::new("rustc").current_dir(host::root()).arg("-vV"))?;
    let version = told.lines().find_map(|line| line.strip_prefix("LLVM version: "))?;
    let mut numbers = version.trim().split('.').map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}
