//! Mail by SMTP (RFC 5321, RFC 3207, RFC 8314).

use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::check::{Check, FieldProblem};

/// How mail is handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Smtp {
    /// The mail server.
    pub host: String,
    /// 465 for TLS from the start, 587 for STARTTLS, 25 for none.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// The login; empty when the server wants none.
    #[serde(default)]
    pub user: String,
    /// The password, with some providers called authorization code 授权码.
    #[serde(default)]
    pub password: Secret,
    /// Who it comes from: `alarm@example.com` or `Emberwatch <alarm@example.com>`.
    pub from: String,
    /// Authorities in PEM that are trusted beside the public ones, for a server of one's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trusted_ca: String,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after STARTTLS; without it nothing is sent.
    Starttls,
    /// In the clear. No login is sent this way.
    None,
}

impl Smtp {
    pub(crate) fn check(&self, check: &mut Check) {
        check.host("host", &self.host);
        check.port(self.port);
        check.optional_text("user", &self.user, 320);
        if !self.user.is_empty() {
            check.secret("password", &self.password);
            if self.security == Security::None {
                check.wrong("security", FieldProblem::SentInTheClear);
            }
        }
        if self.from.trim().is_empty() {
            check.wrong("from", FieldProblem::Missing);
        } else if self.from.parse::<Mailbox>().is_err() {
            check.wrong("from", FieldProblem::NotAMailbox);
        }
        check.authorities(&self.trusted_ca);
    }
}
