use proptest::prelude::*;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;
use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer as _};

use super::table::TABLE;
use super::{Ends, PreTokenizer};

/// The regular expressions in Hugging Face's engine, look-ahead included.
struct Reference {
    ours: PreTokenizer,
    stages: Vec<Split>,
}

impl Reference {
    /// One for each way to cut.
    fn all() -> Vec<Self> {
        let split = |regex: &&str| {
            Split::new(SplitPattern::Regex((*regex).into()), SplitDelimiterBehavior::Isolated, false).unwrap()
        };
        let mut seen = Vec::new();
        let rules = TABLE.iter().filter(|rule| {
            let is_new = !seen.contains(&rule.patterns);
            seen.push(rule.patterns);
            is_new
        });
        rules
            .map(|rule| Self {
                ours: PreTokenizer::from_name(rule.names[0]).unwrap(),
                stages: rule.patterns.iter().map(split).collect(),
            })
            .collect()
    }

    fn split(&self, text: &str) -> Vec<String> {
        let mut pieces = PreTokenizedString::from(text);
        self.stages.iter().for_each(|stage| stage.pre_tokenize(&mut pieces).unwrap());
        let splits = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte);
        splits.into_iter().map(|(piece, ..)| piece.to_owned()).filter(|piece| !piece.is_empty()).collect()
    }

    fn check(&self, text: &str) {
        let got: Vec<&str> = self.ours.split(text).collect();
        assert_eq!(got, self.split(text), "{} of {text:?}", self.ours.name());
    }
}

fn pieces<'a>(name: &str, text: &'a str) -> Vec<&'a str> {
    let (pre_tokenizer, mut ends, mut at) = (PreTokenizer::from_name(name).unwrap(), Ends::default(), 0);
    let mut pieces = Vec::new();
    while at < text.len() {
        let end = pre_tokenizer.piece_end(text, at, &mut ends);
        pieces.push(&text[at..end]);
        at = end;
    }
    pieces
}

#[test]
fn a_sentence_is_cut_into_words() {
    let text = "It's 12345 o'clock.\n\n  Go!";
    assert_eq!(pieces("llama-bpe", text), ["It", "'s", " ", "123", "45", " o", "'clock", ".\n\n", " ", " Go", "!"]);
    assert_eq!(pieces("gpt-2", text), ["It", "'s", " 12345", " o", "'", "clock", ".", "\n\n ", " Go", "!"]);
    assert_eq!(pieces("qwen2", "a 123"), ["a", " ", "1", "2", "3"]);
    assert_eq!(pieces("smollm", "a 123"), ["a", " ", "1", "2", "3"]);
    assert_eq!(pieces("deepseek-llm", "ab 12\n中文 x"), ["ab", " ", "12", "\n", "中文", " x"]);
    assert_eq!(pieces("tekken", "aBcDEf 12"), ["a", "Bc", "DEf", " ", "1", "2"]);
    assert!(pieces("llama-bpe", "").is_empty());
}

#[test]
fn names_are_known_or_told() {
    for rule in TABLE {
        for name in rule.names {
            assert_eq!(PreTokenizer::from_name(name).unwrap().name(), rule.names[0]);
            assert_eq!(TABLE.iter().filter(|rule| rule.names.contains(name)).count(), 1, "{name}");
        }
    }
    let error = PreTokenizer::from_name("kimi-k2").unwrap_err().to_string();
    assert!(error.contains("\"kimi-k2\"") && error.contains("preTokenizer") && error.contains("falcon_e"), "{error}");
}

#[test]
fn corners_agree_with_the_regular_expressions() {
    for reference in Reference::all() {
        for text in [
            "'S 'ſ 'RE 'rE 'r 'lL 'l 'Ve 've 'v 'D'd 'x '' ''s s's 'ſt",
            " \n \n x",
            "\n\n",
            " \r\n\t x",
            "a\u{a0}b \u{a0} c",
            "\u{3000}\u{3000}字",
            "x \n",
            "x  ",
            "  ",
            "\t\tx",
            "\tx",
            "!\n\r\n!",
            " !\n x",
            "¼½¾①Ⅷ१२३४",
            "é e\u{301} ﬃ ǅ ʰ",
            "👩‍👩‍👧‍👦 🏳️‍🌈",
            "\u{85}\u{85}x",
            "\u{feff}x\u{200b}y",
            "a'sb'S",
            "1234567 12 3",
            "camelCaseWords HTTPServer ÀÉî",
            "漢字かなカナ 한글 字\n\n",
            "a/b//\nc $5 <=> `x`",
        ] {
            reference.check(text);
        }
    }
}

/// Every assigned letter, number and space, before and after a letter, a digit and a space.
#[test]
fn every_character_has_the_class_of_the_regular_expressions() {
    let chars: Vec<char> = (0..0x32400u32).chain(0xE0000..0xE0200).filter_map(char::from_u32).collect();
    let texts: Vec<String> =
        chars.chunks(512).map(|chunk| chunk.iter().flat_map(|&c| ['x', c, '1', c, ' ']).collect()).collect();
    for reference in Reference::all() {
        // One text in seven for each, another one for the next; all of them for the two that most files have.
        let is_usual = ["llama-bpe", "gpt-2"].contains(&reference.ours.name());
        let offset = reference.ours.name().len();
        let some = texts.iter().enumerate().filter(|(index, _)| is_usual || (index + offset) % 7 == 0);
        some.for_each(|(_, text)| reference.check(text));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_texts_agree_with_the_regular_expressions(
        // Few characters, so that every alternative and its neighbours come up often.
        text in "[ \t\r\n'aerslLSvmd19!./éſ中か\u{a0}\u{301}]{0,40}",
        any in "\\PC{0,30}",
    ) {
        thread_local!(static REFERENCES: Vec<Reference> = Reference::all());
        REFERENCES.with(|references| for reference in references {
            reference.check(&text);
            reference.check(&any);
        });
    }
}

/// Lengths at which a backtracking engine runs out of its stack or its budget.
#[test]
fn a_megabyte_is_cut_in_linear_time() {
    const SIZE: usize = 1 << 20;
    for Reference { ours, .. } in Reference::all() {
        for unit in ["a", " ", "\n", "!", "中", "\t ", "\u{301}", "1", "😀"] {
            let text = unit.repeat(SIZE / unit.len());
            assert_eq!(ours.split(&text).map(str::len).sum::<usize>(), text.len(), "{} {unit:?}", ours.name());
        }
        let unit = "It's 1234 words,\r\n\tand   more: 中文字!\n";
        let pieces: Vec<&str> = ours.split(unit).collect();
        let text = unit.repeat(SIZE / unit.len());
        // Where an expression takes spaces or line ends across the seam, the pieces are others.
        let across = ours.split(&unit.repeat(2)).count() == 2 * pieces.len();
        if across {
            assert!(ours.split(&text).eq(pieces.iter().copied().cycle().take(pieces.len() * (SIZE / unit.len()))));
        }
    }
}
