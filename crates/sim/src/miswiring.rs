//! Mistakes of the installer: the circuit is sound, and the detector sees it wrongly.

use domain::time::UnixMs;
use serde::{Deserialize, Serialize};

use crate::fault::{Conductor, Fault, FaultKind};
use crate::physics::{Circuit, CircuitSpec, Snapshot};
use crate::premises::PremisesKind;

/// What was wired wrongly, with its measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case", deny_unknown_fields)]
pub enum Miswiring {
    /// N 与 PE 接反 or N 重复接地: this share of the neutral current returns beside the transformer.
    NeutralEarthed {
        /// 0 to 1.
        share: f64,
    },
    /// PE 穿过互感器: what leaks returns through it; this share of it is still seen.
    EarthThroughTransformer {
        /// 0 to 1.
        left: f64,
    },
    /// 与其他回路共用零线: this share of another circuit's current returns through this neutral.
    SharedNeutral {
        /// 0 to 1.
        share: f64,
        /// The other circuit.
        neighbour: Neighbour,
    },
    /// 电流互感器装反: power is negative.
    ReversedTransformer {
        /// Which.
        phase: Conductor,
    },
    /// 变比不符: the current is this many times what it is, and the power is not.
    WrongRatio {
        /// Which.
        phase: Conductor,
        /// Shown by true.
        factor: f64,
    },
    /// 测温探头未贴紧: it feels the air of the box.
    LooseProbe {
        /// Which.
        phase: Conductor,
    },
    /// 相序接错: voltage, current and probe of these stand in each other's place, the power does not.
    SwappedPhases {
        /// One.
        one: Conductor,
        /// The other.
        other: Conductor,
    },
}

/// The circuit beside it whose neutral is shared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neighbour {
    /// Where it is.
    pub kind: PremisesKind,
    /// A.
    pub rated_current_a: f64,
    /// As [`CircuitSpec::seed`].
    pub seed: u64,
}

impl Neighbour {
    /// The sum of its phase currents, A.
    #[must_use]
    pub fn load_a(&self, at: UnixMs) -> f64 {
        let Self { kind, rated_current_a, seed } = *self;
        Circuit::new(CircuitSpec { kind, rated_current_a, seed }).usual_current_a(at).iter().sum()
    }
}

fn active(faults: &[Fault], now: UnixMs) -> impl Iterator<Item = &Miswiring> {
    faults.iter().filter(move |fault| fault.is_active(now)).filter_map(|fault| fault.kind.miswiring())
}

impl FaultKind {
    /// The installer's mistake, where it is one.
    #[must_use]
    pub const fn miswiring(&self) -> Option<&Miswiring> {
        if let Self::Miswired { wiring } = self { Some(wiring) } else { None }
    }
}

/// The circuit as a detector sees it that is wired so.
#[must_use]
pub fn seen(mut snapshot: Snapshot, faults: &[Fault], now: UnixMs) -> Snapshot {
    for wiring in active(faults, now) {
        match wiring {
            Miswiring::ReversedTransformer { phase } => {
                if let Some(power) = snapshot.power_w.get_mut(phase.index()) {
                    *power = -*power;
                }
            }
            Miswiring::WrongRatio { phase, factor } => {
                if let Some(current) = snapshot.current_a.get_mut(phase.index()) {
                    *current *= factor;
                }
            }
            Miswiring::LooseProbe { phase } => {
                if let Some(temperature) = snapshot.temperature_c.get_mut(phase.index()) {
                    *temperature = snapshot.ambient_c;
                }
            }
            Miswiring::SwappedPhases { one, other } => {
                let (one, other) = (one.index(), other.index());
                if one < 3 && other < 3 {
                    snapshot.current_a.swap(one, other);
                    snapshot.voltage_v.swap(one, other);
                    snapshot.temperature_c.swap(one, other);
                }
            }
            Miswiring::NeutralEarthed { .. }
            | Miswiring::EarthThroughTransformer { .. }
            | Miswiring::SharedNeutral { .. } => {}
        }
    }
    snapshot
}

/// The residual current that a detector wired so measures where `true_ma` leaks, mA. What bypasses the transformer is in
/// phase with the load and stands at a right angle to what leaks by capacitance.
#[must_use]
pub fn residual_ma(true_ma: f64, neutral_a: f64, faults: &[Fault], now: UnixMs) -> f64 {
    active(faults, now).fold(true_ma, |ma, wiring| match wiring {
        Miswiring::NeutralEarthed { share } => ma.hypot(1000.0 * share * neutral_a),
        Miswiring::EarthThroughTransformer { left } => ma * left,
        Miswiring::SharedNeutral { share, neighbour } => ma.hypot(1000.0 * share * neighbour.load_a(now)),
        Miswiring::ReversedTransformer { .. }
        | Miswiring::WrongRatio { .. }
        | Miswiring::LooseProbe { .. }
        | Miswiring::SwappedPhases { .. } => ma,
    })
}
