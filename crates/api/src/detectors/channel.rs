//! A channel with its newest value against its limits.

use domain::binding::ChannelBinding;
use domain::condition::Latest;
use domain::in_force::line_of;
use domain::quantity::Quantity as Measured;
use domain::time::UnixMs;
use engine::Detector;
use serde::Serialize;
use store::detectors::ChannelRow;
use utoipa::ToSchema;

use crate::http::time::Time;
use crate::vocabulary::{Phase, Quality, Quantity, Severity};

/// One measured quantity of a detector, with its newest value.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Channel {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its name.
    #[schema(example = "A 相温度")]
    pub name: String,
    /// Its point in the profile; `device` for the channel that stands for the device.
    #[schema(example = "temperature_a")]
    pub point: String,
    /// What it measures.
    pub quantity: Quantity,
    /// On which conductor.
    pub phase: Option<Phase>,
    /// The quantity's unit.
    #[schema(example = "°C")]
    pub unit: String,
    /// How many decimals the device gives.
    #[schema(minimum = 0, maximum = 9)]
    pub decimals: u8,
    /// The newest value, in `unit`; null where there is none.
    #[schema(example = 41.5)]
    pub value: Option<f64>,
    /// What is known about the value.
    pub quality: Quality,
    /// When it was measured, as filed.
    pub measured_at: Option<Time>,
    /// When it came.
    pub received_at: Option<Time>,
    /// Whether it is older than it should be.
    pub stale: bool,
    /// After how long a value is stale, s.
    #[schema(minimum = 0)]
    pub stale_after_s: i64,
    /// The limits that hold, in `unit` (overload: in A, from the circuit's rated current).
    pub limits: ChannelLimits,
    /// The worst open alarm of the channel.
    pub open_alarm: Option<OpenAlarm>,
}

/// The limits that hold for a channel, in its unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
pub struct ChannelLimits {
    /// Warning above this.
    pub warning: Option<f64>,
    /// Alarm above this.
    pub alarm: Option<f64>,
    /// Warning below this.
    pub low_warning: Option<f64>,
    /// Alarm below this.
    pub low_alarm: Option<f64>,
}

/// An open alarm in short.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct OpenAlarm {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// How bad it is.
    pub severity: Severity,
}

/// The channels of a detector as the pipeline knows them now. `detector` is `None` for one that the pipeline has
/// not taken in yet; its channels have no values then.
pub(crate) fn channels_of(detector: Option<&Detector>, rows: Vec<ChannelRow>, now: UnixMs) -> Vec<Channel> {
    rows.into_iter().map(|row| channel_of(detector, row, now)).collect()
}

fn channel_of(detector: Option<&Detector>, row: ChannelRow, now: UnixMs) -> Channel {
    let latest = row.point.and_then(|point| detector?.state.latest(point));
    let bound = detector.and_then(|d| d.binding.channels.iter().find(|bound| bound.channel.id == row.id));
    let rated_a = detector.and_then(|d| d.binding.placement.rated_current_a);
    let stale_after_ms = detector.map_or(0, |d| d.binding.supervision.offline_after_ms);
    Channel {
        id: row.id.0,
        name: row.name,
        point: row.code,
        quantity: row.quantity.into(),
        phase: row.phase.map(Into::into),
        unit: row.quantity.unit().to_owned(),
        decimals: row.decimals.0,
        value: latest.and_then(|l| value_of(l, row.decimals)),
        quality: latest.map_or(Quality::Good, quality_of),
        measured_at: latest.map(|l| l.filed_at.into()),
        received_at: latest.map(|l| l.received_at.into()),
        stale: row.quantity != Measured::Device
            && latest.is_none_or(|l| now.since_ms(l.received_at) > stale_after_ms),
        stale_after_s: stale_after_ms / 1000,
        limits: bound.map_or_else(ChannelLimits::default, |bound| limits_of(bound, rated_a)),
        open_alarm: detector.and_then(|d| open_alarm_of(d, row.id)),
    }
}

/// The value, where the quality says that there is one.
fn value_of(latest: &Latest, decimals: domain::quantity::Decimals) -> Option<f64> {
    match latest.quality {
        domain::reading::Quality::Good | domain::reading::Quality::Implausible => {
            Some(decimals.value(latest.raw))
        }
        domain::reading::Quality::SensorOpen
        | domain::reading::Quality::SensorShort
        | domain::reading::Quality::DeviceFault => None,
    }
}

fn quality_of(latest: &Latest) -> Quality {
    if latest.clock_wrong && latest.quality == domain::reading::Quality::Good {
        Quality::StaleClock
    } else {
        latest.quality.into()
    }
}

fn open_alarm_of(detector: &Detector, channel: domain::id::ChannelId) -> Option<OpenAlarm> {
    detector
        .alarms
        .iter()
        .map(|open| &open.alarm)
        .filter(|alarm| alarm.channel == channel && alarm.state.is_shown())
        .max_by_key(|alarm| alarm.severity)
        .map(|alarm| OpenAlarm { id: alarm.id.0, severity: alarm.severity.into() })
}

/// The limits of a channel in its own unit. Overload is set in percent of the circuit's rated current; without one
/// there is no line to draw.
pub(crate) fn limits_of(bound: &ChannelBinding, rated_a: Option<f64>) -> ChannelLimits {
    let mut limits = ChannelLimits::default();
    for (hazard, said) in bound.limits.iter().filter(|(_, said)| said.enabled) {
        let Some(line) = line_of(*hazard, rated_a) else { continue };
        let level = |set: Option<f64>| set.map(|level| line.level(level));
        if line.low {
            limits.low_warning = level(said.warning);
            limits.low_alarm = level(said.alarm);
        } else {
            limits.warning = level(said.warning);
            limits.alarm = level(said.alarm);
        }
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::hazard::Hazard;
    use domain::id::ChannelId;
    use domain::place::ChannelEntry;
    use domain::quantity::Decimals;
    use domain::settings::limits;

    fn bound(quantity: Measured) -> ChannelBinding {
        let said =
            Hazard::of_quantity(quantity).iter().filter_map(|h| Some((*h, limits(*h, [].iter())?))).collect();
        let channel =
            ChannelEntry { id: ChannelId(1), point: None, quantity, phase: None, decimals: Decimals(1) };
        ChannelBinding { channel, limits: said, nights: Vec::new() }
    }

    #[test]
    fn overload_is_shown_in_amperes() {
        let drawn = limits_of(&bound(Measured::Current), Some(63.0));
        assert_eq!((drawn.warning, drawn.alarm), (Some(56.7), Some(63.0)));
        assert_eq!(limits_of(&bound(Measured::Current), None), ChannelLimits::default());
    }

    #[test]
    fn voltage_has_lines_on_both_sides() {
        let drawn = limits_of(&bound(Measured::Voltage), None);
        assert_eq!((drawn.alarm, drawn.low_alarm), (Some(264.0), Some(176.0)));
    }
}
