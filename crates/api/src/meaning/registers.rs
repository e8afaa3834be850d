//! Registers: what stands in the data of Modbus frames, alone, behind the header of TCP, or inside the vendor cloud's.

use domain::profile::{Group, Profile, Space, decode, select_group};
use wire::Direction;
use wire::explain::key;
use wire::modbus::{Answer, Request, RequestBody};

use super::{Behind, TelegramField, meanings};

/// Which registers an answer carries: only the request before it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The transaction of Modbus TCP.
    pub(crate) transaction: Option<u16>,
    pub(crate) unit: u8,
    pub(crate) function: u8,
    pub(crate) start: u16,
    pub(crate) count: u16,
}

impl Asked {
    /// What a request reads; `None` where it writes.
    pub(crate) fn of(request: &Request, transaction: Option<u16>) -> Option<Self> {
        let (function, start, count) = match request.body() {
            RequestBody::ReadCoils { start, count } => (1, *start, *count),
            RequestBody::ReadDiscreteInputs { start, count } => (2, *start, *count),
            RequestBody::ReadHoldingRegisters { start, count } => (3, *start, *count),
            RequestBody::ReadInputRegisters { start, count } => (4, *start, *count),
            RequestBody::WriteSingleCoil { .. }
            | RequestBody::WriteSingleRegister { .. }
            | RequestBody::WriteMultipleCoils { .. }
            | RequestBody::WriteMultipleRegisters { .. } => return None,
        };
        Some(Self { transaction, unit: request.unit(), function, start, count })
    }

    /// The same from the named parts of a telegram.
    pub(super) fn of_fields(fields: &[TelegramField], bytes: &[u8]) -> Option<Self> {
        let number = |name: &str| {
            let field = fields.iter().find(|field| field.name == name)?;
            u16::try_from(field.number(bytes)).ok()
        };
        let function = u8::try_from(number(key::FUNCTION)?).ok().filter(|code| (1..=4).contains(code))?;
        Some(Self {
            transaction: number(key::TRANSACTION),
            unit: u8::try_from(number(key::UNIT)?).ok()?,
            function,
            start: number(key::START_ADDRESS)?,
            count: number(key::COUNT)?,
        })
    }

    /// Whether an answer of this unit and function may be the answer to it.
    pub(crate) fn is_answered_by(&self, answer: &Answer, transaction: Option<u16>) -> bool {
        self.unit == answer.unit && self.function == answer.function_code() && self.transaction == transaction
    }

    /// The registers as a group.
    pub(crate) fn group(&self) -> Group {
        ad_hoc(self.function, self.start, self.count)
    }
}

fn ad_hoc(function: u8, start: u16, count: u16) -> Group {
    Group { index: 0, space: Space { function, segment: None }, start, count, every_s: 1 }
}

/// The block of data that a walk over the parts has come to.
#[derive(Default)]
struct Block {
    segment: Option<String>,
    unit: Option<u8>,
    function: u8,
    start: Option<u16>,
}

/// Gives the registers of a telegram the names and values of the points in them. A number of two registers becomes one
/// part.
pub(super) fn name(
    behind: &[Behind],
    bytes: &[u8],
    way: Direction,
    asked: Option<&Asked>,
    fields: &mut Vec<TelegramField>,
) {
    let mut block = Block::default();
    let mut found: Vec<(usize, Vec<Named>)> = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let small = || u8::try_from(field.number(bytes)).unwrap_or(0);
        match field.name.as_str() {
            key::SEGMENT_ADDRESS => {
                block = Block { segment: Some(field.value.clone()), ..Block::default() };
            }
            key::UNIT => block.unit = Some(small()),
            key::FUNCTION => block.function = small(),
            key::START_ADDRESS => block.start = u16::try_from(field.number(bytes)).ok(),
            key::BYTE_COUNT if block.unit.is_some() => {
                let at = usize::try_from(field.offset + field.len).unwrap_or(usize::MAX);
                let data = bytes.get(at..).and_then(|rest| rest.get(..usize::from(small())));
                if let Some(named) = data.and_then(|data| named(behind, &block, way, asked, data)) {
                    found.push((index + 1, named));
                }
            }
            key::WRITE_VALUE if block.function == 6 => {
                if let Some(named) = named(behind, &block, way, asked, field.bytes(bytes)) {
                    found.push((index, named));
                }
            }
            _ => {}
        }
    }
    // From behind, because numbers of two registers take parts away.
    for (first, named) in found.into_iter().rev() {
        place(fields, first, named);
    }
}

