use super::*;
use crate::line::{Ask as _, NoAnswer, Said};

const ENERGY: Identifier = Identifier(0);

fn meter() -> MeterAddress {
    "202107072529".parse().unwrap()
}

fn read(identifier: u32) -> Request {
    Request::Read { meter: meter(), identifier: Identifier(identifier) }
}

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn done(asked: Request, bytes: &[u8]) -> Answer {
    match asked.answer(bytes) {
        Parse::Complete { value: Said::Done(answer), len } if len == bytes.len() => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_published_exchange_is_read_and_written() {
    let asked = read(ENERGY.0);
    let request = hex("68 29 25 07 07 21 20 68 11 04 33 33 33 33 4E 16");
    assert_eq!(asked.frame(), [[PREAMBLE; 4].as_slice(), &request].concat());
    let answer = hex("68 29 25 07 07 21 20 68 91 08 33 33 33 33 A9 4A 36 33 2E 16");
    let said = done(asked, &answer);
    assert_eq!((said.meter.to_string().as_str(), said.has_more), ("202107072529", false));
    assert_eq!(number(&said.data, false), Some(31_776), "317.76 kWh");
    assert_eq!(asked.answered(meter(), &said.data).encode(), answer);
}

#[test]
fn the_other_published_requests_are_read() {
    for (text, number, identifier) in [
        ("68 68 40 98 09 21 04 68 11 04 33 33 34 33 20 16", "042109984068", 0x0001_0000),
        ("FE FE FE FE 68 62 01 76 00 00 81 68 11 04 35 37 33 37 15 16", "810000760162", 0x0400_0402),
    ] {
        let bytes = hex(text);
        let Parse::Complete { value: frame, len } = Frame::parse(&bytes) else { panic!("{text}") };
        assert_eq!(len, bytes.len());
        let meter = number.parse().unwrap();
        let wanted = Request::Read { meter, identifier: Identifier(identifier) };
        assert_eq!(Request::of_frame(&frame), Some(wanted), "{text}");
    }
}

#[test]
fn an_answer_may_stand_behind_wake_up_bytes_and_be_followed_by_anything() {
    let asked = read(0x0201_0100);
    let frame = asked.answered(meter(), &[0x05, 0x22]).encode();
    for count in 0..=MAX_PREAMBLE {
        let bytes = [vec![PREAMBLE; count], frame.clone(), vec![PREAMBLE, START]].concat();
        let Parse::Complete { len, .. } = asked.answer(&bytes) else { panic!("{count} wake-up bytes") };
        assert_eq!(len, count + frame.len());
        for cut in 0..count + frame.len() {
            assert!(matches!(asked.answer(&bytes[..cut]), Parse::NeedMore { .. }), "cut at {cut}");
        }
    }
    let five = [vec![PREAMBLE; 5], frame].concat();
    assert_eq!(asked.answer(&five), Parse::Refused(NoAnswer));
}

#[test]
fn another_meter_another_identifier_and_our_own_echo_are_no_answer() {
    let asked = read(0x0201_0100);
    let other: MeterAddress = "202107072528".parse().unwrap();
    for frame in [
        asked.answered(other, &[0x05, 0x22]).encode(),
        read(0x0201_0200).answered(meter(), &[0x05, 0x22]).encode(),
        Request::ReadAddress.answered(meter(), &meter().wire()).encode(),
        asked.frame(),
    ] {
        assert_eq!(asked.answer(&frame), Parse::Refused(NoAnswer), "{frame:02X?}");
    }
    // Nor is the beginning of one: nothing is waited for that cannot come.
    let wrong = asked.answered(other, &[0x05, 0x22]).encode();
    assert_eq!(asked.answer(&wrong[..2]), Parse::Refused(NoAnswer));
}

#[test]
fn a_refusal_says_why_and_more_is_told() {
    let asked = read(0x0290_0100);
    let refused = asked.refused(meter(), Refusal(0x02)).encode();
    assert_eq!(refused[8..10], [0xD1, 0x01]);
    let Parse::Complete { value: Said::Refused(refusal), .. } = asked.answer(&refused) else { panic!() };
    assert!(refusal.is_no_such_data());
    assert_eq!(refusal.to_string(), "error word 0x02 (no such data)");
    let mut frame = asked.answered(meter(), &[1]);
    frame.control |= MORE_FOLLOWS;
    assert!(done(asked, &frame.encode()).has_more);
    let more = Request::ReadMore { meter: meter(), identifier: Identifier(0x0290_0100), piece: 1 };
    let Parse::Complete { value: frame, .. } = Frame::parse(&more.frame()) else { panic!() };
    assert_eq!((frame.control, Request::of_frame(&frame)), (0x12, Some(more)));
}

#[test]
fn the_meter_alone_on_a_line_can_be_asked_for_its_number() {
    let frame = Request::ReadAddress.frame();
    assert_eq!(frame[4..], hex("68 AA AA AA AA AA AA 68 13 00 DF 16"));
    let said = done(Request::ReadAddress, &Request::ReadAddress.answered(meter(), &meter().wire()).encode());
    assert_eq!((said.meter, said.data.as_ref()), (meter(), meter().wire().as_slice()));
    assert!(MeterAddress::ANY.means(meter()) && !meter().means(MeterAddress::ANY));
    let anybody = Request::Read { meter: MeterAddress::ANY, identifier: ENERGY };
    assert_eq!(done(anybody, &anybody.answered(meter(), &[0; 4]).encode()).meter, meter());
}

#[test]
fn meter_numbers_are_up_to_twelve_digits() {
    assert_eq!("42".parse::<MeterAddress>().unwrap().to_string(), "000000000042");
    for wrong in ["", "1234567890123", "12a", "-1", "١"] {
        assert!(wrong.parse::<MeterAddress>().is_err(), "{wrong}");
    }
}

#[test]
fn damaged_frames_are_refused_by_what_is_wrong() {
    let good = read(0).frame()[4..].to_vec();
    let refused = |at: usize, byte: u8| {
        let mut frame = good.clone();
        frame[at] = byte;
        match Frame::parse(&frame) {
            Parse::Refused(error) => error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(0, 0x67), FrameError::Start { at: 0, had: 0x67 });
    assert_eq!(refused(7, 0x67), FrameError::Start { at: 7, had: 0x67 });
    assert_eq!(refused(9, 201), FrameError::Length { had: 201 });
    assert_eq!(refused(10, 0x34), FrameError::Sum { had: 0x4E, wanted: 0x4F });
    assert_eq!(refused(15, 0), FrameError::End { had: 0 });
    assert_eq!(Frame::parse(&[PREAMBLE; 5]), Parse::Refused(FrameError::Preamble));
}

#[test]
fn numbers_are_read_as_they_are_written() {
    for (value, len, is_signed) in
        [(0, 1, false), (99, 1, false), (31_776, 4, false), (-1_250, 3, true), (799_999, 3, true)]
    {
        let bytes = bcd(value, len, is_signed).unwrap();
        assert_eq!(number(&bytes, is_signed), Some(value));
    }
    assert_eq!(bcd(-1, 2, false), None);
    assert_eq!(bcd(10_000, 2, false), None);
    assert_eq!(bcd(8_000, 2, true), None);
    assert_eq!(number(&[0x0A], false), None);
    assert_eq!(number(&[0; 9], false), None);
    assert_eq!(number(&[0x99; 8], false), Some(9_999_999_999_999_999));
}
