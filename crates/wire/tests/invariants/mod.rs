//! What must hold for any bytes at all. The fuzz targets and the tests run the same functions.
//!
//! Each function takes arbitrary bytes, uses the first few as parameters and the rest as what comes over
//! the wire, and panics when something that must hold does not.

mod lines;
mod telemetry;
mod vendor_mqtt;

use bytes::Bytes;
use wire::cloud7b7b::{self, Deframer, Downlink, RawFrame, Refused, Uplink};
use wire::explain::key;
use wire::gateway1f1f;
use wire::gb26875;
use wire::modbus::{
    Answer, Event, LineConfig, LineMaster, LineState, Parse, Request, RequestBody, RequestDeframer,
};
use wire::registration::{IdentityForm, More, Registration, RegistrationOutcome, RegistrationPattern};
use wire::{Detected, Direction, crc16, detect, explain};

/// The body of one target.
type Body = fn(&[u8]);

/// All targets by name: the names of the folders of the corpus.
pub(crate) const TARGETS: &[(&str, Body)] = &[
    ("cloud7b7b", cloud7b7b),
    ("gb26875", gb),
    ("modbus_master", modbus_master),
    ("modbus_slave", modbus_slave),
    ("modbus_tcp", lines::modbus_tcp),
    ("dlt645", lines::dlt645),
    ("registration", registration),
    ("explain", explained),
    ("telemetry", telemetry::telemetry),
    ("gateway1f1f", gateway1f1f),
    ("vendor_mqtt", vendor_mqtt::vendor_mqtt),
];

/// Runs the body of one target by its name.
pub(crate) fn run(target: &str, data: &[u8]) {
    let body = TARGETS.iter().find(|(name, _)| *name == target).map(|(_, body)| body);
    body.unwrap_or_else(|| panic!("no target is named {target}"))(data);
}

