//! A scenario: what city, how fast it speaks, what goes wrong. A TOML file.

use serde::Deserialize;

use crate::fault::FaultKind;
use crate::premises::PremisesKind;

/// The scenario of `emberwatch demo`, compiled in.
pub const DEMO: &str = include_str!("../../../scenarios/demo.toml");

/// A scenario that was refused.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Not TOML, an unknown key, a missing one.
    #[error("{0}")]
    Text(#[from] toml::de::Error),
    /// Parts that contradict each other.
    #[error("{what} is {had}, want {wanted}")]
    Value {
        /// Which key.
        what: &'static str,
        /// What it is.
        had: String,
        /// What it may be.
        wanted: &'static str,
    },
}

/// A scenario.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What people call it.
    pub name: String,
    /// Everything random follows from it.
    pub seed: u64,
    /// How much of a city.
    pub city: CitySize,
    /// How fast its detectors speak.
    pub pace: Pace,
    /// Where premises are.
    pub districts: Vec<District>,
    /// Companies with premises in several districts.
    #[serde(default)]
    pub chains: Vec<Chain>,
    /// Faults of the beginning, in the order of detectors that can show them.
    #[serde(default)]
    pub opening: Vec<OpeningFault>,
    /// What goes wrong with the supply of several premises at once.
    #[serde(default)]
    pub supply: Vec<SupplyFault>,
    /// Faults that come for as long as it runs.
    pub trickle: Option<Trickle>,
}

/// How much of a city.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CitySize {
    /// Premises.
    pub sites: usize,
    /// Detectors that are commissioned.
    pub detectors: usize,
    /// Terminals that dial in without having been commissioned.
    pub uncommissioned: usize,
    /// Share of premises whose detectors stand behind a DTU, 0 to 1.
    pub dtu_share: f64,
    /// Premises whose detectors stand behind a gateway of the vendor gateway protocol.
    #[serde(default)]
    pub gateways: usize,
    /// Premises whose detectors report through a transmission device of GB/T 26875.3.
    #[serde(default)]
    pub transmitters: usize,
    /// Premises whose detectors report over MQTT.
    #[serde(default)]
    pub mqtt: usize,
    /// Premises whose detectors report over HTTP.
    #[serde(default)]
    pub http: usize,
    /// Premises whose detectors report over CoAP.
    #[serde(default)]
    pub coap: usize,
    /// Premises with a gateway of Modbus TCP that dials in.
    #[serde(default)]
    pub modbus_tcp: usize,
    /// Premises with meters of DL/T 645 behind a DTU.
    #[serde(default)]
    pub meters: usize,
}

/// How fast detectors speak.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// Between two uploads of a detector, s.
    pub upload_s: f64,
    /// Between two heartbeats, s.
    pub heartbeat_s: f64,
    /// All have dialled in by then, s.
    pub connect_within_s: f64,
    /// An upload that is not confirmed within this is sent again, s.
    pub confirm_within_s: f64,
    /// The longest pause before dialling in again, s.
    pub back_off_max_s: f64,
    /// How long a detector behind a DTU takes to answer, ms.
    pub answer_after_ms: i64,
}

/// A district or county.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct District {
    /// Division code after GB/T 2260.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Longitude and latitude of the built-up middle, WGS-84 degrees.
    pub centre: [f64; 2],
    /// Premises lie within this of it, km.
    pub radius_km: f64,
    /// How many premises it has beside the others.
    pub weight: u32,
    /// Streets that addresses are made of.
    pub streets: Vec<String>,
}

/// A company with premises in several districts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// What its premises are called before their district.
    pub brand: String,
    /// The kind of its premises.
    pub kind: PremisesKind,
}

/// A fault of the beginning.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpeningFault {
    /// When it begins, s after the start; may be negative, so that a slow one is on its way.
    pub at_s: f64,
    /// How long it lasts, s.
    pub for_s: f64,
    /// Only on a detector with this profile.
    pub profile: Option<String>,
    /// What.
    pub what: FaultKind,
}

/// Something wrong with the supply of premises that lie together: a feeder that is lost, a sag that passes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupplyFault {
    /// When it begins, s after the start.
    pub at_s: f64,
    /// How long it lasts, s.
    pub for_s: f64,
    /// How many premises of one district it meets.
    pub sites: usize,
    /// What.
    pub what: FaultKind,
}

/// Faults that come for as long as the scenario runs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trickle {
    /// The first comes this long after the start, s.
    pub first_s: f64,
    /// The least and the greatest pause between two, s.
    pub every_s: [f64; 2],
    /// What may come.
    pub faults: Vec<TrickleFault>,
}

