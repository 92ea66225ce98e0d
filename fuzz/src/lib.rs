//! What the fuzz targets do with their input. Every one of them must return: an error is fine, a panic is not.

use bitnet_web::chat::{ChatTemplate, Message};
use bitnet_web::generate::{Engine, Event, GenerateOptions, Prompt};
use bitnet_web::gguf::{Parser, Progress};
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Loader, Precision};
use bitnet_web::pool::Pool;
use bitnet_web::tokenizer::{Tokenizer, Vocabulary};

/// A GGUF directory, read from ever longer prefixes. What the prefixes come to must not depend on where they end.
pub fn directory(input: &[u8]) {
    let whole = Parser::new().parse(input);
    let mut parser = Parser::new();
    let mut end = 0;
    let pieces = loop {
        match parser.parse(&input[..end]) {
            Ok(Progress::NeedMore(bytes)) if end < input.len() => {
                assert!(bytes > end as u64, "asks for {bytes} of {end} bytes");
                end = input.len().min(end + 1 + end / 4);
            }
            other => break other,
        }
    };
    match (whole, pieces) {
        (Ok(Progress::Done(a)), Ok(Progress::Done(b))) => {
            assert!(a.metadata == b.metadata || format!("{:?}", a.metadata) == format!("{:?}", b.metadata));
            assert_eq!((a.tensors, a.data_offset), (b.tensors, b.data_offset));
        }
        (Ok(Progress::NeedMore(_)), Ok(Progress::NeedMore(_))) => {}
        (Err(a), Err(b)) => assert_eq!(a.kind(), b.kind()),
        (a, b) => panic!("at once: {a:?}\nin pieces: {b:?}"),
    }
}

/// A whole file: its first bytes choose the size of the pieces and the options, the rest is the file. What loads is
/// run for some tokens.
pub fn load(input: &[u8]) {
    let [piece, choice, file @ ..] = input else { return };
    let mut options = LoadOptions::new(Kernel::SCALAR);
    options.file_bytes = (choice & 1 == 0).then_some(file.len() as u64);
    options.precision = if choice & 2 == 0 { Precision::Fast } else { Precision::Exact };
    let mut loader = Loader::new(options);
    for bytes in file.chunks(1 + usize::from(*piece) * 17) {
        if loader.push(bytes).is_err() {
            // A loader that has failed says so again, and nothing worse.
            assert!(loader.push(bytes).is_err());
            return;
        }
    }
    let Ok(model) = loader.finish() else { return };
    let mut engine = Engine::new(model, Pool::new(1));
    let vocab_size = engine.model().config().vocab_size as u32;
    let ids = [0, vocab_size - 1, vocab_size / 2];
    let _ = engine.logits(&ids, &[2, 0]);
    let prompt = engine.prompt(&Prompt::Text("Aß 1".into())).unwrap_or(ids.to_vec());
    let options = GenerateOptions { max_tokens: Some(3), ..GenerateOptions::default() };
    let Ok(mut generation) = engine.generate(prompt, options) else { return };
    while let Ok(event) = engine.step(&mut generation, 16) {
        if matches!(event, Event::Done { .. }) {
            return;
        }
    }
}

/// A vocabulary, a line at a time: `+left right` is a merge, `!text` a control token, `^text` a user-defined one,
/// `#n` the ids of the special tokens, `%name` the pre-tokenizer, `?text` a text to encode, anything else a token. The
/// 256 bytes are there from the start.
pub fn vocabulary(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut vocabulary = byte_vocabulary();
    let mut texts = vec!["Hello, wörld!\n\n  12345 <|x|>".to_owned()];
    for line in text.lines() {
        let (kind, rest) = line.split_at(line.chars().next().map_or(0, char::len_utf8));
        match kind {
            "+" => vocabulary.merges.push(rest.to_owned()),
            "!" => push(&mut vocabulary, rest, 3),
            "^" => push(&mut vocabulary, rest, 4),
            "#" => vocabulary.eos = rest.parse().ok(),
            "%" => vocabulary.pre = Some(rest.to_owned()),
            "?" => texts.push(rest.to_owned()),
            _ => push(&mut vocabulary, line, 1),
        }
    }
    let Ok(tokenizer) = Tokenizer::new(vocabulary) else { return };
    for text in texts {
        for allow_special in [false, true] {
            let Ok(ids) = tokenizer.encode(&text, allow_special, false) else { continue };
            assert!(ids.iter().all(|&id| (id as usize) < tokenizer.vocab_size()));
            let mut decoder = tokenizer.incremental_decoder();
            let mut back = String::new();
            for &id in &ids {
                back += &decoder.push(&tokenizer, id).unwrap_or_default();
            }
            back += &decoder.finish();
            if !allow_special {
                assert_eq!(back, text, "what was encoded comes back");
            }
        }
    }
}

/// A chat template, and behind a zero byte what the user says.
pub fn template(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (template, said) = text.split_once('\0').unwrap_or((&text, "Hello"));
    let Ok(template) = ChatTemplate::new(template) else { return };
    let mut vocabulary = byte_vocabulary();
    push(&mut vocabulary, "<|eot_id|>", 3);
    let Ok(tokenizer) = Tokenizer::new(vocabulary) else { panic!("the byte vocabulary is refused") };
    let message = |role: &str, content: &str| Message::new(role, content);
    let messages =
        [message("system", "Be brief."), message("user", said), message("assistant", "Hi"), message("user", said)];
    let _ = template.prompt(&tokenizer, &messages);
}

fn push(vocabulary: &mut Vocabulary, token: &str, kind: i64) {
    vocabulary.tokens.push(token.to_owned());
    vocabulary.token_types.push(kind);
}

/// The 256 bytes in GPT-2's alphabet and nothing else.
fn byte_vocabulary() -> Vocabulary {
    let tokens: Vec<String> = byte_alphabet().map(String::from).collect();
    Vocabulary {
        architecture: "bitnet-b1.58".into(),
        model: "gpt2".into(),
        pre: Some("llama-bpe".into()),
        token_types: vec![1; tokens.len()],
        tokens,
        ..Vocabulary::default()
    }
}

/// GPT-2's printable stand-ins for the 256 bytes.
pub fn byte_alphabet() -> impl Iterator<Item = char> {
    let printable = |b: &u32| (33..=126).contains(b) || (161..=172).contains(b) || (174..=255).contains(b);
    let others = (0..256).filter(move |b| !printable(b)).zip(256..).map(|(_, stand_in)| stand_in);
    (0..256).filter(printable).chain(others).filter_map(char::from_u32)
}
