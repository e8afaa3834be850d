//! The hazards and faults that Emberwatch knows (H1, F5), and how bad they can be.

use serde::{Deserialize, Serialize};

use crate::quantity::Quantity;

/// How bad, in rising order. Colours after GB 14287.1-2014 4.9.2: fault yellow, alarm red; warning (预警) orange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The detector or its connection needs care 故障.
    Fault,
    /// Pre-alarm 预警: look into it.
    Warning,
    /// Alarm 报警: act now.
    Alarm,
}

impl Severity {
    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Warning => "warning",
            Self::Alarm => "alarm",
        }
    }

    /// The severity with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Fault, Self::Warning, Self::Alarm].into_iter().find(|s| s.code() == code)
    }
}

/// Whether the circuit is in danger, or the watching of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The circuit.
    Hazard,
    /// The detector, its sensors or its line.
    Fault,
}

/// What can be wrong. Measured hazards have limits; the others are reported by the device or found by supervision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hazard {
    /// Residual current over its limit 剩余电流超限 (mA).
    ResidualCurrent,
    /// Conductor over its temperature limit 线缆温度超限 (°C).
    OverTemperature,
    /// Voltage over its limit 过压 (V).
    OverVoltage,
    /// Voltage under its limit 欠压 (V).
    UnderVoltage,
    /// Current over the circuit's rating 过载 (% of rated current).
    Overload,
    /// One phase missing while others are there 缺相 (V).
    PhaseLoss,
    /// Short circuit 短路, as the device reports it.
    ShortCircuit,
    /// Arc fault 故障电弧, as the device reports it.
    ArcFault,
    /// The circuit has no supply 停电, as the device reports it.
    PowerFailure,
    /// Nothing heard for longer than the profile allows 离线.
    Offline,
    /// Sensor line open 传感器断线.
    SensorOpen,
    /// Sensor line shorted 传感器短路.
    SensorShort,
    /// The device reports a fault of its own 装置故障.
    DeviceFault,
    /// A reading that cannot be 数据异常.
    Implausible,
    /// The detector speaks, but nothing new has come for too long 数据冻结.
    Frozen,
    /// The device's clock is wrong 时钟错误.
    ClockWrong,
    /// The detector's own supply is lost 装置失电.
    SupplyLost,
    /// The modem's signal is weak 信号弱.
    WeakSignal,
    /// A breaker did not follow a trip or close 分合闸失败, found by reading it back.
    SwitchFailed,
    /// A fire alarm of a component that no detector has 未登记部件报警, on the detector that stands for the terminal. It ends
    /// when a person says so: which component it was, only the terminal's events say.
    UnassignedAlarm,
}

impl Hazard {
    /// Every hazard and fault, hazards first.
    pub const ALL: [Self; 20] = [
        Self::ResidualCurrent,
        Self::OverTemperature,
        Self::OverVoltage,
        Self::UnderVoltage,
        Self::Overload,
        Self::PhaseLoss,
        Self::ShortCircuit,
        Self::ArcFault,
        Self::PowerFailure,
        Self::Offline,
        Self::SensorOpen,
        Self::SensorShort,
        Self::DeviceFault,
        Self::Implausible,
        Self::Frozen,
        Self::ClockWrong,
        Self::SupplyLost,
        Self::WeakSignal,
        Self::SwitchFailed,
        Self::UnassignedAlarm,
    ];

    /// The hazards that are judged by limits on measured values.
    pub const MEASURED: [Self; 6] = [
        Self::ResidualCurrent,
        Self::OverTemperature,
        Self::OverVoltage,
        Self::UnderVoltage,
        Self::Overload,
        Self::PhaseLoss,
    ];

    /// Whether it is there until a person who has looked says that it is gone: neither values nor words of the device end it.
    #[must_use]
    pub const fn ends_by_hand(self) -> bool {
        matches!(self, Self::SwitchFailed | Self::UnassignedAlarm)
    }

    /// Circuit or detector.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::ResidualCurrent
            | Self::OverTemperature
            | Self::OverVoltage
            | Self::UnderVoltage
            | Self::Overload
            | Self::PhaseLoss
            | Self::ShortCircuit
            | Self::ArcFault
            | Self::PowerFailure
            | Self::UnassignedAlarm => Class::Hazard,
            Self::Offline
            | Self::SensorOpen
            | Self::SensorShort
            | Self::DeviceFault
            | Self::Implausible
            | Self::Frozen
            | Self::ClockWrong
            | Self::SupplyLost
            | Self::WeakSignal
            | Self::SwitchFailed => Class::Fault,
        }
    }

    /// The measured hazards that a quantity is judged for.
    #[must_use]
    pub const fn of_quantity(quantity: Quantity) -> &'static [Self] {
        match quantity {
            Quantity::ResidualCurrent => &[Self::ResidualCurrent],
            Quantity::ConductorTemperature => &[Self::OverTemperature],
            Quantity::Voltage => &[Self::OverVoltage, Self::UnderVoltage, Self::PhaseLoss],
            Quantity::Current => &[Self::Overload],
            Quantity::AmbientTemperature
            | Quantity::NeutralCurrent
            | Quantity::ActivePower
            | Quantity::ReactivePower
            | Quantity::ApparentPower
            | Quantity::PowerFactor
            | Quantity::Frequency
            | Quantity::Energy
            | Quantity::ArcCount
            | Quantity::SignalStrength
            | Quantity::Switch
            | Quantity::Device => &[],
        }
    }

    /// Whether the hazard is a value below its limit rather than above.
    #[must_use]
    pub const fn is_low(self) -> bool {
        matches!(self, Self::UnderVoltage | Self::PhaseLoss)
    }

    /// The stable name used in files, the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ResidualCurrent => "residual_current",
            Self::OverTemperature => "over_temperature",
            Self::OverVoltage => "over_voltage",
            Self::UnderVoltage => "under_voltage",
            Self::Overload => "overload",
            Self::PhaseLoss => "phase_loss",
            Self::ShortCircuit => "short_circuit",
            Self::ArcFault => "arc_fault",
            Self::PowerFailure => "power_failure",
            Self::Offline => "offline",
            Self::SensorOpen => "sensor_open",
            Self::SensorShort => "sensor_short",
            Self::DeviceFault => "device_fault",
            Self::Implausible => "implausible",
            Self::Frozen => "frozen",
            Self::ClockWrong => "clock_wrong",
            Self::SupplyLost => "supply_lost",
            Self::WeakSignal => "weak_signal",
            Self::SwitchFailed => "switch_failed",
            Self::UnassignedAlarm => "unassigned_alarm",
        }
    }

    /// The hazard with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|h| h.code() == code)
    }
}
