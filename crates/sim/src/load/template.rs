//! An upload that is built once and then changed in place: the load's own cost must not be what is measured.

use domain::profile::{Decoded, EncodeError, Format, Group, Profile, encode};
use domain::reading::{Quality, Sample};
use domain::time::UnixMs;
use wire::cloud7b7b::{END, START, Segment, SegmentData, Uplink, Upload};
use wire::crc16;
use wire::modbus::InnerCrc;

/// In a recorded run the residual current is over its limit in every second block of this many readings.
const ALARM_BLOCK: u64 = 30;
/// Values go up and down within this many steps of their scale.
const SWING: u64 = 40;
/// The sequence is told up to this, then begins again; `active_power_a` can carry it.
const SEQUENCE_TOLD: u64 = 300_000;

/// What changes in a frame from reading to reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// A 16-bit value: its base plus a small swing, more in an alarm block.
    Swing { offset: usize, base: u16, in_alarm: u16 },
    /// A 32-bit value that tells the sequence.
    Sequence { offset: usize },
}

/// The upload of one connection.
#[derive(Debug, Clone)]
pub(super) struct Template {
    base: Vec<Sample>,
    frame: Vec<u8>,
    changes: Vec<Change>,
    /// Where the three clock registers stand, where they are to be written.
    clock: Option<usize>,
    alarms: bool,
}

impl Template {
    /// A frame with the values of `group`. With `alarms` the residual current goes over its limit now and then.
    /// `None` when the model has no such segment.
    pub(super) fn new(profile: &Profile, group: &Group, alarms: bool) -> Result<Option<Self>, EncodeError> {
        let Some(address) = group.space.segment.clone() else { return Ok(None) };
        let base: Vec<Sample> = profile
            .indexed_points()
            .map(|(point, about)| {
                let raw = match about.code.as_str() {
                    "residual" => 60,
                    "active_power_a" => 0,
                    code if code.starts_with("temperature") => 300,
                    code if code.starts_with("voltage") => 2_250,
                    code if code.starts_with("current") => 1_800,
                    _ => 4_000,
                };
                Sample { point, raw, quality: Quality::Good }
            })
            .collect();
        let said = Decoded { device_at: None, samples: base.clone(), reported: Vec::new() };
        let data = encode(profile, group, &said)?;
        // Start mark, command, `[[`, address, `((`, unit, function, byte count; without a serial number, because the
        // connection has logged in.
        let data_at = START.len() + 1 + 2 + address.len() + 2 + 3;
        let function = group.space.function;
        let data = SegmentData::Values(data.into());
        let segment = Segment { address, unit: 1, function, data, inner_crc: InnerCrc::Absent };
        let frame = Uplink::Upload(Upload { serial: None, segments: vec![segment] }).encode();
        let register = |at: u16| data_at + usize::from(at.saturating_sub(group.start)) * 2;
        let mut changes = Vec::new();
        for ((_, point), sample) in profile.indexed_points().zip(&base) {
            let Some(at) = point.register().filter(|_| group.holds_point(point)) else { continue };
            let offset = register(at.address);
            match at.format {
                Format::U16 | Format::I16 => {
                    let base = u16::try_from(sample.raw).unwrap_or(0);
                    let in_alarm = if point.code == "residual" { 350 } else { base };
                    changes.push(Change::Swing { offset, base, in_alarm });
                }
                Format::U32 | Format::I32 if point.code == "active_power_a" => {
                    changes.push(Change::Sequence { offset });
                }
                Format::U32 | Format::I32 | Format::U32Swapped | Format::I32Swapped | Format::Bit => {}
            }
        }
        let clock = profile
            .clock
            .as_ref()
            .filter(|clock| group.holds(&clock.space, clock.address, clock.format.registers()))
            .map(|clock| register(clock.address));
        Ok(Some(Self { base, frame, changes, clock, alarms }))
    }

