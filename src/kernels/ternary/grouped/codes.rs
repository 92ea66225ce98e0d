//! Packed group-scaled weights back to codes and scales: for those who want to look at a matrix. No product needs it.

use super::super::super::scales::GroupColumns;
use super::super::super::vector::f16_to_f32;
use super::matrix::GroupedMatrix;

impl GroupedMatrix {
    /// The codes of a row, `[cols]`, and the scales of its groups, `[groups]`: a weight is its code times its group's
    /// scale.
    pub fn codes(&self, row: usize, codes: &mut [i8], scales: &mut Vec<f32>) {
        let packed = self.packed();
        let mut whole = [0; GroupColumns::C256.count()];
        let whole = &mut whole[..self.columns().count()];
        scales.clear();
        for (group, codes) in codes.chunks_mut(whole.len()).enumerate() {
            let scale = packed.blocks.unpack(packed.data, row, group, whole);
            codes.copy_from_slice(&whole[..codes.len()]);
            scales.push(f16_to_f32(scale) * packed.factor);
        }
    }
}
