//! Chat: messages become a prompt by the model's own template.
//!
//! The template comes out of a file that nobody vetted, the contents from a user. Neither may do harm: rendering has a
//! budget ([`render`](self)), and no content can become a control token, whatever it spells ([`mask`](self)).

mod date;
mod mask;
mod render;
mod shape;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::gguf::Metadata;
use crate::tokenizer::Tokenizer;
use crate::{Error, ErrorKind, Result};
pub use date::DateTime;
use mask::Mask;

/// BitNet b1.58 2B4T's template, from its `tokenizer_config.json`. The published GGUF file has a placeholder instead.
const BITNET_2B4T: &str = "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = \
    message['role'] | capitalize + ': '+ message['content'] | trim + '<|eot_id|>' %}{{ content }}{% endfor %}\
    {% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}";

/// What gives the placeholder away: no model was trained with this word.
const PLACEHOLDER_MARK: &str = "BITNETAssistant";

/// Roles are part of the structure, so they are short words.
const MAX_ROLE_CHARS: usize = 64;

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks: `system`, `user`, `assistant`, or what else the template knows.
    pub role: String,
    /// What is said.
    pub content: String,
}

/// What a template sees besides the messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatOptions {
    /// Whether the prompt ends where the assistant's answer begins.
    pub add_generation_prompt: bool,
    /// The present, for templates that tell it to the model. Without it they do as if there was no clock.
    pub now: Option<DateTime>,
    /// Tokenizing ends once there are more tokens than this: a prompt that is too long is too long.
    pub max_tokens: usize,
}

impl Default for ChatOptions {
    fn default() -> Self {
        Self { add_generation_prompt: true, now: None, max_tokens: usize::MAX }
    }
}

/// A conversation as a model reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatPrompt {
    /// The rendered template.
    pub text: String,
    /// Its tokens, with a beginning-of-sequence token where the model expects one.
    pub ids: Vec<u32>,
}

/// A chat template in Jinja's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatTemplate {
    source: String,
}

impl ChatTemplate {
    /// A template given by the caller.
    ///
    /// # Errors
    /// `ChatTemplate` if it is no valid Jinja.
    pub fn new(source: impl Into<String>) -> Result<Self> {
        let template = Self { source: source.into() };
        render::check(&template.source)?;
        Ok(template)
    }

    /// The template of a model: `given` if there is one, else the file's, corrected where it is the known wrong
    /// placeholder of BitNet 2B4T; `None` where the file has none and the architecture does not imply it. A blank one
    /// counts as none. A file's
    /// template is compiled only when it is used: a broken one does not keep a model from continuing raw text.
    ///
    /// # Errors
    /// `ChatTemplate` if `given` is no valid Jinja, `InvalidModel` if the file's template is no string.
    pub fn from_metadata(metadata: &Metadata, given: Option<&str>) -> Result<Option<Self>> {
        // A blank one would swallow every message: some writers put it where there is none.
        let is_there = |source: &&str| !source.trim().is_empty();
        if let Some(source) = given.filter(is_there) {
            return Self::new(source).map(Some);
        }
        let architecture = metadata.string("general.architecture")?.unwrap_or_default();
        let source = match metadata.string("tokenizer.chat_template")?.filter(is_there) {
            Some(source) if source.contains(PLACEHOLDER_MARK) && architecture.starts_with("bitnet") => BITNET_2B4T,
            Some(source) => source,
            None if matches!(architecture, "bitnet-b1.58" | "bitnet-25") => BITNET_2B4T,
            None => return Ok(None),
        };
        Ok(Some(Self { source: source.to_owned() }))
    }

    /// The Jinja source.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The prompt at whose end the assistant answers.
    ///
    /// # Errors
    /// As [`prompt_with`](Self::prompt_with).
    pub fn prompt(&self, tokenizer: &Tokenizer, messages: &[Message]) -> Result<ChatPrompt> {
        self.prompt_with(tokenizer, messages, &ChatOptions::default())
    }

    /// Renders `messages` and tokenizes the result. Control tokens are recognised in the template's own text only.
    ///
    /// # Errors
    /// `InvalidArgument` for no messages or a role that is no word; `ChatTemplate` if the template fails, refuses the
    /// conversation or exceeds its limits.
    pub fn prompt_with(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        options: &ChatOptions,
    ) -> Result<ChatPrompt> {
        check_messages(tokenizer, messages)?;
        let text = render::render(&self.source, tokenizer, messages, options)?;
        let edges = mask::edges(tokenizer);
        let is_too_long = tokenizer.min_tokens(text.len()) > options.max_tokens;
        if is_too_long || !messages.iter().any(|message| message.content.contains(&edges[..])) {
            let ids = tokenizer.encode_up_to(options.max_tokens, &text, true, tokenizer.add_bos())?;
            return Ok(ChatPrompt { text, ids });
        }
        let mask = Mask::new(
            &edges,
            [self.source.as_str(), &text].into_iter().chain(messages.iter().map(|m| m.content.as_str())),
        )?;
        let render = |contents: &dyn Fn(&str) -> String| {
            let masked: Vec<Message> =
                messages.iter().map(|m| Message { role: m.role.clone(), content: contents(&m.content) }).collect();
            render::render(&self.source, tokenizer, &masked, options)
        };
        // All edges are masked: every control token found in the result is the template's.
        let strict = render(&|content| mask.hide(content));
        if let Ok(masked) = &strict
            && mask.reveal(masked) == text
        {
            return mask.prompt(tokenizer, masked);
        }
        // The template looks into the contents (a "</think>" to cut, say). Then only what spells a control token is
        // masked, and the control tokens must be the ones found above.
        let gentle = render(&|content| mask.hide_control(tokenizer, content));
        if let (Ok(strict), Ok(gentle)) = (&strict, &gentle)
            && mask.reveal(gentle) == text
            && mask::control_ids(tokenizer, strict) == mask::control_ids(tokenizer, gentle)
        {
            return mask.prompt(tokenizer, gentle);
        }
        // A template that treats control tokens in contents specially: safety goes before fidelity.
        mask.prompt(tokenizer, &strict?)
    }
}

fn check_messages(tokenizer: &Tokenizer, messages: &[Message]) -> Result<()> {
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
