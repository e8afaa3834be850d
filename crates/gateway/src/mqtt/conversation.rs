//! What a device and the platform say to one another, whichever form the device speaks: ours, the vendor's, or
//! somebody else's JSON.

use bus::{Intake, LineAnswer, LineCommand, LineError};
use domain::place::TerminalEntry;
use domain::reading::Reading;
use wire::telemetry::{self, Answer, Command, Commands, Form, Limits, Message, Number, Settled, Tree};
use wire::vendor_mqtt::{self, Envelope, Group, Uplink};

use super::packets::{NotTaken, Publish};
use super::session::{Facts, heard};
use super::topics::{self, Up};
use crate::config::ms;
use crate::session::Moment;
use crate::telemetry::{Context, Payload, Understood, understand};

/// What a message came to.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Its readings.
    pub(crate) readings: Vec<Reading>,
    /// A sign of life, with signal and firmware where told.
    pub(crate) tell: Option<Intake>,
    /// The command on the line has come to this.
    pub(crate) answered: Option<Result<LineAnswer, LineError>>,
    /// What the device is to be answered, on which topic.
    pub(crate) say: Option<(String, Vec<u8>)>,
    /// The parts that could not be read.
    pub(crate) partly: Option<String>,
}

/// What is to be published for a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    /// A setting that the device shall keep: name and JSON text.
    pub(crate) setting: Option<(String, String)>,
}

/// The talk with one device.
#[derive(Debug)]
pub(crate) struct Conversation {
    serial: String,
    /// The product key of a device that speaks the vendor's form.
    product: Option<String>,
    /// The command on the line: its id, and until when it may be answered.
    waits: Option<(u64, u64)>,
}

impl Conversation {
    pub(crate) fn new(serial: String) -> Self {
        Self { serial, product: None, waits: None }
    }

    /// The device's serial number.
    pub(crate) fn serial(&self) -> &str {
        &self.serial
    }

    /// When the command on the line is given up, ms.
    pub(crate) fn deadline(&self) -> Option<u64> {
        self.waits.map(|(_, until_ms)| until_ms)
    }

    /// Forgets the command on the line.
    pub(crate) fn forget(&mut self) {
        self.waits = None;
    }

    /// What became of the command on the line by now.
    pub(crate) fn on_time(&mut self, now: Moment) -> Option<Result<LineAnswer, LineError>> {
        self.waits.take_if(|(_, until_ms)| *until_ms <= now.mono_ms).map(|_late| Err(LineError::TimedOut))
    }

