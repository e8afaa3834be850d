//! What a commit tells those who watch.

use std::collections::HashMap;

use bus::live::LiveValue;
use bus::{LiveHub, LiveKind};
use domain::binding::Binding;
use domain::id::{AlarmId, DetectorId, SiteId};
use domain::place::{AreaCode, OrganisationPath};
use domain::reading::Quality;

use super::draft::{Finished, Touched};

/// The events of one commit, alarms first.
pub(super) struct News {
    events: Vec<(OrganisationPath, AreaCode, LiveKind)>,
}

impl News {
    pub(super) fn of(finished: &Finished) -> Self {
        let mut events = Vec::new();
        let alarms: HashMap<DetectorId, Vec<(AlarmId, SiteId)>> =
            finished.batch.alarms.iter().fold(HashMap::new(), |mut alarms, write| {
                alarms
                    .entry(write.alarm.detector_id)
                    .or_default()
                    .push((write.alarm.id, write.alarm.site_id));
                alarms
            });
        for (detector, touched) in &finished.touched {
            let place = &touched.detector.binding.placement;
            for (alarm, site) in alarms.get(detector).into_iter().flatten() {
                let kind = LiveKind::Alarm { alarm: *alarm, detector: *detector, site: *site };
                events.push((place.organisation_path.clone(), place.area.clone(), kind));
            }
        }
        for (detector, touched) in &finished.touched {
            let place = &touched.detector.binding.placement;
            if touched.status_before != Some(touched.detector.status) {
                let kind = LiveKind::Status { detector: *detector, site: place.site };
                events.push((place.organisation_path.clone(), place.area.clone(), kind));
            }
            let channels = values(touched);
            if !channels.is_empty() {
                let kind = LiveKind::Values { detector: *detector, site: place.site, channels };
                events.push((place.organisation_path.clone(), place.area.clone(), kind));
            }
        }
        Self { events }
    }

    pub(super) fn publish(self, live: &LiveHub) {
        for (organisation, area, kind) in self.events {
            live.publish(Some(organisation), Some(area), kind);
        }
    }
}

fn values(touched: &Touched) -> Vec<LiveValue> {
    let Some(from) = touched.fresh_from else { return Vec::new() };
    let state = &touched.detector.state;
    let binding: &Binding = &touched.detector.binding;
    binding
        .channels
        .iter()
        .filter_map(|channel| {
            let latest = state.latest(channel.channel.point?)?;
            (latest.received_at >= from).then(|| LiveValue {
                channel: channel.channel.id,
                value: has_value(latest.quality).then(|| channel.channel.decimals.value(latest.raw)),
                quality: latest.quality,
                measured_at: latest.filed_at,
                received_at: latest.received_at,
            })
        })
        .collect()
}

const fn has_value(quality: Quality) -> bool {
    match quality {
        Quality::Good | Quality::Implausible => true,
        Quality::SensorOpen | Quality::SensorShort | Quality::DeviceFault => false,
    }
}
