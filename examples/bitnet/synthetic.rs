//! Generated models of any shape: true sizes and types, random weights from a fixed seed.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use bitnet_web::gguf::{Array, Value, Writer};
use bitnet_web::quant::TensorType;

use crate::blocks::{Blocks, Q2_0, Q6_K};

/// The shape of a generated model.
pub struct Shape {
    pub name: &'static str,
    n_layers: u64,
    dim: u64,
    ffn_dim: u64,
    n_heads: u64,
    n_kv_heads: u64,
    vocab_size: u64,
    merges: usize,
    context: u64,
    family: Family,
}

/// What a model is built like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Two norms more in a layer; the embedding is the head.
    Bitnet,
    /// Norms of queries and keys, heads of 128, and all matrices in Q2_0, embedding and head included.
    Qwen3 { is_tied: bool },
    /// A head of its own.
    Llama,
}

impl Shape {
    fn head_dim(&self) -> u64 {
        match self.family {
            Family::Qwen3 { .. } => 128,
            Family::Bitnet | Family::Llama => self.dim / self.n_heads,
        }
    }
}

/// BitNet b1.58 2B4T (its config.json), the first 0.7B model's proportions, a small one for quick runs; Ternary-Bonsai, which has
/// the shapes of Qwen3, and Llama3-8B-1.58 (their config.json).
pub const SHAPES: [Shape; 7] = [
    Shape {
        name: "2b4t",
        n_layers: 30,
        dim: 2560,
        ffn_dim: 6912,
        n_heads: 20,
        n_kv_heads: 5,
        vocab_size: 128_256,
        merges: 280_147,
        context: 4096,
        family: Family::Bitnet,
    },
    Shape {
        name: "0.7b",
        n_layers: 24,
        dim: 1536,
        ffn_dim: 4096,
        n_heads: 12,
        n_kv_heads: 12,
        vocab_size: 32_000,
        merges: 60_000,
        context: 2048,
        family: Family::Bitnet,
    },
    Shape {
        name: "125m",
        n_layers: 12,
        dim: 768,
        ffn_dim: 2048,
        n_heads: 12,
        n_kv_heads: 4,
        vocab_size: 16_384,
        merges: 30_000,
        context: 4096,
        family: Family::Bitnet,
    },
    Shape {
        name: "bonsai-1.7b",
        n_layers: 28,
        dim: 2048,
        ffn_dim: 6144,
        n_heads: 16,
        n_kv_heads: 8,
        vocab_size: 151_669,
        merges: 151_387,
        context: 32_768,
        family: Family::Qwen3 { is_tied: true },
    },
    Shape {
        name: "bonsai-4b",
        n_layers: 36,
        dim: 2560,
        ffn_dim: 9728,
        n_heads: 32,
        n_kv_heads: 8,
        vocab_size: 151_669,
        merges: 151_387,
        context: 32_768,
        family: Family::Qwen3 { is_tied: true },
    },
    Shape {
        name: "bonsai-8b",
        n_layers: 36,
        dim: 4096,
        ffn_dim: 12288,
        n_heads: 32,
        n_kv_heads: 8,
        vocab_size: 151_669,
        merges: 151_387,
        context: 32_768,
        family: Family::Qwen3 { is_tied: false },
    },
    Shape {
        name: "llama3-8b",
        n_layers: 32,
        dim: 4096,
        ffn_dim: 14_336,
        n_heads: 32,
        n_kv_heads: 8,
        vocab_size: 128_256,
        merges: 280_147,
        context: 8192,
        family: Family::Llama,
    },
];

/// The template of BitNet b1.58 2B4T.
const TEMPLATE: &str = "{% for message in messages %}{{ message['role'] | capitalize + ': ' + message['content'] | trim + \
    '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}";

const SEED: u64 = 0x5851_f42d_4c95_7f2d;

