//! What a device of the mixed load says in its protocol. Pure: bytes in, bytes out.

use std::sync::Arc;

use bytes::Bytes;
use domain::profile::{Decoded, Profile, encode};
use domain::reading::{Quality, Sample};
use domain::time::UnixMs;
use jiff::tz::Offset;
use wire::cloud7b7b::{
    DEFAULT_MAX_FRAME_LEN, Downlink, FirmwareVersion, LocalTime, Login, Segment, SegmentData, SerialNumber,
    Uplink, Upload,
};
use wire::gateway1f1f::{
    self, Authentication, FrameType, GatewayId, Limits, Meter, Report, Secret, Step, Value,
};
use wire::gb26875::{
    self, Address, AnalogValue, Command, ComponentAddress, Dialect, Frame, Header, SystemRef, Telegram,
    TimeLabel, Unit, Version,
};
use wire::modbus::InnerCrc;
use wire::telemetry::{Form, Message, Number, Reading, Tree, write_tree};

use super::polled::Polled;
use super::tongue::{METER, Tongue, gb_number, token};
use crate::mqtt::{MqttHeard, MqttTalk};

/// Longer than any pause of the load.
const KEEP_ALIVE_S: u16 = 3_600;

/// What came of bytes of the server.
pub(super) enum Heard {
    /// The device may speak.
    Ready,
    /// The oldest reading is confirmed.
    Confirmed,
    /// The server wants a reading: the next that is said.
    Asked,
    /// This has to be written.
    Write(Vec<u8>),
    /// The server does not want the device.
    Refused,
}

pub(super) trait Speech: Send {
    /// A new connection stands: what is said first.
    fn greet(&mut self) -> Vec<u8>;
    /// Whether it may speak without an answer to the greeting.
    fn is_ready_at_once(&self) -> bool {
        false
    }
    /// Bytes came.
    fn heard(&mut self, bytes: &[u8]) -> Vec<Heard>;
    /// The reading with this number, measured at `at`.
    fn say(&mut self, number: usize, at: UnixMs, residual_ma: i64) -> Vec<u8>;
}

/// What a device says on its line. Devices without one have no speech: theirs is [`telemetry`] and a post.
pub(super) fn speech(tongue: Tongue, number: usize, profile: &Arc<Profile>) -> Box<dyn Speech> {
    let serial = tongue.serial(number);
    let profile = Arc::clone(profile);
    match tongue {
        Tongue::Cloud7b7b => Box::new(Cloud {
            serial,
            profile,
            deframer: wire::cloud7b7b::Deframer::new(DEFAULT_MAX_FRAME_LEN),
        }),
        Tongue::Gateway1f1f => Box::new(Gateway {
            id: GatewayId::from_serial(&serial).ok(),
            secret: Secret::try_from(format!("EWM{number:013}").as_bytes()).ok(),
            deframer: gateway1f1f::Deframer::new(4_096),
        }),
        Tongue::Gb26875 => Box::new(Gb {
            source: Address::from_number(gb_number(number)),
            deframer: gb26875::Deframer::default(),
        }),
        Tongue::Mqtt | Tongue::Http | Tongue::Coap => {
            Box::new(Mqtt(MqttTalk::new(serial, token(number), KEEP_ALIVE_S)))
        }
        Tongue::Dtu | Tongue::Meter | Tongue::ModbusTcp => {
            Box::new(Polled::new(tongue, number, serial, profile))
        }
    }
}

