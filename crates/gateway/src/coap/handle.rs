//! From a request to its answer.

use std::sync::Arc;
use std::time::Duration;

use coap_lite::{CoapOption, MessageType, Packet, ResponseType};
use domain::id::TerminalId;
use domain::telegram::TelegramDirection;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wire::telemetry::{Commands, Form};

use super::blocks::{Assembled, Block};
use super::request::{Asked, Request, format, wants_cbor};
use super::{Door, Peer, Speaker, answer_to, put_uint};
use crate::ingest::{NotHeard, NotTaken, Origin, Proof, Receipt};

/// Commands in one answer: one fits a datagram.
const COMMANDS_AT_ONCE: usize = 1;
/// A device that was told "not now" may try again after this long, s.
const RETRY_S: u32 = 5;
/// Longest explanation in an answer, bytes.
const MAX_WORDS: usize = 512;

impl Door {
    pub(super) async fn answer(self: &Arc<Self>, packet: &Packet, speaker: &Speaker) -> Packet {
        let Speaker { peer, known } = speaker;
        let (peer, remote) = (*peer, peer.address);
        let request = match Request::read(packet) {
            Ok(request) => request,
            Err(code) => {
                self.ingest.counters.frames_refused.add_one();
                return answer_to(packet, code);
            }
        };
        // In a session the key says who speaks: a path may leave the serial number out, and cannot name another one.
        let (serial, proof) = match (known, &request.serial) {
            (Some(known), Some(serial)) if known.serial != *serial => {
                return answer_to(packet, ResponseType::Unauthorized);
            }
            (Some(known), _) => (known.serial.as_str(), Proof::PreSharedKey(&known.key)),
            (None, Some(serial)) => (serial.as_str(), Proof::Token(&request.token)),
            (None, None) => return answer_to(packet, ResponseType::BadRequest),
        };
        let entry = match self.ingest.prove(serial, proof, remote, 1).await {
            Ok(entry) => entry,
            // Nothing but the code: whoever is not known gets back no more than he sent.
            Err(NotHeard::Unknown) => return answer_to(packet, ResponseType::Unauthorized),
            Err(NotHeard::NoSerial) => return answer_to(packet, ResponseType::BadRequest),
            Err(NotHeard::Stopping) => return not_now(packet, RETRY_S),
        };
        match request.asked {
            Asked::Commands => self.commands(packet, &request, entry.id, peer).await,
            Asked::Say => {
                let bytes = match request.block {
                    None => packet.payload.clone(),
                    Some(block) => match self.block(packet, block, (peer, entry.id)) {
                        Ok(whole) => whole,
                        Err(answer) => return *answer,
                    },
                };
                let origin = Origin { remote, address: None, device_at: None, key: request.key.as_deref() };
                let mut answer = match self.ingest.take(&entry, &bytes, request.form, origin).await {
                    Ok(Receipt { json, .. }) => {
                        let mut answer = answer_to(packet, ResponseType::Changed);
                        // Most messages are taken whole, and nothing more has to be said about them.
                        if !json.ends_with("\"refused\":[]}") {
                            put_uint(&mut answer, CoapOption::ContentFormat, format(Form::Json));
                            answer.payload = json.into_bytes();
                        }
                        answer
                    }
                    Err(NotTaken::Unreadable(reason)) => {
                        let mut answer = answer_to(packet, ResponseType::BadRequest);
                        answer.payload = words(reason);
                        answer
                    }
                    Err(NotTaken::OtherMessage) => answer_to(packet, ResponseType::Conflict),
                    Err(NotTaken::UnderWay) => not_now(packet, 1),
                    Err(NotTaken::Unavailable) => not_now(packet, RETRY_S),
                };
                if let Some(block) = request.block {
                    put_uint(&mut answer, CoapOption::Block1, block.value());
                }
                answer
            }
        }
    }

