//! How much each cause counts: an operator's settings (`[risk]`), with the defaults of docs/risk.md.

use serde::{Deserialize, Serialize};

use super::Grade;

macro_rules! weights {
    ($($(#[$doc:meta])* $name:ident = $default:literal, $most:literal;)+) => {
        /// How much each cause counts. Points are what the cause would make alone, 0 to 95; other units are in the names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Weights { $($(#[$doc])* pub $name: u32),+ }

        impl Default for Weights {
            fn default() -> Self {
                Self { $($name: $default),+ }
            }
        }

        impl Weights {
            /// Every weight by its name.
            #[must_use]
            pub fn all(&self) -> Vec<(&'static str, u32)> {
                vec![$((stringify!($name), self.$name)),+]
            }

            /// Refuses what no weight can be.
            ///
            /// # Errors
            /// [`WeightsError`] naming the weight.
            pub fn check(&self) -> Result<(), WeightsError> {
                $(if self.$name > $most {
                    return Err(WeightsError::TooMuch { name: stringify!($name), had: self.$name, most: $most });
                })+
                if self.moderate_from < self.high_from && self.high_from < self.grave_from {
                    Ok(())
                } else {
                    Err(WeightsError::Grades)
                }
            }
        }
    };
}

/// What no weight can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// More than a cause can count.
    #[error("risk.{name} is {had}, wanted 0 to {most}")]
    TooMuch {
        /// Which weight.
        name: &'static str,
        /// What it was.
        had: u32,
        /// The most.
        most: u32,
    },
    /// Grades out of order.
    #[error("wanted risk.moderate_from < risk.high_from < risk.grave_from")]
    Grades,
}

weights! {
    /// An alarm of what sets things alight: leakage, heat, arc, short circuit, neutral, a fire alarm.
    fire_alarm = 60, 95;
    /// A warning of it.
    fire_warning = 30, 95;
    /// An alarm of what wears a circuit out: overload, over-voltage, a lost phase, unbalance.
    stress_alarm = 40, 95;
    /// A warning of it.
    stress_warning = 20, 95;
    /// An alarm of the supply alone: under-voltage, no supply, unlike voltages, order of phases.
    supply_alarm = 15, 95;
    /// A warning of it.
    supply_warning = 8, 95;
    /// What is left of an alarm whose condition has gone and whose cause nobody has named, %.
    returned_percent = 50, 100;
    /// Nobody has taken an alarm in time.
    unacknowledged = 10, 95;
    /// The time for that with an alarm, min.
    acknowledge_alarm_min = 30, 100_000;
    /// The time for that with a warning, min.
    acknowledge_warning_min = 480, 100_000;
    /// An alarm is open for too long: for each day beyond the time.
    unhandled_per_day = 3, 95;
    /// And at most.
    unhandled_most = 20, 95;
    /// The time for that with an alarm, h.
    handle_alarm_h = 24, 100_000;
    /// The time for that with a warning, h.
    handle_warning_h = 168, 100_000;
    /// An alarm on the shelf.
    shelved = 8, 95;
    /// A silent detector.
    offline = 25, 95;
    /// A sensor or detector that does not see: open, short, stuck, zero, drifting, no supply, a fault of its own.
    blind = 20, 95;
    /// A detector that sees, with something wrong: clock, weak signal.
    doubtful = 5, 95;
    /// A breaker that did not follow.
    switch_failed = 25, 95;
    /// A detector that was never heard.
    never_heard = 30, 95;
    /// A terminal that loosens, when the diagnosis is sure.
    loosening_terminal = 40, 95;
    /// Insulation that ages.
    ageing_insulation = 35, 95;
    /// A load that leaks.
    leaking_load = 30, 95;
    /// A supply that ages.
    ageing_supply = 30, 95;
    /// A heavy neutral.
    neutral_heating = 30, 95;
    /// An overload ahead.
    overload_ahead = 25, 95;
    /// Charging of e-bikes.
    ebike_charging = 30, 95;
    /// Use after hours.
    after_hours = 15, 95;
    /// Unequal heating.
    unequal_heating = 15, 95;
    /// What is left of a finding that is weak, %.
    weak_percent = 25, 100;
    /// Each true hazard within the month.
    past_hazard = 6, 95;
    /// And at most, of one kind.
    past_hazard_most = 18, 95;
    /// An alarm that repeats: each time from the number below on.
    repeat = 3, 95;
    /// And at most, of one kind.
    repeat_most = 15, 95;
    /// From how many within the month it repeats.
    repeats_from = 3, 1_000;
    /// No self-test for long, where the model has one.
    no_self_test = 6, 95;
    /// How long that is, days.
    self_test_days = 30, 10_000;
    /// No record of an inspection on site.
    uncommissioned = 4, 95;
    /// The time for that after it was admitted, days.
    commission_days = 7, 10_000;
    /// A circuit that no detector watches.
    unwatched = 8, 95;
    /// What the other circuits can add to the worst one, of what is left to 100, %; the same for the sites of an area.
    others_percent = 25, 100;
    /// From here on a score is moderate.
    moderate_from = 15, 100;
    /// From here on it is high.
    high_from = 35, 100;
    /// From here on it is grave.
    grave_from = 60, 100;
}

impl Weights {
    /// The scores of a grade: from, and below; `None` where there is no bound.
    #[must_use]
    pub fn bounds(&self, grade: Grade) -> (Option<f64>, Option<f64>) {
        // A score is called by what it is rounded to.
        let bar = |points: u32| Some(f64::from(points) - 0.5);
        match grade {
            Grade::Low => (None, bar(self.moderate_from)),
            Grade::Moderate => (bar(self.moderate_from), bar(self.high_from)),
            Grade::High => (bar(self.high_from), bar(self.grave_from)),
            Grade::Grave => (bar(self.grave_from), None),
        }
    }

    /// How a score is called.
    #[must_use]
    pub fn grade(&self, score: f64) -> Grade {
        // As it is shown: a score of 59.6 is read as 60.
        let shown = score.round();
        let from = |bar: u32| shown >= f64::from(bar);
        if from(self.grave_from) {
            Grade::Grave
        } else if from(self.high_from) {
            Grade::High
        } else if from(self.moderate_from) {
            Grade::Moderate
        } else {
            Grade::Low
        }
    }
}
