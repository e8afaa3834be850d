//! The library's own client against the door's associations; foreign clients are in `tests/peers/test_coaps.py`.

use std::collections::HashMap;

use domain::place::{Admission, Credential};

use super::*;
use crate::ingest::testing::{SERIAL, terminal};

const KEY: &[u8] = b"sixteen bytes it";

struct OneKey(Vec<u8>);

impl dimpl::PskResolver for OneKey {
    fn resolve(&self, _identity: &[u8]) -> Option<Vec<u8>> {
        Some(self.0.clone())
    }
}

/// A device of the library's own.
struct Device {
    dtls: Dtls,
    at: SocketAddr,
    is_connected: bool,
    heard: Vec<Vec<u8>>,
}

impl Device {
    fn new(at: &str, identity: &str, key: &[u8], now: Instant) -> Self {
        let config = Config::builder()
            .with_psk_client(identity.as_bytes().to_vec(), Arc::new(OneKey(key.to_vec())))
            .with_crypto_provider(library::provider().clone())
            .dtls13_cipher_suites(&[])
            .build()
            .unwrap();
        let mut dtls = Dtls::new_12_psk(Arc::new(config), now);
        dtls.set_active(true);
        Self { dtls, at: at.parse().unwrap(), is_connected: false, heard: Vec::new() }
    }

    fn says(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let _failed = self.dtls.handle_timeout(now);
        let mut packets = Vec::new();
        let turn = poll(&mut self.dtls, &mut [0; OUTPUT], |packet| packets.push(packet));
        self.is_connected |= turn.is_connected;
        self.heard.extend(turn.said);
        packets
    }
}

struct Bench {
    door: Associations,
    directory: Arc<Directory>,
    now: Instant,
    said: Vec<(u64, String, Vec<u8>)>,
    strangers: Vec<String>,
    refused: usize,
    sent: HashMap<SocketAddr, Vec<Vec<u8>>>,
}

impl Bench {
    fn new(limits: DtlsConfig) -> Self {
        let directory = Arc::new(Directory::default());
        let mut entry = terminal(SERIAL, Admission::Admitted, "telemetry-generic");
        entry.credentials.push(Credential::SharedSecret(KEY.to_vec()));
        directory.put_terminal(entry);
        let now = Instant::now();
        let door = Associations::new(limits, Arc::clone(&directory), [9; 32], now).unwrap();
        Self {
            door,
            directory,
            now,
            said: Vec::new(),
            strangers: Vec::new(),
            refused: 0,
            sent: HashMap::new(),
        }
    }

    fn keep(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(to, bytes) => self.sent.entry(to).or_default().push(bytes),
                Effect::Said { session, known, bytes, .. } => {
                    self.said.push((session, known.serial.clone(), bytes));
                }
                Effect::Stranger(_, serial) => self.strangers.push(serial),
                Effect::Refused(_) => self.refused += 1,
            }
        }
    }

    fn take(&mut self, from: SocketAddr, bytes: &[u8]) {
        let effects = self.door.take(from, bytes, self.now);
        self.keep(effects);
    }

    /// Carries datagrams to and fro until both are silent.
    fn talk(&mut self, device: &mut Device) {
        for _ in 0..20 {
            let up = device.says(self.now);
            for packet in &up {
                self.take(device.at, packet);
            }
            let down = self.sent.remove(&device.at).unwrap_or_default();
            for packet in &down {
                let _failed = device.dtls.handle_packet(packet);
            }
            if up.is_empty() && down.is_empty() {
                return;
            }
        }
    }

    fn connect(&mut self, at: &str) -> Device {
        let mut device = Device::new(at, SERIAL, KEY, self.now);
        self.talk(&mut device);
        assert!(device.is_connected, "{at} is connected");
        device
    }

    fn say(&mut self, device: &mut Device, bytes: &[u8]) -> Vec<Vec<u8>> {
        device.dtls.send_application_data(bytes).unwrap();
        let packets = device.says(self.now);
        for packet in &packets {
            self.take(device.at, packet);
        }
        packets
    }

    fn kept(&self) -> (usize, usize) {
        (self.door.handshakes.len(), self.door.sessions.len())
    }

    /// Nothing is counted or waited for that is not there.
    fn is_tidy(&self) -> bool {
        let all = self.door.handshakes.len() + self.door.sessions.len();
        self.door.due.len() == all
            && self.door.by_address.values().sum::<usize>() == all
            && self.door.by_serial.len() == self.door.sessions.len()
    }
}

#[test]
fn a_device_proves_its_key_and_both_are_heard() {
    let mut bench = Bench::new(DtlsConfig::default());
    let mut device = bench.connect("10.0.0.1:5000");
    bench.say(&mut device, b"reading");
    let (session, serial, bytes) = bench.said.pop().unwrap();
    assert_eq!((serial.as_str(), bytes.as_slice()), (SERIAL, &b"reading"[..]));
    let effects = bench.door.tell(device.at, session, b"confirmed", bench.now);
    bench.keep(effects);
    bench.talk(&mut device);
    assert_eq!(device.heard, [b"confirmed"]);
    assert!(bench.door.tell(device.at, session + 1, b"not for you", bench.now).is_empty());
    assert_eq!((bench.kept(), bench.refused), ((0, 1), 0));
    assert!(bench.is_tidy());
}

