//! Chat templates against transformers' rendering (fixtures).

use std::collections::BTreeMap;

use bitnet_web::ErrorKind;
use bitnet_web::chat::{ChatOptions, ChatTemplate, DateTime, Message};
use bitnet_web::gguf::{Metadata, Parser, Progress};
use bitnet_web::tokenizer::{Tokenizer, Vocabulary};
use serde::Deserialize;
use test_harness::files;

#[derive(Deserialize)]
struct Case {
    template: String,
    conversation: String,
    add_generation_prompt: bool,
    rendered: Option<String>,
    error: Option<String>,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Fixture {
    now: String,
    loose: Vec<String>,
    templates: BTreeMap<String, String>,
    conversations: BTreeMap<String, Vec<BTreeMap<String, String>>>,
    cases: Vec<Case>,
}

fn fixture(path: &str) -> Vec<u8> {
    files::read(&format!("tests/fixtures/{path}"))
}

fn metadata(file: &str) -> Metadata {
    match Parser::new().parse(&fixture(file)).unwrap() {
        Progress::Done(header) => header.metadata,
        Progress::NeedMore(_) => panic!("{file} is cut off"),
    }
}

fn tokenizer() -> Tokenizer {
    let mut metadata = metadata("tokenizer/small-llama-bpe.gguf");
    Tokenizer::new(Vocabulary::from_metadata(&mut metadata).unwrap()).unwrap()
}

/// "2026-03-07T14:05:09"
fn date(text: &str) -> DateTime {
    let numbers: Vec<u16> = text.split(['-', 'T', ':']).map(|n| n.parse().unwrap()).collect();
    let small = |i: usize| u8::try_from(numbers[i]).unwrap();
    DateTime::new(numbers[0], small(1), small(2), small(3), small(4), small(5)).unwrap()
}

#[test]
fn templates_render_as_in_transformers() {
    let fixture: Fixture = serde_json::from_slice(&fixture("chat/chat.json")).unwrap();
    let tokenizer = tokenizer();
    let now = Some(date(&fixture.now));
    let mut compared = 0;
    for case in &fixture.cases {
        let conversation = &fixture.conversations[&case.conversation];
        let source = &fixture.templates[&case.template];
        // A message has a role and a content here; what prints its other fields cannot be compared.
        let has_more = conversation.iter().any(|fields| fields.len() > 2);
        let prints_fields =
            ["items()", "'name'", "messages | tojson", "{{ messages[0] }}"].iter().any(|f| source.contains(f));
        if fixture.loose.contains(&case.template) || has_more && prints_fields {
            continue;
        }
        let messages: Vec<Message> = conversation
            .iter()
            .map(|fields| Message { role: fields["role"].clone(), content: fields["content"].clone() })
            .collect();
        let options = ChatOptions { add_generation_prompt: case.add_generation_prompt, now, ..ChatOptions::default() };
        let got = ChatTemplate::new(source.as_str()).and_then(|t| t.prompt_with(&tokenizer, &messages, &options));
        let name = format!("{} of {}", case.template, case.conversation);
        match (&case.rendered, got) {
            (Some(want), got) => {
                let got = got.unwrap_or_else(|e| panic!("{name}: {e}"));
                assert_eq!(&got.text, want, "{name}");
            }
            (None, Ok(got)) => panic!("{name}: {:?} instead of the error {:?}", got.text, case.error),
            (None, Err(error)) => {
                assert_eq!(error.kind(), ErrorKind::ChatTemplate, "{name}: {error}");
                if case.kind.as_deref() == Some("TemplateError") {
                    assert!(error.to_string().contains(case.error.as_ref().unwrap()), "{name}: {error}");
                }
            }
        }
        compared += 1;
    }
    println!("{compared} of {} cases compared", fixture.cases.len());
    assert!(compared * 10 >= fixture.cases.len() * 8);
}

/// The published file's placeholder is replaced; the stop tokens are those of the family.
#[test]
fn the_published_placeholder_is_corrected() {
    let mut metadata = metadata("models/gqa1-i2_s.gguf");
    assert!(metadata.string("tokenizer.chat_template").unwrap().unwrap().contains("BITNETAssistant"));
    let template = ChatTemplate::from_metadata(&metadata, None).unwrap().unwrap();
    let tokenizer = Tokenizer::new(Vocabulary::from_metadata(&mut metadata).unwrap()).unwrap();
    let messages = [
        Message { role: "system".into(), content: "You are terse.".into() },
        Message { role: "user".into(), content: "What is 2 + 2?".into() },
    ];
    let prompt = template.prompt(&tokenizer, &messages).unwrap();
    // BitNet's model card shows this text.
    assert_eq!(prompt.text, "System: You are terse.<|eot_id|>User: What is 2 + 2?<|eot_id|>Assistant: ");
    assert_eq!(prompt.ids, tokenizer.encode(&prompt.text, true, true).unwrap());
    assert_eq!(prompt.ids.first().copied(), tokenizer.bos());
    let end = ["<|end_of_text|>", "<|eot_id|>"].map(|name| tokenizer.control_token(name).unwrap());
    assert_eq!(tokenizer.stop_tokens(), end);
}
