//! From the outbox to people (invariant 10): the teller decides who is told and writes it down, the post office sends.
//!
//! ```text
//!  outbox --teller--> notices in digests --due--> deliveries --post office--> attempts --> providers
//!             ^ one transaction: notices written, outbox rows done      ^ each medium has its own few places
//! ```
//!
//! Nothing waits in memory: after a crash the rows say where to go on. An attempt that was under way then is made again,
//! once; everything else is neither lost nor repeated.

pub mod book;
mod desk;
mod post;
mod receipts;
mod teller;
mod text;
mod words;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bus::Counters;
use domain::telling::Gathering;
use rand::Rng as _;
use sha2::{Digest as _, Sha256};
use store::Store;
use tokio::sync::Notify;

use crate::clock::Clock;

pub(crate) use post::PostOffice;
pub(crate) use receipts::{Received, receive};
pub(crate) use teller::Teller;
pub(crate) use text::test_message;
pub use words::{hazard as hazard_words, severity as severity_words};

/// What an operator may set about telling people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TellingConfig {
    /// Where people reach the pages, such as `https://fire.example.cn`, without a slash at its end; `None`: messages have
    /// no links.
    pub public_url: Option<String>,
    /// How long is gathered and rested.
    pub gathering: Gathering,
    /// How long a link with a one-time token holds, ms.
    pub link_ms: i64,
    /// Messages under way at once by one medium: a medium that hangs holds these places and no others.
    pub at_once_per_medium: usize,
    /// How long the record of who was told is kept, ms.
    pub keep_ms: i64,
    /// Decisions older than this are set aside when telling begins for the first time, ms.
    pub set_aside_ms: i64,
}

impl Default for TellingConfig {
    fn default() -> Self {
        Self {
            public_url: None,
            gathering: Gathering::default(),
            link_ms: 86_400_000,
            at_once_per_medium: 8,
            keep_ms: 400 * 86_400_000,
            set_aside_ms: 3_600_000,
        }
    }
}

/// What teller and post office work with.
#[derive(Debug, Clone)]
pub(crate) struct Links {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) config: TellingConfig,
    /// Wakes the post office.
    pub(crate) post: Arc<Notify>,
}

/// A new one-time token, 256 random bits, and its SHA-256.
fn token() -> (String, Vec<u8>) {
    let token = URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>());
    let hash = fingerprint(&token);
    (token, hash)
}

/// The SHA-256 of a token, as it is stored and looked up. The token has 256 random bits, so a fast hash is enough, and
/// looking a hash up tells by its time nothing about the token.
pub(crate) fn fingerprint(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
