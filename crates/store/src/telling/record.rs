//! Who is to be told of what: climbs, digests, notices. Written by one teller, so that what it read still holds when it
//! writes.

use domain::access::Scope;
use domain::hazard::Severity;
use domain::id::{AlarmId, DeliveryId, DigestId, LadderId, MediumId, NoticeId, RouteId, SiteId, UserId};
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::Telling;
use crate::column::severity_rank;
use crate::error::StoreError;
use crate::meta;

/// Where it is kept that telling has begun.
const BEGUN: &str = "telling_begun";
/// Rows of one insert; their values stay below what SQLite binds.
const ROWS: usize = 200;

/// Where a digest stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DigestState {
    /// What comes is put in.
    Gathering,
    /// On its way.
    Sending,
    /// A medium took it.
    Told,
    /// No medium took it.
    Failed,
    /// Nothing in it had to be told any more.
    Stopped,
}

impl DigestState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Gathering, Self::Sending, Self::Told, Self::Failed, Self::Stopped];

    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Gathering => "gathering",
            Self::Sending => "sending",
            Self::Told => "told",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// The state with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

rows! {
    /// How far up a ladder an alarm is.
    pub struct ClimbRow {
        /// The alarm.
        pub alarm_id: AlarmId,
        /// The ladder.
        pub ladder_id: LadderId,
        /// By which route.
        pub route_id: RouteId,
        /// Rises when the alarm gets worse or comes again.
        pub round: i64,
        /// The step that comes next, from 0.
        pub step: i64,
        /// When the round began.
        pub since: UnixMs,
        /// When the next step comes.
        pub due_at: UnixMs,
        /// When it ended.
        pub ended_at: Option<UnixMs>,
        /// `acknowledged`, `returned`, `closed`, `exhausted`.
        pub end_reason: Option<String>,
    }

    /// What one person is told at once about one site.
    pub struct DigestRow {
        /// Its id.
        pub id: DigestId,
        /// Who.
        pub account_id: UserId,
        /// Which site; `None` is the platform itself.
        pub site_id: Option<SiteId>,
        /// The worst in it.
        pub worst: Severity,
        /// Since when it gathers.
        pub opened_at: UnixMs,
        /// When it goes out.
        pub due_at: UnixMs,
        /// When it went out.
        pub closed_at: Option<UnixMs>,
        /// [`DigestState`].
        pub state: String,
        /// Media in order, JSON array of ids.
        pub media: String,
    }

    /// One notice with names, for people.
    pub struct NoticeRow {
        /// Its id.
        pub id: NoticeId,
        /// When it was decided.
        pub at: UnixMs,
        /// Who is told.
        pub account_id: UserId,
        /// Their name; `None` when the account is gone.
        pub account_name: Option<String>,
        /// The alarm.
        pub alarm_id: Option<AlarmId>,
        /// Rises when the alarm gets worse or comes again.
        pub round: i64,
        /// By which route.
        pub route_id: Option<RouteId>,
        /// By which ladder.
        pub ladder_id: Option<LadderId>,
        /// The ladder's name; `None` when it is gone.
        pub ladder_name: Option<String>,
        /// Which step, from 0.
        pub step: i64,
        /// `domain::telling::Why` as JSON.
        pub why: String,
        /// In which digest; `None` when the person could not be reached.
        pub digest_id: Option<DigestId>,
        /// How the digest stands.
        pub digest_state: Option<String>,
        /// When the digest goes or went out.
        pub digest_due_at: Option<UnixMs>,
        /// How many notices the digest holds.
        pub digest_notices: i64,
    }

    /// One delivery, for people.
    pub struct DeliveryRow {
        /// Its id.
        pub id: DeliveryId,
        /// Of which digest.
        pub digest_id: DigestId,
        /// By which medium.
        pub medium_id: MediumId,
        /// Its name; `None` when it is gone.
        pub medium_name: Option<String>,
        /// What kind of address.
        pub address_kind: String,
        /// The address.
        pub address: String,
        /// `waiting`, `sending`, `accepted`, `delivered`, `undelivered`, `given_up`, `stopped`, `shared`.
        pub state: String,
        /// When it was decided.
        pub created_at: UnixMs,
        /// When it was over.
        pub ended_at: Option<UnixMs>,
        /// When it is tried next, while it waits.
        pub next_at: UnixMs,
        /// What the provider reported later.
        pub receipt: Option<String>,
    }

    /// One attempt, for people.
    pub struct AttemptRow {
        /// Its id.
        pub id: i64,
        /// Of which delivery.
        pub delivery_id: DeliveryId,
        /// When it began.
        pub started_at: UnixMs,
        /// When it was over.
        pub ended_at: Option<UnixMs>,
        /// `accepted`, `try_again`, `refused`, `gone`, `lost`.
        pub outcome: Option<String>,
        /// What the provider said.
        pub detail: Option<String>,
        /// The provider's number of it.
        pub reference: Option<String>,
    }
}

