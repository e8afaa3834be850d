//! What the bytes of a telegram mean to the detectors on its line: each register, object, data block and message gets
//! the names and the scaled values of their profiles. Nothing is stored.
//!
//! ```text
//! bytes --wire::explain--> fields --registers, keyed, gateway, messages--> fields with values
//!                             detectors and secrets of the line ---/
//! ```

mod gateway;
pub(crate) mod keyed;
pub(crate) mod messages;
mod registers;

use std::sync::Arc;

use domain::id::TerminalId;
use domain::place::{Credential, DetectorEntry, Protocol};
use domain::profile::{Meaning, Point, Profile};
use domain::reading::{PointIndex, Quality as Known, Sample};
use serde::Serialize;
use utoipa::ToSchema;
use wire::explain::key;
use wire::gateway1f1f::{HEAD, Secret};
use wire::gb26875;

pub(crate) use gateway::{Opened, opened, value as gateway_value};
pub(crate) use registers::Asked;

use crate::profiles::shape::ReportedHazard;
use crate::state::Api;
use crate::vocabulary::{Phase, Quality};

/// A part of a frame that has a name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TelegramField {
    /// Where it begins, bytes from 0.
    #[schema(minimum = 0)]
    pub offset: u32,
    /// How long it is, bytes.
    #[schema(minimum = 0)]
    pub len: u32,
    /// What it is.
    #[schema(example = "function")]
    pub name: String,
    /// What it says.
    #[schema(example = "3")]
    pub value: String,
    /// The points and status words that the profiles of the detectors on the line read from it.
    pub values: Vec<TelegramValue>,
}

/// A point or a status word that stands in a part of a frame.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TelegramValue {
    /// The detector; null on the test bench.
    #[schema(minimum = 1)]
    pub detector_id: Option<i64>,
    /// Its name in the profile.
    pub code: String,
    /// What people call the point; null for a status word.
    pub name: Option<String>,
    /// On which conductor.
    pub phase: Option<Phase>,
    /// The unit; empty for a status word.
    pub unit: String,
    /// How many decimals the device gives.
    pub decimals: u8,
    /// The value; null where there is none.
    pub value: Option<f64>,
    /// What is known about it; null for a status word.
    pub quality: Option<Quality>,
    /// A status word's value, after mask and shift.
    pub word: Option<String>,
    /// What a status word means; empty where it means nothing.
    pub meanings: Vec<ReportedHazard>,
}

impl TelegramValue {
    /// In one line of a file, without language.
    pub(crate) fn text(&self) -> String {
        let decimals = usize::from(self.decimals);
        let name = self.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        let detector = self.detector_id.map(|id| format!("detector {id} ")).unwrap_or_default();
        let value = match (&self.word, self.value) {
            (Some(word), _) => word.clone(),
            (None, Some(value)) => format!("{value:.decimals$} {}", self.unit),
            (None, None) => "no value".to_owned(),
        };
        format!("{detector}{}{name} = {}", self.code, value.trim_end())
    }
}

/// A detector that may be meant.
pub(crate) struct Behind {
    /// The detector; `None` on a bench, where every address is its own.
    entry: Option<DetectorEntry>,
    profile: Arc<Profile>,
}

/// Who is on a line, and what opens its telegrams.
pub(crate) struct Line {
    protocol: Option<Protocol>,
    behind: Vec<Behind>,
    secrets: Vec<Secret>,
}

impl Line {
    /// The line of a terminal; one that waits for admission has nobody behind it.
    pub(crate) fn of(api: &Api, terminal: TerminalId) -> Self {
        let Some(entry) = api.directory.terminal_by_id(terminal) else { return Self::nobody() };
        let behind = entry
            .detectors
            .iter()
            .filter_map(|detector| {
                let profile = api.directory.profile(&detector.profile)?;
                Some(Behind { entry: Some(detector.clone()), profile })
            })
            .collect();
        let secrets = entry.credentials.iter().filter_map(|credential| match credential {
            Credential::SharedSecret(secret) => Secret::try_from(secret.as_slice()).ok(),
            Credential::TokenHash(_) | Credential::CertificateHash(_) => None,
        });
        Self { protocol: Some(entry.protocol), behind, secrets: secrets.collect() }
    }

    /// A line that nobody is known on.
    pub(crate) const fn nobody() -> Self {
        Self { protocol: None, behind: Vec::new(), secrets: Vec::new() }
    }

    /// A bench: one profile, whatever the address.
    pub(crate) fn bench(profile: &Profile, secret: Option<&Secret>) -> Self {
        Self {
            protocol: Some(profile.protocol),
            behind: vec![Behind { entry: None, profile: Arc::new(profile.clone()) }],
            secrets: secret.cloned().into_iter().collect(),
        }
    }

