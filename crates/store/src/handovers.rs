//! Shift hand-overs: offered with what stood at that time, taken over by another person. Kept and never changed.

use domain::access::{Scope, ScopePart};
use domain::id::UserId;
use domain::place::{AreaCode, OrganisationPath};
use domain::time::UnixMs;
use serde::Serialize;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::actor::Actor;
use crate::audit::{self, AuditEntry, AuditObject};
use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Order, Page, Paged, PagedQuery};
use crate::scoped::push_scope;

rows! {
    /// A hand-over.
    pub struct HandoverRow {
        /// Its id.
        pub id: i64,
        /// Who hands over.
        pub from_id: UserId,
        /// Their name at that time.
        pub from_name: String,
        /// To whom; `None` is whoever comes.
        pub to_id: Option<UserId>,
        /// Their name at that time.
        pub to_name: Option<String>,
        /// Begin of the shift that ends.
        pub since: UnixMs,
        /// When it was offered.
        pub offered_at: UnixMs,
        /// What who hands over says.
        pub remarks: String,
        /// What stood at `offered_at`, JSON with its version.
        pub snapshot: String,
        /// When it was taken over.
        pub taken_at: Option<UnixMs>,
        /// By whom.
        pub taken_by: Option<UserId>,
        /// Their name at that time.
        pub taken_name: Option<String>,
        /// What they say.
        pub taken_remarks: Option<String>,
        /// When it was taken back by who offered it.
        pub withdrawn_at: Option<UnixMs>,
    }
}

/// How a hand-over stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HandoverState {
    /// Offered, nobody has taken over.
    Waiting,
    /// Taken over.
    Taken,
    /// Taken back by who offered it.
    Withdrawn,
}

impl HandoverRow {
    /// How it stands.
    #[must_use]
    pub const fn state(&self) -> HandoverState {
        match (self.taken_at, self.withdrawn_at) {
            (Some(_), _) => HandoverState::Taken,
            (None, Some(_)) => HandoverState::Withdrawn,
            (None, None) => HandoverState::Waiting,
        }
    }
}

/// A hand-over to be offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoverDraft {
    /// To whom, with their name; `None` is whoever comes.
    pub to: Option<(UserId, String)>,
    /// Begin of the shift that ends.
    pub since: UnixMs,
    /// What who hands over says.
    pub remarks: String,
    /// What stands, JSON with its version.
    pub snapshot: String,
}

/// Which hand-overs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HandoverFilter {
    /// In this state.
    pub state: Option<HandoverState>,
    /// Offered by, offered to or taken by this person.
    pub person: Option<UserId>,
    /// Offered from here on.
    pub since: Option<UnixMs>,
    /// Offered before this.
    pub until: Option<UnixMs>,
}

/// What the audit log keeps: the snapshot stands in the hand-over itself.
#[derive(Serialize)]
struct Kept<'r> {
    from: &'r str,
    to: Option<&'r str>,
    remarks: &'r str,
    taken_by: Option<&'r str>,
    taken_remarks: Option<&'r str>,
    withdrawn_at: Option<UnixMs>,
}

impl<'r> Kept<'r> {
    fn of(row: &'r HandoverRow) -> Self {
        Self {
            from: &row.from_name,
            to: row.to_name.as_deref(),
            remarks: &row.remarks,
            taken_by: row.taken_name.as_deref(),
            taken_remarks: row.taken_remarks.as_deref(),
            withdrawn_at: row.withdrawn_at,
        }
    }
}

const NEWEST_FIRST: Order = Order { name: "handovers.-id", keys: &["h.id"], descending: true };

/// Shift hand-overs.
#[derive(Debug, Clone, Copy)]
pub struct Handovers<'s>(&'s Store);

impl Store {
    /// Shift hand-overs.
    #[must_use]
    pub const fn handovers(&self) -> Handovers<'_> {
        Handovers(self)
    }
}

