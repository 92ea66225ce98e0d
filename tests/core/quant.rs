//! The codecs against ggml's and bitnet.cpp's: every code and every scale, and the same from pieces of any size.

use std::collections::BTreeSet;

use crate::support::quant::{FloatCase, QuantCase, QuantCases};
use bitnet_web::kernels::{GroupScheme, GroupedMatrix, Kernel};
use bitnet_web::quant::{Decoded, FloatDecoder, GroupedDecoder, GroupedWeights, I2sLayout, TensorType, TernaryDecoder};
use bitnet_web::{Error, ErrorKind, Result};
use proptest::prelude::*;

/// Codes `[rows, cols]` of a tensor and what it turned out to be; its bytes come in pieces of `pieces[0]`, `pieces[1]`, ...
/// bytes, again from the first when they are used up. Floats are taken to be master weights.
fn decode_as_found(
    tensor_type: TensorType,
    layout: I2sLayout,
    shape: (usize, usize),
    raw: &[u8],
    pieces: &[usize],
) -> Result<(Vec<i8>, Decoded)> {
    let (rows, cols) = shape;
    let mut decoder = TernaryDecoder::new("t", tensor_type, layout, true, rows, cols)?;
    let mut codes = Vec::new();
    let mut sink = |first_row: usize, block: &[i8]| {
        assert_eq!(first_row * cols, codes.len(), "rows come in order and once");
        codes.extend_from_slice(block);
        Ok(())
    };
    let mut rest = raw;
    for &piece in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (head, tail) = rest.split_at(piece.min(rest.len()));
        decoder.push(head, &mut sink)?;
        rest = tail;
    }
    let decoded = decoder.finish(&mut sink)?;
    Ok((codes, decoded))
}

/// The same of a tensor that is ternary; the error of one that is not says so.
fn decode(
    tensor_type: TensorType,
    layout: I2sLayout,
    shape: (usize, usize),
    raw: &[u8],
    pieces: &[usize],
) -> Result<(Vec<i8>, f32)> {
    match decode_as_found(tensor_type, layout, shape, raw, pieces)? {
        (codes, Decoded::Ternary(scale)) => Ok((codes, scale)),
        (_, Decoded::Groups(_, bytes) | Decoded::Other(bytes)) => {
            assert!(bytes == raw, "the bytes of {} are handed back", tensor_type.name());
            Err(Error::new(ErrorKind::Internal, "not ternary with one scale"))
        }
    }
}

fn decode_case(cases: &QuantCases<QuantCase>, case: &QuantCase, pieces: &[usize]) -> Result<(Vec<i8>, f32)> {
    let tensor_type = TensorType::from_id(case.type_id).unwrap();
    let layout = if case.i2_s_group == 64 { I2sLayout::Stride16 } else { I2sLayout::Stride32 };
    decode(tensor_type, layout, (case.rows, case.columns), cases.raw(case), pieces)
}

#[test]
fn codes_and_scales_are_those_of_ggml_and_bitnet_cpp() {
    let cases = QuantCases::<QuantCase>::read();
    assert!(cases.cases.len() >= 25, "only {} cases", cases.cases.len());
    for case in &cases.cases {
        let mut scales: Vec<f32> = case.scales.iter().copied().filter(|&s| s != 0.0).collect();
        scales.dedup();
        let found = decode_case(&cases, case, &[cases.raw(case).len()]);
        if scales.len() > 1 {
            assert_eq!(found.unwrap_err().to_string(), "not ternary with one scale", "{}", case.name);
            continue;
        }
        let (codes, scale) = found.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(scale.to_bits(), scales[0].to_bits(), "{}: scale {scale}", case.name);
        // In a block with d = 0 the stored codes mean nothing: the value is 0.
        let zero = |i: usize| case.scales.len() > 1 && case.scales[i / 256] == 0.0;
        let want: Vec<i8> = cases.trits(case).iter().enumerate().map(|(i, &t)| if zero(i) { 0 } else { t }).collect();
        assert_eq!(codes, want, "{}", case.name);
        let values: Vec<f32> = codes.iter().map(|&code| f32::from(code) * scale).collect();
        assert_eq!(values, cases.values(case), "{}", case.name);
    }
}

