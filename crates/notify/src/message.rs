//! What is said, and to which address.

use domain::hazard::Severity;
use serde::Serialize;

/// One message, already in the reader's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// One line: what and where.
    pub title: String,
    /// A few lines of plain text.
    pub body: String,
    /// Page that shows it, absolute.
    pub link: Option<String>,
    /// Page that acknowledges it with a one-time token, absolute.
    pub acknowledge_link: Option<String>,
    /// The highest severity that it tells of.
    pub severity: Severity,
    /// BCP 47 tag: `zh-CN`, `zh-TW` or `en`.
    pub language: String,
    /// Messages of one group replace each other where the medium can do that.
    pub group: String,
    /// Values for the templates that lie at the provider (short message, voice), by their placeholder.
    pub params: Vec<(String, String)>,
}

/// Where one person is reached by one medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A mailbox.
    Email(String),
    /// A telephone number in E.164 form, `+8613800138000`.
    Phone(String),
    /// A browser's push subscription (RFC 8030, RFC 8291).
    Push {
        /// Where to post, given by the browser.
        endpoint: String,
        /// The browser's public key, base64url of 65 bytes.
        p256dh: String,
        /// The browser's authentication secret, base64url of 16 bytes.
        auth: String,
    },
    /// The medium itself names the place: a robot's group, a topic, a webhook.
    Medium,
}

/// The kinds of [`Address`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// [`Address::Email`].
    Email,
    /// [`Address::Phone`].
    Phone,
    /// [`Address::Push`].
    Push,
    /// [`Address::Medium`].
    Medium,
}

impl Address {
    /// Which it is.
    #[must_use]
    pub const fn kind(&self) -> AddressKind {
        match self {
            Self::Email(_) => AddressKind::Email,
            Self::Phone(_) => AddressKind::Phone,
            Self::Push { .. } => AddressKind::Push,
            Self::Medium => AddressKind::Medium,
        }
    }
}
