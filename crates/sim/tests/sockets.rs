//! The simulator's lines over real sockets, against a scripted server.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::sync::Arc;
use std::time::Duration;

use domain::profile::{Profile, decode, select_group, shipped};
use sim::city::Inventory;
use sim::doors::Doors;
use sim::load::{LoadOptions, Recorded, load_serial};
use sim::run::{InjectError, RunOptions, start};
use sim::scenario::Scenario;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wire::cloud7b7b::{DEFAULT_MAX_FRAME_LEN, Deframer, Downlink, LocalTime, Uplink};
use wire::modbus::{Answer, Parse, Request};

const PATIENCE: Duration = Duration::from_secs(30);

fn profiles() -> Vec<Arc<Profile>> {
    shipped().unwrap().into_iter().map(Arc::new).collect()
}

/// A city of a few detectors that speak ten times a second.
fn quick(detectors: usize, dtu_share: f64) -> Scenario {
    let mut scenario = Scenario::demo().unwrap().with_detectors(detectors);
    scenario.city.sites = 1;
    scenario.city.uncommissioned = 0;
    scenario.city.dtu_share = dtu_share;
    scenario.opening.clear();
    scenario.trickle = None;
    scenario.supply.clear();
    scenario.pace.upload_s = 0.1;
    scenario.pace.heartbeat_s = 0.3;
    scenario.pace.connect_within_s = 0.1;
    scenario.pace.confirm_within_s = 0.2;
    scenario.pace.back_off_max_s = 0.5;
    scenario
}

/// The server's end of one device's connection.
struct Cloud {
    stream: TcpStream,
    deframer: Deframer,
}

impl Cloud {
    async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        Self { stream, deframer: Deframer::new(DEFAULT_MAX_FRAME_LEN) }
    }

    async fn next(&mut self) -> Uplink {
        loop {
            if let Some(frame) = self.deframer.next_frame() {
                return Uplink::parse(&frame.unwrap()).unwrap();
            }
            let mut buffer = [0; 4096];
            let length = timeout(PATIENCE, self.stream.read(&mut buffer)).await.unwrap().unwrap();
            assert!(length > 0, "the device hung up");
            self.deframer.push(&buffer[..length]);
        }
    }

    async fn send(&mut self, downlink: Downlink) {
        self.stream.write_all(&downlink.encode()).await.unwrap();
    }

    /// Takes a device in; tells its serial.
    async fn welcome(&mut self) -> String {
        let Uplink::Login(login) = self.next().await else { panic!("wanted a login") };
        self.send(Downlink::LoginAck).await;
        let Uplink::TimeRequest { serial } = self.next().await else { panic!("wanted a time request") };
        assert_eq!(serial, login.serial);
        self.send(Downlink::TimeAnswer(LocalTime::new(2026, 6, 1, 10, 0, 0).unwrap())).await;
        serial.to_string()
    }

    async fn upload(&mut self) -> Uplink {
        loop {
            match self.next().await {
                upload @ Uplink::Upload(_) => return upload,
                Uplink::Heartbeat => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_cloud_detector_logs_in_uploads_and_comes_back_with_what_was_not_confirmed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stop = CancellationToken::new();
    let truth = tempfile::NamedTempFile::new().unwrap();
    let options = RunOptions {
        doors: Doors::field(listener.local_addr().unwrap()),
        truth: Some(truth.path().to_owned()),
        stop: stop.clone(),
    };
    let scenario = quick(1, 0.0);
    let profiles = profiles();
    let running = start(&scenario, &Inventory::of(&scenario), &profiles, &options).unwrap();

    let mut first = Cloud::accept(&listener).await;
    let serial = first.welcome().await;
    assert_eq!(serial, "EW0000000000001");
    let upload = first.upload().await;
    let Uplink::Upload(body) = &upload else { unreachable!() };
    let profile = profiles.iter().find(|profile| profile.id == "arcm300-cloud").unwrap();
    let segment = &body.segments[0];
    let group = select_group(profile, &segment.address, segment.data().len()).unwrap();
    assert_eq!(decode(profile, group, segment.data()).unwrap().samples.len(), profile.points.len());
    first.send(Downlink::UploadAck).await;
    let unconfirmed = first.upload().await;
    drop(first);

    let mut second = Cloud::accept(&listener).await;
    assert_eq!(second.welcome().await, serial);
    assert_eq!(second.upload().await, unconfirmed, "as it was");
    second.send(Downlink::UploadAck).await;

    let city = running.city();
    let kind = sim::fault::FaultKind::by_code("loosening_terminal").unwrap();
    let told = city.inject(&serial, None, kind.clone(), 60.0).unwrap();
    assert_eq!(told.points, ["temperature_a"]);
    assert!(matches!(city.inject("nobody", None, kind, 1.0), Err(InjectError::Unknown { .. })));
    stop.cancel();
    let counted = timeout(PATIENCE, running.finished()).await.unwrap();
    assert!(counted.confirmed >= 1 && counted.dialled >= 2 && counted.unsayable == 0, "{counted:?}");
    let log = std::fs::read_to_string(truth.path()).unwrap();
    assert_eq!(log.lines().count(), 1);
    assert!(log.contains("\"fault\":\"loosening_terminal\"") && log.contains(&serial), "{log}");
}

#[tokio::test]
async fn a_dtu_registers_and_every_unit_answers_by_its_profile() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stop = CancellationToken::new();
    let options =
        RunOptions { doors: Doors::field(listener.local_addr().unwrap()), truth: None, stop: stop.clone() };
    let scenario = quick(5, 1.0);
    let inventory = Inventory::of(&scenario);
    let profiles = profiles();
    let running = start(&scenario, &inventory, &profiles, &options).unwrap();

    let (mut stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n") {
        heard.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
    }
    let terminal =
        inventory.terminals.iter().find(|terminal| heard.starts_with(terminal.serial.as_bytes())).unwrap();
    assert_eq!(terminal.detectors.len(), 5);
    for detector in &terminal.detectors {
        let profile = profiles.iter().find(|profile| profile.id == detector.profile).unwrap();
        let unit = detector.unit_address.unwrap();
        for group in profile.groups.iter().filter(|group| group.space.function >= 3) {
            let request = if group.space.function == 3 {
                Request::read_holding_registers(unit, group.start, group.count).unwrap()
            } else {
                Request::read_input_registers(unit, group.start, group.count).unwrap()
            };
            stream.write_all(&request.encode()).await.unwrap();
            let mut bytes = Vec::new();
            let answer = loop {
                bytes.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
                // A heartbeat may come at any time.
                if bytes.starts_with(&[0xFE, 0xFE]) {
                    bytes.drain(..2);
                }
                if let Parse::Complete { value, .. } = Answer::parse_for(&request, &bytes) {
                    break value;
                }
            };
            let said = decode(profile, group, answer.data().unwrap()).unwrap();
            assert!(said.samples.iter().all(|sample| sample.quality == domain::reading::Quality::Good));
        }
    }
    stop.cancel();
    timeout(PATIENCE, running.finished()).await.unwrap();
}

/// A server that takes everybody in and confirms every upload; after `cut_after` of them on one connection it cuts
/// that connection with the next upload unconfirmed, once.
async fn confirm_all(listener: TcpListener, cut_after: Option<usize>) {
    let mut cut = cut_after;
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let cut = cut.take();
        tokio::spawn(async move {
            let mut cloud = Cloud { stream, deframer: Deframer::new(DEFAULT_MAX_FRAME_LEN) };
            let mut confirmed = 0;
            loop {
                let mut buffer = [0; 4096];
                let Ok(length @ 1..) = cloud.stream.read(&mut buffer).await else { return };
                cloud.deframer.push(&buffer[..length]);
                while let Some(frame) = cloud.deframer.next_frame() {
                    let answer = match Uplink::parse(&frame.unwrap()).unwrap() {
                        Uplink::Login(_) => Downlink::LoginAck,
                        Uplink::Upload(_) if cut == Some(confirmed) => return,
                        Uplink::Upload(_) => {
                            confirmed += 1;
                            Downlink::UploadAck
                        }
                        _ => continue,
                    };
                    if cloud.stream.write_all(&answer.encode()).await.is_err() {
                        return;
                    }
                }
            }
        });
    }
}