/// A notice to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewNotice {
    /// Who.
    pub account: UserId,
    /// Of which alarm; `None` is the platform itself.
    pub alarm: Option<AlarmId>,
    /// Of what of the platform.
    pub about: Option<String>,
    /// Which round of the alarm.
    pub round: i64,
    /// By which route.
    pub route: Option<RouteId>,
    /// By which ladder.
    pub ladder: Option<LadderId>,
    /// Which step, from 0.
    pub step: i64,
    /// `domain::telling::Why` as JSON.
    pub why: String,
    /// In which digest; `None` when the person cannot be reached.
    pub digest: Option<DigestId>,
}

/// Everything that one turn of the teller decided: one transaction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TellingWrite {
    /// Outbox rows that are done with.
    pub outbox_done: Vec<i64>,
    /// Climbs as they are now.
    pub climbs: Vec<ClimbRow>,
    /// Digests as they are now.
    pub digests: Vec<DigestRow>,
    /// New notices. One that is known already is left as it is.
    pub notices: Vec<NewNotice>,
}

impl TellingWrite {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outbox_done.is_empty()
            && self.climbs.is_empty()
            && self.digests.is_empty()
            && self.notices.is_empty()
    }
}

const CLIMB: &str =
    "SELECT alarm_id, ladder_id, route_id, round, step, since, due_at, ended_at, end_reason FROM climb";
const DIGEST: &str =
    "SELECT id, account_id, site_id, worst, opened_at, due_at, closed_at, state, media FROM digest";

