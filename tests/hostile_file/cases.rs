//! The faults of a file: a label, the file, the code of its error, and the words that the sentence must have.

use bitnet_web::ErrorKind::{self, InvalidGguf, InvalidModel, Truncated, Unsupported};
use bitnet_web::gguf::{Array, Value};

use crate::support::draft::{Draft, DraftTensor};

pub struct Case {
    pub label: String,
    pub file: Vec<u8>,
    pub kind: ErrorKind,
    pub culprit: String,
}

/// Derives cases from one good file.
struct Cases {
    good: Draft,
    cases: Vec<Case>,
}

impl Cases {
    fn of(good: &[u8]) -> Self {
        Self { good: Draft::read(good), cases: Vec::new() }
    }

    fn bytes(&mut self, label: &str, file: Vec<u8>, kind: ErrorKind, culprit: &str) {
        self.cases.push(Case { label: label.into(), file, kind, culprit: culprit.into() });
    }

    /// A good file with something changed.
    fn changed(&mut self, label: &str, kind: ErrorKind, culprit: &str, change: impl FnOnce(&mut Draft)) {
        let mut draft = self.good.clone();
        change(&mut draft);
        self.bytes(label, draft.bytes(), kind, culprit);
    }

    /// A good file with the bytes behind the first `text` replaced, `skip` bytes after it.
    fn patched(&mut self, label: &str, kind: ErrorKind, culprit: &str, (text, skip): (&str, usize), bytes: &[u8]) {
        let mut file = self.good.bytes();
        let at = file.windows(text.len()).position(|w| w == text.as_bytes()).unwrap() + text.len() + skip;
        file[at..at + bytes.len()].copy_from_slice(bytes);
        self.bytes(label, file, kind, culprit);
    }
}

