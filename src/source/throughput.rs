//! Speed and time left, from bytes that arrive in bursts.

use std::collections::VecDeque;

/// The speed shown is the mean over this long, in milliseconds: short enough to follow a change, long enough
/// to be readable.
const WINDOW_MS: f64 = 8000.0;

/// Below this many milliseconds the mean says nothing yet.
const MIN_MS: f64 = 250.0;

/// Measures the speed of arriving bytes. The clock is the caller's, in milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Throughput {
    samples: VecDeque<(f64, u64)>,
    sum: u64,
}

impl Throughput {
    /// Notes that `bytes` more have arrived by `now`.
    pub fn record(&mut self, now: f64, bytes: u64) {
        match self.samples.back_mut() {
            // Arrivals within a few milliseconds share a sample, which bounds the queue. The first sample stays alone:
            // it is where the window begins.
            Some((time, count)) if now - *time < 20.0 && self.sum > *count => *count += bytes,
            _ => self.samples.push_back((now, bytes)),
        }
        self.sum += bytes;
        while self.samples.len() > 2 && self.samples.front().is_some_and(|(time, _)| now - time > WINDOW_MS) {
            if let Some((_, count)) = self.samples.pop_front() {
                self.sum -= count;
            }
        }
    }

    /// Bytes per second at `now`, or `None` while too little has arrived to tell.
    pub fn speed(&self, now: f64) -> Option<f64> {
        let (start, first) = *self.samples.front()?;
        let elapsed = now - start;
        // The bytes of the first sample arrived before its time stamp.
        (elapsed >= MIN_MS && self.sum > first).then(|| (self.sum - first) as f64 * 1000.0 / elapsed)
    }

    /// Seconds until `remaining` more bytes have come at the present speed.
    pub fn seconds_left(&self, now: f64, remaining: u64) -> Option<f64> {
        self.speed(now).map(|speed| remaining as f64 / speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_shows_its_speed() {
        let mut throughput = Throughput::default();
        assert_eq!(throughput.speed(0.0), None);
        for i in 0..=200 {
            throughput.record(f64::from(i) * 100.0, 1000);
        }
        let speed = throughput.speed(20_000.0).unwrap();
        assert!((speed - 10_000.0).abs() < 200.0, "{speed}");
        assert!((throughput.seconds_left(20_000.0, 50_000).unwrap() - 5.0).abs() < 0.1);
        assert!(throughput.samples.len() < 100);
    }

    #[test]
    fn a_stalled_stream_slows_down() {
        let mut throughput = Throughput::default();
        throughput.record(0.0, 1000);
        throughput.record(1000.0, 1000);
        assert!(throughput.speed(1000.0).unwrap() > 10.0 * throughput.speed(20_000.0).unwrap());
    }
}
