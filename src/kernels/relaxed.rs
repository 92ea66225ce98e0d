//! Relaxed dot products: int8 activations times unsigned codes {0, 1, 2}, and the activations' sum taken off.
//!
//! The second operand has 7 bits, so the relaxed instructions are fully defined. `relaxed` accumulates in i32, which is
//! one instruction per 16 weights where the engine may use VNNI or ARM's dot product. Elsewhere it becomes multiply-add
//! pairs, widen and add; there `relaxed16` is cheaper: it adds the pairs in i16, at most 2 * 2 * 128 = 512 each, and
//! widens before 64 of them can overflow.

use core::arch::wasm32::*;

use super::Activations;
use super::packed::{CHUNK, STREAMS};
use super::streams::{StreamKernel, horizontal_sum};

/// Chunks of 4 dot products each that an i16 lane can take: 15 * 4 * 512 = 30720.
const CHUNKS_PER_WIDENING: usize = 15;

/// The kernels `relaxed` (`WIDE`: 32-bit accumulators) and `relaxed16`.
pub(super) struct Relaxed<const WIDE: bool>;

impl<const WIDE: bool> StreamKernel for Relaxed<WIDE> {
    type Operand = i8;

    fn operand(x: &Activations, token: usize) -> &[i8] {
        x.codes(token)
    }

    #[inline(always)]
    fn multiply(rows: [&[u8]; STREAMS], token: &[i8]) -> [i32; STREAMS] {
        let chunks = rows[0].len() / 16;
        assert!(rows.iter().all(|row| row.len() == 16 * chunks) && token.len() == CHUNK * chunks);
        let rows = rows.map(<[u8]>::as_ptr);
        let three = u8x16_splat(3);
        // Even and odd fields apart: one chain of additions for each row would wait for itself.
        let mut totals = [[i32x4_splat(0); 2]; STREAMS];
        let mut begin = 0;
        while begin < chunks {
            let end = chunks.min(begin + CHUNKS_PER_WIDENING);
            let end = if WIDE { chunks } else { end };
            let mut narrow = [i16x8_splat(0); STREAMS];
            for chunk in begin..end {
                let q: [v128; 4] = std::array::from_fn(|field| {
                    // SAFETY: 64 bytes of the token belong to this chunk, as asserted above.
                    unsafe { v128_load(token.as_ptr().add(CHUNK * chunk + 16 * field).cast()) }
                });
                for (stream, row) in rows.iter().enumerate() {
                    // SAFETY: chunk < chunks, so 16 bytes of each row are in bounds, as asserted above.
                    let packed = unsafe { v128_load(row.add(16 * chunk).cast()) };
                    for (field, &q) in q.iter().enumerate() {
                        let codes = v128_and(u16x8_shr(packed, 2 * field as u32), three);
                        add_dot::<WIDE>(&mut totals[stream][field % 2], &mut narrow[stream], q, codes);
                    }
                }
            }
            if !WIDE {
                for (totals, narrow) in totals.iter_mut().zip(narrow) {
                    totals[0] = i32x4_add(totals[0], i32x4_extadd_pairwise_i16x8(narrow));
                }
            }
            begin = end;
        }
        totals.map(|[even, odd]| horizontal_sum(i32x4_add(even, odd)))
    }
}

#[inline(always)]
fn add_dot<const WIDE: bool>(total: &mut v128, narrow: &mut v128, q: v128, codes: v128) {
    if WIDE {
        *total = i32x4_relaxed_dot_i8x16_i7x16_add(q, codes, *total);
    } else {
        *narrow = i16x8_add(*narrow, i16x8_relaxed_dot_i8x16_i7x16(q, codes));
    }
}
