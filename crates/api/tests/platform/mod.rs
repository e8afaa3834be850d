//! A whole platform in a temporary folder: real store, real engine, the router in process. Two organisations, sites in
//! two areas, a detector with an open alarm, and people of every kind.

#![expect(dead_code, reason = "each test binary uses its own part of it")]

use std::sync::Arc;

use api::{Api, Config, HashCost, Hasher};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bus::{Confirm, Counters, Directory, Intake, IntakeSender, LiveHub, Outcome, Sessions, TelegramSink};
use domain::access::{Role, Scope};
use domain::hazard::{Hazard, Severity};
use domain::id::{DetectorId, OrganisationId, TerminalId};
use domain::place::{AreaCode, Protocol};
use domain::reading::{Reading, Reported};
use domain::time::UnixMs;
use engine::services::AdmitRequest;
use engine::{Clock as _, Engine, EngineConfig, ManualClock, Parts};
use http_body_util::BodyExt as _;
use serde_json::Value;
use store::accounts::{AccountDraft, GrantDraft};
use store::admission::{CircuitChoice, DetectorPlace, PanelChoice, SiteChoice};
use store::circuits::{CircuitDraft, PanelDraft};
use store::organisations::OrganisationDraft;
use store::sites::SiteDraft;
use store::terminals::UnknownSeen;
use store::{Actor, Options, Store};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// 2026-11-24T10:00:00Z.
pub(crate) const BEGIN: UnixMs = UnixMs(1_795_514_400_000);
/// In the name of everything that only the insiders may see.
pub(crate) const MARK: &str = "INSIDE";
/// In the name of the insiders' organisation: a neighbour is of it too, a stranger must not see it.
pub(crate) const OWNERS: &str = "OWNERS";
pub(crate) const PASSWORD: &str = "a heron stands still";
pub(crate) const AREA: &str = "430203";
pub(crate) const NEXT_AREA: &str = "430204";

pub(crate) struct Platform {
    pub(crate) router: Router,
    pub(crate) api: Api,
    pub(crate) engine: Engine,
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) intake: IntakeSender,
    pub(crate) hasher: Hasher,
    folder: tempfile::TempDir,
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text))
    }

    pub(crate) fn id(&self) -> i64 {
        self.json()["id"].as_i64().unwrap_or_default()
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Somebody signed in: the cookie and the CSRF token; or a token.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) cookie: String,
    pub(crate) csrf: String,
    pub(crate) bearer: Option<String>,
}

/// What is inside.
pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) inside: OrganisationId,
    pub(crate) outside: OrganisationId,
    pub(crate) site: i64,
    pub(crate) panel: i64,
    pub(crate) circuit: i64,
    pub(crate) detector: DetectorId,
    pub(crate) channel: i64,
    pub(crate) terminal: TerminalId,
    pub(crate) alarm: i64,
    pub(crate) picture: i64,
    pub(crate) waiting: TerminalId,
    pub(crate) refused: TerminalId,
    pub(crate) admin: Person,
}

