//! The two ways in which a load speaks: vendor frames on the field door, MQTT 3.1.1 with QoS 1. Bytes in, bytes out.
//!
//! A generator shares the machine with the server that it measures, so what it says is put together in place, and of
//! what it hears it tells apart only what it waits for.

use std::io::Write as _;

use bytes::Bytes;
use domain::profile::{EncodeError, Group, Profile};
use domain::time::UnixMs;
use wire::cloud7b7b::{
    DEFAULT_MAX_FRAME_LEN, Deframer, Downlink, FirmwareVersion, Login, SerialNumber, Uplink,
};

use super::template::{Template, swing};

/// How a load speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadProtocol {
    /// The vendor cloud protocol (7B7B).
    #[default]
    Cloud7b7b,
    /// MQTT 3.1.1, messages of QoS 1 in the platform's own JSON form.
    Mqtt,
}

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Heard {
    /// The server lets the device in.
    pub(super) is_in: bool,
    /// So many uploads are confirmed, the oldest ones.
    pub(super) confirmed: usize,
    /// The server does not want it, or says what is no part of the protocol.
    pub(super) is_refused: bool,
}

/// What one connection says and hears.
pub(super) enum Dialect {
    /// 7B7B.
    Cloud(CloudDialect),
    /// MQTT.
    Mqtt(MqttDialect),
}

impl Dialect {
    /// Begins anew, on a new connection: what is said first.
    pub(super) fn greet(&mut self, serial: &str) -> Vec<u8> {
        match self {
            Self::Cloud(cloud) => cloud.greet(serial),
            Self::Mqtt(mqtt) => mqtt.greet(serial),
        }
    }

    /// A sign of life.
    pub(super) fn heartbeat(&self) -> Vec<u8> {
        match self {
            Self::Cloud(_) => Uplink::Heartbeat.encode(),
            Self::Mqtt(_) => PINGREQ.to_vec(),
        }
    }

    /// Puts the upload with this number behind what is in `out`; `false` for one that is idle.
    pub(super) fn upload(&mut self, sequence: u64, device_at: Option<UnixMs>, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Cloud(cloud) => match cloud.template.as_mut() {
                Some(template) => {
                    out.extend_from_slice(template.frame(sequence, device_at));
                    true
                }
                None => false,
            },
            Self::Mqtt(mqtt) => {
                mqtt.publish(sequence, out);
                true
            }
        }
    }

    /// The raw values of an upload, in the order of the profile's points; none for MQTT, of which nothing is recorded.
    pub(super) fn raw(&self, profile: &Profile, sequence: u64) -> Vec<i64> {
        match self {
            Self::Cloud(cloud) => {
                cloud.template.as_ref().map(|template| template.raw(profile, sequence)).unwrap_or_default()
            }
            Self::Mqtt(_) => Vec::new(),
        }
    }

    /// Takes what came.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Heard {
        match self {
            Self::Cloud(cloud) => cloud.hear(bytes),
            Self::Mqtt(mqtt) => mqtt.hear(bytes),
        }
    }
}

/// A device of the vendor cloud protocol.
pub(super) struct CloudDialect {
    deframer: Deframer,
    /// `None` for idle connections, which need none.
    template: Option<Template>,
    ack: Vec<u8>,
}

impl CloudDialect {
    /// Uploads the values of `group`, or nothing.
    pub(super) fn new(profile: &Profile, group: Option<&Group>, alarms: bool) -> Result<Self, EncodeError> {
        let template = match group {
            Some(group) => Template::new(profile, group, alarms)?,
            None => None,
        };
        let deframer = Deframer::new(DEFAULT_MAX_FRAME_LEN);
        Ok(Self { deframer, template, ack: Downlink::UploadAck.encode() })
    }

    fn greet(&mut self, serial: &str) -> Vec<u8> {
        self.deframer = Deframer::new(DEFAULT_MAX_FRAME_LEN);
        let Ok(serial) = SerialNumber::new(serial) else { return Vec::new() };
        let version = Some(FirmwareVersion([1, 0]));
        let login = Login {
            serial,
            iccid: None,
            signal: Some(24),
            firmware: [version, version, version],
            interval_min: Some(1),
            extra: Bytes::new(),
        };
        Uplink::Login(login).encode()
    }

