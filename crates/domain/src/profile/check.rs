//! Every check of a profile that its shape alone does not make.

use toml::Spanned;

use super::model::{Point, Profile, Source};
use super::parse::{Mistake, RawMeaning, RawPoint, RawProfile, says};
use crate::hazard::{Class, Hazard, Severity};
use crate::place::Protocol;
use crate::quantity::{Decimals, Phase, Quantity};
use crate::reading::{PointIndex, Quality};
use crate::settings::LimitPatch;

mod commands;
mod keyed;
mod registers;
mod written;

use registers::{Spaces, groups, point, refuse_overlaps, refuse_split_conditions, statuses, write};
use written::{code, filled, integer, number, one_of, refuse_given};

/// The most points that a profile may have.
const MAX_POINTS: usize = 1000;
/// The finest scale that a profile may have, as decimals.
const MAX_DECIMALS: u8 = 6;
/// What no device says of itself: silence, frozen values, values that cannot be, a wrong clock and what weeks foretell are
/// found here.
const FOUND_HERE: [Hazard; 9] = [
    Hazard::Offline,
    Hazard::Frozen,
    Hazard::Implausible,
    Hazard::ClockWrong,
    Hazard::SwitchFailed,
    Hazard::UnassignedAlarm,
    Hazard::PredictedTerminal,
    Hazard::PredictedInsulation,
    Hazard::PredictedOverload,
];

pub(super) fn check(id: String, text: &str, raw: &RawProfile) -> Result<Profile, Mistake> {
    let protocol =
        one_of(&raw.protocol, "protocol", Protocol::OF_PROFILES.into_iter().map(|p| (p.code(), p)))?;
    if protocol.is_keyed() {
        return keyed::check(id, text, raw, protocol);
    }
    refuse_given(raw.gb26875.as_ref(), "gb26875", protocol)?;
    let interval_s = interval(raw)?;
    let spaces = Spaces::of(raw, protocol)?;
    let points = points(raw, &spaces)?;
    let statuses = statuses(raw, &points, &spaces)?;
    let clock = raw.clock.as_ref().map(|clock| registers::clock(clock, &spaces)).transpose()?;
    let reset = raw.reset.as_ref().map(write).transpose()?;
    let commands = commands::commands(raw, protocol, &points, reset.as_ref())?;
    refuse_overlaps(raw, &points, &statuses, clock.as_ref())?;
    let groups = groups(raw, protocol, interval_s, &spaces, &points, &statuses, clock.as_ref())?;
    refuse_split_conditions(raw, &statuses, &groups)?;
    Ok(Profile {
        id,
        name: filled(&raw.name, "name")?,
        maker: filled(&raw.maker, "maker")?,
        verified: raw.verified,
        source: filled(&raw.source, "source")?,
        protocol,
        interval_s,
        replays_history: raw.replays_history,
        limits: limits(raw, &points)?,
        reset: reset.or_else(|| commands::reset_of(&commands)),
        commands,
        clock,
        points,
        gb26875: None,
        statuses,
        keyed_statuses: Vec::new(),
        groups,
        text: text.to_owned(),
    })
}

fn interval(raw: &RawProfile) -> Result<u32, Mistake> {
    integer(&raw.interval_s, "interval_s", 1, 7 * 24 * 3600)
}

fn points(raw: &RawProfile, spaces: &Spaces) -> Result<Vec<Point>, Mistake> {
    let list = raw.points.get_ref();
    if list.is_empty() || list.len() > MAX_POINTS {
        return Err(Mistake::at(
            &raw.points,
            says!("points_count", "{had} points, want 1 to {most}", had = list.len(), most = MAX_POINTS),
        ));
    }
    let mut points: Vec<Point> = Vec::with_capacity(list.len());
    for written in list {
        let point = point(written, spaces)?;
        if points.iter().any(|other| other.code == point.code) {
            return Err(Mistake::at(
                &written.get_ref().code,
                says!("code_twice", "point code `{had}` stands twice, want each code once", had = point.code),
            ));
        }
        points.push(point);
    }
    Ok(points)
}

