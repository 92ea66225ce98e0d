//! The matrices of a loaded model, to be looked at: the codes of their weights, in tiles and counted. Reading changes nothing,
//! and no pass needs it.

use std::ops::Range;

use crate::kernels::{GroupDecoder, GroupedMatrix, RowMatrix, TernaryMatrix};
use crate::quant::{TensorType, half_to_f32};
use crate::{Error, ErrorKind, Result};

use super::Model;
use super::linear::{Linear, LinearMatrix};
use super::plan::{LinearId, Role, RowsId, Slot};

/// A matrix of a loaded model.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Its name in the file, such as `blk.0.attn_q.weight`.
    pub name: String,
    /// How the file stores it.
    pub tensor_type: TensorType,
    /// out_features
    pub rows: usize,
    /// in_features
    pub cols: usize,
    place: Place,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Linear(LinearId),
    Rows(RowsId),
}

impl Matrix {
    /// That of a tensor which is one.
    pub(super) fn of(slot: &Slot) -> Option<Self> {
        let place = match slot.role {
            Role::Linear(id) => Place::Linear(id),
            Role::Rows(id) => Place::Rows(id),
            Role::Scale(_) | Role::Vector(_) | Role::Constants(_) => return None,
        };
        let Slot { ref name, tensor_type, rows, cols, .. } = *slot;
        Some(Self { name: name.clone(), tensor_type, rows, cols, place })
    }
}

/// How often each code occurs, and between what the scales lie.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CodeCounts {
    /// Weights with the codes -1, 0, +1 and +2.
    pub counts: [u64; 4],
    /// The least and the greatest scale; `None` of weights that are kept as numbers.
    pub scales: Option<[f32; 2]>,
}

impl CodeCounts {
    /// Counts the codes of a row and its scales.
    fn add(&mut self, codes: &[i8], scales: &[f32]) {
        for (count, code) in self.counts.iter_mut().zip(-1..) {
            *count += codes.iter().filter(|other| **other == code).count() as u64;
        }
        for &scale in scales {
            let [least, greatest] = self.scales.unwrap_or([scale; 2]);
            self.scales = Some([least.min(scale), greatest.max(scale)]);
        }
    }
}

/// Reads the codes of a matrix, whatever layout it has in memory.
#[derive(Debug)]
pub struct CodeReader<'a> {
    source: Source<'a>,
    rows: usize,
    cols: usize,
    /// A row.
    codes: Vec<i8>,
    /// Those of the row.
    scales: Vec<f32>,
    numbers: Vec<f32>,
}

