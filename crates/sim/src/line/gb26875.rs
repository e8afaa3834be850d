//! A transmission device with detectors behind it, speaking GB/T 26875.3-2011.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use domain::profile::{Decoded, GbKey, Profile, Source, Word};
use domain::reading::{Quality, Sample};
use domain::time::UnixMs;
use jiff::Timestamp;
use jiff::tz::Offset;
use wire::cloud7b7b::LocalTime;
use wire::gb26875::{
    Address, AnalogValue, Command, ComponentAddress, ComponentState, Deframer, DeviceState, Dialect, Frame,
    Header, StateWord, SystemRef, Telegram, Text, TimeLabel, Unit, Version, kind,
};

use super::cloud::next_after;
use super::driver::Counters;
use super::{Line, Wants};
use crate::device::{Device, LineState};
use crate::scenario::{Pace, ms};

/// How many uploads are kept while nobody confirms them; the oldest are lost first.
const KEPT: usize = 240;
/// The standard: sent once, and three times more.
const TRIES: u8 = 4;
/// Local time of China.
const ZONE_S: i32 = 8 * 3600;
/// The system that the simulated devices report.
const SYSTEM: SystemRef = SystemRef { kind: 128, address: 1 };
/// The type of component where a profile takes any.
const ANY: u8 = 128;
/// The state bit "running".
const RUNNING: u16 = 1;

/// An upload that was not confirmed yet.
#[derive(Debug)]
struct Kept {
    serial: u16,
    unit: Unit,
    tries: u8,
}

/// A transmission device's side of a connection.
#[derive(Debug)]
pub struct GbLine {
    own: Address,
    centre: Address,
    /// Each detector with the number of its component in system 128.1.
    devices: Vec<(u32, Arc<Mutex<Device>>)>,
    counters: Arc<Counters>,
    pace: Pace,
    deframer: Deframer,
    out: Vec<u8>,
    next_serial: u16,
    kept: VecDeque<Kept>,
    confirm_until: Option<UnixMs>,
    next_upload: UnixMs,
    is_connected: bool,
    is_established: bool,
    is_given_up: bool,
}

