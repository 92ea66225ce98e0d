//! Multiply-add on plain simd128.
//!
//! A vector of 16 packed bytes is taken as eight 16-bit lanes. A 2-bit field is masked in place, without a shift; its
//! activation was shifted the other way beforehand (see `spread` in `activations.rs`), so all products are 64 times
//! too large and go into one accumulator by `i32x4.dot_i16x8_s`. One shift of the whole vector brings the high bytes'
//! fields down. Three instructions per 8 weights and one per 64, where widening first would take four.
//!
//! Range: |sum| <= 64 * 2 * 128 * columns, which fits an i32 below 131072 columns.

use core::arch::wasm32::*;

use super::Activations;
use super::packed::{CHUNK, STREAMS};
use super::streams::{StreamKernel, horizontal_sums};

/// The kernel `mad`.
pub(super) struct Mad;

impl StreamKernel for Mad {
    type Operand = i16;

    fn operand(x: &Activations, token: usize) -> &[i16] {
        x.spread(token)
    }

    #[inline(always)]
    fn multiply(rows: [&[u8]; STREAMS], token: &[i16]) -> v128 {
        let chunks = rows[0].len() / 16;
        assert!(rows.iter().all(|row| row.len() == 16 * chunks) && token.len() == CHUNK * chunks);
        let rows = rows.map(<[u8]>::as_ptr);
        let masks = [u16x8_splat(0x0003), u16x8_splat(0x000c), u16x8_splat(0x0030), u16x8_splat(0x00c0)];
        let mut totals = [i32x4_splat(0); STREAMS];
        for chunk in 0..chunks {
            // SAFETY: chunk < chunks, so 16 bytes of each row are in bounds, as asserted above.
            let mut packed = rows.map(|row| unsafe { v128_load(row.add(16 * chunk).cast()) });
            for half in 0..2 {
                for (field, &mask) in masks.iter().enumerate() {
                    let vector = CHUNK * chunk + 8 * (4 * half + field);
                    // SAFETY: 64 lanes belong to this chunk, as asserted above; vector + 8 <= 64 (chunk + 1).
                    let q = unsafe { v128_load(token.as_ptr().add(vector).cast()) };
                    for (total, &packed) in totals.iter_mut().zip(&packed) {
                        *total = i32x4_add(*total, i32x4_dot_i16x8(v128_and(packed, mask), q));
                    }
                }
                packed = packed.map(|packed| u16x8_shr(packed, 8));
            }
        }
        i32x4_shr(horizontal_sums(totals), 6)
    }
}
