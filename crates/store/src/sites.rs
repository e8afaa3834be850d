//! Sites: list, one, its tree, and the changes that people make to it.

use std::collections::HashMap;

use domain::access::Scope;
use domain::id::{CircuitId, DetectorId, OrganisationId, PanelId, SiteId};
use domain::place::{AreaCode, OrganisationPath};
use domain::status::Status;
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::actor::Actor;
use crate::alarms::push_below;
use crate::audit::{self, AuditEntry, AuditObject};
use crate::circuits::{CircuitRow, PanelRow};
use crate::detectors::{ChannelRow, DetectorFilter, DetectorRow};
use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Order, Page, Paged, PagedQuery};
use crate::scoped::{push_any, push_area, push_contains, push_scope};

rows! {
    /// A site with its detectors counted by status.
    pub struct SiteRow {
        /// Its id.
        pub id: SiteId,
        /// Its name.
        pub name: String,
        /// Street and number.
        pub address: String,
        /// Its area.
        pub area_code: AreaCode,
        /// Its area's name.
        pub area_name: String,
        /// Whose it is.
        pub organisation_id: OrganisationId,
        /// Whose it is, by name.
        pub organisation_name: String,
        /// Whose it is, as a path.
        pub organisation_path: OrganisationPath,
        /// Kind of premises.
        pub premises_kind: String,
        /// Longitude, WGS 84, degrees.
        pub lon: Option<f64>,
        /// Latitude, WGS 84, degrees.
        pub lat: Option<f64>,
        /// Time zone, `Asia/Shanghai`.
        pub zone: String,
        /// Whom to call.
        pub contact_name: String,
        /// Their number.
        pub contact_phone: String,
        /// Whether a second person must agree to trip or close a breaker here.
        pub two_person_switching: bool,
        /// The worst of its detectors.
        pub status: Status,
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
        /// Rises with every change.
        pub version: i64,
        /// When it was made.
        pub created_at: UnixMs,
    }
}

/// Which sites.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SiteFilter {
    /// Text in name, address or contact.
    pub text: Option<String>,
    /// In this area.
    pub area: Option<AreaCode>,
    /// Of this organisation or below it.
    pub organisation: Option<OrganisationId>,
    /// Of one of these statuses.
    pub statuses: Vec<Status>,
    /// Of one of these kinds of premises.
    pub kinds: Vec<String>,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SiteSort {
    /// Worst first.
    #[default]
    StatusDesc,
    /// By name.
    Name,
    /// By name, backwards.
    NameDesc,
}

impl SiteSort {
    const fn order(self) -> Order {
        match self {
            Self::StatusDesc => Order { name: "sites.-status", keys: &[STATUS, "s.id"], descending: true },
            Self::Name => Order { name: "sites.name", keys: &["s.name", "s.id"], descending: false },
            Self::NameDesc => Order { name: "sites.-name", keys: &["s.name", "s.id"], descending: true },
        }
    }
}

/// What people say about a site.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SiteDraft {
    /// Its name.
    pub name: String,
    /// Street and number.
    pub address: String,
    /// Its area.
    pub area_code: AreaCode,
    /// Whose it is.
    pub organisation_id: OrganisationId,
    /// Kind of premises.
    pub premises_kind: String,
    /// Longitude and latitude, WGS 84, degrees.
    pub position: Option<(f64, f64)>,
    /// Time zone, `Asia/Shanghai`.
    pub zone: String,
    /// Whom to call.
    pub contact_name: String,
    /// Their number.
    pub contact_phone: String,
}

