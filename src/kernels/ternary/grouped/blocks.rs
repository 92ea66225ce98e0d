//! Where group-scaled weights lie in memory: four rows side by side, or sixteen, block after block.
//!
//! A block is a group of columns of adjacent rows: its codes, and behind them the rows' scales as f16. So one stream of addresses
//! brings codes and scales. A ternary code (`weight + 1`) has 2 bits. For dot products there are four rows, so that a 32-bit lane of
//! a vector belongs to one: of every 16 columns byte `4 row + j` holds columns `j`, `4 + j`, `8 + j`, `12 + j` from its low bits
//! up. For lookups of 16 bytes there are sixteen: of every four columns byte `row` holds them from its low bits up; the scales are
//! those of the even rows and then of the odd ones, as the sums come. A binary code has 1 bit, which is set for +1, and sixteen rows
//! in the same way: of every eight columns byte `row` holds them from its low bit up.

use core::hint::black_box;
use std::array;
use std::ops::Range;

use super::super::super::scales::GroupColumns;
use super::super::super::simd::{
    f32x4_mul, f32x4_splat, i32x4_extend_low_i16x8, i32x4_shl, i32x4_shuffle, interleave, load, load_half, v128,
    v128_and,
};
use super::super::digits::Digits;
use super::super::layout::{CHUNK, CHUNK_STEPS, Indices, QUAD, STEP_QUADS, TILE_ROWS};

/// How many rows lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SideBySide {
    Four,
    Sixteen,
    /// Sixteen rows of binary codes.
    SixteenBinary,
}

impl SideBySide {
    pub(super) const fn count(self) -> usize {
        match self {
            Self::Four => 4,
            Self::Sixteen | Self::SixteenBinary => TILE_ROWS,
        }
    }

    /// Columns of a row that a byte holds.
    pub(super) const fn byte_cols(self) -> usize {
        match self {
            Self::Four | Self::Sixteen => QUAD,
            Self::SixteenBinary => OCTET,
        }
    }

    /// The place of a row's scale among those of its block.
    pub(super) const fn scale_place(self, row: usize) -> usize {
        match self {
            Self::Four => row,
            Self::Sixteen | Self::SixteenBinary => row / 2 + row % 2 * TILE_ROWS / 2,
        }
    }
}

/// Columns of a byte of binary codes.
pub(super) const OCTET: usize = 8;
/// Columns of a vector of codes of four rows.
pub(super) const VECTOR_COLS: usize = 16;

/// The shape of a matrix in blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocks {
    pub(super) side: SideBySide,
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) columns: GroupColumns,
}

impl Blocks {
    /// Groups of a row; the last may be padded with columns that meet no activation.
    pub(super) const fn groups(self) -> usize {
        self.cols.div_ceil(self.columns.count())
    }

    /// Bytes of the codes of a block.
    pub(super) const fn code_bytes(self) -> usize {
        self.columns.count() / self.side.byte_cols() * self.side.count()
    }

    /// Bytes of a block, from its codes to its scales.
    pub(super) const fn block_bytes(self) -> usize {
        self.code_bytes() + 2 * self.side.count()
    }

    /// Rows in fours or sixteens.
    pub(super) const fn strips(self) -> usize {
        self.rows.div_ceil(self.side.count())
    }

    /// Bytes of the rows side by side.
    pub(super) const fn strip_bytes(self) -> usize {
        self.groups() * self.block_bytes()
    }

    pub(super) const fn bytes(self) -> usize {
        self.strips() * self.strip_bytes()
    }

    /// Packs one row into `data`, the whole matrix: codes, `[cols]`, and scales as f16, `[groups]`.
    pub(super) fn pack(self, data: &mut [u8], row: usize, codes: &[i8], scales: &[u16]) {
        let side = self.side.count();
        let (strip, lane) = (row / side, row % side);
        let strip = &mut data[strip * self.strip_bytes()..][..self.strip_bytes()];
        let groups = codes.chunks(self.columns.count()).zip(scales);
        for (block, (codes, scale)) in strip.chunks_exact_mut(self.block_bytes()).zip(groups) {
            let (packed, scales) = block.split_at_mut(self.code_bytes());
            scales[2 * self.side.scale_place(lane)..][..2].copy_from_slice(&scale.to_le_bytes());
            match self.side {
                SideBySide::Four => {
                    for (codes, packed) in codes.chunks(VECTOR_COLS).zip(packed.chunks_exact_mut(VECTOR_COLS)) {
                        packed[4 * lane..][..4].copy_from_slice(&pack_fields(&padded(codes)));
                    }
                }
                SideBySide::Sixteen => {
                    for (codes, byte) in codes.chunks(QUAD).zip(packed[lane..].iter_mut().step_by(side)) {
                        let four: [i8; QUAD] = padded(codes);
                        *byte = four.iter().rev().fold(0, |byte, code| byte << 2 | (code + 1) as u8);
                    }
                }
                SideBySide::SixteenBinary => {
                    for (codes, byte) in codes.chunks(OCTET).zip(packed[lane..].iter_mut().step_by(side)) {
                        *byte = pack_bits(padded(codes));
                    }
                }
            }
        }
    }