const ARCH: &str = "bitnet-b1.58";
/// The type and the value of an array of one array of one byte.
pub const NESTED: [u8; 29] = [9, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
const HUGE: [u8; 8] = (1_u64 << 60).to_le_bytes();

pub fn not_gguf(good: &[u8]) -> Vec<Case> {
    let mut c = Cases::of(good);
    c.bytes("nothing", Vec::new(), Truncated, "0 bytes");
    c.bytes("HTML", b"<!DOCTYPE html><html><title>404</title></html>".to_vec(), InvalidGguf, "not a GGUF model file");
    c.bytes("JSON", b"{\"error\": \"gated\"}".to_vec(), InvalidGguf, "not a GGUF model file");
    c.bytes("zeros", vec![0; 5000], InvalidGguf, "not a GGUF model file");
    c.bytes("an old ggml file", b"lmgg\x01\0\0\0 and so on".to_vec(), InvalidGguf, "not a GGUF model file");
    c.changed("magic", InvalidGguf, "not a GGUF model file", |d| d.magic = *b"GGUf");
    for version in [1, 4, 255] {
        c.changed("version", Unsupported, &format!("found {version}"), |d| d.version = version);
    }
    for version in [0, 256, 3_435_939_462, u32::MAX] {
        c.changed("damaged version", InvalidGguf, &format!("found {version}"), |d| d.version = version);
    }
    c.changed("big-endian", InvalidGguf, "big-endian", |d| d.version = 3_u32.swap_bytes());
    c.changed("no key at all", InvalidModel, "general.architecture", |d| d.keys.clear());
    c.changed("no architecture", InvalidModel, "general.architecture", |d| d.remove("general.architecture"));
    for name in ["qwen35", "qwen3moe", "gemma3n", "falcon-h1", "mllama", "LLAMA", ""] {
        c.changed("another architecture", Unsupported, &format!("{name:?}"), |d| {
            d.set_text("general.architecture", name);
        });
    }
    c.changed("a number for a name", InvalidModel, "general.architecture", |d| {
        d.set_number("general.architecture", 3);
    });
    c.cases
}

pub fn counts(good: &[u8]) -> Vec<Case> {
    let mut c = Cases::of(good);
    for count in [u64::MAX, 1 << 40, (1 << 16) + 1] {
        c.changed("tensor count", InvalidGguf, &format!("{count} tensors"), |d| d.tensor_count = Some(count));
        c.changed("key count", InvalidGguf, &format!("{count} metadata keys"), |d| d.key_count = Some(count));
    }
    c.changed("a tensor more than there are", InvalidGguf, "tensor", |d| d.tensor_count = Some(14));
    c.changed("a key more than there are", InvalidGguf, "a tensor name", |d| {
        d.key_count = Some(d.keys.len() as u64 + 1)
    });
    let mut file = c.good.bytes();
    file[24..32].copy_from_slice(&HUGE);
    c.bytes("key length", file, InvalidGguf, "a metadata key of 1152921504606846976 bytes");
    c.patched("text length", InvalidGguf, "general.architecture", ("general.architecture", 4), &HUGE);
    c.patched("array length", InvalidGguf, "tokenizer.ggml.tokens", ("tokenizer.ggml.tokens", 8), &HUGE);
    let four_million = ((1_u64 << 22) + 1).to_le_bytes();
    c.patched("long array", InvalidGguf, "tokenizer.ggml.tokens", ("tokenizer.ggml.tokens", 8), &four_million);
    c.changed("array of arrays", InvalidGguf, "tokenizer.ggml.tokens", |d| {
        d.remove("tokenizer.ggml.tokens");
        d.raw_keys.push(("tokenizer.ggml.tokens".into(), NESTED.to_vec()));
    });
    c.changed("an endless array of arrays", InvalidGguf, "foreign", |d| {
        let mut endless = NESTED.to_vec();
        endless[8..16].copy_from_slice(&HUGE);
        d.raw_keys.push(("foreign".into(), endless));
    });
    c.patched("array type", InvalidGguf, "tokenizer.ggml.tokens", ("tokenizer.ggml.tokens", 4), &[77]);
    c.patched("value type", InvalidGguf, "general.name", ("general.name", 0), &[13]);
    c.patched("boolean", InvalidGguf, "add_bos_token", ("tokenizer.ggml.add_bos_token", 4), &[2]);
    c.patched("no UTF-8", InvalidGguf, "UTF-8", ("general.architecture", 12), &[0xff]);
    let mut file = c.good.bytes();
    let name = file.windows(17).position(|w| w == b"token_embd.weight").unwrap();
    file[name - 8..name].copy_from_slice(&HUGE);
    c.bytes("tensor name length", file, InvalidGguf, "a tensor name of 1152921504606846976 bytes");
    c.patched("number of dimensions", InvalidGguf, "a tensor name", ("token_embd.weight", 0), &[5]);
    c.patched("no dimension", InvalidGguf, "a tensor name", ("token_embd.weight", 0), &[0]);
    for alignment in [0, 3, 1 << 20] {
        c.changed("alignment", InvalidGguf, "general.alignment", |d| d.set_number("general.alignment", alignment));
    }
    let key = "tokenizer.ggml.model";
    c.changed("a key twice", InvalidGguf, key, |d| d.keys.push((key.into(), Value::Bool(true))));
    c.cases
}

pub fn shapes(good: &[u8]) -> Vec<Case> {
    let mut c = Cases::of(good);
    let numbers: [(&str, &[u64]); 8] = [
        ("block_count", &[0, 5000, u32::MAX as u64]),
        ("embedding_length", &[0, 127, (1 << 16) + 2]),
        ("feed_forward_length", &[0, u32::MAX as u64]),
        ("attention.head_count", &[0, 3, 5000]),
        ("attention.head_count_kv", &[0, 5000]),
        ("context_length", &[0, (1 << 24) + 1]),
        ("rope.dimension_count", &[0, 63, 66, 5000]),
        ("attention.key_length", &[0, 5000]),
    ];
    for (name, values) in numbers {
        for &value in values {
            let key = format!("{ARCH}.{name}");
            c.changed(&format!("{name} {value}"), InvalidModel, name, |d| d.set_number(&key, value));
        }
        if !matches!(name, "attention.head_count_kv" | "rope.dimension_count" | "attention.key_length") {
            let key = format!("{ARCH}.{name}");
            c.changed(&format!("no {name}"), InvalidModel, &key, |d| d.remove(&key));
            c.changed(&format!("{name} as text"), InvalidModel, &key, |d| d.set_text(&key, "many"));
        }
    }
    // Possible numbers that the tensors do not have.
    let tensors: [(&str, u64, &str); 6] = [
        ("block_count", 2, "blk.1."),
        ("block_count", 4096, "blk.1."),
        ("embedding_length", 256, "token_embd.weight"),
        ("feed_forward_length", 256, "ffn_"),
        ("attention.head_count_kv", 2, "attn_k.weight"),
        ("feed_forward_length", 1 << 18, "ffn_"),
    ];
    for (name, value, culprit) in tensors {
        c.changed(&format!("{name} {value}"), InvalidModel, culprit, |d| {
            d.set_number(&format!("{ARCH}.{name}"), value);
        });
    }
    c.changed("head_count_kv 3 of 2 heads", InvalidModel, "3 key/value heads", |d| {
        d.set_number(&format!("{ARCH}.attention.head_count_kv"), 3);
    });
    c.changed("heads of 128", InvalidModel, "attn_sub_norm", |d| {
        d.set_number(&format!("{ARCH}.attention.key_length"), 128);
        d.set_number(&format!("{ARCH}.attention.value_length"), 128);
    });
    c.changed("heads of 63", InvalidModel, "heads of 63", |d| {
        d.set_number(&format!("{ARCH}.attention.key_length"), 63);
        d.set_number(&format!("{ARCH}.attention.value_length"), 63);
    });
    for eps in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let key = format!("{ARCH}.attention.layer_norm_rms_epsilon");
        c.changed(&format!("epsilon {eps}"), InvalidModel, &key, |d| d.set(&key, Value::Float(eps)));
        let key = format!("{ARCH}.rope.freq_base");
        c.changed(&format!("theta {eps}"), InvalidModel, &key, |d| d.set(&key, Value::Float(eps)));
    }
    c.changed("gate", Unsupported, "\"gelu\"", |d| d.set_text(&format!("{ARCH}.hidden_activation"), "gelu"));
    let scaled: [(&str, Value); 11] = [
        ("type", Value::String("yarn2".into())),
        ("type", Value::String("longrope".into())),
        ("type", Value::String("dynamic".into())),
        ("factor", Value::Float(-1.0)),
        ("factor", Value::Float(f64::NAN)),
        ("attn_factor", Value::Float(1.19)),
        ("attn_factor", Value::Float(0.0)),
        ("yarn_attn_factor", Value::Float(2.0)),
        ("alpha", Value::Float(1000.0)),
        ("alpha", Value::Float(f64::INFINITY)),
        ("factor", Value::Float(f64::INFINITY)),
    ];
    for (name, value) in scaled {
        let key = format!("{ARCH}.rope.scaling.{name}");
        c.changed(&format!("{name} {value:?}"), Unsupported, &key, |d| d.set(&key, value));
    }
    for (name, value) in [
        ("factor", 0.5),
        ("yarn_ext_factor", 0.0),
        ("yarn_ext_factor", 0.5),
        ("yarn_log_multiplier", 0.1),
        ("attn_factor", 1.2),
    ] {
        let key = format!("{ARCH}.rope.scaling.{name}");
        c.changed(&format!("yarn with {name} {value}"), Unsupported, &key, |d| {
            d.set_text(&format!("{ARCH}.rope.scaling.type"), "yarn");
            d.set(&format!("{ARCH}.rope.scaling.factor"), Value::Float(4.0));
            d.set(&key, Value::Float(value));
        });
    }
    for (name, value) in [("yarn_beta_fast", -1.0), ("yarn_beta_slow", 0.0), ("original_context_length", 0.0)] {
        let key = format!("{ARCH}.rope.scaling.{name}");
        c.changed(&format!("yarn with {name} {value}"), InvalidModel, &key, |d| {
            d.set_text(&format!("{ARCH}.rope.scaling.type"), "yarn");
            d.set(&format!("{ARCH}.rope.scaling.factor"), Value::Float(4.0));
            d.set(&key, Value::Float(value));
        });
    }
    let key = format!("{ARCH}.rope.scaling.yarn_ext_factor");
    c.changed("linear mixed with yarn", Unsupported, &key, |d| {
        d.set(&format!("{ARCH}.rope.scaling.factor"), Value::Float(4.0));
        d.set(&key, Value::Float(1.0));
    });
    let key = format!("{ARCH}.rope.scale_linear");
    c.changed("the old key", Unsupported, &key, |d| d.set(&key, Value::Float(-2.0)));
    c.changed("a type that is no text", InvalidModel, "rope.scaling.type", |d| {
        d.set_number(&format!("{ARCH}.rope.scaling.type"), 1);
    });
    for key in ["prism.hadamard.version", "prism.hadamard"] {
        c.changed(key, Unsupported, key, |d| d.set_number(key, 1));
    }
    for name in ["rope_factors_long.weight", "rope_factors_short.weight"] {
        c.changed(name, Unsupported, name, |d| {
            let data = vec![0; 128];
            d.tensors.push(DraftTensor { name: name.into(), dims: vec![32], type_id: 0, offset: None, data });
        });
    }
    c.cases
}