#[test]
fn pieces_of_any_size_give_the_same() {
    let cases = QuantCases::<QuantCase>::read();
    for case in &cases.cases {
        let whole = decode_case(&cases, case, &[usize::MAX]).map_err(|e| e.to_string());
        for pieces in [&[1][..], &[7], &[31, 33], &[64], &[4096], &[1, 200]] {
            let cut = decode_case(&cases, case, pieces).map_err(|e| e.to_string());
            assert_eq!(cut, whole, "{}: pieces of {pieces:?}", case.name);
        }
    }
}

/// The values of a tensor that is not ternary, as bits, and where it ended; its bytes come in pieces as in [`decode`].
fn decode_floats(tensor_type: TensorType, cols: usize, raw: &[u8], pieces: &[usize]) -> (Vec<u32>, Result<()>) {
    let mut decoder = FloatDecoder::new("t", tensor_type, cols).unwrap();
    let (mut values, mut stored) = (Vec::new(), Vec::new());
    let mut rest = raw;
    for &piece in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (head, tail) = rest.split_at(piece.min(rest.len()));
        let outcome = decoder.push(head, |row| {
            assert_eq!(row.index * cols, values.len(), "rows come in order and once");
            values.extend(row.values.iter().map(|v| v.to_bits()));
            stored.extend_from_slice(row.stored);
            Ok(())
        });
        assert_eq!(stored, raw[..stored.len()]);
        if outcome.is_err() {
            return (values, outcome);
        }
        rest = tail;
    }
    (values, Ok(()))
}

#[test]
fn quantized_weights_are_those_of_ggml() {
    let files = ["floats", "grouped"].map(QuantCases::<FloatCase>::read);
    for (cases, case) in files.iter().flat_map(|cases| cases.cases.iter().map(move |case| (cases, case))) {
        let tensor_type = TensorType::from_id(case.type_id).unwrap();
        assert!(case.name.starts_with(tensor_type.name()), "{}", case.name);
        let raw = cases.raw(case);
        assert_eq!(tensor_type.tensor_bytes(case.rows, case.columns), Some(raw.len() as u64), "{}", case.name);
        let want: Vec<u32> = cases.values(case).iter().map(|value| value.to_bits()).collect();
        for pieces in [&[usize::MAX][..], &[1], &[7], &[31, 33], &[4096]] {
            let (values, outcome) = decode_floats(tensor_type, case.columns, raw, pieces);
            outcome.unwrap();
            let wrong = values.iter().zip(&want).position(|(value, want)| value != want);
            assert!(values == want, "{}, pieces of {pieces:?}: weight {wrong:?}", case.name);
        }
    }
    let tested: BTreeSet<u32> = files.iter().flat_map(|cases| &cases.cases).map(|case| case.type_id).collect();
    let quantized = TensorType::ALL.into_iter().filter(|t| t.row_decoder().is_some() && !t.is_float());
    assert_eq!(tested, quantized.map(TensorType::id).collect());
}

/// Codes times scales are the values, and a tensor whose scales are all one is ternary as long as no code is 2.
#[test]
fn groups_have_the_codes_and_scales_of_ggml() {
    let cases = QuantCases::<FloatCase>::read("grouped");
    for case in &cases.cases {
        let tensor_type = TensorType::from_id(case.type_id).unwrap();
        let (scheme, _) = tensor_type.groups().unwrap();
        let (raw, want) = (cases.raw(case), cases.values(case));
        for pieces in [&[usize::MAX][..], &[1], &[31, 33], &[4096]] {
            let mut decoder = GroupedDecoder::new("t", tensor_type, case.columns).unwrap();
            let (mut values, mut codes, mut scales) = (Vec::new(), Vec::new(), Vec::new());
            let (mut rest, mut sizes) = (raw, pieces.iter().cycle());
            while !rest.is_empty() {
                let (head, tail) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
                let sink = |row: bitnet_web::quant::GroupedRow<'_>| {
                    assert_eq!(row.index * case.columns, values.len());
                    let (row_codes, row_scales) = codes_and_scales(scheme, case.columns, row.weights);
                    for (group, &scale) in row_codes.chunks_exact(scheme.columns.count()).zip(&row_scales) {
                        values.extend(group.iter().map(|code| f32::from(*code) * scale));
                        scales.push(scale);
                    }
                    codes.extend_from_slice(&row_codes);
                    Ok(())
                };
                decoder.push(head, sink).unwrap();
                rest = tail;
            }
            assert_eq!(values, want, "{}: pieces of {pieces:?}", case.name);
            let found = decode(tensor_type, I2sLayout::default(), (case.rows, case.columns), raw, pieces);
            let magnitudes: BTreeSet<u32> = scales.iter().filter(|s| **s != 0.0).map(|s| s.to_bits()).collect();
            if magnitudes.len() > 1 || codes.iter().max() > Some(&1) {
                assert!(found.is_err(), "{}", case.name);
                continue;
            }
            let (codes, scale) = found.unwrap();
            let values: Vec<f32> = codes.iter().map(|code| f32::from(*code) * scale).collect();
            assert_eq!(values, want, "{}", case.name);
        }
    }
}

