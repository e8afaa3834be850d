//! The words of the API. They are the domain's words, written down a second time on purpose: a word that is
//! renamed in the domain must not silently change for every client (invariant 12).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident = $domain:ty { $($(#[$word:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$word])* $variant),+ }

        impl From<$domain> for $name {
            fn from(word: $domain) -> Self {
                match word { $(<$domain>::$variant => Self::$variant),+ }
            }
        }

        impl From<$name> for $domain {
            fn from(word: $name) -> Self {
                match word { $($name::$variant => Self::$variant),+ }
            }
        }
    };
}

mirror! {
    /// What weeks of history show.
    FindingKind = domain::diagnosis::Kind {
        /// A terminal heats more per ampere squared than it did four weeks ago, and more so than its neighbours.
        LooseningTerminal,
        /// A terminal heats much more per ampere squared than the other phases.
        UnequalHeating,
        /// Leakage rises and will reach the limit.
        AgeingInsulation,
        /// One load brings leakage when it is switched on.
        LeakingLoad,
        /// The peaks of the load rise and will reach the rated current.
        OverloadAhead,
        /// The circuit is used in hours in which it used to rest.
        AfterHours,
        /// A battery is charged in the evening or at night.
        EbikeCharging,
        /// The neutral carries as much as the phases.
        NeutralHeating,
        /// The voltage gives way more per ampere than it did four weeks ago.
        AgeingSupply,
    }
}

mirror! {
    /// Whether somebody has to look at a finding.
    FindingStrength = domain::diagnosis::Strength {
        /// It stands on the analysis page only.
        Weak,
        /// Somebody has to look at it.
        Strong,
    }
}

mirror! {
    /// How a risk is called: 低风险、一般风险、较大风险、重大风险.
    RiskGrade = domain::risk::Grade {
        /// Little is known to be wrong.
        Low,
        /// Something is to be done in time.
        Moderate,
        /// Something is to be done soon.
        High,
        /// Something is to be done now.
        Grave,
    }
}

mirror! {
    /// What somebody is to the premises.
    Capacity = domain::alarm::note::Capacity {
        /// The contact that the site's record names.
        SiteContact,
        /// Owner or manager.
        Owner,
        /// Who repairs.
        Electrician,
        /// Who looks after the building.
        Property,
        /// The fire brigade.
        FireBrigade,
        /// Whose network feeds the premises.
        PowerSupplier,
        /// Anybody else.
        Other,
    }
}

mirror! {
    /// What came of a call.
    CallOutcome = domain::alarm::note::CallOutcome {
        /// Spoken to.
        Reached,
        /// Nobody answered.
        NotReached,
        /// The line was engaged.
        Busy,
    }
}

mirror! {
    /// How far somebody who was sent has got.
    DispatchState = domain::alarm::note::DispatchState {
        /// On the way.
        Out,
        /// There.
        Arrived,
        /// Done.
        Finished,
        /// Not to go after all.
        Withdrawn,
    }
}

mirror! {
    /// What is asked of the history.
    Analysis = domain::diagnosis::Analysis {
        /// Temperature against current squared.
        Thermal,
        /// Leakage over weeks.
        Insulation,
        /// Which load leaks.
        Loads,
        /// Peaks of the load.
        Overload,
        /// When the circuit is used.
        Usage,
        /// Supply voltage against current.
        Supply,
        /// Neutral current against the phases.
        Neutral,
    }
}

mirror! {
    /// Why an analysis could not be made.
    LackReason = domain::diagnosis::LackReason {
        /// The detector does not measure what is needed.
        NotMeasured,
        /// There is too little history.
        TooShort,
        /// The load hardly changes.
        SteadyLoad,
        /// The circuit's rated current is not known.
        NoRating,
    }
}

mirror! {
    /// How bad.
    Severity = domain::hazard::Severity {
        /// Act now.
        Alarm,
        /// Look into it.
        Warning,
        /// The detector or its line needs care.
        Fault,
    }
}

mirror! {
    /// Whether the circuit is in danger, or the watching of it.
    Class = domain::hazard::Class {
        /// The circuit.
        Hazard,
        /// The detector, its sensors or its line.
        Fault,
    }
}

