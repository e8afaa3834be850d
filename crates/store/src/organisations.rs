//! The tree of organisations. A materialised path serves the scopes.

use domain::access::Scope;
use domain::id::OrganisationId;
use domain::place::OrganisationPath;
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::actor::Actor;
use crate::audit::AuditObject;
use crate::circuits::record;
use crate::error::StoreError;
use crate::open::Store;
use crate::scoped::push_area;
use crate::sites::{named, same_version};

rows! {
    /// An organisation.
    pub struct OrganisationRow {
        /// Its id.
        pub id: OrganisationId,
        /// Its name.
        pub name: String,
        /// The organisation above it.
        pub parent_id: Option<OrganisationId>,
        /// The ids from the root to it, `/1/4/9/`.
        pub path: OrganisationPath,
        /// `platform`, `regulator`, `company`, `market` ...
        pub kind: String,
        /// Rises with every change.
        pub version: i64,
    }
}

/// What people say about an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganisationDraft {
    /// Its name.
    pub name: String,
    /// The organisation above it; `None` makes a root, which needs a scope of everything.
    pub parent_id: Option<OrganisationId>,
    /// `platform`, `regulator`, `company`, `market` ...
    pub kind: String,
}

/// A change of an organisation; an absent field stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrganisationPatch {
    /// Its name.
    pub name: Option<String>,
    /// `platform`, `regulator`, `company`, `market` ...
    pub kind: Option<String>,
    /// Moves it, with all below it, under another one.
    pub parent_id: Option<OrganisationId>,
    /// The version that the caller had read.
    pub version: i64,
}

const COLUMNS: &str = "o.id, o.name, o.parent_id, o.path, o.kind, o.version";

/// The organisations.
#[derive(Debug, Clone, Copy)]
pub struct Organisations<'s>(&'s Store);

impl Store {
    /// The organisations.
    #[must_use]
    pub const fn organisations(&self) -> Organisations<'_> {
        Organisations(self)
    }
}

impl Organisations<'_> {
    /// The organisations in `scope`, parents before children. Where the scope is an area alone, those that
    /// have a site there.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn tree(&self, scope: &Scope) -> Result<Vec<OrganisationRow>, StoreError> {
        let mut query =
            QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} FROM organisation o WHERE 1 = 1"));
        push_visible(&mut query, scope);
        query.push(" ORDER BY length(o.path) - length(replace(o.path, '/', '')), o.name, o.id");
        Ok(query.build_query_as().fetch_all(self.0.reader()).await?)
    }

    /// One organisation.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn get(&self, scope: &Scope, id: OrganisationId) -> Result<OrganisationRow, StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        load(&mut connection, scope, id).await
    }

    /// Makes an organisation.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when the parent is outside `scope` or a field cannot be so.
    pub async fn create(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        draft: &OrganisationDraft,
    ) -> Result<OrganisationRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let organisation = insert(&mut tx, scope, actor, now, draft).await?;
        tx.commit().await?;
        Ok(organisation)
    }

    /// Changes an organisation.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`]; [`StoreError::Invalid`] with code `cycle` when it
    /// would hang below itself.
    pub async fn change(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: OrganisationId,
        patch: &OrganisationPatch,
    ) -> Result<OrganisationRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let before = load_owned(&mut tx, scope, id).await?;
        same_version("organisation", before.version, patch.version)?;
        let name = patch.name.as_ref().unwrap_or(&before.name);
        named("name", name)?;
        sqlx::query("UPDATE organisation SET name = $1, kind = $2, version = version + 1 WHERE id = $3")
            .bind(name.trim())
            .bind(patch.kind.as_ref().unwrap_or(&before.kind))
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        if let Some(parent) = patch.parent_id.filter(|parent| Some(*parent) != before.parent_id) {
            let parent = load_parent(&mut tx, scope, parent).await?;
            if parent.path.0.starts_with(&before.path.0) {
                return Err(StoreError::invalid(
                    "parent_id",
                    "cycle",
                    "an organisation cannot hang below itself",
                ));
            }
            let path = format!("{}{}/", parent.path.0, id.0);
            sqlx::query("UPDATE organisation SET parent_id = $1 WHERE id = $2")
                .bind(parent.id.0)
                .bind(id.0)
                .execute(&mut *tx)
                .await?;
            sqlx::query(
                "UPDATE organisation SET path = $1 || substr(path, length($2) + 1) \
                 WHERE substr(path, 1, length($2)) = $2",
            )
            .bind(path)
            .bind(&before.path.0)
            .execute(&mut *tx)
            .await?;
        }
        let after = load(&mut tx, &Scope::platform(), id).await?;
        record(&mut tx, actor, now, "organisation.change", object(&after), Some(&before), Some(&after))
            .await?;
        let version = self.0.bump_settings(&mut tx).await?;
        tx.commit().await?;
        self.0.settings_changed(version);
        Ok(after)
    }

    /// Takes an organisation away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::InUse`] while organisations, sites or grants hang on it.
    pub async fn delete(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: OrganisationId,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        let before = load_owned(&mut tx, scope, id).await?;
        for (by, sql) in [
            ("organisations", "SELECT count(*) FROM organisation WHERE parent_id = $1"),
            ("sites", "SELECT count(*) FROM site WHERE organisation_id = $1"),
            ("grants", "SELECT count(*) FROM account_grant WHERE organisation_id = $1"),
            ("tokens", "SELECT count(*) FROM api_token WHERE organisation_id = $1"),
        ] {
            let many: i64 = sqlx::query_scalar(sql).bind(id.0).fetch_one(&mut *tx).await?;
            if many > 0 {
                return Err(StoreError::InUse { what: "organisation", by });
            }
        }
        sqlx::query("DELETE FROM organisation WHERE id = $1")
            .bind(id.0)
            .execute(&mut *tx)
            .await
            .map_err(|error| StoreError::from(error).or_in_use("organisation", "something"))?;
        let none = None::<&OrganisationRow>;
        record(&mut tx, actor, now, "organisation.delete", object(&before), Some(&before), none).await?;
        tx.commit().await?;
        Ok(())
    }
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    scope: &Scope,
    actor: &Actor,
    now: UnixMs,
    draft: &OrganisationDraft,
) -> Result<OrganisationRow, StoreError> {
    named("name", &draft.name)?;
    let above = match draft.parent_id {
        Some(parent) => load_parent(connection, scope, parent).await?.path.0,
        None if scope.is_everything() => "/".to_owned(),
        None => {
            return Err(StoreError::invalid("parent_id", "required", "wanted an organisation to hang it on"));
        }
    };
    // The path holds the id, so the row is there for a moment with a path that nothing else can have.
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO organisation (name, parent_id, path, kind) VALUES ($1, $2, $3, $4) RETURNING id",
    )
    .bind(draft.name.trim())
    .bind(draft.parent_id.map(|id| id.0))
    .bind(format!("{above}new/"))
    .bind(&draft.kind)
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query("UPDATE organisation SET path = $1 WHERE id = $2")
        .bind(format!("{above}{id}/"))
        .bind(id)
        .execute(&mut *connection)
        .await?;
    let organisation = load(connection, &Scope::platform(), OrganisationId(id)).await?;
    let none = None::<&OrganisationRow>;
    let about = object(&organisation);
    record(connection, actor, now, "organisation.create", about, none, Some(&organisation)).await?;
    Ok(organisation)
}

