//! Guidance as the API shows and takes it.

use domain::guidance::Guidance;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::time::Time;
use crate::vocabulary::{Class, Hazard, Language};

/// In which language.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LanguageQuery {
    /// The language of the texts; zh-CN where it is not said.
    #[param(inline)]
    pub(super) language: Option<Language>,
}

/// Whose texts.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OrganisationQuery {
    /// The organisation.
    #[param(minimum = 1)]
    pub(super) organisation: i64,
}

/// Which text is taken back.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RestoreQuery {
    /// The organisation.
    #[param(minimum = 1)]
    pub(super) organisation: i64,
    /// The version that was read.
    #[param(minimum = 1)]
    pub(super) version: i64,
}

/// Lines for both readers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct GuidanceLines {
    /// For the owner of the premises, in order.
    owner: Vec<String>,
    /// For the electrician, each line one check, in order.
    electrician: Vec<String>,
}

impl From<Guidance> for GuidanceLines {
    fn from(text: Guidance) -> Self {
        Self { owner: text.owner, electrician: text.electrician }
    }
}

/// One line of an alarm's check list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct AlarmCheck {
    /// Its place, from 1.
    #[schema(minimum = 1)]
    pub(super) place: u16,
    /// What is checked.
    pub(super) words: String,
    /// Whether it is ticked.
    pub(super) done: bool,
    /// Who ticked it.
    pub(super) by: Option<String>,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) at: Option<Time>,
}

/// A tick, or one that was taken back.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct AlarmCheckStep {
    /// Place of the line, from 1.
    #[schema(minimum = 1)]
    pub(super) place: u16,
    /// Ticked, or taken back.
    pub(super) done: bool,
    /// The line as it was read.
    pub(super) words: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(super) at: Time,
    /// Who.
    pub(super) actor_name: String,
}

/// What to do about an alarm.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct AlarmGuidance {
    /// About which hazard.
    pub(super) hazard: Hazard,
    /// In which language.
    pub(super) language: Language,
    /// The organisation that wrote the text; null for the program's own.
    pub(super) written_by: Option<String>,
    /// For the owner of the premises, in order.
    pub(super) owner: Vec<String>,
    /// For the electrician.
    pub(super) checks: Vec<AlarmCheck>,
    /// Every tick, oldest first: part of the record of how the alarm was handled.
    pub(super) record: Vec<AlarmCheckStep>,
}

/// A tick.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAlarmCheck {
    /// Place of the line, from 1.
    #[schema(minimum = 1, maximum = 20)]
    pub(super) place: u16,
    /// Ticked, or taken back.
    pub(super) done: bool,
    /// The line as it was read; refused when it says something else by now.
    #[schema(min_length = 1, max_length = 2000)]
    pub(super) words: String,
    /// In which language it was read.
    pub(super) language: Language,
}

/// A hazard with the languages that have a text of an organisation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct GuidanceItem {
    /// Which hazard.
    pub(super) hazard: Hazard,
    /// About the circuit, or about the watching of it.
    pub(super) class: Class,
    /// Languages with a text of this organisation.
    pub(super) edited: Vec<Language>,
    /// Languages with a text of an organisation above it.
    pub(super) inherited: Vec<Language>,
}

/// Every hazard.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct GuidanceList {
    /// The organisation.
    #[schema(minimum = 1)]
    pub(super) organisation_id: i64,
    /// Its name.
    pub(super) organisation_name: String,
    /// Every hazard, in its usual order.
    pub(super) items: Vec<GuidanceItem>,
}

/// Where a text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum GuidanceSource {
    /// This organisation wrote it.
    Own,
    /// An organisation above it did.
    Above,
    /// The program's own.
    BuiltIn,
}

/// The text of one language.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct GuidanceText {
    /// The language.
    pub(super) language: Language,
    /// The text that holds.
    pub(super) text: GuidanceLines,
    /// Where it comes from.
    pub(super) source: GuidanceSource,
    /// Which organisation wrote it, if one did.
    pub(super) written_by: Option<String>,
    /// What holds when this organisation's text is taken back.
    pub(super) beneath: GuidanceLines,
    /// Rises with every change by this organisation; 0 where there never was one.
    #[schema(minimum = 0)]
    pub(super) version: i64,
    /// When it was changed last.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) changed_at: Option<Time>,
    /// By whom.
    pub(super) changed_by: Option<String>,
}

/// The texts about one hazard.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct GuidanceDetail {
    /// The organisation.
    #[schema(minimum = 1)]
    pub(super) organisation_id: i64,
    /// Which hazard.
    pub(super) hazard: Hazard,
    /// What a line may hold in braces; filled in when it is shown with an alarm.
    #[schema(example = json!(["site", "phone"]))]
    pub(super) placeholders: Vec<String>,
    /// Each language.
    pub(super) languages: Vec<GuidanceText>,
}

/// A text of an organisation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewGuidance {
    /// Whose.
    #[schema(minimum = 1)]
    pub(super) organisation_id: i64,
    /// For the owner of the premises, in order.
    #[schema(min_items = 1, max_items = 20)]
    pub(super) owner: Vec<String>,
    /// For the electrician, each line one check, in order.
    #[schema(min_items = 1, max_items = 20)]
    pub(super) electrician: Vec<String>,
    /// The version that was read; 0 where there was none.
    #[schema(minimum = 0)]
    pub(super) version: i64,
}
