//! The PROXY protocol, versions 1 and 2 (HAProxy's `proxy-protocol.txt`): whoever stands between says, before all
//! else, for whom it speaks. Only those on a list are believed, else anybody could take any address.

use std::io;
use std::net::SocketAddr;

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The longest version 1 header, CR LF included (section 2.1).
const MAX_TEXT: usize = 107;
/// The most that a version 2 header may say behind its first 16 bytes; addresses take 36, the rest are TLVs.
const MAX_BINARY: usize = 512;

/// A header that cannot be believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    /// The connection broke.
    #[error("proxy header: {0}")]
    Lost(#[from] io::Error),
    /// Bytes that begin no header.
    #[error("{had:02x?}, wanted a PROXY protocol header of version 1 or 2")]
    NoHeader { had: [u8; 12] },
    /// A header that goes on for too long.
    #[error("proxy header of more than {max} bytes, wanted at most that")]
    TooLong { max: usize },
    /// A header that says nothing readable.
    #[error("proxy header: {0}")]
    Unreadable(String),
}

/// Reads the header and not a byte more. `None` where the proxy speaks for itself (health checks).
pub(crate) async fn read_header<S>(stream: &mut S) -> Result<Option<SocketAddr>, ProxyError>
where
    S: AsyncRead + Unpin,
{
    let mut first = [0; 12];
    stream.read_exact(&mut first).await?;
    let mut header = first.to_vec();
    if first == v2::PROTOCOL_PREFIX {
        let mut fixed = [0; 4];
        stream.read_exact(&mut fixed).await?;
        let [_, _, high, low] = fixed;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > MAX_BINARY {
            return Err(ProxyError::TooLong { max: MAX_BINARY });
        }
        header.extend_from_slice(&fixed);
        let mut rest = vec![0; length];
        stream.read_exact(&mut rest).await?;
        header.append(&mut rest);
    } else if first.starts_with(b"PROXY ") {
        while !header.ends_with(b"\r\n") {
            if header.len() >= MAX_TEXT {
                return Err(ProxyError::TooLong { max: MAX_TEXT });
            }
            // One by one: what follows the header may be a TLS handshake, which has to find its first byte.
            header.push(stream.read_u8().await?);
        }
    } else {
        return Err(ProxyError::NoHeader { had: first });
    }
    source(&header)
}

fn source(header: &[u8]) -> Result<Option<SocketAddr>, ProxyError> {
    match HeaderResult::parse(header) {
        HeaderResult::V1(Ok(header)) => Ok(match header.addresses {
            v1::Addresses::Unknown => None,
            v1::Addresses::Tcp4(pair) => Some((pair.source_address, pair.source_port).into()),
            v1::Addresses::Tcp6(pair) => Some((pair.source_address, pair.source_port).into()),
        }),
        HeaderResult::V2(Ok(header)) => Ok(match (header.command, header.addresses) {
            (v2::Command::Local, _) | (_, v2::Addresses::Unspecified | v2::Addresses::Unix(_)) => None,
            (v2::Command::Proxy, v2::Addresses::IPv4(pair)) => {
                Some((pair.source_address, pair.source_port).into())
            }
            (v2::Command::Proxy, v2::Addresses::IPv6(pair)) => {
                Some((pair.source_address, pair.source_port).into())
            }
        }),
        HeaderResult::V1(Err(error)) => Err(ProxyError::Unreadable(error.to_string())),
        HeaderResult::V2(Err(error)) => Err(ProxyError::Unreadable(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the header says, and what of the bytes was left for the session.
    async fn read(bytes: &[u8]) -> (Result<Option<SocketAddr>, ProxyError>, Vec<u8>) {
        let mut stream = bytes;
        let source = read_header(&mut stream).await;
        (source, stream.to_vec())
    }

    fn version_2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
        [v2::PROTOCOL_PREFIX, &[0x20 | command, family], &length, addresses].concat()
    }

    #[tokio::test]
    async fn both_versions_say_for_whom_the_proxy_speaks_and_leave_the_rest() {
        let (source, rest) = read(b"PROXY TCP4 192.0.2.7 198.51.100.1 50000 7070\r\n{{").await;
        assert_eq!(source.unwrap().unwrap().to_string(), "192.0.2.7:50000");
        assert_eq!(rest, b"{{");
        let (source, _) = read(b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n").await;
        assert_eq!(source.unwrap().unwrap().to_string(), "[2001:db8::1]:1");
        let mut header = version_2(1, 0x11, &[192, 0, 2, 7, 198, 51, 100, 1, 0xC3, 0x50, 0x1B, 0x9E]);
        header.extend_from_slice(b"\x16\x03");
        let (source, rest) = read(&header).await;
        assert_eq!(source.unwrap().unwrap().to_string(), "192.0.2.7:50000");
        assert_eq!(rest, b"\x16\x03");
    }

    #[tokio::test]
    async fn a_proxy_may_speak_for_itself() {
        assert_eq!(read(b"PROXY UNKNOWN\r\n").await.0.unwrap(), None);
        assert_eq!(read(&version_2(0, 0, &[])).await.0.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused_and_bounded() {
        assert!(matches!(read(b"{{not a header}}").await.0, Err(ProxyError::NoHeader { .. })));
        assert!(matches!(read(b"PROXY").await.0, Err(ProxyError::Lost(_))));
        let endless = [b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat();
        assert!(matches!(read(&endless).await.0, Err(ProxyError::TooLong { max: MAX_TEXT })));
        let long = version_2(1, 0x11, &[0; 600]);
        assert!(matches!(read(&long).await.0, Err(ProxyError::TooLong { max: MAX_BINARY })));
        let (source, _) = read(b"PROXY TCP4 somewhere 198.51.100.1 1 2\r\n").await;
        assert!(matches!(source, Err(ProxyError::Unreadable(_))));
    }
}
