//! Meters of DL/T 645-2007 on the bus of a transparent DTU.

use std::sync::{Arc, Mutex, PoisonError};

use domain::profile::{Decoded, Key, MeterKey, MeterWriting, Point, Profile, Source};
use domain::reading::{Quality, Sample};
use domain::time::UnixMs;
use wire::dlt645::{Frame, MeterAddress, Refusal, Request, bcd};

use crate::device::{Device, LineState};

/// The meter has no such data (7.1, error word).
pub(crate) const NO_SUCH_DATA: Refusal = Refusal(0x02);

/// The meters of one bus, by their numbers.
#[derive(Debug, Default)]
pub struct MeterBus {
    meters: Vec<(MeterAddress, Arc<Mutex<Device>>)>,
}

impl MeterBus {
    /// A bus with these meters; their profiles speak DL/T 645.
    #[must_use]
    pub fn new(meters: Vec<(MeterAddress, Arc<Mutex<Device>>)>) -> Self {
        Self { meters }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.meters.is_empty()
    }

    /// What the meter that is asked sends; `None` is silence, as for somebody else's frame.
    #[must_use]
    pub fn answer(&self, frame: &Frame, now: UnixMs) -> Option<Frame> {
        let request = Request::of_frame(frame)?;
        let (number, device) = self.meters.iter().find(|(number, _)| request.meter().means(*number))?;
        let mut device = device.lock().unwrap_or_else(PoisonError::into_inner);
        if device.line(now) != LineState::Up {
            return None;
        }
        Some(match request {
            Request::ReadAddress => request.answered(*number, &number.wire()),
            Request::Read { identifier, .. } => {
                let said = device.say(now, None);
                match meter_data(device.profile(), &said, identifier.0) {
                    Some(data) => request.answered(*number, &data),
                    None => request.refused(*number, NO_SUCH_DATA),
                }
            }
            // Nothing that a profile reads is longer than one frame.
            Request::ReadMore { .. } => request.refused(*number, NO_SUCH_DATA),
        })
    }
}

/// What of `said` stands behind `identifier`, all its values in a row; `None` where the model has nothing there.
pub(crate) fn meter_data(profile: &Profile, said: &Decoded, identifier: u32) -> Option<Vec<u8>> {
    let mut values: Vec<(usize, Vec<u8>)> = Vec::new();
    for (index, point) in profile.indexed_points() {
        let Source::Key(key) = &point.source else { continue };
        let Ok(meter) = MeterKey::parse(&key.name) else { continue };
        if meter.identifier == identifier {
            let sample = said.samples.iter().find(|sample| sample.point == index);
            values.push((meter.item, written(meter, point, key, sample)));
        }
    }
    for status in &profile.keyed_statuses {
        let Ok(meter) = MeterKey::parse(&status.key.name) else { continue };
        if meter.identifier == identifier {
            // A simulated meter reports nothing of its own.
            values.push((meter.item, vec![0; meter.bytes]));
        }
    }
    values.sort_by_key(|(item, _)| *item);
    let all: Vec<u8> = values.into_iter().flat_map(|(_, bytes)| bytes).collect();
    (!all.is_empty()).then_some(all)
}

/// A value as the meter writes it; what it cannot write is filled with FFH, as where there is no value.
fn written(meter: MeterKey, point: &Point, key: &Key, sample: Option<&Sample>) -> Vec<u8> {
    let nothing = vec![0xFF; meter.bytes];
    let MeterWriting::Digits { decimals, is_signed } = meter.writing else { return vec![0; meter.bytes] };
    let Some(sample) = sample.filter(|sample| sample.quality == Quality::Good) else { return nothing };
    steps(sample.raw, point.decimals.0, key, decimals)
        .and_then(|steps| bcd(steps, meter.bytes, is_signed))
        .unwrap_or(nothing)
}

/// `raw` of the point in steps of the meter's last digit, in the meter's unit.
fn steps(raw: i64, point_decimals: u8, key: &Key, meter_decimals: u8) -> Option<i64> {
    let up = i32::from(meter_decimals) - i32::from(point_decimals) - i32::from(key.multiply.exponent);
    let ten = 10_i128.checked_pow(up.unsigned_abs())?;
    let (numerator, denominator) = if up >= 0 {
        (i128::from(raw) * ten, i128::from(key.multiply.digits))
    } else {
        (i128::from(raw), i128::from(key.multiply.digits) * ten)
    };
    i64::try_from(numerator.checked_div(denominator)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, FaultKind};
    use crate::physics::CircuitSpec;
    use crate::premises::PremisesKind;
    use domain::profile::shipped;
    use wire::dlt645::{Identifier, number};
    use wire::line::{Ask as _, Said};
    use wire::modbus::Parse;

    const START: UnixMs = UnixMs(1_780_279_200_000);

    fn bus(profile: &str) -> (MeterBus, Arc<Mutex<Device>>) {
        let profile = shipped().unwrap().into_iter().find(|had| had.id == profile).unwrap();
        let spec = CircuitSpec { kind: PremisesKind::Mall, rated_current_a: 63.0, seed: 3 };
        let device = Arc::new(Mutex::new(Device::new(Arc::new(profile), spec)));
        (MeterBus::new(vec![("202107072529".parse().unwrap(), Arc::clone(&device))]), device)
    }

    fn ask(bus: &MeterBus, request: Request) -> Option<Said<wire::dlt645::Answer, Refusal>> {
        let Parse::Complete { value: frame, .. } = Frame::parse(&request.frame()) else { panic!() };
        let answer = bus.answer(&frame, START)?.encode();
        match request.answer(&answer) {
            Parse::Complete { value, .. } => Some(value),
            other => panic!("{other:?}"),
        }
    }

    fn read(identifier: u32) -> Request {
        Request::Read { meter: "202107072529".parse().unwrap(), identifier: Identifier(identifier) }
    }

    fn value(bus: &MeterBus, identifier: u32, at: std::ops::Range<usize>) -> i64 {
        match ask(bus, read(identifier)) {
            Some(Said::Done(answer)) => number(&answer.data[at], true).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_meter_says_what_its_circuit_does_in_its_own_units() {
        let (single, _) = bus("dlt645-single-phase");
        assert!((1_900..2_700).contains(&value(&single, 0x0201_0100, 0..2)), "tenths of a volt");
        let (three, _) = bus("dlt645-three-phase");
        for phase in 0..3 {
            let voltage = value(&three, 0x0201_FF00, phase * 2..phase * 2 + 2);
            assert!((1_900..2_700).contains(&voltage), "{voltage} in the block of voltages");
        }
        let kilowatts = value(&three, 0x0203_0000, 0..3);
        assert!((1..400_000).contains(&kilowatts), "{kilowatts} steps of 0.1 W");
    }

    #[test]
    fn what_a_meter_does_not_have_it_refuses_and_somebody_elses_it_passes_over() {
        let (meters, device) = bus("dlt645-single-phase");
        assert_eq!(ask(&meters, read(0x0290_0100)), Some(Said::Refused(NO_SUCH_DATA)));
        let other = Request::Read { meter: "1".parse().unwrap(), identifier: Identifier(0) };
        assert_eq!(ask(&meters, other), None);
        let Some(Said::Done(answer)) = ask(&meters, Request::ReadAddress) else { panic!() };
        assert_eq!(answer.meter.to_string(), "202107072529");
        let to = START.plus_ms(60_000);
        device.lock().unwrap().inject(Fault { kind: FaultKind::DeadSim, from: START, to });
        assert_eq!(ask(&meters, read(0x0201_0100)), None, "a dead meter is silent");
    }
}
