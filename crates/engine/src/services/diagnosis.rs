//! Looking at weeks of a detector's history: by the platform each day, by people whenever they open the page, and again
//! for a finding that was kept.

use std::time::Instant;

use bus::LiveKind;
use domain::access::Scope;
use domain::alarm::Verdict;
use domain::diagnosis::{
    Finding, History, Kind, Limits, Report, SPAN_DAYS, STEP_MS, Strength, VERSION, diagnose,
};
use domain::hazard::{Hazard, Severity};
use domain::id::DetectorId;
use domain::reading::Reported;
use domain::time::UnixMs;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use store::alarms::AlarmRow;
use store::detectors::{ChannelRow, DetectorRow};
use store::findings::{FindingDraft, FindingFilter, FindingRow, LookDraft};
use store::{Actor, Page, StoreError};

use super::DAY_MS;
use super::commissioning::is_looked_at;
use crate::error::EngineError;
use crate::pipeline::Engine;

/// Alarm level of the residual current where none is set, mA (GB 14287.2-2014).
const RESIDUAL_MA: f64 = 300.0;
/// Alarm level of a conductor's temperature where none is set, °C.
const TEMPERATURE_C: f64 = 85.0;

/// More than the channels of a detector can have of findings that stand.
const STANDING_AT_MOST: u32 = 200;

/// What weeks of history show.
#[derive(Debug, Clone, Copy)]
pub struct DiagnosisDesk<'e>(&'e Engine);

impl Engine {
    /// What weeks of history show.
    #[must_use]
    pub const fn diagnosis(&self) -> DiagnosisDesk<'_> {
        DiagnosisDesk(self)
    }
}

/// What a history was read with, so that it can be read again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// History from here on.
    pub from: UnixMs,
    /// History before this, a local midnight.
    pub until: UnixMs,
    /// Local time less UTC, ms.
    pub offset_ms: i64,
    /// Rated current of the circuit then, A.
    pub rated_current_a: Option<f64>,
    /// Alarm levels then.
    pub limits: Limits,
}

/// What a finding keeps, version 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptFinding {
    /// The version of this form.
    pub v: u32,
    /// What the history was read with.
    pub reading: Reading,
    /// The finding.
    pub finding: Finding,
}

impl KeptFinding {
    /// Reads the body of a kept finding.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is of another form.
    pub fn read(row: &FindingRow) -> Result<Self, StoreError> {
        serde_json::from_str(&row.body)
            .map_err(|error| StoreError::Corrupt { what: format!("finding {}: {error}", row.id) })
    }
}

/// A report with what it cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysed {
    /// What the history was read with.
    pub reading: Reading,
    /// The report.
    pub report: Report,
    /// Reading the history, µs.
    pub read_us: i64,
    /// The analysis, µs.
    pub think_us: i64,
}

/// A kept finding beside what the history gives now.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// As it was kept.
    pub kept: Finding,
    /// The version of the rules that made it.
    pub kept_version: i64,
    /// As it comes out now; `None` when it does not.
    pub again: Option<Finding>,
    /// Whether both are equal, to the last figure.
    pub same: bool,
}

