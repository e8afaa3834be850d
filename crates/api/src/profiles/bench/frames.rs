//! Frames in pasted bytes, and what a profile with registers reads from each.

use domain::place::Protocol;
use domain::profile::{Group, Profile, select_group};
use wire::cloud7b7b::{Deframer, RawFrame, SegmentData, Uplink};
use wire::crc16;
use wire::modbus::{Answer, AnswerBody, Parse, Request};

use super::decoded::{of_registers, place};
use super::refusal::{Why, refuse, why};
use super::{TestFrame, TestGroup};
use crate::detectors::telegrams::hex;
use crate::http::problem::FieldError;
use crate::meaning::{Asked, Line};
use crate::vocabulary::Direction;

/// The longest frame that is looked for, bytes.
const LONGEST_FRAME: usize = 8192;

/// A frame without anything read from it yet, its parts named by `line`. `asked` is the request that it answers.
pub(super) fn frame(
    line: &Line,
    offset: usize,
    bytes: &[u8],
    protocol: &str,
    direction: Direction,
    asked: Option<&Asked>,
) -> TestFrame {
    let way = match direction {
        Direction::Up => wire::Direction::Up,
        Direction::Down => wire::Direction::Down,
    };
    TestFrame {
        offset: u32::try_from(offset).unwrap_or(u32::MAX),
        hex: hex(bytes),
        direction,
        protocol: protocol.to_owned(),
        fields: line.explain(bytes, way, asked),
        refused: None,
        groups: Vec::new(),
    }
}

/// Every frame of the vendor cloud protocol in `bytes`, as they came from the device.
pub(super) fn cloud(profile: &Profile, bytes: &[u8]) -> Vec<TestFrame> {
    let line = Line::bench(profile, None);
    let mut deframer = Deframer::new(LONGEST_FRAME);
    deframer.push(bytes);
    let mut found = Vec::new();
    while let Some(next) = deframer.next_frame() {
        found.push(next);
    }
    found.extend(deframer.on_idle());
    let mut offset = 0;
    found
        .into_iter()
        .map(|next| {
            let at = offset;
            match next {
                Ok(raw) => {
                    offset += raw.bytes.len();
                    cloud_frame(profile, &line, at, &raw)
                }
                Err(refused) => {
                    offset += refused.bytes.len();
                    let mut one = frame(&line, at, &refused.bytes, "cloud_7b7b", Direction::Up, None);
                    let clause = format!("vendor cloud protocol, {}", refused.error.name());
                    refuse(&mut one, refused.error, &clause);
                    one
                }
            }
        })
        .collect()
}

fn cloud_frame(profile: &Profile, line: &Line, offset: usize, raw: &RawFrame) -> TestFrame {
    let mut one = frame(line, offset, &raw.bytes, "cloud_7b7b", Direction::Up, None);
    match Uplink::parse(raw) {
        Err(error) => {
            let clause = format!("vendor cloud protocol, {}", error.name());
            refuse(&mut one, Why::other(error), &clause);
        }
        Ok(Uplink::Upload(upload)) => {
            if profile.protocol != Protocol::Cloud7b7b {
                let spoken = profile.protocol.code();
                let reason = format!("an upload, but the profile speaks {spoken}");
                refuse(&mut one, why!("not_an_upload", reason, protocol = spoken), "profile, protocol");
                return one;
            }
            for segment in &upload.segments {
                let read = match &segment.data {
                    SegmentData::Exception(exception) => {
                        let (segment, had) = (&segment.address, format!("{:#04x}", exception.code()));
                        let reason = format!("segment `{segment}` carries exception {had} instead of values");
                        Err(why!("segment_exception", reason, segment = segment, had = had))
                    }
                    SegmentData::Values(data) => select_group(profile, &segment.address, data.len())
                        .map_err(Why::from)
                        .and_then(|group| Ok(of_registers(profile, group, data)?)),
                };
                match read {
                    Ok(group) => one.groups.push(group),
                    Err(why) => refuse(&mut one, why, "profile, groups"),
                }
            }
        }
        Ok(
            Uplink::Login(_)
            | Uplink::TimeRequest { .. }
            | Uplink::Heartbeat
            | Uplink::ControlAnswer(_)
            | Uplink::Unknown { .. },
        ) => {}
    }
    one
}

/// A frame of Modbus, however it is carried.
enum Found {
    Request(Request),
    Answer(Answer),
}

