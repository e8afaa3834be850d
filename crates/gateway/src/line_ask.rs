//! What a session may ask on its line, whichever protocol the slave speaks, and what comes back.

use domain::place::Protocol;
use wire::dlt645;
use wire::line::{Ask, NoAnswer, Said};
use wire::modbus::{self, Exception, Parse, tcp};

/// A request to one slave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LineAsk {
    /// Modbus-RTU behind a transparent DTU.
    Rtu(modbus::Request),
    /// Modbus TCP.
    Tcp(tcp::Request),
    /// A meter behind a transparent DTU.
    Meter(dlt645::Request),
}

impl LineAsk {
    /// The protocol of its frame and of the answer's.
    pub(crate) const fn protocol(&self) -> Protocol {
        match self {
            Self::Rtu(_) => Protocol::ModbusRtu,
            Self::Tcp(_) => Protocol::ModbusTcp,
            Self::Meter(_) => Protocol::Dlt645,
        }
    }
}

/// What the slave said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LineSaid {
    Modbus(modbus::Answer),
    Meter(dlt645::Answer),
}

/// How the slave refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineRefusal {
    Modbus(Exception),
    Meter(dlt645::Refusal),
}

impl LineRefusal {
    /// Its code, as the protocol writes it.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Modbus(exception) => exception.code(),
            Self::Meter(refusal) => refusal.0,
        }
    }

    /// Whether asking again in a moment may help.
    pub(crate) const fn may_retry(self) -> bool {
        match self {
            Self::Modbus(exception) => exception.may_retry(),
            Self::Meter(_) => false,
        }
    }
}

fn map<A, R>(
    parsed: Parse<Said<A, R>, NoAnswer>,
    done: impl FnOnce(A) -> LineSaid,
    refused: impl FnOnce(R) -> LineRefusal,
) -> Parse<Said<LineSaid, LineRefusal>, NoAnswer> {
    match parsed {
        Parse::Complete { value: Said::Done(answer), len } => {
            Parse::Complete { value: Said::Done(done(answer)), len }
        }
        Parse::Complete { value: Said::Refused(refusal), len } => {
            Parse::Complete { value: Said::Refused(refused(refusal)), len }
        }
        Parse::NeedMore { wanted } => Parse::NeedMore { wanted },
        Parse::Refused(no) => Parse::Refused(no),
    }
}

impl Ask for LineAsk {
    type Answer = LineSaid;
    type Refusal = LineRefusal;
    /// The longest of the three, Modbus TCP's.
    const MAX_ANSWER_LEN: usize = tcp::MAX_FRAME_LEN;

    fn frame(&self) -> Vec<u8> {
        match self {
            Self::Rtu(request) => request.frame(),
            Self::Tcp(request) => request.frame(),
            Self::Meter(request) => request.frame(),
        }
    }

    fn answer(&self, bytes: &[u8]) -> Parse<Said<LineSaid, LineRefusal>, NoAnswer> {
        match self {
            Self::Rtu(request) => map(request.answer(bytes), LineSaid::Modbus, LineRefusal::Modbus),
            Self::Tcp(request) => map(request.answer(bytes), LineSaid::Modbus, LineRefusal::Modbus),
            Self::Meter(request) => map(request.answer(bytes), LineSaid::Meter, LineRefusal::Meter),
        }
    }

    fn is_numbered(&self) -> bool {
        match self {
            Self::Rtu(request) => request.is_numbered(),
            Self::Tcp(request) => request.is_numbered(),
            Self::Meter(request) => request.is_numbered(),
        }
    }
}
