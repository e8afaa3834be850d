//! From the text of a profile to a checked profile, or to one mistake by line, column and reason.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::check;
use super::gb26875::Gb26875Dialect;
use super::model::Profile;
use crate::settings::LimitPatch;

/// A profile that was refused. Lines and columns count from 1; a column is a character, not a byte.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ProfileError {
    /// The file's name as it was given.
    pub file: String,
    /// The line of the mistake.
    pub line: usize,
    /// Its first character.
    pub column: usize,
    /// A stable word for the kind of mistake; the screens' words hang on it.
    pub code: &'static str,
    /// What was had and wanted, by the names of the words' places.
    pub with: Vec<(&'static str, String)>,
    /// The same as a sentence in English.
    pub reason: String,
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.reason)
    }
}

/// Reads a profile. `file_name` gives the profile its id: its last part without `.toml`.
///
/// # Errors
/// The first mistake found: text that is no TOML, an unknown or missing key, a value that is not allowed, or
/// parts that contradict each other.
pub fn parse(file_name: &str, text: &str) -> Result<Profile, ProfileError> {
    let refuse = |at: usize, reason: Reason| {
        let (line, column) = position(text, at);
        let Reason { code, with, text: reason } = reason;
        ProfileError { file: file_name.to_owned(), line, column, code, with, reason }
    };
    let id = profile_id(file_name).map_err(|reason| refuse(0, reason))?;
    let raw: RawProfile = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        refuse(at, of_toml(one_line(error.message())))
    })?;
    check::check(id, text, &raw).map_err(|mistake| refuse(mistake.at.start, mistake.reason))
}

/// The parser's words in one line, so that an error stays one line of a terminal.
fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The parser's own words, taken apart where they have a form that is known.
fn of_toml(said: String) -> Reason {
    let key = |rest: &str| rest.split('`').next().unwrap_or_default().to_owned();
    if let Some(rest) = said.strip_prefix("missing field `") {
        return says!("missing_key", "missing field `{what}`", what = key(rest));
    }
    if let Some(rest) = said.strip_prefix("unknown field `") {
        let wanted: Vec<&str> = rest.split('`').skip(2).step_by(2).collect();
        let wanted = wanted.join(", ");
        return Reason {
            code: "unknown_key",
            with: vec![("what", key(rest)), ("wanted", wanted)],
            text: said,
        };
    }
    if let Some((had, wanted)) =
        said.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    {
        let with = vec![("had", had.to_owned()), ("wanted", wanted.to_owned())];
        return Reason { code: "wrong_type", with, text: said };
    }
    if let Some(rest) = said.strip_prefix("duplicate key") {
        let what = rest.trim_matches([' ', '`']).split('`').next().unwrap_or_default().to_owned();
        return Reason { code: "key_written_twice", with: vec![("what", what)], text: said };
    }
    Reason { code: "no_toml", with: vec![("said", said.clone())], text: said }
}

fn profile_id(file_name: &str) -> Result<String, Reason> {
    let last = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    let id = last
        .strip_suffix(".toml")
        .ok_or_else(|| says!("file_ending", "file name is `{had}`, want it to end in .toml", had = last))?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.is_empty() || !id.chars().all(allowed) {
        return Err(says!(
            "file_name",
            "file name is `{had}`, want lower-case letters, digits and `-` before .toml",
            had = last
        ));
    }
    Ok(id.to_owned())
}

fn position(text: &str, at: usize) -> (usize, usize) {
    let mut before = at.min(text.len());
    while !text.is_char_boundary(before) {
        before -= 1;
    }
    let (head, _) = text.split_at(before);
    let line = head.matches('\n').count() + 1;
    let last_line = head.rsplit('\n').next().unwrap_or(head);
    (line, last_line.chars().count() + 1)
}

/// A mistake with the bytes of the text that it is about.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) at: Range<usize>,
    pub(super) reason: Reason,
}

