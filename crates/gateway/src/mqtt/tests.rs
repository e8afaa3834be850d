//! The door over real sockets, with a pipeline whose outcomes the test decides.

use std::sync::Arc;
use std::time::Duration;

use bus::intake::LineEvent;
use bus::{
    Confirm, Counters, Directory, Intake, IntakeReceiver, IntakeSender, LineAnswer, LineCommand, LineError,
};
use bus::{Outcome, Sessions, TelegramReceiver, TelegramSink};
use domain::id::TerminalId;
use domain::place::{Admission, Credential, Protocol, TerminalEntry};
use domain::reading::Reading;
use domain::telegram::TelegramDirection;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::session::Moment;
use crate::testing::{WALL, detector};

const SERIAL: &str = "E7";
const TERMINAL: TerminalId = TerminalId(5);
const TOKEN: &str = "a token of thirty-two characters";
/// Long enough for a loaded machine; nothing waits for it when all is well.
const SOON: Duration = Duration::from_secs(20);

/// A door, and its other sides.
struct World {
    handle: MqttHandle,
    intake: IntakeReceiver,
    sessions: Arc<Sessions>,
    stop: CancellationToken,
    telegrams: TelegramReceiver,
}

impl World {
    fn new() -> Self {
        let counters = Arc::new(Counters::default());
        let (sender, intake) = IntakeSender::bounded(64);
        let (sink, telegrams) = TelegramSink::bounded(64, Arc::clone(&counters));
        let sessions = Arc::new(Sessions::default());
        let joined = Joined {
            intake: sender,
            directory: Arc::new(directory()),
            sessions: Arc::clone(&sessions),
            telegrams: sink,
            counters,
            clock: Arc::new(|| WALL),
        };
        let config = MqttConfig { listen: Some(([127, 0, 0, 1], 0).into()), ..MqttConfig::default() };
        let stop = CancellationToken::new();
        let handle = MqttDoor::start(config, joined, stop.clone()).unwrap();
        Self { handle, intake, sessions, stop, telegrams }
    }

    async fn next(&mut self) -> Intake {
        timeout(SOON, self.intake.recv()).await.expect("something for the pipeline").unwrap()
    }

    /// The next readings, past what happens to the line.
    async fn readings(&mut self) -> (Vec<Reading>, Confirm) {
        loop {
            if let Intake::Readings { readings, confirm } = self.next().await {
                return (readings, confirm);
            }
        }
    }

    /// The next entry of the telegram log: which way, topic and payload.
    async fn telegram(&mut self) -> (TelegramDirection, String) {
        let kept = timeout(SOON, self.telegrams.recv()).await.expect("a telegram").unwrap();
        assert_eq!((kept.terminal, kept.protocol.as_str()), (Some(TERMINAL), "telemetry"));
        (kept.direction, String::from_utf8(kept.bytes).unwrap())
    }

    /// The next event of the line.
    async fn event(&mut self) -> LineEvent {
        loop {
            if let Intake::Line { event, .. } = self.next().await {
                return event;
            }
        }
    }

    async fn device(&self, clean: bool) -> Device {
        let mut device = Device(TcpStream::connect(self.handle.local_addr().unwrap()).await.unwrap());
        device.0.write_all(&connect(clean)).await.unwrap();
        device
    }
}

fn directory() -> Directory {
    let directory = Directory::default();
    for profile in domain::profile::shipped().unwrap() {
        directory.put_profile(profile);
    }
    directory.put_terminal(TerminalEntry {
        id: TERMINAL,
        serial: SERIAL.to_owned(),
        protocol: Protocol::Telemetry,
        admission: Admission::Admitted,
        pinned_iccid: None,
        credentials: vec![Credential::TokenHash(Sha256::digest(TOKEN).into())],
        detectors: vec![detector(70, "telemetry-generic", None)],
    });
    directory
}

/// A client of 3.1.1, byte by byte.
struct Device(TcpStream);

