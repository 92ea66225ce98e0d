//! How fast memory can be read: what bounds every product whose matrices come from it.

use crate::pool::Pool;
use crate::{Error, ErrorKind, Result};

use super::coarse_timer::CoarseTimer;

/// Streams that each thread of [`read_limit`] reads at once.
const READ_STREAMS: usize = 4;
/// Bytes that each thread reads between two looks at the clock: one or two milliseconds, a piece where the clock is fine.
const READ_PIECE: usize = 16 << 20;
/// How often the whole buffer is read.
const READ_PASSES: usize = 8;

/// How fast memory can be read, in bytes per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadLimit {
    /// The best piece: the limit of every product whose matrices come from memory.
    pub best: f64,
    /// The middle of all pieces: far below the best one, others use the memory too.
    pub median: f64,
}

/// Measures how fast the threads of `pool` can read `bytes` of memory, four streams a thread, summed so that nothing can
/// be left out. Timed are pieces of one or two milliseconds, which fit between what other programs do. `bytes` must be
/// several times the last-level cache.
///
/// # Errors
/// `OutOfMemory` if the buffer does not fit.
pub fn read_limit(pool: &Pool, bytes: usize, now: impl FnMut() -> f64) -> Result<ReadLimit> {
    let mut sums = vec![0_u64; pool.width()];
    let piece = pool.width() * READ_PIECE;
    let words = vec_of_ones(bytes.next_multiple_of(piece) / size_of::<u64>())?;
    let clock = &mut CoarseTimer::new(now);
    let count = words.len() / (piece / size_of::<u64>());
    let mut left = READ_PASSES * count;
    let mut pieces = words.chunks_exact(piece / size_of::<u64>()).cycle();
    let mut speeds = Vec::new();
    while left > 0 {
        let timed = clock.time(|| {
            let words = pieces.next().unwrap_or_default();
            let share = words.len() / sums.len();
            pool.par_rows(&mut sums, 1, 1, |thread, sum| sum[0] = sum_streams(&words[thread * share..][..share]));
            // A sum that nobody looks at need not be computed.
            std::hint::black_box(&mut sums);
        });
        left = left.saturating_sub(timed.passes);
        speeds.push(piece as f64 * 1e3 / timed.milliseconds.max(1e-3));
    }
    speeds.sort_by(f64::total_cmp);
    let at = |index: usize| speeds.get(index).copied().unwrap_or(0.0);
    Ok(ReadLimit { best: at(speeds.len().saturating_sub(1)), median: at(speeds.len() / 2) })
}

fn vec_of_ones(len: usize) -> Result<Vec<u64>> {
    let mut words = Vec::new();
    words.try_reserve_exact(len).map_err(|e| {
        Error::new(ErrorKind::OutOfMemory, "no memory for measuring the speed of memory").with_source(e)
    })?;
    words.resize(len, 1);
    Ok(words)
}

/// A line of 64 bytes.
type Line = [u64; 8];

/// The sum of whole lines; what is left at the end of each quarter is not read.
fn sum_streams(words: &[u64]) -> u64 {
    let quarter = words.len() / READ_STREAMS;
    let [a, b, c, d]: [&[Line]; READ_STREAMS] =
        std::array::from_fn(|stream| words[stream * quarter..][..quarter].as_chunks().0);
    let mut sums = [[0_u64; 2]; READ_STREAMS];
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        for (sum, line) in sums.iter_mut().zip([a, b, c, d]) {
            let [first, second] = sum;
            *first = first.wrapping_add(line[0]).wrapping_add(line[2]).wrapping_add(line[4]).wrapping_add(line[6]);
            *second = second.wrapping_add(line[1]).wrapping_add(line[3]).wrapping_add(line[5]).wrapping_add(line[7]);
        }
    }
    sums.iter().flatten().fold(0, |sum, lane| sum.wrapping_add(*lane))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_is_read() {
        let words: Vec<u64> = (0..96).collect();
        assert_eq!(sum_streams(&words), 96 * 95 / 2);
    }

    #[test]
    fn the_best_piece_is_the_limit() {
        let mut readings = 0;
        let limit = read_limit(&Pool::new(1), 5 * READ_PIECE, || {
            readings += 1;
            // Two milliseconds from look to look, and one later on.
            f64::from(if readings < 40 { 2 * readings } else { 40 + readings })
        });
        let piece = READ_PIECE as f64;
        assert_eq!(limit.unwrap(), ReadLimit { best: piece * 1e3, median: piece * 1e3 / 2.0 });
    }
}
