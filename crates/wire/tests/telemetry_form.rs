//! Our own payload form: the golden files of its versions, refusals, and properties over all trees.

#[cfg(test)]
mod form {
    use std::path::Path;

    use proptest::prelude::*;
    use wire::telemetry::{
        Answer, Command, Commands, Event, Form, Limits, Message, Number, Reading, Settled, Tree, read,
        read_tree, unix_ms_from_rfc3339, write_tree,
    };

    fn number(text: &str) -> Tree {
        Tree::Number(Number::parse(text).unwrap())
    }

    fn named(values: &[(&str, Tree)]) -> Vec<(String, Tree)> {
        values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    fn everything() -> Message {
        Message {
            readings: vec![
                Reading {
                    at_ms: Some(1_767_294_245_000),
                    address: None,
                    values: named(&[
                        ("residual", number("12.5")),
                        ("temperature_a", number("-40")),
                        ("temperature_b", Tree::Nothing),
                        ("breaker", Tree::Text("closed".to_owned())),
                        ("arc", Tree::Truth(false)),
                    ]),
                },
                Reading {
                    at_ms: None,
                    address: Some("3_1".to_owned()),
                    values: named(&[("residual", number("0.1"))]),
                },
            ],
            events: vec![
                Event {
                    at_ms: Some(1_767_294_245_120),
                    address: None,
                    code: "arc_alarm".to_owned(),
                    value: Tree::Truth(true),
                },
                Event {
                    at_ms: None,
                    address: Some("3_1".to_owned()),
                    code: "trip".to_owned(),
                    value: number("2"),
                },
            ],
            answers: vec![
                Answer { id: 17, settled: Settled::Done(Tree::Nothing) },
                Answer { id: u64::MAX, settled: Settled::Refused("the breaker is locked".to_owned()) },
            ],
            signal: Some(23),
            firmware: Some("1.4.2".to_owned()),
        }
    }

    fn golden(name: &str) -> Vec<u8> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if name.ends_with(".hex") {
            let digits: Vec<u32> = text.chars().filter_map(|char| char.to_digit(16)).collect();
            return digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect();
        }
        text.trim_end().as_bytes().to_vec()
    }

