use proptest::prelude::*;

use super::processors::tests::{Letters, tenths};
use super::*;

fn sampler(options: SamplerOptions) -> Sampler {
    after(options, &[]).unwrap()
}

fn after(options: SamplerOptions, prompt: &[u32]) -> Result<Sampler> {
    let texts: Arc<dyn TokenTexts> = Letters::arc();
    Sampler::new(options, prompt, &texts)
}

/// How often each of four tokens is drawn, of 20,000.
fn frequencies(options: SamplerOptions, logits: [f32; 4]) -> [f64; 4] {
    let mut sampler = sampler(options);
    let mut counts = [0.0; 4];
    for _ in 0..20_000 {
        counts[sampler.sample(&mut logits.clone()).unwrap() as usize] += 1.0 / 20_000.0;
    }
    counts
}

fn assert_close(got: [f64; 4], want: [f64; 4]) {
    // Five standard deviations of a share among 20,000 draws are 0.018 at most.
    assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 0.018), "{got:?}, expected {want:?}");
}

fn hot() -> SamplerOptions {
    SamplerOptions { temperature: 1.0, seed: 7, ..SamplerOptions::default() }
}

#[test]
fn temperature_0_takes_the_greatest_and_the_lowest_id_of_equals() {
    let mut greedy = sampler(SamplerOptions::default());
    assert_eq!(greedy.sample(&mut [0.0, 3.0, -1.0, 3.0]).unwrap(), 1);
    assert_eq!(greedy.sample(&mut [-5.0, f32::NEG_INFINITY]).unwrap(), 0);
    let mut many = [-1.0; 40];
    (many[20], many[33], many[36]) = (2.0, 2.0, 1.0);
    assert_eq!(greedy.sample(&mut many).unwrap(), 20);
    many[39] = 4.0;
    assert_eq!(greedy.sample(&mut many).unwrap(), 39);
}

#[test]
fn logits_that_are_no_numbers_are_an_error() {
    for options in [SamplerOptions::default(), hot()] {
        for logits in [
            &mut [0.0, f32::NAN][..],
            &mut [f32::NAN, 0.0],
            &mut [f32::INFINITY, 0.0],
            &mut [],
            &mut std::array::from_fn::<f32, 40, _>(|i| if i == 3 { f32::NAN } else { 1.0 }),
            &mut std::array::from_fn::<f32, 40, _>(|i| if i == 30 { f32::INFINITY } else { 1.0 }),
        ] {
            assert_eq!(sampler(options.clone()).sample(logits).unwrap_err().kind(), ErrorKind::Internal);
        }
    }
}

#[test]
fn draws_follow_the_distribution() {
    assert_close(frequencies(hot(), tenths()), [0.1, 0.2, 0.3, 0.4]);
    // Temperature 1/2 squares the probabilities.
    let cold = SamplerOptions { temperature: 0.5, ..hot() };
    assert_close(frequencies(cold, tenths()), [1.0 / 30.0, 4.0 / 30.0, 9.0 / 30.0, 16.0 / 30.0]);
}

#[test]
fn each_filter_keeps_what_it_promises() {
    let top_k = SamplerOptions { top_k: 2, ..hot() };
    assert_close(frequencies(top_k, tenths()), [0.0, 0.0, 3.0 / 7.0, 4.0 / 7.0]);
    let top_p = SamplerOptions { top_p: 0.85, ..hot() };
    assert_close(frequencies(top_p, tenths()), [0.0, 2.0 / 9.0, 3.0 / 9.0, 4.0 / 9.0]);
    let min_p = SamplerOptions { min_p: 0.6, ..hot() };
    assert_close(frequencies(min_p, tenths()), [0.0, 0.0, 3.0 / 7.0, 4.0 / 7.0]);
    for options in [
        SamplerOptions { top_k: 1, ..hot() },
        SamplerOptions { top_p: 0.0, ..hot() },
        SamplerOptions { min_p: 1.0, ..hot() },
        SamplerOptions { temperature: 1e-30, ..hot() },
    ] {
        assert_eq!(frequencies(options, tenths())[3].round(), 1.0);
    }
    // Of equals the lower ids stay.
    let equal = SamplerOptions { top_k: 2, ..hot() };
    assert_close(frequencies(equal, [1.0; 4]), [0.5, 0.5, 0.0, 0.0]);
}

