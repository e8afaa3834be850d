//! What the telegram log says of known telegrams.

#[cfg(test)]
#[expect(dead_code, reason = "the vectors are for the five ways; here only some are used")]
mod vectors;

#[cfg(test)]
mod explained {
    use crate::vectors;
    use wire::{Direction, explain};

    fn lines(bytes: &[u8], direction: Direction) -> Vec<String> {
        explain(bytes, direction)
            .into_iter()
            .map(|field| format!("{}+{} {} {}", field.offset, field.len, field.name_key, field.value))
            .collect()
    }

    fn cloud(name: &str) -> Vec<String> {
        let vector = vectors::cloud().into_iter().find(|vector| vector.name == name).unwrap();
        lines(&vector.bytes, if vector.is_up { Direction::Up } else { Direction::Down })
    }

    #[test]
    fn a_login() {
        assert_eq!(
            cloud("our login"),
            [
                "0+2 start_mark 7B 7B",
                "2+1 command 84 login",
                "3+20 serial 00000000000001",
                "23+30 iccid 89860000000000000001",
                "53+1 signal 26",
                "54+2 firmware 1.02",
                "56+2 firmware 1.00",
                "58+2 firmware 1.00",
                "60+1 interval_min 30",
                "61+2 crc 73 4E ok",
                "63+2 end_mark 7D 7D",
            ]
        );
    }

    #[test]
    fn an_upload_with_its_inner_sum() {
        assert_eq!(
            cloud("our upload with serial and inner crc"),
            [
                "0+2 start_mark 7B 7B",
                "2+1 command 91 upload",
                "3+20 serial 00000000000001",
                "23+2 segment_start 5B 5B",
                "25+3 segment_address 1-1",
                "28+2 answer_start 28 28",
                "30+1 unit 1",
                "31+1 function 03 read_holding_registers",
                "32+1 byte_count 2",
                "33+2 register 328",
                "35+2 crc_inner B9 E2 ok",
                "37+2 answer_end 29 29",
                "39+2 segment_end 5D 5D",
                "41+2 crc 53 69 ok",
                "43+2 end_mark 7D 7D",
            ]
        );
    }

    #[test]
    fn an_upload_without_inner_sum_and_with_marks_in_its_data() {
        assert_eq!(
            cloud("our upload of 2929 and 5d5d")[7..12],
            [
                "12+1 byte_count 6".to_owned(),
                "13+2 register 10537".to_owned(),
                "15+2 register 23901".to_owned(),
                "17+2 register 31611".to_owned(),
                "19+2 answer_end 29 29".to_owned(),
            ]
        );
    }

    #[test]
    fn a_time_answer_and_acks() {
        assert_eq!(cloud("vendor time answer")[2], "3+7 local_time 2023-10-10 17:07:27");
        assert_eq!(
            cloud("vendor login ack"),
            ["0+2 start_mark 7B 7B", "2+1 command 84 login", "3+2 crc BF 23 ok", "5+2 end_mark 7D 7D"]
        );
    }

    #[test]
    fn control_both_ways() {
        assert_eq!(
            cloud("our control request")[2..9],
            [
                "3+1 unit 1",
                "4+1 function 10 write_multiple_registers",
                "5+2 start_address 0x0057",
                "7+2 count 2",
                "9+1 byte_count 4",
                "10+2 register 1",
                "12+2 register 1",
            ]
        );
        assert_eq!(cloud("our control answer with serial")[2], "3+20 serial 00000000000001");
        assert_eq!(cloud("our control answer alone")[5], "6+2 register 328");
        assert_eq!(cloud("our control write ack")[2], "3+20 serial 00000000000001");
    }

    #[test]
    fn a_wrong_sum_is_called_wrong() {
        let mut bytes = vectors::hex("7B 7B 94 BE EF 7D 7D");
        bytes[3] = 0xBF;
        assert_eq!(lines(&bytes, Direction::Up)[2], "3+2 crc BF EF wrong, wanted BE EF");
        let mut bytes = vectors::hex("01 03 02 01 48 B9 E2");
        bytes[4] = 0x49;
        assert!(lines(&bytes, Direction::Up)[4].starts_with("5+2 crc B9 E2 wrong, wanted "));
    }

    #[test]
    fn modbus_behind_a_dtu() {
        assert_eq!(
            lines(&vectors::hex("01 03 30 01 00 06 9B 08"), Direction::Down),
            [
                "0+1 unit 1",
                "1+1 function 03 read_holding_registers",
                "2+2 start_address 0x3001",
                "4+2 count 6",
                "6+2 crc 9B 08 ok",
            ]
        );
        assert_eq!(
            lines(&vectors::hex("01 83 02 C0 F1"), Direction::Up),
            [
                "0+1 unit 1",
                "1+1 function 83 read_holding_registers",
                "2+1 exception illegal_data_address (2)",
                "3+2 crc C0 F1 ok",
            ]
        );
        assert_eq!(
            lines(&vectors::hex("01 01 03 CD 6B 05 42 82"), Direction::Up)[3],
            "3+3 bits 101100111101011010100000"
        );
    }

