//! Panels and circuits: what stands between a site and its detectors.

use domain::access::Scope;
use domain::id::{CircuitId, PanelId, SiteId};
use domain::time::UnixMs;
use serde::Serialize;
use sqlx::SqliteConnection;

use crate::actor::Actor;
use crate::audit::{self, AuditEntry, AuditObject};
use crate::error::StoreError;
use crate::open::Store;
use crate::sites::{self, SiteRow, named, same_version};

rows! {
    /// A distribution box.
    pub struct PanelRow {
        /// Its id.
        pub id: PanelId,
        /// Its site.
        pub site_id: SiteId,
        /// Its name.
        pub name: String,
        /// Where in the site.
        pub location: String,
        /// Rises with every change.
        pub version: i64,
    }

    /// A circuit that leaves a panel.
    pub struct CircuitRow {
        /// Its id.
        pub id: CircuitId,
        /// Its panel.
        pub panel_id: PanelId,
        /// Its site.
        pub site_id: SiteId,
        /// Its name.
        pub name: String,
        /// What its breaker and cable are made for, A.
        pub rated_current_a: Option<f64>,
        /// 1 or 3.
        pub phases: i64,
        /// What hangs on it.
        pub load_kind: String,
        /// Rises with every change.
        pub version: i64,
    }
}

/// What people say about a panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PanelDraft {
    /// Its name.
    pub name: String,
    /// Where in the site.
    pub location: String,
}

/// What people say about a circuit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CircuitDraft {
    /// Its name.
    pub name: String,
    /// What its breaker and cable are made for, A.
    pub rated_current_a: Option<f64>,
    /// 1 or 3.
    pub phases: u8,
    /// What hangs on it.
    pub load_kind: String,
}

/// A change of a panel; an absent field stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PanelPatch {
    /// Its name.
    pub name: Option<String>,
    /// Where in the site.
    pub location: Option<String>,
    /// The version that the caller had read.
    pub version: i64,
}

/// A change of a circuit; an absent field stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CircuitPatch {
    /// Its name.
    pub name: Option<String>,
    /// Rated current, A; `Some(None)` takes it away.
    pub rated_current_a: Option<Option<f64>>,
    /// 1 or 3.
    pub phases: Option<u8>,
    /// What hangs on it.
    pub load_kind: Option<String>,
    /// The version that the caller had read.
    pub version: i64,
}

/// Panels and circuits.
#[derive(Debug, Clone, Copy)]
pub struct Circuits<'s>(&'s Store);

impl Store {
    /// Panels and circuits.
    #[must_use]
    pub const fn circuits(&self) -> Circuits<'_> {
        Circuits(self)
    }
}

