//! The keys and values of a text as bytes, to be kept elsewhere and taken back later, without computing the text again.
//!
//! ```text
//! magic         4 bytes   "BNKV"
//! version       u32       1
//! model         u64       its logits hash: the same for every kernel and number of threads
//! adapters      u64 u64   1 and their key, or 0 and 0
//! format        u32       0: f32, 1: int8
//! layers, key/value heads, head dimension, tokens   u32 each
//! token ids     u32 each
//! positions     for each token and each layer: see `FloatBlock::write` and `Int8Block::write`
//! checksum      u64       xxh64 (seed 0) of everything before
//! ```
//!
//! All numbers are little-endian. Bytes come and go in pieces of any size, so that they are never in memory as a whole.

use std::fmt;

use xxhash_rust::xxh64::Xxh64;

use crate::model::{ActiveAdapters, AdaptersKey, KvFormat, Model, Sequence};
use crate::{Error, ErrorKind, Result};

use super::Engine;

const MAGIC: [u8; 4] = *b"BNKV";
const VERSION: u32 = 1;
/// Bytes before the token ids.
const HEADER_BYTES: usize = 52;

/// Where keys and values come from: they are of use only there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Origin {
    model: u64,
    adapters: AdaptersKey,
    format: KvFormat,
    layers: u32,
    kv_heads: u32,
    head_dim: u32,
}

/// xxh64 with the seed 0.
struct Checksum(Xxh64);

impl Default for Checksum {
    fn default() -> Self {
        Self(Xxh64::new(0))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({:016x})", self.0.digest())
    }
}

/// A text on its way out: see [`Engine::export_prefix`].
#[derive(Debug)]
pub struct PrefixExport {
    sequence: Sequence,
    origin: Origin,
    /// Positions that were given; `None` before the header was.
    given: Option<usize>,
    checksum: Checksum,
    is_over: bool,
}

/// A text on its way in: see [`Engine::import_prefix`].
#[derive(Debug)]
pub struct PrefixImport {
    origin: Origin,
    vocab_size: usize,
    context: usize,
    sequence: Sequence,
    /// Bytes that are too few for the next part.
    rest: Vec<u8>,
    state: State,
    checksum: Checksum,
}

#[derive(Debug)]
enum State {
    Header,
    Tokens(usize),
    Positions(Vec<u32>),
    Over,
}

impl Origin {
    fn new(model: &Model, hash: u64, adapters: AdaptersKey) -> Self {
        let (config, shape) = (model.config(), model.config().head_shape());
        Self {
            model: hash,
            adapters,
            format: model.kv_format(),
            layers: config.n_layers as u32,
            kv_heads: shape.n_kv_heads as u32,
            head_dim: shape.head_dim as u32,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend(self.model.to_le_bytes());
        out.extend(u64::from(self.adapters.is_some()).to_le_bytes());
        out.extend(self.adapters.unwrap_or(0).to_le_bytes());
        let format: u32 = match self.format {
            KvFormat::F32 => 0,
            KvFormat::Int8 => 1,
        };
        for number in [format, self.layers, self.kv_heads, self.head_dim] {
            out.extend(number.to_le_bytes());
        }
    }
}

impl Engine {
    /// Begins to give away what is known of the beginning of `tokens`: as many of them as a text that was computed before
    /// begins with. The first call computes the model's logits hash.
    ///
    /// # Errors
    /// As [`logits_hash`](Self::logits_hash).
    pub fn export_prefix(&mut self, tokens: &[u32]) -> Result<PrefixExport> {
        let origin = self.origin()?;
        let sequence = self.cache.share(tokens, ActiveAdapters::key(&self.adapters));
        let sequence = sequence.unwrap_or_else(|| self.take_sequence(&[], 0, self.adapters.clone()));
        Ok(PrefixExport { sequence, origin, given: None, checksum: Checksum::default(), is_over: false })
    }

    /// Begins to take back what [`export_prefix`](Self::export_prefix) gave. The first call computes the model's logits hash.
    ///
    /// # Errors
    /// As [`logits_hash`](Self::logits_hash).
    pub fn import_prefix(&mut self) -> Result<PrefixImport> {
        let origin = self.origin()?;
        let (vocab_size, context) = (self.model().config().vocab_size, self.model().context());
        Ok(PrefixImport {
            origin,
            vocab_size,
            context,
            sequence: self.take_sequence(&[], 0, self.adapters.clone()),
            rest: Vec::new(),
            state: State::Header,
            checksum: Checksum::default(),
        })
    }

    /// Ends an import: texts that begin with its tokens are not computed again that far. Returns how many tokens these are.
    ///
    /// # Errors
    /// `Integrity` if bytes are missing.
    pub fn end_import(&mut self, import: PrefixImport) -> Result<usize> {
        if !matches!(import.state, State::Over) {
            return Err(damaged("bytes are missing at its end"));
        }
        let tokens = import.sequence.len();
        self.cache.keep(import.sequence);
        Ok(tokens)
    }

    /// Bytes that are those of another model, other adapters in force and the other precision only by a chance of one to
    /// 2^64. The first call computes the model's logits hash.
    ///
    /// # Errors
    /// As [`logits_hash`](Self::logits_hash).
    pub fn fingerprint(&mut self) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        self.origin()?.write(&mut out);
        Ok(out)
    }

