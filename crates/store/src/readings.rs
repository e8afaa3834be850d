//! The readings themselves, as they were filed: for checking what is stored, and for judging it once more
//! (invariant 2).

use domain::access::Scope;
use domain::id::DetectorId;
use domain::reading::Filing;
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite};

use crate::error::StoreError;
use crate::intake::{SHARED_MS, StoredReading};
use crate::open::Store;
use crate::payload;

/// Moments per query; a query takes 32,766 parameters at most.
const MOMENTS_AT_ONCE: usize = 1000;

/// A row: group, filed, device's clock, server's clock, filing, payload.
type Row = (i64, i64, Option<i64>, i64, i64, Vec<u8>);

/// The readings.
#[derive(Debug, Clone, Copy)]
pub struct Readings<'s>(&'s Store);

impl Store {
    /// The readings.
    #[must_use]
    pub const fn readings(&self) -> Readings<'_> {
        Readings(self)
    }

    /// The readings that are stored for these moments (detector, group, device's clock) or, where several share one,
    /// right behind it: the pipeline's own work.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a stored reading cannot be read.
    pub async fn readings_at(
        &self,
        moments: &[(DetectorId, u8, UnixMs)],
    ) -> Result<Vec<StoredReading>, StoreError> {
        let mut found = Vec::new();
        for some in moments.chunks(MOMENTS_AT_ONCE) {
            let mut query = QueryBuilder::<Sqlite>::new(
                "SELECT r.detector_id, r.grp, r.filed_at, r.device_at, r.received_at, r.filing, r.payload FROM (",
            );
            query.push_values(some, |mut row, (detector, group, at)| {
                row.push_bind(detector.0).push_bind(i64::from(*group)).push_bind(at.0);
            });
            query.push(
                ") w JOIN reading r ON r.detector_id = w.column1 AND r.grp = w.column2 \
                 AND r.filed_at >= w.column3 AND r.filed_at < w.column3 + ",
            );
            query.push_bind(SHARED_MS).push(" AND r.device_at = w.column3");
            let rows: Vec<RawReading> = query.build_query_as().fetch_all(self.reader()).await?;
            for (detector, group, filed_at, device_at, received_at, filing, bytes) in rows {
                let row = (group, filed_at, device_at, received_at, filing, bytes);
                found.push(read(DetectorId(detector), row)?);
            }
        }
        Ok(found)
    }
}

/// Detector, group, filed, device time, received, filing, payload.
type RawReading = (i64, i64, i64, Option<i64>, i64, i64, Vec<u8>);

impl Readings<'_> {
    /// At most `most` readings of one detector that count for `since` or later, the newest of each group; in the order in
    /// which they were received. Says also whether older ones were left out.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the detector is not in `scope`; [`StoreError::Corrupt`] when a stored reading
    /// cannot be read.
    pub async fn since(
        &self,
        scope: &Scope,
        detector: DetectorId,
        since: UnixMs,
        most: u32,
    ) -> Result<(Vec<StoredReading>, bool), StoreError> {
        self.0.detectors().get(scope, detector).await?;
        let groups: Vec<i64> = sqlx::query_scalar("SELECT grp FROM reading_group WHERE detector_id = $1")
            .bind(detector.0)
            .fetch_all(self.0.reader())
            .await?;
        let each = most / u32::try_from(groups.len().max(1)).unwrap_or(u32::MAX);
        let (mut found, mut is_cut) = (Vec::new(), false);
        for group in groups {
            let rows: Vec<Row> = sqlx::query_as(
                "SELECT grp, filed_at, device_at, received_at, filing, payload FROM reading \
                 WHERE detector_id = $1 AND grp = $2 AND filed_at >= $3 ORDER BY filed_at DESC LIMIT $4",
            )
            .bind(detector.0)
            .bind(group)
            .bind(since.0)
            .bind(i64::from(each) + 1)
            .fetch_all(self.0.reader())
            .await?;
            let wanted = usize::try_from(each).unwrap_or(usize::MAX);
            is_cut |= rows.len() > wanted;
            for row in rows.into_iter().take(wanted) {
                found.push(read(detector, row)?);
            }
        }
        found.sort_by_key(|reading| (reading.received_at, reading.filed_at, reading.group));
        Ok((found, is_cut))
    }

    /// At most `most` readings of one detector, by group and then by the time they count for, from the one after
    /// `after` on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the detector is not in `scope`; [`StoreError::Corrupt`] when a stored reading
    /// cannot be read.
    pub async fn of_detector(
        &self,
        scope: &Scope,
        detector: DetectorId,
        after: Option<(u8, UnixMs)>,
        most: u32,
    ) -> Result<Vec<StoredReading>, StoreError> {
        self.0.detectors().get(scope, detector).await?;
        let (group, filed_at) = after.map_or((-1, i64::MIN), |(group, at)| (i64::from(group), at.0));
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT grp, filed_at, device_at, received_at, filing, payload FROM reading \
             WHERE detector_id = $1 AND (grp, filed_at) > ($2, $3) ORDER BY grp, filed_at LIMIT $4",
        )
        .bind(detector.0)
        .bind(group)
        .bind(filed_at)
        .bind(i64::from(most))
        .fetch_all(self.0.reader())
        .await?;
        rows.into_iter().map(|row| read(detector, row)).collect()
    }
}

fn read(detector: DetectorId, row: Row) -> Result<StoredReading, StoreError> {
    let (group, filed_at, device_at, received_at, filing, bytes) = row;
    let damaged = |what: String| StoreError::corrupt(format!("reading of detector {detector}: {what}"));
    let (samples, reported) = payload::decode(&bytes).map_err(|error| damaged(error.to_string()))?;
    let all = [Filing::Current, Filing::Late, Filing::Repeated, Filing::ClockWrong];
    let known = all.into_iter().find(|known| i64::from(known.stored()) == filing);
    Ok(StoredReading {
        detector,
        group: u8::try_from(group).map_err(|_| damaged(format!("group {group}")))?,
        filed_at: UnixMs(filed_at),
        device_at: device_at.map(UnixMs),
        received_at: UnixMs(received_at),
        filing: known.ok_or_else(|| damaged(format!("filing {filing}")))?,
        samples,
        reported,
    })
}