impl Handovers<'_> {
    /// One page of the hand-overs that are wholly in `scope`, newest first.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a cursor of another list.
    pub async fn list(
        &self,
        scope: &Scope,
        filter: &HandoverFilter,
        page: &Page,
    ) -> Result<Paged<HandoverRow>, StoreError> {
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            push_whole(query, scope);
            match filter.state {
                None => {}
                Some(HandoverState::Waiting) => {
                    query.push(" AND h.taken_at IS NULL AND h.withdrawn_at IS NULL");
                }
                Some(HandoverState::Taken) => {
                    query.push(" AND h.taken_at IS NOT NULL");
                }
                Some(HandoverState::Withdrawn) => {
                    query.push(" AND h.taken_at IS NULL AND h.withdrawn_at IS NOT NULL");
                }
            }
            if let Some(person) = filter.person {
                for (before, column) in [(" AND (", "from_id"), (" OR ", "to_id"), (" OR ", "taken_by")] {
                    query.push(format_args!("{before}h.{column} = ")).push_bind(person.0);
                }
                query.push(")");
            }
            if let Some(since) = filter.since {
                query.push(" AND h.offered_at >= ").push_bind(since.0);
            }
            if let Some(until) = filter.until {
                query.push(" AND h.offered_at < ").push_bind(until.0);
            }
        };
        PagedQuery { columns: "h.*", from: "FROM handover h", order: NEWEST_FIRST, filter: &apply }
            .fetch(self.0.reader(), page)
            .await
    }

    /// One hand-over.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless it is wholly in `scope`.
    pub async fn get(&self, scope: &Scope, id: i64) -> Result<HandoverRow, StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        load(&mut connection, scope, id).await
    }

    /// When a person took over last; `None` when they never did.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn took_over_at(&self, account: UserId) -> Result<Option<UnixMs>, StoreError> {
        let at: Option<i64> = sqlx::query_scalar("SELECT max(taken_at) FROM handover WHERE taken_by = $1")
            .bind(account.0)
            .fetch_one(self.0.reader())
            .await?;
        Ok(at.map(UnixMs))
    }

    /// Offers what `scope` holds to a successor.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] with `waiting` when the person offers one already.
    pub async fn offer(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        from: UserId,
        draft: &HandoverDraft,
    ) -> Result<HandoverRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let waiting: Option<i64> = sqlx::query_scalar(
            "SELECT id FROM handover WHERE from_id = $1 AND taken_at IS NULL AND withdrawn_at IS NULL",
        )
        .bind(from.0)
        .fetch_optional(&mut *tx)
        .await?;
        if waiting.is_some() {
            return Err(StoreError::invalid(
                "remarks",
                "waiting",
                "one of yours waits to be taken over already",
            ));
        }
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO handover (from_id, from_name, to_id, to_name, since, offered_at, remarks, snapshot) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
        )
        .bind(from.0)
        .bind(&actor.name)
        .bind(draft.to.as_ref().map(|(account, _)| account.0))
        .bind(draft.to.as_ref().map(|(_, name)| name.as_str()))
        .bind(draft.since.0)
        .bind(now.0)
        .bind(draft.remarks.trim())
        .bind(&draft.snapshot)
        .fetch_one(&mut *tx)
        .await?;
        for part in scope.parts() {
            keep_part(&mut tx, id, part).await?;
        }
        let after = load(&mut tx, scope, id).await?;
        record(&mut tx, actor, now, "handover.offer", place(scope), None, &after).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Takes over: somebody else than who offered it, and who it was offered to if it was.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless it is wholly in `scope`; [`StoreError::Invalid`] about `id` with `over`,
    /// `same_person` or `somebody_else`.
    pub async fn take(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        by: UserId,
        id: i64,
        remarks: Option<&str>,
    ) -> Result<HandoverRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let before = waiting(&mut tx, scope, id).await?;
        if before.from_id == by {
            return Err(StoreError::invalid("id", "same_person", "wanted somebody else than who hands over"));
        }
        if before.to_id.is_some_and(|to| to != by) {
            return Err(StoreError::invalid("id", "somebody_else", "it is offered to somebody else"));
        }
        sqlx::query(
            "UPDATE handover SET taken_at = $1, taken_by = $2, taken_name = $3, taken_remarks = $4 WHERE id = $5",
        )
        .bind(now.0)
        .bind(by.0)
        .bind(&actor.name)
        .bind(remarks)
        .bind(id)
        .execute(&mut *tx)
        .await?;
        let after = load(&mut tx, scope, id).await?;
        record(&mut tx, actor, now, "handover.take", place(scope), Some(&before), &after).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Takes an offer back: only who made it, while nobody has taken over.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless it is wholly in `scope`; [`StoreError::Invalid`] about `id` with `over` or
    /// `somebody_else`.
    pub async fn withdraw(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        by: UserId,
        id: i64,
    ) -> Result<HandoverRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let before = waiting(&mut tx, scope, id).await?;
        if before.from_id != by {
            return Err(StoreError::invalid("id", "somebody_else", "it is offered by somebody else"));
        }
        sqlx::query("UPDATE handover SET withdrawn_at = $1 WHERE id = $2")
            .bind(now.0)
            .bind(id)
            .execute(&mut *tx)
            .await?;
        let after = load(&mut tx, scope, id).await?;
        record(&mut tx, actor, now, "handover.withdraw", place(scope), Some(&before), &after).await?;
        tx.commit().await?;
        Ok(after)
    }
}

