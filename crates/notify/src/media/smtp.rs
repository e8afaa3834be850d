//! Mail by SMTP (RFC 5321, RFC 3207, RFC 8314).

use std::time::{Duration, UNIX_EPOCH};

use domain::hazard::Severity;
use domain::time::UnixMs;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message as Mail, Tokio1Executor};
use serde::{Deserialize, Serialize};

use crate::check::{Check, FieldProblem};
use crate::net::Net;
use crate::text::{cut_chars, one_line, plain};
use crate::{Address, Message, Outcome, Secret, TIME_LIMIT};

/// Mail may be long; this is more than any message needs.
const MAX_TEXT_BYTES: usize = 64 * 1024;

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
    pub(crate) async fn send(
        &self,
        net: Net,
        to: &Address,
        message: &Message,
        now: UnixMs,
    ) -> Result<Outcome, Outcome> {
        let mail = self.mail(to, message, now)?;
        let found = net.resolve(&self.host, self.port).await.map_err(|error| error.outcome())?;
        // The address that was looked at is the one that is dialled, whatever the name says a moment later.
        let dialled = found.iter().find(|address| address.is_ipv4()).or(found.first());
        let dialled = dialled.map_or_else(|| self.host.clone(), |address| address.ip().to_string());
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(dialled)
            .port(self.port)
            .timeout(Some(TIME_LIMIT))
            .tls(self.tls().map_err(|error| of_error(&error))?);
        if !self.user.is_empty() {
            transport = transport.credentials(Credentials::new(self.user.clone(), self.password.0.clone()));
        }
        Ok(match transport.build().send(mail).await {
            Ok(response) => {
                Outcome::Accepted { reference: response.first_line().map(|line| cut_chars(line, 200)) }
            }
            Err(error) => of_error(&error),
        })
    }

    fn tls(&self) -> Result<Tls, lettre::transport::smtp::Error> {
        let parameters = || {
            let mut parameters = TlsParameters::builder(self.host.clone());
            if !self.trusted_ca.is_empty() {
                let certificate = Certificate::from_pem(self.trusted_ca.as_bytes())?;
                parameters = parameters.add_root_certificate(certificate);
            }
            parameters.build()
        };
        Ok(match self.security {
            Security::Tls => Tls::Wrapper(parameters()?),
            Security::Starttls => Tls::Required(parameters()?),
            Security::None => Tls::None,
        })
    }

    fn mail(&self, to: &Address, message: &Message, now: UnixMs) -> Result<Mail, Outcome> {
        let Address::Email(to) = to else {
            return Err(Outcome::AddressRefused { detail: "a mailbox is wanted".to_owned() });
        };
        let mailbox = |text: &str| {
            text.parse::<Mailbox>()
                .map_err(|error| Outcome::Refused { detail: format!("mailbox {text}: {error}") })
        };
        let priority = match message.severity {
            Severity::Alarm => "1",
            Severity::Warning | Severity::Fault => "3",
        };
        let at = UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or_default());
        Mail::builder()
            .from(mailbox(&self.from)?)
            .to(mailbox(to)?)
            .subject(cut_chars(&one_line(&message.title), 200))
            .date(at)
            .message_id(None)
            .header(AutoSubmitted)
            .header(Priority(priority))
            .header(ContentType::TEXT_PLAIN)
            .body(plain(message, MAX_TEXT_BYTES))
            .map_err(|error| Outcome::Refused { detail: error.to_string() })
    }

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

/// Keeps holiday notices from being sent back (RFC 3834 section 5).
#[derive(Debug, Clone, Copy)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// 1 is the highest, 3 is usual.
#[derive(Debug, Clone, Copy)]
struct Priority(&'static str);

impl Header for Priority {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("X-Priority")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(if text == "1" { "1" } else { "3" }))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.to_owned())
    }
}

/// 4xx is for a while, 5xx for good (RFC 5321 section 4.2.1). A certificate that is not trusted and a server that cannot
/// do what is asked of it stay so; everything else is the network.
fn of_error(error: &lettre::transport::smtp::Error) -> Outcome {
    let mut detail = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        detail = format!("{detail}: {error}");
        source = error.source();
    }
    let detail = cut_chars(&one_line(&detail), 300);
    // Of one mailbox: 450, 452, 550 to 553 (section 4.2.3), but for what the enhanced code says of the sender, of policy
    // and of the system (RFC 3463).
    let of_others = ["5.1.7", "5.1.8", "5.7.", "5.3.", "4.3."].iter().any(|code| detail.contains(code));
    match error.status().map(u16::from) {
        Some(450 | 452) if !of_others => return Outcome::AddressBusy { after_ms: None, detail },
        Some(550..=553) if !of_others => return Outcome::AddressRefused { detail },
        Some(_) | None => {}
    }
    // The handshake comes as an error of the connection that names a certificate.
    let of_certificate = detail.contains("invalid peer certificate");
    if error.is_permanent() || error.is_client() || error.is_tls() || of_certificate {
        return Outcome::Refused { detail };
    }
    Outcome::TryAgain { after_ms: None, detail }
}
