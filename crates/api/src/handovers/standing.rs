//! `GET /standing`: what stands now, as far as the caller may see.

use axum::Json;
use axum::extract::State;
use domain::access::{Permission, Scope};
use domain::alarm::{AlarmState, AsideKind, Note};
use domain::id::UserId;
use domain::status::Status;
use domain::time::UnixMs;
use engine::telling::book::{DutyBody, Known};
use store::alarms::{AlarmFilter, AlarmRow, AlarmSort};
use store::detectors::{DetectorFilter, DetectorSort};
use store::handovers::{HandoverFilter, HandoverState};
use store::maintenance::WindowFilter;
use store::telling::SetKind;

use super::shape::{
    MOST, OnDuty, Part, Standing, StandingAlarm, StandingDetector, StandingDispatch, StandingEntry,
    StandingMedium, StandingNow, StandingWindow,
};
use crate::access::caller::Caller;
use crate::alarms::shape::AlarmEvent;
use crate::http::problem::{ItemProblems, Problem};
use crate::state::Api;
use crate::telling::notices::person;
use crate::telling::shape::PersonName;

const DAY_MS: i64 = 86_400_000;
/// How far back a shift goes that nobody was handed, ms.
const SHIFT_MS: i64 = 43_200_000;
/// Rows that are looked at for what is counted here, at most.
const PAGE: u32 = 500;

/// Who may take over all that `scope` holds, but for `own`.
pub(super) async fn successors(api: &Api, scope: &Scope, own: UserId) -> Result<Vec<PersonName>, Problem> {
    let people = api.store.telling().people().await?;
    let may = people.into_iter().filter(|(person, grants)| {
        let theirs = Scope::of(grants, Permission::AlarmAcknowledge);
        person.account_id != own && theirs.covers(scope)
    });
    Ok(may
        .map(|(person, _)| PersonName { account_id: person.account_id.0, name: Some(person.name) })
        .collect())
}

/// What stands in `scope` at `now`.
pub(super) async fn standing(
    api: &Api,
    scope: &Scope,
    own: UserId,
    now: UnixMs,
) -> Result<Standing, Problem> {
    let took = api.store.handovers().took_over_at(own).await?;
    let since = took.filter(|at| now.since_ms(*at) <= DAY_MS).unwrap_or(now.plus_ms(-SHIFT_MS));
    let open = |states: Vec<AlarmState>| AlarmFilter {
        open: Some(true),
        states,
        is_aside: Some(false),
        ..AlarmFilter::default()
    };
    let waiting =
        AlarmState::ALL.into_iter().filter(|state| state.waits_for_acknowledgement()).collect::<Vec<_>>();
    let taken = vec![AlarmState::Acknowledged, AlarmState::LatchedAcknowledged];
    let shelved =
        AlarmFilter { open: Some(true), asides: vec![AsideKind::Shelved], ..AlarmFilter::default() };
    let entries = api.store.alarms().entered(scope, since, PAGE).await?;
    Ok(Standing {
        at: now.into(),
        since: since.into(),
        unacknowledged: alarms(api, scope, &open(waiting)).await?,
        acknowledged: alarms(api, scope, &open(taken)).await?,
        shelved: alarms(api, scope, &shelved).await?,
        windows: windows(api, scope, now).await?,
        dispatches: dispatches(api, scope, now).await?,
        media_down: media_down(api, scope).await?,
        offline: offline(api, scope, now).await?,
        entries: Part::of(entries.into_iter().map(|row| {
            let (whom, outcome) = match row.note() {
                Some(Note::Called { whom, outcome }) => (Some(whom.into()), Some(outcome.into())),
                Some(Note::Dispatched { whom, .. }) => (Some(whom.into()), None),
                Some(Note::Arrived { .. } | Note::Finished { .. } | Note::Withdrawn { .. }) | None => {
                    (None, None)
                }
            };
            StandingEntry {
                alarm_id: row.alarm_id.0,
                hazard: row.hazard.into(),
                at: row.at.into(),
                event: AlarmEvent::of_code(&row.event),
                site_name: row.site_name,
                by: row.actor_name,
                whom,
                outcome,
                comment: row.comment,
            }
        })),
    })
}

async fn alarms(api: &Api, scope: &Scope, filter: &AlarmFilter) -> Result<Part<StandingAlarm>, Problem> {
    let page = store::Page::first(u32::try_from(MOST).unwrap_or(PAGE));
    let rows = api.store.alarms().list(scope, filter, AlarmSort::Priority, &page).await?;
    let count = rows.total.unwrap_or(0);
    let shown = |row: AlarmRow| StandingAlarm {
        id: row.id.0,
        hazard: row.hazard.into(),
        severity: row.severity.into(),
        state: row.state.into(),
        raised_at: row.raised_at.into(),
        site_name: row.site_name,
        detector_name: row.detector_name,
        acknowledged_by: row.acknowledged_by,
        shelved_until: row.aside.as_ref().and_then(domain::alarm::Aside::until).map(Into::into),
        shelved_because: match row.aside {
            Some(domain::alarm::Aside::Shelved { reason, .. }) => Some(reason),
            Some(domain::alarm::Aside::Maintenance { .. } | domain::alarm::Aside::Design { .. }) | None => {
                None
            }
        },
    };
    Ok(Part { count, items: rows.items.into_iter().map(shown).collect() })
}

