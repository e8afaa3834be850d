//! Information objects: what one data unit holds one or more of. Lengths and order are those of the figures.

use super::address::{ComponentAddress, SystemRef};
use super::{Dialect, Text, TimeLabel};
use crate::cursor::Cursor;

/// Length of a component's description, bytes.
const DESCRIPTION_LEN: usize = 31;
/// The same in the dialect with long addresses.
const LONG_DESCRIPTION_LEN: usize = 32;

/// Something that can be read from and written to a data unit.
pub(super) trait Object: Sized {
    /// `None` when the bytes do not suffice.
    fn read(cursor: &mut Cursor<'_>, dialect: &Dialect) -> Option<Self>;
    fn write(&self, dialect: &Dialect, out: &mut Vec<u8>);
}

fn label(cursor: &mut Cursor<'_>) -> Option<TimeLabel> {
    cursor.array().map(TimeLabel)
}

fn u16_le(cursor: &mut Cursor<'_>) -> Option<u16> {
    cursor.array().map(u16::from_le_bytes)
}

impl Object for SystemRef {
    fn read(cursor: &mut Cursor<'_>, _dialect: &Dialect) -> Option<Self> {
        Some(Self { kind: cursor.u8()?, address: cursor.u8()? })
    }

    fn write(&self, _dialect: &Dialect, out: &mut Vec<u8>) {
        out.extend([self.kind, self.address]);
    }
}

/// Type 1: the state of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemState {
    /// Which.
    pub system: SystemRef,
    /// Bits, see [`super::codes::SYSTEM_BITS`].
    pub state: u16,
    /// When it became so.
    pub at: TimeLabel,
}

impl Object for SystemState {
    fn read(cursor: &mut Cursor<'_>, dialect: &Dialect) -> Option<Self> {
        Some(Self { system: SystemRef::read(cursor, dialect)?, state: u16_le(cursor)?, at: label(cursor)? })
    }

    fn write(&self, dialect: &Dialect, out: &mut Vec<u8>) {
        self.system.write(dialect, out);
        out.extend(self.state.to_le_bytes());
        out.extend(self.at.0);
    }
}

/// What a component says of its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateWord {
    /// Bits, see [`super::codes::COMPONENT_BITS`].
    Bits(u16),
    /// One code, in the dialect with long addresses.
    Code(u8),
}

impl StateWord {
    /// The bits or the code as a number.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::Bits(bits) => bits,
            Self::Code(code) => code.into(),
        }
    }
}

/// Type 2: the state of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentState {
    /// In which system.
    pub system: SystemRef,
    /// Type of component, see [`super::codes::component`].
    pub kind: u8,
    /// Which of them.
    pub address: ComponentAddress,
    /// Its state.
    pub state: StateWord,
    /// Where it stands, in words.
    pub description: Text,
    /// When it became so.
    pub at: TimeLabel,
}

impl Object for ComponentState {
    fn read(cursor: &mut Cursor<'_>, dialect: &Dialect) -> Option<Self> {
        let system = SystemRef::read(cursor, dialect)?;
        let kind = cursor.u8()?;
        let (address, state, description) = if dialect.long_addresses {
            let address = ComponentAddress::Text(cursor.array()?);
            (address, StateWord::Code(cursor.u8()?), cursor.take(LONG_DESCRIPTION_LEN)?)
        } else {
            let address = ComponentAddress::Number(cursor.array().map(u32::from_le_bytes)?);
            (address, StateWord::Bits(u16_le(cursor)?), cursor.take(DESCRIPTION_LEN)?)
        };
        let description = Text::from_wire(description);
        Some(Self { system, kind, address, state, description, at: label(cursor)? })
    }

    fn write(&self, dialect: &Dialect, out: &mut Vec<u8>) {
        self.system.write(dialect, out);
        out.push(self.kind);
        if dialect.long_addresses {
            match self.address {
                ComponentAddress::Text(text) => out.extend(text),
                ComponentAddress::Number(number) => {
                    out.extend(format!("{number:08}").bytes().rev().take(8).collect::<Vec<_>>().iter().rev());
                }
            }
            let [code, _] = self.state.number().to_le_bytes();
            out.push(code);
            self.description.write_padded(LONG_DESCRIPTION_LEN, out);
        } else {
            write_number(self.address, out);
            out.extend(self.state.number().to_le_bytes());
            self.description.write_padded(DESCRIPTION_LEN, out);
        }
        out.extend(self.at.0);
    }
}

/// A text address has no form here; its first four characters stand for it.
fn write_number(address: ComponentAddress, out: &mut Vec<u8>) {
    match address {
        ComponentAddress::Number(number) => out.extend(number.to_le_bytes()),
        ComponentAddress::Text([a, b, c, d, ..]) => out.extend([a, b, c, d]),
    }
}

fn number(cursor: &mut Cursor<'_>) -> Option<ComponentAddress> {
    cursor.array().map(u32::from_le_bytes).map(ComponentAddress::Number)
}

