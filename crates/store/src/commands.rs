//! Commands to devices: what was asked, where each stands, every step of the way.

use domain::access::Scope;
use domain::command::{CommandKind, Life, Outcome, State, Step};
use domain::id::{CircuitId, CommandBatchId, CommandId, DetectorId, SiteId, TerminalId};
use domain::place::{AreaCode, OrganisationPath};
use domain::time::UnixMs;
use serde_json::json;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::actor::{Actor, ActorKind};
use crate::audit::{self, AuditEntry, AuditObject};
use crate::column::Column;
use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Order, Page, Paged, PagedQuery};
use crate::scoped::{push_any, push_scope};

pub mod batches;
pub mod what_ifs;

rows! {
    /// A command with the names of everything around it.
    pub struct CommandRow {
        /// Its id.
        pub id: CommandId,
        /// The batch that it belongs to.
        pub batch_id: Option<CommandBatchId>,
        /// Its detector.
        pub detector_id: DetectorId,
        /// The detector's name.
        pub detector_name: String,
        /// The terminal over which it goes.
        pub terminal_id: TerminalId,
        /// The site.
        pub site_id: SiteId,
        /// The site's name.
        pub site_name: String,
        /// The site's organisation, as a path.
        pub organisation_path: OrganisationPath,
        /// The site's area.
        pub area_code: AreaCode,
        /// The circuit that the detector watches.
        pub circuit_id: Option<CircuitId>,
        /// The circuit's name.
        pub circuit_name: Option<String>,
        /// What hangs on the circuit.
        pub load_kind: Option<String>,
        /// What it asks for.
        pub kind: CommandKind,
        /// Its name in the profile.
        pub code: String,
        /// What people called it then.
        pub name: String,
        /// The value that it carries.
        pub value: Option<f64>,
        /// The value's unit; empty where it carries none.
        pub unit: String,
        /// `domain::command::Plan` as JSON.
        pub plan: String,
        /// Whether carrying it out twice is the same as once.
        pub idempotent: bool,
        /// How long after its acknowledgement it must be seen to be done, ms.
        pub verify_within_ms: Option<i64>,
        /// Why the person wants it.
        pub reason: String,
        /// `user`, `token` or `system`.
        pub actor_kind: String,
        /// The account's or token's id.
        pub actor_id: Option<i64>,
        /// Who asked.
        pub actor_name: String,
        /// The second person.
        pub approved_by: Option<String>,
        /// When it was asked for, server's clock.
        pub created_at: UnixMs,
        /// It is not sent from here on.
        pub expires_at: UnixMs,
        /// Where it stands.
        pub state: State,
        /// Whether more can come.
        pub open: bool,
        /// How often it was sent.
        pub attempts: u8,
        /// Why it went the way it went.
        pub outcome: Option<Outcome>,
        /// The same in words for whoever looks closer.
        pub detail: String,
        /// The words that were read, as a JSON array.
        pub result: Option<String>,
        /// When it changed last.
        pub changed_at: UnixMs,
    }

    /// One step of a command's life.
    pub struct CommandTransitionRow {
        /// When, server's clock.
        pub at: UnixMs,
        /// Before it.
        pub from_state: Option<String>,
        /// After it.
        pub to_state: String,
        /// Why.
        pub outcome: Option<Outcome>,
        /// The same in words.
        pub detail: String,
        /// `user`, `token`, `system` or `device`.
        pub actor_kind: String,
        /// Their name.
        pub actor_name: String,
    }

    /// An open command, as the dispatcher must know it to find work.
    pub struct OpenCommand {
        /// Its id.
        pub id: CommandId,
        /// The terminal over which it goes.
        pub terminal_id: TerminalId,
        /// Where it stands.
        pub state: State,
        /// It is not sent from here on.
        pub expires_at: UnixMs,
    }
}

impl Column for State {
    fn read(row: &sqlx::sqlite::SqliteRow, name: &str) -> Result<Self, sqlx::Error> {
        let code = String::read(row, name)?;
        let verify_by = Option::<UnixMs>::read(row, "verify_by")?;
        Self::from_parts(&code, verify_by).ok_or_else(|| crate::column::damaged(name, &code))
    }
}

impl CommandRow {
    /// Where it stands and how often it was sent.
    #[must_use]
    pub const fn life(&self) -> Life {
        Life { state: self.state, attempts: self.attempts }
    }

