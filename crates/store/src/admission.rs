//! Admission: one press makes a waiting terminal a known one, with its detectors, their channels and, where
//! they are not there yet, site, panel and circuit; all in one transaction.

use domain::access::Scope;
use domain::id::{CircuitId, DetectorId, PanelId, SiteId, TerminalId};
use domain::place::{Admission, Protocol};
use domain::profile::{AddressMistake, Profile, check_address};
use domain::quantity::{Decimals, Phase, Quantity};
use domain::reading::PointIndex;
use domain::time::UnixMs;
use sqlx::SqliteConnection;

use crate::actor::Actor;
use crate::circuits::{
    self, CircuitDraft, PanelDraft, insert_circuit, insert_panel, load_circuit, load_panel,
};
use crate::detectors::{self, DetectorRow};
use crate::error::StoreError;
use crate::intake::Bulk;
use crate::sites::{self, SiteDraft, SiteRow, named};
use crate::terminals::{self, TerminalRow, Terminals};

/// A detector to be made behind the admitted terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct AdmitDetector<'p> {
    /// What it is; its points become channels.
    pub profile: &'p Profile,
    /// Its unit address behind a DTU, 1-247; `None` for a detector that is its own terminal.
    pub unit_address: Option<u8>,
    /// Its address behind the terminal in protocols with names.
    pub address: Option<String>,
    /// Its name.
    pub name: String,
    /// Where it goes.
    pub place: DetectorPlace,
}

/// Where a detector goes. Equal drafts within one admission are made once.
#[derive(Debug, Clone, PartialEq)]
pub enum DetectorPlace {
    /// On a circuit.
    Circuit(CircuitChoice),
    /// In a site, on no circuit yet.
    Site(SiteChoice),
}

/// A circuit that is there or is to be made.
#[expect(clippy::large_enum_variant, reason = "one per press of a button, never many at once")]
#[derive(Debug, Clone, PartialEq)]
pub enum CircuitChoice {
    /// There.
    Existing(CircuitId),
    /// To be made.
    New(PanelChoice, CircuitDraft),
}

/// A panel that is there or is to be made.
#[expect(clippy::large_enum_variant, reason = "one per press of a button, never many at once")]
#[derive(Debug, Clone, PartialEq)]
pub enum PanelChoice {
    /// There.
    Existing(PanelId),
    /// To be made.
    New(SiteChoice, PanelDraft),
}

/// A site that is there or is to be made.
#[derive(Debug, Clone, PartialEq)]
pub enum SiteChoice {
    /// There.
    Existing(SiteId),
    /// To be made.
    New(SiteDraft),
}

/// What an admission made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The terminal.
    pub terminal: TerminalId,
    /// Its detectors, in the order asked for.
    pub detectors: Vec<DetectorId>,
}

static CHANNELS: Bulk =
    Bulk::new("INSERT INTO channel (detector_id, point, code, name, quantity, phase, decimals)", 7, "");

impl Terminals<'_> {
    /// Admits a waiting terminal. `serial` must name it when `scope` is less than everything.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it does not wait or a place is outside `scope`; [`StoreError::Invalid`]
    /// when a detector's profile does not speak the terminal's protocol, a unit address is missing, out of
    /// range or used twice.
    pub async fn admit(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        id: TerminalId,
        serial: Option<&str>,
        wanted: &[AdmitDetector<'_>],
    ) -> Result<Admitted, StoreError> {
        let store = self.store();
        let mut tx = store.begin().await?;
        let before = terminals::load_waiting(&mut tx, scope, id, serial).await?;
        if before.admission != Admission::Pending {
            return Err(StoreError::NotFound { what: "terminal" });
        }
        let detectors = admit(&mut tx, scope, actor, now, &before, wanted).await?;
        let version = store.bump_settings(&mut tx).await?;
        tx.commit().await?;
        store.settings_changed(version);
        Ok(Admitted { terminal: id, detectors })
    }

    /// Makes a terminal known before it dials in, with its detectors, so that it can have its proof of who it is.
    /// One that waits under this serial is admitted.
    ///
    /// # Errors
    /// As [`Self::admit`]; [`StoreError::Invalid`] when a known or refused terminal has the serial.
    pub async fn register(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        serial: &str,
        protocol: Protocol,
        wanted: &[AdmitDetector<'_>],
    ) -> Result<Admitted, StoreError> {
        named("serial", serial)?;
        if !Protocol::OF_TERMINALS.contains(&protocol) {
            let words = format!("had {}, wanted a protocol that terminals speak", protocol.code());
            return Err(StoreError::invalid("protocol", "wrong_protocol", words));
        }
        let store = self.store();
        let mut tx = store.begin().await?;
        // An empty scope may make nothing, whoever named the serial.
        if scope.is_empty() {
            return Err(StoreError::NotFound { what: "terminal" });
        }
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO terminal (serial, protocol, admission, remote, first_seen_at, last_seen_at, attempts, \
             readings_ignored) VALUES ($1, $2, 'pending', '', $3, $3, 0, 0) \
             ON CONFLICT (serial) DO UPDATE SET protocol = excluded.protocol WHERE admission = 'pending' RETURNING id",
        )
        .bind(serial.trim())
        .bind(protocol.code())
        .bind(now.0)
        .fetch_optional(&mut *tx)
        .await?;
        let id = id.map(TerminalId).ok_or_else(|| {
            StoreError::invalid(
                "serial",
                "taken",
                format!("a terminal with serial {serial:?} is known already"),
            )
        })?;
        let before = terminals::load(&mut tx, &Scope::platform(), id).await?;
        let detectors = admit(&mut tx, scope, actor, now, &before, wanted).await?;
        let version = store.bump_settings(&mut tx).await?;
        tx.commit().await?;
        store.settings_changed(version);
        Ok(Admitted { terminal: id, detectors })
    }
}

