//! What the centre begins: commands, queries, the clock, and what the device answers to them.

use bus::{LineAnswer, LineCommand, LineError};
use domain::place::TerminalEntry;
use domain::profile::GbPlace;
use wire::gb26875::{
    Address, Command, ComponentAddress, ComponentRef, DeviceOperation, Frame, Header, RawFrame,
    ReadDeviceOperations, ReadOperations, SystemRef, TimeLabel, Unit, kind,
};

use super::{GbSession, OBJECTS, RECORDS, RECORDS_SINCE_MS, Who};
use crate::config::ms;
use crate::gb26875::exchange::{Exchange, Patience, Pressed, Purpose};
use crate::gb26875::objects::moment;
use crate::session::{Facts, Moment, Output, Refusal, Taken};

const EXCHANGE: &str = "GB/T 26875.3-2011, control and query";

impl GbSession {
    /// Takes a command for the device.
    pub(crate) fn on_command(
        &mut self,
        command: &LineCommand,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Taken {
        let Who::Admitted { entry, .. } = &self.who else {
            return Taken::Settled(Err(LineError::NotConnected));
        };
        let (purpose, unit) = match command {
            LineCommand::Write { .. } | LineCommand::Read { .. } | LineCommand::Named { .. } => {
                return Taken::Settled(Err(LineError::Unsupported));
            }
            LineCommand::Close { reason } => {
                self.flow.close(out, reason);
                return Taken::Settled(Ok(LineAnswer::Done));
            }
            LineCommand::SetClock => (Purpose::Do, Unit::SetClock(self.label(facts, now))),
            LineCommand::Initialise => (Purpose::Do, Unit::Device { kind: kind::INITIALISE }),
            LineCommand::PostCheck { within_min } => {
                (Purpose::PostCheck(*within_min), Unit::PostCheck { within_min: *within_min })
            }
            LineCommand::Query { what, address } => {
                match self.query(entry, *what, address.as_deref(), facts, now) {
                    Ok((answer, unit)) => (Purpose::Query(answer), unit),
                    Err(reason) => return Taken::Settled(Ok(LineAnswer::Refused(reason))),
                }
            }
        };
        if self.exchange.is_commanded() {
            return Taken::Settled(Err(LineError::Busy));
        }
        // What the session began by itself steps back; it is begun again when there is still a reason.
        self.begin(purpose, unit, facts, now, out);
        Taken::Waits
    }

    pub(super) fn on_confirmed(
        &mut self,
        serial: u16,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        self.tell_heard(None, now, out);
        match self.exchange.of(serial) {
            None => Err(Refusal::new(EXCHANGE, format!("confirmation {serial}, wanted none of this number"))),
            // The answer with the data is still to come.
            Some(Purpose::Query(_) | Purpose::OwnPoll) => Ok(()),
            Some(Purpose::OwnClock) => {
                self.exchange = Exchange::Free;
                Ok(())
            }
            Some(Purpose::Do) => {
                self.exchange = Exchange::Free;
                out.push(Output::Answered(Ok(LineAnswer::Done)));
                Ok(())
            }
            Some(Purpose::PostCheck(within_min)) => {
                let until_ms = now.mono_ms.saturating_add(ms(u64::from(within_min) * 60));
                self.exchange = Exchange::Duty { until_ms };
                Ok(())
            }
        }
    }

    pub(super) fn on_denied(
        &mut self,
        serial: u16,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        self.tell_heard(None, now, out);
        if self.exchange.of(serial).is_none() {
            return Err(Refusal::new(EXCHANGE, format!("denial {serial}, wanted none of this number")));
        }
        let pressed = self.exchange.again(patience(facts), now.mono_ms);
        self.press(pressed, Ok(LineAnswer::Refused("denied by the device".to_owned())), out);
        Ok(())
    }

    pub(super) fn on_answer(
        &mut self,
        unit: &Unit,
        raw: &RawFrame,
        serial: u16,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        let purpose = self.exchange.of(serial);
        let fits = match purpose {
            Some(Purpose::Query(wanted)) => unit.kind() == Some(wanted),
            Some(Purpose::OwnPoll) => true,
            Some(Purpose::OwnClock | Purpose::Do | Purpose::PostCheck(_)) | None => false,
        };
        if !fits {
            self.tell_heard(None, now, out);
            let kind = unit.kind().unwrap_or_default();
            return Err(Refusal::new(EXCHANGE, format!("answer {serial} of type {kind}, wanted none such")));
        }
        self.exchange = Exchange::Free;
        let contents = self.contents(unit, facts, now);
        let left_out = contents.left_out.clone();
        self.hand_over(contents, None, now, out);
        if purpose.is_some_and(Purpose::is_commanded) {
            out.push(Output::Answered(Ok(LineAnswer::Data(raw.unit().to_vec()))));
        }
        match left_out {
            None => Ok(()),
            Some(reason) => Err(Refusal::new(OBJECTS, reason)),
        }
    }

    /// The person on duty pressed the key of a post check.
    pub(super) fn answer_duty(&mut self, unit: &Unit, out: &mut Vec<Output>) {
        let Unit::DeviceOperations(all) = unit else { return };
        let answered = all.iter().find(|one| one.flags & DeviceOperation::POST_CHECK_ANSWERED != 0);
        let is_waited_for = match &self.exchange {
            Exchange::Duty { .. } | Exchange::Waiting { purpose: Purpose::PostCheck(_), .. } => true,
            Exchange::Free | Exchange::Waiting { .. } => false,
        };
        if let Some(answered) = answered
            && is_waited_for
        {
            self.exchange = Exchange::Free;
            out.push(Output::Answered(Ok(LineAnswer::Data(vec![answered.operator]))));
        }
    }

    pub(super) fn press(
        &mut self,
        pressed: Pressed,
        failed: Result<LineAnswer, LineError>,
        out: &mut Vec<Output>,
    ) {
        match pressed {
            Pressed::Nothing => {}
            Pressed::Again(bytes) => out.push(Output::Write(bytes)),
            Pressed::Failed(purpose) if purpose.is_commanded() => out.push(Output::Answered(failed)),
            Pressed::Failed(_) => {}
            Pressed::NobodyOnDuty => {
                out.push(Output::Answered(Ok(LineAnswer::Refused(
                    "nobody answered the post check".to_owned(),
                ))));
            }
        }
    }

    /// Sets the device's clock when it differs by more than the tolerance; at most once in the settings' span.
    pub(super) fn look_at_clock(
        &mut self,
        sent: TimeLabel,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        let config = &facts.rules.config.gb26875;
        let is_due = self
            .clock_looked_at_ms
            .is_none_or(|at| now.mono_ms.saturating_sub(at) >= ms(config.clock_set_every_s));
        if !is_due || !matches!(self.exchange, Exchange::Free) {
            return;
        }
        let tolerance_ms = i64::try_from(ms(config.clock_tolerance_s)).unwrap_or(i64::MAX);
        let is_right = moment(sent, &facts.rules.zone, &self.dialect)
            .is_some_and(|device| now.wall.since_ms(device).abs() <= tolerance_ms);
        if !is_right {
            self.clock_looked_at_ms = Some(now.mono_ms);
            let unit = Unit::SetClock(self.label(facts, now));
            self.begin(Purpose::OwnClock, unit, facts, now, out);
        }
    }

    /// What to send for a query, and the type of the answer.
    pub(super) fn query(
        &self,
        entry: &TerminalEntry,
        what: u8,
        address: Option<&str>,
        facts: Facts<'_>,
        now: Moment,
    ) -> Result<(u8, Unit), String> {
        let answer = kind::answer_to(what)
            .ok_or_else(|| format!("type flag {what} is no query, wanted 61 to 68, 81, 84 to 86 or 88"))?;
        let places: Vec<GbPlace> = match address {
            Some(address) => {
                let place = GbPlace::parse(address)
                    .ok_or_else(|| format!("address {address:?}, wanted one such as 128.1/3"))?;
                vec![place]
            }
            None => entry.detectors.iter().filter_map(|d| GbPlace::parse(d.address.as_deref()?)).collect(),
        };
        let mut systems: Vec<SystemRef> = places
            .iter()
            .map(|place| SystemRef { kind: place.system_kind, address: place.system_address })
            .collect();
        systems.dedup();
        let since = domain::time::UnixMs(now.wall.0 - RECORDS_SINCE_MS);
        let since = self.label(facts, Moment { wall: since, ..now });
        let unit = match what {
            kind::READ_SYSTEM_STATE
            | kind::READ_SYSTEM_VERSION
            | kind::READ_SYSTEM_TEXT
            | kind::READ_SYSTEM_CLOCK
                if !systems.is_empty() =>
            {
                Unit::ReadSystems { kind: what, systems }
            }
            kind::READ_COMPONENT_STATE | kind::READ_ANALOG_VALUE | kind::READ_COMPONENT_TEXT => {
                let components: Vec<ComponentRef> = places
                    .iter()
                    .filter(|place| place.component.is_some())
                    .filter_map(|place| {
                        let system = SystemRef { kind: place.system_kind, address: place.system_address };
                        Some(ComponentRef { system, address: ComponentAddress::Number(place.number()?) })
                    })
                    .collect();
                if components.is_empty() {
                    return Err("no component to ask for, wanted an address such as 128.1/3".to_owned());
                }
                Unit::ReadComponents { kind: what, components }
            }
            kind::READ_OPERATIONS => match systems.first() {
                Some(system) => {
                    Unit::ReadOperations(vec![ReadOperations { system: *system, count: RECORDS, since }])
                }
                None => return Err("no system to ask for, wanted an address such as 128.1".to_owned()),
            },
            kind::READ_DEVICE_OPERATIONS => {
                Unit::ReadDeviceOperations(vec![ReadDeviceOperations { count: RECORDS, since }])
            }
            kind::READ_DEVICE_STATE
            | kind::READ_DEVICE_VERSION
            | kind::READ_DEVICE_TEXT
            | kind::READ_DEVICE_CLOCK => Unit::Device { kind: what },
            _ => return Err("no system to ask for, wanted an address such as 128.1".to_owned()),
        };
        Ok((answer, unit))
    }

    pub(super) fn begin(
        &mut self,
        purpose: Purpose,
        unit: Unit,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        let Who::Admitted { address, .. } = &self.who else { return };
        let command = match purpose {
            Purpose::OwnClock | Purpose::Do | Purpose::PostCheck(_) => Command::Control,
            Purpose::OwnPoll | Purpose::Query(_) => Command::Request,
        };
        let header = Header {
            serial: self.next_serial,
            version: self.version,
            sent: self.label(facts, now),
            source: self.centre.unwrap_or(Address::UNSET),
            destination: *address,
        };
        self.next_serial = self.next_serial.wrapping_add(1);
        let bytes = self.written(&Frame { header, command, unit: Some(unit) });
        out.push(Output::Write(bytes.clone()));
        self.exchange = Exchange::begin(header.serial, purpose, bytes, patience(facts), now.mono_ms);
    }
}

pub(super) fn patience(facts: Facts<'_>) -> Patience {
    let config = &facts.rules.config.gb26875;
    Patience { answer_within_ms: ms(config.answer_within_s), retries: config.retries }
}
