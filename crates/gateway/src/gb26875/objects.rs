//! Where wire meets domain: from information objects to readings of detectors, and to notes about the terminal.

use std::sync::Arc;

use bus::Directory;
use bus::intake::Note;
use domain::hazard::{Hazard, Severity};
use domain::id::DetectorId;
use domain::place::{DetectorEntry, TerminalEntry};
use domain::profile::{Decimal, GbKey, GbPlace, Key, KeyValue, Profile, decode_keyed};
use domain::reading::{Reading, Reported};
use domain::time::UnixMs;
use jiff::tz::TimeZone;
use wire::gb26875::{ComponentAddress, Dialect, SystemRef, TimeLabel, Unit, codes};

/// Fire alarm among the state bits of a component (8.2.1.2).
const FIRE_ALARM: u16 = 0b10;
/// The group of what no group of a profile reads; such groups count from 0.
const NO_GROUP: u8 = u8::MAX;

/// What a data unit came to.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// One reading for each object and each group that it belongs to.
    pub(super) readings: Vec<Reading>,
    /// What is kept as events of the terminal.
    pub(super) notes: Vec<Note>,
    /// Version of the transmission device.
    pub(super) firmware: Option<String>,
    /// Why objects were left out.
    pub(super) left_out: Option<String>,
}

/// The detectors behind a line, with their places taken apart.
pub(super) struct Behind<'a> {
    detectors: Vec<(&'a DetectorEntry, Option<GbPlace>, Arc<Profile>)>,
    /// The terminal's first, whether its place and profile can be read or not.
    first: Option<DetectorId>,
    zone: &'a TimeZone,
    dialect: &'a Dialect,
    now: UnixMs,
}

/// What an object is about.
#[derive(Debug, Clone, Copy)]
enum About {
    Device,
    System(SystemRef),
    Component { system: SystemRef, kind: u8, address: ComponentAddress, analog: Option<u8> },
}

impl<'a> Behind<'a> {
    pub(super) fn new(
        entry: &'a TerminalEntry,
        directory: &Directory,
        zone: &'a TimeZone,
        dialect: &'a Dialect,
        now: UnixMs,
    ) -> Self {
        let detectors = entry
            .detectors
            .iter()
            .filter_map(|detector| {
                let profile = directory.profile(&detector.profile)?;
                let place = match &detector.address {
                    None => None,
                    Some(address) => Some(GbPlace::parse(address)?),
                };
                Some((detector, place, profile))
            })
            .collect();
        Self { detectors, first: entry.detectors.first().map(|detector| detector.id), zone, dialect, now }
    }

