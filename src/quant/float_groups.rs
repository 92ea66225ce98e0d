//! Ternary weights with a scale for each group of columns (Q2_0's +2 among them), or binary ones, stored as floats: as Bonsai and
//! Ternary-Bonsai are published unpacked, and as any program dequantizes such a model.

use crate::kernels::{CodeSet, GroupColumns, GroupScheme};

/// The groups that kernels know, largest first: of all that fit, the largest is what the weights were made with.
const COLUMNS: [GroupColumns; 3] = [GroupColumns::C256, GroupColumns::C128, GroupColumns::C64];

/// The columns of the finest groups that ternary weights are told from others by: 32 others that happen to be of one magnitude
/// are no accident.
const FINEST: usize = 32;

/// Columns that share a scale in a matrix of floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatGroups {
    /// As many as a kernel knows, with scales that f16 holds.
    Scheme(GroupScheme),
    /// Fewer, or scales that f16 does not hold.
    Finer,
}

/// What groups the rows that were seen so far may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupSurvey {
    /// What the groups of each of [`COLUMNS`] may have; `None` where they do not fit.
    codes: [Option<CodeSet>; 3],
    is_ternary: bool,
}

impl GroupSurvey {
    /// Of rows of `cols` weights.
    pub(super) fn new(cols: usize) -> Self {
        let codes = COLUMNS.map(|columns| cols.is_multiple_of(columns.count()).then_some(CodeSet::Binary));
        Self { codes, is_ternary: true }
    }

    /// The next row.
    pub(super) fn add(&mut self, row: &[f32]) {
        self.is_ternary = self.is_ternary && row.chunks(FINEST).all(|group| scale_of(group).is_some());
        for (codes, columns) in self.codes.iter_mut().zip(COLUMNS) {
            *codes = codes.filter(|_| self.is_ternary).and_then(|most| codes_of(row, columns, most));
        }
    }

    /// `None` if the weights are not ternary.
    pub(super) fn groups(self) -> Option<FloatGroups> {
        let mut schemes = self
            .codes
            .iter()
            .zip(COLUMNS)
            .filter_map(|(codes, columns)| Some(GroupScheme { columns, codes: (*codes)? }));
        match schemes.next() {
            Some(scheme) => Some(FloatGroups::Scheme(scheme)),
            None => self.is_ternary.then_some(FloatGroups::Finer),
        }
    }
}

/// The scheme of a row of weights with the largest groups, of at most the columns of `most`, with scales that f16 holds; binary
/// only where `most` is.
pub fn groups_of(row: &[f32], most: GroupScheme) -> Option<GroupScheme> {
    let columns = COLUMNS.into_iter().filter(|columns| columns.count() <= most.columns.count());
    let mut schemes = columns
        .filter(|columns| row.len().is_multiple_of(columns.count()))
        .filter_map(|columns| Some(GroupScheme { columns, codes: codes_of(row, columns, most.codes)? }));
    schemes.next()
}

/// The codes that the groups of a row have: `most` or ternary ones; `None` if it has no such groups.
fn codes_of(row: &[f32], columns: GroupColumns, most: CodeSet) -> Option<CodeSet> {
    let mut codes = most;
    for group in row.chunks_exact(columns.count()) {
        let scale = scale_of(group).filter(|scale| exact_half(*scale).is_some())?;
        if codes == CodeSet::Binary && group.iter().any(|w| w.abs() != scale) {
            codes = CodeSet::Ternary;
        }
    }
    Some(codes)
}

/// Codes -1 to +2 `[cols]` and f16 scales `[groups]` of a row that has such groups. Where a scale is 0 so are the codes, which any
/// codes may stand for.
pub fn encode_groups(row: &[f32], columns: GroupColumns, codes: &mut [i8], scales: &mut [u16]) {
    for ((group, codes), stored) in
        row.chunks_exact(columns.count()).zip(codes.chunks_exact_mut(columns.count())).zip(scales)
    {
        let scale = scale_of(group).unwrap_or_default();
        let code = |w: f32| i8::from(w > 0.0) + i8::from(w > scale) - i8::from(w < 0.0);
        codes.iter_mut().zip(group).for_each(|(out, &w)| *out = code(w));
        *stored = exact_half(scale).unwrap_or_default();
    }
}

/// The magnitude of all weights that are not 0, some of which may be twice as large and positive (Q2_0's fourth code); 0 if
/// all are 0.
fn scale_of(group: &[f32]) -> Option<f32> {
    let most = group.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
    let is_made_of = |scale: f32, others: f32| {
        group.iter().fold(true, |alike, &w| alike & (w == 0.0 || w.abs() == scale || w == others))
    };
    let scales = [(most, most), (most / 2.0, most)];
    scales.into_iter().find(|&(scale, others)| most.is_finite() && is_made_of(scale, others)).map(|(scale, _)| scale)
}

