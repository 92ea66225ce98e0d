//! The logits hash of every fixture model and of the bundled one, which the browser must find as well: `tests/e2e/hashes.test.mjs` and others
//! read the same file.
//!
//! A new fixture has its hashes recorded by `RECORD_HASHES=1 cargo test --test core logits_hashes`.

use std::collections::BTreeMap;

use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Precision};
use bitnet_web::quant::I2sLayout;
use test_harness::files;

use crate::support::engine;
use crate::support::models::fixtures;

const FILE: &str = "tests/fixtures/logits-hashes.json";

/// By file, then by precision.
type Hashes = BTreeMap<String, BTreeMap<String, String>>;

fn hashes(file: &[u8], i2s_layout: I2sLayout, threads: usize) -> BTreeMap<String, String> {
    let hash = |(name, precision): (&str, Precision)| {
        let options = LoadOptions { precision, i2s_layout, ..LoadOptions::new(Kernel::SCALAR) };
        (name.to_owned(), format!("{:016x}", engine(file, options, threads, 1 << 16).logits_hash().unwrap()))
    };
    [("exact", Precision::Exact), ("fast", Precision::Fast)].map(hash).into()
}

fn compute(threads: usize) -> Hashes {
    let mut all = Hashes::new();
    for fixture in fixtures() {
        for file in &fixture.files {
            let layout = if file.i2_s_group == 64 { I2sLayout::Stride16 } else { I2sLayout::Stride32 };
            all.insert(file.name.clone(), hashes(&fixture.bytes(&file.name), layout, threads));
        }
    }
    all.insert("demo.gguf".into(), hashes(&files::read("www/models/demo.gguf"), I2sLayout::default(), threads));
    all
}

#[test]
fn hashes_are_the_recorded_ones() {
    if std::env::var_os("RECORD_HASHES").is_some() {
        std::fs::write(FILE, serde_json::to_string_pretty(&compute(1)).unwrap() + "\n").unwrap();
    }
    let recorded: Hashes = serde_json::from_str(&files::read_text(FILE)).unwrap();
    for threads in [1, 2] {
        assert_eq!(compute(threads), recorded, "{threads} threads");
    }
}
