//! `GET /alarms/{id}/people`: who can be called about an alarm or sent to it.

use axum::Json;
use axum::extract::State;
use domain::access::{Permission, Role as Held, Scope};
use domain::id::AlarmId;
use engine::telling::book::DutyBody;
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

use crate::access::caller::Caller;
use crate::http::extract::Id;
use crate::http::problem::{ItemProblems, Problem};
use crate::state::Api;
use crate::vocabulary::Role;

/// Somebody with an account who may see the alarm.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct AlarmPerson {
    /// Their account.
    #[schema(minimum = 1)]
    pub(super) account_id: i64,
    /// Their name.
    #[schema(example = "李师傅")]
    pub(super) name: String,
    /// Their number, as they gave it.
    #[schema(example = "+8613800138000")]
    pub(super) phone: Option<String>,
    /// What they hold at the alarm's premises.
    roles: Vec<Role>,
    /// Whether a duty calendar has them on duty now.
    on_duty: bool,
}

/// Who can be called or sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct AlarmPeople {
    /// The contact of the premises; empty where none is on record.
    #[schema(example = "王经理")]
    contact_name: String,
    /// Their number; empty where none is on record.
    #[schema(example = "13800138000")]
    contact_phone: String,
    /// Everybody with an account who may see the alarm: who is on duty first, then electricians, then by name.
    pub(super) people: Vec<AlarmPerson>,
}

/// Who can be called or sent about an alarm in `scope`.
pub(super) async fn of_alarm(api: &Api, scope: &Scope, alarm: AlarmId) -> Result<AlarmPeople, Problem> {
    let row = api.store.alarms().get(scope, alarm).await?;
    let site = api.store.sites().get(scope, row.site_id).await?;
    let mut on_duty = BTreeSet::new();
    for (set, body) in api.engine.telling().list::<DutyBody>(&Scope::platform()).await? {
        let here = set.organisation_path.is_none_or(|root| row.organisation_path.0.starts_with(&root.0));
        if set.enabled && here {
            on_duty.extend(body.roster.on_duty(api.now()).accounts);
        }
    }
    let mut people: Vec<AlarmPerson> = api
        .store
        .telling()
        .people()
        .await?
        .into_iter()
        .filter_map(|(person, grants)| {
            let held: Vec<Held> = grants
                .into_iter()
                .filter(|grant| {
                    let one = Scope::of(std::slice::from_ref(grant), Permission::View);
                    one.holds(&row.organisation_path, &row.area_code)
                })
                .map(|grant| grant.role)
                .collect();
            (!held.is_empty()).then(|| AlarmPerson {
                account_id: person.account_id.0,
                name: person.name,
                phone: person.phone,
                roles: held.into_iter().map(Into::into).collect(),
                on_duty: on_duty.contains(&person.account_id),
            })
        })
        .collect();
    people.sort_by_key(|person| {
        (!person.on_duty, !person.roles.contains(&Role::Electrician), person.name.clone())
    });
    Ok(AlarmPeople { contact_name: site.contact_name, contact_phone: site.contact_phone, people })
}

/// Who can be called about an alarm or sent to it.
#[utoipa::path(
    get,
    path = "/alarms/{id}/people",
    tag = "alarms",
    operation_id = "list_alarm_people",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    responses((status = 200, description = "Who", body = AlarmPeople), ItemProblems)
)]
pub(super) async fn list_alarm_people(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<AlarmPeople>, Problem> {
    let scope = caller.scope(Permission::AlarmComment)?;
    Ok(Json(of_alarm(&api, &scope, AlarmId(id)).await?))
}