    /// What was agreed when it was made.
    #[must_use]
    pub const fn terms(&self) -> domain::command::Terms {
        domain::command::Terms {
            idempotent: self.idempotent,
            expires_at: self.expires_at,
            verify_within_ms: self.verify_within_ms,
        }
    }

    fn object(&self) -> AuditObject {
        AuditObject {
            kind: "detector",
            id: self.detector_id.to_string(),
            name: self.detector_name.clone(),
            place: Some((self.organisation_path.clone(), self.area_code.clone())),
        }
    }
}

/// A command that is to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCommand {
    /// For which detector.
    pub detector: DetectorId,
    /// What it asks for.
    pub kind: CommandKind,
    /// Its name in the profile.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// The value that it carries.
    pub value: Option<f64>,
    /// The value's unit.
    pub unit: String,
    /// `domain::command::Plan` as JSON.
    pub plan: String,
    /// Whether carrying it out twice is the same as once.
    pub idempotent: bool,
    /// How long after its acknowledgement it must be seen to be done, ms.
    pub verify_within_ms: Option<i64>,
    /// Why the person wants it.
    pub reason: String,
    /// It is not sent from here on.
    pub expires_at: UnixMs,
    /// Where it begins: queued, waiting for approval, or refused at once.
    pub state: State,
    /// Why it is refused at once.
    pub outcome: Option<Outcome>,
    /// The same in words.
    pub detail: String,
    /// What more stands in the audit entry.
    pub audit: serde_json::Value,
}

/// Which commands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandFilter {
    /// Of this detector.
    pub detector: Option<DetectorId>,
    /// At this site.
    pub site: Option<SiteId>,
    /// Of this batch.
    pub batch: Option<CommandBatchId>,
    /// In one of these states, by code.
    pub states: Vec<&'static str>,
    /// Open or over.
    pub open: Option<bool>,
    /// Of one of these kinds.
    pub kinds: Vec<CommandKind>,
}

/// A step that is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandStep<'a> {
    /// Whose.
    pub id: CommandId,
    /// The state and attempts that it was made for.
    pub from: Life,
    /// What comes of it.
    pub step: Step,
    /// In words.
    pub detail: &'a str,
    /// The words that were read, as a JSON array.
    pub result: Option<&'a str>,
    /// Who.
    pub actor: &'a Actor,
    /// The second person's name, with an approval.
    pub approved_by: Option<&'a str>,
    /// The audit log's word for it; every act of a person has one.
    pub audit: Option<&'static str>,
}

const COLUMNS: &str = "m.id, m.batch_id, m.detector_id, d.name AS detector_name, m.terminal_id, d.site_id, \
     s.name AS site_name, o.path AS organisation_path, s.area_code, d.circuit_id, c.name AS circuit_name, c.load_kind, \
     m.kind, m.code, m.name, m.value, m.unit, m.plan, m.idempotent, m.verify_within_ms, m.reason, m.actor_kind, \
     m.actor_id, m.actor_name, m.approved_by, m.created_at, m.expires_at, m.state, m.verify_by, m.open, m.attempts, \
     m.outcome, m.detail, m.result, m.changed_at";
const FROM: &str = "FROM command m JOIN detector d ON d.id = m.detector_id JOIN site s ON s.id = d.site_id \
     JOIN organisation o ON o.id = s.organisation_id LEFT JOIN circuit c ON c.id = d.circuit_id";

/// The commands.
#[derive(Debug, Clone, Copy)]
pub struct Commands<'s>(pub(crate) &'s Store);

impl Store {
    /// The commands.
    #[must_use]
    pub const fn commands(&self) -> Commands<'_> {
        Commands(self)
    }
}