    /// The codes of a group of a row, whole groups, and its scale.
    pub(super) fn unpack(self, data: &[u8], row: usize, group: usize, codes: &mut [i8]) -> u16 {
        let side = self.side.count();
        let (strip, lane) = (row / side, row % side);
        let at = strip * self.strip_bytes() + group * self.block_bytes();
        let (packed, scales) = data[at..][..self.block_bytes()].split_at(self.code_bytes());
        let code = |byte: u8, field: usize| (byte >> (2 * field) & 3) as i8 - 1;
        match self.side {
            SideBySide::Four => {
                for (packed, codes) in packed.chunks_exact(VECTOR_COLS).zip(codes.chunks_exact_mut(VECTOR_COLS)) {
                    let bytes = &packed[4 * lane..][..4];
                    for (field, codes) in codes.chunks_exact_mut(4).enumerate() {
                        codes.iter_mut().zip(bytes).for_each(|(out, byte)| *out = code(*byte, field));
                    }
                }
            }
            SideBySide::Sixteen => {
                for (byte, codes) in packed[lane..].iter().step_by(side).zip(codes.chunks_exact_mut(QUAD)) {
                    codes.iter_mut().enumerate().for_each(|(field, out)| *out = code(*byte, field));
                }
            }
            SideBySide::SixteenBinary => {
                for (byte, codes) in packed[lane..].iter().step_by(side).zip(codes.chunks_exact_mut(OCTET)) {
                    codes.iter_mut().enumerate().for_each(|(bit, out)| *out = 2 * (byte >> bit & 1) as i8 - 1);
                }
            }
        }
        let place = 2 * self.side.scale_place(lane);
        u16::from_le_bytes([scales[place], scales[place + 1]])
    }

    /// The scales of a group of the 16 rows from `row` on, a multiple of 16, in their order. Rows behind the last get any.
    pub(super) fn scales(self, data: &[u8], row: usize, group: usize) -> [v128; TILE_ROWS / 4] {
        let widening = Widening::new();
        let side = self.side.count();
        let stored = |strip: usize| {
            let block = strip.min(self.strips() - 1) * self.strip_bytes() + group * self.block_bytes();
            data[block + self.code_bytes()..][..2 * side].as_chunks::<8>().0
        };
        let four = |halves: &[u8; 8]| widening.widen(load_half(halves));
        match self.side {
            SideBySide::Four => array::from_fn(|index| four(&stored(row / side + index)[0])),
            SideBySide::Sixteen | SideBySide::SixteenBinary => {
                let [even_low, even_high, odd_low, odd_high] = array::from_fn(|index| four(&stored(row / side)[index]));
                [
                    i32x4_shuffle::<0, 4, 1, 5>(even_low, odd_low),
                    i32x4_shuffle::<2, 6, 3, 7>(even_low, odd_low),
                    i32x4_shuffle::<0, 4, 1, 5>(even_high, odd_high),
                    i32x4_shuffle::<2, 6, 3, 7>(even_high, odd_high),
                ]
            }
        }
    }

    /// Where the 64 columns of a chunk go in a batch, as in `Layout::batch_order`.
    pub(super) fn batch_order(side: SideBySide) -> [usize; CHUNK] {
        array::from_fn(|column| match side {
            SideBySide::Four => {
                let (vector, field, byte) = (column / VECTOR_COLS, column % VECTOR_COLS / 4, column % 4);
                VECTOR_COLS * vector + 4 * byte + field
            }
            SideBySide::Sixteen | SideBySide::SixteenBinary => column,
        })
    }

    /// As `Layout::index`. Of four rows side by side, a lane of a vector of codes already holds four indices of its row. Of
    /// binary codes a byte is an index, of one of the 256 sums of eight columns, so that a step has twice the columns.
    pub(super) fn index(self, data: &[u8], rows: Range<usize>, chunks: Range<usize>, out: &mut Indices<'_>) {
        let digits = Digits::new();
        let (per_group, last) = (self.columns.count() / CHUNK, self.strips() - 1);
        let bytes = CHUNK / self.side.byte_cols() * self.side.count();
        let vectors = |strip: usize, chunk: usize| -> &[[u8; 16]] {
            let within = chunk / per_group * self.block_bytes() + chunk % per_group * bytes;
            data[strip.min(last) * self.strip_bytes() + within..][..bytes].as_chunks().0
        };
        match self.side {
            SideBySide::Four => out.fill(rows, chunks, |row, chunk| {
                let strips: [&[[u8; 16]]; 4] = array::from_fn(|index| vectors(row / 4 + index, chunk));
                array::from_fn::<_, CHUNK_STEPS, _>(|step| {
                    strips.map(|vectors| digits.indices_of_fields(load(&vectors[step])))
                })
            }),
            SideBySide::Sixteen => out.fill(rows, chunks, |row, chunk| {
                let vectors = vectors(row / TILE_ROWS, chunk);
                array::from_fn::<_, CHUNK_STEPS, _>(|step| {
                    interleave(array::from_fn(|quad| digits.indices_of_fields(load(&vectors[4 * step + quad]))))
                })
            }),
            SideBySide::SixteenBinary => out.fill(rows, chunks, |row, chunk| {
                let vectors = vectors(row / TILE_ROWS, chunk);
                array::from_fn::<_, { CHUNK / (OCTET * STEP_QUADS) }, _>(|step| {
                    interleave(array::from_fn(|octet| load(&vectors[4 * step + octet])))
                })
            }),
        }
    }
}

