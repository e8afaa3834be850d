//! Whom to ask for what and when, on one line behind a DTU. Pure: the session tells it what became of each poll.
//!
//! A unit that does not answer is asked less and less often, so that it takes little of the line from the units
//! beside it. A detector whose last reading is still on its way to the disk is not asked again before its outcome
//! is known: a slow store slows polling down instead of filling memory.

use std::sync::Arc;

use bus::Directory;
use domain::id::DetectorId;
use domain::place::{Protocol, TerminalEntry};
use domain::profile::{Group, Profile};
use wire::modbus::{InvalidRequest, Request, RequestBody};

use crate::config::{DtuConfig, ms};
use crate::line_command::OWN_UNIT;

/// One group of one detector, to be asked now.
#[derive(Debug, Clone)]
pub(crate) struct Poll {
    pub(crate) detector: DetectorId,
    pub(crate) unit: u8,
    pub(crate) profile: Arc<Profile>,
    pub(crate) group: u8,
}

impl Poll {
    /// The group asked for.
    pub(crate) fn of(&self) -> Option<&Group> {
        self.profile.group(self.group)
    }

    /// The request that asks for it; `None` for a group that the profile does not have.
    pub(crate) fn request(&self) -> Option<Result<Request, InvalidRequest>> {
        let Group { space, start, count, .. } = self.of()?;
        let (start, count) = (*start, *count);
        let body = match space.function {
            1 => RequestBody::ReadCoils { start, count },
            2 => RequestBody::ReadDiscreteInputs { start, count },
            4 => RequestBody::ReadInputRegisters { start, count },
            _ => RequestBody::ReadHoldingRegisters { start, count },
        };
        Some(Request::new(self.unit, body))
    }
}

/// What an exception means for the group that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterException {
    /// The unit was busy; it will be asked again in a moment.
    Again,
    /// The group has no values now.
    NoValues {
        /// Whether this code was not the answer last time.
        is_new: bool,
    },
}

/// The polls of one line.
#[derive(Debug, Default)]
pub(crate) struct PollPlan {
    units: Vec<Unit>,
    made_from: Option<Arc<TerminalEntry>>,
}

#[derive(Debug)]
struct Unit {
    detector: DetectorId,
    unit: u8,
    profile: Arc<Profile>,
    groups: Vec<Turn>,
    /// Time-outs in a row.
    missed: u32,
    /// Not asked before, because it did not answer.
    rests_until_ms: u64,
    /// A reading of it is on its way to the disk.
    awaits_outcome: bool,
}

/// When a group is asked for.
#[derive(Debug, Clone, Copy)]
struct Turn {
    group: u8,
    every_ms: u64,
    due_ms: u64,
    exception: Option<u8>,
    busy: u8,
}

impl Turn {
    fn done(&mut self, now_ms: u64) {
        let next_ms = self.due_ms.saturating_add(self.every_ms);
        // After a standstill the line does not make up for what was missed.
        self.due_ms = if next_ms > now_ms { next_ms } else { now_ms.saturating_add(self.every_ms) };
        self.busy = 0;
    }
}

/// Rest before a busy unit is asked again, ms.
const BUSY_REST_MS: u64 = 1_000;

impl PollPlan {
    /// Follows the directory: keeps the turns of what stays, asks for what is new at once.
    pub(crate) fn follow(&mut self, entry: &Arc<TerminalEntry>, directory: &Directory, now_ms: u64) {
        let is_same_entry = self.made_from.as_ref().is_some_and(|made_from| Arc::ptr_eq(made_from, entry));
        let is_same = is_same_entry
            && self.units.iter().all(|unit| {
                directory.profile(&unit.profile.id).is_some_and(|now| Arc::ptr_eq(&now, &unit.profile))
            });
        if is_same {
            return;
        }
        let before = std::mem::take(&mut self.units);
        self.units = entry
            .detectors
            .iter()
            .filter_map(|detector| Some((detector, directory.profile(&detector.profile)?)))
            .filter(|(_, profile)| profile.protocol == Protocol::ModbusRtu)
            .map(|(detector, profile)| {
                let unit = detector.unit_address.unwrap_or(OWN_UNIT);
                let old = before.iter().find(|old| old.detector == detector.id && old.unit == unit);
                let is_same_map = old.is_some_and(|old| old.profile.id == profile.id);
                let groups = profile
                    .groups
                    .iter()
                    .map(|group| {
                        let turn = Turn {
                            group: group.index,
                            every_ms: ms(u64::from(group.every_s.max(1))),
                            due_ms: now_ms,
                            exception: None,
                            busy: 0,
                        };
                        let kept = old
                            .filter(|_| is_same_map)
                            .and_then(|old| old.groups.iter().find(|kept| kept.group == group.index));
                        kept.map_or(turn, |kept| Turn { every_ms: turn.every_ms, ..*kept })
                    })
                    .collect();
                Unit {
                    detector: detector.id,
                    unit,
                    profile,
                    groups,
                    missed: old.map_or(0, |old| old.missed),
                    rests_until_ms: old.map_or(0, |old| old.rests_until_ms),
                    awaits_outcome: old.is_some_and(|old| old.awaits_outcome),
                }
            })
            .collect();
        self.made_from = Some(Arc::clone(entry));
    }

