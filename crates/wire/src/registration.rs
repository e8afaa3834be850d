//! The registration of a transparent DTU: the first bytes of a connection say who it is.
//!
//! There is no standard. A DTU sends a text or a byte group of its owner's choice: a serial number, the
//! ICCID or IMEI of its SIM card, with or without marks around it. [`RegistrationPattern`] describes the
//! form per listener, [`Registration::read`] finds the identity in the bytes that came so far.
//!
//! Registration and heartbeats may lie glued together. A DTU registers before it beats, so the start of
//! the stream is first tried as a registration; only when that cannot be, a heartbeat there is skipped.
//! [`RegistrationPattern::check_heartbeat`] tells whether a pattern and a heartbeat can be confused.

use std::fmt::Write as _;

use bytes::Bytes;
use thiserror::Error;

use crate::cursor::find;

/// What an identity is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdentityForm {
    /// ASCII digits, as in an IMEI.
    Digits,
    /// Printable ASCII without space.
    Text,
    /// ASCII hexadecimal digits; the identity is given in upper case.
    HexText,
    /// Any bytes; the identity is their hexadecimal text in upper case.
    RawBytes,
}

impl IdentityForm {
    fn allows(self, byte: u8) -> bool {
        match self {
            Self::Digits => byte.is_ascii_digit(),
            Self::Text => byte.is_ascii_graphic(),
            Self::HexText => byte.is_ascii_hexdigit(),
            Self::RawBytes => true,
        }
    }

    fn identity(self, bytes: &[u8]) -> String {
        match self {
            Self::Digits | Self::Text => bytes.iter().copied().map(char::from).collect(),
            Self::HexText => bytes.iter().map(u8::to_ascii_uppercase).map(char::from).collect(),
            Self::RawBytes => bytes.iter().fold(String::new(), |mut text, byte| {
                let _infallible = write!(text, "{byte:02X}");
                text
            }),
        }
    }
}

/// The form of a registration: `prefix identity suffix terminator`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationPattern {
    /// What the identity is written in.
    pub form: IdentityForm,
    /// Least length of the identity on the wire, bytes.
    pub min_len: usize,
    /// Greatest length of the identity on the wire, bytes. Equal to `min_len`: fixed length.
    pub max_len: usize,
    /// Bytes in front, may be empty.
    pub prefix: Bytes,
    /// Bytes behind, may be empty.
    pub suffix: Bytes,
    /// Bytes behind the suffix such as CR LF, may be empty. Must be there when set.
    pub terminator: Bytes,
}

/// Longest identity, prefix or closing mark that a pattern may ask for, bytes.
pub const MAX_PART_LEN: usize = 128;

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RegistrationPatternError {
    /// Least and greatest length contradict each other.
    #[error("identity length {min} to {max} bytes, wanted 1 <= min <= max <= {MAX_PART_LEN}")]
    Length {
        /// Least length.
        min: usize,
        /// Greatest length.
        max: usize,
    },
    /// A mark that is longer than sensible.
    #[error("{part} of {had} bytes, wanted at most {MAX_PART_LEN}")]
    LongPart {
        /// Which one.
        part: &'static str,
        /// Its length.
        had: usize,
    },
    /// Raw bytes of changing length have no end.
    #[error(
        "raw bytes of {min} to {max} bytes without suffix or terminator, wanted a fixed length or a closing mark"
    )]
    EndlessRawBytes {
        /// Least length.
        min: usize,
        /// Greatest length.
        max: usize,
    },
    /// A heartbeat could be read as identity.
    #[error("heartbeat {heartbeat:02X?} could be read as {place} of an identity, wanted {wanted}")]
    Ambiguous {
        /// The heartbeat.
        heartbeat: Bytes,
        /// Where.
        place: &'static str,
        /// What would make it unambiguous.
        wanted: &'static str,
    },
}

