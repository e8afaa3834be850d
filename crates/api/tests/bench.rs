//! What the test bench and the telegram log make of the frames of every protocol, by the examples of docs/protocol.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[cfg(test)]
mod platform;

use axum::http::StatusCode;
use domain::place::Protocol;
use domain::profile::SHIPPED;
use domain::telegram::{Telegram, TelegramDirection};
use domain::time::UnixMs;
use platform::World;
use serde_json::{Value, json};
use wire::gateway1f1f::{FrameType, Meter, Port, Report, Secret, Transparent, Value as Told};
use wire::modbus::{Answer, Request};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X} ")).collect()
}

async fn bench(world: &World, body: Value) -> Value {
    let answer = world.platform.post("/profiles/test", &world.admin, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()
}

/// The value of a point in the first frame that has it, whichever group it is in.
fn value(tested: &Value, code: &str) -> Value {
    let frames = tested["frames"].as_array().unwrap();
    let groups = frames.iter().flat_map(|frame| frame["groups"].as_array().unwrap());
    let mut points = groups.flat_map(|group| group["points"].as_array().unwrap());
    points.find(|point| point["code"] == code).unwrap_or_else(|| panic!("no {code} in {tested}"))["value"]
        .clone()
}

/// The values that the parts of a frame carry, as `code=value` with the bytes that they stand in.
fn named(frame: &Value) -> Vec<(String, Value, u64)> {
    let fields = frame["fields"].as_array().unwrap();
    fields
        .iter()
        .flat_map(|field| {
            let values = field["values"].as_array().unwrap();
            values.iter().map(|one| {
                (
                    one["code"].as_str().unwrap().to_owned(),
                    one["value"].clone(),
                    field["offset"].as_u64().unwrap(),
                )
            })
        })
        .collect()
}

fn named_value(frame: &Value, code: &str) -> Value {
    let all = named(frame);
    all.iter().find(|(own, _, _)| own == code).unwrap_or_else(|| panic!("no {code} in {frame}")).1.clone()
}

/// An upload of the vendor cloud protocol with the first group of `arcm300-cloud`, each register holding its number.
fn upload() -> Vec<u8> {
    let profile = domain::profile::parse("arcm300-cloud.toml", shipped("arcm300-cloud")).unwrap();
    let group = &profile.groups[0];
    let request = Request::read_holding_registers(1, group.start, group.count).unwrap();
    let values: Vec<u16> = (1..=group.count).collect();
    let mut body = b"[[1-1((".to_vec();
    body.extend(Answer::registers_for(&request, &values).unwrap().encode());
    body.extend(b"))]]");
    wire::cloud7b7b::encode_frame(0x91, &body)
}

fn shipped(id: &str) -> &'static str {
    SHIPPED.iter().find(|(name, _)| name.strip_suffix(".toml") == Some(id)).unwrap().1
}

const SECRET: &str = "0123456789abcdef";

fn secret() -> Secret {
    Secret::try_from(SECRET.as_bytes()).unwrap()
}

fn report() -> Report {
    let told = |id: &str, text: &str| Told { id: id.to_owned(), text: text.to_owned(), error: String::new() };
    let meter = Meter { id: "01001".to_owned(), values: vec![told("WPP", "433.31"), told("IL", "35")] };
    Report { id: None, time: None, meters: vec![meter] }
}

