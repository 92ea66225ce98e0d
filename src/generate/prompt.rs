//! The prompt of a generation and its tokens.

use super::Engine;
use crate::chat::{ChatOptions, ChatTemplate, Message};
use crate::{Error, ErrorKind, Result};

/// The prompt of a generation.
#[derive(Clone, Debug)]
pub enum Prompt {
    /// Raw text, special tokens recognised; the beginning-of-text token is put before it if the model wants one.
    Text(String),
    /// A conversation, rendered by the model's chat template.
    Chat {
        /// The turns.
        messages: Vec<Message>,
        /// What the template sees besides them.
        options: ChatOptions,
    },
    /// Token ids, taken as they are.
    Tokens(Vec<u32>),
}

impl Engine {
    /// Turns a prompt into tokens. An answer that comes back in a conversation keeps the tokens that the model chose
    /// for it: encoded anew it may be spelled in others, and would have to be computed again.
    ///
    /// # Errors
    /// `ChatTemplate` if the conversation cannot be rendered, `InvalidArgument` for ids that do not exist,
    /// `ContextOverflow` for a text that is longer than the context. What is certain from its bytes is told before it
    /// is tokenized, and tokenizing ends where the context does.
    pub fn prompt(&self, prompt: &Prompt) -> Result<Vec<u32>> {
        let (tokenizer, context) = (self.tokenizer(), self.model().context());
        let bytes = match prompt {
            Prompt::Text(text) => text.len(),
            Prompt::Chat { messages, .. } => messages.iter().map(Message::text_bytes).sum(),
            Prompt::Tokens(_) => 0,
        };
        // What is certain is told before a template works on it.
        let least = tokenizer.min_tokens(bytes);
        if least >= context {
            return Err(self.overflow("the prompt", least, true));
        }
        let ids = self.prompt_up_to(context, prompt)?;
        let is_text = !matches!(prompt, Prompt::Tokens(_));
        if is_text && ids.len() > context { Err(self.overflow("the prompt", ids.len(), true)) } else { Ok(ids) }
    }

    /// The number of tokens that [`prompt`](Self::prompt) makes, or would make in a larger context.
    ///
    /// # Errors
    /// As `prompt`, but for `ContextOverflow`.
    pub fn count_tokens(&self, prompt: &Prompt) -> Result<usize> {
        Ok(self.prompt_up_to(usize::MAX, prompt)?.len())
    }

    /// The tokens of a prompt; tokenizing ends once there are more than `most`.
    fn prompt_up_to(&self, most: usize, prompt: &Prompt) -> Result<Vec<u32>> {
        let tokenizer = self.tokenizer();
        match prompt {
            Prompt::Text(text) => tokenizer.encode_up_to(most, text, true, tokenizer.add_bos()),
            Prompt::Chat { messages, options } => {
                let options = ChatOptions { max_tokens: most, ..options.clone() };
                let mut ids = self.chat_template()?.prompt_with(tokenizer, messages, &options)?.ids;
                if ids.len() > most {
                    return Ok(ids);
                }
                let (mut longest, mut spelling) = (0, Vec::new());
                for sequence in self.cache.sequences() {
                    let (kept, same) = tokenizer.same_spelling(sequence.tokens(), &ids)?;
                    if same >= longest {
                        (longest, spelling) = (same, sequence.tokens()[..kept].to_vec());
                    }
                }
                ids.splice(..longest, spelling);
                Ok(ids)
            }
            Prompt::Tokens(ids) => {
                self.model().check_tokens(ids)?;
                Ok(ids.clone())
            }
        }
    }

    /// The error of `what`, which has `tokens` tokens, or more (`at_least`).
    pub(super) fn overflow(&self, what: &str, tokens: usize, at_least: bool) -> Error {
        let (context, most) = (self.model().context(), self.model().config().context_length);
        let (number, name) = if at_least { ("at least ", "minTokens") } else { ("", "tokens") };
        let advice = if context < most {
            format!("shorten it, or load the model with a larger context, of up to {most} tokens")
        } else {
            "shorten it: the model was trained for no larger context".to_owned()
        };
        let message = format!("{what} has {number}{tokens} tokens, the context {context}: {advice}");
        Error::new(ErrorKind::ContextOverflow, message)
            .with_detail(name, tokens)
            .with_detail("contextLength", context)
            .with_detail("maxContextLength", most)
    }

    /// The model's chat template.
    ///
    /// # Errors
    /// `ChatTemplate` if the file has none and none was given.
    pub fn chat_template(&self) -> Result<&ChatTemplate> {
        self.loaded.template.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::ChatTemplate,
                "this model has no chat template: pass the prompt as a string, or load the model with a chatTemplate",
            )
        })
    }
}
