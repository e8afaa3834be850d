//! What is exported: checked, scoped, and looked up before anything is read.

use domain::access::Scope;
use domain::id::{ChannelId, CircuitId, DetectorId, SiteId};
use domain::time::UnixMs;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use store::History as _;
use store::audit::{AuditEntry, AuditObject};
use store::detectors::{ChannelRow, DetectorFilter, DetectorRow};
use store::history::Damage;
use utoipa::ToSchema;

use super::feed::ask;
use super::step::{Cut, Source, Step};
use super::table::{OF_READINGS, OF_STEPS, Table};
use super::words::Words;
use crate::access::caller::Caller;
use crate::http::extract::checked;
use crate::http::problem::{FieldError, Problem};
use crate::http::time::Time;
use crate::state::Api;
use crate::vocabulary::{Language, Quantity};

/// The most detectors of one file.
const MOST_DETECTORS: usize = 2000;
/// The most series of one file: each is one column, of steps four.
const MOST_SERIES: usize = 200;
/// The most channels that can be named.
const MOST_CHANNELS: usize = 500;
/// The longest range, ms: ten years.
const LONGEST_RANGE_MS: i64 = 10 * 366 * 86_400_000;
/// Days of steps that are read at once.
const DAYS_AT_ONCE: i64 = 31;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ExportFormat)]
pub(super) enum Format {
    /// Text with commas (RFC 4180), UTF-8.
    #[default]
    Csv,
    /// A workbook; goes on in a next sheet after 1,048,576 lines.
    Xlsx,
    /// Columns for programs (pandas, DuckDB, Spark).
    Parquet,
}

/// What is wanted. Exactly one of `detector_id`, `circuit_id`, `site_id` and `channel_ids` says of what.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportDraft {
    /// Everything of a detector.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub detector_id: Option<i64>,
    /// Everything on a circuit.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub circuit_id: Option<i64>,
    /// Everything at a site.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub site_id: Option<i64>,
    /// These channels, of any detectors.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub channel_ids: Vec<i64>,
    /// Only these quantities; all when empty.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub quantities: Vec<Quantity>,
    /// Begin; a step that holds it is whole.
    pub from: Time,
    /// End; a step that holds it is whole.
    pub to: Time,
    /// What makes a row.
    #[serde(default)]
    pub step: Step,
    /// How the file is written.
    #[serde(default)]
    pub format: Format,
    /// The language of titles and words in CSV and workbooks; the account's own when nothing is said.
    #[serde(default)]
    pub language: Option<Language>,
    /// Whether CSV begins with the byte order mark by which spreadsheets know UTF-8; default yes.
    #[serde(default = "yes")]
    pub byte_order_mark: bool,
}

const fn yes() -> bool {
    true
}

/// An export that can be run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) scope: Scope,
    pub(super) table: Table,
    pub(super) words: Words,
    pub(super) step: Step,
    pub(super) format: Format,
    pub(super) byte_order_mark: bool,
    /// Widened to whole steps.
    pub(super) from: UnixMs,
    pub(super) to: UnixMs,
    /// ASCII.
    pub(super) file_name: String,
}

