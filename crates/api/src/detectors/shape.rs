//! A detector as the API shows it.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::channel::Channel;
use crate::http::time::Time;
use crate::vocabulary::{Protocol, Status};

/// A detector.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Detector {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its name.
    #[schema(example = "一楼总箱 剩余电流探测器")]
    pub name: String,
    /// The serial number of its terminal.
    #[schema(example = "20221011223344")]
    pub serial: String,
    /// Its terminal.
    #[schema(minimum = 1)]
    pub terminal_id: i64,
    /// Modbus unit address behind a DTU.
    #[schema(minimum = 1, maximum = 247)]
    pub unit_address: Option<u8>,
    /// Its address behind the terminal in protocols with names.
    pub address: Option<String>,
    /// Its model.
    #[schema(example = "asj-residual")]
    pub profile_id: String,
    /// The model's name.
    pub profile_name: String,
    /// Its site.
    #[schema(minimum = 1)]
    pub site_id: i64,
    /// The site's name.
    pub site_name: String,
    /// The circuit it watches.
    pub circuit_id: Option<i64>,
    /// The circuit's name.
    pub circuit_name: Option<String>,
    /// Its condition.
    pub status: Status,
    /// When it was last heard.
    pub last_heard_at: Option<Time>,
    /// The modem's signal, 0 to 31.
    #[schema(minimum = 0, maximum = 255)]
    pub signal: Option<u8>,
    /// Whether the model's map was checked against a real device or a complete manual.
    pub verified: bool,
    /// Rises with every change; comes back with a change.
    pub version: i64,
}

/// The terminal of a detector, in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DetectorTerminal {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// The serial number or registration string.
    pub serial: String,
    /// How it speaks.
    pub protocol: Protocol,
    /// The pinned SIM card.
    pub iccid: Option<String>,
    /// The modem's signal, 0 to 31.
    #[schema(minimum = 0, maximum = 255)]
    pub signal: Option<u8>,
    /// Firmware, as it says.
    pub firmware: Option<String>,
    /// Whether its line is open.
    pub connected: bool,
    /// Since when.
    pub connected_at: Option<Time>,
    /// The address at the other end.
    pub remote: Option<String>,
    /// When it was last heard.
    pub last_heard_at: Option<Time>,
}

/// The model of a detector, in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DetectorProfile {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether the map was checked.
    pub verified: bool,
    /// Where the map comes from.
    pub source: String,
}

/// When silence is a fault.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct DetectorSupervision {
    /// How often it speaks or is asked, s.
    #[schema(minimum = 0)]
    pub interval_s: i64,
    /// It is offline after this long without a word, s.
    #[schema(minimum = 0)]
    pub offline_after_s: i64,
}

/// A detector with everything about it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DetectorDetail {
    /// The detector.
    #[serde(flatten)]
    pub detector: Detector,
    /// What dials in for it.
    pub terminal: DetectorTerminal,
    /// Its model.
    pub profile: DetectorProfile,
    /// What it measures, with the newest values.
    pub channels: Vec<Channel>,
    /// When silence is a fault.
    pub supervision: DetectorSupervision,
}

/// What changes about a detector.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DetectorPatch {
    /// Its name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub name: Option<String>,
    /// The circuit it watches; null takes it off its circuit.
    #[serde(default, deserialize_with = "crate::http::extract::said")]
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub circuit_id: Option<Option<i64>>,
    /// The version that was read.
    #[schema(minimum = 1)]
    pub version: i64,
}

/// Which detectors.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DetectorQuery {
    /// Part of the name, serial number or site.
    #[param(max_length = 100)]
    pub q: Option<String>,
    /// Only of this site.
    #[param(minimum = 1)]
    pub site: Option<i64>,
    /// Only of this model.
    #[param(max_length = 100)]
    pub profile: Option<String>,
    /// Any of these conditions, with commas between.
    #[param(example = "offline,fault")]
    pub status: Option<String>,
    /// `-status` (worst first, the default), `name`, `-name`, `last_heard_at` or `-last_heard_at`.
    pub sort: Option<String>,
    /// Rows on a page.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// Where the page begins.
    #[param(max_length = 2000)]
    pub cursor: Option<String>,
}