#[tokio::test]
async fn a_load_counts_what_was_confirmed_and_how_long_it_took() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = LoadOptions::to(listener.local_addr().unwrap());
    tokio::spawn(confirm_all(listener, None));
    options.connections = 20;
    options.readings_per_s = Some(400.0);
    options.for_s = 1.0;
    options.warm_up_s = 0.3;
    let report = sim::load::run(options, &profiles()).await.unwrap();
    assert_eq!((report.connected, report.reconnects, report.values_per_reading), (20, 0, 14));
    assert!(report.confirmed_measured > 100 && report.confirmed_measured <= 500, "{report}");
    assert!(report.latency.count > 0 && report.latency.p50_ms <= report.latency.max_ms);
}

#[tokio::test]
async fn a_recorded_load_writes_down_each_confirmed_upload_once_and_sends_the_rest_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = LoadOptions::to(listener.local_addr().unwrap());
    tokio::spawn(confirm_all(listener, Some(10)));
    let record = tempfile::NamedTempFile::new().unwrap();
    options.connections = 1;
    options.readings_per_s = None;
    options.for_s = 1.5;
    options.warm_up_s = 0.2;
    options.record = Some(record.path().to_owned());
    let report = sim::load::run(options, &profiles()).await.unwrap();
    assert_eq!((report.reconnects, report.record_failed.clone()), (1, None));
    let lines: Vec<Recorded> = std::fs::read_to_string(record.path())
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.len() > 20 && lines.len() as u64 == report.confirmed, "{report}");
    for (expected, line) in (0u64..).zip(&lines) {
        assert_eq!(
            (line.sequence, line.serial.as_str()),
            (expected, load_serial(1).as_str()),
            "none is missing"
        );
        assert_eq!(line.device_at_ms, lines[0].device_at_ms + i64::try_from(expected).unwrap() * 1000);
    }
}

#[tokio::test]
async fn idle_connections_log_in_and_beat_only() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = LoadOptions::to(listener.local_addr().unwrap());
    tokio::spawn(confirm_all(listener, None));
    options.connections = 50;
    options.readings_per_s = Some(0.0);
    options.for_s = 0.5;
    options.warm_up_s = 0.2;
    options.heartbeat_s = 0.1;
    let report = sim::load::run(options, &profiles()).await.unwrap();
    assert_eq!((report.connected, report.sent, report.reconnects), (50, 0, 0));
}
