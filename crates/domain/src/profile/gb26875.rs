//! What is particular to profiles of GB/T 26875.3-2011: the grammar of their keys and of their detectors' addresses,
//! and the switches of a device's dialect.
//!
//! | key | what |
//! | --- | --- |
//! | `analog:17:128` | the analog value of kind 128 of a component of type 17; `*` is any type |
//! | `component:17` | the state bits (or the state code of a dialect) of a component of type 17 |
//! | `system` | the state bits of the system |
//! | `device` | the state bits of the transmission device |
//! | `private:150:bytes[4..6]:u16le` | what stands there in a data unit of type 150, whose byte 0 is the type flag |
//!
//! `analog:…` and `component:…` may end in `@2`: the component two above the detector's own address.
//!
//! A detector's address is `128.1/3`: system type 128, system 1, component 3; `128.1` is the whole system. Without an
//! address it has what no other detector of the terminal has.

use serde::{Deserialize, Serialize};

use super::raw::RawKey;

/// A key, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GbKey {
    /// An analog value.
    Analog {
        /// Type of component (table 5); `None` is any.
        component: Option<u8>,
        /// Kind of value (table 6).
        analog: u8,
        /// How far above the detector's own address.
        above: Option<u32>,
    },
    /// The state of a component.
    Component {
        /// Type of component; `None` is any.
        component: Option<u8>,
        /// How far above the detector's own address.
        above: Option<u32>,
    },
    /// The state of the system.
    System,
    /// The state of the transmission device.
    Device,
    /// A value in a data unit whose type flag the standard does not define.
    Private {
        /// The type flag.
        kind: u8,
        /// Where in the data unit, whose byte 0 is the type flag and byte 1 the count.
        at: RawKey,
    },
}

/// The last type flag that the standard of 2011 defines for what goes up.
const LAST_UP: u8 = 28;

impl GbKey {
    /// Takes a key apart; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "system" => return Some(Self::System),
            "device" => return Some(Self::Device),
            _ => {}
        }
        if let Some(private) = text.strip_prefix("private:") {
            let (kind, at) = private.split_once(':')?;
            let kind = kind.parse().ok().filter(|kind| (9..=20).contains(kind) || *kind > LAST_UP)?;
            return Some(Self::Private { kind, at: RawKey::parse(at).ok()? });
        }
        let (key, above) = match text.split_once('@') {
            Some((key, above)) => (key, Some(above.parse().ok()?)),
            None => (text, None),
        };
        let component = |text: &str| match text {
            "*" => Some(None),
            number => number.parse().ok().map(Some),
        };
        let mut parts = key.split(':');
        let parsed = match (parts.next()?, parts.next()?, parts.next()) {
            ("analog", kind, Some(analog)) => {
                Self::Analog { component: component(kind)?, analog: analog.parse().ok()?, above }
            }
            ("component", kind, None) => Self::Component { component: component(kind)?, above },
            _ => return None,
        };
        parts.next().is_none().then_some(parsed)
    }
}

/// A detector's address behind a transmission device, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GbPlace {
    /// Type of system (table 4).
    pub system_kind: u8,
    /// Which of them.
    pub system_address: u8,
    /// The component, a number or the text of a dialect; `None` is the whole system.
    pub component: Option<String>,
}

impl GbPlace {
    /// Takes `128.1/3` or `128.1` apart; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (system, component) = match text.split_once('/') {
            Some((system, component)) if !component.is_empty() => (system, Some(component.to_owned())),
            Some(_) => return None,
            None => (text, None),
        };
        let (kind, address) = system.split_once('.')?;
        Some(Self { system_kind: kind.parse().ok()?, system_address: address.parse().ok()?, component })
    }

    /// The component's number, 0 where the address names the whole system; `None` where it is a text.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        self.component.as_ref().map_or(Some(0), |component| component.parse().ok())
    }
}

/// What a device does otherwise than the standard. All off is the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gb26875Dialect {
    /// The main version need not be 1.
    pub any_version: bool,
    /// Serial number and version are written high byte first.
    pub big_endian: bool,
    /// Command 2 without data, or with one byte of it, only keeps the line open.
    pub bare_keepalive: bool,
    /// Confirmations and denials may carry a wrong checksum.
    pub stale_checksum: bool,
    /// Times are BCD instead of binary.
    pub bcd_time: bool,
    /// Component addresses of 8 characters, state codes of 1 byte, descriptions of 32.
    pub long_addresses: bool,
    /// A private heartbeat of 12 bytes between start and end characters.
    pub short_heartbeat: bool,
    /// Frames are written as hexadecimal text, in both directions.
    pub hex_text: bool,
    /// Commands from 128 on and type flags that the standard does not define are confirmed; else they are denied,
    /// unless a key reads them.
    pub confirm_private: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_apart() {
        let analog = |component, analog, above| Some(GbKey::Analog { component, analog, above });
        let component = |component, above| Some(GbKey::Component { component, above });
        for (text, wanted) in [
            ("analog:17:128", analog(Some(17), 128, None)),
            ("analog:*:3@2", analog(None, 3, Some(2))),
            ("component:17", component(Some(17), None)),
            ("component:*@4", component(None, Some(4))),
            ("system", Some(GbKey::System)),
            ("device", Some(GbKey::Device)),
            ("analog:17", None),
            ("analog:17:256", None),
            ("component:17:3", None),
            ("component:x", None),
            ("component:17@", None),
            ("analog:17:1:2", None),
            ("device@1", None),
            (
                "private:150:bytes[4..6]:u16le",
                Some(GbKey::Private { kind: 150, at: RawKey::parse("bytes[4..6]:u16le").unwrap() }),
            ),
            ("private:3:bytes[4]:u8", None),
            ("private:150:bytes[4]", None),
            ("", None),
        ] {
            assert_eq!(GbKey::parse(text), wanted, "{text}");
        }
    }

    #[test]
    fn addresses_are_taken_apart() {
        let place = GbPlace::parse("128.1/3").unwrap();
        assert_eq!((place.system_kind, place.system_address, place.number()), (128, 1, Some(3)));
        assert_eq!(GbPlace::parse("1.0").unwrap().number(), Some(0));
        assert_eq!(GbPlace::parse("1.0/A0000001").unwrap().number(), None);
        for wrong in ["", "128", "128.1/", "300.1", "128.x", "/3"] {
            assert_eq!(GbPlace::parse(wrong), None, "{wrong}");
        }
    }
}