    /// The frame of a reading.
    pub(super) fn frame(&mut self, sequence: u64, device_at: Option<UnixMs>) -> &[u8] {
        for change in &self.changes {
            match *change {
                Change::Swing { offset, base, in_alarm } => {
                    let level = if self.is_in_alarm(sequence) { in_alarm } else { base };
                    let value = level.saturating_add(swing(sequence));
                    put(&mut self.frame, offset, &value.to_be_bytes());
                }
                Change::Sequence { offset } => {
                    put(&mut self.frame, offset, &told(sequence).to_be_bytes());
                }
            }
        }
        if let (Some(offset), Some(bytes)) = (self.clock, device_at.and_then(local_bytes)) {
            put(&mut self.frame, offset, &bytes);
        }
        let end = self.frame.len().saturating_sub(END.len() + crc16::LEN);
        let sum = crc16::checksum(self.frame.get(START.len()..end).unwrap_or_default());
        put(&mut self.frame, end, &crc16::to_wire(sum));
        &self.frame
    }

    /// The raw values of a reading, in the order of the profile's points.
    pub(super) fn raw(&self, profile: &Profile, sequence: u64) -> Vec<i64> {
        profile
            .points
            .iter()
            .zip(&self.base)
            .map(|(point, sample)| match point.register().map(|at| at.format) {
                Some(Format::U16 | Format::I16) => {
                    let alarm = self.is_in_alarm(sequence) && point.code == "residual";
                    let level = if alarm { 350 } else { sample.raw };
                    level + i64::from(swing(sequence))
                }
                _ if point.code == "active_power_a" => i64::from(told(sequence)),
                Some(Format::U32 | Format::I32 | Format::U32Swapped | Format::I32Swapped | Format::Bit)
                | None => sample.raw,
            })
            .collect()
    }

    fn is_in_alarm(&self, sequence: u64) -> bool {
        self.alarms && (sequence / ALARM_BLOCK) % 2 == 1
    }
}

pub(super) fn swing(sequence: u64) -> u16 {
    u16::try_from(sequence % SWING).unwrap_or(0)
}

fn told(sequence: u64) -> u32 {
    u32::try_from(sequence % SEQUENCE_TOLD).unwrap_or(0)
}

fn put(frame: &mut [u8], offset: usize, bytes: &[u8]) {
    for (slot, byte) in frame.iter_mut().skip(offset).zip(bytes) {
        *slot = *byte;
    }
}

/// Year - 2000, month, day, hour, minute, second in China, as the load's model writes its clock.
fn local_bytes(at: UnixMs) -> Option<[u8; 6]> {
    let offset = jiff::tz::Offset::from_seconds(8 * 3600).ok()?;
    let local = offset.to_datetime(jiff::Timestamp::from_millisecond(at.0).ok()?);
    let year = i8::try_from(local.year() - 2000).ok()?;
    Some(
        [year, local.month(), local.day(), local.hour(), local.minute(), local.second()]
            .map(i8::cast_unsigned),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::profile::{decode, shipped};
    use wire::cloud7b7b::{DEFAULT_MAX_FRAME_LEN, Deframer};

    #[test]
    fn a_changed_frame_is_a_whole_frame_with_the_values_that_were_meant() {
        let profiles = shipped().unwrap();
        let profile = profiles.iter().find(|profile| profile.id == super::super::LOAD_PROFILE).unwrap();
        for group in &profile.groups {
            let mut template = Template::new(profile, group, true).unwrap().unwrap();
            for sequence in [0, 1, 29, 30, 59, 60, 77_777, 300_001] {
                let at = UnixMs(1_780_279_200_000 + i64::try_from(sequence).unwrap() * 1000);
                let mut deframer = Deframer::new(DEFAULT_MAX_FRAME_LEN);
                deframer.push(template.frame(sequence, Some(at)));
                let frame = deframer.next_frame().unwrap().unwrap();
                let Uplink::Upload(upload) = Uplink::parse(&frame).unwrap() else { panic!("an upload") };
                let said = decode(profile, group, upload.segments[0].data()).unwrap();
                let raw: Vec<i64> = said.samples.iter().map(|sample| sample.raw).collect();
                assert_eq!(raw, template.raw(profile, sequence));
                assert!(said.samples.iter().all(|sample| sample.quality == Quality::Good));
                let has_clock = group.count == 21;
                assert_eq!(said.device_at, has_clock.then_some(at));
                let residual = raw[0];
                assert_eq!(residual > 300, (sequence / 30) % 2 == 1);
            }
        }
    }
}
