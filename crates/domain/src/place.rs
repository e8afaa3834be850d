//! Where things are: organisations and areas are two axes, a site hangs on both;
//! site -> panel -> circuit -> channel <- detector <- terminal.

use serde::{Deserialize, Serialize};

use crate::id::{ChannelId, CircuitId, DetectorId, OrganisationId, SiteId, TerminalId};
use crate::quantity::{Decimals, Phase, Quantity};
use crate::reading::PointIndex;

/// A place in the organisation tree as the ids from the root, `/1/4/9/`. A prefix is an ancestor.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrganisationPath(pub String);

/// A division code after GB/T 2260 (`430202`). Two trailing zeros mean the level above, so that
/// `430200` covers `430202`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AreaCode(pub String);

impl AreaCode {
    /// The digits that every area inside this one begins with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        let mut digits = self.0.as_str();
        while let Some(shorter) = digits.strip_suffix("00") {
            digits = shorter;
        }
        digits
    }

    /// Whether `other` is this area or lies in it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.0.starts_with(self.prefix())
    }
}

/// How a terminal speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// The vendor cloud protocol with frames `7B 7B … 7D 7D`.
    #[serde(rename = "cloud_7b7b")]
    Cloud7b7b,
    /// Transparent DTU line; the server asks, in Modbus-RTU or DL/T 645.
    ModbusRtu,
    /// Modbus TCP: a gateway that dials in, or a device that we dial (serial `tcp://host:port`).
    ModbusTcp,
    /// DL/T 645-2007 meters; only behind a transparent line.
    Dlt645,
    /// GB/T 26875.3-2011, transmission device to centre.
    Gb26875,
    /// The vendor gateway protocol with frames `1F 1F` and XML.
    #[serde(rename = "gateway_1f1f")]
    Gateway1f1f,
    /// Messages with named values over MQTT, HTTP, CoAP or a carrier's push; one identity, whichever door.
    Telemetry,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 7] = [
        Self::Cloud7b7b,
        Self::ModbusRtu,
        Self::ModbusTcp,
        Self::Dlt645,
        Self::Gb26875,
        Self::Gateway1f1f,
        Self::Telemetry,
    ];

    /// Those that a profile is written for.
    pub const OF_PROFILES: [Self; 6] =
        [Self::Cloud7b7b, Self::ModbusRtu, Self::Dlt645, Self::Gb26875, Self::Gateway1f1f, Self::Telemetry];

    /// Those that a terminal may speak.
    pub const OF_TERMINALS: [Self; 6] = [
        Self::Cloud7b7b,
        Self::ModbusRtu,
        Self::ModbusTcp,
        Self::Gb26875,
        Self::Gateway1f1f,
        Self::Telemetry,
    ];

    /// The stable name used in files, the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Cloud7b7b => "cloud_7b7b",
            Self::ModbusRtu => "modbus_rtu",
            Self::ModbusTcp => "modbus_tcp",
            Self::Dlt645 => "dlt645",
            Self::Gb26875 => "gb26875",
            Self::Gateway1f1f => "gateway_1f1f",
            Self::Telemetry => "telemetry",
        }
    }

    /// The protocol with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.code() == code)
    }

    /// Whether its values stand under names instead of in numbered registers.
    #[must_use]
    pub const fn is_keyed(self) -> bool {
        match self {
            Self::Dlt645 | Self::Gb26875 | Self::Gateway1f1f | Self::Telemetry => true,
            Self::Cloud7b7b | Self::ModbusRtu | Self::ModbusTcp => false,
        }
    }

    /// Whether a detector of a `profile` protocol may stand behind a terminal that speaks this one.
    #[must_use]
    pub const fn carries(self, profile: Self) -> bool {
        matches!(
            (self, profile),
            (Self::Cloud7b7b, Self::Cloud7b7b)
                | (Self::ModbusRtu, Self::ModbusRtu | Self::Dlt645)
                | (Self::ModbusTcp, Self::ModbusRtu)
                | (Self::Gb26875, Self::Gb26875)
                | (Self::Gateway1f1f, Self::Gateway1f1f | Self::ModbusRtu)
                | (Self::Telemetry, Self::Telemetry)
        )
    }
}

