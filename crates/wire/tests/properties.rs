//! Properties of encoders and decoders over arbitrary content.

#[cfg(test)]
mod invariants;
#[cfg(test)]
#[expect(dead_code, reason = "names and roles of the vectors are for the five ways")]
mod vectors;

#[cfg(test)]
mod properties {
    use bytes::Bytes;
    use proptest::prelude::*;
    use wire::cloud7b7b::{
        ControlAnswer, Deframer, Downlink, FirmwareVersion, LocalTime, Login, Segment, SegmentData,
        SerialNumber, Uplink, Upload, encode_frame,
    };
    use wire::crc16;
    use wire::modbus::{Answer, AnswerBody, Exception, InnerCrc, Parse, Request, RequestBody};

    use crate::{invariants, vectors};

    /// Register bytes full of the marks of the protocol.
    fn data(words: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<u8>> {
        let word = prop_oneof![
            3 => any::<[u8; 2]>(),
            1 => Just(*b"{{"),
            1 => Just(*b"}}"),
            1 => Just(*b"))"),
            1 => Just(*b"]]"),
            1 => Just(*b"(("),
            1 => Just(*b"[["),
        ];
        prop::collection::vec(word, words).prop_map(|words| words.concat())
    }

    fn serial() -> impl Strategy<Value = SerialNumber> {
        "[!-Z^-z]{1,20}".prop_map(|text| SerialNumber::new(&text).unwrap())
    }

    fn inner_crc() -> impl Strategy<Value = InnerCrc> {
        prop_oneof![Just(InnerCrc::Absent), Just(InnerCrc::Good)]
    }

    fn segment() -> impl Strategy<Value = Segment> {
        let data = prop_oneof![
            8 => data(0..=60).prop_map(|data| SegmentData::Values(data.into())),
            1 => any::<u8>().prop_map(|code| SegmentData::Exception(Exception::from_code(code))),
        ];
        ("[!-'*-Z^-~]{1,8}", any::<u8>(), 1..=4u8, data, inner_crc()).prop_map(
            |(address, unit, function, data, inner_crc)| Segment { address, unit, function, data, inner_crc },
        )
    }

    fn upload() -> impl Strategy<Value = Upload> {
        (prop::option::of(serial()), prop::collection::vec(segment(), 1..4))
            .prop_map(|(serial, segments)| Upload { serial, segments })
    }

    fn login() -> impl Strategy<Value = Login> {
        (
            serial(),
            prop::option::of("[0-9A-Z]{1,30}"),
            any::<u8>(),
            any::<[[u8; 2]; 3]>(),
            any::<u8>(),
            data(0..=10),
        )
            .prop_map(|(serial, iccid, signal, firmware, interval, extra)| Login {
                serial,
                iccid,
                signal: Some(signal),
                firmware: firmware.map(|version| Some(FirmwareVersion(version))),
                interval_min: Some(interval),
                extra: extra.into(),
            })
    }

    fn request() -> impl Strategy<Value = Request> {
        let body = prop_oneof![
            (any::<u16>(), 1..=2000u16).prop_map(|(start, count)| RequestBody::ReadCoils { start, count }),
            (any::<u16>(), 1..=2000u16)
                .prop_map(|(start, count)| RequestBody::ReadDiscreteInputs { start, count }),
            (any::<u16>(), 1..=125u16)
                .prop_map(|(start, count)| RequestBody::ReadHoldingRegisters { start, count }),
            (any::<u16>(), 1..=125u16)
                .prop_map(|(start, count)| RequestBody::ReadInputRegisters { start, count }),
            (any::<u16>(), any::<bool>())
                .prop_map(|(address, on)| RequestBody::WriteSingleCoil { address, on }),
            (any::<u16>(), any::<u16>())
                .prop_map(|(address, value)| RequestBody::WriteSingleRegister { address, value }),
            (any::<u16>(), prop::collection::vec(any::<bool>(), 1..=1968))
                .prop_map(|(start, coils)| RequestBody::WriteMultipleCoils { start, coils }),
            (any::<u16>(), prop::collection::vec(any::<u16>(), 1..=123))
                .prop_map(|(start, values)| RequestBody::WriteMultipleRegisters { start, values }),
        ];
        (1..=247u8, body)
            .prop_filter_map("runs past the last address", |(unit, body)| Request::new(unit, body).ok())
    }

    fn answer() -> impl Strategy<Value = Answer> {
        let body = prop_oneof![
            data(0..=120).prop_map(|data| AnswerBody::ReadHoldingRegisters(data.into())),
            data(0..=120).prop_map(|data| AnswerBody::ReadInputRegisters(data.into())),
            data(0..=120).prop_map(|data| AnswerBody::ReadCoils(data.into())),
            data(0..=120).prop_map(|data| AnswerBody::ReadDiscreteInputs(data.into())),
            (any::<u16>(), any::<bool>())
                .prop_map(|(address, on)| AnswerBody::WriteSingleCoil { address, on }),
            (any::<u16>(), any::<u16>())
                .prop_map(|(address, value)| AnswerBody::WriteSingleRegister { address, value }),
            (any::<u16>(), any::<u16>())
                .prop_map(|(start, count)| AnswerBody::WriteMultipleCoils { start, count }),
            (any::<u16>(), any::<u16>())
                .prop_map(|(start, count)| AnswerBody::WriteMultipleRegisters { start, count }),
            (0..0x80u8, any::<u8>()).prop_map(|(function, code)| AnswerBody::Exception {
                function,
                exception: Exception::from_code(code)
            }),
        ];
        (any::<u8>(), body).prop_map(|(unit, body)| Answer { unit, body })
    }

    fn local_time() -> impl Strategy<Value = LocalTime> {
        (2000..=2099u16, 1..=12u8, 1..=28u8, 0..24u8, 0..60u8, 0..60u8).prop_map(
            |(year, month, day, hour, minute, second)| {
                LocalTime::new(year, month, day, hour, minute, second).unwrap()
            },
        )
    }

    /// A frame whose body holds its own sum and an end mark cannot be told from a shorter one. Data drawn
    /// at random do so once in 65536 end marks.
    fn is_ambiguous(frame: &[u8]) -> bool {
        (7..frame.len()).any(|end| {
            let front = &frame[..end];
            front.ends_with(b"}}") && crc16::split(&front[2..end - 2]).is_some_and(|split| split.is_good())
        })
    }

    fn deframe(pieces: &[&[u8]]) -> Vec<wire::cloud7b7b::RawFrame> {
        let mut deframer = Deframer::default();
        let mut frames = Vec::new();
        for piece in pieces {
            deframer.push(piece);
            frames
                .extend(std::iter::from_fn(|| deframer.next_frame()).map(|item| item.expect("a good frame")));
        }
        frames
    }

    proptest! {
        #[test]
        fn uplinks_survive_the_wire_however_they_are_cut(
            uplinks in prop::collection::vec(prop_oneof![
                login().prop_map(Uplink::Login),
                upload().prop_map(Uplink::Upload),
                serial().prop_map(|serial| Uplink::TimeRequest { serial }),
                Just(Uplink::Heartbeat),
                serial().prop_map(|serial| Uplink::ControlAnswer(ControlAnswer::WriteAck { serial })),
                (answer(), inner_crc()).prop_map(|(answer, inner_crc)|
                    Uplink::ControlAnswer(ControlAnswer::AnswerAlone { answer, inner_crc })),
                (serial(), answer(), inner_crc()).prop_map(|(serial, answer, inner_crc)|
                    Uplink::ControlAnswer(ControlAnswer::SerialAndAnswer { serial, answer, inner_crc })),
            ], 1..5),
            cut in any::<prop::sample::Index>(),
        ) {
            let frames: Vec<Vec<u8>> = uplinks.iter().map(Uplink::encode).collect();
            prop_assume!(!frames.iter().any(|frame| is_ambiguous(frame)));
            let stream = frames.concat();
            let (front, back) = stream.split_at(cut.index(stream.len()));
            let read: Vec<Uplink> =
                deframe(&[front, back]).iter().map(|frame| Uplink::parse(frame).unwrap()).collect();
            prop_assert_eq!(read, uplinks);
        }

        #[test]
        fn downlinks_survive_the_wire(downlink in prop_oneof![
            Just(Downlink::LoginAck),
            Just(Downlink::UploadAck),
            local_time().prop_map(Downlink::TimeAnswer),
            request().prop_map(Downlink::Control),
        ]) {
            let bytes = downlink.encode();
            prop_assume!(!is_ambiguous(&bytes));
            let frames = deframe(&[&bytes]);
            prop_assert_eq!(frames.len(), 1);
            prop_assert_eq!(Downlink::parse(&frames[0]).unwrap(), downlink);
        }

        #[test]
        fn any_command_and_body_come_back(command in any::<u8>(), body in data(0..=500)) {
            // 7B is no command: it would be one more byte of the start mark.
            prop_assume!(command != 0x7B);
            let bytes = encode_frame(command, &body);
            prop_assume!(!is_ambiguous(&bytes));
            let frames = deframe(&[&bytes]);
            prop_assert_eq!(frames.len(), 1);
            prop_assert_eq!(frames[0].command, command);
            prop_assert_eq!(&frames[0].body[..], &body[..]);
        }

        #[test]
        fn a_wrong_inner_sum_is_refused_although_the_outer_is_right(upload in upload(), bit in 0..16usize) {
            let mut upload = upload;
            let Some(segment) = upload.segments.first_mut() else { return Ok(()) };
            segment.inner_crc = InnerCrc::Good;
            let mut answer = vec![segment.unit];
            match &segment.data {
                SegmentData::Values(data) => {
                    answer.extend([segment.function, u8::try_from(data.len()).unwrap()]);
                    answer.extend_from_slice(data);
                }
                SegmentData::Exception(exception) => answer.extend([segment.function | 0x80, exception.code()]),
            }
            let mut sum = crc16::checksum(&answer);
            sum ^= 1 << bit;
            let mut body = [b"[[", segment.address.as_bytes(), b"((", &answer].concat();
            body.extend_from_slice(&crc16::to_wire(sum));
            body.extend_from_slice(b"))]]");
            let frame = encode_frame(0x91, &body);
            prop_assume!(!is_ambiguous(&frame));
            let error = Uplink::parse(&deframe(&[&frame])[0]).unwrap_err();
            prop_assert_eq!(error.name(), "inner_crc");
        }

        #[test]
        fn requests_survive_the_wire(request in request(), behind in any::<[u8; 3]>()) {
            let mut bytes = request.encode();
            let len = bytes.len();
            prop_assert!(len <= 256);
            bytes.extend(behind);
            prop_assert_eq!(Request::parse(&bytes), Parse::Complete { value: request.clone(), len });
            for cut in 0..len {
                let is_waiting = matches!(Request::parse(&bytes[..cut]), Parse::NeedMore { wanted } if wanted > cut);
                prop_assert!(is_waiting, "cut at {}", cut);
            }
        }

        #[test]
        fn answers_survive_the_wire(answer in answer(), behind in any::<[u8; 3]>()) {
            let mut bytes = answer.encode();
            let len = bytes.len();
            prop_assert_eq!(Answer::parse_whole(&bytes), Ok((answer.clone(), InnerCrc::Good)));
            bytes.extend(behind);
            prop_assert_eq!(Answer::parse(&bytes), Parse::Complete { value: answer, len });
        }

        #[test]
        fn times_survive_the_wire(time in local_time()) {
            prop_assert_eq!(LocalTime::from_wire(&time.to_wire()), Ok(time));
            prop_assert!((1..=7).contains(&time.weekday()));
        }

        #[test]
        fn invariants_hold_for_any_bytes(data in prop::collection::vec(any::<u8>(), 0..300)) {
            for (target, _) in invariants::TARGETS {
                invariants::run(target, &data);
            }
        }

        #[test]
        fn invariants_hold_for_damaged_frames(
            picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..6),
            head in any::<[u8; 4]>(),
        ) {
            let mut frames: Vec<Vec<u8>> = vectors::cloud().into_iter().map(|vector| vector.bytes).collect();
            for vector in vectors::modbus() {
                frames.extend([vector.request, vector.answer]);
            }
            let mut stream = head.to_vec();
            for (which, place, damage) in picks {
                let mut frame = which.get(&frames).clone();
                let at = place.index(frame.len());
                match damage % 4 {
                    0 => frame[at] ^= damage,
                    1 => frame.truncate(at),
                    2 => frame.insert(at, damage),
                    _ => {}
                }
                stream.extend(frame);
            }
            for (target, _) in invariants::TARGETS {
                invariants::run(target, &stream);
            }
        }
    }

    #[test]
    fn values_are_the_bytes_of_the_wire() {
        let data = Bytes::from_static(&[0x01, 0x48, 0xFF, 0xFE]);
        let segment = Segment {
            address: "1-1".to_owned(),
            unit: 1,
            function: 3,
            data: SegmentData::Values(data.clone()),
            inner_crc: InnerCrc::Absent,
        };
        assert_eq!(segment.data(), &data[..]);
        assert_eq!(segment.registers(), [328, 0xFFFE]);
    }
}
