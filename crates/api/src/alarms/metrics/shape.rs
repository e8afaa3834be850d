//! What alarms ask of people, in figures beside the published ones.

use domain::alarm::load::{self, TARGETS};
use domain::alarm::nuisance::{self, Nuisance};
use serde::Serialize;
use store::alarm_metrics::{BadActor as BadActorRow, OpenCounts, Standing, VerdictCounts as VerdictRow};
use utoipa::ToSchema;

use crate::http::time::Time;
use crate::vocabulary::{AsideKind, Hazard, NuisanceDelay, NuisancePattern, Severity};

/// What one operator had to bear. All rates are per operator.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlarmLoad {
    /// How often alarms were told in the period, to all operators.
    #[schema(minimum = 0)]
    pub alarms: u64,
    /// Per day on average.
    pub per_day: f64,
    /// Per hour on average.
    pub per_hour: f64,
    /// Per ten minutes on average.
    pub per_ten_minutes: f64,
    /// The worst day.
    pub most_in_a_day: f64,
    /// The worst hour.
    pub most_in_an_hour: f64,
    /// The worst ten minutes.
    pub most_in_ten_minutes: f64,
    /// The share of hours with more than 30, %.
    pub overloaded_hours_percent: f64,
    /// The share of ten-minute spans with more than 10, %.
    pub overloaded_spans_percent: f64,
    /// The share of time in flood, %.
    pub flood_percent: f64,
    /// The share of the ten most frequent, %.
    pub top_ten_percent: f64,
    /// By day from the beginning of the period, of all operators.
    pub by_day: Vec<u64>,
    /// By hour from the beginning of the period, of all operators.
    pub by_hour: Vec<u64>,
}

/// A time in which alarms came faster than anybody can read them: more than 10 in ten minutes and operator, until fewer
/// than 5.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlarmFlood {
    /// From.
    pub from: Time,
    /// To.
    pub to: Time,
    /// How many alarms.
    #[schema(minimum = 0)]
    pub alarms: u64,
}

/// Published figures (EEMUA 191, ISA-18.2 and IEC 62682 clause 16), per operator.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlarmTargets {
    /// Alarms per day that are very likely acceptable.
    pub per_day: f64,
    /// The same per hour.
    pub per_hour: f64,
    /// The same per ten minutes.
    pub per_ten_minutes: f64,
    /// At most so many hours with more than 30, %.
    pub overloaded_hours_percent: f64,
    /// At most so many ten-minute spans with more than 10, %.
    pub overloaded_spans_percent: f64,
    /// At most so much time in flood, %.
    pub flood_percent: f64,
    /// At most so much by the ten most frequent, %.
    pub top_ten_percent: f64,
    /// At most so many that stand for more than a day.
    pub stale: f64,
    /// At most so many that chatter or are fleeting.
    pub chattering: f64,
    /// The share of the lowest priority, %.
    pub low_percent: f64,
    /// Of the middle one, %.
    pub medium_percent: f64,
    /// Of the highest, %.
    pub high_percent: f64,
}

impl Default for AlarmTargets {
    fn default() -> Self {
        Self {
            per_day: TARGETS.per_day,
            per_hour: TARGETS.per_hour,
            per_ten_minutes: TARGETS.per_ten_minutes,
            overloaded_hours_percent: TARGETS.overloaded_hours_percent,
            overloaded_spans_percent: TARGETS.overloaded_spans_percent,
            flood_percent: TARGETS.flood_percent,
            top_ten_percent: TARGETS.top_ten_percent,
            stale: TARGETS.stale,
            chattering: TARGETS.chattering,
            low_percent: TARGETS.low_percent,
            medium_percent: TARGETS.medium_percent,
            high_percent: TARGETS.high_percent,
        }
    }
}

