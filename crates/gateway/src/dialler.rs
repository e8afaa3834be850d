//! Devices of Modbus TCP that we dial: terminals whose serial number is `tcp://host:port`.
//!
//! Each has a task of its own that dials, serves the line until it ends, and dials again after a rest that doubles
//! while the device cannot be reached. The tasks follow the directory. Only addresses on the list of the settings are
//! dialled, and it is the address after the name was looked up that counts: a terminal is made by people, and must not
//! become a way to knock on doors that only the platform can reach.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bus::Intake;
use bus::intake::LineEvent;
use domain::place::{Admission, Protocol, TerminalEntry};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::config::{ModbusTcpConfig, ms};
use crate::connection::{Caller, Gate, serve_dialled};
use crate::dtu_session::DIALLED;
use crate::limits::Doorkeeper;
use crate::stream::Stream;

/// The port of Modbus TCP, where the serial number names none.
const PORT: u16 = 502;

/// Why a device was not reached.
#[derive(Debug, thiserror::Error)]
enum NotReached {
    #[error("{had:?} is no address, wanted tcp://host:port")]
    Malformed { had: String },
    #[error("{host} cannot be looked up: {source}")]
    Name { host: String, source: std::io::Error },
    #[error("{had} is on no network of modbus_tcp.may_dial, so it is not dialled")]
    NotAllowed { had: String },
    #[error("{address} cannot be reached: {source}")]
    Refused { address: SocketAddr, source: std::io::Error },
    #[error("{address} did not answer within {within_s} s")]
    TooSlow { address: SocketAddr, within_s: u64 },
    #[error("{max} devices are dialled, which is all")]
    Full { max: usize },
}

/// Follows the directory until the door closes.
pub(crate) async fn follow(gate: Arc<Gate>, keeper: Arc<Doorkeeper>, tracker: TaskTracker) {
    let config = gate.rules.config.modbus_tcp.clone();
    let mut running: HashMap<String, JoinHandle<()>> = HashMap::new();
    loop {
        running.retain(|_, task| !task.is_finished());
        for entry in gate.directory.terminals_named(Protocol::ModbusTcp, DIALLED) {
            if is_wanted(&entry) && !running.contains_key(&entry.serial) {
                let dial = keep_dialled(Arc::clone(&entry), Arc::clone(&gate), Arc::clone(&keeper));
                running.insert(entry.serial.clone(), tracker.spawn(dial));
            }
        }
        tokio::select! {
            () = gate.soft_stop.cancelled() => return,
            () = sleep(Duration::from_secs(config.look_every_s)) => {}
        }
    }
}

fn is_wanted(entry: &TerminalEntry) -> bool {
    entry.admission == Admission::Admitted && !entry.detectors.is_empty()
}

/// Dials one device again and again while the directory wants it.
async fn keep_dialled(entry: Arc<TerminalEntry>, gate: Arc<Gate>, keeper: Arc<Doorkeeper>) {
    let config = &gate.rules.config.modbus_tcp;
    let mut failures = 0_u32;
    let mut told = String::new();
    loop {
        let known = gate.directory.terminal(Protocol::ModbusTcp, &entry.serial);
        if !known.is_some_and(|known| known.id == entry.id && is_wanted(&known)) {
            return;
        }
        let started = Instant::now();
        let reached = tokio::select! {
            biased;
            () = gate.soft_stop.cancelled() => return,
            reached = dial(&entry.serial, config, &keeper) => reached,
        };
        match reached {
            Ok((stream, remote, place)) => {
                told.clear();
                let caller = Caller { remote, certificate: None };
                Box::pin(serve_dialled(stream, caller, &entry.serial, Arc::clone(&gate), place)).await;
                // A device that takes the connection and drops it at once is dialled as seldom as one that takes none.
                if started.elapsed() >= Duration::from_secs(config.back_off_max_s) {
                    failures = 0;
                }
            }
            Err(error) => {
                let reason = error.to_string();
                tracing::debug!(terminal = %entry.id, reason, "a device was not reached");
                // Told once: it stays true until something else is.
                if reason != told {
                    let event = LineEvent::Disconnected(reason.clone());
                    let at = gate.now().wall;
                    let intake = Intake::Line { terminal: entry.id, at, remote: entry.serial.clone(), event };
                    let _pipeline_gone = gate.intake.send(intake).await;
                    told = reason;
                }
            }
        }
        let rest_s = 1_u64.checked_shl(failures).unwrap_or(u64::MAX).min(config.back_off_max_s);
        failures = failures.saturating_add(1);
        tokio::select! {
            () = gate.soft_stop.cancelled() => return,
            () = sleep(Duration::from_millis(ms(rest_s))) => {}
        }
    }
}

