#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bitnet_web_fuzz::vocabulary(input));
