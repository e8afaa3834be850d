//! The pipeline's commit: readings, states, alarms, transitions, outbox, audit in one transaction with fsync.
//! When it returns `Ok`, everything is on disk (invariant 1); when it returns an error, nothing of it is.

mod bulk;
mod sealed;
mod seen;

use std::collections::HashSet;
use std::sync::PoisonError;

use domain::alarm::{AlarmState, Aside, Note, Verdict};
use domain::hazard::{Hazard, Severity};
use domain::id::{AlarmId, ChannelId, CircuitId, DetectorId, SiteId, TerminalId};
use domain::kept_answer::KeptAnswer;
use domain::reading::{Filing, Reported, Sample};
use domain::status::Status;
use domain::time::UnixMs;
use sqlx::SqliteConnection;

use crate::actor::ActorKind;
use crate::audit::{self, AuditEntry};
use crate::column::{aside_words, severity_rank};
use crate::error::StoreError;
use crate::open::Store;
use crate::payload;
use crate::{alarm_notes, kept_answers};
pub(crate) use bulk::Bulk;

/// What one commit writes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// Readings. One that is there already (same detector, group, time and values) is left as it is. One that shares
    /// its time with another of other values is filed at the next free millisecond: both were measured.
    pub readings: Vec<StoredReading>,
    /// Evaluation states, of changed detectors only.
    pub states: Vec<(DetectorId, Vec<u8>)>,
    /// Statuses, of changed detectors only.
    pub statuses: Vec<(DetectorId, Status)>,
    /// When detectors were last heard. At restart the newest reading counts as well, so it is enough to write
    /// this for signs of life without a reading, and seldom.
    pub heard: Vec<(DetectorId, UnixMs)>,
    /// New and changed alarms, whole.
    pub alarms: Vec<AlarmWrite>,
    /// What people did to alarms.
    pub audit: Vec<AuditEntry>,
    /// What terminals told about themselves.
    pub terminals: Vec<TerminalSeen>,
    /// What happened to terminals' lines.
    pub terminal_events: Vec<TerminalEvent>,
    /// Answers to messages with an idempotency key; the first answer to a key counts.
    pub answers: Vec<KeptAnswer>,
}

impl Batch {
    /// Whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.readings.is_empty()
            && self.states.is_empty()
            && self.statuses.is_empty()
            && self.heard.is_empty()
            && self.alarms.is_empty()
            && self.audit.is_empty()
            && self.terminals.is_empty()
            && self.terminal_events.is_empty()
            && self.answers.is_empty()
    }
}

/// A reading as it is filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReading {
    /// Who.
    pub detector: DetectorId,
    /// Which group of the profile.
    pub group: u8,
    /// The time it counts for.
    pub filed_at: UnixMs,
    /// The device's own clock.
    pub device_at: Option<UnixMs>,
    /// The server's clock.
    pub received_at: UnixMs,
    /// How it was filed.
    pub filing: Filing,
    /// The values.
    pub samples: Vec<Sample>,
    /// What the status words said.
    pub reported: Vec<Reported>,
}

/// An alarm with what happened to it in this batch.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmWrite {
    /// As it is after the batch.
    pub alarm: AlarmRecord,
    /// Its steps, in order.
    pub transitions: Vec<NewTransition>,
    /// What must be told to someone because of it.
    pub outbox: Vec<OutboxEntry>,
}

