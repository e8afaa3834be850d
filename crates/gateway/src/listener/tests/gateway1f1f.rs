//! Gateways of the vendor gateway protocol on real sockets, well-behaved ones and others.

use domain::place::Protocol;
use wire::gateway1f1f::{
    Authentication, Deframer, FrameType, GatewayId, Heartbeat, Meter, RawFrame, Report, Secret, Step,
    Transparent, Value, encode_frame, parse_compact_time,
};

use super::*;
use crate::testing::{SECRET, gateway_terminal};

fn id() -> GatewayId {
    GatewayId::new("B1", "GW-001").unwrap()
}

fn secret() -> Secret {
    Secret::try_from(&SECRET[..]).unwrap()
}

fn step(step: Step) -> Vec<u8> {
    Authentication { id: id(), step }.encode()
}

fn report(time: &str, residual: &str, compressed: bool) -> Vec<u8> {
    let values = vec![Value { id: "IL".into(), text: residual.into(), error: String::new() }];
    let meters = vec![Meter { id: "01001".into(), values }];
    Report { id: Some(id()), time: parse_compact_time(time), meters }.seal(&secret(), compressed)
}

/// A gateway's end of a connection.
struct Line {
    stream: TcpStream,
    deframer: Deframer,
}

impl Line {
    async fn dial(door: &Door) -> Self {
        Self { stream: door.dial().await, deframer: Deframer::new(4_096) }
    }

    async fn next(&mut self) -> RawFrame {
        loop {
            if let Some(frame) = self.deframer.next_frame() {
                return frame.unwrap();
            }
            let mut buffer = [0; 512];
            let count = self.stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "the line was closed");
            self.deframer.push(&buffer[..count]);
        }
    }

    /// Authenticates with `secret`; whether it passes.
    async fn authenticate(&mut self, secret: &Secret) -> bool {
        self.stream.write_all(&step(Step::Request)).await.unwrap();
        let limits = wire::gateway1f1f::Limits::default();
        let said = Authentication::parse(self.next().await.data(), &limits).unwrap();
        let Step::Sequence(sequence) = said.step else { panic!("{said:?}") };
        self.stream.write_all(&step(Step::Md5(secret.answer(&sequence)))).await.unwrap();
        let said = Authentication::parse(self.next().await.data(), &limits).unwrap();
        said.step == Step::Result(true)
    }

    async fn heartbeat(&mut self) {
        self.stream.write_all(&encode_frame(FrameType::Heartbeat, &[])).await.unwrap();
        let answer = Heartbeat { id: Some(id()), time: parse_compact_time("20260102030405") };
        assert_eq!(self.next().await.bytes, answer.encode());
    }
}

/// A door with the gateway admitted, without Modbus behind it.
fn door() -> Door {
    let door = Door::open(FieldConfig::default());
    let mut entry = gateway_terminal("B1/GW-001", Admission::Admitted);
    entry.detectors.truncate(2);
    door.directory.put_terminal(entry);
    door
}

#[tokio::test]
async fn a_gateway_proves_itself_and_its_reports_become_readings() {
    let mut door = door();
    let mut gateway = Line::dial(&door).await;
    assert!(gateway.authenticate(&secret()).await);
    for (compressed, residual) in [(false, "35"), (true, "36")] {
        let frame = report("20260102030400", residual, compressed);
        gateway.stream.write_all(&frame).await.unwrap();
        let (readings, confirm) = door.readings().await;
        assert_eq!(readings[0].samples[0].raw.to_string(), residual);
        assert_eq!(readings[0].device_at, Some(WALL.plus_ms(-5_000)));
        confirm.tell(Outcome::Committed);
    }
    gateway.heartbeat().await;
    assert_eq!(door.counters.readings_confirmed.get(), 2);
    // The log has the frames as they went, and nothing of it is the secret.
    let mut kept = Vec::new();
    while let Ok(telegram) = door.telegrams.try_recv() {
        assert_eq!(telegram.protocol, Protocol::Gateway1f1f.code());
        kept.extend(telegram.bytes);
    }
    assert!(kept.len() > 500 && !kept.windows(16).any(|window| window == SECRET));
}

