//! A message to a topic of somebody else's MQTT broker (MQTT 3.1.1, QoS 1).

use std::sync::Arc;

use domain::time::UnixMs;
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{Event, GenericEvent};
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait as _, Packet, Qos, v3_1_1};
use mqtt_protocol_core::mqtt::result_code::ConnectReturnCode;
use mqtt_protocol_core::mqtt::{Connection, Version, role};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::webhook::document;
use crate::check::{Check, FieldProblem};
use crate::net::Net;
use crate::sender::nonce;
use crate::{Message, Outcome, Secret};

/// A broker that says more than this before it acknowledges is none.
const MAX_HEARD_BYTES: usize = 64 * 1024;

/// A broker and a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mqtt {
    /// The broker.
    pub host: String,
    /// 8883 with TLS, 1883 without.
    pub port: u16,
    /// Whether the connection is TLS.
    pub tls: bool,
    /// The login; empty where the broker wants none.
    #[serde(default)]
    pub user: String,
    /// Belongs to it.
    #[serde(default)]
    pub password: Secret,
    /// Where it is published.
    pub topic: String,
    /// Authorities in PEM that are trusted beside the public ones, for a broker of one's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trusted_ca: String,
}

impl Mqtt {
    /// Connects, publishes and waits for the acknowledgement. The document is that of a webhook.
    pub(crate) async fn send(&self, net: Net, message: &Message, now: UnixMs) -> Result<Outcome, Outcome> {
        let found = net.resolve(&self.host, self.port).await.map_err(|error| error.outcome())?;
        let stream = TcpStream::connect(found.as_slice()).await.map_err(|error| again(&error))?;
        let payload = document(message, now).to_string().into_bytes();
        if !self.tls {
            return self.talk(stream, payload).await;
        }
        let config = self.tls_config().map_err(|error| refused(&error))?;
        let host = self.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|error| refused(&error))?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| {
            // A certificate that is not trusted stays so.
            if error.kind() == std::io::ErrorKind::InvalidData { refused(&error) } else { again(&error) }
        })?;
        self.talk(stream, payload).await
    }

    fn tls_config(&self) -> Result<ClientConfig, rustls::Error> {
        let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        for certificate in CertificateDer::pem_slice_iter(self.trusted_ca.as_bytes()).flatten() {
            roots.add(certificate)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(config.with_root_certificates(roots).with_no_client_auth())
    }

    async fn talk(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        payload: Vec<u8>,
    ) -> Result<Outcome, Outcome> {
        let mut talk = Talk::new();
        stream.write_all(&talk.connect(self)?).await.map_err(|error| again(&error))?;
        let mut buffer = [0; 1024];
        let mut heard = 0;
        loop {
            let count = stream.read(&mut buffer).await.map_err(|error| again(&error))?;
            heard += count;
            if count == 0 || heard > MAX_HEARD_BYTES {
                return Err(again(&"the broker hung up before it acknowledged"));
            }
            for said in talk.heard(buffer.get(..count).unwrap_or_default()) {
                match said {
                    Said::Write(bytes) => stream.write_all(&bytes).await.map_err(|error| again(&error))?,
                    Said::Connected => {
                        let publish = talk.publish(&self.topic, payload.clone())?;
                        stream.write_all(&publish).await.map_err(|error| again(&error))?;
                    }
                    Said::Published => {
                        // Whether the farewell arrives changes nothing.
                        let _ = stream.write_all(&talk.disconnect()).await;
                        let _ = stream.shutdown().await;
                        return Ok(Outcome::Accepted { reference: None });
                    }
                    Said::NotNow => return Err(again(&"the broker is not available")),
                    Said::Refused(why) => return Err(refused(&why)),
                    Said::Nonsense => return Err(again(&"the broker does not keep to MQTT 3.1.1")),
                }
            }
        }
    }

    pub(crate) fn check(&self, check: &mut Check) {
        check.host("host", &self.host);
        check.port(self.port);
        check.optional_text("user", &self.user, 320);
        check.optional_text("password", &self.password.0, 1000);
        check.text("topic", &self.topic, 1000);
        if self.topic.contains(['+', '#']) {
            check.wrong("topic", FieldProblem::Characters);
        }
        check.authorities(&self.trusted_ca);
    }
}

