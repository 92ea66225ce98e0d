//! Group-scaled weights: each kernel must give the scalar one's bits, over odd shapes, all sizes of groups, extreme values,
//! batches and threads; and the scalar one those of the definition.

use crate::Result;
use crate::pool::Pool;

use super::check::{Check, Random};
use crate::scales::{GroupColumns, GroupScheme};
use crate::ternary::{
    ActivationScales, GroupedActivations, GroupedJob, GroupedMatrix, Kernel, grouped_matmul, grouped_rows,
};

/// Rows and columns: smaller than a unit, odd, whole units, more than a unit.
const SHAPES: [(usize, usize); 6] = [(1, 64), (3, 320), (17, 1000), (64, 256), (67, 130), (130, 2560)];
/// Tokens: one, tiles of two, three and four, some that are padded to a batch, a batch and some behind it.
const BATCHES: [usize; 6] = [1, 2, 7, 11, 35, 64];
const GROUPS: [GroupColumns; 3] = [GroupColumns::C64, GroupColumns::C128, GroupColumns::C256];
const CODES: [Codes; 6] =
    [Codes::Ternary, Codes::WithTwo, Codes::Extreme, Codes::AllTwo, Codes::Binary, Codes::ExtremeBinary];

/// What the codes are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Codes {
    Ternary,
    /// +2 among them.
    WithTwo,
    /// All +1 or all -1 in a row, and activations of the largest magnitude.
    Extreme,
    /// All +2, and the same activations.
    AllTwo,
    /// -1 and +1, in one bit.
    Binary,
    /// [`Extreme`](Self::Extreme) in one bit.
    ExtremeBinary,
}

impl Codes {
    fn scheme(self, columns: GroupColumns) -> GroupScheme {
        match self {
            Self::Ternary | Self::WithTwo | Self::Extreme | Self::AllTwo => GroupScheme::ternary(columns),
            Self::Binary | Self::ExtremeBinary => GroupScheme::binary(columns),
        }
    }
}

/// A matrix and its input as plain numbers.
struct Case {
    scheme: GroupScheme,
    rows: usize,
    cols: usize,
    codes: Vec<i8>,
    /// f16, `[rows, groups]`
    scales: Vec<u16>,
    tokens: usize,
    /// `[tokens, cols]`
    x: Vec<f32>,
}

impl Case {
    fn new(
        random: &mut Random,
        columns: GroupColumns,
        (rows, cols): (usize, usize),
        codes: Codes,
        tokens: usize,
    ) -> Self {
        let code = |index: usize, random: &mut Random| match codes {
            Codes::Ternary => (random.bits() % 3) as i8 - 1,
            Codes::WithTwo => (random.bits() % 4) as i8 - 1,
            Codes::Extreme | Codes::ExtremeBinary => 1 - 2 * (index / cols % 2) as i8,
            Codes::AllTwo => 2,
            Codes::Binary => 2 * (random.bits() % 2) as i8 - 1,
        };
        let activation = |index: usize, random: &mut Random| match codes {
            Codes::Ternary | Codes::WithTwo | Codes::Binary => random.float() * random.float() * random.float(),
            Codes::Extreme | Codes::AllTwo | Codes::ExtremeBinary => 1.0 - 2.0 * (index / cols % 2) as f32,
        };
        let groups = cols.div_ceil(columns.count());
        // From subnormal ones up to 4, of both signs, and some zeros.
        let scale = |random: &mut Random| match random.bits() % 8 {
            0 => 0,
            1 => (random.bits() % 0x400) as u16,
            _ => (random.bits() % 0x4400) as u16 | (random.bits() as u16 & 0x8000),
        };
        Self {
            scheme: codes.scheme(columns),
            rows,
            cols,
            codes: (0..rows * cols).map(|index| code(index, random)).collect(),
            scales: (0..rows * groups).map(|_| scale(random)).collect(),
            tokens,
            x: (0..tokens * cols).map(|index| activation(index, random)).collect(),
        }
    }

    fn matrix(&self, kernel: Kernel) -> Result<GroupedMatrix> {
        let mut builder = GroupedMatrix::builder(kernel, self.scheme, self.rows, self.cols)?;
        let scales = self.scales.chunks_exact(self.scales.len() / self.rows);
        for (row, (codes, scales)) in self.codes.chunks_exact(self.cols).zip(scales).enumerate() {
            builder.push_row(row, codes, scales);
        }
        let mut matrix = builder.finish();
        matrix.scale_by(0.75);
        Ok(matrix)
    }

    fn activations(&self, pool: &Pool, kernel: Kernel, scales: ActivationScales, batches: bool) -> GroupedActivations {
        let mut x = GroupedActivations::default();
        x.quantize_with(pool, kernel, self.scheme, scales, batches, self.tokens, self.cols, |token, out| {
            out.copy_from_slice(&self.x[token * self.cols..][..self.cols]);
        });
        x
    }

    /// `[tokens, rows]`
    fn product(&self, pool: &Pool, kernel: Kernel, scales: ActivationScales) -> Result<Vec<f32>> {
        let matrix = self.matrix(kernel)?;
        let x = self.activations(pool, kernel, scales, matrix.batches());
        let mut out = vec![f32::NAN; self.tokens * self.rows];
        grouped_matmul(pool, &x, &mut [GroupedJob { matrix: &matrix, out: &mut out }]);
        Ok(out)
    }

