//! Risk of circuits and sites: computed now for whoever asks, and kept for the ranking by the platform itself.

use domain::access::Scope;
use domain::command::CommandKind;
use domain::id::{CircuitId, DetectorId, SiteId};
use domain::risk::{Act, Cause, Site, SiteAct, Unit, UnitFacts, VERSION, Weights, assess, site};
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::risk::{RankedSiteRow, RiskDetectorRow, ScoreDraft, SiteFacts};

use crate::error::EngineError;
use crate::pipeline::Engine;

/// Risk.
#[derive(Debug, Clone, Copy)]
pub struct RiskDesk<'e>(&'e Engine);

impl Engine {
    /// Risk.
    #[must_use]
    pub const fn risk(&self) -> RiskDesk<'_> {
        RiskDesk(self)
    }
}

/// A circuit with its risk; or a detector that stands on none.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitRisk {
    /// The circuit's name; empty where there is none.
    pub circuit_name: String,
    /// Its panel's name; empty where there is none.
    pub panel_name: String,
    /// Its detectors with their names.
    pub detectors: Vec<(DetectorId, String)>,
    /// Its risk.
    pub risk: Unit,
}

impl UnitRisk {
    /// The name of a detector of it.
    #[must_use]
    pub fn detector_name(&self, id: Option<DetectorId>) -> Option<&str> {
        self.detectors.iter().find(|(known, _)| Some(*known) == id).map(|(_, name)| name.as_str())
    }

    /// What it is called: the circuit, else the detector.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.detectors.first() {
            Some((_, name)) if self.circuit_name.is_empty() => name,
            Some(_) | None => &self.circuit_name,
        }
    }

    fn named_act(&self, act: Act, saves: f64) -> Option<NamedAct> {
        let part = self.risk.parts.iter().find(|part| part.act == act)?;
        Some(NamedAct {
            act,
            saves,
            cause: part.cause.clone(),
            unit_name: self.name().to_owned(),
            circuit: self.risk.circuit,
            detector: part.detector,
            detector_name: self.detector_name(part.detector).map(str::to_owned),
        })
    }

    /// What lowers the circuit's own score, largest saving first.
    #[must_use]
    pub fn acts(&self) -> Vec<NamedAct> {
        self.risk.acts.iter().filter_map(|saving| self.named_act(saving.act, saving.saves)).collect()
    }
}

/// An act with the names that its words need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedAct {
    /// What is done.
    pub act: Act,
    /// By how much the score falls.
    pub saves: f64,
    /// The largest cause that it removes.
    pub cause: Cause,
    /// The circuit's name, else the detector's.
    pub unit_name: String,
    /// The circuit.
    pub circuit: Option<CircuitId>,
    /// The detector that it is about.
    pub detector: Option<DetectorId>,
    /// Its name.
    pub detector_name: Option<String>,
}

/// A site with its risk.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteRisk {
    /// The site.
    pub site_id: SiteId,
    /// Its name.
    pub site_name: String,
    /// Its score and its acts; their units are places in `units`.
    pub risk: Site,
    /// Its circuits, the worst first.
    pub units: Vec<UnitRisk>,
}

impl SiteRisk {
    /// What lowers the site's score, largest saving first, at most `most`.
    #[must_use]
    pub fn acts(&self, most: usize) -> Vec<NamedAct> {
        let named = |act: &SiteAct| self.units.get(act.unit)?.named_act(act.act, act.saves);
        self.risk.acts.iter().filter_map(named).take(most).collect()
    }
}

/// What a kept score keeps beside the number, version 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptRisk {
    /// The version of this form.
    pub v: u32,
    /// The worst circuit's name, where it has points.
    pub worst_name: Option<String>,
    /// Its score.
    pub worst_score: f64,
    /// Its largest cause.
    pub worst_cause: Option<Cause>,
    /// What lowers the site most.
    pub act: Option<NamedAct>,
}

impl KeptRisk {
    /// Reads what a kept score keeps.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is of another form.
    pub fn read(row: &RankedSiteRow) -> Result<Self, StoreError> {
        serde_json::from_str(&row.body)
            .map_err(|error| StoreError::Corrupt { what: format!("risk of site {}: {error}", row.site_id.0) })
    }
}

