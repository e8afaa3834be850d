//! What a session does with frames, time, outcomes and commands; then the doors on real sockets.

use std::net::SocketAddr;
use std::sync::Arc;

use bus::intake::LineEvent;
use bus::{
    Confirm, Counters, Directory, Intake, IntakeReceiver, IntakeSender, LineAnswer, LineCommand, LineError,
};
use bus::{Outcome, Sessions, TelegramReceiver, TelegramSink};
use domain::hazard::{Hazard, Severity};
use domain::id::TerminalId;
use domain::place::{Admission, DetectorEntry, Protocol, TerminalEntry};
use domain::reading::{Reading, Reported};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio_util::sync::CancellationToken;
use wire::cloud7b7b::LocalTime;
use wire::gb26875::{
    Address, AnalogValue, Command, ComponentAddress, ComponentState, Deframer, DeviceOperation, DeviceState,
    Dialect, Frame, Header, StateWord, SystemRef, Telegram, Text, TimeLabel, Unit, Version, kind,
};

use super::GbSession;
use crate::config::{FieldConfig, GbConfig, bytes_from_hex};
use crate::session::{Output, Taken};
use crate::testing::{Done, WALL, World, detector, directory};
use crate::{Gateway, GatewayHandle};

const DEVICE: Address = Address::from_number(430_200_000_017);
const CENTRE: Address = Address::from_number(1);
const SYSTEM: SystemRef = SystemRef { kind: 128, address: 1 };

/// The time at `WALL`, and so many seconds later.
fn label(seconds: u8) -> TimeLabel {
    TimeLabel::new(LocalTime::new(2026, 1, 2, 3, 4, 5 + seconds).unwrap(), &Dialect::STANDARD)
}

fn at(id: i64, address: &str) -> DetectorEntry {
    DetectorEntry { address: Some(address.to_owned()), ..detector(id, "gb26875-standard", None) }
}

fn terminal(admission: Admission, detectors: Vec<DetectorEntry>) -> TerminalEntry {
    TerminalEntry {
        id: TerminalId(7),
        serial: DEVICE.to_string(),
        protocol: Protocol::Gb26875,
        admission,
        pinned_iccid: None,
        credentials: Vec::new(),
        detectors,
    }
}

fn three() -> Vec<DetectorEntry> {
    vec![at(71, "128.1/3"), at(72, "128.1/5"), at(73, "128.1/1")]
}

fn frame(serial: u16, command: Command, unit: Option<Unit>) -> Frame {
    let header =
        Header { serial, version: Version::OURS, sent: label(0), source: DEVICE, destination: CENTRE };
    Frame { header, command, unit }
}

fn send(serial: u16, unit: Unit) -> Vec<u8> {
    frame(serial, Command::Send, Some(unit)).encode(&Dialect::STANDARD)
}

fn leakage(value: i16, seconds: u8) -> Unit {
    Unit::AnalogValues(vec![AnalogValue {
        system: SYSTEM,
        kind: 17,
        address: ComponentAddress::Number(3),
        analog: 128,
        value,
        at: label(seconds),
    }])
}

fn state(address: u32, bits: u16) -> Unit {
    Unit::ComponentStates(vec![ComponentState {
        system: SYSTEM,
        kind: 17,
        address: ComponentAddress::Number(address),
        state: StateWord::Bits(bits),
        description: Text::new("配电箱", 31),
        at: label(0),
    }])
}

fn read(bytes: &[u8]) -> Vec<Frame> {
    let mut deframer = Deframer::default();
    deframer.push(bytes);
    let mut frames = Vec::new();
    while let Some(telegram) = deframer.next_telegram() {
        let Telegram::Frame(raw) = telegram.unwrap() else { panic!("a frame") };
        frames.push(Frame::parse(&raw, &Dialect::STANDARD).unwrap());
    }
    assert_eq!(deframer.buffered(), 0);
    frames
}

/// A session in a world, with what it did last.
struct Line {
    world: World,
    session: GbSession,
}

