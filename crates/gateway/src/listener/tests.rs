//! The whole door on real sockets: few tests, for what only sockets can show. What sessions do is tested beside them.

mod lines;

use std::net::{IpAddr, Ipv4Addr};

use bus::intake::LineEvent;
use bus::{Confirm, Intake, IntakeReceiver, LineAnswer, LineCommand, Outcome, TelegramReceiver};
use domain::id::TerminalId;
use domain::place::{Admission, Credential, TerminalEntry};
use domain::profile::WriteCommand;
use domain::reading::Reading;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wire::cloud7b7b::{ControlAnswer, Downlink, Login, Segment, SegmentData, SerialNumber, Uplink, Upload};
use wire::modbus::{Answer, InnerCrc, Parse, Request};

use super::*;
use crate::config::ListenerConfig;
use crate::testing::{WALL, cloud_terminal, detector, directory, dtu_terminal};

mod gateway1f1f;

struct Door {
    handle: GatewayHandle,
    intake: IntakeReceiver,
    telegrams: TelegramReceiver,
    directory: Arc<Directory>,
    sessions: Arc<Sessions>,
    counters: Arc<Counters>,
    shutdown: CancellationToken,
}

impl Door {
    fn open(config: FieldConfig) -> Self {
        let (sender, intake) = IntakeSender::bounded(1_024);
        let counters = Arc::new(Counters::default());
        let (sink, telegrams) = TelegramSink::bounded(1_024, Arc::clone(&counters));
        let directory = Arc::new(directory());
        let sessions = Arc::new(Sessions::default());
        let shutdown = CancellationToken::new();
        let handle = Gateway::start(
            FieldConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..config },
            sender,
            Arc::clone(&directory),
            Arc::clone(&sessions),
            sink,
            Arc::clone(&counters),
            Arc::new(|| WALL),
            shutdown.clone(),
        )
        .unwrap();
        Self { handle, intake, telegrams, directory, sessions, counters, shutdown }
    }

    fn admits(&self, number: i64) -> String {
        let serial = format!("{number:014}");
        let entry = cloud_terminal(&serial, Admission::Admitted);
        let detectors = vec![detector(number * 10, "two-segments", None)];
        self.directory.put_terminal(TerminalEntry { id: TerminalId(number), detectors, ..entry });
        serial
    }

    async fn dial(&self) -> TcpStream {
        TcpStream::connect(self.handle.local_addr()).await.unwrap()
    }

    /// Dials from another address of this machine.
    async fn dial_from(&self, last: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
        socket.connect(self.handle.local_addr()).await.unwrap()
    }

    /// Dials and logs in.
    async fn log_in(&self, serial: &str) -> TcpStream {
        let mut stream = self.dial().await;
        ask(&mut stream, &login(serial), &Downlink::LoginAck.encode()).await;
        stream
    }

    /// The next readings; what else the field says is passed over.
    async fn readings(&mut self) -> (Vec<Reading>, Confirm) {
        loop {
            match self.intake.recv().await.unwrap() {
                Intake::Readings { readings, confirm } => return (readings, confirm),
                Intake::Noted { .. } | Intake::Heard { .. } | Intake::Line { .. } | Intake::Unknown(_) => {}
            }
        }
    }

    /// The next event of a line.
    async fn event(&mut self) -> (TerminalId, LineEvent) {
        loop {
            if let Intake::Line { terminal, event, .. } = self.intake.recv().await.unwrap() {
                return (terminal, event);
            }
        }
    }
}

fn login(serial: &str) -> Vec<u8> {
    let serial = SerialNumber::new(serial).unwrap();
    Uplink::Login(Login {
        serial,
        iccid: None,
        signal: Some(20),
        firmware: [None; 3],
        interval_min: None,
        extra: bytes::Bytes::new(),
    })
    .encode()
}

fn upload(value: u16) -> Vec<u8> {
    let data = SegmentData::Values(bytes::Bytes::copy_from_slice(&value.to_be_bytes()));
    let segment = Segment { address: "1-1".into(), unit: 1, function: 3, data, inner_crc: InnerCrc::Good };
    Uplink::Upload(Upload { serial: None, segments: vec![segment] }).encode()
}

