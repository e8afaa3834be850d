//! What each byte of a telegram means, for the telegram log.
//!
//! [`explain`] never fails: damaged telegrams are explained as far as they can be read, the rest is named
//! [`key::REST`]. The fields stand in the order of the bytes and cover each byte exactly once.

mod cloud;
mod dlt645;
mod gateway;
mod gb26875;
mod modbus;
mod tcp;

/// Which way a telegram went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the field to the server.
    Up,
    /// From the server to the field.
    Down,
}

/// One field of a telegram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Offset of its first byte in the telegram.
    pub offset: usize,
    /// Number of bytes, at least 1.
    pub len: usize,
    /// Stable name, one of [`key`]; the screen shows its translation.
    pub name_key: &'static str,
    /// What it says, as text without language.
    pub value: String,
}

/// Field names. Stable: screens translate them.
pub mod key {
    /// `7B 7B`
    pub const START_MARK: &str = "start_mark";
    /// `7D 7D`
    pub const END_MARK: &str = "end_mark";
    /// Command byte with its name.
    pub const COMMAND: &str = "command";
    /// Outer or only CRC, with the verdict.
    pub const CRC: &str = "crc";
    /// CRC of the Modbus frame inside, with the verdict.
    pub const CRC_INNER: &str = "crc_inner";
    /// Serial number.
    pub const SERIAL: &str = "serial";
    /// ICCID of the SIM card.
    pub const ICCID: &str = "iccid";
    /// Signal strength, 1 to 31.
    pub const SIGNAL: &str = "signal";
    /// Firmware version.
    pub const FIRMWARE: &str = "firmware";
    /// Upload interval, minutes.
    pub const INTERVAL_MIN: &str = "interval_min";
    /// Local time.
    pub const LOCAL_TIME: &str = "local_time";
    /// `[[`
    pub const SEGMENT_START: &str = "segment_start";
    /// Address of a segment.
    pub const SEGMENT_ADDRESS: &str = "segment_address";
    /// `((`
    pub const ANSWER_START: &str = "answer_start";
    /// `))`
    pub const ANSWER_END: &str = "answer_end";
    /// `]]`
    pub const SEGMENT_END: &str = "segment_end";
    /// Modbus unit address.
    pub const UNIT: &str = "unit";
    /// Modbus function with its name.
    pub const FUNCTION: &str = "function";
    /// Modbus exception with its name.
    pub const EXCEPTION: &str = "exception";
    /// Number of data bytes.
    pub const BYTE_COUNT: &str = "byte_count";
    /// First register or coil.
    pub const START_ADDRESS: &str = "start_address";
    /// Number of registers or coils.
    pub const COUNT: &str = "count";
    /// One register, decimal.
    pub const REGISTER: &str = "register";
    /// Packed bits, lowest first.
    pub const BITS: &str = "bits";
    /// Value written to a coil or a register.
    pub const WRITE_VALUE: &str = "write_value";
    /// Version of the protocol.
    pub const VERSION: &str = "version";
    /// Who sends, in the order of the wire.
    pub const SOURCE: &str = "source";
    /// For whom.
    pub const DESTINATION: &str = "destination";
    /// What kind of objects a data unit holds.
    pub const TYPE_FLAG: &str = "type_flag";
    /// How many information objects, or how many records.
    pub const OBJECTS: &str = "objects";
    /// System of a building: type and number.
    pub const SYSTEM: &str = "system";
    /// Type of component.
    pub const COMPONENT: &str = "component";
    /// Which component.
    pub const COMPONENT_ADDRESS: &str = "component_address";
    /// State bits with their names.
    pub const STATE: &str = "state";
    /// What an analog value measures.
    pub const ANALOG: &str = "analog";
    /// Measured value with its unit.
    pub const VALUE: &str = "value";
    /// What somebody did.
    pub const OPERATION: &str = "operation";
    /// Who did it, as a number.
    pub const OPERATOR: &str = "operator";
    /// Minutes to answer in.
    pub const MINUTES: &str = "minutes";
    /// Private heartbeat.
    pub const HEARTBEAT: &str = "heartbeat";
    /// Transaction of Modbus TCP.
    pub const TRANSACTION: &str = "transaction";
    /// Protocol in the header of Modbus TCP, always 0.
    pub const PROTOCOL: &str = "protocol";
    /// Bytes that wake a meter's receiver.
    pub const PREAMBLE: &str = "preamble";
    /// A meter's number.
    pub const METER: &str = "meter";
    /// What of a meter is read, DI3 first.
    pub const IDENTIFIER: &str = "identifier";
    /// Printable text that is no frame: registration, heartbeat; or a text inside a frame.
    pub const TEXT: &str = "text";
    /// The topic by which a message came.
    pub const TOPIC: &str = "topic";
    /// A message: its text, or bytes where it is none.
    pub const MESSAGE: &str = "message";
    /// Bytes that only the holder of a secret can read; the value says how many.
    pub const ENCRYPTED: &str = "encrypted";
    /// Bytes that could not be read.
    pub const REST: &str = "rest";

    /// All of them.
    pub const ALL: [&str; 50] = [
        START_MARK,
        END_MARK,
        COMMAND,
        CRC,
        CRC_INNER,
        SERIAL,
        ICCID,
        SIGNAL,
        FIRMWARE,
        INTERVAL_MIN,
        LOCAL_TIME,
        SEGMENT_START,
        SEGMENT_ADDRESS,
        ANSWER_START,
        ANSWER_END,
        SEGMENT_END,
        UNIT,
        FUNCTION,
        EXCEPTION,
        BYTE_COUNT,
        START_ADDRESS,
        COUNT,
        REGISTER,
        BITS,
        WRITE_VALUE,
        VERSION,
        SOURCE,
        DESTINATION,
        TYPE_FLAG,
        OBJECTS,
        SYSTEM,
        COMPONENT,
        COMPONENT_ADDRESS,
        STATE,
        ANALOG,
        VALUE,
        OPERATION,
        OPERATOR,
        MINUTES,
        HEARTBEAT,
        TRANSACTION,
        PROTOCOL,
        PREAMBLE,
        METER,
        IDENTIFIER,
        TEXT,
        TOPIC,
        MESSAGE,
        ENCRYPTED,
        REST,
    ];
}

