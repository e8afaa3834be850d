//! What weeks of history show about circuits: kept findings, how they came and went, and when each detector is looked at.

use domain::access::Scope;
use domain::diagnosis::{Kind, Strength};
use domain::id::{CircuitId, DetectorId, SiteId};
use domain::place::AreaCode;
use domain::quantity::Phase;
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::actor::Actor;
use crate::circuits::{object, record};
use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Order, Page, Paged, PagedQuery};
use crate::scoped::{push_any, push_area, push_contains, push_scope};
use crate::{detectors, sites};

rows! {
    /// A finding with the names of everything around it.
    pub struct FindingRow {
        /// Its id.
        pub id: i64,
        /// Its detector.
        pub detector_id: DetectorId,
        /// Its detector's name.
        pub detector_name: String,
        /// Its site.
        pub site_id: SiteId,
        /// Its site's name.
        pub site_name: String,
        /// Its site's area.
        pub area_code: AreaCode,
        /// Its circuit.
        pub circuit_id: Option<CircuitId>,
        /// Its circuit's name.
        pub circuit_name: Option<String>,
        /// The channel's code; empty for the circuit as a whole.
        pub channel: String,
        /// What.
        pub kind: Kind,
        /// On which conductor.
        pub phase: Option<Phase>,
        /// Whether somebody has to look at it.
        pub strength: Strength,
        /// How sure, 0 to 1.
        pub confidence: f64,
        /// The version of the rules that the newest look was made with.
        pub engine_version: i64,
        /// When a look first showed it.
        pub first_seen_at: UnixMs,
        /// Since when it is strong.
        pub strong_since: Option<UnixMs>,
        /// The newest look that showed it.
        pub last_seen_at: UnixMs,
        /// The finding with its figures and curves, JSON with its version.
        pub body: String,
        /// When looks no longer showed it.
        pub gone_at: Option<UnixMs>,
        /// When somebody said that it needs nothing.
        pub dismissed_at: Option<UnixMs>,
        /// Who.
        pub dismissed_by: Option<String>,
        /// Why.
        pub dismiss_reason: Option<String>,
        /// Rises with every change by people.
        pub version: i64,
    }

    /// How a finding came and went.
    pub struct FindingStepRow {
        /// Its id.
        pub id: i64,
        /// When.
        pub at: UnixMs,
        /// `found`, `stronger`, `weaker`, `gone`, `dismissed`, `restored` or `confirmed`.
        pub event: String,
        /// How sure then, 0 to 1.
        pub confidence: f64,
        /// Who; nobody for a look.
        pub actor_name: Option<String>,
        /// Why.
        pub reason: Option<String>,
    }
}

/// What one look showed.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingDraft {
    /// What.
    pub kind: Kind,
    /// The channel's code; empty for the circuit as a whole.
    pub channel: String,
    /// On which conductor.
    pub phase: Option<Phase>,
    /// Whether somebody has to look at it.
    pub strength: Strength,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// The finding with its figures and curves, JSON with its version.
    pub body: String,
}

/// A look at a detector.
#[derive(Debug, Clone, PartialEq)]
pub struct LookDraft {
    /// The history that was looked at ended here.
    pub until: UnixMs,
    /// When it is looked at again.
    pub next_at: UnixMs,
    /// What reading the history cost, µs.
    pub read_us: i64,
    /// What the analysis cost, µs.
    pub think_us: i64,
    /// The version of the rules.
    pub engine_version: u32,
    /// What it showed.
    pub findings: Vec<FindingDraft>,
}

/// Which findings. Lists that are empty let everything pass.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FindingFilter {
    /// Of these kinds.
    pub kinds: Vec<Kind>,
    /// Of this strength.
    pub strength: Option<Strength>,
    /// Those that stand (`true`) or are gone (`false`).
    pub standing: Option<bool>,
    /// Those that somebody dismissed, or the others.
    pub dismissed: Option<bool>,
    /// Of this detector.
    pub detector: Option<DetectorId>,
    /// Of this site.
    pub site: Option<SiteId>,
    /// In this area.
    pub area: Option<AreaCode>,
    /// Part of a name.
    pub text: Option<String>,
}

