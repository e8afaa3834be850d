//! Everything that the pipeline must know again when it starts, and after people changed settings or places.

use std::collections::HashMap;

use domain::id::{CircuitId, DetectorId, OrganisationId, SiteId, TerminalId};
use domain::place::{AreaCode, ChannelEntry, OrganisationPath, Placement};
use domain::reading::{Reported, Sample};
use domain::status::Status;
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite};

use crate::error::StoreError;
use crate::intake::AlarmRecord;
use crate::open::Store;
use crate::payload;
use crate::scoped::push_any;

/// Detectors per query; a query takes 32,766 parameters at most.
const SOURCES_AT_ONCE: usize = 1000;

/// What a detector is and where it stands, before settings are resolved for it.
#[derive(Debug, Clone, PartialEq)]
pub struct BindingSource {
    /// Where it stands.
    pub placement: Placement,
    /// Its profile's id.
    pub profile_id: String,
    /// Its unit address behind a DTU.
    pub unit_address: Option<u8>,
    /// Its name.
    pub name: String,
    /// The site's name.
    pub site_name: String,
    /// The site's time zone, `Asia/Shanghai`.
    pub zone: String,
    /// Its channels, in the profile's order; the one of the device first.
    pub channels: Vec<ChannelEntry>,
    /// The status that was stored last.
    pub status: Status,
    /// When it was admitted.
    pub created_at: UnixMs,
}

/// The newest reading of one group of one detector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatestReading {
    /// Who.
    pub detector: DetectorId,
    /// Which group.
    pub group: u8,
    /// The time it counts for.
    pub filed_at: UnixMs,
    /// The server's clock.
    pub received_at: UnixMs,
    /// The values.
    pub samples: Vec<Sample>,
    /// What the status words said.
    pub reported: Vec<Reported>,
}

/// Everything that the pipeline needs at start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Restart {
    /// Every detector.
    pub detectors: Vec<BindingSource>,
    /// The stored evaluation states.
    pub states: Vec<(DetectorId, Vec<u8>)>,
    /// The newest reading of each detector and group.
    pub latest: Vec<LatestReading>,
    /// When each detector was last heard.
    pub heard: Vec<(DetectorId, UnixMs)>,
    /// Every open alarm.
    pub open_alarms: Vec<AlarmRecord>,
    /// The greatest alarm id so far; 0 when there was none.
    pub last_alarm_id: i64,
    /// The version of settings and places that this was read at.
    pub settings_version: i64,
}

rows! {
    /// A detector's row with its place.
    pub struct PlacedDetector {
        /// The detector.
        pub id: DetectorId,
        /// Its terminal.
        pub terminal_id: TerminalId,
        /// Its profile.
        pub profile_id: String,
        /// Its unit address.
        pub unit_address: Option<u8>,
        /// Its name.
        pub name: String,
        /// Its site.
        pub site_id: SiteId,
        /// Its site's name.
        pub site_name: String,
        /// Its site's time zone.
        pub zone: String,
        /// Its circuit.
        pub circuit_id: Option<CircuitId>,
        /// Rated current of the circuit, A.
        pub rated_current_a: Option<f64>,
        /// The site's organisation.
        pub organisation_id: OrganisationId,
        /// The same as a path.
        pub organisation_path: OrganisationPath,
        /// The site's area.
        pub area_code: AreaCode,
        /// Its stored status.
        pub status: Status,
        /// When it was admitted.
        pub created_at: UnixMs,
    }

    /// A channel with its detector.
    pub struct DetectorChannel {
        /// The channel.
        pub id: domain::id::ChannelId,
        /// Its detector.
        pub detector_id: DetectorId,
        /// Its point.
        pub point: Option<domain::reading::PointIndex>,
        /// What it measures.
        pub quantity: domain::quantity::Quantity,
        /// On which conductor.
        pub phase: Option<domain::quantity::Phase>,
        /// The scale of its integers.
        pub decimals: domain::quantity::Decimals,
    }
}

