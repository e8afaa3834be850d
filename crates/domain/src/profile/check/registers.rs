//! The checks of profiles whose values stand in registers: where each stands, and that nothing stands on something
//! else or outside what is read.

use std::ops::Range;

use toml::Spanned;

use super::written::{address, code, integer, needed, one_of, refuse_given};
use super::{Named, measured, named};
use crate::place::Protocol;
use crate::profile::groups::{MAX_BITS, MAX_REGISTERS, Span, merge_groups};
use crate::profile::model::{
    Clock, ClockFormat, Format, Group, Meaning, Point, Register, Source, Space, Status, WriteCommand,
};
use crate::profile::parse::{
    Mistake, RawClock, RawGroup, RawMeaning, RawPoint, RawProfile, RawStatus, RawWord, RawWrite, says,
};

/// The most registers that one Modbus write may carry (application protocol V1.1b3, 6.12).
const MAX_WRITE: usize = 123;
/// The most characters of a segment address.
const MAX_SEGMENT: usize = 16;

/// Finds the address space that a part of the profile means.
pub(super) struct Spaces {
    protocol: Protocol,
    function: u8,
    only_segment: Option<String>,
}

impl Spaces {
    pub(super) fn of(raw: &RawProfile, protocol: Protocol) -> Result<Self, Mistake> {
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
                    says!(
                        "segment_without_cloud",
                        "segment has no meaning with protocol modbus_rtu; want it left out, or protocol cloud_7b7b"
                    ),
                ));
            }
            (_, None) => match &self.only_segment {
                Some(only) => Some(only.clone()),
                None => {
                    return Err(Mistake {
                        at: at.clone(),
                        reason: says!(
                            "segment_missing",
                            "segment is missing and the groups do not name exactly one; want the segment that carries it, such as \"1-1\""
                        ),
                    });
                }
            },
        };
        if self.protocol == Protocol::Cloud7b7b && !matches!(function, 3 | 4) {
            return Err(Mistake {
                at: at.clone(),
                reason: says!(
                    "needs_registers",
                    "function is {had}; segments carry registers, want 3 or 4",
                    had = function
                ),
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
            says!(
                "bad_segment",
                "segment is `{had}`, want 1 to {most} printable ASCII characters without brackets",
                had = text,
                most = MAX_SEGMENT
            ),
        ));
    }
    Ok(text.clone())
}

pub(super) fn point(written: &Spanned<RawPoint>, spaces: &Spaces) -> Result<Point, Mistake> {
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
            says!(
                "format_function",
                "format is {format} and function is {function}; want format bit with functions 1 and 2 and no other",
                format = format.code(),
                function = space.function
            ),
        ));
    }
    let at = needed(raw.address.as_ref(), "address", &written.span())?;
    let address = address(at, format.registers())?;
    measured(raw, Source::Register(Register { space, address, format }), format.code(), format.bounds())
}

