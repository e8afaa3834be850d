//! What incidents are made of: the alarms that may have one cause, how many detectors there are where they stand, and
//! what people decided.

use domain::access::Scope;
use domain::alarm::AlarmState;
use domain::hazard::{Hazard, Severity};
use domain::id::{AlarmId, DetectorId, PanelId, SiteId};
use domain::incident::{AlarmFact, Decision, GROUPED, Population, RECENT_MS};
use domain::place::AreaCode;
use domain::time::UnixMs;
use serde::Serialize;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::actor::Actor;
use crate::circuits::{object, record};
use crate::error::StoreError;
use crate::open::Store;
use crate::scoped::{push_any, push_scope};
use crate::sites;

rows! {
    /// An alarm that may be part of an incident, with the names of where it is.
    pub struct IncidentAlarmRow {
        /// Its id.
        pub id: AlarmId,
        /// What is wrong.
        pub hazard: Hazard,
        /// How bad now.
        pub severity: Severity,
        /// How bad at worst.
        pub worst_severity: Severity,
        /// Where it stands in its life.
        pub state: AlarmState,
        /// When the hazard was found.
        pub raised_at: UnixMs,
        /// Its detector.
        pub detector_id: DetectorId,
        /// Its detector's name.
        pub detector_name: String,
        /// Its site.
        pub site_id: SiteId,
        /// Its site's name.
        pub site_name: String,
        /// Its site's area.
        pub area_code: AreaCode,
        /// The panel.
        pub panel_id: Option<PanelId>,
        /// The panel's name.
        pub panel_name: Option<String>,
        /// The circuit's name.
        pub circuit_name: Option<String>,
        /// The circuit is the panel's incoming line.
        pub incoming: bool,
    }
}

impl IncidentAlarmRow {
    /// The alarm as grouping sees it.
    #[must_use]
    pub fn fact(&self) -> AlarmFact {
        AlarmFact {
            id: self.id,
            hazard: self.hazard,
            severity: self.worst_severity,
            raised_at: self.raised_at,
            open: self.state != AlarmState::Closed,
            detector: self.detector_id,
            site: self.site_id,
            area: self.area_code.clone(),
            panel: self.panel_id,
            incoming: self.incoming,
        }
    }
}

/// All that incidents are computed from.
#[derive(Debug, Clone)]
pub struct IncidentFacts {
    /// The alarms, by id.
    pub alarms: Vec<IncidentAlarmRow>,
    /// How many detectors there are.
    pub population: Vec<Population>,
    /// What people decided.
    pub decisions: Vec<Decision>,
}

/// What the audit log keeps of a decision.
#[derive(Debug, Serialize)]
struct Decided {
    with: Option<i64>,
}

/// The most alarms that are looked at for incidents: the newest. A desk with more has no use for groups.
const MOST: i64 = 20_000;

const FROM: &str = "FROM alarm a JOIN site s ON s.id = a.site_id JOIN organisation o ON o.id = s.organisation_id \
     JOIN detector d ON d.id = a.detector_id LEFT JOIN circuit c ON c.id = coalesce(a.circuit_id, d.circuit_id) \
     LEFT JOIN panel p ON p.id = c.panel_id";

/// What incidents are made of.
#[derive(Debug, Clone, Copy)]
pub struct Incidents<'s>(&'s Store);

impl Store {
    /// What incidents are made of.
    #[must_use]
    pub const fn incidents(&self) -> Incidents<'_> {
        Incidents(self)
    }
}