impl DiagnosisDesk<'_> {
    /// Looks at the six weeks before the last local midnight.
    ///
    /// # Errors
    /// [`EngineError::Store`] when the detector is not in `scope` or cannot be read.
    pub async fn analyse(&self, scope: &Scope, detector: DetectorId) -> Result<Analysed, EngineError> {
        let row = self.0.store().detectors().get(scope, detector).await?;
        let reading = self.reading(scope, &row).await?;
        self.read(scope, &row, reading).await
    }

    /// The platform's own look: keeps what it shows and when the next one is due.
    ///
    /// # Errors
    /// As [`analyse`](Self::analyse), and what the store refuses.
    pub async fn look(&self, detector: DetectorId) -> Result<(), EngineError> {
        let done = self.analyse(&Scope::platform(), detector).await?;
        let standing = self.standing(detector).await?;
        // An alarm comes before what it rests on is kept: where the process ends in between, the look is made again.
        for finding in &done.report.findings {
            let is_same = |row: &&FindingRow| row.kind == finding.kind && row.channel == finding.about;
            let is_refuted = standing.iter().find(is_same).is_some_and(|row| row.dismissed_at.is_some());
            if let Some(hazard) = finding.wakes().filter(|_| !is_refuted) {
                self.foretell(detector, hazard, &finding.about, true).await?;
            }
        }
        let findings = done.report.findings.iter().map(|finding| draft(finding, done.reading));
        let look = LookDraft {
            until: done.reading.until,
            next_at: next_at(detector, self.0.now()),
            read_us: done.read_us,
            think_us: done.think_us,
            engine_version: VERSION,
            findings: findings.collect::<Result<_, _>>()?,
        };
        let strong = self.0.store().findings().keep_look(detector, self.0.now(), &look).await?;
        if !strong.is_empty() {
            tracing::info!(detector = detector.0, findings = ?strong, "the diagnosis found something strong");
            self.0.live().publish(None, None, LiveKind::Changed { what: "findings" });
        }
        self.settle(detector).await
    }

    /// The findings of a detector that stand, dismissed or not.
    async fn standing(&self, detector: DetectorId) -> Result<Vec<FindingRow>, StoreError> {
        let filter =
            FindingFilter { detector: Some(detector), standing: Some(true), ..FindingFilter::default() };
        let page = Page { limit: STANDING_AT_MOST, cursor: None };
        Ok(self.0.store().findings().list(&Scope::platform(), &filter, &page).await?.items)
    }

    /// Tells the pipeline that a hazard is foretold for a channel, or is no longer.
    async fn foretell(
        &self,
        detector: DetectorId,
        hazard: Hazard,
        code: &str,
        is_foretold: bool,
    ) -> Result<(), EngineError> {
        let rows = self.0.store().detectors().channels(&Scope::platform(), detector).await?;
        let point = rows.iter().find(|row| row.code == code).and_then(|row| row.point);
        let severity = is_foretold.then_some(Severity::Warning);
        self.0.report(detector, Reported { point, hazard, severity }).await
    }

    /// Brings the alarms of what is foretold in step with the findings that stand: an alarm ends when its finding is
    /// gone, has become weak, or was dismissed; it does not end because the limit has moved a day away.
    async fn settle(&self, detector: DetectorId) -> Result<(), EngineError> {
        let Some(known) = self.0.memory().detector(detector) else { return Ok(()) };
        let present = known.alarms.iter().map(|open| &open.alarm).filter(|alarm| alarm.state.is_present());
        let open: Vec<_> = present
            .filter(|alarm| alarm.hazard.is_predicted())
            .map(|alarm| (alarm.hazard, alarm.channel))
            .collect();
        let standing = self.standing(detector).await?;
        let rows = self.0.store().detectors().channels(&Scope::platform(), detector).await?;
        let channel_of = |code: &str| rows.iter().find(|row| row.code == code).map(|row| row.id);
        let holds = |row: &&FindingRow| row.dismissed_at.is_none() && row.strength == Strength::Strong;
        for row in standing.iter().filter(holds) {
            if let Some(hazard) = KeptFinding::read(row)?.finding.wakes() {
                self.foretell(detector, hazard, &row.channel, true).await?;
            }
        }
        for (hazard, channel) in open {
            let rests_on = |row: &FindingRow| {
                row.kind.foretells() == Some(hazard) && channel_of(&row.channel) == Some(channel)
            };
            if !standing.iter().filter(holds).any(rests_on) {
                let point = rows.iter().find(|row| row.id == channel).and_then(|row| row.point);
                self.0.report(detector, Reported { point, hazard, severity: None }).await?;
            }
        }
        Ok(())
    }

    /// The newest finding that the alarm of something foretold rests on.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn cause_of(&self, scope: &Scope, alarm: &AlarmRow) -> Result<Option<FindingRow>, EngineError> {
        if !alarm.hazard.is_predicted() {
            return Ok(None);
        }
        let rows = self.0.store().detectors().channels(scope, alarm.detector_id).await?;
        let code = rows.into_iter().find(|row| row.id == alarm.channel_id).map(|row| row.code);
        let kinds = Kind::ALL.into_iter().filter(|kind| kind.foretells() == Some(alarm.hazard)).collect();
        let filter = FindingFilter { detector: Some(alarm.detector_id), kinds, ..FindingFilter::default() };
        let page = Page { limit: STANDING_AT_MOST, cursor: None };
        let found = self.0.store().findings().list(scope, &filter, &page).await?.items;
        let of_channel = found.into_iter().filter(|row| Some(&row.channel) == code.as_ref());
        Ok(of_channel.max_by_key(|row| row.id))
    }

    /// What a person says that the alarm of something foretold was in truth goes back to its finding: a false alarm
    /// dismisses it, a true hazard is written down beside it.
    ///
    /// # Errors
    /// As [`dismiss`](Self::dismiss).
    pub(super) async fn judged(
        &self,
        scope: &Scope,
        actor: &Actor,
        alarm: &AlarmRow,
        verdict: Verdict,
        note: Option<&str>,
    ) -> Result<(), EngineError> {
        let Some(finding) = self.cause_of(scope, alarm).await?.filter(|row| row.gone_at.is_none()) else {
            return Ok(());
        };
        let reason = note.map(str::trim).filter(|note| !note.is_empty()).unwrap_or(verdict.code());
        match verdict {
            Verdict::Nuisance | Verdict::Works => {
                self.dismiss(scope, actor, finding.id, Some(reason)).await?;
            }
            Verdict::TrueHazard => {
                let findings = self.0.store().findings();
                findings.confirm(scope, actor, self.0.now(), finding.id, reason).await?;
                self.0.live().publish(None, None, LiveKind::Changed { what: "findings" });
            }
            Verdict::Test => {}
        }
        Ok(())
    }

    /// Computes a kept finding again from the history at its time.
    ///
    /// # Errors
    /// [`EngineError::Store`] when it is not in `scope` or cannot be read.
    pub async fn replay(&self, scope: &Scope, id: i64) -> Result<Replayed, EngineError> {
        let row = self.0.store().findings().get(scope, id).await?;
        let kept = KeptFinding::read(&row)?;
        let detector = self.0.store().detectors().get(scope, row.detector_id).await?;
        let done = self.read(scope, &detector, kept.reading).await?;
        let again = done
            .report
            .findings
            .into_iter()
            .find(|one| one.kind == kept.finding.kind && one.about == kept.finding.about)
            .map(|one| as_kept(&one))
            .transpose()?;
        let same = again.as_ref() == Some(&kept.finding);
        Ok(Replayed { kept: kept.finding, kept_version: row.engine_version, again, same })
    }

    /// Somebody says that a finding needs nothing, with the reason; or, without one, that it does after all.
    ///
    /// # Errors
    /// [`EngineError::Store`] with what the store refuses.
    pub async fn dismiss(
        &self,
        scope: &Scope,
        actor: &Actor,
        id: i64,
        reason: Option<&str>,
    ) -> Result<FindingRow, EngineError> {
        let row = self.0.store().findings().dismiss(scope, actor, self.0.now(), id, reason).await?;
        self.0.live().publish(None, None, LiveKind::Changed { what: "findings" });
        self.settle(row.detector_id).await?;
        Ok(row)
    }

    /// What the history is read with now.
    async fn reading(&self, scope: &Scope, row: &DetectorRow) -> Result<Reading, EngineError> {
        let site = self.0.store().sites().get(scope, row.site_id).await?;
        let zone = TimeZone::get(&site.zone).unwrap_or(TimeZone::UTC);
        let offset_ms = Timestamp::from_millisecond(self.0.now().0)
            .map_or(0, |now| i64::from(zone.to_offset(now).seconds()) * 1_000);
        let midnight = (self.0.now().0 + offset_ms).div_euclid(DAY_MS) * DAY_MS - offset_ms;
        let until = UnixMs(midnight);
        Ok(Reading {
            from: until.plus_ms(-SPAN_DAYS * DAY_MS),
            until,
            offset_ms,
            rated_current_a: row.rated_current_a,
            limits: Limits {
                residual_ma: self.alarm_level(row.id, Hazard::ResidualCurrent).unwrap_or(RESIDUAL_MA),
                temperature_c: self.alarm_level(row.id, Hazard::OverTemperature).unwrap_or(TEMPERATURE_C),
            },
        })
    }

    /// The lowest alarm level of a hazard in force on any channel of the detector.
    fn alarm_level(&self, detector: DetectorId, hazard: Hazard) -> Option<f64> {
        let known = self.0.memory().detector(detector)?;
        let limits = known.binding.channels.iter().flat_map(|channel| &channel.limits);
        limits
            .filter(|(own, limits)| *own == hazard && limits.enabled)
            .filter_map(|(_, limits)| limits.alarm)
            .min_by(f64::total_cmp)
    }

    async fn read(
        &self,
        scope: &Scope,
        row: &DetectorRow,
        reading: Reading,
    ) -> Result<Analysed, EngineError> {
        let started = Instant::now();
        let rows = self.0.store().detectors().channels(scope, row.id).await?;
        let rows: Vec<ChannelRow> = rows.into_iter().filter(|row| is_looked_at(row.quantity)).collect();
        let desk = self.0.commissioning();
        let tracks = desk.tracks(scope, &rows, reading.from, reading.until, STEP_MS / 1_000).await?;
        let read_us = micros(started);
        let history = History {
            from: reading.from,
            offset_ms: reading.offset_ms,
            rated_current_a: reading.rated_current_a,
            limits: reading.limits,
            tracks,
        };
        let started = Instant::now();
        let report = tokio::task::spawn_blocking(move || diagnose(&history))
            .await
            .map_err(|_broken| EngineError::Stopped)?;
        Ok(Analysed { reading, report, read_us, think_us: micros(started) })
    }
}

