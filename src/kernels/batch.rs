//! A batch of tokens: what four weights can make of four activations is computed once for a block of rows.
//!
//! Four ternary weights are one of 81. For four columns and all tokens of a group, a table holds the 81 sums; every row
//! of the block then adds the one that its weights choose, eight tokens an instruction. That is a load and an addition for
//! 32 products, where a dot product in 128 bits makes 16, and needs no relaxed instruction. It is the method of the
//! four Russians (Arlazarov, Dinic, Kronrod and Faradzhev, 1970) with ternary digits.
//!
//! ```text
//! for 256 columns:
//!     indices[step, row]                  packed weights to indices 0 to 80, four of them a step
//!     for a group of up to 32 tokens:
//!         for a step of 16 columns:
//!             tables[4, 81, group]        the sums, built by additions
//!             narrow[row, group] += the four sums that indices[step, row] choose
//!         wide[row, group] += narrow      if 256 columns more could be more than 16 bits hold
//! ```
//!
//! A sum of activations times weights is never larger than the sum of the activations' magnitudes, which is known for
//! every 256 columns. They are mostly far from 127, so that the narrow sums last for a thousand columns and more.

use core::arch::wasm32::*;
use core::hint::black_box;
use std::ops::Range;

use super::activations::Row;
use super::packed::{BATCH_COLS, BATCH_MULTIPLE, CHUNK, TILE_ROWS};
use super::{Activations, KernelKind, TernaryMatrix};

/// Weights that an index stands for.
const QUAD: usize = 4;
/// Sums of a quad: 3^4.
const SUMS: usize = 81;
/// Quads of a step: one `u32` holds the indices of a row.
const STEP_QUADS: usize = 4;
/// Steps of a chunk of columns.
const CHUNK_STEPS: usize = CHUNK / (QUAD * STEP_QUADS);
/// Chunks whose indices are found at a time.
const BLOCK_CHUNKS: usize = BATCH_COLS / CHUNK;
/// Vectors of 8 tokens in a group: the tables are then 20 KB, which a first-level cache holds.
const GROUP_VECTORS: usize = 4;
/// The same for a last group that would be half empty. With 8 tokens, finding a row's sums takes longer than adding them,
/// and one by one they are done no later.
const FEWEST_VECTORS: usize = BATCH_MULTIPLE / 8;

/// Tokens that share a table.
pub(super) const GROUP_TOKENS: usize = 8 * GROUP_VECTORS;

/// Adjacent rows of one matrix, the first a multiple of [`TILE_ROWS`].
pub(super) struct Part<'a> {
    /// The caller's name for it.
    pub(super) job: usize,
    pub(super) matrix: &'a TernaryMatrix,
    pub(super) rows: Range<usize>,
}

impl Part<'_> {
    /// Rows in whole tiles.
    fn padded_rows(&self) -> usize {
        self.rows.len().next_multiple_of(TILE_ROWS)
    }
}