/// What was told of one severity, and how soon somebody took it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PriorityFigures {
    /// Which.
    pub severity: Severity,
    /// How often it was told.
    #[schema(minimum = 0)]
    pub told: u64,
    /// Its share, %.
    pub percent: f64,
    /// Alarms of the period that somebody took.
    #[schema(minimum = 0)]
    pub acknowledged: u64,
    /// Half of them were taken within so many minutes.
    pub median_min: Option<i64>,
    /// Nine of ten were taken within so many minutes.
    pub ninth_decile_min: Option<i64>,
}

/// How many alarms are open now, in which way.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OpenAlarms {
    /// Open and not set aside.
    #[schema(minimum = 0)]
    pub open: i64,
    /// Present for more than a day and not set aside.
    #[schema(minimum = 0)]
    pub stale: i64,
    /// On the shelf.
    #[schema(minimum = 0)]
    pub shelved: i64,
    /// Suppressed by maintenance.
    #[schema(minimum = 0)]
    pub maintenance: i64,
    /// Suppressed by design.
    #[schema(minimum = 0)]
    pub design: i64,
}

impl From<OpenCounts> for OpenAlarms {
    fn from(counts: OpenCounts) -> Self {
        let OpenCounts { open, stale, shelved, maintenance, design } = counts;
        Self { open, stale, shelved, maintenance, design }
    }
}

/// A delay that would have kept an alarm quieter.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProposedCure {
    /// Which delay.
    pub delay: NuisanceDelay,
    /// What it is now, ms.
    pub from_ms: i64,
    /// What it would be, ms.
    pub to_ms: i64,
    /// How many of the times would not have been told.
    #[schema(minimum = 0)]
    pub removes: usize,
}

/// One hazard of one channel that is told often.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BadActor {
    /// The site.
    #[schema(minimum = 1)]
    pub site_id: i64,
    /// Its name.
    pub site_name: String,
    /// The detector.
    #[schema(minimum = 1)]
    pub detector_id: i64,
    /// Its name.
    pub detector_name: String,
    /// Its model.
    pub profile_id: String,
    /// The channel.
    #[schema(minimum = 1)]
    pub channel_id: i64,
    /// Its name.
    pub channel_name: String,
    /// What is told.
    pub hazard: Hazard,
    /// How often in the period.
    #[schema(minimum = 0)]
    pub times: i64,
    /// Its share of all, %.
    pub percent: f64,
    /// In which way it wears people out; null when there is no pattern.
    pub pattern: Option<NuisancePattern>,
    /// The most within a minute.
    #[schema(minimum = 0)]
    pub most_in_a_minute: usize,
    /// How long it lasted at the median, ms.
    pub median_ms: Option<i64>,
    /// What would have helped.
    pub cure: Option<ProposedCure>,
}

impl BadActor {
    pub(super) fn new(row: BadActorRow, percent: f64, found: Option<Nuisance>) -> Self {
        Self {
            site_id: row.site_id.0,
            site_name: row.site_name,
            detector_id: row.detector_id.0,
            detector_name: row.detector_name,
            profile_id: row.profile_id,
            channel_id: row.channel_id.0,
            channel_name: row.channel_name,
            hazard: row.hazard.into(),
            times: row.times,
            percent,
            pattern: found.map(|found| found.pattern.into()),
            most_in_a_minute: found.map_or(0, |found| found.most_in_a_minute),
            median_ms: found.and_then(|found| found.median_ms),
            cure: found.and_then(|found| found.cure).map(|cure| {
                let nuisance::Cure { delay, from_ms, to_ms, removes } = cure;
                ProposedCure { delay: delay.into(), from_ms, to_ms, removes }
            }),
        }
    }
}

/// An alarm that has been present for more than a day.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StandingAlarm {
    /// The alarm.
    #[schema(minimum = 1)]
    pub id: i64,
    /// The site.
    #[schema(minimum = 1)]
    pub site_id: i64,
    /// Its name.
    pub site_name: String,
    /// The detector.
    #[schema(minimum = 1)]
    pub detector_id: i64,
    /// Its name.
    pub detector_name: String,
    /// The channel's name.
    pub channel_name: String,
    /// What is wrong.
    pub hazard: Hazard,
    /// How bad.
    pub severity: Severity,
    /// Since when.
    pub raised_at: Time,
    /// Whether and how it is set aside.
    pub aside: Option<AsideKind>,
}

