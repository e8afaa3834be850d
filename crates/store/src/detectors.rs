//! Detectors and their channels.

use std::collections::HashMap;

use domain::access::Scope;
use domain::id::{ChannelId, CircuitId, DetectorId, SiteId, TerminalId};
use domain::place::{AreaCode, OrganisationPath};
use domain::quantity::{Decimals, Phase, Quantity};
use domain::reading::PointIndex;
use domain::status::Status;
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::actor::Actor;
use crate::circuits::{load_circuit, object, record};
use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Order, Page, Paged, PagedQuery};
use crate::scoped::{push_any, push_contains, push_scope};
use crate::sites::{self, named, same_version};

rows! {
    /// A detector with the names of everything around it.
    pub struct DetectorRow {
        /// Its id.
        pub id: DetectorId,
        /// Its name.
        pub name: String,
        /// The serial number of its terminal.
        pub serial: String,
        /// Its terminal.
        pub terminal_id: TerminalId,
        /// Its unit address behind a DTU.
        pub unit_address: Option<u8>,
        /// Its address behind its terminal in protocols with names.
        pub address: Option<String>,
        /// Its profile.
        pub profile_id: String,
        /// Its site.
        pub site_id: SiteId,
        /// Its site's name.
        pub site_name: String,
        /// Its site's area.
        pub area_code: AreaCode,
        /// Its site's organisation, as a path.
        pub organisation_path: OrganisationPath,
        /// The panel's name.
        pub panel_name: Option<String>,
        /// The circuit that it watches.
        pub circuit_id: Option<CircuitId>,
        /// The circuit's name.
        pub circuit_name: Option<String>,
        /// Rated current of the circuit, A.
        pub rated_current_a: Option<f64>,
        /// How it stands.
        pub status: Status,
        /// When it was last heard, as far as stored; the engine knows it to the second.
        pub last_heard_at: Option<UnixMs>,
        /// Signal of its terminal's modem, 0-31.
        pub signal: Option<i64>,
        /// Rises with every change.
        pub version: i64,
        /// When it was admitted.
        pub created_at: UnixMs,
    }

    /// A measured quantity of a detector.
    pub struct ChannelRow {
        /// Its id.
        pub id: ChannelId,
        /// Its detector.
        pub detector_id: DetectorId,
        /// Its point in the profile; `None` stands for the device.
        pub point: Option<PointIndex>,
        /// Its name in the profile.
        pub code: String,
        /// What people call it.
        pub name: String,
        /// What it measures.
        pub quantity: Quantity,
        /// On which conductor.
        pub phase: Option<Phase>,
        /// The scale of its integers.
        pub decimals: Decimals,
    }
}

/// Which detectors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DetectorFilter {
    /// Text in name, serial, site or circuit.
    pub text: Option<String>,
    /// At this site.
    pub site: Option<SiteId>,
    /// On this circuit.
    pub circuit: Option<CircuitId>,
    /// Of this profile.
    pub profile: Option<String>,
    /// Behind this terminal.
    pub terminal: Option<TerminalId>,
    /// Of one of these statuses.
    pub statuses: Vec<Status>,
    /// Not heard since then; what was never heard counts from its admission.
    pub silent_since: Option<UnixMs>,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DetectorSort {
    /// Worst first.
    #[default]
    StatusDesc,
    /// By name.
    Name,
    /// By name, backwards.
    NameDesc,
    /// Silent for longest first.
    LastHeard,
    /// Heard last first.
    LastHeardDesc,
}

impl DetectorSort {
    const fn order(self) -> Order {
        match self {
            Self::StatusDesc => {
                Order { name: "detectors.-status", keys: &["d.status", "d.id"], descending: true }
            }
            Self::Name => Order { name: "detectors.name", keys: &["d.name", "d.id"], descending: false },
            Self::NameDesc => Order { name: "detectors.-name", keys: &["d.name", "d.id"], descending: true },
            Self::LastHeard => {
                Order { name: "detectors.last_heard_at", keys: &[HEARD, "d.id"], descending: false }
            }
            Self::LastHeardDesc => {
                Order { name: "detectors.-last_heard_at", keys: &[HEARD, "d.id"], descending: true }
            }
        }
    }
}

