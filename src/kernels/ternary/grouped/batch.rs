//! A batch of tokens, by tables as in `batch.rs` of the plain kernels: sums of a group in 16 bits, which it never exceeds, and
//! behind each group one multiplication and addition in f32.
//!
//! The f32 sums of a batch are more than a second-level cache holds. So they lie group of tokens by group of tokens, and all groups of
//! a block of columns are added to those of one group of tokens before the next one's turn.

use std::array;
use std::marker::PhantomData;
use std::ops::Range;

use super::super::super::simd::{
    f32x4_add, f32x4_convert_i32x4, f32x4_mul, f32x4_splat, i16x8_add, i16x8_splat, i32x4_extend_high_i16x8,
    i32x4_extend_low_i16x8, store, transpose_4x4, v128, v128_load,
};
use super::super::activations::{BATCH_COLS, BATCH_MULTIPLE};
use super::super::batch::{Columns, FEWEST_VECTORS, GROUP_TOKENS, GROUP_VECTORS};
use super::super::layout::{CHUNK, Indices, STEP_QUADS, TILE_ROWS};
use super::activations::GroupedActivations;
use super::matrix::GroupedMatrix;
use super::tables::Tables;

/// Adjacent rows of one matrix, the first a multiple of [`TILE_ROWS`].
pub(super) struct RowBlock<'a> {
    /// The caller's name for it.
    pub(super) job: usize,
    pub(super) matrix: &'a GroupedMatrix,
    pub(super) rows: Range<usize>,
}

impl RowBlock<'_> {
    /// Rows in whole tiles.
    fn padded_rows(&self) -> usize {
        self.rows.len().next_multiple_of(TILE_ROWS)
    }
}

