//! What an adapter's files may say, and what is refused by name.

use std::collections::HashMap;

use ::safetensors::tensor::{Dtype, TensorView, serialize};
use serde_json::{Value as Json, json};

use super::*;
use crate::gguf::{Value, Writer};

const Q: &str = "base_model.model.model.layers.3.self_attn.q_proj";

fn weights(tensors: &[(String, Vec<usize>)]) -> Vec<u8> {
    let numbers: Vec<u8> = (0..64).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let view = |shape: &Vec<usize>| {
        TensorView::new(Dtype::F32, shape.clone(), &numbers[..4 * shape.iter().product::<usize>()]).unwrap()
    };
    let views: HashMap<&str, TensorView<'_>> =
        tensors.iter().map(|(name, shape)| (name.as_str(), view(shape))).collect();
    serialize(views, None).unwrap()
}

/// A of 2 x 4 and B of 6 x 2 beside a layer.
fn pair(module: &str) -> Vec<u8> {
    weights(&[(format!("{module}.lora_A.weight"), vec![2, 4]), (format!("{module}.lora_B.weight"), vec![6, 2])])
}

fn config(change: impl FnOnce(&mut Json)) -> String {
    let mut config = json!({"peft_type": "LORA", "r": 2, "lora_alpha": 8, "target_modules": ["q_proj"], "bias": "none", "loftq_config": {}});
    change(&mut config);
    config.to_string()
}

#[test]
fn a_folder_of_peft_is_read() {
    let file = AdapterFile::from_peft(&config(|_| {}), &pair(Q)).unwrap();
    let layer = &file.layers["blk.3.attn_q"];
    assert_eq!((layer.rank, layer.scale, layer.a.len(), layer.b.len()), (2, 4.0, 8, 12));
    assert_eq!((layer.a[1], layer.b[11]), (1.0, 11.0));
    let scale =
        |change: fn(&mut Json)| AdapterFile::from_peft(&config(change), &pair(Q)).unwrap().layers["blk.3.attn_q"].scale;
    assert_eq!(scale(|c| c["use_rslora"] = json!(true)), 8.0 / 2f32.sqrt());
    assert_eq!(scale(|c| c["alpha_pattern"] = json!({"q_proj": 2})), 1.0);
    assert_eq!(scale(|c| c["alpha_pattern"] = json!({"layers\\.[0-3]\\..*": 6})), 3.0);
    // The end of a name is meant, from a dot on.
    assert_eq!(scale(|c| c["alpha_pattern"] = json!({"_proj": 2, "self_attn": 3})), 4.0);
    assert_eq!(scale(|c| (c["r"], c["rank_pattern"]) = (json!(9), json!({"q_proj": 2}))), 4.0);
    let named = weights(&[
        (format!("{Q}.lora_A.default.weight"), vec![2, 4]),
        (format!("{Q}.lora_B.default.weight"), vec![6, 2]),
    ]);
    assert!(AdapterFile::from_peft(&config(|_| {}), &named).is_ok());
    // Of a model without a head.
    let bare = "base_model.model.layers.3.self_attn.q_proj";
    let file = AdapterFile::from_peft(&config(|_| {}), &pair(bare)).unwrap();
    assert!(file.layers.contains_key("blk.3.attn_q"));
    let [a, b] = [(".lora_A.weight", vec![2, 4]), (".lora_B.weight", vec![6, 2])];
    let both = [bare, Q].map(|module| [&a, &b].map(|(end, shape)| (format!("{module}{end}"), shape.clone())));
    let error = AdapterFile::from_peft(&config(|_| {}), &weights(both.as_flattened())).unwrap_err();
    assert!(error.to_string().contains("stands in the weights twice"), "{error}");
}

