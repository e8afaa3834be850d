//! Alarms as people read them: the desk, one alarm with its steps, the export.

use domain::access::Scope;
use domain::alarm::{AlarmState, Aside, AsideKind, Verdict};
use domain::hazard::{Class, Hazard, Severity};
use domain::id::{AlarmId, ChannelId, CircuitId, DetectorId, OrganisationId, SiteId, TransitionId};
use domain::place::{AreaCode, OrganisationPath};
use domain::quantity::{Phase, Quantity};
use domain::time::UnixMs;
use sqlx::{QueryBuilder, Sqlite};

use crate::actor::ActorKind;
use crate::column::severity_rank;
use crate::error::StoreError;
use crate::open::Store;
use crate::page::{Order, Page, Paged, PagedQuery};
use crate::scoped::{push_any, push_area, push_contains, push_scope};

rows! {
    /// An alarm with the names of everything around it.
    pub struct AlarmRow {
        /// Its id.
        pub id: AlarmId,
        /// Its site.
        pub site_id: SiteId,
        /// Its site's name.
        pub site_name: String,
        /// Its site's area.
        pub area_code: AreaCode,
        /// Its site's organisation.
        pub organisation_id: OrganisationId,
        /// The same as a path.
        pub organisation_path: OrganisationPath,
        /// Its detector.
        pub detector_id: DetectorId,
        /// Its detector's name.
        pub detector_name: String,
        /// The detector's profile.
        pub profile_id: String,
        /// Its channel.
        pub channel_id: ChannelId,
        /// Its channel's name.
        pub channel_name: String,
        /// What the channel measures.
        pub quantity: Quantity,
        /// On which conductor.
        pub phase: Option<Phase>,
        /// The panel's name.
        pub panel_name: Option<String>,
        /// The circuit.
        pub circuit_id: Option<CircuitId>,
        /// The circuit's name.
        pub circuit_name: Option<String>,
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
        /// When it was gone.
        pub returned_at: Option<UnixMs>,
        /// When somebody took it.
        pub acknowledged_at: Option<UnixMs>,
        /// Who took it, by name.
        pub acknowledged_by: Option<String>,
        /// Who took it, by account.
        pub acknowledged_by_id: Option<i64>,
        /// When it was over.
        pub closed_at: Option<UnixMs>,
        /// Why it was over.
        pub close_reason: Option<String>,
        /// Found in late data.
        pub late: bool,
        /// The device itself reported it.
        pub reported_by_device: bool,
        /// It holds until reset.
        pub latching: bool,
        /// The limit, in the quantity's unit.
        pub limit_value: Option<f64>,
        /// The newest value, in the quantity's unit.
        pub current_value: Option<f64>,
        /// When that was measured.
        pub current_at: Option<UnixMs>,
        /// The worst value, in the quantity's unit.
        pub worst_value: Option<f64>,
        /// When that was measured.
        pub worst_at: Option<UnixMs>,
        /// Set aside: open, but nobody is told.
        pub aside: Option<Aside>,
        /// What it was in truth.
        pub verdict: Option<Verdict>,
        /// What the person who said so added.
        pub verdict_note: Option<String>,
        /// Rises with every change.
        pub version: i64,
    }

    /// One step of an alarm's life.
    pub struct TransitionRow {
        /// Its id.
        pub id: TransitionId,
        /// When.
        pub at: UnixMs,
        /// `raised`, `escalated`, `acknowledged` ...
        pub event: String,
        /// From which state.
        pub from_state: Option<AlarmState>,
        /// Into which.
        pub to_state: AlarmState,
        /// How bad after it.
        pub severity: Severity,
        /// The value that goes with it.
        pub value: Option<f64>,
        /// `system`, `device`, `user` or `token`.
        pub actor_kind: String,
        /// The account or token.
        pub actor_id: Option<i64>,
        /// Their name.
        pub actor_name: Option<String>,
        /// Why.
        pub reason: Option<String>,
        /// What they wrote.
        pub comment: Option<String>,
        /// Whom they called or sent, as stored.
        pub note: Option<String>,
    }
}

impl TransitionRow {
    /// Who did it; `None` when the stored parts do not fit together.
    #[must_use]
    pub fn actor(&self) -> Option<ActorKind> {
        ActorKind::from_parts(&self.actor_kind, self.actor_id)
    }
}

