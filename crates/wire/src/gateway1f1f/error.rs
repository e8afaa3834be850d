//! Why the data of a whole frame cannot be read.

use thiserror::Error;

use super::{CipherError, InvalidGatewayId, InvalidTransparent, XmlError};

/// Why data cannot be read. The frame was whole, so the stream goes on behind it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// Not to be decrypted or inflated.
    #[error("{0}")]
    Cipher(#[from] CipherError),
    /// No document that may be read.
    #[error("xml: {0}")]
    Xml(#[from] XmlError),
    /// An element or attribute is missing.
    #[error("no {wanted}")]
    Missing {
        /// Which.
        wanted: &'static str,
    },
    /// A value that is none of those known.
    #[error("{field} is `{had}`, wanted {wanted}")]
    Value {
        /// Which element or attribute.
        field: &'static str,
        /// What stands there, cut.
        had: String,
        /// What may stand there.
        wanted: &'static str,
    },
    /// A name that cannot be a gateway's.
    #[error("{0}")]
    Id(#[from] InvalidGatewayId),
    /// A transparent frame that is none.
    #[error("{0}")]
    Transparent(#[from] InvalidTransparent),
}

impl MessageError {
    /// Stable key for counters and screens.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Cipher(CipherError::Bomb { .. }) => "deflate_bomb",
            Self::Cipher(_) => "cipher",
            Self::Xml(XmlError::DocType | XmlError::Entity { .. }) => "xml_entity",
            Self::Xml(_) => "xml",
            Self::Missing { .. } => "missing",
            Self::Value { .. } => "value",
            Self::Id(_) => "gateway_id",
            Self::Transparent(_) => "transparent",
        }
    }

    pub(super) fn value(field: &'static str, had: &str, wanted: &'static str) -> Self {
        Self::Value { field, had: had.chars().take(40).collect(), wanted }
    }
}
