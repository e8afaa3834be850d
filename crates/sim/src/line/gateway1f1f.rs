//! A gateway of the vendor gateway protocol: proves who it is, reports the detectors on its ports together, carries
//! Modbus frames to those that speak Modbus.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use domain::place::Protocol;
use domain::time::UnixMs;
use jiff::tz::Offset;
use wire::cloud7b7b::LocalTime;
use wire::gateway1f1f::{
    Authentication, Deframer, FrameType, GatewayId, Heartbeat, Limits, Meter, Port, RawFrame, Report, Secret,
    Step, Transparent, Value,
};
use wire::modbus::{Parse, Request};

use super::cloud::next_after;
use super::driver::Counters;
use super::{Line, Wants};
use crate::device::{Device, LineState};
use crate::keyed::{Said, said};
use crate::scenario::{Pace, ms};

/// The longest frame that a server sends, bytes.
const MAX_DATA_LEN: usize = 4_096;
/// How many reports a gateway keeps while it has no line; the oldest are lost first.
const KEPT: usize = 120;
/// A server that does not answer the authentication within this is given up, ms.
const ANSWER_WITHIN_MS: i64 = 10_000;
/// The server tells local time; China has one zone.
const ZONE_S: i32 = 8 * 3600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Apart,
    Authenticating { until: UnixMs },
    Ready,
    GivenUp,
}

/// A detector on a port of the gateway.
#[derive(Debug, Clone)]
pub struct OnPort {
    /// Five digits: two of the port, three of the address.
    pub address: Port,
    /// The detector.
    pub device: Arc<Mutex<Device>>,
}

/// A gateway's side of a connection.
#[derive(Debug)]
pub struct GatewayLine {
    id: GatewayId,
    secret: Secret,
    devices: Vec<OnPort>,
    counters: Arc<Counters>,
    pace: Pace,
    phase: Phase,
    deframer: Deframer,
    out: Vec<u8>,
    /// Reports that had no line to go by.
    kept: VecDeque<Vec<u8>>,
    /// What the server's time was ahead of ours when it told it.
    clock_ahead_ms: i64,
    /// Every other report goes compressed.
    compresses: bool,
    next_report: UnixMs,
    next_heartbeat: UnixMs,
}

impl GatewayLine {
    /// A gateway that reports for the first time at `first_report` and then as the pace says.
    #[must_use]
    pub fn new(
        id: GatewayId,
        secret: Secret,
        devices: Vec<OnPort>,
        pace: Pace,
        first_report: UnixMs,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            id,
            secret,
            devices,
            counters,
            pace,
            phase: Phase::Apart,
            deframer: Deframer::new(MAX_DATA_LEN),
            out: Vec::new(),
            kept: VecDeque::new(),
            clock_ahead_ms: 0,
            compresses: false,
            next_report: first_report,
            next_heartbeat: first_report.plus_ms(ms(pace.heartbeat_s)),
        }
    }

    /// The state of the gateway's own line: that of its first detector, whose SIM card it shares.
    fn line(&self, now: UnixMs) -> LineState {
        self.devices.first().map_or(LineState::Up, |first| lock(&first.device).line(now))
    }

    fn step(&mut self, step: Step) {
        self.out.extend(Authentication { id: self.id.clone(), step }.encode());
    }

    /// What all detectors say now, in one report.
    fn report(&mut self, now: UnixMs) -> Option<Vec<u8>> {
        let mut meters = Vec::new();
        let mut clock_error_ms = 0;
        for OnPort { address, device } in &self.devices {
            let mut device = lock(device);
            if device.profile().protocol != Protocol::Gateway1f1f
                || device.line(now) != LineState::Up && meters.is_empty()
            {
                continue;
            }
            clock_error_ms = device.clock_error_ms(now);
            let decoded = device.say(now, Some(now));
            let profile = Arc::clone(device.profile());
            let values = decoded
                .samples
                .iter()
                .filter_map(|sample| {
                    let point = profile.point(sample.point)?;
                    let id = match &point.source {
                        domain::profile::Source::Key(key) => key.name.clone(),
                        domain::profile::Source::Register(_) => return None,
                    };
                    Some(match said(point, sample) {
                        Said::Number(text) => Value { id, text, error: String::new() },
                        Said::NoValue => Value { id, text: String::new(), error: "1".to_owned() },
                    })
                })
                .collect();
            meters.push(Meter { id: address.to_string(), values });
        }
        if meters.is_empty() {
            return None;
        }
        let time = local(now.plus_ms(self.clock_ahead_ms).plus_ms(clock_error_ms));
        self.compresses = !self.compresses;
        Some(Report { id: Some(self.id.clone()), time, meters }.seal(&self.secret, self.compresses))
    }

    fn on_frame(&mut self, frame: &RawFrame, now: UnixMs) {
        let limits = Limits::default();
        match frame.kind {
            FrameType::Authentication => {
                match Authentication::parse(frame.data(), &limits).map(|said| said.step) {
                    Ok(Step::Sequence(sequence)) => {
                        let md5 = self.secret.answer(&sequence);
                        self.step(Step::Md5(md5));
                    }
                    Ok(Step::Result(true)) => {
                        self.phase = Phase::Ready;
                        // The server's time first: what was kept has its own.
                        self.out.extend(Heartbeat { id: Some(self.id.clone()), time: None }.encode());
                        for report in std::mem::take(&mut self.kept) {
                            self.out.extend(report);
                            self.counters.sent(true);
                        }
                    }
                    Ok(Step::Result(false)) => self.phase = Phase::GivenUp,
                    Ok(Step::Request | Step::Md5(_)) | Err(_) => self.counters.misunderstood(),
                }
            }
            FrameType::Heartbeat => match Heartbeat::parse(frame.data(), &limits) {
                Ok(Heartbeat { time: Some(time), .. }) => {
                    self.clock_ahead_ms = local_ms(&time).map_or(0, |told| told.since_ms(now));
                }
                Ok(Heartbeat { time: None, .. }) | Err(_) => self.counters.misunderstood(),
            },
            FrameType::Downlink => match Transparent::open(frame.data(), &self.secret) {
                Ok(asked) => self.on_transparent(&asked, now),
                Err(_) => self.counters.misunderstood(),
            },
            FrameType::Data | FrameType::CompressedData | FrameType::DownlinkAnswer => {
                self.counters.misunderstood()
            }
        }
    }

    fn on_transparent(&mut self, asked: &Transparent, now: UnixMs) {
        let Parse::Complete { value: request, .. } = Request::parse(&asked.rtu) else {
            return self.counters.misunderstood();
        };
        // A unit that is not there is silence, as on a real bus.
        let answer = self
            .devices
            .iter()
            .find(|on| on.address == asked.port)
            .and_then(|on| lock(&on.device).answer(&request, now));
        if let Some(answer) = answer {
            self.counters.answered();
            let answer = Transparent { port: asked.port, rtu: answer.encode() };
            self.out.extend(answer.seal(FrameType::DownlinkAnswer, &self.secret));
        }
    }
}

