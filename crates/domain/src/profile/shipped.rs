//! The profiles that come with Emberwatch, compiled in. A deployment may add files of its own.

use super::model::Profile;
use super::parse::{ProfileError, parse};

/// File name and text of each shipped profile.
pub const SHIPPED: &[(&str, &str)] = &[
    ("acrel-gateway.toml", include_str!("../../../../profiles/acrel-gateway.toml")),
    ("acrel-mqtt.toml", include_str!("../../../../profiles/acrel-mqtt.toml")),
    ("adl3000.toml", include_str!("../../../../profiles/adl3000.toml")),
    ("aim-r100.toml", include_str!("../../../../profiles/aim-r100.toml")),
    ("arcm300-cloud.toml", include_str!("../../../../profiles/arcm300-cloud.toml")),
    ("arcm300-modbus.toml", include_str!("../../../../profiles/arcm300-modbus.toml")),
    ("asj-relay.toml", include_str!("../../../../profiles/asj-relay.toml")),
    ("dlt645-single-phase.toml", include_str!("../../../../profiles/dlt645-single-phase.toml")),
    ("dlt645-three-phase.toml", include_str!("../../../../profiles/dlt645-three-phase.toml")),
    ("gb26875-combined.toml", include_str!("../../../../profiles/gb26875-combined.toml")),
    ("gb26875-standard.toml", include_str!("../../../../profiles/gb26875-standard.toml")),
    ("leakage-breaker.toml", include_str!("../../../../profiles/leakage-breaker.toml")),
    ("nb-detector-raw.toml", include_str!("../../../../profiles/nb-detector-raw.toml")),
    ("telemetry-generic.toml", include_str!("../../../../profiles/telemetry-generic.toml")),
];

/// The shipped profiles.
///
/// # Errors
/// Never in a build whose tests pass; a mistake in a shipped file is a failed test.
pub fn shipped() -> Result<Vec<Profile>, ProfileError> {
    SHIPPED.iter().map(|(file, text)| parse(file, text)).collect()
}
