//! The application data unit: a type flag, a count, and so many information objects.

use bytes::Bytes;

use super::address::SystemRef;
use super::object::{
    AnalogValue, ComponentRef, ComponentState, ComponentText, DeviceOperation, DeviceState, DeviceVersion,
    Object, Operation, ReadDeviceOperations, ReadOperations, SystemClock, SystemState, SystemText,
    SystemVersion,
};
use super::{Dialect, Text, TimeLabel, UnitError};
use crate::cursor::Cursor;

/// The type flags.
pub mod kind {
    /// State of a system, up.
    pub const SYSTEM_STATE: u8 = 1;
    /// State of a component, up.
    pub const COMPONENT_STATE: u8 = 2;
    /// Analog value of a component, up.
    pub const ANALOG_VALUE: u8 = 3;
    /// Operation of a facility, up.
    pub const OPERATION: u8 = 4;
    /// Software of a system, up.
    pub const SYSTEM_VERSION: u8 = 5;
    /// Configuration of a system, up.
    pub const SYSTEM_TEXT: u8 = 6;
    /// Configuration of a component, up.
    pub const COMPONENT_TEXT: u8 = 7;
    /// Clock of a system, up.
    pub const SYSTEM_CLOCK: u8 = 8;
    /// State of the transmission device, up.
    pub const DEVICE_STATE: u8 = 21;
    /// Operation of the transmission device, up.
    pub const DEVICE_OPERATION: u8 = 24;
    /// Software of the transmission device, up.
    pub const DEVICE_VERSION: u8 = 25;
    /// Configuration of the transmission device, up.
    pub const DEVICE_TEXT: u8 = 26;
    /// Clock of the transmission device, up.
    pub const DEVICE_CLOCK: u8 = 28;
    /// Read the state of systems, down.
    pub const READ_SYSTEM_STATE: u8 = 61;
    /// Read the state of components, down.
    pub const READ_COMPONENT_STATE: u8 = 62;
    /// Read analog values, down.
    pub const READ_ANALOG_VALUE: u8 = 63;
    /// Read operations of a facility, down.
    pub const READ_OPERATIONS: u8 = 64;
    /// Read the software of a system, down.
    pub const READ_SYSTEM_VERSION: u8 = 65;
    /// Read the configuration of systems, down.
    pub const READ_SYSTEM_TEXT: u8 = 66;
    /// Read the configuration of components, down.
    pub const READ_COMPONENT_TEXT: u8 = 67;
    /// Read the clock of a system, down.
    pub const READ_SYSTEM_CLOCK: u8 = 68;
    /// Read the state of the transmission device, down.
    pub const READ_DEVICE_STATE: u8 = 81;
    /// Read operations of the transmission device, down.
    pub const READ_DEVICE_OPERATIONS: u8 = 84;
    /// Read the software of the transmission device, down.
    pub const READ_DEVICE_VERSION: u8 = 85;
    /// Read the configuration of the transmission device, down.
    pub const READ_DEVICE_TEXT: u8 = 86;
    /// Read the clock of the transmission device, down.
    pub const READ_DEVICE_CLOCK: u8 = 88;
    /// Initialise the transmission device, down.
    pub const INITIALISE: u8 = 89;
    /// Set the clock of the transmission device, down.
    pub const SET_CLOCK: u8 = 90;
    /// Post check, down.
    pub const POST_CHECK: u8 = 91;
    /// The first type flag that makers may use as they like; the last is 254.
    pub const FIRST_PRIVATE: u8 = 128;

    /// The type flag that answers a query: 61 to 68 with 1 to 8, 81 to 88 with 21 to 28.
    #[must_use]
    pub const fn answer_to(query: u8) -> Option<u8> {
        match query {
            READ_SYSTEM_STATE..=READ_SYSTEM_CLOCK
            | READ_DEVICE_STATE
            | READ_DEVICE_OPERATIONS..=READ_DEVICE_TEXT
            | READ_DEVICE_CLOCK => Some(query - 60),
            _ => None,
        }
    }
}

