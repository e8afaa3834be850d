//! Inheritance field by field: the most particular level that says something wins.

use serde::{Deserialize, Serialize};

use super::{LimitPatch, Limits, ScopeKind, ScopeRef, defaults_of};
use crate::hazard::Hazard;

/// What one level of the inheritance says about one hazard.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelPatch {
    /// Which level.
    pub scope: ScopeRef,
    /// What people call it.
    pub name: String,
    /// Why: the source of a profile's limits, or who set it.
    pub source: String,
    /// What it says.
    pub patch: LimitPatch,
}

/// Where an effective value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The level.
    pub scope: ScopeRef,
    /// What people call it.
    pub name: String,
    /// Why it is so.
    pub source: String,
}

/// A value with its origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

/// The limits in force, each field with its origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effective {
    /// Whether the hazard is judged at all.
    pub enabled: Sourced<bool>,
    /// Warning level in the hazard's unit, if any.
    pub warning: Option<Sourced<f64>>,
    /// Alarm level in the hazard's unit, if any.
    pub alarm: Option<Sourced<f64>>,
    /// s.
    pub on_delay_s: Sourced<f64>,
    /// s.
    pub off_delay_s: Sourced<f64>,
    /// In the hazard's unit.
    pub deadband: Sourced<f64>,
    /// Whether the alarm holds until a person resets it.
    pub latching: Sourced<bool>,
    /// The share of the alarm level that the warning level is, %, where a level says it so.
    pub warning_percent: Option<Sourced<f64>>,
    /// What there must be at least, where the hazard asks for something.
    pub minimum: Option<Sourced<f64>>,
    /// What a limit that follows the load never exceeds, where the hazard has one.
    pub cap: Option<Sourced<f64>>,
    /// Hours of the site's local day.
    pub night_from_h: Option<Sourced<f64>>,
    /// Hours of the site's local day.
    pub night_to_h: Option<Sourced<f64>>,
    /// Whether Saturday and Sunday are night.
    pub night_weekend: Option<Sourced<bool>>,
    /// Warning level at night.
    pub night_warning: Option<Sourced<f64>>,
    /// Alarm level at night.
    pub night_alarm: Option<Sourced<f64>>,
}

/// The limits of `hazard` in force below `levels`, which go from general to particular. The platform's defaults lie
/// under all of them. `None` when the hazard has no limits.
#[must_use]
pub fn resolve(hazard: Hazard, levels: &[LevelPatch]) -> Option<Effective> {
    let defaults = defaults_of(hazard)?;
    let platform = |source: &str| Origin {
        scope: ScopeRef { kind: ScopeKind::Platform, id: "0".to_owned() },
        name: "platform".to_owned(),
        source: source.to_owned(),
    };
    fn pick<T: Copy>(
        levels: &[LevelPatch],
        field: impl Fn(&LimitPatch) -> Option<T>,
        default: Option<T>,
        origin: Origin,
    ) -> Option<Sourced<T>> {
        let set = levels.iter().rev().find_map(|level| Some((field(&level.patch)?, level)));
        match set {
            Some((value, level)) => Some(Sourced {
                value,
                origin: Origin {
                    scope: level.scope.clone(),
                    name: level.name.clone(),
                    source: level.source.clone(),
                },
            }),
            None => default.map(|value| Sourced { value, origin }),
        }
    }
    let d = &defaults.patch;
    let s = &defaults.sources;
    let nowhere = || platform("");
    let alarm = pick(levels, |p| p.alarm, d.alarm, platform(s.alarm));
    // The most particular level that says anything about the warning decides how it is said.
    let said = levels.iter().rev().find(|l| l.patch.warning.is_some() || l.patch.warning_percent.is_some());
    let warning_percent = said
        .filter(|level| level.patch.warning_percent.is_some())
        .and_then(|level| pick(std::slice::from_ref(level), |p| p.warning_percent, None, nowhere()));
    let warning = match (&warning_percent, &alarm) {
        (Some(percent), Some(alarm)) => {
            Some(Sourced { value: alarm.value * percent.value / 100.0, origin: percent.origin.clone() })
        }
        (Some(_), None) => None,
        (None, _) => pick(levels, |p| p.warning, d.warning, platform(s.warning)),
    };
    Some(Effective {
        enabled: pick(levels, |p| p.enabled, d.enabled, platform("platform"))?,
        warning,
        alarm,
        on_delay_s: pick(levels, |p| p.on_delay_s, d.on_delay_s, platform(s.delays))?,
        off_delay_s: pick(levels, |p| p.off_delay_s, d.off_delay_s, platform(s.delays))?,
        deadband: pick(levels, |p| p.deadband, d.deadband, platform(s.deadband))?,
        latching: pick(levels, |p| p.latching, d.latching, platform(s.latching))?,
        warning_percent,
        minimum: defaults
            .minimum
            .and_then(|c| pick(levels, |p| p.minimum, Some(c.default), platform(c.range.source))),
        cap: defaults.cap.and_then(|c| pick(levels, |p| p.cap, Some(c.default), platform(c.range.source))),
        night_from_h: pick(levels, |p| p.night_from_h, None, nowhere()),
        night_to_h: pick(levels, |p| p.night_to_h, None, nowhere()),
        night_weekend: pick(levels, |p| p.night_weekend, None, nowhere()),
        night_warning: pick(levels, |p| p.night_warning, None, nowhere()),
        night_alarm: pick(levels, |p| p.night_alarm, None, nowhere()),
    })
}

