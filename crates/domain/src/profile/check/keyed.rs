//! The checks of profiles whose protocol names its values.

use toml::Spanned;

use super::written::{code, filled, integer, needed, one_line_number, refuse_given};
use super::{Named, interval, limits, measured, named};
use crate::place::Protocol;
use crate::profile::gb26875::GbKey;
use crate::profile::keyed::{Decimal, path_steps};
use crate::profile::meter::MeterKey;
use crate::profile::model::{Key, KeyedMeaning, KeyedStatus, Point, Profile, Source, Word};
use crate::profile::parse::{Mistake, RawProfile, RawStatus, RawWord, says};
use crate::profile::raw::RawKey;

/// The most characters of a key.
const MAX_KEY: usize = 200;
/// The greatest value that a point without a format can have: what a screen's number holds exactly.
const BOUNDS: (i64, i64) = (-(1 << 53), 1 << 53);

pub(super) fn check(
    id: String,
    text: &str,
    raw: &RawProfile,
    protocol: Protocol,
) -> Result<Profile, Mistake> {
    refuse_given(raw.function.as_ref(), "function", protocol)?;
    refuse_given(raw.poll_gap.as_ref(), "poll_gap", protocol)?;
    refuse_given(raw.clock.as_ref(), "clock", protocol)?;
    refuse_given(raw.reset.as_ref(), "reset", protocol)?;
    refuse_given(raw.groups.first(), "groups", protocol)?;
    if protocol != Protocol::Gb26875 {
        refuse_given(raw.gb26875.as_ref(), "gb26875", protocol)?;
    }
    let points = points(raw, protocol)?;
    let keyed_statuses = statuses(raw, protocol, &points)?;
    if protocol == Protocol::Dlt645 {
        one_identifier_a_group(raw, &points, &keyed_statuses)?;
    }
    refuse_mixed_keys(raw, protocol)?;
    Ok(Profile {
        id,
        name: filled(&raw.name, "name")?,
        maker: filled(&raw.maker, "maker")?,
        verified: raw.verified,
        source: filled(&raw.source, "source")?,
        protocol,
        interval_s: interval(raw)?,
        replays_history: raw.replays_history,
        limits: limits(raw, &points)?,
        reset: None,
        commands: super::commands::commands(raw, protocol, &points, None)?,
        clock: None,
        gb26875: raw.gb26875.as_ref().map(|dialect| *dialect.get_ref()),
        points,
        statuses: Vec::new(),
        keyed_statuses,
        groups: Vec::new(),
        text: text.to_owned(),
    })
}

fn points(raw: &RawProfile, protocol: Protocol) -> Result<Vec<Point>, Mistake> {
    let list = raw.points.get_ref();
    if list.is_empty() || list.len() > super::MAX_POINTS {
        let most = super::MAX_POINTS;
        return Err(Mistake::at(
            &raw.points,
            says!("points_count", "{had} points, want 1 to {most}", had = list.len(), most = most),
        ));
    }
    let mut points: Vec<Point> = Vec::with_capacity(list.len());
    for (index, written) in list.iter().enumerate() {
        let raw = written.get_ref();
        refuse_given(raw.address.as_ref(), "address", protocol)?;
        refuse_given(raw.format.as_ref(), "format", protocol)?;
        refuse_given(raw.function.as_ref(), "function", protocol)?;
        refuse_given(raw.segment.as_ref(), "segment", protocol)?;
        let written_key = needed(raw.key.as_ref(), "key", &written.span())?;
        let multiply = match &raw.multiply {
            Some(multiply) => factor(multiply)?,
            None => Decimal::ONE,
        };
        let mut key = key(written_key, raw.group.as_ref(), multiply, protocol, index)?;
        if protocol == Protocol::Gb26875
            && !matches!(GbKey::parse(&key.name), Some(GbKey::Analog { .. } | GbKey::Private { .. }))
        {
            let had = &key.name;
            let reason = says!(
                "key_no_analog",
                "key `{had}` names no analog value, want one such as analog:17:128",
                had = had
            );
            return Err(Mistake::at(written_key, reason));
        }
        if protocol == Protocol::Dlt645 && raw.group.is_none() {
            key.group = group_of_identifier(&key.name, &points, &[]).unwrap_or(key.group);
        }
        let point = measured(raw, Source::Key(key), "a keyed value", BOUNDS)?;
        if points.iter().any(|other| other.code == point.code) {
            return Err(Mistake::at(
                &raw.code,
                says!("code_twice", "point code `{had}` stands twice, want each code once", had = point.code),
            ));
        }
        if points.iter().any(|other| same_key(&other.source, &point.source)) {
            let had = written_key.get_ref();
            return Err(Mistake::at(
                written_key,
                says!("key_twice", "key `{had}` stands twice, want each key once", had = had),
            ));
        }
        points.push(point);
    }
    Ok(points)
}

