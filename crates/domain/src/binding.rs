//! A binding ties what a detector sends to channels, limits and supervision: all that people set,
//! gathered for the pure evaluation, with the version of the settings that it was made from.

use serde::{Deserialize, Serialize};

use crate::alarm::nuisance::DelaysInForce;
use crate::hazard::{Class, Hazard};
use crate::id::ChannelId;
use crate::place::{ChannelEntry, Placement};
use crate::quantity::{Phase, Quantity};
use crate::settings::{Limits, Night};
use crate::time::UnixMs;

/// Everything that the evaluation of one detector needs and that people set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// Where the detector stands.
    pub placement: Placement,
    /// Rises with every change of settings or placement.
    pub settings_version: i64,
    /// The channels; the one without a point stands for the device and is always there.
    pub channels: Vec<ChannelBinding>,
    /// When silence is a fault.
    pub supervision: Supervision,
    /// How far the site's clock is ahead of UTC, min; decides when it is night there.
    pub utc_offset_min: i32,
}

impl Binding {
    /// The delays that a hazard of a channel is judged with, as far as they are set here.
    #[must_use]
    pub fn delays_in_force(&self, channel: ChannelId, hazard: Hazard) -> DelaysInForce {
        let Supervision { fault_on_delay_ms, fault_off_delay_ms, .. } = self.supervision;
        let limits = self
            .channels
            .iter()
            .find(|bound| bound.channel.id == channel)
            .and_then(|bound| bound.limits.iter().find(|(of, _)| *of == hazard));
        match (hazard.class(), limits) {
            (Class::Hazard, Some((_, limits))) => {
                DelaysInForce { on_ms: limits.on_delay_ms, off_ms: limits.off_delay_ms }
            }
            // Only reported: it counts at once.
            (Class::Hazard, None) => DelaysInForce { on_ms: 0, off_ms: fault_off_delay_ms },
            (Class::Fault, _) => DelaysInForce { on_ms: fault_on_delay_ms, off_ms: fault_off_delay_ms },
        }
    }
}

/// One channel with the limits it is judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelBinding {
    /// The channel.
    pub channel: ChannelEntry,
    /// The measured hazards that apply to it, with their effective limits.
    pub limits: Vec<(Hazard, Limits)>,
    /// The hazards among them that have other levels at night; mostly none.
    pub nights: Vec<(Hazard, Night)>,
}

impl ChannelBinding {
    /// What `limits` of `hazard` are at `at`: those of the night where it has some and it is night at the site.
    #[must_use]
    pub fn limits_at(&self, hazard: Hazard, limits: &Limits, at: UnixMs, utc_offset_min: i32) -> Limits {
        match self.nights.iter().find(|(about, night)| *about == hazard && night.holds(at, utc_offset_min)) {
            Some((_, night)) => night.over(*limits),
            None => *limits,
        }
    }
}

/// The measured hazards that are judged on the channel at `index` of a detector with these `channels`.
///
/// What is judged over several channels belongs to one of them, so that it is one alarm (invariant 3): unbalance to the
/// first phase of three, power failure to the first voltage, leakage by load to the first residual current; first is
/// the least point of the profile. What needs a channel that is not there is not judged.
#[must_use]
pub fn hazards_of(channels: &[ChannelEntry], index: usize) -> Vec<Hazard> {
    let Some(own) = channels.get(index) else { return Vec::new() };
    let all =
        |quantity: Quantity| channels.iter().filter(move |c| c.quantity == quantity && c.point.is_some());
    let is_first = || all(own.quantity).all(|other| own.point <= other.point);
    let is_first_of_three = || {
        let line = [Phase::A, Phase::B, Phase::C];
        let of_three = |c: &ChannelEntry| c.phase.is_some_and(|phase| line.contains(&phase));
        line.into_iter().all(|phase| all(own.quantity).any(|c| c.phase == Some(phase)))
            && of_three(own)
            && all(own.quantity).filter(|c| of_three(c)).all(|other| own.point <= other.point)
    };
    let has = |quantity: Quantity| all(quantity).next().is_some();
    let is_judged = |hazard: &Hazard| match hazard {
        Hazard::CurrentUnbalance | Hazard::VoltageUnbalance => is_first_of_three(),
        Hazard::PowerFailure => is_first(),
        Hazard::LeakagePerLoad => is_first() && (has(Quantity::ActivePower) || has(Quantity::Current)),
        Hazard::SensorZero | Hazard::SensorStuck => has(Quantity::Current),
        Hazard::SensorDrift => has(Quantity::Current) && all(Quantity::ConductorTemperature).count() >= 3,
        Hazard::ResidualCurrent
        | Hazard::OverTemperature
        | Hazard::OverVoltage
        | Hazard::UnderVoltage
        | Hazard::Overload
        | Hazard::PhaseLoss
        | Hazard::ShortCircuit
        | Hazard::ArcFault
        | Hazard::Offline
        | Hazard::SensorOpen
        | Hazard::SensorShort
        | Hazard::DeviceFault
        | Hazard::Implausible
        | Hazard::Frozen
        | Hazard::ClockWrong
        | Hazard::SupplyLost
        | Hazard::WeakSignal
        | Hazard::SwitchFailed
        | Hazard::UnassignedAlarm
        | Hazard::TemperatureRise
        | Hazard::NeutralOverload
        | Hazard::PhaseSequence
        | Hazard::SensorJump
        | Hazard::PredictedTerminal
        | Hazard::PredictedInsulation
        | Hazard::PredictedOverload => true,
    };
    Hazard::of_quantity(own.quantity).iter().copied().filter(is_judged).collect()
}

/// When silence is a fault and a clock is wrong (F5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervision {
    /// The detector is offline after this long without a word, ms.
    pub offline_after_ms: i64,
    /// Device time further ahead of the server than this is a wrong clock, ms.
    pub clock_ahead_ms: i64,
    /// Device time further behind the server than this is a wrong clock, unless the profile replays history, ms.
    pub clock_behind_ms: i64,
    /// How long faults of sensors and device must persist before they count, ms.
    pub fault_on_delay_ms: i64,
    /// How long they must be gone before they count as returned, ms.
    pub fault_off_delay_ms: i64,
    /// A hazard that the device reports and that its own values have not shown for this long is taken for gone, ms.
    pub outvoted_after_ms: i64,
}
