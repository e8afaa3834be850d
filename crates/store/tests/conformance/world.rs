//! A small world to ask questions about: two companies in two districts, each with a site, a panel, a
//! circuit and a detector; administrators of everything, of each company and of a district.

use std::path::Path;

use domain::access::{Grant, Permission, Role, Scope};
use domain::alarm::AlarmState;
use domain::hazard::{Hazard, Severity};
use domain::id::{AlarmId, ChannelId, DetectorId, OrganisationId, SiteId, TerminalId};
use domain::place::{AreaCode, OrganisationPath, Protocol};
use domain::profile::Profile;
use domain::reading::{Filing, PointIndex, Quality, Sample};
use domain::time::UnixMs;
use store::accounts::AccountDraft;
use store::admission::{AdmitDetector, CircuitChoice, DetectorPlace, PanelChoice, SiteChoice};
use store::circuits::{CircuitDraft, PanelDraft};
use store::intake::{AlarmRecord, AlarmWrite, NewTransition, OutboxEntry, StoredReading};
use store::organisations::OrganisationDraft;
use store::sites::SiteDraft;
use store::terminals::UnknownSeen;
use store::{Actor, ActorKind, Batch, Options, Store};

pub(crate) const NOW: UnixMs = UnixMs(1_789_999_200_000);
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const DAY: i64 = 86_400_000;

/// The backends. One now; a test runs over all of them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Backend {
    Sqlite,
}

impl Backend {
    pub(crate) const ALL: [Self; 1] = [Self::Sqlite];

    pub(crate) async fn open(self, folder: &Path, options: Options) -> Store {
        match self {
            Self::Sqlite => Store::open(folder, options).await.unwrap(),
        }
    }
}

/// One company with what belongs to it.
pub(crate) struct Company {
    pub(crate) organisation: OrganisationId,
    pub(crate) path: OrganisationPath,
    pub(crate) area: AreaCode,
    pub(crate) site: SiteId,
    pub(crate) terminal: TerminalId,
    pub(crate) detector: DetectorId,
    /// The device's channel, then one per point.
    pub(crate) channels: Vec<ChannelId>,
    /// Everything of this company.
    pub(crate) scope: Scope,
}

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) backend: Backend,
    pub(crate) actor: Actor,
    pub(crate) everything: Scope,
    pub(crate) nothing: Scope,
    /// The east company, in 荷塘区.
    pub(crate) east: Company,
    /// The west company, in 天元区.
    pub(crate) west: Company,
}

pub(crate) fn scope_of(organisation: Option<&OrganisationPath>, area: Option<&AreaCode>) -> Scope {
    let grant = Grant { role: Role::Administrator, organisation: organisation.cloned(), area: area.cloned() };
    Scope::of(&[grant], Permission::View)
}

pub(crate) fn profile_of(protocol: Protocol) -> Profile {
    let shipped = domain::profile::shipped().unwrap();
    shipped.into_iter().find(|profile| profile.protocol == protocol && profile.points.len() > 3).unwrap()
}

pub(crate) fn area(code: &str) -> AreaCode {
    AreaCode(code.to_owned())
}

pub(crate) fn unknown(serial: &str, at: UnixMs) -> UnknownSeen {
    UnknownSeen {
        serial: serial.to_owned(),
        protocol: Protocol::Cloud7b7b,
        iccid: Some(format!("8986{serial}")),
        signal: Some(20),
        firmware: Some("1.2".to_owned()),
        remote: "192.0.2.7:4000".to_owned(),
        at,
        readings_ignored: 1,
        hint_profile_id: None,
    }
}

pub(crate) fn site_draft(name: &str, organisation_id: OrganisationId, area_code: &AreaCode) -> SiteDraft {
    SiteDraft {
        name: name.to_owned(),
        address: "建设南路 1 号".to_owned(),
        area_code: area_code.clone(),
        organisation_id,
        premises_kind: "mall".to_owned(),
        position: Some((113.13, 27.83)),
        zone: "Asia/Shanghai".to_owned(),
        contact_name: "王工".to_owned(),
        contact_phone: "13800000000".to_owned(),
    }
}

pub(crate) fn account_draft(login: &str) -> AccountDraft {
    AccountDraft {
        login: login.to_owned(),
        name: login.to_owned(),
        language: "zh-CN".to_owned(),
        password_hash: "$argon2id$of-a-test".to_owned(),
        must_change_password: false,
        grants: Vec::new(),
    }
}

impl World {
    pub(crate) async fn new(backend: Backend) -> Self {
        Self::with(backend, Options::default()).await
    }

    pub(crate) async fn with(backend: Backend, options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = backend.open(folder.path(), options).await;
        let first =
            store.accounts().create_first(NOW, "株洲市", &account_draft("Root"), "192.0.2.1").await.unwrap();
        let actor = Actor {
            kind: ActorKind::User(first.account.account.id),
            name: "Root".to_owned(),
            remote: "192.0.2.1".to_owned(),
        };
        let root = first.organisation.id;
        let east = company(&store, &actor, root, "东方商场", &area("430202"), "E1").await;
        let west = company(&store, &actor, root, "西城市场", &area("430211"), "W1").await;
        let nothing = Scope::of(&[], Permission::View);
        Self { store, folder, backend, actor, everything: Scope::platform(), nothing, east, west }
    }