fn again(error: &dyn std::fmt::Display) -> Outcome {
    Outcome::TryAgain { after_ms: None, detail: error.to_string() }
}

fn refused(error: &dyn std::fmt::Display) -> Outcome {
    Outcome::Refused { detail: error.to_string() }
}

/// What came of bytes of the broker.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// This has to be written.
    Write(Vec<u8>),
    /// The login was taken.
    Connected,
    /// The message was taken.
    Published,
    /// The broker takes nobody now (return code 3).
    NotNow,
    /// The broker does not want us.
    Refused(String),
    /// The broker does not keep to the protocol.
    Nonsense,
}

/// The publisher's side of MQTT 3.1.1, without IO.
struct Talk {
    core: Connection<role::Client>,
}

impl Talk {
    fn new() -> Self {
        Self { core: Connection::new(Version::V3_1_1) }
    }

    fn connect(&mut self, of: &Mqtt) -> Result<Vec<u8>, Outcome> {
        let unfit = |error: mqtt_protocol_core::mqtt::result_code::MqttError| {
            refused(&format!("the login cannot be sent by MQTT: {error:?}"))
        };
        // At most 23 letters and digits, which every broker takes (section 3.1.3.1).
        let id: String = "emberwatch".chars().chain(nonce().chars()).take(23).collect();
        let mut connect = v3_1_1::Connect::builder().client_id(&id).map_err(unfit)?.clean_session(true);
        if !of.user.is_empty() {
            connect = connect.user_name(&of.user).map_err(unfit)?;
            if !of.password.is_empty() {
                connect = connect.password(of.password.as_bytes().to_vec()).map_err(unfit)?;
            }
        }
        let connect = connect.keep_alive(30).build().map_err(unfit)?;
        Ok(written(&self.core.send(connect.into())))
    }

    fn publish(&mut self, topic: &str, payload: Vec<u8>) -> Result<Vec<u8>, Outcome> {
        let unfit = |error| refused(&format!("the message cannot be sent by MQTT: {error:?}"));
        let id = self.core.acquire_packet_id().map_err(unfit)?;
        let publish = v3_1_1::Publish::builder()
            .topic_name(topic)
            .map_err(unfit)?
            .qos(Qos::AtLeastOnce)
            .packet_id(id)
            .payload(payload)
            .build()
            .map_err(unfit)?;
        Ok(written(&self.core.send(publish.into())))
    }

    fn disconnect(&mut self) -> Vec<u8> {
        let disconnect = v3_1_1::Disconnect::builder().build();
        disconnect.map(|disconnect| written(&self.core.send(disconnect.into()))).unwrap_or_default()
    }

    fn heard(&mut self, bytes: &[u8]) -> Vec<Said> {
        let mut said = Vec::new();
        let mut cursor = Cursor::new(bytes);
        let end = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        while cursor.position() < end {
            let before = cursor.position();
            said.extend(self.core.recv(&mut cursor).into_iter().filter_map(of_event));
            if cursor.position() == before {
                said.push(Said::Nonsense);
                break;
            }
        }
        said
    }
}

fn of_event(event: Event) -> Option<Said> {
    match event {
        GenericEvent::RequestSendPacket { packet, .. } => Some(Said::Write(packet.to_continuous_buffer())),
        GenericEvent::NotifyPacketReceived(packet) => of_packet(&packet),
        GenericEvent::NotifyError(_) | GenericEvent::RequestClose => Some(Said::Nonsense),
        GenericEvent::RequestTimerReset { .. }
        | GenericEvent::RequestTimerCancel(_)
        | GenericEvent::NotifyPacketIdReleased(_) => None,
    }
}

/// Of all packets a publisher waits for two.
fn of_packet(packet: &Packet) -> Option<Said> {
    if let Packet::V3_1_1Connack(answer) = packet {
        return Some(match answer.return_code() {
            ConnectReturnCode::Accepted => Said::Connected,
            ConnectReturnCode::ServerUnavailable => Said::NotNow,
            code @ (ConnectReturnCode::UnacceptableProtocolVersion
            | ConnectReturnCode::IdentifierRejected
            | ConnectReturnCode::BadUserNameOrPassword
            | ConnectReturnCode::NotAuthorized) => Said::Refused(format!("the broker says {code:?}")),
        });
    }
    matches!(packet, Packet::V3_1_1Puback(_)).then_some(Said::Published)
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
