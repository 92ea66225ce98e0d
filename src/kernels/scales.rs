//! How many columns of a row of weights share a scale.

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