/// Type 3: a measured value of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnalogValue {
    /// In which system.
    pub system: SystemRef,
    /// Type of component.
    pub kind: u8,
    /// Which of them.
    pub address: ComponentAddress,
    /// What is measured, see [`super::codes::analog`].
    pub analog: u8,
    /// The value in steps of its type.
    pub value: i16,
    /// When it was sampled.
    pub at: TimeLabel,
}

impl Object for AnalogValue {
    fn read(cursor: &mut Cursor<'_>, dialect: &Dialect) -> Option<Self> {
        Some(Self {
            system: SystemRef::read(cursor, dialect)?,
            kind: cursor.u8()?,
            address: number(cursor)?,
            analog: cursor.u8()?,
            value: cursor.array().map(i16::from_le_bytes)?,
            at: label(cursor)?,
        })
    }

    fn write(&self, dialect: &Dialect, out: &mut Vec<u8>) {
        self.system.write(dialect, out);
        out.push(self.kind);
        write_number(self.address, out);
        out.push(self.analog);
        out.extend(self.value.to_le_bytes());
        out.extend(self.at.0);
    }
}

/// Type 4: somebody operated a facility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Which.
    pub system: SystemRef,
    /// What was done, see [`super::codes::OPERATION_BITS`].
    pub flags: u8,
    /// By whom, as the facility counts its people.
    pub operator: u8,
    /// When it was recorded.
    pub at: TimeLabel,
}

impl Object for Operation {
    fn read(cursor: &mut Cursor<'_>, dialect: &Dialect) -> Option<Self> {
        Some(Self {
            system: SystemRef::read(cursor, dialect)?,
            flags: cursor.u8()?,
            operator: cursor.u8()?,
            at: label(cursor)?,
        })
    }

    fn write(&self, dialect: &Dialect, out: &mut Vec<u8>) {
        self.system.write(dialect, out);
        out.extend([self.flags, self.operator]);
        out.extend(self.at.0);
    }
}

/// Type 5: the software of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemVersion {
    /// Which.
    pub system: SystemRef,
    /// Main version.
    pub major: u8,
    /// Minor version.
    pub minor: u8,
}

impl Object for SystemVersion {
    fn read(cursor: &mut Cursor<'_>, dialect: &Dialect) -> Option<Self> {
        Some(Self { system: SystemRef::read(cursor, dialect)?, major: cursor.u8()?, minor: cursor.u8()? })
    }

    fn write(&self, dialect: &Dialect, out: &mut Vec<u8>) {
        self.system.write(dialect, out);
        out.extend([self.major, self.minor]);
    }
}

/// Type 6: how a system is configured, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemText {
    /// Which.
    pub system: SystemRef,
    /// At most 255 bytes.
    pub text: Text,
}

impl Object for SystemText {
    fn read(cursor: &mut Cursor<'_>, dialect: &Dialect) -> Option<Self> {
        Some(Self { system: SystemRef::read(cursor, dialect)?, text: Text::read(cursor, dialect)? })
    }

    fn write(&self, dialect: &Dialect, out: &mut Vec<u8>) {
        self.system.write(dialect, out);
        self.text.write(dialect, out);
    }
}

/// Type 26: how the transmission device is configured, in words of an announced length.
impl Object for Text {
    fn read(cursor: &mut Cursor<'_>, _dialect: &Dialect) -> Option<Self> {
        let len = cursor.u8()?;
        cursor.take(len.into()).map(Self::from_wire)
    }

    fn write(&self, _dialect: &Dialect, out: &mut Vec<u8>) {
        let len = u8::try_from(self.as_bytes().len()).unwrap_or(u8::MAX);
        out.push(len);
        self.write_padded(len.into(), out);
    }
}

/// Type 7: how a component is configured, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentText {
    /// In which system.
    pub system: SystemRef,
    /// Type of component.
    pub kind: u8,
    /// Which of them.
    pub address: ComponentAddress,
    /// At most 31 bytes.
    pub text: Text,
}

impl Object for ComponentText {
    fn read(cursor: &mut Cursor<'_>, dialect: &Dialect) -> Option<Self> {
        Some(Self {
            system: SystemRef::read(cursor, dialect)?,
            kind: cursor.u8()?,
            address: number(cursor)?,
            text: Text::from_wire(cursor.take(DESCRIPTION_LEN)?),
        })
    }

    fn write(&self, dialect: &Dialect, out: &mut Vec<u8>) {
        self.system.write(dialect, out);
        out.push(self.kind);
        write_number(self.address, out);
        self.text.write_padded(DESCRIPTION_LEN, out);
    }
}

/// Type 8: the clock of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemClock {
    /// Which.
    pub system: SystemRef,
    /// What its clock shows.
    pub clock: TimeLabel,
}

