//! Taking a detector into service, and the look at its wiring a day later.

use bus::LiveKind;
use domain::access::Scope;
use domain::hazard::Hazard;
use domain::id::{ChannelId, CircuitId, DetectorId};
use domain::quantity::{Phase, Quantity};
use domain::time::UnixMs;
use domain::wiring::suggest::Downstream;
use domain::wiring::{Check, Day, Neighbour, Outcome, Suggestion, Track, check, suggest};
use serde::{Deserialize, Serialize};
use store::commissioning::{CommissioningDraft, CommissioningRow, WiringCheckDraft, WiringCheckRow};
use store::detectors::{ChannelRow, DetectorRow};
use store::history::{CurveAsk, MOST_CHANNELS};
use store::sites::CircuitNode;
use store::{Actor, History as _, StoreError};

use crate::error::EngineError;
use crate::pipeline::Engine;

/// How much of the past is looked at, ms.
pub const DAY_MS: i64 = 86_400_000;
/// Steps of the day: as short as history likes, long enough that channels of different groups meet in one, s.
const STEP_S: i64 = 600;
/// A slow detector still has a value in each step of this, s.
const SLOW_STEP_S: i64 = 1800;
/// Other circuits of the panel that are looked at.
const MOST_NEIGHBOURS: usize = 24;
/// The load kind of a circuit that feeds the others of its panel.
const INCOMING: &str = "incoming";

/// Taking detectors into service.
#[derive(Debug, Clone, Copy)]
pub struct CommissioningDesk<'e>(&'e Engine);

impl Engine {
    /// Taking detectors into service.
    #[must_use]
    pub const fn commissioning(&self) -> CommissioningDesk<'_> {
        CommissioningDesk(self)
    }
}

/// What a wiring check keeps, version 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WiringReport {
    /// The version of this form.
    pub version: u32,
    /// Length of a step, s.
    pub step_s: f64,
    /// Every check with its outcome.
    pub checks: Vec<Check>,
    /// The suggested set value of the residual current, where there is enough to say one.
    pub suggestion: Option<Suggestion>,
}

