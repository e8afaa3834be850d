//! What the devices of the load speak, in which shares, and their terminals.

use std::net::Ipv4Addr;

use domain::place::Protocol;
use serde::Serialize;

use crate::city::{Inventory, Proof, TerminalPlan};
use crate::doors::Door;
use crate::load::{few_sites, on_its_circuit};

/// What a device of the load speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tongue {
    /// The vendor cloud protocol.
    #[serde(rename = "cloud_7b7b")]
    Cloud7b7b,
    /// The vendor gateway protocol; it confirms nothing.
    #[serde(rename = "gateway_1f1f")]
    Gateway1f1f,
    /// GB/T 26875.3 over TCP.
    #[serde(rename = "gb26875")]
    Gb26875,
    /// Our own messages over MQTT 3.1.1, QoS 1.
    Mqtt,
    /// Our own messages over HTTP, JSON and CBOR in turn, a connection for each.
    Http,
    /// Our own messages over CoAP, confirmable.
    Coap,
    /// Modbus-RTU behind a transparent DTU: the server asks.
    Dtu,
    /// A meter of DL/T 645 behind a transparent DTU: the server asks.
    Meter,
    /// Modbus TCP from a gateway that dials in: the server asks.
    ModbusTcp,
}

/// The protocols of twenty devices that follow each other. Four of five hold a line: a machine gives a process some
/// 20,000 open files, and what comes by HTTP and CoAP has none between two messages.
const SHARES: [Tongue; 20] = [
    Tongue::Cloud7b7b,
    Tongue::Mqtt,
    Tongue::Gb26875,
    Tongue::Gateway1f1f,
    Tongue::Http,
    Tongue::Cloud7b7b,
    Tongue::Dtu,
    Tongue::Mqtt,
    Tongue::Coap,
    Tongue::Gb26875,
    Tongue::Cloud7b7b,
    Tongue::Meter,
    Tongue::Mqtt,
    Tongue::Gateway1f1f,
    Tongue::Http,
    Tongue::Cloud7b7b,
    Tongue::ModbusTcp,
    Tongue::Mqtt,
    Tongue::Coap,
    Tongue::Gb26875,
];

impl Tongue {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Cloud7b7b,
        Self::Gateway1f1f,
        Self::Gb26875,
        Self::Mqtt,
        Self::Http,
        Self::Coap,
        Self::Dtu,
        Self::Meter,
        Self::ModbusTcp,
    ];

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cloud7b7b => "7B7B",
            Self::Gateway1f1f => "1F1F",
            Self::Gb26875 => "GB/T 26875.3",
            Self::Mqtt => "MQTT",
            Self::Http => "HTTP",
            Self::Coap => "CoAP",
            Self::Dtu => "Modbus-RTU by DTU",
            Self::Meter => "DL/T 645 by DTU",
            Self::ModbusTcp => "Modbus TCP",
        }
    }

    /// How its terminals speak.
    #[must_use]
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Cloud7b7b => Protocol::Cloud7b7b,
            Self::Gateway1f1f => Protocol::Gateway1f1f,
            Self::Gb26875 => Protocol::Gb26875,
            Self::Mqtt | Self::Http | Self::Coap => Protocol::Telemetry,
            Self::Dtu | Self::Meter => Protocol::ModbusRtu,
            Self::ModbusTcp => Protocol::ModbusTcp,
        }
    }

    /// The model of its detectors.
    #[must_use]
    pub const fn profile(self) -> &'static str {
        match self {
            Self::Cloud7b7b => "arcm300-cloud",
            Self::Gateway1f1f => "acrel-gateway",
            Self::Gb26875 => "gb26875-combined",
            Self::Mqtt | Self::Http | Self::Coap => "telemetry-generic",
            Self::Dtu | Self::ModbusTcp => "asj-relay",
            Self::Meter => "dlt645-single-phase",
        }
    }

    /// The point whose value tells one reading from the next.
    #[must_use]
    pub const fn measured(self) -> &'static str {
        match self {
            Self::Meter => "voltage_a",
            Self::Cloud7b7b
            | Self::Gateway1f1f
            | Self::Gb26875
            | Self::Mqtt
            | Self::Http
            | Self::Coap
            | Self::Dtu
            | Self::ModbusTcp => "residual",
        }
    }

    /// The least value of that point, mA or V, while nothing is wrong.
    pub(super) const fn least(self) -> i64 {
        match self {
            Self::Meter => 215,
            Self::Cloud7b7b
            | Self::Gateway1f1f
            | Self::Gb26875
            | Self::Mqtt
            | Self::Http
            | Self::Coap
            | Self::Dtu
            | Self::ModbusTcp => 60,
        }
    }

    /// Whether the protocol has a confirmation.
    #[must_use]
    pub const fn confirms(self) -> bool {
        match self {
            Self::Cloud7b7b | Self::Gb26875 | Self::Mqtt | Self::Http | Self::Coap => true,
            Self::Gateway1f1f | Self::Dtu | Self::Meter | Self::ModbusTcp => false,
        }
    }

    /// Whether the server asks for each reading; such devices have no clock.
    #[must_use]
    pub const fn is_polled(self) -> bool {
        match self {
            Self::Dtu | Self::Meter | Self::ModbusTcp => true,
            Self::Cloud7b7b | Self::Gateway1f1f | Self::Gb26875 | Self::Mqtt | Self::Http | Self::Coap => {
                false
            }
        }
    }

    /// Whether it has a line of its own to the platform.
    const fn holds_a_line(self) -> bool {
        match self.door() {
            Door::Field | Door::Mqtt => true,
            Door::Http | Door::Coap => false,
        }
    }

    /// Which door it comes to.
    pub(super) const fn door(self) -> Door {
        match self {
            Self::Cloud7b7b
            | Self::Gateway1f1f
            | Self::Gb26875
            | Self::Dtu
            | Self::Meter
            | Self::ModbusTcp => Door::Field,
            Self::Mqtt => Door::Mqtt,
            Self::Http => Door::Http,
            Self::Coap => Door::Coap,
        }
    }

    /// The serial number of the device with this number.
    #[must_use]
    pub fn serial(self, number: usize) -> String {
        match self {
            Self::Cloud7b7b | Self::Mqtt | Self::Http | Self::Coap => format!("EWM{number:012}"),
            Self::Gb26875 => wire::gb26875::Address::from_number(gb_number(number)).to_string(),
            Self::Gateway1f1f => format!("EWMB/EWM{number:09}"),
            Self::Dtu | Self::Meter | Self::ModbusTcp => format!("EWMLINE{number:08}"),
        }
    }

    fn proof(self, number: usize) -> Option<Proof> {
        match self {
            Self::Cloud7b7b | Self::Gb26875 | Self::Dtu | Self::Meter | Self::ModbusTcp => None,
            Self::Mqtt | Self::Http | Self::Coap => Some(Proof::Token(token(number))),
            Self::Gateway1f1f => Some(Proof::Secret(format!("EWM{number:013}"))),
        }
    }

    fn unit(self) -> Option<u8> {
        match self {
            Self::Dtu | Self::ModbusTcp => Some(UNIT),
            Self::Cloud7b7b
            | Self::Gateway1f1f
            | Self::Gb26875
            | Self::Mqtt
            | Self::Http
            | Self::Coap
            | Self::Meter => None,
        }
    }

    fn address(self, number: usize) -> Option<String> {
        match self {
            Self::Cloud7b7b | Self::Mqtt | Self::Http | Self::Coap | Self::Dtu | Self::ModbusTcp => None,
            Self::Gateway1f1f => Some(METER.to_owned()),
            Self::Gb26875 => Some(COMPONENT.to_owned()),
            Self::Meter => Some(meter_number(number)),
        }
    }

    /// What the device with this number speaks.
    #[must_use]
    pub fn of(number: usize) -> Self {
        SHARES.get(number % SHARES.len()).copied().unwrap_or(Self::Cloud7b7b)
    }
}

