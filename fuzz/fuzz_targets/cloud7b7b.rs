//! Frames of the vendor cloud protocol out of any bytes.
#![no_main]

#[path = "../../crates/wire/tests/invariants/mod.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|data: &[u8]| invariants::run("cloud7b7b", data));
