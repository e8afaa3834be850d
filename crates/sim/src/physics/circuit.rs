//! One circuit: load, voltage, conductor temperature, leakage.

use domain::time::UnixMs;

use super::Noise;
use crate::fault::{Effects, Fault};
use crate::premises::PremisesKind;

/// Time constant of a loaded cable, s. Assumed for small PVC cables in trunking.
pub const TAU_CABLE_S: f64 = 900.0;
/// Time constant of a terminal with contact resistance, s. Assumed: small mass, so quicker than the cable.
pub const TAU_HOT_SPOT_S: f64 = 180.0;

/// Rise of a conductor over ambient at rated current, K. PVC insulation is rated for 70 °C at 30 °C ambient;
/// installers leave room.
const RISE_AT_RATED_C: f64 = 28.0;
const NOMINAL_VOLTAGE_V: f64 = 220.0;
const MEAN_POWER_FACTOR: f64 = 0.93;
/// Voltage lost in the supply at rated current, as a share. Assumed.
const DROP_AT_RATED: f64 = 0.035;
/// China has one time zone, UTC+8.
const LOCAL_OFFSET_MS: i64 = 8 * HOUR_MS;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The state is followed in steps of at most this, so that it hardly depends on how often it is asked.
const STEP_MS: i64 = 10_000;
/// How much of the past is followed when a circuit is first asked: more than six time constants of the cable.
const RUN_IN_MS: i64 = 2 * HOUR_MS;

/// Channels of the noise.
mod channel {
    pub(super) const LOAD: u64 = 1;
    pub(super) const BALANCE: u64 = 10;
    pub(super) const SUPPLY: u64 = 20;
    pub(super) const WEATHER: u64 = 30;
    pub(super) const HUMIDITY: u64 = 31;
    pub(super) const SHIMMER: u64 = 40;
    pub(super) const LEAKAGE: u64 = 100;
    pub(super) const SIZE: u64 = 200;
}

/// What a circuit is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CircuitSpec {
    /// Where it is.
    pub kind: PremisesKind,
    /// Rated current, A.
    pub rated_current_a: f64,
    /// Makes it differ from its neighbours.
    pub seed: u64,
}

/// A circuit and what it remembers: heat.
#[derive(Debug, Clone, PartialEq)]
pub struct Circuit {
    spec: CircuitSpec,
    noise: Noise,
    at: Option<UnixMs>,
    /// Rise of the conductors A B C N over ambient by their own current, K.
    cable_c: [f64; 4],
    /// Rise by bad contacts, K.
    hot_spot_c: [f64; 4],
    energy_kwh: f64,
}

/// What could be measured on a circuit at one moment. Arrays are in the order A B C (N).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Snapshot {
    /// Air in the distribution box, °C.
    pub ambient_c: f64,
    /// Relative humidity, 0 to 1.
    pub humidity: f64,
    /// Conductors A B C N, °C.
    pub temperature_c: [f64; 4],
    /// Phases to neutral, V.
    pub voltage_v: [f64; 3],
    /// Phases, A.
    pub current_a: [f64; 3],
    /// Neutral, A.
    pub neutral_a: f64,
    /// Power factor of each phase.
    pub power_factor: [f64; 3],
    /// Active power of each phase, W.
    pub power_w: [f64; 3],
    /// Hz.
    pub frequency_hz: f64,
    /// Counted since the circuit was first asked, kWh.
    pub energy_kwh: f64,
    /// Half-cycles with arcs in a second.
    pub half_cycles: f64,
    /// The part of the residual current that all loops share, mA.
    residual_base_ma: f64,
}

impl Circuit {
    /// A circuit that nothing has been asked of.
    #[must_use]
    pub const fn new(spec: CircuitSpec) -> Self {
        Self {
            spec,
            noise: Noise::new(spec.seed),
            at: None,
            cable_c: [0.0; 4],
            hot_spot_c: [0.0; 4],
            energy_kwh: 0.0,
        }
    }

    /// What it is.
    #[must_use]
    pub const fn spec(&self) -> &CircuitSpec {
        &self.spec
    }

