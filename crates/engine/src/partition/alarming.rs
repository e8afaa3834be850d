//! From changes of conditions to alarms: which alarm a change belongs to, and what is written of it.

use domain::access::Scope;
use domain::alarm::{
    Alarm, AlarmEvent, AlarmState, Aside, Beginning, By, Circumstance, CloseReason, Evidence, Refusal,
    Transition, apply, raise,
};
use domain::condition::{ChangeKind, ConditionChange};
use domain::hazard::Severity;
use domain::id::{AlarmId, UserId};
use domain::time::UnixMs;
use serde_json::json;
use store::ActorKind;
use store::alarms::AlarmFilter;
use store::intake::{ANNUNCIATED, AlarmRecord, AlarmWrite, NewTransition, OutboxEntry};

use super::Partition;
use super::draft::{Draft, Out};
use crate::memory::{Detector, OpenAlarm};

impl Out {
    /// Brings the alarms of `detector` in step with `changes`.
    pub(super) fn apply(
        &mut self,
        detector: &mut Detector,
        changes: &[ConditionChange],
        reason: Option<&str>,
    ) {
        for change in changes {
            let place = detector
                .alarms
                .iter()
                .position(|open| open.alarm.channel == change.channel && open.alarm.hazard == change.hazard);
            match (change.kind, place) {
                (ChangeKind::FoundLate(_), _) => {
                    self.late.push((detector.binding.placement.detector, *change));
                }
                (ChangeKind::Raised(severity) | ChangeKind::SeverityChanged(severity), None) => {
                    self.begin(detector, change, severity, false);
                }
                (ChangeKind::Raised(severity), Some(index)) => {
                    self.advance(
                        detector,
                        index,
                        AlarmEvent::RaisedAgain(severity, evidence(change)),
                        change,
                        reason,
                    );
                }
                (ChangeKind::SeverityChanged(severity), Some(index)) => {
                    let event = AlarmEvent::SeverityChanged(severity, evidence(change));
                    self.advance(detector, index, event, change, reason);
                }
                (ChangeKind::Worst, Some(index)) => {
                    self.advance(detector, index, AlarmEvent::Worst(evidence(change)), change, reason);
                }
                (ChangeKind::Returned, Some(index)) => {
                    self.advance(detector, index, AlarmEvent::Returned(evidence(change)), change, reason);
                }
                (ChangeKind::Outvoted, Some(index)) => {
                    let event = AlarmEvent::ValuesNormal(evidence(change));
                    self.advance(detector, index, event, change, Some("values_normal"));
                }
                (ChangeKind::Worst | ChangeKind::Returned | ChangeKind::Outvoted, None) => {}
            }
        }
    }

    /// Begins an alarm; a late one begins closed and opens nothing.
    pub(super) fn begin(
        &mut self,
        detector: &mut Detector,
        change: &ConditionChange,
        severity: Severity,
        late: bool,
    ) {
        self.last_alarm_id += 1;
        let place = &detector.binding.placement;
        let beginning = Beginning {
            id: AlarmId(self.last_alarm_id),
            detector: place.detector,
            channel: change.channel,
            hazard: change.hazard,
            severity,
            evidence: evidence(change),
            late,
        };
        let (alarm, transition) = raise(beginning, circumstance(change, None), self.now);
        let open = OpenAlarm { alarm, site: place.site, circuit: place.circuit };
        self.write(&open, transition, Some("alarm_raised"));
        if !late {
            detector.alarms.push(open);
        }
    }

    fn advance(
        &mut self,
        detector: &mut Detector,
        index: usize,
        event: AlarmEvent,
        change: &ConditionChange,
        reason: Option<&str>,
    ) {
        // A refusal says that alarm and judgement disagree; the judgement is told again with the next change.
        if let Err(refusal) = self.step(detector, index, event, circumstance(change, reason)) {
            tracing::warn!(channel = change.channel.0, hazard = change.hazard.code(), %refusal, "alarm not in step");
        }
    }

