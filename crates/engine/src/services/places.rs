//! Organisations, sites, panels, circuits, detectors: what moves changes who is told, whose limits hold, and what
//! overload means; so the pipeline is told after each change.

use bus::LiveKind;
use domain::access::Scope;
use domain::id::{CircuitId, DetectorId, OrganisationId, PanelId, SiteId};
use domain::settings::{ScopeKind, ScopeRef};
use store::Actor;
use store::circuits::{CircuitDraft, CircuitPatch, CircuitRow, PanelDraft, PanelPatch, PanelRow};
use store::detectors::{DetectorPatch, DetectorRow};
use store::organisations::{OrganisationDraft, OrganisationPatch, OrganisationRow};
use store::sites::{SiteDraft, SitePatch, SiteRow};

use crate::error::EngineError;
use crate::pipeline::Engine;

/// Organisations, sites and what stands in them.
#[derive(Debug, Clone, Copy)]
pub struct Places<'e>(&'e Engine);

impl Engine {
    /// Organisations, sites and what stands in them.
    #[must_use]
    pub const fn places(&self) -> Places<'_> {
        Places(self)
    }
}

impl Places<'_> {
    /// Makes a site.
    ///
    /// # Errors
    /// [`EngineError::Store`] with what the store refuses; so for all below.
    pub async fn create_site(
        &self,
        scope: &Scope,
        actor: &Actor,
        draft: &SiteDraft,
    ) -> Result<SiteRow, EngineError> {
        let site = self.0.store().sites().create(scope, actor, self.0.now(), draft).await?;
        self.changed("sites");
        Ok(site)
    }

    /// Changes a site.
    ///
    /// # Errors
    /// As [`create_site`](Self::create_site).
    pub async fn change_site(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: SiteId,
        patch: &SitePatch,
    ) -> Result<SiteRow, EngineError> {
        let site = self.0.store().sites().change(scope, actor, self.0.now(), id, patch).await?;
        self.rebind(ScopeKind::Site, id.0).await?;
        self.changed("sites");
        Ok(site)
    }

    /// Takes an empty site away.
    ///
    /// # Errors
    /// As [`create_site`](Self::create_site).
    pub async fn delete_site(&self, scope: &Scope, actor: &Actor, id: SiteId) -> Result<(), EngineError> {
        self.0.store().sites().delete(scope, actor, self.0.now(), id).await?;
        self.changed("sites");
        Ok(())
    }

    /// Makes a panel.
    ///
    /// # Errors
    /// As [`create_site`](Self::create_site).
    pub async fn create_panel(
        &self,
        scope: &Scope,
        actor: &Actor,
        site: SiteId,
        draft: &PanelDraft,
    ) -> Result<PanelRow, EngineError> {
        let panel = self.0.store().circuits().create_panel(scope, actor, self.0.now(), site, draft).await?;
        self.changed("sites");
        Ok(panel)
    }

    /// Changes a panel.
    ///
    /// # Errors
    /// As [`create_site`](Self::create_site).
    pub async fn change_panel(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: PanelId,
        patch: &PanelPatch,
    ) -> Result<PanelRow, EngineError> {
        let panel = self.0.store().circuits().change_panel(scope, actor, self.0.now(), id, patch).await?;
        self.changed("sites");
        Ok(panel)
    }

    /// Takes an empty panel away.
    ///
    /// # Errors
    /// As [`create_site`](Self::create_site).
    pub async fn delete_panel(&self, scope: &Scope, actor: &Actor, id: PanelId) -> Result<(), EngineError> {
        self.0.store().circuits().delete_panel(scope, actor, self.0.now(), id).await?;
        self.changed("sites");
        Ok(())
    }

    /// Makes a circuit.
    ///
    /// # Errors
    /// As [`create_site`](Self::create_site).
    pub async fn create_circuit(
        &self,
        scope: &Scope,
        actor: &Actor,
        panel: PanelId,
        draft: &CircuitDraft,
    ) -> Result<CircuitRow, EngineError> {
        let circuit =
            self.0.store().circuits().create_circuit(scope, actor, self.0.now(), panel, draft).await?;
        self.changed("sites");
        Ok(circuit)
    }

    /// Changes a circuit; its rated current is the base of overload.
    ///
    /// # Errors
    /// As [`create_site`](Self::create_site).
    pub async fn change_circuit(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: CircuitId,
        patch: &CircuitPatch,
    ) -> Result<CircuitRow, EngineError> {
        let circuit = self.0.store().circuits().change_circuit(scope, actor, self.0.now(), id, patch).await?;
        self.rebind(ScopeKind::Site, circuit.site_id.0).await?;
        self.changed("sites");
        Ok(circuit)
    }

    /// Takes a circuit away on which no detector hangs.
    ///
    /// # Errors
    /// As [`create_site`](Self::create_site).
    pub async fn delete_circuit(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: CircuitId,
    ) -> Result<(), EngineError> {
        self.0.store().circuits().delete_circuit(scope, actor, self.0.now(), id).await?;
        self.changed("sites");
        Ok(())
    }

    /// Renames or moves a detector.
    ///
    /// # Errors
    /// As [`create_site`](Self::create_site).
    pub async fn change_detector(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: DetectorId,
        patch: &DetectorPatch,
    ) -> Result<DetectorRow, EngineError> {
        let detector = self.0.store().detectors().change(scope, actor, self.0.now(), id, patch).await?;
        self.0.reload(&[id]).await?;
        self.changed("sites");
        Ok(detector)
    }

    /// Takes a detector away. Its open alarms are closed; history and alarms stay. The last one of its terminal
    /// leaves the terminal waiting for admission.
    ///
    /// # Errors
    /// As [`create_site`](Self::create_site).
    pub async fn delete_detector(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: DetectorId,
    ) -> Result<(), EngineError> {
        self.0.store().detectors().get(scope, id).await?;
        self.0.withdraw(id).await?;
        match self.0.store().detectors().delete(scope, actor, self.0.now(), id).await {
            Ok(deleted) => {
                self.0.admission().refresh(deleted.terminal).await?;
                self.changed("sites");
                if deleted.terminal_pending {
                    self.0.live().publish(None, None, LiveKind::Pending);
                }
                Ok(())
            }
            Err(error) => {
                self.0.reload(&[id]).await?;
                Err(error.into())
            }
        }
    }

    /// Makes an organisation.
    ///
    /// # Errors
    /// As [`create_site`](Self::create_site).
    pub async fn create_organisation(
        &self,
        scope: &Scope,
        actor: &Actor,
        draft: &OrganisationDraft,
    ) -> Result<OrganisationRow, EngineError> {
        let organisation = self.0.store().organisations().create(scope, actor, self.0.now(), draft).await?;
        self.changed("people");
        Ok(organisation)
    }

    /// Changes or moves an organisation; what is set above it changes with its place.
    ///
    /// # Errors
    /// As [`create_site`](Self::create_site).
    pub async fn change_organisation(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: OrganisationId,
        patch: &OrganisationPatch,
    ) -> Result<OrganisationRow, EngineError> {
        let organisation =
            self.0.store().organisations().change(scope, actor, self.0.now(), id, patch).await?;
        self.rebind(ScopeKind::Organisation, id.0).await?;
        self.changed("people");
        Ok(organisation)
    }

    /// Takes an empty organisation away.
    ///
    /// # Errors
    /// As [`create_site`](Self::create_site).
    pub async fn delete_organisation(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: OrganisationId,
    ) -> Result<(), EngineError> {
        self.0.store().organisations().delete(scope, actor, self.0.now(), id).await?;
        self.changed("people");
        Ok(())
    }

    async fn rebind(&self, kind: ScopeKind, id: i64) -> Result<(), EngineError> {
        let target = ScopeRef { kind, id: id.to_string() };
        let affected = self.0.store().settings().affected(&target).await?;
        self.0.reload(&affected).await
    }

    fn changed(&self, what: &'static str) {
        self.0.live().publish(None, None, LiveKind::Changed { what });
    }
}