/// Which alarms. Lists that are empty let everything pass.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlarmFilter {
    /// In one of these states.
    pub states: Vec<AlarmState>,
    /// Open ones only (`true`) or closed ones only (`false`).
    pub open: Option<bool>,
    /// Of one of these severities.
    pub severities: Vec<Severity>,
    /// Of one of these hazards.
    pub hazards: Vec<Hazard>,
    /// Of this class.
    pub class: Option<Class>,
    /// At this site.
    pub site: Option<SiteId>,
    /// Of this detector.
    pub detector: Option<DetectorId>,
    /// Of this channel.
    pub channel: Option<ChannelId>,
    /// In this area.
    pub area: Option<AreaCode>,
    /// Of this organisation or below it.
    pub organisation: Option<OrganisationId>,
    /// Text in the names of site, detector, circuit.
    pub text: Option<String>,
    /// Raised from here on.
    pub since: Option<UnixMs>,
    /// Raised before this.
    pub until: Option<UnixMs>,
    /// There at some time between these two: raised before the second and not over before the first.
    pub during: Option<(UnixMs, UnixMs)>,
    /// Found in late data, or not.
    pub late: Option<bool>,
    /// Held for reset (latched states).
    pub latched: Option<bool>,
    /// Set aside in one of these ways.
    pub asides: Vec<AsideKind>,
    /// Set aside in any way, or not.
    pub is_aside: Option<bool>,
    /// What they were in truth.
    pub verdicts: Vec<Verdict>,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AlarmSort {
    /// The desk's: worst first, among them what nobody has taken, among them the newest.
    #[default]
    Priority,
    /// Newest first.
    RaisedDesc,
    /// Oldest first.
    RaisedAsc,
}

impl AlarmSort {
    const fn order(self) -> Order {
        match self {
            Self::Priority => Order {
                name: "alarms.priority",
                keys: &[
                    "a.severity",
                    "CASE WHEN a.state IN ('unacknowledged', 'returned_unacknowledged', 'latched_unacknowledged') \
                     THEN 1 ELSE 0 END",
                    "a.raised_at",
                    "a.id",
                ],
                descending: true,
            },
            Self::RaisedDesc => {
                Order { name: "alarms.-raised_at", keys: &["a.raised_at", "a.id"], descending: true }
            }
            Self::RaisedAsc => {
                Order { name: "alarms.raised_at", keys: &["a.raised_at", "a.id"], descending: false }
            }
        }
    }
}

const COLUMNS: &str = "a.*, s.name AS site_name, s.area_code, s.organisation_id, o.path AS organisation_path, \
     d.name AS detector_name, d.profile_id, ch.name AS channel_name, ch.quantity, ch.phase, \
     p.name AS panel_name, c.name AS circuit_name";
const FROM: &str = "FROM alarm a JOIN site s ON s.id = a.site_id JOIN organisation o ON o.id = s.organisation_id \
     JOIN detector d ON d.id = a.detector_id JOIN channel ch ON ch.id = a.channel_id \
     LEFT JOIN circuit c ON c.id = a.circuit_id LEFT JOIN panel p ON p.id = c.panel_id";

/// The alarms.
#[derive(Debug, Clone, Copy)]
pub struct Alarms<'s>(&'s Store);

impl Store {
    /// The alarms.
    #[must_use]
    pub const fn alarms(&self) -> Alarms<'_> {
        Alarms(self)
    }
}

impl Alarms<'_> {
    pub(crate) const fn store(&self) -> &Store {
        self.0
    }

    /// One page of the alarms in `scope`.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a cursor of another list.
    pub async fn list(
        &self,
        scope: &Scope,
        filter: &AlarmFilter,
        sort: AlarmSort,
        page: &Page,
    ) -> Result<Paged<AlarmRow>, StoreError> {
        let apply = |query: &mut QueryBuilder<Sqlite>| push_filter(query, scope, filter);
        PagedQuery { columns: COLUMNS, from: FROM, order: sort.order(), filter: &apply }
            .fetch(self.0.reader(), page)
            .await
    }

    /// One alarm.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn get(&self, scope: &Scope, id: AlarmId) -> Result<AlarmRow, StoreError> {
        let found = self.by_ids(scope, &[id]).await?;
        found.into_iter().next().ok_or(StoreError::NotFound { what: "alarm" })
    }

    /// Those of `ids` (at most 500) that are in `scope`, in the order of their ids.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn by_ids(&self, scope: &Scope, ids: &[AlarmId]) -> Result<Vec<AlarmRow>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} {FROM} WHERE 1 = 1"));
        push_any(&mut query, "a.id", ids.iter().map(|id| id.0));
        push_scope(&mut query, scope, "o.path", "s.area_code");
        Ok(query.push(" ORDER BY a.id").build_query_as().fetch_all(self.0.reader()).await?)
    }

    /// The steps of one alarm, oldest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none in `scope`.
    pub async fn transitions(&self, scope: &Scope, id: AlarmId) -> Result<Vec<TransitionRow>, StoreError> {
        self.get(scope, id).await?;
        let steps = sqlx::query_as(
            "SELECT id, at, event, from_state, to_state, severity, value, actor_kind, actor_id, actor_name, reason, \
             comment, note FROM alarm_transition WHERE alarm_id = $1 ORDER BY id",
        );
        Ok(steps.bind(id.0).fetch_all(self.0.reader()).await?)
    }

    /// The alarms in `scope` for a file, newest first, at most `most` of them.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn export(
        &self,
        scope: &Scope,
        filter: &AlarmFilter,
        most: u32,
    ) -> Result<Vec<AlarmRow>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} {FROM} WHERE 1 = 1"));
        push_filter(&mut query, scope, filter);
        query.push(" ORDER BY a.raised_at DESC, a.id DESC LIMIT ").push_bind(i64::from(most));
        Ok(query.build_query_as().fetch_all(self.0.reader()).await?)
    }

    /// The open alarms of one site's channels: what its tree marks.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn open_of_site(&self, scope: &Scope, site: SiteId) -> Result<Vec<AlarmRow>, StoreError> {
        let filter = AlarmFilter { open: Some(true), site: Some(site), ..AlarmFilter::default() };
        self.export(scope, &filter, u32::MAX).await
    }
}