impl<'e> RiskDesk<'e> {
    /// How much each cause counts here.
    #[must_use]
    pub fn weights(&self) -> &'e Weights {
        self.0.risk_weights()
    }

    /// The risk of a site and of its circuits, now.
    ///
    /// # Errors
    /// [`EngineError::Store`] when the site is not in `scope` or cannot be read.
    pub async fn site(&self, scope: &Scope, id: SiteId) -> Result<SiteRisk, EngineError> {
        let facts = self.0.store().risks().facts(scope, id, self.0.now()).await?;
        Ok(self.assess(id, facts))
    }

    /// The risk of a circuit, now, with its site.
    ///
    /// # Errors
    /// [`EngineError::Store`] when it is not in `scope` or cannot be read.
    pub async fn circuit(&self, scope: &Scope, id: CircuitId) -> Result<(SiteRisk, usize), EngineError> {
        let row = self.0.store().circuits().circuit(scope, id).await?;
        let risk = self.site(scope, row.site_id).await?;
        let at = risk.units.iter().position(|unit| unit.risk.circuit == Some(id));
        let at = at.ok_or(StoreError::NotFound { what: "circuit" })?;
        Ok((risk, at))
    }

    /// The risk of the circuit that a detector watches, now, with its site.
    ///
    /// # Errors
    /// [`EngineError::Store`] when it is not in `scope` or cannot be read.
    pub async fn detector(&self, scope: &Scope, id: DetectorId) -> Result<(SiteRisk, usize), EngineError> {
        let row = self.0.store().detectors().get(scope, id).await?;
        let risk = self.site(scope, row.site_id).await?;
        let at = risk.units.iter().position(|unit| unit.detectors.iter().any(|(known, _)| *known == id));
        let at = at.ok_or(StoreError::NotFound { what: "detector" })?;
        Ok((risk, at))
    }

    /// The platform's own work: computes the scores of `sites` and keeps them. One that is gone meanwhile is left out.
    ///
    /// # Errors
    /// [`EngineError::Store`] with what the store refuses.
    pub async fn keep(&self, sites: &[SiteId]) -> Result<(), EngineError> {
        let mut drafts = Vec::with_capacity(sites.len());
        for id in sites {
            let risk = match self.site(&Scope::platform(), *id).await {
                Ok(risk) => risk,
                Err(EngineError::Store(StoreError::NotFound { .. })) => continue,
                Err(error) => return Err(error),
            };
            let worst = risk.units.first().filter(|unit| unit.risk.score > 0.0);
            let kept = KeptRisk {
                v: 1,
                worst_name: worst.map(|unit| unit.name().to_owned()),
                worst_score: worst.map_or(0.0, |unit| unit.risk.score),
                worst_cause: worst.and_then(|unit| unit.risk.parts.first()).map(|part| part.cause.clone()),
                act: risk.acts(1).into_iter().next(),
            };
            let body = serde_json::to_string(&kept)
                .map_err(|error| StoreError::Corrupt { what: format!("a risk: {error}") })?;
            let parts = risk.units.iter().flat_map(|unit| &unit.risk.parts);
            let unheard = parts.filter(|part| part.cause == Cause::NeverHeard).count();
            drafts.push(ScoreDraft { site: *id, score: risk.risk.score, rules: VERSION, unheard, body });
        }
        self.0.store().risks().keep(self.0.now(), &drafts).await?;
        Ok(())
    }

    fn assess(&self, id: SiteId, facts: SiteFacts) -> SiteRisk {
        let now = self.0.now();
        let SiteFacts { site_name, circuits, detectors, alarms, findings, past } = facts;
        let unit = |circuit: Option<(CircuitId, String, String)>, here: Vec<&RiskDetectorRow>| {
            let on = |detector: DetectorId| here.iter().any(|row| row.id == detector);
            let facts = UnitFacts {
                circuit: circuit.as_ref().map(|(id, ..)| *id),
                detectors: here.iter().map(|row| row.fact(self.tests_itself(&row.profile_id))).collect(),
                alarms: alarms.iter().filter(|fact| on(fact.detector)).cloned().collect(),
                findings: findings.iter().filter(|fact| on(fact.detector)).cloned().collect(),
                past: past.iter().filter(|fact| on(fact.detector)).cloned().collect(),
            };
            let (_, circuit_name, panel_name) =
                circuit.unwrap_or((CircuitId(0), String::new(), String::new()));
            UnitRisk {
                circuit_name,
                panel_name,
                detectors: here.iter().map(|row| (row.id, row.name.clone())).collect(),
                risk: assess(&facts, self.weights(), now),
            }
        };
        let mut units = Vec::new();
        for circuit in &circuits {
            let here = detectors.iter().filter(|row| row.circuit_id == Some(circuit.id)).collect();
            units.push(unit(Some((circuit.id, circuit.name.clone(), circuit.panel_name.clone())), here));
        }
        let known = |row: &RiskDetectorRow| circuits.iter().any(|circuit| row.circuit_id == Some(circuit.id));
        for row in detectors.iter().filter(|row| !known(row)) {
            units.push(unit(None, vec![row]));
        }
        units.sort_by(|one, other| other.risk.score.total_cmp(&one.risk.score));
        let risks: Vec<Unit> = units.iter().map(|unit| unit.risk.clone()).collect();
        SiteRisk { site_id: id, site_name, risk: site(&risks, self.weights()), units }
    }

    /// Whether a model can be told to test itself.
    fn tests_itself(&self, profile: &str) -> bool {
        let profile = self.0.directory().profile(profile);
        profile.is_some_and(|profile| profile.commands.iter().any(|spec| spec.kind == CommandKind::SelfTest))
    }
}
