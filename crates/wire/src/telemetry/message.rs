//! Our own form, version 1: what a device says.
//!
//! ```json
//! { "v": 1, "at": "2026-01-02T03:04:05+08:00", "values": { "residual": 12.5, "temperature_a": 41 } }
//! { "v": 1, "readings": [ { "at": 1767294245000, "address": "3_1", "values": { "residual": 12.5 } } ],
//!   "events": [ { "code": "arc", "at": 1767294245120 } ],
//!   "answers": [ { "id": 17, "ok": true } ], "signal": 23, "firmware": "1.2" }
//! ```

use super::time::unix_ms_from_rfc3339;
use super::tree::{Number, Tree};
use super::{Limits, Refused};

/// The version of the form.
pub const VERSION: i64 = 1;

/// Everything that one message says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// What was measured.
    pub readings: Vec<Reading>,
    /// What happened.
    pub events: Vec<Event>,
    /// What became of commands.
    pub answers: Vec<Answer>,
    /// Signal of the modem, 0-31 as in `AT+CSQ`.
    pub signal: Option<u8>,
    /// Version of the firmware.
    pub firmware: Option<String>,
}

/// What was measured at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The device's clock, unix ms; `None` where it has none.
    pub at_ms: Option<i64>,
    /// The sub-device; `None` is the device itself.
    pub address: Option<String>,
    /// Values by point code: numbers, texts, truths, nothings.
    pub values: Vec<(String, Tree)>,
}

/// Something that happened, told under a name of the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The device's clock, unix ms; `None` where it has none.
    pub at_ms: Option<i64>,
    /// The sub-device; `None` is the device itself.
    pub address: Option<String>,
    /// What, by the code of a status of the profile.
    pub code: String,
    /// What it came to; `true` where the device says nothing else.
    pub value: Tree,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The command's number.
    pub id: u64,
    /// What became of it.
    pub settled: Settled,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Done, with what the device says of it ([`Tree::Nothing`] where it says nothing).
    Done(Tree),
    /// Refused, with the device's reason.
    Refused(String),
}

const TOP: [&str; 9] =
    ["v", "at", "address", "values", "readings", "events", "answers", "signal", "firmware"];

impl Message {
    /// Reads a tree.
    ///
    /// # Errors
    /// [`Refused::Form`] and [`Refused::TooMany`] with the member that is wrong.
    pub fn from_tree(tree: &Tree, limits: &Limits) -> Result<Self, Refused> {
        Self::take(tree.clone(), limits)
    }

    /// Reads a tree that nobody needs any more; its values become the message's.
    ///
    /// # Errors
    /// As [`Self::from_tree`].
    pub fn take(mut tree: Tree, limits: &Limits) -> Result<Self, Refused> {
        let message = Self::all_but_values(&tree, limits)?;
        Ok(message.with_values_of(&mut tree))
    }

