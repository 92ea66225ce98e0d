//! The scale of a block of ternary weights.

/// The scale of one block of a TQ type, as f16 bits.
pub(super) struct BlockScale {
    pub(super) bits: u16,
    /// The block has a code beyond {-1, 0, +1}.
    pub(super) out_of_range: bool,
}
