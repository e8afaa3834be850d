//! What dials in: known terminals, those that wait for admission, and their line's events.
//!
//! A waiting terminal belongs to nobody yet. A scope of everything sees them all; a narrower one sees exactly
//! the one whose serial number it names, as the electrician reads it off the device.

use std::collections::HashMap;

use domain::access::Scope;
use domain::id::{DetectorId, TerminalId};
use domain::place::{Admission, Credential, CredentialKind, DetectorEntry, Protocol, TerminalEntry};
use domain::telegram::TelegramLevel;
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::actor::Actor;
use crate::audit::AuditObject;
use crate::circuits::record;
use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Order, Page, Paged, PagedQuery};
use crate::scoped::{push_any, push_contains, push_scope};

rows! {
    /// A terminal.
    pub struct TerminalRow {
        /// Its id.
        pub id: TerminalId,
        /// The serial number or registration string that it announces.
        pub serial: String,
        /// How it speaks.
        pub protocol: Protocol,
        /// Whether it may be heard.
        pub admission: Admission,
        /// The SIM pinned at first admission.
        pub pinned_iccid: Option<String>,
        /// The SIM it came with last.
        pub seen_iccid: Option<String>,
        /// The address it came from last.
        pub remote: String,
        /// Modem signal, 0-31.
        pub signal: Option<i64>,
        /// Firmware text.
        pub firmware: Option<String>,
        /// When it was seen first.
        pub first_seen_at: UnixMs,
        /// When it was seen last, as far as stored.
        pub last_seen_at: UnixMs,
        /// How often it dialled in while nobody had admitted it.
        pub attempts: i64,
        /// Readings that came with it and were not counted.
        pub readings_ignored: i64,
        /// The profile that its bytes look like.
        pub hint_profile_id: Option<String>,
        /// Why it was refused.
        pub refused_reason: Option<String>,
        /// When it was admitted.
        pub admitted_at: Option<UnixMs>,
        /// What the telegram log keeps of it, where somebody decided.
        pub telegram_level: Option<TelegramLevel>,
        /// Rises with every change by a person.
        pub version: i64,
    }

    /// Something that happened to a terminal's line.
    pub struct TerminalEventRow {
        /// Its id.
        pub id: i64,
        /// When.
        pub at: UnixMs,
        /// `connected`, `disconnected`, `replaced` ...
        pub event: String,
        /// Particulars.
        pub detail: String,
        /// The other end's address.
        pub remote: String,
    }
}

/// Somebody unknown, as they introduced themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownSeen {
    /// Serial number or registration string.
    pub serial: String,
    /// How it speaks.
    pub protocol: Protocol,
    /// SIM card, where announced.
    pub iccid: Option<String>,
    /// Modem signal, where announced.
    pub signal: Option<u8>,
    /// Firmware text, where announced.
    pub firmware: Option<String>,
    /// The other end's address.
    pub remote: String,
    /// Server's clock.
    pub at: UnixMs,
    /// Readings that came with it and were not counted.
    pub readings_ignored: u32,
    /// The profile that its bytes look like.
    pub hint_profile_id: Option<String>,
}

/// What the store made of somebody unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownKept {
    /// Its id.
    pub terminal: TerminalId,
    /// Where it stands; somebody may have admitted it meanwhile.
    pub admission: Admission,
    /// Seen for the first time.
    pub new: bool,
}

/// Which waiting terminals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PendingFilter {
    /// The refused ones instead of the waiting ones.
    pub refused: bool,
    /// Part of the serial number; for a scope of less than everything, the whole of it.
    pub serial: Option<String>,
}

/// A detector behind a terminal: terminal, detector, profile, unit, address.
type BehindRow = (i64, i64, String, Option<u8>, Option<String>);

/// A credential as it is stored.
fn credential(kind: &str, secret: Vec<u8>) -> Result<Credential, StoreError> {
    let hash = |secret: Vec<u8>| {
        let had = secret.len();
        <[u8; 32]>::try_from(secret).map_err(|_length| StoreError::Corrupt {
            what: format!("a credential's hash has {had} bytes, wanted 32"),
        })
    };
    match CredentialKind::from_code(kind) {
        Some(CredentialKind::Token) => hash(secret).map(Credential::TokenHash),
        Some(CredentialKind::Certificate) => hash(secret).map(Credential::CertificateHash),
        Some(CredentialKind::SharedSecret) => Ok(Credential::SharedSecret(secret)),
        None => Err(StoreError::corrupt(format!("a credential is of kind `{kind}`"))),
    }
}