    /// The same by the definition.
    fn defined(&self, x: &GroupedActivations) -> Vec<f32> {
        let count = self.scheme.columns.count();
        let groups = self.cols.div_ceil(count);
        let of = |token: usize, row: usize| {
            let mut total = 0.0_f32;
            for group in 0..groups {
                let columns = count * group..self.cols.min(count * (group + 1));
                let sum: i32 = columns
                    .map(|col| i32::from(self.codes[row * self.cols + col]) * i32::from(x.codes(token)[col]))
                    .sum();
                let scale = half::f16::from_bits(self.scales[row * groups + group]).to_f32();
                total += sum as f32 * (scale * x.steps(token)[group]);
            }
            total * 0.75
        };
        (0..self.tokens).flat_map(|token| (0..self.rows).map(move |row| (token, row))).map(|(t, r)| of(t, r)).collect()
    }
}

/// Compares every kernel of this build with the scalar one.
pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    let mut turn = 0;
    for columns in GROUPS {
        for shape in SHAPES {
            for codes in CODES {
                // Half of the pairs of content and tokens, in turn from shape to shape, because the scalar kernel takes its time;
                // the long rows with one token and with a batch alone.
                let in_turn = BATCHES.into_iter().skip(turn % 2).step_by(2);
                turn += 1;
                for tokens in in_turn.filter(|tokens| shape.1 < 2000 || [1, 35].contains(tokens)) {
                    let scales =
                        if check.random.float() < 0.0 { ActivationScales::Token } else { ActivationScales::Group };
                    let case = Case::new(&mut check.random, columns, shape, codes, tokens);
                    let want = case.product(check.pool, Kernel::SCALAR, scales)?;
                    let what = format!("{shape:?} x {tokens} tokens, {columns:?}, {codes:?}, {scales:?}");
                    if tokens < 3 {
                        definition(check, &case, scales, &what, &want)?;
                    }
                    for kernel in Kernel::all().filter(|&kernel| kernel != Kernel::SCALAR) {
                        let got = case.product(check.pool, kernel, scales)?;
                        check.same_bits(format_args!("{} {what}", kernel.name()), &got, &want);
                    }
                }
            }
            turn += 1;
        }
    }
    Ok(())
}

/// The scalar kernel, some rows of the product alone, and the weights as floats.
fn definition(check: &mut Check<'_>, case: &Case, scales: ActivationScales, what: &str, got: &[f32]) -> Result<()> {
    let (pool, matrix) = (check.pool, case.matrix(Kernel::SCALAR)?);
    let x = case.activations(pool, Kernel::SCALAR, scales, false);
    let want = case.defined(&x);
    check.same_bits(format_args!("the definition of {what}"), got, &want);
    if case.tokens == 1 {
        let chosen: Vec<u32> = (0..case.rows as u32).rev().step_by(3).collect();
        let mut some = vec![0.0; chosen.len()];
        grouped_rows(pool, &matrix, &x, &chosen, &mut some);
        let want: Vec<f32> = chosen.iter().map(|&row| want[row as usize]).collect();
        check.same_bits(format_args!("some rows of {what}"), &some, &want);
    }
    let (row, groups) = (case.rows - 1, case.cols.div_ceil(case.scheme.columns.count()));
    let mut values = vec![0.0; case.cols];
    matrix.row(row, &mut values);
    let scale = |col: usize| {
        half::f16::from_bits(case.scales[row * groups + col / case.scheme.columns.count()]).to_f32() * 0.75
    };
    let want: Vec<f32> = (0..case.cols).map(|col| f32::from(case.codes[row * case.cols + col]) * scale(col)).collect();
    check.same_bits(format_args!("a row of {what}"), &values, &want);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps and codes as they are defined, for both kinds of scales.
    #[test]
    fn activations_are_quantized_by_group_or_by_token() {
        let mut x = vec![0.0; 130];
        (x[0], x[1], x[63], x[64], x[127], x[128]) = (127.0, 0.5, -1.5, 0.5, -0.25, 0.0);
        let quantized = |scales| {
            let mut activations = GroupedActivations::default();
            let (pool, kernel) = (Pool::new(1), Kernel::SCALAR);
            activations.quantize_with(
                &pool,
                kernel,
                GroupScheme::ternary(GroupColumns::C64),
                scales,
                true,
                1,
                130,
                |_, out| {
                    out.copy_from_slice(&x);
                },
            );
            (activations.codes(0).to_vec(), activations.steps(0).to_vec())
        };
        let (codes, steps) = quantized(ActivationScales::Token);
        assert_eq!((codes.len(), &steps[..]), (192, &[1.0; 3][..]));
        assert_eq!((codes[0], codes[1], codes[63], codes[64], codes[127]), (127, 0, -2, 0, 0));
        let (codes, steps) = quantized(ActivationScales::Group);
        assert_eq!(steps[..2], [1.0, 0.5 / 127.0]);
        assert_eq!((codes[0], codes[1], codes[63], codes[64], codes[127]), (127, 0, -2, 127, -64));
        assert!(codes[128..].iter().all(|code| *code == 0));
    }
}