    /// The secret that opens its telegrams, where it has one; the newest of several.
    pub(crate) fn secret(&self) -> Option<&Secret> {
        self.secrets.last()
    }

    /// The parts of a telegram. `asked` is the request that it answers, where that is known.
    pub(crate) fn explain(
        &self,
        bytes: &[u8],
        way: wire::Direction,
        asked: Option<&Asked>,
    ) -> Vec<TelegramField> {
        if self.protocol == Some(Protocol::Telemetry) {
            let mut fields = owned(wire::explain::explain_message(bytes));
            if way == wire::Direction::Up {
                messages::name(&self.behind, bytes, &mut fields);
            }
            return fields;
        }
        let mut fields = owned(wire::explain(bytes, way));
        if bytes.starts_with(&HEAD) {
            gateway::name(self, bytes, way, asked, &mut fields);
        } else if bytes.starts_with(&gb26875::START) {
            keyed::name_objects(&self.behind, bytes, &mut fields);
        } else if fields.iter().any(|field| field.name == key::METER) {
            keyed::name_meter(&self.behind, bytes, &mut fields);
        } else {
            registers::name(&self.behind, bytes, way, asked, &mut fields);
        }
        fields
    }

    /// What a telegram asks for, so that the answer to it can be read; `None` where it asks for no registers.
    pub(crate) fn asks(&self, bytes: &[u8]) -> Option<Asked> {
        if bytes.starts_with(&HEAD) {
            return match opened(bytes, &self.secrets)? {
                Opened::Modbus { rtu, .. } => {
                    Asked::of_fields(&owned(wire::explain(&rtu, wire::Direction::Down)), &rtu)
                }
                Opened::Report(_) => None,
            };
        }
        Asked::of_fields(&owned(wire::explain(bytes, wire::Direction::Down)), bytes)
    }
}

fn owned(fields: Vec<wire::Field>) -> Vec<TelegramField> {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    fields
        .into_iter()
        .map(|field| TelegramField {
            offset: number(field.offset),
            len: number(field.len),
            name: field.name_key.to_owned(),
            value: field.value,
            values: Vec::new(),
        })
        .collect()
}

impl TelegramField {
    fn bytes<'b>(&self, telegram: &'b [u8]) -> &'b [u8] {
        let from = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let to = from.saturating_add(usize::try_from(self.len).unwrap_or(0));
        telegram.get(from..to).unwrap_or_default()
    }

    /// The number that its bytes are, high byte first.
    fn number(&self, telegram: &[u8]) -> u64 {
        self.bytes(telegram).iter().fold(0, |value, byte| (value << 8) | u64::from(*byte))
    }
}

impl Behind {
    fn detector_id(&self) -> Option<i64> {
        self.entry.as_ref().map(|entry| entry.id.0)
    }

    fn address(&self) -> Option<&str> {
        self.entry.as_ref()?.address.as_deref()
    }

    fn sample(&self, sample: &Sample) -> Option<TelegramValue> {
        let point: &Point = self.profile.point(sample.point)?;
        let value = match sample.quality {
            Known::Good | Known::Implausible => Some(point.decimals.value(sample.raw)),
            Known::SensorOpen | Known::SensorShort | Known::DeviceFault => None,
        };
        Some(TelegramValue {
            detector_id: self.detector_id(),
            code: point.code.clone(),
            name: Some(point.name.clone()),
            phase: point.phase.map(Into::into),
            unit: point.quantity.unit().to_owned(),
            decimals: point.decimals.0,
            value,
            quality: Some(sample.quality.into()),
            word: None,
            meanings: Vec::new(),
        })
    }

    fn status(&self, code: &str, word: String, meanings: Vec<ReportedHazard>) -> TelegramValue {
        TelegramValue {
            detector_id: self.detector_id(),
            code: code.to_owned(),
            name: None,
            phase: None,
            unit: String::new(),
            decimals: 0,
            value: None,
            quality: None,
            word: Some(word),
            meanings,
        }
    }
}

/// What the value of a status word in a register means.
pub(crate) fn meanings(profile: &Profile, all: &[Meaning], value: u16) -> Vec<ReportedHazard> {
    all.iter()
        .filter(|meaning| meaning.value == value)
        .map(|meaning| ReportedHazard {
            hazard: meaning.hazard.into(),
            severity: Some(meaning.severity.into()),
            point: code_of(profile, meaning.point),
        })
        .collect()
}

pub(crate) fn code_of(profile: &Profile, point: Option<PointIndex>) -> Option<String> {
    point.and_then(|index| profile.point(index)).map(|point| point.code.clone())
}
