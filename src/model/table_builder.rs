//! An embedding or an output head, built while its tensor streams in.
//!
//! Floats may be ternary or binary codes times scales of groups, in a model whose matrices all are (Bonsai, unpacked). Then they
//! become what the same weights are in a file of such a type. That shows in the first row that is not so, and all rows before
//! it can be read back: so nothing is held until the last byte, and a table of gigabytes takes no more memory than it ends with.

use crate::Result;
use crate::kernels::{
    GroupColumns, GroupScheme, GroupedBuilder, GroupedMatrix, Kernel, RowBuilder, RowFormat, RowMatrix,
};
use crate::quant::{StoredRow, TensorType, encode_groups, groups_of};

use super::linear_builder::{push_stored, stored_format};

/// Takes the rows of one matrix, in order.
#[derive(Debug)]
pub(super) struct TableBuilder {
    kernel: Kernel,
    /// What keeps the rows as the file has them.
    stored: RowFormat,
    /// What the rows are kept in if they have no groups.
    format: RowFormat,
    rows: usize,
    cols: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Before the first row of floats that may have groups.
    Begin,
    /// Every row so far has groups.
    Groups(Groups),
    Rows(RowBuilder),
}

#[derive(Debug)]
struct Groups {
    scheme: GroupScheme,
    builder: GroupedBuilder,
    codes: Vec<i8>,
    scales: Vec<u16>,
}

impl Groups {
    fn new(kernel: Kernel, scheme: GroupScheme, rows: usize, cols: usize) -> Result<Self> {
        let builder = GroupedMatrix::builder(kernel, scheme, rows, cols)?;
        Ok(Self { scheme, builder, codes: vec![0; cols], scales: vec![0; cols / scheme.columns.count()] })
    }

    fn push(&mut self, row: usize, values: &[f32]) {
        encode_groups(values, self.scheme.columns, &mut self.codes, &mut self.scales);
        self.builder.push_row(row, &self.codes, &self.scales);
    }
}

impl TableBuilder {
    /// A builder for `[rows, cols]` of a tensor of type `stored`, kept in `format`; with `may_have_groups`, as groups
    /// if that is what all rows are.
    ///
    /// # Errors
    /// `OutOfMemory` if the memory cannot be had.
    pub(super) fn new(
        kernel: Kernel,
        stored: TensorType,
        format: RowFormat,
        may_have_groups: bool,
        rows: usize,
        cols: usize,
    ) -> Result<Self> {
        let state = if may_have_groups { State::Begin } else { State::Rows(RowMatrix::builder(format, rows, cols)?) };
        Ok(Self { kernel, stored: stored_format(stored), format, rows, cols, state })
    }

    /// # Errors
    /// As [`StoredRow::decode`]; `OutOfMemory` if the memory cannot be had.
    pub(super) fn push(&mut self, row: StoredRow<'_>) -> Result<()> {
        if let State::Rows(builder) = &mut self.state {
            return push_stored(builder, self.stored, row.index, row);
        }
        let row = row.decode()?;
        let most = match &self.state {
            State::Rows(_) => None,
            State::Begin => Some(GroupScheme::binary(GroupColumns::C256)),
            State::Groups(groups) => Some(groups.scheme),
        };
        if let Some(most) = most {
            let scheme = groups_of(row.values, most);
            match (&mut self.state, scheme) {
                (State::Groups(groups), Some(scheme)) if scheme == groups.scheme => {}
                _ => self.change(scheme, row.index)?,
            }
        }
        match &mut self.state {
            State::Rows(builder) => builder.push_row(row.index, row.values, row.stored),
            State::Groups(groups) => groups.push(row.index, row.values),
            State::Begin => {}
        }
        Ok(())
    }

    /// From now on there are groups of `scheme`, or none: the first `count` rows are copied.
    fn change(&mut self, scheme: Option<GroupScheme>, count: usize) -> Result<()> {
        let next = match scheme {
            Some(scheme) => State::Groups(Groups::new(self.kernel, scheme, self.rows, self.cols)?),
            None => State::Rows(RowMatrix::builder(self.format, self.rows, self.cols)?),
        };
        let State::Groups(before) = std::mem::replace(&mut self.state, next) else { return Ok(()) };
        let (before, mut values) = (before.builder.finish(), vec![0.0; self.cols]);
        for row in 0..count {
            before.row(row, &mut values);
            match &mut self.state {
                // Rows that have no groups of their own bytes: floats are never kept so.
                State::Rows(builder) => builder.push_row(row, &values, &[]),
                State::Groups(groups) => groups.push(row, &values),
                State::Begin => {}
            }
        }
        Ok(())
    }

