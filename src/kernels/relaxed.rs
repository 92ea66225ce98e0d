//! Relaxed dot products: int8 activations times unsigned codes {0, 1, 2}, and the activations' sum taken off.
//!
//! The second operand has 7 bits, so the relaxed instructions are fully defined. `relaxed` accumulates in i32, which is
//! one instruction per 16 weights where the engine may use VNNI or ARM's dot product. Elsewhere it becomes multiply-add
//! pairs, widen and add; there `relaxed16` is cheaper, which adds the pairs in i16 and widens them before they can
//! overflow.

use core::arch::wasm32::*;
use core::hint::black_box;

use super::Activations;
use super::packed::{CHUNK, STREAMS};
use super::streams::{StreamKernel, horizontal_sums};

/// Chunks that i16 lanes can take: two dot products each, of codes times 4, are at most 8 * 2 * 2 * 8 * 127 = 32512.
const CHUNKS_PER_WIDENING: usize = 8;

/// The kernel `relaxed`.
pub(super) struct Relaxed;

impl StreamKernel for Relaxed {
    type Operand = i8;

    fn operand(x: &Activations, token: usize) -> &[i8] {
        x.codes(token)
    }

    #[inline(always)]
    fn multiply(rows: [&[u8]; STREAMS], token: &[i8]) -> v128 {
        let chunks = rows[0].len() / 16;
        assert!(rows.iter().all(|row| row.len() == 16 * chunks) && token.len() == CHUNK * chunks);
        let rows = rows.map(<[u8]>::as_ptr);
        let three = u8x16_splat(3);
        // Even and odd fields apart: one chain of additions for each row would wait for itself.
        let mut totals = [[i32x4_splat(0); 2]; STREAMS];
        for chunk in 0..chunks {
            // SAFETY: chunk < chunks, and the token has 64 bytes for each, as asserted above.
            let q = unsafe { load_chunk(token, chunk) };
            for (totals, row) in totals.iter_mut().zip(rows) {
                // SAFETY: chunk < chunks, so 16 bytes of each row are in bounds, as asserted above.
                let packed = unsafe { v128_load(row.add(16 * chunk).cast()) };
                for (field, &q) in q.iter().enumerate() {
                    let codes = v128_and(u16x8_shr(packed, 2 * field as u32), three);
                    let total = &mut totals[field % 2];
                    *total = i32x4_relaxed_dot_i8x16_i7x16_add(q, codes, *total);
                }
            }
        }
        horizontal_sums(totals.map(|[even, odd]| i32x4_add(even, odd)))
    }
}

/// The kernel `relaxed16`.
pub(super) struct Relaxed16;

impl StreamKernel for Relaxed16 {
    type Operand = i8;

    fn operand(x: &Activations, token: usize) -> &[i8] {
        x.codes(token)
    }

    /// Two fields are masked where they stand, and one shift brings the others there, so products of every second field
    /// are 4 times too large and have a sum of their own. Rows go in pairs: the sums of four would not fit the registers.
    #[inline(always)]
    fn multiply(rows: [&[u8]; STREAMS], token: &[i8]) -> v128 {
        let chunks = rows[0].len() / 16;
        assert!(rows.iter().all(|row| row.len() == 16 * chunks) && token.len() == CHUNK * chunks);
        let rows = rows.map(<[u8]>::as_ptr);
        // Values that the compiler cannot see through: engines build a constant anew at each use, also in a loop.
        let masks = [black_box(u8x16_splat(0b0011)), black_box(u8x16_splat(0b1100))];
        let mut totals = [i32x4_splat(0); STREAMS];
        let mut begin = 0;
        while begin < chunks {
            let end = chunks.min(begin + CHUNKS_PER_WIDENING);
            for (totals, rows) in totals.as_chunks_mut::<2>().0.iter_mut().zip(rows.as_chunks::<2>().0) {
                let mut sums = [[i16x8_splat(0); 2]; 2];
                for chunk in begin..end {
                    // SAFETY: chunk < chunks, and the token has 64 bytes for each, as asserted above.
                    let q = unsafe { load_chunk(token, chunk) };
                    for (sums, row) in sums.iter_mut().zip(rows) {
                        // SAFETY: chunk < chunks, so 16 bytes of each row are in bounds, as asserted above.
                        let low = unsafe { v128_load(row.add(16 * chunk).cast()) };
                        let high = u16x8_shr(low, 4);
                        for (q, packed) in q.as_chunks::<2>().0.iter().zip([low, high]) {
                            for ((sum, &q), mask) in sums.iter_mut().zip(q).zip(masks) {
                                *sum = i16x8_add(*sum, i16x8_relaxed_dot_i8x16_i7x16(q, v128_and(packed, mask)));
                            }
                        }
                    }
                }
                for (total, [once, fourfold]) in totals.iter_mut().zip(sums) {
                    let sum = i16x8_add(once, i16x8_shr(fourfold, 2));
                    *total = i32x4_add(*total, i32x4_extadd_pairwise_i16x8(sum));
                }
            }
            begin = end;
        }
        horizontal_sums(totals)
    }
}

/// The activations that the four fields of chunk `chunk` meet.
///
/// # Safety
/// `token` must have 64 codes for each chunk up to this one.
#[inline(always)]
unsafe fn load_chunk(token: &[i8], chunk: usize) -> [v128; 4] {
    std::array::from_fn(|field| {
        // SAFETY: the caller has made sure; v128_load needs no alignment.
        unsafe { v128_load(token.as_ptr().add(CHUNK * chunk + 16 * field).cast()) }
    })
}