fn time_request(serial: &str) -> Vec<u8> {
    Uplink::TimeRequest { serial: SerialNumber::new(serial).unwrap() }.encode()
}

/// The answer to a time request at `WALL`.
fn time_answer() -> Vec<u8> {
    crate::config::bytes_from_hex("7B 7B 93 1A 01 02 06 03 04 05 F8 E9 7D 7D").unwrap().to_vec()
}

async fn expect(stream: &mut TcpStream, wanted: &[u8]) {
    let mut had = vec![0; wanted.len()];
    stream.read_exact(&mut had).await.unwrap();
    assert_eq!(had, wanted);
}

async fn ask(stream: &mut TcpStream, question: &[u8], answer: &[u8]) {
    stream.write_all(question).await.unwrap();
    expect(stream, answer).await;
}

/// Waits until the other end has closed; an end with bytes of ours unread comes as a reset.
async fn expect_end(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    if let Ok(count) = stream.read_to_end(&mut rest).await {
        assert_eq!(count, 0, "{rest:02X?}");
    }
}

#[tokio::test]
async fn an_upload_is_confirmed_after_its_commit_and_not_before() {
    let mut door = Door::open(FieldConfig::default());
    let serial = door.admits(1);
    let mut device = door.log_in(&serial).await;
    device.write_all(&upload(35)).await.unwrap();
    let (readings, confirm) = door.readings().await;
    assert_eq!((readings[0].detector.0, readings[0].samples[0].raw), (10, 35));
    // The session answers what it may answer, so the confirmation would have come before this.
    ask(&mut device, &time_request(&serial), &time_answer()).await;
    confirm.tell(Outcome::Committed);
    expect(&mut device, &Downlink::UploadAck.encode()).await;
    ask(&mut device, &time_request(&serial), &time_answer()).await;
    assert_eq!((door.counters.readings_received.get(), door.counters.readings_confirmed.get()), (1, 1));
}

#[tokio::test]
async fn what_was_not_stored_is_not_confirmed_whether_said_or_dropped() {
    let mut door = Door::open(FieldConfig::default());
    let serial = door.admits(1);
    let mut device = door.log_in(&serial).await;
    device.write_all(&upload(1)).await.unwrap();
    door.readings().await.1.tell(Outcome::Unavailable);
    // No confirmation, and none on this line that could be taken for it.
    expect_end(&mut device).await;
    let mut device = door.log_in(&serial).await;
    device.write_all(&upload(2)).await.unwrap();
    drop(door.readings().await);
    expect_end(&mut device).await;
    let mut device = door.log_in(&serial).await;
    device.write_all(&upload(3)).await.unwrap();
    door.readings().await.1.tell(Outcome::Committed);
    expect(&mut device, &Downlink::UploadAck.encode()).await;
    assert_eq!(door.counters.readings_unconfirmed.get(), 2);
}

#[tokio::test]
async fn a_second_connection_replaces_the_first_and_is_recorded() {
    let mut door = Door::open(FieldConfig::default());
    let serial = door.admits(1);
    let mut first = door.log_in(&serial).await;
    let first_address = first.local_addr().unwrap().to_string();
    assert_eq!(door.event().await, (TerminalId(1), LineEvent::Connected));
    let mut second = door.log_in(&serial).await;
    expect_end(&mut first).await;
    let replaced = LineEvent::Replaced { previous_remote: first_address };
    assert_eq!(door.event().await, (TerminalId(1), replaced));
    assert_eq!(door.event().await, (TerminalId(1), LineEvent::Connected));
    ask(&mut second, &time_request(&serial), &time_answer()).await;
    let remote = door.sessions.info(TerminalId(1)).unwrap().remote;
    assert_eq!(remote, second.local_addr().unwrap().to_string(), "the end of the first gave nothing away");
    drop(second);
    let gone = LineEvent::Disconnected("closed by the other end".into());
    assert_eq!(door.event().await, (TerminalId(1), gone), "and only the second is told to be gone");
    assert_eq!(door.sessions.count(), 0);
}

