//! What time and maintenance do to open alarms: shelves end, windows begin and end, what was acknowledged rings again.
//! One rule says the next step of a detector's alarms; it is asked until there is none.

use domain::alarm::suppression::suppression;
use domain::alarm::{AlarmEvent, Aside, By, Circumstance, LifeRules};
use domain::maintenance::MaintenanceBook;
use domain::time::UnixMs;

use super::draft::Out;
use crate::memory::Detector;

/// What people set about the life of alarms.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    pub(crate) rules: LifeRules,
    pub(crate) book: MaintenanceBook,
}

/// The next step that is due at `now`: of which alarm, what, and why.
fn next_step(detector: &Detector, policy: &Policy, now: UnixMs) -> Option<(usize, AlarmEvent, &'static str)> {
    let place = &detector.binding.placement;
    let all = detector.alarms.iter().map(|open| &open.alarm);
    detector.alarms.iter().enumerate().find_map(|(index, open)| {
        let alarm = &open.alarm;
        if let Some(Aside::Shelved { until, .. }) = &alarm.aside {
            return (*until <= now).then_some((index, AlarmEvent::BringBack, "shelf_ended"));
        }
        match (&alarm.aside, suppression(alarm, place, all.clone(), &policy.book, now)) {
            (Some(is), Some(wanted)) if is.is_same_cause(&wanted) => None,
            (_, Some(wanted)) => {
                let reason = wanted.kind().code();
                Some((index, AlarmEvent::Suppress(wanted), reason))
            }
            (Some(Aside::Design { .. }), None) => Some((index, AlarmEvent::BringBack, "cause_gone")),
            (Some(Aside::Maintenance { .. } | Aside::Shelved { .. }), None) => {
                Some((index, AlarmEvent::BringBack, "maintenance_over"))
            }
            (None, None) => policy
                .rules
                .realarm_at(alarm)
                .filter(|at| *at <= now)
                .map(|_| (index, AlarmEvent::Realarm, "still_present")),
        }
    })
}

/// Whether anything is due for the detector's alarms.
pub(super) fn is_due(detector: &Detector, policy: &Policy, now: UnixMs) -> bool {
    next_step(detector, policy, now).is_some()
}

/// When the clock has something to do with the detector next: its conditions or its alarms.
pub(super) fn next_deadline(detector: &Detector, rules: &LifeRules) -> Option<UnixMs> {
    let alarms = detector.alarms.iter().filter_map(|open| rules.next_deadline(&open.alarm));
    detector.state.next_deadline(&detector.binding).into_iter().chain(alarms).min()
}

impl Out {
    /// Takes every step of the detector's alarms that is due.
    pub(super) fn settle(&mut self, detector: &mut Detector) {
        while let Some((index, event, reason)) = next_step(detector, &self.policy, self.now) {
            let circumstance =
                Circumstance { at: self.now, by: By::System, reason: Some(reason.to_owned()), comment: None };
            if let Err(refusal) = self.step(detector, index, event, circumstance) {
                tracing::warn!(detector = detector.binding.placement.detector.0, %refusal, "alarm not set aside");
                return;
            }
        }
    }
}
