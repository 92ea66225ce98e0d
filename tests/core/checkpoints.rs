//! Folders in the manner of Hugging Face: they are the models that the GGUF fixtures are, bit for bit.

use bitnet_web::generate::Engine;
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Precision};
use bitnet_web::pool::Pool;
use bitnet_web::tokenizer::Tokenizer;
use test_harness::files;

use crate::support::checkpoints::{Checkpoint, FOLDER};
use crate::support::{engine, models};

/// The folders, and a GGUF file of the same weights.
const SAME: [(&str, &str); 9] = [
    ("tiny-multiply", "tiny-i2_s.gguf"),
    ("tiny-divide", "tiny-i2_s.gguf"),
    ("tiny-master", "tiny-master.gguf"),
    ("tiny-silu", "tiny-silu-i2_s.gguf"),
    ("llama-divide", "llama-i2_s.gguf"),
    ("llama-llama3", "llama-llama3-tq2_0.gguf"),
    ("llama-yarn", "llama-yarn-i2_s.gguf"),
    ("qwen3-divide", "qwen3-i2_s.gguf"),
    ("qwen3-norms", "qwen3-embedding-i2_s.gguf"),
];

fn options(precision: Precision) -> LoadOptions {
    LoadOptions { precision, ..LoadOptions::new(Kernel::SCALAR) }
}

#[test]
fn every_folder_is_compared() {
    let mut compared = SAME.map(|(folder, _)| folder);
    compared.sort();
    assert_eq!(files::list(FOLDER), compared);
}

#[test]
fn a_folder_has_the_logits_of_the_gguf_file_of_its_weights() {
    for (folder, file) in SAME {
        for precision in [Precision::Exact, Precision::Fast] {
            let want = engine(&models::read(file), options(precision), 2, 1 << 16).logits_hash().unwrap();
            for piece in [1 << 16, 1000, 77] {
                let loaded = Checkpoint::read(folder).load(options(precision), piece);
                let got = Engine::new(loaded, Pool::new(2)).logits_hash().unwrap();
                assert_eq!(got, want, "{folder}, {precision:?}, pieces of {piece} bytes");
            }
        }
    }
}

/// Every text of the corpus, with control tokens recognised and not.
fn assert_same_ids(ours: &Tokenizer, theirs: &Tokenizer, name: &str) {
    for case in crate::tokenizer::texts() {
        for special in [true, false] {
            let (got, want) = (ours.encode(&case.text, special, false), theirs.encode(&case.text, special, false));
            assert_eq!(got.unwrap(), want.unwrap(), "{name}, {}", case.name);
        }
    }
}

#[test]
fn a_folder_has_the_tokenizer_and_the_template_of_the_gguf_file() {
    for (folder, file) in SAME {
        let ours = Checkpoint::read(folder).load(options(Precision::Fast), 1 << 16);
        let theirs = engine(&models::read(file), options(Precision::Fast), 1, 1 << 16);
        let tokenizer = theirs.tokenizer();
        if folder != "tiny-silu" {
            assert_same_ids(&ours.tokenizer, tokenizer, folder);
            assert_eq!(ours.template.as_ref(), Some(theirs.chat_template().unwrap()), "{folder}");
        }
        assert_eq!(ours.tokenizer.bos(), tokenizer.bos());
        assert_eq!(ours.tokenizer.eos(), tokenizer.eos());
        assert_eq!(ours.tokenizer.add_bos(), tokenizer.add_bos());
        assert_eq!(ours.tokenizer.stop_tokens(), tokenizer.stop_tokens());
        assert_eq!(ours.summary.config.name, folder);
        assert_eq!(ours.summary.parameters, theirs.summary().parameters);
    }
}