impl Line {
    fn new(entry: Option<TerminalEntry>) -> Self {
        let world = World::new(FieldConfig::default());
        if let Some(entry) = entry {
            world.directory.put_terminal(entry);
        }
        let session = GbSession::new(false, world.now());
        Self { world, session }
    }

    fn admitted(detectors: Vec<DetectorEntry>) -> Self {
        Self::new(Some(terminal(Admission::Admitted, detectors)))
    }

    fn hears(&mut self, bytes: &[u8]) -> Done {
        let mut out = Vec::new();
        self.session.on_bytes(bytes, self.world.facts(), self.world.now(), &mut out);
        Done::from(out)
    }

    fn outcome(&mut self, outcome: Outcome) -> Done {
        let mut out = Vec::new();
        self.session.on_outcome(outcome, self.world.facts(), self.world.now(), &mut out);
        Done::from(out)
    }

    fn after_s(&mut self, seconds: u64) -> Done {
        self.world.mono_ms += seconds * 1_000;
        let mut out: Vec<Output> = Vec::new();
        self.session.on_time(self.world.facts(), self.world.now(), &mut out);
        Done::from(out)
    }

    fn command(&mut self, command: &LineCommand) -> (Taken, Done) {
        let mut out = Vec::new();
        let taken = self.session.on_command(command, self.world.facts(), self.world.now(), &mut out);
        (taken, Done::from(out))
    }
}

fn commands(written: &[Vec<u8>]) -> Vec<(u16, Command)> {
    written.iter().flat_map(|bytes| read(bytes)).map(|frame| (frame.header.serial, frame.command)).collect()
}

#[test]
fn a_stranger_becomes_pending_and_is_denied() {
    let mut line = Line::new(None);
    let done = line.hears(&send(4, leakage(312, 0)));
    assert_eq!(done.unknown[0].serial, "110EEB296400");
    assert_eq!(done.unknown[0].readings_ignored, 1);
    assert_eq!(commands(&done.written), [(4, Command::Deny)]);
    assert!(done.readings.is_empty() && done.claimed.is_empty());

    line.world.directory.put_terminal(terminal(Admission::Admitted, three()));
    let done = line.hears(&send(5, leakage(312, 0)));
    assert_eq!(done.claimed, [TerminalId(7)]);
    assert_eq!(done.readings.len(), 1);
}

#[test]
fn a_stranger_s_flood_waits_in_its_socket() {
    let mut line = Line::new(None);
    let flood: Vec<u8> = (0..100).flat_map(|serial| send(serial, leakage(312, 0))).collect();
    let done = line.hears(&flood);
    assert_eq!(commands(&done.written).len(), 30, "as many as a stranger may send at once");
    assert!(!line.session.wants_bytes());
    assert_eq!(commands(&line.after_s(2).written).len(), 10, "then five a second");
    // Once admitted it has the allowance of a known device.
    line.world.directory.put_terminal(terminal(Admission::Admitted, three()));
    let done = line.after_s(1);
    assert_eq!(done.claimed, [TerminalId(7)]);
    let most = usize::from(line.world.rules.config.max_uploads_in_flight);
    assert_eq!(done.readings.len(), most, "as many as may be under way");
}

