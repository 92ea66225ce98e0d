//! A resumable parser: it is given the file's first bytes again and again, each time more of them, and goes on
//! after the last complete item.
//!
//! One file, although long: reading a value and skipping one that nobody reads must agree on every length.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::metadata::{Array, Metadata, Value};
use super::tensor::{Conversion, TensorInfo};
use crate::{Error, ErrorKind, Result};

const MAGIC: &[u8; 4] = b"GGUF";
/// A directory larger than this is taken for damage: the largest published ones (256k vocabularies) are below 20 MB.
const MAX_HEADER_BYTES: u64 = 256 << 20;
/// GGUF is at version 3 after three years; a field beyond this is no version at all.
const MAX_VERSION: u32 = 255;
const MAX_KEYS: u64 = 1 << 16;
const MAX_TENSORS: u64 = 1 << 16;
/// The largest published vocabularies have half a million merges.
const MAX_ARRAY_LEN: u64 = 1 << 22;
/// ggml's own limit: GGML_MAX_DIMS. A tensor with more is no tensor of a model; a number that no file of any kind has is
/// damage.
const MAX_DIMS: u32 = 4;
const MAX_READABLE_DIMS: u32 = 256;
/// More elements than any file holds.
const MAX_ELEMENTS: u64 = 1 << 48;
const MAX_KEY_BYTES: u64 = 65535;
const MAX_ALIGNMENT: u32 = 1 << 16;
const DEFAULT_ALIGNMENT: u32 = 32;

/// The parsed front of a GGUF file.
#[derive(Clone, Debug)]
pub struct Header {
    /// The GGUF version, 2 or 3.
    pub version: u32,
    /// All key/value pairs.
    pub metadata: Metadata,
    /// The tensor directory, in the file's order.
    pub tensors: Vec<TensorInfo>,
    /// Where the data section begins, in bytes from the start of the file.
    pub data_offset: u64,
}

/// What a call of [`Parser::parse`] came to.
#[derive(Debug)]
pub enum Progress {
    /// The prefix is too short: nothing new can be said before it has at least this many bytes.
    NeedMore(u64),
    /// The whole directory.
    Done(Header),
}

/// The parser's state between two calls. Feed it ever longer prefixes of one file.
#[derive(Debug, Default)]
pub struct Parser {
    /// Bytes of complete items so far.
    position: usize,
    counts: Option<Counts>,
    metadata: Metadata,
    tensors: Vec<TensorInfo>,
    /// Where in `tensors` each name stands.
    names: HashMap<String, usize>,
}

#[derive(Clone, Copy, Debug)]
struct Counts {
    version: u32,
    tensors: u64,
    keys_left: u64,
}

/// Why an item could not be read: not all of it is there yet, or it is wrong.
enum Stop {
    NeedMore(u64),
    Invalid(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Invalid(error)
    }
}

type Item<T> = std::result::Result<T, Stop>;

impl Parser {
    /// A parser at the start of a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads as many complete items as `prefix` holds. `prefix` is the file from its first byte, at least as long as
    /// in the call before.
    ///
    /// # Errors
    /// `InvalidGguf` or `Unsupported` (a GGUF version) with what was expected and found.
    pub fn parse(&mut self, prefix: &[u8]) -> Result<Progress> {
        match self.advance(prefix) {
            Ok(header) => Ok(Progress::Done(header)),
            Err(Stop::NeedMore(bytes)) if bytes <= MAX_HEADER_BYTES => Ok(Progress::NeedMore(bytes)),
            Err(Stop::NeedMore(bytes)) => Err(invalid(format!(
                "the directory would need {bytes} bytes, more than the {MAX_HEADER_BYTES} that any model needs: the file is damaged"
            ))),
            Err(Stop::Invalid(error)) => Err(error),
        }
    }