pub fn tensors(good: &[u8], with_scales: &[u8]) -> Vec<Case> {
    let mut c = Cases::of(good);
    for name in ["blk.0.attn_q.bias", "blk.0.ffn_down.bias", "blk.0.attn_norm.bias", "output_norm.bias"] {
        c.changed(name, Unsupported, name, |d| {
            let data = vec![0; 512];
            d.tensors.push(DraftTensor { name: name.into(), dims: vec![128], type_id: 0, offset: None, data });
        });
    }
    let names: Vec<String> = c.good.tensors.iter().map(|t| t.name.clone()).collect();
    for name in &names {
        c.changed(&format!("no {name}"), InvalidModel, name, |d| d.remove_tensor(name));
        c.changed(&format!("{name} shorter"), InvalidModel, name, |d| d.tensor(name).dims[0] -= 1);
        c.changed(&format!("{name} deeper"), InvalidModel, name, |d| d.tensor(name).dims.push(2));
        c.changed(&format!("{name} of Q2_K"), Unsupported, name, |d| d.tensor(name).type_id = 10);
        // An embedding and a linear layer may be quantized; a vector is floats.
        if name.contains("norm") {
            c.changed(&format!("{name} of Q4_0"), Unsupported, name, |d| d.tensor(name).type_id = 2);
            c.changed(&format!("{name} of Q4_K"), Unsupported, name, |d| d.tensor(name).type_id = 12);
        }
        c.changed(&format!("{name} of an unknown type"), Unsupported, "type 9999", |d| d.tensor(name).type_id = 9999);
        c.changed(&format!("{name} misaligned"), InvalidGguf, name, |d| {
            d.tensor(name).offset = Some(d.offset(name) + 1);
        });
        c.changed(&format!("{name} beyond the end"), Truncated, "tensors need", |d| {
            d.tensor(name).offset = Some(1 << 40);
        });
        c.changed(&format!("{name} twice"), InvalidGguf, name, |d| {
            let twin = d.tensor(name).clone();
            d.tensors.push(twin);
        });
    }
    for (type_id, culprit) in [(38, "TL1"), (39, "TL2"), (38, "take the I2_S file"), (39, "take the I2_S file")] {
        let name = "blk.0.ffn_down.weight";
        c.changed(culprit, Unsupported, culprit, |d| d.tensor(name).type_id = type_id);
        c.changed(culprit, Unsupported, name, |d| d.tensor(name).type_id = type_id);
    }
    c.changed("Q2_0 of no known size", InvalidModel, "fits neither groups of 64 weights nor groups of 128", |d| {
        d.tensor("blk.0.attn_q.weight").type_id = 42;
    });
    c.changed("Q2_0 of both sizes", InvalidModel, "other groups than the file's other tensors", |d| {
        for (name, bytes) in [("blk.0.attn_q.weight", 18 * 2), ("blk.0.attn_k.weight", 34)] {
            let tensor = d.tensor(name);
            let blocks = tensor.dims.iter().product::<u64>() as usize / 128;
            (tensor.type_id, tensor.data) = (42, vec![0; bytes * blocks]);
        }
    });
    for (type_id, at, bytes, block) in [(41, 0, 18, 128), (142, 0, 34, 128), (143, 26, 28, 128)] {
        c.changed("scale of a group that is NaN", InvalidModel, "blk.0.attn_q.weight", |d| {
            let tensor = d.tensor("blk.0.attn_q.weight");
            let blocks = tensor.dims.iter().product::<u64>() as usize / block;
            (tensor.type_id, tensor.data) = (type_id, vec![0; bytes * blocks]);
            tensor.data[bytes + at..][..2].copy_from_slice(&[0, 0x7e]);
        });
    }
    for type_id in [34, 35] {
        c.changed("TQ of 128 columns", InvalidModel, "multiple of 256", |d| {
            d.tensor("blk.0.attn_q.weight").type_id = type_id;
        });
    }
    c.changed("ternary embedding", Unsupported, "token_embd.weight", |d| d.tensor("token_embd.weight").type_id = 36);
    c.changed("swapped dimensions", InvalidModel, "token_embd.weight", |d| {
        d.tensor("token_embd.weight").dims.reverse();
    });
    c.changed("one dimension", InvalidModel, "token_embd.weight", |d| {
        d.tensor("token_embd.weight").dims.truncate(1);
    });
    c.changed("overlap", InvalidModel, "overlap", |d| {
        d.tensor("blk.0.attn_v.weight").offset = Some(d.offset("blk.0.attn_k.weight"));
    });
    c.changed("overlap by one block", InvalidModel, "overlap", |d| {
        d.tensor("blk.0.attn_v.weight").offset = Some(d.offset("blk.0.attn_v.weight") - 32);
    });
    for dim in [0, 1 << 49, u64::MAX] {
        c.changed("absurd dimension", InvalidGguf, "token_embd.weight", |d| {
            d.tensor("token_embd.weight").dims[1] = dim
        });
    }
    c.changed("absurd product", InvalidGguf, "token_embd.weight", |d| {
        d.tensor("token_embd.weight").dims = vec![1 << 40, 1 << 40];
    });
    c.changed("absurd offset", InvalidGguf, "token_embd.weight", |d| {
        d.tensor("token_embd.weight").offset = Some(u64::MAX - 31);
    });
    c.changed("a claim of 2^22 rows", InvalidModel, "token_embd.weight", |d| {
        d.tensor("token_embd.weight").dims[1] = 1 << 22;
    });
    c.changed("a tensor that nobody needs may be anything", Unsupported, "ffn_up", |d| {
        for (name, dims) in
            [("x", vec![1 << 47]), ("y", vec![]), ("z", vec![1; 5]), ("x", vec![0]), ("é", vec![1 << 50, 2])]
        {
            d.tensors.push(DraftTensor { name: name.into(), dims, type_id: 9999, offset: None, data: vec![] });
        }
        d.tensors.push(DraftTensor {
            name: "w".into(),
            dims: vec![1],
            type_id: 7,
            offset: Some(u64::MAX),
            data: vec![],
        });
        d.tensor("blk.0.ffn_up.weight").type_id = 10;
    });
    c.good = Draft::read(with_scales);
    let scale = c.good.tensors.iter().find(|t| t.name.ends_with(".scale")).unwrap().name.clone();
    c.changed("scale of two", InvalidModel, &scale, |d| d.tensor(&scale).dims = vec![2]);
    c.changed("scale of I2_S", Unsupported, &scale, |d| d.tensor(&scale).type_id = 36);
    c.changed("scale that is NaN", InvalidModel, &scale, |d| {
        d.tensor(&scale).data = f32::NAN.to_le_bytes().to_vec();
    });
    c.cases
}