/// Multiplies the rows of all `row_blocks`, whose matrices have the activations' scheme, whose tables are `K`, and no code 2, with
/// the tokens of the batch, the first a multiple of [`GROUP_TOKENS`]; `store(job, token, first_row, sums)` takes the sums of
/// adjacent rows.
pub(super) fn multiply<K: Tables>(
    row_blocks: &[RowBlock<'_>],
    x: &GroupedActivations,
    tokens: Range<usize>,
    mut store: impl FnMut(usize, usize, usize, &[f32]),
) {
    let rows = row_blocks.iter().map(RowBlock::padded_rows).sum();
    let (columns, tokens_of_tables) = (x.columns().count(), tokens.len().next_multiple_of(BATCH_MULTIPLE));
    let mut workspace = Workspace::<K>::new(rows, tokens_of_tables, columns / CHUNK);
    let (codes, steps, width) = x.batch();
    let groups = x.cols().div_ceil(columns);
    for begin in (0..groups).step_by(BATCH_COLS / columns) {
        let block = begin..groups.min(begin + BATCH_COLS / columns);
        workspace.index(row_blocks, block.clone());
        for first in (0..workspace.tokens).step_by(8 * K::VECTORS) {
            let first_token = tokens.start + first;
            for (place, group) in block.clone().enumerate() {
                let columns = Columns { codes, width, first_column: group * columns, first_token };
                let steps = &steps[group * width + first_token..];
                if K::VECTORS == GROUP_VECTORS && workspace.tokens - first >= GROUP_TOKENS {
                    workspace.add::<GROUP_VECTORS>(&columns, place, steps, first);
                } else {
                    workspace.add::<FEWEST_VECTORS>(&columns, place, steps, first);
                }
            }
        }
    }
    workspace.hand_out(row_blocks, tokens, &mut store);
}

/// Bytes of a line of a cache. Tables begin with one, so that no sum of a group's tokens lies across two.
const CACHE_LINE: usize = 64;

/// Working memory of some rows of weights times a batch.
struct Workspace<K> {
    /// A multiple of [`TILE_ROWS`].
    rows: usize,
    /// A multiple of [`BATCH_MULTIPLE`].
    tokens: usize,
    /// Chunks of columns that share a scale.
    group_chunks: usize,
    /// `[step, rows]` of a block of columns, four indices each.
    indices: Vec<u32>,
    /// The scales of the groups of a block, `[groups, rows]`.
    scales: Vec<f32>,
    /// `[STEP_QUADS, K::VALUES, vectors of a group of tokens]`, 8 tokens of 16 bits each.
    tables: Vec<v128>,
    /// Where they begin.
    first_table: usize,
    /// `[rows, vectors of a group of tokens]`, 8 tokens of 16 bits each.
    narrow: Vec<v128>,
    /// `[groups of tokens, rows, twice their vectors]`, 4 tokens of f32 each.
    wide: Vec<v128>,
    kind: PhantomData<K>,
}

impl<K: Tables> Workspace<K> {
    fn new(rows: usize, tokens: usize, group_chunks: usize) -> Self {
        let chunks = BATCH_COLS / CHUNK;
        let (zero, vectors) = (f32x4_splat(0.0), K::VECTORS.min(tokens / 8));
        let tables = vec![zero; STEP_QUADS * K::VALUES * vectors + CACHE_LINE / size_of::<v128>()];
        Self {
            rows,
            tokens,
            group_chunks,
            indices: vec![0; chunks * K::CHUNK_STEPS * rows],
            scales: vec![0.0; chunks / group_chunks * rows],
            first_table: tables.as_ptr().align_offset(CACHE_LINE),
            tables,
            narrow: vec![zero; rows * vectors],
            wide: vec![zero; rows * tokens / 4],
            kind: PhantomData,
        }
    }

    /// Finds the indices and the scales of all rows in some groups of columns, at most a block.
    fn index(&mut self, row_blocks: &[RowBlock<'_>], groups: Range<usize>) {
        let mut first = 0;
        for block in row_blocks {
            let (blocks, data) = (block.matrix.packed().blocks, block.matrix.packed().data);
            let mut indices = Indices { data: &mut self.indices, rows: self.rows, first };
            let chunks = self.group_chunks * groups.start..self.group_chunks * groups.end;
            blocks.index(data, block.rows.clone(), chunks, &mut indices);
            for (group, scales) in groups.clone().zip(self.scales.chunks_exact_mut(self.rows)) {
                let tiles = scales[first..].chunks_exact_mut(TILE_ROWS);
                for (row, scales) in block.rows.clone().step_by(TILE_ROWS).zip(tiles) {
                    let fours = blocks.scales(data, row, group).into_iter().zip(scales.chunks_exact_mut(4));
                    fours.for_each(|(four, scales)| store(four, scales));
                }
            }
            first += block.padded_rows();
        }
    }

    /// Adds what the group in place `group` of a block of columns gives for `8 * V` tokens from the batch's token `first` on, whose
    /// `steps` these are.
    fn add<const V: usize>(&mut self, columns: &Columns<'_>, group: usize, steps: &[f32], first: usize) {
        let last = K::CHUNK_STEPS * self.group_chunks - 1;
        for step in 0..=last {
            for quad in 0..STEP_QUADS {
                for vector in 0..V {
                    let table = &mut self.tables[self.first_table + quad * K::VALUES * V + vector..];
                    K::tabulate::<V>(columns, STEP_QUADS * step + quad, vector, table);
                }
            }
            if step == 0 {
                self.choose::<V, true, false>(group, step, steps, first);
            } else if step == last {
                self.choose::<V, false, true>(group, step, steps, first);
            } else {
                self.choose::<V, false, false>(group, step, steps, first);
            }
        }
    }

    /// Adds to every row the sums that its indices choose: to `narrow`, which the `FIRST` step of a group starts anew, and the
    /// `LAST` one multiplies by the scales and adds to `wide`.
    #[inline(never)]
    fn choose<const V: usize, const FIRST: bool, const LAST: bool>(
        &mut self,
        group: usize,
        step: usize,
        steps: &[f32],
        first: usize,
    ) {
        let Self { rows, tokens, group_chunks, .. } = *self;
        let indices = &self.indices[(K::CHUNK_STEPS * group_chunks * group + step) * rows..][..rows];
        let scales = &self.scales[group * rows..][..rows];
        let wide = &mut self.wide[rows * first / 4..][..rows * 2 * V];
        assert!(steps.len() >= 8 * V && self.narrow.len() >= rows * V);
        assert!(self.tables.len() - self.first_table >= STEP_QUADS * K::VALUES * V);
        assert!(first.is_multiple_of(4) && first + 8 * V <= tokens);
        let (tables, steps) = (self.tables[self.first_table..].as_ptr(), steps.as_ptr());
        let (mut narrow, mut wide) = (self.narrow.as_mut_ptr(), wide.as_mut_ptr());
        for (&indices, &scale) in indices.iter().zip(scales) {
            let scale = f32x4_splat(scale);
            // SAFETY: an index is below VALUES (`Digits`; of octets any byte is), so the four entries of V vectors are
            // inside the four tables. Row by row, V vectors of `narrow` are inside what is asserted above, and so are 8 V
            // steps; 2 V vectors of `wide` are inside its slice.
            unsafe {
                let sums: [*const v128; STEP_QUADS] =
                    array::from_fn(|quad| tables.add((indices >> (8 * quad) & 0xff) as usize * V));
                for vector in 0..V {
                    // A sum is stored before the next is loaded: LLVM would load all of them first and run out of
                    // registers.
                    let mut sum = if FIRST { i16x8_splat(0) } else { *narrow.add(vector) };
                    for (quad, sums) in sums.iter().enumerate() {
                        sum = i16x8_add(sum, *sums.add(quad * K::VALUES * V + vector));
                    }
                    if LAST {
                        let out = wide.add(2 * vector);
                        let halves = [i32x4_extend_low_i16x8(sum), i32x4_extend_high_i16x8(sum)];
                        for (half, sum) in halves.into_iter().enumerate() {
                            let step = v128_load(steps.add(8 * vector + 4 * half).cast());
                            let scaled = f32x4_mul(f32x4_convert_i32x4(sum), f32x4_mul(scale, step));
                            *out.add(half) = f32x4_add(*out.add(half), scaled);
                        }
                    } else {
                        *narrow.add(vector) = sum;
                    }
                }
                narrow = narrow.add(V);
                wide = wide.add(2 * V);
            }
        }
    }

    /// The `vector`th four tokens' sums of row `row` of the workspace.
    fn sums(&self, row: usize, vector: usize) -> v128 {
        let most = 2 * K::VECTORS;
        let (group, vector) = (vector / most, vector % most);
        // The last group of tokens may have fewer.
        let vectors = most.min(self.tokens / 4 - most * group);
        self.wide[most * group * self.rows + vectors * row + vector]
    }

    /// Gives the sums away, 16 rows of a token at a time.
    fn hand_out(
        &self,
        row_blocks: &[RowBlock<'_>],
        tokens: Range<usize>,
        out: &mut impl FnMut(usize, usize, usize, &[f32]),
    ) {
        let mut places = (0..self.rows).step_by(TILE_ROWS);
        for block in row_blocks {
            for (row, place) in block.rows.clone().step_by(TILE_ROWS).zip(&mut places) {
                let rows = TILE_ROWS.min(block.rows.end - row);
                for (vector, token) in tokens.clone().step_by(4).enumerate() {
                    let mut sums = [[0.0; TILE_ROWS]; 4];
                    for quarter in (0..TILE_ROWS).step_by(4) {
                        let of_row = |row: usize| self.sums(place + quarter + row, vector);
                        for (sums, of_token) in sums.iter_mut().zip(transpose_4x4(array::from_fn(of_row))) {
                            store(of_token, &mut sums[quarter..]);
                        }
                    }
                    for (token, sums) in (token..tokens.end).zip(&sums) {
                        out(block.job, token, row, &sums[..rows]);
                    }
                }
            }
        }
    }
}
