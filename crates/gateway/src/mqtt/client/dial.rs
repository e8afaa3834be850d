//! The connection to the broker: TCP, and TLS with the broker's authority and, where given, a certificate of our own.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls_pki_types::pem::PemObject as _;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::mqtt::config::ClientConfig;

/// How long connecting, a handshake or a write may take.
const WITHIN: Duration = Duration::from_secs(10);

/// A stream to the broker.
pub(super) trait Line: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

/// Connects; says also where the broker is.
pub(super) async fn dial(config: &ClientConfig) -> Result<(Box<dyn Line>, SocketAddr), String> {
    let (host, port) = (config.host.as_str(), config.port);
    let late = |what: &str| format!("{what} to {host}:{port} took longer than {} s", WITHIN.as_secs());
    let stream = timeout(WITHIN, TcpStream::connect((host, port)))
        .await
        .map_err(|_late| late("connecting"))?
        .map_err(|error| format!("cannot connect to {host}:{port}: {error}"))?;
    let _kept_anyway = stream.set_nodelay(true);
    let remote = stream.peer_addr().map_err(|error| error.to_string())?;
    if !config.is_tls {
        return Ok((Box::new(stream), remote));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|error| format!("host {host:?}: {error}"))?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(tls(config)?));
    let stream =
        timeout(WITHIN, connector.connect(name, stream)).await.map_err(|_late| late("the TLS handshake"))?;
    Ok((Box::new(stream.map_err(|error| format!("tls with {host}:{port}: {error}"))?), remote))
}

/// Read at every connection, so that renewed files need no restart.
fn tls(config: &ClientConfig) -> Result<rustls::ClientConfig, String> {
    let authority =
        config.authority.as_deref().ok_or("tls without the certificates to check the broker's against")?;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates(authority)? {
        roots.add(certificate).map_err(|error| format!("{}: {error}", authority.display()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let Some((certificate, key)) = &config.identity else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(certificate)?;
    let own = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|error| format!("{}: no private key in PEM: {error}", key.display()))?;
    builder.with_client_auth_cert(chain, own).map_err(|error| format!("{}: {error}", certificate.display()))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{}: {error}", path.display()))?;
    if all.is_empty() {
        return Err(format!("{}: no certificate in PEM", path.display()));
    }
    Ok(all)
}

/// Writes to the broker.
pub(super) async fn write(line: &mut Box<dyn Line>, bytes: &[u8]) -> Result<(), String> {
    let writing = async {
        line.write_all(bytes).await?;
        line.flush().await
    };
    match timeout(WITHIN, writing).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("lost: {error}")),
        Err(_late) => Err(format!("the broker took nothing for {} s", WITHIN.as_secs())),
    }
}
