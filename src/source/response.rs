//! The meaning of answers to ranged requests.

use super::identity::Validators;
use super::retry::{is_transient, parse_retry_after};
use crate::{Error, ErrorKind};

/// Bytes that were asked for: `start..end`, or with no range the whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Half-open byte range, if one was asked for.
    pub range: Option<(u64, u64)>,
}

/// Status and headers of an answer, as far as they are visible.
#[derive(Clone, Debug, Default)]
pub struct ResponseHead {
    /// HTTP status.
    pub status: u16,
    /// `Content-Range`, hidden on most other origins.
    pub content_range: Option<String>,
    /// `Content-Length`. It counts the bytes on the wire: with a content encoding, not those of the file.
    pub content_length: Option<u64>,
    /// `Content-Encoding`, hidden on most other origins.
    pub content_encoding: Option<String>,
    /// `ETag`, hidden on most other origins.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
    /// `Retry-After`, hidden on most other origins.
    pub retry_after: Option<String>,
    /// `Date`, hidden on most other origins.
    pub date: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// The other origin to which the request was redirected, if it was.
    pub redirected_to: Option<String>,
}

/// The meaning of an answer for the download.
#[derive(Debug)]
pub enum Verdict {
    /// The bytes `start..end` that were asked for (perhaps fewer at the end).
    Part {
        /// One past the last byte that is promised.
        end: u64,
        /// Length of the file where it is shown.
        total: Option<u64>,
    },
    /// The whole file from its first byte.
    Whole {
        /// Its length where it is shown and can be trusted.
        length: Option<u64>,
    },
    /// Nothing is there at the asked start: the file ends before it.
    BeyondEnd {
        /// Length of the file where it is shown.
        total: Option<u64>,
    },
    /// The server cannot give ranges of this file: ask for the whole.
    NoRanges,
    /// A passing failure: try again, not before `after_ms` if the server says so.
    Retry {
        /// The server's own wish.
        after_ms: Option<f64>,
        /// The error for when no more tries are left.
        error: Error,
    },
    /// A lasting failure.
    Refused(Error),
}

impl ResponseHead {
    /// The headers that identify the file.
    pub fn validators(&self, verdict: &Verdict) -> Validators {
        let total = match verdict {
            Verdict::Part { total, .. } | Verdict::BeyondEnd { total } => *total,
            Verdict::Whole { length } => *length,
            _ => None,
        };
        let media_type = self.content_type.as_deref().and_then(|text| text.split(';').next());
        Validators {
            etag: self.etag.clone(),
            last_modified: self.last_modified.clone(),
            total,
            media_type: media_type.map(|text| text.trim().to_ascii_lowercase()),
        }
    }

    fn is_encoded(&self) -> bool {
        self.content_encoding.as_deref().is_some_and(|coding| !coding.trim().eq_ignore_ascii_case("identity"))
    }
}

/// `bytes 5-9/20` or `bytes */20`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ContentRange {
    /// First and last byte, both included.
    bytes: Option<(u64, u64)>,
    total: Option<u64>,
}

fn parse_content_range(text: &str) -> Option<ContentRange> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.trim().split_once('/')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    let bytes = match range {
        "*" => None,
        _ => {
            let (first, last) = range.split_once('-')?;
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last && total.is_none_or(|total| last < total)).then_some(())?;
            Some((first, last))
        }
    };
    Some(ContentRange { bytes, total })
}

/// Judges an answer to `asked`. `now_ms` (since 1970) is for a `Retry-After` that is a date.
pub fn judge(asked: Asked, head: &ResponseHead, now_ms: f64, name: &str) -> Verdict {
    match head.status {
        200 => Verdict::Whole { length: head.content_length.filter(|_| !head.is_encoded()) },
        206 => match asked.range {
            Some(range) => judge_part(range, head, name),
            None => wrong(name, "a part of the file (206) though the whole was asked for".into()),
        },
        416 => {
            let range = head.content_range.as_deref().and_then(parse_content_range);
            Verdict::BeyondEnd { total: range.and_then(|range| range.total) }
        }
        status if is_transient(status) => Verdict::Retry {
            after_ms: head
                .retry_after
                .as_deref()
                .and_then(|value| parse_retry_after(value, head.date.as_deref(), now_ms)),
            error: Error::new(ErrorKind::Network, format!("{name}: the server answered with status {status}"))
                .with_detail("status", status),
        },
        status => Verdict::Refused(refusal(status, name)),
    }
}

fn judge_part((start, end): (u64, u64), head: &ResponseHead, name: &str) -> Verdict {
    if head.is_encoded() {
        // The range counts bytes of the encoded file, the body arrives decoded: they cannot be matched.
        return Verdict::NoRanges;
    }
    let Some(text) = head.content_range.as_deref() else {
        // Hidden on this origin. The length of the body is all there is to check.
        return match head.content_length {
            Some(length) if length > end - start => {
                wrong(name, format!("{length} bytes though {} were asked for", end - start))
            }
            length => Verdict::Part { end: length.map_or(end, |length| start + length), total: None },
        };
    };
    match parse_content_range(text) {
        Some(ContentRange { bytes: Some((first, last)), total }) if first == start && last < end => {
            Verdict::Part { end: last + 1, total }
        }
        _ => wrong(name, format!("\"{text}\" though bytes {start}-{} were asked for", end - 1)),
    }
}

