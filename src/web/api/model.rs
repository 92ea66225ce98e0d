//! The loaded model as the engine worker holds it.

use std::collections::HashMap;

use js_sys::{Array, Float32Array, Uint8Array, Uint32Array};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::chat::{ChatOptions, Message};
use crate::generate::{
    EmbedRun, EmbedStep, Engine, Guessing, LogitsRun, LogitsStep, Prompt, ReasoningSplit, Scheduler, Trial,
};
use crate::kernels::KV_BLOCK;
use crate::kernels::read_limit::{ReadLimit, read_limit};
use crate::load::Precision;
use crate::stopwatch::Parts;
use crate::threads::ThreadChoice;
use crate::web::runtime::clock::monotonic_ms;
use crate::web::runtime::memory;
use crate::web::runtime::object::{read, to_object};
use crate::web::runtime::task;
use crate::web::runtime::thread::{WasmPool, thread_choice};
use crate::{Error, ErrorKind, Result};

use super::error::to_js;
use super::load;
use super::options::{RequestOptions, WebChatOptions, WebMessage, WebPrompt};
use super::prefix::Prefixes;
use super::probe;
use super::requests::Times;
use super::tokenize::WasmEncoding;

/// A model, the sequences that it has computed, and what is being computed.
#[wasm_bindgen]
pub struct WasmModel {
    pub(super) engine: Engine,
    pub(super) scheduler: Scheduler,
    pub(super) times: Times,
    pub(super) logits: Option<LogitsRun>,
    pub(super) embed: Option<EmbedRun>,
    pub(super) trial: Option<Trial>,
    /// Of the requests for messages what their answers think and what they say.
    pub(super) reasoning: HashMap<u32, ReasoningSplit>,
    pub(super) prefixes: Prefixes,
    pub(super) threads: ThreadChoice,
}

/// The engine's part of `model.info`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info<'a> {
    architecture: &'a str,
    /// As the file calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    parameters: u64,
    context_length: usize,
    quantization: &'a str,
    kernel: &'a str,
    precision: &'a str,
    threads: usize,
    /// Bytes of the file.
    bytes: u64,
    /// Bytes of weights and KV cache.
    memory_bytes: u64,
    /// Bytes of the weights alone: a token reads all of them.
    weight_bytes: u64,
    vocabulary: usize,
    /// Requests that run at once.
    max_concurrent: usize,
    /// Tokens whose keys and values all requests and the cache may take together.
    kv_tokens: usize,
    /// Numbers of an embedding, where the model was made for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding_dimensions: Option<usize>,
}

/// Milliseconds.
#[derive(Serialize)]
struct WebParts {
    ternary: f64,
    attention: f64,
    head: f64,
    norms: f64,
    sampling: f64,
    barriers: f64,
}

impl From<Parts> for WebParts {
    fn from(Parts { ternary, attention, head, norms, sampling, barriers }: Parts) -> Self {
        Self { ternary, attention, head, norms, sampling, barriers }
    }
}

/// Bytes per second.
#[derive(Serialize)]
struct WebReadLimit {
    best: f64,
    median: f64,
}

/// Loads a model. `source` is `{ url }`, `{ blob, name }` or `{ stream, length }`; `progress` is called with the
/// protocol's `Progress`. A free function, because a method that waits would keep its object borrowed.
///
/// # Errors
/// `{ code, message }`, as every other function here.
#[wasm_bindgen]
pub async fn load(
    source: JsValue,
    options: JsValue,
    pool: WasmPool,
    progress: js_sys::Function,
) -> std::result::Result<WasmModel, JsValue> {
    task::watched(load_from(source, options, pool, progress)).await.map_err(|e| to_js(&e))
}

