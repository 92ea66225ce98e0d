//! One file, although long: the tests share their small vocabularies.

use proptest::prelude::*;

use super::byte_level::ByteAlphabet;
use super::*;

/// The byte alphabet and a few tokens: ids 0 to 255 are the bytes, 256.. the merges' products, then the specials.
pub(crate) fn vocabulary() -> Vocabulary {
    let alphabet = ByteAlphabet::new();
    let mut tokens: Vec<String> = (0..=255u8).map(|byte| alphabet.char(byte).to_string()).collect();
    let mut token_types = vec![1; 256];
    let mut merges = Vec::new();
    for (left, right) in [("h", "e"), ("l", "l"), ("he", "ll"), ("hell", "o"), ("Ġ", "hello"), ("Ã", "©")] {
        tokens.push(format!("{left}{right}"));
        token_types.push(1);
        merges.push(format!("{left} {right}"));
    }
    for (text, kind) in [("<bos>", 3), ("<|eot_id|>", 3), ("<eos>", 3), ("<think>", 4), ("[unused]", 5), ("x y", 4)] {
        tokens.push(text.to_owned());
        token_types.push(kind);
    }
    Vocabulary {
        architecture: "bitnet-b1.58".into(),
        model: "gpt2".into(),
        tokens,
        token_types,
        merges,
        bos: Some(262),
        eos: Some(264),
        ..Vocabulary::default()
    }
}

pub(crate) fn tokenizer() -> Tokenizer {
    Tokenizer::new(vocabulary()).unwrap()
}

fn refusal(change: impl FnOnce(&mut Vocabulary)) -> Error {
    let mut vocabulary = vocabulary();
    change(&mut vocabulary);
    Tokenizer::new(vocabulary).expect_err("a broken vocabulary was accepted")
}

#[test]
fn merges_are_applied() {
    let tokenizer = tokenizer();
    assert_eq!(tokenizer.encode("hello hello", false, false).unwrap(), [259, 260]);
    assert_eq!(tokenizer.encode("é", false, false).unwrap(), [261]);
    assert_eq!(tokenizer.encode("hel", false, false).unwrap(), [256, u32::from(b'l')]);
    assert_eq!(tokenizer.decode(&[259, 260, 261], true).unwrap(), "hello helloé");
}

#[test]
fn equal_texts_in_other_tokens_are_the_same_spelling() {
    let tokenizer = tokenizer();
    let same = |a: &[u32], b: &[u32]| tokenizer.same_spelling(a, b).unwrap();
    let [h, e, l, o] = b"helo".map(u32::from);
    let (he, hello, eot) = (256, 259, 263);
    // As far as an end-of-turn token, or as far as the first goes.
    assert_eq!(same(&[262, h, e, l, l, o], &[262, hello, eot, h]), (6, 2));
    assert_eq!(same(&[262, he, l, l, o, eot, h], &[262, hello, eot, hello]), (6, 3));
    assert_eq!(same(&[hello, l], &[h, e, l, l, o, l, l]), (2, 6));
    assert_eq!(same(&[hello], &[hello]), (1, 1));
    assert_eq!(same(&[], &[hello]), (0, 0));
    // A text that goes on in another way might have been cut in another way: not within it.
    assert_eq!(same(&[eot, he, l, h], &[eot, h, e, l, o]), (1, 1));
    assert_eq!(same(&[eot, he, l, eot], &[eot, h, e, l, o]), (1, 1));
    // The first ends within a token of the second.
    assert_eq!(same(&[eot, h, e], &[eot, hello]), (1, 1));
    // What a control token is called is not what it is.
    let spelled = tokenizer.encode("<|eot_id|>", false, false).unwrap();
    assert_eq!(same(&[h, eot], &[&[h], &spelled[..]].concat()), (0, 0));
    assert_eq!(same(&[&[h], &spelled[..]].concat(), &[h, eot]), (1, 1));
}

#[test]
fn control_tokens_are_found_only_when_allowed() {
    let tokenizer = tokenizer();
    assert_eq!(tokenizer.encode("hello<|eot_id|>", true, true).unwrap(), [262, 259, 263]);
    let plain = tokenizer.encode("hello<|eot_id|><bos>", false, false).unwrap();
    assert!(plain.iter().all(|&id| id < 262), "{plain:?}");
    assert_eq!(tokenizer.decode(&plain, true).unwrap(), "hello<|eot_id|><bos>");
    assert_eq!(tokenizer.encode("<think>x y", false, false).unwrap(), [265, 267]);
    // One beginning of sequence, also where the template spells it.
    assert_eq!(tokenizer.encode("<bos>hello", true, true).unwrap(), [262, 259]);
    assert_eq!(tokenizer.encode("", true, true).unwrap(), [262]);
}

