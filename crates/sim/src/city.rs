//! The city of a scenario as plain data: what an installer would have entered, and what dials in.

use std::array;
use std::collections::HashMap;
use std::iter::Cycle;

use domain::place::{AreaCode, Protocol};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde::Serialize;

use crate::doors::Door;
use crate::names::{CIRCUITS, CONTACTS, MANAGERS, Naming, PANELS, suffixes};
use crate::physics::CircuitSpec;
use crate::premises::PremisesKind;
use crate::scenario::{Chain, CitySize, District, Scenario};

/// A city. Indexes point into its own lists.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inventory {
    /// Organisations; a parent stands before its children, the first is the root.
    pub organisations: Vec<OrganisationPlan>,
    /// Premises with their panels and circuits.
    pub sites: Vec<SitePlan>,
    /// What dials in, with the detectors behind it.
    pub terminals: Vec<TerminalPlan>,
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrganisationPlan {
    /// Its name.
    pub name: String,
    /// Index of its parent; `None` for the root.
    pub parent: Option<usize>,
}

/// Premises.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SitePlan {
    /// Their name.
    pub name: String,
    /// Street and number.
    pub address: String,
    /// Division code.
    pub area: AreaCode,
    /// Index of the organisation.
    pub organisation: usize,
    /// The kind.
    pub kind: PremisesKind,
    /// Longitude, WGS-84 degrees.
    pub lon: f64,
    /// Latitude, WGS-84 degrees.
    pub lat: f64,
    /// Who to call.
    pub contact_name: String,
    /// A number that belongs to nobody.
    pub contact_phone: String,
    /// Distribution boxes.
    pub panels: Vec<PanelPlan>,
}

/// A distribution box.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PanelPlan {
    /// Its name.
    pub name: String,
    /// Where it hangs.
    pub location: String,
    /// What leaves it.
    pub circuits: Vec<CircuitPlan>,
}

/// A circuit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CircuitPlan {
    /// Its name.
    pub name: String,
    /// Rated current, A.
    pub rated_current_a: f64,
    /// Number of phases.
    pub phases: u8,
    /// What it feeds, a code that the screens know.
    pub load_kind: &'static str,
}

/// What dials in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TerminalPlan {
    /// Serial number or registration string.
    pub serial: String,
    /// How it speaks.
    pub protocol: Protocol,
    /// Its SIM card, where the protocol tells it.
    pub iccid: Option<String>,
    /// How it proves who it is, where its protocol can.
    pub proof: Option<Proof>,
    /// Which door it comes to.
    pub door: Door,
    /// Whether it is to be commissioned; the others turn up as pending.
    pub commissioned: bool,
    /// The detectors behind it; one without a unit address for a detector that is its own terminal.
    pub detectors: Vec<DetectorPlan>,
}

/// How a simulated terminal proves who it is. Made from its number: nobody's real device can be meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A secret that both ends compute with.
    Secret(String),
    /// A token that the terminal sends; the platform keeps its hash.
    Token(String),
}

/// A detector.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectorPlan {
    /// Its profile.
    pub profile: &'static str,
    /// Modbus unit address behind a DTU or a gateway.
    pub unit_address: Option<u8>,
    /// Its address behind the terminal, in protocols with names.
    pub address: Option<String>,
    /// What people call it.
    pub name: String,
    /// Index of the site.
    pub site: usize,
    /// Index of the panel in the site.
    pub panel: usize,
    /// Index of the circuit in the panel.
    pub circuit: usize,
    /// The seed of its circuit's physics.
    pub seed: u64,
}

/// What stands between the detectors of premises and the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Behind {
    /// Each detector has a modem of its own and speaks the vendor cloud protocol.
    OwnModem,
    /// A transparent DTU with Modbus units.
    Dtu,
    /// A gateway of the vendor gateway protocol.
    Gateway,
    /// A transmission device of GB/T 26875.3.
    Transmitter,
    /// A gateway of our own messages, over MQTT.
    Mqtt,
    /// The same over HTTP.
    Http,
    /// Each detector has a narrow-band modem and speaks our own messages over CoAP.
    Coap,
    /// A gateway of Modbus TCP that dials in.
    ModbusTcp,
    /// A transparent DTU with a residual-current relay and meters of DL/T 645.
    Meters,
}

