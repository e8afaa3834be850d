//! From lines to steps: pure. A line that is wrong is left out and named; lines that refer to it are too.

use std::collections::HashMap;
use std::sync::Arc;

use domain::id::{PanelId, SiteId, TerminalId};
use domain::place::{Admission, Protocol};
use domain::profile::{AddressMistake, Profile, check_address};
use store::circuits::{CircuitDraft, CircuitPatch, PanelDraft, PanelPatch};
use store::exchange::apply::{
    CircuitStep, DetectorDraft, DetectorMove, DetectorStep, PanelStep, Plan, Step, TerminalStep,
};
use store::exchange::{ExchangeCircuit, ExchangeDetector, ExchangePanel, ExchangeSite, KnownTerminal};
use store::sites::{SiteDraft, SitePatch};

use super::line::{CircuitLine, DetectorLine, Field, Lines, PanelLine, Sheet, SiteLine};

/// What is known of the names and serial numbers in a file, in the caller's scope.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Sites that have one of the names.
    pub sites: Vec<ExchangeSite>,
    /// Their panels.
    pub panels: Vec<ExchangePanel>,
    /// Their circuits.
    pub circuits: Vec<ExchangeCircuit>,
    /// Terminals that have one of the serial numbers, whosever they are.
    pub terminals: Vec<KnownTerminal>,
    /// The detectors in scope behind them.
    pub detectors: Vec<ExchangeDetector>,
    /// The models by id.
    pub profiles: HashMap<String, Arc<Profile>>,
}

/// What is wrong with one cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Mistake {
    /// The sheet.
    pub sheet: Sheet,
    /// The line, counted from 1 as spreadsheets do.
    pub row: u32,
    /// The column.
    pub field: Field,
    /// What was had; empty for an empty cell.
    pub had: String,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What can be wrong with a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Wrong {
    /// Nothing is there and something must be.
    Missing,
    /// No such thing is known, nor in the file.
    Unknown,
    /// A number was wanted.
    NotANumber,
    /// A whole number was wanted.
    NotWhole,
    /// Outside of what can be.
    OutOfRange {
        /// The least.
        min: f64,
        /// The most.
        max: f64,
    },
    /// 1 or 3 phases.
    NotOneOrThree,
    /// Too many characters.
    TooLong {
        /// The most.
        max: u32,
    },
    /// Several things have this name.
    Ambiguous {
        /// How many.
        count: usize,
    },
    /// The same thing stands in another line.
    Twice {
        /// Which.
        row: u32,
    },
    /// It refers to a line that is wrong itself.
    DependsOn {
        /// Of which sheet.
        sheet: Sheet,
        /// Which.
        row: u32,
    },
    /// A longitude comes with a latitude.
    Pair,
    /// A profile of this protocol cannot stand behind a terminal of that one.
    ProfileSpeaks {
        /// What the profile speaks.
        profile: Protocol,
        /// What the terminal speaks.
        terminal: Protocol,
    },
    /// The terminal is known with another protocol.
    OtherProtocol {
        /// Which.
        known: Protocol,
    },
    /// The detector is known with another model.
    OtherProfile {
        /// Which.
        known: String,
    },
    /// A Modbus unit from 1 to 247 was wanted.
    UnitWanted,
    /// The protocol has no Modbus units.
    UnitUnwanted,
    /// The 12 digits of the meter's address were wanted.
    MeterWanted,
    /// A component of GB/T 26875.3 was wanted.
    ComponentWanted,
    /// A port of the gateway was wanted.
    PortWanted,
    /// The protocol has no addresses as text.
    AddressUnwanted,
    /// The serial number is used by another one.
    Taken,
    /// A person refused the terminal.
    Refused,
    /// A detector moves to another site by its circuit only.
    MoveNeedsCircuit,
    /// The cell holds an error of the spreadsheet, such as `#REF!`.
    CellError,
    /// The spreadsheet kept the digits as a number and lost the last ones.
    DigitsLost,
    /// The spreadsheet turned the text into a date.
    DateInstead,
    /// The sheet has no such column.
    ColumnMissing,
}

