//! The checks of `[[commands]]`.

use std::ops::Range;

use toml::Spanned;

use super::registers::{clock_format, write};
use super::written::{address, code, filled, integer, needed, one_of, refuse_given};
use super::{codes, decimals, raw_range};
use crate::command::CommandKind;
use crate::hazard::Hazard;
use crate::place::Protocol;
use crate::profile::commands::{Action, CommandSpec, LimitField, LookAt, ReadBack, Setting};
use crate::profile::groups::{MAX_BITS, MAX_REGISTERS};
use crate::profile::model::{Format, Point, ReadCommand, WriteCommand};
use crate::profile::parse::{Mistake, RawCommand, RawProfile, RawReadBack, Reason, says};
use crate::reading::PointIndex;
use crate::settings::defaults_of;

/// The most commands that a profile may have.
const MAX_COMMANDS: usize = 200;
/// What bounds a value that goes into a message instead of a register: what a screen's number holds exactly.
const MESSAGE_BOUNDS: (i64, i64) = (-(1 << 53), 1 << 53);
/// How long a read-back may take, s.
const MAX_WITHIN_S: i64 = 3600;

/// The commands of a profile; `[reset]` alone becomes its reset command.
pub(super) fn commands(
    raw: &RawProfile,
    protocol: Protocol,
    points: &[Point],
    reset: Option<&WriteCommand>,
) -> Result<Vec<CommandSpec>, Mistake> {
    let mut commands: Vec<CommandSpec> = Vec::with_capacity(raw.commands.len() + 1);
    for written in &raw.commands {
        if commands.len() >= MAX_COMMANDS {
            let reason =
                says!("too_many_commands", "more than {most} commands, want fewer", most = MAX_COMMANDS);
            return Err(Mistake { at: written.span(), reason });
        }
        let command = command(written, protocol, points)?;
        if commands.iter().any(|other| other.code == command.code) {
            let at =
                written.get_ref().code.as_ref().map_or_else(|| written.get_ref().kind.span(), Spanned::span);
            let reason = says!(
                "command_twice",
                "command `{had}` stands twice, want a code of its own for each",
                had = command.code
            );
            return Err(Mistake { at, reason });
        }
        commands.push(command);
    }
    if let Some(reset) = reset
        && !commands.iter().any(|command| command.kind == CommandKind::Reset)
    {
        commands.push(CommandSpec {
            code: CommandKind::Reset.code().to_owned(),
            name: String::new(),
            kind: CommandKind::Reset,
            idempotent: true,
            action: Action::Write(vec![reset.clone()]),
            setting: None,
            read_back: None,
        });
    }
    Ok(commands)
}

fn command(
    written: &Spanned<RawCommand>,
    protocol: Protocol,
    points: &[Point],
) -> Result<CommandSpec, Mistake> {
    let raw = written.get_ref();
    let at = written.span();
    let kinds = CommandKind::ALL.into_iter().filter(|kind| *kind != CommandKind::RawRead);
    let kind = one_of(&raw.kind, "kind", kinds.map(|kind| (kind.code(), kind)))?;
    let action = if protocol.is_keyed() {
        keyed_action(raw, kind, protocol, &at)?
    } else {
        register_action(raw, kind, protocol, &at)?
    };
    let setting = setting(raw, kind, &action, points, &at)?;
    let read_back = match &raw.read_back {
        Some(back) => Some(read_back(back, protocol, &action, points)?),
        None => None,
    };
    let idempotent = raw.idempotent.unwrap_or(match kind {
        CommandKind::Mute
        | CommandKind::SetPoint
        | CommandKind::ReportingPeriod
        | CommandKind::Clock
        | CommandKind::Reset => true,
        CommandKind::SelfTest | CommandKind::Trip | CommandKind::Close | CommandKind::RawRead => false,
    });
    Ok(CommandSpec {
        code: match &raw.code {
            Some(written) => code(written)?,
            None => kind.code().to_owned(),
        },
        name: match &raw.name {
            Some(name) => filled(name, "name")?,
            None => String::new(),
        },
        kind,
        idempotent,
        action,
        setting,
        read_back,
    })
}