/// The part of a point that does not depend on where it stands. `writer` names what bounds the raw value.
fn measured(
    raw: &RawPoint,
    source: Source,
    writer: &str,
    (least, greatest): (i64, i64),
) -> Result<Point, Mistake> {
    let quantity = one_of(
        &raw.quantity,
        "quantity",
        Quantity::ALL.into_iter().filter(|q| *q != Quantity::Device).map(|q| (q.code(), q)),
    )?;
    let phase = match &raw.phase {
        Some(phase) => Some(one_of(
            phase,
            "phase",
            [Phase::A, Phase::B, Phase::C, Phase::N, Phase::Total].into_iter().map(|p| (p.code(), p)),
        )?),
        None => None,
    };
    let decimals = match &raw.scale {
        Some(scale) => decimals(scale)?,
        None => Decimals(0),
    };
    let range = match &raw.range {
        Some(range) => Some(raw_range(range, decimals, writer, (least, greatest))?),
        None => None,
    };
    let mut invalid = Vec::with_capacity(raw.invalid.len());
    for (code, quality) in &raw.invalid {
        let number = number(code)?;
        // A code may be written as the bit pattern seen on the wire, 0x8000 for the least i16.
        let wrapped = if number > greatest && least < 0 { number - 2 * (greatest + 1) } else { number };
        if wrapped < least || wrapped > greatest || invalid.iter().any(|(other, _)| *other == wrapped) {
            return Err(Mistake::at(
                code,
                says!(
                    "invalid_code",
                    "invalid code {had} does not fit in {writer} or stands twice",
                    had = code.get_ref(),
                    writer = writer
                ),
            ));
        }
        let qualities =
            [Quality::SensorOpen, Quality::SensorShort, Quality::Implausible, Quality::DeviceFault];
        invalid.push((
            wrapped,
            one_of(quality, "meaning of an invalid code", qualities.into_iter().map(|q| (q.code(), q)))?,
        ));
    }
    Ok(Point {
        code: code(&raw.code)?,
        name: filled(&raw.name, "name")?,
        quantity,
        phase,
        decimals,
        source,
        invalid,
        range,
    })
}

fn decimals(scale: &Spanned<f64>) -> Result<Decimals, Mistake> {
    (0..=MAX_DECIMALS)
        .find(|decimals| (scale.get_ref() * 10f64.powi(i32::from(*decimals)) - 1.0).abs() < 1e-9)
        .map(Decimals)
        .ok_or_else(|| {
            Mistake::at(
                scale,
                says!(
                    "bad_scale",
                    "scale is {had}, want a power of ten from 1 down to 0.000001",
                    had = scale.get_ref()
                ),
            )
        })
}

fn raw_range(
    range: &Spanned<(f64, f64)>,
    decimals: Decimals,
    writer: &str,
    (least, greatest): (i64, i64),
) -> Result<(i64, i64), Mistake> {
    let (min, max) = *range.get_ref();
    // Not `min > max`: that would let a NaN through.
    if !matches!(min.partial_cmp(&max), Some(std::cmp::Ordering::Less | std::cmp::Ordering::Equal)) {
        return Err(Mistake::at(
            range,
            says!(
                "range_order",
                "range is [{least}, {greatest}], want the least value first",
                least = min,
                greatest = max
            ),
        ));
    }
    let to_raw = |value: f64| {
        let scaled = (value * 10f64.powi(i32::from(decimals.0))).round();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "beyond i64 it saturates, which the bounds refuse"
        )]
        let raw = scaled as i64;
        raw
    };
    let (low, high) = (to_raw(min), to_raw(max));
    if low < least || high > greatest {
        let (low, high) = (decimals.value(least), decimals.value(greatest));
        return Err(Mistake::at(
            range,
            says!(
                "range_too_wide",
                "range is [{least}, {greatest}], but {writer} at this scale can only write {low} to {high}",
                least = min,
                greatest = max,
                writer = writer,
                low = low,
                high = high
            ),
        ));
    }
    Ok((low, high))
}

/// What a meaning says, whatever its value.
struct Named {
    hazard: Hazard,
    severity: Severity,
    point: Option<PointIndex>,
}

