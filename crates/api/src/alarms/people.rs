//! `GET /alarms/{id}/people`: who can be called about an alarm or sent to it.
//!
//! That is whoever is on duty for the premises now, and whoever may acknowledge there; not everybody who may look. Numbers
//! of people are shown to those who work the alarms of the premises ([`CALLS`]); anybody else sees the numbers of who is
//! on duty, because that is whom an owner calls.

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

/// Who calls people about alarms as part of their work may also put alarms on the shelf: administrators, safety managers,
/// operators and electricians, not owners and regulators.
const CALLS: Permission = Permission::AlarmShelve;

/// Somebody with an account who is on duty for the premises or may acknowledge there.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct AlarmPerson {
    /// Their account.
    #[schema(minimum = 1)]
    pub(super) account_id: i64,
    /// Their name.
    #[schema(example = "李师傅")]
    pub(super) name: String,
    /// Their number, as they gave it; null also where the caller does not work the alarms of the premises and they
    /// are not on duty.
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
    /// Who is on duty for the premises now or may acknowledge there: who is on duty first, then electricians, then by
    /// name.
    pub(super) people: Vec<AlarmPerson>,
}

/// Who can be called or sent about an alarm, as far as the caller may know.
pub(super) async fn of_alarm(api: &Api, caller: &Caller, alarm: AlarmId) -> Result<AlarmPeople, Problem> {
    let scope = &caller.scope(Permission::AlarmComment)?;
    let row = api.store.alarms().get(scope, alarm).await?;
    let site = api.store.sites().get(scope, row.site_id).await?;
    let calls = caller.scope(CALLS).is_ok_and(|scope| scope.holds(&row.organisation_path, &row.area_code));
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
            let on_duty = on_duty.contains(&person.account_id);
            let answers = held.iter().any(|role| role.permissions().contains(&Permission::AlarmAcknowledge));
            (answers || on_duty && !held.is_empty()).then(|| AlarmPerson {
                account_id: person.account_id.0,
                name: person.name,
                phone: person.phone.filter(|_| calls || on_duty),
                roles: held.into_iter().map(Into::into).collect(),
                on_duty,
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
    Ok(Json(of_alarm(&api, &caller, AlarmId(id)).await?))
}
