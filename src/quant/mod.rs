//! On-disk weight codecs: bytes to canonical ternary rows and scales.
//!
//! A codec is pushed the bytes of one tensor in pieces of any size and hands out blocks of rows. The canonical form
//! of a ternary row is one `i8` in {-1, 0, +1} per weight; the kernels pack it as they like.

#![forbid(unsafe_code)]

mod absmean;
mod float;
mod i2_s;
mod rows;
mod ternary;
mod tq1_0;
mod tq2_0;

pub use float::FloatDecoder;
pub use i2_s::I2sLayout;
pub use ternary::{TernaryDecoder, check_scale};

/// A tensor type that this crate can decode. The ids are ggml's; I2_S is bitnet.cpp's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TensorType {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of an f32.
    Bf16,
    /// 5 weights in a byte, base 3; 54 bytes per 256 weights.
    Tq1_0,
    /// 2-bit codes, low bits first; 66 bytes per 256 weights.
    Tq2_0,
    /// 2-bit codes, high bits first, interleaved by 32; one scale per tensor.
    I2S,
}

/// How a float is stored.
#[derive(Clone, Copy, Debug)]
enum FloatType {
    F32,
    F16,
    Bf16,
}

impl TensorType {
    /// The type of a ggml id, if it is one of ours.
    pub const fn from_id(id: u32) -> Option<Self> {
        Some(match id {
            0 => Self::F32,
            1 => Self::F16,
            30 => Self::Bf16,
            34 => Self::Tq1_0,
            35 => Self::Tq2_0,
            36 => Self::I2S,
            _ => return None,
        })
    }

    /// The ggml id.
    pub const fn id(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Bf16 => 30,
            Self::Tq1_0 => 34,
            Self::Tq2_0 => 35,
            Self::I2S => 36,
        }
    }

    /// The name, as ggml spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::Tq1_0 => "TQ1_0",
            Self::Tq2_0 => "TQ2_0",
            Self::I2S => "I2_S",
        }
    }

    /// Whether it stores one float per weight.
    pub const fn is_float(self) -> bool {
        self.float().is_some()
    }

    /// How its floats are stored, if it stores one per weight.
    const fn float(self) -> Option<FloatType> {
        match self {
            Self::F32 => Some(FloatType::F32),
            Self::F16 => Some(FloatType::F16),
            Self::Bf16 => Some(FloatType::Bf16),
            Self::Tq1_0 | Self::Tq2_0 | Self::I2S => None,
        }
    }

    /// The number of weights that a row must be a multiple of.
    pub const fn block_len(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Tq1_0 | Self::Tq2_0 => 256,
            Self::I2S => 128,
        }
    }

    /// The bytes of one block of [`block_len`](Self::block_len) weights.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Tq1_0 => 54,
            Self::Tq2_0 => 66,
            Self::I2S => 32,
        }
    }

    /// The bytes behind the last row: I2_S has its scale (f32) and 28 bytes of padding there.
    pub const fn trailer_bytes(self) -> usize {
        match self {
            Self::I2S => 32,
            Self::F32 | Self::F16 | Self::Bf16 | Self::Tq1_0 | Self::Tq2_0 => 0,
        }
    }

    /// The bytes of a row of `cols` weights, or `None` if the type cannot hold such a row.
    pub const fn row_bytes(self, cols: usize) -> Option<usize> {
        if cols.is_multiple_of(self.block_len()) { Some(cols / self.block_len() * self.block_bytes()) } else { None }
    }

    /// The bytes of a tensor of `rows` rows of `cols` weights, or `None` if the type cannot hold such rows.
    pub fn tensor_bytes(self, rows: usize, cols: usize) -> Option<u64> {
        let rows_bytes = self.row_bytes(cols)? as u64 * rows as u64;
        Some(rows_bytes + self.trailer_bytes() as u64)
    }
}
