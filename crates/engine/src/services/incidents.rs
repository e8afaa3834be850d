//! Incidents: alarms of one cause, computed from what the caller may see whenever somebody asks.

use std::collections::HashMap;

use bus::LiveKind;
use domain::access::Scope;
use domain::id::AlarmId;
use domain::incident::{Decision, Incident, group};
use store::Actor;
use store::incidents::IncidentAlarmRow;

use crate::error::EngineError;
use crate::pipeline::Engine;

/// Incidents.
#[derive(Debug, Clone, Copy)]
pub struct IncidentDesk<'e>(&'e Engine);

impl Engine {
    /// Incidents.
    #[must_use]
    pub const fn incidents(&self) -> IncidentDesk<'_> {
        IncidentDesk(self)
    }
}

impl IncidentDesk<'_> {
    /// The open incidents among the alarms in `scope`, highest severity first, then the newest; each with its alarms.
    ///
    /// # Errors
    /// [`EngineError::Store`] with what the store refuses.
    pub async fn open(&self, scope: &Scope) -> Result<Vec<(Incident, Vec<IncidentAlarmRow>)>, EngineError> {
        let now = self.0.now();
        let facts = self.0.store().incidents().facts(scope, now).await?;
        let alarms: Vec<_> = facts.alarms.iter().map(IncidentAlarmRow::fact).collect();
        let mut incidents = group(&alarms, &facts.population, &facts.decisions, now);
        incidents.sort_by_key(|one| (std::cmp::Reverse(one.severity), std::cmp::Reverse(one.until), one.id));
        let mut rows: HashMap<AlarmId, IncidentAlarmRow> =
            facts.alarms.into_iter().map(|row| (row.id, row)).collect();
        Ok(incidents
            .into_iter()
            .map(|one| {
                let members = one.members.iter().filter_map(|id| rows.remove(id)).collect();
                (one, members)
            })
            .collect())
    }

    /// A person says where an alarm belongs.
    ///
    /// # Errors
    /// [`EngineError::Store`] with what the store refuses.
    pub async fn decide(&self, scope: &Scope, actor: &Actor, decision: Decision) -> Result<(), EngineError> {
        let incidents = self.open(scope).await?;
        let left = incidents.iter().find(|(one, _)| one.members.contains(&decision.alarm));
        let heir = left.and_then(|(one, _)| one.members.iter().find(|id| **id != decision.alarm)).copied();
        self.0.store().incidents().decide(scope, actor, self.0.now(), decision, heir).await?;
        self.0.live().publish(None, None, LiveKind::Changed { what: "incidents" });
        Ok(())
    }
}