rows! {
    /// An alarm as it is stored. The pipeline gives out the ids.
    pub struct AlarmRecord {
        /// Its id.
        pub id: AlarmId,
        /// The site at the time it was raised.
        pub site_id: SiteId,
        /// Its detector.
        pub detector_id: DetectorId,
        /// Its channel.
        pub channel_id: ChannelId,
        /// The circuit at the time it was raised.
        pub circuit_id: Option<CircuitId>,
        /// What is wrong.
        pub hazard: Hazard,
        /// How bad now.
        pub severity: Severity,
        /// How bad at worst.
        pub worst_severity: Severity,
        /// Where it stands in its life.
        pub state: AlarmState,
        /// When the hazard was found, as measured.
        pub raised_at: UnixMs,
        /// When it was gone.
        pub returned_at: Option<UnixMs>,
        /// When somebody took it.
        pub acknowledged_at: Option<UnixMs>,
        /// Who took it, by name.
        pub acknowledged_by: Option<String>,
        /// Who took it, by account.
        pub acknowledged_by_id: Option<i64>,
        /// When it was over.
        pub closed_at: Option<UnixMs>,
        /// Why it was over: `returned`, `reset`, ...
        pub close_reason: Option<String>,
        /// Found in late data.
        pub late: bool,
        /// The device itself reported it.
        pub reported_by_device: bool,
        /// It holds until reset.
        pub latching: bool,
        /// The limit it was judged by, in the quantity's unit.
        pub limit_value: Option<f64>,
        /// The newest value, in the quantity's unit.
        pub current_value: Option<f64>,
        /// When that was measured.
        pub current_at: Option<UnixMs>,
        /// The worst value, in the quantity's unit.
        pub worst_value: Option<f64>,
        /// When that was measured.
        pub worst_at: Option<UnixMs>,
        /// Set aside: open, but nobody is told.
        pub aside: Option<Aside>,
        /// What it was in truth.
        pub verdict: Option<Verdict>,
        /// What the person who said so added.
        pub verdict_note: Option<String>,
        /// Rises with every change.
        pub version: i64,
    }
}

/// One step of an alarm's life.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTransition {
    /// When.
    pub at: UnixMs,
    /// `raised`, `escalated`, `acknowledged` ... as the API names them.
    pub event: &'static str,
    /// From which state; `None` when it was raised.
    pub from_state: Option<AlarmState>,
    /// Into which.
    pub to_state: AlarmState,
    /// How bad after it.
    pub severity: Severity,
    /// The value that goes with it, in the quantity's unit.
    pub value: Option<f64>,
    /// Who.
    pub actor: ActorKind,
    /// Their name.
    pub actor_name: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// What they wrote.
    pub comment: Option<String>,
    /// Whom they called or sent.
    pub note: Option<Note>,
}

/// Something that must be told to someone (invariant 10).
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxEntry {
    /// When it was decided.
    pub at: UnixMs,
    /// `alarm_raised`, `alarm_escalated` ...
    pub kind: &'static str,
    /// What whoever tells it needs, with a version in it.
    pub payload: serde_json::Value,
}

/// The kinds of [`OutboxEntry`] by which an alarm asks an operator for attention.
pub const ANNUNCIATED: [&str; 5] =
    ["alarm_raised", "alarm_escalated", "alarm_realarmed", "alarm_unshelved", "alarm_unsuppressed"];

/// What a terminal told about itself; an absent field leaves what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalSeen {
    /// Who.
    pub terminal: TerminalId,
    /// Server's clock.
    pub at: UnixMs,
    /// The other end's address.
    pub remote: Option<String>,
    /// Modem signal 0-31.
    pub signal: Option<u8>,
    /// Firmware text.
    pub firmware: Option<String>,
    /// The SIM it came with.
    pub seen_iccid: Option<String>,
    /// Pins the SIM it came with, if none is pinned yet.
    pub pin: bool,
}

/// Something that happened to a terminal's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalEvent {
    /// Who.
    pub terminal: TerminalId,
    /// Server's clock.
    pub at: UnixMs,
    /// `connected`, `disconnected`, `replaced`, `iccid_changed`, `unit_silent`, `unit_exception` ...
    pub event: &'static str,
    /// Particulars for the electrician.
    pub detail: String,
    /// The other end's address.
    pub remote: String,
}

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommitReceipt {
    /// Which readings of the batch were there already, by their place in it.
    pub repeated: Vec<usize>,
}

/// Over how long readings of one group that say the same moment are spread, ms: the second of a clock that tells whole
/// seconds. More than so many in one second are no measurements; they count as repeated.
pub(crate) const SHARED_MS: i64 = 1_000;