    fn hear(&mut self, bytes: &[u8]) -> Heard {
        let mut heard = Heard::default();
        let mut rest = bytes;
        if self.deframer.buffered() == 0 {
            // Nearly all that comes are confirmations, one behind the other.
            while let Some(after) = rest.strip_prefix(self.ack.as_slice()) {
                heard.confirmed += 1;
                rest = after;
            }
        }
        if !rest.is_empty() {
            self.deframer.push(rest);
            while let Some(found) = self.deframer.next_frame() {
                match found.map(|frame| Downlink::parse(&frame)) {
                    Ok(Ok(Downlink::UploadAck)) => heard.confirmed += 1,
                    Ok(Ok(Downlink::LoginAck)) => heard.is_in = true,
                    Ok(Ok(_) | Err(_)) | Err(_) => {}
                }
            }
        }
        heard
    }
}

const PINGREQ: [u8; 2] = [0xC0, 0];
/// CONNACK, accepted, and the length of any.
const CONNACK: [u8; 4] = [0x20, 2, 0, 0];
/// First byte and length of a PUBACK; the packet id follows.
const PUBACK: [u8; 2] = [0x40, 2];
const PINGRESP: [u8; 2] = [0xD0, 0];

/// What a message says: code, and the value in tenths of its unit.
const VALUES: [(&str, u64); 12] = [
    ("residual", 600),
    ("temperature_a", 300),
    ("temperature_b", 301),
    ("temperature_c", 302),
    ("temperature_n", 299),
    ("current_a", 180),
    ("current_b", 181),
    ("current_c", 182),
    ("voltage_a", 2_250),
    ("voltage_b", 2_251),
    ("voltage_c", 2_252),
    ("ambient", 245),
];

/// Values in a message of MQTT.
pub(super) const MQTT_VALUES: usize = VALUES.len();

/// A device that speaks MQTT 3.1.1 (OASIS): CONNECT, PUBLISH of QoS 1 and PINGREQ are all that it says.
pub(super) struct MqttDialect {
    token: String,
    keep_alive_s: u16,
    topic: Vec<u8>,
    /// The beginning of a packet that came without its end.
    held: Vec<u8>,
}

impl MqttDialect {
    pub(super) fn new(serial: &str, token: String, keep_alive_s: u16) -> Self {
        Self {
            token,
            keep_alive_s,
            topic: format!("emberwatch/1/{serial}/telemetry").into_bytes(),
            held: Vec::new(),
        }
    }

    fn greet(&mut self, serial: &str) -> Vec<u8> {
        self.held.clear();
        let mut body = Vec::with_capacity(64);
        put_text(&mut body, b"MQTT");
        // Version 4 is 3.1.1; user name, password, clean session.
        body.extend([4, 0b1100_0010]);
        body.extend(self.keep_alive_s.to_be_bytes());
        for text in [serial, serial, self.token.as_str()] {
            put_text(&mut body, text.as_bytes());
        }
        let mut packet = vec![0x10];
        put_length(&mut packet, body.len());
        packet.extend(body);
        packet
    }

    fn publish(&mut self, sequence: u64, out: &mut Vec<u8>) {
        let mut payload = Vec::with_capacity(256);
        payload.extend_from_slice(br#"{"v":1,"values":{"#);
        let moved = u64::from(swing(sequence));
        for (number, (code, base)) in VALUES.iter().enumerate() {
            let value = base + moved;
            let comma = if number == 0 { "" } else { "," };
            let _never_fails = write!(payload, "{comma}\"{code}\":{}.{}", value / 10, value % 10);
        }
        payload.extend_from_slice(b"}}");
        out.push(0x32);
        put_length(out, 2 + self.topic.len() + 2 + payload.len());
        put_text(out, &self.topic);
        // 0 is no packet id; a window is far smaller than what is left.
        let id = u16::try_from(sequence % 65_535).unwrap_or(0) + 1;
        out.extend(id.to_be_bytes());
        out.extend(payload);
    }

    fn hear(&mut self, bytes: &[u8]) -> Heard {
        let mut heard = Heard::default();
        let joined;
        let mut rest = if self.held.is_empty() {
            bytes
        } else {
            self.held.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.held);
            joined.as_slice()
        };
        loop {
            match rest {
                [PUBACK_TYPE, PUBACK_LENGTH, _, _, after @ ..] => {
                    heard.confirmed += 1;
                    rest = after;
                }
                [0x20, 2, _, _, after @ ..] => {
                    heard.is_in = rest.starts_with(&CONNACK);
                    heard.is_refused |= !heard.is_in;
                    rest = after;
                }
                [0xD0, 0, after @ ..] => rest = after,
                [] => return heard,
                [first] | [first, ..] => {
                    let begins = [PUBACK[0], CONNACK[0], PINGRESP[0]].contains(first) && rest.len() < 4;
                    heard.is_refused |= !begins;
                    self.held = rest.to_vec();
                    return heard;
                }
            }
        }
    }
}

