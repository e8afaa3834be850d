//! Every frame known from documents, and frames of a fictional device made for the traps.
//!
//! "vendor" frames stand in the vendor's public document of the safe-electricity protocol and verify.
//! "ours" were computed for this project. Nothing here carries the identity of a real installation.

/// Bytes of a text like `7B 7B 84`.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("two hex digits")).collect()
}

/// A frame of the vendor cloud protocol.
pub(crate) struct CloudVector {
    pub(crate) name: &'static str,
    /// Whether the device sends it.
    pub(crate) is_up: bool,
    pub(crate) bytes: Vec<u8>,
}

const SERIAL: &str = "30 30 30 30 30 30 30 30 30 30 30 30 30 31 00 00 00 00 00 00";

pub(crate) fn cloud() -> Vec<CloudVector> {
    let up = |name, text: &str| CloudVector { name, is_up: true, bytes: hex(&text.replace("<SN>", SERIAL)) };
    let down = |name, text: &str| CloudVector { name, is_up: false, bytes: hex(text) };
    vec![
        up(
            "vendor login",
            "7B 7B 84 31 32 33 30 37 32 31 30 37 32 30 30 38 35 00 00 00 00 00 00 \
             38 39 38 36 30 34 32 38 32 32 31 39 43 30 34 32 33 36 31 30 \
             00 00 00 00 00 00 00 00 00 00 1A 01 00 01 00 01 00 1E 70 F7 7D 7D",
        ),
        down("vendor login ack", "7B 7B 84 BF 23 7D 7D"),
        up(
            "vendor time request",
            "7B 7B 93 31 32 33 30 37 32 31 30 37 32 30 30 38 35 00 00 00 00 00 00 E7 E2 7D 7D",
        ),
        down("vendor time answer", "7B 7B 93 17 0A 0A 03 11 07 1B E4 A2 7D 7D"),
        up("vendor heartbeat", "7B 7B 94 BE EF 7D 7D"),
        up(
            "our login",
            "7B 7B 84 <SN> 38 39 38 36 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 31 \
             00 00 00 00 00 00 00 00 00 00 1A 01 02 01 00 01 00 1E 73 4E 7D 7D",
        ),
        up("our time request", "7B 7B 93 <SN> 29 28 7D 7D"),
        down("our time answer", "7B 7B 93 1A 01 02 06 03 04 05 F8 E9 7D 7D"),
        up(
            "our upload with serial and inner crc",
            "7B 7B 91 <SN> 5B 5B 31 2D 31 28 28 01 03 02 01 48 B9 E2 29 29 5D 5D 53 69 7D 7D",
        ),
        down("our upload ack", "7B 7B 91 7E EC 7D 7D"),
        up(
            "our upload whose crc ends in 7d",
            "7B 7B 91 5B 5B 31 2D 31 28 28 01 03 02 04 10 29 29 5D 5D 43 7D 7D 7D",
        ),
        up(
            "our upload of 7d7d",
            "7B 7B 91 5B 5B 31 2D 31 28 28 01 03 02 7D 7D 59 35 29 29 5D 5D F2 E8 7D 7D",
        ),
        CloudVector { name: "our upload whose crc is 7d7d", is_up: true, bytes: upload_with_crc_7d7d() },
        CloudVector {
            name: "our upload of 2929 and 5d5d",
            is_up: true,
            bytes: wire::cloud7b7b::encode_frame(
                0x91,
                &hex("5B 5B 31 2D 31 28 28 01 03 06 29 29 5D 5D 7B 7B 29 29 5D 5D"),
            ),
        },
        CloudVector {
            name: "our upload of two segments",
            is_up: true,
            bytes: wire::cloud7b7b::encode_frame(
                0x91,
                &hex("5B 5B 31 2D 31 28 28 01 03 02 01 48 B9 E2 29 29 5D 5D \
                      5B 5B 31 2D 32 28 28 02 04 02 00 2A 29 29 5D 5D"),
            ),
        },
        CloudVector {
            name: "our control request",
            is_up: false,
            bytes: wire::cloud7b7b::encode_frame(0x90, &hex("01 10 00 57 00 02 04 00 01 00 01 27 75")),
        },
        CloudVector {
            name: "our control answer alone",
            is_up: true,
            bytes: wire::cloud7b7b::encode_frame(0x90, &hex("01 03 02 01 48 B9 E2")),
        },
        CloudVector {
            name: "our control answer with serial",
            is_up: true,
            bytes: wire::cloud7b7b::encode_frame(0x90, &hex(&format!("{SERIAL} 01 03 02 01 48 B9 E2"))),
        },
        CloudVector {
            name: "our control write ack",
            is_up: true,
            bytes: wire::cloud7b7b::encode_frame(0x90, &hex(SERIAL)),
        },
    ]
}

