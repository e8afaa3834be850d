//! A household's load, measured each minute from December 2006 to November 2010 in Sceaux, France: "Individual household
//! electric power consumption", G. Hébrail and A. Bérard, UCI machine learning repository (2012), CC BY 4.0.
//!
//! Measured: current and voltage of the whole house, and the energy of three of its circuits (kitchen, laundry, water heater
//! with air conditioner). Not measured, and made from what was measured: leakage and temperatures.

use std::io::{BufRead, Error, ErrorKind};

use domain::time::UnixMs;

use super::STEP_MS;
use super::load::Load;

/// One quarter hour of the household.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Quarter {
    minutes: f64,
    amps: f64,
    volts: f64,
    /// Kitchen, laundry, water heater with air conditioner, A.
    parts: [f64; 3],
}

/// The household.
#[derive(Debug, Clone, PartialEq)]
pub struct Household {
    from: UnixMs,
    quarters: Vec<Quarter>,
    /// Minutes read.
    pub minutes: usize,
}

impl Household {
    /// Reads the table: `date_time,Global_active_power,Global_reactive_power,Voltage,Global_intensity,Sub_metering_1..3`.
    ///
    /// # Errors
    /// When it cannot be read, or a line is not of this shape.
    pub fn read(table: impl BufRead) -> Result<Self, Error> {
        let mut household = Self { from: UnixMs(0), quarters: Vec::new(), minutes: 0 };
        for line in table.lines().skip(1) {
            let line = line?;
            let mut cells = line.split(',');
            let when = cells.next().unwrap_or_default();
            let at = moment(when).ok_or_else(|| {
                Error::new(ErrorKind::InvalidData, format!("had {when:?}, wanted a date and a time"))
            })?;
            let numbers: Vec<f64> = cells.filter_map(|cell| cell.parse().ok()).collect();
            // Minutes that were not measured have no numbers.
            let [_, _, volts, amps, kitchen, laundry, heater] = numbers.as_slice() else { continue };
            if household.minutes == 0 {
                // The first whole day.
                household.from = UnixMs((at.0.div_euclid(86_400_000) + 1) * 86_400_000);
            }
            household.minutes += 1;
            let Ok(index) = usize::try_from((at.0 - household.from.0).div_euclid(STEP_MS)) else { continue };
            if index >= household.quarters.len() {
                household.quarters.resize(index + 1, Quarter::default());
            }
            let Some(quarter) = household.quarters.get_mut(index) else { continue };
            quarter.minutes += 1.0;
            quarter.amps += amps;
            quarter.volts += volts;
            // Watt hours in a minute.
            for (part, wh) in quarter.parts.iter_mut().zip([kitchen, laundry, heater]) {
                *part += wh * 60.0 / volts;
            }
        }
        household.quarters.truncate(household.quarters.len() / super::DAY * super::DAY);
        Ok(household)
    }

    fn load(&self, rated_a: f64, phases: usize, pick: impl Fn(&Quarter) -> [f64; 3]) -> Load {
        let heard = |quarter: &Quarter| quarter.minutes >= 10.0;
        Load {
            from: self.from,
            offset_ms: 0,
            rated_a,
            phases,
            amps: self
                .quarters
                .iter()
                .map(|quarter| {
                    heard(quarter).then(|| pick(quarter).map(|sum| (sum / quarter.minutes).max(0.0)))
                })
                .collect(),
            volts: Some(
                self.quarters
                    .iter()
                    .map(|quarter| if heard(quarter) { quarter.volts / quarter.minutes } else { 0.0 })
                    .collect(),
            ),
            leak_ma: vec![0.0; self.quarters.len()],
            third: vec![0.1; self.quarters.len()],
        }
    }

    /// The house and its circuits as detectors would watch them, with their names: the whole house; kitchen, laundry and
    /// water heater alone; and a board whose phases carry the rest of the house, the water heater, and kitchen and laundry.
    #[must_use]
    pub fn circuits(&self) -> Vec<(&'static str, Load)> {
        vec![
            ("board", self.board()),
            ("house", self.load(45.0, 1, |quarter| [quarter.amps, 0.0, 0.0])),
            (
                "kitchen",
                self.load(32.0, 1, |quarter| [quarter.parts.first().copied().unwrap_or(0.0), 0.0, 0.0]),
            ),
            (
                "laundry",
                self.load(32.0, 1, |quarter| [quarter.parts.get(1).copied().unwrap_or(0.0), 0.0, 0.0]),
            ),
            (
                "heater",
                self.load(16.0, 1, |quarter| [quarter.parts.get(2).copied().unwrap_or(0.0), 0.0, 0.0]),
            ),
        ]
    }

    /// The board of three phases.
    #[must_use]
    pub fn board(&self) -> Load {
        self.load(25.0, 3, |quarter| {
            let [kitchen, laundry, heater] = quarter.parts;
            [quarter.amps - kitchen - laundry - heater, heater, kitchen + laundry]
        })
    }
}

/// `2006-12-16 17:24:00` as it stands on the wall, without a zone.
fn moment(text: &str) -> Option<UnixMs> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute) = (number(11, 13)?, number(14, 16)?);
    // Days from the civil date, with years that begin in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day - 719_469;
    Some(UnixMs(((days * 24 + hour) * 60 + minute) * 60_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_the_moment_that_it_names() {
        assert_eq!(moment("1970-01-01 00:00:00"), Some(UnixMs(0)));
        assert_eq!(moment("2006-12-16 17:24:00"), Some(UnixMs(1_166_289_840_000)));
        assert_eq!(moment("2008-02-29 00:00:00"), Some(UnixMs(1_204_243_200_000)));
        assert_eq!(moment("soon"), None);
    }

    #[test]
    fn minutes_become_quarter_hours_of_whole_days() {
        let mut table = String::from("date_time,p,q,v,i,1,2,3\n");
        for minute in 0..3 * 1_440 {
            let (day, hour) = (1 + minute / 1_440, minute / 60 % 24);
            table += &format!("2007-01-{day:02} {hour:02}:{:02}:00,1,0,240.0,4.0,0,0,2\n", minute % 60);
        }
        table += "2007-01-04 00:00:00,,,,,,,\n";
        let household = Household::read(table.as_bytes()).expect("a table");
        let load = household.board();
        assert_eq!(load.steps(), 2 * 96, "the first day began before it was whole");
        let amps = load.amps[0].expect("a value");
        assert!((amps[1] - 0.5).abs() < 1e-9 && (amps[0] - 3.5).abs() < 1e-9, "{amps:?}");
    }
}