impl Telling<'_> {
    /// Begins to tell. At the first call ever, what was decided before `before` is set aside untold: nobody wants to
    /// hear of months of alarms at once. Returns how many were.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn begin(&self, before: UnixMs, now: UnixMs) -> Result<u64, StoreError> {
        if self.0.meta(BEGUN).await?.is_some() {
            return Ok(0);
        }
        let mut tx = self.0.begin().await?;
        let aside = sqlx::query("UPDATE outbox SET done_at = $1 WHERE done_at IS NULL AND at < $2")
            .bind(now.0)
            .bind(before.0)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        meta::put(&mut tx, BEGUN, &now.0.to_string()).await?;
        tx.commit().await?;
        Ok(aside)
    }

    /// At most `limit` climbs whose next step has come.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn climbs_due(&self, now: UnixMs, limit: u32) -> Result<Vec<ClimbRow>, StoreError> {
        let sql = format!("{CLIMB} WHERE ended_at IS NULL AND due_at <= $1 ORDER BY due_at LIMIT $2");
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(now.0).bind(i64::from(limit));
        Ok(rows.fetch_all(self.0.reader()).await?)
    }

    /// Every climb of `alarms`, also those that have ended.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn climbs_of(&self, alarms: &[AlarmId]) -> Result<Vec<ClimbRow>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!("{CLIMB} WHERE alarm_id IN ("));
        push_ids(&mut query, alarms.iter().map(|id| id.0));
        Ok(query.build_query_as().fetch_all(self.0.reader()).await?)
    }

    /// Who was told of `alarms`, in which round.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn told(&self, alarms: &[AlarmId]) -> Result<Vec<(AlarmId, i64, UserId)>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT alarm_id, round, account_id FROM notice WHERE digest_id IS NOT NULL AND alarm_id IN (",
        );
        push_ids(&mut query, alarms.iter().map(|id| id.0));
        let rows: Vec<(i64, i64, i64)> = query.build_query_as().fetch_all(self.0.reader()).await?;
        Ok(rows.into_iter().map(|(alarm, round, account)| (AlarmId(alarm), round, UserId(account))).collect())
    }

    /// The digests that gather, and those that went out since `since`.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn digests_since(&self, since: UnixMs) -> Result<Vec<DigestRow>, StoreError> {
        let sql = format!("{DIGEST} WHERE closed_at IS NULL OR closed_at >= $1 ORDER BY id");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(since.0).fetch_all(self.0.reader()).await?)
    }

    /// At most `limit` digests that have to go out.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn digests_due(&self, now: UnixMs, limit: u32) -> Result<Vec<DigestRow>, StoreError> {
        let sql = format!("{DIGEST} WHERE closed_at IS NULL AND due_at <= $1 ORDER BY due_at LIMIT $2");
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(now.0).bind(i64::from(limit));
        Ok(rows.fetch_all(self.0.reader()).await?)
    }

    /// One digest.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn digest(&self, id: DigestId) -> Result<DigestRow, StoreError> {
        let sql = format!("{DIGEST} WHERE id = $1");
        let row = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id.0);
        row.fetch_optional(self.0.reader()).await?.ok_or(StoreError::NotFound { what: "digest" })
    }

    /// The highest id of a digest.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn last_digest(&self) -> Result<DigestId, StoreError> {
        let id: i64 =
            sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM digest").fetch_one(self.0.reader()).await?;
        Ok(DigestId(id))
    }

    /// The alarms of a digest, the newest first, and how many there are.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn digest_alarms(
        &self,
        digest: DigestId,
        skip: u32,
        limit: u32,
    ) -> Result<(Vec<AlarmId>, i64), StoreError> {
        let ids: Vec<i64> = sqlx::query_scalar(
            "SELECT DISTINCT alarm_id FROM notice WHERE digest_id = $1 AND alarm_id IS NOT NULL \
             ORDER BY alarm_id DESC LIMIT $2 OFFSET $3",
        )
        .bind(digest.0)
        .bind(i64::from(limit))
        .bind(i64::from(skip))
        .fetch_all(self.0.reader())
        .await?;
        let count = sqlx::query_scalar(
            "SELECT count(DISTINCT alarm_id) FROM notice WHERE digest_id = $1 AND alarm_id IS NOT NULL",
        )
        .bind(digest.0)
        .fetch_one(self.0.reader())
        .await?;
        Ok((ids.into_iter().map(AlarmId).collect(), count))
    }

    /// The alarms of a digest that wait for somebody, at most `limit`, the worst first; and what of the platform it
    /// tells. Both empty: there is nothing to tell any more.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn digest_waits(
        &self,
        digest: DigestId,
        limit: u32,
    ) -> Result<(Vec<AlarmId>, Vec<String>), StoreError> {
        let alarms: Vec<i64> = sqlx::query_scalar(
            "SELECT DISTINCT a.id FROM notice n JOIN alarm a ON a.id = n.alarm_id WHERE n.digest_id = $1 \
             AND a.aside IS NULL AND a.state IN ('unacknowledged', 'returned_unacknowledged', 'latched_unacknowledged') \
             ORDER BY a.severity DESC, a.id LIMIT $2",
        )
        .bind(digest.0)
        .bind(i64::from(limit))
        .fetch_all(self.0.reader())
        .await?;
        let about = sqlx::query_scalar("SELECT about FROM notice WHERE digest_id = $1 AND about IS NOT NULL")
            .bind(digest.0)
            .fetch_all(self.0.reader())
            .await?;
        Ok((alarms.into_iter().map(AlarmId).collect(), about))
    }

    /// The highest step and round of what a digest tells: whether it is an escalation, or something that got worse.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn digest_height(&self, digest: DigestId) -> Result<(i64, i64), StoreError> {
        Ok(sqlx::query_as(
            "SELECT coalesce(max(step), 0), coalesce(max(round), 1) FROM notice WHERE digest_id = $1",
        )
        .bind(digest.0)
        .fetch_one(self.0.reader())
        .await?)
    }

    /// Whether somebody was told of this of the platform itself.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn is_noticed(&self, about: &str) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM notice WHERE about = $1)")
            .bind(about.to_owned())
            .fetch_one(self.0.reader())
            .await?)
    }

    /// Writes what one turn decided, and marks the outbox rows as done, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn commit(&self, write: &TellingWrite, now: UnixMs) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        for some in write.outbox_done.chunks(ROWS) {
            let mut query = QueryBuilder::<Sqlite>::new("UPDATE outbox SET done_at = ");
            query.push_bind(now.0).push(" WHERE id IN (");
            push_ids(&mut query, some.iter().copied());
            query.build().execute(&mut *tx).await?;
        }
        for some in write.climbs.chunks(ROWS) {
            put_climbs(&mut tx, some).await?;
        }
        for some in write.digests.chunks(ROWS) {
            put_digests(&mut tx, some).await?;
        }
        for some in write.notices.chunks(ROWS) {
            put_notices(&mut tx, some, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Forgets at most `limit` digests that went out before `before`, with all that belongs to them, and climbs and
    /// notices as old. Whether there are more.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn forget(&self, before: UnixMs, limit: u32) -> Result<bool, StoreError> {
        let mut tx = self.0.begin().await?;
        let old: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM digest WHERE closed_at < $1 AND state <> 'sending' ORDER BY closed_at LIMIT $2",
        )
        .bind(before.0)
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await?;
        for digest in &old {
            for sql in [
                "DELETE FROM attempt WHERE delivery_id IN (SELECT id FROM delivery WHERE digest_id = $1)",
                "DELETE FROM delivery WHERE digest_id = $1",
                "DELETE FROM link WHERE digest_id = $1",
                "DELETE FROM notice WHERE digest_id = $1",
                "DELETE FROM digest WHERE id = $1",
            ] {
                sqlx::query(sql).bind(digest).execute(&mut *tx).await?;
            }
        }
        for sql in [
            "DELETE FROM notice WHERE digest_id IS NULL AND at < $1",
            "DELETE FROM climb WHERE ended_at < $1",
            "DELETE FROM outbox WHERE done_at < $1",
        ] {
            sqlx::query(sql).bind(before.0).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(u32::try_from(old.len()).is_ok_and(|len| len >= limit))
    }

    /// Every notice about an alarm in `scope`, with its deliveries and their attempts, oldest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the alarm is not in `scope`.
    pub async fn notices(
        &self,
        scope: &Scope,
        alarm: AlarmId,
    ) -> Result<(Vec<NoticeRow>, Vec<DeliveryRow>, Vec<AttemptRow>), StoreError> {
        self.0.alarms().get(scope, alarm).await?;
        let notices = sqlx::query_as(
            "SELECT n.id, n.at, n.account_id, u.name AS account_name, n.alarm_id, n.round, n.route_id, n.ladder_id, \
             l.name AS ladder_name, n.step, n.why, n.digest_id, g.state AS digest_state, g.due_at AS digest_due_at, \
             (SELECT count(*) FROM notice m WHERE m.digest_id = n.digest_id) AS digest_notices \
             FROM notice n LEFT JOIN account u ON u.id = n.account_id LEFT JOIN ladder l ON l.id = n.ladder_id \
             LEFT JOIN digest g ON g.id = n.digest_id WHERE n.alarm_id = $1 ORDER BY n.id",
        )
        .bind(alarm.0)
        .fetch_all(self.0.reader())
        .await?;
        let deliveries = sqlx::query_as(
            "SELECT d.id, d.digest_id, d.medium_id, m.name AS medium_name, d.address_kind, d.address, d.state, \
             d.created_at, d.ended_at, d.next_at, d.receipt FROM delivery d LEFT JOIN medium m ON m.id = d.medium_id \
             WHERE d.digest_id IN (SELECT digest_id FROM notice WHERE alarm_id = $1) ORDER BY d.id",
        )
        .bind(alarm.0)
        .fetch_all(self.0.reader())
        .await?;
        let attempts = sqlx::query_as(
            "SELECT t.id, t.delivery_id, t.started_at, t.ended_at, t.outcome, t.detail, t.reference FROM attempt t \
             JOIN delivery d ON d.id = t.delivery_id \
             WHERE d.digest_id IN (SELECT digest_id FROM notice WHERE alarm_id = $1) ORDER BY t.id",
        )
        .bind(alarm.0)
        .fetch_all(self.0.reader())
        .await?;
        Ok((notices, deliveries, attempts))
    }
}

