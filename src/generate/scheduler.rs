//! Many generations at once: they join and leave between two passes over the weights, and each pass serves all that run.
//!
//! A pass holds the next token of every generation that writes its answer, and between these a piece of the prompts that are
//! still read, first come, first served within a priority. What a generation says depends on none of this, bit for bit: see
//! [`ForwardPass`].
//!
//! Where memory for keys and values runs out, the generation of the least priority that came last waits for the others to
//! end. What it has computed stays as long as nobody needs the room, and the rest is computed again.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::kernels::KV_BLOCK;
use crate::model::{ActiveAdapters, ForwardPass, Sequence};
use crate::{Error, ErrorKind, Result};

use super::guessing::TimedPass;
use super::round::Round;
use super::{Engine, Event, FinishReason, Generation, Guessing, Usage};

/// Tokens of prompts in a pass that also writes answers: the table kernels pay off from so many tokens on, and more would
/// let the readers of those answers wait.
const PROMPT_PIECE: usize = 16;

/// How many generations there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// That run at once, at least one.
    pub concurrent: usize,
    /// That wait besides.
    pub queued: usize,
}

/// Something that became of a generation.
#[derive(Debug)]
pub struct Report {
    /// The number that it was submitted with.
    pub id: u32,
    /// What.
    pub outcome: Outcome,
}

/// What became of a generation.
#[derive(Debug)]
pub enum Outcome {
    /// Its turn has come. It is told once.
    Begun {
        /// Tokens of its prompt that were computed before.
        cached: usize,
    },
    /// A step; [`Event::Done`] is the last report.
    Event(Event),
    /// It cannot go on: the last report.
    Failed(Error),
}

/// The tokens of the pass that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundSize {
    /// All.
    pub tokens: usize,
    /// Those of prompts.
    pub prompt_tokens: usize,
    /// Those that were guessed.
    pub guessed_tokens: usize,
}

/// Runs generations. Submit them, and call [`step`](Self::step) until [`is_idle`](Self::is_idle).
#[derive(Debug)]
pub struct Scheduler {
    limits: Limits,
    /// In the order in which they will begin.
    waiting: Vec<Request>,
    /// In the order in which they are served.
    running: Vec<Request>,
    round: Option<(Box<Round>, RoundSize)>,
    /// The pass that ended last, until its time is told: its tokens, and those that were chosen.
    ended: Option<(RoundSize, usize)>,
    guessing: Guessing,
    /// Generations that have come.
    arrivals: u64,
}

#[derive(Debug)]
struct Request {
    id: u32,
    priority: f64,
    /// The number of those that came before it.
    arrival: u64,
    /// Whether nothing else may run beside it.
    is_alone: bool,
    has_begun: bool,
    /// Tokens that it has in the pass that is under way.
    in_round: usize,
    /// Nobody wants more of it: it leaves when the pass has ended.
    is_cancelled: bool,
    generation: Generation,
}

impl Request {
    /// Who is served first.
    fn order(&self, other: &Self) -> Ordering {
        other.priority.total_cmp(&self.priority).then(self.arrival.cmp(&other.arrival))
    }

    fn sequence_len(&self) -> usize {
        self.generation.sequence().map_or(0, Sequence::len)
    }

    /// Whether its next token continues an answer, with nothing else to be computed before.
    fn writes(&self) -> bool {
        self.generation.usage().completion_tokens > 0 && self.generation.missing_tokens() == 1
    }
}

impl Scheduler {
    /// A scheduler without generations.
    pub fn new(limits: Limits) -> Self {
        let limits = Limits { concurrent: limits.concurrent.max(1), ..limits };
        let guessing = Guessing::default();
        Self { limits, waiting: Vec::new(), running: Vec::new(), round: None, ended: None, guessing, arrivals: 0 }
    }

    /// How many there may be.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether there is no generation.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// How it guesses tokens. At first it does not.
    pub fn guessing(&mut self) -> &mut Guessing {
        &mut self.guessing
    }

    /// The pass that has just ended has taken so many milliseconds, from [`step`](Self::step) to `step`, where a pass of one token
    /// has `threads` threads. What is guessed depends on it, and nothing else.
    pub fn took(&mut self, milliseconds: f64, threads: usize) {
        if let Some((size, chosen_tokens)) = self.ended.take() {
            let RoundSize { tokens, prompt_tokens, guessed_tokens } = size;
            let pass = TimedPass { tokens, prompt_tokens, guessed_tokens, chosen_tokens, threads, milliseconds };
            self.guessing.took(pass);
        }
    }

    /// How many generations run, and how many wait.
    pub fn counts(&self) -> (usize, usize) {
        (self.running.len(), self.waiting.len())
    }