    /// Version 1 as it was released: never changed, read for ever.
    #[test]
    fn version_1_is_read_and_written_as_released() {
        let limits = Limits::default();
        let message = everything();
        for (form, name) in [(Form::Json, "telemetry-v1.json"), (Form::Cbor, "telemetry-v1.cbor.hex")] {
            let released = golden(name);
            assert_eq!(read(form, &released, &limits).as_ref(), Ok(&message), "{name}");
            assert_eq!(write_tree(form, &message.to_tree()), released, "{name}");
        }
        let set =
            Command::new(17, Some("3_1".into()), "set".into(), r#"{"residual_alarm_ma": 300}"#).unwrap();
        let commands = Commands(vec![set, Command::new(18, None, "self_test".into(), "").unwrap()]);
        let released = golden("telemetry-commands-v1.json");
        assert_eq!(commands.write(Form::Json), released);
        assert_eq!(Commands::read(Form::Json, &released, &limits), Ok(commands));
    }

    #[test]
    fn a_single_reading_stands_at_the_top() {
        let text = br#"{"v":1,"at":"2026-01-02T03:04:05+08:00","address":7,"values":{"residual":0.10}}"#;
        let message = read(Form::Json, text, &Limits::default()).unwrap();
        let [reading] = message.readings.as_slice() else { panic!("{message:?}") };
        assert_eq!(reading.at_ms, unix_ms_from_rfc3339("2026-01-02T03:04:05+08:00"));
        assert_eq!(reading.address.as_deref(), Some("7"));
        let (_, Tree::Number(residual)) = &reading.values[0] else { panic!("{reading:?}") };
        let decimal = residual.decimal().unwrap();
        assert_eq!((decimal.digits, decimal.exponent), (1, -1), "0.10 is one tenth, not a float near it");
    }

    #[test]
    fn refusals_name_the_member_what_was_had_and_what_was_wanted() {
        for (text, wanted) in [
            ("[]", "message: had a list of 0, want a map"),
            ("{}", "v: had nothing, want 1, the version of the form"),
            (r#"{"v":2}"#, "v: had the number 2, want 1, the version of the form"),
            (r#"{"v":1,"valeus":{}}"#, "message: had a member \"valeus\", want v, at, address"),
            (r#"{"v":1,"values":{}}"#, "message.values: had none, want at least one value"),
            (r#"{"v":1,"values":{"a":[1]}}"#, "message.values.a: had a list of 1, want a number, text"),
            (r#"{"v":1,"values":{"a":1},"readings":[]}"#, "both `values` and `readings`"),
            (r#"{"v":1,"at":1,"readings":[]}"#, "at: had it beside no `values`"),
            (
                r#"{"v":1,"at":"yesterday","values":{"a":1}}"#,
                "had the text \"yesterday\", want unix ms or RFC 3339",
            ),
            (r#"{"v":1,"at":1.5,"values":{"a":1}}"#, "had the number 1.5, want unix ms"),
            (r#"{"v":1,"at":1e18,"values":{"a":1}}"#, "message.at: had the number 1e18"),
            (r#"{"v":1,"readings":{}}"#, "readings: had a map of 0, want a list"),
            (
                r#"{"v":1,"readings":[{"values":{"a":1}},{"values":{"a":2}}]}"#,
                "readings[1]: had a second reading without `at` of the same address",
            ),
            (
                r#"{"v":1,"readings":[{"at":5,"values":{"a":1}},{"at":5,"values":{"b":2}}]}"#,
                "readings[1]: had a second reading of the same moment and address",
            ),
            (r#"{"v":1,"events":[{"value":1}]}"#, "events[0].code: had nothing, want the code of a status"),
            (r#"{"v":1,"answers":[{"id":-1,"ok":true}]}"#, "answers[0].id: had the number -1"),
            (r#"{"v":1,"answers":[{"id":1}]}"#, "answers[0]: had ok as nothing"),
            (r#"{"v":1,"signal":99}"#, "signal: had the number 99, want 0 to 31"),
        ] {
            let refused = read(Form::Json, text.as_bytes(), &Limits::default()).unwrap_err().to_string();
            assert!(refused.contains(wanted), "{text}: {refused}");
        }
        let many = Limits { items: 2, values: 1, ..Limits::default() };
        for text in [
            r#"{"v":1,"events":[{"code":"a"},{"code":"b"},{"code":"c"}]}"#,
            r#"{"v":1,"values":{"a":1,"b":2}}"#,
        ] {
            let refused = read(Form::Json, text.as_bytes(), &many).unwrap_err().to_string();
            assert!(refused.starts_with("more than "), "{refused}");
        }
        let short = Limits { bytes: 10, ..Limits::default() };
        let refused = read(Form::Json, br#"{"v":1,"values":{"a":1}}"#, &short).unwrap_err();
        assert_eq!(refused.to_string(), "24 bytes, want at most 10");
    }

    #[test]
    fn the_form_is_told_by_media_type_and_guessed_by_the_first_byte() {
        assert_eq!(Form::of_media_type("application/json; charset=utf-8"), Some(Form::Json));
        assert_eq!(Form::of_media_type("Application/CBOR"), Some(Form::Cbor));
        assert_eq!(Form::of_media_type("text/plain"), None);
        for form in [Form::Json, Form::Cbor] {
            assert_eq!(Form::guess(&write_tree(form, &everything().to_tree())), Some(form));
            assert_eq!(Form::of_media_type(form.media_type()), Some(form));
        }
        assert_eq!(Form::guess(b"hello"), None);
    }

    fn tree() -> impl Strategy<Value = Tree> {
        let leaf = prop_oneof![
            Just(Tree::Nothing),
            any::<bool>().prop_map(Tree::Truth),
            (any::<i32>(), -12i8..12).prop_map(|(digits, exponent)| number(&format!("{digits}e{exponent}"))),
            any::<i64>().prop_map(|whole| Tree::Number(Number::whole(whole.into()))),
            ".{0,12}".prop_map(Tree::Text),
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Tree::List),
                prop::collection::btree_map(".{0,6}", inner, 0..6)
                    .prop_map(|map| Tree::Map(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_tree_comes_out_as_it_went_in(tree in tree()) {
            let json = write_tree(Form::Json, &tree);
            prop_assert_eq!(read_tree(Form::Json, &json, &Limits::default()), Ok(tree.clone()));
            let theirs: serde_json::Value = serde_json::from_slice(&json).unwrap();
            // What the library writes is the same to us, number for number.
            let ours = read_tree(Form::Json, &serde_json::to_vec(&theirs).unwrap(), &Limits::default());
            prop_assert!(ours.is_ok());
            let cbor = write_tree(Form::Cbor, &tree);
            ciborium::from_reader::<ciborium::Value, _>(cbor.as_slice()).unwrap();
            let again = read_tree(Form::Cbor, &cbor, &Limits::default()).unwrap();
            prop_assert_eq!(write_tree(Form::Cbor, &again), cbor);
        }

        #[test]
        fn decimal_text_keeps_its_value(digits in -99_999_999i64..99_999_999, exponent in -9i8..=0) {
            let text = format!("{digits}e{exponent}");
            let decimal = Number::parse(&text).unwrap().decimal().unwrap();
            // Compared as whole numbers of 10^-9.
            let scale = |digits: i64, exponent: i8| i128::from(digits) * 10i128.pow(u32::try_from(exponent + 9).unwrap());
            prop_assert_eq!(scale(decimal.digits, decimal.exponent), scale(digits, exponent));
        }

        #[test]
        fn binary_fractions_of_the_library_are_read_as_the_decimal_they_came_from(digits in -999_999i64..999_999) {
            let text = format!("{}.{:03}", digits / 1000, (digits % 1000).abs());
            let float: f64 = text.parse().unwrap();
            let mut cbor = Vec::new();
            ciborium::into_writer(&float, &mut cbor).unwrap();
            let Tree::Number(ours) = read_tree(Form::Cbor, &cbor, &Limits::default()).unwrap() else { panic!() };
            // The library writes the narrowest float that is the same number.
            let error = ours.text().parse::<f64>().unwrap() - float;
            prop_assert!(error.abs() <= float.abs() * f64::from(f32::EPSILON), "{text} became {}", ours.text());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for form in [Form::Json, Form::Cbor] {
                let _any = read(form, &bytes, &Limits::default());
                let _any = Commands::read(form, &bytes, &Limits::default());
            }
        }

        #[test]
        fn one_bit_flipped_never_panics(at in 0usize..400, bit in 0u8..8) {
            for form in [Form::Json, Form::Cbor] {
                let mut bytes = write_tree(form, &everything().to_tree());
                let at = at % bytes.len();
                bytes[at] ^= 1 << bit;
                let _any = read(form, &bytes, &Limits::default());
                bytes.truncate(at);
                prop_assert!(read(form, &bytes, &Limits::default()).is_err(), "a cut message");
            }
        }
    }
}
