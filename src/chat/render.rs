//! Messages through a template: what it is given, and what its result tells.

use super::{ChatOptions, Content, DateTime, Message};
use crate::tokenizer::Tokenizer;
use crate::{Error, ErrorKind, Result};
use bitnet_jinja::{Char, Failure, FailureKind, Input, Limits, Template};

/// Steps of one rendering, and for each message more; published templates take some tens for a message, and one that looks
/// ahead over all messages takes as many for each pair. With all of them a rendering takes well below two seconds.
const STEPS: u64 = 4_000_000;
const STEPS_PER_MESSAGE: u64 = 25_000;
const MAX_STEPS: u64 = 40_000_000;

/// Bytes of values, and for each byte of the input more: a character takes four, in each variable that holds it.
const BYTES: usize = 24 << 20;
const BYTES_PER_BYTE: usize = 16;
const MAX_BYTES: usize = 64 << 20;

/// Characters that a template may write besides the input: far more than any template has.
const OUTPUT: usize = 1 << 20;

/// Origins of what does not belong to a single message. Those of messages begin at 1.
pub(super) const OTHER: u16 = 2047;
pub(super) const TOOLS: u16 = 2046;
pub(super) const DOCUMENTS: u16 = 2045;
const MARK: u16 = 2044;
/// Messages that one rendering can tell apart.
pub(super) const MESSAGES: usize = 2043;

/// What transformers writes behind the final message to find its end.
const END_MARK: &str = "CONTINUE_FINAL_MESSAGE_TAG ";

/// One way to render a conversation.
pub(super) struct Rendering<'a> {
    pub template: &'a Template,
    pub tokenizer: &'a Tokenizer,
    pub options: &'a ChatOptions,
    /// Whether the last message is continued.
    pub continues: bool,
}

/// A template's result.
pub(super) struct Rendered {
    pub chars: Vec<Char>,
    /// Whether the template wrote a list of parts as Python shows lists: it knows no parts.
    pub shows_parts: bool,
}

impl Rendering<'_> {
    /// Renders `messages`, of which those from `first` on have origins of their own.
    pub(super) fn render(&self, messages: &[Message], first: usize) -> std::result::Result<Rendered, Failure> {
        let token = |id: Option<u32>| {
            let bytes = id.and_then(|id| self.tokenizer.token_bytes(id).ok());
            bytes.map_or(Input::Undefined, |bytes| Input::trusted(String::from_utf8_lossy(bytes)))
        };
        let origin = |index: usize| match index.checked_sub(first) {
            Some(index) if index < MESSAGES => index as u16 + 1,
            _ => OTHER,
        };
        let mut inputs: Vec<Input> =
            messages.iter().enumerate().map(|(i, message)| message.to_input(origin(i))).collect();
        if self.continues
            && let Some(Input::Dict(entries)) = inputs.last_mut()
        {
            entries
                .iter_mut()
                .filter(|(key, _)| matches!(key, Input::Text(key, _) if key == "content"))
                .for_each(|(_, content)| mark(content));
        }
        let list = |items: &Option<Vec<super::Json>>, origin| match items {
            None => Input::None,
            Some(items) => Input::List(items.iter().map(|item| item.to_input(origin)).collect()),
        };
        let mut variables = vec![
            ("messages", Input::List(inputs)),
            ("add_generation_prompt", Input::Bool(self.options.add_generation_prompt && !self.continues)),
            ("tools", list(&self.options.tools, TOOLS)),
            ("documents", list(&self.options.documents, DOCUMENTS)),
            ("bos_token", token(self.tokenizer.bos())),
            ("eos_token", token(self.tokenizer.eos())),
        ];
        variables.extend(self.options.variables.iter().map(|(name, value)| (name.as_str(), value.to_input(OTHER))));
        let clock = self.options.now.map(|now: DateTime| move |format: &str| now.format(format));
        let clock: Option<&dyn Fn(&str) -> String> = clock.as_ref().map(|clock| clock as _);
        let (chars, shows_parts) = self.template.render(&variables, clock, self.limits(messages))?;
        Ok(Rendered { chars, shows_parts })
    }

    fn limits(&self, messages: &[Message]) -> Limits {
        let given = |items: &Option<Vec<super::Json>>| items.iter().flatten().map(super::Json::size).sum::<usize>();
        let input = messages.iter().map(|message| 512 + message.size()).sum::<usize>()
            + given(&self.options.tools)
            + given(&self.options.documents);
        Limits {
            steps: MAX_STEPS.min(STEPS + STEPS_PER_MESSAGE.saturating_mul(messages.len() as u64)),
            bytes: MAX_BYTES.min(BYTES.saturating_add(input.saturating_mul(BYTES_PER_BYTE))),
            output: OUTPUT.saturating_add(input.saturating_mul(2)),
        }
    }
}

/// Writes the mark behind the last text of a content.
fn mark(content: &mut Input) {
    let at = match content {
        Input::Text(..) => content,
        Input::List(parts) => {
            let Some(Input::Dict(entries)) = parts.last_mut() else { return };
            let Some((_, text)) = entries.last_mut() else { return };
            text
        }
        _ => return,
    };
    let text = std::mem::replace(at, Input::None);
    *at = Input::Texts(vec![text, Input::Text(END_MARK.to_owned(), MARK)]);
}

/// A rendering up to the end of its final message, as transformers cuts it.
///
/// # Errors
/// `ChatTemplate` if the template drops or changes the final message.
pub(super) fn cut(mut chars: Vec<Char>, last: &Message) -> Result<Vec<Char>> {
    let lost = || {
        Error::new(
            ErrorKind::ChatTemplate,
            "continueFinalMessage: the chat template does not show the final message as it is, so it cannot be continued",
        )
    };
    let said = match &last.content {
        Content::Text(text) => text.trim(),
        Content::Parts(parts) => parts.last().map_or("", |part| part.trim()),
        Content::Null => return Err(lost()),
    };
    let word = END_MARK.trim_end();
    let end = chars.iter().rposition(|c| c.origin() == MARK).ok_or_else(lost)? + 1;
    let start = chars[..end].iter().rposition(|c| c.origin() != MARK).map_or(0, |at| at + 1);
    let found: String = chars[start..end].iter().map(|c| c.char()).collect();
    // The whole mark may stand there more than once, one right behind the other.
    let begin = end - found.len() + found.rfind(word).ok_or_else(lost)?;
    let text: String = chars.iter().map(|c| c.char()).collect();
    if !text.contains(said) {
        return Err(lost());
    }
    let keeps_space = chars.get(begin + word.len()).is_some_and(|c| c.char() == ' ');
    chars.truncate(begin);
    if !keeps_space {
        while chars.last().is_some_and(|c| c.char().is_whitespace() || matches!(c.char(), '\x1c'..='\x1f')) {
            chars.pop();
        }
    }
    Ok(chars)
}

/// A failure as callers see it.
pub(super) fn failed(failure: Failure) -> Error {
    let context = match failure.kind {
        FailureKind::Limit => "the chat template is broken or hostile",
        FailureKind::Raised => "the chat template refuses this conversation",
        FailureKind::Syntax | FailureKind::Runtime => "the chat template failed",
    };
    Error::new(ErrorKind::ChatTemplate, context).with_source(failure)
}