impl Platform {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Options::default()).await.unwrap();
        let clock = Arc::new(ManualClock::new(BEGIN));
        let counters = Arc::new(Counters::default());
        let (intake, intake_end) = IntakeSender::bounded(64);
        let (telegrams, telegrams_end) = TelegramSink::bounded(64, Arc::clone(&counters));
        let profiles = domain::profile::shipped().unwrap();
        let parts = Parts {
            intake: intake_end,
            intake_gauge: Some(intake.clone()),
            telegrams: telegrams_end,
            telegram_gauge: Some(telegrams),
            directory: Arc::new(Directory::default()),
            sessions: Arc::new(Sessions::default()),
            live: Arc::new(LiveHub::new("test".to_owned(), 1024)),
            counters,
            profiles,
        };
        let engine = Engine::start(store.clone(), parts, EngineConfig::default(), Arc::clone(&clock) as _)
            .await
            .unwrap();
        let hash_cost = HashCost { memory_kib: 64, passes: 1 };
        let mut config = Config { hash_cost, sign_ins_per_minute: 1000, ..Config::default() };
        change(&mut config);
        let api = Api::start(engine.clone(), config, CancellationToken::new()).await.unwrap();
        let hasher = Hasher::new(hash_cost, 2).unwrap();
        Self { router: api::router(api.clone()), api, engine, store, clock, intake, hasher, folder }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            bytes: bytes.to_vec(),
        }
    }

    /// A request as the screens send it; `path` is below `/api/v1`.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        who: Option<&Person>,
        body: Option<&Value>,
    ) -> Answer {
        self.send(Self::request(method, path, who, body)).await
    }

    pub(crate) fn request(
        method: &str,
        path: &str,
        who: Option<&Person>,
        body: Option<&Value>,
    ) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        if let Some(person) = who {
            request = match &person.bearer {
                Some(token) => request.header("authorization", format!("Bearer {token}")),
                None => request.header("cookie", &person.cookie),
            };
            if method != "GET" && person.bearer.is_none() {
                request = request.header("x-csrf-token", &person.csrf);
            }
        }
        match body {
            Some(json) => {
                request.header("content-type", "application/json").body(Body::from(json.to_string())).unwrap()
            }
            None => request.body(Body::empty()).unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str, who: &Person) -> Answer {
        self.call("GET", path, Some(who), None).await
    }

    pub(crate) async fn post(&self, path: &str, who: &Person, body: Value) -> Answer {
        self.call("POST", path, Some(who), Some(&body)).await
    }

    /// Sends `file` as the form of the screens does.
    pub(crate) async fn upload(&self, path: &str, who: Option<&Person>, file: &[u8]) -> Answer {
        let mut request = Self::request("POST", path, who, None);
        let mut form = Vec::new();
        form.extend_from_slice(
            b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file.xlsx\"\r\n\r\n",
        );
        form.extend_from_slice(file);
        form.extend_from_slice(b"\r\n--x--\r\n");
        request.headers_mut().insert("content-type", "multipart/form-data; boundary=x".parse().unwrap());
        *request.body_mut() = Body::from(form);
        self.send(request).await
    }

    pub(crate) async fn sign_in(&self, login: &str, password: &str) -> Answer {
        let body = serde_json::json!({ "login": login, "password": password });
        self.call("POST", "/session", None, Some(&body)).await
    }

    pub(crate) async fn person(&self, login: &str) -> Person {
        let answer = self.sign_in(login, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        Person::of(&answer)
    }

    pub(crate) async fn account(&self, login: &str, grants: Vec<GrantDraft>) -> Person {
        let draft = self.draft(login, grants).await;
        self.store
            .accounts()
            .create(&Scope::platform(), &Actor::system(), self.clock.now(), &draft)
            .await
            .unwrap();
        self.person(login).await
    }

    pub(crate) async fn draft(&self, login: &str, grants: Vec<GrantDraft>) -> AccountDraft {
        AccountDraft {
            login: login.to_owned(),
            name: format!("name of {login}"),
            language: "zh-CN".to_owned(),
            password_hash: self.hasher.hash(PASSWORD.to_owned()).await.unwrap(),
            must_change_password: false,
            grants,
        }
    }

    /// The first account; signs in.
    pub(crate) async fn founded(&self) -> (OrganisationId, Person) {
        let draft = self.draft("admin", Vec::new()).await;
        let first = self.store.accounts().create_first(self.clock.now(), "root", &draft, "").await.unwrap();
        (first.organisation.id, self.person("admin").await)
    }

    pub(crate) async fn unknown(&self, serial: &str) -> TerminalId {
        let seen = UnknownSeen {
            serial: serial.to_owned(),
            protocol: Protocol::Cloud7b7b,
            iccid: Some("89860000000000000001".to_owned()),
            signal: Some(20),
            firmware: None,
            remote: "192.0.2.1:4000".to_owned(),
            at: self.clock.now(),
            readings_ignored: 0,
            hint_profile_id: None,
        };
        self.store.terminals().seen_unknown(&[seen]).await.unwrap()[0].terminal
    }

    /// Sends a reading through the pipeline and waits until it is committed.
    pub(crate) async fn says(&self, detector: DetectorId, hazard: Hazard, severity: Option<Severity>) {
        let now = self.clock.now();
        let reading = Reading {
            detector,
            group: 0,
            device_at: None,
            received_at: now,
            samples: Vec::new(),
            reported: vec![Reported { point: None, hazard, severity }],
        };
        let (confirm, told) = Confirm::pair();
        self.intake.send(Intake::Readings { readings: vec![reading], confirm }).await.unwrap();
        assert_eq!(told.await.unwrap(), Outcome::Committed);
    }
}