#[test]
fn decoding_skips_control_tokens_on_request() {
    let tokenizer = tokenizer();
    assert_eq!(tokenizer.decode(&[262, 259, 265, 263], true).unwrap(), "hello<think>");
    assert_eq!(tokenizer.decode(&[262, 259, 265, 263], false).unwrap(), "<bos>hello<think><|eot_id|>");
    let error = tokenizer.decode(&[268], true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(tokenizer.stop_tokens(), [263, 264]);
}

#[test]
fn a_missing_pre_tokenizer_is_implied_by_bitnet_only() {
    assert_eq!(tokenizer().pre_tokenizer().unwrap().name(), "llama-bpe");
    assert!(tokenizer().add_bos());
    let error = refusal(|v| v.architecture = "llama".into());
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("tokenizer.ggml.pre is missing"), "{error}");
    let gpt2 = Vocabulary { pre: Some("gpt-2".into()), ..vocabulary() };
    assert!(!Tokenizer::new(gpt2).unwrap().add_bos());
    let error = refusal(|v| v.pre = Some("kimi-k2".into()));
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("kimi-k2") && error.to_string().contains("llama-bpe"), "{error}");
    let error = refusal(|v| v.model = "t5".into());
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("\"t5\""), "{error}");
}

#[test]
fn a_broken_vocabulary_is_refused_with_the_place() {
    let cases: Vec<(Error, &str)> = vec![
        (refusal(|v| v.tokens.clear()), "missing or empty"),
        (refusal(|v| v.token_types.truncate(267)), "267 entries, expected 268"),
        (refusal(|v| v.token_types[7] = 9), "token 7 has type 9"),
        (refusal(|v| v.bos = Some(268)), "special token 268 does not exist"),
        (refusal(|v| v.eos = Some(u32::MAX)), "special token 4294967295"),
        (refusal(|v| v.ends = vec![3, 268]), "special token 268"),
        (refusal(|v| v.merges.clear()), "tokenizer.ggml.merges is missing or empty"),
        (refusal(|v| v.tokens[258] = "he".into()), "token 258 \"he\" stands twice"),
        (refusal(|v| v.tokens[264] = "<bos>".into()), "\"<bos>\" stands twice"),
        (refusal(|v| v.tokens[264] = "he".into()), "\"he\" stands twice"),
        (refusal(|v| v.tokens[65] = "nothing".into()), "no token \"A\" for the byte 0x41"),
        (refusal(|v| v.merges[1] = "ll".into()), "merge 1 \"ll\""),
        (refusal(|v| v.merges[1] = "l  l".into()), "merge 1"),
        (refusal(|v| v.merges[1] = " l".into()), "merge 1"),
        (refusal(|v| v.merges[2] = "he zz".into()), "merge 2 \"he zz\" (tokenizer.ggml.merges) needs the token \"zz\""),
        (refusal(|v| v.merges[2] = "<think> <think>".into()), "merge 2"),
        (
            refusal(|v| {
                v.bos = None;
                v.add_bos = Some(true)
            }),
            "add_bos_token",
        ),
    ];
    for (error, expected) in cases {
        assert_eq!(error.kind(), ErrorKind::InvalidModel, "{error}");
        assert!(error.to_string().contains(expected), "{error} does not say {expected:?}");
    }
}

#[test]
fn no_merge_builds_a_control_token() {
    let mut vocabulary = vocabulary();
    vocabulary.tokens.push("he!".into());
    vocabulary.token_types.push(3);
    vocabulary.merges.insert(0, "he !".into());
    let tokenizer = Tokenizer::new(vocabulary).unwrap();
    assert_eq!(tokenizer.encode("he!", false, false).unwrap(), [256, u32::from(b'!')]);
    assert_eq!(tokenizer.encode("he!", true, false).unwrap(), [268]);
}

