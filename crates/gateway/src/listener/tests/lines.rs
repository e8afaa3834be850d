//! Lines with more than Modbus-RTU behind them: Modbus TCP in both directions, meters of DL/T 645.

use domain::place::{DetectorEntry, Protocol};
use domain::profile::ReadCommand;
use domain::reading::Quality;
use tokio::net::TcpListener;
use wire::dlt645::{self, MeterAddress, Refusal};
use wire::modbus::{Exception, tcp};

use super::*;
use crate::config::ModbusTcpConfig;

fn tcp_terminal(serial: &str, detectors: Vec<DetectorEntry>) -> TerminalEntry {
    TerminalEntry { protocol: Protocol::ModbusTcp, ..dtu_terminal(serial, detectors) }
}

fn may_dial_here() -> FieldConfig {
    let modbus_tcp = ModbusTcpConfig {
        may_dial: vec!["127.0.0.0/8".parse().unwrap()],
        look_every_s: 1,
        ..ModbusTcpConfig::default()
    };
    FieldConfig { modbus_tcp, pending_look_s: 1, ..FieldConfig::default() }
}

/// The next request over Modbus TCP.
async fn asked(stream: &mut TcpStream) -> tcp::Request {
    let mut frame = vec![0; 6];
    stream.read_exact(&mut frame).await.unwrap();
    let mut rest = vec![0; usize::from(frame[5])];
    stream.read_exact(&mut rest).await.unwrap();
    frame.append(&mut rest);
    match tcp::Request::parse(&frame) {
        Parse::Complete { value, .. } => value,
        other => panic!("{other:?}"),
    }
}

async fn answers(stream: &mut TcpStream, asked: &tcp::Request, values: &[u16]) {
    let answer = Answer::registers_for(&asked.request, values).unwrap();
    stream.write_all(&tcp::answer(asked.transaction, &answer)).await.unwrap();
}

fn raws(readings: &[Reading]) -> Vec<i64> {
    readings.iter().flat_map(|reading| &reading.samples).map(|sample| sample.raw).collect()
}

#[tokio::test]
async fn a_gateway_that_dials_in_is_polled_in_modbus_tcp() {
    let mut door = Door::open(FieldConfig::default());
    let behind = vec![detector(5, "two-registers", Some(17)), detector(6, "two-registers", Some(18))];
    door.directory.put_terminal(tcp_terminal("GATEWAY1", behind));
    let mut gateway = door.dial().await;
    gateway.write_all(b"GATEWAY1\r\n").await.unwrap();
    assert_eq!(door.event().await, (TerminalId(9), LineEvent::Connected));
    let first = asked(&mut gateway).await;
    assert_eq!(first.request, Request::read_holding_registers(17, 0, 2).unwrap());
    answers(&mut gateway, &first, &[35, 412]).await;
    let (readings, confirm) = door.readings().await;
    assert_eq!((readings[0].detector.0, raws(&readings)), (5, vec![35, 412]));
    confirm.tell(Outcome::Committed);
    let second = asked(&mut gateway).await;
    assert_eq!(second.request.unit(), 18);
    assert_ne!(second.transaction, first.transaction);
    // The answer to another transaction is none, though all else fits.
    let late = tcp::Request { transaction: first.transaction, request: second.request.clone() };
    answers(&mut gateway, &late, &[1, 1]).await;
    answers(&mut gateway, &second, &[36, 2]).await;
    assert_eq!(raws(&door.readings().await.0), [36, 2]);
    let telegram = door.telegrams.recv().await.unwrap();
    assert_eq!(telegram.protocol, "modbus_tcp");
}

#[tokio::test]
async fn commands_go_over_modbus_tcp_too() {
    let mut door = Door::open(FieldConfig::default());
    door.directory.put_terminal(tcp_terminal("GATEWAY1", vec![]));
    let mut gateway = door.dial().await;
    gateway.write_all(b"GATEWAY1\r\n").await.unwrap();
    door.event().await;
    let write = WriteCommand { function: 6, address: 0x20, values: vec![7] };
    let read = ReadCommand { function: 3, address: 1, count: 1 };
    let device = async {
        let written = asked(&mut gateway).await;
        assert_eq!((written.request.unit(), written.request.function().code()), (3, 6));
        let ack = Answer::write_ack(&written.request).unwrap();
        gateway.write_all(&tcp::answer(written.transaction, &ack)).await.unwrap();
        let wanted = asked(&mut gateway).await;
        answers(&mut gateway, &wanted, &[0xABCD]).await;
        let wanted = asked(&mut gateway).await;
        let refused = tcp::refuse(wanted.transaction, 3, 3, Exception::from_code(2));
        gateway.write_all(&refused).await.unwrap();
    };
    let asks = async {
        let ask = |command| door.sessions.request(TerminalId(9), command);
        let read = LineCommand::Read { unit: Some(3), read };
        assert_eq!(ask(LineCommand::Write { unit: Some(3), write }).await, Ok(LineAnswer::Done));
        assert_eq!(ask(read.clone()).await, Ok(LineAnswer::Data(vec![0xAB, 0xCD])));
        assert_eq!(ask(read).await, Ok(LineAnswer::Exception(2)));
    };
    tokio::join!(device, asks);
}

