//! A JSON schema on its way to the library: what it would understand otherwise than a validator is refused or said otherwise.

use serde_json::{Map, Value, json};

use crate::equivalent::{self, Draft};
use crate::javascript::{self, Match};
use crate::{Error, Result};

/// The keyword of the library's own options.
const OPTIONS: &str = "x-guidance";

/// Keywords whose value is a schema.
const ONE: [&str; 4] = ["items", "additionalProperties", "additionalItems", "not"];
/// Keywords whose value is a list of schemas. `items` is a list in old drafts.
const LISTS: [&str; 5] = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
/// Keywords whose value has a schema under each name.
const MAPS: [&str; 4] = ["properties", "patternProperties", "$defs", "definitions"];
/// Keywords whose value is a count.
const COUNTS: [&str; 6] = ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];

/// Dates of RFC 3339 that exist: the library's own expression has 29 February in every year.
const DATE: &str = "[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|\
    (?:0[13578]|1[02])-31)|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29";
/// Times without leap seconds, which exist at some moments only.
const TIME: &str = "..:..:[0-5]";
/// The lengths of RFC 5321's addresses and their parts.
const EMAIL: &str = r"^[^@]{1,64}@(?:\[.*\]|[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*)$";
/// The most characters of an address, and of a host's name.
const MOST_OF_EMAIL: u32 = 254;
const MOST_OF_HOSTNAME: u32 = 253;

/// The schema as the library gets it: JSON on one line, with or without a space behind commas and colons. Free white space would
/// let a small model go on with it for ever.
///
/// # Errors
/// What is wrong with it, or would be understood otherwise than by a validator.
pub(crate) fn prepare(schema: &Value) -> Result<Value> {
    let mut schema = schema.clone();
    equivalent::readdress(&mut schema);
    let draft = Draft::of(&schema);
    refine(&mut schema, "#", draft)?;
    let mut schema = match schema {
        Value::Bool(true) => Map::new(),
        Value::Object(schema) => schema,
        Value::Bool(false) => return Err(Error::new("the JSON schema cannot be enforced: nothing satisfies `false`")),
        _ => return Err(Error::new("the JSON schema: expected an object, true or false")),
    };
    let options = json!({ "whitespace_flexible": false, "item_separator": ", ?", "key_separator": ": ?" });
    schema.entry(OPTIONS).or_insert(options);
    Ok(Value::Object(schema))
}

/// Takes values that contain one of `texts` out of lists of values, where others stay: an answer that has begun like one of
/// them could not go on.
pub(crate) fn leave_out(schema: &mut Value, texts: &[String]) {
    if texts.is_empty() {
        return;
    }
    let Some(map) = schema.as_object_mut() else { return };
    if let Some(Value::Array(values)) = map.get_mut("enum") {
        let is_in = |value: &Value| !texts.iter().any(|text| value.to_string().contains(text.as_str()));
        if values.iter().any(is_in) {
            values.retain(is_in);
        }
    }
    for (keyword, value) in map.iter_mut() {
        children(keyword, value).into_iter().for_each(|(_, schema)| leave_out(schema, texts));
    }
}