/// The same limits without origins, for the evaluation; cheap enough for every channel of a city.
#[must_use]
pub fn limits<'p>(
    hazard: Hazard,
    patches: impl DoubleEndedIterator<Item = &'p LimitPatch> + Clone,
) -> Option<Limits> {
    let defaults = defaults_of(hazard)?;
    let d = &defaults.patch;
    fn pick<'p, T>(
        patches: &(impl DoubleEndedIterator<Item = &'p LimitPatch> + Clone),
        field: impl Fn(&LimitPatch) -> Option<T>,
        default: Option<T>,
    ) -> Option<T> {
        patches.clone().rev().find_map(field).or(default)
    }
    let alarm = pick(&patches, |p| p.alarm, d.alarm);
    // The most particular level that says anything about the warning decides how it is said.
    let said = patches.clone().rev().find(|p| p.warning.is_some() || p.warning_percent.is_some());
    let warning = match said {
        Some(LimitPatch { warning_percent: Some(percent), .. }) => alarm.map(|alarm| alarm * percent / 100.0),
        Some(LimitPatch { warning, .. }) => *warning,
        None => d.warning,
    };
    Some(Limits {
        enabled: pick(&patches, |p| p.enabled, d.enabled)?,
        warning,
        alarm,
        on_delay_ms: ms(pick(&patches, |p| p.on_delay_s, d.on_delay_s)?),
        off_delay_ms: ms(pick(&patches, |p| p.off_delay_s, d.off_delay_s)?),
        deadband: pick(&patches, |p| p.deadband, d.deadband)?,
        latching: pick(&patches, |p| p.latching, d.latching)?,
        minimum: defaults.minimum.and_then(|c| pick(&patches, |p| p.minimum, Some(c.default))).unwrap_or(0.0),
        cap: defaults.cap.and_then(|c| pick(&patches, |p| p.cap, Some(c.default))).unwrap_or(0.0),
    })
}

impl Effective {
    /// What the evaluation needs of it.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            enabled: self.enabled.value,
            warning: self.warning.as_ref().map(|warning| warning.value),
            alarm: self.alarm.as_ref().map(|alarm| alarm.value),
            on_delay_ms: ms(self.on_delay_s.value),
            off_delay_ms: ms(self.off_delay_s.value),
            deadband: self.deadband.value,
            latching: self.latching.value,
            minimum: self.minimum.as_ref().map_or(0.0, |minimum| minimum.value),
            cap: self.cap.as_ref().map_or(0.0, |cap| cap.value),
        }
    }
}