impl GbLine {
    /// A device that measures for the first time at `first_upload` and then as the pace says. A detector's number is
    /// that of its component: its address is `128.1/<number>`.
    #[must_use]
    pub fn new(
        own: Address,
        devices: Vec<(u32, Arc<Mutex<Device>>)>,
        pace: Pace,
        first_upload: UnixMs,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            own,
            centre: Address::from_number(1),
            devices,
            counters,
            pace,
            deframer: Deframer::default(),
            out: Vec::new(),
            next_serial: 0,
            kept: VecDeque::new(),
            confirm_until: None,
            next_upload: first_upload,
            is_connected: false,
            is_established: false,
            is_given_up: false,
        }
    }

    fn line(&self, now: UnixMs) -> LineState {
        // One modem for all: what is wrong with it is told by any of them.
        let silent = self
            .devices
            .iter()
            .map(|(_, device)| device.lock().unwrap_or_else(PoisonError::into_inner).line(now));
        silent.into_iter().find(|state| *state != LineState::Up).unwrap_or(LineState::Up)
    }

    fn measure(&mut self, now: UnixMs) {
        let mut values = Vec::new();
        let mut states = Vec::new();
        for (component, device) in &self.devices {
            let mut device = device.lock().unwrap_or_else(PoisonError::into_inner);
            let clock = now.plus_ms(device.clock_error_ms(now));
            let said = device.say(now, Some(clock));
            let profile = device.profile().clone();
            let at = label(clock);
            for sample in &said.samples {
                match value(&profile, sample, *component, at) {
                    Some(value) => values.push(value),
                    None => self.counters.unsayable(),
                }
            }
            states.extend(component_states(&profile, &said, *component, at));
        }
        for some in values.chunks(60) {
            self.keep(Unit::AnalogValues(some.to_vec()));
        }
        for some in states.chunks(20) {
            self.keep(Unit::ComponentStates(some.to_vec()));
        }
    }

    fn keep(&mut self, unit: Unit) {
        if self.kept.len() == KEPT {
            self.kept.remove(usize::from(self.confirm_until.is_some()));
            self.counters.dropped();
        }
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        self.kept.push_back(Kept { serial, unit, tries: 0 });
    }

    fn send_next(&mut self, now: UnixMs) {
        if !self.is_connected || self.confirm_until.is_some() {
            return;
        }
        let Some(front) = self.kept.front_mut() else { return };
        front.tries += 1;
        let (serial, unit, again) = (front.serial, front.unit.clone(), front.tries > 1);
        self.counters.sent(again);
        let header = Header {
            serial,
            version: Version::OURS,
            sent: label(now),
            source: self.own,
            destination: self.centre,
        };
        self.out
            .extend(Frame { header, command: Command::Send, unit: Some(unit) }.encode(&Dialect::STANDARD));
        self.confirm_until = Some(now.plus_ms(ms(self.pace.confirm_within_s)));
    }

    fn on_frame(&mut self, frame: Frame, now: UnixMs) {
        let is_front = self.kept.front().is_some_and(|front| front.serial == frame.header.serial);
        match (frame.command, &frame.unit) {
            (Command::Confirm, _) if is_front => {
                self.kept.pop_front();
                self.confirm_until = None;
                self.is_established = true;
                self.counters.confirmed();
                self.send_next(now);
            }
            // Sent again when the time is over: at once would only press a centre that cannot store.
            (Command::Deny, _) if is_front => {}
            (Command::Control, Some(Unit::SetClock(_) | Unit::PostCheck { .. } | Unit::Device { .. })) => {
                self.answer(&frame.header, Command::Confirm, None, now);
            }
            (Command::Request, Some(Unit::Device { kind: kind::READ_DEVICE_STATE })) => {
                let state = Unit::DeviceStates(vec![DeviceState { state: 1, at: label(now) }]);
                self.answer(&frame.header, Command::Answer, Some(state), now);
            }
            (Command::Control | Command::Request, _) => {
                self.answer(&frame.header, Command::Deny, None, now);
            }
            (Command::Confirm | Command::Deny | Command::Send | Command::Answer | Command::Private(_), _) => {
                self.counters.misunderstood()
            }
        }
    }

    fn answer(&mut self, header: &Header, command: Command, unit: Option<Unit>, now: UnixMs) {
        self.counters.answered();
        let header = header.answered(label(now));
        self.out.extend(Frame { header, command, unit }.encode(&Dialect::STANDARD));
    }
}

/// The value as the device writes it: the profile's scale and factor undone.
fn value(profile: &Profile, sample: &Sample, component: u32, at: TimeLabel) -> Option<AnalogValue> {
    let point = profile.point(sample.point)?;
    let Source::Key(key) = &point.source else { return None };
    let GbKey::Analog { component: kind, analog, above } = GbKey::parse(&key.name)? else { return None };
    let raw = match sample.quality {
        Quality::Good | Quality::Implausible => {
            let factor = i128::from(key.multiply.digits);
            let power = i32::from(key.multiply.exponent) + i32::from(point.decimals.0);
            let ten = 10i128.checked_pow(power.unsigned_abs())?;
            let (up, down) = if power < 0 { (ten, factor) } else { (1, factor.checked_mul(ten)?) };
            i128::from(sample.raw).checked_mul(up)?.checked_div(down)?
        }
        Quality::SensorOpen | Quality::SensorShort | Quality::DeviceFault => {
            point.invalid.iter().find(|(_, quality)| *quality == sample.quality)?.0.into()
        }
    };
    Some(AnalogValue {
        system: SYSTEM,
        kind: kind.unwrap_or(ANY),
        address: ComponentAddress::Number(component.checked_add(above.unwrap_or(0))?),
        analog,
        value: i16::try_from(raw).ok()?,
        at,
    })
}

