//! The vendor's messages over MQTT (IoT middle platform): an envelope of JSON with a method, in four groups of topics.
//!
//! ```text
//! topic + bytes -> Envelope -> Uplink: login, time, report, alert, answer, something else
//!                                       report, alert -> telemetry::Message (names as the device has them)
//! Envelope::answer, command -> bytes
//! ```
//!
//! Source: the vendor's published documents of the platform, as facts: topics, methods, envelope, the members of
//! `report`, the composition of alarm codes. What those documents leave open is read leniently and marked here:
//! where an alert keeps its code and time, and which moment a report of the past is of. Not tried against a device.

mod alert;
mod envelope;
mod report;

pub use alert::AlarmCode;
pub use envelope::{Envelope, EnvelopeError, command};

use crate::telemetry::{Message, Tree};

/// A group of topics and methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// `sys`: login, time, topology and the like.
    General,
    /// `data`: reports and control.
    Data,
    /// `indicate`: commands.
    Command,
    /// `notify`: alarms and events.
    Alarm,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 4] = [Self::General, Self::Data, Self::Command, Self::Alarm];

    const fn levels(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::General => ("sys", "dev", "server"),
            Self::Data => ("data", "up", "down"),
            Self::Command => ("indicate", "dev", "server"),
            Self::Alarm => ("notify", "dev", "server"),
        }
    }

    /// The group of a topic that begins with these levels and goes up.
    #[must_use]
    pub fn of_up(first: &str, second: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| (group.levels().0, group.levels().1) == (first, second))
    }

    /// The group of a topic that begins with these levels and goes down.
    #[must_use]
    pub fn of_down(first: &str, second: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| (group.levels().0, group.levels().2) == (first, second))
    }

    /// The topic of this group that goes down to the device `serial` of `product`.
    #[must_use]
    pub fn down(self, product: &str, serial: &str) -> String {
        let (first, _, down) = self.levels();
        format!("{first}/{down}/{product}/{serial}")
    }

    /// The topic of this group that comes up from the device `serial` of `product`.
    #[must_use]
    pub fn up(self, product: &str, serial: &str) -> String {
        let (first, up, _) = self.levels();
        format!("{first}/{up}/{product}/{serial}")
    }
}

/// What a device says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uplink {
    /// It introduces itself and waits for an answer.
    Login {
        /// Its firmware.
        firmware: Option<String>,
        /// It wants to compress or encrypt, which this server does not do.
        is_packed: bool,
    },
    /// It asks what time it is: its own clock when it asked, as it wrote it.
    Time {
        /// `devicesend`.
        device_send: Tree,
    },
    /// It reports values, with the signal of its modem in the message.
    Report {
        /// They were kept while the line was down.
        is_history: bool,
        /// What was measured.
        message: Message,
    },
    /// It tells of alarms and events.
    Alert(Message),
    /// It answers a command.
    Answer {
        /// The command's `msgid`.
        msgid: String,
        /// `res` is 1.
        is_done: bool,
        /// `errcode`, where it is not done.
        errcode: Option<String>,
        /// What came with it.
        payload: Tree,
    },
    /// A method that nothing follows from.
    Other,
}