pub(super) fn statuses(raw: &RawProfile, points: &[Point], spaces: &Spaces) -> Result<Vec<Status>, Mistake> {
    let mut statuses: Vec<Status> = Vec::with_capacity(raw.statuses.len());
    for written in &raw.statuses {
        let status = status(written, points, spaces)?;
        let taken = points.iter().any(|point| point.code == status.code)
            || statuses.iter().any(|other| other.code == status.code);
        if taken {
            return Err(Mistake::at(
                &written.get_ref().code,
                says!(
                    "code_taken",
                    "status code `{had}` is already a point or a status, want each code once",
                    had = status.code
                ),
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
            reason: says!(
                "needs_registers",
                "a status stands in a register; function is {had}, want 3 or 4",
                had = space.function
            ),
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
            reason: says!(
                "mask_gaps",
                "mask is {had}, want bits that stand side by side",
                had = format!("{mask:#06x}")
            ),
        });
    }
    if raw.meanings.get_ref().is_empty() {
        return Err(Mistake::at(
            &raw.meanings,
            says!("no_meaning", "meanings is empty, want what at least one value means"),
        ));
    }
    let mut meanings: Vec<Meaning> = Vec::new();
    for written in raw.meanings.get_ref() {
        let meaning = meaning(written, field, points)?;
        if meanings.iter().any(|other| {
            other.value == meaning.value && other.hazard == meaning.hazard && other.point == meaning.point
        }) {
            return Err(Mistake::at(
                &written.get_ref().value,
                says!(
                    "meaning_twice",
                    "value {had} means {hazard} twice, want it once",
                    had = meaning.value,
                    hazard = meaning.hazard.code()
                ),
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
            return Err(Mistake::at(
                &raw.value,
                says!("value_no_number", "value is `{had}`, a register holds a number", had = text),
            ));
        }
    };
    let Named { hazard, severity, point } = named(raw, points)?;
    Ok(Meaning { value, hazard, severity, point })
}

pub(super) fn clock(written: &Spanned<RawClock>, spaces: &Spaces) -> Result<Clock, Mistake> {
    let raw = written.get_ref();
    let space = spaces.resolve(raw.function.as_ref(), raw.segment.as_ref(), &written.span())?;
    if space.is_bits() {
        return Err(Mistake {
            at: written.span(),
            reason: says!("clock_needs_registers", "a clock stands in registers, want function 3 or 4"),
        });
    }
    let format = clock_format(&raw.format)?;
    let utc_offset_min = match &raw.utc_offset_min {
        Some(offset) => integer(offset, "utc_offset_min", -12 * 60, 14 * 60)?,
        None => 480,
    };
    Ok(Clock { space, address: address(&raw.address, format.registers())?, format, utc_offset_min })
}

pub(super) fn clock_format(written: &Spanned<String>) -> Result<ClockFormat, Mistake> {
    one_of(written, "format of the clock", [("ymdhms", ClockFormat::Ymdhms), ("unix_s", ClockFormat::UnixS)])
}

pub(super) fn write(written: &Spanned<RawWrite>) -> Result<WriteCommand, Mistake> {
    let raw = written.get_ref();
    let values = raw.values.get_ref();
    let (function, wanted) = match *raw.function.get_ref() {
        5 => (5, 1..=1),
        6 => (6, 1..=1),
        16 => (16, 1..=MAX_WRITE),
        other => {
            return Err(Mistake::at(
                &raw.function,
                says!("write_function", "function of a write is {had}, want 5, 6 or 16", had = other),
            ));
        }
    };
    if !wanted.contains(&values.len()) {
        return Err(Mistake::at(
            &raw.values,
            says!(
                "write_values",
                "{had} values with function {function}, want {least} to {most}",
                had = values.len(),
                function = function,
                least = wanted.start(),
                most = wanted.end()
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
                    says!(
                        "coil_value",
                        "value is {had}, a coil takes 0x0000 or 0xFF00",
                        had = format!("{word:#06x}")
                    ),
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
            what: format!("`{}`", point.code),
            at: place(written.get_ref().address.as_ref(), written.span()),
        })
    });
    let statuses = statuses.iter().zip(&raw.statuses).map(|(status, written)| Standing {
        space: &status.space,
        address: status.address,
        length: 1,
        mask: Some(status.mask),
        what: format!("`{}`", status.code),
        at: place(written.get_ref().address.as_ref(), written.span()),
    });
    let clock = clock.into_iter().zip(&raw.clock).map(|(clock, written)| Standing {
        space: &clock.space,
        address: clock.address,
        length: clock.format.registers(),
        mask: None,
        what: "clock".to_owned(),
        at: written.get_ref().address.span(),
    });
    points.chain(statuses).chain(clock).collect()
}

fn place(written: Option<&Spanned<i64>>, otherwise: Range<usize>) -> Range<usize> {
    written.map_or(otherwise, Spanned::span)
}

pub(super) fn refuse_overlaps(
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
                    reason: says!(
                        "overlap",
                        "{one} at {at} stands on {other} at {there}",
                        one = one.what,
                        at = format!("{:#06x}", one.address),
                        other = other.what,
                        there = format!("{:#06x}", other.address)
                    ),
                });
            }
        }
    }
    Ok(())
}

pub(super) fn groups(
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
                says!(
                    "groups_missing",
                    "the vendor cloud protocol does not say which registers a segment carries; want [[groups]] with segment, start and count"
                ),
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
        return Err(Mistake::at(
            gap,
            says!("gap_and_groups", "poll_gap has no meaning beside [[groups]]; want one of the two"),
        ));
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
                        says!(
                            "groups_overlap",
                            "group {one} reads registers that group {other} already reads",
                            one = group.index,
                            other = other.index
                        ),
                    ));
                }
                Protocol::Cloud7b7b => {
                    return Err(Mistake::at(
                        &written.get_ref().count,
                        says!(
                            "groups_alike",
                            "groups {one} and {other} have the same segment and {count} registers; want counts that differ, because only they tell the two apart",
                            one = other.index,
                            other = group.index,
                            count = group.count
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
                reason: says!(
                    "outside_groups",
                    "{one} at {at} lies outside every group",
                    one = one.what,
                    at = format!("{:#06x}", one.address)
                ),
            });
        }
    }
    for (group, written) in groups.iter().zip(&raw.groups) {
        if !standing.iter().any(|one| group.holds(one.space, one.address, one.length)) {
            return Err(Mistake::at(
                &written.get_ref().start,
                says!(
                    "group_of_nothing",
                    "group {one} holds no point, status or clock, want it left out",
                    one = group.index
                ),
            ));
        }
    }
    Ok(groups)
}

fn group_index(index: u16, at: Range<usize>) -> Result<u8, Mistake> {
    u8::try_from(index)
        .map_err(|_| Mistake { at, reason: says!("too_many_groups", "more than 256 groups, want fewer") })
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
            reason: says!(
                "segment_missing",
                "segment is missing; the vendor cloud protocol names its segments, such as \"1-1\""
            ),
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
                says!(
                    "every_with_cloud",
                    "every_s has no meaning with protocol cloud_7b7b: the device decides"
                ),
            ));
        }
    };
    Ok(Group { index, space, start: address(&raw.start, count)?, count, every_s })
}

/// One (point, hazard) told by status words of two groups would change with whichever came last.
pub(super) fn refuse_split_conditions(
    raw: &RawProfile,
    statuses: &[Status],
    groups: &[Group],
) -> Result<(), Mistake> {
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
                    says!(
                        "statuses_split",
                        "statuses `{one}` and `{other}` both tell {hazard} of the same point but are read in different groups",
                        one = other.code,
                        other = status.code,
                        hazard = shared.hazard.code()
                    ),
                ));
            }
        }
    }
    Ok(())
}