fn register_action(
    raw: &RawCommand,
    kind: CommandKind,
    protocol: Protocol,
    at: &Range<usize>,
) -> Result<Action, Mistake> {
    refuse_given(raw.send.as_ref(), "send", protocol)?;
    refuse_given(raw.value_as.as_ref(), "value_as", protocol)?;
    refuse_given(raw.parameters.as_ref(), "parameters", protocol)?;
    if kind == CommandKind::Clock {
        refuse(raw.writes.as_ref(), || {
            says!("writes_with_clock", "writes has no meaning with a clock; want address and format")
        })?;
        let format = clock_format(needed(raw.format.as_ref(), "format", at)?)?;
        let utc_offset_min = match &raw.utc_offset_min {
            Some(offset) => integer(offset, "utc_offset_min", -12 * 60, 14 * 60)?,
            None => 480,
        };
        let address = address(needed(raw.address.as_ref(), "address", at)?, format.registers())?;
        return Ok(Action::Clock { address, format, utc_offset_min });
    }
    if kind.takes_value() {
        refuse(raw.writes.as_ref(), || {
            says!("writes_with_value", "writes is fixed; a command with a value wants address and format")
        })?;
        let written = needed(raw.format.as_ref(), "format", at)?;
        let formats = Format::ALL.into_iter().filter(|format| *format != Format::Bit);
        let format = one_of(written, "format", formats.map(|f| (f.code(), f)))?;
        let function = match &raw.function {
            Some(function) => integer(function, "function of a write", 6, 16)?,
            None => 16,
        };
        if !matches!((function, format.registers()), (16, _) | (6, 1)) {
            let reason = says!(
                "function_format",
                "function {function} does not write {format}, want 16, or 6 for one register",
                function = function,
                format = format.code()
            );
            return Err(Mistake { at: at.clone(), reason });
        }
        let address = address(needed(raw.address.as_ref(), "address", at)?, format.registers())?;
        return Ok(Action::Put { function, address, format });
    }
    let writes = needed(raw.writes.as_ref(), "writes", at)?;
    if writes.get_ref().is_empty() {
        return Err(Mistake::at(writes, says!("no_write", "writes is empty, want at least one write")));
    }
    Ok(Action::Write(writes.get_ref().iter().map(write).collect::<Result<_, _>>()?))
}

fn keyed_action(
    raw: &RawCommand,
    kind: CommandKind,
    protocol: Protocol,
    at: &Range<usize>,
) -> Result<Action, Mistake> {
    refuse_given(raw.writes.as_ref(), "writes", protocol)?;
    refuse_given(raw.function.as_ref(), "function", protocol)?;
    refuse_given(raw.address.as_ref(), "address", protocol)?;
    refuse_given(raw.format.as_ref(), "format", protocol)?;
    refuse_given(raw.utc_offset_min.as_ref(), "utc_offset_min", protocol)?;
    if kind == CommandKind::Clock && raw.send.is_none() {
        return Ok(Action::ProtocolClock);
    }
    let name = filled(needed(raw.send.as_ref(), "send", at)?, "send")?;
    let mut parameters = serde_json::Map::new();
    if let Some(written) = &raw.parameters {
        for (key, value) in written.get_ref() {
            let json = serde_json::to_value(value).map_err(|error| {
                Mistake::at(
                    written,
                    says!(
                        "bad_parameter",
                        "parameter `{key}` cannot be sent: {said}",
                        key = key,
                        said = error
                    ),
                )
            })?;
            parameters.insert(key.clone(), json);
        }
    }
    let value_as = match (&raw.value_as, kind.takes_value()) {
        (Some(value_as), true) => Some(filled(value_as, "value_as")?),
        (None, true) => Some("value".to_owned()),
        (None, false) => None,
        (Some(value_as), false) => {
            return Err(Mistake::at(
                value_as,
                says!(
                    "not_with_command",
                    "{what} has no meaning with {kind}; want it left out",
                    what = "value_as",
                    kind = kind.code()
                ),
            ));
        }
    };
    Ok(Action::Named { name, parameters, value_as })
}

fn setting(
    raw: &RawCommand,
    kind: CommandKind,
    action: &Action,
    points: &[Point],
    at: &Range<usize>,
) -> Result<Option<Setting>, Mistake> {
    let none = |what: &'static str| {
        move || {
            says!(
                "not_with_command",
                "{what} has no meaning with {kind}; want it left out",
                what = what,
                kind = kind.code()
            )
        }
    };
    if !kind.takes_value() {
        refuse(raw.scale.as_ref(), none("scale"))?;
        refuse(raw.range.as_ref(), none("range"))?;
    }
    if kind != CommandKind::SetPoint {
        refuse(raw.hazard.as_ref(), none("hazard"))?;
        refuse(raw.field.as_ref(), none("field"))?;
        refuse(raw.point.as_ref(), none("point"))?;
    }
    if !kind.takes_value() {
        return Ok(None);
    }
    let decimals = match &raw.scale {
        Some(scale) => decimals(scale)?,
        None => crate::quantity::Decimals(0),
    };
    let (writer, bounds) = match action {
        Action::Put { format, .. } => (format.code(), format.bounds()),
        Action::Write(_) | Action::Clock { .. } | Action::ProtocolClock | Action::Named { .. } => {
            ("a message", MESSAGE_BOUNDS)
        }
    };
    let range = raw_range(needed(raw.range.as_ref(), "range", at)?, decimals, writer, bounds)?;
    if kind == CommandKind::ReportingPeriod {
        return Ok(Some(Setting { limit: None, point: None, decimals, range, unit: "s" }));
    }
    let hazard = one_of(
        needed(raw.hazard.as_ref(), "hazard", at)?,
        "hazard",
        Hazard::MEASURED.into_iter().map(|h| (h.code(), h)),
    )?;
    let field = one_of(
        needed(raw.field.as_ref(), "field", at)?,
        "field",
        LimitField::ALL.into_iter().map(|f| (f.code(), f)),
    )?;
    let point = match &raw.point {
        None => None,
        Some(named) => {
            let (index, point) = point_named(named, points)?;
            if !Hazard::of_quantity(point.quantity).contains(&hazard) {
                let reason = says!(
                    "not_hazard_of_point",
                    "{hazard} is no hazard of point `{point}`",
                    hazard = hazard.code(),
                    point = point.code
                );
                return Err(Mistake::at(named, reason));
            }
            Some(index)
        }
    };
    let unit = match field {
        LimitField::OnDelayS => "s",
        LimitField::Warning | LimitField::Alarm => defaults_of(hazard).map_or("", |defaults| defaults.unit),
    };
    Ok(Some(Setting { limit: Some((hazard, field)), point, decimals, range, unit }))
}

