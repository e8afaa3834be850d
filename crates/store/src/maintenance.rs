//! Maintenance windows: made and ended by people, read by the pipeline as one book.

use std::collections::HashMap;

use domain::access::{Scope, ScopePart};
use domain::id::{CircuitId, SiteId, WindowId};
use domain::maintenance::{BookedWindow, LONGEST_MS, MaintenanceBook, WEEK_MS, Window, WindowTarget};
use domain::place::{AreaCode, OrganisationPath};
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::actor::Actor;
use crate::audit::{self, AuditEntry, AuditObject};
use crate::circuits::load_panel;
use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Order, Page, Paged, PagedQuery};
use crate::scoped::push_scope;
use crate::sites::same_version;

/// The longest that a weekly window may go on, ms: a year, then somebody looks whether it is still wanted.
const WEEKLY_MOST_MS: i64 = 366 * 86_400_000;

rows! {
    /// A maintenance window with its place.
    pub struct WindowRow {
        /// Its id.
        pub id: WindowId,
        /// The site it is at; `None` over an area.
        pub site_id: Option<SiteId>,
        /// The site's name.
        pub site_name: Option<String>,
        /// The site's organisation; over an area the one that it is of, `None` is every one.
        pub organisation_path: Option<OrganisationPath>,
        /// The site's area, or the area itself.
        pub area_code: AreaCode,
        /// `area`, `site`, `panel`, `detector` or `channel`.
        pub target_kind: String,
        /// Which; an area has no number.
        pub target_id: Option<i64>,
        /// Its name when the window was made.
        pub target_name: String,
        /// Begin of the (first) time.
        pub starts_at: UnixMs,
        /// End of the (first) time.
        pub ends_at: UnixMs,
        /// Comes back each week until then.
        pub weekly_until: Option<UnixMs>,
        /// Whether alarms of the highest severity about the circuit are covered too.
        pub covers_alarms: bool,
        /// Why.
        pub reason: String,
        /// Who made it.
        pub made_by: String,
        /// When.
        pub created_at: UnixMs,
        /// When a person ended it before its time.
        pub ended_at: Option<UnixMs>,
        /// Who did.
        pub ended_by: Option<String>,
        /// Rises with every change.
        pub version: i64,
        /// When a person changed it last.
        pub changed_at: Option<UnixMs>,
        /// Who did.
        pub changed_by: Option<String>,
    }
}

impl WindowRow {
    /// The window as the rules know it; `None` for a target of a kind that this build does not know.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        let target = match self.target_id {
            Some(id) => WindowTarget::from_parts(&self.target_kind, id)?,
            None if self.target_kind == AREA => {
                let (area, organisation) = (self.area_code.clone(), self.organisation_path.clone());
                WindowTarget::Area { area, organisation }
            }
            None => return None,
        };
        Some(Window {
            id: self.id,
            target,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            weekly_until: self.weekly_until,
            covers_alarms: self.covers_alarms,
            reason: self.reason.clone(),
            by: self.made_by.clone(),
        })
    }
}

/// The code of a window over an area.
const AREA: &str = "area";

/// What people say about a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowDraft {
    /// What it covers. An area is covered as far as who makes the window may reach: the organisation is theirs.
    pub target: WindowTarget,
    /// Begin of the (first) time.
    pub starts_at: UnixMs,
    /// End of the (first) time.
    pub ends_at: UnixMs,
    /// Comes back each week until then.
    pub weekly_until: Option<UnixMs>,
    /// Whether alarms of the highest severity about the circuit are covered too.
    pub covers_alarms: bool,
    /// Why.
    pub reason: String,
}

/// What people change of a window; what it covers stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowChange {
    /// Begin of the (first) time; of a window that has begun it stays.
    pub starts_at: UnixMs,
    /// End of the (first) time.
    pub ends_at: UnixMs,
    /// Comes back each week until then.
    pub weekly_until: Option<UnixMs>,
    /// Whether alarms of the highest severity about the circuit are covered too.
    pub covers_alarms: bool,
    /// Why.
    pub reason: String,
    /// The version that the caller had read.
    pub version: i64,
}

/// Which windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WindowFilter {
    /// At this site.
    pub site: Option<SiteId>,
    /// Only those of which something is still to come at this moment.
    pub open_at: Option<UnixMs>,
}

