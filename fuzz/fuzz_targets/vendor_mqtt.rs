//! The vendor's envelopes over MQTT.
#![no_main]

#[path = "../../crates/wire/tests/invariants/mod.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|data: &[u8]| invariants::run("vendor_mqtt", data));
