//! The first words of a client, answered without remembering it (RFC 6347 section 4.2.1).
//!
//! A cookie is an HMAC over the client's address, its random number and the minute. Who sends it back has shown that he
//! receives at his address; until then nothing is kept of him, and he was sent no more bytes than he sent.

use std::net::{IpAddr, SocketAddr};

use dimpl::crypto::HmacProvider;

/// Length of a cookie, bytes: what SHA-256 gives.
pub(super) const COOKIE: usize = 32;
/// A cookie holds for this long at least and twice as long at most, ms.
const COOKIE_HOLDS_MS: u64 = 60_000;

const RECORD_HEAD: usize = 13;
const HANDSHAKE_HEAD: usize = 12;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;
/// The version that a HelloVerifyRequest is told in, whatever comes after it.
const DTLS_1_0: [u8; 2] = [0xFE, 0xFF];

/// What the first record of a datagram says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) content: u8,
    pub(super) epoch: u16,
    length: usize,
}

/// The heads of a datagram's records; it ends at the first that is cut off.
pub(super) fn records(mut datagram: &[u8]) -> impl Iterator<Item = Record> {
    std::iter::from_fn(move || {
        let [content, _, _, epoch_high, epoch_low, _, _, _, _, _, _, length_high, length_low] =
            *datagram.first_chunk::<RECORD_HEAD>()?;
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        datagram = datagram.get(RECORD_HEAD + length..)?;
        Some(Record { content, epoch: u16::from_be_bytes([epoch_high, epoch_low]), length })
    })
}

/// Whether a datagram begins with a client's first words.
pub(super) fn is_hello(datagram: &[u8]) -> bool {
    records(datagram).next().is_some_and(|record| record.content == HANDSHAKE && record.epoch == 0)
        && datagram.get(RECORD_HEAD) == Some(&CLIENT_HELLO)
}

/// A ClientHello that is alone and whole in its datagram. One in pieces is not taken: it could not be answered without
/// being kept, and those of constrained clients are short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hello<'a> {
    record_head: &'a [u8; RECORD_HEAD],
    sequence: u16,
    /// Version, random number and session id.
    front: &'a [u8],
    pub(super) random: &'a [u8; 32],
    pub(super) cookie: &'a [u8],
    /// What follows the cookie.
    back: &'a [u8],
}

impl<'a> Hello<'a> {
    /// Reads one; `None` for anything else.
    pub(super) fn read(datagram: &'a [u8]) -> Option<Self> {
        if !is_hello(datagram) {
            return None;
        }
        let record = records(datagram).next()?;
        let (record_head, message) = datagram.split_first_chunk::<RECORD_HEAD>()?;
        let (head, body) = message.split_first_chunk::<HANDSHAKE_HEAD>()?;
        let [_, l0, l1, l2, s0, s1, o0, o1, o2, f0, f1, f2] = *head;
        let length = usize::try_from(u32::from_be_bytes([0, l0, l1, l2])).ok()?;
        let is_whole = [l0, l1, l2] == [f0, f1, f2] && [o0, o1, o2] == [0; 3];
        if !is_whole || length != body.len() || record.length != message.len() {
            return None;
        }
        let random = body.get(2..)?.first_chunk::<32>()?;
        let session = usize::from(*body.get(34)?);
        let (front, rest) = body.split_at_checked(35 + session)?;
        let (length, rest) = rest.split_first()?;
        let (cookie, back) = rest.split_at_checked(usize::from(*length))?;
        Some(Self { record_head, sequence: u16::from_be_bytes([s0, s1]), front, random, cookie, back })
    }

    /// Whether it is the second of a client, the one that carries the cookie.
    pub(super) fn is_second(&self) -> bool {
        self.sequence == 1
    }

    /// The first hello that must have come before this one: the same without a cookie.
    pub(super) fn first(&self) -> Vec<u8> {
        let body = [self.front, &[0], self.back].concat();
        self.message(CLIENT_HELLO, 0, &body)
    }

    /// Asks for the cookie.
    pub(super) fn ask(&self, cookie: &[u8; COOKIE]) -> Vec<u8> {
        let mut body = DTLS_1_0.to_vec();
        body.push(32);
        body.extend_from_slice(cookie);
        let mut asked = self.message(HELLO_VERIFY_REQUEST, 0, &body);
        if let Some(version) = asked.get_mut(1..3) {
            version.copy_from_slice(&DTLS_1_0);
        }
        asked
    }

    /// A message in a record with the number of this hello's own record.
    fn message(&self, kind: u8, sequence: u16, body: &[u8]) -> Vec<u8> {
        let [_, l0, l1, l2] = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
        let length = u16::try_from(body.len() + HANDSHAKE_HEAD).unwrap_or(0);
        let mut bytes = self.record_head.to_vec();
        bytes.truncate(RECORD_HEAD - 2);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&[kind, l0, l1, l2]);
        bytes.extend_from_slice(&sequence.to_be_bytes());
        bytes.extend_from_slice(&[0, 0, 0, l0, l1, l2]);
        bytes.extend_from_slice(body);
        bytes
    }
}

