//! What a file of readings holds: columns, rows, cells. The writers of the three formats know no more than this.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use domain::id::{ChannelId, DetectorId};
use domain::quantity::{Decimals, Phase, Quantity};
use domain::reading::{Filing, PointIndex};
use domain::time::UnixMs;
use store::detectors::{ChannelRow, DetectorRow};

use super::words::{Words, code_with, title};

/// What stands in a column of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// The value of the reading.
    Value,
    /// Of a step: the least good value.
    Min,
    /// The mean of the good values.
    Mean,
    /// The greatest good value.
    Max,
    /// How many good values.
    Count,
}

/// The columns of one series in a table of readings, and in one of steps.
pub(super) const OF_READINGS: &[Measure] = &[Measure::Value];
pub(super) const OF_STEPS: &[Measure] = &[Measure::Min, Measure::Mean, Measure::Max, Measure::Count];

/// The same point of many detectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Series {
    /// Unique in the table.
    pub(super) code: String,
    pub(super) name: String,
    pub(super) quantity: Quantity,
    pub(super) phase: Option<Phase>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Head {
    Time,
    Site,
    Circuit,
    Detector,
    DetectorId,
    Value { series: Series, measure: Measure, place: usize },
    Quality,
    Filing,
    DeviceTime,
    Received,
}

/// What kind of cells a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Moment,
    Text,
    Whole,
    Number,
}

/// A channel of a detector and the series that it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) channel: ChannelId,
    pub(super) point: PointIndex,
    pub(super) decimals: Decimals,
    pub(super) name: String,
    pub(super) code: String,
    pub(super) series: usize,
}

/// A detector whose readings are wanted.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) id: DetectorId,
    pub(super) name: String,
    pub(super) site: String,
    pub(super) circuit: String,
    pub(super) members: Vec<Member>,
}

/// A table before its first row.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) heads: Vec<Head>,
    pub(super) sources: Vec<Source>,
    /// Columns of one series.
    pub(super) measures: &'static [Measure],
    /// Values of one row.
    pub(super) width: usize,
}

/// A number as it is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number {
    pub(super) value: f64,
    pub(super) decimals: u8,
}

/// One moment, or one step, of one detector.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) at: UnixMs,
    /// Place of the detector among the table's sources.
    pub(super) source: usize,
    /// In the order of the columns; may be shorter.
    pub(super) values: Vec<Option<Number>>,
    pub(super) quality: Option<String>,
    pub(super) filing: Option<Filing>,
    pub(super) device_at: Option<UnixMs>,
    pub(super) received_at: Option<UnixMs>,
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'r> {
    Moment(UnixMs),
    Text(Cow<'r, str>),
    Whole(i64),
    Number(Number),
    Nothing,
}

impl Table {
    /// The table of these channels. `wanted` names the channels; an empty one means all with values.
    pub(super) fn new(
        detectors: Vec<(DetectorRow, Vec<ChannelRow>)>,
        wanted: &dyn Fn(&ChannelRow) -> bool,
        measures: &'static [Measure],
    ) -> Self {
        let mut series: Vec<Series> = Vec::new();
        let mut known: HashMap<(String, Quantity), usize> = HashMap::new();
        let mut codes: HashSet<String> = HashSet::new();
        let mut sources = Vec::new();
        for (detector, channels) in detectors {
            let mut members = Vec::new();
            for channel in channels.into_iter().filter(|one| one.quantity != Quantity::Device && wanted(one))
            {
                let Some(point) = channel.point else { continue };
                let place = *known.entry((channel.code.clone(), channel.quantity)).or_insert_with(|| {
                    let mut code = channel.code.clone();
                    // Two profiles may use one word for two quantities.
                    while !codes.insert(code.clone()) {
                        code = format!("{code}_{}", channel.quantity.code());
                    }
                    series.push(Series {
                        code,
                        name: channel.name.clone(),
                        quantity: channel.quantity,
                        phase: channel.phase,
                    });
                    series.len() - 1
                });
                members.push(Member {
                    channel: channel.id,
                    point,
                    decimals: channel.decimals,
                    name: channel.name,
                    code: channel.code,
                    series: place,
                });
            }
            if !members.is_empty() {
                sources.push(Source {
                    id: detector.id,
                    name: detector.name,
                    site: detector.site_name,
                    circuit: detector.circuit_name.unwrap_or_default(),
                    members,
                });
            }
        }
        let mut names: HashMap<String, u32> = HashMap::new();
        for one in &series {
            *names.entry(one.name.clone()).or_default() += 1;
        }
        for one in &mut series {
            if names.get(&one.name).is_some_and(|times| *times > 1) {
                one.name = format!("{} [{}]", one.name, one.code);
            }
        }
        let width = series.len() * measures.len();
        let mut heads = vec![Head::Time, Head::Site, Head::Circuit, Head::Detector, Head::DetectorId];
        let columns = series.into_iter().flat_map(|one| measures.iter().map(move |m| (one.clone(), *m)));
        heads.extend(columns.enumerate().map(|(place, (series, measure))| Head::Value {
            series,
            measure,
            place,
        }));
        if measures == OF_READINGS {
            heads.extend([Head::Quality, Head::Filing, Head::DeviceTime, Head::Received]);
        }
        Self { heads, sources, measures, width }
    }