/// Makes the detectors of a waiting terminal and admits it.
async fn admit(
    connection: &mut SqliteConnection,
    scope: &Scope,
    actor: &Actor,
    now: UnixMs,
    before: &TerminalRow,
    wanted: &[AdmitDetector<'_>],
) -> Result<Vec<DetectorId>, StoreError> {
    check(before, wanted)?;
    let mut made = Made::default();
    let mut detectors = Vec::with_capacity(wanted.len());
    for one in wanted {
        let (site, circuit) = made.place(connection, scope, actor, now, &one.place).await?;
        let new = NewDetector {
            profile: one.profile,
            unit_address: one.unit_address,
            address: one.address.as_deref(),
            name: &one.name,
        };
        let detector = insert_detector(connection, before.id, now, &new, site.id, circuit).await?;
        let row = detectors::load(connection, scope, detector).await?;
        let object = circuits::object("detector", detector.0, &row.name, &site);
        circuits::record(connection, actor, now, "detector.create", object, None::<&DetectorRow>, Some(&row))
            .await?;
        detectors.push(detector);
    }
    sqlx::query(
        "UPDATE terminal SET admission = 'admitted', pinned_iccid = coalesce(pinned_iccid, seen_iccid), \
             admitted_at = $1, refused_reason = NULL, version = version + 1 WHERE id = $2",
    )
    .bind(now.0)
    .bind(before.id.0)
    .execute(&mut *connection)
    .await?;
    let after = terminals::load(connection, &Scope::platform(), before.id).await?;
    let object = terminals::object(&after);
    circuits::record(connection, actor, now, "terminal.admit", object, Some(before), Some(&after)).await?;
    Ok(detectors)
}

fn check(terminal: &TerminalRow, wanted: &[AdmitDetector<'_>]) -> Result<(), StoreError> {
    if wanted.is_empty() {
        return Err(StoreError::invalid("detectors", "required", "had no detector, wanted one or more"));
    }
    let mut units = Vec::with_capacity(wanted.len());
    for one in wanted {
        named("name", &one.name)?;
        if !terminal.protocol.carries(one.profile.protocol) {
            return Err(StoreError::invalid(
                "profile_id",
                "wrong_protocol",
                format!(
                    "profile {} speaks {}, the terminal speaks {}",
                    one.profile.id,
                    one.profile.protocol.code(),
                    terminal.protocol.code()
                ),
            ));
        }
        check_address(terminal.protocol, one.profile, one.unit_address, one.address.as_deref())
            .map_err(|mistake| wrong_address(mistake, one))?;
        if units.contains(&(one.unit_address, &one.address)) {
            return Err(StoreError::invalid("unit_address", "taken", "two detectors with one unit address"));
        }
        units.push((one.unit_address, &one.address));
    }
    Ok(())
}

fn wrong_address(mistake: AddressMistake, one: &AdmitDetector<'_>) -> StoreError {
    let wanted = mistake.wanted();
    let (field, words) = if mistake.is_about_unit() {
        ("unit_address", format!("had {:?}, wanted {wanted}", one.unit_address))
    } else {
        ("address", format!("had {:?}, wanted {wanted}", one.address))
    };
    StoreError::invalid(field, mistake.code(), words)
}

/// A detector to be made, whatever makes it.
pub(crate) struct NewDetector<'p> {
    pub(crate) profile: &'p Profile,
    pub(crate) unit_address: Option<u8>,
    pub(crate) address: Option<&'p str>,
    pub(crate) name: &'p str,
}

/// A channel to be made.
struct NewChannel<'p> {
    point: Option<PointIndex>,
    code: &'p str,
    name: &'p str,
    quantity: Quantity,
    phase: Option<Phase>,
    decimals: Decimals,
}

