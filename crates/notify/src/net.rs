//! Which addresses a medium may lead to. Hosts are typed by administrators, and a request that this server makes
//! reaches what a person outside does not: services on this machine, the metadata service of a cloud.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

use crate::Outcome;

/// A host that may not be reached, or not be found.
#[derive(Debug, Error)]
pub(crate) enum HostError {
    #[error("{host} is {address}, on this machine or on its link; such addresses are not allowed")]
    Local { host: String, address: IpAddr },
    #[error("{host} has no address")]
    NotFound { host: String },
}

impl HostError {
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Local { .. } => Outcome::Refused { detail: self.to_string() },
            Self::NotFound { .. } => Outcome::TryAgain { after_ms: None, detail: self.to_string() },
        }
    }
}

/// Finds the addresses of hosts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Net {
    /// Whether this machine and its link may be reached.
    pub(crate) local: bool,
}

impl Net {
    /// The addresses of a host that may be reached.
    pub(crate) async fn resolve(self, host: &str, port: u16) -> Result<Vec<SocketAddr>, HostError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found: Vec<_> = match bare.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => match tokio::net::lookup_host((host, port)).await {
                Ok(found) => found.collect(),
                Err(_) => Vec::new(),
            },
        };
        self.allowed(host, found)
    }

    /// One local address among them spoils them all: a name that has both is no honest one.
    fn allowed(self, host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, HostError> {
        if found.is_empty() {
            return Err(HostError::NotFound { host: host.to_owned() });
        }
        match found.iter().find(|address| !self.local && is_local(address.ip())) {
            Some(address) => Err(HostError::Local { host: host.to_owned(), address: address.ip() }),
            None => Ok(found),
        }
    }
}

impl Resolve for Net {
    fn resolve(&self, name: Name) -> Resolving {
        let net = *self;
        Box::pin(async move {
            let found = net.resolve(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

impl Net {
    pub(crate) fn resolver(self) -> Arc<Self> {
        Arc::new(self)
    }
}

/// This machine, its link, nobody, many; and the metadata services that clouds put at other addresses.
fn is_local(address: IpAddr) -> bool {
    /// Alibaba Cloud, and the agent of Azure.
    const METADATA: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
    /// Amazon.
    const METADATA_6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

    match address {
        IpAddr::V4(v4) => {
            v4.octets().first() == Some(&0)
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || METADATA.contains(&v4)
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_unicast_link_local()
                || v6.is_multicast()
                || v6 == METADATA_6
                || v4_within(v6).is_some_and(|v4| is_local(IpAddr::V4(v4)))
        }
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped, compatible (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056).
fn v4_within(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => of(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => of(high, low),
        [0x2002, high, low, _, _, _, _, _] => of(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_its_link_and_metadata_services_are_local() {
        for local in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::ffff:127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
        ] {
            assert!(is_local(local.parse().unwrap()), "{local}");
        }
        for other in ["10.0.0.5", "192.168.1.9", "100.64.0.1", "8.8.8.8", "2001:db8::1", "fd12::1"] {
            assert!(!is_local(other.parse().unwrap()), "{other}");
        }
    }

    #[tokio::test]
    async fn names_and_literals_of_this_machine_are_refused_unless_allowed() {
        for host in ["localhost", "127.0.0.1", "[::1]", "169.254.169.254"] {
            let refused = Net { local: false }.resolve(host, 80).await.unwrap_err();
            assert!(matches!(refused, HostError::Local { .. }), "{refused}");
            assert!(Net { local: true }.resolve(host, 80).await.is_ok(), "{host}");
        }
    }
}