#[tokio::test]
async fn a_command_reaches_the_device_and_its_answer_comes_back() {
    let mut door = Door::open(FieldConfig::default());
    let serial = door.admits(1);
    let mut device = door.log_in(&serial).await;
    door.event().await;
    let write = WriteCommand { function: 16, address: 0x20, values: vec![1] };
    let command = LineCommand::Write { unit: None, write: write.clone() };
    let device_side = async {
        expect(&mut device, &Downlink::Control(crate::line_command::request(1, &write).unwrap()).encode())
            .await;
        let ack = ControlAnswer::WriteAck { serial: SerialNumber::new(&serial).unwrap() };
        device.write_all(&Uplink::ControlAnswer(ack).encode()).await.unwrap();
    };
    let (answer, ()) = tokio::join!(door.sessions.request(TerminalId(1), command), device_side);
    assert_eq!(answer, Ok(LineAnswer::Done));
    let close = LineCommand::Close { reason: "told to".into() };
    assert_eq!(door.sessions.request(TerminalId(1), close).await, Ok(LineAnswer::Done));
    expect_end(&mut device).await;
    assert_eq!(door.event().await.1, LineEvent::Disconnected("told to".into()));
}

#[tokio::test]
async fn a_dtu_is_polled_through_the_door() {
    let mut door = Door::open(FieldConfig::default());
    door.directory.put_terminal(dtu_terminal("DTU0001", vec![detector(5, "two-registers", Some(17))]));
    let mut dtu = door.dial().await;
    dtu.write_all(b"DTU0001\r\n").await.unwrap();
    let wanted = Request::read_holding_registers(17, 0, 2).unwrap();
    let mut frame = vec![0; wanted.encode().len()];
    dtu.read_exact(&mut frame).await.unwrap();
    let Parse::Complete { value: asked, .. } = Request::parse(&frame) else { panic!("{frame:02X?}") };
    assert_eq!(asked, wanted);
    dtu.write_all(&Answer::registers_for(&asked, &[35, 412]).unwrap().encode()).await.unwrap();
    let (readings, confirm) = door.readings().await;
    let raws: Vec<_> = readings[0].samples.iter().map(|sample| sample.raw).collect();
    assert_eq!((readings[0].detector.0, raws), (5, vec![35, 412]));
    confirm.tell(Outcome::Committed);
}

#[tokio::test]
async fn telegrams_are_kept_both_ways_under_their_terminal() {
    let mut door = Door::open(FieldConfig::default());
    let serial = door.admits(1);
    let _device = door.log_in(&serial).await;
    let up = door.telegrams.recv().await.unwrap();
    let down = door.telegrams.recv().await.unwrap();
    assert_eq!((up.bytes, up.terminal, up.refused), (login(&serial), Some(TerminalId(1)), None));
    assert_eq!((down.bytes, down.terminal), (Downlink::LoginAck.encode(), Some(TerminalId(1))));
    assert_eq!(up.protocol, "cloud_7b7b");
}

#[tokio::test]
async fn slow_half_and_hostile_connections_harm_nobody_else() {
    let mut door = Door::open(FieldConfig { identify_within_s: 1, ..FieldConfig::default() });
    let serial = door.admits(1);
    let mut device = door.log_in(&serial).await;
    let mut hostile = Vec::new();
    for first in [&b""[..], b"{", b"DTU", &login(&serial)[..30], b"{{\x91"] {
        for _ in 0..20 {
            let mut stream = door.dial().await;
            stream.write_all(first).await.unwrap();
            hostile.push(stream);
        }
    }
    // Floods of garbage in all protocols; each is closed while it still pours.
    for mark in [b"\x7B\x7B", b"\xAA\xAA", b"\x1F\x1F", b"AA"] {
        let mut stream = door.dial().await;
        let flood = mark.repeat(1_024);
        while stream.write_all(&flood).await.is_ok() {}
    }
    for value in 0..20 {
        device.write_all(&upload(value)).await.unwrap();
        let (readings, confirm) = door.readings().await;
        assert_eq!(readings[0].samples[0].raw, i64::from(value));
        confirm.tell(Outcome::Committed);
        expect(&mut device, &Downlink::UploadAck.encode()).await;
    }
    for mut stream in hostile {
        expect_end(&mut stream).await;
    }
    ask(&mut device, &time_request(&serial), &time_answer()).await;
    assert_eq!(door.sessions.count(), 1);
}

