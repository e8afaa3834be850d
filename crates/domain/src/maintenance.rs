//! Maintenance windows 检修窗口: times in which alarms of a place are recorded and told to nobody.

use serde::{Deserialize, Serialize};

use crate::alarm::Alarm;
use crate::hazard::{Class, Severity};
use crate::id::{ChannelId, CircuitId, DetectorId, PanelId, SiteId, WindowId};
use crate::place::{AreaCode, OrganisationPath, Placement};
use crate::time::UnixMs;

/// A week, ms. A weekly window comes back after this by the server's clock, not by a zone's summer time.
pub const WEEK_MS: i64 = 7 * 86_400_000;

/// The longest one window may be, ms: what is out of service for longer is taken out of the platform.
pub const LONGEST_MS: i64 = 31 * 86_400_000;

/// What a window covers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum WindowTarget {
    /// Every site of an area that belongs to an organisation or below it.
    Area {
        /// The area.
        area: AreaCode,
        /// The organisation; `None` is every one.
        organisation: Option<OrganisationPath>,
    },
    /// Everything at a site.
    Site(SiteId),
    /// Everything behind a panel.
    Panel(PanelId),
    /// One detector.
    Detector(DetectorId),
    /// One channel.
    Channel(ChannelId),
}

impl WindowTarget {
    /// `area`, `site`, `panel`, `detector` or `channel`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Area { .. } => "area",
            Self::Site(_) => "site",
            Self::Panel(_) => "panel",
            Self::Detector(_) => "detector",
            Self::Channel(_) => "channel",
        }
    }

    /// The number beside the code; an area has none.
    #[must_use]
    pub const fn id(&self) -> Option<i64> {
        match self {
            Self::Area { .. } => None,
            Self::Site(SiteId(id))
            | Self::Panel(PanelId(id))
            | Self::Detector(DetectorId(id))
            | Self::Channel(ChannelId(id)) => Some(*id),
        }
    }

    /// The target of a [`code`](Self::code) and an [`id`](Self::id); an area is not made of these.
    #[must_use]
    pub fn from_parts(code: &str, id: i64) -> Option<Self> {
        match code {
            "site" => Some(Self::Site(SiteId(id))),
            "panel" => Some(Self::Panel(PanelId(id))),
            "detector" => Some(Self::Detector(DetectorId(id))),
            "channel" => Some(Self::Channel(ChannelId(id))),
            _ => None,
        }
    }
}

/// A maintenance window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its id.
    pub id: WindowId,
    /// What it covers.
    pub target: WindowTarget,
    /// Begin of the (first) time, server's clock.
    pub starts_at: UnixMs,
    /// End of the (first) time, server's clock.
    pub ends_at: UnixMs,
    /// Comes back every week until then, server's clock; `None` is once.
    pub weekly_until: Option<UnixMs>,
    /// Whether alarms of the highest severity about the circuit itself are suppressed too. They are not unless somebody
    /// said so: the heat of a loose terminal does not wait for the end of the works.
    pub covers_alarms: bool,
    /// Why.
    pub reason: String,
    /// Who made it, by name.
    pub by: String,
}

impl Window {
    /// The time that is under way at `now`: begin and end.
    #[must_use]
    pub fn under_way(&self, now: UnixMs) -> Option<(UnixMs, UnixMs)> {
        let length_ms = self.ends_at.since_ms(self.starts_at);
        let since_ms = now.since_ms(self.starts_at);
        if since_ms < 0 {
            return None;
        }
        let weeks = if self.weekly_until.is_some() { since_ms / WEEK_MS } else { 0 };
        let begin = self.starts_at.plus_ms(weeks.saturating_mul(WEEK_MS));
        let end = begin.plus_ms(length_ms);
        let end = self.weekly_until.map_or(end, |last| end.min(last));
        (begin <= now && now < end).then_some((begin, end))
    }

    /// When the next time begins after `now`.
    #[must_use]
    pub fn next_begin(&self, now: UnixMs) -> Option<UnixMs> {
        if now < self.starts_at {
            return Some(self.starts_at);
        }
        let last = self.weekly_until?;
        let weeks = now.since_ms(self.starts_at) / WEEK_MS + 1;
        Some(self.starts_at.plus_ms(weeks.saturating_mul(WEEK_MS))).filter(|begin| *begin < last)
    }

    /// Whether nothing of it is to come.
    #[must_use]
    pub fn is_over(&self, now: UnixMs) -> bool {
        self.under_way(now).is_none() && self.next_begin(now).is_none()
    }
}

/// A window with the circuits of its panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedWindow {
    /// The window.
    pub window: Window,
    /// The circuits of the panel that it covers; empty for other targets.
    pub circuits: Vec<CircuitId>,
}

/// Every window that is not over, for the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MaintenanceBook {
    windows: Vec<BookedWindow>,
}

impl MaintenanceBook {
    /// A book of `windows`.
    #[must_use]
    pub const fn new(windows: Vec<BookedWindow>) -> Self {
        Self { windows }
    }

    /// The window that suppresses `alarm` at `now` (server's clock) for the longest, and the end of its time.
    #[must_use]
    pub fn covering(&self, place: &Placement, alarm: &Alarm, now: UnixMs) -> Option<(&Window, UnixMs)> {
        let needs_word = alarm.severity == Severity::Alarm && alarm.hazard.class() == Class::Hazard;
        self.windows
            .iter()
            .filter(|booked| !needs_word || booked.window.covers_alarms)
            .filter(|booked| match &booked.window.target {
                WindowTarget::Area { area, organisation } => {
                    area.covers(&place.area)
                        && organisation
                            .as_ref()
                            .is_none_or(|root| place.organisation_path.0.starts_with(&root.0))
                }
                WindowTarget::Site(site) => place.site == *site,
                WindowTarget::Panel(_) => place.circuit.is_some_and(|id| booked.circuits.contains(&id)),
                WindowTarget::Detector(detector) => place.detector == *detector,
                WindowTarget::Channel(channel) => alarm.channel == *channel,
            })
            .filter_map(|booked| Some((&booked.window, booked.window.under_way(now)?.1)))
            .max_by_key(|(_, end)| *end)
    }

    /// When the next time of any window begins after `now`.
    #[must_use]
    pub fn next_begin(&self, now: UnixMs) -> Option<UnixMs> {
        self.windows.iter().filter_map(|booked| booked.window.next_begin(now)).min()
    }
}
