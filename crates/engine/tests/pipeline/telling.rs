//! From an alarm to people, over a provider on this machine that takes, refuses or hangs.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set its world up must stop"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use bus::Outcome;
use domain::access::{Role, Scope};
use domain::alarm::AlarmState;
use domain::hazard::{Hazard, Severity};
use domain::id::{AlarmId, MediumId, SiteId, UserId};
use domain::place::Protocol;
use domain::telling::{AddressKind, Recipient, Step};
use domain::time::UnixMs;
use engine::TellingConfig;
use engine::services::{AdmitRequest, LinkUse, Said};
use engine::telling::book::{BODY_VERSION, LadderBody, MediumBody, RouteBody};
use notify::media::webhook::Webhook;
use notify::{Medium, Secret, Sender};
use serde_json::Value;
use store::accounts::{AccountDraft, GrantDraft};
use store::admission::{DetectorPlace, SiteChoice};
use store::alarms::AlarmRow;
use store::intake::{AlarmRecord, AlarmWrite, Batch, OutboxEntry};
use store::sites::SiteDraft;
use store::telling::{ContactDraft, DigestState, SetKind};
use store::{Actor, ActorKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::world::{T0, World, at_s, operator};

const TAKES: u8 = 0;
const FAILS: u8 = 1;
const HANGS: u8 = 2;
const NO_SUCH_NUMBER: u8 = 3;

/// A provider: what it was sent, by the path it was sent to, and how it behaves.
struct Provider {
    url: String,
    mode: Arc<AtomicU8>,
    sent: mpsc::Receiver<(String, Value)>,
}

async fn serve(mut socket: TcpStream, mode: Arc<AtomicU8>, sent: mpsc::Sender<(String, Value)>) {
    let (mut bytes, mut part) = (Vec::new(), [0_u8; 4096]);
    loop {
        let Ok(read @ 1..) = socket.read(&mut part).await else { return };
        bytes.extend_from_slice(&part[..read]);
        let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        if bytes.len() < end + 4 + length {
            continue;
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let body = serde_json::from_slice(&bytes[end + 4..end + 4 + length]).unwrap_or(Value::Null);
        // As Aliyun answers a short message; a webhook reads no answer.
        let (status, said) = match mode.load(Ordering::SeqCst) {
            HANGS => std::future::pending().await,
            FAILS => ("500 Internal Server Error", ""),
            NO_SUCH_NUMBER => ("200 OK", r#"{"Code":"isv.MOBILE_NUMBER_ILLEGAL","Message":"138"}"#),
            _ => ("200 OK", r#"{"Code":"OK","BizId":"900619746936498440^0","Message":"OK"}"#),
        };
        if status == "200 OK" && sent.send((path, body)).await.is_err() {
            return;
        }
        let length = said.len();
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{said}");
        let _closed = socket.write_all(answer.as_bytes()).await;
        return;
    }
}

impl Provider {
    async fn start() -> Self {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", door.local_addr().unwrap());
        let (sender, sent) = mpsc::channel(10_000);
        let mode = Arc::new(AtomicU8::new(TAKES));
        let behaves = Arc::clone(&mode);
        tokio::spawn(async move {
            while let Ok((socket, _)) = door.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&behaves), sender.clone()));
            }
        });
        Self { url, mode, sent }
    }

    /// The next message while the clock goes on by at most `seconds`, with the path it came to.
    async fn next(&mut self, world: &World, seconds: i64) -> Option<(String, Value)> {
        for _ in 0..seconds * 2 {
            world.clock.advance(500);
            if let Ok(message) = tokio::time::timeout(Duration::from_millis(25), self.sent.recv()).await {
                return message;
            }
        }
        None
    }

    /// Everything that comes while the clock goes on by `seconds`, by path.
    async fn all(&mut self, world: &World, seconds: i64) -> BTreeMap<String, Vec<Value>> {
        let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let end = world.clock_at().plus_ms(seconds * 1000);
        while let left @ 1.. = end.since_ms(world.clock_at()) {
            if let Some((path, message)) = self.next(world, left.div_euclid(1000).max(1)).await {
                all.entry(path).or_default().push(message);
            }
        }
        all
    }
}