/// How the lines of a sheet fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Lines with something in them.
    pub rows: usize,
    /// Made.
    pub made: usize,
    /// Changed.
    pub changed: usize,
    /// There already, as they are.
    pub kept: usize,
    /// With a mistake.
    pub wrong: usize,
}

/// A file, checked.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// What the good lines ask for.
    pub plan: Plan,
    /// What is wrong with the others, in the file's order.
    pub mistakes: Vec<Mistake>,
    /// How each sheet fared, in the order of [`Sheet::ALL`].
    pub counts: [Count; 4],
}

/// A line of the file under its name: good, with its place in the plan, or not.
#[derive(Debug, Clone, Copy)]
enum Said {
    Good(usize),
    Wrong(u32),
}

/// Checks `lines` against `world` and against each other.
#[must_use]
pub fn plan(world: &World, lines: &Lines) -> Checked {
    let mut planner = Planner::new(world);
    for line in &lines.sites {
        planner.site(line);
    }
    for line in &lines.panels {
        planner.panel(line);
    }
    for line in &lines.circuits {
        planner.circuit(line);
    }
    for line in &lines.detectors {
        planner.detector(line);
    }
    planner.checked
}

struct Planner<'w> {
    world: &'w World,
    known_sites: HashMap<&'w str, Vec<&'w ExchangeSite>>,
    known_panels: HashMap<(SiteId, &'w str), &'w ExchangePanel>,
    known_circuits: HashMap<(PanelId, &'w str), &'w ExchangeCircuit>,
    known_terminals: HashMap<&'w str, &'w KnownTerminal>,
    known_detectors: HashMap<TerminalId, Vec<&'w ExchangeDetector>>,
    /// Sites of the file and those that lines referred to, by name; several only where organisations differ.
    sites: HashMap<String, Vec<Said>>,
    site_rows: HashMap<(String, Option<i64>), u32>,
    panels: HashMap<(usize, String), (Said, u32)>,
    circuits: HashMap<(usize, String), (Said, u32)>,
    terminals: HashMap<String, (usize, Protocol)>,
    detectors: HashMap<(String, Option<u8>, Option<String>), u32>,
    checked: Checked,
}

/// The mistakes of one line.
struct Faults<'c> {
    sheet: Sheet,
    row: u32,
    found: &'c mut Vec<Mistake>,
    before: usize,
}

impl Faults<'_> {
    fn add(&mut self, field: Field, had: &str, wrong: Wrong) {
        let Self { sheet, row, .. } = *self;
        self.found.push(Mistake { sheet, row, field, had: had.to_owned(), wrong });
    }

    fn need(&mut self, field: Field, text: &str, max: u32) {
        if text.is_empty() {
            self.add(field, text, Wrong::Missing);
        } else {
            self.fit(field, Some(text), max);
        }
    }

    fn fit(&mut self, field: Field, text: Option<&str>, max: u32) {
        let text = text.unwrap_or_default();
        if u32::try_from(text.chars().count()).unwrap_or(u32::MAX) > max {
            self.add(field, text, Wrong::TooLong { max });
        }
    }

    fn range(&mut self, field: Field, value: Option<f64>, min: f64, max: f64) {
        if let Some(value) = value
            && !(min..=max).contains(&value)
        {
            self.add(field, &value.to_string(), Wrong::OutOfRange { min, max });
        }
    }

    fn any(&self) -> bool {
        self.found.len() > self.before
    }
}

impl<'w> Planner<'w> {
    fn new(world: &'w World) -> Self {
        let mut known_sites: HashMap<&str, Vec<&ExchangeSite>> = HashMap::new();
        for site in &world.sites {
            known_sites.entry(&site.name).or_default().push(site);
        }
        let mut known_detectors: HashMap<TerminalId, Vec<&ExchangeDetector>> = HashMap::new();
        for detector in &world.detectors {
            known_detectors.entry(detector.terminal_id).or_default().push(detector);
        }
        Self {
            known_sites,
            known_panels: world.panels.iter().map(|p| ((p.site_id, p.name.as_str()), p)).collect(),
            known_circuits: world.circuits.iter().map(|c| ((c.panel_id, c.name.as_str()), c)).collect(),
            known_terminals: world.terminals.iter().map(|t| (t.serial.as_str(), t)).collect(),
            known_detectors,
            world,
            sites: HashMap::new(),
            site_rows: HashMap::new(),
            panels: HashMap::new(),
            circuits: HashMap::new(),
            terminals: HashMap::new(),
            detectors: HashMap::new(),
            checked: Checked::default(),
        }
    }

