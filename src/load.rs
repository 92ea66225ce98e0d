//! A GGUF byte stream in, a model out: tensors are repacked as their bytes arrive.
//!
//! Peak memory is the final weights, the caller's chunk and a few rows; only float matrices that still have to be
//! made ternary are held whole, one at a time.

use std::mem;
use std::sync::Arc;

use crate::chat::ChatTemplate;
use crate::gguf::{Header, Metadata, Parser, Progress};
use crate::kernels::{GroupScheme, KV_BLOCK, Kernel, RowMatrix};
pub use crate::model::Precision;
use crate::model::{Blueprint, Config, KvFormat, Model, Role, WeightOptions, WeightsBuilder};
use crate::quant::I2sLayout;
use crate::tokenizer::{Tokenizer, Vocabulary};
use crate::{Error, ErrorKind, Result};

/// The least context, in tokens, that a load settles for where memory does not hold what the model was trained for: enough for
/// a short chat.
const LEAST_CONTEXT: usize = 512;

/// Bytes of the header that are taken at once.
const HEADER_PIECE: usize = 1 << 20;

/// Options of a load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The kernel for the ternary matrices.
    pub kernel: Kernel,
    /// How exact the rest is.
    pub precision: Precision,
    /// Tokens of context. If `None`, the model's own, or as many as `memory_bytes` holds where that are fewer, but at least
    /// 512: with less, the load fails and says what there is.
    pub context: Option<usize>,
    /// Where `context` is `None`, the most tokens of it.
    pub most_context: Option<usize>,
    /// The interleaving of I2_S tensors, which the file does not tell.
    pub i2s_layout: I2sLayout,
    /// Overrides `tokenizer.ggml.pre`.
    pub pre_tokenizer: Option<String>,
    /// Overrides `tokenizer.chat_template`.
    pub chat_template: Option<String>,
    /// The length of the file, where it is known: a file that is too short is then refused by its header.
    pub file_bytes: Option<u64>,
    /// Bytes that there are for weights and KV cache, where that is known: what needs more is refused by its header,
    /// before anything is allocated.
    pub memory_bytes: Option<u64>,
    /// Whether the tokenizer is left to [`Loader::make_tokenizer`], or to the end, so that weights are unpacked before.
    pub late_tokenizer: bool,
}

impl LoadOptions {
    /// The defaults with `kernel`.
    pub fn new(kernel: Kernel) -> Self {
        Self {
            kernel,
            precision: Precision::default(),
            context: None,
            most_context: None,
            i2s_layout: I2sLayout::default(),
            pre_tokenizer: None,
            chat_template: None,
            file_bytes: None,
            memory_bytes: None,
            late_tokenizer: false,
        }
    }
}

/// The properties of a model that its header tells, before its weights are there.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The shape.
    pub config: Config,
    /// The storage types of the ternary matrices.
    pub quantization: String,
    /// What shares a scale in the matrices that are multiplied group by group, if they are.
    pub scheme: Option<GroupScheme>,
    /// Weights in all tensors.
    pub parameters: u64,
    /// The least length of the file in bytes.
    pub file_bytes: u64,
    /// The context in tokens that the model will run with.
    pub context: usize,
    /// Bytes of the weights in memory.
    pub weight_bytes: u64,
    /// Bytes of the KV cache for the whole context.
    pub kv_bytes: u64,
}

/// The summary of a header, without anything being loaded.
///
/// # Errors
/// Whatever is wrong with the header; `InvalidArgument` for a context that the model was not trained for.
pub fn preview(header: &Header, options: &LoadOptions) -> Result<Summary> {
    Ok(CheckedHeader::new(header, options)?.summary)
}

impl Summary {
    /// Bytes of weights and KV cache together.
    pub fn memory_bytes(&self) -> u64 {
        self.weight_bytes + self.kv_bytes
    }

    /// The longest context whose KV cache fits, with the weights, into `memory_bytes`; 0 if the weights alone do not.
    pub fn context_that_fits(&self, memory_bytes: u64) -> usize {
        let blocks = memory_bytes.saturating_sub(self.weight_bytes) / self.kv_bytes_per_block().max(1);
        (blocks as usize).saturating_mul(KV_BLOCK).min(self.config.context_length)
    }

    fn kv_bytes_per_block(&self) -> u64 {
        self.kv_bytes / self.context.div_ceil(KV_BLOCK) as u64
    }

