//! Ternary weights with a scale for each group of columns (Q2_0's +2 among them), stored as floats: as Ternary-Bonsai is published unpacked, and as
//! any program dequantizes such a model.

use crate::kernels::GroupColumns;

/// The groups that kernels know, largest first: of all that fit, the largest is what the weights were made with.
const COLUMNS: [GroupColumns; 3] = [GroupColumns::C256, GroupColumns::C128, GroupColumns::C64];

/// The columns of the finest groups that ternary weights are told from others by: 32 others that happen to be of one magnitude
/// are no accident.
const FINEST: usize = 32;

/// Columns that share a scale in a matrix of floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatGroups {
    /// As many as a kernel knows, with scales that f16 holds.
    Columns(GroupColumns),
    /// Fewer, or scales that f16 does not hold.
    Finer,
}

/// What groups the rows that were seen so far may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupSurvey {
    fits: [bool; 3],
    is_ternary: bool,
}

impl GroupSurvey {
    /// Of rows of `cols` weights.
    pub(super) fn new(cols: usize) -> Self {
        Self { fits: COLUMNS.map(|columns| cols.is_multiple_of(columns.count())), is_ternary: true }
    }

    /// The next row.
    pub(super) fn add(&mut self, row: &[f32]) {
        self.is_ternary = self.is_ternary && row.chunks(FINEST).all(|group| scale_of(group).is_some());
        for (fits, columns) in self.fits.iter_mut().zip(COLUMNS) {
            *fits = *fits && self.is_ternary && fits_groups(row, columns);
        }
    }

    /// `None` if the weights are not ternary.
    pub(super) fn groups(self) -> Option<FloatGroups> {
        let columns = self.fits.iter().zip(COLUMNS).find(|(fits, _)| **fits).map(|(_, columns)| columns);
        match columns {
            Some(columns) => Some(FloatGroups::Columns(columns)),
            None => self.is_ternary.then_some(FloatGroups::Finer),
        }
    }
}

/// The largest groups of at most `most` columns that a row of weights has, with scales that f16 holds.
pub fn groups_of(row: &[f32], most: GroupColumns) -> Option<GroupColumns> {
    let fits = |columns: &GroupColumns| {
        columns.count() <= most.count() && row.len().is_multiple_of(columns.count()) && fits_groups(row, *columns)
    };
    COLUMNS.into_iter().find(fits)
}

fn fits_groups(row: &[f32], columns: GroupColumns) -> bool {
    row.chunks_exact(columns.count()).all(|group| scale_of(group).is_some_and(|scale| exact_half(scale).is_some()))
}

/// Codes -1 to +2 `[cols]` and f16 scales `[groups]` of a row that has such groups.
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
            (vec![256, 512], FloatGroups::Columns(GroupColumns::C256)),
            (vec![128, 256], FloatGroups::Columns(GroupColumns::C128)),
            (vec![256, 64], FloatGroups::Columns(GroupColumns::C64)),
            (vec![64, 32], FloatGroups::Finer),
        ] {
            let rows: Vec<Vec<f32>> = groups.iter().map(|&group| row(512, group)).collect();
            assert_eq!(survey(&rows), Some(want), "{groups:?}");
        }
        assert_eq!(survey(&[row(192, 64)]), Some(FloatGroups::Columns(GroupColumns::C64)));
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
        assert_eq!(groups_of(&values, GroupColumns::C256), Some(GroupColumns::C128));
        assert_eq!(groups_of(&values, GroupColumns::C64), Some(GroupColumns::C64));
        assert_eq!(groups_of(&row(512, 32), GroupColumns::C256), None);
        let (mut codes, mut scales) = (vec![0; 512], vec![0; 4]);
        encode_groups(&values, GroupColumns::C128, &mut codes, &mut scales);
        for (col, (code, value)) in codes.iter().zip(&values).enumerate() {
            assert_eq!(f32::from(*code) * super::super::half_to_f32(scales[col / 128]), *value);
        }
    }
}
