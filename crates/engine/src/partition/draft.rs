//! One commit in the making: copies of the touched detectors, and what is to be written.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use domain::alarm::{AlarmEvent, By, Circumstance, apply};
use domain::condition::{Changed, ConditionChange, DetectorState};
use domain::id::{AlarmId, DetectorId, TerminalId};
use domain::reading::{Filing, Reading, Reported};
use domain::status::Status;
use domain::time::UnixMs;
use store::Batch;
use store::intake::StoredReading;

use super::aside::{self, Policy};
use crate::bindings::Bound;
use crate::memory::{Detector, Memory, OpenAlarm};

/// How old the stored sign of life may be before it is written again, ms. After a restart silence counts from the
/// start anyway, so this is for people's eyes.
const HEARD_EVERY_MS: i64 = 5 * 60_000;

/// How readings were filed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) repeated: u64,
    pub(super) late: u64,
    pub(super) clock_wrong: u64,
}

/// A detector that this commit touches.
#[derive(Clone)]
pub(super) struct Touched {
    pub(super) detector: Detector,
    pub(super) state_changed: bool,
    /// Values received from here on are news.
    pub(super) fresh_from: Option<UnixMs>,
    pub(super) status_before: Option<Status>,
}

impl Touched {
    const fn of(detector: Detector, status_before: Option<Status>) -> Self {
        Self { detector, state_changed: false, fresh_from: None, status_before }
    }
}

/// What is to be written, apart from the detectors themselves.
pub(super) struct Out {
    pub(super) now: UnixMs,
    pub(super) policy: Arc<Policy>,
    pub(super) batch: Batch,
    pub(super) last_alarm_id: i64,
    /// Where in the batch an alarm of this commit is.
    pub(super) places: HashMap<AlarmId, usize>,
    /// Findings in late data, to be compared with what is known already.
    pub(super) late: Vec<(DetectorId, ConditionChange)>,
}

pub(super) struct Draft {
    memory: Arc<Memory>,
    /// The commit that is under way while this one is made: what it knows is newer than memory.
    before: Option<Arc<Finished>>,
    touched: HashMap<DetectorId, Touched>,
    removed: Vec<DetectorId>,
    tally: Tally,
    pub(super) out: Out,
    pub(super) line_events: Vec<(TerminalId, &'static str)>,
    pub(super) pinned: Vec<TerminalId>,
}

/// A commit that is ready.
#[derive(Clone)]
pub(super) struct Finished {
    pub(super) batch: Batch,
    pub(super) touched: HashMap<DetectorId, Touched>,
    pub(super) removed: Vec<DetectorId>,
    pub(super) tally: Tally,
    pub(super) last_alarm_id: i64,
    pub(super) line_events: Vec<(TerminalId, &'static str)>,
    pub(super) pinned: Vec<TerminalId>,
}

impl Draft {
    pub(super) fn new(memory: &Arc<Memory>, policy: &Arc<Policy>, now: UnixMs, last_alarm_id: i64) -> Self {
        Self {
            memory: Arc::clone(memory),
            before: None,
            touched: HashMap::new(),
            removed: Vec::new(),
            tally: Tally::default(),
            out: Out {
                now,
                policy: Arc::clone(policy),
                batch: Batch::default(),
                last_alarm_id,
                places: HashMap::new(),
                late: Vec::new(),
            },
            line_events: Vec::new(),
            pinned: Vec::new(),
        }
    }

    /// One that is made while `before` is being committed; it counts only if that one comes to be on disk.
    pub(super) fn after(
        before: &Arc<Finished>,
        memory: &Arc<Memory>,
        policy: &Arc<Policy>,
        now: UnixMs,
    ) -> Self {
        Self { before: Some(Arc::clone(before)), ..Self::new(memory, policy, now, before.last_alarm_id) }
    }

    /// What was being committed before is on disk now, and memory knows it.
    pub(super) fn settle(&mut self) {
        self.before = None;
    }

    /// Whether nothing has come of it.
    pub(super) fn is_untouched(&self) -> bool {
        self.touched.is_empty()
            && self.removed.is_empty()
            && self.out.batch.is_empty()
            && self.line_events.is_empty()
            && self.pinned.is_empty()
    }

    /// Whether a reading is older than what is known by now, so that it has to be looked for in the store.
    pub(super) fn is_older(&self, reading: &Reading) -> bool {
        if reading.device_at.is_none() {
            return false;
        }
        let before = || self.before.as_ref().and_then(|before| before.touched.get(&reading.detector));
        match self.touched.get(&reading.detector).or_else(before) {
            Some(touched) => is_older(&touched.detector, reading),
            None => self.memory.detector(reading.detector).is_some_and(|known| is_older(&known, reading)),
        }
    }