const COLUMNS: &str = "w.id, w.site_id, s.name AS site_name, o.path AS organisation_path, \
     coalesce(s.area_code, w.area_code) AS area_code, w.target_kind, w.target_id, w.target_name, w.starts_at, \
     w.ends_at, w.weekly_until, w.covers_alarms, w.reason, w.made_by, w.created_at, w.ended_at, w.ended_by, w.version, \
     w.changed_at, w.changed_by";
const FROM: &str = "FROM maintenance_window w LEFT JOIN site s ON s.id = w.site_id \
     LEFT JOIN organisation o ON o.id = coalesce(s.organisation_id, w.organisation_id)";
/// Where a window is, for the scope: one of every organisation has no path, and no root holds it.
const PLACE: (&str, &str) = ("coalesce(o.path, '')", "coalesce(s.area_code, w.area_code)");
const NEWEST_FIRST: Order = Order { name: "windows.-id", keys: &["w.id"], descending: true };

/// Maintenance windows.
#[derive(Debug, Clone, Copy)]
pub struct Maintenance<'s>(&'s Store);

impl Store {
    /// Maintenance windows.
    #[must_use]
    pub const fn maintenance(&self) -> Maintenance<'_> {
        Maintenance(self)
    }
}

impl Maintenance<'_> {
    /// One page of the windows in `scope`, newest first.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a cursor of another list.
    pub async fn list(
        &self,
        scope: &Scope,
        filter: &WindowFilter,
        page: &Page,
    ) -> Result<Paged<WindowRow>, StoreError> {
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            push_scope(query, scope, PLACE.0, PLACE.1);
            if let Some(site) = filter.site {
                query.push(" AND w.site_id = ").push_bind(site.0);
            }
            if let Some(at) = filter.open_at {
                query.push(" AND w.ended_at IS NULL AND coalesce(w.weekly_until, w.ends_at) > ");
                query.push_bind(at.0);
            }
        };
        PagedQuery { columns: COLUMNS, from: FROM, order: NEWEST_FIRST, filter: &apply }
            .fetch(self.0.reader(), page)
            .await
    }

    /// Makes a window over something in `scope`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for the target, [`StoreError::Invalid`] for a field.
    pub async fn create(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        draft: &WindowDraft,
    ) -> Result<WindowRow, StoreError> {
        check_reason(&draft.reason)?;
        check_time(draft.starts_at, draft.ends_at, draft.weekly_until, now)?;
        let mut tx = self.0.begin().await?;
        let place = place(&mut tx, scope, &draft.target).await?;
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO maintenance_window (site_id, area_code, organisation_id, target_kind, target_id, target_name, \
             starts_at, ends_at, weekly_until, covers_alarms, reason, made_by, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id",
        )
        .bind(place.site.map(|site| site.0))
        .bind(place.area)
        .bind(place.organisation)
        .bind(draft.target.code())
        .bind(draft.target.id())
        .bind(&place.name)
        .bind(draft.starts_at.0)
        .bind(draft.ends_at.0)
        .bind(draft.weekly_until.map(|at| at.0))
        .bind(draft.covers_alarms)
        .bind(draft.reason.trim())
        .bind(&actor.name)
        .bind(now.0)
        .fetch_one(&mut *tx)
        .await?;
        let row = load(&mut tx, scope, WindowId(id)).await?;
        record(&mut tx, actor, now, "maintenance.create", None, Some(&row)).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Changes a window of which something is to come; what it covers stays. What it was before stands in the audit log.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`]; [`StoreError::Invalid`] for a field, or about `id` when it is
    /// over already.
    pub async fn change(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: WindowId,
        change: &WindowChange,
    ) -> Result<WindowRow, StoreError> {
        check_reason(&change.reason)?;
        let mut tx = self.0.begin().await?;
        let before = load(&mut tx, scope, id).await?;
        same_version("maintenance window", before.version, change.version)?;
        if is_over(&before, now) {
            return Err(StoreError::invalid("id", "over", "the window is over already"));
        }
        if before.starts_at <= now && change.starts_at != before.starts_at {
            return Err(StoreError::invalid("starts_at", "begun", "the window has begun already"));
        }
        check_time(change.starts_at, change.ends_at, change.weekly_until, now)?;
        sqlx::query(
            "UPDATE maintenance_window SET starts_at = $1, ends_at = $2, weekly_until = $3, covers_alarms = $4, \
             reason = $5, version = version + 1, changed_at = $6, changed_by = $7 WHERE id = $8",
        )
        .bind(change.starts_at.0)
        .bind(change.ends_at.0)
        .bind(change.weekly_until.map(|at| at.0))
        .bind(change.covers_alarms)
        .bind(change.reason.trim())
        .bind(now.0)
        .bind(&actor.name)
        .bind(id.0)
        .execute(&mut *tx)
        .await?;
        let after = load(&mut tx, scope, id).await?;
        record(&mut tx, actor, now, "maintenance.change", Some(&before), Some(&after)).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Ends a window now, whatever is left of it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Invalid`] when it is over already.
    pub async fn end(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: WindowId,
    ) -> Result<WindowRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let before = load(&mut tx, scope, id).await?;
        if is_over(&before, now) {
            return Err(StoreError::invalid("id", "over", "the window is over already"));
        }
        sqlx::query("UPDATE maintenance_window SET ended_at = $1, ended_by = $2 WHERE id = $3")
            .bind(now.0)
            .bind(&actor.name)
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        let after = load(&mut tx, scope, id).await?;
        record(&mut tx, actor, now, "maintenance.end", Some(&before), Some(&after)).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Every window of which something is to come at `now`: the pipeline's own reading.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn book(&self, now: UnixMs) -> Result<MaintenanceBook, StoreError> {
        let mut reading = self.0.reader().begin().await?;
        let rows: Vec<WindowRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} {FROM} WHERE w.ended_at IS NULL AND coalesce(w.weekly_until, w.ends_at) > $1 ORDER BY w.id"
        )))
        .bind(now.0)
        .fetch_all(&mut *reading)
        .await?;
        let circuits: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT DISTINCT c.panel_id, c.id FROM circuit c JOIN maintenance_window w \
             ON w.target_kind = 'panel' AND w.target_id = c.panel_id WHERE w.ended_at IS NULL AND c.deleted_at IS NULL",
        )
        .fetch_all(&mut *reading)
        .await?;
        let mut of_panel: HashMap<i64, Vec<CircuitId>> = HashMap::new();
        for (panel, circuit) in circuits {
            of_panel.entry(panel).or_default().push(CircuitId(circuit));
        }
        let booked = rows.iter().filter_map(WindowRow::window).map(|window| {
            let circuits = match window.target {
                WindowTarget::Panel(panel) => of_panel.get(&panel.0).cloned().unwrap_or_default(),
                WindowTarget::Area { .. }
                | WindowTarget::Site(_)
                | WindowTarget::Detector(_)
                | WindowTarget::Channel(_) => Vec::new(),
            };
            BookedWindow { window, circuits }
        });
        Ok(MaintenanceBook::new(booked.collect()))
    }
}