impl RegistrationPattern {
    /// A pattern of one form and length range, without marks.
    #[must_use]
    pub const fn plain(form: IdentityForm, min_len: usize, max_len: usize) -> Self {
        Self { form, min_len, max_len, prefix: Bytes::new(), suffix: Bytes::new(), terminator: Bytes::new() }
    }

    /// Whether `heartbeat` can never be read as part of an identity of this pattern. A configuration
    /// that fails here still works as long as the DTU does not send both in one breath.
    ///
    /// # Errors
    /// Where it could be read, and what to add to the pattern.
    pub fn check_heartbeat(&self, heartbeat: &[u8]) -> Result<(), RegistrationPatternError> {
        let inside = heartbeat.iter().all(|byte| self.form.allows(*byte));
        let ambiguous = |place, wanted| {
            Err(RegistrationPatternError::Ambiguous {
                heartbeat: Bytes::copy_from_slice(heartbeat),
                place,
                wanted,
            })
        };
        if inside && self.prefix.is_empty() {
            return ambiguous("the beginning", "a prefix");
        }
        if inside && self.closing_len() == 0 && self.min_len != self.max_len {
            return ambiguous("the end", "a fixed length, a suffix or a terminator");
        }
        Ok(())
    }

    fn closing_len(&self) -> usize {
        self.suffix.len() + self.terminator.len()
    }

    fn check(&self) -> Result<(), RegistrationPatternError> {
        let (min, max) = (self.min_len, self.max_len);
        if min == 0 || min > max || max > MAX_PART_LEN {
            return Err(RegistrationPatternError::Length { min, max });
        }
        for (part, bytes) in
            [("prefix", &self.prefix), ("suffix", &self.suffix), ("terminator", &self.terminator)]
        {
            if bytes.len() > MAX_PART_LEN {
                return Err(RegistrationPatternError::LongPart { part, had: bytes.len() });
            }
        }
        if self.form == IdentityForm::RawBytes && min != max && self.closing_len() == 0 {
            return Err(RegistrationPatternError::EndlessRawBytes { min, max });
        }
        Ok(())
    }
}

/// A checked pattern with the heartbeats of the same listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    pattern: RegistrationPattern,
    closing: Bytes,
    heartbeats: Vec<Bytes>,
}

/// Whether more bytes can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// The caller can wait.
    MayCome,
    /// The caller's time limit has passed: decide with what is there.
    WillNotCome,
}

/// What the first bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrationOutcome {
    /// Not decided yet.
    NeedMore,
    /// Found. `bytes[start..used]` is the registration, `bytes[..start]` were heartbeats, what follows
    /// `used` belongs to the line.
    Identified {
        /// Who it is.
        identity: String,
        /// Offset of the registration.
        start: usize,
        /// Offset behind the registration.
        used: usize,
    },
    /// The bytes cannot be a registration of this pattern.
    Refused(RegistrationRefusal),
}

/// Why first bytes are no registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RegistrationRefusal {
    /// The prefix is not there.
    #[error("byte {had:#04x} at offset {offset} of the registration, wanted {wanted:#04x} of the prefix")]
    Prefix {
        /// Offset from the start of the connection.
        offset: usize,
        /// The byte there.
        had: u8,
        /// The byte wanted.
        wanted: u8,
    },
    /// A byte that no identity of this form has, before the least length was reached.
    #[error("byte {had:#04x} at offset {offset} of the registration, wanted {form:?}")]
    Character {
        /// Offset from the start of the connection.
        offset: usize,
        /// The byte there.
        had: u8,
        /// The form wanted.
        form: IdentityForm,
    },
    /// No suffix or terminator where one must be.
    #[error("no closing mark within {max_len} bytes of identity")]
    NoClosing {
        /// Greatest length of an identity.
        max_len: usize,
    },
    /// The time limit passed before enough bytes came.
    #[error("registration of {had} bytes, wanted at least {wanted}")]
    TooShort {
        /// Bytes there.
        had: usize,
        /// Bytes wanted.
        wanted: usize,
    },
}

