use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as ClientStream;

use super::*;

/// A folder with a certificate and its key, and who trusts what.
pub(crate) struct Pki {
    folder: tempfile::TempDir,
}

/// A certificate with its key, made now.
pub(crate) fn made(name: &str) -> CertifiedKey<rcgen::KeyPair> {
    generate_simple_self_signed(vec![name.to_owned()]).unwrap()
}

impl Pki {
    pub(crate) fn new() -> (Self, CertifiedKey<rcgen::KeyPair>) {
        let pki = Self { folder: tempfile::tempdir().unwrap() };
        let server = made("door.test");
        pki.write(&server);
        (pki, server)
    }

    pub(crate) fn settings(&self) -> TlsSettings {
        TlsSettings::new(self.folder.path().join("door.pem"), self.folder.path().join("door.key"))
    }

    pub(crate) fn write(&self, server: &CertifiedKey<rcgen::KeyPair>) {
        std::fs::write(self.settings().certificate, server.cert.pem()).unwrap();
        std::fs::write(self.settings().key, server.signing_key.serialize_pem()).unwrap();
    }
}

/// A client that trusts `server` and shows `client`.
pub(crate) fn connector(
    server: &CertifiedKey<rcgen::KeyPair>,
    client: Option<&CertifiedKey<rcgen::KeyPair>>,
) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(server.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let key = PrivateKeyDer::try_from(client.signing_key.serialize_der()).unwrap();
            builder.with_client_auth_cert(vec![client.cert.der().clone()], key).unwrap()
        }
    };
    TlsConnector::from(Arc::new(config))
}

pub(crate) fn fingerprint(certified: &CertifiedKey<rcgen::KeyPair>) -> [u8; 32] {
    Sha256::digest(certified.cert.der()).into()
}

async fn meet(
    acceptor: &TlsAcceptor,
    connector: &TlsConnector,
) -> (Result<Secured<DuplexStream>, HandshakeError>, io::Result<ClientStream<DuplexStream>>) {
    let (ours, theirs) = duplex(64 * 1024);
    let name = "door.test".try_into().unwrap();
    tokio::join!(acceptor.accept(ours), connector.connect(name, theirs))
}

async fn speak(from: &mut (impl AsyncWrite + Unpin), to: &mut (impl AsyncRead + Unpin)) {
    from.write_all(b"still here").await.unwrap();
    from.flush().await.unwrap();
    let mut had = [0; 10];
    to.read_exact(&mut had).await.unwrap();
    assert_eq!(&had, b"still here");
}

fn shown(connection: &ClientConnection) -> Vec<u8> {
    connection.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn new_connections_get_the_new_certificate_while_old_ones_go_on() {
    let (pki, first) = Pki::new();
    let acceptor = TlsAcceptor::load(pki.settings()).unwrap();
    let (server, client) = meet(&acceptor, &connector(&first, None)).await;
    let (mut old_server, mut old_client) = (server.unwrap().stream, client.unwrap());
    assert_eq!(shown(old_client.get_ref().1), first.cert.der().to_vec());
    assert_eq!(acceptor.reload().unwrap(), Reloaded::Unchanged);

    let second = made("door.test");
    pki.write(&second);
    assert_eq!(acceptor.reload().unwrap(), Reloaded::Renewed);
    let (server, client) = meet(&acceptor, &connector(&second, None)).await;
    assert!(server.is_ok());
    assert_eq!(shown(client.unwrap().get_ref().1), second.cert.der().to_vec());
    speak(&mut old_client, &mut old_server).await;
    speak(&mut old_server, &mut old_client).await;
}

#[tokio::test]
async fn files_that_cannot_be_used_leave_the_certificate_in_place_and_are_told_once() {
    let (pki, first) = Pki::new();
    let acceptor = TlsAcceptor::load(pki.settings()).unwrap();
    // The certificate is there already, its key not yet.
    let second = made("door.test");
    std::fs::write(pki.settings().certificate, second.cert.pem()).unwrap();
    assert!(matches!(acceptor.reload(), Err(TlsError::Pair { .. })));
    assert_eq!(acceptor.reload().unwrap(), Reloaded::Unchanged);
    assert!(meet(&acceptor, &connector(&first, None)).await.1.is_ok());
    std::fs::write(pki.settings().certificate, "nothing").unwrap();
    assert!(matches!(acceptor.reload(), Err(TlsError::Pem { wanted: "certificate", .. })));
    std::fs::remove_file(pki.settings().key).unwrap();
    assert!(matches!(acceptor.reload(), Err(TlsError::Read { .. })));
    pki.write(&second);
    assert_eq!(acceptor.reload().unwrap(), Reloaded::Renewed);
    assert!(meet(&acceptor, &connector(&second, None)).await.1.is_ok());
}

#[tokio::test]
async fn a_client_is_known_by_the_certificate_whose_key_it_holds() {
    let (pki, server) = Pki::new();
    let acceptor = TlsAcceptor::load(pki.settings()).unwrap();
    let device = made("device");
    let (secured, _client) = meet(&acceptor, &connector(&server, Some(&device))).await;
    assert_eq!(secured.unwrap().client, Some(fingerprint(&device)));
    let (secured, _client) = meet(&acceptor, &connector(&server, None)).await;
    assert_eq!(secured.unwrap().client, None);
}

#[tokio::test]
async fn a_door_that_requires_certificates_refuses_who_has_none() {
    let (pki, server) = Pki::new();
    let settings = TlsSettings { clients: ClientCertificates::Required, ..pki.settings() };
    let acceptor = TlsAcceptor::load(settings).unwrap();
    assert!(meet(&acceptor, &connector(&server, None)).await.0.is_err());
    assert!(meet(&acceptor, &connector(&server, Some(&made("device")))).await.0.is_ok());
}

#[tokio::test]
async fn a_handshake_that_does_not_come_to_an_end_is_given_up() {
    let (pki, _server) = Pki::new();
    let settings = TlsSettings { handshake_within: Duration::from_millis(20), ..pki.settings() };
    let acceptor = TlsAcceptor::load(settings).unwrap();
    let (ours, _silent) = duplex(1_024);
    let refused = acceptor.accept(ours).await.unwrap_err();
    assert!(matches!(refused, HandshakeError::TooSlow { within_ms: 20 }), "{refused}");
}