static READINGS: Bulk = Bulk::new(
    "INSERT INTO reading (detector_id, grp, filed_at, device_at, received_at, filing, payload)",
    7,
    " ON CONFLICT (detector_id, grp, filed_at) DO NOTHING",
);
static GROUPS: Bulk = Bulk::new(
    "INSERT INTO reading_group (detector_id, grp)",
    2,
    " ON CONFLICT (detector_id, grp) DO NOTHING",
);
static STATES: Bulk = Bulk::new(
    "INSERT INTO detector_state (detector_id, state)",
    2,
    " ON CONFLICT (detector_id) DO UPDATE SET state = excluded.state",
);
static HEARD: Bulk = Bulk::new(
    "INSERT INTO heard (detector_id, at)",
    2,
    " ON CONFLICT (detector_id) DO UPDATE SET at = max(at, excluded.at)",
);
static STATUSES: Bulk = Bulk::new(
    "WITH news (id, status) AS (",
    2,
    ") UPDATE detector SET status = news.status FROM news WHERE detector.id = news.id",
);
static ALARMS: Bulk = Bulk::new(
    "INSERT INTO alarm (id, site_id, detector_id, channel_id, circuit_id, hazard, class, severity, worst_severity, \
     state, raised_at, returned_at, acknowledged_at, acknowledged_by, acknowledged_by_id, closed_at, close_reason, \
     late, reported_by_device, latching, limit_value, current_value, current_at, worst_value, worst_at, version, \
     aside, aside_since, aside_until, aside_reason, aside_by, verdict, verdict_note)",
    33,
    " ON CONFLICT (id) DO UPDATE SET site_id = excluded.site_id, circuit_id = excluded.circuit_id, \
     severity = excluded.severity, worst_severity = excluded.worst_severity, \
     state = excluded.state, returned_at = excluded.returned_at, acknowledged_at = excluded.acknowledged_at, \
     acknowledged_by = excluded.acknowledged_by, acknowledged_by_id = excluded.acknowledged_by_id, \
     closed_at = excluded.closed_at, close_reason = excluded.close_reason, late = excluded.late, \
     reported_by_device = excluded.reported_by_device, latching = excluded.latching, \
     limit_value = excluded.limit_value, current_value = excluded.current_value, current_at = excluded.current_at, \
     worst_value = excluded.worst_value, worst_at = excluded.worst_at, version = excluded.version, \
     aside = excluded.aside, aside_since = excluded.aside_since, aside_until = excluded.aside_until, \
     aside_reason = excluded.aside_reason, aside_by = excluded.aside_by, verdict = excluded.verdict, \
     verdict_note = excluded.verdict_note",
);
static TRANSITIONS: Bulk = Bulk::new(
    "INSERT INTO alarm_transition (alarm_id, at, event, from_state, to_state, severity, value, actor_kind, actor_id, \
     actor_name, reason, comment, note)",
    13,
    "",
);
static OUTBOX: Bulk = Bulk::new("INSERT INTO outbox (alarm_id, at, kind, payload)", 4, "");
static ANNUNCIATIONS: Bulk = Bulk::new(
    "INSERT INTO annunciation (at, alarm_id, kind, site_id, detector_id, channel_id, hazard, severity)",
    8,
    " ON CONFLICT (at, alarm_id, kind) DO NOTHING",
);
static SEEN: Bulk = Bulk::new(
    "WITH news (id, at, remote, signal, firmware, seen, pinned) AS (",
    7,
    ") UPDATE terminal SET last_seen_at = max(terminal.last_seen_at, news.at), \
     remote = coalesce(news.remote, terminal.remote), signal = coalesce(news.signal, terminal.signal), \
     firmware = coalesce(news.firmware, terminal.firmware), seen_iccid = coalesce(news.seen, terminal.seen_iccid), \
     pinned_iccid = coalesce(terminal.pinned_iccid, news.pinned) FROM news WHERE terminal.id = news.id",
);
static EVENTS: Bulk = Bulk::new("INSERT INTO terminal_event (terminal_id, at, event, detail, remote)", 5, "");

