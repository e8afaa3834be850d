//! Faults: what goes wrong, when, and what it does to a circuit.

use domain::time::UnixMs;
use serde::{Deserialize, Serialize};

use crate::miswiring::Miswiring;

/// A conductor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conductor {
    /// Phase A.
    A,
    /// Phase B.
    B,
    /// Phase C.
    C,
    /// Neutral; of voltages it means no phase.
    N,
}

impl Conductor {
    /// Its place in arrays of four.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::A => 0,
            Self::B => 1,
            Self::C => 2,
            Self::N => 3,
        }
    }
}

/// What can go wrong, with its measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// 绝缘老化: resistive leakage creeps up to `target_ma` within `ramp_s`.
    AgeingInsulation {
        /// Where it ends, mA.
        target_ma: f64,
        /// How long it takes to get there, s.
        ramp_s: f64,
        /// Which loop of a detector with several, from 0.
        #[serde(default)]
        circuit_loop: u8,
    },
    /// 接线端子松动: contact resistance grows within `ramp_s` until it heats by `rise_c` at the load of the beginning.
    LooseningTerminal {
        /// Rise over the cable at the load of the beginning, K.
        rise_c: f64,
        /// How long the contact takes to become that bad, s.
        ramp_s: f64,
        /// Where.
        conductor: Conductor,
    },
    /// 过载: current rises to `percent` of rated within `ramp_s`.
    Overload {
        /// Percent of the rated current.
        percent: f64,
        /// How long it takes, s.
        ramp_s: f64,
    },
    /// 电压暂降: all phases fall to this share.
    Sag {
        /// Share of what they would be, below 1.
        factor: f64,
    },
    /// 电压升高: all phases rise to this share.
    Swell {
        /// Share of what they would be, above 1.
        factor: f64,
    },
    /// 缺相: one phase is gone.
    PhaseLoss {
        /// Which.
        phase: Conductor,
    },
    /// 三相负荷不平衡: loads move from the other two phases to one.
    Unbalance {
        /// Where the load goes.
        phase: Conductor,
        /// Share of the load of the others that goes there, 0 to 1.
        share: f64,
    },
    /// 零线接触不良: one phase rises, the other two sink by half as much.
    FloatingNeutral {
        /// Which rises.
        phase: Conductor,
        /// By which share of its voltage.
        shift: f64,
    },
    /// 谐波负荷: the neutral carries this much, whatever the phases do.
    HarmonicLoad {
        /// Percent of the rated current.
        percent: f64,
    },
    /// 停电: no phase has voltage, nothing flows; the detector lives on its battery.
    Outage,
    /// 短路: a phase carries a multiple of the rated current until its breaker clears.
    ShortCircuit {
        /// Which.
        phase: Conductor,
        /// Times the rated current.
        multiple: f64,
        /// After how long the breaker clears, s.
        clears_s: f64,
    },
    /// 故障电弧: half-cycles with arcs in each second.
    Arcing {
        /// How many.
        half_cycles: f64,
    },
    /// 探头引线松动: every other minute the temperature reads lower.
    LooseProbe {
        /// The point's code in the profile.
        point: String,
        /// By how much, K.
        by_c: f64,
    },
    /// 探头卡死: one point stays as it was, whatever the circuit does.
    StuckProbe {
        /// The point's code in the profile.
        point: String,
        /// Whether it stays at exactly 0 instead.
        #[serde(default)]
        at_zero: bool,
    },
    /// 探头漂移: one temperature departs from what is there.
    DriftingProbe {
        /// The point's code in the profile.
        point: String,
        /// Where it ends, K.
        by_c: f64,
        /// How long it takes to get there, s.
        ramp_s: f64,
    },
    /// 漏电负载: a load that leaks, the more of it is switched on.
    LeakyLoad {
        /// Resistive leakage, mA for each kW of the circuit's load.
        ma_per_kw: f64,
    },
    /// 探头断线 or 短路: one point has no value.
    BrokenProbe {
        /// The point's code in the profile.
        point: String,
        /// Shorted rather than open.
        #[serde(default)]
        short: bool,
    },
    /// 数据冻结: the values stay as they were, to the last digit.
    Frozen,
    /// SIM 卡失效: nothing is heard, nothing is kept.
    DeadSim,
    /// 装置重启: gone, then back with an empty memory.
    Reboot,
    /// 时钟错误: the device's clock is off, whatever the server tells it.
    WrongClock {
        /// How far ahead (behind when negative), s.
        offset_s: i64,
    },
    /// 接线错误: the circuit is sound, the detector sees it wrongly.
    Miswired {
        /// How.
        wiring: Miswiring,
    },
    /// 断网补传: nothing is heard, all is kept and sent afterwards with its old time.
    ReplayAfterOutage,
}

