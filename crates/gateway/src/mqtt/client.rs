//! Speaks with devices through somebody else's broker (Mosquitto, EMQX): the same topics and payloads, both ways,
//! through one connection.
//!
//! MQTT 5.0 (or 3.1.1), QoS 1, a session that the broker keeps: a message is acknowledged to the broker only after its
//! readings are on disk, and what was not acknowledged comes again after the next connection. Who may publish under
//! which serial number is the broker's question; its access rules have to hold each device to its own topics.
//!
//! A command goes out with the time within which it must be answered as its message expiry, so that no broker keeps it
//! for a device that comes back later. MQTT 3.1.1 has no such word, so with it nobody is commanded.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bus::intake::{LineEvent, UnknownTerminal};
use bus::sessions::LineRequest;
use bus::{Confirm, Intake, LineAnswer, LineCommand, LineError, Outcome};
use domain::id::TerminalId;
use domain::place::{Admission, Protocol, TerminalEntry};
use domain::telegram::{Refused, TelegramDirection};
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{ConnectionOptions, Event, GenericEvent, TimerKind};
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait as _, Packet, Qos};
use mqtt_protocol_core::mqtt::{Connection, Version, role};
use tokio::io::AsyncReadExt as _;
use tokio::sync::oneshot;
use tokio::time::{Instant, Interval, interval, sleep, sleep_until};

use super::config::ClientConfig;
use super::connection::Gate;
use super::conversation::{Asked, Conversation, Heard};
use super::packets::{self, Ack, Publish, Received};
use super::session::Facts;
use super::topics::{self, Up};
use crate::config::ms;
use crate::telegram_log::Whose;

mod dial;
mod talks;

use dial::{Line, dial, write};
use talks::Talks;

/// How long the broker may take to a PINGRESP, ms.
const PONG_WITHIN_MS: u64 = 10_000;
/// Bytes read at once.
const READ_BYTES: usize = 16_384;
/// How often devices that have fallen silent are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Reads from the broker until the process stops.
pub(crate) async fn run(gate: Arc<Gate>) {
    let Some(config) = gate.rules.config.client.clone() else { return };
    let (first, longest) = config.retry;
    let mut wait = first;
    let broker = format!("{}:{}", config.host, config.port);
    loop {
        let mut client = Client::new(&gate, &config);
        let reason = tokio::select! {
            biased;
            () = gate.hard_stop.cancelled() => return client.talks.drop_all(&gate),
            reason = client.serve() => reason,
        };
        client.end_all(&reason).await;
        if gate.soft_stop.is_cancelled() {
            return;
        }
        // A connection that worked begins the waiting anew.
        if client.is_connected {
            wait = first;
        }
        tracing::warn!(broker, reason, wait_ms = wait.as_millis(), "the broker is lost");
        tokio::select! {
            biased;
            () = gate.soft_stop.cancelled() => return,
            () = sleep(wait) => {}
        }
        wait = (wait * 2).min(longest);
    }
}

/// A message whose acknowledgement waits for its turn.
struct InFlight {
    ack: Option<Ack>,
    /// The outcome, and how many readings it is of; `None`: nothing is waited for.
    outcome: Option<(u64, oneshot::Receiver<Outcome>)>,
    /// What whom is to be answered, and on which topic.
    say: Option<(TerminalId, String, Vec<u8>)>,
}

/// One connection to the broker.
struct Client<'g> {
    gate: &'g Gate,
    config: &'g ClientConfig,
    core: Connection<role::Client>,
    talks: Talks,
    look: Interval,
    in_flight: VecDeque<InFlight>,
    ping_at: Option<Instant>,
    pong_until: Option<Instant>,
    is_connected: bool,
    remote: SocketAddr,
}

impl<'g> Client<'g> {
    fn new(gate: &'g Gate, config: &'g ClientConfig) -> Self {
        let options = ConnectionOptions::new().maximum_packet_size_recv(gate.rules.config.max_packet_bytes);
        let version = if config.is_v5 { Version::V5_0 } else { Version::V3_1_1 };
        let mut core = Connection::with_options(version, options);
        core.set_pingresp_recv_timeout(PONG_WITHIN_MS);
        Self {
            gate,
            config,
            core,
            talks: Talks::default(),
            look: interval(LOOK_EVERY),
            in_flight: VecDeque::new(),
            ping_at: None,
            pong_until: None,
            is_connected: false,
            remote: SocketAddr::from(([0, 0, 0, 0], config.port)),
        }
    }