const COLUMNS: &str = "t.id, t.serial, t.protocol, t.admission, t.pinned_iccid, t.seen_iccid, t.remote, t.signal, \
     t.firmware, t.first_seen_at, t.last_seen_at, t.attempts, t.readings_ignored, t.hint_profile_id, \
     t.refused_reason, t.admitted_at, t.telegram_level, t.version";

/// The terminals.
#[derive(Debug, Clone, Copy)]
pub struct Terminals<'s>(&'s Store);

impl Store {
    /// The terminals.
    #[must_use]
    pub const fn terminals(&self) -> Terminals<'_> {
        Terminals(self)
    }
}

impl Terminals<'_> {
    /// Every terminal as the gateway must know it: the platform's own work.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn directory(&self) -> Result<Vec<TerminalEntry>, StoreError> {
        self.entries(None).await
    }

    /// One terminal as the gateway must know it: the platform's own work.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn entry(&self, id: TerminalId) -> Result<TerminalEntry, StoreError> {
        self.entries(Some(id)).await?.into_iter().next().ok_or(StoreError::NotFound { what: "terminal" })
    }

    pub(crate) const fn store(&self) -> &Store {
        self.0
    }

    async fn entries(&self, only: Option<TerminalId>) -> Result<Vec<TerminalEntry>, StoreError> {
        let mut reading = self.0.reader().begin().await?;
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT d.terminal_id, d.id, d.profile_id, d.unit_address, d.address FROM detector d \
             WHERE d.deleted_at IS NULL",
        );
        push_any(&mut query, "d.terminal_id", only.iter().map(|id| id.0));
        query.push(" ORDER BY d.terminal_id, coalesce(d.unit_address, -1), d.address");
        let rows: Vec<BehindRow> = query.build_query_as().fetch_all(&mut *reading).await?;
        let mut detectors: HashMap<TerminalId, Vec<DetectorEntry>> = HashMap::new();
        for (terminal, id, profile, unit_address, address) in rows {
            let entry = DetectorEntry { id: DetectorId(id), profile, unit_address, address };
            detectors.entry(TerminalId(terminal)).or_default().push(entry);
        }
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT c.terminal_id, c.kind, c.secret FROM credential c WHERE c.revoked_at IS NULL",
        );
        push_any(&mut query, "c.terminal_id", only.iter().map(|id| id.0));
        query.push(" ORDER BY c.id");
        let rows: Vec<(i64, String, Vec<u8>)> = query.build_query_as().fetch_all(&mut *reading).await?;
        let mut credentials: HashMap<TerminalId, Vec<Credential>> = HashMap::new();
        for (terminal, kind, secret) in rows {
            credentials.entry(TerminalId(terminal)).or_default().push(credential(&kind, secret)?);
        }
        let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} FROM terminal t WHERE 1 = 1"));
        push_any(&mut query, "t.id", only.iter().map(|id| id.0));
        let rows: Vec<TerminalRow> =
            query.push(" ORDER BY t.id").build_query_as().fetch_all(&mut *reading).await?;
        let entries = rows.into_iter().map(|row| TerminalEntry {
            detectors: detectors.remove(&row.id).unwrap_or_default(),
            credentials: credentials.remove(&row.id).unwrap_or_default(),
            id: row.id,
            serial: row.serial,
            protocol: row.protocol,
            admission: row.admission,
            pinned_iccid: row.pinned_iccid,
        });
        Ok(entries.collect())
    }

    /// Keeps those who dialled in and are not known, all in one transaction. There are never more than the
    /// bound of the store's options; who was unseen for longest goes first.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn seen_unknown(&self, seen: &[UnknownSeen]) -> Result<Vec<UnknownKept>, StoreError> {
        if seen.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.0.begin().await?;
        let mut kept = Vec::with_capacity(seen.len());
        let mut grown = false;
        for one in seen {
            let known: Option<TerminalRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM terminal t WHERE t.serial = $1"
            )))
            .bind(&one.serial)
            .fetch_optional(&mut *tx)
            .await?;
            let (id, admission) = match known {
                Some(known) if known.admission == Admission::Admitted => {
                    kept.push(UnknownKept { terminal: known.id, admission: known.admission, new: false });
                    continue;
                }
                Some(known) => (Some(known.id), known.admission),
                None => (None, Admission::Pending),
            };
            let stored: i64 = sqlx::query_scalar(
                "INSERT INTO terminal (serial, protocol, admission, seen_iccid, remote, signal, firmware, \
                 first_seen_at, last_seen_at, attempts, readings_ignored, hint_profile_id) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, 1, $9, $10) \
                 ON CONFLICT (serial) DO UPDATE SET protocol = excluded.protocol, \
                 seen_iccid = coalesce(excluded.seen_iccid, seen_iccid), remote = excluded.remote, \
                 signal = coalesce(excluded.signal, signal), firmware = coalesce(excluded.firmware, firmware), \
                 last_seen_at = excluded.last_seen_at, attempts = attempts + 1, \
                 readings_ignored = readings_ignored + excluded.readings_ignored, \
                 hint_profile_id = coalesce(excluded.hint_profile_id, hint_profile_id) RETURNING id",
            )
            .bind(&one.serial)
            .bind(one.protocol.code())
            .bind(admission.code())
            .bind(&one.iccid)
            .bind(&one.remote)
            .bind(one.signal.map(i64::from))
            .bind(&one.firmware)
            .bind(one.at.0)
            .bind(i64::from(one.readings_ignored))
            .bind(&one.hint_profile_id)
            .fetch_one(&mut *tx)
            .await?;
            grown |= id.is_none();
            kept.push(UnknownKept { terminal: TerminalId(stored), admission, new: id.is_none() });
        }
        if grown {
            for admission in [Admission::Pending, Admission::Refused] {
                trim(&mut tx, admission, self.0.inner.options.pending_bound).await?;
            }
        }
        tx.commit().await?;
        Ok(kept)
    }

    /// One page of those who wait, seen last first.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a cursor of another list.
    pub async fn pending(
        &self,
        scope: &Scope,
        filter: &PendingFilter,
        page: &Page,
    ) -> Result<Paged<TerminalRow>, StoreError> {
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            let admission = if filter.refused { Admission::Refused } else { Admission::Pending };
            query.push(" AND t.admission = ").push_bind(admission.code());
            match &filter.serial {
                Some(serial) if scope.is_everything() => push_contains(query, serial, &["t.serial"]),
                Some(serial) if !scope.is_empty() => {
                    query.push(" AND t.serial = ").push_bind(serial.clone());
                }
                None if scope.is_everything() => {}
                Some(_) | None => {
                    query.push(" AND 1 = 0");
                }
            }
        };
        let order = Order { name: "pending", keys: &["t.last_seen_at", "t.id"], descending: true };
        PagedQuery { columns: COLUMNS, from: "FROM terminal t", order, filter: &apply }
            .fetch(self.0.reader(), page)
            .await
    }

    /// One terminal: with a detector in `scope`, or any for a scope of everything.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn get(&self, scope: &Scope, id: TerminalId) -> Result<TerminalRow, StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        load(&mut connection, scope, id).await
    }

    /// One page of what happened to a terminal's line, newest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Invalid`] for a cursor of another list.
    pub async fn events(
        &self,
        scope: &Scope,
        id: TerminalId,
        page: &Page,
    ) -> Result<Paged<TerminalEventRow>, StoreError> {
        self.get(scope, id).await?;
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            query.push(" AND e.terminal_id = ").push_bind(id.0);
        };
        let order = Order { name: "terminal_events", keys: &["e.at", "e.id"], descending: true };
        let columns = "e.id, e.at, e.event, e.detail, e.remote";
        PagedQuery { columns, from: "FROM terminal_event e", order, filter: &apply }
            .fetch(self.0.reader(), page)
            .await
    }

    /// Refuses one that waits. It stays known, so that its next call is no news.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it does not wait, or `scope` may not see it.
    pub async fn refuse(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: TerminalId,
        serial: Option<&str>,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        let change =
            Change { from: Admission::Pending, to: Admission::Refused, action: "terminal.refuse", reason };
        self.turn(scope, actor, now, id, serial, &change).await
    }

    /// Lets one that was refused wait again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it was not refused, or `scope` may not see it.
    pub async fn restore(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: TerminalId,
        serial: Option<&str>,
    ) -> Result<(), StoreError> {
        let change = Change {
            from: Admission::Refused,
            to: Admission::Pending,
            action: "terminal.restore",
            reason: None,
        };
        self.turn(scope, actor, now, id, serial, &change).await
    }

    async fn turn(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: TerminalId,
        serial: Option<&str>,
        change: &Change<'_>,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        let before = load_waiting(&mut tx, scope, id, serial).await?;
        if before.admission != change.from {
            return Err(StoreError::NotFound { what: "terminal" });
        }
        sqlx::query(
            "UPDATE terminal SET admission = $1, refused_reason = $2, version = version + 1 WHERE id = $3",
        )
        .bind(change.to.code())
        .bind(change.reason)
        .bind(id.0)
        .execute(&mut *tx)
        .await?;
        let after = load(&mut tx, &Scope::platform(), id).await?;
        record(&mut tx, actor, now, change.action, object(&after), Some(&before), Some(&after)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Decides what the telegram log keeps of a terminal; `None` goes back to the platform's setting.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_telegram_level(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: TerminalId,
        level: Option<TelegramLevel>,
    ) -> Result<TerminalRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let before = load(&mut tx, scope, id).await?;
        sqlx::query("UPDATE terminal SET telegram_level = $1, version = version + 1 WHERE id = $2")
            .bind(level.map(TelegramLevel::code))
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        let after = load(&mut tx, scope, id).await?;
        let action = "terminal.telegram_level";
        record(&mut tx, actor, now, action, object(&after), Some(&before), Some(&after)).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// What was decided about the telegram logs of single terminals: the platform's own work.
    ///
    /// # Errors
    /// Database errors.
    pub async fn telegram_levels(&self) -> Result<Vec<(TerminalId, TelegramLevel)>, StoreError> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, telegram_level FROM terminal WHERE telegram_level IS NOT NULL")
                .fetch_all(self.0.reader())
                .await?;
        rows.into_iter()
            .map(|(id, code)| {
                let level = TelegramLevel::from_code(&code)
                    .ok_or_else(|| StoreError::Corrupt { what: format!("telegram level `{code}`") })?;
                Ok((TerminalId(id), level))
            })
            .collect()
    }

    /// Pins the SIM that the terminal came with last.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Invalid`] when it came with none.
    pub async fn accept_iccid(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: TerminalId,
    ) -> Result<TerminalRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let before = load(&mut tx, scope, id).await?;
        if before.seen_iccid.is_none() {
            return Err(StoreError::invalid(
                "seen_iccid",
                "required",
                "the terminal has announced no SIM card",
            ));
        }
        sqlx::query("UPDATE terminal SET pinned_iccid = seen_iccid, version = version + 1 WHERE id = $1")
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        let after = load(&mut tx, scope, id).await?;
        record(&mut tx, actor, now, "terminal.accept_iccid", object(&after), Some(&before), Some(&after))
            .await?;
        tx.commit().await?;
        Ok(after)
    }
}

