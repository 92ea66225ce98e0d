//! Early recognition of what is not a model: an error page, a pointer file, an archive.

use crate::{Error, ErrorKind};

/// How many bytes are looked at. Fewer will do once the file ends.
pub const PREFIX_BYTES: usize = 16;

/// What a file should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A GGUF file.
    #[default]
    Gguf,
    /// A safetensors file, or a part of one.
    Safetensors,
    /// JSON, or another text that is no page.
    Text,
}

impl Format {
    fn is_met(self, prefix: &[u8], text: &[u8]) -> bool {
        match self {
            Self::Gguf => prefix.starts_with(b"GGUF"),
            Self::Safetensors => prefix.get(8) == Some(&b'{') && text.first() != Some(&b'{'),
            Self::Text => text.first() != Some(&b'<') && !prefix.starts_with(b"version https://"),
        }
    }

    fn refused(self, name: &str, found: &str) -> Error {
        let (kind, expected) = match self {
            Self::Gguf => (ErrorKind::InvalidGguf, "a GGUF file"),
            Self::Safetensors => (ErrorKind::InvalidModel, "a safetensors file"),
            Self::Text => (ErrorKind::InvalidModel, "JSON, or another text"),
        };
        Error::new(kind, format!("{name}: expected {expected}, found {found}"))
    }
}

/// Looks at the first bytes of a file that should be of `format`; `None` when they are.
pub fn refuse(format: Format, prefix: &[u8], name: &str) -> Option<Error> {
    let text = prefix.strip_prefix(b"\xef\xbb\xbf").unwrap_or(prefix).trim_ascii_start();
    if format.is_met(prefix, text) {
        return None;
    }
    let found = if text.first() == Some(&b'<') {
        "a web page (HTML or XML): the address is probably that of a page about the file, or the server answered \
         with an error page; use the address of the file itself"
    } else if text.first() == Some(&b'{') {
        "JSON: probably an error message of the server, or a configuration file"
    } else if prefix.starts_with(b"version https://") {
        "a Git LFS pointer: the file's content is not at this address; use the download address"
    } else if prefix.starts_with(b"PK\x03\x04") {
        "a ZIP archive (a PyTorch checkpoint or a package): unpack or convert it to GGUF first"
    } else if prefix.starts_with(b"\x1f\x8b") {
        "gzip data: unpack it first"
    } else if prefix.starts_with(b"FUGG") {
        "big-endian GGUF, which is not supported"
    } else if prefix.get(8) == Some(&b'{') {
        "safetensors: load the folder that it is in (with its config.json and tokenizer.json), not this file alone"
    } else if prefix.starts_with(b"GGUF") {
        "a GGUF file"
    } else if prefix.is_empty() {
        "an empty file"
    } else {
        "something else"
    };
    let start: String = prefix.iter().take(8).map(|byte| byte.escape_ascii().to_string()).collect();
    Some(format.refused(name, &format!("{found} (begins with \"{start}\")")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_model_is_named() {
        assert!(refuse(Format::Gguf, b"GGUF\x03\0\0\0", "m").is_none());
        for (bytes, word) in [
            (&b"\n <!DOCTYPE html>"[..], "web page"),
            (b"\xef\xbb\xbf<html>", "web page"),
            (b"{\"error\":\"x\"}", "JSON"),
            (b"version https://git-lfs", "LFS"),
            (b"PK\x03\x04rest", "ZIP"),
            (b"\x10\0\0\0\0\0\0\0{\"a\"", "safetensors"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"", "empty"),
            (b"garbage", "something else"),
        ] {
            let error = refuse(Format::Gguf, bytes, "m.gguf").unwrap();
            assert_eq!(error.code(), "invalid_gguf");
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn files_of_a_folder_are_told_from_pages_and_pointers() {
        let safetensors = b"\x10\0\0\0\0\0\0\0{\"a\"";
        assert!(refuse(Format::Safetensors, safetensors, "m").is_none());
        assert!(refuse(Format::Text, b" {\"a\": 1}", "m").is_none() && refuse(Format::Text, b"", "m").is_none());
        assert!(refuse(Format::Text, b"{% for %}", "m").is_none());
        for (format, bytes) in [
            (Format::Safetensors, &b"<html>"[..]),
            (Format::Safetensors, b"{\"error\": {}}"),
            (Format::Safetensors, b"GGUF\x03\0\0\0\0\0\0\0"),
            (Format::Safetensors, b"version https://git-lfs"),
            (Format::Text, b"\n<!doctype html>"),
            (Format::Text, b"version https://git-lfs"),
        ] {
            assert_eq!(refuse(format, bytes, "m").unwrap().code(), "invalid_model", "{bytes:?}");
        }
    }
}
