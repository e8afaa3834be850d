//! Who may be heard: admit, refuse, restore, accept a new SIM.

use std::sync::Arc;

use bus::{LineCommand, LiveKind};
use domain::access::Scope;
use domain::id::{CredentialId, TerminalId};
use domain::place::{Credential, Protocol};
use domain::profile::Profile;
use domain::telegram::TelegramLevel;
use store::Actor;
use store::admission::{AdmitDetector, Admitted, DetectorPlace};
use store::credentials::CredentialRow;
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
        let _turn = self.0.profile_turn().await;
        let profiles = self.profiles_of(&detectors)?;
        let wanted = wanted(&profiles, detectors);
        let terminals = self.0.store().terminals();
        let admitted = terminals.admit(scope, actor, self.0.now(), id, serial, &wanted).await?;
        self.begun(&admitted, "admitted").await?;
        Ok(admitted)
    }

    /// Makes a terminal known before it dials in; one that waits under this serial is admitted.
    ///
    /// # Errors
    /// [`EngineError::UnknownProfile`]; [`EngineError::Store`] with what the store refuses.
    pub async fn register(
        &self,
        scope: &Scope,
        actor: &Actor,
        serial: &str,
        protocol: Protocol,
        detectors: Vec<AdmitRequest>,
    ) -> Result<Admitted, EngineError> {
        let _turn = self.0.profile_turn().await;
        let profiles = self.profiles_of(&detectors)?;
        let wanted = wanted(&profiles, detectors);
        let terminals = self.0.store().terminals();
        let made = terminals.register(scope, actor, self.0.now(), serial, protocol, &wanted).await?;
        self.begun(&made, "registered").await?;
        Ok(made)
    }

    /// Gives a terminal a proof of who it is; it opens from now on.
    ///
    /// # Errors
    /// [`EngineError::Store`] with what the store refuses.
    pub async fn issue(
        &self,
        scope: &Scope,
        actor: &Actor,
        terminal: TerminalId,
        credential: &Credential,
        label: &str,
    ) -> Result<CredentialRow, EngineError> {
        let credentials = self.0.store().credentials();
        let row = credentials.issue(scope, actor, self.0.now(), terminal, credential, label).await?;
        self.refresh(terminal).await?;
        self.0.live().publish(None, None, LiveKind::Changed { what: "terminals" });
        Ok(row)
    }

    /// Takes a proof back and closes the terminal's line, which may have been opened with it.
    ///
    /// # Errors
    /// [`EngineError::Store`] with what the store refuses.
    pub async fn revoke(
        &self,
        scope: &Scope,
        actor: &Actor,
        terminal: TerminalId,
        id: CredentialId,
    ) -> Result<(), EngineError> {
        self.0.store().credentials().revoke(scope, actor, self.0.now(), terminal, id).await?;
        self.refresh(terminal).await?;
        self.0.live().publish(None, None, LiveKind::Changed { what: "terminals" });
        self.close_line(terminal, "its access was changed").await;
        Ok(())
    }

    fn profiles_of(&self, detectors: &[AdmitRequest]) -> Result<Vec<Arc<Profile>>, EngineError> {
        let directory = self.0.directory();
        let known = |one: &AdmitRequest| {
            let profile = directory.profile(&one.profile_id);
            profile.ok_or_else(|| EngineError::UnknownProfile(one.profile_id.clone()))
        };
        detectors.iter().map(known).collect()
    }

    /// After a terminal got its detectors.
    async fn begun(&self, admitted: &Admitted, what: &str) -> Result<(), EngineError> {
        // The pipeline knows the detectors before the gateway may send their readings.
        self.0.reload(&admitted.detectors).await?;
        self.told(admitted.terminal, what).await?;
        self.0.live().publish(None, None, LiveKind::Changed { what: "sites" });
        Ok(())
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

    /// Decides what the telegram log keeps of the terminal, from its next telegram on.
    ///
    /// # Errors
    /// [`EngineError::Store`] with what the store refuses.
    pub async fn set_telegram_level(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: TerminalId,
        level: Option<TelegramLevel>,
    ) -> Result<TerminalRow, EngineError> {
        let row =
            self.0.store().terminals().set_telegram_level(scope, actor, self.0.now(), id, level).await?;
        if let Some(sink) = self.0.telegrams() {
            sink.decide(id, level);
        }
        self.0.live().publish(None, None, LiveKind::Changed { what: "terminals" });
        Ok(row)
    }

    /// Puts the terminal into the directory as it is now.
    pub(super) async fn refresh(&self, id: TerminalId) -> Result<(), EngineError> {
        let entry = self.0.store().terminals().entry(id).await?;
        self.0.directory().put_terminal(entry);
        Ok(())
    }

    /// After admission changed: the directory, the pending list, and the line.
    async fn told(&self, id: TerminalId, what: &str) -> Result<(), EngineError> {
        self.begin_anew(id, what).await?;
        self.0.live().publish(None, None, LiveKind::Pending);
        Ok(())
    }

    /// The directory has the terminal as it is now, and its line begins anew under the new rule.
    pub(super) async fn begin_anew(&self, id: TerminalId, what: &str) -> Result<(), EngineError> {
        self.refresh(id).await?;
        self.close_line(id, &format!("the terminal was {what}")).await;
        Ok(())
    }

    async fn close_line(&self, id: TerminalId, reason: &str) {
        let close = LineCommand::Close { reason: reason.to_owned() };
        // No open line is the usual case and no error.
        let _no_line = self.0.sessions().request(id, close).await;
    }
}

fn wanted(profiles: &[Arc<Profile>], detectors: Vec<AdmitRequest>) -> Vec<AdmitDetector<'_>> {
    let with = |(one, profile): (AdmitRequest, _)| AdmitDetector {
        profile,
        unit_address: one.unit_address,
        address: one.address,
        name: one.name,
        place: one.place,
    };
    detectors.into_iter().zip(profiles.iter().map(Arc::as_ref)).map(with).collect()
}
