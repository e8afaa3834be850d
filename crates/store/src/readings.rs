//! The readings themselves, as they were filed: for checking what is stored, and for judging it once more
//! (invariant 2).

use domain::access::Scope;
use domain::id::DetectorId;
use domain::reading::Filing;
use domain::time::UnixMs;

use crate::error::StoreError;
use crate::intake::StoredReading;
use crate::open::Store;
use crate::payload;

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
}

impl Readings<'_> {
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
