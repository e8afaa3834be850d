//! The vendor gateway protocol: vectors five ways, what they say, what is refused, properties.

#[cfg(test)]
#[path = "vectors/gateway.rs"]
mod vectors;

#[cfg(test)]
mod gateway {
    use proptest::prelude::*;
    use wire::cloud7b7b::LocalTime;
    use wire::gateway1f1f::{
        Authentication, CipherError, Deframer, FrameError, FrameType, GatewayId, HEADER_LEN, Heartbeat,
        Limits, MessageError, Meter, Port, RawFrame, Refused, Report, Secret, Step, Transparent, Value,
        XmlError, encode_frame,
    };
    use wire::{Direction, explain};

    use crate::vectors::{self, secret};

    const MAX: usize = 4_096;
    /// Noise that cannot be mistaken for a frame, ending in half a head.
    const NOISE: [u8; 6] = [0x00, 0xFF, 0x0D, 0x0A, 0x55, 0x1F];

    #[derive(Default)]
    struct Heard {
        frames: Vec<Vec<u8>>,
        refused: Vec<u8>,
    }

    struct Ear {
        deframer: Deframer,
        heard: Heard,
    }

    impl Ear {
        fn new() -> Self {
            Self { deframer: Deframer::new(MAX), heard: Heard::default() }
        }

        fn hear(&mut self, piece: &[u8]) -> &mut Self {
            self.deframer.push(piece);
            let items = std::iter::from_fn(|| self.deframer.next_frame()).collect();
            self.sort(items);
            self
        }

        fn quiet(&mut self) -> &mut Self {
            let items = self.deframer.on_idle();
            self.sort(items);
            self
        }

        fn sort(&mut self, items: Vec<Result<RawFrame, Refused>>) {
            for item in items {
                match item {
                    Ok(frame) => self.heard.frames.push(frame.bytes.to_vec()),
                    Err(refused) => self.heard.refused.extend_from_slice(&refused.bytes),
                }
            }
        }
    }

    /// What a frame says, read with the secret of the vectors.
    fn said(bytes: &[u8]) -> Option<String> {
        let limits = Limits::default();
        let data = bytes.get(HEADER_LEN..)?;
        match FrameType::from_code(*bytes.get(2)?)? {
            FrameType::Authentication => Authentication::parse(data, &limits).ok().map(|a| format!("{a:?}")),
            FrameType::Heartbeat => Heartbeat::parse(data, &limits).ok().map(|h| format!("{h:?}")),
            kind @ (FrameType::Data | FrameType::CompressedData) => {
                Report::open(kind, data, &secret(), &limits).ok().map(|r| format!("{r:?}"))
            }
            FrameType::Downlink => Transparent::open(data, &secret()).ok().map(|t| format!("down {t:?}")),
            FrameType::DownlinkAnswer => Transparent::open(data, &secret()).ok().map(|t| format!("up {t:?}")),
        }
    }