/// The frame at the front of `bytes`, its length and its transaction where it has the header of TCP. Bytes that could be
/// either are the answer to what was asked before under the same transaction, else a request.
fn modbus_at(bytes: &[u8], asked: Option<&Asked>) -> Option<(Found, usize, Option<u16>)> {
    if let Parse::Complete { value, len } = Request::parse(bytes) {
        return Some((Found::Request(value), len, None));
    }
    if let Parse::Complete { value, len } = Answer::parse(bytes) {
        return Some((Found::Answer(value), len, None));
    }
    let ([t1, t2, 0, 0, l1, l2], covered) = bytes.split_first_chunk::<MBAP>()? else { return None };
    let length = usize::from(u16::from_be_bytes([*l1, *l2]));
    let transaction = Some(u16::from_be_bytes([*t1, *t2]));
    let mut serial = covered.get(..length)?.to_vec();
    crc16::append(&mut serial);
    let request = match Request::parse(&serial) {
        Parse::Complete { value, len } if len == serial.len() => Some(Found::Request(value)),
        Parse::Complete { .. } | Parse::NeedMore { .. } | Parse::Refused(_) => None,
    };
    let answer = match Answer::parse(&serial) {
        Parse::Complete { value, len } if len == serial.len() => Some(Found::Answer(value)),
        Parse::Complete { .. } | Parse::NeedMore { .. } | Parse::Refused(_) => None,
    };
    let is_answered = asked.is_some_and(|asked| asked.transaction == transaction);
    let found = if is_answered { answer.or(request) } else { request.or(answer) };
    Some((found?, MBAP + length, transaction))
}

/// Bytes of the header of Modbus TCP before the unit.
const MBAP: usize = 6;

/// Every Modbus frame in `bytes`, RTU or TCP: requests tell which registers the answer behind them carries; an answer
/// alone is matched with the groups of its length, or with `group` where that is said.
pub(super) fn modbus(profile: &Profile, bytes: &[u8], group: Option<u8>) -> Vec<TestFrame> {
    let line = Line::bench(profile, None);
    let mut found = Vec::new();
    let mut asked: Option<Asked> = None;
    let (mut at, mut noise_from) = (0, 0);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let Some((read, len, transaction)) = modbus_at(rest, asked.as_ref()) else {
            at += 1;
            continue;
        };
        let own = rest.get(..len).unwrap_or_default();
        let protocol = if transaction.is_some() { "modbus_tcp" } else { "modbus_rtu" };
        noise(&line, bytes, noise_from, at, &mut found);
        found.push(match read {
            Found::Request(request) => {
                asked = Asked::of(&request, transaction);
                frame(&line, at, own, protocol, Direction::Down, None)
            }
            Found::Answer(said) => {
                let asked = asked.take().filter(|asked| asked.is_answered_by(&said, transaction));
                let mut one = frame(&line, at, own, protocol, Direction::Up, asked.as_ref());
                answer(profile, &said, asked.as_ref(), group, &mut one);
                one
            }
        });
        at += len;
        noise_from = at;
    }
    noise(&line, bytes, noise_from, bytes.len(), &mut found);
    found
}

/// A frame of Modbus-RTU that stood inside `outer`, read into it.
pub(super) fn inside(profile: &Profile, rtu: &[u8], asked: Option<&Asked>, outer: &mut TestFrame) {
    match Answer::parse(rtu) {
        Parse::Complete { value, .. } => answer(profile, &value, asked, None, outer),
        Parse::Refused(error) => refuse(outer, error, RTU),
        Parse::NeedMore { wanted } => refuse(outer, Why::cut_short(rtu.len(), wanted), RTU),
    }
}

/// Where the codes of exceptions are listed.
pub(super) const EXCEPTIONS: &str = "Modbus application protocol V1.1b3, 7";
const RTU: &str = "Modbus over serial line V1.02, 2.5.1: unit, function, data, CRC";

fn noise(line: &Line, bytes: &[u8], from: usize, to: usize, found: &mut Vec<TestFrame>) {
    let Some(own) = bytes.get(from..to).filter(|own| !own.is_empty()) else { return };
    let mut one = frame(line, from, own, "unknown", Direction::Up, None);
    let why = match Answer::parse(own) {
        Parse::Refused(error) => Why::from(error),
        Parse::NeedMore { wanted } => Why::cut_short(own.len(), wanted),
        Parse::Complete { .. } => Why::no_frame(),
    };
    refuse(&mut one, why, RTU);
    found.push(one);
}

