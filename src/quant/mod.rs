//! On-disk weight codecs: bytes to canonical ternary rows and scales, or to rows of f32.
//!
//! A codec is pushed the bytes of one tensor in pieces of any size and hands out blocks of rows. The canonical form
//! of a ternary row is one `i8` in {-1, 0, +1} per weight, and +2 where a type has it, with one scale for the tensor or one for
//! each group of columns; the kernels pack it as they like. What is not ternary becomes f32.

#![forbid(unsafe_code)]

mod absmean;
mod blocks;
mod float;
mod float_groups;
mod grouped;
mod i2_s;
mod packed;
mod ptq1_0;
mod q1_0;
mod q2_0;
mod q4;
mod q4_k;
mod q5;
mod q6_k;
mod q8_0;
mod rows;
mod ternary;
mod tq1_0;
mod tq2_0;

pub(crate) use float::half_to_f32;
pub use float::{FloatDecoder, FloatRow, StoredRow};
pub use float_groups::{FloatGroups, encode_groups, groups_of};
pub use grouped::{GroupedDecoder, GroupedRow, GroupedWeights};
pub use i2_s::I2sLayout;
pub use ternary::{Decoded, TernaryDecoder, check_scale};

use crate::kernels::{GroupColumns, GroupDecoder, GroupScheme};
use crate::{Error, ErrorKind};
use blocks::{each_block, each_group, each_scaled};

/// A tensor type that this crate can decode. The ids are ggml's; I2_S is bitnet.cpp's, PQ2_0 and PTQ1_0 are those of PrismML's
/// fork of llama.cpp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TensorType {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of an f32.
    Bf16,
    /// 4 bits a weight, an f16 scale per 32.
    Q4_0,
    /// 4 bits a weight, an f16 scale and minimum per 32.
    Q4_1,
    /// 5 bits a weight, an f16 scale per 32.
    Q5_0,
    /// 5 bits a weight, an f16 scale and minimum per 32.
    Q5_1,
    /// 8 bits a weight, an f16 scale per 32.
    Q8_0,
    /// 4 bits a weight, a scale and minimum of 6 bits per 32; 144 bytes per 256 weights.
    Q4K,
    /// 5 bits a weight, a scale and minimum of 6 bits per 32; 176 bytes per 256 weights.
    Q5K,
    /// 6 bits a weight, a scale of 8 bits per 16; 210 bytes per 256 weights.
    Q6K,
    /// 4 bits a weight that choose from a table, an f16 scale per 32.
    Iq4Nl,
    /// 5 weights in a byte, base 3; 54 bytes per 256 weights.
    Tq1_0,
    /// 2-bit codes, low bits first; 66 bytes per 256 weights.
    Tq2_0,
    /// 2-bit codes, high bits first, interleaved by 32; one scale per tensor.
    I2S,
    /// 2-bit codes of four rows in a byte, as transformers packs them (`pack_weights` of its `integrations/bitnet.py`). In
    /// safetensors only; the scale lies beside it.
    Packed,
    /// A bit for each weight, plus or minus an f16 scale per 128.
    Q1_0,
    /// 2-bit codes, low bits first, in order; an f16 scale per 64.
    Q2_0,
    /// The same with a scale per 128, as Q2_0 was before ggml had it.
    Pq2_0,
    /// 5 weights in a byte, base 3; 28 bytes per 128 weights.
    Ptq1_0,
}

/// Decodes the bytes of a row, whole blocks, into its values.
pub type RowDecoder = fn(&[u8], &mut [f32]);

impl TensorType {
    /// The id of [`Packed`](Self::Packed), which ggml does not have: above all of ggml's.
    pub const PACKED_ID: u32 = 1 << 30;

    /// The type of a ggml id, if it is one of ours.
    pub const fn from_id(id: u32) -> Option<Self> {
        Some(match id {
            0 => Self::F32,
            1 => Self::F16,
            30 => Self::Bf16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            6 => Self::Q5_0,
            7 => Self::Q5_1,
            8 => Self::Q8_0,
            12 => Self::Q4K,
            13 => Self::Q5K,
            14 => Self::Q6K,
            20 => Self::Iq4Nl,
            34 => Self::Tq1_0,
            35 => Self::Tq2_0,
            36 => Self::I2S,
            Self::PACKED_ID => Self::Packed,
            41 => Self::Q1_0,
            42 => Self::Q2_0,
            142 => Self::Pq2_0,
            143 => Self::Ptq1_0,
            _ => return None,
        })
    }

