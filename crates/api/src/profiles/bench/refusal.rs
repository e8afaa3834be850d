//! Why the bench can read nothing from something: a code and what it is about, for a sentence in the reader's language, and
//! the sentence in English. What the codecs say too seldom to have a code is `other`.

use std::collections::BTreeMap;

use bus::LineError;
use domain::profile::{DecodeError, UnknownSegment};
use serde::Serialize;
use utoipa::ToSchema;
use wire::modbus::AnswerError;
use wire::{cloud7b7b, dlt645, gateway1f1f, gb26875};

use super::TestFrame;

/// Why something was refused.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::profiles) struct TestRefusal {
    /// A stable word for the kind of refusal; `other` where only `reason` says it.
    #[schema(example = "sum")]
    pub code: String,
    /// What was had and wanted, by name.
    pub params: BTreeMap<String, String>,
    /// The same as a sentence in English.
    #[schema(example = "crc 0x1234, wanted 0xfb7b")]
    pub reason: String,
    /// The clause of the standard or the section of the vendor's document.
    pub clause: String,
}

/// A reason with its code.
#[derive(Debug)]
pub(super) struct Why {
    pub(super) code: &'static str,
    pub(super) params: Vec<(&'static str, String)>,
    pub(super) reason: String,
}

/// A reason: its code, its sentence in English, and what both are about.
macro_rules! why {
    ($code:literal, $text:expr $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::profiles::bench::refusal::Why {
            code: $code,
            params: vec![$((stringify!($name), $value.to_string())),*],
            reason: $text.to_string(),
        }
    };
}
pub(super) use why;

impl Why {
    /// The refusal under a clause.
    pub(super) fn under(self, clause: &str) -> TestRefusal {
        TestRefusal {
            code: self.code.to_owned(),
            params: self.params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            reason: self.reason,
            clause: clause.to_owned(),
        }
    }

    /// One without a code.
    pub(super) fn other(reason: impl ToString) -> Self {
        why!("other", reason)
    }

    /// Fewer bytes than the frame has.
    pub(super) fn cut_short(had: usize, wanted: usize) -> Self {
        let reason = format!("{had} bytes, wanted {wanted} for the whole frame");
        why!("cut_short", reason, had = had, wanted = wanted)
    }

    /// Bytes of which none begins a frame.
    pub(super) fn no_frame() -> Self {
        why!("no_frame", "no frame begins here")
    }

    /// The device did not do what it was asked.
    pub(super) fn exception(code: u8) -> Self {
        let had = format!("{code:#04x}");
        why!("exception", format!("the device refused with exception {had}"), had = had)
    }
}

/// Says of a frame why nothing could be read from it.
pub(super) fn refuse(frame: &mut TestFrame, why: impl Into<Why>, clause: &str) {
    frame.refused = Some(why.into().under(clause));
}

impl From<DecodeError> for Why {
    fn from(error: DecodeError) -> Self {
        why!("group_length", error, group = error.group, had = error.had, wanted = error.wanted)
    }
}

impl From<UnknownSegment> for Why {
    fn from(error: UnknownSegment) -> Self {
        why!("unknown_segment", error, segment = error.segment, had = error.had, known = error.known)
    }
}

impl From<AnswerError> for Why {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Crc { had, wanted } => {
                why!("sum", error, had = format!("{had:#06x}"), wanted = format!("{wanted:#06x}"))
            }
            AnswerError::UnknownFunction { code } => {
                why!("unknown_function", error, had = format!("{code:#04x}"))
            }
            AnswerError::Length { had, wanted } => why!("answer_length", error, had = had, wanted = wanted),
            AnswerError::CoilValue { .. } | AnswerError::Misfit(_) => Self::other(error),
        }
    }
}

impl From<dlt645::FrameError> for Why {
    fn from(error: dlt645::FrameError) -> Self {
        match error {
            dlt645::FrameError::Start { .. } => why!("no_start", error, mark = "68"),
            dlt645::FrameError::Sum { had, wanted } => {
                why!("sum", error, had = format!("{had:#04x}"), wanted = format!("{wanted:#04x}"))
            }
            dlt645::FrameError::End { .. } => why!("no_end", error, mark = "16"),
            dlt645::FrameError::Preamble | dlt645::FrameError::Length { .. } => Self::other(error),
        }
    }
}

impl From<dlt645::Refusal> for Why {
    fn from(refusal: dlt645::Refusal) -> Self {
        let had = format!("{:#04x}", refusal.0);
        if refusal.is_no_such_data() {
            why!("meter_has_none", refusal, had = had)
        } else {
            why!("meter_refused", refusal, had = had)
        }
    }
}

impl From<cloud7b7b::FrameError> for Why {
    fn from(error: cloud7b7b::FrameError) -> Self {
        match error {
            cloud7b7b::FrameError::NoStart => why!("no_start", error, mark = "7B 7B"),
            cloud7b7b::FrameError::Crc { had, wanted } => {
                why!("sum", error, had = format!("{had:#06x}"), wanted = format!("{wanted:#06x}"))
            }
            cloud7b7b::FrameError::NoEnd { .. } => why!("no_end", error, mark = "7D 7D"),
            cloud7b7b::FrameError::TooLong { max } => why!("too_long", error, most = max),
        }
    }
}

impl From<gb26875::FrameError> for Why {
    fn from(error: gb26875::FrameError) -> Self {
        match error {
            gb26875::FrameError::NoStart => why!("no_start", error, mark = "40 40"),
            gb26875::FrameError::TooLong { .. } => why!("too_long", error, most = 1024),
            gb26875::FrameError::NoEnd { .. } => why!("no_end", error, mark = "23 23"),
            gb26875::FrameError::Checksum { had, wanted } => {
                why!("sum", error, had = format!("{had:#04x}"), wanted = format!("{wanted:#04x}"))
            }
            gb26875::FrameError::Cut { had } => why!("cut_off", error, had = had),
            gb26875::FrameError::Command { .. } | gb26875::FrameError::NoDigit { .. } => Self::other(error),
        }
    }
}

impl From<gateway1f1f::FrameError> for Why {
    fn from(error: gateway1f1f::FrameError) -> Self {
        match error {
            gateway1f1f::FrameError::NoStart => why!("no_start", error, mark = "1F 1F"),
            gateway1f1f::FrameError::TooLong { max, .. } => why!("too_long", error, most = max),
            gateway1f1f::FrameError::Cut { had, .. } => why!("cut_off", error, had = had),
            gateway1f1f::FrameError::Type { .. } => Self::other(error),
        }
    }
}

impl From<LineError> for Why {
    fn from(error: LineError) -> Self {
        match error {
            LineError::Unsupported => why!("line_unsupported", error),
            LineError::NotConnected => why!("line_not_connected", error),
            LineError::Busy => why!("line_busy", error),
            LineError::TimedOut => why!("line_timed_out", error),
            LineError::LineLost => why!("line_lost", error),
        }
    }
}