/// Multiplies the rows of all `parts` with the tokens of the batch, the first a multiple of [`GROUP_TOKENS`];
/// `store(job, token, first_row, sums)` takes the sums of weight times activation of adjacent rows.
pub(super) fn multiply(
    parts: &[Part<'_>],
    x: &Activations,
    tokens: Range<usize>,
    mut store: impl FnMut(usize, usize, usize, &[i32]),
) {
    let rows = parts.iter().map(Part::padded_rows).sum();
    let mut block = Block::new(rows, tokens.len().next_multiple_of(BATCH_MULTIPLE));
    let chunks = x.cols().div_ceil(CHUNK);
    // The magnitude of what is in the narrow sums of each group; `None` where there is nothing.
    let mut magnitudes: Vec<Option<u32>> = vec![None; block.tokens.div_ceil(GROUP_TOKENS)];
    for (index, begin) in (0..chunks).step_by(BLOCK_CHUNKS).enumerate() {
        let end = chunks.min(begin + BLOCK_CHUNKS);
        block.index(parts, begin..end);
        for (group, magnitude) in magnitudes.iter_mut().enumerate() {
            let first = GROUP_TOKENS * group;
            let len = GROUP_TOKENS.min(block.tokens - first);
            let group = tokens.start + first..tokens.start + first + len;
            let columns = Columns { x, first_quad: CHUNK / QUAD * begin, first_token: group.start };
            let sum = magnitude.unwrap_or(0) + x.magnitude(group.clone(), index);
            let is_first = magnitude.is_none();
            let is_last = end == chunks || sum + x.magnitude(group, index + 1) > i16::MAX as u32;
            *magnitude = (!is_last).then_some(sum);
            let steps = CHUNK_STEPS * (end - begin);
            if len == GROUP_TOKENS {
                block.add::<GROUP_VECTORS>(&columns, steps, first, is_first, is_last);
            } else {
                block.add::<FEWEST_VECTORS>(&columns, steps, first, is_first, is_last);
            }
        }
    }
    block.hand_out(parts, tokens, &mut store);
}

/// The codes of a chunk of columns for [`multiply`]: column by column instead of token by token, and the columns in the
/// order in which packed weights have them, those of an index behind each other from its least digit on.
///
/// `out` is `[64, tokens rounded up to a multiple of 16]`.
pub(super) fn arrange(tokens: &[Row], chunk: usize, kernel: KernelKind, out: &mut [i8]) {
    let width = out.len() / CHUNK;
    for first in (0..width).step_by(16) {
        for column in (0..CHUNK).step_by(16) {
            let tokens = std::array::from_fn(|index| {
                let codes = tokens.get(first + index).map(|token| &token.codes()[CHUNK * chunk + column..][..16]);
                // SAFETY: the slice is 16 readable bytes; v128_load needs no alignment.
                codes.map_or(i32x4_splat(0), |codes| unsafe { v128_load(codes.as_ptr().cast()) })
            });
            for (index, codes) in transpose_bytes(tokens).into_iter().enumerate() {
                let column = column + index;
                // A byte of a row has the columns p, 16 + p, 32 + p and 48 + p. A nibble of a tile is 3 times the first
                // weight of a pair and once the second, so the second is the lesser digit.
                let row = if kernel.is_lut() { column ^ 1 } else { QUAD * (column % 16) + column / 16 };
                let out: &mut [i8] = &mut out[row * width + first..][..16];
                // SAFETY: the slice is 16 writable bytes; v128_store needs no alignment.
                unsafe { v128_store(out.as_mut_ptr().cast(), codes) };
            }
        }
    }
}

/// Row by column of 16 vectors of 16 bytes.
#[inline(always)]
fn transpose_bytes(rows: [v128; 16]) -> [v128; 16] {
    // Rows that lie 8 apart side by side: after four turns byte and row have changed places. Written out, because an array
    // that a loop replaces is copied through memory.
    let turn = |[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]: [v128; 16]| {
        let (low, high) = (interleave_low, interleave_high);
        [
            [low(a, i), high(a, i), low(b, j), high(b, j), low(c, k), high(c, k), low(d, l), high(d, l)],
            [low(e, m), high(e, m), low(f, n), high(f, n), low(g, o), high(g, o), low(h, p), high(h, p)],
        ]
    };
    let flat = |[[a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p]]: [[v128; 8]; 2]| {
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    };
    flat(turn(flat(turn(flat(turn(flat(turn(rows))))))))
}

/// The activations of a group of tokens, from some column on.
struct Columns<'a> {
    x: &'a Activations,
    first_quad: usize,
    first_token: usize,
}

impl Columns<'_> {
    /// The four activations of quad `quad`, of 8 tokens from the group's vector `vector` on.
    #[inline(always)]
    fn quad(&self, quad: usize, vector: usize) -> [v128; QUAD] {
        let (columns, width) = self.x.columns();
        std::array::from_fn(|digit| {
            let at = (QUAD * (self.first_quad + quad) + digit) * width + self.first_token + 8 * vector;
            let lanes: &[i8] = &columns[at..at + 8];
            // SAFETY: `lanes` are 8 readable bytes; the load needs no alignment.
            unsafe { i16x8_load_extend_i8x8(lanes.as_ptr()) }
        })
    }
}

