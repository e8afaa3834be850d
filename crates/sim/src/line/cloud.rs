//! A detector with a modem of its own, speaking the vendor cloud protocol.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use domain::profile::Group;
use domain::time::UnixMs;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use wire::cloud7b7b::{
    ControlAnswer, DEFAULT_MAX_FRAME_LEN, Deframer, Downlink, FirmwareVersion, LocalTime, Login, Segment,
    SegmentData, SerialNumber, Uplink, Upload,
};
use wire::modbus::{AnswerBody, InnerCrc};

use super::driver::Counters;
use super::{Line, Wants};
use crate::device::{Device, LineState};
use crate::scenario::{Pace, ms};

/// How many uploads a detector keeps while nobody confirms them; the oldest are lost first.
const KEPT: usize = 120;
/// How often an upload is sent before the connection is given up.
const TRIES: u8 = 3;
/// A server that does not answer a login or a time request within this is given up, ms.
const ANSWER_WITHIN_MS: i64 = 10_000;
/// The server tells local time; China has one zone.
const ZONE_S: i32 = 8 * 3600;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// There is none.
    Apart,
    /// The login was sent.
    LoggingIn { until: UnixMs },
    /// The time was asked for.
    AskingTime { until: UnixMs },
    /// Uploads may go.
    Ready,
    /// The other side is not answering.
    GivenUp,
}

/// An upload that was not confirmed yet.
#[derive(Debug)]
struct Kept {
    frame: Bytes,
    tries: u8,
}

/// A detector's side of a connection.
#[derive(Debug)]
pub struct CloudLine {
    serial: SerialNumber,
    iccid: Option<String>,
    device: Arc<Mutex<Device>>,
    counters: Arc<Counters>,
    pace: Pace,
    phase: Phase,
    deframer: Deframer,
    out: Vec<u8>,
    /// What the server's time was ahead of ours when it told it; `None` until it did.
    clock_ahead_ms: Option<i64>,
    kept: VecDeque<Kept>,
    /// The front of `kept` was sent and is waited for until then.
    confirm_until: Option<UnixMs>,
    next_upload: UnixMs,
    next_heartbeat: UnixMs,
}

