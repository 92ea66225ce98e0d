//! Q6_K (ggml type 14): super-blocks of 256 weights in 210 bytes, `u8 ql[128]; u8 qh[64]; i8 scales[16]; f16 d`.
//!
//! Weight `i` = `(d scales[i / 16]) (code - 32)`. Of each half of 128 weights, `ql` has the lower 4 bits: 64 bytes, the low
//! nibbles of which are weights 0 to 63 and the high ones 64 to 127; `qh` has the upper 2 bits: bits `2 g` of byte `i` (0 to
//! 31) are those of weight `32 g + i`. Source: ggml `dequantize_row_q6_K`.

use super::blocks::half_at;

pub(super) fn q6_k(block: &[u8; 210], values: &mut [f32; 256]) {
    let d = half_at(block, 208);
    for (half, values) in values.as_chunks_mut::<128>().0.iter_mut().enumerate() {
        let (ql, qh) = (&block[64 * half..][..64], &block[128 + 32 * half..][..32]);
        for (sixteen, values) in values.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let scale = d * f32::from(block[192 + 8 * half + sixteen] as i8);
            let at = 16 * (sixteen % 2);
            let (ql, qh) = (&ql[32 * (sixteen / 2 % 2) + at..][..16], &qh[at..][..16]);
            let (low_shift, high_shift) = (4 * (sixteen / 4), 2 * (sixteen / 2));
            for ((value, low), high) in values.iter_mut().zip(ql).zip(qh) {
                let code = low >> low_shift & 15 | (high >> high_shift & 3) << 4;
                *value = scale * (f32::from(code) - 32.0);
            }
        }
    }
}
