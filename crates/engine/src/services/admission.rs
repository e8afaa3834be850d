//! Who may be heard: admit, refuse, restore, accept a new SIM.

use bus::{LineCommand, LiveKind};
use domain::access::Scope;
use domain::id::TerminalId;
use store::Actor;
use store::admission::{AdmitDetector, Admitted, DetectorPlace};
use store::terminals::TerminalRow;

use crate::error::EngineError;
use crate::pipeline::Engine;

/// Admission of terminals.
#[derive(Debug, Clone, Copy)]
pub struct Admission<'e>(&'e Engine);

impl Engine {
    /// Admission of terminals.
    #[must_use]
    pub const fn admission(&self) -> Admission<'_> {
        Admission(self)
    }
}

/// A detector to be made behind an admitted terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct AdmitRequest {
    /// Its profile's id.
    pub profile_id: String,
    /// Its unit address behind a DTU, 1-247.
    pub unit_address: Option<u8>,
    /// Its address behind the terminal in protocols with names.
    pub address: Option<String>,
    /// Its name.
    pub name: String,
    /// Where it goes.
    pub place: DetectorPlace,
}

impl Admission<'_> {
    /// Admits a waiting terminal; its readings count from the next telegram on. `serial` must name it when
    /// `scope` is less than everything.
    ///
    /// # Errors
    /// [`EngineError::UnknownProfile`]; [`EngineError::Store`] with what the store refuses.
    pub async fn admit(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: TerminalId,
        serial: Option<&str>,
        detectors: Vec<AdmitRequest>,
    ) -> Result<Admitted, EngineError> {
        let mut profiles = Vec::with_capacity(detectors.len());
        for one in &detectors {
            let profile = self.0.directory().profile(&one.profile_id);
            profiles.push(profile.ok_or_else(|| EngineError::UnknownProfile(one.profile_id.clone()))?);
        }
        let wanted: Vec<AdmitDetector<'_>> = detectors
            .into_iter()
            .zip(&profiles)
            .map(|(one, profile)| AdmitDetector {
                profile,
                unit_address: one.unit_address,
                address: one.address,
                name: one.name,
                place: one.place,
            })
            .collect();
        let terminals = self.0.store().terminals();
        let admitted = terminals.admit(scope, actor, self.0.now(), id, serial, &wanted).await?;
        // The pipeline knows the detectors before the gateway may send their readings.
        self.0.reload(&admitted.detectors).await?;
        self.told(id, "admitted").await?;
        self.0.live().publish(None, None, LiveKind::Changed { what: "sites" });
        Ok(admitted)
    }

    /// Refuses a waiting terminal.
    ///
    /// # Errors
    /// [`EngineError::Store`] with what the store refuses.
    pub async fn refuse(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: TerminalId,
        serial: Option<&str>,
        reason: Option<&str>,
    ) -> Result<(), EngineError> {
        self.0.store().terminals().refuse(scope, actor, self.0.now(), id, serial, reason).await?;
        self.told(id, "refused").await
    }

    /// Lets a refused terminal wait again.
    ///
    /// # Errors
    /// [`EngineError::Store`] with what the store refuses.
    pub async fn restore(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: TerminalId,
        serial: Option<&str>,
    ) -> Result<(), EngineError> {
        self.0.store().terminals().restore(scope, actor, self.0.now(), id, serial).await?;
        self.told(id, "restored").await
    }

    /// Pins the SIM that the terminal came with last.
    ///
    /// # Errors
    /// [`EngineError::Store`] with what the store refuses.
    pub async fn accept_iccid(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: TerminalId,
    ) -> Result<TerminalRow, EngineError> {
        let row = self.0.store().terminals().accept_iccid(scope, actor, self.0.now(), id).await?;
        self.refresh(id).await?;
        self.0.live().publish(None, None, LiveKind::Changed { what: "terminals" });
        Ok(row)
    }

    /// Puts the terminal into the directory as it is now.
    pub(super) async fn refresh(&self, id: TerminalId) -> Result<(), EngineError> {
        let entry = self.0.store().terminals().entry(id).await?;
        self.0.directory().put_terminal(entry);
        Ok(())
    }

    /// After admission changed: the directory, the pending list, and the line, which begins anew under the new rule.
    async fn told(&self, id: TerminalId, what: &str) -> Result<(), EngineError> {
        self.refresh(id).await?;
        self.0.live().publish(None, None, LiveKind::Pending);
        let close = LineCommand::Close { reason: format!("the terminal was {what}") };
        // No open line is the usual case and no error.
        let _no_line = self.0.sessions().request(id, close).await;
        Ok(())
    }
}
