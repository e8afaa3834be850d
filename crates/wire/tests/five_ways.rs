//! Every vector five ways: whole, byte by byte, glued, after noise, one bit flipped.

#[cfg(test)]
mod vectors;

use wire::cloud7b7b::{Deframer, Downlink, FrameError, RawFrame, Refused, Uplink};
use wire::dlt645;
use wire::gb26875;
use wire::line::{Ask, EventOf};
use wire::modbus::{Event, LineConfig, LineMaster, Parse, Request, RequestDeframer, tcp};

/// Noise that cannot be mistaken for anything on either protocol, ending in a stray start byte.
const NOISE: [u8; 6] = [0x00, 0xFF, 0x0D, 0x0A, 0x55, 0x7B];

/// Something that hears a stream and says which whole messages are in it.
trait Ear {
    /// Hears a piece; returns the messages completed by it.
    fn hear(&mut self, piece: &[u8]) -> Vec<Vec<u8>>;
    /// The line went quiet; returns the messages that come out of what was kept.
    fn quiet(&mut self) -> Vec<Vec<u8>>;
    /// All bytes handed back as no message so far.
    fn refused(&self) -> Vec<u8>;
}

/// Runs one vector through all five ways. `fresh` makes an ear that has heard nothing.
fn five_ways<E: Ear>(name: &str, message: &[u8], fresh: impl Fn() -> E) {
    five_ways_of(name, message, &NOISE, message.len(), fresh);
}

/// The same after a protocol's own kind of noise.
fn five_ways_after<E: Ear>(name: &str, message: &[u8], noise: &[u8], fresh: impl Fn() -> E) {
    five_ways_of(name, message, noise, message.len(), fresh);
}

/// The same for a message of which only the first `guarded` bytes cannot change unseen.
fn five_ways_summed<E: Ear>(name: &str, message: &[u8], guarded: usize, fresh: impl Fn() -> E) {
    five_ways_of(name, message, &NOISE, guarded, fresh);
}

fn five_ways_of<E: Ear>(name: &str, message: &[u8], noise: &[u8], guarded: usize, fresh: impl Fn() -> E) {
    let one = vec![message.to_vec()];

    let mut ear = fresh();
    assert_eq!(ear.hear(message), one, "{name}: whole");
    assert!(ear.refused().is_empty(), "{name}: whole");

    let mut ear = fresh();
    for (at, byte) in message.iter().enumerate() {
        let heard = ear.hear(&[*byte]);
        let wanted = if at + 1 == message.len() { one.clone() } else { Vec::new() };
        assert_eq!(heard, wanted, "{name}: byte by byte, at {at}");
    }

    let mut ear = fresh();
    let heard = ear.hear(&[message, message, message].concat());
    assert!(!heard.is_empty() && heard.iter().all(|heard| heard == message), "{name}: glued");
    let all: usize = heard.iter().map(Vec::len).sum();
    assert_eq!(all + ear.refused().len(), 3 * message.len(), "{name}: glued, bytes lost");

    let mut ear = fresh();
    let mut heard = ear.hear(noise);
    heard.extend(ear.hear(message));
    assert_eq!(heard, one, "{name}: after noise");
    assert_eq!(ear.refused(), noise, "{name}: after noise");

    for bit in 0..guarded * 8 {
        let mut flipped = message.to_vec();
        for byte in flipped.iter_mut().skip(bit / 8).take(1) {
            *byte ^= 1 << (bit % 8);
        }
        let mut ear = fresh();
        let mut heard = ear.hear(&flipped);
        heard.extend(ear.quiet());
        assert!(heard.is_empty(), "{name}: bit {bit} flipped, heard {heard:02X?}");
        assert_eq!(ear.refused(), flipped, "{name}: bit {bit} flipped, bytes lost");
        assert_eq!(ear.hear(message), one, "{name}: bit {bit} flipped, then whole");
    }
}

#[derive(Default)]
struct CloudEar {
    deframer: Deframer,
    refused: Vec<Refused>,
}

