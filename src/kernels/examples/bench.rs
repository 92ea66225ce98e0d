//! How fast the kernels are as WebAssembly, in seconds: `cargo xtask kernels --bench FILTER` runs it in a browser.
//!
//! Each benchmark is a shape of BitNet b1.58 2B4T on one thread. A piece lasts some milliseconds, which fits between what
//! other programs do; the best piece counts, because others only ever make one slower.

#![cfg(target_arch = "wasm32")]

use bitnet_kernels::pool::Pool;
use bitnet_kernels::{
    ActivationScales, Activations, AttentionScratch, CodeSet, GroupColumns, GroupScheme, GroupedActivations,
    GroupedJob, GroupedMatrix, HeadShape, Int8Block, Job, KV_BLOCK, Kernel, KvLayer, Reach, Result, RowFormat,
    RowMatrix, TernaryMatrix, attend, grouped_matmul, matmul,
};
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}

/// Milliseconds that the pieces of one benchmark take together.
const PATIENCE: f64 = 1500.0;
/// Milliseconds of a piece.
const PIECE: f64 = 2.0;

/// Runs the benchmark whose number is `index`, if its name contains `filter`: a line with its speed, an empty one where it
/// does not, or nothing behind the last.
#[wasm_bindgen]
pub fn bench(index: usize, filter: &str) -> std::result::Result<Option<String>, JsError> {
    let mut benches: Vec<(String, Box<dyn Fn() -> Result<String>>)> = Vec::new();
    for kernel in Kernel::all() {
        for (rows, tokens) in [(2560, 1), (13824, 1), (13824, 2), (13824, 4), (13824, 8), (2560, 33), (2560, 128)] {
            let name = format!("ternary {} [{rows}, 2560] x {tokens}", kernel.name());
            benches.push((name, Box::new(move || ternary(kernel, rows, tokens))));
            for columns in [GroupColumns::C64, GroupColumns::C128] {
                let name = format!("groups of {} {} [{rows}, 2560] x {tokens}", columns.count(), kernel.name());
                benches.push((name, Box::new(move || grouped(kernel, GroupScheme::ternary(columns), rows, tokens))));
            }
            // One kernel stands in for all.
            if kernel.name() == "lut" {
                let scheme = GroupScheme::binary(GroupColumns::C128);
                let name = format!("binary groups of 128 [{rows}, 2560] x {tokens}");
                benches.push((name, Box::new(move || grouped(kernel, scheme, rows, tokens))));
            }
        }
    }
    for format in [RowFormat::Int8, RowFormat::F16] {
        benches.push((format!("head {format:?} [32000, 2560]"), Box::new(move || head(format))));
    }
    for (name, format) in [("int8", RowFormat::Int8), ("f16", RowFormat::F16)] {
        benches.push((format!("{name} rows from f16 [2560]"), Box::new(move || rows_from_halves(format))));
    }
    for (name, scheme) in
        [("Q1_0", GroupScheme::binary(GroupColumns::C128)), ("Q2_0", GroupScheme::ternary(GroupColumns::C64))]
    {
        for kernel in Kernel::all().filter(|kernel| ["lut", "relaxed16"].contains(&kernel.name())) {
            let name = format!("{} rows from {name} [2560]", kernel.name());
            benches.push((name, Box::new(move || rows_from_groups(kernel, scheme))));
        }
    }
    for positions in [256, 4000] {
        benches.push((format!("attention int8, {positions} positions"), Box::new(move || attention(positions))));
    }
    benches.push(("quantize [128, 2560]".to_owned(), Box::new(quantize)));
    let Some((name, run)) = benches.get(index) else { return Ok(None) };
    if !name.contains(filter) {
        return Ok(Some(String::new()));
    }
    let speed = run().map_err(|error| JsError::new(&error.to_string()))?;
    Ok(Some(format!("{name:<40} {speed}")))
}

/// The milliseconds of one pass, in the best piece.
fn time(mut pass: impl FnMut()) -> f64 {
    let begin = now();
    pass();
    let mut best = now() - begin;
    while now() - begin < PATIENCE {
        let (start, mut passes) = (now(), 0);
        while now() - start < PIECE {
            pass();
            passes += 1;
        }
        best = best.min((now() - start) / f64::from(passes));
    }
    best
}

fn numbers(count: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next() * next()).collect()
}

fn ternary(kernel: Kernel, rows: usize, tokens: usize) -> Result<String> {
    const COLS: usize = 2560;
    let mut builder = TernaryMatrix::builder(kernel, rows, COLS)?;
    let codes: Vec<i8> = numbers(rows * COLS).iter().map(|x| (x * 4.0).clamp(-1.0, 1.0) as i8).collect();
    builder.push_rows(0, &codes);
    let matrix = builder.finish(1.0);
    let pool = Pool::new(1);
    let mut x = Activations::new();
    x.quantize(&pool, kernel, &numbers(tokens * COLS), tokens, COLS);
    let mut out = vec![0.0; tokens * rows];
    let milliseconds = time(|| matmul(&pool, &x, &mut [Job { matrix: &matrix, out: &mut out }]));
    Ok(format!("{:8.2} G weights x tokens a second", (tokens * rows * COLS) as f64 / milliseconds / 1e6))
}

