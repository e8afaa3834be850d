//! Modbus TCP (messaging on TCP/IP implementation guide V1.0b, 3.1.3): the header MBAP instead of a CRC.
//!
//! ```text
//! transaction (2) | protocol 0 (2) | length of what follows (2) | unit (1) | function (1) | body (n)
//! ```
//!
//! All numbers high byte first. The answer repeats the transaction, so a late one is never taken for another's.

use thiserror::Error;

use super::{Answer, Exception, Function, InnerCrc, Parse, RequestRefusal};
use crate::crc16;
use crate::line::{Ask, NoAnswer, Said, said};

/// Bytes before the unit.
const HEADER_LEN: usize = 6;
/// The longest frame, bytes: header, unit, 253 bytes of function and body.
pub const MAX_FRAME_LEN: usize = 260;
/// What follows the length field, unit included: at least unit, function and one byte, at most 254.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=MAX_FRAME_LEN - HEADER_LEN;

/// A request under a transaction number.
///
/// ```
/// use wire::line::{Ask as _, Said};
/// use wire::modbus::{self, Parse, tcp};
///
/// let request = modbus::Request::read_holding_registers(1, 0, 1)?;
/// let asked = tcp::Request { transaction: 7, request };
/// assert_eq!(asked.frame(), [0, 7, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1]);
/// let Parse::Complete { value: Said::Done(answer), len: 11 } = asked.answer(&[0, 7, 0, 0, 0, 5, 1, 3, 2, 1, 0x48])
/// else {
///     panic!("an answer")
/// };
/// assert_eq!(answer.registers().unwrap(), [328]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What the answer repeats.
    pub transaction: u16,
    /// What is asked.
    pub request: super::Request,
}

/// Bytes that are no request over TCP.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// Another protocol than Modbus.
    #[error("MBAP protocol {had:#06x}, wanted 0")]
    Protocol {
        /// What stands there.
        had: u16,
    },
    /// A length that no request has.
    #[error("MBAP length {had}, wanted 2 to 254")]
    Length {
        /// What stands there.
        had: usize,
    },
    /// A good frame with a request in it that cannot be done; it can be answered.
    #[error("{refusal}")]
    Request {
        /// The transaction to answer under.
        transaction: u16,
        /// The unit asked.
        unit: u8,
        /// The function asked for.
        function: u8,
        /// How many bytes the frame took.
        len: usize,
        /// Why.
        refusal: RequestRefusal,
    },
}

/// The frame of `covered` (unit, function, body) under `transaction`.
fn framed(transaction: u16, covered: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER_LEN + covered.len());
    frame.extend_from_slice(&transaction.to_be_bytes());
    frame.extend_from_slice(&[0, 0]);
    // Requests and answers are at most 254 bytes without CRC, so the length always has room.
    frame.extend_from_slice(&u16::try_from(covered.len()).unwrap_or(u16::MAX).to_be_bytes());
    frame.extend_from_slice(covered);
    frame
}

/// The frame that answers `transaction`.
#[must_use]
pub fn answer(transaction: u16, answer: &Answer) -> Vec<u8> {
    framed(transaction, &answer.encode_without_crc())
}

/// The frame that refuses a request whose function is not known, or whose body makes no sense.
#[must_use]
pub fn refuse(transaction: u16, unit: u8, function: u8, exception: Exception) -> Vec<u8> {
    framed(transaction, &[unit, function | Function::EXCEPTION_BIT, exception.code()])
}

impl Request {
    /// Looks for a request at the front of `bytes`, as a server does. Bytes behind it are left alone.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Parse<Self, Refused> {
        let Some(([t1, t2, p1, p2, l1, l2], rest)) = bytes.split_first_chunk() else {
            return Parse::NeedMore { wanted: HEADER_LEN };
        };
        let (protocol, length) =
            (u16::from_be_bytes([*p1, *p2]), usize::from(u16::from_be_bytes([*l1, *l2])));
        if protocol != 0 {
            return Parse::Refused(Refused::Protocol { had: protocol });
        }
        if !LENGTHS.contains(&length) {
            return Parse::Refused(Refused::Length { had: length });
        }
        let len = HEADER_LEN + length;
        let Some(covered) = rest.get(..length) else {
            return Parse::NeedMore { wanted: len };
        };
        let transaction = u16::from_be_bytes([*t1, *t2]);
        let refuse = |refusal| {
            let unit = covered.first().copied().unwrap_or(0);
            let function = covered.get(1).copied().unwrap_or(0);
            Parse::Refused(Refused::Request { transaction, unit, function, len, refusal })
        };
        let mut serial = covered.to_vec();
        crc16::append(&mut serial);
        match super::Request::parse(&serial) {
            Parse::Complete { value: request, len: taken } if taken == serial.len() => {
                Parse::Complete { value: Self { transaction, request }, len }
            }
            Parse::Complete { .. } | Parse::NeedMore { .. } => {
                refuse(RequestRefusal::Cut { len: serial.len() })
            }
            Parse::Refused(refusal) => refuse(refusal),
        }
    }
}

impl Ask for Request {
    type Answer = Answer;
    type Refusal = Exception;
    const MAX_ANSWER_LEN: usize = MAX_FRAME_LEN;

    fn is_numbered(&self) -> bool {
        true
    }

    fn frame(&self) -> Vec<u8> {
        let serial = self.request.encode();
        framed(self.transaction, serial.get(..serial.len() - crc16::LEN).unwrap_or_default())
    }

