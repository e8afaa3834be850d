//! Somebody, somewhere, with detectors.

use domain::access::Scope;
use domain::id::{ChannelId, DetectorId, TerminalId};
use domain::profile::Profile;
use domain::time::UnixMs;
use store::accounts::AccountDraft;
use store::admission::{AdmitDetector, CircuitChoice, DetectorPlace, PanelChoice, SiteChoice};
use store::circuits::{CircuitDraft, PanelDraft};
use store::sites::SiteDraft;
use store::terminals::UnknownSeen;
use store::{Actor, Store};

/// Real detectors, because a curve asks for a channel in somebody's scope; each with its first channel that measures.
pub(crate) async fn people_and_places(
    store: &Store,
    profile: &Profile,
    count: u32,
    now: UnixMs,
) -> Vec<(DetectorId, ChannelId)> {
    let everything = Scope::platform();
    let actor = Actor::system();
    let draft = AccountDraft {
        login: "root".to_owned(),
        name: "root".to_owned(),
        language: "en".to_owned(),
        password_hash: String::new(),
        must_change_password: false,
        grants: Vec::new(),
    };
    let first = store.accounts().create_first(now, "city", &draft, "").await.unwrap();
    let mut made = Vec::new();
    for number in 1..=count {
        let unknown = UnknownSeen {
            serial: number.to_string(),
            protocol: profile.protocol,
            iccid: None,
            signal: None,
            firmware: None,
            remote: String::new(),
            at: now,
            readings_ignored: 0,
            hint_profile_id: None,
        };
        let terminal: TerminalId =
            store.terminals().seen_unknown(&[unknown]).await.unwrap().first().unwrap().terminal;
        let site = SiteDraft {
            name: "site".to_owned(),
            address: String::new(),
            area_code: domain::place::AreaCode("430202".to_owned()),
            organisation_id: first.organisation.id,
            premises_kind: "mall".to_owned(),
            position: None,
            zone: "Asia/Shanghai".to_owned(),
            contact_name: String::new(),
            contact_phone: String::new(),
        };
        let panel = PanelDraft { name: "panel".to_owned(), location: String::new() };
        let circuit = CircuitDraft {
            name: "circuit".to_owned(),
            rated_current_a: None,
            phases: 3,
            load_kind: String::new(),
        };
        let place = DetectorPlace::Circuit(CircuitChoice::New(
            PanelChoice::New(SiteChoice::New(site), panel),
            circuit,
        ));
        let wanted = AdmitDetector {
            profile,
            unit_address: Some(1),
            address: None,
            name: "detector".to_owned(),
            place,
        };
        let admitted =
            store.terminals().admit(&everything, &actor, now, terminal, None, &[wanted]).await.unwrap();
        let detector = *admitted.detectors.first().unwrap();
        let channels = store.detectors().channels(&everything, detector).await.unwrap();
        made.push((detector, channels.get(1).unwrap().id));
    }
    made
}
