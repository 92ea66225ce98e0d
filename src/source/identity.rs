//! Is it still the same file? Told from what a server's answers show of it.

use serde::{Deserialize, Serialize};

/// The headers of an answer that identify the file. On another origin most of them are hidden.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// The `ETag`, as sent.
    pub etag: Option<String>,
    /// The `Last-Modified`, as sent.
    pub last_modified: Option<String>,
    /// Length of the whole file in bytes, as the headers claim it.
    pub total: Option<u64>,
    /// The media type of `Content-Type`, in lower case. It is no sign of the file's identity.
    #[serde(default)]
    pub media_type: Option<String>,
}

/// The outcome of comparing two sets of [`Validators`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// Both describe the same bytes.
    Same,
    /// The file is another one now.
    Changed,
    /// Too little is visible to tell: compare the bytes of the first chunk.
    Unknown,
}

impl Validators {
    /// Compares what was known with what an answer shows now.
    pub fn compare(&self, seen: &Self) -> Sameness {
        let total = both(&self.total, &seen.total, |a, b| a == b);
        if total == Some(false) {
            return Sameness::Changed;
        }
        match both(&self.etag, &seen.etag, |a, b| opaque(a) == opaque(b)) {
            Some(true) => return Sameness::Same,
            Some(false) => return Sameness::Changed,
            None => {}
        }
        match both(&self.last_modified, &seen.last_modified, |a, b| a == b) {
            Some(false) => Sameness::Changed,
            // A date counts seconds: alone it is no proof, together with the length it is accepted.
            Some(true) if total == Some(true) => Sameness::Same,
            _ => Sameness::Unknown,
        }
    }

    /// Adds what another answer for the same file shows.
    pub fn merge(&mut self, seen: &Self) {
        self.etag = self.etag.take().or_else(|| seen.etag.clone());
        self.last_modified = self.last_modified.take().or_else(|| seen.last_modified.clone());
        self.total = self.total.or(seen.total);
        self.media_type = self.media_type.take().or_else(|| seen.media_type.clone());
    }

    /// Whether an answer with these headers is a page or a message in place of the file: it is of a type that programs
    /// write for people and for other programs, and the file's own answers are not of that type. (Some hosts give every
    /// file the type text/html.)
    pub fn is_replaced_by(&self, seen: &Self) -> bool {
        const PAGES: [&str; 5] =
            ["text/html", "application/xhtml+xml", "application/json", "application/xml", "text/xml"];
        seen.media_type.as_deref().is_some_and(|media_type| PAGES.contains(&media_type))
            && self.media_type != seen.media_type
    }

    /// The value for `If-Range`: a strong ETag, since a weak one must not be used there.
    pub fn if_range(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| !etag.starts_with("W/"))
    }
}

fn both<T>(a: &Option<T>, b: &Option<T>, equal: impl Fn(&T, &T) -> bool) -> Option<bool> {
    Some(equal(a.as_ref()?, b.as_ref()?))
}

/// An ETag without its weakness mark: a proxy that compresses marks the same file as weak.
fn opaque(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(etag: &str, date: &str, total: u64) -> Validators {
        let text = |s: &str| (!s.is_empty()).then(|| s.to_owned());
        let total = (total > 0).then_some(total);
        Validators { etag: text(etag), last_modified: text(date), total, media_type: None }
    }

    #[test]
    fn a_page_in_place_of_the_file_is_told_by_its_type() {
        let of = |media_type: &str| Validators { media_type: Some(media_type.into()), ..Validators::default() };
        let binary = of("application/octet-stream");
        for (seen, replaced) in [("text/html", true), ("application/json", true), ("binary/octet-stream", false)] {
            assert_eq!(binary.is_replaced_by(&of(seen)), replaced, "{seen}");
        }
        assert!(!of("text/html").is_replaced_by(&of("text/html")), "a host that calls every file so");
        assert!(Validators::default().is_replaced_by(&of("text/html")));
        assert!(!binary.is_replaced_by(&Validators::default()));
    }

    #[test]
    fn etag_then_date_with_length_decide() {
        use Sameness::*;
        for (old, new, expected) in [
            (seen("\"a\"", "d1", 9), seen("\"a\"", "d2", 9), Same),
            (seen("\"a\"", "", 9), seen("W/\"a\"", "", 0), Same),
            (seen("\"a\"", "d1", 9), seen("\"b\"", "d1", 9), Changed),
            (seen("\"a\"", "", 9), seen("\"a\"", "", 8), Changed),
            (seen("\"a\"", "d1", 9), seen("", "d1", 9), Same),
            (seen("", "d1", 9), seen("", "d2", 9), Changed),
            (seen("", "d1", 0), seen("", "d1", 9), Unknown),
            (seen("\"a\"", "", 9), seen("", "d1", 9), Unknown),
            (seen("", "", 9), seen("", "", 9), Unknown),
            (seen("", "", 0), seen("", "", 0), Unknown),
        ] {
            assert_eq!(old.compare(&new), expected, "{old:?} {new:?}");
        }
    }

    #[test]
    fn if_range_takes_strong_tags_only() {
        assert_eq!(seen("\"a\"", "", 0).if_range(), Some("\"a\""));
        assert_eq!(seen("W/\"a\"", "", 0).if_range(), None);
    }
}