impl CloudEar {
    fn sort(&mut self, items: Vec<Result<RawFrame, Refused>>) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        for item in items {
            match item {
                Ok(frame) => frames.push(frame.bytes.to_vec()),
                Err(refused) => self.refused.push(refused),
            }
        }
        frames
    }
}

impl Ear for CloudEar {
    fn hear(&mut self, piece: &[u8]) -> Vec<Vec<u8>> {
        self.deframer.push(piece);
        let items = std::iter::from_fn(|| self.deframer.next_frame()).collect();
        self.sort(items)
    }

    fn quiet(&mut self) -> Vec<Vec<u8>> {
        let items = self.deframer.on_idle();
        self.sort(items)
    }

    fn refused(&self) -> Vec<u8> {
        self.refused.iter().flat_map(|refused| refused.bytes.to_vec()).collect()
    }
}

/// Noise that ends in a stray start character.
const GB_NOISE: [u8; 6] = [0x00, 0xFF, 0x23, 0x23, 0x55, 0x40];

#[derive(Default)]
struct GbEar {
    deframer: gb26875::Deframer,
    refused: Vec<gb26875::Refused>,
    is_text: bool,
}

impl GbEar {
    fn of_text() -> Self {
        Self { deframer: gb26875::Deframer::of_text(), refused: Vec::new(), is_text: true }
    }

    /// The bytes as they came.
    fn came(&self, bytes: &[u8]) -> Vec<u8> {
        if self.is_text { gb26875::hex_text(bytes) } else { bytes.to_vec() }
    }

    fn sort(&mut self, items: Vec<Result<gb26875::Telegram, gb26875::Refused>>) -> Vec<Vec<u8>> {
        let mut whole = Vec::new();
        for item in items {
            match item {
                Ok(telegram) => whole.push(self.came(telegram.bytes())),
                Err(refused) => self.refused.push(refused),
            }
        }
        whole
    }
}

impl Ear for GbEar {
    fn hear(&mut self, piece: &[u8]) -> Vec<Vec<u8>> {
        self.deframer.push(piece);
        let items = std::iter::from_fn(|| self.deframer.next_telegram()).collect();
        self.sort(items)
    }

    fn quiet(&mut self) -> Vec<Vec<u8>> {
        let items = self.deframer.on_idle();
        self.sort(items)
    }

    fn refused(&self) -> Vec<u8> {
        // Whole frames are handed back as bytes, all else as it came.
        let came = |refused: &gb26875::Refused| {
            if refused.frame().is_some() { self.came(&refused.bytes) } else { refused.bytes.to_vec() }
        };
        self.refused.iter().flat_map(came).collect()
    }
}

/// A master that asks again whenever its line is free.
struct MasterEar<Q: Ask> {
    master: LineMaster<Q>,
    request: Q,
    refused: Vec<u8>,
    now_ms: u64,
}

impl<Q: Ask + std::fmt::Debug> MasterEar<Q> {
    fn new(request: &Q) -> Self {
        let config = LineConfig { gap_ms: 0, ..LineConfig::default() };
        let master = LineMaster::new(config).expect("a good configuration");
        let mut ear = Self { master, request: request.clone(), refused: Vec::new(), now_ms: 0 };
        ear.ask();
        ear
    }

    fn ask(&mut self) {
        self.master.submit(self.request.clone()).expect("a free line");
        self.master.poll_transmit(self.now_ms).expect("a request to send");
    }

    fn sort(&mut self, events: Vec<EventOf<Q>>) -> Vec<Vec<u8>> {
        let mut answers = Vec::new();
        for event in events {
            match event {
                Event::Answer { frame, .. } | Event::Exception { frame, .. } => answers.push(frame.to_vec()),
                Event::Noise(noise) => self.refused.extend_from_slice(&noise),
                Event::TimedOut { .. } | Event::Heartbeat(_) => {}
            }
        }
        answers
    }
}

impl<Q: Ask + std::fmt::Debug> Ear for MasterEar<Q> {
    fn hear(&mut self, piece: &[u8]) -> Vec<Vec<u8>> {
        self.now_ms += 1;
        let events = self.master.feed(piece, self.now_ms);
        self.sort(events)
    }

