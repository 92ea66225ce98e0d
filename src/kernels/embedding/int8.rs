//! int8 rows, kept as two planes of nibbles: the head reads the upper one of every row, and the lower one of few.
//!
//! The head's bytes decide how long it takes. The upper nibbles alone, with the activation in int8, give every logit with
//! an error of a seventh of the spread of all logits or so, which is enough to tell which rows matter. For those, and
//! for no others, all eight bits are multiplied with an activation of 13 bits or more: what can be chosen is as exact as if
//! every row had been, and what is next to impossible stays an estimate.
//!
//! Sums are integers, and which rows are exact depends on nothing but them: the result is the same on every machine, for
//! any number of threads.

use crate::pool::Pool;
use crate::{Error, ErrorKind, Result};

use super::super::buffer::Buffer;
use super::super::rounding::{Scaler, largest_finite, largest_magnitude, scale_to_i8};
use super::super::row_groups::{QUARTERS, for_each_group};
use super::super::simd::load;
use super::super::vector::Stored;
use super::nibbles::{self, BLOCK, CHUNK, first_code, second_code, split};

/// Of so many rows one is exact ...
const ROWS_PER_EXACT: usize = 64;
/// ... but no fewer than these, and where that would be half of them, all.
const FEWEST_EXACT: usize = 1024;
/// The bound is found among every so manyth row.
const SAMPLE: usize = 16;

/// A matrix of int8 rows, each with its scale.
#[derive(Debug)]
pub(super) struct Int8Rows {
    rows: usize,
    cols: usize,
    /// `[rows, stride]`: of each code plus 128, the upper four bits.
    upper: Buffer,
    /// `[rows, stride]`: the lower four bits.
    lower: Buffer,
    /// `[rows]`
    scales: Vec<f32>,
}

impl Int8Rows {
    pub(super) fn new(rows: usize, cols: usize) -> Result<Self> {
        let mut scales = Vec::new();
        scales
            .try_reserve_exact(rows)
            .map_err(|e| Error::new(ErrorKind::OutOfMemory, "no memory for the embedding's scales").with_source(e))?;
        scales.resize(rows, 0.0);
        let plane = || Buffer::zeroed(rows * stride(cols), "the embedding");
        Ok(Self { rows, cols, upper: plane()?, lower: plane()?, scales })
    }

    pub(super) const fn bytes_for(rows: usize, cols: usize) -> usize {
        rows * (2 * stride(cols) + size_of::<f32>())
    }

    /// Quantizes a row: its largest magnitude becomes 127. Returns `false`, and leaves the row as it is, if a value is no finite
    /// number.
    pub(super) fn set_row<A: Stored>(&mut self, row: usize, values: &[A]) -> bool {
        let Some(max) = largest_finite(values) else { return false };
        let factor = if max == 0.0 { 0.0 } else { 127.0 / max };
        self.scales[row] = max / 127.0;
        let bytes = row * stride(self.cols)..(row + 1) * stride(self.cols);
        let upper = self.upper.bytes_mut()[bytes.clone()].as_chunks_mut::<16>().0;
        let lower = self.lower.bytes_mut()[bytes].as_chunks_mut::<16>().0;
        let mut planes = upper.iter_mut().zip(lower);
        let (chunks, rest) = values.as_chunks::<CHUNK>();
        let scaler = Scaler::new(factor);
        for (values, (upper, lower)) in chunks.iter().zip(&mut planes) {
            let [first, second] = std::array::from_fn(|half| scaler.to_i8(&values.as_chunks::<16>().0[half]));
            split([first, second], upper, lower);
        }
        if let Some((upper, lower)) = planes.next().filter(|_| !rest.is_empty()) {
            let mut codes = [0_i8; CHUNK];
            scale_to_i8(rest, factor, &mut codes[..rest.len()]);
            split([load(&codes[..16]), load(&codes[16..])], upper, lower);
        }
        true
    }

    /// Row `row` as floats: `out` is `[cols]`.
    pub(super) fn row(&self, row: usize, out: &mut [f32]) {
        let scale = self.scales[row];
        let (upper, lower) = (self.upper_of(row).as_chunks::<16>().0, self.lower_of(row).as_chunks::<16>().0);
        for ((out, upper), lower) in out.chunks_mut(CHUNK).zip(upper).zip(lower) {
            let (first, second) = out.split_at_mut(out.len().min(16));
            let bytes = || upper.iter().zip(lower);
            first.iter_mut().zip(bytes()).for_each(|(out, (u, l))| *out = f32::from(first_code(*u, *l)) * scale);
            second.iter_mut().zip(bytes()).for_each(|(out, (u, l))| *out = f32::from(second_code(*u, *l)) * scale);
        }
    }

