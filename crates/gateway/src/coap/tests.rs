//! The door over real sockets, with a pipeline that commits or refuses as it is told.

use bus::{LineAnswer, LineCommand};
use coap_lite::RequestType;
use wire::telemetry::{Form, Limits, read_tree, write_tree};

use super::*;
use crate::ingest::IngestConfig;
use crate::ingest::testing::{Field, Mood, SERIAL, TOKEN, anywhere};

const READING: &str = r#"{"v":1,"at":1767294244000,"values":{"residual":12.5}}"#;

struct Device {
    socket: UdpSocket,
    next_id: u16,
}

impl Device {
    async fn at(door: CoapDoor) -> Self {
        let socket = UdpSocket::bind(anywhere()).await.unwrap();
        socket.connect(door.local_addr).await.unwrap();
        Self { socket, next_id: 100 }
    }

    fn request(&mut self, method: RequestType, token: &str, payload: &[u8]) -> Packet {
        self.next_id += 1;
        let mut packet = Packet::new();
        packet.header.code = MessageClass::Request(method);
        packet.header.message_id = self.next_id;
        packet.header.set_type(MessageType::Confirmable);
        packet.set_token(vec![9, u8::try_from(self.next_id % 256).unwrap()]);
        packet.add_option(CoapOption::UriPath, b"t".to_vec());
        packet.add_option(CoapOption::UriPath, SERIAL.as_bytes().to_vec());
        packet.add_option(CoapOption::UriQuery, format!("k={token}").into_bytes());
        packet.payload = payload.to_vec();
        packet
    }

    async fn send(&self, packet: &Packet) {
        self.socket.send(&packet.to_bytes_unlimited().unwrap()).await.unwrap();
    }

    async fn receive(&self) -> Packet {
        let mut buffer = [0; 2_048];
        let length = self.socket.recv(&mut buffer).await.unwrap();
        Packet::from_bytes(&buffer[..length]).unwrap()
    }

    async fn ask(&self, packet: &Packet) -> Packet {
        self.send(packet).await;
        self.receive().await
    }
}

fn code(packet: &Packet) -> String {
    packet.header.get_code()
}

async fn open(config: CoapConfig) -> (Field, CoapDoor) {
    let field = Field::start(IngestConfig::default());
    let door = start(CoapConfig { listen: anywhere(), ..config }, Arc::clone(&field.ingest)).await.unwrap();
    (field, door)
}

#[tokio::test]
async fn a_reading_is_confirmed_after_its_commit_and_a_repeated_message_is_the_same_one() {
    let (field, door) = open(CoapConfig::default()).await;
    let mut device = Device::at(door).await;
    let request = device.request(RequestType::Post, TOKEN, READING.as_bytes());
    let first = device.ask(&request).await;
    assert_eq!((code(&first).as_str(), first.payload.len()), ("2.04", 0));
    assert_eq!(first.header.get_type(), MessageType::Acknowledgement);
    assert_eq!(
        (first.header.message_id, first.get_token()),
        (request.header.message_id, request.get_token())
    );
    let again = device.ask(&request).await;
    assert_eq!(again.to_bytes_unlimited().unwrap(), first.to_bytes_unlimited().unwrap());
    assert_eq!(field.taken(), 1, "one message, one reading");

    field.be(Mood::Refuses);
    let request = device.request(RequestType::Post, TOKEN, READING.as_bytes());
    let answer = device.ask(&request).await;
    assert_eq!(code(&answer), "5.03", "no 2.04 while the store is not available");
    assert_eq!(answer.get_first_option(CoapOption::MaxAge), Some(&vec![5]));
}

#[tokio::test]
async fn a_slow_commit_is_answered_in_a_message_of_its_own() {
    let (field, door) = open(CoapConfig { separate_after_ms: 10, ..CoapConfig::default() }).await;
    let mut device = Device::at(door).await;
    field.be(Mood::Holds);
    let request = device.request(RequestType::Post, TOKEN, READING.as_bytes());
    let acknowledged = device.ask(&request).await;
    assert_eq!(acknowledged.header.code, MessageClass::Empty);
    assert_eq!(acknowledged.header.message_id, request.header.message_id);
    field.release(Mood::Commits);
    let answer = device.receive().await;
    assert_eq!((code(&answer).as_str(), answer.header.get_type()), ("2.04", MessageType::Confirmable));
    assert_eq!(answer.get_token(), request.get_token());
    // Not acknowledged, so it is told again.
    let repeated = device.receive().await;
    assert_eq!(repeated.header.message_id, answer.header.message_id);
    device.send(&empty(MessageType::Acknowledgement, answer.header.message_id)).await;
    assert_eq!(field.taken(), 1);
}

