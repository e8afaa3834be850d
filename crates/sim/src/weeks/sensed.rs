//! From a load to what a detector reports: heat, leakage, voltage, and sensors with their noise, resolution and gaps.

use domain::diagnosis::{History, Limits};
use domain::quantity::{Phase, Quantity};
use domain::time::UnixMs;
use domain::wiring::Track;

use super::fault::{SlowFault, Wrong};
use super::load::Load;
use super::premises::summer;
use super::{STEP_MS, number};
use crate::physics::{Noise, TAU_CABLE_S, TAU_HOT_SPOT_S};

/// Alarm levels: GB 14287.2 (residual current) and the usual setting of cable probes.
pub const LIMITS: Limits = Limits { residual_ma: 300.0, temperature_c: 85.0 };

/// Rise of a conductor over the air at rated current, K; as in [`physics`](crate::physics).
const RISE_AT_RATED_K: f64 = 28.0;
/// Of this a sound terminal makes, K at rated current. Assumed.
const SOUND_TERMINAL_K: f64 = 5.0;
/// All conductors at rated current warm the closed box by this, K. Assumed.
const BOX_K: f64 = 5.0;
/// Time constant of the box, s. Assumed.
const TAU_BOX_S: f64 = 7_200.0;
const NOMINAL_V: f64 = 220.0;
/// Voltage lost before the detector at rated current, as a share. Assumed.
const DROP_AT_RATED: f64 = 0.035;
/// The voltage that a supply must keep: 7 % below nominal (GB/T 12325-2008, 4.3).
const LOWEST_V: f64 = NOMINAL_V * 0.93;

mod channel {
    pub(super) const HEAT: u64 = 300;
    pub(super) const WEATHER: u64 = 310;
    pub(super) const HUMIDITY: u64 = 320;
    pub(super) const LEAKAGE: u64 = 330;
    pub(super) const SUPPLY: u64 = 340;
    pub(super) const PROBE: u64 = 350;
}

/// Which sensors a detector has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sensors {
    /// A probe in the air of the box.
    pub air: bool,
    /// The neutral's current.
    pub neutral: bool,
    /// Resolution of the temperatures, K.
    pub temperature_k: f64,
    /// Makes it differ from others.
    pub seed: u64,
}

/// What was recorded, and the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// All of it.
    pub history: History,
    /// The first step at which the threshold of the fault's hazard is passed, where it has one.
    pub threshold: Option<usize>,
}

/// A first-order lag over one step towards a constant target: the mean of the step, and its end.
fn lag(from: f64, target: f64, tau_s: f64) -> (f64, f64) {
    let step_s = STEP_MS as f64 / 1_000.0;
    let keep = (-step_s / tau_s).exp();
    let mean = target + (from - target) * tau_s / step_s * (1.0 - keep);
    (mean, target + (from - target) * keep)
}

fn rounded(value: f64, to: f64) -> f64 {
    (value / to).round() * to
}

/// Air outside, °C, and relative humidity, 0 to 1: seasons, days, spells of some days, the rains of June.
fn weather(noise: Noise, at: UnixMs, hour: f64) -> (f64, f64) {
    const HALF_DAY_MS: i64 = 43_200_000;
    let sun = ((hour - 9.0) / 24.0 * std::f64::consts::TAU).sin();
    let warm = summer(at);
    let air = 17.0
        + 11.0 * warm
        + 3.5 * sun
        + 4.0 * noise.smooth(channel::WEATHER, at.0, 8 * HALF_DAY_MS)
        + 1.0 * noise.smooth(channel::WEATHER + 1, at.0, HALF_DAY_MS / 2);
    let humid = 0.66 + 0.12 * warm - 0.10 * sun
        + 0.14 * noise.smooth(channel::HUMIDITY, at.0, 6 * HALF_DAY_MS)
        + 0.08 * noise.smooth(channel::HUMIDITY + 1, at.0, HALF_DAY_MS);
    (air, humid.clamp(0.2, 0.99))
}

