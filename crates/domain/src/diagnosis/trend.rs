//! Where a daily value goes: a robust line through the days, and when it reaches a limit, with an honest range.

use super::statistics::{huber, number, scale, student};

/// Days that a line needs.
pub(super) const LEAST_DAYS: usize = 21;
/// Nothing is said about what lies farther ahead, days.
pub(super) const FARTHEST_DAYS: f64 = 365.0;

/// A line through daily values; its zero is the last day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Trend {
    /// Change per day.
    pub(super) slope: f64,
    /// Value on the last day.
    pub(super) level: f64,
    /// Standard error of the slope; days that follow each other are alike, and count for less.
    pub(super) slope_error: f64,
    /// How the days scatter around the line.
    pub(super) scatter: f64,
    /// How alike days that follow each other are, 0 to 0.9.
    pub(super) alike: f64,
    pub(super) days: usize,
    /// The middle of the days, counted from the last one.
    middle: f64,
    /// Degrees of freedom that are left.
    freedom: f64,
    mean_error: f64,
}

/// From when to when a limit is reached, days from the last one; `to` is `None` where it may never be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reach {
    pub(super) from: f64,
    pub(super) to: Option<f64>,
}

/// The line through `points` (day, value); `None` of fewer than [`LEAST_DAYS`].
pub(super) fn trend(points: &[(f64, f64)]) -> Option<Trend> {
    if points.len() < LEAST_DAYS {
        return None;
    }
    let last = points.last()?.0;
    let points: Vec<(f64, f64)> = points.iter().map(|(day, value)| (day - last, *value)).collect();
    let mut weights = vec![1.0; points.len()];
    let mut fit = (0.0, 0.0, 0.0, 1.0, 0.0);
    let mut residuals: Vec<f64> = Vec::new();
    for _ in 0..6 {
        fit = weighted(&points, &weights);
        let (slope, mean_x, mean_y, ..) = fit;
        residuals = points.iter().map(|(x, y)| y - mean_y - slope * (x - mean_x)).collect();
        let spread = scale(&residuals);
        if spread <= 1e-12 {
            break;
        }
        weights = residuals.iter().map(|residual| huber(*residual, spread)).collect();
    }
    let (slope, mean_x, mean_y, xx, total) = fit;
    let n = number(points.len());
    let squares: f64 = residuals.iter().zip(&weights).map(|(r, w)| w * r * r).sum();
    let scatter = (squares / (n - 2.0)).sqrt();
    let lagged: f64 = residuals.iter().zip(residuals.iter().skip(1)).map(|(a, b)| a * b).sum();
    let all: f64 = residuals.iter().map(|r| r * r).sum();
    let seen = if all > 0.0 { lagged / all } else { 0.0 };
    // A line through few days hides part of their likeness: Kendall's correction.
    let alike = (seen + (1.0 + 4.0 * seen.max(0.0)) / n).clamp(0.0, 0.9);
    let inflate = ((1.0 + alike) / (1.0 - alike)).sqrt();
    Some(Trend {
        slope,
        level: mean_y - slope * mean_x,
        slope_error: inflate * scatter / xx.max(1e-9).sqrt(),
        scatter,
        alike,
        days: points.len(),
        middle: mean_x,
        freedom: (n * (1.0 - alike) / (1.0 + alike) - 2.0).max(3.0),
        mean_error: inflate * scatter / total.max(1.0).sqrt(),
    })
}

fn weighted(points: &[(f64, f64)], weights: &[f64]) -> (f64, f64, f64, f64, f64) {
    let total: f64 = weights.iter().sum();
    let mean_x = points.iter().zip(weights).map(|((x, _), w)| w * x).sum::<f64>() / total;
    let mean_y = points.iter().zip(weights).map(|((_, y), w)| w * y).sum::<f64>() / total;
    let (mut xx, mut xy) = (0.0, 0.0);
    for ((x, y), w) in points.iter().zip(weights) {
        xx += w * (x - mean_x) * (x - mean_x);
        xy += w * (x - mean_x) * (y - mean_y);
    }
    (if xx > 0.0 { xy / xx } else { 0.0 }, mean_x, mean_y, xx, total)
}