/// A finding that was not shown for this long is gone, ms: a day without data is no repair.
const GONE_AFTER_MS: i64 = 3 * 86_400_000;

const COLUMNS: &str = "f.id, f.detector_id, d.name AS detector_name, d.site_id, s.name AS site_name, s.area_code, \
     d.circuit_id, k.name AS circuit_name, f.channel, f.kind, f.phase, f.strength, f.confidence, f.engine_version, \
     f.first_seen_at, f.strong_since, f.last_seen_at, f.body, f.gone_at, f.dismissed_at, f.dismissed_by, \
     f.dismiss_reason, f.version";
const FROM: &str = "FROM finding f JOIN detector d ON d.id = f.detector_id AND d.deleted_at IS NULL \
     JOIN site s ON s.id = d.site_id JOIN organisation o ON o.id = s.organisation_id \
     LEFT JOIN circuit k ON k.id = d.circuit_id";

/// The stored number of a strength; rises with it.
pub(crate) const fn strength_rank(strength: Strength) -> i64 {
    match strength {
        Strength::Weak => 1,
        Strength::Strong => 2,
    }
}

/// Findings.
#[derive(Debug, Clone, Copy)]
pub struct Findings<'s>(&'s Store);

impl Store {
    /// Findings of the diagnosis.
    #[must_use]
    pub const fn findings(&self) -> Findings<'_> {
        Findings(self)
    }
}

