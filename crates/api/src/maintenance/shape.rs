//! What a maintenance window looks like from outside.

use domain::id::{ChannelId, DetectorId, PanelId, SiteId};
use domain::place::AreaCode;
use domain::time::UnixMs;
use serde::{Deserialize, Serialize};
use store::maintenance::{WindowChange, WindowDraft as Stored, WindowRow};
use utoipa::ToSchema;

use crate::http::problem::Problem;
use crate::http::time::Time;

/// What a window covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowTarget {
    /// Every site of an area.
    Area,
    /// Everything at a site.
    Site,
    /// Everything behind a panel.
    Panel,
    /// One detector.
    Detector,
    /// One channel.
    Channel,
}

/// How a window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowState {
    /// Its (next) time is to come.
    Planned,
    /// Under way.
    UnderWay,
    /// Nothing of it is to come.
    Over,
    /// A person ended it before its time.
    Ended,
}

/// A maintenance window.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MaintenanceWindow {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// How it stands.
    pub state: WindowState,
    /// The site it is at; null over an area.
    #[schema(minimum = 1)]
    pub site_id: Option<i64>,
    /// The site's name; null over an area.
    pub site_name: Option<String>,
    /// What it covers.
    pub target: WindowTarget,
    /// Which one; null over an area.
    #[schema(minimum = 1)]
    pub target_id: Option<i64>,
    /// The site's area, or the area itself.
    #[schema(example = "430203")]
    pub area_code: String,
    /// Its name when the window was made.
    pub target_name: String,
    /// Begin of the (first) time.
    pub starts_at: Time,
    /// End of the (first) time.
    pub ends_at: Time,
    /// Comes back each week until then; null is once.
    pub weekly_until: Option<Time>,
    /// When the time that is under way ends.
    pub under_way_until: Option<Time>,
    /// When the next time begins.
    pub next_begin: Option<Time>,
    /// Whether alarms of the highest severity about the circuit are covered too.
    pub covers_alarms: bool,
    /// Why.
    #[schema(example = "更换配电柜")]
    pub reason: String,
    /// Who made it.
    pub made_by: String,
    /// When.
    pub created_at: Time,
    /// When a person ended it before its time.
    pub ended_at: Option<Time>,
    /// Who did.
    pub ended_by: Option<String>,
    /// Rises with every change.
    pub version: i64,
    /// When a person changed it last.
    pub changed_at: Option<Time>,
    /// Who did.
    pub changed_by: Option<String>,
}

impl MaintenanceWindow {
    /// The row as it stands at `now`; a target that this build does not know is shown as its site.
    #[must_use]
    pub fn seen(row: WindowRow, now: UnixMs) -> Self {
        let window = row.window();
        let open = row.ended_at.is_none();
        let rules = window.as_ref().filter(|_| open);
        let under_way = rules.and_then(|window| window.under_way(now));
        let next = rules.and_then(|window| window.next_begin(now));
        let state = match (open, under_way, next) {
            (false, _, _) => WindowState::Ended,
            (true, Some(_), _) => WindowState::UnderWay,
            (true, None, Some(_)) => WindowState::Planned,
            (true, None, None) => WindowState::Over,
        };
        let target = window.map_or(WindowTarget::Site, |window| (&window.target).into());
        Self {
            id: row.id.0,
            state,
            site_id: row.site_id.map(|id| id.0),
            site_name: row.site_name,
            target,
            target_id: row.target_id,
            area_code: row.area_code.0,
            target_name: row.target_name,
            starts_at: row.starts_at.into(),
            ends_at: row.ends_at.into(),
            weekly_until: row.weekly_until.map(Into::into),
            under_way_until: under_way.map(|(_, end)| end.into()),
            next_begin: next.map(Into::into),
            covers_alarms: row.covers_alarms,
            reason: row.reason,
            made_by: row.made_by,
            created_at: row.created_at.into(),
            ended_at: row.ended_at.map(Into::into),
            ended_by: row.ended_by,
            version: row.version,
            changed_at: row.changed_at.map(Into::into),
            changed_by: row.changed_by,
        }
    }
}

