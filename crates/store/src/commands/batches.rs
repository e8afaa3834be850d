//! Commands to many detectors that were asked for at once.

use std::collections::BTreeMap;

use domain::access::Scope;
use domain::command::{CommandKind, Event, Outcome, apply};
use domain::id::{CommandBatchId, DetectorId};
use domain::time::UnixMs;
use serde_json::json;
use sqlx::{QueryBuilder, Sqlite};

use super::{CommandRow, CommandStep, Commands, NewCommand, insert, write};
use crate::actor::Actor;
use crate::audit::{self, AuditEntry, AuditObject};
use crate::error::StoreError;
use crate::page::{Order, Page, Paged, PagedQuery};
use crate::scoped::push_scope;

rows! {
    /// A batch.
    pub struct BatchRow {
        /// Its id.
        pub id: CommandBatchId,
        /// What it asks for.
        pub kind: CommandKind,
        /// Its name in the profiles.
        pub code: String,
        /// The value that it carries.
        pub value: Option<f64>,
        /// The value's unit.
        pub unit: String,
        /// Why the person wants it.
        pub reason: String,
        /// Who asked.
        pub actor_name: String,
        /// When, server's clock.
        pub created_at: UnixMs,
        /// When a person stopped it.
        pub stopped_at: Option<UnixMs>,
        /// How many commands it has.
        pub total: i64,
    }
}

/// A batch that is to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewBatch {
    /// What it asks for.
    pub kind: CommandKind,
    /// Its name in the profiles.
    pub code: String,
    /// The value that it carries.
    pub value: Option<f64>,
    /// The value's unit.
    pub unit: String,
    /// Why the person wants it.
    pub reason: String,
    /// What more stands in the audit entry.
    pub audit: serde_json::Value,
}

/// How many commands of a batch stand in each state, by code; states with none are left out.
pub type Counts = BTreeMap<String, i64>;

const COLUMNS: &str =
    "b.id, b.kind, b.code, b.value, b.unit, b.reason, b.actor_name, b.created_at, b.stopped_at, b.total";

/// Appends that the batch has a command in `scope`.
fn push_inside(query: &mut QueryBuilder<Sqlite>, scope: &Scope) {
    if scope.is_everything() {
        return;
    }
    query.push(
        " AND EXISTS (SELECT 1 FROM command m JOIN detector d ON d.id = m.detector_id JOIN site s ON s.id = d.site_id \
         JOIN organisation o ON o.id = s.organisation_id WHERE m.batch_id = b.id",
    );
    push_scope(query, scope, "o.path", "s.area_code");
    query.push(")");
}

