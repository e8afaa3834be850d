//! RFC 3339 times as unix milliseconds.

/// The moment that `text` names, unix ms; finer fractions of a second are cut. `None` when it is no RFC 3339 time.
///
/// A leap second (`:60`) is taken for the second after it.
#[must_use]
pub fn unix_ms_from_rfc3339(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = bytes.get(from..to)?;
        digits
            .iter()
            .try_fold(0i64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
    };
    let mark = |at: usize, wanted: &[u8]| bytes.get(at).filter(|had| wanted.contains(had)).map(|_| ());
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    for (at, wanted) in [(4, &b"-"[..]), (7, b"-"), (10, b"Tt "), (13, b":"), (16, b":")] {
        mark(at, wanted)?;
    }
    if !(1..=12).contains(&month) || day < 1 || day > days(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut at = 19;
    let mut milliseconds = 0;
    if bytes.get(at) == Some(&b'.') {
        let fraction: Vec<u8> =
            bytes.iter().skip(at + 1).take_while(|byte| byte.is_ascii_digit()).copied().collect();
        if fraction.is_empty() || fraction.len() > 9 {
            return None;
        }
        let first_three = fraction.iter().chain(b"00").take(3);
        milliseconds = first_three.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        at += 1 + fraction.len();
    }
    let offset_min = match bytes.get(at)? {
        b'Z' | b'z' => {
            at += 1;
            0
        }
        sign @ (b'+' | b'-') => {
            mark(at + 3, b":")?;
            let (hours, minutes) = (number(at + 1, at + 3)?, number(at + 4, at + 6)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            at += 6;
            let offset = hours * 60 + minutes;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    if at != bytes.len() {
        return None;
    }
    let minutes = (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset_min;
    Some((minutes * 60 + second) * 1_000 + milliseconds)
}

const fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

const fn days(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar, counted in years that begin in March so that the leap day is last.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_rfc_3339() {
        for (text, wanted) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-01-02T03:04:05+08:00", 1_767_294_245_000),
            ("2026-01-01 19:04:05.25z", 1_767_294_245_250),
            ("2026-01-01T19:04:05.123456789Z", 1_767_294_245_123),
            ("2000-02-29T00:00:00-00:30", 951_784_200_000),
            ("1985-04-12T23:20:50.52Z", 482_196_050_520),
            ("1990-12-31T23:59:60Z", 662_688_000_000),
            ("1969-12-31T23:59:59.999Z", -1),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ] {
            assert_eq!(unix_ms_from_rfc3339(text), Some(wanted), "{text}");
        }
        for wrong in [
            "",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "2026-13-02T03:04:05Z",
            "2026-02-29T03:04:05Z",
            "2026-01-02T24:04:05Z",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05+8:00",
            "2026-01-02T03:04:05Zx",
            "２０２6-01-02T03:04:05Z",
        ] {
            assert_eq!(unix_ms_from_rfc3339(wrong), None, "{wrong}");
        }
    }
}
