use bus::{LineAnswer, LineCommand, LineError};
use domain::place::{Admission, Credential, DetectorEntry, Protocol};
use domain::profile::{ReadCommand, WriteCommand};
use domain::reading::Quality;
use wire::gateway1f1f::{Meter, Step, Value, encode_frame, parse_compact_time};
use wire::modbus::{Answer, Exception};

use super::polling::port_of;
use super::*;
use crate::config::FieldConfig;
use crate::line_command;
use crate::session::Taken;
use crate::testing::{Done, SECRET, WALL, World, gateway_terminal};

const CHALLENGE: u64 = 17_093_442_611_803;

fn id() -> GatewayId {
    GatewayId::new("B1", "GW-001").unwrap()
}

fn secret() -> Secret {
    Secret::try_from(&SECRET[..]).unwrap()
}

struct Bench {
    world: World,
    session: GatewaySession,
}

impl Bench {
    fn with(config: FieldConfig) -> Self {
        let world = World::new(config);
        let session = GatewaySession::new(CHALLENGE, world.facts(), world.now());
        Self { world, session }
    }

    fn known(admission: Admission) -> Self {
        let bench = Self::with(FieldConfig::default());
        bench.world.directory.put_terminal(gateway_terminal("B1/GW-001", admission));
        bench
    }

    /// Admitted and proved, after its first poll.
    fn proved() -> Self {
        let mut bench = Self::known(Admission::Admitted);
        bench.hears(&request());
        let done = bench.hears(&md5(&secret(), CHALLENGE));
        assert_eq!(done.claimed, [TerminalId(11)]);
        bench
    }

    fn change(&self, change: impl FnOnce(&mut TerminalEntry)) {
        let mut entry = gateway_terminal("B1/GW-001", Admission::Admitted);
        change(&mut entry);
        self.world.directory.put_terminal(entry);
    }

    /// Without Modbus behind it, so that nothing is polled.
    fn quiet() -> Self {
        let mut bench = Self::known(Admission::Admitted);
        bench.change(|entry| entry.detectors.truncate(2));
        bench.hears(&request());
        bench.hears(&md5(&secret(), CHALLENGE));
        bench
    }

    fn hears(&mut self, bytes: &[u8]) -> Done {
        let mut out = Vec::new();
        self.session.on_bytes(bytes, self.world.facts(), self.world.now(), &mut out);
        Done::from(out)
    }

    fn learns(&mut self, outcome: Outcome) -> Done {
        let mut out = Vec::new();
        self.session.on_outcome(outcome, self.world.facts(), self.world.now(), &mut out);
        Done::from(out)
    }

    fn commands(&mut self, command: &LineCommand) -> (Taken, Done) {
        let mut out = Vec::new();
        let taken = self.session.on_command(command, self.world.facts(), self.world.now(), &mut out);
        (taken, Done::from(out))
    }

    /// Lets time run to the session's next deadline.
    fn waits(&mut self) -> Done {
        self.world.mono_ms = self.session.deadline(self.world.facts()).unwrap().max(self.world.mono_ms);
        let mut out = Vec::new();
        self.session.on_time(self.world.facts(), self.world.now(), &mut out);
        Done::from(out)
    }
}

fn step(step: Step) -> Vec<u8> {
    Authentication { id: id(), step }.encode()
}

fn request() -> Vec<u8> {
    step(Step::Request)
}

fn md5(secret: &Secret, challenge: u64) -> Vec<u8> {
    step(Step::Md5(secret.answer(&challenge.to_string())))
}

/// Residual currents of meters, measured at `time`.
fn report(time: &str, meters: &[(&str, &str)]) -> Report {
    let meter = |(id, text): &(&str, &str)| Meter {
        id: (*id).to_owned(),
        values: vec![Value { id: "IL".to_owned(), text: (*text).to_owned(), error: String::new() }],
    };
    Report { id: Some(id()), time: parse_compact_time(time), meters: meters.iter().map(meter).collect() }
}

fn opened(frame: &[u8]) -> Transparent {
    let mut deframer = Deframer::new(1_000);
    deframer.push(frame);
    let frame = deframer.next_frame().unwrap().unwrap();
    assert_eq!(frame.kind, FrameType::Downlink);
    Transparent::open(frame.data(), &secret()).unwrap()
}

fn answered(port: Port, rtu: Vec<u8>) -> Vec<u8> {
    Transparent { port, rtu }.seal(FrameType::DownlinkAnswer, &secret())
}

