//! Files that call themselves `llama`: most of them are not ternary, and some compute otherwise.

use bitnet_web::ErrorKind;
use bitnet_web::generate::Engine;
use bitnet_web::gguf::Value;
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Loader, Precision};
use bitnet_web::pool::Pool;

use crate::support::draft::{Draft, DraftTensor};
use crate::support::models;

fn load(draft: &Draft) -> bitnet_web::Result<Engine> {
    let mut loader = Loader::new(LoadOptions { precision: Precision::Exact, ..LoadOptions::new(Kernel::SCALAR) });
    loader.push(&draft.bytes())?;
    Ok(Engine::new(loader.finish()?, Pool::new(1)))
}

#[track_caller]
fn refused(draft: &Draft, culprit: &str, sentence: &str) {
    let error = load(draft).err().unwrap();
    let text = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{text}");
    assert!(text.contains(culprit) && text.contains(sentence), "{text}");
}

fn vector(name: &str, len: usize) -> DraftTensor {
    DraftTensor { name: name.into(), dims: vec![len as u64], type_id: 0, offset: None, data: vec![0; 4 * len] }
}

#[test]
fn an_ordinary_llama_is_refused_as_not_ternary() {
    let good = Draft::read(&models::read("llama-f16.gguf"));
    load(&good).unwrap();
    // Q4_K, also where the embedding is what the file's first tensor refuses by.
    let mut quantized = good.clone();
    for tensor in quantized.tensors.iter_mut().filter(|tensor| tensor.dims.len() == 2) {
        tensor.type_id = 12;
    }
    refused(&quantized, "blk.0.attn_q.weight", "this is no ternary model");
    // One weight of another size: an f16 model that would be rounded to noise.
    for name in ["blk.0.attn_q.weight", "blk.1.ffn_down.weight"] {
        let mut floats = good.clone();
        floats.tensor(name).data[..2].copy_from_slice(&0x3555_u16.to_le_bytes());
        refused(&floats, name, "expected ternary weights");
    }
}

#[test]
fn other_graphs_of_that_name_are_refused_by_name() {
    let good = Draft::read(&models::read("llama-i2_s.gguf"));
    for (name, value) in [
        ("expert_count", 8.0),
        ("attention.sliding_window", 1024.0),
        ("attention.scale", 0.1),
        ("embedding_scale", 12.0),
        ("residual_scale", 0.2),
        ("logit_scale", 0.5),
    ] {
        let mut other = good.clone();
        other.set(&format!("llama.{name}"), Value::Float(value));
        refused(&other, &format!("llama.{name}"), "this build runs no llama models with");
        other.set(&format!("llama.{name}"), Value::Float(0.0));
        load(&other).unwrap();
    }
    for name in ["attn_q.bias", "attn_output.bias", "ffn_up.bias", "attn_norm.bias"] {
        let mut other = good.clone();
        other.tensors.push(vector(&format!("blk.1.{name}"), 128));
        refused(&other, &format!("blk.1.{name}"), "without biases only");
    }
    for name in ["attn_q_norm.weight", "attn_sub_norm.weight", "ffn_sub_norm.weight", "attn_q_norm_in.weight"] {
        let mut other = good.clone();
        other.tensors.push(vector(&format!("blk.1.{name}"), 128));
        refused(&other, &format!("blk.1.{name}"), "does not know");
    }
    let mut old = good;
    old.tensors.push(vector("blk.0.attn_rot_embd.weight", 48));
    load(&old).unwrap();
}

fn bits(draft: &Draft) -> Vec<u32> {
    let tokens = [5, 17, 301, 44, 9, 120, 33];
    load(draft).unwrap().logits(&tokens, &[6]).unwrap().iter().map(|logit| logit.to_bits()).collect()
}

#[test]
fn both_keys_of_a_linear_factor_mean_the_same_and_none_means_nothing() {
    let mut scaled = Draft::read(&models::read("llama-linear-i2_s.gguf"));
    let want = bits(&scaled);
    scaled.remove("llama.rope.scaling.type");
    assert!(bits(&scaled) == want, "a missing type is linear");
    scaled.remove("llama.rope.scaling.factor");
    let unscaled = bits(&scaled);
    assert!(unscaled != want);
    scaled.set("llama.rope.scale_linear", Value::Float(4.0));
    assert!(bits(&scaled) == want);
    scaled.set_text("llama.rope.scaling.type", "none");
    assert!(bits(&scaled) == unscaled);
}
