//! The options of sampling and their ranges.

use bitnet_options::{
    DRY_BASE, DRY_MULTIPLIER, FREQUENCY_PENALTY, MIN_P, MIROSTAT_ETA, MIROSTAT_TAU, PRESENCE_PENALTY,
    REPETITION_PENALTY, TEMPERATURE, TOP_N_SIGMA, TOP_P, TYPICAL_P, XTC_PROBABILITY, XTC_THRESHOLD,
};

use crate::{Error, ErrorKind, Result};

/// The largest number that may be added to a logit: it decides against any logits, and leaves them three digits.
const MOST_BIAS: f32 = 1000.0;
/// The most texts in a list: each costs time at every token.
const MOST_TEXTS: usize = 64;

/// A penalty for tokens that continue a repetition.
#[derive(Clone, Debug, PartialEq)]
pub struct DryOptions {
    /// Its strength; 0: none.
    pub multiplier: f32,
    /// The factor by which it grows with each further repeated token.
    pub base: f32,
    /// The longest repetition, in tokens, that passes.
    pub allowed_length: usize,
    /// How many of the last tokens, prompt included, are searched.
    pub window: usize,
    /// Texts over which no repetition is seen.
    pub breakers: Vec<String>,
}

impl Default for DryOptions {
    fn default() -> Self {
        Self {
            multiplier: DRY_MULTIPLIER.default() as f32,
            base: DRY_BASE.default() as f32,
            allowed_length: 2,
            window: usize::MAX,
            breakers: ["\n", ":", "\"", "*"].map(str::to_owned).to_vec(),
        }
    }
}

/// How the next token is chosen. The default is greedy: everything else is off until it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplerOptions {
    /// Logits are divided by this, so more of it flattens the distribution; 0 takes the most likely token.
    pub temperature: f32,
    /// Only this many of the most likely tokens stay; 0 keeps all.
    pub top_k: usize,
    /// Only the most likely tokens that together have this probability stay; 1 keeps all.
    pub top_p: f32,
    /// Only tokens at least this likely, relative to the most likely one, stay; 0 keeps all.
    pub min_p: f32,
    /// Logits of recent tokens are divided (if positive) or multiplied (if negative) by this; 1 changes nothing.
    pub repetition_penalty: f32,
    /// Subtracted from the logit of a recent token for each time that it came.
    pub frequency_penalty: f32,
    /// Subtracted from the logit of a recent token, however often it came.
    pub presence_penalty: f32,
    /// How many of the last tokens, prompt included, the three penalties look at; 0 for none.
    pub penalty_window: usize,
    /// Only tokens whose logit is at most so many standard deviations below the greatest stay; 0 keeps all.
    pub top_n_sigma: f32,
    /// Only the tokens whose information is closest to the expected one, until they have this probability together, stay;
    /// 1 keeps all.
    pub typical_p: f32,
    /// How often the likely tokens are left out; 0: never.
    pub xtc_probability: f32,
    /// The probability that makes a token likely for that.
    pub xtc_threshold: f32,
    /// The penalty for tokens that continue a repetition.
    pub dry: DryOptions,
    /// The surprise per token, in bits, that mirostat 2 keeps up, in place of all filters; 0: off.
    pub mirostat_tau: f32,
    /// How fast mirostat 2 follows.
    pub mirostat_eta: f32,
    /// Added to the logits of these tokens.
    pub logit_bias: Vec<(u32, f32)>,
    /// Texts that may not come.
    pub banned_strings: Vec<String>,
    /// Same seed, same logits: same tokens, natively and in a browser.
    pub seed: u64,
}

impl Default for SamplerOptions {
    fn default() -> Self {
        Self {
            temperature: TEMPERATURE.default() as f32,
            top_k: 0,
            top_p: TOP_P.default() as f32,
            min_p: MIN_P.default() as f32,
            repetition_penalty: REPETITION_PENALTY.default() as f32,
            frequency_penalty: FREQUENCY_PENALTY.default() as f32,
            presence_penalty: PRESENCE_PENALTY.default() as f32,
            penalty_window: 64,
            top_n_sigma: TOP_N_SIGMA.default() as f32,
            typical_p: TYPICAL_P.default() as f32,
            xtc_probability: XTC_PROBABILITY.default() as f32,
            xtc_threshold: XTC_THRESHOLD.default() as f32,
            dry: DryOptions::default(),
            mirostat_tau: MIROSTAT_TAU.default() as f32,
            mirostat_eta: MIROSTAT_ETA.default() as f32,
            logit_bias: Vec::new(),
            banned_strings: Vec::new(),
            seed: 0,
        }
    }
}

impl SamplerOptions {
    /// Checks every range.
    ///
    /// # Errors
    /// `InvalidArgument`, with the option's name as JavaScript spells it, its value and its range.
    pub fn check(&self) -> Result<()> {
        let checks = [
            (TEMPERATURE, self.temperature),
            (TOP_P, self.top_p),
            (MIN_P, self.min_p),
            (REPETITION_PENALTY, self.repetition_penalty),
            (FREQUENCY_PENALTY, self.frequency_penalty),
            (PRESENCE_PENALTY, self.presence_penalty),
            (TOP_N_SIGMA, self.top_n_sigma),
            (TYPICAL_P, self.typical_p),
            (XTC_PROBABILITY, self.xtc_probability),
            (XTC_THRESHOLD, self.xtc_threshold),
            (DRY_MULTIPLIER, self.dry.multiplier),
            (DRY_BASE, self.dry.base),
            (MIROSTAT_TAU, self.mirostat_tau),
            (MIROSTAT_ETA, self.mirostat_eta),
        ];
        if let Some((rule, value)) = checks.into_iter().find(|(rule, value)| !rule.allows(f64::from(*value))) {
            return invalid(format!("{}: expected {}, found {value}", rule.name, rule.expected(&[])));
        }
        if let Some((id, bias)) = self.logit_bias.iter().find(|(_, bias)| !(-MOST_BIAS..=MOST_BIAS).contains(bias)) {
            return invalid(format!(
                "logitBias: expected numbers from -{MOST_BIAS} to {MOST_BIAS}, found {bias} for {id}"
            ));
        }
        let lists = [("bannedStrings", &self.banned_strings), ("dryBreakers", &self.dry.breakers)];
        for (name, texts) in lists {
            if texts.len() > MOST_TEXTS || texts.iter().any(String::is_empty) {
                return invalid(format!("{name}: expected at most {MOST_TEXTS} texts, none empty, found {texts:?}"));
            }
        }
        self.check_mirostat()
    }

    /// Mirostat chooses how many tokens stay, so nothing else may.
    fn check_mirostat(&self) -> Result<()> {
        let filters = [
            (self.top_k > 0, "topK"),
            (self.top_p < 1.0, "topP"),
            (self.min_p > 0.0, "minP"),
            (self.typical_p < 1.0, "typicalP"),
            (self.top_n_sigma > 0.0, "topNSigma"),
            (self.xtc_probability > 0.0, "xtcProbability"),
        ];
        match filters.into_iter().find(|(is_on, _)| *is_on && self.mirostat_tau > 0.0) {
            None => Ok(()),
            Some((_, name)) => invalid(format!(
                "mirostatTau: mirostat stands in place of the other filters, found {name} as well: leave one of them out"
            )),
        }
    }
}

fn invalid(message: String) -> Result<()> {
    Err(Error::new(ErrorKind::InvalidArgument, message))
}
