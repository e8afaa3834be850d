//! Who may come in: a terminal that was admitted and shows its token or its certificate.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bus::Directory;
use domain::place::{Admission, Credential, Protocol, TerminalEntry};
use sha2::{Digest as _, Sha256};

use super::packets::{Connect, NotIn};
use crate::limits::{Bucket, Rate};

/// What became of an introduction.
#[derive(Debug, Clone)]
pub(crate) enum Judged {
    /// It may come in.
    Welcome(Arc<TerminalEntry>),
    /// It may not; where it named a serial that nobody has admitted, that is worth a report.
    Away {
        why: NotIn,
        unknown: Option<String>,
        /// For the log; never the password.
        reason: &'static str,
    },
}

const fn away(why: NotIn, reason: &'static str) -> Judged {
    Judged::Away { why, unknown: None, reason }
}

/// The longest serial number that is looked at, bytes.
const MAX_SERIAL_BYTES: usize = 100;

/// Judges an introduction. A certificate that belongs to the terminal needs no password.
pub(crate) fn judge(directory: &Directory, connect: &Connect, certificate: Option<[u8; 32]>) -> Judged {
    let Some(serial) = connect.user_name.as_deref().filter(|name| !name.is_empty()) else {
        return match certificate
            .and_then(|hash| directory.terminal_of_certificate(Protocol::Telemetry, &hash))
        {
            Some(entry) if entry.admission == Admission::Admitted => Judged::Welcome(entry),
            Some(_) | None => away(NotIn::Credentials, "no user name, and no certificate of a known device"),
        };
    };
    if serial.len() > MAX_SERIAL_BYTES || serial.contains(['/', '+', '#', '\0']) {
        return away(NotIn::Credentials, "the user name is no serial number");
    }
    let entry = directory.terminal(Protocol::Telemetry, serial);
    let Some(entry) = entry.filter(|entry| entry.admission == Admission::Admitted) else {
        let reason = "nobody has admitted this serial number";
        return Judged::Away { why: NotIn::NotAuthorized, unknown: Some(serial.to_owned()), reason };
    };
    if entry.credentials.is_empty() {
        return away(NotIn::NotAuthorized, "the device was given no token and no certificate");
    }
    let token: Option<[u8; 32]> = connect.password.as_deref().map(|password| Sha256::digest(password).into());
    // Every proof is compared whole, so that time tells nothing.
    let mut fits = false;
    for credential in &entry.credentials {
        fits |= match credential {
            Credential::TokenHash(hash) => token.is_some_and(|token| same(&token, hash)),
            Credential::CertificateHash(hash) => certificate.is_some_and(|shown| same(&shown, hash)),
            Credential::SharedSecret(_) => false,
        };
    }
    if fits { Judged::Welcome(entry) } else { away(NotIn::Credentials, "wrong password or certificate") }
}

fn same(left: &[u8; 32], right: &[u8; 32]) -> bool {
    left.iter().zip(right).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
}

/// How often one address may fail to come in.
#[derive(Debug)]
pub(crate) struct Failures {
    rate: Rate,
    by_address: Mutex<HashMap<IpAddr, Bucket>>,
}

/// Addresses remembered at once; when there are more, those that have been quiet are forgotten.
const REMEMBERED: usize = 10_000;

impl Failures {
    pub(crate) fn new(per_minute: u32) -> Self {
        // The bucket counts by the second: what a minute allows may come at once.
        let rate = Rate::new(per_minute.div_ceil(60).max(1), per_minute);
        Self { rate, by_address: Mutex::default() }
    }

    /// Whether `address` has failed too often to be heard now.
    pub(crate) fn is_full(&self, address: IpAddr, now_ms: u64) -> bool {
        let known = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&address.to_canonical()).is_some_and(|bucket| bucket.fits_at_ms(self.rate) > now_ms)
    }

    /// Counts a failure of `address`.
    pub(crate) fn count(&self, address: IpAddr, now_ms: u64) {
        let mut known = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.retain(|_, bucket| bucket.fits_at_ms(self.rate) > now_ms);
            if known.len() >= REMEMBERED {
                known.clear();
            }
        }
        known.entry(address.to_canonical()).or_default().pour(self.rate, now_ms);
    }
}

#[cfg(test)]
mod tests {
    use domain::id::TerminalId;

    use super::*;

    fn connect(user_name: Option<&str>, password: Option<&str>) -> Connect {
        Connect {
            client_id: String::new(),
            clean: true,
            keep_alive_s: 60,
            user_name: user_name.map(str::to_owned),
            password: password.map(|text| text.as_bytes().to_vec()),
            will: None,
            expiry_s: Some(0),
        }
    }

    fn directory(admission: Admission, credentials: Vec<Credential>) -> Directory {
        let directory = Directory::default();
        directory.put_terminal(TerminalEntry {
            id: TerminalId(1),
            serial: "E7".to_owned(),
            protocol: Protocol::Telemetry,
            admission,
            pinned_iccid: None,
            credentials,
            detectors: Vec::new(),
        });
        directory
    }

    fn why(judged: &Judged) -> Option<NotIn> {
        match judged {
            Judged::Welcome(_) => None,
            Judged::Away { why, .. } => Some(*why),
        }
    }

    #[test]
    fn a_token_or_a_certificate_opens_and_nothing_else() {
        let token = Credential::TokenHash(Sha256::digest("let me in").into());
        let known = directory(Admission::Admitted, vec![token, Credential::CertificateHash([7; 32])]);
        let judged = |user, password, certificate| why(&judge(&known, &connect(user, password), certificate));
        assert_eq!(judged(Some("E7"), Some("let me in"), None), None);
        assert_eq!(judged(Some("E7"), Some("let me"), None), Some(NotIn::Credentials));
        assert_eq!(judged(Some("E7"), None, None), Some(NotIn::Credentials));
        assert_eq!(judged(Some("E7"), None, Some([7; 32])), None);
        assert_eq!(judged(None, None, Some([7; 32])), None);
        assert_eq!(judged(Some("E7"), None, Some([8; 32])), Some(NotIn::Credentials));
        assert_eq!(judged(None, Some("let me in"), None), Some(NotIn::Credentials));
        assert_eq!(judged(Some("E7/x"), Some("let me in"), None), Some(NotIn::Credentials));
    }

    #[test]
    fn who_is_not_admitted_is_reported_and_kept_out() {
        let token = Credential::TokenHash(Sha256::digest("x").into());
        for known in [
            directory(Admission::Pending, vec![token.clone()]),
            directory(Admission::Refused, vec![token]),
            Directory::default(),
        ] {
            let Judged::Away { why, unknown, .. } = judge(&known, &connect(Some("E7"), Some("x")), None)
            else {
                panic!("came in");
            };
            assert_eq!((why, unknown.as_deref()), (NotIn::NotAuthorized, Some("E7")));
        }
        let without = directory(Admission::Admitted, Vec::new());
        assert_eq!(why(&judge(&without, &connect(Some("E7"), Some("")), None)), Some(NotIn::NotAuthorized));
    }

    #[test]
    fn who_guesses_is_slowed_down_and_others_are_not() {
        let failures = Failures::new(30);
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..30 {
            assert!(!failures.is_full(here, 1_000));
            failures.count(here, 1_000);
        }
        assert!(failures.is_full(here, 1_000));
        assert!(!failures.is_full(there, 1_000));
        assert!(!failures.is_full(here, 60_000));
    }
}
