//! llama.cpp's block types, filled with random bits: for files of the same shape as ours, to compare its speed with.

use std::io::{self, Write};

use crate::synthetic::Random;

/// A block type: an f16 scale before or behind the codes. Layouts and numbers from ggml-common.h, ggml.h and llama.h.
pub struct Blocks {
    pub name: &'static str,
    pub type_id: u32,
    /// Its number as `general.file_type`.
    pub file_type: u64,
    /// Weights of one block.
    weights: u64,
    /// Bytes of one block beside its scale.
    code_bytes: usize,
    scale_first: bool,
    /// Two bits a weight, of which the code 3 is not used.
    ternary: bool,
    /// Standard deviation of what random bits stand for, in scales.
    deviation: f32,
    /// Whether the published files of this type have embedding and head in it, too.
    pub is_everywhere: bool,
}

/// Ternary codes with a scale for 64 weights.
const Q2_0_BLOCKS: Blocks = Blocks {
    name: "q2_0",
    type_id: 42,
    file_type: 41,
    weights: 64,
    code_bytes: 16,
    scale_first: true,
    ternary: true,
    deviation: 0.8,
    is_everywhere: false,
};
pub static Q2_0: Blocks = Q2_0_BLOCKS;

/// The types in which the matrices of a file can be stored.
pub static BLOCKS: [Blocks; 4] = [
    Blocks {
        name: "q4_0",
        type_id: 2,
        file_type: 2,
        weights: 32,
        code_bytes: 16,
        scale_first: true,
        ternary: false,
        deviation: 4.6,
        is_everywhere: false,
    },
    Blocks {
        name: "tq2_0",
        type_id: 35,
        file_type: 37,
        weights: 256,
        code_bytes: 64,
        scale_first: false,
        ternary: true,
        deviation: 0.8,
        is_everywhere: false,
    },
    Q2_0_BLOCKS,
    Blocks {
        name: "q1_0",
        type_id: 41,
        file_type: 40,
        weights: 128,
        code_bytes: 16,
        scale_first: true,
        ternary: false,
        deviation: 1.0,
        is_everywhere: true,
    },
];

/// The embedding's type; its 16 scales of a byte each are random as well.
pub static Q6_K: Blocks = Blocks {
    name: "q6_k",
    type_id: 14,
    file_type: 18,
    weights: 256,
    code_bytes: 128 + 64 + 16,
    scale_first: false,
    ternary: false,
    deviation: 18.5 * 74.0,
    is_everywhere: false,
};

impl Blocks {
    pub fn bytes(&self, dims: &[u64]) -> u64 {
        dims.iter().product::<u64>() / self.weights * (self.code_bytes as u64 + 2)
    }

    /// Weights of a standard deviation that keeps the size of what goes through.
    pub fn write(&self, out: &mut impl Write, dims: &[u64], random: &mut Random) -> io::Result<()> {
        let scale = half::f16::from_f32(1.0 / (dims[0] as f32).sqrt() / self.deviation).to_le_bytes();
        let mut block = vec![0; self.code_bytes + 2];
        let (scale_at, codes_at) = if self.scale_first { (0, 2) } else { (self.code_bytes, 0) };
        block[scale_at..][..2].copy_from_slice(&scale);
        for _ in 0..dims.iter().product::<u64>() / self.weights {
            for eight in block[codes_at..][..self.code_bytes].chunks_exact_mut(8) {
                let mut bits = random.next();
                if self.ternary {
                    // The lower bit of every code 3 is taken away.
                    bits &= !((bits >> 1) & 0x5555_5555_5555_5555);
                }
                eight.copy_from_slice(&bits.to_le_bytes());
            }
            out.write_all(&block)?;
        }
        Ok(())
    }
}
