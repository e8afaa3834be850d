//! Risk: what the score of a site is computed from, and the kept scores with their days.

use domain::access::Scope;
use domain::hazard::{Hazard, Severity};
use domain::id::{AlarmId, CircuitId, DetectorId, OrganisationId, SiteId};
use domain::place::AreaCode;
use domain::risk::{AlarmFact, DetectorFact, FindingFact, PAST_MS, PastFact};
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite};

use crate::alarms::push_below;
use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Order, Page, Paged, PagedQuery};
use crate::scoped::{push_area, push_contains, push_scope};
use crate::sites;

const DAY_MS: i64 = 86_400_000;
/// The trend is the score less that of this many days before.
const TREND_DAYS: i64 = 7;
/// Where it is kept how far the steps of alarms were looked at.
const SEEN_KEY: &str = "risk_step";
/// Days of scores that are kept and shown.
const KEEP_DAYS: i64 = 400;

rows! {
    /// A circuit of a site.
    pub struct RiskCircuitRow {
        /// Its id.
        pub id: CircuitId,
        /// Its name.
        pub name: String,
        /// Its panel's name.
        pub panel_name: String,
    }

    /// A detector of a site.
    pub struct RiskDetectorRow {
        /// Its id.
        pub id: DetectorId,
        /// Its name.
        pub name: String,
        /// Its circuit.
        pub circuit_id: Option<CircuitId>,
        /// Its model.
        pub profile_id: String,
        /// Whether it was ever heard.
        pub heard: bool,
        /// When it was admitted.
        pub admitted_at: UnixMs,
        /// Its last self-test that passed.
        pub tested_at: Option<UnixMs>,
        /// Its last commissioning without remarks.
        pub inspected_at: Option<UnixMs>,
    }

    struct AlarmFactRow {
        id: AlarmId,
        detector_id: DetectorId,
        hazard: Hazard,
        severity: Severity,
        raised_at: UnixMs,
        acknowledged: bool,
        returned: bool,
        shelved: bool,
    }

    struct FindingFactRow {
        id: i64,
        detector_id: DetectorId,
        kind: domain::diagnosis::Kind,
        strength: domain::diagnosis::Strength,
        confidence: f64,
    }

    struct PastFactRow {
        detector_id: DetectorId,
        hazard: Hazard,
        confirmed: u32,
        many: u32,
    }

    /// A site in the ranking.
    pub struct RankedSiteRow {
        /// The site.
        pub site_id: SiteId,
        /// Its name.
        pub site_name: String,
        /// Its area.
        pub area_code: AreaCode,
        /// Its area's name.
        pub area_name: String,
        /// Whose it is.
        pub organisation_name: String,
        /// 0 to 100.
        pub score: f64,
        /// The score of a week before, where there was one.
        pub before: Option<f64>,
        /// When it was computed.
        pub computed_at: UnixMs,
        /// The worst circuit and the one act, JSON with its version.
        pub body: String,
    }

    /// One day of a site's score.
    pub struct RiskDayRow {
        /// Days since 1970, UTC.
        pub day: i64,
        /// The last score of the day.
        pub score: f64,
    }

    /// The score of one site, with its area.
    pub struct AreaScoreRow {
        /// The area.
        pub area_code: AreaCode,
        /// Its name.
        pub area_name: String,
        /// The site's score.
        pub score: f64,
        /// The score of a week before, where there was one.
        pub before: Option<f64>,
    }
}

impl RiskDetectorRow {
    /// The detector as the rules see it; `tests_itself` says its model.
    #[must_use]
    pub const fn fact(&self, tests_itself: bool) -> DetectorFact {
        DetectorFact {
            id: self.id,
            heard: self.heard,
            admitted_at: self.admitted_at,
            tests_itself,
            tested_at: self.tested_at,
            inspected_at: self.inspected_at,
        }
    }
}

/// All that a site's score is computed from.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteFacts {
    /// Its name.
    pub site_name: String,
    /// Its circuits, by panel and name.
    pub circuits: Vec<RiskCircuitRow>,
    /// Its detectors, by name.
    pub detectors: Vec<RiskDetectorRow>,
    /// Their open alarms.
    pub alarms: Vec<AlarmFact>,
    /// What the diagnosis found.
    pub findings: Vec<FindingFact>,
    /// Alarms that are over.
    pub past: Vec<PastFact>,
}

/// A score to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreDraft {
    /// Of which site.
    pub site: SiteId,
    /// 0 to 100.
    pub score: f64,
    /// The version of the rules.
    pub rules: u32,
    /// Detectors that were never heard.
    pub unheard: usize,
    /// The worst circuit and the one act, JSON with its version.
    pub body: String,
}