    fn advance(&mut self, prefix: &[u8]) -> Item<Header> {
        let mut counts = match self.counts {
            Some(counts) => counts,
            None => {
                let mut reader = Reader { bytes: prefix, position: 0 };
                let counts = read_counts(&mut reader)?;
                self.position = reader.position;
                counts
            }
        };
        while counts.keys_left > 0 {
            self.counts = Some(counts);
            let mut reader = Reader { bytes: prefix, position: self.position };
            // Keys that somebody asks for are ASCII.
            let key = String::from_utf8_lossy(reader.bytes("a metadata key", MAX_KEY_BYTES)?.1).into_owned();
            let value = read_value(&mut reader, &key)?;
            self.metadata.insert(key, value);
            self.position = reader.position;
            counts.keys_left -= 1;
        }
        self.counts = Some(counts);
        while (self.tensors.len() as u64) < counts.tensors {
            let mut reader = Reader { bytes: prefix, position: self.position };
            let mut tensor = read_tensor(&mut reader)?;
            match self.names.entry(tensor.name.clone()) {
                Entry::Vacant(entry) => drop(entry.insert(self.tensors.len())),
                Entry::Occupied(entry) => {
                    tensor.problem = Some("it stands twice in the directory".into());
                    self.tensors[*entry.get()].problem.clone_from(&tensor.problem);
                }
            }
            self.tensors.push(tensor);
            self.position = reader.position;
        }
        self.finish(counts)
    }

    fn finish(&mut self, counts: Counts) -> Item<Header> {
        let alignment = self.metadata.u32("general.alignment")?.unwrap_or(DEFAULT_ALIGNMENT);
        if !alignment.is_power_of_two() || alignment > MAX_ALIGNMENT {
            return Err(invalid(format!(
                "general.alignment is {alignment}, expected a power of two up to {MAX_ALIGNMENT}"
            ))
            .into());
        }
        for tensor in self.tensors.iter_mut().filter(|t| t.offset % u64::from(alignment) != 0) {
            let offset = tensor.offset;
            let problem = || format!("offset {offset} is no multiple of the alignment {alignment}");
            tensor.problem.get_or_insert_with(problem);
        }
        Ok(Header {
            version: counts.version,
            metadata: std::mem::take(&mut self.metadata),
            tensors: std::mem::take(&mut self.tensors),
            data_offset: (self.position as u64).next_multiple_of(u64::from(alignment)),
        })
    }
}

fn read_counts(reader: &mut Reader<'_>) -> Item<Counts> {
    // The magic is judged by what is there: an HTML page is told after one byte.
    let have = reader.bytes.len().min(MAGIC.len());
    if reader.bytes[..have] != MAGIC[..have] {
        let found = String::from_utf8_lossy(&reader.bytes[..reader.bytes.len().min(16)]).into_owned();
        return Err(invalid(format!(
            "expected the file to begin with \"GGUF\", found {found:?}: this is not a GGUF model file"
        ))
        .into());
    }
    reader.take(MAGIC.len())?;
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        return Err(wrong_version(version).into());
    }
    let (tensors, keys) = (reader.u64()?, reader.u64()?);
    if tensors > MAX_TENSORS || keys > MAX_KEYS {
        return Err(invalid(format!(
            "{tensors} tensors and {keys} metadata keys, at most {MAX_TENSORS} of each expected: the file is damaged"
        ))
        .into());
    }
    Ok(Counts { version, tensors, keys_left: keys })
}

/// A version is a small number: a large one is damage, or has its bytes in the other order.
fn wrong_version(version: u32) -> Error {
    if (1..=MAX_VERSION).contains(&version) {
        return Error::new(
            ErrorKind::Unsupported,
            format!("gguf: version 2 or 3 expected, found {version}: convert the model again with a current converter"),
        );
    }
    match version.swap_bytes() {
        swapped @ 1..=MAX_VERSION => invalid(format!(
            "version 2 or 3 expected, found {version}, which is {swapped} with its bytes in the other order: this is a \
             big-endian file; take the little-endian file of the same model"
        )),
        _ => invalid(format!("version 2 or 3 expected, found {version}: the file is damaged; fetch it again")),
    }
}

/// A tensor that cannot be is noted as such: it stops only who needs it.
fn read_tensor(reader: &mut Reader<'_>) -> Item<TensorInfo> {
    // Names that somebody asks for are ASCII.
    let name = String::from_utf8_lossy(reader.bytes("a tensor name", MAX_KEY_BYTES)?.1).into_owned();
    // Behind the directory stands padding, whose zeros would read as a tensor of no name and no dimensions.
    if name.is_empty() {
        return Err(invalid(
            "a tensor without a name: there are fewer tensors than the header counts, or the file is damaged".into(),
        )
        .into());
    }
    let n_dims = reader.u32()?;
    if n_dims > MAX_READABLE_DIMS {
        return Err(invalid(format!("tensor {name}: {n_dims} dimensions: the file is damaged; fetch it again")).into());
    }
    let dims = (0..n_dims).map(|_| reader.u64()).collect::<Item<Vec<u64>>>()?;
    let type_id = reader.u32()?;
    let offset = reader.u64()?;
    let problem = tensor_problem(&dims, offset);
    Ok(TensorInfo { name, dims, type_id, offset, problem, conversion: Conversion::default() })
}