impl Incidents<'_> {
    /// Open alarms in `scope` that can be grouped, those of the last hour, how many detectors there are beside them, and what people decided.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn facts(&self, scope: &Scope, now: UnixMs) -> Result<IncidentFacts, StoreError> {
        let mut reading = self.0.reader().begin().await?;
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT a.id, a.hazard, a.severity, a.worst_severity, a.state, a.raised_at, a.detector_id, \
             d.name AS detector_name, a.site_id, s.name AS site_name, s.area_code, c.panel_id, p.name AS panel_name, \
             c.name AS circuit_name, coalesce(c.load_kind = 'incoming', 0) AS incoming {FROM} \
             WHERE a.id IN (SELECT id FROM alarm WHERE state <> 'closed' UNION SELECT id FROM alarm WHERE raised_at >= "
        ));
        query.push_bind(now.plus_ms(-RECENT_MS).0).push(") AND (1 = 1");
        push_any(&mut query, "a.hazard", GROUPED.into_iter().map(Hazard::code));
        query.push(
            " OR a.id IN (SELECT alarm_id FROM incident_decision UNION SELECT with_id FROM incident_decision))",
        );
        push_scope(&mut query, scope, "o.path", "s.area_code");
        query.push(" ORDER BY a.id DESC LIMIT ").push_bind(MOST);
        let mut alarms: Vec<IncidentAlarmRow> = query.build_query_as().fetch_all(&mut *reading).await?;
        alarms.reverse();
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT d.site_id, s.area_code, c.panel_id, count(*) FROM detector d JOIN site s ON s.id = d.site_id \
             JOIN organisation o ON o.id = s.organisation_id LEFT JOIN circuit c ON c.id = d.circuit_id \
             WHERE d.deleted_at IS NULL AND s.area_code IN (SELECT s2.area_code FROM alarm a2 \
             JOIN site s2 ON s2.id = a2.site_id WHERE a2.state <> 'closed')",
        );
        push_scope(&mut query, scope, "o.path", "s.area_code");
        query.push(" GROUP BY d.site_id, s.area_code, c.panel_id");
        let counted: Vec<(i64, String, Option<i64>, i64)> =
            query.build_query_as().fetch_all(&mut *reading).await?;
        let decided: Vec<(i64, Option<i64>)> = sqlx::query_as(
            "SELECT i.alarm_id, i.with_id FROM incident_decision i JOIN alarm a ON a.id = i.alarm_id \
             WHERE a.state <> 'closed' OR a.raised_at >= $1",
        )
        .bind(now.plus_ms(-RECENT_MS).0)
        .fetch_all(&mut *reading)
        .await?;
        Ok(IncidentFacts {
            alarms,
            population: counted
                .into_iter()
                .map(|(site, area, panel, detectors)| Population {
                    site: SiteId(site),
                    area: AreaCode(area),
                    panel: panel.map(PanelId),
                    detectors: usize::try_from(detectors).unwrap_or(0),
                })
                .collect(),
            decisions: decided
                .into_iter()
                .map(|(alarm, with)| Decision { alarm: AlarmId(alarm), with: with.map(AlarmId) })
                .collect(),
        })
    }

    /// A person says that an alarm belongs to the incident of another, or (`None`) to none. Whoever had been joined to
    /// the alarm stays where it was, with `heir`: another alarm of the incident that it leaves.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when either is not in `scope`; [`StoreError::Invalid`] for an alarm with itself.
    pub async fn decide(
        &self,
        scope: &Scope,
        actor: &Actor,
        now: UnixMs,
        decision: Decision,
        heir: Option<AlarmId>,
    ) -> Result<(), StoreError> {
        if decision.with == Some(decision.alarm) {
            return Err(StoreError::invalid("with", "itself", "had the alarm itself, wanted another one"));
        }
        let mut tx = self.0.begin().await?;
        let (site, name) = place(&mut tx, scope, decision.alarm).await?;
        if let Some(with) = decision.with {
            place(&mut tx, scope, with).await?;
        }
        let before: Option<Option<i64>> =
            sqlx::query_scalar("SELECT with_id FROM incident_decision WHERE alarm_id = $1")
                .bind(decision.alarm.0)
                .fetch_optional(&mut *tx)
                .await?;
        sqlx::query(
            "INSERT INTO incident_decision (alarm_id, with_id, decided_by, decided_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (alarm_id) DO UPDATE SET with_id = excluded.with_id, decided_by = excluded.decided_by, \
             decided_at = excluded.decided_at",
        )
        .bind(decision.alarm.0)
        .bind(decision.with.map(|id| id.0))
        .bind(&actor.name)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        if let Some(heir) = heir {
            sqlx::query("DELETE FROM incident_decision WHERE alarm_id = $1 AND with_id = $2")
                .bind(heir.0)
                .bind(decision.alarm.0)
                .execute(&mut *tx)
                .await?;
            sqlx::query("UPDATE incident_decision SET with_id = $1 WHERE with_id = $2")
                .bind(heir.0)
                .bind(decision.alarm.0)
                .execute(&mut *tx)
                .await?;
        }
        let site = sites::load(&mut tx, scope, site).await?;
        let about = object("alarm", decision.alarm.0, &name, &site);
        let action = if decision.with.is_some() { "alarm.join" } else { "alarm.split" };
        let before = before.map(|with| Decided { with });
        let after = Decided { with: decision.with.map(|id| id.0) };
        record(&mut tx, actor, now, action, about, before.as_ref(), Some(&after)).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The site of an alarm and its detector's name.
async fn place(
    connection: &mut SqliteConnection,
    scope: &Scope,
    alarm: AlarmId,
) -> Result<(SiteId, String), StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT a.site_id, d.name {FROM} WHERE a.id = "));
    query.push_bind(alarm.0);
    push_scope(&mut query, scope, "o.path", "s.area_code");
    let found: Option<(i64, String)> = query.build_query_as().fetch_optional(connection).await?;
    found.map(|(site, name)| (SiteId(site), name)).ok_or(StoreError::NotFound { what: "alarm" })
}