    /// Takes the open alarm at `index` one step further.
    pub(super) fn step(
        &mut self,
        detector: &mut Detector,
        index: usize,
        event: AlarmEvent,
        circumstance: Circumstance,
    ) -> Result<(), Refusal> {
        let Some(open) = detector.alarms.get_mut(index) else { return Err(Refusal::Closed) };
        let (alarm, transition) = apply(open.alarm.clone(), event.clone(), circumstance)?;
        let outbox = told_by(&event, &open.alarm, &alarm);
        open.alarm = alarm;
        let open = open.clone();
        self.write(&open, transition, outbox);
        // What was to be told in this very commit is not told after all.
        if open.alarm.aside.is_some()
            && let Some(write) = self.places.get(&open.alarm.id).and_then(|at| self.batch.alarms.get_mut(*at))
        {
            write.outbox.retain(|entry| !ANNUNCIATED.contains(&entry.kind));
        }
        if open.alarm.state == AlarmState::Closed {
            detector.alarms.swap_remove(index);
        }
        Ok(())
    }

    /// Closes every alarm of a detector that is taken away.
    pub(super) fn withdraw(&mut self, detector: &mut Detector) {
        while !detector.alarms.is_empty() {
            if self.withdraw_one(detector, 0).is_err() {
                detector.alarms.clear();
            }
        }
    }

    /// Takes the open alarms of a detector along to where it hangs now: whoever answers for the new place must see
    /// them, and the old one may be taken away.
    pub(super) fn take_along(&mut self, detector: &mut Detector) {
        let place = &detector.binding.placement;
        for open in &mut detector.alarms {
            if open.site != place.site || open.circuit != place.circuit {
                open.site = place.site;
                open.circuit = place.circuit;
                self.row(open);
            }
        }
    }

    /// Closes the alarms of channels that a detector no longer has.
    pub(super) fn withdraw_of_gone_channels(&mut self, detector: &mut Detector) {
        let gone = |detector: &Detector| {
            detector.alarms.iter().position(|open| {
                !detector.binding.channels.iter().any(|c| c.channel.id == open.alarm.channel)
            })
        };
        while let Some(index) = gone(detector) {
            if self.withdraw_one(detector, index).is_err() {
                return;
            }
        }
    }

    fn withdraw_one(&mut self, detector: &mut Detector, index: usize) -> Result<(), Refusal> {
        let circumstance =
            Circumstance { at: self.now, by: By::System, reason: Some("removed".to_owned()), comment: None };
        self.step(detector, index, AlarmEvent::Withdraw, circumstance)
    }

    /// The alarm's row in what is written, as the alarm is now.
    fn row(&mut self, open: &OpenAlarm) -> Option<&mut AlarmWrite> {
        let alarm = record(open);
        let index = *self.places.entry(alarm.id).or_insert_with(|| {
            self.batch.alarms.push(AlarmWrite {
                alarm: alarm.clone(),
                transitions: Vec::new(),
                outbox: Vec::new(),
            });
            self.batch.alarms.len() - 1
        });
        let write = self.batch.alarms.get_mut(index)?;
        write.alarm = alarm;
        Some(write)
    }

    /// Adds an alarm with one step to what is written; several steps of one commit are one row of the alarm.
    pub(super) fn write(&mut self, open: &OpenAlarm, step: Transition, outbox: Option<&'static str>) {
        let alarm = record(open);
        let outbox = outbox.map(|kind| OutboxEntry {
            at: self.now,
            kind,
            payload: json!({
                "v": 1,
                "alarm": alarm.id,
                "site": alarm.site_id,
                "detector": alarm.detector_id,
                "channel": alarm.channel_id,
                "hazard": alarm.hazard,
                "severity": alarm.severity,
                "late": alarm.late,
                "at": step.at,
                "value": step.value,
            }),
        });
        if let Some(write) = self.row(open) {
            write.outbox.extend(outbox);
            // The worst value is on the alarm; a row for each new one would bury the others.
            if step.event != domain::alarm::TransitionEvent::Worst {
                write.transitions.push(new_transition(step));
            }
        }
    }
}

