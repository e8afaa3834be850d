use bus::intake::LineEvent;
use domain::profile::WriteCommand;
use domain::reading::Quality;
use wire::cloud7b7b::{Segment, SegmentData, SerialNumber, encode_frame};
use wire::modbus::{Exception, InnerCrc};

use bytes::Bytes;

use super::*;
use crate::config::FieldConfig;
use crate::testing::{Done, WALL, World, cloud_terminal, detector};

const SERIAL: &str = "00000000000001";
const ICCID: &str = "89860000000000000001";
/// The login of the reference's test set.
const LOGIN: &str = "7B 7B 84 30 30 30 30 30 30 30 30 30 30 30 30 30 31 00 00 00 00 00 00 \
    38 39 38 36 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 31 00 00 00 00 00 00 00 00 00 00 \
    1A 01 02 01 00 01 00 1E 73 4E 7D 7D";
const TIME_REQUEST: &str = "7B 7B 93 30 30 30 30 30 30 30 30 30 30 30 30 30 31 00 00 00 00 00 00 29 28 7D 7D";
const TIME_ANSWER: &str = "7B 7B 93 1A 01 02 06 03 04 05 F8 E9 7D 7D";
const UPLOAD: &str = "7B 7B 91 30 30 30 30 30 30 30 30 30 30 30 30 30 31 00 00 00 00 00 00 \
    5B 5B 31 2D 31 28 28 01 03 02 01 48 B9 E2 29 29 5D 5D 53 69 7D 7D";
const UPLOAD_ACK: &str = "7B 7B 91 7E EC 7D 7D";
const LOGIN_ACK: &str = "7B 7B 84 BF 23 7D 7D";
const HEARTBEAT: &str = "7B 7B 94 BE EF 7D 7D";

fn hex(text: &str) -> Vec<u8> {
    crate::config::bytes_from_hex(text).unwrap().to_vec()
}

struct Bench {
    world: World,
    session: CloudSession,
}

impl Bench {
    fn with(config: FieldConfig) -> Self {
        let world = World::new(config);
        let session = CloudSession::new(world.facts(), world.now());
        Self { world, session }
    }

    fn admitted() -> Self {
        let bench = Self::with(FieldConfig::default());
        bench.admit(Admission::Admitted, |_| {});
        bench
    }

    fn logged_in() -> Self {
        let mut bench = Self::admitted();
        bench.hears(&hex(LOGIN));
        bench
    }