fn lock(device: &Mutex<Device>) -> std::sync::MutexGuard<'_, Device> {
    device.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Local time in China.
fn local(at: UnixMs) -> Option<LocalTime> {
    let zone = Offset::from_seconds(ZONE_S).ok()?;
    let local = zone.to_datetime(jiff::Timestamp::from_millisecond(at.0).ok()?);
    let part = |value: i8| u8::try_from(value).ok();
    LocalTime::new(
        u16::try_from(local.year()).ok()?,
        part(local.month())?,
        part(local.day())?,
        part(local.hour())?,
        part(local.minute())?,
        part(local.second())?,
    )
    .ok()
}

fn local_ms(time: &LocalTime) -> Option<UnixMs> {
    super::cloud::local_ms(time)
}

impl Line for GatewayLine {
    fn connected(&mut self, now: UnixMs) {
        self.deframer = Deframer::new(MAX_DATA_LEN);
        self.out.clear();
        self.step(Step::Request);
        self.phase = Phase::Authenticating { until: now.plus_ms(ANSWER_WITHIN_MS) };
    }

    fn disconnected(&mut self, _now: UnixMs) {
        self.phase = Phase::Apart;
        self.out.clear();
    }

    fn heard(&mut self, bytes: &[u8], now: UnixMs) {
        self.deframer.push(bytes);
        while let Some(found) = self.deframer.next_frame() {
            match found {
                Ok(frame) => self.on_frame(&frame, now),
                Err(_) => self.counters.misunderstood(),
            }
        }
    }

    fn due(&mut self, now: UnixMs) {
        match self.phase {
            Phase::Authenticating { until } if now >= until => self.phase = Phase::GivenUp,
            Phase::Apart | Phase::Authenticating { .. } | Phase::Ready | Phase::GivenUp => {}
        }
        if now >= self.next_report {
            let is_lost = matches!(self.line(now), LineState::Silent { keeps: false, .. });
            if !is_lost && let Some(report) = self.report(now) {
                if self.phase == Phase::Ready {
                    self.out.extend(report);
                    self.counters.sent(false);
                } else {
                    if self.kept.len() == KEPT {
                        self.kept.pop_front();
                        self.counters.dropped();
                    }
                    self.kept.push_back(report);
                }
            }
            self.next_report = next_after(self.next_report, ms(self.pace.upload_s), now);
        }
        if now >= self.next_heartbeat {
            if self.phase == Phase::Ready {
                self.out.extend(Heartbeat { id: Some(self.id.clone()), time: None }.encode());
            }
            self.next_heartbeat = next_after(self.next_heartbeat, ms(self.pace.heartbeat_s), now);
        }
    }

    fn next_due(&self) -> UnixMs {
        let next = self.next_report.min(self.next_heartbeat);
        match self.phase {
            Phase::Authenticating { until } => next.min(until),
            Phase::Apart | Phase::Ready | Phase::GivenUp => next,
        }
    }