    /// Everything, with readings that have no values yet.
    fn all_but_values(tree: &Tree, limits: &Limits) -> Result<Self, Refused> {
        let members = map(tree, "message")?;
        match tree.member("v") {
            Some(Tree::Number(number)) if number.as_whole() == Some(VERSION) => {}
            Some(other) => return Err(form("v", other.kind(), "1, the version of the form")),
            None => return Err(form("v", "nothing", "1, the version of the form")),
        }
        only(
            members,
            "message",
            &TOP,
            "v, at, address, values, readings, events, answers, signal or firmware",
        )?;
        let mut message = Self::default();
        let listed = items(tree, "readings", limits)?;
        match (tree.member("values"), listed) {
            (Some(_), Some(_)) => {
                return Err(form(
                    "message",
                    "both `values` and `readings`",
                    "one reading as `values` or several in `readings`",
                ));
            }
            (Some(_), None) => message.readings.push(Reading::without_values(tree, "message", limits)?),
            (None, listed) => {
                for name in ["at", "address"] {
                    if tree.member(name).is_some() {
                        return Err(form(
                            name,
                            "it beside no `values`",
                            "it in each of `readings`, `events`",
                        ));
                    }
                }
                for (number, item) in listed.unwrap_or_default().iter().enumerate() {
                    let place = format!("readings[{number}]");
                    only(map(item, &place)?, &place, &["at", "address", "values"], "at, address or values")?;
                    message.readings.push(Reading::without_values(item, &place, limits)?);
                }
            }
        }
        message.refuse_same_moment()?;
        for (number, item) in items(tree, "events", limits)?.unwrap_or_default().iter().enumerate() {
            message.events.push(Event::from_tree(item, &format!("events[{number}]"))?);
        }
        for (number, item) in items(tree, "answers", limits)?.unwrap_or_default().iter().enumerate() {
            message.answers.push(Answer::from_tree(item, &format!("answers[{number}]"))?);
        }
        message.signal = match tree.member("signal") {
            None | Some(Tree::Nothing) => None,
            Some(value) => {
                let signal = whole(value).and_then(|signal| u8::try_from(signal).ok());
                let signal = signal.filter(|signal| *signal <= 31);
                Some(signal.ok_or_else(|| form("signal", value.kind(), "0 to 31 as in AT+CSQ"))?)
            }
        };
        message.firmware = match tree.member("firmware") {
            None | Some(Tree::Nothing) => None,
            Some(value) => {
                let text = value.text().filter(|text| text.len() <= 64);
                Some(
                    text.ok_or_else(|| form("firmware", value.kind(), "a text of at most 64 bytes"))?
                        .to_owned(),
                )
            }
        };
        Ok(message)
    }

    /// Moves the values of the readings out of the tree that they were read from.
    fn with_values_of(mut self, tree: &mut Tree) -> Self {
        let listed = match tree.member_mut("readings") {
            Some(Tree::List(items)) => std::mem::take(items),
            Some(_) | None => vec![std::mem::replace(tree, Tree::Nothing)],
        };
        for (reading, mut item) in self.readings.iter_mut().zip(listed) {
            if let Some(Tree::Map(values)) = item.member_mut("values") {
                reading.values = std::mem::take(values);
            }
        }
        self
    }

    /// The same as a tree; one reading stands at the top, several stand in `readings`.
    #[must_use]
    pub fn to_tree(&self) -> Tree {
        let mut members = vec![member("v", Tree::Number(Number::whole(VERSION.into())))];
        match self.readings.as_slice() {
            [] => {}
            [single] => members.extend(single.to_members()),
            several => {
                let readings = several.iter().map(|reading| Tree::Map(reading.to_members())).collect();
                members.push(member("readings", Tree::List(readings)));
            }
        }
        if !self.events.is_empty() {
            members.push(member("events", Tree::List(self.events.iter().map(Event::to_tree).collect())));
        }
        if !self.answers.is_empty() {
            members.push(member("answers", Tree::List(self.answers.iter().map(Answer::to_tree).collect())));
        }
        if let Some(signal) = self.signal {
            members.push(member("signal", Tree::Number(Number::whole(signal.into()))));
        }
        if let Some(firmware) = &self.firmware {
            members.push(member("firmware", Tree::Text(firmware.clone())));
        }
        Tree::Map(members)
    }

    /// Two readings of one moment would be filed as one and the second be lost as a repetition.
    fn refuse_same_moment(&self) -> Result<(), Refused> {
        let mut moments: Vec<(Option<&str>, Option<i64>, usize)> = (0..)
            .zip(&self.readings)
            .map(|(number, reading)| (reading.address.as_deref(), reading.at_ms, number))
            .collect();
        moments.sort_unstable();
        for [(address, at, _), (other_address, other_at, number)] in moments.array_windows::<2>() {
            if address == other_address && at == other_at {
                return Err(Refused::Form {
                    place: format!("readings[{number}]"),
                    had: match at {
                        Some(_) => "a second reading of the same moment and address".to_owned(),
                        None => "a second reading without `at` of the same address".to_owned(),
                    },
                    wanted: "a time of its own for each reading",
                });
            }
        }
        Ok(())
    }
}

