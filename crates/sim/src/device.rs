//! A detector: a circuit seen through a profile, with the detector's own faults.

use std::collections::HashMap;
use std::sync::Arc;

use domain::hazard::{Hazard, Severity};
use domain::profile::{
    Action, CommandSpec, Decoded, EncodeError, Group, Meaning, Point, Profile, Space, encode,
};
use domain::quantity::{Phase, Quantity};
use domain::reading::{PointIndex, Quality, Reported, Sample};
use domain::time::UnixMs;
use wire::modbus::{Answer, AnswerBody, Exception, Request, RequestBody};

use crate::fault::{Conductor, Fault, FaultKind};
use crate::miswiring;
use crate::physics::{Circuit, CircuitSpec, Snapshot};

/// Set values inside the simulated detectors, above the platform's defaults, so that the platform speaks first.
mod set_value {
    pub(super) const RESIDUAL_WARNING_MA: f64 = 400.0;
    pub(super) const RESIDUAL_ALARM_MA: f64 = 500.0;
    pub(super) const TEMPERATURE_C: f64 = 105.0;
    pub(super) const OVER_VOLTAGE_V: f64 = 275.0;
    pub(super) const UNDER_VOLTAGE_V: f64 = 155.0;
    pub(super) const PHASE_LOSS_V: f64 = 60.0;
    pub(super) const OVERLOAD_PERCENT: f64 = 130.0;
}

/// Whether a detector can be heard at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineState {
    /// It can.
    Up,
    /// It cannot, until this moment; afterwards it has or has not kept what it measured meanwhile.
    Silent {
        /// When it is back.
        until: UnixMs,
        /// Whether it keeps its measurements for later.
        keeps: bool,
    },
}

/// A detector.
#[derive(Debug)]
pub struct Device {
    profile: Arc<Profile>,
    /// For each point: which loop of several it is, among the residual currents.
    loops: Vec<u8>,
    circuit: Circuit,
    faults: Vec<Fault>,
    /// What it holds until it is reset; only where the profile knows a reset.
    held: Vec<(PointIndex, Hazard)>,
    frozen: Option<Vec<Sample>>,
    /// What a point that is stuck reads.
    stuck: HashMap<PointIndex, i64>,
    switched_on: bool,
    /// What was written to the registers that its model's commands set.
    kept: HashMap<u16, u16>,
    resets: u32,
}

impl Device {
    /// A detector of this model on a circuit.
    #[must_use]
    pub fn new(profile: Arc<Profile>, circuit: CircuitSpec) -> Self {
        let mut next_loop = 0u8;
        let loops = profile
            .points
            .iter()
            .map(|point| {
                let this = next_loop;
                if point.quantity == Quantity::ResidualCurrent {
                    next_loop = next_loop.saturating_add(1);
                }
                this
            })
            .collect();
        Self {
            profile,
            loops,
            circuit: Circuit::new(circuit),
            faults: Vec::new(),
            held: Vec::new(),
            frozen: None,
            stuck: HashMap::new(),
            switched_on: true,
            kept: HashMap::new(),
            resets: 0,
        }
    }

    /// Its model.
    #[must_use]
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// What circuit it watches.
    #[must_use]
    pub fn circuit(&self) -> &CircuitSpec {
        self.circuit.spec()
    }