/// How a terminal proves who it is, where its protocol can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// SHA-256 of a token that the platform made and showed once.
    TokenHash([u8; 32]),
    /// SHA-256 of the client certificate's DER bytes.
    CertificateHash([u8; 32]),
    /// A secret that the protocol needs in plain: AES key of the vendor gateway protocol, DTLS pre-shared key.
    SharedSecret(Vec<u8>),
}

/// The kinds of proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// A token that the platform made; also the password of MQTT.
    Token,
    /// A client certificate.
    Certificate,
    /// A secret that both ends know.
    SharedSecret,
}

impl CredentialKind {
    /// The stable name used in the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Token => "token_hash",
            Self::Certificate => "certificate_hash",
            Self::SharedSecret => "shared_secret",
        }
    }

    /// The kind with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Token, Self::Certificate, Self::SharedSecret].into_iter().find(|kind| kind.code() == code)
    }
}

impl Credential {
    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> CredentialKind {
        match self {
            Self::TokenHash(_) => CredentialKind::Token,
            Self::CertificateHash(_) => CredentialKind::Certificate,
            Self::SharedSecret(_) => CredentialKind::SharedSecret,
        }
    }

    /// What is stored of it.
    #[must_use]
    pub fn secret(&self) -> &[u8] {
        match self {
            Self::TokenHash(hash) | Self::CertificateHash(hash) => hash,
            Self::SharedSecret(secret) => secret,
        }
    }
}

/// Whether what dials in may be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// Seen, waits for a person; its data are not counted.
    Pending,
    /// Admitted by a person.
    Admitted,
    /// Refused by a person; still counted when it dials in.
    Refused,
}

impl Admission {
    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Admitted => "admitted",
            Self::Refused => "refused",
        }
    }

    /// The admission with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Pending, Self::Admitted, Self::Refused].into_iter().find(|a| a.code() == code)
    }
}

/// A terminal as the gateway must know it to hear it and to poll behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalEntry {
    /// Its id.
    pub id: TerminalId,
    /// The serial number or registration string that it announces.
    pub serial: String,
    /// How it speaks.
    pub protocol: Protocol,
    /// Whether it may be heard.
    pub admission: Admission,
    /// The SIM pinned at first admission; `None` where the protocol carries none.
    pub pinned_iccid: Option<String>,
    /// How it proves who it is; empty where the protocol has nothing, and then nobody is let in who should.
    pub credentials: Vec<Credential>,
    /// The detectors behind it.
    pub detectors: Vec<DetectorEntry>,
}

/// A detector as the gateway must know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectorEntry {
    /// Its id.
    pub id: DetectorId,
    /// Its profile's id (file name without `.toml`).
    pub profile: String,
    /// Modbus unit address behind a DTU, 1-247; `None` for a detector that is its own terminal.
    pub unit_address: Option<u8>,
    /// Its address behind the terminal in protocols with names: component, meter number, sub-device.
    pub address: Option<String>,
}

/// A channel as the pipeline must know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelEntry {
    /// Its id.
    pub id: ChannelId,
    /// Which point of the profile feeds it; `None` for the channel that stands for the device.
    pub point: Option<PointIndex>,
    /// What it measures.
    pub quantity: Quantity,
    /// On which conductor.
    pub phase: Option<Phase>,
    /// The scale of its integers.
    pub decimals: Decimals,
}

/// Where a detector stands; everything that scopes and labels its alarms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// The detector.
    pub detector: DetectorId,
    /// Its terminal.
    pub terminal: TerminalId,
    /// Its site.
    pub site: SiteId,
    /// The circuit it watches, where it has been placed.
    pub circuit: Option<CircuitId>,
    /// The organisation of the site.
    pub organisation: OrganisationId,
    /// The same as a path.
    pub organisation_path: OrganisationPath,
    /// The area of the site.
    pub area: AreaCode,
    /// Rated current of the circuit in A, the base of overload in percent.
    pub rated_current_a: Option<f64>,
}