impl CloudLine {
    /// A detector that measures for the first time at `first_upload` and then as the pace says.
    #[must_use]
    pub fn new(
        serial: SerialNumber,
        iccid: Option<String>,
        device: Arc<Mutex<Device>>,
        pace: Pace,
        first_upload: UnixMs,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            serial,
            iccid,
            device,
            counters,
            pace,
            phase: Phase::Apart,
            deframer: Deframer::new(DEFAULT_MAX_FRAME_LEN),
            out: Vec::new(),
            clock_ahead_ms: None,
            kept: VecDeque::new(),
            confirm_until: None,
            next_upload: first_upload,
            next_heartbeat: first_upload.plus_ms(ms(pace.heartbeat_s)),
        }
    }

    fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&mut self, uplink: &Uplink) {
        self.out.extend_from_slice(&uplink.encode());
    }

    fn login(&self) -> Login {
        let minutes = (self.pace.upload_s / 60.0).ceil().clamp(1.0, 255.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1 to 255")]
        let interval_min = minutes as u8;
        Login {
            serial: self.serial.clone(),
            iccid: self.iccid.clone(),
            signal: Some(24),
            firmware: [
                Some(FirmwareVersion([0x01, 0x02])),
                Some(FirmwareVersion([0x01, 0x00])),
                Some(FirmwareVersion([0x01, 0x00])),
            ],
            interval_min: Some(interval_min),
            extra: Bytes::new(),
        }
    }

    fn measure(&mut self, now: UnixMs) {
        let upload = {
            let mut device = self.device();
            // A replayed measurement must not look like one of another second, so the clock counts whole seconds.
            let clock = self.clock_ahead_ms.map(|ahead| now.plus_ms(ahead + device.clock_error_ms(now)));
            let said = device.say(now, clock);
            let profile = device.profile().clone();
            let mut segments: Vec<Segment> = Vec::new();
            for group in widest(&profile.groups) {
                let (Some(address), Ok(data)) = (&group.space.segment, device.encode(group, &said)) else {
                    self.counters.unsayable();
                    continue;
                };
                segments.push(Segment {
                    address: address.clone(),
                    unit: 1,
                    function: group.space.function,
                    data: SegmentData::Values(data.into()),
                    inner_crc: InnerCrc::Absent,
                });
            }
            Upload { serial: Some(self.serial.clone()), segments }
        };
        if upload.segments.is_empty() {
            return;
        }
        if self.kept.len() == KEPT {
            // The one on its way may be confirmed any moment; the next oldest goes.
            self.kept.remove(usize::from(self.confirm_until.is_some()));
            self.counters.dropped();
        }
        self.kept.push_back(Kept { frame: Uplink::Upload(upload).encode().into(), tries: 0 });
    }

    fn send_next(&mut self, now: UnixMs) {
        if self.phase != Phase::Ready || self.confirm_until.is_some() {
            return;
        }
        if let Some(front) = self.kept.front_mut() {
            front.tries += 1;
            self.out.extend_from_slice(&front.frame);
            self.counters.sent(front.tries > 1);
            self.confirm_until = Some(now.plus_ms(ms(self.pace.confirm_within_s)));
        }
    }

    fn on_downlink(&mut self, downlink: Downlink, now: UnixMs) {
        match downlink {
            Downlink::LoginAck => {
                if matches!(self.phase, Phase::LoggingIn { .. }) {
                    let serial = self.serial.clone();
                    self.send(&Uplink::TimeRequest { serial });
                    self.phase = Phase::AskingTime { until: now.plus_ms(ANSWER_WITHIN_MS) };
                }
            }
            Downlink::TimeAnswer(time) => {
                self.clock_ahead_ms = local_ms(&time).map(|told| told.since_ms(now));
                if matches!(self.phase, Phase::AskingTime { .. }) {
                    self.phase = Phase::Ready;
                    self.send_next(now);
                }
            }
            Downlink::UploadAck => {
                // Without a sequence number an acknowledgement belongs to the one upload that is waited for.
                if self.confirm_until.take().is_some() {
                    self.kept.pop_front();
                    self.counters.confirmed();
                    self.send_next(now);
                }
            }
            Downlink::Control(request) => {
                let answer = self.device().answer(&request, now);
                if let Some(answer) = answer {
                    self.counters.answered();
                    let serial = self.serial.clone();
                    let wrote = !request.function().is_read();
                    let answer = match answer.body {
                        AnswerBody::Exception { .. } => {
                            ControlAnswer::AnswerAlone { answer, inner_crc: InnerCrc::Good }
                        }
                        _ if wrote => ControlAnswer::WriteAck { serial },
                        _ => ControlAnswer::SerialAndAnswer { serial, answer, inner_crc: InnerCrc::Good },
                    };
                    self.send(&Uplink::ControlAnswer(answer));
                }
            }
            Downlink::Unknown { .. } => self.counters.misunderstood(),
        }
    }
}

/// Of the groups that are layouts of one segment the one with the most registers.
fn widest(groups: &[Group]) -> Vec<&Group> {
    let mut widest: Vec<&Group> = Vec::new();
    for group in groups {
        match widest.iter_mut().find(|known| known.space == group.space) {
            Some(known) if known.count < group.count => *known = group,
            Some(_) => {}
            None => widest.push(group),
        }
    }
    widest
}

pub(super) fn local_ms(time: &LocalTime) -> Option<UnixMs> {
    let part = |value: u8| i8::try_from(value).ok();
    let local = DateTime::new(
        i16::try_from(time.year()).ok()?,
        part(time.month())?,
        part(time.day())?,
        part(time.hour())?,
        part(time.minute())?,
        part(time.second())?,
        0,
    );
    let zone = Offset::from_seconds(ZONE_S).ok()?;
    Some(UnixMs(zone.to_timestamp(local.ok()?).ok()?.as_millisecond()))
}

