//! Models whose matrices have a scale for each group of columns, unpacked to floats: as Ternary-Bonsai is published beside its
//! GGUF files, in a GGUF file and as a folder. They are the models of the packed files, bit for bit.

use std::collections::HashMap;

use bitnet_web::generate::Engine;
use bitnet_web::gguf::Value;
use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Loader, Precision};
use bitnet_web::pool::Pool;
use bitnet_web::quant::TensorType;
use bitnet_web::{Error, ErrorKind};
use safetensors::tensor::{Dtype, TensorView, serialize};
use serde_json::json;

use crate::support::checkpoints::Checkpoint;
use crate::support::draft::Draft;
use crate::support::{engine, models};

const FILES: [&str; 3] = ["qwen3-groups64-q2_0.gguf", "qwen3-groups128-pq2_0.gguf", "qwen3-binary-q1_0.gguf"];

fn options(precision: Precision) -> LoadOptions {
    LoadOptions { precision, ..LoadOptions::new(Kernel::SCALAR) }
}

fn hash(file: &[u8], precision: Precision) -> u64 {
    engine(file, options(precision), 2, 5000).logits_hash().unwrap()
}

fn error(file: &[u8]) -> Error {
    let mut loader = Loader::new(options(Precision::Fast));
    loader.push(file).and_then(|()| loader.finish()).map(drop).unwrap_err()
}

fn f16(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|&value| half::f16::from_f32(value).to_le_bytes()).collect()
}