impl Behind {
    /// Ids are built so that nobody's real device can be meant.
    fn serial(self, number: usize) -> String {
        match self {
            Self::OwnModem => format!("EW{number:013}"),
            Self::Dtu => format!("EWDTU{number:010}"),
            // `building/gateway`.
            Self::Gateway => format!("EWB{number:04}/EWGW{number:08}"),
            // Twelve hexadecimal digits: a number that nobody gives out.
            Self::Transmitter => {
                let number = 998_000_000_000 + u64::try_from(number).unwrap_or(0);
                wire::gb26875::Address::from_number(number).to_string()
            }
            Self::Mqtt => format!("EWMQTT{number:09}"),
            Self::Http => format!("EWHTTP{number:09}"),
            Self::Coap => format!("EWCOAP{number:09}"),
            Self::ModbusTcp => format!("EWTCP{number:010}"),
            Self::Meters => format!("EWMETER{number:08}"),
        }
    }

    const fn protocol(self) -> Protocol {
        match self {
            Self::OwnModem => Protocol::Cloud7b7b,
            Self::Dtu | Self::Meters => Protocol::ModbusRtu,
            Self::Gateway => Protocol::Gateway1f1f,
            Self::Transmitter => Protocol::Gb26875,
            Self::Mqtt | Self::Http | Self::Coap => Protocol::Telemetry,
            Self::ModbusTcp => Protocol::ModbusTcp,
        }
    }

    const fn door(self) -> Door {
        match self {
            Self::OwnModem
            | Self::Dtu
            | Self::Gateway
            | Self::Transmitter
            | Self::ModbusTcp
            | Self::Meters => Door::Field,
            Self::Mqtt => Door::Mqtt,
            Self::Http => Door::Http,
            Self::Coap => Door::Coap,
        }
    }

    fn proof(self, number: usize) -> Option<Proof> {
        match self {
            Self::OwnModem | Self::Dtu | Self::Transmitter | Self::ModbusTcp | Self::Meters => None,
            Self::Gateway => Some(Proof::Secret(gateway_secret(number))),
            Self::Mqtt | Self::Http | Self::Coap => {
                Some(Proof::Token(format!("EW-DEMO-TOKEN-{}", self.serial(number))))
            }
        }
    }

    /// How many detectors a terminal has at most.
    const fn most(self) -> usize {
        match self {
            Self::OwnModem | Self::Coap => 1,
            // A bus of RS485 is kept short here.
            Self::Dtu => 8,
            Self::Gateway | Self::Transmitter | Self::Mqtt | Self::Http | Self::ModbusTcp | Self::Meters => {
                usize::MAX
            }
        }
    }
}

/// Sixteen bytes.
fn gateway_secret(number: usize) -> String {
    format!("EW-SECRET-{number:06}")
}

/// 898600 would be a real carrier's prefix; 8999 is none.
fn iccid(number: usize) -> String {
    format!("8999{number:016}")
}

/// Behind DTUs, in turn.
const BUS_PROFILES: [&str; 5] = ["arcm300-modbus", "asj-relay", "aim-r100", "leakage-breaker", "adl3000"];
/// Rated currents of circuits, A.
const RATINGS_A: [f64; 6] = [32.0, 40.0, 50.0, 63.0, 80.0, 100.0];
const KM_PER_DEGREE: f64 = 111.2;

impl Inventory {
    /// The city of `scenario`; the same for the same seed.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        Builder::new(scenario).build()
    }

    /// How many detectors are commissioned.
    #[must_use]
    pub fn commissioned_detectors(&self) -> usize {
        self.terminals
            .iter()
            .filter(|terminal| terminal.commissioned)
            .map(|terminal| terminal.detectors.len())
            .sum()
    }

    /// The circuit that a detector watches, for its physics.
    #[must_use]
    pub fn circuit_spec(&self, detector: &DetectorPlan) -> Option<CircuitSpec> {
        let site = self.sites.get(detector.site)?;
        let circuit = site.panels.get(detector.panel)?.circuits.get(detector.circuit)?;
        Some(CircuitSpec { kind: site.kind, rated_current_a: circuit.rated_current_a, seed: detector.seed })
    }
}