/// Local time in China, where every device of the load stands.
fn local(at: UnixMs) -> Option<LocalTime> {
    let zone = Offset::from_seconds(8 * 3600).ok()?;
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

struct Cloud {
    serial: String,
    profile: Arc<Profile>,
    deframer: wire::cloud7b7b::Deframer,
}

impl Speech for Cloud {
    fn greet(&mut self) -> Vec<u8> {
        self.deframer = wire::cloud7b7b::Deframer::new(DEFAULT_MAX_FRAME_LEN);
        let Ok(serial) = SerialNumber::new(&self.serial) else { return Vec::new() };
        let version = Some(FirmwareVersion([1, 0]));
        Uplink::Login(Login {
            serial,
            iccid: None,
            signal: Some(24),
            firmware: [version, version, version],
            interval_min: Some(5),
            extra: Bytes::new(),
        })
        .encode()
    }

    fn heard(&mut self, bytes: &[u8]) -> Vec<Heard> {
        self.deframer.push(bytes);
        let mut heard = Vec::new();
        while let Some(found) = self.deframer.next_frame() {
            match found.map(|frame| Downlink::parse(&frame)) {
                Ok(Ok(Downlink::LoginAck)) => heard.push(Heard::Ready),
                Ok(Ok(Downlink::UploadAck)) => heard.push(Heard::Confirmed),
                Ok(
                    Ok(Downlink::TimeAnswer(_) | Downlink::Control(_) | Downlink::Unknown { .. }) | Err(_),
                )
                | Err(_) => {}
            }
        }
        heard
    }

    fn say(&mut self, _number: usize, at: UnixMs, residual_ma: i64) -> Vec<u8> {
        let samples = self
            .profile
            .indexed_points()
            .map(|(point, about)| {
                let raw = match about.code.as_str() {
                    "residual" => residual_ma,
                    code if code.starts_with("temperature") => 300,
                    code if code.starts_with("voltage") => 2_250,
                    code if code.starts_with("current") => 1_800,
                    _ => 4_000,
                };
                Sample { point, raw, quality: Quality::Good }
            })
            .collect();
        let said = Decoded { device_at: Some(at), samples, reported: Vec::new() };
        // The layout with the clock is the longer one.
        let group = self.profile.groups.iter().max_by_key(|group| group.count);
        let Some((group, data)) =
            group.and_then(|group| Some((group, encode(&self.profile, group, &said).ok()?)))
        else {
            return Vec::new();
        };
        let segment = Segment {
            address: group.space.segment.clone().unwrap_or_default(),
            unit: 1,
            function: group.space.function,
            data: SegmentData::Values(data.into()),
            inner_crc: InnerCrc::Good,
        };
        Uplink::Upload(Upload { serial: None, segments: vec![segment] }).encode()
    }
}

struct Gateway {
    id: Option<GatewayId>,
    secret: Option<Secret>,
    deframer: gateway1f1f::Deframer,
}

impl Gateway {
    fn step(&self, step: Step) -> Vec<u8> {
        self.id.clone().map(|id| Authentication { id, step }.encode()).unwrap_or_default()
    }
}

impl Speech for Gateway {
    fn greet(&mut self) -> Vec<u8> {
        self.deframer = gateway1f1f::Deframer::new(4_096);
        self.step(Step::Request)
    }

    fn heard(&mut self, bytes: &[u8]) -> Vec<Heard> {
        self.deframer.push(bytes);
        let mut heard = Vec::new();
        while let Some(found) = self.deframer.next_frame() {
            let Ok(frame) = found else { return vec![Heard::Refused] };
            if frame.kind != FrameType::Authentication {
                continue;
            }
            match Authentication::parse(frame.data(), &Limits::default()).map(|said| said.step) {
                Ok(Step::Sequence(sequence)) => {
                    let md5 = self.secret.as_ref().map(|secret| secret.answer(&sequence)).unwrap_or_default();
                    heard.push(Heard::Write(self.step(Step::Md5(md5))));
                }
                Ok(Step::Result(true)) => heard.push(Heard::Ready),
                Ok(Step::Result(false) | Step::Request | Step::Md5(_)) | Err(_) => heard.push(Heard::Refused),
            }
        }
        heard
    }

    fn say(&mut self, number: usize, at: UnixMs, residual_ma: i64) -> Vec<u8> {
        let Some(secret) = &self.secret else { return Vec::new() };
        let value = |id: &str, text: String| Value { id: id.to_owned(), text, error: String::new() };
        let values = vec![value("IL", residual_ma.to_string()), value("TA", "30.5".to_owned())];
        let meters = vec![Meter { id: METER.to_owned(), values }];
        Report { id: self.id.clone(), time: local(at), meters }.seal(secret, number.is_multiple_of(2))
    }
}

struct Gb {
    source: Address,
    deframer: gb26875::Deframer,
}

impl Gb {
    fn frame(&self, serial: u16, at: UnixMs, command: Command, unit: Option<Unit>) -> Vec<u8> {
        let dialect = Dialect::STANDARD;
        let Some(time) = local(at) else { return Vec::new() };
        let header = Header {
            serial,
            version: Version::OURS,
            sent: TimeLabel::new(time, &dialect),
            source: self.source,
            destination: Address::UNSET,
        };
        Frame { header, command, unit }.encode(&dialect)
    }
}

impl Speech for Gb {
    fn greet(&mut self) -> Vec<u8> {
        self.deframer = gb26875::Deframer::default();
        Vec::new()
    }

    fn is_ready_at_once(&self) -> bool {
        true
    }

    fn heard(&mut self, bytes: &[u8]) -> Vec<Heard> {
        self.deframer.push(bytes);
        let mut heard = Vec::new();
        while let Some(found) = self.deframer.next_telegram() {
            let Ok(Telegram::Frame(raw)) = found else { return vec![Heard::Refused] };
            let Ok(frame) = Frame::parse(&raw, &Dialect::STANDARD) else { continue };
            match frame.command {
                Command::Confirm => heard.push(Heard::Confirmed),
                Command::Deny => heard.push(Heard::Refused),
                // The centre sets the clock or asks for the state: done, and nothing more to say.
                Command::Control | Command::Request => {
                    let header = frame.header.answered(frame.header.sent);
                    let done = Frame { header, command: Command::Confirm, unit: None };
                    heard.push(Heard::Write(done.encode(&Dialect::STANDARD)));
                }
                Command::Send | Command::Answer | Command::Private(_) => {}
            }
        }
        heard
    }

    fn say(&mut self, number: usize, at: UnixMs, residual_ma: i64) -> Vec<u8> {
        let Some(time) = local(at) else { return Vec::new() };
        let value = AnalogValue {
            system: SystemRef { kind: 128, address: 1 },
            kind: 129,
            address: ComponentAddress::Number(3),
            analog: 128,
            value: i16::try_from(residual_ma).unwrap_or(i16::MAX),
            at: TimeLabel::new(time, &Dialect::STANDARD),
        };
        let serial = u16::try_from(number % 65_536).unwrap_or(0);
        self.frame(serial, at, Command::Send, Some(Unit::AnalogValues(vec![value])))
    }
}

struct Mqtt(MqttTalk);

impl Speech for Mqtt {
    fn greet(&mut self) -> Vec<u8> {
        self.0.greet()
    }

    fn heard(&mut self, bytes: &[u8]) -> Vec<Heard> {
        let heard = self.0.heard(bytes).into_iter();
        heard
            .filter_map(|heard| match heard {
                MqttHeard::Ready => Some(Heard::Ready),
                MqttHeard::Acknowledged(_) => Some(Heard::Confirmed),
                MqttHeard::Write(bytes) => Some(Heard::Write(bytes)),
                MqttHeard::Message { .. } => None,
                MqttHeard::Refused => Some(Heard::Refused),
            })
            .collect()
    }

    fn say(&mut self, _number: usize, at: UnixMs, residual_ma: i64) -> Vec<u8> {
        let said = self.0.publish("telemetry", telemetry(Form::Json, at, residual_ma));
        said.map(|(_, bytes)| bytes).unwrap_or_default()
    }
}

/// A reading in our own form.
pub(super) fn telemetry(form: Form, at: UnixMs, residual_ma: i64) -> Vec<u8> {
    let number = |text: &str| Number::parse(text).map_or(Tree::Nothing, Tree::Number);
    let values = vec![
        ("residual".to_owned(), number(&residual_ma.to_string())),
        ("temperature_a".to_owned(), number("30.5")),
    ];
    let reading = Reading { at_ms: Some(at.0), address: None, values };
    write_tree(form, &Message { readings: vec![reading], ..Message::default() }.to_tree())
}
