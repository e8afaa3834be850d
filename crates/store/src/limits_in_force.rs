//! What a detector's values are held against, kept from the moment on that it was in force: one row where nothing ever
//! changes. The engine says it whenever settings or placements change; whoever rolls up asks for it.

use domain::id::DetectorId;
use domain::in_force::InForce;
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::error::StoreError;
use crate::history::InForceThen;
use crate::intake::Bulk;
use crate::open::Store;
use crate::scoped::push_any;

/// Detectors per look and per transaction.
const AT_ONCE: usize = 512;

static RECORDS: Bulk = Bulk::new(
    "INSERT INTO limits_in_force (detector_id, since, body)",
    3,
    " ON CONFLICT (detector_id, since) DO UPDATE SET body = excluded.body",
);

impl Store {
    /// Records what is in force from `now` on, where it is not what was in force before; how many that were.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors; what was recorded before stays recorded.
    pub async fn record_limits(
        &self,
        now: UnixMs,
        in_force: &[(DetectorId, InForce)],
    ) -> Result<u64, StoreError> {
        let mut changed = 0;
        for some in in_force.chunks(AT_ONCE) {
            let mut query = QueryBuilder::<Sqlite>::new(
                "SELECT detector_id, body, max(since) FROM limits_in_force WHERE 1 = 1",
            );
            push_any(&mut query, "detector_id", some.iter().map(|(detector, _)| detector.0));
            let known: Vec<(i64, String, i64)> =
                query.push(" GROUP BY detector_id").build_query_as().fetch_all(self.reader()).await?;
            let mut new = Vec::new();
            for (detector, one) in some {
                let body = serde_json::to_string(one).map_err(|error| {
                    StoreError::corrupt(format!("limits of detector {detector}: {error}"))
                })?;
                if known.iter().all(|(had, stored, _)| *had != detector.0 || *stored != body) {
                    new.push((detector.0, body));
                }
            }
            if new.is_empty() {
                continue;
            }
            let mut tx = self.begin().await?;
            changed += RECORDS
                .run(&mut tx, &new, |query, (detector, body)| {
                    query.bind(*detector).bind(now.0).bind(body.as_str())
                })
                .await?;
            tx.commit().await?;
        }
        Ok(changed)
    }
}

/// Everything that was ever in force for a detector, oldest first.
pub(crate) async fn of(connection: &mut SqliteConnection, detector: i64) -> Result<InForceThen, StoreError> {
    let rows: Vec<(i64, String)> =
        sqlx::query_as("SELECT since, body FROM limits_in_force WHERE detector_id = $1 ORDER BY since")
            .bind(detector)
            .fetch_all(connection)
            .await?;
    let read = |(since, body): (i64, String)| {
        let in_force = serde_json::from_str(&body)
            .map_err(|error| StoreError::corrupt(format!("limits of detector {detector}: {error}")))?;
        Ok((since, in_force))
    };
    Ok(InForceThen(rows.into_iter().map(read).collect::<Result<_, StoreError>>()?))
}