struct Builder<'a> {
    scenario: &'a Scenario,
    rng: StdRng,
    naming: Naming,
    organisations: Vec<OrganisationPlan>,
    sites: Vec<SitePlan>,
    terminals: Vec<TerminalPlan>,
    /// Terminals made, of each kind.
    made: HashMap<Behind, usize>,
    meters_made: usize,
    /// Premises of each rarer kind that are still to be made, in this order.
    left: Vec<(Behind, usize)>,
    bus_profiles: Cycle<array::IntoIter<&'static str, 5>>,
}

impl<'a> Builder<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let CitySize { gateways, transmitters, mqtt, http, coap, modbus_tcp, meters, .. } = scenario.city;
        Self {
            scenario,
            rng: StdRng::seed_from_u64(scenario.seed),
            naming: Naming::default(),
            organisations: Vec::new(),
            sites: Vec::new(),
            terminals: Vec::new(),
            made: HashMap::new(),
            meters_made: 0,
            left: vec![
                (Behind::Gateway, gateways),
                (Behind::Transmitter, transmitters),
                (Behind::Mqtt, mqtt),
                (Behind::Http, http),
                (Behind::Coap, coap),
                (Behind::ModbusTcp, modbus_tcp),
                (Behind::Meters, meters),
            ],
            bus_profiles: BUS_PROFILES.into_iter().cycle(),
        }
    }

    fn build(mut self) -> Inventory {
        let scenario = self.scenario;
        self.organisations
            .push(OrganisationPlan { name: format!("{}用电单位", scenario.name), parent: None });
        for district in &scenario.districts {
            let name = format!("{}商户联合会", district.name);
            self.organisations.push(OrganisationPlan { name, parent: Some(0) });
        }
        for chain in &scenario.chains {
            self.organisations.push(OrganisationPlan { name: chain.name.clone(), parent: Some(0) });
        }
        for (number, detectors) in self.shares().into_iter().enumerate() {
            self.site(number, detectors);
        }
        for _ in 0..scenario.city.uncommissioned {
            self.uncommissioned();
        }
        Inventory { organisations: self.organisations, sites: self.sites, terminals: self.terminals }
    }

    /// How many detectors each site has: one at least, together as many as asked for.
    fn shares(&mut self) -> Vec<usize> {
        let CitySize { sites, detectors, .. } = self.scenario.city;
        let mut shares: Vec<usize> =
            (0..sites).map(|number| detectors / sites + usize::from(number < detectors % sites)).collect();
        for pair in shares.chunks_exact_mut(2) {
            if let [big, small] = pair {
                let moved = self.rng.random_range(0..(*small).max(1));
                *big += moved;
                *small -= moved;
            }
        }
        shares
    }

    /// A district by weight; `None` only where there is none, which the check of a scenario refuses.
    fn district(&mut self) -> Option<(usize, &'a District)> {
        let districts: Vec<(usize, &District)> = self.scenario.districts.iter().enumerate().collect();
        districts.choose_weighted(&mut self.rng, |(_, district)| district.weight).ok().copied()
    }

    fn site(&mut self, number: usize, detectors: usize) {
        let Some((district_index, district)) = self.district() else { return };
        let chains: Vec<(usize, &Chain)> = self.scenario.chains.iter().enumerate().collect();
        let chain = if self.rng.random_bool(0.18) { chains.choose(&mut self.rng).copied() } else { None };
        let short = district.name.trim_end_matches(['区', '县', '市']);
        let (kind, name, organisation) = if let Some((index, chain)) = chain {
            let name = self.naming.branch(&chain.brand, short, &mut self.rng);
            (chain.kind, name, 1 + self.scenario.districts.len() + index)
        } else {
            let kind = self.kind();
            let name = self.naming.premises(short, suffixes(kind), &mut self.rng);
            (kind, name, 1 + district_index)
        };
        let street = district.streets.choose(&mut self.rng).map_or("人民路", String::as_str);
        let address = format!("株洲市{}{street}{}号", district.name, self.rng.random_range(1..420));
        let address =
            if district.name.ends_with('市') { address.replacen("株洲市", "", 1) } else { address };
        // Uniform over the disc.
        let radius_km = district.radius_km * self.rng.random::<f64>().sqrt();
        let angle = self.rng.random::<f64>() * std::f64::consts::TAU;
        let [lon, lat] = district.centre;
        let lat_moved = lat + radius_km * angle.sin() / KM_PER_DEGREE;
        let lon_moved = lon + radius_km * angle.cos() / (KM_PER_DEGREE * lat.to_radians().cos());
        let round = |degrees: f64| (degrees * 1e6).round() / 1e6;
        let contact = CONTACTS.choose(&mut self.rng).copied().unwrap_or("王");
        let manager = MANAGERS.choose(&mut self.rng).copied().unwrap_or("经理");
        self.sites.push(SitePlan {
            name,
            address,
            area: AreaCode(district.code.clone()),
            organisation,
            kind,
            lon: round(lon_moved),
            lat: round(lat_moved),
            contact_name: format!("{contact}{manager}"),
            // 0731 is the region; numbers that begin with 000 are given to nobody.
            contact_phone: format!("0731-000{number:05}"),
            panels: Vec::new(),
        });
        self.detectors(detectors);
    }

    fn kind(&mut self) -> PremisesKind {
        const WEIGHTS: [(PremisesKind, u32); 9] = [
            (PremisesKind::BuildingMaterialMarket, 14),
            (PremisesKind::LampShop, 12),
            (PremisesKind::FurnishingCentre, 12),
            (PremisesKind::ApplianceCentre, 12),
            (PremisesKind::Mall, 14),
            (PremisesKind::HardwareStore, 12),
            (PremisesKind::Retail, 12),
            (PremisesKind::FireEquipmentDealer, 7),
            (PremisesKind::RentedHouse, 5),
        ];
        WEIGHTS
            .choose_weighted(&mut self.rng, |(_, weight)| *weight)
            .map_or(PremisesKind::Retail, |(kind, _)| *kind)
    }

    /// Panels and circuits of the site that was just made, each with one detector.
    fn detectors(&mut self, count: usize) {
        let site = self.sites.len() - 1;
        let behind = self.behind(count);
        let mut terminal: Vec<DetectorPlan> = Vec::new();
        for number in 0..count {
            let (panel, circuit) = self.circuit(site, number);
            let seed = self.rng.random::<u64>();
            let name = self
                .sites
                .get(site)
                .and_then(|site| site.panels.get(panel)?.circuits.get(circuit))
                .map_or_else(String::new, |circuit| format!("{}探测器", circuit.name));
            let mut detector = DetectorPlan {
                profile: "arcm300-cloud",
                unit_address: None,
                address: None,
                name,
                site,
                panel,
                circuit,
                seed,
            };
            match behind {
                Behind::OwnModem => {}
                // The last of several speaks Modbus on the second port.
                Behind::Gateway if count > 2 && number + 1 == count => {
                    detector.profile = "asj-relay";
                    detector.unit_address = u8::try_from(number + 1).ok();
                    detector.address = Some("2".to_owned());
                }
                Behind::Gateway => {
                    detector.profile = "acrel-gateway";
                    detector.address = Some(format!("01{:03}", number + 1));
                }
                Behind::Transmitter => {
                    detector.profile = "gb26875-combined";
                    detector.address = Some(format!("128.1/{}", number + 1));
                }
                Behind::Dtu => {
                    detector.profile = self.bus_profiles.next().unwrap_or("arcm300-modbus");
                    detector.unit_address = u8::try_from(number + 1).ok();
                }
                Behind::ModbusTcp => {
                    detector.profile = BUS_PROFILES.iter().cycle().nth(number).unwrap_or(&"arcm300-modbus");
                    detector.unit_address = u8::try_from(number + 1).ok();
                }
                Behind::Meters if number == 0 => {
                    detector.profile = "asj-relay";
                    detector.unit_address = Some(1);
                }
                Behind::Meters => {
                    detector.profile = "dlt645-three-phase";
                    self.meters_made += 1;
                    detector.address = Some(format!("{:012}", 998_000_000_000 + self.meters_made));
                }
                Behind::Mqtt | Behind::Http | Behind::Coap => {
                    detector.profile = "telemetry-generic";
                    // The first is the terminal itself.
                    detector.address =
                        Some(format!("{}", number + 1)).filter(|_| number > 0 && behind != Behind::Coap);
                }
            }
            terminal.push(detector);
            if terminal.len() >= behind.most() {
                self.terminal(behind, std::mem::take(&mut terminal), true);
            }
        }
        if !terminal.is_empty() {
            self.terminal(behind, terminal, true);
        }
    }

    /// What premises with `count` detectors have. Beside the dice but for DTUs, so that the rest of the city stays
    /// what it was.
    fn behind(&mut self, count: usize) -> Behind {
        if count < 2 {
            return Behind::OwnModem;
        }
        if self.rng.random_bool(self.scenario.city.dtu_share.clamp(0.0, 1.0)) {
            return Behind::Dtu;
        }
        let Some((behind, left)) = self.left.iter_mut().find(|(_, left)| *left > 0) else {
            return Behind::OwnModem;
        };
        *left -= 1;
        *behind
    }

    fn circuit(&mut self, site: usize, number: usize) -> (usize, usize) {
        // Three circuits to a panel.
        let (panel, circuit) = (number / 3, number % 3);
        let rated_current_a = RATINGS_A.choose(&mut self.rng).copied().unwrap_or(63.0);
        let shifted = number + self.rng.random_range(0..2);
        let (name, load_kind) = CIRCUITS.iter().cycle().nth(shifted).copied().unwrap_or(("回路", "mixed"));
        let Some(site) = self.sites.get_mut(site) else { return (0, 0) };
        if site.panels.len() <= panel {
            let (name, location) = PANELS.iter().cycle().nth(panel).copied().unwrap_or(("配电箱", "配电间"));
            let name = if panel < PANELS.len() {
                name.to_owned()
            } else {
                format!("{name}{}", panel / PANELS.len() + 1)
            };
            site.panels.push(PanelPlan { name, location: location.to_owned(), circuits: Vec::new() });
        }
        if let Some(panel) = site.panels.get_mut(panel) {
            let same = panel.circuits.iter().filter(|known| known.name.starts_with(name)).count();
            let name = if same == 0 { name.to_owned() } else { format!("{name}{}", same + 1) };
            let rated_current_a = if number == 0 { rated_current_a.max(63.0) } else { rated_current_a };
            panel.circuits.push(CircuitPlan { name, rated_current_a, phases: 3, load_kind });
        }
        (panel, circuit)
    }

    fn terminal(&mut self, behind: Behind, detectors: Vec<DetectorPlan>, commissioned: bool) {
        let number = self.made.entry(behind).or_default();
        *number += 1;
        let number = *number;
        self.terminals.push(TerminalPlan {
            serial: behind.serial(number),
            protocol: behind.protocol(),
            iccid: (behind == Behind::OwnModem).then(|| iccid(number)),
            proof: behind.proof(number),
            door: behind.door(),
            commissioned,
            detectors,
        });
    }

    /// A terminal that was installed on a circuit of some site, and of which nobody has told the platform.
    fn uncommissioned(&mut self) {
        let site = self.rng.random_range(0..self.sites.len());
        let seed = self.rng.random::<u64>();
        let detector = DetectorPlan {
            profile: "arcm300-cloud",
            unit_address: None,
            address: None,
            name: "新装探测器".to_owned(),
            site,
            panel: 0,
            circuit: 0,
            seed,
        };
        self.terminal(Behind::OwnModem, vec![detector], false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::profile::shipped;
    use std::collections::HashSet;

    fn demo() -> Inventory {
        Inventory::of(&Scenario::demo().unwrap())
    }

    #[test]
    fn the_demo_city_has_what_it_promises() {
        let city = demo();
        assert_eq!(city.sites.len(), 200);
        assert_eq!(city.commissioned_detectors(), 600);
        assert_eq!(city.terminals.iter().filter(|terminal| !terminal.commissioned).count(), 5);
        let areas: HashSet<_> = city.sites.iter().map(|site| &site.area.0).collect();
        let kinds: HashSet<_> = city.sites.iter().map(|site| site.kind).collect();
        assert_eq!((areas.len(), kinds.len()), (9, 9));
        let profiles: HashSet<_> =
            city.terminals.iter().flat_map(|terminal| &terminal.detectors).map(|d| d.profile).collect();
        let known: HashSet<_> = shipped().unwrap().into_iter().map(|profile| profile.id).collect();
        assert_eq!(profiles.len(), 10);
        let speaks =
            |protocol| city.terminals.iter().filter(|terminal| terminal.protocol == protocol).count();
        assert_eq!((speaks(Protocol::Gateway1f1f), speaks(Protocol::Gb26875)), (6, 6));
        assert_eq!(speaks(Protocol::ModbusTcp), 3);
        let comes_to = |door| city.terminals.iter().filter(|terminal| terminal.door == door).count();
        assert_eq!((comes_to(Door::Mqtt), comes_to(Door::Http)), (4, 3));
        assert!(comes_to(Door::Coap) >= 6, "each detector by itself");
        assert!(profiles.iter().all(|profile| known.contains(*profile)));
    }

    #[test]
    fn a_small_city_has_some_of_everything() {
        let city = Inventory::of(&Scenario::demo().unwrap().with_detectors(90));
        let all: HashSet<_> =
            city.terminals.iter().map(|terminal| (terminal.protocol, terminal.door)).collect();
        assert_eq!(all.len(), 8, "{all:?}");
        assert!(city.terminals.iter().flat_map(|t| &t.detectors).any(|d| d.profile.starts_with("dlt645")));
    }

    #[test]
    fn names_and_serials_are_unique_and_references_hold() {
        let city = demo();
        let names: HashSet<_> = city.sites.iter().map(|site| &site.name).collect();
        assert_eq!(names.len(), city.sites.len());
        let serials: HashSet<_> = city.terminals.iter().map(|terminal| &terminal.serial).collect();
        assert_eq!(serials.len(), city.terminals.len());
        for terminal in &city.terminals {
            match terminal.protocol {
                Protocol::Gateway1f1f => {
                    assert!(wire::gateway1f1f::GatewayId::from_serial(&terminal.serial).is_ok());
                    let Some(Proof::Secret(secret)) = &terminal.proof else { panic!("{terminal:?}") };
                    assert_eq!(secret.len(), 16);
                }
                Protocol::Gb26875 => assert!(terminal.serial.parse::<wire::gb26875::Address>().is_ok()),
                _ => assert!(wire::cloud7b7b::SerialNumber::new(&terminal.serial).is_ok()),
            }
            let places: HashSet<_> = terminal
                .detectors
                .iter()
                .map(|detector| (detector.unit_address, &detector.address))
                .collect();
            assert_eq!(places.len(), terminal.detectors.len());
            for detector in &terminal.detectors {
                assert!(city.circuit_spec(detector).is_some(), "{detector:?}");
                if terminal.protocol == Protocol::Cloud7b7b {
                    assert_eq!((detector.unit_address, &detector.address), (None, &None));
                }
            }
        }
        for (index, organisation) in city.organisations.iter().enumerate() {
            assert!(organisation.parent.is_none_or(|parent| parent < index));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_city() {
        assert_eq!(demo(), demo());
        let mut other = Scenario::demo().unwrap();
        other.seed += 1;
        assert_ne!(Inventory::of(&other), demo());
    }

    #[test]
    fn any_number_of_detectors_can_be_asked_for() {
        for wanted in [1, 7, 99, 601, 5_000] {
            let city = Inventory::of(&Scenario::demo().unwrap().with_detectors(wanted));
            assert_eq!(city.commissioned_detectors(), wanted);
        }
    }

    #[test]
    fn premises_lie_in_the_outline_of_their_district() {
        let outline = include_str!("../../api/assets/zhuzhou.geojson");
        let outline: serde_json::Value = serde_json::from_str(outline).unwrap();
        let ring = |code: &str| -> Vec<(f64, f64)> {
            let feature = outline["features"]
                .as_array()
                .unwrap()
                .iter()
                .find(|feature| feature["properties"]["code"] == code)
                .unwrap();
            feature["geometry"]["coordinates"][0]
                .as_array()
                .unwrap()
                .iter()
                .map(|point| (point[0].as_f64().unwrap(), point[1].as_f64().unwrap()))
                .collect()
        };
        for site in demo().sites {
            let ring = ring(&site.area.0);
            let crossings = ring
                .iter()
                .zip(ring.iter().cycle().skip(1))
                .filter(|((x1, y1), (x2, y2))| {
                    (y1 > &site.lat) != (y2 > &site.lat)
                        && site.lon < (x2 - x1) * (site.lat - y1) / (y2 - y1) + x1
                })
                .count();
            assert_eq!(
                crossings % 2,
                1,
                "{} at {} {} is outside {}",
                site.name,
                site.lon,
                site.lat,
                site.area.0
            );
        }
    }
}
