//! A master of Modbus TCP and a server, out of any bytes.
#![no_main]

#[path = "../../crates/wire/tests/invariants/mod.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|data: &[u8]| invariants::run("modbus_tcp", data));
