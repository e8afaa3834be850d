//! What people do, from the desk to the settings. Each act is checked against the caller's scope, leaves its audit
//! entry in the same transaction, and takes effect in the running pipeline before it returns.
//!
//! Accounts, sessions, tokens and the audit log touch nothing that the pipeline knows; the API asks the store for them.

mod admission;
mod alarms;
mod commands;
mod commissioning;
mod diagnosis;
pub mod import;
mod incidents;
mod maintenance;
mod places;
mod profiles;
mod replies;
mod risk;
mod settings;
mod telling;
mod what_if;

pub use admission::{Admission, AdmitRequest};
pub use alarms::{AlarmDesk, BulkOutcome, DeviceCommand, ResetOutcome};
pub use commands::{
    BatchRequest, CommandDesk, CommandOption, CommandOptions, CommandRequest, MOST_IN_BATCH, Trial,
    ValueOption,
};
pub use commissioning::{CommissioningDesk, DAY_MS, WiringReport};
pub use diagnosis::{Analysed, DiagnosisDesk, KeptFinding, Reading, Replayed};
pub use import::Import;
pub use incidents::IncidentDesk;
pub use maintenance::MaintenanceDesk;
pub use places::Places;
pub use profiles::{KnownProfile, ProfileOrigin, Profiles};
pub use replies::Called;
pub use risk::{KeptRisk, NamedAct, RiskDesk, SiteRisk, UnitRisk};
pub use settings::{HazardSettings, SettingsDesk, SettingsView, SupervisionSettings};
pub use telling::{Body, LinkPage, LinkUse, Said, TellingDesk, TellingStatus, check_quiet};
pub use what_if::{WhatIf, WhatIfOutcome, WhatIfTarget};