    #[test]
    fn every_vector_five_ways() {
        for vector in vectors::gateway() {
            let (name, message) = (vector.name, vector.bytes);
            let mut ear = Ear::new();
            ear.hear(&message);
            assert_eq!(ear.heard.frames, std::slice::from_ref(&message), "{name}: whole");
            assert!(ear.heard.refused.is_empty(), "{name}: whole");
            assert!(said(&message).is_some(), "{name}: read");

            let mut ear = Ear::new();
            for (at, byte) in message.iter().enumerate() {
                ear.hear(&[*byte]);
                assert_eq!(ear.heard.frames.len(), usize::from(at + 1 == message.len()), "{name}: at {at}");
            }

            let mut ear = Ear::new();
            ear.hear(&[message.clone(), message.clone(), message.clone()].concat());
            assert_eq!(ear.heard.frames, vec![message.clone(); 3], "{name}: glued");

            let mut ear = Ear::new();
            ear.hear(&NOISE).hear(&message);
            // Half a head before a head: the marks run together, and the frame is found all the same.
            ear.quiet();
            let all = [ear.heard.refused.clone(), ear.heard.frames.concat()].concat();
            assert_eq!(all.len(), NOISE.len() + message.len(), "{name}: after noise, bytes lost");
            let mut ear = Ear::new();
            ear.hear(&NOISE[..5]).hear(&message);
            assert_eq!(ear.heard.frames, std::slice::from_ref(&message), "{name}: after noise");
            assert_eq!(ear.heard.refused, NOISE[..5], "{name}: after noise");

            for bit in 0..message.len() * 8 {
                let mut flipped = message.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let mut ear = Ear::new();
                ear.hear(&flipped).quiet();
                let bytes: usize = ear.heard.frames.iter().map(Vec::len).sum();
                assert_eq!(bytes + ear.heard.refused.len(), flipped.len(), "{name}: bit {bit}, bytes lost");
                assert!(!ear.heard.frames.contains(&message), "{name}: bit {bit}, heard as it was");
                ear.hear(&message);
                assert_eq!(ear.heard.frames.last(), Some(&message), "{name}: bit {bit}, then whole");
            }
        }
    }

    #[test]
    fn a_flipped_bit_under_the_cipher_never_reads_as_the_same_report() {
        let limits = Limits::default();
        for (kind, compressed) in [(FrameType::Data, false), (FrameType::CompressedData, true)] {
            let frame = vectors::report().seal(&secret(), compressed);
            let mut read = 0;
            for bit in HEADER_LEN * 8..frame.len() * 8 {
                let mut flipped = frame.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                if let Ok(other) = Report::open(kind, &flipped[HEADER_LEN..], &secret(), &limits) {
                    assert_ne!(other, vectors::report(), "bit {bit}");
                    read += 1;
                }
            }
            // The cipher has no sum: now and then damage in a name or a digit reads well. Under zlib its sum tells.
            assert!(read < frame.len() / 8, "{read} damaged reports read");
            assert!(!compressed || read == 0, "zlib's sum covers everything");
        }
    }

    #[test]
    fn the_ciphertext_of_the_reference_is_reproduced() {
        let frame = vectors::transparent().seal(FrameType::Downlink, &secret());
        let hex: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
        let wanted = "0517f6805e9a8685fdb37a6522bdb18c767ee4c3cb6b71823139095186f8bcc4";
        assert_eq!(hex, format!("1f1ff100000020{wanted}"));
        assert_eq!(vectors::transparent().to_text(), "01002|0203000000018439");
        assert_eq!(Transparent::open(&frame[HEADER_LEN..], &secret()), Ok(vectors::transparent()));
    }

    #[test]
    fn the_form_of_the_reference_is_read() {
        let limits = Limits::default();
        let report = br#"<?xml version="1.0" encoding="utf-8"?>
            <root>
              <common><gateway_id>GW-001</gateway_id></common>
              <data>
                <time>20250101123000</time>
                <meter id="01001">
                  <function id="WPP" error="">433.31</function>
                  <function id="PowerHigher" error="">34.55</function>
                </meter>
              </data>
            </root>"#;
        let report = Report::parse(report, &limits).unwrap();
        assert_eq!(report.id, GatewayId::new("", "GW-001").ok());
        assert_eq!(report.time, LocalTime::new(2025, 1, 1, 12, 30, 0).ok());
        assert_eq!(report.meters[0].value("wpp").map(|value| value.text.as_str()), Some("433.31"));
        let md5 = br#"<root><common><building_id>B1</building_id><gateway_id>GW-001</gateway_id>
            <type>id_validate</type></common><id_validate operation="md5"><md5>00FF</md5></id_validate></root>"#;
        let md5 = Authentication::parse(md5, &limits).unwrap();
        assert_eq!((md5.id.serial().as_str(), md5.step), ("B1/GW-001", Step::Md5("00FF".to_owned())));
    }