/// The state of each component that the profile reads a state of.
fn component_states(profile: &Profile, said: &Decoded, component: u32, at: TimeLabel) -> Vec<ComponentState> {
    let mut bits: BTreeMap<(u8, u32), u16> = BTreeMap::new();
    for status in &profile.keyed_statuses {
        let Some(GbKey::Component { component: kind, above }) = GbKey::parse(&status.key.name) else {
            continue;
        };
        let state = bits.entry((kind.unwrap_or(ANY), above.unwrap_or(0))).or_insert(RUNNING);
        let mask = status.mask.unwrap_or(u32::from(u16::MAX));
        for meaning in &status.meanings {
            let is_said = said.reported.iter().any(|reported| {
                reported.point == meaning.point
                    && reported.hazard == meaning.hazard
                    && reported.severity == Some(meaning.severity)
            });
            if let Word::Number(number) = meaning.value
                && is_said
            {
                let word = u32::try_from(number).unwrap_or(0) << mask.trailing_zeros();
                *state |= u16::try_from(word & mask).unwrap_or(0);
            }
        }
    }
    bits.into_iter()
        .map(|((kind, above), state)| ComponentState {
            system: SYSTEM,
            kind,
            address: ComponentAddress::Number(component.saturating_add(above)),
            state: StateWord::Bits(state),
            description: Text::new(&profile.name, 31),
            at,
        })
        .collect()
}

fn label(at: UnixMs) -> TimeLabel {
    let local = Timestamp::from_millisecond(at.0)
        .ok()
        .and_then(|at| Some(Offset::from_seconds(ZONE_S).ok()?.to_datetime(at)));
    let time = local.and_then(|local| {
        let part = |part: i8| u8::try_from(part).ok();
        LocalTime::new(
            u16::try_from(local.year()).ok()?,
            part(local.month())?,
            part(local.day())?,
            part(local.hour())?,
            part(local.minute())?,
            part(local.second())?,
        )
        .ok()
    });
    time.map_or_else(TimeLabel::default, |time| TimeLabel::new(time, &Dialect::STANDARD))
}

impl Line for GbLine {
    fn connected(&mut self, now: UnixMs) {
        self.deframer = Deframer::default();
        self.out.clear();
        self.is_connected = true;
        self.is_given_up = false;
        self.send_next(now);
    }

    fn disconnected(&mut self, now: UnixMs) {
        self.is_connected = false;
        self.is_established = false;
        self.confirm_until = None;
        self.out.clear();
        for kept in &mut self.kept {
            kept.tries = 0;
        }
        if matches!(self.line(now), LineState::Silent { keeps: false, .. }) {
            self.kept.clear();
        }
    }

    fn heard(&mut self, bytes: &[u8], now: UnixMs) {
        self.deframer.push(bytes);
        while let Some(found) = self.deframer.next_telegram() {
            match found {
                Ok(Telegram::Frame(raw)) => match Frame::parse(&raw, &Dialect::STANDARD) {
                    Ok(frame) => self.on_frame(frame, now),
                    Err(_) => self.counters.misunderstood(),
                },
                Ok(Telegram::ShortHeartbeat(_)) | Err(_) => self.counters.misunderstood(),
            }
        }
    }

    fn due(&mut self, now: UnixMs) {
        if self.confirm_until.is_some_and(|until| now >= until) {
            self.confirm_until = None;
            if self.kept.front().is_some_and(|front| front.tries >= TRIES) {
                self.is_given_up = true;
            }
        }
        if now >= self.next_upload {
            match self.line(now) {
                LineState::Up | LineState::Silent { keeps: true, .. } => self.measure(now),
                LineState::Silent { keeps: false, .. } => {}
            }
            self.next_upload = next_after(self.next_upload, ms(self.pace.upload_s), now);
        }
        if !self.is_given_up {
            self.send_next(now);
        }
    }

    fn next_due(&self) -> UnixMs {
        self.confirm_until.map_or(self.next_upload, |until| until.min(self.next_upload))
    }

    fn take_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    fn wants(&self, now: UnixMs) -> Wants {
        match self.line(now) {
            LineState::Silent { until, .. } => Wants::SilenceUntil(until),
            LineState::Up if self.is_given_up => Wants::Redial,
            LineState::Up => Wants::Connection,
        }
    }

