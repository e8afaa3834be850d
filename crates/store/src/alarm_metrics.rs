//! What alarms ask of people, counted: how often they were told, which ones most, how soon somebody took them, and what
//! they were in truth.

use domain::access::Scope;
use domain::alarm::AsideKind;
use domain::alarm::nuisance::{Occurrence, STALE_MS};
use domain::hazard::{Hazard, Severity};
use domain::id::{AlarmId, ChannelId, DetectorId, SiteId};
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite};

use crate::alarms::push_below;
use crate::column::severity_of_rank;
use crate::error::StoreError;
use crate::open::Store;
use crate::overview::Part;
use crate::scoped::{push_area, push_scope};

/// One minute, ms.
const MINUTE_MS: i64 = 60_000;
/// The longest that a time to acknowledge is told apart, minutes: a day.
const LONGEST_MIN: i64 = 1_440;
/// The most rows of a table of false alarms.
const MOST_ROWS: i64 = 200;

rows! {
    /// How often one hazard of one channel was told.
    pub struct BadActor {
        /// The site.
        pub site_id: SiteId,
        /// Its name.
        pub site_name: String,
        /// The detector.
        pub detector_id: DetectorId,
        /// Its name.
        pub detector_name: String,
        /// Its model.
        pub profile_id: String,
        /// The channel.
        pub channel_id: ChannelId,
        /// Its name.
        pub channel_name: String,
        /// What was told.
        pub hazard: Hazard,
        /// How often.
        pub times: i64,
    }

    /// An alarm that has been present for more than a day.
    pub struct Standing {
        /// The alarm.
        pub id: AlarmId,
        /// The site.
        pub site_id: SiteId,
        /// Its name.
        pub site_name: String,
        /// The detector.
        pub detector_id: DetectorId,
        /// Its name.
        pub detector_name: String,
        /// The channel.
        pub channel_id: ChannelId,
        /// Its name.
        pub channel_name: String,
        /// What is wrong.
        pub hazard: Hazard,
        /// How bad.
        pub severity: Severity,
        /// Since when.
        pub raised_at: UnixMs,
        /// Whether and how it is set aside.
        pub aside: Option<AsideKind>,
    }

    /// What alarms of one kind were in truth.
    pub struct VerdictCounts {
        /// The model, the site or the hazard.
        pub key: String,
        /// What people call it.
        pub name: String,
        /// Alarms.
        pub alarms: i64,
        /// Those of which somebody said what they were.
        pub judged: i64,
        /// True hazards.
        pub true_hazard: i64,
        /// Nuisances.
        pub nuisance: i64,
        /// Tests.
        pub test: i64,
        /// Works.
        pub works: i64,
    }
}

/// What false alarms are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictKey {
    /// The detector's model.
    Model,
    /// The site.
    Site,
    /// The rule: the hazard.
    Rule,
}

/// How many alarms are open in which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, sqlx::FromRow)]
pub struct OpenCounts {
    /// Open and not set aside.
    pub open: i64,
    /// Present for more than a day and not set aside.
    pub stale: i64,
    /// On the shelf.
    pub shelved: i64,
    /// Suppressed by maintenance.
    pub maintenance: i64,
    /// Suppressed by design.
    pub design: i64,
}

/// What was told in a period.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// By minute from the beginning of the period.
    pub minutes: Vec<u32>,
    /// Faults, warnings, alarms.
    pub by_severity: [u64; 3],
}

/// Whole minutes from being raised to the acknowledgement (a day at most), and how many alarms took so long.
pub type AcknowledgedAfter = Vec<(i64, u64)>;

/// The figures.
#[derive(Debug, Clone, Copy)]
pub struct AlarmMetrics<'s>(&'s Store);

impl Store {
    /// What alarms ask of people, counted.
    #[must_use]
    pub const fn alarm_metrics(&self) -> AlarmMetrics<'_> {
        AlarmMetrics(self)
    }
}

/// Appends ` AND` the sites in scope; nothing when that is all of them, so that no site is looked up for nothing.
fn push_sites(query: &mut QueryBuilder<Sqlite>, scope: &Scope, part: &Part, column: &str) {
    if scope.is_everything() && *part == Part::default() {
        return;
    }
    query.push(format_args!(
        " AND {column} IN (SELECT s.id FROM site s JOIN organisation o ON o.id = s.organisation_id WHERE 1 = 1"
    ));
    push_scope(query, scope, "o.path", "s.area_code");
    if let Some(area) = &part.area {
        push_area(query, area, "s.area_code");
    }
    if let Some(organisation) = part.organisation {
        push_below(query, organisation, "o.path");
    }
    query.push(")");
}