/// Lets the tasks of the engine go on.
async fn a_moment() {
    tokio::time::timeout(Duration::from_millis(25), std::future::pending::<()>()).await.unwrap_err();
}

impl World {
    fn clock_at(&self) -> UnixMs {
        self.engine.now()
    }

    fn tell(&self) {
        let config =
            TellingConfig { public_url: Some("https://fire.example".into()), ..TellingConfig::default() };
        let options = notify::Options { local_addresses: true, ..notify::Options::default() };
        self.engine.tell(config, Sender::with(options).unwrap());
    }

    async fn account(&self, login: &str, role: Role) -> UserId {
        let draft = AccountDraft {
            login: login.to_owned(),
            name: login.to_owned(),
            language: "zh-CN".to_owned(),
            password_hash: String::new(),
            must_change_password: false,
            grants: vec![GrantDraft { role, organisation_id: None, area_code: None }],
        };
        let store = self.engine.store();
        let all = Scope::platform();
        store.accounts().create(&all, &operator(1), self.clock_at(), &draft).await.unwrap().account.id
    }

    async fn webhook(&self, url: &str, account: Option<UserId>, rank: i64) {
        let secret = Secret("0123456789abcdef".to_owned());
        self.medium(Medium::Webhook(Webhook { url: url.to_owned(), secret }), account, rank).await;
    }

    /// A provider of short messages at `url`, for everybody with a telephone.
    async fn sms(&self, url: &str, rank: i64) -> MediumId {
        let config = serde_json::json!({ "kind": "aliyun_sms", "access_key_id": "LTAI", "access_key_secret": "secret",
            "sign_name": "消防", "template_code": "SMS_1", "params": { "site": "{site}" }, "base_url": url });
        self.medium(serde_json::from_value(config).unwrap(), None, rank).await
    }

    async fn medium(&self, medium: Medium, account: Option<UserId>, rank: i64) -> MediumId {
        let body = MediumBody { v: BODY_VERSION, medium, account };
        let said = Said { name: format!("{rank}"), enabled: true, rank };
        let made = self.engine.telling().create(&Scope::platform(), &operator(1), None, said, body).await;
        MediumId(made.unwrap().0.id)
    }

    async fn telephone(&self, account: UserId, number: &str) {
        let draft = ContactDraft { email: None, phone: Some(number.to_owned()), quiet: None, version: 0 };
        let telling = self.engine.store().telling();
        telling
            .set_contact(&Scope::platform(), &operator(1), self.clock_at(), account, &draft)
            .await
            .unwrap();
    }

    /// Raises an alarm beside `like` and waits until nothing of it is under way; how often each medium was tried, and
    /// by which it was told.
    async fn tell_one(&self, like: &AlarmRow, id: i64, hazard: usize) -> BTreeMap<MediumId, (usize, usize)> {
        let write = synthetic(self, like, AlarmId(id), hazard, "alarm_raised");
        self.engine.store().commit(&Batch { alarms: vec![write], ..Batch::default() }).await.unwrap();
        let telling = self.engine.store().telling();
        for _ in 0..400 {
            self.clock.advance(500);
            a_moment().await;
            let (notices, deliveries, attempts) =
                telling.notices(&Scope::platform(), AlarmId(id)).await.unwrap();
            if notices.is_empty() || notices.iter().any(|n| n.digest_state.as_deref() != Some("told")) {
                continue;
            }
            let mut by_medium: BTreeMap<MediumId, (usize, usize)> = BTreeMap::new();
            for attempt in attempts {
                let delivery = deliveries.iter().find(|delivery| delivery.id == attempt.delivery_id).unwrap();
                let counted = by_medium.entry(delivery.medium_id).or_default();
                counted.0 += 1;
                counted.1 += usize::from(attempt.outcome.as_deref() == Some("accepted"));
            }
            return by_medium;
        }
        panic!("somebody was not told of alarm {id}");
    }

    async fn health(&self, medium: MediumId) -> (u32, bool) {
        let all = self.engine.store().telling().media_health().await.unwrap();
        let of = all.iter().find(|row| row.medium_id == medium);
        of.map_or((0, false), |row| (row.failures, row.down_since.is_some()))
    }

    /// An alarm of residual current at `seconds`.
    async fn raise(&self, seconds: i64) -> AlarmRow {
        self.measure(seconds, 500).await;
        self.wait_for_alarm_at(seconds + 5).await;
        self.the_alarm().await
    }

