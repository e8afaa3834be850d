//! Function and exception codes.

use std::fmt;

/// The functions this crate speaks (application protocol V1.1b3, 6.1 to 6.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// 0x01
    ReadCoils,
    /// 0x02
    ReadDiscreteInputs,
    /// 0x03
    ReadHoldingRegisters,
    /// 0x04
    ReadInputRegisters,
    /// 0x05
    WriteSingleCoil,
    /// 0x06
    WriteSingleRegister,
    /// 0x0F
    WriteMultipleCoils,
    /// 0x10
    WriteMultipleRegisters,
}

impl Function {
    /// All of them, by code.
    pub const ALL: [Self; 8] = [
        Self::ReadCoils,
        Self::ReadDiscreteInputs,
        Self::ReadHoldingRegisters,
        Self::ReadInputRegisters,
        Self::WriteSingleCoil,
        Self::WriteSingleRegister,
        Self::WriteMultipleCoils,
        Self::WriteMultipleRegisters,
    ];

    /// The bit that marks an answer as an exception.
    pub const EXCEPTION_BIT: u8 = 0x80;

    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::ReadCoils => 0x01,
            Self::ReadDiscreteInputs => 0x02,
            Self::ReadHoldingRegisters => 0x03,
            Self::ReadInputRegisters => 0x04,
            Self::WriteSingleCoil => 0x05,
            Self::WriteSingleRegister => 0x06,
            Self::WriteMultipleCoils => 0x0F,
            Self::WriteMultipleRegisters => 0x10,
        }
    }

    /// The function of a wire code, `None` for codes not spoken here and for exception answers.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.code() == code)
    }

    /// Whether it only reads.
    #[must_use]
    pub const fn is_read(self) -> bool {
        match self {
            Self::ReadCoils
            | Self::ReadDiscreteInputs
            | Self::ReadHoldingRegisters
            | Self::ReadInputRegisters => true,
            Self::WriteSingleCoil
            | Self::WriteSingleRegister
            | Self::WriteMultipleCoils
            | Self::WriteMultipleRegisters => false,
        }
    }

    /// Stable key, e.g. `read_holding_registers`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadCoils => "read_coils",
            Self::ReadDiscreteInputs => "read_discrete_inputs",
            Self::ReadHoldingRegisters => "read_holding_registers",
            Self::ReadInputRegisters => "read_input_registers",
            Self::WriteSingleCoil => "write_single_coil",
            Self::WriteSingleRegister => "write_single_register",
            Self::WriteMultipleCoils => "write_multiple_coils",
            Self::WriteMultipleRegisters => "write_multiple_registers",
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a slave did not do what it was asked (application protocol V1.1b3, 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exception {
    /// 1: the slave does not know the function.
    IllegalFunction,
    /// 2: the slave has no such register.
    IllegalDataAddress,
    /// 3: count or value out of range.
    IllegalDataValue,
    /// 4: the slave failed while doing it.
    ServerDeviceFailure,
    /// 5: accepted, takes longer.
    Acknowledge,
    /// 6: busy, ask again later.
    ServerDeviceBusy,
    /// 7: cannot do it (older slaves).
    NegativeAcknowledge,
    /// 8: extended memory failed its check.
    MemoryParityError,
    /// 10: a gateway on the way has no path.
    GatewayPathUnavailable,
    /// 11: a gateway on the way got no answer.
    GatewayTargetFailedToRespond,
    /// A code the protocol does not name; kept as it came.
    Other(u8),
}

impl Exception {
    /// The meaning of a wire code.
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::IllegalFunction,
            2 => Self::IllegalDataAddress,
            3 => Self::IllegalDataValue,
            4 => Self::ServerDeviceFailure,
            5 => Self::Acknowledge,
            6 => Self::ServerDeviceBusy,
            7 => Self::NegativeAcknowledge,
            8 => Self::MemoryParityError,
            10 => Self::GatewayPathUnavailable,
            11 => Self::GatewayTargetFailedToRespond,
            other => Self::Other(other),
        }
    }

    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::IllegalFunction => 1,
            Self::IllegalDataAddress => 2,
            Self::IllegalDataValue => 3,
            Self::ServerDeviceFailure => 4,
            Self::Acknowledge => 5,
            Self::ServerDeviceBusy => 6,
            Self::NegativeAcknowledge => 7,
            Self::MemoryParityError => 8,
            Self::GatewayPathUnavailable => 10,
            Self::GatewayTargetFailedToRespond => 11,
            Self::Other(code) => code,
        }
    }

    /// Stable key, e.g. `illegal_data_address`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IllegalFunction => "illegal_function",
            Self::IllegalDataAddress => "illegal_data_address",
            Self::IllegalDataValue => "illegal_data_value",
            Self::ServerDeviceFailure => "server_device_failure",
            Self::Acknowledge => "acknowledge",
            Self::ServerDeviceBusy => "server_device_busy",
            Self::NegativeAcknowledge => "negative_acknowledge",
            Self::MemoryParityError => "memory_parity_error",
            Self::GatewayPathUnavailable => "gateway_path_unavailable",
            Self::GatewayTargetFailedToRespond => "gateway_target_failed_to_respond",
            Self::Other(_) => "other",
        }
    }

    /// Whether the same request may well succeed a little later.
    #[must_use]
    pub const fn may_retry(self) -> bool {
        match self {
            Self::Acknowledge
            | Self::ServerDeviceBusy
            | Self::GatewayPathUnavailable
            | Self::GatewayTargetFailedToRespond => true,
            Self::IllegalFunction
            | Self::IllegalDataAddress
            | Self::IllegalDataValue
            | Self::ServerDeviceFailure
            | Self::NegativeAcknowledge
            | Self::MemoryParityError
            | Self::Other(_) => false,
        }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exception_code_survives_both_ways() {
        for code in 0..=255u8 {
            assert_eq!(Exception::from_code(code).code(), code);
        }
    }

    #[test]
    fn function_codes_survive_both_ways_and_the_rest_is_unknown() {
        let known: Vec<u8> = (0..=255).filter(|code| Function::from_code(*code).is_some()).collect();
        assert_eq!(known, [1, 2, 3, 4, 5, 6, 15, 16]);
        for code in known {
            assert_eq!(Function::from_code(code).unwrap().code(), code);
        }
    }
}
