//! `/alarms/{id}/notices`: who was told of an alarm, why, by what, and what came of it.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::{AlarmId, UserId};
use engine::telling::book::Known;
use store::telling::record::{AttemptRow, DeliveryRow};
use store::telling::{DigestState, NoticeRow};

use super::shape::{
    Attempt, AttemptOutcome, Delivery, DeliveryState, Notice, NoticeState, PersonName, Why, WhyKind,
};
use crate::access::caller::Caller;
use crate::http::extract::Id;
use crate::http::page::Page;
use crate::http::problem::{ItemProblems, Problem};
use crate::state::Api;

/// Somebody by name.
pub(crate) fn person(known: &Known, account: UserId) -> PersonName {
    PersonName { account_id: account.0, name: known.people.get(&account).map(|person| person.name.clone()) }
}

/// An address with its middle left out: enough to know it again, not enough to use it.
pub(super) fn masked(kind: &str, address: &str) -> String {
    let mask = |text: &str, head: usize, tail: usize| {
        let signs: Vec<char> = text.chars().collect();
        if signs.len() <= head + tail {
            return "****".to_owned();
        }
        let head: String = signs.iter().take(head).collect();
        let tail: String = signs.iter().skip(signs.len() - tail).collect();
        format!("{head}****{tail}")
    };
    match kind {
        "phone" => mask(address, 4, 4),
        "email" => match address.split_once('@') {
            Some((name, host)) => format!("{}@{host}", mask(name, 1, 0)),
            None => "****".to_owned(),
        },
        "push" => "push".to_owned(),
        _ => String::new(),
    }
}

fn delivery_state(code: &str) -> DeliveryState {
    match code {
        "waiting" => DeliveryState::Waiting,
        "sending" => DeliveryState::Sending,
        "accepted" => DeliveryState::Accepted,
        "delivered" => DeliveryState::Delivered,
        "undelivered" => DeliveryState::Undelivered,
        "stopped" => DeliveryState::Stopped,
        "shared" => DeliveryState::Shared,
        _ => DeliveryState::GivenUp,
    }
}

fn attempt(row: &AttemptRow) -> Attempt {
    Attempt {
        started_at: row.started_at.into(),
        ended_at: row.ended_at.map(Into::into),
        outcome: row.outcome.as_deref().and_then(AttemptOutcome::of_code),
        detail: row.detail.clone(),
        reference: row.reference.clone(),
    }
}

fn delivery(row: &DeliveryRow, attempts: &[AttemptRow]) -> Delivery {
    let state = delivery_state(&row.state);
    Delivery {
        id: row.id.0,
        medium_id: row.medium_id.0,
        medium_name: row.medium_name.clone(),
        address: masked(&row.address_kind, &row.address),
        state,
        created_at: row.created_at.into(),
        next_at: (state == DeliveryState::Waiting).then(|| row.next_at.into()),
        ended_at: row.ended_at.map(Into::into),
        receipt: row.receipt.clone(),
        attempts: attempts.iter().filter(|of| of.delivery_id == row.id).map(attempt).collect(),
    }
}

fn notice(row: NoticeRow, deliveries: &[DeliveryRow], attempts: &[AttemptRow]) -> Notice {
    let state = match row.digest_state.as_deref().and_then(DigestState::from_code) {
        None => NoticeState::Unreachable,
        Some(DigestState::Gathering) => NoticeState::Gathering,
        Some(DigestState::Sending) => NoticeState::Sending,
        Some(DigestState::Told) => NoticeState::Told,
        Some(DigestState::Failed) => NoticeState::Failed,
        Some(DigestState::Stopped) => NoticeState::Stopped,
    };
    let why = serde_json::from_str::<domain::telling::Why>(&row.why)
        .map_or(Why { kind: WhyKind::Named, duty_id: None, role: None }, Into::into);
    Notice {
        id: row.id.0,
        at: row.at.into(),
        person: PersonName { account_id: row.account_id.0, name: row.account_name },
        why,
        ladder_name: row.ladder_name,
        ladder_id: row.ladder_id.map(|id| id.0),
        step: row.step + 1,
        round: row.round,
        state,
        due_at: row.digest_due_at.map(Into::into),
        together: row.digest_notices,
        deliveries: deliveries
            .iter()
            .filter(|delivery| Some(delivery.digest_id) == row.digest_id)
            .map(|row| delivery(row, attempts))
            .collect(),
    }
}

/// Who was told of an alarm, oldest first.
#[utoipa::path(
    get,
    path = "/alarms/{id}/notices",
    tag = "telling",
    operation_id = "list_notices",
    params(("id" = i64, Path, description = "The alarm", minimum = 1)),
    responses((status = 200, description = "All of them", body = Page<Notice>), ItemProblems)
)]
pub(super) async fn list_notices(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Page<Notice>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let (notices, deliveries, attempts) = api.store.telling().notices(&scope, AlarmId(id)).await?;
    let shown = notices.into_iter().map(|row| notice(row, &deliveries, &attempts)).collect();
    Ok(Json(Page::whole(shown)))
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn addresses_are_known_again_and_not_given_away() {
        assert_eq!(masked("phone", "+8613800138000"), "+861****8000");
        assert_eq!(masked("email", "wang.li@example.cn"), "w****@example.cn");
        assert_eq!(masked("email", "w@example.cn"), "****@example.cn");
        assert_eq!(masked("medium", ""), "");
    }
}
