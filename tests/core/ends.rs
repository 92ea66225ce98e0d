//! The end of an answer, and prompts that are refused before one begins: on a model whose control tokens can be made to come.

use bitnet_web::ErrorKind;
use bitnet_web::error::Detail;
use bitnet_web::generate::{Engine, Event, FinishReason, GenerateOptions, Prompt, StopToken, StoppedBy, verify};
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, LoadedModel, Loader, Precision};
use bitnet_web::pool::Pool;

use crate::support::draft::Draft;
use crate::support::models;

const PROMPT: &str = "Hello";

fn draft() -> Draft {
    Draft::read(&models::read("tiny-f32.gguf"))
}

fn try_model(draft: &Draft, context: Option<usize>) -> bitnet_web::Result<LoadedModel> {
    let options = LoadOptions { precision: Precision::Exact, context, ..LoadOptions::new(Kernel::SCALAR) };
    let mut loader = Loader::new(options);
    loader.push(&draft.bytes())?;
    loader.finish()
}

fn engine(draft: &Draft) -> Engine {
    Engine::new(try_model(draft, None).unwrap(), Pool::new(1))
}

#[derive(Debug, PartialEq)]
struct Answer {
    ids: Vec<u32>,
    text: String,
    reason: FinishReason,
    stopped_by: Option<StoppedBy>,
}

fn answer(engine: &mut Engine, stop: &[&str], stop_tokens: &[StopToken]) -> Answer {
    let prompt = engine.prompt(&Prompt::Text(PROMPT.into())).unwrap();
    let options = GenerateOptions {
        max_tokens: Some(24),
        stop: stop.iter().map(|&text| text.into()).collect(),
        stop_tokens: stop_tokens.to_vec(),
        ..GenerateOptions::default()
    };
    let mut generation = engine.generate(prompt, options).unwrap();
    let (mut ids, mut said) = (Vec::new(), String::new());
    loop {
        match engine.step(&mut generation, 16).unwrap() {
            Event::Prefill { .. } => {}
            Event::Token { id, text, .. } => {
                ids.push(id);
                said.push_str(&text);
            }
            Event::Done { reason, stopped_by, text, .. } => {
                return Answer { ids, text: said + &text, reason, stopped_by };
            }
        }
    }
}

/// A model that says the control token `name` where it would have said the token `instead`: its row of the embedding,
/// which is the head too, is a little longer in the same direction.
fn with_control(mut draft: Draft, name: &str, instead: u32) -> Draft {
    let id = draft.strings("tokenizer.ggml.tokens").iter().position(|token| token == name).unwrap();
    let embedding = draft.tensor("token_embd.weight");
    let row_bytes = 4 * embedding.dims[0] as usize;
    let row = embedding.data[instead as usize * row_bytes..][..row_bytes].to_vec();
    for (out, value) in embedding.data[id * row_bytes..][..row_bytes].chunks_exact_mut(4).zip(row.chunks_exact(4)) {
        let value = f32::from_le_bytes(value.try_into().unwrap());
        out.copy_from_slice(&(value * 1.0001).to_le_bytes());
    }
    draft
}

/// The name of a control token that ends no answer by itself.
fn harmless_control(engine: &Engine) -> String {
    let tokenizer = engine.tokenizer();
    let harmless = |name: &&str| {
        let id = tokenizer.control_token(name).unwrap();
        !tokenizer.is_stop(id) && Some(id) != tokenizer.bos()
    };
    tokenizer.control_tokens().find(harmless).unwrap().to_owned()
}

