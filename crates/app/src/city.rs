//! Putting a simulated city into a store, as an installer would have done: organisations, sites, panels, circuits,
//! terminals, detectors. Through the repositories, with audit entries.

use std::collections::HashMap;

use anyhow::{Context as _, bail};
use api::access::secret::fingerprint;
use api::{HashCost, Hasher, readable_secret};
use domain::access::Scope;
use domain::id::{CircuitId, OrganisationId};
use domain::place::{Credential, Protocol};
use domain::profile::Profile;
use domain::settings::{ScopeKind, ScopeRef};
use domain::time::UnixMs;
use engine::{Clock as _, SystemClock};
use sim::city::{Inventory, Proof};
use sim::scenario::Scenario;
use store::accounts::AccountDraft;
use store::admission::{AdmitDetector, CircuitChoice, DetectorPlace};
use store::circuits::{CircuitDraft, PanelDraft};
use store::organisations::OrganisationDraft;
use store::settings::SupervisionPatch;
use store::sites::SiteDraft;
use store::terminals::UnknownSeen;
use store::{Actor, Store};

use crate::cli::{CityArgs, Commission};
use crate::platform::{claim_folder, open_store};
use crate::profiles;
use crate::settings::Settings;

/// The login of the demo's first account.
pub(crate) const ADMINISTRATOR: &str = "admin";

/// How often the demo's cloud detectors are expected to speak, s; they upload a little more often.
const CLOUD_INTERVAL_S: u32 = 15;

/// Terminals that one transaction makes known; fewer than the store keeps waiting at once.
const KNOWN_AT_ONCE: usize = 200;

pub(crate) fn scenario(wanted: &CityArgs) -> anyhow::Result<Scenario> {
    let scenario = match &wanted.scenario {
        None => Scenario::demo()?,
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            Scenario::parse(&text).with_context(|| path.display().to_string())?
        }
    };
    Ok(match wanted.detectors {
        Some(detectors) => scenario.with_detectors(detectors),
        None => scenario,
    })
}

/// `emberwatch commission`.
pub(crate) async fn commission_command(settings: &Settings, wanted: &Commission) -> anyhow::Result<()> {
    let inventory = match (wanted.load, wanted.mixed) {
        (Some(connections), _) => sim::load::load_inventory(connections, wanted.load_mqtt, 1),
        (None, Some(devices)) => sim::load::mixed::mixed_inventory(devices),
        (None, None) => Inventory::of(&scenario(&wanted.city)?),
    };
    let _claim = claim_folder(settings)?;
    let store = open_store(settings).await?;
    if !store.setup_needed().await? {
        bail!("the data folder {} is in use already; give an empty one", settings.data.dir.display());
    }
    let profiles = profiles::load(&settings.profiles.dir)?;
    let password = found(&store, &profiles.all, &inventory).await?;
    store.close().await;
    println!("commissioned: {} detectors", inventory.commissioned_detectors());
    println!("account:  {ADMINISTRATOR}");
    println!("one-time password: {password}");
    Ok(())
}

/// Tells the platform how often the city's cloud detectors speak, as an administrator would: their models' own
/// interval of half an hour would make a silent one of the demo known much too late to be seen.
pub(crate) async fn expect_pace(store: &Store, models: &[Profile]) -> anyhow::Result<()> {
    let patch = SupervisionPatch { interval_s: Some(CLOUD_INTERVAL_S), ..SupervisionPatch::default() };
    for profile in models.iter().filter(|profile| profile.protocol == Protocol::Cloud7b7b) {
        let target = ScopeRef { kind: ScopeKind::Profile, id: profile.id.clone() };
        let (scope, actor) = (Scope::platform(), Actor::system());
        store.settings().put_supervision(&scope, &actor, SystemClock.now(), &target, &patch, 0).await?;
    }
    Ok(())
}

/// Makes the first account and the city; gives the account's one-time password.
pub(crate) async fn found(store: &Store, models: &[Profile], city: &Inventory) -> anyhow::Result<String> {
    let clock = SystemClock;
    let password = readable_secret(4);
    let hash = Hasher::new(HashCost::default(), 1)?.hash(password.clone()).await?;
    let root = city.organisations.first().context("the scenario has no organisation")?;
    let first = store
        .accounts()
        .create_first(
            clock.now(),
            &root.name,
            &AccountDraft {
                login: ADMINISTRATOR.to_owned(),
                name: "管理员".to_owned(),
                language: "zh-CN".to_owned(),
                password_hash: hash,
                must_change_password: true,
                grants: Vec::new(),
            },
            "console",
        )
        .await?;
    let organisations = organisations(store, city, first.organisation.id, clock.now()).await?;
    let circuits = places(store, city, &organisations, clock.now()).await?;
    terminals(store, models, city, &circuits, clock.now()).await?;
    Ok(password)
}