    /// `out[t, r] = sum_c matrix[r, c] x[t, c]`; `x` is `[tokens, cols]`, `out` `[tokens, rows]`. A row is read once for
    /// all tokens, and what one token gets does not depend on the others. A token with an input that is no finite number
    /// gets NaN throughout: as an integer that input would look like any other.
    pub(super) fn matmul(&self, pool: &Pool, x: &[f32], out: &mut [f32]) {
        let inputs: Vec<Input> = x.chunks_exact(self.cols).map(Input::new).collect();
        let exact = (self.rows / ROWS_PER_EXACT).max(FEWEST_EXACT);
        let bounds: Vec<f32> = if 2 * exact < self.rows {
            self.estimate(pool, x, out);
            out.chunks_exact(self.rows).map(|out| bound(out, exact)).collect()
        } else {
            out.fill(0.0);
            vec![0.0; inputs.len()]
        };
        let shared = Scattered(out.as_mut_ptr());
        pool.for_each_range(self.rows, 512, |rows| {
            let shared = &shared;
            for (token, (input, &bound)) in inputs.iter().zip(&bounds).enumerate() {
                // SAFETY: the rows of a range are inside the token's part of `out`, whose length the caller has asserted,
                // and in no other range, so no other thread touches them.
                let out =
                    unsafe { std::slice::from_raw_parts_mut(shared.0.add(token * self.rows + rows.start), rows.len()) };
                // Several at a time, because a row is too short for a prefetcher.
                let mut chosen =
                    (0..out.len()).filter(|&index| out[index] >= bound).collect::<Vec<usize>>().into_iter();
                while let Some(first) = chosen.next() {
                    let indices: [usize; QUARTERS] = std::array::from_fn(|index| {
                        if index == 0 { Some(first) } else { chosen.next() }.unwrap_or(first)
                    });
                    let values = self.exact(input, indices.map(|index| rows.start + index));
                    indices.into_iter().zip(values).for_each(|(index, value)| out[index] = value);
                }
            }
        });
        for (input, out) in inputs.iter().zip(out.chunks_exact_mut(self.rows)) {
            if !input.is_finite {
                out.fill(f32::NAN);
            }
        }
    }

    /// `out[i] = sum_c matrix[rows[i], c] x[c]`, with all eight bits of every row; `x` is `[cols]`.
    pub(super) fn matvec_of(&self, pool: &Pool, x: &[f32], rows: &[u32], out: &mut [f32]) {
        let input = Input::new(x);
        if !input.is_finite {
            return out.fill(f32::NAN);
        }
        let (rows, last_rows) = rows.as_chunks::<QUARTERS>();
        let (out, last) = out.as_chunks_mut::<QUARTERS>();
        pool.par_rows(out, 1, 64, |index, out| out[0] = self.exact(&input, rows[index].map(|row| row as usize)));
        for (out, &row) in last.iter_mut().zip(last_rows) {
            *out = self.exact(&input, [row as usize; QUARTERS])[0];
        }
    }

    /// Four rows times one token, with all eight bits of the rows.
    fn exact(&self, input: &Input, rows: [usize; QUARTERS]) -> [f32; QUARTERS] {
        let sums = nibbles::dot(rows.map(|row| (self.upper_of(row), self.lower_of(row))), &input.codes);
        std::array::from_fn(|i| sums[i] as f32 * (input.step * self.scales[rows[i]]))
    }