    /// What stands in a row under a head.
    pub(super) fn cell<'r>(&'r self, row: &'r Row, head: &Head, words: &Words) -> Cell<'r> {
        let text = |text: &'r str| if text.is_empty() { Cell::Nothing } else { Cell::Text(text.into()) };
        let moment = |at: Option<UnixMs>| at.map_or(Cell::Nothing, Cell::Moment);
        let Some(source) = self.sources.get(row.source) else { return Cell::Nothing };
        match head {
            Head::Time => Cell::Moment(row.at),
            Head::Site => text(&source.site),
            Head::Circuit => text(&source.circuit),
            Head::Detector => text(&source.name),
            Head::DetectorId => Cell::Whole(source.id.0),
            Head::Value { place, .. } => {
                row.values.get(*place).copied().flatten().map_or(Cell::Nothing, Cell::Number)
            }
            Head::Quality => row.quality.as_deref().map_or(Cell::Nothing, text),
            Head::Filing => {
                row.filing.map_or(Cell::Nothing, |filing| Cell::Text(words.filing(filing).into()))
            }
            Head::DeviceTime => moment(row.device_at),
            Head::Received => moment(row.received_at),
        }
    }
}

impl Head {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Time | Self::DeviceTime | Self::Received => Kind::Moment,
            Self::Site | Self::Circuit | Self::Detector | Self::Quality | Self::Filing => Kind::Text,
            Self::DetectorId => Kind::Whole,
            Self::Value { .. } => Kind::Number,
        }
    }

    /// What the column is called; times name their zone, values their unit.
    pub(super) fn title(&self, words: &Words) -> String {
        let in_zone = |said: &str| match words.language {
            Some(_) => format!("{said} ({})", words.zone_name),
            None => said.to_owned(),
        };
        let plain = |said: &str| said.to_owned();
        match self {
            Self::Time => in_zone(words.say(["时间", "時間", "Time", "time"])),
            Self::Site => plain(words.say(["场所", "場所", "Site", "site"])),
            Self::Circuit => plain(words.say(["回路", "迴路", "Circuit", "circuit"])),
            Self::Detector => plain(words.say(["探测器", "探測器", "Detector", "detector"])),
            Self::DetectorId => plain(words.say(["探测器编号", "探測器編號", "Detector id", "detector_id"])),
            Self::Value { series, measure, .. } if words.language.is_none() => {
                code_with(&series.code, *measure)
            }
            Self::Value { series, measure, .. } => title(words, &series.name, series.quantity, *measure),
            Self::Quality => plain(words.say(["数据质量", "資料品質", "Quality", "quality"])),
            Self::Filing => plain(words.say(["入库方式", "入庫方式", "Filed", "filed"])),
            Self::DeviceTime => in_zone(words.say(["装置时间", "裝置時間", "Device time", "device_time"])),
            Self::Received => in_zone(words.say(["收到时间", "收到時間", "Received", "received"])),
        }
    }
}