/// A finding without what JSON has no number for.
fn finite(finding: &Finding) -> Finding {
    let mut finding = finding.clone();
    finding.figures.retain(|figure| figure.value.is_finite());
    for curve in &mut finding.evidence {
        curve.points.retain(|(x, y)| x.is_finite() && y.is_finite());
    }
    finding
}

/// A finding as it comes back from the store: the last digit of a number may change on its way through text.
fn as_kept(finding: &Finding) -> Result<Finding, StoreError> {
    serde_json::to_string(&finite(finding))
        .and_then(|text| serde_json::from_str(&text))
        .map_err(|error| StoreError::Corrupt { what: format!("a finding: {error}") })
}

fn micros(since: Instant) -> i64 {
    i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX)
}

fn draft(finding: &Finding, reading: Reading) -> Result<FindingDraft, StoreError> {
    let kept = KeptFinding { v: 1, reading, finding: finite(finding) };
    let body = serde_json::to_string(&kept)
        .map_err(|error| StoreError::Corrupt { what: format!("a finding: {error}") })?;
    Ok(FindingDraft {
        kind: finding.kind,
        channel: finding.about.clone(),
        phase: finding.phase,
        strength: finding.strength,
        confidence: finding.confidence,
        body,
    })
}

/// The detector's own moment of the next day: looks are spread evenly, whatever the ids are.
fn next_at(detector: DetectorId, now: UnixMs) -> UnixMs {
    let slot = detector.0.wrapping_mul(2_654_435_761).rem_euclid(DAY_MS);
    let today = now.0.div_euclid(DAY_MS) * DAY_MS + slot;
    UnixMs(if today > now.0 { today } else { today + DAY_MS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_of_a_day_are_spread_over_it_and_come_once_a_day() {
        let now = UnixMs(1_795_478_400_000);
        let hours: Vec<i64> =
            (1..=2_400).map(|id| next_at(DetectorId(id), now).since_ms(now) / 3_600_000).collect();
        for hour in 0..24 {
            let there = hours.iter().filter(|had| **had == hour).count();
            assert!((80..=120).contains(&there), "{there} of 2400 looks in hour {hour}");
        }
        let first = next_at(DetectorId(7), now);
        assert_eq!(next_at(DetectorId(7), first), first.plus_ms(DAY_MS));
    }
}