/// A confused server or proxy may do better at the next try.
fn wrong(name: &str, what: String) -> Verdict {
    let error = Error::new(ErrorKind::Network, format!("{name}: the server sent {what}"));
    Verdict::Retry { after_ms: None, error }
}

/// The error for a lasting failure with `status` of the file called `name`.
pub fn refusal(status: u16, name: &str) -> Error {
    let (kind, advice) = match status {
        401 => (
            ErrorKind::Unauthorized,
            "it wants to know who asks; a private or gated file needs an access token in the request's headers, or the \
             one that was sent is not valid",
        ),
        403 | 451 => (
            ErrorKind::Forbidden,
            "access is refused; a private or gated file needs an access token in the request's headers, of someone who may \
             read it",
        ),
        404 | 410 => (ErrorKind::NotFound, "there is no such file; check the address"),
        0 => (ErrorKind::Network, "the answer is opaque: the server does not allow this page to read it (CORS)"),
        _ => (ErrorKind::Network, "this is not a file that can be loaded"),
    };
    Error::new(kind, format!("{name}: the server answered with status {status}: {advice}"))
        .with_detail("status", status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, content_range: &str, content_length: u64) -> ResponseHead {
        ResponseHead {
            status,
            content_range: (!content_range.is_empty()).then(|| content_range.into()),
            content_length: (content_length > 0).then_some(content_length),
            ..ResponseHead::default()
        }
    }

    fn show(asked: Option<(u64, u64)>, head: &ResponseHead) -> String {
        match judge(Asked { range: asked }, head, 0.0, "m.gguf") {
            Verdict::Part { end, total } => format!("part to {end} of {total:?}"),
            Verdict::Whole { length } => format!("whole {length:?}"),
            Verdict::BeyondEnd { total } => format!("beyond {total:?}"),
            Verdict::NoRanges => "no ranges".into(),
            Verdict::Retry { after_ms, error } => format!("retry {after_ms:?} {}", error.code()),
            Verdict::Refused(error) => format!("refused {}", error.code()),
        }
    }

    #[test]
    fn every_answer_to_a_range_has_a_meaning() {
        let asked = Some((10, 20));
        for (head, expected) in [
            (head(206, "bytes 10-19/30", 10), "part to 20 of Some(30)"),
            (head(206, "bytes 10-19/*", 10), "part to 20 of None"),
            (head(206, "bytes 10-14/15", 5), "part to 15 of Some(15)"),
            (head(206, "", 10), "part to 20 of None"),
            (head(206, "", 5), "part to 15 of None"),
            (head(206, "", 0), "part to 20 of None"),
            (head(206, "", 30), "retry None network"),
            (head(206, "bytes 0-9/30", 10), "retry None network"),
            (head(206, "bytes 10-29/30", 20), "retry None network"),
            (head(206, "bytes 10-19/15", 10), "retry None network"),
            (head(206, "10-19/30", 10), "retry None network"),
            (head(200, "", 30), "whole Some(30)"),
            (head(200, "", 0), "whole None"),
            (head(416, "bytes */30", 0), "beyond Some(30)"),
            (head(416, "", 0), "beyond None"),
            (head(404, "", 0), "refused not_found"),
            (head(410, "", 0), "refused not_found"),
            (head(401, "", 0), "refused unauthorized"),
            (head(403, "", 0), "refused forbidden"),
            (head(451, "", 0), "refused forbidden"),
            (head(400, "", 0), "refused network"),
            (head(407, "", 0), "refused network"),
            (head(501, "", 0), "refused network"),
            (head(503, "", 0), "retry None network"),
        ] {
            assert_eq!(show(asked, &head), expected, "{head:?}");
        }
        assert_eq!(show(None, &head(206, "bytes 0-9/10", 10)), "retry None network");
    }

    #[test]
    fn a_content_encoding_makes_lengths_and_ranges_useless() {
        let gzip = |head: ResponseHead| ResponseHead { content_encoding: Some("gzip".into()), ..head };
        assert_eq!(show(Some((10, 20)), &gzip(head(206, "bytes 10-19/30", 10))), "no ranges");
        assert_eq!(show(Some((10, 20)), &gzip(head(200, "", 30))), "whole None");
    }

    #[test]
    fn retry_after_is_read() {
        let head = ResponseHead { status: 429, retry_after: Some("3".into()), ..ResponseHead::default() };
        assert_eq!(show(None, &head), "retry Some(3000.0) network");
        let date = |text: &str| Some(text.to_owned());
        let (retry_after, date) = (date("Sun, 06 Nov 1994 08:50:07 GMT"), date("Sun, 06 Nov 1994 08:49:37 GMT"));
        let head = ResponseHead { status: 503, retry_after, date, ..ResponseHead::default() };
        assert_eq!(show(None, &head), "retry Some(30000.0) network", "whatever the visitor's clock says");
    }

    #[test]
    fn every_refusal_tells_its_status() {
        for status in (300..600).filter(|&status| status != 416) {
            let head = ResponseHead { status, ..ResponseHead::default() };
            let (Verdict::Retry { error, .. } | Verdict::Refused(error)) =
                judge(Asked { range: Some((0, 9)) }, &head, 0.0, "m")
            else {
                panic!("{status} is no failure")
            };
            assert_eq!(error.details(), [("status", status.into())]);
        }
    }
}