fn is_over(row: &WindowRow, now: UnixMs) -> bool {
    row.ended_at.is_some() || row.weekly_until.unwrap_or(row.ends_at) <= now
}

fn check_reason(reason: &str) -> Result<(), StoreError> {
    if reason.trim().is_empty() {
        return Err(StoreError::invalid("reason", "required", "wanted a reason"));
    }
    Ok(())
}

/// What cannot be of its times.
fn check_time(
    starts_at: UnixMs,
    ends_at: UnixMs,
    weekly_until: Option<UnixMs>,
    now: UnixMs,
) -> Result<(), StoreError> {
    let length_ms = ends_at.since_ms(starts_at);
    if length_ms <= 0 {
        return Err(StoreError::invalid("ends_at", "not_after_begin", "wanted an end after the beginning"));
    }
    if weekly_until.unwrap_or(ends_at) <= now {
        return Err(StoreError::invalid("ends_at", "in_the_past", "wanted an end in the future"));
    }
    let longest_ms = if weekly_until.is_some() { WEEK_MS } else { LONGEST_MS };
    if length_ms > longest_ms {
        let days = longest_ms / 86_400_000;
        let code = if weekly_until.is_some() { "longer_than_a_week" } else { "longer_than_a_month" };
        return Err(StoreError::invalid("ends_at", code, format!("wanted at most {days} days")));
    }
    if let Some(last) = weekly_until
        && !(0..=WEEKLY_MOST_MS).contains(&last.since_ms(ends_at))
    {
        return Err(StoreError::invalid(
            "weekly_until",
            "not_within_a_year",
            "wanted the last day after the first, and within a year",
        ));
    }
    Ok(())
}

/// Where a window is, and what it covers by name.
struct Place {
    site: Option<SiteId>,
    area: Option<String>,
    organisation: Option<i64>,
    name: String,
}

impl Place {
    const fn at(site: SiteId, name: String) -> Self {
        Self { site: Some(site), area: None, organisation: None, name }
    }
}