impl Partition {
    /// Begins the alarms that late data show, unless they are known: a device that repeats an upload after the
    /// server forgot the first one finds its hazards on record.
    pub(super) async fn raise_late(&self, draft: &mut Draft) {
        for (id, change) in std::mem::take(&mut draft.out.late) {
            let ChangeKind::FoundLate(severity) = change.kind else { continue };
            let filter = AlarmFilter {
                channel: Some(change.channel),
                hazards: vec![change.hazard],
                late: Some(true),
                since: Some(change.at),
                until: Some(change.at.plus_ms(1)),
                ..AlarmFilter::default()
            };
            match self.links.store.alarms().export(&Scope::platform(), &filter, 1).await {
                Ok(known) if known.is_empty() => {
                    if let Some((touched, out)) = draft.touch(id) {
                        out.begin(&mut touched.detector, &change, severity, true);
                    }
                }
                Ok(_known) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot tell whether a late finding is known; it is left out")
                }
            }
        }
    }
}

/// What an event asks people's attention with; an alarm that is set aside asks for none.
fn told_by(event: &AlarmEvent, before: &Alarm, after: &Alarm) -> Option<&'static str> {
    if after.aside.is_some() {
        return None;
    }
    match event {
        AlarmEvent::RaisedAgain(..) => Some("alarm_raised"),
        AlarmEvent::SeverityChanged(severity, _) => {
            let is_worse = *severity > before.severity;
            (*severity == Severity::Alarm || (is_worse && before.aside.is_some()))
                .then_some("alarm_escalated")
        }
        AlarmEvent::Unshelve | AlarmEvent::BringBack if after.state.is_present() => match before.aside {
            Some(Aside::Maintenance { .. } | Aside::Design { .. }) => Some("alarm_unsuppressed"),
            Some(Aside::Shelved { .. }) | None => Some("alarm_unshelved"),
        },
        AlarmEvent::Realarm => Some("alarm_realarmed"),
        AlarmEvent::Unshelve
        | AlarmEvent::BringBack
        | AlarmEvent::Worst(_)
        | AlarmEvent::Returned(_)
        | AlarmEvent::ValuesNormal(_)
        | AlarmEvent::Shelve(_)
        | AlarmEvent::Suppress(_)
        | AlarmEvent::Judge(_)
        | AlarmEvent::Acknowledge
        | AlarmEvent::UndoAcknowledge
        | AlarmEvent::Reset
        | AlarmEvent::Comment
        | AlarmEvent::Note(_)
        | AlarmEvent::Withdraw => None,
    }
}

fn evidence(change: &ConditionChange) -> Evidence {
    Evidence {
        value: change.value,
        limit: change.limit,
        latching: change.latching,
        reported_by_device: change.reported_by_device,
    }
}

fn circumstance(change: &ConditionChange, reason: Option<&str>) -> Circumstance {
    Circumstance {
        at: change.at,
        by: if change.reported_by_device { By::Device } else { By::System },
        reason: reason.map(str::to_owned),
        comment: None,
    }
}

/// The alarm as it is stored.
pub(super) fn record(open: &OpenAlarm) -> AlarmRecord {
    let a = &open.alarm;
    let account = match &a.acknowledged_by {
        Some(By::User { user, .. }) => user.map(|user| user.0),
        Some(By::System | By::Device) | None => None,
    };
    AlarmRecord {
        id: a.id,
        site_id: open.site,
        detector_id: a.detector,
        channel_id: a.channel,
        circuit_id: open.circuit,
        hazard: a.hazard,
        severity: a.severity,
        worst_severity: a.worst_severity,
        state: a.state,
        raised_at: a.raised_at,
        returned_at: a.returned_at,
        acknowledged_at: a.acknowledged_at,
        acknowledged_by: a.acknowledged_by.as_ref().and_then(By::name).map(str::to_owned),
        acknowledged_by_id: account,
        closed_at: a.closed_at,
        close_reason: a.close_reason.map(|reason| reason.code().to_owned()),
        late: a.late,
        reported_by_device: a.reported_by_device,
        latching: a.latching,
        limit_value: a.limit,
        current_value: a.current_value,
        current_at: a.current_at,
        worst_value: a.worst_value,
        worst_at: a.worst_at,
        aside: a.aside.clone(),
        verdict: a.verdict,
        verdict_note: a.verdict_note.clone(),
        version: a.version,
    }
}