    fn count<I, D, P>(&mut self, sheet: usize, step: Option<&Step<I, D, P>>) {
        let Some(count) = self.checked.counts.get_mut(sheet) else { return };
        count.rows += 1;
        match step {
            None => count.wrong += 1,
            Some(Step::Keep(_)) => count.kept += 1,
            Some(Step::Change(..)) => count.changed += 1,
            Some(Step::Make(_)) => count.made += 1,
        }
    }

    fn site(&mut self, line: &SiteLine) {
        let before = self.checked.mistakes.len();
        let mut faults =
            Faults { sheet: Sheet::Sites, row: line.row, found: &mut self.checked.mistakes, before };
        faults.need(Field::Name, &line.name, 120);
        faults.fit(Field::Address, line.address.as_deref(), 300);
        faults.fit(Field::PremisesKind, line.premises_kind.as_deref(), 60);
        faults.fit(Field::ContactName, line.contact_name.as_deref(), 60);
        faults.fit(Field::ContactPhone, line.contact_phone.as_deref(), 40);
        faults.range(Field::Lon, line.lon, -180.0, 180.0);
        faults.range(Field::Lat, line.lat, -90.0, 90.0);
        if line.lon.is_some() != line.lat.is_some() {
            let field = if line.lon.is_some() { Field::Lat } else { Field::Lon };
            faults.add(field, "", Wrong::Pair);
        }
        let key = (line.name.clone(), line.organisation.map(|id| id.0));
        let twice = self.site_rows.get(&key).copied().filter(|_| !line.name.is_empty());
        if let Some(row) = twice {
            faults.add(Field::Name, &line.name, Wrong::Twice { row });
        }
        let candidates = self.known_sites.get(line.name.as_str()).map_or(&[][..], Vec::as_slice);
        let known = match candidates {
            [] => None,
            [only] => Some(*only),
            several => {
                let mut fitting =
                    several.iter().filter(|site| Some(site.organisation_id) == line.organisation);
                match (fitting.next(), fitting.next()) {
                    (Some(only), None) => Some(*only),
                    (None | Some(_), _) => {
                        let count = several.len();
                        faults.add(Field::Name, &line.name, Wrong::Ambiguous { count });
                        None
                    }
                }
            }
        };
        if known.is_none() && candidates.is_empty() {
            for (field, there) in
                [(Field::Area, line.area.is_some()), (Field::Organisation, line.organisation.is_some())]
            {
                if !there && !line.broken {
                    faults.add(field, "", Wrong::Missing);
                }
            }
        }
        let wrong = faults.any() || line.broken;
        self.site_rows.entry(key).or_insert(line.row);
        let step = if wrong { None } else { site_step(known, line) };
        self.count(0, step.as_ref());
        let said = match step {
            Some(step) => {
                self.checked.plan.sites.push(step);
                Said::Good(self.checked.plan.sites.len() - 1)
            }
            None => Said::Wrong(line.row),
        };
        // The first of two equal lines is the one that is meant.
        if !line.name.is_empty() && twice.is_none() {
            self.sites.entry(line.name.clone()).or_default().push(said);
        }
    }

    /// The site that a line names, as its place in the plan.
    fn find_site(&mut self, name: &str) -> Result<usize, Wrong> {
        match self.sites.get(name).map_or(&[][..], Vec::as_slice) {
            [Said::Good(index)] => return Ok(*index),
            [Said::Wrong(row)] => return Err(Wrong::DependsOn { sheet: Sheet::Sites, row: *row }),
            [] => {}
            several => return Err(Wrong::Ambiguous { count: several.len() }),
        }
        match self.known_sites.get(name).map_or(&[][..], Vec::as_slice) {
            [] => Err(Wrong::Unknown),
            [only] => {
                self.checked.plan.sites.push(Step::Keep(only.id));
                let index = self.checked.plan.sites.len() - 1;
                self.sites.entry(name.to_owned()).or_default().push(Said::Good(index));
                Ok(index)
            }
            several => Err(Wrong::Ambiguous { count: several.len() }),
        }
    }

