//! Guidance: what organisations wrote over the program's own texts, and the check lists of alarms with their ticks.

use domain::access::Scope;
use domain::guidance::{Guidance, Language};
use domain::hazard::Hazard;
use domain::id::{AlarmId, OrganisationId};
use domain::place::AreaCode;
use domain::time::UnixMs;
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use crate::actor::Actor;
use crate::audit::{self, AuditEntry, AuditObject};
use crate::circuits::record;
use crate::error::StoreError;
use crate::open::Store;
use crate::organisations::{self, OrganisationRow};
use crate::sites::same_version;

rows! {
    /// A text of an organisation.
    pub struct GuidanceRow {
        /// Whose it is.
        pub organisation_id: OrganisationId,
        /// The same by name.
        pub organisation_name: String,
        /// About which hazard.
        pub hazard: Hazard,
        /// In which language.
        pub language: Language,
        /// JSON with its version; `None` after it was taken back.
        pub body: Option<String>,
        /// When it was changed last.
        pub changed_at: UnixMs,
        /// By whom.
        pub changed_by: String,
        /// Rises with every change.
        pub version: i64,
    }

    /// A tick of an alarm's check list.
    pub struct CheckRow {
        /// Place of the line, from 1.
        pub place: u16,
        /// Ticked, or taken back.
        pub done: bool,
        /// The line as it was read.
        pub words: String,
        /// When.
        pub at: UnixMs,
        /// Who.
        pub actor_name: String,
    }
}

/// What is stored of a text, version 1.
#[derive(Serialize, Deserialize)]
struct Body {
    v: u32,
    owner: Vec<String>,
    electrician: Vec<String>,
}

impl GuidanceRow {
    /// The text; `None` after it was taken back.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is of another form.
    pub fn text(&self) -> Result<Option<Guidance>, StoreError> {
        let Some(body) = &self.body else { return Ok(None) };
        let read: Body = serde_json::from_str(body)
            .map_err(|error| StoreError::corrupt(format!("guidance of {}: {error}", self.hazard.code())))?;
        Ok(Some(Guidance { owner: read.owner, electrician: read.electrician }))
    }
}

/// A tick to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckDraft {
    /// Place of the line, from 1.
    pub place: u16,
    /// Ticked, or taken back.
    pub done: bool,
    /// The line as it was read.
    pub words: String,
    /// In which language.
    pub language: Language,
}

/// What the audit log keeps of a tick.
#[derive(Debug, Serialize)]
struct Ticked<'a> {
    place: u16,
    done: bool,
    words: &'a str,
}

/// Which text, and what it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuidanceChange {
    /// Whose.
    pub organisation: OrganisationId,
    /// About which hazard.
    pub hazard: Hazard,
    /// In which language.
    pub language: Language,
    /// The text; `None` takes it back.
    pub text: Option<Guidance>,
    /// The version that the caller had read; 0 where there was none.
    pub version: i64,
}

const SELECT: &str = "SELECT g.organisation_id, o.name AS organisation_name, g.hazard, g.language, g.body, g.changed_at, \
     g.changed_by, g.version FROM guidance_text g JOIN organisation o ON o.id = g.organisation_id";

/// Guidance.
#[derive(Debug, Clone, Copy)]
pub struct GuidanceTexts<'s>(&'s Store);

impl Store {
    /// Guidance.
    #[must_use]
    pub const fn guidance(&self) -> GuidanceTexts<'_> {
        GuidanceTexts(self)
    }
}

