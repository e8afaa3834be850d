//! What a channel was before, as little of it as the rules need: since when its value is the same, and how quickly a
//! temperature rose lately. The run is kept for a restart, so it changes seldom: it is begun at most once an hour. The
//! rate is not kept: after a restart it is known again after two spans.

use crate::id::ChannelId;
use crate::time::UnixMs;

/// A run of equal values is looked at from this age on, ms: what happens before is not told apart.
const RUN_BEGINS_MS: i64 = 3_600_000;
/// Four classes are a factor of two of the load.
const CLASSES_PER_DOUBLING: f64 = 4.0;
const VARIED: u8 = 4;
/// A rate is told from values that are at least this far apart, ms: closer ones show the last digit of the probe.
const SPAN_MS: i64 = 20_000;
/// Two values this close to each other can show a step, ms.
const STEP_MS: i64 = 30_000;
const MS_PER_MIN: f64 = 60_000.0;

/// What one channel was before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Track {
    pub(super) channel: ChannelId,
    /// The value that stays the same, as the device sent it.
    pub(super) run_raw: i64,
    /// Since when, measurement time.
    pub(super) run_since: UnixMs,
    /// Classes of the load since the run is an hour old: least and greatest.
    pub(super) load: Option<(u8, u8)>,
    /// Where the newest span of the temperature began, °C; not kept.
    span_from: Option<(UnixMs, f64)>,
    /// The rate over the newest whole span and over the one before it, K/min; not kept.
    rates: [Option<f64>; 2],
    /// The step of the newest value, K; not kept.
    step_k: f64,
}

/// A value with its time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) at: UnixMs,
    pub(super) raw: i64,
    pub(super) value: f64,
}

impl Track {
    pub(super) const fn new(channel: ChannelId, first: Seen) -> Self {
        Self {
            channel,
            run_raw: first.raw,
            run_since: first.at,
            load: None,
            span_from: Some((first.at, first.value)),
            rates: [None; 2],
            step_k: 0.0,
        }
    }

    /// What was kept of it.
    pub(super) const fn restored(
        channel: ChannelId,
        run_raw: i64,
        run_since: UnixMs,
        load: Option<(u8, u8)>,
    ) -> Self {
        Self { channel, run_raw, run_since, load, span_from: None, rates: [None; 2], step_k: 0.0 }
    }

    /// Takes the next value; only a temperature climbs. Whether what is kept for a restart has changed.
    pub(super) fn follow(
        &mut self,
        now: Seen,
        before: Option<Seen>,
        load_a: Option<f64>,
        is_temperature: bool,
    ) -> bool {
        let run = self.follow_run(now, load_a);
        if !is_temperature {
            return run;
        }
        self.step_k = before
            .filter(|before| (1..=STEP_MS).contains(&now.at.since_ms(before.at)))
            .map_or(0.0, |before| (now.value - before.value).abs());
        self.follow_rate(now);
        run
    }

    fn follow_run(&mut self, now: Seen, load_a: Option<f64>) -> bool {
        if now.at.since_ms(self.run_since) < RUN_BEGINS_MS {
            return false;
        }
        if now.raw != self.run_raw {
            (self.run_raw, self.run_since, self.load) = (now.raw, now.at, None);
            return true;
        }
        let Some(class) = load_a.map(class_of) else { return false };
        let wider = self.load.map_or((class, class), |(low, high)| (low.min(class), high.max(class)));
        let changed = self.load != Some(wider);
        self.load = Some(wider);
        changed
    }

    fn follow_rate(&mut self, now: Seen) {
        let Some((from, value)) = self.span_from else {
            self.span_from = Some((now.at, now.value));
            return;
        };
        let passed_ms = now.at.since_ms(from);
        if passed_ms < SPAN_MS {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "durations in ms have far less than 53 bits")]
        let rate = (now.value - value) / (passed_ms as f64 / MS_PER_MIN);
        self.rates = [Some(rate), self.rates[0]];
        self.span_from = Some((now.at, now.value));
    }

    /// How quickly the temperature rises, K/min: the lesser of the rates over two spans, one after the other. One value
    /// that is wrong, or a probe that was moved, makes one span steep and never two; what heats goes on. With values
    /// far apart it is less than the truth, never more. `None` until two spans are known.
    pub(super) fn rise_k_per_min(&self) -> Option<f64> {
        let [newest, before] = self.rates;
        Some(newest?.min(before?).max(0.0))
    }

    /// For how long the value has been `raw`, ms.
    pub(super) const fn same_ms(&self, at: UnixMs, raw: i64) -> i64 {
        if self.run_raw == raw { at.since_ms(self.run_since) } else { 0 }
    }

    /// For how long the value has been the same although the load doubled or halved in between, ms.
    pub(super) fn stuck_ms(&self, at: UnixMs) -> Option<i64> {
        let (low, high) = self.load?;
        (high >= low.saturating_add(VARIED)).then(|| at.since_ms(self.run_since))
    }

    pub(super) const fn step_k(&self) -> f64 {
        self.step_k
    }
}

/// The class of a load: 0 for none, four more for each doubling.
fn class_of(load_a: f64) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to its range")]
    let class = ((1.0 + load_a.max(0.0)).log2() * CLASSES_PER_DOUBLING).round().clamp(0.0, 255.0) as u8;
    class
}