    /// Reads every object of a unit.
    pub(super) fn read(&self, unit: &Unit) -> Contents {
        let mut contents = Contents::default();
        match unit {
            Unit::SystemStates(all) => {
                for object in all {
                    let number = i64::from(object.state);
                    if !self.object(About::System(object.system), number, object.at, &mut contents) {
                        let words = codes::bits(object.state, &codes::SYSTEM_BITS);
                        contents.note("system_state", format!("{}: {words}", system(object.system)));
                    }
                }
            }
            Unit::ComponentStates(all) => {
                for object in all {
                    let about = About::Component {
                        system: object.system,
                        kind: object.kind,
                        address: object.address,
                        analog: None,
                    };
                    let number = i64::from(object.state.number());
                    if !self.object(about, number, object.at, &mut contents) {
                        if number & i64::from(FIRE_ALARM) != 0
                            && matches!(object.state, wire::gb26875::StateWord::Bits(_))
                        {
                            contents.readings.extend(self.unassigned_alarm(object.system, object.address));
                        }
                        let words = match object.state {
                            wire::gb26875::StateWord::Bits(bits) => codes::bits(bits, &codes::COMPONENT_BITS),
                            wire::gb26875::StateWord::Code(code) => format!("code {code}"),
                        };
                        let (place, kind) = (object.address, component(object.kind));
                        let (system, said) = (object.system, &object.description);
                        contents.note("component_state", format!("{system}/{place} {kind} {said}: {words}"));
                    }
                }
            }
            Unit::AnalogValues(all) => {
                for object in all {
                    let about = About::Component {
                        system: object.system,
                        kind: object.kind,
                        address: object.address,
                        analog: Some(object.analog),
                    };
                    if !self.object(about, object.value.into(), object.at, &mut contents) {
                        let (system, place, kind, analog) =
                            (object.system, object.address, object.kind, object.analog);
                        contents.left_out = Some(format!(
                            "analog:{kind}:{analog} of {system}/{place}, wanted a key of a detector of this terminal"
                        ));
                    }
                }
            }
            Unit::DeviceStates(all) => {
                for object in all {
                    if !self.object(About::Device, object.state.into(), object.at, &mut contents) {
                        contents.note("device_state", codes::bits(object.state.into(), &codes::DEVICE_BITS));
                    }
                }
            }
            Unit::Operations(all) => {
                for object in all {
                    let words = codes::bits(object.flags.into(), &codes::OPERATION_BITS);
                    let (place, operator, at) =
                        (system(object.system), object.operator, self.time(object.at));
                    contents.note("operation", format!("{place}: {words}, operator {operator}, {at}"));
                }
            }
            Unit::DeviceOperations(all) => {
                for object in all {
                    let words = codes::bits(object.flags.into(), &codes::DEVICE_OPERATION_BITS);
                    let (operator, at) = (object.operator, self.time(object.at));
                    contents.note("operation", format!("{words}, operator {operator}, {at}"));
                }
            }
            Unit::SystemVersions(all) => {
                for object in all {
                    let place = system(object.system);
                    contents.note("version", format!("{place}: {}.{}", object.major, object.minor));
                }
            }
            Unit::DeviceVersions(all) => {
                for object in all {
                    contents.firmware = Some(format!("{}.{}", object.major, object.minor));
                }
            }
            Unit::SystemTexts(all) => {
                for object in all {
                    contents.note("configuration", format!("{}: {}", system(object.system), object.text));
                }
            }
            Unit::ComponentTexts(all) => {
                for object in all {
                    let (system, place, kind) = (object.system, object.address, component(object.kind));
                    contents.note("configuration", format!("{system}/{place} {kind}: {}", object.text));
                }
            }
            Unit::DeviceTexts(all) => {
                for text in all {
                    contents.note("configuration", text.to_string());
                }
            }
            Unit::Private { kind, .. } => {
                let bytes = unit.encode(self.dialect);
                let is_taken =
                    self.values(None, &mut contents, |key, _place| match GbKey::parse(&key.name) {
                        Some(GbKey::Private { kind: wanted, at }) if wanted == *kind => at.read(&bytes),
                        Some(_) | None => None,
                    });
                if !is_taken && !self.dialect.confirm_private {
                    contents.left_out = Some(format!(
                        "type flag {kind} of the maker's own, wanted a key of a detector of this terminal, or the switch confirm_private"
                    ));
                }
            }
            // Clocks are compared by the time label of their frame.
            Unit::SystemClocks(_) | Unit::DeviceClocks(_) => {}
            Unit::ReadSystems { .. }
            | Unit::ReadComponents { .. }
            | Unit::ReadOperations(_)
            | Unit::ReadDeviceOperations(_)
            | Unit::Device { .. }
            | Unit::SetClock(_)
            | Unit::PostCheck { .. }
            | Unit::Bare(_)
            | Unit::Remark(_) => {
                let kind = unit.kind().unwrap_or_default();
                contents.left_out = Some(format!("type flag {kind}, wanted one of the types that go up"));
            }
        }
        contents
    }

    /// Gives an object to the detectors that it belongs to; `false` when there is none.
    fn object(&self, about: About, number: i64, at: TimeLabel, contents: &mut Contents) -> bool {
        let device_at = moment(at, self.zone, self.dialect);
        self.values(device_at, contents, |key, place| {
            fits(key, about, place).then_some(KeyValue::Number(Decimal::whole(number)))
        })
    }

    /// A fire alarm that no key reads, told of the detector at the component's address or else of the terminal's first: nobody
    /// would look for an alarm among a terminal's events. `None` when the terminal has no detector.
    ///
    /// It goes by the time of receipt: an alarm that passed for late would begin closed.
    fn unassigned_alarm(&self, system: SystemRef, address: ComponentAddress) -> Option<Reading> {
        let is_there = |place: &GbPlace| {
            place.system_kind == system.kind
                && place.system_address == system.address
                && is_at(address, None, Some(place))
        };
        let at_the_address = self
            .detectors
            .iter()
            .find(|(_, place, _)| place.as_ref().is_some_and(is_there))
            .map(|(detector, ..)| detector.id);
        Some(Reading {
            detector: at_the_address.or(self.first)?,
            group: NO_GROUP,
            device_at: None,
            received_at: self.now,
            samples: Vec::new(),
            reported: vec![Reported {
                point: None,
                hazard: Hazard::UnassignedAlarm,
                severity: Some(Severity::Alarm),
            }],
        })
    }

