//! A schema in other words with the same meaning, where the library knows these and not those.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::schema::children;

/// The formats of JSON Schema's drafts. A validator takes no notice of another one, which is a note for readers: Zod's `cuid`
/// and `starts_with` stand beside a pattern, OpenAPI's `password` beside nothing.
const FORMATS: [&str; 24] = [
    "color",
    "date",
    "date-time",
    "duration",
    "email",
    "host-name",
    "hostname",
    "idn-email",
    "idn-hostname",
    "ip-address",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "phone",
    "regex",
    "relative-json-pointer",
    "style",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

/// Formats, with patterns that stand beside them and that every text of the format matches: Zod's `z.iso.duration()`, which looks
/// around in the middle.
const IMPLIED: [(&str, &str); 1] =
    [("duration", r"^P(?:(\d+W)|(?!.*W)(?=\d|T\d)(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+([.,]\d+)?S)?)?)$")];

/// The greatest magnitude of a bound that the library can say in digits, rounded down.
const GREATEST: i64 = 9_000_000_000_000_000_000;

/// Keywords that are for readers of a schema.
const NOTES: [&str; 8] =
    ["title", "description", "default", "examples", "$comment", "deprecated", "readOnly", "writeOnly"];

/// The types of values, `integer` being a part of `number`.
const TYPES: [&str; 6] = ["null", "boolean", "number", "string", "array", "object"];

/// Keywords that apply schemas to the same value, so that `unevaluatedProperties` and `unevaluatedItems` look into these.
const IN_PLACE: [&str; 8] = ["$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "not", "dependentSchemas"];

/// Which keywords of lists a schema's draft has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft {
    /// `contains`: since draft 6.
    has_contains: bool,
    /// `minContains` and `maxContains`: since 2019-09.
    has_counts: bool,
}

impl Draft {
    /// As the whole schema says; without a word the newest.
    pub(crate) fn of(root: &Value) -> Self {
        let named = root["$schema"].as_str().unwrap_or_default();
        let is_one_of = |drafts: &[&str]| drafts.iter().any(|draft| named.contains(draft));
        let has_contains = !is_one_of(&["draft-03", "draft-04"]);
        Self { has_contains, has_counts: has_contains && !is_one_of(&["draft-06", "draft-07"]) }
    }
}

/// Says one schema, without those inside of it, in words that the library knows.
pub(crate) fn simplify(schema: &mut Value, draft: Draft) {
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    // In the drafts before 2019-09 nothing beside `$ref` counts.
    if map.get("not").is_some_and(is_true) && !map.contains_key("$ref") {
        *schema = Value::Bool(false);
        return;
    }
    exclude_types(map);
    count_contained(map, draft);
    drop_idle(map);
    bound(map);
    close(map);
    name_properties(map);
}

fn is_note(keyword: &str) -> bool {
    NOTES.contains(&keyword)
}

/// Whether a schema allows everything.
fn is_true(schema: &Value) -> bool {
    match schema {
        Value::Bool(allowed) => *allowed,
        Value::Object(map) => map.keys().all(|keyword| NOTES.contains(&keyword.as_str())),
        _ => false,
    }
}

/// Says `not` by the types that stay, where it names types alone.
fn exclude_types(map: &mut Map<String, Value>) {
    fn names(kinds: &Value) -> Vec<&str> {
        match kinds {
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            kinds => kinds.as_str().into_iter().collect(),
        }
    }
    let Some(excluded) = map.get("not").and_then(Value::as_object) else {
        return;
    };
    let Some(kinds) = excluded.get("type").filter(|_| excluded.keys().all(|name| name == "type" || is_note(name)))
    else {
        return;
    };
    let kinds = names(kinds);
    // Numbers that are not whole have no type of their own.
    let is_known = kinds.iter().all(|kind| TYPES.contains(kind) || *kind == "integer" && kinds.contains(&"number"));
    if !is_known || kinds.is_empty() {
        return;
    }
    let stays = |kind: &&str| !(kinds.contains(kind) || *kind == "integer" && kinds.contains(&"number"));
    let left: Vec<&str> = map.get("type").map_or(TYPES.to_vec(), names).into_iter().filter(stays).collect();
    let left = json!(left);
    map.insert("type".to_owned(), left);
    map.remove("not");
}

/// Says `contains` by the length of the list, or not at all, where it does not matter what is in it.
fn count_contained(map: &mut Map<String, Value>, draft: Draft) {
    if !draft.has_counts {
        map.remove("minContains");
        map.remove("maxContains");
    }
    if !draft.has_contains {
        map.remove("contains");
    }
    let Some(contained) = map.get("contains") else {
        return;
    };
    let count = |keyword: &str| map.get(keyword).map(Value::as_f64);
    let (least, most) = (count("minContains").unwrap_or(Some(1.0)), count("maxContains"));
    // What it finds counts as looked at.
    let is_looked_at = map.contains_key("unevaluatedItems");
    if is_true(contained) {
        let most_items = most.flatten().map(|most| count("maxItems").flatten().map_or(most, |other| other.min(most)));
        let least_items = least.map(|least| count("minItems").flatten().map_or(least, |other| other.max(least)));
        if most.is_some() != most_items.is_some() || is_looked_at {
            return;
        }
        let Some(least_items) = least_items else { return };
        map.insert("minItems".to_owned(), json!(least_items));
        if let Some(most_items) = most_items {
            map.insert("maxItems".to_owned(), json!(most_items));
        }
    } else if least != Some(0.0) || most.is_some() || is_looked_at {
        return;
    }
    map.remove("contains");
}

/// Leaves out what forbids nothing.
fn drop_idle(map: &mut Map<String, Value>) {
    let is_empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
    let is_implied = |(format, pattern): &(&str, &str)| {
        map.get("format").is_some_and(|value| value == format)
            && map.get("pattern").is_some_and(|value| value == pattern)
    };
    let is_short = map.get("maxItems").and_then(Value::as_f64).is_some_and(|most| most < 2.0);
    if IMPLIED.iter().any(is_implied) {
        map.remove("pattern");
    }
    let has_branch = map.contains_key("then") || map.contains_key("else");
    let (has_if, has_contains) = (map.contains_key("if"), map.contains_key("contains"));
    map.retain(|keyword, value| match keyword.as_str() {
        "uniqueItems" => *value != Value::Bool(false) && !is_short,
        "not" => *value != Value::Bool(false),
        "unevaluatedItems" | "unevaluatedProperties" | "propertyNames" => !is_true(value),
        "dependentRequired" | "dependentSchemas" | "dependencies" => !is_empty(value),
        "if" => has_branch,
        "then" | "else" => has_if,
        "minContains" | "maxContains" => has_contains,
        "format" => value.as_str().is_none_or(|format| FORMATS.contains(&format)),
        _ => true,
    });
}

/// Draws bounds nearer that are too far away to be said in digits, such as those of a `float`.
fn bound(map: &mut Map<String, Value>) {
    for (keyword, sign) in [("maximum", 1), ("exclusiveMaximum", 1), ("minimum", -1), ("exclusiveMinimum", -1)] {
        if let Some(bound) = map.get_mut(keyword)
            && bound.as_f64().is_some_and(|number| number * f64::from(sign) > GREATEST as f64)
        {
            *bound = json!(GREATEST * i64::from(sign));
        }
    }
}

/// Where nothing else looks at a value's properties or items, those not evaluated are the additional ones.
fn close(map: &mut Map<String, Value>) {
    if IN_PLACE.iter().any(|keyword| map.contains_key(*keyword)) {
        return;
    }
    if let Some(rest) = map.remove("unevaluatedProperties") {
        map.entry("additionalProperties").or_insert(rest);
    }
    if !map.contains_key("contains")
        && let Some(rest) = map.remove("unevaluatedItems")
    {
        // Where drafts have a list of items, those behind it are the additional ones.
        let keyword = if map.get("items").is_some_and(Value::is_array) { "additionalItems" } else { "items" };
        map.entry(keyword).or_insert(rest);
    }
}

/// Says `propertyNames` with the names themselves, or with a pattern of them.
fn name_properties(map: &mut Map<String, Value>) {
    let Some(Value::Object(names)) = map.get("propertyNames") else {
        return;
    };
    let is_string =
        |kind: &Value| kind == "string" || kind.as_array().is_some_and(|all| all.contains(&json!("string")));
    let said = |(keyword, value): &(&String, &Value)| {
        !(NOTES.contains(&keyword.as_str()) || keyword.as_str() == "type" && is_string(value))
    };
    let rest: BTreeMap<&str, &Value> =
        names.iter().filter(said).map(|(keyword, value)| (keyword.as_str(), value)).collect();
    let keywords: Vec<&str> = rest.keys().copied().collect();
    let has_patterns = map.contains_key("patternProperties");
    let has_names = map.get("properties").is_some_and(|named| named.as_object().is_none_or(|named| !named.is_empty()));
    let pattern = match (keywords.as_slice(), has_patterns) {
        ([], _) => {
            map.remove("propertyNames");
            return;
        }
        (["enum" | "const"], false) => {
            let listed = rest.get("enum").and_then(|listed| listed.as_array().cloned());
            let listed = listed.unwrap_or_else(|| rest.values().map(|&value| value.clone()).collect());
            return list_properties(map, &listed);
        }
        (["pattern"], false) if !has_names => rest["pattern"].as_str().map(str::to_owned),
        (["minLength" | "maxLength"] | ["maxLength", "minLength"], false) if !has_names => {
            let count = |keyword: &str| rest.get(keyword).and_then(|count| count.as_u64());
            let most = count("maxLength").map_or(String::new(), |most| most.to_string());
            let is_whole = rest.values().all(|count| count.is_u64());
            is_whole.then(|| format!("^(?s:.{{{},{most}}})$", count("minLength").unwrap_or(0)))
        }
        _ => None,
    };
    if let Some(pattern) = pattern {
        map.remove("propertyNames");
        let value = map.insert("additionalProperties".to_owned(), json!(false)).unwrap_or(json!(true));
        map.insert("patternProperties".to_owned(), json!({ pattern: value }));
    }
}

/// An object whose properties can have the `listed` names only.
fn list_properties(map: &mut Map<String, Value>, listed: &[Value]) {
    map.remove("propertyNames");
    let value = map.insert("additionalProperties".to_owned(), json!(false)).unwrap_or(json!(true));
    let mut named = match map.remove("properties") {
        Some(Value::Object(named)) => named,
        _ => Map::new(),
    };
    named.retain(|name, _| listed.iter().any(|other| other == name));
    for name in listed.iter().filter_map(Value::as_str) {
        named.entry(name).or_insert_with(|| value.clone());
    }
    map.insert("properties".to_owned(), Value::Object(named));
}

/// Puts what a `$ref` names with an escaped address under another one: the library reads addresses as they are written, and those that
/// generators write of `Page<User>` are `#/definitions/Page%3CUser%3E`.
pub(crate) fn readdress(root: &mut Value) {
    if let Some(own) = root["$id"].as_str().or_else(|| root["id"].as_str()).map(str::to_owned) {
        relate(root, own.strip_suffix('#').unwrap_or(&own));
    }
    let mut names = BTreeMap::new();
    while let Some(address) = escaped_reference(root, &names) {
        let target = decode(&address[1..]).and_then(|pointer| root.pointer(&pointer).cloned());
        let name = target.as_ref().map(|_| free_name(root, names.len()));
        if let (Some(target), Some(name), Some(map)) = (target, &name, root.as_object_mut())
            && let Some(defs) = map.entry("$defs").or_insert_with(|| json!({})).as_object_mut()
        {
            defs.insert(name.clone(), target);
        }
        names.insert(address, name);
    }
    let renamed = names.into_iter().filter_map(|(address, name)| Some((address, format!("#/$defs/{}", name?))));
    rename(root, &renamed.collect());
}

/// Leaves a schema's own address out of the addresses in it: `#/$defs/a`.
fn relate(schema: &mut Value, own: &str) {
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    let place = map.get("$ref").and_then(Value::as_str).and_then(|address| address.strip_prefix(own));
    let place = place.map(|place| if place.is_empty() { "#" } else { place }).filter(|place| place.starts_with('#'));
    if let Some(place) = place.map(str::to_owned) {
        map.insert("$ref".to_owned(), json!(place));
    }
    for (keyword, value) in map.iter_mut() {
        children(keyword, value).into_iter().for_each(|(_, schema)| relate(schema, own));
    }
}

/// A name that no definition has.
fn free_name(root: &Value, least: usize) -> String {
    (least..).map(|n| format!("definition-{n}")).find(|name| root["$defs"].get(name).is_none()).unwrap_or_default()
}

/// An address with escapes that `known` has not, somewhere in a schema.
fn escaped_reference(schema: &mut Value, known: &BTreeMap<String, Option<String>>) -> Option<String> {
    let map = schema.as_object_mut()?;
    let own = map.get("$ref").and_then(Value::as_str);
    if let Some(own) = own.filter(|own| own.starts_with("#/") && own.contains(['%', '~']) && !known.contains_key(*own))
    {
        return Some(own.to_owned());
    }
    map.iter_mut()
        .flat_map(|(keyword, value)| children(keyword, value))
        .find_map(|(_, schema)| escaped_reference(schema, known))
}

/// Writes other addresses in a schema and in all inside of it.
fn rename(schema: &mut Value, names: &BTreeMap<String, String>) {
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::String(own)) = map.get_mut("$ref")
        && let Some(name) = names.get(own)
    {
        own.clone_from(name);
    }
    for (keyword, value) in map.iter_mut() {
        children(keyword, value).into_iter().for_each(|(_, schema)| rename(schema, names));
    }
}

/// A fragment of an address without its percent signs; nothing where these are no UTF-8.
fn decode(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let hex = (first == b'%').then(|| behind.get(..2)).flatten().and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8(bytes).ok()
}
