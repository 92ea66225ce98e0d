//! Rows as files store them, copied into blocks without being decoded.
//!
//! A stored group is its scale as f16 and behind it its codes, the first column in the lowest bits. With sixteen rows side by side a byte
//! of it is a byte of the block. With four, 16 columns of a row are four bytes there as well, whose 2-bit fields are exchanged: field
//! `i` of byte `j` is field `j` of byte `i`.

use super::super::layout::QUAD;
use super::blocks::{Blocks, SideBySide, VECTOR_COLS};

/// Bytes of a stored scale.
const SCALE_BYTES: usize = 2;

impl Blocks {
    const fn stored_group_bytes(self) -> usize {
        SCALE_BYTES + self.columns.count() / self.side.byte_cols()
    }

    /// Bytes of a row as [`copy`](Self::copy) takes it.
    pub(super) const fn stored_bytes(self) -> usize {
        self.groups() * SCALE_BYTES + self.cols / self.side.byte_cols()
    }

    /// Puts one row of whole bytes and at least one group into `data`, the whole matrix: what [`pack`](Self::pack) makes of its codes
    /// and scales. Only the last group may be cut short.
    ///
    /// # Panics
    /// If the row has another length.
    pub(super) fn copy(self, data: &mut [u8], row: usize, stored: &[u8]) {
        let side = self.side.count();
        assert!(stored.len() == self.stored_bytes() && self.cols.is_multiple_of(self.side.byte_cols()));
        let (strip, lane) = (row / side, row % side);
        let strip = &mut data[strip * self.strip_bytes()..][..self.strip_bytes()];
        let groups = stored.chunks(self.stored_group_bytes());
        for (block, stored) in strip.chunks_exact_mut(self.block_bytes()).zip(groups) {
            let ((scale, codes), (packed, scales)) =
                (stored.split_at(SCALE_BYTES), block.split_at_mut(self.code_bytes()));
            scales[SCALE_BYTES * self.side.scale_place(lane)..][..SCALE_BYTES].copy_from_slice(scale);
            match self.side {
                SideBySide::Four => {
                    let (whole, rest) = codes.as_chunks::<QUAD>();
                    // Behind the last column are zeros, whose code is 1.
                    let mut last = [0b01_01_01_01; QUAD];
                    last[..rest.len()].copy_from_slice(rest);
                    let fours = whole.iter().chain((!rest.is_empty()).then_some(&last));
                    for (&codes, packed) in fours.zip(packed.as_chunks_mut::<VECTOR_COLS>().0) {
                        packed[QUAD * lane..][..QUAD].copy_from_slice(&exchange_fields(codes));
                    }
                }
                SideBySide::Sixteen | SideBySide::SixteenBinary => {
                    codes.iter().zip(packed[lane..].iter_mut().step_by(side)).for_each(|(code, byte)| *byte = *code);
                }
            }
        }
    }
}

/// A matrix of 4 x 4 fields of two bits, a byte a row, with rows and columns exchanged: first within its four squares, then the squares.
fn exchange_fields(bytes: [u8; QUAD]) -> [u8; QUAD] {
    let exchange = |fields: u32, distance: u32, lower: u32| {
        let differing = (fields ^ fields >> distance) & lower;
        fields ^ differing ^ differing << distance
    };
    exchange(exchange(u32::from_le_bytes(bytes), 6, 0x00cc_00cc), 12, 0x0000_f0f0).to_le_bytes()
}

/// Whether a code of two bits is 3, which stands for 2.
pub(super) fn has_two(blocks: Blocks, stored: &[u8]) -> bool {
    let of_group = |codes: &[u8]| codes.iter().fold(0, |any, byte| any | byte & byte >> 1);
    let any = stored.chunks(blocks.stored_group_bytes()).fold(0, |any, group| any | of_group(&group[SCALE_BYTES..]));
    any & 0b01_01_01_01 != 0
}

