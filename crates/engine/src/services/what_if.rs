//! Limits tried against the past before they are set or sent: how many alarms and warnings there would have been, against
//! how many there are with today's limits (invariant 2).

use std::sync::Arc;

use domain::access::Scope;
use domain::binding::Binding;
use domain::command::what_if::{Occurrence, Replay, with_limits};
use domain::hazard::Hazard;
use domain::id::{ChannelId, DetectorId, WhatIfId};
use domain::reading::{PointIndex, Reading};
use domain::settings::{LimitPatch, Limits, validate};
use domain::time::UnixMs;
use store::intake::StoredReading;
use store::{Actor, StoreError};

use super::commands::{CommandDesk, invalid};
use crate::error::EngineError;
use crate::pipeline::Engine;

/// The most readings that one trial looks at; of a detector with more, the newest.
const MOST_READINGS: u32 = 300_000;
const DAY_MS: i64 = 86_400_000;

/// What the limits are tried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhatIfTarget {
    /// Every channel of a detector that is judged for the hazard.
    Detector(DetectorId),
    /// One channel.
    Channel(ChannelId),
}

/// A trial with what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct WhatIf {
    /// Its id, for the set-point that follows it.
    pub id: WhatIfId,
    /// The detector.
    pub detector: DetectorId,
    /// The one channel, where it was one.
    pub channel: Option<ChannelId>,
    /// The hazard.
    pub hazard: Hazard,
    /// From when on, measurement time.
    pub from: UnixMs,
    /// Until when, server's clock.
    pub until: UnixMs,
    /// How many readings were judged.
    pub readings: usize,
    /// Whether that is every reading of the time; else the older ones were left out.
    pub complete: bool,
    /// With today's limits.
    pub today: WhatIfOutcome,
    /// With the candidate's.
    pub candidate: WhatIfOutcome,
}

/// How one set of limits would have done.
#[derive(Debug, Clone, PartialEq)]
pub struct WhatIfOutcome {
    /// The limits; of the first channel where there are more.
    pub limits: Limits,
    /// Each time that the hazard was there, oldest first.
    pub occurrences: Vec<Occurrence>,
}

impl CommandDesk<'_> {
    /// Tries `own` over today's limits on the past `days`. The person is remembered with the trial.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] out of scope; [`EngineError::Invalid`] when the limits cannot be, or the hazard is
    /// none of the target.
    pub async fn what_if(
        &self,
        scope: &Scope,
        actor: &Actor,
        target: WhatIfTarget,
        hazard: Hazard,
        own: LimitPatch,
        days: u32,
    ) -> Result<WhatIf, EngineError> {
        let engine: &Engine = self.engine();
        let (detector, channel) = match target {
            WhatIfTarget::Detector(detector) => {
                engine.store().detectors().get(scope, detector).await?;
                (detector, None)
            }
            WhatIfTarget::Channel(channel) => {
                let (row, _) = engine.store().detectors().channel(scope, channel).await?;
                (row.detector_id, Some(channel))
            }
        };
        let known = engine.memory().detector(detector).ok_or(StoreError::NotFound { what: "detector" })?;
        let today = (*known.binding).clone();
        let candidate = with_limits(&today, channel, hazard, &own);
        let (Some(limits), Some(tried)) =
            (limits_of(&today, channel, hazard), limits_of(&candidate, channel, hazard))
        else {
            let words = format!("{} is not judged by limits here", hazard.code());
            return Err(invalid("hazard", "not_judged", words));
        };
        let errors = validate(hazard, &own, &tried);
        if !errors.is_empty() {
            return Err(EngineError::Invalid(errors));
        }
        let until = engine.now();
        let since = until.plus_ms(-i64::from(days) * DAY_MS);
        let place = engine.trial_place().await?;
        let points = judged_points(&today, hazard);
        let (stored, is_cut) =
            engine.store().readings().since(scope, detector, since, MOST_READINGS, Some(&points)).await?;
        let readings = with_values(stored);
        let from = readings.first().filter(|_| is_cut).map_or(since, |first| first.received_at);
        let count = readings.len();
        let readings = Arc::new(readings);
        let [with_today, with_candidate] = [today, candidate].map(|binding| {
            let readings = Arc::clone(&readings);
            tokio::task::spawn_blocking(move || replay(&binding, hazard, channel, &readings, until))
        });
        let with_today = with_today.await.map_err(|_broken| EngineError::Stopped)?;
        let with_candidate = with_candidate.await.map_err(|_broken| EngineError::Stopped)?;
        drop(place);
        let id = engine.store().commands().tried(actor, until, detector, channel, hazard, &own).await?;
        Ok(WhatIf {
            id,
            detector,
            channel,
            hazard,
            from,
            until,
            readings: count,
            complete: !is_cut,
            today: WhatIfOutcome { limits, occurrences: with_today },
            candidate: WhatIfOutcome { limits: tried, occurrences: with_candidate },
        })
    }
}

fn limits_of(binding: &Binding, channel: Option<ChannelId>, hazard: Hazard) -> Option<Limits> {
    let mut channels =
        binding.channels.iter().filter(|c| channel.is_none_or(|wanted| wanted == c.channel.id));
    channels.find_map(|c| c.limits.iter().find(|(about, _)| *about == hazard).map(|(_, limits)| *limits))
}

/// The points that the hazard is judged by, on its channels or with others.
fn judged_points(binding: &Binding, hazard: Hazard) -> Vec<PointIndex> {
    let channels = binding.channels.iter().filter(|channel| {
        hazard.judged_with().contains(&channel.channel.quantity)
            || channel.limits.iter().any(|(about, _)| *about == hazard)
    });
    channels.filter_map(|channel| channel.channel.point).collect()
}

/// The readings that have values; what devices report has limits of its own.
fn with_values(stored: Vec<StoredReading>) -> Vec<Reading> {
    let stored = stored.into_iter().filter(|one| !one.samples.is_empty());
    let readings = stored.map(|one| Reading {
        detector: one.detector,
        group: one.group,
        device_at: one.device_at,
        received_at: one.received_at,
        samples: one.samples,
        reported: Vec::new(),
    });
    readings.collect()
}

fn replay(
    binding: &Binding,
    hazard: Hazard,
    channel: Option<ChannelId>,
    readings: &[Reading],
    until: UnixMs,
) -> Vec<Occurrence> {
    let from = readings.first().map_or(until, |first| first.received_at);
    let mut replay = Replay::new(binding, hazard, from);
    for reading in readings {
        replay.take(reading);
    }
    let mut found = replay.finish(until);
    found.retain(|one| channel.is_none_or(|wanted| wanted == one.channel));
    found
}