async fn dial(
    serial: &str,
    config: &ModbusTcpConfig,
    keeper: &Arc<Doorkeeper>,
) -> Result<(Stream, SocketAddr, crate::limits::Place), NotReached> {
    let place = keeper.enter_by_proxy().map_err(|_full| NotReached::Full { max: config.max_dialled })?;
    let (host, port) = host_and_port(serial)?;
    let within_s = config.dial_within_s;
    let within = Duration::from_secs(within_s);
    let found = timeout(within, lookup_host((host.as_str(), port)))
        .await
        .unwrap_or_else(|_elapsed| Err(std::io::ErrorKind::TimedOut.into()))
        .map_err(|source| NotReached::Name { host: host.clone(), source })?;
    let allowed = |address: &SocketAddr| config.may_dial.iter().any(|network| network.contains(address.ip()));
    let found: Vec<SocketAddr> = found.collect();
    let Some(address) = found.iter().copied().find(allowed) else {
        let had = found.first().map_or_else(|| host.clone(), ToString::to_string);
        return Err(NotReached::NotAllowed { had });
    };
    let stream = timeout(within, TcpStream::connect(address))
        .await
        .map_err(|_elapsed| NotReached::TooSlow { address, within_s })?
        .map_err(|source| NotReached::Refused { address, source })?;
    // A request is small and its answer is waited for.
    let _kept_anyway = stream.set_nodelay(true);
    Ok((Stream::Plain(stream), address, place))
}

/// `tcp://10.0.0.5:502`, `tcp://[fd00::1]:502`, `tcp://plc.example`.
fn host_and_port(serial: &str) -> Result<(String, u16), NotReached> {
    let malformed = || NotReached::Malformed { had: serial.to_owned() };
    let rest = serial.strip_prefix(DIALLED).ok_or_else(malformed)?;
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(malformed)?;
            (host, port.strip_prefix(':').or(port.is_empty().then_some("")).ok_or_else(malformed)?)
        }
        None => rest.split_once(':').unwrap_or((rest, "")),
    };
    let port = if port.is_empty() { PORT } else { port.parse().map_err(|_no_port| malformed())? };
    if host.is_empty() || host.contains(['/', '@', ' ']) {
        return Err(malformed());
    }
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_may_be_an_address_with_or_without_a_port() {
        for (serial, host, port) in [
            ("tcp://10.0.0.5:5020", "10.0.0.5", 5020),
            ("tcp://plc.example", "plc.example", 502),
            ("tcp://[fd00::1]:503", "fd00::1", 503),
            ("tcp://[fd00::1]", "fd00::1", 502),
        ] {
            assert_eq!(host_and_port(serial).unwrap(), (host.to_owned(), port));
        }
        for wrong in
            ["DTU0001", "tcp://", "tcp://:502", "tcp://a:b", "tcp://[fd00::1", "tcp://[a]b", "tcp://a@b:502"]
        {
            assert!(host_and_port(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn only_addresses_on_the_list_are_dialled() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let serial = format!("tcp://localhost:{}", listener.local_addr().unwrap().port());
        let keeper = Doorkeeper::new(1, 1, 1);
        let closed = ModbusTcpConfig::default();
        assert!(matches!(dial(&serial, &closed, &keeper).await, Err(NotReached::NotAllowed { .. })));
        let elsewhere =
            ModbusTcpConfig { may_dial: vec!["10.0.0.0/8".parse().unwrap()], ..ModbusTcpConfig::default() };
        assert!(matches!(dial(&serial, &elsewhere, &keeper).await, Err(NotReached::NotAllowed { .. })));
        let here =
            ModbusTcpConfig { may_dial: vec!["127.0.0.0/8".parse().unwrap()], ..ModbusTcpConfig::default() };
        let (_stream, address, _place) = dial(&serial, &here, &keeper).await.unwrap();
        assert_eq!(address, listener.local_addr().unwrap());
        assert!(matches!(dial(&serial, &here, &keeper).await, Err(NotReached::Full { max: 2_000 })));
    }
}