    /// Follows the circuit up to `now` under `faults` and says what could be measured then. A `now` before the last
    /// one changes nothing that is remembered.
    pub fn advance(&mut self, now: UnixMs, faults: &[Fault]) -> Snapshot {
        let mut at = match self.at {
            Some(at) => at,
            None => {
                let start = now.plus_ms(-RUN_IN_MS);
                self.settle(start, faults);
                start
            }
        };
        if now.since_ms(at) > 12 * RUN_IN_MS {
            at = now.plus_ms(-RUN_IN_MS);
            self.settle(at, faults);
        }
        while at < now {
            // A long way back needs no fine steps; the last minutes do.
            let left_ms = now.since_ms(at);
            let step_ms = if left_ms > 20 * STEP_MS { 6 * STEP_MS } else { left_ms.min(STEP_MS) };
            at = at.plus_ms(step_ms);
            self.heat(at, step_ms as f64 / 1000.0, &self.effects(at, faults));
        }
        self.at = Some(self.at.map_or(at, |before| before.max(at)));
        self.snapshot(now, &self.effects(now, faults))
    }

    /// The load current of the phases without any fault, A.
    #[must_use]
    pub fn usual_current_a(&self, at: UnixMs) -> [f64; 3] {
        let local = at.0 + LOCAL_OFFSET_MS;
        let of_day = local.rem_euclid(DAY_MS);
        let hour = usize::try_from(of_day / HOUR_MS).unwrap_or(0);
        let share = (of_day % HOUR_MS) as f64 / HOUR_MS as f64;
        let day = self.spec.kind.day();
        let hourly = |hour: usize| day.get(hour % 24).copied().unwrap_or(0.5);
        let curve = hourly(hour) + (hourly(hour + 1) - hourly(hour)) * share;
        let size = 0.62 + 0.30 * self.noise.fixed(channel::SIZE);
        let slow = 1.0 + 0.08 * self.noise.smooth(channel::LOAD, at.0, 900_000);
        let quick = 1.0 + 0.04 * self.noise.smooth(channel::LOAD + 1, at.0, 45_000);
        let base = self.spec.rated_current_a * self.spec.kind.peak_share() * size * curve * slow * quick;
        std::array::from_fn(|phase| {
            let offset = channel::BALANCE + phase as u64;
            let balance = 1.0
                + 0.14 * (2.0 * self.noise.fixed(offset) - 1.0)
                + 0.03 * self.noise.smooth(offset + 3, at.0, 120_000);
            base * balance
        })
    }

    fn effects(&self, at: UnixMs, faults: &[Fault]) -> Effects {
        Effects::at(at, faults, |from| {
            let [a, b, c] = self.usual_current_a(from);
            ((a + b + c) / 3.0).max(0.05 * self.spec.rated_current_a)
        })
    }

    /// Load currents with their faults, A B C N.
    fn currents(&self, at: UnixMs, effects: &Effects) -> [f64; 4] {
        let mut phases = self.usual_current_a(at);
        if let Some((percent, share)) = effects.overload {
            let wanted = self.spec.rated_current_a * percent / 100.0;
            for current in &mut phases {
                let wobble = 1.0 + 0.02 * self.noise.smooth(channel::SHIMMER, at.0, 20_000);
                *current += (wanted * wobble - *current).max(0.0) * share;
            }
        }
        for (index, share) in effects.gathered.iter().enumerate() {
            let mut moved = 0.0;
            for (_, current) in phases.iter_mut().enumerate().filter(|(other, _)| *other != index) {
                moved += *current * share;
                *current *= 1.0 - share;
            }
            if let Some(current) = phases.get_mut(index) {
                *current += moved;
            }
        }
        for (current, lost) in phases.iter_mut().zip(effects.lost_phases) {
            if lost || effects.outage {
                *current = 0.0;
            }
        }
        for (current, short) in phases.iter_mut().zip(effects.short_circuit) {
            if let Some(multiple) = short {
                *current = self.spec.rated_current_a * multiple;
            }
        }
        let [a, b, c] = phases;
        // Phasor sum of three currents 120 degrees apart, and the third harmonic, which adds up in the neutral.
        let unbalance = (a * a + b * b + c * c - a * b - b * c - c * a).max(0.0).sqrt();
        let third = 0.12 * (a + b + c) / 3.0;
        let harmonics = self.spec.rated_current_a * effects.neutral_percent / 100.0;
        let neutral = if effects.outage { 0.0 } else { unbalance.hypot(third).max(harmonics) };
        [a, b, c, neutral]
    }