/// The content of a tensor.
#[derive(Clone, Copy)]
enum Content {
    /// f32, all of them 1.
    Ones,
    /// I2_S, all three values as likely.
    Ternary,
    /// f16.
    Embedding,
    /// Of llama.cpp's types.
    Blocks(&'static Blocks),
}

impl Content {
    fn type_id(self) -> u32 {
        match self {
            Self::Ones => TensorType::F32.id(),
            Self::Ternary => TensorType::I2S.id(),
            Self::Embedding => TensorType::F16.id(),
            Self::Blocks(blocks) => blocks.type_id,
        }
    }

    fn bytes(self, dims: &[u64]) -> u64 {
        let rows = dims.get(1).copied().unwrap_or(1);
        let bytes = |tensor_type: TensorType| tensor_type.tensor_bytes(rows as usize, dims[0] as usize).unwrap_or(0);
        match self {
            Self::Ones => bytes(TensorType::F32),
            Self::Ternary => bytes(TensorType::I2S),
            Self::Embedding => bytes(TensorType::F16),
            Self::Blocks(blocks) => blocks.bytes(dims),
        }
    }

    fn write(self, out: &mut impl Write, dims: &[u64], random: &mut Random) -> io::Result<()> {
        match self {
            Self::Ones => (0..dims[0]).try_for_each(|_| out.write_all(&1_f32.to_le_bytes())),
            Self::Ternary => write_ternary(out, dims, random),
            Self::Embedding => write_embedding(out, dims, random),
            Self::Blocks(blocks) => blocks.write(out, dims, random),
        }
    }
}

/// Writes the model `shape` as its own file is: of BitNet with I2_S weights and an f16 embedding, of Ternary-Bonsai with all in
/// Q2_0, of Llama with I2_S weights, and embedding and head in Q6_K; or for llama.cpp, with matrices in `blocks` and the embedding
/// in Q6_K, as its quantizer would make them; or with everything in Q1_0, as Bonsai's binary files are.
pub fn write(shape: &Shape, blocks: Option<&'static Blocks>, path: &Path) -> io::Result<()> {
    let mut writer = Writer::new();
    keys(&mut writer, shape, blocks);
    let tensors = tensors(shape, blocks);
    for (name, dims, content) in &tensors {
        writer.tensor(name, dims, content.type_id(), content.bytes(dims));
    }
    let partial = path.with_extension("partial");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&partial)?);
    writer.write_header(&mut out)?;
    let mut random = Random(SEED);
    for (_, dims, content) in &tensors {
        content.write(&mut out, dims, &mut random)?;
        let padding = content.bytes(dims).next_multiple_of(32) - content.bytes(dims);
        out.write_all(&vec![0; padding as usize])?;
    }
    out.into_inner()?.sync_all()?;
    std::fs::rename(partial, path)
}