impl Uplink {
    /// What an envelope on a topic of `group` says.
    ///
    /// # Errors
    /// [`EnvelopeError::Form`] with the member that is wrong.
    pub fn of(group: Group, envelope: &Envelope) -> Result<Self, EnvelopeError> {
        let method = envelope.method.as_str();
        let is_answer = envelope.is_done.is_some();
        match (group, method, is_answer) {
            (_, _, true) => Ok(Self::Answer {
                msgid: envelope.msgid_text().to_owned(),
                is_done: envelope.is_done == Some(true),
                errcode: envelope.errcode.clone(),
                payload: envelope.payload.clone(),
            }),
            (Group::General, "login", false) => {
                let flag = |name| {
                    let value = envelope.payload.member(name).and_then(Tree::text_or_number);
                    value.is_some_and(|value| value != "0")
                };
                let firmware = envelope.payload.member("softversion").and_then(Tree::text_or_number);
                let firmware = firmware.map(|text| text.chars().take(64).collect());
                Ok(Self::Login { firmware, is_packed: flag("compress") || flag("encrypt") })
            }
            (Group::General, "time" | "time.ms", false) => {
                let device_send = envelope.payload.member("devicesend").cloned().unwrap_or(Tree::Nothing);
                Ok(Self::Time { device_send })
            }
            (Group::Data, "report" | "update" | "update_silent", false) => report::read(envelope),
            (
                Group::Alarm,
                "alert" | "alarm" | "event" | "notice" | "gwalarm" | "alarm_reset" | "gwalarm_reset",
                false,
            ) => alert::read(envelope).map(Self::Alert),
            (Group::General | Group::Data | Group::Command | Group::Alarm, _, false) => Ok(Self::Other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Limits;

    fn uplink(group: Group, text: &str) -> Result<Uplink, EnvelopeError> {
        let envelope = Envelope::read(text.as_bytes(), &Limits::default())?;
        Uplink::of(group, &envelope)
    }

    /// Constructed after the vendor's description of the envelope and of `report`.
    const REPORT: &str = r#"{"msgid":12345678901234567890,"method":"report","sn":"E7","timestamp":1767294245,
        "payload":{"reported":{"source":"REALTIME","gateway":{"rssi":23},"meters":[
        {"addr":"3_1","state":"ONLINE","Ua":"220.1","IL":12.5,"text":"x"},{"addr":"3_2","state":"OFFLINE"}]}}}"#;

    #[test]
    fn a_report_becomes_a_reading_of_each_meter() {
        let Ok(Uplink::Report { is_history, message }) = uplink(Group::Data, REPORT) else {
            panic!("no report")
        };
        assert!(!is_history);
        assert_eq!(message.signal, Some(23));
        let [first, second] = message.readings.as_slice() else { panic!("two meters") };
        assert_eq!((first.at_ms, first.address.as_deref()), (Some(1_767_294_245_000), Some("3_1")));
        let names: Vec<_> = first.values.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["state", "Ua", "IL", "text"]);
        assert_eq!(first.values[1].1.text_or_number(), Some("220.1"));
        assert!(matches!(first.values[1].1, Tree::Number(_)), "a number in quotation marks is a number");
        assert_eq!(second.values.len(), 1);
    }

    #[test]
    fn an_answer_repeats_the_id_as_it_was_written_even_above_two_to_the_53() {
        let envelope = Envelope::read(REPORT.as_bytes(), &Limits::default()).unwrap();
        let text = String::from_utf8(envelope.answer(true, Tree::Nothing, 1_767_294_246_000)).unwrap();
        assert_eq!(
            text,
            r#"{"msgid":12345678901234567890,"method":"report","sn":"E7","timestamp":1767294246,"res":1}"#
        );
        let quoted = Envelope::read(br#"{"msgid":"a-1","method":"time"}"#, &Limits::default()).unwrap();
        let text = String::from_utf8(quoted.answer(false, Tree::Nothing, 0)).unwrap();
        assert_eq!(text, r#"{"msgid":"a-1","method":"time","timestamp":0,"res":0}"#);
    }

    #[test]
    fn alarm_codes_are_quantity_and_state() {
        for (code, quantity, state) in [
            ("UaHIGH1", "Ua", "HIGH1"),
            ("IaRESET", "Ia", "RESET"),
            ("TempALOW2", "TempA", "LOW2"),
            ("ILHIGH", "IL", "HIGH"),
        ] {
            let read = AlarmCode::parse(code);
            assert_eq!(read, Some(AlarmCode { quantity: quantity.to_owned(), state: state.to_owned() }));
        }
        for event in ["RUN_START", "POWER_OUTAGE", "HIGH1", "", "ElectricCar"] {
            assert_eq!(AlarmCode::parse(event), None, "{event}");
        }
    }

    #[test]
    fn an_alert_becomes_a_named_state_and_an_event_an_event() {
        let text = r#"{"msgid":"7","method":"alert","timestamp":1767294245,
            "payload":{"addr":"3_1","alerts":[{"code":"UaHIGH1"},{"code":"UaRESET","addr":"3_2"},{"code":"RUN_STOP"}]}}"#;
        let Ok(Uplink::Alert(message)) = uplink(Group::Alarm, text) else { panic!("no alert") };
        let values = |address: &str| -> Vec<(String, Option<String>)> {
            let of = message.readings.iter().filter(|reading| reading.address.as_deref() == Some(address));
            of.flat_map(|reading| &reading.values)
                .map(|(name, value)| (name.clone(), value.text().map(str::to_owned)))
                .collect()
        };
        let pair = |name: &str, text: &str| (name.to_owned(), Some(text.to_owned()));
        assert_eq!(message.readings.len(), 2, "one reading for each moment and address");
        assert_eq!(values("3_1"), [pair("alarm.Ua", "HIGH1"), pair("event", "RUN_STOP")]);
        assert_eq!(values("3_2"), [pair("alarm.Ua", "RESET")]);
    }

    #[test]
    fn a_login_that_wants_more_than_plain_json_is_told_apart() {
        let login = |compress: &str| {
            uplink(
                Group::General,
                &format!(
                    r#"{{"msgid":1,"method":"login","payload":{{"compress":{compress},"encrypt":"0","softversion":"2.1"}}}}"#
                ),
            )
        };
        let plain = Uplink::Login { firmware: Some("2.1".to_owned()), is_packed: false };
        assert_eq!(login("\"0\"").unwrap(), plain);
        assert_eq!(login("0").unwrap(), plain);
        assert!(matches!(login("\"1\""), Ok(Uplink::Login { is_packed: true, .. })));
    }

    #[test]
    fn answers_of_the_device_are_told_from_its_own_messages() {
        let done = uplink(Group::Command, r#"{"msgid":"17","method":"operate","res":1}"#).unwrap();
        assert!(matches!(done, Uplink::Answer { msgid, is_done: true, .. } if msgid == "17"));
        let failed =
            uplink(Group::Command, r#"{"msgid":17,"method":"operate","res":"0","errcode":503}"#).unwrap();
        assert!(
            matches!(failed, Uplink::Answer { is_done: false, errcode: Some(code), .. } if code == "503")
        );
    }

    #[test]
    fn what_is_no_envelope_is_refused_with_its_member() {
        for (text, member) in [
            ("[]", "message"),
            (r#"{"method":"report"}"#, "msgid"),
            (r#"{"msgid":1}"#, "method"),
            (r#"{"msgid":1,"method":"report","payload":{}}"#, "reported"),
            (r#"{"msgid":1,"method":"report","payload":{"reported":{"meters":[7]}}}"#, "meters[0]"),
        ] {
            let error = uplink(Group::Data, text).unwrap_err().to_string();
            assert!(error.contains(member), "{text}: {error}");
        }
    }

    #[test]
    fn topics_are_built_and_read_back() {
        for group in Group::ALL {
            let up = group.up("pk", "E7");
            let levels: Vec<_> = up.split('/').collect();
            assert_eq!(Group::of_up(levels[0], levels[1]), Some(group));
            let down = group.down("pk", "E7");
            let levels: Vec<_> = down.split('/').collect();
            assert_eq!(Group::of_down(levels[0], levels[1]), Some(group));
        }
    }
}