/// What this admission has made so far, so that equal drafts become one thing.
#[derive(Default)]
struct Made<'w> {
    sites: Vec<(&'w SiteDraft, SiteId)>,
    panels: Vec<(&'w SiteChoice, &'w PanelDraft, PanelId)>,
    circuits: Vec<(&'w PanelChoice, &'w CircuitDraft, CircuitId)>,
}

impl<'w> Made<'w> {
    async fn place(
        &mut self,
        connection: &mut SqliteConnection,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        place: &'w DetectorPlace,
    ) -> Result<(SiteRow, Option<CircuitId>), StoreError> {
        match place {
            DetectorPlace::Site(choice) => {
                let site = self.site(connection, scope, actor, now, choice).await?;
                Ok((sites::load(connection, scope, site).await?, None))
            }
            DetectorPlace::Circuit(choice) => {
                let id = match choice {
                    CircuitChoice::Existing(id) => *id,
                    CircuitChoice::New(panel, draft) => {
                        self.circuit(connection, scope, actor, now, panel, draft).await?
                    }
                };
                let (circuit, site) = load_circuit(connection, scope, id).await?;
                Ok((site, Some(circuit.id)))
            }
        }
    }

    async fn circuit(
        &mut self,
        connection: &mut SqliteConnection,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        choice: &'w PanelChoice,
        draft: &'w CircuitDraft,
    ) -> Result<CircuitId, StoreError> {
        if let Some((_, _, id)) = self.circuits.iter().find(|made| made.0 == choice && made.1 == draft) {
            return Ok(*id);
        }
        let panel = match choice {
            PanelChoice::Existing(id) => load_panel(connection, scope, *id).await?.0.id,
            PanelChoice::New(site_choice, panel) => {
                let known = self.panels.iter().find(|made| made.0 == site_choice && made.1 == panel);
                match known.map(|made| made.2) {
                    Some(id) => id,
                    None => {
                        let site = self.site(connection, scope, actor, now, site_choice).await?;
                        let id = insert_panel(connection, scope, actor, now, site, panel).await?.id;
                        self.panels.push((site_choice, panel, id));
                        id
                    }
                }
            }
        };
        let id = insert_circuit(connection, scope, actor, now, panel, draft).await?.id;
        self.circuits.push((choice, draft, id));
        Ok(id)
    }

    async fn site(
        &mut self,
        connection: &mut SqliteConnection,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        choice: &'w SiteChoice,
    ) -> Result<SiteId, StoreError> {
        match choice {
            SiteChoice::Existing(id) => Ok(sites::load(connection, scope, *id).await?.id),
            SiteChoice::New(draft) => {
                if let Some((_, id)) = self.sites.iter().find(|made| made.0 == draft) {
                    return Ok(*id);
                }
                let id = sites::insert(connection, scope, actor, now, draft).await?.id;
                self.sites.push((draft, id));
                Ok(id)
            }
        }
    }
}

/// Puts a detector with its channels in, in `connection`'s transaction.
pub(crate) async fn insert_detector(
    connection: &mut SqliteConnection,
    terminal: TerminalId,
    now: UnixMs,
    wanted: &NewDetector<'_>,
    site: SiteId,
    circuit: Option<CircuitId>,
) -> Result<DetectorId, StoreError> {
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO detector (terminal_id, profile_id, unit_address, address, name, site_id, circuit_id, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
    )
    .bind(terminal.0)
    .bind(&wanted.profile.id)
    .bind(wanted.unit_address.map(i64::from))
    .bind(wanted.address)
    .bind(wanted.name.trim())
    .bind(site.0)
    .bind(circuit.map(|id| id.0))
    .bind(now.0)
    .fetch_one(&mut *connection)
    .await
    .map_err(|error| StoreError::from(error).or_taken("unit_address"))?;
    let mut channels = vec![NewChannel {
        point: None,
        code: "device",
        name: "装置",
        quantity: Quantity::Device,
        phase: None,
        decimals: Decimals(0),
    }];
    channels.extend(wanted.profile.indexed_points().map(|(index, point)| NewChannel {
        point: Some(index),
        code: &point.code,
        name: &point.name,
        quantity: point.quantity,
        phase: point.phase,
        decimals: point.decimals,
    }));
    CHANNELS
        .run(connection, &channels, |query, channel| {
            query
                .bind(id)
                .bind(channel.point.map(|point| i64::from(point.0)))
                .bind(channel.code)
                .bind(channel.name)
                .bind(channel.quantity.code())
                .bind(channel.phase.map(Phase::code))
                .bind(i64::from(channel.decimals.0))
        })
        .await?;
    Ok(DetectorId(id))
}
