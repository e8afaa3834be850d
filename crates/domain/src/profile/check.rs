//! Every check of a profile that its shape alone does not make.

use std::ops::Range;

use toml::Spanned;

use super::groups::{MAX_BITS, MAX_REGISTERS, Span, merge_groups};
use super::model::{
    Clock, ClockFormat, Format, Group, Meaning, Point, Profile, Register, Source, Space, Status, WriteCommand,
};
use super::parse::{
    Mistake, RawClock, RawGroup, RawMeaning, RawPoint, RawProfile, RawStatus, RawWord, RawWrite,
};
use crate::hazard::{Class, Hazard, Severity};
use crate::place::Protocol;
use crate::quantity::{Decimals, Phase, Quantity};
use crate::reading::{PointIndex, Quality};
use crate::settings::LimitPatch;

mod commands;
mod keyed;

/// The most points that a profile may have.
const MAX_POINTS: usize = 1000;
/// The finest scale that a profile may have, as decimals.
const MAX_DECIMALS: u8 = 6;
/// The most registers that one Modbus write may carry (application protocol V1.1b3, 6.12).
const MAX_WRITE: usize = 123;
/// The most characters of a segment address.
const MAX_SEGMENT: usize = 16;
/// What a device may say of itself. Silence, frozen values, values that cannot be and a wrong clock are found here.
const FOUND_BY_SUPERVISION: [Hazard; 5] =
    [Hazard::Offline, Hazard::Frozen, Hazard::Implausible, Hazard::ClockWrong, Hazard::SwitchFailed];

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
    let clock = raw.clock.as_ref().map(|clock| self::clock(clock, &spaces)).transpose()?;
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

/// Finds the address space that a part of the profile means.
struct Spaces {
    protocol: Protocol,
    function: u8,
    only_segment: Option<String>,
}

impl Spaces {
    fn of(raw: &RawProfile, protocol: Protocol) -> Result<Self, Mistake> {
        let function = match &raw.function {
            Some(function) => integer(function, "function", 1, 4)?,
            None => 3,
        };
        let mut segments: Vec<&str> = raw
            .groups
            .iter()
            .filter_map(|group| Some(group.get_ref().segment.as_ref()?.get_ref().as_str()))
            .collect();
        segments.sort_unstable();
        segments.dedup();
        let only_segment = match segments.as_slice() {
            [only] => Some((*only).to_owned()),
            _ => None,
        };
        Ok(Self { protocol, function, only_segment })
    }

    fn resolve(
        &self,
        function: Option<&Spanned<i64>>,
        segment: Option<&Spanned<String>>,
        at: &Range<usize>,
    ) -> Result<Space, Mistake> {
        let function = match function {
            Some(function) => integer(function, "function", 1, 4)?,
            None => self.function,
        };
        let segment = match (self.protocol, segment) {
            (Protocol::Cloud7b7b, Some(segment)) => Some(segment_address(segment)?),
            (_, None) if self.protocol != Protocol::Cloud7b7b => None,
            (_, Some(segment)) => {
                return Err(Mistake::at(
                    segment,
                    "segment has no meaning with protocol modbus_rtu; want it left out, or protocol cloud_7b7b",
                ));
            }
            (_, None) => match &self.only_segment {
                Some(only) => Some(only.clone()),
                None => {
                    return Err(Mistake {
                        at: at.clone(),
                        reason: "segment is missing and the groups do not name exactly one; \
                                 want the segment that carries it, such as \"1-1\""
                            .to_owned(),
                    });
                }
            },
        };
        if self.protocol == Protocol::Cloud7b7b && !matches!(function, 3 | 4) {
            return Err(Mistake {
                at: at.clone(),
                reason: format!("function is {function}; segments carry registers, want 3 or 4"),
            });
        }
        Ok(Space { function, segment })
    }
}

fn segment_address(segment: &Spanned<String>) -> Result<String, Mistake> {
    let text = segment.get_ref();
    let allowed = |c: char| c.is_ascii_graphic() && !"()[]".contains(c);
    if text.is_empty() || text.len() > MAX_SEGMENT || !text.chars().all(allowed) {
        return Err(Mistake::at(
            segment,
            format!(
                "segment is `{text}`, want 1 to {MAX_SEGMENT} printable ASCII characters without brackets"
            ),
        ));
    }
    Ok(text.clone())
}

