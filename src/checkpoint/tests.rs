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
    let gemma = |c: &mut Json| {
        (c["architectures"], c["hidden_activation"], c["head_dim"]) =
            (json!(["Gemma3TextModel"]), json!("gelu_pytorch_tanh"), json!(256));
        c.as_object_mut().unwrap().remove("quantization_config");
    };
    for (word, change) in [
        ("query_pre_attn_scalar", (|c| c["query_pre_attn_scalar"] = json!(168)) as Change),
        // Where nothing is said it is 256.
        ("query_pre_attn_scalar", |c| c["head_dim"] = json!(64)),
        ("attn_logit_softcapping", |c| c["attn_logit_softcapping"] = json!(50.0)),
        ("final_logit_softcapping", |c| c["final_logit_softcapping"] = json!(30.0)),
        ("use_bidirectional_attention", |c| c["use_bidirectional_attention"] = json!(true)),
        ("hidden_activation", |c| c["hidden_activation"] = json!("gelu")),
        ("layer_types", |c| c["layer_types"] = json!(["full_attention", "linear_attention"])),
        ("layer_types", |c| c["layer_types"] = json!(["full_attention"])),
        ("rope_type", |c| c["rope_parameters"] = json!({"sliding_attention": {"rope_type": "linear", "factor": 2.0}})),
        ("full_attention", |c| c["rope_parameters"] = json!({"full_attention": {"rope_type": "dynamic"}})),
    ] {
        let error = header_of(
            &config(|c| {
                gemma(c);
                change(c);
            }),
            &[],
        )
        .unwrap_err();
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
    let cases: [(&str, Change); 21] = [
        ("Gemma3ForConditionalGeneration", |c| c["architectures"] = json!(["Gemma3ForConditionalGeneration"])),
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

/// What transformers 4 and 5 write of the same model, and what follows where nothing is written.
#[test]
fn windows_of_gemma_are_those_of_its_layers() {
    let keys = |change: fn(&mut Json)| {
        let text = config(|c| {
            *c = json!({"architectures": ["Gemma3ForCausalLM"], "hidden_size": 128, "intermediate_size": 256,
                "num_hidden_layers": 7, "num_attention_heads": 1, "max_position_embeddings": 512, "head_dim": 256});
            change(c);
        });
        let (header, _) = header_of(&text, &[]).unwrap();
        let keys = header.metadata;
        let key = |name: &str| format!("gemma3.{name}");
        let layers = match keys.get(&key("attention.sliding_window_pattern")) {
            Some(Value::Array(crate::gguf::Array::Bool(layers))) => {
                layers.iter().map(|&w| if w { 'w' } else { '-' }).collect()
            }
            _ => String::new(),
        };
        let number = |name: &str| keys.f32(&key(name)).unwrap();
        (
            layers,
            ["attention.sliding_window", "rope.freq_base_swa", "rope.freq_base", "rope.scaling.factor"].map(number),
        )
    };
    let of = |layers: &str, numbers: [f32; 3], factor| {
        (layers.to_owned(), [Some(numbers[0]), Some(numbers[1]), Some(numbers[2]), factor])
    };
    let default = of("wwwww-w", [4096.0, 1e4, 1e6], None);
    assert_eq!(keys(|_| {}), default);
    assert_eq!(keys(|c| c["sliding_window_pattern"] = json!(6)), default);
    let old = keys(|c| {
        (c["rope_theta"], c["rope_local_base_freq"]) = (json!(2e5), json!(3e3));
        (c["sliding_window"], c["_sliding_window_pattern"]) = (json!(512), json!(3));
        c["rope_scaling"] = json!({"rope_type": "linear", "factor": 8.0});
    });
    assert_eq!(old, of("ww-ww-w", [512.0, 3e3, 2e5], Some(8.0)));
    let new = keys(|c| {
        let kinds = ["s", "f", "f", "s", "s", "s", "f"]
            .map(|kind| if kind == "s" { "sliding_attention" } else { "full_attention" });
        (c["layer_types"], c["sliding_window"]) = (json!(kinds), json!(512));
        c["rope_parameters"] = json!({
            "full_attention": {"rope_type": "linear", "rope_theta": 2e5, "factor": 8.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 3e3},
        });
    });
    assert_eq!(new, of("w--www-", [512.0, 3e3, 2e5], Some(8.0)));
    let none = keys(|c| c["layer_types"] = json!(vec!["full_attention"; 7]));
    assert_eq!(none, (String::new(), [None, None, Some(1e6), None]));
}

/// Names without `model.`, and norms in layers by the name that Microsoft's embedding models have for them.
#[test]
fn a_class_without_a_head_is_an_embedding_model() {
    let norm = |name: &str| format!("layers.0.{name}.weight");
    let names = [
        norm("self_attn.q_proj"),
        norm("self_attn.q_proj.norm"),
        norm("self_attn.q_norm"),
        norm("post_attention_layernorm"),
        norm("pre_feedforward_layernorm"),
        "norm.weight".into(),
        "embed_tokens.weight".into(),
        "lm_head.weight".into(),
        "rotary_emb.inv_freq".into(),
    ];
    let shape =
        |name: &str| if name.ends_with("q_proj.weight") || name.contains("embed") { vec![2, 4] } else { vec![4] };
    let tensors: Vec<_> = names.iter().map(|name| (name.as_str(), Dtype::F32, shape(name))).collect();
    let text = |class: &str, more: fn(&mut Json)| {
        config(|c| {
            *c = json!({"architectures": [class], "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 1,
                "num_attention_heads": 1, "max_position_embeddings": 512, "head_dim": 256});
            more(c);
        })
    };
    let (header, _) = header_of(&text("Gemma3TextModel", |_| {}), &[file(&tensors)]).unwrap();
    let mut found: Vec<_> =
        header.tensors.iter().map(|t| (t.name.as_str(), t.conversion.is_offset, t.conversion.is_master)).collect();
    found.sort();
    assert_eq!(
        found,
        [
            ("blk.0.attn_q.weight", false, true),
            ("blk.0.attn_q_norm.weight", true, true),
            ("blk.0.attn_q_norm_in.weight", false, true),
            ("blk.0.ffn_norm.weight", true, true),
            ("blk.0.post_attention_norm.weight", true, true),
            ("output_norm.weight", true, true),
            ("token_embd.weight", false, true),
        ]
    );
    assert_eq!(header.metadata.u32("gemma3.pooling_type").unwrap(), Some(3));
    assert_eq!(header.metadata.string("gemma3.linear_inputs").unwrap(), Some("int8"));

    // The same layer twice, by two names.
    let twice = [("norm.weight", Dtype::F32, vec![4]), ("model.norm.weight", Dtype::F32, vec![4])];
    assert!(header_of(&text("Qwen3Model", |_| {}), &[file(&twice)]).unwrap_err().to_string().contains("twice"));
    // A norm that only some layers have: the rest of the folder is missing.
    let some = [
        ("layers.0.self_attn.q_proj.weight", Dtype::F32, vec![2, 4]),
        ("layers.0.self_attn.q_proj.norm.weight", Dtype::F32, vec![4]),
        ("layers.0.self_attn.k_proj.weight", Dtype::F32, vec![2, 4]),
    ];
    let error = header_of(&text("Qwen3Model", |_| {}), &[file(&some)]).unwrap_err();
    assert!(error.code() == "invalid_model" && error.to_string().contains("blk.0.attn_k.weight"), "{error}");
    // Llama's graph has no such norm.
    let error = header_of(&text("LlamaModel", |c| c["head_dim"] = json!(128)), &[file(&some)]).unwrap_err();
    assert!(error.code() == "unsupported" && error.to_string().contains("q_proj.norm.weight"), "{error}");
}

#[test]
fn the_pooling_is_that_of_the_modules() {
    let of = |class: &str, modules: Json, pooling: Option<Json>| {
        let texts = Texts {
            config: config(|c| {
                (c["architectures"], c["hidden_act"], c["tie_word_embeddings"]) =
                    (json!([class]), json!("silu"), json!(true));
            }),
            tokenizer: "{}".to_owned(),
            modules: Some(modules).filter(|modules| !modules.is_null()).map(|modules| modules.to_string()),
            pooling: pooling.map(|pooling| pooling.to_string()),
            ..Texts::default()
        };
        header(texts, Vec::new()).map(|(header, _)| header.metadata.u32("qwen3.pooling_type").unwrap())
    };
    let module = |kind: &str, path: &str| json!({"idx": 0, "name": "0", "path": path, "type": format!("sentence_transformers.models.{kind}")});
    let usual = json!([module("Transformer", ""), module("Pooling", "1_Pooling"), module("Normalize", "2_Normalize")]);
    assert_eq!(of("Qwen3ForCausalLM", json!(null), None).unwrap(), None);
    assert_eq!(of("Qwen3Model", json!(null), None).unwrap(), Some(3));
    assert_eq!(of("Qwen3Model", json!([module("Transformer", "")]), None).unwrap(), Some(3));
    for (pooling, want) in [
        (json!({"pooling_mode_lasttoken": true, "pooling_mode_mean_tokens": false, "include_prompt": true}), 3),
        (json!({"pooling_mode_mean_tokens": true}), 1),
        (json!({"pooling_mode": "lasttoken"}), 3),
        (json!({"pooling_mode": "mean"}), 1),
    ] {
        for class in ["Qwen3Model", "Qwen3ForCausalLM"] {
            assert_eq!(of(class, usual.clone(), Some(pooling.clone())).unwrap(), Some(want), "{class}, {pooling}");
        }
    }
    assert_eq!(pooling_file(&usual.to_string()).unwrap().as_deref(), Some("1_Pooling/config.json"));
    for (modules, pooling, word) in [
        (json!([module("Dense", "2_Dense")]), None, "Dense"),
        (json!([module("Pooling", "../elsewhere")]), None, "path"),
        (json!([module("Pooling", "a/b")]), None, "path"),
        (json!({"modules": []}), None, "modules.json"),
        (json!([{"path": ""}]), None, "type"),
        (usual.clone(), None, "1_Pooling/config.json"),
        (usual.clone(), Some(json!({"pooling_mode_cls_token": true})), "pooling_mode_cls_token"),
        (usual.clone(), Some(json!({"pooling_mode": "max"})), "pooling_mode"),
        (usual.clone(), Some(json!({"pooling_mode_mean_tokens": true, "pooling_mode_lasttoken": true})), "alone"),
        (usual.clone(), Some(json!({})), "found none"),
    ] {
        let error = of("Qwen3Model", modules, pooling).unwrap_err();
        assert!(error.to_string().contains(word), "{word}: {error}");
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