#[tokio::test]
async fn the_bench_reads_every_protocol() {
    let world = World::new().await;
    for protocol in Protocol::ALL {
        match protocol {
            Protocol::Cloud7b7b => {
                let tested =
                    bench(&world, json!({"profile_id": "arcm300-cloud", "hex": hex(&upload())})).await;
                let frame = &tested["frames"][0];
                assert_eq!(value(&tested, "residual"), named_value(frame, "residual"), "{frame}");
                let sums = frame["fields"].as_array().unwrap().iter();
                let sums = sums.filter(|field| field["name"].as_str().unwrap().starts_with("crc"));
                assert_eq!(sums.filter(|field| field["value"].as_str().unwrap().ends_with("ok")).count(), 2);
            }
            Protocol::ModbusRtu => {
                let request = Request::read_holding_registers(1, 0, 2).unwrap();
                let said = Answer::registers_for(&request, &[30, 31]).unwrap();
                let talk = [request.encode(), said.encode()].concat();
                let tested = bench(&world, json!({"profile_id": "arcm300-modbus", "hex": hex(&talk)})).await;
                assert_eq!(tested["frames"][1]["protocol"], "modbus_rtu");
                assert!(!named(&tested["frames"][1]).is_empty(), "{tested}");
            }
            Protocol::ModbusTcp => {
                // The same talk behind the header of TCP: transaction, 0000, length, no sum.
                let talk = "00 07 00 00 00 06 01 03 00 00 00 02  00 07 00 00 00 07 01 03 04 00 1E 00 1F";
                let tested = bench(&world, json!({"profile_id": "arcm300-modbus", "hex": talk})).await;
                let frames = tested["frames"].as_array().unwrap();
                assert_eq!(frames.len(), 2, "{tested}");
                assert!(frames.iter().all(|one| one["protocol"] == "modbus_tcp" && one["refused"].is_null()));
                assert_eq!(
                    (&frames[0]["direction"], &frames[1]["direction"]),
                    (&json!("down"), &json!("up"))
                );
                assert_eq!(value(&tested, "residual"), named_value(&frames[1], "residual"));
                // Another transaction is no answer to it: what it carries is not known.
                let other = "00 07 00 00 00 06 01 03 00 00 00 02  00 08 00 00 00 07 01 03 04 00 1E 00 1F";
                let tested = bench(&world, json!({"profile_id": "arcm300-modbus", "hex": other})).await;
                assert!(named(&tested["frames"][1]).is_empty(), "{tested}");
            }
            Protocol::Dlt645 => {
                let talk = "68 29 25 07 07 21 20 68 11 04 33 33 33 33 4E 16 \
                            FE FE 68 29 25 07 07 21 20 68 91 08 33 33 33 33 A9 4A 36 33 2E 16";
                let tested = bench(&world, json!({"profile_id": "dlt645-single-phase", "hex": talk})).await;
                assert_eq!(value(&tested, "energy"), 317.76);
                assert_eq!(named_value(&tested["frames"][1], "energy"), 317.76);
            }
            Protocol::Gb26875 => {
                let frame = "40 40 02 00 01 01 0F 1E 08 17 0B 1A 11 0E EB 29 64 00 01 00 00 00 00 00 32 00 02 03 03 \
                             80 01 12 05 00 00 00 03 8D 02 0F 1E 08 17 0B 1A 80 01 10 01 00 00 00 09 7D 00 0F 1E 08 \
                             17 0B 1A 80 01 11 03 00 00 00 80 38 01 0F 1E 08 17 0B 1A 2A 23 23";
                let tested = bench(&world, json!({"profile_id": "gb26875-standard", "hex": frame})).await;
                assert_eq!(value(&tested, "residual"), 312.0);
                assert_eq!(named_value(&tested["frames"][0], "residual"), 312.0);
            }
            Protocol::Gateway1f1f => gateway(&world).await,
            Protocol::Telemetry => messages(&world).await,
        }
    }
}

