//! A city of detectors that speak the real protocols over real connections, with physics instead of noise and
//! faults on demand. The modules stand in the order in which a city comes to life:
//!
//! ```text
//! scenario (TOML) -> city (inventory as plain data) -> device (physics + faults, through a profile)
//!                 -> line (pure) -> driver (tokio), or reporter -> post (HTTP, CoAP) -> the doors of a server
//!                 -> truth (what was really wrong)
//! day: the same city in virtual time, judged by the domain's rules without any socket and scored against the truth
//! weeks: months of single circuits in quarter hours with slow faults, to score the diagnosis
//! load: many connections of one model at a given rate, with what was confirmed counted, timed and recorded
//! ```

pub mod doors;
pub mod fault;
pub mod physics;
pub mod premises;

pub mod city;
pub mod miswiring;
mod names;
pub mod scenario;

pub mod device;
pub mod keyed;
pub mod truth;

pub mod line;
mod mqtt;
pub mod post;
mod reporter;

pub mod day;
pub mod load;
pub mod run;
pub mod weeks;
