//! Ternary weights as transformers packs them: a byte holds the codes of one column of four rows, which lie a quarter of
//! the matrix apart.
//!
//! Of `rows / 4` packed rows of `cols` bytes, packed row `r` holds row `r` in its bits 0 and 1, row `rows / 4 + r` in bits 2 and 3, and so on.
//! `code = weight + 1`; code 3 is unused. Source: `pack_weights` of transformers' `integrations/bitnet.py`.

/// The rows that a packed row holds.
pub(super) const QUARTERS: usize = 4;

/// One of the four rows of a packed row. `false`: one of the codes stands for no weight.
pub(super) fn decode_row(packed: &[u8], quarter: usize, codes: &mut [i8]) -> bool {
    let mut unused = false;
    for (code, byte) in codes.iter_mut().zip(packed) {
        let bits = byte >> (2 * quarter) & 3;
        unused |= bits == 3;
        *code = bits as i8 - 1;
    }
    !unused
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in the documentation of transformers' `unpack_weights`.
    #[test]
    fn a_byte_holds_four_rows() {
        let packed = [0b1010_0001, 0b0001_1000];
        let rows = [0, 1, 2, 3].map(|quarter| {
            let mut codes = [0; 2];
            assert!(decode_row(&packed, quarter, &mut codes));
            codes
        });
        assert_eq!(rows, [[0, -1], [-1, 1], [1, 0], [1, -1]]);
        assert!(!decode_row(&[3], 0, &mut [0]));
    }
}
