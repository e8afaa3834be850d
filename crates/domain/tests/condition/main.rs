//! The judgement of one detector: tables for each hazard, properties over any order of messages (invariants 2, 3, 4).

mod build;
mod filing;
mod golden;
mod over_channels;
mod properties;
mod sensors;
mod tables;
