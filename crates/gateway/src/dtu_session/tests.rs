use bus::intake::LineEvent;
use domain::id::DetectorId;
use domain::place::DetectorEntry;
use domain::profile::WriteCommand;
use domain::reading::Quality;
use wire::modbus::{Answer, Exception, Parse, Request};

use super::*;
use crate::config::FieldConfig;
use crate::testing::{Done, World, detector, dtu_terminal};

const REGISTRATION: &[u8] = b"DTU0001\r\n";
const SERIAL: &str = "DTU0001";

struct Bench {
    world: World,
    session: DtuSession,
}

impl Bench {
    fn with(config: FieldConfig, detectors: Vec<DetectorEntry>) -> Self {
        let world = World::new(config);
        if !detectors.is_empty() {
            world.directory.put_terminal(dtu_terminal(SERIAL, detectors));
        }
        let session = DtuSession::new(world.now());
        Self { world, session }
    }

    /// Admitted, with two units of two registers behind it.
    fn two_units() -> Self {
        let detectors = vec![detector(1, "two-registers", Some(1)), detector(2, "two-registers", Some(2))];
        Self::with(FieldConfig::default(), detectors)
    }

    fn one_unit() -> Self {
        Self::with(FieldConfig::default(), vec![detector(1, "two-registers", Some(1))])
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

    fn passes(&mut self, to_ms: u64) -> Done {
        self.world.mono_ms = to_ms.max(self.world.mono_ms);
        let mut out = Vec::new();
        self.session.on_time(self.world.facts(), self.world.now(), &mut out);
        Done::from(out)
    }

    /// Lets time run to the session's next deadline.
    fn waits(&mut self) -> Done {
        let to_ms = self.session.deadline(self.world.facts(), self.world.now()).unwrap();
        self.passes(to_ms)
    }

    /// Lets time run until the session writes a request.
    fn until_asked(&mut self) -> (Request, Done) {
        for _ in 0..1_000 {
            let done = self.waits();
            if let [frame] = &done.written[..] {
                return (request(frame), done);
            }
        }
        panic!("nothing was asked for");
    }

    /// Lets time run for `ms` and gives back everything that happened.
    fn everything_for(&mut self, ms: u64) -> Vec<(u64, Done)> {
        let end_ms = self.world.mono_ms + ms;
        let mut all = Vec::new();
        while let Some(at_ms) = self.session.deadline(self.world.facts(), self.world.now()) {
            if at_ms > end_ms {
                break;
            }
            let done = self.passes(at_ms);
            all.push((self.world.mono_ms, done));
            assert!(all.len() < 10_000, "a deadline that nothing comes of");
        }
        self.world.mono_ms = end_ms;
        all
    }
}

fn request(frame: &[u8]) -> Request {
    match Request::parse(frame) {
        Parse::Complete { value, len } if len == frame.len() => value,
        other => panic!("{other:?}"),
    }
}

fn values(request: &Request, values: &[u16]) -> Vec<u8> {
    Answer::registers_for(request, values).unwrap().encode()
}

fn write(unit: Option<u8>) -> LineCommand {
    LineCommand::Write { unit, write: WriteCommand { function: 6, address: 0x20, values: vec![1] } }
}

#[test]
fn a_registration_claims_the_line_and_the_first_unit_is_asked_at_once() {
    let mut bench = Bench::two_units();
    let done = bench.hears(REGISTRATION);
    assert_eq!(done.claimed, [TerminalId(9)]);
    assert_eq!(done.heard(), 1);
    assert_eq!(request(&done.written[0]), Request::read_holding_registers(1, 0, 2).unwrap());
}

#[test]
fn a_registration_torn_into_bytes_and_glued_to_a_heartbeat_is_the_same() {
    let mut bench = Bench::two_units();
    let stream = [REGISTRATION, &[0xFE, 0xFE]].concat();
    let mut claimed = Vec::new();
    let mut heard = 0;
    for byte in stream {
        let done = bench.hears(&[byte]);
        heard += done.heard();
        claimed.extend(done.claimed);
        assert!(done.refused.is_empty());
    }
    assert_eq!((claimed, heard), (vec![TerminalId(9)], 2));
}

#[test]
fn a_registration_without_an_end_mark_ends_with_its_burst() {
    let mut config = FieldConfig::default();
    config.dtu.registration.terminator = Bytes::new();
    let mut bench = Bench::with(config, vec![detector(1, "two-registers", Some(1))]);
    assert!(bench.hears(b"DTU0").claimed.is_empty());
    bench.world.mono_ms += 100;
    assert!(bench.hears(b"001").claimed.is_empty());
    let before_ms = bench.world.mono_ms;
    assert_eq!(bench.waits().claimed, [TerminalId(9)]);
    assert_eq!(bench.world.mono_ms - before_ms, 500);
}

#[test]
fn what_cannot_be_a_registration_is_refused_kept_and_closed() {
    let mut bench = Bench::two_units();
    let done = bench.hears(b"\x01\x02\x03");
    assert_eq!(done.refused[0].1.clause, "transparent DTU, registration");
    assert!(done.closed.is_some());
    assert!(bench.hears(REGISTRATION).claimed.is_empty(), "closed is closed");
}

#[test]
fn a_registration_that_never_ends_is_refused_by_length_or_by_time() {
    let mut bench = Bench::two_units();
    assert!(bench.hears(&[b'1'; 64]).closed.is_some());

    let mut bench = Bench::two_units();
    assert!(bench.hears(b"DTU00").closed.is_none());
    let opened_ms = bench.world.mono_ms;
    let done = bench.waits();
    assert!(done.closed.is_some());
    assert_eq!(done.refused[0].0, b"DTU00");
    assert_eq!(bench.world.mono_ms - opened_ms, 20_000);

    let mut bench = Bench::two_units();
    let done = bench.waits();
    assert_eq!(done.closed.as_deref(), Some("did not say who it is within 20 s"));
    assert!(done.refused.is_empty(), "nothing came, so nothing is kept");
}

#[test]
fn an_answer_becomes_a_reading_of_the_unit_that_was_asked() {
    let mut bench = Bench::two_units();
    let asked = request(&bench.hears(REGISTRATION).written[0]);
    bench.world.mono_ms += 80;
    let done = bench.hears(&values(&asked, &[35, 0xFFFE]));
    let [readings] = &done.readings[..] else { panic!("{done:?}") };
    let raws: Vec<_> = readings[0].samples.iter().map(|sample| sample.raw).collect();
    assert_eq!((readings[0].detector, raws), (DetectorId(1), vec![35, -2]));
    assert_eq!(readings[0].received_at, bench.world.now().wall);
    let answered_ms = bench.world.mono_ms;
    let (asked, _) = bench.until_asked();
    assert_eq!(asked.unit(), 2, "then the other unit");
    assert_eq!(bench.world.mono_ms - answered_ms, 150, "after the gap");
}

#[test]
fn one_request_is_outstanding_and_polls_keep_their_period() {
    let mut bench = Bench::one_unit();
    let started_ms = bench.world.mono_ms;
    let mut asked = request(&bench.hears(REGISTRATION).written[0]);
    for round in 1..=5_u64 {
        bench.world.mono_ms += 500;
        let done = bench.hears(&values(&asked, &[1, 2]));
        assert!(done.written.is_empty());
        bench.learns(Outcome::Committed);
        asked = bench.until_asked().0;
        assert_eq!(bench.world.mono_ms - started_ms, round * 10_000);
    }
}

#[test]
fn a_detector_is_not_asked_again_before_its_last_reading_is_settled() {
    for outcome in [Outcome::Committed, Outcome::Unavailable] {
        let mut bench = Bench::two_units();
        let first = request(&bench.hears(REGISTRATION).written[0]);
        bench.hears(&values(&first, &[1, 2]));
        let (second, _) = bench.until_asked();
        bench.hears(&values(&second, &[1, 2]));
        assert!(bench.everything_for(60_000).iter().all(|(_, done)| done.written.is_empty()), "both wait");
        let done = bench.learns(outcome);
        assert_eq!(request(&done.written[0]).unit(), 1, "the first is settled and long due");
        assert!(bench.hears(&values(&first, &[1, 2])).closed.is_none());
        assert!(bench.everything_for(60_000).iter().all(|(_, done)| done.written.is_empty()));
    }
}

#[test]
fn heartbeats_glued_to_answers_are_stripped_and_heard() {
    for (front, behind) in
        [(&b"ping"[..], &b""[..]), (b"", b"ping"), (&[0xFE, 0xFE], b"ping"), (b"pingping", b"")]
    {
        let mut bench = Bench::one_unit();
        let asked = request(&bench.hears(REGISTRATION).written[0]);
        let done = bench.hears(&[front, &values(&asked, &[1, 2]), behind].concat());
        assert_eq!((done.readings.len(), done.refused.len()), (1, 0));
        assert!(done.heard() >= 1);
    }
}

#[test]
fn a_heartbeat_inside_the_values_is_a_value() {
    let mut bench = Bench::one_unit();
    let asked = request(&bench.hears(REGISTRATION).written[0]);
    let done = bench.hears(&values(&asked, &[0xFEFE, 0x7069]));
    assert_eq!(done.readings[0][0].samples[0].raw, 0xFEFE);
    assert_eq!(done.heard(), 0);
}

#[test]
fn a_repeated_registration_counts_as_a_heartbeat() {
    let mut bench = Bench::one_unit();
    bench.hears(REGISTRATION);
    let done = bench.hears(REGISTRATION);
    assert_eq!((done.heard(), done.refused.len(), done.claimed.len()), (1, 0, 0));
}

#[test]
fn a_late_answer_is_never_taken_for_the_next_poll() {
    let mut bench = Bench::two_units();
    let first = request(&bench.hears(REGISTRATION).written[0]);
    let late = values(&first, &[0xAAAA, 0xAAAA]);
    // Time-out, then the answer comes while the line is in quarantine.
    bench.passes(bench.world.mono_ms + 3_000);
    bench.world.mono_ms += 500;
    let done = bench.hears(&late);
    assert!(done.readings.is_empty());
    assert_eq!(done.refused[0].0, late);
    let quarantined_ms = bench.world.mono_ms;
    let (asked, _) = bench.until_asked();
    assert!(bench.world.mono_ms >= quarantined_ms + 150);
    let done = bench.hears(&values(&asked, &[7, 8]));
    assert_eq!(done.readings[0][0].samples[0].raw, 7);
}

#[test]
fn an_answer_of_another_unit_or_length_or_with_a_wrong_sum_is_refused() {
    let asked = Request::read_holding_registers(1, 0, 2).unwrap();
    let mut flipped = values(&asked, &[1, 2]);
    flipped[4] ^= 1;
    let other_unit = values(&Request::read_holding_registers(2, 0, 2).unwrap(), &[1, 2]);
    let other_length = values(&Request::read_holding_registers(1, 0, 3).unwrap(), &[1, 2, 3]);
    for wrong in [flipped, other_unit, other_length] {
        let mut bench = Bench::one_unit();
        bench.hears(REGISTRATION);
        let mut done = bench.hears(&wrong);
        done.refused.extend(bench.passes(bench.world.mono_ms + 3_000).refused);
        assert!(done.readings.is_empty());
        assert_eq!(done.refused.iter().map(|(bytes, _)| bytes.len()).sum::<usize>(), wrong.len());
    }
}

#[test]
fn a_silent_unit_is_told_once_and_asked_less_and_less_often_and_harms_nobody() {
    let mut bench = Bench::two_units();
    let mut written = bench.hears(REGISTRATION).written;
    let started_ms = bench.world.mono_ms;
    let mut asked_silent = Vec::new();
    let mut answers = 0;
    let mut silent = 0;
    let hour_ms = 3_600_000;
    while bench.world.mono_ms < started_ms + hour_ms {
        if let Some(frame) = written.pop() {
            let asked = request(&frame);
            if asked.unit() == 1 {
                asked_silent.push(bench.world.mono_ms - started_ms);
            } else {
                answers += bench.hears(&values(&asked, &[1, 2])).readings.len();
                written.extend(bench.learns(Outcome::Committed).written);
                continue;
            }
        }
        let done = bench.waits();
        silent += done.events().iter().filter(|event| ***event == LineEvent::UnitSilent { unit: 1 }).count();
        assert!(done.closed.is_none(), "{done:?}");
        written.extend(done.written);
    }
    assert_eq!(silent, 1);
    let rests: Vec<_> = asked_silent.windows(2).map(|pair| (pair[1] - pair[0]) / 1_000).collect();
    assert!(rests.is_sorted_by_key(|rest| rest / 4), "{rests:?}");
    assert!((300..=312).contains(rests.last().unwrap()), "{rests:?}");
    assert!(answers >= 340, "the other unit was read {answers} times in an hour, of 360 turns");
}

#[test]
fn a_unit_that_speaks_again_gets_its_period_back() {
    let mut bench = Bench::one_unit();
    bench.hears(REGISTRATION);
    bench.everything_for(120_000);
    let (asked, _) = bench.until_asked();
    bench.hears(&values(&asked, &[1, 2]));
    let answered_ms = bench.world.mono_ms;
    bench.learns(Outcome::Committed);
    bench.until_asked();
    assert_eq!(bench.world.mono_ms - answered_ms, 10_000);
}

#[test]
fn an_exception_is_values_with_a_fault_and_one_event() {
    let mut bench = Bench::one_unit();
    let asked = request(&bench.hears(REGISTRATION).written[0]);
    let exception = Answer::exception(&asked, Exception::IllegalDataAddress).encode();
    let done = bench.hears(&exception);
    assert_eq!(done.events(), [&LineEvent::UnitException { unit: 1, code: 2 }]);
    let [readings] = &done.readings[..] else { panic!("{done:?}") };
    assert!(
        readings[0].samples.iter().all(|sample| sample.quality == Quality::DeviceFault && sample.raw == 0)
    );
    assert_eq!(readings[0].samples.len(), 2);
    bench.learns(Outcome::Committed);
    bench.until_asked();
    let done = bench.hears(&exception);
    assert_eq!((done.events().len(), done.readings.len()), (0, 1), "the same code is told once");
}

#[test]
fn a_busy_unit_is_asked_again_in_a_moment_before_its_values_count_as_missing() {
    let mut bench = Bench::one_unit();
    let asked = request(&bench.hears(REGISTRATION).written[0]);
    let busy = Answer::exception(&asked, Exception::ServerDeviceBusy).encode();
    for _ in 0..2 {
        let before_ms = bench.world.mono_ms;
        let done = bench.hears(&busy);
        assert_eq!((done.readings.len(), done.events().len(), done.heard()), (0, 0, 1));
        bench.until_asked();
        assert_eq!(bench.world.mono_ms - before_ms, 1_000);
    }
    assert_eq!(bench.hears(&busy).readings[0][0].samples[0].quality, Quality::DeviceFault);
}

#[test]
fn a_command_goes_between_polls_and_is_settled_by_its_answer() {
    let mut bench = Bench::two_units();
    let asked = request(&bench.hears(REGISTRATION).written[0]);
    let (taken, done) = bench.commands(&write(Some(2)));
    assert_eq!((taken, done.written.len()), (Taken::Waits, 0), "the poll's answer is awaited first");
    assert_eq!(bench.commands(&write(Some(2))).0, Taken::Settled(Err(LineError::Busy)));
    bench.hears(&values(&asked, &[1, 2]));
    let (command, _) = bench.until_asked();
    assert_eq!((command.unit(), command.function().code()), (2, 6), "before the other unit's poll");
    let done = bench.hears(&Answer::write_ack(&command).unwrap().encode());
    assert_eq!(done.answered, [Ok(LineAnswer::Done)]);
    assert_eq!(bench.until_asked().0.function().code(), 3);
}

#[test]
fn a_command_can_be_refused_by_the_device_or_time_out() {
    let mut bench = Bench::one_unit();
    let asked = request(&bench.hears(REGISTRATION).written[0]);
    bench.hears(&values(&asked, &[1, 2]));
    bench.commands(&write(None));
    let (command, _) = bench.until_asked();
    assert_eq!(command.unit(), 1, "the terminal's own unit");
    let done = bench.hears(&Answer::exception(&command, Exception::IllegalDataValue).encode());
    assert_eq!(done.answered, [Ok(LineAnswer::Exception(3))]);
    bench.commands(&write(None));
    let (_, _) = bench.until_asked();
    assert_eq!(bench.waits().answered, [Err(LineError::TimedOut)]);
}

#[test]
fn a_dtu_that_waits_for_admission_is_not_polled_until_somebody_admits_it() {
    let mut bench = Bench::with(FieldConfig::default(), Vec::new());
    let done = bench.hears(REGISTRATION);
    assert_eq!(done.unknown[0].serial, SERIAL);
    assert_eq!(bench.commands(&write(None)).0, Taken::Settled(Err(LineError::NotConnected)));
    assert!(bench.everything_for(60_000).iter().all(|(_, done)| done.written.is_empty()));
    assert_eq!(bench.hears(b"ping").unknown.len(), 1);
    let entry = dtu_terminal(SERIAL, vec![detector(1, "two-registers", Some(1))]);
    bench.world.directory.put_terminal(entry);
    let before_ms = bench.world.mono_ms;
    let done = bench.waits();
    assert_eq!((done.claimed.len(), done.written.len()), (1, 1), "noticed without a word from the DTU");
    assert!(bench.world.mono_ms - before_ms <= 10_000);
}

#[test]
fn withdrawn_admission_ends_polling_and_what_was_under_way_counts_for_nobody() {
    let mut bench = Bench::one_unit();
    let asked = request(&bench.hears(REGISTRATION).written[0]);
    bench.world.directory.remove_terminal(SERIAL);
    let answer = values(&asked, &[1, 2]);
    let (front, rest) = answer.split_at(3);
    assert_eq!(bench.hears(front).released, ["no longer admitted"]);
    assert!(bench.hears(rest).readings.is_empty());
    assert!(bench.everything_for(60_000).iter().all(|(_, done)| done.written.is_empty()));
}

#[test]
fn a_unit_added_while_connected_is_asked_too() {
    let mut bench = Bench::one_unit();
    let asked = request(&bench.hears(REGISTRATION).written[0]);
    let both = vec![detector(1, "two-registers", Some(1)), detector(2, "two-registers", Some(2))];
    bench.world.directory.put_terminal(dtu_terminal(SERIAL, both));
    bench.hears(&values(&asked, &[1, 2]));
    bench.learns(Outcome::Committed);
    assert_eq!(bench.until_asked().0.unit(), 2);
}

#[test]
fn an_answer_asked_for_by_an_older_profile_is_not_filed_under_the_new_one() {
    let mut bench = Bench::one_unit();
    let asked = request(&bench.hears(REGISTRATION).written[0]);
    bench.world.directory.put_terminal(dtu_terminal(SERIAL, vec![detector(1, "leakage-breaker", Some(1))]));
    let answer = values(&asked, &[1, 2]);
    let (front, rest) = answer.split_at(3);
    bench.hears(front);
    assert!(bench.hears(rest).readings.is_empty());
}

#[test]
fn noise_without_end_is_closed_and_a_little_noise_is_not() {
    let mut bench = Bench::one_unit();
    bench.hears(REGISTRATION);
    let mut pieces = 0;
    let closed = loop {
        pieces += 1;
        bench.world.mono_ms += 10;
        if let Some(reason) = bench.hears(&[0xAA; 4_096]).closed {
            break reason;
        }
        assert!(pieces < 100);
    };
    assert!(closed.contains("20 pieces"), "{closed}");
    assert_eq!(pieces, 20);

    let mut bench = Bench::one_unit();
    bench.hears(REGISTRATION);
    for _ in 0..60 {
        assert!(bench.hears(b"\xAAping").closed.is_none());
        bench.world.mono_ms += 1_000;
        bench.passes(bench.world.mono_ms);
    }
}

#[test]
fn a_flood_of_heartbeats_waits_in_the_socket() {
    let mut bench = Bench::one_unit();
    bench.hears(REGISTRATION);
    bench.hears(&[0xFE; 1_000]);
    assert!(!bench.session.wants_bytes(bench.world.facts(), bench.world.now()));
    bench.everything_for(10_000);
    assert!(bench.session.wants_bytes(bench.world.facts(), bench.world.now()));
}

#[test]
fn a_line_without_a_word_is_closed_after_three_intervals_or_the_floor() {
    let mut bench = Bench::one_unit();
    bench.hears(REGISTRATION);
    let all = bench.everything_for(180_000);
    assert_eq!(all.last().unwrap().1.closed.as_deref(), Some("silent for 180 s"));
}
