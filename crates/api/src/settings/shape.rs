//! Limits and supervision as the API shows them: what a level says itself, what holds, and where that comes from.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::vocabulary::{Hazard, Quantity, RuleSetStanding, ScopeKind};

/// What one level says about one hazard; null is inherited. Units: those of [`HazardSettings`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnLimits {
    /// Whether the hazard is judged at all.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// Warning level.
    #[serde(default)]
    #[schema(minimum = -1000000, maximum = 1000000)]
    pub warning: Option<f64>,
    /// Alarm level.
    #[serde(default)]
    #[schema(minimum = -1000000, maximum = 1000000)]
    pub alarm: Option<f64>,
    /// How long the condition must persist before it counts, s.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 86400)]
    pub on_delay_s: Option<f64>,
    /// How long the value must be back before it counts as returned, s.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 86400)]
    pub off_delay_s: Option<f64>,
    /// How far back inside the limit the value must come.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1000000)]
    pub deadband: Option<f64>,
    /// Whether the alarm holds until a person resets it.
    #[serde(default)]
    pub latching: Option<bool>,
    /// Warning level as a share of the alarm level, %; instead of `warning`.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1000)]
    pub warning_percent: Option<f64>,
    /// What there must be at least for the hazard to be judged, in `minimum_unit`.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1000000)]
    pub minimum: Option<f64>,
    /// What a limit that follows the load never exceeds, in `cap_unit`.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1000000)]
    pub cap: Option<f64>,
    /// From when on the levels of the night hold, hours of the site's local day.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 24)]
    pub night_from_h: Option<f64>,
    /// Until when, hours of the site's local day; before `night_from_h` it is the next morning.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 24)]
    pub night_to_h: Option<f64>,
    /// Whether the whole of Saturday and Sunday counts as night.
    #[serde(default)]
    pub night_weekend: Option<bool>,
    /// Warning level at night.
    #[serde(default)]
    #[schema(minimum = -1000000, maximum = 1000000)]
    pub night_warning: Option<f64>,
    /// Alarm level at night.
    #[serde(default)]
    #[schema(minimum = -1000000, maximum = 1000000)]
    pub night_alarm: Option<f64>,
}

/// Which level a value comes from.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Origin {
    /// The level.
    pub scope: ScopeKind,
    /// Which one of it.
    #[schema(example = "0")]
    pub id: String,
    /// Its name.
    pub name: String,
    /// The standard or document that the value comes from, where the level names one.
    #[schema(example = "GB 14287.2-2014 5.2")]
    pub source: Option<String>,
}

/// A number that holds and where it comes from.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EffectiveNumber {
    /// What holds; null where no level says anything.
    pub value: Option<f64>,
    /// Where it comes from.
    pub origin: Origin,
}

/// A switch that holds and where it comes from.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EffectiveFlag {
    /// What holds.
    pub value: bool,
    /// Where it comes from.
    pub origin: Origin,
}

/// What holds for one hazard.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EffectiveLimits {
    /// Whether the hazard is judged at all.
    pub enabled: EffectiveFlag,
    /// Warning level.
    pub warning: EffectiveNumber,
    /// Alarm level.
    pub alarm: EffectiveNumber,
    /// Delay before it counts, s.
    pub on_delay_s: EffectiveNumber,
    /// Delay before it counts as returned, s.
    pub off_delay_s: EffectiveNumber,
    /// How far back the value must come.
    pub deadband: EffectiveNumber,
    /// Whether the alarm holds until reset.
    pub latching: EffectiveFlag,
    /// Share of the alarm level that the warning level is, %; null where the warning level is a value.
    pub warning_percent: Option<EffectiveNumber>,
    /// What there must be at least; null where the hazard asks for nothing.
    pub minimum: Option<EffectiveNumber>,
    /// What a limit that follows the load never exceeds; null where the hazard has no such limit.
    pub cap: Option<EffectiveNumber>,
    /// From when on the levels of the night hold, h; null where no level says it.
    pub night_from_h: Option<EffectiveNumber>,
    /// Until when, h; null where no level says it.
    pub night_to_h: Option<EffectiveNumber>,
    /// Whether Saturday and Sunday are night; null where no level says it.
    pub night_weekend: Option<EffectiveFlag>,
    /// Warning level at night; null where no level says it.
    pub night_warning: Option<EffectiveNumber>,
    /// Alarm level at night; null where no level says it.
    pub night_alarm: Option<EffectiveNumber>,
}