fn push_filter(query: &mut QueryBuilder<Sqlite>, scope: &Scope, filter: &AlarmFilter) {
    push_scope(query, scope, "o.path", "s.area_code");
    push_any(query, "a.state", filter.states.iter().map(|state| state.code()));
    push_any(query, "a.severity", filter.severities.iter().map(|severity| severity_rank(*severity)));
    push_any(query, "a.hazard", filter.hazards.iter().map(|hazard| hazard.code()));
    match filter.open {
        None => {}
        // Written as the partial indexes are, so that they are used.
        Some(true) => {
            query.push(" AND a.state <> 'closed'");
        }
        Some(false) => {
            query.push(" AND a.state = 'closed'");
        }
    }
    if let Some(class) = filter.class {
        query.push(" AND a.class = ").push_bind(match class {
            Class::Hazard => "hazard",
            Class::Fault => "fault",
        });
    }
    if let Some(site) = filter.site {
        query.push(" AND a.site_id = ").push_bind(site.0);
    }
    if let Some(detector) = filter.detector {
        query.push(" AND a.detector_id = ").push_bind(detector.0);
    }
    if let Some(channel) = filter.channel {
        query.push(" AND a.channel_id = ").push_bind(channel.0);
    }
    if let Some(area) = &filter.area {
        push_area(query, area, "s.area_code");
    }
    if let Some(organisation) = filter.organisation {
        push_below(query, organisation, "o.path");
    }
    if let Some(text) = &filter.text {
        push_contains(query, text, &["s.name", "d.name", "coalesce(c.name, '')", "coalesce(p.name, '')"]);
    }
    if let Some(since) = filter.since {
        query.push(" AND a.raised_at >= ").push_bind(since.0);
    }
    if let Some(until) = filter.until {
        query.push(" AND a.raised_at < ").push_bind(until.0);
    }
    if let Some((from, to)) = filter.during {
        query.push(" AND a.raised_at < ").push_bind(to.0);
        query.push(" AND coalesce(a.returned_at, a.closed_at, 9223372036854775807) >= ").push_bind(from.0);
    }
    push_any(query, "a.aside", filter.asides.iter().map(|kind| kind.code()));
    push_any(query, "a.verdict", filter.verdicts.iter().map(|verdict| verdict.code()));
    if let Some(is_aside) = filter.is_aside {
        query.push(if is_aside { " AND a.aside IS NOT NULL" } else { " AND a.aside IS NULL" });
    }
    if let Some(late) = filter.late {
        query.push(" AND a.late = ").push_bind(late);
    }
    if let Some(latched) = filter.latched {
        query.push(if latched { " AND a.state IN (" } else { " AND a.state NOT IN (" });
        query.push("'latched_unacknowledged', 'latched_acknowledged')");
    }
}

/// Appends ` AND` the organisation with this id or one below it.
pub(crate) fn push_below(query: &mut QueryBuilder<Sqlite>, organisation: OrganisationId, path: &str) {
    query.push(format_args!(
        " AND EXISTS (SELECT 1 FROM organisation top WHERE substr({path}, 1, length(top.path)) = top.path AND top.id = "
    ));
    query.push_bind(organisation.0).push(")");
}
