//! What devices in the field do otherwise than the standard says. Data, not code: a profile sets it.

/// Deviations that are put up with. The default is the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Dialect {
    /// The main version need not be 1: some makers write their own number there.
    pub any_version: bool,
    /// Serial number and version are written high byte first.
    pub big_endian: bool,
    /// Command 2 with no data unit, or with one of a single byte, is a handshake that keeps the line open;
    /// the single byte is answered with the next higher one.
    pub bare_keepalive: bool,
    /// A confirmation or denial may carry a wrong checksum: one maker reuses that of the request.
    pub stale_checksum: bool,
    /// Times are BCD instead of binary.
    pub bcd_time: bool,
    /// The state of a component has an address of 8 characters, a state code of 1 byte and a description of 32.
    pub long_addresses: bool,
    /// A private heartbeat of 12 bytes between the start and the end characters.
    pub short_heartbeat: bool,
    /// Frames are written as hexadecimal text, two digits a byte, in both directions.
    pub hex_text: bool,
    /// What the standard leaves to makers (commands from 128 on, type flags that it does not define) is confirmed.
    pub confirm_private: bool,
}

impl Dialect {
    /// The standard without deviations.
    pub const STANDARD: Self = Self {
        any_version: false,
        big_endian: false,
        bare_keepalive: false,
        stale_checksum: false,
        bcd_time: false,
        long_addresses: false,
        short_heartbeat: false,
        hex_text: false,
        confirm_private: false,
    };

    /// Puts up with what either puts up with: for a line whose detectors have several profiles.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            any_version: self.any_version || other.any_version,
            big_endian: self.big_endian || other.big_endian,
            bare_keepalive: self.bare_keepalive || other.bare_keepalive,
            stale_checksum: self.stale_checksum || other.stale_checksum,
            bcd_time: self.bcd_time || other.bcd_time,
            long_addresses: self.long_addresses || other.long_addresses,
            short_heartbeat: self.short_heartbeat || other.short_heartbeat,
            hex_text: self.hex_text || other.hex_text,
            confirm_private: self.confirm_private || other.confirm_private,
        }
    }
}
