//! Reads from somebody else's broker (Mosquitto, EMQX): the same topics and payloads, heard through one connection.
//!
//! MQTT 3.1.1, QoS 1, a session that the broker keeps: a message is acknowledged to the broker only after its
//! readings are on disk, and what was not acknowledged comes again after the next connection. Who may publish under
//! which serial number is the broker's question; its access rules have to hold each device to its own topics.
//!
//! Commands do not go this way: nothing tells whether a device is there to hear them.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bus::intake::UnknownTerminal;
use bus::{Confirm, Intake, Outcome};
use domain::id::TerminalId;
use domain::place::{Admission, Protocol};
use domain::telegram::{Refused, TelegramDirection};
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{ConnectionOptions, Event, GenericEvent, TimerKind};
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait as _, Packet, Qos, SubEntry, SubOpts, v3_1_1};
use mqtt_protocol_core::mqtt::{Connection, Version, role};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_pki_types::pem::PemObject as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::config::ClientConfig;
use super::connection::Gate;
use super::conversation::Conversation;
use super::packets::{self, Ack, Publish, Received};
use super::session::Facts;
use super::topics;
use crate::telegram_log::Whose;

/// How long connecting, a handshake or a write may take.
const WITHIN: Duration = Duration::from_secs(10);
/// How long the broker may take to a PINGRESP, ms.
const PONG_WITHIN_MS: u64 = 10_000;
/// Bytes read at once.
const READ_BYTES: usize = 16_384;
/// Devices whose talk is remembered (the product key of their topics); more begin anew with each message.
const MAX_TALKS: usize = 100_000;

trait Line: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

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
            () = gate.hard_stop.cancelled() => return,
            reason = client.serve() => reason,
        };
        if gate.soft_stop.is_cancelled() {
            return;
        }
        // A connection that worked begins the waiting anew.
        if client.is_connected {
            wait = first;
        }
        tracing::warn!(broker, reason, wait_ms = wait.as_millis(), "the broker is not read from");
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
    say: Option<(String, Vec<u8>)>,
}

/// One connection to the broker.
struct Client<'g> {
    gate: &'g Gate,
    config: &'g ClientConfig,
    core: Connection<role::Client>,
    talks: HashMap<TerminalId, Conversation>,
    in_flight: VecDeque<InFlight>,
    ping_at: Option<Instant>,
    pong_until: Option<Instant>,
    is_connected: bool,
    remote: SocketAddr,
}

impl<'g> Client<'g> {
    fn new(gate: &'g Gate, config: &'g ClientConfig) -> Self {
        let options = ConnectionOptions::new().maximum_packet_size_recv(gate.rules.config.max_packet_bytes);
        let mut core = Connection::with_options(Version::V3_1_1, options);
        core.set_pingresp_recv_timeout(PONG_WITHIN_MS);
        Self {
            gate,
            config,
            core,
            talks: HashMap::new(),
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
        let mut line = self.dial().await?;
        let events = self.introduce()?;
        self.act(events, &mut line).await?;
        let mut held: Vec<u8> = Vec::new();
        let mut buffer = vec![0; READ_BYTES];
        let gate = self.gate;
        loop {
            self.settle(&mut line).await?;
            let is_stopping = gate.soft_stop.is_cancelled();
            if is_stopping && self.in_flight.is_empty() {
                let goodbye = v3_1_1::Disconnect::builder().build().map_err(|error| format!("{error:?}"))?;
                let events = self.core.send(goodbye.into());
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
                () = at(ping), if ping.is_some() => {
                    self.ping_at = None;
                    let events = self.core.notify_timer_fired(TimerKind::PingreqSend);
                    self.act(events, &mut line).await?;
                }
                () = at(pong), if pong.is_some() => return Err("the broker answers no PINGREQ".to_owned()),
            }
        }
    }

    async fn dial(&mut self) -> Result<Box<dyn Line>, String> {
        let (host, port) = (self.config.host.as_str(), self.config.port);
        let late = |what: &str| format!("{what} to {host}:{port} took longer than {} s", WITHIN.as_secs());
        let stream = timeout(WITHIN, TcpStream::connect((host, port)))
            .await
            .map_err(|_late| late("connecting"))?
            .map_err(|error| format!("cannot connect to {host}:{port}: {error}"))?;
        let _kept_anyway = stream.set_nodelay(true);
        self.remote = stream.peer_addr().map_err(|error| error.to_string())?;
        if !self.config.is_tls {
            return Ok(Box::new(stream));
        }
        let name =
            ServerName::try_from(host.to_owned()).map_err(|error| format!("host {host:?}: {error}"))?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(self.tls()?));
        let stream = timeout(WITHIN, connector.connect(name, stream))
            .await
            .map_err(|_late| late("the TLS handshake"))?;
        Ok(Box::new(stream.map_err(|error| format!("tls with {host}:{port}: {error}"))?))
    }

