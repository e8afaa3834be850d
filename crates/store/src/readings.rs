//! The readings themselves, as they were filed: for checking what is stored, and for judging it once more
//! (invariant 2). In the tail or sealed makes no difference.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::access::Scope;
use domain::id::DetectorId;
use domain::reading::{PointIndex, Quality};
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite};

use crate::error::StoreError;
use crate::history::{DAY_MS, TailRow, day_of, read_row, span};
use crate::intake::{SHARED_MS, StoredReading};
use crate::open::Store;

/// Moments per query; a query takes 32,766 parameters at most.
const MOMENTS_AT_ONCE: usize = 1000;

/// How much sealed history is unpacked at once, ms.
const WINDOW_MS: i64 = 7 * DAY_MS;

/// The readings.
#[derive(Debug, Clone, Copy)]
pub struct Readings<'s>(&'s Store);

/// A time in which a point had no good value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The first value that was not good.
    pub from: UnixMs,
    /// The next good value, or the last that is known.
    pub to: UnixMs,
    /// What was wrong.
    pub quality: Quality,
}

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
        let sealed_to = self.sealed_to();
        let (sealed, open): (Vec<_>, Vec<_>) = moments.iter().partition(|(_, _, at)| at.0 < sealed_to);
        let mut found = Vec::new();
        for some in open.chunks(MOMENTS_AT_ONCE) {
            let mut query = QueryBuilder::<Sqlite>::new(
                "SELECT r.detector_id, r.seq, r.grp, r.filed_at, r.device_at, r.received_at, r.filing, r.payload FROM (",
            );
            query.push_values(some, |mut row, (detector, group, at)| {
                row.push_bind(detector.0).push_bind(i64::from(*group)).push_bind(at.0);
            });
            query.push(
                ") w JOIN reading r ON r.detector_id = w.column1 AND r.grp = w.column2 \
                 AND r.filed_at >= w.column3 AND r.filed_at < w.column3 + ",
            );
            query.push_bind(SHARED_MS).push(" AND r.device_at = w.column3");
            let rows: Vec<DetectorRow> = query.build_query_as().fetch_all(self.reader()).await?;
            for (detector, seq, group, filed_at, device_at, received_at, filing, bytes) in rows {
                let row = (seq, group, filed_at, device_at, received_at, filing, bytes);
                found.push(read_row(detector, &row)?);
            }
        }
        self.sealed_at(&sealed, &mut found).await?;
        Ok(found)
    }

    /// The same for moments of which the readings may be sealed: each day of a detector is unpacked once.
    async fn sealed_at(
        &self,
        moments: &[(DetectorId, u8, UnixMs)],
        found: &mut Vec<StoredReading>,
    ) -> Result<(), StoreError> {
        let mut by_day: BTreeMap<(i64, i64), HashSet<(u8, UnixMs)>> = BTreeMap::new();
        for (detector, group, at) in moments {
            by_day.entry((detector.0, day_of(at.0))).or_default().insert((*group, *at));
        }
        for ((detector, _), wanted) in by_day {
            let from = wanted.iter().map(|(_, at)| at.0).min().unwrap_or(0);
            let to = wanted.iter().map(|(_, at)| at.0).max().unwrap_or(0).saturating_add(SHARED_MS);
            let mut connection = self.reader().acquire().await?;
            let stored = span(self, &mut connection, detector, from, to).await?.readings(None)?;
            found.extend(stored.into_iter().filter(|one| {
                one.device_at.is_some_and(|at| {
                    wanted.contains(&(one.group, at)) && (0..SHARED_MS).contains(&one.filed_at.since_ms(at))
                })
            }));
        }
        Ok(())
    }
}

/// Detector, then as [`TailRow`].
type DetectorRow = (i64, i64, i64, i64, Option<i64>, i64, i64, Vec<u8>);