async fn load_from(source: JsValue, options: JsValue, pool: WasmPool, progress: js_sys::Function) -> Result<WasmModel> {
    let (pool, measured) = pool.into_parts();
    let requests: RequestOptions = read("load", options.clone())?;
    let model = load::load_model(&source, options, &pool, &progress).await?;
    let threads = thread_choice(&pool, measured, model.summary.weight_bytes);
    let mut engine = Engine::new(model, pool);
    match requests.kv_tokens {
        Some(tokens) => engine.set_kv_tokens(tokens as usize),
        None => engine.set_memory(memory::available()),
    }
    let mut scheduler = Scheduler::new(requests.limits(engine.cache().most_blocks()));
    *scheduler.guessing() = Guessing::measured();
    let (times, prefixes) = (Times::default(), Prefixes::default());
    let (logits, embed, trial, reasoning) = (None, None, None, HashMap::new());
    Ok(WasmModel { engine, scheduler, times, logits, embed, trial, reasoning, prefixes, threads })
}

/// Properties and needs of the model at `source`, from its header alone: see `probe.rs`.
///
/// # Errors
/// As [`load()`].
#[wasm_bindgen]
pub async fn probe(source: JsValue, options: JsValue, pool: WasmPool) -> std::result::Result<JsValue, JsValue> {
    let found = task::watched(probe::probe(&source, options, pool.inner())).await;
    found.and_then(|found| to_object(&found)).map_err(|e| to_js(&e))
}

impl WasmModel {
    /// The engine.
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine, to be changed.
    pub(super) fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    fn info_of(&self) -> Result<JsValue> {
        let (model, summary) = (self.engine.model(), self.engine.summary());
        to_object(&Info {
            architecture: summary.config.architecture,
            name: Some(summary.config.name.as_str()).filter(|name| !name.is_empty()),
            parameters: summary.parameters,
            context_length: summary.context,
            quantization: &summary.quantization,
            kernel: model.kernel().name(),
            precision: match model.precision() {
                Precision::Fast => "fast",
                Precision::Exact => "exact",
            },
            threads: self.threads.chosen(),
            bytes: summary.file_bytes,
            memory_bytes: summary.weight_bytes + summary.kv_bytes,
            weight_bytes: summary.weight_bytes,
            vocabulary: summary.config.vocab_size,
            max_concurrent: self.scheduler.limits().concurrent,
            kv_tokens: self.engine.cache().most_blocks() * KV_BLOCK,
            embedding_dimensions: summary.config.pooling.map(|_| summary.config.dim),
        })
    }

    fn count_tokens_of(&self, prompt: JsValue, options: JsValue) -> Result<usize> {
        let prompt: WebPrompt = read("prompt", prompt)?;
        let options: WebChatOptions = read("options", options)?;
        self.engine.count_tokens(&prompt.into_core(options))
    }

    fn begin_scores_of(&mut self, text: String) -> Result<Vec<u32>> {
        let ids = self.engine.prompt(&Prompt::Text(text))?;
        self.logits = Some(self.engine.begin_scores(ids.clone())?);
        self.engine.pool().set_active(true);
        Ok(ids)
    }

    fn begin_logits_of(&mut self, ids: Vec<u32>, positions: &[u32]) -> Result<()> {
        let positions: Vec<usize> = positions.iter().map(|&p| p as usize).collect();
        self.logits = Some(self.engine.begin_logits(ids, &positions)?);
        self.engine.pool().set_active(true);
        Ok(())
    }

    fn next_logits(&mut self, limit: f64) -> Result<Option<Array>> {
        let Some(run) = &mut self.logits else {
            return Err(Error::new(ErrorKind::Internal, "a step was asked for, but no logits are under way"));
        };
        let began = monotonic_ms();
        loop {
            match self.engine.step_logits(run) {
                Ok(LogitsStep::Layer) if monotonic_ms() - began < limit => {}
                Ok(LogitsStep::Layer) => return Ok(None),
                Ok(LogitsStep::Rows { rows, logits }) => {
                    let rows: Vec<u32> = rows.into_iter().map(|row| row as u32).collect();
                    let (rows, logits) = (Uint32Array::from(rows.as_slice()), Float32Array::from(logits.as_slice()));
                    return Ok(Some(Array::of2(&rows, &logits)));
                }
                Ok(LogitsStep::Scores { rows, logprobs }) => {
                    let rows: Vec<u32> = rows.into_iter().map(|row| row as u32).collect();
                    let (rows, scores) = (Uint32Array::from(rows.as_slice()), Float32Array::from(logprobs.as_slice()));
                    return Ok(Some(Array::of2(&rows, &scores)));
                }
                Ok(LogitsStep::Done) => {
                    self.end();
                    return Ok(None);
                }
                Err(error) => {
                    self.end();
                    return Err(error);
                }
            }
        }
    }