/// What a frame carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// Type 1.
    SystemStates(Vec<SystemState>),
    /// Type 2.
    ComponentStates(Vec<ComponentState>),
    /// Type 3.
    AnalogValues(Vec<AnalogValue>),
    /// Type 4.
    Operations(Vec<Operation>),
    /// Type 5.
    SystemVersions(Vec<SystemVersion>),
    /// Type 6.
    SystemTexts(Vec<SystemText>),
    /// Type 7.
    ComponentTexts(Vec<ComponentText>),
    /// Type 8.
    SystemClocks(Vec<SystemClock>),
    /// Type 21.
    DeviceStates(Vec<DeviceState>),
    /// Type 24.
    DeviceOperations(Vec<DeviceOperation>),
    /// Type 25.
    DeviceVersions(Vec<DeviceVersion>),
    /// Type 26.
    DeviceTexts(Vec<Text>),
    /// Type 28.
    DeviceClocks(Vec<TimeLabel>),
    /// Types 61, 65, 66 and 68.
    ReadSystems {
        /// The type flag.
        kind: u8,
        /// Of which systems.
        systems: Vec<SystemRef>,
    },
    /// Types 62, 63 and 67.
    ReadComponents {
        /// The type flag.
        kind: u8,
        /// Of which components.
        components: Vec<ComponentRef>,
    },
    /// Type 64.
    ReadOperations(Vec<ReadOperations>),
    /// Type 84.
    ReadDeviceOperations(Vec<ReadDeviceOperations>),
    /// Types 81, 85, 86, 88 and 89: one reserved byte.
    Device {
        /// The type flag.
        kind: u8,
    },
    /// Type 90.
    SetClock(TimeLabel),
    /// Type 91: answer within so many minutes.
    PostCheck {
        /// Minutes.
        within_min: u8,
    },
    /// Types 128 to 254, which makers use as they like, and with [`Dialect::confirm_private`] others that the standard
    /// does not define: count and objects as they came.
    Private {
        /// The type flag.
        kind: u8,
        /// The count and what follows.
        body: Bytes,
    },
    /// A type flag alone, as one maker's handshake has it.
    Bare(u8),
    /// What stands in a confirmation or denial, which needs nothing.
    Remark(Bytes),
}

impl Unit {
    /// Its type flag.
    #[must_use]
    pub fn kind(&self) -> Option<u8> {
        Some(match self {
            Self::SystemStates(_) => kind::SYSTEM_STATE,
            Self::ComponentStates(_) => kind::COMPONENT_STATE,
            Self::AnalogValues(_) => kind::ANALOG_VALUE,
            Self::Operations(_) => kind::OPERATION,
            Self::SystemVersions(_) => kind::SYSTEM_VERSION,
            Self::SystemTexts(_) => kind::SYSTEM_TEXT,
            Self::ComponentTexts(_) => kind::COMPONENT_TEXT,
            Self::SystemClocks(_) => kind::SYSTEM_CLOCK,
            Self::DeviceStates(_) => kind::DEVICE_STATE,
            Self::DeviceOperations(_) => kind::DEVICE_OPERATION,
            Self::DeviceVersions(_) => kind::DEVICE_VERSION,
            Self::DeviceTexts(_) => kind::DEVICE_TEXT,
            Self::DeviceClocks(_) => kind::DEVICE_CLOCK,
            Self::ReadSystems { kind, .. }
            | Self::ReadComponents { kind, .. }
            | Self::Device { kind }
            | Self::Private { kind, .. }
            | Self::Bare(kind) => *kind,
            Self::ReadOperations(_) => kind::READ_OPERATIONS,
            Self::ReadDeviceOperations(_) => kind::READ_DEVICE_OPERATIONS,
            Self::SetClock(_) => kind::SET_CLOCK,
            Self::PostCheck { .. } => kind::POST_CHECK,
            Self::Remark(_) => return None,
        })
    }

    /// Reads a data unit with a type flag and a count.
    ///
    /// # Errors
    /// [`UnitError`].
    pub fn parse(bytes: &[u8], dialect: &Dialect) -> Result<Self, UnitError> {
        let (&[flag, count], body) =
            bytes.split_first_chunk::<2>().ok_or(UnitError::Missing { command: 0, had: bytes.len() })?;
        if (kind::FIRST_PRIVATE..=254).contains(&flag) {
            let body = Bytes::copy_from_slice(bytes.get(1..).unwrap_or_default());
            return Ok(Self::Private { kind: flag, body });
        }
        let objects = Objects { flag, count, body, dialect };
        match flag {
            kind::SYSTEM_STATE => objects.all().map(Self::SystemStates),
            kind::COMPONENT_STATE => objects.all().map(Self::ComponentStates),
            kind::ANALOG_VALUE => objects.all().map(Self::AnalogValues),
            kind::OPERATION => objects.all().map(Self::Operations),
            kind::SYSTEM_VERSION => objects.all().map(Self::SystemVersions),
            kind::SYSTEM_TEXT => objects.all().map(Self::SystemTexts),
            kind::COMPONENT_TEXT => objects.all().map(Self::ComponentTexts),
            kind::SYSTEM_CLOCK => objects.all().map(Self::SystemClocks),
            kind::DEVICE_STATE => objects.all().map(Self::DeviceStates),
            kind::DEVICE_OPERATION => objects.all().map(Self::DeviceOperations),
            kind::DEVICE_VERSION => objects.all().map(Self::DeviceVersions),
            kind::DEVICE_TEXT => objects.all().map(Self::DeviceTexts),
            kind::DEVICE_CLOCK => objects.all().map(Self::DeviceClocks),
            kind::READ_SYSTEM_STATE
            | kind::READ_SYSTEM_VERSION
            | kind::READ_SYSTEM_TEXT
            | kind::READ_SYSTEM_CLOCK => {
                objects.all().map(|systems| Self::ReadSystems { kind: flag, systems })
            }
            kind::READ_COMPONENT_STATE | kind::READ_ANALOG_VALUE | kind::READ_COMPONENT_TEXT => {
                objects.all().map(|components| Self::ReadComponents { kind: flag, components })
            }
            kind::READ_OPERATIONS => objects.all().map(Self::ReadOperations),
            kind::READ_DEVICE_OPERATIONS => objects.all().map(Self::ReadDeviceOperations),
            kind::READ_DEVICE_STATE
            | kind::READ_DEVICE_VERSION
            | kind::READ_DEVICE_TEXT
            | kind::READ_DEVICE_CLOCK
            | kind::INITIALISE => objects.one::<u8>().map(|_reserved| Self::Device { kind: flag }),
            kind::SET_CLOCK => objects.one().map(Self::SetClock),
            kind::POST_CHECK => objects.one().map(|within_min| Self::PostCheck { within_min }),
            _ if dialect.confirm_private => Ok(Self::Private {
                kind: flag,
                body: Bytes::copy_from_slice(bytes.get(1..).unwrap_or_default()),
            }),
            _ => Err(UnitError::Reserved { kind: flag }),
        }
    }