/// A message is bytes or has names: a profile whose keys look into both never sees all of its values.
fn refuse_mixed_keys(raw: &RawProfile, protocol: Protocol) -> Result<(), Mistake> {
    if protocol != Protocol::Telemetry {
        return Ok(());
    }
    let form = |key: &str| if RawKey::is_meant(key) { "bytes" } else { "names" };
    let points = raw.points.get_ref().iter().filter_map(|point| point.get_ref().key.as_ref());
    let statuses = raw.statuses.iter().filter_map(|status| status.get_ref().key.as_ref());
    let mut first: Option<&str> = None;
    for key in points.chain(statuses) {
        let had = form(key.get_ref());
        let wanted = *first.get_or_insert(had);
        if had != wanted {
            return Err(Mistake::at(
                key,
                says!(
                    "key_mixed",
                    "key `{key}` looks into {had}, want {wanted} as the keys before it",
                    key = key.get_ref(),
                    had = had,
                    wanted = wanted
                ),
            ));
        }
    }
    Ok(())
}

/// A meter is asked for one identifier at a time, so what arrives together stands behind one.
fn one_identifier_a_group(
    raw: &RawProfile,
    points: &[Point],
    statuses: &[KeyedStatus],
) -> Result<(), Mistake> {
    let written = raw.points.get_ref().iter().map(|point| &point.get_ref().key);
    let written = written.chain(raw.statuses.iter().map(|status| &status.get_ref().key));
    let mut identifiers: Vec<(u8, u32)> = Vec::new();
    for (key, written) in keys(points, statuses).zip(written) {
        let (Ok(had), Some(written)) = (MeterKey::parse(&key.name), written) else { continue };
        match identifiers.iter().find(|(group, _)| *group == key.group) {
            Some((group, wanted)) if *wanted != had.identifier => {
                let reason = says!(
                    "identifiers_mixed",
                    "key `{key}` is in group {group} with identifier {wanted}, want one identifier in each group",
                    key = key.name,
                    group = group,
                    wanted = format!("{wanted:08X}")
                );
                return Err(Mistake::at(written, reason));
            }
            Some(_) => {}
            None => identifiers.push((key.group, had.identifier)),
        }
    }
    Ok(())
}

fn keys<'a>(points: &'a [Point], statuses: &'a [KeyedStatus]) -> impl Iterator<Item = &'a Key> {
    let of_points = points.iter().filter_map(|point| match &point.source {
        Source::Key(key) => Some(key),
        Source::Register(_) => None,
    });
    of_points.chain(statuses.iter().map(|status| &status.key))
}

/// The group of the values before it that stand behind the same identifier.
fn group_of_identifier(name: &str, points: &[Point], statuses: &[KeyedStatus]) -> Option<u8> {
    let wanted = MeterKey::parse(name).ok()?.identifier;
    keys(points, statuses)
        .find(|key| MeterKey::parse(&key.name).is_ok_and(|had| had.identifier == wanted))
        .map(|key| key.group)
}

fn same_key(a: &Source, b: &Source) -> bool {
    matches!((a, b), (Source::Key(a), Source::Key(b)) if a.name == b.name)
}

fn key(
    written: &Spanned<String>,
    group: Option<&Spanned<i64>>,
    multiply: Decimal,
    protocol: Protocol,
    index: usize,
) -> Result<Key, Mistake> {
    let name = filled(written, "key")?;
    if name.len() > MAX_KEY {
        return Err(Mistake::at(
            written,
            says!(
                "key_too_long",
                "key has {had} bytes, want at most {most}",
                had = name.len(),
                most = MAX_KEY
            ),
        ));
    }
    if protocol == Protocol::Telemetry && RawKey::is_meant(&name) {
        RawKey::parse(&name).map_err(|said| {
            Mistake::at(written, says!("bad_bytes_key", "{said}", said = said, key = name))
        })?;
    }
    if protocol == Protocol::Dlt645 {
        MeterKey::parse(&name).map_err(|said| {
            Mistake::at(written, says!("bad_meter_key", "{said}", said = said, key = name))
        })?;
    }
    let steps = match (protocol, name.strip_prefix('$')) {
        (Protocol::Telemetry, Some(_)) => path_steps(&name).ok_or_else(|| {
            Mistake::at(
                written,
                says!(
                    "key_no_path",
                    "key `{had}` is no path, want one such as $.data.meters[0].Ua",
                    had = name
                ),
            )
        })?,
        _ => Vec::new(),
    };
    let group = match group {
        Some(group) => integer(group, "group", 0, 255)?,
        None if matches!(protocol, Protocol::Gb26875 | Protocol::Dlt645) => {
            u8::try_from(index).map_err(|_too_many| {
                Mistake::at(
                    written,
                    says!("too_many_alone", "more than 256 points that arrive alone, want `group` on each"),
                )
            })?
        }
        None => 0,
    };
    Ok(Key { name, steps, multiply, group })
}