const PUBACK_TYPE: u8 = PUBACK[0];
const PUBACK_LENGTH: u8 = PUBACK[1];

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(text);
}

/// The remaining length (MQTT 3.1.1, 2.2.3): seven bits a byte, the lowest first.
fn put_length(out: &mut Vec<u8>, mut length: usize) {
    loop {
        let low = u8::try_from(length & 0x7F).unwrap_or(0);
        length >>= 7;
        out.push(if length == 0 { low } else { low | 0x80 });
        if length == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::profile::shipped;
    use mqtt_protocol_core::mqtt::common::Cursor;
    use mqtt_protocol_core::mqtt::connection::GenericEvent;
    use mqtt_protocol_core::mqtt::packet::{Packet, Qos};
    use mqtt_protocol_core::mqtt::{Connection, Version, role};
    use wire::telemetry::{Form, Limits, Message, read_tree};

    use super::*;

    #[test]
    fn what_it_says_is_mqtt_with_twelve_values() {
        let mut dialect = MqttDialect::new("EWM1", "secret".to_owned(), 120);
        let mut said = dialect.greet("EWM1");
        dialect.publish(0, &mut said);
        dialect.publish(77, &mut said);
        let mut server = Connection::<role::Server>::new(Version::V3_1_1);
        let mut cursor = Cursor::new(said.as_slice());
        let mut heard = Vec::new();
        while usize::try_from(cursor.position()).unwrap() < said.len() {
            for event in server.recv(&mut cursor) {
                match event {
                    GenericEvent::NotifyPacketReceived(packet) => heard.push(packet),
                    GenericEvent::NotifyError(error) => panic!("{error:?}"),
                    _ => {}
                }
            }
            if heard.len() == 1 {
                let accepted = mqtt_protocol_core::mqtt::packet::v3_1_1::Connack::builder()
                    .session_present(false)
                    .return_code(mqtt_protocol_core::mqtt::result_code::ConnectReturnCode::Accepted)
                    .build();
                server.send(accepted.unwrap().into());
            }
        }
        let [Packet::V3_1_1Connect(connect), Packet::V3_1_1Publish(first), Packet::V3_1_1Publish(second)] =
            heard.as_slice()
        else {
            panic!("{heard:?}")
        };
        assert_eq!(
            (connect.client_id(), connect.user_name(), connect.keep_alive()),
            ("EWM1", Some("EWM1"), 120)
        );
        assert_eq!((first.packet_id(), second.packet_id()), (Some(1), Some(78)));
        assert_eq!((first.qos(), first.topic_name()), (Qos::AtLeastOnce, "emberwatch/1/EWM1/telemetry"));
        let limits = Limits::default();
        let tree = read_tree(Form::Json, second.payload().as_slice(), &limits).unwrap();
        assert_eq!(Message::from_tree(&tree, &limits).unwrap().readings[0].values.len(), MQTT_VALUES);
        let profiles = shipped().unwrap();
        let known = profiles.iter().find(|profile| profile.id == "telemetry-generic").unwrap();
        for (code, _) in VALUES {
            assert!(known.points.iter().any(|point| point.code == code), "{code}");
        }
    }

    #[test]
    fn confirmations_are_counted_also_torn() {
        let mut mqtt = MqttDialect::new("EWM1", "secret".to_owned(), 120);
        assert!(mqtt.hear(&[0x20, 2]) == Heard::default() && mqtt.hear(&[0, 0]).is_in);
        assert_eq!(mqtt.hear(&[0x40, 2, 0, 1, 0xD0, 0, 0x40, 2, 0]).confirmed, 1);
        assert_eq!(mqtt.hear(&[2, 0x40, 2, 0, 3]).confirmed, 2);
        assert!(mqtt.hear(&[0x20, 2, 0, 5]).is_refused && mqtt.hear(&[0x99]).is_refused);
        let mut cloud = CloudDialect::new(&shipped().unwrap()[0], None, false).unwrap();
        let acks = [Downlink::LoginAck.encode(), Downlink::UploadAck.encode(), Downlink::UploadAck.encode()]
            .concat();
        let (start, end) = acks.split_at(acks.len() - 3);
        let first = cloud.hear(start);
        assert!(first.is_in && first.confirmed == 1);
        assert_eq!(cloud.hear(end).confirmed, 1);
        assert_eq!(cloud.hear(&Downlink::UploadAck.encode().repeat(3)).confirmed, 3);
    }
}
