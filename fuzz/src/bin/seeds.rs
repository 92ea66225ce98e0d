//! Writes the seed corpus: `cargo run --no-default-features --bin seeds`, in `fuzz/`.

use std::fs;
use std::io;
use std::path::Path;

use bitnet_web::gguf::{Array, Value, Writer};
use bitnet_web::quant::TensorType;
use bitnet_web_fuzz::byte_alphabet;

const TEMPLATES: [(&str, &str); 4] = [
    (
        "2b4t",
        "{% for message in messages %}{{ message['role'] | capitalize + ': ' + message['content'] | trim + '<|eot_id|>' \
         }}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}\0 <|eot_id|> Hi ",
    ),
    (
        "checks",
        "{%- if messages[0].role == 'system' -%}{%- set s = messages[0]['content'] -%}{%- endif -%}{% for m in \
         messages[1:] %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('order') }}{% endif \
         %}{{ m.content.strip().split(' ') | tojson }}{% endfor %}",
    ),
    ("loop", "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}"),
    ("macro", "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}{{ strftime_now('%d %b %Y') }}"),
];

const VOCABULARIES: [(&str, &str); 3] = [
    ("merges", "he\nll\nhell\nhello\n+h e\n+l l\n+he ll\n!<|x|>\n#259\n?hello hell <|x|>\n%llama-bpe\n"),
    ("special", "^<think>\n!<|eot_id|>\n!<|x|><|eot_id|>\n?a<think>b<|eot_id|> <|x|>\n%gpt-2\n"),
    ("hostile", "+a b c\n+ \n!\n^\na\n#4294967295\n%qwen\n"),
];

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in ["directory", "load", "template", "vocabulary"] {
        fs::create_dir_all(corpus.join(target))?;
    }
    for (name, text) in TEMPLATES {
        fs::write(corpus.join("template").join(name), text)?;
    }
    for (name, text) in VOCABULARIES {
        fs::write(corpus.join("vocabulary").join(name), text)?;
    }
    let types = [
        ("f16-i2_s", TensorType::F16, TensorType::I2S),
        ("bf16-tq1_0", TensorType::Bf16, TensorType::Tq1_0),
        ("f32-tq2_0", TensorType::F32, TensorType::Tq2_0),
    ];
    for (name, float, ternary) in types {
        let (header, data) = model(float, ternary)?;
        fs::write(corpus.join("directory").join(name), &header)?;
        let options = [60, if name.starts_with("f16") { 0 } else { 2 }];
        fs::write(corpus.join("load").join(name), [&options[..], &header, &data].concat())?;
    }
    Ok(())
}

/// The smallest model with `ternary` weights: only `ffn_down` has rows that are long enough for a block of them.
fn model(float: TensorType, ternary: TensorType) -> io::Result<(Vec<u8>, Vec<u8>)> {
    const DIM: usize = 8;
    let ffn_dim = ternary.block_len();
    let mut tokens: Vec<String> = byte_alphabet().map(String::from).collect();
    tokens.extend(["he", "<|x|>"].map(String::from));
    let mut types = vec![1; tokens.len()];
    types[257] = 3;
    let n = tokens.len();

    let mut writer = Writer::new();
    let arch = "bitnet-b1.58";
    let numbers = [
        ("context_length", 64),
        ("embedding_length", DIM),
        ("block_count", 1),
        ("feed_forward_length", ffn_dim),
        ("attention.head_count", 2),
        ("attention.head_count_kv", 1),
    ];
    writer.key("general.architecture", Value::String(arch.into()));
    for (name, value) in numbers {
        writer.key(&format!("{arch}.{name}"), Value::Unsigned(value as u64));
    }
    writer
        .key("tokenizer.ggml.model", Value::String("gpt2".into()))
        .key("tokenizer.ggml.tokens", Value::Array(Array::String(tokens)))
        .key("tokenizer.ggml.token_type", Value::Array(Array::Signed(types)))
        .key("tokenizer.ggml.merges", Value::Array(Array::String(vec!["h e".into()])))
        .key("tokenizer.ggml.eos_token_id", Value::Unsigned(257))
        .key("tokenizer.ggml.add_bos_token", Value::Bool(false));

    let vector = |name: &str, len: usize| (name.to_owned(), TensorType::F32, 1, len);
    let tensors = [
        ("token_embd".to_owned(), float, n, DIM),
        vector("blk.0.attn_norm", DIM),
        ("blk.0.attn_q".to_owned(), float, DIM, DIM),
        ("blk.0.attn_k".to_owned(), float, DIM / 2, DIM),
        ("blk.0.attn_v".to_owned(), float, DIM / 2, DIM),
        vector("blk.0.attn_sub_norm", DIM),
        ("blk.0.attn_output".to_owned(), float, DIM, DIM),
        vector("blk.0.ffn_norm", DIM),
        ("blk.0.ffn_gate".to_owned(), float, ffn_dim, DIM),
        ("blk.0.ffn_up".to_owned(), float, ffn_dim, DIM),
        vector("blk.0.ffn_sub_norm", ffn_dim),
        ("blk.0.ffn_down".to_owned(), ternary, DIM, ffn_dim),
        vector("output_norm", DIM),
    ];
    let mut data = Vec::new();
    for (name, tensor_type, rows, cols) in tensors {
        let bytes = tensor_type.tensor_bytes(rows, cols).unwrap_or(0);
        let dims: &[u64] = if rows == 1 { &[cols as u64] } else { &[cols as u64, rows as u64] };
        writer.tensor(&format!("{name}.weight"), dims, tensor_type.id(), bytes);
        // The bytes of the number 1, or a pattern of codes with the scale 1 behind it.
        let pattern: &[u8] = match tensor_type {
            TensorType::F32 => &[0, 0, 0x80, 0x3f],
            TensorType::F16 => &[0, 0x3c],
            TensorType::Bf16 => &[0x80, 0x3f],
            _ => &[0x24, 0x18, 0x42],
        };
        let begin = data.len();
        data.extend(pattern.iter().copied().cycle().take(bytes as usize));
        let block = tensor_type.block_bytes();
        match tensor_type {
            TensorType::I2S => {
                let trailer = data.len() - 32;
                data[trailer..trailer + 4].copy_from_slice(&1_f32.to_le_bytes());
            }
            TensorType::Tq1_0 | TensorType::Tq2_0 => {
                data[begin..].chunks_exact_mut(block).for_each(|b| b[block - 2..].copy_from_slice(&[0, 0x3c]));
            }
            _ => {}
        }
        data.resize(data.len().next_multiple_of(32), 0);
    }
    let mut header = Vec::new();
    writer.write_header(&mut header)?;
    Ok((header, data))
}