/// Of a row that is not decoded, what a matrix that takes it gives back.
fn codes_and_scales(scheme: GroupScheme, cols: usize, weights: GroupedWeights<'_>) -> (Vec<i8>, Vec<f32>) {
    match weights {
        GroupedWeights::Codes { codes, scales } => {
            (codes.to_vec(), scales.iter().map(|scale| half::f16::from_bits(*scale).to_f32()).collect())
        }
        GroupedWeights::Packed(stored) => {
            let mut builder = GroupedMatrix::builder(Kernel::SCALAR, scheme, 1, cols).unwrap();
            assert!(builder.push_stored_row(0, stored));
            let (mut codes, mut scales) = (vec![0; cols], Vec::new());
            builder.finish().codes(0, &mut codes, &mut scales);
            (codes, scales)
        }
    }
}

/// ggml's quantizer writes no such code, and its kernels compute with it: so it is no reason to refuse a file, nor to read it
/// in two ways.
#[test]
fn code_3_of_tq2_0_is_twice_the_scale() {
    let mut raw = vec![0x55; 66];
    raw[64..].copy_from_slice(&[0, 0x3c]);
    raw[7] = 0b01_11_01_01;
    let (at, mut codes) = (2 * 32 + 7, Vec::new());
    let sink = |row: bitnet_web::quant::GroupedRow<'_>| {
        let GroupedWeights::Codes { codes: found, .. } = row.weights else { panic!("TQ2_0 is decoded") };
        codes = found.to_vec();
        Ok(())
    };
    GroupedDecoder::new("t", TensorType::Tq2_0, 256).unwrap().push(&raw, sink).unwrap();
    let mut values = vec![0.0; 256];
    TensorType::Tq2_0.row_decoder().unwrap()(&raw, &mut values);
    for (index, (code, value)) in codes.into_iter().zip(values).enumerate() {
        assert_eq!((code, value), if index == at { (2, 2.0) } else { (0, 0.0) }, "{index}");
    }
    let mut decoder = TernaryDecoder::new("t", TensorType::Tq2_0, I2sLayout::default(), false, 1, 256).unwrap();
    decoder.push(&raw, |_, _| Ok(())).unwrap();
    assert_eq!(decoder.finish(|_, _| Ok(())).unwrap(), Decoded::Other(raw));
}

#[test]
fn types_know_their_ids_and_names() {
    for tensor_type in TensorType::ALL {
        assert_eq!(TensorType::from_id(tensor_type.id()), Some(tensor_type));
        assert_eq!(bitnet_web::gguf::type_name(tensor_type.id()), tensor_type.name());
    }
    let known = (0..200).filter(|id| TensorType::from_id(*id).is_some()).count();
    assert_eq!(known, TensorType::ALL.len());
}