/// Where a target in `scope` is. An area is covered as far as `scope` reaches: as a whole, or in one organisation that is
/// the caller's own.
async fn place(
    connection: &mut SqliteConnection,
    scope: &Scope,
    target: &WindowTarget,
) -> Result<Place, StoreError> {
    match target {
        WindowTarget::Area { area, organisation } => {
            let name: Option<String> = sqlx::query_scalar("SELECT name FROM area WHERE code = $1")
                .bind(&area.0)
                .fetch_optional(&mut *connection)
                .await?;
            let name = name.ok_or(StoreError::NotFound { what: "area" })?;
            let organisation = match organisation {
                Some(path) => Some(path.clone()),
                None if scope.holds_part(None, Some(area)) => None,
                None => {
                    let over = |part: &&ScopePart| part.area.as_ref().is_none_or(|root| root.covers(area));
                    let mut own =
                        scope.parts().iter().filter(over).filter_map(|part| part.organisation.as_ref());
                    match (own.next(), own.next()) {
                        (Some(only), None) => Some(only.clone()),
                        (Some(_), Some(_)) => {
                            let message = "you reach several organisations there, wanted one window for each";
                            return Err(StoreError::invalid("area_code", "several", message));
                        }
                        (None, _) => return Err(StoreError::NotFound { what: "area" }),
                    }
                }
            };
            if !scope.holds_part(organisation.as_ref(), Some(area)) {
                return Err(StoreError::NotFound { what: "area" });
            }
            let organisation: Option<i64> = match organisation {
                None => None,
                Some(path) => {
                    let found: Option<i64> =
                        sqlx::query_scalar("SELECT id FROM organisation WHERE path = $1")
                            .bind(&path.0)
                            .fetch_optional(&mut *connection)
                            .await?;
                    Some(found.ok_or(StoreError::NotFound { what: "organisation" })?)
                }
            };
            Ok(Place { site: None, area: Some(area.0.clone()), organisation, name })
        }
        WindowTarget::Site(id) => {
            let site = crate::sites::load(connection, scope, *id).await?;
            Ok(Place::at(*id, site.name))
        }
        WindowTarget::Panel(id) => {
            let (panel, _) = load_panel(connection, scope, *id).await?;
            Ok(Place::at(panel.site_id, panel.name))
        }
        WindowTarget::Detector(id) => {
            let detector = crate::detectors::load(connection, scope, *id).await?;
            Ok(Place::at(detector.site_id, detector.name))
        }
        WindowTarget::Channel(id) => {
            let mut query = QueryBuilder::<Sqlite>::new(
                "SELECT d.site_id, d.name || ' ' || ch.name FROM channel ch JOIN detector d ON d.id = ch.detector_id \
                 JOIN site s ON s.id = d.site_id JOIN organisation o ON o.id = s.organisation_id \
                 WHERE d.deleted_at IS NULL AND ch.id = ",
            );
            query.push_bind(id.0);
            push_scope(&mut query, scope, "o.path", "s.area_code");
            let found: Option<(i64, String)> = query.build_query_as().fetch_optional(connection).await?;
            found
                .map(|(site, name)| Place::at(SiteId(site), name))
                .ok_or(StoreError::NotFound { what: "channel" })
        }
    }
}

async fn load(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: WindowId,
) -> Result<WindowRow, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} {FROM} WHERE w.id = "));
    query.push_bind(id.0);
    push_scope(&mut query, scope, PLACE.0, PLACE.1);
    let found = query.build_query_as().fetch_optional(connection).await?;
    found.ok_or(StoreError::NotFound { what: "maintenance window" })
}

async fn record(
    connection: &mut SqliteConnection,
    actor: &Actor,
    at: UnixMs,
    action: &'static str,
    before: Option<&WindowRow>,
    after: Option<&WindowRow>,
) -> Result<(), StoreError> {
    let Some(row) = after.or(before) else { return Ok(()) };
    let entry = AuditEntry {
        at,
        actor: actor.clone(),
        action,
        object: AuditObject {
            kind: "maintenance_window",
            id: row.id.to_string(),
            name: row.site_name.iter().chain([&row.target_name]).cloned().collect::<Vec<_>>().join(" "),
            place: row.organisation_path.clone().map(|path| (path, row.area_code.clone())),
        },
        before: before.and_then(audit::json),
        after: after.and_then(audit::json),
    };
    audit::append(connection, &entry).await
}
