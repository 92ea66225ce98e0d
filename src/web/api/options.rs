//! Options as they arrive: plain objects that the page has checked, read here into the core's own types.

use serde::Deserialize;

use crate::chat::{ChatOptions, Content, DateTime, Json, Message};
use crate::generate::{GenerateOptions, Limits, Prompt, StopToken};
use crate::kernels::{Kernel, select};
use crate::load::{self, Precision};
use crate::pool::Pool;
use crate::quant::I2sLayout;
use crate::sample::{DryOptions, SamplerOptions};
use crate::web::runtime::clock::monotonic_ms;
use crate::web::runtime::memory;
use crate::web::runtime::timeline::Span;
use crate::{Error, ErrorKind, Result};

/// The present where this browser is, for chat templates that tell the date.
pub fn local_time() -> Option<DateTime> {
    let date = js_sys::Date::new_0();
    DateTime::new(
        u16::try_from(date.get_full_year()).ok()?,
        date.get_month() as u8 + 1,
        date.get_date() as u8,
        date.get_hours() as u8,
        date.get_minutes() as u8,
        date.get_seconds() as u8,
    )
    .ok()
}

/// Requests that run at once by default, where memory allows: with more of them, each would be slow.
const MOST_CONCURRENT: usize = 8;

/// Options of `load`; what is missing is decided here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub struct LoadOptions {
    context: Option<u32>,
    /// Of a preset: no more than this, and than memory holds.
    most_context: Option<u32>,
    kernel: Option<String>,
    precision: Option<String>,
    chat_template: Option<String>,
    pre_tokenizer: Option<String>,
    i2s_layout: Option<String>,
}

/// Options of `load` for the requests of the model.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestOptions {
    max_concurrent: Option<u32>,
    max_queue: Option<u32>,
    /// At least one context is there in any case.
    pub kv_tokens: Option<u32>,
}

impl RequestOptions {
    /// How many requests there may be, where keys and values may take `most_blocks`. By default each has two blocks.
    pub fn limits(&self, most_blocks: usize) -> Limits {
        let by_memory = (most_blocks / 2).clamp(1, MOST_CONCURRENT);
        let concurrent = self.max_concurrent.map_or(by_memory, |most| most as usize);
        Limits { concurrent, queued: self.max_queue.map_or(bitnet_options::MAX_QUEUE, |most| most as usize) }
    }
}

fn unknown(option: &str, found: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("{option}: this build has no '{found}'"))
}

impl LoadOptions {
    /// The core's options, for a file of `file_bytes`. Without a wish the fastest kernel is measured, on `pool`; its
    /// speed in weights per second comes with it.
    pub fn to_core(&self, pool: &Pool, file_bytes: Option<u64>) -> Result<(load::LoadOptions, Option<f64>)> {
        let (kernel, speed) = match self.kernel.as_deref() {
            None => {
                let _span = Span::begin("bitnet: measure kernels");
                let fastest = select::measure(pool, monotonic_ms)?[0];
                (fastest.kernel, Some(fastest.weights_per_second).filter(|&speed| speed > 0.0))
            }
            Some(name) => {
                let kernel = Kernel::from_name(name);
                (kernel.ok_or_else(|| unknown("kernel", name))?, None)
            }
        };
        let precision = match self.precision.as_deref() {
            None | Some("fast") => Precision::Fast,
            Some("exact") => Precision::Exact,
            Some(other) => return Err(unknown("precision", other)),
        };
        let i2s_layout = match self.i2s_layout.as_deref() {
            None | Some("x86") => I2sLayout::default(),
            Some("arm") => I2sLayout::Stride16,
            Some(other) => return Err(unknown("i2sLayout", other)),
        };
        let options = load::LoadOptions {
            precision,
            context: self.context.map(|tokens| tokens as usize),
            most_context: self.most_context.map(|tokens| tokens as usize),
            i2s_layout,
            pre_tokenizer: self.pre_tokenizer.clone(),
            chat_template: self.chat_template.clone(),
            file_bytes,
            memory_bytes: Some(memory::available()),
            ..load::LoadOptions::new(kernel)
        };
        Ok((options, speed))
    }
}

/// Raw text or messages.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum WebPrompt {
    Text(String),
    Chat(Vec<WebMessage>),
}

/// A message as the page has checked it.
#[derive(Deserialize)]
pub struct WebMessage {
    role: String,
    content: Option<WebContent>,
    #[serde(default)]
    fields: Option<Json>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WebContent {
    Text(String),
    Parts(Vec<String>),
}

impl From<WebMessage> for Message {
    fn from(WebMessage { role, content, fields }: WebMessage) -> Self {
        let content = match content {
            Some(WebContent::Text(text)) => Content::Text(text),
            Some(WebContent::Parts(parts)) => Content::Parts(parts),
            None => Content::Null,
        };
        Self { role, content, fields: entries(fields) }
    }
}

/// What a chat template sees besides the messages.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct WebChatOptions {
    continue_final_message: Option<bool>,
    tools: Option<Vec<Json>>,
    documents: Option<Vec<Json>>,
    template_variables: Option<Json>,
    thinking: Option<bool>,
}

