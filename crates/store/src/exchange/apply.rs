//! A checked file put in: short transactions one after the other, each change with its audit entry in the same one, and
//! one entry about the file in the first. A large file in a single transaction would hold the one writer for as long as it
//! takes, and no reading could be confirmed meanwhile.

use std::collections::HashSet;
use std::sync::Arc;

use domain::access::Scope;
use domain::id::{CircuitId, DetectorId, PanelId, SiteId, TerminalId};
use domain::place::{Admission, Protocol};
use domain::profile::Profile;
use domain::time::UnixMs;
use serde_json::json;
use sqlx::SqliteConnection;

use super::Exchange;
use crate::actor::Actor;
use crate::admission::{NewDetector, insert_detector};
use crate::audit::{self, AuditEntry, AuditObject};
use crate::circuits::{
    self, CircuitDraft, CircuitPatch, PanelDraft, PanelPatch, change_circuit_in, change_panel_in,
    insert_circuit, insert_panel, load_circuit, load_panel,
};
use crate::detectors::{self, DetectorPatch, DetectorRow};
use crate::error::StoreError;
use crate::sites::{self, SiteDraft, SitePatch};
use crate::terminals::{self, TerminalRow};

/// What becomes of one thing.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<I, D, P> {
    /// It is there and stays as it is.
    Keep(I),
    /// It is there and changes.
    Change(I, P),
    /// It is made.
    Make(D),
}

impl<I, D, P> Step<I, D, P> {
    /// The id of what is there already.
    pub const fn known(&self) -> Option<&I> {
        match self {
            Self::Keep(id) | Self::Change(id, _) => Some(id),
            Self::Make(_) => None,
        }
    }
}

/// A panel of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelStep {
    /// Its site: the place in [`Plan::sites`].
    pub site: usize,
    /// What becomes of it.
    pub step: Step<PanelId, PanelDraft, PanelPatch>,
}

/// A circuit of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct CircuitStep {
    /// Its panel: the place in [`Plan::panels`].
    pub panel: usize,
    /// What becomes of it.
    pub step: Step<CircuitId, CircuitDraft, CircuitPatch>,
}

/// A terminal of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalStep {
    /// Admitted already.
    Admitted(TerminalId),
    /// It waits and is admitted; the serial number is what names it.
    Admit(TerminalId, String),
    /// Nobody has seen it yet: it is registered and is heard from its first call on.
    Register(String, Protocol),
}

/// A detector to be made behind a terminal.
#[derive(Debug, Clone)]
pub struct DetectorDraft {
    /// What it is.
    pub profile: Arc<Profile>,
    /// Its unit address behind a DTU, 1-247.
    pub unit_address: Option<u8>,
    /// Its address behind the terminal in protocols with names.
    pub address: Option<String>,
    /// Its name.
    pub name: String,
}

/// What changes about a detector that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectorMove {
    /// Its name.
    pub name: String,
    /// Whether it goes to the step's circuit.
    pub moves: bool,
    /// The version that was read.
    pub version: i64,
}

/// A detector of the plan.
#[derive(Debug, Clone)]
pub struct DetectorStep {
    /// Its terminal: the place in [`Plan::terminals`].
    pub terminal: usize,
    /// Its site: the place in [`Plan::sites`].
    pub site: usize,
    /// The circuit that it watches: the place in [`Plan::circuits`].
    pub circuit: Option<usize>,
    /// What becomes of it.
    pub step: Step<DetectorId, DetectorDraft, DetectorMove>,
}

/// Everything that a file asks for. Places refer to places by their index, so that what is made is found.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The sites, also those that only others refer to.
    pub sites: Vec<Step<SiteId, SiteDraft, SitePatch>>,
    /// The panels, as the sites.
    pub panels: Vec<PanelStep>,
    /// The circuits, as the sites.
    pub circuits: Vec<CircuitStep>,
    /// The terminals.
    pub terminals: Vec<TerminalStep>,
    /// The detectors.
    pub detectors: Vec<DetectorStep>,
}

/// Steps of one transaction: long enough that its fsync hardly counts, short enough that readings that wait for the writer
/// are confirmed in time.
const SLICE: usize = 100;

impl Plan {
    /// How many steps it has, those that write nothing included.
    #[must_use]
    pub const fn steps(&self) -> usize {
        self.sites.len()
            + self.panels.len()
            + self.circuits.len()
            + self.terminals.len()
            + self.detectors.len()
    }
}

/// What was done in a slice, for those who must know of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Sites whose settings may hold differently now.
    pub sites: HashSet<SiteId>,
    /// Terminals that are heard now, or have other detectors.
    pub terminals: HashSet<TerminalId>,
    /// Detectors that are new or moved.
    pub detectors: Vec<DetectorId>,
}