impl Object for SystemClock {
    fn read(cursor: &mut Cursor<'_>, dialect: &Dialect) -> Option<Self> {
        Some(Self { system: SystemRef::read(cursor, dialect)?, clock: label(cursor)? })
    }

    fn write(&self, dialect: &Dialect, out: &mut Vec<u8>) {
        self.system.write(dialect, out);
        out.extend(self.clock.0);
    }
}

/// Type 21: the state of the transmission device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceState {
    /// Bits, see [`super::codes::DEVICE_BITS`].
    pub state: u8,
    /// When it became so.
    pub at: TimeLabel,
}

impl Object for DeviceState {
    fn read(cursor: &mut Cursor<'_>, _dialect: &Dialect) -> Option<Self> {
        Some(Self { state: cursor.u8()?, at: label(cursor)? })
    }

    fn write(&self, _dialect: &Dialect, out: &mut Vec<u8>) {
        out.push(self.state);
        out.extend(self.at.0);
    }
}

/// Type 24: somebody operated the transmission device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceOperation {
    /// What was done, see [`super::codes::DEVICE_OPERATION_BITS`].
    pub flags: u8,
    /// By whom, as the unit counts its people.
    pub operator: u8,
    /// When it was recorded.
    pub at: TimeLabel,
}

impl DeviceOperation {
    /// The bit that says that the person on duty answered a post check.
    pub const POST_CHECK_ANSWERED: u8 = 1 << 5;
}

impl Object for DeviceOperation {
    fn read(cursor: &mut Cursor<'_>, _dialect: &Dialect) -> Option<Self> {
        Some(Self { flags: cursor.u8()?, operator: cursor.u8()?, at: label(cursor)? })
    }

    fn write(&self, _dialect: &Dialect, out: &mut Vec<u8>) {
        out.extend([self.flags, self.operator]);
        out.extend(self.at.0);
    }
}

/// Type 25: the software of the transmission device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceVersion {
    /// Main version.
    pub major: u8,
    /// Minor version.
    pub minor: u8,
}

impl Object for DeviceVersion {
    fn read(cursor: &mut Cursor<'_>, _dialect: &Dialect) -> Option<Self> {
        Some(Self { major: cursor.u8()?, minor: cursor.u8()? })
    }

    fn write(&self, _dialect: &Dialect, out: &mut Vec<u8>) {
        out.extend([self.major, self.minor]);
    }
}

/// Type 28: the clock of the transmission device; type 90: what it is to show.
impl Object for TimeLabel {
    fn read(cursor: &mut Cursor<'_>, _dialect: &Dialect) -> Option<Self> {
        label(cursor)
    }

    fn write(&self, _dialect: &Dialect, out: &mut Vec<u8>) {
        out.extend(self.0);
    }
}

/// Types 62, 63 and 67: which component is asked for. The type of component is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComponentRef {
    /// In which system.
    pub system: SystemRef,
    /// Which component.
    pub address: ComponentAddress,
}

impl Object for ComponentRef {
    fn read(cursor: &mut Cursor<'_>, dialect: &Dialect) -> Option<Self> {
        Some(Self { system: SystemRef::read(cursor, dialect)?, address: number(cursor)? })
    }

    fn write(&self, dialect: &Dialect, out: &mut Vec<u8>) {
        self.system.write(dialect, out);
        write_number(self.address, out);
    }
}

/// Type 64: records of what was done at a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOperations {
    /// Which.
    pub system: SystemRef,
    /// How many, at most 102.
    pub count: u8,
    /// From when on.
    pub since: TimeLabel,
}

impl Object for ReadOperations {
    fn read(cursor: &mut Cursor<'_>, dialect: &Dialect) -> Option<Self> {
        Some(Self { system: SystemRef::read(cursor, dialect)?, count: cursor.u8()?, since: label(cursor)? })
    }

    fn write(&self, dialect: &Dialect, out: &mut Vec<u8>) {
        self.system.write(dialect, out);
        out.push(self.count);
        out.extend(self.since.0);
    }
}

/// Type 84: records of what was done at the transmission device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadDeviceOperations {
    /// How many, at most 102.
    pub count: u8,
    /// From when on.
    pub since: TimeLabel,
}

impl Object for ReadDeviceOperations {
    fn read(cursor: &mut Cursor<'_>, _dialect: &Dialect) -> Option<Self> {
        Some(Self { count: cursor.u8()?, since: label(cursor)? })
    }

    fn write(&self, _dialect: &Dialect, out: &mut Vec<u8>) {
        out.push(self.count);
        out.extend(self.since.0);
    }
}

/// Types 81, 85, 86, 88, 89 (a reserved byte) and 91 (minutes).
impl Object for u8 {
    fn read(cursor: &mut Cursor<'_>, _dialect: &Dialect) -> Option<Self> {
        cursor.u8()
    }

    fn write(&self, _dialect: &Dialect, out: &mut Vec<u8>) {
        out.push(*self);
    }
}