    /// Gives what `value` finds to the detectors whose keys it is found by; `false` when there is none.
    fn values(
        &self,
        device_at: Option<UnixMs>,
        contents: &mut Contents,
        value: impl Fn(&Key, Option<&GbPlace>) -> Option<KeyValue>,
    ) -> bool {
        let mut is_taken = false;
        // Whoever has the address goes first; who has none gets what nobody took.
        for has_place in [true, false] {
            for (detector, place, profile) in &self.detectors {
                if place.is_some() != has_place {
                    continue;
                }
                let groups = decode_keyed(profile, |key| value(key, place.as_ref()));
                for group in groups {
                    is_taken = true;
                    contents.readings.push(Reading {
                        detector: detector.id,
                        group: group.group,
                        device_at,
                        received_at: self.now,
                        samples: group.samples,
                        reported: group.reported,
                    });
                }
            }
            if is_taken {
                break;
            }
        }
        is_taken
    }

    fn time(&self, label: TimeLabel) -> String {
        label.read(self.dialect).map_or_else(|_invalid| "without a time".to_owned(), |time| time.to_string())
    }
}

impl Contents {
    fn note(&mut self, event: &'static str, detail: String) {
        self.notes.push(Note { event, detail });
    }
}

/// Whether the detector at `place` reads `about` under `key`.
fn fits(key: &Key, about: About, place: Option<&GbPlace>) -> bool {
    let in_system = |system: SystemRef| {
        place.is_none_or(|place| place.system_kind == system.kind && place.system_address == system.address)
    };
    match (GbKey::parse(&key.name), about) {
        (Some(GbKey::Device), About::Device) => true,
        (Some(GbKey::System), About::System(system)) => in_system(system),
        (
            Some(GbKey::Analog { component, analog, above }),
            About::Component { system, kind, address, analog: Some(had) },
        ) => {
            analog == had
                && component.is_none_or(|wanted| wanted == kind)
                && in_system(system)
                && is_at(address, above, place)
        }
        (
            Some(GbKey::Component { component, above }),
            About::Component { system, kind, address, analog: None },
        ) => {
            component.is_none_or(|wanted| wanted == kind) && in_system(system) && is_at(address, above, place)
        }
        (Some(_) | None, About::Device | About::System(_) | About::Component { .. }) => false,
    }
}

fn is_at(address: ComponentAddress, above: Option<u32>, place: Option<&GbPlace>) -> bool {
    let component = place.and_then(|place| place.component.as_deref());
    let base = match place {
        Some(place) => place.number(),
        None => Some(0),
    };
    match (address, above, component) {
        // The whole system, any of its components.
        (_, None, None) => true,
        (ComponentAddress::Number(number), above, _) => {
            base.and_then(|base| base.checked_add(above.unwrap_or(0))) == Some(number)
        }
        (ComponentAddress::Text(_), None, Some(wanted)) => address.to_string() == wanted,
        (ComponentAddress::Text(_), Some(above), _) => {
            let number: Option<u32> = address.to_string().parse().ok();
            number.is_some() && base.and_then(|base| base.checked_add(above)) == number
        }
    }
}

/// The moment of a label, taken for the local time of `zone`; `None` for a label that is no time.
pub(super) fn moment(label: TimeLabel, zone: &TimeZone, dialect: &Dialect) -> Option<UnixMs> {
    let time = label.read(dialect).ok()?;
    let part = |part: u8| i8::try_from(part).ok();
    let civil = jiff::civil::DateTime::new(
        i16::try_from(time.year()).ok()?,
        part(time.month())?,
        part(time.day())?,
        part(time.hour())?,
        part(time.minute())?,
        part(time.second())?,
        0,
    )
    .ok()?;
    zone.to_timestamp(civil).ok().map(|at| UnixMs(at.as_millisecond()))
}

fn system(system: SystemRef) -> String {
    match codes::system(system.kind) {
        Some(code) => format!("{system} {}", code.name),
        None => system.to_string(),
    }
}

fn component(kind: u8) -> String {
    codes::component(kind).map_or_else(|| format!("部件类型{kind}"), |code| code.name.to_owned())
}
