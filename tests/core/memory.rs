//! A model's needs are known from its header, and too much is refused with numbers before anything is allocated.

use crate::support::draft::Draft;
use crate::support::models;
use bitnet_web::ErrorKind;
use bitnet_web::gguf::{Parser, Progress};
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{self, LoadOptions, Loader, Summary};

const FILE: &str = "gqa4-hd128-tq1_0.gguf";

fn options(context: Option<usize>, memory_bytes: Option<u64>) -> LoadOptions {
    LoadOptions { context, memory_bytes, ..LoadOptions::new(Kernel::SCALAR) }
}

fn preview(file: &[u8], options: &LoadOptions) -> Summary {
    match Parser::new().parse(file).unwrap() {
        Progress::Done(header) => load::preview(&header, options).unwrap(),
        Progress::NeedMore(bytes) => panic!("{bytes} bytes are needed"),
    }
}

#[test]
fn the_directory_alone_tells_what_the_whole_file_would() {
    let file = models::read(FILE);
    let mut loader = Loader::new(options(Some(100), None));
    loader.push(&file).unwrap();
    assert_eq!(&preview(&file[..file.len() / 4], &options(Some(100), None)), loader.summary().unwrap());
}

#[test]
fn too_little_memory_is_told_with_the_context_that_fits() {
    let file = models::read(FILE);
    let summary = preview(&file, &options(None, None));
    let load = |context, memory| Loader::new(options(context, Some(memory))).push(&file);
    let all = Some(summary.context);

    assert!(load(all, summary.memory_bytes()).is_ok());
    let half = summary.weight_bytes + summary.kv_bytes / 2;
    let error = load(all, half).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    let fits = summary.context_that_fits(half);
    assert_eq!(fits, summary.context / 2);
    assert!(error.to_string().contains(&format!("a context of {fits} tokens fits")), "{error}");
    assert!(load(Some(fits), half).is_ok());
    assert!(load(Some(fits + 1), half).is_err());

    assert_eq!(summary.context_that_fits(summary.weight_bytes), 0);
    for context in [Some(1), all, None] {
        let error = load(context, summary.weight_bytes).unwrap_err();
        assert!(error.to_string().contains("a smaller model is needed"), "{error}");
    }
    assert_eq!(summary.context_that_fits(u64::MAX), summary.config.context_length);
}

/// Models whose whole context no tab holds (8B: 2.4 GB beside 2.3 GB of weights) load all the same.
#[test]
fn without_a_context_as_much_as_fits_is_taken() {
    let mut draft = Draft::read(&models::read(FILE));
    draft.set_number("bitnet-b1.58.context_length", 1 << 20);
    let file = draft.bytes();
    let whole = preview(&file, &options(None, None));
    assert_eq!(whole.context, 1 << 20);
    assert_eq!(preview(&file, &options(None, Some(whole.memory_bytes()))), whole);

    let per_token = whole.kv_bytes / whole.context as u64;
    for tokens in [512, 5000, (1 << 20) - 1] {
        let memory = whole.weight_bytes + per_token * tokens;
        let cut = preview(&file, &options(None, Some(memory)));
        assert_eq!(cut.context, whole.context_that_fits(memory));
        assert!(cut.context as u64 <= tokens && cut.memory_bytes() <= memory, "{tokens}: {cut:?}");
        assert_eq!(cut.memory_bytes(), preview(&file, &options(Some(cut.context), None)).memory_bytes());
        let loader = &mut Loader::new(options(None, Some(memory)));
        loader.push(&file).unwrap();
        assert_eq!(loader.summary(), Some(&cut));
        // What was asked for is not cut.
        assert_eq!(preview(&file, &options(Some(1 << 20), Some(memory))), whole);
    }
    // A few tokens are no chat: the numbers are told instead.
    let memory = whole.weight_bytes + per_token * 511;
    let error = Loader::new(options(None, Some(memory))).push(&file).unwrap_err().to_string();
    assert!(error.contains("for a context of 1048576 tokens") && error.contains("tokens fits"), "{error}");
}

/// A preset asks for the longest context up to a bound that the model and memory allow.
#[test]
fn a_most_context_keeps_to_the_model_and_to_memory() {
    let mut draft = Draft::read(&models::read(FILE));
    draft.set_number("bitnet-b1.58.context_length", 1 << 20);
    let file = draft.bytes();
    let whole = preview(&file, &options(None, None));
    let context = |most_context, memory_bytes| {
        let options = LoadOptions { most_context: Some(most_context), ..options(None, memory_bytes) };
        preview(&file, &options).context
    };
    assert_eq!(context(usize::MAX, None), whole.context);
    assert_eq!(context(usize::MAX, Some(u64::MAX)), whole.context);
    assert_eq!(context(100, Some(u64::MAX)), 100);
    assert_eq!(context(0, None), 1);
    let half = whole.weight_bytes + whole.kv_bytes / 2;
    assert_eq!(context(usize::MAX, Some(half)), whole.context_that_fits(half));
    assert_eq!(context(10, Some(half)), 10);
    // What was asked for is not changed.
    let asked = LoadOptions { most_context: Some(10), ..options(Some(40), Some(half)) };
    assert_eq!(preview(&file, &asked).context, 40);
}
