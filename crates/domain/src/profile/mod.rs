//! Detector profiles are data (F3): a TOML file says what a detector sends and how it is spoken to.

mod model;

pub use model::*;
