//! Reading what a file is made of, a day or a month of one detector at a time. Between two of them nothing of the
//! database is held, and a writer that does not keep up with its reader holds only this task back.

use std::sync::Arc;

use domain::id::ChannelId;
use domain::reading::{Filing, Quality};
use domain::time::UnixMs;
use store::History as _;
use store::history::{CurveAsk, MOST_CHANNELS};
use store::intake::StoredReading;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::mpsc;

use super::failure::Failure;
use super::plan::Plan;
use super::run::Run;
use super::step::{Cut, Source, Step, Sum};
use super::table::{Number, Row};
use super::words::Words;
use crate::access::caller::{Caller, Ended};
use crate::state::Api;

/// Rows that travel together at most.
const ROWS_AT_ONCE: usize = 4000;

/// From the reading side to the writing side.
#[derive(Debug)]
pub(super) enum Message {
    /// More rows.
    Rows(Vec<Row>),
    /// That was all.
    End,
}

/// The reading side.
pub(super) struct Feed {
    pub(super) api: Api,
    pub(super) caller: Caller,
    pub(super) plan: Arc<Plan>,
    pub(super) run: Arc<Run>,
    pub(super) rows: mpsc::Sender<Message>,
    /// What ends callers.
    pub(super) ended: Receiver<Ended>,
}

impl Feed {
    /// Reads everything that the plan wants and sends it.
    pub(super) async fn run(mut self) -> Result<(), Failure> {
        let plan = Arc::clone(&self.plan);
        for index in 0..plan.table.sources.len() {
            if plan.step == Step::Reading {
                self.readings(index).await?;
            } else {
                self.steps(index).await?;
            }
        }
        self.send(Message::End).await
    }

    async fn send(&self, message: Message) -> Result<(), Failure> {
        tokio::select! {
            sent = self.rows.send(message) => sent.map_err(|_writer_gone| Failure::ReaderGone),
            () = self.run.stop.cancelled() => Err(Failure::Cancelled),
        }
    }

    /// Sends rows and counts one window as done.
    async fn window(&mut self, rows: Vec<Row>) -> Result<(), Failure> {
        if !rows.is_empty() {
            self.run.add_rows(rows.len());
            self.send(Message::Rows(rows)).await?;
        }
        self.run.add_window();
        self.still_allowed().await
    }

