//! Which tensor of the file goes where: every name, shape and type is checked here, before the first weight is read.

use std::collections::{HashMap, HashSet};

use crate::gguf::{Conversion, Header, TensorInfo, type_name};
use crate::quant::TensorType;
use crate::{Error, ErrorKind, Result};

/// A linear layer of the model: its place in [`Weights`](super::Weights).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinearId(pub(super) usize);

/// A vector of the model, such as the weights of a norm: its place in [`Weights`](super::Weights).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VectorId(pub(super) usize);

/// An embedding or an output head: its place in [`Weights`](super::Weights).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowsId(pub(super) usize);

/// What a tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The matrix of an embedding or an output head, `[vocab_size, dim]`.
    Rows(RowsId),
    /// The matrix of a linear layer.
    Linear(LinearId),
    /// `[1]`: a factor beside the matrix's own scale.
    Scale(LinearId),
    /// A vector.
    Vector(VectorId),
    /// A vector of constants that are not counted as weights, such as factors of rotary frequencies.
    Constants(VectorId),
}

/// One tensor that will be read.
#[derive(Clone, Debug)]
pub struct Slot {
    /// What it is for.
    pub role: Role,
    /// Its name in the file.
    pub name: String,
    /// How it is stored.
    pub tensor_type: TensorType,
    /// Rows; 1 for a vector.
    pub rows: usize,
    /// Columns (contiguous).
    pub cols: usize,
    /// Its first byte, from the start of the file.
    pub begin: u64,
    /// Its bytes.
    pub bytes: u64,
    /// How what is stored becomes the tensor.
    pub conversion: Conversion,
}

/// The tensors of a file, where a graph finds those that it needs. Each is checked when it is asked for, so a file that
/// claims thousands of layers fails at the first tensor that it lacks.
#[derive(Debug)]
pub(super) struct Tensors<'a> {
    by_name: HashMap<&'a str, &'a TensorInfo>,
    data_offset: u64,
    slots: Vec<Slot>,
    rows: usize,
    linears: usize,
    vectors: usize,
    already_ternary: bool,
}

impl<'a> Tensors<'a> {
    pub(super) fn new(header: &'a Header) -> Self {
        let by_name = header.tensors.iter().map(|t| (t.name.as_str(), t)).collect();
        Self {
            by_name,
            data_offset: header.data_offset,
            slots: Vec::new(),
            rows: 0,
            linears: 0,
            vectors: 0,
            already_ternary: false,
        }
    }

    /// Tensors that mean another computation than this crate's: a file that has one of `names` is refused.
    pub(super) fn refuse(&self, names: &[&str], reason: &str) -> Result<()> {
        match names.iter().find(|&&name| self.by_name.contains_key(name)) {
            None => Ok(()),
            Some(name) => Err(Error::new(ErrorKind::Unsupported, format!("tensor {name}: {reason}"))),
        }
    }

    /// From now on the matrices of linear layers must be ternary as they lie in the file. For an architecture that has
    /// other models as well: rounding those to ternary weights would leave nothing of them.
    pub(super) fn expect_ternary(&mut self) {
        self.already_ternary = true;
    }

    /// The linear layer `{name}.weight`, `[rows, cols]`. A factor may lie beside it, `{name}.scale`.
    pub(super) fn linear(&mut self, name: &str, [rows, cols]: [usize; 2]) -> Result<LinearId> {
        let id = LinearId(self.linears);
        self.require(Role::Linear(id), format!("{name}.weight"), rows, cols)?;
        self.find(Role::Scale(id), format!("{name}.scale"), 1, 1)?;
        self.linears += 1;
        Ok(id)
    }

    /// The vector `{name}.weight`, `[len]`.
    pub(super) fn vector(&mut self, name: &str, len: usize) -> Result<VectorId> {
        let id = VectorId(self.vectors);
        self.require(Role::Vector(id), format!("{name}.weight"), 1, len)?;
        self.vectors += 1;
        Ok(id)
    }

    /// The vector `{name}.weight`, `[len]`, if the file has it.
    pub(super) fn optional_vector(&mut self, name: &str, len: usize) -> Result<Option<VectorId>> {
        let id = VectorId(self.vectors);
        let found = self.find(Role::Vector(id), format!("{name}.weight"), 1, len)?;
        self.vectors += usize::from(found);
        Ok(found.then_some(id))
    }

