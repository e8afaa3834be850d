//! The tables of an alarm's life: state x event, and set aside x event.

use super::{
    Alarm, AlarmEvent, AlarmState, Aside, AsideKind, Beginning, Circumstance, CloseReason, Evidence, Refusal,
    Transition, TransitionEvent, UNDO_WITHIN_MS,
};
use crate::time::UnixMs;

/// Begins an alarm at `circumstance.at`; `now` is the server's clock.
#[must_use]
pub fn raise(beginning: Beginning, circumstance: Circumstance, now: UnixMs) -> (Alarm, Transition) {
    let Beginning { id, detector, channel, hazard, severity, evidence, late } = beginning;
    let at = circumstance.at;
    let state = if late { AlarmState::Closed } else { AlarmState::Unacknowledged };
    let alarm = Alarm {
        id,
        detector,
        channel,
        hazard,
        severity,
        worst_severity: severity,
        state,
        raised_at: at,
        returned_at: late.then_some(at),
        acknowledged_at: None,
        acknowledged_by: None,
        closed_at: late.then_some(now),
        close_reason: late.then_some(CloseReason::Late),
        worst_value: evidence.value,
        worst_at: evidence.value.map(|_| at),
        current_value: evidence.value,
        current_at: evidence.value.map(|_| at),
        limit: evidence.limit,
        latching: evidence.latching && !late,
        late,
        reported_by_device: evidence.reported_by_device,
        aside: None,
        verdict: None,
        verdict_note: None,
        version: 1,
    };
    let transition = transition(&alarm, TransitionEvent::Raised, None, evidence.value, circumstance);
    (alarm, transition)
}

/// Takes `alarm` one step further, or says why that cannot be.
///
/// # Errors
/// [`Refusal`] with the alarm's state unchanged.
pub fn apply(
    alarm: Alarm,
    event: AlarmEvent,
    circumstance: Circumstance,
) -> Result<(Alarm, Transition), Refusal> {
    let (state, kind) = next(&alarm, &event, &circumstance)?;
    let aside = next_aside(&alarm, &event, state)?;
    let mut after = Alarm { state, aside, version: alarm.version + 1, ..alarm };
    let at = circumstance.at;
    let mut value = None;
    match &event {
        AlarmEvent::RaisedAgain(severity, evidence) | AlarmEvent::SeverityChanged(severity, evidence) => {
            after.severity = *severity;
            after.worst_severity = after.worst_severity.max(*severity);
            after.latching |= evidence.latching;
            after.reported_by_device |= evidence.reported_by_device;
            after.limit = evidence.limit.or(after.limit);
            take_value(&mut after, evidence, at);
            value = evidence.value;
            after.returned_at = None;
        }
        AlarmEvent::Worst(evidence) => {
            take_value(&mut after, evidence, at);
            value = evidence.value;
        }
        AlarmEvent::Returned(evidence) => {
            if let Some(current) = evidence.value {
                after.current_value = Some(current);
                after.current_at = Some(at);
            }
            value = evidence.value;
            after.returned_at = Some(at);
        }
        AlarmEvent::ValuesNormal(evidence) => {
            value = evidence.value;
            after.current_value = evidence.value.or(after.current_value);
            after.returned_at = Some(at);
            after.latching = false;
        }
        AlarmEvent::Judge(verdict) => {
            after.verdict = Some(*verdict);
            after.verdict_note = circumstance.comment.clone();
        }
        AlarmEvent::Acknowledge => {
            after.acknowledged_at = Some(at);
            after.acknowledged_by = Some(circumstance.by.clone());
        }
        AlarmEvent::UndoAcknowledge
        | AlarmEvent::Reset
        | AlarmEvent::Comment
        | AlarmEvent::Note(_)
        | AlarmEvent::Withdraw
        | AlarmEvent::Realarm
        | AlarmEvent::Shelve(_)
        | AlarmEvent::Unshelve
        | AlarmEvent::Suppress(_)
        | AlarmEvent::BringBack => {}
    }
    if state.waits_for_acknowledgement() {
        after.acknowledged_at = None;
        after.acknowledged_by = None;
    }
    if state == AlarmState::Closed && after.closed_at.is_none() {
        after.closed_at = Some(at);
        after.close_reason = Some(match event {
            AlarmEvent::Reset => CloseReason::Reset,
            AlarmEvent::Withdraw => CloseReason::Withdrawn,
            AlarmEvent::ValuesNormal(_) => CloseReason::ValuesNormal,
            AlarmEvent::RaisedAgain(..)
            | AlarmEvent::SeverityChanged(..)
            | AlarmEvent::Worst(_)
            | AlarmEvent::Returned(_)
            | AlarmEvent::Acknowledge
            | AlarmEvent::UndoAcknowledge
            | AlarmEvent::Comment
            | AlarmEvent::Note(_)
            | AlarmEvent::Realarm
            | AlarmEvent::Shelve(_)
            | AlarmEvent::Unshelve
            | AlarmEvent::Suppress(_)
            | AlarmEvent::BringBack
            | AlarmEvent::Judge(_) => CloseReason::Returned,
        });
    }
    let mut transition = transition(&after, kind, Some(alarm.state), value, circumstance);
    if let AlarmEvent::Note(note) = event {
        transition.note = Some(note);
    }
    Ok((after, transition))
}

