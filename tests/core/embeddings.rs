//! Embedding and head in every type that they may be stored in: a model computes with the values that the bytes stand for.

use bitnet_web::kernels::{CodeSet, Kernel};
use bitnet_web::load::{LoadOptions, Loader, Precision, Summary};
use bitnet_web::quant::{FloatDecoder, TensorType};

use crate::support::draft::{Draft, DraftTensor};
use crate::support::{engine, models};

const EMBEDDING: &str = "token_embd.weight";
const HEAD: &str = "output.weight";

fn quantized() -> impl Iterator<Item = TensorType> {
    TensorType::ALL.into_iter().filter(|t| t.row_decoder().is_some() && !t.is_float())
}

/// `tensor` in blocks of `tensor_type`: any codes, with scales that keep the values about as small as an embedding's.
fn store(tensor: &mut DraftTensor, tensor_type: TensorType) {
    let mut seed = 0x1234_5678_9abc_def1_u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 32) as u8
    };
    let (rows, cols) = (tensor.dims[1] as usize, tensor.dims[0] as usize);
    let bytes = tensor_type.tensor_bytes(rows, cols).unwrap() as usize;
    tensor.data = (0..bytes).map(|_| random()).collect();
    // 0.004, for those with scales in their codes a hundredth of that, and for those of few bits 16 times as much.
    let (scale, places): (u16, &[usize]) = match tensor_type {
        TensorType::Q6K => (0x00a0, &[208]),
        TensorType::Q4K | TensorType::Q5K => (0x02a0, &[0, 2]),
        TensorType::Q4_1 | TensorType::Q5_1 => (0x1c18, &[0, 2]),
        TensorType::Tq1_0 => (0x2c18, &[52]),
        TensorType::Tq2_0 => (0x2c18, &[64]),
        TensorType::Ptq1_0 => (0x2c18, &[26]),
        TensorType::Q1_0 | TensorType::Q2_0 | TensorType::Pq2_0 => (0x2c18, &[0]),
        _ => (0x1c18, &[0]),
    };
    for (index, block) in tensor.data.chunks_exact_mut(tensor_type.block_bytes()).enumerate() {
        // A little more from block to block, so that no two scales are one.
        let scale = scale + index as u16 % 16;
        places.iter().for_each(|at| block[*at..at + 2].copy_from_slice(&scale.to_le_bytes()));
    }
    tensor.type_id = tensor_type.id();
}

/// The same values as F32.
fn widened(tensor: &DraftTensor) -> DraftTensor {
    let cols = tensor.dims[0] as usize;
    let mut decoder = FloatDecoder::new(&tensor.name, TensorType::from_id(tensor.type_id).unwrap(), cols).unwrap();
    let mut data = Vec::new();
    let sink = |row: bitnet_web::quant::FloatRow<'_>| {
        data.extend(row.values.iter().flat_map(|value| value.to_le_bytes()));
        Ok(())
    };
    decoder.push(&tensor.data, sink).unwrap();
    DraftTensor { type_id: TensorType::F32.id(), data, ..tensor.clone() }
}

fn options(precision: Precision) -> LoadOptions {
    LoadOptions { precision, ..LoadOptions::new(Kernel::SCALAR) }
}

fn summary(file: &[u8], precision: Precision) -> Summary {
    let mut loader = Loader::new(options(precision));
    loader.push(file).unwrap();
    loader.summary().unwrap().clone()
}

#[test]
fn every_type_of_embedding_and_head_gives_the_logits_of_its_values() {
    let files = ["gqa2-untied-i2_s.gguf", "gqa1-tq2_0.gguf"].map(models::read);
    for tensor_type in quantized() {
        for (file, names) in files.iter().zip([&[EMBEDDING, HEAD][..], &[EMBEDDING]]) {
            let mut stored = Draft::read(file);
            let mut floats = stored.clone();
            for name in names {
                store(stored.tensor(name), tensor_type);
                *floats.tensor(name) = widened(stored.tensor(name));
            }
            let files = [stored.bytes(), floats.bytes()];
            for precision in [Precision::Exact, Precision::Fast] {
                // Fast with a head of its own: of floats the embedding is rounded to int8, of blocks it is not. Ternary codes
                // are multiplied as such.
                if precision == Precision::Fast && (names.len() > 1 || tensor_type.groups().is_some()) {
                    continue;
                }
                let [stored, floats] = files.each_ref().map(|file| {
                    let mut engine = engine(file, options(precision), 2, 1000);
                    let logits = engine.logits(&[7, 300, 7, 0, 21], &[1, 4]).unwrap();
                    (logits.iter().map(|logit| logit.to_bits()).collect::<Vec<_>>(), engine.logits_hash().unwrap())
                });
                assert!(stored == floats, "{} as {names:?}, {precision:?}", tensor_type.name());
            }
        }
    }
}

