//! A frame: the control unit, the command and the data unit.

use bytes::Bytes;

use super::{
    Address, Dialect, END, MAX_UNIT_LEN, MIN_FRAME_LEN, START, TimeLabel, Unit, UnitError, checksum,
};

const SERIAL_AT: usize = 2;
const VERSION_AT: usize = 4;
const SENT_AT: usize = 6;
const SOURCE_AT: usize = 12;
const DESTINATION_AT: usize = 18;
pub(super) const LEN_AT: usize = 24;
pub(crate) const COMMAND_AT: usize = 26;
const UNIT_AT: usize = 27;

/// A whole frame as it came. What it carries has not been looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFrame {
    /// All of it.
    pub bytes: Bytes,
}

impl RawFrame {
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        self.bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
    }

    /// Who sent it.
    #[must_use]
    pub fn source(&self) -> Address {
        Address(self.array(SOURCE_AT))
    }

    /// The command byte.
    #[must_use]
    pub fn command_byte(&self) -> u8 {
        let [command] = self.array(COMMAND_AT);
        command
    }

    /// The data unit.
    #[must_use]
    pub fn unit(&self) -> Bytes {
        let end = self.bytes.len().saturating_sub(1 + END.len()).max(UNIT_AT);
        if end > self.bytes.len() { Bytes::new() } else { self.bytes.slice(UNIT_AT..end) }
    }

    /// The control unit.
    #[must_use]
    pub fn header(&self, dialect: &Dialect) -> Header {
        let (serial, [first, second]) = (self.array(SERIAL_AT), self.array(VERSION_AT));
        let (serial, version) = if dialect.big_endian {
            (u16::from_be_bytes(serial), Version { main: second, user: first })
        } else {
            (u16::from_le_bytes(serial), Version { main: first, user: second })
        };
        Header {
            serial,
            version,
            sent: TimeLabel(self.array(SENT_AT)),
            source: self.source(),
            destination: Address(self.array(DESTINATION_AT)),
        }
    }
}

/// The protocol's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version {
    /// Fixed, 1.
    pub main: u8,
    /// As the user likes.
    pub user: u8,
}

impl Version {
    /// What this code writes.
    pub const OURS: Self = Self { main: 1, user: 1 };
}

/// Who sends what to whom, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// Counted by whoever begins an exchange; repeated by whoever answers, and when sent again.
    pub serial: u16,
    /// The protocol's version.
    pub version: Version,
    /// When it was sent.
    pub sent: TimeLabel,
    /// From.
    pub source: Address,
    /// To.
    pub destination: Address,
}

impl Header {
    /// The header of the answer sent at `sent`: the same serial number and version, the addresses the other way.
    #[must_use]
    pub fn answered(&self, sent: TimeLabel) -> Self {
        Self { sent, source: self.destination, destination: self.source, ..*self }
    }
}

/// Table 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// The centre wants something done.
    Control,
    /// The device tells something.
    Send,
    /// It is well.
    Confirm,
    /// The centre asks.
    Request,
    /// The device answers what was asked.
    Answer,
    /// It is not well; send it again.
    Deny,
    /// 128 to 255.
    Private(u8),
}

impl Command {
    /// The command of a byte; `None` for reserved ones.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Control),
            2 => Some(Self::Send),
            3 => Some(Self::Confirm),
            4 => Some(Self::Request),
            5 => Some(Self::Answer),
            6 => Some(Self::Deny),
            128..=255 => Some(Self::Private(byte)),
            0 | 7..=127 => None,
        }
    }

    /// Its byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Control => 1,
            Self::Send => 2,
            Self::Confirm => 3,
            Self::Request => 4,
            Self::Answer => 5,
            Self::Deny => 6,
            Self::Private(byte) => byte,
        }
    }

    /// Stable name for the telegram log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Send => "send",
            Self::Confirm => "confirm",
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Deny => "deny",
            Self::Private(_) => "private",
        }
    }
}

/// A frame that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Control unit.
    pub header: Header,
    /// Command.
    pub command: Command,
    /// Data unit; `None` where it is empty.
    pub unit: Option<Unit>,
}

impl Frame {
    /// Reads what a frame carries.
    ///
    /// # Errors
    /// [`UnitError`]; the header can still be had from [`RawFrame::header`] for a denial.
    pub fn parse(raw: &RawFrame, dialect: &Dialect) -> Result<Self, UnitError> {
        let header = raw.header(dialect);
        if header.version.main != 1 && !dialect.any_version {
            return Err(UnitError::Version { had: header.version.main });
        }
        let byte = raw.command_byte();
        let command = Command::from_byte(byte).unwrap_or(Command::Private(byte));
        let bytes = raw.unit();
        let unit = match (command, &bytes[..]) {
            (Command::Confirm | Command::Deny, []) => None,
            (Command::Confirm | Command::Deny, _) => Some(Unit::Remark(bytes)),
            (Command::Private(_), []) => None,
            (Command::Private(_), [kind, ..]) => Some(Unit::Private { kind: *kind, body: bytes.slice(1..) }),
            (Command::Send, []) if dialect.bare_keepalive => None,
            (Command::Send, [kind]) if dialect.bare_keepalive => Some(Unit::Bare(*kind)),
            (Command::Control | Command::Send | Command::Request | Command::Answer, [] | [_]) => {
                return Err(UnitError::Missing { command: byte, had: bytes.len() });
            }
            (Command::Control | Command::Send | Command::Request | Command::Answer, _) => {
                Some(Unit::parse(&bytes, dialect)?)
            }
        };
        Ok(Self { header, command, unit })
    }

    /// Whether it says nothing and only keeps the line open.
    #[must_use]
    pub const fn is_keepalive(&self) -> bool {
        matches!((self.command, &self.unit), (Command::Send, None | Some(Unit::Bare(_))))
    }

    /// The bytes of the wire.
    #[must_use]
    pub fn encode(&self, dialect: &Dialect) -> Vec<u8> {
        let unit = self.unit.as_ref().map(|unit| unit.encode(dialect)).unwrap_or_default();
        let unit = unit.get(..MAX_UNIT_LEN).unwrap_or(&unit);
        let Header { serial, version, sent, source, destination } = self.header;
        let mut bytes = Vec::with_capacity(MIN_FRAME_LEN + unit.len());
        bytes.extend(START);
        if dialect.big_endian {
            bytes.extend(serial.to_be_bytes());
            bytes.extend([version.user, version.main]);
        } else {
            bytes.extend(serial.to_le_bytes());
            bytes.extend([version.main, version.user]);
        }
        bytes.extend(sent.0);
        bytes.extend(source.0);
        bytes.extend(destination.0);
        let len = u16::try_from(unit.len()).unwrap_or(u16::MAX);
        bytes.extend(len.to_le_bytes());
        bytes.push(self.command.byte());
        bytes.extend_from_slice(unit);
        bytes.push(checksum(bytes.get(START.len()..).unwrap_or_default()));
        bytes.extend(END);
        bytes
    }
}