/// The table: which state follows, and what the step is called.
fn next(
    alarm: &Alarm,
    event: &AlarmEvent,
    circumstance: &Circumstance,
) -> Result<(AlarmState, TransitionEvent), Refusal> {
    use AlarmState as S;
    use TransitionEvent as T;
    let state = alarm.state;
    match (event, state) {
        (AlarmEvent::Comment, same) => Ok((same, T::Commented)),
        (AlarmEvent::Note(note), same) => Ok((same, note.event())),
        (AlarmEvent::Judge(_), same) => Ok((same, T::Judged)),
        (
            AlarmEvent::RaisedAgain(..)
            | AlarmEvent::SeverityChanged(..)
            | AlarmEvent::Worst(_)
            | AlarmEvent::Returned(_)
            | AlarmEvent::Acknowledge
            | AlarmEvent::UndoAcknowledge
            | AlarmEvent::Reset
            | AlarmEvent::Withdraw
            | AlarmEvent::ValuesNormal(_)
            | AlarmEvent::Realarm
            | AlarmEvent::Shelve(_)
            | AlarmEvent::Unshelve
            | AlarmEvent::Suppress(_)
            | AlarmEvent::BringBack,
            S::Closed,
        ) => Err(Refusal::Closed),
        (AlarmEvent::Withdraw, _) => Ok((S::Closed, T::Closed)),

        (AlarmEvent::RaisedAgain(..), _) => Ok((S::Unacknowledged, T::Raised)),

        // Worse than before asks for attention again; less bad does not.
        (AlarmEvent::SeverityChanged(severity, _), S::Unacknowledged | S::Acknowledged) => {
            if *severity > alarm.severity {
                Ok((S::Unacknowledged, T::Escalated))
            } else {
                Ok((state, T::Deescalated))
            }
        }
        (AlarmEvent::Worst(_), S::Unacknowledged | S::Acknowledged) => Ok((state, T::Worst)),
        (AlarmEvent::Returned(_), S::Unacknowledged) => Ok((
            if alarm.latching { S::LatchedUnacknowledged } else { S::ReturnedUnacknowledged },
            T::Returned,
        )),
        (AlarmEvent::Returned(_), S::Acknowledged) => {
            Ok((if alarm.latching { S::LatchedAcknowledged } else { S::Closed }, T::Returned))
        }
        // Nobody has seen it: it says that it is gone, and waits to be taken. What the device holds it for is no longer
        // believed, so it is not held for reset.
        (AlarmEvent::ValuesNormal(_), S::Unacknowledged) => Ok((S::ReturnedUnacknowledged, T::Returned)),
        (AlarmEvent::ValuesNormal(_), S::Acknowledged) => Ok((S::Closed, T::Closed)),
        (
            AlarmEvent::SeverityChanged(..)
            | AlarmEvent::Worst(_)
            | AlarmEvent::Returned(_)
            | AlarmEvent::ValuesNormal(_)
            | AlarmEvent::Realarm,
            S::ReturnedUnacknowledged | S::LatchedUnacknowledged | S::LatchedAcknowledged,
        ) => Err(Refusal::NotPresent),

        (AlarmEvent::Realarm, S::Acknowledged) => Ok((S::Unacknowledged, T::Realarmed)),
        (AlarmEvent::Realarm, S::Unacknowledged) => Err(Refusal::NotAcknowledged),

        (AlarmEvent::Shelve(_), same) => Ok((same, T::Shelved)),
        (AlarmEvent::Suppress(_), same) => Ok((same, T::Suppressed)),
        // Who comes back asks for attention, whoever had it before.
        (AlarmEvent::Unshelve | AlarmEvent::BringBack, S::Unacknowledged | S::Acknowledged) => {
            Ok((S::Unacknowledged, came_back(alarm)))
        }
        (
            AlarmEvent::Unshelve | AlarmEvent::BringBack,
            same @ (S::ReturnedUnacknowledged | S::LatchedUnacknowledged | S::LatchedAcknowledged),
        ) => Ok((same, came_back(alarm))),

        (AlarmEvent::Acknowledge, S::Unacknowledged) => Ok((S::Acknowledged, T::Acknowledged)),
        (AlarmEvent::Acknowledge, S::ReturnedUnacknowledged) => Ok((S::Closed, T::Acknowledged)),
        (AlarmEvent::Acknowledge, S::LatchedUnacknowledged) => Ok((S::LatchedAcknowledged, T::Acknowledged)),
        (AlarmEvent::Acknowledge, S::Acknowledged | S::LatchedAcknowledged) => {
            Err(Refusal::AlreadyAcknowledged)
        }

        (AlarmEvent::UndoAcknowledge, S::Acknowledged | S::LatchedAcknowledged) => {
            let own = alarm.acknowledged_by.as_ref() == Some(&circumstance.by);
            let fresh = alarm
                .acknowledged_at
                .is_some_and(|at| (0..=UNDO_WITHIN_MS).contains(&circumstance.at.since_ms(at)));
            match (own && fresh, state) {
                (false, _) => Err(Refusal::NothingToUndo),
                (true, S::LatchedAcknowledged) => Ok((S::LatchedUnacknowledged, T::Unacknowledged)),
                (
                    true,
                    S::Unacknowledged
                    | S::Acknowledged
                    | S::ReturnedUnacknowledged
                    | S::LatchedUnacknowledged
                    | S::Closed,
                ) => Ok((S::Unacknowledged, T::Unacknowledged)),
            }
        }
        (
            AlarmEvent::UndoAcknowledge,
            S::Unacknowledged | S::ReturnedUnacknowledged | S::LatchedUnacknowledged,
        ) => Err(Refusal::NothingToUndo),

        (AlarmEvent::Reset, S::LatchedAcknowledged) => Ok((S::Closed, T::Reset)),
        (AlarmEvent::Reset, S::LatchedUnacknowledged | S::ReturnedUnacknowledged) => {
            Err(Refusal::NotAcknowledged)
        }
        (AlarmEvent::Reset, S::Unacknowledged | S::Acknowledged) => Err(Refusal::ConditionPresent),
    }
}