/// Appends the ids and the closing bracket.
pub(super) fn push_ids(query: &mut QueryBuilder<Sqlite>, ids: impl Iterator<Item = i64>) {
    let mut separated = query.separated(", ");
    for id in ids {
        separated.push_bind(id);
    }
    query.push(")");
}

async fn put_climbs(connection: &mut SqliteConnection, climbs: &[ClimbRow]) -> Result<(), StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO climb (alarm_id, ladder_id, route_id, round, step, since, due_at, ended_at, end_reason) ",
    );
    query.push_values(climbs, |mut row, climb| {
        row.push_bind(climb.alarm_id.0)
            .push_bind(climb.ladder_id.0)
            .push_bind(climb.route_id.0)
            .push_bind(climb.round)
            .push_bind(climb.step)
            .push_bind(climb.since.0)
            .push_bind(climb.due_at.0)
            .push_bind(climb.ended_at.map(|at| at.0))
            .push_bind(climb.end_reason.clone());
    });
    query.push(
        " ON CONFLICT (alarm_id, ladder_id) DO UPDATE SET route_id = excluded.route_id, round = excluded.round, \
         step = excluded.step, since = excluded.since, due_at = excluded.due_at, ended_at = excluded.ended_at, \
         end_reason = excluded.end_reason",
    );
    query.build().execute(connection).await?;
    Ok(())
}

