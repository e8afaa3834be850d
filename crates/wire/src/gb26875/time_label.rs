//! Six bytes of time: second, minute, hour, day, month, year - 2000. The device's local time, without a zone.

use super::Dialect;
use crate::cloud7b7b::{InvalidLocalTime, LocalTime};

/// A time as it came; whether it is one is seen when it is [`read`](Self::read).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TimeLabel(pub [u8; 6]);

impl TimeLabel {
    /// Length on the wire, bytes.
    pub const WIRE_LEN: usize = 6;

    /// The label of a time.
    #[must_use]
    pub fn new(time: LocalTime, dialect: &Dialect) -> Self {
        let year = u8::try_from(time.year().saturating_sub(2000)).unwrap_or(u8::MAX);
        let parts = [time.second(), time.minute(), time.hour(), time.day(), time.month(), year];
        Self(if dialect.bcd_time { parts.map(|part| ((part / 10) << 4) | (part % 10)) } else { parts })
    }

    /// The time that the label says.
    ///
    /// # Errors
    /// The first part out of range; a BCD digit above 9 counts as such.
    pub fn read(self, dialect: &Dialect) -> Result<LocalTime, InvalidLocalTime> {
        let parts = if dialect.bcd_time {
            self.0.map(|part| {
                let (high, low) = (part >> 4, part & 0x0F);
                if high > 9 || low > 9 { u8::MAX } else { high * 10 + low }
            })
        } else {
            self.0
        };
        let [second, minute, hour, day, month, year] = parts;
        LocalTime::new(2000 + u16::from(year), month, day, hour, minute, second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_binary_or_bcd() {
        let time = LocalTime::new(2026, 11, 23, 8, 30, 15).unwrap();
        let bcd = Dialect { bcd_time: true, ..Dialect::STANDARD };
        assert_eq!(TimeLabel::new(time, &Dialect::STANDARD).0, [0x0F, 0x1E, 0x08, 0x17, 0x0B, 0x1A]);
        assert_eq!(TimeLabel::new(time, &bcd).0, [0x15, 0x30, 0x08, 0x23, 0x11, 0x26]);
        for dialect in [Dialect::STANDARD, bcd] {
            assert_eq!(TimeLabel::new(time, &dialect).read(&dialect), Ok(time));
            assert!(TimeLabel([0xFF; 6]).read(&dialect).is_err());
            assert!(TimeLabel([0; 6]).read(&dialect).is_err());
        }
        assert!(TimeLabel([0x1A, 0x30, 0x08, 0x23, 0x11, 0x26]).read(&bcd).is_err());
    }
}
