//! I2_S (ggml type 36 of bitnet.cpp): four 2-bit codes a byte, most significant first, interleaved over a group.
//!
//! `code = weight + 1`; code 3 is unused and reads as 0, as in bitnet.cpp's `dequantize_row_i2_s`. In a group of 128
//! weights, byte `p` (0..32) holds the codes of weights `p`, `32 + p`, `64 + p`, `96 + p` from its high bits to its
//! low ones. Files quantized by an ARM build since November 2025 use groups of 64 with a stride of 16; nothing in the
//! file says so. Source: microsoft/BitNet `src/ggml-bitnet-mad.cpp`, `quantize_i2_s`.

/// Which interleaving a file uses. Nothing in the file tells, so the caller may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum I2sLayout {
    /// Groups of 128, stride 32: every published file, and every build but recent ARM ones.
    #[default]
    Stride32,
    /// Groups of 64, stride 16: quantized by an ARM build since November 2025.
    Stride16,
}

impl I2sLayout {
    const fn stride(self) -> usize {
        match self {
            Self::Stride32 => 32,
            Self::Stride16 => 16,
        }
    }
}

/// Without a table, so that the loops below are vectorized.
#[inline(always)]
fn weight(code: u8) -> i8 {
    if code == 3 { 0 } else { code as i8 - 1 }
}

/// Decodes whole groups: `codes.len() == 4 * bytes.len()`.
pub(super) fn decode(layout: I2sLayout, bytes: &[u8], codes: &mut [i8]) {
    let stride = layout.stride();
    for (group, out) in bytes.chunks_exact(stride).zip(codes.chunks_exact_mut(4 * stride)) {
        let (first, rest) = out.split_at_mut(stride);
        let (second, rest) = rest.split_at_mut(stride);
        let (third, fourth) = rest.split_at_mut(stride);
        for (out, shift) in [first, second, third, fourth].into_iter().zip([6, 4, 2, 0]) {
            for (weight_out, &byte) in out.iter_mut().zip(group) {
                *weight_out = weight(byte >> shift & 3);
            }
        }
    }
}

/// The scale: the first four of the 32 bytes behind the last row. The others are padding and may hold anything.
pub(super) fn scale(trailer: &[u8; 32]) -> f32 {
    f32::from_le_bytes([trailer[0], trailer[1], trailer[2], trailer[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_holds_four_weights_from_the_high_bits_down() {
        let mut group = [0b01_01_01_01_u8; 32]; // all zeros
        group[5] = 0b10_00_11_01; // +1, -1, unused (0), 0
        let mut codes = [9_i8; 128];
        decode(I2sLayout::Stride32, &group, &mut codes);
        assert_eq!((codes[5], codes[37], codes[69], codes[101]), (1, -1, 0, 0));
        assert!(codes.iter().enumerate().all(|(i, &c)| i % 32 == 5 || c == 0));
    }

    #[test]
    fn the_arm_layout_has_half_the_stride() {
        let mut group = [0b01_01_01_01_u8; 32];
        group[16] = 0b10_00_10_00;
        let mut codes = [9_i8; 128];
        decode(I2sLayout::Stride16, &group, &mut codes);
        assert_eq!((codes[64], codes[80], codes[96], codes[112]), (1, -1, 1, -1));
    }
}