    fn origin(&mut self) -> Result<Origin> {
        let key = ActiveAdapters::key(&self.adapters);
        let hash = match self.hash {
            Some((adapters, hash)) if adapters == key => hash,
            _ => {
                let hash = self.logits_hash()?;
                self.hash = Some((key, hash));
                hash
            }
        };
        Ok(Origin::new(self.model(), hash, key))
    }
}

impl PrefixExport {
    /// How many tokens it has.
    pub fn tokens(&self) -> usize {
        self.sequence.len()
    }

    /// Bytes of all pieces together.
    pub fn bytes(&self) -> usize {
        let position = self.sequence.kv().pool().position_bytes();
        HEADER_BYTES + self.sequence.len() * (size_of::<u32>() + position) + size_of::<u64>()
    }

    /// The next piece, of about `most` bytes, or the last one if it is empty.
    pub fn next_piece(&mut self, most: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let begin = self.given.unwrap_or_else(|| {
            self.origin.write(&mut out);
            out.extend((self.sequence.len() as u32).to_le_bytes());
            out.extend(self.sequence.tokens().iter().flat_map(|id| id.to_le_bytes()));
            0
        });
        let position_bytes = self.sequence.kv().pool().position_bytes();
        let end = self.sequence.len().min(begin + (most / position_bytes).max(1));
        (begin..end).for_each(|position| self.sequence.kv().write(position, &mut out));
        self.checksum.0.update(&out);
        self.given = Some(end);
        if end == self.sequence.len() && !self.is_over {
            self.is_over = true;
            out.extend(self.checksum.0.digest().to_le_bytes());
        }
        out
    }
}

impl PrefixImport {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// `Integrity` if they are damaged, `OtherModel` if they come from another model, precision or other adapters,
    /// `Unsupported` if another version wrote them, `ContextOverflow` if they do not fit into the context, `OutOfMemory`.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let wanted = self.wanted();
            if wanted == 0 {
                return Err(damaged("there are bytes behind its end"));
            }
            let taken = bytes.len().min(wanted - self.rest.len());
            self.rest.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.rest.len() == wanted {
                let part = std::mem::take(&mut self.rest);
                self.take(&part)?;
            }
        }
        Ok(())
    }

    /// Bytes of the next part.
    fn wanted(&self) -> usize {
        match &self.state {
            State::Header => HEADER_BYTES,
            State::Tokens(count) => count * size_of::<u32>(),
            State::Positions(tokens) if self.sequence.len() < tokens.len() => {
                self.sequence.kv().pool().position_bytes()
            }
            State::Positions(_) => size_of::<u64>(),
            State::Over => 0,
        }
    }

    fn take(&mut self, part: &[u8]) -> Result<()> {
        match &self.state {
            State::Header => {
                let count = self.check_header(part)?;
                self.checksum.0.update(part);
                self.state = if count == 0 { State::Positions(Vec::new()) } else { State::Tokens(count) };
            }
            State::Tokens(_) => {
                let tokens: Vec<u32> = part.as_chunks::<4>().0.iter().map(|&id| u32::from_le_bytes(id)).collect();
                if tokens.iter().any(|&id| id as usize >= self.vocab_size) {
                    return Err(damaged("it has tokens that this model does not know"));
                }
                self.checksum.0.update(part);
                self.sequence.kv_mut().reserve(tokens.len())?;
                self.state = State::Positions(tokens);
            }
            State::Positions(tokens) if self.sequence.len() < tokens.len() => {
                let position = self.sequence.len();
                let token = tokens[position];
                self.checksum.0.update(part);
                self.sequence.kv_mut().read(position, part);
                self.sequence.extend(&[token]);
            }
            State::Positions(_) => {
                if part != self.checksum.0.digest().to_le_bytes() {
                    return Err(damaged("its bytes do not match its checksum"));
                }
                self.state = State::Over;
            }
            State::Over => {}
        }
        Ok(())
    }

    /// The number of tokens.
    fn check_header(&self, header: &[u8]) -> Result<usize> {
        let (found, count) = header.split_at(HEADER_BYTES - size_of::<u32>());
        if found[..4] != MAGIC {
            return Err(damaged("it does not begin as one does"));
        }
        if found[4..8] != VERSION.to_le_bytes() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the saved keys and values have another version than this build reads: save them again",
            ));
        }
        let mut expected = Vec::new();
        self.origin.write(&mut expected);
        if found != expected {
            return Err(Error::new(
                ErrorKind::OtherModel,
                "the saved keys and values come from another model or other adapters, or were computed with another \
                 precision: what they stand for has to be computed again here",
            ));
        }
        let count = count.first_chunk().map_or(0, |&count| u32::from_le_bytes(count)) as usize;
        if count <= self.context {
            return Ok(count);
        }
        let context = self.context;
        let message =
            format!("the saved text has {count} tokens, the context {context}: load the model with a larger context");
        let error = Error::new(ErrorKind::ContextOverflow, message);
        Err(error.with_detail("tokens", count).with_detail("contextLength", context))
    }
}

fn damaged(what: &str) -> Error {
    Error::new(
        ErrorKind::Integrity,
        format!("the saved keys and values are damaged: {what}. What they stand for has to be computed again"),
    )
}