    fn admit(&self, admission: Admission, change: impl FnOnce(&mut TerminalEntry)) {
        let mut entry = cloud_terminal(SERIAL, admission);
        change(&mut entry);
        self.world.directory.put_terminal(entry);
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

fn segment(address: &str, data: &[u8]) -> Segment {
    Segment {
        address: address.to_owned(),
        unit: 1,
        function: 3,
        data: SegmentData::Values(Bytes::copy_from_slice(data)),
        inner_crc: InnerCrc::Good,
    }
}

fn upload(segments: Vec<Segment>) -> Vec<u8> {
    Uplink::Upload(Upload { serial: None, segments }).encode()
}

fn write(value: u16) -> LineCommand {
    LineCommand::Write {
        unit: None,
        write: WriteCommand { function: 16, address: 0x20, values: vec![value] },
    }
}

#[test]
fn a_login_claims_the_line_tells_the_card_and_is_answered() {
    let mut bench = Bench::admitted();
    let done = bench.hears(&hex(LOGIN));
    assert_eq!(done.claimed, [TerminalId(7)]);
    assert_eq!(done.events(), [&LineEvent::IccidSeen(ICCID.into())]);
    assert_eq!(done.written, [hex(LOGIN_ACK)]);
    assert!(done.told.iter().any(|told| matches!(told, Intake::Heard { signal: Some(26), firmware: Some(f), .. } if f == "1.02 1.00 1.00")), "{:?}", done.told);
    assert_eq!(done.understood, [hex(LOGIN)]);
}

#[test]
fn a_login_torn_into_bytes_is_the_same_login() {
    let mut bench = Bench::admitted();
    let login = hex(LOGIN);
    let (last, before) = login.split_last().unwrap();
    for byte in before {
        assert!(bench.hears(&[*byte]).written.is_empty());
    }
    assert_eq!(bench.hears(&[*last]).written, [hex(LOGIN_ACK)]);
}

#[test]
fn a_pinned_card_is_compared_and_another_one_is_an_event_but_is_heard() {
    let mut bench = Bench::with(FieldConfig::default());
    bench.admit(Admission::Admitted, |entry| entry.pinned_iccid = Some(ICCID.into()));
    assert!(bench.hears(&hex(LOGIN)).events().is_empty());

    let mut bench = Bench::with(FieldConfig::default());
    bench.admit(Admission::Admitted, |entry| entry.pinned_iccid = Some("8986other".into()));
    let done = bench.hears(&hex(LOGIN));
    let changed = LineEvent::IccidChanged { pinned: "8986other".into(), seen: ICCID.into() };
    assert_eq!(done.events(), [&changed]);
    assert!(bench.hears(&hex(LOGIN)).events().is_empty(), "said once per connection");
    assert_eq!(bench.hears(&hex(UPLOAD)).readings.len(), 1);
}

#[test]
fn time_is_answered_in_the_zone_of_the_devices() {
    let mut bench = Bench::admitted();
    let done = bench.hears(&hex(TIME_REQUEST));
    assert_eq!(done.written, [hex(TIME_ANSWER)]);
    assert_eq!(done.claimed, [TerminalId(7)], "a time request says who it is");
}

#[test]
fn a_heartbeat_is_heard_and_not_answered() {
    let mut bench = Bench::logged_in();
    let done = bench.hears(&hex(HEARTBEAT));
    assert_eq!((done.heard(), done.written.len(), done.refused.len()), (1, 0, 0));
}

#[test]
fn what_says_nobody_is_refused_before_somebody_was_said() {
    for frame in [hex(HEARTBEAT), upload(vec![segment("1-1", &[0, 1])]), encode_frame(0x90, &[1, 3, 2, 0, 1])]
    {
        let mut bench = Bench::admitted();
        let done = bench.hears(&frame);
        assert!(done.reason().contains("has not said who it is"), "{}", done.reason());
        assert!(done.told.is_empty() && done.readings.is_empty() && done.written.is_empty());
    }
}

#[test]
fn an_upload_that_comes_first_binds_and_is_confirmed_only_after_its_commit() {
    let mut bench = Bench::admitted();
    let done = bench.hears(&hex(UPLOAD));
    assert_eq!(done.claimed, [TerminalId(7)]);
    assert!(done.written.is_empty(), "nothing is on disk yet");
    let [readings] = &done.readings[..] else { panic!("{done:?}") };
    assert_eq!((readings.len(), readings[0].samples[0].raw, readings[0].received_at), (1, 328, WALL));
    assert_eq!(bench.learns(Outcome::Committed).written, [hex(UPLOAD_ACK)]);
}

#[test]
fn what_could_not_be_stored_is_not_confirmed_and_may_be_sent_again() {
    let mut bench = Bench::logged_in();
    assert_eq!(bench.hears(&hex(UPLOAD)).readings.len(), 1);
    let done = bench.learns(Outcome::Unavailable);
    assert!(
        done.written.is_empty() && done.closed.is_some(),
        "the next confirmation would be taken for it: {done:?}"
    );
    let mut again = Bench::logged_in();
    assert_eq!(again.hears(&hex(UPLOAD)).readings.len(), 1);
    assert_eq!(again.learns(Outcome::Committed).written, [hex(UPLOAD_ACK)]);
}

#[test]
fn a_later_confirmation_is_never_taken_for_an_upload_that_was_lost() {
    // Confirmations carry no number: after the first upload failed, the ack of the second would go to the first.
    let mut bench = Bench::logged_in();
    assert_eq!(bench.hears(&[hex(UPLOAD), hex(UPLOAD)].concat()).readings.len(), 2);
    let done = bench.learns(Outcome::Unavailable);
    assert!(done.closed.is_some() && done.written.is_empty(), "{done:?}");
}

#[test]
fn uploads_in_flight_are_bounded_and_the_rest_waits_in_the_socket() {
    let mut bench = Bench::logged_in();
    let max = usize::from(bench.world.rules.config.max_uploads_in_flight);
    let done = bench.hears(&hex(UPLOAD).repeat(max + 2));
    assert_eq!(done.readings.len(), max);
    assert!(!bench.session.wants_bytes());
    for _ in 0..2 {
        let done = bench.learns(Outcome::Committed);
        assert_eq!((done.written.len(), done.readings.len()), (1, 1));
    }
    let acks: usize = (0..max).map(|_| bench.learns(Outcome::Committed).written.len()).sum();
    assert_eq!(acks, max);
    assert!(bench.session.wants_bytes());
}

#[test]
fn all_segments_of_an_upload_are_one_intake() {
    let mut bench = Bench::logged_in();
    let done = bench.hears(&upload(vec![segment("1-1", &[0, 9]), segment("1-2", &[1, 0x2C, 0xFF, 0xF6])]));
    let [readings] = &done.readings[..] else { panic!("{done:?}") };
    let raws: Vec<_> = readings.iter().flat_map(|r| r.samples.iter().map(|s| (r.group, s.raw))).collect();
    assert_eq!(raws, [(0, 9), (1, 300), (1, -10)]);
    assert_eq!(bench.learns(Outcome::Committed).written, [hex(UPLOAD_ACK)]);
}

#[test]
fn an_unknown_segment_is_refused_with_its_reason_and_not_confirmed() {
    let mut bench = Bench::logged_in();
    let done = bench.hears(&upload(vec![segment("9-9", &[0, 9])]));
    assert!(done.reason().contains("9-9") && done.reason().contains("two-segments"), "{}", done.reason());
    assert!(done.readings.is_empty() && done.written.is_empty());
    assert_eq!(done.heard(), 1, "it is a sign of life all the same");
}

#[test]
fn an_unknown_segment_does_not_hide_the_one_beside_it() {
    let mut bench = Bench::logged_in();
    let done = bench.hears(&upload(vec![segment("1-1", &[0, 1, 0, 2]), segment("1-2", &[0, 5, 0, 6])]));
    assert_eq!(done.readings[0].len(), 1);
    assert!(done.reason().contains("`1-1` of 4 data bytes"), "{}", done.reason());
    assert_eq!(bench.learns(Outcome::Committed).written, [hex(UPLOAD_ACK)]);
}

#[test]
fn an_exception_in_a_segment_is_values_with_a_fault_and_one_event() {
    let exception =
        Segment { data: SegmentData::Exception(Exception::ServerDeviceFailure), ..segment("1-2", &[]) };
    let mut bench = Bench::logged_in();
    let done = bench.hears(&upload(vec![exception.clone()]));
    assert_eq!(done.events(), [&LineEvent::UnitException { unit: 1, code: 4 }]);
    assert!(done.readings[0][0].samples.iter().all(|sample| sample.quality == Quality::DeviceFault));
    assert_eq!(done.readings[0][0].samples.len(), 2);
    assert!(bench.hears(&upload(vec![exception.clone()])).events().is_empty(), "said once");
    assert!(bench.hears(&upload(vec![segment("1-2", &[0; 4])])).events().is_empty());
    assert_eq!(bench.hears(&upload(vec![exception])).events().len(), 1, "and again after it was well");
}

#[test]
fn marks_inside_the_data_do_not_break_a_frame() {
    for (data, inner_crc) in [
        ([0x04, 0x10], InnerCrc::Absent), // the outer CRC ends in 7D
        ([0x7D, 0x7D], InnerCrc::Good),   // an end mark as value
        ([0x29, 0x29], InnerCrc::Good),   // "))" as value
        ([0x5D, 0x5D], InnerCrc::Absent), // "]]" as value
        ([0x7B, 0x7B], InnerCrc::Absent), // a start mark as value
    ] {
        let frame = upload(vec![Segment { inner_crc, ..segment("1-1", &data) }]);
        for cut in 0..=frame.len() {
            let mut bench = Bench::logged_in();
            let (front, rest) = frame.split_at(cut);
            let readings = [bench.hears(front).readings, bench.hears(rest).readings].concat();
            assert_eq!(readings.len(), 1, "{data:02X?} cut at {cut}");
            assert_eq!(readings[0][0].samples[0].raw, i64::from(u16::from_be_bytes(data)));
        }
    }
}

#[test]
fn glued_frames_after_noise_are_all_heard() {
    let mut bench = Bench::admitted();
    let stream =
        [vec![0x00, 0xFF, 0x7B], hex(LOGIN), hex(HEARTBEAT), hex(UPLOAD), hex(TIME_REQUEST)].concat();
    let done = bench.hears(&stream);
    assert_eq!((done.understood.len(), done.readings.len(), done.refused.len()), (4, 1, 1));
    assert_eq!(done.written, [hex(LOGIN_ACK), hex(TIME_ANSWER)]);
}

#[test]
fn a_flipped_bit_is_refused_by_clause_and_the_stream_goes_on() {
    let upload = hex(UPLOAD);
    for at in 2..upload.len() - 2 {
        let mut bench = Bench::logged_in();
        let mut broken = upload.clone();
        broken[at] ^= 0x04;
        broken.extend(hex(HEARTBEAT));
        // A wrong sum may be an end mark inside the data, so more is waited for, but not for long.
        let (now, later) = (bench.hears(&broken), bench.waits());
        assert!(now.readings.is_empty() && later.readings.is_empty(), "flipped byte {at}");
        let refused = [now.refused, later.refused].concat();
        assert_eq!(refused.len(), 1, "flipped byte {at}: {refused:?}");
        assert!(refused[0].1.clause.starts_with("vendor cloud protocol, "));
        assert_eq!(now.told.len() + later.told.len(), 1, "the heartbeat behind it is heard");
        assert_eq!(bench.hears(&upload).readings.len(), 1, "flipped byte {at}");
    }
    let mut bench = Bench::logged_in();
    let mut broken = upload;
    broken[30] ^= 1;
    bench.hears(&broken);
    assert_eq!(bench.waits().refused[0].1.clause, "vendor cloud protocol, frame CRC");
}

#[test]
fn a_wrong_inner_sum_is_refused_although_the_outer_one_fits() {
    let mut bench = Bench::logged_in();
    let body = [&b"[[1-1(("[..], &[1, 3, 2, 1, 0x48, 0xB9, 0xE3], &b"))]]"[..]].concat();
    let done = bench.hears(&encode_frame(0x91, &body));
    assert_eq!(done.refused[0].1.clause, "vendor cloud protocol, inner Modbus CRC");
    assert!(done.readings.is_empty());
}

#[test]
fn somebody_unknown_keeps_the_line_but_nothing_is_counted_or_confirmed() {
    let mut bench = Bench::with(FieldConfig::default());
    let done = bench.hears(&hex(LOGIN));
    assert_eq!(done.written, [hex(LOGIN_ACK)]);
    let [unknown] = &done.unknown[..] else { panic!("{done:?}") };
    assert_eq!(
        (unknown.serial.as_str(), unknown.iccid.as_deref(), unknown.signal),
        (SERIAL, Some(ICCID), Some(26))
    );
    let done = bench.hears(&hex(UPLOAD));
    assert!(done.readings.is_empty() && done.written.is_empty() && done.claimed.is_empty());
    assert_eq!(done.unknown[0].readings_ignored, 1);
    assert_eq!(bench.hears(&hex(TIME_REQUEST)).written, [hex(TIME_ANSWER)]);
    assert_eq!(bench.commands(&write(1)).0, Taken::Settled(Err(LineError::NotConnected)));
}

#[test]
fn pending_and_refused_terminals_are_not_heard_but_their_log_is_kept_under_their_id() {
    for admission in [Admission::Pending, Admission::Refused] {
        let mut bench = Bench::with(FieldConfig::default());
        bench.admit(admission, |_| {});
        assert_eq!(bench.hears(&hex(UPLOAD)).unknown.len(), 1);
        assert_eq!(bench.session.terminal(), Some(TerminalId(7)));
    }
}

#[test]
fn admission_while_connected_is_noticed_at_the_next_frame() {
    let mut bench = Bench::with(FieldConfig::default());
    bench.hears(&hex(LOGIN));
    bench.admit(Admission::Admitted, |_| {});
    let done = bench.hears(&hex(UPLOAD));
    assert_eq!((done.claimed.len(), done.readings.len()), (1, 1));
    assert_eq!(done.events(), [&LineEvent::IccidSeen(ICCID.into())], "the card of the login is pinned now");
}

#[test]
fn withdrawn_admission_is_noticed_at_the_next_frame() {
    let mut bench = Bench::logged_in();
    assert_eq!(bench.commands(&write(1)).0, Taken::Waits);
    bench.admit(Admission::Refused, |_| {});
    let done = bench.hears(&hex(UPLOAD));
    assert_eq!(done.released, ["no longer admitted"]);
    assert_eq!(done.answered, [Err(LineError::NotConnected)]);
    assert!(done.readings.is_empty());
}

#[test]
fn a_changed_detector_is_used_from_the_next_frame_on() {
    let mut bench = Bench::logged_in();
    bench.admit(Admission::Admitted, |entry| entry.detectors = vec![detector(71, "two-segments", None)]);
    let done = bench.hears(&hex(UPLOAD));
    assert_eq!(done.readings[0][0].detector.0, 71);
    assert!(done.claimed.is_empty(), "the line is the same terminal's");
}

#[test]
fn another_serial_on_the_same_connection_is_refused() {
    let mut bench = Bench::logged_in();
    let other = Uplink::TimeRequest { serial: SerialNumber::new("00000000000002").unwrap() };
    let done = bench.hears(&other.encode());
    assert!(
        done.reason().contains("00000000000002 on the connection of 00000000000001"),
        "{}",
        done.reason()
    );
    assert!(done.written.is_empty());
}

#[test]
fn an_unknown_command_is_refused_by_name() {
    let mut bench = Bench::logged_in();
    assert!(bench.hears(&encode_frame(0x55, b"x")).reason().contains("command 0x55"));
}

#[test]
fn a_command_is_settled_by_each_of_the_three_answer_forms() {
    let serial = SerialNumber::new(SERIAL).unwrap();
    let LineCommand::Write { write: command, .. } = write(1) else { unreachable!() };
    let request = line_command::request(1, &command).unwrap();
    let answer = wire::modbus::Answer::write_ack(&request).unwrap();
    let inner_crc = InnerCrc::Good;
    for form in [
        ControlAnswer::SerialAndAnswer { serial: serial.clone(), answer: answer.clone(), inner_crc },
        ControlAnswer::AnswerAlone { answer: answer.clone(), inner_crc },
        ControlAnswer::WriteAck { serial: serial.clone() },
    ] {
        let mut bench = Bench::logged_in();
        let (taken, done) = bench.commands(&write(1));
        assert_eq!(taken, Taken::Waits);
        assert_eq!(done.written, [Downlink::Control(request.clone()).encode()]);
        assert_eq!(bench.commands(&write(1)).0, Taken::Settled(Err(LineError::Busy)), "one at a time");
        let done = bench.hears(&Uplink::ControlAnswer(form.clone()).encode());
        assert_eq!(done.answered, [Ok(LineAnswer::Done)], "{form:?}");
        assert_eq!(bench.commands(&write(1)).0, Taken::Waits, "the line is free again");
    }
    let mut bench = Bench::logged_in();
    bench.commands(&write(1));
    let exception = wire::modbus::Answer::exception(&request, Exception::IllegalDataAddress);
    let done = bench
        .hears(&Uplink::ControlAnswer(ControlAnswer::AnswerAlone { answer: exception, inner_crc }).encode());
    assert_eq!(done.answered, [Ok(LineAnswer::Exception(2))]);
}

#[test]
fn an_answer_that_does_not_fit_settles_nothing() {
    let mut bench = Bench::logged_in();
    bench.commands(&write(1));
    let LineCommand::Write { write: mut other, .. } = write(1) else { unreachable!() };
    other.address = 0x21;
    let answer = wire::modbus::Answer::write_ack(&line_command::request(1, &other).unwrap()).unwrap();
    let form = ControlAnswer::AnswerAlone { answer, inner_crc: InnerCrc::Absent };
    let done = bench.hears(&Uplink::ControlAnswer(form).encode());
    assert!(done.answered.is_empty());
    assert!(done.reason().contains("echoes"), "{}", done.reason());
}

#[test]
fn a_late_answer_is_not_taken_for_the_next_command() {
    let mut bench = Bench::logged_in();
    bench.commands(&write(1));
    assert_eq!(bench.waits().answered, [Err(LineError::TimedOut)]);
    assert_eq!(bench.commands(&write(2)).0, Taken::Settled(Err(LineError::Busy)));
    let late = ControlAnswer::WriteAck { serial: SerialNumber::new(SERIAL).unwrap() };
    let done = bench.hears(&Uplink::ControlAnswer(late).encode());
    assert!(done.answered.is_empty());
    assert!(done.reason().contains("after its command had timed out"));
    bench.waits();
    assert_eq!(bench.commands(&write(2)).0, Taken::Waits);
}

#[test]
fn an_answer_without_a_command_is_refused() {
    let mut bench = Bench::logged_in();
    let form = ControlAnswer::WriteAck { serial: SerialNumber::new(SERIAL).unwrap() };
    assert!(bench.hears(&Uplink::ControlAnswer(form).encode()).reason().contains("no command is under way"));
}

#[test]
fn a_close_command_closes() {
    let mut bench = Bench::logged_in();
    let (taken, done) = bench.commands(&LineCommand::Close { reason: "admission withdrawn".into() });
    assert_eq!(taken, Taken::Settled(Ok(LineAnswer::Done)));
    assert_eq!(done.closed.as_deref(), Some("admission withdrawn"));
}

#[test]
fn who_does_not_say_who_it_is_in_time_is_closed_even_while_it_drips_bytes() {
    let mut bench = Bench::admitted();
    let opened_ms = bench.world.mono_ms;
    let mut closed = None;
    for byte in hex(LOGIN).repeat(2) {
        // One byte every seven seconds: never silent for long, never a whole frame in time.
        bench.world.mono_ms += 7_000;
        let mut out = Vec::new();
        bench.session.on_time(bench.world.facts(), bench.world.now(), &mut out);
        closed = Done::from(out).closed;
        if closed.is_some() {
            break;
        }
        bench.hears(&[byte]);
    }
    assert_eq!(closed.as_deref(), Some("did not say who it is within 20 s"));
    assert!(bench.world.mono_ms - opened_ms <= 28_000);
}

#[test]
fn half_a_frame_and_then_silence_is_refused_and_the_line_goes_on() {
    let mut bench = Bench::logged_in();
    let upload = hex(UPLOAD);
    bench.hears(&upload[..20]);
    let done = bench.waits();
    assert_eq!(done.refused[0].0, &upload[..20]);
    assert_eq!(done.refused[0].1.clause, "vendor cloud protocol, end mark");
    assert!(done.closed.is_none());
    assert_eq!(bench.hears(&upload).readings.len(), 1);
}

#[test]
fn a_frame_over_the_limit_is_refused_and_what_follows_is_heard() {
    let mut bench = Bench::logged_in();
    let mut done = Done::default();
    let long = [&[0x7B, 0x7B, 0x91][..], &[0x30; 5_000]].concat();
    for piece in long.chunks(1_000) {
        let more = bench.hears(piece);
        done.refused.extend(more.refused);
    }
    done.refused.extend(bench.hears(&hex(UPLOAD)).refused);
    assert!(done.refused.iter().any(|(_, refused)| refused.clause == "vendor cloud protocol, frame length"));
    assert!(done.refused.iter().all(|(bytes, _)| bytes.len() <= 2_048));
    assert_eq!(bench.hears(&hex(UPLOAD)).readings.len(), 1);
}

#[test]
fn a_flood_of_garbage_is_closed_after_so_many_refusals() {
    let mut bench = Bench::logged_in();
    let mut poured = 0;
    let closed = loop {
        let done = bench.hears(&[0xAA; 4_096]);
        poured += 4_096;
        if done.closed.is_some() {
            break done.closed;
        }
        assert!(poured < 1_000_000);
    };
    assert_eq!(closed.as_deref(), Some("20 refused frames in a row"));
    assert!(poured <= 12 * 4_096, "closed after {poured} bytes");
}

#[test]
fn refusals_between_good_frames_close_nothing() {
    let mut bench = Bench::logged_in();
    for _ in 0..60 {
        assert!(bench.hears(&[vec![0xAA], hex(HEARTBEAT)].concat()).closed.is_none());
        bench.world.mono_ms += 1_000;
    }
}

#[test]
fn more_frames_than_allowed_wait_in_the_socket() {
    let mut bench = Bench::logged_in();
    let done = bench.hears(&hex(HEARTBEAT).repeat(500));
    assert!((195..=200).contains(&done.heard()), "{}", done.heard());
    assert!(!bench.session.wants_bytes());
    let before_ms = bench.world.mono_ms;
    let mut heard = done.heard();
    while heard < 500 {
        let done = bench.waits();
        assert!(done.closed.is_none());
        heard += done.heard();
    }
    assert!(bench.world.mono_ms - before_ms >= 5_900, "300 more at 50 a second");
    bench.waits();
    assert!(bench.session.wants_bytes());
}

#[test]
fn silence_is_judged_by_the_longest_interval_known() {
    let mut bench = Bench::logged_in();
    let opened_ms = bench.world.mono_ms;
    assert!(bench.waits().closed.unwrap().contains("silent for 5400 s"), "3 x 30 min of the login");
    assert_eq!(bench.world.mono_ms - opened_ms, 5_400_000);

    let mut bench = Bench::admitted();
    bench.hears(&hex(TIME_REQUEST));
    assert!(bench.waits().closed.unwrap().contains("silent for 1800 s"), "3 x 10 min of the profile");

    let mut bench = Bench::with(FieldConfig::default());
    bench.hears(&hex(TIME_REQUEST));
    assert!(bench.waits().closed.unwrap().contains("silent for 3600 s"), "waiting for admission");
}

#[test]
fn who_waits_for_an_outcome_is_not_silent() {
    let mut bench = Bench::logged_in();
    bench.hears(&hex(UPLOAD));
    assert_eq!(bench.session.deadline(bench.world.facts()), None);
    bench.world.mono_ms += 10_000_000;
    let done = bench.learns(Outcome::Committed);
    assert_eq!((done.written.len(), done.closed), (1, None));
}
