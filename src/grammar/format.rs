//! What a caller asks for.

use llguidance::api::{GrammarWithLexer, TopLevelGrammar};
use llguidance::regex_to_lark;
use serde_json::{Value, json};

use crate::javascript::{self, Match};
use crate::{Error, Result, gbnf, schema};

/// What an answer must follow.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// Any JSON object.
    JsonObject,
    /// A JSON value that satisfies a JSON schema.
    JsonSchema(Value),
    /// A text that matches a regular expression of JavaScript's as a whole.
    Regex {
        /// Its source.
        pattern: String,
        /// Its flags; without them it is read as with `u`, and where that is an error as without.
        flags: Option<String>,
        /// Texts that are not in it.
        without: Vec<String>,
    },
    /// A text of a grammar.
    Grammar {
        /// In llguidance's variant of Lark's syntax.
        lark: String,
        /// Formats of their own, which the grammar calls `@name`.
        parts: Vec<(String, Format)>,
    },
}

impl Format {
    /// A grammar in GBNF, llama.cpp's notation.
    ///
    /// # Errors
    /// Where and how it is wrong, or what it uses that cannot be enforced.
    pub fn gbnf(grammar: &str) -> Result<Self> {
        gbnf::to_lark(grammar).map(Self::lark)
    }

    /// A regular expression of JavaScript's without flags.
    pub fn regex(pattern: impl Into<String>) -> Self {
        Self::Regex { pattern: pattern.into(), flags: None, without: Vec::new() }
    }

    /// A grammar without parts, in llguidance's variant of Lark's notation.
    pub fn lark(lark: impl Into<String>) -> Self {
        Self::Grammar { lark: lark.into(), parts: Vec::new() }
    }

    /// From `{ type, ... }` as JSON, as the JavaScript API has it.
    ///
    /// # Errors
    /// If it is not one of the formats.
    pub fn from_json(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text).map_err(|error| Error::of("responseFormat", &error))?;
        Self::read(&value)
    }

    fn read(value: &Value) -> Result<Self> {
        let field = |name: &str| match value[name].as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(Error::new(format!("responseFormat: expected a text in its field '{name}'"))),
        };
        let without = value["without"].as_array().into_iter().flatten();
        let without: Vec<String> = without.filter_map(Value::as_str).map(str::to_owned).collect();
        match field("type")?.as_str() {
            "json_object" => Ok(Self::JsonObject),
            "json_schema" => {
                let mut schema = value["schema"].clone();
                schema::leave_out(&mut schema, &without);
                Ok(Self::JsonSchema(schema))
            }
            "regex" => {
                let flags = value["flags"].as_str().map(str::to_owned);
                Ok(Self::Regex { pattern: field("pattern")?, flags, without })
            }
            "grammar" => {
                let parts = value["parts"].as_object().into_iter().flatten();
                let parts = parts.map(|(name, part)| Ok((name.clone(), Self::read(part)?))).collect::<Result<_>>()?;
                let grammar = field("grammar")?;
                let is_gbnf = match value["syntax"].as_str() {
                    Some("gbnf") => true,
                    Some("lark") => false,
                    None => gbnf::is_gbnf(&grammar),
                    Some(other) => {
                        return Err(Error::new(format!(
                            "responseFormat: expected the syntax 'lark' or 'gbnf', found '{other}'"
                        )));
                    }
                };
                let lark = if is_gbnf { gbnf::to_lark(&grammar)? } else { grammar };
                Ok(Self::Grammar { lark, parts })
            }
            other => Err(Error::new(format!("responseFormat: there is no type '{other}'"))),
        }
    }

    /// What an error is about.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::JsonObject | Self::JsonSchema(_) => "the JSON schema cannot be enforced",
            Self::Regex { without, .. } if !without.is_empty() => {
                "the regular expression cannot be enforced without the bannedStrings"
            }
            Self::Regex { .. } => "the regular expression cannot be enforced",
            Self::Grammar { .. } => "the grammar cannot be enforced",
        }
    }

    /// The formats inside of it.
    pub(crate) fn parts(&self) -> &[(String, Self)] {
        match self {
            Self::Grammar { parts, .. } => parts,
            _ => &[],
        }
    }

    /// The library's own form of it.
    pub(crate) fn grammar(&self) -> Result<TopLevelGrammar> {
        let mut grammar = TopLevelGrammar::from_grammar(self.alone()?);
        for (name, part) in self.parts() {
            let part = part.alone().map_err(|error| Error::new(format!("{name}: {error}")))?;
            grammar.grammars.push(GrammarWithLexer { name: Some(name.clone()), ..part });
        }
        Ok(grammar)
    }

    /// Without its parts.
    fn alone(&self) -> Result<GrammarWithLexer> {
        Ok(match self {
            Self::JsonObject => GrammarWithLexer::from_json_schema(schema::prepare(&json!({ "type": "object" }))?),
            Self::JsonSchema(schema) => GrammarWithLexer::from_json_schema(schema::prepare(schema)?),
            Self::Regex { pattern, flags, without } => {
                let expression = javascript::translate(pattern, flags.as_deref(), Match::Whole)
                    .map_err(|reason| Error::of(self.name(), &reason))?;
                let mut lark = format!("start: TEXT\nTEXT: /{}/", regex_to_lark(&expression.main, ""));
                for also in expression.also {
                    lark += &format!(" & /{}/", regex_to_lark(&also, ""));
                }
                let without = without.iter().map(|text| format!("(?s:.*){}(?s:.*)", javascript::escape(text)));
                for not in expression.not.into_iter().chain(without) {
                    lark += &format!(" & ~/{}/", regex_to_lark(&not, ""));
                }
                GrammarWithLexer::from_lark(lark)
            }
            Self::Grammar { lark, .. } => GrammarWithLexer::from_lark(lark.clone()),
        })
    }
}