    /// Closes the store and opens the same folder again.
    pub(crate) async fn reopen(&mut self, options: Options) {
        self.store.close().await;
        self.store = self.backend.open(self.folder.path(), options).await;
    }
}

async fn company(
    store: &Store,
    actor: &Actor,
    root: OrganisationId,
    name: &str,
    area_code: &AreaCode,
    serial: &str,
) -> Company {
    let everything = Scope::platform();
    let draft =
        OrganisationDraft { name: name.to_owned(), parent_id: Some(root), kind: "company".to_owned() };
    let organisation = store.organisations().create(&everything, actor, NOW, &draft).await.unwrap();
    let kept = store.terminals().seen_unknown(&[unknown(serial, NOW)]).await.unwrap();
    let profile = profile_of(Protocol::Cloud7b7b);
    let wanted = AdmitDetector {
        profile: &profile,
        unit_address: None,
        address: None,
        name: format!("{name}探测器"),
        place: new_place(name, organisation.id, area_code),
    };
    let terminal = kept[0].terminal;
    let admitted = store.terminals().admit(&everything, actor, NOW, terminal, None, &[wanted]).await.unwrap();
    let detector = admitted.detectors[0];
    let row = store.detectors().get(&everything, detector).await.unwrap();
    let channels = store.detectors().channels(&everything, detector).await.unwrap();
    Company {
        organisation: organisation.id,
        scope: scope_of(Some(&organisation.path), None),
        path: organisation.path,
        area: area_code.clone(),
        site: row.site_id,
        terminal,
        detector,
        channels: channels.into_iter().map(|channel| channel.id).collect(),
    }
}

pub(crate) fn new_place(name: &str, organisation: OrganisationId, area_code: &AreaCode) -> DetectorPlace {
    DetectorPlace::Circuit(CircuitChoice::New(
        PanelChoice::New(
            SiteChoice::New(site_draft(name, organisation, area_code)),
            PanelDraft { name: "一号配电箱".to_owned(), location: "一楼".to_owned() },
        ),
        CircuitDraft {
            name: "照明".to_owned(),
            rated_current_a: Some(63.0),
            phases: 3,
            load_kind: "lighting".to_owned(),
        },
    ))
}

/// A reading of the detector's points 0 and 1.
pub(crate) fn reading(detector: DetectorId, filed_at: UnixMs, raw: i64) -> StoredReading {
    let sample = |point, raw| Sample { point: PointIndex(point), raw, quality: Quality::Good };
    StoredReading {
        detector,
        group: 0,
        filed_at,
        device_at: Some(filed_at),
        received_at: filed_at.plus_ms(40),
        filing: Filing::Current,
        samples: vec![sample(0, raw), sample(1, -raw)],
        reported: Vec::new(),
    }
}

/// An alarm that was just raised, with its step, its outbox entry.
pub(crate) fn raised(
    id: i64,
    company: &Company,
    hazard: Hazard,
    severity: Severity,
    at: UnixMs,
) -> AlarmWrite {
    AlarmWrite {
        alarm: AlarmRecord {
            id: AlarmId(id),
            site_id: company.site,
            detector_id: company.detector,
            channel_id: company.channels[1],
            circuit_id: None,
            hazard,
            severity,
            worst_severity: severity,
            state: AlarmState::Unacknowledged,
            raised_at: at,
            returned_at: None,
            acknowledged_at: None,
            acknowledged_by: None,
            acknowledged_by_id: None,
            closed_at: None,
            close_reason: None,
            late: false,
            reported_by_device: false,
            latching: true,
            limit_value: Some(300.0),
            current_value: Some(412.5),
            current_at: Some(at),
            worst_value: Some(412.5),
            worst_at: Some(at),
            aside: None,
            verdict: None,
            verdict_note: None,
            version: 1,
        },
        transitions: vec![NewTransition {
            at,
            event: "raised",
            from_state: None,
            to_state: AlarmState::Unacknowledged,
            severity,
            value: Some(412.5),
            actor: ActorKind::System,
            actor_name: None,
            reason: None,
            comment: None,
            note: None,
        }],
        outbox: vec![OutboxEntry { at, kind: "alarm_raised", payload: serde_json::json!({"version": 1}) }],
    }
}

pub(crate) fn closed(mut write: AlarmWrite, at: UnixMs) -> AlarmWrite {
    write.alarm.state = AlarmState::Closed;
    write.alarm.closed_at = Some(at);
    write.alarm.close_reason = Some("returned".to_owned());
    write.alarm.version += 1;
    for step in &mut write.transitions {
        step.event = "closed";
        step.from_state = Some(AlarmState::Unacknowledged);
        step.to_state = AlarmState::Closed;
        step.at = at;
    }
    write.outbox.clear();
    write
}

pub(crate) fn alarms(writes: Vec<AlarmWrite>) -> Batch {
    Batch { alarms: writes, ..Batch::default() }
}

pub(crate) fn readings(readings: Vec<StoredReading>) -> Batch {
    Batch { readings, ..Batch::default() }
}