impl Trend {
    /// The slope in standard errors.
    pub(super) fn sure(&self) -> f64 {
        if self.slope_error > 0.0 { self.slope / self.slope_error } else { 0.0 }
    }

    /// The slope's bounds at the two-sided normal quantile `z`.
    pub(super) fn slope_range(&self, z: f64) -> (f64, f64) {
        let off = student(z, self.freedom) * self.slope_error;
        (self.slope - off, self.slope + off)
    }

    /// Low, middle and high of the value `ahead` days after the last one: of the line and of a single day's scatter.
    pub(super) fn at(&self, ahead: f64, z: f64) -> (f64, f64, f64) {
        let middle = self.level + self.slope * ahead;
        let line = self.mean_error.hypot(self.slope_error * (ahead - self.middle));
        let off = student(z, self.freedom) * line.hypot(self.scatter);
        (middle - off, middle, middle + off)
    }

    /// When it reaches `limit`: from the day on which the upper bound does to the day on which the lower bound does.
    /// `None` when even the upper bound does not within [`FARTHEST_DAYS`].
    pub(super) fn reaches(&self, limit: f64, z: f64) -> Option<Reach> {
        let mut days =
            std::iter::successors(Some(0.0), |day| Some(day + 0.5)).take_while(|d| *d <= FARTHEST_DAYS);
        let from = days.clone().find(|day| self.at(*day, z).2 >= limit)?;
        let to = days.find(|day| self.at(*day, z).0 >= limit);
        Some(Reach { from, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise from -1 to 1 without any generator.
    fn noise(index: i32) -> f64 {
        (f64::from(index) * 12.9898).sin() * 43_758.547 % 1.0
    }

    #[test]
    fn a_rising_line_reaches_its_limit_within_the_range() {
        let points: Vec<_> =
            (0..28).map(|d| (f64::from(d), 100.0 + 2.0 * f64::from(d) + 4.0 * noise(d))).collect();
        let found = trend(&points).unwrap();
        let (low, high) = found.slope_range(1.96);
        assert!(low < 2.0 && 2.0 < high && low > 1.5, "{found:?}");
        // The line stands at 154 on the last day and reaches 300 after 73 days.
        let reach = found.reaches(300.0, 1.96).unwrap();
        assert!(reach.from < 73.0 && reach.to.is_some_and(|to| to > 73.0 && to < 120.0), "{reach:?}");
    }

    #[test]
    fn nothing_is_claimed_of_what_may_never_come() {
        let flat: Vec<_> = (0..28).map(|d| (f64::from(d), 100.0 + 5.0 * noise(d))).collect();
        let found = trend(&flat).unwrap();
        assert!(found.reaches(300.0, 1.96).is_none_or(|reach| reach.to.is_none()), "{found:?}");
        assert_eq!(trend(&flat[..10]), None, "too few days");
    }

    #[test]
    fn one_wild_day_does_not_bend_the_line() {
        let mut points: Vec<_> = (0..28).map(|d| (f64::from(d), 50.0 + 0.5 * noise(d))).collect();
        points[27].1 = 400.0;
        assert!(trend(&points).unwrap().slope.abs() < 0.1);
    }

    #[test]
    fn days_that_are_alike_count_for_less() {
        // A slow swing looks like a trend to who takes each day for itself.
        let swing: Vec<_> =
            (0..28).map(|d| (f64::from(d), 20.0 * (f64::from(d) / 9.0).sin() + noise(d))).collect();
        let found = trend(&swing).unwrap();
        assert!(found.alike > 0.5 && found.sure().abs() < 4.0, "{found:?}");
    }
}