/// A change of a detector; an absent field stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DetectorPatch {
    /// Its name.
    pub name: Option<String>,
    /// The circuit that it watches; one of another site moves it there; `Some(None)` takes it off its circuit.
    pub circuit: Option<Option<CircuitId>>,
    /// The version that the caller had read.
    pub version: i64,
}

/// What a deletion left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectorDeleted {
    /// Its terminal.
    pub terminal: TerminalId,
    /// It was the last one: the terminal waits for admission again.
    pub terminal_pending: bool,
}

const HEARD: &str = "coalesce(h.at, 0)";
const COLUMNS: &str = "d.id, d.name, t.serial, d.terminal_id, d.unit_address, d.address, d.profile_id, d.site_id, \
     s.name AS site_name, s.area_code, o.path AS organisation_path, p.name AS panel_name, d.circuit_id, \
     c.name AS circuit_name, c.rated_current_a, d.status, h.at AS last_heard_at, t.signal, d.version, d.created_at";
const FROM: &str = "FROM detector d JOIN terminal t ON t.id = d.terminal_id JOIN site s ON s.id = d.site_id \
     JOIN organisation o ON o.id = s.organisation_id LEFT JOIN circuit c ON c.id = d.circuit_id \
     LEFT JOIN panel p ON p.id = c.panel_id LEFT JOIN heard h ON h.detector_id = d.id";

/// The detectors.
#[derive(Debug, Clone, Copy)]
pub struct Detectors<'s>(&'s Store);

impl Store {
    /// The detectors.
    #[must_use]
    pub const fn detectors(&self) -> Detectors<'_> {
        Detectors(self)
    }
}