/// What coming back is called.
const fn came_back(alarm: &Alarm) -> TransitionEvent {
    match alarm.aside {
        Some(Aside::Maintenance { .. } | Aside::Design { .. }) => TransitionEvent::Unsuppressed,
        Some(Aside::Shelved { .. }) | None => TransitionEvent::Unshelved,
    }
}

/// The second table: where an alarm is set aside after `event`, which brings it into `state`.
fn next_aside(alarm: &Alarm, event: &AlarmEvent, state: AlarmState) -> Result<Option<Aside>, Refusal> {
    use AsideKind as K;
    let kept = alarm.aside.clone();
    if state == AlarmState::Closed {
        return Ok(None);
    }
    match (event, kept.as_ref().map(Aside::kind)) {
        (AlarmEvent::Shelve(shelf), None | Some(K::Shelved)) => Ok(Some(shelf.clone())),
        (AlarmEvent::Shelve(_), Some(K::Maintenance | K::Design)) => Err(Refusal::SetAside),
        (AlarmEvent::Suppress(aside), None | Some(K::Maintenance | K::Design)) => Ok(Some(aside.clone())),
        (AlarmEvent::Suppress(_) | AlarmEvent::Realarm, Some(K::Shelved)) => Err(Refusal::SetAside),
        (AlarmEvent::Realarm, Some(K::Maintenance | K::Design)) => Err(Refusal::SetAside),
        (AlarmEvent::Unshelve, Some(K::Shelved)) => Ok(None),
        (AlarmEvent::Unshelve, None | Some(K::Maintenance | K::Design)) => Err(Refusal::NotShelved),
        (AlarmEvent::BringBack, Some(K::Shelved | K::Maintenance | K::Design)) => Ok(None),
        (AlarmEvent::BringBack, None) => Err(Refusal::NotShelved),
        // A person shelved what was known then; what is worse is something else.
        (
            AlarmEvent::RaisedAgain(severity, _) | AlarmEvent::SeverityChanged(severity, _),
            Some(K::Shelved),
        ) if *severity > alarm.severity => Ok(None),
        (
            AlarmEvent::RaisedAgain(..)
            | AlarmEvent::SeverityChanged(..)
            | AlarmEvent::Worst(_)
            | AlarmEvent::Returned(_)
            | AlarmEvent::ValuesNormal(_)
            | AlarmEvent::Realarm
            | AlarmEvent::Judge(_)
            | AlarmEvent::Acknowledge
            | AlarmEvent::UndoAcknowledge
            | AlarmEvent::Reset
            | AlarmEvent::Comment
            | AlarmEvent::Note(_)
            | AlarmEvent::Withdraw,
            _,
        ) => Ok(kept),
    }
}

/// Takes the value as current, and as worst when it is.
fn take_value(alarm: &mut Alarm, evidence: &Evidence, at: UnixMs) {
    let Some(value) = evidence.value else { return };
    alarm.current_value = Some(value);
    alarm.current_at = Some(at);
    let worse = alarm
        .worst_value
        .is_none_or(|worst| if alarm.hazard.is_low() { value < worst } else { value > worst });
    if worse {
        alarm.worst_value = Some(value);
        alarm.worst_at = Some(at);
    }
}

fn transition(
    alarm: &Alarm,
    event: TransitionEvent,
    from_state: Option<AlarmState>,
    value: Option<f64>,
    circumstance: Circumstance,
) -> Transition {
    Transition {
        alarm: alarm.id,
        at: circumstance.at,
        event,
        from_state,
        to_state: alarm.state,
        severity: alarm.severity,
        value,
        by: circumstance.by,
        reason: circumstance.reason,
        comment: circumstance.comment,
        note: None,
    }
}
