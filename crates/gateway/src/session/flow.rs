//! How the frames of one connection are taken: how fast, how many at once, how long the rest of one is waited for,
//! and when the connection is over.

use bytes::Bytes;
use domain::telegram::Refused;

use super::{Facts, Moment, Output, Refusal};
use crate::limits::{Bucket, Rate};

/// What every session of a device that speaks by itself keeps of its connection.
#[derive(Debug)]
pub(crate) struct Flow {
    frames: Bucket,
    refused_in_a_row: u32,
    /// Frames may lie in the deframer that wait for an outcome or for the bucket.
    is_held: bool,
    /// Something was taken in this round, or waited to be.
    has_progressed: bool,
    is_closed: bool,
    opened_ms: u64,
    heard_ms: u64,
    /// Since when the rest of a frame is waited for.
    partial_since_ms: Option<u64>,
}

impl Flow {
    pub(crate) fn new(now: Moment) -> Self {
        Self {
            frames: Bucket::default(),
            refused_in_a_row: 0,
            is_held: false,
            has_progressed: false,
            is_closed: false,
            opened_ms: now.mono_ms,
            heard_ms: now.mono_ms,
            partial_since_ms: None,
        }
    }

    /// Whether more bytes should be read from the socket.
    pub(crate) fn wants_bytes(&self) -> bool {
        !self.is_held && !self.is_closed
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Something of the device was understood.
    pub(crate) fn heard(&mut self, now: Moment) {
        self.heard_ms = now.mono_ms;
    }

    /// When something of the device was understood last, ms.
    pub(crate) fn heard_ms(&self) -> u64 {
        self.heard_ms
    }

    /// It has proved who it is: what it poured as a stranger is another measure.
    pub(crate) fn admitted(&mut self) {
        self.frames = Bucket::default();
    }

    /// Begins a round over the frames that have come.
    pub(crate) fn begin(&mut self) {
        self.has_progressed = std::mem::take(&mut self.is_held);
    }

    /// Whether the round may go on. Where not, the connection is closed, or what has come is held.
    pub(crate) fn goes_on(&mut self, has_room: bool, rate: Rate, now: Moment) -> bool {
        if self.is_closed {
            return false;
        }
        if !has_room || self.frames.fits_at_ms(rate) > now.mono_ms {
            self.is_held = true;
            self.partial_since_ms = None;
            return false;
        }
        true
    }

    /// A frame was found, whole or not.
    pub(crate) fn pour(&mut self, rate: Rate, now: Moment) {
        self.has_progressed = true;
        self.frames.pour(rate, now.mono_ms);
    }

    /// The round ends because no whole frame is left; `buffered` bytes are.
    pub(crate) fn ran_dry(&mut self, buffered: usize, now: Moment) {
        let is_partial = buffered > 0;
        self.partial_since_ms = match self.partial_since_ms {
            Some(since) if is_partial && !self.has_progressed => Some(since),
            Some(_) | None => is_partial.then_some(now.mono_ms),
        };
    }

    /// The rest of a frame is no longer waited for.
    pub(crate) fn gave_up_partial(&mut self) {
        self.partial_since_ms = None;
    }

    /// Logs a frame before what it led to (which begins `at`); too many refused ones in a row close the connection.
    pub(crate) fn judged(
        &mut self,
        bytes: Bytes,
        verdict: Result<(), Refusal>,
        at: usize,
        facts: Facts<'_>,
        out: &mut Vec<Output>,
    ) {
        let refused = verdict.err().map(Refused::from);
        match &refused {
            None => self.refused_in_a_row = 0,
            Some(_) => self.refused_in_a_row = self.refused_in_a_row.saturating_add(1),
        }
        out.insert(at, Output::Heard { bytes, refused });
        let max = facts.rules.config.max_refused_in_a_row;
        if self.refused_in_a_row >= max {
            self.close(out, &format!("{max} refused frames in a row"));
        }
    }

    /// Closes the connection, once.
    pub(crate) fn close(&mut self, out: &mut Vec<Output>, reason: &str) {
        if !self.is_closed {
            self.is_closed = true;
            out.push(Output::Close(reason.to_owned()));
        }
    }

    /// When the bucket lets what is held go on, ms; `None` where an outcome does.
    pub(crate) fn bucket_at(&self, has_room: bool, rate: Rate) -> Option<u64> {
        (self.is_held && has_room).then(|| self.frames.fits_at_ms(rate))
    }

    /// Until when the rest of a frame is waited for, ms.
    pub(crate) fn partial_until(&self, within_ms: u64) -> Option<u64> {
        Some(self.partial_since_ms?.saturating_add(within_ms))
    }

    /// Until when whoever `is_nobody` has to say who it is, ms.
    pub(crate) fn identify_until(&self, is_nobody: bool, within_ms: u64) -> Option<u64> {
        is_nobody.then(|| self.opened_ms.saturating_add(within_ms))
    }

    /// Until when silence is borne, ms. While an outcome is awaited it is not the device that is silent.
    pub(crate) fn idle_until(&self, is_awaited: bool, limit_ms: u64) -> Option<u64> {
        (!is_awaited && !self.is_held).then(|| self.heard_ms.saturating_add(limit_ms))
    }

    /// Closes the connection of whoever did not `say` or "prove" who it is within `within_s`.
    pub(crate) fn close_unidentified(
        &mut self,
        until: Option<u64>,
        say: &str,
        within_s: u64,
        now: Moment,
        out: &mut Vec<Output>,
    ) {
        if until.is_some_and(|at| at <= now.mono_ms) {
            self.close(out, &format!("did not {say} who it is within {within_s} s"));
        }
    }

    /// Closes the connection of whoever was silent for too long.
    pub(crate) fn close_silent(&mut self, until: Option<u64>, now: Moment, out: &mut Vec<Output>) {
        if until.is_some_and(|at| at <= now.mono_ms) {
            let silent_s = now.mono_ms.saturating_sub(self.heard_ms) / 1_000;
            self.close(out, &format!("silent for {silent_s} s"));
        }
    }
}