/// A value and where it stands in its data.
struct Named {
    /// The first byte; `None` for a bit among packed bits.
    at: Option<usize>,
    len: usize,
    raw: Option<i64>,
    value: super::TelegramValue,
}

fn place(fields: &mut Vec<TelegramField>, first: usize, named: Vec<Named>) {
    let Some(start) = fields.get(first).map(|field| usize::try_from(field.offset).unwrap_or(0)) else {
        return;
    };
    for one in named {
        let Some(at) = one.at else {
            if let Some(field) = fields.get_mut(first) {
                field.values.push(one.value);
            }
            continue;
        };
        let offset = u32::try_from(start + at).unwrap_or(u32::MAX);
        let Some(index) = fields.iter().position(|field| field.offset == offset) else { continue };
        let len = u32::try_from(one.len).unwrap_or(0);
        let whole = fields.iter().skip(index).take_while(|field| field.offset < offset + len).count();
        fields.drain(index + 1..index + whole);
        if let Some(field) = fields.get_mut(index) {
            field.len = len.max(field.len);
            if let (Some(raw), true) = (one.raw, whole > 1) {
                field.value = raw.to_string();
            }
            field.values.push(one.value);
        }
    }
}

/// What the first of the detectors that knows these data reads from them.
fn named(
    behind: &[Behind],
    block: &Block,
    way: Direction,
    asked: Option<&Asked>,
    data: &[u8],
) -> Option<Vec<Named>> {
    let of_unit = |one: &&Behind| {
        let own = one.entry.as_ref().and_then(|entry| entry.unit_address);
        own.is_none() || own == block.unit
    };
    behind.iter().filter(of_unit).find_map(|one| {
        let group = group(&one.profile, block, way, asked, data)?;
        let named = read(one, &group, data);
        (!named.is_empty()).then_some(named)
    })
}

fn group(
    profile: &Profile,
    block: &Block,
    way: Direction,
    asked: Option<&Asked>,
    data: &[u8],
) -> Option<Group> {
    if let Some(segment) = &block.segment {
        return select_group(profile, segment, data.len()).ok().cloned();
    }
    let words = u16::try_from(data.len() / 2).ok()?;
    match (block.start, way) {
        // A write says itself where it goes.
        (Some(start), _) => Some(ad_hoc(3, start, words)),
        (None, Direction::Down) => None,
        (None, Direction::Up) => match asked {
            Some(asked) => {
                (Some(asked.unit) == block.unit && asked.function == block.function).then(|| asked.group())
            }
            // Without its request only a length that one group alone has tells what an answer carries.
            None => {
                let mut fitting = profile.groups.iter().filter(|known| {
                    known.space.function == block.function && known.byte_count() == data.len()
                });
                let only = fitting.next()?;
                fitting.next().is_none().then(|| only.clone())
            }
        },
    }
}

fn read(one: &Behind, group: &Group, data: &[u8]) -> Vec<Named> {
    let Ok(decoded) = decode(&one.profile, group, data) else { return Vec::new() };
    let offset = |address: u16| usize::from(address.saturating_sub(group.start)) * 2;
    let mut named: Vec<Named> = decoded
        .samples
        .iter()
        .filter_map(|sample| {
            let register = one.profile.point(sample.point)?.register()?;
            let len = usize::from(register.format.registers()) * 2;
            let at = (!group.space.is_bits()).then(|| offset(register.address));
            let has_raw = sample.quality == domain::reading::Quality::Good;
            Some(Named { at, len, raw: has_raw.then_some(sample.raw), value: one.sample(sample)? })
        })
        .collect();
    for status in one.profile.statuses.iter().filter(|status| group.holds(&status.space, status.address, 1)) {
        let at = offset(status.address);
        let Some(word) = data.get(at..).and_then(|rest| rest.first_chunk().copied()).map(u16::from_be_bytes)
        else {
            continue;
        };
        let value = (word & status.mask) >> status.shift;
        let said =
            one.status(&status.code, value.to_string(), meanings(&one.profile, &status.meanings, value));
        named.push(Named { at: Some(at), len: 2, raw: None, value: said });
    }
    named
}