/// Works on a schema, the one at `path`, and on all inside of it.
fn refine(schema: &mut Value, path: &str, draft: Draft) -> Result<()> {
    equivalent::simplify(schema, draft);
    let Some(schema) = schema.as_object_mut() else {
        return Ok(());
    };
    let renames = ["$id", "id", "$anchor", "$dynamicAnchor"];
    if let Some(keyword) =
        renames.into_iter().find(|name| path != "#" && schema.get(*name).is_some_and(Value::is_string))
    {
        return Err(Error::new(format!(
            "the JSON schema cannot be enforced: '{keyword}' at {path} gives addresses another meaning below; refer to \
             definitions by their places, '#/$defs/name'"
        )));
    }
    // Those are not to be translated again below.
    let patterns = translate(schema, path)?;
    for keyword in COUNTS {
        if let Some(count) = schema.get_mut(keyword) {
            let whole = count.as_f64().filter(|count| count.fract() == 0.0 && (0.0..9e15).contains(count));
            *count = whole.map_or(count.take(), |whole| json!(whole as u64));
        }
    }
    let narrower = match schema.get("format").and_then(Value::as_str) {
        Some("date") => Some(json!({ "pattern": format!("^(?:{DATE})$") })),
        Some("time") => Some(json!({ "pattern": format!("^{TIME}") })),
        Some("date-time") => Some(json!({ "pattern": format!("^(?:{DATE})[tT]{TIME}") })),
        Some("email") => Some(json!({ "pattern": EMAIL, "maxLength": MOST_OF_EMAIL })),
        Some("hostname") => Some(json!({ "maxLength": MOST_OF_HOSTNAME })),
        _ => None,
    };
    for (keyword, value) in schema.iter_mut() {
        for (inner, schema) in children(keyword, value) {
            refine(schema, &format!("{path}/{inner}"), draft)?;
        }
    }
    narrow(schema, narrower.into_iter().chain(patterns).collect());
    Ok(())
}

/// Lets a schema require others, too.
fn narrow(schema: &mut Map<String, Value>, others: Vec<Value>) {
    match schema.get_mut("allOf") {
        _ if others.is_empty() => {}
        Some(Value::Array(all)) => all.extend(others),
        _ => drop(schema.insert("allOf".to_owned(), Value::Array(others))),
    }
}

/// Says the expressions of a schema, which are JavaScript's, in the library's notation. Returns schemas that it takes besides.
fn translate(schema: &mut Map<String, Value>, path: &str) -> Result<Vec<Value>> {
    let mut more = Vec::new();
    let translated = |keyword: &str, pattern: &str| {
        javascript::translate(pattern, None, Match::Search).map_err(|reason| {
            Error::new(format!("the JSON schema cannot be enforced: '{keyword}' at {path}: {reason}"))
        })
    };
    let alone = |keyword: &str, pattern: &str, more: &[String]| match more.is_empty() {
        true => Ok(()),
        false => Err(Error::new(format!(
            "the JSON schema cannot be enforced: '{keyword}' at {path}: /{pattern}/: look-ahead and look-behind cannot be enforced there"
        ))),
    };
    if let Some(Value::String(pattern)) = schema.get_mut("pattern") {
        let written = translated("pattern", pattern)?;
        alone("pattern", pattern, &written.not)?;
        *pattern = written.main;
        let also = written.also.into_iter().map(|also| json!({ "pattern": also }));
        more.extend(also);
    }
    if let Some(Value::Object(patterns)) = schema.get_mut("patternProperties") {
        let mut renamed = Map::new();
        for (pattern, value) in std::mem::take(patterns) {
            let written = translated("patternProperties", &pattern)?;
            alone("patternProperties", &pattern, &[written.also, written.not].concat())?;
            let other = renamed.insert(written.main, value);
            if other.is_some() {
                return Err(Error::new(format!(
                    "the JSON schema cannot be enforced: 'patternProperties' at {path}: /{pattern}/ means what another one does"
                )));
            }
        }
        *patterns = renamed;
    }
    Ok(more)
}

/// The schemas in a keyword's value, and where they are.
pub(crate) fn children<'a>(keyword: &str, value: &'a mut Value) -> Vec<(String, &'a mut Value)> {
    if value.is_object() && ONE.contains(&keyword) {
        return vec![(keyword.to_owned(), value)];
    }
    match value {
        Value::Object(inner) if MAPS.contains(&keyword) => {
            inner.iter_mut().map(|(name, schema)| (format!("{keyword}/{name}"), schema)).collect()
        }
        Value::Array(list) if LISTS.contains(&keyword) => {
            list.iter_mut().enumerate().map(|(index, schema)| (format!("{keyword}/{index}"), schema)).collect()
        }
        _ => Vec::new(),
    }
}
