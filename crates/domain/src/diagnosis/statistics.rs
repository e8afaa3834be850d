//! Robust statistics in the small: what the models share.

pub(super) use crate::wiring::statistics::number;

/// The value below which `share` of the values lie, in linear time; `None` of nothing.
pub(super) fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.retain(|value| value.is_finite());
    let last = values.len().checked_sub(1)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the last index"
    )]
    let index = (share.clamp(0.0, 1.0) * number(last)).round() as usize;
    let (_, value, _) = values.select_nth_unstable_by(index.min(last), f64::total_cmp);
    Some(*value)
}

/// The middle value.
pub(super) fn median(values: Vec<f64>) -> Option<f64> {
    quantile(values, 0.5)
}

/// A standard deviation that outliers do not move: 1.4826 times the median distance from the median.
pub(super) fn scale(values: &[f64]) -> f64 {
    let Some(middle) = median(values.to_vec()) else { return 0.0 };
    1.4826 * median(values.iter().map(|value| (value - middle).abs()).collect()).unwrap_or(0.0)
}

/// Huber's weight of a residual: 1 inside of 1.5 standard deviations, falling outside.
pub(super) fn huber(residual: f64, scale: f64) -> f64 {
    let limit = 1.5 * scale;
    if residual.abs() <= limit { 1.0 } else { limit / residual.abs() }
}

/// Student's quantile for the standard normal quantile `z` with `freedom` degrees: the expansion of Cornish and Fisher
/// (Abramowitz and Stegun 26.7.5), good to 1 % from five degrees on.
pub(super) fn student(z: f64, freedom: f64) -> f64 {
    let n = freedom.max(2.0);
    let first = (z.powi(3) + z) / (4.0 * n);
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n);
    z + first + second
}

/// The share of a standard normal below `z`: Abramowitz and Stegun 26.2.17, error below 1e-7.
pub(super) fn normal(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let poly = t
        * (0.319_381_530
            + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * poly;
    if z >= 0.0 { 1.0 - tail } else { tail }
}

/// Two-sided 95 %.
pub(super) const Z95: f64 = 1.96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_scale_ignore_what_is_far_off() {
        let values = vec![1.0, 2.0, 3.0, 4.0, 1e9];
        assert_eq!(median(values.clone()), Some(3.0));
        assert!((scale(&values) - 1.4826).abs() < 1e-9);
        assert_eq!(quantile(vec![f64::NAN], 0.5), None);
    }

    #[test]
    fn tables_of_student_and_of_the_normal() {
        for (freedom, wanted) in [(5.0, 2.571), (6.0, 2.447), (10.0, 2.228), (30.0, 2.042)] {
            assert!((student(1.96, freedom) - wanted).abs() < 0.03, "{freedom}");
        }
        assert!((normal(1.96) - 0.975).abs() < 1e-4 && (normal(-1.0) - 0.1587).abs() < 1e-4);
    }
}
