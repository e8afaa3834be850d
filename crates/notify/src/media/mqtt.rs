//! A message to a topic of somebody else's MQTT broker (MQTT 3.1.1, QoS 1).

use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::check::{Check, FieldProblem};

/// A broker and a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mqtt {
    /// The broker.
    pub host: String,
    /// 8883 with TLS, 1883 without.
    pub port: u16,
    /// Whether the connection is TLS.
    pub tls: bool,
    /// The login; empty where the broker wants none.
    #[serde(default)]
    pub user: String,
    /// Belongs to it.
    #[serde(default)]
    pub password: Secret,
    /// Where it is published.
    pub topic: String,
    /// Authorities in PEM that are trusted beside the public ones, for a broker of one's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trusted_ca: String,
}

impl Mqtt {
    pub(crate) fn check(&self, check: &mut Check) {
        check.host("host", &self.host);
        check.port(self.port);
        check.optional_text("user", &self.user, 320);
        check.optional_text("password", &self.password.0, 1000);
        check.text("topic", &self.topic, 1000);
        if self.topic.contains(['+', '#']) {
            check.wrong("topic", FieldProblem::Characters);
        }
        check.authorities(&self.trusted_ca);
    }
}