impl Store {
    /// Writes `batch` in one transaction and returns once it is on disk.
    ///
    /// # Errors
    /// [`StoreError::Full`] when there is no room: nothing of the batch is kept, the same batch can be
    /// committed later. [`StoreError::Invalid`] with code `already_open` when a second open alarm of a channel
    /// and hazard was in it (invariant 3).
    pub async fn commit(&self, batch: &Batch) -> Result<CommitReceipt, StoreError> {
        self.written(batch).await.map_err(|error| self.explained(error))
    }

    async fn written(&self, batch: &Batch) -> Result<CommitReceipt, StoreError> {
        let groups = self.unseen_groups(&batch.readings);
        let unsealed = sealed::unsealed(self, &batch.readings).await?;
        let mut tx = self.begin().await?;
        let in_tail = write(&mut tx, batch, &unsealed.readings, &groups).await?;
        tx.commit().await?;
        if !groups.is_empty() {
            self.inner.groups.lock().unwrap_or_else(PoisonError::into_inner).extend(groups);
        }
        Ok(CommitReceipt { repeated: unsealed.repeated(&in_tail) })
    }

    fn unseen_groups(&self, readings: &[StoredReading]) -> Vec<(i64, u8)> {
        let seen = self.inner.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let unseen: HashSet<(i64, u8)> = readings
            .iter()
            .map(|reading| (reading.detector.0, reading.group))
            .filter(|pair| !seen.contains(pair))
            .collect();
        unseen.into_iter().collect()
    }
}

async fn write(
    connection: &mut SqliteConnection,
    batch: &Batch,
    readings: &[StoredReading],
    groups: &[(i64, u8)],
) -> Result<Vec<usize>, StoreError> {
    let repeated = write_readings(connection, readings).await?;
    GROUPS.run(connection, groups, |query, pair| query.bind(pair.0).bind(i64::from(pair.1))).await?;
    STATES
        .run(connection, &batch.states, |query, (id, state)| query.bind(id.0).bind(state.as_slice()))
        .await?;
    HEARD.run(connection, &batch.heard, |query, (id, at)| query.bind(id.0).bind(at.0)).await?;
    STATUSES
        .run(connection, &batch.statuses, |query, (id, status)| {
            query.bind(id.0).bind(i64::from(status.rank()))
        })
        .await?;
    write_alarms(connection, &batch.alarms).await?;
    SEEN.run(connection, &seen::by_terminal(&batch.terminals), |query, seen| {
        query
            .bind(seen.terminal.0)
            .bind(seen.at.0)
            .bind(seen.remote)
            .bind(seen.signal.map(i64::from))
            .bind(seen.firmware)
            .bind(seen.iccid)
            .bind(seen.pinned)
    })
    .await?;
    EVENTS
        .run(connection, &batch.terminal_events, |query, event| {
            query
                .bind(event.terminal.0)
                .bind(event.at.0)
                .bind(event.event)
                .bind(event.detail.as_str())
                .bind(event.remote.as_str())
        })
        .await?;
    kept_answers::write(connection, &batch.answers).await?;
    for entry in &batch.audit {
        audit::append(connection, entry).await?;
    }
    Ok(repeated)
}

