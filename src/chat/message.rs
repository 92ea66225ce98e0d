//! Messages: who speaks, what is said, and what else a template may show.

use super::Json;
use crate::tokenizer::Tokenizer;
use crate::{Error, ErrorKind, Result};
use bitnet_jinja::Input;

/// Roles are part of the structure, so they are short words.
const MAX_ROLE_CHARS: usize = 64;

/// Names under which reasoning is passed; transformers fills the first from the others, and the second too.
const REASONING: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// One text.
    Text(String),
    /// Several texts: `[{ type: 'text', text }, ...]`. A template that knows no parts gets them as lines of one text.
    Parts(Vec<String>),
    /// Nothing, such as beside a call of tools.
    Null,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who speaks: `system`, `user`, `assistant`, or what else the template knows.
    pub role: String,
    /// What is said.
    pub content: Content,
    /// Further fields, such as `name`, `tool_calls` or `reasoning_content`, for templates that know them.
    pub fields: Vec<(String, Json)>,
}

impl Message {
    /// A message that is one text.
    pub fn new(role: impl Into<String>, text: impl Into<String>) -> Self {
        Self { role: role.into(), content: Content::Text(text.into()), fields: Vec::new() }
    }

    /// Whether it says something that a prompt must show.
    pub(super) fn says_something(&self) -> bool {
        let said = |text: &String| !text.trim().is_empty();
        match &self.content {
            Content::Text(text) if said(text) => true,
            Content::Parts(parts) if parts.iter().any(said) => true,
            _ => self
                .fields
                .iter()
                .any(|(name, value)| name == "tool_calls" && matches!(value, Json::Array(calls) if !calls.is_empty())),
        }
    }

    /// The same message saying something else.
    pub(super) fn changed(&self) -> Self {
        let is = |word: &str| matches!(&self.content, Content::Text(text) if text == word);
        Self::new(&self.role, if is("something") { "else" } else { "something" })
    }

    /// The same message with its parts as lines of one text.
    pub(super) fn joined(&self) -> Self {
        let content = match &self.content {
            Content::Parts(parts) => Content::Text(parts.join("\n")),
            other => other.clone(),
        };
        Self { content, ..self.clone() }
    }

    /// Bytes of what it says.
    pub fn text_bytes(&self) -> usize {
        match &self.content {
            Content::Text(text) => text.len(),
            Content::Parts(parts) => parts.iter().map(String::len).sum(),
            Content::Null => 0,
        }
    }

    /// Characters in it.
    pub(super) fn size(&self) -> usize {
        let content = match &self.content {
            Content::Text(text) => text.len(),
            Content::Parts(parts) => parts.iter().map(|part| 64 + part.len()).sum(),
            Content::Null => 0,
        };
        content + self.fields.iter().map(|(name, value)| name.len() + value.size()).sum::<usize>()
    }

    /// For a template.
    pub(super) fn to_input(&self, origin: u16) -> Input {
        let key = |name: &str| Input::trusted(name);
        let text = |text: &String| Input::Text(text.clone(), origin);
        let content = match &self.content {
            Content::Text(content) => text(content),
            Content::Parts(parts) => {
                let part = |part| Input::Dict(vec![(key("type"), key("text")), (key("text"), text(part))]);
                Input::List(parts.iter().map(part).collect())
            }
            Content::Null => Input::None,
        };
        let mut entries = Vec::new();
        let reasoning = REASONING.iter().find_map(|name| self.field(name).filter(|value| **value != Json::Null));
        if let Some(reasoning) = reasoning
            && self.field("thinking").is_none()
        {
            entries.push((key("thinking"), reasoning.to_input(origin)));
        }
        entries.push((key("role"), key(&self.role)));
        entries.push((key("content"), content));
        for (name, value) in &self.fields {
            entries.push((Input::Text(name.clone(), origin), value.to_input(origin)));
        }
        if let Some(reasoning) = reasoning {
            entries.push((key("reasoning_content"), reasoning.to_input(origin)));
        }
        Input::Dict(entries)
    }

    fn field(&self, name: &str) -> Option<&Json> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// # Errors
/// `InvalidArgument` for no messages or a role that is no word.
pub(super) fn check(tokenizer: &Tokenizer, messages: &[Message]) -> Result<()> {
    let invalid = |context: String| Err(Error::new(ErrorKind::InvalidArgument, context));
    if messages.is_empty() {
        return invalid("messages: expected at least one, found none".into());
    }
    for (index, Message { role, .. }) in messages.iter().enumerate() {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let chars = role.chars().count();
        if chars == 0 || chars > MAX_ROLE_CHARS || !role.chars().all(is_word) {
            return invalid(format!(
                "messages[{index}].role: expected a word of 1 to {MAX_ROLE_CHARS} letters, digits, '_', '-' or '.', \
                 such as user, found {:?}",
                role.chars().take(MAX_ROLE_CHARS + 1).collect::<String>()
            ));
        }
        if tokenizer.find_control(role, 0).is_some() {
            return invalid(format!("messages[{index}].role: {role:?} spells a control token of this model"));
        }
    }
    Ok(())
}