    fn targets(&self, at: UnixMs, effects: &Effects) -> [(f64, f64); 4] {
        let mut targets = [(0.0, 0.0); 4];
        let rated = self.spec.rated_current_a;
        for ((target, current), contact) in
            targets.iter_mut().zip(self.currents(at, effects)).zip(effects.contact)
        {
            let cable = RISE_AT_RATED_C * (current / rated).powi(2);
            // A contact of fixed resistance: its heat goes with the square of the current through it.
            let hot_spot =
                contact.map_or(0.0, |(rise_c, reference_a)| rise_c * (current / reference_a).powi(2));
            *target = (cable, hot_spot);
        }
        targets
    }

    fn settle(&mut self, at: UnixMs, faults: &[Fault]) {
        let targets = self.targets(at, &self.effects(at, faults));
        self.cable_c = targets.map(|(cable, _)| cable);
        self.hot_spot_c = targets.map(|(_, hot_spot)| hot_spot);
        self.at = Some(at);
    }

    fn heat(&mut self, at: UnixMs, step_s: f64, effects: &Effects) {
        let targets = self.targets(at, effects);
        let toward = |from: f64, to: f64, tau_s: f64| to + (from - to) * (-step_s / tau_s).exp();
        for ((cable, hot_spot), (cable_to, hot_spot_to)) in
            self.cable_c.iter_mut().zip(&mut self.hot_spot_c).zip(targets)
        {
            *cable = toward(*cable, cable_to, TAU_CABLE_S);
            *hot_spot = toward(*hot_spot, hot_spot_to, TAU_HOT_SPOT_S);
        }
        let [a, b, c, _] = self.currents(at, effects);
        self.energy_kwh += (a + b + c) * NOMINAL_VOLTAGE_V * MEAN_POWER_FACTOR * step_s / 3_600_000.0;
    }

    fn snapshot(&self, at: UnixMs, effects: &Effects) -> Snapshot {
        let hour = (at.0 + LOCAL_OFFSET_MS).rem_euclid(DAY_MS) as f64 / HOUR_MS as f64;
        let sun = ((hour - 9.0) / 24.0 * std::f64::consts::TAU).sin();
        let ambient_c = 19.0 + 4.0 * sun + 3.0 * self.noise.smooth(channel::WEATHER, at.0, 6 * HOUR_MS);
        let humidity = (0.70 - 0.12 * sun + 0.15 * self.noise.smooth(channel::HUMIDITY, at.0, 4 * HOUR_MS))
            .clamp(0.2, 0.98);
        let [a, b, c, neutral_a] = self.currents(at, effects);
        let current_a = [a, b, c];
        let rated = self.spec.rated_current_a;
        let supply = 1.035
            + 0.012 * self.noise.smooth(channel::SUPPLY, at.0, 600_000)
            + 0.002 * self.noise.smooth(channel::SUPPLY + 1, at.0, 5_000);
        let mut voltage_v =
            current_a.map(|current| NOMINAL_VOLTAGE_V * (supply - DROP_AT_RATED * current / rated));
        for (voltage, factor) in voltage_v.iter_mut().zip(effects.voltage_factor) {
            *voltage *= factor;
        }
        for (voltage, lost) in voltage_v.iter_mut().zip(effects.lost_phases) {
            if lost || effects.outage {
                // What couples over from the other phases.
                *voltage = 3.0 + 2.0 * self.noise.smooth(channel::SHIMMER + 1, at.0, 3_000);
            }
        }
        let power_factor = [0u64, 1, 2].map(|phase| {
            0.91 + 0.04 * self.noise.fixed(channel::BALANCE + phase)
                + 0.01 * self.noise.smooth(phase, at.0, 90_000)
        });
        let mut power_w = [0.0; 3];
        for (((power, voltage), current), factor) in
            power_w.iter_mut().zip(voltage_v).zip(current_a).zip(power_factor)
        {
            *power = voltage * current * factor;
        }
        let mut temperature_c = [0.0; 4];
        for ((temperature, cable), hot_spot) in
            temperature_c.iter_mut().zip(self.cable_c).zip(self.hot_spot_c)
        {
            *temperature = ambient_c + cable + hot_spot;
        }
        // Filters and cables are capacitors to earth; the more is switched on, the more of them.
        let on = ((a + b + c) / 3.0 / (rated * self.spec.kind.peak_share())).clamp(0.0, 1.3);
        let residual_base_ma = self.spec.kind.natural_leakage_ma() * (0.45 + 0.55 * on);
        Snapshot {
            ambient_c,
            humidity,
            temperature_c,
            voltage_v,
            current_a,
            neutral_a,
            power_factor,
            power_w,
            frequency_hz: 50.0 + 0.02 * self.noise.smooth(channel::SUPPLY + 2, at.0, 4_000),
            energy_kwh: self.energy_kwh,
            half_cycles: effects.half_cycles,
            residual_base_ma,
        }
    }