    /// Hears a message.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) fn hear(
        &mut self,
        entry: &TerminalEntry,
        publish: &Publish,
        facts: Facts<'_>,
        now: Moment,
    ) -> Result<Heard, (NotTaken, String)> {
        let Some((up, serial)) = topics::up(&publish.topic, &facts.rules.foreign) else {
            let reason = format!("topic {:?}, wanted one that devices publish on", publish.topic);
            return Err((NotTaken::NotAuthorized, reason));
        };
        if serial != self.serial {
            let reason = format!("topic {:?}, wanted one of its own serial {}", publish.topic, self.serial);
            return Err((NotTaken::NotAuthorized, reason));
        }
        let form = publish.content_type.as_deref().and_then(Form::of_media_type);
        let payload = Payload { bytes: &publish.payload, form };
        match up {
            Up::Telemetry | Up::Answer | Up::Foreign => {
                let understood = self.understood(entry, payload, facts, now)?;
                Ok(self.of_understood(entry, understood, now))
            }
            Up::Vendor { group, product } => {
                self.product = Some(product.to_owned());
                self.of_vendor(entry, group, &publish.payload, facts, now)
            }
        }
    }

    fn understood(
        &self,
        entry: &TerminalEntry,
        payload: Payload<'_>,
        facts: Facts<'_>,
        now: Moment,
    ) -> Result<Understood, (NotTaken, String)> {
        let limits = Limits::default();
        let context = Context { address: None, device_at: None, received_at: now.wall, limits: &limits };
        let understood = understand(entry, facts.directory, payload, context)
            .map_err(|reason| (NotTaken::Payload, reason))?;
        if understood.is_useless() {
            return Err((NotTaken::Payload, refusals(&understood).unwrap_or_default()));
        }
        Ok(understood)
    }

    fn of_understood(&mut self, entry: &TerminalEntry, understood: Understood, now: Moment) -> Heard {
        let partly = refusals(&understood);
        let Understood { readings, answers, signal, firmware, refused: _ } = understood;
        let answered = answers.into_iter().find_map(|answer| self.answered(answer));
        let is_told = readings.is_empty() || signal.is_some() || firmware.is_some();
        let tell = is_told.then(|| heard(entry, now, signal, firmware));
        Heard { readings, tell, answered, say: None, partly }
    }

    fn answered(&mut self, answer: Answer) -> Option<Result<LineAnswer, LineError>> {
        self.waits.take_if(|(id, _)| *id == answer.id)?;
        Some(Ok(match answer.settled {
            Settled::Done(Tree::Nothing) => LineAnswer::Done,
            Settled::Done(value) => LineAnswer::Data(telemetry::write_tree(Form::Json, &value)),
            Settled::Refused(reason) => LineAnswer::Refused(reason),
        }))
    }

    fn of_vendor(
        &mut self,
        entry: &TerminalEntry,
        group: Group,
        bytes: &[u8],
        facts: Facts<'_>,
        now: Moment,
    ) -> Result<Heard, (NotTaken, String)> {
        let wrong = |error: vendor_mqtt::EnvelopeError| (NotTaken::Payload, error.to_string());
        let envelope = Envelope::read(bytes, &Limits::default()).map_err(wrong)?;
        let uplink = Uplink::of(group, &envelope).map_err(wrong)?;
        let down = group.down(self.product.as_deref().unwrap_or_default(), &self.serial);
        let wall_ms = now.wall.0;
        let answer = |payload| Some((down.clone(), envelope.answer(true, payload, wall_ms)));
        match uplink {
            Uplink::Login { firmware, is_packed: false } => Ok(Heard {
                tell: Some(heard(entry, now, None, firmware)),
                say: answer(Tree::Nothing),
                ..Heard::default()
            }),
            Uplink::Login { is_packed: true, .. } => Ok(Heard {
                tell: Some(heard(entry, now, None, None)),
                // The code that the vendor's platform was seen to give to a login that fails.
                say: Some((down.clone(), envelope.refusal("2102", wall_ms))),
                partly: Some("login with compression or encryption, wanted plain JSON".to_owned()),
                ..Heard::default()
            }),
            Uplink::Time { device_send } => {
                let number = |n: i64| Tree::Number(Number::whole(n.into()));
                let offset = facts.rules.offset_min(now.wall);
                let payload = Tree::Map(vec![
                    ("devicesend".to_owned(), device_send),
                    ("serverreceive".to_owned(), number(wall_ms)),
                    ("serversend".to_owned(), number(wall_ms)),
                    ("timezoneMin".to_owned(), number(offset)),
                ]);
                Ok(Heard {
                    tell: Some(heard(entry, now, None, None)),
                    say: answer(payload),
                    ..Heard::default()
                })
            }
            Uplink::Report { is_history: _, message } | Uplink::Alert(message) => {
                let mut heard = if message.readings.is_empty() {
                    Heard { tell: Some(heard(entry, now, message.signal, None)), ..Heard::default() }
                } else {
                    self.of_message(entry, &message, facts, now)?
                };
                heard.say = answer(Tree::Nothing);
                Ok(heard)
            }
            Uplink::Answer { msgid, is_done, errcode, payload } => {
                let settled = match (is_done, errcode) {
                    (true, _) => Settled::Done(payload),
                    (false, code) => {
                        Settled::Refused(code.map_or_else(String::new, |code| format!("errcode {code}")))
                    }
                };
                let answered = msgid.parse().ok().and_then(|id| self.answered(Answer { id, settled }));
                Ok(Heard { tell: Some(heard(entry, now, None, None)), answered, ..Heard::default() })
            }
            Uplink::Other => Ok(Heard {
                tell: Some(heard(entry, now, None, None)),
                say: answer(Tree::Nothing),
                ..Heard::default()
            }),
        }
    }

    fn of_message(
        &mut self,
        entry: &TerminalEntry,
        message: &Message,
        facts: Facts<'_>,
        now: Moment,
    ) -> Result<Heard, (NotTaken, String)> {
        let bytes = telemetry::write_tree(Form::Json, &message.to_tree());
        let payload = Payload { bytes: &bytes, form: Some(Form::Json) };
        let understood = self.understood(entry, payload, facts, now)?;
        Ok(self.of_understood(entry, understood, now))
    }

    /// Puts a command on the line.
    ///
    /// # Errors
    /// [`LineError::Busy`] while another waits for its answer; [`LineError::Unsupported`] for what the form has not.
    pub(crate) fn ask(
        &mut self,
        command: &LineCommand,
        facts: Facts<'_>,
        now: Moment,
    ) -> Result<Asked, LineError> {
        if self.waits.is_some() {
            return Err(LineError::Busy);
        }
        let clock_id = || u64::try_from(now.wall.0).unwrap_or_default();
        let (id, address, name, value) = match command {
            LineCommand::Named { id, address, name, value } => {
                (*id, address.clone(), name.as_str(), value.clone())
            }
            LineCommand::SetClock => (clock_id(), None, "clock", format!("{{\"at\":{}}}", now.wall.0)),
            LineCommand::Query { what, address } => {
                (clock_id(), address.clone(), "get", format!("{{\"what\":{what}}}"))
            }
            LineCommand::Write { .. }
            | LineCommand::Read { .. }
            | LineCommand::PostCheck { .. }
            | LineCommand::Initialise
            | LineCommand::Close { .. } => return Err(LineError::Unsupported),
        };
        let setting = matches!(name, "set" | "period").then(|| (name.to_owned(), value.clone()));
        let command =
            Command::new(id, address, name.to_owned(), &value).map_err(|_no_json| LineError::Unsupported)?;
        let (topic, payload) = match &self.product {
            None => (topics::command(&self.serial), Commands(vec![command]).write(Form::Json)),
            Some(product) => self.vendor_command(product, command, now),
        };
        let within_ms = ms(facts.rules.config.command_within_s);
        self.waits = Some((id, now.mono_ms.saturating_add(within_ms)));
        Ok(Asked { topic, payload, setting })
    }

    fn vendor_command(&self, product: &str, command: Command, now: Moment) -> (String, Vec<u8>) {
        let (group, method) = match command.name.as_str() {
            "reset" => (Group::Command, "alarm_reset"),
            "get" => (Group::Data, "get"),
            "set" | "period" => (Group::Data, "control"),
            "clock" => (Group::General, "time_sync"),
            _ => (Group::Command, "operate"),
        };
        let mut members = vec![("name".to_owned(), Tree::Text(command.name))];
        members.extend(command.address.map(|address| ("addr".to_owned(), Tree::Text(address))));
        match command.value {
            Tree::Map(given) => {
                members.extend(given.into_iter().filter(|(name, _)| name != "name" && name != "addr"));
            }
            Tree::Nothing => {}
            value @ (Tree::Truth(_) | Tree::Number(_) | Tree::Text(_) | Tree::Bytes(_) | Tree::List(_)) => {
                members.push(("value".to_owned(), value));
            }
        }
        let bytes = vendor_mqtt::command(command.id, method, &self.serial, Tree::Map(members), now.wall.0);
        (group.down(product, &self.serial), bytes)
    }
}

fn refusals(understood: &Understood) -> Option<String> {
    let told: Vec<String> =
        understood.refused.iter().map(|part| format!("{}: {}", part.part, part.reason)).collect();
    (!told.is_empty()).then(|| told.join("; "))
}