mirror! {
    /// What is wrong.
    Hazard = domain::hazard::Hazard {
        /// Residual current, mA.
        ResidualCurrent,
        /// Conductor temperature, °C.
        OverTemperature,
        /// Voltage too high, V.
        OverVoltage,
        /// Voltage too low, V.
        UnderVoltage,
        /// Current above the circuit's rating, % of it.
        Overload,
        /// A phase is missing, V.
        PhaseLoss,
        /// Short circuit: a multiple of the circuit's rating, % of it, or as the device reports it.
        ShortCircuit,
        /// Arc fault: half-cycles counted, or as the device reports it.
        ArcFault,
        /// No supply: every phase below its limit, V, or as the device reports it.
        PowerFailure,
        /// Silent for too long.
        Offline,
        /// Sensor line open.
        SensorOpen,
        /// Sensor line shorted.
        SensorShort,
        /// The device reports a fault of its own.
        DeviceFault,
        /// A reading that cannot be.
        Implausible,
        /// The value has not moved for too long.
        Frozen,
        /// The device's clock is wrong.
        ClockWrong,
        /// The detector's own supply is lost.
        SupplyLost,
        /// The modem's signal is weak.
        WeakSignal,
        /// A breaker did not follow a trip or close.
        SwitchFailed,
        /// A fire alarm of a component that no detector has; it ends by hand.
        UnassignedAlarm,
        /// A conductor warms too quickly, K/min.
        TemperatureRise,
        /// Currents of the phases too unlike, % of their mean.
        CurrentUnbalance,
        /// Voltages of the phases too unlike, negative over positive sequence, %.
        VoltageUnbalance,
        /// Neutral current above the circuit's rating, % of it.
        NeutralOverload,
        /// Phases in the wrong order, as the device reports it.
        PhaseSequence,
        /// Residual current out of proportion to the load, mA/kW.
        LeakagePerLoad,
        /// Residual current exactly 0 under load, h.
        SensorZero,
        /// A value that stays the same while the load varies, h.
        SensorStuck,
        /// A step that no conductor can make, K.
        SensorJump,
        /// A temperature apart from its neighbours without load, K.
        SensorDrift,
        /// A loosening terminal will get too hot 预测：端子松动, foretold by the diagnosis.
        PredictedTerminal,
        /// The residual current will reach its limit 预测：绝缘劣化, foretold by the diagnosis.
        PredictedInsulation,
        /// The load will reach the rated current 预测：将过载, foretold by the diagnosis.
        PredictedOverload,
    }
}

mirror! {
    /// What is known about the edition of a standard.
    RuleSetStanding = domain::settings::Standing {
        /// In force.
        InForce,
        /// Published, not the one that limits rest on yet.
        Announced,
        /// Named by practice; its text has not been looked at.
        Unconfirmed,
    }
}

mirror! {
    /// The common cause of the alarms of an incident.
    IncidentKind = domain::incident::Kind {
        /// Many detectors of one place silent or without supply at once.
        FeederLoss,
        /// Under-voltage at many sites of one area within seconds.
        VoltageSag,
        /// A circuit leaks, and the detector of the incoming line sees it too.
        LeakUpstream,
        /// Joined by a person.
        ByHand,
    }
}

mirror! {
    /// Where an alarm stands in its life.
    AlarmState = domain::alarm::AlarmState {
        /// Present, nobody has it.
        Unacknowledged,
        /// Present, somebody has it.
        Acknowledged,
        /// Gone before anybody took it.
        ReturnedUnacknowledged,
        /// Gone, held for reset, nobody has it.
        LatchedUnacknowledged,
        /// Gone, held for reset, somebody has it.
        LatchedAcknowledged,
        /// Over.
        Closed,
    }
}

mirror! {
    /// What is measured.
    Quantity = domain::quantity::Quantity {
        /// mA.
        ResidualCurrent,
        /// °C.
        ConductorTemperature,
        /// °C.
        AmbientTemperature,
        /// A.
        Current,
        /// A.
        NeutralCurrent,
        /// V.
        Voltage,
        /// W.
        ActivePower,
        /// var.
        ReactivePower,
        /// VA.
        ApparentPower,
        /// No unit.
        PowerFactor,
        /// Hz.
        Frequency,
        /// kWh.
        Energy,
        /// Half-cycles with arcs; no unit.
        ArcCount,
        /// 0 to 31.
        SignalStrength,
        /// 0 open, 1 closed.
        Switch,
        /// The device as a whole; no value.
        Device,
    }
}

