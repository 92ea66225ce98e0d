//! `model.safetensors.index.json`: the files that the weights are in.

use serde_json::Value as Json;

use super::INDEX;
use super::json::{Object, invalid, parse};
use crate::Result;

/// More files than this are damage, or an attack.
const MAX_FILES: usize = 1000;

/// The names of the files that an index lists, in order.
///
/// # Errors
/// `InvalidModel` for an index without files, or with one that is not in the folder.
pub fn shards(index: &str) -> Result<Vec<String>> {
    let entries = parse(INDEX, index)?;
    let file = Object::new(INDEX, &entries);
    let map = file.require("weight_map", file.object("weight_map")?)?;
    let mut names: Vec<String> = Vec::new();
    for value in map.values() {
        let name = value.as_str().unwrap_or_default();
        let is_name = name.ends_with(".safetensors") && !name.contains(['/', '\\', '?', '#']);
        if !is_name {
            let found = Json::to_string(value);
            return Err(invalid(format!("{INDEX}: weight_map: expected names of safetensors files, found {found}")));
        }
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        if names.len() > MAX_FILES {
            return Err(invalid(format!("{INDEX}: weight_map names more than {MAX_FILES} files")));
        }
    }
    names.sort();
    match names.is_empty() {
        true => Err(invalid(format!("{INDEX}: weight_map is empty"))),
        false => Ok(names),
    }
}