    /// The tokens of the pass that is under way, if one is.
    pub fn round_size(&self) -> Option<RoundSize> {
        self.round.as_ref().map(|(_, size)| *size)
    }

    /// Whether there is room for one more generation.
    ///
    /// # Errors
    /// `QueueFull` if as many run and wait as may.
    pub fn check_room(&self) -> Result<()> {
        let Limits { concurrent, queued } = self.limits;
        let (running, waiting) = self.counts();
        if running + waiting < concurrent + queued {
            return Ok(());
        }
        let message = format!(
            "{running} requests run and {waiting} wait, which is the most (maxConcurrent {concurrent}, maxQueue {queued}): \
             try again when one has ended, or load the model with a longer queue"
        );
        let error = Error::new(ErrorKind::QueueFull, message).with_detail("running", running);
        let error = error.with_detail("waiting", waiting).with_detail("maxConcurrent", concurrent);
        Err(error.with_detail("maxQueue", queued))
    }

    /// Takes a generation that was [prepared](Engine::prepare), with a number of the caller's for it. The greater its
    /// `priority`, the earlier it begins; where it finds no room among those that run, one of less priority waits for it.
    /// If it `is_alone`, nothing else runs beside it.
    ///
    /// # Errors
    /// As [`check_room`](Self::check_room).
    pub fn submit(&mut self, id: u32, generation: Generation, priority: f64, is_alone: bool) -> Result<()> {
        self.check_room()?;
        let arrival = self.arrivals;
        self.arrivals += 1;
        let (has_begun, in_round, is_cancelled) = (false, 0, false);
        self.wait(Request { id, priority, arrival, is_alone, has_begun, in_round, is_cancelled, generation });
        Ok(())
    }

    fn wait(&mut self, request: Request) {
        let index = self.waiting.partition_point(|other| other.order(&request).is_lt());
        self.waiting.insert(index, request);
    }

    /// Drops a generation; what it has computed is kept for a text that begins alike. Returns the tokens that it took, or
    /// `None` if there is none with this number.
    pub fn cancel(&mut self, engine: &mut Engine, id: u32) -> Option<Usage> {
        if let Some(index) = self.waiting.iter().position(|request| request.id == id) {
            let mut request = self.waiting.remove(index);
            engine.end(&mut request.generation);
            return Some(request.generation.usage());
        }
        let request = self.running.iter_mut().find(|request| request.id == id && !request.is_cancelled)?;
        request.is_cancelled = true;
        // What it must follow may be gone before the pass ends: nothing is chosen for it any more.
        request.generation.finished = Some((FinishReason::Stop, None));
        let usage = request.generation.usage();
        // A pass that somebody waits for goes on.
        if self.running.iter().all(|request| request.is_cancelled || request.in_round == 0) {
            self.end_round();
        }
        self.remove(engine, |request| request.is_cancelled && request.in_round == 0);
        Some(usage)
    }

    /// Drops all generations.
    pub fn cancel_all(&mut self, engine: &mut Engine) {
        self.end_round();
        self.running.append(&mut self.waiting);
        self.remove(engine, |_| true);
    }

    /// Does the next bit of work: begins a pass, or takes it through one layer of the model.
    pub fn step(&mut self, engine: &mut Engine) -> Vec<Report> {
        engine.executor.start();
        let mut reports = Vec::new();
        let Some((mut round, size)) = self.round.take() else {
            self.begin_round(engine, &mut reports);
            return reports;
        };
        let mut members = members(&mut self.running);
        let outcomes = match engine.step_round(&mut round, &mut members) {
            Ok(true) => {
                self.round = Some((round, size));
                return reports;
            }
            Ok(false) => {
                let before = chosen_tokens(&members);
                let outcomes = engine.end_round(*round, &mut members);
                self.ended = Some((size, chosen_tokens(&members) - before));
                outcomes
            }
            Err(error) => Err(error),
        };
        self.tell(engine, outcomes, &mut reports);
        reports
    }

    /// Tells what became of the generations of a pass that has ended.
    fn tell(&mut self, engine: &mut Engine, outcomes: Result<Vec<Result<()>>>, reports: &mut Vec<Report>) {
        let mut outcomes = outcomes.map(Vec::into_iter);
        for request in self.running.iter_mut().filter(|request| request.in_round > 0) {
            let outcome = match &mut outcomes {
                Ok(outcomes) => outcomes.next().unwrap_or(Ok(())),
                Err(error) => Err(Error::new(error.kind(), error.to_string())),
            };
            let id = request.id;
            let told = |outcome: Outcome| Report { id, outcome };
            let events = request.generation.queue.drain(..).map(|event| told(Outcome::Event(event)));
            match outcome {
                _ if request.is_cancelled => {}
                Ok(()) => {
                    reports.extend(events);
                    request.is_cancelled = request.generation.finished.is_some();
                }
                Err(error) => {
                    reports.push(told(Outcome::Failed(error)));
                    request.is_cancelled = true;
                }
            }
        }
        self.end_round();
        self.remove(engine, |request| request.is_cancelled);
    }

