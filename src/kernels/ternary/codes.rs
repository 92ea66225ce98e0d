//! Packed weights back to codes: for those who want to look at a matrix. No product needs it.

use super::matrix::TernaryMatrix;

impl TernaryMatrix {
    /// The codes of a row, -1, 0 and +1: `out` is `[cols]`.
    pub fn codes(&self, row: usize, out: &mut [i8]) {
        let packed = self.packed();
        self.kernel().inner().layout().unpack(packed, row, out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::conformance::check::Random;
    use super::super::{GroupedMatrix, Kernel};
    use super::*;
    use crate::vector::f16_to_f32;
    use crate::{CodeSet, GroupScheme};

    const SEED: u64 = 20_261_126;

    /// Whole chunks and tiles, and less.
    const SHAPES: [(usize, usize); 7] = [(1, 1), (3, 5), (7, 64), (20, 70), (65, 130), (16, 256), (130, 515)];

    #[test]
    fn every_layout_gives_back_the_codes_that_it_was_given() {
        for kernel in Kernel::all() {
            for (rows, cols) in SHAPES {
                let codes: Vec<i8> = Random::new(SEED).bytes(rows * cols).iter().map(|b| (b % 3) as i8 - 1).collect();
                let mut builder = TernaryMatrix::builder(kernel, rows, cols).unwrap();
                builder.push_rows(0, &codes);
                let matrix = builder.finish(0.5);
                let mut out = vec![9; cols];
                for (row, codes) in codes.chunks_exact(cols).enumerate() {
                    matrix.codes(row, &mut out);
                    assert_eq!(out, codes, "{kernel:?}, {rows} x {cols}, row {row}, seed {SEED}");
                }
            }
        }
    }

    #[test]
    fn every_group_layout_gives_back_its_codes_and_scales() {
        for kernel in Kernel::all() {
            for scheme in GroupScheme::ALL {
                for (rows, cols) in SHAPES {
                    let mut random = Random::new(SEED);
                    let code = |byte: &u8| match scheme.codes {
                        CodeSet::Ternary => (byte % 4) as i8 - 1,
                        CodeSet::Binary => 2 * (byte % 2) as i8 - 1,
                    };
                    let codes: Vec<i8> = random.bytes(rows * cols).iter().map(code).collect();
                    let groups = cols.div_ceil(scheme.columns.count());
                    let scales: Vec<u16> = random.bytes(rows * groups).iter().map(|b| 0x2c00 + u16::from(*b)).collect();
                    let mut builder = GroupedMatrix::builder(kernel, scheme, rows, cols).unwrap();
                    for row in 0..rows {
                        builder.push_row(row, &codes[row * cols..][..cols], &scales[row * groups..][..groups]);
                    }
                    let mut matrix = builder.finish();
                    matrix.scale_by(2.0);
                    let (mut out, mut out_scales) = (vec![9; cols], Vec::new());
                    for row in 0..rows {
                        matrix.codes(row, &mut out, &mut out_scales);
                        let name = format!("{kernel:?}, {scheme:?}, {rows} x {cols}, row {row}, seed {SEED}");
                        assert_eq!(out, codes[row * cols..][..cols], "{name}");
                        let want = scales[row * groups..][..groups].iter().map(|scale| 2.0 * f16_to_f32(*scale));
                        assert_eq!(out_scales, want.collect::<Vec<_>>(), "{name}");
                    }
                }
            }
        }
    }
}
