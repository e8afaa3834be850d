//! A fake centre on a real socket.

use bus::{Forward, ForwardSender};
use domain::hazard::Severity;
use domain::quantity::Quantity;
use tokio::net::TcpListener;
use wire::gb26875::{Command, Deframer, Dialect, Frame, Header, StateWord, Telegram, TimeLabel, Unit, kind};

use super::*;

const OWN: &str = "110EEB296400";
const WALL: UnixMs = UnixMs(1_767_294_245_000);

fn forward(channel: u32) -> Forward {
    Forward {
        channel,
        quantity: Quantity::ResidualCurrent,
        severity: Some(Severity::Alarm),
        at: WALL,
        place: "荷塘农贸市场 WL1".to_owned(),
    }
}

/// The centre's end of one connection.
struct Centre {
    stream: TcpStream,
    deframer: Deframer,
}

impl Centre {
    async fn accept(listener: &TcpListener) -> Self {
        Self { stream: listener.accept().await.unwrap().0, deframer: Deframer::default() }
    }

    /// The next frame; `None` when the connection has ended.
    async fn hears(&mut self) -> Option<Frame> {
        let mut buffer = [0; 512];
        loop {
            if let Some(telegram) = self.deframer.next_telegram() {
                let Telegram::Frame(raw) = telegram.unwrap() else { panic!("a frame") };
                return Some(Frame::parse(&raw, &Dialect::STANDARD).unwrap());
            }
            match self.stream.read(&mut buffer).await.ok()? {
                0 => return None,
                count => self.deframer.push(&buffer[..count]),
            }
        }
    }

    async fn says(&mut self, header: Header, command: Command, unit: Option<Unit>) {
        let bytes = Frame { header, command, unit }.encode(&Dialect::STANDARD);
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// Confirms our own state and whatever is not an alarm; the next alarm with its bits.
    async fn alarm(&mut self) -> Option<(Header, u32, u16)> {
        loop {
            let frame = self.hears().await?;
            let Some(Unit::ComponentStates(states)) = &frame.unit else {
                self.says(frame.header.answered(TimeLabel([0; 6])), Command::Confirm, None).await;
                continue;
            };
            let StateWord::Bits(bits) = states[0].state else { panic!("bits") };
            let wire::gb26875::ComponentAddress::Number(channel) = states[0].address else {
                panic!("a number")
            };
            assert_eq!(states[0].description.to_string(), "荷塘农贸市场 WL1");
            assert_eq!(frame.header.source.to_string(), OWN);
            return Some((frame.header, channel, bits));
        }
    }

    async fn answers(&mut self, header: Header, command: Command) {
        self.says(header.answered(TimeLabel([0; 6])), command, None).await;
    }
}

fn start(centre: String, answer_within_ms: u64) -> (ForwardSender, Arc<Counters>, CancellationToken) {
    let counters = Arc::new(Counters::default());
    let config = ForwardConfig { centre, own_address: OWN.to_owned(), ..ForwardConfig::default() };
    let mut forwarder = Forwarder::new(&config, Arc::clone(&counters), Arc::new(|| WALL)).unwrap();
    forwarder.rules.answer_within_ms = answer_within_ms;
    forwarder.rules.back_off_max = Duration::from_millis(20);
    let (sender, requests) = ForwardSender::pair();
    let stop = CancellationToken::new();
    tokio::spawn(forwarder.run(requests, stop.clone()));
    (sender, counters, stop)
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[tokio::test]
async fn an_alarm_is_confirmed_after_a_denial_and_the_centre_may_ask() {
    let (listener, address) = listen().await;
    let (sender, counters, _stop) = start(address, 10_000);
    let mut centre = Centre::accept(&listener).await;
    let told = tokio::spawn(async move { sender.send(forward(7)).await });
    let (header, channel, bits) = centre.alarm().await.unwrap();
    assert_eq!((channel, bits), (7, 0b11));
    centre.answers(header, Command::Deny).await;
    let (again, _, _) = centre.alarm().await.unwrap();
    assert_eq!(again, header, "sent again with its number");
    // In between the centre may ask for our state.
    let asks = Header { serial: 900, ..header.answered(TimeLabel([0; 6])) };
    centre.says(asks, Command::Request, Some(Unit::Device { kind: kind::READ_DEVICE_STATE })).await;
    let answer = centre.hears().await.unwrap();
    assert_eq!((answer.header.serial, answer.command), (900, Command::Answer));
    assert!(matches!(answer.unit, Some(Unit::DeviceStates(_))));
    centre.answers(again, Command::Confirm).await;
    assert_eq!(told.await.unwrap(), Forwarded::Confirmed);
    assert_eq!(counters.forwards_confirmed.get(), 1);
}

#[tokio::test]
async fn what_is_denied_four_times_is_denied() {
    let (listener, address) = listen().await;
    let (sender, _counters, _stop) = start(address, 10_000);
    let mut centre = Centre::accept(&listener).await;
    let told = tokio::spawn(async move { sender.send(forward(7)).await });
    for _ in 0..4 {
        let (header, _, _) = centre.alarm().await.unwrap();
        centre.answers(header, Command::Deny).await;
    }
    assert_eq!(told.await.unwrap(), Forwarded::Denied);
}

#[tokio::test]
async fn a_silent_centre_is_dialled_again() {
    let (listener, address) = listen().await;
    let (sender, counters, _stop) = start(address, 100);
    let mut centre = Centre::accept(&listener).await;
    let first = sender.clone();
    let told = tokio::spawn(async move { first.send(forward(7)).await });
    let (header, _, _) = centre.alarm().await.unwrap();
    for _ in 0..3 {
        assert_eq!(centre.alarm().await.unwrap().0, header);
    }
    assert_eq!(centre.alarm().await, None, "the connection is given up");
    assert_eq!(told.await.unwrap(), Forwarded::Unreached);
    assert!(counters.forwards_unreached.get() >= 1);
    let told = tokio::spawn(async move { sender.send(forward(7)).await });
    let mut centre = Centre::accept(&listener).await;
    let (header, channel, _) = centre.alarm().await.unwrap();
    assert_eq!(channel, 7);
    centre.answers(header, Command::Confirm).await;
    assert_eq!(told.await.unwrap(), Forwarded::Confirmed);
}

#[test]
fn wrong_settings_are_named() {
    let wrong = |config: ForwardConfig| {
        let counters = Arc::new(Counters::default());
        Forwarder::new(&config, counters, Arc::new(|| WALL)).unwrap_err().to_string()
    };
    let config = ForwardConfig { own_address: "1".to_owned(), ..ForwardConfig::default() };
    assert!(wrong(config).contains("forward.own_address is 1"));
    let config = ForwardConfig { interval_s: 0, ..ForwardConfig::default() };
    assert!(wrong(config).contains("forward.interval_s is 0"));
}