#[test]
fn who_answers_the_challenge_is_let_in() {
    let mut bench = Bench::known(Admission::Admitted);
    let done = bench.hears(&request());
    assert_eq!(done.written, [step(Step::Sequence(CHALLENGE.to_string()))]);
    assert!(done.claimed.is_empty());
    let done = bench.hears(&md5(&secret(), CHALLENGE));
    assert_eq!((done.claimed.as_slice(), done.heard()), (&[TerminalId(11)][..], 1));
    assert_eq!(done.written[0], step(Step::Result(true)));
    // The result of an authentication may be lost: the gateway asks again and stays who it is.
    let again = bench.hears(&md5(&secret(), CHALLENGE));
    assert_eq!((again.written.as_slice(), again.claimed.len()), (&[step(Step::Result(true))][..], 0));
}

#[test]
fn a_wrong_secret_is_told_so_counted_and_closed() {
    let mut bench = Bench::known(Admission::Admitted);
    bench.hears(&request());
    let done = bench.hears(&md5(&Secret::try_from(&[7; 16][..]).unwrap(), CHALLENGE));
    assert_eq!(done.written, [step(Step::Result(false))]);
    assert_eq!(done.reason(), "md5 does not fit the secret and the sequence");
    assert_eq!((done.unproven, done.closed.as_deref()), (1, Some("could not prove who it is")));
    assert!(done.claimed.is_empty());
}

#[test]
fn an_overheard_authentication_opens_no_other_connection() {
    let mut bench = Bench::known(Admission::Admitted);
    bench.hears(&request());
    let done = bench.hears(&md5(&secret(), CHALLENGE + 1));
    assert_eq!((done.unproven, done.claimed.len()), (1, 0));
}

#[test]
fn a_terminal_without_a_secret_or_without_its_certificate_is_nobody() {
    for (change, reason) in [
        (
            &(|entry: &mut TerminalEntry| entry.credentials.clear()) as &dyn Fn(&mut TerminalEntry),
            "no shared secret of 16 bytes",
        ),
        (
            &|entry| entry.credentials = vec![Credential::SharedSecret(b"short".to_vec())],
            "no shared secret of 16 bytes",
        ),
        (&|entry| entry.credentials.push(Credential::CertificateHash([1; 32])), "no client certificate"),
    ] {
        let mut bench = Bench::known(Admission::Admitted);
        bench.change(change);
        bench.hears(&request());
        let done = bench.hears(&md5(&secret(), CHALLENGE));
        assert!(done.reason().contains(reason), "{}", done.reason());
        assert_eq!((done.unproven, done.claimed.len()), (1, 0));
    }
}

#[test]
fn the_unknown_are_reported_and_cannot_be_told_from_the_wrong() {
    for admission in [None, Some(Admission::Pending)] {
        let mut bench = Bench::with(FieldConfig::default());
        if let Some(admission) = admission {
            bench.world.directory.put_terminal(gateway_terminal("B1/GW-001", admission));
        }
        let done = bench.hears(&request());
        assert_eq!(done.written, [step(Step::Sequence(CHALLENGE.to_string()))]);
        let done = bench.hears(&md5(&secret(), CHALLENGE));
        assert_eq!(done.written, [step(Step::Result(false))]);
        assert_eq!(
            (done.unknown[0].serial.as_str(), done.unknown[0].protocol),
            ("B1/GW-001", Protocol::Gateway1f1f)
        );
        assert!(done.closed.is_some() && done.claimed.is_empty() && done.unproven == 0);
    }
}

#[test]
fn nothing_is_heard_before_the_proof() {
    for frame in [
        report("20260102030000", &[("01001", "35")]).seal(&secret(), false),
        report("20260102030000", &[("01001", "35")]).seal(&secret(), true),
        encode_frame(FrameType::Heartbeat, &[]),
        answered(Port::new(2, 7).unwrap(), vec![7, 3, 0]),
    ] {
        let mut bench = Bench::known(Admission::Admitted);
        let done = bench.hears(&frame);
        assert!(
            done.reason().ends_with("on a connection that has not proved who it is"),
            "{}",
            done.reason()
        );
        assert!(done.readings.is_empty() && done.written.is_empty() && done.heard() == 0);
    }
    // Large frames neither: what is not proved may not even announce them.
    let mut bench = Bench::known(Admission::Admitted);
    let done = bench.hears(&[0x1F, 0x1F, 0x03, 0, 0, 0x40, 0]);
    assert_eq!(done.reason(), "data of 16384 bytes, wanted at most 2048");
    assert!(done.closed.is_some());
}

