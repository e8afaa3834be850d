//! What is judged where one value of one channel does not say it: over the phases, against the load, against what was
//! before. Each is a number in the hazard's own unit, worked out from what is known at the moment of a value.

use super::track::Track;
use crate::binding::{Binding, ChannelBinding};
use crate::hazard::Hazard;
use crate::place::ChannelEntry;
use crate::quantity::{Phase, Quantity};
use crate::settings::Limits;
use crate::time::UnixMs;

/// What the vendors' probes read when their line is open: the end of the resistance table, °C.
pub(super) const OPEN_PROBE_C: f64 = -40.0;
/// Taken for the voltage where none is measured, V.
const NOMINAL_V: f64 = 220.0;
/// A phase with less than this share of it is lost, and carries nothing because of that.
const LOST_SHARE: f64 = 0.6;
const MS_PER_HOUR: f64 = 3_600_000.0;

/// A number to judge by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Derived {
    /// The hazard's value.
    Value(f64),
    /// The conditions of the hazard are not met: it is not there.
    Clear,
    /// Something that it needs is not known now: what is known about it stands still.
    Unknown,
}

/// What is known at the moment of a value.
pub(super) struct Known<'k> {
    pub(super) binding: &'k Binding,
    /// The value of another channel, where it is good and fresh.
    pub(super) value_of: &'k dyn Fn(&ChannelEntry) -> Option<f64>,
    /// What the channel was before; none for late data.
    pub(super) track: Option<&'k Track>,
    /// Measurement time, as filed.
    pub(super) at: UnixMs,
}

