//! Running an export: one task reads, one thread writes, and a bounded body goes to the reader.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use tokio::sync::mpsc;

use super::body::{self, Pieces};
use super::failure::{ExportFailure, Failure};
use super::feed::{Feed, Message};
use super::plan::{Format, Plan};
use super::run::Run;
use super::table::Row;
use super::{csv, excel, parquet};
use crate::access::caller::Caller;
use crate::state::Api;

/// Batches of rows between reading and writing.
const BATCHES: usize = 2;

/// The rows as the writer sees them.
pub(super) struct Rows(mpsc::Receiver<Message>);

impl Rows {
    /// The next rows; `None` after the last ones.
    ///
    /// # Errors
    /// When the reading side ended without saying that this was all.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Row>>, Failure> {
        match self.0.blocking_recv() {
            Some(Message::Rows(rows)) => Ok(Some(rows)),
            Some(Message::End) => Ok(None),
            None => Err(Failure::Write("the rows ended before their end".to_owned())),
        }
    }
}

/// Starts to write a run that was fetched; the body is filled while it is read.
pub(super) fn start(api: &Api, caller: Caller, run: &Arc<Run>, patience: Duration) -> Body {
    let (rows, taken) = mpsc::channel(BATCHES);
    let (pieces, body, broken) = body::pair(Arc::clone(run), patience);
    let feed = Feed {
        api: api.clone(),
        caller,
        plan: Arc::clone(&run.plan),
        run: Arc::clone(run),
        rows,
        ended: api.ended.subscribe(),
    };
    let run = Arc::clone(run);
    tokio::spawn(async move {
        let plan = Arc::clone(&run.plan);
        let writer = tokio::task::spawn_blocking(move || write(&plan, Rows(taken), pieces));
        let fed = tokio::spawn(feed.run()).await.unwrap_or_else(|gone| Err(Failure::Write(gone.to_string())));
        let written = writer.await.unwrap_or_else(|gone| Err(Failure::Write(gone.to_string())));
        // What broke first says why: the reader of the file, then the writer, unless it only missed the reading side.
        let end = match (broken.take(), fed, written) {
            (Some(failure), _, _) => Err(failure),
            (None, Err(Failure::ReaderGone), Err(failure)) | (None, Err(failure), _) => Err(failure),
            (None, Ok(()), written) => written,
        };
        if let Err(failure) = &end {
            tracing::info!(export = run.id, error = %failure, rows = run.rows(), "an export ended before its end");
        }
        run.end(end.map_err(|failure| ExportFailure::from(&failure)));
    });
    body
}

fn write(plan: &Plan, rows: Rows, out: Pieces) -> Result<(), Failure> {
    match plan.format {
        Format::Csv => csv::write(plan, rows, out),
        Format::Xlsx => excel::write(plan, rows, out),
        Format::Parquet => parquet::write(plan, rows, out),
    }
}