#[tokio::test]
async fn strangers_are_reported_as_what_the_listener_is_for() {
    let listener = ListenerConfig { line: Some(Protocol::ModbusTcp), ..ListenerConfig::new(here()) };
    let mut door = Door::open(FieldConfig { listeners: vec![listener], ..FieldConfig::default() });
    for (address, protocol) in
        door.handle.local_addrs().into_iter().zip([Protocol::ModbusRtu, Protocol::ModbusTcp])
    {
        let mut stranger = TcpStream::connect(address).await.unwrap();
        stranger.write_all(format!("STRANGER-{}\r\n", protocol.code()).as_bytes()).await.unwrap();
        let Some(Intake::Unknown(unknown)) = door.intake.recv().await else { panic!() };
        assert_eq!(unknown.protocol, protocol);
    }
}

#[tokio::test]
async fn a_device_is_dialled_polled_and_dialled_again_until_it_is_taken_out() {
    let device = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serial = format!("tcp://{}", device.local_addr().unwrap());
    let mut door = Door::open(may_dial_here());
    door.directory.put_terminal(tcp_terminal(&serial, vec![detector(5, "two-registers", Some(17))]));
    let (mut first, _) = device.accept().await.unwrap();
    let request = asked(&mut first).await;
    assert_eq!(request.request, Request::read_holding_registers(17, 0, 2).unwrap());
    answers(&mut first, &request, &[35, 412]).await;
    let (readings, confirm) = door.readings().await;
    assert_eq!(raws(&readings), [35, 412]);
    confirm.tell(Outcome::Committed);
    drop(first);
    let gone = LineEvent::Disconnected("closed by the other end".into());
    assert_eq!(door.event().await, (TerminalId(9), gone));
    let (mut second, _) = device.accept().await.unwrap();
    let request = asked(&mut second).await;
    assert_eq!(door.event().await, (TerminalId(9), LineEvent::Connected));
    answers(&mut second, &request, &[1, 2]).await;
    door.readings().await.1.tell(Outcome::Committed);
    door.directory.remove_terminal(&serial);
    expect_end(&mut second).await;
    assert_eq!(
        door.event().await,
        (TerminalId(9), LineEvent::Disconnected("no longer admitted".into())),
        "who is taken out is let go"
    );
    door.shutdown.cancel();
    door.handle.stopped().await;
}

#[tokio::test]
async fn a_device_outside_the_list_is_not_dialled_and_somebody_learns_why() {
    let device = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serial = format!("tcp://{}", device.local_addr().unwrap());
    let mut door = Door::open(FieldConfig::default());
    // The dialler looks at the directory when it starts; a second look finds the terminal.
    door.directory.put_terminal(tcp_terminal(&serial, vec![detector(5, "two-registers", None)]));
    let (terminal, event) = door.event().await;
    let LineEvent::Disconnected(reason) = event else { panic!("{event:?}") };
    assert_eq!(terminal, TerminalId(9));
    assert!(reason.contains("modbus_tcp.may_dial"), "{reason}");
}

#[tokio::test]
async fn nobody_dials_in_as_a_device_that_we_dial() {
    let mut door = Door::open(FieldConfig::default());
    let mut entry = tcp_terminal("tcp://192.0.2.1:502", vec![]);
    entry.admission = Admission::Admitted;
    door.directory.put_terminal(entry);
    let mut liar = door.dial().await;
    liar.write_all(b"tcp://192.0.2.1:502\r\n").await.unwrap();
    let Some(Intake::Unknown(unknown)) = door.intake.recv().await else { panic!() };
    assert_eq!(unknown.serial, "tcp://192.0.2.1:502");
    assert_eq!(door.sessions.count(), 0);
}

/// Two values of one identifier, one of another, and a status word.
const METER: &str = r#"
name = "meter"
maker = "test"
protocol = "dlt645"
verified = true
source = "made for tests"
interval_s = 10
[[points]]
code = "voltage_a"
name = "voltage a"
quantity = "voltage"
phase = "a"
key = "0201FF00[0] XXX.X"
scale = 0.1
[[points]]
code = "current_a"
name = "current a"
quantity = "current"
phase = "a"
key = "02020100 -XXX.XXX"
scale = 0.001
[[points]]
code = "voltage_b"
name = "voltage b"
quantity = "voltage"
phase = "b"
key = "0201FF00[1] XXX.X"
scale = 0.1
[[statuses]]
code = "running"
key = "04000503 HHHH"
mask = 0b100
meanings = [{ value = 1, hazard = "supply_lost", severity = "fault" }]
"#;

