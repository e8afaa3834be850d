//! When silence is a fault (the interval of the profile times a factor) and when a report that nobody takes back is taken for
//! gone, settable at each level.

use serde::{Deserialize, Serialize};

use super::inherit::ms;
use super::validate::out_of_range;
use super::{FieldError, Origin, Range, ScopeKind, ScopeRef, Sourced};
use crate::binding::Supervision;

/// What one level says about supervision; an absent field is inherited.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupervisionPatch {
    /// Offline after this many intervals without a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_factor: Option<f64>,
    /// How often the detector speaks, s; the profile's otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_s: Option<f64>,
    /// A hazard that the device goes on reporting is taken for gone when its values have been normal for this long, h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values_normal_h: Option<f64>,
}

/// One level of the inheritance, from general to particular.
#[derive(Debug, Clone, PartialEq)]
pub struct SupervisionLevel {
    /// Which level.
    pub scope: ScopeRef,
    /// What people call it.
    pub name: String,
    /// Why.
    pub source: String,
    /// What it says.
    pub patch: SupervisionPatch,
}

/// The supervision in force, each field with its origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectiveSupervision {
    /// Intervals without a word.
    pub offline_factor: Sourced<f64>,
    /// s; `None` at a level that stands above several profiles and says nothing itself.
    pub interval_s: Option<Sourced<f64>>,
    /// What follows, s.
    pub offline_after_s: Option<f64>,
    /// h.
    pub values_normal_h: Sourced<f64>,
}

/// Three missed messages: for mains-powered devices on TCP, declared within 180 s at 60 s.
const OFFLINE_FACTOR: f64 = 3.0;
/// A fault must show within 100 s (GB 14287.1-2014, makers' data), so no shorter than a slow network needs.
const OFFLINE_LEAST_MS: i64 = 30_000;
const FACTOR: Range = Range { min: 1.5, max: 20.0, source: "platform; NB-IoT practice is 2.5" };
const INTERVAL_S: Range = Range { min: 1.0, max: 86_400.0, source: "platform" };
const VALUES_NORMAL_H: Range = Range { min: 1.0, max: 720.0, source: "platform" };
/// Device clocks drift and networks delay; more than a minute ahead is neither.
const CLOCK_AHEAD_MS: i64 = 60_000;
/// A device that sends what it measured now is at most this far behind.
const CLOCK_BEHIND_MS: i64 = 10 * 60_000;
/// A device that replays an outage may be this far behind, 31 days.
const REPLAY_BEHIND_MS: i64 = 31 * 86_400_000;
/// A fault that is gone at the next reading is none.
const FAULT_ON_DELAY_MS: i64 = 10_000;
const FAULT_OFF_DELAY_MS: i64 = 10_000;
/// A latched report whose values have been normal for a day is one that nobody reset at the device.
const NORMAL_FOR_H: f64 = 24.0;

/// The supervision in force for a profile that speaks each `interval_s`; `patches` go from general to particular.
#[must_use]
pub fn supervision<'p>(
    interval_s: u32,
    replays_history: bool,
    patches: impl DoubleEndedIterator<Item = &'p SupervisionPatch> + Clone,
) -> Supervision {
    let factor = patches.clone().rev().find_map(|p| p.offline_factor).unwrap_or(OFFLINE_FACTOR);
    let interval = patches.clone().rev().find_map(|p| p.interval_s).unwrap_or(f64::from(interval_s));
    let normal_h = patches.rev().find_map(|p| p.values_normal_h).unwrap_or(NORMAL_FOR_H);
    Supervision {
        offline_after_ms: offline_after_ms(factor, interval),
        clock_ahead_ms: CLOCK_AHEAD_MS,
        clock_behind_ms: if replays_history { REPLAY_BEHIND_MS } else { CLOCK_BEHIND_MS },
        fault_on_delay_ms: FAULT_ON_DELAY_MS,
        fault_off_delay_ms: FAULT_OFF_DELAY_MS,
        outvoted_after_ms: ms(normal_h * 3_600.0),
    }
}

