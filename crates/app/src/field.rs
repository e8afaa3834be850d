//! From the configuration to the field door's rules.

use anyhow::Context as _;
use bytes::Bytes;
use gateway::{DtuConfig, FieldConfig, RegistrationPattern, bytes_from_hex, identity_form};

use crate::settings::{FieldSettings, TelegramLevel};

/// The field door as configured.
pub(crate) fn config(settings: &FieldSettings) -> anyhow::Result<FieldConfig> {
    let dtu = &settings.dtu;
    let form = identity_form(&dtu.registration.kind).context("field.dtu.registration.kind")?;
    let mut registration =
        RegistrationPattern::plain(form, dtu.registration.min_len, dtu.registration.max_len);
    registration.prefix = Bytes::from(dtu.registration.prefix.clone());
    registration.suffix = Bytes::from(dtu.registration.suffix.clone());
    registration.terminator = Bytes::from(dtu.registration.terminator.clone());
    let heartbeats = dtu.heartbeats.iter().map(|text| bytes_from_hex(text).context("field.dtu.heartbeats"));
    Ok(FieldConfig {
        listen: settings.listen,
        zone: settings.zone.clone(),
        max_connections: settings.max_connections,
        max_connections_per_address: settings.max_connections_per_address,
        max_new_per_address_per_s: settings.max_new_per_address_per_s,
        identify_within_s: settings.identify_within_s,
        frame_within_s: settings.frame_within_s,
        idle_intervals: settings.idle_intervals,
        idle_floor_s: settings.idle_floor_s,
        write_within_s: settings.write_within_s,
        command_within_s: settings.command_within_s,
        max_frame_bytes: settings.max_frame_bytes,
        max_refused_in_a_row: settings.max_refused_in_a_row,
        max_frames_per_s: settings.max_frames_per_s,
        max_frames_burst: settings.max_frames_burst,
        telegram_log: match settings.telegram_log {
            TelegramLevel::All => gateway::TelegramLevel::All,
            TelegramLevel::Refused => gateway::TelegramLevel::Refused,
            TelegramLevel::Off => gateway::TelegramLevel::Off,
        },
        dtu: DtuConfig {
            registration,
            heartbeats: heartbeats.collect::<anyhow::Result<_>>()?,
            answer_within_ms: dtu.answer_within_ms,
            gap_ms: dtu.gap_ms,
            quarantine_ms: dtu.quarantine_ms,
            back_off_max_s: dtu.back_off_max_s,
            ..DtuConfig::default()
        },
        ..FieldConfig::default()
    })
}
