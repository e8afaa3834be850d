//! The made load of a circuit: opening hours, weekends, holidays, seasons, single appliances, and what changes without being
//! a fault.

use domain::time::UnixMs;

use super::load::{Load, overlap};
use super::{DAY, NEW_YEAR, STEP_MS, number};
use crate::physics::Noise;
use crate::premises::PremisesKind;

/// A circuit of premises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Premises {
    /// What is there.
    pub kind: PremisesKind,
    /// Rated current, A.
    pub rated_a: f64,
    /// One phase or three.
    pub phases: usize,
    /// Makes it differ from others.
    pub seed: u64,
}

/// An appliance that is switched as a whole.
struct Appliance {
    phase: usize,
    amps: f64,
    leak_ma: f64,
    /// Share of the days on which it runs.
    often: f64,
    start_h: (f64, f64),
    long_h: (f64, f64),
    /// 1 summer only, -1 winter only, 0 all year.
    season: f64,
}

mod channel {
    pub(super) const SIZE: u64 = 1;
    pub(super) const HABIT: u64 = 2;
    pub(super) const BALANCE: u64 = 10;
    pub(super) const SLOW: u64 = 20;
    pub(super) const QUICK: u64 = 30;
    pub(super) const GAPS: u64 = 50;
    pub(super) const APPLIANCE: u64 = 1_000;
}

/// 1 in the middle of July, -1 in the middle of January.
pub(super) fn summer(at: UnixMs) -> f64 {
    const YEAR_MS: i64 = 365 * 86_400_000;
    let share = (at.0 - NEW_YEAR.0).rem_euclid(YEAR_MS) as f64 / YEAR_MS as f64;
    -((share - 15.0 / 365.0) * std::f64::consts::TAU).cos()
}

impl Premises {
    /// The premises number `index`: every kind, one phase or three, 32 A to 100 A.
    #[must_use]
    pub fn numbered(index: usize, seed: u64) -> Self {
        let kinds = PremisesKind::ALL;
        let kind = kinds.get(index % kinds.len()).copied().unwrap_or(PremisesKind::Retail);
        let seed = seed ^ (index as u64 + 1).wrapping_mul(0x9E37_79B9);
        let noise = Noise::new(seed);
        let ratings = [32.0, 40.0, 63.0, 80.0, 100.0];
        let rated_a = ratings.get((index / kinds.len()) % ratings.len()).copied().unwrap_or(40.0);
        let single = kind == PremisesKind::RentedHouse && noise.fixed(1) < 0.6;
        Self { kind, rated_a, phases: if single { 1 } else { 3 }, seed }
    }

    fn appliances(&self) -> Vec<Appliance> {
        let noise = Noise::new(self.seed);
        let home = self.kind == PremisesKind::RentedHouse;
        (0..4u64)
            .map(|index| {
                let draw = |which: u64| noise.fixed(channel::APPLIANCE + index * 20 + which);
                // The last one of a home runs in the evening or at night: a water heater on a timer, a heater.
                let late = home && index == 3;
                let first = if late { 17.0 + 7.0 * draw(0) } else { 9.0 + 9.0 * draw(0) };
                Appliance {
                    phase: usize::from(draw(1) > 0.33) + usize::from(draw(1) > 0.66),
                    amps: (0.05 + 0.10 * draw(2)) * self.rated_a,
                    leak_ma: 0.2 + 2.0 * draw(3),
                    often: 0.2 + 0.7 * draw(4),
                    start_h: (first, first + 3.0 * draw(5)),
                    long_h: (0.3 + draw(6), 0.5 + 4.0 * draw(7)),
                    season: if draw(8) < 0.25 { 1.0 } else { -f64::from(u8::from(draw(8) > 0.75)) },
                }
            })
            .collect()
    }

