//! A device's side of MQTT 3.1.1 on the packets of `mqtt-protocol-core`. Pure: bytes in, bytes out.

use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{Event, GenericEvent};
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait as _, Packet, Qos, SubEntry, SubOpts, v3_1_1};
use mqtt_protocol_core::mqtt::result_code::ConnectReturnCode;
use mqtt_protocol_core::mqtt::{Connection, Version, role};

/// What came of bytes of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MqttHeard {
    /// The device is in.
    Ready,
    /// The message with this packet id is the server's.
    Acknowledged(u16),
    /// The server says something.
    Message {
        /// Under which topic.
        topic: String,
        /// What.
        payload: Vec<u8>,
    },
    /// This has to be written.
    Write(Vec<u8>),
    /// The server does not want the device, or does not keep to the protocol.
    Refused,
}

/// One device: its name and, anew with each connection, its state.
pub(crate) struct MqttTalk {
    serial: String,
    token: String,
    keep_alive_s: u16,
    core: Connection<role::Client>,
}

impl MqttTalk {
    /// A device that shows this serial number and token. It sends no pings, so it has to speak within `keep_alive_s`.
    pub(crate) fn new(serial: String, token: String, keep_alive_s: u16) -> Self {
        Self { serial, token, keep_alive_s, core: Connection::new(Version::V3_1_1) }
    }

    /// A topic of this device.
    pub(crate) fn topic(&self, of: &str) -> String {
        format!("emberwatch/1/{}/{of}", self.serial)
    }

    /// A new connection stands: what is written first; nothing for a name that MQTT cannot carry.
    pub(crate) fn greet(&mut self) -> Vec<u8> {
        self.core = Connection::new(Version::V3_1_1);
        self.core.set_auto_pub_response(true);
        let connect = v3_1_1::Connect::builder()
            .client_id(&self.serial)
            .and_then(|connect| connect.user_name(&self.serial))
            .and_then(|connect| connect.password(self.token.as_bytes().to_vec()))
            .and_then(|connect| connect.clean_session(true).keep_alive(self.keep_alive_s).build());
        connect.map(|connect| written(&self.core.send(connect.into()))).unwrap_or_default()
    }

    /// Asks for what is said under a topic of this device.
    pub(crate) fn subscribe(&mut self, of: &str) -> Option<Vec<u8>> {
        let entry = SubEntry::new(self.topic(of), SubOpts::new().set_qos(Qos::AtLeastOnce)).ok()?;
        let id = self.core.acquire_packet_id().ok()?;
        let packet = v3_1_1::Subscribe::builder().packet_id(id).entries(vec![entry]).build().ok()?;
        Some(written(&self.core.send(packet.into())))
    }

    /// A message under a topic of this device, QoS 1; with the id under which it will be acknowledged.
    pub(crate) fn publish(&mut self, of: &str, payload: Vec<u8>) -> Option<(u16, Vec<u8>)> {
        let id = self.core.acquire_packet_id().ok()?;
        let packet = v3_1_1::Publish::builder()
            .topic_name(self.topic(of))
            .ok()?
            .qos(Qos::AtLeastOnce)
            .packet_id(id)
            .payload(payload)
            .build()
            .ok()?;
        Some((id, written(&self.core.send(packet.into()))))
    }

    /// Bytes came.
    pub(crate) fn heard(&mut self, bytes: &[u8]) -> Vec<MqttHeard> {
        let mut heard = Vec::new();
        let mut cursor = Cursor::new(bytes);
        let end = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        while cursor.position() < end {
            let before = cursor.position();
            for event in self.core.recv(&mut cursor) {
                heard.extend(of_event(event));
            }
            if cursor.position() == before {
                heard.push(MqttHeard::Refused);
                break;
            }
        }
        heard
    }
}

fn of_event(event: Event) -> Option<MqttHeard> {
    match event {
        GenericEvent::RequestSendPacket { packet, .. } => {
            Some(MqttHeard::Write(packet.to_continuous_buffer()))
        }
        GenericEvent::NotifyPacketReceived(packet) => of_packet(&packet),
        GenericEvent::NotifyError(_) | GenericEvent::RequestClose => Some(MqttHeard::Refused),
        GenericEvent::RequestTimerReset { .. }
        | GenericEvent::RequestTimerCancel(_)
        | GenericEvent::NotifyPacketIdReleased(_) => None,
    }
}

/// Of all packets a device of version 3.1.1 waits for three.
fn of_packet(packet: &Packet) -> Option<MqttHeard> {
    if let Packet::V3_1_1Connack(answer) = packet {
        let is_in = answer.return_code() == ConnectReturnCode::Accepted;
        return Some(if is_in { MqttHeard::Ready } else { MqttHeard::Refused });
    }
    if let Packet::V3_1_1Puback(answer) = packet {
        return Some(MqttHeard::Acknowledged(answer.packet_id()));
    }
    if let Packet::V3_1_1Publish(said) = packet {
        let (topic, payload) = (said.topic_name().to_owned(), said.payload().as_slice().to_vec());
        return Some(MqttHeard::Message { topic, payload });
    }
    None
}

/// The packets that are to go out.
fn written(events: &[Event]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for event in events {
        if let GenericEvent::RequestSendPacket { packet, .. } = event {
            bytes.extend(packet.to_continuous_buffer());
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_introduces_itself_and_knows_its_acknowledgements_also_torn() {
        let mut talk = MqttTalk::new("EW1".to_owned(), "secret".to_owned(), 60);
        let connect = talk.greet();
        assert_eq!(connect.first(), Some(&0x10));
        assert!(connect.windows(6).any(|part| part == b"secret"));
        assert_eq!(talk.heard(&[0x20, 2]), []);
        assert_eq!(talk.heard(&[0, 0]), [MqttHeard::Ready]);
        let (id, publish) = talk.publish("telemetry", b"{}".to_vec()).unwrap();
        assert!(publish.windows(25).any(|part| part == b"emberwatch/1/EW1/telemetr"));
        let [high, low] = id.to_be_bytes();
        assert_eq!(talk.heard(&[0x40, 2, high, low]), [MqttHeard::Acknowledged(id)]);
    }

    #[test]
    fn who_is_not_let_in_hears_it_and_a_command_is_acknowledged() {
        let mut talk = MqttTalk::new("EW1".to_owned(), "wrong".to_owned(), 60);
        talk.greet();
        assert_eq!(talk.heard(&[0x20, 2, 0, 4])[0], MqttHeard::Refused);
        talk.greet();
        talk.heard(&[0x20, 2, 0, 0]);
        let heard = talk.heard(&[0x32, 7, 0, 1, b'c', 0, 9, b'h', b'i']);
        let message = MqttHeard::Message { topic: "c".to_owned(), payload: b"hi".to_vec() };
        assert!(heard.contains(&message), "{heard:?}");
        assert!(heard.contains(&MqttHeard::Write(vec![0x40, 2, 0, 9])), "{heard:?}");
    }
}