/// The first register value for which the outer sum of a one-register upload is `7D 7D`.
fn upload_with_crc_7d7d() -> Vec<u8> {
    (0..=u16::MAX)
        .map(|value| {
            let [high, low] = value.to_be_bytes();
            let body = [b"[[1-1((".as_slice(), &[0x01, 0x03, 0x02, high, low], b"))]]"].concat();
            wire::cloud7b7b::encode_frame(0x91, &body)
        })
        .find(|frame| frame[frame.len() - 4..] == [0x7D; 4])
        .expect("one value of 65536 gives each sum")
}

/// A request and the answer to it.
pub(crate) struct ModbusVector {
    pub(crate) name: &'static str,
    pub(crate) request: Vec<u8>,
    pub(crate) answer: Vec<u8>,
}

pub(crate) fn modbus() -> Vec<ModbusVector> {
    let vector =
        |name, request: &str, answer: &str| ModbusVector { name, request: hex(request), answer: hex(answer) };
    vec![
        vector(
            "meter event record",
            "01 03 30 01 00 06 9B 08",
            "01 03 0C 12 01 08 0A 01 01 01 00 00 00 00 00 80 23",
        ),
        vector("meter relay trip", "01 10 00 57 00 02 04 00 01 00 01 27 75", "01 10 00 57 00 02 F0 18"),
        vector("meter relay close", "01 10 00 57 00 02 04 00 01 00 00 E6 B5", "01 10 00 57 00 02 F0 18"),
        // Application protocol V1.1b3, examples of 6.1 to 6.11, unit 1, sums computed.
        vector("read coils", "01 01 00 13 00 13 8C 02", "01 01 03 CD 6B 05 42 82"),
        vector("read discrete inputs", "01 02 00 C4 00 16 B8 39", "01 02 03 AC DB 35 22 88"),
        vector("read input registers", "01 04 00 08 00 01 B0 08", "01 04 02 00 0A 39 37"),
        vector("write single coil", "01 05 00 AC FF 00 4C 1B", "01 05 00 AC FF 00 4C 1B"),
        vector("write single register", "01 06 00 01 00 03 98 0B", "01 06 00 01 00 03 98 0B"),
        vector("write multiple coils", "01 0F 00 13 00 0A 02 CD 01 72 CB", "01 0F 00 13 00 0A 24 09"),
        vector("refused read", "01 03 00 00 00 0A C5 CD", "01 83 02 C0 F1"),
    ]
}

/// Printed in two manuals with a sum that does not verify; the right one is `A3 30`.
/// Meters: the first exchange was published with its meter, the others are ours with the sums computed.
pub(crate) fn dlt645() -> Vec<ModbusVector> {
    let vector =
        |name, request: &str, answer: &str| ModbusVector { name, request: hex(request), answer: hex(answer) };
    vec![
        vector(
            "meter energy",
            "68 29 25 07 07 21 20 68 11 04 33 33 33 33 4E 16",
            "68 29 25 07 07 21 20 68 91 08 33 33 33 33 A9 4A 36 33 2E 16",
        ),
        vector(
            "meter voltage",
            "68 01 00 00 00 00 00 68 11 04 33 34 34 35 B6 16",
            "68 01 00 00 00 00 00 68 91 06 33 34 34 35 38 55 C5 16",
        ),
        vector(
            "meter without the value",
            "68 01 00 00 00 00 00 68 11 04 33 34 C3 35 45 16",
            "68 01 00 00 00 00 00 68 D1 01 35 D8 16",
        ),
        vector(
            "meter number",
            "68 AA AA AA AA AA AA 68 13 00 DF 16",
            "68 01 00 00 00 00 00 68 93 06 34 33 33 33 33 33 9D 16",
        ),
    ]
}

pub(crate) fn asj_write_with_wrong_sum() -> Vec<u8> {
    hex("01 10 00 04 00 03 06 09 0C 01 05 0C 00 53 3F")
}

/// A frame of GB/T 26875.3-2011.
pub(crate) struct GbVector {
    pub(crate) name: &'static str,
    /// What its sender does otherwise than the standard.
    pub(crate) dialect: wire::gb26875::Dialect,
    pub(crate) bytes: Vec<u8>,
}