impl GuidanceTexts<'_> {
    /// The organisation, whole in `scope`, with the texts of it and of those above it; its own first, then the nearest.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the organisation is not whole in `scope`.
    pub async fn of_organisation(
        &self,
        scope: &Scope,
        id: OrganisationId,
        hazard: Option<Hazard>,
    ) -> Result<(OrganisationRow, Vec<GuidanceRow>), StoreError> {
        let mut reading = self.0.reader().begin().await?;
        let organisation = organisations::load_owned(&mut reading, scope, id).await?;
        let rows = above(&mut reading, &organisation.path.0, hazard).await?;
        Ok((organisation, rows))
    }

    /// What was written for the organisation of an alarm's site, the nearest first, and every tick, oldest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the alarm is not in `scope`.
    pub async fn of_alarm(
        &self,
        scope: &Scope,
        alarm: AlarmId,
    ) -> Result<(Vec<GuidanceRow>, Vec<CheckRow>), StoreError> {
        let row = self.0.alarms().get(scope, alarm).await?;
        let mut reading = self.0.reader().begin().await?;
        let texts = above(&mut reading, &row.organisation_path.0, Some(row.hazard)).await?;
        Ok((texts, ticks(&mut reading, alarm).await?))
    }

    /// Writes a text, or takes it back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the organisation is not whole in `scope`; [`StoreError::Conflict`].
    pub async fn change(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        change: &GuidanceChange,
    ) -> Result<(), StoreError> {
        let &GuidanceChange { organisation, hazard, language, version, .. } = change;
        let mut tx = self.0.begin().await?;
        let about = organisations::load_owned(&mut tx, scope, organisation).await?;
        let before: Option<GuidanceRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "{SELECT} WHERE g.organisation_id = $1 AND g.hazard = $2 AND g.language = $3"
        )))
        .bind(organisation.0)
        .bind(hazard.code())
        .bind(language.tag())
        .fetch_optional(&mut *tx)
        .await?;
        same_version("guidance", before.as_ref().map_or(0, |row| row.version), version)?;
        let was = before.as_ref().map(GuidanceRow::text).transpose()?.flatten();
        if was == change.text {
            return Ok(());
        }
        let body =
            change.text.clone().map(|Guidance { owner, electrician }| Body { v: 1, owner, electrician });
        let body = body
            .map(|body| serde_json::to_string(&body))
            .transpose()
            .map_err(|error| StoreError::corrupt(error.to_string()))?;
        sqlx::query(
            "INSERT INTO guidance_text (organisation_id, hazard, language, body, changed_at, changed_by, version) \
             VALUES ($1, $2, $3, $4, $5, $6, 1) ON CONFLICT (organisation_id, hazard, language) DO UPDATE SET \
             body = excluded.body, changed_at = excluded.changed_at, changed_by = excluded.changed_by, \
             version = guidance_text.version + 1",
        )
        .bind(organisation.0)
        .bind(hazard.code())
        .bind(language.tag())
        .bind(body)
        .bind(now.0)
        .bind(&actor.name)
        .execute(&mut *tx)
        .await?;
        let entry = AuditEntry {
            at: now,
            actor: actor.clone(),
            action: if change.text.is_some() { "guidance.change" } else { "guidance.restore" },
            object: AuditObject {
                kind: "guidance",
                id: format!("{}/{}/{}", organisation.0, hazard.code(), language.tag()),
                name: about.name,
                place: Some((about.path, AreaCode(String::new()))),
            },
            before: was.as_ref().and_then(audit::json),
            after: change.text.as_ref().and_then(audit::json),
        };
        audit::append(&mut tx, &entry).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Keeps a tick; one that holds already is not kept again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the alarm is not in `scope`.
    pub async fn check(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        alarm: AlarmId,
        draft: &CheckDraft,
    ) -> Result<(), StoreError> {
        let row = self.0.alarms().get(scope, alarm).await?;
        let mut tx = self.0.begin().await?;
        let all = ticks(&mut tx, alarm).await?;
        let last = all.iter().rev().find(|tick| tick.place == draft.place);
        if last.is_some_and(|tick| tick.done) == draft.done {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO alarm_check (alarm_id, place, done, words, language, at, actor_kind, actor_id, actor_name) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(alarm.0)
        .bind(i64::from(draft.place))
        .bind(draft.done)
        .bind(&draft.words)
        .bind(draft.language.tag())
        .bind(now.0)
        .bind(actor.kind.code())
        .bind(actor.kind.id())
        .bind(&actor.name)
        .execute(&mut *tx)
        .await?;
        let ticked = Ticked { place: draft.place, done: draft.done, words: &draft.words };
        let about = AuditObject {
            kind: "alarm",
            id: alarm.to_string(),
            name: row.hazard.code().to_owned(),
            place: Some((row.organisation_path, row.area_code)),
        };
        record(&mut tx, actor, now, "alarm.check", about, None, Some(&ticked)).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The texts of the organisation with this path and of those above it, its own first.
async fn above(
    connection: &mut SqliteConnection,
    path: &str,
    hazard: Option<Hazard>,
) -> Result<Vec<GuidanceRow>, StoreError> {
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "{SELECT} WHERE substr($1, 1, length(o.path)) = o.path AND ($2 IS NULL OR g.hazard = $2) \
         ORDER BY length(o.path) DESC, g.hazard, g.language"
    )))
    .bind(path.to_owned())
    .bind(hazard.map(Hazard::code))
    .fetch_all(connection)
    .await?)
}

async fn ticks(connection: &mut SqliteConnection, alarm: AlarmId) -> Result<Vec<CheckRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT place, done, words, at, actor_name FROM alarm_check WHERE alarm_id = $1 ORDER BY id LIMIT 1000",
    )
    .bind(alarm.0)
    .fetch_all(connection)
    .await?)
}