#[test]
fn merges_find_what_they_build_wherever_it_stands() {
    let text = "hello he hell\u{e9} ell";
    let expected = tokenizer().encode(text, false, false).unwrap();
    let built = 256..262;
    for turn in 0..built.len() {
        let mut turned = vocabulary();
        turned.tokens[built.clone()].rotate_left(turn);
        let of = |id: &u32| {
            let place = (*id as usize).checked_sub(256).filter(|place| *place < built.len());
            place.map_or(*id, |place| 256 + ((place + built.len() - turn) % built.len()) as u32)
        };
        let ids = Tokenizer::new(turned).unwrap().encode(text, false, false).unwrap();
        assert_eq!(ids, expected.iter().map(of).collect::<Vec<_>>(), "turned by {turn}");
    }
    // The next token has the text, but no merge may build it.
    let error = refusal(|v| v.token_types[257] = 5).to_string();
    assert!(error.contains("merge 1 \"l l\" (tokenizer.ggml.merges) needs the token \"ll\""), "{error}");
    let mut control = vocabulary();
    control.token_types[257] = 3;
    let ids = Tokenizer::new(control).unwrap().encode("hella", false, false).unwrap();
    assert_eq!(ids, [256, u32::from(b'l'), u32::from(b'l'), u32::from(b'a')]);
}

#[test]
fn a_token_list_without_types_has_its_ends_as_control_tokens() {
    let tokenizer = Tokenizer::new(Vocabulary { token_types: Vec::new(), ..vocabulary() }).unwrap();
    let kinds = [262, 263, 264, 265, 266].map(|id| tokenizer.kind(id).unwrap());
    assert_eq!(kinds[..3], [TokenKind::Control; 3]);
    assert_eq!(kinds[3..], [TokenKind::Normal; 2]);
}

/// The tokenizer of a vocabulary with more tokens, each with its type.
fn with_tokens(tokens: &[(&str, i64)], change: impl FnOnce(&mut Vocabulary)) -> Tokenizer {
    let mut vocabulary = vocabulary();
    for (text, kind) in tokens {
        vocabulary.tokens.push((*text).into());
        vocabulary.token_types.push(*kind);
    }
    change(&mut vocabulary);
    Tokenizer::new(vocabulary).unwrap()
}

#[test]
fn every_known_name_of_an_end_ends_an_answer_whatever_its_type() {
    for kind in [1, 3, 4, 2, 5] {
        for name in
            ["<|im_end|>", "<EOT>", "_<EOT>", "[EOT]", "<|eom_id|>", "<|end_of_turn|>", "<|endoftext|>", "<turn|>"]
        {
            let tokenizer = with_tokens(&[(name, kind)], |_| {});
            assert_eq!(tokenizer.stop_tokens(), [263, 264, 268], "{name} of type {kind}");
            assert_eq!(tokenizer.encode(&format!("hello{name}"), true, false).unwrap(), [259, 268], "{name}");
            assert_eq!(tokenizer.decode(&[259, 268], true).unwrap(), "hello");
        }
    }
}

#[test]
fn every_token_that_a_key_names_is_a_control_token_that_ends_an_answer() {
    for kind in [1, 3, 4, 5] {
        let tokenizer = with_tokens(&[("<fin>", kind), ("<stop here>", kind)], |v| v.ends = vec![269, 268]);
        assert_eq!(tokenizer.stop_tokens(), [263, 264, 268, 269]);
        assert_eq!(tokenizer.encode("<stop here>hello<fin>", true, false).unwrap(), [269, 259, 268]);
    }
    // The beginning too.
    let tokenizer = with_tokens(&[("<start>", 1)], |v| v.bos = Some(268));
    assert_eq!(tokenizer.encode("<start>hello", true, true).unwrap(), [268, 259]);
}

#[test]
fn text_that_looks_like_an_end_stays_text() {
    // "</s>" is struck text in HTML: a vocabulary may have learnt it.
    let merged = |v: &mut Vocabulary| v.merges.extend(["< /", "</ s", "</s >"].map(String::from));
    let tokenizer = with_tokens(&[("</", 1), ("</s", 1), ("</s>", 1)], merged);
    assert_eq!(tokenizer.stop_tokens(), [263, 264]);
    assert_eq!(tokenizer.kind(270).unwrap(), TokenKind::Normal);
    assert_eq!(tokenizer.decode(&[270], true).unwrap(), "</s>");
    // A letter that a key names ends an answer and is still needed to write texts.
    let tokenizer = with_tokens(&[], |v| v.ends = vec![u32::from(b'!')]);
    assert_eq!(tokenizer.stop_tokens(), [u32::from(b'!'), 263, 264]);
    assert_eq!(tokenizer.encode("!", false, false).unwrap(), [u32::from(b'!')]);
}