/// A fault that may come.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrickleFault {
    /// How often beside the others.
    pub weight: u32,
    /// The least and the greatest length, s.
    pub for_s: [f64; 2],
    /// What.
    pub what: FaultKind,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// Text that is no scenario, or numbers that cannot be.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)?;
        scenario.check()?;
        Ok(scenario)
    }

    /// The scenario of `emberwatch demo`.
    ///
    /// # Errors
    /// Never in a build whose tests pass.
    pub fn demo() -> Result<Self, ScenarioError> {
        Self::parse(DEMO)
    }

    /// The same city with another number of detectors; premises in proportion.
    #[must_use]
    pub fn with_detectors(mut self, detectors: usize) -> Self {
        let before = self.city.detectors.max(1);
        self.city.sites = (self.city.sites * detectors / before).clamp(1, detectors.max(1));
        self.city.detectors = detectors.max(1);
        // Of each rarer kind one at least, but not so many that a small city has nothing else.
        let most = (self.city.sites / 30).max(1);
        let CitySize { gateways, transmitters, mqtt, http, coap, modbus_tcp, meters, .. } = &mut self.city;
        for kind in [gateways, transmitters, mqtt, http, coap, modbus_tcp, meters] {
            *kind = (*kind).min(most);
        }
        self
    }

    fn check(&self) -> Result<(), ScenarioError> {
        let refuse = |what: &'static str, had: String, wanted: &'static str| {
            Err(ScenarioError::Value { what, had, wanted })
        };
        let CitySize { sites, detectors, dtu_share, .. } = self.city;
        if sites == 0 || detectors < sites {
            return refuse("city.detectors", format!("{detectors} for {sites} sites"), "at least one each");
        }
        if !(0.0..=1.0).contains(&dtu_share) {
            return refuse("city.dtu_share", dtu_share.to_string(), "0 to 1");
        }
        let Pace {
            upload_s,
            heartbeat_s,
            connect_within_s,
            confirm_within_s,
            back_off_max_s,
            answer_after_ms,
        } = self.pace;
        for (what, seconds) in [
            ("pace.upload_s", upload_s),
            ("pace.heartbeat_s", heartbeat_s),
            ("pace.connect_within_s", connect_within_s),
            ("pace.confirm_within_s", confirm_within_s),
            ("pace.back_off_max_s", back_off_max_s),
        ] {
            if !(0.1..=86_400.0).contains(&seconds) {
                return refuse(what, seconds.to_string(), "0.1 to 86400 s");
            }
        }
        if !(0..=5_000).contains(&answer_after_ms) {
            return refuse("pace.answer_after_ms", answer_after_ms.to_string(), "0 to 5000 ms");
        }
        if self.districts.is_empty() || self.districts.iter().all(|district| district.weight == 0) {
            return refuse("districts", "empty or all of weight 0".to_owned(), "at least one");
        }
        if let Some(district) = self.districts.iter().find(|district| district.streets.is_empty()) {
            return refuse("streets", format!("empty in {}", district.name), "at least one");
        }
        if let Some(trickle) = &self.trickle {
            let [least, greatest] = trickle.every_s;
            if !(least >= 1.0 && least <= greatest) {
                return refuse(
                    "trickle.every_s",
                    format!("{:?}", trickle.every_s),
                    "[least, greatest], 1 s or more",
                );
            }
            if trickle.faults.iter().all(|fault| fault.weight == 0) {
                return refuse("trickle.faults", "empty or all of weight 0".to_owned(), "at least one");
            }
            if let Some(fault) =
                trickle.faults.iter().find(|f| !(f.for_s[0] >= 1.0 && f.for_s[0] <= f.for_s[1]))
            {
                return refuse("for_s", format!("{:?}", fault.for_s), "[least, greatest], 1 s or more");
            }
        }
        Ok(())
    }
}

/// Seconds as whole milliseconds; what a scenario may say fits by far.
#[must_use]
pub fn ms(seconds: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates, and scenarios are checked to be far below"
    )]
    let ms = (seconds * 1000.0).round() as i64;
    ms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_is_a_scenario() {
        let demo = Scenario::demo().unwrap();
        assert_eq!(demo.districts.len(), 9);
        assert!(demo.pace.upload_s <= 15.0);
    }

    #[test]
    fn a_scenario_with_a_mistake_is_refused_with_its_place() {
        let error = Scenario::parse(&DEMO.replacen("seed =", "sede =", 1)).unwrap_err().to_string();
        assert!(error.contains("line") && error.contains("sede"), "{error}");
        let mut demo = Scenario::demo().unwrap();
        demo.city.detectors = 1;
        assert_eq!(
            demo.check().unwrap_err().to_string(),
            "city.detectors is 1 for 200 sites, want at least one each"
        );
    }
}