/// "public" frames stand in open code and verify; "ours" are of a fictional device, number 430200000017.
pub(crate) fn gb26875() -> Vec<GbVector> {
    let standard = wire::gb26875::Dialect::STANDARD;
    let lax = wire::gb26875::Dialect { any_version: true, ..standard };
    let handshake = wire::gb26875::Dialect { bare_keepalive: true, stale_checksum: true, ..lax };
    let long = wire::gb26875::Dialect { long_addresses: true, ..standard };
    let vector = |name, dialect, text: &str| {
        let zeros = |count: usize| "00 ".repeat(count);
        let text = text.replace("<17>", &zeros(17)).replace("<27>", &zeros(27));
        let text = text.replace("<D>", "11 0E EB 29 64 00").replace("<C>", "01 00 00 00 00 00");
        GbVector { name, dialect, bytes: hex(&text.replace("<T>", "0F 1E 08 17 0B 1A")) }
    };
    let unit = |name, serial: u8, command: u8, unit: &str| {
        let unit = unit.replace("<t>", "04 00 09 02 07 15");
        GbVector { name, dialect: standard, bytes: gb_frame(serial, command, &hex(&unit)) }
    };
    vec![
        vector(
            "public T1 component state",
            standard,
            "40 40 00 00 01 01 18 0D 11 16 0A 14 00 00 00 00 00 00 06 05 04 03 02 01 30 00 02 02 01 01 03 00 \
             D9 00 06 00 02 00 A3 C1 C7 F8 A3 B1 B2 E3 DF C8 B2 B8 D7 DF C0 C8 00 00 00 00 00 00 00 00 00 00 \
             00 00 00 00 00 30 12 13 01 08 14 68 23 23",
        ),
        vector(
            "public T2 device version",
            standard,
            "40 40 00 00 01 01 01 1E 16 08 0C 15 80 0D 00 00 00 00 00 00 00 00 00 00 04 00 02 19 01 01 00 0E \
             23 23",
        ),
        vector(
            "public T3 confirm",
            standard,
            "40 40 00 00 01 01 00 1E 16 08 0C 15 00 00 00 00 00 00 80 0D 00 00 00 00 00 00 03 EF 23 23",
        ),
        vector(
            "public T4 confirm",
            standard,
            "40 40 00 00 01 01 2D 1A 10 1F 03 14 00 00 00 00 00 00 F1 FB 09 00 00 00 00 00 03 87 23 23",
        ),
        vector(
            "public T7 system state, other version",
            lax,
            "40 40 01 00 02 03 35 12 0F 0F 06 15 15 27 08 20 20 FE 00 00 00 00 00 01 0C 00 02 01 01 01 87 57 \
             05 35 12 0F 0F 06 15 7D 23 23",
        ),
        vector(
            "public T8 residual current alarm",
            lax,
            "40 40 01 00 02 03 35 12 0F 0F 06 15 15 27 08 20 20 FE 00 00 00 00 00 01 30 00 02 02 01 81 03 11 \
             15 27 08 20 02 00 B0 A1 A9 96 <27> 35 12 0F 0F 06 15 49 23 23",
        ),
        vector(
            "public T10 handshake",
            handshake,
            "40 40 F8 09 10 00 08 1E 09 03 03 16 00 00 00 00 00 00 C0 A8 01 04 6D 1D 01 00 02 16 6C 23 23",
        ),
        vector(
            "ours C1 residual current alarm",
            standard,
            "40 40 01 00 01 01 <T> <D> <C> 30 00 02 02 01 80 01 11 03 00 00 00 03 00 31 23 C5 E4 B5 E7 CF E4 \
             D7 DC BD F8 CF DF <17> <T> AC 23 23",
        ),
        vector("ours C2 confirm", standard, "40 40 01 00 01 01 <T> <C> <D> 00 00 03 0F 23 23"),
        vector("ours C3 denial", standard, "40 40 01 00 01 01 <T> <C> <D> 00 00 06 12 23 23"),
        vector(
            "ours C4 three analog values",
            standard,
            "40 40 02 00 01 01 <T> <D> <C> 32 00 02 03 03 80 01 12 05 00 00 00 03 8D 02 <T> 80 01 10 01 00 \
             00 00 09 7D 00 <T> 80 01 11 03 00 00 00 80 38 01 <T> 2A 23 23",
        ),
        vector(
            "ours C6 device operation",
            standard,
            "40 40 04 00 01 01 <T> <D> <C> 0A 00 02 18 01 03 07 <T> AF 23 23",
        ),
        vector("ours C7 clock", standard, "40 40 05 00 01 01 <T> <C> <D> 08 00 01 5A 01 <T> E5 23 23"),
        vector(
            "ours C9 read component state",
            standard,
            "40 40 07 00 01 01 <T> <C> <D> 08 00 04 3E 01 80 01 03 00 00 00 E1 23 23",
        ),
        vector(
            "ours C11 system state",
            standard,
            "40 40 09 00 01 01 <T> <D> <C> 0C 00 02 01 01 80 01 05 02 <T> 1D 23 23",
        ),
        unit("two system states", 1, 2, "01 02 01 02 04 02 <t> 0D 03 05 01 <t>"),
        unit("analog, raw 0x0320", 2, 2, "03 01 01 02 28 01 02 03 04 03 20 03 <t>"),
        unit("operation", 3, 2, "04 01 01 02 84 FA <t>"),
        unit("system version", 4, 5, "05 01 01 02 03 04"),
        unit("system texts", 5, 5, "06 02 80 01 04 C5 E4 B5 E7 01 02 00"),
        GbVector {
            name: "component text",
            dialect: standard,
            bytes: gb_frame(6, 5, &hex(&format!("07 01 80 01 11 03 00 00 00 C5 E4 {}", "00 ".repeat(29)))),
        },
        unit("system clock", 7, 5, "08 01 80 01 <t>"),
        unit("device state", 8, 2, "15 01 08 <t>"),
        unit("two device operations", 9, 2, "18 02 31 FA <t> 73 FB <t>"),
        unit("device version", 10, 5, "19 01 03 04"),
        GbVector {
            name: "device text",
            dialect: standard,
            bytes: gb_frame(11, 5, &hex(&format!("1A 01 1E {}", "41 ".repeat(30)))),
        },
        unit("device clock", 12, 5, "1C 01 <t>"),
        unit("read two system states", 13, 4, "3D 02 01 01 0D 02"),
        unit("read a component state", 14, 4, "3E 01 01 01 03 02 11 01"),
        unit("read an analog value", 15, 4, "3F 01 01 01 03 02 11 01"),
        unit("read ten operations", 16, 4, "40 01 01 01 0A <t>"),
        unit("read a version", 17, 4, "41 01 01 01"),
        unit("read a configuration", 18, 4, "42 01 01 01"),
        unit("read a component's configuration", 19, 4, "43 01 01 01 03 02 11 01"),
        unit("read a clock", 20, 4, "44 01 01 01"),
        unit("read the device's state", 21, 4, "51 01 00"),
        unit("read the device's operations", 22, 4, "54 01 0A <t>"),
        unit("read the device's version", 23, 4, "55 01 00"),
        unit("read the device's configuration", 24, 4, "56 01 00"),
        unit("read the device's clock", 25, 4, "58 01 00"),
        unit("initialise", 26, 1, "59 01 00"),
        unit("set the clock", 27, 1, "5A 01 <t>"),
        unit("post check", 28, 1, "5B 01 05"),
        unit("private type", 29, 2, "96 01 40 40 23 23"),
        unit("private command", 30, 0x80, "96 01 23 23 40 40"),
        GbVector { name: "empty keep-alive", dialect: handshake, bytes: gb_frame(31, 2, &[]) },
        GbVector {
            name: "long addresses",
            dialect: long,
            bytes: gb_frame(
                32,
                2,
                &hex(&format!(
                    "02 01 80 01 35 30 30 30 31 30 30 30 33 05 C5 E4 {} 04 00 09 02 07 15",
                    "00 ".repeat(30)
                )),
            ),
        },
        vector("private heartbeat", standard, "40 40 07 25 51 80 12 FF 04 88 23 23"),
    ]
}

/// The vendor's confirmation that carries the checksum of the request it answers.
pub(crate) fn gb_confirm_with_stale_sum() -> Vec<u8> {
    hex("40 40 69 00 10 00 0A 11 0E 03 06 15 AC 10 3C D5 6D 1D 00 00 00 00 00 00 01 00 03 17 30 23 23")
}

/// A frame of the fictional device around `unit`.
pub(crate) fn gb_frame(serial: u8, command: u8, unit: &[u8]) -> Vec<u8> {
    let mut frame = hex("40 40 00 00 01 01 0F 1E 08 17 0B 1A 11 0E EB 29 64 00 01 00 00 00 00 00");
    frame[2] = serial;
    frame.extend(u16::try_from(unit.len()).expect("short").to_le_bytes());
    frame.push(command);
    frame.extend_from_slice(unit);
    frame.push(wire::gb26875::checksum(&frame[2..]));
    frame.extend(b"##");
    frame
}