#[test]
fn ends_of_one_family_are_parts_of_another() {
    for names in [["<|return|>", "<|call|>"], ["<|calls|>", "<|flush|>"]] {
        let tokenizer = with_tokens(&[("<|end|>", 3), (names[0], 3), (names[1], 3)], |_| {});
        assert_eq!(tokenizer.stop_tokens(), [263, 264, 269, 270]);
    }
    assert_eq!(with_tokens(&[("<|end|>", 3), ("<|call|>", 3)], |_| {}).stop_tokens(), [263, 264, 268, 269]);
    let tokenizer = with_tokens(&[("</s>", 3), ("<|tool_response>", 3)], |_| {});
    assert_eq!(tokenizer.stop_tokens(), [263, 264, 269]);
}

#[test]
fn an_end_that_does_not_exist_matters_only_where_there_is_no_other() {
    let without_ends = |v: &mut Vocabulary| {
        v.eos = None;
        v.missing_ends = vec!["tokenizer.ggml.eos_token_id".into()];
    };
    assert_eq!(with_tokens(&[], without_ends).stop_tokens(), [263, 264], "their names are known");
    let error = refusal(|v| {
        without_ends(v);
        v.tokens[263] = "<a>".into();
        v.tokens[264] = "<b>".into();
    });
    assert_eq!(error.kind(), ErrorKind::InvalidModel);
    assert!(error.to_string().contains("tokenizer.ggml.eos_token_id"), "{error}");
}

#[test]
fn characters_come_whole() {
    let tokenizer = tokenizer();
    let mut decoder = IncrementalDecoder::new();
    let pieces: Vec<String> = "a😀b".bytes().map(|b| decoder.push(&tokenizer, u32::from(b)).unwrap()).collect();
    assert_eq!(pieces, ["a", "", "", "", "😀", "b"]);
    assert_eq!(decoder.push(&tokenizer, 0xE2).unwrap(), "");
    assert_eq!(decoder.push(&tokenizer, 263).unwrap(), "");
    assert_eq!(decoder.push(&tokenizer, 0x82).unwrap(), "");
    assert_eq!(decoder.push(&tokenizer, u32::from(b'!')).unwrap(), "\u{fffd}!");
    assert_eq!(decoder.push(&tokenizer, 0xF0).unwrap(), "");
    assert_eq!(decoder.finish(), "\u{fffd}");
    assert_eq!(decoder.finish(), "");
    let mut decoder = IncrementalDecoder::with_control_tokens();
    assert_eq!(decoder.push(&tokenizer, 263).unwrap(), "<|eot_id|>");
}

#[test]
fn a_megabyte_of_text_keeps_all_its_tokens() {
    let tokenizer = tokenizer();
    let unit = "hello, 12 <|eot_id|> éé\n";
    let ids = tokenizer.encode(unit, true, false).unwrap();
    let count = (1 << 20) / unit.len();
    let all = tokenizer.encode(&unit.repeat(count), true, false).unwrap();
    assert!(all == ids.repeat(count));
    for unit in ["h", " ", "<"] {
        let text = unit.repeat(1 << 20);
        let all = tokenizer.encode(&text, true, false).unwrap();
        assert!(tokenizer.decode(&all, false).unwrap() == text);
    }
}

#[test]
fn no_text_becomes_fewer_tokens_than_its_bytes_allow() {
    let tokenizer = tokenizer();
    assert_eq!(tokenizer.min_tokens(0), 0);
    assert_eq!(tokenizer.min_tokens(1), 1);
    let longest = "<|eot_id|>".len();
    assert_eq!(tokenizer.min_tokens(3 * longest), 3);
    assert_eq!(tokenizer.min_tokens(3 * longest + 1), 4);
    assert_eq!(tokenizer.encode(&"<|eot_id|>".repeat(3), true, false).unwrap().len(), 3);
}

