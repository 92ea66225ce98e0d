//! Embeddings of texts, in small steps: tokens of several texts share a pass, which goes through one layer of the model after
//! another; a text's vector is there when its last token is.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{ActiveAdapters, ForwardPass, HiddenStates, KvPool, Model, Pooling, Sequence};
use crate::{Error, ErrorKind, Result};

use super::Engine;

/// Bytes of keys and values that the texts of one pass may take together; a single text may take more.
const KV_BYTES: usize = 128 << 20;
/// Texts of one pass at most.
const MOST_TEXTS: usize = 16;

/// Embeddings under way. Drive it by [`Engine::step_embed`] until [`EmbedStep::Done`].
#[derive(Debug)]
pub struct EmbedRun {
    pooling: Pooling,
    /// Tokens of the texts that have not begun, with their places.
    waiting: VecDeque<(usize, Vec<u32>)>,
    /// Texts that have begun: the texts of the pass under way, or one that goes on in the next.
    texts: Vec<Text>,
    pass: Option<ForwardPass>,
    kv: KvPool,
    most_texts: usize,
}

/// A text of which some tokens went through the model.
#[derive(Debug)]
struct Text {
    place: usize,
    tokens: Vec<u32>,
    sequence: Sequence,
    /// Tokens that the pass under way takes.
    count: usize,
    /// The sum of the states of its tokens, `[dim]`, where their mean is wanted.
    sum: Vec<f32>,
}

/// The outcome of one step.
#[derive(Clone, Debug, PartialEq)]
pub enum EmbedStep {
    /// Some tokens went through one layer of the model.
    Layer,
    /// The vectors of some texts are there.
    Vectors {
        /// Which texts.
        texts: Vec<usize>,
        /// Their vectors, each of length 1: `[texts, dim]`.
        vectors: Vec<f32>,
    },
    /// All vectors were there.
    Done,
}

impl Engine {
    /// Begins to compute the vectors of some texts, with the pooling that the file names. Each text gets the tokens that
    /// begin and end one, as the file says.
    ///
    /// # Errors
    /// `Unsupported` for a model that was not made for it, `InvalidArgument` for no text or an empty one, `ContextOverflow`
    /// for one that is longer than the context.
    pub fn begin_embed(&self, texts: &[String]) -> Result<EmbedRun> {
        let pooling = self.pooling()?;
        if texts.is_empty() {
            return Err(Error::new(ErrorKind::InvalidArgument, "texts: expected at least one text, found none"));
        }
        let waiting = texts.iter().enumerate().map(|(place, text)| Ok((place, self.text_tokens(place, text)?)));
        Ok(self.embed_run(pooling, waiting.collect::<Result<_>>()?))
    }

    fn embed_run(&self, pooling: Pooling, waiting: VecDeque<(usize, Vec<u32>)>) -> EmbedRun {
        let kv = KvPool::new(self.model().config(), self.model().kv_format());
        EmbedRun {
            pooling,
            waiting,
            texts: Vec::new(),
            pass: None,
            most_texts: (KV_BYTES / kv.block_bytes().max(1)).clamp(1, MOST_TEXTS),
            kv,
        }
    }