/// Sites whose alarms had steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Which.
    pub sites: Vec<SiteId>,
    /// The newest step of them.
    pub newest: i64,
    /// There are more steps than were looked at.
    pub more: bool,
}

/// Which sites of the ranking.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RankFilter {
    /// In this area.
    pub area: Option<AreaCode>,
    /// Of this organisation or below it.
    pub organisation: Option<OrganisationId>,
    /// Part of the site's name.
    pub text: Option<String>,
    /// With at least this score.
    pub from: Option<f64>,
    /// With less than this score.
    pub below: Option<f64>,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RankSort {
    /// Highest score first.
    #[default]
    ScoreDesc,
    /// Lowest score first.
    ScoreAsc,
    /// Most risen within the week first.
    RiseDesc,
    /// Most fallen within the week first.
    RiseAsc,
    /// By name.
    Name,
}

impl RankSort {
    const fn order(self) -> Order {
        const RISE: &[&str] = &["r.score - coalesce(w.score, r.score)", "r.site_id"];
        match self {
            Self::ScoreDesc => {
                Order { name: "risk.-score", keys: &["r.score", "r.site_id"], descending: true }
            }
            Self::ScoreAsc => {
                Order { name: "risk.score", keys: &["r.score", "r.site_id"], descending: false }
            }
            Self::RiseDesc => Order { name: "risk.-rise", keys: RISE, descending: true },
            Self::RiseAsc => Order { name: "risk.rise", keys: RISE, descending: false },
            Self::Name => Order { name: "risk.name", keys: &["s.name", "r.site_id"], descending: false },
        }
    }
}

const COLUMNS: &str = "r.site_id, s.name AS site_name, s.area_code, ar.name AS area_name, \
     o.name AS organisation_name, r.score, w.score AS before, r.computed_at, r.body";
/// The day of the comparison is the one of the newest score: the scores of all sites are computed within the same hours.
const FROM: &str = "FROM site_risk r JOIN site s ON s.id = r.site_id AND s.deleted_at IS NULL \
     JOIN organisation o ON o.id = s.organisation_id JOIN area ar ON ar.code = s.area_code \
     LEFT JOIN site_risk_day w ON w.site_id = r.site_id AND w.day = r.computed_at / 86400000 - 7";

const SELF_TESTED: &str = "max(coalesce((SELECT max(c.changed_at) FROM command c WHERE c.detector_id = d.id \
     AND c.kind = 'self_test' AND c.state IN ('acknowledged', 'verified')), 0), \
     coalesce((SELECT max(k.at) FROM commissioning k WHERE k.detector_id = d.id \
     AND json_extract(k.facts, '$.self_test') = 'passed'), 0))";
const INSPECTED: &str =
    "(SELECT max(k.at) FROM commissioning k WHERE k.detector_id = d.id AND k.result = 'passed')";

/// Risk.
#[derive(Debug, Clone, Copy)]
pub struct Risks<'s>(&'s Store);

impl Store {
    /// Risk.
    #[must_use]
    pub const fn risks(&self) -> Risks<'_> {
        Risks(self)
    }
}

