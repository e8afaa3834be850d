//! Who may dial in: the terminals that the store knows, kept in memory for the gateway.
//! The engine writes it after each commit that changes it; sessions look themselves up for every frame.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use domain::id::TerminalId;
use domain::place::{Credential, Protocol, TerminalEntry};
use domain::profile::Profile;

/// Terminals by serial number, by id and by certificate; profiles by id.
#[derive(Debug, Default)]
pub struct Directory {
    terminals: RwLock<Terminals>,
    profiles: RwLock<HashMap<String, Arc<Profile>>>,
}

#[derive(Debug, Default)]
struct Terminals {
    by_serial: HashMap<String, Arc<TerminalEntry>>,
    serial_of: HashMap<TerminalId, String>,
    /// Who shows a certificate; a gateway and its devices may share one.
    of_certificate: HashMap<[u8; 32], Vec<String>>,
}

impl Terminals {
    fn remove(&mut self, serial: &str) {
        let Some(entry) = self.by_serial.remove(serial) else { return };
        self.serial_of.remove(&entry.id);
        for hash in certificates(&entry) {
            if let Some(serials) = self.of_certificate.get_mut(hash) {
                serials.retain(|known| known != serial);
                if serials.is_empty() {
                    self.of_certificate.remove(hash);
                }
            }
        }
    }

    fn put(&mut self, entry: TerminalEntry) {
        // Under its old serial number, where it has a new one now.
        if let Some(before) = self.serial_of.get(&entry.id).filter(|serial| **serial != entry.serial) {
            self.remove(&before.clone());
        }
        self.remove(&entry.serial);
        self.serial_of.insert(entry.id, entry.serial.clone());
        for hash in certificates(&entry) {
            self.of_certificate.entry(*hash).or_default().push(entry.serial.clone());
        }
        self.by_serial.insert(entry.serial.clone(), Arc::new(entry));
    }
}

fn certificates(entry: &TerminalEntry) -> impl Iterator<Item = &[u8; 32]> {
    entry.credentials.iter().filter_map(|credential| match credential {
        Credential::CertificateHash(hash) => Some(hash),
        Credential::TokenHash(_) | Credential::SharedSecret(_) => None,
    })
}

impl Directory {
    /// The terminal that announces itself with `serial` over `protocol`.
    #[must_use]
    pub fn terminal(&self, protocol: Protocol, serial: &str) -> Option<Arc<TerminalEntry>> {
        let terminals = self.terminals.read().unwrap_or_else(PoisonError::into_inner);
        terminals.by_serial.get(serial).filter(|entry| entry.protocol == protocol).cloned()
    }

    /// The terminal with this id.
    #[must_use]
    pub fn terminal_by_id(&self, id: TerminalId) -> Option<Arc<TerminalEntry>> {
        let terminals = self.terminals.read().unwrap_or_else(PoisonError::into_inner);
        terminals.by_serial.get(terminals.serial_of.get(&id)?).cloned()
    }

    /// The terminal that shows the client certificate with this SHA-256 over `protocol`, for those that say nothing
    /// else of themselves. Of several that share it, the first that was put in.
    #[must_use]
    pub fn terminal_of_certificate(&self, protocol: Protocol, hash: &[u8; 32]) -> Option<Arc<TerminalEntry>> {
        let terminals = self.terminals.read().unwrap_or_else(PoisonError::into_inner);
        let mut shown = terminals.of_certificate.get(hash)?.iter();
        shown
            .find_map(|serial| terminals.by_serial.get(serial).filter(|entry| entry.protocol == protocol))
            .cloned()
    }

    /// The terminals that speak `protocol` and whose serial number begins with `prefix`.
    #[must_use]
    pub fn terminals_named(&self, protocol: Protocol, prefix: &str) -> Vec<Arc<TerminalEntry>> {
        let terminals = self.terminals.read().unwrap_or_else(PoisonError::into_inner);
        let is_named =
            |entry: &&Arc<TerminalEntry>| entry.protocol == protocol && entry.serial.starts_with(prefix);
        terminals.by_serial.values().filter(is_named).cloned().collect()
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
        self.terminals.write().unwrap_or_else(PoisonError::into_inner).put(entry);
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

#[cfg(test)]
mod tests {
    use domain::place::Admission;

    use super::*;

    fn entry(id: i64, serial: &str, certificates: &[u8]) -> TerminalEntry {
        TerminalEntry {
            id: TerminalId(id),
            serial: serial.to_owned(),
            protocol: Protocol::Telemetry,
            admission: Admission::Admitted,
            pinned_iccid: None,
            credentials: certificates.iter().map(|byte| Credential::CertificateHash([*byte; 32])).collect(),
            detectors: Vec::new(),
        }
    }

    #[test]
    fn a_terminal_is_found_by_each_of_its_certificates_as_long_as_it_has_them() {
        let directory = Directory::default();
        let shows =
            |byte| directory.terminal_of_certificate(Protocol::Telemetry, &[byte; 32]).map(|t| t.id.0);
        directory.put_terminal(entry(1, "A", &[1, 2]));
        directory.put_terminal(entry(2, "B", &[2]));
        assert_eq!((shows(1), shows(2), shows(3)), (Some(1), Some(1), None));
        assert_eq!(directory.terminal_of_certificate(Protocol::Cloud7b7b, &[1; 32]), None);
        directory.put_terminal(entry(1, "A", &[3]));
        assert_eq!((shows(1), shows(2), shows(3)), (None, Some(2), Some(1)));
        directory.remove_terminal("B");
        assert_eq!(shows(2), None);
    }

    #[test]
    fn a_terminal_that_got_another_serial_number_is_known_under_the_new_one_only() {
        let directory = Directory::default();
        directory.put_terminal(entry(1, "A", &[1]));
        directory.put_terminal(entry(1, "A2", &[1]));
        assert_eq!(directory.terminal(Protocol::Telemetry, "A"), None);
        assert_eq!(directory.terminal_by_id(TerminalId(1)).unwrap().serial, "A2");
        directory.remove_terminal("A2");
        assert_eq!(directory.terminal_by_id(TerminalId(1)), None);
    }
}
