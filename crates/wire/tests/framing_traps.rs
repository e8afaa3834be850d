//! The traps of both framings, each by name.

#[cfg(test)]
#[expect(dead_code, reason = "the vectors are for the five ways; here only the hex reader is used")]
mod vectors;

#[cfg(test)]
mod cloud {
    use wire::cloud7b7b::{
        BodyError, ControlAnswer, Deframer, FrameError, RawFrame, Refused, SegmentData, SerialNumber, Uplink,
        encode_frame,
    };
    use wire::crc16;
    use wire::modbus::{Answer, AnswerError, Exception, InnerCrc};

    use crate::vectors::hex;

    const SERIAL: &[u8; 20] = b"00000000000001\0\0\0\0\0\0";

    fn deframe(bytes: &[u8]) -> Vec<Result<RawFrame, Refused>> {
        let mut deframer = Deframer::default();
        deframer.push(bytes);
        std::iter::from_fn(|| deframer.next_frame()).collect()
    }

    fn only_frame(bytes: &[u8]) -> RawFrame {
        let mut items = deframe(bytes);
        assert_eq!(items.len(), 1, "{items:02X?}");
        items.remove(0).unwrap()
    }

    fn upload(bytes: &[u8]) -> wire::cloud7b7b::Upload {
        match Uplink::parse(&only_frame(bytes)).unwrap() {
            Uplink::Upload(upload) => upload,
            other => panic!("had {other:?}, wanted an upload"),
        }
    }

    #[test]
    fn trap_1_the_high_byte_of_the_crc_is_an_end_mark_byte() {
        let upload = upload(&hex("7B 7B 91 5B 5B 31 2D 31 28 28 01 03 02 04 10 29 29 5D 5D 43 7D 7D 7D"));
        assert_eq!(upload.segments[0].registers(), [1040]);
        assert_eq!(upload.serial, None);
    }

    #[test]
    fn trap_1_the_crc_itself_is_an_end_mark() {
        let frame = (0..=u16::MAX)
            .map(|body| encode_frame(0x91, &body.to_be_bytes()))
            .find(|frame| frame.ends_with(b"}}}}"))
            .unwrap();
        assert_eq!(only_frame(&frame).bytes, frame);
        // Byte by byte the first end mark comes two bytes too early.
        let mut deframer = Deframer::default();
        for (at, byte) in frame.iter().enumerate() {
            deframer.push(&[*byte]);
            assert_eq!(deframer.next_frame().is_some(), at + 1 == frame.len());
        }
    }

    #[test]
    fn trap_1_the_data_are_an_end_mark() {
        let upload =
            upload(&hex("7B 7B 91 5B 5B 31 2D 31 28 28 01 03 02 7D 7D 59 35 29 29 5D 5D F2 E8 7D 7D"));
        assert_eq!(upload.segments[0].registers(), [0x7D7D]);
        assert_eq!(upload.segments[0].inner_crc, InnerCrc::Good);
    }

    #[test]
    fn trap_1_the_data_hold_a_whole_frame() {
        let inside = hex("7D 7D 7B 7B 94 BE EF 7D 7D 00");
        let body = [b"[[1-1((\x01\x03\x0A".as_slice(), &inside, b"))]]"].concat();
        let upload = upload(&encode_frame(0x91, &body));
        assert_eq!(upload.segments[0].data(), inside);
    }

    #[test]
    fn trap_2_the_data_hold_the_marks_of_the_text() {
        for data in [*b"))]]", *b"]]))", *b"]][[", *b"((((", *b"))))"] {
            for inner in [InnerCrc::Absent, InnerCrc::Good] {
                let mut answer = [&[0x01, 0x03, 0x04][..], &data].concat();
                if inner == InnerCrc::Good {
                    crc16::append(&mut answer);
                }
                let body = [b"[[1-1((".as_slice(), &answer, b"))]]"].concat();
                let upload = upload(&encode_frame(0x91, &body));
                assert_eq!(upload.segments.len(), 1);
                assert_eq!(upload.segments[0].data(), data);
                assert_eq!(upload.segments[0].inner_crc, inner);
            }
        }
    }

