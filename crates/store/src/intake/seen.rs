//! What one batch says about a terminal, drawn together: an `UPDATE .. FROM` takes one row of each terminal, and when
//! all lines are cut at once, one statement per sign of life is what everybody waits for.

use std::collections::HashMap;

use domain::id::TerminalId;
use domain::time::UnixMs;

use super::TerminalSeen;

/// All that a batch says about one terminal. An absent field leaves what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen<'b> {
    pub(super) terminal: TerminalId,
    /// Server's clock, the newest.
    pub(super) at: UnixMs,
    pub(super) remote: Option<&'b str>,
    pub(super) signal: Option<u8>,
    pub(super) firmware: Option<&'b str>,
    pub(super) iccid: Option<&'b str>,
    /// The first SIM that it was to be pinned to.
    pub(super) pinned: Option<&'b str>,
}

/// One entry for each terminal, as if the batch had been written one after the other.
pub(super) fn by_terminal(batch: &[TerminalSeen]) -> Vec<Seen<'_>> {
    let mut places: HashMap<TerminalId, usize> = HashMap::with_capacity(batch.len());
    let mut all: Vec<Seen<'_>> = Vec::with_capacity(batch.len());
    for seen in batch {
        let iccid = seen.seen_iccid.as_deref();
        let news = Seen {
            terminal: seen.terminal,
            at: seen.at,
            remote: seen.remote.as_deref(),
            signal: seen.signal,
            firmware: seen.firmware.as_deref(),
            iccid,
            pinned: iccid.filter(|_| seen.pin),
        };
        match places.get(&seen.terminal).and_then(|place| all.get_mut(*place)) {
            Some(known) => {
                *known = Seen {
                    terminal: seen.terminal,
                    at: known.at.max(news.at),
                    remote: news.remote.or(known.remote),
                    signal: news.signal.or(known.signal),
                    firmware: news.firmware.or(known.firmware),
                    iccid: news.iccid.or(known.iccid),
                    pinned: known.pinned.or(news.pinned),
                };
            }
            None => {
                places.insert(seen.terminal, all.len());
                all.push(news);
            }
        }
    }
    all
}