#[derive(Debug)]
enum Source<'a> {
    Ternary(&'a TernaryMatrix),
    /// With what the scales are multiplied by.
    Grouped(&'a GroupedMatrix, f32),
    /// Bytes of a file that hold codes and scales as f16.
    Blocks {
        rows: &'a RowMatrix,
        decode: GroupDecoder,
        scales: Vec<u16>,
        factor: f32,
    },
    /// With what they are multiplied by.
    Numbers(&'a RowMatrix, f32),
}

impl<'a> CodeReader<'a> {
    pub(super) fn of_linear(layer: &'a Linear, stored: TensorType, rows: usize) -> Self {
        match layer.matrix() {
            LinearMatrix::Ternary(matrix) => Self::new(Source::Ternary(matrix), rows, matrix.cols()),
            LinearMatrix::Grouped(matrix) => Self::new(Source::Grouped(matrix, 1.0), rows, matrix.cols()),
            LinearMatrix::Rows(matrix, factor) => Self::of_rows(matrix, *factor, stored, rows),
        }
    }

    fn of_rows(matrix: &'a RowMatrix, factor: f32, stored: TensorType, rows: usize) -> Self {
        let source = match (matrix.as_codes(), stored.groups()) {
            (Some(matrix), _) => Source::Grouped(matrix, factor),
            (None, Some((scheme, decode))) if matrix.stored_blocks(0).is_some() => {
                let scales = vec![0; matrix.cols().div_ceil(scheme.columns.count())];
                Source::Blocks { rows: matrix, decode, scales, factor }
            }
            _ => Source::Numbers(matrix, factor),
        };
        Self::new(source, rows, matrix.cols())
    }

    fn new(source: Source<'a>, rows: usize, cols: usize) -> Self {
        Self { source, rows, cols, codes: vec![0; cols], scales: Vec::new(), numbers: Vec::new() }
    }

    /// Whether the weights are kept as numbers, so that codes are only their signs.
    pub fn has_signs_only(&self) -> bool {
        matches!(self.source, Source::Numbers(..))
    }

    /// The columns that share a scale, where not all of the matrix do.
    pub fn group_columns(&self) -> Option<usize> {
        match &self.source {
            Source::Grouped(matrix, _) => Some(matrix.columns().count()),
            Source::Blocks { scales, .. } => Some(self.cols / scales.len()),
            Source::Ternary(_) | Source::Numbers(..) => None,
        }
    }

    /// The codes of a row, `[cols]`, and the scales of its groups, or of the matrix.
    fn read(&mut self, row: usize) {
        let Self { source, codes, scales, numbers, .. } = self;
        match source {
            Source::Ternary(matrix) => {
                matrix.codes(row, codes);
                scales.splice(.., [matrix.scale()]);
            }
            Source::Grouped(matrix, factor) => {
                matrix.codes(row, codes, scales);
                scales.iter_mut().for_each(|scale| *scale *= *factor);
            }
            Source::Blocks { rows, decode, scales: stored, factor } => {
                decode(rows.stored_blocks(row).unwrap_or_default(), codes, stored);
                scales.clear();
                scales.extend(stored.iter().map(|scale| half_to_f32(*scale) * *factor));
            }
            Source::Numbers(rows, factor) => {
                numbers.resize(codes.len(), 0.0);
                rows.row(row, numbers);
                let sign = |number: f32| i8::from(number > 0.0) - i8::from(number < 0.0);
                codes.iter_mut().zip(&*numbers).for_each(|(code, number)| *code = sign(number * *factor));
            }
        }
    }

    /// The codes of a part of the matrix, row after row.
    ///
    /// # Errors
    /// `InvalidArgument` if it has none of these rows or columns.
    pub fn tile(&mut self, rows: Range<usize>, cols: Range<usize>) -> Result<Vec<i8>> {
        if rows.end > self.rows || cols.end > self.cols || rows.is_empty() || cols.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("a tile of rows {rows:?} and columns {cols:?}: the matrix is {} x {}", self.rows, self.cols),
            ));
        }
        let mut out = Vec::with_capacity(rows.len() * cols.len());
        for row in rows {
            self.read(row);
            out.extend_from_slice(&self.codes[cols.clone()]);
        }
        Ok(out)
    }

    /// Counts rows from `first` on while `goes_on` says so, at least one; returns the counts, and the row after the last.
    pub fn count(&mut self, first: usize, mut goes_on: impl FnMut() -> bool) -> (CodeCounts, usize) {
        let mut counts = CodeCounts::default();
        let mut row = first;
        while row < self.rows {
            self.read(row);
            counts.add(&self.codes, &self.scales);
            row += 1;
            if !goes_on() {
                break;
            }
        }
        (counts, row)
    }
}

impl Model {
    /// Embedding, head and linear layers, as their tensors lie in the file.
    pub fn matrices(&self) -> &[Matrix] {
        &self.matrices
    }