/// Lets pass only hand-overs of which every part lies in `scope`.
fn push_whole(query: &mut QueryBuilder<Sqlite>, scope: &Scope) {
    if scope.is_everything() {
        return;
    }
    query.push(
        " AND NOT EXISTS (SELECT 1 FROM handover_part p LEFT JOIN organisation o ON o.id = p.organisation_id \
         WHERE p.handover_id = h.id AND NOT (1 = 1",
    );
    // A part without an organisation or area reaches everywhere: its empty text begins with no root.
    push_scope(query, scope, "coalesce(o.path, '')", "coalesce(p.area_code, '')");
    query.push("))");
}

async fn load(connection: &mut SqliteConnection, scope: &Scope, id: i64) -> Result<HandoverRow, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT h.* FROM handover h WHERE h.id = ");
    query.push_bind(id);
    push_whole(&mut query, scope);
    let found = query.build_query_as().fetch_optional(connection).await?;
    found.ok_or(StoreError::NotFound { what: "hand-over" })
}

/// One that nobody has taken over yet.
async fn waiting(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: i64,
) -> Result<HandoverRow, StoreError> {
    let row = load(connection, scope, id).await?;
    match row.state() {
        HandoverState::Waiting => Ok(row),
        HandoverState::Taken | HandoverState::Withdrawn => {
            Err(StoreError::invalid("id", "over", "it is taken over or taken back already"))
        }
    }
}

async fn keep_part(connection: &mut SqliteConnection, id: i64, part: &ScopePart) -> Result<(), StoreError> {
    let organisation: Option<i64> = match &part.organisation {
        None => None,
        Some(path) => {
            let found: Option<i64> = sqlx::query_scalar("SELECT id FROM organisation WHERE path = $1")
                .bind(&path.0)
                .fetch_optional(&mut *connection)
                .await?;
            // Moved a moment ago; who asks again has their grants anew.
            Some(found.ok_or(StoreError::NotFound { what: "organisation" })?)
        }
    };
    sqlx::query("INSERT INTO handover_part (handover_id, organisation_id, area_code) VALUES ($1, $2, $3)")
        .bind(id)
        .bind(organisation)
        .bind(part.area.as_ref().map(|area| area.0.as_str()))
        .execute(connection)
        .await?;
    Ok(())
}

/// Where it belongs for the audit log: the only part, else the platform's.
fn place(scope: &Scope) -> Option<(OrganisationPath, AreaCode)> {
    match scope.parts() {
        [ScopePart { organisation: Some(path), area }] => {
            Some((path.clone(), area.clone().unwrap_or_else(|| AreaCode(String::new()))))
        }
        _ => None,
    }
}

async fn record(
    connection: &mut SqliteConnection,
    actor: &Actor,
    at: UnixMs,
    action: &'static str,
    place: Option<(OrganisationPath, AreaCode)>,
    before: Option<&HandoverRow>,
    after: &HandoverRow,
) -> Result<(), StoreError> {
    let entry = AuditEntry {
        at,
        actor: actor.clone(),
        action,
        object: AuditObject {
            kind: "handover",
            id: after.id.to_string(),
            name: after.from_name.clone(),
            place,
        },
        before: before.map(Kept::of).as_ref().and_then(audit::json),
        after: audit::json(&Kept::of(after)),
    };
    audit::append(connection, &entry).await
}