#[test]
fn the_penalty_looks_at_the_window() {
    let options = SamplerOptions { repetition_penalty: 2.0, penalty_window: 2, ..SamplerOptions::default() };
    let mut sampler = after(options, &[0, 1, 1]).unwrap();
    let logits = [3.0, 4.0, 2.5, -1.0];
    // 1 is penalized once though it came twice; 0 lies outside the window.
    assert_eq!(sampler.sample(&mut logits.clone()).unwrap(), 0);
    assert_eq!(sampler.sample(&mut logits.clone()).unwrap(), 2);
    assert_eq!(sampler.sample(&mut logits.clone()).unwrap(), 1);
    let mut changed = [-1.0, 4.0];
    let penalty = SamplerOptions { repetition_penalty: 2.0, ..SamplerOptions::default() };
    after(penalty, &[0, 99]).unwrap().sample(&mut changed).unwrap();
    assert_eq!(changed, [-2.0, 4.0]);
}

/// These values may never change: a seed stands for one text, in every build.
#[test]
fn a_seed_gives_the_same_tokens_everywhere() {
    let logits: Vec<f32> = (0..1000).map(|i| ((i * 37) % 101) as f32 * 0.05).collect();
    let draw = |options: SamplerOptions| -> Vec<u32> {
        let mut sampler = sampler(options);
        (0..8).map(|_| sampler.sample(&mut logits.clone()).unwrap()).collect()
    };
    assert_eq!(draw(hot()), draw(hot()));
    assert_ne!(draw(hot()), draw(SamplerOptions { seed: 8, ..hot() }));
    assert_eq!(draw(hot()), GOLDEN_ALL);
    assert_eq!(draw(SamplerOptions { top_k: 50, top_p: 0.9, min_p: 0.01, ..hot() }), GOLDEN_FILTERED);
}

/// The same for the steps that draw or take logarithms of their own.
#[test]
fn a_seed_gives_the_same_tokens_with_every_step() {
    let logits: Vec<f32> = (0..1000).map(|i| ((i * 37) % 101) as f32 * 0.05).collect();
    let draw = |options: SamplerOptions| -> Vec<u32> {
        let mut sampler = Sampler::new(options, &[5, 6, 7, 5, 6], &(Arc::new(Letters) as Arc<dyn TokenTexts>)).unwrap();
        (0..8).map(|_| sampler.sample(&mut logits.clone()).unwrap()).collect()
    };
    let steps = SamplerOptions {
        typical_p: 0.7,
        top_n_sigma: 2.0,
        xtc_probability: 0.5,
        xtc_threshold: 0.001,
        repetition_penalty: 1.1,
        frequency_penalty: 0.2,
        presence_penalty: 0.1,
        dry: DryOptions { multiplier: 0.8, ..DryOptions::default() },
        ..hot()
    };
    assert_eq!(draw(steps), GOLDEN_STEPS);
    assert_eq!(draw(SamplerOptions { mirostat_tau: 4.0, ..hot() }), GOLDEN_MIROSTAT);
}

const GOLDEN_STEPS: [u32; 8] = [633, 327, 835, 930, 251, 829, 728, 76];
const GOLDEN_MIROSTAT: [u32; 8] = [434, 262, 434, 535, 838, 464, 636, 30];
const GOLDEN_ALL: [u32; 8] = [423, 239, 423, 515, 832, 482, 605, 62];
const GOLDEN_FILTERED: [u32; 8] = [767, 939, 767, 191, 625, 90, 696, 232];

/// Small seeds are what people choose: their first draws must not resemble each other.
#[test]
fn neighbouring_seeds_differ() {
    let mut counts = [0; 4];
    for seed in 0..1000 {
        counts[sampler(SamplerOptions { seed, ..hot() }).sample(&mut [0.0; 4]).unwrap() as usize] += 1;
    }
    assert!(counts.iter().all(|&count| (180..320).contains(&count)), "{counts:?}");
}