    fn take_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    fn wants(&self, now: UnixMs) -> Wants {
        match self.line(now) {
            LineState::Silent { until, keeps: _ } => Wants::SilenceUntil(until),
            LineState::Up if self.phase == Phase::GivenUp => Wants::Redial,
            LineState::Up => Wants::Connection,
        }
    }

    fn is_established(&self) -> bool {
        self.phase == Phase::Ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, FaultKind};
    use crate::physics::CircuitSpec;
    use crate::premises::PremisesKind;
    use crate::scenario::Scenario;
    use domain::profile::shipped;
    use wire::modbus::Answer;

    const START: UnixMs = UnixMs(1_780_279_200_000);
    const SECRET: &[u8] = b"0123456789abcdef";

    fn device(profile: &str) -> Arc<Mutex<Device>> {
        let profile = shipped().unwrap().into_iter().find(|known| known.id == profile).unwrap();
        let spec = CircuitSpec { kind: PremisesKind::Mall, rated_current_a: 63.0, seed: 3 };
        Arc::new(Mutex::new(Device::new(Arc::new(profile), spec)))
    }

    fn line() -> (GatewayLine, Vec<OnPort>) {
        let on =
            |address, profile| OnPort { address: Port::parse(address).unwrap(), device: device(profile) };
        let devices =
            vec![on("01001", "acrel-gateway"), on("01002", "acrel-gateway"), on("02007", "asj-relay")];
        let line = GatewayLine::new(
            GatewayId::new("B1", "GW-001").unwrap(),
            Secret::try_from(SECRET).unwrap(),
            devices.clone(),
            Scenario::demo().unwrap().pace,
            START,
            Arc::new(Counters::default()),
        );
        (line, devices)
    }

    fn sent(line: &mut GatewayLine) -> Vec<RawFrame> {
        let mut deframer = Deframer::new(1 << 20);
        deframer.push(&line.take_out());
        std::iter::from_fn(|| deframer.next_frame()).map(Result::unwrap).collect()
    }

    fn server(step: Step) -> Vec<u8> {
        Authentication { id: GatewayId::new("B1", "GW-001").unwrap(), step }.encode()
    }

    fn ready(line: &mut GatewayLine) {
        line.connected(START);
        line.take_out();
        line.heard(&server(Step::Sequence("77".into())), START);
        let said = Authentication::parse(sent(line)[0].data(), &Limits::default()).unwrap();
        let Step::Md5(md5) = said.step else { panic!("{said:?}") };
        assert!(Secret::try_from(SECRET).unwrap().is_answered_by("77", &md5));
        line.heard(&server(Step::Result(true)), START);
        assert!(line.is_established());
    }

    #[test]
    fn it_proves_itself_and_reports_what_its_detectors_say() {
        let (mut line, _) = line();
        ready(&mut line);
        assert_eq!(sent(&mut line)[0].kind, FrameType::Heartbeat);
        line.due(START);
        let frame = &sent(&mut line)[0];
        let secret = Secret::try_from(SECRET).unwrap();
        let report = Report::open(frame.kind, frame.data(), &secret, &Limits::default()).unwrap();
        assert_eq!(report.time.and_then(|time| local_ms(&time)), Some(START));
        let ids: Vec<_> = report.meters.iter().map(|meter| meter.id.as_str()).collect();
        assert_eq!(ids, ["01001", "01002"]);
        assert!(report.meters[0].value("IL").is_some_and(Value::is_good));
    }

    #[test]
    fn a_modbus_frame_reaches_the_unit_on_its_port() {
        let (mut line, _) = line();
        ready(&mut line);
        line.take_out();
        let secret = Secret::try_from(SECRET).unwrap();
        let request = Request::read_holding_registers(7, 0, 1).unwrap();
        let asked = Transparent { port: Port::parse("02007").unwrap(), rtu: request.encode() };
        line.heard(&asked.seal(FrameType::Downlink, &secret), START);
        let answer = Transparent::open(sent(&mut line)[0].data(), &secret).unwrap();
        let (answer, _) = Answer::parse_whole(&answer.rtu).unwrap();
        assert_eq!(answer.fits(&request), Ok(()));
    }

    #[test]
    fn what_was_measured_without_a_line_comes_later_with_its_old_time() {
        let (mut line, devices) = line();
        let to = START.plus_ms(60_000);
        lock(&devices[0].device).inject(Fault { kind: FaultKind::ReplayAfterOutage, from: START, to });
        for tick in 0..5 {
            line.due(START.plus_ms(tick * 12_000));
        }
        assert!(line.take_out().is_empty());
        ready(&mut line);
        let frames = sent(&mut line);
        assert!(frames.iter().filter(|frame| frame.kind != FrameType::Heartbeat).count() >= 4);
    }

    #[test]
    fn a_server_that_says_fail_is_dialled_again_later() {
        let (mut line, _) = line();
        line.connected(START);
        line.heard(&server(Step::Result(false)), START);
        assert_eq!(line.wants(START), Wants::Redial);
    }
}
