//! The standards that the defaults rest on, with edition and dates, as data: the family GB 14287 is being replaced part by
//! part, and a limit must say by which edition it stands.

use serde::Serialize;

use crate::hazard::Hazard;

/// What is known about an edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// In force.
    InForce,
    /// Published, not the one that limits rest on yet.
    Announced,
    /// Named by practice; its text has not been looked at.
    Unconfirmed,
}

/// One edition of a standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RuleSet {
    /// The standard's number.
    pub standard: &'static str,
    /// Its edition, a year.
    pub edition: &'static str,
    /// What it is about, in its own language.
    pub title: &'static str,
    /// In force from this day on, `YYYY-MM-DD`; `None` where the day is not known here.
    pub valid_from: Option<&'static str>,
    /// In force until the day before this; `None` while no other replaces it on a known day.
    pub valid_to: Option<&'static str>,
    /// What it is to us.
    pub standing: Standing,
    /// The hazards whose limits rest on it.
    pub hazards: &'static [Hazard],
}

impl RuleSet {
    /// Whether it is known to be in force on `day`, `YYYY-MM-DD`.
    #[must_use]
    pub fn holds(&self, day: &str) -> bool {
        self.standing == Standing::InForce
            && self.valid_from.is_none_or(|from| from <= day)
            && self.valid_to.is_none_or(|to| day < to)
    }
}

static RULE_SETS: [RuleSet; 8] = [
    RuleSet {
        standard: "GB 14287.1",
        edition: "2014",
        title: "电气火灾监控系统 第1部分：电气火灾监控设备",
        valid_from: Some("2015-06-01"),
        valid_to: None,
        standing: Standing::InForce,
        hazards: &[Hazard::ResidualCurrent, Hazard::OverTemperature, Hazard::ArcFault, Hazard::Offline],
    },
    RuleSet {
        standard: "GB 14287.2",
        edition: "2014",
        title: "电气火灾监控系统 第2部分：剩余电流式电气火灾监控探测器",
        valid_from: Some("2015-06-01"),
        valid_to: None,
        standing: Standing::InForce,
        hazards: &[Hazard::ResidualCurrent],
    },
    RuleSet {
        standard: "GB 14287.2",
        edition: "2026",
        title: "电气火灾监控系统 第2部分：剩余电流式电气火灾监控探测器",
        valid_from: None,
        valid_to: None,
        standing: Standing::Announced,
        hazards: &[Hazard::ResidualCurrent],
    },
    RuleSet {
        standard: "GB 14287.3",
        edition: "2014",
        title: "电气火灾监控系统 第3部分：测温式电气火灾监控探测器",
        valid_from: Some("2015-06-01"),
        valid_to: None,
        standing: Standing::InForce,
        hazards: &[Hazard::OverTemperature],
    },
    RuleSet {
        standard: "GB 14287.4",
        edition: "2014",
        title: "电气火灾监控系统 第4部分：故障电弧探测器",
        valid_from: Some("2015-06-01"),
        valid_to: None,
        standing: Standing::InForce,
        hazards: &[Hazard::ArcFault],
    },
    RuleSet {
        standard: "GB 31252",
        edition: "2014",
        title: "电气火灾监控报警插座及开关",
        valid_from: None,
        valid_to: None,
        standing: Standing::InForce,
        hazards: &[Hazard::ArcFault],
    },
    RuleSet {
        standard: "GB 50116",
        edition: "2013",
        title: "火灾自动报警系统设计规范 第9章 电气火灾监控系统",
        valid_from: None,
        valid_to: None,
        standing: Standing::InForce,
        hazards: &[Hazard::ResidualCurrent, Hazard::OverTemperature],
    },
    RuleSet {
        standard: "GB/T 15543",
        edition: "2008",
        title: "电能质量 三相电压不平衡",
        valid_from: None,
        valid_to: None,
        standing: Standing::Unconfirmed,
        hazards: &[Hazard::VoltageUnbalance],
    },
];

/// Every edition known.
#[must_use]
pub const fn rule_sets() -> &'static [RuleSet] {
    &RULE_SETS
}

/// The editions that the limits of `hazard` rest on.
pub fn rule_sets_of(hazard: Hazard) -> impl Iterator<Item = &'static RuleSet> {
    RULE_SETS.iter().filter(move |set| set.hazards.contains(&hazard))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edition_holds_between_its_days() {
        let old = RuleSet { valid_to: Some("2027-01-01"), ..RULE_SETS[1] };
        assert!(!old.holds("2015-05-31") && old.holds("2015-06-01"));
        assert!(old.holds("2026-12-31") && !old.holds("2027-01-01"));
        let announced = rule_sets_of(Hazard::ResidualCurrent).find(|set| set.edition == "2026").unwrap();
        assert!(!announced.holds("2026-11-25"), "an announced edition holds from no day");
    }
}