    #[test]
    fn trap_2_the_inner_crc_is_a_text_mark() {
        let mark = u16::from_le_bytes(*b"))");
        let value = (0..=u16::MAX)
            .map(u16::to_be_bytes)
            .find(|[high, low]| crc16::checksum(&[1, 3, 2, *high, *low]) == mark);
        let value = value.unwrap();
        let body = [b"[[1-1((\x01\x03\x02".as_slice(), &value, b"))))]]"].concat();
        let upload = upload(&encode_frame(0x91, &body));
        assert_eq!(upload.segments[0].data(), value);
        assert_eq!(upload.segments[0].inner_crc, InnerCrc::Good);
    }

    #[test]
    fn trap_3_the_outer_crc_does_not_see_data_that_end_in_their_own_crc() {
        let frame_of = |value: u16| {
            let [high, low] = value.to_be_bytes();
            let mut answer = vec![0x01, 0x03, 0x02, high, low];
            crc16::append(&mut answer);
            encode_frame(0x91, &[b"[[1-1((".as_slice(), &answer, b"))]]"].concat())
        };
        let (one, other) = (frame_of(328), frame_of(30_000));
        assert_eq!(one[one.len() - 4..], other[other.len() - 4..], "the outer sums differ after all");

        // So a splice of both has a good outer sum; only the inner one shows the damage.
        let mut spliced = one;
        let [high, low] = 30_000u16.to_be_bytes();
        spliced[13] = high;
        spliced[14] = low;
        let outer = crc16::checksum(&spliced[2..spliced.len() - 4]);
        let len = spliced.len();
        spliced[len - 4..len - 2].copy_from_slice(&crc16::to_wire(outer));
        let error = Uplink::parse(&only_frame(&spliced)).unwrap_err();
        assert!(matches!(error, BodyError::Answer { offset: 7, error: AnswerError::Crc { .. } }), "{error}");
    }

    #[test]
    fn a_stray_start_byte_in_front_does_not_hide_the_frame() {
        let items = deframe(&hex("7B 7B 7B 94 BE EF 7D 7D"));
        assert_eq!(items.len(), 2);
        assert_eq!(items[0].as_ref().unwrap_err().bytes[..], [0x7B]);
        assert_eq!(items[1].as_ref().unwrap().command, 0x94);
    }

    #[test]
    fn a_frame_behind_a_broken_one_comes_when_the_line_goes_quiet() {
        let mut deframer = Deframer::default();
        deframer.push(&hex("7B 7B 94 BE EE 7D 7D"));
        deframer.push(&hex("7B 7B 94 BE EF 7D 7D"));
        assert!(deframer.next_frame().is_none(), "the first end may still come");
        let items = deframer.on_idle();
        assert_eq!(items[0].as_ref().unwrap_err().error, FrameError::Crc { had: 0xEEBE, wanted: 0xEFBE });
        assert_eq!(items[1].as_ref().unwrap().command, 0x94);
        assert_eq!(items.len(), 2);
    }

    #[test]
    fn a_frame_behind_a_broken_one_comes_at_the_size_limit() {
        let good = hex("7B 7B 94 BE EF 7D 7D");
        let mut deframer = Deframer::new(40);
        deframer.push(&hex("7B 7B 91 01 02"));
        let mut items = Vec::new();
        for _ in 0..5 {
            deframer.push(&good);
            items.extend(std::iter::from_fn(|| deframer.next_frame()));
        }
        assert_eq!(items.len(), 6, "{items:02X?}");
        assert_eq!(items[0].as_ref().unwrap_err().error, FrameError::NoEnd { had: 5 });
        assert!(items[1..].iter().all(Result::is_ok));
    }

    #[test]
    fn a_start_that_never_ends_is_dropped_at_the_limit() {
        let mut deframer = Deframer::new(64);
        let mut refused = 0;
        deframer.push(&hex("7B 7B 91"));
        for _ in 0..1_000 {
            deframer.push(&[0x00; 10]);
            while let Some(item) = deframer.next_frame() {
                refused += item.unwrap_err().bytes.len();
            }
            assert!(deframer.buffered() <= 66);
        }
        assert!(refused > 9_900);
        deframer.push(&hex("7B 7B 94 BE EF 7D 7D"));
        let last: Vec<_> = std::iter::from_fn(|| deframer.next_frame()).collect();
        assert_eq!(last.last().unwrap().as_ref().unwrap().command, 0x94);
    }

