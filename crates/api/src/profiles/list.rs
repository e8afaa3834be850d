//! `GET /profiles` and `GET /profiles/{id}`: the detector models that are known.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use domain::access::{Permission, Scope};
use domain::profile::{Profile, ProfileError, Source};
use engine::services::KnownProfile;

use super::form::place::field_at;
use super::shape::{ProfileDetail, ProfileMistake, ProfilePoint, ProfileStatus, ProfileSummary};
use crate::access::caller::Caller;
use crate::http::page::Page;
use crate::http::problem::{ItemProblems, ListProblems, Problem};
use crate::state::Api;
use crate::vocabulary::{Protocol, word};

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

async fn counts(api: &Api, scope: &Scope) -> Result<HashMap<String, i64>, Problem> {
    Ok(api.store.detectors().by_profile(scope).await?.into_iter().collect())
}

/// A mistake with the field of the form that it is about.
pub(super) fn mistake_of(text: &str, error: &ProfileError) -> ProfileMistake {
    let count = |n: usize| u32::try_from(n).ok();
    ProfileMistake {
        line: count(error.line),
        column: count(error.column),
        field: field_at(text, error.line, error.column, &error.reason),
        code: error.code.to_owned(),
        params: error.with.iter().map(|(name, said)| ((*name).to_owned(), said.clone())).collect(),
        reason: error.reason.clone(),
    }
}

fn changed_at(known: &KnownProfile) -> Option<crate::http::time::Time> {
    known.written.as_ref().map(|row| row.at.into())
}

fn summary(known: KnownProfile, detectors: i64) -> ProfileSummary {
    let profile = known.profile.as_ref();
    ProfileSummary {
        name: profile.map_or_else(|| known.id.clone(), |p| p.name.clone()),
        maker: profile.map(|p| p.maker.clone()).unwrap_or_default(),
        kind: profile.map_or(Protocol::ModbusRtu, |p| p.protocol.into()),
        verified: profile.is_some_and(|p| p.verified),
        source: profile.map(|p| p.source.clone()).unwrap_or_default(),
        interval_s: profile.map_or(0, |p| p.interval_s),
        points: profile.map_or(0, |p| number(p.points.len())),
        detectors,
        origin: known.origin.into(),
        beneath: known.beneath.iter().map(|origin| (*origin).into()).collect(),
        version: known.version,
        changed_at: changed_at(&known),
        broken: known.mistake.is_some(),
        id: known.id,
    }
}

pub(super) fn points_of(profile: &Profile) -> Vec<ProfilePoint> {
    profile
        .points
        .iter()
        .map(|point| ProfilePoint {
            code: point.code.clone(),
            name: point.name.clone(),
            quantity: point.quantity.into(),
            phase: point.phase.map(Into::into),
            unit: point.quantity.unit().to_owned(),
            decimals: point.decimals.0,
            address: point.register().map(|at| at.address),
            format: point.register().map(|at| word(at.format)),
            key: match &point.source {
                Source::Key(key) => Some(key.name.clone()),
                Source::Register(_) => None,
            },
        })
        .collect()
}

fn statuses_of(profile: &Profile) -> Vec<ProfileStatus> {
    let registers = profile.statuses.iter().map(|status| ProfileStatus {
        code: status.code.clone(),
        address: Some(status.address),
        key: None,
        mask: Some(status.mask.into()),
        meanings: number(status.meanings.len()),
    });
    let keyed = profile.keyed_statuses.iter().map(|status| ProfileStatus {
        code: status.code.clone(),
        address: None,
        key: Some(status.key.name.clone()),
        mask: status.mask,
        meanings: number(status.meanings.len()),
    });
    registers.chain(keyed).collect()
}

/// The model as the API tells it.
pub(super) async fn detail(api: &Api, scope: &Scope, known: KnownProfile) -> Result<ProfileDetail, Problem> {
    let detectors = counts(api, scope).await?.get(&known.id).copied().unwrap_or(0);
    let text = known.text().to_owned();
    let changed_at = changed_at(&known);
    let profile = known.profile.as_deref();
    Ok(ProfileDetail {
        name: profile.map_or_else(|| known.id.clone(), |p| p.name.clone()),
        maker: profile.map(|p| p.maker.clone()).unwrap_or_default(),
        kind: profile.map_or(Protocol::ModbusRtu, |p| p.protocol.into()),
        verified: profile.is_some_and(|p| p.verified),
        source: profile.map(|p| p.source.clone()).unwrap_or_default(),
        interval_s: profile.map_or(0, |p| p.interval_s),
        detectors,
        points: profile.map(points_of).unwrap_or_default(),
        statuses: profile.map(statuses_of).unwrap_or_default(),
        can_reset: profile.is_some_and(|p| p.reset.is_some()),
        origin: known.origin.into(),
        beneath: known.beneath.iter().map(|origin| (*origin).into()).collect(),
        version: known.version,
        changed_at,
        mistake: known.mistake.as_ref().map(|error| mistake_of(&text, error)),
        id: known.id,
        text: Some(text),
    })
}

/// Every model that is known.
#[utoipa::path(
    get,
    path = "/profiles",
    tag = "profiles",
    operation_id = "list_profiles",
    responses((status = 200, description = "All of them", body = Page<ProfileSummary>), ListProblems)
)]
pub(super) async fn list_profiles(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<Page<ProfileSummary>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let counts = counts(&api, &scope).await?;
    let known = api.engine.profiles().all().await?;
    let items = known
        .into_iter()
        .map(|one| {
            let detectors = counts.get(&one.id).copied().unwrap_or(0);
            summary(one, detectors)
        })
        .collect();
    Ok(Json(Page::whole(items)))
}

/// One model with its points and its text.
#[utoipa::path(
    get,
    path = "/profiles/{id}",
    tag = "profiles",
    operation_id = "get_profile",
    params(("id" = String, Path, description = "The file's name without `.toml`", min_length = 1, max_length = 100, example = "asj-relay")),
    responses((status = 200, description = "The model", body = ProfileDetail), ItemProblems)
)]
pub(super) async fn get_profile(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ProfileDetail>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let known = api.engine.profiles().one(&scope, &id).await?;
    Ok(Json(detail(&api, &scope, known).await?))
}
