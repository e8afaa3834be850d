//! Frames of GB/T 26875.3 out of any bytes.
#![no_main]

#[path = "../../crates/wire/tests/invariants/mod.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|data: &[u8]| invariants::run("gb26875", data));