async fn organisations(
    store: &Store,
    city: &Inventory,
    root: OrganisationId,
    now: UnixMs,
) -> anyhow::Result<Vec<OrganisationId>> {
    let mut made = vec![root];
    for plan in city.organisations.iter().skip(1) {
        let parent_id = plan.parent.and_then(|parent| made.get(parent)).copied().or(Some(root));
        let draft = OrganisationDraft { name: plan.name.clone(), parent_id, kind: "company".to_owned() };
        let row = store.organisations().create(&Scope::platform(), &Actor::system(), now, &draft).await?;
        made.push(row.id);
    }
    Ok(made)
}

/// Sites, panels and circuits; circuits by their indexes in the plan.
async fn places(
    store: &Store,
    city: &Inventory,
    organisations: &[OrganisationId],
    now: UnixMs,
) -> anyhow::Result<HashMap<(usize, usize, usize), CircuitId>> {
    let (scope, actor) = (Scope::platform(), Actor::system());
    let mut circuits = HashMap::new();
    for (site_index, site) in city.sites.iter().enumerate() {
        let draft = SiteDraft {
            name: site.name.clone(),
            address: site.address.clone(),
            area_code: site.area.clone(),
            organisation_id: *organisations.get(site.organisation).context("organisation of a site")?,
            premises_kind: site.kind.code().to_owned(),
            position: Some((site.lon, site.lat)),
            zone: "Asia/Shanghai".to_owned(),
            contact_name: site.contact_name.clone(),
            contact_phone: site.contact_phone.clone(),
        };
        let made = store.sites().create(&scope, &actor, now, &draft).await?;
        for (panel_index, panel) in site.panels.iter().enumerate() {
            let draft = PanelDraft { name: panel.name.clone(), location: panel.location.clone() };
            let made = store.circuits().create_panel(&scope, &actor, now, made.id, &draft).await?;
            for (circuit_index, circuit) in panel.circuits.iter().enumerate() {
                let draft = CircuitDraft {
                    name: circuit.name.clone(),
                    rated_current_a: Some(circuit.rated_current_a),
                    phases: circuit.phases,
                    load_kind: circuit.load_kind.to_owned(),
                };
                let made = store.circuits().create_circuit(&scope, &actor, now, made.id, &draft).await?;
                circuits.insert((site_index, panel_index, circuit_index), made.id);
            }
        }
    }
    Ok(circuits)
}

async fn terminals(
    store: &Store,
    models: &[Profile],
    city: &Inventory,
    circuits: &HashMap<(usize, usize, usize), CircuitId>,
    now: UnixMs,
) -> anyhow::Result<()> {
    let (scope, actor) = (Scope::platform(), Actor::system());
    let commissioned: Vec<_> = city.terminals.iter().filter(|terminal| terminal.commissioned).collect();
    for some in commissioned.chunks(KNOWN_AT_ONCE) {
        let seen: Vec<_> = some
            .iter()
            .map(|plan| UnknownSeen {
                serial: plan.serial.clone(),
                protocol: plan.protocol,
                iccid: plan.iccid.clone(),
                signal: None,
                firmware: None,
                remote: String::new(),
                at: now,
                readings_ignored: 0,
                hint_profile_id: None,
            })
            .collect();
        let kept = store.terminals().seen_unknown(&seen).await?;
        for (plan, kept) in some.iter().zip(kept) {
            let mut wanted = Vec::with_capacity(plan.detectors.len());
            for detector in &plan.detectors {
                let profile = models
                    .iter()
                    .find(|profile| profile.id == detector.profile)
                    .with_context(|| format!("no profile {}", detector.profile))?;
                let circuit = circuits
                    .get(&(detector.site, detector.panel, detector.circuit))
                    .with_context(|| format!("terminal {} hangs on no circuit", plan.serial))?;
                wanted.push(AdmitDetector {
                    profile,
                    unit_address: detector.unit_address,
                    address: detector.address.clone(),
                    name: detector.name.clone(),
                    place: DetectorPlace::Circuit(CircuitChoice::Existing(*circuit)),
                });
            }
            store.terminals().admit(&scope, &actor, now, kept.terminal, Some(&plan.serial), &wanted).await?;
            if let Some(proof) = &plan.proof {
                let credential = match proof {
                    Proof::Secret(secret) => Credential::SharedSecret(secret.as_bytes().to_vec()),
                    Proof::Token(token) => Credential::TokenHash(fingerprint(token)),
                };
                store
                    .credentials()
                    .issue(&scope, &actor, now, kept.terminal, &credential, "simulator")
                    .await?;
            }
        }
    }
    Ok(())
}