/// A change of a site; an absent field stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SitePatch {
    /// Its name.
    pub name: Option<String>,
    /// Street and number.
    pub address: Option<String>,
    /// Its area.
    pub area_code: Option<AreaCode>,
    /// Whose it is.
    pub organisation_id: Option<OrganisationId>,
    /// Kind of premises.
    pub premises_kind: Option<String>,
    /// Longitude and latitude; `Some(None)` takes the position away.
    pub position: Option<Option<(f64, f64)>>,
    /// Time zone.
    pub zone: Option<String>,
    /// Whom to call.
    pub contact_name: Option<String>,
    /// Their number.
    pub contact_phone: Option<String>,
    /// Whether a second person must agree to trip or close a breaker here.
    pub two_person_switching: Option<bool>,
    /// The version that the caller had read.
    pub version: i64,
}

/// A site with everything that stands in it.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteTree {
    /// The site.
    pub site: SiteRow,
    /// Its panels.
    pub panels: Vec<PanelNode>,
    /// Detectors without a circuit.
    pub unplaced: Vec<DetectorNode>,
}

/// A panel with its circuits.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelNode {
    /// The panel.
    pub panel: PanelRow,
    /// Its circuits.
    pub circuits: Vec<CircuitNode>,
}

/// A circuit with its detectors.
#[derive(Debug, Clone, PartialEq)]
pub struct CircuitNode {
    /// The circuit.
    pub circuit: CircuitRow,
    /// Its detectors.
    pub detectors: Vec<DetectorNode>,
}

/// A detector with its channels.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectorNode {
    /// The detector.
    pub detector: DetectorRow,
    /// Its channels, the device's first.
    pub channels: Vec<ChannelRow>,
}

/// One seek in `detector_site`.
const STATUS: &str =
    "(SELECT coalesce(max(d.status), 0) FROM detector d WHERE d.site_id = s.id AND d.deleted_at IS NULL)";
const COLUMNS: &str = "s.id, s.name, s.address, s.area_code, r.name AS area_name, s.organisation_id, \
     o.name AS organisation_name, o.path AS organisation_path, s.premises_kind, s.lon, s.lat, s.zone, s.contact_name, \
     s.contact_phone, s.two_person_switching, s.version, s.created_at, \
     (SELECT coalesce(max(d.status), 0) FROM detector d WHERE d.site_id = s.id AND d.deleted_at IS NULL) AS status, \
     (SELECT count(*) FROM detector d WHERE d.site_id = s.id AND d.deleted_at IS NULL) AS detectors, \
     (SELECT count(*) FROM detector d WHERE d.site_id = s.id AND d.status = 5 AND d.deleted_at IS NULL) AS alarm, \
     (SELECT count(*) FROM detector d WHERE d.site_id = s.id AND d.status = 4 AND d.deleted_at IS NULL) AS warning, \
     (SELECT count(*) FROM detector d WHERE d.site_id = s.id AND d.status = 3 AND d.deleted_at IS NULL) AS fault, \
     (SELECT count(*) FROM detector d WHERE d.site_id = s.id AND d.status = 2 AND d.deleted_at IS NULL) AS offline";
const FROM: &str =
    "FROM site s JOIN organisation o ON o.id = s.organisation_id JOIN area r ON r.code = s.area_code";

/// The sites.
#[derive(Debug, Clone, Copy)]
pub struct Sites<'s>(&'s Store);

impl Store {
    /// The sites.
    #[must_use]
    pub const fn sites(&self) -> Sites<'_> {
        Sites(self)
    }
}

