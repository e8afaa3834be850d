//! A checked file put in: one transaction, each change with its audit entry, and one entry about the file.

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

/// What was done, for those who must know of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Sites whose settings may hold differently now.
    pub sites: Vec<SiteId>,
    /// Terminals that are heard now, or have other detectors.
    pub terminals: Vec<TerminalId>,
    /// Detectors that are new or moved.
    pub detectors: Vec<DetectorId>,
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
    /// Puts a plan in, all of it or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] or [`StoreError::NotFound`] when something changed since the plan was made;
    /// [`StoreError::Invalid`] for what cannot be.
    pub async fn apply(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        file: &FileNote,
        plan: &Plan,
    ) -> Result<Applied, StoreError> {
        let store = self.store();
        let mut tx = store.begin().await?;
        let mut writing = Writing { connection: &mut tx, scope, actor, now, applied: Applied::default() };
        let mut sites = Vec::with_capacity(plan.sites.len());
        for step in &plan.sites {
            sites.push(writing.site(step).await?);
        }
        let mut panels = Vec::with_capacity(plan.panels.len());
        for panel in &plan.panels {
            panels.push(writing.panel(at(&sites, panel.site)?, &panel.step).await?);
        }
        let mut made = Vec::with_capacity(plan.circuits.len());
        for circuit in &plan.circuits {
            made.push(writing.circuit(at(&panels, circuit.panel)?, &circuit.step).await?);
        }
        let mut terminals = Vec::with_capacity(plan.terminals.len());
        for terminal in &plan.terminals {
            terminals.push(writing.terminal(terminal).await?);
        }
        for detector in &plan.detectors {
            let circuit = detector.circuit.map(|index| at(&made, index)).transpose()?;
            let place = (at(&sites, detector.site)?, circuit);
            writing.detector(at(&terminals, detector.terminal)?, place, &detector.step).await?;
        }
        let applied = writing.applied;
        let entry = AuditEntry {
            at: now,
            actor: actor.clone(),
            action: "exchange.import",
            object: AuditObject {
                kind: "file",
                id: file.sha256.clone(),
                name: file.name.clone(),
                place: None,
            },
            before: None,
            after: Some(json!({
                "sites": plan.sites.len(), "panels": plan.panels.len(), "circuits": plan.circuits.len(),
                "detectors": plan.detectors.len(),
            })),
        };
        audit::append(&mut tx, &entry).await?;
        let version = store.bump_settings(&mut tx).await?;
        tx.commit().await?;
        store.settings_changed(version);
        Ok(applied)
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
    async fn site(&mut self, step: &Step<SiteId, SiteDraft, SitePatch>) -> Result<SiteId, StoreError> {
        let Self { connection, scope, actor, now, .. } = self;
        match step {
            // What others refer to must be in scope, even when nothing about it changes.
            Step::Keep(id) => Ok(sites::load(connection, scope, *id).await?.id),
            Step::Change(id, patch) => {
                sites::change_in(connection, scope, actor, *now, *id, patch).await?;
                self.applied.sites.push(*id);
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
                self.applied.sites.push(after.site_id);
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
        self.applied.terminals.push(id);
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
                if !self.applied.terminals.contains(&terminal) {
                    self.applied.terminals.push(terminal);
                }
            }
        }
        Ok(())
    }
}
