//! Folders in the manner of Hugging Face: they are the models that the GGUF fixtures are, bit for bit.

use bitnet_web::generate::Engine;
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Precision};
use bitnet_web::pool::Pool;
use bitnet_web::tokenizer::Tokenizer;
use test_harness::files;

use crate::support::checkpoints::{Checkpoint, FOLDER};
use crate::support::draft::Draft;
use crate::support::{engine, models};

/// The folders, and a GGUF file of the same weights.
const SAME: [(&str, &str); 12] = [
    ("gemma3-model", "gemma3-embedding-i2_s.gguf"),
    ("tiny-multiply", "tiny-i2_s.gguf"),
    ("tiny-divide", "tiny-i2_s.gguf"),
    ("tiny-master", "tiny-master.gguf"),
    ("tiny-silu", "tiny-silu-i2_s.gguf"),
    ("llama-divide", "llama-i2_s.gguf"),
    ("llama-llama3", "llama-llama3-tq2_0.gguf"),
    ("llama-yarn", "llama-yarn-i2_s.gguf"),
    ("qwen3-divide", "qwen3-i2_s.gguf"),
    ("qwen3-model", "qwen3-embedding-i2_s.gguf"),
    ("qwen3-norms", "qwen3-embedding-i2_s.gguf"),
    ("qwen3-own-norms", "qwen3-embedding-i2_s.gguf"),
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

/// Every text of the corpus, with control tokens recognised and not. The unknown token's name is text to a GGUF file.
fn assert_same_ids(ours: &Tokenizer, theirs: &Tokenizer, name: &str) {
    for case in crate::tokenizer::texts().into_iter().filter(|case| !case.text.contains("<unk>")) {
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
        }
        // Those for embeddings are published without one.
        let has_template = folder != "tiny-silu" && ours.summary.config.pooling.is_none();
        if has_template || folder == "qwen3-norms" {
            assert_eq!(ours.template.as_ref(), Some(theirs.chat_template().unwrap()), "{folder}");
        }
        assert_eq!(ours.tokenizer.closing().is_some(), ours.summary.config.pooling.is_some(), "{folder}");
        assert_eq!(ours.tokenizer.bos(), tokenizer.bos());
        assert_eq!(ours.tokenizer.eos(), tokenizer.eos());
        assert_eq!(ours.tokenizer.add_bos(), tokenizer.add_bos());
        assert_eq!(ours.tokenizer.stop_tokens(), tokenizer.stop_tokens());
        if ours.summary.config.pooling.is_some() {
            assert_eq!(ours.tokenizer.closing(), tokenizer.closing(), "{folder}");
        }
        assert_eq!(ours.summary.config.name, folder);
        assert_eq!(ours.summary.parameters, theirs.summary().parameters);
    }
}

/// A class without a head, by whatever its norms are called, gives the vectors of the GGUF file, from texts too.
#[test]
fn a_folder_without_a_head_gives_the_vectors_of_the_gguf_file() {
    for (folder, file) in SAME.into_iter().filter(|(folder, _)| folder.contains("-model") || folder.contains("-own-")) {
        for precision in [Precision::Exact, Precision::Fast] {
            let said: Vec<String> = ["hello there", "a", "the model\nand  the text"].map(str::to_owned).into();
            let bits = |mut engine: Engine| -> Vec<u32> {
                engine.embed(&said).unwrap().iter().map(|value| value.to_bits()).collect()
            };
            let want = bits(engine(&models::read(file), options(precision), 2, 1 << 16));
            let loaded = Checkpoint::read(folder).load(options(precision), 1 << 16);
            assert!(bits(Engine::new(loaded, Pool::new(2))) == want, "{folder}, {precision:?}");
        }
    }
}

/// What bitnet.cpp's converter writes as BF16 or F16 are master weights where layers have norms of their own.
#[test]
fn floats_of_a_gguf_file_whose_layers_have_norms_are_master_weights() {
    let folder = Checkpoint::read("qwen3-own-norms");
    let (header, data) = folder.header();
    let file = models::read("qwen3-embedding-i2_s.gguf");
    let mut draft = Draft::read(&file);
    let mut replaced = 0;
    for tensor in draft.tensors.iter_mut().filter(|tensor| tensor.type_id == 36) {
        let master = header.tensors.iter().find(|master| master.name == tensor.name).unwrap();
        assert_eq!((&master.dims, master.type_id), (&tensor.dims, 30));
        let bytes = 2 * tensor.dims.iter().product::<u64>() as usize;
        (tensor.type_id, tensor.data) = (30, data[0][master.offset as usize..][..bytes].to_vec());
        replaced += 1;
    }
    assert_eq!(replaced, 7);
    for precision in [Precision::Exact, Precision::Fast] {
        let hash = |file: &[u8]| engine(file, options(precision), 1, 1 << 16).logits_hash().unwrap();
        assert_eq!(hash(&draft.bytes()), hash(&file), "{precision:?}");
    }
}
