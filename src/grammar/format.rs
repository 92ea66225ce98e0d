//! What a caller asks for.

use llguidance::api::TopLevelGrammar;
use llguidance::regex_to_lark;
use serde_json::{Value, json};

use crate::{Error, Result, schema};

/// What an answer must follow.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// Any JSON object.
    JsonObject,
    /// A JSON value that satisfies a JSON schema.
    JsonSchema(Value),
    /// A text that matches a regular expression as a whole.
    Regex(String),
    /// A text of a grammar in llguidance's variant of Lark's syntax.
    Lark(String),
}

impl Format {
    /// From `{ type, ... }` as JSON, as the JavaScript API has it.
    ///
    /// # Errors
    /// If it is not one of the formats.
    pub fn from_json(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text).map_err(|error| Error::of("responseFormat", &error))?;
        let field = |name: &str| value[name].as_str().map(str::to_owned);
        match value["type"].as_str() {
            Some("json_object") => Ok(Self::JsonObject),
            Some("json_schema") => Ok(Self::JsonSchema(value["schema"].clone())),
            Some("regex") => field("pattern").map(Self::Regex).ok_or("pattern"),
            Some("grammar") => field("grammar").map(Self::Lark).ok_or("grammar"),
            _ => Err("type"),
        }
        .map_err(|field| Error::new(format!("responseFormat: expected a text in its field '{field}'")))
    }

    /// What an error is about.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::JsonObject | Self::JsonSchema(_) => "the JSON schema cannot be enforced",
            Self::Regex(_) => "the regular expression cannot be enforced",
            Self::Lark(_) => "the grammar cannot be enforced",
        }
    }

    /// The library's own form of it.
    pub(crate) fn grammar(&self) -> Result<TopLevelGrammar> {
        match self {
            Self::JsonObject => Ok(TopLevelGrammar::from_json_schema(schema::prepare(&json!({ "type": "object" }))?)),
            Self::JsonSchema(schema) => Ok(TopLevelGrammar::from_json_schema(schema::prepare(schema)?)),
            // \d and \w are ASCII, as in JavaScript.
            Self::Regex(pattern) => {
                Ok(TopLevelGrammar::from_lark(format!("start: /{}/", regex_to_lark(pattern, "dw"))))
            }
            Self::Lark(grammar) => Ok(TopLevelGrammar::from_lark(grammar.clone())),
        }
    }
}
