//! A topic of ntfy (docs.ntfy.sh, "Publishing").

use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::check::{Check, FieldProblem};

/// A topic, on the public server or on one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ntfy {
    /// The topic. On a server that everybody may read whoever knows it reads along.
    pub topic: String,
    /// An access token `tk_…`; empty where the topic is open.
    #[serde(default)]
    pub token: Secret,
    /// In place of `https://ntfy.sh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

impl Ntfy {
    pub(crate) fn check(&self, check: &mut Check) {
        check.text("topic", &self.topic, 64);
        if !self.topic.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            check.wrong("topic", FieldProblem::Characters);
        }
        check.optional_text("token", &self.token.0, 1000);
        check.base_url(self.base_url.as_ref());
    }
}
