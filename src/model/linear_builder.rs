//! A linear layer, built while its tensor streams in. What it is kept as depends on how the file stores it, what its weights
//! turn out to be, and how the family was trained:
//!
//! | stored as | trained with int8 inputs | trained with floats | the same, exactly |
//! |---|---|---|---|
//! | I2_S | one scale | groups of 64 | groups of 64, widened to floats |
//! | TQ1_0, TQ2_0, Q2_0 and others with groups | one scale if all are one, else groups | groups | the file's rows |
//! | Q1_0, whose groups have one bit a weight | one scale, two bits a weight, if all are one, else groups | groups | the file's rows |
//! | F32, F16, BF16, Q8_0, Q6_K | one scale if ternary (or ternarized), groups if ternary with such, else the file's rows | groups, of 64 if it has one scale; else the file's rows | the file's rows |
//! | other quantized types | the file's rows | the file's rows | the file's rows |
//!
//! Floats that are ternary with scales of groups, in a file that says nothing of int8 inputs, were trained with floats.

use crate::Result;
use crate::kernels::{
    ActivationScales, BlockFormat, GroupColumns, GroupScheme, GroupedBuilder, GroupedMatrix, Kernel, RowBuilder,
    RowFormat, RowMatrix, TernaryBuilder, TernaryMatrix,
};
use crate::quant::{
    Decoded, FloatDecoder, FloatGroups, GroupedDecoder, GroupedWeights, StoredRow, TensorType, TernaryDecoder,
    encode_groups,
};

use super::linear::Linear;
use super::plan::{Slot, not_ternary};
use super::weights::WeightOptions;

/// The groups of a ternary matrix that has one scale, where its inputs need scales of groups.
const OWN_GROUPS: GroupScheme = GroupScheme::ternary(GroupColumns::C64);
/// 1 as f16.
const ONE: u16 = 0x3c00;

/// Takes the bytes of one matrix.
#[derive(Debug)]
pub(super) struct LinearBuilder {
    kernel: Kernel,
    activations: ActivationScales,
    /// What the input is rounded to if the weights turn out to be floats that have scales of groups.
    activations_of_groups: ActivationScales,
    /// Whether inputs that are not rounded by training stay floats.
    exact: bool,
    /// Whether its weights may be other than ternary.
    may_be_other: bool,
    slot: Slot,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    /// May turn out to be ternary with one scale.
    Ternary(TernaryDecoder, CodesBuilder),
    Grouped(GroupedDecoder, GroupedBuilder),
    Rows(FloatDecoder, RowBuilder),
}

/// Codes with one scale.
#[derive(Debug)]
enum CodesBuilder {
    Ternary(TernaryBuilder),
    /// With the scales of a row, all 1, and whether the input stays in floats.
    Grouped(GroupedBuilder, Vec<u16>, bool),
}

impl CodesBuilder {
    fn new(options: &WeightOptions, rows: usize, cols: usize) -> Result<Self> {
        let kernel = options.kernel;
        Ok(match options.rules.activations {
            ActivationScales::Token => Self::Ternary(TernaryMatrix::builder(kernel, rows, cols)?),
            ActivationScales::Group => {
                let scales = vec![ONE; cols.div_ceil(OWN_GROUPS.columns.count())];
                Self::Grouped(GroupedMatrix::builder(kernel, OWN_GROUPS, rows, cols)?, scales, options.exact)
            }
        })
    }

    /// Puts whole rows, from `first_row` on, where the conversion of `slot` wants them.
    fn push_rows(&mut self, slot: &Slot, first_row: usize, codes: &[i8]) {
        for (row, codes) in (first_row..).zip(codes.chunks_exact(slot.cols)) {
            let row = slot.conversion.row(row, slot.rows);
            match self {
                Self::Ternary(builder) => builder.push_rows(row, codes),
                Self::Grouped(builder, scales, _) => builder.push_row(row, codes, scales),
            }
        }
    }