    fn is_established(&self) -> bool {
        self.is_established
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::physics::CircuitSpec;
    use crate::premises::PremisesKind;
    use crate::scenario::Scenario;
    use domain::profile::shipped;

    const START: UnixMs = UnixMs(1_780_279_200_000);

    fn line() -> (GbLine, Arc<Counters>) {
        let profile =
            shipped().unwrap().into_iter().find(|profile| profile.id == "gb26875-combined").unwrap();
        let spec = CircuitSpec { kind: PremisesKind::Mall, rated_current_a: 63.0, seed: 3 };
        let device = Arc::new(Mutex::new(Device::new(Arc::new(profile), spec)));
        let counters = Arc::new(Counters::default());
        let own = Address::from_number(430_200_000_017);
        let pace = Scenario::demo().unwrap().pace;
        (GbLine::new(own, vec![(3, device)], pace, START, counters.clone()), counters)
    }

    fn sent(line: &mut GbLine) -> Vec<Frame> {
        let mut deframer = Deframer::default();
        deframer.push(&line.take_out());
        std::iter::from_fn(|| deframer.next_telegram())
            .map(|telegram| {
                let Telegram::Frame(raw) = telegram.unwrap() else { panic!("a frame") };
                Frame::parse(&raw, &Dialect::STANDARD).unwrap()
            })
            .collect()
    }

    fn reply(line: &mut GbLine, frame: &Frame, command: Command, unit: Option<Unit>) {
        let header = frame.header.answered(TimeLabel::default());
        line.heard(&Frame { header, command, unit }.encode(&Dialect::STANDARD), START);
    }

    #[test]
    fn values_and_states_are_sent_one_after_the_other_as_they_are_confirmed() {
        let (mut line, counters) = line();
        line.connected(START);
        line.due(START);
        let values = sent(&mut line).remove(0);
        let Some(Unit::AnalogValues(all)) = &values.unit else { panic!("{values:?}") };
        assert_eq!(all.len(), 9);
        let of = |analog| all.iter().find(|value| value.analog == analog).unwrap();
        assert!((2_000..2_400).contains(&of(8).value), "{:?}, in 0.1 V", of(8));
        assert!((100..1_000).contains(&of(129).value), "{:?}, in 0.1 degrees", of(129));
        assert!(all.iter().all(|value| value.address == ComponentAddress::Number(3)));
        assert!(sent(&mut line).is_empty(), "one at a time");
        reply(&mut line, &values, Command::Confirm, None);
        let states = sent(&mut line).remove(0);
        let Some(Unit::ComponentStates(all)) = &states.unit else { panic!("{states:?}") };
        assert_eq!(all.iter().map(|state| state.kind).collect::<Vec<_>>(), [129, 130]);
        assert_eq!(counters.now().confirmed, 1);
        assert!(line.is_established());
    }

    #[test]
    fn what_is_denied_or_not_answered_is_sent_again_and_then_the_line_is_given_up() {
        let (mut line, counters) = line();
        line.connected(START);
        line.due(START);
        let first = sent(&mut line).remove(0);
        reply(&mut line, &first, Command::Deny, None);
        let mut now = START;
        for _ in 0..3 {
            now = line.next_due().max(now.plus_ms(8_000));
            line.due(now);
            let again = sent(&mut line).remove(0);
            assert_eq!((again.header.serial, &again.unit), (first.header.serial, &first.unit));
        }
        assert_eq!(counters.now().resent, 3);
        line.due(now.plus_ms(8_000));
        assert_eq!(line.wants(now), Wants::Redial);
    }

    #[test]
    fn a_centre_may_set_the_clock_and_ask() {
        let (mut line, _) = line();
        line.connected(START);
        line.due(START);
        let first = sent(&mut line).remove(0);
        reply(&mut line, &first, Command::Control, Some(Unit::SetClock(TimeLabel::default())));
        assert_eq!(sent(&mut line).remove(0).command, Command::Confirm);
        reply(&mut line, &first, Command::Request, Some(Unit::Device { kind: kind::READ_DEVICE_STATE }));
        assert_eq!(sent(&mut line).remove(0).command, Command::Answer);
        reply(&mut line, &first, Command::Request, Some(Unit::Device { kind: kind::READ_DEVICE_TEXT }));
        assert_eq!(sent(&mut line).remove(0).command, Command::Deny);
    }
}