impl Readings<'_> {
    /// At most `most` readings of one detector that count for `since` or later, the newest of each group; in the order in
    /// which they were received; with the values of some points only, or of all. Says also whether older ones were left
    /// out.
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
        points: Option<&[PointIndex]>,
    ) -> Result<(Vec<StoredReading>, bool), StoreError> {
        self.0.detectors().get(scope, detector).await?;
        let groups = self.groups(detector).await?;
        let each = usize::try_from(most).unwrap_or(usize::MAX) / groups.len().max(1);
        let mut kept: HashMap<u8, Vec<StoredReading>> = HashMap::new();
        let mut is_cut = false;
        // What is newest first, a window at a time, until every group has enough.
        let mut to = i64::MAX;
        let mut from = since.0.max(self.0.sealed_to());
        loop {
            let mut connection = self.0.reader().acquire().await?;
            let some = span(self.0, &mut connection, detector.0, from, to).await?.readings(points)?;
            for one in some.into_iter().rev() {
                let of_group = kept.entry(one.group).or_default();
                if of_group.len() < each {
                    of_group.push(one);
                } else {
                    is_cut = true;
                }
            }
            let is_full = groups.iter().all(|group| kept.get(group).is_some_and(|had| had.len() >= each));
            if from <= since.0
                || (is_full && is_cut)
                || self.earliest(detector).await?.is_none_or(|at| from <= at)
            {
                break;
            }
            to = from;
            from = since.0.max(from.saturating_sub(WINDOW_MS));
        }
        let mut found: Vec<StoredReading> = kept.into_values().flatten().collect();
        found.sort_by_key(|reading| (reading.received_at, reading.filed_at, reading.group));
        Ok((found, is_cut))
    }

    /// All readings of one detector that count for `from` on and before `to`, in the order of that time. Nothing of the
    /// database is held when they are here.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the detector is not in `scope`; [`StoreError::Corrupt`] when a stored reading
    /// cannot be read.
    pub async fn within(
        &self,
        scope: &Scope,
        detector: DetectorId,
        from: UnixMs,
        to: UnixMs,
    ) -> Result<Vec<StoredReading>, StoreError> {
        self.0.detectors().get(scope, detector).await?;
        let mut connection = self.0.reader().acquire().await?;
        let mut found = span(self.0, &mut connection, detector.0, from.0, to.0).await?.readings(None)?;
        found.sort_by_key(|reading| (reading.filed_at, reading.group));
        Ok(found)
    }

    /// Where points of one detector had no good value from `from` on and before `to`: per point the times from and to, and
    /// what was wrong, by time.
    ///
    /// # Errors
    /// As [`within`](Self::within).
    pub async fn faults(
        &self,
        scope: &Scope,
        detector: DetectorId,
        points: &[PointIndex],
        from: UnixMs,
        to: UnixMs,
    ) -> Result<Vec<Vec<Fault>>, StoreError> {
        self.0.detectors().get(scope, detector).await?;
        let mut connection = self.0.reader().acquire().await?;
        let stored = span(self.0, &mut connection, detector.0, from.0, to.0).await?;
        drop(connection);
        let of = |point: &PointIndex| {
            let faults = stored.faults(point.0)?.into_iter();
            Ok(faults
                .map(|(from, to, quality)| Fault { from: UnixMs(from), to: UnixMs(to), quality })
                .collect())
        };
        points.iter().map(of).collect()
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
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let (first_group, first_at) =
            after.map_or((0, i64::MIN), |(group, at)| (group, at.0.saturating_add(1)));
        let Some(earliest) = self.earliest(detector).await? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for group in self.groups(detector).await?.into_iter().filter(|group| *group >= first_group) {
            let mut from = if group == first_group { first_at.max(earliest) } else { earliest };
            // Sealed days by windows, then what is in the tail alone.
            while found.len() < most && from < self.0.sealed_to() {
                let to = from.saturating_add(WINDOW_MS).min(self.0.sealed_to());
                let mut connection = self.0.reader().acquire().await?;
                let some = span(self.0, &mut connection, detector.0, from, to).await?.readings(None)?;
                let some = some.into_iter().filter(|one| one.group == group);
                found.extend(some.take(most - found.len()));
                from = to;
            }
            if found.len() >= most {
                break;
            }
            let rows: Vec<TailRow> = sqlx::query_as(
                "SELECT seq, grp, filed_at, device_at, received_at, filing, payload FROM reading \
                 WHERE detector_id = $1 AND grp = $2 AND filed_at >= $3 ORDER BY filed_at LIMIT $4",
            )
            .bind(detector.0)
            .bind(i64::from(group))
            .bind(from)
            .bind(i64::try_from(most - found.len()).unwrap_or(i64::MAX))
            .fetch_all(self.0.reader())
            .await?;
            for row in &rows {
                found.push(read_row(detector.0, row)?);
            }
        }
        Ok(found)
    }

    async fn groups(&self, detector: DetectorId) -> Result<Vec<u8>, StoreError> {
        let groups: Vec<i64> =
            sqlx::query_scalar("SELECT grp FROM reading_group WHERE detector_id = $1 ORDER BY grp")
                .bind(detector.0)
                .fetch_all(self.0.reader())
                .await?;
        Ok(groups.into_iter().filter_map(|group| u8::try_from(group).ok()).collect())
    }

    /// No reading of the detector counts for a moment before this, ms; `None` when it has none.
    async fn earliest(&self, detector: DetectorId) -> Result<Option<i64>, StoreError> {
        let in_tail: Option<i64> = sqlx::query_scalar(
            "SELECT min((SELECT r.filed_at FROM reading r WHERE r.detector_id = g.detector_id AND r.grp = g.grp \
             ORDER BY r.filed_at LIMIT 1)) FROM reading_group g WHERE g.detector_id = $1",
        )
        .bind(detector.0)
        .fetch_one(self.0.reader())
        .await?;
        let sealed = self.0.sealed_from();
        Ok(in_tail.map(|at| sealed.map_or(at, |sealed| sealed.min(at))))
    }
}
