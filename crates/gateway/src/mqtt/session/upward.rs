//! What the device publishes: heard, handed over, and answered in the order of the messages.

use bus::Outcome;
use domain::place::Protocol;
use domain::telegram::Refused;
use mqtt_protocol_core::mqtt::Version;

use super::{CLAUSE, Facts, MAX_OPEN_EXACTLY, Output, Session, Who};
use crate::config::ms;
use crate::mqtt::conversation::Heard;
use crate::mqtt::packets::{self, Ack, Closing, NotTaken, Publish};
use crate::session::Moment;

/// A message whose answer waits for its turn.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) ack: Option<Ack>,
    /// Its readings are under way; `false`: it may be answered as soon as it is the first.
    pub(super) waits: bool,
    pub(super) refused: Option<NotTaken>,
    /// What the device's own form is answered, together with the message.
    pub(super) say: Option<(String, Vec<u8>)>,
}

impl Session {
    pub(super) fn on_publish(
        &mut self,
        publish: Publish,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        self.messages.pour(Self::rate(facts.rules), now.mono_ms);
        if let Some(Ack::Exactly(id) | Ack::Once(id)) = publish.ack
            && self.in_flight.iter().any(|m| m.ack == Some(Ack::Once(id)))
        {
            // The same message again while the first is under way: one answer is enough.
            return;
        }
        let Who::Somebody(somebody) = &mut self.who else { return };
        // 3.1.1 has no word for a long keep-alive; whoever speaks is alive.
        if let Some(deadline) = &mut self.keep_alive_ms {
            let longest = ms(u64::from(facts.rules.config.max_keep_alive_s) * 3 / 2);
            *deadline = (*deadline).max(now.mono_ms.saturating_add(longest.min(60_000)));
        }
        // The newest entry counts: detectors may have been added meanwhile.
        if let Some(entry) = facts.directory.terminal(Protocol::Telemetry, &somebody.entry.serial) {
            somebody.entry = entry;
        }
        let heard = somebody.conversation.hear(&somebody.entry, &publish, facts, now);
        let Publish { topic, payload, ack, .. } = publish;
        let refused = match heard {
            Ok(Heard { readings, tell, answered, say, partly }) => {
                self.refused_in_a_row = 0;
                let refused = partly.map(|reason| Refused { reason, clause: CLAUSE.to_owned() });
                out.push(Output::Heard { topic, payload, refused });
                out.extend(tell.map(Output::Tell));
                out.extend(answered.map(Output::Answered));
                let waits = !readings.is_empty();
                if waits {
                    out.push(Output::Readings(readings));
                }
                self.in_flight.push_back(InFlight { ack, waits, refused: None, say });
                self.answer_ready(out);
                return;
            }
            Err(refused) => refused,
        };
        self.refused_in_a_row += 1;
        let reason = refused.1.clone();
        let told = Refused { reason: refused.1, clause: CLAUSE.to_owned() };
        out.push(Output::Heard { topic, payload, refused: Some(told) });
        let is_5 = self.core.get_protocol_version() == Version::V5_0;
        match (refused.0, ack, is_5) {
            // 3.1.1 has no word for it, and 5.0 none without an id.
            (NotTaken::NotAuthorized, None, _) | (NotTaken::NotAuthorized, _, false) => {
                self.close_saying(Closing::NotAuthorized, format!("not its topic: {reason}"), out);
            }
            (NotTaken::NotAuthorized | NotTaken::Payload, ack, _) => {
                // What cannot be read now will not be readable when it is sent again, so it is answered.
                self.in_flight.push_back(InFlight { ack, waits: false, refused: Some(refused.0), say: None });
                self.answer_ready(out);
            }
        }
        if self.refused_in_a_row >= facts.rules.config.max_refused_in_a_row {
            self.close_saying(Closing::Payload, "too many messages in a row were refused", out);
        }
    }

    /// Answers the messages at the front that wait for nothing.
    pub(super) fn answer_ready(&mut self, out: &mut Vec<Output>) {
        while let Some(message) = self.in_flight.pop_front_if(|message| !message.waits) {
            if let Some(ack) = message.ack {
                if let (Ack::Exactly(id), None, Who::Somebody(somebody)) =
                    (ack, message.refused, &mut self.who)
                    && somebody.kept.taken.len() < usize::from(MAX_OPEN_EXACTLY)
                {
                    somebody.kept.taken.insert(id);
                }
                let events = packets::answer(&mut self.core, ack, message.refused);
                self.say(events, out);
            }
            if let Some((topic, payload)) = message.say {
                // Who does not listen needs no answer.
                let _listens = self.tell_device(&topic, &payload, false, out);
            }
        }
    }

    /// What became of the oldest readings under way.
    pub(crate) fn on_outcome(
        &mut self,
        outcome: Outcome,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        let Some(oldest) = self.in_flight.iter_mut().find(|message| message.waits) else { return };
        match outcome {
            Outcome::Committed => {
                oldest.waits = false;
                if self.is_closed {
                    // The line is gone: what is on disk is remembered, so that exactly once stays once.
                    self.remember_taken();
                } else {
                    self.answer_ready(out);
                    self.go_on(facts, now, out);
                }
            }
            Outcome::Unavailable => {
                oldest.waits = false;
                oldest.ack = None;
                self.close_saying(
                    Closing::Quota,
                    "its readings could not be stored; it will send them again",
                    out,
                );
            }
        }
    }

    pub(super) fn remember_taken(&mut self) {
        let Who::Somebody(somebody) = &mut self.who else { return };
        while let Some(message) = self.in_flight.pop_front_if(|message| !message.waits) {
            if let Some(Ack::Exactly(id)) = message.ack {
                somebody.kept.taken.insert(id);
            }
        }
    }
}
