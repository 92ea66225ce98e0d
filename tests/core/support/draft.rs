//! A GGUF file taken apart, to be put together again with something wrong in it.

use bitnet_web::gguf::{Array, Parser, Progress, Value};
use bitnet_web::quant::TensorType;

const ALIGNMENT: usize = 32;

/// Everything that a GGUF file states. Whatever is written here is written to the file, true or not.
#[derive(Clone)]
pub struct Draft {
    pub magic: [u8; 4],
    pub version: u32,
    /// Instead of the true number of tensors.
    pub tensor_count: Option<u64>,
    /// Instead of the true number of keys.
    pub key_count: Option<u64>,
    pub keys: Vec<(String, Value)>,
    /// More keys, each with the bytes of its type and its value.
    pub raw_keys: Vec<(String, Vec<u8>)>,
    pub tensors: Vec<DraftTensor>,
}

#[derive(Clone)]
pub struct DraftTensor {
    pub name: String,
    pub dims: Vec<u64>,
    pub type_id: u32,
    /// Instead of the true offset.
    pub offset: Option<u64>,
    pub data: Vec<u8>,
}

impl Draft {
    /// Takes a whole and valid file apart.
    pub fn read(file: &[u8]) -> Self {
        let Ok(Progress::Done(header)) = Parser::new().parse(file) else { panic!("the fixture is no GGUF file") };
        let tensor = |info: &bitnet_web::gguf::TensorInfo| {
            let rows = info.dims[1..].iter().product::<u64>() as usize;
            let tensor_type = TensorType::from_id(info.type_id).unwrap();
            let bytes = tensor_type.tensor_bytes(rows, info.dims[0] as usize).unwrap() as usize;
            DraftTensor {
                name: info.name.clone(),
                dims: info.dims.clone(),
                type_id: info.type_id,
                offset: None,
                data: file[(header.data_offset + info.offset) as usize..][..bytes].to_vec(),
            }
        };
        Self {
            magic: *b"GGUF",
            version: 3,
            tensor_count: None,
            key_count: None,
            keys: header.metadata.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect(),
            raw_keys: Vec::new(),
            tensors: header.tensors.iter().map(tensor).collect(),
        }
    }

    /// The value of `key`, to be changed.
    pub fn value(&mut self, key: &str) -> &mut Value {
        &mut self.keys.iter_mut().find(|(name, _)| name == key).unwrap_or_else(|| panic!("no key {key}")).1
    }

    /// Sets `key`, which may be new.
    pub fn set(&mut self, key: &str, value: Value) {
        self.remove(key);
        self.keys.push((key.to_owned(), value));
    }

    pub fn set_number(&mut self, key: &str, value: u64) {
        self.set(key, Value::Unsigned(value));
    }

    pub fn set_text(&mut self, key: &str, value: &str) {
        self.set(key, Value::String(value.to_owned()));
    }

    pub fn remove(&mut self, key: &str) {
        self.keys.retain(|(name, _)| name != key);
    }

    /// The strings at `key`.
    pub fn strings(&mut self, key: &str) -> &mut Vec<String> {
        match self.value(key) {
            Value::Array(Array::String(strings)) => strings,
            other => panic!("{key} is {other:?}"),
        }
    }

    pub fn tensor(&mut self, name: &str) -> &mut DraftTensor {
        self.tensors.iter_mut().find(|t| t.name == name).unwrap_or_else(|| panic!("no tensor {name}"))
    }

    pub fn remove_tensor(&mut self, name: &str) {
        self.tensors.retain(|t| t.name != name);
    }

    /// Where the tensor's data begins, in the data section of the file that [`bytes`](Self::bytes) writes.
    pub fn offset(&self, name: &str) -> u64 {
        let before = self.tensors.iter().take_while(|t| t.name != name);
        before.map(|t| t.data.len().next_multiple_of(ALIGNMENT) as u64).sum()
    }

    /// The directory alone, padded to the start of the data section.
    pub fn header(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.magic);
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(&self.tensor_count.unwrap_or(self.tensors.len() as u64).to_le_bytes());
        out.extend_from_slice(&self.key_count.unwrap_or((self.keys.len() + self.raw_keys.len()) as u64).to_le_bytes());
        for (key, value) in &self.keys {
            put_string(&mut out, key);
            value.write(&mut out);
        }
        for (key, bytes) in &self.raw_keys {
            put_string(&mut out, key);
            out.extend_from_slice(bytes);
        }
        for tensor in &self.tensors {
            put_string(&mut out, &tensor.name);
            out.extend_from_slice(&(tensor.dims.len() as u32).to_le_bytes());
            tensor.dims.iter().for_each(|dim| out.extend_from_slice(&dim.to_le_bytes()));
            out.extend_from_slice(&tensor.type_id.to_le_bytes());
            let offset = tensor.offset.unwrap_or_else(|| self.offset(&tensor.name));
            out.extend_from_slice(&offset.to_le_bytes());
        }
        out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
        out
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = self.header();
        for tensor in &self.tensors {
            out.extend_from_slice(&tensor.data);
            out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
        }
        out
    }
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u64).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}