/// Codes, and zeros behind them.
fn padded<const N: usize>(codes: &[i8]) -> [i8; N] {
    let mut out = [0; N];
    out[..codes.len()].copy_from_slice(codes);
    out
}

/// Eight codes -1 and 1 to a byte, by arithmetic on all of them: their sign bits, negated, are shifted into its place by a product in
/// which no two of them meet.
fn pack_bits(codes: [i8; OCTET]) -> u8 {
    let signs = u64::from_le_bytes(codes.map(|code| code as u8)) >> 7 & 0x0101_0101_0101_0101;
    !(signs.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

/// 16 codes to four bytes, by arithmetic on four of them at a time.
fn pack_fields(codes: &[i8; VECTOR_COLS]) -> [u8; 4] {
    let mut packed = 0;
    for (field, codes) in codes.as_chunks::<4>().0.iter().enumerate() {
        let four = u32::from_le_bytes(codes.map(|code| code as u8));
        // Adds 1 to each byte: the upper bits apart, so that -1 carries nothing into the next one.
        let raised = ((four & 0x7f7f_7f7f) + 0x0101_0101) ^ (four & 0x8080_8080);
        packed |= raised << (2 * field);
    }
    packed.to_le_bytes()
}

/// The constants that make f16 of f32, as `vector.rs` does it for finite numbers: the exponent is moved by a multiplication. The
/// compiler cannot see through the values: engines build a constant anew at each use, also in a loop, where a value stays in its
/// register.
#[derive(Clone, Copy)]
pub(super) struct Widening {
    magnitude: v128,
    exponent: v128,
}

impl Widening {
    pub(super) fn new() -> Self {
        Self {
            magnitude: black_box(f32x4_splat(f32::from_bits(0x8fff_ffff))),
            exponent: black_box(f32x4_splat(f32::from_bits((127 + 112) << 23))),
        }
    }

    /// The first four f16 lanes as f32.
    #[inline(always)]
    pub(super) fn widen(self, halves: v128) -> v128 {
        let shifted = i32x4_shl(i32x4_extend_low_i16x8(halves), 13);
        f32x4_mul(v128_and(shifted, self.magnitude), self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::simd::store;
    use super::*;

    #[test]
    fn rows_lie_side_by_side_and_come_back() {
        for (side, block_bytes, strips) in
            [(SideBySide::Four, 72, 6), (SideBySide::Sixteen, 288, 2), (SideBySide::SixteenBinary, 160, 2)]
        {
            let is_binary = side == SideBySide::SixteenBinary;
            let blocks = Blocks { side, rows: 22, cols: 150, columns: GroupColumns::C64 };
            assert_eq!((blocks.groups(), blocks.block_bytes(), blocks.strips()), (3, block_bytes, strips));
            let mut data = vec![0; blocks.bytes()];
            let code = |row: usize, col: usize| match (row * 7 + col * 5) % 11 {
                digit if is_binary => 2 * (digit % 2) as i8 - 1,
                digit => (digit % 4) as i8 - 1,
            };
            for row in 0..22 {
                let codes: Vec<i8> = (0..150).map(|col| code(row, col)).collect();
                let scales: Vec<u16> = (0..3).map(|group| (100 * row + group) as u16).collect();
                blocks.pack(&mut data, row, &codes, &scales);
            }
            // Of row 1 the first columns that a byte holds.
            let (at, stride) = if side == SideBySide::Four { (4, 4) } else { (1, 1) };
            let byte = if is_binary {
                (0..8).fold(0, |byte, bit| byte | u8::from(code(1, bit) == 1) << bit)
            } else {
                (0..4).fold(0, |byte, field| byte | ((code(1, stride * field) + 1) as u8) << (2 * field))
            };
            assert_eq!(data[at], byte);
            for row in 0..22 {
                for group in 0..3 {
                    let mut codes = [9; 64];
                    let scale = (100 * row + group) as u16;
                    assert_eq!(blocks.unpack(&data, row, group, &mut codes), scale);
                    let mut scales = [0.0; 4];
                    store(blocks.scales(&data, row / 16 * 16, group)[row % 16 / 4], &mut scales);
                    assert_eq!(scales[row % 4], half::f16::from_bits(scale).to_f32());
                    for (index, found) in codes.into_iter().enumerate().take(150 - 64 * group) {
                        assert_eq!(found, code(row, 64 * group + index));
                    }
                }
            }
        }
    }
}
