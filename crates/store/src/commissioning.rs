//! Commissioning records and wiring checks of detectors.

use domain::access::Scope;
use domain::id::DetectorId;
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite};

use crate::actor::Actor;
use crate::circuits::{object, record};
use crate::detectors;
use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Order, Page, Paged, PagedQuery};
use crate::scoped::push_scope;
use crate::sites;

rows! {
    /// How a detector was taken into service.
    pub struct CommissioningRow {
        /// Its id.
        pub id: i64,
        /// Which detector.
        pub detector_id: DetectorId,
        /// When, server's clock.
        pub at: UnixMs,
        /// Who.
        pub actor_name: String,
        /// `passed` or `remarks`.
        pub result: String,
        /// What is to be said about it.
        pub remarks: String,
        /// The values, the self-test and the pictures, JSON with its version.
        pub facts: String,
        /// How long it took, s.
        pub duration_s: Option<i64>,
    }

    /// What a day of values told about the wiring.
    pub struct WiringCheckRow {
        /// Its id.
        pub id: i64,
        /// Which detector.
        pub detector_id: DetectorId,
        /// When it was made, server's clock.
        pub at: UnixMs,
        /// Values from here on.
        pub from_at: UnixMs,
        /// Values before this.
        pub until_at: UnixMs,
        /// Whether the platform made it by itself.
        pub automatic: bool,
        /// Who asked for it; empty for the platform.
        pub asked_by: String,
        /// How many mistakes were found.
        pub findings: i64,
        /// Every check with its outcome, JSON with its version.
        pub report: String,
    }

    /// A detector that was taken into service, and how far it has come.
    pub struct CommissionedRow {
        /// Its record.
        pub commissioning_id: i64,
        /// Which detector.
        pub detector_id: DetectorId,
        /// Its name.
        pub detector_name: String,
        /// Its site's id.
        pub site_id: domain::id::SiteId,
        /// Its site's name.
        pub site_name: String,
        /// Its circuit's name.
        pub circuit_name: Option<String>,
        /// When it was taken into service.
        pub at: UnixMs,
        /// Who did it.
        pub actor_name: String,
        /// When its wiring was checked last, after that.
        pub checked_at: Option<UnixMs>,
        /// How many mistakes were found then.
        pub findings: Option<i64>,
    }
}

/// A record to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommissioningDraft {
    /// `passed` or `remarks`.
    pub result: &'static str,
    /// What is to be said about it.
    pub remarks: String,
    /// The values, the self-test and the pictures, JSON with its version.
    pub facts: String,
    /// How long it took, s.
    pub duration_s: Option<u32>,
}

/// A wiring check to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WiringCheckDraft {
    /// Values from here on.
    pub from: UnixMs,
    /// Values before this.
    pub until: UnixMs,
    /// How many mistakes were found.
    pub findings: usize,
    /// Every check with its outcome, JSON with its version.
    pub report: String,
}

const RECORD: &str = "c.id, c.detector_id, c.at, c.actor_name, c.result, c.remarks, c.facts, c.duration_s";
const CHECK: &str =
    "w.id, w.detector_id, w.at, w.from_at, w.until_at, w.automatic, w.asked_by, w.findings, w.report";
/// The newest record of each detector, with the newest check after it.
const COMMISSIONED: &str = "FROM commissioning c JOIN detector d ON d.id = c.detector_id AND d.deleted_at IS NULL \
     JOIN site s ON s.id = d.site_id JOIN organisation o ON o.id = s.organisation_id \
     LEFT JOIN circuit k ON k.id = d.circuit_id \
     LEFT JOIN wiring_check w ON w.id = (SELECT max(x.id) FROM wiring_check x \
         WHERE x.detector_id = c.detector_id AND x.at >= c.at)";
const COMMISSIONED_COLUMNS: &str = "c.id AS commissioning_id, c.detector_id, d.name AS detector_name, \
     d.site_id, s.name AS site_name, k.name AS circuit_name, c.at, c.actor_name, w.at AS checked_at, w.findings";

/// Commissioning records and wiring checks.
#[derive(Debug, Clone, Copy)]
pub struct Commissioning<'s>(&'s Store);

impl Store {
    /// Commissioning records and wiring checks.
    #[must_use]
    pub const fn commissioning(&self) -> Commissioning<'_> {
        Commissioning(self)
    }
}

