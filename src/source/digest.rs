//! The optional SHA-256 of a whole file, computed while it streams.

use sha2::{Digest as _, Sha256};

use crate::{Error, ErrorKind, Result};

/// A SHA-256 that a caller expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected([u8; 32]);

impl Expected {
    /// Reads `sha256-` followed by base64 (as in the `integrity` attribute of HTML) or by 64 hex digits (as
    /// model hosts show it).
    ///
    /// # Errors
    /// `invalid_argument` for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let value = text.trim().strip_prefix("sha256-").unwrap_or("");
        let bytes = if value.len() == 64 { from_hex(value) } else { from_base64(value) };
        bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).map(Self).ok_or_else(|| {
            let message = format!("integrity \"{text}\": expected \"sha256-\" and the digest in base64 or hex");
            Error::new(ErrorKind::InvalidArgument, message)
        })
    }

    /// The digest that a Git LFS pointer file names; `None` for any other text.
    pub fn from_pointer(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        lines.next().filter(|line| line.starts_with("version https://git-lfs"))?;
        let hex = lines.find_map(|line| line.strip_prefix("oid sha256:"))?.trim();
        Self::parse(&format!("sha256-{hex}")).ok().filter(|_| hex.len() == 64)
    }

    /// The digest in hex.
    pub fn hex(&self) -> String {
        to_hex(&self.0)
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::with_capacity(33);
    let (mut bits, mut n_bits) = (0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|&letter| letter == byte)?;
        bits = (bits << 6 | value as u32) & 0xffff;
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            out.push((bits >> n_bits) as u8);
        }
    }
    Some(out)
}

/// Hashes a file that arrives in order and compares it with what was expected.
#[derive(Clone)]
pub struct Verifier {
    expected: Expected,
    hash: Sha256,
}

impl Verifier {
    /// Begins a file.
    pub fn new(expected: Expected) -> Self {
        Self { expected, hash: Sha256::new() }
    }

    /// The next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    /// Ends the file called `name`; the digest in hex when it is the expected one.
    ///
    /// # Errors
    /// `integrity` with both digests when they differ.
    pub fn finish(self, name: &str) -> Result<String> {
        let found = to_hex(&self.hash.finalize());
        let expected = self.expected.hex();
        if found == expected {
            return Ok(found);
        }
        let message =
            format!("{name}: expected sha256 {expected}, found {found}; the file was removed, nothing of it is used");
        Err(Error::new(ErrorKind::Integrity, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_digest_of_abc_in_both_notations() {
        let expected = Expected::parse(&format!("sha256-{ABC}")).unwrap();
        assert_eq!(Expected::parse("sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=").unwrap(), expected);
        let mut verifier = Verifier::new(expected);
        verifier.update(b"a");
        verifier.update(b"bc");
        assert_eq!(verifier.clone().finish("m").unwrap(), ABC);
        verifier.update(b"d");
        assert_eq!(verifier.finish("m").unwrap_err().code(), "integrity");
    }

    #[test]
    fn a_pointer_names_the_digest() {
        let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{ABC}\nsize 3\n");
        assert_eq!(Expected::from_pointer(&pointer).unwrap().hex(), ABC);
        for other in ["", "GGUF", &pointer.replace("version", "Version"), &pointer.replace("ba78", ""), &pointer[..60]]
        {
            assert_eq!(Expected::from_pointer(other), None, "{other}");
        }
    }

    #[test]
    fn a_malformed_digest_is_refused() {
        for bad in ["", "sha256-", "sha256-abcd", "md5-00", ABC, "sha256-!!!!", &format!("sha256-{}", "é".repeat(32))]
        {
            assert_eq!(Expected::parse(bad).unwrap_err().code(), "invalid_argument", "{bad}");
        }
    }
}
