//! The first screen: how the world stands, in numbers that are links.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::time::Time;
use crate::vocabulary::{Hazard, Status};

/// Detectors by condition.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct Counts {
    /// Sites.
    #[schema(minimum = 0)]
    pub sites: i64,
    /// Detectors in all.
    #[schema(minimum = 0)]
    pub detectors: i64,
    /// Detectors with an open alarm.
    #[schema(minimum = 0)]
    pub alarm: i64,
    /// With a warning as the worst.
    #[schema(minimum = 0)]
    pub warning: i64,
    /// With a fault as the worst.
    #[schema(minimum = 0)]
    pub fault: i64,
    /// Silent for too long.
    #[schema(minimum = 0)]
    pub offline: i64,
    /// Heard in time, nothing open.
    #[schema(minimum = 0)]
    pub normal: i64,
    /// Never heard.
    #[schema(minimum = 0)]
    pub unknown: i64,
}

/// What waits for a person.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct Waiting {
    /// Terminals that nobody has admitted; 0 for who may not see them.
    #[schema(minimum = 0)]
    pub pending_terminals: i64,
    /// Alarms that nobody has taken.
    #[schema(minimum = 0)]
    pub unacknowledged: i64,
    /// Alarms that wait for reset.
    #[schema(minimum = 0)]
    pub latched: i64,
}

/// One of the worst sites.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WorstSite {
    /// The site.
    #[schema(minimum = 1)]
    pub site_id: i64,
    /// Its name.
    pub site_name: String,
    /// Its condition.
    pub status: Status,
    /// Open alarms.
    #[schema(minimum = 0)]
    pub open_alarm: i64,
    /// Open warnings.
    #[schema(minimum = 0)]
    pub open_warning: i64,
    /// Open faults.
    #[schema(minimum = 0)]
    pub open_fault: i64,
    /// Since when the oldest of them is open.
    pub longest_open_since: Option<Time>,
}

/// One area in numbers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AreaCounts {
    /// The area.
    pub area_code: String,
    /// Its name.
    pub name: String,
    /// Its sites.
    #[schema(minimum = 0)]
    pub sites: i64,
    /// Detectors with an open alarm.
    #[schema(minimum = 0)]
    pub alarm: i64,
    /// With a warning as the worst.
    #[schema(minimum = 0)]
    pub warning: i64,
    /// With a fault as the worst.
    #[schema(minimum = 0)]
    pub fault: i64,
    /// Silent for too long.
    #[schema(minimum = 0)]
    pub offline: i64,
}

/// One hazard in numbers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HazardCount {
    /// The hazard.
    pub hazard: Hazard,
    /// How many are open.
    #[schema(minimum = 0)]
    pub open: i64,
}

/// Room on the disk.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct StorageFacts {
    /// Taken by the data, bytes.
    #[schema(minimum = 0)]
    pub used_bytes: u64,
    /// The soft limit, bytes; 0 means none.
    #[schema(minimum = 0)]
    pub limit_bytes: u64,
    /// Whether the soft limit is passed or the disk is nearly full.
    pub warning: bool,
    /// Whether the backup of each night failed or is too old.
    pub backup_late: bool,
}

/// What comes in.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct IntakeFacts {
    /// Readings confirmed per second, over the last seconds.
    #[schema(minimum = 0)]
    pub readings_per_s: f64,
    /// Readings confirmed since the start.
    #[schema(minimum = 0)]
    pub confirmed_total: u64,
    /// Frames refused since the start.
    #[schema(minimum = 0)]
    pub refused_total: u64,
    /// Telegrams that the log could not keep up with since the start.
    #[schema(minimum = 0)]
    pub telegrams_dropped_total: u64,
}

/// How the world stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Overview {
    /// Detectors by condition.
    pub counts: Counts,
    /// Alarms and warnings raised since midnight in the installation's zone.
    #[schema(minimum = 0)]
    pub alarms_today: i64,
    /// How many there were on the last seven days up to this hour, on average; null before there are seven days.
    #[schema(minimum = 0)]
    pub alarms_usual: Option<f64>,
    /// Alarms that nobody has taken.
    #[schema(minimum = 0)]
    pub unacknowledged: i64,
    /// What waits for a person.
    pub waiting: Waiting,
    /// The ten worst sites.
    pub worst: Vec<WorstSite>,
    /// Every area that has sites.
    pub by_area: Vec<AreaCounts>,
    /// Every hazard that is open somewhere.
    pub by_hazard: Vec<HazardCount>,
    /// Room on the disk.
    pub storage: StorageFacts,
    /// What comes in.
    pub intake: IntakeFacts,
}

/// Which part of the world.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PartQuery {
    /// An area and all inside it.
    #[param(max_length = 12)]
    pub area: Option<String>,
    /// An organisation and all below it.
    #[param(minimum = 1)]
    pub organisation: Option<i64>,
}

/// Which part of the world, over how many days.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TrendQuery {
    /// An area and all inside it.
    #[param(max_length = 12)]
    pub area: Option<String>,
    /// An organisation and all below it.
    #[param(minimum = 1)]
    pub organisation: Option<i64>,
    /// How many days, today included; 14 unless told.
    #[param(minimum = 1, maximum = 92)]
    pub days: Option<i64>,
}

/// What was raised on one day, and what has become of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TrendDay {
    /// Midnight at its begin in the installation's zone.
    pub from: Time,
    /// Alarms raised.
    #[schema(minimum = 0)]
    pub alarm: i64,
    /// Warnings raised that never got worse.
    #[schema(minimum = 0)]
    pub warning: i64,
    /// Faults raised.
    #[schema(minimum = 0)]
    pub fault: i64,
    /// Alarms and warnings of the day that somebody acknowledged.
    #[schema(minimum = 0)]
    pub acknowledged: i64,
    /// Alarms and warnings of the day that are closed.
    #[schema(minimum = 0)]
    pub closed: i64,
    /// From being raised to the acknowledgement on average, s; null where nothing was acknowledged.
    #[schema(minimum = 0)]
    pub mean_to_acknowledge_s: Option<i64>,
}

/// Day by day, oldest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Trend {
    /// The days.
    pub days: Vec<TrendDay>,
}

/// A site on the map.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MapSite {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Longitude, °, WGS-84.
    #[schema(minimum = -180, maximum = 180)]
    pub lon: f64,
    /// Latitude, °, WGS-84.
    #[schema(minimum = -90, maximum = 90)]
    pub lat: f64,
    /// Its condition.
    pub status: Status,
    /// Its area.
    pub area_code: String,
    /// Open alarms and warnings.
    #[schema(minimum = 0)]
    pub open: i64,
}

/// Every site that has a place on the map.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MapSites {
    /// The sites.
    pub sites: Vec<MapSite>,
}