fn keys(writer: &mut Writer, shape: &Shape, blocks: Option<&Blocks>) {
    let text = |s: &str| Value::String(s.to_owned());
    let number = |v: u64| Value::Unsigned(v);
    let arch = match shape.family {
        // The only architecture with the same two norms more that llama.cpp has.
        Family::Bitnet if blocks.is_some() => "bitnet",
        Family::Bitnet => "bitnet-b1.58",
        Family::Qwen3 { .. } => "qwen3",
        Family::Llama => "llama",
    };
    let (tokens, merges) = vocabulary(shape.vocab_size as usize - 256, shape.merges);
    let special = (tokens.len() as u64, tokens.len() as u64 + 1, tokens.len() as u64 + 9);
    let mut types = vec![1_i64; tokens.len()];
    let mut tokens = tokens;
    tokens.extend((0..256).map(|i| match i {
        0 => "<|begin_of_text|>".to_owned(),
        1 => "<|end_of_text|>".to_owned(),
        9 => "<|eot_id|>".to_owned(),
        i => format!("<|reserved_special_token_{i}|>"),
    }));
    types.resize(tokens.len(), 3);
    writer
        .key("general.architecture", text(arch))
        .key("general.name", text(&format!("generated {}", shape.name)))
        .key(&format!("{arch}.vocab_size"), number(shape.vocab_size))
        .key(&format!("{arch}.context_length"), number(shape.context))
        .key(&format!("{arch}.embedding_length"), number(shape.dim))
        .key(&format!("{arch}.block_count"), number(shape.n_layers))
        .key(&format!("{arch}.feed_forward_length"), number(shape.ffn_dim))
        .key(&format!("{arch}.rope.dimension_count"), number(shape.head_dim()))
        .key(&format!("{arch}.attention.key_length"), number(shape.head_dim()))
        .key(&format!("{arch}.attention.value_length"), number(shape.head_dim()))
        .key(&format!("{arch}.attention.head_count"), number(shape.n_heads))
        .key(&format!("{arch}.attention.head_count_kv"), number(shape.n_kv_heads))
        .key(&format!("{arch}.attention.layer_norm_rms_epsilon"), Value::Float(1e-5))
        .key(&format!("{arch}.rope.freq_base"), Value::Float(500_000.0))
        .key("general.file_type", number(blocks.map_or(40, |blocks| blocks.file_type)))
        .key("tokenizer.ggml.model", text("gpt2"))
        .key("tokenizer.ggml.pre", text("llama-bpe"))
        .key("tokenizer.ggml.tokens", Value::Array(Array::String(tokens)))
        .key("tokenizer.ggml.token_type", Value::Array(Array::Signed(types)))
        .key("tokenizer.ggml.merges", Value::Array(Array::String(merges)))
        .key("tokenizer.ggml.add_bos_token", Value::Bool(true))
        .key("tokenizer.ggml.bos_token_id", number(special.0))
        .key("tokenizer.ggml.eos_token_id", number(special.1))
        .key("tokenizer.ggml.eot_token_id", number(special.2))
        .key("tokenizer.ggml.padding_token_id", number(special.1))
        .key("tokenizer.chat_template", text(TEMPLATE));
}

fn tensors(shape: &Shape, blocks: Option<&'static Blocks>) -> Vec<(String, Vec<u64>, Content)> {
    let (dim, ffn) = (shape.dim, shape.ffn_dim);
    let (q, kv) = (shape.head_dim() * shape.n_heads, shape.head_dim() * shape.n_kv_heads);
    let (matrix, embedding) = match (blocks, shape.family) {
        (Some(blocks), _) if blocks.is_everywhere => (Content::Blocks(blocks), Content::Blocks(blocks)),
        (Some(blocks), _) => (Content::Blocks(blocks), Content::Blocks(&Q6_K)),
        (None, Family::Bitnet) => (Content::Ternary, Content::Embedding),
        (None, Family::Qwen3 { .. }) => (Content::Blocks(&Q2_0), Content::Blocks(&Q2_0)),
        (None, Family::Llama) => (Content::Ternary, Content::Blocks(&Q6_K)),
    };
    let is_tied = !matches!(shape.family, Family::Llama | Family::Qwen3 { is_tied: false });
    let mut all = vec![("token_embd.weight".to_owned(), vec![dim, shape.vocab_size], embedding)];
    for layer in 0..shape.n_layers {
        let mut add = |name: &str, dims: &[u64], content| {
            all.push((format!("blk.{layer}.{name}.weight"), dims.to_vec(), content));
        };
        add("attn_norm", &[dim], Content::Ones);
        add("attn_q", &[dim, q], matrix);
        add("attn_k", &[dim, kv], matrix);
        add("attn_v", &[dim, kv], matrix);
        match shape.family {
            Family::Bitnet => {
                add("attn_sub_norm", &[dim], Content::Ones);
                add("ffn_sub_norm", &[ffn], Content::Ones);
            }
            Family::Qwen3 { .. } => {
                add("attn_q_norm", &[shape.head_dim()], Content::Ones);
                add("attn_k_norm", &[shape.head_dim()], Content::Ones);
            }
            Family::Llama => {}
        }
        add("attn_output", &[q, dim], matrix);
        add("ffn_norm", &[dim], Content::Ones);
        add("ffn_gate", &[dim, ffn], matrix);
        add("ffn_up", &[dim, ffn], matrix);
        add("ffn_down", &[ffn, dim], matrix);
    }
    all.push(("output_norm.weight".to_owned(), vec![dim], Content::Ones));
    if !is_tied {
        all.push(("output.weight".to_owned(), vec![dim, shape.vocab_size], embedding));
    }
    all
}