impl Detectors<'_> {
    /// One page of the detectors in `scope`.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a cursor of another list.
    pub async fn list(
        &self,
        scope: &Scope,
        filter: &DetectorFilter,
        sort: DetectorSort,
        page: &Page,
    ) -> Result<Paged<DetectorRow>, StoreError> {
        let apply = |query: &mut QueryBuilder<Sqlite>| push_filter(query, scope, filter);
        PagedQuery { columns: COLUMNS, from: FROM, order: sort.order(), filter: &apply }
            .fetch(self.0.reader(), page)
            .await
    }

    /// All that fit, by name: for one site or one terminal.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn all(&self, scope: &Scope, filter: &DetectorFilter) -> Result<Vec<DetectorRow>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} {FROM} WHERE 1 = 1"));
        push_filter(&mut query, scope, filter);
        Ok(query.push(" ORDER BY d.name, d.id").build_query_as().fetch_all(self.0.reader()).await?)
    }

    /// One detector.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn get(&self, scope: &Scope, id: DetectorId) -> Result<DetectorRow, StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        load(&mut connection, scope, id).await
    }

    /// The channels of one detector, the device's first, then in the profile's order.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the detector is not in `scope`.
    pub async fn channels(&self, scope: &Scope, id: DetectorId) -> Result<Vec<ChannelRow>, StoreError> {
        self.get(scope, id).await?;
        self.channels_of(&[id]).await
    }

    /// All that fit, by name, each with its channels.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn with_channels(
        &self,
        scope: &Scope,
        filter: &DetectorFilter,
    ) -> Result<Vec<(DetectorRow, Vec<ChannelRow>)>, StoreError> {
        let detectors = self.all(scope, filter).await?;
        let ids: Vec<DetectorId> = detectors.iter().map(|detector| detector.id).collect();
        let mut channels: HashMap<DetectorId, Vec<ChannelRow>> = HashMap::new();
        for channel in self.channels_of(&ids).await? {
            channels.entry(channel.detector_id).or_default().push(channel);
        }
        let with = |detector: DetectorRow| {
            let own = channels.remove(&detector.id).unwrap_or_default();
            (detector, own)
        };
        Ok(detectors.into_iter().map(with).collect())
    }

    /// One channel, with its detector.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn channel(
        &self,
        scope: &Scope,
        id: ChannelId,
    ) -> Result<(ChannelRow, DetectorRow), StoreError> {
        let mut connection = self.0.reader().acquire().await?;
        load_channel(&mut connection, scope, id).await
    }

    /// How many detectors in `scope` have each profile.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn by_profile(&self, scope: &Scope) -> Result<Vec<(String, i64)>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT d.profile_id, count(*) FROM detector d JOIN site s ON s.id = d.site_id \
             JOIN organisation o ON o.id = s.organisation_id WHERE d.deleted_at IS NULL",
        );
        push_scope(&mut query, scope, "o.path", "s.area_code");
        Ok(query
            .push(" GROUP BY d.profile_id ORDER BY d.profile_id")
            .build_query_as()
            .fetch_all(self.0.reader())
            .await?)
    }

    /// Changes a detector.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`]; [`StoreError::Invalid`] for a circuit outside `scope`.
    pub async fn change(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: DetectorId,
        patch: &DetectorPatch,
    ) -> Result<DetectorRow, StoreError> {
        let mut tx = self.0.begin().await?;
        let after = change_in(&mut tx, scope, actor, now, id, patch).await?;
        let version = self.0.bump_settings(&mut tx).await?;
        tx.commit().await?;
        self.0.settings_changed(version);
        Ok(after)
    }

    /// Takes a detector away. Its history and alarms stay; its open alarms must have been closed through the
    /// pipeline before. When it was the last one of its terminal, the terminal waits for admission again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn delete(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: DetectorId,
    ) -> Result<DetectorDeleted, StoreError> {
        let mut tx = self.0.begin().await?;
        let before = load(&mut tx, scope, id).await?;
        let site = sites::load(&mut tx, scope, before.site_id).await?;
        sqlx::query("UPDATE detector SET deleted_at = $1 WHERE id = $2")
            .bind(now.0)
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM detector_state WHERE detector_id = $1").bind(id.0).execute(&mut *tx).await?;
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM detector WHERE terminal_id = $1 AND deleted_at IS NULL")
                .bind(before.terminal_id.0)
                .fetch_one(&mut *tx)
                .await?;
        if left == 0 {
            sqlx::query(
                "UPDATE terminal SET admission = 'pending', pinned_iccid = NULL, admitted_at = NULL, attempts = 0, \
                 readings_ignored = 0, version = version + 1 WHERE id = $1",
            )
            .bind(before.terminal_id.0)
            .execute(&mut *tx)
            .await?;
        }
        let object = object("detector", id.0, &before.name, &site);
        record(&mut tx, actor, now, "detector.delete", object, Some(&before), None::<&DetectorRow>).await?;
        let version = self.0.bump_settings(&mut tx).await?;
        tx.commit().await?;
        self.0.settings_changed(version);
        Ok(DetectorDeleted { terminal: before.terminal_id, terminal_pending: left == 0 })
    }

    /// The channels of detectors that were read in scope already.
    pub(crate) async fn channels_of(&self, ids: &[DetectorId]) -> Result<Vec<ChannelRow>, StoreError> {
        let mut channels = Vec::new();
        for some in ids.chunks(500) {
            let mut query = QueryBuilder::<Sqlite>::new(
                "SELECT id, detector_id, point, code, name, quantity, phase, decimals FROM channel WHERE 1 = 1",
            );
            push_any(&mut query, "detector_id", some.iter().map(|id| id.0));
            query.push(" ORDER BY detector_id, coalesce(point, -1)");
            channels.append(&mut query.build_query_as().fetch_all(self.0.reader()).await?);
        }
        Ok(channels)
    }
}