#[test]
fn encoding_ends_soon_after_the_most_tokens_that_are_wanted() {
    let tokenizer = tokenizer();
    let text = "hello, 12\n".repeat(1 << 17);
    let all = tokenizer.encode(&text[..1 << 16], true, true).unwrap();
    let some = tokenizer.encode_up_to(1000, &text, true, true).unwrap();
    assert!(some.len() > 1000 && some.len() < all.len(), "{} tokens", some.len());
    assert_eq!(some, all[..some.len()]);
    assert_eq!(tokenizer.encode_up_to(5, "hello", true, true).unwrap(), [262, 259]);
}

#[test]
fn tokens_are_found_by_their_texts() {
    let tokenizer = tokenizer();
    let texts = ["<|eot_id|>", "<think>", "x y", " hello", "é", "!", "\n", "[unused]", "nothing", ""];
    let ids = [Some(263), Some(265), Some(267), Some(260), Some(261), Some(33), Some(10), None, None, None];
    assert_eq!(texts.map(|text| tokenizer.token(text)), ids);
}

proptest! {
    #[test]
    fn steps_of_any_size_give_the_same_ids(
        text in "([<|>a-z_ \n]|hello| hello|<bos>|<think>|x y|é|'s|12){0,40}", bytes in 0usize..20, special: bool
    ) {
        let tokenizer = tokenizer();
        let mut encoding = Encoding::new(special);
        let mut steps = 0;
        while !encoding.step(&tokenizer, &text, bytes + 1).unwrap() {
            steps += 1;
            // Each byte once into a word, and at most three merges looked at for each.
            prop_assert!(steps <= 4 * text.len());
        }
        // As it was before there were steps: special tokens first, then what is between them.
        let mut whole = Vec::new();
        let mut at = 0;
        while let Some((start, end, id)) = tokenizer.find_control(&text, at).filter(|_| special) {
            whole.extend(tokenizer.encode(&text[at..start], false, false).unwrap());
            whole.push(id);
            at = end;
        }
        whole.extend(tokenizer.encode(&text[at..], false, false).unwrap());
        prop_assert_eq!(encoding.into_ids(), whole);
    }

    #[test]
    fn texts_come_back(text in "\\PC{0,40}", spelled in "([<|>a-z_ ]|hello|<bos>|<think>|é){0,20}") {
        let tokenizer = tokenizer();
        for text in [text, spelled] {
            for special in [false, true] {
                let ids = tokenizer.encode(&text, special, false).unwrap();
                prop_assert_eq!(&tokenizer.decode(&ids, false).unwrap(), &text);
                if !special {
                    prop_assert!(ids.iter().all(|&id| tokenizer.kind(id).unwrap() != TokenKind::Control));
                }
            }
        }
    }

    #[test]
    fn pieces_make_the_whole(ids in prop::collection::vec(prop_oneof![0u32..268, 0x80u32..0x100], 0..60)) {
        let tokenizer = tokenizer();
        let mut decoder = IncrementalDecoder::new();
        let mut text: String = ids.iter().map(|&id| decoder.push(&tokenizer, id).unwrap()).collect();
        text.push_str(&decoder.finish());
        prop_assert_eq!(text, tokenizer.decode(&ids, true).unwrap());
    }
}

/// A SentencePiece vocabulary: specials, all bytes, and a few words.
fn sentence_pieces(change: impl FnOnce(&mut Vocabulary)) -> Result<Tokenizer> {
    let mut vocabulary = Vocabulary { architecture: "llama".into(), model: "llama".into(), ..Vocabulary::default() };
    let mut push = |text: &str, score: f32, kind: i64| {
        vocabulary.tokens.push(text.into());
        vocabulary.scores.push(score);
        vocabulary.token_types.push(kind);
    };
    [("<unk>", 2), ("<s>", 3), ("</s>", 3)].iter().for_each(|(text, kind)| push(text, 0.0, *kind));
    (0..=255).for_each(|byte: u8| push(&format!("<0x{byte:02X}>"), 0.0, 6));
    // From 259 on.
    for (index, text) in ["▁", "h", "i", "hi", "▁hi", "▁h", "a", "aa", "aaa"].iter().enumerate() {
        push(text, -(index as f32), 1);
    }
    push("<tool>", 0.0, 4);
    change(&mut vocabulary);
    Tokenizer::new(vocabulary)
}

