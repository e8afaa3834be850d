//! Small facts about this installation.

use std::sync::atomic::Ordering;

use domain::time::UnixMs;
use sqlx::SqliteConnection;

use crate::error::StoreError;
use crate::open::Store;

/// What a probe for room writes, bytes.
const PROBE_BYTES: usize = 65_536;

impl Store {
    /// The value kept under `key`, if any.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        let value = sqlx::query_scalar("SELECT value FROM meta WHERE key = $1").bind(key.to_owned());
        Ok(value.fetch_optional(self.reader()).await?)
    }

    /// Keeps `value` under `key`.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn set_meta(&self, key: &str, value: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        put(&mut tx, key, value).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The name of this installation, made once: `make` is asked at the first call.
    ///
    /// # Errors
    /// [`StoreError::Full`] and database errors.
    pub async fn instance_id(&self, make: impl FnOnce() -> String + Send) -> Result<String, StoreError> {
        if let Some(id) = self.meta("instance_id").await? {
            return Ok(id);
        }
        let id = make();
        self.set_meta("instance_id", &id).await?;
        Ok(id)
    }

    /// Whether nobody has an account yet, so that the first-run page is due.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn setup_needed(&self) -> Result<bool, StoreError> {
        let any: Option<i64> =
            sqlx::query_scalar("SELECT id FROM account LIMIT 1").fetch_optional(self.reader()).await?;
        Ok(any.is_none())
    }

    /// Rises with every change of settings, placement or admission; bindings carry it.
    #[must_use]
    pub fn settings_version(&self) -> i64 {
        self.inner.settings_version.load(Ordering::SeqCst)
    }

    /// A write that changes nothing but must reach the disk: tells whether it takes writes again.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Disk`] while it does not.
    pub async fn probe_write(&self, now: UnixMs) -> Result<(), StoreError> {
        // One that was opened while nothing could be written stays so for ever.
        self.inner.write.acquire().await?.close().await?;
        self.probed(now).await.map_err(|error| self.explained(error))
    }

    async fn probed(&self, now: UnixMs) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        // As many pages as a commit of readings takes with its indexes, so that room for this is room for those.
        let ballast = " ".repeat(PROBE_BYTES);
        put(&mut tx, "write_probe", &format!("{}{ballast}", now.0)).await?;
        tx.commit().await?;
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM meta WHERE key = 'write_probe'").execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(crate) async fn meta_number(&self, key: &str) -> Result<Option<i64>, StoreError> {
        let Some(text) = self.meta(key).await? else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| StoreError::corrupt(format!("meta {key} is {text:?}, not a number")))
    }

    /// Counts the settings version up in `connection`'s transaction; the caller tells
    /// [`Store::settings_changed`] after its commit.
    pub(crate) async fn bump_settings(&self, connection: &mut SqliteConnection) -> Result<i64, StoreError> {
        let stored: Option<String> =
            sqlx::query_scalar("SELECT value FROM meta WHERE key = 'settings_version'")
                .fetch_optional(&mut *connection)
                .await?;
        let stored = stored.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        let next = self.settings_version().max(stored) + 1;
        put(connection, "settings_version", &next.to_string()).await?;
        Ok(next)
    }

    pub(crate) fn settings_changed(&self, version: i64) {
        self.inner.settings_version.fetch_max(version, Ordering::SeqCst);
    }
}

pub(crate) async fn put(connection: &mut SqliteConnection, key: &str, value: &str) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .bind(key.to_owned())
        .bind(value.to_owned())
        .execute(connection)
        .await?;
    Ok(())
}
