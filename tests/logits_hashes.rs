//! The logits hashes that the browser must find as well: `tests/e2e/api.test.mjs` reads the same file.

#![allow(clippy::unwrap_used, reason = "clippy takes helpers outside of #[test] for shipped code")]

mod support;

use std::collections::BTreeMap;

use bitnet_web::kernels::Kernel;
use bitnet_web::load::{LoadOptions, Precision};
use support::{engine, models::folder};

#[test]
fn hashes_are_the_recorded_ones() {
    let recorded = std::fs::read_to_string(folder().join("../logits-hashes.json")).unwrap();
    let recorded: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(&recorded).unwrap();
    assert!(!recorded.is_empty());
    for (file, hashes) in recorded {
        let bytes = std::fs::read(folder().join(&file)).unwrap();
        for (name, precision) in [("exact", Precision::Exact), ("fast", Precision::Fast)] {
            for threads in [1, 2] {
                let options = LoadOptions { precision, ..LoadOptions::new(Kernel::SCALAR) };
                let hash = engine(&bytes, options, threads, 1 << 16).logits_hash().unwrap();
                assert_eq!(format!("{hash:016x}"), hashes[name], "{file}, {name}, {threads} threads");
            }
        }
    }
}