    fn tls(&self) -> Result<rustls::ClientConfig, String> {
        let path = self
            .config
            .authority
            .as_ref()
            .ok_or("tls without the certificates to check the broker's against")?;
        let pem = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| format!("{}: {error}", path.display()))?;
            roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth())
    }

    fn introduce(&mut self) -> Result<Vec<Event>, String> {
        let config = self.config;
        let wrong = |error| format!("CONNECT: {error:?}");
        let mut builder = v3_1_1::Connect::builder()
            .client_id(&config.client_id)
            .map_err(wrong)?
            .clean_session(false)
            .keep_alive(config.keep_alive_s);
        if !config.user_name.is_empty() {
            builder = builder.user_name(&config.user_name).map_err(wrong)?;
            builder = builder.password(config.password.as_bytes().to_vec()).map_err(wrong)?;
        }
        Ok(self.core.send(builder.build().map_err(wrong)?.into()))
    }

    fn subscription(&mut self) -> Result<Vec<Event>, String> {
        let own =
            ["emberwatch/1/+/telemetry", "sys/dev/+/+", "data/up/+/+", "indicate/dev/+/+", "notify/dev/+/+"];
        let foreign = self.gate.rules.foreign.iter().map(topics::Pattern::filter);
        let entries = own.iter().map(|filter| (*filter).to_owned()).chain(foreign).map(|filter| {
            let filter = match self.config.share.as_str() {
                "" => filter,
                group => format!("$share/{group}/{filter}"),
            };
            SubEntry::new(filter, SubOpts::new().set_qos(Qos::AtLeastOnce))
                .map_err(|error| format!("{error:?}"))
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let id = self.core.acquire_packet_id().map_err(|error| format!("{error:?}"))?;
        let packet = v3_1_1::Subscribe::builder().packet_id(id).entries(entries).build();
        Ok(self.core.send(packet.map_err(|error| format!("SUBSCRIBE: {error:?}"))?.into()))
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
        use mqtt_protocol_core::mqtt::result_code::ConnectReturnCode;
        if let Packet::V3_1_1Connack(answer) = &packet {
            if answer.return_code() != ConnectReturnCode::Accepted {
                return Err(format!("the broker does not let us in: {:?}", answer.return_code()));
            }
            self.is_connected = true;
            tracing::info!(broker = %self.remote, "reading from the broker");
            return self.subscription();
        }
        if let Packet::V3_1_1Suback(answer) = &packet {
            use mqtt_protocol_core::mqtt::result_code::SubackReturnCode;
            if answer.return_codes().contains(&SubackReturnCode::Failure) {
                return Err("the broker refuses a subscription".to_owned());
            }
        }
        if let Received::Publish(publish) = Received::from(packet) {
            self.on_publish(&publish).await?;
        }
        Ok(Vec::new())
    }

    async fn on_publish(&mut self, publish: &Publish) -> Result<(), String> {
        let gate = self.gate;
        let now = gate.now();
        let serial = topics::up(&publish.topic, &gate.rules.foreign).map(|(_, serial)| serial);
        let Some(serial) = serial.filter(|serial| !serial.is_empty() && serial.len() <= 100) else {
            // Nothing that anybody could make use of, and the broker must not keep it for us.
            self.in_flight.push_back(InFlight { ack: publish.ack, outcome: None, say: None });
            return Ok(());
        };
        let entry = gate.directory.terminal(Protocol::Telemetry, serial);
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
        if self.talks.len() >= MAX_TALKS && !self.talks.contains_key(&entry.id) {
            self.talks.clear();
        }
        let talk = self.talks.entry(entry.id).or_insert_with(|| Conversation::new(entry.serial.clone()));
        let facts = Facts {
            rules: &gate.rules,
            directory: &gate.directory,
            shelf: &gate.shelf,
            failures: &gate.failures,
            remote: self.remote,
            certificate: None,
        };
        let heard = talk.hear(&entry, publish, facts, now);
        let refused = match &heard {
            Ok(heard) => heard.partly.clone(),
            Err((_, reason)) => Some(reason.clone()),
        };
        self.keep(entry.id, publish, refused);
        let heard = heard.unwrap_or_default();
        if let Some(tell) = heard.tell {
            self.hand_over(tell).await?;
        }
        let outcome = if heard.readings.is_empty() {
            None
        } else {
            let count = heard.readings.len() as u64;
            let (confirm, outcome) = Confirm::pair();
            gate.counters.readings_received.add(count);
            self.hand_over(Intake::Readings { readings: heard.readings, confirm }).await?;
            Some((count, outcome))
        };
        self.in_flight.push_back(InFlight { ack: publish.ack, outcome, say: heard.say });
        Ok(())
    }

    fn keep(&self, terminal: TerminalId, publish: &Publish, refused: Option<String>) {
        let counters = &self.gate.counters;
        match &refused {
            None => counters.frames_understood.add_one(),
            Some(_) => counters.frames_refused.add_one(),
        }
        let refused = refused.map(|reason| Refused { reason, clause: "MQTT, message".to_owned() });
        let mut bytes = publish.topic.clone().into_bytes();
        bytes.push(b'\n');
        bytes.extend_from_slice(&publish.payload);
        let whose =
            Whose { terminal: Some(terminal), remote: self.remote, protocol: Protocol::Telemetry.code() };
        self.gate.telegrams.keep(whose, TelegramDirection::Up, &bytes, refused, (self.gate.clock)());
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
            if let Some((topic, payload)) = message.say {
                let said = packets::publish(&mut self.core, &topic, &payload, Qos::AtMostOnce, false);
                events.extend(said.unwrap_or_default());
            }
            self.act(events, line).await?;
        }
        Ok(())
    }
}

async fn write(line: &mut Box<dyn Line>, bytes: &[u8]) -> Result<(), String> {
    let writing = async {
        line.write_all(bytes).await?;
        line.flush().await
    };
    match timeout(WITHIN, writing).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("lost: {error}")),
        Err(_late) => Err(format!("the broker took nothing for {} s", WITHIN.as_secs())),
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
