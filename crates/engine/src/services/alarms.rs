//! The alarm desk: acknowledge, take back, shelve, judge, reset, comment.

use bus::{LineAnswer, LineCommand, LineError};
use domain::access::Scope;
use domain::alarm::{AlarmEvent, Aside, Note, Refusal, Verdict};
use domain::id::{AlarmId, DetectorId};
use serde_json::json;
use store::alarms::AlarmRow;
use store::audit::{AuditEntry, AuditObject};
use store::{Actor, StoreError};

use crate::error::EngineError;
use crate::partition::Act;
use crate::pipeline::Engine;
use crate::services::commands::invalid;

/// The alarm desk.
#[derive(Debug, Clone, Copy)]
pub struct AlarmDesk<'e>(&'e Engine);

impl Engine {
    /// The alarm desk.
    #[must_use]
    pub const fn alarms(&self) -> AlarmDesk<'_> {
        AlarmDesk(self)
    }
}

/// What became of a reset at the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceCommand {
    /// The device took it.
    Sent,
    /// Its line is not open.
    NotConnected,
    /// Its profile does not know how.
    Unsupported,
    /// It refused, or did not answer.
    Failed,
}

impl DeviceCommand {
    /// The stable name used in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::NotConnected => "not_connected",
            Self::Unsupported => "unsupported",
            Self::Failed => "failed",
        }
    }
}

/// A reset alarm, and what the device said if it was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct ResetOutcome {
    /// The alarm after the reset.
    pub alarm: AlarmRow,
    /// `None` when the device was not to be asked.
    pub device_command: Option<DeviceCommand>,
}

/// What became of many alarms at once.
#[derive(Debug, Default)]
pub struct BulkOutcome {
    /// Done.
    pub done: Vec<AlarmId>,
    /// Not done, and why. One that is not in the caller's scope is [`StoreError::NotFound`].
    pub refused: Vec<(AlarmId, EngineError)>,
}