enum Tried {
    NeedMore,
    Found { identity: String, len: usize },
    Refused(RegistrationRefusal),
}

impl Registration {
    /// Checks a pattern.
    ///
    /// # Errors
    /// When the pattern cannot be used. Ambiguous heartbeats are not refused here, see
    /// [`RegistrationPattern::check_heartbeat`]; empty ones are left out.
    pub fn new(pattern: RegistrationPattern, heartbeats: &[Bytes]) -> Result<Self, RegistrationPatternError> {
        pattern.check()?;
        let closing = [&pattern.suffix[..], &pattern.terminator[..]].concat().into();
        let mut heartbeats: Vec<Bytes> =
            heartbeats.iter().filter(|bytes| !bytes.is_empty()).cloned().collect();
        heartbeats.sort_by_key(|bytes| std::cmp::Reverse(bytes.len()));
        Ok(Self { pattern, closing, heartbeats })
    }

    /// Most bytes of a registration, bytes: a caller needs to keep no more than this behind heartbeats.
    #[must_use]
    pub fn max_len(&self) -> usize {
        self.pattern.prefix.len() + self.pattern.max_len + self.closing.len()
    }

    /// Looks for the registration in everything that came since the connection was opened.
    ///
    /// Call it again with more bytes while it says [`RegistrationOutcome::NeedMore`]; with
    /// [`More::WillNotCome`] it never says so.
    #[must_use]
    pub fn read(&self, bytes: &[u8], more: More) -> RegistrationOutcome {
        let mut start = 0;
        loop {
            let rest = bytes.get(start..).unwrap_or_default();
            match self.try_at(start, rest, more) {
                Tried::NeedMore => return RegistrationOutcome::NeedMore,
                Tried::Found { identity, len } => {
                    return RegistrationOutcome::Identified { identity, start, used: start + len };
                }
                Tried::Refused(refusal) => {
                    // The longest heartbeat counts; while a longer one may still come, nothing is decided.
                    let is_partial =
                        |pattern: &Bytes| pattern.len() > rest.len() && pattern.starts_with(rest);
                    if more == More::MayCome && self.heartbeats.iter().any(is_partial) {
                        return RegistrationOutcome::NeedMore;
                    }
                    match self.heartbeats.iter().find(|pattern| rest.starts_with(pattern)) {
                        Some(heartbeat) => start += heartbeat.len(),
                        None => return RegistrationOutcome::Refused(refusal),
                    }
                }
            }
        }
    }

    fn try_at(&self, start: usize, bytes: &[u8], more: More) -> Tried {
        let pattern = &self.pattern;
        let short = |wanted: usize| match more {
            More::MayCome => Tried::NeedMore,
            More::WillNotCome => Tried::Refused(RegistrationRefusal::TooShort { had: bytes.len(), wanted }),
        };
        for (at, (had, wanted)) in bytes.iter().zip(pattern.prefix.iter()).enumerate() {
            if had != wanted {
                let offset = start + at;
                return Tried::Refused(RegistrationRefusal::Prefix { offset, had: *had, wanted: *wanted });
            }
        }
        let least = pattern.prefix.len() + pattern.min_len + self.closing.len();
        let Some(rest) = bytes.get(pattern.prefix.len()..).filter(|rest| !rest.is_empty()) else {
            return short(least);
        };
        let run = rest.iter().take(pattern.max_len).take_while(|byte| pattern.form.allows(**byte)).count();
        let len = if self.closing.is_empty() {
            let open = run == rest.len() && run < pattern.max_len;
            if open && more == More::MayCome {
                return Tried::NeedMore;
            }
            self.without_heartbeats(rest.get(..run).unwrap_or_default())
        } else {
            // The closing mark may be written in the identity's own alphabet, so it is looked for, not run into.
            match find(rest, &self.closing, pattern.min_len).filter(|at| *at <= run) {
                Some(at) => at,
                None => {
                    let open = rest.len() < pattern.max_len + self.closing.len()
                        && (run == rest.len() || self.may_close(rest, run));
                    return if open {
                        short(least)
                    } else if run < pattern.min_len {
                        self.wrong_character(start, rest, run)
                    } else {
                        Tried::Refused(RegistrationRefusal::NoClosing { max_len: pattern.max_len })
                    };
                }
            }
        };
        if len < pattern.min_len {
            return if run == rest.len() { short(least) } else { self.wrong_character(start, rest, run) };
        }
        let identity = pattern.form.identity(rest.get(..len).unwrap_or_default());
        Tried::Found { identity, len: pattern.prefix.len() + len + self.closing.len() }
    }