    fn pooling(&self) -> Result<Pooling> {
        self.model().config().pooling.ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!(
                    "embed: this model was not made for embeddings: its file has no {}.pooling_type",
                    self.model().config().architecture
                ),
            )
        })
    }

    /// The tokens of one text.
    fn text_tokens(&self, place: usize, text: &str) -> Result<Vec<u32>> {
        let (tokenizer, context) = (self.tokenizer(), self.model().context());
        let what = format!("texts[{place}]");
        if text.is_empty() {
            return Err(Error::new(ErrorKind::InvalidArgument, format!("{what} is empty: it has no embedding")));
        }
        let least = tokenizer.min_tokens(text.len());
        if least > context {
            return Err(self.overflow(&what, least, true));
        }
        let mut tokens = tokenizer.encode_up_to(context, text, true, tokenizer.add_bos())?;
        let is_whole = tokens.len() <= context;
        tokens.extend(tokenizer.closing());
        if tokens.len() > context {
            return Err(self.overflow(&what, tokens.len(), !is_whole));
        }
        if tokens.is_empty() {
            return Err(Error::new(ErrorKind::InvalidArgument, format!("{what} has no tokens: it has no embedding")));
        }
        Ok(tokens)
    }

    /// Does the next bit of work: one layer of the model for tokens of some texts.
    ///
    /// # Errors
    /// `OutOfMemory` if there is no room for keys and values, `Internal` if a vector is no numbers.
    pub fn step_embed(&mut self, run: &mut EmbedRun) -> Result<EmbedStep> {
        self.executor.start();
        let model = &self.loaded.model;
        let mut pass = match run.pass.take() {
            Some(pass) => pass,
            None => {
                run.fill(model, self.adapters.as_ref());
                if run.texts.is_empty() {
                    return Ok(EmbedStep::Done);
                }
                loop {
                    match ForwardPass::begin(model, &mut run.inputs(), &mut self.executor) {
                        Err(error) if error.kind() == ErrorKind::OutOfMemory && self.cache.give_up_block() => {}
                        begun => break begun?,
                    }
                }
            }
        };
        if pass.layer(model, &mut run.sequences(), &mut self.executor)? {
            run.pass = Some(pass);
            return Ok(EmbedStep::Layer);
        }
        let hidden = pass.end(&mut run.sequences())?;
        let (mut places, mut vectors) = (Vec::new(), Vec::new());
        let mut end = 0;
        let mut going_on = Vec::new();
        for mut text in std::mem::take(&mut run.texts) {
            let first = end;
            end += text.count;
            let is_whole = text.sequence.len() == text.tokens.len();
            let states = match run.pooling {
                Pooling::Mean => first..end,
                Pooling::Last => end - usize::from(is_whole)..end,
            };
            self.add_states(&hidden, &states.collect::<Vec<_>>(), &mut text.sum);
            if is_whole {
                places.push(text.place);
                vectors.extend(unit(text.sum)?);
            } else {
                going_on.push(text);
            }
        }
        run.texts = going_on;
        Ok(if places.is_empty() { EmbedStep::Layer } else { EmbedStep::Vectors { texts: places, vectors } })
    }

    /// Adds the normalized states of some tokens of a pass.
    fn add_states(&mut self, hidden: &HiddenStates, tokens: &[usize], sum: &mut Vec<f32>) {
        let dim = self.model().config().dim;
        sum.resize(dim, 0.0);
        for state in hidden.normalized(&self.loaded.model, tokens, &mut self.executor).chunks_exact(dim) {
            sum.iter_mut().zip(state).for_each(|(sum, value)| *sum += value);
        }
    }

    /// The vectors of some texts: `[texts, dim]`.
    ///
    /// # Errors
    /// As [`begin_embed`](Self::begin_embed) and [`step_embed`](Self::step_embed).
    pub fn embed(&mut self, texts: &[String]) -> Result<Vec<f32>> {
        let run = self.begin_embed(texts)?;
        self.finish_embed(run, texts.len())
    }

    /// The vectors of some texts whose tokens are given, all of them: `[texts, dim]`.
    ///
    /// # Errors
    /// As [`embed`](Self::embed), and `InvalidArgument` for an id that does not exist.
    pub fn embed_tokens(&mut self, texts: &[Vec<u32>]) -> Result<Vec<f32>> {
        let pooling = self.pooling()?;
        texts.iter().try_for_each(|tokens| self.model().check_tokens(tokens))?;
        let run = self.embed_run(pooling, texts.iter().cloned().enumerate().collect());
        self.finish_embed(run, texts.len())
    }

    fn finish_embed(&mut self, mut run: EmbedRun, texts: usize) -> Result<Vec<f32>> {
        let dim = self.model().config().dim;
        let mut out = vec![0.0; texts * dim];
        loop {
            match self.step_embed(&mut run)? {
                EmbedStep::Layer => {}
                EmbedStep::Vectors { texts, vectors } => {
                    for (place, vector) in texts.into_iter().zip(vectors.chunks_exact(dim)) {
                        out[place * dim..][..dim].copy_from_slice(vector);
                    }
                }
                EmbedStep::Done => return Ok(out),
            }
        }
    }
}

impl EmbedRun {
    /// Chooses the tokens of the next pass: those of the text that goes on, then those of texts that wait.
    fn fill(&mut self, model: &Model, adapters: Option<&Arc<ActiveAdapters>>) {
        let mut room = ForwardPass::MAX_TOKENS;
        for text in &mut self.texts {
            text.count = room.min(text.tokens.len() - text.sequence.len());
            room -= text.count;
        }
        while room > 0 && self.texts.len() < self.most_texts {
            let Some((place, tokens)) = self.waiting.pop_front() else { return };
            let (count, sequence) = (room.min(tokens.len()), Sequence::in_pool(model, &self.kv, adapters.cloned()));
            self.texts.push(Text { place, tokens, sequence, count, sum: Vec::new() });
            room -= count;
        }
    }

    fn inputs(&mut self) -> Vec<(&mut Sequence, &[u32])> {
        let mut inputs = Vec::with_capacity(self.texts.len());
        for Text { tokens, sequence, count, .. } in &mut self.texts {
            let begin = sequence.len();
            inputs.push((sequence, &tokens[begin..begin + *count]));
        }
        inputs
    }

    fn sequences(&mut self) -> Vec<&mut Sequence> {
        self.texts.iter_mut().map(|text| &mut text.sequence).collect()
    }
}

/// The vector at length 1, or zeros.
fn unit(mut x: Vec<f32>) -> Result<Vec<f32>> {
    let length = x.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>().sqrt();
    if !length.is_finite() {
        return Err(Error::new(
            ErrorKind::Internal,
            "an embedding has numbers that are not finite: load the model again",
        ));
    }
    let factor = 1.0 / length.max(1e-12);
    x.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
    Ok(x)
}