impl AlarmDesk<'_> {
    /// Takes an alarm.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when somebody has it or it is closed, [`StoreError::NotFound`] out of scope.
    pub async fn acknowledge(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: AlarmId,
        comment: Option<String>,
    ) -> Result<AlarmRow, EngineError> {
        self.one(scope, actor, id, AlarmEvent::Acknowledge, "alarm.acknowledge", comment).await
    }

    /// Takes one's own acknowledgement back, within a minute.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when there is none of this person or it is too old.
    pub async fn undo_acknowledge(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: AlarmId,
    ) -> Result<AlarmRow, EngineError> {
        self.one(scope, actor, id, AlarmEvent::UndoAcknowledge, "alarm.undo_acknowledge", None).await
    }

    /// Says something about an alarm, also about a closed one.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] out of scope.
    pub async fn comment(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: AlarmId,
        comment: String,
    ) -> Result<AlarmRow, EngineError> {
        self.one(scope, actor, id, AlarmEvent::Comment, "alarm.comment", Some(comment)).await
    }

    /// Enters into an alarm's record whom a person called or sent, what became of it, or that an entry holds no longer;
    /// also into that of a closed one.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when it is about an entry that is not there or is over, [`StoreError::NotFound`] out of
    /// scope.
    pub async fn note(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: AlarmId,
        note: Note,
        comment: Option<String>,
    ) -> Result<AlarmRow, EngineError> {
        let action = match &note {
            Note::Called { .. } => "alarm.call",
            Note::Dispatched { .. } => "alarm.dispatch",
            Note::Arrived { .. } => "alarm.arrive",
            Note::Finished { .. } => "alarm.finish",
            Note::Withdrawn { .. } => "alarm.withdraw_entry",
        };
        self.one(scope, actor, id, AlarmEvent::Note(note), action, comment).await
    }

    /// Resets a held alarm, or says with a reason that a breaker is where it was wanted; resets the device too when `send_to_device` says so and its profile knows how.
    ///
    /// # Errors
    /// [`EngineError::Refused`] while the hazard is there or nobody has acknowledged it; [`EngineError::Invalid`] about
    /// `comment` when a reason is missing.
    pub async fn reset(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: AlarmId,
        comment: Option<String>,
        send_to_device: bool,
    ) -> Result<ResetOutcome, EngineError> {
        let before = self.0.store().alarms().get(scope, id).await?;
        let reason = comment.as_deref().is_some_and(|words| !words.trim().is_empty());
        if before.hazard.ends_by_hand() && before.state.is_present() && !reason {
            return Err(invalid(
                "comment",
                "required",
                "wanted a reason: neither values nor the device show that it is gone",
            ));
        }
        let alarm = self.one(scope, actor, id, AlarmEvent::Reset, "alarm.reset", comment).await?;
        let device_command = if send_to_device { Some(self.reset_device(actor, &alarm).await) } else { None };
        Ok(ResetOutcome { alarm, device_command })
    }

    /// Takes many alarms (at most 500) in one transaction.
    ///
    /// # Errors
    /// [`EngineError::Store`] when nothing could be committed; single refusals are in the outcome.
    pub async fn acknowledge_many(
        &self,
        scope: &Scope,
        actor: &Actor,
        ids: &[AlarmId],
        comment: Option<String>,
    ) -> Result<BulkOutcome, EngineError> {
        let rows = self.0.store().alarms().by_ids(scope, ids).await?;
        let mut outcome = BulkOutcome::default();
        for id in ids.iter().filter(|id| !rows.iter().any(|row| row.id == **id)) {
            outcome.refused.push((*id, EngineError::Store(StoreError::NotFound { what: "alarm" })));
        }
        let acts = rows
            .iter()
            .map(|row| act(row, actor, AlarmEvent::Acknowledge, "alarm.acknowledge", comment.clone()))
            .collect();
        let answers = self.0.act(acts).await?;
        for (row, answer) in rows.iter().zip(answers) {
            match answer {
                Ok(()) => outcome.done.push(row.id),
                Err(EngineError::Refused(refusal)) => {
                    outcome.refused.push((row.id, EngineError::Refused(refusal)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(outcome)
    }

    /// Puts an alarm on the shelf for `for_ms`: it is told to nobody until then, unless it gets worse.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] about `minutes` or `reason`; [`EngineError::Refused`] when it is closed or suppressed.
    pub async fn shelve(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: AlarmId,
        for_ms: i64,
        reason: String,
    ) -> Result<AlarmRow, EngineError> {
        let most_ms = self.0.life_rules().shelf_most_ms;
        if !(1..=most_ms).contains(&for_ms) {
            let most = most_ms / 60_000;
            let mut refused = invalid("minutes", "out_of_range", format!("wanted 1 to {most} minutes"));
            if let EngineError::Invalid(fields) = &mut refused {
                for field in fields {
                    field.params.extend([("min", json!(1)), ("max", json!(most))]);
                }
            }
            return Err(refused);
        }
        let reason = reason.trim().to_owned();
        if reason.is_empty() {
            return Err(invalid("reason", "required", "wanted a reason"));
        }
        let since = self.0.now();
        let shelf = Aside::Shelved {
            since,
            until: since.plus_ms(for_ms),
            reason: reason.clone(),
            by: actor.name.clone(),
        };
        self.one(scope, actor, id, AlarmEvent::Shelve(shelf), "alarm.shelve", Some(reason)).await
    }

    /// Brings an alarm back from the shelf.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when it is not there.
    pub async fn unshelve(&self, scope: &Scope, actor: &Actor, id: AlarmId) -> Result<AlarmRow, EngineError> {
        self.one(scope, actor, id, AlarmEvent::Unshelve, "alarm.unshelve", None).await
    }

    /// Says what an alarm was in truth, also of a closed one; takes it too when nobody has and `take` says so.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] out of scope.
    pub async fn judge(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: AlarmId,
        verdict: Verdict,
        note: Option<String>,
        take: bool,
    ) -> Result<AlarmRow, EngineError> {
        let row = self.0.store().alarms().get(scope, id).await?;
        let judge = act(&row, actor, AlarmEvent::Judge(verdict), "alarm.judge", note.clone());
        let mut acts = vec![judge];
        if take && row.state.waits_for_acknowledgement() {
            acts.push(act(&row, actor, AlarmEvent::Acknowledge, "alarm.acknowledge", None));
        }
        for answer in self.0.act(acts).await? {
            match answer {
                // Somebody else took it in between; what it was is said all the same.
                Ok(()) | Err(EngineError::Refused(Refusal::AlreadyAcknowledged | Refusal::Closed)) => {}
                Err(error) => return Err(error),
            }
        }
        self.0.diagnosis().judged(scope, actor, &row, verdict, note.as_deref()).await?;
        Ok(self.0.store().alarms().get(scope, id).await?)
    }

    async fn one(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: AlarmId,
        event: AlarmEvent,
        action: &'static str,
        comment: Option<String>,
    ) -> Result<AlarmRow, EngineError> {
        let row = self.0.store().alarms().get(scope, id).await?;
        let answers = self.0.act(vec![act(&row, actor, event, action, comment)]).await?;
        answers.into_iter().next().unwrap_or(Err(EngineError::Stopped))?;
        Ok(self.0.store().alarms().get(scope, id).await?)
    }

    async fn reset_device(&self, actor: &Actor, alarm: &AlarmRow) -> DeviceCommand {
        let outcome = self.write_reset(alarm.detector_id, &alarm.profile_id).await;
        let entry = AuditEntry {
            at: self.0.now(),
            actor: actor.clone(),
            action: "device.reset",
            object: AuditObject {
                kind: "detector",
                id: alarm.detector_id.to_string(),
                name: alarm.detector_name.clone(),
                place: Some((alarm.organisation_path.clone(), alarm.area_code.clone())),
            },
            before: None,
            after: Some(json!({ "alarm": alarm.id, "outcome": outcome.code() })),
        };
        // The device has been asked already; that the log could not be written is for the operator.
        if let Err(error) = self.0.store().audit().record(&entry).await {
            tracing::error!(%error, detector = alarm.detector_id.0, "a reset of a device is not in the audit log");
        }
        outcome
    }

    async fn write_reset(&self, detector: DetectorId, profile: &str) -> DeviceCommand {
        let write = self.0.directory().profile(profile).and_then(|profile| profile.reset.clone());
        let (Some(write), Some(detector)) = (write, self.0.memory().detector(detector)) else {
            return DeviceCommand::Unsupported;
        };
        let command = LineCommand::Write { unit: detector.unit_address, write };
        match self.0.sessions().request(detector.binding.placement.terminal, command).await {
            Ok(LineAnswer::Done) => DeviceCommand::Sent,
            Ok(LineAnswer::Data(_) | LineAnswer::Exception(_) | LineAnswer::Refused(_)) => {
                DeviceCommand::Failed
            }
            Err(LineError::Unsupported) => DeviceCommand::Unsupported,
            Err(LineError::NotConnected) => DeviceCommand::NotConnected,
            Err(LineError::Busy | LineError::TimedOut | LineError::LineLost) => DeviceCommand::Failed,
        }
    }
}

fn act(
    row: &AlarmRow,
    actor: &Actor,
    event: AlarmEvent,
    action: &'static str,
    comment: Option<String>,
) -> Act {
    Act {
        alarm: row.id,
        event,
        comment,
        actor: actor.clone(),
        action,
        object: AuditObject {
            kind: "alarm",
            id: row.id.to_string(),
            name: format!("{} {} {}", row.site_name, row.detector_name, row.hazard.code()),
            place: Some((row.organisation_path.clone(), row.area_code.clone())),
        },
    }
}