#[test]
fn values_go_to_the_detector_at_their_address_and_are_confirmed_after_the_commit() {
    let mut line = Line::admitted(three());
    let bytes = bytes_from_hex(
        "40 40 02 00 01 01 0F 1E 08 17 0B 1A 11 0E EB 29 64 00 01 00 00 00 00 00 32 00 02 03 03 80 01 12 05 00 00 \
         00 03 8D 02 0F 1E 08 17 0B 1A 80 01 10 01 00 00 00 09 7D 00 0F 1E 08 17 0B 1A 80 01 11 03 00 00 00 80 38 \
         01 0F 1E 08 17 0B 1A 2A 23 23",
    )
    .unwrap();
    let done = line.hears(&bytes);
    let readings = &done.readings[0];
    let raw: Vec<_> = readings.iter().map(|r| (r.detector.0, r.samples[0].raw)).collect();
    assert_eq!(raw, [(72, 653), (73, 125), (71, 312)]);
    // 2026-11-23 08:30:15 in Shanghai.
    assert!(readings.iter().all(|r| r.device_at.map(|at| at.0) == Some(1_795_393_815_000)));
    // The clock of the device is months ahead of `WALL`: it is set. Nothing is confirmed yet.
    let set = read(&done.written.concat());
    assert_eq!((set[0].command, set[0].unit.clone()), (Command::Control, Some(Unit::SetClock(label(0)))));
    assert_eq!((set.len(), set[0].header.source, set[0].header.destination), (1, CENTRE, DEVICE));

    let confirmed = read(&line.outcome(Outcome::Committed).written.concat());
    assert_eq!((confirmed[0].header.serial, confirmed[0].command), (2, Command::Confirm));
    assert_eq!((confirmed[0].header.source, confirmed[0].header.destination), (CENTRE, DEVICE));
}

#[test]
fn what_was_not_stored_is_denied_and_what_is_sent_again_is_not_doubled() {
    let mut line = Line::admitted(three());
    assert_eq!(line.hears(&send(9, leakage(312, 0))).readings.len(), 1);
    assert_eq!(commands(&line.outcome(Outcome::Unavailable).written), [(9, Command::Deny)]);

    assert_eq!(line.hears(&send(9, leakage(312, 0))).readings.len(), 1);
    let again = line.hears(&send(9, leakage(312, 0)));
    assert!(again.readings.is_empty() && again.written.is_empty(), "it is being written");
    assert_eq!(commands(&line.outcome(Outcome::Committed).written), [(9, Command::Confirm)]);
    let again = line.hears(&send(9, leakage(312, 0)));
    assert!(again.readings.is_empty());
    assert_eq!(commands(&again.written), [(9, Command::Confirm)]);
    // The number alone says nothing: a device that was switched off begins at 0 again.
    assert_eq!(line.hears(&send(9, leakage(313, 1))).readings.len(), 1);
}

#[test]
fn state_bits_are_hazards_of_the_profile() {
    let mut line = Line::admitted(three());
    let done = line.hears(&send(1, state(3, 0b11)));
    let reading = &done.readings[0][0];
    assert_eq!((done.readings[0].len(), reading.detector.0), (1, 71));
    let says = |hazard| reading.reported.iter().find(|r| r.hazard == hazard).unwrap().severity;
    assert_eq!(says(Hazard::ResidualCurrent), Some(Severity::Alarm));
    assert_eq!(says(Hazard::DeviceFault), None);
    assert_eq!(says(Hazard::SupplyLost), None);
    let done = line.hears(&send(2, state(3, 0b1_0000_0101)));
    let reading = &done.readings[0][0];
    let says = |hazard| reading.reported.iter().find(|r| r.hazard == hazard).unwrap().severity;
    assert_eq!(says(Hazard::ResidualCurrent), None);
    assert_eq!(says(Hazard::DeviceFault), Some(Severity::Fault));
    assert_eq!(says(Hazard::SupplyLost), Some(Severity::Fault));
}

#[test]
fn what_belongs_to_no_detector_is_kept_once_or_denied() {
    let mut line = Line::admitted(three());
    let done = line.hears(&send(1, state(9, 0b11)));
    assert_eq!(done.notes[0][0].event, "component_state");
    assert!(
        done.notes[0][0]
            .detail
            .starts_with("128.1/9 剩余电流式电气火灾监控探测器 配电箱: running fire_alarm")
    );
    // And it is an alarm: nobody looks for one among events.
    let reading = &done.readings[0][0];
    assert_eq!((reading.detector.0, reading.device_at), (71, None));
    let alarm = Reported { point: None, hazard: Hazard::UnassignedAlarm, severity: Some(Severity::Alarm) };
    assert_eq!(reading.reported, [alarm]);
    assert!(done.written.is_empty(), "not confirmed before the commit");
    assert!(line.outcome(Outcome::Committed).written.is_empty(), "the event alone");
    assert_eq!(commands(&line.outcome(Outcome::Committed).written), [(1, Command::Confirm)]);
    // The same state again is no new event; another one is.
    let done = line.hears(&send(2, state(9, 0b11)));
    assert!(done.notes.is_empty());
    assert_eq!(done.readings[0][0].reported, [alarm]);
    let done = line.outcome(Outcome::Committed);
    assert_eq!(commands(&done.written), [(2, Command::Confirm)]);
    let done = line.hears(&send(3, state(9, 0b01)));
    assert_eq!((done.notes.len(), done.readings.len()), (1, 0));

    let mut unit = leakage(1, 0);
    if let Unit::AnalogValues(all) = &mut unit {
        all[0].analog = 200;
    }
    let done = line.hears(&send(4, unit));
    assert_eq!(commands(&done.written), [(4, Command::Deny)]);
    assert!(done.reason().contains("analog:17:200 of 128.1/3"), "{}", done.reason());
}

