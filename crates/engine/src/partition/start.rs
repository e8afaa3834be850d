//! The start: everything that was known is known again, without reading the history.

use std::collections::HashMap;
use std::sync::Arc;

use domain::condition::DetectorState;
use domain::id::DetectorId;
use domain::reading::Filing;
use store::StoreError;
use store::restart::Restart;

use super::alarming::from_record;
use super::aside::{Policy, next_deadline};
use super::draft::Draft;
use super::{Links, Partition};
use crate::bindings::Levels;
use crate::memory::Detector;
use crate::wheel::Wheel;

impl Partition {
    /// Restores detectors, conditions with their running delays, latest values and open alarms.
    ///
    /// Silence counts from now on where the last word is older: the server itself was away, so every detector gets
    /// one supervision period to speak.
    pub(crate) async fn restore(links: Links) -> Result<Self, StoreError> {
        let now = links.clock.now();
        let levels = Levels::new(&links.store.settings().all().await?);
        let Restart { detectors, states, latest, heard, open_alarms, last_alarm_id, settings_version } =
            links.store.restart().await?;
        let policy = Policy { rules: links.rules, book: links.store.maintenance().book(now).await? };
        let mut states: HashMap<DetectorId, Vec<u8>> = states.into_iter().collect();
        let heard: HashMap<DetectorId, _> = heard.into_iter().collect();
        let mut known: HashMap<DetectorId, Detector> = HashMap::with_capacity(detectors.len());
        let mut partition = Self {
            links,
            intake_open: true,
            wheel: Wheel::default(),
            look_aside_at: policy.book.next_begin(now),
            policy: Arc::new(policy),
            last_alarm_id,
            alarms: HashMap::new(),
            behind: HashMap::new(),
            terminal_of: HashMap::new(),
            lines: HashMap::new(),
            retry: Vec::new(),
            retry_at: None,
        };
        for source in detectors {
            let id = source.placement.detector;
            let status = source.status;
            let profile = partition.links.directory.profile(&source.profile_id);
            let bound = levels.bind(source, profile.as_deref(), settings_version, now);
            partition.learn_place(id, Some(&bound));
            let bytes = states.remove(&id).unwrap_or_default();
            let mut state = DetectorState::from_bytes(&bytes, now)
                .map_err(|error| StoreError::Corrupt { what: format!("state of detector {id}: {error}") })?;
            if let Some(at) = heard.get(&id) {
                state.restore_heard(*at);
            }
            known.insert(
                id,
                Detector {
                    binding: bound.binding,
                    state,
                    status,
                    alarms: Vec::new(),
                    profile_id: bound.profile_id,
                    unit_address: bound.unit_address,
                    heard_stored: heard.get(&id).copied(),
                },
            );
        }
        for reading in latest {
            if let Some(detector) = known.get_mut(&reading.detector) {
                detector.state.restore_latest(
                    reading.group,
                    reading.filed_at,
                    reading.received_at,
                    Filing::Current,
                    &reading.samples,
                );
            }
        }
        let mut homeless = Vec::new();
        for record in open_alarms {
            match known.get_mut(&record.detector_id) {
                Some(detector) => {
                    partition.alarms.insert(record.id, record.detector_id);
                    detector.alarms.push(from_record(record));
                }
                None => homeless.push(from_record(record)),
            }
        }
        for (id, detector) in &known {
            if let Some(at) = next_deadline(detector, &partition.policy.rules) {
                partition.wheel.wake(*id, at);
            }
        }
        let ids: Vec<DetectorId> = known.keys().copied().collect();
        partition.links.memory.change(known.into_iter(), std::iter::empty());
        partition.catch_up(&ids, homeless).await;
        Ok(partition)
    }

    /// Limits may have changed while nobody judged, and a detector may have gone before its alarms were closed.
    async fn catch_up(&mut self, ids: &[DetectorId], homeless: Vec<crate::memory::OpenAlarm>) {
        let mut draft =
            Draft::new(&self.links.memory, &self.policy, self.links.clock.now(), self.last_alarm_id);
        for id in ids {
            draft.refresh(*id);
        }
        for open in homeless {
            draft.withdraw_homeless(open);
        }
        self.raise_late(&mut draft).await;
        let finished = draft.finish();
        if finished.batch.is_empty() {
            return;
        }
        match self.links.store.commit(&finished.batch).await {
            Ok(_receipt) => self.keep(finished, &[], super::Waiting::default()).await,
            Err(error) => {
                tracing::error!(%error, "what changed while the server was away is judged with the next readings");
            }
        }
    }
}