fn tensor_problem(dims: &[u64], offset: u64) -> Option<String> {
    if dims.is_empty() || dims.len() > MAX_DIMS as usize {
        return Some(format!("{} dimensions, expected 1 to {MAX_DIMS}", dims.len()));
    }
    let mut elements = 1_u64;
    for &dim in dims {
        elements = match elements.checked_mul(dim) {
            Some(n) if dim > 0 && n <= MAX_ELEMENTS => n,
            _ => return Some(format!("dimension {dim} is not possible")),
        };
    }
    (offset > MAX_ELEMENTS).then(|| format!("offset {offset} lies beyond any file"))
}

fn read_value(reader: &mut Reader<'_>, key: &str) -> Item<Value> {
    let type_id = reader.u32()?;
    Ok(match type_id {
        0 => Value::Unsigned(u64::from(reader.take(1)?[0])),
        1 => Value::Signed(i64::from(reader.take(1)?[0] as i8)),
        2 => Value::Unsigned(u64::from(u16::from_le_bytes(reader.array()?))),
        3 => Value::Signed(i64::from(i16::from_le_bytes(reader.array()?))),
        4 => Value::Unsigned(u64::from(reader.u32()?)),
        5 => Value::Signed(i64::from(i32::from_le_bytes(reader.array()?))),
        6 => Value::Float(f64::from(f32::from_le_bytes(reader.array()?))),
        7 => match reader.bool()? {
            Ok(value) => Value::Bool(value),
            Err(why) => Value::Unreadable(why),
        },
        8 => match reader.text(key, MAX_HEADER_BYTES)? {
            Ok(text) => Value::String(text.to_owned()),
            Err(why) => Value::Unreadable(why),
        },
        9 => read_array(reader, key)?,
        10 => Value::Unsigned(reader.u64()?),
        11 => Value::Signed(i64::from_le_bytes(reader.array()?)),
        12 => Value::Float(f64::from_le_bytes(reader.array()?)),
        other => return Err(unknown_type(key, other)),
    })
}

/// The least bytes of an array's element; `None` for an unknown type.
fn element_bytes(type_id: u32) -> Option<u64> {
    Some(match type_id {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        8 | 10..=12 => 8, // a string is at least its length field
        9 => 12,          // a type and a count
        _ => return None,
    })
}

fn read_array(reader: &mut Reader<'_>, key: &str) -> Item<Value> {
    let start = reader.position;
    let type_id = reader.u32()?;
    let count = reader.u64()?;
    // Nothing is reserved before the bytes that the elements need at the least have arrived.
    let count = reader.require_elements(count, type_id, key)?;
    if type_id == 9 || count as u64 > MAX_ARRAY_LEN {
        reader.position = start;
        skip_array(reader, key)?;
        return Ok(Value::Unreadable(match type_id {
            9 => "an array of arrays is not supported".into(),
            _ => format!("an array of {count} elements, at most {MAX_ARRAY_LEN} expected"),
        }));
    }
    if type_id == 8 {
        // A long array arrives in many pieces, and is read again with each: nothing is allocated before all of it is there.
        let begin = reader.position;
        for _ in 0..count {
            reader.bytes(key, MAX_HEADER_BYTES)?;
        }
        reader.position = begin;
    }
    let mut array = match type_id {
        0 | 2 | 4 | 10 => Array::Unsigned(Vec::with_capacity(count)),
        1 | 3 | 5 | 11 => Array::Signed(Vec::with_capacity(count)),
        6 | 12 => Array::Float(Vec::with_capacity(count)),
        7 => Array::Bool(Vec::with_capacity(count)),
        _ => Array::String(Vec::with_capacity(count)),
    };
    // Goes to the array's end in any case: what follows it is read.
    let mut problem = None;
    for index in 0..count {
        match &mut array {
            Array::Unsigned(v) => v.push(match type_id {
                0 => u64::from(reader.take(1)?[0]),
                2 => u64::from(u16::from_le_bytes(reader.array()?)),
                4 => u64::from(reader.u32()?),
                _ => reader.u64()?,
            }),
            Array::Signed(v) => v.push(match type_id {
                1 => i64::from(reader.take(1)?[0] as i8),
                3 => i64::from(i16::from_le_bytes(reader.array()?)),
                5 => i64::from(i32::from_le_bytes(reader.array()?)),
                _ => i64::from_le_bytes(reader.array()?),
            }),
            Array::Float(v) => v.push(match type_id {
                6 => f64::from(f32::from_le_bytes(reader.array()?)),
                _ => f64::from_le_bytes(reader.array()?),
            }),
            Array::Bool(v) => match reader.bool()? {
                Ok(value) => v.push(value),
                Err(why) => problem = problem.or_else(|| Some(format!("element {index}: {why}"))),
            },
            Array::String(v) => match reader.text(key, MAX_HEADER_BYTES)? {
                Ok(text) => v.push(text.to_owned()),
                Err(why) => problem = problem.or_else(|| Some(format!("element {index}: {why}"))),
            },
        }
    }
    Ok(problem.map_or(Value::Array(array), Value::Unreadable))
}

