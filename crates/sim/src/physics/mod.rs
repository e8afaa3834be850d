//! What a circuit does, as a function of time: no IO, no clock, no ambient randomness.

mod circuit;
mod noise;

pub use circuit::{Circuit, CircuitSpec, Snapshot, TAU_CABLE_S, TAU_HOT_SPOT_S};
pub use noise::Noise;