    fn quiet(&mut self) -> Vec<Vec<u8>> {
        self.now_ms += 60_000;
        let events = self.master.handle_timeout(self.now_ms);
        assert!(events.iter().any(|event| matches!(event, Event::TimedOut { .. })));
        let answers = self.sort(events);
        self.ask();
        answers
    }

    fn refused(&self) -> Vec<u8> {
        self.refused.clone()
    }
}

#[derive(Default)]
struct SlaveEar {
    deframer: RequestDeframer,
    refused: Vec<u8>,
}

impl SlaveEar {
    fn drain(&mut self) -> Vec<Vec<u8>> {
        let mut requests = Vec::new();
        while let Some(item) = self.deframer.next_request() {
            match item {
                Ok(request) => requests.push(request.encode()),
                Err(unreadable) => self.refused.extend_from_slice(&unreadable.bytes),
            }
        }
        requests
    }
}

impl Ear for SlaveEar {
    fn hear(&mut self, piece: &[u8]) -> Vec<Vec<u8>> {
        self.deframer.push(piece);
        self.drain()
    }

    fn quiet(&mut self) -> Vec<Vec<u8>> {
        let rest = self.deframer.on_idle();
        self.refused.extend(rest.into_iter().flatten());
        Vec::new()
    }

    fn refused(&self) -> Vec<u8> {
        self.refused.clone()
    }
}

/// Hears frames of DL/T 645 of any kind, as a meter does.
#[derive(Default)]
struct MeterEar {
    buffer: Vec<u8>,
    refused: Vec<u8>,
}

impl MeterEar {
    fn drain(&mut self, may_wait: bool) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while !self.buffer.is_empty() {
            match dlt645::Frame::parse(&self.buffer) {
                Parse::Complete { value, len } => {
                    self.buffer.drain(..len);
                    frames.push(value.encode());
                }
                Parse::NeedMore { .. } if may_wait => break,
                Parse::NeedMore { .. } | Parse::Refused(_) => self.refused.push(self.buffer.remove(0)),
            }
        }
        frames
    }
}

impl Ear for MeterEar {
    fn hear(&mut self, piece: &[u8]) -> Vec<Vec<u8>> {
        self.buffer.extend_from_slice(piece);
        self.drain(true)
    }

    fn quiet(&mut self) -> Vec<Vec<u8>> {
        self.drain(false)
    }

    fn refused(&self) -> Vec<u8> {
        self.refused.clone()
    }
}

#[test]
fn meter_frames() {
    for vector in vectors::dlt645() {
        five_ways(vector.name, &vector.request, MeterEar::default);
        five_ways(vector.name, &vector.answer, MeterEar::default);
    }
}

#[test]
fn meter_answers() {
    for vector in vectors::dlt645() {
        let Parse::Complete { value: frame, .. } = dlt645::Frame::parse(&vector.request) else {
            panic!("{}: request refused", vector.name)
        };
        let request = dlt645::Request::of_frame(&frame).expect("a request");
        assert_eq!(request.frame()[4..], vector.request, "{}", vector.name);
        five_ways(vector.name, &vector.answer, || MasterEar::new(&request));
    }
}

#[test]
fn modbus_tcp_answers() {
    for (transaction, vector) in (0x0102_u16..).zip(vectors::modbus()) {
        let Parse::Complete { value: request, .. } = Request::parse(&vector.request) else {
            panic!("{}: request refused", vector.name)
        };
        let Parse::Complete { value: answer, .. } = wire::modbus::Answer::parse(&vector.answer) else {
            panic!("{}: answer refused", vector.name)
        };
        let request = tcp::Request { transaction, request };
        let answer = tcp::answer(transaction, &answer);
        // TCP has its own sum, MBAP none: what stands behind the head can change unseen.
        five_ways_summed(vector.name, &answer, 7, || MasterEar::new(&request));
    }
}

#[test]
fn cloud_frames() {
    for vector in vectors::cloud() {
        five_ways(vector.name, &vector.bytes, CloudEar::default);
    }
}

#[test]
fn gb26875_frames() {
    for vector in vectors::gb26875() {
        if vector.bytes.len() > gb26875::SHORT_HEARTBEAT_LEN {
            five_ways_after(vector.name, &vector.bytes, &GB_NOISE, GbEar::default);
        }
    }
}