#[test]
fn options_out_of_range_are_named() {
    let default = SamplerOptions::default;
    for (options, expected) in [
        (SamplerOptions { temperature: -0.5, ..default() }, "temperature: expected a number from 0 to 100, found -0.5"),
        (
            SamplerOptions { temperature: f32::NAN, ..default() },
            "temperature: expected a number from 0 to 100, found NaN",
        ),
        (SamplerOptions { temperature: f32::INFINITY, ..default() }, "temperature"),
        (SamplerOptions { temperature: 100.5, ..default() }, "temperature"),
        (SamplerOptions { top_p: 1.5, ..default() }, "topP: expected a number from 0 to 1, found 1.5"),
        (SamplerOptions { top_p: f32::NAN, ..default() }, "topP"),
        (SamplerOptions { min_p: -0.1, ..default() }, "minP"),
        (
            SamplerOptions { repetition_penalty: 0.0, ..default() },
            "repetitionPenalty: expected a number above 0, at most 100, found 0",
        ),
        (SamplerOptions { repetition_penalty: f32::INFINITY, ..default() }, "repetitionPenalty"),
        (SamplerOptions { frequency_penalty: 101.0, ..default() }, "frequencyPenalty"),
        (SamplerOptions { presence_penalty: f32::NAN, ..default() }, "presencePenalty"),
        (SamplerOptions { typical_p: 1.5, ..default() }, "typicalP: expected a number from 0 to 1, found 1.5"),
        (SamplerOptions { top_n_sigma: -1.0, ..default() }, "topNSigma"),
        (SamplerOptions { xtc_probability: 2.0, ..default() }, "xtcProbability"),
        (SamplerOptions { xtc_threshold: -0.1, ..default() }, "xtcThreshold"),
        (SamplerOptions { mirostat_tau: -0.1, ..default() }, "mirostatTau"),
        (SamplerOptions { mirostat_eta: 2.0, ..default() }, "mirostatEta"),
        (SamplerOptions { dry: DryOptions { base: 0.5, ..DryOptions::default() }, ..default() }, "dryBase"),
        (
            SamplerOptions { dry: DryOptions { multiplier: -0.5, ..DryOptions::default() }, ..default() },
            "dryMultiplier",
        ),
        (
            SamplerOptions { dry: DryOptions { breakers: vec![String::new()], ..DryOptions::default() }, ..default() },
            "dryBreakers",
        ),
        (SamplerOptions { logit_bias: vec![(1, f32::NAN)], ..default() }, "logitBias"),
        (SamplerOptions { logit_bias: vec![(1, -1001.0)], ..default() }, "logitBias"),
        (
            SamplerOptions { logit_bias: vec![(27, 1.0)], ..default() },
            "logitBias: expected ids of tokens of this model, below 27, found 27",
        ),
        (SamplerOptions { banned_strings: vec!["a".into(), String::new()], ..default() }, "bannedStrings"),
        (SamplerOptions { banned_strings: vec!["a".into(); 65], ..default() }, "bannedStrings"),
    ] {
        let error = after(options, &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn lifted_tokens_are_the_likeliest_of_too_many() {
    let mut sampler = sampler(hot());
    let logits: Vec<f32> = (0..5000).map(|i| ((i * 37) % 5000) as f32).collect();
    assert!(sampler.lifted(&logits).unwrap().is_empty());
    sampler.put_first(Box::new(LogitBias::new([(7, 1.0), (6000, 1.0)])));
    assert_eq!(sampler.lifted(&logits).unwrap(), [7]);
    sampler.put_first(Box::new(AllowedTokens::new((1000..4000).collect()).unwrap()));
    let mut lifted = sampler.lifted(&logits).unwrap();
    assert_eq!(lifted.len(), MOST_EXACT);
    lifted.sort_unstable();
    let mut want: Vec<u32> = (1000..4000).chain([7]).collect();
    want.sort_by(|&a, &b| logits[b as usize].total_cmp(&logits[a as usize]));
    want.truncate(MOST_EXACT);
    want.sort_unstable();
    assert_eq!(lifted, want);
}

proptest! {
    /// Against the naive way: sort everything, then cut.
    #[test]
    fn the_kept_tokens_are_those_of_a_full_sort(
        logits in prop::collection::vec(-8i32..8, 1..200),
        top_k in 0usize..30, top_p in 0.0f32..=1.0, min_p in 0.0f32..0.5, temperature in 0.2f32..3.0, seed: u64,
    ) {
        let mut logits: Vec<f32> = logits.into_iter().map(|l| l as f32).collect();
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut all: Vec<Candidate> = logits.iter().zip(0..)
            .map(|(&l, id)| Candidate { weight: libm::expf((l - max) / temperature), id })
            .collect();
        all.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.id.cmp(&b.id)));
        if top_k > 0 { all.truncate(top_k); }
        let total: f64 = all.iter().map(|c| f64::from(c.weight)).sum();
        let mut sum = 0.0;
        let keep = all.iter().position(|c| { sum += f64::from(c.weight); sum >= f64::from(top_p) * total * (1.0 + 1e-12) });
        all.truncate(keep.map_or(all.len(), |k| k + 1));
        all.retain(|c| c.weight >= min_p);

        let mut sampler = sampler(SamplerOptions { temperature, top_k, top_p, min_p, seed, ..SamplerOptions::default() });
        let id = sampler.sample(&mut logits).unwrap();
        let kept: std::collections::BTreeSet<u32> = sampler.candidates.iter().map(|c| c.id).collect();
        prop_assert!(kept.contains(&id));
        let naive: std::collections::BTreeSet<u32> = all.iter().map(|c| c.id).collect();
        // A sum on the very edge of top-p may round either way: one token may differ.
        prop_assert!(kept.symmetric_difference(&naive).count() <= 1, "{:?} {:?}", kept, naive);
    }
}

#[test]
fn options_that_leave_no_token_are_told() {
    let texts: Vec<String> = ('a'..='z').map(String::from).collect();
    let banned = SamplerOptions { banned_strings: texts, ..hot() };
    let error = sampler(banned).sample(&mut [1.0; 27]).unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidArgument && error.to_string().contains("bannedStrings"), "{error}");
}

