//! What people entered about alarms beside their life: calls, dispatches, notes. The entries are steps of the alarm's
//! record ([`crate::alarms`]); here they are read across alarms.

use std::collections::BTreeMap;

use domain::access::Scope;
use domain::alarm::TransitionEvent;
use domain::alarm::note::{Dispatch, Entry, Note, dispatches};
use domain::hazard::Hazard;
use domain::id::{AlarmId, SiteId, TransitionId};
use domain::time::UnixMs;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, QueryBuilder, Row, Sqlite};

use crate::alarms::{Alarms, TransitionRow};
use crate::error::StoreError;
use crate::scoped::{push_any, push_scope};

/// The version of what is stored of a note.
const VERSION: u32 = 1;
/// Whoever was sent longer ago than this and never said to have finished is not asked after any more, ms.
const SENT_WITHIN_MS: i64 = 30 * 86_400_000;
/// So many alarms with somebody out are looked at, the newest first.
const MOST_SENT: i64 = 500;

/// A note as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    v: u32,
    #[serde(flatten)]
    note: Note,
}

/// A note as text.
pub(crate) fn encode(note: &Note) -> Option<String> {
    serde_json::to_string(&Stored { v: VERSION, note: note.clone() }).ok()
}

/// A note from its text; `None` for one of a newer version.
fn decode(text: Option<&str>) -> Option<Note> {
    let stored: Stored = serde_json::from_str(text?).ok()?;
    (stored.v == VERSION).then_some(stored.note)
}

impl TransitionRow {
    /// Whom the person called or sent; `None` when the step is no such entry, or one of a newer version.
    #[must_use]
    pub fn note(&self) -> Option<Note> {
        decode(self.note.as_deref())
    }

    /// The step as an entry of the record; `None` for a kind that this build does not know.
    #[must_use]
    pub fn entry(&self) -> Option<Entry> {
        let event = TransitionEvent::from_code(&self.event)?;
        Some(Entry { id: self.id, at: self.at, event, note: self.note() })
    }
}

rows! {
    /// The alarm that an entry is about.
    pub struct AboutRow {
        /// The alarm.
        pub alarm_id: AlarmId,
        /// What is wrong.
        pub hazard: Hazard,
        /// Its site.
        pub site_id: SiteId,
        /// Its site's name.
        pub site_name: String,
        /// Its detector's name.
        pub detector_name: String,
    }

    /// What somebody entered, with the alarm that it is about.
    pub struct EntryRow {
        /// Its id.
        pub id: TransitionId,
        /// When.
        pub at: UnixMs,
        /// `commented`, `called`, `dispatched` ...
        pub event: String,
        /// Who.
        pub actor_name: Option<String>,
        /// What they wrote.
        pub comment: Option<String>,
        /// The note as stored.
        pub note: Option<String>,
        /// The alarm.
        pub alarm_id: AlarmId,
        /// What is wrong.
        pub hazard: Hazard,
        /// Its site.
        pub site_id: SiteId,
        /// Its site's name.
        pub site_name: String,
        /// Its detector's name.
        pub detector_name: String,
    }
}

impl EntryRow {
    /// Whom the person called or sent.
    #[must_use]
    pub fn note(&self) -> Option<Note> {
        decode(self.note.as_deref())
    }
}

const ABOUT: &str = "a.hazard, a.site_id, s.name AS site_name, d.name AS detector_name";
const FROM: &str = "JOIN alarm a ON a.id = t.alarm_id JOIN site s ON s.id = a.site_id \
     JOIN organisation o ON o.id = s.organisation_id JOIN detector d ON d.id = a.detector_id";
/// What people enter, written as the partial index is.
const ENTERED: &str = "t.event IN ('commented', 'called', 'dispatched', 'arrived', 'finished', 'withdrawn')";

