//! Grants: a role over a part of the organisation tree and a part of the area tree.

use domain::access::{Grant, Role, Scope};
use domain::id::{OrganisationId, UserId};
use domain::place::{AreaCode, OrganisationPath};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::error::StoreError;
use crate::scoped::push_area;

rows! {
    /// A role with where it is held.
    pub struct GrantRow {
        /// Its id.
        pub id: i64,
        /// The role.
        pub role: Role,
        /// The organisation at the top of the part; `None` is the whole tree.
        pub organisation_id: Option<OrganisationId>,
        /// The same as a path.
        pub organisation_path: Option<OrganisationPath>,
        /// The same by name.
        pub organisation_name: Option<String>,
        /// The area at the top of the part; `None` is every area.
        pub area_code: Option<AreaCode>,
        /// The same by name.
        pub area_name: Option<String>,
    }
}

/// A role to be held.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct GrantDraft {
    /// The role.
    pub role: Role,
    /// The organisation at the top of the part; `None` is the whole tree.
    pub organisation_id: Option<OrganisationId>,
    /// The area at the top of the part; `None` is every area.
    pub area_code: Option<AreaCode>,
}

impl GrantRow {
    /// As the rules of access know it.
    #[must_use]
    pub fn grant(&self) -> Grant {
        Grant { role: self.role, organisation: self.organisation_path.clone(), area: self.area_code.clone() }
    }
}

pub(crate) fn all_within(scope: &Scope, grants: &[GrantRow]) -> bool {
    if grants.is_empty() {
        return scope.is_everything();
    }
    grants.iter().all(|grant| scope.holds_part(grant.organisation_path.as_ref(), grant.area_code.as_ref()))
}

/// Where an account belongs for the audit log: the part of its only grant, else the platform's.
pub(crate) fn place(grants: &[GrantRow]) -> Option<(OrganisationPath, AreaCode)> {
    match grants {
        [only] => only
            .organisation_path
            .clone()
            .map(|path| (path, only.area_code.clone().unwrap_or_else(|| AreaCode(String::new())))),
        _ => None,
    }
}

/// Appends ` AND` an account with a grant in `scope`; everything sees accounts without grants too.
pub(crate) fn push_visible(query: &mut QueryBuilder<Sqlite>, scope: &Scope) {
    if scope.is_everything() {
        return;
    }
    query.push(
        " AND EXISTS (SELECT 1 FROM account_grant g JOIN organisation o ON o.id = g.organisation_id \
         WHERE g.account_id = u.id AND (1 = 0",
    );
    for part in scope.parts() {
        query.push(" OR (1 = 1");
        if let Some(root) = &part.organisation {
            query.push(" AND substr(o.path, 1, length(").push_bind(root.0.clone());
            query.push(")) = ").push_bind(root.0.clone());
        }
        if let Some(area) = &part.area {
            push_area(query, area, "coalesce(g.area_code, '')");
        }
        query.push(")");
    }
    query.push("))");
}

pub(crate) async fn of(
    connection: &mut SqliteConnection,
    account: UserId,
) -> Result<Vec<GrantRow>, StoreError> {
    let grants = sqlx::query_as(
        "SELECT g.id, g.role, g.organisation_id, o.path AS organisation_path, o.name AS organisation_name, \
         g.area_code, r.name AS area_name FROM account_grant g \
         LEFT JOIN organisation o ON o.id = g.organisation_id LEFT JOIN area r ON r.code = g.area_code \
         WHERE g.account_id = $1 ORDER BY g.id",
    );
    Ok(grants.bind(account.0).fetch_all(connection).await?)
}

/// The path of a grant's organisation, after checking that the grant reaches no further than `scope`.
pub(crate) async fn check(
    connection: &mut SqliteConnection,
    scope: &Scope,
    wanted: &GrantDraft,
) -> Result<(), StoreError> {
    let path = match wanted.organisation_id {
        None => None,
        Some(id) => {
            let path: Option<String> = sqlx::query_scalar("SELECT path FROM organisation WHERE id = $1")
                .bind(id.0)
                .fetch_optional(&mut *connection)
                .await?;
            let unknown = || StoreError::invalid("grants", "unknown", format!("no organisation {id} here"));
            Some(OrganisationPath(path.ok_or_else(unknown)?))
        }
    };
    if let Some(area) = &wanted.area_code {
        let known: Option<String> = sqlx::query_scalar("SELECT code FROM area WHERE code = $1")
            .bind(&area.0)
            .fetch_optional(&mut *connection)
            .await?;
        if known.is_none() {
            return Err(StoreError::invalid("grants", "unknown", format!("no area {}", area.0)));
        }
    }
    if scope.holds_part(path.as_ref(), wanted.area_code.as_ref()) {
        Ok(())
    } else {
        Err(StoreError::invalid("grants", "too_wide", "the grant reaches further than the caller's own"))
    }
}

pub(crate) async fn replace(
    connection: &mut SqliteConnection,
    scope: &Scope,
    account: UserId,
    wanted: &[GrantDraft],
) -> Result<(), StoreError> {
    if wanted.is_empty() && !scope.is_everything() {
        return Err(StoreError::invalid("grants", "required", "had no grant, wanted one or more"));
    }
    sqlx::query("DELETE FROM account_grant WHERE account_id = $1")
        .bind(account.0)
        .execute(&mut *connection)
        .await?;
    for grant in wanted {
        check(connection, scope, grant).await?;
        sqlx::query(
            "INSERT INTO account_grant (account_id, role, organisation_id, area_code) VALUES ($1, $2, $3, $4)",
        )
        .bind(account.0)
        .bind(grant.role.code())
        .bind(grant.organisation_id.map(|id| id.0))
        .bind(grant.area_code.as_ref().map(|code| code.0.as_str()))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Refuses a change after which nobody could manage everything.
pub(crate) async fn somebody_left(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let left: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM account u JOIN account_grant g ON g.account_id = u.id \
         WHERE NOT u.disabled AND g.role = 'administrator' AND g.organisation_id IS NULL AND g.area_code IS NULL",
    )
    .fetch_one(connection)
    .await?;
    if left > 0 {
        Ok(())
    } else {
        Err(StoreError::invalid(
            "grants",
            "last_administrator",
            "no administrator of everything would be left",
        ))
    }
}
