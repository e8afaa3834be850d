//! Maintenance windows: what people make and end holds in the pipeline before the call returns.

use domain::access::Scope;
use domain::id::WindowId;
use store::Actor;
use store::maintenance::{WindowChange, WindowDraft, WindowRow};

use crate::error::EngineError;
use crate::pipeline::Engine;

/// Maintenance windows.
#[derive(Debug, Clone, Copy)]
pub struct MaintenanceDesk<'e>(&'e Engine);

impl Engine {
    /// Maintenance windows.
    #[must_use]
    pub const fn maintenance(&self) -> MaintenanceDesk<'_> {
        MaintenanceDesk(self)
    }
}

impl MaintenanceDesk<'_> {
    /// Makes a window; alarms that it covers are set aside at once when its time has come.
    ///
    /// # Errors
    /// [`EngineError::Store`] with what the store refuses.
    pub async fn create(
        &self,
        scope: &Scope,
        actor: &Actor,
        draft: &WindowDraft,
    ) -> Result<WindowRow, EngineError> {
        let row = self.0.store().maintenance().create(scope, actor, self.0.now(), draft).await?;
        self.0.reload_maintenance().await?;
        Ok(row)
    }

    /// Changes a window; what is covered by it and what no longer is follows at once.
    ///
    /// # Errors
    /// [`EngineError::Store`] with what the store refuses.
    pub async fn change(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: WindowId,
        change: &WindowChange,
    ) -> Result<WindowRow, EngineError> {
        let row = self.0.store().maintenance().change(scope, actor, self.0.now(), id, change).await?;
        self.0.reload_maintenance().await?;
        Ok(row)
    }

    /// Ends a window now; alarms that it covered and that are still there are told.
    ///
    /// # Errors
    /// [`EngineError::Store`] with what the store refuses.
    pub async fn end(&self, scope: &Scope, actor: &Actor, id: WindowId) -> Result<WindowRow, EngineError> {
        let row = self.0.store().maintenance().end(scope, actor, self.0.now(), id).await?;
        self.0.reload_maintenance().await?;
        Ok(row)
    }
}
