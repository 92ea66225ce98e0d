//! Models whose matrices have a scale for each group of columns.

use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Loader, Precision};
use bitnet_web::quant::TensorType;

use crate::support::draft::{Draft, DraftTensor};
use crate::support::{engine, models};

const LINEARS: [&str; 7] = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"];

/// Stores `tensor` in blocks of `count` columns with an f16 scale in front: Q2_0 or PQ2_0. `scale(block)` gives the bits.
fn store(tensor: &mut DraftTensor, type_id: u32, count: usize, scale: impl Fn(usize) -> u16) {
    let mut state = 0x2545_f491_u32;
    let weights = tensor.dims.iter().product::<u64>() as usize;
    tensor.type_id = type_id;
    tensor.data = (0..weights / count)
        .flat_map(|block| {
            let codes = (0..count / 4).map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Codes 0 to 2.
                let byte = (state >> 24) as u8;
                byte & !((byte >> 1) & byte & 0x55)
            });
            let mut bytes = scale(block).to_le_bytes().to_vec();
            bytes.extend(codes);
            bytes
        })
        .collect();
}

/// The fixture with all its matrices so stored.
fn model(type_id: u32, count: usize, scale: impl Fn(usize) -> u16 + Copy) -> Draft {
    let mut draft = Draft::read(&models::read("gqa1-tq2_0.gguf"));
    let linears = draft.tensors.iter_mut().filter(|t| LINEARS.iter().any(|name| t.name.contains(&format!(".{name}."))));
    linears.for_each(|tensor| store(tensor, type_id, count, scale));
    draft
}

fn logits(file: &[u8], kernel: Kernel, threads: usize) -> Vec<u32> {
    let mut engine = engine(file, LoadOptions::new(kernel), threads, 1000);
    let prompt: Vec<u32> = (0..37).map(|index| index * 11 % 256).collect();
    engine.logits(&prompt, &[0, 5, 36]).unwrap().iter().map(|logit| logit.to_bits()).collect()
}

fn quantization(file: &[u8]) -> String {
    let mut loader = Loader::new(LoadOptions::new(Kernel::SCALAR));
    loader.push(file).unwrap();
    loader.summary().unwrap().quantization.clone()
}

/// Different scales: about 0.06, from group to group.
const DIFFERENT: fn(usize) -> u16 = |block| 0x2b80 + (block * 37 % 200) as u16;

#[test]
fn groups_of_128_under_type_42_are_told_by_the_places_of_tensors() {
    let [old, named, new] = [(42, 128), (142, 128), (42, 64)].map(|(id, count)| model(id, count, DIFFERENT).bytes());
    assert_eq!([&old, &named, &new].map(|file| quantization(file)), ["PQ2_0", "PQ2_0", "Q2_0"]);
    assert_eq!(logits(&old, Kernel::SCALAR, 1), logits(&named, Kernel::SCALAR, 1));
    assert_ne!(logits(&new, Kernel::SCALAR, 1), logits(&named, Kernel::SCALAR, 1));
}

#[test]
fn every_kernel_and_number_of_threads_gives_the_same_logits() {
    for (id, count) in [(42, 64), (142, 128)] {
        let file = model(id, count, DIFFERENT).bytes();
        let want = logits(&file, Kernel::SCALAR, 1);
        for kernel in Kernel::all() {
            for threads in 1..=3 {
                assert_eq!(logits(&file, kernel, threads), want, "{count} columns, {}, {threads}", kernel.name());
            }
        }
    }
}

/// Groups that all have one scale are the matrix with that scale: the bits of its TQ2_0 file, in either type.
#[test]
fn groups_of_one_scale_are_a_matrix_with_one_scale() {
    let files = [(42, 64), (142, 128)].map(|(id, count)| model(id, count, |_| 0x2c00));
    let weights = files.each_ref().map(|file| {
        let tensor = file.tensors.iter().find(|t| t.name == "blk.0.attn_q.weight").unwrap();
        let mut values = vec![0.0; tensor.dims.iter().product::<u64>() as usize];
        TensorType::from_id(tensor.type_id).unwrap().row_decoder().unwrap()(&tensor.data, &mut values);
        values
    });
    assert_eq!(weights[0], weights[1], "the two files hold the same weights");
    let [a, b] = files.map(|file| logits(&file.bytes(), Kernel::SCALAR, 2));
    assert_eq!(a, b);
}

/// Trained with int8 inputs, a model computes alike in both precisions up to embedding, head and KV cache; this one runs at all.
#[test]
fn both_precisions_run() {
    let file = model(42, 64, DIFFERENT).bytes();
    for precision in [Precision::Fast, Precision::Exact] {
        let options = LoadOptions { precision, ..LoadOptions::new(Kernel::SCALAR) };
        let mut engine = engine(&file, options, 1, 1000);
        let logits = engine.logits(&[1, 2, 3], &[2]).unwrap();
        assert!(logits.iter().all(|logit| logit.is_finite()));
    }
}