async fn write_readings(
    connection: &mut SqliteConnection,
    readings: &[StoredReading],
) -> Result<Vec<usize>, StoreError> {
    if readings.is_empty() {
        return Ok(Vec::new());
    }
    let newest: Option<i64> = sqlx::query_scalar("SELECT seq FROM reading ORDER BY seq DESC LIMIT 1")
        .fetch_optional(&mut *connection)
        .await?;
    let written = insert_readings(connection, readings).await?;
    if usize::try_from(written).is_ok_and(|written| written == readings.len()) {
        return Ok(Vec::new());
    }
    // Seldom: find out which ones were there, in the store or earlier in this very batch, and give those that only
    // share their moment with another one a moment of their own.
    let mut repeated = Vec::new();
    let mut own = HashSet::new();
    for (index, reading) in readings.iter().enumerate() {
        let there = sharing(connection, reading).await?;
        let payload = payload::encode(&reading.samples, &reading.reported);
        let same = there.iter().find(|(_, filed_at, device_at, stored)| {
            *device_at == reading.device_at.map(|at| at.0)
                && (*filed_at == reading.filed_at.0 || *device_at == Some(reading.filed_at.0))
                && *stored == payload
        });
        let is_new = match same {
            Some((seq, ..)) => newest.is_none_or(|newest| *seq > newest) && own.insert(*seq),
            None => match free_moment(reading.filed_at, &there) {
                Some(at) => {
                    let moved = StoredReading { filed_at: at, ..reading.clone() };
                    insert_readings(connection, std::slice::from_ref(&moved)).await?;
                    own.extend(sharing(connection, &moved).await?.first().map(|(seq, ..)| *seq));
                    true
                }
                None => false,
            },
        };
        if !is_new {
            repeated.push(index);
        }
    }
    Ok(repeated)
}

async fn insert_readings(
    connection: &mut SqliteConnection,
    readings: &[StoredReading],
) -> Result<u64, StoreError> {
    READINGS
        .run(connection, readings, |query, reading| {
            query
                .bind(reading.detector.0)
                .bind(i64::from(reading.group))
                .bind(reading.filed_at.0)
                .bind(reading.device_at.map(|at| at.0))
                .bind(reading.received_at.0)
                .bind(i64::from(reading.filing.stored()))
                .bind(payload::encode(&reading.samples, &reading.reported))
        })
        .await
}

/// A stored reading: sequence, filed time, device's clock, payload.
type Stored = (i64, i64, Option<i64>, Vec<u8>);

/// What is stored of the group from the reading's moment on, as far as readings of one moment are spread.
async fn sharing(
    connection: &mut SqliteConnection,
    reading: &StoredReading,
) -> Result<Vec<Stored>, StoreError> {
    let stored = sqlx::query_as(
        "SELECT seq, filed_at, device_at, payload FROM reading \
         WHERE detector_id = $1 AND grp = $2 AND filed_at >= $3 AND filed_at < $4 ORDER BY filed_at",
    )
    .bind(reading.detector.0)
    .bind(i64::from(reading.group))
    .bind(reading.filed_at.0)
    .bind(reading.filed_at.plus_ms(SHARED_MS).0)
    .fetch_all(connection)
    .await?;
    Ok(stored)
}

/// The first moment from `from` on that is not among `there`, which is in order.
fn free_moment(from: UnixMs, there: &[Stored]) -> Option<UnixMs> {
    let taken = (0i64..).zip(there).take_while(|(after, (_, filed_at, ..))| from.0 + after == *filed_at);
    i64::try_from(taken.count()).ok().filter(|after| *after < SHARED_MS).map(|after| from.plus_ms(after))
}

