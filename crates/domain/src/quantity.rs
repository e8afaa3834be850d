//! What is measured (F1): quantity, unit, phase, and the decimal scale that keeps device integers exact.

use serde::{Deserialize, Serialize};

/// A measured quantity. Each has one unit everywhere in Emberwatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Residual (leakage) current 剩余电流, mA.
    ResidualCurrent,
    /// Conductor temperature 线缆温度, °C.
    ConductorTemperature,
    /// Ambient temperature 环境温度, °C.
    AmbientTemperature,
    /// Phase current 电流, A.
    Current,
    /// Neutral current 中性线电流, A.
    NeutralCurrent,
    /// Phase voltage 电压, V.
    Voltage,
    /// Active power 有功功率, W.
    ActivePower,
    /// Reactive power 无功功率, var.
    ReactivePower,
    /// Apparent power 视在功率, VA.
    ApparentPower,
    /// Power factor 功率因数, no unit.
    PowerFactor,
    /// Frequency 频率, Hz.
    Frequency,
    /// Active energy 电能, kWh.
    Energy,
    /// Arcs counted 故障电弧数, half-cycles in the device's own span of time.
    ArcCount,
    /// Signal strength of the modem 信号强度, 0-31 as the modem gives it.
    SignalStrength,
    /// A switch input or relay output 开关量: 0 open, 1 closed.
    Switch,
    /// The detector as a whole 装置: it has no value; offline and device faults hang on it.
    Device,
}

impl Quantity {
    /// Every quantity, in display order.
    pub const ALL: [Self; 16] = [
        Self::ResidualCurrent,
        Self::ConductorTemperature,
        Self::AmbientTemperature,
        Self::Current,
        Self::NeutralCurrent,
        Self::Voltage,
        Self::ActivePower,
        Self::ReactivePower,
        Self::ApparentPower,
        Self::PowerFactor,
        Self::Frequency,
        Self::Energy,
        Self::ArcCount,
        Self::SignalStrength,
        Self::Switch,
        Self::Device,
    ];

    /// The unit's symbol; empty where the quantity has none.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::ResidualCurrent => "mA",
            Self::ConductorTemperature | Self::AmbientTemperature => "°C",
            Self::Current | Self::NeutralCurrent => "A",
            Self::Voltage => "V",
            Self::ActivePower => "W",
            Self::ReactivePower => "var",
            Self::ApparentPower => "VA",
            Self::Frequency => "Hz",
            Self::Energy => "kWh",
            Self::PowerFactor | Self::ArcCount | Self::SignalStrength | Self::Switch | Self::Device => "",
        }
    }

    /// The stable name used in files, the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ResidualCurrent => "residual_current",
            Self::ConductorTemperature => "conductor_temperature",
            Self::AmbientTemperature => "ambient_temperature",
            Self::Current => "current",
            Self::NeutralCurrent => "neutral_current",
            Self::Voltage => "voltage",
            Self::ActivePower => "active_power",
            Self::ReactivePower => "reactive_power",
            Self::ApparentPower => "apparent_power",
            Self::PowerFactor => "power_factor",
            Self::Frequency => "frequency",
            Self::Energy => "energy",
            Self::ArcCount => "arc_count",
            Self::SignalStrength => "signal_strength",
            Self::Switch => "switch",
            Self::Device => "device",
        }
    }

    /// The quantity with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|q| q.code() == code)
    }
}

/// The conductor that a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// A (L1).
    A,
    /// B (L2).
    B,
    /// C (L3).
    C,
    /// Neutral.
    N,
    /// All conductors together.
    Total,
}

impl Phase {
    /// The stable name used in files, the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::C => "c",
            Self::N => "n",
            Self::Total => "total",
        }
    }

    /// The phase with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::A, Self::B, Self::C, Self::N, Self::Total].into_iter().find(|p| p.code() == code)
    }
}

/// A value exactly as the device sent it: `raw` × 10^-decimals in the quantity's unit.
/// The decimals belong to the channel, so that a stored value is one small integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decimals(pub u8);

impl Decimals {
    /// The value of `raw` in the quantity's unit. Exact for every integer below 2^53.
    #[must_use]
    pub fn value(self, raw: i64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "device integers have at most 32 bits")]
        let raw = raw as f64;
        raw / 10f64.powi(i32::from(self.0))
    }
}
