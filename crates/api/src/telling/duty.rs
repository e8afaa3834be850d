//! `/duty`: who is on duty, now and next week.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::Permission;
use domain::id::OrganisationId;
use engine::telling::book::DutyBody;
use store::telling::SetRow;

use domain::id::UserId;
use domain::telling as rules;
use domain::time::UnixMs;
use engine::telling::book::{BODY_VERSION, Known};

use super::shape::{Duty, DutyDraft, DutyException, DutyShift, DutyStretch, PersonName};
use crate::access::caller::Caller;
use crate::http::extract::{Body, Id};
use crate::http::page::Page;
use crate::http::problem::{ItemProblems, ListProblems, Problem, WriteProblems};
use crate::state::Api;

const WEEK_MS: i64 = 7 * 86_400_000;

fn people(known: &Known, accounts: &[UserId]) -> Vec<PersonName> {
    accounts.iter().map(|account| super::notices::person(known, *account)).collect()
}

fn shown(row: SetRow, body: DutyBody, known: &Known, now: UnixMs) -> Duty {
    let roster = body.roster;
    let week = roster.stretches(now, now.plus_ms(WEEK_MS)).into_iter().map(|stretch| DutyStretch {
        from: stretch.from.into(),
        until: stretch.until.into(),
        people: people(known, &stretch.accounts),
    });
    Duty {
        id: row.id,
        organisation_id: row.organisation_id.map(|id| id.0),
        organisation_name: row.organisation_name,
        name: row.name,
        enabled: row.enabled,
        rank: row.rank,
        now: people(known, &roster.on_duty(now).accounts),
        week: week.collect(),
        zone: roster.zone,
        shifts: roster.shifts.into_iter().map(shift).collect(),
        exceptions: roster
            .exceptions
            .into_iter()
            .map(|exception| DutyException {
                from: exception.from.into(),
                until: exception.until.into(),
                instead_of: exception.instead_of.map(|id| id.0),
                account_id: exception.account.map(|id| id.0),
            })
            .collect(),
        version: row.version,
    }
}

fn shift(shift: rules::Shift) -> DutyShift {
    DutyShift {
        days: shift.span.days,
        from_min: shift.span.from_min,
        until_min: shift.span.until_min,
        every_weeks: shift.every_weeks,
        week: shift.week,
        account_id: shift.account.0,
    }
}

fn body_of(draft: DutyDraft) -> Result<DutyBody, Problem> {
    let shifts = draft.shifts.into_iter().map(|shift| rules::Shift {
        span: rules::Span { days: shift.days, from_min: shift.from_min, until_min: shift.until_min },
        every_weeks: shift.every_weeks,
        week: shift.week,
        account: UserId(shift.account_id),
    });
    let exceptions = draft.exceptions.into_iter().map(|exception| rules::Exception {
        from: exception.from.0,
        until: exception.until.0,
        instead_of: exception.instead_of.map(UserId),
        account: exception.account_id.map(UserId),
    });
    let roster =
        rules::Roster { zone: draft.zone, shifts: shifts.collect(), exceptions: exceptions.collect() };
    Ok(DutyBody { v: BODY_VERSION, roster })
}

/// All of them that reach no further than your scope.
#[utoipa::path(
    get,
    path = "/duty",
    tag = "telling",
    operation_id = "list_duty",
    responses((status = 200, description = "All of them", body = Page<Duty>), ListProblems)
)]
pub(super) async fn list_duty(State(api): State<Api>, caller: Caller) -> Result<Json<Page<Duty>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let rows = api.engine.telling().list::<DutyBody>(&scope).await?;
    let (known, now) = (Known::read(&api.store, api.now()).await?, api.now());
    Ok(Json(Page::whole(rows.into_iter().map(|(row, body)| shown(row, body, &known, now)).collect())))
}

/// One of them.
#[utoipa::path(
    get,
    path = "/duty/{id}",
    tag = "telling",
    operation_id = "get_duty",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    responses((status = 200, description = "It", body = Duty), ItemProblems)
)]
pub(super) async fn get_duty(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Duty>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let (row, body) = api.engine.telling().get::<DutyBody>(&scope, id).await?;
    Ok(Json(shown(row, body, &Known::read(&api.store, api.now()).await?, api.now())))
}

/// Makes one.
#[utoipa::path(
    post,
    path = "/duty",
    tag = "telling",
    operation_id = "create_duty",
    request_body = DutyDraft,
    responses((status = 201, description = "It", body = Duty), WriteProblems)
)]
pub(super) async fn create_duty(
    State(api): State<Api>,
    caller: Caller,
    Body(draft): Body<DutyDraft>,
) -> Result<(StatusCode, Json<Duty>), Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let said = super::said(&draft.name, draft.enabled, draft.rank)?;
    let organisation = draft.organisation_id.map(OrganisationId);
    let body = body_of(draft)?;
    let made = api.engine.telling().create(&scope, &caller.actor(), organisation, said, body).await;
    let (row, body) = made.map_err(super::refused)?;
    api.changed("telling");
    Ok((StatusCode::CREATED, Json(shown(row, body, &Known::read(&api.store, api.now()).await?, api.now()))))
}

/// Changes one, as a whole.
#[utoipa::path(
    put,
    path = "/duty/{id}",
    tag = "telling",
    operation_id = "put_duty",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    request_body = DutyDraft,
    responses((status = 200, description = "It", body = Duty), WriteProblems)
)]
pub(super) async fn put_duty(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Body(draft): Body<DutyDraft>,
) -> Result<Json<Duty>, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    let said = super::said(&draft.name, draft.enabled, draft.rank)?;
    let version = super::version(draft.version)?;
    let body = body_of(draft)?;
    let changed = api.engine.telling().change(&scope, &caller.actor(), id, said, body, version).await;
    let (row, body) = changed.map_err(super::refused)?;
    api.changed("telling");
    Ok(Json(shown(row, body, &Known::read(&api.store, api.now()).await?, api.now())))
}

/// Takes one away.
#[utoipa::path(
    delete,
    path = "/duty/{id}",
    tag = "telling",
    operation_id = "delete_duty",
    params(("id" = i64, Path, description = "Which", minimum = 1)),
    responses((status = 204, description = "Gone"), WriteProblems)
)]
pub(super) async fn delete_duty(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let scope = caller.scope(Permission::SettingsEdit)?;
    api.engine.telling().delete::<DutyBody>(&scope, &caller.actor(), id).await?;
    api.changed("telling");
    Ok(StatusCode::NO_CONTENT)
}
