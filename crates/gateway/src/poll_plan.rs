//! Whom to ask for what and when, on one line behind a DTU. Pure: the session tells it what became of each poll.
//!
//! A unit that does not answer is asked less and less often, so that it takes little of the line from the units
//! beside it. A detector whose last reading is still on its way to the disk is not asked again before its outcome
//! is known: a slow store slows polling down instead of filling memory.

use std::sync::Arc;

use bus::Directory;
use bus::intake::LineEvent;
use domain::id::DetectorId;
use domain::place::{DetectorEntry, Protocol, TerminalEntry};
use domain::profile::{Group, MeterKey, Profile};
use domain::reading::Reading;
use domain::time::UnixMs;
use wire::dlt645::{self, Identifier, MeterAddress};
use wire::modbus::{InvalidRequest, Request, RequestBody};

use crate::config::{DtuConfig, ms};
use crate::field_reading::{self, keys};
use crate::line_ask::LineRefusal;
use crate::line_command::OWN_UNIT;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slave {
    /// A Modbus unit.
    Unit(u8),
    /// A meter by its number.
    Meter(MeterAddress),
}

impl Slave {
    /// Whom to ask for `detector`; `None` for an address that no meter has.
    fn of(detector: &DetectorEntry, profile: &Profile) -> Option<Self> {
        if profile.protocol != Protocol::Dlt645 {
            return Some(Self::Unit(detector.unit_address.unwrap_or(OWN_UNIT)));
        }
        match &detector.address {
            // Alone on its line, a meter need not be named.
            None => Some(Self::Meter(MeterAddress::ANY)),
            Some(number) => number.parse().ok().map(Self::Meter),
        }
    }

    /// What is told when it does not answer.
    pub(crate) fn silent(self) -> LineEvent {
        match self {
            Self::Unit(unit) => LineEvent::UnitSilent { unit },
            Self::Meter(meter) => LineEvent::MeterSilent { meter: meter.to_string() },
        }
    }

    /// What is told when it refuses.
    pub(crate) fn refused(self, refusal: LineRefusal) -> LineEvent {
        let code = refusal.code();
        match self {
            Self::Unit(unit) => LineEvent::UnitException { unit, code },
            Self::Meter(meter) => LineEvent::MeterRefused { meter: meter.to_string(), code },
        }
    }
}

/// A request for a poll.
#[derive(Debug)]
pub(crate) enum PollRequest {
    Modbus(Request),
    Meter(dlt645::Request),
}

/// One group of one detector, to be asked now.
#[derive(Debug, Clone)]
pub(crate) struct Poll {
    pub(crate) detector: DetectorId,
    pub(crate) slave: Slave,
    pub(crate) profile: Arc<Profile>,
    pub(crate) group: u8,
}

impl Poll {
    /// The group asked for.
    pub(crate) fn of(&self) -> Option<&Group> {
        self.profile.group(self.group)
    }

    /// The reading of what was refused, every point a fault; `None` where there are none.
    pub(crate) fn fault(&self, received_at: UnixMs) -> Option<Reading> {
        match self.slave {
            Slave::Unit(_) => {
                Some(field_reading::fault(self.detector, &self.profile, self.of()?, received_at))
            }
            Slave::Meter(_) => {
                field_reading::meter_fault(self.detector, &self.profile, self.group, received_at)
            }
        }
    }

    /// The request that asks for it; `None` for a group that the profile does not have.
    pub(crate) fn request(&self) -> Option<Result<PollRequest, InvalidRequest>> {
        let unit = match self.slave {
            Slave::Unit(unit) => unit,
            Slave::Meter(meter) => {
                let key = keys(&self.profile).find(|key| key.group == self.group)?;
                let identifier = Identifier(MeterKey::parse(&key.name).ok()?.identifier);
                return Some(Ok(PollRequest::Meter(dlt645::Request::Read { meter, identifier })));
            }
        };
        let Group { space, start, count, .. } = self.of()?;
        let (start, count) = (*start, *count);
        let body = match space.function {
            1 => RequestBody::ReadCoils { start, count },
            2 => RequestBody::ReadDiscreteInputs { start, count },
            4 => RequestBody::ReadInputRegisters { start, count },
            _ => RequestBody::ReadHoldingRegisters { start, count },
        };
        Some(Request::new(unit, body).map(PollRequest::Modbus))
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
    slave: Slave,
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
            .filter(|(_, profile)| {
                // Whatever else may stand behind a terminal speaks by itself.
                matches!(profile.protocol, Protocol::ModbusRtu | Protocol::Dlt645)
                    && entry.protocol.carries(profile.protocol)
            })
            .filter_map(|(detector, profile)| {
                let slave = Slave::of(detector, &profile)?;
                let old = before.iter().find(|old| old.detector == detector.id && old.slave == slave);
                let is_same_map = old.is_some_and(|old| old.profile.id == profile.id);
                let groups = groups_of(&profile)
                    .into_iter()
                    .map(|(group, every_s)| {
                        let turn = Turn {
                            group,
                            every_ms: ms(u64::from(every_s.max(1))),
                            due_ms: now_ms,
                            exception: None,
                            busy: 0,
                        };
                        let kept = old
                            .filter(|_| is_same_map)
                            .and_then(|old| old.groups.iter().find(|kept| kept.group == group));
                        kept.map_or(turn, |kept| Turn { every_ms: turn.every_ms, ..*kept })
                    })
                    .collect();
                Some(Unit {
                    detector: detector.id,
                    slave,
                    profile,
                    groups,
                    missed: old.map_or(0, |old| old.missed),
                    rests_until_ms: old.map_or(0, |old| old.rests_until_ms),
                    awaits_outcome: old.is_some_and(|old| old.awaits_outcome),
                })
            })
            .collect();
        self.made_from = Some(Arc::clone(entry));
    }

    /// The poll that is due longest, if any is due.
    pub(crate) fn next(&self, now_ms: u64) -> Option<Poll> {
        let (at_ms, unit, turn) = self.earliest()?;
        (at_ms <= now_ms).then(|| Poll {
            detector: unit.detector,
            slave: unit.slave,
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
                && unit.slave == poll.slave
                && Arc::ptr_eq(&unit.profile, &poll.profile)
        })
    }

    /// The longest interval of the units, s; 0 without units.
    pub(crate) fn interval_s(&self) -> u64 {
        self.units.iter().map(|unit| u64::from(unit.profile.interval_s)).max().unwrap_or(0)
    }

    /// The unit of the terminal's own detector, for commands that name none.
    pub(crate) fn own_unit(&self) -> u8 {
        let units = self.units.iter().filter_map(|unit| match unit.slave {
            Slave::Unit(unit) => Some(unit),
            Slave::Meter(_) => None,
        });
        units.into_iter().next().unwrap_or(OWN_UNIT)
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
        self.units.iter_mut().find(|unit| unit.detector == poll.detector && unit.slave == poll.slave)
    }

    fn turn(&mut self, poll: &Poll) -> Option<&mut Turn> {
        self.unit(poll)?.groups.iter_mut().find(|turn| turn.group == poll.group)
    }
}

/// What is asked of a detector, and how often, s.
fn groups_of(profile: &Profile) -> Vec<(u8, u32)> {
    if !profile.protocol.is_keyed() {
        return profile.groups.iter().map(|group| (group.index, group.every_s)).collect();
    }
    let mut groups: Vec<u8> = keys(profile).map(|key| key.group).collect();
    groups.sort_unstable();
    groups.dedup();
    groups.into_iter().map(|group| (group, profile.interval_s)).collect()
}