    /// Residual current of one loop (0 where a detector has one), mA: the capacitive part stands at a right angle to
    /// the resistive one, which grows with humidity.
    #[must_use]
    pub fn residual_ma(&self, now: UnixMs, snapshot: &Snapshot, faults: &[Fault], loop_index: u8) -> f64 {
        let own = channel::LEAKAGE + u64::from(loop_index);
        let capacitive = snapshot.residual_base_ma
            * (0.7 + 0.6 * self.noise.fixed(own))
            * (1.0 + 0.02 * self.noise.smooth(own, now.0, 8_000));
        let insulation_ma = 4.0 * (3.0 * (snapshot.humidity - 0.7)).exp();
        let effects = self.effects(now, faults);
        let load_kw = snapshot.power_w.iter().sum::<f64>() / 1000.0;
        let fault_ma = (effects.resistive_ma(loop_index) + effects.leaky_ma_per_kw * load_kw)
            * (1.0 + 0.25 * (snapshot.humidity - 0.7) + 0.015 * self.noise.smooth(own + 50, now.0, 6_000));
        capacitive.hypot(insulation_ma + fault_ma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Conductor, FaultKind};

    /// 2026-06-01 10:00 in China.
    const MORNING: UnixMs = UnixMs(1_780_279_200_000);

    fn circuit(seed: u64) -> Circuit {
        Circuit::new(CircuitSpec { kind: PremisesKind::Mall, rated_current_a: 63.0, seed })
    }

    fn fault(kind: FaultKind, from_s: i64, to_s: i64) -> Fault {
        Fault { kind, from: MORNING.plus_ms(from_s * 1000), to: MORNING.plus_ms(to_s * 1000) }
    }

    #[test]
    fn a_normal_circuit_stays_inside_the_platforms_warning_levels_all_day() {
        for seed in 0..40 {
            for kind in PremisesKind::ALL {
                let mut circuit = Circuit::new(CircuitSpec { kind, rated_current_a: 40.0, seed });
                for step in 0..96 {
                    let now = MORNING.plus_ms(step * 900_000);
                    let seen = circuit.advance(now, &[]);
                    let residual = circuit.residual_ma(now, &seen, &[], 0);
                    assert!(residual < 180.0, "{kind:?} seed {seed}: {residual} mA");
                    assert!(seen.temperature_c.iter().all(|t| (5.0..55.0).contains(t)), "{seen:?}");
                    assert!(seen.voltage_v.iter().all(|v| (205.0..240.0).contains(v)), "{seen:?}");
                    assert!(seen.current_a.iter().all(|i| *i > 0.0 && *i < 0.88 * 40.0), "{kind:?} {seen:?}");
                }
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_values_and_another_gives_others() {
        let (mut one, mut same, mut other) = (circuit(1), circuit(1), circuit(2));
        for step in 0..50 {
            let now = MORNING.plus_ms(step * 12_000);
            let seen = one.advance(now, &[]);
            assert_eq!(seen, same.advance(now, &[]));
            assert_ne!(seen, other.advance(now, &[]));
        }
    }

    #[test]
    fn how_often_it_is_asked_hardly_matters() {
        let (mut often, mut seldom) = (circuit(3), circuit(3));
        let faults = [fault(FaultKind::Overload { percent: 130.0, ramp_s: 1.0 }, 0, 7200)];
        let first = MORNING;
        often.advance(first, &faults);
        seldom.advance(first, &faults);
        for step in 1..=360 {
            often.advance(MORNING.plus_ms(step * 5_000), &faults);
        }
        let now = MORNING.plus_ms(1_800_000);
        let (a, b) = (often.advance(now, &faults), seldom.advance(now, &faults));
        for (a, b) in a.temperature_c.iter().zip(b.temperature_c) {
            assert!((a - b).abs() < 0.3, "{a} and {b}");
        }
    }

    #[test]
    fn temperature_follows_current_squared_with_the_cables_time_constant() {
        let mut circuit = circuit(4);
        circuit.advance(MORNING, &[]);
        let faults = [fault(FaultKind::Overload { percent: 150.0, ramp_s: 0.1 }, 0, 36_000)];
        let rise = |circuit: &mut Circuit, after_s: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
            let seen = circuit.advance(MORNING.plus_ms((after_s * 1000.0) as i64), &faults);
            seen.temperature_c[0] - seen.ambient_c
        };
        let start = rise(&mut circuit, 1.0);
        let after_tau = rise(&mut circuit, TAU_CABLE_S);
        let settled = rise(&mut circuit, TAU_CABLE_S * 8.0);
        let share = (after_tau - start) / (settled - start);
        assert!((0.60..0.67).contains(&share), "63 % after one time constant, had {share}");
        assert!((settled - RISE_AT_RATED_C * 1.5 * 1.5).abs() < 4.0, "settles at I squared, had {settled}");
    }

    #[test]
    fn a_loose_terminal_heats_its_own_conductor_only_and_cools_when_repaired() {
        let mut circuit = circuit(5);
        let loose = FaultKind::LooseningTerminal { rise_c: 70.0, ramp_s: 60.0, conductor: Conductor::B };
        let faults = [fault(loose, 0, 1_800)];
        let before = circuit.advance(MORNING, &faults);
        let during = circuit.advance(MORNING.plus_ms(1_700_000), &faults);
        let after = circuit.advance(MORNING.plus_ms(4_000_000), &faults);
        assert!(during.temperature_c[1] > before.temperature_c[1] + 50.0, "{during:?}");
        assert!((during.temperature_c[0] - before.temperature_c[0]).abs() < 6.0);
        assert!(after.temperature_c[1] < during.temperature_c[1] - 50.0, "{after:?}");
    }

    #[test]
    fn ageing_insulation_leaks_in_one_loop_and_more_when_it_is_damp() {
        let mut circuit = circuit(6);
        let faults = [fault(
            FaultKind::AgeingInsulation { target_ma: 400.0, ramp_s: 600.0, circuit_loop: 2 },
            0,
            7200,
        )];
        let before = circuit.advance(MORNING, &faults);
        let start = circuit.residual_ma(MORNING, &before, &faults, 2);
        let now = MORNING.plus_ms(1_200_000);
        let seen = circuit.advance(now, &faults);
        let leak = circuit.residual_ma(now, &seen, &faults, 2);
        assert!(start < 180.0 && leak > 340.0, "{start} then {leak}");
        assert!(circuit.residual_ma(now, &seen, &faults, 1) < 180.0);
        let damp = Snapshot { humidity: 0.95, ..seen };
        let dry = Snapshot { humidity: 0.4, ..seen };
        assert!(circuit.residual_ma(now, &damp, &faults, 2) > circuit.residual_ma(now, &dry, &faults, 2));
    }

    #[test]
    fn supply_faults_do_what_they_say() {
        let mut circuit = circuit(7);
        let sag = [fault(FaultKind::Sag { factor: 0.75 }, 0, 60)];
        assert!(circuit.advance(MORNING.plus_ms(5_000), &sag).voltage_v.iter().all(|v| *v < 176.0));
        let swell = [fault(FaultKind::Swell { factor: 1.22 }, 0, 60)];
        assert!(circuit.advance(MORNING.plus_ms(10_000), &swell).voltage_v.iter().all(|v| *v > 264.0));
        let loss = [fault(FaultKind::PhaseLoss { phase: Conductor::C }, 0, 60)];
        let seen = circuit.advance(MORNING.plus_ms(15_000), &loss);
        assert!(seen.voltage_v[2] < 10.0 && seen.current_a[2] == 0.0 && seen.voltage_v[0] > 200.0);
        assert!(circuit.advance(MORNING.plus_ms(90_000), &loss).voltage_v[2] > 200.0);
    }

    #[test]
    fn voltage_sinks_under_load() {
        let mut circuit = circuit(8);
        let free = circuit.advance(MORNING, &[]);
        let faults = [fault(FaultKind::Overload { percent: 120.0, ramp_s: 0.1 }, 0, 60)];
        let loaded = circuit.advance(MORNING.plus_ms(2_000), &faults);
        assert!(loaded.voltage_v[0] < free.voltage_v[0] - 2.0);
    }

    #[test]
    fn energy_only_grows() {
        let mut circuit = circuit(9);
        let first = circuit.advance(MORNING, &[]).energy_kwh;
        let later = circuit.advance(MORNING.plus_ms(3_600_000), &[]).energy_kwh;
        // About 63 A x 0.7 x 3 x 225 V for an hour.
        assert!((5.0..40.0).contains(&(later - first)), "{}", later - first);
    }
}