fn named(raw: &RawMeaning, points: &[Point]) -> Result<Named, Mistake> {
    let hazard = one_of(
        &raw.hazard,
        "hazard",
        Hazard::ALL.into_iter().filter(|h| !FOUND_HERE.contains(h)).map(|h| (h.code(), h)),
    )?;
    let severities = match hazard.class() {
        Class::Hazard => [Severity::Warning, Severity::Alarm].as_slice(),
        Class::Fault => [Severity::Fault].as_slice(),
    };
    let severity = one_of(
        &raw.severity,
        &format!("severity of {}", hazard.code()),
        severities.iter().map(|s| (s.code(), *s)),
    )?;
    let point = match &raw.point {
        None => None,
        Some(named) => {
            let found = (0u16..).zip(points).find(|(_, point)| point.code == *named.get_ref());
            let Some((index, point)) = found else {
                return Err(Mistake::at(
                    named,
                    says!(
                        "no_such_point",
                        "there is no point `{had}`, want one of: {wanted}",
                        had = named.get_ref(),
                        wanted = codes(points)
                    ),
                ));
            };
            let measured = hazard.is_measured() && !hazard.is_a_word_of_devices();
            if measured && !Hazard::of_quantity(point.quantity).contains(&hazard) {
                return Err(Mistake::at(
                    &raw.hazard,
                    says!(
                        "not_hazard_of_point",
                        "{hazard} is no hazard of point `{point}`",
                        hazard = hazard.code(),
                        point = point.code
                    ),
                ));
            }
            Some(PointIndex(index))
        }
    };
    Ok(Named { hazard, severity, point })
}

fn codes(points: &[Point]) -> String {
    points.iter().map(|point| point.code.as_str()).collect::<Vec<_>>().join(", ")
}

fn limits(raw: &RawProfile, points: &[Point]) -> Result<Vec<(Hazard, LimitPatch)>, Mistake> {
    let mut limits = Vec::with_capacity(raw.limits.len());
    for (hazard, patch) in &raw.limits {
        let code = one_of(hazard, "hazard", Hazard::MEASURED.into_iter().map(|h| (h.code(), h)))?;
        if !points.iter().any(|point| Hazard::of_quantity(point.quantity).contains(&code)) {
            return Err(Mistake::at(
                hazard,
                says!(
                    "limit_of_nothing",
                    "no point is judged for {hazard}, want the limit left out",
                    hazard = code.code()
                ),
            ));
        }
        limit(code, patch)?;
        limits.push((code, *patch.get_ref()));
    }
    Ok(limits)
}

fn limit(hazard: Hazard, patch: &Spanned<LimitPatch>) -> Result<(), Mistake> {
    let LimitPatch { warning, alarm, on_delay_s, off_delay_s, deadband, .. } = *patch.get_ref();
    if let (Some(warning), Some(alarm)) = (warning, alarm) {
        let (inner, outer) = if hazard.is_low() { (alarm, warning) } else { (warning, alarm) };
        if inner >= outer {
            return Err(Mistake::at(
                patch,
                if hazard.is_low() {
                    says!(
                        "warning_not_above",
                        "warning of {hazard} is {warning} and alarm is {alarm}, want the warning above the alarm",
                        hazard = hazard.code(),
                        warning = warning,
                        alarm = alarm
                    )
                } else {
                    says!(
                        "warning_not_below",
                        "warning of {hazard} is {warning} and alarm is {alarm}, want the warning below the alarm",
                        hazard = hazard.code(),
                        warning = warning,
                        alarm = alarm
                    )
                },
            ));
        }
    }
    let numbers = [
        ("warning", warning),
        ("alarm", alarm),
        ("on_delay_s", on_delay_s),
        ("off_delay_s", off_delay_s),
        ("deadband", deadband),
    ];
    for (name, value) in numbers {
        if let Some(value) = value
            && !(value.is_finite() && value >= 0.0)
        {
            return Err(Mistake::at(
                patch,
                says!(
                    "negative",
                    "{what} of {hazard} is {had}, want 0 or more",
                    what = name,
                    hazard = hazard.code(),
                    had = value
                ),
            ));
        }
    }
    Ok(())
}