#[tokio::test]
async fn a_thousand_connections_from_one_address_leave_room_for_the_others() {
    let mut door = Door::open(FieldConfig { max_connections_per_address: 50, ..FieldConfig::default() });
    let serial = door.admits(1);
    let mut crowd = Vec::new();
    for _ in 0..1_000 {
        crowd.push(door.dial().await);
    }
    let mut device = door.dial_from(2).await;
    ask(&mut device, &login(&serial), &Downlink::LoginAck.encode()).await;
    device.write_all(&upload(7)).await.unwrap();
    door.readings().await.1.tell(Outcome::Committed);
    expect(&mut device, &Downlink::UploadAck.encode()).await;
    assert_eq!(device.local_addr().unwrap().ip(), IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)));
    assert_eq!(door.counters.connections_refused.get(), 950);
    assert_eq!(door.handle.connections(), 51);
    for mut refused in crowd.split_off(50) {
        expect_end(&mut refused).await;
    }
}

#[tokio::test]
async fn new_connections_from_one_address_are_limited_per_second() {
    let door = Door::open(FieldConfig { max_new_per_address_per_s: 5, ..FieldConfig::default() });
    let mut crowd = Vec::new();
    for _ in 0..200 {
        crowd.push(door.dial().await);
    }
    let mut other = door.dial_from(3).await;
    ask(&mut other, &login("99"), &Downlink::LoginAck.encode()).await;
    // Five at once, and some fifty more wait for their turn.
    let refused = door.counters.connections_refused.get();
    assert!((100..150).contains(&refused), "{refused}");
    ask(&mut crowd[5], &login("7"), &Downlink::LoginAck.encode()).await;
}

#[tokio::test]
async fn a_stop_lets_what_is_under_way_be_confirmed_and_takes_nothing_new() {
    let mut door = Door::open(FieldConfig::default());
    let serial = door.admits(1);
    let mut device = door.log_in(&serial).await;
    let mut idle = door.dial().await;
    device.write_all(&upload(35)).await.unwrap();
    let (_, confirm) = door.readings().await;
    door.shutdown.cancel();
    let address = door.handle.local_addr();
    let stopped = tokio::spawn(door.handle.stopped());
    expect_end(&mut idle).await;
    device.write_all(&upload(36)).await.unwrap();
    confirm.tell(Outcome::Committed);
    expect(&mut device, &Downlink::UploadAck.encode()).await;
    expect_end(&mut device).await;
    stopped.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    let mut after = Vec::new();
    while let Some(intake) = door.intake.recv().await {
        after.push(intake);
    }
    assert!(!after.iter().any(|intake| matches!(intake, Intake::Readings { .. })), "{after:?}");
    assert_eq!(door.sessions.count(), 0);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let mut door = Door::open(FieldConfig { stop_within_s: 0, ..FieldConfig::default() });
    let serial = door.admits(1);
    let mut device = door.log_in(&serial).await;
    device.write_all(&upload(35)).await.unwrap();
    let (_, never_told) = door.readings().await;
    door.shutdown.cancel();
    door.handle.stopped().await;
    expect_end(&mut device).await;
    drop(never_told);
}

#[tokio::test]
async fn a_door_that_cannot_be_opened_says_why() {
    let door = Door::open(FieldConfig::default());
    let (intake, _rx) = IntakeSender::bounded(1);
    let counters = Arc::new(Counters::default());
    let (sink, _telegrams) = TelegramSink::bounded(1, Arc::clone(&counters));
    let error = Gateway::start(
        FieldConfig { listen: "192.0.2.1:7070".parse().unwrap(), ..FieldConfig::default() },
        intake,
        Arc::clone(&door.directory),
        Arc::clone(&door.sessions),
        sink,
        counters,
        Arc::new(|| WALL),
        CancellationToken::new(),
    )
    .unwrap_err();
    assert!(error.to_string().starts_with("cannot listen for detectors on 192.0.2.1:7070"), "{error}");
}