impl Reading {
    /// Looks at all of it; the values are moved later.
    fn without_values(tree: &Tree, place: &str, limits: &Limits) -> Result<Self, Refused> {
        let at_ms = time(tree, place)?;
        let address = address(tree, place)?;
        let in_values = || format!("{place}.values");
        let Some(values) = tree.member("values") else {
            return Err(form(&in_values(), "nothing", "a map of values by point code"));
        };
        let Tree::Map(members) = values else { return Err(form(&in_values(), values.kind(), "a map")) };
        if members.is_empty() {
            return Err(form(&in_values(), "none", "at least one value"));
        }
        if members.len() > limits.values {
            return Err(Refused::TooMany { what: "values of one reading", max: limits.values });
        }
        for (code, value) in members {
            refuse_nested(value, || format!("{}.{code}", in_values()))?;
        }
        Ok(Self { at_ms, address, values: Vec::new() })
    }

    fn to_members(&self) -> Vec<(String, Tree)> {
        let mut members = moment(self.at_ms, self.address.as_deref());
        members.push(member("values", Tree::Map(self.values.clone())));
        members
    }
}

impl Event {
    fn from_tree(tree: &Tree, place: &str) -> Result<Self, Refused> {
        only(map(tree, place)?, place, &["at", "address", "code", "value"], "at, address, code or value")?;
        let code = match tree.member("code") {
            Some(Tree::Text(code)) if !code.is_empty() => code.clone(),
            other => return Err(form(&format!("{place}.code"), had(other), "the code of a status")),
        };
        let value = tree.member("value").cloned().unwrap_or(Tree::Truth(true));
        refuse_nested(&value, || format!("{place}.value"))?;
        Ok(Self { at_ms: time(tree, place)?, address: address(tree, place)?, code, value })
    }

    fn to_tree(&self) -> Tree {
        let mut members = moment(self.at_ms, self.address.as_deref());
        members.push(member("code", Tree::Text(self.code.clone())));
        if self.value != Tree::Truth(true) {
            members.push(member("value", self.value.clone()));
        }
        Tree::Map(members)
    }
}

impl Answer {
    fn from_tree(tree: &Tree, place: &str) -> Result<Self, Refused> {
        only(map(tree, place)?, place, &["id", "ok", "value", "reason"], "id, ok, value or reason")?;
        let id = tree.member("id");
        // Numbers above 2^53 are texts in many languages' JSON.
        let number = id.and_then(Tree::text_or_number).and_then(|text| text.parse::<u64>().ok());
        let id = number.ok_or_else(|| form(&format!("{place}.id"), had(id), "the command's number"))?;
        let settled = match (tree.member("ok"), tree.member("value"), tree.member("reason")) {
            (Some(Tree::Truth(true)), value, None) => Settled::Done(value.cloned().unwrap_or(Tree::Nothing)),
            (Some(Tree::Truth(false)), None, None) => Settled::Refused(String::new()),
            (Some(Tree::Truth(false)), None, Some(Tree::Text(reason))) => Settled::Refused(reason.clone()),
            (ok, _, _) => {
                return Err(form(
                    place,
                    format!("ok as {}", had(ok)),
                    "ok true with or without `value`, or ok false with a text as `reason`",
                ));
            }
        };
        Ok(Self { id, settled })
    }

    fn to_tree(&self) -> Tree {
        let mut members = vec![member("id", Tree::Number(Number::whole(self.id.into())))];
        match &self.settled {
            Settled::Done(value) => {
                members.push(member("ok", Tree::Truth(true)));
                if *value != Tree::Nothing {
                    members.push(member("value", value.clone()));
                }
            }
            Settled::Refused(reason) => {
                members.push(member("ok", Tree::Truth(false)));
                members.push(member("reason", Tree::Text(reason.clone())));
            }
        }
        Tree::Map(members)
    }
}

