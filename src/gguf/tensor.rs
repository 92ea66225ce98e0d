//! One entry of the tensor directory.

use std::borrow::Cow;

use crate::{Error, ErrorKind, Result};

/// A tensor as the directory describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// The name, for example `blk.3.ffn_down.weight`.
    pub name: String,
    /// The dimensions in GGUF order: `dims[0]` is contiguous (the columns, in_features), `dims[1]` the rows.
    pub dims: Vec<u64>,
    /// The ggml type id; [`type_name`] names it.
    pub type_id: u32,
    /// Where the data begins, in bytes from the start of the data section.
    pub offset: u64,
    /// Why the tensor cannot be read, if it cannot. That is an error only where somebody needs it.
    pub problem: Option<String>,
    /// How it differs from a GGUF file's tensor of this name: only in a header that was made of other files.
    pub conversion: Conversion,
}

/// How a tensor of another kind of file becomes the GGUF tensor that it stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Conversion {
    /// The rows are those of so many heads, and in each head the first dimensions of all rotated pairs come before the
    /// second ones; GGUF files of the Llama family have the two of a pair side by side (`LlamaModel.permute` of llama.cpp's
    /// converter).
    pub heads: Option<usize>,
    /// It holds the reciprocal of a factor.
    pub is_reciprocal: bool,
    /// Its floats are master weights, which are rounded to ternary ones whatever the architecture and whatever they are.
    pub is_master: bool,
    /// It holds the weights of a norm less 1.
    pub is_offset: bool,
}

impl Conversion {
    /// The row that row `row` of `rows` becomes.
    pub fn row(self, row: usize, rows: usize) -> usize {
        let Some(heads) = self.heads else { return row };
        let head_dim = rows / heads.max(1);
        let (head, within) = (row / head_dim, row % head_dim);
        let half = head_dim / 2;
        head * head_dim + 2 * (within % half) + within / half
    }
}

impl TensorInfo {
    /// Whether the tensor can be read.
    ///
    /// # Errors
    /// `InvalidGguf` with what is wrong about it.
    pub fn check(&self) -> Result<()> {
        match &self.problem {
            None => Ok(()),
            Some(problem) => Err(Error::new(ErrorKind::InvalidGguf, format!("gguf: tensor {}: {problem}", self.name))),
        }
    }
}

/// A readable name for a ggml type id, with both names where the forks use one id for two types.
pub fn type_name(id: u32) -> Cow<'static, str> {
    let name = match id {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        6 => "Q5_0",
        7 => "Q5_1",
        8 => "Q8_0",
        9 => "Q8_1",
        10 => "Q2_K",
        11 => "Q3_K",
        12 => "Q4_K",
        13 => "Q5_K",
        14 => "Q6_K",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        30 => "BF16",
        34 => "TQ1_0",
        35 => "TQ2_0",
        36 => "I2_S",
        37 => "I8_S",
        38 => "TL1",
        39 => "TL2 (bitnet.cpp) or MXFP4 (llama.cpp)",
        40 => "NVFP4",
        41 => "Q1_0",
        42 => "Q2_0",
        142 => "PQ2_0",
        143 => "PTQ1_0",
        _ => return Cow::Owned(format!("type {id}")),
    };
    Cow::Borrowed(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_halves_of_a_head_become_neighbours() {
        let conversion = Conversion { heads: Some(2), ..Conversion::default() };
        let rows: Vec<usize> = (0..8).map(|row| conversion.row(row, 8)).collect();
        assert_eq!(rows, [0, 2, 1, 3, 4, 6, 5, 7]);
        assert_eq!(Conversion::default().row(5, 8), 5);
    }
}