impl AlarmMetrics<'_> {
    /// What was told in `[from, to)`.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn told(
        &self,
        scope: &Scope,
        part: &Part,
        from: UnixMs,
        to: UnixMs,
    ) -> Result<Told, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT (n.at - ");
        query.push_bind(from.0).push(format_args!(
            ") / {MINUTE_MS} AS minute, n.severity, count(*) FROM annunciation n WHERE n.at >= "
        ));
        query.push_bind(from.0).push(" AND n.at < ").push_bind(to.0);
        push_sites(&mut query, scope, part, "n.site_id");
        query.push(" GROUP BY 1, 2");
        let rows: Vec<(i64, i64, i64)> = query.build_query_as().fetch_all(self.0.reader()).await?;
        let length = (to.since_ms(from).max(0) + MINUTE_MS - 1) / MINUTE_MS;
        let mut told = Told { minutes: vec![0; usize::try_from(length).unwrap_or(0)], ..Told::default() };
        for (minute, rank, many) in rows {
            let place = usize::try_from(minute).ok().and_then(|minute| told.minutes.get_mut(minute));
            if let Some(place) = place {
                *place = place.saturating_add(u32::try_from(many).unwrap_or(u32::MAX));
            }
            let severity = usize::try_from(rank - 1).ok().and_then(|rank| told.by_severity.get_mut(rank));
            if let Some(count) = severity {
                *count += u64::try_from(many).unwrap_or(0);
            }
        }
        Ok(told)
    }

    /// The `most` hazards of channels that were told most often in `[from, to)`, at least `least` times.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn bad_actors(
        &self,
        scope: &Scope,
        part: &Part,
        from: UnixMs,
        to: UnixMs,
        least: u32,
        most: u32,
    ) -> Result<Vec<BadActor>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "WITH worst AS (SELECT n.channel_id, n.hazard, max(n.detector_id) AS detector_id, count(*) AS times \
             FROM annunciation n WHERE n.at >= ",
        );
        query.push_bind(from.0).push(" AND n.at < ").push_bind(to.0);
        push_sites(&mut query, scope, part, "n.site_id");
        query.push(" GROUP BY 1, 2 HAVING times >= ").push_bind(i64::from(least));
        query.push(" ORDER BY times DESC, n.channel_id LIMIT ").push_bind(i64::from(most));
        query.push(
            ") SELECT s.id AS site_id, s.name AS site_name, d.id AS detector_id, d.name AS detector_name, \
             d.profile_id, ch.id AS channel_id, ch.name AS channel_name, w.hazard, w.times \
             FROM worst w JOIN detector d ON d.id = w.detector_id JOIN site s ON s.id = d.site_id \
             JOIN channel ch ON ch.id = w.channel_id ORDER BY w.times DESC, ch.id",
        );
        Ok(query.build_query_as().fetch_all(self.0.reader()).await?)
    }

    /// When one hazard of one channel came and went from `from` on, oldest first.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn occurrences(
        &self,
        detector: DetectorId,
        channel: ChannelId,
        hazard: Hazard,
        from: UnixMs,
    ) -> Result<Vec<Occurrence>, StoreError> {
        let steps: Vec<(String, i64)> = sqlx::query_as(
            "SELECT t.event, t.at FROM alarm a JOIN alarm_transition t ON t.alarm_id = a.id \
             WHERE a.detector_id = $1 AND a.channel_id = $2 AND a.hazard = $3 AND NOT a.late AND t.at >= $4 \
             AND t.event IN ('raised', 'returned', 'closed') ORDER BY t.at, t.id",
        )
        .bind(detector.0)
        .bind(channel.0)
        .bind(hazard.code())
        .bind(from.0)
        .fetch_all(self.0.reader())
        .await?;
        let mut occurrences: Vec<Occurrence> = Vec::new();
        for (event, at) in steps {
            let at = UnixMs(at);
            if event == "raised" {
                occurrences.push(Occurrence { raised_at: at, returned_at: None });
            } else if let Some(last) = occurrences.last_mut() {
                last.returned_at.get_or_insert(at);
            }
        }
        Ok(occurrences)
    }

    /// How many alarms are open in which way at `now`.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn open(&self, scope: &Scope, part: &Part, now: UnixMs) -> Result<OpenCounts, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT coalesce(sum(a.aside IS NULL), 0) AS open, coalesce(sum(a.aside IS NULL \
             AND a.state IN ('unacknowledged', 'acknowledged') AND a.raised_at < ",
        );
        query.push_bind(now.plus_ms(-STALE_MS).0).push(
            "), 0) AS stale, coalesce(sum(a.aside = 'shelved'), 0) AS shelved, \
             coalesce(sum(a.aside = 'maintenance'), 0) AS maintenance, coalesce(sum(a.aside = 'design'), 0) AS design \
             FROM alarm a WHERE a.state <> 'closed'",
        );
        push_sites(&mut query, scope, part, "a.site_id");
        Ok(query.build_query_as().fetch_one(self.0.reader()).await?)
    }

    /// The `most` alarms that have been present for longest, more than a day at `now`.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn standing(
        &self,
        scope: &Scope,
        part: &Part,
        now: UnixMs,
        most: u32,
    ) -> Result<Vec<Standing>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT a.id, s.id AS site_id, s.name AS site_name, d.id AS detector_id, d.name AS detector_name, \
             ch.id AS channel_id, ch.name AS channel_name, a.hazard, a.severity, a.raised_at, a.aside \
             FROM alarm a JOIN detector d ON d.id = a.detector_id JOIN site s ON s.id = a.site_id \
             JOIN channel ch ON ch.id = a.channel_id WHERE a.state <> 'closed' \
             AND a.state IN ('unacknowledged', 'acknowledged') AND a.raised_at < ",
        );
        query.push_bind(now.plus_ms(-STALE_MS).0);
        push_sites(&mut query, scope, part, "a.site_id");
        query.push(" ORDER BY a.raised_at, a.id LIMIT ").push_bind(i64::from(most));
        Ok(query.build_query_as().fetch_all(self.0.reader()).await?)
    }

    /// How soon alarms raised in `[from, to)` were taken, by the worst severity they had: fault, warning, alarm.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn acknowledged_after(
        &self,
        scope: &Scope,
        part: &Part,
        from: UnixMs,
        to: UnixMs,
    ) -> Result<Vec<(Severity, AcknowledgedAfter)>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT a.worst_severity, min(max((a.acknowledged_at - a.raised_at) / {MINUTE_MS}, 0), {LONGEST_MIN}) \
             AS minutes, count(*) FROM alarm a WHERE a.acknowledged_at IS NOT NULL AND NOT a.late AND a.raised_at >= "
        ));
        query.push_bind(from.0).push(" AND a.raised_at < ").push_bind(to.0);
        push_sites(&mut query, scope, part, "a.site_id");
        query.push(" GROUP BY 1, 2 ORDER BY 1, 2");
        let rows: Vec<(i64, i64, i64)> = query.build_query_as().fetch_all(self.0.reader()).await?;
        let mut found: Vec<(Severity, AcknowledgedAfter)> = Vec::new();
        for (rank, minutes, many) in rows {
            let severity = severity_of_rank(rank)
                .ok_or_else(|| StoreError::corrupt(format!("severity of an alarm {rank}")))?;
            let step = (minutes, u64::try_from(many).unwrap_or(0));
            match found.last_mut().filter(|(last, _)| *last == severity) {
                Some((_, steps)) => steps.push(step),
                None => found.push((severity, vec![step])),
            }
        }
        Ok(found)
    }

    /// What alarms raised in `[from, to)` were in truth, by `key`, most false ones first.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn verdicts(
        &self,
        scope: &Scope,
        part: &Part,
        from: UnixMs,
        to: UnixMs,
        key: VerdictKey,
    ) -> Result<Vec<VerdictCounts>, StoreError> {
        // Counted by what the index holds, named afterwards.
        let (inner, outer) = match key {
            VerdictKey::Model => (
                "a.detector_id",
                "SELECT d.profile_id AS key, d.profile_id AS name, {sums} FROM counted k \
                 JOIN detector d ON d.id = k.key GROUP BY 1",
            ),
            VerdictKey::Site => (
                "a.site_id",
                "SELECT CAST(s.id AS TEXT) AS key, s.name AS name, {sums} FROM counted k \
                 JOIN site s ON s.id = k.key GROUP BY s.id",
            ),
            VerdictKey::Rule => {
                ("a.hazard", "SELECT k.key AS key, k.key AS name, {sums} FROM counted k GROUP BY 1")
            }
        };
        let sums = "sum(k.alarms) AS alarms, sum(k.judged) AS judged, sum(k.true_hazard) AS true_hazard, \
             sum(k.nuisance) AS nuisance, sum(k.test) AS test, sum(k.works) AS works";
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "WITH counted AS (SELECT {inner} AS key, count(*) AS alarms, count(a.verdict) AS judged, \
             coalesce(sum(a.verdict = 'true_hazard'), 0) AS true_hazard, \
             coalesce(sum(a.verdict = 'nuisance'), 0) AS nuisance, coalesce(sum(a.verdict = 'test'), 0) AS test, \
             coalesce(sum(a.verdict = 'works'), 0) AS works FROM alarm a WHERE NOT a.late AND a.raised_at >= "
        ));
        query.push_bind(from.0).push(" AND a.raised_at < ").push_bind(to.0);
        push_sites(&mut query, scope, part, "a.site_id");
        query.push(" GROUP BY 1) ").push(outer.replace("{sums}", sums));
        query.push(" ORDER BY nuisance + works DESC, alarms DESC, key LIMIT ").push_bind(MOST_ROWS);
        Ok(query.build_query_as().fetch_all(self.0.reader()).await?)
    }
}