async fn write_alarms(connection: &mut SqliteConnection, alarms: &[AlarmWrite]) -> Result<(), StoreError> {
    if alarms.is_empty() {
        return Ok(());
    }
    // Closing ones first, so that a hazard that ends and comes again in one batch finds its place free.
    let (closed, open): (Vec<_>, Vec<_>) =
        alarms.iter().map(|write| &write.alarm).partition(|alarm| alarm.state == AlarmState::Closed);
    for group in [closed, open] {
        ALARMS
            .run(connection, &group, |query, alarm| {
                query
                    .bind(alarm.id.0)
                    .bind(alarm.site_id.0)
                    .bind(alarm.detector_id.0)
                    .bind(alarm.channel_id.0)
                    .bind(alarm.circuit_id.map(|id| id.0))
                    .bind(alarm.hazard.code())
                    .bind(class_code(alarm.hazard))
                    .bind(severity_rank(alarm.severity))
                    .bind(severity_rank(alarm.worst_severity))
                    .bind(alarm.state.code())
                    .bind(alarm.raised_at.0)
                    .bind(alarm.returned_at.map(|at| at.0))
                    .bind(alarm.acknowledged_at.map(|at| at.0))
                    .bind(alarm.acknowledged_by.as_deref())
                    .bind(alarm.acknowledged_by_id)
                    .bind(alarm.closed_at.map(|at| at.0))
                    .bind(alarm.close_reason.as_deref())
                    .bind(alarm.late)
                    .bind(alarm.reported_by_device)
                    .bind(alarm.latching)
                    .bind(alarm.limit_value)
                    .bind(alarm.current_value)
                    .bind(alarm.current_at.map(|at| at.0))
                    .bind(alarm.worst_value)
                    .bind(alarm.worst_at.map(|at| at.0))
                    .bind(alarm.version)
                    .bind(alarm.aside.as_ref().map(|aside| aside.kind().code()))
                    .bind(alarm.aside.as_ref().map(|aside| aside.since().0))
                    .bind(alarm.aside.as_ref().and_then(Aside::until).map(|at| at.0))
                    .bind(alarm.aside.as_ref().map(|aside| aside_words(aside).0))
                    .bind(alarm.aside.as_ref().and_then(|aside| aside_words(aside).1))
                    .bind(alarm.verdict.map(Verdict::code))
                    .bind(alarm.verdict_note.as_deref())
            })
            .await
            .map_err(already_open)?;
    }
    let transitions: Vec<(AlarmId, &NewTransition)> = alarms
        .iter()
        .flat_map(|write| write.transitions.iter().map(|transition| (write.alarm.id, transition)))
        .collect();
    TRANSITIONS
        .run(connection, &transitions, |query, (alarm, step)| {
            query
                .bind(alarm.0)
                .bind(step.at.0)
                .bind(step.event)
                .bind(step.from_state.map(AlarmState::code))
                .bind(step.to_state.code())
                .bind(severity_rank(step.severity))
                .bind(step.value)
                .bind(step.actor.code())
                .bind(step.actor.id())
                .bind(step.actor_name.as_deref())
                .bind(step.reason.as_deref())
                .bind(step.comment.as_deref())
                .bind(step.note.as_ref().and_then(alarm_notes::encode))
        })
        .await?;
    let outbox: Vec<(AlarmId, &OutboxEntry)> =
        alarms.iter().flat_map(|write| write.outbox.iter().map(|entry| (write.alarm.id, entry))).collect();
    OUTBOX
        .run(connection, &outbox, |query, (alarm, entry)| {
            query.bind(alarm.0).bind(entry.at.0).bind(entry.kind).bind(entry.payload.to_string())
        })
        .await?;
    let told: Vec<(&AlarmRecord, &OutboxEntry)> = alarms
        .iter()
        .filter(|write| !write.alarm.late)
        .flat_map(|write| write.outbox.iter().map(|entry| (&write.alarm, entry)))
        .filter(|(_, entry)| ANNUNCIATED.contains(&entry.kind))
        .collect();
    ANNUNCIATIONS
        .run(connection, &told, |query, (alarm, entry)| {
            query
                .bind(entry.at.0)
                .bind(alarm.id.0)
                .bind(entry.kind)
                .bind(alarm.site_id.0)
                .bind(alarm.detector_id.0)
                .bind(alarm.channel_id.0)
                .bind(alarm.hazard.code())
                .bind(severity_rank(alarm.severity))
        })
        .await?;
    Ok(())
}

fn already_open(error: StoreError) -> StoreError {
    match error.or_taken("alarm") {
        StoreError::Invalid { field, .. } => StoreError::Invalid {
            field,
            code: "already_open",
            message: "a second open alarm of one channel and hazard, wanted at most one".to_owned(),
        },
        other => other,
    }
}

pub(crate) const fn class_code(hazard: Hazard) -> &'static str {
    match hazard.class() {
        domain::hazard::Class::Hazard => "hazard",
        domain::hazard::Class::Fault => "fault",
    }
}