impl Circuits<'_> {
    /// One panel.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn panel(&self, scope: &Scope, id: PanelId) -> Result<PanelRow, StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        Ok(load_panel(&mut connection, scope, id).await?.0)
    }

    /// One circuit.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn circuit(&self, scope: &Scope, id: CircuitId) -> Result<CircuitRow, StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        Ok(load_circuit(&mut connection, scope, id).await?.0)
    }

    /// Makes a panel in a site.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for the site, [`StoreError::Invalid`] for a field.
    pub async fn create_panel(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        site: SiteId,
        draft: &PanelDraft,
    ) -> Result<PanelRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let panel = insert_panel(&mut tx, scope, actor, now, site, draft).await?;
        tx.commit().await?;
        Ok(panel)
    }

    /// Changes a panel.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`], [`StoreError::Invalid`].
    pub async fn change_panel(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: PanelId,
        patch: &PanelPatch,
    ) -> Result<PanelRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let after = change_panel_in(&mut tx, scope, actor, now, id, patch).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Takes a panel away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::InUse`] while circuits leave it.
    pub async fn delete_panel(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: PanelId,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        let (before, site) = load_panel(&mut tx, scope, id).await?;
        let circuits: i64 =
            sqlx::query_scalar("SELECT count(*) FROM circuit WHERE panel_id = $1 AND deleted_at IS NULL")
                .bind(id.0)
                .fetch_one(&mut *tx)
                .await?;
        if circuits > 0 {
            return Err(StoreError::InUse { what: "panel", by: "circuits" });
        }
        sqlx::query("UPDATE panel SET deleted_at = $1 WHERE id = $2")
            .bind(now.0)
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        let object = object("panel", id.0, &before.name, &site);
        record(&mut tx, actor, now, "panel.delete", object, Some(&before), None::<&PanelRow>).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Makes a circuit in a panel.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for the panel, [`StoreError::Invalid`] for a field.
    pub async fn create_circuit(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        panel: PanelId,
        draft: &CircuitDraft,
    ) -> Result<CircuitRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let circuit = insert_circuit(&mut tx, scope, actor, now, panel, draft).await?;
        tx.commit().await?;
        Ok(circuit)
    }

    /// Changes a circuit.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`], [`StoreError::Invalid`].
    pub async fn change_circuit(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: CircuitId,
        patch: &CircuitPatch,
    ) -> Result<CircuitRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let after = change_circuit_in(&mut tx, scope, actor, now, id, patch).await?;
        // The rated current is the base of overload.
        let version = self.0.bump_settings(&mut tx).await?;
        tx.commit().await?;
        self.0.settings_changed(version);
        Ok(after)
    }

    /// Takes a circuit away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::InUse`] while detectors watch it.
    pub async fn delete_circuit(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: CircuitId,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        let (before, site) = load_circuit(&mut tx, scope, id).await?;
        let detectors: i64 =
            sqlx::query_scalar("SELECT count(*) FROM detector WHERE circuit_id = $1 AND deleted_at IS NULL")
                .bind(id.0)
                .fetch_one(&mut *tx)
                .await?;
        if detectors > 0 {
            return Err(StoreError::InUse { what: "circuit", by: "detectors" });
        }
        sqlx::query("UPDATE circuit SET deleted_at = $1 WHERE id = $2")
            .bind(now.0)
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        let object = object("circuit", id.0, &before.name, &site);
        record(&mut tx, actor, now, "circuit.delete", object, Some(&before), None::<&CircuitRow>).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Changes a panel in `connection`'s transaction.
pub(crate) async fn change_panel_in(
    connection: &mut SqliteConnection,
    scope: &Scope,
    actor: &Actor,
    now: UnixMs,
    id: PanelId,
    patch: &PanelPatch,
) -> Result<PanelRow, StoreError> {
    let (before, site) = load_panel(connection, scope, id).await?;
    same_version("panel", before.version, patch.version)?;
    let name = patch.name.as_ref().unwrap_or(&before.name);
    named("name", name)?;
    sqlx::query("UPDATE panel SET name = $1, location = $2, version = version + 1 WHERE id = $3")
        .bind(name.trim())
        .bind(patch.location.as_ref().unwrap_or(&before.location).trim())
        .bind(id.0)
        .execute(&mut *connection)
        .await?;
    let (after, _) = load_panel(connection, scope, id).await?;
    let object = object("panel", id.0, &after.name, &site);
    record(connection, actor, now, "panel.change", object, Some(&before), Some(&after)).await?;
    Ok(after)
}

/// Changes a circuit in `connection`'s transaction; the caller raises the settings' version.
pub(crate) async fn change_circuit_in(
    connection: &mut SqliteConnection,
    scope: &Scope,
    actor: &Actor,
    now: UnixMs,
    id: CircuitId,
    patch: &CircuitPatch,
) -> Result<CircuitRow, StoreError> {
    let (before, site) = load_circuit(connection, scope, id).await?;
    same_version("circuit", before.version, patch.version)?;
    let draft = CircuitDraft {
        name: patch.name.clone().unwrap_or_else(|| before.name.clone()),
        rated_current_a: patch.rated_current_a.unwrap_or(before.rated_current_a),
        phases: patch.phases.unwrap_or_else(|| u8::try_from(before.phases).unwrap_or(1)),
        load_kind: patch.load_kind.clone().unwrap_or_else(|| before.load_kind.clone()),
    };
    check(&draft)?;
    sqlx::query(
        "UPDATE circuit SET name = $1, rated_current_a = $2, phases = $3, load_kind = $4, version = version + 1 \
         WHERE id = $5",
    )
    .bind(draft.name.trim())
    .bind(draft.rated_current_a)
    .bind(i64::from(draft.phases))
    .bind(&draft.load_kind)
    .bind(id.0)
    .execute(&mut *connection)
    .await?;
    let (after, _) = load_circuit(connection, scope, id).await?;
    let object = object("circuit", id.0, &after.name, &site);
    record(connection, actor, now, "circuit.change", object, Some(&before), Some(&after)).await?;
    Ok(after)
}

pub(crate) async fn insert_panel(
    connection: &mut SqliteConnection,
    scope: &Scope,
    actor: &Actor,
    now: UnixMs,
    site: SiteId,
    draft: &PanelDraft,
) -> Result<PanelRow, StoreError> {
    let site = sites::load(connection, scope, site).await?;
    named("name", &draft.name)?;
    let panel: PanelRow = sqlx::query_as(
        "INSERT INTO panel (site_id, name, location) VALUES ($1, $2, $3) \
         RETURNING id, site_id, name, location, version",
    )
    .bind(site.id.0)
    .bind(draft.name.trim())
    .bind(draft.location.trim())
    .fetch_one(&mut *connection)
    .await?;
    let object = object("panel", panel.id.0, &panel.name, &site);
    record(connection, actor, now, "panel.create", object, None::<&PanelRow>, Some(&panel)).await?;
    Ok(panel)
}

pub(crate) async fn insert_circuit(
    connection: &mut SqliteConnection,
    scope: &Scope,
    actor: &Actor,
    now: UnixMs,
    panel: PanelId,
    draft: &CircuitDraft,
) -> Result<CircuitRow, StoreError> {
    let (panel, site) = load_panel(connection, scope, panel).await?;
    check(draft)?;
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO circuit (panel_id, name, rated_current_a, phases, load_kind) VALUES ($1, $2, $3, $4, $5) \
         RETURNING id",
    )
    .bind(panel.id.0)
    .bind(draft.name.trim())
    .bind(draft.rated_current_a)
    .bind(i64::from(draft.phases))
    .bind(&draft.load_kind)
    .fetch_one(&mut *connection)
    .await?;
    let (circuit, _) = load_circuit(connection, scope, CircuitId(id)).await?;
    let object = object("circuit", id, &circuit.name, &site);
    record(connection, actor, now, "circuit.create", object, None::<&CircuitRow>, Some(&circuit)).await?;
    Ok(circuit)
}

