//! One wasm build: std and the crate compiled with threads, then the JavaScript glue around it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::{host, miscompilation, toolchain};

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

    /// rustc's flag for the target features of this variant.
    pub fn target_features(self) -> &'static str {
        match self {
            Self::Relaxed => "-Ctarget-feature=+simd128,+relaxed-simd,+atomics,+bulk-memory,+mutable-globals",
            Self::Simd128 => "-Ctarget-feature=+simd128,+atomics,+bulk-memory,+mutable-globals",
        }
    }

    /// Everything rustc is told for this variant, beyond the profile.
    fn rustflags(self) -> Vec<String> {
        let mut flags = vec![
            self.target_features().to_owned(),
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

    /// A cargo subcommand that compiles for this variant, std included: the one that rustup brings knows no threads.
    pub fn cargo(self, subcommand: &str) -> Command {
        let mut command = self.cargo_without_std(subcommand);
        command.arg("-Zbuild-std=std,panic_abort");
        command
    }

    /// A subcommand that links nothing, such as `clippy` or `doc`, so that rustup's std serves. It shares its build scripts
    /// with the tests.
    pub fn check(self, subcommand: &str) -> Command {
        let mut command = self.cargo_without_std(subcommand);
        command.args(["--profile", profile(false)]);
        command
    }

    pub fn cargo_without_std(self, subcommand: &str) -> Command {
        let mut command = host::cargo();
        command
            .arg(subcommand)
            .args(["--target", "wasm32-unknown-unknown", "--target-dir"])
            .arg(self.target_dir())
            .env("CARGO_ENCODED_RUSTFLAGS", self.rustflags().join("\u{1f}"))
            // Rebuilding std, and threads in wasm-bindgen, are not stable yet; this lets the pinned stable compiler do both.
            .env("RUSTC_BOOTSTRAP", "1")
            // wasm32 aborts on a panic in any case; said in the profile, which tests ignore, it would keep them from
            // sharing the dependencies with the library.
            .env("CARGO_PROFILE_RELEASE_PANIC", "unwind")
            .env("CARGO_PROFILE_WASM_DEV_PANIC", "unwind");
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
    // As an rlib beside the cdylib the crate would not get link-time optimisation.
    let mut command = variant.cargo("rustc");
    command.args(["--package", "bitnet-web", "--lib", "--crate-type", "cdylib", "--profile", profile(dev)]);
    host::run(&mut command, toolchain::MISSING)?;
    let wasm = artifact(variant, dev);
    miscompilation::check(&wasm)?;
    bindgen(&wasm, out, dev)
}

/// The folder and the crate of the module of grammars.
pub const GRAMMAR: &str = "grammar";

/// Compiles the module of grammars, which has a memory of its own and no threads, so that rustup's std serves and one build is
/// enough for all browsers. Puts `bitnet_grammar.js`, its types and `bitnet_grammar_bg.wasm` into `out`.
pub fn build_grammar(dev: bool, out: &Path) -> Result<()> {
    let mut command = grammar_cargo("rustc");
    command.args(["--package", "bitnet-grammar", "--lib", "--crate-type", "cdylib", "--profile", profile(dev)]);
    host::run(&mut command, toolchain::MISSING)?;
    let mut bindgen = Bindgen::new();
    bindgen.input_path(grammar_artifact(dev)).typescript(true).remove_name_section(!dev).remove_producers_section(true);
    // After a trap the module is instantiated anew.
    bindgen.web(true)?.reset_state_function(true).omit_default_module_path(true);
    bindgen.generate(out).context("wasm-bindgen on the module of grammars")
}

/// A cargo subcommand that compiles for the module of grammars.
pub fn grammar_cargo(subcommand: &str) -> Command {
    let mut command = host::cargo();
    let target_dir = host::target_dir().join("wasm-grammar");
    command.arg(subcommand).args(["--target", "wasm32-unknown-unknown", "--target-dir"]).arg(target_dir);
    command
}

/// The module that cargo makes of the grammars' crate, with its function names.
pub fn grammar_artifact(dev: bool) -> PathBuf {
    let folder = host::target_dir().join("wasm-grammar/wasm32-unknown-unknown");
    folder.join(profile(dev)).join("bitnet_grammar.wasm")
}

/// Cargo's profile for a quick build, or for what ships.
pub fn profile(dev: bool) -> &'static str {
    if dev { "wasm-dev" } else { "release" }
}

/// The module that cargo makes of the crate, with its function names.
pub fn artifact(variant: Variant, dev: bool) -> PathBuf {
    variant.target_dir().join("wasm32-unknown-unknown").join(profile(dev)).join("bitnet_web.wasm")
}

/// Writes the JavaScript glue, as ES modules, and the wasm that belongs to it.
pub fn bindgen(wasm: &Path, out: &Path, names: bool) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).typescript(true).remove_name_section(!names).remove_producers_section(true);
    // The engine says where the module lies; an address beside the glue would not survive bundling.
    bindgen.omit_default_module_path(true);
    bindgen.web(true)?;
    bindgen.generate(out).with_context(|| format!("wasm-bindgen on {}", wasm.display()))
}

/// Puts a test executable there, as `tests.js` and `tests_bg.wasm`; the runner reaches the tests as plain exports.
pub fn bindgen_tests(wasm: &Path, out: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).out_name("tests").debug(true).export_wasm(true).emit_start(false).typescript(false);
    bindgen.web(true)?;
    bindgen.generate(out).with_context(|| format!("wasm-bindgen on {}", wasm.display()))
}