    fn known_panel(&self, site: usize, name: &str) -> Option<&'w ExchangePanel> {
        let site = self.checked.plan.sites.get(site)?.known()?;
        self.known_panels.get(&(*site, name)).copied()
    }

    fn find_panel(&mut self, site: usize, name: &str) -> Result<usize, Wrong> {
        match self.panels.get(&(site, name.to_owned())) {
            Some((Said::Good(index), _)) => return Ok(*index),
            Some((Said::Wrong(row), _)) => {
                return Err(Wrong::DependsOn { sheet: Sheet::Panels, row: *row });
            }
            None => {}
        }
        let known = self.known_panel(site, name).ok_or(Wrong::Unknown)?;
        self.checked.plan.panels.push(PanelStep { site, step: Step::Keep(known.id) });
        let index = self.checked.plan.panels.len() - 1;
        self.panels.insert((site, name.to_owned()), (Said::Good(index), 0));
        Ok(index)
    }

    fn known_circuit(&self, panel: usize, name: &str) -> Option<&'w ExchangeCircuit> {
        let panel = self.checked.plan.panels.get(panel)?.step.known()?;
        self.known_circuits.get(&(*panel, name)).copied()
    }

    fn find_circuit(&mut self, panel: usize, name: &str) -> Result<usize, Wrong> {
        match self.circuits.get(&(panel, name.to_owned())) {
            Some((Said::Good(index), _)) => return Ok(*index),
            Some((Said::Wrong(row), _)) => {
                return Err(Wrong::DependsOn { sheet: Sheet::Circuits, row: *row });
            }
            None => {}
        }
        let known = self.known_circuit(panel, name).ok_or(Wrong::Unknown)?;
        self.checked.plan.circuits.push(CircuitStep { panel, step: Step::Keep(known.id) });
        let index = self.checked.plan.circuits.len() - 1;
        self.circuits.insert((panel, name.to_owned()), (Said::Good(index), 0));
        Ok(index)
    }

    fn panel(&mut self, line: &PanelLine) {
        let before = self.checked.mistakes.len();
        let site = if line.site.is_empty() { Err(Wrong::Missing) } else { self.find_site(&line.site) };
        let mut faults =
            Faults { sheet: Sheet::Panels, row: line.row, found: &mut self.checked.mistakes, before };
        faults.need(Field::Name, &line.name, 120);
        faults.fit(Field::Location, line.location.as_deref(), 200);
        let site = site.map_err(|wrong| faults.add(Field::Site, &line.site, wrong)).ok();
        let key = site.map(|site| (site, line.name.clone()));
        let twice = key.as_ref().and_then(|key| self.panels.get(key)).map(|(_, row)| *row);
        if let Some(row) = twice {
            faults.add(Field::Name, &line.name, Wrong::Twice { row });
        }
        let wrong = faults.any() || line.broken;
        let step = site.filter(|_| !wrong).map(|site| {
            let location = line.location.clone();
            let step = match self.known_panel(site, &line.name) {
                None => {
                    Step::Make(PanelDraft { name: line.name.clone(), location: location.unwrap_or_default() })
                }
                Some(known) if location.as_ref().is_some_and(|said| *said != known.location) => {
                    Step::Change(known.id, PanelPatch { name: None, location, version: known.version })
                }
                Some(known) => Step::Keep(known.id),
            };
            PanelStep { site, step }
        });
        self.count(1, step.as_ref().map(|step| &step.step));
        if let (Some(key), None) = (key, twice) {
            let said = match step {
                Some(step) => {
                    self.checked.plan.panels.push(step);
                    Said::Good(self.checked.plan.panels.len() - 1)
                }
                None => Said::Wrong(line.row),
            };
            self.panels.insert(key, (said, line.row));
        }
    }

    fn circuit(&mut self, line: &CircuitLine) {
        let before = self.checked.mistakes.len();
        let site = if line.site.is_empty() { Err(Wrong::Missing) } else { self.find_site(&line.site) };
        let panel = match &site {
            _ if line.panel.is_empty() => Err(Some(Wrong::Missing)),
            Ok(site) => self.find_panel(*site, &line.panel).map_err(Some),
            // The site's mistake is named already.
            Err(_) => Err(None),
        };
        let mut faults =
            Faults { sheet: Sheet::Circuits, row: line.row, found: &mut self.checked.mistakes, before };
        faults.need(Field::Name, &line.name, 120);
        faults.fit(Field::LoadKind, line.load_kind.as_deref(), 60);
        faults.range(Field::RatedCurrent, line.rated_current_a, 0.1, 10_000.0);
        if let Some(phases) = line.phases
            && !matches!(phases, 1 | 3)
        {
            faults.add(Field::Phases, &phases.to_string(), Wrong::NotOneOrThree);
        }
        if let Err(wrong) = site {
            faults.add(Field::Site, &line.site, wrong);
        }
        let panel = match panel {
            Ok(panel) => Some(panel),
            Err(wrong) => {
                if let Some(wrong) = wrong {
                    faults.add(Field::Panel, &line.panel, wrong);
                }
                None
            }
        };
        let key = panel.map(|panel| (panel, line.name.clone()));
        let twice = key.as_ref().and_then(|key| self.circuits.get(key)).map(|(_, row)| *row);
        if let Some(row) = twice {
            faults.add(Field::Name, &line.name, Wrong::Twice { row });
        }
        let wrong = faults.any() || line.broken;
        let step = panel.filter(|_| !wrong).map(|panel| CircuitStep {
            panel,
            step: circuit_step(self.known_circuit(panel, &line.name), line),
        });
        self.count(2, step.as_ref().map(|step| &step.step));
        if let (Some(key), None) = (key, twice) {
            let said = match step {
                Some(step) => {
                    self.checked.plan.circuits.push(step);
                    Said::Good(self.checked.plan.circuits.len() - 1)
                }
                None => Said::Wrong(line.row),
            };
            self.circuits.insert(key, (said, line.row));
        }
    }

    fn detector(&mut self, line: &DetectorLine) {
        let before = self.checked.mistakes.len();
        let place = self.place_of(line);
        let profile = line.profile.as_ref().and_then(|id| self.world.profiles.get(id)).cloned();
        let terminal = self.known_terminals.get(line.serial.as_str()).copied();
        let behind = terminal.and_then(|known| self.known_detectors.get(&known.id)).map(Vec::as_slice);
        let own = behind
            .unwrap_or_default()
            .iter()
            .copied()
            .find(|known| known.unit_address == line.unit_address && known.address == line.address);
        let agreed = self.terminals.get(&line.serial).map(|(_, protocol)| *protocol);
        let protocol = terminal.map(|known| known.protocol).or(agreed).or(line.protocol);

        let mut faults =
            Faults { sheet: Sheet::Detectors, row: line.row, found: &mut self.checked.mistakes, before };
        faults.need(Field::Serial, &line.serial, 100);
        let key = (line.serial.clone(), line.unit_address, line.address.clone());
        match self.detectors.get(&key) {
            Some(row) if !line.serial.is_empty() => {
                faults.add(Field::Serial, &line.serial, Wrong::Twice { row: *row });
            }
            Some(_) | None => {}
        }
        match terminal.map(|known| known.admission) {
            Some(Admission::Refused) => faults.add(Field::Serial, &line.serial, Wrong::Refused),
            Some(Admission::Admitted) if behind.is_none() => {
                faults.add(Field::Serial, &line.serial, Wrong::Taken);
            }
            Some(Admission::Admitted | Admission::Pending) | None => {}
        }
        match (protocol, line.protocol) {
            (Some(known), Some(said)) if known != said => {
                faults.add(Field::Protocol, said.code(), Wrong::OtherProtocol { known });
            }
            (None, _) => faults.add(Field::Protocol, "", Wrong::Missing),
            (Some(_), _) => {}
        }
        match (&line.profile, &profile) {
            (Some(id), None) => faults.add(Field::Profile, id, Wrong::Unknown),
            (Some(id), Some(_)) => {
                if let Some(known) = own.filter(|own| own.profile_id != *id) {
                    let known = known.profile_id.clone();
                    faults.add(Field::Profile, id, Wrong::OtherProfile { known });
                }
            }
            (None, _) if own.is_none() && !line.broken => faults.add(Field::Profile, "", Wrong::Missing),
            (None, _) => {}
        }
        if let (None, Some(profile), Some(terminal)) = (own, &profile, protocol) {
            if terminal.carries(profile.protocol) {
                address_faults(&mut faults, line, terminal, profile);
            } else {
                let wrong = Wrong::ProfileSpeaks { profile: profile.protocol, terminal };
                faults.add(Field::Profile, &profile.id, wrong);
            }
        }
        if own.is_none() || !line.name.is_empty() {
            faults.need(Field::Name, &line.name, 120);
        }
        let place = match place {
            Ok(place) => Some(place),
            Err((field, had, wrong)) => {
                faults.add(field, &had, wrong);
                None
            }
        };
        let circuit = place.and_then(|(_, circuit)| circuit);
        let known_circuit =
            circuit.and_then(|index| self.checked.plan.circuits.get(index)).and_then(|c| c.step.known());
        let site = place.and_then(|(site, _)| self.checked.plan.sites.get(site));
        if let (Some(own), None, Some(site)) = (own, circuit, site)
            && site.known() != Some(&own.site_id)
        {
            faults.add(Field::Circuit, "", Wrong::MoveNeedsCircuit);
        }
        let wrong = faults.any() || line.broken;
        let step = if wrong { None } else { detector_step(own, line, circuit, known_circuit, profile) };
        self.count(3, step.as_ref());
        if !line.serial.is_empty() {
            self.detectors.entry(key).or_insert(line.row);
        }
        if let (Some(step), Some((site, circuit)), Some(protocol)) = (step, place, protocol) {
            let terminal = self.terminal(&line.serial, terminal, protocol);
            self.checked.plan.detectors.push(DetectorStep { terminal, site, circuit, step });
        }
    }

    /// Where a detector's line says that it is; the field and what is wrong otherwise.
    fn place_of(&mut self, line: &DetectorLine) -> Result<(usize, Option<usize>), (Field, String, Wrong)> {
        let wrong = |field, had: &str, wrong| (field, had.to_owned(), wrong);
        if line.site.is_empty() {
            return Err(wrong(Field::Site, "", Wrong::Missing));
        }
        let site = self.find_site(&line.site).map_err(|found| wrong(Field::Site, &line.site, found))?;
        match (line.panel.is_empty(), line.circuit.is_empty()) {
            (true, true) => Ok((site, None)),
            (true, false) => Err(wrong(Field::Panel, "", Wrong::Missing)),
            (false, true) => Err(wrong(Field::Circuit, "", Wrong::Missing)),
            (false, false) => {
                let panel = self
                    .find_panel(site, &line.panel)
                    .map_err(|found| wrong(Field::Panel, &line.panel, found))?;
                let circuit = self
                    .find_circuit(panel, &line.circuit)
                    .map_err(|found| wrong(Field::Circuit, &line.circuit, found))?;
                Ok((site, Some(circuit)))
            }
        }
    }

    fn terminal(&mut self, serial: &str, known: Option<&KnownTerminal>, protocol: Protocol) -> usize {
        if let Some((index, _)) = self.terminals.get(serial) {
            return *index;
        }
        let step = match known {
            Some(known) if known.admission == Admission::Admitted => TerminalStep::Admitted(known.id),
            Some(known) => TerminalStep::Admit(known.id, serial.to_owned()),
            None => TerminalStep::Register(serial.to_owned(), protocol),
        };
        self.checked.plan.terminals.push(step);
        let index = self.checked.plan.terminals.len() - 1;
        self.terminals.insert(serial.to_owned(), (index, protocol));
        index
    }
}