#[test]
fn a_report_becomes_readings_at_the_gateways_local_time() {
    for compressed in [false, true] {
        let mut bench = Bench::quiet();
        let frame =
            report("20260102030405", &[("01001", "35.4"), ("01002", "7")]).seal(&secret(), compressed);
        let done = bench.hears(&frame);
        assert_eq!(done.understood, [frame]);
        let readings = &done.readings[0];
        assert_eq!(readings.len(), 2);
        assert_eq!((readings[0].detector, readings[0].device_at), (DetectorId(110), Some(WALL)));
        assert_eq!((readings[0].samples[0].raw, readings[1].samples[0].raw), (35, 7));
        // The protocol has no word for it, so nothing is written.
        let done = bench.learns(Outcome::Committed);
        assert!(done.written.is_empty() && done.closed.is_none());
    }
}

#[test]
fn what_could_not_be_stored_closes_the_line() {
    let mut bench = Bench::quiet();
    bench.hears(&report("20260102030405", &[("01001", "35")]).seal(&secret(), false));
    assert!(bench.learns(Outcome::Unavailable).closed.is_some());
}

#[test]
fn a_meter_that_nobody_knows_does_not_hide_the_one_beside_it() {
    let mut bench = Bench::quiet();
    let done =
        bench.hears(&report("20260102030405", &[("09001", "1"), ("01002", "640")]).seal(&secret(), false));
    assert_eq!(done.readings[0][0].detector, DetectorId(111));
    assert_eq!(done.reason(), "meter `09001`, wanted the address of one of the 2 detectors of this terminal");
}

#[test]
fn a_value_that_the_gateway_could_not_read_is_a_fault() {
    let mut bench = Bench::quiet();
    let mut report = report("20260102030405", &[("01001", "")]);
    report.meters[0].values[0].error = "1".to_owned();
    let done = bench.hears(&report.seal(&secret(), false));
    assert_eq!(done.readings[0][0].samples[0].quality, Quality::DeviceFault);
}

#[test]
fn a_report_overheard_and_sent_again_keeps_its_old_time() {
    // On another connection it needs the proof first; by who has the line itself it carries its old time, so that the
    // rules for repeated and late readings take it.
    let frame = report("20260102020000", &[("01001", "35")]).seal(&secret(), false);
    let mut other = Bench::known(Admission::Admitted);
    assert!(other.hears(&frame).readings.is_empty());
    let mut bench = Bench::quiet();
    let first = bench.hears(&frame).readings.remove(0);
    bench.learns(Outcome::Committed);
    bench.world.mono_ms += 3_600_000;
    let again = bench.hears(&frame).readings.remove(0);
    assert_eq!(
        (first[0].device_at, again[0].device_at),
        (Some(WALL.plus_ms(-3_845_000)), first[0].device_at)
    );
    assert!(again[0].received_at > first[0].received_at);
}

#[test]
fn a_frame_that_names_another_gateway_is_refused() {
    let mut bench = Bench::quiet();
    let mut other = report("20260102030405", &[("01001", "35")]);
    other.id = GatewayId::new("B1", "GW-002").ok();
    let done = bench.hears(&other.seal(&secret(), false));
    assert_eq!(done.reason(), "gateway B1/GW-002 on the connection of B1/GW-001");
    assert!(done.readings.is_empty());
    // The building may be left out, but not be another.
    other.id = GatewayId::new("", "GW-001").ok();
    assert_eq!(bench.hears(&other.seal(&secret(), false)).readings.len(), 1);
    let request = Authentication { id: GatewayId::new("B2", "GW-001").unwrap(), step: Step::Request };
    assert_eq!(bench.hears(&request.encode()).refused.len(), 1);
}

#[test]
fn a_heartbeat_is_answered_with_the_time() {
    let mut bench = Bench::quiet();
    let done = bench.hears(&encode_frame(FrameType::Heartbeat, &[]));
    let answer = Heartbeat { id: Some(id()), time: parse_compact_time("20260102030405") };
    assert_eq!((done.written.as_slice(), done.heard()), (&[answer.encode()][..], 1));
}

