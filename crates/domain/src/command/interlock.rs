//! Loads that are never switched from afar: cutting them can kill, or takes away what fights a fire.

use serde::{Deserialize, Serialize};

/// Why a circuit is never switched from afar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interlock {
    /// Fire pump 消防水泵.
    FirePump,
    /// Smoke exhaust and pressurisation fans 防排烟风机.
    SmokeExhaust,
    /// Fire-fighting lift 消防电梯.
    FireLift,
    /// Lift 电梯.
    Lift,
    /// Medical equipment 医疗.
    Medical,
    /// Emergency lighting and evacuation signs 应急照明.
    EmergencyLighting,
    /// Fire alarm and linkage equipment 火灾报警.
    FireAlarm,
}

impl Interlock {
    /// Every interlock.
    pub const ALL: [Self; 7] = [
        Self::FirePump,
        Self::SmokeExhaust,
        Self::FireLift,
        Self::Lift,
        Self::Medical,
        Self::EmergencyLighting,
        Self::FireAlarm,
    ];

    /// The circuit's `load_kind` that means it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::FirePump => "fire_pump",
            Self::SmokeExhaust => "smoke_exhaust",
            Self::FireLift => "fire_lift",
            Self::Lift => "lift",
            Self::Medical => "medical",
            Self::EmergencyLighting => "emergency_lighting",
            Self::FireAlarm => "fire_alarm",
        }
    }

    /// Words that mean it where an operator wrote a kind of load of their own.
    const fn words(self) -> &'static [&'static str] {
        match self {
            Self::FirePump => &["消防", "fire pump", "喷淋"],
            Self::SmokeExhaust => &["排烟", "送风", "smoke"],
            Self::FireLift => &["消防电梯", "fire lift"],
            Self::Lift => &["电梯", "電梯", "elevator", "lift"],
            Self::Medical => &["医疗", "醫療", "手术", "手術", "medical", "icu"],
            Self::EmergencyLighting => &["应急", "應急", "疏散", "emergency"],
            Self::FireAlarm => &["火灾报警", "火災報警", "fire alarm"],
        }
    }
}

/// Whether a circuit with this `load_kind` is never switched from afar. The kind is an operator's own word, so that a
/// known code and a telling word both count: a word too many costs a walk to the breaker, one too few could cost more.
#[must_use]
pub fn interlock(load_kind: &str) -> Option<Interlock> {
    let kind = load_kind.trim().to_lowercase();
    let by_code = Interlock::ALL.into_iter().find(|interlock| interlock.code() == kind);
    by_code.or_else(|| Interlock::ALL.into_iter().find(|i| i.words().iter().any(|word| kind.contains(word))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_codes_and_telling_words_are_never_switched() {
        for one in Interlock::ALL {
            assert_eq!(interlock(one.code()), Some(one));
        }
        assert_eq!(interlock(" Fire_Pump "), Some(Interlock::FirePump));
        assert_eq!(interlock("地下室消防泵房"), Some(Interlock::FirePump));
        assert_eq!(interlock("货梯及客用电梯"), Some(Interlock::Lift));
        assert_eq!(interlock("2F Emergency exit signs"), Some(Interlock::EmergencyLighting));
        for free in ["", "lighting", "sockets", "air_conditioning", "kitchen", "motor", "incoming", "mixed"] {
            assert_eq!(interlock(free), None, "{free}");
        }
    }
}
