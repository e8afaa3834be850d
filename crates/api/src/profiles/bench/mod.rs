//! The test bench: what a profile makes of bytes and messages that people paste, and of a line that is open. Nothing
//! is stored.
//!
//! ```text
//! pasted hex --frames--> frame --decoded--> points, statuses, reported hazards --verdict--> which limits it passes
//! last telegrams --/       \--refused, with reason and clause
//! answers to reads --------------/
//! ```

mod decoded;
mod frames;
mod keyed;
pub(super) mod lines;
pub(super) mod pasted;
mod refusal;
mod verdict;

use serde::Serialize;
use utoipa::ToSchema;

pub(super) use refusal::TestRefusal;

use super::shape::ReportedHazard;
use crate::http::time::Time;
use crate::meaning::TelegramField;
use crate::vocabulary::{Direction, Hazard, Phase, Quality, Quantity, Severity};

/// A frame that was found, or bytes that are none.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct TestFrame {
    /// Where it begins, bytes from 0.
    #[schema(minimum = 0)]
    pub offset: u32,
    /// The bytes, in pairs of hex digits with blanks between; the message itself where it is a text.
    pub hex: String,
    /// Which way it went, as far as it says.
    pub direction: Direction,
    /// What it is: `cloud_7b7b`, `modbus_rtu`, `unknown` ...
    #[schema(example = "modbus_rtu")]
    pub protocol: String,
    /// The parts that have a name.
    pub fields: Vec<TelegramField>,
    /// Why it was refused, or why the profile can read nothing from it.
    pub refused: Option<TestRefusal>,
    /// What the profile reads from it.
    pub groups: Vec<TestGroup>,
}

/// What arrives together.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct TestGroup {
    /// Its number in the profile; null where the frame asks for registers that are no group of it.
    #[schema(minimum = 0)]
    pub group: Option<u8>,
    /// Where it stands: `1-1 0x0000+30`.
    #[schema(example = "0x0000+30")]
    pub place: String,
    /// Whether several groups could be meant, because the frame does not say which registers it carries.
    pub guessed: bool,
    /// The device's own clock.
    pub device_at: Option<Time>,
    /// The points in it.
    pub points: Vec<TestPoint>,
    /// The status words in it.
    pub statuses: Vec<TestStatus>,
    /// What the device reports by them.
    pub reported: Vec<ReportedHazard>,
}

/// A point with its value.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct TestPoint {
    /// Its name in the profile.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// What it measures.
    pub quantity: Quantity,
    /// On which conductor.
    pub phase: Option<Phase>,
    /// The unit.
    pub unit: String,
    /// How many decimals the device gives.
    pub decimals: u8,
    /// The device's integer; null where it said that there is none.
    pub raw: Option<i64>,
    /// The value; null where there is none.
    pub value: Option<f64>,
    /// What is known about it.
    pub quality: Quality,
    /// The limits that it passes.
    pub passes: Vec<TestVerdict>,
}

/// A limit that a value passes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct TestVerdict {
    /// The hazard.
    pub hazard: Hazard,
    /// Which level.
    pub severity: Severity,
    /// The level, in the hazard's unit; null for a hazard in percent of a circuit that is not known here.
    pub limit: f64,
    /// The hazard's unit.
    pub unit: String,
    /// How long it must last before it counts, s.
    pub on_delay_s: f64,
    /// Whether the level comes from the profile; else it is the platform's default.
    pub from_profile: bool,
}

/// A status word with its value.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct TestStatus {
    /// Its name in the profile.
    pub code: String,
    /// The value, after mask and shift.
    pub value: String,
    /// What it means; empty where it means nothing.
    pub meanings: Vec<ReportedHazard>,
}