#[test]
fn quantized_rows_keep_their_size_in_memory() {
    let (untied, tied) = (models::read("gqa2-untied-i2_s.gguf"), models::read("gqa1-tq2_0.gguf"));
    for tensor_type in quantized() {
        let name = tensor_type.name();
        let mut draft = Draft::read(&untied);
        [EMBEDDING, HEAD].iter().for_each(|name| store(draft.tensor(name), tensor_type));
        let bytes = draft.tensor(HEAD).data.len() as u64;
        let [rows, cols] = [draft.tensor(HEAD).dims[1], draft.tensor(HEAD).dims[0]];
        let int8 = rows * (cols + 4);
        let file = draft.bytes();
        // As F16 an exact embedding takes two bytes a weight, and a fast one is int8.
        let of_matrices = summary(&untied, Precision::Exact).weight_bytes - 2 * 2 * rows * cols;
        assert_eq!(summary(&untied, Precision::Fast).weight_bytes, of_matrices + 2 * int8);
        assert_eq!(summary(&file, Precision::Exact).weight_bytes, of_matrices + 2 * bytes, "{name}");
        let fast = match tensor_type.groups() {
            // Of the head rows side by side, with their scales: four of two bits a weight, or sixteen of one.
            Some((scheme, _)) => {
                let columns = scheme.columns.count() as u64;
                let (side, bits) = match scheme.codes {
                    CodeSet::Ternary => (4, 2),
                    CodeSet::Binary => (16, 1),
                };
                bytes + rows.div_ceil(side) * (cols / columns) * side * (columns * bits / 8 + 2)
            }
            None => bytes + int8,
        };
        assert_eq!(summary(&file, Precision::Fast).weight_bytes, of_matrices + fast, "{name}");
        assert_eq!(summary(&file, Precision::Fast).quantization, format!("I2_S, embedding {name}, head {name}"));
        for precision in [Precision::Exact, Precision::Fast] {
            let engine = engine(&file, options(precision), 1, 1 << 16);
            assert_eq!(engine.model().weights().bytes() as u64, engine.summary().weight_bytes, "{name}");
        }
        let mut draft = Draft::read(&tied);
        store(draft.tensor(EMBEDDING), tensor_type);
        let summary = summary(&draft.bytes(), Precision::Fast);
        assert_eq!(summary.quantization, format!("TQ2_0, embedding {name}"));
    }
}

/// Whatever llama.cpp's quantizer leaves of a ternary model: rows that are no multiples of a ternary block, or layers that were
/// kept apart.
#[test]
fn a_linear_layer_may_be_stored_in_any_type() {
    let file = models::read("gqa1-tq2_0.gguf");
    for tensor_type in quantized() {
        let mut draft = Draft::read(&file);
        for name in ["blk.1.ffn_up.weight", "blk.0.attn_k.weight"] {
            store(draft.tensor(name), tensor_type);
        }
        let (file, name) = (draft.bytes(), tensor_type.name());
        for precision in [Precision::Exact, Precision::Fast] {
            let logits = |kernel, threads, tokens: &[usize]| {
                let options = LoadOptions { precision, ..LoadOptions::new(kernel) };
                let mut engine = engine(&file, options, threads, 1000);
                let prompt: Vec<u32> = (0..40).map(|index| index * 7 % 256).collect();
                let logits = engine.logits(&prompt, tokens).unwrap();
                logits.iter().map(|logit| logit.to_bits()).collect::<Vec<_>>()
            };
            let want = logits(Kernel::SCALAR, 1, &[0, 39]);
            assert!(want.iter().all(|bits| f32::from_bits(*bits).is_finite()), "{name}");
            for kernel in Kernel::all() {
                assert!(logits(kernel, 2, &[0, 39]) == want, "{name}, {precision:?}, {}", kernel.name());
            }
        }
        assert!(summary(&file, Precision::Fast).quantization.contains(name), "{name}");
    }
}
