//! What people do to alarms. It goes through the partition, so that there is one writer of an alarm's state, and
//! the audit entry is in the same transaction (invariant 9).

use std::sync::Arc;

use domain::access::Scope;
use domain::alarm::note::{Entry, fits};
use domain::alarm::{AlarmEvent, AlarmState, Circumstance, Evidence, Note, Refusal, TransitionEvent, apply};
use domain::hazard::Hazard;
use domain::id::{AlarmId, TransitionId};
use domain::reading::Reported;
use domain::time::UnixMs;
use serde_json::json;
use store::audit::{AuditEntry, AuditObject};
use store::{Actor, StoreError};

use super::Partition;
use super::alarming::{by, from_row, told};
use super::draft::{Draft, take};
use crate::error::EngineError;
use crate::memory::OpenAlarm;

/// One act of one person on one alarm; the caller has checked that the alarm is in their scope.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    pub(crate) alarm: AlarmId,
    /// What a person does.
    pub(crate) event: AlarmEvent,
    pub(crate) comment: Option<String>,
    pub(crate) actor: Actor,
    /// `alarm.acknowledge`, `alarm.reset` ...
    pub(crate) action: &'static str,
    /// The alarm as the audit log names it.
    pub(crate) object: AuditObject,
}

impl Partition {
    pub(super) async fn act(&self, draft: &mut Draft, act: Act) -> Result<(), EngineError> {
        if let AlarmEvent::Note(note) = &act.event {
            fits(&self.record(draft, act.alarm).await?, note)?;
        }
        let circumstance = Circumstance {
            at: draft.out.now,
            by: by(&act.actor),
            reason: if let AlarmEvent::Judge(verdict) = &act.event {
                Some(verdict.code().to_owned())
            } else {
                None
            },
            comment: act.comment.clone(),
        };
        // It may have been raised in this very commit, then nobody can know its id yet.
        let open = self.alarms.get(&act.alarm).copied().and_then(|detector| {
            let (touched, out) = draft.touch(detector)?;
            let index = touched.detector.alarms.iter().position(|open| open.alarm.id == act.alarm)?;
            Some((touched, out, index))
        });
        if let Some((touched, out, index)) = open {
            let before = touched.detector.alarms.get(index).cloned();
            let by_hand = match &before {
                Some(open) if act.event == AlarmEvent::Reset => ends_by_hand(open)?,
                Some(_) | None => None,
            };
            if let Some(hazard) = by_hand {
                let none = Evidence { value: None, limit: None, latching: false, reported_by_device: false };
                out.step(&mut touched.detector, index, AlarmEvent::Returned(none), circumstance)?;
                let binding = Arc::clone(&touched.detector.binding);
                let gone = Reported { point: None, hazard, severity: None };
                let changed = touched.detector.state.on_report(&binding, &gone, out.now);
                take(touched, out, &changed, None);
            } else {
                out.step(&mut touched.detector, index, act.event.clone(), circumstance)?;
            }
            let after = out.places.get(&act.alarm).and_then(|place| out.batch.alarms.get(*place));
            let after = after.map(|write| {
                json!({
                    "state": write.alarm.state.code(),
                    "version": write.alarm.version,
                    "closed_at": told(write.alarm.closed_at),
                    "aside": write.alarm.aside,
                    "verdict": write.alarm.verdict,
                    "comment": act.comment,
                    "note": note(&act.event),
                })
            });
            out.batch.audit.push(entry(&act, out.now, before.as_ref(), after));
            return Ok(());
        }
        // Not open: over, or closed a moment ago in this very commit.
        let row = self.links.store.alarms().get(&Scope::platform(), act.alarm).await?;
        // Whoever watches the detector hears of it.
        draft.touch(row.detector_id);
        let written = draft.out.places.get(&act.alarm).and_then(|place| draft.out.batch.alarms.get(*place));
        let closed = match written {
            Some(write) => super::alarming::from_record(write.alarm.clone()),
            None => from_row(row),
        };
        let (alarm, transition) = apply(closed.alarm.clone(), act.event.clone(), circumstance)?;
        if alarm.state != domain::alarm::AlarmState::Closed {
            return Err(EngineError::Store(StoreError::NotFound { what: "alarm" }));
        }
        let now = draft.out.now;
        let after = json!({
            "state": alarm.state.code(),
            "version": alarm.version,
            "verdict": alarm.verdict,
            "comment": act.comment,
            "note": note(&act.event),
        });
        let audit = entry(&act, now, Some(&closed), Some(after));
        draft.out.write(&OpenAlarm { alarm, ..closed }, transition, None);
        draft.out.batch.audit.push(audit);
        Ok(())
    }

    /// What people have entered about an alarm, with what this commit adds. What it adds has no number yet, so nothing
    /// of this commit can be about it.
    async fn record(&self, draft: &Draft, alarm: AlarmId) -> Result<Vec<Entry>, EngineError> {
        let mut record = self.links.store.alarms().record(alarm).await?;
        let written = draft.out.places.get(&alarm).and_then(|place| draft.out.batch.alarms.get(*place));
        let steps = written.into_iter().flat_map(|write| &write.transitions);
        record.extend(steps.filter_map(|step| {
            let event = TransitionEvent::from_code(step.event)?;
            step.note.clone().map(|note| Entry { id: TransitionId(0), at: step.at, event, note: Some(note) })
        }));
        Ok(record)
    }
}

/// What a reset ends while it is there. No value need ever show that a breaker is where it was wanted, nor that a component
/// that is nobody's is well again; so a person who has looked may say it. Every other hazard ends by what is measured or
/// told by the device.
fn ends_by_hand(open: &OpenAlarm) -> Result<Option<Hazard>, Refusal> {
    match (open.alarm.hazard, open.alarm.state) {
        (hazard, AlarmState::Unacknowledged) if hazard.ends_by_hand() => Err(Refusal::NotAcknowledged),
        (hazard, state) => Ok((hazard.ends_by_hand() && state == AlarmState::Acknowledged).then_some(hazard)),
    }
}

/// Whom the person called or sent, for the audit log.
const fn note(event: &AlarmEvent) -> Option<&Note> {
    if let AlarmEvent::Note(note) = event { Some(note) } else { None }
}

fn entry(act: &Act, at: UnixMs, before: Option<&OpenAlarm>, after: Option<serde_json::Value>) -> AuditEntry {
    AuditEntry {
        at,
        actor: act.actor.clone(),
        action: act.action,
        object: act.object.clone(),
        before: before.map(|open| {
            json!({
                "state": open.alarm.state.code(),
                "version": open.alarm.version,
                "acknowledged_at": told(open.alarm.acknowledged_at),
            })
        }),
        after,
    }
}
