//! What we say to the centre and answer it, without a socket.

use bus::{Forward, Forwarded};
use domain::hazard::Severity;
use domain::quantity::Quantity;
use domain::time::UnixMs;
use wire::cloud7b7b::LocalTime;
use wire::gb26875::{
    Command, ComponentAddress, ComponentState, Deframer, DeviceState, DeviceVersion, Dialect, Frame, Header,
    RawFrame, StateWord, SystemState, Telegram, Text, TimeLabel, Unit, Version, kind,
};

use super::Rules;

const RUNNING: u16 = 1;
const FIRE_ALARM: u16 = 1 << 1;
const FAULT: u16 = 1 << 2;
const SUPERVISORY: u16 = 1 << 4;

/// Length of a component's description, bytes.
const DESCRIPTION_LEN: usize = 31;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Write this.
    Write(Vec<u8>),
    /// The step that was told last has come to this.
    Done(Forwarded),
}

/// What was sent and waits for its confirmation.
#[derive(Debug)]
struct Waiting {
    serial: u16,
    bytes: Vec<u8>,
    due_ms: u64,
    left: u8,
    /// Whether it is a step of an alarm; else our own state.
    is_alarm: bool,
}

/// One connection's worth of talk.
#[derive(Debug)]
pub(super) struct Speech<'r> {
    rules: &'r Rules,
    deframer: Deframer,
    next_serial: u16,
    waiting: Option<Waiting>,
    next_state_ms: u64,
}

impl<'r> Speech<'r> {
    pub(super) fn new(rules: &'r Rules) -> Self {
        // The state is told at once: it is how the centre learns that we are there.
        Self { rules, deframer: Deframer::default(), next_serial: 0, waiting: None, next_state_ms: 0 }
    }

    /// Whether a step may be told.
    pub(super) fn is_free(&self) -> bool {
        self.waiting.is_none()
    }

    /// When [`on_time`](Self::on_time) has something to do, ms since the connection began.
    pub(super) fn deadline_ms(&self) -> u64 {
        self.waiting.as_ref().map_or(self.next_state_ms, |waiting| waiting.due_ms)
    }

    pub(super) fn tell(&mut self, forward: &Forward, now_ms: u64, wall: UnixMs, said: &mut Vec<Said>) {
        let unit = Unit::ComponentStates(vec![ComponentState {
            system: self.rules.system,
            kind: component(forward.quantity),
            address: ComponentAddress::Number(forward.channel),
            state: StateWord::Bits(RUNNING | bits(forward.severity)),
            description: Text::new(&forward.place, DESCRIPTION_LEN),
            at: self.label(forward.at),
        }]);
        self.send(unit, true, now_ms, wall, said);
    }

    pub(super) fn on_time(&mut self, now_ms: u64, wall: UnixMs, said: &mut Vec<Said>) {
        match &self.waiting {
            Some(waiting) if waiting.due_ms <= now_ms => self.again(Forwarded::Unreached, now_ms, said),
            Some(_) => {}
            None if self.next_state_ms <= now_ms => {
                self.next_state_ms = now_ms.saturating_add(self.rules.interval_ms);
                let unit = Unit::DeviceStates(vec![DeviceState { state: 1, at: self.label(wall) }]);
                self.send(unit, false, now_ms, wall, said);
            }
            None => {}
        }
    }

    pub(super) fn hear(&mut self, bytes: &[u8], now_ms: u64, wall: UnixMs, said: &mut Vec<Said>) {
        self.deframer.push(bytes);
        while let Some(telegram) = self.deframer.next_telegram() {
            if let Ok(Telegram::Frame(raw)) = telegram {
                self.on_frame(&raw, now_ms, wall, said);
            }
        }
    }

