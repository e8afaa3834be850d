//! Invariants 1 and 3 against what the device side saw: the real binary on a real data folder, under the load of many
//! devices that write down each confirmation they read, killed again and again, or out of room. At the end the
//! database is held against their record.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backup_kill;
mod check;
mod city;
mod devices;
mod failing_disk;
mod full_store;
mod kill_loop;
mod mixed;
mod platform;
mod receivers;
mod reports;
mod storm;
mod telling_kill;