    #[test]
    fn what_is_refused_says_what_was_had_and_what_was_wanted() {
        let limits = Limits::default();
        let auth = |xml: &str| Authentication::parse(xml.as_bytes(), &limits).unwrap_err().to_string();
        for (xml, wanted) in [
            ("<root/>", "no id_validate"),
            ("<x/>", "no root element `root`"),
            ("<root><id_validate/></root>", "no id_validate/@operation"),
            (
                "<root><id_validate operation=\"login\"/></root>",
                "id_validate/@operation is `login`, wanted request, sequence, md5 or result",
            ),
            ("<root><id_validate operation=\"request\"/></root>", "no common"),
            (
                "<root><common><gateway_id>a/b</gateway_id></common><id_validate operation=\"request\"/></root>",
                "gateway_id `a/b`, wanted at most 40 letters, digits, `-`, `_`, `.` or `:`",
            ),
            ("<!DOCTYPE root><root/>", "xml: a document type declaration, wanted none"),
        ] {
            assert_eq!(auth(xml), wanted, "{xml}");
        }
        let plain = vectors::report().to_xml();
        let other = Secret::try_from(&b"fedcba9876543210"[..]).unwrap();
        let wrong = Report::open(FrameType::Data, &other.encrypt(plain.as_bytes()), &secret(), &limits);
        assert_eq!(wrong, Err(MessageError::Cipher(CipherError::Padding)));
        for (text, part) in [
            ("01002", "text"),
            ("1002|0203", "address"),
            ("01999|0203", "address"),
            ("01002|", "hex"),
            ("01002|020", "hex"),
            ("01002|zz", "hex"),
        ] {
            assert_eq!(Transparent::parse(text.as_bytes()).unwrap_err().part, part, "{text}");
        }
        assert!(matches!(
            Report::parse(b"<root><data><time>yesterday</time></data></root>", &limits),
            Err(MessageError::Value { field: "data/time", .. })
        ));
    }

    #[test]
    fn bombs_of_both_kinds_are_refused() {
        let limits = Limits::default();
        let laughs = format!(
            "<!DOCTYPE r [<!ENTITY a \"{}\"><!ENTITY b \"&a;&a;&a;&a;\">]><root>&b;</root>",
            "ha".repeat(100)
        );
        let sealed = secret().encrypt(laughs.as_bytes());
        assert_eq!(
            Report::open(FrameType::Data, &sealed, &secret(), &limits),
            Err(MessageError::Xml(XmlError::DocType))
        );
        let bomb = wire::gateway1f1f::deflate(&vec![b' '; 100 << 20]);
        let sealed = secret().encrypt(&bomb);
        assert!(matches!(
            Report::open(FrameType::CompressedData, &sealed, &secret(), &limits),
            Err(MessageError::Cipher(CipherError::Bomb { .. }))
        ));
    }

    #[test]
    fn a_length_beyond_the_limit_ends_the_stream_before_any_of_it_is_kept() {
        let mut deframer = Deframer::new(MAX);
        deframer.push(&[0x1F, 0x1F, 0x03, 0xFF, 0xFF, 0xFF, 0xFF]);
        let refused = deframer.next_frame().unwrap().unwrap_err();
        assert_eq!(refused.error, FrameError::TooLong { had: u32::MAX, max: MAX });
        assert!(!refused.error.stream_goes_on());
        assert_eq!(deframer.buffered(), 0);
        let mut deframer = Deframer::new(MAX);
        deframer.push(&[0x1F, 0x1F, 0x05, 0, 0, 0, 0]);
        assert_eq!(deframer.next_frame().unwrap().unwrap_err().error, FrameError::Type { had: 5 });
    }