impl Sites<'_> {
    /// One page of the sites in `scope`.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a cursor of another list.
    pub async fn list(
        &self,
        scope: &Scope,
        filter: &SiteFilter,
        sort: SiteSort,
        page: &Page,
    ) -> Result<Paged<SiteRow>, StoreError> {
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            query.push(" AND s.deleted_at IS NULL");
            push_scope(query, scope, "o.path", "s.area_code");
            if let Some(text) = &filter.text {
                push_contains(query, text, &["s.name", "s.address", "s.contact_name", "s.contact_phone"]);
            }
            if let Some(area) = &filter.area {
                push_area(query, area, "s.area_code");
            }
            if let Some(organisation) = filter.organisation {
                push_below(query, organisation, "o.path");
            }
            push_any(query, STATUS, filter.statuses.iter().map(|status| i64::from(status.rank())));
            push_any(query, "s.premises_kind", filter.kinds.iter().cloned());
        };
        PagedQuery { columns: COLUMNS, from: FROM, order: sort.order(), filter: &apply }
            .fetch(self.0.reader(), page)
            .await
    }

    /// One site.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn get(&self, scope: &Scope, id: SiteId) -> Result<SiteRow, StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        load(&mut connection, scope, id).await
    }

    /// One site with everything that stands in it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn tree(&self, scope: &Scope, id: SiteId) -> Result<SiteTree, StoreError> {
        let site = self.get(scope, id).await?;
        let panels: Vec<PanelRow> = sqlx::query_as(
            "SELECT id, site_id, name, location, version FROM panel \
             WHERE site_id = $1 AND deleted_at IS NULL ORDER BY name, id",
        )
        .bind(id.0)
        .fetch_all(self.0.reader())
        .await?;
        let circuits: Vec<CircuitRow> = sqlx::query_as(
            "SELECT c.id, c.panel_id, p.site_id, c.name, c.rated_current_a, c.phases, c.load_kind, c.version \
             FROM circuit c JOIN panel p ON p.id = c.panel_id \
             WHERE p.site_id = $1 AND c.deleted_at IS NULL AND p.deleted_at IS NULL ORDER BY c.name, c.id",
        )
        .bind(id.0)
        .fetch_all(self.0.reader())
        .await?;
        let filter = DetectorFilter { site: Some(id), ..DetectorFilter::default() };
        let detectors = self.0.detectors().all(scope, &filter).await?;
        let ids: Vec<DetectorId> = detectors.iter().map(|detector| detector.id).collect();
        let mut channels: HashMap<DetectorId, Vec<ChannelRow>> = HashMap::new();
        for channel in self.0.detectors().channels_of(&ids).await? {
            channels.entry(channel.detector_id).or_default().push(channel);
        }
        let mut placed: HashMap<CircuitId, Vec<DetectorNode>> = HashMap::new();
        let mut unplaced = Vec::new();
        for detector in detectors {
            let channels = channels.remove(&detector.id).unwrap_or_default();
            let circuit = detector.circuit_id;
            let node = DetectorNode { detector, channels };
            match circuit {
                Some(circuit) => placed.entry(circuit).or_default().push(node),
                None => unplaced.push(node),
            }
        }
        let mut of_panel: HashMap<PanelId, Vec<CircuitNode>> = HashMap::new();
        for circuit in circuits {
            let detectors = placed.remove(&circuit.id).unwrap_or_default();
            of_panel.entry(circuit.panel_id).or_default().push(CircuitNode { circuit, detectors });
        }
        let panels = panels
            .into_iter()
            .map(|panel| PanelNode { circuits: of_panel.remove(&panel.id).unwrap_or_default(), panel })
            .collect();
        // What hangs on a circuit that is gone is shown, never lost.
        unplaced.extend(placed.into_values().flatten());
        Ok(SiteTree { site, panels, unplaced })
    }

    /// Makes a site.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when a field cannot be so, or organisation or area are outside `scope`.
    pub async fn create(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        draft: &SiteDraft,
    ) -> Result<SiteRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let site = insert(&mut tx, scope, actor, now, draft).await?;
        tx.commit().await?;
        Ok(site)
    }

    /// Changes a site.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`], [`StoreError::Invalid`].
    pub async fn change(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: SiteId,
        patch: &SitePatch,
    ) -> Result<SiteRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let after = change_in(&mut tx, scope, actor, now, id, patch).await?;
        let version = self.0.bump_settings(&mut tx).await?;
        tx.commit().await?;
        self.0.settings_changed(version);
        Ok(after)
    }

    /// Takes a site away. Its past stays readable through its alarms.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::InUse`] while detectors stand in it.
    pub async fn delete(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: SiteId,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        let before = load(&mut tx, scope, id).await?;
        if before.detectors > 0 {
            return Err(StoreError::InUse { what: "site", by: "detectors" });
        }
        for sql in [
            "UPDATE circuit SET deleted_at = $1 WHERE deleted_at IS NULL \
             AND panel_id IN (SELECT id FROM panel WHERE site_id = $2)",
            "UPDATE panel SET deleted_at = $1 WHERE deleted_at IS NULL AND site_id = $2",
            "UPDATE site SET deleted_at = $1 WHERE id = $2",
        ] {
            sqlx::query(sql).bind(now.0).bind(id.0).execute(&mut *tx).await?;
        }
        record(&mut tx, actor, now, "site.delete", Some(&before), None).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Changes a site in `connection`'s transaction; the caller raises the settings' version.
pub(crate) async fn change_in(
    connection: &mut SqliteConnection,
    scope: &Scope,
    actor: &Actor,
    now: UnixMs,
    id: SiteId,
    patch: &SitePatch,
) -> Result<SiteRow, StoreError> {
    let before = load(connection, scope, id).await?;
    same_version("site", before.version, patch.version)?;
    let draft = SiteDraft {
        name: patch.name.clone().unwrap_or_else(|| before.name.clone()),
        address: patch.address.clone().unwrap_or_else(|| before.address.clone()),
        area_code: patch.area_code.clone().unwrap_or_else(|| before.area_code.clone()),
        organisation_id: patch.organisation_id.unwrap_or(before.organisation_id),
        premises_kind: patch.premises_kind.clone().unwrap_or_else(|| before.premises_kind.clone()),
        position: patch.position.unwrap_or_else(|| before.lon.zip(before.lat)),
        zone: patch.zone.clone().unwrap_or_else(|| before.zone.clone()),
        contact_name: patch.contact_name.clone().unwrap_or_else(|| before.contact_name.clone()),
        contact_phone: patch.contact_phone.clone().unwrap_or_else(|| before.contact_phone.clone()),
    };
    check(connection, scope, &draft).await?;
    sqlx::query(
        "UPDATE site SET name = $1, address = $2, area_code = $3, organisation_id = $4, premises_kind = $5, \
         lon = $6, lat = $7, zone = $8, contact_name = $9, contact_phone = $10, two_person_switching = $11, \
         version = version + 1 WHERE id = $12",
    )
    .bind(draft.name.trim())
    .bind(draft.address.trim())
    .bind(&draft.area_code.0)
    .bind(draft.organisation_id.0)
    .bind(&draft.premises_kind)
    .bind(draft.position.map(|(lon, _)| lon))
    .bind(draft.position.map(|(_, lat)| lat))
    .bind(&draft.zone)
    .bind(draft.contact_name.trim())
    .bind(draft.contact_phone.trim())
    .bind(patch.two_person_switching.unwrap_or(before.two_person_switching))
    .bind(id.0)
    .execute(&mut *connection)
    .await?;
    let after = load(connection, scope, id).await?;
    record(connection, actor, now, "site.change", Some(&before), Some(&after)).await?;
    Ok(after)
}

/// The site in `connection`'s transaction.
pub(crate) async fn load(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: SiteId,
) -> Result<SiteRow, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(format!(
        "SELECT {COLUMNS} {FROM} WHERE s.deleted_at IS NULL AND s.id = "
    ));
    query.push_bind(id.0);
    push_scope(&mut query, scope, "o.path", "s.area_code");
    let site = query.build_query_as().fetch_optional(connection).await?;
    site.ok_or(StoreError::NotFound { what: "site" })
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    scope: &Scope,
    actor: &Actor,
    now: UnixMs,
    draft: &SiteDraft,
) -> Result<SiteRow, StoreError> {
    check(connection, scope, draft).await?;
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO site (name, address, area_code, organisation_id, premises_kind, lon, lat, zone, contact_name, \
         contact_phone, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
    )
    .bind(draft.name.trim())
    .bind(draft.address.trim())
    .bind(&draft.area_code.0)
    .bind(draft.organisation_id.0)
    .bind(&draft.premises_kind)
    .bind(draft.position.map(|(lon, _)| lon))
    .bind(draft.position.map(|(_, lat)| lat))
    .bind(&draft.zone)
    .bind(draft.contact_name.trim())
    .bind(draft.contact_phone.trim())
    .bind(now.0)
    .fetch_one(&mut *connection)
    .await?;
    let site = load(connection, scope, SiteId(id)).await?;
    record(connection, actor, now, "site.create", None, Some(&site)).await?;
    Ok(site)
}

