//! Q6_K (ggml type 14): super-blocks of 256 weights in 210 bytes, `u8 ql[128]; u8 qh[64]; i8 scales[16]; f16 d`.
//!
//! Weight `i` = `(d scales[i / 16]) (code - 32)`. Of each half of 128 weights, `ql` has the lower 4 bits: 64 bytes, the low
//! nibbles of which are weights 0 to 63 and the high ones 64 to 127; `qh` has the upper 2 bits: bits `2 g` of byte `i` (0 to
//! 31) are those of weight `32 g + i`. Source: ggml `dequantize_row_q6_K`.

use super::blocks::half_at;

pub(super) fn q6_k(block: &[u8; 210], values: &mut [f32; 256]) {
    let d = half_at(block, 208);
    let (ql, qh) = (block[..128].as_chunks::<16>().0, block[128..192].as_chunks::<16>().0);
    let scales: [f32; 16] = std::array::from_fn(|i| d * f32::from(block[192 + i] as i8));
    for (half, values) in values.as_chunks_mut::<128>().0.iter_mut().enumerate() {
        let (ql, qh, scales) = (&ql[4 * half..][..4], &qh[2 * half..][..2], &scales[8 * half..][..8]);
        let values = values.as_chunks_mut::<16>().0;
        for i in 0..2 {
            sixteen::<0, 0>(&ql[i], &qh[i], scales[i], &mut values[i]);
            sixteen::<0, 2>(&ql[2 + i], &qh[i], scales[2 + i], &mut values[2 + i]);
            sixteen::<4, 4>(&ql[i], &qh[i], scales[4 + i], &mut values[4 + i]);
            sixteen::<4, 6>(&ql[2 + i], &qh[i], scales[6 + i], &mut values[6 + i]);
        }
    }
}

/// Weights of one scale. The shifts are constants because WebAssembly has no vector shift of bytes by several counts, and
/// compilers do not find the one count by themselves.
#[inline(always)]
fn sixteen<const LOW: u32, const HIGH: u32>(ql: &[u8; 16], qh: &[u8; 16], scale: f32, values: &mut [f32; 16]) {
    for ((value, low), high) in values.iter_mut().zip(ql).zip(qh) {
        let code = low >> LOW & 15 | (high >> HIGH & 3) << 4;
        *value = scale * (f32::from(code) - 32.0);
    }
}