    /// Takes a shorter context where `available` bytes do not hold this one, unless hardly any fits.
    fn shorten(&mut self, available: u64) {
        let fits = self.context_that_fits(available);
        if fits < self.context && fits >= LEAST_CONTEXT {
            self.kv_bytes = self.kv_bytes_per_block() * (fits / KV_BLOCK) as u64;
            self.context = fits;
        }
    }

    fn check_memory(&self, available: u64) -> Result<()> {
        let needed = self.memory_bytes();
        if needed <= available {
            return Ok(());
        }
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        let advice = match self.context_that_fits(available) {
            0 => "no context fits: a smaller model is needed".to_owned(),
            tokens => format!("a context of {tokens} tokens fits"),
        };
        let (weights, kv, context) = (mib(self.weight_bytes), mib(self.kv_bytes), self.context);
        Err(Error::new(
            ErrorKind::OutOfMemory,
            format!(
                "the model needs {} MiB of memory ({weights} for weights, {kv} for a context of {context} tokens), {} are \
                 there: {advice}",
                mib(needed),
                available >> 20,
            ),
        ))
    }
}

/// A header, read and checked.
struct CheckedHeader {
    blueprint: Blueprint,
    weight_options: WeightOptions,
    summary: Summary,
}

impl CheckedHeader {
    fn new(header: &Header, options: &LoadOptions) -> Result<Self> {
        let blueprint = Blueprint::new(header)?;
        let weight_options = WeightOptions {
            kernel: options.kernel,
            exact: options.precision == Precision::Exact,
            i2s_layout: options.i2s_layout,
            rules: blueprint.linear_rules(),
        };
        let summary = summarize(&blueprint, options, weight_options)?;
        Ok(Self { blueprint, weight_options, summary })
    }
}

/// The content of a file: a model, the vocabulary of its tokens, and the template of its conversations.
#[derive(Debug)]
pub struct LoadedModel {
    /// The summary of its header.
    pub summary: Summary,
    /// The network.
    pub model: Model,
    /// Text to tokens and back.
    pub tokenizer: Arc<Tokenizer>,
    /// `None` if the file has none.
    pub template: Option<ChatTemplate>,
}

/// Takes a GGUF file from its first byte to its last, in pieces of any size.
#[derive(Debug)]
pub struct Loader {
    options: LoadOptions,
    /// Bytes of the file that were pushed.
    position: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Header { parser: Parser, bytes: Vec<u8>, retry_at: u64 },
    Tensors(Box<Tensors>),
    Failed,
}

/// The state while tensor bytes arrive.
#[derive(Debug)]
struct Tensors {
    summary: Summary,
    blueprint: Blueprint,
    next_slot: usize,
    /// The slot before `next_slot` has begun and is not complete.
    is_open: bool,
    builder: WeightsBuilder,
    tokenizer: Spelling,
    template: Option<ChatTemplate>,
}

/// A tokenizer, or what it is made of.
#[derive(Debug)]
enum Spelling {
    Described(Box<Vocabulary>),
    Made(Box<Tokenizer>),
}

impl Spelling {
    fn make(self) -> Result<Tokenizer> {
        match self {
            Self::Described(vocabulary) => Tokenizer::new(*vocabulary),
            Self::Made(tokenizer) => Ok(*tokenizer),
        }
    }
}

impl Loader {
    /// A loader at the start of a file.
    pub fn new(options: LoadOptions) -> Self {
        Self { options, position: 0, state: State::Header { parser: Parser::new(), bytes: Vec::new(), retry_at: 0 } }
    }

    /// A loader for a file whose header is already known: what is pushed begins at `header.data_offset`.
    ///
    /// # Errors
    /// As [`Loader::push`], for what the header and the shapes can show.
    pub fn with_header(header: Header, options: LoadOptions) -> Result<Self> {
        let position = header.data_offset;
        let state = State::Tensors(Box::new(Tensors::new(header, &options)?));
        Ok(Self { options, position, state })
    }