    #[test]
    fn text_and_what_is_nothing() {
        assert_eq!(lines(b"861234567890123\r\n", Direction::Up), ["0+17 text 861234567890123"]);
        assert_eq!(lines(&[0xFE], Direction::Up), ["0+1 rest FE"]);
        assert_eq!(lines(&[], Direction::Up), Vec::<String>::new());
        assert_eq!(
            lines(&vectors::hex("7B 7B 84 31"), Direction::Up),
            ["0+2 start_mark 7B 7B", "2+1 command 84 login", "3+1 rest 31"]
        );
    }

    #[test]
    fn a_meter_is_asked_and_answers() {
        let vector = vectors::dlt645().into_iter().find(|vector| vector.name == "meter energy").unwrap();
        let awake = [[0xFE; 4].as_slice(), &vector.request].concat();
        assert_eq!(
            lines(&awake, Direction::Down),
            [
                "0+4 preamble FE FE FE FE",
                "4+1 start_mark 68",
                "5+6 meter 202107072529",
                "11+1 start_mark 68",
                "12+1 command 11 read",
                "13+1 byte_count 4",
                "14+4 identifier 00000000",
                "18+1 crc 4E ok",
                "19+1 end_mark 16",
            ]
        );
        let answer = lines(&vector.answer, Direction::Up);
        assert_eq!(answer[5..7], ["10+4 identifier 00000000", "14+4 value 00 03 17 76"]);
        let refused =
            vectors::dlt645().into_iter().find(|vector| vector.name == "meter without the value").unwrap();
        let refused = lines(&refused.answer, Direction::Up);
        assert_eq!(refused[5], "10+1 exception error word 0x02 (no such data)");
    }

    #[test]
    fn a_register_over_tcp() {
        let frame = vectors::hex("00 07 00 00 00 05 11 03 02 01 48");
        assert_eq!(
            lines(&frame, Direction::Up),
            [
                "0+2 transaction 7",
                "2+2 protocol 00 00",
                "4+2 byte_count 5",
                "6+1 unit 17",
                "7+1 function 03 read_holding_registers",
                "8+1 byte_count 2",
                "9+2 register 328",
            ]
        );
        let request = vectors::hex("00 07 00 00 00 06 11 03 00 6B 00 03");
        assert_eq!(lines(&request, Direction::Down).len(), 7);
    }

    fn gb(name: &str) -> Vec<String> {
        let vector = vectors::gb26875().into_iter().find(|vector| vector.name == name).unwrap();
        lines(&vector.bytes, Direction::Up)
    }

    #[test]
    fn a_component_state_of_gb26875() {
        assert_eq!(
            gb("ours C1 residual current alarm"),
            [
                "0+2 start_mark 40 40",
                "2+2 serial 1",
                "4+2 version 1.1",
                "6+6 local_time 2026-11-23 08:30:15",
                "12+6 source 110EEB296400",
                "18+6 destination 010000000000",
                "24+2 byte_count 48",
                "26+1 command 02 send",
                "27+1 type_flag 2",
                "28+1 objects 1",
                "29+2 system 128.1 private",
                "31+1 component 17 residual_current",
                "32+4 component_address 3",
                "36+2 state 03 00 running fire_alarm",
                "38+31 text 1#配电箱总进线",
                "69+6 local_time 2026-11-23 08:30:15",
                "75+1 crc AC ok",
                "76+2 end_mark 23 23",
            ]
        );
    }

    #[test]
    fn analog_values_of_gb26875() {
        let lines = gb("ours C4 three analog values");
        for wanted in ["37+2 value 65.3 ℃", "53+2 value 12.5 A", "68+1 analog 128 private", "69+2 value 312"]
        {
            assert!(lines.iter().any(|line| line == wanted), "{wanted} in {lines:#?}");
        }
    }

    #[test]
    fn a_damaged_frame_of_gb26875_is_explained_as_far_as_it_goes() {
        let vector = vectors::gb_confirm_with_stale_sum();
        assert!(lines(&vector, Direction::Up).contains(&"28+1 crc 30 wrong, wanted 32".to_owned()));
        assert_eq!(gb("private heartbeat")[1], "2+8 heartbeat 07 25 51 80 12 FF 04 88");
    }

    #[test]
    fn a_message_behind_its_topic() {
        let said = |bytes: &[u8]| -> Vec<String> {
            let fields = wire::explain::explain_message(bytes).into_iter();
            fields
                .map(|field| format!("{}+{} {} {}", field.offset, field.len, field.name_key, field.value))
                .collect()
        };
        let topic = b"data/up/pk/E7\n{\"a\":\"\xE6\xB8\xA9\"}";
        assert_eq!(said(topic), ["0+14 topic data/up/pk/E7", "14+11 message {\"a\":\"温\"}"]);
        // No topic: an empty message, JSON over several lines, CBOR.
        assert_eq!(said(b""), [""; 0]);
        assert_eq!(said(b"{\n\"a/b\":1}").len(), 1);
        assert_eq!(said(&[0xA1, 0x61, 0x0A, 0x01]), ["0+4 message A1 61 0A 01"]);
    }
}
