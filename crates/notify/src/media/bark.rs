//! Bark, push to iPhones (github.com/Finb/bark-server, `docs/API_V2.md`).

use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::check::Check;

/// One telephone with the Bark app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bark {
    /// The key that the app shows in its address.
    pub device_key: Secret,
    /// In place of `https://api.day.app`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

impl Bark {
    pub(crate) fn check(&self, check: &mut Check) {
        check.secret("device_key", &self.device_key);
        check.base_url(self.base_url.as_ref());
    }
}