    fn end_round(&mut self) {
        self.round = None;
        self.running.iter_mut().for_each(|request| request.in_round = 0);
    }

    /// Ends the running generations that `is_over` names.
    fn remove(&mut self, engine: &mut Engine, is_over: impl Fn(&Request) -> bool) {
        for request in self.running.iter_mut().filter(|request| is_over(request)) {
            engine.end(&mut request.generation);
        }
        self.running.retain(|request| !is_over(request));
    }

    fn begin_round(&mut self, engine: &mut Engine, reports: &mut Vec<Report>) {
        self.admit(engine, reports);
        while self.share_out(engine) {
            let counts: Vec<usize> = self.running.iter().map(|request| request.in_round).filter(|&n| n > 0).collect();
            let tokens: usize = counts.iter().sum();
            let error = match engine.begin_round(&mut members(&mut self.running), counts) {
                Ok(round) => {
                    let prompt_tokens = tokens - self.running.iter().filter(|request| request.writes()).count();
                    let guessed_tokens = self.running.iter().map(|request| request.generation.guesses.len()).sum();
                    let size = RoundSize { tokens: tokens + guessed_tokens, prompt_tokens, guessed_tokens };
                    self.round = Some((Box::new(round), size));
                    return;
                }
                Err(error) => error,
            };
            // The memory is not there that the bound allows: with less of it the others may go on.
            let is_lack = error.kind() == ErrorKind::OutOfMemory;
            if is_lack && (engine.cache.give_up_block() || self.running.len() > 1 && self.put_back(engine, None)) {
                continue;
            }
            self.tell(engine, Err(error), reports);
        }
    }

    /// Lets those begin for which there is room.
    fn admit(&mut self, engine: &mut Engine, reports: &mut Vec<Report>) {
        while let Some(next) = self.waiting.first() {
            let is_alone = next.is_alone || self.running.iter().any(|request| request.is_alone);
            if is_alone && !self.running.is_empty() || self.waits_for_prefix(engine, next) {
                return;
            }
            if !self.running.is_empty() && !self.fits(engine, next) {
                return;
            }
            if self.running.len() >= self.limits.concurrent && !self.put_back(engine, Some(next.priority)) {
                return;
            }
            let mut request = self.waiting.remove(0);
            let started = self.start(engine, &mut request);
            let id = request.id;
            match started {
                Ok(()) => {
                    if !std::mem::replace(&mut request.has_begun, true) {
                        let cached = request.generation.usage().cached_tokens;
                        reports.push(Report { id, outcome: Outcome::Begun { cached } });
                    }
                    let index = self.running.partition_point(|other| other.order(&request).is_lt());
                    self.running.insert(index, request);
                }
                Err(error) => reports.push(Report { id, outcome: Outcome::Failed(error) }),
            }
        }
    }

    /// Whether a running generation is about to compute what `next` begins with.
    fn waits_for_prefix(&self, engine: &Engine, next: &Request) -> bool {
        let tokens = &next.generation.tokens;
        let key = ActiveAdapters::key(&engine.adapters_of(&next.generation));
        let known = engine.cache.common_prefix(tokens, key);
        let same = |other: &Request| other.generation.sequence().is_some_and(|sequence| sequence.adapters() == key);
        self.running
            .iter()
            .filter(|other| same(other))
            .filter(|other| !other.writes() && other.generation.synthetic.is_none())
            .any(|other| {
                let common = common_prefix(&other.generation.tokens, tokens).min(tokens.len() - 1);
                common > known.max(other.sequence_len())
            })
    }

    /// The running generation that has computed more of what `next` begins with than is kept, and how many tokens.
    fn best_prefix(&self, engine: &Engine, next: &Request) -> Option<(usize, usize)> {
        let tokens = &next.generation.tokens;
        let key = ActiveAdapters::key(&engine.adapters_of(&next.generation));
        let known = engine.cache.common_prefix(tokens, key);
        let of = |other: &Request| {
            let sequence = other.generation.sequence().filter(|_| other.generation.synthetic.is_none())?;
            (sequence.adapters() == key).then(|| sequence.common_prefix(tokens).min(tokens.len() - 1))
        };
        let common = self.running.iter().enumerate().filter_map(|(index, other)| Some((index, of(other)?)));
        common.max_by_key(|&(_, common)| common).filter(|&(_, common)| common > known)
    }