impl Plan {
    /// Looks up what is wanted, within `scope`. Says also whose readings they are, for the audit log.
    pub(super) async fn make(
        api: &Api,
        scope: Scope,
        draft: &ExportDraft,
        language: Language,
    ) -> Result<(Self, Vec<DetectorRow>), Problem> {
        check(draft)?;
        let (detectors, what) = chosen(api, &scope, draft).await?;
        if detectors.len() > MOST_DETECTORS {
            let words = format!("had {} detectors, wanted at most {MOST_DETECTORS}", detectors.len());
            return Err(too_many("site_id", words, MOST_DETECTORS));
        }
        let rows: Vec<DetectorRow> = detectors.iter().map(|(row, _)| row.clone()).collect();
        let quantities: Vec<domain::quantity::Quantity> =
            draft.quantities.iter().map(|quantity| (*quantity).into()).collect();
        let wanted = |channel: &ChannelRow| {
            (draft.channel_ids.is_empty() || draft.channel_ids.contains(&channel.id.0))
                && (quantities.is_empty() || quantities.contains(&channel.quantity))
        };
        let measures = if draft.step == Step::Reading { OF_READINGS } else { OF_STEPS };
        let table = Table::new(detectors, &wanted, measures);
        if table.sources.is_empty() {
            return Err(Problem::field("quantities", "missing", "there is no channel with such values"));
        }
        let series = table.width / measures.len();
        if series > MOST_SERIES {
            let words = format!("had {series} different channels, wanted at most {MOST_SERIES}");
            return Err(too_many("quantities", words, MOST_SERIES));
        }
        let zone_name = zone_of(api, &scope, &rows).await?;
        let zone = TimeZone::get(&zone_name).unwrap_or(TimeZone::UTC);
        let language = match draft.format {
            Format::Csv | Format::Xlsx => Some(language),
            Format::Parquet => None,
        };
        let words = Words { language, zone, zone_name };
        let (from, to) = match draft.step {
            Step::Reading => (draft.from.0, draft.to.0),
            Step::QuarterHour | Step::Hour | Step::Day => (
                Cut::at(draft.step, &words.zone, draft.from.0).from,
                Cut::at(draft.step, &words.zone, draft.to.0.plus_ms(-1)).to,
            ),
        };
        let date = |at: UnixMs| words.moment(at).chars().take(10).filter(|c| *c != '-').collect::<String>();
        let ending = match draft.format {
            Format::Csv => "csv",
            Format::Xlsx => "xlsx",
            Format::Parquet => "parquet",
        };
        let file_name = format!("{what}-{}-{}.{ending}", date(from), date(to.plus_ms(-1)));
        let (step, format) = (draft.step, draft.format);
        let byte_order_mark = draft.byte_order_mark;
        let plan = Self { scope, table, words, step, format, byte_order_mark, from, to, file_name };
        plan.check_kept(api).await?;
        Ok((plan, rows))
    }

    /// Steps that are no longer kept are said before the file begins.
    async fn check_kept(&self, api: &Api) -> Result<(), Problem> {
        let first = self.table.sources.first().and_then(|source| source.members.first());
        let (Some(member), Some((from, to))) = (first, self.windows().next()) else { return Ok(()) };
        if self.step == Step::Reading {
            return Ok(());
        }
        let read = Source::at(&self.words.zone, self.step, from);
        let curve = api.store.curve(&self.scope, &ask(vec![member.channel], read, from, to)).await?;
        if curve.step_ms == read.ms() {
            return Ok(());
        }
        Err(Problem::field("step", "not_kept", "steps this fine are no longer kept for the whole range"))
    }

    /// The range, cut into what is read at once: days as they are stored, or months of whole steps.
    pub(super) fn windows(&self) -> impl Iterator<Item = (UnixMs, UnixMs)> {
        let mut from = self.from;
        std::iter::from_fn(move || {
            if from >= self.to {
                return None;
            }
            let end = match self.step {
                Step::Reading => Cut::at(self.step, &self.words.zone, from).to,
                Step::QuarterHour | Step::Hour | Step::Day => {
                    Cut::at(Step::Day, &self.words.zone, from.plus_ms(DAYS_AT_ONCE * 86_400_000)).from
                }
            };
            let window = (from, end.min(self.to));
            from = window.1;
            Some(window)
        })
    }

    /// Whether a detector's stored day is known to be damaged.
    pub(super) fn is_damaged(&self, damage: &[Damage], detector: DetectorId, at: UnixMs) -> bool {
        let month = self.month(at);
        damage.iter().any(|one| match one.chunk {
            Some((whose, day)) => whose == detector && day == at.0.div_euclid(86_400_000),
            None => one.file.contains(&month),
        })
    }

    fn month(&self, at: UnixMs) -> String {
        Time(at).text().chars().take(7).collect()
    }

