//! One detector through the day: it measures, speaks or is silent, and the domain judges.

use std::collections::HashSet;
use std::sync::Arc;

use domain::binding::{Binding, ChannelBinding, hazards_of};
use domain::condition::{ChangeKind, ConditionChange, DetectorState};
use domain::hazard::Hazard;
use domain::id::{ChannelId, DetectorId, OrganisationId, SiteId, TerminalId};
use domain::place::{AreaCode, ChannelEntry, OrganisationPath, Placement};
use domain::profile::Profile;
use domain::quantity::{Decimals, Quantity};
use domain::reading::Reading;
use domain::settings::{LimitPatch, SupervisionPatch, limits, supervision};
use domain::time::UnixMs;

use super::{DayOptions, Raised};
use crate::device::{Device, LineState};
use crate::fault::{Fault, FaultKind};
use crate::physics::CircuitSpec;
use crate::truth::LEAKY_FROM_KW;

/// The channel of the device as a whole; those of the points follow in their order.
const DEVICE: ChannelId = ChannelId(1);

/// What a detector's day gave.
pub(super) struct Seen {
    pub(super) binding: Binding,
    pub(super) readings: u64,
    pub(super) values: u64,
    pub(super) raised: Vec<Raised>,
    pub(super) raised_twice: usize,
}

pub(super) fn live(
    profile: &Arc<Profile>,
    circuit: CircuitSpec,
    fault: Option<&Fault>,
    options: &DayOptions,
) -> Seen {
    let mut binding = bind(profile, circuit, options.report_ms);
    if fault.is_some_and(|fault| matches!(fault.kind, FaultKind::LeakyLoad { .. })) {
        // Off by default: a person has looked at this circuit.
        let all = binding.channels.iter_mut().flat_map(|channel| &mut channel.limits);
        for (_, limits) in all.filter(|(hazard, _)| *hazard == Hazard::LeakagePerLoad) {
            limits.enabled = true;
            limits.minimum = LEAKY_FROM_KW;
        }
    }
    let mut device = Device::new(profile.clone(), circuit);
    if let Some(fault) = fault {
        device.inject(fault.clone());
    }
    let mut state = DetectorState::new(options.from);
    let mut ledger = Ledger::default();
    let (mut readings, mut values) = (0u64, 0u64);
    // What could not be sent and is kept, oldest first.
    let mut kept: Vec<Reading> = Vec::new();
    // Not everybody speaks in the same second.
    let phase_ms = i64::try_from(circuit.seed % 997).unwrap_or(0) * options.report_ms / 997;
    let mut at = options.from.plus_ms(phase_ms);
    let end = options.from.plus_ms(options.length_ms);
    while at < end {
        ledger.take(&state.on_time(&binding, at).changes);
        let clock = profile.clock.is_some().then(|| at.plus_ms(device.clock_error_ms(at)));
        match device.line(at) {
            LineState::Silent { keeps, .. } => {
                if keeps {
                    kept.push(reading(&mut device, at, clock));
                }
            }
            LineState::Up => {
                let now = reading(&mut device, at, clock);
                for mut reading in kept.drain(..).chain([now]) {
                    reading.received_at = at;
                    readings += 1;
                    values += u64::try_from(reading.samples.len()).unwrap_or(0);
                    ledger.take(&state.on_reading(&binding, &reading).changes);
                }
            }
        }
        at = at.plus_ms(options.report_ms);
    }
    ledger.take(&state.on_time(&binding, end).changes);
    Seen { binding, readings, values, raised: ledger.raised, raised_twice: ledger.twice }
}

fn reading(device: &mut Device, at: UnixMs, clock: Option<UnixMs>) -> Reading {
    let said = device.say(at, clock);
    Reading {
        detector: DetectorId(1),
        group: 0,
        device_at: said.device_at,
        received_at: at,
        samples: said.samples,
        reported: said.reported,
    }
}

/// What was raised, and whether anything was raised twice.
#[derive(Default)]
struct Ledger {
    open: HashSet<(ChannelId, Hazard)>,
    raised: Vec<Raised>,
    twice: usize,
}

impl Ledger {
    fn take(&mut self, changes: &[ConditionChange]) {
        for change in changes {
            let key = (change.channel, change.hazard);
            let (severity, late) = match change.kind {
                ChangeKind::Raised(severity) => {
                    if !self.open.insert(key) {
                        self.twice += 1;
                    }
                    (severity, false)
                }
                ChangeKind::SeverityChanged(severity) => (severity, false),
                ChangeKind::FoundLate(severity) => (severity, true),
                ChangeKind::Returned | ChangeKind::Outvoted => {
                    self.open.remove(&key);
                    continue;
                }
                ChangeKind::Worst => continue,
            };
            let (at, channel, hazard) = (change.at, change.channel.0, change.hazard);
            self.raised.push(Raised { at, channel, hazard, severity, late });
        }
    }
}

/// The detector as it is after commissioning: every level of settings silent but the profile's.
fn bind(profile: &Profile, circuit: CircuitSpec, report_ms: i64) -> Binding {
    let limits_of = |hazard: Hazard| {
        let own = profile.limits.iter().filter(|(about, _)| *about == hazard).map(|(_, patch)| patch);
        limits(hazard, own.collect::<Vec<&LimitPatch>>().into_iter())
    };
    let entries: Vec<ChannelEntry> = profile
        .indexed_points()
        .map(|(index, point)| ChannelEntry {
            id: ChannelId(i64::from(index.0) + 2),
            point: Some(index),
            quantity: point.quantity,
            phase: point.phase,
            decimals: point.decimals,
        })
        .collect();
    let judged: Vec<Vec<Hazard>> = (0..entries.len()).map(|index| hazards_of(&entries, index)).collect();
    let points = entries.into_iter().zip(judged).map(|(channel, hazards)| ChannelBinding {
        channel,
        limits: hazards.into_iter().filter_map(|hazard| Some((hazard, limits_of(hazard)?))).collect(),
        nights: Vec::new(),
    });
    let device = ChannelBinding {
        channel: ChannelEntry {
            id: DEVICE,
            point: None,
            quantity: Quantity::Device,
            phase: None,
            decimals: Decimals(0),
        },
        limits: Vec::new(),
        nights: Vec::new(),
    };
    let pace =
        SupervisionPatch { interval_s: Some(report_ms as f64 / 1000.0), ..SupervisionPatch::default() };
    Binding {
        placement: Placement {
            detector: DetectorId(1),
            terminal: TerminalId(1),
            site: SiteId(1),
            circuit: None,
            organisation: OrganisationId(1),
            organisation_path: OrganisationPath("/1/".to_owned()),
            area: AreaCode("430202".to_owned()),
            rated_current_a: Some(circuit.rated_current_a),
        },
        settings_version: 1,
        channels: std::iter::once(device).chain(points).collect(),
        supervision: supervision(profile.interval_s, profile.replays_history, [pace].iter()),
        utc_offset_min: 480,
    }
}