impl Risks<'_> {
    /// What the score of a site is computed from, as it is now.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the site is not in `scope`.
    pub async fn facts(&self, scope: &Scope, site: SiteId, now: UnixMs) -> Result<SiteFacts, StoreError> {
        let mut reading = self.0.reader().begin().await?;
        let site_name = sites::load(&mut reading, scope, site).await?.name;
        let circuits = sqlx::query_as(
            "SELECT c.id, c.name, p.name AS panel_name FROM panel p JOIN circuit c ON c.panel_id = p.id \
             WHERE p.site_id = $1 AND p.deleted_at IS NULL AND c.deleted_at IS NULL ORDER BY p.name, c.name, c.id",
        )
        .bind(site.0)
        .fetch_all(&mut *reading)
        .await?;
        let detectors = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT d.id, d.name, d.circuit_id, d.profile_id, d.status <> 0 AS heard, d.created_at AS admitted_at, \
             nullif({SELF_TESTED}, 0) AS tested_at, {INSPECTED} AS inspected_at \
             FROM detector d WHERE d.site_id = $1 AND d.deleted_at IS NULL ORDER BY d.name, d.id"
        )))
        .bind(site.0)
        .fetch_all(&mut *reading)
        .await?;
        let alarms: Vec<AlarmFactRow> = sqlx::query_as(
            "SELECT a.id, a.detector_id, a.hazard, a.severity, a.raised_at, \
             a.state IN ('acknowledged', 'latched_acknowledged') AS acknowledged, \
             a.returned_at IS NOT NULL AS returned, coalesce(a.aside = 'shelved', 0) AS shelved \
             FROM alarm a JOIN detector d ON d.id = a.detector_id AND d.deleted_at IS NULL \
             WHERE a.site_id = $1 AND d.site_id = $1 AND a.state <> 'closed' ORDER BY a.id",
        )
        .bind(site.0)
        .fetch_all(&mut *reading)
        .await?;
        let findings: Vec<FindingFactRow> = sqlx::query_as(
            "SELECT f.id, f.detector_id, f.kind, f.strength, f.confidence FROM detector d \
             JOIN finding f ON f.detector_id = d.id WHERE d.site_id = $1 AND d.deleted_at IS NULL \
             AND f.gone_at IS NULL AND f.dismissed_at IS NULL ORDER BY f.id",
        )
        .bind(site.0)
        .fetch_all(&mut *reading)
        .await?;
        // What was before the last inspection is answered by it.
        let past: Vec<PastFactRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT a.detector_id, a.hazard, coalesce(sum(a.verdict = 'true_hazard'), 0) AS confirmed, \
             count(*) AS many FROM alarm a JOIN detector d ON d.id = a.detector_id AND d.deleted_at IS NULL \
             WHERE a.site_id = $1 AND d.site_id = $1 AND a.raised_at >= $2 AND a.state = 'closed' \
             AND a.class = 'hazard' AND coalesce(a.verdict, 'true_hazard') = 'true_hazard' \
             AND a.raised_at > coalesce({INSPECTED}, 0) GROUP BY a.detector_id, a.hazard \
             ORDER BY a.detector_id, a.hazard"
        )))
        .bind(site.0)
        .bind(now.plus_ms(-PAST_MS).0)
        .fetch_all(&mut *reading)
        .await?;
        Ok(SiteFacts {
            site_name,
            circuits,
            detectors,
            alarms: alarms.into_iter().map(AlarmFactRow::fact).collect(),
            findings: findings.into_iter().map(FindingFactRow::fact).collect(),
            past: past.into_iter().map(PastFactRow::fact).collect(),
        })
    }

    /// At most `limit` sites whose score was computed before `before` or never, or before a detector was heard for the first
    /// time; the oldest first: the platform's own work.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn due(&self, before: UnixMs, limit: u32) -> Result<Vec<SiteId>, StoreError> {
        let ids: Vec<i64> = sqlx::query_scalar(
            "SELECT s.id FROM site s LEFT JOIN site_risk r ON r.site_id = s.id \
             WHERE s.deleted_at IS NULL AND (r.computed_at IS NULL OR r.computed_at < $1 OR \
             (r.unheard > 0 AND r.unheard <> (SELECT count(*) FROM detector d WHERE d.site_id = s.id \
             AND d.status = 0 AND d.deleted_at IS NULL))) \
             ORDER BY r.computed_at LIMIT $2",
        )
        .bind(before.0)
        .bind(i64::from(limit))
        .fetch_all(self.0.reader())
        .await?;
        Ok(ids.into_iter().map(SiteId).collect())
    }

    /// The sites whose alarms had steps since those that were [`seen`](Self::seen); at most `limit` steps are looked at.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn touched(&self, limit: u32) -> Result<Touched, StoreError> {
        let seen = self.0.meta_number(SEEN_KEY).await?.unwrap_or(0);
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT t.id, a.site_id FROM alarm_transition t JOIN alarm a ON a.id = t.alarm_id \
             WHERE t.id > $1 ORDER BY t.id LIMIT $2",
        )
        .bind(seen)
        .bind(i64::from(limit))
        .fetch_all(self.0.reader())
        .await?;
        let more = u32::try_from(rows.len()).is_ok_and(|many| many >= limit);
        let newest = rows.last().map_or(seen, |(id, _)| *id);
        let mut sites: Vec<i64> = rows.into_iter().map(|(_, site)| site).collect();
        sites.sort_unstable();
        sites.dedup();
        Ok(Touched { sites: sites.into_iter().map(SiteId).collect(), newest, more })
    }

    /// Says that the scores hold what happened up to this step.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn seen(&self, step: i64) -> Result<(), StoreError> {
        if self.0.meta_number(SEEN_KEY).await? == Some(step) {
            return Ok(());
        }
        self.0.set_meta(SEEN_KEY, &step.to_string()).await
    }

    /// Keeps scores, and lets the days go that are older than they are shown.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn keep(&self, now: UnixMs, drafts: &[ScoreDraft]) -> Result<(), StoreError> {
        let day = now.0.div_euclid(DAY_MS);
        let mut tx = self.0.begin().await?;
        for draft in drafts {
            sqlx::query(
                "INSERT INTO site_risk (site_id, score, rules, computed_at, unheard, body) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (site_id) DO UPDATE SET score = excluded.score, \
                 rules = excluded.rules, computed_at = excluded.computed_at, unheard = excluded.unheard, \
                 body = excluded.body",
            )
            .bind(draft.site.0)
            .bind(draft.score)
            .bind(i64::from(draft.rules))
            .bind(now.0)
            .bind(i64::try_from(draft.unheard).unwrap_or(i64::MAX))
            .bind(&draft.body)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "INSERT INTO site_risk_day (site_id, day, score) VALUES ($1, $2, $3) \
                 ON CONFLICT (site_id, day) DO UPDATE SET score = excluded.score",
            )
            .bind(draft.site.0)
            .bind(day)
            .bind(draft.score)
            .execute(&mut *tx)
            .await?;
        }
        sqlx::query("DELETE FROM site_risk_day WHERE day < $1")
            .bind(day - KEEP_DAYS)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// One page of the ranking of the sites in `scope`.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a cursor of another list.
    pub async fn ranking(
        &self,
        scope: &Scope,
        filter: &RankFilter,
        sort: RankSort,
        page: &Page,
    ) -> Result<Paged<RankedSiteRow>, StoreError> {
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            push_scope(query, scope, "o.path", "s.area_code");
            if let Some(area) = &filter.area {
                push_area(query, area, "s.area_code");
            }
            if let Some(organisation) = filter.organisation {
                push_below(query, organisation, "o.path");
            }
            if let Some(text) = &filter.text {
                push_contains(query, text, &["s.name"]);
            }
            if let Some(from) = filter.from {
                query.push(" AND r.score >= ").push_bind(from);
            }
            if let Some(below) = filter.below {
                query.push(" AND r.score < ").push_bind(below);
            }
        };
        PagedQuery { columns: COLUMNS, from: FROM, order: sort.order(), filter: &apply }
            .fetch(self.0.reader(), page)
            .await
    }

    /// The score of every site in `scope`, by area.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn by_area(&self, scope: &Scope) -> Result<Vec<AreaScoreRow>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT s.area_code, ar.name AS area_name, r.score, w.score AS before {FROM} WHERE 1 = 1"
        ));
        push_scope(&mut query, scope, "o.path", "s.area_code");
        query.push(" ORDER BY s.area_code, r.site_id");
        Ok(query.build_query_as().fetch_all(self.0.reader()).await?)
    }

    /// The last `days` days of a site's score, oldest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the site is not in `scope`.
    pub async fn days(
        &self,
        scope: &Scope,
        site: SiteId,
        now: UnixMs,
        days: u32,
    ) -> Result<Vec<RiskDayRow>, StoreError> {
        let mut reading = self.0.reader().begin().await?;
        sites::load(&mut reading, scope, site).await?;
        let from = now.0.div_euclid(DAY_MS) - i64::from(days).min(KEEP_DAYS);
        Ok(sqlx::query_as(
            "SELECT day, score FROM site_risk_day WHERE site_id = $1 AND day > $2 ORDER BY day",
        )
        .bind(site.0)
        .bind(from)
        .fetch_all(&mut *reading)
        .await?)
    }
}

/// The score of a week before the newest of `days`, where that day is among them.
#[must_use]
pub fn week_before(days: &[RiskDayRow], now: UnixMs) -> Option<f64> {
    let day = now.0.div_euclid(DAY_MS) - TREND_DAYS;
    days.iter().find(|had| had.day == day).map(|had| had.score)
}

impl AlarmFactRow {
    const fn fact(self) -> AlarmFact {
        AlarmFact {
            id: self.id,
            detector: self.detector_id,
            hazard: self.hazard,
            severity: self.severity,
            raised_at: self.raised_at,
            acknowledged: self.acknowledged,
            returned: self.returned,
            shelved: self.shelved,
        }
    }
}

impl FindingFactRow {
    const fn fact(self) -> FindingFact {
        FindingFact {
            id: self.id,
            detector: self.detector_id,
            kind: self.kind,
            strength: self.strength,
            confidence: self.confidence,
        }
    }
}

impl PastFactRow {
    const fn fact(self) -> PastFact {
        PastFact {
            detector: self.detector_id,
            hazard: self.hazard,
            confirmed: self.confirmed,
            all: self.many,
        }
    }
}
