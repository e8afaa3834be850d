//! Limits and supervision, at every level of the inheritance.

mod limits;
pub mod shape;
mod supervision;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::problem::Problem;
use crate::state::Api;

/// The addresses of this subject.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(limits::get_settings))
        .routes(routes!(limits::put_limits))
        .routes(routes!(supervision::get_supervision, supervision::put_supervision))
}

/// The level that an address names; what is no level is nowhere.
fn target(scope: &str, id: String) -> Result<domain::settings::ScopeRef, Problem> {
    let kind = domain::settings::ScopeKind::from_code(scope).ok_or_else(|| Problem::not_found("level"))?;
    Ok(domain::settings::ScopeRef { kind, id })
}

fn origin(origin: domain::settings::Origin) -> shape::Origin {
    shape::Origin {
        scope: origin.scope.kind.into(),
        id: origin.scope.id,
        name: if origin.name.is_empty() { origin.scope.kind.code().to_owned() } else { origin.name },
        source: Some(origin.source).filter(|source| !source.is_empty()),
    }
}