fn f32(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// What every matrix of the file stands for.
fn values(draft: &Draft) -> HashMap<String, Vec<f32>> {
    let matrices = draft.tensors.iter().filter(|tensor| tensor.dims.len() == 2);
    let decoded = matrices.map(|tensor| {
        let mut values = vec![0.0; tensor.dims.iter().product::<u64>() as usize];
        TensorType::from_id(tensor.type_id).unwrap().row_decoder().unwrap()(&tensor.data, &mut values);
        (tensor.name.clone(), values)
    });
    decoded.collect()
}

/// The file with the matrices `is_meant` as floats.
fn unpacked(file: &str, type_id: u32, encode: fn(&[f32]) -> Vec<u8>, is_meant: impl Fn(&str) -> bool) -> Draft {
    let mut draft = Draft::read(&models::read(file));
    for (name, values) in values(&draft) {
        if is_meant(&name) {
            let tensor = draft.tensor(&name);
            (tensor.type_id, tensor.data) = (type_id, encode(&values));
        }
    }
    draft
}

#[test]
fn floats_have_the_logits_of_the_packed_file() {
    for file in FILES {
        for precision in [Precision::Exact, Precision::Fast] {
            let want = hash(&models::read(file), precision);
            for (type_id, encode) in [(1, f16 as fn(&[f32]) -> Vec<u8>), (0, f32)] {
                let draft = unpacked(file, type_id, encode, |_| true);
                assert_eq!(hash(&draft.bytes(), precision), want, "{file}, type {type_id}, {precision:?}");
                // As the quantizers leave some of them.
                let tables = unpacked(file, type_id, encode, |name| !name.starts_with("blk."));
                assert_eq!(hash(&tables.bytes(), precision), want, "{file}, type {type_id}, {precision:?}");
                let some = unpacked(file, type_id, encode, |name| name.contains("ffn_"));
                assert_eq!(hash(&some.bytes(), precision), want, "{file}, type {type_id}, {precision:?}");
            }
        }
    }
}

/// The names that a folder has for the tensors of a GGUF file.
fn folder_name(name: &str) -> String {
    let name = match name.strip_prefix("blk.").and_then(|rest| rest.split_once('.')) {
        None => name.replace("token_embd", "model.embed_tokens").replace("output_norm", "model.norm"),
        Some((index, part)) => format!("model.layers.{index}.{part}"),
    };
    [
        ("attn_norm", "input_layernorm"),
        ("attn_output", "self_attn.o_proj"),
        ("attn_q_norm", "self_attn.q_norm"),
        ("attn_k_norm", "self_attn.k_norm"),
        ("attn_q.", "self_attn.q_proj."),
        ("attn_k.", "self_attn.k_proj."),
        ("attn_v.", "self_attn.v_proj."),
        ("ffn_norm", "post_attention_layernorm"),
        ("ffn_gate", "mlp.gate_proj"),
        ("ffn_up", "mlp.up_proj"),
        ("ffn_down", "mlp.down_proj"),
        ("output.", "lm_head."),
    ]
    .iter()
    .fold(name, |name, (gguf, folder)| name.replace(gguf, folder))
}

/// The rows of a GGUF file's queries or keys as a folder has them: in each of `heads`, the first of all rotated pairs before the
/// second ones.
fn unpermuted(values: &[f32], heads: usize, cols: usize) -> Vec<f32> {
    let rows: Vec<&[f32]> = values.chunks_exact(cols).collect();
    let half = rows.len() / heads / 2;
    let of_head = |head: usize| (0..2 * half).map(move |row| head * 2 * half + 2 * (row % half) + row / half);
    (0..heads).flat_map(of_head).flat_map(|row| rows[row]).copied().collect()
}

/// The folder that such a file is unpacked to.
fn folder(file: &str) -> Checkpoint {
    folder_of(file, &Draft::read(&models::read(file)))
}

fn folder_of(file: &str, draft: &Draft) -> Checkpoint {
    let (mut draft, values) = (draft.clone(), values(draft));
    let (class, architecture) =
        if file.starts_with("qwen3") { ("Qwen3ForCausalLM", "qwen3") } else { ("LlamaForCausalLM", "llama") };
    let mut number = |key: &str| match draft.value(&format!("{architecture}.{key}")) {
        Value::Unsigned(number) => json!(number),
        Value::Float(number) => json!(number),
        other => panic!("{key}: {other:?}"),
    };
    let (n_heads, n_kv_heads) = (number("attention.head_count"), number("attention.head_count_kv"));
    let mut config = json!({
        "architectures": [class], "model_type": architecture, "hidden_act": "silu", "attention_bias": false,
        "hidden_size": number("embedding_length"), "intermediate_size": number("feed_forward_length"),
        "num_hidden_layers": number("block_count"), "num_attention_heads": n_heads, "num_key_value_heads": n_kv_heads,
        "head_dim": if architecture == "qwen3" { number("attention.key_length") } else { json!(null) }, "max_position_embeddings": number("context_length"),
        "rms_norm_eps": number("attention.layer_norm_rms_epsilon"), "rope_theta": number("rope.freq_base"),
        "sliding_window": null, "use_sliding_window": false, "torch_dtype": "float16", "vocab_size": 320,
        "tie_word_embeddings": !values.contains_key("output.weight"),
    });
    if file.contains("128") {
        config["rope_scaling"] = json!({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 512});
    }
    let heads = |name: &str| match (architecture, name.rsplit('.').nth(1)) {
        ("llama", Some("attn_q")) => n_heads.as_u64(),
        ("llama", Some("attn_k")) => n_kv_heads.as_u64(),
        _ => None,
    };
    let tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = draft
        .tensors
        .iter()
        .map(|tensor| {
            let shape: Vec<usize> = tensor.dims.iter().rev().map(|&dim| dim as usize).collect();
            let (dtype, data) = match (values.get(&tensor.name), heads(&tensor.name)) {
                (Some(values), Some(heads)) => (Dtype::F16, f16(&unpermuted(values, heads as usize, shape[1]))),
                (Some(values), None) => (Dtype::F16, f16(values)),
                (None, _) => (Dtype::F32, tensor.data.clone()),
            };
            (folder_name(&tensor.name), dtype, shape, data)
        })
        .collect();
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, data)| (name.as_str(), TensorView::new(*dtype, shape.clone(), data).unwrap()));
    let weights = serialize(views, Some([("format".to_owned(), "pt".to_owned())].into())).unwrap();
    let mut checkpoint = Checkpoint::read("qwen3-divide");
    checkpoint.texts.config = config.to_string();
    checkpoint.files = vec![weights];
    checkpoint
}

#[test]
fn an_unpacked_folder_has_the_logits_of_the_packed_file() {
    for file in FILES.into_iter().chain(["trilm-tq2_0.gguf"]) {
        let folder = folder(file);
        for precision in [Precision::Exact, Precision::Fast] {
            let loaded = folder.load(options(precision), 3000);
            let summary = loaded.summary.clone();
            assert_eq!(
                Engine::new(loaded, Pool::new(2)).logits_hash().unwrap(),
                hash(&models::read(file), precision),
                "{file}"
            );
            // What was expected before a weight was there is about what it took: two bits a weight, not sixteen.
            let linears = summary.parameters * 2;
            assert!(summary.weight_bytes < linears, "{file}: {} of {linears} bytes", summary.weight_bytes);
        }
    }
}