fn offline_after_ms(factor: f64, interval_s: f64) -> i64 {
    ms(factor * interval_s).max(OFFLINE_LEAST_MS)
}

/// The same with origins. `profile` is the interval of the profile and where it comes from, where there is one profile.
#[must_use]
pub fn resolve_supervision(
    profile: Option<(u32, Origin)>,
    levels: &[SupervisionLevel],
) -> EffectiveSupervision {
    let set = |field: fn(&SupervisionPatch) -> Option<f64>| {
        levels.iter().rev().find_map(|level| {
            Some(Sourced {
                value: field(&level.patch)?,
                origin: Origin {
                    scope: level.scope.clone(),
                    name: level.name.clone(),
                    source: level.source.clone(),
                },
            })
        })
    };
    let built_in = |value: f64, source: &str| Sourced {
        value,
        origin: Origin {
            scope: ScopeRef { kind: ScopeKind::Platform, id: "0".to_owned() },
            name: "platform".to_owned(),
            source: source.to_owned(),
        },
    };
    let offline_factor =
        set(|p| p.offline_factor).unwrap_or_else(|| built_in(OFFLINE_FACTOR, "three missed messages"));
    let values_normal_h = set(|p| p.values_normal_h).unwrap_or_else(|| built_in(NORMAL_FOR_H, "a day"));
    let interval_s = set(|p| p.interval_s)
        .or_else(|| profile.map(|(interval_s, origin)| Sourced { value: f64::from(interval_s), origin }));
    #[expect(clippy::cast_precision_loss, reason = "a duration of days in ms has far less than 53 bits")]
    let offline_after_s = interval_s
        .as_ref()
        .map(|interval| offline_after_ms(offline_factor.value, interval.value) as f64 / 1000.0);
    EffectiveSupervision { offline_factor, interval_s, offline_after_s, values_normal_h }
}

/// What is wrong with a supervision patch.
#[must_use]
pub fn validate_supervision(own: &SupervisionPatch) -> Vec<FieldError> {
    let factor = own.offline_factor.and_then(|v| out_of_range("offline_factor", v, &FACTOR, ""));
    let interval = own.interval_s.and_then(|v| out_of_range("interval_s", v, &INTERVAL_S, "s"));
    let normal = own.values_normal_h.and_then(|v| out_of_range("values_normal_h", v, &VALUES_NORMAL_H, "h"));
    factor.into_iter().chain(interval).chain(normal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offline_follows_interval_and_factor_but_not_below_half_a_minute() {
        let own = SupervisionPatch { offline_factor: Some(2.5), ..SupervisionPatch::default() };
        assert_eq!(supervision(60, false, [].iter()).offline_after_ms, 180_000);
        assert_eq!(supervision(1800, false, [own].iter()).offline_after_ms, 4_500_000);
        assert_eq!(supervision(2, false, [].iter()).offline_after_ms, 30_000);
        let own = SupervisionPatch { values_normal_h: Some(6.0), ..own };
        assert_eq!(supervision(60, false, [].iter()).outvoted_after_ms, 24 * 3_600_000);
        assert_eq!(
            supervision(60, false, [own, SupervisionPatch::default()].iter()).outvoted_after_ms,
            6 * 3_600_000
        );
        assert!(
            supervision(60, true, [].iter()).clock_behind_ms
                > supervision(60, false, [].iter()).clock_behind_ms
        );
    }

    #[test]
    fn bounds_name_the_field() {
        let bad = SupervisionPatch {
            offline_factor: Some(1.0),
            interval_s: Some(0.0),
            values_normal_h: Some(1_000.0),
        };
        let fields: Vec<_> = validate_supervision(&bad).into_iter().map(|e| e.field).collect();
        assert_eq!(fields, ["offline_factor", "interval_s", "values_normal_h"]);
        assert_eq!(validate_supervision(&SupervisionPatch::default()), []);
    }
}