/// The next request to a meter.
async fn meter_asked(stream: &mut TcpStream) -> dlt645::Request {
    let mut frame = vec![0; 20];
    stream.read_exact(&mut frame).await.unwrap();
    match dlt645::Frame::parse(&frame) {
        Parse::Complete { value, len: 20 } => dlt645::Request::of_frame(&value).unwrap(),
        other => panic!("{other:?} of {frame:02X?}"),
    }
}

#[tokio::test]
async fn meters_and_modbus_units_share_a_line_one_at_a_time() {
    let mut door = Door::open(FieldConfig::default());
    door.directory.put_profile(domain::profile::parse("meter.toml", METER).unwrap());
    let number: MeterAddress = "202107072529".parse().unwrap();
    let mut meter = detector(6, "meter", None);
    meter.address = Some(number.to_string());
    let behind = vec![detector(5, "two-registers", Some(17)), meter];
    door.directory.put_terminal(dtu_terminal("DTU0001", behind));
    let mut dtu = door.dial().await;
    dtu.write_all(b"DTU0001\r\n").await.unwrap();

    let mut frame = vec![0; 8];
    dtu.read_exact(&mut frame).await.unwrap();
    let Parse::Complete { value: registers, .. } = Request::parse(&frame) else { panic!("{frame:02X?}") };
    dtu.write_all(&Answer::registers_for(&registers, &[35, 412]).unwrap().encode()).await.unwrap();
    let (readings, confirm) = door.readings().await;
    assert_eq!((readings[0].detector.0, raws(&readings)), (5, vec![35, 412]));
    confirm.tell(Outcome::Committed);

    // A block of two voltages, behind wake-up bytes and glued to a heartbeat.
    let request = meter_asked(&mut dtu).await;
    let voltages = request.answered(number, &[0x05, 0x22, 0x98, 0x21]).encode_awake();
    dtu.write_all(&[&voltages[..9], &[]].concat()).await.unwrap();
    dtu.write_all(&[&voltages[9..], &[0xFE, 0xFE]].concat()).await.unwrap();
    let (readings, confirm) = door.readings().await;
    let samples: Vec<_> = readings[0].samples.iter().map(|sample| (sample.point.0, sample.raw)).collect();
    assert_eq!((readings[0].detector.0, readings[0].group, samples), (6, 0, vec![(0, 2_205), (2, 2_198)]));
    confirm.tell(Outcome::Committed);

    let request = meter_asked(&mut dtu).await;
    dtu.write_all(&request.answered(number, &[0x50, 0x12, 0x80]).encode()).await.unwrap();
    let (readings, confirm) = door.readings().await;
    assert_eq!((readings[0].group, raws(&readings)), (1, vec![-1_250]));
    confirm.tell(Outcome::Committed);

    let request = meter_asked(&mut dtu).await;
    dtu.write_all(&request.answered(number, &[0x04, 0x00]).encode()).await.unwrap();
    let (readings, confirm) = door.readings().await;
    assert_eq!((readings[0].group, readings[0].samples.len(), readings[0].reported.len()), (3, 0, 1));
    assert!(readings[0].reported[0].severity.is_some());
    confirm.tell(Outcome::Committed);
    assert_eq!(door.counters.frames_refused.get(), 0);

    // Each frame stands in the log as what it is: the registration, a unit, three answers of the meter, and behind the
    // first of them two bytes of the line itself.
    let mut kept = Vec::new();
    for _ in 0..10 {
        let telegram = door.telegrams.recv().await.unwrap();
        kept.push(format!("{:?} {}", telegram.direction, telegram.protocol));
    }
    let meter = ["Down dlt645", "Up dlt645"];
    let unit = ["Up modbus_rtu", "Down modbus_rtu", "Up modbus_rtu"];
    let wanted = [&unit[..], &meter, &["Up modbus_rtu"], &meter, &meter].concat();
    assert_eq!(kept, wanted);
}

#[tokio::test]
async fn what_a_meter_does_not_have_is_a_fault_and_told_once() {
    let mut door = Door::open(FieldConfig::default());
    door.directory.put_profile(domain::profile::parse("meter.toml", METER).unwrap());
    door.directory.put_terminal(dtu_terminal("DTU0001", vec![detector(6, "meter", None)]));
    let mut dtu = door.dial().await;
    dtu.write_all(b"DTU0001\r\n").await.unwrap();
    assert_eq!(door.event().await.1, LineEvent::Connected);
    // Without a number whatever meter is alone on the line is meant.
    let request = meter_asked(&mut dtu).await;
    assert_eq!(request.meter(), MeterAddress::ANY);
    let number: MeterAddress = "1".parse().unwrap();
    dtu.write_all(&request.refused(number, Refusal(0x02)).encode()).await.unwrap();
    assert_eq!(door.event().await.1, LineEvent::MeterRefused { meter: "AAAAAAAAAAAA".into(), code: 2 });
    let (readings, _confirm) = door.readings().await;
    assert_eq!(readings[0].samples.len(), 2);
    assert!(readings[0].samples.iter().all(|sample| sample.quality == Quality::DeviceFault));
}

