//! CoAP (`docs/protocol/coap.md`): confirmable requests, sent again as RFC 7252 says until they are acknowledged; the
//! answer rides in the acknowledgement or comes in a message of its own.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use coap_lite::{CoapOption, MessageClass, MessageType, Packet, RequestType, ResponseType};
use rand::Rng as _;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};
use wire::telemetry::Form;

use super::{Answered, Post};

/// RFC 7252 section 4.8: the first wait for an acknowledgement, up to half as long again, doubled each time.
const ACK_WITHIN: Duration = Duration::from_secs(2);
const MAX_RETRANSMIT: u32 = 4;
/// How long an answer is waited for that was promised by an empty acknowledgement.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The longest datagram, bytes.
const LONGEST: usize = 2_048;
/// Content formats (RFC 7252 section 12.3, RFC 8949 section 9.2).
const JSON: u8 = 50;
const CBOR: u8 = 60;

impl Post {
    pub(super) async fn post_coap(&self, form: Form, payload: &[u8], key: &str) -> Answered {
        let mut packet = self.request(RequestType::Post);
        packet.add_option(CoapOption::UriQuery, format!("i={key}").into_bytes());
        let format = match form {
            Form::Json => JSON,
            Form::Cbor => CBOR,
        };
        packet.add_option(CoapOption::ContentFormat, vec![format]);
        packet.payload = payload.to_vec();
        let answer = self.ask(&packet).await;
        let Ok(Some(answer)) = answer else { return Answered::Later };
        match answer.header.code {
            MessageClass::Response(ResponseType::Changed) => Answered::Confirmed,
            MessageClass::Response(
                ResponseType::BadRequest
                | ResponseType::BadOption
                | ResponseType::UnsupportedContentFormat
                | ResponseType::RequestEntityTooLarge,
            ) => Answered::Refused(String::from_utf8_lossy(&answer.payload).into_owned()),
            _ => Answered::Later,
        }
    }

    pub(super) async fn get_coap(&self) -> Option<Vec<u8>> {
        let answer = self.ask(&self.request(RequestType::Get)).await.ok()??;
        let is_content = answer.header.code == MessageClass::Response(ResponseType::Content);
        is_content.then_some(answer.payload)
    }

    fn request(&self, method: RequestType) -> Packet {
        let id = self.next_message_id.fetch_add(1, Ordering::Relaxed);
        let mut packet = Packet::new();
        packet.header.code = MessageClass::Request(method);
        packet.header.message_id = id;
        packet.header.set_type(MessageType::Confirmable);
        packet.set_token(id.to_be_bytes().to_vec());
        packet.add_option(CoapOption::UriPath, b"t".to_vec());
        packet.add_option(CoapOption::UriPath, self.serial.clone().into_bytes());
        packet.add_option(CoapOption::UriQuery, format!("k={}", self.token).into_bytes());
        packet
    }

    /// Sends until there is an answer; `None` when nobody answers.
    async fn ask(&self, request: &Packet) -> io::Result<Option<Packet>> {
        let bytes = request.to_bytes().map_err(io::Error::other)?;
        let socket = UdpSocket::bind(self.source()).await?;
        socket.connect(self.door).await?;
        let mut wait = ACK_WITHIN.mul_f64(rand::rng().random_range(1.0..1.5));
        let mut buffer = vec![0; LONGEST];
        for _ in 0..=MAX_RETRANSMIT {
            socket.send(&bytes).await?;
            let mut until = Instant::now() + wait;
            while let Ok(received) = timeout_at(until, socket.recv(&mut buffer)).await {
                let Ok(answer) = Packet::from_bytes(buffer.get(..received?).unwrap_or_default()) else {
                    continue;
                };
                let is_of_message = answer.header.message_id == request.header.message_id;
                match (answer.header.get_type(), answer.header.code) {
                    (MessageType::Acknowledgement, MessageClass::Empty) if is_of_message => {
                        until = Instant::now() + ANSWER_WITHIN;
                    }
                    (MessageType::Reset, _) if is_of_message => return Ok(None),
                    (MessageType::Acknowledgement | MessageType::Reset, _) if !is_of_message => {}
                    (had, _) if answer.get_token() == request.get_token() => {
                        if had == MessageType::Confirmable {
                            let heard = acknowledgement(answer.header.message_id);
                            socket.send(&heard.to_bytes().map_err(io::Error::other)?).await?;
                        }
                        return Ok(Some(answer));
                    }
                    _ => {}
                }
            }
            wait *= 2;
        }
        Ok(None)
    }
}

fn acknowledgement(message_id: u16) -> Packet {
    let mut packet = Packet::new();
    packet.header.code = MessageClass::Empty;
    packet.header.message_id = message_id;
    packet.header.set_type(MessageType::Acknowledgement);
    packet
}