    fn finish(self, scale: f32) -> Linear {
        match self {
            Self::Ternary(builder) => Linear::ternary(builder.finish(scale)),
            Self::Grouped(builder, _, exact) => {
                let mut matrix = builder.finish();
                matrix.scale_by(scale);
                if exact {
                    return Linear::rows(RowMatrix::widened(matrix), 1.0, ActivationScales::Group);
                }
                Linear::grouped(matrix, ActivationScales::Group)
            }
        }
    }
}

impl LinearBuilder {
    /// # Errors
    /// `OutOfMemory` if the memory cannot be had, `InvalidModel` for rows that the type cannot hold.
    pub(super) fn new(slot: &Slot, options: &WeightOptions, may_be_other: bool) -> Result<Self> {
        let WeightOptions { kernel, exact, i2s_layout, rules } = *options;
        let Slot { ref name, tensor_type, rows, cols, .. } = *slot;
        let activations = rules.activations;
        let is_trained_with_int8 = activations == ActivationScales::Token;
        // A file may say itself that these are master weights.
        let ternarizes = rules.ternarizes_floats || slot.conversion.is_master;
        // Kept as it is where nothing is won by knowing that it is ternary.
        let has_rows = tensor_type.row_decoder().is_some();
        let is_kept = !is_trained_with_int8 && exact && may_be_other && has_rows && !ternarizes;
        let may_be_ternary = tensor_type.may_be_ternary() && !is_kept;
        let sink = match tensor_type.groups() {
            Some((scheme, _)) if !is_trained_with_int8 && !exact => Sink::Grouped(
                GroupedDecoder::new(name, tensor_type, cols)?,
                GroupedMatrix::builder(kernel, scheme, rows, cols)?,
            ),
            _ if may_be_ternary => {
                let decoder = TernaryDecoder::new(name, tensor_type, i2s_layout, ternarizes, rows, cols)?;
                let decoder = if slot.conversion.is_master { decoder.of_master_weights() } else { decoder };
                Sink::Ternary(decoder, CodesBuilder::new(options, rows, cols)?)
            }
            _ => Self::rows(slot)?,
        };
        let says_int8 = may_be_other || ternarizes;
        let activations_of_groups = if says_int8 { activations } else { ActivationScales::Group };
        Ok(Self { kernel, activations, activations_of_groups, exact, may_be_other, slot: slot.clone(), sink })
    }

    fn rows(slot: &Slot) -> Result<Sink> {
        let Slot { ref name, tensor_type, rows, cols, .. } = *slot;
        let builder = RowMatrix::builder(stored_format(tensor_type), rows, cols)?;
        Ok(Sink::Rows(FloatDecoder::new(name, tensor_type, cols)?, builder))
    }

    /// The bytes that the matrix of `slot` takes in memory. Where that depends on its weights: if they are ternary with one
    /// scale, which is what such files hold; but of floats and of Q8_0 and Q6_K, which may be either, the most; and where they
    /// must be ternary (not `may_be_other`), as ternary ones with scales of groups.
    pub(super) fn bytes_for(slot: &Slot, options: &WeightOptions, may_be_other: bool) -> usize {
        let WeightOptions { kernel, exact, rules, .. } = *options;
        let Slot { tensor_type, rows, cols, .. } = *slot;
        let stored = || RowMatrix::bytes_for(stored_format(tensor_type), rows, cols);
        let ternary = || match rules.activations {
            ActivationScales::Token => TernaryMatrix::bytes_for(kernel, rows, cols),
            ActivationScales::Group => GroupedMatrix::bytes_for(kernel, OWN_GROUPS, rows, cols),
        };
        match (rules.activations, tensor_type.groups()) {
            (ActivationScales::Token, Some(_)) => ternary(),
            (ActivationScales::Group, Some((scheme, _))) if !exact => {
                GroupedMatrix::bytes_for(kernel, scheme, rows, cols)
            }
            _ if tensor_type.row_decoder().is_none() => ternary(),
            _ if tensor_type.is_float() && (rules.ternarizes_floats || slot.conversion.is_master) => ternary(),
            _ if tensor_type.is_float() && !may_be_other => {
                ternary().max(GroupedMatrix::bytes_for(kernel, OWN_GROUPS, rows, cols))
            }
            _ => stored(),
        }
    }

