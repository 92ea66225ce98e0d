use proptest::prelude::*;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;
use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer as _};

use super::PreTokenizer;

const LLAMA: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// The regular expressions in Hugging Face's engine: the naive twins of the scanners.
struct Reference {
    llama: Split,
    gpt2: Split,
}

impl Reference {
    fn new() -> Self {
        let split = |regex: &str| {
            Split::new(SplitPattern::Regex(regex.into()), SplitDelimiterBehavior::Isolated, false).unwrap()
        };
        Self { llama: split(LLAMA), gpt2: split(GPT2) }
    }

    fn split(&self, kind: PreTokenizer, text: &str) -> Vec<String> {
        let mut pieces = PreTokenizedString::from(text);
        match kind {
            PreTokenizer::LlamaBpe => self.llama.pre_tokenize(&mut pieces).unwrap(),
            PreTokenizer::Gpt2 => self.gpt2.pre_tokenize(&mut pieces).unwrap(),
        }
        let splits = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte);
        splits.into_iter().map(|(piece, ..)| piece.to_owned()).filter(|piece| !piece.is_empty()).collect()
    }

    fn check(&self, text: &str) {
        for kind in [PreTokenizer::LlamaBpe, PreTokenizer::Gpt2] {
            let got: Vec<&str> = kind.split(text).collect();
            assert_eq!(got, self.split(kind, text), "{kind:?} of {text:?}");
        }
    }
}

fn llama(text: &str) -> Vec<&str> {
    PreTokenizer::LlamaBpe.split(text).collect()
}

#[test]
fn a_sentence_is_cut_into_words() {
    assert_eq!(
        llama("It's 12345 o'clock.\n\n  Go!"),
        ["It", "'s", " ", "123", "45", " o", "'clock", ".\n\n", " ", " Go", "!"]
    );
    assert_eq!(
        PreTokenizer::Gpt2.split("It's 12345 o'clock.\n\n  Go!").collect::<Vec<_>>(),
        ["It", "'s", " 12345", " o", "'", "clock", ".", "\n\n ", " Go", "!"]
    );
    assert!(llama("").is_empty());
}

#[test]
fn corners_agree_with_the_regular_expressions() {
    let reference = Reference::new();
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
    ] {
        reference.check(text);
    }
}

/// Every assigned letter, number and space, before and after a letter, a digit and a space.
#[test]
fn every_character_has_the_class_of_the_regular_expressions() {
    let reference = Reference::new();
    let chars: Vec<char> = (0..0x32400u32).chain(0xE0000..0xE0200).filter_map(char::from_u32).collect();
    for chunk in chars.chunks(512) {
        let text: String = chunk.iter().flat_map(|&c| ['x', c, '1', c, ' ']).collect();
        reference.check(&text);
    }
}

proptest! {
    #[test]
    fn random_texts_agree_with_the_regular_expressions(
        // Few characters, so that every alternative and its neighbours come up often.
        text in "[ \t\r\n'aerslLSvmd19!.éſ中\u{a0}\u{301}]{0,40}",
        any in "\\PC{0,30}",
    ) {
        let reference = Reference::new();
        reference.check(&text);
        reference.check(&any);
    }
}

/// Lengths at which a backtracking engine runs out of its stack or its budget.
#[test]
fn a_megabyte_is_cut_in_linear_time() {
    const SIZE: usize = 1 << 20;
    for kind in [PreTokenizer::LlamaBpe, PreTokenizer::Gpt2] {
        for unit in ["a", " ", "\n", "!", "中", "\t ", "\u{301}"] {
            let text = unit.repeat(SIZE / unit.len());
            assert_eq!(kind.split(&text).collect::<Vec<_>>(), [&text], "{kind:?} {unit:?}");
        }
        let unit = "It's 1234 words,\r\n\tand   more: 中文字!\n";
        let pieces: Vec<&str> = kind.split(unit).collect();
        let text = unit.repeat(SIZE / unit.len());
        assert!(kind.split(&text).eq(pieces.iter().copied().cycle().take(pieces.len() * (SIZE / unit.len()))));
    }
}