    /// Serves the connection; says why it ended.
    async fn serve(&mut self) -> String {
        match self.try_serve().await {
            Ok(()) => "the process stops".to_owned(),
            Err(reason) => reason,
        }
    }

    async fn try_serve(&mut self) -> Result<(), String> {
        let gate = self.gate;
        let (mut line, remote) = dial(self.config).await?;
        self.remote = remote;
        let kept_s = self.gate.rules.config.max_session_expiry_s;
        let events =
            packets::introduce(&mut self.core, self.config, kept_s, gate.rules.config.max_in_flight)?;
        self.act(events, &mut line).await?;
        let mut held: Vec<u8> = Vec::new();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            self.settle(&mut line).await?;
            let is_stopping = gate.soft_stop.is_cancelled();
            if is_stopping && self.in_flight.is_empty() {
                let events = packets::leave(&mut self.core)?;
                return self.act(events, &mut line).await;
            }
            let has_room =
                self.in_flight.len() < usize::from(gate.rules.config.max_in_flight) && !is_stopping;
            if has_room && !held.is_empty() {
                let used = self.hear(&held, &mut line).await?;
                held.drain(..used);
                // What is left is the beginning of a packet only when nothing of it could be used.
                if used > 0 {
                    continue;
                }
            }
            let ping = self.ping_at;
            let pong = self.pong_until;
            let due = self.talks.deadline().map(|at_ms| gate.started + Duration::from_millis(at_ms));
            tokio::select! {
                biased;
                () = gate.soft_stop.cancelled(), if !is_stopping => {}
                () = next_outcome(&mut self.in_flight), if !self.in_flight.is_empty() => {}
                count = line.read(&mut buffer), if has_room => {
                    let count = count.map_err(|error| format!("lost: {error}"))?;
                    if count == 0 {
                        return Err("closed by the broker".to_owned());
                    }
                    held.extend_from_slice(buffer.get(..count).unwrap_or_default());
                }
                (terminal, request) = self.talks.next_request(), if !is_stopping => match request {
                    Some(request) => self.on_request(terminal, request, &mut line).await?,
                    None => self.end(terminal, "the terminal speaks for itself").await?,
                },
                () = at(due), if due.is_some() => self.talks.on_time(gate),
                _ = self.look.tick() => {
                    let limit_ms = ms(u64::from(gate.rules.config.max_keep_alive_s) * 3 / 2);
                    for terminal in self.talks.silent(limit_ms, gate) {
                        self.end(terminal, "silent for longer than any keep-alive").await?;
                    }
                }
                () = at(ping), if ping.is_some() => {
                    self.ping_at = None;
                    let events = self.core.notify_timer_fired(TimerKind::PingreqSend);
                    self.act(events, &mut line).await?;
                }
                () = at(pong), if pong.is_some() => return Err("the broker answers no PINGREQ".to_owned()),
            }
        }
    }

    fn subscription(&mut self) -> Result<Vec<Event>, String> {
        let own =
            ["emberwatch/1/+/telemetry", "sys/dev/+/+", "data/up/+/+", "indicate/dev/+/+", "notify/dev/+/+"];
        let foreign = self.gate.rules.foreign.iter().map(topics::Pattern::filter);
        let shared = own.iter().map(|filter| (*filter).to_owned()).chain(foreign).map(|filter| {
            match self.config.share.as_str() {
                "" => filter,
                group => format!("$share/{group}/{filter}"),
            }
        });
        // Not shared: the answer is for the server that asked.
        let filters = shared.chain(["emberwatch/1/+/answer".to_owned()]).collect();
        packets::subscribe(&mut self.core, filters)
    }

    /// Hears one packet; says how many bytes were used.
    async fn hear(&mut self, bytes: &[u8], line: &mut Box<dyn Line>) -> Result<usize, String> {
        let mut cursor = Cursor::new(bytes);
        let events = self.core.recv(&mut cursor);
        let used = usize::try_from(cursor.position()).unwrap_or(bytes.len());
        self.act(events, line).await?;
        Ok(used)
    }

    async fn act(&mut self, events: Vec<Event>, line: &mut Box<dyn Line>) -> Result<(), String> {
        let mut further = Vec::new();
        for event in events {
            match event {
                GenericEvent::NotifyPacketReceived(packet) => further.extend(self.receive(packet).await?),
                GenericEvent::RequestSendPacket { packet, .. } => {
                    let bytes = packet.to_continuous_buffer();
                    write(line, &bytes).await?;
                }
                GenericEvent::RequestTimerReset { kind, duration_ms } => {
                    let at = Instant::now() + Duration::from_millis(duration_ms);
                    match kind {
                        TimerKind::PingreqSend => self.ping_at = Some(at),
                        TimerKind::PingrespRecv => self.pong_until = Some(at),
                        TimerKind::PingreqRecv => {}
                    }
                }
                GenericEvent::RequestTimerCancel(TimerKind::PingreqSend) => self.ping_at = None,
                GenericEvent::RequestTimerCancel(TimerKind::PingrespRecv) => self.pong_until = None,
                GenericEvent::RequestTimerCancel(TimerKind::PingreqRecv)
                | GenericEvent::NotifyPacketIdReleased(_)
                | GenericEvent::RequestClose => {}
                GenericEvent::NotifyError(error) => {
                    return Err(format!("the broker broke the protocol: {error:?}"));
                }
            }
        }
        if !further.is_empty() {
            return Box::pin(self.act(further, line)).await;
        }
        Ok(())
    }

    async fn receive(&mut self, packet: Packet) -> Result<Vec<Event>, String> {
        match packets::welcomed(&packet) {
            Some(Ok(())) => {
                self.is_connected = true;
                tracing::info!(broker = %self.remote, "speaking with devices through the broker");
                return self.subscription();
            }
            Some(Err(why)) => return Err(format!("the broker does not let us in: {why}")),
            None => {}
        }
        if packets::refuses_subscription(&packet) {
            return Err("the broker refuses a subscription".to_owned());
        }
        if let Received::Publish(publish) = Received::from(packet) {
            self.on_publish(&publish).await?;
        }
        Ok(Vec::new())
    }

    async fn on_publish(&mut self, publish: &Publish) -> Result<(), String> {
        let gate = self.gate;
        let now = gate.now();
        let up = topics::up(&publish.topic, &gate.rules.foreign);
        let Some((up, serial)) = up.filter(|(_, serial)| !serial.is_empty() && serial.len() <= 100) else {
            // Nothing that anybody could make use of, and the broker must not keep it for us.
            self.in_flight.push_back(InFlight { ack: publish.ack, outcome: None, say: None });
            return Ok(());
        };
        let entry = gate.directory.terminal(Protocol::Telemetry, serial);
        if let Some(entry) = entry.as_ref().filter(|entry| entry.admission != Admission::Admitted) {
            self.end(entry.id, "no longer admitted").await?;
        }
        let Some(entry) = entry.filter(|entry| entry.admission == Admission::Admitted) else {
            let unknown = UnknownTerminal {
                serial: serial.to_owned(),
                protocol: Protocol::Telemetry,
                iccid: None,
                signal: None,
                firmware: None,
                remote: self.remote.to_string(),
                at: now.wall,
                readings_ignored: 1,
            };
            if let Some(unknown) = gate.pending.due(unknown, gate.mono_ms(), &gate.counters) {
                self.hand_over(Intake::Unknown(unknown)).await?;
            }
            self.in_flight.push_back(InFlight { ack: publish.ack, outcome: None, say: None });
            return Ok(());
        };
        if up == Up::Answer && self.talks.get_mut(entry.id).is_none() {
            // To a command of another server, or of one that was here before.
            self.in_flight.push_back(InFlight { ack: publish.ack, outcome: None, say: None });
            return Ok(());
        }
        self.come_in(&entry).await?;
        let facts = self.facts();
        let heard = match self.talks.get_mut(entry.id) {
            Some(talk) => talk.conversation.hear(&entry, publish, facts, now),
            None => Conversation::new(entry.serial.clone()).hear(&entry, publish, facts, now),
        };
        let refused = match &heard {
            Ok(heard) => heard.partly.clone(),
            Err((_, reason)) => Some(reason.clone()),
        };
        match &refused {
            None => gate.counters.frames_understood.add_one(),
            Some(_) => gate.counters.frames_refused.add_one(),
        }
        let refused = refused.map(|reason| Refused { reason, clause: "MQTT, message".to_owned() });
        self.keep(entry.id, TelegramDirection::Up, (&publish.topic, &publish.payload), refused);
        let Heard { readings, tell, answered, say, partly: _ } = heard.unwrap_or_default();
        if let (Some(answered), Some(talk)) = (answered, self.talks.get_mut(entry.id)) {
            talk.settle(answered);
        }
        if let Some(tell) = tell {
            self.hand_over(tell).await?;
        }
        let outcome = if readings.is_empty() {
            None
        } else {
            let count = readings.len() as u64;
            let (confirm, outcome) = Confirm::pair();
            gate.counters.readings_received.add(count);
            self.hand_over(Intake::Readings { readings, confirm }).await?;
            Some((count, outcome))
        };
        let say = say.map(|(topic, payload)| (entry.id, topic, payload));
        self.in_flight.push_back(InFlight { ack: publish.ack, outcome, say });
        Ok(())
    }

    fn facts(&self) -> Facts<'g> {
        Facts {
            rules: &self.gate.rules,
            directory: &self.gate.directory,
            shelf: &self.gate.shelf,
            failures: &self.gate.failures,
            remote: self.remote,
            certificate: None,
        }
    }

    /// A device was heard: from now on it has a line.
    async fn come_in(&mut self, entry: &TerminalEntry) -> Result<(), String> {
        let begun = self.talks.heard(entry.id, &entry.serial, self.remote.to_string(), self.gate);
        let Some(previous) = begun else { return Ok(()) };
        if let Some(previous) = previous {
            let event = LineEvent::Replaced { previous_remote: previous.remote };
            self.tell_line(entry.id, event).await?;
        }
        self.tell_line(entry.id, LineEvent::Connected).await
    }

    /// The line of a device ends.
    async fn end(&mut self, terminal: TerminalId, reason: &str) -> Result<(), String> {
        if self.talks.end(terminal, self.gate) {
            self.tell_line(terminal, LineEvent::Disconnected(reason.to_owned())).await?;
        }
        Ok(())
    }

    /// The broker is lost, and every device with it.
    async fn end_all(&mut self, reason: &str) {
        let gate = self.gate;
        for terminal in self.talks.all() {
            let ended = self.end(terminal, reason);
            let is_gone = tokio::select! {
                biased;
                () = gate.hard_stop.cancelled() => true,
                ended = ended => ended.is_err(),
            };
            if is_gone {
                return self.talks.drop_all(gate);
            }
        }
    }

    async fn tell_line(&self, terminal: TerminalId, event: LineEvent) -> Result<(), String> {
        let at = self.gate.now().wall;
        self.hand_over(Intake::Line { terminal, at, remote: self.remote.to_string(), event }).await
    }

    /// Publishes a command on the device's topic.
    async fn on_request(
        &mut self,
        terminal: TerminalId,
        (command, answer): LineRequest,
        line: &mut Box<dyn Line>,
    ) -> Result<(), String> {
        if let LineCommand::Close { reason } = &command {
            let _gone = answer.send(Ok(LineAnswer::Done));
            return self.end(terminal, reason).await;
        }
        let facts = self.facts();
        let now = self.gate.now();
        let Some(talk) = self.talks.get_mut(terminal).filter(|_| self.config.is_v5) else {
            let _gone = answer.send(Err(LineError::Unsupported));
            return Ok(());
        };
        let Asked { topic, payload, setting } = match talk.conversation.ask(&command, facts, now) {
            Ok(asked) => asked,
            Err(error) => {
                let _gone = answer.send(Err(error));
                return Ok(());
            }
        };
        let serial = talk.conversation.serial().to_owned();
        if let Some((name, value)) = setting
            && let Some(text) = self.gate.shelf.set(terminal, &name, &value)
        {
            // What the device shall be set to is for whenever it looks.
            let shadow = topics::shadow(&serial);
            let said =
                packets::publish(&mut self.core, &shadow, text.as_bytes(), Qos::AtLeastOnce, true, None);
            if let Some(events) = said {
                self.keep(terminal, TelegramDirection::Down, (&shadow, text.as_bytes()), None);
                self.act(events, line).await?;
            }
        }
        // Brokers count whole seconds, and late by up to one.
        let within_s = self.gate.rules.config.command_within_s.saturating_sub(1).max(1);
        let within_s = u32::try_from(within_s).unwrap_or(u32::MAX);
        let said =
            packets::publish(&mut self.core, &topic, &payload, Qos::AtLeastOnce, false, Some(within_s));
        match said {
            Some(events) => {
                self.talks.asked(terminal, answer);
                self.keep(terminal, TelegramDirection::Down, (&topic, &payload), None);
                self.act(events, line).await
            }
            None => {
                // The broker owes us the receipts of as many messages as it takes at once.
                if let Some(talk) = self.talks.get_mut(terminal) {
                    talk.conversation.forget();
                }
                let _gone = answer.send(Err(LineError::Busy));
                Ok(())
            }
        }
    }

    fn keep(
        &self,
        terminal: TerminalId,
        direction: TelegramDirection,
        (topic, payload): (&str, &[u8]),
        refused: Option<Refused>,
    ) {
        let whose =
            Whose { terminal: Some(terminal), remote: self.remote, protocol: Protocol::Telemetry.code() };
        let bytes = packets::telegram(topic, payload);
        self.gate.telegrams.keep(whose, direction, &bytes, refused, (self.gate.clock)());
    }

    async fn hand_over(&self, intake: Intake) -> Result<(), String> {
        self.gate.intake.send(intake).await.map_err(|stopped| stopped.to_string())
    }

    /// Acknowledges the messages at the front whose outcome is known, in their order.
    async fn settle(&mut self, line: &mut Box<dyn Line>) -> Result<(), String> {
        while let Some(message) = self.in_flight.front_mut() {
            if let Some((count, outcome)) = &mut message.outcome {
                let counters = &self.gate.counters;
                match outcome.try_recv() {
                    Ok(Outcome::Committed) => counters.readings_confirmed.add(*count),
                    Err(oneshot::error::TryRecvError::Empty) => return Ok(()),
                    Ok(Outcome::Unavailable) | Err(oneshot::error::TryRecvError::Closed) => {
                        counters.readings_unconfirmed.add(*count);
                        // The broker keeps it and sends it again to the next connection.
                        return Err("readings could not be stored".to_owned());
                    }
                }
            }
            let Some(message) = self.in_flight.pop_front() else { return Ok(()) };
            let mut events = Vec::new();
            if let Some(ack) = message.ack {
                events.extend(packets::answer(&mut self.core, ack, None));
            }
            if let Some((terminal, topic, payload)) = message.say
                && let Some(said) =
                    packets::publish(&mut self.core, &topic, &payload, Qos::AtMostOnce, false, None)
            {
                self.keep(terminal, TelegramDirection::Down, (&topic, &payload), None);
                events.extend(said);
            }
            self.act(events, line).await?;
        }
        Ok(())
    }
}

/// Waits until the oldest outcome is known, and leaves it where it is for [`Client::settle`].
async fn next_outcome(in_flight: &mut VecDeque<InFlight>) {
    let Some(front) = in_flight.front_mut() else { return std::future::pending().await };
    if let Some((count, outcome)) = &mut front.outcome {
        let known = outcome.await.unwrap_or(Outcome::Unavailable);
        let (tell, told) = oneshot::channel();
        let _kept = tell.send(known);
        front.outcome = Some((*count, told));
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
