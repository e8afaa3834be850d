//! The login body.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 20 | serial number, ASCII, zero padded |
//! | 20 | 30 | ICCID of the SIM card, ASCII, zero padded |
//! | 50 | 1 | signal strength, 1 to 31 |
//! | 51, 53, 55 | 2 each | firmware versions, BCD |
//! | 57 | 1 | upload interval, minutes |
//!
//! Older firmware ends after the ICCID, newer firmware may add fields: 50 bytes are enough, what is there
//! is read, what follows is kept.

use std::fmt;

use bytes::Bytes;

use super::body::{padded, padded_text};
use super::{BodyError, SerialNumber};
use crate::cursor::Cursor;

/// What a device says of itself when it logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Who it is.
    pub serial: SerialNumber,
    /// ICCID of its SIM card, `None` when the field is blank. At most 30 characters go out.
    pub iccid: Option<String>,
    /// Signal strength as the modem counts it, 1 to 31.
    pub signal: Option<u8>,
    /// Up to three firmware versions; a version stands only where those before it stand.
    pub firmware: [Option<FirmwareVersion>; 3],
    /// Upload interval, minutes.
    pub interval_min: Option<u8>,
    /// Bytes behind the known fields.
    pub extra: Bytes,
}

/// Two BCD bytes, shown as `1.02`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FirmwareVersion(pub [u8; 2]);

impl fmt::Display for FirmwareVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor] = self.0;
        write!(f, "{major:x}.{minor:02x}")
    }
}

impl Login {
    /// Bytes of the body that must be there.
    pub const MIN_BODY_LEN: usize = 50;
    /// Bytes of the ICCID field.
    pub const ICCID_LEN: usize = 30;

    pub(super) fn parse(body: &[u8]) -> Result<Self, BodyError> {
        let cut = || BodyError::Length { command: "login", had: body.len(), wanted: "at least 50" };
        let mut cursor = Cursor::new(body);
        let serial = cursor.array().ok_or_else(cut)?;
        let iccid: [u8; Self::ICCID_LEN] = cursor.array().ok_or_else(cut)?;
        let serial = SerialNumber::from_wire(&serial)?;
        let iccid =
            padded_text(&iccid).map_err(|(offset, had)| BodyError::Text { field: "iccid", offset, had })?;
        let signal = cursor.u8();
        let mut firmware = [None; 3];
        for version in &mut firmware {
            *version = cursor.array().map(FirmwareVersion);
        }
        let interval_min = if firmware.iter().all(Option::is_some) { cursor.u8() } else { None };
        let extra = Bytes::copy_from_slice(cursor.rest());
        Ok(Self { serial, iccid, signal, firmware, interval_min, extra })
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let mut body = self.serial.to_wire().to_vec();
        body.extend_from_slice(&padded::<{ Self::ICCID_LEN }>(self.iccid.as_deref().unwrap_or_default()));
        // A field can stand only behind all fields before it, so the first one missing ends the known part.
        let mut known = || {
            body.push(self.signal?);
            for version in self.firmware {
                body.extend_from_slice(&version?.0);
            }
            body.push(self.interval_min?);
            Some(())
        };
        let _complete = known();
        body.extend_from_slice(&self.extra);
        body
    }
}