/// Everything that passes through a stream of any kind.
async fn expect_on(stream: &mut (impl tokio::io::AsyncRead + Unpin), wanted: &[u8]) {
    let mut had = vec![0; wanted.len()];
    stream.read_exact(&mut had).await.unwrap();
    assert_eq!(had, wanted);
}

fn here() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

#[tokio::test]
async fn listeners_have_addresses_registrations_and_limits_of_their_own() {
    let mut registration =
        wire::registration::RegistrationPattern::plain(wire::registration::IdentityForm::Digits, 15, 15);
    registration.prefix = bytes::Bytes::from_static(b"IMEI");
    let imei = ListenerConfig { registration: Some(registration), ..ListenerConfig::new(here()) };
    let narrow = ListenerConfig { max_connections: Some(1), ..ListenerConfig::new(here()) };
    let mut door = Door::open(FieldConfig { listeners: vec![imei, narrow], ..FieldConfig::default() });
    let addresses = door.handle.local_addrs();
    assert_eq!((addresses.len(), addresses[0]), (3, door.handle.local_addr()));
    door.directory.put_terminal(dtu_terminal("860000000000001", vec![]));
    let mut dtu = TcpStream::connect(addresses[1]).await.unwrap();
    dtu.write_all(b"IMEI860000000000001").await.unwrap();
    assert_eq!(door.event().await, (TerminalId(9), LineEvent::Connected));
    let _first = TcpStream::connect(addresses[2]).await.unwrap();
    let mut second = TcpStream::connect(addresses[2]).await.unwrap();
    expect_end(&mut second).await;
    let serial = door.admits(1);
    door.log_in(&serial).await;
}

