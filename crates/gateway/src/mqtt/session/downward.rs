//! What the device hears: its subscriptions, its shadow, commands.

use bus::{LineAnswer, LineCommand, LineError};
use mqtt_protocol_core::mqtt::packet::Qos;

use super::{Facts, Output, Session, Who};
use crate::mqtt::conversation::Asked;
use crate::mqtt::packets::{self, Closing};
use crate::mqtt::shelf::MAX_SUBSCRIPTIONS;
use crate::mqtt::topics;
use crate::session::{Moment, Taken};

impl Session {
    pub(super) fn on_subscribe(
        &mut self,
        id: u16,
        filters: Vec<(String, Qos)>,
        facts: Facts<'_>,
        out: &mut Vec<Output>,
    ) {
        let Who::Somebody(somebody) = &mut self.who else { return };
        let shadow = topics::shadow(&somebody.entry.serial);
        let mut wants_shadow = false;
        let granted: Vec<Option<Qos>> = filters
            .into_iter()
            .map(|(filter, qos)| {
                let kept = &mut somebody.kept.subscriptions;
                let known = kept.iter().position(|(had, _)| *had == filter);
                let has_room = known.is_some() || kept.len() < MAX_SUBSCRIPTIONS;
                if !topics::may_subscribe(&filter, &somebody.entry.serial) || !has_room {
                    return None;
                }
                let qos = if qos == Qos::ExactlyOnce { Qos::AtLeastOnce } else { qos };
                wants_shadow |= topics::catches(&filter, &shadow);
                match known.and_then(|at| kept.get_mut(at)) {
                    Some(known) => known.1 = qos,
                    None => kept.push((filter, qos)),
                }
                Some(qos)
            })
            .collect();
        let terminal = somebody.entry.id;
        let events = packets::subscribed(&mut self.core, id, &granted);
        self.say(events, out);
        if let Some(text) = facts.shelf.shadow(terminal).filter(|_| wants_shadow) {
            self.tell_device(&shadow, text.as_bytes(), true, out);
        }
    }

    /// Publishes down, where the device has subscribed. Says whether it has and took it.
    pub(super) fn tell_device(
        &mut self,
        topic: &str,
        payload: &[u8],
        retain: bool,
        out: &mut Vec<Output>,
    ) -> bool {
        let Who::Somebody(somebody) = &mut self.who else { return false };
        let granted = somebody.kept.subscriptions.iter().filter(|(filter, _)| topics::catches(filter, topic));
        let Some(qos) = granted.map(|(_, qos)| *qos).max_by_key(|qos| u8::from(*qos == Qos::AtLeastOnce))
        else {
            return false;
        };
        let Some(events) = packets::publish(&mut self.core, topic, payload, qos, retain, None) else {
            return false;
        };
        out.push(Output::Told { topic: topic.to_owned(), payload: payload.to_vec() });
        self.say(events, out);
        true
    }

    pub(crate) fn on_command(
        &mut self,
        command: &LineCommand,
        facts: Facts<'_>,
        now: Moment,
        out: &mut Vec<Output>,
    ) -> Taken {
        let Who::Somebody(somebody) = &mut self.who else {
            return Taken::Settled(Err(LineError::NotConnected));
        };
        if let LineCommand::Close { reason } = command {
            self.close_saying(Closing::Administrative, reason.clone(), out);
            return Taken::Settled(Ok(LineAnswer::Done));
        }
        let terminal = somebody.entry.id;
        let serial = somebody.entry.serial.clone();
        let asked = match somebody.conversation.ask(command, facts, now) {
            Ok(asked) => asked,
            Err(error) => return Taken::Settled(Err(error)),
        };
        let Asked { topic, payload, setting } = asked;
        if let Some((name, value)) = setting
            && let Some(text) = facts.shelf.set(terminal, &name, &value)
        {
            // Who listens to its shadow is told too; who does not reads it at its next subscription.
            let _listens = self.tell_device(&topics::shadow(&serial), text.as_bytes(), true, out);
        }
        if self.tell_device(&topic, &payload, false, out) {
            return Taken::Waits;
        }
        if let Who::Somebody(somebody) = &mut self.who {
            somebody.conversation.forget();
        }
        Taken::Settled(Err(LineError::NotConnected))
    }
}