async fn check(
    connection: &mut SqliteConnection,
    scope: &Scope,
    draft: &SiteDraft,
) -> Result<(), StoreError> {
    named("name", &draft.name)?;
    named("zone", &draft.zone)?;
    if let Some((lon, lat)) = draft.position {
        if !(-180.0..=180.0).contains(&lon) {
            return Err(StoreError::invalid(
                "lon",
                "out_of_range",
                format!("{lon}, wanted -180 to 180 degrees"),
            ));
        }
        if !(-90.0..=90.0).contains(&lat) {
            return Err(StoreError::invalid(
                "lat",
                "out_of_range",
                format!("{lat}, wanted -90 to 90 degrees"),
            ));
        }
    }
    let area: Option<String> = sqlx::query_scalar("SELECT code FROM area WHERE code = $1")
        .bind(&draft.area_code.0)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(area) = area.map(AreaCode) else {
        return Err(StoreError::invalid("area_code", "unknown", format!("no area {}", draft.area_code.0)));
    };
    let path: Option<String> = sqlx::query_scalar("SELECT path FROM organisation WHERE id = $1")
        .bind(draft.organisation_id.0)
        .fetch_optional(&mut *connection)
        .await?;
    match path.map(OrganisationPath) {
        Some(path) if scope.holds(&path, &area) => Ok(()),
        Some(path)
            if scope
                .parts()
                .iter()
                .any(|part| part.organisation.as_ref().is_none_or(|root| path.0.starts_with(&root.0))) =>
        {
            Err(StoreError::invalid(
                "area_code",
                "unknown",
                "the area is outside of what the caller may change",
            ))
        }
        Some(_) | None => Err(StoreError::invalid(
            "organisation_id",
            "unknown",
            format!("no organisation {} here", draft.organisation_id),
        )),
    }
}