#[test]
fn a_fire_alarm_reaches_the_desk_whatever_address_was_typed() {
    // An address of the wrong form, as it was admitted before it was checked.
    let mut line = Line::admitted(vec![at(71, "1")]);
    let done = line.hears(&send(1, state(1, 0b11)));
    let reading = &done.readings[0][0];
    assert_eq!((reading.detector.0, reading.reported[0].hazard), (71, Hazard::UnassignedAlarm));
    // A component of a type that no key has, at the address of a detector: it is that detector's.
    let mut line = Line::admitted(vec![at(71, "128.1/3"), at(72, "128.1/9")]);
    let mut unit = state(9, 0b11);
    if let Unit::ComponentStates(all) = &mut unit {
        all[0].kind = 40;
    }
    let done = line.hears(&send(1, unit));
    let reading = &done.readings[0][0];
    assert_eq!((reading.detector.0, reading.reported[0].hazard), (72, Hazard::UnassignedAlarm));
    // What is no fire alarm is an event only.
    assert!(line.hears(&send(2, state(5, 0b101))).readings.is_empty());
}

#[test]
fn operations_are_events() {
    let mut line = Line::admitted(three());
    let unit = Unit::DeviceOperations(vec![DeviceOperation { flags: 0b11, operator: 7, at: label(0) }]);
    let done = line.hears(&send(1, unit));
    assert_eq!(done.notes[0][0].detail, "reset mute, operator 7, 2026-01-02 03:04:05");
    let done = line.outcome(Outcome::Unavailable);
    assert_eq!(commands(&done.written), [(1, Command::Deny)]);
}

#[test]
fn a_damaged_frame_is_denied_and_noise_is_not() {
    let mut line = Line::admitted(three());
    line.hears(&send(1, leakage(1, 0)));
    let mut damaged = send(2, leakage(2, 1));
    damaged[40] ^= 1;
    let done = line.hears(&damaged);
    assert_eq!(commands(&done.written), [(2, Command::Deny)]);
    assert!(done.reason().contains("checksum"));
    let done = line.hears(b"noise");
    assert!(done.written.is_empty());
    assert_eq!(line.hears(&send(3, leakage(3, 2))).readings.len(), 1);
}

#[test]
fn dialects_are_switches_of_the_profile() {
    let mut line =
        Line::admitted(vec![DetectorEntry { address: None, ..detector(71, "gb26875-combined", None) }]);
    let handshake = bytes_from_hex(
        "40 40 F8 09 10 00 08 1E 09 03 03 16 11 0E EB 29 64 00 C0 A8 01 04 6D 1D 01 00 02 16 14 23 23",
    )
    .unwrap();
    let sum = wire::gb26875::checksum(&handshake[2..28]);
    let handshake = [&handshake[..28], &[sum], b"##"].concat();
    let done = line.hears(&handshake);
    let confirm = done.written.last().unwrap();
    assert_eq!((confirm[26], confirm[27], confirm[4]), (3, 0x17, 0x10), "{confirm:02X?}");
    assert_eq!(done.heard(), 1);
    // A profile that puts up with nothing.
    let mut line = Line::admitted(three());
    assert!(line.hears(&handshake).reason().contains("protocol version 16"));
    let heartbeat = bytes_from_hex("40 40 07 25 51 80 12 FF 04 88 23 23").unwrap();
    assert!(line.hears(&heartbeat).reason().contains("private heartbeat"));
}

