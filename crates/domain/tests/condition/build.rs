//! A detector with one residual current, one temperature, three voltages, one current, and its own channel.

use domain::binding::{Binding, ChannelBinding, Supervision, hazards_of};
use domain::condition::{ChangeKind, ConditionChange};
use domain::hazard::Hazard;
use domain::id::{ChannelId, DetectorId, OrganisationId, SiteId, TerminalId};
use domain::place::{AreaCode, ChannelEntry, OrganisationPath, Placement};
use domain::quantity::{Decimals, Phase, Quantity};
use domain::reading::{PointIndex, Quality, Reading, Sample};
use domain::settings::{LimitPatch, limits};
use domain::time::UnixMs;

pub(crate) const DEVICE: ChannelId = ChannelId(1);
pub(crate) const RESIDUAL: ChannelId = ChannelId(10);
pub(crate) const VOLTAGE_A: ChannelId = ChannelId(12);

/// 2026-11-24T00:00:00Z.
pub(crate) const T0: i64 = 1_795_478_400_000;

pub(crate) fn at(seconds: f64) -> UnixMs {
    #[expect(clippy::cast_possible_truncation, reason = "tests span days at most")]
    let ms = (seconds * 1000.0).round() as i64;
    UnixMs(T0 + ms)
}

pub(crate) fn binding() -> Binding {
    binding_with(LimitPatch::default())
}

/// Every hazard's limits with `patch` over the defaults.
pub(crate) fn binding_with(patch: LimitPatch) -> Binding {
    let parts: [(i64, Quantity, Option<Phase>, u8); 6] = [
        (10, Quantity::ResidualCurrent, None, 0),
        (11, Quantity::ConductorTemperature, Some(Phase::A), 1),
        (12, Quantity::Voltage, Some(Phase::A), 1),
        (13, Quantity::Voltage, Some(Phase::B), 1),
        (14, Quantity::Voltage, Some(Phase::C), 1),
        (15, Quantity::Current, Some(Phase::A), 2),
    ];
    let mut entries: Vec<ChannelEntry> = parts
        .into_iter()
        .zip(0u16..)
        .map(|((id, quantity, phase, decimals), index)| ChannelEntry {
            id: ChannelId(id),
            point: Some(PointIndex(index)),
            quantity,
            phase,
            decimals: Decimals(decimals),
        })
        .collect();
    entries.push(ChannelEntry {
        id: DEVICE,
        point: None,
        quantity: Quantity::Device,
        phase: None,
        decimals: Decimals(0),
    });
    binding_of(entries, patch)
}

/// A detector with these channels.
pub(crate) fn binding_of(entries: Vec<ChannelEntry>, patch: LimitPatch) -> Binding {
    let channels: Vec<ChannelBinding> = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| ChannelBinding {
            channel: entry.clone(),
            limits: hazards_of(&entries, index)
                .into_iter()
                .map(|hazard| (hazard, limits(hazard, [patch].iter()).expect("measured hazards have limits")))
                .collect(),
            nights: Vec::new(),
        })
        .collect();
    Binding {
        placement: Placement {
            detector: DetectorId(7),
            terminal: TerminalId(3),
            site: SiteId(2),
            circuit: None,
            organisation: OrganisationId(1),
            organisation_path: OrganisationPath("/1/".to_owned()),
            area: AreaCode("430202".to_owned()),
            rated_current_a: Some(50.0),
        },
        settings_version: 1,
        channels,
        supervision: Supervision {
            offline_after_ms: 3_600_000,
            clock_ahead_ms: 60_000,
            clock_behind_ms: 600_000,
            fault_on_delay_ms: 10_000,
            fault_off_delay_ms: 10_000,
            outvoted_after_ms: 86_400_000,
        },
        utc_offset_min: 480,
    }
}

pub(crate) fn good(point: u16, raw: i64) -> Sample {
    Sample { point: PointIndex(point), raw, quality: Quality::Good }
}

pub(crate) fn bad(point: u16, quality: Quality) -> Sample {
    Sample { point: PointIndex(point), raw: 0, quality }
}

/// A reading measured and received at the same moment.
pub(crate) fn reading(seconds: f64, samples: Vec<Sample>) -> Reading {
    Reading {
        detector: DetectorId(7),
        group: 0,
        device_at: Some(at(seconds)),
        received_at: at(seconds),
        samples,
        reported: Vec::new(),
    }
}

/// What is interesting about a change, for tables.
pub(crate) fn brief(change: &ConditionChange) -> (i64, Hazard, ChangeKind, f64) {
    (change.channel.0, change.hazard, change.kind, (change.at.0 - T0) as f64 / 1000.0)
}

pub(crate) fn briefs(changes: &[ConditionChange]) -> Vec<(i64, Hazard, ChangeKind, f64)> {
    changes.iter().filter(|c| c.kind != ChangeKind::Worst).map(brief).collect()
}

/// A three-phase detector: residual current, three temperatures, three voltages, three currents, neutral, power, arcs.
/// Points in this order from 0; channels from 20 on.
pub(crate) fn three_phase(patch: LimitPatch) -> Binding {
    let phases = [Phase::A, Phase::B, Phase::C];
    let mut parts: Vec<(Quantity, Option<Phase>, u8)> = vec![(Quantity::ResidualCurrent, None, 0)];
    parts.extend(phases.map(|phase| (Quantity::ConductorTemperature, Some(phase), 1)));
    parts.extend(phases.map(|phase| (Quantity::Voltage, Some(phase), 1)));
    parts.extend(phases.map(|phase| (Quantity::Current, Some(phase), 2)));
    parts.push((Quantity::NeutralCurrent, Some(Phase::N), 2));
    parts.push((Quantity::ActivePower, Some(Phase::Total), 0));
    parts.push((Quantity::ArcCount, None, 0));
    let mut entries: Vec<ChannelEntry> = parts
        .into_iter()
        .zip(0u16..)
        .map(|((quantity, phase, decimals), index)| ChannelEntry {
            id: ChannelId(20 + i64::from(index)),
            point: Some(PointIndex(index)),
            quantity,
            phase,
            decimals: Decimals(decimals),
        })
        .collect();
    let device = ChannelEntry {
        id: DEVICE,
        point: None,
        quantity: Quantity::Device,
        phase: None,
        decimals: Decimals(0),
    };
    entries.push(device);
    binding_of(entries, patch)
}