    /// The next bytes of the file.
    ///
    /// # Errors
    /// Whatever is wrong with the file, as soon as it can be known. The loader is of no use after an error.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let result = self.advance(bytes);
        self.settle(result)
    }

    /// Whether a late tokenizer can be made now.
    pub fn owes_tokenizer(&self) -> bool {
        matches!(&self.state, State::Tensors(tensors) if matches!(tensors.tokenizer, Spelling::Described(_)))
    }

    /// Makes a late tokenizer, if it can be made now: when there is nothing else to do.
    ///
    /// # Errors
    /// What is wrong with the vocabulary. The loader is of no use after an error.
    pub fn make_tokenizer(&mut self) -> Result<()> {
        match mem::replace(&mut self.state, State::Failed) {
            State::Tensors(mut tensors) => {
                tensors.tokenizer = Spelling::Made(Box::new(tensors.tokenizer.make()?));
                self.state = State::Tensors(tensors);
            }
            other => self.state = other,
        }
        Ok(())
    }

    /// After an error the loader has failed. What is wrong with a late tokenizer is told before what is wrong with the weights
    /// behind it, so that a file has one error whenever its tokenizer is made.
    fn settle(&mut self, result: Result<()>) -> Result<()> {
        if result.is_err() {
            let made = self.make_tokenizer();
            self.state = State::Failed;
            made?;
        }
        result
    }

    /// The summary of the header, once all of it has arrived.
    pub fn summary(&self) -> Option<&Summary> {
        match &self.state {
            State::Tensors(tensors) => Some(&tensors.summary),
            _ => None,
        }
    }

    /// Bytes of the file that were pushed so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The file has ended: the model, if all of it has arrived.
    ///
    /// # Errors
    /// `Truncated` if the file ended before its last tensor.
    pub fn finish(mut self) -> Result<LoadedModel> {
        if let State::Header { retry_at, .. } = &mut self.state {
            *retry_at = 0;
            self.read_header(&[])?;
        }
        match self.state {
            State::Tensors(tensors) if tensors.next_slot == tensors.blueprint.plan.slots.len() && !tensors.is_open => {
                tensors.finish(&self.options)
            }
            State::Tensors(tensors) => {
                tensors.tokenizer.make()?;
                Err(truncated(self.position, tensors.blueprint.plan.end))
            }
            State::Header { .. } => Err(Error::new(
                ErrorKind::Truncated,
                format!(
                    "the file ends after {} bytes, inside its directory: it was cut off; fetch it again",
                    self.position
                ),
            )),
            State::Failed => Err(Error::new(ErrorKind::Internal, "the load has failed before")),
        }
    }

    fn advance(&mut self, mut bytes: &[u8]) -> Result<()> {
        // The header is collected in small pieces: a whole file in one push must not be copied.
        while matches!(self.state, State::Header { .. }) && !bytes.is_empty() {
            let (head, rest) = bytes.split_at(bytes.len().min(HEADER_PIECE));
            self.read_header(head)?;
            bytes = rest;
        }
        match &mut self.state {
            State::Failed => Err(Error::new(ErrorKind::Internal, "the load has failed before")),
            State::Header { .. } => Ok(()),
            State::Tensors(tensors) => {
                tensors.push(self.position, bytes)?;
                self.position += bytes.len() as u64;
                Ok(())
            }
        }
    }

    /// Goes on with the header, and to the tensors after it once it is complete.
    fn read_header(&mut self, bytes: &[u8]) -> Result<()> {
        let State::Header { parser, bytes: prefix, retry_at } = &mut self.state else { return Ok(()) };
        prefix.extend_from_slice(bytes);
        self.position += bytes.len() as u64;
        if self.position < *retry_at {
            return Ok(());
        }
        match parser.parse(prefix)? {
            // An item that was cut off is read again from its start, so not for every few bytes.
            Progress::NeedMore(bytes) => *retry_at = bytes.max(self.position + self.position / 8),
            Progress::Done(header) => {
                let prefix = mem::take(prefix);
                let mut tensors = Tensors::new(header, &self.options)?;
                tensors.push(0, &prefix)?;
                self.state = State::Tensors(Box::new(tensors));
            }
        }
        Ok(())
    }
}

impl Tensors {
    fn new(mut header: Header, options: &LoadOptions) -> Result<Self> {
        let CheckedHeader { blueprint, weight_options, summary } = CheckedHeader::new(&header, options)?;
        if let Some(total) = options.file_bytes.filter(|&total| total < blueprint.plan.end) {
            return Err(truncated(total, blueprint.plan.end));
        }
        if let Some(available) = options.memory_bytes {
            summary.check_memory(available)?;
        }
        let template = ChatTemplate::from_metadata(&header.metadata, options.chat_template.as_deref())?;
        let mut tokenizer =
            Spelling::Described(Box::new(vocabulary(&mut header.metadata, &blueprint.config, options)?));
        if !options.late_tokenizer {
            tokenizer = Spelling::Made(Box::new(tokenizer.make()?));
        }
        let builder = WeightsBuilder::new(&blueprint.plan, weight_options);
        Ok(Self { summary, blueprint, next_slot: 0, is_open: false, builder, tokenizer, template })
    }