/// Tokens of one to four letters, and merges that make them, as many as asked for.
fn vocabulary(size: usize, n_merges: usize) -> (Vec<String>, Vec<String>) {
    let mut tokens: Vec<String> = byte_alphabet().iter().map(char::to_string).collect();
    let mut known: HashSet<String> = tokens.iter().cloned().collect();
    let letters: Vec<char> = ('a'..='z').collect();
    'lengths: for length in 2..=4_u32 {
        for index in 0..26_usize.pow(length) {
            if tokens.len() == size {
                break 'lengths;
            }
            // The order of the letters is scrambled so that a vocabulary that ends early is not all "aaa".
            let mut rest = index * 7919 % 26_usize.pow(length);
            let token: String = (0..length)
                .map(|_| {
                    let letter = letters[rest % 26];
                    rest /= 26;
                    letter
                })
                .collect();
            known.insert(token.clone());
            tokens.push(token);
        }
    }
    let mut merges = Vec::with_capacity(n_merges);
    for token in &tokens[256..] {
        for split in 1..token.len() {
            let (left, right) = token.split_at(split);
            if merges.len() < n_merges && known.contains(left) && known.contains(right) {
                merges.push(format!("{left} {right}"));
            }
        }
    }
    (tokens, merges)
}

/// GPT-2's printable stand-ins for the 256 bytes, in its order.
fn byte_alphabet() -> Vec<char> {
    let printable = |b: &u32| (33..=126).contains(b) || (161..=172).contains(b) || (174..=255).contains(b);
    let mut chars: Vec<char> = (0..256).filter(printable).filter_map(char::from_u32).collect();
    let others = (0..256).filter(|b| !printable(b)).count() as u32;
    chars.extend((256..256 + others).filter_map(char::from_u32));
    chars
}

fn write_ternary(out: &mut impl Write, dims: &[u64], random: &mut Random) -> io::Result<()> {
    let valid: Vec<u8> = (0..=255_u8).filter(|b| (0..4).all(|i| (b >> (2 * i)) & 3 != 3)).collect();
    let mut block = vec![0_u8; 1 << 16];
    let mut left = (dims[0] * dims[1] / 4) as usize;
    while left > 0 {
        let n = left.min(block.len());
        for chunk in block[..n].chunks_mut(8) {
            let bits = random.next();
            for (i, byte) in chunk.iter_mut().enumerate() {
                *byte = valid[((bits >> (8 * i)) & 0xff) as usize * valid.len() / 256];
            }
        }
        out.write_all(&block[..n])?;
        left -= n;
    }
    // Two thirds of the weights are not 0: this scale keeps the size of what goes through.
    let scale = 1.0 / (dims[0] as f32 * 2.0 / 3.0).sqrt();
    let mut trailer = [0_u8; 32];
    trailer[..4].copy_from_slice(&scale.to_le_bytes());
    out.write_all(&trailer)
}

/// Uniform in [-0.2, 0.2): a standard deviation of 0.12, small enough for the blocks to decide the logits.
fn write_embedding(out: &mut impl Write, dims: &[u64], random: &mut Random) -> io::Result<()> {
    for _ in 0..dims[0] * dims[1] / 4 {
        let bits = random.next();
        for i in 0..4 {
            let unit = ((bits >> (16 * i)) & 0xffff) as f32 / 65536.0;
            out.write_all(&half::f16::from_f32((unit - 0.5) * 0.4).to_le_bytes())?;
        }
    }
    Ok(())
}

/// xorshift64*
pub struct Random(u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