    /// # Errors
    /// `OutOfMemory` if the memory cannot be had.
    pub(super) fn finish(self) -> Result<RowMatrix> {
        match self.state {
            State::Rows(builder) => Ok(builder.finish()),
            State::Groups(groups) => Ok(RowMatrix::grouped(groups.builder.finish())),
            // No rows at all.
            State::Begin => Ok(RowMatrix::builder(self.format, self.rows, self.cols)?.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::FloatDecoder;

    /// Rows of codes times scales: of `groups[row]` columns each, or of no groups where that is 0.
    fn values(groups: &[usize], cols: usize) -> Vec<f32> {
        let weight = |(row, group): (usize, usize), col: usize| match group {
            0 => (row + col) as f32,
            _ => ((col * 7 % 3) as f32 - 1.0) * (1 + row + col / group) as f32 / 64.0,
        };
        groups.iter().copied().enumerate().flat_map(|row| (0..cols).map(move |col| weight(row, col))).collect()
    }

    fn table(groups: &[usize], cols: usize) -> (RowMatrix, Vec<f32>) {
        let values = values(groups, cols);
        let mut builder =
            TableBuilder::new(Kernel::SCALAR, TensorType::F32, RowFormat::F32, true, groups.len(), cols).unwrap();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        FloatDecoder::new("t", TensorType::F32, cols).unwrap().push_undecoded(&bytes, |row| builder.push(row)).unwrap();
        (builder.finish().unwrap(), values)
    }

    #[test]
    fn rows_are_kept_whatever_comes_after_them() {
        let cols = 512;
        let of = |columns| GroupedMatrix::bytes_for(Kernel::SCALAR, GroupScheme::ternary(columns), 4, cols);
        for (groups, bytes) in [
            ([256, 512, 256, 256], of(GroupColumns::C256)),
            ([128, 256, 128, 128], of(GroupColumns::C128)),
            ([256, 128, 256, 64], of(GroupColumns::C64)),
            ([256, 128, 64, 0], 4 * 4 * cols),
            ([0, 128, 64, 0], 4 * 4 * cols),
            ([128, 128, 32, 128], 4 * 4 * cols),
        ] {
            let (table, values) = table(&groups, cols);
            assert_eq!(table.bytes(), bytes, "{groups:?}");
            for (row, want) in values.chunks_exact(cols).enumerate() {
                let mut got = vec![1.0; cols];
                table.row(row, &mut got);
                assert_eq!(got, want, "{groups:?}, row {row}");
            }
        }
    }

    /// A table of 16 binary rows, one of which may have a 0.
    #[test]
    fn binary_rows_take_a_bit_until_one_is_not() {
        let (rows, cols) = (16, 256);
        for zero in [None, Some(0), Some(5 * cols + 7)] {
            let sign = |index: usize| if index * 7 % 11 < 5 { -1.0 } else { 1.0 };
            let weight = |index: usize| sign(index) * (1 + index / 128) as f32 / 64.0;
            let mut values: Vec<f32> = (0..rows * cols).map(weight).collect();
            zero.into_iter().for_each(|at| values[at] = 0.0);
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let mut builder =
                TableBuilder::new(Kernel::SCALAR, TensorType::F32, RowFormat::F32, true, rows, cols).unwrap();
            FloatDecoder::new("t", TensorType::F32, cols)
                .unwrap()
                .push_undecoded(&bytes, |row| builder.push(row))
                .unwrap();
            let table = builder.finish().unwrap();
            let codes = rows * cols / if zero.is_some() { 4 } else { 8 };
            assert_eq!(table.bytes(), codes + 2 * rows * cols / 128);
            for (row, want) in values.chunks_exact(cols).enumerate() {
                let mut got = vec![1.0; cols];
                table.row(row, &mut got);
                assert_eq!(got, want, "row {row}");
            }
        }
    }
}