    /// # Errors
    /// What the decoders find wrong with the bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let Self { slot, sink, .. } = self;
        let place = |row: usize| slot.conversion.row(row, slot.rows);
        match sink {
            Sink::Ternary(decoder, builder) => decoder.push(bytes, |row, codes| {
                builder.push_rows(slot, row, codes);
                Ok(())
            }),
            Sink::Grouped(decoder, builder) => decoder.push(bytes, |row| {
                match row.weights {
                    GroupedWeights::Codes { codes, scales } => builder.push_row(place(row.index), codes, scales),
                    // The decoder has checked the scales.
                    GroupedWeights::Packed(stored) => _ = builder.push_stored_row(place(row.index), stored),
                }
                Ok(())
            }),
            Sink::Rows(decoder, builder) => decoder.push_undecoded(bytes, |row| {
                push_stored(builder, stored_format(slot.tensor_type), place(row.index), row)
            }),
        }
    }

    /// # Errors
    /// What the decoders find wrong with the tensor as a whole; `Unsupported` if it is not ternary and has to be.
    pub(super) fn finish(self) -> Result<Linear> {
        let Self { kernel, activations, activations_of_groups, exact, may_be_other, slot, sink } = self;
        match sink {
            Sink::Grouped(_, builder) => Ok(Linear::grouped(builder.finish(), activations)),
            Sink::Rows(_, builder) => Ok(Linear::rows(builder.finish(), 1.0, activations)),
            Sink::Ternary(decoder, mut builder) => {
                let decoded = decoder.finish(|row, codes| {
                    builder.push_rows(&slot, row, codes);
                    Ok(())
                })?;
                match decoded {
                    Decoded::Ternary(scale) => Ok(builder.finish(scale)),
                    Decoded::Groups(groups, bytes) => {
                        drop(builder);
                        match groups {
                            FloatGroups::Scheme(scheme) => {
                                Self::groups(kernel, scheme, activations_of_groups, exact, &slot, &bytes)
                            }
                            FloatGroups::Finer => Self::other(kernel, activations_of_groups, slot, &bytes),
                        }
                    }
                    Decoded::Other(_) if !may_be_other => Err(not_ternary(&slot.name, slot.tensor_type)),
                    Decoded::Other(bytes) => {
                        drop(builder);
                        Self::other(kernel, activations, slot, &bytes)
                    }
                }
            }
        }
    }

    /// A matrix of floats that have groups of `scheme`, whose `bytes` are all there.
    fn groups(
        kernel: Kernel,
        scheme: GroupScheme,
        activations: ActivationScales,
        exact: bool,
        slot: &Slot,
        bytes: &[u8],
    ) -> Result<Linear> {
        let Slot { ref name, tensor_type, rows, cols, conversion, .. } = *slot;
        let mut builder = GroupedMatrix::builder(kernel, scheme, rows, cols)?;
        let (mut codes, mut scales) = (vec![0; cols], vec![0; cols / scheme.columns.count()]);
        FloatDecoder::new(name, tensor_type, cols)?.push(bytes, |row| {
            encode_groups(row.values, scheme.columns, &mut codes, &mut scales);
            builder.push_row(conversion.row(row.index, rows), &codes, &scales);
            Ok(())
        })?;
        let matrix = builder.finish();
        if exact && activations == ActivationScales::Group {
            return Ok(Linear::rows(RowMatrix::widened(matrix), 1.0, activations));
        }
        Ok(Linear::grouped(matrix, activations))
    }

    /// A matrix of more than one magnitude, whose `bytes` are all there.
    fn other(kernel: Kernel, activations: ActivationScales, slot: Slot, bytes: &[u8]) -> Result<Linear> {
        let Slot { ref name, tensor_type, rows, cols, .. } = slot;
        let sink = match tensor_type.groups() {
            Some((scheme, _)) => Sink::Grouped(
                GroupedDecoder::new(name, tensor_type, cols)?,
                GroupedMatrix::builder(kernel, scheme, rows, cols)?,
            ),
            None => Self::rows(&slot)?,
        };
        let mut builder = Self {
            kernel,
            activations,
            activations_of_groups: activations,
            exact: false,
            may_be_other: true,
            slot,
            sink,
        };
        builder.push(bytes)?;
        builder.finish()
    }
}