fn factor(written: &Spanned<toml::Value>) -> Result<Decimal, Mistake> {
    one_line_number(written.get_ref())
        .and_then(|text| Decimal::parse(&text))
        .filter(|factor| factor.digits != 0 && factor.digits.abs() <= 1_000_000_000)
        .ok_or_else(|| {
            let had = written.get_ref();
            Mistake::at(
                written,
                says!(
                    "bad_multiply",
                    "multiply is {had}, want a number of at most 9 digits, not 0",
                    had = had
                ),
            )
        })
}

fn statuses(raw: &RawProfile, protocol: Protocol, points: &[Point]) -> Result<Vec<KeyedStatus>, Mistake> {
    let mut statuses: Vec<KeyedStatus> = Vec::with_capacity(raw.statuses.len());
    for (index, written) in (points.len()..).zip(&raw.statuses) {
        let mut status = status(written, protocol, points, index)?;
        // State bits of one object arrive together, whatever status they are read by.
        if protocol == Protocol::Gb26875
            && written.get_ref().group.is_none()
            && let Some(same) = statuses.iter().find(|other| other.key.name == status.key.name)
        {
            status.key.group = same.key.group;
        }
        if protocol == Protocol::Dlt645 && written.get_ref().group.is_none() {
            let key = &mut status.key;
            key.group = group_of_identifier(&key.name, points, &statuses).unwrap_or(key.group);
        }
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
        for other in &statuses {
            let shared = status.meanings.iter().find(|meaning| {
                other.meanings.iter().any(|m| m.hazard == meaning.hazard && m.point == meaning.point)
            });
            if let Some(shared) = shared
                && other.key.group != status.key.group
            {
                return Err(Mistake::at(
                    &written.get_ref().code,
                    says!(
                        "statuses_split",
                        "statuses `{one}` and `{other}` both tell {hazard} of the same point but arrive in different groups",
                        one = other.code,
                        other = status.code,
                        hazard = shared.hazard.code()
                    ),
                ));
            }
        }
        statuses.push(status);
    }
    Ok(statuses)
}

fn status(
    written: &Spanned<RawStatus>,
    protocol: Protocol,
    points: &[Point],
    index: usize,
) -> Result<KeyedStatus, Mistake> {
    let raw = written.get_ref();
    refuse_given(raw.address.as_ref(), "address", protocol)?;
    refuse_given(raw.function.as_ref(), "function", protocol)?;
    refuse_given(raw.segment.as_ref(), "segment", protocol)?;
    let written_key = needed(raw.key.as_ref(), "key", &written.span())?;
    let key = key(written_key, raw.group.as_ref(), Decimal::ONE, protocol, index)?;
    if protocol == Protocol::Gb26875 {
        match GbKey::parse(&key.name) {
            Some(GbKey::Component { .. } | GbKey::System | GbKey::Device | GbKey::Private { .. }) => {}
            Some(GbKey::Analog { .. }) | None => {
                let had = &key.name;
                let reason = says!(
                    "key_no_state",
                    "key `{had}` names no state, want one such as component:17, system or device",
                    had = had
                );
                return Err(Mistake::at(written_key, reason));
            }
        }
    }
    let mask = match &raw.mask {
        Some(mask) => Some(integer::<u32>(mask, "mask", 1, i64::from(u32::MAX))?),
        None => None,
    };
    if raw.meanings.get_ref().is_empty() {
        return Err(Mistake::at(
            &raw.meanings,
            says!("no_meaning", "meanings is empty, want what at least one value means"),
        ));
    }
    let mut meanings: Vec<KeyedMeaning> = Vec::new();
    for written in raw.meanings.get_ref() {
        let raw = written.get_ref();
        let value = match raw.value.get_ref() {
            RawWord::Number(number) => Word::Number(*number),
            RawWord::Text(text) => Word::Text(text.clone()),
        };
        let Named { hazard, severity, point } = named(raw, points)?;
        if meanings.iter().any(|m| m.value == value && m.hazard == hazard && m.point == point) {
            return Err(Mistake::at(
                &raw.value,
                says!(
                    "meaning_twice",
                    "value {had} means {hazard} twice, want it once",
                    had = match &value {
                        Word::Number(number) => number.to_string(),
                        Word::Text(text) => text.clone(),
                    },
                    hazard = hazard.code()
                ),
            ));
        }
        meanings.push(KeyedMeaning { value, hazard, severity, point });
    }
    Ok(KeyedStatus { code: code(&raw.code)?, key, mask, meanings })
}
