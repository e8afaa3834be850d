//! Points in time as the API writes them: RFC 3339 in UTC with milliseconds.

use domain::time::UnixMs;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// A moment, RFC 3339 in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-24T10:00:00.000Z")]
pub struct Time(pub UnixMs);

impl Time {
    /// The text `2026-11-24T10:00:00.000Z`. A moment outside of jiff's years is cut to their edge.
    #[must_use]
    pub fn text(self) -> String {
        let at = Timestamp::from_millisecond(self.0.0).unwrap_or(if self.0.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        });
        format!("{at:.3}")
    }
}

impl From<UnixMs> for Time {
    fn from(at: UnixMs) -> Self {
        Self(at)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let at: Timestamp = text.parse().map_err(|_ill| {
            serde::de::Error::custom(format!("had `{text}`, wanted an RFC 3339 time with a zone"))
        })?;
        Ok(Self(UnixMs(at.as_millisecond())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_with_milliseconds_in_utc() {
        assert_eq!(Time(UnixMs(1_795_514_400_000)).text(), "2026-11-24T10:00:00.000Z");
        assert_eq!(Time(UnixMs(1_795_514_400_007)).text(), "2026-11-24T10:00:00.007Z");
    }

    #[test]
    fn is_read_with_any_zone() {
        let read: Time = serde_json::from_str("\"2026-11-24T18:00:00+08:00\"").unwrap();
        assert_eq!(read, Time(UnixMs(1_795_514_400_000)));
        assert!(serde_json::from_str::<Time>("\"2026-11-24\"").is_err());
    }
}