/// How far a plan is put in: the ids of what its places stand for, in the plan's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    sites: Vec<SiteId>,
    panels: Vec<PanelId>,
    circuits: Vec<CircuitId>,
    terminals: Vec<TerminalId>,
    detectors: usize,
}

impl Progress {
    /// Steps done.
    #[must_use]
    pub const fn done(&self) -> usize {
        self.sites.len() + self.panels.len() + self.circuits.len() + self.terminals.len() + self.detectors
    }
}

/// Which file it was, for the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileNote {
    /// Its name.
    pub name: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
}

/// A place in a list that must be there: the plan is made by code of ours.
fn at<T: Copy>(list: &[T], index: usize) -> Result<T, StoreError> {
    list.get(index).copied().ok_or(StoreError::NotFound { what: "place of the plan" })
}

impl Exchange<'_> {
    /// Puts the next slice of a plan in and moves `progress` on by it; a plan of one slice is put in whole or not at all.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] or [`StoreError::NotFound`] when something changed since the plan was made;
    /// [`StoreError::Invalid`] for what cannot be. `progress` then stands at the last slice that went in.
    pub async fn apply_slice(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        file: &FileNote,
        plan: &Plan,
        progress: &mut Progress,
    ) -> Result<Applied, StoreError> {
        let store = self.store();
        let mut tx = store.begin().await?;
        if progress.done() == 0 {
            audit::append(&mut tx, &entry(actor, now, file, plan)).await?;
        }
        let mut writing = Writing { connection: &mut tx, scope, actor, now, applied: Applied::default() };
        let mut after = progress.clone();
        for _ in 0..SLICE {
            if !writing.next(plan, &mut after).await? {
                break;
            }
        }
        let applied = writing.applied;
        let version = store.bump_settings(&mut tx).await?;
        tx.commit().await?;
        store.settings_changed(version);
        *progress = after;
        Ok(applied)
    }
}

/// What the audit log keeps of a file as a whole.
fn entry(actor: &Actor, now: UnixMs, file: &FileNote, plan: &Plan) -> AuditEntry {
    AuditEntry {
        at: now,
        actor: actor.clone(),
        action: "exchange.import",
        object: AuditObject { kind: "file", id: file.sha256.clone(), name: file.name.clone(), place: None },
        before: None,
        after: Some(json!({
            "sites": plan.sites.len(), "panels": plan.panels.len(), "circuits": plan.circuits.len(),
            "detectors": plan.detectors.len(),
        })),
    }
}

/// A plan being put in.
struct Writing<'w> {
    connection: &'w mut SqliteConnection,
    scope: &'w Scope,
    actor: &'w Actor,
    now: UnixMs,
    applied: Applied,
}