    /// The matrix with this name.
    ///
    /// # Errors
    /// `InvalidArgument` if there is none.
    pub fn matrix(&self, name: &str) -> Result<&Matrix> {
        self.matrices.iter().find(|matrix| matrix.name == name).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, format!("the model has no matrix of the name {name:?}"))
        })
    }

    /// Reads the codes of one of [`matrices`](Self::matrices).
    pub fn codes(&self, matrix: &Matrix) -> CodeReader<'_> {
        match matrix.place {
            Place::Linear(id) => CodeReader::of_linear(&self.weights[id], matrix.tensor_type, matrix.rows),
            Place::Rows(id) => CodeReader::of_rows(&self.weights[id], 1.0, matrix.tensor_type, matrix.rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::linear::LinearRules;
    use super::super::linear_builder::LinearBuilder;
    use super::super::linear_builder::tests::{TRAINED_WITH_FLOATS, slot, tensor};
    use super::super::weights::WeightOptions;
    use super::*;
    use crate::kernels::Kernel;
    use crate::quant::I2sLayout;

    /// Every type under every rule and in every layout: what is read is what the bytes stand for.
    #[test]
    fn codes_times_scales_are_the_weights() {
        let (rows, cols) = (21, 512);
        for tensor_type in TensorType::ALL {
            let (bytes, values) = tensor(tensor_type, rows, cols);
            for kernel in Kernel::all() {
                for (rules, exact) in [
                    (LinearRules { ternarizes_floats: false, ..LinearRules::BITNET }, false),
                    (TRAINED_WITH_FLOATS, false),
                    (TRAINED_WITH_FLOATS, true),
                ] {
                    let name = format!("{} {kernel:?} {rules:?} {exact}", tensor_type.name());
                    let options = WeightOptions { kernel, exact, i2s_layout: I2sLayout::default(), rules };
                    let mut builder = LinearBuilder::new(&slot(tensor_type, rows, cols), &options, true).unwrap();
                    builder.push(&bytes).unwrap();
                    let mut layer = builder.finish().unwrap();
                    layer.scale_by(2.0);
                    let mut reader = CodeReader::of_linear(&layer, tensor_type, rows);
                    assert_eq!(reader.has_signs_only(), !tensor_type.is_ternary(), "{name}");
                    let mut want = CodeCounts::default();
                    for (row, values) in values.chunks_exact(cols).enumerate() {
                        reader.read(row);
                        let group = cols / reader.scales.len().max(1);
                        for (col, (&code, value)) in reader.codes.iter().zip(values).enumerate() {
                            let (got, value) = match reader.scales.get(col / group) {
                                Some(scale) => (f32::from(code) * scale, 2.0 * value),
                                None => (f32::from(code), if *value == 0.0 { 0.0 } else { value.signum() }),
                            };
                            assert_eq!(got, value, "{name}: row {row}, column {col}");
                            want.counts[(code + 1) as usize] += 1;
                        }
                    }
                    let (counts, end) = reader.count(0, || true);
                    assert_eq!((counts.counts, end), (want.counts, rows), "{name}");
                    assert_eq!(counts.scales.is_some(), tensor_type.is_ternary(), "{name}");
                }
            }
        }
    }

    #[test]
    fn a_matrix_is_counted_in_pieces() {
        let (rows, cols) = (21, 512);
        let (bytes, _) = tensor(TensorType::Q2_0, rows, cols);
        let options = WeightOptions {
            kernel: Kernel::SCALAR,
            exact: false,
            i2s_layout: I2sLayout::default(),
            rules: TRAINED_WITH_FLOATS,
        };
        let mut builder = LinearBuilder::new(&slot(TensorType::Q2_0, rows, cols), &options, true).unwrap();
        builder.push(&bytes).unwrap();
        let layer = builder.finish().unwrap();
        let mut reader = CodeReader::of_linear(&layer, TensorType::Q2_0, rows);
        assert_eq!(reader.group_columns(), Some(64));
        let (whole, _) = reader.count(0, || true);
        assert!(whole.counts[3] > 0, "codes of 2 are counted too");
        assert_eq!(whole.counts.iter().sum::<u64>(), (rows * cols) as u64);
        let (mut sums, mut row) = ([0; 4], 0);
        while row < rows {
            let mut left = 3;
            let (part, next) = reader.count(row, || {
                left -= 1;
                left > 0
            });
            assert!(next > row && next <= row + 3);
            row = next;
            sums.iter_mut().zip(part.counts).for_each(|(sum, count)| *sum += count);
        }
        assert_eq!(sums, whole.counts);
        // Behind the last row there is nothing.
        assert_eq!(reader.count(rows, || true), (CodeCounts::default(), rows));
    }

    #[test]
    fn a_tile_is_a_part_of_the_rows() {
        let (rows, cols) = (21, 512);
        let (bytes, values) = tensor(TensorType::I2S, rows, cols);
        let options = WeightOptions {
            kernel: Kernel::SCALAR,
            exact: false,
            i2s_layout: I2sLayout::default(),
            rules: LinearRules::BITNET,
        };
        let mut builder = LinearBuilder::new(&slot(TensorType::I2S, rows, cols), &options, true).unwrap();
        builder.push(&bytes).unwrap();
        let layer = builder.finish().unwrap();
        let mut reader = CodeReader::of_linear(&layer, TensorType::I2S, rows);
        assert_eq!(reader.group_columns(), None);
        let tile = reader.tile(3..6, 500..512).unwrap();
        let want = (3..6).flat_map(|row| (500..512).map(move |col| (row, col)));
        let want: Vec<i8> = want.map(|(row, col)| (values[row * cols + col] * 4.0) as i8).collect();
        assert_eq!(tile, want);
        for (rows, cols) in [(0..22, 0..1), (0..1, 0..513), (4..4, 0..1), (0..1, 7..7), (30..31, 0..1)] {
            assert_eq!(reader.tile(rows, cols).unwrap_err().kind(), ErrorKind::InvalidArgument);
        }
    }
}
