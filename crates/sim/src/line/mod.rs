//! One connection of a device: pure on the inside (time and bytes in, bytes out), tokio on the outside.

mod cloud;
mod dlt645;
mod driver;
mod dtu;
mod gateway1f1f;
mod gb26875;
mod modbus_tcp;
mod mqtt;

pub use cloud::CloudLine;
pub(crate) use cloud::next_after;
pub use dlt645::MeterBus;
pub(crate) use dlt645::{NO_SUCH_DATA, meter_data};
pub use driver::{Clock, Counters, CountersNow, Endpoint, drive, wait_for_calls};
pub use dtu::{DtuLine, DtuSpeech};
pub use gateway1f1f::{GatewayLine, OnPort};
pub use gb26875::GbLine;
pub use modbus_tcp::ModbusTcpLine;
pub(crate) use mqtt::MqttLine;

use domain::time::UnixMs;

/// What a line wants of its driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// A connection; and to keep the one it has.
    Connection,
    /// Silence until this moment: no connection, and the present one cut.
    SilenceUntil(UnixMs),
    /// The present connection cut, and another one after a pause.
    Redial,
}

/// The inside of one connection. The driver calls [`Line::due`] at [`Line::next_due`] whether connected or not.
pub trait Line: Send + 'static {
    /// A connection stands.
    fn connected(&mut self, now: UnixMs);
    /// The connection is gone.
    fn disconnected(&mut self, now: UnixMs);
    /// Bytes came.
    fn heard(&mut self, bytes: &[u8], now: UnixMs);
    /// It is [`Line::next_due`] or later.
    fn due(&mut self, now: UnixMs);
    /// When [`Line::due`] is to be called next.
    fn next_due(&self) -> UnixMs;
    /// What is to be sent now; empty when nothing is.
    fn take_out(&mut self) -> Vec<u8>;
    /// What it wants now.
    fn wants(&self, now: UnixMs) -> Wants;
    /// Whether the other side has taken it: the pause before the next dialling in starts small again.
    fn is_established(&self) -> bool;
}