fn push_filter(query: &mut QueryBuilder<Sqlite>, scope: &Scope, filter: &DetectorFilter) {
    query.push(" AND d.deleted_at IS NULL");
    push_scope(query, scope, "o.path", "s.area_code");
    if let Some(text) = &filter.text {
        push_contains(query, text, &["d.name", "t.serial", "s.name", "coalesce(c.name, '')"]);
    }
    if let Some(site) = filter.site {
        query.push(" AND d.site_id = ").push_bind(site.0);
    }
    if let Some(circuit) = filter.circuit {
        query.push(" AND d.circuit_id = ").push_bind(circuit.0);
    }
    if let Some(profile) = &filter.profile {
        query.push(" AND d.profile_id = ").push_bind(profile.clone());
    }
    if let Some(terminal) = filter.terminal {
        query.push(" AND d.terminal_id = ").push_bind(terminal.0);
    }
    if let Some(since) = filter.silent_since {
        query.push(" AND coalesce(h.at, d.created_at) < ").push_bind(since.0);
    }
    push_any(query, "d.status", filter.statuses.iter().map(|status| i64::from(status.rank())));
}

/// Changes a detector in `connection`'s transaction; the caller raises the settings' version.
pub(crate) async fn change_in(
    connection: &mut SqliteConnection,
    scope: &Scope,
    actor: &Actor,
    now: UnixMs,
    id: DetectorId,
    patch: &DetectorPatch,
) -> Result<DetectorRow, StoreError> {
    let before = load(connection, scope, id).await?;
    same_version("detector", before.version, patch.version)?;
    let name = patch.name.as_ref().unwrap_or(&before.name);
    named("name", name)?;
    let (site, circuit) = match patch.circuit {
        None => (before.site_id, before.circuit_id),
        Some(None) => (before.site_id, None),
        Some(Some(circuit)) => {
            let (circuit, _) =
                load_circuit(connection, scope, circuit).await.map_err(|error| match error {
                    StoreError::NotFound { .. } => {
                        StoreError::invalid("circuit_id", "unknown", format!("no circuit {circuit} here"))
                    }
                    other => other,
                })?;
            (circuit.site_id, Some(circuit.id))
        }
    };
    sqlx::query(
        "UPDATE detector SET name = $1, site_id = $2, circuit_id = $3, version = version + 1 WHERE id = $4",
    )
    .bind(name.trim())
    .bind(site.0)
    .bind(circuit.map(|id| id.0))
    .bind(id.0)
    .execute(&mut *connection)
    .await?;
    let after = load(connection, scope, id).await?;
    let site = sites::load(connection, scope, after.site_id).await?;
    let object = object("detector", id.0, &after.name, &site);
    record(connection, actor, now, "detector.change", object, Some(&before), Some(&after)).await?;
    Ok(after)
}

pub(crate) async fn load(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: DetectorId,
) -> Result<DetectorRow, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(format!(
        "SELECT {COLUMNS} {FROM} WHERE d.deleted_at IS NULL AND d.id = "
    ));
    query.push_bind(id.0);
    push_scope(&mut query, scope, "o.path", "s.area_code");
    let detector = query.build_query_as().fetch_optional(connection).await?;
    detector.ok_or(StoreError::NotFound { what: "detector" })
}

pub(crate) async fn load_channel(
    connection: &mut SqliteConnection,
    scope: &Scope,
    id: ChannelId,
) -> Result<(ChannelRow, DetectorRow), StoreError> {
    let channel: Option<ChannelRow> = sqlx::query_as(
        "SELECT id, detector_id, point, code, name, quantity, phase, decimals FROM channel WHERE id = $1",
    )
    .bind(id.0)
    .fetch_optional(&mut *connection)
    .await?;
    let missing = StoreError::NotFound { what: "channel" };
    let Some(channel) = channel else { return Err(missing) };
    let detector = load(connection, scope, channel.detector_id)
        .await
        .map_err(|error| crate::circuits::hidden(error, missing))?;
    Ok((channel, detector))
}
