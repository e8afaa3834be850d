//! The overview: counts, the worst sites, the map. Everything is counted in `scope`.

use domain::access::Scope;
use domain::hazard::Hazard;
use domain::id::{OrganisationId, SiteId};
use domain::place::AreaCode;
use domain::status::Status;
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite};

use crate::alarms::push_below;
use crate::error::StoreError;
use crate::open::Store;
use crate::scoped::{push_area, push_scope};

/// Which part of the scope.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// In this area.
    pub area: Option<AreaCode>,
    /// Of this organisation or below it.
    pub organisation: Option<OrganisationId>,
}

/// Detectors by status, and sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counts {
    /// Sites.
    pub sites: i64,
    /// Detectors.
    pub detectors: i64,
    /// Of them, with an alarm open.
    pub alarm: i64,
    /// With a warning at worst.
    pub warning: i64,
    /// With a fault at worst.
    pub fault: i64,
    /// Silent.
    pub offline: i64,
    /// In order.
    pub normal: i64,
    /// Never heard.
    pub unknown: i64,
}

/// Open alarms by what they wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Waiting {
    /// Terminals that wait for admission.
    pub pending_terminals: i64,
    /// Alarms that nobody has taken.
    pub unacknowledged: i64,
    /// Alarms that wait for a reset.
    pub latched: i64,
}

rows! {
    /// A site among the worst.
    pub struct WorstSite {
        /// The site.
        pub site_id: SiteId,
        /// Its name.
        pub site_name: String,
        /// The worst of its detectors.
        pub status: Status,
        /// Open alarms.
        pub open_alarm: i64,
        /// Open warnings.
        pub open_warning: i64,
        /// Open faults.
        pub open_fault: i64,
        /// Since when the oldest of them is open.
        pub longest_open_since: Option<UnixMs>,
    }

    /// One area's counts.
    pub struct AreaCounts {
        /// The area.
        pub area_code: AreaCode,
        /// Its name.
        pub name: String,
        /// Sites.
        pub sites: i64,
        /// Detectors with an alarm.
        pub alarm: i64,
        /// Detectors with a warning at worst.
        pub warning: i64,
        /// Detectors with a fault at worst.
        pub fault: i64,
        /// Silent detectors.
        pub offline: i64,
    }

    /// Open alarms of one hazard.
    pub struct HazardCount {
        /// Which.
        pub hazard: Hazard,
        /// How many are open.
        pub open: i64,
    }

    /// A site on the map.
    pub struct MapSite {
        /// The site.
        pub id: SiteId,
        /// Its name.
        pub name: String,
        /// Longitude, WGS 84, degrees.
        pub lon: f64,
        /// Latitude, WGS 84, degrees.
        pub lat: f64,
        /// The worst of its detectors.
        pub status: Status,
        /// Its area.
        pub area_code: AreaCode,
        /// Open alarms, warnings and faults.
        pub open: i64,
    }
}

/// What was raised in a span of time, and what has become of it since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, sqlx::FromRow)]
pub struct Handled {
    /// Alarms raised, by their worst severity.
    pub alarm: i64,
    /// Warnings raised that never got worse.
    pub warning: i64,
    /// Faults raised.
    pub fault: i64,
    /// Alarms and warnings of them that somebody acknowledged.
    pub acknowledged: i64,
    /// Alarms and warnings of them that are closed.
    pub closed: i64,
    /// From being raised to the acknowledgement, ms, summed over `acknowledged`.
    pub to_acknowledge_ms: i64,
}

/// The overview.
#[derive(Debug, Clone, Copy)]
pub struct Overview<'s>(&'s Store);

impl Store {
    /// The overview.
    #[must_use]
    pub const fn overview(&self) -> Overview<'_> {
        Overview(self)
    }
}

const SITES: &str = "FROM site s JOIN organisation o ON o.id = s.organisation_id";

fn push_part(query: &mut QueryBuilder<Sqlite>, scope: &Scope, part: &Part) {
    push_scope(query, scope, "o.path", "s.area_code");
    if let Some(area) = &part.area {
        push_area(query, area, "s.area_code");
    }
    if let Some(organisation) = part.organisation {
        push_below(query, organisation, "o.path");
    }
}

