//! What a channel was before, as little of it as the rules need: since when its value is the same, and where a rise of
//! temperature began. It is kept for a restart, so it changes seldom: a run is begun at most once an hour, a climb when
//! the temperature has left its band.

use crate::id::ChannelId;
use crate::time::UnixMs;

/// A run of equal values is looked at from this age on, ms: what happens before is not told apart.
const RUN_BEGINS_MS: i64 = 3_600_000;
/// Four classes are a factor of two of the load.
const CLASSES_PER_DOUBLING: f64 = 4.0;
const VARIED: u8 = 4;
/// A temperature within this of where it was does not climb, K.
const BAND_K: f64 = 3.0;
/// A climb is followed from its beginning for this long, ms; then from the value before.
const CLIMB_MS: i64 = 300_000;
/// Two values closer to each other than this say nothing about a rate; they count as this far apart, ms.
const LEAST_SPAN_MS: i64 = 30_000;
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
    /// Where the temperature was last seen not to climb, or where it began to.
    pub(super) base_at: UnixMs,
    /// The same, °C.
    pub(super) base: f64,
    pub(super) climbing: bool,
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
            base_at: first.at,
            base: first.value,
            climbing: false,
            step_k: 0.0,
        }
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
        self.follow_climb(now, before) || run
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

    fn follow_climb(&mut self, now: Seen, before: Option<Seen>) -> bool {
        let known = (self.base_at, self.base, self.climbing);
        let before = before.filter(|before| before.at >= self.base_at && before.at < now.at);
        if self.climbing {
            let over = now.at.since_ms(self.base_at) > CLIMB_MS;
            if now.value <= self.base || (over && before.is_none_or(|before| now.value - before.value < 1.0))
            {
                (self.base_at, self.base, self.climbing) = (now.at, now.value, false);
            } else if let Some(before) = before.filter(|_| over) {
                (self.base_at, self.base) = (before.at, before.value);
            }
        } else if now.value >= self.base + BAND_K {
            self.climbing = true;
            if let Some(before) = before {
                (self.base_at, self.base) = (before.at, before.value);
            }
        } else if now.value <= self.base - BAND_K {
            (self.base_at, self.base) = (now.at, now.value);
        }
        known != (self.base_at, self.base, self.climbing)
    }

    /// How quickly the temperature rises at `at`, K/min: the mean since the climb began. With values far apart that is
    /// less than the truth, never more.
    pub(super) fn rise_k_per_min(&self, at: UnixMs, value: f64) -> f64 {
        if !self.climbing {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "durations in ms have far less than 53 bits")]
        let minutes = at.since_ms(self.base_at).max(LEAST_SPAN_MS) as f64 / MS_PER_MIN;
        (value - self.base).max(0.0) / minutes
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