/// A detector of a maker who writes text and types of its own.
fn makers_own(dialect: &str) -> Line {
    let text = format!(
        r#"
        name = "A maker's own"
        maker = "Somebody"
        verified = false
        source = "this test"
        protocol = "gb26875"
        interval_s = 3600
        [[points]]
        code = "residual"
        name = "Residual current"
        quantity = "residual_current"
        key = "private:150:bytes[4..6]:u16le"
        [gb26875]
        {dialect}
        "#
    );
    let line = Line::admitted(vec![DetectorEntry { address: None, ..detector(71, "makers-own", None) }]);
    line.world.directory.put_profile(domain::profile::parse("makers-own.toml", &text).unwrap());
    line
}

fn private(serial: u16, kind: u8, body: &'static [u8]) -> Vec<u8> {
    send(serial, Unit::Private { kind, body: bytes::Bytes::from_static(body) })
}

#[test]
fn types_of_the_makers_own_are_read_by_keys_and_confirmed_by_a_switch() {
    for (switches, wanted) in [("", Command::Deny), ("confirm_private = true", Command::Confirm)] {
        let mut line = makers_own(switches);
        // A key reads it: confirmed after the commit, whatever the switch says.
        let done = line.hears(&private(1, 150, &[1, 7, 9, 0x38, 0x01]));
        assert_eq!(done.readings[0][0].samples[0].raw, 0x0138, "{:?}", done.readings);
        assert!(done.written.is_empty());
        assert_eq!(commands(&line.outcome(Outcome::Committed).written), [(1, Command::Confirm)]);
        // Nothing reads it; type 9 is of a later dialect.
        for (serial, kind) in [(2, 151), (3, 9)] {
            let done = line.hears(&private(serial, kind, &[1, 7]));
            assert_eq!(commands(&done.written), [(serial, wanted)], "type {kind} with {switches:?}");
            assert!(done.readings.is_empty());
        }
        let command = frame(4, Command::Private(200), None).encode(&Dialect::STANDARD);
        assert_eq!(commands(&line.hears(&command).written), [(4, wanted)]);
    }
}

#[test]
fn who_writes_text_is_answered_in_text_where_the_profile_says_so() {
    use wire::gb26875::hex_text;
    let state = hex_text(
        &frame(5, Command::Send, Some(Unit::DeviceStates(vec![DeviceState { state: 1, at: label(0) }])))
            .encode(&Dialect::STANDARD),
    );
    let mut line = makers_own("hex_text = true");
    line.session = GbSession::new(true, line.world.now());
    let done = line.hears(&state);
    assert!(done.written.is_empty(), "it waits for its commit");
    let done = line.outcome(Outcome::Committed);
    assert!(done.written[0].starts_with(b"4040"));
    let bytes = bytes_from_hex(std::str::from_utf8(&done.written[0]).unwrap()).unwrap();
    assert_eq!(commands(&[bytes.to_vec()]), [(5, Command::Confirm)]);
    let (_, done) = line.command(&LineCommand::Initialise);
    assert!(done.written[0].starts_with(b"4040"), "commands too");

    let mut line = makers_own("");
    line.session = GbSession::new(true, line.world.now());
    assert!(line.hears(&state).reason().contains("hexadecimal text"));
}

