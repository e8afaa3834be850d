//! The grammar of units and addresses behind a terminal. What has another form is refused when it is set: nothing that a
//! device says would ever fit it, and its alarms would be nobody's.

use super::gb26875::GbPlace;
use super::model::Profile;
use crate::place::Protocol;

/// The longest address, bytes.
const LONGEST: usize = 64;
/// The longest text address of a component in a dialect of GB/T 26875.3, bytes.
const LONGEST_COMPONENT: usize = 8;

/// What is wrong with a detector's unit or address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressMistake {
    /// A Modbus unit was wanted.
    UnitWanted,
    /// The protocol has no Modbus units.
    UnitUnwanted,
    /// The address is empty or too long.
    Length,
    /// The protocol counts by unit and has no addresses.
    AddressUnwanted,
    /// DL/T 645: the 12 digits of a meter number were wanted.
    MeterWanted,
    /// GB/T 26875.3: a component or system was wanted.
    ComponentWanted,
    /// Behind a vendor gateway: a port was wanted.
    PortWanted,
}

impl AddressMistake {
    /// Whether it is about the unit rather than the address.
    #[must_use]
    pub const fn is_about_unit(self) -> bool {
        match self {
            Self::UnitWanted | Self::UnitUnwanted => true,
            Self::Length
            | Self::AddressUnwanted
            | Self::MeterWanted
            | Self::ComponentWanted
            | Self::PortWanted => false,
        }
    }

    /// The stable name used in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnitWanted => "out_of_range",
            Self::UnitUnwanted => "unit_unwanted",
            Self::Length => "too_long",
            Self::AddressUnwanted => "address_unwanted",
            Self::MeterWanted => "meter_wanted",
            Self::ComponentWanted => "component_wanted",
            Self::PortWanted => "port_wanted",
        }
    }

    /// What would be right.
    #[must_use]
    pub const fn wanted(self) -> &'static str {
        match self {
            Self::UnitWanted => "a Modbus address from 1 to 247",
            Self::UnitUnwanted => "none: this protocol has no Modbus units",
            Self::Length => "1 to 64 bytes",
            Self::AddressUnwanted => "none: Modbus counts by unit",
            Self::MeterWanted => "the 12 digits of the meter's address",
            Self::ComponentWanted => {
                "system type, system and component such as 128.1/3, or 128.1 for the whole system"
            }
            Self::PortWanted => "a port of the gateway such as 1 or 01, or port and address such as 01003",
        }
    }
}