/// The format that keeps rows exactly as a file has them.
pub(super) fn stored_format(stored: TensorType) -> RowFormat {
    match (stored, stored.row_decoder()) {
        (TensorType::F16, _) => RowFormat::F16,
        (TensorType::Bf16, _) => RowFormat::Bf16,
        (TensorType::F32, _) | (_, None) => RowFormat::F32,
        (_, Some(decode)) => {
            RowFormat::Blocks(BlockFormat { bytes: stored.block_bytes(), len: stored.block_len(), decode })
        }
    }
}

/// A row of a tensor as row `place` of a matrix. Floats become what is kept without being decoded, which is most of the time that
/// an embedding takes to load.
///
/// # Errors
/// As [`StoredRow::decode`].
pub(super) fn push_stored(builder: &mut RowBuilder, format: RowFormat, place: usize, row: StoredRow<'_>) -> Result<()> {
    if !builder.push_stored_row(place, format, row.stored) {
        let row = row.decode()?;
        builder.push_row(place, row.values, row.stored);
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::linear::{LinearInput, LinearRules};
    use super::super::plan::{LinearId, Role};
    use super::*;
    use crate::pool::Pool;
    use crate::quant::I2sLayout;

    pub(in super::super) const TRAINED_WITH_FLOATS: LinearRules =
        LinearRules { activations: ActivationScales::Group, ternarizes_floats: false };

    pub(in super::super) fn slot(tensor_type: TensorType, rows: usize, cols: usize) -> Slot {
        let bytes = tensor_type.tensor_bytes(rows, cols).unwrap();
        Slot {
            role: Role::Linear(LinearId(0)),
            name: "t".to_owned(),
            tensor_type,
            rows,
            cols,
            begin: 0,
            bytes,
            conversion: Default::default(),
        }
    }

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next() * next()).collect()
    }

    /// A tensor of any codes, and the values that its bytes stand for.
    pub(in super::super) fn tensor(tensor_type: TensorType, rows: usize, cols: usize) -> (Vec<u8>, Vec<f32>) {
        let random = numbers(tensor_type.tensor_bytes(rows, cols).unwrap() as usize, 7);
        let mut bytes: Vec<u8> = random.iter().map(|value| (value * 1e6) as i32 as u8).collect();
        let places: &[usize] = match tensor_type {
            TensorType::F32 | TensorType::F16 | TensorType::Bf16 | TensorType::I2S => &[],
            TensorType::Q6K => &[208],
            TensorType::Q4K | TensorType::Q5K | TensorType::Q4_1 | TensorType::Q5_1 => &[0, 2],
            TensorType::Tq1_0 => &[52],
            TensorType::Tq2_0 => &[64],
            TensorType::Ptq1_0 => &[26],
            _ => &[0],
        };
        for (index, block) in bytes.chunks_exact_mut(tensor_type.block_bytes()).enumerate() {
            let scale = 0x2000 + index as u16 % 99;
            places.iter().for_each(|at| block[*at..at + 2].copy_from_slice(&scale.to_le_bytes()));
            match tensor_type {
                TensorType::F32 => block.copy_from_slice(&random[index].to_le_bytes()),
                TensorType::F16 => block.copy_from_slice(&half::f16::from_f32(random[index]).to_le_bytes()),
                TensorType::Bf16 => block.copy_from_slice(&half::bf16::from_f32(random[index]).to_le_bytes()),
                _ => {}
            }
        }
        let mut values = vec![0.0; rows * cols];
        match tensor_type.row_decoder() {
            Some(decode) => decode(&bytes, &mut values),
            None => {
                let trailer = bytes.len() - tensor_type.trailer_bytes();
                bytes[trailer..trailer + 4].copy_from_slice(&0.25_f32.to_le_bytes());
                let mut decoder =
                    TernaryDecoder::new("t", tensor_type, I2sLayout::default(), true, rows, cols).unwrap();
                let mut sink = |row: usize, codes: &[i8]| {
                    let out = &mut values[row * cols..];
                    out.iter_mut().zip(codes).for_each(|(out, code)| *out = f32::from(*code) * 0.25);
                    Ok(())
                };
                decoder.push(&bytes, &mut sink).unwrap();
                decoder.finish(&mut sink).unwrap();
            }
        }
        (bytes, values)
    }

    /// Every type under every rule: the products of its values with the rounded or the exact input.
    #[test]
    fn a_layer_multiplies_what_its_bytes_stand_for() {
        let (rows, cols, tokens) = (5, 512, 2);
        let x = numbers(tokens * cols, 3);
        for tensor_type in TensorType::ALL {
            let (bytes, values) = tensor(tensor_type, rows, cols);
            for (rules, exact, tolerance) in [
                (LinearRules { ternarizes_floats: false, ..LinearRules::BITNET }, false, 1e-5),
                (TRAINED_WITH_FLOATS, false, 0.01),
                (TRAINED_WITH_FLOATS, true, 1e-5),
            ] {
                let name = format!("{} {rules:?} {exact}", tensor_type.name());
                let options = WeightOptions { kernel: Kernel::SCALAR, exact, i2s_layout: I2sLayout::default(), rules };
                let slot = slot(tensor_type, rows, cols);
                let mut builder = LinearBuilder::new(&slot, &options, true).unwrap();
                bytes.chunks(100).for_each(|piece| builder.push(piece).unwrap());
                let layer = builder.finish().unwrap();
                assert!(layer.bytes() <= LinearBuilder::bytes_for(&slot, &options, true).max(rows * cols), "{name}");
                let mut input = LinearInput::default();
                let mut out = vec![0.0; tokens * rows];
                let pool = Pool::new(1);
                input.prepare(&pool, [&layer], tokens, |token, out| out.copy_from_slice(&x[token * cols..][..cols]));
                input.multiply(&pool, [(&layer, &mut out)]);
                for (token, x) in x.chunks_exact(cols).enumerate() {
                    let max = x.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
                    let rounded = |v: f32| match rules.activations {
                        ActivationScales::Token => (v * (127.0 / max)).round_ties_even() / (127.0 / max),
                        ActivationScales::Group => v,
                    };
                    for (row, values) in values.chunks_exact(cols).enumerate() {
                        let products = || values.iter().zip(x).map(|(w, &v)| f64::from(*w) * f64::from(rounded(v)));
                        let (want, size): (f64, f64) = (products().sum(), products().map(f64::abs).sum());
                        let got = f64::from(out[token * rows + row]);
                        let error = (got - want).abs();
                        assert!(error <= tolerance * size, "{name}: row {row}: {got}, expected {want}");
                    }
                }
            }
        }
    }

    /// Floats that are ternary already, of a family whose floats are no master weights.
    #[test]
    fn ternary_floats_are_multiplied_as_ternary_weights() {
        let (rows, cols) = (4, 128);
        let weights: Vec<f32> = (0..rows * cols).map(|i| (i % 3) as f32 * 0.5 - 0.5).collect();
        let bytes: Vec<u8> = weights.iter().flat_map(|w| w.to_le_bytes()).collect();
        for (rules, size) in [
            (LinearRules { ternarizes_floats: false, ..LinearRules::BITNET }, rows * cols / 4),
            (TRAINED_WITH_FLOATS, rows * cols / 4 + 2 * rows * cols / 64),
        ] {
            let options =
                WeightOptions { kernel: Kernel::SCALAR, exact: false, i2s_layout: I2sLayout::default(), rules };
            let mut builder = LinearBuilder::new(&slot(TensorType::F32, rows, cols), &options, true).unwrap();
            builder.push(&bytes).unwrap();
            assert_eq!(builder.finish().unwrap().bytes(), size);
        }
    }
}