struct Change<'r> {
    from: Admission,
    to: Admission,
    action: &'static str,
    reason: Option<&'r str>,
}

pub(crate) fn object(terminal: &TerminalRow) -> AuditObject {
    AuditObject { kind: "terminal", id: terminal.id.to_string(), name: terminal.serial.clone(), place: None }
}

pub(crate) async fn load(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: TerminalId,
) -> Result<TerminalRow, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} FROM terminal t WHERE t.id = "));
    query.push_bind(id.0);
    if !scope.is_everything() {
        query.push(
            " AND EXISTS (SELECT 1 FROM detector d JOIN site s ON s.id = d.site_id \
             JOIN organisation o ON o.id = s.organisation_id WHERE d.terminal_id = t.id AND d.deleted_at IS NULL",
        );
        push_scope(&mut query, scope, "o.path", "s.area_code");
        query.push(")");
    }
    let terminal = query.build_query_as().fetch_optional(connection).await?;
    terminal.ok_or(StoreError::NotFound { what: "terminal" })
}

/// A terminal that nobody owns: for a scope of everything, or for who names its serial number.
pub(crate) async fn load_waiting(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: TerminalId,
    serial: Option<&str>,
) -> Result<TerminalRow, StoreError> {
    let terminal = load(connection, &Scope::platform(), id).await?;
    let named = !scope.is_empty() && serial.is_some_and(|serial| serial == terminal.serial);
    if scope.is_everything() || named { Ok(terminal) } else { Err(StoreError::NotFound { what: "terminal" }) }
}

async fn trim(connection: &mut SqliteConnection, admission: Admission, bound: u32) -> Result<(), StoreError> {
    // One that had detectors once is named by the past and stays.
    sqlx::query(
        "DELETE FROM terminal WHERE id IN (SELECT t.id FROM terminal t WHERE t.admission = $1 \
         AND NOT EXISTS (SELECT 1 FROM detector d WHERE d.terminal_id = t.id) \
         ORDER BY t.last_seen_at DESC, t.id DESC LIMIT -1 OFFSET $2)",
    )
    .bind(admission.code())
    .bind(i64::from(bound))
    .execute(connection)
    .await?;
    Ok(())
}