    fn answer(&self, bytes: &[u8]) -> Parse<Said<Answer, Exception>, NoAnswer> {
        let [t1, t2] = self.transaction.to_be_bytes();
        let function = self.request.function().code();
        let is_fitting = bytes.iter().take(HEADER_LEN + 2).enumerate().all(|(at, had)| match at {
            0 => *had == t1,
            1 => *had == t2,
            // Lengths have one byte: none is longer than 254.
            2..=4 => *had == 0,
            5 => LENGTHS.contains(&usize::from(*had)),
            6 => *had == self.request.unit(),
            _ => *had & !Function::EXCEPTION_BIT == function,
        });
        if !is_fitting {
            return Parse::Refused(NoAnswer);
        }
        let Some(length) = bytes.get(HEADER_LEN - 1).copied().map(usize::from) else {
            return Parse::NeedMore { wanted: HEADER_LEN + 3 };
        };
        let len = HEADER_LEN + length;
        let Some(covered) = bytes.get(HEADER_LEN..len) else {
            return Parse::NeedMore { wanted: len };
        };
        match Answer::parse_whole(covered) {
            Ok((answer, InnerCrc::Absent)) if answer.fits(&self.request).is_ok() => {
                Parse::Complete { value: said(answer), len }
            }
            Ok(_) | Err(_) => Parse::Refused(NoAnswer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(transaction: u16) -> Request {
        let request = super::super::Request::read_holding_registers(17, 0x6B, 3).unwrap();
        Request { transaction, request }
    }

    fn registers(asked: &Request, values: &[u16]) -> Vec<u8> {
        answer(asked.transaction, &Answer::registers_for(&asked.request, values).unwrap())
    }

    #[test]
    fn the_example_of_the_specification_in_mbap() {
        // Application protocol V1.1b3, 6.3: read holding registers 108 to 110.
        let asked = read(0x1501);
        assert_eq!(asked.frame(), [0x15, 0x01, 0, 0, 0, 6, 17, 3, 0, 0x6B, 0, 3]);
        let said = registers(&asked, &[0x022B, 0, 0x64]);
        assert_eq!(said, [0x15, 0x01, 0, 0, 0, 9, 17, 3, 6, 0x02, 0x2B, 0, 0, 0, 0x64]);
        let Parse::Complete { value: Said::Done(answer), len: 15 } = asked.answer(&said) else { panic!() };
        assert_eq!(answer.registers().unwrap(), [0x022B, 0, 0x64]);
    }

    #[test]
    fn an_answer_is_told_by_transaction_unit_function_and_amount() {
        let asked = read(7);
        let good = registers(&asked, &[1, 2, 3]);
        for (at, other) in [(0, 1), (1, 8), (2, 1), (3, 1), (4, 1), (5, 8), (5, 11), (6, 18), (7, 4), (8, 4)]
        {
            let mut wrong = good.clone();
            wrong[at] = other;
            wrong.extend_from_slice(&[0; 4]);
            assert_eq!(asked.answer(&wrong), Parse::Refused(NoAnswer), "byte {at}");
        }
        for cut in 0..good.len() {
            assert!(matches!(asked.answer(&good[..cut]), Parse::NeedMore { .. }), "cut at {cut}");
        }
        // With a CRC behind, as a converter that does not strip it would send.
        let mut with_crc = good.clone();
        with_crc.extend_from_slice(&[1, 2]);
        with_crc[5] += 2;
        assert_eq!(asked.answer(&with_crc), Parse::Refused(NoAnswer));
    }

    #[test]
    fn a_refusal_is_no_answer_but_ends_the_waiting() {
        let asked = read(9);
        let said = refuse(9, 17, 3, Exception::from_code(0x0B));
        let wanted = Said::Refused(Exception::from_code(0x0B));
        assert_eq!(asked.answer(&said), Parse::Complete { value: wanted, len: 9 });
    }

    #[test]
    fn a_server_reads_what_a_client_writes() {
        let asked = read(300);
        let frame = asked.frame();
        let glued = [frame.clone(), vec![1, 2, 3]].concat();
        assert_eq!(Request::parse(&glued), Parse::Complete { value: asked, len: frame.len() });
        for cut in 0..frame.len() {
            assert!(matches!(Request::parse(&frame[..cut]), Parse::NeedMore { .. }), "cut at {cut}");
        }
    }

    #[test]
    fn a_server_refuses_by_name_and_can_answer_what_it_could_frame() {
        assert_eq!(Request::parse(&[0, 1, 0, 2, 0, 6]), Parse::Refused(Refused::Protocol { had: 2 }));
        assert_eq!(Request::parse(&[0, 1, 0, 0, 1, 0]), Parse::Refused(Refused::Length { had: 256 }));
        assert_eq!(Request::parse(&[0, 1, 0, 0, 0, 1]), Parse::Refused(Refused::Length { had: 1 }));
        let unknown = [0, 5, 0, 0, 0, 6, 3, 0x2B, 0, 0, 0, 1];
        let Parse::Refused(Refused::Request { transaction: 5, unit: 3, function: 0x2B, len: 12, .. }) =
            Request::parse(&unknown)
        else {
            panic!("{:?}", Request::parse(&unknown))
        };
        let cut = [0, 5, 0, 0, 0, 5, 3, 3, 0, 0, 0];
        assert!(matches!(Request::parse(&cut), Parse::Refused(Refused::Request { len: 11, .. })));
    }
}
