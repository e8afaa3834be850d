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
pub(crate) fn asj_write_with_wrong_sum() -> Vec<u8> {
    hex("01 10 00 04 00 03 06 09 0C 01 05 0C 00 53 3F")
}
