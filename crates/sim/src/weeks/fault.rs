//! Slow faults: what they do to a load, and to the heat, the leakage and the voltage that follow from it.

use domain::diagnosis::Kind;

use super::load::{Load, overlap};
use super::{DAY, number};
use crate::physics::Noise;

/// What goes wrong, over weeks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wrong {
    /// The contact of a phase gets worse: at the end it adds this at the phase's busy load, K.
    LooseTerminal {
        /// 0 to 2.
        phase: usize,
        /// K.
        rise_k: f64,
    },
    /// The insulation decays: resistive leakage at the end, mA.
    Insulation {
        /// mA.
        end_ma: f64,
        /// 1 grows evenly, 2 and more grow faster and faster.
        bend: f64,
    },
    /// A load that leaks whenever it runs, or nearly.
    LeakingLoad {
        /// 0 to 2.
        phase: usize,
        /// Its current, A; 0 for a load that is there already (then `above_a` tells when it runs).
        amps: f64,
        /// A measured load runs while the phase carries more than this, A.
        above_a: f64,
        /// Its leakage, mA.
        leak_ma: f64,
        /// When it is switched on, local hour.
        hour: f64,
    },
    /// The load grows by this share.
    GrowingLoad {
        /// 0.3 is 30 % more at the end.
        share: f64,
    },
    /// Use at night, from the first day on.
    AfterHours {
        /// A.
        amps: f64,
        /// Local hour.
        hour: f64,
        /// Hours.
        long_h: f64,
    },
    /// Batteries are charged in the evening or at night, from the first day on.
    Ebike {
        /// 0 to 2.
        phase: usize,
        /// A while the current is constant.
        amps: f64,
        /// Local hour at which it is plugged in.
        hour: f64,
        /// Hours of constant current.
        plateau_h: f64,
        /// Hours until it has fallen to a tenth.
        tail_h: f64,
    },
    /// Harmonics of order three: the share of the phase current at the end.
    Harmonics {
        /// Share.
        third: f64,
    },
    /// The supply gives way: its resistance at the end as a factor.
    Supply {
        /// Factor.
        factor: f64,
    },
}

/// A slow fault: what, and from which step to which it grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlowFault {
    /// What.
    pub wrong: Wrong,
    /// The first step.
    pub from: usize,
    /// The step at which it is full; it stays so.
    pub full: usize,
    /// Makes it differ from others.
    pub seed: u64,
}

impl Wrong {
    /// What the diagnosis should call it.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::LooseTerminal { .. } => Kind::LooseningTerminal,
            Self::Insulation { .. } => Kind::AgeingInsulation,
            Self::LeakingLoad { .. } => Kind::LeakingLoad,
            Self::GrowingLoad { .. } => Kind::OverloadAhead,
            Self::AfterHours { .. } => Kind::AfterHours,
            Self::Ebike { .. } => Kind::EbikeCharging,
            Self::Harmonics { .. } => Kind::NeutralHeating,
            Self::Supply { .. } => Kind::AgeingSupply,
        }
    }

    /// What else may rightly be found: what this fault also does.
    #[must_use]
    pub const fn explains(&self) -> &'static [Kind] {
        match self {
            Self::LooseTerminal { .. } => &[Kind::UnequalHeating],
            Self::Insulation { .. } | Self::Supply { .. } => &[],
            // A new load brings its leakage, its current and its hours.
            Self::LeakingLoad { .. } => &[Kind::AgeingInsulation, Kind::OverloadAhead],
            Self::GrowingLoad { .. } | Self::Harmonics { .. } => &[Kind::NeutralHeating, Kind::OverloadAhead],
            Self::AfterHours { .. } | Self::Ebike { .. } => &[Kind::EbikeCharging, Kind::AfterHours],
        }
    }
}

impl SlowFault {
    /// How far it has grown at a step, 0 to 1.
    #[must_use]
    pub fn grown(&self, step: usize) -> f64 {
        if step < self.from {
            return 0.0;
        }
        (number(step - self.from) / number(self.full.saturating_sub(self.from)).max(1.0)).min(1.0)
    }

    /// Whether it happens on the day of a step: nine days of ten.
    fn today(&self, step: usize) -> bool {
        step >= self.from && Noise::new(self.seed).fixed(7_000 + (step / DAY) as u64) < 0.9
    }

    /// Minutes early or late on the day of a step, in hours.
    fn shift_h(&self, step: usize) -> f64 {
        Noise::new(self.seed).fixed(9_000 + (step / DAY) as u64) - 0.5
    }