impl Findings<'_> {
    /// At most `limit` detectors whose next look is due, those never looked at first: the platform's own work.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn due(&self, now: UnixMs, limit: u32) -> Result<Vec<DetectorId>, StoreError> {
        let ids: Vec<i64> = sqlx::query_scalar(
            "SELECT d.id FROM detector d LEFT JOIN diagnosis_look l ON l.detector_id = d.id \
             WHERE d.deleted_at IS NULL AND (l.next_at IS NULL OR l.next_at <= $1) ORDER BY l.next_at LIMIT $2",
        )
        .bind(now.0)
        .bind(i64::from(limit))
        .fetch_all(self.0.reader())
        .await?;
        Ok(ids.into_iter().map(DetectorId).collect())
    }

    /// Keeps what a look showed: new findings, those that are confirmed, and those that are gone. A look at an older
    /// history than the last one changes nothing. Answers the findings that became strong.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn keep_look(
        &self,
        detector: DetectorId,
        now: UnixMs,
        look: &LookDraft,
    ) -> Result<Vec<i64>, StoreError> {
        let mut tx = self.0.begin().await?;
        let last: Option<i64> =
            sqlx::query_scalar("SELECT until_at FROM diagnosis_look WHERE detector_id = $1")
                .bind(detector.0)
                .fetch_optional(&mut *tx)
                .await?;
        if last.is_some_and(|last| last > look.until.0) {
            return Ok(Vec::new());
        }
        sqlx::query(
            "INSERT INTO diagnosis_look (detector_id, until_at, looked_at, next_at, read_us, think_us) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (detector_id) DO UPDATE SET until_at = excluded.until_at, \
             looked_at = excluded.looked_at, next_at = excluded.next_at, read_us = excluded.read_us, \
             think_us = excluded.think_us",
        )
        .bind(detector.0)
        .bind(look.until.0)
        .bind(now.0)
        .bind(look.next_at.0)
        .bind(look.read_us)
        .bind(look.think_us)
        .execute(&mut *tx)
        .await?;
        let standing: Vec<(i64, String, String, i64, f64, i64)> = sqlx::query_as(
            "SELECT id, kind, channel, strength, confidence, last_seen_at FROM finding \
             WHERE detector_id = $1 AND gone_at IS NULL",
        )
        .bind(detector.0)
        .fetch_all(&mut *tx)
        .await?;
        let mut strong = Vec::new();
        for draft in &look.findings {
            let had = standing
                .iter()
                .find(|(_, kind, channel, ..)| *kind == draft.kind.code() && *channel == draft.channel);
            let id = keep(&mut tx, detector, look, draft, had.map(|row| (row.0, row.3))).await?;
            if draft.strength == Strength::Strong
                && had.is_none_or(|row| row.3 < strength_rank(Strength::Strong))
            {
                strong.push(id);
            }
        }
        for (id, kind, channel, _, confidence, seen) in standing {
            let shown =
                look.findings.iter().any(|draft| draft.kind.code() == kind && draft.channel == channel);
            if shown || look.until.0 - seen < GONE_AFTER_MS {
                continue;
            }
            sqlx::query("UPDATE finding SET gone_at = $1 WHERE id = $2")
                .bind(look.until.0)
                .bind(id)
                .execute(&mut *tx)
                .await?;
            step(&mut tx, id, look.until, "gone", confidence, None).await?;
        }
        tx.commit().await?;
        Ok(strong)
    }

    /// The findings in `scope`: strong ones first, then the newest.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a cursor of another list.
    pub async fn list(
        &self,
        scope: &Scope,
        filter: &FindingFilter,
        page: &Page,
    ) -> Result<Paged<FindingRow>, StoreError> {
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            push_scope(query, scope, "o.path", "s.area_code");
            push_any(query, "f.kind", filter.kinds.iter().map(|kind| kind.code()));
            if let Some(strength) = filter.strength {
                query.push(" AND f.strength = ").push_bind(strength_rank(strength));
            }
            match filter.standing {
                Some(true) => drop(query.push(" AND f.gone_at IS NULL")),
                Some(false) => drop(query.push(" AND f.gone_at IS NOT NULL")),
                None => {}
            }
            match filter.dismissed {
                Some(true) => drop(query.push(" AND f.dismissed_at IS NOT NULL")),
                Some(false) => drop(query.push(" AND f.dismissed_at IS NULL")),
                None => {}
            }
            if let Some(detector) = filter.detector {
                query.push(" AND f.detector_id = ").push_bind(detector.0);
            }
            if let Some(site) = filter.site {
                query.push(" AND d.site_id = ").push_bind(site.0);
            }
            if let Some(area) = &filter.area {
                push_area(query, area, "s.area_code");
            }
            if let Some(text) = &filter.text {
                push_contains(query, text, &["s.name", "d.name", "k.name"]);
            }
        };
        let order = Order { name: "findings", keys: &["f.strength", "f.id"], descending: true };
        PagedQuery { columns: COLUMNS, from: FROM, order, filter: &apply }.fetch(self.0.reader(), page).await
    }

    /// One finding.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not in `scope`.
    pub async fn get(&self, scope: &Scope, id: i64) -> Result<FindingRow, StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        load(&mut connection, scope, id).await
    }

    /// How a finding came and went, oldest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not in `scope`.
    pub async fn steps(&self, scope: &Scope, id: i64) -> Result<Vec<FindingStepRow>, StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        load(&mut connection, scope, id).await?;
        Ok(sqlx::query_as(
            "SELECT id, at, event, confidence, actor_name, reason FROM finding_step \
             WHERE finding_id = $1 ORDER BY id LIMIT 500",
        )
        .bind(id)
        .fetch_all(&mut *connection)
        .await?)
    }

    /// Somebody says that a finding needs nothing, with the reason; or, without one, that it does after all.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not in `scope`; [`StoreError::Invalid`] for a reason without words.
    pub async fn dismiss(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: i64,
        reason: Option<&str>,
    ) -> Result<FindingRow, StoreError> {
        let reason = reason.map(str::trim);
        if reason.is_some_and(str::is_empty) {
            return Err(StoreError::invalid(
                "reason",
                "required",
                "had no words, wanted why it needs nothing",
            ));
        }
        let mut tx = self.0.begin().await?;
        let before = load(&mut tx, scope, id).await?;
        sqlx::query(
            "UPDATE finding SET dismissed_at = $1, dismissed_by = $2, dismiss_reason = $3, version = version + 1 \
             WHERE id = $4",
        )
        .bind(reason.map(|_| now.0))
        .bind(reason.map(|_| actor.name.as_str()))
        .bind(reason)
        .bind(id)
        .execute(&mut *tx)
        .await?;
        let event = if reason.is_some() { "dismissed" } else { "restored" };
        step(&mut tx, id, now, event, before.confidence, Some((actor, reason))).await?;
        let after = load(&mut tx, scope, id).await?;
        let detector = detectors::load(&mut tx, scope, after.detector_id).await?;
        let site = sites::load(&mut tx, scope, detector.site_id).await?;
        let about = object("detector", detector.id.0, &detector.name, &site);
        let said = |row: &FindingRow| (row.id, row.kind, row.dismiss_reason.clone());
        let action = if reason.is_some() { "finding.dismiss" } else { "finding.restore" };
        record(&mut tx, actor, now, action, about, Some(&said(&before)), Some(&said(&after))).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Writes down that somebody has looked and it was true.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not in `scope`.
    pub async fn confirm(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: i64,
        note: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        let row = load(&mut tx, scope, id).await?;
        step(&mut tx, id, now, "confirmed", row.confidence, Some((actor, Some(note)))).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn load(connection: &mut SqliteConnection, scope: &Scope, id: i64) -> Result<FindingRow, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} {FROM} WHERE f.id = "));
    query.push_bind(id);
    push_scope(&mut query, scope, "o.path", "s.area_code");
    let row = query.build_query_as().fetch_optional(connection).await?;
    row.ok_or(StoreError::NotFound { what: "finding" })
}

