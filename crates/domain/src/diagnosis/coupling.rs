//! How strongly one series follows another, then and now: one slope per span of days, from the movement inside each day
//! only, so that what differs from day to day (season, air, supply) has no part in it.

use super::History;
use super::statistics::{huber, number, scale};

/// Fewest moments of a day: half of it.
const LEAST_ROWS: usize = 48;

/// What one day says: weighted sums around its own means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct DaySums {
    /// The local day, counted from 1970.
    pub(super) day: i64,
    /// Moments.
    pub(super) rows: f64,
    /// Mean of the cause.
    pub(super) mean_x: f64,
    /// Mean of the effect.
    pub(super) mean_y: f64,
    pub(super) xx: f64,
    pub(super) xy: f64,
    pub(super) yy: f64,
}

impl DaySums {
    /// The day's own slope; 0 where the cause stood still.
    pub(super) fn slope(&self) -> f64 {
        if self.xx > 0.0 { self.xy / self.xx } else { 0.0 }
    }
}

/// A slope with its standard error, which comes from how the days scatter: moments of one day are not independent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slope {
    pub(super) value: f64,
    pub(super) error: f64,
    pub(super) days: usize,
    /// Share of the effect's movement that it explains.
    pub(super) explained: f64,
    /// The effect where the cause is zero.
    pub(super) base: f64,
}

/// The sums of each day, moments far off the day's own line counting less.
pub(super) fn days(history: &History, x: &[Option<f64>], y: &[Option<f64>]) -> Vec<DaySums> {
    let mut by_day: Vec<(i64, Vec<(f64, f64)>)> = Vec::new();
    for (step, (x, y)) in x.iter().zip(y).enumerate() {
        let Some((x, y)) = x.zip(*y) else { continue };
        let day = history.day(step);
        match by_day.last_mut() {
            Some((had, rows)) if *had == day => rows.push((x, y)),
            Some(_) | None => by_day.push((day, vec![(x, y)])),
        }
    }
    by_day.retain(|(_, rows)| rows.len() >= LEAST_ROWS);
    by_day
        .into_iter()
        .map(|(day, rows)| {
            let plain = sums(day, &rows, |_| 1.0);
            let slope = plain.slope();
            let residual = |row: &(f64, f64)| (row.1 - plain.mean_y) - slope * (row.0 - plain.mean_x);
            let spread = scale(&rows.iter().map(residual).collect::<Vec<_>>());
            if spread > 0.0 { sums(day, &rows, |row| huber(residual(row), spread)) } else { plain }
        })
        .collect()
}

fn sums(day: i64, rows: &[(f64, f64)], weight: impl Fn(&(f64, f64)) -> f64) -> DaySums {
    let mut all =
        DaySums { day, rows: number(rows.len()), mean_x: 0.0, mean_y: 0.0, xx: 0.0, xy: 0.0, yy: 0.0 };
    let mut total = 0.0;
    for row in rows {
        let w = weight(row);
        total += w;
        all.mean_x += w * row.0;
        all.mean_y += w * row.1;
    }
    all.mean_x /= total;
    all.mean_y /= total;
    for row in rows {
        let w = weight(row);
        let (dx, dy) = (row.0 - all.mean_x, row.1 - all.mean_y);
        all.xx += w * dx * dx;
        all.xy += w * dx * dy;
        all.yy += w * dy * dy;
    }
    all
}

/// The slope of the days from `from` up to before `to`; `None` of fewer than four days or where the cause stood still.
pub(super) fn slope(days: &[DaySums], from: i64, to: i64) -> Option<Slope> {
    let some: Vec<&DaySums> = days.iter().filter(|one| (from..to).contains(&one.day)).collect();
    let count = some.len();
    let xx: f64 = some.iter().map(|one| one.xx).sum();
    let yy: f64 = some.iter().map(|one| one.yy).sum();
    if count < 4 || xx <= 0.0 {
        return None;
    }
    let xy: f64 = some.iter().map(|one| one.xy).sum();
    let value = xy / xx;
    let scatter: f64 = some.iter().map(|one| (one.xy - value * one.xx).powi(2)).sum();
    let error = (scatter * number(count) / number(count - 1)).sqrt() / xx;
    let explained = if yy > 0.0 { (value * xy / yy).clamp(0.0, 1.0) } else { 0.0 };
    let rows: f64 = some.iter().map(|one| one.rows).sum();
    let base =
        some.iter().map(|one| one.rows * (one.mean_y - value * one.mean_x)).sum::<f64>() / rows.max(1.0);
    Some(Slope { value, error, days: count, explained, base })
}
