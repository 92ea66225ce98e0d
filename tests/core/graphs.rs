//! Files of architectures that have many models: most of those are not ternary, and some compute otherwise.

use bitnet_web::ErrorKind;
use bitnet_web::generate::Engine;
use bitnet_web::gguf::{Array, Value};
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

/// llama.cpp's names of what people may take for a model that runs here: hybrids, mixtures of experts, models of images and sound,
/// encoders, other decoders, and spellings of those that do run.
const OTHER_ARCHITECTURES: [&str; 44] = [
    "falcon-h1",
    "falcon",
    "qwen2",
    "qwen2moe",
    "qwen2vl",
    "qwen3moe",
    "qwen3next",
    "qwen3vl",
    "qwen35",
    "qwen35moe",
    "gemma",
    "gemma2",
    "gemma3n",
    "gemma4",
    "gemma-embedding",
    "mllama",
    "llama4",
    "llama-embed",
    "clip",
    "lfm2",
    "lfm2moe",
    "granite",
    "granitehybrid",
    "granitemoe",
    "jamba",
    "mamba",
    "mamba2",
    "rwkv7",
    "nemotron_h",
    "plamo2",
    "kimi-linear",
    "deepseek2",
    "gpt-oss",
    "bert",
    "nomic-bert",
    "t5",
    "phi3",
    "smollm3",
    "bitnet-b1.58-2b",
    "bitnet_b1_58",
    "BitNet",
    "bitnet2",
    "Llama",
    "",
];

#[test]
fn every_other_architecture_is_refused_by_name_with_what_is_supported() {
    for file in ["tiny-i2_s.gguf", "qwen3-groups64-q2_0.gguf"] {
        let good = Draft::read(&models::read(file));
        for name in OTHER_ARCHITECTURES {
            let mut other = good.clone();
            other.set_text("general.architecture", name);
            let culprit = format!("general.architecture is {name:?}");
            refused(&other, &culprit, "bitnet-b1.58, bitnet-25, bitnet, llama, qwen3 and gemma3");
            refused(&other, &culprit, "no mixtures of experts");
        }
    }
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
fn other_graphs_of_a_name_are_refused_by_name() {
    let cases: [(&str, &str, &[&str]); 3] = [
        (
            "llama",
            "llama-i2_s.gguf",
            &[
                "expert_count",
                "attention.sliding_window",
                "attention.scale",
                "embedding_scale",
                "residual_scale",
                "logit_scale",
            ],
        ),
        ("qwen3", "qwen3-i2_s.gguf", &["expert_count", "attention.sliding_window", "attention.scale"]),
        (
            "gemma3",
            "gemma3-embedding-i2_s.gguf",
            &["expert_count", "attention.scale", "attn_logit_softcapping", "final_logit_softcapping"],
        ),
    ];
    for (architecture, file, keys) in cases {
        let good = Draft::read(&models::read(file));
        for name in keys {
            let (key, mut other) = (format!("{architecture}.{name}"), good.clone());
            other.set(&key, Value::Float(0.7));
            refused(&other, &key, &format!("this build runs no {architecture} models with"));
            other.set(&key, Value::Float(0.0));
            load(&other).unwrap();
        }
        for name in ["attn_q.bias", "attn_output.bias", "ffn_up.bias", "attn_norm.bias"] {
            let mut other = good.clone();
            other.tensors.push(vector(&format!("blk.0.{name}"), 128));
            refused(&other, &format!("blk.0.{name}"), "without biases only");
        }
        for name in ["attn_sub_norm.weight", "ffn_sub_norm.weight", "attn_sinks.weight", "ffn_gate_inp.weight"] {
            let mut other = good.clone();
            other.tensors.push(vector(&format!("blk.0.{name}"), 128));
            refused(&other, &format!("blk.0.{name}"), "does not know");
        }
    }
    let mut old = Draft::read(&models::read("llama-i2_s.gguf"));
    for name in ["attn_q_norm.weight", "attn_q_norm_in.weight"] {
        let mut other = old.clone();
        other.tensors.push(vector(&format!("blk.1.{name}"), 128));
        refused(&other, &format!("blk.1.{name}"), "does not know");
    }
    old.tensors.push(vector("blk.0.attn_rot_embd.weight", 48));
    load(&old).unwrap();
    let mut ranking = Draft::read(&models::read("qwen3-i2_s.gguf"));
    ranking.tensors.push(vector("cls.output.weight", 128));
    refused(&ranking, "cls.output.weight", "that rank texts");
}

/// A part of a model says so, the last one too, which has not even an architecture. Joined parts have all tensors.
#[test]
fn a_single_part_of_several_is_refused_as_one() {
    let mut whole = Draft::read(&models::read("llama-i2_s.gguf"));
    let all = whole.tensors.len() as u64;
    whole.set_number("split.count", 2);
    whole.set_number("split.no", 0);
    whole.set("split.tensors.count", Value::Signed(all as i64));
    load(&whole).unwrap();
    let mut first = whole.clone();
    first.tensors.truncate(4);
    let mut last = whole.clone();
    last.keys.retain(|(key, _)| key.starts_with("split."));
    last.set_number("split.no", 1);
    last.tensors.drain(..4);
    for (part, number) in [(first, "part 1 of 2"), (last, "part 2 of 2")] {
        let error = load(&part).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidModel);
        assert!(error.to_string().contains(number) && error.to_string().contains("all parts"), "{error}");
    }
}