    /// The bytes of the wire. More objects than the unit has room for are left out.
    #[must_use]
    pub fn encode(&self, dialect: &Dialect) -> Vec<u8> {
        let kind = self.kind().unwrap_or_default();
        match self {
            Self::SystemStates(all) => written(kind, all, dialect),
            Self::ComponentStates(all) => written(kind, all, dialect),
            Self::AnalogValues(all) => written(kind, all, dialect),
            Self::Operations(all) => written(kind, all, dialect),
            Self::SystemVersions(all) => written(kind, all, dialect),
            Self::SystemTexts(all) => written(kind, all, dialect),
            Self::ComponentTexts(all) => written(kind, all, dialect),
            Self::SystemClocks(all) => written(kind, all, dialect),
            Self::DeviceStates(all) => written(kind, all, dialect),
            Self::DeviceOperations(all) => written(kind, all, dialect),
            Self::DeviceVersions(all) => written(kind, all, dialect),
            Self::DeviceTexts(all) => written(kind, all, dialect),
            Self::DeviceClocks(all) => written(kind, all, dialect),
            Self::ReadSystems { systems, .. } => written(kind, systems, dialect),
            Self::ReadComponents { components, .. } => written(kind, components, dialect),
            Self::ReadOperations(all) => written(kind, all, dialect),
            Self::ReadDeviceOperations(all) => written(kind, all, dialect),
            Self::Device { .. } => written(kind, &[0u8], dialect),
            Self::SetClock(clock) => written(kind, &[*clock], dialect),
            Self::PostCheck { within_min } => written(kind, &[*within_min], dialect),
            Self::Private { body, .. } => [&[kind], &body[..]].concat(),
            Self::Bare(kind) => vec![*kind],
            Self::Remark(bytes) => bytes.to_vec(),
        }
    }
}

fn written<O: Object>(kind: u8, objects: &[O], dialect: &Dialect) -> Vec<u8> {
    let mut out = vec![kind, 0];
    let mut count = 0u8;
    for object in objects {
        let end = out.len();
        object.write(dialect, &mut out);
        match count.checked_add(1) {
            Some(next) if out.len() <= super::MAX_UNIT_LEN => count = next,
            Some(_) | None => {
                out.truncate(end);
                break;
            }
        }
    }
    if let Some(slot) = out.get_mut(1) {
        *slot = count;
    }
    out
}

struct Objects<'a> {
    flag: u8,
    count: u8,
    body: &'a [u8],
    dialect: &'a Dialect,
}

impl Objects<'_> {
    fn all<O: Object>(&self) -> Result<Vec<O>, UnitError> {
        if self.count == 0 {
            return Err(UnitError::NoObject { kind: self.flag });
        }
        let mut cursor = Cursor::new(self.body);
        let all: Vec<O> = (0..self.count).map_while(|_| O::read(&mut cursor, self.dialect)).collect();
        let is_short = all.len() < usize::from(self.count);
        if is_short || !cursor.is_at_end() {
            let each = cursor.offset().checked_div(all.len()).unwrap_or(0);
            let wanted = if is_short { each * usize::from(self.count) } else { cursor.offset() };
            return Err(self.length(wanted));
        }
        Ok(all)
    }

    fn one<O: Object>(&self) -> Result<O, UnitError> {
        let mut all = self.all()?;
        match (all.pop(), all.is_empty()) {
            (Some(one), true) => Ok(one),
            (Some(_) | None, _) => Err(self.length(self.body.len() / usize::from(self.count.max(1)))),
        }
    }

    fn length(&self, wanted: usize) -> UnitError {
        UnitError::Length { kind: self.flag, count: self.count, had: self.body.len(), wanted }
    }
}
