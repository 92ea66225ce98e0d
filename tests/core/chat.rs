//! Chat templates against transformers' rendering (fixtures).

use std::collections::BTreeMap;

use bitnet_web::ErrorKind;
use bitnet_web::chat::{ChatOptions, ChatTemplate, Content, DateTime, Json, Message};
use bitnet_web::error::Detail;
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
    templates: BTreeMap<String, String>,
    conversations: BTreeMap<String, Vec<Json>>,
    cases: Vec<Case>,
}

fn fixture(path: &str) -> Vec<u8> {
    files::read(&format!("tests/fixtures/{path}"))
}

#[derive(Deserialize)]
struct Families {
    now: String,
    templates: BTreeMap<String, String>,
    conversations: BTreeMap<String, Json>,
    /// By template and conversation: the text, or an object with Python's name of the error.
    cases: BTreeMap<String, BTreeMap<String, Json>>,
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

fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => panic!("{other:?} is no text"),
    }
}

fn entries(value: &Json) -> &[(String, Json)] {
    match value {
        Json::Object(entries) => entries,
        other => panic!("{other:?} is no object"),
    }
}

fn items(value: &Json) -> Vec<Json> {
    match value {
        Json::Array(items) => items.clone(),
        other => panic!("{other:?} is no list"),
    }
}

fn message(value: &Json) -> Message {
    let mut message = Message { role: String::new(), content: Content::Null, fields: Vec::new() };
    for (name, value) in entries(value) {
        match (name.as_str(), value) {
            ("role", role) => message.role = text(role),
            ("content", Json::String(text)) => message.content = Content::Text(text.clone()),
            ("content", Json::Array(parts)) => {
                let part = |part| text(&entries(part).iter().find(|(name, _)| name == "text").unwrap().1);
                message.content = Content::Parts(parts.iter().map(part).collect());
            }
            ("content", _) => {}
            (_, value) => message.fields.push((name.clone(), value.clone())),
        }
    }
    message
}

/// A message that has no influence on what transformers renders is an error here. Returns whether `error` is that, and true.
fn tells_of_a_lost_message(error: &bitnet_web::Error, messages: &[Message], want: &str) -> bool {
    let Some((_, Detail::Number(index))) = error.details().iter().find(|(name, _)| *name == "index") else {
        return false;
    };
    match &messages[*index as usize].content {
        Content::Text(text) => assert!(text.trim().len() < 3 || !want.contains(text.trim()), "{error}: {want:?}"),
        Content::Parts(parts) => assert!(parts.iter().all(|part| !want.contains(part.trim())), "{error}: {want:?}"),
        Content::Null => {}
    }
    true
}

