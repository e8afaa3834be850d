//! Terminals that wait, and what a person says to admit them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::time::Time;
use crate::places::circuits::NewCircuit;
use crate::places::panels::NewPanel;
use crate::places::sites::NewSite;
use crate::vocabulary::{CredentialKind, Protocol, TelegramLevel};

/// A terminal that nobody has admitted.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PendingTerminal {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// The serial number or registration string that it announces.
    #[schema(example = "20221011223344")]
    pub serial: String,
    /// How it speaks.
    pub protocol: Protocol,
    /// Its SIM card, where announced.
    pub iccid: Option<String>,
    /// The address at the other end.
    pub remote: String,
    /// When it first dialled in.
    pub first_seen_at: Time,
    /// When it last dialled in.
    pub last_seen_at: Time,
    /// How often it was seen.
    #[schema(minimum = 0)]
    pub attempts: i64,
    /// The modem's signal, 0 to 31.
    #[schema(minimum = 0, maximum = 255)]
    pub signal: Option<u8>,
    /// Firmware, as it says.
    pub firmware: Option<String>,
    /// The model that its telegrams look like.
    pub hint_profile_id: Option<String>,
    /// How many of its readings were not counted.
    #[schema(minimum = 0)]
    pub readings_ignored: i64,
    /// Whether a person refused it.
    pub refused: bool,
    /// Why.
    pub refused_reason: Option<String>,
}

/// Which pending terminals.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PendingQuery {
    /// Those that were refused, instead of those that wait.
    pub refused: Option<bool>,
    /// Part of the serial number; the whole of it where your scope is less than everything.
    #[param(max_length = 100)]
    pub q: Option<String>,
    /// Rows on a page.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// Where the page begins.
    #[param(max_length = 2000)]
    pub cursor: Option<String>,
}

/// A detector behind the terminal. Its circuit is one that exists, or one that is made now.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdmitDetector {
    /// Its model.
    #[schema(min_length = 1, max_length = 100)]
    pub profile_id: String,
    /// Modbus unit address behind a DTU; null for a detector that is its own terminal.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 247)]
    pub unit_address: Option<u8>,
    /// Its address behind the terminal in protocols with names: component, meter number, sub-device.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 64)]
    pub address: Option<String>,
    /// Its name.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// The circuit it watches.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub circuit_id: Option<i64>,
    /// A circuit to make on the panel.
    #[serde(default, deserialize_with = "crate::http::extract::maybe_object")]
    pub new_circuit: Option<NewCircuit>,
    /// The panel of the new circuit.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub panel_id: Option<i64>,
    /// A panel to make on the site.
    #[serde(default, deserialize_with = "crate::http::extract::maybe_object")]
    pub new_panel: Option<NewPanel>,
    /// The site: of the new panel, or of a detector that is on no circuit yet.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub site_id: Option<i64>,
    /// A site to make.
    #[serde(default, deserialize_with = "crate::http::extract::maybe_object")]
    pub new_site: Option<NewSite>,
}

/// What shall be behind the terminal.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdmitRequest {
    /// The serial number as read off the device; needed where your scope is less than everything, because a terminal
    /// that waits belongs to nobody yet.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub serial: Option<String>,
    /// At least one. New sites, panels and circuits with the same name in one request are made once.
    #[schema(min_items = 1, max_items = 247)]
    #[serde(deserialize_with = "crate::http::extract::objects")]
    pub detectors: Vec<AdmitDetector>,
}

/// A terminal that has not dialled in yet.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// The serial number that it will announce: user name of MQTT, path of HTTP and CoAP.
    #[schema(min_length = 1, max_length = 100, example = "EM-2026-000017")]
    pub serial: String,
    /// How it will speak.
    pub protocol: Protocol,
    /// At least one, as in an admission.
    #[schema(min_items = 1, max_items = 247)]
    #[serde(deserialize_with = "crate::http::extract::objects")]
    pub detectors: Vec<AdmitDetector>,
}

/// A terminal's proof of who it is, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Credential {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// What kind it is.
    pub kind: CredentialKind,
    /// So that people can tell them apart.
    #[schema(example = "7hKq…")]
    pub label: String,
    /// When it was issued.
    pub created_at: Time,
}

