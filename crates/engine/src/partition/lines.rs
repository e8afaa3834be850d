//! Terminals and their lines: signs of life, what they say about themselves, what happens to the connection.

use bus::LiveKind;
use bus::intake::{LineEvent, Note};
use domain::id::{DetectorId, TerminalId};
use domain::time::UnixMs;
use store::intake::{TerminalEvent, TerminalSeen};

use super::Partition;
use super::draft::Draft;
use crate::bindings::Bound;

/// How old what is stored about a terminal may be before it is written again without a change, ms.
const SEEN_EVERY_MS: i64 = 5 * 60_000;

/// What is stored about a terminal.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    signal: Option<u8>,
    firmware: Option<String>,
    stored_at: Option<UnixMs>,
}

impl Partition {
    /// A sign of life of a terminal. It is one of its own detector; detectors behind a DTU speak for themselves.
    pub(super) fn heard(
        &mut self,
        draft: &mut Draft,
        terminal: TerminalId,
        at: UnixMs,
        signal: Option<u8>,
        firmware: Option<String>,
    ) {
        let own: Vec<DetectorId> = self
            .behind
            .get(&terminal)
            .map(|behind| behind.iter().filter(|(_, unit)| unit.is_none()).map(|(id, _)| *id).collect())
            .unwrap_or_default();
        for detector in own {
            draft.heard(detector, at);
        }
        let line = self.lines.entry(terminal).or_default();
        let news = (signal.is_some() && signal != line.signal)
            || (firmware.is_some() && firmware != line.firmware)
            || line.stored_at.is_none_or(|stored| at.since_ms(stored) >= SEEN_EVERY_MS);
        if news {
            // Should the commit fail, the next sign of life after the period writes it.
            line.signal = signal.or(line.signal);
            line.firmware = firmware.clone().or_else(|| line.firmware.take());
            line.stored_at = Some(at);
            draft.out.batch.terminals.push(TerminalSeen {
                terminal,
                at,
                remote: None,
                signal,
                firmware,
                seen_iccid: None,
                pin: false,
            });
        }
    }

    /// What a terminal told of itself becomes events of it.
    pub(super) fn noted(draft: &mut Draft, terminal: TerminalId, at: UnixMs, remote: &str, notes: Vec<Note>) {
        for Note { event, detail } in notes {
            let remote = remote.to_owned();
            draft.out.batch.terminal_events.push(TerminalEvent { terminal, at, event, detail, remote });
            draft.line_events.push((terminal, event));
        }
    }

    /// Something happened to a terminal's line.
    pub(super) fn line(
        &mut self,
        draft: &mut Draft,
        terminal: TerminalId,
        at: UnixMs,
        remote: String,
        event: &LineEvent,
    ) {
        let mut seen = TerminalSeen {
            terminal,
            at,
            remote: Some(remote.clone()),
            signal: None,
            firmware: None,
            seen_iccid: None,
            pin: false,
        };
        let (name, detail, is_seen) = match event {
            LineEvent::Connected => ("connected", String::new(), true),
            LineEvent::Disconnected(reason) => ("disconnected", reason.clone(), false),
            LineEvent::Replaced { previous_remote } => {
                ("replaced", format!("in place of the connection from {previous_remote}"), true)
            }
            LineEvent::IccidChanged { pinned, seen: iccid } => {
                seen.seen_iccid = Some(iccid.clone());
                ("iccid_changed", format!("pinned {pinned}, came with {iccid}"), true)
            }
            LineEvent::IccidSeen(iccid) => {
                seen.seen_iccid = Some(iccid.clone());
                seen.pin = true;
                draft.pinned.push(terminal);
                ("iccid_seen", iccid.clone(), true)
            }
            LineEvent::UnitSilent { unit } => ("unit_silent", format!("unit {unit} does not answer"), false),
            LineEvent::MeterSilent { meter } => {
                ("unit_silent", format!("meter {meter} does not answer"), false)
            }
            LineEvent::MeterRefused { meter, code } => {
                ("unit_exception", format!("meter {meter} refused with error word {code:#04x}"), false)
            }
            LineEvent::UnitException { unit, code } => {
                ("unit_exception", format!("unit {unit} answered with exception {code}"), false)
            }
        };
        if is_seen {
            draft.out.batch.terminals.push(seen);
        }
        draft.out.batch.terminal_events.push(TerminalEvent { terminal, at, event: name, detail, remote });
        draft.line_events.push((terminal, name));
    }

    /// Tells who watches what happened to a line.
    pub(super) fn tell_line(&self, terminal: TerminalId, event: &'static str) {
        let place = self
            .behind
            .get(&terminal)
            .and_then(|behind| behind.first())
            .and_then(|(detector, _)| self.links.memory.detector(*detector))
            .map(|detector| detector.binding.placement.clone());
        let (organisation, area) =
            place.map_or((None, None), |place| (Some(place.organisation_path), Some(place.area)));
        self.links.live.publish(organisation, area, LiveKind::Terminal { terminal, event });
    }

    /// Puts the terminal into the directory as the store has it now.
    pub(super) async fn refresh_directory(&self, terminal: TerminalId) {
        match self.links.store.terminals().entry(terminal).await {
            Ok(entry) => self.links.directory.put_terminal(entry),
            Err(error) => tracing::warn!(%error, terminal = terminal.0, "the directory keeps an older entry"),
        }
    }

    /// Remembers behind which terminal a detector is.
    pub(super) fn learn_place(&mut self, detector: DetectorId, bound: Option<&Bound>) {
        if let Some(behind) =
            self.terminal_of.remove(&detector).and_then(|terminal| self.behind.get_mut(&terminal))
        {
            behind.retain(|(id, _)| *id != detector);
        }
        if let Some(bound) = bound {
            let terminal = bound.binding.placement.terminal;
            self.terminal_of.insert(detector, terminal);
            self.behind.entry(terminal).or_default().push((detector, bound.unit_address));
        }
    }
}
