//! A model in several GGUF files (`-00001-of-00003.gguf`): each has a header of its own, the first one all metadata.
//! Their data sections, one after the other, make up the model's.

use crate::gguf::Header;
use crate::{Error, ErrorKind, Result};

/// Which bytes of a part belong to the joined data section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Bytes at its start that belong to its header.
    pub skip: u64,
    /// Zeros after its end, so that the next data section begins aligned.
    pub pad: u64,
}

/// Tensor offsets are multiples of `general.alignment`, which is at most this.
const ALIGNMENT: u64 = 1 << 16;

/// Joins the headers of all parts, each with the length of its file in bytes. The joined data section begins at
/// byte 0; it consists of the parts' bytes without `skip`, each followed by `pad` zeros.
///
/// # Errors
/// `invalid_model` when the parts do not belong together, `truncated` when one is shorter than its header.
pub fn join(parts: Vec<(Header, u64)>) -> Result<(Header, Vec<Span>)> {
    let count = parts.len();
    let mut joined: Option<Header> = None;
    let (mut spans, mut base) = (Vec::with_capacity(count), 0);
    for (index, (mut header, bytes)) in parts.into_iter().enumerate() {
        check_key(&header, "split.count", count as u32, index)?;
        check_key(&header, "split.no", index as u32, index)?;
        let skip = header.data_offset;
        let Some(data) = bytes.checked_sub(skip) else {
            let message = format!("part {} of {count} ends inside its directory: it was cut off", index + 1);
            return Err(Error::new(ErrorKind::Truncated, message));
        };
        for tensor in &mut header.tensors {
            if tensor.offset >= data {
                let message = format!("tensor {} begins after the end of part {}", tensor.name, index + 1);
                return Err(Error::new(ErrorKind::Truncated, message));
            }
            tensor.offset += base;
        }
        base += data.next_multiple_of(ALIGNMENT);
        spans.push(Span { skip, pad: data.next_multiple_of(ALIGNMENT) - data });
        match &mut joined {
            None => joined = Some(Header { data_offset: 0, ..header }),
            Some(joined) => joined.tensors.append(&mut header.tensors),
        }
    }
    let header = joined.ok_or_else(|| Error::new(ErrorKind::InvalidArgument, "a model of no parts"))?;
    Ok((header, spans))
}

fn check_key(header: &Header, key: &str, expected: u32, index: usize) -> Result<()> {
    match header.metadata.u32(key)? {
        Some(found) if found != expected => {
            let message =
                format!("part {}: {key} should be {expected}, found {found}: parts of different models", index + 1);
            Err(Error::new(ErrorKind::InvalidModel, message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::{Parser, Progress, Value, Writer};

    fn part(no: u64, count: u64, tensors: &[(&str, u64)]) -> (Header, u64) {
        let mut writer = Writer::new();
        writer.key("split.no", Value::Unsigned(no)).key("split.count", Value::Unsigned(count));
        let data: u64 = tensors.iter().map(|(_, n)| (n * 4).next_multiple_of(32)).sum();
        for (name, n) in tensors {
            writer.tensor(name, &[*n], 0, n * 4);
        }
        let mut bytes = Vec::new();
        writer.write_header(&mut bytes).unwrap();
        let Progress::Done(header) = Parser::new().parse(&bytes).unwrap() else { panic!("not the whole directory") };
        (header, bytes.len() as u64 + data)
    }

    #[test]
    fn offsets_go_on_from_part_to_part() {
        let parts = vec![part(0, 2, &[("a", 8), ("b", 3)]), part(1, 2, &[("c", 5)])];
        let skips = [parts[0].0.data_offset, parts[1].0.data_offset];
        let (header, spans) = join(parts).unwrap();
        let offsets: Vec<_> = header.tensors.iter().map(|t| (t.name.as_str(), t.offset)).collect();
        assert_eq!(offsets, [("a", 0), ("b", 32), ("c", ALIGNMENT)]);
        assert_eq!(spans[0], Span { skip: skips[0], pad: ALIGNMENT - 64 });
        assert_eq!((header.data_offset, spans[1].skip), (0, skips[1]));
    }

    #[test]
    fn parts_that_do_not_belong_together_are_refused() {
        let code = |parts| join(parts).unwrap_err().code();
        assert_eq!(code(vec![part(0, 3, &[("a", 8)]), part(1, 3, &[("b", 8)])]), "invalid_model");
        assert_eq!(code(vec![part(0, 2, &[("a", 8)]), part(0, 2, &[("b", 8)])]), "invalid_model");
        let (header, _) = part(0, 1, &[("a", 8)]);
        let cut = header.data_offset;
        assert_eq!(code(vec![(header.clone(), cut)]), "truncated");
        assert_eq!(code(vec![(header, cut - 1)]), "truncated");
    }
}
