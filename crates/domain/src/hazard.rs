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
    /// Short circuit 短路: a multiple of the rated current (% of it), or as the device reports it.
    ShortCircuit,
    /// Arc fault 故障电弧: half-cycles counted, or as the device reports it.
    ArcFault,
    /// The circuit has no supply 停电: every phase below its limit (V), or as the device reports it.
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
    /// Conductor that warms too quickly 温升过快 (K/min).
    TemperatureRise,
    /// Currents of the phases too unlike 电流不平衡 (%).
    CurrentUnbalance,
    /// Voltages of the phases too unlike 电压不平衡 (%).
    VoltageUnbalance,
    /// Neutral current over the circuit's rating 中性线过载 (% of rated current).
    NeutralOverload,
    /// Phases in the wrong order 相序错误, as the device reports it.
    PhaseSequence,
    /// Residual current out of proportion to the load 单位负荷泄漏超限 (mA/kW).
    LeakagePerLoad,
    /// Residual current exactly 0 while the circuit carries load 读数恒零 (h): a sensor that is not there.
    SensorZero,
    /// A value that stays the same while the load varies 读数不变 (h).
    SensorStuck,
    /// A step that no conductor can make 读数突跳 (K).
    SensorJump,
    /// A temperature apart from its neighbours without load 读数漂移 (K).
    SensorDrift,
    /// Weeks of history foretell that a loosening terminal gets too hot 预测：端子松动.
    PredictedTerminal,
    /// Weeks of history foretell that the residual current reaches its limit 预测：绝缘劣化.
    PredictedInsulation,
    /// Weeks of history foretell that the load reaches the rated current 预测：将过载.
    PredictedOverload,
}

impl Hazard {
    /// Every hazard and fault: in the order in which they came to be.
    pub const ALL: [Self; 33] = [
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
        Self::TemperatureRise,
        Self::CurrentUnbalance,
        Self::VoltageUnbalance,
        Self::NeutralOverload,
        Self::PhaseSequence,
        Self::LeakagePerLoad,
        Self::SensorZero,
        Self::SensorStuck,
        Self::SensorJump,
        Self::SensorDrift,
        Self::PredictedTerminal,
        Self::PredictedInsulation,
        Self::PredictedOverload,
    ];

    /// Those that the diagnosis foretells from weeks of history, before anything is measured beyond a limit.
    pub const PREDICTED: [Self; 3] =
        [Self::PredictedTerminal, Self::PredictedInsulation, Self::PredictedOverload];

    /// The hazards and faults of sensors that are judged by limits on measured values.
    pub const MEASURED: [Self; 18] = [
        Self::ResidualCurrent,
        Self::LeakagePerLoad,
        Self::OverTemperature,
        Self::TemperatureRise,
        Self::OverVoltage,
        Self::UnderVoltage,
        Self::VoltageUnbalance,
        Self::Overload,
        Self::ShortCircuit,
        Self::CurrentUnbalance,
        Self::NeutralOverload,
        Self::PhaseLoss,
        Self::PowerFailure,
        Self::ArcFault,
        Self::SensorZero,
        Self::SensorStuck,
        Self::SensorJump,
        Self::SensorDrift,
    ];

    /// Whether it is judged by limits on measured values.
    #[must_use]
    pub fn is_measured(self) -> bool {
        Self::MEASURED.contains(&self)
    }

    /// Whether it is foretold and not there yet.
    #[must_use]
    pub fn is_predicted(self) -> bool {
        Self::PREDICTED.contains(&self)
    }

    /// Whether one value of its channel alone decides, in the unit of the channel's quantity; the others need the
    /// other channels of the detector, or what was before. Phase loss has a rule of its own and counts here.
    #[must_use]
    pub const fn is_of_one_value(self) -> bool {
        !matches!(
            self,
            Self::TemperatureRise
                | Self::CurrentUnbalance
                | Self::VoltageUnbalance
                | Self::PowerFailure
                | Self::LeakagePerLoad
                | Self::SensorZero
                | Self::SensorStuck
                | Self::SensorJump
                | Self::SensorDrift
        )
    }

