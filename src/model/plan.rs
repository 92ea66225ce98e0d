//! Which tensor of the file goes where: every name, shape and type is checked here, before the first weight is read.

use std::collections::{HashMap, HashSet};

use crate::gguf::{Conversion, Header, TensorInfo, type_name};
use crate::kernels::GroupScheme;
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

/// What is said of a bias.
const NO_BIASES: &str = "this build computes layers and norms without biases only";

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
    /// What the file means by type 42.
    q2_0: TensorType,
    slots: Vec<Slot>,
    rows: usize,
    linears: usize,
    vectors: usize,
}

impl<'a> Tensors<'a> {
    /// # Errors
    /// `InvalidModel` if the places of the tensors of type 42 fit neither size of its groups.
    pub(super) fn new(header: &'a Header) -> Result<Self> {
        let by_name = header.tensors.iter().map(|t| (t.name.as_str(), t)).collect();
        Ok(Self {
            by_name,
            data_offset: header.data_offset,
            q2_0: type_of_q2_0(header)?,
            slots: Vec::new(),
            rows: 0,
            linears: 0,
            vectors: 0,
        })
    }

    /// Tensors that mean another computation than this crate's: a file that has one of `names` is refused.
    pub(super) fn refuse(&self, names: &[&str], reason: &str) -> Result<()> {
        match names.iter().find(|&&name| self.by_name.contains_key(name)) {
            None => Ok(()),
            Some(name) => Err(Error::new(ErrorKind::Unsupported, format!("tensor {name}: {reason}"))),
        }
    }

    /// Whether a matrix of the blocks is stored in a type that `is_meant`.
    pub(super) fn stores(&self, is_meant: impl Fn(TensorType) -> bool) -> bool {
        self.by_name
            .values()
            .any(|t| t.name.starts_with("blk.") && TensorType::from_id(t.type_id).is_some_and(&is_meant))
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
            Some(name) if name.ends_with(".bias") => {
                Err(Error::new(ErrorKind::Unsupported, format!("tensor {name}: {NO_BIASES}")))
            }
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
            self.refuse(&[&format!("{layer}.bias")], NO_BIASES)?;
        }
        self.slots.push(slot(role, name, rows, cols, tensor, self)?);
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
    /// Whether a linear layer is stored in a ternary type. Then others may hold other weights; in a file without, all of them
    /// must turn out to be ternary, because it is the file of another kind of model otherwise.
    pub has_ternary_types: bool,
}

impl Plan {
    /// All tensors that were asked for.
    ///
    /// # Errors
    /// `InvalidModel` for overlapping bytes.
    pub(super) fn new(tensors: Tensors<'_>) -> Result<Self> {
        let has_ternary_types = tensors.stores(TensorType::is_ternary);
        let Tensors { mut slots, data_offset, .. } = tensors;
        slots.sort_by_key(|slot| slot.begin);
        for pair in slots.windows(2) {
            if pair[0].begin + pair[0].bytes > pair[1].begin {
                return Err(invalid(format!("the bytes of tensors {} and {} overlap", pair[0].name, pair[1].name)));
            }
        }
        let end = slots.last().map_or(data_offset, |slot| slot.begin + slot.bytes);
        Ok(Self { slots, end, has_ternary_types })
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

    /// Of the largest matrix of a linear layer what shares a scale, if its type has scales of groups.
    pub fn scheme(&self) -> Option<GroupScheme> {
        let linears = self.slots.iter().filter(|slot| matches!(slot.role, Role::Linear(_)));
        let (scheme, _) = linears.max_by_key(|slot| slot.rows * slot.cols)?.tensor_type.groups()?;
        Some(scheme)
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
fn slot(role: Role, name: String, rows: usize, cols: usize, tensor: &TensorInfo, file: &Tensors<'_>) -> Result<Slot> {
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
        Role::Linear(_) => true,
        Role::Rows(_) => t.row_decoder().is_some(),
        Role::Scale(_) | Role::Vector(_) | Role::Constants(_) => t.is_float(),
    };
    let tensor_type = match TensorType::from_id(tensor.type_id) {
        Some(TensorType::Q2_0) => Some(file.q2_0),
        other => other,
    };
    let Some(tensor_type) = tensor_type.filter(is_meant) else {
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
    if matches!(role, Role::Linear(_)) && !tensor_type.may_be_ternary() && !file.stores(TensorType::is_ternary) {
        return Err(not_ternary(&name, tensor_type));
    }
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
    Ok(Slot { role, name, tensor_type, rows, cols, begin: file.data_offset + tensor.offset, bytes, conversion })
}

/// The type that the file's tensors of type 42 have. Groups have 64 columns, but of 128 in files that are older than ggml's
/// Q2_0: a tensor is then shorter, so that the next one begins earlier. Nothing else in a file tells.
fn type_of_q2_0(header: &Header) -> Result<TensorType> {
    let alignment = u64::from(header.metadata.u32("general.alignment")?.unwrap_or(32));
    let mut by_place: Vec<&TensorInfo> = header.tensors.iter().filter(|t| t.problem.is_none()).collect();
    by_place.sort_by_key(|tensor| tensor.offset);
    let mut known = None;
    for pair in by_place.windows(2).filter(|pair| pair[0].type_id == TensorType::Q2_0.id()) {
        let (tensor, room) = (pair[0], pair[1].offset - pair[0].offset);
        let cols = tensor.dims.first().map_or(0, |&cols| cols as usize);
        let rows = tensor.dims.iter().skip(1).product::<u64>() as usize;
        let fills =
            |t: &TensorType| t.tensor_bytes(rows, cols).is_some_and(|bytes| bytes.next_multiple_of(alignment) == room);
        let mut fitting = [TensorType::Q2_0, TensorType::Pq2_0].into_iter().filter(fills);
        let found = match (fitting.next(), fitting.next()) {
            (Some(found), None) => found,
            // So small that padding hides the difference.
            (Some(_), Some(_)) => continue,
            (None, _) => {
                return Err(invalid(format!(
                    "tensor {}: Q2_0 {:?} takes {room} bytes, which fits neither groups of 64 weights nor groups of 128",
                    tensor.name, tensor.dims
                )));
            }
        };
        if *known.get_or_insert(found) != found {
            return Err(invalid(format!(
                "tensor {}: its bytes are those of Q2_0 with other groups than the file's other tensors have",
                tensor.name
            )));
        }
    }
    Ok(known.unwrap_or(TensorType::Q2_0))
}

/// What is said of a linear layer that is not ternary where none is stored in a ternary type.
pub(super) fn not_ternary(name: &str, tensor_type: TensorType) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "tensor {name}: expected ternary weights, found {} weights of more than one magnitude: this is no ternary model, or \
             one that was quantized again; take its file in {}",
            tensor_type.name(),
            TensorType::names(TensorType::is_ternary)
        ),
    )
}

fn missing(name: &str) -> Error {
    invalid(format!("tensor {name} is missing"))
}

fn invalid(context: String) -> Error {
    Error::new(ErrorKind::InvalidModel, format!("model: {context}"))
}