impl FaultKind {
    /// The stable name, as scenarios and the truth log have it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AgeingInsulation { .. } => "ageing_insulation",
            Self::LooseningTerminal { .. } => "loosening_terminal",
            Self::Overload { .. } => "overload",
            Self::Sag { .. } => "sag",
            Self::Swell { .. } => "swell",
            Self::PhaseLoss { .. } => "phase_loss",
            Self::Unbalance { .. } => "unbalance",
            Self::FloatingNeutral { .. } => "floating_neutral",
            Self::HarmonicLoad { .. } => "harmonic_load",
            Self::Outage => "outage",
            Self::ShortCircuit { .. } => "short_circuit",
            Self::Arcing { .. } => "arcing",
            Self::LooseProbe { .. } => "loose_probe",
            Self::StuckProbe { .. } => "stuck_probe",
            Self::DriftingProbe { .. } => "drifting_probe",
            Self::LeakyLoad { .. } => "leaky_load",
            Self::BrokenProbe { .. } => "broken_probe",
            Self::Frozen => "frozen",
            Self::DeadSim => "dead_sim",
            Self::Reboot => "reboot",
            Self::WrongClock { .. } => "wrong_clock",
            Self::Miswired { .. } => "miswired",
            Self::ReplayAfterOutage => "replay_after_outage",
        }
    }

    /// A fault of this name with measures that pass the platform's default limits; for faults asked for by name.
    #[must_use]
    pub fn by_code(code: &str) -> Option<Self> {
        Some(match code {
            "ageing_insulation" => Self::AgeingInsulation { target_ma: 420.0, ramp_s: 60.0, circuit_loop: 0 },
            "loosening_terminal" => {
                Self::LooseningTerminal { rise_c: 85.0, ramp_s: 30.0, conductor: Conductor::A }
            }
            "overload" => Self::Overload { percent: 115.0, ramp_s: 20.0 },
            "sag" => Self::Sag { factor: 0.74 },
            "swell" => Self::Swell { factor: 1.2 },
            "phase_loss" => Self::PhaseLoss { phase: Conductor::C },
            "unbalance" => Self::Unbalance { phase: Conductor::A, share: 0.5 },
            "floating_neutral" => Self::FloatingNeutral { phase: Conductor::B, shift: 0.1 },
            "harmonic_load" => Self::HarmonicLoad { percent: 110.0 },
            "outage" => Self::Outage,
            "short_circuit" => Self::ShortCircuit { phase: Conductor::A, multiple: 7.0, clears_s: 60.0 },
            "arcing" => Self::Arcing { half_cycles: 20.0 },
            "loose_probe" => Self::LooseProbe { point: "temperature_a".to_owned(), by_c: 50.0 },
            "stuck_probe" => Self::StuckProbe { point: "residual".to_owned(), at_zero: true },
            "drifting_probe" => {
                Self::DriftingProbe { point: "temperature_a".to_owned(), by_c: 18.0, ramp_s: 3_600.0 }
            }
            "leaky_load" => Self::LeakyLoad { ma_per_kw: 40.0 },
            "broken_probe" => Self::BrokenProbe { point: "residual".to_owned(), short: false },
            "frozen" => Self::Frozen,
            "dead_sim" => Self::DeadSim,
            "reboot" => Self::Reboot,
            "wrong_clock" => Self::WrongClock { offset_s: 7_200 },
            "miswired" => Self::Miswired { wiring: Miswiring::NeutralEarthed { share: 0.2 } },
            "replay_after_outage" => Self::ReplayAfterOutage,
            _ => return None,
        })
    }
}

/// A fault with its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// From when; may lie before the start, so that a slow one is well on its way.
    pub from: UnixMs,
    /// Until it is repaired.
    pub to: UnixMs,
}

impl Fault {
    /// Whether it is there at `at`.
    #[must_use]
    pub fn is_active(&self, at: UnixMs) -> bool {
        self.from <= at && at < self.to
    }

    /// How far along its ramp it is, 0 to 1.
    pub(crate) fn ramp(&self, at: UnixMs, ramp_s: f64) -> f64 {
        let share = at.since_ms(self.from) as f64 / 1000.0 / ramp_s.max(0.001);
        share.clamp(0.0, 1.0)
    }
}