    /// Estimates of all sums, from the upper nibbles of the rows. The lower ones, 0 to 15, are taken to be 7.5.
    pub(super) fn estimate(&self, pool: &Pool, x: &[f32], out: &mut [f32]) {
        let inputs: Vec<_> = x
            .chunks_exact(self.cols)
            .map(|x| {
                let max = largest_magnitude(x);
                let factor = if max == 0.0 { 0.0 } else { 127.0 / max };
                let mut q = vec![0; self.cols.next_multiple_of(BLOCK)];
                scale_to_i8(x, factor, &mut q[..x.len()]);
                let sum: i32 = q.iter().map(|&q| i32::from(q)).sum();
                (nibbles::operand(&q), sum, max / 127.0)
            })
            .collect();
        let quarter = self.rows.div_ceil(QUARTERS);
        let out = Scattered(out.as_mut_ptr());
        pool.for_each_range(quarter, 32, |groups| {
            let out = &out;
            let dots = |group: usize, token: usize| {
                let rows = std::array::from_fn(|index| (group + index * quarter).min(self.rows - 1));
                nibbles::dot_upper(rows.map(|row| self.upper_of(row)), &inputs[token].0)
            };
            for_each_group(groups, 0..inputs.len(), self.rows, dots, |token, row, dots| {
                let (_, sum, step) = inputs[token];
                // SAFETY: the rows are inside the token's part of `out`, whose length the caller has asserted; each is in
                // one row group, so no other thread has it.
                let out = unsafe { std::slice::from_raw_parts_mut(out.0.add(token * self.rows + row), dots.len()) };
                for ((out, dot), scale) in out.iter_mut().zip(dots).zip(&self.scales[row..]) {
                    *out = ((16 * dot - 120 * sum) as f32 - 0.5 * sum as f32) * (step * scale);
                }
            });
        });
    }

    pub(super) fn cols(&self) -> usize {
        self.cols
    }

    /// What one step of a row's codes is.
    pub(super) fn scale(&self, row: usize) -> f32 {
        self.scales[row]
    }

    fn upper_of(&self, row: usize) -> &[u8] {
        &self.upper.bytes()[row * stride(self.cols)..][..stride(self.cols)]
    }

    fn lower_of(&self, row: usize) -> &[u8] {
        &self.lower.bytes()[row * stride(self.cols)..][..stride(self.cols)]
    }
}

/// One token's input as integers in i16, with zeros up to whole blocks.
struct Input {
    codes: Vec<i16>,
    /// The value of one step of the codes.
    step: f32,
    is_finite: bool,
}

impl Input {
    fn new(x: &[f32]) -> Self {
        let (codes, step) = quantize_wide(x);
        Self { codes, step, is_finite: x.iter().all(|x| x.is_finite()) }
    }
}

/// The output of a product whose threads write rows that lie apart.
struct Scattered(*mut f32);

// SAFETY: used for disjoint rows only, see `matmul` and `estimate`.
unsafe impl Sync for Scattered {}

/// Bytes of a row in a plane.
const fn stride(cols: usize) -> usize {
    cols.next_multiple_of(BLOCK) / 2
}

/// What about `wanted` of the estimates reach.
fn bound(estimates: &[f32], wanted: usize) -> f32 {
    let mut sample: Vec<f32> = estimates.iter().copied().step_by(SAMPLE).collect();
    let rank = (wanted * sample.len() / estimates.len()).clamp(1, sample.len()) - 1;
    *sample.select_nth_unstable_by(rank, |a, b| b.total_cmp(a)).1
}

/// `x` as integers in i16, with zeros up to whole blocks, and the value of one step. The largest is chosen so that a sum of
/// `x.len()` products with int8 fits an i32.
pub(super) fn quantize_wide(x: &[f32]) -> (Vec<i16>, f32) {
    let limit = (i32::MAX as usize / (127 * x.len())).min(i16::MAX as usize) as f32;
    let max = x.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
    let factor = if max == 0.0 { 0.0 } else { limit / max };
    let mut q: Vec<i16> = x.iter().map(|v| (v * factor).round_ties_even() as i16).collect();
    q.resize(x.len().next_multiple_of(BLOCK), 0);
    (q, max / limit)
}

#[cfg(test)]
mod tests {
    use super::super::super::conformance::check::Random;
    use super::super::conformance::{estimate, exact};
    use super::*;

    fn matrix(rows: usize, values: &[f32]) -> Int8Rows {
        let cols = values.len() / rows;
        let mut matrix = Int8Rows::new(rows, cols).unwrap();
        values.chunks_exact(cols).enumerate().for_each(|(row, values)| assert!(matrix.set_row(row, values)));
        matrix
    }

    /// Against the definition, on values all around the ties.
    #[test]
    fn codes_are_those_of_the_definition() {
        let mut values: Vec<f32> = (-2032..=2032).map(|i| i as f32 / 16.0).collect();
        values.extend(values.clone().iter().flat_map(|v| [v.next_up(), v.next_down()]));
        for factor in [1.0, 0.3, 1e-9, 7e5] {
            let values: Vec<f32> = values.iter().map(|v| v * factor).collect();
            let max = values.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
            let matrix = matrix(1, &values);
            let mut back = vec![0.0; values.len()];
            matrix.row(0, &mut back);
            for (value, back) in values.iter().zip(back) {
                assert_eq!(back, (value * (127.0 / max)).round_ties_even() * (max / 127.0), "{value}");
            }
        }
    }

