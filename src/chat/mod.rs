//! Chat: messages become a prompt by the model's own template.
//!
//! The template comes out of a file that nobody vetted, the contents from a user. Neither may do harm: rendering has a
//! budget ([`render`](self)), and no content can become a control token, whatever it spells ([`tokens`](self)). And nothing
//! is lost in silence: a message that a template does not show is an error.

mod date;
mod json;
mod message;
mod render;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::HashSet;

use crate::gguf::Metadata;
use crate::tokenizer::Tokenizer;
use crate::{Error, ErrorKind, Result};
use bitnet_jinja::{Char, FailureKind, Template};
pub use date::DateTime;
pub use json::Json;
pub use message::{Content, Message};
use render::{DOCUMENTS, MESSAGES, Rendered, Rendering, TOOLS, failed};

/// BitNet b1.58 2B4T's template, from its `tokenizer_config.json`. The published GGUF file has a placeholder instead.
const BITNET_2B4T: &str = "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = \
    message['role'] | capitalize + ': '+ message['content'] | trim + '<|eot_id|>' %}{{ content }}{% endfor %}\
    {% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}";

/// What gives the placeholder away: no model was trained with this word.
const PLACEHOLDER_MARK: &str = "BITNETAssistant";

/// What a template sees besides the messages.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatOptions {
    /// Whether the prompt ends where the assistant's answer begins.
    pub add_generation_prompt: bool,
    /// For a conversation that ends with an assistant's message: whether the answer continues it (`true`) or a new turn
    /// begins (`false`). There is no default, since either may be a mistake.
    pub continue_final_message: Option<bool>,
    /// Descriptions of tools, mostly JSON schemas of functions.
    pub tools: Option<Vec<Json>>,
    /// Documents to answer from, mostly objects of `title` and `text`.
    pub documents: Option<Vec<Json>>,
    /// Further variables, such as `enable_thinking`.
    pub variables: Vec<(String, Json)>,
    /// Whether the model thinks before it answers, for templates that know the variable `enable_thinking`. `None` leaves it to
    /// them.
    pub thinking: Option<bool>,
    /// The present, for templates that tell it to the model. Without it they do as if there was no clock.
    pub now: Option<DateTime>,
    /// Tokenizing ends once there are more tokens than this: a prompt that is too long is too long.
    pub max_tokens: usize,
}

impl Default for ChatOptions {
    fn default() -> Self {
        Self {
            add_generation_prompt: true,
            continue_final_message: None,
            tools: None,
            documents: None,
            variables: Vec::new(),
            thinking: None,
            now: None,
            max_tokens: usize::MAX,
        }
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
        Template::parse(&template.source).map_err(failed)?;
        Ok(template)
    }

    /// The template of a model: `given` if there is one, else the file's, corrected where it is the known wrong
    /// placeholder of BitNet 2B4T; `None` where the file has none and the architecture does not imply it. A blank one
    /// counts as none. A file's template is compiled only when it is used: a broken one does not keep a model from continuing raw text.
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
    /// `InvalidArgument` for no messages, a role that is no word, or a conversation that ends with an assistant's message
    /// where nothing says how to go on; `ChatTemplate` if the template fails, refuses the conversation, exceeds its limits,
    /// or does not show a message, the tools or the documents.
    pub fn prompt_with(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        options: &ChatOptions,
    ) -> Result<ChatPrompt> {
        message::check(tokenizer, messages)?;
        check_end(messages, options)?;
        let options = &self.with_thinking(options)?;
        let template = Template::parse(&self.source).map_err(failed)?;
        let continues = options.continue_final_message == Some(true);
        let rendering = Rendering { template: &template, tokenizer, options, continues };
        let mut chars = None;
        if messages.iter().any(|message| matches!(message.content, Content::Parts(_))) {
            // A template that knows no parts fails, shows them as Python shows lists, or drops them.
            chars = match rendering.render(messages, 0) {
                Err(failure) if failure.kind == FailureKind::Limit => return Err(failed(failure)),
                Ok(rendered) if !rendered.shows_parts && check_shown(&rendering, messages, &rendered).is_ok() => {
                    Some(rendered)
                }
                _ => None,
            };
        }
        let chars = match chars {
            Some(rendered) => rendered.chars,
            None => {
                let joined: Vec<Message> = messages.iter().map(Message::joined).collect();
                let rendered = rendering.render(&joined, 0).map_err(failed)?;
                check_shown(&rendering, &joined, &rendered)?;
                rendered.chars
            }
        };
        let chars = match messages.last() {
            Some(last) if continues => render::cut(chars, last)?,
            _ => chars,
        };
        tokens::prompt(tokenizer, &chars, options.max_tokens)
    }