    /// Changes the load.
    pub fn load(&self, load: &mut Load) {
        for step in self.from..load.steps() {
            let grown = self.grown(step);
            let Some(Some(amps)) = load.amps.get_mut(step) else { continue };
            let mut add = |phase: usize, more: f64| {
                let phase = if load.phases == 1 { 0 } else { phase };
                if let Some(amps) = amps.get_mut(phase) {
                    *amps += more;
                }
            };
            // A night belongs to the evening on which it began.
            let evening = step.saturating_sub(DAY / 2) / DAY * DAY;
            let start = |hour: f64| {
                let after = if hour < 12.0 { hour + 24.0 } else { hour };
                number(evening) / 4.0 + after + self.shift_h(evening)
            };
            match self.wrong {
                Wrong::LooseTerminal { .. } | Wrong::Insulation { .. } | Wrong::Supply { .. } => {}
                Wrong::LeakingLoad { phase, amps: more, above_a, leak_ma, hour } => {
                    let share = if more > 0.0 {
                        let begin = number(step / DAY * DAY) / 4.0 + hour + self.shift_h(step);
                        if self.today(step) { overlap(step, begin, 2.5) } else { 0.0 }
                    } else {
                        let own = if load.phases == 1 { 0 } else { phase };
                        f64::from(u8::from(amps.get(own).is_some_and(|amps| *amps > above_a)))
                    };
                    if more > 0.0
                        && let Some(amps) = amps.get_mut(if load.phases == 1 { 0 } else { phase })
                    {
                        *amps += more * share;
                    }
                    if let Some(leak) = load.leak_ma.get_mut(step) {
                        *leak += leak_ma * share;
                    }
                }
                Wrong::GrowingLoad { share } => {
                    for amps in amps.iter_mut() {
                        *amps *= 1.0 + share * grown;
                    }
                }
                Wrong::AfterHours { amps: more, hour, long_h } => {
                    if self.today(evening) {
                        add(0, more * overlap(step, start(hour), long_h));
                    }
                }
                Wrong::Ebike { phase, amps: more, hour, plateau_h, tail_h } => {
                    if self.today(evening) {
                        add(phase, more * charge(step, start(hour), plateau_h, tail_h));
                    }
                }
                Wrong::Harmonics { third } => {
                    if let Some(share) = load.third.get_mut(step) {
                        *share += third * grown;
                    }
                }
            }
        }
    }

    /// Heat that a bad contact adds, as a share of what a current squared of 1 A² would, K/A², given the busy load.
    #[must_use]
    pub fn contact(&self, step: usize, phase: usize, busy_a: f64) -> f64 {
        match self.wrong {
            Wrong::LooseTerminal { phase: own, rise_k } if own == phase && busy_a > 0.0 => {
                rise_k * self.grown(step).powf(1.5) / (busy_a * busy_a)
            }
            Wrong::LooseTerminal { .. }
            | Wrong::Insulation { .. }
            | Wrong::LeakingLoad { .. }
            | Wrong::GrowingLoad { .. }
            | Wrong::AfterHours { .. }
            | Wrong::Ebike { .. }
            | Wrong::Harmonics { .. }
            | Wrong::Supply { .. } => 0.0,
        }
    }

    /// Resistive leakage of decayed insulation at 70 % humidity, mA.
    #[must_use]
    pub fn insulation_ma(&self, step: usize) -> f64 {
        match self.wrong {
            Wrong::Insulation { end_ma, bend } => end_ma * self.grown(step).powf(bend),
            Wrong::LooseTerminal { .. }
            | Wrong::LeakingLoad { .. }
            | Wrong::GrowingLoad { .. }
            | Wrong::AfterHours { .. }
            | Wrong::Ebike { .. }
            | Wrong::Harmonics { .. }
            | Wrong::Supply { .. } => 0.0,
        }
    }

    /// The resistance of the supply as a factor.
    #[must_use]
    pub fn supply(&self, step: usize) -> f64 {
        match self.wrong {
            Wrong::Supply { factor } => 1.0 + (factor - 1.0) * self.grown(step),
            Wrong::LooseTerminal { .. }
            | Wrong::Insulation { .. }
            | Wrong::LeakingLoad { .. }
            | Wrong::GrowingLoad { .. }
            | Wrong::AfterHours { .. }
            | Wrong::Ebike { .. }
            | Wrong::Harmonics { .. } => 1.0,
        }
    }
}

/// The current of a charge as a share of its plateau: constant, then falling to a tenth.
fn charge(step: usize, start_h: f64, plateau_h: f64, tail_h: f64) -> f64 {
    let on = overlap(step, start_h, plateau_h);
    let middle = number(step) / 4.0 + 0.125;
    let into = middle - start_h - plateau_h;
    let tail = if (0.0..tail_h).contains(&into) { 1.0 - 0.9 * into / tail_h } else { 0.0 };
    on.max(tail)
}