/// Makes cookies and knows its own again.
#[derive(Debug)]
pub(super) struct Cookies {
    secret: [u8; 32],
    hmac: &'static dyn HmacProvider,
}

impl Cookies {
    /// With a key of this process; a restart makes old cookies worthless, and clients begin anew.
    pub(super) fn new(secret: [u8; 32], hmac: &'static dyn HmacProvider) -> Self {
        Self { secret, hmac }
    }

    /// The cookie for a client now.
    pub(super) fn make(&self, hello: &Hello<'_>, remote: SocketAddr, now_ms: u64) -> Option<[u8; COOKIE]> {
        self.of(hello, remote, now_ms / COOKIE_HOLDS_MS)
    }

    /// The hello's cookie, when it is one that was given to this client lately.
    pub(super) fn check(&self, hello: &Hello<'_>, remote: SocketAddr, now_ms: u64) -> Option<[u8; COOKIE]> {
        let had: &[u8; COOKIE] = hello.cookie.try_into().ok()?;
        let minute = now_ms / COOKIE_HOLDS_MS;
        [Some(minute), minute.checked_sub(1)].into_iter().flatten().find_map(|minute| {
            let wanted = self.of(hello, remote, minute)?;
            crate::ingest::is_same(had, &wanted).then_some(wanted)
        })
    }

    fn of(&self, hello: &Hello<'_>, remote: SocketAddr, minute: u64) -> Option<[u8; COOKIE]> {
        let mut said = minute.to_be_bytes().to_vec();
        match remote.ip() {
            IpAddr::V4(ip) => said.extend_from_slice(&ip.to_ipv6_mapped().octets()),
            IpAddr::V6(ip) => said.extend_from_slice(&ip.octets()),
        }
        said.extend_from_slice(&remote.port().to_be_bytes());
        said.extend_from_slice(hello.random);
        self.hmac.hmac_sha256(&self.secret, &said).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(cookie: &[u8], sequence: u16) -> Vec<u8> {
        let front = [&[0xFE, 0xFD][..], &[7; 32], &[0]].concat();
        let back = [0, 2, 0xC0, 0xA8, 1, 0];
        let head = [22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0];
        let shape =
            Hello { record_head: &head, sequence, front: &front, random: &[7; 32], cookie, back: &back };
        let length = [u8::try_from(cookie.len()).unwrap()];
        shape.message(1, sequence, &[&front, &length[..], cookie, &back].concat())
    }

    fn cookies() -> Cookies {
        Cookies::new([5; 32], dimpl::crypto::rust_crypto::default_provider().hmac_provider)
    }

    #[test]
    fn a_cookie_belongs_to_an_address_a_random_number_and_a_minute() {
        let here: SocketAddr = "10.0.0.1:5000".parse().unwrap();
        let bytes = hello(&[], 0);
        let first = Hello::read(&bytes).unwrap();
        let cookie = cookies().make(&first, here, 100_000).unwrap();
        let bytes = hello(&cookie, 1);
        let second = Hello::read(&bytes).unwrap();
        assert!(second.is_second() && !first.is_second());
        assert_eq!(cookies().check(&second, here, 100_000), Some(cookie));
        assert_eq!(cookies().check(&second, here, 179_999), Some(cookie));
        assert_eq!(cookies().check(&second, here, 180_000), None, "too old");
        for there in ["10.0.0.1:5001", "10.0.0.2:5000"] {
            assert_eq!(cookies().check(&second, there.parse().unwrap(), 100_000), None, "{there}");
        }
        let other = Cookies::new([6; 32], cookies().hmac);
        assert_eq!(other.check(&second, here, 100_000), None, "the key of another process");
        assert_eq!(second.first(), hello(&[], 0));
        assert_eq!(cookies().check(&first, here, 100_000), None);
    }

    #[test]
    fn a_stranger_is_sent_less_than_he_sent() {
        let bytes = hello(&[], 0);
        let asked = Hello::read(&bytes).unwrap().ask(&[1; 32]);
        assert!(asked.len() <= bytes.len(), "{} for {}", asked.len(), bytes.len());
        assert_eq!(&asked[..3], &[22, 0xFE, 0xFF]);
        assert_eq!(asked[10], 9, "the number of the client's own record");
        assert_eq!(asked[RECORD_HEAD], HELLO_VERIFY_REQUEST);
    }

    #[test]
    fn what_is_cut_or_in_pieces_is_no_hello() {
        let whole = hello(&[3; 32], 1);
        for length in 0..whole.len() {
            assert_eq!(Hello::read(&whole[..length]), None, "{length} bytes of {}", whole.len());
        }
        for (at, value) in [(0, 23), (4, 1), (13, 2), (16, 1), (21, 1), (24, 1), (12, 1), (59, 255)] {
            let mut bad = whole.clone();
            bad[at] = value;
            assert_eq!(Hello::read(&bad), None, "byte {at}");
        }
        assert_eq!(records(&[whole.clone(), whole.clone()].concat()).count(), 2);
        assert_eq!(Hello::read(&[whole.clone(), whole].concat()), None, "two in a datagram");
    }
}