/// `None` where area or organisation are missing, which is named already.
fn site_step(known: Option<&ExchangeSite>, line: &SiteLine) -> Option<Step<SiteId, SiteDraft, SitePatch>> {
    let position = line.lon.zip(line.lat);
    let Some(known) = known else {
        return Some(Step::Make(SiteDraft {
            name: line.name.clone(),
            address: line.address.clone().unwrap_or_default(),
            area_code: line.area.clone()?,
            organisation_id: line.organisation?,
            premises_kind: line.premises_kind.clone().unwrap_or_default(),
            position,
            zone: line.zone.clone().unwrap_or_else(|| Lines::ZONE.to_owned()),
            contact_name: line.contact_name.clone().unwrap_or_default(),
            contact_phone: line.contact_phone.clone().unwrap_or_default(),
        }));
    };
    let differs = |said: &Option<String>, known: &String| said.clone().filter(|said| said != known);
    let patch = SitePatch {
        name: None,
        address: differs(&line.address, &known.address),
        area_code: line.area.clone().filter(|said| *said != known.area_code),
        organisation_id: line.organisation.filter(|said| *said != known.organisation_id),
        premises_kind: differs(&line.premises_kind, &known.premises_kind),
        position: position.filter(|said| Some(*said) != known.lon.zip(known.lat)).map(Some),
        zone: differs(&line.zone, &known.zone),
        contact_name: differs(&line.contact_name, &known.contact_name),
        contact_phone: differs(&line.contact_phone, &known.contact_phone),
        two_person_switching: None,
        version: known.version,
    };
    let same = patch == SitePatch { version: known.version, ..SitePatch::default() };
    Some(if same { Step::Keep(known.id) } else { Step::Change(known.id, patch) })
}

