//! Answers to messages with an idempotency key. [`Store::commit`] writes them with the readings that they confirm;
//! retention lets them go.

use domain::id::TerminalId;
use domain::kept_answer::KeptAnswer;
use domain::time::UnixMs;
use sqlx::SqliteConnection;

use crate::error::StoreError;
use crate::intake::Bulk;
use crate::open::Store;

static ANSWERS: Bulk = Bulk::new(
    "INSERT INTO kept_answer (terminal_id, key, digest, answer, at)",
    5,
    // The first answer counts.
    " ON CONFLICT (terminal_id, key) DO NOTHING",
);

impl Store {
    /// The answer that `terminal` was given to the message with this key.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn kept_answer(
        &self,
        terminal: TerminalId,
        key: &str,
    ) -> Result<Option<KeptAnswer>, StoreError> {
        let row: Option<(Vec<u8>, String, i64)> =
            sqlx::query_as("SELECT digest, answer, at FROM kept_answer WHERE terminal_id = $1 AND key = $2")
                .bind(terminal.0)
                .bind(key)
                .fetch_optional(self.reader())
                .await?;
        let Some((digest, answer, at)) = row else { return Ok(None) };
        let digest = digest.try_into().map_err(|_length| {
            StoreError::corrupt("the digest of a kept answer has not 32 bytes".to_owned())
        })?;
        Ok(Some(KeptAnswer { terminal, key: key.to_owned(), digest, answer, at: UnixMs(at) }))
    }
}

pub(crate) async fn write(
    connection: &mut SqliteConnection,
    answers: &[KeptAnswer],
) -> Result<(), StoreError> {
    ANSWERS
        .run(connection, answers, |query, kept| {
            query
                .bind(kept.terminal.0)
                .bind(kept.key.as_str())
                .bind(kept.digest.as_slice())
                .bind(kept.answer.as_str())
                .bind(kept.at.0)
        })
        .await?;
    Ok(())
}
