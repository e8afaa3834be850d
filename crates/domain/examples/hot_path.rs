//! What the server does with a reading between socket and disk, without IO and threads, so that its instructions can be
//! counted: `bench/hot-path` does, and holds them against a budget.
//!
//! `hot_path STAGE TIMES`, with a stage of `frame` (7B7B bytes to a reading), `message` (our JSON form to a reading) or
//! `judge` (a reading judged by every hazard of a three-phase detector). The input is the same in every run.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints, and stops when it cannot go on"
)]

use std::hint::black_box;

use domain::binding::{Binding, ChannelBinding, hazards_of};
use domain::condition::DetectorState;
use domain::id::{ChannelId, DetectorId, OrganisationId, SiteId, TerminalId};
use domain::place::{AreaCode, ChannelEntry, OrganisationPath, Placement};
use domain::profile::{
    Decimal, Decoded, KeyValue, Profile, decode, decode_named, encode, select_group, shipped,
};
use domain::quantity::{Decimals, Quantity};
use domain::reading::{Quality, Reading, Sample};
use domain::settings::{LimitPatch, limits, supervision};
use domain::time::UnixMs;
use wire::cloud7b7b::{DEFAULT_MAX_FRAME_LEN, Deframer, Segment, SegmentData, Uplink, Upload};
use wire::modbus::InnerCrc;
use wire::telemetry::{Form, Limits, Message, Tree, read_tree};

/// 2026-11-24T00:00:00Z.
const BEGIN: UnixMs = UnixMs(1_795_478_400_000);

fn main() {
    let mut words = std::env::args().skip(1);
    let stage = words.next().unwrap();
    let times: i64 = words.next().unwrap().parse().unwrap();
    let done = match stage.as_str() {
        "frame" => frames(times),
        "message" => messages(times),
        "judge" => judged(times),
        other => panic!("stage {other:?}, wanted frame, message or judge"),
    };
    println!("{done} values");
}

fn profile(id: &str) -> Profile {
    shipped().unwrap().into_iter().find(|profile| profile.id == id).unwrap()
}

/// What a healthy detector says the `number`th time.
fn samples(profile: &Profile, number: i64) -> Vec<Sample> {
    let raw = |quantity| match quantity {
        Quantity::ResidualCurrent => 60,
        Quantity::ConductorTemperature => 300,
        Quantity::Voltage => 2_250,
        Quantity::Current => 1_800,
        _ => 4_000,
    };
    let of = |(point, about): (_, &domain::profile::Point)| Sample {
        point,
        raw: raw(about.quantity) + number % 7,
        quality: Quality::Good,
    };
    profile.indexed_points().map(of).collect()
}

/// From the bytes of uploads to readings.
fn frames(times: i64) -> usize {
    let profile = profile("arcm300-cloud");
    let group = profile.groups.iter().min_by_key(|group| group.count).unwrap();
    let bytes: Vec<Vec<u8>> = (0..8)
        .map(|number| {
            let said = Decoded { device_at: None, samples: samples(&profile, number), reported: Vec::new() };
            let data = SegmentData::Values(encode(&profile, group, &said).unwrap().into());
            let address = group.space.segment.clone().unwrap();
            let function = group.space.function;
            let segment = Segment { address, unit: 1, function, data, inner_crc: InnerCrc::Absent };
            Uplink::Upload(Upload { serial: None, segments: vec![segment] }).encode()
        })
        .collect();
    let stream = bytes.concat();
    let mut deframer = Deframer::new(DEFAULT_MAX_FRAME_LEN);
    let mut values = 0;
    for _ in 0..times / 8 {
        deframer.push(black_box(&stream));
        while let Some(frame) = deframer.next_frame() {
            let Uplink::Upload(upload) = Uplink::parse(&frame.unwrap()).unwrap() else { panic!("an upload") };
            for segment in &upload.segments {
                let group = select_group(&profile, &segment.address, segment.data().len()).unwrap();
                values += black_box(decode(&profile, group, segment.data()).unwrap()).samples.len();
            }
        }
    }
    values
}

/// From messages of our own form to readings.
fn messages(times: i64) -> usize {
    let profile = profile("telemetry-generic");
    let limits = Limits::default();
    let text = br#"{"v":1,"at":1795478400123,"values":{"residual":60.5,"temperature_a":30.1,"temperature_b":30.2,"temperature_c":30.3,"current_a":18.01,"current_b":18.02,"current_c":18.03,"voltage_a":225.1,"voltage_b":225.2,"voltage_c":225.3,"temperature_n":29.9,"ambient":24.5}}"#;
    let mut values = 0;
    for _ in 0..times {
        let tree = read_tree(Form::Json, black_box(text), &limits).unwrap();
        let message = Message::take(tree, &limits).unwrap();
        for reading in &message.readings {
            let mut values_of = reading.values.iter().cycle();
            let groups = decode_named(&profile, |_key, code| {
                let (_, tree) =
                    values_of.by_ref().take(reading.values.len()).find(|(name, _)| name == code)?;
                let Tree::Number(number) = tree else { return None };
                let decimal = number.decimal()?;
                Some(KeyValue::Number(Decimal { digits: decimal.digits, exponent: decimal.exponent }))
            });
            values += black_box(groups).iter().map(|group| group.samples.len()).sum::<usize>();
        }
    }
    values
}

/// Readings of one detector, 30 s apart, judged one after the other.
fn judged(times: i64) -> usize {
    let profile = profile("arcm300-cloud");
    let binding = binding(&profile);
    let mut state = DetectorState::new(BEGIN);
    let readings: Vec<Reading> = (0..64)
        .map(|number| Reading {
            detector: DetectorId(1),
            group: 0,
            device_at: None,
            received_at: BEGIN,
            samples: samples(&profile, number),
            reported: Vec::new(),
        })
        .collect();
    let mut values = 0;
    for (number, mut reading) in (0..times).zip(readings.into_iter().cycle()) {
        reading.received_at = BEGIN.plus_ms(number * 30_000);
        let judgement = black_box(state.on_reading(&binding, black_box(&reading)));
        values += reading.samples.len() + judgement.changes.len();
        black_box(state.next_deadline(&binding));
    }
    values
}

fn binding(profile: &Profile) -> Binding {
    let mut channels = vec![ChannelEntry {
        id: ChannelId(1),
        point: None,
        quantity: Quantity::Device,
        phase: None,
        decimals: Decimals(0),
    }];
    channels.extend(profile.indexed_points().map(|(point, about)| ChannelEntry {
        id: ChannelId(10 + i64::from(point.0)),
        point: Some(point),
        quantity: about.quantity,
        phase: about.phase,
        decimals: about.decimals,
    }));
    let patches = [LimitPatch::default()];
    let bound = |(index, channel): (usize, &ChannelEntry)| ChannelBinding {
        channel: channel.clone(),
        limits: hazards_of(&channels, index)
            .into_iter()
            .filter_map(|hazard| Some((hazard, limits(hazard, patches.iter())?)))
            .collect(),
        nights: Vec::new(),
    };
    Binding {
        placement: Placement {
            detector: DetectorId(1),
            terminal: TerminalId(1),
            site: SiteId(1),
            circuit: None,
            organisation: OrganisationId(1),
            organisation_path: OrganisationPath("/1/".to_owned()),
            area: AreaCode("430211".to_owned()),
            rated_current_a: Some(63.0),
        },
        settings_version: 1,
        channels: channels.iter().enumerate().map(bound).collect(),
        supervision: supervision(60, false, std::iter::empty()),
        utc_offset_min: 480,
    }
}