    #[test]
    fn the_log_names_the_bytes_and_keeps_the_secret() {
        let lines = |bytes: &[u8]| -> Vec<String> {
            explain(bytes, Direction::Up)
                .into_iter()
                .map(|field| format!("{}+{} {} {}", field.offset, field.len, field.name_key, field.value))
                .collect()
        };
        let report = vectors::report().seal(&secret(), false);
        let data_len = report.len() - HEADER_LEN;
        assert_eq!(
            lines(&report),
            [
                "0+2 start_mark 1F 1F".to_owned(),
                "2+1 command 03 data".to_owned(),
                format!("3+4 byte_count {data_len}"),
                format!("7+{data_len} encrypted {data_len} bytes"),
            ]
        );
        for vector in vectors::gateway() {
            let text = lines(&vector.bytes).concat();
            assert!(!text.contains("0123456789abcdef"), "{}: {text}", vector.name);
        }
        assert!(lines(&vectors::gateway()[0].bytes)[3].contains("operation=\"request\""));
    }

    fn words() -> impl Strategy<Value = String> {
        "[ -~]{0,12}".prop_map(|text| text.trim().to_owned())
    }

    fn reports() -> impl Strategy<Value = Report> {
        let value = ("[!-~]{1,12}", words(), words()).prop_map(|(id, text, error)| Value { id, text, error });
        let meter =
            ("[!-~]{1,12}", prop::collection::vec(value, 0..6)).prop_map(|(id, values)| Meter { id, values });
        let time = (2000..=2099u16, 1..=12u8, 1..=28u8, 0..=23u8, 0..=59u8, 0..=59u8)
            .prop_map(|(y, mo, d, h, mi, s)| LocalTime::new(y, mo, d, h, mi, s).unwrap());
        let id = ("[A-Za-z0-9_.:-]{0,40}", "[A-Za-z0-9_.:-]{1,40}")
            .prop_map(|(building, gateway)| GatewayId::new(&building, &gateway).unwrap());
        (prop::option::of(id), prop::option::of(time), prop::collection::vec(meter, 0..5))
            .prop_map(|(id, time, meters)| Report { id, time, meters })
    }

    proptest! {
        #[test]
        fn reports_come_out_as_they_went_in(report in reports(), compressed: bool, key: [u8; 16]) {
            let secret = Secret::try_from(&key[..]).unwrap();
            let frame = report.seal(&secret, compressed);
            let mut deframer = Deframer::new(1 << 20);
            deframer.push(&frame);
            let frame = deframer.next_frame().unwrap().unwrap();
            let read = Report::open(frame.kind, frame.data(), &secret, &Limits::default());
            prop_assert_eq!(read, Ok(report));
        }

        #[test]
        fn transparent_frames_come_out_as_they_went_in(
            port in 0..=99u8, address: u8, rtu in prop::collection::vec(any::<u8>(), 1..=256), key: [u8; 16],
        ) {
            let secret = Secret::try_from(&key[..]).unwrap();
            let frame = Transparent { port: Port::new(port, address).unwrap(), rtu };
            let sealed = frame.seal(FrameType::DownlinkAnswer, &secret);
            prop_assert_eq!(Transparent::open(&sealed[HEADER_LEN..], &secret), Ok(frame));
        }

        #[test]
        fn serials_name_building_and_gateway(building in "[A-Za-z0-9_.:-]{0,40}", gateway in "[A-Za-z0-9_.:-]{1,40}") {
            let id = GatewayId::new(&building, &gateway).unwrap();
            prop_assert_eq!(GatewayId::from_serial(&id.serial()), Ok(id));
        }

        #[test]
        fn any_bytes_after_a_head_are_survived(kind in 0..6usize, data in prop::collection::vec(any::<u8>(), 0..300)) {
            let frame = encode_frame(FrameType::ALL[kind], &data);
            let _read_or_not = said(&frame);
            let encrypted = encode_frame(FrameType::ALL[kind], &secret().encrypt(&data));
            let _read_or_not = said(&encrypted);
        }
    }
}