fn points(raw: &RawProfile, spaces: &Spaces) -> Result<Vec<Point>, Mistake> {
    let list = raw.points.get_ref();
    if list.is_empty() || list.len() > MAX_POINTS {
        return Err(Mistake::at(&raw.points, format!("{} points, want 1 to {MAX_POINTS}", list.len())));
    }
    let mut points: Vec<Point> = Vec::with_capacity(list.len());
    for written in list {
        let point = point(written, spaces)?;
        if points.iter().any(|other| other.code == point.code) {
            return Err(Mistake::at(
                &written.get_ref().code,
                format!("point code `{}` stands twice, want each code once", point.code),
            ));
        }
        points.push(point);
    }
    Ok(points)
}

fn point(written: &Spanned<RawPoint>, spaces: &Spaces) -> Result<Point, Mistake> {
    let raw = written.get_ref();
    refuse_given(raw.key.as_ref(), "key", spaces.protocol)?;
    refuse_given(raw.multiply.as_ref(), "multiply", spaces.protocol)?;
    refuse_given(raw.group.as_ref(), "group", spaces.protocol)?;
    let space = spaces.resolve(raw.function.as_ref(), raw.segment.as_ref(), &written.span())?;
    let written_format = needed(raw.format.as_ref(), "format", &written.span())?;
    let format = one_of(written_format, "format", Format::ALL.into_iter().map(|f| (f.code(), f)))?;
    if space.is_bits() != (format == Format::Bit) {
        return Err(Mistake::at(
            written_format,
            format!(
                "format is {} and function is {}; want format bit with functions 1 and 2 and no other",
                format.code(),
                space.function
            ),
        ));
    }
    let at = needed(raw.address.as_ref(), "address", &written.span())?;
    let address = address(at, format.registers())?;
    measured(raw, Source::Register(Register { space, address, format }), format.code(), format.bounds())
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
                format!("invalid code {} does not fit in {} or stands twice", code.get_ref(), writer),
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
                format!("scale is {}, want a power of ten from 1 down to 0.000001", scale.get_ref()),
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
        return Err(Mistake::at(range, format!("range is [{min}, {max}], want the least value first")));
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
            format!("range is [{min}, {max}], but {writer} at this scale can only write {low} to {high}",),
        ));
    }
    Ok((low, high))
}

fn statuses(raw: &RawProfile, points: &[Point], spaces: &Spaces) -> Result<Vec<Status>, Mistake> {
    let mut statuses: Vec<Status> = Vec::with_capacity(raw.statuses.len());
    for written in &raw.statuses {
        let status = status(written, points, spaces)?;
        let taken = points.iter().any(|point| point.code == status.code)
            || statuses.iter().any(|other| other.code == status.code);
        if taken {
            return Err(Mistake::at(
                &written.get_ref().code,
                format!("status code `{}` is already a point or a status, want each code once", status.code),
            ));
        }
        statuses.push(status);
    }
    Ok(statuses)
}

fn status(written: &Spanned<RawStatus>, points: &[Point], spaces: &Spaces) -> Result<Status, Mistake> {
    let raw = written.get_ref();
    refuse_given(raw.key.as_ref(), "key", spaces.protocol)?;
    refuse_given(raw.group.as_ref(), "group", spaces.protocol)?;
    let at = needed(raw.address.as_ref(), "address", &written.span())?;
    let space = spaces.resolve(raw.function.as_ref(), raw.segment.as_ref(), &written.span())?;
    if space.is_bits() {
        return Err(Mistake {
            at: written.span(),
            reason: format!("a status stands in a register; function is {}, want 3 or 4", space.function),
        });
    }
    let mask: u16 = match &raw.mask {
        Some(mask) => integer(mask, "mask", 1, i64::from(u16::MAX))?,
        None => u16::MAX,
    };
    // At most 15, because the mask is not 0.
    let shift = u8::try_from(mask.trailing_zeros()).unwrap_or(0);
    let field = mask >> shift;
    if field & field.wrapping_add(1) != 0 {
        let at = raw.mask.as_ref().map_or_else(|| written.span(), Spanned::span);
        return Err(Mistake {
            at,
            reason: format!("mask is {mask:#06x}, want bits that stand side by side"),
        });
    }
    if raw.meanings.get_ref().is_empty() {
        return Err(Mistake::at(&raw.meanings, "meanings is empty, want what at least one value means"));
    }
    let mut meanings: Vec<Meaning> = Vec::new();
    for written in raw.meanings.get_ref() {
        let meaning = meaning(written, field, points)?;
        if meanings.iter().any(|other| {
            other.value == meaning.value && other.hazard == meaning.hazard && other.point == meaning.point
        }) {
            return Err(Mistake::at(
                &written.get_ref().value,
                format!("value {} means {} twice, want it once", meaning.value, meaning.hazard.code()),
            ));
        }
        meanings.push(meaning);
    }
    Ok(Status { code: code(&raw.code)?, address: address(at, 1)?, space, mask, shift, meanings })
}