impl From<&domain::maintenance::WindowTarget> for WindowTarget {
    fn from(target: &domain::maintenance::WindowTarget) -> Self {
        use domain::maintenance::WindowTarget as T;
        match target {
            T::Area { .. } => Self::Area,
            T::Site(_) => Self::Site,
            T::Panel(_) => Self::Panel,
            T::Detector(_) => Self::Detector,
            T::Channel(_) => Self::Channel,
        }
    }
}

/// A window to make.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceWindowDraft {
    /// What it covers.
    pub target: WindowTarget,
    /// Which one; absent for an area.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub target_id: Option<i64>,
    /// The area, for an area. It is covered as far as you may reach there.
    #[serde(default)]
    #[schema(example = "430203")]
    pub area_code: Option<String>,
    /// Begin of the (first) time.
    pub starts_at: Time,
    /// End of the (first) time: at most 31 days later, 7 for one that comes back each week.
    pub ends_at: Time,
    /// Comes back each week until then, at most a year; absent is once.
    #[serde(default)]
    pub weekly_until: Option<Time>,
    /// Whether alarms of the highest severity about the circuit are covered too.
    #[serde(default)]
    pub covers_alarms: bool,
    /// Why.
    #[schema(min_length = 1, max_length = 2000, example = "更换配电柜")]
    pub reason: String,
}

impl MaintenanceWindowDraft {
    /// As the store takes it.
    ///
    /// # Errors
    /// 422 when it is not said which one.
    pub(super) fn read(self) -> Result<Stored, Problem> {
        use domain::maintenance::WindowTarget as T;
        let id = || self.target_id.ok_or_else(|| Problem::field("target_id", "missing", "wanted an id"));
        let target = match self.target {
            WindowTarget::Area => {
                let code = self.area_code.as_deref().map(str::trim).filter(|code| !code.is_empty());
                let code = code.ok_or_else(|| Problem::field("area_code", "missing", "wanted an area"))?;
                T::Area { area: AreaCode(code.to_owned()), organisation: None }
            }
            WindowTarget::Site => T::Site(SiteId(id()?)),
            WindowTarget::Panel => T::Panel(PanelId(id()?)),
            WindowTarget::Detector => T::Detector(DetectorId(id()?)),
            WindowTarget::Channel => T::Channel(ChannelId(id()?)),
        };
        Ok(Stored {
            target,
            starts_at: self.starts_at.0,
            ends_at: self.ends_at.0,
            weekly_until: self.weekly_until.map(|at| at.0),
            covers_alarms: self.covers_alarms,
            reason: self.reason,
        })
    }
}

/// What is changed of a window, as a whole; what it covers stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceWindowChange {
    /// Begin of the (first) time; of a window that has begun it stays.
    pub starts_at: Time,
    /// End of the (first) time: at most 31 days later, 7 for one that comes back each week.
    pub ends_at: Time,
    /// Comes back each week until then, at most a year; absent is once.
    #[serde(default)]
    pub weekly_until: Option<Time>,
    /// Whether alarms of the highest severity about the circuit are covered too.
    #[serde(default)]
    pub covers_alarms: bool,
    /// Why.
    #[schema(min_length = 1, max_length = 2000, example = "更换配电柜")]
    pub reason: String,
    /// The version that was read.
    pub version: i64,
}

impl From<MaintenanceWindowChange> for WindowChange {
    fn from(change: MaintenanceWindowChange) -> Self {
        Self {
            starts_at: change.starts_at.0,
            ends_at: change.ends_at.0,
            weekly_until: change.weekly_until.map(|at| at.0),
            covers_alarms: change.covers_alarms,
            reason: change.reason,
            version: change.version,
        }
    }
}