    /// Whether `rest` ends inside a closing mark that may begin at or before `run`.
    fn may_close(&self, rest: &[u8], run: usize) -> bool {
        (self.pattern.min_len..=run)
            .filter_map(|at| rest.get(at..))
            .any(|tail| !tail.is_empty() && self.closing.starts_with(tail))
    }

    fn wrong_character(&self, start: usize, rest: &[u8], run: usize) -> Tried {
        Tried::Refused(RegistrationRefusal::Character {
            offset: start + self.pattern.prefix.len() + run,
            had: rest.get(run).copied().unwrap_or_default(),
            form: self.pattern.form,
        })
    }

    /// Length of an identity of changing length without the heartbeats glued to its end.
    fn without_heartbeats(&self, run: &[u8]) -> usize {
        let min_len = self.pattern.min_len;
        if min_len == self.pattern.max_len {
            return run.len();
        }
        let mut kept = run;
        while let Some(shorter) = self
            .heartbeats
            .iter()
            .find_map(|pattern| kept.strip_suffix(&pattern[..]).filter(|shorter| shorter.len() >= min_len))
        {
            kept = shorter;
        }
        kept.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeats(patterns: &[&'static [u8]]) -> Vec<Bytes> {
        patterns.iter().map(|pattern| Bytes::from_static(pattern)).collect()
    }

    fn imei() -> RegistrationPattern {
        RegistrationPattern::plain(IdentityForm::Digits, 15, 15)
    }

    fn marked() -> RegistrationPattern {
        RegistrationPattern {
            prefix: Bytes::from_static(b"REG:"),
            terminator: Bytes::from_static(b"\r\n"),
            ..RegistrationPattern::plain(IdentityForm::Text, 4, 20)
        }
    }

    fn identified(identity: &str, start: usize, used: usize) -> RegistrationOutcome {
        RegistrationOutcome::Identified { identity: identity.to_owned(), start, used }
    }

    #[test]
    fn fixed_length_digits_are_complete_with_their_last_digit() {
        let registration = Registration::new(imei(), &[]).unwrap();
        let bytes = b"861234567890123";
        for len in 0..bytes.len() {
            assert_eq!(registration.read(&bytes[..len], More::MayCome), RegistrationOutcome::NeedMore);
        }
        assert_eq!(registration.read(bytes, More::MayCome), identified("861234567890123", 0, 15));
    }

    #[test]
    fn heartbeats_in_front_and_behind_are_told_apart() {
        let registration = Registration::new(imei(), &heartbeats(&[&[0xFE], b"HB"])).unwrap();
        let bytes = b"\xFEHB\xFE861234567890123\xFEHB";
        assert_eq!(registration.read(bytes, More::MayCome), identified("861234567890123", 4, 19));
    }

    #[test]
    fn a_heartbeat_whose_rest_may_still_come_is_waited_for() {
        let registration = Registration::new(imei(), &heartbeats(&[b"PING", b"PI"])).unwrap();
        assert_eq!(registration.read(b"PIN", More::MayCome), RegistrationOutcome::NeedMore);
        assert_eq!(registration.read(b"PING8", More::MayCome), RegistrationOutcome::NeedMore);
        assert_eq!(
            registration.read(b"PINX", More::MayCome),
            RegistrationOutcome::Refused(RegistrationRefusal::Character {
                offset: 2,
                had: b'N',
                form: IdentityForm::Digits
            })
        );
    }

    #[test]
    fn marks_around_the_identity_are_required_and_taken_away() {
        let registration = Registration::new(marked(), &[]).unwrap();
        assert_eq!(
            registration.read(b"REG:DTU-0001\r\n\x01\x03", More::MayCome),
            identified("DTU-0001", 0, 14)
        );
        assert_eq!(registration.read(b"REG:DTU-0001\r", More::MayCome), RegistrationOutcome::NeedMore);
        assert_eq!(
            registration.read(b"RAG:DTU-0001\r\n", More::MayCome),
            RegistrationOutcome::Refused(RegistrationRefusal::Prefix { offset: 1, had: b'A', wanted: b'E' })
        );
        assert_eq!(
            registration.read(b"REG:DTU-0001\rX", More::MayCome),
            RegistrationOutcome::Refused(RegistrationRefusal::NoClosing { max_len: 20 })
        );
        assert_eq!(
            registration.read(b"REG:DTU-0001", More::WillNotCome),
            RegistrationOutcome::Refused(RegistrationRefusal::TooShort { had: 12, wanted: 10 })
        );
    }

    #[test]
    fn changing_length_ends_at_a_foreign_byte_or_with_the_time_limit() {
        let pattern = RegistrationPattern::plain(IdentityForm::HexText, 4, 12);
        let registration = Registration::new(pattern, &heartbeats(&[&[0x00]])).unwrap();
        assert_eq!(registration.read(b"00ab12", More::MayCome), RegistrationOutcome::NeedMore);
        assert_eq!(registration.read(b"00ab12\x00", More::MayCome), identified("00AB12", 0, 6));
        assert_eq!(registration.read(b"00ab12", More::WillNotCome), identified("00AB12", 0, 6));
        assert_eq!(
            registration.read(b"00a", More::WillNotCome),
            RegistrationOutcome::Refused(RegistrationRefusal::TooShort { had: 3, wanted: 4 })
        );
    }

    #[test]
    fn raw_bytes_become_hexadecimal_text() {
        let pattern = RegistrationPattern::plain(IdentityForm::RawBytes, 4, 4);
        let registration = Registration::new(pattern, &heartbeats(&[&[0x00]])).unwrap();
        assert_eq!(
            registration.read(&[0x00, 0x0A, 0xFF, 0x10, 0x00], More::MayCome),
            identified("000AFF10", 0, 4)
        );
    }

    #[test]
    fn what_can_be_confused_is_said() {
        assert!(imei().check_heartbeat(b"HB").is_ok());
        assert!(imei().check_heartbeat(b"00").is_err());
        assert!(marked().check_heartbeat(b"HB").is_ok());
        let open = RegistrationPattern { terminator: Bytes::new(), ..marked() };
        assert!(matches!(
            open.check_heartbeat(b"HB"),
            Err(RegistrationPatternError::Ambiguous { place: "the end", .. })
        ));
    }

    #[test]
    fn patterns_without_an_end_are_refused() {
        assert_eq!(
            Registration::new(RegistrationPattern::plain(IdentityForm::RawBytes, 2, 4), &[]),
            Err(RegistrationPatternError::EndlessRawBytes { min: 2, max: 4 })
        );
        for (min, max) in [(0, 4), (5, 4), (1, MAX_PART_LEN + 1)] {
            assert_eq!(
                Registration::new(RegistrationPattern::plain(IdentityForm::Text, min, max), &[]),
                Err(RegistrationPatternError::Length { min, max })
            );
        }
    }
}