    /// Its load from the local midnight `from` on.
    #[must_use]
    pub fn load(&self, from: UnixMs, days: usize) -> Load {
        let noise = Noise::new(self.seed);
        let steps = days * DAY;
        let habit = |which: u64| noise.fixed(channel::HABIT + 100 * which);
        let home = self.kind == PremisesKind::RentedHouse;
        // A fifth of the shops rest on Sundays; supermarkets are busier, homes too.
        let rests = !home && self.kind != PremisesKind::Mall && habit(1) < 0.2;
        let weekend = if home { 1.15 } else { 0.9 + 0.35 * habit(2) };
        let seasonal = 0.05 + 0.25 * habit(3);
        // A holiday week, in three of five premises, somewhere in the year.
        let holiday = (habit(4) < 0.6).then(|| 20.0 + 320.0 * habit(5));
        // One in eight installs something new for good.
        let addition = (habit(6) < 0.125).then(|| (number(days) * habit(7), habit(8)));
        let day = self.kind.day();
        let hourly = |hour: usize| day.get(hour % 24).copied().unwrap_or(0.5);
        let size = 0.62 + 0.30 * noise.fixed(channel::SIZE);
        let busy = self.rated_a * self.kind.peak_share() * size * if self.phases == 1 { 0.55 } else { 0.8 };
        let appliances = self.appliances();
        let mut load = Load {
            from,
            offset_ms: 8 * 3_600_000,
            rated_a: self.rated_a,
            phases: self.phases,
            amps: Vec::with_capacity(steps),
            volts: None,
            leak_ma: vec![0.0; steps],
            third: vec![0.08 + 0.12 * habit(9); steps],
        };
        let mut runs: Vec<(usize, f64, f64)> = Vec::new();
        for step in 0..steps {
            let at = from.plus_ms(STEP_MS * i64::try_from(step).unwrap_or(0));
            let day_index = (at.0 + load.offset_ms).div_euclid(86_400_000);
            if step % DAY == 0 {
                runs = self.runs(&noise, &appliances, step, day_index, summer(at));
            }
            let hour = Load::hour(step);
            let weekday = (day_index + 3).rem_euclid(7);
            let of_year = ((at.0 - NEW_YEAR.0) as f64 / 86_400_000.0).rem_euclid(365.0);
            let mut curve = {
                let whole = step % DAY / 4;
                hourly(whole) + (hourly(whole + 1) - hourly(whole)) * (hour - number(whole))
            };
            let closed = holiday.is_some_and(|start| (start..start + 7.0).contains(&of_year))
                || (rests && weekday == 6);
            if closed {
                curve = 0.5 * hourly(3) + 0.05;
            } else if weekday >= 5 {
                curve *= weekend;
            }
            let slow = 1.0
                + 0.07 * noise.smooth(channel::SLOW, at.0, 86_400_000)
                + 0.05 * noise.smooth(channel::SLOW + 1, at.0, 9 * 86_400_000);
            let quick = 1.0 + 0.08 * noise.smooth(channel::QUICK, at.0, 2_700_000);
            let season = 1.0 + seasonal * summer(at).max(-0.4);
            let base = busy * curve * slow * quick * season;
            let mut amps = [0.0; 3];
            for (phase, (amps, channel)) in amps.iter_mut().zip(channel::BALANCE..).enumerate() {
                if phase < self.phases {
                    let balance = 1.0
                        + 0.14 * (2.0 * noise.fixed(channel) - 1.0)
                        + 0.05 * noise.smooth(channel + 3, at.0, 1_800_000);
                    *amps = base * balance;
                }
            }
            for (index, start_h, long_h) in &runs {
                let Some(one) = appliances.get(*index) else { continue };
                let share = if closed && !home { 0.0 } else { overlap(step, *start_h, *long_h) };
                if let Some(amps) = amps.get_mut(if self.phases == 1 { 0 } else { one.phase }) {
                    *amps += one.amps * share;
                }
                if let Some(leak) = load.leak_ma.get_mut(step) {
                    *leak += one.leak_ma * share;
                }
            }
            if let Some((_, size)) = addition.filter(|(day, _)| number(step / DAY) >= *day) {
                let open = if (9.0..21.0).contains(&hour) { 1.0 } else { 0.3 };
                if let Some(amps) = amps.get_mut(0) {
                    *amps += 0.12 * size * self.rated_a * open;
                }
                if let Some(leak) = load.leak_ma.get_mut(step) {
                    *leak += 6.0 * size * open;
                }
            }
            // Now and then nothing comes through for some hours.
            let lost = noise.smooth(channel::GAPS, at.0, 12 * 3_600_000) > 0.97;
            load.amps.push((!lost).then_some(amps));
        }
        load
    }

    /// Which appliances run on a day: index, begin in hours from the first step, hours.
    fn runs(
        &self,
        noise: &Noise,
        all: &[Appliance],
        step: usize,
        day: i64,
        summer: f64,
    ) -> Vec<(usize, f64, f64)> {
        let mut runs = Vec::new();
        for (index, one) in all.iter().enumerate() {
            let draw = |which: u64| {
                noise
                    .fixed(channel::APPLIANCE * 1_000 + day.cast_unsigned() * 100 + index as u64 * 10 + which)
            };
            if draw(0) < one.often && summer * one.season >= 0.0 {
                let start = one.start_h.0 + (one.start_h.1 - one.start_h.0) * draw(1);
                let long = one.long_h.0 + (one.long_h.1 - one.long_h.0) * draw(2);
                runs.push((index, number(step) / 4.0 + start, long));
            }
        }
        runs
    }
}