async fn record(
    connection: &mut SqliteConnection,
    actor: &Actor,
    now: UnixMs,
    action: &'static str,
    before: Option<&SiteRow>,
    after: Option<&SiteRow>,
) -> Result<(), StoreError> {
    let Some(site) = after.or(before) else { return Ok(()) };
    let entry = AuditEntry {
        at: now,
        actor: actor.clone(),
        action,
        object: AuditObject {
            kind: "site",
            id: site.id.to_string(),
            name: site.name.clone(),
            place: Some((site.organisation_path.clone(), site.area_code.clone())),
        },
        before: before.and_then(audit::json),
        after: after.and_then(audit::json),
    };
    audit::append(connection, &entry).await
}

pub(crate) fn named(field: &'static str, text: &str) -> Result<(), StoreError> {
    let length = text.trim().chars().count();
    match length {
        0 => Err(StoreError::invalid(field, "required", "had nothing, wanted 1 to 200 characters")),
        1..=200 => Ok(()),
        _ => Err(StoreError::invalid(
            field,
            "too_long",
            format!("had {length} characters, wanted at most 200"),
        )),
    }
}

pub(crate) const fn same_version(what: &'static str, current: i64, wanted: i64) -> Result<(), StoreError> {
    if current == wanted { Ok(()) } else { Err(StoreError::Conflict { what, current, wanted }) }
}