    /// The options with what they say of thinking among the variables. A variable of the caller's own counts.
    fn with_thinking(&self, options: &ChatOptions) -> Result<ChatOptions> {
        const VARIABLE: &str = "enable_thinking";
        let mut options = options.clone();
        let Some(thinking) = options.thinking.filter(|_| options.variables.iter().all(|(name, _)| name != VARIABLE))
        else {
            return Ok(options);
        };
        if self.source.contains(VARIABLE) {
            options.variables.push((VARIABLE.to_owned(), Json::Bool(thinking)));
        } else if thinking {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "thinking: the chat template of this model does not let it be chosen: leave the option out",
            ));
        }
        Ok(options)
    }
}

/// # Errors
/// `InvalidArgument` if the assistant has the last word and nothing says what that means.
fn check_end(messages: &[Message], options: &ChatOptions) -> Result<()> {
    let last_is_assistant = messages.last().is_some_and(|message| message.role == "assistant");
    if !last_is_assistant || !options.add_generation_prompt || options.continue_final_message.is_some() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidArgument,
        "messages: the last message is the assistant's: pass continueFinalMessage: true to continue it, or \
         continueFinalMessage: false to begin a new turn behind it",
    ))
}

/// Whether a rendering shows what it was given.
///
/// # Errors
/// `ChatTemplate` naming the message that has no influence on it, or what else the template does not know.
fn check_shown(rendering: &Rendering, messages: &[Message], rendered: &Rendered) -> Result<()> {
    let origins = |chars: &[Char]| chars.iter().map(|c| c.origin()).collect::<HashSet<u16>>();
    let mut shown = origins(&rendered.chars);
    for (what, given, origin) in
        [("tools", &rendering.options.tools, TOOLS), ("documents", &rendering.options.documents, DOCUMENTS)]
    {
        if given.as_ref().is_some_and(|given| !given.is_empty()) && !shown.contains(&origin) {
            let context = format!("{what}: the chat template of this model does not show {what}: leave them out");
            return Err(Error::new(ErrorKind::ChatTemplate, context));
        }
    }
    for (index, message) in messages.iter().enumerate() {
        if index > 0 && index.is_multiple_of(MESSAGES) {
            // There are no more origins: the next messages take the place of those before.
            shown = origins(&rendering.render(messages, index).map_err(failed)?.chars);
        }
        let is_shown = shown.contains(&((index % MESSAGES) as u16 + 1));
        if is_shown || !message.says_something() || has_influence(rendering, messages, index, &rendered.chars) {
            continue;
        }
        let context = format!(
            "messages[{index}]: the chat template of this model does not show this message of the role '{}': it may not \
             know the role, or expect it elsewhere",
            message.role
        );
        return Err(Error::new(ErrorKind::ChatTemplate, context)
            .with_detail("index", index)
            .with_detail("role", message.role.clone()));
    }
    Ok(())
}

/// Whether the rendering would be another one if a message said something else. A template that cuts all of a message
/// away, such as reasoning of the past, has looked into it.
fn has_influence(rendering: &Rendering, messages: &[Message], index: usize, chars: &[Char]) -> bool {
    let mut changed = messages.to_vec();
    changed[index] = changed[index].changed();
    rendering.render(&changed, 0).map_or(true, |rendered| rendered.chars != chars)
}