/// Every f16 of a block that is no number makes one of its weights none.
#[test]
fn quantized_scales_that_are_no_numbers_are_errors() {
    for tensor_type in TensorType::ALL.into_iter().filter(|t| t.row_decoder().is_some() && !t.is_float()) {
        let scales: &[usize] = match tensor_type {
            TensorType::Q6K => &[208],
            TensorType::Q4_1 | TensorType::Q5_1 | TensorType::Q4K | TensorType::Q5K => &[0, 2],
            TensorType::Tq1_0 => &[52],
            TensorType::Tq2_0 => &[64],
            TensorType::Ptq1_0 => &[26],
            _ => &[0],
        };
        for &scale in scales {
            for (bits, code) in [(0x7e00_u16, 0), (0x7c00, 0), (0xfc00, 0x5a), (0x7dff, 0xff)] {
                let mut raw = vec![code; 2 * tensor_type.block_bytes()];
                for at in scales {
                    raw[*at..at + 2].fill(0);
                    raw[tensor_type.block_bytes() + at..][..2].fill(0);
                }
                let (_, outcome) = decode_floats(tensor_type, tensor_type.block_len(), &raw, &[raw.len()]);
                outcome.unwrap();
                raw[tensor_type.block_bytes() + scale..][..2].copy_from_slice(&bits.to_le_bytes());
                let (values, outcome) = decode_floats(tensor_type, tensor_type.block_len(), &raw, &[raw.len()]);
                let error = outcome.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidModel);
                assert!(error.to_string().contains("row 1, column"), "{}: {error}", tensor_type.name());
                assert_eq!(values.len(), tensor_type.block_len());
            }
        }
    }
}

/// Q8_0 as ggml's quantizer makes it of ternary weights, and of others.
#[test]
fn quantized_matrices_are_linear_weights_if_they_are_ternary() {
    let block = |scale: f32, codes: [i8; 32]| {
        let mut bytes = half::f16::from_f32(scale).to_le_bytes().to_vec();
        bytes.extend(codes.map(|code| code as u8));
        bytes
    };
    let trits: [i8; 32] = std::array::from_fn(|i| (i * i % 3) as i8 - i8::from(i % 5 == 0));
    let rows = [block(0.25, trits.map(|t| 127 * t)), block(0.0, [0; 32]), block(0.25, trits.map(|t| -127 * t))];
    let ternary = rows.concat();
    let layout = I2sLayout::default();
    let (codes, scale) = decode(TensorType::Q8_0, layout, (3, 32), &ternary, &[50]).unwrap();
    assert_eq!(scale, 0.25 * 127.0);
    assert_eq!(codes, [trits, [0; 32], trits.map(|t| -t)].concat());

    let uneven = [rows[0].clone(), block(0.5, trits.map(|t| 127 * t))].concat();
    let rounded = block(0.25, std::array::from_fn(|i| i as i8));
    for (rows, raw) in [(2, uneven), (1, rounded)] {
        let error = decode(TensorType::Q8_0, layout, (rows, 32), &raw, &[50]).unwrap_err();
        assert_eq!(error.to_string(), "not ternary with one scale");
    }
}

#[test]
fn a_tensor_that_ends_before_its_scale_is_an_error() {
    let raw = [0b01_01_01_01_u8; 32 + 31];
    let error = decode(TensorType::I2S, I2sLayout::default(), (1, 128), &raw, &[63]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidModel);
    assert!(error.to_string().contains("ends before its scale") || error.to_string().contains("end before its scale"));
}

#[test]
fn scales_that_are_no_numbers_are_errors() {
    for scale in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut raw = vec![0b01_01_01_01_u8; 32];
        raw.extend_from_slice(&scale.to_le_bytes());
        raw.resize(64, 0);
        let error = decode(TensorType::I2S, I2sLayout::default(), (1, 128), &raw, &[64]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidModel, "I2_S {scale}: {error}");
    }
    // 0x7e00 is NaN and 0x7c00 infinity as f16.
    for bits in [0x7e00_u16, 0x7c00, 0xfc00] {
        for (tensor_type, bytes) in [(TensorType::Tq1_0, 54), (TensorType::Tq2_0, 66)] {
            let mut raw = vec![0_u8; bytes - 2];
            raw.extend_from_slice(&bits.to_le_bytes());
            let error = decode(tensor_type, I2sLayout::default(), (1, 256), &raw, &[bytes]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidModel, "{} {bits:x}: {error}", tensor_type.name());
        }
    }
    for value in [f32::NAN, f32::INFINITY] {
        let raw: Vec<u8> = [1.0, value, -1.0, 0.0].iter().flat_map(|v: &f32| v.to_le_bytes()).collect();
        let error = decode(TensorType::F32, I2sLayout::default(), (2, 2), &raw, &[16]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidModel, "F32 {value}: {error}");
        let mut decoder = FloatDecoder::new("t", TensorType::F32, 2).unwrap();
        let error = decoder.push(&raw, |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidModel);
        assert!(error.to_string().contains("row 0, column 1"), "{error}");
    }
}