fn read_back(
    written: &Spanned<RawReadBack>,
    protocol: Protocol,
    action: &Action,
    points: &[Point],
) -> Result<ReadBack, Mistake> {
    let raw = written.get_ref();
    let at = written.span();
    let within_s = match &raw.within_s {
        Some(within) => integer(within, "within_s", 1, MAX_WITHIN_S)?,
        None => 10,
    };
    let look = if let Some(named) = &raw.point {
        refuse(raw.address.as_ref(), || {
            says!("address_and_point", "address has no meaning beside point; want one of the two")
        })?;
        refuse(raw.words.as_ref(), || {
            says!("words_and_point", "words has no meaning beside point; want value")
        })?;
        let (point, found) = point_named(named, points)?;
        let value = needed(raw.value.as_ref(), "value", &at)?;
        let span = Spanned::new(value.span(), (*value.get_ref(), *value.get_ref()));
        let (raw, _) = raw_range(&span, found.decimals, "the point", found.bounds())?;
        LookAt::Point { point, raw }
    } else if let Some(first) = &raw.address {
        refuse_keyed(protocol, first)?;
        let words = needed(raw.words.as_ref(), "words", &at)?;
        let function: u8 = match &raw.function {
            Some(function) => integer(function, "function", 1, 4)?,
            None => 3,
        };
        let (most, greatest) = if function <= 2 { (MAX_BITS, 1) } else { (MAX_REGISTERS, 0xFFFF) };
        let count = u16::try_from(words.get_ref().len()).ok().filter(|n| (1..=most).contains(n));
        let Some(count) = count else {
            return Err(Mistake::at(
                words,
                says!(
                    "words_count",
                    "{had} words, want 1 to {most}",
                    had = words.get_ref().len(),
                    most = most
                ),
            ));
        };
        let expected = words
            .get_ref()
            .iter()
            .map(|word| integer(word, "word", 0, greatest))
            .collect::<Result<_, _>>()?;
        let read = ReadCommand { function, address: address(first, count)?, count };
        LookAt::Registers { read, words: expected }
    } else {
        match action {
            Action::Put { .. } => {
                let function = match &raw.function {
                    Some(function) => integer(function, "function", 3, 4)?,
                    None => 3,
                };
                LookAt::Written { function }
            }
            Action::Write(_) | Action::Clock { .. } | Action::ProtocolClock | Action::Named { .. } => {
                let reason = says!(
                    "read_back_of_nothing",
                    "what shall be read is missing, want point and value, or address and words"
                );
                return Err(Mistake { at, reason });
            }
        }
    };
    Ok(ReadBack { within_s, look })
}

fn refuse_keyed(protocol: Protocol, written: &Spanned<i64>) -> Result<(), Mistake> {
    if protocol.is_keyed() { refuse_given(Some(written), "address", protocol) } else { Ok(()) }
}

fn point_named<'p>(named: &Spanned<String>, points: &'p [Point]) -> Result<(PointIndex, &'p Point), Mistake> {
    (0u16..).zip(points).find(|(_, point)| point.code == *named.get_ref()).map_or_else(
        || {
            let reason = says!(
                "no_such_point",
                "there is no point `{had}`, want one of: {wanted}",
                had = named.get_ref(),
                wanted = codes(points)
            );
            Err(Mistake::at(named, reason))
        },
        |(index, point)| Ok((PointIndex(index), point)),
    )
}

fn refuse<T>(written: Option<&Spanned<T>>, reason: impl FnOnce() -> Reason) -> Result<(), Mistake> {
    match written {
        None => Ok(()),
        Some(written) => Err(Mistake::at(written, reason())),
    }
}

/// The write of `[reset]`, where only `[[commands]]` names one.
pub(super) fn reset_of(commands: &[CommandSpec]) -> Option<WriteCommand> {
    let reset = commands.iter().find(|command| command.kind == CommandKind::Reset)?;
    match &reset.action {
        Action::Write(writes) => match writes.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        },
        Action::Put { .. } | Action::Clock { .. } | Action::ProtocolClock | Action::Named { .. } => None,
    }
}