fn answer(profile: &Profile, answer: &Answer, asked: Option<&Asked>, group: Option<u8>, one: &mut TestFrame) {
    match &answer.body {
        AnswerBody::Exception { exception, .. } => {
            refuse(one, Why::exception(exception.code()), EXCEPTIONS);
            return;
        }
        AnswerBody::ReadCoils(_)
        | AnswerBody::ReadDiscreteInputs(_)
        | AnswerBody::ReadHoldingRegisters(_)
        | AnswerBody::ReadInputRegisters(_) => {}
        AnswerBody::WriteSingleCoil { .. }
        | AnswerBody::WriteSingleRegister { .. }
        | AnswerBody::WriteMultipleCoils { .. }
        | AnswerBody::WriteMultipleRegisters { .. } => return,
    }
    let Some(data) = answer.data() else { return };
    if profile.protocol != Protocol::ModbusRtu {
        let spoken = profile.protocol.code();
        let reason = format!("a Modbus answer, but the profile speaks {spoken}");
        refuse(one, why!("not_modbus", reason, protocol = spoken), "profile, protocol");
        return;
    }
    let wanted: Vec<Group> = match asked {
        Some(asked) => vec![asked.group()],
        None => profile
            .groups
            .iter()
            .filter(|known| known.space.function == answer.function_code())
            .filter(|known| known.byte_count() == data.len())
            .filter(|known| group.is_none_or(|index| known.index == index))
            .cloned()
            .collect(),
    };
    if wanted.is_empty() {
        let known: Vec<String> = profile
            .groups
            .iter()
            .map(|known| format!("{} of {} bytes", place(known), known.byte_count()))
            .collect();
        let (function, had, known) = (answer.function_code(), data.len(), known.join(", "));
        let reason =
            format!("function {function} with {had} data bytes fits no group; the profile reads {known}");
        let why = why!("no_group_fits", reason, function = function, had = had, known = known);
        refuse(one, why, "profile, groups");
        return;
    }
    let guessed = wanted.len() > 1;
    for group in &wanted {
        match of_registers(profile, group, data) {
            Ok(read) => one.groups.push(TestGroup { guessed, ..read }),
            Err(error) => refuse(one, error, "profile, groups"),
        }
    }
}

/// Bytes of pasted text: hex digits with anything that people and tools put between (blanks, commas, `0x`, line ends).
///
/// # Errors
/// What was had where no byte is, as a mistake of the field `hex`.
pub(super) fn bytes_of(text: &str) -> Result<Vec<u8>, FieldError> {
    let mut digits = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || ",;:|-".contains(c)).filter(|word| !word.is_empty())
    {
        let bare = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")).unwrap_or(word);
        let bare = bare.strip_prefix("\\x").unwrap_or(bare).replace("\\x", "");
        if let Some(wrong) = bare.chars().find(|c| !c.is_ascii_hexdigit()) {
            let message = format!("had `{wrong}` in `{word}`, wanted hex digits");
            let error = FieldError::new("hex", "hex_digit", message);
            return Err(error.with("had", wrong.to_string()).with("word", shortened(word)));
        }
        if bare.len() % 2 == 1 {
            let message = format!("had {} digits in `{word}`, wanted pairs", bare.len());
            let error = FieldError::new("hex", "hex_pairs", message);
            return Err(error.with("had", bare.len()).with("word", shortened(word)));
        }
        digits.push_str(&bare);
    }
    let bytes: Option<Vec<u8>> = (0..digits.len() / 2)
        .map(|at| digits.get(at * 2..at * 2 + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    match bytes {
        Some(bytes) if !bytes.is_empty() => Ok(bytes),
        Some(_) | None => Err(FieldError::new("hex", "hex_none", "had no byte, wanted hex digits in pairs")),
    }
}

/// As much of a word as a sentence has room for.
fn shortened(word: &str) -> String {
    const ROOM: usize = 24;
    let short: String = word.chars().take(ROOM).collect();
    if short.len() < word.len() { short + "…" } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asj() -> Profile {
        domain::profile::shipped().unwrap().into_iter().find(|p| p.id == "asj-relay").unwrap()
    }

    #[test]
    fn pasted_text_becomes_bytes_however_it_is_written() {
        for text in ["01 03 FF", "0x01,0x03,0xff", "0103ff", "01-03-FF\n", "01:03:ff", r"\x01\x03\xff"] {
            assert_eq!(bytes_of(text).unwrap(), [1, 3, 255], "{text}");
        }
        for text in ["", "1", "zz", "012"] {
            assert!(bytes_of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_request_tells_what_the_answer_carries() {
        let profile = asj();
        let group = &profile.groups[0];
        let request = Request::read_holding_registers(1, group.start, group.count).unwrap();
        let values: Vec<u16> = (0..group.count).collect();
        let said = Answer::registers_for(&request, &values).unwrap();
        let mut bytes = vec![0xAA];
        bytes.extend(request.encode());
        bytes.extend(said.encode());
        let found = modbus(&profile, &bytes, None);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].refused.is_some());
        assert_eq!((found[1].direction, found[2].direction), (Direction::Down, Direction::Up));
        assert_eq!(found[2].groups.len(), 1);
        assert!(!found[2].groups[0].points.is_empty());
        assert_eq!(found[2].groups[0].group, Some(group.index));

        // Without the request the length tells: here two groups have it, unless one is named.
        let alone = modbus(&profile, &said.encode(), None);
        assert!(alone[0].groups.len() == 2 && alone[0].groups[0].guessed, "{alone:?}");
        let named = modbus(&profile, &said.encode(), Some(0));
        assert!(named[0].groups.len() == 1 && !named[0].groups[0].guessed, "{named:?}");
        // With a byte less nothing does.
        let cut = modbus(&profile, &said.encode()[1..], None);
        assert!(cut.iter().all(|one| one.groups.is_empty() && one.refused.is_some()), "{cut:?}");
    }
}