#[tokio::test]
async fn a_device_behind_tls_is_confirmed_like_any_other() {
    let (pki, server) = crate::tls::tests::Pki::new();
    let mut door = Door::open(FieldConfig { tls: Some(pki.settings()), ..FieldConfig::default() });
    let serial = door.admits(1);
    let connector = crate::tls::tests::connector(&server, None);
    let name = "door.test".try_into().unwrap();
    let mut device = connector.connect(name, door.dial().await).await.unwrap();
    device.write_all(&login(&serial)).await.unwrap();
    expect_on(&mut device, &Downlink::LoginAck.encode()).await;
    // One upload in two records of TLS, and two uploads in one.
    let (first, rest) = upload(35).split_at_checked(9).map(|(a, b)| (a.to_vec(), b.to_vec())).unwrap();
    device.write_all(&first).await.unwrap();
    device.flush().await.unwrap();
    device.write_all(&rest).await.unwrap();
    door.readings().await.1.tell(Outcome::Committed);
    expect_on(&mut device, &Downlink::UploadAck.encode()).await;
    device.write_all(&[upload(36), upload(37)].concat()).await.unwrap();
    // What came together goes on together, and each upload is confirmed.
    let (readings, confirm) = door.readings().await;
    assert_eq!(readings.iter().map(|reading| reading.samples[0].raw).collect::<Vec<_>>(), [36, 37]);
    confirm.tell(Outcome::Committed);
    expect_on(&mut device, &Downlink::UploadAck.encode().repeat(2)).await;
    door.shutdown.cancel();
    // The end is told and not torn: a reader that asks for all of it gets no error.
    assert_eq!(device.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    door.handle.stopped().await;
}

#[tokio::test]
async fn a_terminal_with_a_certificate_is_heard_only_with_it() {
    let (pki, server) = crate::tls::tests::Pki::new();
    let tls = ListenerConfig { tls: Some(pki.settings()), ..ListenerConfig::new(here()) };
    let door = Door::open(FieldConfig { listeners: vec![tls], ..FieldConfig::default() });
    let [own, other] = [crate::tls::tests::made("own"), crate::tls::tests::made("other")];
    let serial = format!("{:014}", 1);
    let mut entry = cloud_terminal(&serial, Admission::Admitted);
    entry.credentials = vec![Credential::CertificateHash(crate::tls::tests::fingerprint(&own))];
    door.directory.put_terminal(entry);
    let mut entry = dtu_terminal("DTU0001", vec![]);
    entry.credentials = vec![Credential::CertificateHash([7; 32])];
    door.directory.put_terminal(entry);

    let mut plain = door.dial().await;
    plain.write_all(&login(&serial)).await.unwrap();
    expect_end(&mut plain).await;
    let mut plain = door.dial().await;
    plain.write_all(b"DTU0001\r\n").await.unwrap();
    expect_end(&mut plain).await;
    for (certificate, is_heard) in [(None, false), (Some(&other), false), (Some(&own), true)] {
        let stream = TcpStream::connect(door.handle.local_addrs()[1]).await.unwrap();
        let connector = crate::tls::tests::connector(&server, certificate);
        let mut device = connector.connect("door.test".try_into().unwrap(), stream).await.unwrap();
        device.write_all(&login(&serial)).await.unwrap();
        let mut had = [0; 7];
        let heard = device.read_exact(&mut had).await.is_ok_and(|_| had == *Downlink::LoginAck.encode());
        assert_eq!(heard, is_heard);
    }
    assert_eq!(door.counters.frames_refused.get(), 4, "each refusal is in the telegram log");
}

#[tokio::test]
async fn a_listed_proxy_is_believed_and_nobody_else() {
    let proxied = ListenerConfig {
        proxy_from: vec!["127.0.0.1".parse().unwrap()],
        max_connections_per_address: Some(1),
        ..ListenerConfig::new(here())
    };
    let mut door = Door::open(FieldConfig { listeners: vec![proxied], ..FieldConfig::default() });
    let address = door.handle.local_addrs()[1];
    let serial = door.admits(1);
    let mut device = TcpStream::connect(address).await.unwrap();
    let header = b"PROXY TCP4 192.0.2.7 198.51.100.1 50000 7070\r\n";
    device.write_all(&[header.as_slice(), &login(&serial)].concat()).await.unwrap();
    expect(&mut device, &Downlink::LoginAck.encode()).await;
    assert_eq!(door.event().await.1, LineEvent::Connected);
    assert_eq!(door.sessions.info(TerminalId(1)).unwrap().remote, "192.0.2.7:50000");
    // The limit counts whom the proxy speaks for, not the proxy.
    let mut same = TcpStream::connect(address).await.unwrap();
    same.write_all(header).await.unwrap();
    expect_end(&mut same).await;
    let mut other = TcpStream::connect(address).await.unwrap();
    other.write_all(b"PROXY TCP4 192.0.2.8 198.51.100.1 50000 7070\r\n").await.unwrap();
    other.write_all(&login(&serial)).await.unwrap();
    expect(&mut other, &Downlink::LoginAck.encode()).await;
    // A listed proxy that says nothing of the kind.
    let mut silent = TcpStream::connect(address).await.unwrap();
    silent.write_all(&login(&serial)).await.unwrap();
    expect_end(&mut silent).await;
    // Somebody who is not listed is who it is; its header is no frame of any protocol.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 3], 0))).unwrap();
    let mut stranger = socket.connect(address).await.unwrap();
    stranger.write_all(&login(&serial)).await.unwrap();
    expect(&mut stranger, &Downlink::LoginAck.encode()).await;
    let remote = door.sessions.info(TerminalId(1)).unwrap().remote;
    assert_eq!(remote, stranger.local_addr().unwrap().to_string());
}

#[tokio::test]
async fn who_never_says_anything_before_the_session_is_let_go() {
    let (pki, _server) = crate::tls::tests::Pki::new();
    let mut tls = pki.settings();
    tls.handshake_within = Duration::from_millis(20);
    let config = FieldConfig {
        tls: Some(tls),
        proxy_from: vec!["127.0.0.2".parse().unwrap()],
        identify_within_s: 1,
        ..FieldConfig::default()
    };
    let door = Door::open(config);
    expect_end(&mut door.dial().await).await;
    expect_end(&mut door.dial_from(2).await).await;
    assert_eq!(door.counters.connections_refused.get(), 2);
}