impl From<Standing> for StandingAlarm {
    fn from(row: Standing) -> Self {
        Self {
            id: row.id.0,
            site_id: row.site_id.0,
            site_name: row.site_name,
            detector_id: row.detector_id.0,
            detector_name: row.detector_name,
            channel_name: row.channel_name,
            hazard: row.hazard.into(),
            severity: row.severity.into(),
            raised_at: row.raised_at.into(),
            aside: row.aside.map(Into::into),
        }
    }
}

/// What alarms of one kind were in truth.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VerdictCounts {
    /// The model's id, the site's id or the hazard.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Alarms raised in the period.
    #[schema(minimum = 0)]
    pub alarms: i64,
    /// Those of which somebody said what they were.
    #[schema(minimum = 0)]
    pub judged: i64,
    /// True hazards.
    #[schema(minimum = 0)]
    pub true_hazard: i64,
    /// Nuisances.
    #[schema(minimum = 0)]
    pub nuisance: i64,
    /// Tests.
    #[schema(minimum = 0)]
    pub test: i64,
    /// Works.
    #[schema(minimum = 0)]
    pub works: i64,
    /// Nuisances and works of all that were judged and were no test, %; null when there is none.
    pub false_percent: Option<f64>,
}

impl From<VerdictRow> for VerdictCounts {
    fn from(row: VerdictRow) -> Self {
        let proper = row.judged.saturating_sub(row.test);
        let wrong = row.nuisance.saturating_add(row.works);
        Self {
            key: row.key,
            name: row.name,
            alarms: row.alarms,
            judged: row.judged,
            true_hazard: row.true_hazard,
            nuisance: row.nuisance,
            test: row.test,
            works: row.works,
            false_percent: (proper > 0).then(|| super::percent(wrong, proper)),
        }
    }
}

/// The figures of a period.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlarmMetrics {
    /// From.
    pub from: Time,
    /// To.
    pub to: Time,
    /// Among how many operators the work is shared.
    #[schema(minimum = 1)]
    pub operators: u32,
    /// What one of them had to bear.
    pub load: AlarmLoad,
    /// The published figures to hold it against.
    pub targets: AlarmTargets,
    /// The floods, oldest first; the newest 100.
    pub floods: Vec<AlarmFlood>,
    /// By severity: alarm, warning, fault.
    pub priorities: Vec<PriorityFigures>,
    /// Open now.
    pub open: OpenAlarms,
    /// What is told most often, at most 20.
    pub bad_actors: Vec<BadActor>,
    /// How many of those chatter or are fleeting.
    #[schema(minimum = 0)]
    pub chattering: usize,
    /// What has been present for more than a day, the oldest first, at most 50.
    pub standing: Vec<StandingAlarm>,
    /// What alarms were in truth, by model.
    pub by_model: Vec<VerdictCounts>,
    /// By site.
    pub by_site: Vec<VerdictCounts>,
    /// By rule: the hazard.
    pub by_rule: Vec<VerdictCounts>,
}

impl AlarmLoad {
    pub(super) fn new(load: load::Load, top_ten_percent: f64) -> Self {
        Self {
            alarms: load.alarms,
            per_day: load.per_day,
            per_hour: load.per_hour,
            per_ten_minutes: load.per_ten_minutes,
            most_in_a_day: load.most_in_a_day,
            most_in_an_hour: load.most_in_an_hour,
            most_in_ten_minutes: load.most_in_ten_minutes,
            overloaded_hours_percent: load.overloaded_hours_percent,
            overloaded_spans_percent: load.overloaded_spans_percent,
            flood_percent: load.flood_percent,
            top_ten_percent,
            by_day: load.by_day,
            by_hour: load.by_hour,
        }
    }
}
