//! What the files of sentence-transformers say of an embedding model: `modules.json`, and the settings of its pooling.

use serde_json::{Map, Value as Json};

use super::MODULES;
use super::json::{Object, invalid, parse};
use crate::{Error, ErrorKind, Result};

/// llama.cpp's `enum llama_pooling_type`.
const MEAN: u64 = 1;
const LAST: u64 = 3;

/// Settings that name what an embedding is made of, as flags, and the same as words.
const MODES: [(&str, &str, u64); 2] =
    [("pooling_mode_mean_tokens", "mean", MEAN), ("pooling_mode_lasttoken", "lasttoken", LAST)];

/// The file with the settings of the pooling, if the list of modules has one.
///
/// # Errors
/// `InvalidModel` for a list that cannot be read, `Unsupported` for a module that this build does not compute, by its name.
pub fn pooling_file(modules: &str) -> Result<Option<String>> {
    let modules: Vec<Map<String, Json>> = serde_json::from_str(modules.strip_prefix('\u{feff}').unwrap_or(modules))
        .map_err(|source| invalid(format!("{MODULES}: expected an array of modules: {source}")).with_source(source))?;
    let mut found = None;
    for module in &modules {
        let module = Object::new(MODULES, module);
        let kind = module.require("type", module.string("type")?)?;
        match kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" | "Normalize" => {}
            "Pooling" => {
                let path = module.string("path")?.unwrap_or_default();
                let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
                if path.is_empty() || path.starts_with('.') || !path.chars().all(is_name) {
                    return Err(module.refuse("path", "expected the name of a folder"));
                }
                found = Some(format!("{path}/config.json"));
            }
            _ => return Err(module.refuse("type", "this build computes Transformer, Pooling and Normalize only")),
        }
    }
    Ok(found)
}

/// The pooling of a model: what its settings say; where there are none, the last token's state if it has no head.
///
/// # Errors
/// As [`pooling_file`]; `InvalidModel` where the settings are missing, `Unsupported` for another pooling.
pub(super) fn kind(modules: Option<&str>, settings: Option<&str>, is_bare: bool) -> Result<Option<u64>> {
    let Some(file) = modules.map(pooling_file).transpose()?.flatten() else { return Ok(is_bare.then_some(LAST)) };
    let Some(settings) = settings else {
        return Err(invalid(format!("{MODULES} names {file}, which is missing: the folder is incomplete")));
    };
    let settings = parse(&file, settings)?;
    let settings = Object::new(&file, &settings);
    if let Some(word) = settings.string("pooling_mode")? {
        let known = MODES.iter().find(|(_, known, _)| *known == word);
        let known = known.ok_or_else(|| settings.refuse("pooling_mode", "expected \"lasttoken\" or \"mean\""))?;
        return Ok(Some(known.2));
    }
    let mut found = None;
    for (key, value) in settings.entries().filter(|(key, value)| key.starts_with("pooling_mode_") && **value == true) {
        let known = MODES.iter().find(|(known, ..)| known == key);
        found = match (found, known) {
            (None, Some(known)) => Some(known.2),
            _ => {
                return Err(settings.refuse(key, &format!("expected {} or {} alone ({value})", MODES[0].0, MODES[1].0)));
            }
        };
    }
    found.map(Some).ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, format!("{file}: expected {} or {}, found none", MODES[0].0, MODES[1].0))
    })
}
