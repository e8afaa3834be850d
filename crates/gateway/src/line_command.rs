//! From a command of the platform to a Modbus request, and from the answer back.

use bus::LineAnswer;
use domain::profile::{ReadCommand, WriteCommand};
use wire::modbus::{Answer, AnswerBody, Request, RequestBody};

/// The unit asked where neither the command nor the detector names one.
pub(crate) const OWN_UNIT: u8 = 1;

/// The code of "illegal data value" (Modbus application protocol V1.1b3, 7): what a device would say to a write
/// that the protocol has no form for, so that nobody need trouble the line for it.
const ILLEGAL_VALUE: u8 = 3;

/// What a command wants of registers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    Write(&'a WriteCommand),
    Read(ReadCommand),
}

impl Wanted<'_> {
    /// The request for it.
    ///
    /// # Errors
    /// The answer that any device would give to what the protocol does not have.
    pub(crate) fn request(self, unit: u8) -> Result<Request, LineAnswer> {
        match self {
            Self::Write(write) => request(unit, write),
            Self::Read(read) => read_request(unit, read),
        }
    }
}

fn read_request(unit: u8, read: ReadCommand) -> Result<Request, LineAnswer> {
    let ReadCommand { function, address: start, count } = read;
    let body = match function {
        1 => RequestBody::ReadCoils { start, count },
        2 => RequestBody::ReadDiscreteInputs { start, count },
        3 => RequestBody::ReadHoldingRegisters { start, count },
        4 => RequestBody::ReadInputRegisters { start, count },
        _ => return Err(LineAnswer::Exception(ILLEGAL_VALUE)),
    };
    Request::new(unit, body).map_err(|_invalid| LineAnswer::Exception(ILLEGAL_VALUE))
}

pub(crate) fn request(unit: u8, write: &WriteCommand) -> Result<Request, LineAnswer> {
    let address = write.address;
    let body = match (write.function, write.values.as_slice()) {
        (5, [value]) => RequestBody::WriteSingleCoil { address, on: *value != 0 },
        (6, [value]) => RequestBody::WriteSingleRegister { address, value: *value },
        (16, values) => RequestBody::WriteMultipleRegisters { start: address, values: values.to_vec() },
        _ => return Err(LineAnswer::Exception(ILLEGAL_VALUE)),
    };
    Request::new(unit, body).map_err(|_invalid| LineAnswer::Exception(ILLEGAL_VALUE))
}

/// What `answer` says to a request that it fits.
pub(crate) fn answer(answer: &Answer) -> LineAnswer {
    match &answer.body {
        AnswerBody::Exception { exception, .. } => LineAnswer::Exception(exception.code()),
        AnswerBody::ReadCoils(_)
        | AnswerBody::ReadDiscreteInputs(_)
        | AnswerBody::ReadHoldingRegisters(_)
        | AnswerBody::ReadInputRegisters(_) => {
            LineAnswer::Data(answer.data().map_or_else(Vec::new, |data| data.to_vec()))
        }
        AnswerBody::WriteSingleCoil { .. }
        | AnswerBody::WriteSingleRegister { .. }
        | AnswerBody::WriteMultipleCoils { .. }
        | AnswerBody::WriteMultipleRegisters { .. } => LineAnswer::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(function: u8, values: &[u16]) -> WriteCommand {
        WriteCommand { function, address: 0x57, values: values.to_vec() }
    }

    #[test]
    fn writes_become_the_frames_of_the_vendors_manual() {
        // Acrel prepaid meter, relay control: trip.
        let trip = request(1, &write(16, &[1, 1])).unwrap().encode();
        assert_eq!(trip, [0x01, 0x10, 0x00, 0x57, 0x00, 0x02, 0x04, 0x00, 0x01, 0x00, 0x01, 0x27, 0x75]);
        assert_eq!(request(1, &write(5, &[0xFF00])).unwrap().encode()[..6], [1, 5, 0, 0x57, 0xFF, 0]);
        assert_eq!(request(1, &write(6, &[7])).unwrap().encode()[..6], [1, 6, 0, 0x57, 0, 7]);
    }

    #[test]
    fn what_the_protocol_has_no_form_for_never_reaches_the_line() {
        for (unit, wrong) in [
            (1, write(5, &[])),
            (1, write(6, &[1, 2])),
            (1, write(16, &[])),
            (1, write(3, &[1])),
            (0, write(6, &[1])),
        ] {
            assert_eq!(request(unit, &wrong), Err(LineAnswer::Exception(3)), "{wrong:?}");
        }
    }
}