mirror! {
    /// On which conductor.
    Phase = domain::quantity::Phase {
        /// L1.
        A,
        /// L2.
        B,
        /// L3.
        C,
        /// Neutral.
        N,
        /// All together.
        Total,
    }
}

mirror! {
    /// The condition at a glance. Silence is never normal.
    Status = domain::status::Status {
        /// An alarm is open.
        Alarm,
        /// A warning is open.
        Warning,
        /// A fault is open.
        Fault,
        /// Silent for too long.
        Offline,
        /// Heard in time, nothing open.
        Normal,
        /// Never heard.
        Unknown,
    }
}

mirror! {
    /// How a terminal speaks.
    Protocol = domain::place::Protocol {
        /// Vendor cloud frames.
        #[serde(rename = "cloud_7b7b")]
        Cloud7b7b,
        /// Transparent DTU line, asked in Modbus-RTU or DL/T 645.
        ModbusRtu,
        /// Modbus TCP, dialled or dialling in.
        ModbusTcp,
        /// DL/T 645-2007 meters behind a transparent line.
        Dlt645,
        /// GB/T 26875.3 transmission devices.
        Gb26875,
        /// Vendor gateway frames.
        #[serde(rename = "gateway_1f1f")]
        Gateway1f1f,
        /// Messages with named values over MQTT, HTTP, CoAP or a carrier's push.
        Telemetry,
    }
}

mirror! {
    /// What kind of proof.
    CredentialKind = domain::place::CredentialKind {
        /// A token made by the platform; also the password of MQTT.
        Token,
        /// A client certificate.
        Certificate,
        /// A secret that both ends know.
        SharedSecret,
    }
}

mirror! {
    /// Which telegrams are kept.
    TelegramLevel = domain::telegram::TelegramLevel {
        /// Every frame, both ways.
        All,
        /// Only what was refused.
        Refused,
        /// None.
        Off,
    }
}

mirror! {
    /// What a person is to the platform.
    Role = domain::access::Role {
        /// May do everything.
        Administrator,
        /// Runs a group's or market's safety.
        SafetyManager,
        /// On duty in the monitoring centre.
        Operator,
        /// Maintains circuits and detectors.
        Electrician,
        /// Owns or manages premises.
        Owner,
        /// Supervises.
        Regulator,
    }
}

mirror! {
    /// How an alarm is set aside: open, but told to nobody.
    AsideKind = domain::alarm::AsideKind {
        /// On the shelf, by a person.
        Shelved,
        /// Suppressed by a maintenance window.
        Maintenance,
        /// Suppressed by design: another alarm of the detector explains it.
        Design,
    }
}

mirror! {
    /// What an alarm was in truth.
    Verdict = domain::alarm::Verdict {
        /// As it said.
        TrueHazard,
        /// It needed nobody.
        Nuisance,
        /// A test.
        Test,
        /// Works at the installation.
        Works,
    }
}

mirror! {
    /// In which way an alarm wears people out.
    NuisancePattern = domain::alarm::nuisance::Pattern {
        /// Comes and goes three times in a minute or more.
        Chattering,
        /// Is gone before anybody can act.
        Fleeting,
        /// Stands for more than a day.
        Stale,
    }
}

mirror! {
    /// A delay of the judgement.
    NuisanceDelay = domain::alarm::nuisance::Delay {
        /// Before it counts as there.
        On,
        /// Before it counts as gone.
        Off,
    }
}