/// Working memory of some rows of weights times a batch.
struct Block {
    /// A multiple of [`TILE_ROWS`].
    rows: usize,
    /// A multiple of [`BATCH_MULTIPLE`].
    tokens: usize,
    /// `[step, rows]`, four indices each, up to 80.
    indices: Vec<u32>,
    /// `[STEP_QUADS, SUMS, vectors of a group]`, 8 tokens of 16 bits each.
    tables: Vec<v128>,
    /// `[groups, rows, vectors of a group]`, 8 tokens of 16 bits each.
    narrow: Vec<v128>,
    /// `[rows, tokens / 4]`, 4 tokens of 32 bits each.
    wide: Vec<v128>,
}

impl Block {
    fn new(rows: usize, tokens: usize) -> Self {
        let zero = i32x4_splat(0);
        let group = GROUP_VECTORS.min(tokens / 8);
        Self {
            rows,
            tokens,
            indices: vec![0; BLOCK_CHUNKS * CHUNK_STEPS * rows],
            tables: vec![zero; STEP_QUADS * SUMS * group],
            narrow: vec![zero; rows * tokens / 8],
            wide: vec![zero; rows * tokens / 4],
        }
    }

    /// Finds the indices of all rows in some chunks of columns.
    fn index(&mut self, parts: &[Part<'_>], chunks: Range<usize>) {
        let digits = Digits::new();
        let mut first = 0;
        for part in parts {
            for (tile, row) in part.rows.clone().step_by(TILE_ROWS).enumerate() {
                let at = first + TILE_ROWS * tile;
                for (index, chunk) in chunks.clone().enumerate() {
                    let steps = if part.matrix.kind().is_lut() {
                        digits.of_tile(part.matrix, row, chunk)
                    } else {
                        digits.of_rows(part.matrix, row, chunk)
                    };
                    for (step, rows) in (CHUNK_STEPS * index..).zip(steps) {
                        let out = self.indices[step * self.rows + at..][..TILE_ROWS].chunks_exact_mut(4);
                        out.zip(rows).for_each(|(out, indices)| store(indices, out));
                    }
                }
            }
            first += part.padded_rows();
        }
    }

    /// Adds what some steps give for a group of `8 * V` tokens from the block's token `first` on, to narrow sums that are
    /// begun now if these are the first steps, and that are done with if they are the last.
    fn add<const V: usize>(
        &mut self,
        columns: &Columns<'_>,
        steps: usize,
        first: usize,
        is_first: bool,
        is_last: bool,
    ) {
        for step in 0..steps {
            for quad in 0..STEP_QUADS {
                for vector in 0..V {
                    let table = &mut self.tables[quad * SUMS * V + vector..];
                    tabulate(columns.quad(STEP_QUADS * step + quad, vector), table, V);
                }
            }
            if is_first && step == 0 {
                self.choose::<V, true, false>(step, first);
            } else if is_last && step + 1 == steps {
                self.choose::<V, false, true>(step, first);
            } else {
                self.choose::<V, false, false>(step, first);
            }
        }
    }

    /// Adds to every row the sums that its indices choose: to `narrow`, which a `FIRST` step starts anew, and a `LAST` one
    /// empties into `wide`.
    #[inline(never)]
    fn choose<const V: usize, const FIRST: bool, const LAST: bool>(&mut self, step: usize, first: usize) {
        let Self { rows, tokens, .. } = *self;
        let indices = &self.indices[step * rows..][..rows];
        let narrow = &mut self.narrow[rows * first / 8..][..rows * V];
        assert!(self.tables.len() >= STEP_QUADS * SUMS * V);
        assert!(self.wide.len() == rows * tokens / 4 && first.is_multiple_of(4) && first + 8 * V <= tokens);
        let tables = self.tables.as_ptr();
        let (mut narrow, mut wide) = (narrow.as_mut_ptr(), self.wide.as_mut_ptr());
        for &indices in indices {
            // SAFETY: an index is below SUMS (`Digits`), so the four entries of V vectors are inside the four tables.
            // Row by row, V vectors of `narrow` and 2 V of `wide` from `first / 4` on are inside what is asserted above.
            unsafe {
                let sums: [*const v128; STEP_QUADS] =
                    std::array::from_fn(|quad| tables.add((indices >> (8 * quad) & 0xff) as usize * V));
                for vector in 0..V {
                    // A sum is stored before the next is loaded: LLVM would load all of them first and run out of
                    // registers.
                    let mut sum = if FIRST { i16x8_splat(0) } else { *narrow.add(vector) };
                    for (quad, sums) in sums.iter().enumerate() {
                        sum = i16x8_add(sum, *sums.add(quad * SUMS * V + vector));
                    }
                    if LAST {
                        let out = wide.add(first / 4 + 2 * vector);
                        *out = i32x4_add(*out, i32x4_extend_low_i16x8(sum));
                        *out.add(1) = i32x4_add(*out.add(1), i32x4_extend_high_i16x8(sum));
                    } else {
                        *narrow.add(vector) = sum;
                    }
                }
                narrow = narrow.add(V);
                wide = wide.add(tokens / 4);
            }
        }
    }

    /// Gives the sums away, 16 rows of a token at a time.
    fn hand_out(&self, parts: &[Part<'_>], tokens: Range<usize>, out: &mut impl FnMut(usize, usize, usize, &[i32])) {
        let mut wide = self.wide.chunks_exact(TILE_ROWS * self.tokens / 4);
        for part in parts {
            for (row, wide) in part.rows.clone().step_by(TILE_ROWS).zip(&mut wide) {
                let rows = TILE_ROWS.min(part.rows.end - row);
                for (vector, token) in tokens.clone().step_by(4).enumerate() {
                    let mut sums = [[0; TILE_ROWS]; 4];
                    for quarter in (0..TILE_ROWS).step_by(4) {
                        let of_row = |row: usize| wide[(quarter + row) * self.tokens / 4 + vector];
                        for (sums, of_token) in sums.iter_mut().zip(transpose(std::array::from_fn(of_row))) {
                            store(of_token, &mut sums[quarter..]);
                        }
                    }
                    for (token, sums) in (token..tokens.end).zip(&sums) {
                        out(part.job, token, row, &sums[..rows]);
                    }
                }
            }
        }
    }
}

/// The 81 sums of a quad, `stride` vectors apart: the least index digit belongs to the first activation, and a digit is
/// its weight plus 1.
#[inline(never)]
fn tabulate(q: [v128; QUAD], out: &mut [v128], stride: usize) {
    assert!(out.len() > (SUMS - 1) * stride);
    let mut out = out.as_mut_ptr();
    let mut of_3 = i16x8_neg(i16x8_add(i16x8_add(q[0], q[1]), i16x8_add(q[2], q[3])));
    for _ in 0..3 {
        let mut of_2 = of_3;
        for _ in 0..3 {
            let mut of_1 = of_2;
            for _ in 0..3 {
                let second = i16x8_add(of_1, q[0]);
                // SAFETY: 27 turns of three entries are the 81 of the table, which the assertion above covers.
                unsafe {
                    *out = of_1;
                    *out.add(stride) = second;
                    *out.add(2 * stride) = i16x8_add(second, q[0]);
                    out = out.wrapping_add(3 * stride);
                }
                of_1 = i16x8_add(of_1, q[1]);
            }
            of_2 = i16x8_add(of_2, q[2]);
        }
        of_3 = i16x8_add(of_3, q[3]);
    }
}

/// What turns packed weights into indices. The compiler cannot see through the values: engines build a constant anew at
/// each use, also in a loop, where a value stays in its register.
#[derive(Clone, Copy)]
struct Digits {
    low_fields: v128,
    low_nibbles: v128,
    seven: v128,
    most: v128,
}

impl Digits {
    fn new() -> Self {
        Self {
            low_fields: black_box(u8x16_splat(0x33)),
            low_nibbles: black_box(u8x16_splat(0x0f)),
            seven: black_box(u16x8_splat(7)),
            most: black_box(u8x16_splat(SUMS as u8 - 1)),
        }
    }

    /// The indices of one chunk of 16 rows from `row` on, in the row layout: for each step four vectors of four rows. Rows
    /// behind the last are the last.
    #[inline(always)]
    fn of_rows(self, matrix: &TernaryMatrix, row: usize, chunk: usize) -> [[v128; 4]; CHUNK_STEPS] {
        let stride = matrix.row_layout().stride;
        let quarters: [[v128; CHUNK_STEPS]; 4] = std::array::from_fn(|quarter| {
            transpose(std::array::from_fn(|index| {
                let row = (row + 4 * quarter + index).min(matrix.rows() - 1);
                self.indices_of_fields(load(&matrix.data()[row * stride + 16 * chunk..]))
            }))
        });
        std::array::from_fn(|step| quarters.map(|steps| steps[step]))
    }

    /// The same in the tile layout. A tile may end before the chunk does; what is missing meets activations of 0.
    #[inline(always)]
    fn of_tile(self, matrix: &TernaryMatrix, row: usize, chunk: usize) -> [[v128; 4]; CHUNK_STEPS] {
        let stride = matrix.tile_layout().stride;
        let tile = &matrix.data()[row / TILE_ROWS * stride..][..stride];
        let mut quads = tile[stride.min(TILE_ROWS * CHUNK / QUAD * chunk)..].chunks_exact(TILE_ROWS);
        std::array::from_fn(|_| {
            interleave(std::array::from_fn(|_| {
                quads.next().map_or(i32x4_splat(0), |packed| self.indices_of_nibbles(load(packed)))
            }))
        })
    }

    /// Bytes of four 2-bit digits to indices.
    #[inline(always)]
    fn indices_of_fields(self, packed: v128) -> v128 {
        // In each nibble 4 high + low becomes 3 high + low.
        self.indices_of_nibbles(i8x16_sub(packed, v128_and(u16x8_shr(packed, 2), self.low_fields)))
    }

    /// Bytes of two digits of base 9 to indices, which are never more than 80, whatever the digits are.
    #[inline(always)]
    fn indices_of_nibbles(self, nibbles: v128) -> v128 {
        let high = v128_and(u16x8_shr(nibbles, 4), self.low_nibbles);
        // 16 high + low - 7 high. 7 * 15 is a byte, so a product of 16 bits is the products of both its bytes.
        u8x16_min(i8x16_sub(nibbles, i16x8_mul(high, self.seven)), self.most)
    }
}

/// The first 16 bytes.
#[inline(always)]
fn load(bytes: &[u8]) -> v128 {
    let bytes = &bytes[..16];
    // SAFETY: the slice is 16 readable bytes; v128_load needs no alignment.
    unsafe { v128_load(bytes.as_ptr().cast()) }
}

/// To the first four numbers.
#[inline(always)]
fn store<T: Word>(value: v128, out: &mut [T]) {
    let out = &mut out[..4];
    // SAFETY: the slice is 16 writable bytes, of which any are valid numbers; v128_store needs no alignment.
    unsafe { v128_store(out.as_mut_ptr().cast(), value) }
}

/// A number of 32 bits.
trait Word {}
impl Word for u32 {}
impl Word for i32 {}

/// Row by column of four vectors of four lanes.
#[inline(always)]
fn transpose([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let (ab_low, ab_high) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
    let (cd_low, cd_high) = (i32x4_shuffle::<0, 4, 1, 5>(c, d), i32x4_shuffle::<2, 6, 3, 7>(c, d));
    [
        i64x2_shuffle::<0, 2>(ab_low, cd_low),
        i64x2_shuffle::<1, 3>(ab_low, cd_low),
        i64x2_shuffle::<0, 2>(ab_high, cd_high),
        i64x2_shuffle::<1, 3>(ab_high, cd_high),
    ]
}

/// Byte `i` of four vectors side by side, for all 16 `i`.
#[inline(always)]
fn interleave([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let low_pairs = |a, b| i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(a, b);
    let high_pairs = |a, b| i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(a, b);
    let (ab, cd) = (interleave_low(a, b), interleave_low(c, d));
    let (ab_high, cd_high) = (interleave_high(a, b), interleave_high(c, d));
    [low_pairs(ab, cd), high_pairs(ab, cd), low_pairs(ab_high, cd_high), high_pairs(ab_high, cd_high)]
}

/// The lower eight bytes of both, in turn.
#[inline(always)]
fn interleave_low(a: v128, b: v128) -> v128 {
    i8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(a, b)
}

/// The upper eight bytes of both, in turn.
#[inline(always)]
fn interleave_high(a: v128, b: v128) -> v128 {
    i8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(a, b)
}