/// Bytes of any content, and the sizes of the pieces they come in.
fn bytes_and_pieces(bytes: usize) -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    (prop::collection::vec(any::<u8>(), bytes), prop::collection::vec(1..=bytes + 1, 1..5))
}

proptest! {
    /// Whatever the bytes hold: the same codes and scale, or the same error, and every code is ternary.
    #[test]
    fn i2_s_of_any_bytes((raw, pieces) in bytes_and_pieces(3 * 64 + 32)) {
        check_pieces(TensorType::I2S, (3, 256), &raw, &pieces)?;
    }

    #[test]
    fn tq1_0_of_any_bytes((mut raw, pieces) in bytes_and_pieces(3 * 108), same_scale: bool) {
        if same_scale {
            raw.chunks_exact_mut(54).for_each(|block| block[52..].copy_from_slice(&[0, 0x3c]));
        }
        check_pieces(TensorType::Tq1_0, (3, 512), &raw, &pieces)?;
    }

    #[test]
    fn tq2_0_of_any_bytes((mut raw, pieces) in bytes_and_pieces(3 * 132), same_scale: bool) {
        if same_scale {
            // No code 3, and the scale 1.
            raw.chunks_exact_mut(66).for_each(|block| {
                block.iter_mut().for_each(|b| *b &= !((*b >> 1) & *b & 0x55));
                block[64..].copy_from_slice(&[0, 0x3c]);
            });
        }
        check_pieces(TensorType::Tq2_0, (3, 512), &raw, &pieces)?;
    }

    #[test]
    fn floats_of_any_bytes((raw, pieces) in bytes_and_pieces(5 * 12), id in prop::sample::select(vec![0_u32, 1, 30])) {
        let tensor_type = TensorType::from_id(id).unwrap();
        let cols = 12 / tensor_type.block_bytes();
        check_pieces(tensor_type, (5, cols), &raw, &pieces)?;
        check_float_pieces(tensor_type, cols, &raw, &pieces)?;
    }

    #[test]
    fn quantized_of_any_bytes((raw, pieces) in bytes_and_pieces(3 * 210), index in 0..TensorType::ALL.len()) {
        let tensor_type = TensorType::ALL[index];
        if tensor_type.row_decoder().is_some() && !tensor_type.is_float() {
            let rows = raw.len() / tensor_type.block_bytes();
            let raw = &raw[..rows * tensor_type.block_bytes()];
            check_pieces(tensor_type, (rows, tensor_type.block_len()), raw, &pieces)?;
            check_float_pieces(tensor_type, tensor_type.block_len(), raw, &pieces)?;
        }
    }
}

fn check_pieces(
    tensor_type: TensorType,
    shape: (usize, usize),
    raw: &[u8],
    pieces: &[usize],
) -> std::result::Result<(), TestCaseError> {
    let layout = I2sLayout::default();
    let bits = |r: Result<(Vec<i8>, f32)>| r.map(|(c, s)| (c, s.to_bits())).map_err(|e| e.to_string());
    let whole = bits(decode(tensor_type, layout, shape, raw, &[raw.len()]));
    if let Ok((codes, _)) = &whole {
        prop_assert_eq!(codes.len(), shape.0 * shape.1);
        prop_assert!(codes.iter().all(|code| (-1..=1).contains(code)));
    }
    prop_assert_eq!(bits(decode(tensor_type, layout, shape, raw, pieces)), whole);
    Ok(())
}

fn check_float_pieces(
    tensor_type: TensorType,
    cols: usize,
    raw: &[u8],
    pieces: &[usize],
) -> std::result::Result<(), TestCaseError> {
    let rows = |pieces: &[usize]| {
        let (values, outcome) = decode_floats(tensor_type, cols, raw, pieces);
        (values, outcome.map_err(|error| error.to_string()))
    };
    prop_assert_eq!(rows(pieces), rows(&[raw.len()]));
    Ok(())
}
