//! Headers of safetensors files against the crate of the format, and configurations that must be refused.

use std::collections::HashMap;

use ::safetensors::tensor::{Dtype, TensorView, serialize};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

fn file(tensors: &[(&str, Dtype, Vec<usize>)]) -> Vec<u8> {
    let zeros = vec![0; 1 << 12];
    let views: HashMap<&str, TensorView<'_>> = tensors
        .iter()
        .map(|(name, dtype, shape)| {
            let bytes = shape.iter().product::<usize>() * dtype.bitsize() / 8;
            (*name, TensorView::new(*dtype, shape.clone(), &zeros[..bytes]).unwrap())
        })
        .collect();
    serialize(views, None).unwrap()
}

/// A configuration of a small model, with changes.
fn config(change: impl FnOnce(&mut Json)) -> String {
    let mut config = json!({
        "architectures": ["BitNetForCausalLM"], "model_type": "bitnet", "hidden_size": 128, "intermediate_size": 256,
        "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "hidden_act": "relu2",
        "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "tie_word_embeddings": true,
        "quantization_config": {"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "offline"},
    });
    change(&mut config);
    config.to_string()
}

fn header_of(config: &str, files: &[Vec<u8>]) -> Result<(Header, Vec<Span>)> {
    let files = files.iter().map(|file| Safetensors::parse(file, Some(file.len() as u64))).collect::<Result<_>>()?;
    header(Texts { config: config.to_owned(), tokenizer: "{}".to_owned(), ..Texts::default() }, files)
}

#[test]
fn a_header_is_read_as_the_formats_own_crate_reads_it() {
    let bytes = file(&[("b", Dtype::BF16, vec![3, 2]), ("a", Dtype::U8, vec![5]), ("scalar", Dtype::F32, vec![])]);
    let needed = header_bytes(&bytes[..3]).unwrap();
    assert_eq!(needed, 8);
    let needed = header_bytes(&bytes[..8]).unwrap() as usize;
    let ours = Safetensors::parse(&bytes[..needed], Some(bytes.len() as u64)).unwrap();
    let (length, theirs) = ::safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(ours.data_offset, 8 + length as u64);
    assert_eq!(ours.entries.len(), theirs.tensors().len());
    for entry in &ours.entries {
        let info = theirs.info(&entry.name).unwrap();
        assert_eq!(info.data_offsets, (entry.begin as usize, entry.end as usize));
        assert_eq!(info.shape, entry.shape.iter().map(|&dim| dim as usize).collect::<Vec<_>>());
        assert_eq!(info.dtype.to_string(), entry.dtype);
    }
    let code = |prefix: &[u8], length| Safetensors::parse(prefix, length).unwrap_err().code();
    assert_eq!(code(&bytes, Some(bytes.len() as u64 - 1)), "truncated");
    assert_eq!(code(&bytes[..needed - 1], None), "truncated");
    assert_eq!(code(&bytes, Some(bytes.len() as u64 + 1)), "invalid_model");
}

#[test]
fn a_file_beyond_four_gigabytes_is_read() {
    let text = r#"{"a":{"dtype":"BF16","shape":[3000000000],"data_offsets":[0,6000000000]}}"#;
    let prefix = [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    assert_eq!(Safetensors::parse(&prefix, None).unwrap().data_bytes, 6_000_000_000);
}

#[test]
fn a_damaged_header_is_refused() {
    for text in [
        "[]",
        r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[18446744073709551615,16],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#,
    ] {
        let prefix = [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
        assert_eq!(Safetensors::parse(&prefix, None).unwrap_err().code(), "invalid_model", "{text}");
    }
    assert_eq!(header_bytes(&u64::MAX.to_le_bytes()).unwrap_err().code(), "invalid_model");
    assert_eq!(header_bytes(b"GGUF\x03\0\0\0").unwrap_err().code(), "invalid_model");
}

proptest! {
    #[test]
    fn no_header_makes_the_reader_panic(text in r#"\{("[a-c]":\{"dtype":"(F32|U8|X)","shape":\[[0-9]{0,20}\],"data_offsets":\[[0-9]{1,20},[0-9]{1,20}\]\},?){0,3}\}"#) {
        let prefix = [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
        let _ = Safetensors::parse(&prefix, None);
    }
}

#[test]
fn names_and_shapes_become_those_of_gguf() {
    let files = [
        file(&[
            ("model.layers.1.self_attn.q_proj.weight", Dtype::U8, vec![32, 128]),
            ("model.layers.1.self_attn.q_proj.weight_scale", Dtype::BF16, vec![]),
        ]),
        file(&[
            ("lm_head.weight", Dtype::BF16, vec![2, 4]),
            ("model.embed_tokens.weight", Dtype::BF16, vec![2, 4]),
            ("model.layers.0.self_attn.rotary_emb.inv_freq", Dtype::F32, vec![2]),
        ]),
    ];
    let (header, spans) = header_of(&config(|_| {}), &files).unwrap();
    let tensors: Vec<_> = header.tensors.iter().map(|t| (t.name.as_str(), t.dims.as_slice(), t.offset)).collect();
    // Types with larger elements come first in a file; the head is the embedding.
    let first = 32 * 128 + 2;
    assert_eq!(
        tensors,
        [
            ("blk.1.attn_q.scale", &[1][..], 0),
            ("blk.1.attn_q.weight", &[128, 128], 2),
            ("token_embd.weight", &[4, 2], first + 8 + 16),
        ]
    );
    assert!(!header.tensors[0].conversion.is_reciprocal);
    assert_eq!(spans.len(), 2);

    let divide = config(|config| config["quantization_config"] = json!({"quant_method": "bitnet"}));
    let (header, _) = header_of(&divide, &files).unwrap();
    assert!(header.tensors[0].conversion.is_reciprocal && header.tensors[1].conversion.heads.is_none());

    let llama = config(|config| {
        config["architectures"] = json!(["LlamaForCausalLM"]);
        config["hidden_act"] = json!("silu");
    });
    let (header, _) = header_of(&llama, &files).unwrap();
    assert_eq!(header.tensors[1].conversion.heads, Some(2));
}

#[test]
fn keys_are_those_of_gguf() {
    let text = config(|config| {
        config["head_dim"] = json!(64);
        config["rope_parameters"] = json!({"rope_type": "yarn", "rope_theta": 1e6, "factor": 4.0, "beta_fast": 16});
    });
    let (header, _) = header_of(&text, &[]).unwrap();
    let keys = &header.metadata;
    assert_eq!(keys.string("general.architecture").unwrap(), Some("bitnet-b1.58"));
    for (key, value) in [
        ("embedding_length", 128.0),
        ("attention.head_count_kv", 1.0),
        ("attention.key_length", 64.0),
        ("rope.dimension_count", 64.0),
        ("rope.freq_base", 1e6),
        ("rope.scaling.factor", 4.0),
        ("rope.scaling.original_context_length", 512.0),
        ("rope.scaling.yarn_beta_fast", 16.0),
    ] {
        assert_eq!(keys.f32(&format!("bitnet-b1.58.{key}")).unwrap(), Some(value), "{key}");
    }
}

#[test]
fn what_is_not_computed_is_refused_by_name() {
    type Change = fn(&mut Json);
    let cases: [(&str, Change); 20] = [
        ("MLX", |c| c["quantization"] = json!({"group_size": 128, "bits": 2})),
        ("MixtralForCausalLM", |c| c["architectures"] = json!(["MixtralForCausalLM"])),
        ("gpt2", |c| (c["architectures"], c["model_type"]) = (json!(null), json!("gpt2"))),
        ("gptq", |c| c["quantization_config"]["quant_method"] = json!("gptq")),
        ("triton", |c| c["quantization_config"]["linear_class"] = json!("triton")),
        ("sideways", |c| c["quantization_config"]["quantization_mode"] = json!("sideways")),
        ("use_rms_norm", |c| c["quantization_config"]["use_rms_norm"] = json!(true)),
        ("rms_norm_eps", |c| {
            (c["architectures"], c["hidden_act"]) = (json!(["Qwen3ForCausalLM"]), json!("silu"));
            c["quantization_config"]["use_rms_norm"] = json!(true);
            c["quantization_config"]["rms_norm_eps"] = json!(1e-3);
        }),
        ("layer_types", |c| c["layer_types"] = json!(["full_attention", "sliding_attention"])),
        ("Qwen3MoeForCausalLM", |c| c["architectures"] = json!(["Qwen3MoeForCausalLM"])),
        ("down_proj", |c| c["quantization_config"]["modules_to_not_convert"] = json!(["lm_head", "down_proj"])),
        ("dynamic", |c| c["rope_scaling"] = json!({"type": "dynamic", "factor": 2.0})),
        ("longrope", |c| c["rope_parameters"] = json!({"rope_type": "longrope"})),
        ("attention_factor", |c| {
            c["rope_scaling"] = json!({"rope_type": "yarn", "factor": 2.0, "attention_factor": 1.5})
        }),
        ("attention_bias", |c| c["attention_bias"] = json!(true)),
        ("sliding_window", |c| c["sliding_window"] = json!(128)),
        ("gelu", |c| c["hidden_act"] = json!("gelu")),
        ("hidden_size", |c| c["hidden_size"] = json!(null)),
        ("num_hidden_layers", |c| c["num_hidden_layers"] = json!("2")),
        ("lm_head.weight", |c| c["tie_word_embeddings"] = json!(false)),
    ];
    for (word, change) in cases {
        let error = header_of(&config(change), &[]).unwrap_err();
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
    for (name, dtype, shape, word) in [
        ("model.layers.0.self_attn.q_proj.bias", Dtype::BF16, vec![4], "biases"),
        ("model.layers.0.mlp.experts.0.w1.weight", Dtype::BF16, vec![4, 4], "experts"),
        ("model.layers.0.self_attn.q_proj.weight", Dtype::I8, vec![4, 4], "I8"),
        ("model.layers.0.self_attn.q_proj.rms_norm.weight", Dtype::F32, vec![4], "rms_norm"),
    ] {
        let error = header_of(&config(|_| {}), &[file(&[(name, dtype, shape)])]).unwrap_err();
        assert_eq!(error.code(), "unsupported");
        assert!(error.to_string().contains(word), "{error}");
    }
    for text in ["", "[]", "{", "null"] {
        assert_eq!(header_of(text, &[]).unwrap_err().code(), "invalid_model", "{text}");
    }
}

#[test]
fn an_index_names_its_files_once() {
    let index = r#"{"metadata": {"total_size": 1}, "weight_map": {"b": "model-2.safetensors", "a": "model-1.safetensors", "c": "model-1.safetensors"}}"#;
    assert_eq!(shards(index).unwrap(), ["model-1.safetensors", "model-2.safetensors"]);
    for bad in [
        "{}",
        r#"{"weight_map": {}}"#,
        r#"{"weight_map": {"a": "../x.safetensors"}}"#,
        r#"{"weight_map": {"a": "x.bin"}}"#,
        r#"{"weight_map": {"a": 1}}"#,
    ] {
        assert_eq!(shards(bad).unwrap_err().code(), "invalid_model", "{bad}");
    }
}

/// Without it they would be of the wrong size, and the model would answer all the same.
#[test]
fn packed_weights_without_their_scale_are_refused() {
    const NAME: &str = "model.layers.0.mlp.up_proj.weight";
    let weights = (NAME, Dtype::U8, vec![32, 128]);
    let scale = || ("model.layers.0.mlp.up_proj.weight_scale", Dtype::BF16, vec![1]);
    for linear_class in ["autobitlinear", "bitlinear"] {
        let config = config(|c| c["quantization_config"]["linear_class"] = json!(linear_class));
        let other = ("model.layers.1.mlp.up_proj.weight_scale", Dtype::BF16, vec![1]);
        let error = header_of(&config, &[file(&[weights.clone(), other])]).unwrap_err();
        assert_eq!(error.code(), "invalid_model");
        assert!(
            error.to_string().contains("blk.0.ffn_up.weight") && error.to_string().contains("weight_scale"),
            "{error}"
        );
        header_of(&config, &[file(&[weights.clone(), scale()])]).unwrap();
        // In another file of the folder.
        header_of(&config, &[file(std::slice::from_ref(&weights)), file(&[scale()])]).unwrap();
    }
}

#[test]
fn a_template_may_be_one_of_several() {
    let named = |name: &str| json!({"name": name, "template": name});
    for (templates, want) in [
        (json!("plain"), Some("plain")),
        (json!([named("tool_use"), named("default")]), Some("default")),
        (json!([named("tool_use")]), None),
        (json!({"tool_use": "tools", "default": "usual"}), Some("usual")),
        (json!({"tool_use": "tools"}), None),
        (json!(null), None),
    ] {
        let texts = Texts {
            config: config(|_| {}),
            tokenizer: "{}".to_owned(),
            tokenizer_config: Some(json!({"chat_template": templates}).to_string()),
            ..Texts::default()
        };
        let (header, _) = header(texts, Vec::new()).unwrap();
        assert_eq!(header.metadata.string("tokenizer.chat_template").unwrap(), want, "{templates}");
    }
    for wrong in [json!({"default": 1}), json!([{"name": "default"}]), json!(5)] {
        let texts = Texts {
            config: config(|_| {}),
            tokenizer_config: Some(json!({"chat_template": wrong}).to_string()),
            ..Texts::default()
        };
        assert_eq!(header(texts, Vec::new()).unwrap_err().code(), "invalid_model", "{wrong}");
    }
}