/// Whether every scale is a finite number.
pub(super) fn has_finite_scales(blocks: Blocks, stored: &[u8]) -> bool {
    // All ones is the exponent of infinities and of what is no number.
    let is_finite = |group: &[u8]| group[1] & 0x7c != 0x7c;
    stored.chunks(blocks.stored_group_bytes()).fold(true, |finite, group| finite & is_finite(group))
}

#[cfg(test)]
mod tests {
    use super::super::super::super::conformance::check::Random;
    use super::super::super::super::scales::{CodeSet, GroupColumns, GroupScheme};
    use super::super::super::list::Kernel;
    use super::super::matrix::GroupedMatrix;
    use super::*;

    #[test]
    fn fields_are_exchanged() {
        let bytes = [0b11_10_01_00, 0b00_00_00_01, 0b01_01_01_10, 0b10_11_10_11];
        assert_eq!(exchange_fields(bytes), [0b11_10_01_00, 0b10_01_00_01, 0b11_01_00_10, 0b10_01_00_11]);
        assert_eq!(exchange_fields(exchange_fields(bytes)), bytes);
    }

    /// Whole groups and less, whole strips and less, in every layout: what the codes and scales one by one give.
    #[test]
    fn a_stored_row_is_copied_to_where_its_codes_would_go() {
        const SEED: u64 = 20_261_127;
        let mut random = Random::new(SEED);
        let groups = [GroupColumns::C64, GroupColumns::C128, GroupColumns::C256];
        for kernel in Kernel::all() {
            for scheme in
                groups.into_iter().flat_map(|columns| [GroupScheme::ternary(columns), GroupScheme::binary(columns)])
            {
                for (rows, cols) in [(1, 8), (3, 64), (17, 256), (33, 296), (16, 512), (5, 1032)] {
                    for has_two in [false, true] {
                        let name = format!("{kernel:?}, {scheme:?}, {rows} x {cols}, twos: {has_two}, seed {SEED}");
                        check(&mut random, kernel, scheme, (rows, cols), has_two, &name);
                    }
                }
            }
        }
    }

    fn check(
        random: &mut Random,
        kernel: Kernel,
        scheme: GroupScheme,
        (rows, cols): (usize, usize),
        has_two: bool,
        name: &str,
    ) {
        let builder = || GroupedMatrix::builder(kernel, scheme, rows, cols).unwrap();
        let (mut copied, mut packed) = (builder(), builder());
        for row in 0..rows {
            let bits = random.bytes(cols);
            let (mut codes, mut scales, mut stored) = (Vec::new(), Vec::new(), Vec::new());
            for bits in bits.chunks(scheme.columns.count()) {
                let scale = random.bits() as u16 & 0xbbff;
                scales.push(scale);
                stored.extend(scale.to_le_bytes());
                match scheme.codes {
                    CodeSet::Ternary => {
                        let fields: Vec<u8> = bits.iter().map(|bits| bits % (3 + u8::from(has_two))).collect();
                        codes.extend(fields.iter().map(|field| *field as i8 - 1));
                        stored.extend(
                            fields.chunks(4).map(|four| four.iter().rev().fold(0, |byte, field| byte << 2 | field)),
                        );
                    }
                    CodeSet::Binary => {
                        codes.extend(bits.iter().map(|bits| 2 * (bits & 1) as i8 - 1));
                        stored.extend(
                            bits.chunks(8).map(|eight| eight.iter().rev().fold(0, |byte, bit| byte << 1 | bit & 1)),
                        );
                    }
                }
            }
            assert!(copied.push_stored_row(row, &stored), "{name}");
            packed.push_row(row, &codes, &scales);
        }
        let packed = packed.finish();
        for scale in [0x7c00_u16, 0xfc00, 0x7e01] {
            let mut stored = vec![0; packed.packed().blocks.stored_bytes()];
            stored[..2].copy_from_slice(&scale.to_le_bytes());
            assert!(!copied.push_stored_row(0, &stored), "{name}, scale {scale:04x}");
        }
        let copied = copied.finish();
        assert!(copied.packed().data == packed.packed().data, "{name}");
        assert_eq!(copied.batches(), packed.batches(), "{name}");
    }
}