    /// The copy of a detector, made at the first touch.
    pub(super) fn touch(&mut self, id: DetectorId) -> Option<(&mut Touched, &mut Out)> {
        if self.removed.contains(&id) {
            return None;
        }
        let touched = match self.touched.entry(id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let detector = match self.before.as_ref().and_then(|before| before.touched.get(&id)) {
                    Some(touched) => touched.detector.clone(),
                    None => Detector::clone(&*self.memory.detector(id)?),
                };
                let before = detector.status;
                entry.insert(Touched::of(detector, Some(before)))
            }
        };
        Some((touched, &mut self.out))
    }

    /// Files and judges a reading. Says whether its detector is known.
    pub(super) fn reading(&mut self, reading: Reading, stored: &Repetitions) -> bool {
        let Some((touched, out)) = self.touch(reading.detector) else { return false };
        let binding = Arc::clone(&touched.detector.binding);
        if is_older(&touched.detector, &reading)
            && (stored.holds(&reading) || out.batch.readings.iter().any(|filed| is_same(filed, &reading)))
        {
            let changed = touched.detector.state.on_heard(&binding, reading.received_at);
            take(touched, out, &changed, None);
            self.tally.repeated += 1;
            return true;
        }
        let judged = touched.detector.state.on_reading(&binding, &reading);
        touched.state_changed |= judged.state_changed;
        out.apply(&mut touched.detector, &judged.changes, None);
        match judged.filing {
            Filing::Repeated => {}
            Filing::Late => {}
            Filing::Current | Filing::ClockWrong => {
                let from =
                    touched.fresh_from.map_or(reading.received_at, |from| from.min(reading.received_at));
                touched.fresh_from = Some(from);
            }
        }
        if judged.filing != Filing::Repeated {
            out.batch.readings.push(StoredReading {
                detector: reading.detector,
                group: reading.group,
                filed_at: judged.filed_at,
                device_at: reading.device_at,
                received_at: reading.received_at,
                filing: judged.filing,
                samples: reading.samples,
                reported: reading.reported,
            });
        }
        match judged.filing {
            Filing::Current => {}
            Filing::Late => self.tally.late += 1,
            Filing::Repeated => self.tally.repeated += 1,
            Filing::ClockWrong => self.tally.clock_wrong += 1,
        }
        true
    }

    /// Settles what is over for a detector by now.
    pub(super) fn time(&mut self, id: DetectorId) {
        let Some((touched, out)) = self.touch(id) else { return };
        let binding = Arc::clone(&touched.detector.binding);
        let changed = touched.detector.state.on_time(&binding, out.now);
        take(touched, out, &changed, None);
    }

    /// Looks at the alarms of a detector when a maintenance window has begun or changed.
    pub(super) fn look_aside(&mut self, id: DetectorId) {
        let Some(known) = self.memory.detector(id) else { return };
        if aside::is_due(&known, &self.out.policy, self.out.now) {
            self.touch(id);
        }
    }

    /// A sign of life without a reading.
    pub(super) fn heard(&mut self, id: DetectorId, at: UnixMs) {
        let Some((touched, out)) = self.touch(id) else { return };
        let binding = Arc::clone(&touched.detector.binding);
        let changed = touched.detector.state.on_heard(&binding, at);
        take(touched, out, &changed, None);
    }

    /// What the platform found out about a detector by itself.
    pub(super) fn report(&mut self, id: DetectorId, reported: &Reported) {
        let Some((touched, out)) = self.touch(id) else { return };
        let binding = Arc::clone(&touched.detector.binding);
        let changed = touched.detector.state.on_report(&binding, reported, out.now);
        take(touched, out, &changed, None);
    }

    /// A detector gets a new binding, is new, or is gone.
    pub(super) fn rebind(&mut self, id: DetectorId, bound: Option<Bound>) {
        let Some(bound) = bound else {
            if let Some((touched, out)) = self.touch(id) {
                out.withdraw(&mut touched.detector);
                self.touched.remove(&id);
                self.removed.push(id);
            }
            return;
        };
        self.removed.retain(|removed| *removed != id);
        if self.touch(id).is_none() {
            let detector = Detector {
                binding: Arc::clone(&bound.binding),
                state: DetectorState::new(self.out.now),
                status: Status::Unknown,
                alarms: Vec::new(),
                profile_id: Arc::clone(&bound.profile_id),
                unit_address: bound.unit_address,
                heard_stored: None,
            };
            self.touched.insert(id, Touched::of(detector, None));
        }
        let Some((touched, out)) = self.touch(id) else { return };
        // Two changes may arrive out of order; the older one knows less.
        if touched.detector.binding.settings_version > bound.binding.settings_version {
            return;
        }
        touched.detector.binding = Arc::clone(&bound.binding);
        touched.detector.profile_id = bound.profile_id;
        touched.detector.unit_address = bound.unit_address;
        let changed = touched.detector.state.on_binding(&bound.binding, out.now);
        take(touched, out, &changed, Some("settings"));
        out.withdraw_of_gone_channels(&mut touched.detector);
        out.take_along(&mut touched.detector);
    }