#[test]
fn nothing_is_kept_of_who_does_not_send_the_cookie_back() {
    let mut bench = Bench::new(DtlsConfig::default());
    for n in 0..200_u32 {
        let mut device = Device::new("10.0.0.1:5000", SERIAL, KEY, bench.now);
        device.at = SocketAddr::from((n.to_be_bytes(), 5_000));
        let hello = device.says(bench.now).concat();
        bench.take(device.at, &hello);
        let asked = bench.sent.remove(&device.at).unwrap().concat();
        assert!(asked.len() < hello.len(), "{} bytes for {}", asked.len(), hello.len());
        // The cookie of one address is worth nothing at another.
        device.dtls.handle_packet(&asked).unwrap();
        let second = device.says(bench.now).concat();
        bench.take(SocketAddr::from((n.to_be_bytes(), 5_001)), &second);
    }
    assert_eq!(bench.kept(), (0, 0));
    assert!(bench.is_tidy());
}

#[test]
fn a_wrong_key_and_an_unknown_name_come_to_nothing() {
    let mut bench = Bench::new(DtlsConfig::default());
    let mut wrong = Device::new("10.0.0.1:5000", SERIAL, b"another key than", bench.now);
    bench.talk(&mut wrong);
    let mut unknown = Device::new("10.0.0.2:5000", "NOBODY-1", KEY, bench.now);
    bench.talk(&mut unknown);
    assert!(!wrong.is_connected && !unknown.is_connected);
    assert_eq!((bench.refused, bench.kept()), (2, (0, 0)));
    assert_eq!(bench.strangers, ["NOBODY-1"]);

    // A key that is short can be guessed from an overheard handshake; it counts as none.
    let mut entry = terminal(SERIAL, Admission::Admitted, "telemetry-generic");
    entry.credentials.push(Credential::SharedSecret(b"short".to_vec()));
    bench.directory.put_terminal(entry);
    let mut short = Device::new("10.0.0.3:5000", SERIAL, b"short", bench.now);
    bench.talk(&mut short);
    assert!(!short.is_connected);
    assert!(bench.is_tidy());
}

#[test]
fn a_record_that_comes_twice_is_heard_once() {
    let mut bench = Bench::new(DtlsConfig::default());
    let mut device = bench.connect("10.0.0.1:5000");
    let packets = bench.say(&mut device, b"reading");
    for _ in 0..3 {
        for packet in &packets {
            bench.take(device.at, packet);
        }
    }
    assert_eq!(bench.said.len(), 1);
    // An overheard session is worth nothing at another address.
    for packet in &packets {
        bench.take("10.0.0.9:5000".parse().unwrap(), packet);
    }
    assert_eq!((bench.said.len(), bench.kept()), (1, (0, 1)));
}

#[test]
fn words_that_nobody_proved_do_not_end_a_session() {
    let mut bench = Bench::new(DtlsConfig::default());
    let mut device = bench.connect("10.0.0.1:5000");
    let genuine = bench.say(&mut device, b"first").concat();
    let mut state = 7u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    let record = |content: u8, epoch: u8, body: &[u8]| {
        let length = u8::try_from(body.len()).unwrap();
        [&[content, 0xFE, 0xFD, 0, epoch, 0, 0, 0, 0, 0, 99, 0, length], body].concat()
    };
    // Alerts, plain words as if they were protected, handshakes out of turn.
    for content in 19..=26 {
        for epoch in 0..4 {
            for body in [&[2, 40][..], &[1, 0], &[20, 0, 0, 12, 0, 9, 0, 0, 0, 0, 0, 12], &[0; 40], &[]] {
                bench.take(device.at, &record(content, epoch, body));
            }
        }
    }
    for _ in 0..20_000 {
        let mut bytes = genuine.clone();
        for _ in 0..=random() % 4 {
            let at = random() % bytes.len();
            bytes[at] = u8::try_from(random() % 256).unwrap();
        }
        bytes.truncate(random() % (bytes.len() + 1));
        bench.take(device.at, &bytes);
    }
    assert_eq!(bench.said.len(), 1, "nothing was believed");
    bench.say(&mut device, b"second");
    assert_eq!(bench.said.pop().unwrap().2, b"second");
    assert!(bench.is_tidy());
}