    /// Takes one block; the whole message when it was the last.
    fn block(
        &self,
        packet: &Packet,
        block: Block,
        whose: (Peer, TerminalId),
    ) -> Result<Vec<u8>, Box<Packet>> {
        let max = self.ingest.config.limits.bytes;
        let now_ms = self.ingest.mono_ms();
        let assembled = self.lock().blocks.take(whose, block, &packet.payload, max, now_ms);
        let mut answer = match assembled {
            Assembled::Whole(bytes) => return Ok(bytes),
            Assembled::Continue => answer_to(packet, ResponseType::Continue),
            Assembled::Incomplete => answer_to(packet, ResponseType::RequestEntityIncomplete),
            Assembled::TooLong => {
                let mut answer = answer_to(packet, ResponseType::RequestEntityTooLarge);
                put_uint(&mut answer, CoapOption::Size1, u32::try_from(max).unwrap_or(u32::MAX));
                answer
            }
            Assembled::Busy => not_now(packet, RETRY_S),
        };
        put_uint(&mut answer, CoapOption::Block1, block.value());
        Err(Box::new(answer))
    }

    async fn commands(
        self: &Arc<Self>,
        packet: &Packet,
        request: &Request,
        terminal: TerminalId,
        peer: Peer,
    ) -> Packet {
        let form = if wants_cbor(packet) { Form::Cbor } else { Form::Json };
        let token = packet.get_token().to_vec();
        let mut is_observed = false;
        match request.observe {
            Some(0) => {
                let stop = self.lock().observers.begin(peer, &token, CancellationToken::new());
                if let Some(stop) = stop {
                    is_observed = true;
                    let door = Arc::clone(self);
                    let tell = Tell { terminal, peer, token: token.clone(), form };
                    self.ingest.tracker.spawn(async move { door.tell(tell, stop).await });
                }
            }
            Some(_) => self.lock().observers.end(peer, &token),
            None => {}
        }
        // An observer is told of what waits by its first notification.
        let commands = if is_observed {
            Vec::new()
        } else {
            self.ingest.mailboxes.fetch(terminal, peer.address, Duration::ZERO, COMMANDS_AT_ONCE).await
        };
        let mut answer = self.content(packet.get_token(), Commands(commands), terminal, peer, form);
        if is_observed {
            put_uint(&mut answer, CoapOption::Observe, 1);
            put_uint(
                &mut answer,
                CoapOption::MaxAge,
                u32::try_from(self.config.observe_s).unwrap_or(u32::MAX),
            );
        }
        answer
    }

    fn content(
        &self,
        token: &[u8],
        commands: Commands,
        terminal: TerminalId,
        peer: Peer,
        form: Form,
    ) -> Packet {
        let mut request = Packet::new();
        request.set_token(token.to_vec());
        let mut answer = answer_to(&request, ResponseType::Content);
        let has_some = !commands.0.is_empty();
        answer.payload = commands.write(form);
        put_uint(&mut answer, CoapOption::ContentFormat, format(form));
        if has_some {
            self.ingest.keep(terminal, peer.address, TelegramDirection::Down, &answer.payload, None);
        }
        answer
    }

    /// Tells an observer of its commands until it has had enough, or the time is over and it has to ask again.
    async fn tell(self: Arc<Self>, tell: Tell, stop: CancellationToken) {
        let Tell { terminal, peer, token, form } = tell;
        let end = Instant::now() + Duration::from_secs(self.config.observe_s);
        let mut sequence = 1;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let commands = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.ingest.soft_stop.cancelled() => return,
                commands = self.ingest.mailboxes.fetch(terminal, peer.address, left, COMMANDS_AT_ONCE) => commands,
            };
            if commands.is_empty() {
                continue;
            }
            sequence += 1;
            let mut message = self.content(&token, Commands(commands), terminal, peer, form);
            put_uint(&mut message, CoapOption::Observe, sequence);
            message.header.set_type(MessageType::Confirmable);
            message.header.message_id = self.fresh_id();
            self.lock().observers.told(peer, &token, message.header.message_id);
            self.reply(&message, peer);
            self.insist(&message, peer).await;
        }
        self.lock().observers.end(peer, &token);
    }
}

/// Whom to tell of which commands.
struct Tell {
    terminal: TerminalId,
    peer: Peer,
    token: Vec<u8>,
    form: Form,
}

/// 5.03 with the time to wait in Max-Age (RFC 7252 section 5.9.3.4).
fn not_now(packet: &Packet, after_s: u32) -> Packet {
    let mut answer = answer_to(packet, ResponseType::ServiceUnavailable);
    put_uint(&mut answer, CoapOption::MaxAge, after_s);
    answer
}

fn words(mut reason: String) -> Vec<u8> {
    let mut end = reason.len().min(MAX_WORDS);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.truncate(end);
    reason.into_bytes()
}
