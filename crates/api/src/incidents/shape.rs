//! Incidents as the API shows them.

use domain::id::AlarmId;
use domain::incident::Reach;
use serde::Serialize;
use store::incidents::IncidentAlarmRow;
use utoipa::ToSchema;

use crate::http::time::Time;
use crate::vocabulary::{AlarmState, Hazard, IncidentKind, Severity};

/// The most members that are listed with an incident, the worst first; `member_count` says how many there are.
const MOST_LISTED: usize = 500;

/// How far a cause reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum IncidentReach {
    /// One panel.
    Panel,
    /// One site.
    Site,
    /// One area.
    Area,
    /// Wherever its members are.
    Members,
}

/// An alarm of an incident.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct IncidentMember {
    /// The alarm.
    #[schema(minimum = 1)]
    id: i64,
    /// What is wrong.
    hazard: Hazard,
    /// How bad now.
    severity: Severity,
    /// Where it stands in its life.
    state: AlarmState,
    /// When the hazard was found.
    #[schema(value_type = String, format = DateTime)]
    raised_at: Time,
    /// The premises.
    #[schema(minimum = 1)]
    site_id: i64,
    /// The premises' name.
    site_name: String,
    /// The detector.
    #[schema(minimum = 1)]
    detector_id: i64,
    /// The detector's name.
    detector_name: String,
    /// The panel's name.
    panel_name: Option<String>,
    /// The circuit's name.
    circuit_name: Option<String>,
}

/// Alarms with one cause, and what speaks for it. Only what the caller may see is in it and counted.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Incident {
    /// The least id of its alarms.
    #[schema(minimum = 1)]
    pub(super) id: i64,
    /// The cause.
    kind: IncidentKind,
    /// How far it reaches.
    reach: IncidentReach,
    /// The area; null when its members are in several.
    #[schema(example = "430203")]
    area_code: Option<String>,
    /// The premises' name, when it reaches one site or panel.
    site_name: Option<String>,
    /// The panel's name, when it reaches one panel.
    panel_name: Option<String>,
    /// The highest of its alarms, at worst.
    severity: Severity,
    /// Alarms in it.
    #[schema(minimum = 2)]
    member_count: usize,
    /// Alarms in it that are not over.
    #[schema(minimum = 1)]
    open: usize,
    /// Detectors concerned.
    #[schema(minimum = 1)]
    detectors: usize,
    /// Detectors there are where it reaches; null where nobody counts.
    of_detectors: Option<usize>,
    /// Premises concerned.
    #[schema(minimum = 1)]
    sites: usize,
    /// When the first alarm was raised.
    #[schema(value_type = String, format = DateTime)]
    from: Time,
    /// When the last one was.
    #[schema(value_type = String, format = DateTime)]
    until: Time,
    /// Its alarms, worst first; 500 at most.
    members: Vec<IncidentMember>,
}

/// The open incidents.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Incidents {
    /// Highest severity first, then the newest.
    pub(super) items: Vec<Incident>,
}

/// The incident that an alarm is part of.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct AlarmIncident {
    /// The incident; null when the alarm stands alone.
    pub(super) incident: Option<Incident>,
}

impl Incident {
    /// As it is shown.
    pub(super) fn seen(incident: domain::incident::Incident, mut rows: Vec<IncidentAlarmRow>) -> Self {
        let first = rows.first();
        let area = first.map(|row| row.area_code.0.clone());
        let one_area = rows.iter().all(|row| Some(&row.area_code.0) == area.as_ref());
        let site = first.map(|row| row.site_name.clone());
        let panel = first.and_then(|row| row.panel_name.clone());
        let (reach, site_name, panel_name) = match incident.reach {
            Reach::Panel(_) => (IncidentReach::Panel, site, panel),
            Reach::Site(_) => (IncidentReach::Site, site, None),
            Reach::Area(_) => (IncidentReach::Area, None, None),
            Reach::Members => (IncidentReach::Members, None, None),
        };
        rows.sort_by_key(|row| (std::cmp::Reverse(row.severity), row.id));
        rows.truncate(MOST_LISTED);
        Self {
            id: incident.id.0,
            kind: incident.kind.into(),
            reach,
            area_code: area.filter(|_| one_area),
            site_name,
            panel_name,
            severity: incident.severity.into(),
            member_count: incident.members.len(),
            open: incident.open,
            detectors: incident.detectors,
            of_detectors: Some(incident.of_detectors).filter(|there| *there >= incident.detectors),
            sites: incident.sites,
            from: incident.from.into(),
            until: incident.until.into(),
            members: rows.into_iter().map(Into::into).collect(),
        }
    }
}

/// The incident of one alarm among all.
pub(super) fn of_alarm(
    all: Vec<(domain::incident::Incident, Vec<IncidentAlarmRow>)>,
    alarm: AlarmId,
) -> AlarmIncident {
    let found = all.into_iter().find(|(incident, _)| incident.members.contains(&alarm));
    AlarmIncident { incident: found.map(|(incident, rows)| Incident::seen(incident, rows)) }
}

impl From<IncidentAlarmRow> for IncidentMember {
    fn from(row: IncidentAlarmRow) -> Self {
        Self {
            id: row.id.0,
            hazard: row.hazard.into(),
            severity: row.severity.into(),
            state: row.state.into(),
            raised_at: row.raised_at.into(),
            site_id: row.site_id.0,
            site_name: row.site_name,
            detector_id: row.detector_id.0,
            detector_name: row.detector_name,
            panel_name: row.panel_name,
            circuit_name: row.circuit_name,
        }
    }
}