async fn gateway(world: &World) {
    let reports = [report().seal(&secret(), false), report().seal(&secret(), true)].concat();
    let body = json!({"profile_id": "acrel-gateway", "hex": hex(&reports), "secret": SECRET});
    let tested = bench(world, body).await;
    assert_eq!(tested["frames"].as_array().unwrap().len(), 2);
    for frame in tested["frames"].as_array().unwrap() {
        assert_eq!(
            (frame["groups"][0]["place"].as_str(), named_value(frame, "residual")),
            (Some("01001"), json!(35.0))
        );
    }
    let as_hex = hex(SECRET.as_bytes());
    let same =
        bench(world, json!({"profile_id": "acrel-gateway", "hex": hex(&reports), "secret": as_hex})).await;
    assert_eq!(value(&same, "residual"), 35.0);

    let alone = bench(world, json!({"profile_id": "acrel-gateway", "hex": hex(&reports)})).await;
    assert!(alone["frames"][0]["refused"]["reason"].as_str().unwrap().contains("secret"), "{alone}");
    let other = json!({"profile_id": "acrel-gateway", "hex": hex(&reports), "secret": "another-secret-1"});
    assert!(bench(world, other).await["frames"][0]["refused"].is_object());
    let short = json!({"profile_id": "acrel-gateway", "hex": hex(&reports), "secret": "short"});
    let short = world.platform.post("/profiles/test", &world.admin, short).await;
    assert_eq!((short.status, short.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid"));

    // Without the secret, what was inside: the XML, or the frame of Modbus to a meter.
    let inside = bench(world, json!({"profile_id": "acrel-gateway", "json": report().to_xml()})).await;
    assert_eq!(value(&inside, "residual"), 35.0);

    let request = Request::read_holding_registers(2, 0, 2).unwrap();
    let said = Answer::registers_for(&request, &[30, 31]).unwrap();
    let inner = |rtu| Transparent { port: Port::new(1, 2).unwrap(), rtu };
    let talk = [
        inner(request.encode()).seal(FrameType::Downlink, &secret()),
        inner(said.encode()).seal(FrameType::DownlinkAnswer, &secret()),
    ]
    .concat();
    let body = json!({"profile_id": "arcm300-modbus", "hex": hex(&talk), "secret": SECRET});
    let tested = bench(world, body).await;
    assert_eq!(value(&tested, "residual"), named_value(&tested["frames"][1], "residual"), "{tested}");
}

async fn messages(world: &World) {
    let own = r#"{"v":1,"readings":[{"values":{"residual":312.5}}]}"#;
    let tested = bench(world, json!({"profile_id": "telemetry-generic", "json": own})).await;
    assert_eq!(value(&tested, "residual"), 312.5);

    // The vendor's form: known by its topic, and by its envelope where the topic was not pasted.
    let vendor = r#"{"msgid":1,"method":"report","sn":"E7","timestamp":1767294245,"payload":{"reported":
        {"source":"REALTIME","gateway":{"rssi":23},"meters":[{"addr":"3_1","state":"ONLINE","IL":12.5}]}}}"#;
    for topic in [json!("data/up/pk/E7"), Value::Null] {
        let body = json!({"profile_id": "acrel-mqtt", "json": vendor, "topic": topic});
        assert_eq!(value(&bench(world, body).await, "residual"), 12.5);
    }
    let login = json!({"profile_id": "acrel-mqtt", "topic": "sys/dev/pk/E7",
        "json": r#"{"msgid":1,"method":"login","sn":"E7","timestamp":1,"payload":{}}"#});
    assert!(bench(world, login).await["frames"][0]["refused"]["reason"].as_str().unwrap().contains("login"));

    // Bytes by place; a topic in front of them, as the telegram log keeps it, is no part of them.
    let mut bytes = vec![0u8; 24];
    bytes[3] = 42;
    let tested = bench(world, json!({"profile_id": "nb-detector-raw", "hex": hex(&bytes)})).await;
    let first = tested["frames"][0]["groups"][0]["points"][0]["raw"].clone();
    let with_topic = [b"v1/devices/E7/telemetry\n".to_vec(), bytes].concat();
    let tested = bench(world, json!({"profile_id": "nb-detector-raw", "hex": hex(&with_topic)})).await;
    assert_eq!(tested["frames"][0]["groups"][0]["points"][0]["raw"], first);
}

#[tokio::test]
async fn the_telegram_log_names_the_points_of_the_detectors_on_the_line() {
    let world = World::new().await;
    let telegram = |bytes: Vec<u8>, direction| Telegram {
        terminal: Some(world.terminal),
        remote: "127.0.0.1:9".to_owned(),
        at: UnixMs(1_767_294_245_000),
        direction,
        protocol: "cloud_7b7b".to_owned(),
        bytes,
        refused: None,
    };
    let ack = wire::cloud7b7b::encode_frame(0x91, &[]);
    let kept = [telegram(upload(), TelegramDirection::Up), telegram(ack, TelegramDirection::Down)];
    world.platform.store.telegrams().append(&kept).await.unwrap();
    let path = format!("/terminals/{}/telegrams", world.terminal.0);
    let log = world.platform.get(&path, &world.admin).await.json();
    assert_eq!(log["items"].as_array().unwrap().len(), 2, "{log}");
    let up = &log["items"][1];
    let (_, residual, offset) = named(up).into_iter().find(|(code, _, _)| code == "residual").unwrap();
    assert!(residual.is_number() && offset > 0, "{up}");
    let field = up["fields"].as_array().unwrap().iter().find(|field| field["offset"] == offset).unwrap();
    assert!(field["values"][0]["detector_id"].is_number() && field["values"][0]["unit"] == "mA", "{field}");
    let text = world.platform.get(&format!("{path}/file?format=text"), &world.admin).await.text;
    assert!(text.contains("residual 剩余电流 = "), "{text}");
    assert!(text.find("<-").unwrap() < text.find("->").unwrap(), "oldest first: {text}");
}
