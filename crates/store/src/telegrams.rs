//! The telegram log, in a file of its own: bounded per terminal and in all; refused telegrams have bounds of
//! their own, so that the understood ones do not push them out.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use domain::access::Scope;
use domain::id::{DetectorId, TerminalId};
use domain::telegram::{Telegram, TelegramDirection};
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::error::StoreError;
use crate::intake::Bulk;
use crate::open::Store;
use crate::page::{Order, Page, Paged, PagedQuery};

rows! {
    /// A kept telegram.
    pub struct TelegramRow {
        /// Its id.
        pub id: i64,
        /// On whose line; 0 while the other side had not said who it is.
        pub terminal_id: TerminalId,
        /// The other end's address.
        pub remote: String,
        /// The server's clock.
        pub at: UnixMs,
        /// `up` or `down`, seen from the platform.
        pub direction: String,
        /// `cloud_7b7b`, `modbus_rtu` or `unknown`.
        pub protocol: String,
        /// The bytes, cut at the log's limit.
        pub bytes: Vec<u8>,
        /// Whether it was refused.
        pub refused: bool,
        /// Why.
        pub reason: Option<String>,
        /// Clause of the standard or section of the vendor's document.
        pub clause: Option<String>,
    }
}

static TELEGRAMS: Bulk = Bulk::new(
    "INSERT INTO telegram (terminal_id, remote, at, direction, protocol, bytes, refused, reason, clause)",
    9,
    "",
);

/// The telegram log.
#[derive(Debug, Clone, Copy)]
pub struct Telegrams<'s>(&'s Store);

impl Store {
    /// The telegram log.
    #[must_use]
    pub const fn telegrams(&self) -> Telegrams<'_> {
        Telegrams(self)
    }
}

impl Telegrams<'_> {
    /// Keeps telegrams and lets go what is beyond the bounds. The total may stand above its bound by a
    /// twentieth for a while.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors; the telegrams are lost then.
    pub async fn append(&self, telegrams: &[Telegram]) -> Result<(), StoreError> {
        if telegrams.is_empty() {
            return Ok(());
        }
        let bounds = self.0.inner.options.telegrams;
        let most = usize::try_from(bounds.bytes_each).unwrap_or(usize::MAX);
        let mut tx = self.0.inner.telegrams.begin_with("BEGIN IMMEDIATE").await?;
        TELEGRAMS
            .run(&mut tx, telegrams, |query, telegram| {
                query
                    .bind(line(telegram))
                    .bind(telegram.remote.as_str())
                    .bind(telegram.at.0)
                    .bind(match telegram.direction {
                        TelegramDirection::Up => "up",
                        TelegramDirection::Down => "down",
                    })
                    .bind(telegram.protocol.as_str())
                    .bind(telegram.bytes.get(..most).unwrap_or(&telegram.bytes))
                    .bind(telegram.refused.is_some())
                    .bind(telegram.refused.as_ref().map(|refused| refused.reason.as_str()))
                    .bind(telegram.refused.as_ref().map(|refused| refused.clause.as_str()))
            })
            .await?;
        let lines: BTreeSet<(i64, bool)> =
            telegrams.iter().map(|telegram| (line(telegram), telegram.refused.is_some())).collect();
        for (terminal, refused) in lines {
            let bound = if refused { bounds.refused_per_terminal } else { bounds.per_terminal };
            cut_line(&mut tx, terminal, refused, bound).await?;
        }
        let many = u64::try_from(telegrams.len()).unwrap_or(u64::MAX);
        // Walking the whole log for every batch would cost more than it saves.
        let uncut = &self.0.inner.telegrams_uncut;
        let since = uncut.fetch_add(many, Ordering::Relaxed).saturating_add(many);
        if since > u64::from(bounds.total.min(bounds.refused_total) / 20) {
            uncut.store(0, Ordering::Relaxed);
            cut_all(&mut tx, false, bounds.total).await?;
            cut_all(&mut tx, true, bounds.refused_total).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// One page of a terminal's telegrams, newest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the terminal is not in `scope`.
    pub async fn of_terminal(
        &self,
        scope: &Scope,
        terminal: TerminalId,
        refused: Option<bool>,
        page: &Page,
    ) -> Result<Paged<TelegramRow>, StoreError> {
        self.0.terminals().get(scope, terminal).await?;
        self.page(Some(terminal), refused, page).await
    }

    /// One page of the telegrams of a detector's line, newest first; behind a DTU these are the line's of all
    /// its detectors.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the detector is not in `scope`.
    pub async fn of_detector(
        &self,
        scope: &Scope,
        detector: DetectorId,
        refused: Option<bool>,
        page: &Page,
    ) -> Result<Paged<TelegramRow>, StoreError> {
        let detector = self.0.detectors().get(scope, detector).await?;
        self.page(Some(detector.terminal_id), refused, page).await
    }

    /// One page of all telegrams, newest first, also of those who never said who they are: for a scope of
    /// everything.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a narrower scope.
    pub async fn of_all(
        &self,
        scope: &Scope,
        refused: Option<bool>,
        page: &Page,
    ) -> Result<Paged<TelegramRow>, StoreError> {
        if !scope.is_everything() {
            return Err(StoreError::NotFound { what: "telegram log" });
        }
        self.page(None, refused, page).await
    }

    async fn page(
        &self,
        terminal: Option<TerminalId>,
        refused: Option<bool>,
        page: &Page,
    ) -> Result<Paged<TelegramRow>, StoreError> {
        let apply = |query: &mut QueryBuilder<Sqlite>| {
            if let Some(terminal) = terminal {
                query.push(" AND g.terminal_id = ").push_bind(terminal.0);
            }
            if let Some(refused) = refused {
                query.push(" AND g.refused = ").push_bind(refused);
            }
        };
        let order = Order { name: "telegrams", keys: &["g.id"], descending: true };
        let columns = "g.id, g.terminal_id, g.remote, g.at, g.direction, g.protocol, g.bytes, g.refused, g.reason, g.clause";
        PagedQuery { columns, from: "FROM telegram g", order, filter: &apply }
            .fetch(&self.0.inner.telegrams, page)
            .await
    }
}

fn line(telegram: &Telegram) -> i64 {
    telegram.terminal.map_or(0, |terminal| terminal.0)
}

async fn cut_line(
    connection: &mut SqliteConnection,
    terminal: i64,
    refused: bool,
    bound: u32,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM telegram WHERE terminal_id = $1 AND refused = $2 AND id <= (SELECT id FROM telegram \
         WHERE terminal_id = $1 AND refused = $2 ORDER BY id DESC LIMIT 1 OFFSET $3)",
    )
    .bind(terminal)
    .bind(refused)
    .bind(i64::from(bound))
    .execute(connection)
    .await?;
    Ok(())
}

async fn cut_all(connection: &mut SqliteConnection, refused: bool, bound: u32) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM telegram WHERE refused = $1 AND id <= (SELECT id FROM telegram \
         WHERE refused = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
    )
    .bind(refused)
    .bind(i64::from(bound))
    .execute(connection)
    .await?;
    Ok(())
}
