//! When a failed request is tried again: growing delays with jitter, and the server's own `Retry-After`.

use std::time::{Duration, SystemTime};

/// How often and how patiently requests are repeated. Times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Failures in a row, without one byte of progress between them, before giving up.
    pub attempts: u32,
    /// The number of attempts while no server has answered yet: a wrong address or a refused origin should fail soon.
    pub first_attempts: u32,
    /// Delay after the first failure; each further one doubles it.
    pub base_ms: f64,
    /// No own delay is longer.
    pub max_ms: f64,
    /// A server that asks for more patience than this ends the load with its message.
    pub max_retry_after_ms: f64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 8, first_attempts: 3, base_ms: 500.0, max_ms: 30_000.0, max_retry_after_ms: 600_000.0 }
    }
}

impl RetryPolicy {
    /// Delay before the next try, after `failures` failures in a row (from 1). `random` is in 0..1: half of the
    /// delay is left to it, so that many pages do not come back at once. Never less than `retry_after_ms`.
    pub fn delay_ms(&self, failures: u32, retry_after_ms: Option<f64>, random: f64) -> f64 {
        let doublings = failures.saturating_sub(1).min(30);
        let full = (self.base_ms * f64::from(1u32 << doublings)).min(self.max_ms);
        let own = full * (0.5 + 0.5 * random.clamp(0.0, 1.0));
        own.max(retry_after_ms.unwrap_or(0.0))
    }
}

/// `Retry-After` in milliseconds: a number of seconds or an HTTP date. A date is read against `date`, the answer's own
/// `Date`, since the visitor's clock may be wrong by hours; where that is hidden, against `now_ms` (since 1970).
pub fn parse_retry_after(value: &str, date: Option<&str>, now_ms: f64) -> Option<f64> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(f64::from(seconds) * 1000.0);
    }
    let until = parse_date(value)?;
    Some((until - date.and_then(parse_date).unwrap_or(now_ms)).max(0.0))
}

/// An HTTP date in milliseconds since 1970.
fn parse_date(text: &str) -> Option<f64> {
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    let since = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Some(since.as_secs_f64() * 1000.0)
}

/// Whether the same request may well succeed later.
pub fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=524 | 529)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap_and_keep_to_retry_after() {
        let policy = RetryPolicy::default();
        let full: Vec<f64> = (1..=8).map(|n| policy.delay_ms(n, None, 1.0)).collect();
        assert_eq!(full, [500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0, 30000.0, 30000.0]);
        assert_eq!(policy.delay_ms(1, None, 0.0), 250.0);
        assert_eq!(policy.delay_ms(1, Some(7000.0), 0.3), 7000.0);
        assert_eq!(policy.delay_ms(8, Some(7000.0), 1.0), 30000.0);
        assert_eq!(policy.delay_ms(u32::MAX, None, 1.0), 30000.0);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = 784_111_777_000.0; // Sun, 06 Nov 1994 08:49:37 GMT
        assert_eq!(parse_retry_after(" 120 ", None, now), Some(120_000.0));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:50:07 GMT", None, now), Some(30_000.0));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", None, now), Some(0.0));
        assert_eq!(parse_retry_after("soon", None, now), None);
        assert_eq!(parse_retry_after("-5", None, now), None);
    }

    #[test]
    fn a_date_counts_from_the_answers_own_date() {
        let hour = 3_600_000.0;
        let (date, value) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:07 GMT");
        for visitors_clock in [784_111_777_000.0, 784_111_777_000.0 - 5.0 * hour, 784_111_777_000.0 + 5.0 * hour] {
            assert_eq!(parse_retry_after(value, Some(date), visitors_clock), Some(30_000.0));
        }
        assert_eq!(parse_retry_after("9", Some(date), 0.0), Some(9000.0), "seconds need no date");
        assert_eq!(parse_retry_after(value, Some("today"), 784_111_777_000.0), Some(30_000.0));
    }
}