pub fn values(good: &[u8], with_floats: &[u8]) -> Vec<Case> {
    let mut c = Cases::of(good);
    let ternary = ["blk.0.attn_q.weight", "blk.0.attn_output.weight", "blk.0.ffn_down.weight"];
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for name in ternary {
            c.changed(&format!("{name}: scale {value}"), InvalidModel, name, |d| {
                let data = &mut d.tensor(name).data;
                let at = data.len() - 32;
                data[at..at + 4].copy_from_slice(&value.to_le_bytes());
            });
        }
        for name in ["blk.0.attn_norm.weight", "blk.0.ffn_sub_norm.weight", "output_norm.weight"] {
            c.changed(&format!("{name}: {value}"), InvalidModel, name, |d| {
                d.tensor(name).data[508..512].copy_from_slice(&value.to_le_bytes());
            });
        }
    }
    c.good = Draft::read(with_floats);
    for bits in [0x7e00_u16, 0x7c00, 0xfc00] {
        for name in ["token_embd.weight", "blk.0.attn_k.weight"] {
            c.changed(&format!("{name}: f16 {bits:x}"), InvalidModel, name, |d| {
                d.tensor(name).data[6..8].copy_from_slice(&bits.to_le_bytes());
            });
        }
    }
    c.cases
}