/// The bits of the half-precision float that is `value`, which is not negative.
fn exact_half(value: f32) -> Option<u16> {
    const LEAST_NORMAL: f32 = 6.103_515_6e-5;
    const SUBNORMALS: f32 = 16_777_216.0;
    let bits = value.to_bits();
    if (LEAST_NORMAL..=65504.0).contains(&value) {
        return (bits & 0x1fff == 0).then(|| ((bits - (112 << 23)) >> 13) as u16);
    }
    let steps = value * SUBNORMALS;
    (steps < 1024.0 && steps.fract() == 0.0).then_some(steps as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINARY_256: GroupScheme = GroupScheme::binary(GroupColumns::C256);

    #[test]
    fn every_half_is_exact_and_its_neighbours_are_not() {
        for bits in 0..0x7c00_u16 {
            let value = half::f16::from_bits(bits).to_f32();
            assert_eq!(exact_half(value), Some(bits));
            assert_eq!(exact_half(f32::from_bits(value.to_bits() + 1)), None, "{bits:04x}");
        }
        for value in [65536.0, 1e30, 2.0_f32.powi(-26)] {
            assert_eq!(exact_half(value), None);
        }
    }

    /// `cols` weights -s, 0, +s, with a scale for each `group` columns.
    fn row(cols: usize, group: usize) -> Vec<f32> {
        (0..cols).map(|col| ((col * 7 % 3) as f32 - 1.0) * (1 + col / group) as f32 / 64.0).collect()
    }

    fn survey(rows: &[Vec<f32>]) -> Option<FloatGroups> {
        let mut survey = GroupSurvey::new(rows[0].len());
        rows.iter().for_each(|row| survey.add(row));
        survey.groups()
    }

    #[test]
    fn the_largest_groups_of_all_rows_are_found() {
        for (groups, want) in [
            (vec![256, 512], FloatGroups::Scheme(GroupScheme::ternary(GroupColumns::C256))),
            (vec![128, 256], FloatGroups::Scheme(GroupScheme::ternary(GroupColumns::C128))),
            (vec![256, 64], FloatGroups::Scheme(GroupScheme::ternary(GroupColumns::C64))),
            (vec![64, 32], FloatGroups::Finer),
        ] {
            let rows: Vec<Vec<f32>> = groups.iter().map(|&group| row(512, group)).collect();
            assert_eq!(survey(&rows), Some(want), "{groups:?}");
        }
        assert_eq!(survey(&[row(192, 64)]), Some(FloatGroups::Scheme(GroupScheme::ternary(GroupColumns::C64))));
        // Rows that no groups of a kernel fit, and scales that f16 does not hold.
        assert_eq!(survey(&[row(200, 200)]), Some(FloatGroups::Finer));
        assert_eq!(survey(&[row(256, 64).iter().map(|w| w * 0.1).collect()]), Some(FloatGroups::Finer));
        assert_eq!(survey(&[row(256, 16)]), None);
        for wrong in [0.3, f32::INFINITY, f32::NAN, -6.0 / 64.0] {
            let mut rows = vec![row(512, 128), row(512, 128)];
            rows[1][301] = wrong;
            assert_eq!(survey(&rows), None, "{wrong}");
        }
    }

    #[test]
    fn codes_times_scales_are_the_weights() {
        let mut values = row(512, 128);
        (values[130], values[256]) = (4.0 / 64.0, 6.0 / 64.0);
        assert_eq!(groups_of(&values, BINARY_256), Some(GroupScheme::ternary(GroupColumns::C128)));
        assert_eq!(
            groups_of(&values, GroupScheme::ternary(GroupColumns::C64)),
            Some(GroupScheme::ternary(GroupColumns::C64))
        );
        assert_eq!(groups_of(&row(512, 32), BINARY_256), None);
        let (mut codes, mut scales) = (vec![0; 512], vec![0; 4]);
        encode_groups(&values, GroupColumns::C128, &mut codes, &mut scales);
        for (col, (code, value)) in codes.iter().zip(&values).enumerate() {
            assert_eq!(f32::from(*code) * super::super::half_to_f32(scales[col / 128]), *value);
        }
    }

    /// Weights of one magnitude in a group, or none at all, are binary, until one of another row is not.
    #[test]
    fn weights_without_zeros_are_binary() {
        let binary = |group: usize| -> Vec<f32> {
            row(512, group)
                .iter()
                .enumerate()
                .map(|(col, w)| if *w == 0.0 { -((1 + col / group) as f32) / 64.0 } else { *w })
                .collect()
        };
        let mut some_zeros = binary(128);
        some_zeros[128..256].fill(0.0);
        let scheme = GroupScheme::binary(GroupColumns::C128);
        for row in [binary(128), some_zeros.clone()] {
            assert_eq!(groups_of(&row, BINARY_256), Some(scheme));
            assert_eq!(
                groups_of(&row, GroupScheme::ternary(GroupColumns::C256)),
                Some(GroupScheme::ternary(GroupColumns::C128))
            );
        }
        assert_eq!(survey(&[binary(128), some_zeros]), Some(FloatGroups::Scheme(scheme)));
        let ternary = Some(FloatGroups::Scheme(GroupScheme::ternary(GroupColumns::C128)));
        assert_eq!(survey(&[binary(128), row(512, 128), binary(128)]), ternary);
        let mut twice = binary(128);
        twice[5] = 2.0 * twice[4].abs();
        assert_eq!(survey(&[twice, binary(128)]), ternary);
    }
}
