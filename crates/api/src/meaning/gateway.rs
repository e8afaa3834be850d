//! The vendor gateway's encrypted frames, opened with the secrets that the line has.

use domain::profile::{Key, KeyValue};
use wire::Direction;
use wire::explain::key;
use wire::gateway1f1f::{FrameType, HEADER_LEN, Limits, Meter, Report, Secret, Transparent};

use super::{Asked, Line, TelegramField, keyed, owned, registers};

/// What was in an encrypted frame.
pub(crate) enum Opened {
    /// Meters with named values.
    Report(Report),
    /// A Modbus-RTU frame to or from the meter at `port`.
    Modbus {
        /// Five digits: two of the port, three of the address.
        port: String,
        /// The unit on that port.
        rtu: Vec<u8>,
    },
}

/// What is in a frame, by the first of the secrets that opens it; `None` for frames that are not encrypted, that none
/// opens, or that were cut when they were kept.
pub(crate) fn opened(frame: &[u8], secrets: &[Secret]) -> Option<Opened> {
    let kind = FrameType::from_code(*frame.get(2)?)?;
    let data = frame.get(HEADER_LEN..)?;
    secrets.iter().find_map(|secret| match kind {
        FrameType::Data | FrameType::CompressedData => {
            Report::open(kind, data, secret, &Limits::default()).ok().map(Opened::Report)
        }
        FrameType::Downlink | FrameType::DownlinkAnswer => {
            let Transparent { port, rtu } = Transparent::open(data, secret).ok()?;
            Some(Opened::Modbus { port: port.to_string(), rtu })
        }
        FrameType::Authentication | FrameType::Heartbeat => None,
    })
}

/// What stands under a key of a profile in a meter of a report.
pub(crate) fn value(meter: &Meter, key: &Key) -> Option<KeyValue> {
    let value = meter.value(&key.name)?;
    Some(if value.is_good() { KeyValue::Text(value.text.clone()) } else { KeyValue::Nothing })
}

/// Puts what is in the encrypted part behind it: the report with its values, or the parts of the frame inside.
pub(super) fn name(
    line: &Line,
    bytes: &[u8],
    way: Direction,
    asked: Option<&Asked>,
    fields: &mut Vec<TelegramField>,
) {
    let Some(opened) = opened(bytes, &line.secrets) else { return };
    let Some(index) = fields.iter().position(|field| field.name == key::ENCRYPTED) else { return };
    let Some(block) = fields.get_mut(index) else { return };
    let (offset, len) = (block.offset, block.len);
    match opened {
        Opened::Report(report) => {
            block.value = report.to_xml();
            for meter in &report.meters {
                let own = |address: &str| address == meter.id;
                for one in line.behind.iter().filter(|one| one.address().is_none_or(own)) {
                    block.values.extend(keyed::values(one, |key| value(meter, key)));
                }
            }
        }
        Opened::Modbus { port, rtu } => {
            block.value = port;
            let mut inner = owned(wire::explain(&rtu, way));
            registers::name(&line.behind, &rtu, way, asked, &mut inner);
            // Inside the encrypted part no byte of the outside is theirs alone.
            for field in &mut inner {
                (field.offset, field.len) = (offset, len);
                if field.name == key::CRC {
                    key::CRC_INNER.clone_into(&mut field.name);
                }
            }
            fields.splice(index + 1..index + 1, inner);
        }
    }
}
