//! The JSON Schema test suite: what is drawn at random satisfies the schema, as another validator sees it, and no instance that
//! the suite calls invalid can be written. A schema that cannot be enforced is refused before anything is written.

use std::collections::BTreeMap;

use bitnet_grammar::Format;
use boon::{Compiler, Draft, Schemas};
use oorandom::Rand64;
use serde_json::Value;

use crate::support::{demo, draw, file, takes};

const SEED: u128 = 20_261_126;
const MOST_TOKENS: usize = 300;

/// Keywords that every schema of the suite which is about them may use: nothing of these files is refused.
const CLAIMED: [&str; 22] = [
    "additionalProperties",
    "boolean_schema",
    "const",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "prefixItems",
    "properties",
    "required",
    "type",
    "anyOf",
    "allOf",
];

/// Schemas in the files of other keywords that use one which cannot be enforced, by their descriptions.
const REFUSED: [&str; 2] = ["additionalProperties with propertyNames", "allOf combined with anyOf, oneOf"];

/// Of these the other validator is the wrong one: it divides floating-point numbers.
const INEXACT: [&str; 1] = ["by small number"];

struct Validator {
    schemas: Schemas,
    index: boon::SchemaIndex,
}

impl Validator {
    fn new(schema: &Value, draft: Draft) -> Option<Self> {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.set_default_draft(draft);
        compiler.enable_format_assertions();
        compiler.add_resource("http://localhost/schema.json", schema.clone()).ok()?;
        let index = compiler.compile("http://localhost/schema.json", &mut schemas).ok()?;
        Some(Self { schemas, index })
    }

    fn allows(&self, instance: &Value) -> bool {
        self.schemas.validate(instance, self.index).is_ok()
    }
}

#[derive(Default)]
struct Counts {
    schemas: usize,
    refused: usize,
    drawn: usize,
    unfinished: usize,
    valid: usize,
    taken: usize,
    invalid: usize,
}

/// `answers` are drawn for each schema.
fn run(folder: &str, draft: Draft, answers: usize) {
    let words = demo();
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    let mut wrong = Vec::new();
    let path = format!("tests/fixtures/json-schema/{folder}");
    let listed = std::fs::read_dir(format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut names: Vec<String> = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for name in names {
        let groups: Vec<Value> = serde_json::from_slice(&file(&format!("{path}/{name}"))).unwrap();
        let keyword = name.trim_end_matches(".json");
        let count = counts.entry(keyword.to_owned()).or_default();
        for (index, group) in groups.iter().enumerate() {
            let schema = &group["schema"];
            let about = format!("{folder}/{name}, {}, seed {SEED}", group["description"]);
            count.schemas += 1;
            let format = Format::JsonSchema(schema.clone());
            let instances = group["tests"].as_array().unwrap();
            let has_valid = instances.iter().any(|test| test["valid"] == true);
            if let Err(error) = words.vocabulary.constrain(&format) {
                count.refused += 1;
                let is_known = REFUSED.contains(&group["description"].as_str().unwrap());
                if CLAIMED.contains(&keyword) && has_valid && !is_known {
                    wrong.push(format!("{about}: refused: {error}: {schema}"));
                }
                continue;
            }
            for test in instances {
                let text = serde_json::to_string(&test["data"]).unwrap();
                let mut constraint = words.vocabulary.constrain(&format).unwrap();
                let taken = takes(words, &mut constraint, &text);
                if test["valid"] == true {
                    count.valid += 1;
                    count.taken += usize::from(taken.unwrap_or(false));
                } else {
                    count.invalid += 1;
                    if taken.unwrap_or(false) {
                        wrong.push(format!("{about}: takes {text} of {schema}"));
                    }
                }
            }
            let Some(validator) = Validator::new(schema, draft) else {
                continue;
            };
            for answer in 0..answers {
                let mut random = Rand64::new(SEED + (index * answers + answer) as u128);
                let mut constraint = words.vocabulary.constrain(&format).unwrap();
                match draw(words, &mut constraint, &mut random, MOST_TOKENS) {
                    Err(error) => wrong.push(format!("{about}: {error}")),
                    Ok(None) => count.unfinished += 1,
                    Ok(Some(text)) => {
                        count.drawn += 1;
                        let text = String::from_utf8(text).unwrap();
                        match serde_json::from_str::<Value>(&text) {
                            // JSON has no largest number, but Rust's reader does.
                            Err(error) if error.to_string().contains("number out of range") => {}
                            Err(error) => wrong.push(format!("{about}: no JSON: {text}: {error}")),
                            Ok(value)
                                if !validator.allows(&value)
                                    && !INEXACT.contains(&group["description"].as_str().unwrap()) =>
                            {
                                wrong.push(format!("{about}: {text} is no {schema}"));
                            }
                            Ok(_) => {}
                        }
                    }
                }
            }
        }
    }
    println!(
        "{folder}: of schemas, refused; answers that ended, that did not; valid instances, those that can be written; invalid ones"
    );
    for (keyword, c) in &counts {
        println!(
            "{keyword:24} {:3} {:3}   {:4} {:4}   {:3} {:3}   {:3}",
            c.schemas, c.refused, c.drawn, c.unfinished, c.valid, c.taken, c.invalid
        );
    }
    let drawn: usize = counts.values().map(|count| count.drawn).sum();
    let unfinished: usize = counts.values().map(|count| count.unfinished).sum();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(drawn > 10 * counts.len() && unfinished * 4 < drawn, "{drawn} answers ended, {unfinished} did not");
}

#[test]
fn the_current_draft() {
    run("draft2020-12", Draft::V2020_12, 6);
}

#[test]
fn the_draft_that_most_schemas_are_written_in() {
    run("draft7", Draft::V7, 6);
}

#[test]
fn formats_of_strings() {
    run("format", Draft::V2020_12, 50);
}