#[test]
fn a_command_is_sent_again_three_times() {
    let mut line = Line::admitted(three());
    line.hears(&send(1, leakage(1, 0)));
    line.outcome(Outcome::Committed);
    let (taken, done) = line.command(&LineCommand::Initialise);
    assert_eq!(taken, Taken::Waits);
    let sent = done.written[0].clone();
    assert_eq!(read(&sent)[0].unit, Some(Unit::Device { kind: kind::INITIALISE }));
    assert_eq!(line.command(&LineCommand::SetClock).0, Taken::Settled(Err(LineError::Busy)));
    for _ in 0..3 {
        assert_eq!(line.after_s(10).written, std::slice::from_ref(&sent));
    }
    assert_eq!(line.after_s(10).answered, [Err(LineError::TimedOut)]);

    let (_, done) = line.command(&LineCommand::SetClock);
    let serial = read(&done.written[0])[0].header.serial;
    assert_eq!(serial, 1, "each new message has a new number");
    let confirm = frame(serial, Command::Confirm, None).encode(&Dialect::STANDARD);
    assert_eq!(line.hears(&confirm).answered, [Ok(LineAnswer::Done)]);
    assert!(line.hears(&confirm).reason().contains("wanted none of this number"));

    let (_, done) = line.command(&LineCommand::Initialise);
    let serial = read(&done.written[0])[0].header.serial;
    let deny = frame(serial, Command::Deny, None).encode(&Dialect::STANDARD);
    for _ in 0..3 {
        assert_eq!(line.hears(&deny).written, done.written);
    }
    assert_eq!(line.hears(&deny).answered, [Ok(LineAnswer::Refused("denied by the device".to_owned()))]);
}

#[test]
fn a_query_brings_readings_and_an_answer() {
    let mut line = Line::admitted(three());
    line.hears(&send(1, leakage(1, 0)));
    line.outcome(Outcome::Committed);
    let query = |what| LineCommand::Query { what, address: Some("128.1/3".to_owned()) };
    let (taken, done) = line.command(&query(kind::READ_ANALOG_VALUE));
    assert_eq!(taken, Taken::Waits);
    let asked = read(&done.written[0]).remove(0);
    assert_eq!(asked.command, Command::Request);
    let answer = frame(asked.header.serial, Command::Answer, Some(leakage(77, 1)));
    let done = line.hears(&answer.encode(&Dialect::STANDARD));
    assert_eq!(done.readings[0][0].samples[0].raw, 77);
    assert!(matches!(&done.answered[..], [Ok(LineAnswer::Data(data))] if data[0] == kind::ANALOG_VALUE));
    assert!(line.outcome(Outcome::Committed).written.is_empty(), "an answer is not confirmed");
    let (taken, _) = line.command(&query(70));
    assert!(
        matches!(taken, Taken::Settled(Ok(LineAnswer::Refused(reason))) if reason.contains("type flag 70"))
    );
}

#[test]
fn a_post_check_is_answered_by_the_person_on_duty() {
    let mut line = Line::admitted(three());
    line.hears(&send(1, leakage(1, 0)));
    line.outcome(Outcome::Committed);
    let (_, done) = line.command(&LineCommand::PostCheck { within_min: 5 });
    let serial = read(&done.written[0])[0].header.serial;
    let confirm = frame(serial, Command::Confirm, None).encode(&Dialect::STANDARD);
    assert!(line.hears(&confirm).answered.is_empty());
    assert!(line.after_s(120).answered.is_empty());
    let flags = DeviceOperation::POST_CHECK_ANSWERED;
    let pressed = Unit::DeviceOperations(vec![DeviceOperation { flags, operator: 7, at: label(0) }]);
    let done = line.hears(&send(2, pressed));
    assert_eq!(done.answered, [Ok(LineAnswer::Data(vec![7]))]);
    assert_eq!(done.notes.len(), 1, "and kept");

    let (_, done) = line.command(&LineCommand::PostCheck { within_min: 1 });
    let serial = read(&done.written[0])[0].header.serial;
    line.hears(&frame(serial, Command::Confirm, None).encode(&Dialect::STANDARD));
    let refused = LineAnswer::Refused("nobody answered the post check".to_owned());
    assert_eq!(line.after_s(60).answered, [Ok(refused)]);
}