/// Steps over an array of any depth, without recursion: how deep it goes is the file's choice.
fn skip_array(reader: &mut Reader<'_>, key: &str) -> Item<()> {
    let mut open = vec![(9, 1)];
    while let Some((type_id, left)) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        match *type_id {
            8 => {
                *left -= 1;
                reader.bytes(key, MAX_HEADER_BYTES)?;
            }
            9 => {
                *left -= 1;
                let inner = reader.u32()?;
                let count = reader.u64()?;
                open.push((inner, reader.require_elements(count, inner, key)?));
            }
            type_id => {
                let bytes = element_bytes(type_id).ok_or_else(|| unknown_type(key, type_id))?;
                reader.take(bytes as usize * *left)?;
                *left = 0;
            }
        }
    }
    Ok(())
}

/// A cursor over the prefix that tells how many bytes it lacks.
struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Item<&'a [u8]> {
        let end = self.position.saturating_add(count);
        let slice = self.bytes.get(self.position..end).ok_or(Stop::NeedMore(end as u64))?;
        self.position = end;
        Ok(slice)
    }

    fn array<const N: usize>(&mut self) -> Item<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn u32(&mut self) -> Item<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Item<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A boolean, or why it is none.
    fn bool(&mut self) -> Item<std::result::Result<bool, String>> {
        Ok(match self.take(1)?[0] {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(format!("a boolean is 0 or 1, found {other}")),
        })
    }

    /// The bytes of a string, and where they stand.
    fn bytes(&mut self, what: &str, max_bytes: u64) -> Item<(usize, &'a [u8])> {
        let length = self.u64()?;
        if length > max_bytes {
            return Err(invalid(format!("{what} of {length} bytes, at most {max_bytes} expected")).into());
        }
        Ok((self.position, self.take(length as usize)?))
    }

    /// A string, or why it is none.
    fn text(&mut self, what: &str, max_bytes: u64) -> Item<std::result::Result<&'a str, String>> {
        let (at, bytes) = self.bytes(what, max_bytes)?;
        Ok(std::str::from_utf8(bytes).map_err(|_| format!("the text at byte {at} is not valid UTF-8")))
    }

    /// Waits until the array's elements can be there: `count` of them, of type `type_id`.
    fn require_elements(&self, count: u64, type_id: u32, key: &str) -> Item<usize> {
        let element_bytes = element_bytes(type_id).ok_or_else(|| unknown_type(key, type_id))?;
        let bytes = count.saturating_mul(element_bytes);
        // An array of numbers can be stepped over whatever its length.
        let is_walked = matches!(type_id, 8 | 9);
        if bytes > MAX_HEADER_BYTES || is_walked && count > MAX_ARRAY_LEN {
            return Err(invalid(format!(
                "metadata {key}: an array of {count} elements, at most {MAX_ARRAY_LEN} expected: the file is damaged"
            ))
            .into());
        }
        let end = self.position as u64 + bytes;
        if end <= self.bytes.len() as u64 { Ok(count as usize) } else { Err(Stop::NeedMore(end)) }
    }
}

fn invalid(context: String) -> Error {
    Error::new(ErrorKind::InvalidGguf, format!("gguf: {context}"))
}

fn unknown_type(key: &str, type_id: u32) -> Stop {
    invalid(format!("metadata {key}: value type {type_id} is unknown, expected 0 to 12")).into()
}

#[cfg(test)]
mod tests;