    fn begin_embed_of(&mut self, texts: JsValue) -> Result<()> {
        let texts: Vec<String> = read("texts", texts)?;
        self.embed = Some(self.engine.begin_embed(&texts)?);
        self.engine.pool().set_active(true);
        Ok(())
    }

    fn next_embeddings(&mut self, limit: f64) -> Result<Option<Array>> {
        let Some(run) = &mut self.embed else {
            return Err(Error::new(ErrorKind::Internal, "a step was asked for, but no embeddings are under way"));
        };
        let began = monotonic_ms();
        loop {
            match self.engine.step_embed(run) {
                Ok(EmbedStep::Layer) if monotonic_ms() - began < limit => {}
                Ok(EmbedStep::Layer) => return Ok(None),
                Ok(EmbedStep::Vectors { texts, vectors }) => {
                    let texts: Vec<u32> = texts.into_iter().map(|text| text as u32).collect();
                    let (texts, vectors) =
                        (Uint32Array::from(texts.as_slice()), Float32Array::from(vectors.as_slice()));
                    return Ok(Some(Array::of2(&texts, &vectors)));
                }
                Ok(EmbedStep::Done) => {
                    self.end();
                    return Ok(None);
                }
                Err(error) => {
                    self.end();
                    return Err(error);
                }
            }
        }
    }

    fn read_limit_of(&self, bytes: usize) -> Result<JsValue> {
        let ReadLimit { best, median } = read_limit(self.engine.pool(), bytes, monotonic_ms)?;
        to_object(&WebReadLimit { best, median })
    }

    fn chat_prompt_of(&self, messages: JsValue, options: JsValue) -> Result<String> {
        let messages: Vec<WebMessage> = read("messages", messages)?;
        let messages: Vec<Message> = messages.into_iter().map(Message::from).collect();
        let options: WebChatOptions = read("options", options)?;
        let options = ChatOptions::from(options);
        Ok(self.engine.chat_template()?.prompt_with(self.engine.tokenizer(), &messages, &options)?.text)
    }
}

/// Every error is thrown as `{ code, message, details }`.
#[wasm_bindgen]
impl WasmModel {
    /// The model's part of `model.info`.
    pub fn info(&self) -> std::result::Result<JsValue, JsValue> {
        self.info_of().map_err(|e| to_js(&e))
    }

    /// Goes on with [`WasmEncoding`] for about `limit` milliseconds, or one word that takes longer; returns whether it is
    /// done.
    #[wasm_bindgen(js_name = tokenizeStep)]
    pub fn tokenize_step(&self, text: &mut WasmEncoding, limit: f64) -> std::result::Result<bool, JsValue> {
        text.step(self.engine.tokenizer(), limit).map_err(|e| to_js(&e))
    }

    /// The text of token ids, special tokens included.
    pub fn detokenize(&self, ids: &[u32]) -> std::result::Result<String, JsValue> {
        self.engine.tokenizer().decode(ids, false).map_err(|e| to_js(&e))
    }

    /// The text that the chat template makes of `[{ role, content }]`.
    #[wasm_bindgen(js_name = chatPrompt)]
    pub fn chat_prompt(&self, messages: JsValue, options: JsValue) -> std::result::Result<String, JsValue> {
        self.chat_prompt_of(messages, options).map_err(|e| to_js(&e))
    }

    /// How many tokens a prompt has.
    #[wasm_bindgen(js_name = countTokens)]
    pub fn count_tokens(&self, prompt: JsValue, options: JsValue) -> std::result::Result<usize, JsValue> {
        self.count_tokens_of(prompt, options).map_err(|e| to_js(&e))
    }