impl Known<'_> {
    /// The number that `hazard` of `channel` is judged by, with `value` as the channel's own; to a thousandth, so that it
    /// is the same number after it has been stored.
    pub(super) fn derive(
        &self,
        channel: &ChannelBinding,
        hazard: Hazard,
        limits: &Limits,
        value: f64,
    ) -> Derived {
        match self.work_out(channel, hazard, limits, value) {
            Derived::Value(value) => Derived::Value((value * 1000.0).round() / 1000.0),
            other @ (Derived::Clear | Derived::Unknown) => other,
        }
    }

    fn work_out(&self, channel: &ChannelBinding, hazard: Hazard, limits: &Limits, value: f64) -> Derived {
        match hazard {
            Hazard::TemperatureRise => {
                self.track.and_then(Track::rise_k_per_min).map_or(Derived::Unknown, Derived::Value)
            }
            Hazard::CurrentUnbalance => self.current_unbalance(limits),
            Hazard::VoltageUnbalance => self.voltage_unbalance(limits),
            Hazard::PowerFailure => {
                Derived::Value(self.greatest(Quantity::Voltage).map_or(value, |v| v.max(value)))
            }
            Hazard::LeakagePerLoad => self.leakage_per_load(limits, value),
            Hazard::SensorZero => self.zero(limits, value),
            Hazard::SensorStuck => match self.track {
                Some(track) => track.stuck_ms(self.at).map_or(Derived::Clear, hours),
                None => Derived::Unknown,
            },
            Hazard::SensorJump => match self.track {
                Some(track) => Derived::Value(track.step_k()),
                None => Derived::Unknown,
            },
            Hazard::SensorDrift => self.drift(channel, limits, value),
            Hazard::ResidualCurrent
            | Hazard::OverTemperature
            | Hazard::OverVoltage
            | Hazard::UnderVoltage
            | Hazard::Overload
            | Hazard::PhaseLoss
            | Hazard::ShortCircuit
            | Hazard::ArcFault
            | Hazard::NeutralOverload
            | Hazard::PhaseSequence
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
            | Hazard::PredictedTerminal
            | Hazard::PredictedInsulation
            | Hazard::PredictedOverload
            | Hazard::UnassignedAlarm => Derived::Value(value),
        }
    }

    fn all(&self, quantity: Quantity) -> impl Iterator<Item = &ChannelEntry> {
        self.binding.channels.iter().map(|c| &c.channel).filter(move |c| c.quantity == quantity)
    }

    /// The greatest known value of a quantity.
    pub(super) fn greatest(&self, quantity: Quantity) -> Option<f64> {
        self.all(quantity).filter_map(self.value_of).reduce(f64::max)
    }

    /// The three phases of a quantity; none unless all are known.
    fn phases(&self, quantity: Quantity) -> Option<[f64; 3]> {
        let phase = |phase: Phase| {
            let entry = self.all(quantity).find(|c| c.phase == Some(phase))?;
            (self.value_of)(entry)
        };
        Some([phase(Phase::A)?, phase(Phase::B)?, phase(Phase::C)?])
    }

    /// The load in percent of the circuit's rated current; none where either is not known.
    fn load_percent(&self) -> Option<f64> {
        let rated_a = self.binding.placement.rated_current_a.filter(|rated| *rated > 0.0)?;
        Some(self.greatest(Quantity::Current)? / rated_a * 100.0)
    }

    /// Greatest deviation of a phase from the mean of the three, % of the mean; judged from a least mean load on. A phase
    /// that has lost its voltage is phase loss, not unbalance too.
    fn current_unbalance(&self, limits: &Limits) -> Derived {
        let rated_a = self.binding.placement.rated_current_a.filter(|rated| *rated > 0.0);
        let (Some(phases), Some(rated_a)) = (self.phases(Quantity::Current), rated_a) else {
            return Derived::Unknown;
        };
        let mean = phases.iter().sum::<f64>() / 3.0;
        let is_lost = |volt: &f64| *volt < LOST_SHARE * NOMINAL_V;
        if self.phases(Quantity::Voltage).is_some_and(|volts| volts.iter().any(is_lost)) {
            return Derived::Clear;
        }
        if mean < rated_a * limits.minimum / 100.0 || mean <= 0.0 {
            return Derived::Clear;
        }
        let apart = phases.iter().map(|current| (current - mean).abs()).fold(0.0, f64::max);
        Derived::Value(apart / mean * 100.0)
    }

    /// Negative over positive sequence, %, from the magnitudes of the phase voltages, whose angles are
    /// taken to be 120° apart.
    fn voltage_unbalance(&self, limits: &Limits) -> Derived {
        let Some([a, b, c]) = self.phases(Quantity::Voltage) else { return Derived::Unknown };
        if [a, b, c].iter().any(|volt| *volt < limits.minimum) {
            return Derived::Clear;
        }
        let negative = (a * a + b * b + c * c - a * b - b * c - c * a).max(0.0).sqrt();
        Derived::Value(negative / (a + b + c) * 100.0)
    }

    /// Residual current per load, mA/kW; the load counts no further than where the limit in mA would pass its cap.
    fn leakage_per_load(&self, limits: &Limits, residual_ma: f64) -> Derived {
        let Some(load_kw) = self.load_kw() else { return Derived::Unknown };
        if load_kw < limits.minimum || load_kw <= 0.0 {
            return Derived::Clear;
        }
        let cap_kw = limits.alarm.or(limits.warning).map_or(f64::INFINITY, |per_kw| limits.cap / per_kw);
        Derived::Value(residual_ma / if limits.cap > 0.0 { load_kw.min(cap_kw) } else { load_kw })
    }

    /// The load: active power of all phases where it is measured, else current times voltage.
    fn load_kw(&self) -> Option<f64> {
        let power = || self.all(Quantity::ActivePower);
        let total = power().find(|c| c.phase == Some(Phase::Total)).and_then(self.value_of);
        if let Some(watt) = total {
            return Some(watt / 1000.0);
        }
        let sum = |quantity: Quantity| self.all(quantity).map(self.value_of).sum::<Option<f64>>();
        if power().next().is_some() {
            return Some(sum(Quantity::ActivePower)? / 1000.0);
        }
        Some(sum(Quantity::Current)? * self.greatest(Quantity::Voltage).unwrap_or(NOMINAL_V) / 1000.0)
    }

    /// For how long the value has been exactly 0 although the circuit carries load.
    fn zero(&self, limits: &Limits, value: f64) -> Derived {
        if value != 0.0 {
            return Derived::Clear;
        }
        match (self.track, self.load_percent()) {
            (Some(track), Some(load)) if load >= limits.minimum => hours(track.same_ms(self.at, 0)),
            (Some(_) | None, Some(_) | None) => Derived::Unknown,
        }
    }

    /// How far the value is from the middle one of its neighbours, while no load warms any of them.
    fn drift(&self, channel: &ChannelBinding, limits: &Limits, value: f64) -> Derived {
        if self.load_percent().is_none_or(|load| load > limits.minimum) {
            return Derived::Unknown;
        }
        let others = self.all(Quantity::ConductorTemperature).filter(|c| c.id != channel.channel.id);
        let mut others: Vec<f64> = others.filter_map(self.value_of).collect();
        others.sort_by(f64::total_cmp);
        // Of two the one that is nearer: with one of them broken the sound one must not pass for it.
        let (low, high) = (others.len().saturating_sub(1) / 2, others.len() / 2);
        match (others.get(low), others.get(high)) {
            (Some(low), Some(high)) if others.len() >= 2 => {
                Derived::Value((value - low).abs().min((value - high).abs()))
            }
            (Some(_) | None, Some(_) | None) => Derived::Unknown,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "durations in ms have far less than 53 bits")]
fn hours(ms: i64) -> Derived {
    Derived::Value(ms as f64 / MS_PER_HOUR)
}