fn grouped(kernel: Kernel, scheme: GroupScheme, rows: usize, tokens: usize) -> Result<String> {
    const COLS: usize = 2560;
    let mut builder = GroupedMatrix::builder(kernel, scheme, rows, COLS)?;
    let code = |x: &f32| match scheme.codes {
        CodeSet::Ternary => (x * 4.0).clamp(-1.0, 1.0) as i8,
        CodeSet::Binary => x.signum() as i8,
    };
    let codes: Vec<i8> = numbers(rows * COLS).iter().map(code).collect();
    let scales = vec![0x2c00; COLS / scheme.columns.count()];
    codes.chunks_exact(COLS).enumerate().for_each(|(row, codes)| builder.push_row(row, codes, &scales));
    let matrix = builder.finish();
    let (pool, input) = (Pool::new(1), numbers(tokens * COLS));
    let mut x = GroupedActivations::default();
    x.quantize_with(&pool, kernel, scheme, ActivationScales::Group, true, tokens, COLS, |token, out| {
        out.copy_from_slice(&input[token * COLS..][..COLS]);
    });
    let mut out = vec![0.0; tokens * rows];
    let milliseconds = time(|| grouped_matmul(&pool, &x, &mut [GroupedJob { matrix: &matrix, out: &mut out }]));
    Ok(format!("{:8.2} G weights x tokens a second", (tokens * rows * COLS) as f64 / milliseconds / 1e6))
}

fn head(format: RowFormat) -> Result<String> {
    const ROWS: usize = 32000;
    const COLS: usize = 2560;
    let mut builder = RowMatrix::builder(format, ROWS, COLS)?;
    let row = numbers(COLS + 97);
    for index in 0..ROWS {
        builder.push_row(index, &row[index % 97..][..COLS], &[]);
    }
    let matrix = builder.finish();
    let (pool, x, mut out) = (Pool::new(1), numbers(COLS), vec![0.0; ROWS]);
    let milliseconds = time(|| matrix.matmul(&pool, &x, &mut out));
    Ok(format!("{:8.2} G weights a second", (ROWS * COLS) as f64 / milliseconds / 1e6))
}

/// What a load does with an embedding.
fn rows_from_halves(format: RowFormat) -> Result<String> {
    const COLS: usize = 2560;
    let mut builder = RowMatrix::builder(format, 64, COLS)?;
    let stored: Vec<u8> =
        (0..2 * COLS).map(|byte| if byte % 2 == 0 { byte as u8 } else { 0x30 + byte as u8 % 8 }).collect();
    let milliseconds = time(|| {
        for row in 0..64 {
            builder.push_stored_row(row, RowFormat::F16, &stored);
        }
    });
    Ok(format!("{:8.2} G weights a second", (64 * COLS) as f64 / milliseconds / 1e6))
}

/// What a load does with a matrix that has groups.
fn rows_from_groups(kernel: Kernel, scheme: GroupScheme) -> Result<String> {
    const COLS: usize = 2560;
    let mut builder = GroupedMatrix::builder(kernel, scheme, 64, COLS)?;
    let byte_cols = if scheme.codes == CodeSet::Binary { 8 } else { 4 };
    let bytes = COLS / scheme.columns.count() * 2 + COLS / byte_cols;
    // No byte makes an f16 that is not finite.
    let stored: Vec<u8> = (0..bytes).map(|byte| byte as u8 & 0x3b).collect();
    let milliseconds = time(|| (0..64).for_each(|row| _ = builder.push_stored_row(row, &stored)));
    Ok(format!("{:8.2} G weights a second", (64 * COLS) as f64 / milliseconds / 1e6))
}

fn attention(positions: usize) -> Result<String> {
    let shape = HeadShape { n_heads: 20, n_kv_heads: 5, head_dim: 128 };
    let mut blocks: Vec<Int8Block> = (0..positions.div_ceil(KV_BLOCK)).filter_map(|_| Int8Block::new(shape)).collect();
    let values = numbers(5 * 128 + positions);
    for position in 0..positions {
        let row = &values[position..][..5 * 128];
        blocks[position / KV_BLOCK].store(position % KV_BLOCK, row, row);
    }
    let (pool, q, mut out) = (Pool::new(1), numbers(20 * 128), vec![0.0; 20 * 128]);
    let mut scratch = AttentionScratch::default();
    let (layer, reach) = (KvLayer::Int8(blocks.iter().collect()), Reach::all(positions - 1));
    let milliseconds = time(|| attend(&pool, shape, &layer, &q, reach, &mut out, &mut scratch));
    Ok(format!("{:8.2} microseconds", 1e3 * milliseconds))
}

fn quantize() -> Result<String> {
    let (pool, x) = (Pool::new(1), numbers(128 * 2560));
    let mut activations = Activations::new();
    let kernel = Kernel::all().last().unwrap_or(Kernel::SCALAR);
    let milliseconds = time(|| activations.quantize(&pool, kernel, &x, 128, 2560));
    Ok(format!("{:8.2} microseconds", 1e3 * milliseconds))
}