    /// The constants `{name}.weight`, `[len]`, if the file has them.
    pub(super) fn constants(&mut self, name: &str, len: usize) -> Result<Option<VectorId>> {
        let id = VectorId(self.vectors);
        let found = self.find(Role::Constants(id), format!("{name}.weight"), 1, len)?;
        self.vectors += usize::from(found);
        Ok(found.then_some(id))
    }

    /// The embedding or head `{name}.weight`, `[rows, cols]`.
    pub(super) fn rows(&mut self, name: &str, shape: [usize; 2]) -> Result<RowsId> {
        self.optional_rows(name, shape)?.ok_or_else(|| missing(&format!("{name}.weight")))
    }

    /// The embedding or head `{name}.weight`, `[rows, cols]`, if the file has it.
    pub(super) fn optional_rows(&mut self, name: &str, [rows, cols]: [usize; 2]) -> Result<Option<RowsId>> {
        let id = RowsId(self.rows);
        let found = self.find(Role::Rows(id), format!("{name}.weight"), rows, cols)?;
        self.rows += usize::from(found);
        Ok(found.then_some(id))
    }

    fn require(&mut self, role: Role, name: String, rows: usize, cols: usize) -> Result<()> {
        let error = missing(&name);
        if self.find(role, name, rows, cols)? { Ok(()) } else { Err(error) }
    }

    /// Refuses a file that has tensors below `prefix` which nobody asked for, other than those that end in `ignored`: they
    /// mean another computation.
    pub(super) fn refuse_unread(&self, prefix: &str, ignored: &[&str]) -> Result<()> {
        let read: HashSet<&str> = self.slots.iter().map(|slot| slot.name.as_str()).collect();
        let is_unread = |name: &&str| {
            name.starts_with(prefix) && !read.contains(name) && !ignored.iter().any(|end| name.ends_with(end))
        };
        match self.by_name.keys().copied().filter(is_unread).min() {
            None => Ok(()),
            Some(name) => Err(Error::new(
                ErrorKind::Unsupported,
                format!("tensor {name}: this build does not know what a model of this architecture does with it"),
            )),
        }
    }

    /// Takes the tensor `name`; false if the file does not have it. A bias beside it would be computed with.
    fn find(&mut self, role: Role, name: String, rows: usize, cols: usize) -> Result<bool> {
        let Some(tensor) = self.by_name.get(name.as_str()) else { return Ok(false) };
        tensor.check()?;
        if let Some(layer) = name.strip_suffix(".weight") {
            self.refuse(&[&format!("{layer}.bias")], "this build computes layers and norms without biases only")?;
        }
        self.slots.push(slot(role, name, rows, cols, tensor, self.data_offset)?);
        Ok(true)
    }
}

/// All tensors that the model needs, in the order of their bytes in the file.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The tensors.
    pub slots: Vec<Slot>,
    /// The end of the last one: the least length that the file must have.
    pub end: u64,
    /// The matrices of linear layers must be ternary already; otherwise floats are rounded to ternary weights.
    pub already_ternary: bool,
}

impl Plan {
    /// All tensors that were asked for. Others of the file are left unread.
    ///
    /// # Errors
    /// `InvalidModel` for overlapping bytes.
    pub(super) fn new(tensors: Tensors<'_>) -> Result<Self> {
        let Tensors { mut slots, data_offset, already_ternary, .. } = tensors;
        slots.sort_by_key(|slot| slot.begin);
        for pair in slots.windows(2) {
            if pair[0].begin + pair[0].bytes > pair[1].begin {
                return Err(invalid(format!("the bytes of tensors {} and {} overlap", pair[0].name, pair[1].name)));
            }
        }
        let end = slots.last().map_or(data_offset, |slot| slot.begin + slot.bytes);
        Ok(Self { slots, end, already_ternary })
    }