impl Overview<'_> {
    /// Sites, and detectors by status.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn counts(&self, scope: &Scope, part: &Part) -> Result<Counts, StoreError> {
        // Everything is one walk over the index of statuses; a part goes from its sites to their detectors.
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT d.status, count(*) FROM detector d WHERE d.deleted_at IS NULL",
        );
        if !scope.is_everything() || *part != Part::default() {
            query.push(format_args!(" AND d.site_id IN (SELECT s.id {SITES} WHERE s.deleted_at IS NULL"));
            push_part(&mut query, scope, part);
            query.push(")");
        }
        let rows: Vec<(i64, i64)> =
            query.push(" GROUP BY d.status").build_query_as().fetch_all(self.0.reader()).await?;
        let mut query =
            QueryBuilder::<Sqlite>::new(format!("SELECT count(*) {SITES} WHERE s.deleted_at IS NULL"));
        push_part(&mut query, scope, part);
        let sites: i64 = query.build_query_scalar().fetch_one(self.0.reader()).await?;
        let mut counts = Counts { sites, ..Counts::default() };
        for (rank, many) in rows {
            counts.detectors += many;
            let status = u8::try_from(rank).ok().and_then(Status::from_rank);
            match status.ok_or_else(|| StoreError::corrupt(format!("detector status {rank}")))? {
                Status::Unknown => counts.unknown = many,
                Status::Normal => counts.normal = many,
                Status::Offline => counts.offline = many,
                Status::Fault => counts.fault = many,
                Status::Warning => counts.warning = many,
                Status::Alarm => counts.alarm = many,
            }
        }
        Ok(counts)
    }

    /// What waits for people.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn waiting(&self, scope: &Scope, part: &Part) -> Result<Waiting, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT coalesce(sum(a.state IN ('unacknowledged', 'returned_unacknowledged', 'latched_unacknowledged')), 0), \
             coalesce(sum(a.state IN ('latched_unacknowledged', 'latched_acknowledged')), 0) \
             {SITES} JOIN alarm a ON a.site_id = s.id AND a.state <> 'closed' AND a.aside IS NULL WHERE 1 = 1"
        ));
        push_part(&mut query, scope, part);
        let (unacknowledged, latched): (i64, i64) = query.build_query_as().fetch_one(self.0.reader()).await?;
        // Nobody's yet: counted for who may see them all.
        let pending_terminals = if scope.is_everything() {
            sqlx::query_scalar("SELECT count(*) FROM terminal WHERE admission = 'pending'")
                .fetch_one(self.0.reader())
                .await?
        } else {
            0
        };
        Ok(Waiting { pending_terminals, unacknowledged, latched })
    }

    /// How many alarms and warnings of hazards were raised in `[from, to)`.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn raised_between(
        &self,
        scope: &Scope,
        part: &Part,
        from: UnixMs,
        to: UnixMs,
    ) -> Result<i64, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT count(*) {SITES} JOIN alarm a ON a.site_id = s.id WHERE a.class = 'hazard' AND a.raised_at >= "
        ));
        query.push_bind(from.0).push(" AND a.raised_at < ").push_bind(to.0);
        push_part(&mut query, scope, part);
        Ok(query.build_query_scalar().fetch_one(self.0.reader()).await?)
    }

    /// What was raised in `[from, to)`, and what has become of it.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn handled_between(
        &self,
        scope: &Scope,
        part: &Part,
        from: UnixMs,
        to: UnixMs,
    ) -> Result<Handled, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT coalesce(sum(a.worst_severity = 3), 0) AS alarm, coalesce(sum(a.worst_severity = 2), 0) AS warning, \
             coalesce(sum(a.worst_severity = 1), 0) AS fault, \
             coalesce(sum(a.worst_severity > 1 AND a.acknowledged_at IS NOT NULL), 0) AS acknowledged, \
             coalesce(sum(a.worst_severity > 1 AND a.state = 'closed'), 0) AS closed, \
             coalesce(sum(CASE WHEN a.worst_severity > 1 THEN max(a.acknowledged_at - a.raised_at, 0) END), 0) \
             AS to_acknowledge_ms {SITES} JOIN alarm a ON a.site_id = s.id WHERE a.raised_at >= "
        ));
        query.push_bind(from.0).push(" AND a.raised_at < ").push_bind(to.0);
        push_part(&mut query, scope, part);
        Ok(query.build_query_as().fetch_one(self.0.reader()).await?)
    }

    /// When the first alarm in `scope` was raised, so that a mean over days that were not watched is not shown.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn first_raised(&self, scope: &Scope, part: &Part) -> Result<Option<UnixMs>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT min(a.raised_at) {SITES} JOIN alarm a ON a.site_id = s.id WHERE 1 = 1"
        ));
        push_part(&mut query, scope, part);
        let first: Option<i64> = query.build_query_scalar().fetch_one(self.0.reader()).await?;
        Ok(first.map(UnixMs))
    }

    /// The `most` sites that need somebody soonest: worst severity, then most open, then longest open.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn worst(&self, scope: &Scope, part: &Part, most: u32) -> Result<Vec<WorstSite>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT s.id AS site_id, s.name AS site_name, \
             (SELECT coalesce(max(d.status), 0) FROM detector d WHERE d.site_id = s.id AND d.deleted_at IS NULL) AS status, \
             sum(a.severity = 3) AS open_alarm, sum(a.severity = 2) AS open_warning, sum(a.severity = 1) AS open_fault, \
             min(a.raised_at) AS longest_open_since \
             {SITES} JOIN alarm a ON a.site_id = s.id AND a.state <> 'closed' WHERE s.deleted_at IS NULL"
        ));
        push_part(&mut query, scope, part);
        query.push(
            " GROUP BY s.id, s.name ORDER BY open_alarm > 0 DESC, open_warning > 0 DESC, open_alarm DESC, \
             open_warning DESC, open_fault DESC, longest_open_since, s.id LIMIT ",
        );
        Ok(query.push_bind(i64::from(most)).build_query_as().fetch_all(self.0.reader()).await?)
    }

    /// Counts by the areas in which sites lie.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn by_area(&self, scope: &Scope, part: &Part) -> Result<Vec<AreaCounts>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT s.area_code, r.name, count(*) AS sites, coalesce(sum(k.alarm), 0) AS alarm, \
             coalesce(sum(k.warning), 0) AS warning, coalesce(sum(k.fault), 0) AS fault, \
             coalesce(sum(k.offline), 0) AS offline \
             FROM site s JOIN organisation o ON o.id = s.organisation_id JOIN area r ON r.code = s.area_code \
             LEFT JOIN (SELECT site_id, sum(status = 5) AS alarm, sum(status = 4) AS warning, \
             sum(status = 3) AS fault, sum(status = 2) AS offline FROM detector WHERE deleted_at IS NULL \
             GROUP BY site_id) k ON k.site_id = s.id WHERE s.deleted_at IS NULL",
        );
        push_part(&mut query, scope, part);
        query.push(" GROUP BY s.area_code, r.name ORDER BY s.area_code");
        Ok(query.build_query_as().fetch_all(self.0.reader()).await?)
    }

    /// Open alarms by hazard, most first.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn by_hazard(&self, scope: &Scope, part: &Part) -> Result<Vec<HazardCount>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT a.hazard, count(*) AS open {SITES} JOIN alarm a ON a.site_id = s.id AND a.state <> 'closed' \
             WHERE 1 = 1"
        ));
        push_part(&mut query, scope, part);
        query.push(" GROUP BY a.hazard ORDER BY count(*) DESC, a.hazard");
        Ok(query.build_query_as().fetch_all(self.0.reader()).await?)
    }

    /// Every site that has a position.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn map(&self, scope: &Scope, part: &Part) -> Result<Vec<MapSite>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT s.id, s.name, s.lon, s.lat, s.area_code, \
             (SELECT coalesce(max(d.status), 0) FROM detector d WHERE d.site_id = s.id AND d.deleted_at IS NULL) AS status, \
             (SELECT count(*) FROM alarm a WHERE a.site_id = s.id AND a.state <> 'closed') AS open \
             {SITES} WHERE s.deleted_at IS NULL AND s.lon IS NOT NULL AND s.lat IS NOT NULL"
        ));
        push_part(&mut query, scope, part);
        Ok(query.push(" ORDER BY s.id").build_query_as().fetch_all(self.0.reader()).await?)
    }
}