#[tokio::test]
async fn a_wrong_secret_and_a_frame_from_another_connection_get_nothing() {
    let mut door = door();
    let mut thief = Line::dial(&door).await;
    assert!(!thief.authenticate(&Secret::try_from(&[9; 16][..]).unwrap()).await);
    expect_end(&mut thief.stream).await;
    assert_eq!(door.counters.proofs_refused.get(), 1);

    // What was overheard on the line of the true one: its answer to its challenge, and a report.
    let mut gateway = Line::dial(&door).await;
    assert!(gateway.authenticate(&secret()).await);
    let overheard = report("20260102010000", "640", false);
    gateway.stream.write_all(&overheard).await.unwrap();
    let (first, confirm) = door.readings().await;
    confirm.tell(Outcome::Committed);
    let mut thief = Line::dial(&door).await;
    thief.stream.write_all(&overheard).await.unwrap();
    thief.stream.write_all(&step(Step::Request)).await.unwrap();
    thief.next().await;
    thief.stream.write_all(&step(Step::Md5(secret().answer("12345")))).await.unwrap();
    thief.next().await;
    expect_end(&mut thief.stream).await;
    assert_eq!(door.counters.proofs_refused.get(), 2);
    // Put into the true line it is what it was: a reading of its old time.
    gateway.stream.write_all(&overheard).await.unwrap();
    let (again, confirm) = door.readings().await;
    confirm.tell(Outcome::Committed);
    assert_eq!(again[0].device_at, first[0].device_at);
    gateway.heartbeat().await;
    assert_eq!(door.counters.readings_received.get(), 2, "nothing came from the thief");
}

#[tokio::test]
async fn bombs_oversized_lengths_and_floods_harm_nobody_beside_them() {
    let mut door = door();
    let mut gateway = Line::dial(&door).await;
    assert!(gateway.authenticate(&secret()).await);
    // Before the proof: an oversized length, an XML bomb, and heads without an end.
    let mut hostile = Line::dial(&door).await;
    hostile.stream.write_all(&[0x1F, 0x1F, 0x01, 0x7F, 0xFF, 0xFF, 0xFF]).await.unwrap();
    expect_end(&mut hostile.stream).await;
    let mut hostile = Line::dial(&door).await;
    let laughs = b"<!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><root>&b;</root>";
    for _ in 0..20 {
        hostile.stream.write_all(&encode_frame(FrameType::Authentication, laughs)).await.unwrap();
    }
    expect_end(&mut hostile.stream).await;
    let mut hostile = Line::dial(&door).await;
    // It may be closed while it still writes.
    let _closed = hostile.stream.write_all(&[0x1F; 60_000]).await;
    expect_end(&mut hostile.stream).await;
    // After the proof: a bomb under the right secret is refused, and the line lives.
    let bomb = wire::gateway1f1f::deflate(&vec![b' '; 50 << 20]);
    let sealed = encode_frame(FrameType::CompressedData, &secret().encrypt(&bomb));
    gateway.stream.write_all(&sealed).await.unwrap();
    gateway.heartbeat().await;
    gateway.stream.write_all(&report("20260102030400", "35", true)).await.unwrap();
    let (readings, confirm) = door.readings().await;
    assert_eq!(readings.len(), 1);
    confirm.tell(Outcome::Committed);
}

#[tokio::test]
async fn a_modbus_unit_behind_a_gateway_answers_a_command() {
    let mut door = Door::open(FieldConfig::default());
    let mut entry = gateway_terminal("B1/GW-001", Admission::Admitted);
    entry.detectors.remove(0);
    door.directory.put_terminal(entry);
    let mut gateway = Line::dial(&door).await;
    assert!(gateway.authenticate(&secret()).await);
    assert_eq!(door.event().await, (TerminalId(11), LineEvent::Connected));
    let open = |frame: &RawFrame| Transparent::open(frame.data(), &secret()).unwrap();
    let poll = open(&gateway.next().await);
    let read = Request::read_holding_registers(7, 0, 2).unwrap();
    assert_eq!(poll.rtu, read.encode());
    let write = WriteCommand { function: 16, address: 0x20, values: vec![1] };
    let command = LineCommand::Write { unit: Some(7), write: write.clone() };
    let device_side = async {
        let rtu = Answer::registers_for(&read, &[12, 251]).unwrap().encode();
        let answer = Transparent { port: poll.port, rtu }.seal(FrameType::DownlinkAnswer, &secret());
        gateway.stream.write_all(&answer).await.unwrap();
        let asked = open(&gateway.next().await);
        let request = crate::line_command::request(7, &write).unwrap();
        assert_eq!(asked.rtu, request.encode());
        let rtu = Answer::write_ack(&request).unwrap().encode();
        let answer = Transparent { port: asked.port, rtu }.seal(FrameType::DownlinkAnswer, &secret());
        gateway.stream.write_all(&answer).await.unwrap();
    };
    let (answer, ()) = tokio::join!(door.sessions.request(TerminalId(11), command), device_side);
    assert_eq!(answer, Ok(LineAnswer::Done));
    let (readings, confirm) = door.readings().await;
    assert_eq!(readings[0].samples[0].raw, 12);
    confirm.tell(Outcome::Committed);
}
