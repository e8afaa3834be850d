//! Writes the seed corpus from the protocol vectors: `cargo run --bin seed_corpus` in `fuzz/`.
//!
//! The files are checked in and replayed by `crates/wire/tests/corpus_replay.rs`. An input that a fuzz run
//! finds is added by hand under a name that says what it is.

#[path = "../../crates/wire/tests/vectors/gateway.rs"]
mod gateway_vectors;
#[path = "../../crates/wire/tests/vectors/mod.rs"]
#[expect(dead_code, reason = "the seeds need only some of what the vectors say")]
mod vectors;

use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, seeds) in [
        ("cloud7b7b", cloud7b7b()),
        ("gb26875", gb26875()),
        ("modbus_master", modbus_master()),
        ("modbus_slave", modbus_slave()),
        ("modbus_tcp", modbus_tcp()),
        ("dlt645", dlt645()),
        ("registration", registration()),
        ("explain", explain()),
        ("telemetry", telemetry()),
        ("gateway1f1f", gateway1f1f()),
        ("vendor_mqtt", vendor_mqtt()),
    ] {
        let folder = root.join(target);
        std::fs::create_dir_all(&folder)?;
        for (name, bytes) in seeds {
            let name: String =
                name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect();
            std::fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}

type Seeds = Vec<(String, Vec<u8>)>;

fn seed(seeds: &mut Seeds, name: &str, parts: &[&[u8]]) {
    seeds.push((name.to_owned(), parts.concat()));
}

/// Two parameter bytes: size limit, seed of the cuts.
fn cloud7b7b() -> Seeds {
    let mut seeds = Seeds::new();
    let wide = [0xFF, 3];
    let vectors = vectors::cloud();
    for vector in &vectors {
        seed(&mut seeds, vector.name, &[&wide, &vector.bytes]);
    }
    let all: Vec<u8> = vectors.iter().flat_map(|vector| vector.bytes.clone()).collect();
    seed(&mut seeds, "all glued", &[&wide, &all]);
    seed(&mut seeds, "all glued, small limit", &[&[4, 7], &all]);
    seed(&mut seeds, "all glued, smallest limit", &[&[0, 1], &all]);
    let heartbeat = vectors::hex("7B 7B 94 BE EF 7D 7D");
    seed(&mut seeds, "noise, heartbeat", &[&wide, &[0, 0xFF, 0x7B], &heartbeat]);
    seed(&mut seeds, "broken heartbeat, heartbeat", &[&wide, &heartbeat[..4], &[0, 0x7D, 0x7D], &heartbeat]);
    seed(&mut seeds, "cut login, heartbeat", &[&wide, &vectors[0].bytes[..30], &heartbeat]);
    seed(&mut seeds, "only starts", &[&[8, 2], &[0x7B; 64]]);
    seed(&mut seeds, "only ends", &[&[8, 2], &[0x7D; 64]]);
    seed(&mut seeds, "starts and ends", &[&[8, 2], &vectors::hex("7B 7B 7D 7D").repeat(24)]);
    seed(&mut seeds, "start that never ends", &[&[4, 5], &[0x7B, 0x7B, 0x91], &[0; 70], &heartbeat]);
    seed(
        &mut seeds,
        "frame inside a frame",
        &[
            &wide,
            &wire::cloud7b7b::encode_frame(
                0x91,
                &[b"[[1-1((\x01\x03\x0A", &[0x7D, 0x7D][..], &heartbeat, b"\0))]]"].concat(),
            ),
        ],
    );
    seeds
}

/// Two parameter bytes: switches of the dialect, seed of the cuts.
fn gb26875() -> Seeds {
    let mut seeds = Seeds::new();
    let vectors = vectors::gb26875();
    for vector in &vectors {
        let dialect = vector.dialect;
        let switches = [
            dialect.any_version,
            dialect.big_endian,
            dialect.bare_keepalive,
            dialect.stale_checksum,
            dialect.bcd_time,
            dialect.long_addresses,
        ];
        let switches = switches.iter().rev().fold(0, |all, switch| (all << 1) | u8::from(*switch));
        seed(&mut seeds, vector.name, &[&[switches, 3], &vector.bytes]);
    }
    let all: Vec<u8> = vectors.iter().flat_map(|vector| vector.bytes.clone()).collect();
    seed(&mut seeds, "all glued", &[&[5, 3], &all]);
    seed(&mut seeds, "all glued, high byte first, long addresses", &[&[0x37, 5], &all]);
    let frame = vectors::gb_frame(1, 2, &[0x51, 1, 0]);
    seed(&mut seeds, "stray start, frame", &[&[0, 1], &[0x40], &frame]);
    seed(&mut seeds, "cut frame, frame", &[&[0, 2], &frame[..20], &frame]);
    seed(&mut seeds, "too long, frame", &[&[0, 2], b"@@", &[0xFF; 26], &frame]);
    seed(&mut seeds, "only starts", &[&[0, 2], &[0x40; 80]]);
    seed(
        &mut seeds,
        "frame inside a frame",
        &[&[0, 4], &vectors::gb_frame(2, 2, &[&[0x96, 1], &frame[..]].concat())],
    );
    seed(&mut seeds, "stale sum", &[&[0x09, 2], &vectors::gb_confirm_with_stale_sum()]);
    seeds
}

const SUBMIT: u8 = 2;
const TRANSMIT: u8 = 3;
const ANSWER: u8 = 4;
const PART: u8 = 5;
const WAIT: u8 = 6;
const DEADLINE: u8 = 7;

fn op(kind: u8, value: u8) -> u8 {
    kind | (value << 3)
}

/// Raw bytes as script: at most 31 in one piece.
fn raw(bytes: &[u8]) -> Vec<u8> {
    bytes
        .chunks(31)
        .flat_map(|piece| {
            let len = u8::try_from(piece.len()).expect("at most 31");
            [&[op(0, len)], piece].concat()
        })
        .collect()
}

/// One parameter byte (mask of heartbeats), then a script of operations.
fn modbus_master() -> Seeds {
    let mut seeds = Seeds::new();
    for kind in 0..8 {
        let ask = [op(SUBMIT, kind), 0, 2, TRANSMIT];
        // The value of the operation decides between answer and exception: multiples of three refuse.
        seed(&mut seeds, &format!("kind {kind}, answered"), &[&[0], &ask, &[op(ANSWER, 2)]]);
        seed(&mut seeds, &format!("kind {kind}, refused"), &[&[0], &ask, &[op(ANSWER, 1)]]);
        seed(
            &mut seeds,
            &format!("kind {kind}, late"),
            &[
                &[0],
                &ask,
                &[
                    DEADLINE,
                    op(ANSWER, 2),
                    op(SUBMIT, kind),
                    0,
                    2,
                    TRANSMIT,
                    DEADLINE,
                    TRANSMIT,
                    op(ANSWER, 2),
                ],
            ],
        );
    }
    let ask = [op(SUBMIT, 2), 0, 2, TRANSMIT];
    seed(
        &mut seeds,
        "heartbeats around an answer",
        &[&[7], &ask, &raw(b"\xFEHB"), &[op(ANSWER, 2)], &raw(b"HBX\xFE")],
    );
    seed(
        &mut seeds,
        "heartbeat like an answer",
        &[&[8], &ask, &raw(&[1, 3]), &[op(ANSWER, 2)], &raw(&[1, 3])],
    );
    seed(
        &mut seeds,
        "torn heartbeat",
        &[&[6], &raw(b"H"), &[op(WAIT, 31)], &raw(b"BX"), &raw(b"HB"), &[DEADLINE]],
    );
    seed(
        &mut seeds,
        "torn answer",
        &[&[0], &ask, &[op(PART, 1), op(PART, 4), op(ANSWER, 2), DEADLINE, DEADLINE]],
    );
    seed(&mut seeds, "noise, answer", &[&[0], &ask, &raw(&[0, 1, 3, 0xFF]), &[op(ANSWER, 2)]]);
    seed(&mut seeds, "stale beginning", &[&[8], &raw(&[1]), &ask, &raw(&[3, 4, 0, 7, 0, 8]), &[DEADLINE]]);
    for vector in vectors::modbus() {
        seed(
            &mut seeds,
            &format!("{}, unasked", vector.name),
            &[&[15], &raw(&vector.answer), &ask, &raw(&vector.answer), &[DEADLINE]],
        );
    }
    seeds
}

/// One parameter byte: seed of the cuts.
fn modbus_slave() -> Seeds {
    let mut seeds = Seeds::new();
    let vectors = vectors::modbus();
    for vector in &vectors {
        seed(&mut seeds, vector.name, &[&[3], &vector.request]);
    }
    let all: Vec<u8> = vectors.iter().flat_map(|vector| vector.request.clone()).collect();
    seed(&mut seeds, "all glued", &[&[5], &all]);
    seed(&mut seeds, "noise, all glued", &[&[7], &[0xFF, 0x10, 0x55], &all]);
    seed(&mut seeds, "asj example with a wrong sum", &[&[1], &vectors::asj_write_with_wrong_sum()]);
    let mut forbidden = vectors::hex("01 03 00 00 00 7E");
    wire::crc16::append(&mut forbidden);
    seed(&mut seeds, "126 registers", &[&[1], &forbidden, &all]);
    let mut coil = vectors::hex("01 05 00 00 12 34");
    wire::crc16::append(&mut coil);
    seed(&mut seeds, "coil neither on nor off", &[&[1], &coil]);
    seed(&mut seeds, "long write that never comes", &[&[2], &vectors::hex("01 10 00 00 00 7B F7 00"), &all]);
    seeds
}

/// Two parameter bytes: what is asked, seed of the cuts and transaction.
fn modbus_tcp() -> Seeds {
    let mut seeds = Seeds::new();
    let framed = |transaction: u8, serial: &[u8]| {
        let covered = &serial[..serial.len() - 2];
        let length = u8::try_from(covered.len()).expect("a short frame");
        [&[0, transaction, 0, 0, 0, length], covered].concat()
    };
    for vector in vectors::modbus() {
        seed(&mut seeds, &format!("{}, request", vector.name), &[&[2, 3], &framed(3, &vector.request)]);
        seed(&mut seeds, &format!("{}, answer", vector.name), &[&[2, 3], &framed(3, &vector.answer)]);
    }
    let answer = vectors::hex("00 03 00 00 00 09 01 03 06 00 01 00 02 00 03");
    let late = vectors::hex("00 02 00 00 00 09 01 03 06 00 01 00 02 00 03");
    seed(&mut seeds, "late answer, answer", &[&[2, 3], &late, &answer]);
    seed(&mut seeds, "torn answer", &[&[2, 3], &answer[..7]]);
    seed(&mut seeds, "noise, answer", &[&[2, 3], &[0, 3, 0, 1, 0xFF], &answer]);
    seed(&mut seeds, "longest length", &[&[2, 3], &vectors::hex("00 03 00 00 00 FE 01 03")]);
    seed(&mut seeds, "other protocol", &[&[2, 3], &vectors::hex("00 03 00 01 00 06 01 03 00 00 00 01")]);
    seeds
}

/// Two parameter bytes: what is asked and whom, seed of the cuts.
fn dlt645() -> Seeds {
    let mut seeds = Seeds::new();
    for vector in vectors::dlt645() {
        for (kind, bytes) in [("request", &vector.request), ("answer", &vector.answer)] {
            seed(&mut seeds, &format!("{}, {kind}", vector.name), &[&[8, 3], bytes]);
            seed(&mut seeds, &format!("{}, {kind}, anybody", vector.name), &[&[0, 5], &[0xFE; 4], bytes]);
        }
    }
    let answer = vectors::hex("68 29 25 07 07 21 20 68 91 08 33 33 33 33 A9 4A 36 33 2E 16");
    seed(&mut seeds, "five wake up bytes", &[&[8, 3], &[0xFE; 5], &answer]);
    seed(&mut seeds, "starts only", &[&[8, 3], &[0x68; 40]]);
    seed(&mut seeds, "longest length", &[&[8, 3], &answer[..9], &[200, 0x33]]);
    seed(&mut seeds, "too long", &[&[8, 3], &answer[..9], &[201, 0x33]]);
    seed(&mut seeds, "echo, answer", &[&[8, 3], &vectors::dlt645()[0].request, &answer]);
    seeds
}

/// Four parameter bytes: form and marks, least length, greatest length, mask of heartbeats.
fn registration() -> Seeds {
    let mut seeds = Seeds::new();
    for (name, head, bytes) in [
        ("imei", [0, 15, 15, 0], &b"861234567890123"[..]),
        ("imei, heartbeats around", [0, 15, 15, 7], b"\xFEHBHBX861234567890123HB"),
        ("imei, modbus behind", [0, 15, 15, 1], b"861234567890123\x01\x03\x02\x01\x48\xB9\xE2"),
        ("imei, too short", [0, 15, 15, 0], b"86123"),
        ("text of changing length", [1, 4, 20, 0], b"DTU-0001 x"),
        ("text of changing length, heartbeat behind", [1, 4, 20, 2], b"DTU-0001HB\x00"),
        ("text with prefix", [0x11, 4, 20, 0], b"ID=DTU-0001 "),
        ("text with suffix in its alphabet", [0x31, 4, 20, 0], b"ID=DTU-ENDEND"),
        ("text with all marks", [0x71, 4, 20, 1], b"ID=DTU-0001END\r\n\xFE"),
        ("text with terminator", [0x41, 4, 20, 0], b"DTU-0001\r\n"),
        ("hex text", [2, 8, 8, 0], b"00ab12CD"),
        ("raw bytes", [3, 4, 4, 1], b"\x00\x0A\xFF\x10\xFE"),
        ("raw bytes with terminator", [0x43, 2, 8, 0], b"\x00\x0D\x0A\x0D\x0A\x0D\x0A"),
        ("cloud frame", [1, 4, 20, 0], b"{{\x94\xBE\xEF}}"),
        ("gateway frame", [1, 4, 20, 0], b"\x1F\x1F\x01\x00\x00\x00\x00"),
        ("heartbeat only", [0, 15, 15, 7], b"\xFE\xFEHBH"),
        ("heartbeat that may be longer", [0, 4, 9, 6], b"HBX1234."),
    ] {
        seed(&mut seeds, name, &[&head, bytes]);
    }
    seeds
}

fn explain() -> Seeds {
    let mut seeds = Seeds::new();
    for vector in vectors::cloud() {
        seed(&mut seeds, vector.name, &[&vector.bytes]);
        if vector.bytes.len() > 20 {
            let half = vector.bytes.len() / 2;
            seed(&mut seeds, &format!("{}, cut", vector.name), &[&vector.bytes[..half]]);
            seed(
                &mut seeds,
                &format!("{}, cut, closed", vector.name),
                &[&vector.bytes[..half], &[0, 0, 0x7D, 0x7D]],
            );
        }
    }
    for vector in vectors::modbus() {
        seed(&mut seeds, &format!("{}, request", vector.name), &[&vector.request]);
        seed(&mut seeds, &format!("{}, answer", vector.name), &[&vector.answer]);
    }
    for vector in vectors::gb26875() {
        seed(&mut seeds, vector.name, &[&vector.bytes]);
    }
    seed(&mut seeds, "text", &[b"861234567890123\r\n"]);
    seed(&mut seeds, "asj example with a wrong sum", &[&vectors::asj_write_with_wrong_sum()]);
    seeds
}

/// One parameter byte: even is JSON, odd is CBOR.
fn telemetry() -> Seeds {
    use wire::telemetry::{Form, Limits, read_tree, write_tree};
    let mut seeds = Seeds::new();
    for (name, text) in [
        ("everything", include_str!("../../crates/wire/tests/golden/telemetry-v1.json").trim_end()),
        ("commands", include_str!("../../crates/wire/tests/golden/telemetry-commands-v1.json").trim_end()),
        ("single reading", r#"{"v":1,"at":"2026-01-02T03:04:05+08:00","values":{"residual":0.1}}"#),
        ("foreign", r#"{"data":{"meters":[{"addr":"3_1","Ua":"220.5","state":"ONLINE"}]}}"#),
        ("only an answer", r#"{"v":1,"answers":[{"id":"17","ok":true,"value":{"a":[1,2,{"b":null}]}}]}"#),
        ("texts", r#"["\u6f0f\u7535 \ud83d\ude00","\"\\\/\b\f\n\r\t",""]"#),
        ("numbers", "[0,-0,0.10,1e3,1E+3,1e-3,123456789012345678901234567890,1e999,-9223372036854775808]"),
        ("deepest", "[[[[[[[[1]]]]]]]]"),
        ("nothing in it", "{}"),
    ] {
        seed(&mut seeds, &format!("{name}, json"), &[&[0], text.as_bytes()]);
        let tree = read_tree(Form::Json, text.as_bytes(), &Limits::default()).expect("the seeds are JSON");
        seed(&mut seeds, &format!("{name}, cbor"), &[&[1], &write_tree(Form::Cbor, &tree)]);
    }
    seed(&mut seeds, "too deep, json", &[&[0], "[".repeat(64).as_bytes()]);
    seed(&mut seeds, "too deep, cbor", &[&[1], &[0x81; 64]]);
    seed(&mut seeds, "byte order mark", &[&[0], "\u{feff}{}".as_bytes()]);
    seed(&mut seeds, "half a character", &[&[0], br#""\ud83d""#]);
    seed(
        &mut seeds,
        "no length, cbor",
        &[&[1], &[0xBF, 0x61, 0x61, 0x9F, 0x01, 0xFF, 0x01, 0x7F, 0x61, 0x62, 0xFF, 0xFF]],
    );
    seed(
        &mut seeds,
        "fractions, cbor",
        &[
            &[1],
            &[
                0x84, 0xF9, 0x3E, 0, 0xFA, 0x3D, 0xCC, 0xCC, 0xCD, 0xF9, 0x7E, 0, 0xC4, 0x82, 0x21, 0x19,
                0x6A, 0xB3,
            ],
        ],
    );
    seed(&mut seeds, "time, cbor", &[&[1], &[0xC1, 0x1A, 0x51, 0x4B, 0x67, 0xB0]]);
    seed(
        &mut seeds,
        "length that lies, cbor",
        &[&[1], &[0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]],
    );
    seeds
}

/// Two parameter bytes: limit of the data, seed of the cuts.
fn gateway1f1f() -> Seeds {
    use wire::gateway1f1f::{FrameType, encode_frame};

    let mut seeds = Seeds::new();
    let wide = [0xFF, 3];
    let vectors = gateway_vectors::gateway();
    for vector in &vectors {
        seed(&mut seeds, vector.name, &[&wide, &vector.bytes]);
    }
    let all: Vec<u8> = vectors.iter().flat_map(|vector| vector.bytes.clone()).collect();
    seed(&mut seeds, "all glued", &[&wide, &all]);
    seed(&mut seeds, "all glued, small limit", &[&[4, 7], &all]);
    seed(&mut seeds, "noise, all glued", &[&wide, &[0, 0xFF, 0x1F], &all]);
    seed(&mut seeds, "only heads", &[&wide, &[0x1F; 40]]);
    seed(&mut seeds, "longest length", &[&wide, &[0x1F, 0x1F, 1, 0xFF, 0xFF, 0xFF, 0xFF], &all]);
    for (name, kind, data) in [
        ("plain report", FrameType::Data, gateway_vectors::report().to_xml().into_bytes()),
        ("plain transparent", FrameType::Downlink, b"01002|0203000000018439".to_vec()),
        (
            "laughs",
            FrameType::Authentication,
            b"<!DOCTYPE r [<!ENTITY a \"aaaa\">]><root>&a;</root>".to_vec(),
        ),
        ("deep", FrameType::Data, b"<a>".repeat(100)),
        ("bomb", FrameType::CompressedData, wire::gateway1f1f::deflate(&[b'a'; 1 << 20])),
    ] {
        seed(&mut seeds, name, &[&wide, &encode_frame(kind, &data)]);
    }
    seeds
}

/// One parameter byte: the group of topics.
fn vendor_mqtt() -> Seeds {
    let mut seeds = Seeds::new();
    let head = r#""msgid":12345678901234567890,"sn":"E7","timestamp":1767294245"#;
    for (name, group, rest) in [
        (
            "report",
            1,
            r#""method":"report","payload":{"reported":{"source":"REALTIME","gateway":{"rssi":23},"meters":[{"addr":"3_1","state":"ONLINE","Ua":"220.1","IL":12.5},{"addr":"3_2","state":"OFFLINE"}]}}"#,
        ),
        (
            "history",
            1,
            r#""method":"report","payload":{"reported":{"source":"HISTORY","time":1767294000,"meters":[{"addr":3,"timestamp":"1767294000123","IL":1e2}]}}"#,
        ),
        ("no meters", 1, r#""method":"update","payload":{"reported":{}}"#),
        (
            "meters of one moment",
            1,
            r#""method":"report","payload":{"reported":{"meters":[{"addr":"1","a":1},{"addr":"1","a":2,"b":3},{"a":4}]}}"#,
        ),
        ("meter that is none", 1, r#""method":"report","payload":{"reported":{"meters":[7]}}"#),
        (
            "alert",
            3,
            r#""method":"alert","payload":{"addr":"3_1","alerts":[{"code":"UaHIGH1"},{"code":"UaRESET","addr":"3_2","time":5},{"code":"RUN_STOP"}]}"#,
        ),
        ("alert alone", 3, r#""method":"alarm","payload":{"alarmcode":"TempALOW2"}"#),
        (
            "states without a quantity",
            3,
            r#""method":"event","payload":{"x":[{"event":"HIGH1"},{"event":"HIGHHIGH"},{"event":"LOW9"}]}"#,
        ),
        ("login", 0, r#""method":"login","payload":{"compress":"0","encrypt":0,"softversion":"2.1"}"#),
        ("login, packed", 0, r#""method":"login","payload":{"compress":1}"#),
        ("time", 0, r#""method":"time.ms","payload":{"devicesend":1767294245123}"#),
        ("answer", 2, r#""method":"operate","res":1,"payload":{"x":null}"#),
        ("refusal", 2, r#""method":"operate","res":"0","errcode":503"#),
        ("other method", 0, r#""method":"topo.get""#),
        ("method that is empty", 0, r#""method":"""#),
        (
            "time beyond all",
            1,
            r#""method":"report","payload":{"reported":{"time":9223372036854775807,"meters":[{"a":1}]}}"#,
        ),
    ] {
        seed(&mut seeds, name, &[&[group], format!("{{{head},{rest}}}").as_bytes()]);
    }
    seed(&mut seeds, "id in text", &[&[1], br#"{"msgid":"a-1","method":"report"}"#]);
    seed(&mut seeds, "no map", &[&[1], b"[1]"]);
    seeds
}