/// Checks the unit and address of a detector of `profile` behind a terminal that speaks `terminal`.
///
/// | profile | unit | address |
/// | --- | --- | --- |
/// | 7B7B | none or 1-247 | none |
/// | Modbus | 1-247 | none; behind a 1F1F gateway none, `P`, `PP` or `PPAAA` |
/// | DL/T 645 | none | 12 digits |
/// | GB/T 26875.3 | none | none, `128.1` or `128.1/3` |
/// | 1F1F, telemetry | none | none or 1 to 64 bytes: the names are the maker's |
///
/// # Errors
/// [`AddressMistake`], the first one.
pub fn check_address(
    terminal: Protocol,
    profile: &Profile,
    unit: Option<u8>,
    address: Option<&str>,
) -> Result<(), AddressMistake> {
    match profile.protocol {
        Protocol::Cloud7b7b | Protocol::ModbusRtu | Protocol::ModbusTcp => {
            let may_lack = profile.protocol == Protocol::Cloud7b7b;
            if !unit.map_or(may_lack, |unit| (1..=247).contains(&unit)) {
                return Err(AddressMistake::UnitWanted);
            }
        }
        Protocol::Dlt645 | Protocol::Gb26875 | Protocol::Gateway1f1f | Protocol::Telemetry => {
            if unit.is_some() {
                return Err(AddressMistake::UnitUnwanted);
            }
        }
    }
    let Some(text) = address else {
        return if profile.protocol == Protocol::Dlt645 { Err(AddressMistake::MeterWanted) } else { Ok(()) };
    };
    let (fits, mistake) = match profile.protocol {
        Protocol::Cloud7b7b | Protocol::ModbusTcp => (false, AddressMistake::AddressUnwanted),
        Protocol::ModbusRtu if terminal == Protocol::Gateway1f1f => {
            (is_port(text), AddressMistake::PortWanted)
        }
        Protocol::ModbusRtu => (false, AddressMistake::AddressUnwanted),
        Protocol::Dlt645 => (text.len() == 12 && is_digits(text), AddressMistake::MeterWanted),
        Protocol::Gb26875 => {
            let has_texts = profile.gb26875.is_some_and(|dialect| dialect.long_addresses);
            (is_component(text, has_texts), AddressMistake::ComponentWanted)
        }
        Protocol::Gateway1f1f | Protocol::Telemetry => {
            ((1..=LONGEST).contains(&text.len()), AddressMistake::Length)
        }
    };
    if fits { Ok(()) } else { Err(mistake) }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// One or two digits of the port, or two of the port and three of the address on it.
fn is_port(text: &str) -> bool {
    is_digits(text)
        && match text.len() {
            1 | 2 => true,
            5 => text.get(2..).is_some_and(|address| address.parse::<u8>().is_ok()),
            _ => false,
        }
}

/// Components are numbers; a dialect may have texts. Signs and blanks would be read by some and never be met.
fn is_component(text: &str, has_texts: bool) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+');
    is_plain
        && GbPlace::parse(text).is_some_and(|place| {
            place.number().is_some()
                || has_texts && place.component.is_some_and(|component| component.len() <= LONGEST_COMPONENT)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Gb26875Dialect, shipped};

    fn of(protocol: Protocol) -> Profile {
        shipped().unwrap().into_iter().find(|profile| profile.protocol == protocol).unwrap()
    }

    #[test]
    fn an_address_has_the_form_of_its_protocol() {
        use AddressMistake as M;
        use Protocol as P;
        for (terminal, profile, unit, right, wrong, mistake) in [
            (
                P::Gb26875,
                P::Gb26875,
                None,
                &["128.1/1", "128.1", "1.0/4294967295"][..],
                &[
                    "1",
                    "",
                    "128/1",
                    "128.1/",
                    "300.1/1",
                    "128.1/x",
                    "128.1/ 3",
                    "128.1/+3",
                    "128.1/4294967296",
                ][..],
                M::ComponentWanted,
            ),
            (
                P::ModbusRtu,
                P::Dlt645,
                None,
                &["000012345678"],
                &["12345678", "", "00001234567A"],
                M::MeterWanted,
            ),
            (
                P::Gateway1f1f,
                P::ModbusRtu,
                Some(3),
                &["1", "01", "01003", "99255"],
                &["", "x", "001", "01256", "1-3", "010033"],
                M::PortWanted,
            ),
            (P::Gateway1f1f, P::Gateway1f1f, None, &["01001", "meter-a"], &[""], M::Length),
            (P::Telemetry, P::Telemetry, None, &["3_1"], &[""], M::Length),
            (P::ModbusRtu, P::ModbusRtu, Some(3), &[], &["1"], M::AddressUnwanted),
            (P::Cloud7b7b, P::Cloud7b7b, None, &[], &["1"], M::AddressUnwanted),
        ] {
            let profile = of(profile);
            for text in right {
                assert_eq!(check_address(terminal, &profile, unit, Some(text)), Ok(()), "{text:?}");
            }
            for text in wrong {
                assert_eq!(check_address(terminal, &profile, unit, Some(text)), Err(mistake), "{text:?}");
            }
        }
        let long = "电".repeat(22);
        assert_eq!(check_address(P::Telemetry, &of(P::Telemetry), None, Some(&long)), Err(M::Length));
    }

    #[test]
    fn units_and_missing_addresses() {
        use AddressMistake as M;
        use Protocol as P;
        for (profile, unit, wanted) in [
            (P::Cloud7b7b, None, Ok(())),
            (P::Cloud7b7b, Some(248), Err(M::UnitWanted)),
            (P::ModbusRtu, None, Err(M::UnitWanted)),
            (P::ModbusRtu, Some(0), Err(M::UnitWanted)),
            (P::ModbusRtu, Some(247), Ok(())),
            (P::Dlt645, None, Err(M::MeterWanted)),
            (P::Gb26875, None, Ok(())),
            (P::Gb26875, Some(1), Err(M::UnitUnwanted)),
            (P::Telemetry, None, Ok(())),
        ] {
            assert_eq!(check_address(profile, &of(profile), unit, None), wanted, "{profile:?} {unit:?}");
        }
    }

    #[test]
    fn a_dialect_has_texts() {
        let mut profile = of(Protocol::Gb26875);
        profile.gb26875 = Some(Gb26875Dialect { long_addresses: true, ..Gb26875Dialect::default() });
        let check = |text| check_address(Protocol::Gb26875, &profile, None, Some(text));
        assert_eq!(check("1.0/A0000001"), Ok(()));
        assert_eq!(check("1.0/A00000001"), Err(AddressMistake::ComponentWanted));
    }
}