async fn windows(api: &Api, scope: &Scope, now: UnixMs) -> Result<Part<StandingWindow>, Problem> {
    let filter = WindowFilter { open_at: Some(now), ..WindowFilter::default() };
    let rows = api.store.maintenance().list(scope, &filter, &store::Page::first(PAGE)).await?;
    let soon = rows.items.into_iter().filter_map(|row| {
        let window = row.window()?;
        let length_ms = window.ends_at.since_ms(window.starts_at);
        let (from, until) = window.under_way(now).or_else(|| {
            let begin = window.next_begin(now).filter(|begin| begin.since_ms(now) <= DAY_MS)?;
            Some((begin, begin.plus_ms(length_ms)))
        })?;
        Some(StandingWindow {
            id: row.id.0,
            place: row.site_name.unwrap_or_else(|| row.target_name.clone()),
            target_name: row.target_name,
            from: from.into(),
            until: until.into(),
            reason: row.reason,
        })
    });
    Ok(Part::of(soon))
}

async fn dispatches(api: &Api, scope: &Scope, now: UnixMs) -> Result<Part<StandingDispatch>, Problem> {
    let out = api.store.alarms().out(scope, now).await?;
    Ok(Part::of(out.into_iter().map(|(about, sent)| StandingDispatch {
        alarm_id: about.alarm_id.0,
        hazard: about.hazard.into(),
        site_name: about.site_name,
        whom: sent.whom.into(),
        state: sent.state.into(),
        since: sent.since.into(),
        expected_at: sent.expected_at.map(Into::into),
    })))
}

async fn media_down(api: &Api, scope: &Scope) -> Result<Part<StandingMedium>, Problem> {
    let (telling, health) = (api.store.telling(), api.store.telling().media_health().await?);
    let media = telling.list(scope, SetKind::Medium).await?;
    Ok(Part::of(media.into_iter().filter(|medium| medium.enabled).filter_map(|medium| {
        let known = health.iter().find(|health| health.medium_id.0 == medium.id)?;
        Some(StandingMedium { id: medium.id, name: medium.name, down_since: known.down_since?.into() })
    })))
}

async fn offline(api: &Api, scope: &Scope, now: UnixMs) -> Result<Part<StandingDetector>, Problem> {
    let silent_since = Some(now.plus_ms(-DAY_MS));
    let filter =
        DetectorFilter { statuses: vec![Status::Offline], silent_since, ..DetectorFilter::default() };
    let page = store::Page::first(u32::try_from(MOST).unwrap_or(PAGE));
    let rows = api.store.detectors().list(scope, &filter, DetectorSort::LastHeard, &page).await?;
    let count = rows.total.unwrap_or(0);
    let shown = |row: store::detectors::DetectorRow| StandingDetector {
        id: row.id.0,
        name: row.name,
        site_name: row.site_name,
        last_heard_at: row.last_heard_at.map(Into::into),
    };
    Ok(Part { count, items: rows.items.into_iter().map(shown).collect() })
}

/// What stands now, who is on duty, and who could take over.
#[utoipa::path(
    get,
    path = "/standing",
    tag = "alarms",
    operation_id = "get_standing",
    responses((status = 200, description = "What stands", body = StandingNow), ItemProblems)
)]
pub(super) async fn get_standing(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<StandingNow>, Problem> {
    let scope = caller.scope(Permission::AlarmAcknowledge)?;
    let own = caller.person()?.account.id;
    let now = api.now();
    let known = Known::read(&api.store, now).await?;
    let calendars = api.engine.telling().list::<DutyBody>(&scope).await?;
    let on_duty = calendars.into_iter().filter(|(row, _)| row.enabled).map(|(row, body)| OnDuty {
        duty_id: row.id,
        name: row.name,
        people: body.roster.on_duty(now).accounts.iter().map(|account| person(&known, *account)).collect(),
    });
    let waiting = HandoverFilter {
        state: Some(HandoverState::Waiting),
        person: Some(own),
        ..HandoverFilter::default()
    };
    let waiting = api.store.handovers().list(&scope, &waiting, &store::Page::first(PAGE)).await?;
    Ok(Json(StandingNow {
        standing: standing(&api, &scope, own, now).await?,
        on_duty: on_duty.collect(),
        successors: successors(&api, &scope, own).await?,
        waiting_id: waiting.items.into_iter().find(|row| row.from_id == own).map(|row| row.id),
    }))
}
