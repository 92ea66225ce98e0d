//! What weighs most in a wasm module.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use wasmparser::{Parser, Payload};

use crate::symbols;

/// How many of the heaviest crates are named.
const SHOWN: usize = 8;

/// Prints the heaviest crates of `named`, a module before its names were taken out.
pub fn report(variant: &str, named: &Path) -> Result<()> {
    let sizes = weigh(&fs::read(named).with_context(|| named.display().to_string())?)?;
    let parts: Vec<_> = sizes.iter().take(SHOWN).map(|(name, size)| format!("{name} {}", kilobytes(*size))).collect();
    println!("{variant}: {}", parts.join(", "));
    Ok(())
}

fn kilobytes(bytes: usize) -> String {
    format!("{:.0} kB", bytes as f64 / 1000.0)
}

/// Bytes of code by crate, and of data, the heaviest first.
fn weigh(wasm: &[u8]) -> Result<Vec<(String, usize)>> {
    let mut imported = 0;
    let mut bodies = Vec::new();
    let mut sizes: HashMap<String, usize> = HashMap::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, wasmparser::TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.range().len()),
            Payload::DataSection(data) => {
                sizes.insert("(data)".to_owned(), data.range().len());
            }
            _ => {}
        }
    }
    let names = symbols::functions(wasm)?;
    for (index, size) in (imported..).zip(bodies) {
        let name = names.get(&index).map_or_else(|| "(unnamed)".to_owned(), |symbol| crate_of(symbol));
        *sizes.entry(name).or_default() += size;
    }
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    Ok(sizes)
}

/// The crate in a mangled function name; for `<T as Trait>::f` that of `T`.
fn crate_of(symbol: &str) -> String {
    let name = symbols::demangle(symbol);
    let path = name.trim_start_matches(['<', '&', '[', '(', '*']).trim_start_matches("mut ").trim_start_matches("dyn ");
    let end = path.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(path.len());
    match path[end..].starts_with("::") {
        true => path[..end].to_owned(),
        false => "(other)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::crate_of;

    #[test]
    fn crates_of_symbols() {
        assert_eq!(crate_of("_ZN10tokenizers9tokenizer6encode17h0123456789abcdefE"), "tokenizers");
        assert_eq!(
            crate_of("_ZN60_$LT$alloc..string..String$u20$as$u20$core..fmt..Display$GT$3fmt17h0123456789abcdefE"),
            "alloc"
        );
        assert_eq!(crate_of("__wasm_init_tls"), "(other)");
    }
}