impl Commands<'_> {
    /// One page of the commands in `scope`, newest first.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a cursor of another list.
    pub async fn list(
        &self,
        scope: &Scope,
        filter: &CommandFilter,
        page: &Page,
    ) -> Result<Paged<CommandRow>, StoreError> {
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            push_scope(query, scope, "o.path", "s.area_code");
            if let Some(detector) = filter.detector {
                query.push(" AND m.detector_id = ").push_bind(detector.0);
            }
            if let Some(site) = filter.site {
                query.push(" AND d.site_id = ").push_bind(site.0);
            }
            if let Some(batch) = filter.batch {
                query.push(" AND m.batch_id = ").push_bind(batch.0);
            }
            if let Some(open) = filter.open {
                query.push(" AND m.open = ").push_bind(open);
            }
            push_any(query, "m.state", filter.states.iter().copied());
            push_any(query, "m.kind", filter.kinds.iter().map(|kind| kind.code()));
        };
        let order = Order { name: "commands", keys: &["m.id"], descending: true };
        PagedQuery { columns: COLUMNS, from: FROM, order, filter: &apply }.fetch(self.0.reader(), page).await
    }

    /// One command.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn get(&self, scope: &Scope, id: CommandId) -> Result<CommandRow, StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        load(&mut connection, scope, id).await
    }

    /// Those of `ids` that are in `scope`.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn by_ids(&self, scope: &Scope, ids: &[CommandId]) -> Result<Vec<CommandRow>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} {FROM} WHERE 1 = 1"));
        push_any(&mut query, "m.id", ids.iter().map(|id| id.0));
        push_scope(&mut query, scope, "o.path", "s.area_code");
        Ok(query.build_query_as().fetch_all(self.0.reader()).await?)
    }

    /// The steps of a command, oldest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn transitions(
        &self,
        scope: &Scope,
        id: CommandId,
    ) -> Result<Vec<CommandTransitionRow>, StoreError> {
        self.get(scope, id).await?;
        let steps = sqlx::query_as(
            "SELECT at, from_state, to_state, outcome, detail, actor_kind, actor_name FROM command_transition \
             WHERE command_id = $1 ORDER BY id",
        )
        .bind(id.0)
        .fetch_all(self.0.reader())
        .await?;
        Ok(steps)
    }

    /// Every open command, oldest first: the dispatcher's own work.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn open(&self) -> Result<Vec<OpenCommand>, StoreError> {
        let open = sqlx::query_as(
            "SELECT id, terminal_id, state, verify_by, expires_at FROM command WHERE open ORDER BY id",
        )
        .fetch_all(self.0.reader())
        .await?;
        Ok(open)
    }

    /// The last switching command of each detector that was carried out, or may have been: the dispatcher's own work.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn last_switched(&self) -> Result<Vec<CommandId>, StoreError> {
        let ids: Vec<i64> = sqlx::query_scalar(
            "SELECT max(id) FROM command WHERE kind IN ('trip', 'close') AND NOT open \
             AND state IN ('verified', 'not_verified', 'outcome_unknown') GROUP BY detector_id ORDER BY max(id)",
        )
        .fetch_all(self.0.reader())
        .await?;
        Ok(ids.into_iter().map(CommandId).collect())
    }

    /// Makes a command. Its audit entry is in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the detector is not in `scope`.
    pub async fn create(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        new: &NewCommand,
    ) -> Result<CommandRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let command = insert(&mut tx, scope, actor, now, None, new).await?;
        let mut after = json!({
            "command": command.id,
            "kind": command.kind.code(),
            "code": command.code,
            "value": command.value,
            "unit": command.unit,
            "reason": command.reason,
            "state": command.state.code(),
            "outcome": command.outcome.map(Outcome::code),
        });
        if let (Some(after), serde_json::Value::Object(more)) = (after.as_object_mut(), &new.audit) {
            after.extend(more.clone());
        }
        let action = if new.state == State::Refused { "command.refused" } else { "command.create" };
        let entry = AuditEntry {
            at: now,
            actor: actor.clone(),
            action,
            object: command.object(),
            before: None,
            after: Some(after),
        };
        audit::append(&mut tx, &entry).await?;
        tx.commit().await?;
        Ok(command)
    }

    /// Writes steps, all in one transaction. A command that has moved on in between is left as it is; told are those
    /// that moved.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn step(&self, now: UnixMs, steps: &[CommandStep<'_>]) -> Result<Vec<CommandRow>, StoreError> {
        let mut tx = self.0.begin().await?;
        let mut moved = Vec::with_capacity(steps.len());
        for step in steps {
            if let Some(row) = write(&mut tx, now, step).await? {
                moved.push(row);
            }
        }
        tx.commit().await?;
        Ok(moved)
    }
}