/// Names the bytes of a telegram: a frame of a vendor protocol when it begins with `7B 7B` or `1F 1F`, of GB/T 26875.3
/// when it begins with `40 40`, else Modbus-RTU, DL/T 645 or Modbus TCP when it has that shape, else text or bytes.
#[must_use]
pub fn explain(telegram: &[u8], direction: Direction) -> Vec<Field> {
    let mut writer = Writer::new(telegram);
    if telegram.starts_with(&crate::cloud7b7b::START) {
        cloud::explain(&mut writer, direction);
    } else if telegram.starts_with(&crate::gb26875::START) {
        gb26875::explain(&mut writer);
    } else if telegram.starts_with(&crate::gateway1f1f::HEAD) {
        gateway::explain(&mut writer, direction);
    } else if modbus::has_shape(telegram, direction) {
        modbus::explain(&mut writer, direction, key::CRC);
    } else if dlt645::has_shape(telegram) {
        dlt645::explain(&mut writer);
    } else if tcp::has_shape(telegram) {
        tcp::explain(&mut writer, direction);
    } else if !telegram.is_empty() && telegram.iter().all(is_text) {
        writer.field(telegram.len(), key::TEXT, text);
    }
    writer.finish()
}

/// Names the parts of a message with named values, as its doors keep it (see [`split_topic`]).
#[must_use]
pub fn explain_message(telegram: &[u8]) -> Vec<Field> {
    let mut writer = Writer::new(telegram);
    if let (Some(topic), _) = split_topic(telegram) {
        writer.field(topic.len() + 1, key::TOPIC, text);
    }
    let payload = writer.rest();
    writer.field(payload.len(), key::MESSAGE, |bytes| match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => text.to_owned(),
        Ok(_) | Err(_) => hex(bytes),
    });
    writer.finish()
}

/// The topic and the payload of a message: one that came by MQTT is kept with its topic and a line end in front. A
/// payload is not taken for a topic, because topics have levels and no payload of ours begins with one.
#[must_use]
pub fn split_topic(telegram: &[u8]) -> (Option<&str>, &[u8]) {
    let Some(end) = telegram.iter().position(|byte| *byte == b'\n') else { return (None, telegram) };
    let (topic, payload) = telegram.split_at(end);
    match std::str::from_utf8(topic) {
        Ok(topic)
            if topic.contains('/') && !topic.contains(|c: char| c.is_control() || "{[\"<".contains(c)) =>
        {
            (Some(topic), payload.get(1..).unwrap_or_default())
        }
        Ok(_) | Err(_) => (None, telegram),
    }
}

/// Fields in the order of the bytes.
struct Writer<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes from here on are kept for whoever called; see [`Writer::within`].
    end: usize,
    fields: Vec<Field>,
}

impl<'a> Writer<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, end: bytes.len(), fields: Vec::new() }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..self.end).unwrap_or_default()
    }

    /// Writes the next `len` bytes as a field; `false`, and nothing written, when they are not there.
    fn field(&mut self, len: usize, name_key: &'static str, value: impl FnOnce(&[u8]) -> String) -> bool {
        match self.rest().get(..len) {
            Some(bytes) if len > 0 => {
                self.fields.push(Field { offset: self.at, len, name_key, value: value(bytes) });
                self.at += len;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Writes the next bytes as a mark when they are `mark`.
    fn mark(&mut self, mark: &[u8], name_key: &'static str) -> bool {
        self.rest().starts_with(mark) && self.field(mark.len(), name_key, hex)
    }

    /// Writes a CRC over `covered` with its verdict.
    fn crc(&mut self, name_key: &'static str, covered: &[u8]) -> bool {
        let wanted = crate::crc16::checksum(covered);
        self.field(crate::crc16::LEN, name_key, |bytes| match bytes.first_chunk() {
            Some(sum) if crate::crc16::from_wire(*sum) == wanted => format!("{} ok", hex(bytes)),
            Some(_) | None => format!("{} wrong, wanted {}", hex(bytes), hex(&crate::crc16::to_wire(wanted))),
        })
    }

    /// Runs `inner` on all but the last `keep` bytes and names what it left as rest.
    fn within(&mut self, keep: usize, inner: impl FnOnce(&mut Self)) {
        let end = self.end;
        self.end = end.saturating_sub(keep).max(self.at);
        inner(self);
        self.field(self.rest().len(), key::REST, hex);
        self.end = end;
    }

    fn finish(mut self) -> Vec<Field> {
        self.field(self.rest().len(), key::REST, hex);
        self.fields
    }
}

fn is_text(byte: &u8) -> bool {
    byte.is_ascii_graphic() || matches!(byte, b' ' | b'\r' | b'\n')
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect::<String>().trim().to_owned()
}

/// Bytes as `7B 7B`.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 3), |mut text, byte| {
        let space = if text.is_empty() { "" } else { " " };
        let _infallible = write!(text, "{space}{byte:02X}");
        text
    })
}

fn decimal(bytes: &[u8]) -> String {
    bytes.iter().fold(0u64, |value, byte| (value << 8) | u64::from(*byte)).to_string()
}
