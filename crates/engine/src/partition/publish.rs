//! What a commit tells those who watch.

use bus::live::LiveValue;
use bus::{LiveHub, LiveKind};
use domain::binding::ChannelBinding;
use domain::id::DetectorId;
use domain::place::{AreaCode, OrganisationPath};
use domain::reading::Quality;
use domain::time::UnixMs;

use super::draft::Finished;
use crate::memory::{Detector, Memory};

/// What one commit tells.
pub(super) struct News {
    /// Alarms first, then statuses.
    events: Vec<(OrganisationPath, AreaCode, LiveKind)>,
    /// Detectors with new values, and from when on they were received.
    fresh: Vec<(DetectorId, UnixMs)>,
}

impl News {
    pub(super) fn of(finished: &Finished) -> Self {
        let mut events = Vec::new();
        for write in &finished.batch.alarms {
            let (alarm, detector, site) = (write.alarm.id, write.alarm.detector_id, write.alarm.site_id);
            if let Some(touched) = finished.touched.get(&detector) {
                events.push(about(&touched.detector, LiveKind::Alarm { alarm, detector, site }));
            }
        }
        let mut fresh = Vec::new();
        for (id, touched) in &finished.touched {
            if touched.status_before != Some(touched.detector.status) {
                let site = touched.detector.binding.placement.site;
                events.push(about(&touched.detector, LiveKind::Status { detector: *id, site }));
            }
            fresh.extend(touched.fresh_from.map(|from| (*id, from)));
        }
        Self { events, fresh }
    }

    /// Tells it, once `memory` knows it. Values are told only where somebody follows them: they are most of it, and
    /// whoever begins to follow after this finds them in memory.
    pub(super) fn publish(self, memory: &Memory, live: &LiveHub) {
        live.publish_all(self.events);
        live.publish_all(live.followed(self.fresh).into_iter().filter_map(|(id, from)| {
            let detector = memory.detector(id)?;
            let channels = values(&detector, from);
            let site = detector.binding.placement.site;
            (!channels.is_empty())
                .then(|| about(&detector, LiveKind::Values { detector: id, site, channels }))
        }));
    }
}

/// `kind` with those who may see it.
fn about(detector: &Detector, kind: LiveKind) -> (OrganisationPath, AreaCode, LiveKind) {
    let place = &detector.binding.placement;
    (place.organisation_path.clone(), place.area.clone(), kind)
}

fn values(detector: &Detector, from: UnixMs) -> Vec<LiveValue> {
    let state = &detector.state;
    let value = |channel: &ChannelBinding| {
        let latest = state.latest(channel.channel.point?)?;
        (latest.received_at >= from).then(|| LiveValue {
            channel: channel.channel.id,
            value: has_value(latest.quality).then(|| channel.channel.decimals.value(latest.raw)),
            quality: latest.quality,
            measured_at: latest.filed_at,
            received_at: latest.received_at,
        })
    };
    detector.binding.channels.iter().filter_map(value).collect()
}

const fn has_value(quality: Quality) -> bool {
    match quality {
        Quality::Good | Quality::Implausible => true,
        Quality::SensorOpen | Quality::SensorShort | Quality::DeviceFault => false,
    }
}