/// Cuts `stream` into pieces of 1 to 8 bytes, lengths drawn from `seed`.
fn pieces(stream: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut state = u32::from(seed) + 1;
    let mut rest = stream;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let len = usize::from(state.to_be_bytes()[0] % 8) + 1;
        let (piece, behind) = rest.split_at(len.min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

fn parameters<const N: usize>(data: &[u8]) -> Option<([u8; N], &[u8])> {
    let (first, rest) = data.split_first_chunk::<N>()?;
    Some((*first, rest))
}

/// Vendor cloud frames: no byte lost, none invented, no frame without a good CRC, the same whatever the
/// cuts, and what was read can be written and read again.
fn cloud7b7b(data: &[u8]) {
    let Some(([limit, seed], stream)) = parameters(data) else { return };
    let max_frame_len = 7 + usize::from(limit) * 4;

    let deframe = |pieces: &[&[u8]]| {
        let mut deframer = Deframer::new(max_frame_len);
        let mut items: Vec<Result<RawFrame, Refused>> = Vec::new();
        for piece in pieces {
            deframer.push(piece);
            items.extend(std::iter::from_fn(|| deframer.next_frame()));
            assert!(deframer.buffered() <= max_frame_len + 2, "the buffer grows");
        }
        items.extend(deframer.on_idle());
        assert_eq!(deframer.buffered(), 0, "bytes kept after the pause");
        items
    };
    let whole = deframe(&[stream]);
    assert_eq!(whole, deframe(&pieces(stream, seed)), "the result depends on the cuts");
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(whole, deframe(&single), "the result depends on the cuts");

    let mut all = Vec::new();
    for item in &whole {
        match item {
            Ok(frame) => {
                all.extend_from_slice(&frame.bytes);
                cloud_frame(frame, max_frame_len);
            }
            Err(refused) => {
                assert!(!refused.bytes.is_empty(), "nothing was refused");
                all.extend_from_slice(&refused.bytes);
            }
        }
    }
    assert_eq!(all, stream, "bytes lost or invented");
}

fn cloud_frame(frame: &RawFrame, max_frame_len: usize) {
    assert!(frame.bytes.len() <= max_frame_len, "longer than allowed");
    let inner = frame.bytes.strip_prefix(&cloud7b7b::START).expect("a start mark");
    let inner = inner.strip_suffix(&cloud7b7b::END).expect("an end mark");
    let split = crc16::split(inner).expect("a sum");
    assert!(split.is_good(), "a frame without a good sum");
    assert_eq!(split.covered.split_first().expect("a command"), (&frame.command, &frame.body[..]));
    assert_eq!(cloud7b7b::encode_frame(frame.command, &frame.body), frame.bytes);
    if let Ok(uplink) = Uplink::parse(frame) {
        assert_eq!(Uplink::parse(&reframe(&uplink.encode())), Ok(uplink));
    }
    if let Ok(downlink) = Downlink::parse(frame) {
        assert_eq!(Downlink::parse(&reframe(&downlink.encode())), Ok(downlink));
    }
}

/// A frame as the deframer would give it, were the protocol free of ambiguity.
fn reframe(bytes: &[u8]) -> RawFrame {
    let bytes = Bytes::copy_from_slice(bytes);
    let command = *bytes.get(2).expect("a command");
    let body = bytes.slice(3..bytes.len() - 4);
    RawFrame { command, body, bytes }
}

const HEARTBEATS: [&[u8]; 4] = [&[0xFE], b"HB", b"HBX", &[0x01, 0x03]];

/// Frames of GB/T 26875.3: no byte lost, none invented, the same whatever the cuts, none without its marks and a
/// good sum, and what was read can be written and read again.
fn gb(data: &[u8]) {
    let Some(([switches, seed], stream)) = parameters(data) else { return };
    let bit = |bit: u8| switches & (1 << bit) != 0;
    let dialect = gb26875::Dialect {
        any_version: bit(0),
        big_endian: bit(1),
        bare_keepalive: bit(2),
        stale_checksum: bit(3),
        bcd_time: bit(4),
        long_addresses: bit(5),
        short_heartbeat: bit(6),
        confirm_private: bit(7),
        hex_text: false,
    };
    let deframe = |pieces: &[&[u8]]| {
        let mut deframer = gb26875::Deframer::from(&dialect);
        let mut items = Vec::new();
        for piece in pieces {
            deframer.push(piece);
            while let Some(item) = deframer.next_telegram() {
                items.push(item);
            }
            assert!(deframer.buffered() <= gb26875::MAX_FRAME_LEN + 1, "keeps more than a frame");
        }
        items.extend(deframer.on_idle());
        assert_eq!(deframer.buffered(), 0, "bytes kept after the line went quiet");
        items
    };
    let items = deframe(&[stream]);
    assert_eq!(items, deframe(&pieces(stream, seed)), "the cuts change what comes out");
    let mut all = Vec::new();
    for item in &items {
        match item {
            Ok(telegram) => all.extend_from_slice(telegram.bytes()),
            Err(refused) => {
                assert!(!refused.bytes.is_empty(), "a refusal of nothing");
                all.extend_from_slice(&refused.bytes);
            }
        }
        let Ok(gb26875::Telegram::Frame(raw)) = item else { continue };
        let bytes = &raw.bytes[..];
        assert!(bytes.starts_with(b"@@") && bytes.ends_with(b"##"), "a frame without its marks");
        let sum_at = bytes.len() - 3;
        let is_good = gb26875::checksum(&bytes[2..sum_at]) == bytes[sum_at];
        assert!(is_good || dialect.stale_checksum, "a frame with a wrong sum");
        if let Ok(frame) = gb26875::Frame::parse(raw, &dialect) {
            let written = frame.encode(&dialect);
            let again = deframe(&[&written]);
            let [Ok(gb26875::Telegram::Frame(raw))] = &again[..] else { panic!("written as no frame") };
            assert_eq!(gb26875::Frame::parse(raw, &dialect), Ok(frame), "written as another frame");
        }
    }
    assert_eq!(all, stream, "bytes lost or invented");
}

fn heartbeats(mask: u8) -> Vec<Bytes> {
    HEARTBEATS
        .iter()
        .enumerate()
        .filter(|(bit, _)| mask & (1 << bit) != 0)
        .map(|(_, pattern)| Bytes::from_static(pattern))
        .collect()
}

/// A line master driven by a script: no byte lost, no answer without a request, a good CRC and the right
/// length, none in quarantine, the same whatever the cuts, and every deadline moves on.
fn modbus_master(data: &[u8]) {
    let Some(([mask], mut script)) = parameters(data) else { return };
    let config = LineConfig {
        answer_timeout_ms: 50,
        quarantine_ms: 40,
        gap_ms: 5,
        partial_hold_ms: 20,
        heartbeats: heartbeats(mask),
    };
    let mut whole = LineMaster::new(config.clone()).expect("a good configuration");
    let mut cut = LineMaster::new(config).expect("a good configuration");
    let mut now_ms = 0;
    let mut fed = Vec::new();
    let mut heard = Vec::new();
    while let Some((op, rest)) = script.split_first() {
        script = rest;
        let was_awaiting = whole.state() == LineState::Awaiting;
        let asked = whole.outstanding().cloned();
        let (mut events, mut cut_events) = match op % 8 {
            0 | 1 => {
                let len = usize::from(op / 8).min(script.len());
                let (piece, rest) = script.split_at(len);
                script = rest;
                feed_both(&mut whole, &mut cut, piece, now_ms, &mut fed)
            }
            2 => {
                let Some(([unit, count], rest)) = parameters(script) else { break };
                script = rest;
                if let Ok(request) = request(op / 8, unit, count) {
                    assert_eq!(whole.submit(request.clone()).is_ok(), cut.submit(request).is_ok());
                }
                (Vec::new(), Vec::new())
            }
            3 => {
                let frame = whole.poll_transmit(now_ms);
                assert_eq!(frame, cut.poll_transmit(now_ms));
                assert!(frame.is_none() || whole.state() == LineState::Awaiting);
                (Vec::new(), Vec::new())
            }
            4 | 5 => {
                let Some(asked) = &asked else { continue };
                let value = u16::from(*op);
                let answer = good_answer(asked, value);
                let keep = if op % 8 == 4 { answer.len() } else { usize::from(op / 8).min(answer.len()) };
                feed_both(&mut whole, &mut cut, &answer[..keep], now_ms, &mut fed)
            }
            6 => {
                now_ms += u64::from(op / 8);
                (whole.handle_timeout(now_ms), cut.handle_timeout(now_ms))
            }
            _ => {
                let Some(deadline) = whole.next_deadline() else { continue };
                now_ms = now_ms.max(deadline);
                let events = (whole.handle_timeout(now_ms), cut.handle_timeout(now_ms));
                let moved = whole.next_deadline().is_none_or(|next| next > now_ms);
                assert!(moved || whole.state() == LineState::Queued, "a deadline that never ends");
                events
            }
        };
        let answers = events.iter().filter(|event| is_answer(event)).count();
        assert!(answers <= usize::from(was_awaiting), "an answer that nobody asked for");
        for event in &events {
            check_event(event, asked.as_ref());
        }
        heard.extend(events.iter().flat_map(event_bytes));
        merge_noise(&mut events);
        merge_noise(&mut cut_events);
        assert_eq!(events, cut_events, "the result depends on the cuts");
        assert_eq!(whole.state(), cut.state());
        assert_eq!(whole.buffered(), cut.buffered());
        assert!(whole.buffered() <= 256, "the buffer grows");
    }
    for step in 1..4 {
        let late_ms = now_ms + step * 1_000;
        heard.extend(whole.handle_timeout(late_ms).iter().flat_map(event_bytes));
    }
    assert_eq!(whole.buffered(), 0, "bytes kept for ever");
    assert_eq!(heard, fed, "bytes lost or invented");
}

fn feed_both(
    whole: &mut LineMaster,
    cut: &mut LineMaster,
    piece: &[u8],
    now_ms: u64,
    fed: &mut Vec<u8>,
) -> (Vec<Event>, Vec<Event>) {
    fed.extend_from_slice(piece);
    let events = whole.feed(piece, now_ms);
    let cut_events = if piece.is_empty() {
        cut.feed(piece, now_ms)
    } else {
        piece.chunks(1).flat_map(|byte| cut.feed(byte, now_ms)).collect()
    };
    (events, cut_events)
}

fn request(kind: u8, unit: u8, count: u8) -> Result<Request, wire::modbus::InvalidRequest> {
    let start = u16::from(unit) * 3;
    let count = u16::from(count);
    let body = match kind % 8 {
        0 => RequestBody::ReadCoils { start, count },
        1 => RequestBody::ReadDiscreteInputs { start, count },
        2 | 3 => RequestBody::ReadHoldingRegisters { start, count },
        4 => RequestBody::ReadInputRegisters { start, count },
        5 => RequestBody::WriteSingleCoil { address: start, on: count > 0 },
        6 => RequestBody::WriteSingleRegister { address: start, value: count },
        _ => RequestBody::WriteMultipleRegisters { start, values: vec![0x0103; usize::from(count)] },
    };
    Request::new(unit % 4 + 1, body)
}

fn good_answer(request: &Request, value: u16) -> Vec<u8> {
    if value.is_multiple_of(3) {
        return Answer::exception(request, wire::modbus::Exception::from_code(value.to_be_bytes()[1]))
            .encode();
    }
    match request.body() {
        RequestBody::ReadCoils { count, .. } | RequestBody::ReadDiscreteInputs { count, .. } => {
            Answer::bits_for(request, &vec![true; usize::from(*count)])
        }
        RequestBody::ReadHoldingRegisters { count, .. } | RequestBody::ReadInputRegisters { count, .. } => {
            Answer::registers_for(request, &vec![value; usize::from(*count)])
        }
        RequestBody::WriteSingleCoil { .. }
        | RequestBody::WriteSingleRegister { .. }
        | RequestBody::WriteMultipleCoils { .. }
        | RequestBody::WriteMultipleRegisters { .. } => Answer::write_ack(request),
    }
    .expect("an answer of the right shape")
    .encode()
}

fn is_answer(event: &Event) -> bool {
    match event {
        Event::Answer { .. } | Event::Exception { .. } => true,
        Event::TimedOut { .. } | Event::Heartbeat(_) | Event::Noise(_) => false,
    }
}

fn check_event(event: &Event, asked: Option<&Request>) {
    match event {
        Event::Answer { request, frame, .. } | Event::Exception { request, frame, .. } => {
            assert_eq!(Some(request), asked, "the answer to another request");
            assert!(crc16::split(frame).is_some_and(|split| split.is_good()), "an answer without a good sum");
            let parsed = Answer::parse_for(request, frame);
            assert!(
                matches!(parsed, Parse::Complete { len, .. } if len == frame.len()),
                "an answer that does not fit"
            );
        }
        Event::TimedOut { request, .. } => assert_eq!(Some(request), asked, "another request timed out"),
        Event::Heartbeat(beat) => assert!(HEARTBEATS.contains(&&beat[..]), "a heartbeat that is none"),
        Event::Noise(noise) => assert!(!noise.is_empty(), "noise of nothing"),
    }
}

fn event_bytes(event: &Event) -> Vec<u8> {
    match event {
        Event::Answer { frame, .. } | Event::Exception { frame, .. } => frame.to_vec(),
        Event::Heartbeat(bytes) | Event::Noise(bytes) => bytes.to_vec(),
        Event::TimedOut { .. } => Vec::new(),
    }
}

/// Joins neighbouring noise: where it is cut depends on when bytes come, what it is does not.
fn merge_noise(events: &mut Vec<Event>) {
    let mut merged: Vec<Event> = Vec::new();
    for event in events.drain(..) {
        match (merged.last_mut(), event) {
            (Some(Event::Noise(before)), Event::Noise(more)) => {
                *before = [&before[..], &more].concat().into()
            }
            (_, event) => merged.push(event),
        }
    }
    *events = merged;
}

/// A slave's ear: no byte lost, no request without a good CRC, the same whatever the cuts.
fn modbus_slave(data: &[u8]) {
    let Some(([seed], stream)) = parameters(data) else { return };
    let listen = |pieces: &[&[u8]]| {
        let mut deframer = RequestDeframer::new();
        let mut requests = Vec::new();
        let mut all = Vec::new();
        for piece in pieces {
            deframer.push(piece);
            while let Some(item) = deframer.next_request() {
                match item {
                    Ok(request) => {
                        all.extend(request.encode());
                        requests.push((all.len(), request));
                    }
                    Err(unreadable) => {
                        assert!(!unreadable.bytes.is_empty(), "nothing was refused");
                        if let Some(answer) = unreadable.reason.answer() {
                            assert!(matches!(Answer::parse(&answer.encode()), Parse::Complete { .. }));
                        }
                        all.extend_from_slice(&unreadable.bytes);
                    }
                }
            }
        }
        all.extend(deframer.on_idle().into_iter().flatten());
        (requests, all)
    };
    let (requests, all) = listen(&[stream]);
    assert_eq!(all, stream, "bytes lost or invented");
    assert_eq!((requests, all), listen(&pieces(stream, seed)), "the result depends on the cuts");
}

/// First bytes: a decision once made never changes with more bytes, and the time limit always decides.
fn registration(data: &[u8]) {
    let Some(([form, min, max, mask], bytes)) = parameters(data) else { return };
    if bytes.len() > 512 {
        return;
    }
    let mut decided = None;
    for len in 0..=bytes.len() {
        let now = detect(&bytes[..len]);
        // A frame of GB/T 26875.3 as text is the exception: it is told from a registration of digits by its length.
        let digits = bytes[..len].iter().all(u8::is_ascii_hexdigit) && len < 2 * gb26875::MIN_FRAME_LEN;
        let may_be_text = digits && bytes[..len].iter().zip(b"4040").all(|(had, wanted)| had == wanted);
        assert!(len < 2 || now != Detected::NeedMoreBytes || may_be_text, "two bytes do not decide");
        assert!(decided.is_none_or(|before| before == now), "a decision changed");
        decided = (now != Detected::NeedMoreBytes).then_some(now);
    }

    let mut pattern = RegistrationPattern::plain(
        match form % 4 {
            0 => IdentityForm::Digits,
            1 => IdentityForm::Text,
            2 => IdentityForm::HexText,
            _ => IdentityForm::RawBytes,
        },
        usize::from(min % 24),
        usize::from(max % 24),
    );
    if form & 0x10 != 0 {
        pattern.prefix = Bytes::from_static(b"ID=");
    }
    if form & 0x20 != 0 {
        pattern.suffix = Bytes::from_static(b"END");
    }
    if form & 0x40 != 0 {
        pattern.terminator = Bytes::from_static(b"\r\n");
    }
    let Ok(registration) = Registration::new(pattern, &heartbeats(mask)) else { return };
    let mut decided: Option<RegistrationOutcome> = None;
    for len in 0..=bytes.len() {
        let now = registration.read(&bytes[..len], More::MayCome);
        if let Some(before) = &decided {
            assert_eq!(before, &now, "a decision changed at {len} bytes");
        } else if now != RegistrationOutcome::NeedMore {
            decided = Some(now.clone());
        }
        let last = registration.read(&bytes[..len], More::WillNotCome);
        assert_ne!(last, RegistrationOutcome::NeedMore, "the time limit does not decide");
        if now != RegistrationOutcome::NeedMore {
            assert_eq!(now, last, "the time limit changes a decision");
        } else if mask == 0 {
            assert!(len < registration.max_len(), "waits for more than a registration can have");
        }
        for outcome in [now, last] {
            if let RegistrationOutcome::Identified { identity, start, used } = outcome {
                assert!(start < used && used <= len, "an identity out of nothing");
                assert!(!identity.is_empty() && identity.is_ascii(), "an identity that is no text");
            }
        }
    }
}

/// The telegram log: every byte is named exactly once, in order, by a known key, and a frame with a good
/// CRC is said to have one.
fn explained(data: &[u8]) {
    for direction in [Direction::Up, Direction::Down] {
        let fields = explain(data, direction);
        let mut at = 0;
        for field in &fields {
            assert_eq!(field.offset, at, "a gap or an overlap");
            assert!(field.len > 0, "a field of nothing");
            assert!(key::ALL.contains(&field.name_key), "an unknown key");
            at += field.len;
        }
        assert_eq!(at, data.len(), "bytes not named");

        let mut deframer = Deframer::new(data.len());
        deframer.push(data);
        if let Some(Ok(frame)) = deframer.next_frame()
            && frame.bytes == data
        {
            let crc = fields.iter().find(|field| field.name_key == key::CRC).expect("a sum");
            assert!(crc.value.ends_with(" ok"), "a good sum called wrong");
        }
    }
}

/// Vendor gateway frames: no byte lost, none invented, the same frames whatever the cuts, memory bounded, nothing
/// inflated beyond the limits, and what was read can be written and read again.
fn gateway1f1f(data: &[u8]) {
    use gateway1f1f::{Authentication, FrameType, Heartbeat, Limits, Report, Secret, Transparent};

    let Some(([limit, seed], stream)) = parameters(data) else { return };
    let max_data_len = usize::from(limit) * 8;
    let deframe = |pieces: &[&[u8]]| {
        let mut deframer = gateway1f1f::Deframer::new(max_data_len);
        let (mut frames, mut all) = (Vec::new(), Vec::new());
        let mut sort = |items: Vec<Result<gateway1f1f::RawFrame, gateway1f1f::Refused>>| {
            for item in items {
                match item {
                    Ok(frame) => {
                        all.extend_from_slice(&frame.bytes);
                        frames.push(frame);
                    }
                    Err(refused) => all.extend_from_slice(&refused.bytes),
                }
            }
        };
        for piece in pieces {
            deframer.push(piece);
            sort(std::iter::from_fn(|| deframer.next_frame()).collect());
            assert!(deframer.buffered() <= gateway1f1f::HEADER_LEN + max_data_len, "the buffer grows");
        }
        sort(deframer.on_idle());
        assert_eq!(deframer.buffered(), 0, "bytes kept after the pause");
        assert_eq!(all, stream, "bytes lost, invented or out of order");
        frames
    };
    let whole = deframe(&[stream]);
    assert_eq!(whole, deframe(&pieces(stream, seed)), "the result depends on the cuts");

    let secret = Secret::try_from(&b"0123456789abcdef"[..]).expect("16 bytes");
    let limits = Limits { max_inflated_len: 1 << 16, ..Limits::default() };
    for frame in &whole {
        assert_eq!(gateway1f1f::encode_frame(frame.kind, frame.data()), frame.bytes, "written otherwise");
        let data = frame.data();
        match frame.kind {
            FrameType::Authentication => {
                if let Ok(read) = Authentication::parse(data, &limits) {
                    let again = Authentication::parse(&read.encode()[gateway1f1f::HEADER_LEN..], &limits);
                    assert_eq!(again, Ok(read), "not read as written");
                }
            }
            FrameType::Heartbeat => {
                if let Ok(read) = Heartbeat::parse(data, &limits) {
                    let again = Heartbeat::parse(&read.encode()[gateway1f1f::HEADER_LEN..], &limits);
                    assert_eq!(again, Ok(read), "not read as written");
                }
            }
            FrameType::Data | FrameType::CompressedData => {
                let _sealed_or_not = Report::open(frame.kind, data, &secret, &limits);
                // Random bytes are seldom well encrypted: what stands behind the cipher is tried without it too.
                if let Ok(read) = Report::parse(data, &limits) {
                    assert_eq!(
                        Report::parse(read.to_xml().as_bytes(), &limits),
                        Ok(read),
                        "not read as written"
                    );
                }
                if let Ok(inflated) = gateway1f1f::inflate(data, &limits) {
                    assert!(inflated.len() <= limits.max_inflated_len, "a bomb");
                    assert!(inflated.len() <= data.len() * limits.max_ratio, "a bomb");
                }
            }
            FrameType::Downlink | FrameType::DownlinkAnswer => {
                let _sealed_or_not = Transparent::open(data, &secret);
                if let Ok(read) = Transparent::parse(data) {
                    assert_eq!(
                        Transparent::parse(read.to_text().as_bytes()),
                        Ok(read),
                        "not read as written"
                    );
                }
            }
        }
    }
}