impl Line for CloudLine {
    fn connected(&mut self, now: UnixMs) {
        self.deframer = Deframer::new(DEFAULT_MAX_FRAME_LEN);
        self.out.clear();
        let login = self.login();
        self.send(&Uplink::Login(login));
        self.phase = Phase::LoggingIn { until: now.plus_ms(ANSWER_WITHIN_MS) };
    }

    fn disconnected(&mut self, now: UnixMs) {
        self.phase = Phase::Apart;
        self.confirm_until = None;
        self.out.clear();
        for kept in &mut self.kept {
            kept.tries = 0;
        }
        if self.device().line(now) != LineState::Up && !self.keeps(now) {
            self.kept.clear();
            self.clock_ahead_ms = None;
        }
    }

    fn heard(&mut self, bytes: &[u8], now: UnixMs) {
        self.deframer.push(bytes);
        while let Some(found) = self.deframer.next_frame() {
            match found.map(|frame| Downlink::parse(&frame)) {
                Ok(Ok(downlink)) => self.on_downlink(downlink, now),
                Ok(Err(_)) | Err(_) => self.counters.misunderstood(),
            }
        }
    }

    fn due(&mut self, now: UnixMs) {
        match self.phase {
            Phase::LoggingIn { until } | Phase::AskingTime { until } if now >= until => {
                self.phase = Phase::GivenUp;
            }
            Phase::Apart
            | Phase::LoggingIn { .. }
            | Phase::AskingTime { .. }
            | Phase::Ready
            | Phase::GivenUp => {}
        }
        if self.confirm_until.is_some_and(|until| now >= until) {
            self.confirm_until = None;
            if self.kept.front().is_some_and(|front| front.tries >= TRIES) {
                self.phase = Phase::GivenUp;
            }
        }
        if now >= self.next_upload {
            let silent = self.device().line(now) != LineState::Up;
            if !silent || self.keeps(now) {
                self.measure(now);
            }
            self.next_upload = next_after(self.next_upload, ms(self.pace.upload_s), now);
        }
        if now >= self.next_heartbeat {
            if self.phase == Phase::Ready {
                self.send(&Uplink::Heartbeat);
            }
            self.next_heartbeat = next_after(self.next_heartbeat, ms(self.pace.heartbeat_s), now);
        }
        self.send_next(now);
    }

    fn next_due(&self) -> UnixMs {
        let mut next = self.next_upload.min(self.next_heartbeat);
        if let Phase::LoggingIn { until } | Phase::AskingTime { until } = self.phase {
            next = next.min(until);
        }
        if let Some(until) = self.confirm_until {
            next = next.min(until);
        }
        next
    }

    fn take_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    fn wants(&self, now: UnixMs) -> Wants {
        match self.device().line(now) {
            LineState::Silent { until, keeps: _ } => Wants::SilenceUntil(until),
            LineState::Up if self.phase == Phase::GivenUp => Wants::Redial,
            LineState::Up => Wants::Connection,
        }
    }

    fn is_established(&self) -> bool {
        self.phase == Phase::Ready
    }
}

impl CloudLine {
    fn keeps(&self, now: UnixMs) -> bool {
        matches!(self.device().line(now), LineState::Silent { keeps: true, .. })
    }
}

