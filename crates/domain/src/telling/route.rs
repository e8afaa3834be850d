//! Which alarms go to which ladder, and what a ladder is.

use serde::{Deserialize, Serialize};

use super::hours::Hours;
use crate::access::Role;
use crate::hazard::{Hazard, Severity};
use crate::id::{AlarmId, LadderId, MediumId, RosterId, RouteId, SiteId, UserId};
use crate::place::{AreaCode, OrganisationPath};
use crate::time::UnixMs;

/// What an alarm is to whoever decides who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The alarm.
    pub alarm: AlarmId,
    /// What is wrong.
    pub hazard: Hazard,
    /// How bad.
    pub severity: Severity,
    /// Where.
    pub site: SiteId,
    /// Whose site.
    pub organisation: OrganisationPath,
    /// In which area.
    pub area: AreaCode,
}

/// Which alarms a route takes. What is left out takes all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// One of these; none is any.
    #[serde(default)]
    pub hazards: Vec<Hazard>,
    /// At least this bad.
    pub severity: Severity,
    /// One of these; none is any.
    #[serde(default)]
    pub sites: Vec<SiteId>,
    /// This organisation or below it.
    #[serde(default)]
    pub organisation: Option<OrganisationPath>,
    /// This area or inside it.
    #[serde(default)]
    pub area: Option<AreaCode>,
    /// Only then.
    #[serde(default)]
    pub hours: Option<Hours>,
}

impl Match {
    /// Whether it takes `subject` at `now`.
    #[must_use]
    pub fn takes(&self, subject: &Subject, now: UnixMs) -> bool {
        subject.severity >= self.severity
            && (self.hazards.is_empty() || self.hazards.contains(&subject.hazard))
            && (self.sites.is_empty() || self.sites.contains(&subject.site))
            && self.organisation.as_ref().is_none_or(|root| subject.organisation.0.starts_with(&root.0))
            && self.area.as_ref().is_none_or(|root| root.covers(&subject.area))
            && self.hours.as_ref().is_none_or(|hours| hours.hold(now))
    }
}

/// From alarms to a ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its id.
    pub id: RouteId,
    /// Whose it is: it takes alarms of this organisation and below only. `None` is the platform's.
    pub owner: Option<OrganisationPath>,
    /// Which alarms.
    pub takes: Match,
    /// Where they go.
    pub ladder: LadderId,
}

/// Who is told after how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    /// Its id.
    pub id: LadderId,
    /// The steps, in rising order of their minutes.
    pub steps: Vec<Step>,
    /// Who is told where a step finds nobody on duty.
    pub fallback: Option<UserId>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Minutes after the alarm was raised without anybody taking it.
    pub after_min: u32,
    /// Who is told.
    pub recipients: Vec<Recipient>,
    /// By what, the next where one fails; none is every medium that is set up, in their order.
    #[serde(default)]
    pub media: Vec<MediumId>,
    /// Tells those again who were told before.
    #[serde(default)]
    pub remind: bool,
}

/// Somebody to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Recipient {
    /// This person.
    Account {
        /// The account.
        account: UserId,
    },
    /// Whoever is on duty then.
    OnDuty {
        /// By which calendar.
        roster: RosterId,
    },
    /// Everybody who holds this role over the site.
    Responsible {
        /// The role.
        role: Role,
    },
}

impl Ladder {
    /// What is wrong with steps.
    ///
    /// # Errors
    /// A text that says what was had and what was wanted.
    pub fn check(steps: &[Step]) -> Result<(), String> {
        if steps.is_empty() || steps.len() > 20 {
            return Err(format!("had {} steps, wanted 1 to 20", steps.len()));
        }
        if let Some(index) = steps.iter().position(|step| step.recipients.is_empty()) {
            return Err(format!("step {} tells nobody, wanted at least one recipient", index + 1));
        }
        if let Some(step) = steps.iter().find(|step| step.after_min > 10_080) {
            return Err(format!("had a step after {} min, wanted at most 10080 (a week)", step.after_min));
        }
        if steps.iter().zip(steps.iter().skip(1)).any(|(a, b)| b.after_min <= a.after_min) {
            return Err("the minutes of the steps do not rise".to_owned());
        }
        Ok(())
    }
}