    #[test]
    fn zeros_stay_zeros() {
        let matrix = matrix(2, &[0.0, 0.0, 1.0, -1.0]);
        let mut out = [9.0; 2];
        matrix.matmul(&Pool::new(1), &[0.0, 0.0], &mut out);
        assert_eq!(out, [0.0, 0.0]);
        matrix.matmul(&Pool::new(1), &[2.0, 1.0], &mut out);
        assert_eq!(out[0], 0.0);
        assert!((out[1] - 1.0).abs() < 1e-4);
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let matrix = matrix(2, &[1.0, 0.0, 1.0, -1.0]);
        for x in [f32::NAN, f32::INFINITY] {
            let mut out = [0.0; 2];
            matrix.matmul(&Pool::new(1), &[x, 1.0], &mut out);
            assert!(out.iter().all(|out| out.is_nan()));
        }
    }

    fn normal(count: usize, seed: u64) -> Vec<f32> {
        Random::new(seed).normal(count)
    }

    /// Of many rows the greatest are exact, and the others are the estimates that were not among them.
    #[test]
    fn the_greatest_are_exact_and_the_rest_is_near() {
        let (rows, cols, seed) = (5000, 65, 20_261_125);
        let (values, x) = (normal(rows * cols, seed), normal(cols, seed + 1));
        let matrix = matrix(rows, &values);
        let mut out = vec![0.0; rows];
        matrix.matmul(&Pool::new(1), &x, &mut out);
        let exact: Vec<f32> = (0..rows).map(|row| exact(&matrix, row, &x)).collect();
        let estimates: Vec<f32> = (0..rows).map(|row| estimate(&matrix, row, &x)).collect();
        let bound = bound(&estimates, FEWEST_EXACT);
        for (row, out) in out.iter().enumerate() {
            let wanted = if estimates[row] >= bound { exact[row] } else { estimates[row] };
            assert_eq!(*out, wanted, "row {row}, seed {seed}");
        }
        let count = estimates.iter().filter(|estimate| **estimate >= bound).count();
        assert!((700..1500).contains(&count), "{count} rows are exact, seed {seed}");
        let greatest = |values: &[f32]| {
            let mut sorted = values.to_vec();
            sorted.sort_by(|a, b| b.total_cmp(a));
            sorted.truncate(300);
            sorted
        };
        assert_eq!(greatest(&out), greatest(&exact), "seed {seed}");
        // Chosen rows are exact whatever their estimates are: five, so that there is a rest behind the four.
        let (chosen, mut out) = ([4999, 0, 7, 7, 1234], [0.0; 5]);
        matrix.matvec_of(&Pool::new(2), &x, &chosen, &mut out);
        assert_eq!(out, chosen.map(|row| exact[row as usize]), "seed {seed}");
        matrix.matvec_of(&Pool::new(1), &vec![f32::NAN; cols], &chosen, &mut out);
        assert!(out.iter().all(|out| out.is_nan()));
    }

    /// Several tokens in one product: the bits of each are those that it gets alone.
    #[test]
    fn tokens_do_not_change_each_other() {
        for (rows, cols) in [(3000, 65), (40, 200)] {
            let (tokens, seed) = (7, 20_261_126);
            let matrix = matrix(rows, &normal(rows * cols, seed));
            let mut x = normal(tokens * cols, seed + 1);
            x[3 * cols + 1] = f32::NEG_INFINITY;
            for threads in if cfg!(target_family = "wasm") { 1..=1 } else { 1..=3 } {
                let pool = Pool::new(threads);
                let (mut together, mut alone) = (vec![0.0; tokens * rows], vec![0.0; rows]);
                matrix.matmul(&pool, &x, &mut together);
                for (token, together) in together.chunks_exact(rows).enumerate() {
                    matrix.matmul(&pool, &x[token * cols..][..cols], &mut alone);
                    let same = together.iter().zip(&alone).all(|(a, b)| a.to_bits() == b.to_bits());
                    assert!(same, "token {token} of [{rows}, {cols}], {threads} threads, seed {seed}");
                    assert_eq!(together.iter().any(|out| out.is_nan()), token == 3);
                }
            }
        }
    }
}
