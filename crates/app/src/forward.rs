//! `[forward]` of the configuration: our alarms to a higher centre.

use gateway::ForwardConfig;
use serde::Deserialize;

use crate::settings::Settings;

/// `[forward]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForwardSettings {
    pub(crate) centre: String,
    own_address: String,
    centre_address: String,
    system_kind: u8,
    system_address: u8,
    interval_s: u64,
    answer_within_s: u64,
    retries: u8,
    back_off_max_s: u64,
}

/// What the forwarder wants; `None` where nothing is forwarded.
pub(crate) fn config(settings: &Settings) -> Option<ForwardConfig> {
    let forward = &settings.forward;
    (!forward.centre.is_empty()).then(|| ForwardConfig {
        centre: forward.centre.clone(),
        own_address: forward.own_address.clone(),
        centre_address: forward.centre_address.clone(),
        system_kind: forward.system_kind,
        system_address: forward.system_address,
        interval_s: forward.interval_s,
        answer_within_s: forward.answer_within_s,
        retries: forward.retries,
        back_off_max_s: forward.back_off_max_s,
        zone: settings.field.zone.clone(),
    })
}