    /// Whoever is signed out gets no further row.
    async fn still_allowed(&mut self) -> Result<(), Failure> {
        if self.run.stop.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        loop {
            match self.ended.try_recv() {
                Ok(ended) if self.caller.is_ended_by(&ended) => return Err(Failure::SessionEnded),
                Ok(_) => {}
                Err(TryRecvError::Lagged(_)) => {
                    self.caller.again(&self.api).await.map_err(|_ended| Failure::SessionEnded)?;
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => return Ok(()),
            }
        }
    }

    async fn readings(&mut self, index: usize) -> Result<(), Failure> {
        let plan = Arc::clone(&self.plan);
        let Some(source) = plan.table.sources.get(index) else { return Ok(()) };
        for (from, to) in plan.windows() {
            let readings = self.api.store.readings().within(&plan.scope, source.id, from, to).await?;
            let mut rows = rows_of(&plan, index, readings);
            if plan.is_damaged(&self.api.store.history_damage(), source.id, from) {
                self.run.add_unreadable();
                let said = Some(plan.words.unreadable().to_owned());
                rows.insert(0, Row { quality: said, ..empty(index, from) });
            }
            self.window(rows).await?;
        }
        Ok(())
    }

    async fn steps(&mut self, index: usize) -> Result<(), Failure> {
        let plan = Arc::clone(&self.plan);
        let Some(source) = plan.table.sources.get(index) else { return Ok(()) };
        // Where the last step with values ended: what lies between it and the next is a gap of empty steps.
        let mut gap_from: Option<UnixMs> = None;
        for (from, to) in plan.windows() {
            let mut cuts: std::collections::BTreeMap<i64, (Cut, Vec<Option<Sum>>)> = Default::default();
            for members in source.members.chunks(MOST_CHANNELS) {
                let read = Source::at(&plan.words.zone, plan.step, from);
                let channels: Vec<ChannelId> = members.iter().map(|member| member.channel).collect();
                let curve = self.api.store.curve(&plan.scope, &ask(channels, read, from, to)).await?;
                if curve.step_ms != read.ms() {
                    return Err(Failure::NotKept);
                }
                for (series, member) in curve.series.iter().zip(members) {
                    for point in &series.points {
                        let cut = Cut::at(plan.step, &plan.words.zone, point.at);
                        let (_, sums) = cuts.entry(cut.from.0).or_insert_with(|| {
                            (cut, vec![None; plan.table.width / plan.table.measures.len()])
                        });
                        if let Some(sum) = sums.get_mut(member.series) {
                            Sum::add(sum, point, member.decimals.0);
                        }
                    }
                }
            }
            let mut rows = Vec::new();
            for (cut, sums) in cuts.into_values() {
                let mut silent = gap_from.unwrap_or(cut.from);
                while silent < cut.from {
                    rows.push(empty(index, silent));
                    silent = Cut::at(plan.step, &plan.words.zone, silent).to;
                    if rows.len() >= ROWS_AT_ONCE {
                        self.run.add_rows(rows.len());
                        self.send(Message::Rows(std::mem::take(&mut rows))).await?;
                    }
                }
                gap_from = Some(cut.to);
                let values = sums.into_iter().flat_map(Sum::columns).collect();
                rows.push(Row { values, ..empty(index, cut.from) });
            }
            self.window(rows).await?;
        }
        Ok(())
    }
}

/// What is asked of the history for one window of steps.
pub(super) fn ask(channels: Vec<ChannelId>, read: Source, from: UnixMs, to: UnixMs) -> CurveAsk {
    let points = u32::try_from(to.since_ms(from).max(1) / read.ms()).unwrap_or(u32::MAX).max(1);
    CurveAsk { channels, from, to, points, gap_after_ms: i64::MAX, now: to }
}

const fn empty(source: usize, at: UnixMs) -> Row {
    Row { at, source, values: Vec::new(), quality: None, filing: None, device_at: None, received_at: None }
}

/// Readings as rows; what groups of one detector say of the same moment is one row.
fn rows_of(plan: &Plan, index: usize, readings: Vec<StoredReading>) -> Vec<Row> {
    let Some(source) = plan.table.sources.get(index) else { return Vec::new() };
    let mut rows: Vec<Row> = Vec::with_capacity(readings.len());
    for reading in readings {
        let mut wanted = reading
            .samples
            .iter()
            .filter_map(|sample| Some((sample, source.members.iter().find(|m| m.point == sample.point)?)))
            .peekable();
        if wanted.peek().is_none() {
            continue;
        }
        let good = || Some(plan.words.quality(Quality::Good).to_owned());
        if rows.last().is_none_or(|last| last.at != reading.filed_at) {
            rows.push(Row {
                values: vec![None; plan.table.width],
                quality: good(),
                filing: Some(reading.filing),
                device_at: reading.device_at,
                received_at: Some(reading.received_at),
                ..empty(index, reading.filed_at)
            });
        }
        let Some(row) = rows.last_mut() else { continue };
        if reading.filing != Filing::Current {
            row.filing = Some(reading.filing);
        }
        let mut bad = Vec::new();
        for (sample, member) in wanted {
            let value = Number { value: member.decimals.value(sample.raw), decimals: member.decimals.0 };
            match sample.quality {
                Quality::Good => set(&mut row.values, member.series, value),
                Quality::Implausible => {
                    set(&mut row.values, member.series, value);
                    bad.push(told(&plan.words, &member.name, &member.code, sample.quality));
                }
                Quality::SensorOpen | Quality::SensorShort | Quality::DeviceFault => {
                    bad.push(told(&plan.words, &member.name, &member.code, sample.quality));
                }
            }
        }
        if !bad.is_empty() {
            let before = row.quality.take().filter(|said| Some(said) != good().as_ref());
            row.quality = Some(before.into_iter().chain(bad).collect::<Vec<_>>().join("; "));
        }
    }
    rows
}

fn set(values: &mut [Option<Number>], place: usize, value: Number) {
    if let Some(cell) = values.get_mut(place) {
        *cell = Some(value);
    }
}

fn told(words: &Words, name: &str, code: &str, quality: Quality) -> String {
    let who = if words.language.is_some() { name } else { code };
    format!("{who}: {}", words.quality(quality))
}
