//! Who may dial in: the terminals that the store knows, kept in memory for the gateway.
//! The engine writes it after each commit that changes it; sessions look themselves up for every frame.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use domain::id::TerminalId;
use domain::place::{Credential, Protocol, TerminalEntry};
use domain::profile::Profile;

/// Terminals by serial number, profiles by id.
#[derive(Debug, Default)]
pub struct Directory {
    terminals: RwLock<HashMap<String, Arc<TerminalEntry>>>,
    profiles: RwLock<HashMap<String, Arc<Profile>>>,
}

impl Directory {
    /// The terminal that announces itself with `serial` over `protocol`.
    #[must_use]
    pub fn terminal(&self, protocol: Protocol, serial: &str) -> Option<Arc<TerminalEntry>> {
        let terminals = self.terminals.read().unwrap_or_else(PoisonError::into_inner);
        terminals.get(serial).filter(|entry| entry.protocol == protocol).cloned()
    }

    /// The terminal with this id. A walk over all of them, for what is seldom asked.
    #[must_use]
    pub fn terminal_by_id(&self, id: TerminalId) -> Option<Arc<TerminalEntry>> {
        let terminals = self.terminals.read().unwrap_or_else(PoisonError::into_inner);
        terminals.values().find(|entry| entry.id == id).cloned()
    }

    /// The terminal that shows the client certificate with this SHA-256 over `protocol`, for those that say nothing
    /// else of themselves. Looks at every terminal, so ask by serial where there is one.
    #[must_use]
    pub fn terminal_of_certificate(&self, protocol: Protocol, hash: &[u8; 32]) -> Option<Arc<TerminalEntry>> {
        let terminals = self.terminals.read().unwrap_or_else(PoisonError::into_inner);
        let shows = |entry: &&Arc<TerminalEntry>| {
            entry.protocol == protocol
                && entry
                    .credentials
                    .iter()
                    .any(|c| matches!(c, Credential::CertificateHash(own) if own == hash))
        };
        terminals.values().find(shows).cloned()
    }

    /// The terminals that speak `protocol` and whose serial number begins with `prefix`.
    #[must_use]
    pub fn terminals_named(&self, protocol: Protocol, prefix: &str) -> Vec<Arc<TerminalEntry>> {
        let terminals = self.terminals.read().unwrap_or_else(PoisonError::into_inner);
        let is_named =
            |entry: &&Arc<TerminalEntry>| entry.protocol == protocol && entry.serial.starts_with(prefix);
        terminals.values().filter(is_named).cloned().collect()
    }

    /// The profile with this id.
    #[must_use]
    pub fn profile(&self, id: &str) -> Option<Arc<Profile>> {
        self.profiles.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Every profile, by id.
    #[must_use]
    pub fn profiles(&self) -> Vec<Arc<Profile>> {
        let profiles = self.profiles.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = profiles.values().cloned().collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Puts `entry` in, in place of one with the same serial.
    pub fn put_terminal(&self, entry: TerminalEntry) {
        let mut terminals = self.terminals.write().unwrap_or_else(PoisonError::into_inner);
        terminals.insert(entry.serial.clone(), Arc::new(entry));
    }

    /// Takes the terminal with `serial` out.
    pub fn remove_terminal(&self, serial: &str) {
        self.terminals.write().unwrap_or_else(PoisonError::into_inner).remove(serial);
    }

    /// Puts `profile` in, in place of one with the same id.
    pub fn put_profile(&self, profile: Profile) {
        let mut profiles = self.profiles.write().unwrap_or_else(PoisonError::into_inner);
        profiles.insert(profile.id.clone(), Arc::new(profile));
    }

    /// Takes the profile with `id` out.
    pub fn remove_profile(&self, id: &str) {
        self.profiles.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}
