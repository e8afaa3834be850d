//! Detector models out of any text, and what they read from any bytes.
#![no_main]

#[path = "../../crates/domain/tests/invariants/mod.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|data: &[u8]| invariants::profile(data));
