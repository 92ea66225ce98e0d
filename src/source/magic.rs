//! Early recognition of what is not a model: an error page, a pointer file, an archive.

use crate::{Error, ErrorKind};

/// How many bytes are looked at. Fewer will do once the file ends.
pub const PREFIX_BYTES: usize = 16;

/// Looks at the first bytes of a file that should be GGUF; `None` when they are.
pub fn refuse(prefix: &[u8], name: &str) -> Option<Error> {
    if prefix.starts_with(b"GGUF") {
        return None;
    }
    let text = prefix.strip_prefix(b"\xef\xbb\xbf").unwrap_or(prefix).trim_ascii_start();
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
        "safetensors: convert it to GGUF first"
    } else if prefix.is_empty() {
        "an empty file"
    } else {
        "something else"
    };
    let start: String = prefix.iter().take(8).map(|byte| byte.escape_ascii().to_string()).collect();
    Some(Error::new(
        ErrorKind::InvalidGguf,
        format!("{name}: expected a GGUF file, found {found} (begins with \"{start}\")"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_model_is_named() {
        assert!(refuse(b"GGUF\x03\0\0\0", "m").is_none());
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
            let error = refuse(bytes, "m.gguf").unwrap();
            assert_eq!(error.code(), "invalid_gguf");
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