/// The same frames as text, in capital and in small letters.
#[test]
fn gb26875_frames_as_hexadecimal_text() {
    // Odd digits and a start that is none before the frame.
    let noise = b"\r\n123 4041 404";
    for vector in vectors::gb26875() {
        if vector.bytes.len() > gb26875::SHORT_HEARTBEAT_LEN {
            let text = gb26875::hex_text(&vector.bytes);
            five_ways_after(vector.name, &text, noise, GbEar::of_text);
            let small = text.to_ascii_lowercase();
            assert_eq!(
                GbEar::of_text().hear(&[&text[..], &small].concat()),
                [text.clone(), text],
                "{}",
                vector.name
            );
        }
    }
}

#[test]
fn text_that_mixes_cases_or_breaks_off_is_no_frame() {
    let text = gb26875::hex_text(&vectors::gb_frame(1, 2, &[0x51, 1, 0xAB]));
    let mut mixed = text.clone();
    let last = mixed.iter().rposition(u8::is_ascii_uppercase).unwrap();
    mixed[last].make_ascii_lowercase();
    let mut ear = GbEar::of_text();
    assert!(ear.hear(&mixed).is_empty());
    assert_eq!(ear.hear(&text), std::slice::from_ref(&text));
    assert_eq!(ear.refused[0].error.name(), "no_digit");
    let mut damaged = text.clone();
    damaged[54 + 2] ^= 1;
    let mut ear = GbEar::of_text();
    assert!(ear.hear(&damaged).is_empty());
    assert_eq!(
        ear.refused[0].frame().unwrap().header(&gb26875::Dialect::STANDARD).serial,
        1,
        "it can be denied"
    );
}

/// It has neither a length nor a sum: no flipped bit is noticed, and a stray start character hides it.
#[test]
fn private_heartbeats_stand_between_frames() {
    let heartbeat = vectors::hex("40 40 07 25 51 80 12 FF 04 88 23 23");
    let frame = vectors::gb_frame(1, 2, &[0x51, 1, 0]);
    let stream = [&b"noise"[..], &heartbeat, &frame, &heartbeat, &heartbeat, &frame].concat();
    let wanted = [&heartbeat, &frame, &heartbeat, &heartbeat, &frame].map(Clone::clone);
    assert_eq!(GbEar::default().hear(&stream), wanted);
    let mut ear = GbEar::default();
    let heard: Vec<_> = stream.iter().flat_map(|byte| ear.hear(&[*byte])).collect();
    assert_eq!(heard, wanted);
    assert_eq!(ear.refused(), b"noise");
}

#[test]
fn gb26875_vectors_are_read_and_written_byte_for_byte() {
    for vector in vectors::gb26875() {
        let mut deframer = gb26875::Deframer::from(&vector.dialect);
        deframer.push(&vector.bytes);
        match deframer.next_telegram().expect("a telegram").expect("a good telegram") {
            gb26875::Telegram::Frame(raw) => {
                let frame = gb26875::Frame::parse(&raw, &vector.dialect)
                    .unwrap_or_else(|error| panic!("{}: {error}", vector.name));
                assert_eq!(frame.encode(&vector.dialect), vector.bytes, "{}", vector.name);
            }
            gb26875::Telegram::ShortHeartbeat(bytes) => assert_eq!(bytes, vector.bytes, "{}", vector.name),
        }
    }
}