/// One weight of another size, in the last group of a matrix: then the file is one of another kind of model.
#[test]
fn floats_that_are_almost_ternary_are_refused() {
    for name in ["blk.0.attn_q.weight", "blk.0.ffn_down.weight"] {
        let mut draft = unpacked("qwen3-groups128-pq2_0.gguf", 1, f16, |_| true);
        let data = &mut draft.tensor(name).data;
        let last = data.len() - 2;
        data[last..].copy_from_slice(&0x3555_u16.to_le_bytes());
        let error = error(&draft.bytes());
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(name) && error.to_string().contains("expected ternary weights"), "{error}");
    }
    for bits in [0x7c00_u16, 0x7e00] {
        let mut draft = unpacked("qwen3-groups128-pq2_0.gguf", 1, f16, |_| true);
        draft.tensor("blk.0.ffn_up.weight").data[..2].copy_from_slice(&bits.to_le_bytes());
        assert_eq!(error(&draft.bytes()).kind(), ErrorKind::InvalidModel);
    }
}

/// Scales that f16 does not hold, and groups that are smaller than any kernel's: such a matrix is multiplied as it is, as it is
/// beside matrices of a packed type, whatever it holds.
#[test]
fn floats_that_no_kernel_has_groups_for_are_multiplied_as_they_are() {
    const FILE: &str = "qwen3-groups128-pq2_0.gguf";
    const NAME: &str = "blk.0.attn_q.weight";
    let finer = |index: usize, w: f32| if index < 128 { w * (1.0 + 1.0 / 8192.0) } else { w };
    let of_32 = |index: usize, w: f32| if (index / 32).is_multiple_of(2) { w / 2.0 } else { w };
    for change in [finer, of_32] {
        let changed: Vec<f32> = values(&Draft::read(&models::read(FILE)))[NAME]
            .iter()
            .enumerate()
            .map(|(index, &w)| change(index, w))
            .collect();
        let hashes = [true, false].map(|all| {
            let mut draft = unpacked(FILE, 1, f16, |_| all);
            let tensor = draft.tensor(NAME);
            (tensor.type_id, tensor.data) = (0, f32(&changed));
            [Precision::Exact, Precision::Fast].map(|precision| hash(&draft.bytes(), precision))
        });
        assert_eq!(hashes[0], hashes[1]);
        assert_ne!(hashes[0][0], hash(&models::read(FILE), Precision::Exact));
    }
}

/// Floats with one scale. What a folder that names no quantization multiplies them with is floats: as in a GGUF file that one
/// matrix says of that such models are trained so, or its name.
#[test]
fn a_folder_of_floats_was_trained_with_floats() {
    const SCALE: f32 = 1.0 / 16.0;
    let code = |w: f32| if w == 0.0 { 0.0 } else { w.signum() };
    for (file, name) in [("qwen3-groups64-q2_0.gguf", "a"), ("trilm-tq2_0.gguf", "spectra")] {
        let mut floats = Draft::read(&models::read(file));
        let codes: HashMap<String, Vec<f32>> =
            values(&floats).into_iter().map(|(name, values)| (name, values.into_iter().map(code).collect())).collect();
        for (name, codes) in &codes {
            let tensor = floats.tensor(name);
            (tensor.type_id, tensor.data) = (1, f16(&codes.iter().map(|code| code * SCALE).collect::<Vec<f32>>()));
        }
        floats.set_text("general.name", name);
        let mut folder = folder_of(file, &floats);
        if file.starts_with("qwen3") {
            let tensor = floats.tensor("blk.1.ffn_up.weight");
            (tensor.type_id, tensor.data) = (42, q2_0(&codes["blk.1.ffn_up.weight"], SCALE));
        }
        for precision in [Precision::Exact, Precision::Fast] {
            let got = Engine::new(folder.load(options(precision), 3000), Pool::new(2)).logits_hash().unwrap();
            assert_eq!(got, hash(&floats.bytes(), precision), "{file}, {precision:?}");
        }
        // BitLinear rounds its inputs: that is another model.
        folder.texts.config =
            folder.texts.config.replacen('{', r#"{"quantization_config": {"quant_method": "bitnet"},"#, 1);
        let rounded = Engine::new(folder.load(options(Precision::Exact), 3000), Pool::new(2)).logits_hash().unwrap();
        assert_ne!(rounded, hash(&floats.bytes(), Precision::Exact), "{file}");
    }
}

/// Codes -1, 0 and +1 with one scale for all groups of 64.
fn q2_0(codes: &[f32], scale: f32) -> Vec<u8> {
    let byte = |codes: &[f32]| codes.iter().rev().fold(0, |byte: u8, code| byte << 2 | (code + 1.0) as u8);
    let block = |codes: &[f32]| [f16(&[scale]), codes.chunks(4).map(byte).collect()].concat();
    codes.chunks(64).flat_map(block).collect()
}