pub(crate) async fn load(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: CommandId,
) -> Result<CommandRow, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} {FROM} WHERE m.id = "));
    query.push_bind(id.0);
    push_scope(&mut query, scope, "o.path", "s.area_code");
    let command = query.build_query_as().fetch_optional(connection).await?;
    command.ok_or(StoreError::NotFound { what: "command" })
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    scope: &Scope,
    actor: &Actor,
    now: UnixMs,
    batch: Option<CommandBatchId>,
    new: &NewCommand,
) -> Result<CommandRow, StoreError> {
    let terminal: Option<i64> =
        sqlx::query_scalar("SELECT terminal_id FROM detector WHERE id = $1 AND deleted_at IS NULL")
            .bind(new.detector.0)
            .fetch_optional(&mut *connection)
            .await?;
    let terminal = terminal.ok_or(StoreError::NotFound { what: "detector" })?;
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO command (batch_id, detector_id, terminal_id, kind, code, name, value, unit, plan, idempotent, \
         verify_within_ms, reason, actor_kind, actor_id, actor_name, created_at, expires_at, state, verify_by, open, \
         attempts, outcome, detail, changed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, NULL, $19, 0, $20, \
         $21, $16) RETURNING id",
    )
    .bind(batch.map(|batch| batch.0))
    .bind(new.detector.0)
    .bind(terminal)
    .bind(new.kind.code())
    .bind(&new.code)
    .bind(&new.name)
    .bind(new.value)
    .bind(&new.unit)
    .bind(&new.plan)
    .bind(new.idempotent)
    .bind(new.verify_within_ms)
    .bind(&new.reason)
    .bind(actor.kind.code())
    .bind(actor.kind.id())
    .bind(&actor.name)
    .bind(now.0)
    .bind(new.expires_at.0)
    .bind(new.state.code())
    .bind(new.state.is_open())
    .bind(new.outcome.map(Outcome::code))
    .bind(&new.detail)
    .fetch_one(&mut *connection)
    .await?;
    transition(connection, CommandId(id), now, None, new.state, new.outcome, &new.detail, actor).await?;
    load(connection, scope, CommandId(id))
        .await
        .map_err(|error| crate::circuits::hidden(error, StoreError::NotFound { what: "detector" }))
}

async fn write(
    connection: &mut SqliteConnection,
    now: UnixMs,
    step: &CommandStep<'_>,
) -> Result<Option<CommandRow>, StoreError> {
    let Step { life, outcome } = step.step;
    let changed = sqlx::query(
        "UPDATE command SET state = $1, verify_by = $2, open = $3, attempts = $4, outcome = coalesce($5, outcome), \
         detail = CASE WHEN $6 = '' THEN detail ELSE $6 END, result = coalesce($7, result), \
         approved_by = coalesce($8, approved_by), changed_at = $9 \
         WHERE id = $10 AND state = $11 AND attempts = $12 AND verify_by IS $13",
    )
    .bind(life.state.code())
    .bind(life.state.verify_by().map(|at| at.0))
    .bind(life.state.is_open())
    .bind(i64::from(life.attempts))
    .bind(outcome.map(Outcome::code))
    .bind(step.detail)
    .bind(step.result)
    .bind(step.approved_by)
    .bind(now.0)
    .bind(step.id.0)
    .bind(step.from.state.code())
    .bind(i64::from(step.from.attempts))
    .bind(step.from.state.verify_by().map(|at| at.0))
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if changed == 0 {
        return Ok(None);
    }
    let from = Some(step.from.state);
    transition(connection, step.id, now, from, life.state, outcome, step.detail, step.actor).await?;
    let row = load(connection, &Scope::platform(), step.id).await?;
    if let Some(action) = step.audit {
        let entry = AuditEntry {
            at: now,
            actor: step.actor.clone(),
            action,
            object: row.object(),
            before: Some(json!({ "command": row.id, "state": step.from.state.code() })),
            after: Some(json!({
                "command": row.id,
                "kind": row.kind.code(),
                "code": row.code,
                "value": row.value,
                "state": row.state.code(),
                "outcome": outcome.map(Outcome::code),
            })),
        };
        audit::append(connection, &entry).await?;
    }
    Ok(Some(row))
}

#[expect(clippy::too_many_arguments, reason = "each is a column")]
async fn transition(
    connection: &mut SqliteConnection,
    command: CommandId,
    at: UnixMs,
    from: Option<State>,
    to: State,
    outcome: Option<Outcome>,
    detail: &str,
    actor: &Actor,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO command_transition (command_id, at, from_state, to_state, outcome, detail, actor_kind, actor_id, \
         actor_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(command.0)
    .bind(at.0)
    .bind(from.map(State::code))
    .bind(to.code())
    .bind(outcome.map(Outcome::code))
    .bind(detail)
    .bind(actor.kind.code())
    .bind(actor.kind.id())
    .bind(&actor.name)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether `actor` is who asked for `row`.
#[must_use]
pub fn asked_by(row: &CommandRow, actor: &Actor) -> bool {
    ActorKind::from_parts(&row.actor_kind, row.actor_id) == Some(actor.kind)
}