mirror! {
    /// One thing that a role may do.
    Permission = domain::access::Permission {
        /// See sites, detectors, values, alarms.
        #[serde(rename = "view")]
        View,
        /// Acknowledge alarms.
        #[serde(rename = "alarm.acknowledge")]
        AlarmAcknowledge,
        /// Reset latched alarms.
        #[serde(rename = "alarm.reset")]
        AlarmReset,
        /// Comment on alarms.
        #[serde(rename = "alarm.comment")]
        AlarmComment,
        /// Put alarms on the shelf and bring them back.
        #[serde(rename = "alarm.shelve")]
        AlarmShelve,
        /// Make and end maintenance windows.
        #[serde(rename = "alarm.suppress")]
        AlarmSuppress,
        /// Admit or refuse pending terminals.
        #[serde(rename = "device.admit")]
        DeviceAdmit,
        /// Change sites, panels, circuits, detectors.
        #[serde(rename = "device.configure")]
        DeviceConfigure,
        /// Change limits and supervision.
        #[serde(rename = "settings.edit")]
        SettingsEdit,
        /// Write detector profiles and try them.
        #[serde(rename = "profile.edit")]
        ProfileEdit,
        /// Accounts, roles, organisations.
        #[serde(rename = "people.manage")]
        PeopleManage,
        /// Read the audit log.
        #[serde(rename = "audit.view")]
        AuditView,
        /// Read raw telegrams.
        #[serde(rename = "telegram.view")]
        TelegramView,
        /// Make and revoke API tokens.
        #[serde(rename = "token.manage")]
        TokenManage,
        /// Let a detector test itself, mute it.
        #[serde(rename = "command.send")]
        CommandSend,
        /// Change what a detector keeps.
        #[serde(rename = "command.set")]
        CommandSet,
        /// Trip and close breakers.
        #[serde(rename = "command.switch")]
        CommandSwitch,
        /// Be the second person of a switching command.
        #[serde(rename = "command.approve")]
        CommandApprove,
        /// Read registers as they are.
        #[serde(rename = "command.raw")]
        CommandRaw,
    }
}

mirror! {
    /// What a device can be asked to do.
    CommandKind = domain::command::CommandKind {
        /// Test itself.
        SelfTest,
        /// Be silent; the alarm stays.
        Mute,
        /// Let an alarm go that it holds.
        Reset,
        /// Open its breaker.
        Trip,
        /// Close its breaker.
        Close,
        /// Take a limit or a delay.
        SetPoint,
        /// Report at another interval.
        ReportingPeriod,
        /// Take the server's time.
        Clock,
        /// Tell registers as they are.
        RawRead,
    }
}

mirror! {
    /// Why a command went the way it went.
    CommandOutcome = domain::command::Outcome {
        /// The device answered with an exception of its protocol.
        DeviceException,
        /// The device refused in words.
        DeviceRefused,
        /// The line's protocol has no such command.
        Unsupported,
        /// No answer in time.
        NoAnswer,
        /// The line broke before the answer.
        LineLost,
        /// The line was not open after all.
        NotConnected,
        /// The line was busy with something else.
        Busy,
        /// The circuit is one that is never switched from afar.
        Interlocked,
        /// The switch is not where it was told to go.
        SwitchDidNotMove,
        /// The device holds another value than it was told.
        ValueDiffers,
        /// What it does could not be read back in time.
        NotReadable,
        /// The device did not come in time.
        Expired,
        /// A person took it back.
        #[serde(rename = "cancelled")]
        CancelledByPerson,
        /// A person stopped the batch that it belongs to.
        BatchStopped,
        /// The process ended while the answer was out.
        UnknownAfterRestart,
        /// The detector is gone, or stands behind another terminal.
        DetectorGone,
        /// The model has no such command, or the value does not fit it.
        NoSuchCommand,
    }
}

mirror! {
    /// Why a circuit is never switched from afar.
    Interlock = domain::command::Interlock {
        /// Fire pump.
        FirePump,
        /// Smoke exhaust and pressurisation fans.
        SmokeExhaust,
        /// Fire-fighting lift.
        FireLift,
        /// Lift.
        Lift,
        /// Medical equipment.
        Medical,
        /// Emergency lighting.
        EmergencyLighting,
        /// Fire alarm and linkage equipment.
        FireAlarm,
    }
}

mirror! {
    /// Which field of a limit.
    LimitField = domain::profile::LimitField {
        /// The warning level.
        Warning,
        /// The alarm level.
        Alarm,
        /// How long the condition must persist, s.
        OnDelayS,
    }
}