impl CommissioningDesk<'_> {
    /// Keeps a record of a commissioning.
    ///
    /// # Errors
    /// [`EngineError::Store`] with what the store refuses.
    pub async fn keep(
        &self,
        scope: &Scope,
        actor: &Actor,
        detector: DetectorId,
        draft: &CommissioningDraft,
    ) -> Result<CommissioningRow, EngineError> {
        let kept = self.0.store().commissioning().keep(scope, actor, self.0.now(), detector, draft).await?;
        self.0.live().publish(None, None, LiveKind::Changed { what: "commissioning" });
        Ok(kept)
    }

    /// Looks at the last day of a detector and keeps what was found; `actor` is nobody for the platform's own look.
    ///
    /// # Errors
    /// [`EngineError::Store`] when the detector is not in `scope`, or it cannot be read or kept.
    pub async fn check_wiring(
        &self,
        scope: &Scope,
        actor: Option<&Actor>,
        detector: DetectorId,
    ) -> Result<WiringCheckRow, EngineError> {
        let now = self.0.now();
        let from = now.plus_ms(-DAY_MS);
        let row = self.0.store().detectors().get(scope, detector).await?;
        let (day, below) = self.day(scope, &row, from, now).await?;
        let report = WiringReport {
            version: 1,
            step_s: day.step_s,
            checks: check(&day),
            suggestion: suggest(&day, below),
        };
        let findings = report
            .checks
            .iter()
            .map(|check| match &check.outcome {
                Outcome::Found { findings } => findings.len(),
                Outcome::Clear | Outcome::NotEnough { .. } => 0,
            })
            .sum();
        let text = serde_json::to_string(&report)
            .map_err(|error| StoreError::Corrupt { what: format!("a wiring report: {error}") })?;
        let draft = WiringCheckDraft { from, until: now, findings, report: text };
        let kept = self.0.store().commissioning().keep_check(scope, actor, now, detector, &draft).await?;
        self.0.live().publish(None, None, LiveKind::Changed { what: "commissioning" });
        Ok(kept)
    }

    /// The day of a detector, and what stands below its circuit where it feeds the others of its panel.
    async fn day(
        &self,
        scope: &Scope,
        row: &DetectorRow,
        from: UnixMs,
        now: UnixMs,
    ) -> Result<(Day, Option<Downstream>), EngineError> {
        let slow = self
            .0
            .directory()
            .profile(&row.profile_id)
            .is_some_and(|profile| i64::from(profile.interval_s) > STEP_S);
        let step_s = if slow { SLOW_STEP_S } else { STEP_S };
        let rows = self.0.store().detectors().channels(scope, row.id).await?;
        let rows: Vec<ChannelRow> = rows.into_iter().filter(|row| is_looked_at(row.quantity)).collect();
        let tracks = self.tracks(scope, &rows, from, now, step_s).await?;
        let mut neighbours = Vec::new();
        let mut below = None;
        if let Some(circuit) = row.circuit_id {
            let tree = self.0.store().sites().tree(scope, row.site_id).await?;
            let panel = tree
                .panels
                .into_iter()
                .find(|panel| panel.circuits.iter().any(|node| node.circuit.id == circuit));
            let others: Vec<CircuitNode> = panel.map(|panel| panel.circuits).unwrap_or_default();
            let own = others.iter().find(|node| node.circuit.id == circuit);
            if own.is_some_and(|node| node.circuit.load_kind == INCOMING) {
                below = self.below(&others, circuit);
            } else {
                neighbours = self.neighbours(scope, &others, circuit, from, now, step_s).await?;
            }
        }
        let step_s = f64::from(u32::try_from(step_s).unwrap_or(600));
        Ok((Day { step_s, rated_current_a: row.rated_current_a, tracks, neighbours }, below))
    }

    pub(super) async fn tracks(
        &self,
        scope: &Scope,
        rows: &[ChannelRow],
        from: UnixMs,
        now: UnixMs,
        step_s: i64,
    ) -> Result<Vec<Track>, StoreError> {
        let mut tracks = Vec::with_capacity(rows.len());
        let steps = now.since_ms(from) / (step_s * 1000);
        for some in rows.chunks(MOST_CHANNELS) {
            let ask = CurveAsk {
                channels: some.iter().map(|row| row.id).collect::<Vec<ChannelId>>(),
                from,
                to: now,
                points: u32::try_from(steps).unwrap_or(144).max(1),
                gap_after_ms: DAY_MS,
                now,
            };
            let curve = self.0.store().curve(scope, &ask).await?;
            let length = usize::try_from(curve.to.since_ms(curve.from) / curve.step_ms.max(1)).unwrap_or(0);
            for (row, series) in some.iter().zip(curve.series) {
                let mut mean = vec![None; length];
                let mut max = vec![None; length];
                for point in series.points {
                    let step = point.at.since_ms(curve.from) / curve.step_ms.max(1);
                    let Ok(step) = usize::try_from(step) else { continue };
                    if let (Some(mean), Some(max)) = (mean.get_mut(step), max.get_mut(step)) {
                        *mean = Some(point.mean);
                        *max = Some(point.max);
                    }
                }
                tracks.push(Track {
                    code: row.code.clone(),
                    quantity: row.quantity,
                    phase: row.phase,
                    mean,
                    max,
                });
            }
        }
        Ok(tracks)
    }

    /// The sum of the phase currents of every other circuit of the panel that is measured.
    async fn neighbours(
        &self,
        scope: &Scope,
        others: &[CircuitNode],
        own: CircuitId,
        from: UnixMs,
        now: UnixMs,
        step_s: i64,
    ) -> Result<Vec<Neighbour>, StoreError> {
        let mut neighbours = Vec::new();
        let measured =
            others.iter().filter(|node| node.circuit.id != own && node.circuit.load_kind != INCOMING);
        for node in measured.take(MOST_NEIGHBOURS) {
            let Some(detector) = node.detectors.first() else { continue };
            let rows: Vec<ChannelRow> = detector
                .channels
                .iter()
                .filter(|row| row.quantity == Quantity::Current && row.phase != Some(Phase::N))
                .cloned()
                .collect();
            if rows.is_empty() {
                continue;
            }
            let tracks = self.tracks(scope, &rows, from, now, step_s).await?;
            let length = tracks.iter().map(|track| track.mean.len()).max().unwrap_or(0);
            let current_a = (0..length)
                .map(|step| {
                    tracks.iter().map(|track| track.mean.get(step).copied().flatten()).sum::<Option<f64>>()
                })
                .collect();
            neighbours.push(Neighbour { name: node.circuit.name.clone(), current_a });
        }
        Ok(neighbours)
    }

    /// The highest set value and the longest delay of the other circuits of the panel.
    fn below(&self, others: &[CircuitNode], own: CircuitId) -> Option<Downstream> {
        others
            .iter()
            .filter(|node| node.circuit.id != own)
            .flat_map(|node| &node.detectors)
            .filter_map(|node| self.0.memory().detector(node.detector.id))
            .flat_map(|detector| {
                let limits = detector.binding.channels.iter().flat_map(|channel| channel.limits.clone());
                limits.collect::<Vec<_>>()
            })
            .filter(|(hazard, limits)| *hazard == Hazard::ResidualCurrent && limits.enabled)
            .filter_map(|(_, limits)| {
                // Delays are at most an hour.
                let delay_ms = u32::try_from(limits.on_delay_ms).ok()?;
                Some((limits.alarm?, f64::from(delay_ms) / 1000.0))
            })
            .fold(None, |found: Option<Downstream>, (alarm_ma, delay_s)| {
                let had = found.unwrap_or_default();
                Some(Downstream { alarm_ma: had.alarm_ma.max(alarm_ma), delay_s: had.delay_s.max(delay_s) })
            })
    }
}

/// Whether a channel has a part in the check.
pub(super) const fn is_looked_at(quantity: Quantity) -> bool {
    match quantity {
        Quantity::ResidualCurrent
        | Quantity::ConductorTemperature
        | Quantity::AmbientTemperature
        | Quantity::Current
        | Quantity::NeutralCurrent
        | Quantity::Voltage
        | Quantity::ActivePower
        | Quantity::PowerFactor => true,
        Quantity::ReactivePower
        | Quantity::ApparentPower
        | Quantity::Frequency
        | Quantity::Energy
        | Quantity::ArcCount
        | Quantity::SignalStrength
        | Quantity::Switch
        | Quantity::Device => false,
    }
}