/// What is wrong, apart from where: a code with what it is about, and both as a sentence.
#[derive(Debug)]
pub(super) struct Reason {
    pub(super) code: &'static str,
    pub(super) with: Vec<(&'static str, String)>,
    pub(super) text: String,
}

/// A [`Reason`] from its code, its sentence, and what stands in the sentence's places.
macro_rules! says {
    ($code:literal, $text:literal $(,)?) => {
        $crate::profile::parse::Reason { code: $code, text: $text.to_owned(), with: Vec::new() }
    };
    ($code:literal, $text:literal $(, $name:ident = $value:expr)+ $(,)?) => {{
        let ($($name,)+) = ($($value.to_string(),)+);
        $crate::profile::parse::Reason {
            code: $code,
            text: format!($text),
            with: vec![$((stringify!($name), $name)),+],
        }
    }};
}
pub(super) use says;

impl Mistake {
    pub(super) fn at<T>(place: &Spanned<T>, reason: Reason) -> Self {
        Self { at: place.span(), reason }
    }
}

/// A profile as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProfile {
    pub(super) name: Spanned<String>,
    pub(super) maker: Spanned<String>,
    pub(super) verified: bool,
    pub(super) source: Spanned<String>,
    pub(super) protocol: Spanned<String>,
    pub(super) interval_s: Spanned<i64>,
    #[serde(default)]
    pub(super) replays_history: bool,
    pub(super) function: Option<Spanned<i64>>,
    pub(super) poll_gap: Option<Spanned<i64>>,
    pub(super) points: Spanned<Vec<Spanned<RawPoint>>>,
    #[serde(default)]
    pub(super) statuses: Vec<Spanned<RawStatus>>,
    #[serde(default)]
    pub(super) groups: Vec<Spanned<RawGroup>>,
    pub(super) clock: Option<Spanned<RawClock>>,
    pub(super) reset: Option<Spanned<RawWrite>>,
    #[serde(default)]
    pub(super) commands: Vec<Spanned<RawCommand>>,
    pub(super) gb26875: Option<Spanned<Gb26875Dialect>>,
    #[serde(default)]
    pub(super) limits: BTreeMap<Spanned<String>, Spanned<LimitPatch>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPoint {
    pub(super) code: Spanned<String>,
    pub(super) name: Spanned<String>,
    pub(super) quantity: Spanned<String>,
    pub(super) phase: Option<Spanned<String>>,
    pub(super) function: Option<Spanned<i64>>,
    pub(super) segment: Option<Spanned<String>>,
    pub(super) address: Option<Spanned<i64>>,
    pub(super) format: Option<Spanned<String>>,
    pub(super) key: Option<Spanned<String>>,
    pub(super) multiply: Option<Spanned<toml::Value>>,
    pub(super) group: Option<Spanned<i64>>,
    pub(super) scale: Option<Spanned<f64>>,
    pub(super) range: Option<Spanned<(f64, f64)>>,
    #[serde(default)]
    pub(super) invalid: BTreeMap<Spanned<String>, Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStatus {
    pub(super) code: Spanned<String>,
    pub(super) function: Option<Spanned<i64>>,
    pub(super) segment: Option<Spanned<String>>,
    pub(super) address: Option<Spanned<i64>>,
    pub(super) key: Option<Spanned<String>>,
    pub(super) group: Option<Spanned<i64>>,
    pub(super) mask: Option<Spanned<i64>>,
    pub(super) meanings: Spanned<Vec<Spanned<RawMeaning>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMeaning {
    pub(super) value: Spanned<RawWord>,
    pub(super) hazard: Spanned<String>,
    pub(super) severity: Spanned<String>,
    pub(super) point: Option<Spanned<String>>,
}

/// A value of a status: registers have numbers, keyed statuses texts too.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum RawWord {
    Number(i64),
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGroup {
    pub(super) function: Option<Spanned<i64>>,
    pub(super) segment: Option<Spanned<String>>,
    pub(super) start: Spanned<i64>,
    pub(super) count: Spanned<i64>,
    pub(super) every_s: Option<Spanned<i64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClock {
    pub(super) function: Option<Spanned<i64>>,
    pub(super) segment: Option<Spanned<String>>,
    pub(super) address: Spanned<i64>,
    pub(super) format: Spanned<String>,
    pub(super) utc_offset_min: Option<Spanned<i64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWrite {
    pub(super) function: Spanned<i64>,
    pub(super) address: Spanned<i64>,
    pub(super) values: Spanned<Vec<Spanned<i64>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCommand {
    pub(super) kind: Spanned<String>,
    pub(super) code: Option<Spanned<String>>,
    pub(super) name: Option<Spanned<String>>,
    pub(super) idempotent: Option<bool>,
    pub(super) writes: Option<Spanned<Vec<Spanned<RawWrite>>>>,
    pub(super) function: Option<Spanned<i64>>,
    pub(super) address: Option<Spanned<i64>>,
    pub(super) format: Option<Spanned<String>>,
    pub(super) utc_offset_min: Option<Spanned<i64>>,
    pub(super) send: Option<Spanned<String>>,
    pub(super) parameters: Option<Spanned<BTreeMap<String, toml::Value>>>,
    pub(super) value_as: Option<Spanned<String>>,
    pub(super) scale: Option<Spanned<f64>>,
    pub(super) range: Option<Spanned<(f64, f64)>>,
    pub(super) hazard: Option<Spanned<String>>,
    pub(super) field: Option<Spanned<String>>,
    pub(super) point: Option<Spanned<String>>,
    pub(super) read_back: Option<Spanned<RawReadBack>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReadBack {
    pub(super) point: Option<Spanned<String>>,
    pub(super) value: Option<Spanned<f64>>,
    pub(super) function: Option<Spanned<i64>>,
    pub(super) address: Option<Spanned<i64>>,
    pub(super) words: Option<Spanned<Vec<Spanned<i64>>>>,
    pub(super) within_s: Option<Spanned<i64>>,
}