#[test]
fn silence_is_asked_about() {
    let mut line = Line::admitted(three());
    line.hears(&send(1, leakage(1, 0)));
    line.outcome(Outcome::Committed);
    assert!(line.after_s(1_799).written.is_empty());
    let done = line.after_s(1);
    let asked = read(&done.written[0]).remove(0);
    assert_eq!(asked.unit, Some(Unit::Device { kind: kind::READ_DEVICE_STATE }));
    let unit = Unit::DeviceStates(vec![DeviceState { state: 1, at: label(0) }]);
    let answer = frame(asked.header.serial, Command::Answer, Some(unit));
    let done = line.hears(&answer.encode(&Dialect::STANDARD));
    assert!(done.refused.is_empty() && done.answered.is_empty());
    line.outcome(Outcome::Committed);
    assert_eq!(line.after_s(1_800).written.len(), 1);
    // Nobody answers: silent for three intervals in all.
    let closed = (0..200).find_map(|_| line.after_s(60).closed).unwrap();
    assert!(closed.starts_with("silent for 5"), "{closed}");
}

struct Door {
    handle: GatewayHandle,
    intake: IntakeReceiver,
    _telegrams: TelegramReceiver,
    directory: Arc<Directory>,
    sessions: Arc<Sessions>,
    counters: Arc<Counters>,
}

impl Door {
    fn open() -> Self {
        let (sender, intake) = IntakeSender::bounded(1_024);
        let counters = Arc::new(Counters::default());
        let (sink, telegrams) = TelegramSink::bounded(1_024, Arc::clone(&counters));
        let directory = Arc::new(directory());
        let sessions = Arc::new(Sessions::default());
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let gb26875 = GbConfig { listen_udp: Some(any), ..GbConfig::default() };
        let handle = Gateway::start(
            FieldConfig { listen: any, gb26875, ..FieldConfig::default() },
            sender,
            Arc::clone(&directory),
            Arc::clone(&sessions),
            sink,
            Arc::clone(&counters),
            Arc::new(|| WALL),
            CancellationToken::new(),
        )
        .unwrap();
        directory.put_terminal(terminal(Admission::Admitted, three()));
        Self { handle, intake, _telegrams: telegrams, directory, sessions, counters }
    }

    async fn readings(&mut self) -> (Vec<Reading>, Confirm) {
        loop {
            match self.intake.recv().await.unwrap() {
                Intake::Readings { readings, confirm } => return (readings, confirm),
                Intake::Noted { .. } | Intake::Heard { .. } | Intake::Line { .. } | Intake::Unknown(_) => {}
            }
        }
    }
}

#[tokio::test]
async fn a_frame_as_text_is_known_at_the_door_however_it_is_cut() {
    let mut door = Door::open();
    let text = "[gb26875]\nhex_text = true\n";
    let (file, standard) =
        domain::profile::SHIPPED.iter().find(|(file, _)| file.contains("gb26875-standard")).unwrap();
    let profile = domain::profile::parse(file, &format!("{standard}\n{text}")).unwrap();
    door.directory.put_profile(profile);
    let mut stream = TcpStream::connect(door.handle.local_addr()).await.unwrap();
    let written = wire::gb26875::hex_text(&send(6, leakage(312, 0)));
    for piece in written.chunks(7) {
        stream.write_all(piece).await.unwrap();
        stream.flush().await.unwrap();
    }
    let (readings, confirm) = door.readings().await;
    assert_eq!(readings[0].detector.0, 71);
    confirm.tell(Outcome::Committed);
    let mut answer = vec![0; 60];
    stream.read_exact(&mut answer).await.unwrap();
    let bytes = bytes_from_hex(std::str::from_utf8(&answer).unwrap()).unwrap();
    assert_eq!(commands(&[bytes.to_vec()]), [(6, Command::Confirm)]);
}

async fn expect(stream: &mut TcpStream, serial: u16, command: Command) {
    let mut bytes = vec![0; 30];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(commands(&[bytes.to_vec()]), [(serial, command)]);
}