pub(super) fn member(name: &str, value: Tree) -> (String, Tree) {
    (name.to_owned(), value)
}

fn moment(at_ms: Option<i64>, address: Option<&str>) -> Vec<(String, Tree)> {
    let at = at_ms.map(|at| member("at", Tree::Number(Number::whole(at.into()))));
    let address = address.map(|address| member("address", Tree::Text(address.to_owned())));
    at.into_iter().chain(address).collect()
}

pub(super) fn form(place: &str, had: impl Into<String>, wanted: &'static str) -> Refused {
    Refused::Form { place: place.to_owned(), had: had.into(), wanted }
}

pub(super) fn had(value: Option<&Tree>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Tree::kind)
}

pub(super) fn map<'a>(tree: &'a Tree, place: &str) -> Result<&'a [(String, Tree)], Refused> {
    match tree {
        Tree::Map(members) => Ok(members),
        other => Err(form(place, other.kind(), "a map")),
    }
}

/// A member that is not in the form: a misspelt name must not silently lose a value.
pub(super) fn only(
    members: &[(String, Tree)],
    place: &str,
    names: &[&str],
    wanted: &'static str,
) -> Result<(), Refused> {
    match members.iter().find(|(name, _)| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some((name, _)) => Err(form(place, format!("a member {name:?}"), wanted)),
    }
}

pub(super) fn items<'a>(
    tree: &'a Tree,
    name: &'static str,
    limits: &Limits,
) -> Result<Option<&'a [Tree]>, Refused> {
    match tree.member(name) {
        None => Ok(None),
        Some(Tree::List(items)) if items.len() > limits.items => {
            Err(Refused::TooMany { what: name, max: limits.items })
        }
        Some(Tree::List(items)) => Ok(Some(items)),
        Some(other) => Err(form(name, other.kind(), "a list")),
    }
}

fn whole(value: &Tree) -> Option<i64> {
    match value {
        Tree::Number(number) => number.as_whole(),
        Tree::Nothing | Tree::Truth(_) | Tree::Text(_) | Tree::Bytes(_) | Tree::List(_) | Tree::Map(_) => {
            None
        }
    }
}

/// Years 0 to 9999, so that no later arithmetic can overflow. What is plausible the pipeline judges.
const TIMES_MS: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

fn time(tree: &Tree, place: &str) -> Result<Option<i64>, Refused> {
    let Some(value) = tree.member("at") else { return Ok(None) };
    let at = match value {
        Tree::Nothing => return Ok(None),
        Tree::Text(text) => unix_ms_from_rfc3339(text),
        Tree::Number(_) => whole(value),
        Tree::Truth(_) | Tree::Bytes(_) | Tree::List(_) | Tree::Map(_) => None,
    };
    match at.filter(|at| TIMES_MS.contains(at)) {
        Some(at) => Ok(Some(at)),
        None => Err(form(
            &format!("{place}.at"),
            value.kind(),
            "unix ms or RFC 3339 such as 2026-01-02T03:04:05+08:00",
        )),
    }
}

fn address(tree: &Tree, place: &str) -> Result<Option<String>, Refused> {
    match tree.member("address") {
        None | Some(Tree::Nothing) => Ok(None),
        Some(value) => match value.text_or_number().filter(|text| !text.is_empty() && text.len() <= 64) {
            Some(address) => Ok(Some(address.to_owned())),
            None => {
                let place = format!("{place}.address");
                Err(form(&place, value.kind(), "the sub-device as a text of 1 to 64 bytes"))
            }
        },
    }
}

fn refuse_nested(value: &Tree, place: impl FnOnce() -> String) -> Result<(), Refused> {
    match value {
        Tree::Nothing | Tree::Truth(_) | Tree::Number(_) | Tree::Text(_) => Ok(()),
        Tree::Bytes(_) | Tree::List(_) | Tree::Map(_) => {
            Err(form(&place(), value.kind(), "a number, text, true, false or null"))
        }
    }
}