/// Whole milliseconds of a delay in seconds; delays are bounded by their ranges to an hour.
pub(super) fn ms(seconds: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates, and the value is clamped")]
    let ms = (seconds.clamp(0.0, 1e9) * 1000.0).round() as i64;
    ms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(kind: ScopeKind, id: &str, patch: LimitPatch) -> LevelPatch {
        LevelPatch {
            scope: ScopeRef { kind, id: id.to_owned() },
            name: format!("{} {id}", kind.code()),
            source: "test".to_owned(),
            patch,
        }
    }

    #[test]
    fn a_warning_may_be_a_share_of_the_alarm_level_and_the_nearest_word_decides() {
        let p = LimitPatch::default();
        let levels = [
            level(ScopeKind::Organisation, "4", LimitPatch { warning_percent: Some(80.0), ..p }),
            level(ScopeKind::Site, "9", LimitPatch { alarm: Some(500.0), ..p }),
        ];
        let effective = resolve(Hazard::ResidualCurrent, &levels).unwrap();
        let warning = effective.warning.as_ref().unwrap();
        assert_eq!((warning.value, warning.origin.scope.kind), (400.0, ScopeKind::Organisation));
        let patches: Vec<LimitPatch> = levels.iter().map(|level| level.patch).collect();
        assert_eq!(limits(Hazard::ResidualCurrent, patches.iter()).unwrap(), effective.limits());
        let nearer = LimitPatch { warning: Some(150.0), ..p };
        let found = limits(Hazard::ResidualCurrent, patches.iter().chain(std::iter::once(&nearer)));
        assert_eq!(found.unwrap().warning, Some(150.0));
    }

    #[test]
    fn each_field_is_inherited_by_itself_and_says_where_it_comes_from() {
        let levels = [
            level(ScopeKind::Profile, "asj", LimitPatch { alarm: Some(500.0), ..LimitPatch::default() }),
            level(
                ScopeKind::Organisation,
                "4",
                LimitPatch { on_delay_s: Some(8.0), ..LimitPatch::default() },
            ),
            level(ScopeKind::Site, "9", LimitPatch { alarm: Some(400.0), ..LimitPatch::default() }),
            level(ScopeKind::Channel, "70", LimitPatch { latching: Some(false), ..LimitPatch::default() }),
        ];
        let effective = resolve(Hazard::ResidualCurrent, &levels).unwrap();
        let alarm = effective.alarm.as_ref().unwrap();
        assert_eq!(
            (alarm.value, alarm.origin.scope.kind, alarm.origin.name.as_str()),
            (400.0, ScopeKind::Site, "site 9")
        );
        assert_eq!(effective.on_delay_s.origin.scope.kind, ScopeKind::Organisation);
        assert_eq!(effective.latching.origin.scope.kind, ScopeKind::Channel);
        let warning = effective.warning.as_ref().unwrap();
        assert_eq!((warning.value, warning.origin.scope.kind), (200.0, ScopeKind::Platform));
        assert!(effective.alarm.as_ref().is_some_and(|a| a.origin.source == "test"));

        let fast = limits(Hazard::ResidualCurrent, levels.iter().map(|l| &l.patch)).unwrap();
        assert_eq!(fast, effective.limits());
        assert_eq!((fast.on_delay_ms, fast.alarm), (8_000, Some(400.0)));
    }

    #[test]
    fn hazards_without_limits_have_none() {
        assert!(resolve(Hazard::PhaseSequence, &[]).is_none());
        assert!(limits(Hazard::Offline, [].iter()).is_none());
        assert_eq!(resolve(Hazard::PhaseLoss, &[]).unwrap().warning, None);
    }
}
