//! One suite over every backend of the store: whatever holds the data, these hold.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set its world up must stop"
)]

mod world;

mod admission;
mod audit;
mod codes;
mod commands;
mod commissioning;
mod desk;
mod findings;
mod guidance;
mod handovers;
mod history;
mod incidents;
mod intake;
mod limits;
mod people;
mod profiles;
mod risk;
mod scope;
mod sealing;
mod statistics;
mod telling;
mod walks;
