//! The little that is needed of statistics.

/// A count as a number.
pub(crate) fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// The moments at which both series have a value.
pub(super) fn paired(x: &[Option<f64>], y: &[Option<f64>]) -> Vec<(f64, f64)> {
    x.iter()
        .zip(y)
        .filter_map(|(x, y)| Some(((*x)?, (*y)?)))
        .filter(|(x, y)| x.is_finite() && y.is_finite())
        .collect()
}

/// A straight line through points, y = base + slope x, and how well it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    pub(super) slope: f64,
    /// Pearson's correlation; 0 where one of the series does not move.
    pub(super) correlation: f64,
}

pub(super) fn line(pairs: &[(f64, f64)]) -> Line {
    let n = number(pairs.len());
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n.max(1.0);
    let (mean_x, mean_y) = (mean(|p| p.0), mean(|p| p.1));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        let (x, y) = (x - mean_x, y - mean_y);
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    let correlation = if xx > 1e-12 && yy > 1e-12 { xy / (xx * yy).sqrt() } else { 0.0 };
    Line { slope: if xx > 1e-12 { xy / xx } else { 0.0 }, correlation }
}

/// The correlation of x and y when what z explains of both is taken away.
pub(super) fn partial(rows: &[(f64, f64, f64)]) -> f64 {
    let of = |pick: fn(&(f64, f64, f64)) -> (f64, f64)| {
        line(&rows.iter().map(pick).collect::<Vec<_>>()).correlation
    };
    let (xy, xz, yz) = (of(|r| (r.0, r.1)), of(|r| (r.0, r.2)), of(|r| (r.1, r.2)));
    let left = (1.0 - xz * xz) * (1.0 - yz * yz);
    if left > 1e-9 { (xy - xz * yz) / left.sqrt() } else { 0.0 }
}

/// The value below which `share` of the values lie; `None` of nothing.
pub(super) fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let wanted = share.clamp(0.0, 1.0) * number(last);
    // The index whose number is nearest from below; lists of a day are short.
    let index = (0..=last).rev().find(|index| number(*index) <= wanted + 1e-9).unwrap_or(0);
    sorted.get(index).copied()
}

/// At most 48 of the pairs, evenly chosen.
pub(super) fn some(pairs: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let every = pairs.len().div_ceil(48).max(1);
    pairs.iter().step_by(every).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_and_its_correlation() {
        let pairs: Vec<_> = (0..10).map(|i| (f64::from(i), 3.0 + 2.0 * f64::from(i))).collect();
        let found = line(&pairs);
        assert!((found.slope - 2.0).abs() < 1e-9 && (found.correlation - 1.0).abs() < 1e-9);
        assert_eq!(line(&[(1.0, 5.0), (1.0, 6.0)]).correlation, 0.0);
        assert_eq!(line(&[]).slope, 0.0);
    }

    #[test]
    fn what_a_third_explains_is_taken_away() {
        // y follows z only; x moves with z and a little by itself.
        let rows: Vec<_> = (0..40)
            .map(|i| {
                let z = f64::from(i);
                let own = if i % 2 == 0 { 3.0 } else { -3.0 };
                (z + own, 2.0 * z + if i % 3 == 0 { 0.5 } else { -0.25 }, z)
            })
            .collect();
        assert!(partial(&rows).abs() < 0.3);
    }

    #[test]
    fn quantiles() {
        let values = [4.0, 1.0, 3.0, 2.0, 5.0];
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 0.5), Some(3.0));
        assert_eq!(quantile(&values, 1.0), Some(5.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
