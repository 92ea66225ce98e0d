//! What the pinned toolchain lacks on a fresh machine: the wasm target, and std's sources to rebuild it with threads.

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
    let rustlib = std::path::Path::new(sysroot.trim()).join("lib/rustlib");
    let missing = "rustup is not installed: it brings the wasm target that this build needs, https://rustup.rs";
    if !rustlib.join("wasm32-unknown-unknown/lib").is_dir() {
        host::run(rustup().args(["target", "add", "wasm32-unknown-unknown"]), missing)?;
    }
    if !rustlib.join("src/rust/library/std/Cargo.toml").is_file() {
        host::run(rustup().args(["component", "add", "rust-src"]), missing)?;
    }
    Ok(())
}

/// rustup reads rust-toolchain.toml of the folder it runs in.
fn rustup() -> Command {
    let mut command = Command::new("rustup");
    command.current_dir(host::root());
    command
}
