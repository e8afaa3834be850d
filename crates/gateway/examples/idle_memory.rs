//! Measures what an idle connection costs: opens a door, logs devices in over loopback, prints the growth of the
//! resident set per connection (`/proc/self/statm`), the dialling sockets included.
//!
//! `cargo run --release -p gateway --example idle_memory -- 9500` (two file descriptors per connection).

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use bus::{Counters, Directory, IntakeSender, Sessions, TelegramSink};
use domain::id::{DetectorId, TerminalId};
use domain::place::{Admission, DetectorEntry, Protocol, TerminalEntry};
use domain::time::UnixMs;
use gateway::{FieldConfig, Gateway};
use tokio_util::sync::CancellationToken;
use wire::cloud7b7b::{Downlink, Login, SerialNumber, Uplink};

fn main() -> Result<(), Box<dyn Error>> {
    let connections: i64 = std::env::args().nth(1).map_or(Ok(1_000), |text| text.parse())?;
    let runtime = tokio::runtime::Runtime::new()?;
    let _inside = runtime.enter();
    let (sender, mut intake) = IntakeSender::bounded(8_192);
    let counters = Arc::new(Counters::default());
    let (sink, mut telegrams) = TelegramSink::bounded(8_192, Arc::clone(&counters));
    runtime.spawn(async move { while intake.recv().await.is_some() {} });
    runtime.spawn(async move { while telegrams.recv().await.is_some() {} });
    let directory = Arc::new(Directory::default());
    for profile in domain::profile::shipped()? {
        directory.put_profile(profile);
    }
    for number in 0..connections {
        directory.put_terminal(TerminalEntry {
            id: TerminalId(number),
            serial: format!("{number:014}"),
            protocol: Protocol::Cloud7b7b,
            admission: Admission::Admitted,
            pinned_iccid: None,
            credentials: Vec::new(),
            detectors: vec![DetectorEntry {
                id: DetectorId(number),
                profile: "arcm300-cloud".to_owned(),
                unit_address: None,
                address: None,
            }],
        });
    }
    let sessions = Arc::new(Sessions::default());
    let handle = Gateway::start(
        FieldConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            max_new_per_address_per_s: 100_000,
            ..FieldConfig::default()
        },
        sender,
        directory,
        Arc::clone(&sessions),
        sink,
        counters,
        Arc::new(|| UnixMs(1_767_294_245_000)),
        CancellationToken::new(),
    )?;
    let before = resident_bytes()?;
    let mut devices = Vec::new();
    for number in 0..connections {
        let mut device = TcpStream::connect(handle.local_addr())?;
        let login = Login {
            serial: SerialNumber::new(&format!("{number:014}"))?,
            iccid: Some(format!("{number:020}")),
            signal: Some(20),
            firmware: [None; 3],
            interval_min: None,
            extra: bytes::Bytes::new(),
        };
        device.write_all(&Uplink::Login(login).encode())?;
        let mut answer = vec![0; Downlink::LoginAck.encode().len()];
        device.read_exact(&mut answer)?;
        devices.push(device);
    }
    let after = resident_bytes()?;
    println!(
        "{} sessions open, {} bytes resident each ({before} before, {after} after)",
        sessions.count(),
        (after.saturating_sub(before)) / devices.len().max(1)
    );
    Ok(())
}

fn resident_bytes() -> Result<usize, Box<dyn Error>> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = statm.split_whitespace().nth(1).ok_or("statm has no second field")?.parse()?;
    Ok(pages * 4_096)
}