async fn put_digests(connection: &mut SqliteConnection, digests: &[DigestRow]) -> Result<(), StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO digest (id, account_id, site_id, worst, opened_at, due_at, closed_at, state, media) ",
    );
    query.push_values(digests, |mut row, digest| {
        row.push_bind(digest.id.0)
            .push_bind(digest.account_id.0)
            .push_bind(digest.site_id.map(|id| id.0))
            .push_bind(severity_rank(digest.worst))
            .push_bind(digest.opened_at.0)
            .push_bind(digest.due_at.0)
            .push_bind(digest.closed_at.map(|at| at.0))
            .push_bind(digest.state.clone())
            .push_bind(digest.media.clone());
    });
    query.push(
        " ON CONFLICT (id) DO UPDATE SET worst = excluded.worst, due_at = excluded.due_at, \
         closed_at = excluded.closed_at, state = excluded.state, media = excluded.media",
    );
    query.build().execute(connection).await?;
    Ok(())
}

async fn put_notices(
    connection: &mut SqliteConnection,
    notices: &[NewNotice],
    now: UnixMs,
) -> Result<(), StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT OR IGNORE INTO notice (at, account_id, alarm_id, about, round, route_id, ladder_id, step, why, digest_id) ",
    );
    query.push_values(notices, |mut row, notice| {
        row.push_bind(now.0)
            .push_bind(notice.account.0)
            .push_bind(notice.alarm.map(|id| id.0))
            .push_bind(notice.about.clone())
            .push_bind(notice.round)
            .push_bind(notice.route.map(|id| id.0))
            .push_bind(notice.ladder.map(|id| id.0))
            .push_bind(notice.step)
            .push_bind(notice.why.clone())
            .push_bind(notice.digest.map(|id| id.0));
    });
    query.build().execute(connection).await?;
    Ok(())
}