    /// Waits until nothing about an alarm is under way, and returns the states of its deliveries and the outcomes of its
    /// attempts.
    async fn settled(&self, alarm: AlarmId) -> (Vec<String>, Vec<String>) {
        for _ in 0..400 {
            let telling = self.engine.store().telling();
            let (_, deliveries, attempts) = telling.notices(&Scope::platform(), alarm).await.unwrap();
            if !attempts.is_empty() && attempts.iter().all(|attempt| attempt.outcome.is_some()) {
                let outcomes = attempts.into_iter().filter_map(|attempt| attempt.outcome).collect();
                return (deliveries.into_iter().map(|delivery| delivery.state).collect(), outcomes);
            }
            a_moment().await;
        }
        panic!("still under way");
    }

    async fn digests(&self, state: DigestState) -> i64 {
        let counts = self.engine.store().telling().digest_counts(UnixMs(0)).await.unwrap();
        counts.into_iter().find(|(code, _)| code == state.code()).map_or(0, |(_, count)| count)
    }
}

#[tokio::test]
async fn an_alarm_reaches_its_people_and_the_link_acknowledges_once() {
    let world = World::new().await;
    let mut provider = Provider::start().await;
    let owner = world.account("owner", Role::Owner).await;
    world.account("manager", Role::SafetyManager).await;
    world.webhook(&format!("{}/owner", provider.url), Some(owner), 0).await;
    world.tell();
    let alarm = world.raise(0).await;
    let (path, message) = provider.next(&world, 60).await.expect("a message");
    assert_eq!(path, "/owner");
    assert!(message["title"].as_str().unwrap().contains("荷塘农贸市场"), "{message}");
    assert!(message["title"].as_str().unwrap().contains("剩余电流超限"), "{message}");
    assert_eq!(message["link"], format!("https://fire.example/alarms/{}", alarm.id));

    let link = message["acknowledge_link"].as_str().unwrap();
    let token = link.strip_prefix("https://fire.example/a/").unwrap();
    let desk = world.engine.telling();
    // Looking changes nothing, however often.
    for _ in 0..3 {
        let page = desk.link(token, 0, 50).await.unwrap().unwrap();
        assert_eq!((page.count, page.waiting, page.link.account_id), (1, 1, owner));
    }
    assert_eq!(world.the_alarm().await.state, AlarmState::Unacknowledged);
    assert_eq!(desk.use_link(token, "192.0.2.9").await.unwrap(), LinkUse::Acknowledged(1));
    assert_eq!(desk.use_link(token, "192.0.2.9").await.unwrap(), LinkUse::Spent);
    assert_eq!(desk.use_link("another", "192.0.2.9").await.unwrap(), LinkUse::Unknown);
    let taken = world.the_alarm().await;
    assert_eq!((taken.state, taken.acknowledged_by_id), (AlarmState::Acknowledged, Some(owner.0)));
    let audit = world.audit("alarm.acknowledge").await;
    assert_eq!((audit.len(), audit[0].remote.as_str()), (1, "by link, 192.0.2.9"));

    // Three records: why, by what, what came of it.
    assert_eq!(world.settled(alarm.id).await, (vec!["accepted".to_owned()], vec!["accepted".to_owned()]));
    let telling = world.engine.store().telling();
    let (notices, ..) = telling.notices(&Scope::platform(), alarm.id).await.unwrap();
    assert_eq!(notices.len(), 1);
    world.clock.advance(35 * 60_000);
    assert!(provider.next(&world, 20).await.is_none(), "the ladder has stopped");
}

