//! TQ2_0 (ggml type 35): blocks of 256 weights in 66 bytes, `u8 qs[64]; f16 d`.
//!
//! Two halves of 32 bytes; in each, byte `m` holds the codes of weights `m`, `32 + m`, `64 + m`, `96 + m` from its
//! **low** bits up (the opposite of I2_S). Weight = code - 1. Source: ggml `dequantize_row_tq2_0`.

use super::block_scale::BlockScale;

pub(super) const BLOCK_BYTES: usize = 66;

/// Decodes one block of 66 bytes into 256 weights.
pub(super) fn decode_block(block: &[u8], codes: &mut [i8]) -> BlockScale {
    let (qs, d) = block.split_at(64);
    // Bit 0 is set once a code is 3. A boolean that gathers `code == 3` would be decoded wrong: LLVM 22.1 reverses a shift
    // where it joins the comparisons of 32 bytes in a WebAssembly register (llvm/llvm-project#190358, fixed by pull
    // request 190361). `cargo xtask build` looks for that in all it builds.
    let mut seen = 0;
    for (half, out) in qs.chunks_exact(32).zip(codes.chunks_exact_mut(128)) {
        for (field, weights) in out.chunks_exact_mut(32).enumerate() {
            for (weight, &byte) in weights.iter_mut().zip(half) {
                let code = (byte >> (2 * field)) & 3;
                seen |= code & (code >> 1);
                *weight = code as i8 - 1;
            }
        }
    }
    BlockScale { bits: u16::from_le_bytes([d[0], d[1]]), out_of_range: seen != 0 }
}
