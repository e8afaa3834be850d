//! Detector models as the API tells them.

use std::collections::BTreeMap;

use engine::services::ProfileOrigin as Origin;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::time::Time;
use crate::vocabulary::{Hazard, Phase, Protocol, Quantity, Severity};

/// Where a profile comes from. What people wrote stands before the folder's file, that before the shipped one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileOrigin {
    /// Comes with the program.
    Shipped,
    /// A file of the deployment's profiles folder.
    Folder,
    /// Written on this platform.
    Database,
}

impl From<Origin> for ProfileOrigin {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Shipped => Self::Shipped,
            Origin::Folder => Self::Folder,
            Origin::Database => Self::Database,
        }
    }
}

/// A mistake in a profile's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProfileMistake {
    /// The line, from 1; null where it is in a part of the form that could not be written.
    #[schema(minimum = 1)]
    pub line: Option<u32>,
    /// The character, from 1.
    #[schema(minimum = 1)]
    pub column: Option<u32>,
    /// The field of the form, `points[3].address`; empty where it is none.
    #[schema(example = "points[3].address")]
    pub field: String,
    /// A stable word for the kind of mistake.
    #[schema(example = "out_of_range")]
    pub code: String,
    /// What was had and wanted, by name.
    pub params: BTreeMap<String, String>,
    /// The same as a sentence in English.
    pub reason: String,
}

/// One way in which a changed profile would break what detectors in use store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProfileBreak {
    /// `point_gone`, `point_moved`, `quantity_changed`, `phase_changed`, `decimals_changed`, `protocol_changed`.
    #[schema(example = "point_moved")]
    pub kind: String,
    /// The point that it is about.
    pub point: Option<String>,
    /// What was had and what was wanted.
    pub message: String,
}

impl From<domain::profile::StorageBreak> for ProfileBreak {
    fn from(one: domain::profile::StorageBreak) -> Self {
        Self { kind: one.kind().to_owned(), point: one.code().map(str::to_owned), message: one.to_string() }
    }
}

/// One version of a profile.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProfileVersion {
    /// Counts from 1; 0 is the file that the program or its folder brings.
    #[schema(minimum = 0)]
    pub version: i64,
    /// When it was written; null for the file.
    pub at: Option<Time>,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Whether the profile was taken away with it.
    pub deleted: bool,
}

/// One version with its text.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProfileVersionText {
    /// Counts from 1; 0 is the file.
    #[schema(minimum = 0)]
    pub version: i64,
    /// The text; empty where the profile was taken away.
    pub text: String,
}

/// What a point's value means for a hazard.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReportedHazard {
    /// The hazard or fault.
    pub hazard: Hazard,
    /// How bad; null where the device says that it is not there.
    pub severity: Option<Severity>,
    /// The point that it is about; null for the device as a whole.
    pub point: Option<String>,
}

/// A detector model, in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProfileSummary {
    /// The file's name without `.toml`.
    #[schema(example = "asj-residual")]
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Who makes it.
    pub maker: String,
    /// How it is spoken to.
    pub kind: Protocol,
    /// Whether its map was checked against a real device or a complete manual.
    pub verified: bool,
    /// Where the map comes from.
    pub source: String,
    /// How often it speaks by itself or is asked, s.
    #[schema(minimum = 1)]
    pub interval_s: u32,
    /// How many values it has.
    #[schema(minimum = 0)]
    pub points: i64,
    /// How many detectors of it are in your scope.
    #[schema(minimum = 0)]
    pub detectors: i64,
    /// Where the text in force comes from.
    pub origin: ProfileOrigin,
    /// What it stands before.
    pub beneath: Vec<ProfileOrigin>,
    /// The newest version written here; 0 where none was.
    #[schema(minimum = 0)]
    pub version: i64,
    /// When that was.
    pub changed_at: Option<Time>,
    /// Whether its text is not understood by this version of the program, and what stands beneath is in force.
    pub broken: bool,
}

/// A value of a model.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProfilePoint {
    /// Its name in the profile.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// What it measures.
    pub quantity: Quantity,
    /// On which conductor.
    pub phase: Option<Phase>,
    /// The unit.
    pub unit: String,
    /// How many decimals the device gives.
    pub decimals: u8,
    /// The register, in protocols that have registers.
    pub address: Option<u16>,
    /// How the number is written there.
    #[schema(example = "u16")]
    pub format: Option<String>,
    /// The name under which it is sent, in protocols that have names.
    pub key: Option<String>,
}

/// A status word of a model.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProfileStatus {
    /// Its name in the profile.
    pub code: String,
    /// The register, in protocols that have registers.
    pub address: Option<u16>,
    /// The name under which it is sent, in protocols that have names.
    pub key: Option<String>,
    /// The bits that matter.
    pub mask: Option<u32>,
    /// How many values of it have a meaning.
    #[schema(minimum = 0)]
    pub meanings: i64,
}

/// A detector model.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProfileDetail {
    /// The file's name without `.toml`.
    #[schema(example = "asj-residual")]
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Who makes it.
    pub maker: String,
    /// How it is spoken to.
    pub kind: Protocol,
    /// Whether its map was checked against a real device or a complete manual.
    pub verified: bool,
    /// Where the map comes from.
    pub source: String,
    /// How often it speaks by itself or is asked, s.
    #[schema(minimum = 1)]
    pub interval_s: u32,
    /// How many detectors of it are in your scope.
    #[schema(minimum = 0)]
    pub detectors: i64,
    /// What it measures.
    pub points: Vec<ProfilePoint>,
    /// What its status words are.
    pub statuses: Vec<ProfileStatus>,
    /// Whether an alarm held by the device can be reset from here.
    pub can_reset: bool,
    /// The profile's text.
    pub text: Option<String>,
    /// Where the text comes from.
    pub origin: ProfileOrigin,
    /// What it stands before.
    pub beneath: Vec<ProfileOrigin>,
    /// The newest version written here, to be given back with a change; 0 where none was.
    #[schema(minimum = 0)]
    pub version: i64,
    /// When that was.
    pub changed_at: Option<Time>,
    /// What this version of the program does not understand about the text; what stands beneath is in force then.
    pub mistake: Option<ProfileMistake>,
}