/// A simulated detector of a shipped model.
fn simulated(profile: &str) -> Arc<std::sync::Mutex<sim::device::Device>> {
    let profile = domain::profile::shipped().unwrap().into_iter().find(|had| had.id == profile).unwrap();
    let spec =
        sim::physics::CircuitSpec { kind: sim::premises::PremisesKind::Mall, rated_current_a: 63.0, seed: 3 };
    Arc::new(std::sync::Mutex::new(sim::device::Device::new(Arc::new(profile), spec)))
}

fn endpoint(door: &Door, clock: sim::line::Clock) -> sim::line::Endpoint {
    sim::line::Endpoint {
        server: door.handle.local_addr(),
        clock,
        first_dial: clock.now(),
        back_off_max_ms: 1_000,
        stop: door.shutdown.clone(),
        counters: Arc::new(sim::line::Counters::default()),
    }
}

/// Readings until each of `groups` groups of `detector` has come once; all of them are good.
async fn all_groups(door: &mut Door, detector: i64, groups: usize) -> Vec<Reading> {
    let mut read: Vec<Reading> = Vec::new();
    while read.len() < groups {
        let (readings, confirm) = door.readings().await;
        confirm.tell(Outcome::Committed);
        for reading in readings.into_iter().filter(|reading| reading.detector.0 == detector) {
            assert!(reading.samples.iter().all(|sample| sample.quality == Quality::Good), "{reading:?}");
            if !read.iter().any(|had| had.group == reading.group) {
                read.push(reading);
            }
        }
    }
    read
}

#[tokio::test]
async fn a_simulated_dtu_with_a_meter_and_a_relay_is_read_whole() {
    let config = FieldConfig::default();
    let dtu = crate::config::DtuConfig { gap_ms: 1, ..config.dtu.clone() };
    let mut door = Door::open(FieldConfig { dtu, ..config });
    let number: MeterAddress = "202107072529".parse().unwrap();
    let mut meter = detector(6, "dlt645-three-phase", None);
    meter.address = Some(number.to_string());
    let behind = vec![detector(5, "asj-relay", Some(1)), meter];
    door.directory.put_terminal(dtu_terminal("EWDTU1", behind));
    let clock = sim::line::Clock::start();
    let pace = sim::scenario::Scenario::demo().unwrap().pace;
    let endpoint = endpoint(&door, clock);
    let line = sim::line::DtuLine::new(
        sim::line::DtuSpeech::usual("EWDTU1"),
        vec![(1, simulated("asj-relay"))],
        pace,
        clock.now(),
        Arc::clone(&endpoint.counters),
    )
    .with_meters(sim::line::MeterBus::new(vec![(number, simulated("dlt645-three-phase"))]));
    let jitter = rand::SeedableRng::seed_from_u64(1);
    let driven = tokio::spawn(sim::line::drive(line, endpoint, jitter));
    let read = all_groups(&mut door, 6, 6).await;
    let points: usize = read.iter().map(|reading| reading.samples.len()).sum();
    assert_eq!(points, 10, "every point of the profile");
    let voltage = read[0].samples[0].raw;
    assert!((1_900..2_700).contains(&voltage), "{voltage} tenths of a volt");
    assert_eq!(door.counters.frames_refused.get(), 0);
    door.shutdown.cancel();
    driven.await.unwrap();
}

#[tokio::test]
async fn a_simulated_device_is_dialled_and_read() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serial = format!("tcp://{}", listener.local_addr().unwrap());
    let mut door = Door::open(may_dial_here());
    door.directory.put_terminal(tcp_terminal(&serial, vec![detector(5, "asj-relay", Some(1))]));
    let clock = sim::line::Clock::start();
    let pace = sim::scenario::Scenario::demo().unwrap().pace;
    let line = sim::line::ModbusTcpLine::new(
        None,
        vec![(1, simulated("asj-relay"))],
        pace,
        clock.now(),
        Arc::new(sim::line::Counters::default()),
    );
    let waiting = tokio::spawn(sim::line::wait_for_calls(listener, line, clock, door.shutdown.clone()));
    all_groups(&mut door, 5, 1).await;
    door.shutdown.cancel();
    waiting.await.unwrap();
}