pub(crate) async fn load(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: OrganisationId,
) -> Result<OrganisationRow, StoreError> {
    let mut query =
        QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} FROM organisation o WHERE o.id = "));
    query.push_bind(id.0);
    push_visible(&mut query, scope);
    let organisation = query.build_query_as().fetch_optional(connection).await?;
    organisation.ok_or(StoreError::NotFound { what: "organisation" })
}

/// Whether `scope` holds the whole organisation, in every area.
pub(crate) fn owns(scope: &Scope, path: &OrganisationPath) -> bool {
    scope.parts().iter().any(|part| {
        part.area.is_none() && part.organisation.as_ref().is_none_or(|root| path.0.starts_with(&root.0))
    })
}

pub(crate) async fn load_owned(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: OrganisationId,
) -> Result<OrganisationRow, StoreError> {
    let organisation = load(connection, scope, id).await?;
    if owns(scope, &organisation.path) {
        Ok(organisation)
    } else {
        Err(StoreError::NotFound { what: "organisation" })
    }
}

async fn load_parent(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: OrganisationId,
) -> Result<OrganisationRow, StoreError> {
    load_owned(connection, scope, id).await.map_err(|error| match error {
        StoreError::NotFound { .. } => {
            StoreError::invalid("parent_id", "unknown", format!("no organisation {id} here"))
        }
        other => other,
    })
}

fn push_visible(query: &mut QueryBuilder<Sqlite>, scope: &Scope) {
    if scope.is_everything() {
        return;
    }
    query.push(" AND (1 = 0");
    for part in scope.parts() {
        match (&part.organisation, &part.area) {
            (Some(root), _) => {
                query.push(" OR substr(o.path, 1, length(").push_bind(root.0.clone());
                query.push(")) = ").push_bind(root.0.clone());
            }
            (None, Some(area)) => {
                query.push(
                    " OR EXISTS (SELECT 1 FROM site s WHERE s.organisation_id = o.id AND s.deleted_at IS NULL",
                );
                push_area(query, area, "s.area_code");
                query.push(")");
            }
            (None, None) => {
                query.push(" OR 1 = 1");
            }
        }
    }
    query.push(")");
}

fn object(organisation: &OrganisationRow) -> AuditObject {
    // Every area is beyond a narrower scope, so only who holds the organisation everywhere reads of it.
    AuditObject {
        kind: "organisation",
        id: organisation.id.to_string(),
        name: organisation.name.clone(),
        place: Some((organisation.path.clone(), domain::place::AreaCode(String::new()))),
    }
}