#[test]
fn a_space_stands_before_each_text_of_a_sentence_piece_vocabulary() {
    let tokenizer = sentence_pieces(|_| {}).unwrap();
    assert_eq!((tokenizer.bos(), tokenizer.eos(), tokenizer.add_bos()), (Some(1), Some(2), true));
    assert_eq!(tokenizer.stop_tokens(), [2]);
    let cases: [(&str, &[u32]); 8] = [
        ("", &[]),
        ("hi", &[263]),
        (" hi", &[259, 263]),
        ("hi hi", &[263, 263]),
        ("</s>hi<tool>hi", &[2, 263, 268, 263]),
        ("é", &[259, 3 + 0xC3, 3 + 0xA9]),
        ("hi\n", &[263, 3 + 0x0A]),
        ("<0x41>", &[259, 3 + 60, 3 + 48, 3 + 120, 3 + 52, 3 + 49, 3 + 62]),
    ];
    for (text, ids) in cases {
        assert_eq!(tokenizer.encode(text, true, false).unwrap(), ids, "{text:?}");
        assert_eq!(tokenizer.decode(ids, false).unwrap(), text);
    }
    let bare = sentence_pieces(|v| v.space_prefix = Some(SpacePrefix::Never)).unwrap();
    assert_eq!(bare.encode("hi hi", true, false).unwrap(), [262, 263]);
    assert_eq!(bare.decode(&[263], true).unwrap(), " hi");
}

/// The highest score first, of equal ones the leftmost.
#[test]
fn sentence_pieces_merge_by_their_scores() {
    let tokenizer = sentence_pieces(|v| v.space_prefix = Some(SpacePrefix::Never)).unwrap();
    assert_eq!(tokenizer.encode("aaaaa", true, false).unwrap(), [266, 267]);
    let tokenizer = sentence_pieces(|v| {
        v.space_prefix = Some(SpacePrefix::Never);
        v.scores[266..268].swap(0, 1);
    });
    assert_eq!(tokenizer.unwrap().encode("aaaaa", true, false).unwrap(), [267, 266]);
}

#[test]
fn an_answer_goes_on_where_its_prompt_ends() {
    let tokenizer = sentence_pieces(|_| {}).unwrap();
    for (prompt, expected) in [(&[1, 263][..], " hi"), (&[1], "hi"), (&[1, 263, 2], "hi"), (&[268], "hi"), (&[], "hi")]
    {
        let mut decoder = tokenizer.incremental_decoder_after(prompt).unwrap();
        assert_eq!(decoder.push(&tokenizer, 263).unwrap(), expected, "{prompt:?}");
        assert_eq!(decoder.push(&tokenizer, 263).unwrap(), " hi");
    }
    let mut decoder = tokenizer.incremental_decoder();
    let pieces = [3 + 0xE2, 3 + 0x82, 3 + 0xAC].map(|id| decoder.push(&tokenizer, id).unwrap());
    assert_eq!(pieces, ["", "", "€"]);
    // A space before the text is a byte of the same spelling.
    assert_eq!(tokenizer.same_spelling(&[1, 259, 260, 261, 2], &[1, 263, 2]).unwrap(), (5, 3));
}

#[test]
fn a_broken_sentence_piece_vocabulary_is_refused_with_the_place() {
    let refusal = |change: fn(&mut Vocabulary)| sentence_pieces(change).expect_err("a broken vocabulary was accepted");
    let cases = [
        (refusal(|v| v.scores.clear()), ErrorKind::InvalidModel, "tokenizer.ggml.scores has 0 entries"),
        (refusal(|v| v.scores[7] = f32::NAN), ErrorKind::InvalidModel, "score of token 7"),
        (refusal(|v| v.tokens[263] = "hi".into()), ErrorKind::InvalidModel, "\"hi\" stands twice"),
        (
            refusal(|v| {
                v.tokens[70] = "<0xZZ>".into();
                v.token_types[0] = 5;
            }),
            ErrorKind::InvalidModel,
            "unknown_token_id is missing",
        ),
        (refusal(|v| v.remove_extra_whitespaces = Some(true)), ErrorKind::Unsupported, "remove_extra_whitespaces"),
    ];
    for (error, kind, expected) in cases {
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(expected), "{error} does not say {expected:?}");
    }
    // Without a byte that some text has, unknown characters are the unknown token, one for several in a row.
    let tokenizer = sentence_pieces(|v| v.tokens[70] = "<0xZZ>".into()).unwrap();
    assert_eq!(tokenizer.encode("hi字字 字", true, false).unwrap(), [263, 0, 259, 0]);
}
