//! The words of the files. Spreadsheets speak the reader's language; Parquet is for programs and says the stable codes.

use domain::quantity::Quantity;
use domain::reading::{Filing, Quality};
use domain::time::UnixMs;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::table::Measure;
use crate::vocabulary::Language;

/// The same in 简体中文, 繁體中文, English and as a code.
type Said = [&'static str; 4];

/// How a file speaks, and in which zone its times are.
#[derive(Debug, Clone)]
pub(super) struct Words {
    /// `None` says codes.
    pub(super) language: Option<Language>,
    /// Of the times and of days.
    pub(super) zone: TimeZone,
    /// Its IANA name.
    pub(super) zone_name: String,
}

impl Words {
    pub(super) const fn say(&self, said: Said) -> &'static str {
        let [simplified, traditional, english, code] = said;
        match self.language {
            Some(Language::ZhCn) => simplified,
            Some(Language::ZhTw) => traditional,
            Some(Language::En) => english,
            None => code,
        }
    }

    pub(super) const fn quality(&self, quality: Quality) -> &'static str {
        self.say(match quality {
            Quality::Good => ["正常", "正常", "good", "good"],
            Quality::SensorOpen => ["传感器开路", "感測器開路", "sensor open", "sensor_open"],
            Quality::SensorShort => ["传感器短路", "感測器短路", "sensor shorted", "sensor_short"],
            Quality::Implausible => ["数值不可信", "數值不可信", "implausible", "implausible"],
            Quality::DeviceFault => ["装置读数故障", "裝置讀數故障", "device fault", "device_fault"],
        })
    }

    pub(super) const fn filing(&self, filing: Filing) -> &'static str {
        self.say(match filing {
            Filing::Current => ["按时", "準時", "in time", "current"],
            Filing::Late => ["补传", "補傳", "late", "late"],
            Filing::Repeated => ["重复", "重複", "repeated", "repeated"],
            Filing::ClockWrong => ["装置时钟不准", "裝置時鐘不準", "device clock wrong", "clock_wrong"],
        })
    }

    pub(super) const fn measure(&self, measure: Measure) -> &'static str {
        self.say(match measure {
            Measure::Value => ["", "", "", ""],
            Measure::Min => ["最小", "最小", "min", "min"],
            Measure::Mean => ["平均", "平均", "mean", "mean"],
            Measure::Max => ["最大", "最大", "max", "max"],
            Measure::Count => ["个数", "個數", "count", "count"],
        })
    }

    pub(super) const fn sheet(&self) -> &'static str {
        self.say(["读数", "讀數", "Readings", "readings"])
    }

    /// Stands in the place of a day whose stored bytes are damaged.
    pub(super) const fn unreadable(&self) -> &'static str {
        self.say([
            "这一天的存储已损坏，无法读取",
            "這一天的儲存已損壞，無法讀取",
            "this day is damaged on the disk and cannot be read",
            "unreadable",
        ])
    }

    /// The moment in the file's zone, with its distance from UTC.
    pub(super) fn moment(&self, at: UnixMs) -> String {
        // Outside of jiff's years there is no local time; the number itself is still exact.
        Timestamp::from_millisecond(at.0).map_or_else(
            |_beyond| at.0.to_string(),
            |at| at.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
        )
    }

    /// The local time of a moment as ms since 1970, as if the zone were UTC: what spreadsheets count.
    pub(super) fn local_ms(&self, at: UnixMs) -> i64 {
        at.0.saturating_add(offset_ms(&self.zone, at))
    }
}

/// How far the zone is ahead of UTC at a moment, ms.
pub(super) fn offset_ms(zone: &TimeZone, at: UnixMs) -> i64 {
    Timestamp::from_millisecond(at.0).map_or(0, |at| i64::from(zone.to_offset(at).seconds()) * 1000)
}

/// What a quantity is called where a code is wanted.
pub(super) fn code_with(code: &str, measure: Measure) -> String {
    match measure {
        Measure::Value => code.to_owned(),
        Measure::Min => format!("{code}_min"),
        Measure::Mean => format!("{code}_mean"),
        Measure::Max => format!("{code}_max"),
        Measure::Count => format!("{code}_count"),
    }
}

/// A title with its unit: `A 相温度 (°C)`, `A 相温度 最大 (°C)`, `A 相温度 个数`.
pub(super) fn title(words: &Words, name: &str, quantity: Quantity, measure: Measure) -> String {
    let mut title = name.to_owned();
    let said = words.measure(measure);
    if !said.is_empty() {
        title.push(' ');
        title.push_str(said);
    }
    if measure != Measure::Count && !quantity.unit().is_empty() {
        title.push_str(&format!(" ({})", quantity.unit()));
    }
    title
}