    /// The poll that is due longest, if any is due.
    pub(crate) fn next(&self, now_ms: u64) -> Option<Poll> {
        let (at_ms, unit, turn) = self.earliest()?;
        (at_ms <= now_ms).then(|| Poll {
            detector: unit.detector,
            unit: unit.unit,
            profile: Arc::clone(&unit.profile),
            group: turn.group,
        })
    }

    /// When the next poll is due, ms; `None` while there is nobody to ask.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.earliest().map(|(at_ms, _, _)| at_ms)
    }

    fn earliest(&self) -> Option<(u64, &Unit, &Turn)> {
        self.units
            .iter()
            .filter(|unit| !unit.awaits_outcome)
            .flat_map(|unit| {
                unit.groups.iter().map(move |turn| (turn.due_ms.max(unit.rests_until_ms), unit, turn))
            })
            .min_by_key(|(at_ms, _, _)| *at_ms)
    }

    /// Whether the answer to `poll` still means what it meant when it was asked for.
    pub(crate) fn wants(&self, poll: &Poll) -> bool {
        self.units.iter().any(|unit| {
            unit.detector == poll.detector
                && unit.unit == poll.unit
                && Arc::ptr_eq(&unit.profile, &poll.profile)
        })
    }

    /// The longest interval of the units, s; 0 without units.
    pub(crate) fn interval_s(&self) -> u64 {
        self.units.iter().map(|unit| u64::from(unit.profile.interval_s)).max().unwrap_or(0)
    }

    /// The unit of the terminal's own detector, for commands that name none.
    pub(crate) fn own_unit(&self) -> u8 {
        self.units.first().map_or(OWN_UNIT, |unit| unit.unit)
    }

    /// The poll was answered and its reading is on its way to the disk.
    pub(crate) fn answered(&mut self, poll: &Poll, now_ms: u64) {
        self.heard(poll);
        if let Some(turn) = self.turn(poll) {
            turn.exception = None;
            turn.done(now_ms);
        }
        self.awaits(poll.detector, true);
    }

    /// The poll was answered with an exception.
    pub(crate) fn exception(
        &mut self,
        poll: &Poll,
        code: u8,
        may_retry: bool,
        rules: &DtuConfig,
        now_ms: u64,
    ) -> AfterException {
        self.heard(poll);
        let Some(turn) = self.turn(poll) else {
            return AfterException::NoValues { is_new: true };
        };
        if may_retry && turn.busy < rules.busy_retries {
            turn.busy += 1;
            turn.due_ms = now_ms.saturating_add(BUSY_REST_MS);
            return AfterException::Again;
        }
        let is_new = turn.exception != Some(code);
        turn.exception = Some(code);
        turn.done(now_ms);
        self.awaits(poll.detector, true);
        AfterException::NoValues { is_new }
    }

    /// The poll was answered with data that are not the group's, which only another profile can cure.
    pub(crate) fn misread(&mut self, poll: &Poll, now_ms: u64) {
        self.heard(poll);
        if let Some(turn) = self.turn(poll) {
            turn.done(now_ms);
        }
    }

    /// The poll was not answered. Says whether the unit counts as silent from now on.
    pub(crate) fn timed_out(&mut self, poll: &Poll, rules: &DtuConfig, now_ms: u64) -> bool {
        let Some(unit) = self.unit(poll) else {
            return false;
        };
        unit.missed = unit.missed.saturating_add(1);
        let doubled_s = 1_u64.checked_shl(unit.missed - 1).unwrap_or(u64::MAX);
        unit.rests_until_ms = now_ms.saturating_add(ms(doubled_s.min(rules.back_off_max_s)));
        unit.missed == rules.silent_after
    }

    /// The outcome of the detector's reading is known.
    pub(crate) fn outcome(&mut self, detector: DetectorId) {
        self.awaits(detector, false);
    }

    fn awaits(&mut self, detector: DetectorId, awaits_outcome: bool) {
        for unit in self.units.iter_mut().filter(|unit| unit.detector == detector) {
            unit.awaits_outcome = awaits_outcome;
        }
    }

    fn heard(&mut self, poll: &Poll) {
        if let Some(unit) = self.unit(poll) {
            unit.missed = 0;
            unit.rests_until_ms = 0;
        }
    }

    fn unit(&mut self, poll: &Poll) -> Option<&mut Unit> {
        self.units.iter_mut().find(|unit| unit.detector == poll.detector && unit.unit == poll.unit)
    }

    fn turn(&mut self, poll: &Poll) -> Option<&mut Turn> {
        self.unit(poll)?.groups.iter_mut().find(|turn| turn.group == poll.group)
    }
}
