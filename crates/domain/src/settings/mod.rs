//! Limits and their inheritance: platform -> profile -> organisation -> site -> detector -> channel.
//! Every field is inherited by itself, and every effective value says where it comes from.

mod defaults;
mod inherit;
mod night;
mod rules;
mod supervision;
mod validate;

use serde::{Deserialize, Serialize};

pub use defaults::{Condition, HazardDefaults, Range, Sourcing, defaults, defaults_of};
pub use inherit::{Effective, LevelPatch, Origin, Sourced, limits, resolve};
pub use night::{Night, night};
pub use rules::{RuleSet, Standing, rule_sets, rule_sets_of};
pub use supervision::{
    EffectiveSupervision, SupervisionLevel, SupervisionPatch, resolve_supervision, supervision,
    validate_supervision,
};
pub use validate::{FieldError, validate};

/// One level of the inheritance, from general to particular.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// The platform's defaults.
    Platform,
    /// Defaults of a detector model.
    Profile,
    /// An organisation and all below it; the nearest ancestor wins.
    Organisation,
    /// One premises.
    Site,
    /// One detector.
    Detector,
    /// One channel.
    Channel,
}

impl ScopeKind {
    /// Every level, from general to particular.
    pub const ALL: [Self; 6] =
        [Self::Platform, Self::Profile, Self::Organisation, Self::Site, Self::Detector, Self::Channel];

    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Profile => "profile",
            Self::Organisation => "organisation",
            Self::Site => "site",
            Self::Detector => "detector",
            Self::Channel => "channel",
        }
    }

    /// The level with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.code() == code)
    }
}

/// A place in the inheritance: the level and which one of it (`platform` is `0`; a profile's id is its file name).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScopeRef {
    /// The level.
    pub kind: ScopeKind,
    /// The id as text.
    pub id: String,
}

/// What one level says about one hazard; an absent field is inherited.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitPatch {
    /// Whether the hazard is judged at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Warning level in the hazard's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<f64>,
    /// Alarm level in the hazard's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<f64>,
    /// How long the condition must persist before it counts, s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_delay_s: Option<f64>,
    /// How long the value must be back before it counts as returned, s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off_delay_s: Option<f64>,
    /// How far back inside the limit the value must come, in the hazard's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadband: Option<f64>,
    /// Whether the alarm holds until a person resets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latching: Option<bool>,
    /// Warning level as a share of the alarm level, %; instead of `warning`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning_percent: Option<f64>,
    /// What there must be at least for the hazard to be judged, in the unit that its defaults name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// What a limit that follows the load never exceeds, in the unit that its defaults name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<f64>,
    /// From when on the levels of the night hold, hours of the site's local day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night_from_h: Option<f64>,
    /// Until when, hours of the site's local day; before `night_from_h` it is the next morning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night_to_h: Option<f64>,
    /// Whether the whole of Saturday and Sunday counts as night.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night_weekend: Option<bool>,
    /// Warning level at night, in the hazard's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night_warning: Option<f64>,
    /// Alarm level at night, in the hazard's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night_alarm: Option<f64>,
}

/// The limits that one hazard of one channel is judged by. Only what is configured everywhere is here;
/// where a value came from is told by [`resolve`](crate::settings).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Whether the hazard is judged at all.
    pub enabled: bool,
    /// Warning level in the hazard's unit, if any.
    pub warning: Option<f64>,
    /// Alarm level in the hazard's unit, if any.
    pub alarm: Option<f64>,
    /// How long the condition must persist before it counts, ms.
    pub on_delay_ms: i64,
    /// How long the value must be back before it counts as returned, ms.
    pub off_delay_ms: i64,
    /// How far back inside the limit the value must come, in the hazard's unit.
    pub deadband: f64,
    /// Whether the alarm holds until a person resets it.
    pub latching: bool,
    /// What there must be at least for the hazard to be judged; 0 where nothing is asked.
    #[serde(default)]
    pub minimum: f64,
    /// What a limit that follows the load never exceeds; 0 where there is no such thing.
    #[serde(default)]
    pub cap: f64,
}
