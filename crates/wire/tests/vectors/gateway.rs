//! Frames of the vendor gateway protocol. All of them are fictional; the ciphertext of the downlink is that of the
//! project's reference, made by another implementation of the cipher.

use wire::cloud7b7b::LocalTime;
use wire::gateway1f1f::{
    Authentication, FrameType, GatewayId, Heartbeat, Meter, Port, Report, Secret, Step, Transparent, Value,
    encode_frame,
};

/// A frame of the vendor gateway protocol.
pub(crate) struct GatewayVector {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// The secret of all of them.
pub(crate) const SECRET: &[u8] = b"0123456789abcdef";

pub(crate) fn secret() -> Secret {
    Secret::try_from(SECRET).expect("16 bytes")
}

pub(crate) fn id() -> GatewayId {
    GatewayId::new("B1", "GW-001").expect("a good id")
}

pub(crate) fn report() -> Report {
    let value = |id: &str, text: &str, error: &str| Value {
        id: id.to_owned(),
        text: text.to_owned(),
        error: error.to_owned(),
    };
    Report {
        id: Some(id()),
        time: Some(LocalTime::new(2026, 1, 2, 3, 4, 5).expect("a time")),
        meters: vec![
            Meter { id: "01001".to_owned(), values: vec![value("WPP", "433.31", ""), value("IL", "35", "")] },
            Meter { id: "01002".to_owned(), values: vec![value("WPP", "", "1")] },
        ],
    }
}

pub(crate) fn transparent() -> Transparent {
    let rtu = vec![0x02, 0x03, 0x00, 0x00, 0x00, 0x01, 0x84, 0x39];
    Transparent { port: Port::new(1, 2).expect("a port"), rtu }
}

pub(crate) fn gateway() -> Vec<GatewayVector> {
    let step = |step| Authentication { id: id(), step }.encode();
    let md5 = secret().answer("123456");
    let time = LocalTime::new(2026, 1, 2, 3, 4, 5).ok();
    let vector = |name, bytes| GatewayVector { name, bytes };
    vec![
        vector("request", step(Step::Request)),
        vector("sequence", step(Step::Sequence("123456".to_owned()))),
        vector("md5", step(Step::Md5(md5))),
        vector("pass", step(Step::Result(true))),
        vector("fail", step(Step::Result(false))),
        vector("heartbeat", Heartbeat { id: Some(id()), time: None }.encode()),
        vector("empty heartbeat", encode_frame(FrameType::Heartbeat, &[])),
        vector("heartbeat answer", Heartbeat { id: Some(id()), time }.encode()),
        vector("report", report().seal(&secret(), false)),
        vector("compressed report", report().seal(&secret(), true)),
        vector("downlink", transparent().seal(FrameType::Downlink, &secret())),
        vector("downlink answer", transparent().seal(FrameType::DownlinkAnswer, &secret())),
    ]
}