/// An edition of a standard that limits rest on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RuleSet {
    /// The standard's number.
    #[schema(example = "GB 14287.2")]
    pub standard: String,
    /// Its edition, a year.
    #[schema(example = "2014")]
    pub edition: String,
    /// What it is about, in its own language.
    pub title: String,
    /// In force from this day on; null where the day is not known here.
    #[schema(example = "2015-06-01")]
    pub valid_from: Option<String>,
    /// In force until the day before this; null while nothing replaces it on a known day.
    pub valid_to: Option<String>,
    /// What it is to the limits.
    pub standing: RuleSetStanding,
    /// Whether it is known to be in force today.
    pub in_force: bool,
}

/// One hazard at one level.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HazardSettings {
    /// The hazard.
    pub hazard: Hazard,
    /// The unit of its levels.
    #[schema(example = "mA")]
    pub unit: String,
    /// The quantities that it is judged on.
    pub applies: Vec<Quantity>,
    /// The unit of `minimum`; null where the hazard asks for nothing.
    #[schema(example = "%")]
    pub minimum_unit: Option<String>,
    /// The unit of `cap`; null where the hazard has no such limit.
    #[schema(example = "mA")]
    pub cap_unit: Option<String>,
    /// Whether a value below its limit is the hazard, rather than above.
    pub is_low: bool,
    /// The editions that its limits rest on.
    pub rule_sets: Vec<RuleSet>,
    /// What this level says itself.
    pub own: OwnLimits,
    /// What holds here.
    pub effective: EffectiveLimits,
    /// Comes back with a change; 0 while the level says nothing.
    pub version: i64,
}

/// The limits at one level.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ScopeSettings {
    /// The level.
    pub scope: ScopeKind,
    /// Which one of it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The greatest version of its hazards; a change carries the hazard's own version.
    pub version: i64,
    /// Every hazard that is judged by limits here.
    pub hazards: Vec<HazardSettings>,
}

/// A change of what a level says about a hazard: the whole of it, null is inherited.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HazardChange {
    /// What the level shall say.
    #[serde(deserialize_with = "crate::http::extract::object")]
    pub own: OwnLimits,
    /// The version that was read; 0 while the level says nothing.
    #[schema(minimum = 0)]
    pub version: i64,
}

/// When silence is a fault, at one level.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SupervisionSettings {
    /// The level.
    pub scope: ScopeKind,
    /// Which one of it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What this level says itself.
    pub own: OwnSupervision,
    /// What holds here and where it comes from.
    pub effective: EffectiveSupervision,
    /// Comes back with a change; 0 while the level says nothing.
    pub version: i64,
}

/// What one level says about silence; null is inherited.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct OwnSupervision {
    /// A detector is offline after this many of its intervals without a word.
    pub offline_factor: Option<f64>,
    /// How often it should speak, s; in the end the profile says it.
    pub interval_s: Option<f64>,
    /// A hazard that the device goes on reporting is taken for gone when values have been normal for this long, h.
    pub values_normal_h: Option<f64>,
}

/// What holds about silence.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EffectiveSupervision {
    /// Intervals without a word.
    pub offline_factor: EffectiveNumber,
    /// Interval, s; null where each profile says its own.
    pub interval_s: EffectiveNumber,
    /// What follows from the two, s; null where each profile says its own interval.
    pub offline_after_s: Option<f64>,
    /// Time with normal values after which a report that nobody takes back is taken for gone, h.
    pub values_normal_h: EffectiveNumber,
}

/// A change of supervision: the whole of it, null is inherited.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SupervisionChange {
    /// Intervals without a word.
    #[serde(default)]
    #[schema(minimum = 1.5, maximum = 20)]
    pub offline_factor: Option<f64>,
    /// Interval, s.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 86400)]
    pub interval_s: Option<u32>,
    /// Time with normal values after which a report that nobody takes back is taken for gone, h.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 720)]
    pub values_normal_h: Option<u32>,
    /// The version that was read; 0 while the level says nothing.
    #[schema(minimum = 0)]
    pub version: i64,
}