/// Computations of every family, by keys and tensors that llama.cpp reads whatever the family.
#[test]
fn encoders_and_layers_that_differ_are_refused_by_name() {
    for (architecture, file) in [
        ("bitnet-b1.58", "tiny-i2_s.gguf"),
        ("llama", "llama-i2_s.gguf"),
        ("qwen3", "qwen3-i2_s.gguf"),
        ("gemma3", "gemma3-embedding-i2_s.gguf"),
    ] {
        let good = Draft::read(&models::read(file));
        let want = bits(&good);
        let key = |name: &str| format!("{architecture}.{name}");
        let mut causal = good.clone();
        causal.set(&key("attention.causal"), Value::Bool(true));
        assert!(bits(&causal) == want);
        causal.set(&key("attention.causal"), Value::Bool(false));
        refused(&causal, &key("attention.causal"), "attend to later tokens");
        for name in ["attention.head_count", "attention.head_count_kv", "feed_forward_length"] {
            let mut layers = good.clone();
            let &mut Value::Unsigned(number) = layers.value(&key(name)) else { panic!("{name}") };
            for alike in [Array::Unsigned(vec![number; 3]), Array::Signed(vec![number as i64; 3])] {
                layers.set(&key(name), Value::Array(alike));
                assert!(bits(&layers) == want, "{file}, {name}");
            }
            layers.set(&key(name), Value::Array(Array::Unsigned(vec![number, 2 * number])));
            refused(&layers, &key(name), "whose layers differ in it");
            for wrong in [Array::Unsigned(Vec::new()), Array::Float(vec![1.0]), Array::Signed(vec![-1, -1])] {
                layers.set(&key(name), Value::Array(wrong));
                assert_eq!(load(&layers).err().unwrap().kind(), ErrorKind::InvalidModel, "{file}, {name}");
            }
        }
        for name in [
            "token_embd_norm.weight",
            "position_embd.weight",
            "token_types.weight",
            "output.scale",
            "output_b.weight",
            "cls.weight.2",
            "dense_2.weight",
            "v.blk.0.attn_q.weight",
            "lm_head.weight",
            "blk.0.ffn_gate_inp.weight",
            "blk.99.attn_norm.weight",
        ] {
            let mut other = good.clone();
            other.tensors.push(vector(name, 128));
            refused(&other, name, "does not know");
        }
        // Also of a head that is the embedding, and of layers beyond the last one.
        for name in ["output.bias", "output_norm.bias", "token_embd.bias", "blk.0.attn_q.bias", "blk.99.attn_q.bias"] {
            let mut other = good.clone();
            other.tensors.push(vector(name, 128));
            refused(&other, name, "without biases only");
        }
    }
}

/// Every position is in the window of the shortest sequence, none of the layers has one, or all have.
#[test]
fn windows_of_gemma3_are_read_as_llama_cpp_reads_them() {
    let good = Draft::read(&models::read("gemma3-embedding-i2_s.gguf"));
    let with = |change: &dyn Fn(&mut Draft)| {
        let mut draft = good.clone();
        change(&mut draft);
        bits(&draft)
    };
    let (pattern, size) = ("gemma3.attention.sliding_window_pattern", "gemma3.attention.sliding_window");
    let theta = "gemma3.rope.freq_base_swa";
    let want = bits(&good);
    assert!(with(&|d| d.set_number(pattern, 6)) == want && with(&|d| d.set(theta, Value::Float(10000.0))) == want);
    let none = with(&|d| d.remove(size));
    assert!(none != want && with(&|d| d.set_number(size, 0)) == none && with(&|d| d.set_number(pattern, 1)) == none);
    // A window of seven positions and more holds all, and then the rotary frequencies are the only difference.
    let wide = with(&|d| d.set_number(size, 7));
    assert!(wide != want && wide != none && with(&|d| d.set_number(size, 4000)) == wide);
    let base = |d: &mut Draft| d.set(theta, Value::Float(1e6));
    assert!(
        with(&|d| {
            d.set_number(size, 7);
            base(d)
        }) == none
    );
    // No layer attends to all: that is another model, unless the last layer's window holds all positions.
    assert!(
        with(&|d| {
            d.set_number(size, 7);
            d.set_number(pattern, 0);
            base(d)
        }) == none
    );
    assert!(with(&|d| d.set_number(pattern, 0)) != want);
    let mut wrong = good.clone();
    wrong.set(theta, Value::Float(-1.0));
    assert_eq!(load(&wrong).err().unwrap().kind(), ErrorKind::InvalidModel);
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