#[tokio::test]
async fn strangers_get_back_no_more_than_they_sent() {
    let (field, door) = open(CoapConfig::default()).await;
    let mut device = Device::at(door).await;
    for token in ["wrong", ""] {
        let request = device.request(RequestType::Post, token, READING.as_bytes());
        let answer = device.ask(&request).await;
        assert_eq!(code(&answer), "4.01");
        assert!(
            answer.to_bytes_unlimited().unwrap().len() <= 4 + request.get_token().len(),
            "four bytes and the token"
        );
    }
    let mut unknown = device.request(RequestType::Get, "x", b"");
    unknown.clear_option(CoapOption::UriPath);
    unknown.add_option(CoapOption::UriPath, b"t".to_vec());
    unknown.add_option(CoapOption::UriQuery, b"s=NOBODY-1".to_vec());
    assert_eq!(code(&device.ask(&unknown).await), "4.01");
    assert_eq!(*field.unknown.lock().unwrap(), ["NOBODY-1"]);

    let mut critical = device.request(RequestType::Post, TOKEN, READING.as_bytes());
    critical.add_option(CoapOption::IfMatch, vec![1]);
    assert_eq!(code(&device.ask(&critical).await), "4.02", "a critical option that is not understood");
    let mut elsewhere = device.request(RequestType::Get, TOKEN, b"");
    elsewhere.clear_option(CoapOption::UriPath);
    elsewhere.add_option(CoapOption::UriPath, b"x".to_vec());
    assert_eq!(code(&device.ask(&elsewhere).await), "4.04");
    let mut xml = device.request(RequestType::Post, TOKEN, b"<a/>");
    xml.add_option(CoapOption::ContentFormat, vec![41]);
    assert_eq!(code(&device.ask(&xml).await), "4.15");
    let ping = device.ask(&empty(MessageType::Confirmable, 77)).await;
    assert_eq!((ping.header.get_type(), ping.header.message_id), (MessageType::Reset, 77));
    device.socket.send(&[0xFF; 20]).await.unwrap();
    let bad = device.request(RequestType::Post, TOKEN, b"{\"v\":1,}");
    let answer = device.ask(&bad).await;
    assert_eq!(code(&answer), "4.00");
    assert!(String::from_utf8_lossy(&answer.payload).contains("want a name in quotes"));
    assert_eq!(field.taken(), 0);
}