fn text(word: &str) -> Vec<u8> {
    let mut bytes = u16::try_from(word.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(word.as_bytes());
    bytes
}

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind];
    let mut rest = body.len();
    loop {
        let low = u8::try_from(rest % 128).unwrap();
        rest /= 128;
        packet.push(if rest > 0 { low | 0x80 } else { low });
        if rest == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

fn connect(clean: bool) -> Vec<u8> {
    let mut body = text("MQTT");
    body.extend([4, 0xC0 | if clean { 2 } else { 0 }, 0, 60]);
    for word in ["device", SERIAL, TOKEN] {
        body.extend(text(word));
    }
    packet(0x10, &body)
}

impl Device {
    async fn send(&mut self, kind: u8, body: &[u8]) {
        self.0.write_all(&packet(kind, body)).await.unwrap();
    }

    async fn publish(&mut self, qos: u8, id: u16, residual: u32, dup: bool) {
        let mut body = text("emberwatch/1/E7/telemetry");
        body.extend(id.to_be_bytes());
        body.extend(
            format!("{{\"v\":1,\"at\":1767294245{id:03},\"values\":{{\"residual\":{residual}}}}}").bytes(),
        );
        self.send(0x30 | qos << 1 | u8::from(dup) << 3, &body).await;
    }

    /// The next packet: its first byte and what follows the length.
    async fn hear(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        timeout(SOON, self.0.read_exact(&mut head)).await.expect("a packet").unwrap();
        assert!(head[1] < 0x80, "short packets only");
        let mut body = vec![0; head[1].into()];
        self.0.read_exact(&mut body).await.unwrap();
        (head[0], body)
    }

    async fn hears(&mut self, wanted: &[u8]) {
        let (kind, body) = self.hear().await;
        let mut packet = vec![kind, u8::try_from(body.len()).unwrap()];
        packet.extend(body);
        assert_eq!(packet, wanted);
    }

    /// Nothing more comes, and the line ends.
    async fn is_closed(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _reset = timeout(SOON, self.0.read_to_end(&mut rest)).await.expect("the line ends");
        assert_eq!(rest, [0; 0]);
    }
}

#[tokio::test]
async fn a_message_is_acknowledged_only_after_its_commit_and_in_order() {
    let mut world = World::new();
    let mut device = world.device(true).await;
    device.hears(&[0x20, 2, 0, 0]).await;
    assert_eq!(world.event().await, LineEvent::Connected);
    device.publish(1, 7, 10, false).await;
    device.publish(1, 8, 11, false).await;
    let (first, first_confirm) = world.readings().await;
    let (second, second_confirm) = world.readings().await;
    assert_eq!((first[0].samples[0].raw, second[0].samples[0].raw), (100, 110));
    // The later one is told first: its acknowledgement still waits for the earlier one's.
    second_confirm.tell(Outcome::Committed);
    device.send(0xC0, &[]).await;
    device.hears(&[0xD0, 0]).await;
    first_confirm.tell(Outcome::Committed);
    device.hears(&[0x40, 2, 0, 7]).await;
    device.hears(&[0x40, 2, 0, 8]).await;
}

#[tokio::test]
async fn what_the_store_cannot_take_is_not_acknowledged_and_comes_again() {
    let mut world = World::new();
    let mut device = world.device(true).await;
    device.hears(&[0x20, 2, 0, 0]).await;
    device.publish(1, 7, 10, false).await;
    let (_, confirm) = world.readings().await;
    confirm.tell(Outcome::Unavailable);
    device.is_closed().await;
    let mut device = world.device(true).await;
    device.hears(&[0x20, 2, 0, 0]).await;
    device.publish(1, 7, 10, true).await;
    let (_, confirm) = world.readings().await;
    confirm.tell(Outcome::Committed);
    device.hears(&[0x40, 2, 0, 7]).await;
}

#[tokio::test]
async fn a_promise_that_is_dropped_counts_as_not_kept() {
    let mut world = World::new();
    let mut device = world.device(true).await;
    device.hears(&[0x20, 2, 0, 0]).await;
    device.publish(2, 7, 10, false).await;
    drop(world.readings().await);
    device.is_closed().await;
}

#[tokio::test]
async fn exactly_once_stays_once_when_the_line_is_lost_between_message_and_commit() {
    let mut world = World::new();
    let mut device = world.device(false).await;
    device.hears(&[0x20, 2, 0, 0]).await;
    device.publish(2, 7, 10, false).await;
    let (_, confirm) = world.readings().await;
    // The same again on the same line: no receipt before the commit, and no second reading.
    device.publish(2, 7, 10, true).await;
    device.send(0xC0, &[]).await;
    device.hears(&[0xD0, 0]).await;
    drop(device);
    assert!(matches!(world.event().await, LineEvent::Disconnected(_)));
    confirm.tell(Outcome::Committed);
    // The old line's task keeps the session after the commit; until it has, the client hears "no session" and asks again.
    let mut device = loop {
        let mut device = world.device(false).await;
        match device.hear().await {
            (0x20, body) if body == [1, 0] => break device,
            (0x20, body) => assert_eq!(body, [0, 0]),
            other => panic!("{other:?}"),
        }
        device.send(0xE0, &[]).await;
        device.is_closed().await;
    };
    device.publish(2, 7, 10, true).await;
    device.hears(&[0x50, 2, 0, 7]).await;
    device.send(0x62, &[0, 7]).await;
    device.hears(&[0x70, 2, 0, 7]).await;
    // Released: the id may be used for a new message.
    device.publish(2, 7, 12, false).await;
    let (readings, confirm) = world.readings().await;
    assert_eq!(readings[0].samples[0].raw, 120);
    confirm.tell(Outcome::Committed);
    device.hears(&[0x50, 2, 0, 7]).await;
}

#[tokio::test]
async fn a_command_goes_down_and_its_answer_comes_up() {
    let mut world = World::new();
    let mut device = world.device(true).await;
    device.hears(&[0x20, 2, 0, 0]).await;
    assert_eq!(world.event().await, LineEvent::Connected);
    let command =
        || LineCommand::Named { id: 17, address: None, name: "set".into(), value: r#"{"a":1}"#.into() };
    assert_eq!(
        world.sessions.request(TERMINAL, command()).await,
        Err(LineError::NotConnected),
        "it does not listen"
    );
    let mut filters = vec![0, 1];
    filters.extend(text("emberwatch/1/E7/command"));
    filters.push(1);
    device.send(0x82, &filters).await;
    device.hears(&[0x90, 3, 0, 1, 1]).await;
    let asked = tokio::spawn({
        let sessions = Arc::clone(&world.sessions);
        async move { sessions.request(TERMINAL, command()).await }
    });
    let (kind, body) = device.hear().await;
    assert_eq!(kind, 0x32);
    let topic = text("emberwatch/1/E7/command");
    assert_eq!(body[..topic.len()], topic);
    let told: serde_json::Value = serde_json::from_slice(&body[topic.len() + 2..]).unwrap();
    assert_eq!(told, serde_json::json!({"v": 1, "commands": [{"id": 17, "name": "set", "value": {"a": 1}}]}));
    let mut answer = text("emberwatch/1/E7/answer");
    answer.extend(br#"{"v":1,"answers":[{"id":17,"ok":true}]}"#);
    device.send(0x30, &answer).await;
    assert_eq!(asked.await.unwrap(), Ok(LineAnswer::Done));
    // Settings stay in the shadow for who subscribes later.
    let mut filters = vec![0, 2];
    filters.extend(text("emberwatch/1/E7/shadow"));
    filters.push(0);
    device.send(0x82, &filters).await;
    device.hears(&[0x90, 3, 0, 2, 0]).await;
    let (kind, body) = device.hear().await;
    assert_eq!(kind, 0x31, "retained");
    assert!(String::from_utf8(body).unwrap().ends_with(r#"{"v":1,"desired":{"set":{"a":1}}}"#));
    // What was said stands in the log, and what nobody listened to does not.
    let [command, answer, shadow] = [world.telegram().await, world.telegram().await, world.telegram().await];
    assert_eq!(command.0, TelegramDirection::Down);
    assert!(command.1.starts_with("emberwatch/1/E7/command\n{") && command.1.contains(r#""id":17"#));
    assert_eq!(answer.0, TelegramDirection::Up);
    assert!(answer.1.starts_with("emberwatch/1/E7/answer\n"));
    assert_eq!(shadow.0, TelegramDirection::Down);
    assert_eq!(shadow.1, "emberwatch/1/E7/shadow\n{\"v\":1,\"desired\":{\"set\":{\"a\":1}}}");
}

#[tokio::test]
async fn registers_are_not_spoken_here_and_a_line_can_be_closed() {
    let world = World::new();
    let mut device = world.device(true).await;
    device.hears(&[0x20, 2, 0, 0]).await;
    let unsupported = world.sessions.request(TERMINAL, LineCommand::Initialise).await;
    assert_eq!(unsupported, Err(LineError::Unsupported));
    let close = LineCommand::Close { reason: "its access was changed".into() };
    assert_eq!(world.sessions.request(TERMINAL, close).await, Ok(LineAnswer::Done));
    device.is_closed().await;
}

#[tokio::test]
async fn the_stop_lets_what_is_under_way_be_acknowledged() {
    let mut world = World::new();
    let mut device = world.device(true).await;
    device.hears(&[0x20, 2, 0, 0]).await;
    device.publish(1, 7, 10, false).await;
    let (_, confirm) = world.readings().await;
    world.stop.cancel();
    confirm.tell(Outcome::Committed);
    device.hears(&[0x40, 2, 0, 7]).await;
    device.is_closed().await;
    let World { handle, intake: _intake, .. } = world;
    timeout(SOON, handle.stopped()).await.expect("every session has ended");
}

/// Without sockets: what a session takes of a flood is a matter of its clock alone.
#[test]
fn a_flood_of_messages_waits_and_is_taken_at_the_pace_that_is_allowed() {
    let config = MqttConfig { max_messages_per_s: 2, max_messages_burst: 3, ..MqttConfig::default() };
    let rules = config::Rules::check(config).unwrap();
    let (directory, shelf, failures) = (directory(), shelf::Shelf::new(1), access::Failures::new(1));
    let facts = session::Facts {
        rules: &rules,
        directory: &directory,
        shelf: &shelf,
        failures: &failures,
        remote: ([127, 0, 0, 1], 1).into(),
        certificate: None,
    };
    let at = |mono_ms| Moment { wall: WALL, mono_ms };
    let taken = |out: &[session::Output]| {
        out.iter().filter(|output| matches!(output, session::Output::Readings(_))).count()
    };
    let mut session = session::Session::new(&rules, at(0));
    let mut out = Vec::new();
    session.on_bytes(&connect(true), facts, at(0), &mut out);
    let mut message = text("emberwatch/1/E7/telemetry");
    message.extend(br#"{"v":1,"values":{"residual":5}}"#);
    session.on_bytes(&packet(0x30, &message).repeat(20), facts, at(0), &mut out);
    let at_once = taken(&out);
    assert!((3..=4).contains(&at_once), "{at_once} of 20 at once");
    assert!(!session.wants_bytes(facts, at(0)), "the rest waits, here and then in the socket");
    for second in 1..=4 {
        let before = taken(&out);
        while let Some(due) = session.deadline(facts).filter(|due| *due <= second * 1_000) {
            session.on_time(facts, at(due), &mut out);
        }
        assert_eq!(taken(&out) - before, 2, "in second {second}");
    }
    assert!(!out.iter().any(|output| matches!(output, session::Output::Close(_))));
}
