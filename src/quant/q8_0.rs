//! Q8_0 (ggml type 8): blocks of 32 weights in 34 bytes, `f16 d; i8 qs[32]`. Weight = `d code`. Source: ggml
//! `dequantize_row_q8_0`.

use super::blocks::half_at;

pub(super) fn q8_0(block: &[u8; 34], values: &mut [f32; 32]) {
    let d = half_at(block, 0);
    for (value, &code) in values.iter_mut().zip(&block[2..]) {
        *value = d * f32::from(code as i8);
    }
}