impl Person {
    pub(crate) fn of(answer: &Answer) -> Self {
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        Self {
            cookie: cookie.split(';').next().unwrap().to_owned(),
            csrf: answer.json()["csrf_token"].as_str().unwrap().to_owned(),
            bearer: None,
        }
    }

    pub(crate) fn program(token: &str) -> Self {
        Self { cookie: String::new(), csrf: String::new(), bearer: Some(token.to_owned()) }
    }
}

pub(crate) fn grant(role: Role, organisation: Option<OrganisationId>, area: Option<&str>) -> GrantDraft {
    GrantDraft { role, organisation_id: organisation, area_code: area.map(|code| AreaCode(code.to_owned())) }
}

fn site(name: &str, organisation: OrganisationId, area: &str) -> SiteDraft {
    SiteDraft {
        name: name.to_owned(),
        address: String::new(),
        area_code: AreaCode(area.to_owned()),
        organisation_id: organisation,
        premises_kind: "market".to_owned(),
        position: Some((113.15, 27.85)),
        zone: "Asia/Shanghai".to_owned(),
        contact_name: String::new(),
        contact_phone: String::new(),
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(Platform::start().await).await
    }

    /// The world with a breaker on its circuit.
    pub(crate) async fn with_breaker(profile: &str) -> (Self, i64) {
        let world = Self::new().await;
        let platform = &world.platform;
        let seen = UnknownSeen {
            serial: "DTU0001".to_owned(),
            protocol: Protocol::ModbusRtu,
            iccid: None,
            signal: None,
            firmware: None,
            remote: "192.0.2.1:4000".to_owned(),
            at: platform.clock.now(),
            readings_ignored: 0,
            hint_profile_id: None,
        };
        let terminal = platform.store.terminals().seen_unknown(&[seen]).await.unwrap()[0].terminal;
        let request = AdmitRequest {
            profile_id: profile.to_owned(),
            unit_address: Some(1),
            address: None,
            name: "breaker".to_owned(),
            place: DetectorPlace::Circuit(CircuitChoice::Existing(domain::id::CircuitId(world.circuit))),
        };
        let (all, system) = (Scope::platform(), Actor::system());
        let admitted = platform.engine.admission().admit(&all, &system, terminal, None, vec![request]).await;
        let breaker = admitted.unwrap().detectors[0].0;
        (world, breaker)
    }

    pub(crate) async fn on(platform: Platform) -> Self {
        let (root, admin) = platform.founded().await;
        let (everything, system) = (Scope::platform(), Actor::system());
        let now = platform.clock.now();
        let mut organisations = Vec::new();
        for name in [OWNERS, "outside"] {
            let draft = OrganisationDraft {
                name: format!("organisation {name}"),
                parent_id: Some(root),
                kind: "company".to_owned(),
            };
            let row = platform.store.organisations().create(&everything, &system, now, &draft).await.unwrap();
            organisations.push(row.id);
        }
        let [inside, outside] = organisations[..] else { unreachable!() };
        let profile =
            platform.engine.directory().profiles().into_iter().find(|p| p.protocol == Protocol::Cloud7b7b);
        let profile_id = profile.unwrap().id.clone();
        let terminal = platform.unknown(&format!("{MARK}-terminal")).await;
        let place = DetectorPlace::Circuit(CircuitChoice::New(
            PanelChoice::New(
                SiteChoice::New(site(&format!("site {MARK}"), inside, AREA)),
                PanelDraft { name: format!("panel {MARK}"), location: String::new() },
            ),
            CircuitDraft {
                name: format!("circuit {MARK}"),
                rated_current_a: Some(63.0),
                phases: 3,
                load_kind: String::new(),
            },
        ));
        let request = AdmitRequest {
            profile_id,
            unit_address: None,
            address: None,
            name: format!("detector {MARK}"),
            place,
        };
        let admitted = platform
            .engine
            .admission()
            .admit(&everything, &system, terminal, None, vec![request])
            .await
            .unwrap();
        let detector = admitted.detectors[0];
        let row = platform.store.detectors().get(&everything, detector).await.unwrap();
        let circuit = platform.store.circuits().circuit(&everything, row.circuit_id.unwrap()).await.unwrap();
        let channels = platform.store.detectors().channels(&everything, detector).await.unwrap();
        platform.says(detector, Hazard::ShortCircuit, Some(Severity::Alarm)).await;
        platform.clock.advance(60_000);
        platform.says(detector, Hazard::ShortCircuit, Some(Severity::Alarm)).await;
        let alarm =
            platform.get("/alarms", &admin).await.json()["items"][0]["id"].as_i64().expect("an alarm");
        for (name, organisation, area) in [("next door", inside, NEXT_AREA), ("far away", outside, AREA)] {
            let draft = site(name, organisation, area);
            platform.store.sites().create(&everything, &system, now, &draft).await.unwrap();
        }
        let picture = store::pictures::PictureDraft {
            detector: Some(detector),
            kind: "panel",
            note: MARK.to_owned(),
            media_type: "image/png",
            bytes: MARK.as_bytes().to_vec(),
        };
        let picture = platform
            .store
            .pictures()
            .keep(&everything, &system, now, row.site_id, &picture)
            .await
            .unwrap()
            .id;
        let waiting = platform.unknown(&format!("{MARK}-waiting")).await;
        let refused = platform.unknown(&format!("{MARK}-refused")).await;
        platform.engine.admission().refuse(&everything, &system, refused, None, None).await.unwrap();
        Self {
            inside,
            outside,
            site: row.site_id.0,
            panel: circuit.panel_id.0,
            circuit: circuit.id.0,
            detector,
            channel: channels[1].id.0,
            terminal,
            alarm,
            picture,
            waiting,
            refused,
            admin,
            platform,
        }
    }
}

/// A workbook of texts: sheets by name, lines from the first.
pub(crate) fn workbook(sheets: &[(&str, &[&[&str]])]) -> Vec<u8> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    for (name, lines) in sheets {
        let sheet = workbook.add_worksheet();
        sheet.set_name(*name).unwrap();
        for (row, line) in (0u32..).zip(*lines) {
            for (column, text) in (0u16..).zip(*line) {
                sheet.write_string(row, column, *text).unwrap();
            }
        }
    }
    workbook.save_to_buffer().unwrap()
}

/// The cells of every sheet of a workbook, as text.
pub(crate) fn cells(bytes: &[u8]) -> Vec<(String, Vec<Vec<String>>)> {
    use calamine::Reader as _;
    let mut workbook: calamine::Xlsx<_> =
        calamine::open_workbook_from_rs(std::io::Cursor::new(bytes.to_vec())).unwrap();
    let sheets = workbook.worksheets();
    let text = |rows: calamine::Range<calamine::Data>| {
        rows.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect()
    };
    sheets.into_iter().map(|(name, range)| (name, text(range))).collect()
}

/// The same in one text.
pub(crate) fn every_cell(bytes: &[u8]) -> String {
    format!("{:?}", cells(bytes))
}
