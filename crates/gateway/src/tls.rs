//! TLS for every door: one acceptor, whose certificate is read again when its files change.
//!
//! ```text
//! TlsSettings -> TlsAcceptor::load -> accept(stream) -> Secured { stream, client: SHA-256 of its certificate }
//!                      ^
//!                      +-- follow: looks at the files every few seconds; new connections get the new certificate,
//!                          those that are open go on; files that cannot be used leave the old one in place
//! ```
//!
//! TLS 1.2 and 1.3 (RFC 5246, RFC 8446) with `ring`. A client's certificate is not asked to come from an authority:
//! devices are known one by one, by the SHA-256 of the certificate that was registered with their terminal. What
//! TLS proves is that the client holds the key; whether it may speak for a terminal is the session's question.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{interval, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// How a door speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The door's certificate and those between it and the authority, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM (PKCS#8, PKCS#1 or SEC1), without a password.
    pub key: PathBuf,
    /// What is asked of clients.
    pub clients: ClientCertificates,
    /// Protocols offered by ALPN (RFC 7301), best first; empty where the door has only one.
    pub alpn: Vec<Vec<u8>>,
    /// How long a handshake may take. Default 10 s.
    pub handshake_within: Duration,
    /// How often the files are looked at. Default 10 s.
    pub look_every: Duration,
}

/// What is asked of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    /// A client may show one.
    Optional,
    /// A client without one is refused.
    Required,
}

impl TlsSettings {
    /// A door with this certificate and key, clients' certificates optional.
    #[must_use]
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
            clients: ClientCertificates::Optional,
            alpn: Vec::new(),
            handshake_within: Duration::from_secs(10),
            look_every: Duration::from_secs(10),
        }
    }
}

/// Files that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be read.
    #[error("tls: {path} cannot be read: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file without what it should hold.
    #[error("tls: {path} holds no {wanted} in PEM")]
    Pem {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
    },
    /// A certificate and a key that do not work together.
    #[error("tls: certificate {certificate} with key {key}: {source}")]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
}

/// Why a client did not get through the handshake.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// It took too long.
    #[error("tls handshake not done within {within_ms} ms")]
    TooSlow {
        /// The limit, ms.
        within_ms: u128,
    },
    /// It failed or the connection broke.
    #[error("tls handshake: {0}")]
    Failed(#[from] io::Error),
}

/// A connection after its handshake.
#[derive(Debug)]
pub struct Secured<S> {
    /// The encrypted stream.
    pub stream: TlsStream<S>,
    /// SHA-256 of the client's certificate (its DER bytes), where it showed one.
    pub client: Option<[u8; 32]>,
}

/// What looking at the files came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// They are as they were.
    Unchanged,
    /// New connections get what they say now.
    Renewed,
}

/// Takes TLS connections in with the newest usable certificate.
#[derive(Debug)]
pub struct TlsAcceptor {
    settings: TlsSettings,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<ServerConfig>,
    /// SHA-256 of the files looked at last, usable or not, so that a fault is told once.
    seen: Mutex<[u8; 32]>,
}

struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(settings: &TlsSettings) -> Result<Self, TlsError> {
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|source| TlsError::Read { path: path.clone(), source })
        };
        Ok(Self { certificate: read(&settings.certificate)?, key: read(&settings.key)? })
    }

    fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update((self.certificate.len() as u64).to_be_bytes());
        hash.update(&self.certificate);
        hash.update(&self.key);
        hash.finalize().into()
    }

    fn config(
        &self,
        settings: &TlsSettings,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<ServerConfig>, TlsError> {
        let pem = |path: &PathBuf, wanted| TlsError::Pem { path: path.clone(), wanted };
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .ok()
            .filter(|chain| !chain.is_empty())
            .ok_or_else(|| pem(&settings.certificate, "certificate"))?;
        let key =
            PrivateKeyDer::from_pem_slice(&self.key).map_err(|_no_key| pem(&settings.key, "private key"))?;
        let pair = |source| TlsError::Pair {
            certificate: settings.certificate.clone(),
            key: settings.key.clone(),
            source,
        };
        let clients = HeldKey {
            algorithms: provider.signature_verification_algorithms,
            is_required: settings.clients == ClientCertificates::Required,
        };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(pair)?
            .with_client_cert_verifier(Arc::new(clients))
            .with_single_cert(chain, key)
            .map_err(pair)?;
        config.alpn_protocols.clone_from(&settings.alpn);
        Ok(Arc::new(config))
    }
}

impl TlsAcceptor {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// [`TlsError`] when a file cannot be read or the two cannot be used.
    pub fn load(settings: TlsSettings) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let files = Files::read(&settings)?;
        let current = ArcSwap::from(files.config(&settings, &provider)?);
        Ok(Arc::new(Self { settings, provider, current, seen: Mutex::new(files.fingerprint()) }))
    }

    /// Takes `stream` through the handshake, within the time of the settings.
    ///
    /// # Errors
    /// [`HandshakeError`] says why it is not to be used.
    pub async fn accept<S>(&self, stream: S) -> Result<Secured<S>, HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = tokio_rustls::TlsAcceptor::from(self.current.load_full());
        let within = self.settings.handshake_within;
        let stream = timeout(within, acceptor.accept(stream))
            .await
            .map_err(|_elapsed| HandshakeError::TooSlow { within_ms: within.as_millis() })??;
        let client = stream
            .get_ref()
            .1
            .peer_certificates()
            .and_then(|chain| chain.first())
            .map(|certificate| Sha256::digest(certificate).into());
        Ok(Secured { stream, client })
    }

    /// Looks at the files; when they changed, new connections get what they say now.
    ///
    /// # Errors
    /// [`TlsError`] when they cannot be used. The certificate in use stays. The same unusable files are told once.
    pub fn reload(&self) -> Result<Reloaded, TlsError> {
        let files = Files::read(&self.settings)?;
        let fingerprint = files.fingerprint();
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == fingerprint {
                return Ok(Reloaded::Unchanged);
            }
            *seen = fingerprint;
        }
        self.current.store(files.config(&self.settings, &self.provider)?);
        Ok(Reloaded::Renewed)
    }

    /// Looks at the files again and again until `stop`. One of the two may be written before the other, so files
    /// that do not fit are looked at again like any others.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = interval(self.settings.look_every.max(Duration::from_millis(100)));
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _at = ticks.tick() => {}
            }
            let acceptor = Arc::clone(&self);
            let certificate = self.settings.certificate.display();
            match tokio::task::spawn_blocking(move || acceptor.reload()).await {
                Ok(Ok(Reloaded::Unchanged)) => {}
                Ok(Ok(Reloaded::Renewed)) => tracing::info!(%certificate, "the new certificate is in use"),
                Ok(Err(error)) => tracing::warn!(%error, "the certificate in use stays"),
                Err(error) => tracing::warn!(%error, %certificate, "the certificate could not be looked at"),
            }
        }
    }
}

/// Believes any certificate whose key the client holds; who it belongs to is asked later.
#[derive(Debug)]
struct HeldKey {
    algorithms: WebPkiSupportedAlgorithms,
    is_required: bool,
}

impl ClientCertVerifier for HeldKey {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
pub(crate) mod tests;
