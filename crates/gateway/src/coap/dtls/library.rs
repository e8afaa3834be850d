//! What the DTLS library is given: its one suite, our keys, and the cookie that was checked before it was asked.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bus::Directory;
use dimpl::crypto::{
    CryptoProvider, Dtls12CipherSuite, HashAlgorithm, HmacProvider, SupportedDtls12CipherSuite, rust_crypto,
};
use dimpl::{Config, CryptoError, PskResolver};
use domain::place::{Admission, Credential, Protocol};

use super::hello::COOKIE;

/// Shortest pre-shared key, bytes. Who overhears a handshake may try keys for as long as he likes (RFC 4279 section 7.2).
pub const MIN_PRE_SHARED_KEY: usize = 16;
/// Longest datagram of ours, bytes.
const MTU: usize = 1_400;
/// First wait before a flight is sent again: what RFC 7925 section 11 wants for narrow-band networks.
const FLIGHT_AGAIN: Duration = Duration::from_secs(9);
/// How often a flight is sent again; the deadline of the handshake comes first.
const FLIGHTS_AGAIN: usize = 3;

/// Who a handshake said it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// An admitted terminal and the key it has to prove.
    Known(Known),
    /// Nobody that may be heard.
    Stranger(String),
}

/// A terminal by its key.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::coap) struct Known {
    pub(in crate::coap) serial: String,
    pub(in crate::coap) key: Vec<u8>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("serial", &self.serial).finish_non_exhaustive()
    }
}

/// Finds the key of an identity, and tells which identity was asked for last.
pub(super) struct Keys {
    directory: AssertUnwindSafe<Arc<Directory>>,
    named: Mutex<Option<Named>>,
}

impl Keys {
    pub(super) fn new(directory: Arc<Directory>) -> Self {
        Self { directory: AssertUnwindSafe(directory), named: Mutex::new(None) }
    }

    /// Who was named since this was last asked.
    pub(super) fn take_named(&self) -> Option<Named> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl PskResolver for Keys {
    fn resolve(&self, identity: &[u8]) -> Option<Vec<u8>> {
        let serial = String::from_utf8_lossy(identity).into_owned();
        let entry = self.directory.terminal(Protocol::Telemetry, &serial);
        let known = entry.filter(|entry| entry.admission == Admission::Admitted);
        // The newest key counts: one identity can only have one.
        let key = known.as_ref().and_then(|entry| {
            entry.credentials.iter().rev().find_map(|credential| match credential {
                Credential::SharedSecret(key) if key.len() >= MIN_PRE_SHARED_KEY => Some(key.clone()),
                Credential::SharedSecret(_) | Credential::TokenHash(_) | Credential::CertificateHash(_) => {
                    None
                }
            })
        });
        let named = match &key {
            Some(key) => Named::Known(Known { serial, key: key.clone() }),
            None => Named::Stranger(serial),
        };
        *self.named.lock().unwrap_or_else(PoisonError::into_inner) = Some(named);
        key
    }
}

thread_local! {
    static CHECKED: Cell<Option<[u8; COOKIE]>> = const { Cell::new(None) };
}

/// The library's HMAC, except that it agrees with a cookie that was checked already.
///
/// Its own cookie is made with a key of each connection and does not look at the address, so it can only be given out
/// once something is kept of a client. Ours is checked first; the library then wants to see one of its own, and it makes
/// it by this.
#[derive(Debug)]
struct AgreeingHmac;

impl HmacProvider for AgreeingHmac {
    fn hmac(
        &self,
        hash: HashAlgorithm,
        key: &[u8],
        data: &[u8],
        out: &mut [u8],
    ) -> Result<usize, CryptoError> {
        if let Some(cookie) = CHECKED.get() {
            let room = out.get_mut(..COOKIE).ok_or(CryptoError::UnsupportedHmacHash(hash))?;
            room.copy_from_slice(&cookie);
            return Ok(COOKIE);
        }
        provider().hmac_provider.hmac(hash, key, data, out)
    }
}

/// Lets the library agree with `cookie` while `hellos` runs. A hello makes it compute nothing else by HMAC.
pub(super) fn agreeing<T>(cookie: [u8; COOKIE], hellos: impl FnOnce() -> T) -> T {
    struct Forget;
    impl Drop for Forget {
        fn drop(&mut self) {
            CHECKED.set(None);
        }
    }
    CHECKED.set(Some(cookie));
    let _forget = Forget;
    hellos()
}

/// The cryptography in Rust alone, and of it the one suite: all else would be tried out at every start.
pub(super) fn provider() -> &'static CryptoProvider {
    static SUITES: OnceLock<Vec<&'static dyn SupportedDtls12CipherSuite>> = OnceLock::new();
    static PROVIDER: OnceLock<CryptoProvider> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let all = rust_crypto::default_provider();
        let one = SUITES.get_or_init(|| {
            let suites = all.cipher_suites.iter().copied();
            suites.filter(|suite| suite.suite() == Dtls12CipherSuite::PSK_AES128_CCM_8).collect()
        });
        CryptoProvider { cipher_suites: one, kx_groups: &[], ..all }
    })
}

/// The settings of every connection: TLS_PSK_WITH_AES_128_CCM_8 over DTLS 1.2 and nothing else (RFC 7252 section 9.1.3.1).
pub(super) fn config(keys: Arc<Keys>, handshake_within: Duration) -> Result<Arc<Config>, dimpl::Error> {
    let provider = CryptoProvider { hmac_provider: &AgreeingHmac, ..provider().clone() };
    let config = Config::builder()
        .with_crypto_provider(provider)
        .with_psk_server(None, keys)
        .dtls13_cipher_suites(&[])
        .mtu(MTU)
        .flight_start_rto(FLIGHT_AGAIN)
        .flight_retries(FLIGHTS_AGAIN)
        .handshake_timeout(handshake_within)
        .build()?;
    Ok(Arc::new(config))
}