struct Tracks {
    all: Vec<Track>,
}

impl Tracks {
    fn push(&mut self, code: &str, quantity: Quantity, phase: Option<Phase>, value: Option<f64>) {
        match self.all.iter_mut().find(|track| track.code == code) {
            Some(track) => track.mean.push(value),
            None => self.all.push(Track {
                code: code.to_owned(),
                quantity,
                phase,
                mean: vec![value],
                max: Vec::new(),
            }),
        }
    }
}

/// What the detector reports of a load, with its fault.
#[must_use]
pub fn sense(mut load: Load, sensors: Sensors, fault: Option<&SlowFault>) -> Recording {
    let busy: [f64; 3] = std::array::from_fn(|phase| load.busy(phase));
    if let Some(fault) = fault {
        fault.load(&mut load);
    }
    let noise = Noise::new(sensors.seed);
    let rated = load.rated_a;
    let heat = |conductor: u64| 0.75 + 0.5 * noise.fixed(channel::HEAT + conductor);
    let ohm = DROP_AT_RATED * NOMINAL_V / rated * (0.6 + 0.8 * noise.fixed(channel::SUPPLY + 9));
    let natural_ma = 25.0 + 60.0 * noise.fixed(channel::LEAKAGE);
    // Old houses are damp in the rains; most are not.
    let damp_ma = 3.0 + 14.0 * noise.fixed(channel::LEAKAGE + 1).powi(3);
    let names = [("a", Phase::A), ("b", Phase::B), ("c", Phase::C), ("n", Phase::N)];
    let mut tracks = Tracks { all: Vec::new() };
    let (mut cable, mut terminal, mut warm_box) = ([0.0; 4], [0.0; 4], 0.0);
    let mut threshold = None;
    for step in 0..load.steps() {
        let at = load.from.plus_ms(STEP_MS * i64::try_from(step).unwrap_or(0));
        let (outside, humidity) = weather(noise, at, Load::hour(step));
        let said = load.amps.get(step).copied().flatten();
        let phases = said.unwrap_or_default();
        let [a, b, c] = phases;
        let unbalance = (a * a + b * b + c * c - a * b - b * c - c * a).max(0.0).sqrt();
        let third = load.third.get(step).copied().unwrap_or(0.0);
        // Harmonics of order three of the three phases add up in the neutral.
        let neutral = if load.phases == 1 { a } else { unbalance.hypot(third * (a + b + c)) };
        let conductors = [a, b, c, neutral];
        let squares: f64 = phases.iter().map(|amps| amps * amps).sum::<f64>() / (3.0 * rated * rated);
        let (box_mean, box_end) = lag(warm_box, BOX_K * squares, TAU_BOX_S);
        warm_box = box_end;
        let air = 6.0 + 0.75 * outside + box_mean;
        let receive = |value: f64| said.map(|_| value);
        let mut passed = false;
        for (index, ((name, phase), amps)) in names.into_iter().zip(conductors).enumerate() {
            let here = if index == 3 { load.phases == 3 && sensors.neutral } else { index < load.phases };
            if !here {
                continue;
            }
            let own = index as u64;
            let square = amps * amps;
            let (cable_mean, cable_end) = lag(
                cable.get(index).copied().unwrap_or(0.0),
                (RISE_AT_RATED_K - SOUND_TERMINAL_K) * heat(own) * square / (rated * rated),
                TAU_CABLE_S,
            );
            let contact = fault
                .map_or(0.0, |fault| fault.contact(step, index, busy.get(index).copied().unwrap_or(0.0)));
            let (hot_mean, hot_end) = lag(
                terminal.get(index).copied().unwrap_or(0.0),
                (SOUND_TERMINAL_K * heat(own + 4) / (rated * rated) + contact) * square,
                TAU_HOT_SPOT_S,
            );
            if let (Some(cable), Some(terminal)) = (cable.get_mut(index), terminal.get_mut(index)) {
                *cable = cable_end;
                *terminal = hot_end;
            }
            let probe = air
                + cable_mean
                + hot_mean
                + 0.8 * noise.smooth(channel::PROBE + own, at.0, 10 * 3_600_000)
                + 0.2 * noise.smooth(channel::PROBE + 10 + own, at.0, STEP_MS);
            let temperature = rounded(probe, sensors.temperature_k);
            tracks.push(
                &format!("temperature_{name}"),
                Quantity::ConductorTemperature,
                Some(phase),
                receive(temperature),
            );
            let current = rounded(amps * (1.0 + 0.004 * noise.smooth(own, at.0, STEP_MS)), 0.01);
            let quantity = if index == 3 { Quantity::NeutralCurrent } else { Quantity::Current };
            tracks.push(&format!("current_{name}"), quantity, Some(phase), receive(current));
            passed |= match fault.map(|fault| fault.wrong) {
                Some(Wrong::LooseTerminal { .. }) => temperature >= LIMITS.temperature_c,
                Some(Wrong::GrowingLoad { .. }) => index < 3 && amps >= rated,
                Some(Wrong::Harmonics { .. }) => index == 3 && amps >= rated,
                Some(
                    Wrong::Insulation { .. }
                    | Wrong::LeakingLoad { .. }
                    | Wrong::AfterHours { .. }
                    | Wrong::Ebike { .. }
                    | Wrong::Supply { .. },
                )
                | None => false,
            };
            if index < 3 {
                let factor = fault.map_or(1.0, |fault| fault.supply(step));
                let usual = match &load.volts {
                    Some(volts) => volts.get(step).copied().unwrap_or(NOMINAL_V),
                    None => {
                        NOMINAL_V
                            * (1.03
                                + 0.010 * noise.smooth(channel::SUPPLY, at.0, 5 * 3_600_000)
                                + 0.004 * noise.smooth(channel::SUPPLY + 1, at.0, 1_200_000))
                            - ohm * amps
                    }
                };
                let volts = usual - ohm * (factor - 1.0) * amps;
                passed |=
                    matches!(fault.map(|fault| fault.wrong), Some(Wrong::Supply { .. })) && volts < LOWEST_V;
                tracks.push(
                    &format!("voltage_{name}"),
                    Quantity::Voltage,
                    Some(phase),
                    receive(rounded(volts, 0.1)),
                );
            }
        }
        if sensors.air {
            let probe = air + 0.3 * noise.smooth(channel::PROBE + 30, at.0, 3 * 3_600_000);
            tracks.push("ambient", Quantity::AmbientTemperature, None, receive(rounded(probe, 0.1)));
        }
        let on = (phases.iter().sum::<f64>() / number(load.phases) / rated).clamp(0.0, 1.3);
        let capacitive = natural_ma
            * (0.45 + 0.75 * on)
            * (1.0 + 0.02 * noise.smooth(channel::LEAKAGE + 2, at.0, 3_600_000));
        let resistive = damp_ma * (3.0 * (humidity - 0.7)).exp()
            + fault.map_or(0.0, |fault| fault.insulation_ma(step)) * (1.0 + 0.6 * (humidity - 0.7))
            + load.leak_ma.get(step).copied().unwrap_or(0.0);
        let residual = capacitive.hypot(resistive);
        passed |= matches!(fault.map(|fault| fault.wrong), Some(Wrong::Insulation { .. }))
            && residual >= LIMITS.residual_ma;
        tracks.push("residual", Quantity::ResidualCurrent, None, receive(residual.round()));
        if passed && threshold.is_none() && fault.is_some_and(|fault| step >= fault.from) {
            threshold = Some(step);
        }
    }
    let history = History {
        from: load.from,
        offset_ms: load.offset_ms,
        rated_current_a: Some(rated),
        limits: LIMITS,
        tracks: tracks.all,
    };
    Recording { history, threshold }
}