    /// `bytes` stand at `position` of the file.
    fn push(&mut self, position: u64, mut bytes: &[u8]) -> Result<()> {
        let mut position = position;
        while !bytes.is_empty() {
            let Some(slot) = self.blueprint.plan.slots.get(self.next_slot) else { return Ok(()) };
            if position < slot.begin {
                let gap = (slot.begin - position).min(bytes.len() as u64);
                bytes = &bytes[gap as usize..];
                position += gap;
                continue;
            }
            if !self.is_open {
                self.builder.begin(slot)?;
                self.is_open = true;
            }
            let take = (slot.begin + slot.bytes - position).min(bytes.len() as u64);
            let (head, rest) = bytes.split_at(take as usize);
            self.builder.push(head)?;
            bytes = rest;
            position += take;
            if position == slot.begin + slot.bytes {
                self.builder.end()?;
                self.is_open = false;
                self.next_slot += 1;
            }
        }
        Ok(())
    }

    fn finish(self, options: &LoadOptions) -> Result<LoadedModel> {
        let Self { summary, blueprint, builder, tokenizer, template, .. } = self;
        let tokenizer = tokenizer.make()?;
        let model = Model::new(blueprint, builder.finish()?, summary.context, options.kernel, options.precision);
        Ok(LoadedModel { summary, model, tokenizer: Arc::new(tokenizer), template })
    }
}

fn summarize(blueprint: &Blueprint, options: &LoadOptions, weights: WeightOptions) -> Result<Summary> {
    let Blueprint { config, plan, .. } = blueprint;
    let context = options.context.unwrap_or_else(|| {
        options.most_context.map_or(config.context_length, |most| most.clamp(1, config.context_length))
    });
    if context == 0 || context > config.context_length {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "context: expected 1 to {} tokens, which this model was trained for, found {context}",
                config.context_length
            ),
        ));
    }
    let weight_bytes = plan
        .slots
        .iter()
        .map(|slot| match slot.role {
            Role::Linear(_) => weights.linear_bytes(slot, plan.has_ternary_types) as u64,
            Role::Rows(id) => {
                let format = weights.row_format(slot.tensor_type, plan.is_head(id));
                RowMatrix::bytes_for(format, slot.rows, slot.cols) as u64
            }
            Role::Scale(_) | Role::Vector(_) | Role::Constants(_) => slot.cols as u64 * 4,
        })
        .sum();
    let block_bytes = KvFormat::of(options.precision).block_bytes(config.head_shape()) as u64;
    let mut summary = Summary {
        config: config.clone(),
        quantization: plan.quantization(),
        scheme: if weights.has_groups() { plan.scheme() } else { None },
        parameters: plan.parameters(),
        file_bytes: plan.end,
        context,
        weight_bytes,
        kv_bytes: block_bytes * config.n_layers as u64 * context.div_ceil(KV_BLOCK) as u64,
    };
    if let (None, Some(available)) = (options.context, options.memory_bytes) {
        summary.shorten(available);
    }
    Ok(summary)
}

/// What the tokenizer is made of.
fn vocabulary(metadata: &mut Metadata, config: &Config, options: &LoadOptions) -> Result<Vocabulary> {
    let mut vocabulary = Vocabulary::from_metadata(metadata)?;
    if let Some(pre) = &options.pre_tokenizer {
        vocabulary.pre = Some(pre.clone());
    }
    if vocabulary.may_be_fitted {
        vocabulary.fit(config.vocab_size);
    }
    if vocabulary.tokens.len() != config.vocab_size {
        return Err(Error::new(
            ErrorKind::InvalidModel,
            format!(
                "model: {} tokens in the vocabulary (tokenizer.ggml.tokens), but {} rows in token_embd.weight",
                vocabulary.tokens.len(),
                config.vocab_size
            ),
        ));
    }
    Ok(vocabulary)
}

fn truncated(found: u64, expected: u64) -> Error {
    Error::new(
        ErrorKind::Truncated,
        format!("the file has {found} bytes, its tensors need {expected}: it was cut off; fetch it again"),
    )
}