#[tokio::test]
async fn over_tcp_garbage_a_denial_a_repetition_and_a_confirmation() {
    let mut door = Door::open();
    let mut device = TcpStream::connect(door.handle.local_addr()).await.unwrap();
    let bytes = send(3, leakage(312, 0));
    device.write_all(&bytes[..17]).await.unwrap();
    device.write_all(&[&bytes[17..], b"\0garbage\xFF@"].concat()).await.unwrap();
    let (readings, confirm) = door.readings().await;
    assert_eq!((readings[0].detector.0, readings[0].samples[0].raw), (71, 312));
    confirm.tell(Outcome::Unavailable);
    expect(&mut device, 3, Command::Deny).await;

    device.write_all(&bytes).await.unwrap();
    let (_, confirm) = door.readings().await;
    confirm.tell(Outcome::Committed);
    expect(&mut device, 3, Command::Confirm).await;
    device.write_all(&bytes).await.unwrap();
    expect(&mut device, 3, Command::Confirm).await;
    assert_eq!(door.counters.readings_received.get(), 2, "the repetition is no reading");
    assert_eq!(door.counters.readings_confirmed.get(), 1);
    assert!(door.counters.frames_refused.get() >= 1);
}

#[tokio::test]
async fn a_store_that_is_gone_confirms_nothing() {
    let mut door = Door::open();
    let mut device = TcpStream::connect(door.handle.local_addr()).await.unwrap();
    device.write_all(&send(1, leakage(1, 0))).await.unwrap();
    drop(door.readings().await);
    expect(&mut device, 1, Command::Deny).await;
}

#[tokio::test]
async fn over_udp_all_is_the_same() {
    let mut door = Door::open();
    let device = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    device.connect(door.handle.datagram_addr().unwrap()).await.unwrap();
    device.send(b"garbage").await.unwrap();
    // Two frames in one datagram.
    device.send(&[send(1, leakage(1, 0)), send(2, leakage(2, 1))].concat()).await.unwrap();
    let (first, confirm_first) = door.readings().await;
    let (second, confirm_second) = door.readings().await;
    assert_eq!((first[0].samples[0].raw, second[0].samples[0].raw), (1, 2));
    confirm_first.tell(Outcome::Committed);
    confirm_second.tell(Outcome::Unavailable);
    let mut buffer = [0; 2_048];
    let count = device.recv(&mut buffer).await.unwrap();
    assert_eq!(commands(&[buffer[..count].to_vec()]), [(1, Command::Confirm)]);
    let count = device.recv(&mut buffer).await.unwrap();
    assert_eq!(commands(&[buffer[..count].to_vec()]), [(2, Command::Deny)]);
    assert_eq!(door.counters.datagrams_dropped.get(), 1);

    // Commands find the line.
    let sessions = Arc::clone(&door.sessions);
    let asked = tokio::spawn(async move { sessions.request(TerminalId(7), LineCommand::SetClock).await });
    let count = device.recv(&mut buffer).await.unwrap();
    let control = read(&buffer[..count]).remove(0);
    assert_eq!(control.unit, Some(Unit::SetClock(label(0))));
    let confirm = frame(control.header.serial, Command::Confirm, None).encode(&Dialect::STANDARD);
    device.send(&confirm).await.unwrap();
    assert_eq!(asked.await.unwrap(), Ok(LineAnswer::Done));
}

#[tokio::test]
async fn a_second_line_of_the_same_device_takes_over() {
    let mut door = Door::open();
    assert_eq!(door.directory.terminal(Protocol::Gb26875, &DEVICE.to_string()).unwrap().id, TerminalId(7));
    let mut first = TcpStream::connect(door.handle.local_addr()).await.unwrap();
    first.write_all(&send(1, leakage(1, 0))).await.unwrap();
    door.readings().await.1.tell(Outcome::Committed);
    expect(&mut first, 1, Command::Confirm).await;
    let mut second = TcpStream::connect(door.handle.local_addr()).await.unwrap();
    second.write_all(&send(2, leakage(2, 1))).await.unwrap();
    loop {
        if let Intake::Line { event: LineEvent::Replaced { .. }, .. } = door.intake.recv().await.unwrap() {
            break;
        }
    }
    assert_eq!(first.read(&mut [0; 8]).await.unwrap(), 0);
}