pub fn vocabularies(good: &[u8]) -> Vec<Case> {
    let mut c = Cases::of(good);
    let (tokens, types) = ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type");
    c.changed("no tokens", InvalidModel, tokens, |d| d.remove(tokens));
    c.changed("fewer tokens than rows", InvalidModel, "319 tokens", |d| d.strings(tokens).truncate(319));
    c.changed("more tokens than rows", InvalidModel, "321 tokens", |d| d.strings(tokens).push("zzz".into()));
    c.changed("tokens that are numbers", InvalidModel, tokens, |d| {
        d.set(tokens, Value::Array(Array::Signed(vec![1; 320])));
    });
    c.changed("tokens that are one text", InvalidModel, tokens, |d| d.set_text(tokens, "abc"));
    c.changed("too few types", InvalidModel, types, |d| d.set(types, Value::Array(Array::Signed(vec![1; 319]))));
    c.changed("types of none", InvalidModel, types, |d| d.set(types, Value::Array(Array::Signed(vec![77; 320]))));
    c.changed("a token twice", InvalidModel, "token", |d| {
        let twin = d.strings(tokens)[40].clone();
        d.strings(tokens)[41] = twin;
    });
    // Nothing else ends an answer of this model.
    for id in [Value::Signed(-1), Value::Unsigned(320), Value::Unsigned(u64::from(u32::MAX))] {
        c.changed(&format!("no end but {id:?}"), InvalidModel, "tokenizer.ggml.eos_token_id", |d| {
            for token in d.strings(tokens).iter_mut().filter(|token| token.starts_with("<|e")) {
                *token = token.replace("<|e", "<|x");
            }
            d.remove("tokenizer.ggml.eot_token_id");
            d.set("tokenizer.ggml.eos_token_id", id);
        });
    }
    c.changed("an end that is a text", InvalidModel, "tokenizer.ggml.eot_token_id", |d| {
        d.set_text("tokenizer.ggml.eot_token_id", "<|eot_id|>");
    });
    c.changed("no merges", InvalidModel, "tokenizer.ggml.merges", |d| d.remove("tokenizer.ggml.merges"));
    c.changed("empty merges", InvalidModel, "tokenizer.ggml.merges", |d| d.strings("tokenizer.ggml.merges").clear());
    let merges = "tokenizer.ggml.merges";
    for merge in ["", "a", "a b c", "qqqq zzzz", " "] {
        c.changed(&format!("merge {merge:?}"), InvalidModel, "merge", |d| d.strings(merges)[3] = merge.into());
    }
    c.changed("another kind", Unsupported, "\"bert\"", |d| d.set_text("tokenizer.ggml.model", "bert"));
    c.changed("no kind", InvalidModel, "tokenizer.ggml.model", |d| d.remove("tokenizer.ggml.model"));
    c.changed("unknown splitter", Unsupported, "\"qwen9\"", |d| d.set_text("tokenizer.ggml.pre", "qwen9"));
    c.cases
}