#[tokio::test]
async fn blocks_make_one_message_in_cbor_too() {
    let (field, door) = open(CoapConfig::default()).await;
    let mut device = Device::at(door).await;
    let readings: Vec<_> = (0..20)
        .map(|n| format!(r#"{{"at":{},"values":{{"residual":{n}}}}}"#, 1_767_294_000_000u64 + n))
        .collect();
    let text = format!(r#"{{"v":1,"readings":[{}]}}"#, readings.join(","));
    let cbor = write_tree(Form::Cbor, &read_tree(Form::Json, text.as_bytes(), &Limits::default()).unwrap());
    for (payload, format) in [(text.as_bytes(), 50), (cbor.as_slice(), 60)] {
        let before = field.taken();
        let pieces: Vec<_> = payload.chunks(64).collect();
        for (number, piece) in (0u32..).zip(&pieces) {
            let has_more = usize::try_from(number).unwrap() + 1 < pieces.len();
            let mut request = device.request(RequestType::Post, TOKEN, piece);
            put_uint(&mut request, CoapOption::ContentFormat, format);
            put_uint(&mut request, CoapOption::Block1, number << 4 | u32::from(has_more) << 3 | 2);
            let answer = device.ask(&request).await;
            assert_eq!(code(&answer), if has_more { "2.31" } else { "2.04" }, "block {number}");
        }
        assert_eq!(field.taken() - before, 20);
    }
    let mut late = device.request(RequestType::Post, TOKEN, &[b'x'; 64]);
    put_uint(&mut late, CoapOption::Block1, 5 << 4 | 8 | 2);
    assert_eq!(code(&device.ask(&late).await), "4.08");
    let mut long = device.request(RequestType::Post, TOKEN, &[b'x'; 1_024]);
    put_uint(&mut long, CoapOption::Block1, 300 << 4 | 8 | 6);
    assert_eq!(code(&device.ask(&long).await), "4.13");
}

#[tokio::test]
async fn commands_are_fetched_and_observed() {
    let (field, door) = open(CoapConfig::default()).await;
    let mut device = Device::at(door).await;
    let get = device.request(RequestType::Get, TOKEN, b"");
    let answer = device.ask(&get).await;
    assert_eq!(
        (code(&answer).as_str(), answer.payload.as_slice()),
        ("2.05", &br#"{"v":1,"commands":[]}"#[..])
    );

    let mut observe = device.request(RequestType::Get, TOKEN, b"");
    put_uint(&mut observe, CoapOption::Observe, 0);
    let answer = device.ask(&observe).await;
    assert!(answer.get_first_option(CoapOption::Observe).is_some());
    let done = field.ask(LineCommand::Named {
        id: 17,
        address: None,
        name: "self_test".into(),
        value: String::new(),
    });
    let told = device.receive().await;
    assert_eq!(told.get_token(), observe.get_token());
    assert_eq!(told.payload, br#"{"v":1,"commands":[{"id":17,"name":"self_test"}]}"#);
    device.send(&empty(MessageType::Acknowledgement, told.header.message_id)).await;
    let answers = device.request(RequestType::Post, TOKEN, br#"{"v":1,"answers":[{"id":17,"ok":true}]}"#);
    assert_eq!(code(&device.ask(&answers).await), "2.04");
    assert_eq!(done.await.unwrap(), Ok(LineAnswer::Done));
}

#[tokio::test]
async fn a_flood_from_one_address_is_dropped() {
    let config = CoapConfig { max_datagrams_per_s: 1, max_datagrams_burst: 3, ..CoapConfig::default() };
    let (field, door) = open(config).await;
    let mut device = Device::at(door).await;
    for _ in 0..3 {
        let request = device.request(RequestType::Post, TOKEN, READING.as_bytes());
        assert_eq!(code(&device.ask(&request).await), "2.04");
    }
    for _ in 0..50 {
        let request = device.request(RequestType::Post, TOKEN, READING.as_bytes());
        device.send(&request).await;
    }
    field.shutdown.cancel();
    field.ingest.stopped().await;
    assert!(field.taken() <= 5, "{} of 53", field.taken());
}

/// The codec is not ours, and a panic in it would end the door.
#[test]
fn no_datagram_makes_the_codec_panic() {
    let mut device = Packet::new();
    device.header.code = MessageClass::Request(RequestType::Post);
    device.set_token(vec![1, 2, 3]);
    device.add_option(CoapOption::UriPath, b"t".to_vec());
    device.add_option(CoapOption::UriPath, vec![b'x'; 300]);
    device.add_option(CoapOption::UriQuery, b"k=token".to_vec());
    device.payload = READING.as_bytes().to_vec();
    let whole = device.to_bytes_unlimited().unwrap();
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    for round in 0..200_000 {
        let mut bytes: Vec<u8> = if round % 2 == 0 {
            whole.clone()
        } else {
            (0..random() % 40).map(|_| u8::try_from(random() % 256).unwrap()).collect()
        };
        for _ in 0..random() % 4 {
            if !bytes.is_empty() {
                let at = random() % bytes.len();
                bytes[at] = u8::try_from(random() % 256).unwrap();
            }
        }
        bytes.truncate(random() % (bytes.len() + 1));
        if let Ok(packet) = Packet::from_bytes(&bytes) {
            let _any = super::request::Request::read(&packet);
            let _any = packet.to_bytes_unlimited();
        }
    }
}