/// The devices with numbers below this keep their line when `lines` may be open at once: all, or as many as take half of
/// the places.
pub(super) fn who_keep_lines(devices: usize, lines: usize) -> usize {
    let of_twenty = SHARES.iter().filter(|tongue| tongue.holds_a_line()).count();
    let with_line = |devices: usize| devices * of_twenty / SHARES.len();
    if with_line(devices) + SHARES.len() <= lines { devices } else { lines / 2 * SHARES.len() / of_twenty }
}

/// Nobody's asset number.
pub(super) fn gb_number(number: usize) -> u64 {
    999_000_000_000 + u64::try_from(number).unwrap_or(0)
}

/// What a device of the load shows at the doors for messages.
pub(super) fn token(number: usize) -> String {
    format!("EW-LOAD-TOKEN-{number:06}")
}

/// Twelve digits that no meter has.
pub(super) fn meter_number(number: usize) -> String {
    format!("{:012}", 999_000_000_000 + number)
}

/// The loopback address from which the device with this number dials: `addresses` of them, each with devices of all
/// protocols; the usual one where there is to be only one.
pub(super) fn source(number: usize, addresses: usize) -> Option<Ipv4Addr> {
    let place = (number / SHARES.len()) % addresses.max(1);
    let (high, low) = (u8::try_from(place / 250).ok()?, u8::try_from(place % 250).ok()?);
    (addresses > 1).then(|| Ipv4Addr::new(127, 1, high, low + 1))
}

/// The component that each transmission device reports: system 128.1, number 3.
const COMPONENT: &str = "128.1/3";
/// The meter behind each gateway.
pub(super) const METER: &str = "01001";
/// The Modbus unit behind each line.
pub(super) const UNIT: u8 = 1;

/// The terminals of a mixed load, so that a store can be prepared for it.
#[must_use]
pub fn mixed_inventory(devices: usize) -> Inventory {
    few_sites((0..devices).map(|number| {
        let tongue = Tongue::of(number);
        TerminalPlan {
            serial: tongue.serial(number),
            protocol: tongue.protocol(),
            iccid: None,
            proof: tongue.proof(number),
            door: tongue.door(),
            commissioned: true,
            detectors: vec![on_its_circuit(number, tongue.profile(), tongue.unit(), tongue.address(number))],
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn twenty_devices_speak_all_and_sixteen_hold_a_line() {
        let all: HashSet<_> = SHARES.iter().map(|tongue| tongue.name()).collect();
        assert_eq!(all.len(), Tongue::ALL.len());
        assert_eq!(SHARES.iter().filter(|tongue| tongue.holds_a_line()).count(), 16);
        assert_eq!(who_keep_lines(20_000, 16_020), 20_000);
        assert_eq!(who_keep_lines(50_000, 16_000), 10_000);
    }

    #[test]
    fn devices_of_one_address_speak_different_protocols() {
        assert_eq!(source(7, 1), None);
        let of = |number| source(number, 200);
        assert_eq!((of(0), of(19)), (Some(Ipv4Addr::new(127, 1, 0, 1)), of(0)));
        let used: HashSet<_> = (0..20_000).map(of).collect();
        assert_eq!(used.len(), 200);
    }
}