fn circuit_step(
    known: Option<&ExchangeCircuit>,
    line: &CircuitLine,
) -> Step<domain::id::CircuitId, CircuitDraft, CircuitPatch> {
    let Some(known) = known else {
        return Step::Make(CircuitDraft {
            name: line.name.clone(),
            rated_current_a: line.rated_current_a,
            phases: line.phases.unwrap_or(1),
            load_kind: line.load_kind.clone().unwrap_or_default(),
        });
    };
    let patch = CircuitPatch {
        name: None,
        rated_current_a: line.rated_current_a.filter(|said| Some(*said) != known.rated_current_a).map(Some),
        phases: line.phases.filter(|said| *said != known.phases),
        load_kind: line.load_kind.clone().filter(|said| *said != known.load_kind),
        version: known.version,
    };
    let same = patch == CircuitPatch { version: known.version, ..CircuitPatch::default() };
    if same { Step::Keep(known.id) } else { Step::Change(known.id, patch) }
}

/// `None` where the profile is missing, which is named already.
fn detector_step(
    own: Option<&ExchangeDetector>,
    line: &DetectorLine,
    circuit: Option<usize>,
    known_circuit: Option<&domain::id::CircuitId>,
    profile: Option<Arc<Profile>>,
) -> Option<Step<domain::id::DetectorId, DetectorDraft, DetectorMove>> {
    let Some(own) = own else {
        return Some(Step::Make(DetectorDraft {
            profile: profile?,
            unit_address: line.unit_address,
            address: line.address.clone(),
            name: line.name.clone(),
        }));
    };
    let name = if line.name.is_empty() { own.name.clone() } else { line.name.clone() };
    let moves = circuit.is_some() && known_circuit != own.circuit_id.as_ref();
    Some(if moves || name != own.name {
        Step::Change(own.id, DetectorMove { name, moves, version: own.version })
    } else {
        Step::Keep(own.id)
    })
}

/// What the store would say about unit and address, by the cell.
fn address_faults(faults: &mut Faults<'_>, line: &DetectorLine, terminal: Protocol, profile: &Profile) {
    let unit = line.unit_address;
    let Err(mistake) = check_address(terminal, profile, unit, line.address.as_deref()) else { return };
    let wrong = match mistake {
        AddressMistake::UnitWanted => Wrong::UnitWanted,
        AddressMistake::UnitUnwanted => Wrong::UnitUnwanted,
        AddressMistake::Length => Wrong::TooLong { max: 64 },
        AddressMistake::AddressUnwanted => Wrong::AddressUnwanted,
        AddressMistake::MeterWanted => Wrong::MeterWanted,
        AddressMistake::ComponentWanted => Wrong::ComponentWanted,
        AddressMistake::PortWanted => Wrong::PortWanted,
    };
    if mistake.is_about_unit() {
        faults.add(Field::Unit, &unit.map(|unit| unit.to_string()).unwrap_or_default(), wrong);
    } else {
        faults.add(Field::SubAddress, line.address.as_deref().unwrap_or_default(), wrong);
    }
}