/// What all faults of one moment do to a circuit together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Effects {
    /// Percent of rated current, and how far along.
    pub(crate) overload: Option<(f64, f64)>,
    /// Per conductor: rise in K at the reference current in A.
    pub(crate) contact: [Option<(f64, f64)>; 4],
    /// Per phase.
    pub(crate) lost_phases: [bool; 3],
    /// Of each phase.
    pub(crate) voltage_factor: [f64; 3],
    /// Per phase: the share of the others' load that goes there.
    pub(crate) gathered: [f64; 3],
    /// Of the neutral, percent of the rated current.
    pub(crate) neutral_percent: f64,
    /// Whether the supply is out.
    pub(crate) outage: bool,
    /// Per phase: times the rated current; 0 where its breaker has cleared.
    pub(crate) short_circuit: [Option<f64>; 3],
    /// Half-cycles with arcs in a second.
    pub(crate) half_cycles: f64,
    /// Resistive leakage of the loads, mA/kW.
    pub(crate) leaky_ma_per_kw: f64,
    resistive: Vec<(u8, f64)>,
}

impl Effects {
    /// The effects at `at`; `usual_a` gives the mean load at a fault's beginning.
    pub(crate) fn at(at: UnixMs, faults: &[Fault], usual_a: impl Fn(UnixMs) -> f64) -> Self {
        let mut effects = Self {
            overload: None,
            contact: [None; 4],
            lost_phases: [false; 3],
            voltage_factor: [1.0; 3],
            gathered: [0.0; 3],
            neutral_percent: 0.0,
            outage: false,
            short_circuit: [None; 3],
            half_cycles: 0.0,
            leaky_ma_per_kw: 0.0,
            resistive: Vec::new(),
        };
        for fault in faults.iter().filter(|fault| fault.is_active(at)) {
            match &fault.kind {
                FaultKind::AgeingInsulation { target_ma, ramp_s, circuit_loop } => {
                    effects.resistive.push((*circuit_loop, target_ma * fault.ramp(at, *ramp_s)));
                }
                FaultKind::LooseningTerminal { rise_c, ramp_s, conductor } => {
                    if let Some(contact) = effects.contact.get_mut(conductor.index()) {
                        *contact = Some((rise_c * fault.ramp(at, *ramp_s), usual_a(fault.from)));
                    }
                }
                FaultKind::Overload { percent, ramp_s } => {
                    effects.overload = Some((*percent, fault.ramp(at, *ramp_s)));
                }
                FaultKind::Sag { factor } | FaultKind::Swell { factor } => {
                    effects.voltage_factor = effects.voltage_factor.map(|known| known * factor);
                }
                FaultKind::Unbalance { phase, share } => {
                    if let Some(gathered) = effects.gathered.get_mut(phase.index()) {
                        *gathered = *share;
                    }
                }
                FaultKind::FloatingNeutral { phase, shift } => {
                    for (index, factor) in effects.voltage_factor.iter_mut().enumerate() {
                        *factor *= if index == phase.index() { 1.0 + shift } else { 1.0 - shift / 2.0 };
                    }
                }
                FaultKind::HarmonicLoad { percent } => {
                    effects.neutral_percent = effects.neutral_percent.max(*percent);
                }
                FaultKind::Outage => effects.outage = true,
                FaultKind::ShortCircuit { phase, multiple, clears_s } => {
                    let is_cleared = at.since_ms(fault.from) as f64 / 1000.0 >= *clears_s;
                    if let Some(short) = effects.short_circuit.get_mut(phase.index()) {
                        *short = Some(if is_cleared { 0.0 } else { *multiple });
                    }
                }
                FaultKind::Arcing { half_cycles } => {
                    effects.half_cycles = effects.half_cycles.max(*half_cycles);
                }
                FaultKind::LeakyLoad { ma_per_kw } => effects.leaky_ma_per_kw += ma_per_kw,
                FaultKind::PhaseLoss { phase } => {
                    if let Some(lost) = effects.lost_phases.get_mut(phase.index()) {
                        *lost = true;
                    }
                }
                // These are faults of the detector and its line, not of the circuit.
                FaultKind::BrokenProbe { .. }
                | FaultKind::LooseProbe { .. }
                | FaultKind::StuckProbe { .. }
                | FaultKind::DriftingProbe { .. }
                | FaultKind::Miswired { .. }
                | FaultKind::Frozen
                | FaultKind::DeadSim
                | FaultKind::Reboot
                | FaultKind::WrongClock { .. }
                | FaultKind::ReplayAfterOutage => {}
            }
        }
        effects
    }

    /// Leakage through bad insulation in one loop, mA.
    pub(crate) fn resistive_ma(&self, circuit_loop: u8) -> f64 {
        self.resistive.iter().filter(|(which, _)| *which == circuit_loop).map(|(_, ma)| ma).sum()
    }
}