#[tokio::test]
async fn a_link_runs_out() {
    let world = World::new().await;
    let mut provider = Provider::start().await;
    let owner = world.account("owner", Role::Owner).await;
    world.webhook(&format!("{}/owner", provider.url), Some(owner), 0).await;
    world.tell();
    world.raise(0).await;
    let (_, message) = provider.next(&world, 60).await.expect("a message");
    let token = message["acknowledge_link"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    world.clock.advance(86_400_001);
    assert_eq!(world.engine.telling().use_link(&token, "").await.unwrap(), LinkUse::Spent);
}

#[tokio::test]
async fn without_an_acknowledgement_the_next_are_told_and_nobody_twice() {
    let world = World::new().await;
    let mut provider = Provider::start().await;
    for (login, role) in
        [("owner", Role::Owner), ("manager", Role::SafetyManager), ("boss", Role::Administrator)]
    {
        let id = world.account(login, role).await;
        world.webhook(&format!("{}/{login}", provider.url), Some(id), 0).await;
    }
    world.tell();
    world.raise(0).await;
    assert_eq!(provider.next(&world, 60).await.unwrap().0, "/owner");
    assert!(provider.next(&world, 60).await.is_none(), "nobody else within minutes");
    world.clock.set(at_s(11 * 60));
    let (path, message) = provider.next(&world, 60).await.unwrap();
    assert_eq!(path, "/manager");
    assert!(message["title"].as_str().unwrap().contains("无人处理"), "{message}");
    world.clock.set(at_s(31 * 60));
    assert_eq!(provider.next(&world, 60).await.unwrap().0, "/boss");
    world.clock.set(at_s(60 * 60));
    assert!(provider.next(&world, 30).await.is_none(), "everybody was told once");
}

#[tokio::test]
async fn an_acknowledgement_at_the_desk_stops_the_ladder() {
    let world = World::new().await;
    let mut provider = Provider::start().await;
    for (login, role) in [("owner", Role::Owner), ("manager", Role::SafetyManager)] {
        let id = world.account(login, role).await;
        world.webhook(&format!("{}/{login}", provider.url), Some(id), 0).await;
    }
    world.tell();
    let alarm = world.raise(0).await;
    assert_eq!(provider.next(&world, 60).await.unwrap().0, "/owner");
    world.engine.alarms().acknowledge(&Scope::platform(), &operator(1), alarm.id, None).await.unwrap();
    world.clock.set(at_s(12 * 60));
    assert!(provider.next(&world, 60).await.is_none());
}

#[tokio::test]
async fn a_provider_that_hangs_holds_up_nobody_else() {
    let world = World::new().await;
    let (hanging, mut working) = (Provider::start().await, Provider::start().await);
    hanging.mode.store(HANGS, Ordering::SeqCst);
    let one = world.account("one", Role::Owner).await;
    let two = world.account("two", Role::Electrician).await;
    world.webhook(&format!("{}/one", hanging.url), Some(one), 0).await;
    world.webhook(&format!("{}/two", working.url), Some(two), 0).await;
    world.tell();
    world.raise(0).await;
    assert_eq!(working.next(&world, 60).await.unwrap().0, "/two");
    // Intake goes on, and so does the teller: the next site's message comes through the same post office.
    let now = (world.clock_at().0 - T0).div_euclid(1000);
    assert_eq!(world.confirm(world.residual(now, 480)).await, Outcome::Committed);
    for _ in 0..400 {
        if world.digests(DigestState::Told).await == 1 {
            break;
        }
        a_moment().await;
    }
    assert_eq!((world.digests(DigestState::Sending).await, world.digests(DigestState::Told).await), (1, 1));
}

#[tokio::test]
async fn a_provider_that_fails_gives_way_to_the_next_medium_and_is_down_in_the_end() {
    let world = World::new().await;
    let (failing, mut working) = (Provider::start().await, Provider::start().await);
    failing.mode.store(FAILS, Ordering::SeqCst);
    let owner = world.account("owner", Role::Owner).await;
    let boss = world.account("boss", Role::Administrator).await;
    world.webhook(&format!("{}/first", failing.url), Some(owner), 0).await;
    world.webhook(&format!("{}/second", working.url), Some(owner), 1).await;
    world.webhook(&format!("{}/boss", working.url), Some(boss), 2).await;
    world.tell();
    let alarm = world.raise(0).await;
    assert_eq!(working.next(&world, 120).await.unwrap().0, "/second");
    let telling = world.engine.store().telling();
    let (states, outcomes) = world.settled(alarm.id).await;
    assert_eq!(states, ["given_up", "accepted"]);
    assert_eq!(outcomes, ["try_again", "accepted"], "an alarm goes by the next medium at once");
    let health = telling.media_health().await.unwrap();
    assert_eq!(health.iter().find(|row| row.medium_id.0 == 1).unwrap().failures, 1);

    // What gets worse, and other sites, go by it until it is down: then an administrator hears of it.
    let mut known = 1;
    for round in 0..6 {
        let write =
            synthetic(&world, &alarm, AlarmId(1000 + round), usize::try_from(round).unwrap(), "alarm_raised");
        world.engine.store().commit(&Batch { alarms: vec![write], ..Batch::default() }).await.unwrap();
        let came = working.all(&world, 130).await;
        known += 1;
        if came.contains_key("/boss") {
            let title = came["/boss"][0]["title"].as_str().unwrap().to_owned();
            assert!(title.contains("通知渠道中断"), "{title}");
            let health = telling.media_health().await.unwrap();
            assert!(health.iter().find(|row| row.medium_id.0 == 1).unwrap().down_since.is_some());
            return;
        }
    }
    panic!("after {known} failures nobody heard that the medium is down");
}

/// Three persons with a telephone and a webhook each, told by short message first.
async fn three_with_telephones(sms: &Provider, beside: &Provider) -> (World, MediumId, AlarmRow) {
    let world = World::new().await;
    let first = world.sms(&sms.url, 0).await;
    for (number, (login, role)) in
        [("one", Role::Owner), ("two", Role::Electrician), ("three", Role::Operator)].into_iter().enumerate()
    {
        let account = world.account(login, role).await;
        world.telephone(account, &format!("+861380013800{number}")).await;
        world.webhook(&format!("{}/{login}", beside.url), Some(account), 1).await;
    }
    world.tell();
    let alarm = world.raise(0).await;
    (world, first, alarm)
}

#[tokio::test]
async fn a_medium_that_is_down_is_tried_by_one_message_after_a_rest_and_comes_back() {
    let (sms, beside) = (Provider::start().await, Provider::start().await);
    sms.mode.store(FAILS, Ordering::SeqCst);
    let (world, medium, alarm) = three_with_telephones(&sms, &beside).await;
    let mut raised = 0;
    while !world.health(medium).await.1 {
        raised += 1;
        assert!(raised < 6, "it is never down");
        world.clock.advance(130_000);
        world.tell_one(&alarm, 1_000 + raised, usize::try_from(raised).unwrap()).await;
    }
    // Down: nobody is sent by it, nobody waits for it.
    world.clock.advance(130_000);
    let by = world.tell_one(&alarm, 2_000, 8).await;
    assert_eq!((by.get(&medium), by.len()), (None, 3));
    // After the rest one of three messages tries it; all three persons are told.
    world.clock.advance(400_000);
    let by = world.tell_one(&alarm, 2_001, 9).await;
    assert_eq!((by.get(&medium), by.len()), (Some(&(1, 0)), 4));
    assert!(world.health(medium).await.1);
    // It works again: one message shows it, and the next three go by it.
    sms.mode.store(TAKES, Ordering::SeqCst);
    world.clock.advance(400_000);
    let by = world.tell_one(&alarm, 2_002, 10).await;
    assert_eq!((by.get(&medium), by.len()), (Some(&(1, 1)), 3));
    assert_eq!(world.health(medium).await, (0, false));
    world.clock.advance(130_000);
    assert_eq!(world.tell_one(&alarm, 2_003, 11).await, BTreeMap::from([(medium, (3, 3))]));
}

#[tokio::test]
async fn a_number_that_is_refused_says_nothing_about_the_medium() {
    let (sms, beside) = (Provider::start().await, Provider::start().await);
    sms.mode.store(NO_SUCH_NUMBER, Ordering::SeqCst);
    let (world, medium, alarm) = three_with_telephones(&sms, &beside).await;
    for round in 0..3 {
        world.clock.advance(130_000);
        let by = world.tell_one(&alarm, 1_000 + round, usize::try_from(round).unwrap()).await;
        assert_eq!((by.get(&medium), by.len()), (Some(&(3, 0)), 4), "each by the next medium at once");
        assert_eq!(world.health(medium).await, (0, false));
    }
}

#[tokio::test]
async fn a_restart_loses_nothing_and_repeats_nothing() {
    let world = World::new().await;
    let mut provider = Provider::start().await;
    let owner = world.account("owner", Role::Owner).await;
    world.webhook(&format!("{}/owner", provider.url), Some(owner), 0).await;
    world.raise(0).await;
    // Decided and on disk, told by nobody: the process ends here.
    let world = world.restart(at_s(60)).await;
    world.tell();
    assert_eq!(provider.next(&world, 60).await.unwrap().0, "/owner");
    let world = world.restart(at_s(180)).await;
    world.tell();
    assert!(provider.next(&world, 60).await.is_none(), "told once");

    // One that was under way when the process ended is sent again, once.
    provider.mode.store(HANGS, Ordering::SeqCst);
    let write = synthetic(&world, &world.the_alarm().await, AlarmId(5000), 3, "alarm_raised");
    world.engine.store().commit(&Batch { alarms: vec![write], ..Batch::default() }).await.unwrap();
    let telling = world.engine.store().telling();
    for _ in 0..400 {
        world.clock.advance(500);
        let (_, _, attempts) = telling.notices(&Scope::platform(), AlarmId(5000)).await.unwrap();
        if !attempts.is_empty() {
            break;
        }
        a_moment().await;
    }
    // As kill -9 leaves it: another process finds the attempt without an end.
    let store = store::Store::open(world.dir.path(), store::Options::default()).await.unwrap();
    assert_eq!(store.telling().recover(world.clock_at()).await.unwrap(), 1);
    assert_eq!(store.telling().recover(world.clock_at()).await.unwrap(), 0);
    let (_, deliveries, attempts) = store.telling().notices(&Scope::platform(), AlarmId(5000)).await.unwrap();
    assert_eq!(attempts[0].outcome.as_deref(), Some("lost"));
    assert_eq!(deliveries[0].state, "waiting");
    store.close().await;
}

#[tokio::test]
async fn what_was_decided_long_before_telling_began_is_set_aside() {
    let world = World::new().await;
    let mut provider = Provider::start().await;
    let owner = world.account("owner", Role::Owner).await;
    world.webhook(&format!("{}/owner", provider.url), Some(owner), 0).await;
    world.raise(0).await;
    world.clock.set(at_s(62 * 60));
    world.tell();
    assert!(provider.next(&world, 30).await.is_none());
    assert_eq!(world.engine.counters().notices_set_aside.get(), 1);
    assert!(world.engine.store().outbox_after(0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_same_address_is_told_once_and_a_group_cannot_acknowledge() {
    let world = World::new().await;
    let mut provider = Provider::start().await;
    for (login, role) in
        [("owner", Role::Owner), ("electrician", Role::Electrician), ("duty", Role::Operator)]
    {
        world.account(login, role).await;
    }
    world.webhook(&format!("{}/group", provider.url), None, 0).await;
    world.tell();
    let alarm = world.raise(0).await;
    let came = provider.all(&world, 60).await;
    assert_eq!(came["/group"].len(), 1);
    assert_eq!(came["/group"][0]["acknowledge_link"], Value::Null);
    let (notices, deliveries, _) =
        world.engine.store().telling().notices(&Scope::platform(), alarm.id).await.unwrap();
    assert_eq!(notices.len(), 3, "three persons are on record");
    assert_eq!(deliveries.iter().filter(|delivery| delivery.state == "shared").count(), 2);
}

#[tokio::test]
async fn with_no_medium_nothing_breaks_and_who_cannot_be_told_is_on_record() {
    let world = World::new().await;
    world.account("owner", Role::Owner).await;
    world.tell();
    let alarm = world.raise(0).await;
    for _ in 0..40 {
        world.clock.advance(500);
        if world.engine.counters().notices_unreachable.get() > 0 {
            break;
        }
        a_moment().await;
    }
    let status = world.engine.telling().status().await.unwrap();
    assert!(!status.can_tell);
    let (notices, _, _) = world.engine.store().telling().notices(&Scope::platform(), alarm.id).await.unwrap();
    assert_eq!((notices.len(), notices[0].digest_id), (1, None));
}

#[tokio::test]
async fn a_changed_medium_keeps_its_secret_and_the_log_never_sees_it() {
    let world = World::new().await;
    world.webhook("https://hooks.example/a", None, 0).await;
    let (all, actor) = (Scope::platform(), operator(1));
    let desk = world.engine.telling();
    let (row, body) = desk.list::<MediumBody>(&all).await.unwrap().remove(0);
    let medium =
        Medium::Webhook(Webhook { url: "https://hooks.example/a".into(), secret: Secret::default() });
    let said = Said { name: "neu".into(), enabled: false, rank: 3 };
    let changed = MediumBody { medium, ..body.clone() };
    let (after, kept) = desk.change(&all, &actor, row.id, said, changed, row.version).await.unwrap();
    assert_eq!((kept, after.version, after.enabled), (body, 2, false));
    for action in ["medium.create", "medium.change"] {
        let entry = world.audit(action).await.remove(0);
        assert!(!entry.after.unwrap().contains("0123456789abcdef"), "{action}");
    }
    let ladder = world.engine.telling().delete::<LadderBody>(&all, &actor, 1).await;
    assert!(ladder.is_err(), "a route leads to it");
    let steps = vec![Step {
        after_min: 0,
        recipients: vec![Recipient::Account { account: UserId(77) }],
        media: vec![],
        remind: false,
    }];
    let nobody = LadderBody { v: BODY_VERSION, steps, fallback: None };
    let said = Said { name: "x".into(), enabled: true, rank: 0 };
    assert!(desk.create(&all, &actor, None, said, nobody).await.is_err(), "no such account");
    assert_eq!(desk.list::<RouteBody>(&all).await.unwrap().len(), 1);
    assert_eq!(world.engine.store().telling().list(&all, SetKind::Ladder).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_address_proves_itself_by_its_link() {
    let world = World::new().await;
    let owner = world.account("owner", Role::Owner).await;
    let telling = world.engine.store().telling();
    let actor = Actor { kind: ActorKind::User(owner), name: "owner".into(), remote: String::new() };
    let draft = ContactDraft { email: Some("a@example.cn".into()), phone: None, quiet: None, version: 0 };
    let set = telling.set_contact(&Scope::platform(), &actor, world.clock_at(), owner, &draft).await.unwrap();
    assert_eq!((set.version, set.email_verified_at), (1, None));
    let conflict = telling.set_contact(&Scope::platform(), &actor, world.clock_at(), owner, &draft).await;
    assert!(conflict.is_err());
    assert_eq!(world.audit("account.set_contact").await.len(), 1);
    assert_eq!(AddressKind::from_code("email"), Some(AddressKind::Email));
}

/// An open alarm beside `like`, of another hazard or detector, as the pipeline writes one.
fn synthetic(world: &World, like: &AlarmRow, id: AlarmId, hazard: usize, kind: &'static str) -> AlarmWrite {
    let hazards: Vec<Hazard> = Hazard::ALL.into_iter().filter(|hazard| *hazard != like.hazard).collect();
    let alarm = AlarmRecord {
        id,
        site_id: like.site_id,
        detector_id: like.detector_id,
        channel_id: like.channel_id,
        circuit_id: like.circuit_id,
        hazard: hazards[hazard % hazards.len()],
        severity: Severity::Alarm,
        worst_severity: Severity::Alarm,
        state: AlarmState::Unacknowledged,
        raised_at: world.clock_at(),
        returned_at: None,
        acknowledged_at: None,
        acknowledged_by: None,
        acknowledged_by_id: None,
        closed_at: None,
        close_reason: None,
        late: false,
        reported_by_device: false,
        latching: false,
        limit_value: None,
        current_value: None,
        current_at: None,
        worst_value: None,
        worst_at: None,
        aside: None,
        verdict: None,
        verdict_note: None,
        version: 1,
    };
    let outbox = vec![OutboxEntry { at: world.clock_at(), kind, payload: serde_json::json!({"v": 1}) }];
    AlarmWrite { alarm, transitions: Vec::new(), outbox }
}

/// The storm drill: 10,000 alarms within 10 s at four sites, three persons who answer for all of them.
#[tokio::test]
async fn ten_thousand_alarms_make_one_message_per_person_and_site() {
    const ALARMS: usize = 10_000;
    const SITES: usize = 4;
    let world = World::new().await;
    let mut provider = Provider::start().await;
    for (login, role) in
        [("owner", Role::Owner), ("electrician", Role::Electrician), ("duty", Role::Operator)]
    {
        let id = world.account(login, role).await;
        world.webhook(&format!("{}/{login}", provider.url), Some(id), 0).await;
    }
    let (all, store) = (Scope::platform(), world.engine.store().clone());
    let first = world.raise(0).await;
    let organisation_id = first.organisation_id;
    let mut places: Vec<(SiteId, domain::id::DetectorId, Vec<domain::id::ChannelId>)> = Vec::new();
    let mut sites = Vec::new();
    let mut channels = 0;
    for serial in 0.. {
        if channels * (Hazard::ALL.len() - 1) >= ALARMS {
            break;
        }
        let site = if serial < SITES {
            SiteChoice::New(SiteDraft {
                name: format!("site {serial}"),
                address: String::new(),
                area_code: first.area_code.clone(),
                organisation_id,
                premises_kind: "market".to_owned(),
                position: None,
                zone: "Asia/Shanghai".to_owned(),
                contact_name: String::new(),
                contact_phone: String::new(),
            })
        } else {
            SiteChoice::Existing(sites[serial % SITES])
        };
        let request = AdmitRequest {
            profile_id: "arcm300-cloud".to_owned(),
            unit_address: None,
            address: None,
            name: format!("detector {serial}"),
            place: DetectorPlace::Site(site),
        };
        let made = world
            .engine
            .admission()
            .register(&all, &operator(1), &format!("S{serial:04}"), Protocol::Cloud7b7b, vec![request])
            .await
            .unwrap();
        let detector = made.detectors[0];
        let known = world.engine.memory().detector(detector).unwrap();
        let site = known.binding.placement.site;
        if serial < SITES {
            sites.push(site);
        }
        let of: Vec<_> = known.binding.channels.iter().map(|channel| channel.channel.id).collect();
        channels += of.len();
        places.push((site, detector, of));
    }
    world.tell();
    let began = Instant::now();
    let mut writes = Vec::with_capacity(ALARMS);
    'all: for hazard in 0..Hazard::ALL.len() - 1 {
        for (site, detector, channels) in &places {
            for channel in channels {
                let id = AlarmId(10_000 + i64::try_from(writes.len()).unwrap());
                let mut write = synthetic(&world, &first, id, hazard, "alarm_raised");
                write.alarm.site_id = *site;
                write.alarm.detector_id = *detector;
                write.alarm.channel_id = *channel;
                write.alarm.circuit_id = None;
                writes.push(write);
                if writes.len() == ALARMS {
                    break 'all;
                }
            }
        }
    }
    let mut longest = Duration::ZERO;
    for some in writes.chunks(ALARMS / 20) {
        let one = Instant::now();
        store.commit(&Batch { alarms: some.to_vec(), ..Batch::default() }).await.unwrap();
        longest = longest.max(one.elapsed());
        world.clock.advance(500);
    }
    let raised = began.elapsed();
    // The clock stands while the outbox is emptied: the storm took 10 s.
    for _ in 0..4000 {
        if store.outbox_after(0, 1).await.unwrap().is_empty() {
            break;
        }
        world.clock.advance(1);
        a_moment().await;
    }
    assert!(store.outbox_after(0, 1).await.unwrap().is_empty(), "every decision was taken");
    let decided = began.elapsed();
    let came = provider.all(&world, 30).await;
    let told = began.elapsed();
    assert_eq!(came.len(), 3, "three persons");
    let mut reached = 0;
    for (person, messages) in &came {
        // The four sites of the storm and the one where an alarm was before.
        let mut groups: Vec<_> = messages.iter().map(|message| message["group"].to_string()).collect();
        groups.sort();
        let sites = groups.len();
        groups.dedup();
        assert_eq!((groups.len(), sites), (SITES + 1, SITES + 1), "{person} was told twice of a site");
        if person == "/owner" {
            for message in messages {
                let token = message["acknowledge_link"].as_str().unwrap().rsplit('/').next().unwrap();
                reached += world.engine.telling().link(token, 0, 50).await.unwrap().unwrap().count;
            }
        }
    }
    assert_eq!(reached, i64::try_from(ALARMS).unwrap() + 1, "every alarm is behind a link");
    println!(
        "{ALARMS} alarms at {SITES} sites, 3 persons: written in {raised:?} (longest commit of 500: {longest:?}), \
         decided after {decided:?}, {} messages after {told:?}, {} notices, 0 lost",
        came.values().map(Vec::len).sum::<usize>(),
        world.engine.counters().notices_made.get(),
    );
}