#[test]
fn other_kinds_of_peft_are_refused_by_name() {
    type Change = fn(&mut Json);
    let cases: [(&str, Change); 14] = [
        ("IA3", |c| c["peft_type"] = json!("IA3")),
        ("use_dora", |c| c["use_dora"] = json!(true)),
        ("lora_bias", |c| c["lora_bias"] = json!(true)),
        ("bias", |c| c["bias"] = json!("all")),
        ("fan_in_fan_out", |c| c["fan_in_fan_out"] = json!(true)),
        ("modules_to_save", |c| c["modules_to_save"] = json!(["lm_head"])),
        ("layer_replication", |c| c["layer_replication"] = json!([[0, 1]])),
        ("pissa", |c| c["init_lora_weights"] = json!("pissa_niter_4")),
        ("alora_invocation_tokens", |c| c["alora_invocation_tokens"] = json!([1, 2])),
        ("use_of_tomorrow", |c| c["use_of_tomorrow"] = json!(true)),
        ("tomorrow_config", |c| c["tomorrow_config"] = json!({"a": 1})),
        ("lora_alpha", |c| c["lora_alpha"] = json!(null)),
        ("rank of 3", |c| c["r"] = json!(3)),
        ("pattern", |c| c["rank_pattern"] = json!({"(": 2})),
    ];
    for (word, change) in cases {
        let error = AdapterFile::from_peft(&config(change), &pair(Q)).unwrap_err();
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
    let fine: [Change; 3] = [
        |c| c["init_lora_weights"] = json!("gaussian"),
        |c| c["use_dora"] = json!(false),
        |c| c["eva_config"] = json!({"rho": 2.0}),
    ];
    for change in fine {
        AdapterFile::from_peft(&config(change), &pair(Q)).unwrap();
    }
    for (tensors, word) in [
        (pair("base_model.model.lm_head"), "lm_head"),
        (pair("base_model.model.model.layers.0.mlp.experts.w1"), "experts"),
        (weights(&[(format!("{Q}.lora_A.weight"), vec![2, 4])]), "both"),
        (weights(&[(format!("{Q}.lora_magnitude_vector.weight"), vec![6])]), "lora_magnitude_vector"),
        (
            weights(&[("base_model.model.model.embed_tokens.lora_embedding_A".to_owned(), vec![2, 4])]),
            "lora_embedding_A",
        ),
        (weights(&[]), "no tensors"),
        (pair(Q)[..100].to_vec(), "cut off"),
    ] {
        let error = AdapterFile::from_peft(&config(|_| {}), &tensors).unwrap_err();
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
}

/// A GGUF adapter of one layer: A of 2 x 4 and B of 6 x 2.
fn gguf(keys: &[(&str, Value)], tensors: &[(&str, [u64; 2])]) -> Vec<u8> {
    let mut writer = Writer::new();
    for (key, value) in keys {
        writer.key(key, value.clone());
    }
    for (name, dims) in tensors {
        writer.tensor(name, dims, 0, 4 * dims[0] * dims[1]);
    }
    let mut bytes = Vec::new();
    writer.write_header(&mut bytes).unwrap();
    for (_, dims) in tensors {
        let count = (dims[0] * dims[1]) as usize;
        let numbers = (0..count.next_multiple_of(8)).flat_map(|i| (i as f32).to_le_bytes());
        bytes.extend(numbers);
    }
    bytes
}

#[test]
fn a_gguf_file_is_read() {
    let text = |text: &str| Value::String(text.to_owned());
    let keys = [
        ("general.architecture", text("llama")),
        ("general.type", text("adapter")),
        ("adapter.type", text("lora")),
        ("adapter.lora.alpha", Value::Float(8.0)),
    ];
    let tensors = [("blk.3.attn_q.weight.lora_a", [4, 2]), ("blk.3.attn_q.weight.lora_b", [2, 6])];
    let file = AdapterFile::from_gguf(&gguf(&keys, &tensors)).unwrap();
    let layer = &file.layers["blk.3.attn_q"];
    assert_eq!((layer.rank, layer.scale, layer.a[7], layer.b[11]), (2, 4.0, 7.0, 11.0));
    assert_eq!(file.architecture.as_deref(), Some("llama"));
    // As llama.cpp, the product as it is where there is no alpha.
    assert_eq!(AdapterFile::from_gguf(&gguf(&keys[..3], &tensors)).unwrap().layers["blk.3.attn_q"].scale, 1.0);

    let whole = gguf(&keys, &tensors);
    let other = |key: &str, value: Value| {
        let mut keys = keys.to_vec();
        keys.retain(|(known, _)| *known != key);
        [keys, vec![(Box::leak(key.to_owned().into_boxed_str()) as &str, value)]].concat()
    };
    for (bytes, word) in [
        (gguf(&other("general.type", text("model")), &tensors), "general.type"),
        (gguf(&other("adapter.type", text("control")), &tensors), "adapter.type"),
        (gguf(&other("adapter.alora.invocation_tokens", 1u64.into()), &tensors), "alora"),
        (gguf(&keys, &tensors[..1]), "both"),
        (gguf(&keys, &[]), "no tensors"),
        (gguf(&keys, &[("blk.3.attn_q.bias", [4, 2])]), "attn_q.bias"),
        (gguf(&keys, &[tensors[0], ("blk.3.attn_q.weight.lora_b", [3, 6])]), "3 columns"),
        (whole[..whole.len() - 32].to_vec(), "cut off"),
        (whole[..40].to_vec(), "cut off"),
    ] {
        let error = AdapterFile::from_gguf(&bytes).unwrap_err();
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
}