    fn on_frame(&mut self, raw: &RawFrame, now_ms: u64, wall: UnixMs, said: &mut Vec<Said>) {
        let header = raw.header(&Dialect::STANDARD);
        match Command::from_byte(raw.command_byte()) {
            Some(Command::Confirm) => {
                if let Some(waiting) = self.waiting.take_if(|waiting| waiting.serial == header.serial)
                    && waiting.is_alarm
                {
                    said.push(Said::Done(Forwarded::Confirmed));
                }
            }
            Some(Command::Deny) => {
                if self.waiting.as_ref().is_some_and(|waiting| waiting.serial == header.serial) {
                    self.again(Forwarded::Denied, now_ms, said);
                }
            }
            Some(Command::Control) => {
                // Our clock is the server's and nobody restarts us from there; what we cannot do is denied.
                let command = match raw.unit().first().copied() {
                    Some(kind::SET_CLOCK | kind::POST_CHECK) => Command::Confirm,
                    Some(_) | None => Command::Deny,
                };
                self.answer(&header, command, None, wall, said);
            }
            Some(Command::Request) => {
                let unit = match raw.unit().first().copied() {
                    Some(kind::READ_DEVICE_STATE) => {
                        Some(Unit::DeviceStates(vec![DeviceState { state: 1, at: self.label(wall) }]))
                    }
                    Some(kind::READ_DEVICE_VERSION) => {
                        Some(Unit::DeviceVersions(vec![DeviceVersion { major: 0, minor: 1 }]))
                    }
                    Some(kind::READ_DEVICE_CLOCK) => Some(Unit::DeviceClocks(vec![self.label(wall)])),
                    Some(kind::READ_SYSTEM_STATE) => Some(Unit::SystemStates(vec![SystemState {
                        system: self.rules.system,
                        state: RUNNING,
                        at: self.label(wall),
                    }])),
                    Some(_) | None => None,
                };
                let command = if unit.is_some() { Command::Answer } else { Command::Deny };
                self.answer(&header, command, unit, wall, said);
            }
            Some(Command::Send | Command::Answer | Command::Private(_)) | None => {}
        }
    }

    /// Sends again while there are tries left.
    fn again(&mut self, failed: Forwarded, now_ms: u64, said: &mut Vec<Said>) {
        let Some(waiting) = &mut self.waiting else { return };
        if let Some(fewer) = waiting.left.checked_sub(1) {
            waiting.left = fewer;
            waiting.due_ms = now_ms.saturating_add(self.rules.answer_within_ms);
            said.push(Said::Write(waiting.bytes.clone()));
            return;
        }
        let is_alarm = waiting.is_alarm;
        self.waiting = None;
        // A centre that does not want our own state may still want alarms; one that says nothing is not there.
        if is_alarm || failed == Forwarded::Unreached {
            said.push(Said::Done(failed));
        }
    }

    fn send(&mut self, unit: Unit, is_alarm: bool, now_ms: u64, wall: UnixMs, said: &mut Vec<Said>) {
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        let header = Header {
            serial,
            version: Version::OURS,
            sent: self.label(wall),
            source: self.rules.own,
            destination: self.rules.peer,
        };
        let bytes = Frame { header, command: Command::Send, unit: Some(unit) }.encode(&Dialect::STANDARD);
        said.push(Said::Write(bytes.clone()));
        let due_ms = now_ms.saturating_add(self.rules.answer_within_ms);
        self.waiting = Some(Waiting { serial, bytes, due_ms, left: self.rules.retries, is_alarm });
    }

    fn answer(
        &self,
        header: &Header,
        command: Command,
        unit: Option<Unit>,
        wall: UnixMs,
        said: &mut Vec<Said>,
    ) {
        let header = header.answered(self.label(wall));
        said.push(Said::Write(Frame { header, command, unit }.encode(&Dialect::STANDARD)));
    }

    fn label(&self, at: UnixMs) -> TimeLabel {
        local(at, self.rules).map_or_else(TimeLabel::default, |time| TimeLabel::new(time, &Dialect::STANDARD))
    }
}

fn local(at: UnixMs, rules: &Rules) -> Option<LocalTime> {
    let local = jiff::Timestamp::from_millisecond(at.0).ok()?.to_zoned_datetime(rules.zone.clone());
    let [month, day, hour, minute, second] =
        [local.month(), local.day(), local.hour(), local.minute(), local.second()]
            .map(|part| u8::try_from(part).ok());
    LocalTime::new(u16::try_from(local.year()).ok()?, month?, day?, hour?, minute?, second?).ok()
}

/// A warning is no fire alarm: it is told as supervisory.
const fn bits(severity: Option<Severity>) -> u16 {
    match severity {
        None => 0,
        Some(Severity::Fault) => FAULT,
        Some(Severity::Warning) => SUPERVISORY,
        Some(Severity::Alarm) => FIRE_ALARM,
    }
}

/// Table 5: residual-current detector, temperature detector, else the monitor.
const fn component(quantity: Quantity) -> u8 {
    match quantity {
        Quantity::ResidualCurrent => 17,
        Quantity::ConductorTemperature | Quantity::AmbientTemperature => 18,
        Quantity::Current
        | Quantity::NeutralCurrent
        | Quantity::Voltage
        | Quantity::ActivePower
        | Quantity::ReactivePower
        | Quantity::ApparentPower
        | Quantity::PowerFactor
        | Quantity::Frequency
        | Quantity::Energy
        | Quantity::ArcCount
        | Quantity::SignalStrength
        | Quantity::Switch
        | Quantity::Device => 16,
    }
}