pub(crate) async fn load_panel(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: PanelId,
) -> Result<(PanelRow, SiteRow), StoreError> {
    let panel: Option<PanelRow> = sqlx::query_as(
        "SELECT id, site_id, name, location, version FROM panel WHERE id = $1 AND deleted_at IS NULL",
    )
    .bind(id.0)
    .fetch_optional(&mut *connection)
    .await?;
    let missing = StoreError::NotFound { what: "panel" };
    let Some(panel) = panel else { return Err(missing) };
    let site = sites::load(connection, scope, panel.site_id).await.map_err(|error| hidden(error, missing))?;
    Ok((panel, site))
}

pub(crate) async fn load_circuit(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: CircuitId,
) -> Result<(CircuitRow, SiteRow), StoreError> {
    let circuit: Option<CircuitRow> = sqlx::query_as(
        "SELECT c.id, c.panel_id, p.site_id, c.name, c.rated_current_a, c.phases, c.load_kind, c.version \
         FROM circuit c JOIN panel p ON p.id = c.panel_id WHERE c.id = $1 AND c.deleted_at IS NULL",
    )
    .bind(id.0)
    .fetch_optional(&mut *connection)
    .await?;
    let missing = StoreError::NotFound { what: "circuit" };
    let Some(circuit) = circuit else { return Err(missing) };
    let site =
        sites::load(connection, scope, circuit.site_id).await.map_err(|error| hidden(error, missing))?;
    Ok((circuit, site))
}

/// A site outside the scope makes what stands in it not there either.
pub(crate) fn hidden(error: StoreError, missing: StoreError) -> StoreError {
    if matches!(error, StoreError::NotFound { .. }) { missing } else { error }
}

fn check(draft: &CircuitDraft) -> Result<(), StoreError> {
    named("name", &draft.name)?;
    if !matches!(draft.phases, 1 | 3) {
        return Err(StoreError::invalid(
            "phases",
            "out_of_range",
            format!("had {}, wanted 1 or 3", draft.phases),
        ));
    }
    match draft.rated_current_a {
        Some(rated) if !(0.1..=10_000.0).contains(&rated) => Err(StoreError::invalid(
            "rated_current_a",
            "out_of_range",
            format!("had {rated} A, wanted 0.1 to 10000 A"),
        )),
        Some(_) | None => Ok(()),
    }
}

pub(crate) fn object(kind: &'static str, id: i64, name: &str, site: &SiteRow) -> AuditObject {
    AuditObject {
        kind,
        id: id.to_string(),
        name: name.to_owned(),
        place: Some((site.organisation_path.clone(), site.area_code.clone())),
    }
}

pub(crate) async fn record<T: Serialize>(
    connection: &mut SqliteConnection,
    actor: &Actor,
    now: UnixMs,
    action: &'static str,
    object: AuditObject,
    before: Option<&T>,
    after: Option<&T>,
) -> Result<(), StoreError> {
    let entry = AuditEntry {
        at: now,
        actor: actor.clone(),
        action,
        object,
        before: before.and_then(audit::json),
        after: after.and_then(audit::json),
    };
    audit::append(connection, &entry).await
}