    /// Lets a fault happen to it.
    pub fn inject(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Whether something is wrong with it at `now` or will be.
    #[must_use]
    pub fn has_fault(&self, now: UnixMs) -> bool {
        self.faults.iter().any(|fault| now < fault.to)
    }

    /// How often it was reset over its line.
    #[must_use]
    pub const fn resets(&self) -> u32 {
        self.resets
    }

    /// Whether it can be heard at `now`.
    #[must_use]
    pub fn line(&self, now: UnixMs) -> LineState {
        let silent =
            self.faults.iter().filter(|fault| fault.is_active(now)).find_map(|fault| match fault.kind {
                FaultKind::DeadSim | FaultKind::Reboot => {
                    Some(LineState::Silent { until: fault.to, keeps: false })
                }
                FaultKind::ReplayAfterOutage => Some(LineState::Silent { until: fault.to, keeps: true }),
                FaultKind::AgeingInsulation { .. }
                | FaultKind::LooseningTerminal { .. }
                | FaultKind::Overload { .. }
                | FaultKind::Sag { .. }
                | FaultKind::Swell { .. }
                | FaultKind::PhaseLoss { .. }
                | FaultKind::Unbalance { .. }
                | FaultKind::FloatingNeutral { .. }
                | FaultKind::HarmonicLoad { .. }
                | FaultKind::Outage
                | FaultKind::ShortCircuit { .. }
                | FaultKind::Arcing { .. }
                | FaultKind::LooseProbe { .. }
                | FaultKind::StuckProbe { .. }
                | FaultKind::DriftingProbe { .. }
                | FaultKind::LeakyLoad { .. }
                | FaultKind::BrokenProbe { .. }
                | FaultKind::Miswired { .. }
                | FaultKind::Frozen
                | FaultKind::WrongClock { .. } => None,
            });
        silent.unwrap_or(LineState::Up)
    }

    /// How far its clock is off at `now`, ms.
    #[must_use]
    pub fn clock_error_ms(&self, now: UnixMs) -> i64 {
        let errors = self.faults.iter().filter(|fault| fault.is_active(now)).map(|fault| match fault.kind {
            FaultKind::WrongClock { offset_s } => offset_s.saturating_mul(1000),
            FaultKind::AgeingInsulation { .. }
            | FaultKind::LooseningTerminal { .. }
            | FaultKind::Overload { .. }
            | FaultKind::Sag { .. }
            | FaultKind::Swell { .. }
            | FaultKind::PhaseLoss { .. }
            | FaultKind::Unbalance { .. }
            | FaultKind::FloatingNeutral { .. }
            | FaultKind::HarmonicLoad { .. }
            | FaultKind::Outage
            | FaultKind::ShortCircuit { .. }
            | FaultKind::Arcing { .. }
            | FaultKind::LooseProbe { .. }
            | FaultKind::StuckProbe { .. }
            | FaultKind::DriftingProbe { .. }
            | FaultKind::LeakyLoad { .. }
            | FaultKind::BrokenProbe { .. }
            | FaultKind::Miswired { .. }
            | FaultKind::Frozen
            | FaultKind::DeadSim
            | FaultKind::Reboot
            | FaultKind::ReplayAfterOutage => 0,
        });
        errors.sum()
    }

    /// Measures. `clock` is what the detector's own clock shows, `None` where it is not set.
    pub fn say(&mut self, now: UnixMs, clock: Option<UnixMs>) -> Decoded {
        self.faults.retain(|fault| now < fault.to);
        let snapshot = miswiring::seen(self.circuit.advance(now, &self.faults), &self.faults, now);
        let mut samples = self.samples(now, &snapshot);
        if self.is_frozen(now) {
            samples = self.frozen.get_or_insert(samples).clone();
        } else {
            self.frozen = None;
        }
        self.hold_stuck(&mut samples, now);
        let reported = self.reported(&samples, now);
        Decoded { device_at: clock, samples, reported }
    }

    /// Does what a Modbus master asks for; `None` is silence.
    pub fn answer(&mut self, request: &Request, now: UnixMs) -> Option<Answer> {
        let (function, start, count) = match request.body() {
            RequestBody::ReadCoils { start, count } => (1, *start, *count),
            RequestBody::ReadDiscreteInputs { start, count } => (2, *start, *count),
            RequestBody::ReadHoldingRegisters { start, count } => (3, *start, *count),
            RequestBody::ReadInputRegisters { start, count } => (4, *start, *count),
            RequestBody::WriteSingleCoil { address, on } => {
                let written = self.write(5, *address, &[if *on { 0xFF00 } else { 0 }]);
                return Self::written(request, written);
            }
            RequestBody::WriteSingleRegister { address, value } => {
                let written = self.write(6, *address, &[*value]);
                return Self::written(request, written);
            }
            RequestBody::WriteMultipleRegisters { start, values } => {
                let written = self.write(16, *start, values);
                return Self::written(request, written);
            }
            RequestBody::WriteMultipleCoils { .. } => {
                return Some(Answer::exception(request, Exception::IllegalFunction));
            }
        };
        if let Some(words) = self.kept_words(function, start, count) {
            let data = words.into_iter().flat_map(u16::to_be_bytes).collect::<Vec<u8>>().into();
            return Some(Answer { unit: request.unit(), body: AnswerBody::ReadHoldingRegisters(data) });
        }
        let segment = self.profile.groups.iter().find_map(|group| group.space.segment.clone());
        let space = Space { function, segment };
        if !self.profile.groups.iter().any(|group| group.holds(&space, start, count)) {
            return Some(Answer::exception(request, Exception::IllegalDataAddress));
        }
        let said = self.say(now, Some(now));
        let asked = Group { index: 0, space, start, count, every_s: 1 };
        let Ok(data) = self.encode(&asked, &said) else {
            return Some(Answer::exception(request, Exception::ServerDeviceFailure));
        };
        let data = data.into();
        let body = match function {
            1 => AnswerBody::ReadCoils(data),
            2 => AnswerBody::ReadDiscreteInputs(data),
            3 => AnswerBody::ReadHoldingRegisters(data),
            _ => AnswerBody::ReadInputRegisters(data),
        };
        Some(Answer { unit: request.unit(), body })
    }

    /// Does what it is told by name, where its model has a command of that name.
    ///
    /// # Errors
    /// Why it does not, in the device's words.
    pub fn obey(&mut self, name: &str) -> Result<(), String> {
        let knows = self.profile.commands.iter().any(|command| match &command.action {
            Action::Named { name: known, .. } => known == name,
            // The protocol's own word for it; what is told keeps the server's time anyway.
            Action::ProtocolClock => name == "clock",
            Action::Write(_) | Action::Put { .. } | Action::Clock { .. } => false,
        });
        if !knows {
            return Err(format!("no command {name}"));
        }
        match name {
            "trip" => self.switched_on = false,
            "close" => self.switched_on = true,
            "reset" => {
                self.held.clear();
                self.resets += 1;
            }
            // What is set is taken; nothing else of it can be seen.
            _ => {}
        }
        Ok(())
    }

    /// The data bytes of a group with `said` in them.
    ///
    /// # Errors
    /// The profile has no way to say it; [`Device::say`] only says what it has.
    pub fn encode(&self, group: &Group, said: &Decoded) -> Result<Vec<u8>, EncodeError> {
        encode(&self.profile, group, said)
    }

    fn written(request: &Request, done: bool) -> Option<Answer> {
        if done {
            Answer::write_ack(request)
        } else {
            Some(Answer::exception(request, Exception::IllegalDataAddress))
        }
    }

    fn write(&mut self, function: u8, address: u16, values: &[u16]) -> bool {
        if let Some(reset) = &self.profile.reset
            && reset.function == function
            && reset.address == address
            && reset.values == values
        {
            self.held.clear();
            self.resets += 1;
            return true;
        }
        let sets = |command: &CommandSpec| match &command.action {
            Action::Put { function: with, address: at, format } => {
                (*with, *at, usize::from(format.registers())) == (function, address, values.len())
            }
            Action::Clock { address: at, format, .. } => {
                (16, *at, usize::from(format.registers())) == (function, address, values.len())
            }
            Action::Write(_) | Action::ProtocolClock | Action::Named { .. } => false,
        };
        if self.profile.commands.iter().any(sets) {
            self.kept.extend((address..).zip(values.iter().copied()));
            return true;
        }
        let is_relay = |point: &Point| {
            point.quantity == Quantity::Switch
                && point.register().is_some_and(|at| at.space.function == 1 && at.address == address)
        };
        if function == 5 && self.profile.points.iter().any(is_relay) {
            self.switched_on = values.first().is_some_and(|value| *value != 0);
            return true;
        }
        false
    }

    /// What was written to these holding registers, if all of them were.
    fn kept_words(&self, function: u8, start: u16, count: u16) -> Option<Vec<u16>> {
        let end = start.checked_add(count).filter(|end| *end > start && function == 3)?;
        (start..end).map(|address| self.kept.get(&address).copied()).collect()
    }

    fn is_frozen(&self, now: UnixMs) -> bool {
        self.faults.iter().any(|fault| fault.is_active(now) && fault.kind == FaultKind::Frozen)
    }

    fn broken(&self, point: &Point, now: UnixMs) -> Option<Quality> {
        self.faults.iter().filter(|fault| fault.is_active(now)).find_map(|fault| match &fault.kind {
            FaultKind::BrokenProbe { point: code, short } if *code == point.code => {
                Some(if *short { Quality::SensorShort } else { Quality::SensorOpen })
            }
            FaultKind::BrokenProbe { .. }
            | FaultKind::AgeingInsulation { .. }
            | FaultKind::LooseningTerminal { .. }
            | FaultKind::Overload { .. }
            | FaultKind::Sag { .. }
            | FaultKind::Swell { .. }
            | FaultKind::PhaseLoss { .. }
            | FaultKind::Unbalance { .. }
            | FaultKind::FloatingNeutral { .. }
            | FaultKind::HarmonicLoad { .. }
            | FaultKind::Outage
            | FaultKind::ShortCircuit { .. }
            | FaultKind::Arcing { .. }
            | FaultKind::LooseProbe { .. }
            | FaultKind::StuckProbe { .. }
            | FaultKind::DriftingProbe { .. }
            | FaultKind::LeakyLoad { .. }
            | FaultKind::Miswired { .. }
            | FaultKind::Frozen
            | FaultKind::DeadSim
            | FaultKind::Reboot
            | FaultKind::WrongClock { .. }
            | FaultKind::ReplayAfterOutage => None,
        })
    }

    /// How far a point reads off because its lead is loose or its probe drifts, K.
    fn off_by_c(&self, point: &Point, now: UnixMs) -> f64 {
        let off = |fault: &Fault| {
            if let FaultKind::LooseProbe { point: code, by_c } = &fault.kind {
                let minute = now.since_ms(fault.from).div_euclid(60_000);
                return if *code == point.code && minute % 2 == 0 { -by_c } else { 0.0 };
            }
            let FaultKind::DriftingProbe { point: code, by_c, ramp_s } = &fault.kind else { return 0.0 };
            if *code == point.code { by_c * fault.ramp(now, *ramp_s) } else { 0.0 }
        };
        self.faults.iter().filter(|fault| fault.is_active(now)).map(off).sum()
    }

    /// Puts what a stuck point reads in the place of what is there.
    fn hold_stuck(&mut self, samples: &mut [Sample], now: UnixMs) {
        self.stuck.retain(|index, _| {
            self.faults.iter().any(|fault| fault.is_active(now) && is_stuck(&self.profile, *index, fault))
        });
        for sample in samples {
            let stuck = self
                .faults
                .iter()
                .filter(|fault| fault.is_active(now))
                .find(|fault| is_stuck(&self.profile, sample.point, fault));
            let Some(fault) = stuck else { continue };
            let at_zero = matches!(fault.kind, FaultKind::StuckProbe { at_zero: true, .. });
            sample.raw = *self.stuck.entry(sample.point).or_insert(if at_zero { 0 } else { sample.raw });
        }
    }

    fn samples(&self, now: UnixMs, snapshot: &Snapshot) -> Vec<Sample> {
        self.profile
            .indexed_points()
            .zip(&self.loops)
            .map(|((index, point), circuit_loop)| {
                if let Some(quality) = self.broken(point, now) {
                    let has_code = point.invalid.iter().any(|(_, known)| *known == quality);
                    let quality = if has_code { quality } else { Quality::Good };
                    return Sample { point: index, raw: 0, quality };
                }
                let value = self.value(point, *circuit_loop, now, snapshot) + self.off_by_c(point, now);
                Sample { point: index, raw: raw(point, value), quality: Quality::Good }
            })
            .collect()
    }

    /// A point's value in its quantity's unit.
    fn value(&self, point: &Point, circuit_loop: u8, now: UnixMs, seen: &Snapshot) -> f64 {
        let phases = |values: &[f64; 3]| match point.phase {
            Some(Phase::A) | None => values[0],
            Some(Phase::B) => values[1],
            Some(Phase::C) => values[2],
            Some(Phase::N) => 0.0,
            Some(Phase::Total) => values.iter().sum(),
        };
        let load = if self.switched_on { 1.0 } else { 0.0 };
        let apparent = [0, 1, 2].map(|i: usize| {
            seen.voltage_v.get(i).copied().unwrap_or(0.0) * seen.current_a.get(i).copied().unwrap_or(0.0)
        });
        match point.quantity {
            Quantity::ResidualCurrent => {
                let leaks_ma = self.circuit.residual_ma(now, seen, &self.faults, circuit_loop);
                load * miswiring::residual_ma(leaks_ma, seen.neutral_a, &self.faults, now)
            }
            Quantity::ConductorTemperature => match point.phase {
                Some(Phase::B) => seen.temperature_c[1],
                Some(Phase::C) => seen.temperature_c[2],
                Some(Phase::N) => seen.temperature_c[3],
                Some(Phase::A | Phase::Total) | None => seen.temperature_c[0],
            },
            Quantity::AmbientTemperature => seen.ambient_c,
            Quantity::Current => load * phases(&seen.current_a),
            Quantity::NeutralCurrent => load * seen.neutral_a,
            Quantity::Voltage => phases(&seen.voltage_v),
            Quantity::ActivePower => load * phases(&seen.power_w),
            Quantity::ApparentPower => load * phases(&apparent),
            Quantity::ReactivePower => {
                let (s, p) = (phases(&apparent), phases(&seen.power_w));
                load * (s * s - p * p).max(0.0).sqrt()
            }
            Quantity::PowerFactor => match point.phase {
                Some(Phase::Total) => {
                    seen.power_w.iter().sum::<f64>() / apparent.iter().sum::<f64>().max(1.0)
                }
                Some(Phase::A | Phase::B | Phase::C | Phase::N) | None => phases(&seen.power_factor),
            },
            Quantity::Frequency => seen.frequency_hz,
            Quantity::Energy => seen.energy_kwh,
            Quantity::ArcCount => seen.half_cycles,
            Quantity::SignalStrength => 24.0,
            Quantity::Switch => load,
            Quantity::Device => 0.0,
        }
    }

    /// What the status words of the model say, after the detector's own set values.
    fn reported(&mut self, samples: &[Sample], now: UnixMs) -> Vec<Reported> {
        let mut reported: Vec<Reported> = Vec::new();
        let keyed = self.profile.keyed_statuses.iter().flat_map(|status| &status.meanings).map(|meaning| {
            // The value is the speaker's; here only what it means counts.
            let (hazard, severity, point) = (meaning.hazard, meaning.severity, meaning.point);
            Meaning { value: 0, hazard, severity, point }
        });
        let meanings: Vec<Meaning> = self
            .profile
            .statuses
            .iter()
            .flat_map(|status| status.meanings.iter().cloned())
            .chain(keyed)
            .collect();
        for meaning in &meanings {
            let known = reported.iter().any(|r| r.point == meaning.point && r.hazard == meaning.hazard);
            let Some(point) = meaning.point.filter(|_| !known) else { continue };
            let reached = self.reached(point, meaning.hazard, samples, now);
            // The worst that the model has a word for and that has been reached.
            let severity = meanings
                .iter()
                .filter(|other| other.point == meaning.point && other.hazard == meaning.hazard)
                .map(|other| other.severity)
                .filter(|severity| reached.is_some_and(|reached| *severity <= reached))
                .max();
            reported.push(Reported { point: Some(point), hazard: meaning.hazard, severity });
        }
        reported
    }

    fn reached(
        &mut self,
        index: PointIndex,
        hazard: Hazard,
        samples: &[Sample],
        now: UnixMs,
    ) -> Option<Severity> {
        let point = self.profile.point(index)?;
        let sample = samples.iter().find(|sample| sample.point == index)?;
        let broken = self.broken(point, now);
        let above = |limit: f64| point.decimals.value(sample.raw) >= limit;
        let alarm_if = |there: bool| there.then_some(Severity::Alarm);
        let measured = match hazard {
            Hazard::SensorOpen => return (broken == Some(Quality::SensorOpen)).then_some(Severity::Fault),
            Hazard::SensorShort => return (broken == Some(Quality::SensorShort)).then_some(Severity::Fault),
            Hazard::ResidualCurrent if above(set_value::RESIDUAL_ALARM_MA) => Some(Severity::Alarm),
            Hazard::ResidualCurrent if above(set_value::RESIDUAL_WARNING_MA) => Some(Severity::Warning),
            Hazard::OverTemperature => alarm_if(above(set_value::TEMPERATURE_C)),
            Hazard::OverVoltage => alarm_if(above(set_value::OVER_VOLTAGE_V)),
            Hazard::UnderVoltage => {
                alarm_if(!above(set_value::UNDER_VOLTAGE_V) && above(set_value::PHASE_LOSS_V))
            }
            Hazard::PhaseLoss => alarm_if(!above(set_value::PHASE_LOSS_V)),
            Hazard::Overload => {
                let limit_a = self.circuit.spec().rated_current_a * set_value::OVERLOAD_PERCENT / 100.0;
                alarm_if(above(limit_a))
            }
            Hazard::ResidualCurrent
            | Hazard::ShortCircuit
            | Hazard::ArcFault
            | Hazard::PowerFailure
            | Hazard::Offline
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
            | Hazard::UnassignedAlarm
            | Hazard::TemperatureRise
            | Hazard::CurrentUnbalance
            | Hazard::VoltageUnbalance
            | Hazard::NeutralOverload
            | Hazard::PhaseSequence
            | Hazard::LeakagePerLoad
            | Hazard::SensorZero
            | Hazard::SensorStuck
            | Hazard::SensorJump
            | Hazard::SensorDrift => None,
        };
        let measured = measured.filter(|_| broken.is_none());
        // GB 14287: residual current and temperature hold until a reset; where no reset is known nothing is held.
        let holds = self.profile.reset.is_some()
            && matches!(hazard, Hazard::ResidualCurrent | Hazard::OverTemperature);
        if holds && measured == Some(Severity::Alarm) && !self.held.contains(&(index, hazard)) {
            self.held.push((index, hazard));
        }
        if self.held.contains(&(index, hazard)) { Some(Severity::Alarm) } else { measured }
    }
}

/// The device's integer for a value, kept within what its format can write.
fn raw(point: &Point, value: f64) -> i64 {
    let (least, greatest) = point.range.unwrap_or(point.bounds());
    let scaled = (value * 10f64.powi(i32::from(point.decimals.0))).round();
    #[expect(clippy::cast_possible_truncation, reason = "beyond i64 it saturates and is clamped next")]
    let raw = scaled as i64;
    let mut raw = raw.clamp(least, greatest);
    // A number that happens to be a code would be read as a broken sensor.
    while raw > least && point.invalid.iter().any(|(code, _)| *code == raw) {
        raw -= 1;
    }
    raw
}

/// Whether `fault` holds the point `index`.
fn is_stuck(profile: &Profile, index: PointIndex, fault: &Fault) -> bool {
    matches!(&fault.kind, FaultKind::StuckProbe { point, .. } if profile.point(index).is_some_and(|known| known.code == *point))
}

/// The points of a model that a fault shows on; empty where the model cannot show it. Faults of the detector as a
/// whole show on none and fit every model: see [`fits`].
#[must_use]
pub fn points_of(profile: &Profile, kind: &FaultKind) -> Vec<String> {
    let conductor = |conductor: &Conductor| match conductor {
        Conductor::A => Phase::A,
        Conductor::B => Phase::B,
        Conductor::C => Phase::C,
        Conductor::N => Phase::N,
    };
    let all = |quantity: Quantity| profile.points.iter().filter(move |point| point.quantity == quantity);
    let on = |quantity: Quantity, phase: Phase| -> Vec<String> {
        all(quantity).filter(|point| point.phase == Some(phase)).map(|point| point.code.clone()).collect()
    };
    match kind {
        FaultKind::AgeingInsulation { circuit_loop, .. } => all(Quantity::ResidualCurrent)
            .nth(usize::from(*circuit_loop))
            .map(|point| point.code.clone())
            .into_iter()
            .collect(),
        FaultKind::LooseningTerminal { conductor: which, .. } => {
            on(Quantity::ConductorTemperature, conductor(which))
        }
        FaultKind::Overload { .. } => all(Quantity::Current).map(|point| point.code.clone()).collect(),
        FaultKind::Sag { .. } | FaultKind::Swell { .. } => {
            all(Quantity::Voltage).map(|point| point.code.clone()).collect()
        }
        // The only phase lost is a power failure.
        FaultKind::PhaseLoss { .. } if all(Quantity::Voltage).nth(1).is_none() => Vec::new(),
        FaultKind::PhaseLoss { phase } => on(Quantity::Voltage, conductor(phase)),
        FaultKind::Unbalance { .. } => {
            let of_phase = |phase| on(Quantity::Current, phase);
            let phases: [Vec<String>; 3] = [Phase::A, Phase::B, Phase::C].map(of_phase);
            if phases.iter().any(Vec::is_empty) { Vec::new() } else { phases.concat() }
        }
        FaultKind::FloatingNeutral { .. } => {
            let of_phase = |phase| on(Quantity::Voltage, phase);
            let phases: [Vec<String>; 3] = [Phase::A, Phase::B, Phase::C].map(of_phase);
            if phases.iter().any(Vec::is_empty) { Vec::new() } else { phases.concat() }
        }
        FaultKind::HarmonicLoad { .. } => {
            all(Quantity::NeutralCurrent).map(|point| point.code.clone()).collect()
        }
        FaultKind::Outage => all(Quantity::Voltage).map(|point| point.code.clone()).collect(),
        FaultKind::ShortCircuit { phase, .. } => on(Quantity::Current, conductor(phase)),
        FaultKind::Arcing { .. } => all(Quantity::ArcCount).map(|point| point.code.clone()).collect(),
        // The load of all phases has to be known, and all of it flows through the first loop.
        FaultKind::LeakyLoad { .. } => {
            let is_known = |phase| !on(Quantity::Current, phase).is_empty();
            let loops = usize::from([Phase::A, Phase::B, Phase::C].into_iter().all(is_known));
            all(Quantity::ResidualCurrent).take(loops).map(|point| point.code.clone()).collect()
        }
        // That it stays is seen against the load.
        FaultKind::StuckProbe { .. } if all(Quantity::Current).next().is_none() => Vec::new(),
        FaultKind::StuckProbe { point, .. } => all(Quantity::ConductorTemperature)
            .chain(all(Quantity::ResidualCurrent))
            .filter(|known| known.code == *point)
            .map(|known| known.code.clone())
            .collect(),
        FaultKind::LooseProbe { point, .. } | FaultKind::DriftingProbe { point, .. } => {
            all(Quantity::ConductorTemperature)
                .filter(|known| known.code == *point)
                .map(|known| known.code.clone())
                .collect()
        }
        FaultKind::BrokenProbe { point, short } => {
            let wanted = if *short { Quality::SensorShort } else { Quality::SensorOpen };
            let hazard = if *short { Hazard::SensorShort } else { Hazard::SensorOpen };
            profile
                .indexed_points()
                .filter(|(_, known)| known.code == *point)
                .filter(|(index, known)| {
                    known.invalid.iter().any(|(_, quality)| *quality == wanted)
                        || profile
                            .statuses
                            .iter()
                            .flat_map(|status| &status.meanings)
                            .any(|meaning| meaning.point == Some(*index) && meaning.hazard == hazard)
                })
                .map(|(_, known)| known.code.clone())
                .collect()
        }
        FaultKind::Miswired { .. }
        | FaultKind::Frozen
        | FaultKind::DeadSim
        | FaultKind::Reboot
        | FaultKind::WrongClock { .. }
        | FaultKind::ReplayAfterOutage => Vec::new(),
    }
}

/// Whether a detector of this model can show the fault.
#[must_use]
pub fn fits(profile: &Profile, kind: &FaultKind) -> bool {
    match kind {
        FaultKind::Frozen | FaultKind::DeadSim | FaultKind::Reboot => true,
        // A check of the wiring needs a load to compare with.
        FaultKind::Miswired { .. } => profile.points.iter().any(|point| point.quantity == Quantity::Current),
        FaultKind::WrongClock { .. } => profile.clock.is_some(),
        FaultKind::ReplayAfterOutage => profile.replays_history && profile.clock.is_some(),
        FaultKind::AgeingInsulation { .. }
        | FaultKind::LooseningTerminal { .. }
        | FaultKind::Overload { .. }
        | FaultKind::Sag { .. }
        | FaultKind::Swell { .. }
        | FaultKind::PhaseLoss { .. }
        | FaultKind::Unbalance { .. }
        | FaultKind::FloatingNeutral { .. }
        | FaultKind::HarmonicLoad { .. }
        | FaultKind::Outage
        | FaultKind::ShortCircuit { .. }
        | FaultKind::Arcing { .. }
        | FaultKind::LooseProbe { .. }
        | FaultKind::StuckProbe { .. }
        | FaultKind::DriftingProbe { .. }
        | FaultKind::LeakyLoad { .. }
        | FaultKind::BrokenProbe { .. } => !points_of(profile, kind).is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::premises::PremisesKind;
    use domain::profile::{decode, shipped};

    const NOW: UnixMs = UnixMs(1_780_279_200_000);

    fn device(id: &str) -> Device {
        let profile = shipped().unwrap().into_iter().find(|profile| profile.id == id).unwrap();
        let spec = CircuitSpec { kind: PremisesKind::Mall, rated_current_a: 63.0, seed: 11 };
        Device::new(Arc::new(profile), spec)
    }

    fn inject(device: &mut Device, kind: FaultKind) {
        device.inject(Fault { kind, from: NOW.plus_ms(-900_000), to: NOW.plus_ms(900_000) });
    }

    #[test]
    fn what_any_shipped_model_says_survives_its_own_encoding() {
        for profile in shipped().unwrap() {
            let mut device = device(&profile.id);
            let said = device.say(NOW, Some(NOW));
            for group in profile.groups.clone() {
                let bytes = device.encode(&group, &said).unwrap();
                let read = decode(&profile, &group, &bytes).unwrap();
                for sample in &read.samples {
                    assert!(said.samples.contains(sample), "{}: {sample:?}", profile.id);
                    assert_eq!(sample.quality, Quality::Good);
                }
                assert!(read.reported.iter().all(|reported| reported.severity.is_none()), "{}", profile.id);
            }
        }
    }

    #[test]
    fn a_broken_probe_is_told_by_code_or_by_status() {
        let mut arcm = device("arcm300-cloud");
        inject(&mut arcm, FaultKind::BrokenProbe { point: "temperature_b".to_owned(), short: false });
        let said = arcm.say(NOW, None);
        let (index, _) = arcm.profile().point_by_code("temperature_b").unwrap();
        assert!(said.samples.iter().any(|s| s.point == index && s.quality == Quality::SensorOpen));

        let mut asj = device("asj-relay");
        inject(&mut asj, FaultKind::BrokenProbe { point: "residual".to_owned(), short: false });
        let request = Request::read_holding_registers(1, 0x1B, 1).unwrap();
        let answer = asj.answer(&request, NOW).unwrap();
        assert_eq!(answer.registers().unwrap(), [0b100]);
    }

    #[test]
    fn a_frozen_detector_repeats_itself_to_the_digit_and_moves_on_afterwards() {
        let mut device = device("arcm300-cloud");
        inject(&mut device, FaultKind::Frozen);
        let first = device.say(NOW, None).samples;
        assert_eq!(device.say(NOW.plus_ms(60_000), None).samples, first);
        assert_eq!(device.say(NOW.plus_ms(600_000), None).samples, first);
        assert_ne!(device.say(NOW.plus_ms(1_000_000), None).samples, first);
    }

    #[test]
    fn reads_outside_the_map_are_refused_and_reads_inside_any_part_are_answered() {
        let mut adl = device("adl3000");
        let part = Request::read_holding_registers(3, 100, 3).unwrap();
        let currents = adl.answer(&part, NOW).unwrap().registers().unwrap();
        assert_eq!(currents.len(), 3);
        assert!(currents.iter().all(|raw| *raw > 0));
        let outside = Request::read_holding_registers(3, 500, 1).unwrap();
        assert_eq!(
            adl.answer(&outside, NOW).unwrap(),
            Answer::exception(&outside, Exception::IllegalDataAddress)
        );
    }

    #[test]
    fn an_alarm_is_held_by_the_device_until_its_reset_is_written() {
        let mut device = device("arcm300-modbus");
        device.inject(Fault {
            kind: FaultKind::AgeingInsulation { target_ma: 900.0, ramp_s: 1.0, circuit_loop: 0 },
            from: NOW.plus_ms(-60_000),
            to: NOW.plus_ms(10_000),
        });
        let told = |device: &mut Device, at: UnixMs| {
            let said = device.say(at, None);
            said.reported.iter().find(|r| r.hazard == Hazard::ResidualCurrent).unwrap().severity
        };
        assert_eq!(told(&mut device, NOW), Some(Severity::Alarm));
        let later = NOW.plus_ms(60_000);
        assert_eq!(told(&mut device, later), Some(Severity::Alarm), "held although repaired");
        let reset =
            Request::new(1, RequestBody::WriteMultipleRegisters { start: 0x20, values: vec![1] }).unwrap();
        assert_eq!(device.answer(&reset, later), Answer::write_ack(&reset));
        assert_eq!(told(&mut device, later), None);
        assert_eq!(device.resets(), 1);
    }

    #[test]
    fn a_breaker_that_was_opened_carries_no_current() {
        let mut breaker = device("leakage-breaker");
        let open = Request::new(1, RequestBody::WriteSingleCoil { address: 1, on: false }).unwrap();
        assert_eq!(breaker.answer(&open, NOW), Answer::write_ack(&open));
        let said = breaker.say(NOW, None);
        let (switch, _) = breaker.profile().point_by_code("switch").unwrap();
        let (current, _) = breaker.profile().point_by_code("current_a").unwrap();
        for sample in said.samples.iter().filter(|s| s.point == switch || s.point == current) {
            assert_eq!(sample.raw, 0);
        }
    }

    #[test]
    fn what_a_device_is_told_by_name_it_does_if_its_model_has_the_name() {
        let mut told = device("telemetry-generic");
        let switch = |device: &mut Device| {
            let said = device.say(NOW, None);
            let (index, _) = device.profile().point_by_code("switch").unwrap();
            said.samples.iter().find(|sample| sample.point == index).unwrap().raw
        };
        assert_eq!((switch(&mut told), told.obey("trip")), (1, Ok(())));
        assert_eq!((switch(&mut told), told.obey("close")), (0, Ok(())));
        assert_eq!((switch(&mut told), told.obey("self_test")), (1, Ok(())));
        assert_eq!(told.obey("clock"), Ok(()));
        assert_eq!(told.obey("explode"), Err("no command explode".to_owned()));
        assert!(device("asj-relay").obey("trip").is_err());
    }

    #[test]
    fn line_faults_and_clock_faults() {
        let mut device = device("arcm300-cloud");
        assert_eq!(device.line(NOW), LineState::Up);
        inject(&mut device, FaultKind::WrongClock { offset_s: -7_200 });
        assert_eq!(device.clock_error_ms(NOW), -7_200_000);
        inject(&mut device, FaultKind::ReplayAfterOutage);
        assert_eq!(device.line(NOW), LineState::Silent { until: NOW.plus_ms(900_000), keeps: true });
        assert_eq!(device.line(NOW.plus_ms(900_000)), LineState::Up);
    }

    #[test]
    fn which_model_can_show_what() {
        let profile = |id: &str| device(id).profile().clone();
        let asj = profile("asj-relay");
        assert!(fits(&asj, &FaultKind::by_code("ageing_insulation").unwrap()));
        assert!(!fits(&asj, &FaultKind::by_code("loosening_terminal").unwrap()));
        assert!(!fits(&asj, &FaultKind::by_code("wrong_clock").unwrap()));
        let aim = profile("aim-r100");
        let twelfth = FaultKind::AgeingInsulation { target_ma: 1.0, ramp_s: 1.0, circuit_loop: 11 };
        assert_eq!(points_of(&aim, &twelfth), ["residual_12"]);
    }
}
