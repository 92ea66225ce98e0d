//! The scales of quantized weights: what codecs hand on and kernels multiply with.

/// How many columns of a row share a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupColumns {
    /// 32 columns.
    C32,
    /// 64 columns.
    C64,
    /// 128 columns.
    C128,
    /// 256 columns.
    C256,
}

impl GroupColumns {
    /// The number of columns.
    pub const fn count(self) -> usize {
        match self {
            Self::C32 => 32,
            Self::C64 => 64,
            Self::C128 => 128,
            Self::C256 => 256,
        }
    }

    /// The group of so many columns, if there is one.
    pub const fn of(count: usize) -> Option<Self> {
        Some(match count {
            32 => Self::C32,
            64 => Self::C64,
            128 => Self::C128,
            256 => Self::C256,
            _ => return None,
        })
    }
}

/// The scales of a matrix: a weight is its code times its scale.
#[derive(Clone, Debug, PartialEq)]
pub enum Scales {
    /// One for all weights.
    Tensor(f32),
    /// One for each group of columns of each row.
    Groups {
        /// The columns of a group.
        columns: GroupColumns,
        /// `[rows, cols / columns, rounded up]`
        scales: Vec<f32>,
    },
}

impl Scales {
    /// The one scale of all weights, if there is one.
    pub fn of_tensor(&self) -> Option<f32> {
        match self {
            Self::Tensor(scale) => Some(*scale),
            Self::Groups { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_told_by_its_columns() {
        for group in [GroupColumns::C32, GroupColumns::C64, GroupColumns::C128, GroupColumns::C256] {
            assert_eq!(GroupColumns::of(group.count()), Some(group));
        }
        assert_eq!(GroupColumns::of(0), None);
        assert_eq!(GroupColumns::of(512), None);
    }
}