    /// The ggml id.
    pub const fn id(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Bf16 => 30,
            Self::Q4_0 => 2,
            Self::Q4_1 => 3,
            Self::Q5_0 => 6,
            Self::Q5_1 => 7,
            Self::Q8_0 => 8,
            Self::Q4K => 12,
            Self::Q5K => 13,
            Self::Q6K => 14,
            Self::Iq4Nl => 20,
            Self::Tq1_0 => 34,
            Self::Tq2_0 => 35,
            Self::I2S => 36,
            Self::Packed => Self::PACKED_ID,
            Self::Q1_0 => 41,
            Self::Q2_0 => 42,
            Self::Pq2_0 => 142,
            Self::Ptq1_0 => 143,
        }
    }

    /// The name, as ggml spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q8_0 => "Q8_0",
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
            Self::Iq4Nl => "IQ4_NL",
            Self::Tq1_0 => "TQ1_0",
            Self::Tq2_0 => "TQ2_0",
            Self::I2S => "I2_S",
            Self::Packed => "U8",
            Self::Q1_0 => "Q1_0",
            Self::Q2_0 => "Q2_0",
            Self::Pq2_0 => "PQ2_0",
            Self::Ptq1_0 => "PTQ1_0",
        }
    }

    /// Whether it stores one float per weight.
    pub const fn is_float(self) -> bool {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => true,
            Self::Q4_0
            | Self::Q4_1
            | Self::Q5_0
            | Self::Q5_1
            | Self::Q8_0
            | Self::Q4K
            | Self::Q5K
            | Self::Q6K
            | Self::Iq4Nl
            | Self::Tq1_0
            | Self::Tq2_0
            | Self::I2S
            | Self::Packed
            | Self::Q1_0
            | Self::Q2_0
            | Self::Pq2_0
            | Self::Ptq1_0 => false,
        }
    }

    /// How its rows become f32; `None` for those whose scale stands elsewhere.
    pub fn row_decoder(self) -> Option<RowDecoder> {
        match self {
            Self::F32 => Some(float::f32_row),
            Self::F16 => Some(float::f16_row),
            Self::Bf16 => Some(float::bf16_row),
            Self::Q4_0 => Some(|bytes, values| each_block(bytes, values, q4::q4_0)),
            Self::Q4_1 => Some(|bytes, values| each_block(bytes, values, q4::q4_1)),
            Self::Q5_0 => Some(|bytes, values| each_block(bytes, values, q5::q5_0)),
            Self::Q5_1 => Some(|bytes, values| each_block(bytes, values, q5::q5_1)),
            Self::Q8_0 => Some(|bytes, values| each_block(bytes, values, q8_0::q8_0)),
            Self::Q4K => Some(|bytes, values| each_block(bytes, values, q4_k::q4_k)),
            Self::Q5K => Some(|bytes, values| each_block(bytes, values, q4_k::q5_k)),
            Self::Q6K => Some(|bytes, values| each_block(bytes, values, q6_k::q6_k)),
            Self::Iq4Nl => Some(|bytes, values| each_block(bytes, values, q4::iq4_nl)),
            Self::Tq1_0 => Some(|bytes, values| each_scaled(bytes, values, tq1_0::decode_block)),
            Self::Tq2_0 => Some(|bytes, values| each_scaled(bytes, values, tq2_0::decode_block)),
            Self::Q1_0 => Some(|bytes, values| each_scaled(bytes, values, q1_0::decode_block)),
            Self::Q2_0 => Some(|bytes, values| each_scaled(bytes, values, q2_0::decode_64)),
            Self::Pq2_0 => Some(|bytes, values| each_scaled(bytes, values, q2_0::decode_128)),
            Self::Ptq1_0 => Some(|bytes, values| each_scaled(bytes, values, ptq1_0::decode_block)),
            Self::I2S | Self::Packed => None,
        }
    }

    /// Of a type that has ternary or binary codes and a scale for each group of columns: which, and how a row becomes codes and
    /// scales.
    pub fn groups(self) -> Option<(GroupScheme, GroupDecoder)> {
        const TERNARY_64: GroupScheme = GroupScheme::ternary(GroupColumns::C64);
        const TERNARY_128: GroupScheme = GroupScheme::ternary(GroupColumns::C128);
        const TERNARY_256: GroupScheme = GroupScheme::ternary(GroupColumns::C256);
        const BINARY_128: GroupScheme = GroupScheme::binary(GroupColumns::C128);
        Some(match self {
            Self::Tq1_0 => (TERNARY_256, |b, codes, scales| each_group(b, codes, scales, tq1_0::decode_block)),
            Self::Tq2_0 => (TERNARY_256, |b, codes, scales| each_group(b, codes, scales, tq2_0::decode_block)),
            Self::Q1_0 => (BINARY_128, |b, codes, scales| each_group(b, codes, scales, q1_0::decode_block)),
            Self::Q2_0 => (TERNARY_64, |b, codes, scales| each_group(b, codes, scales, q2_0::decode_64)),
            Self::Pq2_0 => (TERNARY_128, |b, codes, scales| each_group(b, codes, scales, q2_0::decode_128)),
            Self::Ptq1_0 => (TERNARY_128, |b, codes, scales| each_group(b, codes, scales, ptq1_0::decode_block)),
            Self::F32
            | Self::F16
            | Self::Bf16
            | Self::Q4_0
            | Self::Q4_1
            | Self::Q5_0
            | Self::Q5_1
            | Self::Q8_0
            | Self::Q4K
            | Self::Q5K
            | Self::Q6K
            | Self::Iq4Nl
            | Self::I2S
            | Self::Packed => return None,
        })
    }

    /// Whether its groups are blocks of an f16 scale and behind it nothing but codes, the first in the lowest bits (of one bit, set for
    /// +1, or two, `code + 1`, any of which is legal). A matrix takes such rows as they are.
    pub const fn has_packed_groups(self) -> bool {
        matches!(self, Self::Q1_0 | Self::Q2_0 | Self::Pq2_0)
    }

    /// Whether it stores ternary (or binary) codes and nothing else.
    pub fn is_ternary(self) -> bool {
        matches!(self, Self::I2S | Self::Packed) || self.groups().is_some()
    }

    /// Whether what it stores may be ternary with one scale: the ternary types, floats, and of the quantized types those in
    /// which ggml's quantizer keeps ternary weights ternary. Q4_0 and its like have codes from -8 to 7.
    pub const fn may_be_ternary(self) -> bool {
        match self {
            Self::F32
            | Self::F16
            | Self::Bf16
            | Self::Q8_0
            | Self::Q6K
            | Self::Tq1_0
            | Self::Tq2_0
            | Self::I2S
            | Self::Packed
            | Self::Q1_0
            | Self::Q2_0
            | Self::Pq2_0
            | Self::Ptq1_0 => true,
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q4K | Self::Q5K | Self::Iq4Nl => false,
        }
    }

    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::F32,
        Self::F16,
        Self::Bf16,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
        Self::Iq4Nl,
        Self::Tq1_0,
        Self::Tq2_0,
        Self::I2S,
        Self::Q1_0,
        Self::Q2_0,
        Self::Pq2_0,
        Self::Ptq1_0,
    ];

    /// The names of those types that are meant, as a list for a sentence.
    pub fn names(is_meant: impl Fn(Self) -> bool) -> String {
        let names: Vec<&str> = Self::ALL.into_iter().filter(|t| is_meant(*t)).map(Self::name).collect();
        match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => names.concat(),
        }
    }

    fn no_such_row(self, name: &str, cols: usize) -> Error {
        Error::new(
            ErrorKind::InvalidModel,
            format!(
                "tensor {name}: {} needs rows of a multiple of {} weights, found {cols}",
                self.name(),
                self.block_len()
            ),
        )
    }

    /// The number of weights that a row must be a multiple of.
    pub const fn block_len(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 | Self::Iq4Nl => 32,
            Self::Q4K | Self::Q5K | Self::Q6K | Self::Tq1_0 | Self::Tq2_0 => 256,
            Self::I2S | Self::Q1_0 | Self::Pq2_0 | Self::Ptq1_0 => 128,
            Self::Q2_0 => 64,
            Self::Packed => 4,
        }
    }

    /// The bytes of one block of [`block_len`](Self::block_len) weights.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Q4_0 | Self::Iq4Nl | Self::Q1_0 | Self::Q2_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 | Self::Pq2_0 => 34,
            Self::Ptq1_0 => 28,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
            Self::Tq1_0 => 54,
            Self::Tq2_0 => 66,
            Self::I2S => 32,
            Self::Packed => 1,
        }
    }

    /// The bytes behind the last row: I2_S has its scale (f32) and 28 bytes of padding there.
    pub const fn trailer_bytes(self) -> usize {
        match self {
            Self::I2S => 32,
            Self::F32
            | Self::F16
            | Self::Bf16
            | Self::Q4_0
            | Self::Q4_1
            | Self::Q5_0
            | Self::Q5_1
            | Self::Q8_0
            | Self::Q4K
            | Self::Q5K
            | Self::Q6K
            | Self::Iq4Nl
            | Self::Tq1_0
            | Self::Tq2_0
            | Self::Packed
            | Self::Q1_0
            | Self::Q2_0
            | Self::Pq2_0
            | Self::Ptq1_0 => 0,
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