#[test]
fn a_bias_shifts_the_distribution_and_a_ban_renormalizes_it() {
    // exp(1.0986) is 3: tenths 3, 2, 3, 4 of twelve.
    let bias = SamplerOptions { logit_bias: vec![(0, 3f32.ln())], ..hot() };
    assert_close(frequencies(bias, tenths()), [3.0, 2.0, 3.0, 4.0].map(|share| share / 12.0));
    let out = SamplerOptions { logit_bias: vec![(3, -1000.0)], ..hot() };
    assert_close(frequencies(out, tenths()), [1.0, 2.0, 3.0, 0.0].map(|share| share / 6.0));
    let banned = SamplerOptions { banned_strings: vec!["c".into()], ..hot() };
    assert_close(frequencies(banned, tenths()), [1.0, 2.0, 0.0, 4.0].map(|share| share / 7.0));
}

#[test]
fn the_new_filters_keep_what_they_promise() {
    let typical = SamplerOptions { typical_p: 0.4, ..hot() };
    assert_close(frequencies(typical, tenths()), [0.0, 2.0 / 5.0, 3.0 / 5.0, 0.0]);
    // The logits' standard deviation is 0.519; 0.693 and 0.288 is what 2 and 3 miss.
    let sigma = SamplerOptions { top_n_sigma: 1.0, ..hot() };
    assert_close(frequencies(sigma, tenths()), [0.0, 0.0, 3.0 / 7.0, 4.0 / 7.0]);
    // Half of the time 0 and 1 remain, 1 to 2.
    let xtc = SamplerOptions { xtc_probability: 0.5, xtc_threshold: 0.15, ..hot() };
    assert_close(frequencies(xtc, tenths()), [0.05 + 1.0 / 6.0, 0.1 + 1.0 / 3.0, 0.15, 0.2]);
}

/// The surprise of what is drawn, in bits and on average, is the target, whatever the distribution's own is.
#[test]
fn mirostat_keeps_its_surprise() {
    let logits: Vec<f32> = (0..500).map(|i| -2.0 * ((i + 1) as f32).ln()).collect();
    let total: f64 = logits.iter().map(|&l| f64::from(l).exp()).sum();
    for target in [0.8f32, 1.4, 2.0] {
        let mut sampler = sampler(SamplerOptions { mirostat_tau: target, ..hot() });
        let mut surprise = 0.0;
        for _ in 0..20_000 {
            let id = sampler.sample(&mut logits.clone()).unwrap();
            let kept: f64 = sampler.candidates.iter().map(|c| f64::from(c.weight)).sum();
            let weight = sampler.candidates.iter().find(|c| c.id == id).unwrap().weight;
            surprise -= (f64::from(weight) / kept).log2() / 20_000.0;
        }
        assert!((surprise - f64::from(target)).abs() < 0.02, "{surprise}, expected {target} of {total}");
    }
}

#[test]
fn penalties_apply_in_the_documented_order() {
    let options = SamplerOptions {
        logit_bias: vec![(0, 2.0)],
        repetition_penalty: 2.0,
        frequency_penalty: 0.5,
        presence_penalty: 0.25,
        dry: DryOptions { multiplier: 1.0, base: 2.0, allowed_length: 1, ..DryOptions::default() },
        ..SamplerOptions::default()
    };
    let mut logits = [4.0, 1.0, -2.0, 0.0];
    after(options, &[0, 1, 0, 1, 0]).unwrap().sample(&mut logits).unwrap();
    // (4 + 2) / 2 - 3 * 0.5 - 0.25; 1 / 2 - 2 * 0.5 - 0.25, and three tokens of a repetition less.
    assert_eq!(logits, [1.25, -4.75, -2.0, 0.0]);
}

#[test]
fn mirostat_stands_alone() {
    let mirostat = || SamplerOptions { mirostat_tau: 5.0, ..hot() };
    for (options, name) in [
        (SamplerOptions { top_k: 5, ..mirostat() }, "topK"),
        (SamplerOptions { top_p: 0.5, ..mirostat() }, "topP"),
        (SamplerOptions { min_p: 0.5, ..mirostat() }, "minP"),
        (SamplerOptions { typical_p: 0.5, ..mirostat() }, "typicalP"),
        (SamplerOptions { top_n_sigma: 0.5, ..mirostat() }, "topNSigma"),
        (SamplerOptions { xtc_probability: 0.5, ..mirostat() }, "xtcProbability"),
    ] {
        let error = after(options, &[]).unwrap_err();
        assert!(error.kind() == ErrorKind::InvalidArgument && error.to_string().contains(name), "{error}");
    }
}