#[test]
fn bombs_and_garbage_are_refused_by_name_and_the_line_lives() {
    let mut bench = Bench::quiet();
    let bomb = wire::gateway1f1f::deflate(&vec![b' '; 20 << 20]);
    for (kind, plain, clause) in [
        (FrameType::CompressedData, bomb, "vendor gateway protocol, inflated size"),
        (
            FrameType::Data,
            b"<!DOCTYPE r [<!ENTITY a \"a\">]><root>&a;</root>".to_vec(),
            "vendor gateway protocol, XML",
        ),
        (FrameType::Data, b"<a>".repeat(5_000), "vendor gateway protocol, XML"),
        (FrameType::DownlinkAnswer, b"01002".to_vec(), "vendor gateway protocol, transparent frames"),
    ] {
        let done = bench.hears(&encode_frame(kind, &secret().encrypt(&plain)));
        assert_eq!(done.refused[0].1.clause, clause);
        assert!(done.closed.is_none());
    }
    let done = bench.hears(&encode_frame(FrameType::Data, &[0; 16]));
    assert_eq!(done.refused[0].1.clause, "vendor gateway protocol, encryption");
    assert_eq!(
        bench.hears(&report("20260102030405", &[("01001", "35")]).seal(&secret(), false)).readings.len(),
        1
    );
    for _ in 0..19 {
        assert!(bench.hears(&[0xFF; 8]).closed.is_none());
    }
    assert!(bench.hears(&[0xFF; 8]).closed.is_some(), "twenty in a row are enough");
}

#[test]
fn a_length_beyond_all_limits_closes_the_line_at_once() {
    let mut bench = Bench::quiet();
    let done = bench.hears(&[0x1F, 0x1F, 0x03, 0xFF, 0xFF, 0xFF, 0xFF]);
    assert!(done.reason().contains("wanted at most 262144"), "{}", done.reason());
    assert!(done.closed.is_some());
}

#[test]
fn a_frame_that_trickles_in_is_given_up() {
    let mut bench = Bench::quiet();
    let frame = report("20260102030405", &[("01001", "35")]).seal(&secret(), false);
    bench.hears(&frame[..20]);
    let began_ms = bench.world.mono_ms;
    let done = bench.waits();
    assert_eq!(bench.world.mono_ms - began_ms, 8_000);
    assert!(done.reason().starts_with("the frame ends after 20 bytes"), "{}", done.reason());
    // One that announces 200 KB may take as long as 1 KB/s takes.
    bench.hears(&[0x1F, 0x1F, 0x03, 0, 3, 0, 0]);
    let began_ms = bench.world.mono_ms;
    bench.waits();
    assert_eq!(bench.world.mono_ms - began_ms, 200_000);
}

#[test]
fn who_does_not_prove_itself_or_falls_silent_is_closed() {
    let mut bench = Bench::known(Admission::Admitted);
    bench.hears(&request());
    assert_eq!(bench.waits().closed.as_deref(), Some("did not prove who it is within 20 s"));
    let mut bench = Bench::quiet();
    assert_eq!(bench.waits().closed.as_deref(), Some("silent for 900 s"));
}

#[test]
fn a_new_secret_or_a_withdrawn_admission_ends_the_line() {
    let heartbeat = encode_frame(FrameType::Heartbeat, &[]);
    for change in [
        &(|entry: &mut TerminalEntry| entry.admission = Admission::Pending) as &dyn Fn(&mut TerminalEntry),
        &|entry| entry.credentials = vec![Credential::SharedSecret(vec![1; 16])],
    ] {
        let mut bench = Bench::quiet();
        bench.change(change);
        let done = bench.hears(&heartbeat);
        assert_eq!((done.released.len(), done.closed.is_some()), (1, true));
        assert!(done.written.is_empty());
    }
    // A second secret beside the first changes nothing.
    let mut bench = Bench::quiet();
    bench.change(|entry| entry.credentials.push(Credential::SharedSecret(vec![1; 16])));
    assert!(bench.hears(&heartbeat).closed.is_none());
}

#[test]
fn a_modbus_unit_behind_the_gateway_is_polled_through_transparent_frames() {
    let mut bench = Bench::known(Admission::Admitted);
    bench.hears(&request());
    let done = bench.hears(&md5(&secret(), CHALLENGE));
    let asked = opened(done.written.last().unwrap());
    let request = Request::read_holding_registers(7, 0, 2).unwrap();
    assert_eq!((asked.port, asked.rtu.clone()), (Port::new(2, 7).unwrap(), request.encode()));
    // An answer of another port is none.
    let answer = Answer::registers_for(&request, &[42, 251]).unwrap().encode();
    assert_eq!(bench.hears(&answered(Port::new(1, 7).unwrap(), answer.clone())).refused.len(), 1);
    let done = bench.hears(&answered(asked.port, answer.clone()));
    let reading = &done.readings[0][0];
    assert_eq!(
        (reading.detector, reading.samples[0].raw, reading.samples[1].raw),
        (DetectorId(112), 42, 251)
    );
    // Nothing is asked before the outcome, and one that comes twice is refused.
    assert_eq!(bench.hears(&answered(asked.port, answer)).refused.len(), 1);
    bench.learns(Outcome::Committed);
    bench.waits();
    assert_eq!(bench.waits().written.len(), 1, "the next poll, ten seconds later");
}

