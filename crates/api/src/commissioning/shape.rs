//! What the addresses of this subject take and give.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::time::Time;
use crate::vocabulary::Quality;

/// Which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// Rows on a page.
    #[param(minimum = 1, maximum = 500)]
    pub(super) limit: Option<u32>,
    /// Where the page begins.
    #[param(max_length = 2000)]
    pub(super) cursor: Option<String>,
}

/// Which of the detectors taken into service.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CommissionedQuery {
    /// Only those whose wiring nobody has checked since.
    pub(super) unchecked: Option<bool>,
    /// Rows on a page.
    #[param(minimum = 1, maximum = 500)]
    pub(super) limit: Option<u32>,
    /// Where the page begins.
    #[param(max_length = 2000)]
    pub(super) cursor: Option<String>,
}

/// What a picture shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PictureKind {
    /// A distribution box.
    Panel,
    /// A label of a device.
    Label,
    /// Wires and transformers.
    Wiring,
    /// Something else.
    #[default]
    Other,
}

impl PictureKind {
    const ALL: [Self; 4] = [Self::Panel, Self::Label, Self::Wiring, Self::Other];

    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Panel => "panel",
            Self::Label => "label",
            Self::Wiring => "wiring",
            Self::Other => "other",
        }
    }

    pub(super) fn read(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    pub(super) fn of_code(code: &str) -> Self {
        Self::read(code).unwrap_or_default()
    }
}

/// A form with a picture.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its description is used; the form is read part by part")]
pub(super) struct PictureUpload {
    /// JPEG, PNG or WebP, at most 6 MiB.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// What it shows; `other` when nothing is said.
    kind: Option<PictureKind>,
    /// What is to be said about it.
    #[schema(max_length = 300)]
    note: Option<String>,
    /// The detector that it shows; it must stand in the site.
    #[schema(minimum = 1)]
    detector_id: Option<i64>,
    /// Whether what the camera wrote beside the picture stays: place, time, serial number.
    keep_notes: Option<bool>,
}

/// A picture of a site.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Picture {
    /// Its id.
    #[schema(minimum = 1)]
    pub(super) id: i64,
    /// Its site.
    #[schema(minimum = 1)]
    pub(super) site_id: i64,
    /// The detector that it shows.
    pub(super) detector_id: Option<i64>,
    /// What it shows.
    pub(super) kind: PictureKind,
    /// What is to be said about it.
    pub(super) note: String,
    /// `image/jpeg`, `image/png` or `image/webp`.
    #[schema(example = "image/jpeg")]
    pub(super) media_type: String,
    /// Its size, bytes.
    #[schema(minimum = 0)]
    pub(super) bytes: i64,
    /// SHA-256 of its bytes.
    pub(super) sha256: String,
    /// When it came.
    pub(super) created_at: Time,
    /// Who took it.
    pub(super) created_by: String,
}

/// How a commissioning ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum CommissioningResult {
    /// Everything as it should be.
    Passed,
    /// In service, with something to be put right.
    Remarks,
}

impl CommissioningResult {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Remarks => "remarks",
        }
    }
}

/// How the self-test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SelfTest {
    /// The device did it.
    Passed,
    /// The device refused, or did not answer.
    Failed,
    /// The model knows no self-test from here.
    NotSupported,
    /// Nobody did it.
    Skipped,
}

/// What is to be kept about a commissioning. The values are those that the platform has at this moment.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCommissioning {
    /// How it ended.
    pub(super) result: CommissioningResult,
    /// What is to be said about it; needed with `remarks`.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub(super) remarks: String,
    /// How the self-test ended.
    pub(super) self_test: SelfTest,
    /// The command of the self-test, where one was sent.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub(super) command_id: Option<i64>,
    /// The pictures that belong to it.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub(super) picture_ids: Vec<i64>,
    /// How long it took, s.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 86400)]
    pub(super) duration_s: Option<u32>,
}

/// A value as it was at a commissioning.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(super) struct CommissionedValue {
    /// The channel's name.
    #[schema(example = "A 相温度")]
    pub(super) name: String,
    /// Its point in the profile.
    #[schema(example = "temperature_a")]
    pub(super) point: String,
    /// The value; null where there was none.
    pub(super) value: Option<f64>,
    /// Its unit.
    pub(super) unit: String,
    /// How many decimals the device gives.
    #[schema(minimum = 0, maximum = 9)]
    pub(super) decimals: u8,
    /// What was known about it.
    pub(super) quality: Quality,
    /// When it came.
    pub(super) received_at: Option<Time>,
}

/// What a record keeps beside its row, version 1.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) version: u32,
    pub(super) self_test: SelfTest,
    pub(super) command_id: Option<i64>,
    pub(super) picture_ids: Vec<i64>,
    pub(super) values: Vec<CommissionedValue>,
}