impl From<WebChatOptions> for ChatOptions {
    fn from(options: WebChatOptions) -> Self {
        Self {
            continue_final_message: options.continue_final_message,
            tools: options.tools,
            documents: options.documents,
            variables: entries(options.template_variables),
            thinking: Some(options.thinking.unwrap_or(false)),
            now: local_time(),
            ..Self::default()
        }
    }
}

fn entries(object: Option<Json>) -> Vec<(String, Json)> {
    match object {
        Some(Json::Object(entries)) => entries,
        _ => Vec::new(),
    }
}

impl WebPrompt {
    /// The core's prompt.
    pub fn into_core(self, options: WebChatOptions) -> Prompt {
        match self {
            Self::Text(text) => Prompt::Text(text),
            Self::Chat(messages) => {
                Prompt::Chat { messages: messages.into_iter().map(Message::from).collect(), options: options.into() }
            }
        }
    }
}

/// An id or a name.
#[derive(Deserialize)]
#[serde(untagged)]
enum WebStopToken {
    Id(u32),
    Name(String),
}

impl From<WebStopToken> for StopToken {
    fn from(token: WebStopToken) -> Self {
        match token {
            WebStopToken::Id(id) => Self::Id(id),
            WebStopToken::Name(name) => Self::Name(name),
        }
    }
}

/// Options of a generation; what is missing keeps the core's default.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct WebGenerateOptions {
    max_tokens: Option<u32>,
    temperature: Option<f32>,
    top_k: Option<u32>,
    top_p: Option<f32>,
    min_p: Option<f32>,
    typical_p: Option<f32>,
    top_n_sigma: Option<f32>,
    xtc_probability: Option<f32>,
    xtc_threshold: Option<f32>,
    mirostat_tau: Option<f32>,
    mirostat_eta: Option<f32>,
    repetition_penalty: Option<f32>,
    frequency_penalty: Option<f32>,
    presence_penalty: Option<f32>,
    penalty_window: Option<u32>,
    dry_multiplier: Option<f32>,
    dry_base: Option<f32>,
    dry_allowed_length: Option<u32>,
    dry_window: Option<u32>,
    dry_breakers: Option<Vec<String>>,
    /// Ids and what is added to their logits.
    logit_bias: Option<Vec<(u32, f32)>>,
    banned_strings: Option<Vec<String>>,
    /// How many of the likeliest tokens tell their log-probabilities beside the chosen one.
    logprobs: Option<u32>,
    /// At most 2^53 - 1, which f64 holds exactly.
    seed: Option<f64>,
    stop: Option<Vec<String>>,
    stop_tokens: Option<Vec<WebStopToken>>,
    /// Whether tokens may be guessed.
    speculative: Option<bool>,
    /// The greater, the earlier it is served.
    pub priority: Option<f64>,
    /// Whether the time of each part is measured.
    pub time_parts: Option<bool>,
    /// For messages.
    #[serde(default)]
    pub chat: WebChatOptions,
    /// For benchmarks: so many made-up tokens stand before the prompt.
    pub synthetic_context: Option<u32>,
}

impl From<WebGenerateOptions> for GenerateOptions {
    fn from(options: WebGenerateOptions) -> Self {
        let default = SamplerOptions::default();
        let count = |wanted: Option<u32>, default: usize| wanted.map_or(default, |count| count as usize);
        let sampler = SamplerOptions {
            temperature: options.temperature.unwrap_or(default.temperature),
            top_k: count(options.top_k, default.top_k),
            top_p: options.top_p.unwrap_or(default.top_p),
            min_p: options.min_p.unwrap_or(default.min_p),
            typical_p: options.typical_p.unwrap_or(default.typical_p),
            top_n_sigma: options.top_n_sigma.unwrap_or(default.top_n_sigma),
            xtc_probability: options.xtc_probability.unwrap_or(default.xtc_probability),
            xtc_threshold: options.xtc_threshold.unwrap_or(default.xtc_threshold),
            mirostat_tau: options.mirostat_tau.unwrap_or(default.mirostat_tau),
            mirostat_eta: options.mirostat_eta.unwrap_or(default.mirostat_eta),
            repetition_penalty: options.repetition_penalty.unwrap_or(default.repetition_penalty),
            frequency_penalty: options.frequency_penalty.unwrap_or(default.frequency_penalty),
            presence_penalty: options.presence_penalty.unwrap_or(default.presence_penalty),
            penalty_window: count(options.penalty_window, default.penalty_window),
            dry: DryOptions {
                multiplier: options.dry_multiplier.unwrap_or(default.dry.multiplier),
                base: options.dry_base.unwrap_or(default.dry.base),
                allowed_length: count(options.dry_allowed_length, default.dry.allowed_length),
                window: count(options.dry_window, default.dry.window),
                breakers: options.dry_breakers.unwrap_or(default.dry.breakers),
            },
            logit_bias: options.logit_bias.unwrap_or_default(),
            banned_strings: options.banned_strings.unwrap_or_default(),
            seed: options.seed.map_or(default.seed, |seed| seed as u64),
        };
        Self {
            max_tokens: options.max_tokens.map(|tokens| tokens as usize),
            sampler,
            stop: options.stop.unwrap_or_default(),
            stop_tokens: options.stop_tokens.into_iter().flatten().map(StopToken::from).collect(),
            logprobs: options.logprobs.map(|top| top as usize),
            speculative: options.speculative.unwrap_or(true),
        }
    }
}