    /// The types of the ternary matrices, by name, most frequent first, and those of embedding and head where they are
    /// quantized as well: what `model.info.quantization` shows.
    pub fn quantization(&self) -> String {
        let mut counts: Vec<(TensorType, usize)> = Vec::new();
        let mut others = Vec::new();
        for slot in &self.slots {
            match slot.role {
                Role::Linear(_) => match counts.iter_mut().find(|(tensor_type, _)| *tensor_type == slot.tensor_type) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((slot.tensor_type, 1)),
                },
                Role::Rows(id) if !slot.tensor_type.is_float() => {
                    let what = if id.0 == 0 { "embedding" } else { "head" };
                    others.push((id.0, format!(", {what} {}", slot.tensor_type.name())));
                }
                Role::Rows(_) | Role::Scale(_) | Role::Vector(_) | Role::Constants(_) => {}
            }
        }
        counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        others.sort();
        let matrices = counts.iter().map(|(tensor_type, _)| tensor_type.name()).collect::<Vec<_>>().join("+");
        others.into_iter().fold(matrices, |text, (_, other)| text + &other)
    }

    /// Whether the matrix is the output head: its own, or the embedding where the file has none.
    pub fn is_head(&self, id: RowsId) -> bool {
        !self.slots.iter().any(|slot| matches!(slot.role, Role::Rows(other) if other.0 > id.0))
    }

    /// The number of weights in all tensors.
    pub fn parameters(&self) -> u64 {
        self.slots
            .iter()
            .filter(|slot| !matches!(slot.role, Role::Scale(_) | Role::Constants(_)))
            .map(|slot| slot.rows as u64 * slot.cols as u64)
            .sum()
    }
}

/// The rows of the embedding, which is the size of the vocabulary.
///
/// # Errors
/// `InvalidModel` if the file has no `token_embd.weight` of two dimensions.
pub fn vocab_size(header: &Header) -> Result<usize> {
    let tensor =
        header.tensors.iter().find(|t| t.name == "token_embd.weight").ok_or_else(|| missing("token_embd.weight"))?;
    tensor.check()?;
    match tensor.dims.get(1) {
        Some(&rows) if rows <= 1 << 24 => Ok(rows as usize),
        _ => Err(invalid(format!("tensor token_embd.weight: expected two dimensions, found {:?}", tensor.dims))),
    }
}

/// Checks that `tensor` has the shape and a type for its role.
fn slot(role: Role, name: String, rows: usize, cols: usize, tensor: &TensorInfo, data_offset: u64) -> Result<Slot> {
    let found = || format!("{} {:?}", type_name(tensor.type_id), tensor.dims);
    let vector = rows == 1 && !matches!(role, Role::Linear(_) | Role::Rows(_));
    let dims: &[u64] = if vector { &[cols as u64] } else { &[cols as u64, rows as u64] };
    // Writers may leave trailing dimensions of 1.
    let fits = tensor.dims.starts_with(dims) && tensor.dims[dims.len()..].iter().all(|&d| d == 1);
    if !fits {
        return Err(invalid(format!("tensor {name}: expected {dims:?}, found {}", found())));
    }
    let is_ternary = matches!(role, Role::Linear(_));
    let is_meant = |t: &TensorType| match role {
        Role::Linear(_) => t.may_be_ternary(),
        Role::Rows(_) => t.row_decoder().is_some(),
        Role::Scale(_) | Role::Vector(_) | Role::Constants(_) => t.is_float(),
    };
    let Some(tensor_type) = TensorType::from_id(tensor.type_id).filter(is_meant) else {
        let expected = TensorType::names(|t| is_meant(&t));
        let advice = match tensor.type_id {
            38 | 39 => ": TL1 and TL2 files do not carry their tile sizes; take the I2_S file of the same model",
            _ => ": this is no ternary model that bitnet-web can run",
        };
        let advice = if is_ternary { advice } else { "" };
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("tensor {name}: expected {expected} {dims:?}, found {}{advice}", found()),
        ));
    };
    let bytes = tensor_type.tensor_bytes(rows, cols).ok_or_else(|| {
        invalid(format!(
            "tensor {name}: {} needs rows of a multiple of {} weights, found {cols}",
            tensor_type.name(),
            tensor_type.block_len()
        ))
    })?;
    // The least compact layouts: a byte for each ternary weight, and what the file has for each other one.
    let bytes_per_weight = tensor_type.block_bytes().div_ceil(tensor_type.block_len()) as u64;
    if rows as u64 * cols as u64 * bytes_per_weight > isize::MAX as u64 {
        return Err(Error::new(
            ErrorKind::OutOfMemory,
            format!("tensor {name}: {rows} x {cols} weights are more than this build can address"),
        ));
    }
    let conversion = tensor.conversion;
    Ok(Slot { role, name, tensor_type, rows, cols, begin: data_offset + tensor.offset, bytes, conversion })
}

fn missing(name: &str) -> Error {
    invalid(format!("tensor {name} is missing"))
}

fn invalid(context: String) -> Error {
    Error::new(ErrorKind::InvalidModel, format!("model: {context}"))
}
