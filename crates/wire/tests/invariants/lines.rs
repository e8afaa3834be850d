//! Lines on which something else than Modbus-RTU is asked: no byte lost, nothing taken for an answer that does not
//! answer, the same whatever the cuts, and what was read can be written again.

use std::fmt::Debug;

use wire::dlt645::{self, Identifier, MeterAddress};
use wire::line::{Ask, Event, EventOf, LineConfig, LineMaster};
use wire::modbus::{Parse, tcp};

/// Two parameter bytes (what is asked, seed of the cuts), the rest comes over the wire.
pub(crate) fn modbus_tcp(data: &[u8]) {
    let Some(([kind, seed], stream)) = super::parameters(data) else { return };
    if let Ok(request) = super::request(kind, kind / 8, seed % 9) {
        asked(&tcp::Request { transaction: u16::from(seed), request }, stream, seed);
    }
    let mut rest = stream;
    while let Parse::Complete { value, len } = tcp::Request::parse(rest) {
        assert!((8..=tcp::MAX_FRAME_LEN).contains(&len), "a frame of {len} bytes");
        let frame = value.frame();
        assert_eq!(tcp::Request::parse(&frame), Parse::Complete { value, len: frame.len() });
        rest = &rest[len..];
    }
}

/// The same for meters.
pub(crate) fn dlt645(data: &[u8]) {
    let Some(([kind, seed], stream)) = super::parameters(data) else { return };
    let meter =
        if kind & 8 == 0 { MeterAddress::ANY } else { MeterAddress::of_wire([0x29, 0x25, 7, 7, 0x21, 0x20]) };
    let identifier = Identifier(if kind & 16 == 0 { 0 } else { 0x0201_0100 });
    let request = match kind % 3 {
        0 => dlt645::Request::Read { meter, identifier },
        1 => dlt645::Request::ReadMore { meter, identifier, piece: seed },
        _ => dlt645::Request::ReadAddress,
    };
    asked(&request, stream, seed);
    let mut rest = stream;
    while let Parse::Complete { value, len } = dlt645::Frame::parse(rest) {
        let preamble = rest.iter().take_while(|byte| **byte == dlt645::PREAMBLE).count();
        assert_eq!(value.encode(), rest[preamble..len], "written otherwise than read");
        if let Some(request) = dlt645::Request::of_frame(&value) {
            let again = request.answered(meter, &[1, 2]);
            assert!(matches!(dlt645::Frame::parse(&again.encode()), Parse::Complete { .. }));
        }
        rest = &rest[len..];
    }
    for is_signed in [false, true] {
        let bytes = &stream[..stream.len().min(8)];
        if let Some(number) = dlt645::number(bytes, is_signed).filter(|number| *number != 0) {
            assert_eq!(dlt645::bcd(number, bytes.len(), is_signed).as_deref(), Some(bytes));
        }
    }
}

fn asked<Q>(request: &Q, stream: &[u8], seed: u8)
where
    Q: Ask + Debug + PartialEq,
    Q::Answer: Debug + PartialEq,
    Q::Refusal: Debug + PartialEq,
{
    let listen = |pieces: &[&[u8]]| {
        let mut line = LineMaster::new(LineConfig::default()).expect("a good configuration");
        line.submit(request.clone()).expect("a free line");
        line.poll_transmit(0).expect("a request to send");
        let mut events: Vec<EventOf<Q>> = Vec::new();
        for piece in pieces {
            events.extend(line.feed(piece, 1));
            assert!(line.buffered() <= Q::MAX_ANSWER_LEN, "the buffer grows");
        }
        for late_ms in [20_000, 40_000, 60_000] {
            events.extend(line.handle_timeout(late_ms));
        }
        assert_eq!(line.buffered(), 0, "bytes kept for ever");
        merged(events)
    };
    let whole = listen(&[stream]);
    assert_eq!(whole, listen(&super::pieces(stream, seed)), "the result depends on the cuts");
    let mut heard = Vec::new();
    let mut answers = 0;
    for event in &whole {
        match event {
            Event::Answer { frame, .. } | Event::Exception { frame, .. } => {
                assert!(matches!(request.answer(frame), Parse::Complete { len, .. } if len == frame.len()));
                heard.extend_from_slice(frame);
                answers += 1;
            }
            Event::Heartbeat(bytes) | Event::Noise(bytes) => heard.extend_from_slice(bytes),
            Event::TimedOut { .. } => answers += 1,
        }
    }
    assert_eq!(answers, 1, "one request has one end");
    assert_eq!(heard, stream, "bytes lost or invented");
}

/// Joins neighbouring noise, and drops how long it took: both depend on the cuts.
fn merged<Q: Ask>(events: Vec<EventOf<Q>>) -> Vec<EventOf<Q>> {
    let mut merged: Vec<EventOf<Q>> = Vec::new();
    for event in events {
        match (merged.last_mut(), event) {
            (Some(Event::Noise(before)), Event::Noise(more)) => {
                *before = [&before[..], &more].concat().into();
            }
            (_, event) => merged.push(event),
        }
    }
    merged
}