#[test]
fn stop_tokens_end_the_answer_and_are_no_part_of_it() {
    let mut engine = engine(&draft());
    let free = answer(&mut engine, &[], &[]);
    assert_eq!((free.ids.len(), free.reason, &free.stopped_by), (24, FinishReason::Length, &None));
    let id = free.ids[7];
    let first = free.ids.iter().position(|&other| other == id).unwrap();
    let text = engine.tokenizer().decode(&[id], false).unwrap();
    let mut ways = vec![vec![StopToken::Id(id)], vec![StopToken::Id(id), StopToken::Id(id), StopToken::Id(0)]];
    if engine.tokenizer().token(&text) == Some(id) {
        ways.push(vec![StopToken::Name(text)]);
    }
    for wanted in ways {
        let stopped = answer(&mut engine, &[], &wanted);
        assert_eq!(stopped.ids, free.ids[..first], "{wanted:?}");
        assert_eq!((stopped.reason, stopped.stopped_by), (FinishReason::Stop, Some(StoppedBy::Token(id))));
        assert_eq!(stopped.text, engine.tokenizer().decode(&free.ids[..first], true).unwrap());
    }
    for (wanted, words) in [(StopToken::Id(320), "stopTokens[1]"), (StopToken::Name("<no such>".into()), "<no such>")] {
        let stop_tokens = vec![StopToken::Id(1), wanted];
        let error =
            engine.generate(vec![1], GenerateOptions { stop_tokens, ..GenerateOptions::default() }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_stop_text_may_be_the_name_of_a_control_token() {
    let free = answer(&mut engine(&draft()), &[], &[]);
    let name = harmless_control(&engine(&draft()));
    let instead = free.ids[5];
    let first = free.ids.iter().position(|&id| id == instead).unwrap();
    let mut engine = engine(&with_control(draft(), &name, instead));
    let id = engine.tokenizer().control_token(&name).unwrap();
    let before = engine.tokenizer().decode(&free.ids[..first], true).unwrap();

    let free = answer(&mut engine, &[], &[]);
    assert_eq!(free.ids[first], id, "the control token comes where it should");
    assert!(!free.text.contains(&name));
    let by_text = |text: &str| Some(StoppedBy::Text(text.into()));
    let stopped = answer(&mut engine, &[&name], &[]);
    assert_eq!(stopped.ids, free.ids[..=first]);
    assert_eq!((&stopped.text, stopped.reason, &stopped.stopped_by), (&before, FinishReason::Stop, &by_text(&name)));
    for wanted in [StopToken::Id(id), StopToken::Name(name.clone())] {
        let stopped = answer(&mut engine, &[], &[wanted]);
        assert_eq!(stopped.ids, free.ids[..first]);
        assert_eq!((stopped.text, stopped.stopped_by), (before.clone(), Some(StoppedBy::Token(id))));
    }
    // Half of a name is no token, and a stop that never comes stops nothing.
    let half = &name[..name.len() - 1];
    for other in [half, "never said"] {
        assert_eq!(answer(&mut engine, &[other], &[]), free);
    }
}

#[test]
fn what_the_model_ends_with_is_told() {
    let free = answer(&mut engine(&draft()), &[], &[]);
    let eos = engine(&draft()).tokenizer().stop_tokens()[0];
    let mut plain = draft();
    let name = plain.strings("tokenizer.ggml.tokens")[eos as usize].clone();
    let mut engine = engine(&with_control(plain, &name, free.ids[5]));
    for stop in [&[][..], &[&name[..]]] {
        let ended = answer(&mut engine, stop, &[]);
        assert_eq!((ended.reason, ended.stopped_by), (FinishReason::Stop, Some(StoppedBy::Token(eos))));
    }
}

#[test]
fn a_text_that_is_too_long_is_told_with_its_numbers() {
    let draft = draft();
    for (context, advice) in [(Some(100), "larger context, of up to 512 tokens"), (None, "no larger context")] {
        let mut engine = Engine::new(try_model(&draft, context).unwrap(), Pool::new(1));
        let context = context.unwrap_or(512);
        let number = |n: usize| Detail::Number(n as f64);
        // By its length alone; when the context is full; exactly; of a text whose logits are wanted.
        let huge = engine.prompt(&Prompt::Text("x".repeat(1 << 23))).unwrap_err();
        let least = engine.tokenizer().min_tokens(1 << 23);
        assert!(huge.to_string().contains(&format!("at least {least} tokens")), "{huge}");
        assert_eq!(huge.details()[0], ("minTokens", number(least)));
        let long = engine.prompt(&Prompt::Text("x ".repeat(context))).unwrap_err();
        let prompt = vec![1; context];
        let exact = engine.generate(prompt, GenerateOptions::default()).unwrap_err();
        assert_eq!(exact.details()[0], ("tokens", number(context)));
        let logits = engine.logits(&vec![1; context + 1], &[context]).unwrap_err();
        assert_eq!(logits.details()[0], ("tokens", number(context + 1)));
        for error in [huge, long, exact, logits] {
            assert_eq!(error.kind(), ErrorKind::ContextOverflow);
            assert!(error.to_string().contains(advice), "{error}");
            assert_eq!(error.details()[1..], [("contextLength", number(context)), ("maxContextLength", number(512))]);
        }
        // A prompt that fits is taken, to the last token.
        let ids = vec![1; context - 1];
        assert!(engine.generate(ids, GenerateOptions::default()).is_ok());
    }
}

/// A number that a test puts into a file: at the end of the tensor's data as I2_S keeps its scale, or everywhere.
fn with_scale(file: &str, name: &str, value: f32) -> Draft {
    let mut draft = Draft::read(&models::read(file));
    let tensor = draft.tensor(name);
    if tensor.type_id == 36 {
        let at = tensor.data.len() - 32;
        tensor.data[at..at + 4].copy_from_slice(&value.to_le_bytes());
    } else {
        tensor.data.chunks_exact_mut(4).for_each(|bytes| bytes.copy_from_slice(&value.to_le_bytes()));
    }
    draft
}

#[test]
fn numbers_that_cannot_stay_numbers_are_no_model() {
    for value in [1e38, -1e38, f32::MAX, 2e19] {
        for name in ["blk.0.attn_q.weight", "blk.0.ffn_down.weight", "blk.0.ffn_gate.weight"] {
            let error = try_model(&with_scale("tiny-i2_s.gguf", name, value), None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidModel);
            assert!(error.to_string().contains(name), "{error}");
        }
    }
    let mut scaled = Draft::read(&models::read("tiny-i2_s-scale.gguf"));
    let name = scaled.tensors.iter().find(|t| t.name.ends_with(".scale")).unwrap().name.clone();
    scaled.tensor(&name).data = 1e38_f32.to_le_bytes().to_vec();
    let error = try_model(&scaled, None).unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidModel && error.to_string().contains(&name), "{error}");
    // No single number is wrong here.
    for (file, name, value) in [
        ("tiny-f32.gguf", "output_norm.weight", 3e38),
        ("tiny-i2_s.gguf", "blk.0.ffn_sub_norm.weight", 3e38),
        ("tiny-i2_s.gguf", "blk.0.attn_sub_norm.weight", -3e38),
    ] {
        let model = try_model(&with_scale(file, name, value), None).unwrap();
        let error = verify(&model).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::InvalidModel, "{name}: {error}");
        let mut engine = Engine::new(model, Pool::new(1));
        let error = engine.logits(&[1, 2], &[0, 1]).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Internal, "{name}: {error}");
    }
    // Large is not too large.
    let model = try_model(&with_scale("tiny-i2_s.gguf", "blk.0.attn_q.weight", 1e5), None).unwrap();
    verify(&model).unwrap();
}
