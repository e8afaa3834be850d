//! What flows through a circuit, step by step.

use domain::time::UnixMs;

use super::DAY;

/// The load of one circuit: made or measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Begin of the first step.
    pub from: UnixMs,
    /// Local time less UTC, ms.
    pub offset_ms: i64,
    /// Rated current, A.
    pub rated_a: f64,
    /// One phase or three.
    pub phases: usize,
    /// Mean of each step, A; phases that are not there carry nothing. `None` where nothing was received.
    pub amps: Vec<Option<[f64; 3]>>,
    /// Voltage as measured, V; where it is not, it is made from the current.
    pub volts: Option<Vec<f64>>,
    /// Leakage by single loads, mA.
    pub leak_ma: Vec<f64>,
    /// Third harmonic of each phase as a share of its current.
    pub third: Vec<f64>,
}

impl Load {
    /// How many steps.
    #[must_use]
    pub const fn steps(&self) -> usize {
        self.amps.len()
    }

    /// The busy load of a phase, A: its 95th percentile.
    #[must_use]
    pub fn busy(&self, phase: usize) -> f64 {
        let mut all: Vec<f64> =
            self.amps.iter().flatten().filter_map(|amps| amps.get(phase).copied()).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() * 95 / 100).copied().unwrap_or(0.0)
    }

    /// The local hour of a step, 0 to 24; steps begin at local midnight.
    #[must_use]
    pub fn hour(step: usize) -> f64 {
        super::number(step % DAY) / 4.0
    }
}

/// The share of a step that lies in `[start_h, start_h + long_h)`, hours counted from the first step.
#[must_use]
pub fn overlap(step: usize, start_h: f64, long_h: f64) -> f64 {
    let begin = super::number(step) / 4.0;
    let shared = (start_h + long_h).min(begin + 0.25) - start_h.max(begin);
    (shared / 0.25).clamp(0.0, 1.0)
}
