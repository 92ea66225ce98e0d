//! One wasm build: std and the crate compiled with threads, then the JavaScript glue around it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::host;

/// wasm32 addresses 65536 pages of 64 KiB; the last one stays out so that no address or length wraps to 0.
const MAX_MEMORY_BYTES: u64 = 65535 * 65536;

/// One of the two builds; the page asks `WebAssembly.validate` which one its browser takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// With relaxed SIMD (Chromium, Firefox).
    Relaxed,
    /// SIMD128 alone (WebKit).
    Simd128,
}

impl Variant {
    pub const ALL: [Self; 2] = [Self::Relaxed, Self::Simd128];

    pub fn name(self) -> &'static str {
        match self {
            Self::Relaxed => "relaxed",
            Self::Simd128 => "simd128",
        }
    }

    /// Everything rustc is told for this variant, beyond the profile.
    fn rustflags(self) -> Vec<String> {
        let simd = match self {
            Self::Relaxed => "+simd128,+relaxed-simd",
            Self::Simd128 => "+simd128",
        };
        let mut flags = vec![
            format!("-Ctarget-feature={simd},+atomics,+bulk-memory,+mutable-globals"),
            r#"--cfg=getrandom_backend="wasm_js""#.to_owned(),
            "-Clink-arg=--shared-memory".to_owned(),
            "-Clink-arg=--import-memory".to_owned(),
            format!("-Clink-arg=--max-memory={MAX_MEMORY_BYTES}"),
        ];
        // wasm-bindgen's thread transform finds the stack and the thread-local block by these.
        for symbol in ["__heap_base", "__wasm_init_tls", "__tls_size", "__tls_align", "__tls_base"] {
            flags.push(format!("-Clink-arg=--export={symbol}"));
        }
        flags
    }

    /// Flags in the environment would replace ours, so ours go where they win; one target folder for each variant,
    /// or every change of variant would rebuild everything.
    pub fn target_dir(self) -> PathBuf {
        host::target_dir().join(format!("wasm-{}", self.name()))
    }

    /// A cargo subcommand for this variant. The caller adds `--` arguments.
    pub fn cargo(self, subcommand: &str) -> Command {
        let mut command = host::cargo();
        command
            .arg(subcommand)
            .args(["--target", "wasm32-unknown-unknown", "-Zbuild-std=std,panic_abort"])
            .arg("--target-dir")
            .arg(self.target_dir())
            .env("CARGO_ENCODED_RUSTFLAGS", self.rustflags().join("\u{1f}"))
            // build-std is not stable yet; this lets the pinned stable compiler do it.
            .env("RUSTC_BOOTSTRAP", "1");
        command
    }
}

impl FromStr for Variant {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|variant| variant.name() == text) {
            Some(variant) => Ok(variant),
            None => bail!("--variant is relaxed or simd128, not '{text}'"),
        }
    }
}

/// Compiles the crate in `variant` and puts `bitnet_web.js`, `bitnet_web.d.ts` and `bitnet_web_bg.wasm` into `out`.
pub fn build(variant: Variant, dev: bool, out: &Path) -> Result<()> {
    let profile = if dev { "wasm-dev" } else { "release" };
    // As an rlib beside the cdylib the crate would not get link-time optimisation.
    let mut command = variant.cargo("rustc");
    command.args(["--package", "bitnet-web", "--lib", "--crate-type", "cdylib", "--profile", profile]);
    host::run(&mut command, "cargo is not installed: https://rustup.rs")?;
    let wasm = variant.target_dir().join("wasm32-unknown-unknown").join(profile).join("bitnet_web.wasm");
    bindgen(&wasm, out, dev)
}

/// Writes the JavaScript glue, as ES modules, and the wasm that belongs to it.
pub fn bindgen(wasm: &Path, out: &Path, names: bool) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).typescript(true).remove_name_section(!names).remove_producers_section(true);
    bindgen.web(true)?;
    bindgen.generate(out).with_context(|| format!("wasm-bindgen on {}", wasm.display()))
}