    /// The vocabulary for the module of grammars: the bytes of all tokens, one after the other, where each ends, and the ids
    /// of those that end an answer. Control tokens begin with `mark`.
    pub fn spellings(&self, mark: u8) -> Array {
        let tokenizer = self.engine.tokenizer();
        let (bytes, ends) = tokenizer.spellings(mark);
        let (ends, stops) = (Uint32Array::from(ends.as_slice()), Uint32Array::from(tokenizer.stop_tokens()));
        Array::of3(&Uint8Array::from(bytes.as_slice()), &ends, &stops)
    }

    /// Milliseconds by part since the generation began, or since they were last taken; `undefined` unless it asked for
    /// them.
    #[wasm_bindgen(js_name = takeParts)]
    pub fn take_parts(&mut self) -> std::result::Result<JsValue, JsValue> {
        match self.engine.take_parts() {
            None => Ok(JsValue::UNDEFINED),
            Some(parts) => to_object(&WebParts::from(parts)).map_err(|e| to_js(&e)),
        }
    }

    /// For benchmarks: bytes per second at which this model's threads can read memory, measured over `bytes` of it.
    #[wasm_bindgen(js_name = readLimit)]
    pub fn read_limit(&self, bytes: usize) -> std::result::Result<JsValue, JsValue> {
        self.read_limit_of(bytes).map_err(|e| to_js(&e))
    }

    /// Drops the logits under way. What is complete of them is kept for a text that begins alike.
    pub fn end(&mut self) {
        if let Some(mut run) = self.logits.take() {
            self.engine.end_logits(&mut run);
        }
        self.embed = None;
        self.rest_if_idle();
    }

    /// Begins to compute the logits after each of `positions`.
    #[wasm_bindgen(js_name = beginLogits)]
    pub fn begin_logits(&mut self, ids: Vec<u32>, positions: &[u32]) -> std::result::Result<(), JsValue> {
        self.begin_logits_of(ids, positions).map_err(|e| to_js(&e))
    }

    /// Begins to compute the log-probability of each token of a text but the first, which [`WasmModel::step_logits`] gives as
    /// rows of one number. Returns the tokens.
    #[wasm_bindgen(js_name = beginScores)]
    pub fn begin_scores(&mut self, text: String) -> std::result::Result<Vec<u32>, JsValue> {
        self.begin_scores_of(text).map_err(|e| to_js(&e))
    }

    /// The next bit of the logits: which of the positions, and for each a row of logits; `undefined` after about `limit`
    /// milliseconds without one (so that a caller can stop in between), or once all rows were there.
    #[wasm_bindgen(js_name = stepLogits)]
    pub fn step_logits(&mut self, limit: f64) -> std::result::Result<Option<Array>, JsValue> {
        self.next_logits(limit).map_err(|e| to_js(&e))
    }

    /// Begins to compute the embeddings of an array of texts.
    #[wasm_bindgen(js_name = beginEmbed)]
    pub fn begin_embed(&mut self, texts: JsValue) -> std::result::Result<(), JsValue> {
        self.begin_embed_of(texts).map_err(|e| to_js(&e))
    }

    /// The next bit of the embeddings: which of the texts, and for each its numbers; `undefined` after about `limit`
    /// milliseconds without one (so that a caller can stop in between), or once all were there.
    #[wasm_bindgen(js_name = stepEmbed)]
    pub fn step_embed(&mut self, limit: f64) -> std::result::Result<Option<Array>, JsValue> {
        self.next_embeddings(limit).map_err(|e| to_js(&e))
    }

    /// The logits hash, in 16 hexadecimal digits.
    #[wasm_bindgen(js_name = logitsHash)]
    pub fn logits_hash(&mut self) -> std::result::Result<String, JsValue> {
        self.engine.logits_hash().map(|hash| format!("{hash:016x}")).map_err(|e| to_js(&e))
    }
}