mirror! {
    /// A level of the inheritance of settings.
    ScopeKind = domain::settings::ScopeKind {
        /// The platform's defaults.
        Platform,
        /// A detector model.
        Profile,
        /// An organisation and all below it.
        Organisation,
        /// One premises.
        Site,
        /// One detector.
        Detector,
        /// One channel.
        Channel,
    }
}

mirror! {
    /// Seen from the platform.
    Direction = domain::telegram::TelegramDirection {
        /// From the device.
        Up,
        /// To the device.
        Down,
    }
}

/// What is known about a value beside the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Measured, plausible.
    Good,
    /// The sensor's line is open; there is no value.
    SensorOpen,
    /// The sensor's line is shorted; there is no value.
    SensorShort,
    /// A number that cannot be.
    Implausible,
    /// The device could not read its own part.
    DeviceFault,
    /// Good, but filed under receive time because the device's clock was wrong.
    StaleClock,
}

impl From<domain::reading::Quality> for Quality {
    fn from(quality: domain::reading::Quality) -> Self {
        match quality {
            domain::reading::Quality::Good => Self::Good,
            domain::reading::Quality::SensorOpen => Self::SensorOpen,
            domain::reading::Quality::SensorShort => Self::SensorShort,
            domain::reading::Quality::Implausible => Self::Implausible,
            domain::reading::Quality::DeviceFault => Self::DeviceFault,
        }
    }
}

/// A language of the screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Language {
    /// 简体中文.
    #[serde(rename = "zh-CN")]
    ZhCn,
    /// 繁體中文.
    #[serde(rename = "zh-TW")]
    ZhTw,
    /// English.
    #[serde(rename = "en")]
    En,
}

impl From<Language> for domain::guidance::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::ZhCn => Self::ZhCn,
            Language::ZhTw => Self::ZhTw,
            Language::En => Self::En,
        }
    }
}

impl Language {
    /// The tag, as stored.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::ZhCn => "zh-CN",
            Self::ZhTw => "zh-TW",
            Self::En => "en",
        }
    }

    /// The language of a stored tag; unknown tags mean the default.
    #[must_use]
    pub fn of_tag(tag: &str) -> Self {
        match tag {
            "zh-TW" => Self::ZhTw,
            "en" => Self::En,
            _ => Self::ZhCn,
        }
    }
}

/// The text of a word, as it stands in JSON.
#[must_use]
pub fn word<T: Serialize>(value: T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_domains() {
        for hazard in domain::hazard::Hazard::ALL {
            assert_eq!(word(Hazard::from(hazard)), hazard.code());
        }
        for state in domain::alarm::AlarmState::ALL {
            assert_eq!(word(AlarmState::from(state)), state.code());
        }
        for quantity in domain::quantity::Quantity::ALL {
            assert_eq!(word(Quantity::from(quantity)), quantity.code());
        }
        for role in domain::access::Role::ALL {
            assert_eq!(word(Role::from(role)), role.code());
            for permission in role.permissions() {
                assert_eq!(word(Permission::from(*permission)), word(permission));
            }
        }
        for kind in domain::command::CommandKind::ALL {
            assert_eq!(word(CommandKind::from(kind)), kind.code());
        }
        for outcome in domain::command::Outcome::ALL {
            assert_eq!(word(CommandOutcome::from(outcome)), outcome.code());
        }
        for interlock in domain::command::Interlock::ALL {
            assert_eq!(word(Interlock::from(interlock)), interlock.code());
        }
        for field in domain::profile::LimitField::ALL {
            assert_eq!(word(LimitField::from(field)), field.code());
        }
        for kind in domain::settings::ScopeKind::ALL {
            assert_eq!(word(ScopeKind::from(kind)), kind.code());
        }
        for status in domain::status::Status::ALL {
            assert_eq!(word(Status::from(status)), status.code());
        }
        for protocol in domain::place::Protocol::ALL {
            assert_eq!(word(Protocol::from(protocol)), protocol.code());
        }
    }
}

mirror! {
    /// What a search for the circuit that leaks shows.
    WalkOutcome = domain::walk::Outcome {
        /// One breaker holds at least half of the current.
        Found,
        /// One breaker holds the largest part, but less than half.
        Shared,
        /// The current moved by itself as much as by the largest drop.
        Unsteady,
        /// No breaker changed the current by more than its readings moved by themselves.
        NoneFound,
    }
}
