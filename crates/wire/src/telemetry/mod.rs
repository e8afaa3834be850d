//! Messages with named values: Emberwatch's own payload form, version 1, in JSON and CBOR, and the tree that
//! foreign JSON is read into. The same bytes whatever door they come through: MQTT, HTTP, CoAP, a carrier's push.
//!
//! ```text
//! bytes -> json | cbor -> Tree -+-> Message (own form: readings, events, answers)
//!                               +-> looked up by path (foreign form: the profile names the places)
//! Commands -> Tree -> json | cbor -> bytes
//! ```
//!
//! Numbers stay as they were written: JSON numbers keep their text, CBOR decimal fractions (tag 4) and integers
//! are exact, and a binary fraction is taken for the shortest decimal that is the same number in its own width.
//! No float is computed with, so 0.1 stays 0.1 on its way to the stored integer.

mod cbor;
mod command;
mod json;
mod message;
mod time;
mod tree;

pub use command::{Command, Commands};
pub use message::{Answer, Event, Message, Reading, Settled, VERSION};
pub use time::unix_ms_from_rfc3339;
pub use tree::{Decimal, Number, Step, Tree};

/// How a tree is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// JSON, RFC 8259.
    Json,
    /// CBOR, RFC 8949.
    Cbor,
}

impl Form {
    /// The form that a message of ours has by its first byte, for transports that do not say: a JSON object begins
    /// with `{` or white space, a CBOR map with `A0`-`BF` or the tag 55799 (`D9`).
    #[must_use]
    pub const fn guess(payload: &[u8]) -> Option<Self> {
        match payload.first() {
            Some(b'{' | b'[' | b' ' | b'\t' | b'\r' | b'\n') => Some(Self::Json),
            Some(0x80..=0xBF | 0xD9) => Some(Self::Cbor),
            Some(_) | None => None,
        }
    }

    /// The form named by a media type such as `application/json; charset=utf-8`.
    #[must_use]
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        let name = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match name.as_str() {
            "application/json" | "text/json" => Some(Self::Json),
            "application/cbor" => Some(Self::Cbor),
            other if other.ends_with("+json") => Some(Self::Json),
            other if other.ends_with("+cbor") => Some(Self::Cbor),
            _ => None,
        }
    }

    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Cbor => "application/cbor",
        }
    }
}

/// How much a message may be. Everything above is refused before it costs memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of the message, bytes.
    pub bytes: usize,
    /// Lists and maps inside each other.
    pub depth: usize,
    /// Values, lists, maps and members in all.
    pub nodes: usize,
    /// Length of one text or name, bytes.
    pub text: usize,
    /// Readings, events and answers in one message, each.
    pub items: usize,
    /// Values of one reading.
    pub values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 262_144, depth: 8, nodes: 40_000, text: 1_024, items: 1_000, values: 512 }
    }
}

/// Why a message was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Longer than allowed.
    #[error("{had} bytes, want at most {max}")]
    TooLong {
        /// Its length.
        had: usize,
        /// The limit.
        max: usize,
    },
    /// Lists and maps inside each other without end.
    #[error("byte {at}: lists or maps deeper than {max}")]
    TooDeep {
        /// Where.
        at: usize,
        /// The limit.
        max: usize,
    },
    /// More of something than allowed.
    #[error("more than {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// Not JSON or CBOR.
    #[error("byte {at}: had {had}, want {wanted}")]
    Syntax {
        /// Where, counted from 0.
        at: usize,
        /// What stands there.
        had: String,
        /// What may stand there.
        wanted: &'static str,
    },
    /// A tree that is not a message of this version.
    #[error("{place}: had {had}, want {wanted}")]
    Form {
        /// Which member.
        place: String,
        /// What stands there.
        had: String,
        /// What may stand there.
        wanted: &'static str,
    },
}

/// Reads any tree.
///
/// # Errors
/// [`Refused`] with the place, what was had and what was wanted.
pub fn read_tree(form: Form, payload: &[u8], limits: &Limits) -> Result<Tree, Refused> {
    if payload.len() > limits.bytes {
        return Err(Refused::TooLong { had: payload.len(), max: limits.bytes });
    }
    match form {
        Form::Json => json::read(payload, limits),
        Form::Cbor => cbor::read(payload, limits),
    }
}

/// Writes a tree. Texts are escaped, numbers written as they are.
#[must_use]
pub fn write_tree(form: Form, tree: &Tree) -> Vec<u8> {
    match form {
        Form::Json => json::write(tree),
        Form::Cbor => cbor::write(tree),
    }
}

/// Reads a message of our own form.
///
/// # Errors
/// [`Refused`] with the place, what was had and what was wanted.
pub fn read(form: Form, payload: &[u8], limits: &Limits) -> Result<Message, Refused> {
    Message::take(read_tree(form, payload, limits)?, limits)
}

/// What a tree is allowed to cost, counted while it is read.
struct Budget<'a> {
    limits: &'a Limits,
    nodes: usize,
}

impl<'a> Budget<'a> {
    const fn new(limits: &'a Limits) -> Self {
        Self { limits, nodes: 0 }
    }

    fn node(&mut self) -> Result<(), Refused> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(Refused::TooMany { what: "values, lists and maps", max: self.limits.nodes });
        }
        Ok(())
    }

    const fn depth(&self, depth: usize, at: usize) -> Result<(), Refused> {
        if depth > self.limits.depth {
            return Err(Refused::TooDeep { at, max: self.limits.depth });
        }
        Ok(())
    }

    const fn text(&self, length: usize) -> Result<(), Refused> {
        if length > self.limits.text {
            return Err(Refused::TooMany { what: "bytes in one text", max: self.limits.text });
        }
        Ok(())
    }
}

/// A name that stands twice in `members`: which of the two counts nobody can say.
fn repeated(members: &[(String, Tree)]) -> Option<&str> {
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.array_windows::<2>().find(|[a, b]| a == b).map(|[name, _]| *name)
}