impl Alarms<'_> {
    /// What people entered about one alarm, oldest first: the pipeline's own reading.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn record(&self, id: AlarmId) -> Result<Vec<Entry>, StoreError> {
        let mut records = self.records(&[id]).await?;
        Ok(records.remove(&id).unwrap_or_default())
    }

    /// The same of many alarms (at most 500). Whoever asks has looked at their scope.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn records(&self, ids: &[AlarmId]) -> Result<BTreeMap<AlarmId, Vec<Entry>>, StoreError> {
        let mut records: BTreeMap<AlarmId, Vec<Entry>> = BTreeMap::new();
        if ids.is_empty() {
            return Ok(records);
        }
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT t.id, t.alarm_id, t.at, t.event, t.note FROM alarm_transition t WHERE {ENTERED}"
        ));
        push_any(&mut query, "t.alarm_id", ids.iter().map(|id| id.0));
        let rows: Vec<(i64, i64, i64, String, Option<String>)> =
            query.push(" ORDER BY t.id").build_query_as().fetch_all(self.store().reader()).await?;
        for (id, alarm, at, event, note) in rows {
            let Some(event) = TransitionEvent::from_code(&event) else { continue };
            let entry = Entry { id: TransitionId(id), at: UnixMs(at), event, note: decode(note.as_deref()) };
            records.entry(AlarmId(alarm)).or_default().push(entry);
        }
        Ok(records)
    }

    /// What people entered about `ids` (at most 500), with their words. Whoever asks has looked at their scope.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn entered_about(
        &self,
        ids: &[AlarmId],
    ) -> Result<BTreeMap<AlarmId, Vec<TransitionRow>>, StoreError> {
        let mut about: BTreeMap<AlarmId, Vec<TransitionRow>> = BTreeMap::new();
        for id in ids {
            about.insert(*id, Vec::new());
        }
        let mut query =
            QueryBuilder::<Sqlite>::new(format!("SELECT t.* FROM alarm_transition t WHERE {ENTERED}"));
        push_any(&mut query, "t.alarm_id", ids.iter().map(|id| id.0));
        query.push(" ORDER BY t.id");
        let rows =
            if ids.is_empty() { Vec::new() } else { query.build().fetch_all(self.store().reader()).await? };
        for row in rows {
            let alarm: i64 = row.try_get("alarm_id")?;
            about.entry(AlarmId(alarm)).or_default().push(TransitionRow::from_row(&row)?);
        }
        Ok(about)
    }

    /// Everybody in `scope` who was sent within 30 days and has neither finished nor been called back, newest first.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn out(&self, scope: &Scope, now: UnixMs) -> Result<Vec<(AboutRow, Dispatch)>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT t.alarm_id, {ABOUT} FROM alarm_transition t {FROM} WHERE t.event = 'dispatched' AND t.at >= "
        ));
        query.push_bind(now.plus_ms(-SENT_WITHIN_MS).0);
        push_scope(&mut query, scope, "o.path", "s.area_code");
        query.push(" GROUP BY t.alarm_id ORDER BY max(t.id) DESC LIMIT ").push_bind(MOST_SENT);
        let about: Vec<AboutRow> = query.build_query_as().fetch_all(self.store().reader()).await?;
        let ids: Vec<AlarmId> = about.iter().map(|row| row.alarm_id).collect();
        let records = self.records(&ids).await?;
        let mut out = Vec::new();
        for row in about {
            let record = records.get(&row.alarm_id).map(Vec::as_slice).unwrap_or_default();
            let still = dispatches(record).into_iter().filter(|sent| !sent.state.is_over());
            out.extend(still.map(|sent| (row.clone(), sent)));
        }
        Ok(out)
    }

    /// What people in `scope` entered since `since`, newest first, at most `most`.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn entered(
        &self,
        scope: &Scope,
        since: UnixMs,
        most: u32,
    ) -> Result<Vec<EntryRow>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT t.id, t.at, t.event, t.actor_name, t.comment, t.note, t.alarm_id, {ABOUT} \
             FROM alarm_transition t {FROM} WHERE {ENTERED} AND t.at >= "
        ));
        query.push_bind(since.0);
        push_scope(&mut query, scope, "o.path", "s.area_code");
        query.push(" ORDER BY t.id DESC LIMIT ").push_bind(i64::from(most));
        Ok(query.build_query_as().fetch_all(self.store().reader()).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::alarm::note::{CallOutcome, Capacity, Somebody};

    /// Version 1 as it is on disk (invariant 12).
    #[test]
    fn a_note_of_version_1_reads_as_it_was_written() {
        let kept = r#"{"v":1,"kind":"called","whom":{"capacity":"site_contact","name":"王","phone":"13800138000","account":null},"outcome":"not_reached"}"#;
        let note = Note::Called {
            whom: Somebody {
                capacity: Capacity::SiteContact,
                name: "王".to_owned(),
                phone: "13800138000".to_owned(),
                account: None,
            },
            outcome: CallOutcome::NotReached,
        };
        assert_eq!(encode(&note).as_deref(), Some(kept));
        assert_eq!(decode(Some(kept)), Some(note));
        let sent = r#"{"v":1,"kind":"dispatched","whom":{"capacity":"electrician","name":"","phone":"","account":7},"expected_at":1789999200000}"#;
        assert!(matches!(
            decode(Some(sent)),
            Some(Note::Dispatched { expected_at: Some(UnixMs(1_789_999_200_000)), .. })
        ));
        let gone = r#"{"v":1,"kind":"withdrawn","entry":12}"#;
        assert_eq!(decode(Some(gone)), Some(Note::Withdrawn { entry: TransitionId(12) }));
    }

    #[test]
    fn a_note_of_a_newer_version_is_left_out() {
        assert_eq!(decode(Some(r#"{"v":2,"kind":"withdrawn","entry":12}"#)), None);
        assert_eq!(decode(Some(r#"{"v":1,"kind":"sung","entry":12}"#)), None);
    }
}