fn meaning(written: &Spanned<RawMeaning>, field: u16, points: &[Point]) -> Result<Meaning, Mistake> {
    let raw = written.get_ref();
    let value = match raw.value.get_ref() {
        RawWord::Number(number) => {
            let number = Spanned::new(raw.value.span(), *number);
            integer(&number, "value under this mask", 0, i64::from(field))?
        }
        RawWord::Text(text) => {
            return Err(Mistake::at(&raw.value, format!("value is `{text}`, a register holds a number")));
        }
    };
    let Named { hazard, severity, point } = named(raw, points)?;
    Ok(Meaning { value, hazard, severity, point })
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
        Hazard::ALL.into_iter().filter(|h| !FOUND_BY_SUPERVISION.contains(h)).map(|h| (h.code(), h)),
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
                    format!("there is no point `{}`, want one of: {}", named.get_ref(), codes(points)),
                ));
            };
            let measured = Hazard::MEASURED.contains(&hazard);
            if measured && !Hazard::of_quantity(point.quantity).contains(&hazard) {
                return Err(Mistake::at(
                    &raw.hazard,
                    format!(
                        "{} is no hazard of point `{}`, a {}",
                        hazard.code(),
                        point.code,
                        point.quantity.code()
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

fn clock(written: &Spanned<RawClock>, spaces: &Spaces) -> Result<Clock, Mistake> {
    let raw = written.get_ref();
    let space = spaces.resolve(raw.function.as_ref(), raw.segment.as_ref(), &written.span())?;
    if space.is_bits() {
        return Err(Mistake {
            at: written.span(),
            reason: "a clock stands in registers, want function 3 or 4".to_owned(),
        });
    }
    let format = clock_format(&raw.format)?;
    let utc_offset_min = match &raw.utc_offset_min {
        Some(offset) => integer(offset, "utc_offset_min", -12 * 60, 14 * 60)?,
        None => 480,
    };
    Ok(Clock { space, address: address(&raw.address, format.registers())?, format, utc_offset_min })
}

fn clock_format(written: &Spanned<String>) -> Result<ClockFormat, Mistake> {
    one_of(written, "format of the clock", [("ymdhms", ClockFormat::Ymdhms), ("unix_s", ClockFormat::UnixS)])
}

fn write(written: &Spanned<RawWrite>) -> Result<WriteCommand, Mistake> {
    let raw = written.get_ref();
    let values = raw.values.get_ref();
    let (function, wanted) = match *raw.function.get_ref() {
        5 => (5, 1..=1),
        6 => (6, 1..=1),
        16 => (16, 1..=MAX_WRITE),
        other => {
            return Err(Mistake::at(
                &raw.function,
                format!("function of a write is {other}, want 5, 6 or 16"),
            ));
        }
    };
    if !wanted.contains(&values.len()) {
        return Err(Mistake::at(
            &raw.values,
            format!(
                "{} values with function {function}, want {} to {}",
                values.len(),
                wanted.start(),
                wanted.end()
            ),
        ));
    }
    let values = values
        .iter()
        .map(|value| {
            let word: u16 = integer(value, "value", 0, i64::from(u16::MAX))?;
            if function == 5 && !matches!(word, 0 | 0xFF00) {
                return Err(Mistake::at(
                    value,
                    format!("value is {word:#06x}, a coil takes 0x0000 or 0xFF00"),
                ));
            }
            Ok(word)
        })
        .collect::<Result<Vec<u16>, Mistake>>()?;
    let length = u16::try_from(values.len()).unwrap_or(u16::MAX);
    Ok(WriteCommand { function, address: address(&raw.address, length)?, values })
}

/// What stands where, for the check that nothing stands on something else.
struct Standing<'a> {
    space: &'a Space,
    address: u16,
    length: u16,
    mask: Option<u16>,
    what: String,
    at: Range<usize>,
}

fn standings<'a>(
    raw: &RawProfile,
    points: &'a [Point],
    statuses: &'a [Status],
    clock: Option<&'a Clock>,
) -> Vec<Standing<'a>> {
    let points = points.iter().zip(raw.points.get_ref()).filter_map(|(point, written)| {
        let at = point.register()?;
        Some(Standing {
            space: &at.space,
            address: at.address,
            length: at.format.registers(),
            mask: None,
            what: format!("point `{}`", point.code),
            at: place(written.get_ref().address.as_ref(), written.span()),
        })
    });
    let statuses = statuses.iter().zip(&raw.statuses).map(|(status, written)| Standing {
        space: &status.space,
        address: status.address,
        length: 1,
        mask: Some(status.mask),
        what: format!("status `{}`", status.code),
        at: place(written.get_ref().address.as_ref(), written.span()),
    });
    let clock = clock.into_iter().zip(&raw.clock).map(|(clock, written)| Standing {
        space: &clock.space,
        address: clock.address,
        length: clock.format.registers(),
        mask: None,
        what: "the clock".to_owned(),
        at: written.get_ref().address.span(),
    });
    points.chain(statuses).chain(clock).collect()
}

fn place(written: Option<&Spanned<i64>>, otherwise: Range<usize>) -> Range<usize> {
    written.map_or(otherwise, Spanned::span)
}

fn refuse_overlaps(
    raw: &RawProfile,
    points: &[Point],
    statuses: &[Status],
    clock: Option<&Clock>,
) -> Result<(), Mistake> {
    let standing = standings(raw, points, statuses, clock);
    for (index, one) in standing.iter().enumerate() {
        for other in standing.iter().take(index) {
            let touch = one.space == other.space
                && u32::from(one.address) < u32::from(other.address) + u32::from(other.length)
                && u32::from(other.address) < u32::from(one.address) + u32::from(one.length);
            let share = matches!((one.mask, other.mask), (Some(a), Some(b)) if a & b == 0);
            if touch && !share {
                return Err(Mistake {
                    at: one.at.clone(),
                    reason: format!(
                        "{} at {:#06x} stands on {} at {:#06x}",
                        one.what, one.address, other.what, other.address
                    ),
                });
            }
        }
    }
    Ok(())
}

fn groups(
    raw: &RawProfile,
    protocol: Protocol,
    interval_s: u32,
    spaces: &Spaces,
    points: &[Point],
    statuses: &[Status],
    clock: Option<&Clock>,
) -> Result<Vec<Group>, Mistake> {
    let standing = standings(raw, points, statuses, clock);
    if raw.groups.is_empty() {
        if protocol == Protocol::Cloud7b7b {
            return Err(Mistake::at(
                &raw.protocol,
                "the vendor cloud protocol does not say which registers a segment carries; \
                 want [[groups]] with segment, start and count",
            ));
        }
        let gap = match &raw.poll_gap {
            Some(gap) => integer(gap, "poll_gap", 0, i64::from(MAX_REGISTERS))?,
            None => 0,
        };
        let wanted = standing
            .iter()
            .map(|one| Span { space: one.space.clone(), start: one.address, count: one.length })
            .collect();
        return (0u16..)
            .zip(merge_groups(wanted, gap))
            .map(|(index, read)| {
                let index = group_index(index, raw.points.span())?;
                Ok(Group {
                    index,
                    space: read.space,
                    start: read.start,
                    count: read.count,
                    every_s: interval_s,
                })
            })
            .collect();
    }
    if let Some(gap) = &raw.poll_gap {
        return Err(Mistake::at(gap, "poll_gap has no meaning beside [[groups]]; want one of the two"));
    }
    let mut groups: Vec<Group> = Vec::with_capacity(raw.groups.len());
    for (index, written) in (0u16..).zip(&raw.groups) {
        let group = group(group_index(index, written.span())?, written, protocol, interval_s, spaces)?;
        for other in groups.iter().filter(|other| other.space == group.space) {
            let (a, b) = (u32::from(group.start), u32::from(other.start));
            let overlap = a < b + u32::from(other.count) && b < a + u32::from(group.count);
            match protocol {
                Protocol::Cloud7b7b if group.count != other.count => {}
                _ if protocol != Protocol::Cloud7b7b && overlap => {
                    return Err(Mistake::at(
                        &written.get_ref().start,
                        format!(
                            "group {} reads registers that group {} already reads",
                            group.index, other.index
                        ),
                    ));
                }
                Protocol::Cloud7b7b => {
                    return Err(Mistake::at(
                        &written.get_ref().count,
                        format!(
                            "groups {} and {} have the same segment and {} registers; \
                             want counts that differ, because only they tell the two apart",
                            other.index, group.index, group.count
                        ),
                    ));
                }
                Protocol::ModbusRtu
                | Protocol::ModbusTcp
                | Protocol::Dlt645
                | Protocol::Gb26875
                | Protocol::Gateway1f1f
                | Protocol::Telemetry => {}
            }
        }
        groups.push(group);
    }
    for one in &standing {
        if !groups.iter().any(|group| group.holds(one.space, one.address, one.length)) {
            return Err(Mistake {
                at: one.at.clone(),
                reason: format!("{} at {:#06x} lies outside every group", one.what, one.address),
            });
        }
    }
    for (group, written) in groups.iter().zip(&raw.groups) {
        if !standing.iter().any(|one| group.holds(one.space, one.address, one.length)) {
            return Err(Mistake::at(
                &written.get_ref().start,
                format!("group {} holds no point, status or clock, want it left out", group.index),
            ));
        }
    }
    Ok(groups)
}

fn group_index(index: u16, at: Range<usize>) -> Result<u8, Mistake> {
    u8::try_from(index).map_err(|_| Mistake { at, reason: "more than 256 groups, want fewer".to_owned() })
}

fn group(
    index: u8,
    written: &Spanned<RawGroup>,
    protocol: Protocol,
    interval_s: u32,
    spaces: &Spaces,
) -> Result<Group, Mistake> {
    let raw = written.get_ref();
    if protocol == Protocol::Cloud7b7b && raw.segment.is_none() {
        return Err(Mistake {
            at: written.span(),
            reason: "segment is missing; the vendor cloud protocol names its segments, such as \"1-1\""
                .to_owned(),
        });
    }
    let space = spaces.resolve(raw.function.as_ref(), raw.segment.as_ref(), &written.span())?;
    let most = if space.is_bits() { MAX_BITS } else { MAX_REGISTERS };
    let count: u16 = integer(&raw.count, "count", 1, i64::from(most))?;
    let every_s = match (&raw.every_s, protocol) {
        (None, _) => interval_s,
        (Some(every_s), _) if protocol != Protocol::Cloud7b7b => integer(every_s, "every_s", 1, 24 * 3600)?,
        (Some(every_s), _) => {
            return Err(Mistake::at(
                every_s,
                "every_s has no meaning with protocol cloud_7b7b: the device decides",
            ));
        }
    };
    Ok(Group { index, space, start: address(&raw.start, count)?, count, every_s })
}

/// One (point, hazard) told by status words of two groups would change with whichever came last.
fn refuse_split_conditions(raw: &RawProfile, statuses: &[Status], groups: &[Group]) -> Result<(), Mistake> {
    let home = |status: &Status| -> Vec<u8> {
        groups.iter().filter(|g| g.holds(&status.space, status.address, 1)).map(|g| g.index).collect()
    };
    for (index, (status, written)) in statuses.iter().zip(&raw.statuses).enumerate() {
        for other in statuses.iter().take(index) {
            let shared = status.meanings.iter().find(|meaning| {
                other.meanings.iter().any(|m| m.hazard == meaning.hazard && m.point == meaning.point)
            });
            if let Some(shared) = shared
                && home(status) != home(other)
            {
                return Err(Mistake::at(
                    &written.get_ref().code,
                    format!(
                        "statuses `{}` and `{}` both tell {} of the same point but are read in different groups",
                        other.code,
                        status.code,
                        shared.hazard.code()
                    ),
                ));
            }
        }
    }
    Ok(())
}

fn limits(raw: &RawProfile, points: &[Point]) -> Result<Vec<(Hazard, LimitPatch)>, Mistake> {
    let mut limits = Vec::with_capacity(raw.limits.len());
    for (hazard, patch) in &raw.limits {
        let code = one_of(hazard, "hazard", Hazard::MEASURED.into_iter().map(|h| (h.code(), h)))?;
        if !points.iter().any(|point| Hazard::of_quantity(point.quantity).contains(&code)) {
            return Err(Mistake::at(
                hazard,
                format!("no point is judged for {}, want the limit left out", code.code()),
            ));
        }
        limit(code, patch)?;
        limits.push((code, *patch.get_ref()));
    }
    Ok(limits)
}

fn limit(hazard: Hazard, patch: &Spanned<LimitPatch>) -> Result<(), Mistake> {
    let LimitPatch { enabled: _, warning, alarm, on_delay_s, off_delay_s, deadband, latching: _ } =
        *patch.get_ref();
    if let (Some(warning), Some(alarm)) = (warning, alarm) {
        let (inner, outer) = if hazard.is_low() { (alarm, warning) } else { (warning, alarm) };
        if inner >= outer {
            let side = if hazard.is_low() { "above" } else { "below" };
            return Err(Mistake::at(
                patch,
                format!(
                    "warning of {} is {warning} and alarm is {alarm}, want the warning {side} the alarm",
                    hazard.code()
                ),
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
                format!("{name} of {} is {value}, want 0 or more", hazard.code()),
            ));
        }
    }
    Ok(())
}

fn needed<'a, T>(
    written: Option<&'a Spanned<T>>,
    what: &str,
    at: &Range<usize>,
) -> Result<&'a Spanned<T>, Mistake> {
    written.ok_or_else(|| Mistake { at: at.clone(), reason: format!("{what} is missing") })
}