impl Writing<'_> {
    /// Does the next step, in the order in which they refer to each other; `false` when there is none left.
    async fn next(&mut self, plan: &Plan, progress: &mut Progress) -> Result<bool, StoreError> {
        if let Some(step) = plan.sites.get(progress.sites.len()) {
            progress.sites.push(self.site(step).await?);
        } else if let Some(panel) = plan.panels.get(progress.panels.len()) {
            progress.panels.push(self.panel(at(&progress.sites, panel.site)?, &panel.step).await?);
        } else if let Some(circuit) = plan.circuits.get(progress.circuits.len()) {
            progress.circuits.push(self.circuit(at(&progress.panels, circuit.panel)?, &circuit.step).await?);
        } else if let Some(terminal) = plan.terminals.get(progress.terminals.len()) {
            progress.terminals.push(self.terminal(terminal).await?);
        } else if let Some(detector) = plan.detectors.get(progress.detectors) {
            let circuit = detector.circuit.map(|index| at(&progress.circuits, index)).transpose()?;
            let place = (at(&progress.sites, detector.site)?, circuit);
            self.detector(at(&progress.terminals, detector.terminal)?, place, &detector.step).await?;
            progress.detectors += 1;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    async fn site(&mut self, step: &Step<SiteId, SiteDraft, SitePatch>) -> Result<SiteId, StoreError> {
        let Self { connection, scope, actor, now, .. } = self;
        match step {
            // What others refer to must be in scope, even when nothing about it changes.
            Step::Keep(id) => Ok(sites::load(connection, scope, *id).await?.id),
            Step::Change(id, patch) => {
                sites::change_in(connection, scope, actor, *now, *id, patch).await?;
                self.applied.sites.insert(*id);
                Ok(*id)
            }
            Step::Make(draft) => Ok(sites::insert(connection, scope, actor, *now, draft).await?.id),
        }
    }

    async fn panel(
        &mut self,
        site: SiteId,
        step: &Step<PanelId, PanelDraft, PanelPatch>,
    ) -> Result<PanelId, StoreError> {
        let Self { connection, scope, actor, now, .. } = self;
        match step {
            Step::Keep(id) => Ok(load_panel(connection, scope, *id).await?.0.id),
            Step::Change(id, patch) => {
                Ok(change_panel_in(connection, scope, actor, *now, *id, patch).await?.id)
            }
            Step::Make(draft) => Ok(insert_panel(connection, scope, actor, *now, site, draft).await?.id),
        }
    }

    async fn circuit(
        &mut self,
        panel: PanelId,
        step: &Step<CircuitId, CircuitDraft, CircuitPatch>,
    ) -> Result<CircuitId, StoreError> {
        let Self { connection, scope, actor, now, .. } = self;
        match step {
            Step::Keep(id) => Ok(load_circuit(connection, scope, *id).await?.0.id),
            Step::Change(id, patch) => {
                let after = change_circuit_in(connection, scope, actor, *now, *id, patch).await?;
                self.applied.sites.insert(after.site_id);
                Ok(after.id)
            }
            Step::Make(draft) => Ok(insert_circuit(connection, scope, actor, *now, panel, draft).await?.id),
        }
    }

    async fn terminal(&mut self, step: &TerminalStep) -> Result<TerminalId, StoreError> {
        let (before, id) = match step {
            TerminalStep::Admitted(id) => return Ok(*id),
            TerminalStep::Admit(id, serial) => {
                let before = terminals::load_waiting(self.connection, self.scope, *id, Some(serial)).await?;
                if before.admission != Admission::Pending {
                    return Err(StoreError::NotFound { what: "terminal" });
                }
                sqlx::query(
                    "UPDATE terminal SET admission = 'admitted', pinned_iccid = coalesce(pinned_iccid, seen_iccid), \
                     admitted_at = $1, refused_reason = NULL, version = version + 1 WHERE id = $2",
                )
                .bind(self.now.0)
                .bind(id.0)
                .execute(&mut *self.connection)
                .await?;
                (Some(before), *id)
            }
            TerminalStep::Register(serial, protocol) => {
                let id: i64 = sqlx::query_scalar(
                    "INSERT INTO terminal (serial, protocol, admission, remote, first_seen_at, last_seen_at, attempts, \
                     readings_ignored, admitted_at) VALUES ($1, $2, 'admitted', '', $3, $3, 0, 0, $3) RETURNING id",
                )
                .bind(serial)
                .bind(protocol.code())
                .bind(self.now.0)
                .fetch_one(&mut *self.connection)
                .await
                .map_err(|error| StoreError::from(error).or_taken("serial"))?;
                (None::<TerminalRow>, TerminalId(id))
            }
        };
        let after = terminals::load(self.connection, &Scope::platform(), id).await?;
        let action = if before.is_some() { "terminal.admit" } else { "terminal.register" };
        let object = terminals::object(&after);
        circuits::record(
            self.connection,
            self.actor,
            self.now,
            action,
            object,
            before.as_ref(),
            Some(&after),
        )
        .await?;
        self.applied.terminals.insert(id);
        Ok(id)
    }

    async fn detector(
        &mut self,
        terminal: TerminalId,
        (site, circuit): (SiteId, Option<CircuitId>),
        step: &Step<DetectorId, DetectorDraft, DetectorMove>,
    ) -> Result<(), StoreError> {
        match step {
            Step::Keep(_) => {}
            Step::Change(id, change) => {
                let patch = DetectorPatch {
                    name: Some(change.name.clone()),
                    circuit: change.moves.then_some(circuit),
                    version: change.version,
                };
                detectors::change_in(self.connection, self.scope, self.actor, self.now, *id, &patch).await?;
                self.applied.detectors.push(*id);
            }
            Step::Make(draft) => {
                let new = NewDetector {
                    profile: &draft.profile,
                    unit_address: draft.unit_address,
                    address: draft.address.as_deref(),
                    name: &draft.name,
                };
                let site = sites::load(self.connection, self.scope, site).await?;
                let id = insert_detector(self.connection, terminal, self.now, &new, site.id, circuit).await?;
                let row = detectors::load(self.connection, self.scope, id).await?;
                let object = circuits::object("detector", id.0, &row.name, &site);
                let nothing = None::<&DetectorRow>;
                circuits::record(
                    self.connection,
                    self.actor,
                    self.now,
                    "detector.create",
                    object,
                    nothing,
                    Some(&row),
                )
                .await?;
                self.applied.detectors.push(id);
                self.applied.terminals.insert(terminal);
            }
        }
        Ok(())
    }
}