impl Store {
    /// Everything that the pipeline needs at start, read at one moment.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a stored reading cannot be read.
    pub async fn restart(&self) -> Result<Restart, StoreError> {
        let settings_version = self.settings_version();
        let detectors = self.binding_sources(None).await?;
        let mut reading = self.reader().begin().await?;
        let states: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT detector_id, state FROM detector_state").fetch_all(&mut *reading).await?;
        // One seek per detector and group, whatever the length of the history.
        let rows: Vec<(i64, i64, i64, i64, Vec<u8>)> = sqlx::query_as(
            "SELECT r.detector_id, r.grp, r.filed_at, r.received_at, r.payload \
             FROM reading_group g JOIN reading r ON r.seq = (SELECT l.seq FROM reading l \
             WHERE l.detector_id = g.detector_id AND l.grp = g.grp ORDER BY l.filed_at DESC LIMIT 1)",
        )
        .fetch_all(&mut *reading)
        .await?;
        let mut latest = Vec::with_capacity(rows.len());
        let mut heard: HashMap<DetectorId, UnixMs> = HashMap::new();
        for (detector, group, filed_at, received_at, bytes) in rows {
            let (samples, reported) = payload::decode(&bytes)
                .map_err(|error| StoreError::corrupt(format!("reading of detector {detector}: {error}")))?;
            let detector = DetectorId(detector);
            let received_at = UnixMs(received_at);
            heard.entry(detector).and_modify(|at| *at = received_at.max(*at)).or_insert(received_at);
            latest.push(LatestReading {
                detector,
                group: u8::try_from(group)
                    .map_err(|_| StoreError::corrupt(format!("reading group {group}")))?,
                filed_at: UnixMs(filed_at),
                received_at,
                samples,
                reported,
            });
        }
        let signs: Vec<(i64, i64)> =
            sqlx::query_as("SELECT detector_id, at FROM heard").fetch_all(&mut *reading).await?;
        for (detector, at) in signs {
            heard
                .entry(DetectorId(detector))
                .and_modify(|had| *had = UnixMs(at).max(*had))
                .or_insert(UnixMs(at));
        }
        let open_alarms: Vec<AlarmRecord> =
            sqlx::query_as("SELECT * FROM alarm WHERE state <> 'closed' ORDER BY id")
                .fetch_all(&mut *reading)
                .await?;
        let last_alarm_id: Option<i64> = sqlx::query_scalar("SELECT id FROM alarm ORDER BY id DESC LIMIT 1")
            .fetch_optional(&mut *reading)
            .await?;
        let mut heard: Vec<_> = heard.into_iter().collect();
        heard.sort_unstable();
        Ok(Restart {
            detectors,
            states: states.into_iter().map(|(id, state)| (DetectorId(id), state)).collect(),
            latest,
            heard,
            open_alarms,
            last_alarm_id: last_alarm_id.unwrap_or(0),
            settings_version,
        })
    }

    /// What detectors are and where they stand: these, or all of them.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn binding_sources(
        &self,
        only: Option<&[DetectorId]>,
    ) -> Result<Vec<BindingSource>, StoreError> {
        let Some(only) = only else { return self.some_binding_sources(None).await };
        let mut sources = Vec::with_capacity(only.len());
        for some in only.chunks(SOURCES_AT_ONCE) {
            sources.append(&mut self.some_binding_sources(Some(some)).await?);
        }
        Ok(sources)
    }

    async fn some_binding_sources(
        &self,
        only: Option<&[DetectorId]>,
    ) -> Result<Vec<BindingSource>, StoreError> {
        let mut reading = self.reader().begin().await?;
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT d.id, d.terminal_id, d.profile_id, d.unit_address, d.name, d.site_id, s.name AS site_name, s.zone, \
             d.circuit_id, c.rated_current_a, s.organisation_id, o.path AS organisation_path, s.area_code, d.status, \
             d.created_at FROM detector d JOIN site s ON s.id = d.site_id \
             JOIN organisation o ON o.id = s.organisation_id LEFT JOIN circuit c ON c.id = d.circuit_id \
             WHERE d.deleted_at IS NULL",
        );
        if let Some(only) = only {
            push_any(&mut query, "d.id", only.iter().map(|id| id.0));
        }
        let rows: Vec<PlacedDetector> =
            query.push(" ORDER BY d.id").build_query_as().fetch_all(&mut *reading).await?;
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT id, detector_id, point, quantity, phase, decimals FROM channel WHERE 1 = 1",
        );
        if let Some(only) = only {
            push_any(&mut query, "detector_id", only.iter().map(|id| id.0));
        }
        let rows_of_channels: Vec<DetectorChannel> = query
            .push(" ORDER BY detector_id, coalesce(point, -1)")
            .build_query_as()
            .fetch_all(&mut *reading)
            .await?;
        let mut channels: HashMap<DetectorId, Vec<ChannelEntry>> = HashMap::with_capacity(rows.len());
        for row in rows_of_channels {
            channels.entry(row.detector_id).or_default().push(ChannelEntry {
                id: row.id,
                point: row.point,
                quantity: row.quantity,
                phase: row.phase,
                decimals: row.decimals,
            });
        }
        let sources = rows.into_iter().map(|row| BindingSource {
            channels: channels.remove(&row.id).unwrap_or_default(),
            placement: Placement {
                detector: row.id,
                terminal: row.terminal_id,
                site: row.site_id,
                circuit: row.circuit_id,
                organisation: row.organisation_id,
                organisation_path: row.organisation_path,
                area: row.area_code,
                rated_current_a: row.rated_current_a,
            },
            profile_id: row.profile_id,
            unit_address: row.unit_address,
            name: row.name,
            site_name: row.site_name,
            zone: row.zone,
            status: row.status,
            created_at: row.created_at,
        });
        Ok(sources.collect())
    }
}
