//! How weights with scales of groups are made: how many columns share a scale, and which codes are multiplied by it.

/// The columns of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupColumns {
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
            Self::C64 => 64,
            Self::C128 => 128,
            Self::C256 => 256,
        }
    }
}

/// The codes that a matrix of group-scaled weights may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeSet {
    /// -1, 0, +1, and +2, which Q2_0 can hold: two bits each.
    Ternary,
    /// -1 and +1: a bit each.
    Binary,
}

/// How group-scaled weights are made: what shares a scale, and what is multiplied by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupScheme {
    /// The columns that share a scale.
    pub columns: GroupColumns,
    /// The codes.
    pub codes: CodeSet,
}

impl GroupScheme {
    /// All that there are.
    pub const ALL: [Self; 6] = [
        Self::ternary(GroupColumns::C64),
        Self::ternary(GroupColumns::C128),
        Self::ternary(GroupColumns::C256),
        Self::binary(GroupColumns::C64),
        Self::binary(GroupColumns::C128),
        Self::binary(GroupColumns::C256),
    ];

    /// Its place among [`ALL`](Self::ALL).
    pub const fn index(self) -> usize {
        let first = match self.codes {
            CodeSet::Ternary => 0,
            CodeSet::Binary => 3,
        };
        first + self.columns as usize
    }

    /// Ternary codes.
    pub const fn ternary(columns: GroupColumns) -> Self {
        Self { columns, codes: CodeSet::Ternary }
    }

    /// Binary codes.
    pub const fn binary(columns: GroupColumns) -> Self {
        Self { columns, codes: CodeSet::Binary }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_is_at_its_index() {
        for (index, scheme) in GroupScheme::ALL.into_iter().enumerate() {
            assert_eq!(scheme.index(), index);
        }
    }
}