    /// Judges what is known by the binding as it is, after a restart. A detector about which nothing changes is not
    /// part of the commit.
    pub(super) fn refresh(&mut self, id: DetectorId) {
        let Some(known) = self.memory.detector(id) else { return };
        let mut detector = Detector::clone(&known);
        let binding = Arc::clone(&detector.binding);
        let changed = detector.state.on_binding(&binding, self.out.now);
        let before = detector.status;
        let due = aside::is_due(&detector, &self.out.policy, self.out.now);
        if changed.state_changed || due || detector.judged_status() != before {
            let mut touched = Touched::of(detector, Some(before));
            take(&mut touched, &mut self.out, &changed, Some("settings"));
            self.touched.insert(id, touched);
        }
    }

    /// Closes an alarm whose detector is gone.
    pub(super) fn withdraw_homeless(&mut self, open: OpenAlarm) {
        let circumstance = Circumstance {
            at: self.out.now,
            by: By::System,
            reason: Some("removed".to_owned()),
            comment: None,
        };
        if let Ok((alarm, transition)) = apply(open.alarm.clone(), AlarmEvent::Withdraw, circumstance) {
            self.out.write(&OpenAlarm { alarm, ..open }, transition, None);
        }
    }

    /// Completes what is to be written.
    pub(super) fn finish(mut self) -> Finished {
        for touched in self.touched.values_mut() {
            self.out.settle(&mut touched.detector);
        }
        let batch = &mut self.out.batch;
        // Rows of a detector beside each other: the index of the tail has a page for each, and is walked once.
        batch.readings.sort_by_key(|reading| (reading.detector, reading.group));
        for (id, touched) in &mut self.touched {
            let detector = &mut touched.detector;
            if touched.state_changed {
                batch.states.push((*id, detector.state.to_bytes()));
            }
            detector.status = detector.judged_status();
            if touched.status_before != Some(detector.status) {
                batch.statuses.push((*id, detector.status));
            }
            if let Some(heard) = detector.state.last_heard()
                && detector.heard_stored.is_none_or(|stored| heard.since_ms(stored) >= HEARD_EVERY_MS)
            {
                batch.heard.push((*id, heard));
                detector.heard_stored = Some(heard);
            }
        }
        Finished {
            batch: self.out.batch,
            touched: self.touched,
            removed: self.removed,
            tally: self.tally,
            last_alarm_id: self.out.last_alarm_id,
            line_events: self.line_events,
            pinned: self.pinned,
        }
    }
}

/// The stored readings that a batch may repeat. A device that was not confirmed sends everything again from where it
/// was not; of that, all but the newest would pass for late data, and a hazard in it would be told a second time.
#[derive(Default)]
pub(super) struct Repetitions(HashMap<(DetectorId, u8, Option<UnixMs>), Vec<StoredReading>>);

impl Repetitions {
    pub(super) fn of(stored: Vec<StoredReading>) -> Self {
        let mut of_moment: HashMap<_, Vec<_>> = HashMap::new();
        for reading in stored {
            of_moment.entry((reading.detector, reading.group, reading.device_at)).or_default().push(reading);
        }
        Self(of_moment)
    }

    fn holds(&self, reading: &Reading) -> bool {
        let of_moment = self.0.get(&(reading.detector, reading.group, reading.device_at));
        of_moment.is_some_and(|stored| stored.iter().any(|stored| is_same(stored, reading)))
    }
}

/// Whether the reading is older than what is known, by a clock that is taken for right.
fn is_older(detector: &Detector, reading: &Reading) -> bool {
    reading.device_at.is_some_and(|at| {
        detector.state.last_filed(reading.group).is_some_and(|last| at < last)
            && reading.received_at.since_ms(at) <= detector.binding.supervision.clock_behind_ms
    })
}

/// Whether both are the same moment of the same device, and say the same.
fn is_same(filed: &StoredReading, reading: &Reading) -> bool {
    filed.detector == reading.detector
        && filed.group == reading.group
        && filed.filing != Filing::ClockWrong
        && filed.device_at == reading.device_at
        && filed.samples == reading.samples
        && filed.reported == reading.reported
}

pub(super) fn take(touched: &mut Touched, out: &mut Out, changed: &Changed, reason: Option<&str>) {
    touched.state_changed |= changed.state_changed;
    out.apply(&mut touched.detector, &changed.changes, reason);
}
