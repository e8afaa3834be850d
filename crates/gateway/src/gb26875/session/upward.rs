//! What the device sends by itself: taken once, confirmed when it is on disk, denied when it could not be kept.

use bus::Outcome;
use bus::intake::{Note, UnknownTerminal};
use bytes::Bytes;
use domain::place::Protocol;
use wire::gb26875::{Command, Header, RawFrame, Unit};

use super::{GbSession, OBJECTS, REMEMBERED, Who};
use crate::gb26875::objects::{Behind, Contents};
use crate::session::{Facts, Moment, Output, Refusal};

/// What tells a frame from another: a frame that is sent again keeps its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) serial: u16,
    pub(super) unit: Bytes,
}

#[derive(Debug)]
pub(super) struct InFlight {
    /// What to confirm; `None` for the answer to a query.
    pub(super) reply: Option<(Header, Said)>,
    pub(super) notes: Vec<Note>,
}

impl GbSession {
    /// Takes the outcome of the oldest that waits for one.
    pub(crate) fn on_outcome(
        &mut self,
        outcome: Outcome,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        if let Some(InFlight { reply, notes }) = self.in_flight.pop_front() {
            match (outcome, reply) {
                (Outcome::Committed, reply) => {
                    for note in notes {
                        self.noted.retain(|known| !is_about_the_same(known, &note));
                        self.noted.push_back(note);
                        if self.noted.len() > REMEMBERED {
                            self.noted.pop_front();
                        }
                    }
                    if let Some((header, said)) = reply {
                        self.reply(&header, Command::Confirm, None, facts, now, out);
                        self.confirmed.push_back(said);
                        if self.confirmed.len() > REMEMBERED {
                            self.confirmed.pop_front();
                        }
                    }
                }
                (Outcome::Unavailable, Some((header, _))) => {
                    self.reply(&header, Command::Deny, None, facts, now, out);
                }
                (Outcome::Unavailable, None) => {}
            }
        }
        self.drain(facts, now, out);
    }

    /// Who waits for admission keeps its line; what it measured is neither counted nor confirmed.
    pub(super) fn on_stranger(
        &self,
        raw: &RawFrame,
        header: &Header,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        let Who::Waiting { address, .. } = &self.who else { return };
        let unit = raw.unit();
        let ignored = unit.get(1).copied().unwrap_or_default();
        out.push(Output::Unknown(UnknownTerminal {
            serial: address.to_string(),
            protocol: Protocol::Gb26875,
            iccid: None,
            signal: None,
            firmware: None,
            remote: facts.remote.to_string(),
            at: now.wall,
            readings_ignored: ignored.into(),
        }));
        if raw.command_byte() == Command::Send.byte() {
            let (command, remark) = match &unit[..] {
                [] => (Command::Confirm, None),
                [kind] => (Command::Confirm, Some(Unit::Bare(kind.wrapping_add(1)))),
                [_, _, ..] => (Command::Deny, None),
            };
            self.reply(header, command, remark, facts, now, out);
        }
    }

    pub(super) fn on_upload(
        &mut self,
        unit: &Unit,
        header: &Header,
        said: Said,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Result<(), Refusal> {
        if self
            .in_flight
            .iter()
            .any(|waiting| waiting.reply.as_ref().is_some_and(|(_, known)| *known == said))
        {
            // Sent again while it is being written; the outcome answers both.
            self.tell_heard(None, now, out);
            return Ok(());
        }
        if self.confirmed.contains(&said) {
            self.tell_heard(None, now, out);
            self.reply(header, Command::Confirm, None, facts, now, out);
            return Ok(());
        }
        self.answer_duty(unit, out);
        let contents = self.contents(unit, facts, now);
        let left_out = contents.left_out.clone();
        let has_contents = !contents.readings.is_empty() || !contents.notes.is_empty();
        if has_contents {
            self.hand_over(contents, Some((*header, said)), now, out);
        } else {
            self.tell_heard(contents.firmware, now, out);
            // A clock or a state noted before: there is nothing to commit, and nothing to be lost.
            let command = if left_out.is_none() { Command::Confirm } else { Command::Deny };
            self.reply(header, command, None, facts, now, out);
        }
        match left_out {
            None => Ok(()),
            Some(reason) => Err(Refusal::new(OBJECTS, reason)),
        }
    }

    pub(super) fn contents(&self, unit: &Unit, facts: Facts<'_>, now: Moment) -> Contents {
        let Who::Admitted { entry, .. } = &self.who else { return Contents::default() };
        let behind = Behind::new(entry, facts.directory, &facts.rules.zone, &self.dialect, now.wall);
        let mut contents = behind.read(unit);
        contents.notes.retain(|note| !self.noted.contains(note));
        contents
    }

    pub(super) fn hand_over(
        &mut self,
        contents: Contents,
        reply: Option<(Header, Said)>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        let Contents { readings, notes, firmware, .. } = contents;
        let Who::Admitted { entry, .. } = &self.who else { return };
        let terminal = entry.id;
        // Outcomes come back in order, one for each that is handed over; the last one answers the frame.
        if !notes.is_empty() {
            let reply = if readings.is_empty() { reply.clone() } else { None };
            self.in_flight.push_back(InFlight { reply, notes: notes.clone() });
            out.push(Output::Notes { terminal, notes });
        }
        if readings.is_empty() {
            self.tell_heard(firmware, now, out);
        } else {
            self.in_flight.push_back(InFlight { reply, notes: Vec::new() });
            out.push(Output::Readings(readings));
        }
    }
}

/// Whether the two are about the same thing, so that the newer takes the older's place.
fn is_about_the_same(a: &Note, b: &Note) -> bool {
    let about = |note: &Note| note.detail.split_once(": ").map(|(about, _)| about.to_owned());
    a.event == b.event && about(a) == about(b)
}