    /// Gives a generation what was computed of its beginning.
    fn start(&mut self, engine: &mut Engine, request: &mut Request) -> Result<()> {
        let source = self.best_prefix(engine, request);
        let shared =
            source.and_then(|(index, common)| Some((self.running[index].generation.sequence.as_mut()?, common)));
        match shared {
            Some((sequence, common)) => {
                let shared = sequence.share(common);
                request.generation.adapters = Some(engine.adapters_of(&request.generation));
                request.generation.begin_with(shared);
            }
            None => engine.start(&mut request.generation)?,
        }
        Ok(())
    }

    /// Whether there is room for the tokens of `request`, beside those that run and the rest of their prompts.
    fn fits(&self, engine: &Engine, request: &Request) -> bool {
        let running = || self.running.iter().map(|request| &request.generation);
        let taken: HashSet<usize> = running().flat_map(Generation::block_ids).collect();
        let missing = running()
            .filter_map(|generation| Some(generation.sequence()?.kv().missing_blocks(generation.tokens.len())));
        let needed = (request.generation.tokens.len() + 1).div_ceil(KV_BLOCK);
        let shared = self.best_prefix(engine, request).map_or(0, |(_, common)| common / KV_BLOCK);
        taken.len() + missing.sum::<usize>() + needed - shared <= engine.cache.most_blocks()
    }

    /// Lets the last of those that run wait, if it is of less priority than `below`. Returns whether one waits.
    fn put_back(&mut self, engine: &mut Engine, below: Option<f64>) -> bool {
        let is_less = |request: &Request| below.is_none_or(|priority| request.priority < priority);
        if !self.running.last().is_some_and(|last| is_less(last) && !last.is_alone) {
            return false;
        }
        let Some(mut request) = self.running.pop() else { return false };
        engine.end(&mut request.generation);
        request.generation.guesses.clear();
        request.in_round = 0;
        self.wait(request);
        true
    }

    /// Guesses what follows where everybody in the pass writes: nobody's prompt is read later for it.
    fn guess(&mut self, engine: &mut Engine) {
        self.running.iter_mut().for_each(|request| request.generation.guesses.clear());
        let writers = self.running.len();
        if !self.running.iter().all(Request::writes) {
            return;
        }
        let room = (ForwardPass::MAX_TOKENS / writers.max(1)).saturating_sub(1);
        let most = self.guessing.count(writers, 1.0, room).min(room);
        let (mut hits, mut available) = (1.0_f64, most);
        for Request { generation, .. } in &mut self.running {
            hits = hits.min(generation.guess(most));
            available = available.min(generation.guesses.len());
        }
        let count = self.guessing.count(writers, hits, available);
        let mut blocks = 0;
        for Request { generation, .. } in &mut self.running {
            generation.guesses.truncate(count);
            let (sequence, guesses) = (generation.sequence(), generation.guesses.len());
            blocks += sequence.map_or(0, |sequence| sequence.kv().missing_blocks(sequence.len() + 1 + guesses));
        }
        if !engine.cache.make_room(blocks) {
            self.running.iter_mut().for_each(|request| request.generation.guesses.clear());
        }
    }

    /// Chooses the tokens of the next pass, for which there is memory. Returns whether there are any.
    fn share_out(&mut self, engine: &mut Engine) -> bool {
        loop {
            let writers = self.running.iter().filter(|request| request.writes()).count();
            let room = ForwardPass::MAX_TOKENS.saturating_sub(writers);
            let mut left = if writers == 0 { room } else { room.min(PROMPT_PIECE) };
            let mut blocks = 0;
            for request in &mut self.running {
                let missing = request.generation.missing_tokens();
                request.in_round = if request.writes() { 1 } else { missing.min(left) };
                if !request.writes() {
                    left -= request.in_round;
                }
                if let Some(sequence) = request.generation.sequence() {
                    blocks += sequence.kv().missing_blocks(sequence.len() + request.in_round);
                }
            }
            // One alone goes on in any case: there is room for a whole context.
            if engine.cache.make_room(blocks) || self.running.len() < 2 || !self.put_back(engine, None) {
                self.guess(engine);
                return self.running.iter().any(|request| request.in_round > 0);
            }
        }
    }
}

/// The generations of the pass that is under way.
fn members(running: &mut [Request]) -> Vec<&mut Generation> {
    let members = running.iter_mut().filter(|request| request.in_round > 0);
    members.map(|request| &mut request.generation).collect()
}

/// Tokens that generations have chosen so far.
fn chosen_tokens(members: &[&mut Generation]) -> usize {
    members.iter().map(|member| member.usage().completion_tokens).sum()
}

fn common_prefix(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
