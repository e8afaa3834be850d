//! Devices that hold no line: each message is an exchange of its own, over HTTP or CoAP.

mod coap;
mod drive;
mod http;

pub(crate) use drive::drive_posts;
pub(crate) use http::dial;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicU16;

use wire::telemetry::{Commands, Form, Limits};

/// What came of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// It is stored.
    Confirmed,
    /// Nothing was confirmed: the same message again, later.
    Later,
    /// It will not be taken as it is.
    Refused(String),
}

/// The protocol of the exchanges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// HTTP/1.1, a connection for each exchange.
    Http,
    /// CoAP, confirmable.
    Coap,
}

/// One device's way to the platform.
#[derive(Debug)]
pub struct Post {
    by: By,
    door: SocketAddr,
    source: Option<Ipv4Addr>,
    serial: String,
    token: String,
    /// Of CoAP.
    next_message_id: AtomicU16,
}

impl Post {
    /// A device that shows this serial number and token at `door`, from the address `source` where there is one.
    /// CoAP counts its messages from `first_message_id`, which is to differ from device to device.
    #[must_use]
    pub const fn new(
        by: By,
        door: SocketAddr,
        source: Option<Ipv4Addr>,
        serial: String,
        token: String,
        first_message_id: u16,
    ) -> Self {
        Self { by, door, source, serial, token, next_message_id: AtomicU16::new(first_message_id) }
    }

    /// Says something; under the same `key` it is the same message however often it is said.
    pub async fn say(&self, form: Form, payload: &[u8], key: &str) -> Answered {
        match self.by {
            By::Http => self.post_http(form, payload, key).await,
            By::Coap => self.post_coap(form, payload, key).await,
        }
    }

    /// Asks what there is to do; `None` when nobody answers or the answer cannot be read.
    pub async fn commands(&self) -> Option<Commands> {
        let written = match self.by {
            By::Http => self.get_http().await?,
            By::Coap => self.get_coap().await?,
        };
        Commands::read(Form::Json, &written, &Limits::default()).ok()
    }

    fn source(&self) -> SocketAddr {
        (self.source.unwrap_or(Ipv4Addr::UNSPECIFIED), 0).into()
    }
}