#[test]
fn templates_render_as_in_transformers() {
    let fixture: Fixture = serde_json::from_slice(&fixture("chat/chat.json")).unwrap();
    let tokenizer = tokenizer();
    let now = Some(date(&fixture.now));
    let (mut compared, mut lost) = (0, 0);
    for case in &fixture.cases {
        let messages: Vec<Message> = fixture.conversations[&case.conversation].iter().map(message).collect();
        let options = ChatOptions { add_generation_prompt: case.add_generation_prompt, now, ..ChatOptions::default() };
        let source = &fixture.templates[&case.template];
        let got = ChatTemplate::new(source.as_str()).and_then(|t| t.prompt_with(&tokenizer, &messages, &options));
        let name = format!("{} of {}", case.template, case.conversation);
        match (&case.rendered, got) {
            (Some(want), Ok(got)) => assert_eq!(&got.text, want, "{name}"),
            (Some(want), Err(error)) if tells_of_a_lost_message(&error, &messages, want) => lost += 1,
            (Some(_), Err(error)) => panic!("{name}: {error}"),
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
    println!("{compared} cases, {lost} of them with messages that the template drops");
    // "empty", "no variables" and the like show no message at all.
    assert!(lost * 3 < compared);
}

/// What is passed besides the messages.
fn options_of(conversation: &Json, now: DateTime) -> (Vec<Message>, ChatOptions) {
    let mut options = ChatOptions { now: Some(now), ..ChatOptions::default() };
    let mut messages = Vec::new();
    for (name, value) in entries(conversation) {
        match name.as_str() {
            "messages" => messages = items(value).iter().map(message).collect(),
            "tools" => options.tools = Some(items(value)),
            "documents" => options.documents = Some(items(value)),
            "continue_final_message" => options.continue_final_message = Some(true),
            _ => options.variables.push((name.clone(), value.clone())),
        }
    }
    (messages, options)
}

#[test]
fn families_of_templates_render_as_in_transformers() {
    let fixture: Families = serde_json::from_slice(&fixture("chat/families.json")).unwrap();
    let tokenizer = tokenizer();
    let (mut equal, mut refused, mut lost, mut joined) = (0, 0, 0, 0);
    for (template, source) in &fixture.templates {
        for (conversation, want) in &fixture.cases[template] {
            let (messages, options) = options_of(&fixture.conversations[conversation], date(&fixture.now));
            let name = format!("{template} of {conversation}");
            let got = ChatTemplate::new(source.as_str()).unwrap().prompt_with(&tokenizer, &messages, &options);
            let has_parts = messages.iter().any(|message| matches!(message.content, Content::Parts(_)));
            match (want, got) {
                // A template that knows no parts gets one text instead of failing, or of showing Python's lists.
                (want, Ok(got)) if has_parts && !matches!(want, Json::String(want) if *want == got.text) => {
                    assert!(got.text.contains("Look \nhere"), "{name}: {:?}", got.text);
                    joined += 1;
                }
                (Json::String(want), Ok(got)) => {
                    assert_eq!(&got.text, want, "{name}");
                    equal += 1;
                }
                (Json::String(want), Err(error)) if tells_of_a_lost_message(&error, &messages, want) => lost += 1,
                (Json::String(want), Err(error)) if error.to_string().contains("does not show") => {
                    let is_tool = error.to_string().starts_with("tools");
                    assert!(
                        !want.contains(if is_tool { "get_weather" } else { "Zwei" }) || is_tool,
                        "{name}: {error}: {want}"
                    );
                    lost += 1;
                }
                (Json::String(_), Err(error)) => panic!("{name}: {error}"),
                (want, Ok(got)) => panic!("{name}: {:?} instead of {want:?}", got.text),
                (_, Err(error)) => {
                    assert_eq!(error.kind(), ErrorKind::ChatTemplate, "{name}: {error}");
                    refused += 1;
                }
            }
        }
    }
    println!(
        "{equal} equal, {refused} refused by both, {lost} refused since something is not shown, {joined} with parts as one text"
    );
    assert!(fixture.templates.len() >= 60 && equal > 400 && lost < 150, "{equal} {refused} {lost} {joined}");
}

#[derive(Deserialize)]
struct Expressions {
    variables: Json,
    cases: BTreeMap<String, Option<String>>,
}

#[test]
fn expressions_have_the_values_that_python_gives() {
    let file = fixture("chat/expressions.json");
    let fixture: Expressions = serde_json::from_slice(&file).unwrap();
    let tokenizer = tokenizer();
    let variables = entries(&fixture.variables).to_vec();
    let options = ChatOptions { variables, ..ChatOptions::default() };
    let mut wrong = Vec::new();
    for (source, want) in &fixture.cases {
        // A blank message need not be shown.
        let got = ChatTemplate::new(source.as_str())
            .and_then(|template| template.prompt_with(&tokenizer, &[Message::new("user", "")], &options));
        let same = match (&got, want) {
            (Ok(got), Some(want)) => got.text == *want,
            (got, want) => got.is_err() && want.is_none(),
        };
        if !same {
            wrong.push(format!(
                "{source}: {want:?}, found {:?}",
                got.map(|got| got.text).map_err(|error| error.to_string())
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} expressions differ:\n{}", wrong.len(), fixture.cases.len(), wrong.join("\n"));
}

/// The published file's placeholder is replaced; the stop tokens are those of the family.
#[test]
fn the_published_placeholder_is_corrected() {
    let mut metadata = metadata("models/gqa1-i2_s.gguf");
    assert!(metadata.string("tokenizer.chat_template").unwrap().unwrap().contains("BITNETAssistant"));
    let template = ChatTemplate::from_metadata(&metadata, None).unwrap().unwrap();
    let tokenizer = Tokenizer::new(Vocabulary::from_metadata(&mut metadata).unwrap()).unwrap();
    let messages = [Message::new("system", "You are terse."), Message::new("user", "What is 2 + 2?")];
    let prompt = template.prompt(&tokenizer, &messages).unwrap();
    // BitNet's model card shows this text.
    assert_eq!(prompt.text, "System: You are terse.<|eot_id|>User: What is 2 + 2?<|eot_id|>Assistant: ");
    assert_eq!(prompt.ids, tokenizer.encode(&prompt.text, true, true).unwrap());
    assert_eq!(prompt.ids.first().copied(), tokenizer.bos());
    let end = ["<|end_of_text|>", "<|eot_id|>"].map(|name| tokenizer.control_token(name).unwrap());
    assert_eq!(tokenizer.stop_tokens(), end);
}

#[test]
fn thinking_is_chosen_where_a_template_knows_it() {
    let tokenizer = tokenizer();
    let said = [Message::new("user", "Hello")];
    let knows = ChatTemplate::new(
        "{{ messages[0].content }}{% if enable_thinking is defined and enable_thinking is false %} no{% endif %}\
         {% if enable_thinking %} yes{% endif %}",
    )
    .unwrap();
    let render = |template: &ChatTemplate, thinking: Option<bool>, variables: Vec<(String, Json)>| {
        let options = ChatOptions { thinking, variables, ..ChatOptions::default() };
        template.prompt_with(&tokenizer, &said, &options).map(|prompt| prompt.text)
    };
    assert_eq!(render(&knows, None, vec![]).unwrap(), "Hello");
    assert_eq!(render(&knows, Some(false), vec![]).unwrap(), "Hello no");
    assert_eq!(render(&knows, Some(true), vec![]).unwrap(), "Hello yes");
    // The caller's own variable counts.
    let own = || vec![("enable_thinking".to_owned(), Json::Bool(true))];
    assert_eq!(render(&knows, Some(false), own()).unwrap(), "Hello yes");

    let other = ChatTemplate::new("{{ messages[0].content }}").unwrap();
    assert_eq!(render(&other, Some(false), vec![]).unwrap(), "Hello");
    assert_eq!(render(&other, Some(true), own()).unwrap(), "Hello");
    assert_eq!(render(&other, Some(true), vec![]).unwrap_err().kind(), ErrorKind::Unsupported);
}