/// The next beat after `now` of a rhythm, without making up for those that were missed.
pub(crate) fn next_after(last: UnixMs, period_ms: i64, now: UnixMs) -> UnixMs {
    let period_ms = period_ms.max(1);
    let missed = now.since_ms(last).max(0) / period_ms;
    last.plus_ms((missed + 1) * period_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, FaultKind};
    use crate::physics::CircuitSpec;
    use crate::premises::PremisesKind;
    use crate::scenario::Scenario;
    use domain::profile::{decode, select_group, shipped};
    use wire::modbus::{Request, RequestBody};

    const START: UnixMs = UnixMs(1_780_279_200_000);

    fn line() -> (CloudLine, Arc<Mutex<Device>>, Arc<Counters>) {
        let profile = shipped().unwrap().into_iter().find(|profile| profile.id == "arcm300-cloud").unwrap();
        let spec = CircuitSpec { kind: PremisesKind::Mall, rated_current_a: 63.0, seed: 3 };
        let device = Arc::new(Mutex::new(Device::new(Arc::new(profile), spec)));
        let counters = Arc::new(Counters::default());
        let line = CloudLine::new(
            SerialNumber::new("EW0000000000001").unwrap(),
            Some("89990000000000000001".to_owned()),
            device.clone(),
            Scenario::demo().unwrap().pace,
            START,
            counters.clone(),
        );
        (line, device, counters)
    }

    fn sent(line: &mut CloudLine) -> Vec<Uplink> {
        let mut deframer = Deframer::new(DEFAULT_MAX_FRAME_LEN);
        deframer.push(&line.take_out());
        std::iter::from_fn(|| deframer.next_frame())
            .map(|frame| Uplink::parse(&frame.unwrap()).unwrap())
            .collect()
    }

    fn server_time() -> Downlink {
        // 2026-06-01 10:00:00 in China.
        Downlink::TimeAnswer(LocalTime::new(2026, 6, 1, 10, 0, 0).unwrap())
    }

    fn ready(line: &mut CloudLine) {
        line.connected(START);
        assert!(matches!(sent(line)[..], [Uplink::Login(_)]));
        line.heard(&Downlink::LoginAck.encode(), START);
        assert!(matches!(sent(line)[..], [Uplink::TimeRequest { .. }]));
        line.heard(&server_time().encode(), START);
        assert!(line.is_established());
    }

    #[test]
    fn login_time_upload_and_the_next_one_only_after_the_first_is_confirmed() {
        let (mut line, device, counters) = line();
        ready(&mut line);
        line.due(START);
        let uploads = sent(&mut line);
        let [Uplink::Upload(upload)] = &uploads[..] else { panic!("{uploads:?}") };
        let profile = device.lock().unwrap().profile().clone();
        let segment = &upload.segments[0];
        let group = select_group(&profile, &segment.address, segment.data().len()).unwrap();
        let said = decode(&profile, group, segment.data()).unwrap();
        assert_eq!(said.device_at, Some(START));
        assert_eq!(said.samples.len(), 14);

        line.due(START.plus_ms(1_000));
        assert!(sent(&mut line).is_empty(), "nothing while it is waited for");
        line.heard(&Downlink::UploadAck.encode(), START.plus_ms(1_500));
        assert_eq!(counters.now().confirmed, 1);
        line.due(START.plus_ms(12_000));
        assert!(matches!(sent(&mut line)[..], [Uplink::Upload(_)]));
    }

    #[test]
    fn an_upload_without_a_confirmation_is_sent_again_as_it_was_and_then_the_line_is_given_up() {
        let (mut line, _, counters) = line();
        ready(&mut line);
        line.due(START);
        let first = sent(&mut line);
        let mut now = START;
        for _ in 0..2 {
            now = now.plus_ms(8_000);
            line.due(now);
            assert_eq!(sent(&mut line), first);
        }
        line.due(now.plus_ms(8_000));
        assert_eq!(line.wants(now.plus_ms(8_000)), Wants::Redial);
        assert_eq!(counters.now().resent, 2);
        line.disconnected(now.plus_ms(8_000));
        ready(&mut line);
        line.due(now.plus_ms(9_000));
        assert_eq!(sent(&mut line)[0], first[0], "kept over the connection");
    }

    #[test]
    fn after_an_outage_everything_kept_comes_with_its_old_time() {
        let (mut line, device, _) = line();
        ready(&mut line);
        device.lock().unwrap().inject(Fault {
            kind: FaultKind::ReplayAfterOutage,
            from: START,
            to: START.plus_ms(60_000),
        });
        assert_eq!(line.wants(START), Wants::SilenceUntil(START.plus_ms(60_000)));
        line.disconnected(START);
        for tick in 0..5 {
            line.due(START.plus_ms(tick * 12_000));
        }
        assert!(sent(&mut line).is_empty());
        let back = START.plus_ms(61_000);
        assert_eq!(line.wants(back), Wants::Connection);
        line.connected(back);
        line.heard(&Downlink::LoginAck.encode(), back);
        line.heard(&Downlink::TimeAnswer(LocalTime::new(2026, 6, 1, 10, 1, 1).unwrap()).encode(), back);
        let profile = device.lock().unwrap().profile().clone();
        let mut times = Vec::new();
        for _ in 0..5 {
            line.due(back);
            for uplink in sent(&mut line) {
                if let Uplink::Upload(upload) = uplink {
                    let data = upload.segments[0].data();
                    let group = select_group(&profile, "1-1", data.len()).unwrap();
                    times.push(decode(&profile, group, data).unwrap().device_at.unwrap().since_ms(START));
                }
            }
            line.heard(&Downlink::UploadAck.encode(), back);
        }
        assert_eq!(times, [0, 12_000, 24_000, 36_000, 48_000]);
    }

    #[test]
    fn a_dead_sim_says_nothing_and_keeps_nothing() {
        let (mut line, device, _) = line();
        ready(&mut line);
        let to = START.plus_ms(60_000);
        device.lock().unwrap().inject(Fault { kind: FaultKind::DeadSim, from: START, to });
        line.disconnected(START.plus_ms(1));
        for tick in 1..5 {
            line.due(START.plus_ms(tick * 12_000));
        }
        assert!(line.kept.is_empty());
    }

    #[test]
    fn a_wrong_clock_stays_wrong_whatever_the_server_tells() {
        let (mut line, device, _) = line();
        let fault = FaultKind::WrongClock { offset_s: 7_200 };
        device.lock().unwrap().inject(Fault { kind: fault, from: START, to: START.plus_ms(60_000) });
        ready(&mut line);
        line.due(START);
        let uploads = sent(&mut line);
        let Uplink::Upload(upload) = &uploads[0] else { panic!("{uploads:?}") };
        let profile = device.lock().unwrap().profile().clone();
        let group = select_group(&profile, "1-1", upload.segments[0].data().len()).unwrap();
        let said = decode(&profile, group, upload.segments[0].data()).unwrap();
        assert_eq!(said.device_at, Some(START.plus_ms(7_200_000)));
    }

    #[test]
    fn transparent_control_reads_and_resets() {
        let (mut line, device, _) = line();
        ready(&mut line);
        let read = Request::read_holding_registers(1, 1, 1).unwrap();
        line.heard(&Downlink::Control(read.clone()).encode(), START);
        let answers = sent(&mut line);
        let [Uplink::ControlAnswer(ControlAnswer::SerialAndAnswer { answer, .. })] = &answers[..] else {
            panic!("{answers:?}")
        };
        assert_eq!(answer.fits(&read), Ok(()));
        let reset =
            Request::new(1, RequestBody::WriteMultipleRegisters { start: 0x20, values: vec![1] }).unwrap();
        line.heard(&Downlink::Control(reset).encode(), START);
        assert!(matches!(sent(&mut line)[..], [Uplink::ControlAnswer(ControlAnswer::WriteAck { .. })]));
        assert_eq!(device.lock().unwrap().resets(), 1);
        let refused = Request::new(1, RequestBody::WriteSingleRegister { address: 9, value: 1 }).unwrap();
        line.heard(&Downlink::Control(refused).encode(), START);
        assert!(matches!(sent(&mut line)[..], [Uplink::ControlAnswer(ControlAnswer::AnswerAlone { .. })]));
    }

    #[test]
    fn a_server_that_never_answers_is_given_up() {
        let (mut line, _, _) = line();
        line.connected(START);
        line.due(START.plus_ms(ANSWER_WITHIN_MS));
        assert_eq!(line.wants(START.plus_ms(ANSWER_WITHIN_MS)), Wants::Redial);
    }

    #[test]
    fn a_rhythm_does_not_make_up_for_missed_beats() {
        assert_eq!(next_after(UnixMs(0), 10, UnixMs(0)), UnixMs(10));
        assert_eq!(next_after(UnixMs(0), 10, UnixMs(35)), UnixMs(40));
    }
}
