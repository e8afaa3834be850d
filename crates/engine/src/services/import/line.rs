//! A spreadsheet's lines as they are read: typed, not yet checked against anything. An empty cell leaves what is there.

use std::collections::BTreeSet;

use domain::id::OrganisationId;
use domain::place::{AreaCode, Protocol};

/// A sheet of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sheet {
    /// Premises.
    Sites,
    /// Distribution boxes.
    Panels,
    /// Circuits.
    Circuits,
    /// Detectors.
    Detectors,
}

impl Sheet {
    /// Every sheet, in the order in which they refer to each other.
    pub const ALL: [Self; 4] = [Self::Sites, Self::Panels, Self::Circuits, Self::Detectors];

    /// The stable name used in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Sites => "sites",
            Self::Panels => "panels",
            Self::Circuits => "circuits",
            Self::Detectors => "detectors",
        }
    }
}

/// A column of a sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// Name of what the line is about.
    Name,
    /// Postal address of a site.
    Address,
    /// Area of a site.
    Area,
    /// Organisation of a site.
    Organisation,
    /// Kind of premises.
    PremisesKind,
    /// Longitude, °, WGS-84.
    Lon,
    /// Latitude, °, WGS-84.
    Lat,
    /// Time zone.
    Zone,
    /// Whom to call.
    ContactName,
    /// Their number.
    ContactPhone,
    /// The site that the line belongs to.
    Site,
    /// The panel that the line belongs to.
    Panel,
    /// Where a panel hangs.
    Location,
    /// Rated current of a circuit, A.
    RatedCurrent,
    /// Phases of a circuit, 1 or 3.
    Phases,
    /// What a circuit feeds.
    LoadKind,
    /// The circuit that a detector watches.
    Circuit,
    /// Serial number of a detector's terminal.
    Serial,
    /// How the terminal speaks.
    Protocol,
    /// Modbus unit behind the terminal.
    Unit,
    /// Address behind the terminal in protocols with names.
    SubAddress,
    /// Model of a detector.
    Profile,
}

impl Field {
    /// The stable name used in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Address => "address",
            Self::Area => "area",
            Self::Organisation => "organisation",
            Self::PremisesKind => "premises_kind",
            Self::Lon => "lon",
            Self::Lat => "lat",
            Self::Zone => "zone",
            Self::ContactName => "contact_name",
            Self::ContactPhone => "contact_phone",
            Self::Site => "site",
            Self::Panel => "panel",
            Self::Location => "location",
            Self::RatedCurrent => "rated_current_a",
            Self::Phases => "phases",
            Self::LoadKind => "load_kind",
            Self::Circuit => "circuit",
            Self::Serial => "serial",
            Self::Protocol => "protocol",
            Self::Unit => "unit_address",
            Self::SubAddress => "sub_address",
            Self::Profile => "profile",
        }
    }
}

/// A line about a site.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SiteLine {
    /// Its number in the sheet, counted from 1 as spreadsheets do.
    pub row: u32,
    /// A cell of it could not be read; the line is only kept so that others do not refer into nothing.
    pub broken: bool,
    /// Its name; empty is a mistake.
    pub name: String,
    /// Postal address.
    pub address: Option<String>,
    /// Area.
    pub area: Option<AreaCode>,
    /// Organisation.
    pub organisation: Option<OrganisationId>,
    /// Kind of premises, as its code or the operator's own word.
    pub premises_kind: Option<String>,
    /// Longitude, °.
    pub lon: Option<f64>,
    /// Latitude, °.
    pub lat: Option<f64>,
    /// Time zone, `Asia/Shanghai`.
    pub zone: Option<String>,
    /// Whom to call.
    pub contact_name: Option<String>,
    /// Their number.
    pub contact_phone: Option<String>,
}

/// A line about a panel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PanelLine {
    /// As in [`SiteLine::row`].
    pub row: u32,
    /// As in [`SiteLine::broken`].
    pub broken: bool,
    /// Its site's name.
    pub site: String,
    /// Its name.
    pub name: String,
    /// Where in the site.
    pub location: Option<String>,
}

/// A line about a circuit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CircuitLine {
    /// As in [`SiteLine::row`].
    pub row: u32,
    /// As in [`SiteLine::broken`].
    pub broken: bool,
    /// Its site's name.
    pub site: String,
    /// Its panel's name.
    pub panel: String,
    /// Its name.
    pub name: String,
    /// What its breaker and cable are made for, A.
    pub rated_current_a: Option<f64>,
    /// 1 or 3.
    pub phases: Option<u8>,
    /// What hangs on it, as its code or the operator's own word.
    pub load_kind: Option<String>,
}

/// A line about a detector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DetectorLine {
    /// As in [`SiteLine::row`].
    pub row: u32,
    /// As in [`SiteLine::broken`].
    pub broken: bool,
    /// The serial number of its terminal.
    pub serial: String,
    /// How the terminal speaks.
    pub protocol: Option<Protocol>,
    /// Modbus unit behind the terminal, 1-247.
    pub unit_address: Option<u8>,
    /// Address behind the terminal in protocols with names.
    pub address: Option<String>,
    /// Its profile's id.
    pub profile: Option<String>,
    /// Its name.
    pub name: String,
    /// Its site's name.
    pub site: String,
    /// Its panel's name; empty for a detector on no circuit yet.
    pub panel: String,
    /// Its circuit's name; empty for a detector on no circuit yet.
    pub circuit: String,
}

/// The lines of a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lines {
    /// Premises.
    pub sites: Vec<SiteLine>,
    /// Distribution boxes.
    pub panels: Vec<PanelLine>,
    /// Circuits.
    pub circuits: Vec<CircuitLine>,
    /// Detectors.
    pub detectors: Vec<DetectorLine>,
}

impl Lines {
    /// The zone that sites without one get.
    pub const ZONE: &'static str = "Asia/Shanghai";

    /// Every name of a site that is said anywhere.
    #[must_use]
    pub fn site_names(&self) -> BTreeSet<&str> {
        let own = self.sites.iter().map(|line| line.name.as_str());
        let panels = self.panels.iter().map(|line| line.site.as_str());
        let circuits = self.circuits.iter().map(|line| line.site.as_str());
        let detectors = self.detectors.iter().map(|line| line.site.as_str());
        own.chain(panels).chain(circuits).chain(detectors).filter(|name| !name.is_empty()).collect()
    }
}
