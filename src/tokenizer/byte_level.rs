//! GPT-2's byte alphabet: each byte is spelled as one printable character, so that a vocabulary of arbitrary bytes
//! can be written as text. Source: `bytes_to_unicode` of OpenAI's GPT-2 `encoder.py`.

/// The first character that stands for a byte which has no printable Latin-1 form of its own.
const FIRST_SHIFTED: u32 = 256;

/// The bytes that no valid UTF-8 text contains: a vocabulary may lack them.
pub(super) fn occurs_in_utf8(byte: u8) -> bool {
    !matches!(byte, 0xC0 | 0xC1 | 0xF5..=0xFF)
}

/// Both directions of the alphabet.
pub(super) struct ByteAlphabet {
    /// Byte to character.
    chars: [char; 256],
    /// Character code to byte; the alphabet ends below 324.
    bytes: [Option<u8>; 324],
}

impl ByteAlphabet {
    pub(super) fn new() -> Self {
        let mut chars = ['\0'; 256];
        let mut bytes = [None; 324];
        let mut shifted = FIRST_SHIFTED;
        for byte in 0..=255u8 {
            let code = if matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF) {
                u32::from(byte)
            } else {
                shifted += 1;
                shifted - 1
            };
            // Every code lies below 324, far from the surrogates; the fallback is never taken.
            chars[usize::from(byte)] = char::from_u32(code).unwrap_or('\0');
            bytes[code as usize] = Some(byte);
        }
        Self { chars, bytes }
    }

    /// The character that spells `byte`.
    pub(super) fn char(&self, byte: u8) -> char {
        self.chars[usize::from(byte)]
    }

    /// Whether a token consists of characters of the alphabet.
    pub(super) fn spells(&self, token: &str) -> bool {
        token.chars().all(|c| self.bytes.get(c as usize).copied().flatten().is_some())
    }

    /// Appends the bytes that `token` spells; a token with a character outside the alphabet stands for itself.
    pub(super) fn append_bytes(&self, token: &str, out: &mut Vec<u8>) {
        let start = out.len();
        for c in token.chars() {
            match self.bytes.get(c as usize).copied().flatten() {
                Some(byte) => out.push(byte),
                None => {
                    out.truncate(start);
                    out.extend_from_slice(token.as_bytes());
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_is_gpt2s() {
        let alphabet = ByteAlphabet::new();
        assert_eq!(alphabet.char(b'A'), 'A');
        assert_eq!(alphabet.char(b' '), 'Ġ');
        assert_eq!(alphabet.char(b'\n'), 'Ċ');
        assert_eq!(alphabet.char(0xAD), 'Ń');
        assert!(alphabet.spells("Ã©Ġ") && !alphabet.spells("é "));
    }

    #[test]
    fn every_byte_comes_back_and_foreign_text_stands_for_itself() {
        let alphabet = ByteAlphabet::new();
        for byte in 0..=255u8 {
            let mut out = Vec::new();
            alphabet.append_bytes(&alphabet.char(byte).to_string(), &mut out);
            assert_eq!(out, [byte]);
        }
        let mut out = Vec::new();
        alphabet.append_bytes("Ġ two words", &mut out);
        assert_eq!(out, "Ġ two words".as_bytes());
    }
}