/// Writes one finding of a look; `had` is the id and the strength with which it stands.
async fn keep(
    connection: &mut SqliteConnection,
    detector: DetectorId,
    look: &LookDraft,
    draft: &FindingDraft,
    had: Option<(i64, i64)>,
) -> Result<i64, StoreError> {
    let rank = strength_rank(draft.strength);
    let strong = (draft.strength == Strength::Strong).then_some(look.until.0);
    let id = match had {
        Some((id, _)) => {
            sqlx::query(
                "UPDATE finding SET strength = $1, confidence = $2, engine_version = $3, phase = $4, \
                 strong_since = CASE WHEN $5 IS NULL THEN NULL ELSE COALESCE(strong_since, $5) END, \
                 last_seen_at = $6, body = $7 WHERE id = $8",
            )
            .bind(rank)
            .bind(draft.confidence)
            .bind(i64::from(look.engine_version))
            .bind(draft.phase.map(Phase::code))
            .bind(strong)
            .bind(look.until.0)
            .bind(&draft.body)
            .bind(id)
            .execute(&mut *connection)
            .await?;
            id
        }
        None => sqlx::query_scalar(
            "INSERT INTO finding (detector_id, channel, kind, phase, strength, confidence, engine_version, \
                 first_seen_at, strong_since, last_seen_at, body) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8, $10) RETURNING id",
        )
        .bind(detector.0)
        .bind(&draft.channel)
        .bind(draft.kind.code())
        .bind(draft.phase.map(Phase::code))
        .bind(rank)
        .bind(draft.confidence)
        .bind(i64::from(look.engine_version))
        .bind(look.until.0)
        .bind(strong)
        .bind(&draft.body)
        .fetch_one(&mut *connection)
        .await?,
    };
    let event = match had {
        None => Some("found"),
        Some((_, was)) if was < rank => Some("stronger"),
        Some((_, was)) if was > rank => Some("weaker"),
        Some(_) => None,
    };
    if let Some(event) = event {
        step(connection, id, look.until, event, draft.confidence, None).await?;
    }
    Ok(id)
}

async fn step(
    connection: &mut SqliteConnection,
    finding: i64,
    at: UnixMs,
    event: &'static str,
    confidence: f64,
    who: Option<(&Actor, Option<&str>)>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO finding_step (finding_id, at, event, confidence, actor_name, reason) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(finding)
    .bind(at.0)
    .bind(event)
    .bind(confidence)
    .bind(who.map(|(actor, _)| actor.name.as_str()))
    .bind(who.and_then(|(_, reason)| reason))
    .execute(connection)
    .await?;
    Ok(())
}
