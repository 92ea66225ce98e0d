//! Relaxed dot products: int8 activations times unsigned codes {0, 1, 2}, and the activations' sum taken off.
//!
//! The second operand has 7 bits, so the relaxed instructions are fully defined. `relaxed` accumulates in i32, which is
//! one instruction per 16 weights where the engine may use VNNI or ARM's dot product. Elsewhere it becomes multiply-add
//! pairs, widen and add; there `relaxed16` is cheaper: it adds the pairs in i16, at most 2 * 2 * 128 = 512 each, and
//! widens before 64 of them can overflow.

use core::arch::wasm32::*;

use super::Activations;
use super::packed::{CHUNK, STREAMS};
use super::tile::{TileKernel, horizontal_sum};

/// Chunks of 4 dot products each that an i16 lane can take: 15 * 4 * 512 = 30720.
const CHUNKS_PER_WIDENING: usize = 15;

/// The kernels `relaxed` (`WIDE`: 32-bit accumulators) and `relaxed16`.
pub(super) struct Relaxed<const WIDE: bool>;

impl<const WIDE: bool> TileKernel for Relaxed<WIDE> {
    type Operand = i8;

    fn operand(x: &Activations, token: usize) -> &[i8] {
        x.codes(token)
    }

    #[inline(always)]
    fn codes(packed: v128, index: usize) -> v128 {
        v128_and(u16x8_shr(packed, 2 * index as u32), u8x16_splat(3))
    }

    #[inline(always)]
    fn multiply(rows: [&[u8]; STREAMS], token: &[i8]) -> [i32; STREAMS] {
        let chunks = rows[0].len() / 16;
        assert!(rows.iter().all(|row| row.len() == 16 * chunks) && token.len() == CHUNK * chunks);
        let rows = rows.map(<[u8]>::as_ptr);
        let three = u8x16_splat(3);
        let mut totals = [i32x4_splat(0); STREAMS];
        let mut begin = 0;
        while begin < chunks {
            let end = chunks.min(begin + CHUNKS_PER_WIDENING);
            let mut narrow = [i16x8_splat(0); STREAMS];
            for chunk in begin..end {
                // SAFETY: chunk < chunks, so 16 bytes of each row are in bounds, as asserted above.
                let mut packed = rows.map(|row| unsafe { v128_load(row.add(16 * chunk).cast()) });
                for field in 0..4 {
                    // SAFETY: 64 bytes of the token belong to this chunk, as asserted above.
                    let q = unsafe { v128_load(token.as_ptr().add(CHUNK * chunk + 16 * field).cast()) };
                    for (stream, packed) in packed.iter_mut().enumerate() {
                        let codes = v128_and(*packed, three);
                        *packed = u16x8_shr(*packed, 2);
                        add_dot::<WIDE>(&mut totals[stream], &mut narrow[stream], q, codes);
                    }
                }
            }
            widen_into::<WIDE>(&mut totals, narrow);
            begin = end;
        }
        totals.map(horizontal_sum)
    }

    #[inline(always)]
    fn multiply_unpacked<const T: usize>(rows: &[[v128; STREAMS]], tokens: [&[i8]; T]) -> [[i32; STREAMS]; T] {
        assert!(tokens.iter().all(|q| q.len() == 16 * rows.len()));
        let tokens = tokens.map(<[i8]>::as_ptr);
        let mut totals = [[i32x4_splat(0); STREAMS]; T];
        let mut begin = 0;
        while begin < rows.len() {
            let end = rows.len().min(begin + 4 * CHUNKS_PER_WIDENING);
            let mut narrow = [[i16x8_splat(0); STREAMS]; T];
            for (vector, rows) in (begin..end).zip(&rows[begin..end]) {
                // SAFETY: vector < rows.len(), so 16 bytes of each token are in bounds, as asserted above.
                let q = tokens.map(|q| unsafe { v128_load(q.add(16 * vector).cast()) });
                for (stream, &codes) in rows.iter().enumerate() {
                    for (token, &q) in q.iter().enumerate() {
                        add_dot::<WIDE>(&mut totals[token][stream], &mut narrow[token][stream], q, codes);
                    }
                }
            }
            for (totals, narrow) in totals.iter_mut().zip(narrow) {
                widen_into::<WIDE>(totals, narrow);
            }
            begin = end;
        }
        totals.map(|totals| totals.map(horizontal_sum))
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

#[inline(always)]
fn widen_into<const WIDE: bool>(totals: &mut [v128; STREAMS], narrow: [v128; STREAMS]) {
    if !WIDE {
        for (total, narrow) in totals.iter_mut().zip(narrow) {
            *total = i32x4_add(*total, i32x4_extadd_pairwise_i16x8(narrow));
        }
    }
}