impl Commands<'_> {
    /// Makes a batch with its commands in one transaction, with one audit entry that names the detectors.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when a detector is not in `scope`.
    pub async fn create_batch(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        new: &NewBatch,
        commands: &[NewCommand],
    ) -> Result<(BatchRow, Vec<CommandRow>), StoreError> {
        let mut tx = self.0.begin().await?;
        let batch: BatchRow = sqlx::query_as(
            "INSERT INTO command_batch (kind, code, value, unit, reason, actor_kind, actor_id, actor_name, created_at, \
             total) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             RETURNING id, kind, code, value, unit, reason, actor_name, created_at, stopped_at, total",
        )
        .bind(new.kind.code())
        .bind(&new.code)
        .bind(new.value)
        .bind(&new.unit)
        .bind(&new.reason)
        .bind(actor.kind.code())
        .bind(actor.kind.id())
        .bind(&actor.name)
        .bind(now.0)
        .bind(i64::try_from(commands.len()).unwrap_or(i64::MAX))
        .fetch_one(&mut *tx)
        .await?;
        let mut rows = Vec::with_capacity(commands.len());
        for command in commands {
            rows.push(insert(&mut tx, scope, actor, now, Some(batch.id), command).await?);
        }
        let detectors: Vec<DetectorId> = rows.iter().map(|row| row.detector_id).collect();
        let mut after = json!({
            "kind": batch.kind.code(),
            "code": batch.code,
            "value": batch.value,
            "unit": batch.unit,
            "reason": batch.reason,
            "detectors": detectors,
        });
        if let (Some(after), serde_json::Value::Object(more)) = (after.as_object_mut(), &new.audit) {
            after.extend(more.clone());
        }
        let entry = entry(&batch, rows.first(), actor, now, "command_batch.create", None, Some(after));
        audit::append(&mut tx, &entry).await?;
        tx.commit().await?;
        Ok((batch, rows))
    }

    /// One page of the batches that have a command in `scope`, newest first.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a cursor of another list.
    pub async fn batches(&self, scope: &Scope, page: &Page) -> Result<Paged<BatchRow>, StoreError> {
        let apply = |query: &mut QueryBuilder<Sqlite>| push_inside(query, scope);
        let order = Order { name: "command_batches", keys: &["b.id"], descending: true };
        PagedQuery { columns: COLUMNS, from: "FROM command_batch b", order, filter: &apply }
            .fetch(self.0.reader(), page)
            .await
    }

    /// One batch.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it has no command in `scope`.
    pub async fn batch(&self, scope: &Scope, id: CommandBatchId) -> Result<BatchRow, StoreError> {
        let mut query =
            QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} FROM command_batch b WHERE b.id = "));
        query.push_bind(id.0);
        push_inside(&mut query, scope);
        let batch = query.build_query_as().fetch_optional(self.0.reader()).await?;
        batch.ok_or(StoreError::NotFound { what: "command batch" })
    }

    /// How many commands of each batch stand in each state, and how many are open; of those in `scope`.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn batch_counts(
        &self,
        scope: &Scope,
        ids: &[CommandBatchId],
    ) -> Result<BTreeMap<CommandBatchId, (Counts, i64)>, StoreError> {
        let mut counts: BTreeMap<CommandBatchId, (Counts, i64)> = BTreeMap::new();
        if ids.is_empty() {
            return Ok(counts);
        }
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT m.batch_id, m.state, count(*), coalesce(sum(m.open), 0) FROM command m \
             JOIN detector d ON d.id = m.detector_id JOIN site s ON s.id = d.site_id \
             JOIN organisation o ON o.id = s.organisation_id WHERE 1 = 1",
        );
        crate::scoped::push_any(&mut query, "m.batch_id", ids.iter().map(|id| id.0));
        push_scope(&mut query, scope, "o.path", "s.area_code");
        query.push(" GROUP BY m.batch_id, m.state");
        let rows: Vec<(i64, String, i64, i64)> = query.build_query_as().fetch_all(self.0.reader()).await?;
        for (batch, state, count, open) in rows {
            let (of_state, all_open) = counts.entry(CommandBatchId(batch)).or_default();
            of_state.insert(state, count);
            *all_open += open;
        }
        Ok(counts)
    }

    /// Stops a batch: what has not been sent is cancelled. Told are the commands that were. Only those in `scope`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it has no command in `scope`.
    pub async fn stop_batch(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: CommandBatchId,
    ) -> Result<Vec<CommandRow>, StoreError> {
        let batch = self.batch(scope, id).await?;
        let mut tx = self.0.begin().await?;
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT {} {} WHERE m.state = 'queued' AND m.batch_id = ",
            super::COLUMNS,
            super::FROM
        ));
        query.push_bind(id.0);
        push_scope(&mut query, scope, "o.path", "s.area_code");
        let waiting: Vec<CommandRow> = query.build_query_as().fetch_all(&mut *tx).await?;
        let mut stopped = Vec::with_capacity(waiting.len());
        for row in &waiting {
            let event = Event::Cancelled(Outcome::BatchStopped);
            let Ok(Some(step)) = apply(row.life(), &row.terms(), event, now) else { continue };
            let step = CommandStep {
                id: row.id,
                from: row.life(),
                step,
                detail: "",
                result: None,
                actor,
                approved_by: None,
                audit: None,
            };
            stopped.extend(write(&mut tx, now, &step).await?);
        }
        sqlx::query("UPDATE command_batch SET stopped_at = coalesce(stopped_at, $1) WHERE id = $2")
            .bind(now.0)
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        let detectors: Vec<DetectorId> = stopped.iter().map(|row| row.detector_id).collect();
        let after = json!({ "cancelled": detectors });
        let before = Some(json!({ "stopped_at": batch.stopped_at }));
        let entry = entry(&batch, stopped.first(), actor, now, "command_batch.stop", before, Some(after));
        audit::append(&mut tx, &entry).await?;
        tx.commit().await?;
        Ok(stopped)
    }
}

/// A batch may reach over many places; its entry stands at the place of its first command.
fn entry(
    batch: &BatchRow,
    first: Option<&CommandRow>,
    actor: &Actor,
    now: UnixMs,
    action: &'static str,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
) -> AuditEntry {
    AuditEntry {
        at: now,
        actor: actor.clone(),
        action,
        object: AuditObject {
            kind: "command_batch",
            id: batch.id.to_string(),
            name: batch.code.clone(),
            place: first.map(|row| (row.organisation_path.clone(), row.area_code.clone())),
        },
        before,
        after,
    }
}