    #[test]
    fn a_frame_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
        let frame = encode_frame(0x91, &[0x11; 33]);
        for (limit, is_taken) in [(40, true), (39, false)] {
            let mut deframer = Deframer::new(limit);
            deframer.push(&frame);
            let mut items: Vec<_> = std::iter::from_fn(|| deframer.next_frame()).collect();
            items.extend(deframer.on_idle());
            assert_eq!(items.iter().any(Result::is_ok), is_taken);
        }
    }

    #[test]
    fn thousands_of_starts_without_an_end_lose_no_byte() {
        // Every four bytes a new start, and end marks with wrong sums between: the worst for a search that
        // begins again at each start.
        let hostile = hex("7B 7B 7D 7D").repeat(16 * 1024);
        let mut deframer = Deframer::default();
        let mut refused = 0;
        for piece in hostile.chunks(1024) {
            deframer.push(piece);
            while let Some(item) = deframer.next_frame() {
                refused += item.unwrap_err().bytes.len();
            }
        }
        assert!(refused + deframer.buffered() == hostile.len());
    }

    #[test]
    fn login_of_older_and_newer_firmware() {
        let iccid = [b"89860000000000000001".as_slice(), &[0; 10]].concat();
        let least = [SERIAL.as_slice(), &iccid].concat();
        let known = [least.as_slice(), &[0x1A, 1, 2, 1, 0, 1, 0, 30]].concat();
        for (body, signal, interval_min, extra) in [
            (least.clone(), None, None, 0),
            ([least.as_slice(), &[0x1A]].concat(), Some(0x1A), None, 0),
            (known.clone(), Some(0x1A), Some(30), 0),
            ([known.as_slice(), b"new"].concat(), Some(0x1A), Some(30), 3),
        ] {
            let frame = encode_frame(0x84, &body);
            let Uplink::Login(login) = Uplink::parse(&only_frame(&frame)).unwrap() else {
                panic!("no login")
            };
            assert_eq!(login.serial.as_str(), "00000000000001");
            assert_eq!(login.iccid.as_deref(), Some("89860000000000000001"));
            assert_eq!((login.signal, login.interval_min, login.extra.len()), (signal, interval_min, extra));
            assert_eq!(Uplink::Login(login).encode(), frame);
        }
        let short = encode_frame(0x84, &least[..49]);
        assert_eq!(
            Uplink::parse(&only_frame(&short)),
            Err(BodyError::Length { command: "login", had: 49, wanted: "at least 50" })
        );
    }

    #[test]
    fn firmware_versions_read_as_they_are_printed() {
        let body = [SERIAL.as_slice(), &[0; 30], &[0x1A, 0x01, 0x02, 0x10, 0x25, 0x01, 0x00, 0x1E]].concat();
        let Uplink::Login(login) = Uplink::parse(&only_frame(&encode_frame(0x84, &body))).unwrap() else {
            panic!("no login")
        };
        assert_eq!(login.firmware.map(|version| version.unwrap().to_string()), ["1.02", "10.25", "1.00"]);
        assert_eq!(login.iccid, None);
    }

    #[test]
    fn a_serial_number_of_blanks_or_junk_is_refused() {
        for (field, name) in [([0x00; 20], "serial"), ([0x20; 20], "serial"), ([0x07; 20], "serial")] {
            let error = Uplink::parse(&only_frame(&encode_frame(0x93, &field))).unwrap_err();
            assert_eq!(error.name(), name);
        }
        assert_eq!(SerialNumber::new("").unwrap_err().to_string(), "0 characters, wanted 1 to 20");
        assert!(SerialNumber::new("123456789012345678901").is_err());
        assert!(SerialNumber::new("12 34").is_err());
    }

    #[test]
    fn control_answers_in_all_three_forms() {
        let answer = hex("01 03 02 01 48 B9 E2");
        let parse = |body: &[u8]| match Uplink::parse(&only_frame(&encode_frame(0x90, body))).unwrap() {
            Uplink::ControlAnswer(answer) => answer,
            other => panic!("had {other:?}, wanted a control answer"),
        };
        let with_serial = parse(&[SERIAL.as_slice(), &answer].concat());
        assert_eq!(with_serial.serial().unwrap().as_str(), "00000000000001");
        assert_eq!(with_serial.answer().and_then(Answer::registers).unwrap(), [328]);
        let alone = parse(&answer);
        assert_eq!(alone.serial(), None);
        assert_eq!(alone.answer(), with_serial.answer());
        let ack = parse(SERIAL);
        assert!(matches!(ack, ControlAnswer::WriteAck { ref serial } if serial.as_str() == "00000000000001"));
        // Twenty bytes of RTU answer are no serial number.
        let mut long = vec![0x01, 0x01, 15];
        long.extend([0x55; 15]);
        crc16::append(&mut long);
        assert_eq!(long.len(), 20);
        assert!(parse(&long).answer().is_some());
    }

    #[test]
    fn control_answer_with_a_wrong_inner_sum_is_refused() {
        let error =
            Uplink::parse(&only_frame(&encode_frame(0x90, &hex("01 03 02 01 49 B9 E2")))).unwrap_err();
        assert_eq!(error.name(), "inner_crc");
    }

    #[test]
    fn several_segments_with_and_without_inner_crc_and_an_exception() {
        let body = [
            b"[[1-1((".as_slice(),
            &hex("01 03 02 01 48 B9 E2"),
            b"))]][[1-2((",
            &hex("02 04 02 00 2A"),
            b"))]][[2-1((",
            &hex("03 83 0B"),
            b"))]]",
        ]
        .concat();
        let upload = upload(&encode_frame(0x91, &[SERIAL.as_slice(), &body].concat()));
        let addresses: Vec<&str> = upload.segments.iter().map(|segment| segment.address.as_str()).collect();
        assert_eq!(addresses, ["1-1", "1-2", "2-1"]);
        assert_eq!(upload.segments[1].registers(), [42]);
        assert_eq!(upload.segments[2].data, SegmentData::Exception(Exception::GatewayTargetFailedToRespond));
        assert_eq!(upload.segments[2].function, 3);
    }

    #[test]
    fn uploads_that_are_none_say_why() {
        for (body, name) in [
            (b"".as_slice(), "body_length"),
            (SERIAL, "no_segment"),
            (b"[[1-1((\x01\x03\x02\x01\x48))]", "mark"),
            (b"[[1-1((\x01\x03\x02\x01\x48))]]x", "mark"),
            (b"[[1-1((\x01\x03\x04\x01\x48))]]", "mark"),
            (b"[[1-1((\x01\x03\x20\x01\x48))]]", "inner_answer"),
            (b"[[1-1((\x01\x06\x02\x01\x48))]]", "inner_function"),
            (b"[[((\x01\x03\x02\x01\x48))]]", "segment_address"),
            (b"[[1\x001((\x01\x03\x02\x01\x48))]]", "segment_address"),
            (b"[[a-very-long-address-that-never-finds-its-end((\x01", "mark"),
        ] {
            let had = Uplink::parse(&only_frame(&encode_frame(0x91, body)));
            let error = had.expect_err(&String::from_utf8_lossy(body));
            assert_eq!(error.name(), name, "{}: {error}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn the_vendors_stored_upload_is_cut_short_and_never_becomes_a_frame() {
        let mut cut = hex("7B 7B 91");
        cut.extend_from_slice(SERIAL);
        cut.extend_from_slice(b"[[1-1");
        let mut deframer = Deframer::default();
        deframer.push(&cut);
        assert!(deframer.next_frame().is_none());
        let refused = deframer.on_idle().remove(0).unwrap_err();
        assert_eq!(refused.error, FrameError::NoEnd { had: cut.len() });
        assert_eq!(refused.bytes, cut);
    }

    #[test]
    fn an_unknown_command_is_kept_and_the_stream_goes_on() {
        let items = deframe(&[encode_frame(0xA7, b"later"), encode_frame(0x94, b"")].concat());
        let kinds: Vec<&str> =
            items.iter().map(|item| Uplink::parse(item.as_ref().unwrap()).unwrap().name()).collect();
        assert_eq!(kinds, ["unknown", "heartbeat"]);
    }
}

#[cfg(test)]
mod line {
    use bytes::Bytes;
    use wire::modbus::{Answer, Event, Exception, LineConfig, LineMaster, Request};

    fn waiting(request: &Request, heartbeats: &[&'static [u8]]) -> LineMaster {
        let heartbeats = heartbeats.iter().map(|pattern| Bytes::from_static(pattern)).collect();
        let mut master = LineMaster::new(LineConfig { heartbeats, ..LineConfig::default() }).unwrap();
        master.submit(request.clone()).unwrap();
        master.poll_transmit(0).unwrap();
        master
    }

    fn read() -> Request {
        Request::read_holding_registers(1, 0x4A, 2).unwrap()
    }

    fn answer() -> Vec<u8> {
        Answer::registers_for(&read(), &[100, 200]).unwrap().encode()
    }

    fn noise_of(events: &[Event]) -> Vec<u8> {
        let noise = events.iter().filter_map(|event| match event {
            Event::Noise(noise) => Some(noise.to_vec()),
            Event::Answer { .. } | Event::Exception { .. } | Event::TimedOut { .. } | Event::Heartbeat(_) => {
                None
            }
        });
        noise.flatten().collect()
    }

    #[test]
    fn the_answer_of_another_unit_is_noise() {
        let mut master = waiting(&read(), &[]);
        let foreign = Request::read_holding_registers(2, 0x4A, 2).unwrap();
        let foreign = Answer::registers_for(&foreign, &[1, 2]).unwrap().encode();
        let events = master.feed(&[foreign.clone(), answer()].concat(), 1);
        assert_eq!(noise_of(&events), foreign);
        assert!(matches!(events.last(), Some(Event::Answer { .. })));
    }

    #[test]
    fn an_answer_of_another_length_is_noise() {
        let mut master = waiting(&read(), &[]);
        let foreign = Request::read_holding_registers(1, 0x4A, 3).unwrap();
        let foreign = Answer::registers_for(&foreign, &[1, 2, 3]).unwrap().encode();
        assert_eq!(noise_of(&master.feed(&foreign, 1)), foreign);
    }

    #[test]
    fn a_damaged_answer_is_noise_and_the_repeated_one_is_taken() {
        let mut master = waiting(&read(), &[]);
        let mut damaged = answer();
        damaged[4] ^= 0x08;
        let events = master.feed(&[damaged.clone(), answer()].concat(), 1);
        assert_eq!(noise_of(&events), damaged);
        assert!(matches!(events.last(), Some(Event::Answer { .. })));
    }

    #[test]
    fn the_echo_of_the_request_is_not_its_answer() {
        // Some converters send back what they transmit. The echo of a read has the answer's unit and
        // function; its address byte stands where the byte count would be.
        let mut master = waiting(&read(), &[]);
        let events = master.feed(&[read().encode(), answer()].concat(), 1);
        assert_eq!(noise_of(&events), read().encode());
        assert!(matches!(events.last(), Some(Event::Answer { .. })));
    }

    #[test]
    fn an_exception_is_matched_and_kept() {
        let mut master = waiting(&read(), &[b"HB"]);
        let exception = Answer::exception(&read(), Exception::IllegalDataAddress).encode();
        let events = master.feed(&[b"HB".as_slice(), &exception, b"HB"].concat(), 40);
        assert!(matches!(
            &events[1],
            Event::Exception { exception: Exception::IllegalDataAddress, took_ms: 40, frame, .. } if frame == &exception
        ));
        assert_eq!(events.len(), 3);
    }

    #[test]
    fn a_torn_heartbeat_behind_an_answer_is_put_together() {
        let mut master = waiting(&read(), &[b"BEAT"]);
        let events = master.feed(&[answer().as_slice(), b"BE"].concat(), 1);
        assert_eq!(events.len(), 1);
        assert_eq!(master.feed(b"AT", 900), [Event::Heartbeat(Bytes::from_static(b"BEAT"))]);
    }

    #[test]
    fn an_answer_sent_twice_is_taken_once() {
        let mut master = waiting(&read(), &[]);
        let events = master.feed(&answer().repeat(2), 1);
        assert_eq!(events.len(), 2);
        assert_eq!(noise_of(&events), answer());
    }

    #[test]
    fn a_flood_never_fills_the_buffer() {
        let mut master = waiting(&read(), &[b"BEAT"]);
        let mut heard = 0;
        for round in 0..1_000u64 {
            let events = master.feed(&[0x01, 0x03, 0x04, 0x42, 0x45], round);
            heard += noise_of(&events).len();
            assert!(master.buffered() < 16);
        }
        assert_eq!(heard + master.buffered(), 5_000);
    }
}
