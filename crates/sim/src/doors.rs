//! The doors of a platform that devices come to.

use std::net::SocketAddr;

use serde::Serialize;

/// A door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// The field door: whatever is told apart by its first bytes.
    Field,
    /// MQTT.
    Mqtt,
    /// HTTP ingestion.
    Http,
    /// CoAP.
    Coap,
}

/// Where the doors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doors {
    /// The field door.
    pub field: SocketAddr,
    /// MQTT; `None` where it is closed.
    pub mqtt: Option<SocketAddr>,
    /// HTTP ingestion; `None` where it is closed.
    pub http: Option<SocketAddr>,
    /// CoAP, UDP; `None` where it is closed.
    pub coap: Option<SocketAddr>,
}

impl Doors {
    /// A platform with nothing but its field door.
    #[must_use]
    pub const fn field(field: SocketAddr) -> Self {
        Self { field, mqtt: None, http: None, coap: None }
    }

    /// Where a door is; `None` where it is closed.
    #[must_use]
    pub const fn of(&self, door: Door) -> Option<SocketAddr> {
        match door {
            Door::Field => Some(self.field),
            Door::Mqtt => self.mqtt,
            Door::Http => self.http,
            Door::Coap => self.coap,
        }
    }
}