    /// The unit of its value and limit where that is not the unit of the channel's quantity.
    #[must_use]
    pub const fn own_unit(self) -> Option<&'static str> {
        match self {
            Self::TemperatureRise => Some("K/min"),
            Self::CurrentUnbalance | Self::VoltageUnbalance => Some("%"),
            Self::LeakagePerLoad => Some("mA/kW"),
            Self::SensorZero | Self::SensorStuck => Some("h"),
            Self::SensorJump | Self::SensorDrift => Some("K"),
            Self::ResidualCurrent
            | Self::OverTemperature
            | Self::OverVoltage
            | Self::UnderVoltage
            | Self::Overload
            | Self::PhaseLoss
            | Self::ShortCircuit
            | Self::ArcFault
            | Self::PowerFailure
            | Self::NeutralOverload
            | Self::PhaseSequence
            | Self::Offline
            | Self::SensorOpen
            | Self::SensorShort
            | Self::DeviceFault
            | Self::Implausible
            | Self::Frozen
            | Self::ClockWrong
            | Self::SupplyLost
            | Self::WeakSignal
            | Self::SwitchFailed
            | Self::UnassignedAlarm
            | Self::PredictedTerminal
            | Self::PredictedInsulation
            | Self::PredictedOverload => None,
        }
    }

    /// The quantities of the detector's other channels that it is judged with.
    #[must_use]
    pub const fn judged_with(self) -> &'static [Quantity] {
        match self {
            Self::PhaseLoss | Self::UnderVoltage | Self::PowerFailure | Self::VoltageUnbalance => {
                &[Quantity::Voltage]
            }
            Self::CurrentUnbalance | Self::SensorZero | Self::SensorStuck => &[Quantity::Current],
            Self::LeakagePerLoad => &[Quantity::ActivePower, Quantity::Current, Quantity::Voltage],
            Self::SensorDrift => &[Quantity::ConductorTemperature, Quantity::Current],
            Self::ResidualCurrent
            | Self::OverTemperature
            | Self::OverVoltage
            | Self::Overload
            | Self::ShortCircuit
            | Self::ArcFault
            | Self::NeutralOverload
            | Self::TemperatureRise
            | Self::SensorJump
            | Self::PhaseSequence
            | Self::Offline
            | Self::SensorOpen
            | Self::SensorShort
            | Self::DeviceFault
            | Self::Implausible
            | Self::Frozen
            | Self::ClockWrong
            | Self::SupplyLost
            | Self::WeakSignal
            | Self::SwitchFailed
            | Self::UnassignedAlarm
            | Self::PredictedTerminal
            | Self::PredictedInsulation
            | Self::PredictedOverload => &[],
        }
    }

    /// Whether devices tie it to points that are not judged for it, as a word of their own.
    #[must_use]
    pub const fn is_a_word_of_devices(self) -> bool {
        matches!(self, Self::ShortCircuit | Self::ArcFault | Self::PowerFailure)
    }

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
            | Self::TemperatureRise
            | Self::CurrentUnbalance
            | Self::VoltageUnbalance
            | Self::NeutralOverload
            | Self::PhaseSequence
            | Self::LeakagePerLoad
            | Self::UnassignedAlarm
            | Self::PredictedTerminal
            | Self::PredictedInsulation
            | Self::PredictedOverload => Class::Hazard,
            Self::Offline
            | Self::SensorOpen
            | Self::SensorShort
            | Self::DeviceFault
            | Self::Implausible
            | Self::Frozen
            | Self::ClockWrong
            | Self::SupplyLost
            | Self::WeakSignal
            | Self::SensorZero
            | Self::SensorStuck
            | Self::SensorJump
            | Self::SensorDrift
            | Self::SwitchFailed => Class::Fault,
        }
    }

    /// The measured hazards that a quantity is judged for.
    #[must_use]
    pub const fn of_quantity(quantity: Quantity) -> &'static [Self] {
        match quantity {
            Quantity::ResidualCurrent => {
                &[Self::ResidualCurrent, Self::LeakagePerLoad, Self::SensorZero, Self::SensorStuck]
            }
            Quantity::ConductorTemperature => &[
                Self::OverTemperature,
                Self::TemperatureRise,
                Self::SensorStuck,
                Self::SensorJump,
                Self::SensorDrift,
            ],
            Quantity::Voltage => &[
                Self::OverVoltage,
                Self::UnderVoltage,
                Self::PhaseLoss,
                Self::VoltageUnbalance,
                Self::PowerFailure,
            ],
            Quantity::Current => &[Self::Overload, Self::ShortCircuit, Self::CurrentUnbalance],
            Quantity::NeutralCurrent => &[Self::NeutralOverload],
            Quantity::ArcCount => &[Self::ArcFault],
            Quantity::AmbientTemperature
            | Quantity::ActivePower
            | Quantity::ReactivePower
            | Quantity::ApparentPower
            | Quantity::PowerFactor
            | Quantity::Frequency
            | Quantity::Energy
            | Quantity::SignalStrength
            | Quantity::Switch
            | Quantity::Device => &[],
        }
    }

    /// Whether the hazard is a value below its limit rather than above.
    #[must_use]
    pub const fn is_low(self) -> bool {
        matches!(self, Self::UnderVoltage | Self::PhaseLoss | Self::PowerFailure)
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
            Self::TemperatureRise => "temperature_rise",
            Self::CurrentUnbalance => "current_unbalance",
            Self::VoltageUnbalance => "voltage_unbalance",
            Self::NeutralOverload => "neutral_overload",
            Self::PhaseSequence => "phase_sequence",
            Self::LeakagePerLoad => "leakage_per_load",
            Self::SensorZero => "sensor_zero",
            Self::SensorStuck => "sensor_stuck",
            Self::SensorJump => "sensor_jump",
            Self::SensorDrift => "sensor_drift",
            Self::PredictedTerminal => "predicted_terminal",
            Self::PredictedInsulation => "predicted_insulation",
            Self::PredictedOverload => "predicted_overload",
        }
    }

    /// The hazard with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|h| h.code() == code)
    }
}