/// The record of a commissioning.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CommissioningRecord {
    /// Its id.
    #[schema(minimum = 1)]
    pub(super) id: i64,
    /// The detector.
    #[schema(minimum = 1)]
    pub(super) detector_id: i64,
    /// When.
    pub(super) at: Time,
    /// Who.
    pub(super) actor_name: String,
    /// How it ended.
    pub(super) result: CommissioningResult,
    /// What is to be said about it.
    pub(super) remarks: String,
    /// How the self-test ended.
    pub(super) self_test: SelfTest,
    /// The command of the self-test.
    pub(super) command_id: Option<i64>,
    /// The pictures that belong to it.
    pub(super) picture_ids: Vec<i64>,
    /// The values as they were.
    pub(super) values: Vec<CommissionedValue>,
    /// How long it took, s.
    pub(super) duration_s: Option<i64>,
}

/// A detector that was taken into service.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CommissionedDetector {
    /// The detector.
    #[schema(minimum = 1)]
    pub(super) detector_id: i64,
    /// Its name.
    pub(super) detector_name: String,
    /// Its site.
    #[schema(minimum = 1)]
    pub(super) site_id: i64,
    /// The site's name.
    pub(super) site_name: String,
    /// The circuit's name.
    pub(super) circuit_name: Option<String>,
    /// When it was taken into service.
    pub(super) at: Time,
    /// Who did it.
    pub(super) actor_name: String,
    /// When its wiring was checked last, after that.
    pub(super) checked_at: Option<Time>,
    /// How many mistakes were found then.
    pub(super) findings: Option<i64>,
}

/// A figure that a finding rests on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct WiringFigure {
    /// What it is: `correlation`, `slope`, `share`, `rows`, `factor`, `rise` ...
    #[schema(example = "correlation")]
    pub(super) name: String,
    /// The value.
    pub(super) value: f64,
    /// Its unit, empty for none.
    pub(super) unit: String,
}

/// A mistake that the data show.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct WiringFinding {
    /// `low`, `medium` or `high`.
    #[schema(example = "high")]
    pub(super) confidence: String,
    /// Which channel or phase it is about.
    pub(super) about: String,
    /// What it follows: another phase, a circuit beside it; empty for the own load.
    pub(super) against: String,
    /// The figures that it rests on.
    pub(super) figures: Vec<WiringFigure>,
    /// The two series as they were compared: what drives, what was measured.
    pub(super) pairs: Vec<Vec<f64>>,
}

/// One check of the wiring.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct WiringKindCheck {
    /// `neutral_earthed`, `earth_through_transformer`, `shared_neutral`, `reversed_transformer`, `wrong_ratio`,
    /// `probe_loose` or `phases_swapped`.
    #[schema(example = "neutral_earthed")]
    pub(super) kind: String,
    /// `found`, `clear` or `not_enough`.
    #[schema(example = "clear")]
    pub(super) outcome: String,
    /// Why it could not be looked at: `not_measured`, `few_rows`, `steady_load`, `equal_phases` or `no_neighbour`.
    pub(super) lack: Option<String>,
    /// What was found.
    pub(super) findings: Vec<WiringFinding>,
}

/// A set value by the maker's rule, with the figures that it rests on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct SetValueSuggestion {
    /// The largest normal residual current, mA.
    pub(super) normal_ma: f64,
    /// Steps of the day that it rests on.
    #[schema(minimum = 0)]
    pub(super) rows: usize,
    /// Alarm level, mA.
    pub(super) alarm_ma: f64,
    /// Warning level, mA; null where there is no room below the alarm.
    pub(super) warning_ma: Option<f64>,
    /// Delay, s.
    pub(super) delay_s: f64,
    /// What it had to be above, mA, where the circuit is upstream of others.
    pub(super) above_ma: Option<f64>,
    /// Twice the normal is more than may be set: the leakage itself must be brought down.
    pub(super) too_much: bool,
}

/// What a day of values told about the wiring.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct WiringCheck {
    /// Its id.
    #[schema(minimum = 1)]
    pub(super) id: i64,
    /// The detector.
    #[schema(minimum = 1)]
    pub(super) detector_id: i64,
    /// When it was made.
    pub(super) at: Time,
    /// Values from here on.
    pub(super) from: Time,
    /// Values before this.
    pub(super) until: Time,
    /// Whether the platform made it by itself.
    pub(super) automatic: bool,
    /// Who asked for it; empty for the platform.
    pub(super) asked_by: String,
    /// How many mistakes were found.
    #[schema(minimum = 0)]
    pub(super) findings: i64,
    /// Every check with its outcome.
    pub(super) checks: Vec<WiringKindCheck>,
    /// A set value for the residual current, where there is enough to say one.
    pub(super) suggestion: Option<SetValueSuggestion>,
}
