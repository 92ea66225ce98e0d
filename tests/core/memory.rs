//! A model's needs are known from its header, and too much is refused with numbers before anything is allocated.

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

    assert!(load(None, summary.memory_bytes()).is_ok());
    let half = summary.weight_bytes + summary.kv_bytes / 2;
    let error = load(None, half).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    let fits = summary.context_that_fits(half);
    assert_eq!(fits, summary.context / 2);
    assert!(error.to_string().contains(&format!("a context of {fits} tokens fits")), "{error}");
    assert!(load(Some(fits), half).is_ok());
    assert!(load(Some(fits + 1), half).is_err());

    assert_eq!(summary.context_that_fits(summary.weight_bytes), 0);
    let error = load(Some(1), summary.weight_bytes).unwrap_err();
    assert!(error.to_string().contains("a smaller model is needed"), "{error}");
    assert_eq!(summary.context_that_fits(u64::MAX), summary.config.context_length);
}