#[test]
fn commands_go_between_polls_one_at_a_time() {
    let mut bench = Bench::proved();
    let write = |value| LineCommand::Write {
        unit: Some(7),
        write: WriteCommand { function: 6, address: 1, values: vec![value] },
    };
    let (taken, done) = bench.commands(&write(3));
    assert_eq!((taken, done.written.len()), (Taken::Waits, 0), "the poll is under way");
    assert_eq!(bench.commands(&write(4)).0, Taken::Settled(Err(LineError::Busy)));
    let poll = Request::read_holding_registers(7, 0, 2).unwrap();
    let port = Port::new(2, 7).unwrap();
    bench.hears(&answered(port, Answer::registers_for(&poll, &[1, 2]).unwrap().encode()));
    let done = bench.waits();
    let asked = opened(&done.written[0]);
    let Ok(request) = line_command::request(7, &WriteCommand { function: 6, address: 1, values: vec![3] })
    else {
        panic!("a request")
    };
    assert_eq!(asked.rtu, request.encode());
    let done = bench.hears(&answered(port, Answer::write_ack(&request).unwrap().encode()));
    assert_eq!(done.answered, [Ok(LineAnswer::Done)]);

    bench.waits();
    let read = LineCommand::Read { unit: None, read: ReadCommand { function: 3, address: 0, count: 1 } };
    let (_, done) = bench.commands(&read);
    assert_eq!(done.written.len(), 1);
    let request = Request::read_holding_registers(7, 0, 1).unwrap();
    let refused = Answer::exception(&request, Exception::IllegalDataAddress).encode();
    assert_eq!(bench.hears(&answered(port, refused)).answered, [Ok(LineAnswer::Exception(2))]);

    bench.waits();
    bench.commands(&read);
    let done = bench.waits();
    assert_eq!(done.answered, [Err(LineError::TimedOut)]);
    assert_eq!(
        bench.commands(&read).0,
        Taken::Settled(Err(LineError::Busy)),
        "a late answer must not be its answer"
    );
    assert_eq!(bench.commands(&LineCommand::SetClock).0, Taken::Settled(Err(LineError::Unsupported)));
    let other = LineCommand::Read { unit: Some(99), read: ReadCommand { function: 3, address: 0, count: 1 } };
    bench.waits();
    assert!(matches!(bench.commands(&other).0, Taken::Settled(Ok(LineAnswer::Refused(_)))));
}

#[test]
fn a_unit_that_hangs_at_two_ports_is_not_commanded() {
    let mut bench = Bench::known(Admission::Admitted);
    bench.change(|entry| {
        let twin = crate::testing::detector(113, "two-registers", Some(7));
        entry.detectors.push(DetectorEntry { address: Some("3".to_owned()), ..twin });
    });
    bench.hears(&request());
    bench.hears(&md5(&secret(), CHALLENGE));
    let trip = LineCommand::Write {
        unit: Some(7),
        write: WriteCommand { function: 6, address: 1, values: vec![0] },
    };
    let Taken::Settled(Ok(LineAnswer::Refused(reason))) = bench.commands(&trip).0 else {
        panic!("a refusal")
    };
    assert!(reason.contains("at 2 and 3"), "{reason}");
}

#[test]
fn a_place_behind_the_gateway_is_a_port_or_the_whole_address() {
    let at = |address: Option<&str>, unit| {
        let detector = crate::testing::detector(1, "two-registers", unit);
        port_of(&DetectorEntry { address: address.map(str::to_owned), ..detector })
    };
    assert_eq!(at(Some("2"), Some(7)), Port::new(2, 7).map(|port| (port, 7)));
    assert_eq!(at(Some("12"), Some(7)), Port::new(12, 7).map(|port| (port, 7)));
    assert_eq!(at(Some("03009"), Some(7)), Port::new(3, 9).map(|port| (port, 7)));
    assert_eq!(at(None, Some(7)), Port::new(1, 7).map(|port| (port, 7)));
    assert_eq!(at(Some("left"), Some(7)), None);
}
