//! Writes GGUF v3 files: for tests, and for generated models of any shape. Nothing of it is in the shipped module.

use std::io::{self, Write};

use super::metadata::{Array, Value};

const ALIGNMENT: u64 = 32;

/// Collects the directory, then writes header and data in one go.
#[derive(Debug, Default)]
pub struct Writer {
    keys: Vec<(String, Value)>,
    tensors: Vec<(String, Vec<u64>, u32, u64)>,
    data_bytes: u64,
}

impl Writer {
    /// An empty file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a metadata pair. Integers are written as u32/i32, floats as f32, which is what converters write, and
    /// an unreadable value as the text of its reason.
    pub fn key(&mut self, key: &str, value: Value) -> &mut Self {
        self.keys.push((key.to_owned(), value));
        self
    }

    /// Announces a tensor of `bytes` bytes; `dims[0]` is contiguous. Data must be written in the same order.
    pub fn tensor(&mut self, name: &str, dims: &[u64], type_id: u32, bytes: u64) -> &mut Self {
        self.tensors.push((name.to_owned(), dims.to_vec(), type_id, self.data_bytes));
        self.data_bytes = (self.data_bytes + bytes).next_multiple_of(ALIGNMENT);
        self
    }

    /// Writes everything before the first tensor's data, padding included. Each tensor's bytes follow, each padded
    /// with zeros to a multiple of 32.
    ///
    /// # Errors
    /// Whatever `out` fails with.
    pub fn write_header(&self, out: &mut impl Write) -> io::Result<()> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(b"GGUF");
        bytes.extend_from_slice(&3_u32.to_le_bytes());
        bytes.extend_from_slice(&(self.tensors.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&(self.keys.len() as u64).to_le_bytes());
        for (key, value) in &self.keys {
            put_string(&mut bytes, key);
            value.write(&mut bytes);
        }
        for (name, dims, type_id, offset) in &self.tensors {
            put_string(&mut bytes, name);
            bytes.extend_from_slice(&(dims.len() as u32).to_le_bytes());
            for dim in dims {
                bytes.extend_from_slice(&dim.to_le_bytes());
            }
            bytes.extend_from_slice(&type_id.to_le_bytes());
            bytes.extend_from_slice(&offset.to_le_bytes());
        }
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT as usize), 0);
        out.write_all(&bytes)
    }
}

fn put_string(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

impl Value {
    /// Appends its type and its bytes as [`Writer::key`] tells.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        let type_id: u32 = match self {
            Self::Unsigned(_) => 4,
            Self::Signed(_) => 5,
            Self::Float(_) => 6,
            Self::Bool(_) => 7,
            Self::String(_) | Self::Unreadable(_) => 8,
            Self::Array(_) => 9,
        };
        bytes.extend_from_slice(&type_id.to_le_bytes());
        match self {
            Self::Unsigned(v) => bytes.extend_from_slice(&(*v as u32).to_le_bytes()),
            Self::Signed(v) => bytes.extend_from_slice(&(*v as i32).to_le_bytes()),
            Self::Float(v) => bytes.extend_from_slice(&(*v as f32).to_le_bytes()),
            Self::Bool(v) => bytes.push(u8::from(*v)),
            Self::String(v) | Self::Unreadable(v) => put_string(bytes, v),
            Self::Array(array) => put_array(bytes, array),
        }
    }
}

fn put_array(bytes: &mut Vec<u8>, array: &Array) {
    let type_id: u32 = match array {
        Array::Unsigned(_) => 4,
        Array::Signed(_) => 5,
        Array::Float(_) => 6,
        Array::Bool(_) => 7,
        Array::String(_) => 8,
    };
    bytes.extend_from_slice(&type_id.to_le_bytes());
    bytes.extend_from_slice(&(array.len() as u64).to_le_bytes());
    match array {
        Array::Unsigned(v) => v.iter().for_each(|x| bytes.extend_from_slice(&(*x as u32).to_le_bytes())),
        Array::Signed(v) => v.iter().for_each(|x| bytes.extend_from_slice(&(*x as i32).to_le_bytes())),
        Array::Float(v) => v.iter().for_each(|x| bytes.extend_from_slice(&(*x as f32).to_le_bytes())),
        Array::Bool(v) => bytes.extend(v.iter().map(|b| u8::from(*b))),
        Array::String(v) => v.iter().for_each(|s| put_string(bytes, s)),
    }
}
