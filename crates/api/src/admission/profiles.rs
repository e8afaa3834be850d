//! `/profiles`: the detector models that are loaded.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use domain::access::{Permission, Scope};
use domain::profile::{Profile, Source};

use super::shape::{ProfileDetail, ProfilePoint, ProfileStatus, ProfileSummary};
use crate::access::caller::Caller;
use crate::http::page::Page;
use crate::http::problem::{ItemProblems, ListProblems, Problem};
use crate::state::Api;
use crate::vocabulary::word;

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

async fn counts(api: &Api, scope: &Scope) -> Result<HashMap<String, i64>, Problem> {
    Ok(api.store.detectors().by_profile(scope).await?.into_iter().collect())
}

fn summary(profile: &Profile, detectors: i64) -> ProfileSummary {
    ProfileSummary {
        id: profile.id.clone(),
        name: profile.name.clone(),
        maker: profile.maker.clone(),
        kind: profile.protocol.into(),
        verified: profile.verified,
        source: profile.source.clone(),
        interval_s: profile.interval_s,
        points: number(profile.points.len()),
        detectors,
    }
}

/// Every model that is loaded.
#[utoipa::path(
    get,
    path = "/profiles",
    tag = "admission",
    operation_id = "list_profiles",
    responses((status = 200, description = "All of them", body = Page<ProfileSummary>), ListProblems)
)]
pub(super) async fn list_profiles(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<Page<ProfileSummary>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let counts = counts(&api, &scope).await?;
    let profiles = api.directory.profiles();
    let items = profiles.iter().map(|p| summary(p, counts.get(&p.id).copied().unwrap_or(0))).collect();
    Ok(Json(Page::whole(items)))
}

/// One model with its points and its file.
#[utoipa::path(
    get,
    path = "/profiles/{id}",
    tag = "admission",
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
    let profile = api.directory.profile(&id).ok_or_else(|| Problem::not_found("profile"))?;
    let counts = counts(&api, &scope).await?;
    Ok(Json(ProfileDetail {
        id: profile.id.clone(),
        name: profile.name.clone(),
        maker: profile.maker.clone(),
        kind: profile.protocol.into(),
        verified: profile.verified,
        source: profile.source.clone(),
        interval_s: profile.interval_s,
        detectors: counts.get(&profile.id).copied().unwrap_or(0),
        points: profile
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
            .collect(),
        statuses: profile
            .statuses
            .iter()
            .map(|status| ProfileStatus {
                code: status.code.clone(),
                address: Some(status.address),
                key: None,
                mask: Some(status.mask.into()),
                meanings: number(status.meanings.len()),
            })
            .chain(profile.keyed_statuses.iter().map(|status| ProfileStatus {
                code: status.code.clone(),
                address: None,
                key: Some(status.key.name.clone()),
                mask: status.mask,
                meanings: number(status.meanings.len()),
            }))
            .collect(),
        can_reset: profile.reset.is_some(),
        text: api.profile_texts.get(&profile.id).cloned(),
    }))
}
