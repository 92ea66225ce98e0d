//! A tokenizer that is made while weights arrive is the one that is made before, and so are a file's errors.

use bitnet_web::Result;
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, LoadedModel, Loader};

use crate::support::draft::Draft;
use crate::support::models;

const FILE: &str = "tiny-f32.gguf";
const PIECE: usize = 4099;

fn options(late_tokenizer: bool) -> LoadOptions {
    LoadOptions { late_tokenizer, ..LoadOptions::new(Kernel::SCALAR) }
}

/// Loads `file` with a late tokenizer that is made before piece `made` after the directory, or by the end of the load.
fn load_late(file: &[u8], made: Option<usize>) -> Result<LoadedModel> {
    let mut loader = Loader::new(options(true));
    let mut pieces = 0;
    for bytes in file.chunks(PIECE) {
        if loader.summary().is_some() {
            if made == Some(pieces) {
                assert!(loader.owes_tokenizer());
                loader.make_tokenizer()?;
            }
            pieces += 1;
        }
        assert_eq!(loader.owes_tokenizer(), loader.summary().is_some() && made.is_none_or(|made| made >= pieces));
        loader.push(bytes)?;
    }
    loader.finish()
}

fn load(file: &[u8]) -> Result<LoadedModel> {
    let mut loader = Loader::new(options(false));
    file.chunks(PIECE).try_for_each(|bytes| loader.push(bytes))?;
    loader.finish()
}

#[test]
fn it_is_the_same_whenever_it_is_made() {
    let file = models::read(FILE);
    let text = "The <|eot_id|> quick brown fox, 123 and \u{e9}\u{4e16}";
    let ids = |model: &LoadedModel| model.tokenizer.encode(text, true, false).unwrap();
    let early = ids(&load(&file).unwrap());
    for made in [Some(0), Some(1), Some(3), None] {
        assert_eq!(ids(&load_late(&file, made).unwrap()), early);
    }
}

#[test]
fn a_file_has_one_error_whenever_it_is_made() {
    let change = |change: fn(&mut Draft)| {
        let mut draft = Draft::read(&models::read(FILE));
        change(&mut draft);
        draft.bytes()
    };
    let merge = |draft: &mut Draft| draft.strings("tokenizer.ggml.merges")[3] = "one-without-a-space".into();
    let kind = |draft: &mut Draft| draft.set_text("tokenizer.ggml.model", "unknown");
    let not_a_number = |draft: &mut Draft| {
        let tensor = draft.tensors.last_mut().unwrap();
        let end = tensor.data.len() - 4;
        tensor.data[end..].copy_from_slice(&f32::NAN.to_le_bytes());
    };
    let broken = [change(merge), change(kind), change(not_a_number), change(|_| {})];
    let both = {
        let mut draft = Draft::read(&models::read(FILE));
        merge(&mut draft);
        not_a_number(&mut draft);
        draft.bytes()
    };
    let mut errors = Vec::new();
    for file in broken.iter().chain([&both]) {
        for file in [&file[..], &file[..file.len() - 5000], &file[..1000]] {
            let told = |outcome: Result<LoadedModel>| outcome.err().map(|error| (error.kind(), error.to_string()));
            let early = told(load(file));
            for made in [Some(0), Some(2), None] {
                assert_eq!(told(load_late(file, made)), early);
            }
            errors.push(early.map(|(_, text)| text));
        }
    }
    // What was made wrong is what was found.
    let told = [(0, "merge 3"), (1, "merge 3"), (3, "\"unknown\""), (6, "NaN"), (10, "cut off"), (12, "merge 3")];
    for (index, text) in told {
        assert!(errors[index].as_ref().unwrap().contains(text), "{:?}", errors[index]);
    }
    assert_eq!(errors[9], None);
}