#[test]
fn damaged_handshakes_end_nothing_but_themselves() {
    let mut bench = Bench::new(DtlsConfig::default());
    let mut quiet = bench.connect("10.0.0.1:5000");
    let mut state = 11u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    let mut other = terminal("OTHER-1", Admission::Admitted, "telemetry-generic");
    other.id = domain::id::TerminalId(6);
    other.credentials.push(Credential::SharedSecret(KEY.to_vec()));
    bench.directory.put_terminal(other);
    for round in 0..200_u16 {
        let mut device = Device::new("10.0.0.2:1", "OTHER-1", KEY, bench.now);
        device.at = SocketAddr::from(([10, 0, 0, 2], 1_000 + round));
        for _ in 0..6 {
            for mut packet in device.says(bench.now) {
                if random() % 3 == 0 {
                    let at = random() % packet.len();
                    packet[at] ^= u8::try_from(1 + random() % 255).unwrap();
                }
                if random() % 5 == 0 {
                    packet.truncate(random() % (packet.len() + 1));
                }
                bench.take(device.at, &packet);
            }
            for packet in bench.sent.remove(&device.at).unwrap_or_default() {
                let _failed = device.dtls.handle_packet(&packet);
            }
        }
    }
    assert!(bench.is_tidy());
    bench.now += Duration::from_secs(61);
    let effects = bench.door.wake(bench.now);
    bench.keep(effects);
    assert_eq!(bench.kept().0, 0, "half-open handshakes are over after their time");
    bench.say(&mut quiet, b"alive");
    assert_eq!(bench.said.pop().unwrap().2, b"alive");
}

#[test]
fn handshakes_and_sessions_are_bounded_by_address_and_in_all() {
    let limits = DtlsConfig {
        max_handshakes: 6,
        max_handshakes_per_address: 4,
        max_sessions: 3,
        max_sessions_per_address: 2,
        ..DtlsConfig::default()
    };
    let mut bench = Bench::new(limits);
    // Somebody who goes as far as one can without a key, then stops.
    for n in 0..20_u8 {
        let mut device = Device::new("10.0.0.1:1", SERIAL, KEY, bench.now);
        device.at = SocketAddr::from(([10, 0, 0, n % 2 + 1], 1_000 + u16::from(n)));
        for _ in 0..2 {
            let hello = device.says(bench.now).concat();
            bench.take(device.at, &hello);
            for packet in bench.sent.remove(&device.at).unwrap_or_default() {
                let _failed = device.dtls.handle_packet(&packet);
            }
        }
    }
    assert_eq!(bench.kept(), (6, 0));
    assert!(bench.door.by_address.values().all(|count| *count <= 4));
    let mut late = Device::new("10.0.0.3:5000", SERIAL, KEY, bench.now);
    bench.talk(&mut late);
    assert!(!late.is_connected, "no room");
    bench.now += Duration::from_secs(61);
    let effects = bench.door.wake(bench.now);
    bench.keep(effects);
    assert_eq!(bench.kept(), (0, 0));

    for n in 0..5_u8 {
        let serial = format!("MANY-{n}");
        let mut entry = terminal(&serial, Admission::Admitted, "telemetry-generic");
        entry.id = domain::id::TerminalId(100 + i64::from(n));
        entry.credentials.push(Credential::SharedSecret(KEY.to_vec()));
        bench.directory.put_terminal(entry);
        let at = format!("10.0.1.{}:{}", if n < 3 { 1 } else { n }, 5_000 + u16::from(n));
        let mut device = Device::new(&at, &serial, KEY, bench.now);
        bench.talk(&mut device);
    }
    assert_eq!(bench.kept(), (0, 3), "two at the first address, three in all");
    assert!(bench.is_tidy());
}

#[test]
fn a_terminal_has_one_session_and_a_silent_one_ends() {
    let mut bench = Bench::new(DtlsConfig { session_idle_s: 100, ..DtlsConfig::default() });
    let mut first = bench.connect("10.0.0.1:5000");
    let mut second = bench.connect("10.0.0.2:5000");
    assert_eq!(bench.kept(), (0, 1), "the newer one counts");
    bench.say(&mut first, b"old");
    assert!(bench.said.is_empty());
    // After a restart the device begins anew at the same address, and until it has proved its key the former session lives.
    let mut again = Device::new("10.0.0.2:5000", SERIAL, b"wrong key, wrong", bench.now);
    bench.talk(&mut again);
    bench.say(&mut second, b"still here");
    assert_eq!(bench.said.len(), 1);
    let mut again = bench.connect("10.0.0.2:5000");
    bench.say(&mut again, b"new");
    let sessions: Vec<u64> = bench.said.iter().map(|(session, _, _)| *session).collect();
    assert!(sessions[1] > sessions[0], "another session: nothing of the former is answered to it");

    bench.now += Duration::from_secs(99);
    let effects = bench.door.wake(bench.now);
    bench.keep(effects);
    assert_eq!(bench.kept(), (0, 1));
    bench.now += Duration::from_secs(1);
    let effects = bench.door.wake(bench.now);
    bench.keep(effects);
    assert_eq!(bench.kept(), (0, 0));
    assert!(bench.is_tidy() && bench.door.next_wake().is_none());
}

#[test]
fn a_device_that_takes_its_leave_is_forgotten() {
    let mut bench = Bench::new(DtlsConfig::default());
    let mut device = bench.connect("10.0.0.1:5000");
    device.dtls.close().unwrap();
    bench.talk(&mut device);
    assert_eq!(bench.kept(), (0, 0));
    assert!(bench.is_tidy());
}