impl Commissioning<'_> {
    /// Keeps a record.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the detector is not in `scope`.
    pub async fn keep(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        detector: DetectorId,
        draft: &CommissioningDraft,
    ) -> Result<CommissioningRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let row = detectors::load(&mut tx, scope, detector).await?;
        let site = sites::load(&mut tx, scope, row.site_id).await?;
        let kept: CommissioningRow = sqlx::query_as(
            "INSERT INTO commissioning (detector_id, at, actor_kind, actor_id, actor_name, result, remarks, facts, \
             duration_s) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             RETURNING id, detector_id, at, actor_name, result, remarks, facts, duration_s",
        )
        .bind(detector.0)
        .bind(now.0)
        .bind(actor.kind.code())
        .bind(actor.kind.id())
        .bind(&actor.name)
        .bind(draft.result)
        .bind(&draft.remarks)
        .bind(&draft.facts)
        .bind(draft.duration_s.map(i64::from))
        .fetch_one(&mut *tx)
        .await?;
        let about = object("detector", detector.0, &row.name, &site);
        record(&mut tx, actor, now, "detector.commission", about, None, Some(&kept)).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// The records of a detector, newest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the detector is not in `scope`; [`StoreError::Invalid`] for a cursor of another
    /// list.
    pub async fn records(
        &self,
        scope: &Scope,
        detector: DetectorId,
        page: &Page,
    ) -> Result<Paged<CommissioningRow>, StoreError> {
        self.0.detectors().get(scope, detector).await?;
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            query.push(" AND c.detector_id = ").push_bind(detector.0);
        };
        let order = Order { name: "commissioning", keys: &["c.id"], descending: true };
        PagedQuery { columns: RECORD, from: "FROM commissioning c", order, filter: &apply }
            .fetch(self.0.reader(), page)
            .await
    }

    /// The detectors in `scope` that were taken into service, newest first; with `unchecked` only those whose wiring
    /// nobody has checked since.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a cursor of another list.
    pub async fn commissioned(
        &self,
        scope: &Scope,
        unchecked: bool,
        page: &Page,
    ) -> Result<Paged<CommissionedRow>, StoreError> {
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            query.push(
                " AND c.id = (SELECT max(y.id) FROM commissioning y WHERE y.detector_id = c.detector_id)",
            );
            push_scope(query, scope, "o.path", "s.area_code");
            if unchecked {
                query.push(" AND w.id IS NULL");
            }
        };
        let order = Order { name: "commissioned", keys: &["c.id"], descending: true };
        PagedQuery { columns: COMMISSIONED_COLUMNS, from: COMMISSIONED, order, filter: &apply }
            .fetch(self.0.reader(), page)
            .await
    }

    /// At most `limit` detectors taken into service before `before` whose wiring nobody has checked since: the
    /// platform's own work.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn due(&self, before: UnixMs, limit: u32) -> Result<Vec<DetectorId>, StoreError> {
        let ids: Vec<i64> = sqlx::query_scalar(
            "SELECT c.detector_id FROM commissioning c JOIN detector d ON d.id = c.detector_id \
             WHERE d.deleted_at IS NULL AND c.at <= $1 \
             AND c.id = (SELECT max(y.id) FROM commissioning y WHERE y.detector_id = c.detector_id) \
             AND NOT EXISTS (SELECT 1 FROM wiring_check x WHERE x.detector_id = c.detector_id AND x.at >= c.at) \
             ORDER BY c.at LIMIT $2",
        )
        .bind(before.0)
        .bind(i64::from(limit))
        .fetch_all(self.0.reader())
        .await?;
        Ok(ids.into_iter().map(DetectorId).collect())
    }

    /// Keeps a wiring check. The platform's own has no actor.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the detector is not in `scope`.
    pub async fn keep_check(
        &self,
        scope: &Scope,
        actor: Option<&Actor>,
        now: UnixMs,
        detector: DetectorId,
        draft: &WiringCheckDraft,
    ) -> Result<WiringCheckRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let row = detectors::load(&mut tx, scope, detector).await?;
        let site = sites::load(&mut tx, scope, row.site_id).await?;
        let kept: WiringCheckRow = sqlx::query_as(
            "INSERT INTO wiring_check (detector_id, at, from_at, until_at, automatic, asked_by, findings, report) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             RETURNING id, detector_id, at, from_at, until_at, automatic, asked_by, findings, report",
        )
        .bind(detector.0)
        .bind(now.0)
        .bind(draft.from.0)
        .bind(draft.until.0)
        .bind(actor.is_none())
        .bind(actor.map_or("", |actor| &actor.name))
        .bind(i64::try_from(draft.findings).unwrap_or(i64::MAX))
        .bind(&draft.report)
        .fetch_one(&mut *tx)
        .await?;
        if let Some(actor) = actor {
            let about = object("detector", detector.0, &row.name, &site);
            record(&mut tx, actor, now, "detector.check_wiring", about, None, Some(&kept)).await?;
        }
        tx.commit().await?;
        Ok(kept)
    }

    /// The wiring checks of a detector, newest first.
    ///
    /// # Errors
    /// As [`records`](Self::records).
    pub async fn checks(
        &self,
        scope: &Scope,
        detector: DetectorId,
        page: &Page,
    ) -> Result<Paged<WiringCheckRow>, StoreError> {
        self.0.detectors().get(scope, detector).await?;
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            query.push(" AND w.detector_id = ").push_bind(detector.0);
        };
        let order = Order { name: "wiring_checks", keys: &["w.id"], descending: true };
        PagedQuery { columns: CHECK, from: "FROM wiring_check w", order, filter: &apply }
            .fetch(self.0.reader(), page)
            .await
    }
}