/// Where devices can dial in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Door {
    /// Which door: `field`, `mqtt`, `mqtts`, `http`, `coap`, `coaps` ...
    #[schema(example = "mqtt")]
    pub door: String,
    /// Where it listens; an address of zeros means every address of the machine.
    #[schema(example = "0.0.0.0:1883")]
    pub address: String,
}

/// How a terminal may come in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TerminalAccess {
    /// The serial number: user name of MQTT.
    pub serial: String,
    /// Its proofs that hold.
    pub credentials: Vec<Credential>,
    /// The doors that are open.
    pub doors: Vec<Door>,
}

/// A proof to be issued.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCredential {
    /// What kind. A token is made here; a certificate is given; a shared secret is given or made here.
    pub kind: CredentialKind,
    /// So that people can tell them apart; made up when missing.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub label: Option<String>,
    /// The client certificate, PEM.
    #[serde(default)]
    #[schema(max_length = 20000)]
    pub pem: Option<String>,
    /// The shared secret as text.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128)]
    pub secret: Option<String>,
    /// The shared secret as pairs of hexadecimal digits, in place of `secret`.
    #[serde(default)]
    #[schema(min_length = 2, max_length = 256)]
    pub secret_hex: Option<String>,
}

/// A proof that was issued.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IssuedCredential {
    /// The proof.
    pub credential: Credential,
    /// The token or shared secret that was made here. It is shown in this answer only.
    pub secret: Option<String>,
}

/// What was admitted.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Admitted {
    /// The terminal.
    #[schema(minimum = 1)]
    pub terminal_id: i64,
    /// Its detectors, in the order of the request.
    pub detector_ids: Vec<i64>,
}

/// Why it is refused.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefuseRequest {
    /// The serial number, where your scope is less than everything.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub serial: Option<String>,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

/// Which refused terminal.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    /// The serial number, where your scope is less than everything.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub serial: Option<String>,
}

/// Something that happened to a terminal's line.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TerminalEvent {
    /// Its id.
    pub id: i64,
    /// When.
    pub at: Time,
    /// `connected`, `disconnected`, `replaced`, `iccid_changed`, `iccid_pinned`, `unit_silent` ...
    #[schema(example = "disconnected")]
    pub event: String,
    /// More about it.
    pub detail: String,
    /// The address at the other end.
    pub remote: String,
}

/// A detector behind a terminal, in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TerminalDetector {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its model.
    pub profile_id: String,
    /// Modbus unit address behind a DTU.
    #[schema(minimum = 1, maximum = 247)]
    pub unit_address: Option<u8>,
    /// Its address behind the terminal in protocols with names.
    pub address: Option<String>,
}

/// What dials in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Terminal {
    /// Its id.
    #[schema(minimum = 1)]
    pub id: i64,
    /// The serial number or registration string.
    pub serial: String,
    /// How it speaks.
    pub protocol: Protocol,
    /// `pending`, `admitted` or `refused`.
    #[schema(example = "admitted")]
    pub admission: String,
    /// What the telegram log keeps of it; null where the platform's setting holds.
    pub telegram_level: Option<TelegramLevel>,
    /// The pinned SIM card.
    pub iccid: Option<String>,
    /// The SIM card that it came with last, when that is not the pinned one.
    pub seen_iccid: Option<String>,
    /// The modem's signal, 0 to 31.
    #[schema(minimum = 0, maximum = 255)]
    pub signal: Option<u8>,
    /// Firmware, as it says.
    pub firmware: Option<String>,
    /// Whether its line is open.
    pub connected: bool,
    /// Since when.
    pub connected_at: Option<Time>,
    /// The address at the other end.
    pub remote: Option<String>,
    /// When it first dialled in.
    pub first_seen_at: Time,
    /// When it was last heard.
    pub last_seen_at: Time,
    /// The detectors behind it.
    pub detectors: Vec<TerminalDetector>,
    /// What happened to its line lately, newest first.
    pub events: Vec<TerminalEvent>,
}

/// What the telegram log shall keep of a terminal.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TelegramLevelChange {
    /// From the next telegram on; null goes back to the platform's setting.
    pub level: Option<TelegramLevel>,
}