    /// Who took what, once per site, so that each owner's log has it.
    pub(super) fn audit(
        &self,
        caller: &Caller,
        now: UnixMs,
        draft: &ExportDraft,
        detectors: &[DetectorRow],
    ) -> Vec<AuditEntry> {
        let mut sites: Vec<&DetectorRow> = Vec::new();
        for detector in detectors {
            if sites.iter().all(|had| had.site_id != detector.site_id) {
                sites.push(detector);
            }
        }
        let after = serde_json::to_value(draft).ok();
        let entry = |site: &DetectorRow| AuditEntry {
            at: now,
            actor: caller.actor(),
            action: "readings.export",
            object: AuditObject {
                kind: "site",
                id: site.site_id.0.to_string(),
                name: site.site_name.clone(),
                place: Some((site.organisation_path.clone(), site.area_code.clone())),
            },
            before: None,
            after: after.clone(),
        };
        sites.into_iter().map(entry).collect()
    }
}

fn too_many(field: &'static str, words: String, most: usize) -> Problem {
    Problem::invalid(vec![FieldError::new(field, "too_many", words).with("max", most)])
}

fn check(draft: &ExportDraft) -> Result<(), Problem> {
    let mut errors = Vec::new();
    let said = [draft.detector_id.is_some(), draft.circuit_id.is_some(), draft.site_id.is_some()];
    let many = said.into_iter().filter(|said| *said).count() + usize::from(!draft.channel_ids.is_empty());
    if many != 1 {
        let words = format!("had {many} of detector_id, circuit_id, site_id and channel_ids, wanted one");
        errors.push(FieldError::new("", "invalid", words));
    }
    if draft.channel_ids.len() > MOST_CHANNELS {
        let words = format!("had {} channels, wanted at most {MOST_CHANNELS}", draft.channel_ids.len());
        errors.push(FieldError::new("channel_ids", "too_many", words).with("max", MOST_CHANNELS));
    }
    if !(1..=LONGEST_RANGE_MS).contains(&draft.to.0.since_ms(draft.from.0)) {
        let words = "wanted an end after the begin, at most ten years later";
        errors.push(FieldError::new("to", "out_of_range", words));
    }
    if draft.from.0.0 < 0 {
        errors.push(FieldError::new("from", "out_of_range", "wanted a begin after 1970"));
    }
    checked(errors)
}

/// The detectors with their channels, and a word for the file's name.
async fn chosen(
    api: &Api,
    scope: &Scope,
    draft: &ExportDraft,
) -> Result<(Vec<(DetectorRow, Vec<ChannelRow>)>, String), Problem> {
    let detectors = api.store.detectors();
    if let Some(id) = draft.detector_id.map(DetectorId) {
        let row = detectors.get(scope, id).await?;
        let channels = detectors.channels(scope, id).await?;
        return Ok((vec![(row, channels)], format!("detector-{id}")));
    }
    if let Some(id) = draft.circuit_id.map(CircuitId) {
        api.store.circuits().circuit(scope, id).await?;
        let filter = DetectorFilter { circuit: Some(id), ..DetectorFilter::default() };
        return Ok((detectors.with_channels(scope, &filter).await?, format!("circuit-{id}")));
    }
    if let Some(id) = draft.site_id.map(SiteId) {
        api.store.sites().get(scope, id).await?;
        let filter = DetectorFilter { site: Some(id), ..DetectorFilter::default() };
        return Ok((detectors.with_channels(scope, &filter).await?, format!("site-{id}")));
    }
    let mut found: Vec<(DetectorRow, Vec<ChannelRow>)> = Vec::new();
    for id in &draft.channel_ids {
        let (channel, detector) = detectors.channel(scope, ChannelId(*id)).await?;
        match found.iter_mut().find(|(had, _)| had.id == detector.id) {
            Some((_, channels)) if channels.iter().all(|had| had.id != channel.id) => channels.push(channel),
            Some(_) => {}
            None => found.push((detector, vec![channel])),
        }
    }
    let what = match found.as_slice() {
        [(one, _)] => format!("detector-{}", one.id),
        _ => "channels".to_owned(),
    };
    Ok((found, what))
}

/// The zone of the site, or the installation's where there are several.
async fn zone_of(api: &Api, scope: &Scope, detectors: &[DetectorRow]) -> Result<String, Problem> {
    let Some(first) = detectors.first() else { return Ok(api.config.zone.clone()) };
    if detectors.iter().any(|other| other.site_id != first.site_id) {
        return Ok(api.config.zone.clone());
    }
    Ok(api.store.sites().get(scope, first.site_id).await?.zone)
}
