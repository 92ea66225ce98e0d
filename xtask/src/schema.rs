//! `worker/schema.js`: the options that callers may pass, written from `src/options`, where they are defined once.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, bail};
use bitnet_kernels::Kernel;
use bitnet_options::{ADAPTER, CHAT, GENERATE, Kind, LOAD, Rule, WORKERS};

use crate::host;

const HEAD: &str = "\
// Written by `cargo xtask build` from src/options/: change an option there.

/** @import { Guard } from './guards/guard.js' */
/** @import { HeaderFunction, HeaderRecord } from './headers.js' */
/** @import { MetricsOptions } from './metrics/metrics.js' */
/** @import { CacheMode, NetworkOptions, Prefill, Progress, ResponseFormat, ToolChoice } from './protocol.js' */
/** @import { ResponseCacheOptions } from './responses.js' */
/** @import { Source } from './source.js' */

/**
 * The values that an option may have: in words for an error, and the check in `options.js`.
 * @typedef {{ expected: string } & (
 *   | { kind: 'number', least: number, above: boolean, most: number }
 *   | { kind: 'whole', least: number, most: number }
 *   | { kind: 'flag' }
 *   | { kind: 'text' }
 *   | { kind: 'oneOf', names: readonly string[] }
 *   | { kind: 'custom', check: CheckName })} Rule
 */

/** @typedef {Readonly<Record<string, Rule>>} Rules */
";

/// Columns of a line of documentation.
const WIDTH: usize = 118;

/// Writes the file where it is not as it should be.
pub fn write() -> Result<()> {
    let path = host::root().join("worker/schema.js");
    let text = javascript()?;
    if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
        fs::write(&path, text).context("worker/schema.js cannot be written")?;
    }
    Ok(())
}

/// Fails where the file is not what the options say.
pub fn check() -> Result<()> {
    if fs::read_to_string(host::root().join("worker/schema.js")).ok().as_deref() != Some(&javascript()?) {
        bail!("worker/schema.js is not what src/options/ says: run `cargo xtask build`, and commit what it wrote");
    }
    Ok(())
}

fn javascript() -> Result<String> {
    let kernels: Vec<&str> = Kernel::all().map(Kernel::name).collect();
    let mut out = HEAD.to_owned();
    let checks: Vec<String> = check_names().iter().map(|name| format!("'{name}'")).collect();
    write!(out, "\n/** @typedef {{{}}} CheckName */\n", checks.join(" | "))?;
    writeln!(out, "\n/** The ternary kernels, the reference first. */")?;
    writeln!(out, "export const KERNELS = /** @type {{const}} */ ({});", list(&kernels))?;
    for (name, about, rules) in [
        ("WorkerOptions", "What starts workers.", WORKERS),
        ("LoadOptions", "How a model is loaded.", LOAD),
        ("AdapterOptions", "How an adapter is loaded.", ADAPTER),
        ("ChatOptions", "What a chat template sees besides the messages.", CHAT),
        ("GenerateOptions", "How an answer is written.", GENERATE),
    ] {
        write!(out, "\n/**\n * {about}\n * @typedef {{object}} {name}\n")?;
        for rule in rules {
            property(&mut out, rule, &kernels)?;
        }
        writeln!(out, " */")?;
    }
    for (name, rules) in
        [("WORKER_RULES", WORKERS), ("LOAD_RULES", LOAD), ("ADAPTER_RULES", ADAPTER), ("GENERATE_RULES", GENERATE)]
    {
        write!(out, "\n/** @type {{Rules}} */\nexport const {name} = {{\n")?;
        for rule in rules {
            let expected = serde_json::to_string(&rule.expected(&kernels))?;
            writeln!(out, "  {}: {{ expected: {expected}, {} }},", rule.name, data(rule.kind, &kernels))?;
        }
        writeln!(out, "}};")?;
    }
    Ok(out)
}

/// The functions that `options.js` must have.
fn check_names() -> Vec<&'static str> {
    let rules = [WORKERS, LOAD, ADAPTER, CHAT, GENERATE].concat();
    let names = rules.iter().filter_map(|rule| match rule.kind {
        Kind::Custom { check, .. } => Some(check),
        _ => None,
    });
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// ` * @property {type} [name] sentence`, in lines of bounded length.
fn property(out: &mut String, rule: &Rule, kernels: &[&str]) -> Result<()> {
    // Under `exactOptionalPropertyTypes` an option that may be undefined has to say so.
    let mut line = format!(" * @property {{{} | undefined}} [{}]", typescript(rule.kind, kernels), rule.name);
    for word in rule.about.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            writeln!(out, "{line}")?;
            line = " *  ".to_owned();
        }
        write!(line, " {word}")?;
    }
    writeln!(out, "{line}")?;
    Ok(())
}

fn typescript(kind: Kind, kernels: &[&str]) -> String {
    match kind {
        Kind::Number { .. } | Kind::Whole { .. } => "number".to_owned(),
        Kind::Flag => "boolean".to_owned(),
        Kind::Text => "string".to_owned(),
        Kind::OneOf(names) => union(names),
        Kind::Kernel => union(&[&["auto"], kernels].concat()),
        Kind::Custom { typescript, .. } => typescript.to_owned(),
    }
}

fn union(names: &[&str]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(" | ")
}

fn list(names: &[&str]) -> String {
    format!("[{}]", names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", "))
}

fn data(kind: Kind, kernels: &[&str]) -> String {
    match kind {
        Kind::Number { least, above, most, .. } => {
            let most = if most.is_finite() { most.to_string() } else { "Infinity".to_owned() };
            let least = if least > f64::MIN { least.to_string() } else { "-Infinity".to_owned() };
            format!("kind: 'number', least: {least}, above: {above}, most: {most}")
        }
        Kind::Whole { least, most } => format!("kind: 'whole', least: {least}, most: {most}"),
        Kind::Flag => "kind: 'flag'".to_owned(),
        Kind::Text => "kind: 'text'".to_owned(),
        Kind::OneOf(names) => format!("kind: 'oneOf', names: {}", list(names)),
        Kind::Kernel => format!("kind: 'oneOf', names: {}", list(&[&["auto"], kernels].concat())),
        Kind::Custom { check, .. } => format!("kind: 'custom', check: '{check}'"),
    }
}