#[test]
fn what_the_dialects_put_up_with_is_refused_without_them() {
    let strict = |bytes: &[u8]| {
        let mut deframer = gb26875::Deframer::default();
        deframer.push(bytes);
        let telegram =
            deframer.next_telegram().expect("something").map_err(|refused| refused.error.name())?;
        let gb26875::Telegram::Frame(raw) = telegram else { return Err("heartbeat") };
        gb26875::Frame::parse(&raw, &gb26875::Dialect::STANDARD).map_err(|error| error.name())
    };
    let named = |name: &str| vectors::gb26875().into_iter().find(|vector| vector.name == name).unwrap().bytes;
    assert_eq!(strict(&named("public T7 system state, other version")), Err("version"));
    assert_eq!(strict(&named("public T10 handshake")), Err("version"));
    assert_eq!(strict(&named("empty keep-alive")), Err("unit_missing"));
    assert_eq!(strict(&named("long addresses")), Err("unit_length"));
    assert_eq!(strict(&vectors::gb_confirm_with_stale_sum()), Err("checksum"));
    assert_eq!(strict(&vectors::gb_frame(1, 7, &[])), Err("command"));
    assert_eq!(strict(&vectors::gb_frame(1, 2, &[9, 1, 0])), Err("type_flag"));
    assert_eq!(strict(&vectors::gb_frame(1, 2, &[1, 0])), Err("no_object"));
    assert_eq!(strict(&vectors::gb_frame(1, 2, &[1, 2, 0])), Err("unit_length"));

    let dialect = gb26875::Dialect { stale_checksum: true, any_version: true, ..Default::default() };
    let mut deframer = gb26875::Deframer::from(&dialect);
    deframer.push(&vectors::gb_confirm_with_stale_sum());
    assert!(deframer.next_telegram().expect("a frame").is_ok());
}

#[test]
fn a_damaged_frame_can_be_denied() {
    let mut frame = vectors::gb_frame(7, 2, &[0x51, 1, 0]);
    frame[28] ^= 1;
    let mut ear = GbEar::default();
    assert!(ear.hear(&frame).is_empty());
    let denied = ear.refused[0].frame().expect("a whole frame");
    assert_eq!(denied.header(&gb26875::Dialect::STANDARD).serial, 7);
    assert_eq!(
        ear.refused[0].to_string(),
        format!("{} bytes refused: {}", frame.len(), ear.refused[0].error)
    );
}

#[test]
fn modbus_answers() {
    for vector in vectors::modbus() {
        let Parse::Complete { value: request, .. } = Request::parse(&vector.request) else {
            panic!("{}: request refused", vector.name)
        };
        five_ways(vector.name, &vector.answer, || MasterEar::new(&request));
    }
}

#[test]
fn modbus_requests() {
    for vector in vectors::modbus() {
        five_ways(vector.name, &vector.request, SlaveEar::default);
    }
}

#[test]
fn cloud_vectors_are_read_and_written_byte_for_byte() {
    for vector in vectors::cloud() {
        let mut deframer = Deframer::default();
        deframer.push(&vector.bytes);
        let frame = deframer.next_frame().expect("a frame").expect("a good frame");
        let written = if vector.is_up {
            Uplink::parse(&frame).unwrap_or_else(|error| panic!("{}: {error}", vector.name)).encode()
        } else {
            Downlink::parse(&frame).unwrap_or_else(|error| panic!("{}: {error}", vector.name)).encode()
        };
        assert_eq!(written, vector.bytes, "{}", vector.name);
    }
}

#[test]
fn a_refused_frame_says_what_was_had_and_what_was_wanted() {
    let mut ear = CloudEar::default();
    let mut frame = vectors::hex("7B 7B 94 BE EF 7D 7D");
    frame[2] = 0x95;
    assert!(ear.hear(&frame).is_empty());
    assert!(ear.quiet().is_empty());
    let wanted = wire::crc16::checksum(&[0x95]);
    assert_eq!(ear.refused[0].error, FrameError::Crc { had: 0xEFBE, wanted });
    assert_eq!(ear.refused[0].to_string(), format!("7 bytes refused: crc 0xefbe, wanted {wanted:#06x}"));
}

#[test]
fn the_write_example_of_the_asj_manual_is_refused_in_both_roles() {
    let printed = vectors::asj_write_with_wrong_sum();
    let mut ear = SlaveEar::default();
    assert!(ear.hear(&printed).is_empty());
    assert!(ear.quiet().is_empty());
    assert_eq!(ear.refused, printed);
    let mut right = printed[..13].to_vec();
    wire::crc16::append(&mut right);
    assert_eq!(right[13..], [0xA3, 0x30]);
    five_ways("asj write with the right sum", &right, SlaveEar::default);
}