/// The stored alarm as the rules know it.
pub(super) fn from_record(record: AlarmRecord) -> OpenAlarm {
    let acknowledged_by = record.acknowledged_by.map(|name| By::User {
        user: record.acknowledged_by_id.map(UserId),
        token: None,
        name,
    });
    OpenAlarm {
        site: record.site_id,
        circuit: record.circuit_id,
        alarm: Alarm {
            id: record.id,
            detector: record.detector_id,
            channel: record.channel_id,
            hazard: record.hazard,
            severity: record.severity,
            worst_severity: record.worst_severity,
            state: record.state,
            raised_at: record.raised_at,
            returned_at: record.returned_at,
            acknowledged_at: record.acknowledged_at,
            acknowledged_by,
            closed_at: record.closed_at,
            close_reason: record.close_reason.as_deref().and_then(CloseReason::from_code),
            worst_value: record.worst_value,
            worst_at: record.worst_at,
            current_value: record.current_value,
            current_at: record.current_at,
            limit: record.limit_value,
            latching: record.latching,
            late: record.late,
            reported_by_device: record.reported_by_device,
            aside: record.aside,
            verdict: record.verdict,
            verdict_note: record.verdict_note,
            version: record.version,
        },
    }
}

fn new_transition(step: Transition) -> NewTransition {
    let (actor, actor_name) = match step.by {
        By::System => (ActorKind::System, None),
        By::Device => (ActorKind::Device, None),
        By::User { user: Some(user), name, .. } => (ActorKind::User(user), Some(name)),
        By::User { token: Some(token), name, .. } => (ActorKind::Token(token), Some(name)),
        By::User { user: None, token: None, name } => (ActorKind::System, Some(name)),
    };
    NewTransition {
        at: step.at,
        event: step.event.code(),
        from_state: step.from_state,
        to_state: step.to_state,
        severity: step.severity,
        value: step.value,
        actor,
        actor_name,
        reason: step.reason,
        comment: step.comment,
        note: step.note,
    }
}

/// Who acts, in the alarm's words.
pub(super) fn by(actor: &store::Actor) -> By {
    match actor.kind {
        ActorKind::User(id) => By::User { user: Some(id), token: None, name: actor.name.clone() },
        ActorKind::Token(id) => By::User { user: None, token: Some(id), name: actor.name.clone() },
        ActorKind::System => By::System,
        ActorKind::Device => By::Device,
    }
}

/// A closed alarm as the desk reads it, for a comment on it.
pub(super) fn from_row(row: store::alarms::AlarmRow) -> OpenAlarm {
    from_record(AlarmRecord {
        id: row.id,
        site_id: row.site_id,
        detector_id: row.detector_id,
        channel_id: row.channel_id,
        circuit_id: row.circuit_id,
        hazard: row.hazard,
        severity: row.severity,
        worst_severity: row.worst_severity,
        state: row.state,
        raised_at: row.raised_at,
        returned_at: row.returned_at,
        acknowledged_at: row.acknowledged_at,
        acknowledged_by: row.acknowledged_by,
        acknowledged_by_id: row.acknowledged_by_id,
        closed_at: row.closed_at,
        close_reason: row.close_reason,
        late: row.late,
        reported_by_device: row.reported_by_device,
        latching: row.latching,
        limit_value: row.limit_value,
        current_value: row.current_value,
        current_at: row.current_at,
        worst_value: row.worst_value,
        worst_at: row.worst_at,
        aside: row.aside,
        verdict: row.verdict,
        verdict_note: row.verdict_note,
        version: row.version,
    })
}

/// Milliseconds as the audit log tells them.
pub(super) const fn told(at: Option<UnixMs>) -> Option<i64> {
    match at {
        Some(at) => Some(at.0),
        None => None,
    }
}