fn refuse_given<T>(written: Option<&Spanned<T>>, what: &str, protocol: Protocol) -> Result<(), Mistake> {
    match written {
        None => Ok(()),
        Some(written) => Err(Mistake::at(
            written,
            format!("{what} has no meaning with protocol {}; want it left out", protocol.code()),
        )),
    }
}

fn one_of<T>(
    written: &Spanned<String>,
    what: &str,
    allowed: impl IntoIterator<Item = (&'static str, T)>,
) -> Result<T, Mistake> {
    let mut names = Vec::new();
    for (name, value) in allowed {
        if name == written.get_ref() {
            return Ok(value);
        }
        names.push(name);
    }
    Err(Mistake::at(written, format!("{what} is `{}`, want one of: {}", written.get_ref(), names.join(", "))))
}

fn integer<T: TryFrom<i64>>(
    written: &Spanned<i64>,
    what: &str,
    least: i64,
    greatest: i64,
) -> Result<T, Mistake> {
    let value = *written.get_ref();
    let refused = || Mistake::at(written, format!("{what} is {value}, want {least} to {greatest}"));
    if value < least || value > greatest {
        return Err(refused());
    }
    T::try_from(value).map_err(|_| refused())
}

fn address(written: &Spanned<i64>, length: u16) -> Result<u16, Mistake> {
    integer(written, "address", 0, i64::from(u16::MAX) + 1 - i64::from(length.max(1)))
}

fn number(written: &Spanned<String>) -> Result<i64, Mistake> {
    let text = written.get_ref();
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| {
        Mistake::at(written, format!("invalid code is `{text}`, want a number such as 0xE5E5 or -1"))
    })
}

/// A number as TOML writes it.
fn one_line_number(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::String(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)
        | toml::Value::Table(_) => None,
    }
}

fn filled(written: &Spanned<String>, what: &str) -> Result<String, Mistake> {
    let text = written.get_ref().trim();
    if text.is_empty() {
        return Err(Mistake::at(written, format!("{what} is empty, want a text")));
    }
    Ok(text.to_owned())
}

fn code(written: &Spanned<String>) -> Result<String, Mistake> {
    let text = written.get_ref();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(allowed) {
        return Err(Mistake::at(
            written,
            format!("code is `{text}`, want lower-case letters, digits and `_`, a letter first"),
        ));
    }
    Ok(text.clone())
}
